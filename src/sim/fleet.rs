//! Runs of a fleet: jobs of one or more tasks from streams, nodes with several resources that fail
//! and return, and the batch control that places the tasks.

use super::after::After;
use super::driver::{Ending, Progress, RunError};
use super::ends::Ends;
use super::faults::{Faults, Strike};
use super::queue::{Class, EventQueue};
use super::setup::{Fault, NodeSetup, Pool, Source, StopRule, Submission, SubmissionName};
use crate::base::ids::{ClassId, JobId, NodeId, TaskId};
use crate::base::{Diagnostic, Map, Span, Streams, Symbol, Time};
use crate::cluster::Fleet;
use crate::cluster::fleet::{Job, Task};
use crate::control::Control;
use crate::control::fleet::{Eviction, FleetCommand, FleetControl, FleetEvent, Gang, Policy, Reason};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A job as it is seen from outside.
#[derive(Clone, Debug)]
pub struct FleetJob {
    /// Its row among the jobs of the fleet; used again when it has ended.
    pub row: JobId,
    /// Its place in the order of submission, from 1.
    pub number: u64,
    /// The name.
    pub name: SubmissionName,
    /// When it was submitted.
    pub at: Time,
    /// What each task asks for.
    pub class: ClassId,
    /// How many tasks it has.
    pub tasks: u32,
    /// How long each task runs if nobody stops it.
    pub run_time: Span,
    /// The user's estimate of that.
    pub estimate: Option<Span>,
    /// Whether its tasks end with an error.
    pub fails: bool,
    /// The priority.
    pub priority: i32,
    /// The user; -1 where nobody is named.
    pub user: i32,
    /// The number of its account.
    pub account: usize,
    /// When the first of its tasks was started.
    pub first_start: Option<Time>,
    /// When all of its tasks had been started for the first time.
    pub all_started: Option<Time>,
    /// Starts of its tasks.
    pub starts: u64,
    /// How often one of its tasks was taken from its node.
    pub evictions: u64,
    /// Tasks that have ended.
    pub ended: u32,
    /// Whether its tasks are ended at the estimate.
    pub killed: bool,
    /// Since when its tasks work, if they wait for each other.
    pub together: Together,
    /// Its place in the dependencies of the run.
    link: Option<u32>,
    /// Tasks on nodes.
    running: u32,
    /// What few jobs have.
    extra: Option<Box<Extra>>,
}

/// What is kept of a job only where it is needed.
#[derive(Clone, Debug, Default)]
struct Extra {
    /// What is left to run of tasks that were evicted, where their work is kept.
    left: Vec<Span>,
    /// The tasks on nodes, where they wait for each other.
    members: Vec<TaskId>,
}

/// Since when tasks on nodes work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Together {
    /// Each since its own start.
    Apart,
    /// None does: they hold their room until all have started.
    NotYet,
    /// All have started.
    Since(Time),
}

/// Sees what happens.
pub trait FleetObserver {
    /// The run begins with these nodes.
    fn begin(&mut self, fleet: &Fleet, nodes: &[NodeSetup], pools: &[Pool]);
    /// A job was submitted.
    fn submitted(&mut self, now: Time, job: &FleetJob, control: &FleetControl);
    /// A job was refused: it can never run.
    fn rejected(&mut self, now: Time, job: &FleetJob, fleet: &Fleet, why: &str);
    /// A task was started.
    fn started(&mut self, now: Time, job: &FleetJob, id: TaskId, task: &Task, fleet: &Fleet);
    /// A task has ended.
    fn ended(&mut self, now: Time, job: &FleetJob, id: TaskId, task: &Task, fleet: &Fleet);
    /// A task was taken from its node, and its work is `kept` or lost.
    fn evicted(
        &mut self,
        now: Time,
        job: &FleetJob,
        evicted: (TaskId, &Task, Eviction),
        kept: bool,
        fleet: &Fleet,
    );
    /// The last task of a job has ended.
    fn job_ended(&mut self, now: Time, job: &FleetJob, fleet: &Fleet);
    /// A node went down or came up.
    fn node(&mut self, now: Time, node: NodeId, up: bool);
    /// Everything of an instant has happened; so many tasks wait.
    fn instant(&mut self, now: Time, fleet: &Fleet, waiting: u64, control: &FleetControl);
    /// Whether [`FleetObserver::waits`] is to be called. Reasons cost a look at each job that waits, and
    /// for it at each node, after each instant.
    fn wants_reasons(&self) -> bool {
        false
    }
    /// The jobs of which tasks wait at the end of this instant, and why, in the order in which they are
    /// served; jobs in the reasons are named. Told at each instant, whether it has changed or not.
    fn waits(&mut self, _now: Time, _waiting: &[(&FleetJob, Reason<String>)]) {}
    /// The run ended. Jobs that have not ended, with the reason for which tasks of theirs wait, in order
    /// of submission.
    fn finish(
        &mut self,
        now: Time,
        fleet: &Fleet,
        control: &FleetControl,
        open: &[(FleetJob, Option<String>)],
    );
}

