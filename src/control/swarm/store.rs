//! What a manager knows: services with their slots, tasks, nodes. Which task counts where is kept up to
//! date here; what is to be done is not known.

use super::constraint::Constraint;
use super::heartbeat::Registrations;
use super::restart::{History, Start};
use super::service::ServiceSettings;
use super::state::State;
use super::update::Progress;
use super::updater::Updater;
use crate::base::Time;
use crate::base::ids::{ClassId, NodeId, WorkloadId};
use crate::cluster::PodRef;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A task; later ones have higher numbers.
pub(super) type TaskId = u32;
/// A row of [`Store::services`].
pub(super) type ServiceId = u32;

/// How many tasks a service has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// A number of slots, from 1.
    Replicated(u32),
    /// One on every node that may have one.
    Global,
    /// So many must complete, so many run at a time; slots from 0.
    Job { completions: u32, concurrent: u32 },
    /// One must complete on every node that may have one.
    GlobalJob,
}

impl Mode {
    /// Whether tasks run to completion.
    pub(super) fn is_job(self) -> bool {
        matches!(self, Mode::Job { .. } | Mode::GlobalJob)
    }

    /// Whether slots are nodes.
    pub(super) fn is_global(self) -> bool {
        matches!(self, Mode::Global | Mode::GlobalJob)
    }

    /// What is wanted of a task that may run.
    pub(super) fn goal(self) -> State {
        if self.is_job() { State::Complete } else { State::Running }
    }
}

/// What a task is made of.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Spec {
    pub(super) class: ClassId,
    /// Those of the specification of its pods, and those of its service.
    pub(super) constraints: Arc<[Constraint]>,
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) workload: WorkloadId,
    pub(super) mode: Mode,
    pub(super) spec: Spec,
    pub(super) previous: Option<Spec>,
    pub(super) settings: ServiceSettings,
    /// How often its specification was written.
    pub(super) version: u64,
    pub(super) is_removed: bool,
    /// The tasks of each slot: its number, or the row of its node; oldest first.
    pub(super) slots: BTreeMap<u32, Vec<TaskId>>,
    pub(super) histories: BTreeMap<u32, History>,
    pub(super) updater: Option<Updater>,
    pub(super) progress: Progress,
    /// How many tasks it has had: numbers the next one's name.
    pub(super) numbers: u32,
    /// How many tasks of a job have completed.
    pub(super) completed: u32,
}

/// What counts as one service when tasks are spread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Group {
    Service(ServiceId),
    /// The tasks of a submitted job, by its serial number.
    Job(u64),
    /// A task of its own.
    Alone,
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// `None` for a pod that nobody owns: a job of its own, which is never repeated.
    pub(super) service: Option<ServiceId>,
    pub(super) group: Group,
    pub(super) slot: u32,
    pub(super) version: u64,
    pub(super) spec: Spec,
    pub(super) desired: State,
    pub(super) observed: State,
    pub(super) node: Option<NodeId>,
    /// Whether its node was given and not chosen.
    pub(super) is_preassigned: bool,
    pub(super) pod: Option<PodRef>,
    pub(super) stamp: Time,
    /// When it may start, while that is in the future, and after which tasks.
    pub(super) start: Option<Start>,
    pub(super) waits_for: Vec<TaskId>,
    /// Whether its binding was written.
    pub(super) is_bound: bool,
    /// How often the scheduler has looked for a node.
    pub(super) attempts: u32,
}

impl Task {
    /// The node that it counts for as active.
    fn active_on(&self) -> Option<NodeId> {
        self.node.filter(|_| self.desired.is_wanted() && !self.observed.is_over())
    }
}

/// Whether tasks may be given to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Availability {
    #[default]
    Active,
    /// It gets no new ones.
    Pause,
    /// It gets rid of those that it has.
    Drain,
}

/// A node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) is_present: bool,
    pub(super) is_up: bool,
    pub(super) availability: Availability,
    /// When it is down if nothing is heard of it, while it is silent.
    pub(super) deadline: Option<Time>,
    pub(super) down_since: Option<Time>,
    pub(super) silences: u64,
    pub(super) registrations: Registrations,
    /// The tasks that have it.
    pub(super) tasks: BTreeSet<TaskId>,
    active: u32,
    by_group: BTreeMap<Group, u32>,
}

impl Node {
    /// Whether it may have new tasks.
    pub(super) fn is_available(&self) -> bool {
        self.is_present && self.is_up && self.availability == Availability::Active
    }

    /// Active tasks of a group, and in all.
    pub(super) fn active(&self, group: Group) -> (u32, u32) {
        (self.by_group.get(&group).copied().unwrap_or(0), self.active)
    }

