//! Counting how many cases agree, by file and by feature.

use super::{Case, Differences, differences};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many cases agree, of how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Cases whose answer agrees.
    pub agree: u64,
    /// All cases that were compared.
    pub of: u64,
}

impl Counts {
    /// Counts one case.
    pub fn add(&mut self, agrees: bool) {
        self.agree += u64::from(agrees);
        self.of += 1;
    }

    /// Counts many.
    pub fn add_all(&mut self, more: Counts) {
        self.agree += more.agree;
        self.of += more.of;
    }

    /// Whether every case agrees.
    pub fn is_full(self) -> bool {
        self.agree == self.of
    }
}

/// How a case has come out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checked {
    /// There was nothing to compare the answer with.
    Answered,
    /// The answer was compared; it agrees if there are no differences.
    Compared(Differences),
    /// The case could not be read or answered, which is a disagreement.
    Failed,
}

impl Checked {
    /// Compares the answer to a case, if there is one, with what was recorded.
    pub fn of(case: &Case, answer: Option<&Value>) -> Checked {
        match (answer, &case.expected) {
            (None, _) => Checked::Failed,
            (Some(_), None) => Checked::Answered,
            (Some(answer), Some(expected)) => Checked::Compared(differences(expected, answer)),
        }
    }
}

/// What is counted of one file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileReport {
    /// The file as the user named it, or found it in a folder.
    pub name: String,
    /// All its cases.
    pub cases: Counts,
    /// Cases that were answered without anything to compare with.
    pub answered: u64,
    /// The cases of each feature; a case can have several.
    pub features: BTreeMap<String, Counts>,
}

impl FileReport {
    /// The report of a file before its first case.
    pub fn new(name: impl Into<String>) -> FileReport {
        FileReport { name: name.into(), ..FileReport::default() }
    }

    /// Counts a case; `features` are none where it could not be read.
    pub fn add(&mut self, features: &[String], checked: &Checked) {
        let agrees = match checked {
            Checked::Answered => {
                self.answered += 1;
                return;
            }
            Checked::Compared(differences) => differences.is_empty(),
            Checked::Failed => false,
        };
        self.cases.add(agrees);
        for feature in features {
            self.features.entry(feature.clone()).or_default().add(agrees);
        }
    }
}
