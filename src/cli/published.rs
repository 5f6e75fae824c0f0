//! The command `conformance batch`: computes published results of batch scheduling again, and says where
//! ours are others.

mod data;
mod show;

use super::args::{BatchArguments, Format};
use super::diagnostics::{Style, render};
use super::files::write_whole;
use super::{Exit, complain, print};
use crate::base::{Diagnostic, Location};
use crate::conformance::batch::{self, Section};
use data::Task;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// The outcome of a run of the command, or what is wrong with its input.
type Outcome<T> = Result<T, Diagnostic>;

/// What came out of a file, under the name of its table.
struct Found {
    table: &'static str,
    sections: Vec<Section>,
    /// Why a file is passed over.
    notes: Vec<String>,
}

/// Does what is asked.
pub(super) fn run(arguments: &BatchArguments) -> Exit {
    let Some(folder) = &arguments.data else { return print(show::files().as_bytes()) };
    compare(arguments, folder).unwrap_or_else(|finding| {
        complain(&render(std::slice::from_ref(&finding), Style::of_stderr()));
        Exit::BadInput
    })
}

fn compare(arguments: &BatchArguments, folder: &Path) -> Outcome<Exit> {
    let processors = processors(&arguments.processors)?;
    let tasks = data::tasks(folder)?;
    if tasks.is_empty() {
        complain(&format!("error: {} holds no file of a published result\n", folder.display()));
        print(show::files().as_bytes());
        return Ok(Exit::BadInput);
    }
    let threads = arguments.threads.map_or(0, usize::from);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        complain("error: no threads can be started\n");
        return Ok(Exit::Internal);
    };
    let found: Vec<Outcome<Found>> =
        pool.install(|| tasks.par_iter().map(|task| task.run(&processors)).collect());
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Ok(found) => good.push(found),
            Err(finding) => bad.push(finding),
        }
    }
    if let Some(target) = &arguments.answers {
        write_whole(target, |out| show::answers(&good, out))?;
    }
    complain(&render(&bad, Style::of_stderr()));
    let text = match arguments.format {
        Format::Text => show::text(&good, arguments.verbose),
        Format::Json => show::json(&good),
    };
    let printed = print(text.as_bytes());
    let (agree, total) = show::score(&good);
    Ok(match (printed, bad.is_empty()) {
        (Exit::Done, false) => Exit::BadInput,
        (Exit::Done, true) if agree < total => Exit::NotMet,
        (printed, _) => printed,
    })
}

/// Processors of machines by log; those under the empty name are of every other log.
fn processors(given: &[String]) -> Outcome<BTreeMap<String, u32>> {
    let mut all = BTreeMap::new();
    for text in given {
        let (log, number) = text.split_once('=').unwrap_or(("", text));
        let Some(number) = number.parse().ok().filter(|number| *number > 0) else {
            let finding = Diagnostic::error(Location::file("--procs"), "this is not a number of processors");
            return Err(finding
                .found(text)
                .help("write `--procs 128`, or `--procs SDSC-SP2=128` for one log"));
        };
        all.insert(log.to_owned(), number);
    }
    Ok(all)
}

impl Task {
    /// Computes what its file holds.
    fn run(&self, processors: &BTreeMap<String, u32>) -> Outcome<Found> {
        let mut found = Found { table: self.table(), sections: Vec::new(), notes: Vec::new() };
        match self {
            Task::Sc15 { log, variant, path } => {
                let (rows, header) = data::swf(path, crate::trace::Processors::Max, true)?;
                let given = processors.get(log).or(header.as_ref()).or_else(|| processors.get(""));
                let Some(&given) = given else {
                    let message = "the header does not name the processors of the machine (`MaxProcs`)";
                    let finding = Diagnostic::error(Location::file(path.to_string_lossy().as_ref()), message);
                    return Err(finding.help(format!("write `--procs {log}=N`")));
                };
                found.sections.push(batch::sc15(log, variant, &rows, given));
            }
            Task::Heuristics { table, path } => {
                let (rows, _) = data::swf(path, crate::trace::Processors::Max, false)?;
                found.sections = batch::heuristics(&batch::HEURISTIC_TABLES[*table], &rows);
            }
            Task::Log { log, path } => {
                let (rows, _) = data::swf(path, crate::trace::Processors::Allocated, false)?;
                found.sections = batch::logs(&batch::LOGS[*log], &rows);
            }
            Task::Batsim { name, variant, workload, expected } => {
                let (rows, processors) = data::batsim(workload)?;
                let expected = data::expected(expected)?;
                found.sections.push(batch::batsim(name, variant, &rows, processors, &expected));
            }
            Task::Oar { name, path, processors } => {
                let record = data::oar(path)?;
                match batch::oar(name, &record, *processors) {
                    Some(section) => found.sections.push(section),
                    None => found.notes.push(format!(
                        "{name}: not a complete run on {processors} nodes ({} nodes, {} jobs unfinished)",
                        record.nodes, record.unfinished
                    )),
                }
            }
        }
        Ok(found)
    }
}
