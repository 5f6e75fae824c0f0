//! A control plane on an in-memory cluster whose API server answers at once.
//!
//! For tests, benches and dry runs: facts go in, every command is recorded and answered in the
//! same instant, and time passes only when the caller says so. There are no machines here: what a
//! container does is told by the caller ([`Harness::start`], [`Harness::finish`]), and a bound pod
//! that is being deleted stays until [`Harness::remove`].

use super::scheduler::Scheduler;
use super::{
    Command, Component, Config, ControlPlane, Event, NewPod, NodeChange, PodPatch, PodStatus, Refusal, Write,
    plane,
};
use crate::api::{
    DaemonSet, Deployment, Job, Node, PodPhase, PodTemplate, ReplicaSet, StatefulSet, Status, Taint,
};
use crate::base::ids::{ClassId, NodeId, PodId, PoolId, WorkloadId};
use crate::base::{Set, Span, Time};
use crate::cluster::{Cluster, PodName, PodRef, ReadyStatus, Reason, Workload, WorkloadKind, namespace_of};
use std::collections::VecDeque;
use std::sync::Arc;

/// More rounds than this at one moment mean that the control plane never comes to rest.
const ROUNDS_MAX: usize = 100_000;

/// See the module's description.
pub struct Harness {
    /// The control plane's view, which is also the truth.
    pub cluster: Cluster,
    /// Every command, with its moment.
    pub commands: Vec<(Time, Command)>,
    /// The current moment.
    pub now: Time,
    components: Vec<Box<dyn Component>>,
    pending: VecDeque<Event>,
    free_rows: Vec<PodRef>,
    /// Pods whose removal has been entered.
    removed: Set<PodRef>,
    /// Pods whose removal waits for their finalizer.
    finalizing: Set<PodRef>,
    /// Pods whose finalizer is removed.
    released: Set<PodRef>,
    pods_created: u64,
    rows: u32,
    rejections: u32,
}

impl Harness {
    /// The whole control plane on an empty cluster.
    pub fn new(config: &Config) -> Harness {
        Harness::with(ControlPlane::new(config).into_components())
    }

    /// The scheduler alone on an empty cluster.
    pub fn of_scheduler(config: &Config) -> Harness {
        Harness::with(vec![Box::new(Scheduler::new(config))])
    }

    /// Some components on an empty cluster.
    pub(crate) fn with(components: Vec<Box<dyn Component>>) -> Harness {
        Harness {
            cluster: Cluster::default(),
            commands: Vec::new(),
            now: Time::ZERO,
            components,
            pending: VecDeque::new(),
            free_rows: Vec::new(),
            removed: Set::default(),
            finalizing: Set::default(),
            released: Set::default(),
            pods_created: 0,
            rows: 0,
            rejections: 0,
        }
    }

    /// Refuses the next `count` writes.
    pub fn reject_next(&mut self, count: u32) {
        self.rejections = count;
    }

    /// Lets time pass, with everything that falls due.
    ///
    /// # Panics
    /// If the control plane never comes to rest at some moment.
    pub fn run_until(&mut self, end: Time) {
        loop {
            self.settle();
            let Some(due) = self.poll_timeout().filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
        }
        self.now = self.now.max(end);
    }

    /// Lets `span` pass.
    pub fn run_for(&mut self, span: Span) {
        self.run_until(self.now + span);
    }

    /// Tells the control plane a fact, and answers what it orders at this moment.
    pub fn tell(&mut self, event: Event) {
        self.pending.push_back(event);
        self.settle();
    }

    /// The writes so far, with their moments.
    pub fn writes(&self) -> impl Iterator<Item = (Time, &Write)> {
        self.commands.iter().filter_map(|(at, command)| match command {
            Command::Write(_, write) => Some((*at, write)),
            _ => None,
        })
    }

    /// Adds a node with a pool and a zone that is `zone`, with room for every pod.
    pub fn node(&mut self, name: &str, zone: &str) -> NodeId {
        let mut object = Node::default();
        object.meta.name = name.into();
        object.meta.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
        object.allocatable.insert("pods".into(), crate::base::Quantity::from_units(1_000_000));
        let known = self.cluster.names.get(name);
        let again = (0..self.cluster.nodes.len()).find(|&row| Some(self.cluster.nodes.name[row]) == known);
        let node = NodeId(again.unwrap_or(self.cluster.nodes.len()) as u32);
        self.tell(Event::NodeAdded { node, object: Arc::new(object), pool: PoolId(0) });
        node
    }

