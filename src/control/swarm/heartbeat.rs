//! Heartbeats of nodes and their registration (reference control-plane §6.1 and §6.6; swarmkit,
//! manager/dispatcher).

use super::Settings;
use crate::base::{Span, Time};

/// How many times longer a node is waited for that nobody has heard of since a manager has begun to
/// lead.
pub const UNKNOWN_FACTOR: u32 = 2;
/// How often a node may register …
pub const REGISTRATIONS: u32 = 3;
/// … in which time.
pub const REGISTRATION_PERIOD: Span = Span::from_secs(8);

/// The time to the next heartbeat that an answer names, for a draw from (0, 1).
pub fn period(settings: &Settings, draw: f64) -> Span {
    let shortest = settings.heartbeat_period.saturating_sub(settings.heartbeat_epsilon);
    shortest + Span((2.0 * settings.heartbeat_epsilon.0 as f64 * draw) as u64)
}

/// When a node is down whose last heartbeat was answered at `last` with `period`.
pub fn deadline(settings: &Settings, last: Time, period: Span) -> Time {
    last + period * u64::from(settings.grace_multiplier)
}

/// When a node is down of which a new leader has heard nothing since `start`.
pub fn deadline_of_unknown(settings: &Settings, start: Time, period: Span) -> Time {
    start + period * u64::from(settings.grace_multiplier) * u64::from(UNKNOWN_FACTOR)
}

/// The latest registrations of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Registrations {
    since: Option<Time>,
    attempts: u32,
}

impl Registrations {
    /// A node asks to be registered; the error says when it may ask again.
    pub fn register(&mut self, now: Time) -> Result<(), Time> {
        let since = self.since.filter(|since| now <= *since + REGISTRATION_PERIOD);
        if since.is_none() {
            *self = Registrations { since: Some(now), attempts: 0 };
        }
        self.attempts += 1;
        match since {
            Some(since) if self.attempts > REGISTRATIONS => Err(since + REGISTRATION_PERIOD + Span(1)),
            _ => Ok(()),
        }
    }
}
