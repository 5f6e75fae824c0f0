//! Workload objects as written: ReplicaSet, Deployment, Job, StatefulSet, ReplicationController,
//! PriorityClass.

use super::{LabelSelector, Labels, ObjectMeta, PodTemplate};
use std::sync::Arc;

/// A number or a percentage, as roll-out limits are written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IntOrPercent {
    /// A number of pods.
    Int(i32),
    /// A percentage of the desired pods.
    Percent(i32),
}

/// Keeps a number of pods.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReplicaSet {
    /// Name, namespace, labels, owner.
    pub meta: ObjectMeta,
    /// How many pods.
    pub replicas: i32,
    /// Seconds a pod must have been ready to count as available.
    pub min_ready_seconds: i32,
    /// Which pods are counted.
    pub selector: LabelSelector,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

/// How a Deployment replaces pods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpdateStrategy {
    /// Old and new side by side.
    RollingUpdate {
        /// Pods above the desired number; rounded up.
        max_surge: IntOrPercent,
        /// Pods below the desired number; rounded down.
        max_unavailable: IntOrPercent,
    },
    /// All old pods go before new ones come.
    Recreate,
}

impl Default for UpdateStrategy {
    /// A rolling update with 25 % each (Kubernetes 1.36, pkg/apis/apps/v1/defaults.go).
    fn default() -> UpdateStrategy {
        UpdateStrategy::RollingUpdate {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Percent(25),
        }
    }
}

/// Keeps a ReplicaSet, and replaces it by another when its template changes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Deployment {
    /// Name, namespace, labels.
    pub meta: ObjectMeta,
    /// How many pods.
    pub replicas: i32,
    /// Seconds a pod must have been ready to count as available.
    pub min_ready_seconds: i32,
    /// Whether roll-outs wait.
    pub paused: bool,
    /// How pods are replaced.
    pub strategy: UpdateStrategy,
    /// Seconds without progress after which the roll-out is reported as failed.
    pub progress_deadline_seconds: i32,
    /// Which pods are counted.
    pub selector: LabelSelector,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

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
    /// Seconds after which the job is failed.
    pub active_deadline_seconds: Option<i64>,
    /// Seconds after the end at which the job is deleted.
    pub ttl_seconds_after_finished: Option<i64>,
    /// Whether the job waits.
    pub suspend: bool,
    /// Whether each pod has an index of its own.
    pub indexed: bool,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

/// Keeps a number of pods, each with a name and claims of its own.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StatefulSet {
    /// Name, namespace, labels.
    pub meta: ObjectMeta,
    /// How many pods.
    pub replicas: i32,
    /// Which pods are its own; `None` for none.
    pub selector: Option<LabelSelector>,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

/// Keeps a number of pods; the older form of the ReplicaSet.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReplicationController {
    /// Name, namespace, labels.
    pub meta: ObjectMeta,
    /// How many pods.
    pub replicas: i32,
    /// Labels its pods have; `None` where there is no selector.
    pub selector: Option<Labels>,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

/// A priority by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PriorityClass {
    /// The name.
    pub meta: ObjectMeta,
    /// The priority.
    pub value: i32,
    /// Whether pods that name no class get this one.
    pub global_default: bool,
    /// Whether its pods never preempt.
    pub never_preempts: bool,
}
