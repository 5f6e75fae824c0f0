//! The control plane: what decides.
//!
//! Facts come in as [`Event`]s, decisions go out as [`Command`]s; time is an argument, and a future
//! action is a value that [`Control::poll_timeout`] announces. Nothing here reads a clock, draws
//! ambient randomness, opens a file or knows who drives it: the same code can be driven by a
//! virtual world or by a real API server.
//!
//! The [`Cluster`] that the methods receive is the control plane's view: what its watches have
//! delivered. [`Control::handle`] brings the view up to date first and then lets the components
//! that are concerned react. A command may be refused; the refusal comes back as an event.

pub mod batch;
pub mod config;
pub mod controllers;
pub mod diagnosis;
pub mod fleet;
pub mod harness;
pub mod kubelet;
pub mod mesos;
pub mod node_lifecycle;
pub mod owner_gc;
mod plane;
pub mod pod_gc;
#[cfg(test)]
pub(crate) mod recorded;
pub mod scheduler;
pub mod slurm;
pub mod snapshot;
pub mod swarm;
pub mod taint_eviction;

pub use config::Config;
pub use controllers::hpa::Reading;
pub use diagnosis::Diagnosis;
pub use plane::{ControlPlane, Process};
pub use snapshot::Snapshot;

use crate::api::{Node, PodPhase, Status, Taint};
use crate::base::ids::{ClassId, NodeId, PoolId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::{
    Cluster, ExitCodes, JobFacts, PodName, PodRef, ReadyStatus, Reason, Workload, WorkloadKind,
};
use std::any::Any;
use std::sync::Arc;

/// What every control plane is, whatever it controls.
pub trait Control {
    /// A fact from outside.
    type Event;
    /// An order to the outside.
    type Command;
    /// The view that decisions are made on.
    type View;

    /// Takes in a fact and reacts to it.
    fn handle(&mut self, now: Time, event: Self::Event, view: &mut Self::View, out: &mut Vec<Self::Command>);

    /// The earliest moment at which [`Control::handle_timeout`] must be called; `None` for never.
    /// A moment in the past means "now".
    fn poll_timeout(&self) -> Option<Time>;

    /// Does what is due at `now`.
    fn handle_timeout(&mut self, now: Time, view: &mut Self::View, out: &mut Vec<Self::Command>);
}

/// What an event is about, as far as components differ in what they listen to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Topic {
    /// A container runtime speaks to its kubelet.
    Runtime,
    /// A pod that belongs to no workload.
    Pod,
    /// A pod of a workload.
    OwnedPod,
    /// A node, its heartbeats or its kubelet.
    Node,
    /// A workload.
    Workload,
    /// A refused write.
    Refused,
    /// What the metrics API answers.
    Metrics,
}

/// One part of the control plane: a controller, the scheduler, the kubelets. The event loop around
/// it is [`ControlPlane`].
pub(crate) trait Component {
    /// Whether events of a topic can concern the component; it is told of no others.
    fn listens(&self, topic: Topic) -> bool;

    /// A fact has been entered in the view (a pod that is removed is still there); `before` is
    /// the state of the pod it concerns before that.
    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    );

    /// See [`Control::poll_timeout`].
    fn poll_timeout(&self) -> Option<Time>;

    /// See [`Control::handle_timeout`].
    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>);

    /// What it has written to objects of the API server that the view does not hold, such as
    /// ControllerRevisions: they outlive the process.
    fn records(&mut self) -> Option<Box<dyn Any>> {
        None
    }

    /// Takes over the records of its predecessor, before it is told anything.
    fn take_over(&mut self, _records: Box<dyn Any>) {}

    /// Whether nothing that this component waits for by itself can change anything: it waits for
    /// nothing, or only for periodic looks at what no time alone can help.
    fn is_settled(&self) -> bool {
        self.poll_timeout().is_none()
    }
}

/// The state of a pod before an event; all default for events that change no pod, and for pods
/// that did not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PodBefore {
    /// The phase.
    pub(crate) phase: PodPhase,
    /// Whether it was ready.
    pub(crate) ready: bool,
    /// Whether it was being deleted.
    pub(crate) deleting: bool,
    /// The node it was bound to.
    pub(crate) node: Option<NodeId>,
}

/// A container of a pod: the init containers come first, then the others, in the order of the
/// specification.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ContainerIndex(pub u16);

