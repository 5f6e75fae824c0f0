//! The part `controlPlane`: which decisions are taken, and how long things take.

use super::batch::Batch;
use super::scalars::{
    Amount, Duration, DurationOrNever, Period, Raw, Real, Share, Short, TimeDistribution, Whole,
};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Who decides.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlPlane {
    /// Which kind of cluster it is.
    pub kind: Option<At<Kind>>,
    /// The release of Kubernetes whose decisions are taken: `1.36` (the default) or `1.34`.
    #[schemars(with = "Option<VersionName>")]
    pub version: Option<At<Raw>>,
    /// How long things take: as in a real cluster (`kubernetes`, the default), or no time (`ideal`).
    #[serde(default)]
    pub timing: Preset,
    /// Single latencies that replace those of `timing`.
    #[serde(default)]
    pub timings: Timings,
    /// The scheduler.
    #[serde(default)]
    pub scheduler: Scheduler,
    /// Node life cycle and taint eviction.
    #[serde(default)]
    pub node_lifecycle: NodeLifecycle,
    /// The kubelet.
    #[serde(default)]
    pub kubelet: Kubelet,
    /// The controller of HorizontalPodAutoscalers.
    #[serde(default)]
    pub pod_autoscaler: PodAutoscaler,
    /// The metrics API, which autoscalers ask.
    #[serde(default)]
    pub metrics: Metrics,
    /// The batch scheduler (`kind: batch`).
    pub batch: Option<At<Batch>>,
    /// Slurm (`kind: slurm`).
    pub slurm: Option<At<super::slurm::Slurm>>,
    /// Docker Swarm (`kind: swarm`).
    pub swarm: Option<At<super::swarm::Swarm>>,
    /// Apache Mesos (`kind: mesos`).
    pub mesos: Option<At<super::mesos::Mesos>>,
}

/// Kinds of clusters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Nodes, pods and the controllers of Kubernetes.
    #[default]
    Kubernetes,
    /// A queue of jobs for equal processors (`cluster.processors`) or for nodes (`cluster.pools`).
    Batch,
    /// Nodes and pods under Docker Swarm: a Deployment is a replicated service, a pod a task.
    Swarm,
    /// Nodes and pods under Apache Mesos: a Deployment is an app of Marathon, a Job runs under Chronos.
    Mesos,
    /// Nodes and pods under Slurm: a Job, or a row of a trace, is a job, a pod a task.
    Slurm,
}

/// The names of the releases, for the schema only.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the variants exist for the schema, the value is read as text")]
enum VersionName {
    #[serde(rename = "1.36")]
    V1_36,
    #[serde(rename = "1.34")]
    V1_34,
}

/// Sets of latencies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Preset {
    /// Those of a real control plane, with its clients' rate limits.
    #[default]
    Kubernetes,
    /// None at all.
    Ideal,
}

/// Latencies. What is absent comes from `timing`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timings {
    /// From a request to the API server to its commit.
    pub api_write: Option<TimeDistribution>,
    /// From a commit to its delivery by a watch.
    pub watch: Option<TimeDistribution>,
    /// From an autoscaler's question to the metrics API's answer.
    pub metrics_query: Option<TimeDistribution>,
    /// From one Event object that a controller writes to the next; uniform 4 to 35 ms. Events count
    /// against the limit of the controller's client.
    pub event_write: Option<TimeDistribution>,
    /// How long one scheduling attempt keeps the scheduler busy.
    pub scheduling_attempt: Option<Duration>,
    /// The scheduler's limit on requests: `none`, or `{qps: 50, burst: 100}`.
    pub scheduler_limit: Option<At<Short<RateLimit>>>,
    /// Each controller's limit on requests.
    pub controller_limit: Option<At<Short<RateLimit>>>,
    /// Each kubelet's limit on requests.
    pub kubelet_limit: Option<At<Short<RateLimit>>>,
    /// Making a pod's sandbox and network.
    pub sandbox: Option<TimeDistribution>,
    /// Bytes a second at which a node pulls images, such as `50M`.
    pub pull_rate: Option<At<Amount>>,
    /// What a pull costs beside the transfer.
    pub pull_overhead: Option<TimeDistribution>,
    /// Creating and starting a container.
    pub container_start: Option<TimeDistribution>,
    /// From the end of a container to the kubelet's noticing.
    pub exit_notice: Option<TimeDistribution>,
    /// From SIGTERM to the end of a container that says nothing else.
    pub stop: Option<TimeDistribution>,
}

