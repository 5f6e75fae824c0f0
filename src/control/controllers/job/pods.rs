//! The pods of a Job as plain data, and what a sync sees of them when it looks at each.
//!
//! The event loop keeps the same view up to date from events instead; this one is its slow twin. What
//! follows from what is seen is not known here.

use super::policies::{Matched, match_failure};
use super::sync::{Fate, IndexFailures, Tracked, View};
use crate::api::{Job, PodPhase};
use crate::base::Time;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A pod of a Job.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JobPod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its phase.
    pub phase: PodPhase,
    /// Its completion index, if it has a legal one.
    pub index: Option<u32>,
    /// Failures of its index before it.
    pub failures: IndexFailures,
    /// Whether the Job's finalizer holds it.
    pub has_finalizer: bool,
    /// When its deletion began, if it has.
    pub deleting: Option<Time>,
    /// When it was created.
    pub created: Time,
    /// Whether it has a node.
    pub assigned: bool,
    /// Its main containers.
    pub containers: Vec<Container>,
    /// Its init containers.
    pub init_containers: Vec<Container>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// The state of a container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The exit code, if it has ended.
    pub exit_code: Option<i32>,
    /// When it ended.
    pub finished: Option<Time>,
    /// How often it was restarted.
    pub restarts: u32,
    /// Whether it is an init container that is always restarted.
    pub is_sidecar: bool,
}

/// A condition of a pod.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Condition {
    /// The type, such as `DisruptionTarget`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// When the status last changed.
    pub since: Option<Time>,
}

impl JobPod {
    /// Whether it has not ended and is not being deleted.
    pub fn is_active(&self) -> bool {
        !self.phase.is_terminal() && self.deleting.is_none()
    }

    fn ready(&self) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == "Ready")
    }

    fn is_ready(&self) -> bool {
        self.ready().is_some_and(|ready| ready.status == "True")
    }

    fn restarts(&self) -> u64 {
        let containers = self.containers.iter().chain(&self.init_containers);
        containers.map(|container| u64::from(container.restarts)).sum()
    }

    /// When it ended: the end of its last container, sidecars included, if the sidecars and the others
    /// have ended (if there are sidecars, these alone decide whether); else when it stopped being ready;
    /// else the beginning of its deletion; else its creation (pkg/controller/job/backoff_utils.go,
    /// getFinishedTime).
    pub fn finished(&self) -> Time {
        let ends = |containers: &mut dyn Iterator<Item = &Container>| {
            let ends: Option<Vec<Time>> = containers.map(|container| container.finished).collect();
            ends.map(|ends| ends.into_iter().max())
        };
        let main = ends(&mut self.containers.iter()).flatten();
        let sidecars = ends(&mut self.init_containers.iter().filter(|container| container.is_sidecar));
        let unready = self.ready().filter(|ready| ready.status == "False").and_then(|ready| ready.since);
        let end = sidecars.and_then(|sidecars| sidecars.max(main)).or(unready).or(self.deleting);
        end.unwrap_or(self.created)
    }

    /// What a sync wants to know of the pod at that place.
    fn tracked(&self, place: usize, job: &Job) -> Tracked<usize> {
        let fate = match self.phase {
            PodPhase::Succeeded => Fate::Succeeded,
            PodPhase::Failed => Fate::Failed,
            _ if self.deleting.is_some() => Fate::Leaving,
            _ => Fate::Active,
        };
        Tracked {
            pod: place,
            fate,
            index: self.index,
            end: self.finished(),
            failures: self.failures,
            matched: match job.pod_failure_policy.as_deref() {
                None => Matched::default(),
                policy => match_failure(policy, self),
            },
            is_ready: self.is_ready(),
            is_held: self.has_finalizer,
            is_noted: false,
        }
    }

    /// Which of two active pods is deleted first: the one at an earlier stage, the one that became ready
    /// later, the one with more restarts, the younger one (pkg/controller/controller_utils.go,
    /// ActivePods).
    fn deletion_order(&self, other: &JobPod) -> Ordering {
        let stage = |pod: &JobPod| (pod.assigned, pod.phase == PodPhase::Running, pod.is_ready());
        // Init containers that end do not count.
        let most = |containers: &mut dyn Iterator<Item = &Container>| {
            containers.map(|container| container.restarts).max().unwrap_or(0)
        };
        let restarts = |pod: &JobPod, sidecars: bool| {
            if sidecars {
                most(&mut pod.init_containers.iter().filter(|container| container.is_sidecar))
            } else {
                most(&mut pod.containers.iter())
            }
        };
        // Ready since nobody knows when is ready for the shortest time.
        let since = |pod: &JobPod| {
            pod.ready().filter(|_| pod.is_ready()).map(|ready| ready.since.unwrap_or(Time::MAX))
        };
        stage(self)
            .cmp(&stage(other))
            .then_with(|| since(other).cmp(&since(self)))
            .then_with(|| restarts(other, false).cmp(&restarts(self, false)))
            .then_with(|| restarts(other, true).cmp(&restarts(self, true)))
            .then_with(|| other.created.cmp(&self.created))
    }
}

