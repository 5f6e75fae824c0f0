//! What can make a rejected pod schedulable: the events of the scheduling queue.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/kube-scheduler/framework/types.go and
//! pkg/scheduler/framework/events.go (reference kube-scheduler §10). Which plugin waits for what is
//! in the plugins; what the queue does with an answer is in the queue.

use crate::base::Symbol;
use crate::base::ids::{ClassId, NodeClassId, NodeId, ResourceId};
use crate::cluster::Cluster;
use crate::control::config::Version;
use std::sync::Arc;

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// A node.
    Node,
    /// A pod that is assigned to a node.
    AssignedPod,
    /// A pod that is not.
    UnscheduledPod,
    /// In registrations: a pod of either kind.
    Pod,
}

/// One aspect that changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The object is new.
    Add,
    /// The object is gone.
    Delete,
    /// A node's allocatable amounts.
    UpdateNodeAllocatable,
    /// A node's labels.
    UpdateNodeLabel,
    /// A node's taints, or it was uncordoned.
    UpdateNodeTaint,
    /// A node's conditions.
    UpdateNodeCondition,
    /// A node's annotations.
    UpdateNodeAnnotation,
    /// A node's declared features (1.36).
    UpdateNodeDeclaredFeature,
    /// A pod's labels.
    UpdatePodLabel,
    /// A pod's requests became smaller.
    UpdatePodScaleDown,
    /// A pod's tolerations.
    UpdatePodToleration,
    /// A pod's last scheduling gate was removed.
    UpdatePodSchedulingGatesEliminated,
    /// A pod's generated resource claim.
    UpdatePodGeneratedResourceClaim,
    /// Any change: every update bit.
    Update,
}

impl Action {
    /// The bits of the action, which 1.36 numbers anew (reference §10.2). Zero for what a release
    /// does not know.
    pub const fn bits(self, version: Version) -> u16 {
        let (old, new) = match self {
            Action::Add => (1, 1),
            Action::Delete => (2, 2),
            Action::UpdateNodeAllocatable => (4, 4),
            Action::UpdateNodeLabel => (8, 8),
            Action::UpdateNodeTaint => (16, 16),
            Action::UpdateNodeCondition => (32, 32),
            Action::UpdateNodeAnnotation => (64, 64),
            Action::UpdateNodeDeclaredFeature => (0, 128),
            Action::UpdatePodLabel => (128, 256),
            Action::UpdatePodScaleDown => (256, 512),
            Action::UpdatePodToleration => (512, 1024),
            Action::UpdatePodSchedulingGatesEliminated => (1024, 2048),
            Action::UpdatePodGeneratedResourceClaim => (2048, 4096),
            Action::Update => (4092, 8188),
        };
        if version.compat().numbers_declared_features { new } else { old }
    }
}

/// What a plugin wants to hear of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The kind of object.
    pub resource: Resource,
    /// The aspects.
    pub actions: &'static [Action],
}

impl Registration {
    /// Whether an event is one that was registered for: the kinds match, the bits overlap, and the
    /// event's bits are numerically not above the registered ones.
    pub fn matches(&self, resource: Resource, action: Action, version: Version) -> bool {
        let kind = self.resource == resource
            || self.resource == Resource::Pod
                && matches!(resource, Resource::AssignedPod | Resource::UnscheduledPod);
        let ours = self.actions.iter().fold(0, |bits, action| bits | action.bits(version));
        let theirs = action.bits(version);
        kind && ours & theirs != 0 && theirs <= ours
    }
}

/// The side of a node that queueing hints compare, as it was at some moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeFacts {
    /// Labels and taints.
    pub class: NodeClassId,
    /// The host name label; empty for none.
    pub hostname: Symbol,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// How many pods it may hold.
    pub allowed_pods: i64,
    /// What pods can have, by resource; resources beyond the end: nothing.
    pub allocatable: Box<[i64]>,
    /// What its kubelet says it can do, as listed.
    pub declared_features: Arc<[Symbol]>,
}

impl NodeFacts {
    /// The node as it is now.
    pub fn of(cluster: &Cluster, node: NodeId) -> NodeFacts {
        let (nodes, index) = (&cluster.nodes, node.index());
        NodeFacts {
            class: nodes.class[index],
            hostname: nodes.hostname[index],
            unschedulable: nodes.unschedulable.contains(index),
            allowed_pods: nodes.allowed_pods[index],
            allocatable: nodes.allocatable.iter().map(|column| column[index]).collect(),
            declared_features: Arc::clone(&nodes.declared_features[index]),
        }
    }

    /// What pods can have of a resource.
    pub fn amount(&self, resource: ResourceId) -> i64 {
        self.allocatable.get(resource.index()).copied().unwrap_or(0)
    }

