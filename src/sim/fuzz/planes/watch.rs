//! Follows the records of a run under another control plane than Kubernetes': what holds of every pod,
//! node and container is checked as under Kubernetes; here is what each of the others promises.

use super::super::checker::Checker;
use super::Which;
use super::generate::{Facts, Kind};
use super::settings::FAST;
use crate::api::PodPhase;
use crate::base::ids::{NodeId, PodId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::{PodName, PodRef, ReadyStatus};
use crate::sim::{Observer, Record, View};
use std::collections::{BTreeMap, BTreeSet};

/// How much later than it is due something may happen where writes and watches take time.
pub(super) const LATE: Span = Span::from_secs(10);

/// What a pod is from, by its place among the drawn ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Origin {
    Row(usize),
    Thing(usize),
}

/// A pod as the records tell of it.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) origin: Origin,
    /// How often its job went back to the queue before.
    pub(super) incarnation: u32,
    pub(super) bound: Option<(Time, NodeId)>,
    pub(super) runs: bool,
    pub(super) ended: Option<(Time, PodPhase)>,
    pub(super) is_deleting: bool,
    pub(super) is_removed: bool,
    /// Whether its node went down while it was there.
    pub(super) is_stale: bool,
}

impl Pod {
    /// Whether its object is there and has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.ended.is_none() && !self.is_removed
    }

    /// The node that it holds room on.
    pub(super) fn held(&self) -> Option<NodeId> {
        self.bound.filter(|_| self.is_open()).map(|(_, node)| node)
    }
}

/// Checks a run.
pub(super) struct Watch {
    pub(super) inner: Checker,
    pub(super) broken: Option<String>,
    pub(super) starts: u64,
    pub(super) facts: Facts,
    pub(super) now: Time,
    pub(super) things: BTreeMap<WorkloadId, usize>,
    pub(super) pods: BTreeMap<(PodId, u32), Pod>,
    /// When each object had a container that ended last.
    last_end: BTreeMap<usize, Time>,
    down: BTreeSet<NodeId>,
    unknown: BTreeSet<NodeId>,
    /// Whether a pod was bound at this instant.
    has_bound: bool,
}

impl Watch {
    pub(super) fn new(inner: Checker, facts: Facts) -> Watch {
        Watch {
            // In a swarm a task has its node while it waits for its turn to start.
            inner: inner.under_another(facts.which == Which::Swarm),
            broken: None,
            starts: 0,
            facts,
            now: Time::ZERO,
            things: BTreeMap::new(),
            pods: BTreeMap::new(),
            last_end: BTreeMap::new(),
            down: BTreeSet::new(),
            unknown: BTreeSet::new(),
            has_bound: false,
        }
    }

