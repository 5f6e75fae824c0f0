//! One update of a service while it is under way: slots that wait, slots that are being worked on, new
//! tasks that are watched.

use super::service::UpdateConfig;
use super::store::TaskId;
use crate::base::{Span, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a worker does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// It looks for a slot.
    Idle,
    /// It waits for the new task of a slot to run, or to end.
    Waits { slot: u32, task: TaskId },
    /// It waits before the next slot.
    Sleeps(Time),
}

/// An update.
#[derive(Clone, Debug)]
pub(super) struct Updater {
    pub(super) config: UpdateConfig,
    pub(super) is_rollback: bool,
    /// How long new tasks are watched.
    pub(super) monitor: Span,
    /// How many slots there were to update.
    pub(super) dirty: usize,
    pub(super) queue: VecDeque<u32>,
    pub(super) workers: Vec<Work>,
    /// New tasks, with the moment at which each has run first.
    pub(super) watched: BTreeMap<TaskId, Option<Time>>,
    pub(super) failed: BTreeSet<TaskId>,
    /// When it is over, if no task fails until then.
    pub(super) finish: Option<Time>,
}

impl Updater {
    /// Whether every slot is done.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.workers.iter().all(|work| *work == Work::Idle)
    }
}