/// A fact from outside.
#[derive(Clone, Debug)]
pub enum Event {
    /// A Node object was created.
    NodeAdded {
        /// Its row: the next one, or the one its name had before.
        node: NodeId,
        /// The object.
        object: Arc<Node>,
        /// The pool it belongs to.
        pool: PoolId,
    },
    /// A Node object changed.
    NodeChanged {
        /// The node.
        node: NodeId,
        /// What changed.
        change: NodeChange,
    },
    /// A Node object was deleted.
    NodeRemoved {
        /// The node.
        node: NodeId,
    },
    /// The kubelet's heartbeats have stopped. Who watches heartbeats learns of it only by the
    /// absence of renewals: a component must not act on this event before `last_renewal` is older
    /// than its grace period. It stands for the stream of renewals that end here.
    HeartbeatsStopped {
        /// The node.
        node: NodeId,
        /// When the lease was renewed for the last time.
        last_renewal: Time,
    },
    /// The kubelet's heartbeats have resumed with a renewal now.
    HeartbeatsResumed {
        /// The node.
        node: NodeId,
    },
    /// To the kubelet of a node: its process is gone, or cut off from the API server. It hears
    /// nothing until it starts again; its pods' containers run on unless they were lost.
    KubeletStopped {
        /// The node.
        node: NodeId,
        /// Whether the machine itself went down, with every container on it.
        containers_lost: bool,
    },
    /// To the kubelet of a node: it runs and hears again, and must catch up with what it missed.
    KubeletStarted {
        /// The node.
        node: NodeId,
    },
    /// A Pod object was created.
    PodAdded(Box<NewPod>),
    /// A pod was bound to a node.
    PodBound {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: NodeId,
    },
    /// A pod's status was written.
    PodStatus {
        /// The pod.
        pod: PodRef,
        /// The status.
        status: PodStatus,
    },
    /// Deletion of a pod has begun: it has a deletion timestamp.
    PodDeleting {
        /// The pod.
        pod: PodRef,
        /// The grace period.
        grace: Span,
        /// Why.
        reason: Reason,
    },
    /// A Pod object is gone.
    PodRemoved {
        /// The pod.
        pod: PodRef,
    },
    /// A workload object was created; rows are handed out in order.
    WorkloadAdded {
        /// Its row.
        workload: WorkloadId,
        /// The object.
        object: Box<Workload>,
    },
    /// The desired number of pods of a workload changed.
    WorkloadScaled {
        /// The workload.
        workload: WorkloadId,
        /// `spec.replicas`, or `spec.parallelism` of a Job.
        replicas: i32,
    },
    /// A workload's specification or annotations were written.
    WorkloadChanged {
        /// The workload.
        workload: WorkloadId,
        /// The object as it is now.
        kind: Box<WorkloadKind>,
        /// The class of its pods by its template.
        class: ClassId,
        /// How often its specification was written.
        generation: u64,
    },
    /// A workload's status was written.
    WorkloadStatus {
        /// The workload.
        workload: WorkloadId,
        /// The status.
        status: Status,
    },
    /// Deletion of a workload object has begun; it stays until what it owns is gone.
    WorkloadDeleting {
        /// The workload.
        workload: WorkloadId,
    },
    /// A workload object is gone.
    WorkloadRemoved {
        /// The workload.
        workload: WorkloadId,
    },
    /// A pod was patched.
    PodPatched {
        /// The pod.
        pod: PodRef,
        /// What changed.
        patch: PodPatch,
    },
    /// To the kubelet of a node: what its pods may still take of its memory, from when it gets scarce
    /// until it no longer is. It stands for statistics that the kubelet looks at now and then: it
    /// must not act on it before its next look.
    MachineMemory {
        /// The node.
        node: NodeId,
        /// Bytes.
        available: i64,
        /// Bytes that each running pod uses.
        usage: Box<[(PodRef, i64)]>,
    },
    /// The API server refused a write.
    Refused(Box<Write>, Refusal),
    /// The metrics API answers a [`Command::Query`].
    Metrics {
        /// The autoscaler that asked.
        autoscaler: WorkloadId,
        /// An answer for each metric of its specification, in order; those about pods have a sample for
        /// each of the pods that were named, in that order.
        readings: Vec<Reading>,
    },
    /// To the kubelet: something happened to a container or to the pod's surroundings.
    Runtime {
        /// The pod.
        pod: PodRef,
        /// What happened.
        event: RuntimeEvent,
    },
}

