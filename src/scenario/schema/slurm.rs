//! The part `controlPlane.slurm`: Slurm.

use super::scalars::{Duration, Period, Real, Whole};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A weight of a priority factor.
pub type Weight = Whole<0, 4_294_967_295>;
/// A number of jobs, nodes or the like; 0 for no bound.
pub type Count = Whole<0, 4_294_967_295>;
/// Limits on trackable resources: `cpu`, `mem` (MiB), `node`, and generic resources such as `gpu`.
pub type Tres = BTreeMap<String, Whole<0, 1_000_000_000_000>>;

/// Slurm; the defaults are Slurm's.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slurm {
    /// A `slurm.conf`: its nodes (unless the cluster has some already), partitions and parameters; the
    /// keys here come on top.
    pub conf: Option<At<String>>,
    /// Multifactor priority.
    #[serde(default)]
    pub priority: Priority,
    /// The main scheduler.
    #[serde(default)]
    pub scheduler: Main,
    /// The backfill scheduler.
    #[serde(default)]
    pub backfill: Backfill,
    /// Preemption.
    #[serde(default)]
    pub preemption: Preemption,
    /// Partitions; one of all nodes, `main`, where none are given.
    #[serde(default)]
    pub partitions: Vec<At<Partition>>,
    /// QOS; `normal` where none are given. The first is that of jobs that name none.
    #[serde(default)]
    pub qos: Vec<At<Qos>>,
    /// Accounts with their users. Others are entered with one share when they submit a job.
    #[serde(default)]
    pub accounts: Vec<At<Account>>,
    /// What is said of nodes beside their machines.
    #[serde(default)]
    pub nodes: Vec<At<NodeNote>>,
    /// Whether only listed accounts and users may submit jobs.
    pub enforce_associations: Option<bool>,
    /// Whether jobs beyond a partition's limits are refused rather than kept waiting.
    pub enforce_part_limits: Option<bool>,
    /// Between SIGTERM and SIGKILL at the time limit; 30s.
    pub kill_wait: Option<Duration>,
    /// By how much a job may exceed its time limit; 0s.
    pub over_time_limit: Option<Duration>,
    /// How long a node may be silent; 5m.
    pub slurmd_timeout: Option<Duration>,
    /// When a node that was down takes jobs again: 0 when an administrator says so (by uncordoning it),
    /// 1 when it was only silent, 2 always; 0.
    pub return_to_service: Option<Whole<0, 2>>,
    /// Whether jobs go back to the queue when a node of theirs fails; true.
    pub job_requeue: Option<bool>,
    /// How long a job that went back waits before it may start again; 2m.
    pub requeue_delay: Option<Duration>,
    /// How long ended jobs are kept; 5m.
    pub min_job_age: Option<Duration>,
    /// How long cycles wait for jobs that are completing; 0s.
    pub complete_wait: Option<Duration>,
}

/// Multifactor priority. Weights are 0 where they are not given.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Priority {
    /// Of the time a job has waited.
    pub weight_age: Option<Weight>,
    /// Of the association's priority.
    pub weight_assoc: Option<Weight>,
    /// Of the fair share.
    pub weight_fairshare: Option<Weight>,
    /// Of the size.
    pub weight_job_size: Option<Weight>,
    /// Of the partition.
    pub weight_partition: Option<Weight>,
    /// Of the QOS.
    pub weight_qos: Option<Weight>,
    /// Of trackable resources.
    #[serde(default)]
    pub weight_tres: BTreeMap<String, Real>,
    /// The age that counts fully; 7d.
    pub max_age: Option<Duration>,
    /// The half-life of usage; 7d, 0s for no decay.
    pub decay_half_life: Option<Duration>,
    /// Time between calculations; 5m.
    pub calc_period: Option<Period>,
    /// Whether small jobs are favoured.
    pub favor_small: Option<bool>,
    /// Flags of `PriorityFlags`.
    #[serde(default)]
    pub flags: Vec<At<PriorityFlag>>,
    /// `FairShareDampeningFactor`; 1.
    pub dampening_factor: Option<Whole<1, 65_535>>,
    /// Whether accounts that are tied in the Fair Tree are merged, as the documentation says and the code
    /// does not.
    pub merge_tied_accounts: Option<bool>,
}

/// Flags of `PriorityFlags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PriorityFlag {
    /// The size factor goes by CPUs for each minute.
    SmallRelativeToTime,
    /// No factor is divided by the largest.
    NoNormalAll,
    /// The association's is not.
    NoNormalAssoc,
    /// The partition's is not.
    NoNormalPart,
    /// The QOS's is not.
    NoNormalQos,
    /// Those of trackable resources are not.
    NoNormalTres,
    /// Usage is billed by the largest weighted resource.
    MaxTres,
    /// Age counts from the submission on.
    AccrueAlways,
    /// The depth-oblivious fair-share factor.
    DepthOblivious,
    /// The classic fair-share factor.
    NoFairTree,
}

