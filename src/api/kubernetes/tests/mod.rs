//! Tests of whole manifests; each case is a text and what comes of it.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod autoscaling;
mod batch;
mod containers;
mod cron;
mod placement;
mod pods;
mod public;
mod quota;
mod refused;
mod robust;
mod sets;
mod storage;

use super::*;
use crate::api::pod::WhenUnsatisfiable;
use crate::api::workload::IntOrPercent;
use crate::api::{Deployment, Job, Node, Operator, Pod, PodPhase, TaintEffect, UpdateStrategy};
use crate::base::{Distribution, Quantity};
use expect_test::{Expect, expect};

fn read_text(text: &str) -> Result<Manifest, Diagnostic> {
    let mut manifest = Manifest::default();
    read(&"x.yaml".into(), text.as_bytes(), &mut manifest).map(|()| manifest)
}

fn one(text: &str) -> Object {
    let mut manifest = read_text(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    assert_eq!(manifest.objects.len(), 1);
    manifest.objects.remove(0).object
}

fn pod(spec: &str) -> Pod {
    let text =
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p, labels: {{app: a}}}}, spec: {{{spec}}}}}");
    match one(&text) {
        Object::Pod(pod) => *pod,
        other => panic!("{}", other.kind()),
    }
}

fn job(spec: &str) -> Job {
    let template = "template: {spec: {restartPolicy: Never, containers: [{name: c}]}}";
    let text =
        format!("{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{{spec}{template}}}}}");
    match one(&text) {
        Object::Job(job) => *job,
        other => panic!("{}", other.kind()),
    }
}

fn deployment(spec: &str) -> Deployment {
    let rest = "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";
    let text =
        format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, spec: {{{spec}{rest}}}}}");
    match one(&text) {
        Object::Deployment(deployment) => *deployment,
        other => panic!("{}", other.kind()),
    }
}

fn node(text: &str) -> Node {
    match one(text) {
        Object::Node(node) => *node,
        other => panic!("{}", other.kind()),
    }
}

/// Kinds, names and places, then what was ignored, then warnings; or the error.
fn summary(text: &str) -> String {
    let manifest = match read_text(text) {
        Ok(manifest) => manifest,
        Err(error) => return error.to_string(),
    };
    let mut lines: Vec<String> = Vec::new();
    for Sourced { object, location, .. } in &manifest.objects {
        lines.push(format!("{location} {} {}", object.kind(), object.meta().name));
    }
    lines.extend(manifest.ignored.iter().map(|(kind, count)| format!("ignored {count} {kind}")));
    lines.extend(manifest.warnings.iter().map(ToString::to_string));
    lines.join("\n")
}

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&summary(text));
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: NAME\nspec:\n  containers:\n  - name: c\n";

fn named(name: &str) -> String {
    POD.replace("NAME", name)
}

/// A pod whose specification is given as block lines; line 5 is its first.
fn pod_with(lines: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{app: a}}}}\nspec:\n{lines}")
}

