//! A whole control plane, Kubernetes' or another: keeps the view up to date and drives the components.

mod processes;

pub use processes::Process;

use super::config::{KubeletProfile, Plane};
use super::controllers::{
    CronJobController, DaemonSetController, DeploymentController, DisruptionController,
    EndpointSliceController, JobController, PodAutoscalerController, QuotaController, ReplicaSetController,
    StatefulSetController,
};
use super::kubelet::{Kubelets, RecordedKubelets};
use super::mesos;
use super::node_lifecycle::NodeLifecycleController;
use super::owner_gc::OwnerGarbageCollector;
use super::pod_gc::PodGarbageCollector;
use super::scheduler::Scheduler;
use super::slurm;
use super::swarm;
use super::taint_eviction::TaintEvictionController;
use super::{
    Command, Component, Config, Control, Event, NewPod, NodeChange, PodBefore, PodPatch, PodStatus, Topic,
};
use crate::api::Status;
use crate::base::Time;
use crate::base::ids::PodId;
use crate::cluster::pods::NewRow;
use crate::cluster::{Cluster, ControllerKind, PodRef, WorkloadKind, namespace_of};
use processes::Known;
use std::any::Any;

/// Who runs the pods of the nodes.
enum Agents {
    Modelled(Box<Kubelets>),
    Recorded(Box<RecordedKubelets>),
}

impl Agents {
    fn new(config: &Config) -> Agents {
        match config.kubelet.profile {
            KubeletProfile::Modelled => Agents::Modelled(Box::new(Kubelets::new(config))),
            KubeletProfile::Recorded => Agents::Recorded(Box::new(RecordedKubelets::new(config))),
        }
    }

    fn get(&self) -> &dyn Component {
        match self {
            Agents::Modelled(kubelets) => kubelets.as_ref(),
            Agents::Recorded(kubelets) => kubelets.as_ref(),
        }
    }

    fn get_mut(&mut self) -> &mut dyn Component {
        match self {
            Agents::Modelled(kubelets) => kubelets.as_mut(),
            Agents::Recorded(kubelets) => kubelets.as_mut(),
        }
    }
}

/// The components beside the agents of the nodes and Kubernetes' scheduler, in the order in which they
/// are told of facts: those of the controller manager, or the whole of another control plane.
fn controllers(config: &Config) -> Vec<Box<dyn Component>> {
    match &config.plane {
        Plane::Kubernetes => controller_manager(config),
        Plane::Swarm(settings) => swarm::components(config, settings),
        Plane::Mesos(settings) => mesos::components(config, settings),
        Plane::Slurm(site) => slurm::components(config, site),
    }
}

/// The components of Kubernetes' controller manager.
fn controller_manager(config: &Config) -> Vec<Box<dyn Component>> {
    vec![
        Box::new(NodeLifecycleController::new(config)),
        Box::new(TaintEvictionController::new(config)),
        Box::new(PodGarbageCollector::new(config)),
        Box::new(OwnerGarbageCollector::new(config)),
        Box::new(PodAutoscalerController::new(config)),
        Box::new(DeploymentController::new(config)),
        Box::new(ReplicaSetController::new(config)),
        Box::new(StatefulSetController::new(config)),
        Box::new(DaemonSetController::new(config)),
        Box::new(JobController::new(config)),
        Box::new(CronJobController::new(config)),
        Box::new(DisruptionController::new(config)),
        Box::new(QuotaController::new(config)),
        Box::new(EndpointSliceController::new(config)),
    ]
}

/// The agents of the nodes, controllers, and in Kubernetes a scheduler; other control planes bring
/// theirs along.
pub struct ControlPlane {
    kubelets: Agents,
    /// None while the controller manager does not run.
    controllers: Vec<Box<dyn Component>>,
    /// None in other control planes than Kubernetes.
    scheduler: Option<Box<Scheduler>>,
    scheduler_runs: bool,
    config: Config,
    known: Known,
    /// The records of controllers that do not run any more, in the order of [`controllers`].
    records: Vec<Option<Box<dyn Any>>>,
}

impl ControlPlane {
    /// A control plane that has seen nothing yet.
    pub fn new(config: &Config) -> ControlPlane {
        ControlPlane {
            kubelets: Agents::new(config),
            controllers: controllers(config),
            scheduler: new_scheduler(config),
            scheduler_runs: config.plane == Plane::Kubernetes,
            config: config.clone(),
            known: Known::default(),
            records: Vec::new(),
        }
    }

    /// Kubernetes' scheduler, for questions about its queue. One that does not run knows nothing.
    pub fn scheduler(&self) -> Option<&Scheduler> {
        self.scheduler.as_deref()
    }

