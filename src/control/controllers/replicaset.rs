//! The ReplicaSet controller: keeps a number of active pods.
//!
//! Kubernetes 1.36, pkg/controller/replicaset/replica_set.go (reference control-plane §3.2).
//! Terminating and ended pods do not count, so a pod is replaced the moment its deletion begins.
//! Where pods run is not decided here.

pub mod status;

use super::members::Places;
use super::ranking::{self, Candidate};
use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::Status;
use crate::api::status::ReplicaSetStatus;
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{BitSet, Map, Set, Span, Time};
use crate::cluster::{Cluster, PodRef, Reason, WorkloadKind};
use std::collections::VecDeque;

/// What a sync does about the number of pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// There are as many as there should be.
    Nothing,
    /// Create so many.
    Create(u32),
    /// Delete so many, in the deletion order.
    Delete(u32),
}

/// The decision: `active` pods exist, `desired` should, and one sync touches `burst` at most.
pub fn reconcile(active: usize, desired: i32, burst: u32) -> Action {
    let active = i64::try_from(active).unwrap_or(i64::MAX);
    let missing = i64::from(desired.max(0)) - active;
    let amount = missing.unsigned_abs().min(u64::from(burst)) as u32;
    match missing {
        0 => Action::Nothing,
        1.. => Action::Create(amount),
        _ => Action::Delete(amount),
    }
}

/// What is known of one ReplicaSet.
#[derive(Clone, Debug, Default)]
struct State {
    /// Its active pods.
    active: Vec<PodId>,
    /// How many of them are ready.
    ready: u32,
    /// How many of them have been ready for `minReadySeconds`; unused where that is zero.
    available: u32,
    /// Since when pods are ready that may not be available yet, in order; some may have changed.
    maturing: VecDeque<(Time, PodRef)>,
    /// Own creations that are not answered yet.
    creating: u32,
    /// Own deletions that are not answered yet.
    deleting: Set<PodRef>,
    /// Whether a write of the latest sync was refused.
    failed: bool,
    /// The status as last written.
    written: ReplicaSetStatus,
}

impl State {
    /// Whether writes of a sync are under way.
    fn is_busy(&self) -> bool {
        self.creating > 0 || !self.deleting.is_empty()
    }
}

/// The event loop around [`reconcile`].
///
/// While writes of a sync are under way the ReplicaSet is not synced again: in the original its
/// worker is busy with them, and expectations hold it back until its watch has seen them. Every
/// write is answered, by its event or by a refusal.
#[derive(Clone, Debug)]
pub struct ReplicaSetController {
    queue: WorkQueue<WorkloadId>,
    sets: Map<WorkloadId, State>,
    /// The ReplicaSets of each Deployment, for ranks.
    siblings: Map<WorkloadId, Vec<WorkloadId>>,
    places: Places,
    available: BitSet,
    burst: u32,
    seed: u64,
}

