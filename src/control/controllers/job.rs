//! The Job controller: runs pods until enough of them have succeeded or too many have failed.
//!
//! Kubernetes 1.36, pkg/controller/job (reference control-plane §3.6). The decision is in [`sync`]; here
//! events are gathered, pods are followed, and the requests of a sync are made step by step. Beside it
//! work the controller that deletes finished Jobs and the one that frees the pods of deleted Jobs from
//! their finalizers.

pub mod backoff;
pub mod indexes;
pub mod intervals;
pub mod manage;
pub mod pods;
pub mod policies;
mod running;
mod state;
pub mod sync;
pub mod track;
mod ttl;
mod view;

use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::{Job, Status};
use crate::base::ids::{PodId, WorkloadId};
use crate::base::rng::Streams;
use crate::base::{Map, Time};
use crate::cluster::{Cluster, PodRef, Reason, WorkloadKind};
use crate::control::config::Controllers;
use crate::control::{Note, PodPatch};
use running::{News, Running};
use state::{Pods, State};
use std::collections::BTreeSet;
use sync::{BUILT_IN, Limits, Observed};
use ttl::TtlAfterFinished;
use view::Kept;

/// Jobs that are synced side by side (`--concurrent-job-syncs`).
const WORKERS: usize = 5;
/// Pods that one sync counts at most (MaxUncountedPods, pkg/controller/job/job_controller.go).
const MAX_UNCOUNTED: usize = 500;

/// The event loop around [`sync::begin`].
#[derive(Clone, Debug)]
pub struct JobController {
    queue: WorkQueue<WorkloadId>,
    jobs: Map<WorkloadId, State>,
    /// The Jobs that are being synced.
    busy: BTreeSet<WorkloadId>,
    shared: Pods,
    /// Pods of deleted Jobs, to be freed from their finalizer.
    orphans: WorkQueue<PodRef>,
    ttl: TtlAfterFinished,
    config: Controllers,
    streams: Streams,
}

/// The Job of a row that the controller looks after and that has not ended.
fn open_job(cluster: &Cluster, id: WorkloadId) -> Option<&Job> {
    let object = existing(cluster, id)?;
    let WorkloadKind::Job(job) = &object.kind else { return None };
    let is_open = object.job_status().is_none_or(|status| status.end().is_none());
    (is_open && ["", BUILT_IN].contains(&job.managed_by.as_str())).then_some(job)
}

