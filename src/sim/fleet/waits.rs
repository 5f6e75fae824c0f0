//! Telling an observer why jobs wait.

use super::{FleetJob, FleetObserver, FleetRun};
use crate::base::Time;
use crate::base::ids::JobId;
use crate::control::fleet::Reason;

impl FleetRun {
    /// The name of a job that has not ended.
    pub(super) fn name_of(&self, job: JobId) -> String {
        self.rows[job.index()].as_ref().map(|job| job.name.to_string()).unwrap_or_default()
    }

    /// Tells why each job with tasks that wait does not start them.
    pub(super) fn tell_reasons<O: FleetObserver>(&mut self, now: Time, observer: &mut O) {
        let waiting = self.control.waiting();
        let mut reasons = Vec::with_capacity(waiting.len());
        for &id in &waiting {
            let reason = self.control.reason(&mut self.fleet, id);
            reasons.push(reason.named(|first| self.name_of(first)));
        }
        let job = |id: &JobId| self.rows[id.index()].as_ref().expect("a job that waits has not ended");
        let told: Vec<(&FleetJob, Reason<String>)> = waiting.iter().map(job).zip(reasons).collect();
        observer.waits(now, &told);
    }
}