    /// The kubelet of a node falls silent after a last renewal now.
    pub fn silence(&mut self, node: NodeId) {
        self.tell(Event::HeartbeatsStopped { node, last_renewal: self.now });
    }

    /// The kubelet of a node is heard again and says that the node is ready.
    pub fn wake(&mut self, node: NodeId) {
        self.tell(Event::HeartbeatsResumed { node });
        self.tell(Event::NodeChanged { node, change: NodeChange::Ready(ReadyStatus::True) });
    }

    /// The taints of a node as `key:effect`, in order.
    pub fn taints(&self, node: NodeId) -> Vec<String> {
        let taints = self.cluster.nodes.taints(&self.cluster.names, node);
        taints.iter().map(|taint| format!("{}:{}", taint.key, taint.effect.name())).collect()
    }

    /// Adds a ReplicaSet.
    pub fn replica_set(&mut self, object: ReplicaSet) -> WorkloadId {
        self.workload(WorkloadKind::ReplicaSet(object), None)
    }

    /// Adds a Deployment.
    pub fn deployment(&mut self, object: Deployment) -> WorkloadId {
        self.workload(WorkloadKind::Deployment(object), None)
    }

    /// Adds a StatefulSet.
    pub fn stateful_set(&mut self, object: StatefulSet) -> WorkloadId {
        self.workload(WorkloadKind::StatefulSet(object), None)
    }

    /// Adds a DaemonSet.
    pub fn daemon_set(&mut self, object: DaemonSet) -> WorkloadId {
        self.workload(WorkloadKind::DaemonSet(object), None)
    }

    /// Writes a workload's specification, as a person does.
    pub fn change(&mut self, workload: WorkloadId, change: impl FnOnce(&mut WorkloadKind)) {
        let mut kind = self.cluster.workloads[workload].kind.clone();
        change(&mut kind);
        let generation = self.cluster.workloads[workload].generation;
        self.write(&Write::UpdateWorkload { workload, kind: Box::new(kind), generation, seen: None });
        self.settle();
    }

    /// Adds a Job.
    pub fn job(&mut self, object: Job) -> WorkloadId {
        self.workload(WorkloadKind::Job(object), None)
    }

    /// Sets the number of pods of a workload, as a person does.
    pub fn scale(&mut self, workload: WorkloadId, replicas: i32) {
        self.tell(Event::WorkloadScaled { workload, replicas });
    }

    /// Adds a pod that no workload owns.
    pub fn pod(&mut self, name: &str, template: &Arc<PodTemplate>) -> PodRef {
        let class = self.cluster.class(template, "default", 0);
        let pod = self.create_pod(None, class, PodName::Own(name.into()), (None, false));
        self.settle();
        pod
    }

    /// Has a pod of a class created, of which the control plane is told when time passes next.
    pub fn submit(&mut self, class: ClassId) -> PodRef {
        self.create_pod(None, class, PodName::Own("pod".into()), (None, false))
    }

    /// The active pods of a workload, oldest first.
    pub fn active(&self, owner: WorkloadId) -> Vec<PodRef> {
        let pods = &self.cluster.pods;
        let mut active: Vec<PodId> = pods
            .iter()
            .filter(|&pod| pods.owner[pod.index()] == Some(owner) && pods.is_active(pod))
            .collect();
        active.sort_unstable_by_key(|pod| pods.serial[pod.index()]);
        active.into_iter().map(|pod| pods.reference(pod)).collect()
    }

    /// Binds a pod.
    pub fn bind(&mut self, pod: PodRef, node: NodeId) {
        self.tell(Event::PodBound { pod, node });
    }

    /// Binds a pod and makes it run and be ready.
    pub fn start(&mut self, pod: PodRef, node: NodeId) {
        self.bind(pod, node);
        self.status(pod, PodStatus { phase: PodPhase::Running, ready: true, ..PodStatus::default() });
    }

    /// Ends the containers of a pod now, with exit code zero or another one.
    pub fn finish(&mut self, pod: PodRef, code: u8) {
        let (phase, reason) = match code {
            0 => (PodPhase::Succeeded, Reason::Completed),
            _ => (PodPhase::Failed, Reason::Error),
        };
        self.status(pod, PodStatus { phase, reason, finished: Some(self.now), ..PodStatus::default() });
    }