/// A run of a fleet.
pub struct FleetSetup {
    /// The seed of every random stream.
    pub seed: u64,
    /// The pools; every node belongs to one.
    pub pools: Vec<Pool>,
    /// The nodes.
    pub nodes: Vec<NodeSetup>,
    /// How they are served.
    pub policy: Policy,
    /// Whether the work of an evicted task is kept: it goes on where it was.
    pub keeps_work: bool,
    /// Whether a task is ended when it has run for its estimate.
    pub kill_at_estimate: bool,
    /// Whether the policy is told the true run times in the place of the estimates.
    pub clairvoyant: bool,
    /// Streams of jobs, each sorted by time.
    pub sources: Vec<Box<dyn Source>>,
    /// What goes wrong with nodes.
    pub faults: Vec<Fault>,
    /// When the run ends.
    pub stop: StopRule,
    /// Whether to check every invariant after every instant. Slow.
    pub check_invariants: bool,
}

/// What a run has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FleetOutcome {
    /// When it ended.
    pub end: Time,
    /// Why it ended.
    pub ending: Ending,
    /// How many events happened.
    pub events: u64,
}

/// The streams as one, in order of time, then of the streams.
struct Submissions {
    sources: Vec<Box<dyn Source>>,
    next: Vec<Option<Submission>>,
    /// What is added to the places of each source's dependencies.
    bases: Vec<u32>,
}

impl Submissions {
    fn new(
        mut sources: Vec<Box<dyn Source>>,
        after: &mut After<Submission>,
    ) -> Result<Submissions, Diagnostic> {
        let bases = sources.iter_mut().map(|source| after.join(source.dependencies())).collect();
        let next = sources.iter_mut().map(|source| source.next()).collect::<Result<_, _>>()?;
        Ok(Submissions { sources, next, bases })
    }

    fn first(&self) -> Option<(Time, usize)> {
        self.next.iter().enumerate().filter_map(|(row, job)| Some((job.as_ref()?.at, row))).min()
    }

    fn take(&mut self, row: usize) -> Result<Submission, Diagnostic> {
        let mut job = self.next[row].take().expect("the stream has shown a job");
        self.next[row] = self.sources[row].next()?;
        if let Some(link) = &mut job.link {
            *link += self.bases[row];
        }
        Ok(job)
    }
}

/// A task on a node.
#[derive(Clone, Copy, Default)]
struct Going {
    /// The ticket of its end; 0 if none is planned.
    end: u64,
    /// When it began to make progress, and how long it had to run then.
    since: Time,
    left: Span,
}

/// Events between two looks at the progress display.
const TICK_EVERY: u64 = 8192;

