//! The part `controlPlane.batch.nodes`: how jobs of tasks are placed on nodes with several resources.

use super::scalars::{Raw, Real, Share};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How jobs are placed on nodes (`kind: batch` with `cluster.pools`).
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnNodes {
    /// On which node a task is started; `firstFit` where it is not given.
    pub choice: Option<At<Choice>>,
    /// In the place of `choice`: an expression such as `-cpu_free`; the node with the largest value is taken
    /// (docs/expressions.md).
    #[schemars(with = "Option<String>")]
    pub score: Option<At<Raw>>,
    /// Who may start while the first job in order does not fit: whoever fits (`whoeverFits`, where it is
    /// not given), or `nobody`.
    #[serde(default)]
    pub passing: Passing,
    /// What the tasks of a job are to each other: nothing (`none`, where it is not given), or they need
    /// each other.
    #[serde(default)]
    pub gang: Gang,
    /// Whether a job that does not fit takes the room of tasks of lower priority; false.
    #[serde(default)]
    pub preemption: bool,
    /// What becomes of the work of a task that is evicted; `lost` where it is not given. What was on a
    /// node that fails is always lost.
    #[serde(default)]
    pub evicted_work: EvictedWork,
    /// How users or namespaces share the nodes; one queue for all where it is not given.
    pub sharing: Option<At<Sharing>>,
}

/// How a node is chosen among those with room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    /// The first in the order of the pools.
    #[default]
    FirstFit,
    /// The one with the least left over all resources.
    BestFit,
    /// The one with the most left.
    WorstFit,
    /// The first behind the one that was chosen last.
    RoundRobin,
    /// Any, drawn from the seed.
    Random,
    /// The one that the profile in `controlPlane.scheduler` chooses; Kubernetes' default where nothing is
    /// written there.
    Scheduler,
}

/// Who may start while the first job in order does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Passing {
    /// Every job that fits.
    #[default]
    WhoeverFits,
    /// Nobody of the same account.
    Nobody,
}

/// What the tasks of a job are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Gang {
    /// Nothing: each task can start alone.
    #[default]
    None,
    /// They need each other: all start at one instant, or none.
    AllOrNothing,
    /// They need each other, but each is started as soon as it fits and waits on its node for the others.
    /// Jobs can block each other for ever.
    Piecemeal,
}

/// What becomes of the work of an evicted task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EvictedWork {
    /// It is done again from the beginning.
    #[default]
    Lost,
    /// The task goes on where it was.
    Kept,
}

/// How the nodes are shared.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sharing {
    /// What is compared; the account with the least is served first.
    pub kind: SharingKind,
    /// Who has an account of their own: `user` (where it is not given) or `namespace`.
    #[serde(default)]
    pub by: By,
    /// With `maxMin`: the resource; `cpu`.
    pub resource: Option<At<String>>,
    /// With `drf`: how a queue with queues below is seen; `rescaled` where it is not given.
    pub inner: Option<At<Inner>>,
    /// With `capacity`: whether a queue below its guarantee evicts tasks of queues above theirs; false.
    pub reclaim: Option<At<bool>>,
    /// Weights of users or namespaces that are in no queue; 1 where it is not given.
    #[serde(default)]
    pub weights: BTreeMap<String, At<Real>>,
    /// Queues. Who is in none has an account of their own beside them.
    #[serde(default)]
    pub queues: Vec<At<Queue>>,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SharingKind {
    /// Dominant shares, through weights.
    Drf,
    /// Shares of one resource, through weights.
    MaxMin,
    /// Dominant shares, through what is guaranteed.
    Capacity,
}

/// Who has an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// Each user by number, as the trace or a generator's `users` has it.
    #[default]
    User,
    /// Each namespace.
    Namespace,
}

/// How a queue with queues below is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Inner {
    /// As if each of those below that can take more had the least share of them (H-DRF).
    Rescaled,
    /// As the sum of those below (naive H-DRF, which starves some).
    Summed,
}

/// A queue.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Queue {
    /// The name; the user or namespace of that name is in it.
    pub name: At<String>,
    /// With `drf` and `maxMin`: the weight; 1.
    pub weight: Option<At<Real>>,
    /// With `capacity`: the guaranteed share of the nodes; 0.
    pub guaranteed: Option<At<Share>>,
    /// With `capacity`: the largest share of the nodes; 1, or what is guaranteed without `borrowing`.
    pub max: Option<At<Share>>,
    /// With `capacity`: whether it may take more than is guaranteed while that is free; true.
    pub borrowing: Option<At<bool>>,
    /// Users or namespaces in it.
    #[serde(default)]
    pub members: Vec<At<String>>,
    /// Queues below it; then it has no members.
    #[serde(default)]
    pub queues: Vec<At<Queue>>,
}
