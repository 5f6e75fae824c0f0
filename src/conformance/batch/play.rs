//! A workload under a policy, and the measures that publications print.

use crate::base::{BitSet, Diagnostic, Span, Time};
use crate::sim::{
    BatchJob, BatchPolicy, BatchSetup, JobEnd, JobObserver, JobSource, Ran, StopRule, run_batch,
};
use crate::trace::Row;

/// A job that has run.
#[derive(Clone, PartialEq, Debug)]
pub struct Played {
    /// Its number.
    pub number: u64,
    /// When it was submitted, in seconds.
    pub submit: f64,
    /// When it started.
    pub start: f64,
    /// How long it ran.
    pub run: f64,
    /// How many processors it had.
    pub processors: f64,
    /// Which ones, where they are told apart.
    pub machines: Option<BitSet>,
}

impl Played {
    /// When it ended, in seconds.
    pub(super) fn end(&self) -> f64 {
        self.start + self.run
    }

    pub(super) fn wait(&self) -> f64 {
        self.start - self.submit
    }

    pub(super) fn turnaround(&self) -> f64 {
        self.end() - self.submit
    }

    /// The slowdown with a bound of ten seconds.
    pub(super) fn bounded_slowdown(&self) -> f64 {
        (self.turnaround() / self.run.max(10.0)).max(1.0)
    }
}

/// How a workload is run.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) processors: u32,
    pub(super) policy: BatchPolicy,
    pub(super) kill_at_estimate: bool,
    pub(super) clairvoyant: bool,
}

struct Listed(std::vec::IntoIter<BatchJob>);

impl JobSource for Listed {
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        Ok(self.0.next())
    }
}

#[derive(Default)]
struct Log(Vec<Played>);

impl JobObserver for Log {
    fn submitted(&mut self, _now: Time, _job: &BatchJob) {}
    fn rejected(&mut self, _now: Time, _job: &BatchJob) {}
    fn started(&mut self, _now: Time, _job: &BatchJob, _held: Option<&BitSet>) {}
    fn stopped(&mut self, _now: Time, _job: &BatchJob, _ran: &Ran) {}
    fn ended(&mut self, now: Time, job: &BatchJob, end: &JobEnd<'_>) {
        self.0.push(Played {
            number: job.number,
            submit: job.at.as_secs_f64(),
            start: end.ran.start.as_secs_f64(),
            run: end.ran.total(now).as_secs_f64(),
            processors: f64::from(job.processors),
            machines: end.held.cloned(),
        });
    }
    fn finish(&mut self, _now: Time, _left: &[(BatchJob, Option<Ran>)]) {}
}

/// The rows of a log as jobs, in the order of submission, then of their numbers. Rows without a run time
/// are left out.
pub fn jobs(rows: &[Row]) -> Vec<BatchJob> {
    let job = |row: &Row| {
        Some(BatchJob {
            at: row.submit,
            number: u64::try_from(row.number).ok()?,
            processors: row.processors.max(1),
            run_time: row.run_time?,
            estimate: row.estimate,
            user: row.user,
            ..BatchJob::default()
        })
    };
    let mut jobs: Vec<BatchJob> = rows.iter().filter_map(job).collect();
    jobs.sort_by_key(|job| (job.at, job.number));
    jobs
}

/// Runs jobs; those that can never start are not in what comes back, which is in the order of the ends.
pub(super) fn play(jobs: Vec<BatchJob>, rules: &Rules) -> Vec<Played> {
    let setup = BatchSetup {
        seed: 0,
        processors: rules.processors,
        policy: rules.policy.clone(),
        kill_at_estimate: rules.kill_at_estimate,
        clairvoyant: rules.clairvoyant,
        estimate_factor: 1.0,
        dispatch_delay: Span::ZERO,
        sources: vec![Box::new(Listed(jobs.into_iter()))],
        stop: StopRule::default(),
        check_invariants: false,
    };
    let mut log = Log::default();
    run_batch(setup, &mut log, &mut ()).expect("jobs in memory cannot be misread, and nobody interrupts");
    log.0
}

/// The mean of a measure.
pub(super) fn mean(jobs: &[Played], measure: impl Fn(&Played) -> f64) -> f64 {
    jobs.iter().map(measure).sum::<f64>() / jobs.len() as f64
}

/// The largest of a measure.
pub(super) fn largest(jobs: &[Played], measure: impl Fn(&Played) -> f64) -> f64 {
    jobs.iter().map(measure).fold(f64::NEG_INFINITY, f64::max)
}