impl ReplicaSetController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> ReplicaSetController {
        ReplicaSetController {
            queue: WorkQueue::new(config),
            sets: Map::default(),
            siblings: Map::default(),
            places: Places::default(),
            available: BitSet::default(),
            burst: config.controllers.burst,
            seed: config.seed,
        }
    }

    /// A pod counts from now on.
    fn enter(&mut self, id: WorkloadId, pod: PodId, cluster: &Cluster) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        self.places.enter(&mut state.active, pod);
        if cluster.pods.ready[pod.index()] {
            self.became_ready(id, pod, cluster);
        }
    }

    /// A pod counts no more; `ready` says whether it was ready.
    fn leave(&mut self, id: WorkloadId, pod: PodId, ready: bool) -> bool {
        let Some(state) = self.sets.get_mut(&id) else { return false };
        let held = self.places.leave(&mut state.active, pod);
        if held && ready {
            self.lost_ready(id, pod);
        }
        held
    }

    fn became_ready(&mut self, id: WorkloadId, pod: PodId, cluster: &Cluster) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        state.ready += 1;
        if min_ready(cluster, id) > Span::ZERO {
            state.maturing.push_back((cluster.pods.ready_since[pod.index()], cluster.pods.reference(pod)));
        }
    }

    fn lost_ready(&mut self, id: WorkloadId, pod: PodId) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        state.ready -= 1;
        if pod.index() < self.available.len() && self.available.contains(pod.index()) {
            self.available.remove(pod.index());
            state.available -= 1;
        }
    }

    fn status_changed(&mut self, now: Time, pod: PodRef, before: PodBefore, cluster: &Cluster) {
        let Some((id, row)) = self.owned(pod, cluster) else { return };
        if !self.places.holds(row) {
            return;
        }
        let ready = cluster.pods.ready[row.index()];
        if !cluster.pods.is_active(row) {
            self.leave(id, row, before.ready);
        } else if ready && !before.ready {
            self.became_ready(id, row, cluster);
        } else if !ready && before.ready {
            self.lost_ready(id, row);
        } else {
            return;
        }
        self.queue.add(id, now);
    }

    fn gone(&mut self, now: Time, pod: PodRef, before: PodBefore, cluster: &Cluster) {
        let Some((id, row)) = self.owned(pod, cluster) else { return };
        let held = self.leave(id, row, before.ready);
        let ours = self.sets.get_mut(&id).is_some_and(|state| state.deleting.remove(&pod));
        if held || ours {
            self.queue.add(id, now);
        }
    }

    /// A write was refused: it is no longer under way, and its sync counts as failed.
    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        let id = match write {
            Write::CreatePod { owner, .. } => {
                let Some(state) = self.sets.get_mut(owner) else { return };
                state.creating = state.creating.saturating_sub(1);
                *owner
            }
            Write::DeletePod { pod, .. } => {
                let Some((id, _)) = self.owned(*pod, cluster) else { return };
                let Some(state) = self.sets.get_mut(&id) else { return };
                if !state.deleting.remove(pod) {
                    return;
                }
                id
            }
            Write::WorkloadStatus { workload, .. } => {
                let Some(state) = self.sets.get_mut(workload) else { return };
                state.written = cluster.workloads[*workload].replica_set_status();
                *workload
            }
            _ => return,
        };
        let Some(state) = self.sets.get_mut(&id) else { return };
        state.failed = true;
        if !state.is_busy() {
            self.queue.add_failed(id, now);
        }
    }

    /// The row of a pod and the ReplicaSet that owns it.
    fn owned(&self, pod: PodRef, cluster: &Cluster) -> Option<(WorkloadId, PodId)> {
        let row = cluster.pods.get(pod)?;
        let owner = cluster.pods.owner[row.index()]?;
        self.sets.contains_key(&owner).then_some((owner, row))
    }

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        if !matches!(workload.kind, WorkloadKind::ReplicaSet(_)) {
            return;
        }
        self.sets.insert(id, State { written: workload.replica_set_status(), ..State::default() });
        if let Some(deployment) = workload.owner {
            self.siblings.entry(deployment).or_default().push(id);
        }
        self.queue.add(id, now);
    }

    fn removed(&mut self, id: WorkloadId, cluster: &Cluster) {
        if let Some(mut state) = self.sets.remove(&id) {
            self.places.clear(&mut state.active);
            self.queue.forget(id);
        }
        if let Some(deployment) = cluster.workloads[id].owner
            && let Some(siblings) = self.siblings.get_mut(&deployment)
        {
            siblings.retain(|&sibling| sibling != id);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(WorkloadKind::ReplicaSet(set)) = existing(cluster, id).map(|workload| &workload.kind) else {
            return;
        };
        let desired = set.replicas;
        let Some(state) = self.sets.get_mut(&id) else { return };
        if state.is_busy() {
            return;
        }
        if !std::mem::take(&mut state.failed) {
            self.queue.forget(id);
        }
        match reconcile(state.active.len(), desired, self.burst) {
            Action::Nothing => {}
            Action::Create(amount) => self.create(id, amount, cluster, out),
            Action::Delete(amount) => self.delete(now, id, amount as usize, cluster, out),
        }
        self.mature(now, id, cluster);
        self.write_status(id, cluster, out);
    }

    fn create(&mut self, id: WorkloadId, amount: u32, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        let workload = &mut cluster.workloads[id];
        for _ in 0..amount {
            workload.pods_created += 1;
            let write = Write::CreatePod {
                owner: id,
                class: workload.class,
                number: workload.pods_created,
                index: None,
                tracked: false,
            };
            out.push(Command::Write(Client::ReplicaSet, write));
        }
        state.creating = amount;
    }

    fn delete(
        &mut self,
        now: Time,
        id: WorkloadId,
        amount: usize,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let victims: Vec<PodId> = if amount < self.sets[&id].active.len() {
            let mut candidates = self.candidates(id, cluster);
            ranking::sort(&mut candidates, now);
            candidates.iter().take(amount).map(|candidate| candidate.pod).collect()
        } else {
            self.sets[&id].active.clone()
        };
        let Some(state) = self.sets.get_mut(&id) else { return };
        for victim in victims {
            let pod = cluster.pods.reference(victim);
            state.deleting.insert(pod);
            let write = Write::DeletePod { pod, grace: None, reason: Reason::ScaledDown };
            out.push(Command::Write(Client::ReplicaSet, write));
        }
    }

    /// The active pods with their ranks. A ReplicaSet without a Deployment has no related pods,
    /// not even its own (getReplicaSetsWithSameController).
    fn candidates(&self, id: WorkloadId, cluster: &Cluster) -> Vec<Candidate> {
        let active = &self.sets[&id].active;
        let family = cluster.workloads[id].owner.and_then(|deployment| self.siblings.get(&deployment));
        let related: Vec<&[PodId]> = family
            .into_iter()
            .flatten()
            .filter_map(|sibling| self.sets.get(sibling))
            .map(|state| state.active.as_slice())
            .collect();
        let ranks = ranking::ranks(cluster, active, &related);
        let with_rank = active.iter().zip(ranks);
        with_rank.map(|(&pod, rank)| ranking::candidate(cluster, pod, rank, self.seed)).collect()
    }

    /// Counts the pods that have been ready for long enough by now, and asks to be woken when the
    /// next one is.
    fn mature(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let min_ready = min_ready(cluster, id);
        let Some(state) = self.sets.get_mut(&id) else { return };
        while let Some(&(since, pod)) = state.maturing.front() {
            let still = cluster.pods.get(pod).filter(|&row| {
                self.places.holds(row)
                    && cluster.pods.ready[row.index()]
                    && cluster.pods.ready_since[row.index()] == since
            });
            match still {
                Some(_) if since + min_ready > now => {
                    self.queue.add_at(id, now, since + min_ready);
                    return;
                }
                Some(row) => {
                    if row.index() >= self.available.len() {
                        self.available.resize(row.index() + 1);
                    }
                    if !self.available.contains(row.index()) {
                        self.available.insert(row.index());
                        state.available += 1;
                    }
                }
                None => {}
            }
            state.maturing.pop_front();
        }
    }

    fn write_status(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        let ready = state.ready as i32;
        let available = if min_ready(cluster, id) == Span::ZERO { ready } else { state.available as i32 };
        let replicas = state.active.len() as i32;
        let status = ReplicaSetStatus { replicas, ready, available, ..ReplicaSetStatus::default() };
        if status != state.written {
            state.written = status;
            let write = Write::WorkloadStatus { workload: id, status: Status::ReplicaSet(status) };
            out.push(Command::Write(Client::ReplicaSet, write));
        }
    }
}