impl JobController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> JobController {
        JobController {
            queue: WorkQueue::new(config),
            jobs: Map::default(),
            busy: BTreeSet::new(),
            shared: Pods { clock: config.clock, ..Pods::default() },
            orphans: WorkQueue::new(config),
            ttl: TtlAfterFinished::new(config),
            config: config.controllers.clone(),
            streams: Streams::new(config.seed),
        }
    }

    /// Events of pods and of the status are gathered for the batch period before the Job is synced.
    fn enqueue(&mut self, now: Time, id: WorkloadId) {
        self.queue.add_at(id, now, now + self.config.job_sync_batch);
    }

    fn limits(&self) -> Limits {
        Limits {
            burst: self.config.burst,
            uncounted: MAX_UNCOUNTED,
            backoff_initial: self.config.job_backoff_initial,
            backoff_max: self.config.job_backoff_max,
            batch: self.config.job_sync_batch,
        }
    }

    /// A pod has come, changed or is gone.
    fn pod_changed(
        &mut self,
        now: Time,
        pod: PodRef,
        before: Option<PodBefore>,
        is_gone: bool,
        cluster: &Cluster,
    ) -> Option<WorkloadId> {
        let row = cluster.pods.get(pod)?;
        let id = cluster.pods.owner[row.index()]?;
        let Some(state) = self.jobs.get_mut(&id) else {
            self.orphaned(now, id, pod, is_gone, cluster);
            return None;
        };
        let job = open_job(cluster, id)?;
        state.follow(pod, before, is_gone, job, cluster, &mut self.shared);
        state.is_dirty = true;
        if is_gone {
            state.failures.remove(&pod);
        }
        self.enqueue(now, id);
        Some(id)
    }

    /// A pod of a Job that is gone is freed from its finalizer.
    fn orphaned(&mut self, now: Time, id: WorkloadId, pod: PodRef, is_gone: bool, cluster: &Cluster) {
        let object = &cluster.workloads[id];
        let is_orphan = matches!(object.kind, WorkloadKind::Job(_)) && !object.present;
        if is_orphan && !is_gone && cluster.pods.tracked[pod.id.index()] {
            self.orphans.add(pod, now);
        }
    }

    fn pod_added(
        &mut self,
        now: Time,
        pod: PodRef,
        index: Option<u32>,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(id) = self.pod_changed(now, pod, None, false, cluster) else { return };
        let Some(state) = self.jobs.get_mut(&id) else { return };
        let Some(running) = &mut state.running else { return };
        let failures = running.created(index);
        if failures.sum() > 0 {
            state.failures.insert(pod, failures);
        }
        self.go_on(now, id, cluster, out);
    }

    /// Deletion of a pod has begun, or its object is gone.
    fn pod_going(
        &mut self,
        now: Time,
        pod: PodRef,
        before: PodBefore,
        is_gone: bool,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(id) = self.pod_changed(now, pod, Some(before), is_gone, cluster) else { return };
        let Some(running) = self.jobs.get_mut(&id).and_then(|state| state.running.as_mut()) else { return };
        running.deleted(pod, false);
        if is_gone {
            running.gone(pod);
        }
        self.go_on(now, id, cluster, out);
    }

    fn pod_patched(
        &mut self,
        now: Time,
        pod: PodRef,
        before: PodBefore,
        patch: PodPatch,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(id) = self.pod_changed(now, pod, Some(before), false, cluster) else { return };
        let Some(running) = self.jobs.get_mut(&id).and_then(|state| state.running.as_mut()) else { return };
        if patch == PodPatch::Released {
            running.released(pod);
            self.go_on(now, id, cluster, out);
        }
    }

    /// A request was refused.
    fn refused(&mut self, now: Time, write: &Write, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let owner = |pod: &PodRef| cluster.pods.owner[cluster.pods.get(*pod)?.index()];
        let id = match write {
            Write::CreatePod { owner, .. } => Some(*owner),
            Write::DeletePod { pod, .. } | Write::PatchPod { pod, patch: PodPatch::Released } => owner(pod),
            Write::WorkloadStatus { workload, .. } => Some(*workload),
            Write::DeleteWorkload { workload, .. } => return self.ttl.refused(now, *workload),
            _ => return,
        };
        // Of a pod that is gone its Job has heard already.
        let Some(id) = id else { return };
        let Some(state) = self.jobs.get_mut(&id) else {
            if let Write::PatchPod { pod, .. } = write
                && cluster.pods.tracked[pod.id.index()]
            {
                self.orphans.add_failed(*pod, now);
            }
            return;
        };
        let Some(running) = &mut state.running else { return };
        match write {
            Write::CreatePod { index, .. } => running.not_created(*index),
            Write::DeletePod { pod, .. } => running.deleted(*pod, true),
            Write::PatchPod { pod, .. } => {
                let is_active = cluster.pods.get(*pod).is_some_and(|row| cluster.pods.is_active(row));
                if let Some(kept) = running.not_released(*pod).filter(|_| !is_active) {
                    state.held.insert(*pod, kept);
                }
            }
            _ => running.not_written(),
        }
        state.is_dirty = true;
        self.go_on(now, id, cluster, out);
    }

    fn workload_added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        self.ttl.follow(now, id, cluster);
        let Some(job) = open_job(cluster, id) else { return };
        let status = cluster.workloads[id].job_status().cloned().unwrap_or_default();
        self.jobs.insert(id, State::new(job, status));
        self.queue.add(id, now);
    }

    /// The specification has changed.
    fn workload_changed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        self.ttl.follow(now, id, cluster);
        let (Some(state), Some(job)) = (self.jobs.get_mut(&id), open_job(cluster, id)) else { return };
        if job.indexed {
            state.recount_indexes(job, cluster, cluster.pods_of(id));
        }
        state.is_dirty = true;
        self.queue.add(id, now);
    }

    /// The controller sees its own status write as any other change of the object.
    fn status_written(
        &mut self,
        now: Time,
        id: WorkloadId,
        status: &Status,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let (Some(state), Status::Job(status)) = (self.jobs.get_mut(&id), status) else { return };
        let before = state.status.verdict().is_some();
        if let Some(verdict) = status.verdict().filter(|_| !before) {
            out.push(Command::Note(Note::Workload { workload: id, reason: verdict.reason }));
        }
        state.status.clone_from(status);
        if let Some(running) = &mut state.running {
            running.written(status);
        }
        self.enqueue(now, id);
        self.go_on(now, id, cluster, out);
        if status.end().is_some() {
            self.forget(id);
            self.ttl.follow(now, id, cluster);
        }
    }

    /// The object is gone: what is left of its pods goes without its finalizers.
    fn workload_removed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let object = &cluster.workloads[id];
        let WorkloadKind::Job(job) = &object.kind else { return };
        self.forget(id);
        if !["", BUILT_IN].contains(&job.managed_by.as_str()) {
            return;
        }
        let pods = &cluster.pods;
        let mut held: Vec<PodId> = cluster.pods_of(id).to_vec();
        held.retain(|pod| pods.tracked[pod.index()]);
        held.sort_unstable_by_key(|pod| pods.serial[pod.index()]);
        for pod in held {
            self.orphans.add(pods.reference(pod), now);
        }
    }

    fn forget(&mut self, id: WorkloadId) {
        if let Some(mut state) = self.jobs.remove(&id) {
            state.clear(&mut self.shared);
        }
        self.busy.remove(&id);
        self.queue.forget(id);
    }

    /// Looks at a Job, and begins to do what is to be done.
    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let limits = self.limits();
        let Some(state) = self.jobs.get_mut(&id) else { return };
        if state.running.is_some() {
            state.is_again = true;
            return;
        }
        let Some(job) = open_job(cluster, id) else { return };
        if !state.is_dirty && state.stable_until.is_none_or(|until| now < until) {
            // A look finds what the last one found, and asks to be woken as that did.
            if let Some(wake) = state.wake {
                self.queue.add_at(id, now, wake);
            }
            return;
        }
        #[cfg(test)]
        state.check(job, cluster, cluster.pods_of(id), self.shared.clock);
        let held: Vec<_> = state.held.values().copied().collect();
        let seen = Observed {
            now,
            stamp: self.shared.clock.floor(now),
            is_satisfied: true,
            is_deleting: cluster.workloads[id].deleting,
            active: state.active.len() as u32,
            ready: state.ready,
            terminating: state.terminating,
            restarts: state.restarts,
            held: &held,
            released: std::mem::take(&mut state.released),
            backoff: state.backoff,
            limits,
        };
        let mut settled = std::mem::take(&mut state.settled);
        let (clock, streams) = (self.shared.clock, self.streams);
        let view = Kept { job, state, cluster, clock, streams };
        let sync = sync::begin(job, &state.status, &seen, &mut settled, &view);
        let class = cluster.workloads[id].class;
        let reason = match &sync.verdict {
            Some(verdict) if verdict.reason == "DeadlineExceeded" => Reason::DeadlineExceeded,
            _ => Reason::ScaledDown,
        };
        if !matches!(sync.actions, manage::Actions::Delete(_)) {
            state.may_have_surplus = false;
        }
        state.settled = settled;
        state.is_dirty = false;
        (state.stable_until, state.wake) = (sync.stable_until, sync.wake);
        if let Some(wake) = sync.wake {
            self.queue.add_at(id, now, wake);
        }
        let mut running = Running::new(sync, id, class, reason, state.status.clone());
        let news = running.start(&mut numbers(cluster, id), out);
        state.running = Some(Box::new(running));
        self.busy.insert(id);
        self.take_in(now, id, news);
    }

    /// Goes on with the sync of a Job, if it has all the answers that it waits for.
    fn go_on(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(running) = self.jobs.get_mut(&id).and_then(|state| state.running.as_mut()) else { return };
        let news = running.advance(&mut numbers(cluster, id), out);
        self.take_in(now, id, news);
    }

    /// Enters what a step of a sync has changed.
    fn take_in(&mut self, now: Time, id: WorkloadId, news: News) {
        let Some(state) = self.jobs.get_mut(&id) else { return };
        for pod in news.releasing {
            state.held.remove(&pod);
        }
        state.backoff = news.backoff.unwrap_or(state.backoff);
        let Some(running) = state.running.take_if(|running| running.is_over()) else { return };
        self.busy.remove(&id);
        if running.has_failed {
            state.is_dirty = true;
            self.queue.add_failed(id, now);
        } else {
            self.queue.forget(id);
        }
        if std::mem::take(&mut state.is_again) {
            self.queue.add(id, now);
        }
    }
}