    pub(super) fn demand(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(format!("at {}: {}", Span(self.now.0), otherwise()));
        }
    }

    /// The pods of an origin.
    pub(super) fn of(&self, origin: Origin) -> impl Iterator<Item = &Pod> {
        self.pods.values().filter(move |pod| pod.origin == origin)
    }

    /// The name of an origin.
    pub(super) fn name(&self, origin: Origin) -> String {
        match origin {
            Origin::Row(row) => format!("row-{row}"),
            Origin::Thing(thing) => self.facts.things[thing].name.clone(),
        }
    }

    /// Millicores that a pod of an origin asks for.
    pub(super) fn cpu(&self, origin: Origin) -> i64 {
        match origin {
            Origin::Row(row) => self.facts.rows[row].shape.cpu,
            Origin::Thing(thing) => self.facts.things[thing].shape.cpu,
        }
    }

    /// What a row says of itself in Slurm's words.
    pub(super) fn label(&self, origin: Origin, key: &str) -> Option<&str> {
        let Origin::Row(row) = origin else { return None };
        self.facts.rows[row].shape.labels.get(&format!("seatrial.dev/slurm-{key}")).map(String::as_str)
    }

    fn created(&mut self, pod: PodRef, name: &PodName, owner: Option<WorkloadId>, view: View<'_>) {
        let name = match name {
            PodName::Own(name) => name.to_string(),
            PodName::Numbered { base, number } => format!("{}-{number}", view.cluster.names.text(*base)),
        };
        let (base, incarnation) = match name.rsplit_once("-r") {
            Some((base, number)) => (base, number.parse().unwrap_or(0)),
            None => (name.as_str(), 0),
        };
        let row = base.strip_prefix("row-").and_then(|rest| rest.split('-').next()?.parse().ok());
        let thing = owner.and_then(|owner| self.things.get(&owner).copied());
        let Some(origin) = thing.map(Origin::Thing).or(row.map(Origin::Row)) else {
            return self.demand(false, || format!("nobody asked for pod {name}"));
        };
        let entry = Pod {
            origin,
            incarnation,
            bound: None,
            runs: false,
            ended: None,
            is_deleting: false,
            is_removed: false,
            is_stale: false,
        };
        self.pods.insert((pod.id, pod.generation), entry);
        let may_repeat = self.label(origin, "requeue") != Some("false");
        self.demand(may_repeat || incarnation == 0, || {
            format!("safety_requeue: {name} goes back to the queue though it must not")
        });
    }

    fn bound(&mut self, pod: PodRef, node: NodeId) {
        let now = self.now;
        let Some(entry) = self.pods.get_mut(&(pod.id, pod.generation)) else { return };
        entry.bound = Some((now, node));
        entry.is_stale = self.down.contains(&node);
        let origin = entry.origin;
        self.has_bound = true;
        self.starts += 1;
        let name = self.name(origin);
        let is_known_dead = self.facts.ideal && self.unknown.contains(&node);
        self.demand(!is_known_dead, || {
            format!("safety_node: {name} is bound to node {}, which is given up", node.0)
        });
        match self.facts.which {
            Which::Slurm => self.bound_by_slurm(origin, node),
            Which::Swarm => self.bound_by_swarm(origin, node),
            Which::Mesos => self.bound_by_mesos(origin),
        }
    }

    /// Slurm: partitions, jobs that have their nodes for themselves, begin times, holds, dependencies.
    fn bound_by_slurm(&mut self, origin: Origin, node: NodeId) {
        let name = self.name(origin);
        let is_in = self.label(origin, "partition") != Some(FAST) || node.0 == 0;
        self.demand(is_in, || format!("safety_partition: {name} runs outside of its partition"));
        self.demand(self.label(origin, "hold").is_none(), || {
            format!("safety_hold: {name} starts and is held")
        });
        if let Origin::Row(row) = origin {
            let begin = self.label(origin, "begin").and_then(|begin| begin.parse::<Span>().ok());
            let due = self.facts.rows[row].at + begin.unwrap_or_default();
            self.demand(self.now >= due, || format!("safety_begin: {name} starts before {}", Span(due.0)));
        }
        let alone = |origin: Origin| self.label(origin, "exclusive").is_some();
        let others = self.pods.values().filter(|pod| pod.held() == Some(node) && pod.origin != origin);
        let intruder = others.map(|pod| pod.origin).find(|other| alone(origin) || alone(*other));
        let intruder = intruder.map(|other| self.name(other));
        self.demand(intruder.is_none(), || {
            format!("safety_exclusive: {name} shares a node with {intruder:?}")
        });
        self.check_dependency(origin);
    }

    /// What a Job waits for has come about.
    fn check_dependency(&mut self, origin: Origin) {
        let Origin::Thing(thing) = origin else { return };
        let Some((other, must_succeed)) = self.facts.things[thing].after else { return };
        let holds = if must_succeed { self.succeeded(other) } else { self.is_over(other) };
        let names = (self.name(origin), self.name(Origin::Thing(other)));
        self.demand(holds, || format!("safety_dependency: {} starts before {} is done", names.0, names.1));
    }

    /// Whether as many pods of a Job have succeeded as must.
    pub(super) fn succeeded(&self, thing: usize) -> bool {
        let Kind::Job { completions, .. } = self.facts.things[thing].kind else { return true };
        self.successes(Origin::Thing(thing)) >= completions
    }

    pub(super) fn successes(&self, origin: Origin) -> u32 {
        let well = |pod: &&Pod| pod.ended.is_some_and(|(_, phase)| phase == PodPhase::Succeeded);
        self.of(origin).filter(well).count() as u32
    }

    /// Whether there were pods of a Job and none is left.
    pub(super) fn is_over(&self, thing: usize) -> bool {
        let origin = Origin::Thing(thing);
        self.of(origin).next().is_some() && !self.of(origin).any(Pod::is_open)
    }

    /// Swarm: tasks of a service on a node.
    fn bound_by_swarm(&mut self, origin: Origin, node: NodeId) {
        let Origin::Thing(thing) = origin else { return };
        let Some(settings) = self.facts.settings.service(&self.facts.things[thing]) else { return };
        let here =
            self.of(origin).filter(|pod| pod.held() == Some(node) && !pod.is_deleting && !pod.is_stale);
        let count = here.count() as u32;
        let most = settings.max_replicas;
        let name = self.name(origin);
        self.demand(most == 0 || count <= most, || {
            format!("safety_max_replicas: {name} has {count} tasks on node {} and may have {most}", node.0)
        });
    }

    /// Mesos: the limit of a role, what a Job waits for.
    fn bound_by_mesos(&mut self, origin: Origin) {
        self.check_dependency(origin);
        let Some(limit) = self.facts.settings.batch_limit() else { return };
        let is_batch = |origin: Origin| match origin {
            Origin::Row(_) => true,
            Origin::Thing(thing) => matches!(self.facts.things[thing].kind, Kind::Job { .. }),
        };
        let held =
            self.pods.values().filter(|pod| pod.held().is_some() && !pod.is_stale && is_batch(pod.origin));
        let used: i64 = held.map(|pod| self.cpu(pod.origin)).sum();
        self.demand(used <= limit, || format!("safety_limit: a role has {used} of {limit} millicores"));
    }

    /// Jobs that run at a time: of an array, of a Job.
    fn check_parallel(&mut self) {
        if self.facts.which == Which::Mesos {
            return;
        }
        for thing in 0..self.facts.things.len() {
            let Kind::Job { completions, parallelism } = self.facts.things[thing].kind else { continue };
            let most = if self.facts.which == Which::Slurm && completions <= parallelism {
                completions
            } else {
                parallelism
            };
            let origin = Origin::Thing(thing);
            let runs =
                self.of(origin).filter(|pod| pod.held().is_some() && !pod.is_deleting && !pod.is_stale);
            let runs = runs.count() as u32;
            let name = self.name(origin);
            self.demand(runs <= most, || {
                format!("safety_parallelism: {runs} tasks of {name} run, not {most}")
            });
        }
    }

    /// Slurm's limits of a QOS, by what is on the nodes. A task has whole CPUs.
    fn check_qos(&mut self) {
        let Some(site) = self.facts.settings.site() else { return };
        let Some(qos) = site.qos.iter().find(|qos| qos.name == "limited").cloned() else { return };
        let mut by_user: BTreeMap<i32, (BTreeSet<Origin>, i64)> = BTreeMap::new();
        for pod in self.pods.values().filter(|pod| pod.held().is_some()) {
            let Origin::Row(row) = pod.origin else { continue };
            if self.label(pod.origin, "qos") == Some("limited") {
                let entry = by_user.entry(self.facts.rows[row].user).or_default();
                entry.0.insert(pod.origin);
                entry.1 += (self.cpu(pod.origin) + 999) / 1_000;
            }
        }
        let all: (usize, i64) =
            by_user.values().fold((0, 0), |(jobs, cpus), user| (jobs + user.0.len(), cpus + user.1));
        let of_user = |limit: &[(usize, i64)]| limit.first().map_or(i64::MAX, |(_, most)| *most);
        let (user_cpus, group_cpus) = (of_user(&qos.max_tres_per_user.0), of_user(&qos.group_tres.0));
        let user_jobs = qos.max_jobs_per_user.unwrap_or(u32::MAX) as usize;
        let group_jobs = qos.group_jobs.unwrap_or(u32::MAX) as usize;
        let over = by_user.values().any(|(jobs, cpus)| jobs.len() > user_jobs || *cpus > user_cpus);
        self.demand(!over && all.0 <= group_jobs && all.1 <= group_cpus, || {
            format!("safety_qos: {by_user:?} run, with {user_jobs} jobs and {user_cpus} CPUs a user at most")
        });
    }

    fn ended_container(&mut self, pod: PodRef, ran: Span) {
        let Some(entry) = self.pods.get_mut(&(pod.id, pod.generation)) else { return };
        entry.runs = false;
        let (origin, is_stale) = (entry.origin, entry.is_stale);
        if let Origin::Thing(thing) = origin {
            self.last_end.insert(thing, self.now);
        }
        let late = if self.facts.ideal { Span::ZERO } else { LATE };
        let name = self.name(origin);
        let limit = self.time_limit(origin);
        // Nobody stops what runs on a machine that does not answer.
        self.demand(is_stale || limit.is_none_or(|limit| ran <= limit + late), || {
            format!("safety_time_limit: {name} has run for {ran} and may run for {limit:?}")
        });
        let run_time = match origin {
            Origin::Row(row) => self.facts.rows[row].shape.run_time,
            Origin::Thing(thing) => self.facts.things[thing].shape.run_time,
        };
        self.demand(run_time.is_none_or(|run_time| ran <= run_time), || {
            format!("{name} has run for {ran}, more than its work")
        });
    }

    /// How long a task of a row may run under Slurm: its limit in whole minutes, the time between the
    /// signals, and the second that clocks are cut to.
    pub(super) fn time_limit(&self, origin: Origin) -> Option<Span> {
        let site = self.facts.settings.site()?;
        let Origin::Row(row) = origin else { return None };
        let minutes =
            self.facts.rows[row].estimate.map(|estimate| estimate.0.div_ceil(60_000_000_000).max(1));
        let of_partition = site
            .partitions
            .iter()
            .find(|partition| partition.rules.name == self.label(origin, "partition").unwrap_or("main"));
        let of_partition = of_partition.and_then(|partition| partition.rules.max_time);
        let seconds = minutes.map(|minutes| minutes * 60).or(of_partition)?;
        Some(Span::from_secs(seconds + site.settings.kill_wait + 2))
    }

    fn started_container(&mut self, pod: PodRef, restarts: u32) {
        let Some(entry) = self.pods.get_mut(&(pod.id, pod.generation)) else { return };
        entry.runs = true;
        let origin = entry.origin;
        let name = self.name(origin);
        self.demand(restarts == 0, || format!("safety_restart: a container of {name} is started again"));
        let Origin::Thing(thing) = origin else { return };
        let calm_service = self.facts.calm && self.facts.things[thing].kind == Kind::Service(1);
        let Some(settings) = self.facts.settings.service(&self.facts.things[thing]) else { return };
        let since = self.last_end.get(&thing).map(|end| self.now.since(*end));
        let holds = !calm_service
            || since.is_none_or(|since| since + Span::from_millis(100) >= settings.restart.delay);
        self.demand(holds, || format!("safety_restart_delay: {name} starts {since:?} after the last task"));
    }

    fn follow(&mut self, record: &Record<'_>, view: View<'_>) {
        match record {
            Record::WorkloadCreated { workload, name, .. } => {
                if let Some(thing) = self.facts.things.iter().position(|thing| thing.name == *name) {
                    self.things.insert(*workload, thing);
                }
            }
            Record::PodCreated { pod, name, owner, .. } => self.created(*pod, name, *owner, view),
            Record::PodBound { pod, node } => self.bound(*pod, *node),
            Record::ContainerStarted { pod, restarts, .. } => self.started_container(*pod, *restarts),
            Record::ContainerEnded { pod, ran, .. } => self.ended_container(*pod, *ran),
            Record::PodEnded { pod, phase, .. } => {
                let now = self.now;
                self.with(*pod, |pod| pod.ended = Some((now, *phase)));
            }
            Record::PodDeleting { pod, .. } => self.with(*pod, |pod| pod.is_deleting = true),
            Record::PodRemoved { pod } => self.with(*pod, |pod| pod.is_removed = true),
            Record::NodeFailed { node, .. } => {
                self.down.insert(*node);
                for pod in self.pods.values_mut().filter(|pod| pod.held() == Some(*node)) {
                    pod.is_stale = true;
                }
            }
            Record::NodeRecovered { node } => {
                self.down.remove(node);
            }
            Record::NodeReady { node, ready } => {
                if *ready == ReadyStatus::Unknown {
                    self.unknown.insert(*node);
                } else {
                    self.unknown.remove(node);
                }
            }
            _ => {}
        }
    }

    fn with(&mut self, pod: PodRef, act: impl FnOnce(&mut Pod)) {
        if let Some(pod) = self.pods.get_mut(&(pod.id, pod.generation)) {
            act(pod);
        }
    }

    /// What must hold when everything of an instant has happened.
    pub(super) fn check_instant(&mut self) {
        if std::mem::take(&mut self.has_bound) {
            self.check_parallel();
            self.check_qos();
        }
    }
}

impl Observer for Watch {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        self.inner.record(now, record, view);
        if now > self.now {
            self.check_instant();
        }
        self.now = now;
        self.follow(record, view);
    }

    fn finish(&mut self, now: Time, view: View<'_>) {
        self.inner.finish(now, view);
        self.check_instant();
        self.now = now;
    }
}
