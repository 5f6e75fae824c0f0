//! What controllers write about the objects that they look after.

use super::ResourceList;
use crate::base::Time;
use std::collections::BTreeMap;

/// Whether a condition holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Truth {
    /// The name as Kubernetes writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown => "Unknown",
        }
    }
}

/// A condition of an object. Messages are left out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Condition {
    /// The type, such as `Available`.
    pub kind: &'static str,
    /// Whether it holds.
    pub status: Truth,
    /// Why, in one word.
    pub reason: &'static str,
    /// When `status` last changed.
    pub since: Time,
    /// When the condition was last written (`lastUpdateTime` of Deployments).
    pub updated: Time,
}

/// The status of an object that a controller looks after.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Status {
    /// Nothing is written yet, or the kind has none.
    #[default]
    None,
    /// Of a ReplicaSet.
    ReplicaSet(ReplicaSetStatus),
    /// Of a Deployment.
    Deployment(Box<DeploymentStatus>),
    /// Of a StatefulSet.
    StatefulSet(Box<StatefulSetStatus>),
    /// Of a DaemonSet.
    DaemonSet(DaemonSetStatus),
    /// Of a Job.
    Job(Box<JobStatus>),
    /// Of a CronJob.
    CronJob(Box<CronJobStatus>),
    /// Of a HorizontalPodAutoscaler.
    HorizontalPodAutoscaler(Box<HpaStatus>),
    /// Of a PodDisruptionBudget.
    PodDisruptionBudget(Box<BudgetStatus>),
    /// Of a ResourceQuota.
    ResourceQuota(Box<QuotaStatus>),
    /// The endpoints of a Service.
    Service(EndpointsStatus),
}

/// The status of a ReplicaSet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplicaSetStatus {
    /// Active pods.
    pub replicas: i32,
    /// Those that are ready.
    pub ready: i32,
    /// Those that have been ready for long enough.
    pub available: i32,
    /// Pods that are being deleted and have not ended.
    pub terminating: i32,
    /// The generation that this is about.
    pub observed_generation: u64,
    /// Condition ReplicaFailure, while creating or deleting pods fails.
    pub failure: Option<Condition>,
}

/// The status of a Deployment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeploymentStatus {
    /// Active pods.
    pub replicas: i32,
    /// Those of the current template.
    pub updated: i32,
    /// Those that are ready.
    pub ready: i32,
    /// Those that have been ready for long enough.
    pub available: i32,
    /// Those that should be available and are not.
    pub unavailable: i32,
    /// Pods that are being deleted.
    pub terminating: i32,
    /// The generation that this is about.
    pub observed_generation: u64,
    /// Progressing, Available, ReplicaFailure; in the order in which they came.
    pub conditions: Vec<Condition>,
}

/// The status of a StatefulSet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatefulSetStatus {
    /// Pods that exist.
    pub replicas: i32,
    /// Those that are ready.
    pub ready: i32,
    /// Those that have been ready for long enough.
    pub available: i32,
    /// Those of the current revision.
    pub current: i32,
    /// Those of the update revision.
    pub updated: i32,
    /// The current revision: a number that each template of the set gets when it is first seen.
    pub current_revision: u32,
    /// The update revision.
    pub update_revision: u32,
    /// The generation that this is about.
    pub observed_generation: u64,
}

/// The status of a DaemonSet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DaemonSetStatus {
    /// Nodes that should have a pod.
    pub desired: i32,
    /// Nodes that should and do.
    pub current: i32,
    /// Nodes that should not and do.
    pub misscheduled: i32,
    /// Nodes that should and have a ready one.
    pub ready: i32,
    /// Nodes that should and have an available one.
    pub available: i32,
    /// Nodes that should and have no available one.
    pub unavailable: i32,
    /// Nodes that should and have one of the current template.
    pub updated: i32,
    /// The generation that this is about.
    pub observed_generation: u64,
}

