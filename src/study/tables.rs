//! The tables of a comparison: `compare.csv`, `runs.csv`, `waits.csv`, and `compare.json`.
//!
//! Which of them are written, and where, is said by the caller.

use super::compare::{Comparison, Replay, Statistic};
use super::why::Move;
use crate::observe::table::{Memory, Table, rounded, sha256};
use serde_json::{Value, json};

/// The schema that `compare.json` names: a folder is seatrial's if it carries it.
pub use crate::observe::outputs::COMPARISON as SCHEMA;

/// The columns of `compare.csv`, one row a metric and variant.
pub const COMPARE: [&str; 11] = [
    "metric",
    "unit",
    "variant",
    "replications",
    "value",
    "difference",
    "pairs",
    "interval_low",
    "interval_high",
    "change",
    "definition",
];
/// The columns of `runs.csv`, one row a run and metric.
const RUNS: [&str; 6] = ["variant", "replication", "seed", "metric", "unit", "value"];
/// The columns of `waits.csv`, one row a job and variant of the first replication.
const WAITS: [&str; 6] = ["job", "variant", "submit_s", "wait_baseline_s", "wait_s", "difference_s"];

/// `compare.csv`.
pub fn compare_csv(comparison: &Comparison) -> Vec<u8> {
    written(&COMPARE, |table| {
        for row in &comparison.rows {
            for (variant, cell) in comparison.variants.iter().zip(&row.cells) {
                table.text(&row.name);
                table.text(row.unit);
                table.text(variant);
                table.integer(cell.n);
                table.number(cell.value);
                table.number(cell.difference);
                table.integer(cell.pairs);
                let (low, high) = bounds(cell);
                table.number(low);
                table.number(high);
                table.number(cell.change);
                table.text(row.definition);
                table.end_row();
            }
        }
    })
}

/// The ends of the interval for the difference.
fn bounds(cell: &Statistic) -> (Option<f64>, Option<f64>) {
    let ends = cell.difference.zip(cell.half_width).map(|(mean, half)| (mean - half, mean + half));
    ends.unzip()
}

/// `runs.csv`: every metric of the comparison in every run.
pub fn runs_csv(comparison: &Comparison, runs: &[Vec<Replay>]) -> Vec<u8> {
    written(&RUNS, |table| {
        for (variant, replays) in comparison.variants.iter().zip(runs) {
            for (number, run) in replays.iter().enumerate() {
                for row in &comparison.rows {
                    let metric = run.metrics.iter().find(|metric| metric.name == row.name);
                    table.text(variant);
                    table.integer(number as u64 + 1);
                    table.integer(run.seed);
                    table.text(&row.name);
                    table.text(row.unit);
                    table.number(metric.and_then(|metric| metric.value));
                    table.end_row();
                }
            }
        }
    })
}

/// `waits.csv`: the wait of every job in the baseline and in each variant, in order of submission.
pub fn waits_csv(comparison: &Comparison, runs: &[Vec<Replay>]) -> Vec<u8> {
    let jobs = |variant: usize| runs[variant].first().and_then(|run| run.jobs.as_ref());
    written(&WAITS, |table| {
        let Some(base) = jobs(comparison.baseline) else { return };
        for (variant, name) in comparison.variants.iter().enumerate() {
            let Some(other) = jobs(variant).filter(|_| variant != comparison.baseline) else { continue };
            for (a, b) in base.pairs(other) {
                let (a, b) = (&base.list[a], &other.list[b]);
                table.text(&b.name);
                table.text(name);
                table.seconds(b.submit.0);
                let waits = [a.wait(), b.wait()];
                table.number(waits[0]);
                table.number(waits[1]);
                table.number(waits[1].zip(waits[0]).map(|(now, base)| now - base));
                table.end_row();
            }
        }
    })
}

fn written(columns: &[&'static str], write: impl FnOnce(&mut Table)) -> Vec<u8> {
    let memory = Memory::default();
    let mut table = Table::new(Some(Box::new(memory.clone())), columns.iter().copied());
    write(&mut table);
    let written = table.finish("table");
    debug_assert!(written.is_ok(), "memory takes everything");
    memory.bytes()
}

/// The digest of a comparison: the SHA-256 of the lines `<digest>  <variant> <seed>` of all its runs.
pub fn digest(comparison: &Comparison, runs: &[Vec<Replay>]) -> String {
    let lines = comparison.variants.iter().zip(runs).flat_map(|(variant, replays)| {
        replays.iter().map(move |run| format!("{}  {variant} {}\n", run.digest, run.seed))
    });
    sha256(lines.collect::<String>().as_bytes())
}

/// `compare.json`.
pub fn compare_json(comparison: &Comparison, runs: &[Vec<Replay>]) -> Value {
    let name = |variant: usize| comparison.variants[variant].as_str();
    let variants = comparison.variants.iter().enumerate().map(|(variant, name)| {
        json!({
            "name": name,
            "settings": comparison.settings.get(variant),
            "digests": runs[variant].iter().map(|run| &run.digest).collect::<Vec<_>>(),
        })
    });
    let metrics = comparison.rows.iter().map(|row| {
        json!({
            "name": row.name,
            "unit": row.unit,
            "definition": row.definition,
            "variants": row.cells.iter().zip(&comparison.variants).map(cell_json).collect::<Vec<_>>(),
        })
    });
    let moves = comparison.moves.iter().map(|moves| {
        json!({
            "variant": name(moves.variant),
            "gained_n": moves.counts[0],
            "lost_n": moves.counts[1],
            "same_n": moves.counts[2],
            "gained": moves.gained.iter().map(move_json).collect::<Vec<_>>(),
            "lost": moves.lost.iter().map(move_json).collect::<Vec<_>>(),
        })
    });
    json!({
        "schema": SCHEMA,
        "title": comparison.title,
        "digest": digest(comparison, runs),
        "baseline": name(comparison.baseline),
        "replications": comparison.replications,
        "seeds": comparison.seeds,
        "confidence": (comparison.replications > 1).then_some(comparison.confidence),
        "variants": variants.collect::<Vec<_>>(),
        "same_runs": comparison.identical.iter().map(|&(a, b)| [name(a), name(b)]).collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "moves": moves.collect::<Vec<_>>(),
    })
}

fn cell_json((cell, variant): (&Statistic, &String)) -> Value {
    let (low, high) = bounds(cell);
    json!({
        "variant": variant,
        "value": cell.value.map(rounded),
        "n": cell.n,
        "difference": cell.difference.map(rounded),
        "pairs": cell.pairs,
        "interval_low": low.map(rounded),
        "interval_high": high.map(rounded),
        "change": cell.change.map(rounded),
    })
}

fn move_json(one: &Move) -> Value {
    json!({
        "job": one.job,
        "size": one.size,
        "wait_baseline_s": one.baseline_wait.map(rounded),
        "wait_s": one.wait.map(rounded),
        "difference_s": one.wait.zip(one.baseline_wait).map(|(now, base)| rounded(now - base)),
        "ahead_baseline": one.ahead[0],
        "ahead": one.ahead[1],
        "reason": one.reason,
        "others": one.others,
        "why": one.why,
    })
}
