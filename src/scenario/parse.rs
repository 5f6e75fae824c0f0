//! From the text of a scenario to its types, with every value that does not fit found at once.

use super::de::{Input, Step};
use super::schema::study::{STUDY, Study};
use super::schema::{API_VERSION, Scenario};
use super::tree::{self, Data, Value};
use super::{At, overrides};
use crate::base::{Diagnostic, Set};
use serde::Deserialize;
use std::sync::Arc;

/// More findings than a person reads at once are not looked for.
const MAX_FINDINGS: usize = 50;

/// Reads a scenario, puts `overrides` into it and gives it its types.
pub fn parse(file: &Arc<str>, bytes: &[u8], sets: &[String]) -> Result<Scenario, Vec<Diagnostic>> {
    let tree = tree::read(file, bytes).map_err(|finding| vec![finding])?;
    parse_tree(tree, sets)
}

/// Puts `overrides` into the tree of a scenario and gives it its types.
pub(super) fn parse_tree(mut tree: Value, sets: &[String]) -> Result<Scenario, Vec<Diagnostic>> {
    if !matches!(tree.data, Data::Map(_)) {
        let message = format!("a scenario is a mapping, but this is {}", tree.describe());
        return Err(vec![Diagnostic::error(tree.location.clone(), message).found(tree.excerpt())]);
    }
    if is_study(&tree) {
        let finding =
            Diagnostic::error(tree.location.clone(), "this is a study of several variants, not a scenario");
        return Err(vec![finding.help("run it with `seatrial compare`")]);
    }
    let findings: Vec<Diagnostic> =
        sets.iter().filter_map(|set| overrides::apply(&mut tree, set).err()).collect();
    if !findings.is_empty() {
        return Err(findings);
    }
    let scenario: Scenario = typed(tree).map_err(with_version)?;
    check_version(&scenario)?;
    Ok(scenario)
}

/// The study that a file holds; `None` if it is something else, which [`parse`](parse()) then says.
pub fn parse_study(file: &Arc<str>, bytes: &[u8]) -> Option<Result<Study, Vec<Diagnostic>>> {
    let tree = tree::read(file, bytes).ok()?;
    is_study(&tree).then(|| {
        let study: Study = typed(tree).map_err(with_version)?;
        check_api_version(&study.api_version)?;
        Ok(study)
    })
}

/// Whether a tree says of itself that it is a study.
fn is_study(tree: &Value) -> bool {
    let Data::Map(entries) = &tree.data else { return false };
    entries.iter().any(|(key, value)| key.text == "kind" && value.excerpt() == STUDY)
}

/// Says what to write where the version is missing.
fn with_version(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for finding in findings.iter_mut().filter(|finding| finding.message == "`apiVersion` is missing") {
        finding.help = format!("write `apiVersion: {API_VERSION}` in the first line");
    }
    findings
}

fn check_api_version(version: &At<String>) -> Result<(), Vec<Diagnostic>> {
    if **version == API_VERSION {
        return Ok(());
    }
    let finding = version.error("unknown version of scenarios");
    Err(vec![finding.help(format!("write `apiVersion: {API_VERSION}`"))])
}

fn check_version(scenario: &Scenario) -> Result<(), Vec<Diagnostic>> {
    check_api_version(&scenario.api_version)?;
    match &scenario.kind {
        Some(kind @ At { value, .. }) if value != "Scenario" => {
            Err(vec![kind.error("unknown kind").help("write `kind: Scenario`, or leave it out")])
        }
        _ => Ok(()),
    }
}

/// Gives a tree its type. After an error the value at fault is taken out and the rest is tried
/// again, so that all errors are found.
pub(super) fn typed<T>(mut tree: Value) -> Result<T, Vec<Diagnostic>>
where
    T: for<'any> Deserialize<'any>,
{
    let mut findings = Vec::new();
    // Mappings and lists from which a value at fault was taken: what is missing there is no news.
    let mut incomplete: Set<Vec<Step>> = Set::default();
    loop {
        let error = match T::deserialize(Input(&tree)) {
            Ok(value) if findings.is_empty() => return Ok(value),
            Ok(_) => return Err(findings),
            Err(error) => error,
        };
        let path: Vec<Step> = error.0.path.iter().rev().copied().collect();
        if !(error.0.is_missing && incomplete.contains(&path)) {
            findings.push(error.diagnostic(&tree.location));
        }
        if findings.len() >= MAX_FINDINGS || !take_out(&mut tree, &path) {
            return Err(findings);
        }
        note_incomplete(&mut incomplete, &path);
    }
}

/// Remembers the parent of what was taken out. The members behind it have moved up by one.
fn note_incomplete(incomplete: &mut Set<Vec<Step>>, path: &[Step]) {
    let (last, parent) = path.split_last().expect("the root is never taken out");
    let depth = parent.len();
    let mut moved: Vec<Vec<Step>> = incomplete.drain().collect();
    moved.sort_unstable();
    for mut other in moved {
        if other.len() > depth && other[..depth] == *parent {
            if other[depth] == *last {
                continue;
            }
            if other[depth] > *last {
                other[depth] -= 1;
            }
        }
        incomplete.insert(other);
    }
    incomplete.insert(parent.to_vec());
}

/// Takes the value at `path` out of its list or mapping; false for the root.
fn take_out(tree: &mut Value, path: &[Step]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let mut at = tree;
    for step in parents {
        at = match &mut at.data {
            Data::List(items) => &mut items[*step],
            Data::Map(entries) => &mut entries[*step].1,
            Data::Null | Data::Scalar { .. } => return false,
        };
    }
    match &mut at.data {
        Data::List(items) => {
            items.remove(*last);
        }
        Data::Map(entries) => {
            entries.remove(*last);
        }
        Data::Null | Data::Scalar { .. } => return false,
    }
    true
}

/// How many bytes of a file say what kind it is.
pub const BEGINNING: usize = 64 << 10;

/// What kind of file something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// A scenario.
    Scenario,
    /// Kubernetes objects.
    Manifest,
}

/// What kind of file `bytes` are: a scenario if its `apiVersion` says so, or if it has no
/// `apiVersion` but keys that only a scenario has. Only the beginning is looked at.
pub fn kind_of(bytes: &[u8]) -> FileKind {
    const OWN_KEYS: [&str; 5] = ["cluster", "controlPlane", "workload", "faults", "expect"];
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(BEGINNING)]);
    if let Some(json) = text.trim_start().strip_prefix('{') {
        let own = match json.split_once("apiVersion") {
            Some((_, after)) => {
                after.trim_start_matches(['"', '\'', ':', ' ', '\n', '\t', '\r']).starts_with("seatrial/")
            }
            None => OWN_KEYS.iter().any(|key| json.contains(&format!("\"{key}\""))),
        };
        return if own { FileKind::Scenario } else { FileKind::Manifest };
    }
    let mut own = false;
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("apiVersion:") {
            let version = version.trim().trim_matches(['"', '\'']);
            return if version.starts_with("seatrial") { FileKind::Scenario } else { FileKind::Manifest };
        }
        own |= OWN_KEYS.iter().any(|key| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    }
    if own { FileKind::Scenario } else { FileKind::Manifest }
}
