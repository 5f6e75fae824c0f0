//! The log of pods that begin or cease to count on a node, by class.
//!
//! What is derived from "which pods are where" (spreading, affinity between pods) is kept up to date
//! by reading on from where it stopped. Who reads is not known here.

use crate::base::ids::{ClassId, NodeId};
use std::collections::VecDeque;

/// One pod of a class more or less on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shift {
    /// The node.
    pub node: NodeId,
    /// The class of the pod.
    pub class: ClassId,
    /// The change in the number of pods.
    pub all: i8,
    /// The change in the number of pods that are not being deleted.
    pub live: i8,
}

/// The fewest entries that are kept.
const SHORTEST: usize = 1 << 12;

/// The log; old entries are dropped.
#[derive(Clone, Debug, Default)]
pub struct Placements {
    log: VecDeque<Shift>,
    total: u64,
}

impl Placements {
    /// How many shifts there have been.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The shifts since the one numbered `since`, oldest first; `None` if some of them have been
    /// dropped and the pods on all nodes must be counted anew.
    pub fn since(&self, since: u64) -> Option<impl Iterator<Item = Shift> + '_> {
        let missing = usize::try_from(self.total.checked_sub(since)?).ok()?;
        let skip = self.log.len().checked_sub(missing)?;
        Some(self.log.range(skip..).copied())
    }

    /// Enters a shift; keeps as many as there are nodes, so that counting anew is not dearer.
    pub(super) fn push(&mut self, shift: Shift, nodes: usize) {
        self.total += 1;
        if self.log.len() >= SHORTEST.max(nodes) {
            self.log.pop_front();
        }
        self.log.push_back(shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_get_what_is_new_or_are_told_to_start_anew() {
        let mut placements = Placements::default();
        let shift = |node| Shift { node: NodeId(node), class: ClassId(0), all: 1, live: 1 };
        for node in 0..5_000 {
            placements.push(shift(node), 100);
        }
        assert_eq!(placements.since(4_998).unwrap().collect::<Vec<_>>(), [shift(4_998), shift(4_999)]);
        assert_eq!(placements.since(5_000).unwrap().count(), 0);
        assert!(placements.since(0).is_none());
        assert!(placements.since(5_001).is_none());
    }
}
