//! Recorded runs of a real control plane: the same manifests and timed actions run here, written
//! down in the same words, and laid over the recordings.
//!
//! A folder has `manifests.yaml`, `script.json` and `timeline-N.jsonl`. Files are read by the caller.

mod compare;
mod death;
mod record;
mod record_status;
mod script;
#[cfg(test)]
mod tests;

pub use compare::{Agreement, Recording, agreement};
pub use death::{NodeDeath, Step};
pub use record::{Fields, Line, Timeline};
pub use script::Script;

use crate::sim::{RunError, run};

/// Runs a script with a seed; what the recordings leave free is drawn from it.
pub fn replay(script: &Script, seed: u64) -> Result<Vec<Line>, RunError> {
    let mut timeline = Timeline::new(script.name());
    run(script.setup(seed), &mut timeline, &mut ())?;
    Ok(timeline.into_lines())
}