    /// Writes a pod's status.
    pub fn status(&mut self, pod: PodRef, status: PodStatus) {
        self.tell(Event::PodStatus { pod, status });
    }

    /// Removes a pod's object, as its kubelet does when it has stopped a pod that is being deleted. A
    /// pod with a finalizer stays until that is removed.
    pub fn remove(&mut self, pod: PodRef) {
        if self.is_tracked(pod) {
            self.finalizing.insert(pod);
            if self.cluster.pods.deleting_since[pod.id.index()].is_none() {
                self.tell(Event::PodDeleting { pod, grace: Span::ZERO, reason: Reason::Deleted });
            }
        } else {
            self.enter_removal(pod);
            self.settle();
        }
    }

    /// Whether a finalizer holds a pod.
    fn is_tracked(&self, pod: PodRef) -> bool {
        let pods = &self.cluster.pods;
        pods.get(pod).is_some_and(|row| pods.tracked[row.index()]) && !self.released.contains(&pod)
    }

    fn enter_removal(&mut self, pod: PodRef) {
        if self.removed.insert(pod) {
            self.free_rows.push(pod);
            self.pending.push_back(Event::PodRemoved { pod });
        }
    }

    /// A workload's status.
    pub fn workload_status(&self, workload: WorkloadId) -> &Status {
        &self.cluster.workloads[workload].status
    }

    /// Adds an object of any kind.
    pub fn workload(&mut self, kind: WorkloadKind, owner: Option<WorkloadId>) -> WorkloadId {
        let id = WorkloadId(self.cluster.workloads.len() as u32);
        let object = self.workload_object(kind, owner);
        self.tell(Event::WorkloadAdded { workload: id, object: Box::new(object) });
        id
    }

    fn workload_object(&mut self, kind: WorkloadKind, owner: Option<WorkloadId>) -> Workload {
        let meta = kind.meta().clone();
        let namespace = if meta.namespace.is_empty() { "default" } else { &meta.namespace };
        let class = kind.template().map(|template| self.cluster.class(template, namespace, 0));
        Workload {
            name: self.cluster.names.intern(&meta.name),
            namespace: self.cluster.names.intern(namespace),
            owner,
            class: class.unwrap_or_default(),
            created: self.now,
            generation: 1,
            status: Status::None,
            present: true,
            deleting: false,
            pods_created: 0,
            kind,
        }
    }

    /// Enters the creation of a pod; it is known when the pending facts are delivered.
    fn create_pod(
        &mut self,
        owner: Option<WorkloadId>,
        class: ClassId,
        name: PodName,
        (index, tracked): (Option<u32>, bool),
    ) -> PodRef {
        let again = self.free_rows.pop().map(|old| PodRef { id: old.id, generation: old.generation + 1 });
        let pod = again.unwrap_or_else(|| {
            self.rows += 1;
            PodRef { id: PodId(self.rows - 1), generation: 0 }
        });
        let serial = self.pods_created;
        self.pods_created += 1;
        let created = self.now;
        let new = NewPod {
            pod,
            serial,
            name,
            class,
            owner,
            index,
            created,
            node: None,
            status: None,
            tracked,
            job: None,
        };
        self.pending.push_back(Event::PodAdded(Box::new(new)));
        pod
    }

    /// Whether no component waits for a moment at which it could change anything.
    pub fn is_settled(&self) -> bool {
        self.components.iter().all(|component| component.is_settled())
    }

