//! Runs of a batch machine: jobs from a stream, a queue policy, and the ends of jobs.

use super::after::{After, Dependencies};
use super::driver::{Ending, Progress, RunError};
use super::queue::{Class, EventQueue, Key};
use super::setup::StopRule;
use crate::base::ids::JobId;
use crate::base::{BitSet, Diagnostic, Span, Time};
use crate::cluster::Machine;
use crate::cluster::machine::QueuedJob;
use crate::control::Control;
use crate::control::batch::{
    BatchCommand, BatchControl, BatchEvent, EventOrder, Passes, Reservation, Waits, Why,
};

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
    /// The priority: the higher, the sooner.
    pub priority: i32,
    /// When it should have ended.
    pub deadline: Option<Time>,
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

/// How far a job has come that has started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ran {
    /// When it started for the first time.
    pub start: Time,
    /// Since when it runs; `None` while it is stopped.
    pub since: Option<Time>,
    /// How long it has run before that.
    pub before: Span,
}

impl Ran {
    /// How long it has run up to now.
    pub fn total(&self, now: Time) -> Span {
        self.before + self.since.map_or(Span::ZERO, |since| now.since(since))
    }
}

/// How a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobEnd<'a> {
    /// How it ran, up to this moment.
    pub ran: Ran,
    /// Whether it was killed, having reached its estimate.
    pub killed: bool,
    /// The processors that it had, where they are told apart.
    pub held: Option<&'a BitSet>,
}

/// Sees what happens to jobs.
pub trait JobObserver {
    /// A job was submitted.
    fn submitted(&mut self, now: Time, job: &BatchJob);
    /// A job was refused: it needs more processors than there are.
    fn rejected(&mut self, now: Time, job: &BatchJob);
    /// A job started, or goes on; the processors that it has, where they are told apart.
    fn started(&mut self, now: Time, job: &BatchJob, held: Option<&BitSet>);
    /// A job was stopped, to go on later.
    fn stopped(&mut self, now: Time, job: &BatchJob, ran: &Ran);
    /// A job ended.
    fn ended(&mut self, now: Time, job: &BatchJob, end: &JobEnd<'_>);
    /// The run ended. Jobs that run, then jobs that wait, some of which may have run.
    fn finish(&mut self, now: Time, left: &[(BatchJob, Option<Ran>)]);

    /// Whether [`JobObserver::waits`] is to be called. Reasons cost a look at each job that waits after
    /// each instant.
    fn wants_reasons(&self) -> bool {
        false
    }

    /// A job waits at the end of this instant, and why; jobs in it are named by their numbers. Told at
    /// each instant, whether it has changed or not.
    fn waits(&mut self, _now: Time, _job: &BatchJob, _waits: &Waits<u64>) {}
}

/// Observes nothing.
impl JobObserver for () {
    fn submitted(&mut self, _now: Time, _job: &BatchJob) {}
    fn rejected(&mut self, _now: Time, _job: &BatchJob) {}
    fn started(&mut self, _now: Time, _job: &BatchJob, _held: Option<&BitSet>) {}
    fn stopped(&mut self, _now: Time, _job: &BatchJob, _ran: &Ran) {}
    fn ended(&mut self, _now: Time, _job: &BatchJob, _end: &JobEnd<'_>) {}
    fn finish(&mut self, _now: Time, _left: &[(BatchJob, Option<Ran>)]) {}
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
    /// What the policy is told of a run time is multiplied by this, above 0.
    pub estimate_factor: f64,
    /// From the decision to start a job to its start; its processors are in use in the meantime.
    pub dispatch_delay: Span,
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
    /// Whether it has processors.
    holds: bool,
    ran: Option<Ran>,
    /// How long it has still to run.
    left: Span,
    killed: bool,
    /// Its beginning or its end to come.
    key: Option<Key>,
}

/// What is going to happen to a job.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// It begins, some time after it was given its processors.
    Begin(JobId),
    End(JobId),
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
    let mut run = BatchRun::new(&setup);
    let mut jobs = Jobs::new(setup.sources, &mut run.after)?;
    let mut next = jobs.next()?;
    let mut now = Time::ZERO;
    let (passes, event_order) = (setup.policy.passes, setup.policy.event_order);
    let ending = loop {
        let moments =
            [next.as_ref().map(|job| job.at), run.ends.peek(), run.freed.peek(), run.control.poll_timeout()];
        let Some(at) = moments.into_iter().flatten().min() else { break Ending::JobsDone };
        if let Some(limit) = setup.stop.at
            && at > limit
        {
            now = limit;
            break Ending::TimeReached;
        }
        now = at.max(now);
        match passes {
            Passes::PerInstant => while run.happen(now, observer) {},
            Passes::PerEvent if event_order == EventOrder::EndFirst => run.pass_by_pass(now, observer),
            Passes::PerEvent => {}
            Passes::PerEventDue => run.announce_ends(now),
        }
        while let Some(job) = next.take_if(|job| job.at <= now) {
            next = jobs.next()?;
            let Some(job) = run.arrive(now, job) else { continue };
            run.submit(now, job, observer);
            if passes != Passes::PerInstant {
                run.pass(now, observer);
            }
        }
        while let Some(job) = run.take_freed(now) {
            run.submit(now, job, observer);
            if passes != Passes::PerInstant {
                run.pass(now, observer);
            }
        }
        run.pass_by_pass(now, observer);
        run.pass(now, observer);
        if observer.wants_reasons() {
            run.tell_reasons(now, observer);
        }
        if setup.check_invariants {
            run.check().map_err(|what| RunError::Invariant(Span(now.0), what))?;
        }
        if run.events / TICK_EVERY != (run.events.saturating_sub(2)) / TICK_EVERY
            && !progress.tick(now, run.events)
        {
            return Err(RunError::Interrupted(Span(now.0)));
        }
    };
    observer.finish(now, &run.left());
    Ok(BatchOutcome { end: now, ending, events: run.events })
}

struct BatchRun {
    machine: Machine,
    control: BatchControl,
    ends: EventQueue<Happening>,
    after: After<BatchJob>,
    /// Jobs that have waited for others and no longer do.
    freed: EventQueue<BatchJob>,
    rows: Vec<Row>,
    free: Vec<JobId>,
    commands: Vec<BatchCommand>,
    kill_at_estimate: bool,
    clairvoyant: bool,
    estimate_factor: f64,
    dispatch_delay: Span,
    events: u64,
}

impl BatchRun {
    fn new(setup: &BatchSetup) -> BatchRun {
        let is_numbered = setup.policy.reservation == Reservation::Machines;
        let make = if is_numbered { Machine::numbered } else { Machine::new };
        BatchRun {
            machine: make(setup.processors),
            control: BatchControl::new(setup.policy.clone()),
            ends: EventQueue::new(),
            after: After::new(),
            freed: EventQueue::new(),
            rows: Vec::new(),
            free: Vec::new(),
            commands: Vec::new(),
            kill_at_estimate: setup.kill_at_estimate,
            clairvoyant: setup.clairvoyant,
            estimate_factor: setup.estimate_factor,
            dispatch_delay: setup.dispatch_delay,
            events: 0,
        }
    }

