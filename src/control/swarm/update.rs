//! The rules of rolling updates (reference control-plane §6.7; swarmkit, manager/orchestrator/update).

use super::service::{FailureAction, UpdateConfig};
use super::state::State;
use crate::base::{Span, Time};

/// How far an update is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Progress {
    /// There has been none.
    #[default]
    None,
    /// It is under way.
    Updating,
    /// It has failed and stopped.
    Paused,
    /// It is over.
    Completed,
    /// It goes back.
    RollbackStarted,
    /// Going back has failed and stopped.
    RollbackPaused,
    /// It has gone back.
    RollbackCompleted,
}

impl Progress {
    /// The word that `docker service inspect` shows.
    pub const fn name(self) -> &'static str {
        match self {
            Progress::None => "",
            Progress::Updating => "UPDATING",
            Progress::Paused => "PAUSED",
            Progress::Completed => "COMPLETED",
            Progress::RollbackStarted => "ROLLBACK_STARTED",
            Progress::RollbackPaused => "ROLLBACK_PAUSED",
            Progress::RollbackCompleted => "ROLLBACK_COMPLETED",
        }
    }
}

/// Slots that are updated at a time.
pub fn workers(config: &UpdateConfig, dirty: usize) -> usize {
    match config.parallelism {
        0 => dirty,
        slots => dirty.min(slots as usize),
    }
}

/// How long new tasks are watched: longer than the wait between two slots.
pub fn monitor(config: &UpdateConfig) -> Span {
    if config.delay >= config.monitor { config.delay + Span::from_secs(1) } else { config.monitor }
}

/// Whether a new task that is observed in `observed` at `now` has failed: it has ended before it ran, or
/// soon after it ran first (`started`).
pub fn is_failure(observed: State, started: Option<Time>, monitor: Span, now: Time) -> bool {
    observed.is_over() && started.is_none_or(|started| now.since(started) <= monitor)
}

/// Whether more of the slots have failed than may.
pub fn is_too_much(failures: usize, dirty: usize, config: &UpdateConfig) -> bool {
    dirty > 0 && failures as f64 / dirty as f64 > config.max_failure_ratio
}

/// What follows if an update, or going back, has failed; `None` if it goes on. Where there is nothing to go
/// back to it stops.
pub fn after_failure(action: FailureAction, is_rollback: bool, has_previous: bool) -> Option<Progress> {
    match action {
        FailureAction::Continue => None,
        _ if is_rollback => Some(Progress::RollbackPaused),
        FailureAction::Rollback if has_previous => Some(Progress::RollbackStarted),
        FailureAction::Rollback | FailureAction::Pause => Some(Progress::Paused),
    }
}

/// Whether a task is not as its service is now. One that differs only in constraints, which its node
/// meets, may stay.
pub fn is_dirty(same_template: bool, same_constraints: bool, node_meets_constraints: bool) -> bool {
    !same_template || (!same_constraints && !node_meets_constraints)
}
