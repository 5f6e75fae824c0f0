//! Batch control: jobs that take processors of one machine, started by a queue policy.
//!
//! Every variant names its semantics (see `docs/batch.md`): in which order the queue is, what may
//! pass its head, what a job that waits holds of the future, and what is known when a pass is made.

mod conservative;
mod easy;
mod ends;
pub(super) mod formula;
mod order;
mod policy;
mod predict;
mod profile;
mod queue;
mod time_sharing;
pub(super) mod usage;
mod why;

pub use order::{NAMES as ORDER_NAMES, Order};
pub use policy::{
    Backfill, EventOrder, FairShare, Head, Passes, Policy, Predictor, Reservation, Scan, ZeroSlack,
};
pub use why::{Waits, Why};

use super::Control;
use crate::base::ids::JobId;
use crate::base::{Span, Time};
use crate::cluster::Machine;
use conservative::{Plan, Plans, Seats};
use easy::Part;
use ends::Ends;
use order::Scoring;
use predict::Averages;
use queue::{Queue, Waiting};
use time_sharing::{Rule, TimeSharing};
use usage::Usage;

/// A fact about a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchEvent {
    /// It was submitted; its row is filled.
    Submitted(JobId),
    /// It ends at this very instant, as estimated: its processors count as free from now on, though
    /// its end has yet to be told. Only with [`Passes::PerEventDue`].
    Due(JobId),
    /// It has ended; its processors are free.
    Ended(JobId),
}

/// An order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchCommand {
    /// Start a job now, or let one go on that was stopped.
    Start(JobId),
    /// Stop a job; what it has done is kept. Only under preemptive orders.
    Stop(JobId),
}

/// A queue of jobs and its policy.
#[derive(Clone, Debug, Default)]
pub struct BatchControl {
    policy: Policy,
    /// In the policy's order, if that is one that does not move with time; else as of the last pass.
    /// A head that is kept is not in it.
    queue: Queue,
    /// The head that is kept until it starts, and when it was said to.
    kept: Option<(Waiting, Time)>,
    submitted: u64,
    ends: Ends,
    /// Jobs whose processors were given back before their end was told.
    due: Vec<JobId>,
    /// What is planned (conservative backfilling).
    plan: Plans,
    /// Jobs that came since the last pass and have no place in the plan.
    arrived: Vec<Waiting>,
    /// What is foretold, if that is not what was told.
    averages: Option<Averages>,
    usage: Usage,
    /// The jobs of a preemptive order, which has no queue.
    sharing: Option<TimeSharing>,
    /// Places in the queue in the order of a scan, and those of the jobs that it starts.
    places: Vec<usize>,
    started: Vec<(usize, Part)>,
    /// Whether something has happened since the last pass, and when that is seen to.
    pass_due: Option<Time>,
    /// When the last pass was.
    passed: Time,
    /// Whether something else is foretold than what was planned with.
    foretold_anew: bool,
}

impl BatchControl {
    /// An empty queue.
    pub fn new(policy: Policy) -> BatchControl {
        let rule = match policy.order {
            Order::ShortestRemaining => Some(Rule::ShortestRemaining),
            Order::RoundRobin => Some(Rule::RoundRobin(policy.quantum.max(Span(1)))),
            _ => None,
        };
        BatchControl {
            averages: (policy.predictor == Predictor::AverageOfTwo).then(Averages::default),
            usage: Usage::new(&policy.fair_share),
            sharing: rule.map(TimeSharing::new),
            policy,
            ..BatchControl::default()
        }
    }

