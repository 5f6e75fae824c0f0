//! Runs of a batch machine: jobs from a stream, a queue policy, and the ends of jobs.

use super::after::{After, Dependencies};
use super::driver::{Ending, Progress, RunError};
use super::queue::{Class, EventQueue};
use super::setup::StopRule;
use crate::base::ids::JobId;
use crate::base::{Diagnostic, Span, Time};
use crate::cluster::Machine;
use crate::control::Control;
use crate::control::batch::{BatchCommand, BatchControl, BatchEvent};

use crate::control::batch::Passes;
pub use crate::control::batch::Policy as BatchPolicy;

/// A job that needs its processors all at once, from its start to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchJob {
    /// When it is submitted.
    pub at: Time,
    /// Its number in the trace.
    pub number: u64,
    /// How many processors it needs, at least 1.
    pub processors: u32,
    /// How long it runs if nobody kills it.
    pub run_time: Span,
    /// The user's estimate of the run time.
    pub estimate: Option<Span>,
    /// Whether it ends with an error or is cancelled, as the trace says.
    pub fails: bool,
    /// The user, where the trace gives one; -1 otherwise.
    pub user: i32,
    /// Its place in the [`Dependencies`] of its source; `None` if it waits for no job and none for it.
    pub link: Option<u32>,
}

/// A stream of jobs in order of time.
pub trait JobSource: Send {
    /// The next job; `Ok(None)` at the end. Submit times never decrease.
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic>;

    /// Which of its jobs wait for which; asked once, before the first job.
    fn dependencies(&mut self) -> Dependencies {
        Dependencies::default()
    }
}

/// Sees what happens to jobs.
pub trait JobObserver {
    /// A job was submitted.
    fn submitted(&mut self, now: Time, job: &BatchJob);
    /// A job was refused: it needs more processors than there are.
    fn rejected(&mut self, now: Time, job: &BatchJob);
    /// A job started.
    fn started(&mut self, now: Time, job: &BatchJob);
    /// A job ended that started at `start`; `killed` if it had reached its estimate.
    fn ended(&mut self, now: Time, job: &BatchJob, start: Time, killed: bool);
    /// The run ended. Jobs that started and have not ended, then jobs that still wait.
    fn finish(&mut self, now: Time, running: &[(BatchJob, Time)], waiting: &[BatchJob]);
}

/// Observes nothing.
impl JobObserver for () {
    fn submitted(&mut self, _now: Time, _job: &BatchJob) {}
    fn rejected(&mut self, _now: Time, _job: &BatchJob) {}
    fn started(&mut self, _now: Time, _job: &BatchJob) {}
    fn ended(&mut self, _now: Time, _job: &BatchJob, _start: Time, _killed: bool) {}
    fn finish(&mut self, _now: Time, _running: &[(BatchJob, Time)], _waiting: &[BatchJob]) {}
}

/// A run of a batch machine: equal processors and a queue of rigid jobs.
pub struct BatchSetup {
    /// The seed of every random stream.
    pub seed: u64,
    /// How many processors there are, at least 1.
    pub processors: u32,
    /// In which order queued jobs start.
    pub policy: BatchPolicy,
    /// Whether a job is killed when it has run for its estimate.
    pub kill_at_estimate: bool,
    /// Whether the policy is told the true run times in the place of the estimates.
    pub clairvoyant: bool,
    /// Streams of jobs, each sorted by time.
    pub sources: Vec<Box<dyn JobSource>>,
    /// When the run ends.
    pub stop: StopRule,
    /// Whether to check every invariant after every instant. Slow.
    pub check_invariants: bool,
}

/// The streams of jobs as one, in order of time, then of the streams.
struct Jobs {
    sources: Vec<Box<dyn JobSource>>,
    next: Vec<Option<BatchJob>>,
    /// What is added to the places of each stream's jobs.
    bases: Vec<u32>,
}

