//! Marathon's replacement of the instances of an app by those of a new version.
//!
//! Marathon, core/deployment/impl/TaskReplaceActor.scala (reference control-plane §7.5). Which instances
//! are healthy is told by the caller.

/// `upgradeStrategy`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Strategy {
    /// `minimumHealthCapacity`: the part of the instances that stays healthy, 0 to 1.
    pub min_health: f64,
    /// `maximumOverCapacity`: the part by which there may be more of them, 0 to 1.
    pub over_capacity: f64,
}

impl Default for Strategy {
    fn default() -> Strategy {
        Strategy { min_health: 1.0, over_capacity: 1.0 }
    }
}

impl Strategy {
    /// The default of apps with volumes that stay on their agents.
    pub const RESIDENT: Strategy = Strategy { min_health: 0.5, over_capacity: 0.0 };
}

/// How a replacement begins, and how far it may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// How many old instances are killed at once.
    pub kill_now: u32,
    /// How many instances there may be, old and new.
    pub max_capacity: u32,
}

/// The plan for `instances` of which `healthy` old ones run.
pub fn plan(instances: u32, healthy: u32, strategy: Strategy, resident: bool) -> Plan {
    let part = |share: f64| f64::from(instances) * share;
    // The casts saturate, and map not-a-number to zero.
    let min_healthy = libm::ceil(part(strategy.min_health)) as u32;
    let mut max_capacity = part(1.0 + strategy.over_capacity) as u32;
    let mut kill_now = healthy.saturating_sub(min_healthy);
    if min_healthy == max_capacity && max_capacity <= healthy {
        if resident {
            kill_now = healthy - min_healthy + 1;
        } else {
            max_capacity += 1;
        }
    }
    Plan { kill_now, max_capacity }
}

/// How many new instances are launched now, of `instances`, when `started` are and `old` ones are left.
pub fn launches(instances: u32, started: u32, old: u32, plan: Plan) -> u32 {
    let missing = instances.saturating_sub(started);
    missing.min(plan.max_capacity.saturating_sub(old).saturating_sub(started))
}
