//! What is known of one Job, kept up to date from events.
//!
//! Every pod that exists is in one of three places: it is active, or the finalizer holds it, or it is
//! none of this Job's business any more. A sync looks at what is held, which is what has changed, and at
//! numbers; so it costs as much as has changed since the last one, whatever the size of the Job. What
//! follows from it is decided in [`super::sync`].

use super::backoff::Backoff;
use super::indexes::Indexes;
use super::pods::{Condition, Container, JobPod};
use super::policies::{Matched, match_failure};
use super::running::Running;
use super::sync::{Fate, IndexFailures, Settled, Tracked, Uncounted, replaces_failed_only};
use crate::api::status::JobStatus;
use crate::api::{Job, PodPhase};
use crate::base::ids::PodId;
use crate::base::{Clock, Map, Time};
use crate::cluster::{Cluster, PodRef, Reason};
use crate::control::PodBefore;
use crate::control::controllers::members::Places;
use std::collections::BTreeMap;

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// The active pods.
    pub(super) active: Vec<PodId>,
    /// How many of them are ready.
    pub(super) ready: u32,
    /// Pods that are being deleted and have not ended.
    pub(super) terminating: u32,
    /// Restarts of pods that have not ended.
    pub(super) restarts: u64,
    /// The pods that the finalizer holds and that are not active.
    pub(super) held: BTreeMap<PodRef, Tracked<PodRef>>,
    /// Noted pods whose finalizer has gone without a sync's doing.
    pub(super) released: Uncounted,
    /// The indexes that nobody works on.
    pub(super) indexes: Indexes,
    /// The indexes that are settled.
    pub(super) settled: Settled,
    /// How many there are.
    pub(super) completions: Option<i32>,
    /// Failures of its index before each pod, where there were any.
    pub(super) failures: Map<PodRef, IndexFailures>,
    /// The failures since the last success.
    pub(super) backoff: Backoff,
    /// The status as it was written last.
    pub(super) status: JobStatus,
    /// Whether something has changed since the last sync that a sync looks at.
    pub(super) is_dirty: bool,
    /// When another look finds something else although nothing has changed.
    pub(super) stable_until: Option<Time>,
    /// When the Job is to be looked at again in any case.
    pub(super) wake: Option<Time>,
    /// Whether active pods may have indexes that the Job has no more.
    pub(super) may_have_surplus: bool,
    /// The sync that is under way.
    pub(super) running: Option<Box<Running>>,
    /// Whether the Job is to be looked at again as soon as that is over.
    pub(super) is_again: bool,
}

/// What the states of all Jobs share.
#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    pub(super) places: Places,
    /// Restarts of pods that have not ended, where there are any.
    pub(super) restarts: Map<PodId, u32>,
    pub(super) clock: Clock,
}

impl State {
    /// The state of a Job that is new, or that somebody else has looked after before.
    pub(super) fn new(job: &Job, status: JobStatus) -> State {
        let completions = job.completions.unwrap_or(0).max(0) as u32;
        State {
            settled: Settled::of(&status, completions),
            status,
            completions: job.completions,
            is_dirty: true,
            ..State::default()
        }
    }

    /// A pod has come, changed, or is about to go; `before` is its state before that, if it was there.
    pub(super) fn follow(
        &mut self,
        pod: PodRef,
        before: Option<PodBefore>,
        is_gone: bool,
        job: &Job,
        cluster: &Cluster,
        shared: &mut Pods,
    ) {
        let (row, pods) = (pod.id, &cluster.pods);
        let at = row.index();
        let lives = !is_gone && !pods.phase[at].is_terminal();
        let is_leaving = lives && pods.deleting_since[at].is_some();
        let lived = before.is_some_and(|before| !before.phase.is_terminal());
        let was_leaving = lived && before.is_some_and(|before| before.deleting);
        self.terminating = exchange(self.terminating, was_leaving, is_leaving);
        let restarts = if lives { pods.restarts[at] } else { 0 };
        let known =
            if restarts == 0 { shared.restarts.remove(&row) } else { shared.restarts.insert(row, restarts) };
        self.restarts = self.restarts + u64::from(restarts) - u64::from(known.unwrap_or(0));
        let was_active = shared.places.holds(row);
        let is_active = lives && !is_leaving;
        if is_active && !was_active {
            shared.places.enter(&mut self.active, row);
        } else if was_active && !is_active {
            shared.places.leave(&mut self.active, row);
        }
        let was_ready = was_active && before.is_some_and(|before| before.ready);
        self.ready = exchange(self.ready, was_ready, is_active && pods.ready[at]);
        let keeps = replaces_failed_only(job);
        self.follow_index(pod, lived && (keeps || !was_leaving), lives && (keeps || !is_leaving), cluster);
        self.hold(pod, !is_gone && !is_active && pods.tracked[at], job, cluster, shared.clock);
    }

