//! The part `controlPlane.mesos`: Apache Mesos and its frameworks.

use super::scalars::{Amount, Duration, DurationOrNever, Period, Real, Share, Whole};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Apache Mesos; the defaults are those of Mesos, Marathon and Chronos.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mesos {
    /// The time between two allocations of all agents; 1s.
    pub allocation_interval: Option<Period>,
    /// An offer holds at least one of these; `[{cpu: 10m}, {memory: 32Mi}]`.
    pub min_allocatable: Option<Vec<BTreeMap<String, At<Amount>>>>,
    /// Resources that do not count in shares.
    #[serde(default)]
    pub fair_sharing_excluded: Vec<At<String>>,
    /// After which an offer is taken back that nobody has answered; never.
    pub offer_timeout: Option<DurationOrNever>,
    /// How long a ping of an agent may stay unanswered, and the time between two; 15s.
    pub agent_ping_timeout: Option<Period>,
    /// How many unanswered pings in a row make an agent unreachable; 5.
    pub max_agent_ping_timeouts: Option<Whole<1, 1_000>>,
    /// The time between two agents that are marked unreachable; 0s, which is no limit.
    pub agent_removal_interval: Option<Duration>,
    /// The longest wait of a new agent before it registers, each draws its own; 1s, and 0s with ideal
    /// timing.
    pub registration_backoff: Option<Duration>,
    /// Weights and quotas of roles. Roles without any need not be named.
    #[serde(default)]
    pub roles: Vec<At<Role>>,
    /// The frameworks, in order of registration. Without any there is one `marathon` for apps and one
    /// `chronos` for Jobs and bare pods, each in a role of its name.
    #[serde(default)]
    pub frameworks: Vec<At<Framework>>,
}

/// What is said of a role.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// Its name; `a/b` is below `a`.
    pub name: At<String>,
    /// Its weight among its siblings, from 0.001 to 1000000; 1.
    pub weight: Option<At<Real>>,
    /// What is held back for it. Only for a role that is below no other.
    #[serde(default)]
    pub guarantee: BTreeMap<String, At<Amount>>,
    /// The most that it and those below it may have. Only for a role that is below no other.
    #[serde(default)]
    pub limit: BTreeMap<String, At<Amount>>,
}

/// A framework. It takes what meets every condition that is given; of several that could, the first one.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Framework {
    /// Its name.
    pub name: At<String>,
    /// What it does.
    pub kind: At<Kind>,
    /// Its role; that of its name.
    pub role: Option<At<String>>,
    /// It takes what is in one of these namespaces.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// It takes jobs of one of these users.
    #[serde(default)]
    pub users: Vec<i32>,
    /// It takes jobs of one of these queues.
    #[serde(default)]
    pub queues: Vec<i32>,
    /// It takes what has pods with these labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether each user has a framework of this sort, in a role below this one; false.
    pub per_user: Option<At<bool>>,
    /// How long it thinks about an offer; 0s.
    #[serde(default)]
    pub answer_time: Option<Duration>,
    /// How it works (`kind: marathon`).
    pub marathon: Option<At<Marathon>>,
    /// How it works (`kind: batch`).
    pub batch: Option<At<Batch>>,
}

/// What a framework does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// It keeps apps running: Deployments, ReplicaSets, StatefulSets, DaemonSets.
    Marathon,
    /// It runs tasks to their end: Jobs, and pods that nobody owns.
    Batch,
}

/// How a framework of the kind of Marathon works.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marathon {
    /// The wait before the launch that follows a failure; 1s.
    pub backoff: Option<Duration>,
    /// What each later wait is multiplied with, from 1 to 1000; 1.15.
    pub backoff_factor: Option<At<Real>>,
    /// The longest wait; 5m.
    pub max_launch_delay: Option<Duration>,
    /// The part of an app's instances that stays healthy while it is replaced; 1.
    pub minimum_health_capacity: Option<Share>,
    /// The part by which there may be more of them meanwhile; 1.
    pub maximum_over_capacity: Option<Share>,
    /// Which instances are killed first when there are too many.
    pub kill_selection: Option<KillSelection>,
    /// When an instance on an unreachable agent is replaced; 0s.
    pub inactive_after: Option<Duration>,
    /// When it is forgotten, and killed if it comes back; 0s, at the next look, one every 30 s from 5m on.
    pub expunge_after: Option<Duration>,
    /// How long an offer is refused that nothing fits in; 2m.
    pub decline_offer_duration: Option<Duration>,
    /// The least time between two calls for offers, whatever was refused; 5s.
    pub min_revive_interval: Option<Duration>,
    /// Tasks that an offer is used for at most; 5.
    pub max_instances_per_offer: Option<Whole<1, 1_000_000>>,
    /// How long a task may take to run before it is killed; 5m.
    pub task_launch_timeout: Option<Period>,
}

/// Which instances are killed first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KillSelection {
    /// Those that were launched last.
    YoungestFirst,
    /// Those that were launched first.
    OldestFirst,
}

/// How a batch framework works.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// How its queue is gone through: in order (`fifo`, the default), or past what does not fit
    /// (`first-fit`).
    pub order: Option<Order>,
    /// How often a failed task of a Job is tried again; 2.
    pub retries: Option<Whole<0, 1_000_000>>,
    /// The wait before that; 1m.
    pub retry_delay: Option<Duration>,
    /// How long an offer is refused that nothing fits in, and what is left of one; 5s.
    pub refuse: Option<Duration>,
    /// Tasks that an offer is used for at most; any number.
    pub max_tasks_per_offer: Option<Whole<1, 1_000_000>>,
    /// Whether tasks on an unreachable agent may come back; else they have failed; false.
    pub partition_aware: Option<bool>,
}

/// How a queue is gone through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Nothing passes the first task that does not fit.
    Fifo,
    /// What does not fit is passed over.
    FirstFit,
}
