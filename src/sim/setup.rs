//! What a run is made of. The scenario layer fills it in.

mod plane;

pub use plane::{ClientGroup, ControlFault, ControlFaultKind, Plane, Replicas};

use super::after::Dependencies;
use super::{Load, MetricsSetup, Timing};
use crate::api::{Behavior, Node, Object, Pod, PodTemplate, Taint};
use crate::base::ids::PoolId;
use crate::base::{Diagnostic, Distribution, Span, Time};
use crate::cluster::JobOrigin;
use crate::control::{self, Process};
use std::sync::Arc;

/// A run of a cluster under Kubernetes or another control plane of pods and nodes.
pub struct Setup {
    /// The seed of every random stream.
    pub seed: u64,
    /// The node pools; every node belongs to one.
    pub pools: Vec<Pool>,
    /// The nodes that exist at the start.
    pub nodes: Vec<NodeSetup>,
    /// How long before the start they have registered, all within an instant, if that is known; otherwise
    /// the phases of their heartbeats are free.
    pub registered: Option<Span>,
    /// Pods that are bound at the start (a dump's), with the row of their node in `nodes`.
    pub bound_pods: Vec<(Pod, usize)>,
    /// Objects that are created during the run (manifests), by time, then order.
    pub objects: Vec<(Time, Object)>,
    /// Streams of pods (traces, generators), each sorted by time.
    pub sources: Vec<Box<dyn Source>>,
    /// What goes wrong with machines.
    pub faults: Vec<Fault>,
    /// The processes of the control plane, and what goes wrong with them.
    pub plane: Plane,
    /// What else a person does during the run.
    pub actions: Vec<(Time, Action)>,
    /// How pods behave that say nothing themselves.
    pub default_behavior: Behavior,
    /// What is measured, and the loads on services.
    pub metrics: MetricsSetup,
    /// How long things take.
    pub timing: Timing,
    /// The control plane's constants.
    pub control: control::Config,
    /// When the run ends.
    pub stop: StopRule,
    /// Whether to check every invariant after every instant. Slow.
    pub check_invariants: bool,
}

/// A group of equal machines.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Pool {
    /// The name.
    pub name: String,
    /// What one machine costs an hour, in the scenario's currency.
    pub price_per_hour: f64,
}

/// A machine at the start.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    /// The object.
    pub node: Arc<Node>,
    /// The pool it belongs to.
    pub pool: PoolId,
    /// The rack, for faults; empty if none is named. (The zone is a label.)
    pub rack: String,
}

/// A stream of pods in order of time. It may read a file while the run goes on.
pub trait Source: Send {
    /// The next submission; `Ok(None)` at the end. Times never decrease. An error ends the run.
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic>;

    /// Which of its submissions wait for which; asked once, before the first submission. A submission
    /// has ended when all its pods have.
    fn dependencies(&mut self) -> Dependencies {
        Dependencies::default()
    }

    /// Whether it reads a file while the run goes on, so that it is worth reading ahead.
    fn is_streamed(&self) -> bool {
        false
    }
}

/// One or more equal pods that are submitted together.
#[derive(Clone, Debug)]
pub struct Submission {
    /// When.
    pub at: Time,
    /// What the pods are. Equal submissions share it.
    pub template: Arc<PodTemplate>,
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name: of the pod, or, with `-1`, `-2`… behind it, of the pods.
    pub name: SubmissionName,
    /// How many pods, at least 1.
    pub tasks: u32,
    /// The priority.
    pub priority: i32,
    /// The run time of this very submission, where the trace gives it; it replaces the template's.
    pub run_time: Option<Span>,
    /// The exit code of this very submission, where the trace gives it.
    pub exit_code: Option<u8>,
    /// The user's estimate of the run time, for the output.
    pub estimate: Option<Span>,
    /// The user, where the trace gives one; -1 otherwise.
    pub user: i32,
    /// Its place in the [`Dependencies`] of its source; `None` if it waits for none and none for it.
    pub link: Option<u32>,
    /// What else the trace says of it; only other control planes than Kubernetes' hear of it.
    pub origin: JobOrigin,
}

/// How a submission is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubmissionName {
    /// By a name of its own.
    Own(Box<str>),
    /// `<base>-<number>`.
    Numbered(Arc<str>, u32),
}

