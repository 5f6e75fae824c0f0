//! What a run tells its observers: what happened in the world and at the API server, as it is
//! committed (not as some component sees it later).

use crate::api::{PodPhase, Status, TaintEffect};
use crate::base::Span;
use crate::base::Time;
use crate::base::ids::{ClassId, PoolId};
use crate::base::ids::{NodeId, WorkloadId};
use crate::cluster::{Cluster, PodName, PodRef, ReadyStatus, Reason, WorkloadKind};
use crate::control::{ContainerIndex, Note, PodPatch, PodStatus, Process};

/// What an observer may look at beside the record.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Names, classes, nodes and pods as the control plane sees them. A pod's row may not be there
    /// yet when it is created, nor any more when it is gone: the records carry what is needed.
    pub cluster: &'a Cluster,
    /// Who did it: the component that wrote, `world` for machines and containers, `user` for the
    /// scenario's objects and actions.
    pub actor: &'static str,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Record<'a> {
    /// A Node object was created.
    NodeAdded {
        /// The node.
        node: NodeId,
        /// Its pool.
        pool: PoolId,
        /// Its name.
        name: &'a str,
        /// Zone label; empty if there is none.
        zone: &'a str,
        /// What pods can have: (resource name, amount in millicores, bytes or units), by name.
        allocatable: &'a [(String, i64)],
    },
    /// A Node object was deleted.
    NodeRemoved {
        /// The node.
        node: NodeId,
    },
    /// A machine failed.
    NodeFailed {
        /// The node.
        node: NodeId,
        /// Whether its containers were lost.
        containers_lost: bool,
        /// What was hit: `node`, `rack` or `zone`.
        scope: &'static str,
        /// When its lease was renewed for the last time.
        last_renewal: Time,
    },
    /// A machine came back.
    NodeRecovered {
        /// The node.
        node: NodeId,
    },
    /// The Ready condition of a node changed.
    NodeReady {
        /// The node.
        node: NodeId,
        /// The condition.
        ready: ReadyStatus,
    },
    /// A taint was added to or removed from a node.
    NodeTaint {
        /// The node.
        node: NodeId,
        /// Key of the taint.
        key: &'a str,
        /// Value of the taint.
        value: &'a str,
        /// Effect of the taint.
        effect: TaintEffect,
        /// Whether it was added.
        added: bool,
    },
    /// A node was cordoned or uncordoned.
    NodeUnschedulable {
        /// The node.
        node: NodeId,
        /// Whether it is cordoned.
        unschedulable: bool,
    },
    /// A Pod object was created.
    PodCreated {
        /// The pod.
        pod: PodRef,
        /// Its number in order of creation.
        serial: u64,
        /// Its name.
        name: &'a PodName,
        /// Its class.
        class: ClassId,
        /// Its controller.
        owner: Option<WorkloadId>,
        /// The completion index of an Indexed Job's pod.
        index: Option<u32>,
        /// The user that a trace gives; -1 otherwise.
        user: i32,
        /// The user's estimate of the run time.
        estimate: Option<Span>,
        /// Whether it existed before the run (a dump's pod).
        initial: bool,
    },
    /// A pod was bound.
    PodBound {
        /// The pod.
        pod: PodRef,
        /// The node.
        node: NodeId,
    },
    /// A container started (for the `restarts`-th time again, if not 0).
    ContainerStarted {
        /// The pod.
        pod: PodRef,
        /// Which.
        container: ContainerIndex,
        /// Whether it is a main container, not an init container.
        main: bool,
        /// How often it had been started before.
        restarts: u32,
    },
    /// A container ended.
    ContainerEnded {
        /// The pod.
        pod: PodRef,
        /// Which.
        container: ContainerIndex,
        /// Whether it is a main container.
        main: bool,
        /// Its exit code.
        code: u8,
        /// Why.
        reason: Reason,
        /// How long it had run.
        ran: Span,
        /// How much of that was work that counts: at full speed it would have taken so long.
        work: Span,
    },
    /// A pod's Ready condition changed.
    PodReady {
        /// The pod.
        pod: PodRef,
        /// Whether it is ready.
        ready: bool,
    },
    /// A pod's status was written and more than its readiness changed.
    PodStatus {
        /// The pod.
        pod: PodRef,
        /// The status before.
        before: PodStatus,
        /// The status.
        status: PodStatus,
    },
    /// A pod was patched.
    PodPatched {
        /// The pod.
        pod: PodRef,
        /// What changed.
        patch: PodPatch,
    },
    /// A pod reached a terminal phase.
    PodEnded {
        /// The pod.
        pod: PodRef,
        /// Succeeded or Failed.
        phase: PodPhase,
        /// Why.
        reason: Reason,
        /// Restarts over all containers.
        restarts: u32,
        /// When its last container ended.
        finished: Time,
    },
    /// Deletion of a pod began.
    PodDeleting {
        /// The pod.
        pod: PodRef,
        /// Why.
        reason: Reason,
        /// The grace period.
        grace: Span,
    },
    /// A Pod object is gone.
    PodRemoved {
        /// The pod.
        pod: PodRef,
    },
    /// A workload object was created.
    WorkloadCreated {
        /// The workload.
        workload: WorkloadId,
        /// Its kind, such as `Deployment`.
        kind: &'static str,
        /// Its name.
        name: &'a str,
        /// Desired pods (replicas or parallelism); 0 for what has none.
        replicas: i32,
        /// The object that owns it.
        owner: Option<WorkloadId>,
        /// The object.
        object: &'a WorkloadKind,
    },
    /// A workload's desired number of pods changed.
    WorkloadScaled {
        /// The workload.
        workload: WorkloadId,
        /// Desired pods.
        replicas: i32,
    },
    /// A workload's specification or annotations were written.
    WorkloadChanged {
        /// The workload.
        workload: WorkloadId,
        /// The object as it was.
        before: &'a WorkloadKind,
        /// The object as it is.
        object: &'a WorkloadKind,
        /// How often its specification was written.
        generation: u64,
    },
    /// Deletion of a workload object has begun; it waits for what it owns.
    WorkloadDeleting {
        /// The workload.
        workload: WorkloadId,
    },
    /// A workload object is gone.
    WorkloadRemoved {
        /// The workload.
        workload: WorkloadId,
    },
    /// A workload's status was written.
    WorkloadStatus {
        /// The workload.
        workload: WorkloadId,
        /// The status.
        status: &'a Status,
    },
    /// CPU in use on a node changed.
    CpuUsed {
        /// The node.
        node: NodeId,
        /// Millicores in use.
        milli: i64,
    },
    /// Memory in use on a node changed.
    MemoryUsed {
        /// The node.
        node: NodeId,
        /// Bytes in use.
        bytes: i64,
    },
    /// Something happened to a process of the control plane.
    Process {
        /// Which.
        process: Process,
        /// What.
        step: ProcessStep,
    },
    /// The API server is gone, or back.
    ApiServer {
        /// Whether it is back.
        is_up: bool,
    },
    /// A component's note; scheduling attempts are among them.
    Note(&'a Note),
}

/// What happens to a process of the control plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessStep {
    /// A replica is killed.
    Killed {
        /// Whether it was the one that led.
        led: bool,
    },
    /// The leader could not renew its lease and gives up.
    LeaseLost,
    /// A replica starts; it does not lead yet.
    Launched,
    /// A replica leads from now on.
    Leads,
    /// The replica that leads knows what exists and begins to work.
    Ready,
}

/// Sees everything that happens, in order.
pub trait Observer {
    /// Something happened.
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>);

    /// The run ended at `now`.
    fn finish(&mut self, now: Time, view: View<'_>);
}

/// Observes nothing.
impl Observer for () {
    fn record(&mut self, _now: Time, _record: &Record<'_>, _view: View<'_>) {}
    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}
