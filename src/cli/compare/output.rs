//! The folder of a comparison.

use super::asked::Asked;
use super::{CompareArguments, Inputs};
use crate::base::{Span, Time};
use crate::cli::args::InputArguments;
use crate::cli::execute::{Failure, write_chart};
use crate::cli::progress::Interrupt;
use crate::observe::OutputFolder;
use crate::report::{comparison_charts, comparison_html};
use crate::scenario::schema::OutputKind;
use crate::study::tables::{compare_csv, runs_csv, waits_csv};
use crate::study::{Comparison, Replay};
use rayon::prelude::*;
use std::path::Path;

/// The file with all facts of a comparison.
pub(in crate::cli) const FACTS: &str = "compare.json";
/// Where results go if nothing else is said.
const RESULTS: &str = "results";

/// Begins the folder, if something is to be written.
pub(super) fn begin(arguments: &CompareArguments, asked: &Asked) -> Result<Option<OutputFolder>, Failure> {
    if arguments.kinds().is_empty() {
        return Ok(None);
    }
    let usual = || Path::new(RESULTS).join(format!("{}-compare", asked.title));
    let target = arguments.out.clone().unwrap_or_else(usual);
    Ok(Some(OutputFolder::create(&target)?))
}

/// Writes what is wanted and puts the folder in its place; gives what to look at.
pub(super) fn write(
    (comparison, runs): (&Comparison, &[Vec<Replay>]),
    json: &serde_json::Value,
    kinds: &[OutputKind],
    provenance: &[(String, String)],
    folder: OutputFolder,
    interrupt: &Interrupt,
) -> Result<String, Failure> {
    let wants = |kind| kinds.contains(&kind);
    folder.write(FACTS, format!("{json:#}\n").as_bytes())?;
    if wants(OutputKind::Csv) {
        folder.write("compare.csv", &compare_csv(comparison))?;
        folder.write("runs.csv", &runs_csv(comparison, runs))?;
        folder.write("waits.csv", &waits_csv(comparison, runs))?;
    }
    if wants(OutputKind::Charts) || wants(OutputKind::Report) {
        let first = runs.iter().filter_map(|runs| runs.first()?.results.as_ref()).collect::<Vec<_>>();
        let charts = comparison_charts(comparison, &first);
        if wants(OutputKind::Report) {
            let page = comparison_html(comparison, &charts, provenance);
            folder.write("report.html", page.as_bytes())?;
        }
        if wants(OutputKind::Charts) {
            charts.par_iter().try_for_each(|chart| write_chart(chart, &folder))?;
        }
    }
    if interrupt.is_raised() {
        let end =
            runs.iter().flatten().filter_map(|run| run.results.as_ref()).map(|results| results.end).max();
        return Err(Failure::Interrupted(Span(end.unwrap_or(Time::ZERO).0)));
    }
    let folder = folder.commit()?;
    let report = folder.join("report.html");
    Ok(if report.is_file() { report } else { folder }.display().to_string())
}

/// Where the comparison comes from: enough to repeat it.
pub(super) fn provenance(
    arguments: &CompareArguments,
    asked: &Asked,
    inputs: &Inputs,
    digest: &str,
) -> Vec<(String, String)> {
    let last = asked.first_seed + (asked.replications - 1);
    let seeds =
        if asked.replications == 1 { last.to_string() } else { format!("{} to {last}", asked.first_seed) };
    let mut listed = vec![
        ("version".to_owned(), format!("seatrial {}", env!("CARGO_PKG_VERSION"))),
        ("command".to_owned(), command(arguments)),
        ("seeds".to_owned(), seeds),
        ("digest".to_owned(), digest.to_owned()),
    ];
    listed.extend(inputs.iter().map(|(file, sha256)| (format!("sha256 of {file}"), sha256.clone())));
    listed
}

/// The arguments that repeat the comparison, as they stand behind `seatrial compare`.
pub(super) fn words(arguments: &CompareArguments) -> Vec<String> {
    let input = InputArguments { seed: None, ..arguments.input.clone() };
    let named = input.named();
    let mut words = input.files;
    let mut add = |option: &str, values: &[String]| {
        words.extend(values.iter().map(|value| format!("--{option}={value}")));
    };
    let one = |value: Option<String>| value.into_iter().collect::<Vec<_>>();
    add("nodes", &named.nodes);
    add("pool", &named.pools);
    add("set", &named.sets);
    add("seed", &one(arguments.input.seed.map(|seed| seed.to_string())));
    add("vary", &arguments.vary);
    add("variant", &arguments.variant);
    add("baseline", &one(arguments.baseline.clone()));
    add("replications", &one(arguments.replications.map(|n| n.to_string())));
    add("shake", &one(arguments.shake.map(|shake| shake.to_string())));
    add("resample", &one(arguments.resample.map(|period| period.to_string())));
    add("confidence", &one(arguments.confidence.map(|level| level.to_string())));
    add("metrics", &one(arguments.metrics.as_ref().map(|names| names.join(","))));
    words
}

/// The command that repeats the comparison, for a shell.
fn command(arguments: &CompareArguments) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,:+".contains(letter);
    let quoted = |word: String| {
        let is_plain = !word.is_empty() && word.chars().all(plain);
        if is_plain { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    words(arguments)
        .into_iter()
        .map(quoted)
        .fold("seatrial compare".to_owned(), |text, word| text + " " + &word)
}
