//! Which nodes have a pod, and what is added to the template.

use super::*;

type TaintText<'t> = (&'t str, &'t str, TaintEffect);

const NO_SCHEDULE: TaintText<'static> = ("k", "v", TaintEffect::NoSchedule);
const NO_EXECUTE: TaintText<'static> = ("k", "v", TaintEffect::NoExecute);
const PREFER: TaintText<'static> = ("k", "v", TaintEffect::PreferNoSchedule);

/// Whether a node `n` with the label `zone=a` has a pod: run, keep.
fn on(template: &PodTemplate, taints: &[TaintText<'_>]) -> (bool, bool) {
    let label = |key: &str| (key == "zone").then_some("a");
    let facts = NodeFacts { name: "n", label: &label, taints };
    let found = placement(&daemon_template(template).spec, &facts);
    (found.run, found.keep)
}

fn required(terms: Vec<NodeSelectorTerm>) -> PodTemplate {
    let mut template = PodTemplate::default();
    template.spec.affinity.node =
        Some(NodeAffinity { required: Some(NodeSelector { terms }), ..NodeAffinity::default() });
    template
}

fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Requirement { key: key.to_owned(), operator, values }
}

fn label_term(requirement: Requirement) -> NodeSelectorTerm {
    NodeSelectorTerm { match_expressions: vec![requirement], match_fields: Vec::new() }
}

#[test]
fn taints_keep_pods_away() {
    let plain = PodTemplate::default();
    assert_eq!(on(&plain, &[]), (true, true));
    assert_eq!(on(&plain, &[PREFER]), (true, true));
    assert_eq!(on(&plain, &[NO_SCHEDULE]), (false, true));
    assert_eq!(on(&plain, &[NO_EXECUTE]), (false, false));
    let borne: Vec<TaintText<'_>> = BORNE[..6].iter().map(|&(key, effect)| (key, "", effect)).collect();
    assert_eq!(on(&plain, &borne), (true, true));
    let unreachable = ("node.kubernetes.io/unreachable", "", TaintEffect::NoSchedule);
    assert_eq!(on(&plain, &[unreachable]), (false, true));
    let network = [("node.kubernetes.io/network-unavailable", "", TaintEffect::NoSchedule)];
    assert_eq!(on(&plain, &network), (false, true));
    let mut on_host = plain.clone();
    on_host.spec.host_network = true;
    assert_eq!(on(&on_host, &network), (true, true));
    let mut tolerant = plain;
    let toleration = Toleration { key: "k".to_owned(), value: "v".to_owned(), ..Toleration::default() };
    tolerant.spec.tolerations.push(toleration);
    assert_eq!(on(&tolerant, &[NO_SCHEDULE, NO_EXECUTE]), (true, true));
}

#[test]
fn nodes_are_chosen_by_name_and_labels() {
    let mut template = PodTemplate::default();
    template.spec.node_selector = vec![("zone".to_owned(), "a".to_owned())];
    assert_eq!(on(&template, &[]), (true, true));
    template.spec.node_selector[0].1 = "b".to_owned();
    assert_eq!(on(&template, &[NO_SCHEDULE]), (false, false));
    let mut template = PodTemplate::default();
    template.spec.node_name = "n".to_owned();
    assert_eq!(on(&template, &[]), (true, true));
    template.spec.node_name = "m".to_owned();
    assert_eq!(on(&template, &[]), (false, false));
    for (terms, expected) in [
        (vec![], false),
        (vec![NodeSelectorTerm::default()], false),
        (vec![label_term(requirement("zone", Operator::In, &["a"]))], true),
        (vec![label_term(requirement("zone", Operator::NotIn, &["a"]))], false),
        (vec![label_term(requirement("zone", Operator::In, &[]))], false),
        (
            vec![
                label_term(requirement("zone", Operator::In, &[])),
                label_term(requirement("zone", Operator::Exists, &[])),
            ],
            true,
        ),
    ] {
        assert_eq!(on(&required(terms.clone()), &[]), (expected, expected), "{terms:?}");
    }
}

#[test]
fn the_pod_of_a_node_can_only_go_there() {
    let elsewhere = vec![label_term(requirement("zone", Operator::In, &["b"]))];
    let pinned_here = pinned(&required(elsewhere), "n");
    assert_eq!(on(&pinned_here, &[]), (true, true));
    assert_eq!(on(&pinned(&pinned_here, "m"), &[]), (false, false));
    assert_eq!(on(&pinned(&PodTemplate::default(), "n"), &[]), (true, true));
}

#[test]
fn tolerations_are_added_once() {
    let mut template = PodTemplate::default();
    let not_ready = Toleration {
        key: BORNE[0].0.to_owned(),
        operator: TolerationOperator::Exists,
        effect: Some(TaintEffect::NoExecute),
        seconds: Some(30),
        ..Toleration::default()
    };
    template.spec.tolerations = vec![not_ready];
    let added = daemon_template(&template).spec.tolerations;
    assert_eq!(added.len(), 6);
    assert_eq!((added[0].key.as_str(), added[0].seconds), (BORNE[0].0, None), "the limit is taken away");
    assert_eq!(daemon_template(&daemon_template(&template)).spec.tolerations, added);
}
