//! Batch control: jobs that take processors of one machine, started by a queue policy.
//!
//! Every variant names its semantics (see `docs/batch.md`): in which order the queue is, what may
//! pass its head, and what is known when a pass is made.

mod backfill;
mod order;

pub use backfill::{Backfill, Scan};
pub use order::Order;

use super::Control;
use crate::base::Time;
use crate::base::ids::JobId;
use crate::cluster::Machine;
use backfill::{Ends, expected_end};
use std::collections::VecDeque;

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
    /// Start a job now.
    Start(JobId),
}

/// How the queue is served. Each field is a choice in which published programs differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// In which order jobs are looked at.
    pub order: Order,
    /// Whether the first in order is chosen anew in each pass, or kept until it starts.
    pub head: Head,
    /// What may pass it.
    pub backfill: Backfill,
    /// What is known when a pass is made.
    pub passes: Passes,
}

/// When the head of the queue is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Head {
    /// In each pass: a job that comes later may take the place of one that waits.
    #[default]
    Chosen,
    /// Once: the job that was first keeps the others waiting until it has started.
    Kept,
}

/// What is known when a pass is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Passes {
    /// All events of an instant, ends first; then there is one pass.
    #[default]
    PerInstant,
    /// Each event is followed by a pass, submissions first.
    PerEvent,
    /// The same, but processors of jobs that end at this instant as estimated count as free from its
    /// beginning on ([`BatchEvent::Due`]).
    PerEventDue,
}

/// A job that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    job: JobId,
    /// Its place in the order of submission.
    number: u64,
    score: f64,
}

/// A queue of jobs and its policy.
#[derive(Clone, Debug, Default)]
pub struct BatchControl {
    policy: Policy,
    /// In the policy's order, if that is one that does not move with time; else as of the last pass.
    /// A head that is kept is not in it.
    queue: VecDeque<Waiting>,
    /// The head that is kept until it starts, and when it was expected to.
    kept: Option<(Waiting, Time)>,
    submitted: u64,
    ends: Ends,
    /// Jobs whose processors were given back before their end was told.
    due: Vec<JobId>,
    /// Places in the queue in the order of a scan, and those of the jobs that it has started.
    places: Vec<usize>,
    started: Vec<usize>,
    /// Whether something has happened since the last pass.
    pass_due: Option<Time>,
}

impl BatchControl {
    /// An empty queue.
    pub fn new(policy: Policy) -> BatchControl {
        BatchControl { policy, ..BatchControl::default() }
    }

