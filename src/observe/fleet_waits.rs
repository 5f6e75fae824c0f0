//! Why jobs on nodes waited, of small runs. How the reasons are found is known to the control alone.

use super::results::Wait;
use super::waits::{Stretch, WaitLog};
use crate::base::Time;
use crate::control::fleet::Reason;
use crate::sim::FleetJob;
use std::collections::{BTreeMap, BTreeSet};

/// Runs on more nodes keep no reasons: each of them is looked at for each.
pub(super) const MAX_NODES: usize = 200;
/// Runs with more starts of tasks keep no reasons, nor those of more than [`super::waits::MAX_JOBS`] jobs.
pub(super) const MAX_STARTS: u64 = 2_000;

/// The reasons of a run, while it goes on.
#[derive(Debug, Default)]
pub(super) struct FleetWaits {
    log: WaitLog<Reason<String>>,
    names: BTreeMap<u64, String>,
    is_large: bool,
}

impl FleetWaits {
    /// The run begins on so many nodes.
    pub(super) fn begin(&mut self, nodes: usize) {
        self.is_large = nodes > MAX_NODES;
    }

    /// A job was submitted.
    pub(super) fn submitted(&mut self) {
        if !self.is_large {
            self.log.submitted();
        }
    }

    /// Whether reasons are kept of a run that has started so many tasks.
    pub(super) fn are_kept(&self, starts: u64) -> bool {
        !self.is_large && starts <= MAX_STARTS && self.log.is_small()
    }

    /// All jobs with tasks that wait, and why.
    pub(super) fn told(&mut self, now: Time, waiting: &[(&FleetJob, Reason<String>)]) {
        for (job, reason) in waiting {
            self.names.entry(job.number).or_insert_with(|| job.name.to_string());
            self.log.waits(now, job.number, reason);
        }
        let jobs: BTreeSet<u64> = waiting.iter().map(|(job, _)| job.number).collect();
        self.log.only(now, &jobs);
    }

    /// All stretches, by job and time.
    pub(super) fn finish(self, now: Time) -> Vec<Wait> {
        let FleetWaits { log, names, .. } = self;
        let wait = |stretch: Stretch<Reason<String>>| {
            let reason = stretch.waits.to_string();
            let job = names.get(&stretch.job).cloned().unwrap_or_default();
            // The control here works no moments out that a hint would give away.
            Wait { job, from: stretch.from, until: stretch.until, hint: reason.clone(), reason }
        };
        log.finish(now).into_iter().map(wait).collect()
    }
}

#[cfg(test)]
mod tests;