    fn count(&mut self, group: Group, up: bool) {
        if up {
            self.active += 1;
        } else {
            self.active -= 1;
        }
        if group == Group::Alone {
            return;
        }
        let count = self.by_group.entry(group).or_default();
        if up {
            *count += 1;
        } else {
            *count -= 1;
            if *count == 0 {
                self.by_group.remove(&group);
            }
        }
    }
}

/// Everything that a manager knows.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) services: Vec<Service>,
    pub(super) of_workload: BTreeMap<WorkloadId, ServiceId>,
    tasks: BTreeMap<TaskId, Task>,
    next: TaskId,
    pub(super) of_pod: BTreeMap<PodRef, TaskId>,
    /// Tasks whose pod is being created, by the number of its name.
    pub(super) awaited: BTreeMap<(WorkloadId, u32), TaskId>,
    pub(super) nodes: Vec<Node>,
}

impl Store {
    pub(super) fn service(&self, id: ServiceId) -> &Service {
        &self.services[id as usize]
    }

    pub(super) fn service_mut(&mut self, id: ServiceId) -> &mut Service {
        &mut self.services[id as usize]
    }

    pub(super) fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// The node of a row, new if it has not been seen.
    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        if self.nodes.len() <= id.index() {
            self.nodes.resize_with(id.index() + 1, Node::default);
        }
        &mut self.nodes[id.index()]
    }

    /// Enters a new task.
    pub(super) fn insert(&mut self, mut task: Task) -> TaskId {
        let id = self.next;
        self.next += 1;
        if let Some(pod) = task.pod {
            self.of_pod.insert(pod, id);
        }
        if let Some(service) = task.service {
            self.service_mut(service).slots.entry(task.slot).or_default().push(id);
        }
        let node = task.node.take();
        self.tasks.insert(id, task);
        self.change(id, |task| task.node = node);
        id
    }

    /// Changes a task, if it is known, and what its nodes count with it.
    pub(super) fn change(&mut self, id: TaskId, act: impl FnOnce(&mut Task)) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let (before, active, group) = (task.node, task.active_on(), task.group);
        act(task);
        let (after, now_active) = (task.node, task.active_on());
        if before != after {
            if let Some(node) = before {
                self.node_mut(node).tasks.remove(&id);
            }
            if let Some(node) = after {
                self.node_mut(node).tasks.insert(id);
            }
        }
        if active != now_active {
            if let Some(node) = active {
                self.node_mut(node).count(group, false);
            }
            if let Some(node) = now_active {
                self.node_mut(node).count(group, true);
            }
        }
    }

    /// Forgets a task.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<Task> {
        self.change(id, |task| task.desired = State::Remove);
        let task = self.tasks.remove(&id)?;
        if let Some(pod) = task.pod {
            self.of_pod.remove(&pod);
        }
        if let Some(node) = task.node {
            self.node_mut(node).tasks.remove(&id);
        }
        if let Some(service) = task.service {
            let slots = &mut self.service_mut(service).slots;
            if let Some(slot) = slots.get_mut(&task.slot) {
                slot.retain(|other| *other != id);
                if slot.is_empty() {
                    slots.remove(&task.slot);
                }
            }
        }
        Some(task)
    }

    /// The tasks of a slot.
    pub(super) fn in_slot(&self, service: ServiceId, slot: u32) -> impl Iterator<Item = (TaskId, &Task)> {
        let ids = self.service(service).slots.get(&slot).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.tasks.get(id)?)))
    }

    /// The slots of a service of which something is wanted to run, or to be ready for it.
    pub(super) fn runnable_slots(&self, service: ServiceId) -> Vec<u32> {
        let slots = self.service(service).slots.keys().copied();
        let runs = |slot: &u32| self.in_slot(service, *slot).any(|(_, task)| task.desired.is_wanted());
        slots.filter(runs).collect()
    }

    /// Recomputes what nodes count and compares: the slow twin.
    #[cfg(test)]
    pub(super) fn check(&self) {
        for (row, node) in self.nodes.iter().enumerate() {
            let here = |task: &&Task| task.active_on() == Some(NodeId(row as u32));
            let mut by_group: BTreeMap<Group, u32> = BTreeMap::new();
            for task in self.tasks.values().filter(here).filter(|task| task.group != Group::Alone) {
                *by_group.entry(task.group).or_default() += 1;
            }
            assert_eq!(by_group, node.by_group, "node {row}");
            assert_eq!(self.tasks.values().filter(here).count() as u32, node.active, "node {row}");
        }
    }
}