    /// The jobs that wait, in order.
    pub fn waiting(&self) -> impl Iterator<Item = JobId> + '_ {
        let queued = self.kept.iter().map(|(head, _)| head).chain(self.queue.as_slice());
        queued.map(|waiting| waiting.job).chain(self.sharing.iter().flat_map(TimeSharing::waiting))
    }

    /// When a job that waits is to start, where one is planned (conservative backfilling).
    pub fn promised(&self, job: JobId) -> Option<Time> {
        self.plan.promised(job)
    }

    /// Whether a job's score stays what it was when the job came.
    fn is_static(&self) -> bool {
        self.policy.order.is_static(self.policy.own.as_deref())
    }

    /// Whether it is kept what users have had.
    fn keeps_usage(&self) -> bool {
        self.policy.order.asks_usage(self.policy.own.as_deref())
    }

    /// Whether all that runs is looked after by when it is expected to end.
    fn keeps_ends(&self) -> bool {
        self.policy.backfill != Backfill::None
            || self.averages.is_some()
            || self.policy.order == Order::LeastExpectedDelay
    }

    fn submit(&mut self, now: Time, job: JobId, machine: &mut Machine) {
        if let Some(sharing) = &mut self.sharing {
            return sharing.submit(job);
        }
        let row = job.index();
        if let Some(averages) = &mut self.averages {
            machine.estimate[row] = averages.submitted(row, machine.user[row], machine.estimate[row]);
        }
        let scoring = self.scoring(now, machine);
        let is_static = self.is_static();
        let score = if is_static { scoring.score(job) } else { 0.0 };
        let (size, estimate) = (machine.size[row], machine.estimate[row]);
        let waiting = Waiting { job, number: self.submitted, score, size, estimate };
        self.submitted += 1;
        // Static scores keep the queue in order; the others are computed at each pass.
        if self.policy.order == Order::Fcfs || !is_static {
            self.queue.push(waiting);
        } else {
            self.queue.insert(waiting);
        }
        if self.policy.backfill == Backfill::Conservative {
            self.arrived.push(waiting);
        }
    }

    fn scoring<'a>(&'a self, now: Time, machine: &'a Machine) -> Scoring<'a> {
        let queued = self.queue.len();
        Scoring { now, policy: &self.policy, machine, ends: &self.ends, usage: &self.usage, queued }
    }

    /// Brings the queue in order, where time moves it.
    fn sort(&mut self, now: Time, machine: &Machine) {
        if !self.is_static() {
            let mut queue = std::mem::take(&mut self.queue);
            let scoring = Scoring { queued: queue.len(), ..self.scoring(now, machine) };
            for waiting in queue.as_mut_slice() {
                waiting.score = scoring.score(waiting.job);
            }
            queue.sort();
            self.queue = queue;
        }
    }

    fn start(&mut self, now: Time, waiting: &Waiting, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        machine.take(waiting.job);
        self.begin(now, waiting, machine, out);
    }

    /// A job has its processors.
    fn begin(&mut self, now: Time, waiting: &Waiting, machine: &Machine, out: &mut Vec<BatchCommand>) {
        if self.keeps_ends() {
            self.ends.enter(waiting.job, waiting.end(now));
        }
        if let Some(averages) = &mut self.averages {
            averages.started(waiting.job.index(), now);
        }
        if self.keeps_usage() {
            self.usage.hold(now, machine.user[waiting.job.index()], usage::of(waiting.size), 0);
        }
        out.push(BatchCommand::Start(waiting.job));
    }

    /// A job's processors are free.
    fn leave(&mut self, now: Time, job: JobId, machine: &mut Machine) {
        machine.release(job);
        self.ends.leave(job);
        self.plan.leave(now, job);
        let row = job.index();
        if self.keeps_usage() {
            self.usage.hold(now, machine.user[row], 0, usage::of(machine.size[row]));
        }
        if let Some(sharing) = &mut self.sharing {
            sharing.end(job);
        }
        if let Some(averages) = &mut self.averages {
            let user = averages.ended(row, now);
            self.foretell(now, user, machine);
        }
    }

    /// Of the waiting jobs of a user something else is foretold now.
    fn foretell(&mut self, now: Time, user: i32, machine: &mut Machine) {
        let mut queue = std::mem::take(&mut self.queue);
        let kept = self.kept.iter_mut().map(|(head, _)| head);
        for waiting in queue.as_mut_slice().iter_mut().chain(kept) {
            let row = waiting.job.index();
            if machine.user[row] == user
                && let Some(averages) = &self.averages
            {
                waiting.estimate = averages.estimate(row);
                machine.estimate[row] = waiting.estimate;
                self.foretold_anew = true;
            }
        }
        if self.is_static() && self.policy.order != Order::Fcfs {
            let scoring = self.scoring(now, machine);
            queue.as_mut_slice().iter_mut().for_each(|waiting| waiting.score = scoring.score(waiting.job));
            queue.sort();
        }
        self.queue = queue;
    }

    /// Jobs that have outrun what was foretold are given more time.
    fn correct(&mut self, now: Time) {
        let Some(averages) = &mut self.averages else { return };
        while let Some((end, job)) = self.ends.first()
            && end <= now
        {
            self.ends.leave(job);
            self.ends.enter(job, averages.corrected(job.index(), now));
            self.foretold_anew = true;
        }
    }

    /// Starts jobs from the head while they fit, then what may pass the one that does not.
    fn pass(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        self.correct(now);
        if let Some(sharing) = &mut self.sharing {
            return sharing.pass(now, machine, out);
        }
        if self.policy.backfill == Backfill::Conservative {
            return self.pass_of_plan(now, machine, out);
        }
        if self.policy.head == Head::Kept {
            return self.pass_of_kept(now, machine, out);
        }
        self.sort(now, machine);
        while let Some(head) = self.queue.first()
            && head.size <= machine.free
        {
            self.queue.pop_first();
            self.start(now, &head, machine, out);
        }
        if self.policy.backfill == Backfill::Easy
            && let Some(head) = self.queue.first()
        {
            self.easy(now, (&head, None), 1, machine, out);
        }
    }

    /// The same with a head that is chosen once.
    fn pass_of_kept(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        loop {
            let (head, said) = if let Some((head, at)) = self.kept.take() {
                (head, Some(at))
            } else {
                self.sort(now, machine);
                let Some(first) = self.queue.pop_first() else { return };
                (first, None)
            };
            if head.size <= machine.free {
                self.start(now, &head, machine, out);
                continue;
            }
            let at = match self.policy.backfill {
                Backfill::Easy => self.easy(now, (&head, said), 0, machine, out),
                _ => now,
            };
            self.kept = Some((head, at));
            return;
        }
    }

    /// Keeps the plan up to date and starts what is to start.
    fn pass_of_plan(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        self.sort(now, machine);
        self.plan = match (std::mem::take(&mut self.plan), self.policy.reservation) {
            (Plans::Counts(plan), _) => Plans::Counts(self.planned(now, plan, machine, out)),
            (Plans::Machines(plan), _) => Plans::Machines(self.planned(now, plan, machine, out)),
            (Plans::None, Reservation::Machines) => {
                Plans::Machines(self.planned(now, Plan::new(machine), machine, out))
            }
            (Plans::None, _) => Plans::Counts(self.planned(now, Plan::new(machine), machine, out)),
        };
    }

    fn planned<F: Seats>(
        &mut self,
        now: Time,
        mut plan: Plan<F>,
        machine: &mut Machine,
        out: &mut Vec<BatchCommand>,
    ) -> Plan<F> {
        plan.advance(now);
        let arrived = std::mem::take(&mut self.arrived);
        let arrived_first = self.policy.event_order == EventOrder::SubmitFirst;
        if arrived_first {
            plan.place_all(now, &arrived);
        }
        let is_late = plan.is_late(now) || self.ends.first().is_some_and(|(end, _)| end < now);
        if is_late || std::mem::take(&mut self.foretold_anew) {
            plan.rebuild(now, machine, &self.ends, self.queue.as_slice());
        } else {
            if self.policy.reservation != Reservation::Frozen {
                plan.compress(now, self.queue.as_slice());
            }
            if !arrived_first {
                plan.place_all(now, &arrived);
            }
        }
        for job in plan.start_due(now, machine) {
            let place = self.queue.as_slice().iter().position(|waiting| waiting.job == job);
            let place = place.expect("a job that is to start waits in the queue");
            let waiting = self.queue.as_slice()[place];
            self.queue.remove_places(&[place]);
            self.begin(now, &waiting, machine, out);
        }
        plan
    }

    /// Something has happened: a pass is due, now or at the next multiple of the interval.
    fn ask_for_pass(&mut self, now: Time) {
        self.pass_due = Some(self.at_interval(now));
    }

    /// The first moment from `due` on at which passes are made.
    fn at_interval(&self, due: Time) -> Time {
        let interval = self.policy.interval.0;
        if interval == 0 { due } else { Time(due.0.div_ceil(interval).saturating_mul(interval)) }
    }
}

