//! slurmctld: joins Slurm's rules to a cluster of nodes and pods.
//!
//! A pod is a task. The pods of one submission, or of one Job object, are a job that starts as a whole.
//! Pods of Deployments and their like are jobs of one task each that go back to the queue when they
//! end. Cycles run on events and by Slurm's timers; time is cut to whole seconds, as Slurm's is.

pub mod attributes;
mod jobs;
mod nodes;
mod tasks;
#[cfg(test)]
mod tests;
mod workloads;

use super::reason::Reason;
use super::site::Site;
use super::{Slurm, backfill, schedule};
use crate::base::ids::{ClassId, NodeId, WorkloadId};
use crate::base::{BitSet, Map, Span, Time};
use crate::cluster::{Cluster, PodRef};
use crate::control::{
    About, Client, Command, Component, Config, Event, NodeChange, Note, PodBefore, Topic, Write,
};
use jobs::{Gathering, Group};
use std::collections::{BTreeMap, VecDeque};
use tasks::Tasks;
use workloads::Owner;

/// The name that it has in the event log.
pub const NAME: &str = "slurmctld";
const CLIENT: Client = Client::Plane(NAME);

/// The event loop around [`Slurm`].
pub struct Slurmctld {
    site: Site,
    slurm: Slurm,
    /// Generic resources by their names; the n-th has place `GRES` + n.
    gres: Vec<String>,
    node_of_row: Vec<NodeId>,
    /// When a silent node is given up.
    silent: BTreeMap<NodeId, Time>,
    /// Jobs that wait or run.
    tasks: Map<u32, Tasks>,
    job_of_pod: Map<PodRef, u32>,
    /// Jobs of which not all tasks are known yet.
    gathering: BTreeMap<Group, Gathering>,
    owners: BTreeMap<WorkloadId, Owner>,
    /// Numbers of jobs by the names of their objects.
    names: BTreeMap<String, u32>,
    /// Rows of nodes that pods of a class may run on.
    allowed: Map<ClassId, BitSet>,
    /// Ended pods, oldest first, with the moment when they are forgotten.
    ended: VecDeque<(Time, PodRef)>,
    /// When an event's cycle runs.
    cycle_at: Option<Time>,
    last_cycle: Option<u64>,
    full_at: u64,
    backfill_at: u64,
    calculate_at: u64,
    /// Whether something has changed since the last cycle over the whole queue, and since the last
    /// backfill cycle.
    changed_for_full: bool,
    changed_for_backfill: bool,
}

fn seconds(now: Time) -> u64 {
    now.floor_second().0 / crate::base::units::NANOS_PER_SECOND
}

fn tell(about: About, word: &'static str, text: String, out: &mut Vec<Command>) {
    out.push(Command::Note(Note::Told { by: NAME, about, word, text: text.into() }));
}

impl Slurmctld {
    /// Nothing seen yet.
    pub fn new(config: &Config, site: &Site) -> Slurmctld {
        let partitions = site.partitions.iter().map(|partition| partition.rules.clone()).collect();
        let mut slurm = Slurm::new(site.settings.clone(), Vec::new(), partitions, site.qos.clone());
        slurm.associations = site.associations.clone();
        let started = config.clock.start_unix_nanos / crate::base::units::NANOS_PER_SECOND;
        slurm.settings.backfill.offset = started % slurm.settings.backfill.resolution.max(1);
        slurm.share();
        Slurmctld {
            site: site.clone(),
            slurm,
            gres: site.gres.clone(),
            node_of_row: Vec::new(),
            silent: BTreeMap::new(),
            tasks: Map::default(),
            job_of_pod: Map::default(),
            gathering: BTreeMap::new(),
            owners: BTreeMap::new(),
            names: BTreeMap::new(),
            allowed: Map::default(),
            ended: VecDeque::new(),
            cycle_at: None,
            last_cycle: None,
            full_at: 0,
            backfill_at: 0,
            calculate_at: 0,
            changed_for_full: false,
            changed_for_backfill: false,
        }
    }

    /// The rules' state, for questions about jobs.
    pub fn slurm(&self) -> &Slurm {
        &self.slurm
    }

    /// Something has changed that may let a job start: a cycle follows, at the next whole second and
    /// not too soon after the last one.
    fn changed(&mut self, now: Time) {
        self.changed_for_full = true;
        self.changed_for_backfill = true;
        let delay = self.slurm.settings.main.delay;
        let at = if delay == 0 {
            now
        } else {
            let second = seconds(now) + u64::from(now.floor_second() < now);
            let earliest = self.last_cycle.map_or(second, |last| last + delay);
            Time::from_secs(second.max(earliest))
        };
        self.cycle_at = Some(self.cycle_at.map_or(at, |set| set.min(at)));
    }

    /// Brings the periodic moments behind the current one, keeping their phase.
    fn wind(&mut self, now: Time) {
        let now = seconds(now);
        let next = |at: &mut u64, period: u64| {
            let period = period.max(1);
            if *at <= now {
                *at = (now / period + 1) * period;
            }
        };
        next(&mut self.full_at, self.slurm.settings.main.interval);
        next(&mut self.backfill_at, self.slurm.settings.backfill.interval);
        next(&mut self.calculate_at, self.slurm.settings.calc_period);
    }

    fn periodic(&self) -> Option<Time> {
        let waits = !self.slurm.pending.is_empty();
        let full = (waits && self.changed_for_full || self.waits_for_time()).then_some(self.full_at);
        let backfill = (waits && self.slurm.settings.backfill.enabled && self.changed_for_backfill)
            .then_some(self.backfill_at);
        let works = waits || !self.slurm.running.is_empty();
        let calculate = works.then_some(self.calculate_at);
        [full, backfill, calculate].into_iter().flatten().min().map(Time::from_secs)
    }

