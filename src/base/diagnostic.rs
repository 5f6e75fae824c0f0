//! What is wrong with an input: where, what was found, and what would be right.
//!
//! Readers return diagnostics; only `cli` renders and prints them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The input is used, but something in it was changed, dropped or has no effect.
    Warning,
    /// The input cannot be used.
    Error,
}

/// A place in an input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Location {
    /// The file as the user named it; `<stdin>` for standard input, `--set` for an override.
    pub file: Arc<str>,
    /// Line, from 1; 0 if the finding is about the whole file.
    pub line: u32,
    /// Column in characters, from 1; 0 if the finding is about the whole line.
    pub column: u32,
}

impl Location {
    /// The whole of `file`.
    pub fn file(file: impl Into<Arc<str>>) -> Location {
        Location { file: file.into(), line: 0, column: 0 }
    }

    /// A place in `file`.
    pub fn at(file: impl Into<Arc<str>>, line: u32, column: u32) -> Location {
        Location { file: file.into(), line, column }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// One finding. `Display` is a single line; `cli` adds the source excerpt.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Where.
    pub location: Location,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// The offending text as it stands in the input; empty if there is none. Long texts are cut.
    pub found: String,
    /// What would be right; empty if the message says it.
    pub help: String,
}

/// The longest excerpt of an input that a diagnostic repeats, in characters.
const MAX_FOUND: usize = 120;

impl Diagnostic {
    /// An error at `location`.
    pub fn error(location: Location, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            location,
            message: message.into(),
            found: String::new(),
            help: String::new(),
        }
    }

    /// A warning at `location`.
    pub fn warning(location: Location, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(location, message) }
    }

    /// Adds the offending text, cut to what is good to read.
    #[must_use]
    pub fn found(mut self, text: impl AsRef<str>) -> Diagnostic {
        let text = text.as_ref();
        self.found = text.chars().take(MAX_FOUND).collect();
        if self.found.len() < text.len() {
            self.found.push('…');
        }
        self
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = text.into();
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}: {kind}: {}", self.location, self.message)?;
        if !self.found.is_empty() {
            write!(f, ": `{}`", self.found)?;
        }
        if !self.help.is_empty() {
            write!(f, " ({})", self.help)?;
        }
        Ok(())
    }
}

/// Equal findings up to this number are each shown with their place.
const MAX_EQUAL: usize = 3;

/// Findings that differ only in their place, when there are many of them, become the first one with
/// the number of the others: ten thousand pods with the same slip are one thing to read.
#[must_use]
pub fn fold_repeats(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let key = |one: &Diagnostic| (one.severity, one.message.clone(), one.found.clone(), one.help.clone());
    let mut counts: BTreeMap<(Severity, String, String, String), usize> = BTreeMap::new();
    for finding in &findings {
        *counts.entry(key(finding)).or_default() += 1;
    }
    let mut folded = Vec::new();
    for mut finding in findings {
        let Some(count) = counts.get_mut(&key(&finding)) else { continue };
        match *count {
            // The first of many has been kept.
            0 => continue,
            1..=MAX_EQUAL => {}
            many => {
                finding.message = format!("{} (here and in {} more places)", finding.message, many - 1);
                *count = 0;
            }
        }
        folded.push(finding);
    }
    folded
}

/// The candidate nearest to `word`, if it is near enough to be what was meant.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found() {
        assert_eq!(suggest("lables", ["count", "labels", "taints"]), Some("labels"));
        assert_eq!(suggest("replica", ["replicas", "selector"]), Some("replicas"));
        assert_eq!(suggest("banana", ["replicas", "selector"]), None);
    }

    #[test]
    fn many_equal_findings_become_one() {
        let at = |line, message: &str| Diagnostic::warning(Location::at("x.yaml", line, 1), message);
        let mut findings: Vec<Diagnostic> = (1..=5).map(|line| at(line, "odd")).collect();
        findings.insert(2, at(9, "strange"));
        findings.extend((20..23).map(|line| at(line, "rare")));
        let shown: Vec<String> = fold_repeats(findings).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "x.yaml:1:1: warning: odd (here and in 4 more places)",
                "x.yaml:9:1: warning: strange",
                "x.yaml:20:1: warning: rare",
                "x.yaml:21:1: warning: rare",
                "x.yaml:22:1: warning: rare",
            ]
        );
    }

    #[test]
    fn a_diagnostic_is_one_line() {
        let finding = Diagnostic::error(Location::at("x.yaml", 3, 7), "unknown key")
            .found("lables")
            .help("did you mean `labels`?");
        assert_eq!(finding.to_string(), "x.yaml:3:7: error: unknown key: `lables` (did you mean `labels`?)");
    }
}
