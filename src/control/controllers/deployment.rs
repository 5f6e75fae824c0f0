//! The Deployment controller: keeps a ReplicaSet of the current template and sizes them all.
//!
//! Kubernetes 1.36, pkg/controller/deployment (reference control-plane §3.3). What a sync does is
//! decided in [`plan`]; pods are the ReplicaSets' business, except that Recreate waits for the end
//! of old ones.

pub mod history;
pub mod object;
pub mod plan;
pub mod status;

use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::Status;
use crate::api::status::DeploymentStatus;
use crate::base::ids::WorkloadId;
use crate::base::{Clock, Map, Set, Time};
use crate::cluster::{Cluster, Workload, WorkloadKind};
use crate::control::Refusal;
use plan::{Plan, SetView, View};
use status::{Facts, Moment};

/// Repetitions of a failed sync after which it is left until something happens (maxRetries).
const MAX_RETRIES: u32 = 15;

/// What is known of one Deployment.
///
/// While writes of a sync are under way the Deployment is not synced again: in the original its
/// worker is busy with them. Every write is answered, by its event or by a refusal.
#[derive(Clone, Debug, Default)]
struct State {
    /// Its ReplicaSets, oldest first.
    sets: Vec<WorkloadId>,
    /// Whether the creation of a ReplicaSet is under way.
    creating: bool,
    /// Whether a ReplicaSet has been created and its sync is to go on.
    has_created: bool,
    /// ReplicaSets that are being updated or deleted.
    updating: Set<WorkloadId>,
    /// Whether a status is being written.
    writing: bool,
    /// Whether a write of the latest sync was refused.
    failed: bool,
}

impl State {
    fn is_busy(&self) -> bool {
        self.creating || self.writing || !self.updating.is_empty()
    }
}

/// The event loop around [`plan::reconcile`].
#[derive(Clone, Debug)]
pub struct DeploymentController {
    queue: WorkQueue<WorkloadId>,
    /// When the time for progress is over. A time-out is told and helps nobody, so that nothing has
    /// to wait for it.
    deadlines: WorkQueue<WorkloadId>,
    deployments: Map<WorkloadId, State>,
    /// The pods of each ReplicaSet that have not ended, with those that are being deleted.
    living: Map<WorkloadId, u32>,
    clock: Clock,
}

impl DeploymentController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> DeploymentController {
        DeploymentController {
            queue: WorkQueue::new(config),
            deadlines: WorkQueue::new(config),
            deployments: Map::default(),
            living: Map::default(),
            clock: config.clock,
        }
    }

    fn moment(&self, now: Time) -> Moment {
        Moment { now, stamp: self.clock.floor(now) }
    }

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        match (&workload.kind, workload.owner) {
            (WorkloadKind::Deployment(_), _) => {
                self.deployments.insert(id, State::default());
                self.queue.add(id, now);
            }
            (WorkloadKind::ReplicaSet(_), Some(owner)) => {
                let Some(state) = self.deployments.get_mut(&owner) else { return };
                self.living.insert(id, 0);
                state.sets.push(id);
                state.has_created = std::mem::take(&mut state.creating);
                self.queue.add(owner, now);
            }
            _ => {}
        }
    }

    fn removed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        if self.deployments.remove(&id).is_some() {
            self.queue.forget(id);
        }
        self.living.remove(&id);
        let Some(owner) = cluster.workloads[id].owner else { return };
        if let Some(state) = self.deployments.get_mut(&owner) {
            state.sets.retain(|&set| set != id);
            state.updating.remove(&id);
            self.queue.add(owner, now);
        }
    }

    /// The ReplicaSet or Deployment changed: its Deployment is looked at.
    fn touched(&mut self, now: Time, id: WorkloadId, event: &Event, cluster: &Cluster) {
        let deployment = if self.living.contains_key(&id) { cluster.workloads[id].owner } else { Some(id) };
        let Some(deployment) = deployment else { return };
        let Some(state) = self.deployments.get_mut(&deployment) else { return };
        match event {
            Event::WorkloadChanged { .. } => drop(state.updating.remove(&id)),
            Event::WorkloadStatus { .. } if id == deployment => state.writing = false,
            _ => {}
        }
        self.queue.add(deployment, now);
    }

    /// A write was refused: the Deployment is looked at again after a while.
    fn refused(&mut self, now: Time, write: &Write, why: Refusal, cluster: &Cluster, out: &mut Vec<Command>) {
        let (Write::CreateWorkload { owner: Some(id), .. }
        | Write::UpdateWorkload { workload: id, .. }
        | Write::DeleteWorkload { workload: id, .. }
        | Write::WorkloadStatus { workload: id, .. }) = write
        else {
            return;
        };
        let deployment = if self.living.contains_key(id) { cluster.workloads[*id].owner } else { Some(*id) };
        let Some(deployment) = deployment else { return };
        let at = self.moment(now);
        let Some(state) = self.deployments.get_mut(&deployment) else { return };
        match write {
            Write::WorkloadStatus { .. } if *id == deployment => state.writing = false,
            Write::CreateWorkload { .. } => {
                state.creating = false;
                // That there is one of this name is no failure: it will be seen.
                if why != Refusal::Conflict {
                    write_failure(deployment, state, at, cluster, out);
                }
            }
            _ if state.updating.remove(id) => {}
            _ => return,
        }
        state.failed = true;
        if self.queue.failures(deployment) < MAX_RETRIES {
            self.queue.add_failed(deployment, now);
        } else {
            self.queue.forget(deployment);
        }
    }

    /// Follows the living pods of a ReplicaSet.
    fn pod_changed(&mut self, now: Time, set: Option<WorkloadId>, was: bool, is: bool, cluster: &Cluster) {
        let Some(set) = set.filter(|_| was != is) else { return };
        let Some(living) = self.living.get_mut(&set) else { return };
        *living = if is { *living + 1 } else { living.saturating_sub(1) };
        if *living == 0
            && let Some(owner) = cluster.workloads[set].owner
        {
            self.queue.add(owner, now);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::Deployment(deployment) = &workload.kind else { return };
        let Some(state) = self.deployments.get_mut(&id).filter(|state| !state.is_busy()) else { return };
        if !std::mem::take(&mut state.failed) {
            self.queue.forget(id);
        }
        let sets: Vec<SetView<'_>> =
            state.sets.iter().filter_map(|&set| set_view(set, &self.living, self.clock, cluster)).collect();
        let none = DeploymentStatus::default();
        let view = View {
            deployment,
            status: status_of(workload).unwrap_or(&none),
            generation: workload.generation,
            is_deleting: workload.deleting,
            sets: &sets,
            has_created: std::mem::take(&mut state.has_created),
        };
        let at = Moment { now, stamp: self.clock.floor(now) };
        let plan = plan::reconcile(&view, at);
        if let Some(due) = plan.recheck {
            self.deadlines.add_at(id, now, due);
        }
        carry_out(id, plan, state, cluster, out);
    }
}

