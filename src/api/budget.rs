//! Pod disruption budgets as written.

use super::workload::IntOrPercent;
use super::{LabelSelector, ObjectMeta};

/// How many of a set of pods may be missing on purpose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodDisruptionBudget {
    /// Name and namespace.
    pub meta: ObjectMeta,
    /// Which pods; `None` for none.
    pub selector: Option<LabelSelector>,
    /// How many must stay.
    pub min_available: Option<IntOrPercent>,
    /// How many may be missing.
    pub max_unavailable: Option<IntOrPercent>,
    /// How many more may be disrupted now, as a dump gives it.
    pub disruptions_allowed: i32,
    /// Pods whose eviction was granted and that are not gone yet, as a dump gives them; sorted.
    pub disrupted_pods: Vec<String>,
    /// Whether pods that are not ready may always be evicted (`unhealthyPodEvictionPolicy:
    /// AlwaysAllow`; the default is `IfHealthyBudget`).
    pub always_allow_unhealthy: bool,
}