    /// A job arrives; it is given back if it is submitted now.
    fn arrive(&mut self, now: Time, job: BatchJob) -> Option<BatchJob> {
        if job.link.is_none() {
            return Some(job);
        }
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

    /// Begins or ends one job for which it is time; says whether there was one.
    fn happen<O: JobObserver>(&mut self, now: Time, observer: &mut O) -> bool {
        if self.ends.peek() != Some(now) {
            return false;
        }
        let (_, happening) = self.ends.pop().expect("the queue has just shown it");
        self.events += 1;
        match happening {
            Happening::Begin(id) => self.begin(now, id, observer),
            Happening::End(id) => self.end(now, id, observer),
        }
        true
    }

    fn end<O: JobObserver>(&mut self, now: Time, id: JobId, observer: &mut O) {
        let row = std::mem::take(&mut self.rows[id.index()]);
        let held = self.machine.held(id).cloned();
        self.control.handle(now, BatchEvent::Ended(id), &mut self.machine, &mut self.commands);
        self.free.push(id);
        self.release(now, row.job.link);
        let ran = row.ran.expect("an ended job has started");
        observer.ended(now, &row.job, &JobEnd { ran, killed: row.killed, held: held.as_ref() });
    }

    fn begin<O: JobObserver>(&mut self, now: Time, id: JobId, observer: &mut O) {
        let row = &mut self.rows[id.index()];
        let ran = row.ran.get_or_insert(Ran { start: now, since: None, before: Span::ZERO });
        ran.since = Some(now);
        row.key = Some(self.ends.schedule(now + row.left, Class::WORLD, Happening::End(id)));
        observer.started(now, &row.job, self.machine.held(id));
    }

    /// What happens to jobs now, with a pass after each.
    fn pass_by_pass<O: JobObserver>(&mut self, now: Time, observer: &mut O) {
        while self.happen(now, observer) {
            self.pass(now, observer);
        }
    }

    /// Tells of the jobs that end now as estimated, before anything else.
    fn announce_ends(&mut self, now: Time) {
        let mut due = Vec::new();
        while self.ends.peek() == Some(now) {
            let (_, happening) = self.ends.pop().expect("the queue has just shown it");
            due.push(happening);
        }
        for happening in due {
            let (Happening::Begin(id) | Happening::End(id)) = happening;
            let start = self.rows[id.index()].ran.map(|ran| ran.start);
            let estimate = self.machine.estimate[id.index()];
            let is_known = start.zip(estimate).is_some_and(|(start, estimate)| start + estimate <= now);
            if is_known {
                self.control.handle(now, BatchEvent::Due(id), &mut self.machine, &mut self.commands);
            }
            self.rows[id.index()].key = Some(self.ends.schedule(now, Class::WORLD, happening));
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
        let limit = job.estimate.filter(|_| self.kill_at_estimate);
        let left = limit.map_or(job.run_time, |limit| limit.min(job.run_time));
        self.rows[id.index()] = Row { job, left, killed: left < job.run_time, ..Row::default() };
        // Who has asked for no time is taken to have asked for the truth.
        let estimate = job.estimate.filter(|_| !self.clairvoyant).unwrap_or(left);
        let queued = QueuedJob {
            processors: job.processors,
            submitted: job.at,
            estimate: Some(self.told(estimate)),
            user: job.user,
            priority: job.priority,
            deadline: job.deadline,
        };
        self.machine.add(id, &queued);
        self.control.handle(now, BatchEvent::Submitted(id), &mut self.machine, &mut self.commands);
        observer.submitted(now, &job);
    }

    /// What the policy is told of a run time.
    fn told(&self, estimate: Span) -> Span {
        if (self.estimate_factor - 1.0).abs() < f64::EPSILON {
            return estimate;
        }
        Span::from_secs_f64(estimate.as_secs_f64() * self.estimate_factor)
    }

    fn pass<O: JobObserver>(&mut self, now: Time, observer: &mut O) {
        if self.control.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        self.control.handle_timeout(now, &mut self.machine, &mut self.commands);
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            match command {
                BatchCommand::Start(id) => self.start(now, id, observer),
                BatchCommand::Stop(id) => self.stop(now, id, observer),
            }
        }
        self.commands = commands;
    }

    /// Gives a job its processors; it begins now or after the delay.
    fn start<O: JobObserver>(&mut self, now: Time, id: JobId, observer: &mut O) {
        self.rows[id.index()].holds = true;
        if self.dispatch_delay == Span::ZERO {
            return self.begin(now, id, observer);
        }
        let begin = self.ends.schedule(now + self.dispatch_delay, Class::WORLD, Happening::Begin(id));
        self.rows[id.index()].key = Some(begin);
    }

    fn stop<O: JobObserver>(&mut self, now: Time, id: JobId, observer: &mut O) {
        let row = &mut self.rows[id.index()];
        row.holds = false;
        if let Some(key) = row.key.take() {
            self.ends.cancel(key);
        }
        let Some(ran) = &mut row.ran else { return };
        observer.stopped(now, &row.job, ran);
        if let Some(since) = ran.since.take() {
            let stretch = now.since(since);
            ran.before += stretch;
            row.left = Span(row.left.0.saturating_sub(stretch.0));
        }
    }

    /// Tells why each job that waits does not start.
    fn tell_reasons<O: JobObserver>(&self, now: Time, observer: &mut O) {
        for id in self.control.waiting() {
            let waits = self.control.why(now, id, &self.machine);
            let waits = waits.named(|first| self.rows[first.index()].job.number);
            observer.waits(now, &self.rows[id.index()].job, &waits);
        }
        let is_launched = |row: &&Row| row.holds && row.ran.is_none_or(|ran| ran.since.is_none());
        for row in self.rows.iter().filter(is_launched) {
            let (needs, free) = (row.job.processors, self.machine.free);
            observer.waits(now, &row.job, &Waits { needs, free, why: Why::Launching });
        }
    }

    /// Processors in use are those of the jobs that hold some, and the rest is free.
    fn check(&self) -> Result<(), String> {
        let holding = self.rows.iter().filter(|row| row.holds);
        let used: u32 = holding.map(|row| row.job.processors).sum();
        let Machine { processors, free, numbered, .. } = &self.machine;
        if used + free != *processors {
            return Err(format!("{used} processors in use and {free} free of {processors}"));
        }
        let idle = numbered.as_ref().map_or(*free as usize, |numbered| numbered.idle.count());
        if idle != *free as usize {
            return Err(format!("{idle} processors are idle and {free} free"));
        }
        Ok(())
    }

    /// Jobs that have processors, and jobs that wait, in order.
    fn left(&self) -> Vec<(BatchJob, Option<Ran>)> {
        let holding = self.rows.iter().filter(|row| row.holds).map(|row| (row.job, row.ran));
        let waiting = self.control.waiting().map(|id| {
            let row = &self.rows[id.index()];
            (row.job, row.ran)
        });
        holding.chain(waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::batch::Order;

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
        fn started(&mut self, _now: Time, _job: &BatchJob, _held: Option<&BitSet>) {}
        fn stopped(&mut self, _now: Time, _job: &BatchJob, _ran: &Ran) {
            self.1 += 1_000_000;
        }
        fn ended(&mut self, now: Time, job: &BatchJob, end: &JobEnd<'_>) {
            assert_eq!(end.ran.total(now), job.run_time.min(job.estimate.unwrap_or(Span::MAX)));
            self.0.push((job.number, end.ran.start.0, now.0, end.killed));
        }
        fn finish(&mut self, _now: Time, left: &[(BatchJob, Option<Ran>)]) {
            let running = left.iter().filter(|(_, ran)| ran.is_some()).count();
            self.1 += 100 * running + 10_000 * (left.len() - running);
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

    fn setup(jobs: Vec<BatchJob>) -> BatchSetup {
        BatchSetup {
            seed: 1,
            processors: 4,
            sources: vec![Box::new(Listed(jobs.into_iter()))],
            policy: BatchPolicy::default(),
            kill_at_estimate: true,
            clairvoyant: false,
            estimate_factor: 1.0,
            dispatch_delay: Span::ZERO,
            stop: StopRule::default(),
            check_invariants: true,
        }
    }

    fn told(setup: BatchSetup) -> Log {
        let mut log = Log::default();
        run_batch(setup, &mut log, &mut ()).unwrap();
        log
    }

    fn run(jobs: Vec<BatchJob>, at: Option<Time>) -> Log {
        told(BatchSetup { stop: StopRule { at, ..StopRule::default() }, ..setup(jobs) })
    }

    #[test]
    fn processors_freed_at_an_instant_serve_it() {
        let log = run(vec![job(1, 0, 10, 4, 10), job(3, 3, 1, 9, 1), job(2, 10, 5, 4, 5)], None);
        assert_eq!(log.0, [(1, 0, 10, false), (2, 10, 15, false)]);
        assert_eq!(log.1, 1, "the job that is larger than the machine is counted");
    }

    #[test]
    fn jobs_are_killed_at_their_estimate_if_so_wanted() {
        assert_eq!(run(vec![job(1, 0, 10, 1, 6)], None).0, [(1, 0, 6, true)]);
        let setup = BatchSetup { kill_at_estimate: false, ..setup(vec![job(1, 0, 6, 1, 6)]) };
        assert_eq!(told(setup).0, [(1, 0, 6, false)]);
    }

    #[test]
    fn what_is_left_at_the_end_is_told() {
        let log = run(vec![job(1, 0, 10, 4, 10), job(2, 1, 5, 4, 5)], Some(Time(7)));
        assert_eq!(log.1, 100 + 10_000);
    }

    #[test]
    fn a_launch_holds_processors_before_the_job_runs() {
        let jobs = vec![job(1, 0, 10, 4, 10), job(2, 3, 5, 4, 5)];
        let log = told(BatchSetup { dispatch_delay: Span(2), ..setup(jobs) });
        assert_eq!(log.0, [(1, 2, 12, false), (2, 14, 19, false)]);
    }

    #[test]
    fn passes_wait_for_the_interval() {
        let policy = BatchPolicy { interval: Span(4), ..BatchPolicy::default() };
        let log = told(BatchSetup { policy, ..setup(vec![job(1, 1, 10, 4, 10), job(2, 3, 5, 4, 5)]) });
        assert_eq!(log.0, [(1, 4, 14, false), (2, 16, 21, false)]);
    }

    #[test]
    fn a_job_that_gives_way_goes_on_later() {
        let policy = BatchPolicy { order: Order::ShortestRemaining, ..BatchPolicy::default() };
        let log = told(BatchSetup { policy, ..setup(vec![job(1, 0, 10, 4, 10), job(2, 3, 5, 4, 5)]) });
        assert_eq!(log.0, [(2, 3, 8, false), (1, 0, 15, false)]);
        assert_eq!(log.1, 1_000_000, "one stop");
    }
}
