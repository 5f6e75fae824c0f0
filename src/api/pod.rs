//! Pods as written.

use super::container::{ImagePullPolicy, PreStop, Probes, RestartRule};
use super::{LabelSelector, NodeSelector, ObjectMeta, PreferredTerm, ResourceList, TaintEffect, Volume};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happens to a container that has ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum RestartPolicy {
    /// It is started again.
    #[default]
    Always,
    /// It is started again if its exit code is not zero.
    OnFailure,
    /// It is not started again.
    Never,
}

/// The summary state of a pod.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum PodPhase {
    /// Not placed, or its containers have not all started.
    #[default]
    Pending,
    /// At least one container runs or will run again.
    Running,
    /// All containers ended with exit code zero and stay so.
    Succeeded,
    /// All containers ended, at least one with another exit code, and stay so.
    Failed,
}

impl PodPhase {
    /// Whether the phase never changes again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// The name as Kubernetes writes it.
    pub const fn name(self) -> &'static str {
        match self {
            PodPhase::Pending => "Pending",
            PodPhase::Running => "Running",
            PodPhase::Succeeded => "Succeeded",
            PodPhase::Failed => "Failed",
        }
    }
}

/// How a toleration compares the taint's value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum TolerationOperator {
    /// The values are equal.
    #[default]
    Equal,
    /// Any value.
    Exists,
}

/// Lets a pod bear a taint.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Toleration {
    /// The taint's key; empty for every key.
    pub key: String,
    /// How values compare.
    pub operator: TolerationOperator,
    /// The value to be equal to.
    pub value: String,
    /// The effect; `None` for every effect.
    pub effect: Option<TaintEffect>,
    /// For NoExecute: how long, in seconds; `None` for ever.
    pub seconds: Option<i64>,
}

/// Requests and limits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Resources {
    /// What is set aside.
    pub requests: ResourceList,
    /// What may be used at most.
    pub limits: ResourceList,
}

/// A port of the host that a container takes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HostPort {
    /// The host's address; empty for all.
    pub ip: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// 1 to 65535.
    pub port: u16,
}

/// A container of a pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Requests and limits.
    pub resources: Resources,
    /// Ports of the host that it takes.
    pub host_ports: Vec<HostPort>,
    /// Its own restart policy. `Always` on an init container makes it a sidecar.
    pub restart_policy: Option<RestartPolicy>,
    /// What certain exit codes do, whatever the policy says (`restartPolicyRules`), in order.
    pub restart_rules: Vec<RestartRule>,
    /// Whether one of these rules has the action `RestartAllContainers`, which only nodes that
    /// declare this feature know.
    pub restarts_all: bool,
    /// When its image is pulled; `None` where nobody has said it, which is `IfNotPresent`.
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// Its probes.
    pub probes: Probes,
    /// What is done before it is told to stop.
    pub pre_stop: Option<PreStop>,
}

/// Which nodes a pod must and would like to run on.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeAffinity {
    /// Must match; `None` if there is no such object.
    pub required: Option<NodeSelector>,
    /// Wishes.
    pub preferred: Vec<PreferredTerm>,
}

/// Affinities of a pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Affinity {
    /// To nodes.
    pub node: Option<NodeAffinity>,
    /// To where other pods are.
    pub pod: Option<PodAffinity>,
    /// Away from where other pods are.
    pub pod_anti: Option<PodAffinity>,
}

/// Terms about other pods.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PodAffinity {
    /// Must hold.
    pub required: Vec<PodAffinityTerm>,
    /// Wishes, each with its weight (1 to 100).
    pub preferred: Vec<(i32, PodAffinityTerm)>,
}

/// A set of pods and the topology in which to be with, or apart from, them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PodAffinityTerm {
    /// Which pods; `None` for none.
    pub label_selector: Option<LabelSelector>,
    /// In which namespaces, by name.
    pub namespaces: Vec<String>,
    /// In which namespaces, by label; `None` for none.
    pub namespace_selector: Option<LabelSelector>,
    /// The node label whose values are the topology's domains.
    pub topology_key: String,
}

/// What to do when a spread constraint cannot be met.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WhenUnsatisfiable {
    /// The pod waits.
    DoNotSchedule,
    /// The pod is placed, preferring the smaller skew.
    ScheduleAnyway,
}

/// How evenly pods are spread over a topology.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TopologySpreadConstraint {
    /// The largest difference between domains.
    pub max_skew: i32,
    /// The node label whose values are the domains.
    pub topology_key: String,
    /// What to do when it cannot be met.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// Which pods are counted; `None` for none.
    pub label_selector: Option<LabelSelector>,
    /// The fewest domains there must be.
    pub min_domains: Option<i32>,
    /// Whether only nodes that match the pod's node affinity count (`Honor`, the default).
    pub honor_node_affinity: bool,
    /// Whether only nodes whose taints the pod tolerates count (`Honor`; the default is `Ignore`).
    pub honor_node_taints: bool,
    /// Labels of the incoming pod that are added to the selector.
    pub match_label_keys: Vec<String>,
}