    /// The earliest moment at which the control plane has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.components.iter().filter_map(|component| component.poll_timeout()).min()
    }

    /// Delivers what is pending and does what is due until nothing is left at this moment.
    fn settle(&mut self) {
        let mut out = Vec::new();
        let mut rounds = 0;
        while rounds < ROUNDS_MAX {
            match self.pending.pop_front() {
                Some(event) => {
                    let components = self.components.iter_mut().map(|component| &mut **component as _);
                    plane::deliver(self.now, &event, components, &mut self.cluster, &mut out);
                }
                None if self.poll_timeout().is_some_and(|due| due <= self.now) => {
                    rounds += 1;
                    let components = self.components.iter_mut().map(|component| &mut **component as _);
                    plane::wake(self.now, components, &mut self.cluster, &mut out);
                }
                None => return,
            }
            for command in std::mem::take(&mut out) {
                self.answer(&command);
                self.commands.push((self.now, command));
            }
        }
        panic!("the control plane does not come to rest at {:?}", self.now);
    }

    fn answer(&mut self, command: &Command) {
        match command {
            Command::Write(_, write) if self.rejections > 0 => {
                self.rejections -= 1;
                self.pending.push_back(Event::Refused(Box::new(write.clone()), Refusal::Conflict));
            }
            Command::Write(_, write) => self.write(write),
            // There is no metrics API here, but the caller may answer in its place.
            Command::Query { .. } | Command::Runtime(..) | Command::Note(_) => {}
        }
    }

    /// Does what an API server does with a write.
    fn write(&mut self, write: &Write) {
        let event = match write {
            Write::CreatePod { owner, class, number, index, tracked } => {
                return self.write_create_pod(*owner, *class, *number, (*index, *tracked), write);
            }
            Write::DeletePod { pod, grace, reason } => {
                return self.write_delete_pod(*pod, *grace, *reason, write);
            }
            Write::Resubmit { pod, name, job } => {
                let Some(row) = self.cluster.pods.get(*pod) else {
                    return self
                        .pending
                        .push_back(Event::Refused(Box::new(write.clone()), Refusal::Conflict));
                };
                let pods = &self.cluster.pods;
                let (owner, class) = (pods.owner[row.index()], pods.class[row.index()]);
                let index = pods.index[row.index()];
                self.create_pod(owner, class, PodName::Own(name.clone()), (index, false));
                if let Some(Event::PodAdded(new)) = self.pending.back_mut() {
                    new.job = Some(Arc::clone(job));
                }
                return;
            }
            Write::Bind { pod, node } => Event::PodBound { pod: *pod, node: *node },
            Write::PodStatus { pod, status } => Event::PodStatus { pod: *pod, status: *status },
            Write::PodNotReady { pod } => return self.write_not_ready(*pod, write),
            Write::NodeReady { node, ready } => {
                Event::NodeChanged { node: *node, change: NodeChange::Ready(*ready) }
            }
            Write::NodePressure { node, memory } => {
                Event::NodeChanged { node: *node, change: NodeChange::MemoryPressure(*memory) }
            }
            Write::NodeTaints { node, add, remove } => {
                let taints = self.cluster.nodes.taints(&self.cluster.names, *node);
                let taints = changed_taints(taints, add, remove);
                Event::NodeChanged { node: *node, change: NodeChange::Taints(taints) }
            }
            Write::CreateWorkload { owner, kind } => {
                let workload = WorkloadId(self.cluster.workloads.len() as u32 + self.pending_workloads());
                let object = self.workload_object((**kind).clone(), *owner);
                Event::WorkloadAdded { workload, object: Box::new(object) }
            }
            Write::ControllerRevision { .. } => return,
            Write::Scale { workload, replicas } => {
                Event::WorkloadScaled { workload: *workload, replicas: *replicas }
            }
            Write::WorkloadStatus { workload, status } => {
                Event::WorkloadStatus { workload: *workload, status: status.clone() }
            }
            Write::UpdateWorkload { workload, kind, generation, .. } => {
                let namespace = namespace_of(kind.meta()).to_owned();
                let class = kind.template().map(|template| self.cluster.class(template, &namespace, 0));
                let (class, generation) = (class.unwrap_or_default(), generation + 1);
                Event::WorkloadChanged { workload: *workload, kind: kind.clone(), class, generation }
            }
            Write::DeleteWorkload { workload, foreground: true } => {
                Event::WorkloadDeleting { workload: *workload }
            }
            Write::DeleteWorkload { workload, .. } | Write::FinalizeWorkload { workload } => {
                Event::WorkloadRemoved { workload: *workload }
            }
            Write::PatchPod { pod, patch } => return self.write_patch(*pod, *patch, write),
            Write::EvictPod { pod, grace } => {
                return self.write_delete_pod(*pod, *grace, Reason::Evicted, write);
            }
        };
        self.pending.push_back(event);
    }

    fn pending_workloads(&self) -> u32 {
        self.pending.iter().filter(|event| matches!(event, Event::WorkloadAdded { .. })).count() as u32
    }

    fn refuse(&mut self, write: &Write) {
        self.pending.push_back(Event::Refused(Box::new(write.clone()), Refusal::Conflict));
    }

    fn write_create_pod(
        &mut self,
        owner: WorkloadId,
        class: ClassId,
        number: u32,
        kept: (Option<u32>, bool),
        write: &Write,
    ) {
        let workload = &self.cluster.workloads[owner];
        if !workload.present {
            return self.refuse(write);
        }
        let name = PodName::Numbered { base: workload.name, number };
        self.create_pod(Some(owner), class, name, kept);
    }

    fn write_delete_pod(&mut self, pod: PodRef, grace: Option<Span>, reason: Reason, write: &Write) {
        let Some(row) = self.cluster.pods.get(pod) else { return self.refuse(write) };
        let pods = &self.cluster.pods;
        let index = row.index();
        let at_once =
            grace == Some(Span::ZERO) || pods.node[index].is_none() || pods.phase[index].is_terminal();
        if pods.deleting_since[index].is_none() {
            let grace = grace.unwrap_or(Span::from_secs(30));
            self.pending.push_back(Event::PodDeleting { pod, grace, reason });
        }
        if at_once && self.is_tracked(pod) {
            self.finalizing.insert(pod);
        } else if at_once {
            self.enter_removal(pod);
        }
    }

    fn write_patch(&mut self, pod: PodRef, patch: PodPatch, write: &Write) {
        if self.cluster.pods.get(pod).is_none() || self.removed.contains(&pod) {
            return self.refuse(write);
        }
        if patch == PodPatch::Released {
            self.released.insert(pod);
            if self.finalizing.remove(&pod) {
                return self.enter_removal(pod);
            }
        }
        self.pending.push_back(Event::PodPatched { pod, patch });
    }

    fn write_not_ready(&mut self, pod: PodRef, write: &Write) {
        let Some(row) = self.cluster.pods.get(pod) else { return self.refuse(write) };
        let pods = &self.cluster.pods;
        let index = row.index();
        let status = PodStatus {
            phase: pods.phase[index],
            ready: false,
            restarts: pods.restarts[index],
            reason: pods.reason[index],
            finished: pods.finished[index],
            exits: pods.exits[index],
        };
        self.pending.push_back(Event::PodStatus { pod, status });
    }
}

