//! The command `compare`: one workload under several policies.

mod again;
mod args;
mod asked;
mod output;

pub(super) use again::{Again, again};
pub use args::CompareArguments;
pub(super) use output::FACTS;

use super::args::Format;
use super::check::split;
use super::diagnostics::{Style, render, to_json};
use super::execute::{Failure, Order, findings, replay};
use super::progress::{Count, Interrupt};
use super::run::worst;
use super::{Exit, complain, print};
use crate::base::diagnostic::fold_repeats;
use crate::base::{Diagnostic, Location};
use crate::report::{Glyphs, comparison_table};
use crate::scenario::{Named, compile, load};
use crate::study::grid::cells;
use crate::study::{Cell, Comparison, Replay, compare, run_all, tables};
use asked::Asked;
use serde_json::Value;
use std::fmt::Write as _;

/// Width of the table: what a terminal of the usual size shows.
const WIDTH: usize = 80;

/// Runs every variant and lays the runs side by side.
pub(super) fn run(arguments: &CompareArguments) -> Exit {
    let interrupt = Interrupt::on_signal();
    let asked = match asked::read(arguments) {
        Ok(asked) => asked,
        Err(findings) => return refuse(arguments, &findings, Exit::BadInput),
    };
    let threads = arguments.threads.map_or(0, usize::from);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        complain("error: no threads can be started\n");
        return Exit::Internal;
    };
    match pool.install(|| carry_out(arguments, &asked, &interrupt)) {
        Ok(done) => show(arguments, &done),
        Err((findings, exit)) => refuse(arguments, &findings, exit),
    }
}

/// A comparison that has come to its end.
struct Done {
    comparison: Comparison,
    json: serde_json::Value,
    digest: String,
    warnings: Vec<Diagnostic>,
    /// What to look at, if something was written.
    shown: Option<String>,
}

type Refused = (Vec<Diagnostic>, Exit);

fn carry_out(arguments: &CompareArguments, asked: &Asked, interrupt: &Interrupt) -> Result<Done, Refused> {
    let bad = |findings| (findings, Exit::BadInput);
    let failed = |failure: Failure| {
        let exit = failure.exit();
        (findings(failure), exit)
    };
    let folder = output::begin(arguments, asked).map_err(failed)?;
    let (runs, inputs, mut warnings) = run_variants(arguments, asked, interrupt)?;
    let names: Vec<String> = asked.variants.iter().map(|variant| variant.name.clone()).collect();
    let mut comparison = compare(&names, &runs, &asked.options).map_err(bad)?;
    comparison.title.clone_from(&asked.title);
    comparison.settings.clone_from(&asked.settings);
    warnings.extend(comparison.identical.iter().map(|&(variant, first)| {
        let message = format!("this variant gives the very same runs as `{}`", names[first]);
        Diagnostic::warning(Location::file("variants"), message).found(&names[variant])
    }));
    let digest = tables::digest(&comparison, &runs);
    let mut json = tables::compare_json(&comparison, &runs);
    json["version"] = env!("CARGO_PKG_VERSION").into();
    json["request"] = output::words(arguments).into();
    let read = inputs.iter().map(|(file, sha256)| (file.clone(), Value::from(sha256.as_str())));
    json["inputs"] = read.collect::<serde_json::Map<String, Value>>().into();
    let shown = match folder {
        Some(folder) => {
            let provenance = output::provenance(arguments, asked, &inputs, &digest);
            let kinds = arguments.kinds();
            let written = (&comparison, runs.as_slice());
            let written = output::write(written, &json, &kinds, &provenance, folder, interrupt);
            Some(written.map_err(failed)?)
        }
        None => None,
    };
    json["findings"] = warnings.iter().map(to_json).collect();
    json["results"] = serde_json::json!(shown);
    Ok(Done { comparison, json, digest, warnings, shown })
}

/// The inputs that were read with their sha256.
type Inputs = Vec<(String, String)>;

/// What running everything gives: the runs by variant and replication, what was read, and warnings.
type Runs = (Vec<Vec<Replay>>, Inputs, Vec<Diagnostic>);

