//! The Job controller: runs pods until enough of them have succeeded or too many have failed.
//!
//! Kubernetes 1.36, pkg/controller/job (reference control-plane §3.6). The decision is in
//! [`reconcile`](reconcile::reconcile); here pods are followed, counted once, and events gathered.
//! A sync costs as much as has changed since the last one, whatever the size of the Job.

pub mod backoff;
pub mod indexes;
pub mod reconcile;

use super::members::Places;
use super::{
    Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing, ranking,
};
use crate::api::status::{Condition, JobStatus};
use crate::api::{PodPhase, RestartPolicy};
use crate::api::{Status, Truth};
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{Map, Set, Span, Time};
use crate::cluster::workloads::{JobEnd, job_end};
use crate::cluster::{Cluster, PodRef, Reason, WorkloadKind};
use crate::control::Note;
use crate::control::config::Controllers;
use backoff::Backoff;
use indexes::Indexes;
use reconcile::{Observed, Plan, Spec, Verdict};

/// What is known of one Job.
#[derive(Clone, Debug, Default)]
struct State {
    /// Its pods that are neither ended, nor being deleted, nor counted.
    active: Vec<PodId>,
    /// How many of them are ready.
    ready: u32,
    /// Restarts over all of them.
    restarts: u64,
    /// Its pods that are being deleted and have not ended.
    terminating: u32,
    /// Ends of pods that succeeded and that failed, not counted yet.
    succeeded: Vec<Time>,
    failed: Vec<Time>,
    /// What is counted, as written.
    written: JobStatus,
    backoff: Backoff,
    indexes: Indexes,
    /// When it was started, in whole seconds.
    start: Option<Time>,
    verdict: Option<Verdict>,
    /// When it ended, in whole seconds.
    ended: Option<Time>,
    /// Own creations that are not answered yet.
    creating: u32,
    /// Own deletions that are not answered yet.
    deleting: Set<PodRef>,
    /// Own deletions that were refused: they are tried again before anything else.
    undeleted: Vec<PodRef>,
    /// Whether a write of the latest sync was refused.
    refused: bool,
    /// Whether the latest status was refused.
    unwritten: bool,
}

/// The event loop around [`reconcile::reconcile`].
#[derive(Clone, Debug)]
pub struct JobController {
    queue: WorkQueue<WorkloadId>,
    jobs: Map<WorkloadId, State>,
    places: Places,
    /// Restarts of active pods, where there are any.
    restarts: Map<PodId, u32>,
    config: Controllers,
    seed: u64,
}

