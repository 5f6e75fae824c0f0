//! Which ended tasks are forgotten (reference control-plane §6.9; swarmkit,
//! manager/orchestrator/taskreaper).

use super::state::State;
use crate::base::Time;

/// More slots than this are looked at without waiting.
pub const MOST_DIRTY: usize = 1000;

/// How many tasks a slot keeps; `None` for all.
pub fn limit(history: i64, max_attempts: u32) -> Option<usize> {
    match (usize::try_from(history), max_attempts) {
        (Err(_), _) => None,
        (Ok(history), 0) => Some(history),
        (Ok(_), attempts) => Some(attempts as usize + 1),
    }
}

/// A task of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Which.
    pub task: u32,
    /// What is observed of it.
    pub observed: State,
    /// What is wanted of it.
    pub desired: State,
    /// When it was last heard of.
    pub stamp: Time,
}

impl Kept {
    /// Whether nothing of it can run any more. A task of a job is to complete, and has yet to run for that.
    fn is_dead(&self) -> bool {
        self.observed.is_over() || (self.observed < State::Assigned && !self.desired.is_wanted())
    }
}

/// The tasks of a slot that are forgotten: the oldest dead ones above the limit.
pub fn excess(tasks: &[Kept], limit: Option<usize>) -> Vec<u32> {
    let Some(limit) = limit.filter(|limit| tasks.len() > *limit) else { return Vec::new() };
    let mut sorted = tasks.to_vec();
    sorted.sort_by_key(|task| (task.stamp, task.task));
    let dead = sorted.iter().filter(|task| task.is_dead()).map(|task| task.task);
    dead.take(tasks.len() - limit).collect()
}

/// Whether a task is forgotten because it is to be removed and there is nothing to stop.
pub fn is_removable(desired: State, observed: State) -> bool {
    desired == State::Remove && (observed < State::Assigned || observed >= State::Complete)
}
