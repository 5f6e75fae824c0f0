//! The command `run`: runs scenarios, or Kubernetes manifests as they are.

use super::args::{Format, Output, RunArguments};
use super::check::split;
use super::diagnostics::{Style, render, to_json};
use super::execute::{Done, Order, execute, findings, lines};
use super::progress::Interrupt;
use super::{Exit, complain, print};
use crate::base::{Diagnostic, Location};
use crate::observe::Results;
use crate::report::{Glyphs, summary_table, text_gantt, waits_text};
use crate::scenario::{Compiled, Environment, Named, Scenario, compile, load, name_of};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Width of the summary: what a terminal of the usual size shows.
const WIDTH: usize = 80;
/// Where results go if nothing else is said.
const RESULTS: &str = "results";

/// Runs everything that is named, several scenarios side by side.
pub(super) fn run(arguments: &RunArguments) -> Exit {
    let interrupt = Interrupt::on_signal();
    let runs = split(arguments.input.named());
    let alone = runs.len() == 1;
    let loaded: Vec<(&Named, Loaded)> = runs.iter().map(|named| (named, load_one(named, alone))).collect();
    if let Some(finding) = refuse_same_folder(arguments, &loaded) {
        complain(&render(&[finding], Style::of_stderr()));
        return Exit::BadInput;
    }
    let threads = arguments.threads.map_or(0, usize::from);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        complain("error: no threads can be started\n");
        return Exit::Internal;
    };
    let ended: Vec<Ended> = pool.install(|| {
        let runs = loaded.into_par_iter();
        runs.map(|(named, loaded)| one(named, loaded, arguments, alone, &interrupt)).collect()
    });
    let exit = worst(ended.iter().map(|ended| ended.exit));
    show(arguments, &ended, exit)
}

/// A run that has ended, well or not.
struct Ended {
    exit: Exit,
    /// Warnings, or the errors that ended it.
    findings: Vec<Diagnostic>,
    /// What is printed.
    text: String,
    json: serde_json::Value,
}

/// A scenario that was read, with what surrounds it, or what is wrong with it.
type Loaded = Result<(Scenario, Environment), Vec<Diagnostic>>;

fn load_one(named: &Named, alone: bool) -> Loaded {
    let stdin: Box<dyn Read + Send> = Box::new(std::io::stdin());
    load(named, alone.then_some(stdin))
}

/// Two runs cannot share one folder.
fn refuse_same_folder(arguments: &RunArguments, runs: &[(&Named, Loaded)]) -> Option<Diagnostic> {
    if let Some(folder) = arguments.out.as_ref().filter(|_| runs.len() > 1) {
        let finding = Diagnostic::error(Location::file("--out"), "one folder is named for several runs");
        let help = "leave it out: each run has a folder of its own name";
        return Some(finding.found(folder.to_string_lossy()).help(help));
    }
    if arguments.outputs.as_ref().is_some_and(|outputs| Output::kinds(outputs).is_empty()) {
        return None;
    }
    let mut names = BTreeMap::new();
    for (scenario, environment) in runs.iter().filter_map(|(_, loaded)| loaded.as_ref().ok()) {
        let name = name_of(scenario, environment);
        if let Some(other) = names.insert(name.clone(), &environment.file) {
            let location = Location::file(environment.file.clone());
            let finding = Diagnostic::error(location, "two runs would write the same results folder");
            let help = format!(
                "{other} has this name too; give one of them another `name`, or run it alone with `--out`"
            );
            return Some(finding.found(name).help(help));
        }
    }
    None
}