/// Runs a fleet to its end. Generic over the observer, so that millions of tasks cost no dynamic call
/// each.
pub fn run_fleet<O: FleetObserver>(
    mut setup: FleetSetup,
    observer: &mut O,
    progress: &mut dyn Progress,
) -> Result<FleetOutcome, RunError> {
    let sources = std::mem::take(&mut setup.sources);
    let mut run = FleetRun::new(setup);
    let mut submissions = Submissions::new(sources, &mut run.after)?;
    observer.begin(&run.fleet, &run.setup.nodes, &run.setup.pools);
    let mut now = Time::ZERO;
    let mut told = 0;
    let ending = loop {
        let Some(at) = run.next_moment(submissions.first().map(|(at, _)| at)) else {
            break run.ending(&mut now);
        };
        if let Some(limit) = run.setup.stop.at
            && at > limit
        {
            now = limit;
            break Ending::TimeReached;
        }
        now = at.max(now);
        while run.happen(now, observer) {}
        while let Some((_, row)) = submissions.first().filter(|(at, _)| *at <= now) {
            run.arrive(now, submissions.take(row)?, observer);
        }
        run.submit_later(now, observer);
        run.pass(now, observer);
        if observer.wants_reasons() {
            run.tell_reasons(now, observer);
        }
        observer.instant(now, &run.fleet, run.fleet.waiting, &run.control);
        if run.setup.check_invariants {
            run.check().map_err(|what| RunError::Invariant(Span(now.0), what))?;
        }
        if run.events >= told + TICK_EVERY {
            told = run.events;
            if !progress.tick(now, run.events) {
                return Err(RunError::Interrupted(Span(now.0)));
            }
        }
    };
    let open = run.open();
    observer.finish(now, &run.fleet, &run.control, &open);
    Ok(FleetOutcome { end: now, ending, events: run.events })
}

struct FleetRun {
    setup: FleetSetup,
    fleet: Fleet,
    control: FleetControl,
    planned: Ends<TaskId>,
    strikes: EventQueue<Strike>,
    faults: Faults,
    rows: Vec<Option<FleetJob>>,
    free: Vec<JobId>,
    going: Vec<Going>,
    commands: Vec<FleetCommand>,
    namespaces: Map<usize, (Arc<str>, Symbol)>,
    /// Jobs that wait for the ends of others, and those that may be submitted from a moment on.
    after: After<Submission>,
    later: BTreeMap<(Time, u64), Submission>,
    freed: u64,
    submitted: u64,
    /// Jobs that were submitted and have not ended.
    open: u64,
    /// Tasks that will end.
    ends: u64,
    /// Strikes that will come though nothing else happens: all but random failures.
    certain: u64,
    events: u64,
}

impl FleetRun {
    fn new(mut setup: FleetSetup) -> FleetRun {
        let mut control = Policy::default();
        std::mem::swap(&mut control, &mut setup.policy);
        setup.policy.gang = control.gang;
        let control = FleetControl::new(control);
        let mut fleet = Fleet::default();
        fleet.lists_members = control.needs_members();
        for node in &setup.nodes {
            fleet.add_node(&node.node, node.pool);
        }
        let faults =
            Faults::new(std::mem::take(&mut setup.faults), setup.nodes.len(), Streams::new(setup.seed));
        let mut run = FleetRun {
            setup,
            fleet,
            control,
            planned: Ends::new(),
            strikes: EventQueue::new(),
            faults,
            rows: Vec::new(),
            free: Vec::new(),
            going: Vec::new(),
            commands: Vec::new(),
            namespaces: Map::default(),
            after: After::new(),
            later: BTreeMap::new(),
            freed: 0,
            submitted: 0,
            open: 0,
            ends: 0,
            certain: 0,
            events: 0,
        };
        for (at, strike) in run.faults.first() {
            run.plan(at, strike);
        }
        run
    }

    fn plan(&mut self, at: Time, strike: Strike) {
        self.certain += u64::from(!self.faults.is_random_failure(strike));
        self.strikes.schedule(at, Class::FAULT, strike);
    }

