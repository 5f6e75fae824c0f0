//! Workload objects as written that run pods to completion: Job and CronJob.

use super::{ObjectMeta, PodTemplate};
use std::sync::Arc;

/// Runs pods until a number of them has succeeded.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Job {
    /// Name, namespace, labels.
    pub meta: ObjectMeta,
    /// How many pods run at a time.
    pub parallelism: i32,
    /// How many must succeed; `None`: one success, and no pod left running, is enough.
    pub completions: Option<i32>,
    /// How many failures are tolerated.
    pub backoff_limit: i32,
    /// How many failures of each index are tolerated; `None`: only the sum counts.
    pub backoff_limit_per_index: Option<i32>,
    /// How many indexes may fail before the job is failed at once.
    pub max_failed_indexes: Option<i32>,
    /// Seconds after which the job is failed.
    pub active_deadline_seconds: Option<i64>,
    /// Seconds after the end at which the job is deleted.
    pub ttl_seconds_after_finished: Option<i64>,
    /// Whether the job waits.
    pub suspend: bool,
    /// Whether each pod has an index of its own.
    pub indexed: bool,
    /// What failed pods mean, by rules; `None`: each counts.
    pub pod_failure_policy: Option<Vec<FailureRule>>,
    /// When some successes are enough, by rules.
    pub success_policy: Vec<SuccessRule>,
    /// When a pod that goes is replaced; `None` for the default, which depends on
    /// `pod_failure_policy`.
    pub pod_replacement: Option<PodReplacement>,
    /// The controller that looks after the job, if it is not the built-in one; empty for that.
    pub managed_by: String,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

/// When a Job replaces a pod that goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PodReplacement {
    /// When its deletion begins, or it has failed.
    TerminatingOrFailed,
    /// When it has failed.
    Failed,
}

/// What a rule of a Job's `podFailurePolicy` does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureAction {
    /// The job fails.
    FailJob,
    /// The pod's index fails.
    FailIndex,
    /// The failure does not count.
    Ignore,
    /// The failure counts.
    Count,
}

impl FailureAction {
    /// The name as Kubernetes writes it.
    pub const fn name(self) -> &'static str {
        match self {
            FailureAction::FailJob => "FailJob",
            FailureAction::FailIndex => "FailIndex",
            FailureAction::Ignore => "Ignore",
            FailureAction::Count => "Count",
        }
    }
}

/// One rule of a Job's `podFailurePolicy`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailureRule {
    /// What is done.
    pub action: FailureAction,
    /// Which failed pods it is about.
    pub when: FailureCondition,
}

/// Which failed pods a rule is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FailureCondition {
    /// A container ended with one of (or with none of) some exit codes, none of them zero.
    ExitCodes {
        /// The container by name; `None` for every one.
        container: Option<String>,
        /// Whether the code must be listed (`In`) or must not (`NotIn`).
        listed: bool,
        /// The codes.
        values: Vec<i32>,
    },
    /// The pod has one of some conditions: type and status.
    PodConditions(Vec<(String, String)>),
}

/// One rule of a Job's `successPolicy`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SuccessRule {
    /// The indexes that must succeed, in the text form (`0,3-5`).
    pub indexes: Option<String>,
    /// How many must succeed: of `indexes`, or of all.
    pub count: Option<i32>,
}

/// What a CronJob does when its time comes while a Job of it runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Concurrency {
    /// It starts another.
    #[default]
    Allow,
    /// It starts none.
    Forbid,
    /// It deletes the old and starts another.
    Replace,
}

/// Makes Jobs by the clock.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CronJob {
    /// Name, namespace, labels.
    pub meta: ObjectMeta,
    /// When, in the five fields of cron or as `@hourly` and the like.
    pub schedule: String,
    /// The time zone by its IANA name; empty for UTC.
    pub time_zone: String,
    /// Seconds after its time within which a Job may still be started.
    pub starting_deadline_seconds: Option<i64>,
    /// What happens while another runs.
    pub concurrency: Concurrency,
    /// Whether it waits.
    pub suspend: bool,
    /// Finished Jobs that are kept: succeeded.
    pub successful_history_limit: i32,
    /// Finished Jobs that are kept: failed.
    pub failed_history_limit: i32,
    /// The Jobs to make; its metadata has the labels and annotations of the template.
    pub job: Arc<Job>,
}
