//! Whether a task that has ended is replaced, and when its replacement starts (reference control-plane
//! §6.5; swarmkit, manager/orchestrator/restart).

use super::service::{RestartCondition, RestartPolicy};
use super::state::State;
use crate::base::{Span, Time};

/// Whether the condition asks for a new task when one is observed in `observed`. Jobs never repeat what
/// has completed.
pub fn is_wanted(condition: RestartCondition, observed: State, is_job: bool) -> bool {
    match condition {
        RestartCondition::None => false,
        RestartCondition::Any if !is_job => true,
        RestartCondition::Any | RestartCondition::OnFailure => observed != State::Complete,
    }
}

/// The restarts of a slot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    version: u64,
    restarts: Vec<Time>,
}

impl History {
    /// Whether the policy allows another restart of a task of a version of the specification.
    pub fn allows(&self, policy: &RestartPolicy, version: u64, now: Time) -> bool {
        if policy.max_attempts == 0 || version != self.version {
            return true;
        }
        let counts = |at: &&Time| policy.window == Span::ZERO || now.since(**at) < policy.window;
        (self.restarts.iter().filter(counts).count() as u64) < u64::from(policy.max_attempts)
    }

    /// Notes a restart. Those before another version do not count any more.
    pub fn note(&mut self, policy: &RestartPolicy, version: u64, now: Time) {
        if policy.max_attempts == 0 {
            return;
        }
        if version != self.version {
            *self = History { version, restarts: Vec::new() };
        }
        self.restarts.push(now);
        let kept = policy.max_attempts as usize;
        if self.restarts.len() > kept {
            self.restarts.remove(0);
        }
    }
}

/// What is known of the node of the task that is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OldNode {
    /// It is up.
    Up,
    /// It is up and is being emptied.
    Drained,
    /// It is down, gone, or the task never had one.
    Down,
}

/// When a new task starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// Not before.
    pub at: Time,
    /// If it waits for the old task to stop: how long at most.
    pub waits_until: Option<Time>,
}

/// When the replacement of a task starts that is observed in `observed`, if it is made now.
pub fn start(policy: &RestartPolicy, node: OldNode, observed: State, timeout: Span, now: Time) -> Start {
    let delay = if node == OldNode::Drained { Span::ZERO } else { policy.delay };
    let waits = node != OldNode::Down && !observed.is_over();
    Start { at: now + delay, waits_until: waits.then_some(now + timeout) }
}

impl Start {
    /// Whether the task starts at `now`, if the old one has stopped or has not.
    pub fn is_due(&self, now: Time, has_stopped: bool) -> bool {
        self.at <= now && (has_stopped || self.waits_until.is_none_or(|until| until <= now))
    }
}
