//! On which nodes a DaemonSet has a pod, and what its pods have that its template has not.
//!
//! Kubernetes 1.36, pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod) and
//! util/daemonset_util.go (reference control-plane §3.5). What is on the nodes is not known here.

use crate::api::{
    NodeAffinity, NodeSelector, NodeSelectorTerm, Operator, PodSpec, PodTemplate, Requirement, TaintEffect,
    Toleration, TolerationOperator,
};

/// The only field of a node that can be matched.
const NAME_FIELD: &str = "metadata.name";

/// Taints that every daemon pod bears for ever; the last one only with the host's network.
const BORNE: [(&str, TaintEffect); 7] = [
    ("node.kubernetes.io/not-ready", TaintEffect::NoExecute),
    ("node.kubernetes.io/unreachable", TaintEffect::NoExecute),
    ("node.kubernetes.io/disk-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule),
    ("node.kubernetes.io/network-unavailable", TaintEffect::NoSchedule),
];

/// Whether a node has a pod of a DaemonSet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Placement {
    /// A pod is created there if there is none.
    pub run: bool,
    /// A pod that is there may stay.
    pub keep: bool,
}

/// What is looked at of a node.
pub struct NodeFacts<'n> {
    /// Its name.
    pub name: &'n str,
    /// The value of a label.
    pub label: &'n dyn Fn(&str) -> Option<&'n str>,
    /// Its taints: key, value, effect.
    pub taints: &'n [(&'n str, &'n str, TaintEffect)],
}

/// Whether a node has a pod of this template, which is that of [`daemon_template`].
pub fn placement(spec: &PodSpec, node: &NodeFacts<'_>) -> Placement {
    let named = spec.node_name.is_empty() || spec.node_name == node.name;
    if !named || !matches_affinity(spec, node) {
        return Placement::default();
    }
    let bears = |effects: &[TaintEffect]| {
        let mut harmful = node.taints.iter().filter(|taint| effects.contains(&taint.2));
        harmful.all(|taint| spec.tolerations.iter().any(|toleration| tolerates(toleration, *taint)))
    };
    Placement {
        run: bears(&[TaintEffect::NoSchedule, TaintEffect::NoExecute]),
        keep: bears(&[TaintEffect::NoExecute]),
    }
}

fn tolerates(toleration: &Toleration, (key, value, effect): (&str, &str, TaintEffect)) -> bool {
    toleration.effect.is_none_or(|only| only == effect)
        && (toleration.key.is_empty() || toleration.key == key)
        && (toleration.operator == TolerationOperator::Exists || toleration.value == value)
}

fn matches_affinity(spec: &PodSpec, node: &NodeFacts<'_>) -> bool {
    let required = spec.affinity.node.as_ref().and_then(|affinity| affinity.required.as_ref());
    spec.node_selector.iter().all(|(key, value)| (node.label)(key) == Some(value))
        && required.is_none_or(|selector| selector.terms.iter().any(|term| matches_term(term, node)))
}

/// A term that says nothing, or that cannot be built, matches nothing.
fn matches_term(term: &NodeSelectorTerm, node: &NodeFacts<'_>) -> bool {
    let on_field = |field: &Requirement| {
        let value = if field.key == NAME_FIELD { node.name } else { "" };
        matches!(field.operator, Operator::In | Operator::NotIn)
            && field.values.len() == 1
            && field.matches_value(Some(value))
    };
    let on_label =
        |wanted: &Requirement| wanted.is_valid() && wanted.matches_value((node.label)(&wanted.key));
    !(term.match_expressions.is_empty() && term.match_fields.is_empty())
        && term.match_fields.iter().all(on_field)
        && term.match_expressions.iter().all(on_label)
}

/// The template with the tolerations that every daemon pod has.
pub fn daemon_template(written: &PodTemplate) -> PodTemplate {
    let mut template = written.clone();
    let borne = if template.spec.host_network { &BORNE[..] } else { &BORNE[..BORNE.len() - 1] };
    for &(key, effect) in borne {
        let added = Toleration {
            key: key.to_owned(),
            operator: TolerationOperator::Exists,
            value: String::new(),
            effect: Some(effect),
            seconds: None,
        };
        add_or_replace(&mut template.spec.tolerations, added);
    }
    template
}

/// A toleration of the same taint gives way to the new one, which may have another limit.
fn add_or_replace(tolerations: &mut Vec<Toleration>, added: Toleration) {
    let mut found = false;
    for toleration in tolerations.iter_mut() {
        let same = Toleration { seconds: toleration.seconds, ..added.clone() } == *toleration;
        if same {
            *toleration = added.clone();
            found = true;
        }
    }
    if !found {
        tolerations.push(added);
    }
}

/// The template of the pod for one node: it requires that node, in place of whatever the template
/// requires of nodes.
pub fn pinned(template: &PodTemplate, node: &str) -> PodTemplate {
    let mut pinned = template.clone();
    let field =
        Requirement { key: NAME_FIELD.to_owned(), operator: Operator::In, values: vec![node.to_owned()] };
    let term = NodeSelectorTerm { match_expressions: Vec::new(), match_fields: vec![field] };
    let affinity = pinned.spec.affinity.node.get_or_insert_with(NodeAffinity::default);
    affinity.required = Some(NodeSelector { terms: vec![term] });
    pinned
}

#[cfg(test)]
mod tests;