/// A limit on requests to the API server.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a second in the long run, above zero.
    pub qps: At<Real>,
    /// Requests that may be made at once after a pause.
    pub burst: Whole<1, 1_000_000>,
}

/// The scheduler.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scheduler {
    /// A configuration file of kube-scheduler (`kind: KubeSchedulerConfiguration`). It takes the place
    /// of all keys here but `mode` and `ties`; without `percentageOfNodesToScore` in it the number of nodes
    /// decides how many of them are looked at.
    pub configuration: Option<At<String>>,
    /// How nodes are searched where all of them are looked at; the decisions are the same. `auto`
    /// takes what is likely faster, and is what is done where nothing is said.
    pub mode: Option<Mode>,
    /// Which of the nodes with the highest total is taken, where the order of the search decides
    /// (since 1.35): `listed` searches with one thread, `raced` with several, where one node in three
    /// comes late. `listed` where it is not given.
    pub ties: Option<Ties>,
    /// How many of the nodes are looked at before the search stops, in percent; 0 lets the number of
    /// nodes decide, as Kubernetes does by default. 100 where it is not given.
    pub percentage_of_nodes_to_score: Option<Whole<0, 100>>,
    /// How NodeResourcesFit scores.
    pub strategy: Option<At<Strategy>>,
    /// The curve of `strategy: RequestedToCapacityRatio`, utilization ascending.
    #[serde(default)]
    pub shape: Vec<At<ShapePoint>>,
    /// Resources that NodeResourcesFit scores by; CPU and memory with weight 1 where none is given.
    #[serde(default)]
    pub resources: Vec<ResourceWeight>,
    /// Resources that NodeResourcesBalancedAllocation scores by; CPU and memory where none is given.
    #[serde(default)]
    pub balanced_resources: Vec<String>,
    /// Weights of scoring plugins by name, which replace the default profile's; 0 switches one off.
    #[serde(default)]
    pub weights: BTreeMap<String, At<Whole<0, 100>>>,
    /// Filters of the default profile that are switched off, by name.
    #[serde(default)]
    pub disabled_filters: Vec<At<String>>,
    /// Back-off of a pod after its first failed attempt.
    pub initial_backoff: Option<At<Period>>,
    /// The longest back-off.
    pub max_backoff: Option<At<Period>>,
}

/// How nodes are searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// What is likely faster.
    Auto,
    /// Through an index that is kept up to date.
    Indexed,
    /// Node by node.
    Plain,
}

/// Which of the nodes with the highest total is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ties {
    /// The first in the heap over the list of feasible nodes, as one thread finds them.
    Listed,
    /// The same with the list as several threads find them, drawn from the seed.
    Raced,
}

/// How NodeResourcesFit scores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub enum Strategy {
    /// The emptier the better: spreads.
    LeastAllocated,
    /// The fuller the better: packs.
    MostAllocated,
    /// By the curve in `shape`.
    RequestedToCapacityRatio,
}

/// A point of a scoring curve.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShapePoint {
    /// Utilization in percent.
    pub utilization: Whole<0, 100>,
    /// Score.
    pub score: Whole<0, 10>,
}

/// A resource with its weight.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceWeight {
    /// The resource.
    pub name: String,
    /// The weight; 1 where it is not given.
    pub weight: Option<Whole<1, 100>>,
}

