//! What a batch run tells, as [`BatchObserver`] takes it.

use super::batch::{BatchObserver, BatchOptions, JobOutcome, JobRecord};
use super::outputs::Observed;
use super::table::Sink;
use super::waits::{self, WaitLog};
use crate::base::{BitSet, Span, Time};
use crate::control::batch::Waits;
use crate::sim::{BatchJob, JobEnd, JobObserver, Ran};
use std::io;

/// Observes a run of a batch machine. Feed it to the engine, then call [`JobLog::observed`].
pub struct JobLog {
    observer: BatchObserver,
    waits: WaitLog<Waits<u64>>,
    /// Jobs that have not ended at the end, and when that was.
    open: Vec<JobRecord>,
    end: Option<Time>,
}

impl JobLog {
    /// An observer that writes `jobs.csv` into `sink`, if there is one.
    pub fn new(options: BatchOptions, sink: Option<Sink>) -> JobLog {
        let observer = BatchObserver::new(options, sink);
        JobLog { observer, waits: WaitLog::default(), open: Vec::new(), end: None }
    }

    /// The results, once the run has told its end; or the first error of the sink. A run that was
    /// broken off before its end is an error of kind `Interrupted`.
    pub fn observed(self) -> io::Result<Observed> {
        let end = self
            .end
            .ok_or_else(|| io::Error::new(io::ErrorKind::Interrupted, "the run did not come to its end"))?;
        let is_small = self.waits.is_small();
        let waits = waits::told(self.waits.finish(end));
        let mut observed = self.observer.finish(end, &self.open)?;
        waits::draw(&waits, &mut observed.results.gantt);
        observed.results.waits = waits;
        observed.results.keeps_waits = is_small;
        if is_small {
            observed.documents.push(waits::table(&observed.results.waits));
        }
        Ok(observed)
    }
}

fn row(job: &BatchJob, ran: Option<&Ran>, now: Time, outcome: JobOutcome) -> JobRecord {
    let has_ended = matches!(outcome, JobOutcome::Completed | JobOutcome::Failed | JobOutcome::Killed);
    JobRecord {
        number: job.number,
        submit: job.at,
        start: ran.map(|ran| ran.start),
        since: ran.and_then(|ran| ran.since),
        end: has_ended.then_some(now),
        ran: ran.map_or(Span::ZERO, |ran| ran.total(now)),
        processors: job.processors,
        estimate: job.estimate,
        user: job.user,
        outcome,
    }
}

impl JobObserver for JobLog {
    fn submitted(&mut self, now: Time, _job: &BatchJob) {
        self.observer.submitted(now);
        self.waits.submitted();
    }

    fn rejected(&mut self, now: Time, job: &BatchJob) {
        self.observer.submitted(now);
        self.observer.ended(now, &row(job, None, now, JobOutcome::Rejected), None);
    }

    fn started(&mut self, now: Time, job: &BatchJob, held: Option<&BitSet>) {
        self.observer.started(now, job.number, job.processors, held);
        self.waits.over(now, job.number);
    }

    fn stopped(&mut self, now: Time, job: &BatchJob, ran: &Ran) {
        self.observer.stopped(now, &row(job, Some(ran), now, JobOutcome::Unfinished));
    }

    fn ended(&mut self, now: Time, job: &BatchJob, end: &JobEnd<'_>) {
        let outcome = match (end.killed, job.fails) {
            (true, _) => JobOutcome::Killed,
            (false, true) => JobOutcome::Failed,
            (false, false) => JobOutcome::Completed,
        };
        self.observer.ended(now, &row(job, Some(&end.ran), now, outcome), end.held);
    }

    fn finish(&mut self, now: Time, left: &[(BatchJob, Option<Ran>)]) {
        self.end = Some(now);
        let outcome = |ran: &Option<Ran>| {
            if ran.is_some() { JobOutcome::Unfinished } else { JobOutcome::NeverStarted }
        };
        self.open = left.iter().map(|(job, ran)| row(job, ran.as_ref(), now, outcome(ran))).collect();
    }

    fn wants_reasons(&self) -> bool {
        self.waits.is_small()
    }

    fn waits(&mut self, now: Time, job: &BatchJob, waits: &Waits<u64>) {
        self.waits.waits(now, job.number, waits);
    }
}