impl Jobs {
    fn new(mut sources: Vec<Box<dyn JobSource>>, after: &mut After<BatchJob>) -> Result<Jobs, Diagnostic> {
        let bases = sources.iter_mut().map(|source| after.join(source.dependencies())).collect();
        let next = sources.iter_mut().map(|source| source.next()).collect::<Result<_, _>>()?;
        Ok(Jobs { sources, next, bases })
    }

    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        let times = self.next.iter().enumerate().filter_map(|(row, job)| Some((job.as_ref()?.at, row)));
        let Some((_, row)) = times.min() else { return Ok(None) };
        let following = self.sources[row].next()?;
        let next = std::mem::replace(&mut self.next[row], following);
        let base = self.bases[row];
        Ok(next.map(|job| BatchJob { link: job.link.map(|place| base + place), ..job }))
    }
}

/// What a batch run has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchOutcome {
    /// When it ended.
    pub end: Time,
    /// Why it ended.
    pub ending: Ending,
    /// How many events happened.
    pub events: u64,
}

/// A job that waits or runs.
#[derive(Clone, Copy, Default)]
struct Row {
    job: BatchJob,
    /// When it started.
    start: Option<Time>,
    killed: bool,
}

/// Events between two looks at the progress display.
const TICK_EVERY: u64 = 8192;

/// Runs a batch setup to its end. Generic over the observer, so that a run of a million jobs costs
/// no dynamic call per job.
pub fn run_batch<O: JobObserver>(
    setup: BatchSetup,
    observer: &mut O,
    progress: &mut dyn Progress,
) -> Result<BatchOutcome, RunError> {
    let mut run = BatchRun {
        machine: Machine::new(setup.processors),
        control: BatchControl::new(setup.policy),
        ends: EventQueue::new(),
        after: After::new(),
        freed: EventQueue::new(),
        rows: Vec::new(),
        free: Vec::new(),
        commands: Vec::new(),
        kill_at_estimate: setup.kill_at_estimate,
        clairvoyant: setup.clairvoyant,
        events: 0,
    };
    let mut jobs = Jobs::new(setup.sources, &mut run.after)?;
    let mut next = jobs.next()?;
    let mut now = Time::ZERO;
    let ending = loop {
        let due = [next.as_ref().map(|job| job.at), run.ends.peek(), run.freed.peek()];
        let Some(at) = due.into_iter().flatten().min() else { break Ending::JobsDone };
        if let Some(limit) = setup.stop.at
            && at > limit
        {
            now = limit;
            break Ending::TimeReached;
        }
        now = at.max(now);
        match setup.policy.passes {
            Passes::PerInstant => while run.end_job(now, observer) {},
            Passes::PerEvent => {}
            Passes::PerEventDue => run.announce_ends(now),
        }
        while let Some(job) = next.take_if(|job| job.at <= now) {
            next = jobs.next()?;
            let Some(job) = run.arrive(now, job) else { continue };
            run.submit(now, job, observer);
            if setup.policy.passes != Passes::PerInstant {
                run.pass(now, observer);
            }
        }
        while let Some(job) = run.take_freed(now) {
            run.submit(now, job, observer);
            if setup.policy.passes != Passes::PerInstant {
                run.pass(now, observer);
            }
        }
        while run.end_job(now, observer) {
            run.pass(now, observer);
        }
        run.pass(now, observer);
        if setup.check_invariants {
            run.check().map_err(|what| RunError::Invariant(Span(now.0), what))?;
        }
        if run.events / TICK_EVERY != (run.events.saturating_sub(2)) / TICK_EVERY
            && !progress.tick(now, run.events)
        {
            return Err(RunError::Interrupted(Span(now.0)));
        }
    };
    let (running, waiting) = run.left();
    observer.finish(now, &running, &waiting);
    Ok(BatchOutcome { end: now, ending, events: run.events })
}