/// Hands out the numbers of a workload's pods.
fn numbers(cluster: &mut Cluster, id: WorkloadId) -> impl FnMut() -> u32 + '_ {
    let workload = &mut cluster.workloads[id];
    move || {
        workload.pods_created += 1;
        workload.pods_created
    }
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
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => self.pod_added(now, new.pod, new.index, cluster, out),
            Event::PodStatus { pod, .. } | Event::PodBound { pod, .. } => {
                self.pod_changed(now, *pod, Some(before), false, cluster);
            }
            Event::PodPatched { pod, patch } => self.pod_patched(now, *pod, before, *patch, cluster, out),
            Event::PodDeleting { pod, .. } => self.pod_going(now, *pod, before, false, cluster, out),
            Event::PodRemoved { pod } => self.pod_going(now, *pod, before, true, cluster, out),
            Event::WorkloadAdded { workload, .. } => self.workload_added(now, *workload, cluster),
            Event::WorkloadScaled { workload, .. }
            | Event::WorkloadChanged { workload, .. }
            | Event::WorkloadDeleting { workload } => self.workload_changed(now, *workload, cluster),
            Event::WorkloadStatus { workload, status } => {
                self.status_written(now, *workload, status, cluster, out);
            }
            Event::WorkloadRemoved { workload } => self.workload_removed(now, *workload, cluster),
            Event::Refused(write, _) => self.refused(now, write, cluster, out),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let jobs = self.queue.next().filter(|_| self.busy.len() < WORKERS);
        [jobs, self.orphans.next(), self.ttl.next()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while self.busy.len() < WORKERS
            && let Some(id) = self.queue.pop(now)
        {
            self.sync(now, id, cluster, out);
        }
        while let Some(pod) = self.orphans.pop(now) {
            if cluster.pods.get(pod).is_some_and(|row| cluster.pods.tracked[row.index()]) {
                let write = Write::PatchPod { pod, patch: PodPatch::Released };
                out.push(Command::Write(Client::Job, write));
            } else {
                self.orphans.forget(pod);
            }
        }
        self.ttl.work(now, cluster, out);
    }
}

#[cfg(test)]
mod tests;