    /// The jobs that wait, in order.
    pub fn waiting(&self) -> impl Iterator<Item = JobId> + '_ {
        self.kept.iter().map(|(head, _)| head).chain(&self.queue).map(|waiting| waiting.job)
    }

    fn submit(&mut self, now: Time, job: JobId, machine: &Machine) {
        let score = self.policy.order.score(now, job, machine);
        let waiting = Waiting { job, number: self.submitted, score };
        self.submitted += 1;
        // Static scores keep the queue in order; the others are computed at each pass.
        let place = if self.policy.order == Order::Fcfs || !self.policy.order.is_static() {
            self.queue.len()
        } else {
            self.queue.partition_point(|other| other.score.total_cmp(&score).is_le())
        };
        self.queue.insert(place, waiting);
    }

    /// Brings the queue in order, where time moves it.
    fn sort(&mut self, now: Time, machine: &Machine) {
        if !self.policy.order.is_static() {
            for waiting in &mut self.queue {
                waiting.score = self.policy.order.score(now, waiting.job, machine);
            }
            self.queue
                .make_contiguous()
                .sort_by(|a, b| a.score.total_cmp(&b.score).then(a.number.cmp(&b.number)));
        }
    }

    fn start(&mut self, now: Time, job: JobId, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        machine.take(job);
        if self.policy.backfill != Backfill::None {
            self.ends.enter(job, expected_end(now, job, machine));
        }
        out.push(BatchCommand::Start(job));
    }

    /// Starts jobs from the head while they fit, then what may pass the one that does not.
    fn pass(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        if self.policy.head == Head::Kept {
            return self.pass_of_kept(now, machine, out);
        }
        self.sort(now, machine);
        while let Some(&head) = self.queue.front()
            && machine.fits(head.job)
        {
            self.queue.pop_front();
            self.start(now, head.job, machine, out);
        }
        if let Some(&head) = self.queue.front() {
            self.fill(now, (head, None), 1, machine, out);
        }
    }

    /// The same with a head that is chosen once.
    fn pass_of_kept(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        loop {
            let head = if let Some((head, at)) = self.kept.take() {
                (head, Some(at))
            } else {
                self.sort(now, machine);
                let Some(first) = self.queue.pop_front() else { return };
                (first, None)
            };
            if machine.fits(head.0.job) {
                self.start(now, head.0.job, machine, out);
                continue;
            }
            let at = self.fill(now, head, 0, machine, out);
            self.kept = Some((head.0, at));
            return;
        }
    }

    /// Starts what may pass the head, from a place of the queue on. Gives the moment at which the head
    /// was expected to start when it became the head.
    fn fill(
        &mut self,
        now: Time,
        (head, at): (Waiting, Option<Time>),
        from: usize,
        machine: &mut Machine,
        out: &mut Vec<BatchCommand>,
    ) -> Time {
        match self.policy.backfill {
            Backfill::None => now,
            Backfill::Easy(scan) => {
                self.easy(now, scan, head.job, from, machine, out);
                now
            }
            Backfill::Frozen => {
                let size = machine.size[head.job.index()];
                let at = at.unwrap_or_else(|| self.ends.first_fit(now, size, machine));
                self.frozen(now, at, from, machine, out);
                at
            }
        }
    }

    /// EASY: a job starts if it ends before the head can start, or takes only what that leaves.
    fn easy(
        &mut self,
        now: Time,
        scan: Scan,
        head: JobId,
        from: usize,
        machine: &mut Machine,
        out: &mut Vec<BatchCommand>,
    ) {
        if machine.free == 0 || self.queue.len() <= from {
            return;
        }
        let mut shadow = self.ends.shadow(now, machine.size[head.index()], machine);
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        if scan == Scan::ShortestFirst {
            let estimate = |place: &usize| machine.estimate[self.queue[*place].job.index()];
            places.extend(from..self.queue.len());
            places.sort_by_key(|place| (estimate(place).is_none(), estimate(place)));
        }
        let in_order = (scan == Scan::InOrder).then_some(from..self.queue.len());
        let mut started = std::mem::take(&mut self.started);
        for place in in_order.into_iter().flatten().chain(places.iter().copied()) {
            if machine.free == 0 {
                break;
            }
            let job = self.queue[place].job;
            let size = machine.size[job.index()];
            let is_short = expected_end(now, job, machine) <= shadow.at;
            if size <= machine.free && (is_short || size <= shadow.extra) {
                self.start(now, job, machine, out);
                started.push(place);
                if !is_short {
                    shadow.extra -= size;
                }
            }
        }
        (self.places, self.started) = (places, started);
        self.remove_started();
    }

    /// What ends before the head was expected to start may pass it, first come first.
    fn frozen(
        &mut self,
        now: Time,
        at: Time,
        from: usize,
        machine: &mut Machine,
        out: &mut Vec<BatchCommand>,
    ) {
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        places.extend(from..self.queue.len());
        places.sort_unstable_by_key(|place| self.queue[*place].number);
        for &place in &places {
            let job = self.queue[place].job;
            if machine.fits(job) && expected_end(now, job, machine) < at {
                self.start(now, job, machine, out);
                self.started.push(place);
            }
        }
        self.places = places;
        self.remove_started();
    }

    /// Takes the jobs out of the queue that have started behind the head.
    fn remove_started(&mut self) {
        if self.started.is_empty() {
            return;
        }
        self.started.sort_unstable();
        let mut place = 0;
        let mut gone = self.started.drain(..).peekable();
        self.queue.retain(|_| {
            place += 1;
            gone.next_if_eq(&(place - 1)).is_none()
        });
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
                    && matches!(self.policy.backfill, Backfill::Easy(_))
                    && !machine.fits(job);
                if is_known {
                    return;
                }
            }
            BatchEvent::Due(job) => {
                machine.release(job);
                self.ends.leave(job);
                self.due.push(job);
                return;
            }
            BatchEvent::Ended(job) => {
                if let Some(place) = self.due.iter().position(|due| *due == job) {
                    self.due.swap_remove(place);
                } else {
                    machine.release(job);
                    self.ends.leave(job);
                }
            }
        }
        self.pass_due = Some(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.pass_due
    }

    fn handle_timeout(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        self.pass_due = None;
        self.pass(now, machine, out);
    }
}

#[cfg(test)]
mod tests;
