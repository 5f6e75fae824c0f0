//! The updater: replaces the tasks of a service, a few slots at a time, and watches the new ones.

use super::{Act, Manager, Timer, UPDATER};
use crate::cluster::Reason;
use crate::control::About;
use crate::control::swarm::service::{FailureAction, Order};
use crate::control::swarm::state::State;
use crate::control::swarm::store::{ServiceId, Task, TaskId};
use crate::control::swarm::update::{self, Progress};
use crate::control::swarm::updater::{Updater, Work};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

impl Manager {
    /// Begins to replace what is not as the service is now, if there is any such thing.
    pub(super) fn begin_update(&mut self, id: ServiceId, is_rollback: bool, act: &mut Act<'_>) {
        let service = self.store.service(id);
        if matches!(service.progress, Progress::Paused | Progress::RollbackPaused) || service.mode.is_job() {
            return;
        }
        let slots = self.store.runnable_slots(id);
        let is_dirty = |slot: &u32| self.runnable(id, *slot).any(|(_, task)| self.is_dirty(id, task, act));
        let queue: VecDeque<u32> = slots.into_iter().filter(is_dirty).collect();
        if queue.is_empty() {
            self.store.service_mut(id).updater = None;
            return;
        }
        let config = if is_rollback { service.settings.rollback } else { service.settings.update };
        let workers = vec![Work::Idle; update::workers(&config, queue.len())];
        let text = format!("{} slots, {} at a time", queue.len(), workers.len());
        let updater = Updater {
            config,
            is_rollback,
            monitor: update::monitor(&config),
            dirty: queue.len(),
            queue,
            workers,
            watched: BTreeMap::new(),
            failed: BTreeSet::new(),
            finish: None,
        };
        self.store.service_mut(id).updater = Some(updater);
        let progress = if is_rollback { Progress::RollbackStarted } else { Progress::Updating };
        self.set_progress(id, progress, &text, act);
        self.advance_update(id, act);
    }

    fn set_progress(&mut self, id: ServiceId, progress: Progress, text: &str, act: &mut Act<'_>) {
        let service = self.store.service_mut(id);
        service.progress = progress;
        act.tell(UPDATER, About::Workload(service.workload), progress.name(), text);
    }

    /// The tasks of a slot that run or are to run.
    fn runnable(&self, id: ServiceId, slot: u32) -> impl Iterator<Item = (TaskId, &Task)> {
        self.store.in_slot(id, slot).filter(|(_, task)| task.desired.is_wanted())
    }

    fn is_dirty(&self, id: ServiceId, task: &Task, act: &Act<'_>) -> bool {
        let spec = &self.store.service(id).spec;
        let meets = || {
            let node = task.node;
            node.is_some_and(|node| super::scheduler::meets(act.cluster, node, &spec.constraints))
        };
        let same_constraints = spec.constraints == task.spec.constraints;
        update::is_dirty(spec.class == task.spec.class, same_constraints, same_constraints || meets())
    }

    /// Lets every worker of an update do what it can do now.
    pub(super) fn advance_update(&mut self, id: ServiceId, act: &mut Act<'_>) {
        let Some(count) = self.store.service(id).updater.as_ref().map(|updater| updater.workers.len()) else {
            return;
        };
        for worker in 0..count {
            while self.store.service(id).updater.is_some() && self.work(id, worker, act) {}
        }
        self.finish_update(id, act);
    }

    /// One step of a worker; says whether there may be another one now.
    fn work(&mut self, id: ServiceId, worker: usize, act: &mut Act<'_>) -> bool {
        let Some(updater) = &mut self.store.service_mut(id).updater else { return false };
        match updater.workers[worker] {
            Work::Sleeps(until) if until > act.now => false,
            Work::Sleeps(_) => {
                updater.workers[worker] = Work::Idle;
                true
            }
            Work::Idle => {
                let Some(slot) = updater.queue.pop_front() else { return false };
                self.update_slot(id, worker, slot, act);
                true
            }
            Work::Waits { slot, task } => {
                let state = self.store.task(task).map(|task| task.observed);
                if state.is_some_and(|state| state < State::Running) {
                    return false;
                }
                if state == Some(State::Running) {
                    self.stop_others(id, slot, task, act);
                }
                self.sleep(id, worker, act);
                true
            }
        }
    }

