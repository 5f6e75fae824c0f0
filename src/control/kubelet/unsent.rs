//! What kubelets could not write because the API server was away, and when they write it again.

use crate::base::ids::NodeId;
use crate::base::{Span, Time};
use crate::cluster::PodRef;
use std::collections::{BTreeSet, VecDeque};

/// Time between two rounds in which a kubelet writes what it could not write before: the period of
/// its status manager, and of its own status (Kubernetes 1.36, pkg/kubelet/status/status_manager.go).
const STATUS_PERIOD: Span = Span::from_secs(10);

/// Something that is to be written again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Unsent {
    /// The status of a pod, and its end if it is being deleted and has stopped.
    Pod(PodRef),
    /// That a node is ready.
    Node(NodeId),
}

/// Each once, in order of time.
#[derive(Debug, Default)]
pub(super) struct Unsents {
    order: VecDeque<(Time, Unsent)>,
    known: BTreeSet<Unsent>,
}

impl Unsents {
    /// Notes a write that has failed.
    pub(super) fn add(&mut self, now: Time, unsent: Unsent) {
        if self.known.insert(unsent) {
            self.order.push_back((now + STATUS_PERIOD, unsent));
        }
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.order.front().map(|&(at, _)| at)
    }

    /// Takes the next that is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<Unsent> {
        self.order.front().filter(|(at, _)| *at <= now)?;
        let (_, unsent) = self.order.pop_front()?;
        self.known.remove(&unsent);
        Some(unsent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_written_again_once_in_a_period() {
        let mut unsents = Unsents::default();
        let (a, b) = (Unsent::Node(NodeId(1)), Unsent::Pod(PodRef::default()));
        unsents.add(Time::from_secs(1), a);
        unsents.add(Time::from_secs(2), a);
        unsents.add(Time::from_secs(3), b);
        assert_eq!(unsents.next(), Some(Time::from_secs(11)));
        assert_eq!(unsents.pop(Time::from_secs(10)), None);
        assert_eq!(unsents.pop(Time::from_secs(12)), Some(a));
        unsents.add(Time::from_secs(12), a);
        let left: Vec<Unsent> = std::iter::from_fn(|| unsents.pop(Time::from_secs(30))).collect();
        assert_eq!(left, [b, a]);
        assert_eq!(unsents.next(), None);
    }
}
