//! The StatefulSet controller: keeps pods that each have a name of their own.
//!
//! Kubernetes 1.36, pkg/controller/statefulset (reference control-plane §3.4). Where pods run is not
//! decided here. Claims of a set's own (`volumeClaimTemplates`) are not made.

pub mod update;

use super::revisions::Revisions;
use super::writes::{Writes, in_batches};
use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::status::StatefulSetStatus;
use crate::api::{PodPhase, StatefulSet, Status};
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{Clock, Map, Span, Time};
use crate::cluster::{Cluster, PodName, PodRef, Reason, WorkloadKind};
use std::any::Any;
use update::{Action, Decision, Member, Target};

/// The most pods that are written at once (MaxBatchSize in stateful_set_control.go).
const MAX_BATCH: u32 = 500;

/// What is known of one StatefulSet.
#[derive(Clone, Debug, Default)]
struct State {
    templates: Revisions,
    /// The template of each pod, by row; a pod keeps it whatever is done to the pod.
    pods: Map<PodId, u32>,
    writes: Writes,
    /// The status that the sync under way ends with.
    status: StatefulSetStatus,
    /// The status as last written.
    written: StatefulSetStatus,
}

/// The event loop around [`update::decide`].
///
/// A set is not synced again before its watches have delivered what the last sync wrote
/// (StaleControllerConsistencyStatefulSet).
#[derive(Clone, Debug)]
pub struct StatefulSetController {
    queue: WorkQueue<WorkloadId>,
    sets: Map<WorkloadId, State>,
    /// The ControllerRevisions of sets that a controller before this one has written.
    inherited: Map<WorkloadId, Revisions>,
    clock: Clock,
}

impl StatefulSetController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> StatefulSetController {
        StatefulSetController {
            queue: WorkQueue::new(config),
            sets: Map::default(),
            inherited: Map::default(),
            clock: config.clock,
        }
    }

    /// The row of a pod and the StatefulSet that owns it.
    fn owned(&self, pod: PodRef, cluster: &Cluster) -> Option<(WorkloadId, PodId)> {
        let row = cluster.pods.get(pod)?;
        let owner = cluster.pods.owner[row.index()]?;
        self.sets.contains_key(&owner).then_some((owner, row))
    }

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        if !matches!(workload.kind, WorkloadKind::StatefulSet(_)) {
            return;
        }
        let mut state = State::default();
        if let Some(templates) = self.inherited.remove(&id) {
            state.templates = templates;
        }
        if let Status::StatefulSet(status) = &workload.status {
            state.written = (**status).clone();
        }
        self.sets.insert(id, state);
        self.queue.add(id, now);
    }

    fn pod_added(&mut self, now: Time, id: WorkloadId, pod: PodId, cluster: &Cluster) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        let class = cluster.pods.class[pod.index()];
        // A dump does not say which template its pods have; they are taken to be up to date.
        let number = state.templates.number(class);
        let number = number.unwrap_or_else(|| state.templates.enter(cluster.workloads[id].class).0);
        state.pods.insert(pod, number);
        state.writes.created();
        self.queue.add(id, now);
    }

    fn pod_changed(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &Cluster,
    ) -> Option<WorkloadId> {
        let (Event::PodStatus { pod, .. } | Event::PodDeleting { pod, .. } | Event::PodRemoved { pod }) =
            event
        else {
            return None;
        };
        let (id, row) = self.owned(*pod, cluster)?;
        let state = self.sets.get_mut(&id)?;
        match event {
            Event::PodStatus { .. } => {
                let phase = cluster.pods.phase[row.index()];
                if (phase, cluster.pods.ready[row.index()]) == (before.phase, before.ready) {
                    return None;
                }
            }
            Event::PodDeleting { .. } => state.writes.deleted(*pod),
            _ => {
                state.writes.removed(*pod);
                state.pods.remove(&row);
            }
        }
        self.queue.add(id, now);
        Some(id)
    }

    /// A write was refused: it is no longer under way, and its sync counts as failed.
    fn refused(&mut self, write: &Write, cluster: &Cluster) -> Option<WorkloadId> {
        let id = match write {
            Write::CreatePod { owner, .. } => *owner,
            Write::DeletePod { pod, reason: Reason::ScaledDown, .. } => self.owned(*pod, cluster)?.0,
            Write::WorkloadStatus { workload, .. } => *workload,
            _ => return None,
        };
        let state = self.sets.get_mut(&id)?;
        state.writes.refused(write);
        if let Write::WorkloadStatus { .. } = write {
            state.written = match &cluster.workloads[id].status {
                Status::StatefulSet(status) => (**status).clone(),
                _ => StatefulSetStatus::default(),
            };
        }
        Some(id)
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::StatefulSet(set) = &workload.kind else { return };
        let Some(state) = self.sets.get_mut(&id) else { return };
        if state.writes.is_busy() {
            return;
        }
        let (update, is_written) = state.templates.enter(workload.class);
        let current = state.written.current_revision;
        let current = if state.templates.class(current).is_some() { current } else { update };
        let revisions = update::Revisions { current, update };
        let target = target(set, workload.deleting);
        let pods = members(id, state, self.clock, cluster);
        let members: Vec<Member> = pods.iter().map(|(member, _)| *member).collect();
        let Decision { actions, mut status } = update::decide(&target, revisions, &members, now);
        status.observed_generation = workload.generation;
        let live = |number| {
            number == current || number == update || members.iter().any(|pod| pod.revision == number)
        };
        let given_up = state.templates.truncate(set.revision_history_limit, live);
        for _ in 0..usize::from(is_written) + given_up {
            out.push(Command::Write(Client::StatefulSet, Write::ControllerRevision { workload: id }));
        }
        if let Some(due) = matures(&target, &status, &members, now) {
            self.queue.add_at(id, now, due);
        }
        let writes = writes(id, state, &actions, &pods, cluster);
        state.status = status;
        state.writes.begin(in_batches(writes, MAX_BATCH));
        self.go_on(now, id, cluster, out);
    }

    /// Makes the next writes of a sync; after the last one the status, and then the sync ends.
    fn go_on(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        if !state.writes.advance(Client::StatefulSet, out) {
            return;
        }
        if state.status != state.written && !state.writes.has_reported() && existing(cluster, id).is_some() {
            state.written = state.status.clone();
            state.writes.report();
            let status = Status::StatefulSet(Box::new(state.status.clone()));
            out.push(Command::Write(Client::StatefulSet, Write::WorkloadStatus { workload: id, status }));
            return;
        }
        let Some(ended) = state.writes.end() else { return };
        if ended.failed {
            self.queue.add_failed(id, now);
        } else {
            self.queue.forget(id);
        }
        if ended.again {
            self.queue.add(id, now);
        }
    }
}