impl JobController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> JobController {
        JobController {
            queue: WorkQueue::new(config),
            jobs: Map::default(),
            places: Places::default(),
            restarts: Map::default(),
            config: config.controllers.clone(),
            seed: config.seed,
        }
    }

    /// Pod events are gathered for the batch period before the Job is synced.
    fn enqueue(&mut self, now: Time, id: WorkloadId) {
        self.queue.add_at(id, now, now + self.config.job_sync_batch);
    }

    /// The row of a pod and the Job that owns it, if that is still followed.
    fn owned(&self, pod: PodRef, cluster: &Cluster) -> Option<(WorkloadId, PodId)> {
        let row = cluster.pods.get(pod)?;
        let owner = cluster.pods.owner[row.index()]?;
        self.jobs.get(&owner).filter(|state| state.ended.is_none()).map(|_| (owner, row))
    }

    fn pod_added(&mut self, now: Time, pod: PodRef, cluster: &Cluster) {
        let Some((id, row)) = self.owned(pod, cluster) else { return };
        let Some(state) = self.jobs.get_mut(&id) else { return };
        let (pods, index) = (&cluster.pods, row.index());
        state.creating = state.creating.saturating_sub(1);
        if let Some(completion) = pods.index[index] {
            state.indexes.occupy(completion);
        }
        match pods.phase[index] {
            PodPhase::Succeeded => state.succeeded.push(end_of(cluster, row)),
            PodPhase::Failed => state.failed.push(end_of(cluster, row)),
            _ if pods.deleting_since[index].is_some() => state.terminating += 1,
            _ => {
                self.places.enter(&mut state.active, row);
                state.ready += u32::from(pods.ready[index]);
                note_restarts(&mut self.restarts, state, row, pods.restarts[index]);
            }
        }
        self.enqueue(now, id);
    }

    fn pod_status(&mut self, now: Time, pod: PodRef, before: PodBefore, cluster: &Cluster) {
        let Some((id, row)) = self.owned(pod, cluster) else { return };
        let (pods, index) = (&cluster.pods, row.index());
        let phase = pods.phase[index];
        let ends = phase.is_terminal() && !before.phase.is_terminal();
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if ends && before.deleting {
            state.terminating = state.terminating.saturating_sub(1);
        }
        if self.places.holds(row) && ends {
            let succeeded = phase == PodPhase::Succeeded;
            self.leave(id, row, before.ready, !succeeded, cluster);
            if let Some(state) = self.jobs.get_mut(&id) {
                let list = if succeeded { &mut state.succeeded } else { &mut state.failed };
                list.push(end_of(cluster, row));
            }
        } else if self.places.holds(row) {
            state.ready = state.ready + u32::from(pods.ready[index]) - u32::from(before.ready);
            note_restarts(&mut self.restarts, state, row, pods.restarts[index]);
        }
        self.enqueue(now, id);
    }

    /// Deletion has begun, or the object is gone: a pod that had not ended has failed, unless the
    /// Job deleted it itself.
    fn pod_gone(&mut self, now: Time, pod: PodRef, before: PodBefore, removed: bool, cluster: &Cluster) {
        let Some((id, row)) = self.owned(pod, cluster) else { return };
        let Some(state) = self.jobs.get_mut(&id) else { return };
        state.deleting.remove(&pod);
        if !before.phase.is_terminal() {
            match (removed, before.deleting) {
                (false, false) => state.terminating += 1,
                (true, true) => state.terminating = state.terminating.saturating_sub(1),
                _ => {}
            }
        }
        if self.leave(id, row, before.ready, true, cluster)
            && let Some(state) = self.jobs.get_mut(&id)
        {
            state.failed.push(end_of(cluster, row));
        }
        self.enqueue(now, id);
    }

    /// A pod is active no more; `free_index` says whether its index is to be done again.
    fn leave(
        &mut self,
        id: WorkloadId,
        pod: PodId,
        ready: bool,
        free_index: bool,
        cluster: &Cluster,
    ) -> bool {
        let Some(state) = self.jobs.get_mut(&id) else { return false };
        if !self.places.leave(&mut state.active, pod) {
            return false;
        }
        state.ready -= u32::from(ready);
        note_restarts(&mut self.restarts, state, pod, 0);
        if let Some(index) = cluster.pods.index[pod.index()].filter(|_| free_index) {
            state.indexes.give_back(index);
        }
        true
    }

    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        let id = match write {
            Write::CreatePod { owner, index, .. } => {
                let Some(state) = self.jobs.get_mut(owner) else { return };
                state.creating = state.creating.saturating_sub(1);
                if let Some(index) = index {
                    state.indexes.give_back(*index);
                }
                *owner
            }
            Write::DeletePod { pod, .. } => {
                let Some((id, _)) = self.owned(*pod, cluster) else { return };
                let Some(state) = self.jobs.get_mut(&id) else { return };
                if !state.deleting.remove(pod) {
                    return;
                }
                state.undeleted.push(*pod);
                id
            }
            Write::WorkloadStatus { workload, .. } if self.jobs.contains_key(workload) => {
                self.jobs.entry(*workload).or_default().unwritten = true;
                *workload
            }
            Write::DeleteWorkload { workload, .. } if self.jobs.contains_key(workload) => *workload,
            _ => return,
        };
        let Some(state) = self.jobs.get_mut(&id) else { return };
        state.refused = true;
        if state.creating == 0 && state.deleting.is_empty() {
            self.queue.add_failed(id, now);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::Job(job) = &workload.kind else { return };
        let policy = cluster.classes[workload.class].restart_policy;
        let spec = Spec {
            parallelism: job.parallelism,
            completions: job.completions,
            backoff_limit: job.backoff_limit,
            deadline: job.active_deadline_seconds.map(seconds),
            suspend: job.suspend,
            counts_restarts: policy == RestartPolicy::OnFailure,
            burst: self.config.burst,
        };
        let (ttl, indexed) = (job.ttl_seconds_after_finished.map(seconds), job.indexed);
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if state.ended.is_some() {
            let written = state.written.clone();
            state.write_status(id, written, out);
            return self.expire(now, id, ttl, out);
        }
        if state.creating > 0 || !state.deleting.is_empty() {
            return;
        }
        if !std::mem::take(&mut state.refused) {
            self.queue.forget(id);
        }
        if state.delete_again(cluster, out) {
            return;
        }
        state.start = if spec.suspend { None } else { state.start.or(Some(now.floor_second())) };
        let seen = state.count(now, &self.config);
        let plan = reconcile::reconcile(&spec, &seen);
        let failed = seen.failed + if plan.deleted_fail { i64::from(plan.delete) } else { 0 };
        let ready = state.ready;
        self.delete(now, id, &plan, cluster, out);
        self.create(id, &plan, indexed.then(|| spec.completions.unwrap_or(0)), cluster, out);
        let status = JobStatus {
            active: clamp(i64::from(plan.active)),
            ready: Some(clamp(i64::from(ready))),
            succeeded: clamp(seen.succeeded),
            failed: clamp(failed),
            conditions: end_condition(&plan, now).into_iter().collect(),
            ..JobStatus::default()
        };
        self.conclude(now, id, &plan, status, out);
        if plan.ended {
            self.expire(now, id, ttl, out);
        }
    }

    /// Deletes pods in the deletion order; they are not followed as active any more.
    fn delete(&mut self, now: Time, id: WorkloadId, plan: &Plan, cluster: &Cluster, out: &mut Vec<Command>) {
        let active = &self.jobs[&id].active;
        let victims: Vec<PodId> = if (plan.delete as usize) < active.len() && plan.delete > 0 {
            let mut candidates =
                active.iter().map(|&pod| ranking::candidate(cluster, pod, 0, self.seed)).collect();
            ranking::sort(&mut candidates, now);
            candidates.iter().take(plan.delete as usize).map(|candidate| candidate.pod).collect()
        } else {
            active.iter().take(plan.delete as usize).copied().collect()
        };
        let reason = match plan.verdict {
            Some(Verdict::DeadlineExceeded) => Reason::DeadlineExceeded,
            _ => Reason::ScaledDown,
        };
        for victim in victims {
            let pod = cluster.pods.reference(victim);
            self.leave(id, victim, cluster.pods.ready[victim.index()], true, cluster);
            if let Some(state) = self.jobs.get_mut(&id) {
                state.deleting.insert(pod);
            }
            out.push(Command::Write(Client::Job, Write::DeletePod { pod, grace: None, reason }));
        }
    }

    /// Creates pods; for Indexed Jobs with the lowest free indexes below `completions`.
    fn create(
        &mut self,
        id: WorkloadId,
        plan: &Plan,
        completions: Option<i32>,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        let workload = &mut cluster.workloads[id];
        for _ in 0..plan.create {
            let index = match completions {
                None => None,
                Some(completions) => match state.indexes.take(completions.max(0) as u32) {
                    None => break,
                    free => free,
                },
            };
            workload.pods_created += 1;
            let (class, number) = (workload.class, workload.pods_created);
            out.push(Command::Write(
                Client::Job,
                Write::CreatePod { owner: id, class, number, index, tracked: false },
            ));
            state.creating += 1;
        }
    }

    /// Writes what the sync has found, and asks to be woken.
    fn conclude(
        &mut self,
        now: Time,
        id: WorkloadId,
        plan: &Plan,
        status: JobStatus,
        out: &mut Vec<Command>,
    ) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if let Some(verdict) = plan.verdict.filter(|_| state.verdict.is_none()) {
            state.verdict = Some(verdict);
            out.push(Command::Note(Note::Workload { workload: id, reason: verdict.reason() }));
        }
        state.write_status(id, status, out);
        if plan.ended {
            state.ended = Some(now.floor_second());
        }
        if let Some(wait) = plan.retry_after {
            self.queue.add_at(id, now, now + wait.max(self.config.job_sync_batch));
        }
        if let Some(deadline) = plan.deadline {
            self.queue.add_at(id, now, deadline);
        }
    }

    /// After the end of a Job and `ttl` the object is deleted.
    fn expire(&mut self, now: Time, id: WorkloadId, ttl: Option<Span>, out: &mut Vec<Command>) {
        let ended = self.jobs.get(&id).and_then(|state| state.ended);
        let Some((ttl, ended)) = ttl.zip(ended) else { return };
        if now >= ended + ttl {
            out.push(Command::Write(
                Client::GarbageCollector,
                Write::DeleteWorkload { workload: id, foreground: false },
            ));
        } else {
            self.queue.add_at(id, now, ended + ttl);
        }
    }

    fn forget(&mut self, id: WorkloadId) {
        if let Some(mut state) = self.jobs.remove(&id) {
            for pod in &state.active {
                self.restarts.remove(pod);
            }
            self.places.clear(&mut state.active);
        }
        self.queue.forget(id);
    }
}

