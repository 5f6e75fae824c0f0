//! Workload objects as written that keep pods running: ReplicaSet, Deployment, StatefulSet, DaemonSet,
//! ReplicationController; and PriorityClass. Those that run pods to completion are in `batch`.

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
    /// Old ReplicaSets that are kept (`revisionHistoryLimit`).
    pub revision_history_limit: i32,
    /// Which pods are counted.
    pub selector: LabelSelector,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
}

/// In which order a StatefulSet makes and removes its pods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum PodManagement {
    /// One at a time, each when those before it are available.
    #[default]
    OrderedReady,
    /// All at once.
    Parallel,
}

/// How a StatefulSet replaces pods of an old template.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StatefulSetUpdate {
    /// From the highest ordinal down, one at a time.
    RollingUpdate {
        /// Ordinals below it keep the old template.
        partition: i32,
        /// `maxUnavailable`; it has an effect only where the feature gate is on.
        max_unavailable: Option<IntOrPercent>,
    },
    /// Only what a person deletes is made anew.
    OnDelete,
}

impl Default for StatefulSetUpdate {
    fn default() -> StatefulSetUpdate {
        StatefulSetUpdate::RollingUpdate { partition: 0, max_unavailable: None }
    }
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
    /// In which order.
    pub pod_management: PodManagement,
    /// How pods are replaced.
    pub update: StatefulSetUpdate,
    /// Seconds a pod must have been ready to count as available.
    pub min_ready_seconds: i32,
    /// The first ordinal (`ordinals.start`).
    pub start_ordinal: i32,
    /// Old templates that are kept (`revisionHistoryLimit`).
    pub revision_history_limit: i32,
    /// How many claims each pod has of its own (`volumeClaimTemplates`); what they ask for is not read.
    pub claim_templates: u32,
}

/// How a DaemonSet replaces pods of an old template.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DaemonSetUpdate {
    /// Some nodes at a time.
    RollingUpdate {
        /// Nodes on which a new pod may run beside the old one; rounded up.
        max_surge: IntOrPercent,
        /// Nodes on which no pod may be available; rounded up.
        max_unavailable: IntOrPercent,
    },
    /// Only what a person deletes is made anew.
    OnDelete,
}

impl Default for DaemonSetUpdate {
    /// One node at a time (Kubernetes 1.36, pkg/apis/apps/v1/defaults.go).
    fn default() -> DaemonSetUpdate {
        DaemonSetUpdate::RollingUpdate {
            max_surge: IntOrPercent::Int(0),
            max_unavailable: IntOrPercent::Int(1),
        }
    }
}

/// Keeps a pod on every node that may have one.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DaemonSet {
    /// Name, namespace, labels.
    pub meta: ObjectMeta,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The pods to make.
    pub template: Arc<PodTemplate>,
    /// How pods are replaced.
    pub update: DaemonSetUpdate,
    /// Seconds a pod must have been ready to count as available.
    pub min_ready_seconds: i32,
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
