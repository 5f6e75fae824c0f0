//! The files of a run: `summary.json`, `summary.csv`, `timeseries.csv` and the tables; the digest.
//!
//! Where the folder is, and which files are wanted, is said by the caller.

use super::columns;
use super::folder::OutputFolder;
use super::results::{Results, Series};
use super::table::{FileDigest, Memory, Table, rounded, sha256};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io;

/// The schema that `summary.json` names: a folder is seatrial's if it carries it.
pub const SCHEMA: &str = "seatrial/summary/v1";
/// The schema that `compare.json` of a comparison names, likewise.
pub const COMPARISON: &str = "seatrial/compare/v1";

/// A file that is written whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// Its name within the folder.
    pub name: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What was seen of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Observed {
    /// The results; the caller adds title, provenance and remarks.
    pub results: Results,
    /// The tables that were not streamed: `nodes.csv`, `summary.csv`, `timeseries.csv`, and `waits.csv` of
    /// a small batch run, which is no part of the digest.
    pub documents: Vec<Document>,
    /// The tables that were streamed. `pods.csv` or `jobs.csv` is among them even if it had no sink.
    pub streamed: Vec<FileDigest>,
    /// The digest of the run: the SHA-256 of the lines `<sha256>  <file>` of the tables that every
    /// run makes, by name. It does not depend on which files are written.
    pub digest: String,
}

impl Observed {
    pub(super) fn new(results: Results, mut documents: Vec<Document>, streamed: Vec<FileDigest>) -> Observed {
        documents.push(summary_csv(&results));
        documents.push(timeseries_csv(&results.series));
        let mut files: Vec<(&str, String)> =
            documents.iter().map(|document| (document.name, sha256(&document.bytes))).collect();
        let always = streamed.iter().filter(|file| matches!(file.name, "pods.csv" | "jobs.csv"));
        files.extend(always.map(|file| (file.name, file.sha256.clone())));
        files.sort_unstable();
        let listing = files.iter().fold(String::new(), |mut text, (name, sha256)| {
            let _ = writeln!(text, "{sha256}  {name}");
            text
        });
        Observed { results, documents, streamed, digest: sha256(listing.as_bytes()) }
    }

    /// Writes the documents, if `tables` are wanted, and always `summary.json` into the folder.
    pub fn write(&self, folder: &OutputFolder, tables: bool) -> io::Result<()> {
        if tables {
            for document in &self.documents {
                folder.write(document.name, &document.bytes)?;
            }
        }
        folder.write("summary.json", self.summary_json().as_bytes())
    }

    /// `summary.json`.
    pub fn summary_json(&self) -> String {
        let results = &self.results;
        let metrics = results.metrics.iter().map(|metric| {
            json!({
                "name": metric.name,
                "unit": metric.unit,
                "value": metric.value.map(rounded),
                "group": metric.group,
                "headline": metric.headline,
                "definition": metric.definition,
            })
        });
        let provenance: Map<String, Value> = results
            .provenance
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
            .collect();
        let summary = json!({
            "schema": SCHEMA,
            "title": results.title,
            "digest": self.digest,
            "provenance": provenance,
            "end_s": rounded(results.end.as_secs_f64()),
            "metrics": metrics.collect::<Vec<_>>(),
            "unplaced": listed(&results.unplaced, "reason", "pods"),
            "remarks": listed(&results.remarks, "what", "count"),
            "files": self.files(),
        });
        let mut text = serde_json::to_string_pretty(&summary).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Every table with its SHA-256, by name.
    fn files(&self) -> Map<String, Value> {
        let whole = self.documents.iter().map(|document| (document.name, sha256(&document.bytes)));
        let streamed = self.streamed.iter().map(|file| (file.name, file.sha256.clone()));
        let mut files: Vec<_> = whole.chain(streamed).collect();
        files.sort_unstable();
        files.into_iter().map(|(name, sha256)| (name.to_owned(), Value::from(sha256))).collect()
    }
}

/// (text, count) pairs as objects.
fn listed(pairs: &[(String, u64)], text: &str, count: &str) -> Vec<Value> {
    pairs.iter().map(|(what, number)| json!({ text: what, count: number })).collect()
}

/// A table that went into memory, as a document.
pub(super) fn document(name: &'static str, table: Table, memory: &Memory) -> Document {
    let written = table.finish(name);
    debug_assert!(written.is_ok(), "memory takes everything");
    Document { name, bytes: memory.bytes() }
}

fn summary_csv(results: &Results) -> Document {
    let memory = Memory::default();
    let mut table = Table::new(Some(Box::new(memory.clone())), columns::names(columns::SUMMARY));
    for metric in &results.metrics {
        table.text(&metric.name);
        table.text(metric.unit);
        table.number(metric.value);
        table.text(metric.definition);
        table.end_row();
    }
    document("summary.csv", table, &memory)
}

fn timeseries_csv(series: &[Series]) -> Document {
    let memory = Memory::default();
    let mut table = Table::new(Some(Box::new(memory.clone())), columns::names(columns::TIMESERIES));
    for one in series {
        for &(time, value) in &one.points {
            table.number(Some(time));
            table.text(&one.name);
            table.text(one.unit);
            table.number(Some(value));
            table.end_row();
        }
    }
    document("timeseries.csv", table, &memory)
}
