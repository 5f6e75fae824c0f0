//! The API server's objects: the truth that writes are checked against, and the commit of a write.
//!
//! Only what a check needs is held here, a few words an object; the control plane's view has the
//! rest. When a write is committed, observers are told and a watch event is made; when that is
//! delivered is the driver's business.

use super::record::Record;
use crate::api::{Deployment, Job, PodPhase, ReplicaSet, Taint};
use crate::base::ids::{ClassId, NodeId, PodId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::workloads::{Workload, WorkloadKind, WorkloadStatus};
use crate::cluster::{ClassKey, Cluster, ControllerKind, PodName, PodRef, ReadyStatus, Reason};
use crate::control::{Event, NewPod, NodeChange, PodStatus, Write};

/// A pod as the API server has it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ApiPod {
    generation: u32,
    present: bool,
    pub(super) node: Option<NodeId>,
    pub(super) class: ClassId,
    pub(super) status: PodStatus,
    pub(super) deleting: bool,
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
#[derive(Clone, Copy, Debug)]
struct ApiWorkload {
    present: bool,
    status: WorkloadStatus,
    replicas: i32,
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
        };
        let serial = self.balance.created;
        self.balance.created += 1;
        self.enter_phase(request.status.unwrap_or_default().phase);
        let record = Record::PodCreated {
            pod,
            serial,
            name: &request.name,
            class: request.class,
            owner: request.owner,
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

    /// Creates a workload object and tells of it.
    pub(super) fn create_workload(
        &mut self,
        now: Time,
        kind: WorkloadKind,
        owner: Option<WorkloadId>,
        cluster: &mut Cluster,
        tell: &mut Tell<'_>,
    ) -> Event {
        let meta = kind.meta();
        let (name, namespace) = (meta.name.clone(), meta.namespace.clone());
        let replicas = replicas(&kind);
        let priority = kind.template().spec.priority.unwrap_or(0);
        let class = class_of_pods(cluster, &kind, &namespace, priority);
        let id = WorkloadId(self.workloads.len() as u32);
        self.workloads.push(ApiWorkload { present: true, status: WorkloadStatus::default(), replicas });
        let record = Record::WorkloadCreated { workload: id, kind: kind.kind(), name: &name, replicas };
        tell(&record, cluster);
        let object = Workload {
            kind,
            name: cluster.names.intern(&name),
            namespace: cluster.names.intern(&namespace),
            owner,
            class,
            created: now,
            status: WorkloadStatus::default(),
            present: true,
            pods_created: 0,
        };
        Event::WorkloadAdded { workload: id, object: Box::new(object) }
    }

    /// Commits a write: checks it, changes the objects, tells of it. `Err` gives a refused write back.
    pub(super) fn commit(
        &mut self,
        now: Time,
        write: Write,
        cluster: &mut Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Committed, Write> {
        match write {
            Write::Bind { pod, node } => self.bind(pod, node, cluster, tell).ok_or(write),
            Write::CreatePod { owner, class, number, index } => {
                if !self.workloads[owner.index()].present {
                    return Err(write);
                }
                let name = PodName::Numbered { base: cluster.workloads[owner].name, number };
                let request = PodRequest {
                    name,
                    class,
                    owner: Some(owner),
                    index,
                    node: None,
                    status: None,
                    user: -1,
                    estimate: None,
                };
                Ok(Some(self.create_pod(now, request, cluster, tell).1))
            }
            Write::DeletePod { pod, grace, reason } => {
                self.delete_pod(pod, grace, reason, cluster, tell).ok_or(write)
            }
            Write::PodStatus { pod, status } => self.pod_status(now, pod, status, cluster, tell).ok_or(write),
            Write::PodNotReady { pod } => {
                let Some(row) = self.pod(pod) else { return Err(write) };
                let status = PodStatus { ready: false, ..row.status };
                self.pod_status(now, pod, status, cluster, tell).ok_or(write)
            }
            Write::NodeReady { .. } | Write::NodePressure { .. } | Write::NodeTaints { .. } => {
                self.commit_node(write, cluster, tell)
            }
            Write::CreateReplicaSet { owner, object } => {
                if !self.workloads[owner.index()].present {
                    return Err(Write::CreateReplicaSet { owner, object });
                }
                let kind = WorkloadKind::ReplicaSet(*object);
                Ok(Some(self.create_workload(now, kind, Some(owner), cluster, tell)))
            }
            Write::Scale { .. } | Write::WorkloadStatus { .. } | Write::DeleteWorkload { .. } => {
                self.commit_workload(write, cluster, tell)
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
            Span::from_secs(seconds.map_or(30, |seconds| seconds.max(1) as u64))
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
            row.present = false;
            let phase = row.status.phase;
            self.leave_phase(phase);
            self.balance.removed += 1;
            tell(&Record::PodRemoved { pod }, cluster);
            return Some(Some(Event::PodRemoved { pod }));
        }
        // A repeated request is accepted, too, and its client hears of it.
        Some(Some(Event::PodDeleting { pod, grace, reason }))
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
                        let (key, effect) = (taint.key.as_str(), taint.effect);
                        tell(&Record::NodeTaint { node, key, effect, added }, cluster);
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
        write: Write,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Committed, Write> {
        let (Write::Scale { workload, .. }
        | Write::WorkloadStatus { workload, .. }
        | Write::DeleteWorkload { workload }) = write
        else {
            return Err(write);
        };
        let row = &mut self.workloads[workload.index()];
        if !row.present {
            return Err(write);
        }
        match write {
            Write::Scale { replicas, .. } => {
                if std::mem::replace(&mut row.replicas, replicas) == replicas {
                    return Ok(None);
                }
                tell(&Record::WorkloadScaled { workload, replicas }, cluster);
                Ok(Some(Event::WorkloadScaled { workload, replicas }))
            }
            Write::WorkloadStatus { status, .. } => {
                if std::mem::replace(&mut row.status, status) == status {
                    return Ok(None);
                }
                tell(&Record::WorkloadStatus { workload, status }, cluster);
                Ok(Some(Event::WorkloadStatus { workload, status }))
            }
            _ => {
                row.present = false;
                tell(&Record::WorkloadRemoved { workload }, cluster);
                Ok(Some(Event::WorkloadRemoved { workload }))
            }
        }
    }
}

/// The number of pods a workload wants.
fn replicas(kind: &WorkloadKind) -> i32 {
    match kind {
        WorkloadKind::ReplicaSet(ReplicaSet { replicas, .. })
        | WorkloadKind::Deployment(Deployment { replicas, .. })
        | WorkloadKind::Job(Job { parallelism: replicas, .. }) => *replicas,
    }
}

/// The class of the pods that a workload makes. Those of a ReplicaSet are spread by its selector.
fn class_of_pods(cluster: &mut Cluster, kind: &WorkloadKind, namespace: &str, priority: i32) -> ClassId {
    let mut key = ClassKey::new(kind.template(), cluster.names.intern(namespace), priority);
    if let WorkloadKind::ReplicaSet(set) = kind {
        key.controller = Some((ControllerKind::ReplicaSet, cluster.names.intern(&set.meta.name)));
    }
    cluster.class_of(&key)
}