    /// An index is in use while a pod works on it, and for ever when that has succeeded and is counted:
    /// a pod that was given up before, and has lost its finalizer, is not.
    fn follow_index(&mut self, pod: PodRef, was_used: bool, is_used: bool, cluster: &Cluster) {
        let (pods, at) = (&cluster.pods, pod.id.index());
        let Some(index) = pods.index[at] else { return };
        let counts = pods.phase[at] == PodPhase::Succeeded && pods.tracked[at];
        if is_used && !was_used {
            self.indexes.occupy(index);
        } else if was_used && !is_used && !counts {
            self.indexes.give_back(index);
        }
    }

    /// Keeps a pod among those that the finalizer holds, or not.
    fn hold(&mut self, pod: PodRef, is_held: bool, job: &Job, cluster: &Cluster, clock: Clock) {
        if is_held {
            if self.running.as_ref().is_some_and(|running| running.is_releasing(pod)) {
                return;
            }
            let is_noted = self.held.get(&pod).is_some_and(|known| known.is_noted);
            let tracked = Tracked { is_noted, ..self.track(pod, job, cluster, clock) };
            self.held.insert(pod, tracked);
        } else if let Some(gone) = self.held.remove(&pod).filter(|known| known.is_noted) {
            match gone.fate {
                Fate::Succeeded => self.released.succeeded += 1,
                _ => self.released.failed += 1,
            }
        }
    }

    /// What a sync wants to know of a pod.
    pub(super) fn track(&self, pod: PodRef, job: &Job, cluster: &Cluster, clock: Clock) -> Tracked<PodRef> {
        let (pods, at) = (&cluster.pods, pod.id.index());
        let fate = match pods.phase[at] {
            PodPhase::Succeeded => Fate::Succeeded,
            PodPhase::Failed => Fate::Failed,
            _ if pods.deleting_since[at].is_some() => Fate::Leaving,
            _ => Fate::Active,
        };
        let matched = match job.pod_failure_policy.as_deref() {
            Some(policy) if fate != Fate::Succeeded => {
                match_failure(Some(policy), &plain(pod.id, cluster, clock))
            }
            _ => Matched::default(),
        };
        Tracked {
            pod,
            fate,
            index: pods.index[at],
            end: end_of(cluster, pod.id, clock),
            failures: self.failures.get(&pod).copied().unwrap_or_default(),
            matched,
            is_ready: pods.ready[at],
            is_held: pods.tracked[at],
            is_noted: false,
        }
    }

    /// Finds out anew which indexes are in use, if the number of completions has changed.
    pub(super) fn recount_indexes(&mut self, job: &Job, cluster: &Cluster, id_pods: &[PodId]) {
        if std::mem::replace(&mut self.completions, job.completions) == job.completions {
            return;
        }
        let completions = job.completions.unwrap_or(0).max(0) as u32;
        self.settled.truncate(completions);
        self.indexes = Indexes::default();
        for &pod in id_pods {
            let pods = &cluster.pods;
            let works =
                pods.is_active(pod) || replaces_failed_only(job) && !pods.phase[pod.index()].is_terminal();
            if let Some(index) = pods.index[pod.index()].filter(|_| works) {
                self.indexes.occupy(index);
            }
        }
        self.may_have_surplus = true;
    }

