//! How a service is run: restarts, updates, where its tasks may go. Defaults, and what annotations of
//! an object say instead (reference control-plane §6.1; swarmkit, api/defaults/service.go).

use crate::api::Annotations;
use crate::base::Span;

/// What annotations of services begin with.
pub const PREFIX: &str = "seatrial.dev/swarm-";

/// When a task is replaced by a new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RestartCondition {
    /// Never.
    None,
    /// When it has not completed.
    OnFailure,
    /// Always.
    #[default]
    Any,
}

/// When, and how often, tasks are replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RestartPolicy {
    /// When.
    pub condition: RestartCondition,
    /// How long a new task waits before it starts.
    pub delay: Span,
    /// How many restarts a slot may have; 0 for any number.
    pub max_attempts: u32,
    /// In which time that many; zero for all the time.
    pub window: Span,
}

impl Default for RestartPolicy {
    fn default() -> RestartPolicy {
        RestartPolicy {
            condition: RestartCondition::Any,
            delay: Span::from_secs(5),
            max_attempts: 0,
            window: Span::ZERO,
        }
    }
}

/// In which order an update stops the old task and starts the new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// The old one stops first.
    #[default]
    StopFirst,
    /// The new one runs first.
    StartFirst,
}

/// What an update does that has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailureAction {
    /// It stops.
    #[default]
    Pause,
    /// It goes on.
    Continue,
    /// It goes back to the specification before.
    Rollback,
}

/// How tasks are replaced when the specification changes, or changes back.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UpdateConfig {
    /// Slots at a time; 0 for all of them.
    pub parallelism: u32,
    /// Time between one slot and the next.
    pub delay: Span,
    /// What follows if it fails.
    pub failure_action: FailureAction,
    /// How long a new task is watched.
    pub monitor: Span,
    /// The share of slots that may fail.
    pub max_failure_ratio: f64,
    /// Which task goes first.
    pub order: Order,
}

impl Default for UpdateConfig {
    fn default() -> UpdateConfig {
        UpdateConfig {
            parallelism: 1,
            delay: Span::ZERO,
            failure_action: FailureAction::Pause,
            monitor: Span::from_secs(5),
            max_failure_ratio: 0.0,
            order: Order::StopFirst,
        }
    }
}

/// How a service is run.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceSettings {
    /// Restarts. Jobs replace only what has failed, whatever the condition says.
    pub restart: RestartPolicy,
    /// Updates.
    pub update: UpdateConfig,
    /// Going back. A failure of that pauses.
    pub rollback: UpdateConfig,
    /// Conditions on nodes, such as `node.labels.disk==ssd`.
    pub constraints: Vec<String>,
    /// What tasks are spread over, such as `node.labels.zone`, from the root down.
    pub preferences: Vec<String>,
    /// Tasks of the service on a node at most; 0 for any number.
    pub max_replicas: u32,
    /// Time that a task has to stop.
    pub stop_grace: Span,
    /// Whether every node that may have one gets a task, whatever the object is.
    pub is_global: bool,
}

impl Default for ServiceSettings {
    fn default() -> ServiceSettings {
        ServiceSettings {
            restart: RestartPolicy::default(),
            update: UpdateConfig::default(),
            rollback: UpdateConfig::default(),
            constraints: Vec::new(),
            preferences: Vec::new(),
            max_replicas: 0,
            stop_grace: Span::from_secs(10),
            is_global: false,
        }
    }
}

/// The names of all annotations, without [`PREFIX`].
pub const KEYS: [&str; 21] = [
    "mode",
    "restart-condition",
    "restart-delay",
    "restart-max-attempts",
    "restart-window",
    "update-parallelism",
    "update-delay",
    "update-failure-action",
    "update-monitor",
    "update-max-failure-ratio",
    "update-order",
    "rollback-parallelism",
    "rollback-delay",
    "rollback-failure-action",
    "rollback-monitor",
    "rollback-max-failure-ratio",
    "rollback-order",
    "constraints",
    "placement-preferences",
    "max-replicas-per-node",
    "stop-grace-period",
];