/// Orders what a sync has decided.
fn carry_out(id: WorkloadId, plan: Plan, state: &mut State, cluster: &Cluster, out: &mut Vec<Command>) {
    let mut order = |write| out.push(Command::Write(Client::Deployment, write));
    if let Some(object) = plan.create {
        let kind = Box::new(WorkloadKind::ReplicaSet(*object));
        order(Write::CreateWorkload { owner: Some(id), kind });
        state.creating = true;
    }
    let sets = &state.sets;
    for (place, object) in plan.update {
        let workload = sets[place];
        let kind = Box::new(WorkloadKind::ReplicaSet(object));
        let generation = cluster.workloads[workload].generation;
        order(Write::UpdateWorkload { workload, kind, generation });
        state.updating.insert(workload);
    }
    for place in plan.delete {
        let workload = sets[place];
        order(Write::DeleteWorkload { workload, foreground: false });
        state.updating.insert(workload);
    }
    if let Some(status) = plan.status {
        let status = Status::Deployment(Box::new(status));
        order(Write::WorkloadStatus { workload: id, status });
        state.writing = true;
    }
}

/// Writes that a ReplicaSet could not be created.
fn write_failure(id: WorkloadId, state: &mut State, at: Moment, cluster: &Cluster, out: &mut Vec<Command>) {
    let Some(workload) = existing(cluster, id) else { return };
    let WorkloadKind::Deployment(deployment) = &workload.kind else { return };
    let facts = Facts {
        replicas: deployment.replicas,
        unavailable: 0,
        deadline_seconds: deployment.progress_deadline_seconds,
        generation: workload.generation,
    };
    let none = DeploymentStatus::default();
    let before = status_of(workload).unwrap_or(&none);
    if let Some(status) = status::after_creation(facts, before, false, at).filter(|_| !state.writing) {
        let status = Status::Deployment(Box::new(status));
        out.push(Command::Write(Client::Deployment, Write::WorkloadStatus { workload: id, status }));
        state.writing = true;
    }
}

fn set_view<'a>(
    id: WorkloadId,
    living: &Map<WorkloadId, u32>,
    clock: Clock,
    cluster: &'a Cluster,
) -> Option<SetView<'a>> {
    let workload = &cluster.workloads[id];
    let WorkloadKind::ReplicaSet(object) = &workload.kind else { return None };
    Some(SetView {
        object,
        status: workload.replica_set_status(),
        generation: workload.generation,
        created: clock.floor(workload.created),
        is_alive: living.get(&id).is_some_and(|&pods| pods > 0),
    })
}

/// The status of a Deployment as written, if one is.
fn status_of(workload: &Workload) -> Option<&DeploymentStatus> {
    if let Status::Deployment(status) = &workload.status { Some(status) } else { None }
}

impl Component for DeploymentController {
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
            Event::WorkloadAdded { workload, .. } => self.added(now, *workload, cluster),
            Event::WorkloadRemoved { workload } => self.removed(now, *workload, cluster),
            Event::WorkloadScaled { workload, .. }
            | Event::WorkloadChanged { workload, .. }
            | Event::WorkloadDeleting { workload }
            | Event::WorkloadStatus { workload, .. } => self.touched(now, *workload, event, cluster),
            Event::PodAdded(new) => {
                let living = !cluster.pods.phase[new.pod.id.index()].is_terminal();
                self.pod_changed(now, new.owner, false, living, cluster);
            }
            Event::PodStatus { pod, status } => {
                let owner = cluster.pods.get(*pod).and_then(|row| cluster.pods.owner[row.index()]);
                let (was, is) = (!before.phase.is_terminal(), !status.phase.is_terminal());
                self.pod_changed(now, owner, was, is, cluster);
            }
            Event::PodRemoved { pod } => {
                let owner = cluster.pods.get(*pod).and_then(|row| cluster.pods.owner[row.index()]);
                self.pod_changed(now, owner, !before.phase.is_terminal(), false, cluster);
            }
            Event::Refused(write, why) => self.refused(now, write, *why, cluster, out),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next().into_iter().chain(self.deadlines.next()).min()
    }

    fn is_settled(&self) -> bool {
        self.queue.next().is_none()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now).or_else(|| self.deadlines.pop(now)) {
            self.sync(now, id, cluster, out);
        }
    }
}

#[cfg(test)]
mod tests;
