//! The ReplicaSet controller: keeps a number of active pods.
//!
//! Kubernetes 1.36, pkg/controller/replicaset/replica_set.go (reference control-plane §3.2).
//! Terminating and ended pods do not count, so a pod is replaced the moment its deletion begins.
//! Where pods run is not decided here.

pub mod status;

use super::members::Places;
use super::ranking::{self, Candidate};
use super::slow_start::SlowStart;
use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::Status;
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{BitSet, Clock, Map, Set, Span, Time};
use crate::cluster::{Cluster, PodRef, Reason, WorkloadKind};
use crate::control::Refusal;
use status::Counts;
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

/// A sync whose writes are under way.
#[derive(Clone, Debug)]
struct Sync {
    /// The pods that it began with: what its status says.
    counts: Counts,
    /// The generation that it began with.
    generation: u64,
    action: Action,
    /// Creations that are to come.
    plan: SlowStart,
    /// Own creations that are not answered yet.
    creating: u32,
    /// Own deletions that are not answered yet.
    deleting: Set<PodRef>,
    /// Whether a write was refused.
    failed: bool,
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
    /// The `minReadySeconds` that the two above are for.
    min_ready: Span,
    /// Its pods that are being deleted and have not ended.
    terminating: u32,
    /// The sync that is under way.
    sync: Option<Sync>,
    /// Since when a status is being written.
    writing: Option<Time>,
    /// Whether something has happened while a write was under way.
    dirty: bool,
    /// Whether the latest sync failed.
    failing: bool,
}

impl State {
    /// Whether writes are under way.
    fn is_busy(&self) -> bool {
        self.writing.is_some() || self.sync.is_some()
    }

    fn counts(&self) -> Counts {
        Counts {
            active: self.active.len() as u32,
            ready: self.ready,
            available: if self.min_ready == Span::ZERO { self.ready } else { self.available },
            terminating: self.terminating,
        }
    }
}