/// The status of a Job.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JobStatus {
    /// Pods that run or wait.
    pub active: i32,
    /// Those that are ready; `None` before the first count.
    pub ready: Option<i32>,
    /// Pods that are being deleted and have not ended; `None` before the first count.
    pub terminating: Option<i32>,
    /// Pods that succeeded, or indexes that did.
    pub succeeded: i32,
    /// Pods that failed and count.
    pub failed: i32,
    /// Ended pods that are noted and not counted yet, because a finalizer still holds them
    /// (`uncountedTerminatedPods`).
    pub uncounted: i32,
    /// Indexes that succeeded, in the text form (`0,3-5`).
    pub completed_indexes: String,
    /// Indexes that failed for good; `None` without `backoffLimitPerIndex`.
    pub failed_indexes: Option<String>,
    /// When it was started.
    pub start: Option<Time>,
    /// When it was complete.
    pub completion: Option<Time>,
    /// In the order in which they came.
    pub conditions: Vec<Condition>,
}

impl JobStatus {
    /// The condition Complete or Failed that is true, if there is one.
    pub fn end(&self) -> Option<&Condition> {
        self.first_true(["Complete", "Failed"])
    }

    /// The condition that says how the Job is going to end, if there is one.
    pub fn verdict(&self) -> Option<&Condition> {
        self.first_true(["SuccessCriteriaMet", "FailureTarget"])
    }

    fn first_true(&self, kinds: [&str; 2]) -> Option<&Condition> {
        let holds = |condition: &&Condition| condition.status == Truth::True;
        self.conditions.iter().filter(holds).find(|condition| kinds.contains(&condition.kind))
    }
}

/// The status of a CronJob.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CronJobStatus {
    /// Names of its Jobs that have not finished.
    pub active: Vec<String>,
    /// The time for which a Job was last started.
    pub last_schedule: Option<Time>,
    /// When a Job of it was last complete.
    pub last_successful: Option<Time>,
}

/// The status of a HorizontalPodAutoscaler.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HpaStatus {
    /// Pods of the target, as its status says.
    pub current: i32,
    /// Pods that there should be.
    pub desired: i32,
    /// When the size was last changed.
    pub last_scale: Option<Time>,
    /// What was measured, in the order of the specification; `None` where it failed.
    pub metrics: Vec<Option<CurrentMetric>>,
    /// AbleToScale, ScalingActive, ScalingLimited; in the order in which they came.
    pub conditions: Vec<Condition>,
}

/// What an autoscaler has measured of one metric. Values are in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CurrentMetric {
    /// Percentage of the requests.
    pub utilization: Option<i32>,
    /// Value for each pod, on average.
    pub average_milli: Option<i64>,
    /// Value as a whole.
    pub value_milli: Option<i64>,
}

/// The status of a PodDisruptionBudget.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BudgetStatus {
    /// How many more pods may be disrupted now.
    pub allowed: i32,
    /// Pods that are ready and whose disruption is not under way.
    pub healthy: i32,
    /// Pods that must be.
    pub desired_healthy: i32,
    /// Pods that are counted.
    pub expected: i32,
    /// Pods whose eviction was granted and that are not gone, with the time of the grant.
    pub disrupted: BTreeMap<String, Time>,
    /// The generation that this is about.
    pub observed_generation: u64,
    /// How often the status was written; a write that is based on an older one is refused.
    pub version: u64,
}

/// The status of a ResourceQuota.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QuotaStatus {
    /// The limits that `used` is measured against.
    pub hard: ResourceList,
    /// What is taken, of each resource in `hard`.
    pub used: ResourceList,
    /// How often the status was written; a write that is based on an older one is refused.
    pub version: u64,
}

/// How many endpoints a Service has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EndpointsStatus {
    /// Pods that are ready and not being deleted.
    pub ready: u32,
    /// Pods that are ready and being deleted.
    pub serving_terminating: u32,
    /// All pods that the Service selects and that have not ended.
    pub total: u32,
}
