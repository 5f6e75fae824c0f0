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
use crate::base::{Clock, Map, Time};
use crate::cluster::{Cluster, Workload, WorkloadKind};
use crate::control::Refusal;
use plan::{Plan, SetView, View};
use status::{Facts, Moment};
use std::collections::VecDeque;

/// Repetitions of a failed sync after which it is left until something happens (maxRetries).
const MAX_RETRIES: u32 = 15;

/// What is known of one Deployment.
///
/// A sync's writes go out one by one, each when the one before is answered, by its event or by a
/// refusal, which ends the sync. Until then the Deployment is not synced again: in the original its
/// worker is busy.
#[derive(Clone, Debug, Default)]
struct State {
    /// Its ReplicaSets, oldest first.
    sets: Vec<WorkloadId>,
    /// The write that is under way.
    waiting: Option<Waiting>,
    /// Those that come after it.
    pending: VecDeque<Write>,
    /// When the latest sync began.
    begun: Time,
    /// Whether something has happened since.
    dirty: bool,
    /// Whether a ReplicaSet has been created and its sync is to go on.
    has_created: bool,
    /// Whether a write of the latest sync was refused.
    failed: bool,
}

/// A write that is not answered yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waiting {
    /// The creation of a ReplicaSet.
    Creation,
    /// The change or the deletion of a ReplicaSet.
    Change(WorkloadId),
    /// The status.
    Status,
}

impl State {
    /// Sends the next write.
    fn send(&mut self, out: &mut Vec<Command>) {
        let Some(write) = self.pending.pop_front() else { return };
        self.waiting = match &write {
            Write::CreateWorkload { .. } => Some(Waiting::Creation),
            Write::UpdateWorkload { workload, .. } | Write::DeleteWorkload { workload, .. } => {
                Some(Waiting::Change(*workload))
            }
            _ => Some(Waiting::Status),
        };
        out.push(Command::Write(Client::Deployment, write));
    }

    /// Goes on if it is this write that was waited for; says whether it was.
    fn answered(&mut self, answer: Waiting, out: &mut Vec<Command>) -> bool {
        let ours = self.waiting == Some(answer);
        if ours {
            self.waiting = None;
            self.send(out);
        }
        ours
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

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
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
                if state.answered(Waiting::Creation, out) {
                    (state.has_created, state.dirty) = (true, false);
                }
                self.touch(now, owner);
            }
            _ => {}
        }
    }

    fn removed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        if self.deployments.remove(&id).is_some() {
            self.queue.forget(id);
        }
        self.living.remove(&id);
        let Some(owner) = cluster.workloads[id].owner else { return };
        if let Some(state) = self.deployments.get_mut(&owner) {
            state.sets.retain(|&set| set != id);
            let ours = state.answered(Waiting::Change(id), out);
            self.after(now, owner, ours);
        }
    }

    /// The Deployment that an object belongs to, or is.
    fn deployment_of(&self, id: WorkloadId, cluster: &Cluster) -> Option<WorkloadId> {
        if self.living.contains_key(&id) { cluster.workloads[id].owner } else { Some(id) }
    }

    /// The ReplicaSet or Deployment changed: its Deployment is looked at.
    fn touched(
        &mut self,
        now: Time,
        id: WorkloadId,
        event: &Event,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(deployment) = self.deployment_of(id, cluster) else { return };
        let Some(state) = self.deployments.get_mut(&deployment) else { return };
        let ours = match event {
            Event::WorkloadChanged { .. } => state.answered(Waiting::Change(id), out),
            Event::WorkloadStatus { .. } if id == deployment => state.answered(Waiting::Status, out),
            _ => false,
        };
        self.after(now, deployment, ours && id != deployment);
    }

    /// Notes that one of a sync's own changes of ReplicaSets has been seen, which wakes it again.
    fn after(&mut self, now: Time, id: WorkloadId, ours: bool) {
        if let Some(state) = self.deployments.get_mut(&id).filter(|_| ours) {
            state.dirty = true;
        }
        self.touch(now, id);
    }

    /// Something has happened to a Deployment: it is synced as soon as it can be.
    fn touch(&mut self, now: Time, id: WorkloadId) {
        let Some(state) = self.deployments.get_mut(&id) else { return };
        if state.waiting.is_some() {
            state.dirty = true;
        } else if std::mem::take(&mut state.dirty) {
            self.queue.add_again(id, state.begun, now);
        } else {
            self.queue.add(id, now);
        }
    }

    /// A write was refused: its sync ends, and the Deployment is looked at again after a while.
    fn refused(&mut self, now: Time, write: &Write, why: Refusal, cluster: &Cluster, out: &mut Vec<Command>) {
        let (answer, id) = match write {
            Write::CreateWorkload { owner: Some(id), .. } => (Waiting::Creation, *id),
            Write::UpdateWorkload { workload: id, .. } | Write::DeleteWorkload { workload: id, .. } => {
                (Waiting::Change(*id), *id)
            }
            Write::WorkloadStatus { workload: id, .. } => (Waiting::Status, *id),
            _ => return,
        };
        let Some(deployment) = self.deployment_of(id, cluster) else { return };
        let stamp = self.clock.floor(now);
        let Some(state) = self.deployments.get_mut(&deployment) else { return };
        if state.waiting != Some(answer) || (answer == Waiting::Status && id != deployment) {
            return;
        }
        state.waiting = None;
        state.pending.clear();
        state.failed = true;
        // That there is one of this name is no failure: it will be seen.
        if answer == Waiting::Creation && why != Refusal::Conflict {
            state.pending.extend(failure(deployment, Moment { now, stamp }, cluster));
            state.send(out);
        }
        if std::mem::take(&mut state.dirty) {
            self.queue.add(deployment, now);
        }
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
            self.touch(now, owner);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::Deployment(deployment) = &workload.kind else { return };
        let Some(state) = self.deployments.get_mut(&id).filter(|state| state.waiting.is_none()) else {
            return;
        };
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
        (state.begun, state.dirty) = (now, false);
        let at = Moment { now, stamp: self.clock.floor(now) };
        let plan = plan::reconcile(&view, at);
        if let Some(due) = plan.recheck {
            self.deadlines.add_at(id, now, due);
        }
        state.pending = writes(id, plan, &state.sets, cluster);
        state.send(out);
    }
}