    /// The next moment at which something happens that matters.
    fn next_moment(&mut self, submission: Option<Time>) -> Option<Time> {
        let later = self.later.first_key_value().map(|((at, _), _)| *at);
        let submission = submission.into_iter().chain(later).min();
        let end = self.next_end().map(|(at, _)| at);
        let happening = end.into_iter().chain(self.strikes.peek()).min();
        // Nobody comes, no task will end, and no repair can help one that waits: machines that fail at
        // random change nothing.
        let is_helped = self.fleet.waiting > 0 && self.certain > 0;
        let is_over = submission.is_none() && self.ends == 0 && !is_helped;
        let goes_on =
            self.setup.stop.at.is_some() && !self.setup.stop.when_jobs_done && !self.setup.stop.when_settled;
        let is_done = submission.is_none() && self.open == 0;
        if (is_over || is_done) && !goes_on {
            return None;
        }
        match (submission, happening) {
            (Some(submission), Some(happening)) => Some(submission.min(happening)),
            (one, other) => one.or(other),
        }
    }

    /// Why there is nothing more to come.
    fn ending(&self, now: &mut Time) -> Ending {
        let rule = self.setup.stop;
        match rule.at {
            Some(limit) if !rule.when_jobs_done && !rule.when_settled => {
                *now = limit;
                Ending::TimeReached
            }
            _ if self.open == 0 => Ending::JobsDone,
            _ => Ending::Settled,
        }
    }

    /// The next end of a task.
    fn next_end(&mut self) -> Option<(Time, TaskId)> {
        let going = &self.going;
        let next = self.planned.peek(|task, ticket| going[task.index()].end == ticket);
        for task in self.planned.fresh() {
            // What is known of tasks that end soon lies scattered in memory. Asked for all at once, it is
            // there when it is needed: the processor fetches many places at a time, but not ahead.
            let job = self.fleet.tasks[task.index()].job;
            if let Some(row) = &self.rows[job.index()] {
                let (account, planned) = (self.control.account_of(job), self.going[task.index()].end);
                std::hint::black_box((account, planned, row.ended, self.fleet.jobs[job.index()].running));
            }
        }
        next
    }

    /// One thing that happens now, an end before a failure; false if there is none.
    fn happen<O: FleetObserver>(&mut self, now: Time, observer: &mut O) -> bool {
        if let Some((_, task)) = self.next_end().filter(|(at, _)| *at == now) {
            self.planned.take();
            self.events += 1;
            self.end(now, task, observer);
            return true;
        }
        if self.strikes.peek() != Some(now) {
            return false;
        }
        let (_, strike) = self.strikes.pop().expect("the queue has just shown it");
        self.events += 1;
        self.strike(now, strike, observer);
        true
    }

    fn end<O: FleetObserver>(&mut self, now: Time, id: TaskId, observer: &mut O) {
        self.ends -= 1;
        self.going[id.index()].end = 0;
        let task = self.fleet.tasks[id.index()];
        self.control.handle(now, FleetEvent::Ended(id), &mut self.fleet, &mut self.commands);
        let row = self.rows[task.job.index()].as_mut().expect("a task has a job");
        row.ended += 1;
        row.running -= 1;
        if let Some(extra) = &mut row.extra {
            extra.members.retain(|member| *member != id);
        }
        observer.ended(now, row, id, &task, &self.fleet);
        if row.ended == row.tasks {
            observer.job_ended(now, row, &self.fleet);
            self.after.ended(now, row.link);
            self.rows[task.job.index()] = None;
            self.free.push(task.job);
            self.open -= 1;
        }
    }

    fn strike<O: FleetObserver>(&mut self, now: Time, strike: Strike, observer: &mut O) {
        self.certain -= u64::from(!self.faults.is_random_failure(strike));
        let nodes = self.faults.list[strike.fault].groups[strike.group].clone();
        for row in nodes {
            let outage = &mut self.faults.down[row];
            outage.held = if strike.begins { outage.held + 1 } else { outage.held.saturating_sub(1) };
            let (held, node) = (outage.held, NodeId(row as u32));
            let event = match (strike.begins, held) {
                (true, 1) => FleetEvent::NodeDown(node),
                (false, 0) => FleetEvent::NodeUp(node),
                _ => continue,
            };
            self.control.handle(now, event, &mut self.fleet, &mut self.commands);
            self.carry_out(now, observer);
            observer.node(now, node, !strike.begins);
        }
        if let Some((at, next)) = self.faults.next(now, strike) {
            self.plan(at, next);
        }
    }