/// Why the API server refuses a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The object is gone, or has changed in the meantime (404, 409).
    Conflict,
    /// A quota or another rule forbids it (403).
    Forbidden,
    /// A disruption budget does not allow it now (429).
    TooManyRequests,
    /// More than one disruption budget protects the pod (500).
    Ambiguous,
    /// The API server does not answer.
    Unavailable,
}

/// A change of a pod that is neither its kubelet's status nor its deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PodPatch {
    /// The condition DisruptionTarget is true, for a reason.
    Disrupted(Reason),
    /// The Job has counted it: its finalizer is removed.
    Released,
    /// The scheduler has found no place for it: the condition PodScheduled is false; perhaps a node
    /// is nominated.
    Unscheduled {
        /// The node that preemption makes room on.
        nominated: Option<NodeId>,
        /// Whether scheduling gates hold it back.
        gated: bool,
        /// Whether the condition was another one before.
        first: bool,
    },
    /// Its specification changed in a way that the API allows: it has another class.
    Class(ClassId),
}

/// What changed on a Node object.
#[derive(Clone, PartialEq, Debug)]
pub enum NodeChange {
    /// All its taints, as they are now.
    Taints(Vec<Taint>),
    /// Cordoned or uncordoned.
    Unschedulable(bool),
    /// The Ready condition.
    Ready(ReadyStatus),
    /// The MemoryPressure condition.
    MemoryPressure(bool),
}

/// A Pod object at its creation.
#[derive(Clone, Debug)]
pub struct NewPod {
    /// The pod.
    pub pod: PodRef,
    /// See [`crate::cluster::PodTable::serial`].
    pub serial: u64,
    /// The name.
    pub name: PodName,
    /// The compiled specification.
    pub class: ClassId,
    /// The controlling workload.
    pub owner: Option<WorkloadId>,
    /// The completion index of an Indexed Job's pod.
    pub index: Option<u32>,
    /// When the object was created.
    pub created: Time,
    /// The node, if it is created bound (a dump's pod).
    pub node: Option<NodeId>,
    /// The status, if it is created with one (a dump's running pod).
    pub status: Option<PodStatus>,
    /// See [`crate::cluster::PodTable::tracked`].
    pub tracked: bool,
    /// The job that it is a task of, for control planes that decide by it.
    pub job: Option<Arc<JobFacts>>,
}

/// What the kubelet writes about a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PodStatus {
    /// The phase.
    pub phase: PodPhase,
    /// Whether the pod is ready.
    pub ready: bool,
    /// Restarts over all containers.
    pub restarts: u32,
    /// Why it is as it is.
    pub reason: Reason,
    /// When the last container ended, for terminal phases, as the runtime reports it.
    pub finished: Option<Time>,
    /// How the containers ended, for terminal phases.
    pub exits: ExitCodes,
}

/// What a container runtime reports to its kubelet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuntimeEvent {
    /// The pod's sandbox and network are there.
    SandboxReady,
    /// The image of a container is on the node, and nothing more needs to be done about it.
    ImagePulled(ContainerIndex),
    /// The node holds the image of a container.
    ImageFound(ContainerIndex),
    /// The node does not hold the image of a container.
    ImageAbsent(ContainerIndex),
    /// The image of a container could not be fetched.
    PullFailed(ContainerIndex),
    /// The hook before a container's end is over.
    HookDone(ContainerIndex),
    /// The conditions of the pod's readiness gates have been set by whoever looks after them.
    GatesPassed,
    /// From now on a readiness probe of a container fails. Like the next two, it stands for what
    /// probes would find: who probes learns of it only when a probe asks.
    Unready(ContainerIndex),
    /// From now on a readiness probe of a container succeeds again.
    ReadyAgain(ContainerIndex),
    /// From now on a container answers no probe any more.
    Unhealthy(ContainerIndex),
    /// A container runs.
    Started(ContainerIndex),
    /// The application in a container has finished starting up: it could serve, and probes succeed.
    Serving(ContainerIndex),
    /// A container ended.
    Exited {
        /// Which.
        container: ContainerIndex,
        /// Its exit code, 0 to 255.
        code: u8,
        /// Whether it was killed for using too much memory.
        out_of_memory: bool,
        /// When, by the runtime's clock; the kubelet may notice later.
        at: Time,
    },
}