/// What a sync has decided, as writes in their order.
fn writes(id: WorkloadId, plan: Plan, sets: &[WorkloadId], cluster: &Cluster) -> VecDeque<Write> {
    let status = |status: Option<DeploymentStatus>| {
        let status = Status::Deployment(Box::new(status?));
        Some(Write::WorkloadStatus { workload: id, status })
    };
    let create = plan.create.map(|object| {
        let kind = Box::new(WorkloadKind::ReplicaSet(*object));
        Write::CreateWorkload { owner: Some(id), kind }
    });
    let update = plan.update.into_iter().map(|(place, object)| {
        let workload = sets[place];
        let kind = Box::new(WorkloadKind::ReplicaSet(object));
        let row = &cluster.workloads[workload];
        Write::UpdateWorkload { workload, kind, generation: row.generation, seen: Some(row.status.clone()) }
    });
    let delete = plan
        .delete
        .into_iter()
        .map(|place| Write::DeleteWorkload { workload: sets[place], foreground: false });
    status(plan.first)
        .into_iter()
        .chain(create)
        .chain(update)
        .chain(delete)
        .chain(status(plan.status))
        .collect()
}

/// The write that says that a ReplicaSet could not be created.
fn failure(id: WorkloadId, at: Moment, cluster: &Cluster) -> Option<Write> {
    let workload = existing(cluster, id)?;
    let WorkloadKind::Deployment(deployment) = &workload.kind else { return None };
    let facts = Facts {
        replicas: deployment.replicas,
        unavailable: 0,
        deadline_seconds: deployment.progress_deadline_seconds,
        generation: workload.generation,
    };
    let none = DeploymentStatus::default();
    let status = status::after_creation(facts, status_of(workload).unwrap_or(&none), false, at)?;
    Some(Write::WorkloadStatus { workload: id, status: Status::Deployment(Box::new(status)) })
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
            Event::WorkloadAdded { workload, .. } => self.added(now, *workload, cluster, out),
            Event::WorkloadRemoved { workload } => self.removed(now, *workload, cluster, out),
            Event::WorkloadScaled { workload, .. }
            | Event::WorkloadChanged { workload, .. }
            | Event::WorkloadDeleting { workload }
            | Event::WorkloadStatus { workload, .. } => self.touched(now, *workload, event, cluster, out),
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