/// How long a pod of the ReplicaSet must have been ready to count as available.
fn min_ready(cluster: &Cluster, id: WorkloadId) -> Span {
    match &cluster.workloads[id].kind {
        WorkloadKind::ReplicaSet(set) => Span::from_secs(set.min_ready_seconds.max(0) as u64),
        _ => Span::ZERO,
    }
}

impl Component for ReplicaSetController {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::OwnedPod | Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        _out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => {
                let Some(id) = new.owner.filter(|owner| self.sets.contains_key(owner)) else { return };
                if cluster.pods.is_active(new.pod.id) {
                    self.enter(id, new.pod.id, cluster);
                }
                if let Some(state) = self.sets.get_mut(&id) {
                    state.creating = state.creating.saturating_sub(1);
                }
                self.queue.add(id, now);
            }
            Event::PodStatus { pod, .. } => self.status_changed(now, *pod, before, cluster),
            Event::PodDeleting { pod, .. } | Event::PodRemoved { pod } => {
                self.gone(now, *pod, before, cluster);
            }
            Event::WorkloadAdded { workload, .. } => self.added(now, *workload, cluster),
            Event::WorkloadScaled { workload, .. } if self.sets.contains_key(workload) => {
                self.queue.add(*workload, now);
            }
            Event::WorkloadRemoved { workload } => self.removed(*workload, cluster),
            Event::Refused(write, _) => self.refused(now, write, cluster),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            self.sync(now, id, cluster, out);
        }
    }
}

#[cfg(test)]
mod tests;