impl ServiceSettings {
    /// These settings with what the annotations of an object say. The error says what is wrong with
    /// which annotation.
    pub fn with(&self, annotations: &Annotations) -> Result<ServiceSettings, String> {
        let mut settings = self.clone();
        for (key, value) in annotations {
            if let Some(name) = key.strip_prefix(PREFIX) {
                settings.set(name, value).map_err(|what| format!("`{key}: {value}`: {what}"))?;
            }
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some(name) = name.strip_prefix("update-") {
            return set_update(&mut self.update, name, value);
        }
        if let Some(name) = name.strip_prefix("rollback-") {
            return set_update(&mut self.rollback, name, value);
        }
        match name {
            "mode" => {
                self.is_global = match value {
                    "global" => true,
                    "replicated" => false,
                    _ => return Err("write `replicated` or `global`".into()),
                }
            }
            "restart-condition" => self.restart.condition = condition(value)?,
            "restart-delay" => self.restart.delay = span(value)?,
            "restart-max-attempts" => self.restart.max_attempts = number(value)?,
            "restart-window" => self.restart.window = span(value)?,
            "constraints" => self.constraints = list(value),
            "placement-preferences" => self.preferences = preferences(value)?,
            "max-replicas-per-node" => self.max_replicas = number(value)?,
            "stop-grace-period" => self.stop_grace = span(value)?,
            _ => return Err(format!("there is no such annotation; there are {}", KEYS.join(", "))),
        }
        Ok(())
    }
}

fn set_update(config: &mut UpdateConfig, name: &str, value: &str) -> Result<(), String> {
    match name {
        "parallelism" => config.parallelism = number(value)?,
        "delay" => config.delay = span(value)?,
        "monitor" => config.monitor = span(value)?,
        "failure-action" => {
            config.failure_action = match value {
                "pause" => FailureAction::Pause,
                "continue" => FailureAction::Continue,
                "rollback" => FailureAction::Rollback,
                _ => return Err("write `pause`, `continue` or `rollback`".into()),
            }
        }
        "order" => {
            config.order = match value {
                "stop-first" => Order::StopFirst,
                "start-first" => Order::StartFirst,
                _ => return Err("write `stop-first` or `start-first`".into()),
            }
        }
        "max-failure-ratio" => {
            let ratio = value.parse().ok().filter(|ratio: &f64| (0.0..=1.0).contains(ratio));
            config.max_failure_ratio = ratio.ok_or("write a number from 0 to 1")?;
        }
        _ => return Err(format!("there is no such annotation; there are {}", KEYS.join(", "))),
    }
    Ok(())
}

fn condition(value: &str) -> Result<RestartCondition, String> {
    match value {
        "none" => Ok(RestartCondition::None),
        "on-failure" => Ok(RestartCondition::OnFailure),
        "any" => Ok(RestartCondition::Any),
        _ => Err("write `none`, `on-failure` or `any`".into()),
    }
}

fn span(value: &str) -> Result<Span, String> {
    value.parse().map_err(|_| "write a length of time, such as `10s`".into())
}

fn number(value: &str) -> Result<u32, String> {
    value.parse().map_err(|_| "write a whole number from 0".into())
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Placement preferences: keys, each with or without `spread=` before it.
fn preferences(value: &str) -> Result<Vec<String>, String> {
    let keys: Vec<String> = list(value)
        .into_iter()
        .map(|key| key.strip_prefix("spread=").map_or(key.clone(), str::to_owned))
        .collect();
    match keys.iter().find(|key| !is_spread_key(key)) {
        None => Ok(keys),
        Some(_) => Err("tasks are spread over `node.labels.KEY` or `engine.labels.KEY`".into()),
    }
}

/// Whether tasks can be spread over that.
pub fn is_spread_key(key: &str) -> bool {
    ["node.labels.", "engine.labels."].iter().any(|start| key.len() > start.len() && key.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(key: &str, value: &str) -> Result<ServiceSettings, String> {
        let annotations = [(format!("{PREFIX}{key}"), value.to_owned())].into_iter().collect();
        ServiceSettings::default().with(&annotations)
    }

    #[test]
    fn every_annotation_changes_its_setting() {
        let values = [
            "global",
            "none",
            "1s",
            "3",
            "1m",
            "0",
            "2s",
            "rollback",
            "9s",
            "0.5",
            "start-first",
            "4",
            "3s",
            "continue",
            "8s",
            "1",
            "start-first",
            "node.role==worker, node.labels.disk!=ssd",
            "spread=node.labels.zone",
            "2",
            "30s",
        ];
        let mut seen = vec![ServiceSettings::default()];
        for (key, value) in KEYS.into_iter().zip(values) {
            let settings = annotated(key, value).unwrap();
            assert!(!seen.contains(&settings), "{key}: {value} changes nothing of its own");
            seen.push(settings);
        }
        let settings = annotated("constraints", values[17]).unwrap();
        assert_eq!(settings.constraints, ["node.role==worker", "node.labels.disk!=ssd"]);
        assert_eq!(annotated("placement-preferences", values[18]).unwrap().preferences, ["node.labels.zone"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (key, value, what) in [
            ("restart-condition", "always", "`any`"),
            ("restart-delay", "-1s", "length of time"),
            ("update-parallelism", "1e30", "whole number"),
            ("update-max-failure-ratio", "NaN", "from 0 to 1"),
            ("update-order", "first", "`start-first`"),
            ("update-failure-action", "stop", "`rollback`"),
            ("placement-preferences", "spread=node.id", "`node.labels.KEY`"),
            ("rollback-speed", "1", "no such annotation"),
            ("colour", "red", "no such annotation"),
        ] {
            let said = annotated(key, value).unwrap_err();
            assert!(said.contains(what) && said.contains(key), "{key}: {said}");
        }
        let other = [("example.com/swarm-colour".to_owned(), "red".to_owned())].into_iter().collect();
        assert_eq!(ServiceSettings::default().with(&other), Ok(ServiceSettings::default()));
    }
}
