//! Recomputing recorded cases of the real control plane, and comparing the answers.
//!
//! A case is a line of JSON: an input, and what the real code returned for it. Here it is read,
//! answered by the control plane of this program, and compared field by field; and the outcome of many
//! cases is counted. Files, and how anything is printed, are not known here.

mod answer;
pub mod batch;
pub mod compare;
pub mod controllers;
mod cycles;
pub mod input;
mod preempt;
mod queue;
mod report;
mod score;
mod sequence;
#[cfg(test)]
mod tests;
pub mod timeline;

pub use compare::{Difference, Differences, differences};
pub use input::Case;
pub use report::{Checked, Counts, FileReport};

use crate::base::Diagnostic;
use crate::control::config::{Mode, Version};
use serde_json::Value;

/// What answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// The release whose decisions are taken.
    pub version: Version,
    /// How nodes are searched when all are looked at.
    pub mode: Mode,
}

/// What the scheduler of a release answers to a case.
pub fn answer(case: &Case, subject: Subject) -> Result<Value, Diagnostic> {
    match case.mode.as_str() {
        "score" => score::answer(case, subject),
        "sequence" => sequence::answer(case, subject),
        "preempt" => preempt::answer(case, subject),
        "queue" => queue::answer(case, subject.version),
        other => {
            let finding = case.error("`mode` has an unknown value").found(other);
            Err(finding.help("one of score, sequence, preempt, queue"))
        }
    }
}
