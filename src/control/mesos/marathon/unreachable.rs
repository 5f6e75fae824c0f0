//! What Marathon does about instances on unreachable agents.
//!
//! Marathon, state/UnreachableStrategy.scala, core/task/jobs (reference control-plane §7.5).

use crate::base::{Span, Time};

/// `unreachableStrategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Strategy {
    /// `inactiveAfterSeconds`: after that the instance is replaced.
    pub inactive_after: Span,
    /// `expungeAfterSeconds`: after that it is forgotten, and killed if it comes back.
    pub expunge_after: Span,
}

/// Time between two looks for instances to forget.
pub const EXPUNGE_PERIOD: Span = Span::from_secs(30);
/// The first such look after the start.
pub const FIRST_EXPUNGE: Span = Span::from_secs(300);

impl Strategy {
    /// When an instance that is unreachable since a moment is replaced.
    pub fn replaced_at(&self, since: Time) -> Time {
        since + self.inactive_after
    }

    /// When it is forgotten: at the first look at or after the end of its time.
    pub fn expunged_at(&self, since: Time) -> Time {
        let due = since + self.expunge_after.max(self.inactive_after);
        let first = Time::ZERO + FIRST_EXPUNGE;
        let late = due.since(first).0.div_ceil(EXPUNGE_PERIOD.0);
        first + EXPUNGE_PERIOD * late
    }
}
