//! Batch control: jobs that take processors of one machine, started by a queue policy.
//!
//! Every variant names its semantics (see `docs/batch.md`): what a pass looks at, and in which
//! order. This version has first-come-first-served.

use super::Control;
use crate::base::Time;
use crate::base::ids::JobId;
use crate::cluster::Machine;
use std::collections::VecDeque;

/// A fact about a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchEvent {
    /// It was submitted; its row is filled.
    Submitted(JobId),
    /// It has ended; its processors are free.
    Ended(JobId),
}

/// An order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchCommand {
    /// Start a job now.
    Start(JobId),
}

/// How the queue is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// First come, first served: the head of the queue starts as soon as it fits, and nothing
    /// passes it. Order: submit time, then the order of submission.
    #[default]
    Fcfs,
}

/// A queue of jobs and its policy. A pass is made once all events of an instant are known.
#[derive(Clone, Debug, Default)]
pub struct BatchControl {
    policy: Policy,
    queue: VecDeque<JobId>,
    /// Whether something has happened since the last pass.
    pass_due: Option<Time>,
}

impl BatchControl {
    /// An empty queue.
    pub fn new(policy: Policy) -> BatchControl {
        BatchControl { policy, ..BatchControl::default() }
    }

    /// The jobs that wait, in order.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = JobId> + '_ {
        self.queue.iter().copied()
    }
}

impl Control for BatchControl {
    type Event = BatchEvent;
    type Command = BatchCommand;
    type View = Machine;

    fn handle(&mut self, now: Time, event: BatchEvent, machine: &mut Machine, _out: &mut Vec<BatchCommand>) {
        match event {
            BatchEvent::Submitted(job) => self.queue.push_back(job),
            BatchEvent::Ended(job) => machine.release(job),
        }
        self.pass_due = Some(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.pass_due
    }

    fn handle_timeout(&mut self, _now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        self.pass_due = None;
        match self.policy {
            Policy::Fcfs => {
                while let Some(&head) = self.queue.front()
                    && machine.fits(head)
                {
                    machine.take(head);
                    out.push(BatchCommand::Start(head));
                    self.queue.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_the_head() {
        let mut machine = Machine::new(4);
        let mut control = BatchControl::new(Policy::Fcfs);
        let mut out = Vec::new();
        for (row, processors) in [3, 2, 1].into_iter().enumerate() {
            machine.add(JobId(row as u32), processors, Time::ZERO, None);
            control.handle(Time::ZERO, BatchEvent::Submitted(JobId(row as u32)), &mut machine, &mut out);
        }
        control.handle_timeout(Time::ZERO, &mut machine, &mut out);
        // The third would fit beside the first, but the second waits before it.
        assert_eq!(out, [BatchCommand::Start(JobId(0))]);
        control.handle(Time(9), BatchEvent::Ended(JobId(0)), &mut machine, &mut out);
        control.handle_timeout(Time(9), &mut machine, &mut out);
        assert_eq!(out[1..], [BatchCommand::Start(JobId(1)), BatchCommand::Start(JobId(2))]);
    }
}