/// What is seen of a list of pods; pods are named by their places in it.
#[derive(Clone, Debug)]
pub struct Pods<'p> {
    job: &'p Job,
    all: &'p [JobPod],
    /// The places of the active ones.
    active: Vec<usize>,
}

/// The numbers of pods that a sync looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Pods that have not ended and are not being deleted.
    pub active: u32,
    /// Those of them that are ready.
    pub ready: u32,
    /// Pods that are being deleted and have not ended.
    pub terminating: u32,
    /// Restarts of all containers of pods that have not ended.
    pub restarts: u64,
}

impl<'p> Pods<'p> {
    /// The pods of a Job.
    pub fn new(job: &'p Job, pods: &'p [JobPod]) -> Pods<'p> {
        let active = (0..pods.len()).filter(|&place| pods[place].is_active()).collect();
        Pods { job, all: pods, active }
    }

    /// How many there are of each kind.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally { active: self.active.len() as u32, ..Tally::default() };
        for pod in self.all.iter().filter(|pod| !pod.phase.is_terminal()) {
            tally.restarts += pod.restarts();
            tally.ready += u32::from(pod.is_active() && pod.is_ready());
            tally.terminating += u32::from(pod.deleting.is_some());
        }
        tally
    }

    /// The pods that the finalizer still holds and that are not active.
    pub fn held(&self) -> Vec<Tracked<usize>> {
        let pods = self.all.iter().enumerate();
        let held = pods.filter(|(_, pod)| pod.has_finalizer && !pod.is_active());
        held.map(|(place, pod)| pod.tracked(place, self.job)).collect()
    }

    fn indexes_in_use(&self, with_leaving: bool) -> impl Iterator<Item = u32> {
        let in_use = move |pod: &&JobPod| pod.is_active() || with_leaving && !pod.phase.is_terminal();
        self.all.iter().filter(in_use).filter_map(|pod| pod.index)
    }

    /// The active pods that must go in any case: those of an Indexed Job whose index is missing, too
    /// high, or that of another pod; then the others in the order of deletion.
    fn surplus_and_rest(&self) -> (Vec<usize>, Vec<usize>) {
        let order = |a: &usize, b: &usize| self.all[*a].deletion_order(&self.all[*b]);
        let (mut surplus, mut rest) = (Vec::new(), self.active.clone());
        if self.job.indexed {
            let completions = self.job.completions.unwrap_or(0).max(0) as u32;
            let mut by_index: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
            for place in std::mem::take(&mut rest) {
                let index = self.all[place].index.filter(|&index| index < completions);
                by_index.entry(index).or_default().push(place);
            }
            for (index, mut places) in by_index {
                places.sort_by(order);
                rest.extend(index.and_then(|_| places.pop()));
                surplus.extend(places);
            }
        }
        rest.sort_by(order);
        (surplus, rest)
    }
}

impl View for Pods<'_> {
    type Pod = usize;

    fn active(&self) -> Vec<Tracked<usize>> {
        self.active.iter().map(|&place| self.all[place].tracked(place, self.job)).collect()
    }

    fn removable(&self, count: usize) -> Vec<Tracked<usize>> {
        let (mut first, rest) = self.surplus_and_rest();
        let more = count.saturating_sub(first.len());
        first.extend(rest.into_iter().take(more));
        first.into_iter().map(|place| self.all[place].tracked(place, self.job)).collect()
    }

    fn has_active(&self, index: u32) -> bool {
        self.indexes_in_use(false).any(|used| used == index)
    }

    fn pending(&self, count: usize, done: &[&super::intervals::Intervals]) -> Vec<u32> {
        let completions = self.job.completions.unwrap_or(0).max(0) as u32;
        let mut taken = super::intervals::Intervals::default();
        taken.extend(self.indexes_in_use(super::sync::replaces_failed_only(self.job)));
        let free = |index: &u32| !taken.contains(*index) && !done.iter().any(|set| set.contains(*index));
        (0..completions).filter(free).take(count).collect()
    }
}