    fn namespace(&mut self, namespace: &Arc<str>) -> Symbol {
        let address = Arc::as_ptr(namespace).cast::<u8>() as usize;
        if let Some((_, symbol)) = self.namespaces.get(&address) {
            return *symbol;
        }
        let symbol = self.fleet.cluster.names.intern(namespace);
        self.namespaces.insert(address, (Arc::clone(namespace), symbol));
        symbol
    }

    /// A job has come; it may have to wait for the ends of others.
    fn arrive<O: FleetObserver>(&mut self, now: Time, submission: Submission, observer: &mut O) {
        self.events += 1;
        if submission.link.is_none() {
            self.submit(now, submission, observer);
        } else if let Some(job) = self.after.arrive(now, submission.link, submission) {
            self.submit(now, job, observer);
        }
    }

    /// Submits the jobs whose predecessors have ended.
    fn submit_later<O: FleetObserver>(&mut self, now: Time, observer: &mut O) {
        loop {
            for (at, job) in self.after.freed() {
                self.freed += 1;
                self.later.insert((at, self.freed), job);
            }
            match self.later.first_entry() {
                Some(first) if first.key().0 <= now => {
                    let job = Submission { at: now, ..first.remove() };
                    self.submit(now, job, observer);
                }
                _ => break,
            }
        }
    }

