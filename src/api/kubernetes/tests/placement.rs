//! Kinds that placement knows by their labels, and disruption budgets: of each good documents and
//! bad ones.

use super::*;
use crate::api::{LabelSelector, PodDisruptionBudget};

pub(super) fn raw(assumed: (&str, &str), text: &str) -> Result<Object, Diagnostic> {
    let mut manifest = Manifest::default();
    let options = Options { defaulting: Defaulting::None, assumed: Some(assumed) };
    read_with(&"x.json".into(), text.as_bytes(), options, &mut manifest)?;
    Ok(manifest.objects.remove(0).object)
}

/// The object of a manifest of which only what follows the metadata is given.
pub(super) fn written(version: &str, kind: &str, rest: &str) -> Object {
    one(&format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, {rest}}}"))
}

pub(super) fn refusals(version: &str, kind: &str, bodies: &[&str]) -> String {
    let text = |body: &&str| format!("{{apiVersion: {version}, kind: {kind}, {body}}}");
    bodies.iter().map(text).map(|text| summary(&text)).collect::<Vec<_>>().join("\n")
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> crate::api::Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn namespaces() {
    let Object::Namespace(namespace) = written("v1", "Namespace", "spec: {finalizers: [kubernetes]}") else {
        panic!()
    };
    assert_eq!(namespace.meta.labels, labels(&[("kubernetes.io/metadata.name", "x")]));
    let plain = raw(("v1", "Namespace"), r#"{"metadata": {"name": "x"}}"#).unwrap();
    assert!(plain.meta().labels.is_empty());
    let bad =
        refusals("v1", "Namespace", &["metadata: {}", "metadata: {name: a.b}", "metadata: {name: [a]}"]);
    expect![[r#"
        x.yaml:1:45: error: `name` is missing: `{}`
        x.yaml:1:52: error: `name` is not a legal name of a namespace: `a.b` (lower-case letters, digits and `-`, a letter or digit at both ends, at most 63)
        x.yaml:1:52: error: `name` must be text, not a list: `[a]`"#]].assert_eq(&bad);
}

#[test]
fn services() {
    let selector = |rest: &str| match written("v1", "Service", rest) {
        Object::Service(service) => service.selector,
        other => panic!("{}", other.kind()),
    };
    assert_eq!(selector("spec: {selector: {app: a}, ports: [{port: 80}]}"), Some(labels(&[("app", "a")])));
    assert_eq!(selector("spec: {clusterIP: None}"), None);
    assert_eq!(selector("spec: {selector: {}}"), None);
    let Object::Service(service) =
        raw(("v1", "Service"), r#"{"metadata": {"name": "x"}, "spec": {"selector": {}}}"#).unwrap()
    else {
        panic!()
    };
    assert_eq!(service.selector, Some(labels(&[])));
    let bad = refusals(
        "v1",
        "Service",
        &[
            "metadata: {}, spec: {}",
            "metadata: {name: x}",
            "metadata: {name: x}, spec: {selector: [a]}",
            "metadata: {name: x}, spec: {selector: {a: 1}}",
            "metadata: {name: x}, spec: {selektor: {a: b}}",
        ],
    );
    expect![[r#"
        x.yaml:1:43: error: `name` is missing: `{}`
        x.yaml:1:1: error: `spec` is missing: `{apiVersion: v1, kind: Service, metadata: {name: x}}`
        x.yaml:1:71: error: selector must be a mapping, not a list: `[a]`
        x.yaml:1:75: error: `a` must be text, but this is a number: `1` (write it in quotes: "1")
        x.yaml:1:1 Service x
        x.yaml:1:61: warning: unknown key in the Service; it has no effect: `selektor` (did you mean `selector`?)"#]].assert_eq(&bad);
}

#[test]
fn stateful_sets_and_replication_controllers() {
    let template = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";
    let rest =
        format!("spec: {{replicas: 3, selector: {{matchLabels: {{a: b}}}}, serviceName: s, {template}}}");
    let Object::StatefulSet(set) = written("apps/v1", "StatefulSet", &rest) else { panic!() };
    assert_eq!((set.replicas, set.template.spec.containers.len()), (3, 1));
    let Object::ReplicationController(controller) =
        written("v1", "ReplicationController", &format!("spec: {{{template}}}"))
    else {
        panic!()
    };
    assert_eq!((controller.replicas, &controller.selector), (1, &Some(labels(&[("a", "b")]))));
    let bad = [
        format!("metadata: {{}}, spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}"),
        "metadata: {name: x}, spec: {selector: {matchLabels: {a: b}}}".to_owned(),
        format!("metadata: {{name: x}}, spec: {{selector: {{matchLabels: {{a: c}}}}, {template}}}"),
        format!(
            "metadata: {{name: x}}, spec: {{replicas: 1e30, selector: {{matchLabels: {{a: b}}}}, {template}}}"
        ),
    ];
    let bad = refusals("apps/v1", "StatefulSet", &bad.each_ref().map(String::as_str));
    expect![[r#"
        x.yaml:1:52: error: `name` is missing: `{}`
        x.yaml:1:69: error: `template` is missing: `{selector: {matchLabels: {a: b}}}`
        x.yaml:1:80: error: `selector` does not match the labels of the pod template: `{matchLabels: {a: c}}` (every label of the selector must be in `template.metadata.labels`)
        x.yaml:1:80: error: `replicas` must be from 0 to 2147483647: `1e30`"#]].assert_eq(&bad);
    let bad = [
        "metadata: {}, spec: {}".to_owned(),
        format!("metadata: {{name: x}}, spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}"),
        format!("metadata: {{name: x}}, spec: {{selector: {{a: c}}, {template}}}"),
        format!("metadata: {{name: x}}, spec: {{replicas: -1, {template}}}"),
    ];
    let bad = refusals("v1", "ReplicationController", &bad.each_ref().map(String::as_str));
    expect![[r#"
        x.yaml:1:57: error: `name` is missing: `{}`
        x.yaml:1:99: error: `matchLabels` must be text, not a mapping: `{a: b}`
        x.yaml:1:85: error: `selector` does not match the labels of the pod template: `{a: c}` (every label of the selector must be in `template.metadata.labels`)
        x.yaml:1:85: error: `replicas` must not be negative: `-1`"#]].assert_eq(&bad);
}

#[test]
fn workloads_that_stand_for_a_selector_only() {
    let text = r#"{"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}"#;
    let selector = LabelSelector { match_labels: vec![("a".into(), "b".into())], ..LabelSelector::default() };
    let Object::ReplicaSet(set) = raw(("apps/v1", "ReplicaSet"), text).unwrap() else { panic!() };
    assert_eq!(set.selector, selector);
    let Object::StatefulSet(set) = raw(("apps/v1", "StatefulSet"), text).unwrap() else { panic!() };
    assert_eq!(set.selector, Some(selector));
    let text = r#"{"metadata": {"name": "x"}, "spec": {"selector": {"a": "b"}}}"#;
    let Object::ReplicationController(controller) = raw(("v1", "ReplicationController"), text).unwrap()
    else {
        panic!()
    };
    assert_eq!(controller.selector, Some(labels(&[("a", "b")])));
}

fn budget(rest: &str) -> PodDisruptionBudget {
    match written("policy/v1", "PodDisruptionBudget", rest) {
        Object::PodDisruptionBudget(budget) => *budget,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn disruption_budgets() {
    let full = budget(
        "spec: {minAvailable: 1, selector: {}, unhealthyPodEvictionPolicy: AlwaysAllow}, \
         status: {disruptionsAllowed: 2, disruptedPods: {q: \"2026-01-31T12:00:00Z\", p: null}}",
    );
    assert_eq!((full.min_available, full.max_unavailable), (Some(IntOrPercent::Int(1)), None));
    assert_eq!((full.selector, full.disruptions_allowed), (Some(LabelSelector::default()), 2));
    assert_eq!((full.disrupted_pods, full.always_allow_unhealthy), (vec!["p".into(), "q".into()], true));
    let percent = budget("spec: {maxUnavailable: 30%}");
    assert_eq!((percent.max_unavailable, percent.selector), (Some(IntOrPercent::Percent(30)), None));
    let bad = refusals(
        "policy/v1",
        "PodDisruptionBudget",
        &[
            "metadata: {}, spec: {}",
            "metadata: {name: x}, spec: {minAvailable: 1, maxUnavailable: 1}",
            "metadata: {name: x}, spec: {minAvailable: -1}",
            "metadata: {name: x}, spec: {minAvailable: 1e30}",
            "metadata: {name: x}, spec: {maxUnavailable: 101%}",
            "metadata: {name: x}, spec: {unhealthyPodEvictionPolicy: AlwaysAlow}",
            "metadata: {name: x}, spec: {}, status: {disruptedPods: [p]}",
            "metadata: {name: x}, spec: {minAvailabel: 1}",
        ],
    );
    expect![[r#"
        x.yaml:1:62: error: `name` is missing: `{}`
        x.yaml:1:113: error: `minAvailable` and `maxUnavailable` exclude each other: `1`
        x.yaml:1:94: error: `minAvailable` must not be negative: `-1`
        x.yaml:1:94: error: `minAvailable` must be from 0 to 2147483647: `1e30`
        x.yaml:1:96: error: `maxUnavailable` must be at most 100%: `101%`
        x.yaml:1:108: error: `unhealthyPodEvictionPolicy` has an unknown value: `AlwaysAlow` (did you mean `AlwaysAllow`?)
        x.yaml:1:107: error: disruptedPods must be a mapping, not a list: `[p]`
        x.yaml:1:1 PodDisruptionBudget x
        x.yaml:1:80: warning: unknown key in the PodDisruptionBudget; it has no effect: `minAvailabel` (did you mean `minAvailable`?)"#]].assert_eq(&bad);
}
