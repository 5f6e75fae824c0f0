//! The part `controlPlane.swarm`: Docker Swarm.

use super::scalars::{Duration, Period, Share, Whole};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// Docker Swarm; the defaults are swarmkit's. What is said of services holds for those whose
/// annotations (`seatrial.dev/swarm-…`) say nothing else.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Swarm {
    /// Mean time between two heartbeats of a node, each up to a tenth longer or shorter; 5s.
    pub heartbeat_period: Option<Period>,
    /// How long a node may be down before its tasks are given up (ORPHANED); 24h.
    pub node_down_period: Option<Duration>,
    /// Ended tasks that are kept in a slot; 5, and -1 for all.
    pub task_history: Option<Whole<{ -1 }, 1_000_000>>,
    /// Restarts.
    #[serde(default)]
    pub restart: Restart,
    /// Updates.
    #[serde(default)]
    pub update: Update,
    /// Going back to the specification before an update.
    #[serde(default)]
    pub rollback: Update,
    /// Conditions that nodes must meet, such as `node.labels.disk==ssd`.
    #[serde(default)]
    pub constraints: Vec<At<String>>,
    /// What tasks are spread over, from the root down, such as `node.labels.zone`.
    #[serde(default)]
    pub placement_preferences: Vec<At<String>>,
    /// Tasks of a service that a node may have; 0 for any number, which is the default.
    pub max_replicas_per_node: Option<Whole<0, 1_000_000>>,
    /// Time that a task has to stop; 10s.
    pub stop_grace_period: Option<Duration>,
}

/// When, and how often, tasks are replaced that have ended.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restart {
    /// When; `any` where it is not given.
    pub condition: Option<Condition>,
    /// How long a new task waits before it starts; 5s.
    pub delay: Option<Duration>,
    /// Restarts that a slot may have; 0 for any number, which is the default.
    pub max_attempts: Option<Whole<0, 1_000_000>>,
    /// In which time; 0s for all the time, which is the default.
    pub window: Option<Duration>,
}

/// When tasks are replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Never.
    None,
    /// When they have not completed.
    OnFailure,
    /// Always.
    Any,
}

/// How tasks are replaced when a specification changes.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Update {
    /// Slots at a time; 1, and 0 for all.
    pub parallelism: Option<Whole<0, 1_000_000>>,
    /// Time between one slot and the next; 0s.
    pub delay: Option<Duration>,
    /// What follows if it fails; `pause` where it is not given.
    pub failure_action: Option<FailureAction>,
    /// How long a new task is watched; 5s.
    pub monitor: Option<Duration>,
    /// The share of slots that may fail; 0.
    pub max_failure_ratio: Option<Share>,
    /// Which task goes first; `stop-first` where it is not given.
    pub order: Option<Order>,
}

/// What follows when an update fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureAction {
    /// It stops.
    Pause,
    /// It goes on.
    Continue,
    /// It goes back.
    Rollback,
}

/// Which task goes first in an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The old one stops before the new one starts.
    StopFirst,
    /// The new one runs before the old one stops.
    StartFirst,
}