/// What a kubelet asks of its container runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuntimeCommand {
    /// Make the sandbox and the network. Answered by [`RuntimeEvent::SandboxReady`].
    SetUp,
    /// Look for the image of a container. Answered at once by [`RuntimeEvent::ImagePulled`],
    /// [`RuntimeEvent::ImageFound`] or [`RuntimeEvent::ImageAbsent`].
    Pull(ContainerIndex),
    /// Fetch the image of a container from its registry; what the node holds of it is not
    /// transferred again. Answered by [`RuntimeEvent::ImagePulled`] or
    /// [`RuntimeEvent::PullFailed`].
    Fetch(ContainerIndex),
    /// Start a container. Answered by [`RuntimeEvent::Started`], then, for containers that serve,
    /// [`RuntimeEvent::Serving`], and at its end [`RuntimeEvent::Exited`].
    Start(ContainerIndex),
    /// Stop every container: SIGTERM now, SIGKILL after `grace`. Each running one answers with
    /// [`RuntimeEvent::Exited`].
    Stop {
        /// Time between the two signals.
        grace: Span,
    },
    /// The same for one container.
    StopContainer {
        /// Which.
        container: ContainerIndex,
        /// Time between the two signals.
        grace: Span,
    },
    /// Run the hook before a container's end. Answered by [`RuntimeEvent::HookDone`].
    PreStop(ContainerIndex),
    /// The pod is over: forget it.
    TearDown,
}

/// Who writes: each client has its own rate limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Client {
    /// The scheduler.
    Scheduler,
    /// The ReplicaSet controller.
    ReplicaSet,
    /// The Deployment controller.
    Deployment,
    /// The Job controller.
    Job,
    /// The node life-cycle controller.
    NodeLifecycle,
    /// The taint-eviction controller.
    TaintEviction,
    /// The StatefulSet controller.
    StatefulSet,
    /// The DaemonSet controller.
    DaemonSet,
    /// The CronJob controller.
    CronJob,
    /// The controller of horizontal pod autoscalers.
    PodAutoscaler,
    /// The disruption controller.
    Disruption,
    /// The resource quota controller.
    ResourceQuota,
    /// The endpoint slice controller.
    EndpointSlice,
    /// The controller that deletes finished Jobs.
    TtlAfterFinished,
    /// The pod garbage collector.
    PodGarbageCollector,
    /// The garbage collector of what owners leave behind.
    GarbageCollector,
    /// A part, by its name, of a control plane other than Kubernetes: no limit.
    Plane(&'static str),
    /// A person, and whatever else acts for one: no limit.
    User,
    /// The kubelet of a node.
    Kubelet(NodeId),
}

impl Client {
    /// The name in the event log.
    pub const fn name(self) -> &'static str {
        match self {
            Client::Scheduler => "scheduler",
            Client::ReplicaSet => "replicaset-controller",
            Client::Deployment => "deployment-controller",
            Client::Job => "job-controller",
            Client::NodeLifecycle => "node-lifecycle-controller",
            Client::TaintEviction => "taint-eviction-controller",
            Client::StatefulSet => "statefulset-controller",
            Client::DaemonSet => "daemonset-controller",
            Client::CronJob => "cronjob-controller",
            Client::PodAutoscaler => "horizontal-pod-autoscaler",
            Client::Disruption => "disruption-controller",
            Client::ResourceQuota => "resourcequota-controller",
            Client::EndpointSlice => "endpointslice-controller",
            Client::TtlAfterFinished => "ttl-after-finished-controller",
            Client::PodGarbageCollector => "pod-garbage-collector",
            Client::GarbageCollector => "garbage-collector",
            Client::Plane(name) => name,
            Client::User => "user",
            Client::Kubelet(_) => "kubelet",
        }
    }

    /// The clients that are neither the scheduler's, a kubelet's nor a person's: the controllers'.
    pub const CONTROLLERS: [Client; 15] = [
        Client::ReplicaSet,
        Client::Deployment,
        Client::Job,
        Client::NodeLifecycle,
        Client::TaintEviction,
        Client::StatefulSet,
        Client::DaemonSet,
        Client::CronJob,
        Client::PodAutoscaler,
        Client::Disruption,
        Client::ResourceQuota,
        Client::EndpointSlice,
        Client::TtlAfterFinished,
        Client::PodGarbageCollector,
        Client::GarbageCollector,
    ];
}