    /// Whether no component waits for a moment at which it could change anything.
    pub fn is_settled(&self) -> bool {
        self.components().all(Component::is_settled)
    }

    /// The modelled kubelets, for questions about their pods.
    pub fn kubelets(&self) -> Option<&Kubelets> {
        if let Agents::Modelled(kubelets) = &self.kubelets { Some(kubelets) } else { None }
    }

    /// The components, in the order in which they are told of facts.
    pub(super) fn into_components(self) -> Vec<Box<dyn Component>> {
        let kubelets: Box<dyn Component> = match self.kubelets {
            Agents::Modelled(kubelets) => kubelets,
            Agents::Recorded(kubelets) => kubelets,
        };
        let scheduler = self.scheduler.map(|scheduler| scheduler as Box<dyn Component>);
        std::iter::once(kubelets).chain(self.controllers).chain(scheduler).collect()
    }

    /// Those that run.
    fn components(&self) -> impl Iterator<Item = &dyn Component> {
        let scheduler = self.scheduler.as_deref().filter(|_| self.scheduler_runs);
        let scheduler = scheduler.map(|scheduler| scheduler as &dyn Component);
        let controllers = self.controllers.iter().map(|controller| &**controller);
        std::iter::once(self.kubelets.get()).chain(controllers).chain(scheduler)
    }

    fn components_mut(&mut self) -> impl Iterator<Item = &mut dyn Component> {
        let scheduler = self.scheduler.as_deref_mut().filter(|_| self.scheduler_runs);
        let scheduler = scheduler.map(|scheduler| scheduler as &mut dyn Component);
        let controllers =
            self.controllers.iter_mut().map(|controller| &mut **controller as &mut dyn Component);
        std::iter::once(self.kubelets.get_mut()).chain(controllers).chain(scheduler)
    }
}

/// Kubernetes' scheduler, where there is one.
fn new_scheduler(config: &Config) -> Option<Box<Scheduler>> {
    (config.plane == Plane::Kubernetes).then(|| Box::new(Scheduler::new(config)))
}

impl Control for ControlPlane {
    type Event = Event;
    type Command = Command;
    type View = Cluster;

    fn handle(&mut self, now: Time, event: Event, cluster: &mut Cluster, out: &mut Vec<Command>) {
        // What a runtime says changes nothing that others see, and there is much of it.
        if let Event::Runtime { .. } = event {
            return self.kubelets.get_mut().handle(now, &event, PodBefore::default(), cluster, out);
        }
        self.known.note(&event);
        deliver(now, &event, self.components_mut(), cluster, out);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.components().filter_map(Component::poll_timeout).min()
    }

    /// Lets each component do what is due, in a fixed order: kubelets and node control first, the
    /// scheduler last, so that it sees what the controllers of this instant have freed.
    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        wake(now, self.components_mut(), cluster, out);
    }
}

/// Enters a fact in the view and tells the components of it that listen to such.
pub(super) fn deliver<'c>(
    now: Time,
    event: &Event,
    components: impl Iterator<Item = &'c mut dyn Component>,
    cluster: &mut Cluster,
    out: &mut Vec<Command>,
) {
    let before = pod_of(event).and_then(|pod| cluster.pods.get(pod)).map(|pod| state_of(cluster, pod));
    apply(now, event, cluster);
    let topic = topic_of(event, cluster);
    for component in components.filter(|component| component.listens(topic)) {
        component.handle(now, event, before.unwrap_or_default(), cluster, out);
    }
    if let Event::PodRemoved { pod } = event
        && let Some(pod) = cluster.pods.get(*pod)
    {
        cluster.leave_pod(pod);
    }
}