/// The main scheduler.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Main {
    /// Between cycles over the whole queue (`sched_interval`); 60s.
    pub interval: Option<Period>,
    /// Between cycles that events ask for (`batch_sched_delay`); 3s, and 0s with `timing: ideal`.
    pub delay: Option<Duration>,
    /// Jobs that such a cycle looks at (`default_queue_depth`); 100.
    pub queue_depth: Option<Count>,
    /// Jobs of a partition that a cycle looks at (`partition_job_depth`); 0.
    pub partition_depth: Option<Count>,
    /// Jobs that a cycle starts (`sched_max_job_start`); 0.
    pub max_start: Option<Count>,
    /// Whether a job at an association's limit holds back its partition (`assoc_limit_stop`).
    pub assoc_limit_stop: Option<bool>,
}

/// The backfill scheduler (`bf_…`).
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backfill {
    /// Whether there is one; true.
    pub enabled: Option<bool>,
    /// Between cycles; 30s.
    pub interval: Option<Period>,
    /// How far ahead is planned; 1d.
    pub window: Option<Period>,
    /// A slot of the plan; 60s.
    pub resolution: Option<Period>,
    /// Jobs that a cycle tests; 500.
    pub max_job_test: Option<Count>,
    /// Jobs that a cycle starts; 0.
    pub max_job_start: Option<Count>,
    /// Jobs of a user; 0.
    pub max_job_user: Option<Count>,
    /// Jobs of a partition; 0.
    pub max_job_part: Option<Count>,
    /// Jobs of an association; 0.
    pub max_job_assoc: Option<Count>,
    /// Jobs of a user in a partition; 0.
    pub max_job_user_part: Option<Count>,
    /// Tasks of an array that get a reservation; 20.
    pub max_job_array_resv: Option<Count>,
    /// Jobs of a partition that get a reservation; 0.
    pub job_part_count_reserve: Option<Count>,
    /// How long a job must have waited before it may get one; 0s.
    pub min_age_reserve: Option<Duration>,
    /// The least priority of a job that gets one; 0.
    pub min_prio_reserve: Option<Count>,
    /// By how much the test of future starts widens its step; 0s to double it.
    pub window_linear: Option<Duration>,
}

/// Preemption.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preemption {
    /// Who may preempt whom; nobody where it is not given.
    pub kind: Option<PreemptKind>,
    /// What it does where neither partition nor QOS say; `off`.
    pub mode: Option<PreemptMode>,
    /// How long a job has run before it can be preempted; 0s.
    pub exempt_time: Option<Duration>,
    /// Whether the job that started last goes first.
    pub youngest_first: Option<bool>,
    /// How often candidates are put in a better order; 1.
    pub reorder_count: Option<Whole<0, 100>>,
}

/// Who may preempt whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreemptKind {
    /// Nobody.
    None,
    /// Jobs of partitions of a higher tier.
    PartitionPrio,
    /// Jobs whose QOS lists the other's.
    Qos,
}

/// What preemption does to a job. There is no `suspend`: pods cannot be stopped for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreemptMode {
    /// Nothing.
    Off,
    /// It ends.
    Cancel,
    /// It goes back to the queue.
    Requeue,
}

/// A partition.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Partition {
    /// The name.
    pub name: At<String>,
    /// Its nodes and pools of nodes by name, such as `n[1-4]` or `gpu`; all nodes where none are given.
    #[serde(default)]
    pub nodes: Vec<At<String>>,
    /// Whether jobs that name no partition go to it; otherwise they go to the first.
    #[serde(default)]
    pub default: bool,
    /// The longest time limit.
    pub max_time: Option<Duration>,
    /// The limit of jobs that have none.
    pub default_time: Option<Duration>,
    /// The most nodes of a job.
    pub max_nodes: Option<Whole<0, 1_000_000>>,
    /// The fewest nodes of a job.
    pub min_nodes: Option<Whole<0, 1_000_000>>,
    /// Jobs of higher tiers are looked at first; 1.
    pub priority_tier: Option<Whole<0, 65_533>>,
    /// What its jobs' priority gets, relative to the largest; 1.
    pub priority_job_factor: Option<Whole<0, 65_533>>,
    /// The accounts that may use it; all where none are given.
    #[serde(default)]
    pub allow_accounts: Vec<String>,
    /// The accounts that may not.
    #[serde(default)]
    pub deny_accounts: Vec<String>,
    /// The QOS that may be used in it; all where none are given.
    #[serde(default)]
    pub allow_qos: Vec<String>,
    /// Whether it takes and starts jobs; `up`.
    pub state: Option<State>,
    /// Whether each job has its nodes for itself.
    #[serde(default)]
    pub exclusive: bool,
    /// What preemption does to its jobs.
    pub preempt_mode: Option<PreemptMode>,
    /// Between SIGTERM and SIGKILL for jobs that are preempted; 0s stands for `killWait`.
    pub grace_time: Option<Duration>,
    /// How resources count as billing units; the CPUs where none are given.
    #[serde(default)]
    pub tres_billing_weights: BTreeMap<String, Real>,
    /// MiB a job gets for each CPU if it asks for no memory.
    pub def_mem_per_cpu: Option<Whole<0, 1_000_000_000>>,
}

