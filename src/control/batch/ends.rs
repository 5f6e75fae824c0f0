//! The jobs that run, by when they are expected to end.

use super::queue::Waiting;
use crate::base::ids::JobId;
use crate::base::{BitSet, Time};
use crate::cluster::Machine;
use std::collections::BTreeSet;

/// The running jobs by when they are expected to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    order: BTreeSet<(Time, JobId)>,
    /// By row.
    end: Vec<Option<Time>>,
}

/// What the head waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shadow {
    /// When it fits, by the estimates.
    pub(super) at: Time,
    /// Processors that are free then and not needed for it.
    pub(super) extra: u32,
}

impl Ends {
    pub(super) fn enter(&mut self, job: JobId, end: Time) {
        if self.end.len() <= job.index() {
            self.end.resize(job.index() + 1, None);
        }
        self.end[job.index()] = Some(end);
        self.order.insert((end, job));
    }

    pub(super) fn leave(&mut self, job: JobId) {
        if let Some(end) = self.end.get_mut(job.index()).and_then(Option::take) {
            self.order.remove(&(end, job));
        }
    }

    /// The job that is expected to end first.
    pub(super) fn first(&self) -> Option<(Time, JobId)> {
        self.order.first().copied()
    }

    /// All, by their ends.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Time, JobId)> + '_ {
        self.order.iter().copied()
    }

    /// When a job of `size` fits if every running job ends as estimated; those that should have ended
    /// already are taken to end now. All that end at the same time count.
    pub(super) fn shadow(&self, now: Time, size: u32, machine: &Machine) -> Shadow {
        let mut free = machine.free;
        let mut at = now;
        for (end, job) in self.iter() {
            let end = end.max(now);
            if free >= size && end > at {
                break;
            }
            at = end;
            free += machine.size[job.index()];
        }
        Shadow { at, extra: free.saturating_sub(size) }
    }

    /// The processors that are free at a moment if every running job ends as estimated.
    pub(super) fn idle_at(&self, at: Time, machine: &Machine) -> BitSet {
        let mut idle = machine.numbered.as_ref().map(|numbered| numbered.idle.clone()).unwrap_or_default();
        for (_, job) in self.iter().take_while(|(end, _)| *end <= at) {
            if let Some(held) = machine.held(job) {
                idle.or(held);
            }
        }
        idle
    }

    /// When a job fits, counted job by job: ends at the same time as the last one needed do not count.
    pub(super) fn first_fit(&self, now: Time, waiting: &Waiting, machine: &Machine) -> Time {
        let mut free = machine.free;
        let mut at = now;
        for (end, job) in self.iter() {
            at = end;
            free += machine.size[job.index()];
            if free >= waiting.size {
                break;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::machine::QueuedJob;

    #[test]
    fn the_shadow_counts_all_that_end_at_its_time() {
        let mut machine = Machine::numbered(10);
        let mut ends = Ends::default();
        for (row, (processors, end)) in [(4, 50), (3, 20), (2, 50)].into_iter().enumerate() {
            let job = JobId(row as u32);
            machine.add(job, &QueuedJob { processors, ..QueuedJob::default() });
            machine.take(job);
            ends.enter(job, Time(end));
        }
        assert_eq!(ends.shadow(Time(5), 1, &machine), Shadow { at: Time(5), extra: 0 });
        assert_eq!(ends.shadow(Time(5), 4, &machine), Shadow { at: Time(20), extra: 0 });
        assert_eq!(ends.idle_at(Time(20), &machine).iter().collect::<Vec<_>>(), [4, 5, 6, 9]);
        // 1 + 3 + 4 would do, and 2 more are free at the same time.
        assert_eq!(ends.shadow(Time(5), 8, &machine), Shadow { at: Time(50), extra: 2 });
        // A job that is late is taken to end now.
        assert_eq!(ends.shadow(Time(30), 4, &machine), Shadow { at: Time(30), extra: 0 });
        let wide = Waiting { job: JobId(9), number: 9, score: 0.0, size: 8, estimate: None };
        assert_eq!(ends.first_fit(Time(5), &wide, &machine), Time(50));
        ends.leave(JobId(1));
        assert_eq!(ends.shadow(Time(5), 4, &machine).at, Time(50));
    }
}