/// An order to the outside.
#[derive(Clone, Debug)]
pub enum Command {
    /// A write to the API server.
    Write(Client, Write),
    /// A kubelet's order to its container runtime.
    Runtime(PodRef, RuntimeCommand),
    /// A question to the metrics API: about every metric of an autoscaler's specification. Answered by
    /// [`Event::Metrics`], always.
    Query {
        /// The autoscaler.
        autoscaler: WorkloadId,
        /// The pods that its target selects.
        pods: Vec<PodRef>,
    },
    /// Something people want to know that changes nothing.
    Note(Note),
}

/// A write to the API server.
#[derive(Clone, Debug)]
pub enum Write {
    /// Bind a pod to a node. Refused if the pod is gone, is being deleted or is bound.
    Bind {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: NodeId,
    },
    /// Create a pod of a workload.
    CreatePod {
        /// The workload.
        owner: WorkloadId,
        /// The class.
        class: ClassId,
        /// The n-th pod of the workload, from 1; the ordinal of a StatefulSet's pod, of which one
        /// can exist at a time.
        number: u32,
        /// The completion index, for Indexed Jobs.
        index: Option<u32>,
        /// See [`crate::cluster::PodTable::tracked`].
        tracked: bool,
    },
    /// Create a pod like another: of its class and its owner, with the same work to do. It is told of as
    /// a task of `job`. Refused if the other is gone.
    Resubmit {
        /// The other pod.
        pod: PodRef,
        /// The new one's name.
        name: Box<str>,
        /// The job.
        job: Arc<JobFacts>,
    },
    /// Patch a pod. Refused if the pod is gone.
    PatchPod {
        /// The pod.
        pod: PodRef,
        /// What changes.
        patch: PodPatch,
    },
    /// Evict a pod: delete it if its disruption budget allows. Refused with
    /// [`Refusal::TooManyRequests`] if it does not.
    EvictPod {
        /// The pod.
        pod: PodRef,
        /// The grace period; `None` for the pod's own.
        grace: Option<Span>,
    },
    /// Delete a pod. `grace` `None` means the pod's own grace period. A pod that is not bound, or
    /// has ended, goes at once; one that is bound goes when its kubelet has stopped it.
    DeletePod {
        /// The pod.
        pod: PodRef,
        /// The grace period; zero removes the object at once, whatever runs.
        grace: Option<Span>,
        /// Why.
        reason: Reason,
    },
    /// Write a pod's status. Refused if the pod is gone or in a terminal phase.
    PodStatus {
        /// The pod.
        pod: PodRef,
        /// The status.
        status: PodStatus,
    },
    /// Write a node's Ready condition.
    NodeReady {
        /// The node.
        node: NodeId,
        /// The condition.
        ready: ReadyStatus,
    },
    /// Write a node's MemoryPressure condition.
    NodePressure {
        /// The node.
        node: NodeId,
        /// The condition.
        memory: bool,
    },
    /// Add and remove taints of a node; a taint is the same if key and effect are.
    NodeTaints {
        /// The node.
        node: NodeId,
        /// To add.
        add: Vec<Taint>,
        /// To remove, by key and effect.
        remove: Vec<Taint>,
    },
    /// Write that a pod is not ready, because its node is not (MarkPodsNotReady).
    PodNotReady {
        /// The pod.
        pod: PodRef,
    },
    /// Create a workload object. Refused if one of its name exists, or its owner is gone.
    CreateWorkload {
        /// The workload that owns it.
        owner: Option<WorkloadId>,
        /// The object.
        kind: Box<WorkloadKind>,
    },
    /// Replace a workload's specification and annotations. Refused if it was written since
    /// `generation`, or its status since `seen`.
    UpdateWorkload {
        /// The workload.
        workload: WorkloadId,
        /// The object.
        kind: Box<WorkloadKind>,
        /// The generation that the change is based on.
        generation: u64,
        /// The status that it is based on; `None` for a patch, which leaves it alone.
        seen: Option<Status>,
    },
    /// Create, renumber or delete a ControllerRevision of a workload. Nobody reads these objects here:
    /// the request only takes its turn among those of its client.
    ControllerRevision {
        /// The workload.
        workload: WorkloadId,
    },
    /// Set the desired number of pods of a workload.
    Scale {
        /// The workload.
        workload: WorkloadId,
        /// `spec.replicas`.
        replicas: i32,
    },
    /// Write a workload's status.
    WorkloadStatus {
        /// The workload.
        workload: WorkloadId,
        /// The status.
        status: Status,
    },
    /// Delete a workload object. What it owns follows; in the foreground it goes first.
    DeleteWorkload {
        /// The workload.
        workload: WorkloadId,
        /// Whether the object stays until what it owns is gone.
        foreground: bool,
    },
    /// What a workload that is being deleted has owned is gone: so is the workload now.
    FinalizeWorkload {
        /// The workload.
        workload: WorkloadId,
    },
}

