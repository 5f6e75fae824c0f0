//! The parts `faults` and `actions`: what happens to the cluster during the run.

use super::scalars::{Duration, TimeDistribution, Whole};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// The most replicas that an action or a manifest may ask for.
pub const MAX_REPLICAS: i64 = 1_000_000;

/// Something that goes wrong: once (`at`, on a `node`, `rack` or `zone`), or again and again
/// (`every`, `mtbf`, `mttr`).
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
    /// What happens.
    #[serde(default)]
    pub kind: FaultKind,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// It goes down with everything on it.
    #[default]
    Crash,
    /// It is cut off from the control plane; its containers run on.
    Partition,
}

/// Something a person does during the run: exactly one of `scale`, `cordon`, `uncordon`.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// When.
    pub at: Duration,
    /// `Deployment/<name>` or `ReplicaSet/<name>` whose number of replicas is set.
    pub scale: Option<At<String>>,
    /// The namespace of what is scaled; `default`.
    pub namespace: Option<String>,
    /// With `scale`: how many replicas.
    pub replicas: Option<At<Whole<0, MAX_REPLICAS>>>,
    /// The node that is marked unschedulable.
    pub cordon: Option<At<String>>,
    /// The node that is marked schedulable again.
    pub uncordon: Option<At<String>>,
}
