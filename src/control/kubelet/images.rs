//! Which pulls of images are under way on each node, and which wait.
//!
//! Pulls of a node are made one at a time, or so many at a time, in the order in which they were
//! asked for; and a node asks its registries only so often: what is too much fails.
//! Source: Kubernetes 1.36, pkg/kubelet/images/{puller,helpers}.go (reference control-plane §1.8). How
//! long a pull takes is not known here.

use crate::base::ids::NodeId;
use crate::base::{Span, Time};
use crate::cluster::PodRef;
use crate::control::{ContainerIndex, config};
use std::collections::{BTreeMap, VecDeque};

/// A pull: of which container's image.
pub(super) type Pull = (PodRef, ContainerIndex);

/// The pulls of all nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulls {
    nodes: BTreeMap<NodeId, NodePulls>,
}

#[derive(Clone, Debug, Default)]
struct NodePulls {
    active: Vec<Pull>,
    queue: VecDeque<Pull>,
    /// When the registries' allowance is whole again.
    whole_at: Time,
}

/// What comes of the pulls that could begin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Turns {
    /// They begin.
    pub(super) begun: Vec<Pull>,
    /// They fail: too much is asked of the registries.
    pub(super) refused: Vec<Pull>,
}

impl Pulls {
    /// Asks for a pull.
    pub(super) fn ask(&mut self, now: Time, node: NodeId, pull: Pull, limits: &config::Kubelet) -> Turns {
        let row = self.nodes.entry(node).or_default();
        row.queue.push_back(pull);
        self.begin(now, node, limits)
    }

    /// Pulls are over, or no longer wanted.
    pub(super) fn done(
        &mut self,
        now: Time,
        node: NodeId,
        over: impl Fn(&Pull) -> bool,
        limits: &config::Kubelet,
    ) -> Turns {
        let Some(row) = self.nodes.get_mut(&node) else { return Turns::default() };
        row.active.retain(|pull| !over(pull));
        row.queue.retain(|pull| !over(pull));
        self.begin(now, node, limits)
    }

    /// The node has lost whatever it did.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }

    fn begin(&mut self, now: Time, node: NodeId, limits: &config::Kubelet) -> Turns {
        let mut turns = Turns::default();
        let Some(row) = self.nodes.get_mut(&node) else { return turns };
        while limits.parallel_pulls.is_none_or(|most| row.active.len() < most.max(1) as usize)
            && let Some(pull) = row.queue.pop_front()
        {
            if row.is_allowed(now, limits) {
                row.active.push(pull);
                turns.begun.push(pull);
            } else {
                turns.refused.push(pull);
            }
        }
        if row.active.is_empty() && row.queue.is_empty() && row.whole_at <= now {
            self.nodes.remove(&node);
        }
        turns
    }
}

impl NodePulls {
    /// Takes one from the allowance of the registries, if there is one.
    fn is_allowed(&mut self, now: Time, limits: &config::Kubelet) -> bool {
        let Some(rate) = limits.registry_rate else { return true };
        let interval = Span::from_secs_f64(1.0 / rate.max(1e-6));
        let whole_at = self.whole_at.max(now);
        // The allowance is `burst` when whole; each pull takes one, and `rate` a second come back.
        let spent = u128::from(whole_at.since(now).0) + u128::from(interval.0);
        let allowed = spent <= u128::from(interval.0) * u128::from(limits.registry_burst.max(1));
        if allowed {
            self.whole_at = whole_at + interval;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::PodId;

    const NODE: NodeId = NodeId(0);

    fn pull(pod: u32) -> Pull {
        (PodRef { id: PodId(pod), generation: 0 }, ContainerIndex(0))
    }

    fn begun(turns: &Turns) -> Vec<u32> {
        turns.begun.iter().map(|(pod, _)| pod.id.0).collect()
    }

    #[test]
    fn pulls_wait_for_each_other_in_order() {
        let limits = config::Kubelet::default();
        let mut pulls = Pulls::default();
        let asked: Vec<Vec<u32>> =
            (0..3).map(|pod| begun(&pulls.ask(Time::ZERO, NODE, pull(pod), &limits))).collect();
        assert_eq!(asked, [vec![0], vec![], vec![]]);
        assert!(begun(&pulls.done(Time::ZERO, NODE, |done| *done == pull(1), &limits)).is_empty());
        assert_eq!(begun(&pulls.done(Time::ZERO, NODE, |done| *done == pull(0), &limits)), [2]);
        assert_eq!(begun(&pulls.ask(Time::ZERO, NodeId(1), pull(3), &limits)), [3]);
    }

    #[test]
    fn several_may_be_made_at_a_time() {
        let limits = config::Kubelet { parallel_pulls: Some(2), ..config::Kubelet::default() };
        let mut pulls = Pulls::default();
        let asked: Vec<Vec<u32>> =
            (0..3).map(|pod| begun(&pulls.ask(Time::ZERO, NODE, pull(pod), &limits))).collect();
        assert_eq!(asked, [vec![0], vec![1], vec![]]);
    }

    #[test]
    fn a_node_asks_its_registries_only_so_often() {
        let limits = config::Kubelet { parallel_pulls: None, ..config::Kubelet::default() };
        let mut pulls = Pulls::default();
        let at =
            |pulls: &mut Pulls, now: Time, pod| pulls.ask(now, NODE, pull(pod), &limits).refused.is_empty();
        let allowed: Vec<bool> = (0..12).map(|pod| at(&mut pulls, Time::ZERO, pod)).collect();
        assert_eq!(allowed.iter().filter(|&&allowed| allowed).count(), 10);
        assert!(!at(&mut pulls, Time::ZERO + Span::from_millis(199), 20));
        assert!(at(&mut pulls, Time::ZERO + Span::from_millis(200), 21));
        assert!(!at(&mut pulls, Time::ZERO + Span::from_millis(201), 22));
    }
}
