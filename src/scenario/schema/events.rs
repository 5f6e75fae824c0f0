//! The parts `faults` and `actions`: what happens to the cluster during the run.

use super::control::RateLimit;
use super::scalars::{Amount, Duration, Short, TimeDistribution, Whole};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// The most replicas that an action or a manifest may ask for.
pub const MAX_REPLICAS: i64 = 1_000_000;

/// Something that goes wrong: with machines once (`at`, on a `node`, `rack` or `zone`), or again and
/// again (`every`, `mtbf`, `mttr`); or with the control plane (`at` and one of `component`,
/// `slowWrites`, `watchDelay`, `clientLimit`).
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The node that is hit.
    pub node: Option<At<String>>,
    /// The rack whose nodes are hit.
    pub rack: Option<At<String>>,
    /// The zone whose nodes are hit.
    pub zone: Option<At<String>>,
    /// Each node, rack or zone is hit on its own, at random.
    pub every: Option<At<Scope>>,
    /// With `every`: only nodes of this pool.
    pub pool: Option<At<String>>,
    /// When it is hit.
    pub at: Option<At<Duration>>,
    /// For how long; for the rest of the run where it is not given.
    pub r#for: Option<At<Duration>>,
    /// With `every`: the time between the end of a repair (or the start) and the next failure.
    pub mtbf: Option<At<TimeDistribution>>,
    /// With `every`: the time to repair.
    pub mttr: Option<At<TimeDistribution>>,
    /// What happens: `crash` where it is not given, and `kill` to a component.
    pub kind: Option<At<Failure>>,
    /// The part of the control plane that is hit. `scheduler` and `controller-manager` are killed, and
    /// started again after `for`; `api-server` answers nobody for that time. With `clientLimit`: whose
    /// requests are limited.
    pub component: Option<At<Component>>,
    /// With a killed component: whether another one stands by from the start. It leads 14 to 22
    /// seconds after the kill, when the lease of the dead one has run out.
    pub standby: Option<At<bool>>,
    /// With a killed component: whether there is a leader election. Without one a component works as
    /// soon as it is started. There is one where nothing is said.
    pub leader_election: Option<At<bool>>,
    /// How much longer every request to the API server takes.
    pub slow_writes: Option<At<TimeDistribution>>,
    /// How much later every watch delivers.
    pub watch_delay: Option<At<TimeDistribution>>,
    /// The limit on the requests of a component (`scheduler`, `controller-manager`, `kubelets`):
    /// `none`, or `{qps: 5, burst: 10}`.
    pub client_limit: Option<At<Short<RateLimit>>>,
}

/// A part of the control plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// kube-apiserver.
    ApiServer,
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager: every controller.
    ControllerManager,
    /// The kubelets of all nodes; only for `clientLimit`.
    Kubelets,
}

/// What is hit at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Single nodes.
    Node,
    /// All nodes of a rack.
    Rack,
    /// All nodes of a zone.
    Zone,
}

/// What happens to a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// It goes down with everything on it.
    Crash,
    /// It is cut off from the control plane; its containers run on.
    Partition,
}

/// What happens to a machine or to a component of the control plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// A machine goes down with everything on it.
    Crash,
    /// A machine is cut off from the control plane; its containers run on.
    Partition,
    /// A component is killed at once.
    Kill,
}

/// Something a person does during the run: exactly one of the keys that name an object or a node,
/// with the keys that say how.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// When.
    pub at: Duration,
    /// The namespace of the object; `default`.
    pub namespace: Option<String>,
    /// A file of manifests: objects that do not exist are created, others get the new specification.
    pub apply: Option<At<String>>,
    /// `Deployment/<name>`, `ReplicaSet/<name>`, `StatefulSet/<name>` or `Job/<name>` whose number of
    /// replicas (parallelism of a Job) is set.
    pub scale: Option<At<String>>,
    /// With `scale`: how many replicas.
    pub replicas: Option<At<Whole<0, MAX_REPLICAS>>>,
    /// `<Kind>/<name>` whose specification is changed by a strategic merge patch.
    pub patch: Option<At<String>>,
    /// With `patch`: what changes, in the form of the manifest.
    pub with: Option<At<serde_json::Value>>,
    /// `<Kind>/<name>` whose containers get another image.
    pub set_image: Option<At<String>>,
    /// With `setImage`: the image.
    pub image: Option<At<String>>,
    /// With `setImage`: the container; all of them where it is not given.
    pub container: Option<At<String>>,
    /// The name of a load (`workload.loads`), or the `<Kind>/<name>` of a workload, whose load is from then on
    /// `total`, whatever was planned for later.
    pub set_load: Option<At<String>>,
    /// With `setLoad`: the load in cores, or in units of its metric.
    pub total: Option<At<Amount>>,
    /// `Deployment/<name>` that goes back to an older template.
    pub rollout_undo: Option<At<String>>,
    /// With `rolloutUndo`: which revision; the one before the current where it is not given.
    pub revision: Option<At<Whole<1, { i32::MAX as i64 }>>>,
    /// `Deployment/<name>` whose roll-outs wait.
    pub rollout_pause: Option<At<String>>,
    /// `Deployment/<name>` whose roll-outs go on.
    pub rollout_resume: Option<At<String>>,
    /// `<Kind>/<name>` that is deleted; what it owns follows.
    pub delete: Option<At<String>>,
    /// With `delete` of a pod: the grace period; the pod's own where it is not given.
    pub grace: Option<At<Duration>>,
    /// The pod that is evicted: deleted when its disruption budget allows it.
    pub evict: Option<At<String>>,
    /// The node that is marked unschedulable.
    pub cordon: Option<At<String>>,
    /// The node that is marked schedulable again.
    pub uncordon: Option<At<String>>,
    /// The node that is cordoned and whose pods are evicted, as by `kubectl drain
    /// --ignore-daemonsets --force`.
    pub drain: Option<At<String>>,
    /// The node that gets or loses taints.
    pub taint: Option<At<String>>,
    /// With `taint`: taints to add, as `key=value:Effect` or `key:Effect`.
    #[serde(default)]
    pub add: Vec<At<String>>,
    /// With `taint`: taints to remove, as `key:Effect`.
    #[serde(default)]
    pub remove: Vec<At<String>>,
    /// The node that fails.
    pub fail_node: Option<At<String>>,
    /// With `failNode`: what happens to it.
    pub kind: Option<At<FaultKind>>,
    /// The node that is back.
    pub recover_node: Option<At<String>>,
    /// The name of a machine that joins the cluster.
    pub add_node: Option<At<String>>,
    /// With `addNode`: the node that it is like: same resources, labels and taints, its name apart.
    pub like: Option<At<String>>,
    /// The node that is removed: it falls silent and its object is deleted.
    pub remove_node: Option<At<String>>,
}
