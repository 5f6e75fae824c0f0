//! What a batch run tells, as [`BatchObserver`] takes it.

use super::batch::{BatchObserver, BatchOptions, JobOutcome, JobRecord};
use super::outputs::Observed;
use super::table::Sink;
use crate::base::Time;
use crate::sim::{BatchJob, JobObserver};
use std::io;

/// Observes a run of a batch machine. Feed it to the engine, then call [`JobLog::observed`].
pub struct JobLog {
    observer: BatchObserver,
    /// Jobs that have not ended at the end, and when that was.
    open: Vec<JobRecord>,
    end: Option<Time>,
}

impl JobLog {
    /// An observer that writes `jobs.csv` into `sink`, if there is one.
    pub fn new(options: BatchOptions, sink: Option<Sink>) -> JobLog {
        JobLog { observer: BatchObserver::new(options, sink), open: Vec::new(), end: None }
    }

    /// The results, once the run has told its end; or the first error of the sink. A run that was
    /// broken off before its end is an error of kind `Interrupted`.
    pub fn observed(self) -> io::Result<Observed> {
        let end = self
            .end
            .ok_or_else(|| io::Error::new(io::ErrorKind::Interrupted, "the run did not come to its end"))?;
        self.observer.finish(end, &self.open)
    }
}

fn row(job: &BatchJob, start: Option<Time>, end: Option<Time>, outcome: JobOutcome) -> JobRecord {
    JobRecord {
        number: job.number,
        submit: job.at,
        start,
        end,
        processors: job.processors,
        estimate: job.estimate,
        user: job.user,
        outcome,
    }
}

impl JobObserver for JobLog {
    fn submitted(&mut self, now: Time, _job: &BatchJob) {
        self.observer.submitted(now);
    }

    fn rejected(&mut self, now: Time, job: &BatchJob) {
        self.observer.submitted(now);
        self.observer.ended(now, &row(job, None, None, JobOutcome::Rejected));
    }

    fn started(&mut self, now: Time, job: &BatchJob) {
        self.observer.started(now, job.number, job.processors, None);
    }

    fn ended(&mut self, now: Time, job: &BatchJob, start: Time, killed: bool) {
        let outcome = match (killed, job.fails) {
            (true, _) => JobOutcome::Killed,
            (false, true) => JobOutcome::Failed,
            (false, false) => JobOutcome::Completed,
        };
        self.observer.ended(now, &row(job, Some(start), Some(now), outcome));
    }

    fn finish(&mut self, now: Time, running: &[(BatchJob, Time)], waiting: &[BatchJob]) {
        self.end = Some(now);
        let running = running.iter().map(|(job, start)| row(job, Some(*start), None, JobOutcome::Unfinished));
        let waiting = waiting.iter().map(|job| row(job, None, None, JobOutcome::NeverStarted));
        self.open = running.chain(waiting).collect();
    }
}