struct BatchRun {
    machine: Machine,
    control: BatchControl,
    ends: EventQueue<JobId>,
    after: After<BatchJob>,
    /// Jobs that have waited for others and no longer do.
    freed: EventQueue<BatchJob>,
    rows: Vec<Row>,
    free: Vec<JobId>,
    commands: Vec<BatchCommand>,
    kill_at_estimate: bool,
    clairvoyant: bool,
    events: u64,
}

impl BatchRun {
    /// A job arrives; it is given back if it is submitted now.
    fn arrive(&mut self, now: Time, job: BatchJob) -> Option<BatchJob> {
        let given = self.after.arrive(now, job.link, job);
        self.plan_freed();
        given
    }

    /// A job is over: those that have waited for it alone are submitted, now or when they have thought.
    fn release(&mut self, now: Time, link: Option<u32>) {
        if link.is_some() {
            self.after.ended(now, link);
            self.plan_freed();
        }
    }

    fn plan_freed(&mut self) {
        for (at, job) in self.after.freed() {
            self.freed.schedule(at, Class::ARRIVAL, BatchJob { at, ..job });
        }
    }

    /// A job that no longer waits for others, submitted now.
    fn take_freed(&mut self, now: Time) -> Option<BatchJob> {
        if self.freed.peek()? > now {
            return None;
        }
        self.freed.pop().map(|(_, job)| job)
    }

    /// Ends one job that ends now; says whether there was one.
    fn end_job<O: JobObserver>(&mut self, now: Time, observer: &mut O) -> bool {
        if self.ends.peek() != Some(now) {
            return false;
        }
        let (_, id) = self.ends.pop().expect("the queue has just shown it");
        self.events += 1;
        let row = std::mem::take(&mut self.rows[id.index()]);
        self.control.handle(now, BatchEvent::Ended(id), &mut self.machine, &mut self.commands);
        self.free.push(id);
        self.release(now, row.job.link);
        observer.ended(now, &row.job, row.start.expect("an ended job has started"), row.killed);
        true
    }

    /// Tells of the jobs that end now as estimated, before anything else.
    fn announce_ends(&mut self, now: Time) {
        let mut due = Vec::new();
        while self.ends.peek() == Some(now) {
            let (_, id) = self.ends.pop().expect("the queue has just shown it");
            due.push(id);
        }
        for id in due {
            let row = &self.rows[id.index()];
            let estimate = self.machine.estimate[id.index()];
            let is_known = row.start.zip(estimate).is_some_and(|(start, estimate)| start + estimate <= now);
            if is_known {
                self.control.handle(now, BatchEvent::Due(id), &mut self.machine, &mut self.commands);
            }
            self.ends.schedule(now, Class::WORLD, id);
        }
    }

