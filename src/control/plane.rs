//! The whole of Kubernetes' control plane: keeps the view up to date and drives the components.

use super::controllers::{DeploymentController, JobController, ReplicaSetController};
use super::kubelet::Kubelets;
use super::node_lifecycle::NodeLifecycleController;
use super::pod_gc::PodGarbageCollector;
use super::scheduler::Scheduler;
use super::taint_eviction::TaintEvictionController;
use super::{Command, Component, Config, Control, Event, NewPod, NodeChange, PodBefore, PodStatus, Topic};
use crate::base::Time;
use crate::base::ids::PodId;
use crate::cluster::pods::NewRow;
use crate::cluster::{Cluster, ControllerKind, PodRef, WorkloadKind};

/// Kubernetes: kubelets, scheduler, controllers.
pub struct ControlPlane {
    kubelets: Kubelets,
    scheduler: Scheduler,
    replica_sets: ReplicaSetController,
    deployments: DeploymentController,
    jobs: JobController,
    node_lifecycle: NodeLifecycleController,
    taint_eviction: TaintEvictionController,
    pod_gc: PodGarbageCollector,
}

impl ControlPlane {
    /// A control plane that has seen nothing yet.
    pub fn new(config: &Config) -> ControlPlane {
        ControlPlane {
            kubelets: Kubelets::new(config),
            scheduler: Scheduler::new(config),
            replica_sets: ReplicaSetController::new(config),
            deployments: DeploymentController::new(config),
            jobs: JobController::new(config),
            node_lifecycle: NodeLifecycleController::new(config),
            taint_eviction: TaintEvictionController::new(config),
            pod_gc: PodGarbageCollector::new(config),
        }
    }

    /// The scheduler, for questions about its queue.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Whether no component waits for a moment at which it could change anything.
    pub fn is_settled(&self) -> bool {
        self.components().into_iter().all(Component::is_settled)
    }

    /// The kubelets, for questions about their pods.
    pub fn kubelets(&self) -> &Kubelets {
        &self.kubelets
    }

    /// The components, in the order in which they are told of facts.
    pub(super) fn into_components(self) -> Vec<Box<dyn Component>> {
        vec![
            Box::new(self.kubelets),
            Box::new(self.node_lifecycle),
            Box::new(self.taint_eviction),
            Box::new(self.pod_gc),
            Box::new(self.deployments),
            Box::new(self.replica_sets),
            Box::new(self.jobs),
            Box::new(self.scheduler),
        ]
    }

    fn components(&self) -> [&dyn Component; 8] {
        [
            &self.kubelets,
            &self.node_lifecycle,
            &self.taint_eviction,
            &self.pod_gc,
            &self.deployments,
            &self.replica_sets,
            &self.jobs,
            &self.scheduler,
        ]
    }

    fn components_mut(&mut self) -> [&mut dyn Component; 8] {
        [
            &mut self.kubelets,
            &mut self.node_lifecycle,
            &mut self.taint_eviction,
            &mut self.pod_gc,
            &mut self.deployments,
            &mut self.replica_sets,
            &mut self.jobs,
            &mut self.scheduler,
        ]
    }
}

impl Control for ControlPlane {
    type Event = Event;
    type Command = Command;
    type View = Cluster;

    fn handle(&mut self, now: Time, event: Event, cluster: &mut Cluster, out: &mut Vec<Command>) {
        // What a runtime says changes nothing that others see, and there is much of it.
        if let Event::Runtime { .. } = event {
            return self.kubelets.handle(now, &event, PodBefore::default(), cluster, out);
        }
        deliver(now, &event, &mut self.components_mut(), cluster, out);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.components().into_iter().filter_map(Component::poll_timeout).min()
    }

    /// Lets each component do what is due, in a fixed order: kubelets and node control first, the
    /// scheduler last, so that it sees what the controllers of this instant have freed.
    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        wake(now, &mut self.components_mut(), cluster, out);
    }
}

