//! When allocations run: at intervals, and when something new can be offered.
//!
//! Apache Mesos, src/master/allocator/mesos/hierarchical.cpp, allocate and batch (reference control-plane
//! §7.2). Resources that come back are no reason: they wait for the next interval.

use super::allocator::AgentKey;
use crate::base::{Span, Time};
use std::collections::BTreeSet;

/// Why an allocation runs before the next interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A framework registered or is connected again.
    FrameworkActive,
    /// A framework wants offers again.
    Revived,
    /// An agent registered.
    AgentAdded(AgentKey),
    /// An agent's resources or capabilities changed.
    AgentChanged(AgentKey),
    /// An agent's maintenance window changed.
    Maintenance(AgentKey),
    /// Resources came back: an offer was declined, or a task ended.
    Recovered(AgentKey),
    /// An agent that was disconnected is connected again.
    AgentReconnected(AgentKey),
}

impl Cause {
    /// Which agents are allocated because of it: all of them, one, or none.
    pub fn agents(self) -> Option<Scope> {
        match self {
            Cause::FrameworkActive | Cause::Revived => Some(Scope::All),
            Cause::AgentAdded(agent) | Cause::AgentChanged(agent) | Cause::Maintenance(agent) => {
                Some(Scope::Some(BTreeSet::from([agent])))
            }
            Cause::Recovered(_) | Cause::AgentReconnected(_) => None,
        }
    }
}

/// The agents of an allocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Those.
    Some(BTreeSet<AgentKey>),
    /// Every one.
    All,
}

impl Scope {
    fn join(self, other: Scope) -> Scope {
        match (self, other) {
            (Scope::Some(mut mine), Scope::Some(theirs)) => {
                mine.extend(theirs);
                Scope::Some(mine)
            }
            _ => Scope::All,
        }
    }
}

/// The allocations that are to come.
#[derive(Clone, Debug)]
pub struct Rounds {
    interval: Span,
    latest: Time,
    pending: Option<Scope>,
}

impl Rounds {
    /// Allocations at each multiple of an interval.
    pub fn new(interval: Span) -> Rounds {
        Rounds { interval: interval.max(Span(1)), latest: Time::ZERO, pending: None }
    }

    /// Something has happened. Requests that come before an allocation has run are one.
    pub fn note(&mut self, cause: Cause) {
        if let Some(scope) = cause.agents() {
            self.pending = Some(match self.pending.take() {
                Some(pending) => pending.join(scope),
                None => scope,
            });
        }
    }

    /// Whether an allocation waits to run at once.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The first interval's end after the latest one that ran and not before a moment.
    pub fn interval_end(&self, from: Time) -> Time {
        let after = from.max(self.latest + Span(1)).0;
        Time(after.div_ceil(self.interval.0).saturating_mul(self.interval.0))
    }

    /// The agents to allocate at a moment, if any: all of them at an interval's end.
    pub fn take(&mut self, now: Time) -> Option<Scope> {
        let regular = now > self.latest && now.0.is_multiple_of(self.interval.0);
        let pending = self.pending.take();
        if regular {
            self.latest = now;
            return Some(Scope::All);
        }
        pending
    }
}