#[test]
fn streams_and_lists() {
    let (a, b) = (named("a"), named("b"));
    check(
        &format!("# head\n---\n{a}---\n\n---\n{b}...\n"),
        &expect![[r#"
        x.yaml:3:1 Pod a
        x.yaml:13:1 Pod b"#]],
    );
    check(
        &format!("\u{feff}{a}---\n{b}").replace('\n', "\r\n"),
        &expect![[r#"
        x.yaml:1:1 Pod a
        x.yaml:9:1 Pod b"#]],
    );
    check(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"\u00e9".."}]}}"#,
        &expect![[
            r#"x.yaml:1:95: error: not valid YAML: invalid trailing content after double-quoted scalar: `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"\u00e9".."}]}}`"#
        ]],
    );
    let json =
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"NAME"},"spec":{"containers":[{"name":"c"}]}}"#;
    check(
        &format!("{}\n{}", json.replace("NAME", "a"), json.replace("NAME", "b")),
        &expect![[r#"
        x.yaml:1:1 Pod a
        x.yaml:2:1 Pod b"#]],
    );
    let items = "items:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec: {containers: [{name: c}]}\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n";
    check(
        &format!("apiVersion: v1\n{items}kind: List\n"),
        &expect![[r#"
        x.yaml:3:3 Pod a
        ignored 1 v1/Secret"#]],
    );
    check(
        &format!("apiVersion: example.com/v1\n{items}kind: Bundle\n"),
        &expect!["ignored 1 example.com/v1/Bundle"],
    );
    check(
        "kind: PodList\napiVersion: v1\nitems:\n- metadata: {name: a}\n  spec: {containers: [{name: c}]}\n",
        &expect!["x.yaml:4:3 Pod a"],
    );
    check(
        "kind: SecretList\napiVersion: v1\nitems: [{metadata: {name: a}}, {}]\n",
        &expect!["ignored 2 v1/Secret"],
    );
    check("kind: NodeList\napiVersion: v1\nitems:\n", &expect![[""]]);
}

#[test]
fn aliases_and_merge_keys() {
    let Object::Pod(pod) = one(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  nodeSelector: &zone {zone: a}\n  containers:\n  - &c {name: c, image: i}\n  - {<<: *c, name: d}\n",
    ) else {
        panic!("a pod")
    };
    let containers = &pod.template.spec.containers;
    assert_eq!((containers[1].name.as_str(), containers[1].image.as_str()), ("d", "i"));
    check(
        "a: &a [*a]\n",
        &expect!["x.yaml:1:8: error: an alias stands inside the value that it names: `a: &a [*a]`"],
    );
    let levels =
        (1..12).map(|level| format!("a{level}: &a{level} [{}]", format!("*a{}, ", level - 1).repeat(10)));
    let bomb: Vec<String> =
        std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()).chain(levels).collect();
    check(
        &bomb.join("\n"),
        &expect![
            "x.yaml:7:9: error: aliases make this value too large to write out: `a6: &a6 [*a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, *a5, ]`"
        ],
    );
}

#[test]
fn errors_are_placed_in_the_whole_file() {
    let first = named("a");
    check(
        &format!("{first}---\n{}    resources: {{requests: {{cpu: 12x}}}}\n", named("b")),
        &expect![
            "x.yaml:16:33: error: the amount of `cpu` is not a quantity: `12x` (write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`)"
        ],
    );
    check(
        &format!("{first}---\n{}", named("B_b")),
        &expect![
            "x.yaml:12:9: error: `name` is not a legal name: `B_b` (lower-case letters, digits, `-` and `.`, a letter or digit at both ends, at most 253)"
        ],
    );
    check(
        &format!("{first}---\nspec: [\n"),
        &expect!["x.yaml:9:7: error: not valid YAML: unclosed bracket '[': `spec: [`"],
    );
}

#[test]
fn misspelt_keys_are_warned_of_and_unknown_ones_accepted() {
    check(
        &pod_with(
            "  nodeSelecter: {a: b}\n  somethingNew: 1\n  containers:\n  - name: c\n    resource: {}\n    env: []\n",
        ),
        &expect![[r#"
            x.yaml:1:1 Pod p
            x.yaml:5:3: warning: unknown key in the pod specification; it has no effect: `nodeSelecter` (did you mean `nodeSelector`?)
            x.yaml:9:5: warning: unknown key in the container; it has no effect: `resource` (did you mean `resources`?)"#]],
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, lables: {a: b}}\nspec:\n  replica: 3\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: c, resources: {limit: {cpu: 1}}}], tolerations: [{key: a, effects: NoSchedule}]}\n",
        &expect![[r#"
            x.yaml:1:1 Deployment d
            x.yaml:3:21: warning: unknown key in the metadata; it has no effect: `lables` (did you mean `labels`?)
            x.yaml:5:3: warning: unknown key in the Deployment; it has no effect: `replica` (did you mean `replicas`?)
            x.yaml:9:47: warning: unknown key in the resources; it has no effect: `limit` (did you mean `limits`?)
            x.yaml:9:90: warning: unknown key in the toleration; it has no effect: `effects` (did you mean `effect`?)"#]],
    );
    check(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {seatrial.dev/run-time: 5s}}\nspec: {completion: 2, template: {spec: {restartPolicy: Never, containers: [{name: c}]}}}\n",
        &expect![[r#"
            x.yaml:1:1 Job j
            x.yaml:3:35: warning: this annotation has no effect here: `seatrial.dev/run-time` (write it in the metadata of the pod template)
            x.yaml:4:8: warning: unknown key in the Job; it has no effect: `completion` (did you mean `completions`?)"#]],
    );
}

#[test]
fn quantities_in_every_notation() {
    for (written, milli) in [
        ("2", 2000),
        ("\"2\"", 2000),
        ("0.5", 500),
        ("1e3", 1_000_000),
        ("500m", 500),
        ("'1.5'", 1500),
        (".5", 500),
        ("010", 8000),
    ] {
        let pod = pod(&format!("containers: [{{name: c, resources: {{requests: {{cpu: {written}}}}}}}]"));
        let cpu = pod.template.spec.containers[0].resources.requests["cpu"];
        assert_eq!(cpu, Quantity::from_milli(milli), "{written}");
    }
}

#[test]
fn requests_are_filled_in() {
    let pod = pod(
        "containers: [{name: c, resources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}}, {name: d, resources: {requests: {cpu: 1}}}], initContainers: [{name: s, restartPolicy: Always, resources: {requests: {cpu: 1}}}, {name: i, resources: {requests: {cpu: 7}}}], resources: {limits: {cpu: 9, memory: 4Gi, hugepages-2Mi: 4Mi}}",
    );
    let spec = &pod.template.spec;
    expect![[r#"
        {"cpu": 1, "memory": 1073741824}
        Some({"cpu": 8, "hugepages-2Mi": 4194304, "memory": 1073741824})"#]]
    .assert_eq(&format!(
        "{:?}\n{:?}",
        spec.containers[0].resources.requests,
        spec.resources.as_ref().map(|resources| &resources.requests)
    ));
}

#[test]
fn pods_are_completed() {
    let pod = pod(
        "hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP, hostPort: 5353}]}], tolerations: [{key: a, value: b}, {operator: Exists, effect: NoExecute, tolerationSeconds: 300}], affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 5, podAffinityTerm: {topologyKey: z, matchLabelKeys: [app], labelSelector: {}}}], requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: z, mismatchLabelKeys: [app]}]}}, topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway, matchLabelKeys: [app]}], volumes: [{name: v, persistentVolumeClaim: {claimName: x}}]",
    );
    let spec = &pod.template.spec;
    assert_eq!(pod.meta.namespace, "default");
    assert!(pod.meta.labels.is_empty() && pod.template.labels["app"] == "a");
    let ports: Vec<_> =
        spec.containers[0].host_ports.iter().map(|port| (port.port, port.protocol.as_str())).collect();
    assert_eq!(ports, [(80, "TCP"), (5353, "UDP")]);
    assert_eq!(spec.tolerations[0].operator, crate::api::TolerationOperator::Equal);
    assert_eq!(
        (spec.tolerations[1].effect, spec.tolerations[1].seconds),
        (Some(TaintEffect::NoExecute), Some(300))
    );
    let anti = spec.affinity.pod_anti.as_ref().unwrap();
    let selector = anti.preferred[0].1.label_selector.as_ref().unwrap();
    assert_eq!(
        (selector.match_expressions[0].operator, selector.match_expressions[0].values[0].as_str()),
        (Operator::In, "a")
    );
    assert_eq!(anti.required[0].label_selector, None);
    let constraint = &spec.topology_spread[0];
    assert_eq!(constraint.when_unsatisfiable, WhenUnsatisfiable::ScheduleAnyway);
    assert!(constraint.honor_node_affinity && !constraint.honor_node_taints && spec.has_claims());
}

#[test]
fn nothing_is_completed_or_checked_without_defaulting() {
    let text = "metadata: {name: p}\nspec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80}], resources: {limits: {cpu: 1}}}, {name: c}]}\n";
    let mut manifest = Manifest::default();
    let options = Options { defaulting: Defaulting::None, assumed: Some(("v1", "Pod")) };
    read_with(&"x".into(), text.as_bytes(), options, &mut manifest).unwrap();
    let Object::Pod(pod) = &manifest.objects[0].object else { panic!("a pod") };
    assert_eq!(pod.meta.namespace, "");
    let container = &pod.template.spec.containers[0];
    assert!(container.host_ports.is_empty() && container.resources.requests.is_empty());
}

#[test]
fn workloads_are_completed() {
    let default = deployment("");
    assert_eq!((default.replicas, default.progress_deadline_seconds), (1, 600));
    assert_eq!(default.strategy, UpdateStrategy::default());
    let limits = deployment("replicas: 0, strategy: {rollingUpdate: {maxSurge: 1}}, ");
    let max_unavailable = IntOrPercent::Percent(25);
    assert_eq!(
        limits.strategy,
        UpdateStrategy::RollingUpdate { max_surge: IntOrPercent::Int(1), max_unavailable }
    );
    for (spec, parallelism, completions) in
        [("", 1, Some(1)), ("parallelism: 3, ", 3, None), ("completions: 5, ", 1, Some(5))]
    {
        let job = job(spec);
        assert_eq!(
            (job.parallelism, job.completions, job.backoff_limit),
            (parallelism, completions, 6),
            "{spec}"
        );
    }
}

#[test]
fn dumps_carry_state() {
    let node = node(
        "apiVersion: v1\nkind: Node\nmetadata: {name: node, uid: u-1, creationTimestamp: \"2026-01-01T00:00:10Z\"}\nspec: {unschedulable: true, taints: [{key: a, effect: NoExecute, timeAdded: null}]}\nstatus:\n  capacity: {cpu: 64000m, memory: 1Ki, example.com/gpu: 2}\n  conditions: [{type: DiskPressure, status: \"False\"}, {type: Ready, status: Unknown}]\n  images: [{names: [a, b], sizeBytes: 12}]\n",
    );
    assert_eq!((node.meta.creation_unix, node.meta.uid.as_str()), (Some(1_767_225_610), "u-1"));
    assert_eq!(node.allocatable["cpu"], Quantity::from_units(64));
    assert_eq!((node.ready, node.unschedulable, node.images[0].size_bytes), (Some(false), true, 12));
    assert_eq!((node.taints[0].effect, node.meta.namespace.as_str()), (TaintEffect::NoExecute, ""));
    let Object::Pod(pod) = one(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  deletionTimestamp: 2026-01-01T00:00:10Z\n  ownerReferences: [{kind: X, name: y}, {kind: ReplicaSet, name: r, controller: true}]\nspec: {nodeName: m1, containers: [{name: c}]}\nstatus: {phase: Running, nominatedNodeName: m2, conditions: [{type: Ready, status: \"True\"}]}\n",
    ) else {
        panic!("a pod")
    };
    assert!(pod.meta.deleting && pod.ready && pod.phase == PodPhase::Running);
    assert_eq!((pod.nominated_node_name.as_str(), pod.template.spec.node_name.as_str()), ("m2", "m1"));
    assert_eq!(pod.meta.owner.map(|owner| owner.kind + "/" + &owner.name), Some("ReplicaSet/r".into()));
}

#[test]
fn behavior_comes_from_annotations() {
    let text = |annotations: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    {annotations}\nspec: {{containers: [{{name: c}}]}}\n"
        )
    };
    let Object::Pod(pod) = one(&text(
        "{seatrial.dev/run-time: exponential(mean=30s), seatrial.dev/memory-usage: 2Gi, seatrial.dev/fail-runs: \"2\", other.dev/x: z}",
    )) else {
        panic!("a pod")
    };
    let behavior = &pod.template.behavior;
    assert_eq!(behavior.run_time, Some(Distribution::Exponential { mean: 30.0 }));
    assert_eq!(
        (&behavior.memory_usage, behavior.fail_runs),
        (&Some(Distribution::Constant(2_147_483_648.0)), 2)
    );
    for (annotation, expected) in [
        (
            "seatrial.dev/runtime: 5s",
            expect![
                "x.yaml:6:5: error: unknown annotation of seatrial: `seatrial.dev/runtime` (did you mean `seatrial.dev/run-time`?)"
            ],
        ),
        (
            "seatrial.dev/run-time: 5",
            expect![[
                r#"x.yaml:6:28: error: `seatrial.dev/run-time` must be text, but this is a number: `5` (write it in quotes: "5")"#
            ]],
        ),
        (
            "seatrial.dev/run-time: \"5\"",
            expect![
                "x.yaml:6:28: error: `seatrial.dev/run-time` cannot be read: `5` (`5` is not a duration; write a number and a unit, such as `90s`, `5m`, `1h30m`, `2d`, `250ms`)"
            ],
        ),
        (
            "seatrial.dev/exit-code: \"300\"",
            expect!["x.yaml:6:29: error: an exit code is a whole number from 0 to 255: `300`"],
        ),
        (
            "seatrial.dev/fail-runs: \"-1\"",
            expect![
                "x.yaml:6:29: error: `seatrial.dev/fail-runs` must be a whole number, not negative: `-1`"
            ],
        ),
    ] {
        check(&text(annotation), &expected);
    }
}

#[test]
fn generated_names_are_unique() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: p-}\nspec: {containers: [{name: c}]}\n";
    check(
        &format!("{text}---\n{text}"),
        &expect![[r#"
        x.yaml:1:1 Pod p-00000
        x.yaml:6:1 Pod p-00001"#]],
    );
}

#[test]
fn copies_read_as_the_long_way_reads_them() {
    let body = "  labels: {app: a}\nspec:\n  containers:\n  - name: c\n    resources: {limits: {cpu: 1}}\n";
    let names = ["a", "b-1", "no", "1", "x.y", "'q'", "w # c", "z: {}"];
    let docs: Vec<String> = names
        .iter()
        .map(|name| format!("apiVersion: v1\nkind: Pod\nmetadata:\n  namespace: ns\n  name: {name}\n{body}"))
        .collect();
    let mut templates = Vec::new();
    for document in &docs {
        let alone = read_text(document);
        let together = read_text(&format!("{}---\n{document}", docs[0]));
        match (alone, together) {
            (Ok(alone), Ok(together)) => {
                assert_eq!(alone.objects[0].object, together.objects[1].object);
                // Ten lines of the first document and the marker stand before it.
                assert_eq!(alone.objects[0].location.line + 11, together.objects[1].location.line);
                let Object::Pod(pod) = &together.objects[1].object else { panic!("a pod") };
                let Object::Pod(first) = &together.objects[0].object else { panic!("a pod") };
                assert!(Arc::ptr_eq(&pod.template, &first.template));
                templates.push(pod.meta.name.clone());
            }
            (Err(alone), Err(together)) => assert_eq!(alone.message, together.message),
            (alone, together) => panic!("{alone:?}\n{together:?}"),
        }
    }
    assert_eq!(templates, ["a", "b-1", "x.y", "q", "w"]);
}
