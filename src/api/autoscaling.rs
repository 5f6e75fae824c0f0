//! HorizontalPodAutoscalers as written (autoscaling/v2), with the API's defaults filled in.

use super::{LabelSelector, ObjectMeta};
use crate::base::Quantity;

/// Sizes a workload by metrics.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HorizontalPodAutoscaler {
    /// Name and namespace.
    pub meta: ObjectMeta,
    /// What is sized.
    pub target: ScaleTarget,
    /// The fewest pods.
    pub min_replicas: i32,
    /// The most pods.
    pub max_replicas: i32,
    /// By what; the largest proposal wins.
    pub metrics: Vec<MetricSpec>,
    /// `spec.behavior`, if it is given.
    pub behavior: Option<HpaBehavior>,
}

/// The object that an autoscaler sizes, or that a metric is of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScaleTarget {
    /// Its group and version, such as `apps/v1`; empty where none is given.
    pub api_version: String,
    /// Its kind, such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What a metric is to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MetricTarget {
    /// A percentage of the requests.
    Utilization(i32),
    /// A value for each pod, on average.
    AverageValue(Quantity),
    /// A value as a whole.
    Value(Quantity),
    /// The kind of value that the type names is not given: such a metric can never be read.
    Unset,
}

/// A metric by name, and by labels.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetricName {
    /// The name.
    pub name: String,
    /// The labels, if any are asked for.
    pub selector: Option<LabelSelector>,
}

/// One metric of an autoscaler.
#[derive(Clone, PartialEq, Debug)]
pub enum MetricSpec {
    /// A resource of the pods.
    Resource {
        /// The resource.
        name: String,
        /// The target.
        target: MetricTarget,
    },
    /// A resource of one container of the pods.
    ContainerResource {
        /// The resource.
        name: String,
        /// The container.
        container: String,
        /// The target.
        target: MetricTarget,
    },
    /// A metric that each pod has.
    Pods {
        /// The metric.
        metric: MetricName,
        /// The target.
        target: MetricTarget,
    },
    /// A metric of another object.
    Object {
        /// The metric.
        metric: MetricName,
        /// The object.
        described: ScaleTarget,
        /// The target.
        target: MetricTarget,
    },
    /// A metric of nothing in the cluster.
    External {
        /// The metric.
        metric: MetricName,
        /// The target.
        target: MetricTarget,
    },
}

/// How an autoscaler moves.
#[derive(Clone, PartialEq, Debug)]
pub struct HpaBehavior {
    /// Upwards.
    pub scale_up: ScalingRules,
    /// Downwards.
    pub scale_down: ScalingRules,
}

/// How an autoscaler moves in one direction.
#[derive(Clone, PartialEq, Debug)]
pub struct ScalingRules {
    /// Seconds over which recommendations are looked back at; `None`: the controller's own
    /// downwards, 0 upwards.
    pub stabilization_seconds: Option<i32>,
    /// Which of the policies counts.
    pub select: SelectPolicy,
    /// The policies.
    pub policies: Vec<ScalingPolicy>,
    /// The tolerance in this direction; `None`: the controller's own.
    pub tolerance: Option<Quantity>,
}

/// Which policy counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SelectPolicy {
    /// The one that moves farthest.
    #[default]
    Max,
    /// The one that moves least.
    Min,
    /// None: there is no movement in this direction.
    Disabled,
}

/// How far an autoscaler may move within a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ScalingPolicy {
    /// Whether `value` is a percentage of the pods there were, or a number of pods.
    pub percent: bool,
    /// How far.
    pub value: i32,
    /// Within how many seconds.
    pub period_seconds: i32,
}

impl MetricSpec {
    /// The type as Kubernetes writes it.
    pub const fn kind(&self) -> &'static str {
        match self {
            MetricSpec::Resource { .. } => "Resource",
            MetricSpec::ContainerResource { .. } => "ContainerResource",
            MetricSpec::Pods { .. } => "Pods",
            MetricSpec::Object { .. } => "Object",
            MetricSpec::External { .. } => "External",
        }
    }

    /// What the metric is to be.
    pub const fn target(&self) -> MetricTarget {
        match self {
            MetricSpec::Resource { target, .. }
            | MetricSpec::ContainerResource { target, .. }
            | MetricSpec::Pods { target, .. }
            | MetricSpec::Object { target, .. }
            | MetricSpec::External { target, .. } => *target,
        }
    }
}