/// The event loop around [`reconcile`].
///
/// While writes of a sync are under way the ReplicaSet is not synced again: in the original its
/// worker is busy with them, expectations hold it back until its watch has seen them, and so does
/// its own status. Every write is answered, by its event or by a refusal. Pods are created in
/// batches, each of which waits for the answers to the one before, and the status comes at the end,
/// from the pods that the sync began with.
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
    clock: Clock,
    /// Whether the status says how many pods are being deleted.
    counts_terminating: bool,
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
            clock: config.clock,
            counts_terminating: config.version.compat().counts_terminating_replicas,
        }
    }

    /// Something has happened to a ReplicaSet: it is synced as soon as it can be.
    fn touch(&mut self, now: Time, id: WorkloadId) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        if state.is_busy() {
            state.dirty = true;
        } else {
            self.queue.add(id, now);
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
        if state.min_ready > Span::ZERO {
            let since = self.clock.floor(cluster.pods.ready_since[pod.index()]);
            // A controller that starts meets pods in any order.
            let place = state.maturing.partition_point(|known| known.0 <= since);
            state.maturing.insert(place, (since, cluster.pods.reference(pod)));
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
            let ended = cluster.pods.phase[row.index()].is_terminal() && !before.phase.is_terminal();
            if before.deleting && ended {
                self.count_terminating(now, id, false);
            }
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
            return self.touch_failing(now, id);
        }
        self.touch(now, id);
    }

    /// A pod changed in a way that no count shows. The original syncs at every change; it matters
    /// where syncs fail, as each doubles the wait until the next.
    fn touch_failing(&mut self, now: Time, id: WorkloadId) {
        if self.sets.get(&id).is_some_and(|state| state.failing) {
            self.touch(now, id);
        }
    }

    /// Deletion of a pod has begun, or its object is gone.
    fn gone(
        &mut self,
        now: Time,
        event: &Event,
        pod: PodRef,
        before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some((id, row)) = self.owned(pod, cluster) else { return };
        let held = self.leave(id, row, before.ready);
        let removed = matches!(event, Event::PodRemoved { .. });
        if !before.phase.is_terminal() && before.deleting == removed {
            self.count_terminating(now, id, !removed);
        }
        let Some(state) = self.sets.get_mut(&id) else { return };
        let ours = state.sync.as_mut().is_some_and(|sync| sync.deleting.remove(&pod));
        if held || ours {
            self.touch(now, id);
        }
        if ours {
            self.answered(now, id, cluster, out);
        }
    }

    fn count_terminating(&mut self, now: Time, id: WorkloadId, more: bool) {
        let Some(state) = self.sets.get_mut(&id).filter(|_| self.counts_terminating) else { return };
        state.terminating = if more { state.terminating + 1 } else { state.terminating.saturating_sub(1) };
        self.touch(now, id);
    }

    /// A write was refused: it is no longer under way, and its sync counts as failed, unless it was
    /// the deletion of a pod that is gone.
    fn refused(
        &mut self,
        now: Time,
        write: &Write,
        why: Refusal,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match write {
            Write::CreatePod { owner, .. } => {
                let sync = self.sets.get_mut(owner).and_then(|state| state.sync.as_mut());
                let Some(sync) = sync else { return };
                sync.creating = sync.creating.saturating_sub(1);
                sync.failed = true;
                sync.plan.stop();
                self.answered(now, *owner, cluster, out);
            }
            Write::DeletePod { pod, .. } => {
                let Some((id, _)) = self.owned(*pod, cluster) else { return };
                let sync = self.sets.get_mut(&id).and_then(|state| state.sync.as_mut());
                let Some(sync) = sync.filter(|sync| sync.deleting.contains(pod)) else { return };
                sync.deleting.remove(pod);
                sync.failed |= why != Refusal::Conflict;
                self.answered(now, id, cluster, out);
            }
            Write::WorkloadStatus { workload, .. } => {
                let Some(state) = self.sets.get_mut(workload) else { return };
                (state.writing, state.dirty) = (None, false);
                self.queue.add_failed(*workload, now);
            }
            _ => {}
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
        self.sets.insert(id, State { min_ready: min_ready(cluster, id), ..State::default() });
        if let Some(deployment) = workload.owner {
            self.siblings.entry(deployment).or_default().push(id);
        }
        self.queue.add(id, now);
    }

    fn removed(&mut self, id: WorkloadId, cluster: &Cluster) {
        if let Some(mut state) = self.sets.remove(&id) {
            // The rows of its pods will hold others.
            for pod in &state.active {
                if pod.index() < self.available.len() {
                    self.available.remove(pod.index());
                }
            }
            self.places.clear(&mut state.active);
            self.queue.forget(id);
        }
        if let Some(deployment) = cluster.workloads[id].owner
            && let Some(siblings) = self.siblings.get_mut(&deployment)
        {
            siblings.retain(|&sibling| sibling != id);
        }
    }

    /// The own status has been written: what has happened since is looked at.
    fn written(&mut self, now: Time, id: WorkloadId) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        let Some(sent) = state.writing.take() else { return };
        let dirty = std::mem::take(&mut state.dirty);
        if state.failing {
            // Its own status wakes it, and the wait after the failure goes on beside that.
            self.queue.add(id, now);
        } else if dirty {
            self.queue.add_again(id, sent, now);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::ReplicaSet(set) = &workload.kind else { return };
        let (desired, generation, deleting) = (set.replicas, workload.generation, workload.deleting);
        self.mature(now, id, cluster);
        let Some(state) = self.sets.get_mut(&id) else { return };
        if state.is_busy() {
            state.dirty = true;
            return;
        }
        let action =
            if deleting { Action::Nothing } else { reconcile(state.active.len(), desired, self.burst) };
        let plan = SlowStart::new(if let Action::Create(amount) = action { amount } else { 0 });
        let counts = state.counts();
        let deleting = Set::default();
        state.sync = Some(Sync { counts, generation, action, plan, creating: 0, deleting, failed: false });
        if let Action::Delete(amount) = action {
            self.delete(now, id, amount as usize, cluster, out);
        }
        self.answered(now, id, cluster, out);
    }

    /// Goes on with a sync whose writes have all been answered: the next batch, or the end.
    fn answered(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        let Some(sync) = state.sync.as_mut() else { return };
        if sync.creating > 0 || !sync.deleting.is_empty() {
            return;
        }
        let batch = sync.plan.next_batch();
        if batch == 0 {
            return self.finish(now, id, cluster, out);
        }
        sync.creating = batch;
        let workload = &mut cluster.workloads[id];
        for _ in 0..batch {
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
    }

    /// Ends a sync: its status, and its repetition if it failed.
    fn finish(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        let Some(sync) = state.sync.take() else { return };
        let before = cluster.workloads[id].replica_set_status();
        let failed = sync.failed.then_some(sync.action);
        let stamp = self.clock.floor(now);
        let status = status::status(sync.counts, sync.generation, failed, &before, stamp);
        if status != before {
            let write = Write::WorkloadStatus { workload: id, status: Status::ReplicaSet(status) };
            out.push(Command::Write(Client::ReplicaSet, write));
            state.writing = Some(now);
        }
        state.failing = sync.failed;
        if sync.failed {
            self.queue.add_failed(id, now);
        } else {
            self.queue.forget(id);
        }
        if state.writing.is_none() && std::mem::take(&mut state.dirty) {
            self.queue.add(id, now);
        }
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
        let Some(sync) = self.sets.get_mut(&id).and_then(|state| state.sync.as_mut()) else { return };
        for victim in victims {
            let pod = cluster.pods.reference(victim);
            sync.deleting.insert(pod);
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
        if state.min_ready != min_ready {
            state.min_ready = min_ready;
            self.count_anew(id, cluster);
        }
        let Some(state) = self.sets.get_mut(&id) else { return };
        while let Some(&(since, pod)) = state.maturing.front() {
            let still = cluster.pods.get(pod).filter(|&row| {
                self.places.holds(row)
                    && cluster.pods.ready[row.index()]
                    && self.clock.floor(cluster.pods.ready_since[row.index()]) == since
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

    /// Forgets which pods are available: `minReadySeconds` has changed.
    fn count_anew(&mut self, id: WorkloadId, cluster: &Cluster) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        state.available = 0;
        let mut maturing = Vec::new();
        for &pod in &state.active {
            if pod.index() < self.available.len() {
                self.available.remove(pod.index());
            }
            if state.min_ready > Span::ZERO && cluster.pods.ready[pod.index()] {
                let since = self.clock.floor(cluster.pods.ready_since[pod.index()]);
                maturing.push((since, cluster.pods.reference(pod)));
            }
        }
        maturing.sort_unstable_by_key(|&(since, pod)| (since, pod.id));
        state.maturing = maturing.into();
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
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => {
                let Some(id) = new.owner.filter(|owner| self.sets.contains_key(owner)) else { return };
                if cluster.pods.is_active(new.pod.id) {
                    self.enter(id, new.pod.id, cluster);
                } else if !cluster.pods.phase[new.pod.id.index()].is_terminal() {
                    self.count_terminating(now, id, true);
                }
                self.touch(now, id);
                if let Some(sync) = self.sets.get_mut(&id).and_then(|state| state.sync.as_mut()) {
                    sync.creating = sync.creating.saturating_sub(1);
                    self.answered(now, id, cluster, out);
                }
            }
            Event::PodBound { pod, .. } => {
                if let Some((id, _)) = self.owned(*pod, cluster) {
                    self.touch_failing(now, id);
                }
            }
            Event::PodStatus { pod, .. } => self.status_changed(now, *pod, before, cluster),
            Event::PodDeleting { pod, .. } | Event::PodRemoved { pod } => {
                self.gone(now, event, *pod, before, cluster, out);
            }
            Event::WorkloadAdded { workload, .. } => self.added(now, *workload, cluster),
            Event::WorkloadScaled { workload, .. } | Event::WorkloadChanged { workload, .. } => {
                self.touch(now, *workload);
            }
            Event::WorkloadStatus { workload, .. } => self.written(now, *workload),
            Event::WorkloadRemoved { workload } => self.removed(*workload, cluster),
            Event::Refused(write, why) => self.refused(now, write, *why, cluster, out),
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
