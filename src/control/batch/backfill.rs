//! Backfilling: jobs behind the head start early where they do not delay it.

use crate::base::ids::JobId;
use crate::base::{Span, Time};
use crate::cluster::Machine;
use std::collections::BTreeSet;

/// Which jobs may pass the head of the queue (`docs/batch.md` has the rules and their sources).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Backfill {
    /// None.
    #[default]
    None,
    /// EASY with a reservation of a number of processors (`counts`), anew in each pass.
    Easy(Scan),
    /// The start of the head is estimated once, when it becomes the head; while it waits, jobs that
    /// fit and end before that moment start, in the order of submission.
    Frozen,
}

/// In which order the jobs behind the head are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scan {
    /// That of the queue.
    #[default]
    InOrder,
    /// The shortest estimate first (SJBF).
    ShortestFirst,
}

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

    /// When a job of `size` fits if every running job ends as estimated; those that should have ended
    /// already are taken to end now. All that end at the same time count.
    pub(super) fn shadow(&self, now: Time, size: u32, machine: &Machine) -> Shadow {
        let mut free = machine.free;
        let mut at = now;
        for &(end, job) in &self.order {
            let end = end.max(now);
            if free >= size && end > at {
                break;
            }
            at = end;
            free += machine.size[job.index()];
        }
        Shadow { at, extra: free.saturating_sub(size) }
    }

    /// When a job of `size` fits, counted job by job: ends at the same time as the last one needed do
    /// not count.
    pub(super) fn first_fit(&self, now: Time, size: u32, machine: &Machine) -> Time {
        let mut free = machine.free;
        let mut at = now;
        for &(end, job) in &self.order {
            at = end;
            free += machine.size[job.index()];
            if free >= size {
                break;
            }
        }
        at
    }
}

/// When a job that starts now is expected to end; never, if nobody has said.
pub(super) fn expected_end(now: Time, job: JobId, machine: &Machine) -> Time {
    machine.estimate[job.index()]
        .map_or(Time(u64::MAX), |estimate: Span| Time(now.0.saturating_add(estimate.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shadow_counts_all_that_end_at_its_time() {
        let mut machine = Machine::new(10);
        let mut ends = Ends::default();
        for (row, (size, end)) in [(4, 50), (3, 20), (2, 50)].into_iter().enumerate() {
            let job = JobId(row as u32);
            machine.add(job, size, Time::ZERO, None);
            machine.take(job);
            ends.enter(job, Time(end));
        }
        assert_eq!(ends.shadow(Time(5), 1, &machine), Shadow { at: Time(5), extra: 0 });
        assert_eq!(ends.shadow(Time(5), 4, &machine), Shadow { at: Time(20), extra: 0 });
        // 1 + 3 + 4 would do, and 2 more are free at the same time.
        assert_eq!(ends.shadow(Time(5), 8, &machine), Shadow { at: Time(50), extra: 2 });
        // A job that is late is taken to end now.
        assert_eq!(ends.shadow(Time(30), 4, &machine), Shadow { at: Time(30), extra: 0 });
        assert_eq!(ends.first_fit(Time(5), 8, &machine), Time(50));
        ends.leave(JobId(1));
        assert_eq!(ends.shadow(Time(5), 4, &machine).at, Time(50));
    }
}