    fn submit<O: FleetObserver>(&mut self, now: Time, submission: Submission, observer: &mut O) {
        self.submitted += 1;
        let namespace = self.namespace(&submission.namespace);
        let class = self.fleet.class(&submission.template);
        let run_time = submission.run_time.unwrap_or(Span::MAX);
        let limit = submission.estimate.filter(|_| self.setup.kill_at_estimate);
        let truth = limit.map_or(run_time, |limit| limit.min(run_time));
        let told = submission.estimate.filter(|_| !self.setup.clairvoyant).unwrap_or(truth);
        let id = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            JobId(self.rows.len() as u32 - 1)
        });
        let Submission { tasks, priority, user, .. } = submission;
        let deadline = submission.origin.deadline;
        let row = Job {
            class,
            tasks,
            waiting: tasks,
            running: 0,
            submitted: now,
            estimate: Some(told),
            priority,
            deadline,
            user,
            namespace,
        };
        self.fleet.enter(id, row);
        let mut job = FleetJob {
            row: id,
            number: self.submitted,
            name: submission.name,
            at: submission.at,
            class,
            tasks,
            run_time: truth,
            estimate: submission.estimate,
            fails: submission.exit_code.is_some(),
            priority,
            user,
            account: 0,
            first_start: None,
            all_started: None,
            starts: 0,
            evictions: 0,
            ended: 0,
            killed: truth < run_time,
            together: if self.setup.policy.gang == Gang::Piecemeal {
                Together::NotYet
            } else {
                Together::Apart
            },
            link: submission.link,
            running: 0,
            extra: None,
        };
        if let Err(refused) = self.control.admit(&mut self.fleet, id) {
            self.fleet.refuse(id);
            self.free.push(id);
            self.after.ended(now, job.link);
            observer.rejected(now, &job, &self.fleet, &refused.to_string());
            return;
        }
        self.control.handle(now, FleetEvent::Submitted(id), &mut self.fleet, &mut self.commands);
        job.account = self.control.account_of(id);
        observer.submitted(now, &job, &self.control);
        self.rows[id.index()] = Some(job);
        self.open += 1;
    }

    fn pass<O: FleetObserver>(&mut self, now: Time, observer: &mut O) {
        if self.control.poll_timeout().is_some() {
            self.control.handle_timeout(now, &mut self.fleet, &mut self.commands);
            self.carry_out(now, observer);
        }
    }

    fn carry_out<O: FleetObserver>(&mut self, now: Time, observer: &mut O) {
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            match command {
                FleetCommand::Start(id, task) => self.start(now, id, task, observer),
                FleetCommand::Evict(id, task, why) => self.evict(now, id, task, why, observer),
            }
        }
        self.commands = commands;
    }

    fn start<O: FleetObserver>(&mut self, now: Time, id: TaskId, task: Task, observer: &mut O) {
        if self.going.len() <= id.index() {
            self.going.resize(id.index() + 1, Going::default());
        }
        let job = self.rows[task.job.index()].as_mut().expect("a task has a job");
        job.starts += 1;
        job.running += 1;
        job.first_start.get_or_insert(now);
        if job.running + job.ended == job.tasks {
            job.all_started.get_or_insert(now);
        }
        let left = job.extra.as_mut().and_then(|extra| extra.left.pop()).unwrap_or(job.run_time);
        self.going[id.index()] = Going { end: 0, since: now, left };
        if self.setup.policy.gang == Gang::Piecemeal {
            let members = &mut job.extra.get_or_insert_default().members;
            members.push(id);
            let all_are_there = job.running + job.ended == job.tasks;
            let begin = if all_are_there { members.clone() } else { Vec::new() };
            job.together = if all_are_there { Together::Since(now) } else { Together::NotYet };
            for member in begin {
                self.go(now, member);
            }
        } else {
            self.go(now, id);
        }
        let job = self.rows[task.job.index()].as_ref().expect("a task has a job");
        observer.started(now, job, id, &task, &self.fleet);
    }

    /// A task makes progress from now on.
    fn go(&mut self, now: Time, id: TaskId) {
        let going = &mut self.going[id.index()];
        going.since = now;
        // Who runs for ever never ends.
        if going.left < Span::MAX {
            self.ends += 1;
            going.end = self.planned.plan(now + going.left, id);
        }
    }

    fn evict<O: FleetObserver>(
        &mut self,
        now: Time,
        id: TaskId,
        task: Task,
        why: Eviction,
        observer: &mut O,
    ) {
        let going = std::mem::take(&mut self.going[id.index()]);
        let job = self.rows[task.job.index()].as_mut().expect("a task has a job");
        job.running -= 1;
        job.evictions += 1;
        if let Some(extra) = &mut job.extra {
            extra.members.retain(|member| *member != id);
        }
        let mut done = Span::ZERO;
        if going.end != 0 {
            self.ends -= 1;
            done = now.since(going.since);
        }
        // What was on a node that has failed is gone.
        let kept = self.setup.keeps_work && why != Eviction::Lost;
        if kept {
            job.extra.get_or_insert_default().left.push(going.left.saturating_sub(done));
        }
        observer.evicted(now, job, (id, &task, why), kept, &self.fleet);
    }

    /// Jobs that have not ended, in order of submission, with the reason for which tasks wait.
    fn open(&mut self) -> Vec<(FleetJob, Option<String>)> {
        let mut open = Vec::new();
        for row in 0..self.rows.len() {
            let Some(job) = self.rows[row].clone() else { continue };
            let waits = self.fleet.jobs[row].waiting > 0;
            let why = waits.then(|| {
                let why = self.control.why(&mut self.fleet, JobId(row as u32));
                why.named(|first| self.name_of(first)).to_string()
            });
            open.push((job, why));
        }
        open.sort_by_key(|(job, _)| job.number);
        open
    }

    /// Nothing is lost, and no node holds more than it has.
    fn check(&self) -> Result<(), String> {
        self.fleet.check()?;
        self.control.check(&self.fleet)?;
        for (row, job) in self.rows.iter().enumerate() {
            let Some(job) = job else { continue };
            let Job { waiting, running, .. } = self.fleet.jobs[row];
            if waiting + running + job.ended != job.tasks || running != job.running {
                return Err(format!(
                    "job {}: {waiting} tasks wait, {running} run, {} have ended of {}",
                    job.number, job.ended, job.tasks
                ));
            }
        }
        Ok(())
    }
}

mod waits;

#[cfg(test)]
mod tests;
