//! Recorded decisions of the controllers and the kubelet: each mode has its answer in a file.
//!
//! What is decided, and how, is not known here: the pure functions of [`crate::control`] are asked.

mod crashloop;
mod deployment;
mod fields;
mod nodes;
mod ranking;

use super::input::Case;
use crate::base::Diagnostic;
use serde_json::Value;

/// Answers a case of a mode.
type Answer = fn(&Case) -> Result<Value, Diagnostic>;

/// The modes, each with what answers it.
const MODES: &[(&str, Answer)] = &[
    ("crashloop", crashloop::answer),
    ("deployment", deployment::answer),
    ("replicaset-delete", ranking::answer),
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