impl State {
    /// Writes the status if it is not what was written last.
    fn write_status(&mut self, id: WorkloadId, status: JobStatus, out: &mut Vec<Command>) {
        if std::mem::take(&mut self.unwritten) || status != self.written {
            self.written = status.clone();
            let status = Status::Job(Box::new(status));
            out.push(Command::Write(Client::Job, Write::WorkloadStatus { workload: id, status }));
        }
    }

    /// Tries refused deletions again; says whether there are any.
    fn delete_again(&mut self, cluster: &Cluster, out: &mut Vec<Command>) -> bool {
        for pod in std::mem::take(&mut self.undeleted) {
            if cluster.pods.get(pod).is_some_and(|row| cluster.pods.is_active(row)) {
                self.deleting.insert(pod);
                let write = Write::DeletePod { pod, grace: None, reason: Reason::ScaledDown };
                out.push(Command::Write(Client::Job, write));
            }
        }
        !self.deleting.is_empty()
    }

    /// Counts what has ended since the last sync and says what is seen now.
    fn count(&mut self, now: Time, config: &Controllers) -> Observed {
        self.backoff.observe(&self.succeeded, &self.failed);
        let succeeded = i64::from(self.written.succeeded) + self.succeeded.len() as i64;
        let failed = i64::from(self.written.failed) + self.failed.len() as i64;
        self.succeeded.clear();
        self.failed.clear();
        Observed {
            now,
            start: self.start,
            active: self.active.len() as u32,
            terminating: self.terminating,
            succeeded,
            failed,
            restarts: self.restarts,
            verdict: self.verdict,
            backoff: self.backoff.remaining(now, config.job_backoff_initial, config.job_backoff_max),
        }
    }
}