/// Runs everything. The runs are by variant, then by replication.
fn run_variants(arguments: &CompareArguments, asked: &Asked, interrupt: &Interrupt) -> Result<Runs, Refused> {
    let Some(cells) = cells(asked.variants.len(), asked.replications, asked.first_seed) else {
        let finding =
            Diagnostic::error(Location::file("--seed"), "the seeds of the replications are too large");
        return Err((vec![finding.help("a seed is at most 9223372036854775807")], Exit::BadInput));
    };
    let hidden = arguments.quiet || arguments.no_progress;
    let count = Count::new("runs", cells.len() as u64, !hidden);
    let ended = run_all(&cells, |cell| {
        let ended = one(asked, cell, interrupt);
        count.one_more();
        ended
    });
    count.clear();
    let mut runs: Vec<Vec<Replay>> = asked.variants.iter().map(|_| Vec::new()).collect();
    let (mut inputs, mut warnings) = (Inputs::new(), Vec::new());
    let (mut wrong, mut exits) = (Vec::new(), Vec::new());
    for (cell, ended) in cells.iter().zip(ended) {
        match ended {
            Ok((replay, read, told)) => {
                inputs.extend(read);
                warnings.extend(told);
                runs[cell.variant].push(replay);
            }
            Err(failure) => {
                exits.push(failure.exit());
                wrong.extend(asked::named(findings(failure), &asked.variants[cell.variant].name));
            }
        }
    }
    if !exits.is_empty() {
        return Err((once(wrong), worst(exits.into_iter())));
    }
    inputs.sort();
    inputs.dedup();
    Ok((runs, inputs, fold_repeats(once(warnings))))
}

/// Findings, each once, in their order.
fn once(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for finding in findings {
        if !kept.contains(&finding) {
            kept.push(finding);
        }
    }
    kept
}

type Ended = Result<(Replay, Inputs, Vec<Diagnostic>), Failure>;

/// One run.
fn one(asked: &Asked, cell: Cell, interrupt: &Interrupt) -> Ended {
    let named = asked.named(cell);
    let (scenario, environment) = load(&named, None).map_err(Failure::Input)?;
    let mut compiled = compile(&scenario, environment).map_err(Failure::Input)?;
    let first = cell.replication == 0;
    let inputs = if first { std::mem::take(&mut compiled.inputs) } else { Inputs::new() };
    let warnings = if first { std::mem::take(&mut compiled.warnings) } else { Vec::new() };
    let order =
        Order { named, explain: Vec::new(), folder: None, progress: false, interrupt: interrupt.clone() };
    let (observed, table) = replay(compiled, &order)?;
    Ok((Replay::new(cell.seed, observed, &table, first), inputs, warnings))
}

/// The runs that the named files stand for: scenarios one by one, Kubernetes objects together.
fn targets(named: Named) -> Result<Vec<Named>, Vec<Diagnostic>> {
    if named.files.iter().chain(&named.nodes).any(|file| file == "-") {
        let finding = Diagnostic::error(Location::file("FILE"), "standard input can be read only once");
        return Err(vec![finding.found("-").help("a comparison reads its files for every run: name a file")]);
    }
    Ok(split(named))
}

fn refuse(arguments: &CompareArguments, findings: &[Diagnostic], exit: Exit) -> Exit {
    if arguments.format == Format::Json {
        let json = serde_json::json!({ "findings": findings.iter().map(to_json).collect::<Vec<_>>() });
        print(format!("{json:#}\n").as_bytes());
    } else {
        complain(&render(findings, Style::of_stderr()));
    }
    exit
}

fn show(arguments: &CompareArguments, done: &Done) -> Exit {
    if arguments.quiet {
        return Exit::Done;
    }
    if arguments.format == Format::Json {
        return print(format!("{:#}\n", done.json).as_bytes());
    }
    complain(&render(&done.warnings, Style::of_stderr()));
    let mut text = comparison_table(&done.comparison, WIDTH, Glyphs::Unicode);
    let _ = writeln!(text, "\ndigest {}", done.digest);
    if let Some(shown) = &done.shown {
        let _ = writeln!(text, "results {shown}");
    }
    print(text.as_bytes())
}