/// Enters a fact in the view and tells the components of it that listen to such.
pub(super) fn deliver(
    now: Time,
    event: &Event,
    components: &mut [&mut dyn Component],
    cluster: &mut Cluster,
    out: &mut Vec<Command>,
) {
    let before = pod_of(event).and_then(|pod| cluster.pods.get(pod)).map(|pod| state_of(cluster, pod));
    apply(now, event, cluster);
    let topic = topic_of(event, cluster);
    for component in components.iter_mut().filter(|component| component.listens(topic)) {
        component.handle(now, event, before.unwrap_or_default(), cluster, out);
    }
    if let Event::PodRemoved { pod } = event
        && let Some(pod) = cluster.pods.get(*pod)
    {
        cluster.displace(pod);
        cluster.pods.remove(pod);
    }
}

/// Lets each component do what is due, in the order given.
pub(super) fn wake(
    now: Time,
    components: &mut [&mut dyn Component],
    cluster: &mut Cluster,
    out: &mut Vec<Command>,
) {
    for component in components {
        if component.poll_timeout().is_some_and(|due| due <= now) {
            component.handle_timeout(now, cluster, out);
        }
    }
}

/// The pod that an event changes.
fn pod_of(event: &Event) -> Option<PodRef> {
    match event {
        Event::PodBound { pod, .. }
        | Event::PodStatus { pod, .. }
        | Event::PodDeleting { pod, .. }
        | Event::PodRemoved { pod } => Some(*pod),
        _ => None,
    }
}

/// What an event that is entered in the view is about.
fn topic_of(event: &Event, cluster: &Cluster) -> Topic {
    let owned = |is_owned: bool| if is_owned { Topic::OwnedPod } else { Topic::Pod };
    match event {
        Event::Runtime { .. } => Topic::Runtime,
        Event::PodAdded(new) => owned(new.owner.is_some()),
        Event::PodBound { pod, .. }
        | Event::PodStatus { pod, .. }
        | Event::PodDeleting { pod, .. }
        | Event::PodRemoved { pod } => {
            let pod = cluster.pods.get(*pod);
            owned(pod.is_some_and(|pod| cluster.pods.owner[pod.index()].is_some()))
        }
        Event::NodeAdded { .. }
        | Event::NodeChanged { .. }
        | Event::NodeRemoved { .. }
        | Event::HeartbeatsStopped { .. }
        | Event::HeartbeatsResumed { .. }
        | Event::KubeletStopped { .. }
        | Event::MachineMemory { .. }
        | Event::KubeletStarted { .. } => Topic::Node,
        Event::WorkloadAdded { .. }
        | Event::WorkloadScaled { .. }
        | Event::WorkloadStatus { .. }
        | Event::WorkloadRemoved { .. } => Topic::Workload,
        Event::Refused(_) => Topic::Refused,
    }
}

fn state_of(cluster: &Cluster, pod: PodId) -> PodBefore {
    let pods = &cluster.pods;
    PodBefore {
        phase: pods.phase[pod.index()],
        ready: pods.ready[pod.index()],
        deleting: pods.deleting_since[pod.index()].is_some(),
        node: pods.node[pod.index()],
    }
}