/// The taints after a write: a taint is the same if key and effect are.
fn changed_taints(mut taints: Vec<Taint>, add: &[Taint], remove: &[Taint]) -> Vec<Taint> {
    let same = |a: &Taint, b: &Taint| a.key == b.key && a.effect == b.effect;
    taints.retain(|taint| !add.iter().chain(remove).any(|other| same(taint, other)));
    taints.extend_from_slice(add);
    taints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{TaintEffect, UpdateStrategy};
    use crate::control::controllers::{DeploymentController, JobController, ReplicaSetController};
    use crate::control::node_lifecycle::NodeLifecycleController;
    use crate::control::pod_gc::PodGarbageCollector;
    use crate::control::taint_eviction::TaintEvictionController;
    use proptest::prelude::*;

    fn controllers() -> Harness {
        let config = Config::default();
        Harness::with(vec![
            Box::new(NodeLifecycleController::new(&config)),
            Box::new(TaintEvictionController::new(&config)),
            Box::new(PodGarbageCollector::new(&config)),
            Box::new(DeploymentController::new(&config)),
            Box::new(ReplicaSetController::new(&config)),
            Box::new(JobController::new(&config)),
        ])
    }

    fn deployment(replicas: i32) -> Deployment {
        let strategy = UpdateStrategy::default();
        let mut deployment = Deployment { replicas, strategy, ..Deployment::default() };
        deployment.meta.name = "web".into();
        deployment
    }

    /// The recorded run public-node-failure-default: silence at 11.88 s, Unknown at the pass 50 to
    /// 55 s later, deletion 300 s after the NoExecute taint, replacements in the same instant; the
    /// dead pods' objects stay until their kubelet is back.
    #[test]
    fn a_dead_node_costs_its_pods_350_to_355_seconds_after_its_last_renewal() {
        let mut harness = controllers();
        let nodes = ["a1", "a2", "a3"].map(|name| harness.node(name, "a"));
        let id = harness.deployment(deployment(6));
        let set = WorkloadId(id.0 + 1);
        for (number, pod) in harness.active(set).into_iter().enumerate() {
            harness.start(pod, nodes[number % 3]);
        }
        harness.run_until(Time::from_secs_f64(11.88));
        harness.silence(nodes[0]);
        harness.run_until(Time::from_secs_f64(65.2));
        let Status::Deployment(status) = harness.workload_status(id) else { panic!("no status is written") };
        assert_eq!(status.ready, 4);
        harness.run_until(Time::from_secs_f64(365.0));
        assert_eq!(harness.cluster.pods.count, 6);
        harness.run_until(Time::from_secs_f64(365.1));
        assert_eq!(harness.cluster.pods.count, 8);
        let fresh = harness
            .active(set)
            .iter()
            .filter(|pod| harness.cluster.pods.created[pod.id.index()] > Time::ZERO)
            .count();
        assert_eq!(fresh, 2);
    }

    /// With nothing to control, the whole control plane is at rest.
    #[test]
    fn an_empty_cluster_needs_no_time() {
        let mut harness = Harness::new(&Config::default());
        harness.run_until(Time::from_secs(1_000_000));
        assert_eq!(harness.commands.len(), 0);
    }

    fn executes(taints: &[String]) -> bool {
        taints.iter().any(|taint| taint.ends_with(":NoExecute"))
    }

    proptest! {
        /// Nodes fall silent, come back and go; pods start and fail; writes are refused. No pod is
        /// evicted from a node that had no NoExecute taint in that step, and when all is calm again the
        /// Deployment has its pods and no node has a taint.
        #[test]
        fn liveness_the_cluster_recovers(steps in prop::collection::vec((0_u8..7, 0_usize..5, 1_u64..120), 1..40)) {
            let mut harness = controllers();
            let zone = |number: usize| if number < 3 { "a" } else { "b" };
            let names = ["n0", "n1", "n2", "n3", "n4"];
            let nodes: Vec<NodeId> = (0..5).map(|number| harness.node(names[number], zone(number))).collect();
            let id = harness.deployment(deployment(5));
            let set = WorkloadId(id.0 + 1);
            let present = |harness: &Harness, node: NodeId| harness.cluster.nodes.present.contains(node.index());
            for (kind, choice, wait) in steps {
                let (node, there) = (nodes[choice], present(&harness, nodes[choice]));
                let active = harness.active(set);
                let pod = active.get(choice).copied();
                match (kind, pod) {
                    (0, _) if there => harness.silence(node),
                    (1, _) if there => harness.wake(node),
                    (2, _) if there => harness.tell(Event::NodeRemoved { node }),
                    (3, _) if !there => drop(harness.node(names[choice], zone(choice))),
                    (4, Some(pod)) if there && harness.cluster.pods.node[pod.id.index()].is_none() => harness.start(pod, node),
                    (5, Some(pod)) => harness.finish(pod, 1),
                    (6, _) => harness.reject_next(1),
                    _ => {}
                }
                let before = harness.commands.len();
                let mut tainted: Vec<bool> = nodes.iter().map(|&node| executes(&harness.taints(node))).collect();
                harness.run_for(Span::from_secs(wait));
                for (_, command) in &harness.commands[before..] {
                    match command {
                        Command::Write(_, Write::NodeTaints { node, add, .. }) => {
                            tainted[node.index()] |= add.iter().any(|taint| taint.effect == TaintEffect::NoExecute);
                        }
                        Command::Write(_, Write::DeletePod { pod, reason: Reason::TaintEviction, .. }) => {
                            let row = harness.cluster.pods.get(*pod);
                            let node = row.and_then(|row| harness.cluster.pods.node[row.index()]);
                            prop_assert!(node.is_none_or(|node| tainted[node.index()]), "{:?} on {:?}", pod, node);
                        }
                        _ => {}
                    }
                }
            }
            for (number, &node) in nodes.iter().enumerate() {
                if present(&harness, node) { harness.wake(node) } else { harness.node(names[number], zone(number)); }
            }
            harness.run_for(Span::from_secs(100));
            prop_assert_eq!(harness.active(set).len(), 5);
            for &node in &nodes {
                prop_assert_eq!(harness.taints(node), Vec::<String>::new());
            }
            prop_assert_eq!(harness.cluster.check(), Ok(()));
        }
    }
}