impl Control for BatchControl {
    type Event = BatchEvent;
    type Command = BatchCommand;
    type View = Machine;

    fn handle(&mut self, now: Time, event: BatchEvent, machine: &mut Machine, _out: &mut Vec<BatchCommand>) {
        match event {
            BatchEvent::Submitted(job) => {
                self.submit(now, job, machine);
                // With EASY pass by pass nothing can have changed for the others.
                let is_known = self.policy.passes != Passes::PerInstant
                    && self.policy.backfill == Backfill::Easy
                    && self.policy.reservation != Reservation::Frozen
                    && !machine.fits(job);
                if is_known {
                    return;
                }
            }
            BatchEvent::Due(job) => {
                self.leave(now, job, machine);
                self.due.push(job);
                return;
            }
            BatchEvent::Ended(job) => {
                if let Some(place) = self.due.iter().position(|due| *due == job) {
                    self.due.swap_remove(place);
                } else {
                    self.leave(now, job, machine);
                }
            }
        }
        self.ask_for_pass(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        let turn = self.sharing.as_ref().and_then(|sharing| sharing.next_turn(self.passed));
        let correction = self.averages.as_ref().and_then(|_| self.ends.first()).map(|(end, _)| end);
        let start = self.plan.next_start(self.passed);
        let due = [turn, correction, start].into_iter().flatten().min().filter(|due| *due < Time::MAX);
        self.pass_due.into_iter().chain(due.map(|due| self.at_interval(due))).min()
    }

    fn handle_timeout(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        self.pass_due = None;
        self.passed = now;
        self.pass(now, machine, out);
    }
}

#[cfg(test)]
mod tests;