fn one(named: &Named, loaded: Loaded, arguments: &RunArguments, alone: bool, interrupt: &Interrupt) -> Ended {
    let failed = |exit, findings: Vec<Diagnostic>| {
        let json = serde_json::json!({
            "files": named.files, "findings": findings.iter().map(to_json).collect::<Vec<_>>(),
        });
        Ended { exit, findings, text: String::new(), json }
    };
    let compiled = loaded.and_then(|(scenario, environment)| compile(&scenario, environment));
    let mut compiled = match compiled {
        Ok(compiled) => compiled,
        Err(findings) => return failed(Exit::BadInput, findings),
    };
    if let Some(outputs) = &arguments.outputs {
        compiled.outputs.select = Output::kinds(outputs);
    }
    let mut warnings = std::mem::take(&mut compiled.warnings);
    let order = Order {
        named: named.clone(),
        explain: arguments.explain.clone(),
        folder: folder(arguments, &compiled),
        progress: alone && !arguments.quiet && !arguments.no_progress,
        interrupt: interrupt.clone(),
    };
    match execute(compiled, &order) {
        Ok(mut done) => {
            warnings.append(&mut done.warnings);
            finished(named, &done, warnings, arguments.gantt)
        }
        Err(failure) => {
            let exit = failure.exit();
            failed(exit, findings(failure))
        }
    }
}

/// Where the results go; nowhere if nothing is to be written.
fn folder(arguments: &RunArguments, compiled: &Compiled) -> Option<PathBuf> {
    let wanted = !compiled.outputs.select.is_empty();
    let usual = || Path::new(RESULTS).join(&compiled.name);
    wanted.then(|| arguments.out.clone().unwrap_or_else(usual))
}

/// The Gantt chart and why jobs waited, for a terminal.
pub(super) fn gantt_text(results: &Results) -> String {
    text_gantt(&results.gantt, WIDTH, Glyphs::Unicode) + &waits_text(results, WIDTH, Glyphs::Unicode)
}

fn finished(named: &Named, done: &Done, warnings: Vec<Diagnostic>, gantt: bool) -> Ended {
    let met = done.judgements.iter().all(|judgement| judgement.met);
    let mut text = summary_table(&done.observed.results, WIDTH, Glyphs::Unicode);
    if gantt {
        let _ = write!(text, "\n{}", gantt_text(&done.observed.results));
    }
    if !done.judgements.is_empty() {
        text.push_str("\nExpectations\n");
        for line in lines(&done.judgements).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = writeln!(text, "\ndigest {}", done.observed.digest);
    if let Some(folder) = &done.folder {
        let report = folder.join("report.html");
        let shown = if report.is_file() { report } else { folder.clone() };
        let _ = writeln!(text, "results {}", shown.display());
    }
    let mut json: serde_json::Value =
        serde_json::from_str(&done.observed.summary_json()).unwrap_or(serde_json::Value::Null);
    let judged: Vec<serde_json::Value> = done
        .judgements
        .iter()
        .map(|one| serde_json::json!({ "condition": one.text, "met": one.met, "actual": one.actual }))
        .collect();
    json["files_named"] = serde_json::json!(named.files);
    json["expectations"] = judged.into();
    json["findings"] = warnings.iter().map(to_json).collect();
    json["folder"] = serde_json::json!(done.folder.as_ref().map(|folder| folder.display().to_string()));
    let exit = if met { Exit::Done } else { Exit::NotMet };
    Ended { exit, findings: warnings, text, json }
}

/// Prints what the runs have come to, in the order in which they were named.
fn show(arguments: &RunArguments, ended: &[Ended], exit: Exit) -> Exit {
    let style = Style::of_stderr();
    let mut out = String::new();
    for (number, run) in ended.iter().enumerate() {
        // Quiet runs tell only what kept them from coming to their end.
        if !arguments.quiet || run.text.is_empty() {
            complain(&render(&run.findings, style));
        }
        if arguments.format == Format::Text && !arguments.quiet {
            if number > 0 {
                out.push('\n');
            }
            out.push_str(&run.text);
        }
    }
    if arguments.format == Format::Json && !arguments.quiet {
        let value = match ended {
            [only] => only.json.clone(),
            several => several.iter().map(|run| run.json.clone()).collect(),
        };
        out = serde_json::to_string_pretty(&value).unwrap_or_default() + "\n";
    }
    match print(out.as_bytes()) {
        Exit::Done => exit,
        failed => failed,
    }
}

/// The exit code of several runs: an interruption first, then what is worst.
pub(super) fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    let severity = |exit: &Exit| match exit {
        Exit::Done => 0,
        Exit::NotMet => 1,
        Exit::BadInput => 2,
        Exit::Internal => 3,
        Exit::Interrupted => 4,
    };
    exits.max_by_key(severity).unwrap_or(Exit::Done)
}
