//! The API server's objects: the truth that writes are checked against, and the commit of a write.
//!
//! Only what a check needs is held here, a few words an object; the control plane's view has the
//! rest. When a write is committed, observers are told and a watch event is made; when that is
//! delivered is the driver's business.

mod guards;

use super::record::Record;
use crate::api::{PodPhase, Status, Taint};
use crate::base::ids::{ClassId, NodeId, PodId, WorkloadId};
use crate::base::{Map, Set, Span, Time};
use crate::cluster::{
    ClassKey, Cluster, ControllerKind, JobFacts, PodName, PodRef, ReadyStatus, Reason, Workload,
    WorkloadKind, namespace_of,
};
use crate::control::{Event, NewPod, NodeChange, PodPatch, PodStatus, Refusal, Write};
use std::sync::Arc;

/// A pod as the API server has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ApiPod {
    generation: u32,
    present: bool,
    pub(super) node: Option<NodeId>,
    pub(super) class: ClassId,
    pub(super) status: PodStatus,
    pub(super) deleting: bool,
    /// Whether its deletion is complete but for the finalizer.
    finalizing: bool,
    tracked: bool,
    /// Why it is disrupted, if it is.
    disrupted: Reason,
    /// Its owner and number, where the pod is the only one that can have them.
    identity: Option<(WorkloadId, u32)>,
}

/// A node as the API server has it.
#[derive(Clone, Debug, Default)]
struct ApiNode {
    present: bool,
    taints: Vec<Taint>,
    ready: ReadyStatus,
    unschedulable: bool,
    memory_pressure: bool,
}

/// A workload as the API server has it.
#[derive(Clone, Debug)]
pub(super) struct ApiWorkload {
    present: bool,
    deleting: bool,
    pub(super) status: Status,
    pub(super) kind: WorkloadKind,
    pub(super) generation: u64,
    class: ClassId,
    owner: Option<WorkloadId>,
}

/// Counts of pods by state, for the balance that every run must keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Pods created so far.
    pub created: u64,
    /// Pod objects gone so far.
    pub removed: u64,
    /// Objects in phase Succeeded.
    pub succeeded: u64,
    /// Objects in phase Failed.
    pub failed: u64,
}

/// What a new pod is made of.
#[derive(Clone, Debug)]
pub(super) struct PodRequest {
    pub(super) name: PodName,
    pub(super) class: ClassId,
    pub(super) owner: Option<WorkloadId>,
    pub(super) index: Option<u32>,
    pub(super) node: Option<NodeId>,
    pub(super) status: Option<PodStatus>,
    pub(super) user: i32,
    pub(super) estimate: Option<Span>,
    pub(super) tracked: bool,
    /// Its number among the pods of a StatefulSet.
    pub(super) ordinal: Option<u32>,
    /// The job that it is a task of.
    pub(super) job: Option<Arc<JobFacts>>,
}

impl PodRequest {
    /// A pod that nobody owns.
    pub(super) fn new(name: PodName, class: ClassId) -> PodRequest {
        PodRequest {
            name,
            class,
            owner: None,
            index: None,
            node: None,
            status: None,
            user: -1,
            estimate: None,
            tracked: false,
            ordinal: None,
            job: None,
        }
    }
}

/// What a commit produces: the watch event, if the write changed anything.
pub(super) type Committed = Option<Event>;

/// The API server's objects.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiServer {
    pods: Vec<ApiPod>,
    free: Vec<PodId>,
    nodes: Vec<ApiNode>,
    workloads: Vec<ApiWorkload>,
    /// The workloads that exist, by kind, namespace and name.
    names: Map<(&'static str, String, String), WorkloadId>,
    /// The pods of StatefulSets that exist, by set and ordinal.
    identities: Set<(WorkloadId, u32)>,
    guards: guards::Guards,
    /// What a commit has changed besides what it returns.
    side: Vec<Event>,
    pub(super) balance: Balance,
}

/// Where records of commits go.
pub(super) type Tell<'a> = dyn FnMut(&Record<'_>, &Cluster) + 'a;

impl ApiServer {
    /// The pod, if its object exists.
    pub(super) fn pod(&self, pod: PodRef) -> Option<&ApiPod> {
        self.pods.get(pod.id.index()).filter(|row| row.present && row.generation == pod.generation)
    }

