//! The event loop of a manager: the dispatcher, the orchestrators, the restart supervisor, the updater,
//! the scheduler and the reaper over one store, as they all run in the manager that leads.

mod nodes;
mod scheduler;
mod services;
mod tasks;
mod updates;

use super::Settings;
use super::store::{Group, ServiceId, Spec, Store, TaskId};
use crate::base::ids::{ClassId, NodeId};
use crate::base::{Streams, Time};
use crate::cluster::{Cluster, PodRef};
use crate::control::{
    About, Client, Command, Component, Config, Event, NodeChange, Note, PodBefore, Topic, Write,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The parts of the manager, by the names in the event log.
const DISPATCHER: &str = "swarm-dispatcher";
const ORCHESTRATOR: &str = "swarm-orchestrator";
const SCHEDULER: &str = "swarm-scheduler";
const UPDATER: &str = "swarm-updater";
const REAPER: &str = "swarm-reaper";

/// What one instant is about.
struct Act<'a> {
    now: Time,
    cluster: &'a mut Cluster,
    out: &'a mut Vec<Command>,
}

impl Act<'_> {
    fn write(&mut self, by: &'static str, write: Write) {
        self.out.push(Command::Write(Client::Plane(by), write));
    }

    fn tell(&mut self, by: &'static str, about: About, word: &'static str, text: &str) {
        self.out.push(Command::Note(Note::Told { by, about, word, text: text.into() }));
    }
}

/// Something that is due at a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// A silent node may be down.
    Silence(NodeId),
    /// A node has been down for too long.
    Orphans(NodeId),
    /// A node that has registered too often may do so again.
    Register(NodeId),
    /// A task may start.
    Start(TaskId),
    /// An update has something to do.
    Update(ServiceId),
}

/// Changes that the scheduler has not looked at.
#[derive(Clone, Copy, Debug)]
struct Debounce {
    first: Time,
    latest: Time,
}

/// The manager of a swarm.
pub(super) struct Manager {
    settings: Settings,
    streams: Streams,
    store: Store,
    /// What is said of pods that nobody owns, by their class.
    lone: BTreeMap<ClassId, LoneSpec>,
    /// Tasks without a node whose pods exist.
    pending: BTreeSet<TaskId>,
    timers: BTreeSet<(Time, Timer)>,
    debounce: Option<Debounce>,
    /// Slots that have got a task since the reaper looked, and when it looks.
    dirty: BTreeSet<(ServiceId, u32)>,
    reap_at: Option<Time>,
    failures: BTreeMap<(Group, u64, NodeId), Vec<Time>>,
    /// Pods that nobody owns and that have ended, oldest first.
    ended: VecDeque<PodRef>,
}

/// How pods of a class that nobody owns are run.
#[derive(Clone, Debug)]
struct LoneSpec {
    spec: Spec,
    preferences: Vec<String>,
    max_replicas: u32,
}

impl Manager {
    pub(super) fn new(config: &Config, settings: &Settings) -> Manager {
        Manager {
            settings: settings.clone(),
            streams: Streams::new(config.seed),
            store: Store::default(),
            lone: BTreeMap::new(),
            pending: BTreeSet::new(),
            timers: BTreeSet::new(),
            debounce: None,
            dirty: BTreeSet::new(),
            reap_at: None,
            failures: BTreeMap::new(),
            ended: VecDeque::new(),
        }
    }

    /// Something has changed that the scheduler should look at.
    fn touch(&mut self, now: Time) {
        self.debounce = Some(match self.debounce {
            Some(debounce) => Debounce { latest: now, ..debounce },
            None => Debounce { first: now, latest: now },
        });
    }

    /// When the scheduler looks.
    fn tick_at(&self) -> Option<Time> {
        let Debounce { first, latest } = self.debounce?;
        Some((latest + self.settings.debounce).min(first + self.settings.max_latency))
    }

    fn due(&mut self, timer: Timer, act: &mut Act<'_>) {
        match timer {
            Timer::Silence(node) => self.silence_is_over(node, act),
            Timer::Orphans(node) => self.give_up_tasks(node, act),
            Timer::Register(node) => self.register(node, act),
            Timer::Start(task) => self.try_start(task, act),
            Timer::Update(service) => self.advance_update(service, act),
        }
    }
}

impl Component for Manager {
    fn listens(&self, topic: Topic) -> bool {
        !matches!(topic, Topic::Runtime | Topic::Metrics)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        _before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let act = &mut Act { now, cluster, out };
        match event {
            Event::PodAdded(new) => self.pod_added(new, act),
            Event::PodStatus { pod, .. } => self.pod_reported(*pod, act),
            Event::PodDeleting { pod, reason, .. } => self.pod_deleting(*pod, *reason, act),
            Event::PodRemoved { pod } => self.pod_removed(*pod, act),
            Event::NodeAdded { node, object, .. } => self.node_added(*node, object, act),
            Event::NodeRemoved { node } => self.node_removed(*node, act),
            Event::NodeChanged { node, change: NodeChange::Unschedulable(is_cordoned) } => {
                self.node_cordoned(*node, *is_cordoned, act);
            }
            Event::HeartbeatsStopped { node, last_renewal } => self.node_silent(*node, *last_renewal),
            Event::HeartbeatsResumed { node } => self.node_heard(*node, act),
            Event::WorkloadAdded { workload, object } => self.service_added(*workload, object, act),
            Event::WorkloadScaled { workload, .. } | Event::WorkloadChanged { workload, .. } => {
                self.service_changed(*workload, act);
            }
            Event::WorkloadDeleting { workload } => {
                self.service_removed(*workload, act);
                act.write(ORCHESTRATOR, Write::FinalizeWorkload { workload: *workload });
            }
            Event::WorkloadRemoved { workload } => self.service_removed(*workload, act),
            Event::Refused(write, _) => self.refused(write, act),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let timer = self.timers.first().map(|(at, _)| *at);
        [timer, self.tick_at(), self.reap_at].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let act = &mut Act { now, cluster, out };
        while let Some(&(at, timer)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, timer));
            self.due(timer, act);
        }
        if self.reap_at.is_some_and(|at| at <= now) {
            self.reap(act);
        }
        if self.tick_at().is_some_and(|at| at <= now) {
            self.debounce = None;
            self.tick(act);
        }
        #[cfg(test)]
        self.store.check();
    }

    /// That the tasks of a dead node are given up a day later helps nobody.
    fn is_settled(&self) -> bool {
        let is_idle = |(_, timer): &(Time, Timer)| matches!(timer, Timer::Orphans(_));
        self.timers.iter().all(is_idle) && self.debounce.is_none() && self.reap_at.is_none()
    }
}