/// What a pod is to run and where it may.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PodSpec {
    /// The scheduler that places it; empty means the default one.
    pub scheduler_name: String,
    /// The node it is bound to, if it is.
    pub node_name: String,
    /// The priority class by name; empty for none.
    pub priority_class_name: String,
    /// The priority, where it is given as a number.
    pub priority: Option<i32>,
    /// Whether the pod never preempts (`preemptionPolicy: Never`).
    pub never_preempts: bool,
    /// Labels a node must have, sorted by key.
    pub node_selector: Vec<(String, String)>,
    /// Affinities.
    pub affinity: Affinity,
    /// Tolerations, in order.
    pub tolerations: Vec<Toleration>,
    /// Spread constraints.
    pub topology_spread: Vec<TopologySpreadConstraint>,
    /// Gates that hold the pod back from scheduling.
    pub scheduling_gates: Vec<String>,
    /// Conditions that others must set before the pod is ready (`readinessGates`).
    pub readiness_gates: Vec<String>,
    /// Containers that run one after the other before the others, and sidecars.
    pub init_containers: Vec<Container>,
    /// The containers.
    pub containers: Vec<Container>,
    /// What running the pod itself costs.
    pub overhead: ResourceList,
    /// Pod-level requests and limits.
    pub resources: Option<Resources>,
    /// What happens to containers that end.
    pub restart_policy: RestartPolicy,
    /// Seconds between the order to stop and the kill; `None` for the default of 30.
    pub termination_grace_seconds: Option<i64>,
    /// Seconds after which the pod is failed.
    pub active_deadline_seconds: Option<i64>,
    /// Whether the pod uses the host's network.
    pub host_network: bool,
    /// Whether the pod has users of its own, apart from the host's (`hostUsers: false`).
    pub own_users: bool,
    /// The volumes that have a say in where the pod can run, in order.
    pub volumes: Vec<Volume>,
    /// The devices that the pod claims (`resourceClaims`), by the names it gives them. Manifests
    /// with any are refused.
    pub resource_claims: Vec<String>,
}

impl PodSpec {
    /// Whether a volume is a claim, the pod's own or another.
    pub fn has_claims(&self) -> bool {
        self.volumes.iter().any(|volume| volume.source.is_claim())
    }
}

/// A pod specification with the labels and annotations of the pods made from it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PodTemplate {
    /// Labels of the pods.
    pub labels: super::Labels,
    /// Annotations of the pods.
    pub annotations: super::Annotations,
    /// The specification.
    pub spec: PodSpec,
    /// How the pods behave when they run.
    pub behavior: super::Behavior,
}

/// What a dump says the containers of a pod have been given, where that is not what the
/// specification asks for: a resize is under way, or cannot be done.
///
/// What counts as a container's request is, by resource, the larger of the specification's and
/// this; where the resize cannot be done, this alone. Of init containers that holds for sidecars
/// only. (Kubernetes 1.36, component-helpers/resource.)
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodStatusResources {
    /// By container name (init containers too): the larger, by resource, of the status's
    /// `resources.requests` and `allocatedResources`. Containers whose status has no `resources`
    /// are not listed, and keep what the specification asks for.
    pub containers: BTreeMap<String, ResourceList>,
    /// The same for the whole pod. It concerns only the resources that the specification asks for
    /// at the level of the pod. `None` where the status has no `resources`.
    pub pod: Option<ResourceList>,
    /// Whether the resize cannot be done: the first condition `PodResizePending` has the reason
    /// `Infeasible`.
    pub is_infeasible: bool,
}

/// A pod.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Pod {
    /// Name, namespace, owner. Its labels and annotations are in `template`.
    pub meta: ObjectMeta,
    /// Labels, annotations, specification and behaviour; shared among equal pods.
    pub template: Arc<PodTemplate>,
    /// The phase as a dump gives it.
    pub phase: PodPhase,
    /// The node that the scheduler has nominated, as a dump gives it; empty for none.
    pub nominated_node_name: String,
    /// Whether the Ready condition is true, as a dump gives it.
    pub ready: bool,
    /// When the kubelet took it on (`status.startTime`) as a dump gives it, in nanoseconds since
    /// 1970.
    pub start_unix_nanos: Option<i64>,
    /// What its containers have been given, where a dump says that this differs from what the
    /// specification asks for.
    pub status_resources: Option<Arc<PodStatusResources>>,
    /// Whether it is being preempted: the first condition `DisruptionTarget` is true and has the
    /// reason `PreemptionByScheduler`.
    pub preempted_condition: bool,
}
