//! Which waiting pods have been promised which node.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/backend/queue/nominator.go (reference kube-scheduler §18).

use crate::base::Map;
use crate::base::ids::{NodeId, PodId};
use std::collections::BTreeMap;

/// The promised nodes.
#[derive(Clone, Debug, Default)]
pub struct Nominator {
    /// In order of nomination. No list is empty.
    by_node: BTreeMap<NodeId, Vec<PodId>>,
    of: Map<PodId, NodeId>,
    changes: u64,
}

impl Nominator {
    /// Promises a pod a node, instead of any that it was promised before.
    pub fn nominate(&mut self, pod: PodId, node: NodeId) {
        self.remove(pod);
        self.of.insert(pod, node);
        self.by_node.entry(node).or_default().push(pod);
        self.changes += 1;
    }

    /// Forgets a pod's promise: it is placed, gone, or gets none. Returns the node if there was one.
    pub fn remove(&mut self, pod: PodId) -> Option<NodeId> {
        let node = self.of.remove(&pod)?;
        if let Some(pods) = self.by_node.get_mut(&node) {
            pods.retain(|&listed| listed != pod);
            if pods.is_empty() {
                self.by_node.remove(&node);
            }
        }
        self.changes += 1;
        Some(node)
    }

    /// The node that a pod was promised.
    pub fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.of.get(&pod).copied()
    }

    /// The pods that were promised a node, in that order.
    pub fn on(&self, node: NodeId) -> &[PodId] {
        self.by_node.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The nodes that some pod was promised, by row.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &[PodId])> {
        self.by_node.iter().map(|(&node, pods)| (node, pods.as_slice()))
    }

    /// Whether no pod was promised a node.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The number of the latest change.
    pub fn change_count(&self) -> u64 {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_promised_one_node() {
        let mut nominator = Nominator::default();
        let (pods, nodes) = ([PodId(1), PodId(2), PodId(3)], [NodeId(7), NodeId(8)]);
        nominator.nominate(pods[1], nodes[0]);
        nominator.nominate(pods[0], nodes[0]);
        nominator.nominate(pods[2], nodes[1]);
        assert_eq!(nominator.on(nodes[0]), [pods[1], pods[0]]);
        nominator.nominate(pods[1], nodes[1]);
        assert_eq!(
            (nominator.on(nodes[0]), nominator.on(nodes[1])),
            (&[pods[0]][..], &[pods[2], pods[1]][..])
        );
        assert_eq!(nominator.remove(pods[0]), Some(nodes[0]));
        assert_eq!(nominator.remove(pods[0]), None);
        assert_eq!(nominator.nodes().count(), 1);
        assert_eq!(nominator.node_of(pods[1]), Some(nodes[1]));
    }
}