    /// Whether a job waits for nothing but a moment.
    fn waits_for_time(&self) -> bool {
        self.slurm.pending.iter().any(|id| self.slurm.jobs[id].reason == Reason::BeginTime)
    }

    /// Cycles and calculations that are due.
    fn cycles(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        let second = seconds(now);
        if second >= self.calculate_at {
            self.slurm.calculate(second);
            self.changed_for_full = true;
            self.changed_for_backfill = true;
        }
        let full = second >= self.full_at;
        if self.slurm.pending.is_empty() {
            self.cycle_at = None;
        } else if full || self.cycle_at.is_some_and(|at| at <= now) {
            self.cycle_at = None;
            self.last_cycle = Some(second);
            if full {
                self.changed_for_full = false;
            }
            let actions = schedule::run(&mut self.slurm, second, full);
            self.act(now, &actions, cluster, out);
            self.say_reasons(out);
        }
        let is_due = self.slurm.settings.backfill.enabled && second >= self.backfill_at;
        if is_due && !self.is_completing() && std::mem::take(&mut self.changed_for_backfill) {
            let (actions, _) = backfill::run(&mut self.slurm, second);
            self.act(now, &actions, cluster, out);
            self.say_reasons(out);
        }
        self.wind(now);
    }

    /// Whether a job is completing that cycles wait for (`CompleteWait`).
    fn is_completing(&self) -> bool {
        let is_ending = |id: &u32| self.slurm.jobs[id].state == super::model::JobState::Completing;
        self.slurm.settings.complete_wait > 0 && self.slurm.running.iter().any(is_ending)
    }

    /// Says of the jobs that wait why they do, where that has changed.
    fn say_reasons(&mut self, out: &mut Vec<Command>) {
        for id in &self.slurm.pending {
            let job = &self.slurm.jobs[id];
            let Some(tasks) = self.tasks.get_mut(id) else { continue };
            if job.reason == tasks.told || job.reason == Reason::None {
                continue;
            }
            tasks.told = job.reason;
            let Some(pod) = tasks.pods.first() else { continue };
            let start = job.expected.map_or(String::new(), |at| format!(", expected to start at {at} s"));
            let text = format!("job {id} waits: {}, priority {}{start}", job.reason.word(), job.priority);
            let note =
                Note::Told { by: NAME, about: About::Pod(*pod), word: job.reason.word(), text: text.into() };
            out.push(Command::Note(note));
        }
    }

    /// Ended pods whose time has come are deleted.
    fn forget(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        while let Some((at, pod)) = self.ended.front().copied().filter(|(at, _)| *at <= now) {
            debug_assert!(at <= now);
            self.ended.pop_front();
            if cluster.pods.get(pod).is_some() {
                let reason = crate::cluster::Reason::Completed;
                let write = Write::DeletePod { pod, grace: Some(Span::ZERO), reason };
                out.push(Command::Write(CLIENT, write));
            }
        }
    }
}

impl Component for Slurmctld {
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
        match event {
            Event::NodeAdded { node, object, .. } => self.node_added(now, *node, object, cluster),
            Event::NodeChanged { node, change: NodeChange::Unschedulable(drained) } => {
                self.node_drained(now, *node, *drained);
            }
            Event::NodeRemoved { node } => self.node_lost(now, *node, false, cluster, out),
            Event::HeartbeatsStopped { node, last_renewal } => {
                let timeout = Span::from_secs(self.slurm.settings.node_timeout);
                self.silent.insert(*node, *last_renewal + timeout);
            }
            Event::HeartbeatsResumed { node } => self.node_heard(now, *node, cluster, out),
            Event::PodAdded(new) => self.pod_added(now, new, cluster, out),
            Event::PodStatus { pod, status } if status.phase.is_terminal() => {
                let succeeded = status.phase == crate::api::PodPhase::Succeeded;
                self.task_ended(now, *pod, succeeded, cluster, out);
            }
            Event::PodDeleting { pod, .. } => self.task_going(now, *pod, cluster, out),
            Event::PodRemoved { pod } => self.task_removed(now, *pod, cluster, out),
            Event::WorkloadAdded { workload, .. } => self.workload_added(now, *workload, cluster, out),
            Event::WorkloadScaled { workload, .. } | Event::WorkloadChanged { workload, .. } => {
                self.workload_scaled(*workload, cluster, out);
            }
            Event::WorkloadDeleting { workload } | Event::WorkloadRemoved { workload } => {
                self.owners.remove(workload);
            }
            Event::Refused(write, _) => self.refused(now, write, cluster, out),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let limit = self.slurm.next_limit().map(Time::from_secs);
        let silent = self.silent.values().min().copied();
        let forget = self.ended.front().map(|(at, _)| *at);
        [limit, silent, forget, self.cycle_at, self.periodic()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let lost: Vec<NodeId> =
            self.silent.iter().filter(|(_, at)| **at <= now).map(|(node, _)| *node).collect();
        for node in lost {
            self.silent.remove(&node);
            self.node_lost(now, node, true, cluster, out);
        }
        let actions = self.slurm.enforce_limits(seconds(now));
        self.act(now, &actions, cluster, out);
        self.cycles(now, cluster, out);
        self.forget(now, cluster, out);
    }

    fn is_settled(&self) -> bool {
        let limits = self.slurm.next_limit().is_none();
        let waits = !self.slurm.pending.is_empty()
            && (self.changed_for_full || self.changed_for_backfill || self.waits_for_time());
        self.silent.is_empty() && self.cycle_at.is_none() && limits && !waits
    }
}