    /// The aspects in which the node differs from what it was before, in the order in which the
    /// original raises them (reference §10.1). Cordoning alone raises nothing.
    pub fn changes_since(&self, cluster: &Cluster, before: &NodeFacts) -> Vec<Action> {
        let nodes = &cluster.nodes;
        let (now, then) = (nodes.node_class(self.class), nodes.node_class(before.class));
        let mut actions = Vec::new();
        if before.unschedulable && !self.unschedulable {
            actions.push(Action::UpdateNodeTaint);
        }
        let kinds = self.allocatable.len().max(before.allocatable.len()) as u32;
        let differs = |kind| self.amount(ResourceId(kind)) != before.amount(ResourceId(kind));
        if self.allowed_pods != before.allowed_pods || (0..kinds).any(differs) {
            actions.push(Action::UpdateNodeAllocatable);
        }
        if now.labels != then.labels || self.hostname != before.hostname {
            actions.push(Action::UpdateNodeLabel);
        }
        if now.taints != then.taints {
            actions.push(Action::UpdateNodeTaint);
        }
        if self.declared_features != before.declared_features {
            actions.push(Action::UpdateNodeDeclaredFeature);
        }
        actions
    }
}

/// A change with the objects that hints look at.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A node was added, or changed in one aspect.
    Node {
        /// The node.
        node: NodeId,
        /// What happened.
        action: Action,
        /// How it was before; `None` for a new node.
        before: Option<&'a NodeFacts>,
        /// How it is now, or was last.
        after: &'a NodeFacts,
    },
    /// An assigned pod was added, changed or removed.
    Pod {
        /// Its class.
        class: ClassId,
        /// The class it had before it changed; `None` if it was added or removed.
        before: Option<ClassId>,
        /// What happened.
        action: Action,
    },
}

/// The aspects in which an assigned pod of class `after` differs from what it was before, in the order
/// in which the original raises them (reference §10.1).
pub fn pod_changes(cluster: &Cluster, before: ClassId, after: ClassId) -> Vec<Action> {
    let (then, now) = (&cluster.classes[before], &cluster.classes[after]);
    let mut actions = Vec::new();
    if now.labels != then.labels {
        actions.push(Action::UpdatePodLabel);
    }
    if !lowered(cluster, before, after).is_empty() {
        actions.push(Action::UpdatePodScaleDown);
    }
    if now.tolerations.len() != then.tolerations.len() {
        actions.push(Action::UpdatePodToleration);
    }
    if actions.is_empty() {
        actions.push(Action::Update);
    }
    actions
}

/// The resources of which a pod counts for less than before.
pub fn lowered(cluster: &Cluster, before: ClassId, after: ClassId) -> Vec<ResourceId> {
    let (then, now) = (&cluster.classes[before], &cluster.classes[after]);
    let lowered = then.counted.iter().filter(|(resource, amount)| now.counted(*resource) < *amount);
    lowered.map(|(resource, _)| *resource).collect()
}

impl Change<'_> {
    /// What the event is about.
    pub const fn resource(&self) -> Resource {
        match self {
            Change::Node { .. } => Resource::Node,
            Change::Pod { .. } => Resource::AssignedPod,
        }
    }

    /// What happened.
    pub const fn action(&self) -> Action {
        match self {
            Change::Node { action, .. } | Change::Pod { action, .. } => *action,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_match_by_kind_overlap_and_size() {
        let both =
            Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeTaint] };
        let pod = Registration { resource: Resource::Pod, actions: &[Action::Delete] };
        for version in [Version::V1_34, Version::V1_36] {
            assert!(both.matches(Resource::Node, Action::Add, version));
            assert!(both.matches(Resource::Node, Action::UpdateNodeTaint, version));
            assert!(!both.matches(Resource::Node, Action::UpdateNodeLabel, version));
            assert!(!both.matches(Resource::AssignedPod, Action::Add, version));
            assert!(pod.matches(Resource::AssignedPod, Action::Delete, version));
            // A generic update overlaps, but is numerically above.
            assert!(!both.matches(Resource::Node, Action::Update, version));
        }
    }

    #[test]
    fn update_is_the_sum_of_its_bits() {
        use Action::*;
        let updates = [
            UpdateNodeAllocatable,
            UpdateNodeLabel,
            UpdateNodeTaint,
            UpdateNodeCondition,
            UpdateNodeAnnotation,
            UpdateNodeDeclaredFeature,
            UpdatePodLabel,
            UpdatePodScaleDown,
            UpdatePodToleration,
            UpdatePodSchedulingGatesEliminated,
            UpdatePodGeneratedResourceClaim,
        ];
        for version in [Version::V1_34, Version::V1_36] {
            let sum: u16 = updates.iter().map(|action| action.bits(version)).sum();
            assert_eq!(sum, Update.bits(version));
        }
    }
}
