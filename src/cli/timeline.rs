//! The command `conformance timeline`: replays recorded runs of a real control plane, and says how
//! well the timelines agree.

mod death;

use super::args::{Format, TimelineArguments};
use super::diagnostics::{Style, render};
use super::files::write_whole;
use super::{Exit, complain, print};
use crate::base::{Diagnostic, Location};
use crate::conformance::timeline::{Agreement, Line, Recording, Script, agreement, replay};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The seeds of a comparison that names none.
const SEEDS: [u64; 3] = [1, 2, 3];
/// Disagreements that are listed for a folder.
const NOTES_MAX: usize = 200;

/// What came out of a folder.
struct Folder {
    name: String,
    area: String,
    /// The recordings among themselves; nothing if there is only one.
    real: Agreement,
    /// Ours with the recordings; nothing if there are none.
    ours: Agreement,
    left_out: Vec<String>,
}

impl Folder {
    fn score(&self) -> Option<f64> {
        let real = if self.real.total == 0 { 1.0 } else { self.real.share() };
        (self.ours.total > 0 && real > 0.0).then(|| (self.ours.share() / real).min(1.0))
    }
}

/// Does what is asked.
pub(super) fn run(arguments: &TimelineArguments) -> Exit {
    let result = match (&arguments.write, &arguments.chart) {
        (Some(target), _) => write(arguments, target),
        (None, Some(target)) => death::draw(arguments, target),
        (None, None) => compare(arguments),
    };
    result.unwrap_or_else(|finding| {
        complain(&render(std::slice::from_ref(&finding), Style::of_stderr()));
        Exit::BadInput
    })
}

type Outcome<T> = Result<T, Diagnostic>;

fn trouble(path: &Path, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(Location::file(path.to_string_lossy().as_ref()), what.to_string())
}

fn content(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| trouble(path, format!("cannot be read: {error}")))
}

/// The folders of single recordings that the arguments stand for.
fn folders(given: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in given {
        if path.join("script.json").exists() || !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| trouble(path, format!("cannot be read: {error}"));
        let mut inner = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let folder = entry.map_err(unreadable)?.path();
            if folder.join("script.json").exists() {
                inner.push(folder);
            }
        }
        if inner.is_empty() {
            let finding = trouble(path, "the folder holds no recording");
            return Err(finding.help("a recording is a folder with `script.json` and `manifests.yaml`"));
        }
        inner.sort();
        found.extend(inner);
    }
    Ok(found)
}

fn script(folder: &Path) -> Outcome<Script> {
    let name = folder.to_string_lossy();
    let (script, manifests) =
        (content(&folder.join("script.json"))?, content(&folder.join("manifests.yaml"))?);
    Script::read(&name, &script, &manifests)
}

fn timeline(folder: &Path, script: &Script, seed: u64) -> Outcome<Vec<Line>> {
    replay(script, seed).map_err(|error| trouble(folder, error))
}

/// The one folder that the arguments stand for; `what` says what else is wrong.
fn only_folder(arguments: &TimelineArguments, target: &Path, what: &str) -> Outcome<PathBuf> {
    let mut folders = folders(&arguments.folders)?;
    match (folders.pop(), folders.is_empty()) {
        (Some(folder), true) => Ok(folder),
        _ => Err(trouble(target, what)),
    }
}