/// Lets each component do what is due, in the order given.
pub(super) fn wake<'c>(
    now: Time,
    components: impl Iterator<Item = &'c mut dyn Component>,
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
        | Event::PodPatched { pod, .. }
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
        | Event::PodPatched { pod, .. }
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
        | Event::WorkloadChanged { .. }
        | Event::WorkloadStatus { .. }
        | Event::WorkloadDeleting { .. }
        | Event::WorkloadRemoved { .. } => Topic::Workload,
        Event::Refused(..) => Topic::Refused,
        Event::Metrics { .. } => Topic::Metrics,
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
        Event::PodPatched { pod, patch } => {
            let Some(pod) = cluster.pods.get(*pod) else { return };
            patch_pod(pod, *patch, cluster);
        }
        Event::WorkloadAdded { .. }
        | Event::WorkloadScaled { .. }
        | Event::WorkloadChanged { .. }
        | Event::WorkloadStatus { .. }
        | Event::WorkloadDeleting { .. }
        | Event::WorkloadRemoved { .. } => apply_to_workload(event, cluster),
        Event::HeartbeatsStopped { .. }
        | Event::HeartbeatsResumed { .. }
        | Event::KubeletStopped { .. }
        | Event::KubeletStarted { .. }
        | Event::MachineMemory { .. }
        | Event::PodRemoved { .. }
        | Event::Refused(..)
        | Event::Metrics { .. }
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
            let object = &mut cluster.workloads[*workload];
            object.kind.set_replicas(*replicas);
            object.generation += 1;
        }
        Event::WorkloadChanged { workload, kind, class, generation } => {
            // The selectors of other kinds cannot change.
            if matches!(**kind, WorkloadKind::Service(_) | WorkloadKind::PodDisruptionBudget(_)) {
                enter_selector(kind, cluster);
            }
            let object = &mut cluster.workloads[*workload];
            object.kind.clone_from(kind);
            (object.class, object.generation) = (*class, *generation);
        }
        Event::WorkloadStatus { workload, status } => {
            if let Status::PodDisruptionBudget(budget) = status {
                let object = &cluster.workloads[*workload];
                let disrupted = budget.disrupted.keys().map(String::as_str);
                cluster.budgets.update((object.namespace, object.name), budget.allowed, disrupted);
            }
            cluster.workloads[*workload].status.clone_from(status);
        }
        Event::WorkloadDeleting { workload } => cluster.workloads[*workload].deleting = true,
        Event::WorkloadRemoved { workload } => {
            let object = &mut cluster.workloads[*workload];
            object.present = false;
            let (namespace, name) = (object.namespace, object.name);
            match object.kind {
                WorkloadKind::ReplicaSet(_) => {
                    cluster.selectors.remove_controller(namespace, (ControllerKind::ReplicaSet, name));
                }
                WorkloadKind::StatefulSet(_) => {
                    cluster.selectors.remove_controller(namespace, (ControllerKind::StatefulSet, name));
                }
                WorkloadKind::PodDisruptionBudget(_) => cluster.budgets.remove((namespace, name)),
                WorkloadKind::Service(_) => cluster.selectors.remove_service(namespace, name),
                _ => {}
            }
        }
        _ => {}
    }
}

/// Enters a patch of a pod.
fn patch_pod(pod: PodId, patch: PodPatch, cluster: &mut Cluster) {
    let index = pod.index();
    match patch {
        PodPatch::Disrupted(reason) => cluster.pods.disrupted[index] = reason,
        PodPatch::Released => cluster.pods.tracked[index] = false,
        PodPatch::Unscheduled { nominated, .. } => {
            cluster.pods.nominated[index] = nominated;
            cluster.pods.unscheduled[index] = true;
        }
        PodPatch::Class(class) => {
            let node = cluster.pods.counted_on[index];
            cluster.displace(pod);
            cluster.pods.class[index] = class;
            if let Some(node) = node {
                cluster.place(pod, node);
            }
        }
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
        tracked: new.tracked,
    };
    cluster.enter_pod(new.pod, row);
    cluster.jobs.enter(new.pod.id, new.job.clone());
    if let Some(node) = new.node {
        cluster.pods.node[new.pod.id.index()] = Some(node);
        cluster.place(new.pod.id, node);
    }
    if let Some(status) = new.status {
        write_status(now, new.pod.id, status, cluster);
    }
}

/// Enters the selector of an object by which pods are spread, served or protected.
fn enter_selector(kind: &WorkloadKind, cluster: &mut Cluster) {
    let meta = kind.meta();
    let place = (namespace_of(meta), meta.name.as_str());
    let Cluster { names, selectors, budgets, .. } = cluster;
    match kind {
        WorkloadKind::ReplicaSet(set) => {
            selectors.set_controller(names, ControllerKind::ReplicaSet, place, Some(&set.selector));
        }
        WorkloadKind::StatefulSet(set) => {
            selectors.set_controller(names, ControllerKind::StatefulSet, place, set.selector.as_ref());
        }
        WorkloadKind::Service(service) => {
            selectors.set_service(names, place.0, place.1, service.selector.as_ref());
        }
        WorkloadKind::PodDisruptionBudget(budget) => budgets.set(names, budget),
        _ => {}
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
    cluster.pods.exits[index] = status.exits;
    if cluster.pods.deleting_since[index].is_none() {
        cluster.pods.reason[index] = status.reason;
    }
    if status.phase.is_terminal() {
        cluster.displace(pod);
    }
}