    fn pod_mut(&mut self, pod: PodRef) -> Option<&mut ApiPod> {
        self.pods.get_mut(pod.id.index()).filter(|row| row.present && row.generation == pod.generation)
    }

    /// How many pod objects exist.
    pub(super) fn pods_present(&self) -> u64 {
        self.pods.iter().filter(|row| row.present).count() as u64
    }

    /// Creates a node object at row `node`.
    pub(super) fn create_node(
        &mut self,
        node: NodeId,
        taints: &[Taint],
        ready: ReadyStatus,
        unschedulable: bool,
    ) {
        if self.nodes.len() <= node.index() {
            self.nodes.resize_with(node.index() + 1, ApiNode::default);
        }
        self.nodes[node.index()] =
            ApiNode { present: true, taints: taints.to_vec(), ready, unschedulable, memory_pressure: false };
    }

    /// Creates a pod object and tells of it.
    pub(super) fn create_pod(
        &mut self,
        now: Time,
        request: PodRequest,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> (PodRef, Event) {
        let id = self.free.pop().unwrap_or_else(|| {
            self.pods.push(ApiPod::default());
            PodId(self.pods.len() as u32 - 1)
        });
        let row = &mut self.pods[id.index()];
        let pod = PodRef { id, generation: row.generation };
        *row = ApiPod {
            generation: row.generation,
            present: true,
            node: request.node,
            class: request.class,
            status: request.status.unwrap_or_default(),
            deleting: false,
            finalizing: false,
            disrupted: Reason::None,
            tracked: request.tracked,
            identity: request.owner.zip(request.ordinal),
        };
        self.identities.extend(row.identity);
        let serial = self.balance.created;
        self.balance.created += 1;
        self.enter_phase(request.status.unwrap_or_default().phase);
        let record = Record::PodCreated {
            pod,
            serial,
            name: &request.name,
            class: request.class,
            owner: request.owner,
            index: request.index,
            user: request.user,
            estimate: request.estimate,
            initial: request.node.is_some(),
        };
        tell(&record, cluster);
        if let Some(node) = request.node {
            tell(&Record::PodBound { pod, node }, cluster);
        }
        let new = NewPod {
            pod,
            serial,
            name: request.name,
            class: request.class,
            owner: request.owner,
            index: request.index,
            created: now,
            node: request.node,
            status: request.status,
            tracked: request.tracked,
            job: request.job,
        };
        (pod, Event::PodAdded(Box::new(new)))
    }

    /// Frees the row of a removed pod, once its removal has been delivered.
    pub(super) fn release(&mut self, pod: PodRef) {
        let row = &mut self.pods[pod.id.index()];
        debug_assert!(!row.present && row.generation == pod.generation, "a row is released once");
        row.generation = row.generation.wrapping_add(1);
        self.free.push(pod.id);
    }

    /// A workload, if its object exists.
    pub(super) fn workload(&self, id: WorkloadId) -> Option<&ApiWorkload> {
        self.workloads.get(id.index()).filter(|row| row.present)
    }

    /// The workload of a kind, namespace and name, if it exists.
    pub(super) fn find(&self, kind: &'static str, namespace: &str, name: &str) -> Option<WorkloadId> {
        self.names.get(&(kind, namespace.to_owned(), name.to_owned())).copied()
    }

    /// The objects that a workload owns.
    pub(super) fn owned_by(&self, owner: WorkloadId) -> impl Iterator<Item = &WorkloadKind> {
        let owned = move |row: &&ApiWorkload| row.present && row.owner == Some(owner);
        self.workloads.iter().filter(owned).map(|row| &row.kind)
    }

    /// The taints of a node.
    pub(super) fn taints(&self, node: NodeId) -> &[Taint] {
        self.nodes.get(node.index()).map_or(&[], |row| row.taints.as_slice())
    }

    /// The pods that are bound to a node and exist, in order of their rows.
    pub(super) fn pods_on(&self, node: NodeId) -> Vec<PodRef> {
        let here = |(_, row): &(usize, &ApiPod)| row.present && row.node == Some(node);
        let reference =
            |(id, row): (usize, &ApiPod)| PodRef { id: PodId(id as u32), generation: row.generation };
        self.pods.iter().enumerate().filter(here).map(reference).collect()
    }

    /// Deletes a node object; `None` if it is gone already.
    pub(super) fn remove_node(
        &mut self,
        node: NodeId,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Option<Event> {
        let row = self.nodes.get_mut(node.index()).filter(|row| row.present)?;
        row.present = false;
        tell(&Record::NodeRemoved { node }, cluster);
        Some(Event::NodeRemoved { node })
    }

    /// Creates a workload object and tells of it, unless one of its name exists or a quota forbids it.
    pub(super) fn create_workload(
        &mut self,
        now: Time,
        kind: WorkloadKind,
        owner: Option<WorkloadId>,
        cluster: &mut Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Event, Refusal> {
        let meta = kind.meta();
        let (name, namespace) = (meta.name.clone(), namespace_of(meta).to_owned());
        if self.find(kind.kind(), &namespace, &name).is_some() {
            return Err(Refusal::Conflict);
        }
        self.admit_workload(now, &kind, cluster, tell)?;
        let id = WorkloadId(self.workloads.len() as u32);
        self.names.insert((kind.kind(), namespace.clone(), name.clone()), id);
        self.guards.enter(id, &kind, cluster);
        let class = class_of_pods(cluster, &kind);
        let row = ApiWorkload {
            present: true,
            deleting: false,
            status: Status::None,
            kind: kind.clone(),
            generation: 1,
            class,
            owner,
        };
        self.workloads.push(row);
        let replicas = kind.replicas().unwrap_or(0);
        let record = Record::WorkloadCreated {
            workload: id,
            kind: kind.kind(),
            name: &name,
            replicas,
            owner,
            object: &kind,
        };
        tell(&record, cluster);
        let object = Workload {
            kind,
            name: cluster.names.intern(&name),
            namespace: cluster.names.intern(&namespace),
            owner,
            class,
            created: now,
            generation: 1,
            status: Status::None,
            present: true,
            deleting: false,
            pods_created: 0,
        };
        Ok(Event::WorkloadAdded { workload: id, object: Box::new(object) })
    }

    /// Commits a write: checks it, changes the objects, tells of it. `Err` gives a refused write back.
    pub(super) fn commit(
        &mut self,
        now: Time,
        write: Write,
        cluster: &mut Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Committed, (Write, Refusal)> {
        let conflict = |write| (write, Refusal::Conflict);
        match write {
            Write::Bind { pod, node } => self.bind(pod, node, cluster, tell).ok_or(conflict(write)),
            Write::CreatePod { owner, class, number, index, tracked } => {
                let Some(set) = self.workload(owner) else { return Err(conflict(write)) };
                let ordinal = matches!(set.kind, WorkloadKind::StatefulSet(_)).then_some(number);
                if ordinal.is_some_and(|ordinal| self.identities.contains(&(owner, ordinal))) {
                    return Err(conflict(write));
                }
                if self.admit_pod(now, class, cluster, tell).is_err() {
                    return Err((write, Refusal::Forbidden));
                }
                let name = PodName::Numbered { base: cluster.workloads[owner].name, number };
                let owner = Some(owner);
                let request = PodRequest { owner, index, tracked, ordinal, ..PodRequest::new(name, class) };
                Ok(Some(self.create_pod(now, request, cluster, tell).1))
            }
            Write::Resubmit { pod, ref name, ref job } => {
                let Some(row) = self.pod(pod) else { return Err(conflict(write)) };
                let (owner, index) = (cluster.pods.owner[pod.id.index()], cluster.pods.index[pod.id.index()]);
                let request = PodRequest {
                    owner,
                    index,
                    job: Some(Arc::clone(job)),
                    user: job.user,
                    estimate: job.estimate,
                    ..PodRequest::new(PodName::Own(name.clone()), row.class)
                };
                Ok(Some(self.create_pod(now, request, cluster, tell).1))
            }
            Write::DeletePod { pod, grace, reason } => {
                self.delete_pod(pod, grace, reason, cluster, tell).ok_or(conflict(write))
            }
            Write::EvictPod { pod, grace } => {
                self.evict_pod(now, pod, grace, cluster, tell).map_err(|why| (write, why))
            }
            Write::PatchPod { pod, patch } => {
                self.patch_pod(pod, patch, cluster, tell).ok_or(conflict(write))
            }
            Write::PodStatus { pod, status } => {
                self.pod_status(now, pod, status, cluster, tell).ok_or(conflict(write))
            }
            Write::PodNotReady { pod } => {
                let Some(row) = self.pod(pod) else { return Err(conflict(write)) };
                let status = PodStatus { ready: false, ..row.status };
                self.pod_status(now, pod, status, cluster, tell).ok_or(conflict(write))
            }
            Write::NodeReady { .. } | Write::NodePressure { .. } | Write::NodeTaints { .. } => {
                self.commit_node(write, cluster, tell).map_err(conflict)
            }
            Write::CreateWorkload { owner, kind } => {
                let has_owner = owner.is_none_or(|owner| self.workload(owner).is_some());
                let made = if has_owner {
                    self.create_workload(now, (*kind).clone(), owner, cluster, tell)
                } else {
                    Err(Refusal::Conflict)
                };
                made.map(Some).map_err(|why| (Write::CreateWorkload { owner, kind }, why))
            }
            Write::ControllerRevision { workload } if self.workload(workload).is_some() => Ok(None),
            Write::ControllerRevision { .. } => Err(conflict(write)),
            Write::Scale { .. }
            | Write::UpdateWorkload { .. }
            | Write::WorkloadStatus { .. }
            | Write::DeleteWorkload { .. }
            | Write::FinalizeWorkload { .. } => {
                self.commit_workload(now, write, cluster, tell).map_err(conflict)
            }
        }
    }

    fn bind(
        &mut self,
        pod: PodRef,
        node: NodeId,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Option<Committed> {
        let there = self.nodes.get(node.index()).is_some_and(|node| node.present);
        let row = self.pod_mut(pod).filter(|row| there && row.node.is_none() && !row.deleting)?;
        row.node = Some(node);
        tell(&Record::PodBound { pod, node }, cluster);
        Some(Some(Event::PodBound { pod, node }))
    }

    /// Deletes a pod, with the pod's own grace period where none is given. With none at all the object goes
    /// at once (Kubernetes 1.36, pkg/registry/core/pod/strategy.go, CheckGracefulDelete).
    fn delete_pod(
        &mut self,
        pod: PodRef,
        grace: Option<Span>,
        reason: Reason,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Option<Committed> {
        let own_grace = |class: ClassId| {
            let seconds = cluster.classes[class].template.spec.termination_grace_seconds;
            Span::from_secs(seconds.map_or(30, |seconds| seconds.max(0) as u64))
        };
        let row = self.pod_mut(pod)?;
        let unstarted = row.node.is_none() || row.status.phase.is_terminal();
        let grace = if unstarted { Span::ZERO } else { grace.unwrap_or_else(|| own_grace(row.class)) };
        let first = !std::mem::replace(&mut row.deleting, true);
        if first {
            tell(&Record::PodDeleting { pod, reason, grace }, cluster);
        }
        if grace == Span::ZERO {
            let row = self.pod_mut(pod)?;
            if row.tracked {
                // The object waits for its finalizer; its client hears that deletion has begun.
                row.finalizing = true;
                return Some(Some(Event::PodDeleting { pod, grace, reason }));
            }
            return Some(Some(self.remove_pod(pod, cluster, tell)?));
        }
        // A repeated request is accepted, too, and its client hears of it.
        Some(Some(Event::PodDeleting { pod, grace, reason }))
    }

    fn remove_pod(&mut self, pod: PodRef, cluster: &Cluster, tell: &mut Tell<'_>) -> Option<Event> {
        let row = self.pod_mut(pod)?;
        row.present = false;
        let (phase, identity) = (row.status.phase, row.identity);
        identity.map(|identity| self.identities.remove(&identity));
        self.leave_phase(phase);
        self.balance.removed += 1;
        tell(&Record::PodRemoved { pod }, cluster);
        Some(Event::PodRemoved { pod })
    }

    fn patch_pod(
        &mut self,
        pod: PodRef,
        patch: PodPatch,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Option<Committed> {
        let row = self.pod_mut(pod)?;
        match patch {
            PodPatch::Disrupted(reason) if std::mem::replace(&mut row.disrupted, reason) == reason => {
                return Some(None);
            }
            PodPatch::Released => row.tracked = false,
            PodPatch::Class(class) => row.class = class,
            PodPatch::Disrupted(_) | PodPatch::Unscheduled { .. } => {}
        }
        let goes = row.finalizing && !row.tracked;
        tell(&Record::PodPatched { pod, patch }, cluster);
        if goes {
            return Some(Some(self.remove_pod(pod, cluster, tell)?));
        }
        Some(Some(Event::PodPatched { pod, patch }))
    }

    fn pod_status(
        &mut self,
        now: Time,
        pod: PodRef,
        status: PodStatus,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Option<Committed> {
        let row = self.pod_mut(pod).filter(|row| !row.status.phase.is_terminal())?;
        let before = std::mem::replace(&mut row.status, status);
        if before != (PodStatus { ready: before.ready, ..status }) {
            tell(&Record::PodStatus { pod, before, status }, cluster);
        }
        if before.ready != status.ready {
            tell(&Record::PodReady { pod, ready: status.ready }, cluster);
        }
        if status.phase.is_terminal() {
            self.enter_phase(status.phase);
            let PodStatus { phase, reason, restarts, finished, .. } = status;
            let finished = finished.unwrap_or(now);
            tell(&Record::PodEnded { pod, phase, reason, restarts, finished }, cluster);
        }
        Some(Some(Event::PodStatus { pod, status }))
    }

    fn enter_phase(&mut self, phase: PodPhase) {
        match phase {
            PodPhase::Succeeded => self.balance.succeeded += 1,
            PodPhase::Failed => self.balance.failed += 1,
            PodPhase::Pending | PodPhase::Running => {}
        }
    }

    fn leave_phase(&mut self, phase: PodPhase) {
        match phase {
            PodPhase::Succeeded => self.balance.succeeded -= 1,
            PodPhase::Failed => self.balance.failed -= 1,
            PodPhase::Pending | PodPhase::Running => {}
        }
    }

    fn commit_node(
        &mut self,
        write: Write,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Committed, Write> {
        let (Write::NodeReady { node, .. }
        | Write::NodePressure { node, .. }
        | Write::NodeTaints { node, .. }) = write
        else {
            return Err(write);
        };
        let Some(row) = self.nodes.get_mut(node.index()).filter(|row| row.present) else { return Err(write) };
        match write {
            Write::NodeReady { ready, .. } => {
                if std::mem::replace(&mut row.ready, ready) == ready {
                    return Ok(None);
                }
                tell(&Record::NodeReady { node, ready }, cluster);
                Ok(Some(Event::NodeChanged { node, change: NodeChange::Ready(ready) }))
            }
            Write::NodePressure { memory, .. } => {
                let changed = std::mem::replace(&mut row.memory_pressure, memory) != memory;
                let change = NodeChange::MemoryPressure(memory);
                Ok(changed.then_some(Event::NodeChanged { node, change }))
            }
            Write::NodeTaints { add, remove, .. } => {
                let before = row.taints.clone();
                let same = |a: &Taint, b: &Taint| a.key == b.key && a.effect == b.effect;
                row.taints.retain(|taint| !remove.iter().any(|gone| same(taint, gone)));
                for taint in add {
                    if !row.taints.iter().any(|there| same(there, &taint)) {
                        row.taints.push(taint);
                    }
                }
                let mut changed = false;
                for (list, other, added) in [(&before, &row.taints, false), (&row.taints, &before, true)] {
                    for taint in list.iter().filter(|taint| !other.contains(taint)) {
                        changed = true;
                        let (key, value) = (taint.key.as_str(), taint.value.as_str());
                        let effect = taint.effect;
                        tell(&Record::NodeTaint { node, key, value, effect, added }, cluster);
                    }
                }
                let change = NodeChange::Taints(row.taints.clone());
                Ok(changed.then_some(Event::NodeChanged { node, change }))
            }
            other => Err(other),
        }
    }

    /// Cordons or uncordons a node; `None` if it is so already, or gone.
    pub(super) fn cordon(
        &mut self,
        node: NodeId,
        unschedulable: bool,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Option<Event> {
        let row = self.nodes.get_mut(node.index()).filter(|row| row.present)?;
        if std::mem::replace(&mut row.unschedulable, unschedulable) == unschedulable {
            return None;
        }
        tell(&Record::NodeUnschedulable { node, unschedulable }, cluster);
        Some(Event::NodeChanged { node, change: NodeChange::Unschedulable(unschedulable) })
    }

    fn commit_workload(
        &mut self,
        now: Time,
        write: Write,
        cluster: &mut Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Committed, Write> {
        let (Write::Scale { workload, .. }
        | Write::UpdateWorkload { workload, .. }
        | Write::WorkloadStatus { workload, .. }
        | Write::DeleteWorkload { workload, .. }
        | Write::FinalizeWorkload { workload }) = write
        else {
            return Err(write);
        };
        let row = &mut self.workloads[workload.index()];
        if !row.present {
            return Err(write);
        }
        match write {
            Write::Scale { replicas, .. } => {
                if row.kind.replicas() == Some(replicas) {
                    return Ok(None);
                }
                row.kind.set_replicas(replicas);
                row.generation += 1;
                tell(&Record::WorkloadScaled { workload, replicas }, cluster);
                Ok(Some(Event::WorkloadScaled { workload, replicas }))
            }
            Write::UpdateWorkload { generation, ref seen, .. }
                if generation != row.generation || seen.as_ref().is_some_and(|seen| *seen != row.status) =>
            {
                Err(write)
            }
            Write::UpdateWorkload { kind, .. } => {
                self.guards.enter(workload, &kind, cluster);
                Ok(update_workload(workload, row, kind, cluster, tell))
            }
            Write::WorkloadStatus { status, .. } => {
                let status = guards::renewed(&row.status, status)
                    .map_err(|status| Write::WorkloadStatus { workload, status })?;
                let before = std::mem::replace(&mut row.status, status.clone());
                if before == status {
                    return Ok(None);
                }
                self.note_status(now, workload, &before);
                tell(&Record::WorkloadStatus { workload, status: &status }, cluster);
                Ok(Some(Event::WorkloadStatus { workload, status }))
            }
            Write::DeleteWorkload { foreground: true, .. } => {
                if std::mem::replace(&mut row.deleting, true) {
                    return Ok(None);
                }
                tell(&Record::WorkloadDeleting { workload }, cluster);
                Ok(Some(Event::WorkloadDeleting { workload }))
            }
            _ => {
                row.present = false;
                let meta = row.kind.meta();
                let name = (row.kind.kind(), namespace_of(meta).to_owned(), meta.name.clone());
                self.names.remove(&name);
                self.guards.leave(workload);
                tell(&Record::WorkloadRemoved { workload }, cluster);
                Ok(Some(Event::WorkloadRemoved { workload }))
            }
        }
    }
}

/// Replaces the specification of a workload.
fn update_workload(
    workload: WorkloadId,
    row: &mut ApiWorkload,
    kind: Box<WorkloadKind>,
    cluster: &mut Cluster,
    tell: &mut Tell<'_>,
) -> Committed {
    if row.kind == *kind {
        return None;
    }
    row.generation += 1;
    row.class = class_of_pods(cluster, &kind);
    let generation = row.generation;
    let before = std::mem::replace(&mut row.kind, (*kind).clone());
    if let Some(replicas) = kind.replicas().filter(|replicas| before.replicas() != Some(*replicas)) {
        tell(&Record::WorkloadScaled { workload, replicas }, cluster);
    }
    tell(&Record::WorkloadChanged { workload, before: &before, object: &kind, generation }, cluster);
    Some(Event::WorkloadChanged { workload, kind, class: row.class, generation })
}

/// The class of the pods that a workload makes; the default where it makes none. Those of a
/// ReplicaSet or a StatefulSet are spread by its selector.
fn class_of_pods(cluster: &mut Cluster, kind: &WorkloadKind) -> ClassId {
    let Some(template) = kind.template() else { return ClassId::default() };
    let priority = template.spec.priority.unwrap_or(0);
    let mut key = ClassKey::new(template, cluster.names.intern(namespace_of(kind.meta())), priority);
    let of = match kind {
        WorkloadKind::ReplicaSet(_) => Some(ControllerKind::ReplicaSet),
        WorkloadKind::StatefulSet(_) => Some(ControllerKind::StatefulSet),
        _ => None,
    };
    key.controller = of.map(|of| (of, cluster.names.intern(&kind.meta().name)));
    cluster.class_of(&key)
}