fn end_condition(plan: &Plan, now: Time) -> Option<Condition> {
    let kind = match plan.verdict.filter(|_| plan.ended)? {
        Verdict::Complete => "Complete",
        _ => "Failed",
    };
    Some(Condition { kind, status: Truth::True, reason: "", since: now, updated: now })
}

/// When a pod ended, in whole seconds: the end of its containers; else when it stopped being
/// ready; else the beginning of its deletion; else its creation (getFinishedTime).
fn end_of(cluster: &Cluster, pod: PodId) -> Time {
    let (pods, index) = (&cluster.pods, pod.index());
    let unready =
        (pods.node[index].is_some() && !pods.ready[index] && pods.ready_since[index] > pods.created[index])
            .then_some(pods.ready_since[index]);
    let end = pods.finished[index].or(unready).or(pods.deleting_since[index]).unwrap_or(pods.created[index]);
    end.floor_second()
}

/// Enters the restarts of an active pod; zero for one that is active no more.
fn note_restarts(known: &mut Map<PodId, u32>, state: &mut State, pod: PodId, restarts: u32) {
    let before = if restarts == 0 { known.remove(&pod) } else { known.insert(pod, restarts) };
    state.restarts = state.restarts + u64::from(restarts) - u64::from(before.unwrap_or(0));
}

fn seconds(number: i64) -> Span {
    Span::from_secs(number.max(0) as u64)
}

fn clamp(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Component for JobController {
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
            Event::PodAdded(new) => self.pod_added(now, new.pod, cluster),
            Event::PodStatus { pod, .. } => self.pod_status(now, *pod, before, cluster),
            Event::PodDeleting { pod, .. } => self.pod_gone(now, *pod, before, false, cluster),
            Event::PodRemoved { pod } => self.pod_gone(now, *pod, before, true, cluster),
            Event::WorkloadAdded { workload, .. } => {
                let object = &cluster.workloads[*workload];
                if matches!(object.kind, WorkloadKind::Job(_)) && job_end(&object.status) == JobEnd::Open {
                    self.jobs.insert(
                        *workload,
                        State {
                            written: object.job_status().cloned().unwrap_or_default(),
                            ..State::default()
                        },
                    );
                    self.queue.add(*workload, now);
                }
            }
            Event::WorkloadScaled { workload, .. } if self.jobs.contains_key(workload) => {
                self.queue.add(*workload, now);
            }
            Event::WorkloadStatus { workload, status } if job_end(status) != JobEnd::Open => {
                let stays = match &cluster.workloads[*workload].kind {
                    WorkloadKind::Job(job) => job.ttl_seconds_after_finished.is_some(),
                    _ => return,
                };
                if !stays {
                    self.forget(*workload);
                }
            }
            // The controller sees its own status write as any other change of the object.
            Event::WorkloadStatus { workload, .. } if self.jobs.contains_key(workload) => {
                self.enqueue(now, *workload);
            }
            Event::WorkloadRemoved { workload } => self.forget(*workload),
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