/// Enters a fact in the view. A removed pod keeps its row until the components have seen it go.
pub(super) fn apply(now: Time, event: &Event, cluster: &mut Cluster) {
    match event {
        Event::NodeAdded { node, object, pool } => {
            let id = cluster.add_node(object, *pool, now);
            assert_eq!(id, *node, "node rows are handed out in order");
        }
        Event::NodeChanged { node, change } => match change {
            NodeChange::Taints(taints) => cluster.set_taints(*node, taints),
            NodeChange::Unschedulable(unschedulable) => cluster.set_unschedulable(*node, *unschedulable),
            NodeChange::Ready(ready) => cluster.nodes.ready[node.index()] = *ready,
            NodeChange::MemoryPressure(_) => {}
        },
        Event::NodeRemoved { node } => cluster.remove_node(*node),
        Event::PodAdded(new) => enter_pod(now, new, cluster),
        Event::PodBound { pod, node } => {
            let Some(pod) = cluster.pods.get(*pod) else { return };
            cluster.pods.node[pod.index()] = Some(*node);
            cluster.pods.started[pod.index()].get_or_insert(now.0 as i64);
            if cluster.pods.counted_on[pod.index()] != Some(*node) {
                cluster.displace(pod);
                cluster.place(pod, *node);
            }
        }
        Event::PodStatus { pod, status } => {
            let Some(pod) = cluster.pods.get(*pod) else { return };
            write_status(now, pod, *status, cluster);
        }
        Event::PodDeleting { pod, reason, .. } => {
            let Some(pod) = cluster.pods.get(*pod) else { return };
            cluster.begin_deletion(pod, now);
            cluster.pods.reason[pod.index()] = *reason;
        }
        Event::WorkloadAdded { .. }
        | Event::WorkloadScaled { .. }
        | Event::WorkloadStatus { .. }
        | Event::WorkloadRemoved { .. } => apply_to_workload(event, cluster),
        Event::HeartbeatsStopped { .. }
        | Event::HeartbeatsResumed { .. }
        | Event::KubeletStopped { .. }
        | Event::KubeletStarted { .. }
        | Event::MachineMemory { .. }
        | Event::PodRemoved { .. }
        | Event::Refused(_)
        | Event::Runtime { .. } => {}
    }
}

/// Enters a fact about a workload in the view.
fn apply_to_workload(event: &Event, cluster: &mut Cluster) {
    match event {
        Event::WorkloadAdded { workload, object } => {
            enter_selector(&object.kind, cluster);
            cluster.workloads.insert(*workload, (**object).clone());
        }
        Event::WorkloadScaled { workload, replicas } => {
            use WorkloadKind::{Deployment, Job, ReplicaSet};
            match &mut cluster.workloads[*workload].kind {
                ReplicaSet(set) => set.replicas = *replicas,
                Deployment(deployment) => deployment.replicas = *replicas,
                Job(job) => job.parallelism = *replicas,
            }
        }
        Event::WorkloadStatus { workload, status } => cluster.workloads[*workload].status = *status,
        Event::WorkloadRemoved { workload } => {
            let object = &mut cluster.workloads[*workload];
            object.present = false;
            if matches!(object.kind, WorkloadKind::ReplicaSet(_)) {
                let controller = (ControllerKind::ReplicaSet, object.name);
                cluster.selectors.remove_controller(object.namespace, controller);
            }
        }
        _ => {}
    }
}

/// Enters a new pod.
fn enter_pod(now: Time, new: &NewPod, cluster: &mut Cluster) {
    let row = NewRow {
        serial: new.serial,
        name: new.name.clone(),
        class: new.class,
        owner: new.owner,
        created: new.created,
        index: new.index,
    };
    cluster.pods.insert(new.pod, row);
    if let Some(node) = new.node {
        cluster.pods.node[new.pod.id.index()] = Some(node);
        cluster.place(new.pod.id, node);
    }
    if let Some(status) = new.status {
        write_status(now, new.pod.id, status, cluster);
    }
}

/// Enters the selector of a workload whose pods are spread by it.
fn enter_selector(kind: &WorkloadKind, cluster: &mut Cluster) {
    if let WorkloadKind::ReplicaSet(set) = kind {
        let place = (set.meta.namespace.as_str(), set.meta.name.as_str());
        let Cluster { names, selectors, .. } = cluster;
        selectors.set_controller(names, ControllerKind::ReplicaSet, place, Some(&set.selector));
    }
}

/// Enters a status. A pod in a terminal phase takes nothing from its node any more: its resources
/// are free at that moment, not when the object goes (reference kube-scheduler §6.4).
fn write_status(now: Time, pod: PodId, status: PodStatus, cluster: &mut Cluster) {
    let index = pod.index();
    if cluster.pods.ready[index] != status.ready {
        cluster.pods.ready[index] = status.ready;
        cluster.pods.ready_since[index] = now;
    }
    cluster.pods.phase[index] = status.phase;
    cluster.pods.restarts[index] = status.restarts;
    cluster.pods.finished[index] = status.finished;
    if cluster.pods.deleting_since[index].is_none() {
        cluster.pods.reason[index] = status.reason;
    }
    if status.phase.is_terminal() {
        cluster.displace(pod);
    }
}