    /// Holds what is kept against what a look at every pod finds.
    #[cfg(test)]
    pub(super) fn check(&self, job: &Job, cluster: &Cluster, all: &[PodId], clock: Clock) {
        let plain: Vec<JobPod> = all.iter().map(|&pod| plain(pod, cluster, clock)).collect();
        let slow = super::pods::Pods::new(job, &plain);
        let tally = slow.tally();
        let restarts: u64 = all
            .iter()
            .filter(|pod| !cluster.pods.phase[pod.index()].is_terminal())
            .map(|pod| u64::from(cluster.pods.restarts[pod.index()]))
            .sum();
        assert_eq!(
            (self.active.len() as u32, self.ready, self.terminating, self.restarts),
            (tally.active, tally.ready, tally.terminating, restarts)
        );
        let held: BTreeMap<PodRef, (Fate, Option<u32>)> = slow
            .held()
            .iter()
            .map(|pod| (cluster.pods.reference(all[pod.pod]), (pod.fate, pod.index)))
            .collect();
        let kept = self.held.values().map(|pod| (pod.pod, (pod.fate, pod.index))).collect();
        assert_eq!(held, kept);
        if job.indexed {
            let done = [&self.settled.succeeded, &self.settled.failed];
            let completions = job.completions.unwrap_or(0).max(0) as u32;
            let held_success = |index: &u32| {
                self.held.values().any(|pod| pod.fate == Fate::Succeeded && pod.index == Some(*index))
            };
            let free = |index: &u32| !done.iter().any(|set| set.contains(*index)) && !held_success(index);
            let kept: Vec<u32> = self.indexes.free(completions).filter(free).collect();
            let mut slow = super::sync::View::pending(&slow, completions as usize, &done);
            slow.retain(|index| !held_success(index));
            assert_eq!(kept, slow);
        }
    }

    /// Forgets every pod.
    pub(super) fn clear(&mut self, shared: &mut Pods) {
        for pod in &self.active {
            shared.restarts.remove(pod);
        }
        shared.places.clear(&mut self.active);
    }
}

/// A number of pods of which one has left, come, or both.
fn exchange(count: u32, leaves: bool, comes: bool) -> u32 {
    (count + u32::from(comes)).saturating_sub(u32::from(leaves))
}

/// When a pod ended, in whole seconds: the end of its containers; else when it stopped being
/// ready; else the beginning of its deletion; else its creation (pkg/controller/job/backoff_utils.go,
/// getFinishedTime).
fn end_of(cluster: &Cluster, pod: PodId, clock: Clock) -> Time {
    let (pods, at) = (&cluster.pods, pod.index());
    let stopped = pods.node[at].is_some() && !pods.ready[at] && pods.ready_since[at] > pods.created[at];
    let unready = stopped.then_some(pods.ready_since[at]);
    let end = pods.finished[at].or(unready).or(pods.deleting_since[at]).unwrap_or(pods.created[at]);
    clock.floor(end)
}

/// A pod of the cluster as plain data, as far as policies look at it.
pub(super) fn plain(pod: PodId, cluster: &Cluster, clock: Clock) -> JobPod {
    let (pods, at) = (&cluster.pods, pod.index());
    let spec = &cluster.classes[pods.class[at]].template.spec;
    let finished = pods.finished[at].map(|end| clock.floor(end));
    let container = |(place, name): (usize, &String)| {
        let exit_code = pods.exits[at].get(place).map(i32::from);
        Container { name: name.clone(), exit_code, finished, ..Container::default() }
    };
    let names = spec.init_containers.iter().chain(&spec.containers).map(|container| &container.name);
    let mut init_containers: Vec<Container> = names.enumerate().map(container).collect();
    let containers = init_containers.split_off(spec.init_containers.len());
    let condition = |kind: &str, holds: bool, since: Time| Condition {
        kind: kind.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        since: Some(clock.floor(since)),
    };
    let mut conditions = vec![condition("PodScheduled", pods.node[at].is_some(), pods.created[at])];
    if pods.node[at].is_some() {
        conditions.push(condition("Ready", pods.ready[at], pods.ready_since[at]));
    }
    if pods.disrupted[at] != Reason::None {
        conditions.push(condition("DisruptionTarget", true, pods.created[at]));
    }
    JobPod {
        phase: pods.phase[at],
        index: pods.index[at],
        has_finalizer: pods.tracked[at],
        deleting: pods.deleting_since[at].map(|since| clock.floor(since)),
        created: clock.floor(pods.created[at]),
        assigned: pods.node[at].is_some(),
        containers,
        init_containers,
        conditions,
        ..JobPod::default()
    }
}
