//! The volume plugins, and what they share: which claims a pod has, and how selectors of storage
//! objects match nodes.
//!
//! Each plugin looks only at pods whose volumes concern it; all others cost a look at one flag.

mod binding;
mod limits;
mod migration;
mod restrictions;
#[cfg(test)]
mod samples;
mod zone;

pub(crate) use binding::VolumeBinding;
pub(crate) use limits::NodeVolumeLimits;
pub(crate) use restrictions::VolumeRestrictions;
pub(crate) use zone::VolumeZone;

use crate::api::selector::{is_label_value, is_qualified_name};
use crate::api::{
    LabelSelector, NodeSelector, NodeSelectorTerm, Operator, PersistentVolumeClaim, Requirement, Volume,
    VolumeSource,
};
use crate::base::Symbol;
use crate::cluster::nodes::HOSTNAME_KEY;
use crate::cluster::{Cluster, PodClass};
use crate::control::scheduler::framework::{Code, PreFiltered, Status};
use std::borrow::Cow;

/// The labels of a node.
#[derive(Clone, Copy)]
struct NodeLabels<'a> {
    cluster: &'a Cluster,
    row: usize,
}

impl<'a> NodeLabels<'a> {
    /// The value of a label.
    fn get(self, key: &str) -> Option<&'a str> {
        let (names, nodes) = (&self.cluster.names, &self.cluster.nodes);
        let value = if key == HOSTNAME_KEY {
            Some(nodes.hostname[self.row]).filter(|&host| host != Symbol::EMPTY)
        } else {
            nodes.node_class(nodes.class[self.row]).label(names.get(key)?)
        };
        value.map(|value| names.text(value))
    }
}

/// Whether a node is one of those that a volume's node affinity names. Fields are not looked at: the
/// original passes the labels alone (component-helpers/storage/volume, CheckNodeAffinity).
fn reaches(selector: &NodeSelector, labels: NodeLabels<'_>) -> bool {
    let matches = |term: &NodeSelectorTerm| {
        let is_empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
        let field_is_valid = |field: &Requirement| {
            matches!(field.operator, Operator::In | Operator::NotIn) && field.values.len() == 1
        };
        !is_empty
            && term.match_fields.iter().all(field_is_valid)
            && term.match_expressions.iter().all(|requirement| {
                requirement.is_valid() && requirement.matches_value(labels.get(&requirement.key))
            })
    };
    selector.terms.iter().any(matches)
}

/// Whether a label selector matches; one that cannot be built matches nothing.
fn selects<'l>(selector: &LabelSelector, label: impl Fn(&str) -> Option<&'l str>) -> bool {
    let pair = |(key, value): &(String, String)| {
        is_qualified_name(key) && is_label_value(value) && label(key) == Some(value)
    };
    let holds = |requirement: &Requirement| {
        requirement.is_valid()
            && !matches!(requirement.operator, Operator::Gt | Operator::Lt)
            && requirement.matches_value(label(&requirement.key))
    };
    selector.match_labels.iter().all(pair) && selector.match_expressions.iter().all(holds)
}

/// The claim that a volume stands for, by name, and whether it is the pod's own.
fn claim_name<'v>(volume: &'v Volume, own_name: &str) -> Option<(Cow<'v, str>, bool)> {
    match &volume.source {
        VolumeSource::Claim { name, .. } => Some((Cow::Borrowed(name), false)),
        VolumeSource::Ephemeral => Some((Cow::Owned(format!("{own_name}-{}", volume.name)), true)),
        _ => None,
    }
}

/// The claims of others that a pod uses, by name: not those that are made for it.
fn shared_claims(pod: &PodClass) -> impl Iterator<Item = &str> {
    pod.template.spec.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::Claim { name, .. } => Some(name.as_str()),
        _ => None,
    })
}

/// Whether a claim was made for the pod of that name. The original compares unique ids; names stand
/// in for them.
fn is_made_for(claim: &PersistentVolumeClaim, own_name: &str) -> bool {
    claim.meta.owner.as_ref().is_some_and(|owner| owner.kind == "Pod" && owner.name == own_name)
}

/// What is said of an object that does not exist.
fn not_found(resource: &str, name: &str) -> String {
    format!("{resource} {name:?} not found")
}

/// A rejection of the pod as a whole that preemption cannot help.
fn rejected(message: String) -> PreFiltered {
    let status = Status { code: Code::UnschedulableAndUnresolvable, message };
    PreFiltered { status, names: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Node;
    use crate::base::Time;
    use crate::base::ids::PoolId;

    #[test]
    fn selectors_of_volumes_match_nodes_by_label() {
        let mut cluster = Cluster::default();
        let mut node = Node::default();
        node.meta.name = "n".into();
        for (key, value) in [("zone", "a"), (HOSTNAME_KEY, "host")] {
            node.meta.labels.insert(key.into(), value.into());
        }
        cluster.add_node(&node, PoolId(0), Time::ZERO);
        let labels = NodeLabels { cluster: &cluster, row: 0 };
        let requirement = |key: &str, operator, values: &[&str]| Requirement {
            key: key.into(),
            operator,
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        let matches = |expressions: Vec<Requirement>, fields: Vec<Requirement>| {
            let term = NodeSelectorTerm { match_expressions: expressions, match_fields: fields };
            reaches(&NodeSelector { terms: vec![term] }, labels)
        };
        assert!(!reaches(&NodeSelector::default(), labels), "no terms match nothing");
        assert!(!matches(vec![], vec![]), "an empty term matches nothing");
        assert!(matches(vec![requirement(HOSTNAME_KEY, Operator::In, &["host"])], vec![]));
        assert!(!matches(vec![requirement("zone", Operator::In, &["b"])], vec![]));
        assert!(matches(vec![requirement("rack", Operator::NotIn, &["b"])], vec![]));
        let other = requirement("metadata.name", Operator::In, &["other"]);
        assert!(matches(vec![], vec![other.clone()]), "fields are not looked at");
        let broken = Requirement { values: vec![], ..other };
        assert!(!matches(vec![], vec![broken]), "but must be legal");
        let mut selector = LabelSelector::default();
        assert!(selects(&selector, |key| labels.get(key)));
        selector.match_labels.push(("zone".into(), "a".into()));
        assert!(selects(&selector, |key| labels.get(key)));
        selector.match_expressions.push(requirement("zone", Operator::Gt, &["1"]));
        assert!(!selects(&selector, |key| labels.get(key)), "no comparison in label selectors");
    }
}