/// Whether a partition takes and starts jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Both.
    Up,
    /// Takes jobs, starts none.
    Down,
    /// Starts jobs, takes none.
    Drain,
    /// Neither.
    Inactive,
}

/// A QOS.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Qos {
    /// The name.
    pub name: At<String>,
    /// Its part of the priority, relative to the largest; 0.
    pub priority: Option<Weight>,
    /// The most jobs that run for a user (MaxJobsPU).
    pub max_jobs_per_user: Option<Count>,
    /// The most jobs that wait or run for a user (MaxSubmitPU).
    pub max_submit_per_user: Option<Count>,
    /// What the running jobs of a user may hold (MaxTRESPU).
    #[serde(default)]
    pub max_tres_per_user: Tres,
    /// What a job may hold (MaxTRES).
    #[serde(default)]
    pub max_tres_per_job: Tres,
    /// What all running jobs may hold (GrpTRES).
    #[serde(default)]
    pub grp_tres: Tres,
    /// The most jobs that run (GrpJobs).
    pub grp_jobs: Option<Count>,
    /// The longest time limit (MaxWall).
    pub max_wall: Option<Duration>,
    /// The QOS whose jobs it may preempt.
    #[serde(default)]
    pub preempt: Vec<At<String>>,
    /// What preemption does to its jobs.
    pub preempt_mode: Option<PreemptMode>,
    /// Between SIGTERM and SIGKILL for jobs that are preempted; 0s stands for `killWait`.
    pub grace_time: Option<Duration>,
    /// What a second of use counts; 1.
    pub usage_factor: Option<Real>,
    /// Whether its jobs make no reservations.
    #[serde(default)]
    pub no_reserve: bool,
    /// Whether its usage does not decay.
    #[serde(default)]
    pub no_decay: bool,
}

/// An account.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// The name.
    pub name: At<String>,
    /// The account above; the root where none is given. It is written before.
    pub parent: Option<At<String>>,
    /// Its shares; 1.
    pub fairshare: Option<Whole<0, 1_000_000_000>>,
    /// Its part of its jobs' priority; 0.
    pub priority: Option<Weight>,
    /// Its users.
    #[serde(default)]
    pub users: Vec<At<User>>,
    /// The most jobs that run, with all below it (GrpJobs).
    pub grp_jobs: Option<Count>,
    /// What running jobs may hold, with all below it (GrpTRES).
    #[serde(default)]
    pub grp_tres: Tres,
    /// What a job may hold (MaxTRES).
    #[serde(default)]
    pub max_tres_per_job: Tres,
    /// The longest time limit of a job (MaxWall).
    pub max_wall: Option<Duration>,
}

/// A user of an account.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// The name; users of traces are called `user` and their number.
    pub name: At<String>,
    /// The shares; 1.
    pub fairshare: Option<Whole<0, 1_000_000_000>>,
    /// Whether the account's shares are used (`Fairshare=parent`).
    #[serde(default)]
    pub fairshare_parent: bool,
    /// The user's part of the priority; 0.
    pub priority: Option<Weight>,
    /// The QOS of jobs that name none.
    pub default_qos: Option<At<String>>,
    /// The most jobs that run (MaxJobs).
    pub max_jobs: Option<Count>,
    /// The most jobs that wait or run (MaxSubmitJobs).
    pub max_submit: Option<Count>,
}

/// What is said of nodes beside their machines.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeNote {
    /// The nodes, such as `n[1-4]`.
    pub names: At<String>,
    /// Features that jobs can ask for. Each label of a node is one too, as `key=value`.
    #[serde(default)]
    pub features: Vec<String>,
    /// Nodes of lower weight are taken first; 1.
    pub weight: Option<Whole<0, 1_000_000_000>>,
}