impl Note {
    /// The name in the event log of the component that says it; empty for the controller of a
    /// workload, whose kind names it.
    pub const fn actor(&self) -> &'static str {
        match self {
            Note::Queued { .. }
            | Note::Assigned { .. }
            | Note::Unschedulable { .. }
            | Note::Followed { .. }
            | Note::Preempting { .. } => Client::Scheduler.name(),
            Note::BackOff { .. }
            | Note::Restarting { .. }
            | Note::Killing { .. }
            | Note::Rejected { .. }
            | Note::Kubelet { .. } => "kubelet",
            Note::Workload { .. } => "",
            Note::Told { by, .. } => by,
        }
    }
}

/// Something people want to know that changes nothing.
#[derive(Clone, Debug)]
pub enum Note {
    /// A pod entered the scheduling queue for the first time, or was gated.
    Queued {
        /// The pod.
        pod: PodRef,
    },
    /// A scheduling attempt chose a node (the write follows).
    Assigned {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: NodeId,
        /// Nodes that passed every filter.
        feasible: u32,
        /// The best total score; 0 if only one node was feasible and nothing was scored.
        score: i64,
        /// How many nodes had that total.
        tied: u32,
        /// How many attempts the pod has had, with this one.
        attempts: u32,
    },
    /// A scheduling attempt found no node.
    Unschedulable {
        /// The pod.
        pod: PodRef,
        /// Why.
        diagnosis: Arc<Diagnosis>,
        /// How many attempts the pod has had, with this one.
        attempts: u32,
    },
    /// What a pod goes through that somebody follows.
    Followed {
        /// The pod.
        pod: PodRef,
        /// What it goes through.
        step: scheduler::Step,
    },
    /// A pod that fits nowhere is promised a node, on which others make way for it.
    Preempting {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: NodeId,
        /// How many pods are evicted for it now, besides those that are on their way out anyway.
        victims: u32,
    },
    /// A container's restart waits for its back-off.
    BackOff {
        /// The pod.
        pod: PodRef,
        /// Which container.
        container: ContainerIndex,
        /// When it may start.
        until: Time,
    },
    /// A container is started again.
    Restarting {
        /// The pod.
        pod: PodRef,
        /// Which container.
        container: ContainerIndex,
        /// How many restarts it has had, with this one.
        count: u32,
    },
    /// The kubelet tells a pod's running containers to stop.
    Killing {
        /// The pod.
        pod: PodRef,
        /// The time until they are killed.
        grace: Span,
    },
    /// The kubelet refused a pod.
    Rejected {
        /// The pod.
        pod: PodRef,
        /// Why.
        reason: Reason,
    },
    /// The kubelet did something to a pod, or to a container of it.
    Kubelet {
        /// The pod.
        pod: PodRef,
        /// Which container; `None` for the pod as a whole.
        container: Option<ContainerIndex>,
        /// Kubernetes' word for it, such as `Unhealthy`.
        word: &'static str,
    },
    /// A workload's controller has a word to say, such as "back-off limit exceeded".
    Workload {
        /// The workload.
        workload: WorkloadId,
        /// Kubernetes' reason word.
        reason: &'static str,
    },
    /// A part of a control plane other than Kubernetes says what it does.
    Told {
        /// The part, by its name.
        by: &'static str,
        /// What it is about.
        about: About,
        /// The word for it.
        word: &'static str,
        /// More about it; may be empty.
        text: Box<str>,
    },
}

/// What a [`Note::Told`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// A pod.
    Pod(PodRef),
    /// A node.
    Node(NodeId),
    /// A workload.
    Workload(WorkloadId),
}