fn write(arguments: &TimelineArguments, target: &Path) -> Outcome<Exit> {
    let only = "`--write` takes the timeline of one folder with one seed";
    let folder = only_folder(arguments, target, only)?;
    if arguments.seeds.len() > 1 {
        return Err(trouble(target, only));
    }
    let folder = folder.as_path();
    let script = script(folder)?;
    let lines = timeline(folder, &script, arguments.seeds.first().copied().unwrap_or(SEEDS[0]))?;
    say_left_out(folder, &script);
    write_whole(target, |out| {
        for line in &lines {
            serde_json::to_writer(&mut *out, &line.to_json())?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

fn say_left_out(folder: &Path, script: &Script) {
    for what in script.left_out() {
        complain(&format!("warning: {}: left out: {what}\n", folder.display()));
    }
}

/// The recordings of a folder, in order.
fn recordings(folder: &Path) -> Outcome<Vec<Recording>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| trouble(folder, error))? {
        let path = entry.map_err(|error| trouble(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = name.strip_prefix("timeline-").and_then(|rest| rest.strip_suffix(".jsonl"));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let bytes = content(path)?;
        let text = String::from_utf8(bytes).map_err(|error| trouble(path, error))?;
        Recording::parse(&text).map_err(|(line, what)| trouble(path, format!("line {line}: {what}")))
    };
    paths.iter().map(read).collect()
}

fn look_at(folder: &Path, seeds: &[u64]) -> Outcome<Folder> {
    let (script, recorded) = (script(folder)?, recordings(folder)?);
    let mut found = Folder {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        area: script.area().to_owned(),
        real: Agreement::default(),
        ours: Agreement::default(),
        left_out: script.left_out().to_vec(),
    };
    for (place, one) in recorded.iter().enumerate() {
        for (_, other) in recorded.iter().enumerate().filter(|(other, _)| *other != place) {
            found.real.add(agreement(one, other, script.area()));
        }
    }
    found.real.notes.clear();
    for &seed in seeds {
        let ours = Recording::new(timeline(folder, &script, seed)?);
        for one in &recorded {
            found.ours.add(agreement(one, &ours, script.area()));
        }
    }
    Ok(found)
}

/// The seeds of a comparison.
fn seeds(arguments: &TimelineArguments) -> Vec<u64> {
    if arguments.seeds.is_empty() { SEEDS.to_vec() } else { arguments.seeds.clone() }
}

fn compare(arguments: &TimelineArguments) -> Outcome<Exit> {
    let folders = folders(&arguments.folders)?;
    let seeds = seeds(arguments);
    let threads = arguments.threads.map_or(0, usize::from);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        complain("error: no threads can be started\n");
        return Ok(Exit::Internal);
    };
    let looked: Vec<Outcome<Folder>> =
        pool.install(|| folders.par_iter().map(|folder| look_at(folder, &seeds)).collect());
    let found: Vec<Folder> = looked.into_iter().collect::<Outcome<_>>()?;
    let text = match arguments.format {
        Format::Text => table(&found, arguments.verbose),
        Format::Json => as_json(&found),
    };
    Ok(print(text.as_bytes()))
}

fn mean_score(found: &[Folder]) -> f64 {
    let sum: f64 = found.iter().map(|folder| folder.score().unwrap_or(0.0)).sum();
    if found.is_empty() { 0.0 } else { sum / found.len() as f64 }
}

fn table(found: &[Folder], verbose: bool) -> String {
    let mut text = String::new();
    for folder in found {
        let score = folder.score().map_or("no recording".to_owned(), |score| format!("score {score:.3}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:34} area {:1}  real {:.3}  ours {:.3}  {score}",
            folder.name,
            folder.area,
            folder.real.share(),
            folder.ours.share()
        );
        for what in &folder.left_out {
            let _ = writeln!(text, "  left out: {what}");
        }
        if verbose {
            for note in folder.ours.notes.iter().take(NOTES_MAX) {
                let _ = writeln!(text, "  {note}");
            }
            let more = folder.ours.notes.len().saturating_sub(NOTES_MAX);
            if more > 0 {
                let _ = writeln!(text, "  and {more} more");
            }
        }
    }
    let _ = writeln!(text, "timelines: score {:.4} over {} folders", mean_score(found), found.len());
    text
}

fn as_json(found: &[Folder]) -> String {
    let folder = |folder: &Folder| -> Value {
        json!({
            "folder": folder.name,
            "area": folder.area,
            "real": folder.real.share(),
            "ours": folder.ours.share(),
            "score": folder.score(),
            "agree": folder.ours.good,
            "of": folder.ours.total,
            "leftOut": folder.left_out,
            "disagreements": folder.ours.notes,
        })
    };
    let value = json!({
        "score": mean_score(found),
        "folders": found.iter().map(folder).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
