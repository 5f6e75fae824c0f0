//! Docker Swarm: the manager of a swarm, as swarmkit has it (reference control-plane §6).
//!
//! A service is a workload row, a task is a pod row, an agent is the kubelet of a node without its
//! restarts. Which Kubernetes object is which kind of service is told in `docs/control-planes.md`.

pub mod constraint;
pub mod enforcer;
pub mod heartbeat;
mod manager;
pub mod ranking;
pub mod reaper;
pub mod restart;
pub mod scale;
pub mod service;
pub mod state;
mod store;
pub mod update;
mod updater;

#[cfg(test)]
mod tests;

use super::{Component, Config};
use crate::base::Span;
pub use service::{FailureAction, Order, RestartCondition, RestartPolicy, ServiceSettings, UpdateConfig};

/// The constants of a manager (reference control-plane §6.1).
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Mean time between two heartbeats of a node.
    pub heartbeat_period: Span,
    /// How much longer or shorter each of these times may be.
    pub heartbeat_epsilon: Span,
    /// How many of these times a node may be silent.
    pub grace_multiplier: u32,
    /// How long a node may be down before its tasks are given up.
    pub node_down_period: Span,
    /// Quiet time after an event before the scheduler begins.
    pub debounce: Span,
    /// The longest time that events can put the scheduler off.
    pub max_latency: Span,
    /// Tasks kept in a slot; negative for all of them.
    pub task_history: i64,
    /// How long the reaper gathers slots before it looks at them.
    pub reaper_batching: Span,
    /// How long a new task waits at most for the one that it replaces to stop.
    pub stop_timeout: Span,
    /// How services are run that say nothing else.
    pub service: ServiceSettings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            heartbeat_period: Span::from_secs(5),
            heartbeat_epsilon: Span::from_millis(500),
            grace_multiplier: 3,
            node_down_period: Span::from_secs(24 * 3600),
            debounce: Span::from_millis(50),
            max_latency: Span::from_secs(1),
            task_history: 5,
            reaper_batching: Span::from_millis(250),
            stop_timeout: Span::from_secs(60),
            service: ServiceSettings::default(),
        }
    }
}

impl Settings {
    /// The shortest time between two heartbeats, and the share of it by which each may be longer.
    pub fn heartbeats(&self) -> (Span, f64) {
        let shortest = self.heartbeat_period.saturating_sub(self.heartbeat_epsilon).max(Span(1));
        (shortest, 2.0 * self.heartbeat_epsilon.0 as f64 / shortest.0 as f64)
    }
}

/// The components of the manager, in the order in which they are told of facts.
pub(super) fn components(config: &Config, settings: &Settings) -> Vec<Box<dyn Component>> {
    vec![Box::new(manager::Manager::new(config, settings))]
}