    /// A worker has done its slot and waits before the next.
    fn sleep(&mut self, id: ServiceId, worker: usize, act: &mut Act<'_>) {
        let Some(updater) = &mut self.store.service_mut(id).updater else { return };
        let until = act.now + updater.config.delay;
        if until > act.now {
            updater.workers[worker] = Work::Sleeps(until);
            self.timers.insert((until, Timer::Update(id)));
        } else {
            updater.workers[worker] = Work::Idle;
        }
    }

    /// Begins to replace the tasks of a slot.
    fn update_slot(&mut self, id: ServiceId, worker: usize, slot: u32, act: &mut Act<'_>) {
        let tasks: Vec<(TaskId, bool)> =
            self.runnable(id, slot).map(|(task, row)| (task, self.is_dirty(id, row, act))).collect();
        let Some(order) = self.store.service(id).updater.as_ref().map(|updater| updater.config.order) else {
            return;
        };
        if tasks.is_empty() {
            return;
        }
        // A task that is as it should be is used; only the others must go.
        let clean = tasks.iter().find(|(_, is_dirty)| !is_dirty).map(|(task, _)| *task);
        let task = if let Some(task) = clean {
            for (dirty, _) in tasks.iter().filter(|(_, is_dirty)| *is_dirty) {
                self.stop_task(*dirty, State::Shutdown, Reason::ScaledDown, act);
            }
            task
        } else if order == Order::StopFirst {
            let old: Vec<TaskId> = tasks.iter().map(|(task, _)| *task).collect();
            for task in &old {
                self.stop_task(*task, State::Shutdown, Reason::ScaledDown, act);
            }
            self.replace_task(id, slot, old, act)
        } else {
            self.replace_task(id, slot, Vec::new(), act)
        };
        if let Some(updater) = &mut self.store.service_mut(id).updater {
            if clean.is_none() {
                updater.watched.insert(task, None);
            }
            updater.workers[worker] = Work::Waits { slot, task };
        }
    }

    /// Stops the tasks of a slot that are older than one.
    fn stop_others(&mut self, id: ServiceId, slot: u32, kept: TaskId, act: &mut Act<'_>) {
        let others: Vec<TaskId> =
            self.runnable(id, slot).map(|(task, _)| task).filter(|task| *task < kept).collect();
        for task in others {
            self.stop_task(task, State::Shutdown, Reason::ScaledDown, act);
        }
    }

    /// Something was observed of a task: if an update has made it and it has failed, that counts.
    pub(super) fn watch_update(&mut self, id: ServiceId, task: TaskId, act: &mut Act<'_>) {
        let Some(observed) = self.store.task(task).map(|task| task.observed) else { return };
        let Some(updater) = &mut self.store.service_mut(id).updater else { return };
        let Some(&started) = updater.watched.get(&task) else { return };
        if updater.config.failure_action == FailureAction::Continue
            || !update::is_failure(observed, started, updater.monitor, act.now)
            || !updater.failed.insert(task)
            || !update::is_too_much(updater.failed.len(), updater.dirty, &updater.config)
        {
            return;
        }
        let text = format!("{} of {} slots have failed", updater.failed.len(), updater.dirty);
        let (action, is_rollback) = (updater.config.failure_action, updater.is_rollback);
        let service = self.store.service_mut(id);
        let Some(next) = update::after_failure(action, is_rollback, service.previous.is_some()) else {
            return;
        };
        service.updater = None;
        self.set_progress(id, next, &text, act);
        if next == Progress::RollbackStarted {
            let service = self.store.service_mut(id);
            if let Some(previous) = service.previous.take() {
                service.spec = previous;
                service.version += 1;
            }
            self.begin_update(id, true, act);
        }
    }

    /// When every slot is done the last new tasks are watched for a while.
    fn finish_update(&mut self, id: ServiceId, act: &mut Act<'_>) {
        let Some(updater) = &mut self.store.service_mut(id).updater else { return };
        if !updater.is_idle() {
            return;
        }
        let finish = *updater.finish.get_or_insert(act.now + updater.monitor);
        if finish > act.now {
            self.timers.insert((finish, Timer::Update(id)));
            return;
        }
        let is_rollback = updater.is_rollback;
        self.store.service_mut(id).updater = None;
        let progress = if is_rollback { Progress::RollbackCompleted } else { Progress::Completed };
        self.set_progress(id, progress, "", act);
    }
}