/// Node life cycle and taint eviction; the defaults are Kubernetes'.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeLifecycle {
    /// Time between two passes over the nodes; 5s.
    pub monitor_period: Option<Period>,
    /// The moment of the first pass of this and the other periodic loops over nodes; drawn from the
    /// seed where it is not given, and 0s with `timing: ideal`.
    pub monitor_phase: Option<Duration>,
    /// Silence after which a node's conditions become Unknown; 50s.
    pub grace_period: Option<Duration>,
    /// Time between two renewals of a node's lease; 10s.
    pub lease_renewal: Option<Period>,
    /// Nodes a second that get the NoExecute taint, in a zone in order; 0.1.
    pub eviction_rate: Option<Real>,
    /// The same in a large zone that is partially disrupted; 0.01.
    pub secondary_eviction_rate: Option<Real>,
    /// Nodes above which a zone is large; 50.
    pub large_zone: Option<Whole<0, 1_000_000>>,
    /// Share of not-ready nodes from which a zone counts as partially disrupted; 0.55.
    pub unhealthy_zone: Option<Share>,
    /// Time between two passes of the worker that taints; 100ms.
    pub worker_period: Option<Period>,
    /// How long pods that say nothing bear a node that is not ready or unreachable; 5m, or `never`
    /// to add no such toleration.
    pub default_toleration: Option<DurationOrNever>,
    /// Time between two passes of the pod garbage collector; 20s.
    pub pod_gc_period: Option<Period>,
    /// How long a node must be missing before the pods on it are collected; 40s.
    pub pod_gc_quarantine: Option<Duration>,
}

/// The kubelet; the defaults are Kubernetes'.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubelet {
    /// The first crash-loop back-off; 10s.
    pub backoff_initial: Option<At<Period>>,
    /// The longest crash-loop back-off; 5m.
    pub backoff_max: Option<At<Period>>,
    /// A run longer than this resets the back-off; 10m.
    pub backoff_reset: Option<Duration>,
    /// The grace period of pods that state none; 30s.
    pub termination_grace: Option<Duration>,
    /// Images that a node pulls at a time; 1 (`serializeImagePulls`).
    pub max_parallel_image_pulls: Option<Whole<1, 1_000_000>>,
    /// Pulls a second that a node asks registries for; more fail. 5, and 0 is no limit, as it is with
    /// `timing: ideal`.
    pub registry_pull_qps: Option<Real>,
    /// Pulls that may be asked for at once after a pause; 10.
    pub registry_burst: Option<Whole<1, 1_000_000>>,
    /// Bytes that must be left of the memory that pods may have before pods are evicted at once;
    /// 100Mi, and 0 for no eviction. A machine has them on top of what pods may have.
    pub eviction_hard_memory: Option<Amount>,
    /// The same for evictions after a grace period; none.
    pub eviction_soft_memory: Option<Amount>,
    /// How long less than `evictionSoftMemory` must be left before pods are evicted; 90s.
    pub eviction_soft_grace: Option<Duration>,
    /// The longest grace period of a pod that is evicted for `evictionSoftMemory`; 0s.
    pub eviction_max_pod_grace: Option<Duration>,
    /// How long the condition MemoryPressure outlasts its cause; 5m.
    pub eviction_pressure_transition: Option<Duration>,
    /// Whether a restart waits for the kubelet's next look at the pod after its back-off, as in the
    /// original and with `timing: kubernetes`; otherwise it happens exactly when the back-off ends.
    pub polled_backoff: Option<bool>,
}

/// The controller of HorizontalPodAutoscalers; the defaults are Kubernetes'.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodAutoscaler {
    /// From one look at an autoscaler to the next; 15s.
    pub sync_period: Option<Period>,
    /// How far measured over wanted may be from 1 without a change; 0.1.
    pub tolerance: Option<Share>,
    /// How long the highest recommendation holds, where an autoscaler does not say it; 5m.
    pub downscale_stabilization: Option<Duration>,
    /// A pod that became unready within this time after its start counts as never ready; 30s.
    pub initial_readiness_delay: Option<Duration>,
    /// How long after its start a pod's CPU counts only from when it is ready; 5m.
    pub cpu_initialization_period: Option<Duration>,
}

/// The metrics API.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metrics {
    /// Who answers; `server` where it is not given, and `instant` with `timing: ideal`.
    pub source: Option<At<MetricsSource>>,
    /// With `source: server`: time between two looks at the nodes; 15s.
    pub resolution: Option<At<Period>>,
    /// With `source: server`: how old is what a node says of its pods; 5s.
    pub lag: Option<At<Duration>>,
}

/// Who answers questions about metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MetricsSource {
    /// metrics-server: averages between two looks at the nodes.
    Server,
    /// Somebody who knows the load of the very moment.
    Instant,
    /// Nobody: every question fails.
    None,
}