    fn submit<O: JobObserver>(&mut self, now: Time, job: BatchJob, observer: &mut O) {
        self.events += 1;
        if job.processors > self.machine.processors {
            observer.rejected(now, &job);
            self.release(now, job.link);
            return;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Row::default());
            JobId(self.rows.len() as u32 - 1)
        });
        self.rows[id.index()] = Row { job, start: None, killed: false };
        let limit = job.estimate.filter(|_| self.kill_at_estimate);
        let truth = limit.map_or(job.run_time, |limit| limit.min(job.run_time));
        // Who has asked for no time is taken to have asked for the truth.
        let estimate = job.estimate.filter(|_| !self.clairvoyant).unwrap_or(truth);
        self.machine.add(id, job.processors, job.at, Some(estimate));
        self.control.handle(now, BatchEvent::Submitted(id), &mut self.machine, &mut self.commands);
        observer.submitted(now, &job);
    }

    fn pass<O: JobObserver>(&mut self, now: Time, observer: &mut O) {
        if self.control.poll_timeout().is_none() {
            return;
        }
        self.control.handle_timeout(now, &mut self.machine, &mut self.commands);
        for BatchCommand::Start(id) in self.commands.drain(..) {
            let row = &mut self.rows[id.index()];
            row.start = Some(now);
            let limit = row.job.estimate.filter(|_| self.kill_at_estimate);
            let run = limit.map_or(row.job.run_time, |limit| row.job.run_time.min(limit));
            row.killed = run < row.job.run_time;
            self.ends.schedule(now + run, Class::WORLD, id);
            observer.started(now, &row.job);
        }
    }

    /// Processors in use are those of the jobs that run, and the rest is free.
    fn check(&self) -> Result<(), String> {
        let running = self.rows.iter().filter(|row| row.start.is_some());
        let used: u32 = running.map(|row| row.job.processors).sum();
        let Machine { processors, free, .. } = self.machine;
        if used + free == processors {
            return Ok(());
        }
        Err(format!("{used} processors in use and {free} free of {processors}"))
    }

    /// Jobs that run, and jobs that wait, in order.
    fn left(&self) -> (Vec<(BatchJob, Time)>, Vec<BatchJob>) {
        let waiting = self.control.waiting().map(|id| self.rows[id.index()].job).collect();
        let running = self.rows.iter().filter_map(|row| row.start.map(|start| (row.job, start))).collect();
        (running, waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Listed(std::vec::IntoIter<BatchJob>);
    type Ended = (u64, u64, u64, bool);

    impl JobSource for Listed {
        fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
            Ok(self.0.next())
        }
    }

    #[derive(Default)]
    struct Log(Vec<Ended>, usize);

    impl JobObserver for Log {
        fn submitted(&mut self, _now: Time, _job: &BatchJob) {}
        fn rejected(&mut self, _now: Time, _job: &BatchJob) {
            self.1 += 1;
        }
        fn started(&mut self, _now: Time, _job: &BatchJob) {}
        fn ended(&mut self, now: Time, job: &BatchJob, start: Time, killed: bool) {
            self.0.push((job.number, start.0, now.0, killed));
        }
        fn finish(&mut self, _now: Time, running: &[(BatchJob, Time)], waiting: &[BatchJob]) {
            self.1 += 100 * running.len() + 10_000 * waiting.len();
        }
    }

    fn job(number: u64, at: u64, run: u64, processors: u32, estimate: u64) -> BatchJob {
        BatchJob {
            number,
            at: Time(at),
            run_time: Span(run),
            processors,
            estimate: Some(Span(estimate)),
            ..BatchJob::default()
        }
    }

    fn run(jobs: Vec<BatchJob>, kill: bool, at: Option<Time>) -> Log {
        let setup = BatchSetup {
            seed: 1,
            processors: 4,
            sources: vec![Box::new(Listed(jobs.into_iter()))],
            policy: BatchPolicy::default(),
            kill_at_estimate: kill,
            clairvoyant: false,
            stop: StopRule { at, ..StopRule::default() },
            check_invariants: true,
        };
        let mut log = Log::default();
        run_batch(setup, &mut log, &mut ()).unwrap();
        log
    }

    #[test]
    fn processors_freed_at_an_instant_serve_it() {
        let log = run(vec![job(1, 0, 10, 4, 10), job(3, 3, 1, 9, 1), job(2, 10, 5, 4, 5)], false, None);
        assert_eq!(log.0, [(1, 0, 10, false), (2, 10, 15, false)]);
        assert_eq!(log.1, 1, "the job that is larger than the machine is counted");
    }

    #[test]
    fn jobs_are_killed_at_their_estimate_if_so_wanted() {
        assert_eq!(run(vec![job(1, 0, 10, 1, 6)], true, None).0, [(1, 0, 6, true)]);
        assert_eq!(run(vec![job(1, 0, 10, 1, 6)], false, None).0, [(1, 0, 10, false)]);
    }

    #[test]
    fn what_is_left_at_the_end_is_told() {
        let log = run(vec![job(1, 0, 10, 4, 10), job(2, 1, 5, 4, 5)], false, Some(Time(7)));
        assert_eq!(log.1, 100 + 10_000);
    }
}
