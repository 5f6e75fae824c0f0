//! Pods all together: none is lost, and what has a name of its own runs once.

use super::{Checker, Key, Pod};
use crate::api::PodPhase;
use crate::cluster::WorkloadKind;
use crate::sim::View;

/// One instant in so many is looked at as a whole: that costs time.
const LOOK_EVERY: u64 = 8;

/// Pods by what has become of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Census {
    pending: u64,
    running: u64,
    terminating: u64,
    succeeded: u64,
    failed: u64,
}

impl Census {
    fn count(&mut self, phase: PodPhase, deleting: bool) {
        *match phase {
            PodPhase::Succeeded => &mut self.succeeded,
            PodPhase::Failed => &mut self.failed,
            PodPhase::Pending | PodPhase::Running if deleting => &mut self.terminating,
            PodPhase::Pending => &mut self.pending,
            PodPhase::Running => &mut self.running,
        } += 1;
    }

    fn total(self) -> u64 {
        self.pending + self.running + self.terminating + self.succeeded + self.failed
    }
}

impl Checker {
    /// The first record of an instant: where nothing takes time, the control plane knows all of the
    /// instants before.
    pub(super) fn look_at_all(&mut self, view: View<'_>) -> Result<(), String> {
        self.instants += 1;
        if !self.is_ideal() || self.lag.0 > 0 || !self.instants.is_multiple_of(LOOK_EVERY) {
            return Ok(());
        }
        self.check_census(view)
    }

    /// Every pod that was created is in one state, or gone, and the control plane's view says the same.
    pub(super) fn check_census(&self, view: View<'_>) -> Result<(), String> {
        let mut told = Census::default();
        for pod in self.pods.values().filter(|pod| pod.removed.is_none()) {
            told.count(pod.phase(), pod.deleting.is_some());
        }
        let gone = self.pods.values().filter(|pod| pod.removed.is_some()).count() as u64;
        if self.created != told.total() + gone {
            return Err(format!("safety_conservation: {} created, {gone} gone, {told:?}", self.created));
        }
        let pods = &view.cluster.pods;
        let mut seen = Census::default();
        for pod in pods.iter() {
            seen.count(pods.phase[pod.index()], pods.deleting_since[pod.index()].is_some());
        }
        if told == seen {
            return Ok(());
        }
        Err(format!("safety_conservation: {told:?} by the records, {seen:?} in the view"))
    }

    /// A container of a pod starts: no other pod of the same StatefulSet with the same number runs,
    /// unless somebody has said that it is gone for good.
    pub(super) fn check_identity(&self, started: Key) -> Result<(), String> {
        let pod = &self.pods[&started];
        let (Some(owner), Some(number)) = (pod.owner, pod.number) else { return Ok(()) };
        let is_set =
            self.things.get(&owner).is_some_and(|thing| matches!(thing.kind, WorkloadKind::StatefulSet(_)));
        if !is_set {
            return Ok(());
        }
        let is_twin = |(key, other): &(&Key, &Pod)| {
            **key != started
                && (other.owner, other.number) == (Some(owner), Some(number))
                && !other.is_given_up
                && other.containers.values().any(|container| container.running)
        };
        match self.pods.iter().find(is_twin) {
            Some(_) => Err(format!("safety_identity: {} starts while another {number} of it runs", pod.name)),
            None => Ok(()),
        }
    }
}
