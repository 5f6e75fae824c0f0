//! What a sync asks about pods, answered from what is kept of the Job.

use super::intervals::Intervals;
use super::state::State;
use super::sync::{Tracked, View};
use crate::api::{Job, PodPhase};
use crate::base::Clock;
use crate::base::ids::PodId;
use crate::base::rng::{Purpose, Streams};
use crate::cluster::{Cluster, PodRef};
use std::cmp::Reverse;

/// A Job's pods in the cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'a> {
    pub(super) job: &'a Job,
    pub(super) state: &'a State,
    pub(super) cluster: &'a Cluster,
    pub(super) clock: Clock,
    pub(super) streams: Streams,
}

impl Kept<'_> {
    fn completions(&self) -> u32 {
        self.job.completions.unwrap_or(0).max(0) as u32
    }

    fn tracked(&self, pods: impl IntoIterator<Item = PodId>) -> Vec<Tracked<PodRef>> {
        let one =
            |pod| self.state.track(self.cluster.pods.reference(pod), self.job, self.cluster, self.clock);
        pods.into_iter().map(one).collect()
    }

    /// The pods in the order of deletion: at an earlier stage, ready for a shorter time, with more
    /// restarts, younger (pkg/controller/controller_utils.go, ActivePods). Ties are a draw.
    fn in_deletion_order(&self, mut pods: Vec<PodId>) -> Vec<PodId> {
        let table = &self.cluster.pods;
        let key = |pod: &PodId| {
            let at = pod.index();
            let since = table.ready[at].then(|| self.clock.floor(table.ready_since[at]));
            (
                table.node[at].is_some(),
                table.phase[at] != PodPhase::Pending,
                since.is_some(),
                Reverse(since),
                Reverse(table.restarts[at]),
                Reverse(self.clock.floor(table.created[at])),
                self.streams.draw(Purpose::Uid, table.serial[at]),
            )
        };
        pods.sort_by_cached_key(key);
        pods
    }
}

impl View for Kept<'_> {
    type Pod = PodRef;

    fn active(&self) -> Vec<Tracked<PodRef>> {
        let mut pods = self.state.active.clone();
        pods.sort_unstable_by_key(|pod| self.cluster.pods.serial[pod.index()]);
        self.tracked(pods)
    }

    fn removable(&self, count: usize) -> Vec<Tracked<PodRef>> {
        let active = &self.state.active;
        let has_index = |pod: &PodId| {
            let index = self.cluster.pods.index[pod.index()];
            index.is_some_and(|index| index < self.completions())
        };
        if count == 0 && !self.state.may_have_surplus {
            return Vec::new();
        }
        let looks = self.job.indexed && self.state.may_have_surplus;
        let (rest, mut first): (Vec<PodId>, Vec<PodId>) =
            active.iter().copied().partition(|pod| !looks || has_index(pod));
        first.sort_unstable_by_key(|pod| self.cluster.pods.serial[pod.index()]);
        let more = count.saturating_sub(first.len());
        if more > 0 {
            first.extend(self.in_deletion_order(rest).into_iter().take(more));
        }
        self.tracked(first)
    }

    fn has_active(&self, index: u32) -> bool {
        !self.state.indexes.is_free(index)
    }

    fn pending(&self, count: usize, done: &[&Intervals]) -> Vec<u32> {
        let free = self.state.indexes.free(self.completions());
        free.filter(|index| !done.iter().any(|set| set.contains(*index))).take(count).collect()
    }
}
