//! The command `check`: reads everything a scenario names, and says what is wrong.

use super::args::{CheckArguments, Format};
use super::diagnostics::{Style, render, to_json};
use super::{Exit, complain, print};
use crate::base::Diagnostic;
use crate::scenario::parse::BEGINNING;
use crate::scenario::{Compiled, FileKind, Named, Plan, compile, kind_of, load};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// Checks every scenario that is named, or the Kubernetes objects that are named together.
pub(super) fn run(arguments: &CheckArguments) -> Exit {
    let mut exit = Exit::Done;
    let mut json = Vec::new();
    for named in split(arguments.input.named()) {
        let stdin: Box<dyn Read + Send> = Box::new(std::io::stdin());
        let result =
            load(&named, Some(stdin)).and_then(|(scenario, environment)| compile(&scenario, environment));
        let (findings, summary) = match &result {
            Ok(compiled) => (compiled.warnings.as_slice(), summary(&named, compiled)),
            Err(findings) => (findings.as_slice(), String::new()),
        };
        if result.is_err() {
            exit = Exit::BadInput;
        }
        match arguments.format {
            Format::Json => json.push(report(&named, findings, &result)),
            Format::Text => {
                complain(&render(findings, Style::of_stderr()));
                if !arguments.quiet && print(summary.as_bytes()) != Exit::Done {
                    return Exit::Internal;
                }
            }
        }
    }
    if arguments.format == Format::Json {
        let text = serde_json::to_string_pretty(&json).expect("plain data") + "\n";
        if print(text.as_bytes()) != Exit::Done {
            return Exit::Internal;
        }
    }
    exit
}

/// Scenarios are checked one by one, Kubernetes objects together. What cannot be read goes with the
/// scenarios, if there are some, and is reported by itself.
pub(super) fn split(named: Named) -> Vec<Named> {
    if named.files.len() > 1 && are_scenarios(&named.files) {
        return named.files.iter().map(|file| Named { files: vec![file.clone()], ..named.clone() }).collect();
    }
    vec![named]
}

fn are_scenarios(files: &[String]) -> bool {
    let kinds: Vec<Option<FileKind>> =
        files.iter().map(|file| beginning(file).map(|bytes| kind_of(&bytes))).collect();
    kinds.contains(&Some(FileKind::Scenario)) && !kinds.contains(&Some(FileKind::Manifest))
}

/// The first bytes of a file. A pipe is left alone, because it can be read only once, and counts as
/// Kubernetes objects; what cannot be read is reported when it is loaded.
fn beginning(file: &str) -> Option<Vec<u8>> {
    let path = Path::new(file);
    if file == "-" || path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Some(Vec::new());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file).ok()?.take(BEGINNING as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What a scenario holds, in a few lines.
fn summary(named: &Named, compiled: &Compiled) -> String {
    let mut text = format!("{}: ok\n", named.files.join(" "));
    match &compiled.plan {
        Plan::Kubernetes(setup) => {
            let _ = writeln!(
                text,
                "  {} nodes in {} pools; {} bound pods, {} objects, {} streams of pods; {} faults, {} actions",
                setup.nodes.len(),
                setup.pools.len(),
                setup.bound_pods.len(),
                setup.objects.len(),
                setup.sources.len(),
                setup.faults.len(),
                setup.actions.len(),
            );
        }
        Plan::Fleet(setup) => {
            let (nodes, streams, faults) = (setup.nodes.len(), setup.sources.len(), setup.faults.len());
            let _ = writeln!(text, "  {nodes} nodes for jobs; {streams} streams of jobs; {faults} faults");
        }
        Plan::Batch(setup) => {
            let streams = setup.sources.len();
            let _ = writeln!(text, "  {} processors; {streams} streams of jobs", setup.processors);
        }
    }
    for (what, count) in &compiled.remarks {
        let _ = writeln!(text, "  {what}: {count}");
    }
    text
}

fn report(
    named: &Named,
    findings: &[Diagnostic],
    result: &Result<Compiled, Vec<Diagnostic>>,
) -> serde_json::Value {
    let remarks: serde_json::Map<String, serde_json::Value> = result
        .iter()
        .flat_map(|compiled| &compiled.remarks)
        .map(|(what, count)| (what.clone(), (*count).into()))
        .collect();
    let inputs: Vec<serde_json::Value> = result
        .iter()
        .flat_map(|compiled| &compiled.inputs)
        .map(|(file, sha256)| serde_json::json!({ "file": file, "sha256": sha256 }))
        .collect();
    serde_json::json!({
        "files": named.files,
        "ok": result.is_ok(),
        "findings": findings.iter().map(to_json).collect::<Vec<_>>(),
        "remarks": remarks,
        "inputs": inputs,
    })
}