fn target(set: &StatefulSet, deleting: bool) -> Target {
    Target {
        replicas: set.replicas.max(0) as u32,
        start: set.start_ordinal.max(0) as u32,
        management: set.pod_management,
        update: set.update,
        min_ready: Span::from_secs(set.min_ready_seconds.max(0) as u64),
        deleting,
    }
}

/// The pods of a set that have an ordinal, with their rows. Time stamps have whole seconds.
fn members(id: WorkloadId, state: &State, clock: Clock, cluster: &Cluster) -> Vec<(Member, PodId)> {
    let pods = &cluster.pods;
    let member = |&row: &PodId| {
        let member = Member {
            ordinal: ordinal(&pods.name[row.index()])?,
            revision: state.pods.get(&row).copied().unwrap_or(0),
            phase: Some(pods.phase[row.index()]),
            ready: pods.ready[row.index()].then(|| clock.floor(pods.ready_since[row.index()])),
            deleting: pods.deleting_since[row.index()].is_some(),
        };
        Some((member, row))
    };
    cluster.pods_of(id).iter().filter_map(member).collect()
}

/// The ordinal in the name of a pod.
fn ordinal(name: &PodName) -> Option<u32> {
    match name {
        PodName::Numbered { number, .. } => Some(*number),
        PodName::Own(name) => name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok()),
    }
}

/// When the next pod becomes available by time alone.
fn matures(target: &Target, status: &StatefulSetStatus, members: &[Member], now: Time) -> Option<Time> {
    if status.ready == status.available {
        return None;
    }
    let ready = members.iter().filter(|member| member.phase == Some(PodPhase::Running));
    let due = ready.filter_map(|member| member.ready).map(|since| since + target.min_ready);
    due.filter(|due| *due > now).min()
}

/// The writes of a sync.
fn writes(
    id: WorkloadId,
    state: &State,
    actions: &[Action],
    pods: &[(Member, PodId)],
    cluster: &mut Cluster,
) -> Vec<Write> {
    let mut writes = Vec::with_capacity(actions.len());
    for action in actions {
        match *action {
            Action::Create { ordinal, revision } => {
                let Some(class) = state.templates.class(revision) else { continue };
                cluster.workloads[id].pods_created += 1;
                let write =
                    Write::CreatePod { owner: id, class, number: ordinal, index: None, tracked: false };
                writes.push(write);
            }
            Action::Delete { ordinal } => {
                let Some((_, row)) = pods.iter().find(|(member, _)| member.ordinal == ordinal) else {
                    continue;
                };
                let pod = cluster.pods.reference(*row);
                writes.push(Write::DeletePod { pod, grace: None, reason: Reason::ScaledDown });
            }
        }
    }
    writes
}

impl Component for StatefulSetController {
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
        let id = match event {
            Event::PodAdded(new) => {
                let Some(id) = new.owner.filter(|owner| self.sets.contains_key(owner)) else { return };
                self.pod_added(now, id, new.pod.id, cluster);
                Some(id)
            }
            Event::PodStatus { .. } | Event::PodDeleting { .. } | Event::PodRemoved { .. } => {
                self.pod_changed(now, event, before, cluster)
            }
            Event::WorkloadAdded { workload, .. } => {
                self.added(now, *workload, cluster);
                None
            }
            Event::WorkloadScaled { workload, .. }
            | Event::WorkloadChanged { workload, .. }
            | Event::WorkloadDeleting { workload } => {
                if self.sets.contains_key(workload) {
                    self.queue.add(*workload, now);
                }
                None
            }
            Event::WorkloadStatus { workload, .. } => {
                let Some(state) = self.sets.get_mut(workload) else { return };
                state.writes.reported();
                // The watch delivers the set's own status, too, and that is a reason to look again.
                self.queue.add(*workload, now);
                Some(*workload)
            }
            Event::WorkloadRemoved { workload } => {
                if self.sets.remove(workload).is_some() {
                    self.queue.forget(*workload);
                }
                None
            }
            Event::Refused(write, _) => self.refused(write, cluster),
            _ => None,
        };
        if let Some(id) = id {
            self.go_on(now, id, cluster, out);
        }
    }

    fn records(&mut self) -> Option<Box<dyn Any>> {
        let revisions: Map<WorkloadId, Revisions> =
            std::mem::take(&mut self.sets).into_iter().map(|(id, state)| (id, state.templates)).collect();
        Some(Box::new(revisions))
    }

    fn take_over(&mut self, records: Box<dyn Any>) {
        if let Ok(revisions) = records.downcast() {
            self.inherited = *revisions;
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
