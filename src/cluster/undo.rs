//! What `fork`, `revert` and `commit` need: a journal of inverse operations.

use super::{Cluster, Port};
use crate::base::ids::{NodeClassId, NodeId, PodId};

/// How one change is taken back.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    NodeAdded(NodeId),
    NodeRemoved(NodeId),
    NodeClass(NodeId, NodeClassId),
    Unschedulable(NodeId, bool),
    Placed(PodId),
    /// The ports taken on a node. They are a set, so those of one pod cannot simply be taken out or
    /// put back where another pod has the same.
    Ports(NodeId, Vec<Port>),
    /// The pod, its node, and its place in the node's pod list.
    Displaced(PodId, NodeId, usize),
}

/// The changes since the outermost fork, and where each fork began.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    records: Vec<Undo>,
    forks: Vec<usize>,
}

impl Journal {
    /// Enters a change, if any fork is open.
    pub(super) fn note(&mut self, record: impl FnOnce() -> Undo) {
        if !self.forks.is_empty() {
            self.records.push(record());
        }
    }

    /// Whether changes are entered.
    pub(super) fn is_open(&self) -> bool {
        !self.forks.is_empty()
    }

    pub(super) fn fork(&mut self) {
        self.forks.push(self.records.len());
    }

    /// Closes the innermost fork and hands out its changes.
    pub(super) fn take(&mut self) -> Vec<Undo> {
        let start = self.forks.pop().expect("a fork is open");
        self.records.split_off(start)
    }

    /// Closes the innermost fork and keeps its changes for the outer one.
    pub(super) fn commit(&mut self) {
        self.forks.pop().expect("a fork is open");
        if self.forks.is_empty() {
            self.records.clear();
        }
    }
}

/// Takes one change back. The inverse goes through the tables directly, so it is not entered itself.
pub(super) fn apply(cluster: &mut Cluster, record: &Undo) {
    match *record {
        Undo::NodeAdded(node) => cluster.nodes.remove(node),
        Undo::NodeRemoved(node) => cluster.nodes.restore(node),
        Undo::NodeClass(node, class) => {
            cluster.nodes.class[node.index()] = class;
            cluster.nodes.touch_static(node);
        }
        Undo::Unschedulable(node, before) => {
            cluster.nodes.unschedulable.assign(node.index(), before);
            cluster.nodes.touch(node);
        }
        Undo::Ports(node, ref ports) => cluster.nodes.ports[node.index()].clone_from(ports),
        Undo::Placed(pod) => {
            let node = cluster.pods.counted_on[pod.index()].take().expect("a placed pod is counted");
            let class = &cluster.classes[cluster.pods.class[pod.index()]];
            cluster.nodes.count_pod(node, pod, class, -1);
            cluster.note_shift(pod, node, -1);
        }
        Undo::Displaced(pod, node, position) => {
            let class = &cluster.classes[cluster.pods.class[pod.index()]];
            cluster.nodes.count_pod(node, pod, class, 1);
            cluster.nodes.return_to(node, position);
            cluster.pods.counted_on[pod.index()] = Some(node);
            cluster.note_shift(pod, node, 1);
        }
    }
}