impl std::fmt::Display for SubmissionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SubmissionName::Own(name) => f.write_str(name),
            SubmissionName::Numbered(base, number) => write!(f, "{base}-{number}"),
        }
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What is hit: groups of rows of [`Setup::nodes`]; one fault hits every node of a group.
    pub groups: Vec<Vec<usize>>,
    /// What a group is, for the event log and for the keys of random streams.
    pub scope: FaultScope,
    /// What happens.
    pub kind: FaultKind,
    /// When.
    pub when: FaultWhen,
}

/// What is hit at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultScope {
    /// Single nodes.
    Node,
    /// All nodes of a rack.
    Rack,
    /// All nodes of a zone.
    Zone,
}

impl FaultScope {
    /// The word used in scenarios and output.
    pub const fn name(self) -> &'static str {
        match self {
            FaultScope::Node => "node",
            FaultScope::Rack => "rack",
            FaultScope::Zone => "zone",
        }
    }
}

/// What happens to a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// It goes down with everything on it.
    Crash,
    /// It is cut off from the control plane; its containers run on.
    Partition,
}

/// When a fault happens.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultWhen {
    /// Once, for a time; `None` for the rest of the run.
    Scheduled {
        /// When.
        at: Time,
        /// For how long.
        duration: Option<Span>,
    },
    /// Again and again: each group on its own draws a time to failure, then a time to repair.
    Random {
        /// Time between the end of a repair (or the start) and the next failure.
        time_to_failure: Distribution,
        /// Time to repair.
        time_to_repair: Distribution,
    },
}

/// Something a person does during the run. Objects are named; what does not exist at that time is
/// left alone.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Create an object; one that exists already stays as it is.
    Create(Box<Object>),
    /// Replace the specification of an object, or create it.
    Replace {
        /// The object as it is to be.
        object: Box<Object>,
        /// Whether the number of replicas stays what it is at that time.
        keep_replicas: bool,
    },
    /// Set the number of replicas of `kind` `namespace/name`.
    Scale {
        /// `Deployment`, `ReplicaSet`, `StatefulSet` or `Job`.
        kind: &'static str,
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// How many.
        replicas: i32,
    },
    /// Go back to an older template of a Deployment.
    RolloutUndo {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// Which revision; `None` for the one before the current.
        revision: Option<u64>,
    },
    /// Delete an object, in the background.
    Delete {
        /// The kind.
        kind: &'static str,
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// For pods: the grace period; `None` for the pod's own.
        grace: Option<Span>,
    },
    /// Evict a pod: delete it if its disruption budget allows; asked again until it does.
    Evict {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// Mark a node unschedulable.
    Cordon(String),
    /// Mark a node schedulable again.
    Uncordon(String),
    /// Cordon a node and evict its pods, those of DaemonSets apart.
    Drain(String),
    /// Set all taints of a node.
    SetTaints {
        /// The node.
        node: String,
        /// The taints.
        taints: Vec<Taint>,
    },
    /// Add and remove taints of a node; a taint is the same if key and effect are.
    Taint {
        /// The node.
        node: String,
        /// To add.
        add: Vec<Taint>,
        /// To remove.
        remove: Vec<Taint>,
    },
    /// A machine fails.
    FailNode {
        /// The node.
        node: String,
        /// How.
        kind: FaultKind,
    },
    /// A machine that has failed is back.
    RecoverNode(String),
    /// A machine joins the cluster.
    AddNode(Box<Node>),
    /// A machine falls silent and its Node object is deleted.
    RemoveNode(String),
    /// Put a load on pods, whose curve counts from the start of the run. It takes the place of a load of the
    /// same kind on the same pods.
    SetLoad(Box<Load>),
    /// The replica of a process of the control plane that leads is killed.
    Kill(Process),
    /// A replica of a process of the control plane is started.
    Launch(Process),
}

/// When a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StopRule {
    /// At this moment at the latest.
    pub at: Option<Time>,
    /// When nothing runs that will end, and nothing queued can be helped by an event to come.
    pub when_settled: bool,
    /// When every pod of the sources, and every Job, has ended.
    pub when_jobs_done: bool,
}
