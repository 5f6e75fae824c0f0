//! Recorded decisions of the controllers and the kubelet: each mode has its answer in a file.
//!
//! What is decided, and how, is not known here: the pure functions of [`crate::control`] are asked.

mod budget;
mod crashloop;
mod cronjob;
mod daemonset;
mod deployment;
mod fields;
mod hpa;
mod job;
mod nodes;
mod ranking;
mod sets;
mod statefulset;
#[cfg(test)]
mod tests;

use super::input::Case;
use crate::base::Diagnostic;
use serde_json::Value;

/// Answers a case of a mode.
type Answer = fn(&Case) -> Result<Value, Diagnostic>;

/// The modes, each with what answers it.
const MODES: &[(&str, Answer)] = &[
    ("crashloop", crashloop::answer),
    ("daemonset", daemonset::answer),
    ("deployment", deployment::answer),
    ("hpa", hpa::answer),
    ("job-backoff", job::backoff),
    ("job-policy", job::policy),
    ("job-sync", job::sync),
    ("cronjob", cronjob::answer),
    ("pdb-status", budget::answer),
    ("replicaset-delete", ranking::answer),
    ("statefulset", statefulset::answer),
    ("taint-eviction", nodes::taint_eviction),
    ("zone-disruption", nodes::zone_disruption),
    ("zone-state", nodes::zone_state),
];

/// What the controllers answer to a case.
pub fn answer(case: &Case) -> Result<Value, Diagnostic> {
    if let Some((_, answer)) = MODES.iter().find(|(mode, _)| *mode == case.mode) {
        return answer(case);
    }
    let known: Vec<&str> = MODES.iter().map(|(mode, _)| *mode).collect();
    let finding = case.error("`mode` has an unknown value").found(&case.mode);
    Err(finding.help(format!("one of {}", known.join(", "))))
}
