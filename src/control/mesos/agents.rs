//! Agents as the master sees them: pings, disconnection, unreachability, return.
//!
//! Apache Mesos, src/master/master.cpp, SlaveObserver (reference control-plane §7.1, §7.4). What runs on an
//! agent is only known as far as its frameworks bear partitions.

use crate::base::{Span, Time};

/// How the master watches its agents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pings {
    /// `agent_ping_timeout`: how long a ping may stay unanswered, and the time between two.
    pub timeout: Span,
    /// `max_agent_ping_timeouts`: how many in a row may.
    pub most: u32,
}

impl Default for Pings {
    fn default() -> Pings {
        Pings { timeout: Span::from_secs(15), most: 5 }
    }
}

/// What follows from a ping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The agent is there. A transition that waits is cancelled.
    Answered,
    /// So many pings in a row went unanswered.
    Missed(u32),
    /// Too many did: the agent is to be marked unreachable.
    Unreachable,
}

/// The pings of one agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Observer {
    missed: u32,
}

impl Observer {
    /// The time for an answer to the latest ping is over; the next ping is sent now.
    pub fn timed_out(&mut self, answered: bool, pings: &Pings) -> Verdict {
        if answered {
            self.missed = 0;
            return Verdict::Answered;
        }
        self.missed += 1;
        if self.missed < pings.most { Verdict::Missed(self.missed) } else { Verdict::Unreachable }
    }
}

impl Pings {
    /// When an agent that registered at `registered` and answers nothing after `silent` is found
    /// unreachable: the first ping that it did not answer is the first after that.
    pub fn unreachable_at(&self, registered: Time, silent: Time) -> Time {
        let period = self.timeout.0.max(1);
        let pings = silent.since(registered).0 / period + 1;
        let first_missed = registered + Span(period) * pings;
        first_missed + Span(period) * u64::from(self.most)
    }
}

/// Lets agents be marked unreachable no faster than a rate (`agent_removal_rate_limit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RemovalLimit {
    /// The time between two; `None` for no limit.
    pub spacing: Option<Span>,
    next: Time,
}

impl RemovalLimit {
    /// A limit of one in each `spacing`.
    pub fn new(spacing: Option<Span>) -> RemovalLimit {
        RemovalLimit { spacing, next: Time::ZERO }
    }

    /// When a transition that is asked for now takes place.
    pub fn acquire(&mut self, now: Time) -> Time {
        let Some(spacing) = self.spacing else { return now };
        let at = self.next.max(now);
        self.next = at + spacing;
        at
    }
}

/// What the master says of a task whose agent is unreachable or back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TaskFate {
    /// TASK_RUNNING: it goes on, or did all the time.
    Running,
    /// TASK_UNREACHABLE: nobody knows.
    Unreachable,
    /// TASK_LOST: it is over for its framework.
    Lost,
    /// It is killed on its agent.
    Killed,
}

/// What happened to an agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Its connection broke: no offers, its tasks stay.
    Disconnected,
    /// It was marked unreachable.
    Unreachable,
    /// It registered again before it was marked unreachable.
    Reconnected,
    /// It registered again after that.
    Returned,
    /// It started with another id, after a reboot for instance: nothing of before is left.
    Replaced,
    /// It was removed.
    Removed,
}

/// What a framework says of itself that decides about its tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// PARTITION_AWARE: it can bear tasks that come back.
    pub partition_aware: bool,
    /// Its executors survive a restart of the agent's process (`checkpoint`).
    pub checkpoint: bool,
}

/// What becomes of a task of a framework.
pub fn fate(turn: Turn, framework: Capabilities) -> TaskFate {
    match turn {
        Turn::Disconnected if !framework.checkpoint => TaskFate::Lost,
        Turn::Disconnected | Turn::Reconnected => TaskFate::Running,
        Turn::Unreachable if framework.partition_aware => TaskFate::Unreachable,
        Turn::Unreachable | Turn::Replaced | Turn::Removed => TaskFate::Lost,
        Turn::Returned if framework.partition_aware => TaskFate::Running,
        Turn::Returned => TaskFate::Killed,
    }
}

/// When agents that have not registered again after a master's failover are marked unreachable:
/// `agent_reregister_timeout`, which is not shorter than ten minutes.
pub fn reregistration_deadline(elected: Time, timeout: Span) -> Time {
    elected + timeout.max(LEAST_REREGISTRATION)
}

/// See [`reregistration_deadline`].
pub const LEAST_REREGISTRATION: Span = Span::from_secs(600);
