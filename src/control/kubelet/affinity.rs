//! Whether a node is one that a pod may run on: its node selector and its required node affinity.
//!
//! The kubelet's own look, one pod and one node at a time; answers for the same class of pods and
//! node are remembered. Source: Kubernetes 1.36, component-helpers/scheduling/corev1/nodeaffinity.

use crate::api::{NodeSelectorTerm, Operator, PodSpec, Requirement};
use crate::base::Map;
use crate::base::ids::{ClassId, NodeClassId, NodeId};
use crate::cluster::Cluster;
use crate::cluster::nodes::HOSTNAME_KEY;

/// The only field that can be matched.
const NAME_FIELD: &str = "metadata.name";

/// Answers by pod class and node class. What depends on a node's own name is not among them.
#[derive(Clone, Debug, Default)]
pub(in crate::control) struct Affinities {
    known: Map<(ClassId, NodeClassId), bool>,
}

impl Affinities {
    /// Whether pods of a class may run on a node.
    pub(in crate::control) fn matches(&mut self, cluster: &Cluster, class: ClassId, node: NodeId) -> bool {
        let spec = &cluster.classes[class].template.spec;
        if is_free(spec) {
            return true;
        }
        if looks_at_names(spec) {
            return matches(cluster, spec, node);
        }
        let key = (class, cluster.nodes.class[node.index()]);
        *self.known.entry(key).or_insert_with(|| matches(cluster, spec, node))
    }
}

/// Whether a pod does not mind.
fn is_free(spec: &PodSpec) -> bool {
    let required = spec.affinity.node.as_ref().and_then(|node| node.required.as_ref());
    spec.node_selector.is_empty() && required.is_none()
}

fn terms(spec: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let required = spec.affinity.node.as_ref()?.required.as_ref()?;
    Some(&required.terms)
}

fn looks_at_names(spec: &PodSpec) -> bool {
    let of_term = |term: &NodeSelectorTerm| {
        !term.match_fields.is_empty()
            || term.match_expressions.iter().any(|requirement| requirement.key == HOSTNAME_KEY)
    };
    spec.node_selector.iter().any(|(key, _)| key == HOSTNAME_KEY)
        || terms(spec).is_some_and(|terms| terms.iter().any(of_term))
}

/// Whether pods of a specification may run on a node.
pub(in crate::control) fn matches(cluster: &Cluster, spec: &PodSpec, node: NodeId) -> bool {
    let label = |key: &str| {
        if key == HOSTNAME_KEY {
            let host = cluster.names.text(cluster.nodes.hostname[node.index()]);
            return Some(host).filter(|host| !host.is_empty());
        }
        let key = cluster.names.get(key)?;
        Some(cluster.nodes.label(&cluster.names, node, key)?).map(|value| cluster.names.text(value))
    };
    let selected = spec.node_selector.iter().all(|(key, value)| label(key) == Some(value.as_str()));
    let name = cluster.names.text(cluster.nodes.name[node.index()]);
    let field = |requirement: &Requirement| {
        let value = if requirement.key == NAME_FIELD { name } else { "" };
        matches!(requirement.operator, Operator::In | Operator::NotIn)
            && requirement.values.len() == 1
            && requirement.matches_value(Some(value))
    };
    let term = |term: &NodeSelectorTerm| {
        let says_something = !term.match_expressions.is_empty() || !term.match_fields.is_empty();
        says_something
            && term.match_fields.iter().all(field)
            && term.match_expressions.iter().all(|requirement| {
                requirement.is_valid() && requirement.matches_value(label(&requirement.key))
            })
    };
    selected && terms(spec).is_none_or(|terms| terms.iter().any(term))
}
