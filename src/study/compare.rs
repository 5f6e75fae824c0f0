//! Runs of one workload laid side by side: every metric of every variant, differences against the
//! baseline, and intervals where there are replications.
//!
//! Replication `i` of a variant is compared with replication `i` of the baseline (paired differences);
//! the interval for their mean is Student's t. One replay has differences and no interval.

use super::jobs::{self, Jobs};
use super::why::{self, Moves, Side};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use crate::observe::stats::Moments;
use crate::observe::{Metric, Observed, Results};

/// Metrics that are shown unless others are asked for, where a run has them. Names that end with `_`
/// stand for all that begin so.
const USUAL: [&str; 20] = [
    "wait_mean_s",
    "wait_p50_s",
    "wait_p95_s",
    "wait_max_s",
    "bounded_slowdown_mean",
    "utilization_processors",
    "utilization_requested_cpu",
    "utilization_requested_memory",
    "makespan_s",
    "energy_",
    "cost_total",
    "jobs_not_done",
    "pods_unplaced",
    "pods_failed",
    "pods_unfinished",
    "replica_availability",
    "evictions_total",
    "preemptions_total",
    "restarts_total",
    "nodes_mean",
];
/// What is smaller than this share of the values compared is rounding.
const NOISE: f64 = 1e-12;
/// The name that stands for every metric.
const ALL: &str = "all";

/// What a comparison needs to know.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// The variant that the others are compared with.
    pub baseline: usize,
    /// The level of the intervals, such as 0.95.
    pub confidence: f64,
    /// Which metrics are shown; the usual where it is not given.
    pub metrics: Option<Vec<String>>,
    /// How many jobs that gained and lost most are told of in each variant.
    pub top: usize,
    /// Whether jobs are submitted when the trace says, and not when others have ended.
    pub fixed_submissions: bool,
}

/// A run as a comparison takes it.
#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// The seed.
    pub seed: u64,
    /// Every metric, with those that only a comparison has.
    pub metrics: Vec<Metric>,
    /// The digest of the run.
    pub digest: String,
    /// Its jobs or pods; kept of the first replication only.
    pub jobs: Option<Jobs>,
    /// What charts are drawn of; kept of the first replication only.
    pub results: Option<Results>,
}

impl Replay {
    /// A run; `table` is its `jobs.csv` or `pods.csv`. What only the first replication needs is kept if
    /// `whole` says so.
    pub fn new(seed: u64, observed: Observed, table: &[u8], whole: bool) -> Replay {
        let jobs = Jobs::read(table);
        let mut results = observed.results;
        let mut metrics = std::mem::take(&mut results.metrics);
        metrics.extend(jobs.iter().flat_map(own_metrics));
        let (jobs, results) = if whole { (jobs, Some(results)) } else { (None, None) };
        Replay { seed, metrics, digest: observed.digest, jobs, results }
    }
}

/// Metrics that only a comparison has.
fn own_metrics(jobs: &Jobs) -> Vec<Metric> {
    let metric = |name: &str, unit, value, definition, group| Metric {
        name: name.to_owned(),
        unit,
        value,
        definition,
        group,
        headline: false,
    };
    let p95 = metric("wait_p95_s", "s", jobs.wait_p95(), "0.95 quantile of the waits.", "Waiting");
    let not_done = metric(
        "jobs_not_done",
        "jobs",
        Some(jobs.not_done() as f64),
        "Jobs without an end: rejected, never started, or unfinished at the end of the run.",
        "Jobs",
    );
    match jobs.kind {
        jobs::Kind::Jobs => vec![p95, not_done],
        jobs::Kind::Pods => vec![p95],
    }
}

/// What is said of a metric in a variant.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Statistic {
    /// The mean over the replications in which it is defined; the value itself in a single replay.
    pub value: Option<f64>,
    /// In how many replications it is defined.
    pub n: u64,
    /// The mean of the differences to the baseline, over the replications in which both are defined;
    /// `None` for the baseline itself.
    pub difference: Option<f64>,
    /// How many such pairs there are.
    pub pairs: u64,
    /// Half the width of the interval for the difference; `None` with fewer than two pairs.
    pub half_width: Option<f64>,
    /// The difference ÷ the baseline's value in those pairs.
    pub change: Option<f64>,
}

/// A metric in every variant.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// What it is.
    pub definition: &'static str,
    /// In every variant, in their order.
    pub cells: Vec<Statistic>,
}

/// A comparison.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// What is compared.
    pub title: String,
    /// The names of the variants.
    pub variants: Vec<String>,
    /// What sets each of them apart: settings, or a file.
    pub settings: Vec<String>,
    /// The variant that the others are compared with.
    pub baseline: usize,
    /// How often each variant was run.
    pub replications: u64,
    /// The level of the intervals.
    pub confidence: f64,
    /// The metrics.
    pub rows: Vec<Row>,
    /// Who gained and lost most in each variant but the baseline, in the first replication.
    pub moves: Vec<Moves>,
    /// Variants whose every run is the very same as those of an earlier one, and that one.
    pub identical: Vec<(usize, usize)>,
    /// The seeds of the replications.
    pub seeds: Vec<u64>,
}

/// Lays runs side by side: `runs` has for each variant its replications. Errors: different workloads,
/// unknown metrics, replications that are all the same.
pub fn compare(
    variants: &[String],
    runs: &[Vec<Replay>],
    options: &Options,
) -> Result<Comparison, Vec<Diagnostic>> {
    let replications = runs.first().map_or(0, Vec::len) as u64;
    check_workloads(variants, runs, options)?;
    if replications > 1 && runs.iter().all(|runs| runs.iter().all(|run| run.digest == runs[0].digest)) {
        let message = "every replication is the very same run: nothing in it depends on the seed";
        let finding = Diagnostic::error(Location::file("--replications"), message);
        let help = "shake the submit times of its traces with `--shake 30s`, draw their users anew with \
                    `--resample 7d`, or leave `--replications` out";
        return Err(vec![finding.found(replications.to_string()).help(help)]);
    }
    let names = chosen(runs, options).map_err(|finding| vec![finding])?;
    let rows = names.iter().filter_map(|name| row(name, runs, options)).collect();
    let same = |a: usize, b: usize| runs[a].iter().zip(&runs[b]).all(|(a, b)| a.digest == b.digest);
    let identical =
        (0..runs.len()).filter_map(|later| Some((later, (0..later).find(|&first| same(first, later))?)));
    Ok(Comparison {
        title: String::new(),
        variants: variants.to_vec(),
        settings: Vec::new(),
        baseline: options.baseline,
        replications,
        confidence: options.confidence,
        rows,
        moves: all_moves(variants, runs, options),
        identical: identical.collect(),
        seeds: runs[options.baseline].iter().map(|run| run.seed).collect(),
    })
}

/// Variants must have one workload.
fn check_workloads(
    variants: &[String],
    runs: &[Vec<Replay>],
    options: &Options,
) -> Result<(), Vec<Diagnostic>> {
    let (baseline, fixed) = (options.baseline, options.fixed_submissions);
    let Some(base) = runs[baseline].first().and_then(|run| run.jobs.as_ref()) else { return Ok(()) };
    let mut findings = Vec::new();
    for (variant, jobs) in
        runs.iter().enumerate().filter_map(|(v, runs)| Some((v, runs.first()?.jobs.as_ref()?)))
    {
        if let Err(what) = jobs::same_workload((&variants[baseline], base), (&variants[variant], jobs), fixed)
        {
            let finding = Diagnostic::error(
                Location::file("variants"),
                format!("the variants have different workloads: {what}"),
            );
            findings.push(finding.help("a comparison is of one workload under several policies; a trace leaves out jobs that are larger than \
                 the machine"));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// The names of the metrics that are shown.
fn chosen(runs: &[Vec<Replay>], options: &Options) -> Result<Vec<String>, Diagnostic> {
    let mut known: Vec<&str> = Vec::new();
    for metric in runs.iter().flatten().flat_map(|run| &run.metrics) {
        if !known.contains(&metric.name.as_str()) {
            known.push(&metric.name);
        }
    }
    let Some(wanted) = &options.metrics else {
        let is_shown = |name: &str| {
            let values: Vec<f64> = runs.iter().flatten().filter_map(|run| value(run, name)).collect();
            let Some(first) = values.first() else { return false };
            match when_shown(name) {
                Shown::Defined => true,
                Shown::AboveZero => values.iter().any(|value| *value > 0.0),
                Shown::Different => values.iter().any(|value| value.to_bits() != first.to_bits()),
            }
        };
        let usual = USUAL.iter().flat_map(|pattern| {
            let is_meant = move |name: &&str| match pattern.strip_suffix('_') {
                Some(_) => name.starts_with(pattern) && !name.contains('.'),
                None => name == pattern,
            };
            known.iter().copied().filter(is_meant)
        });
        return Ok(usual.filter(|name| is_shown(name)).map(str::to_owned).collect());
    };
    let mut names = Vec::new();
    for name in wanted {
        if name == ALL {
            names.extend(known.iter().map(|&name| name.to_owned()));
        } else if known.contains(&name.as_str()) {
            names.push(name.clone());
        } else {
            let finding =
                Diagnostic::error(Location::file("--metrics"), "these runs have no such metric").found(name);
            return Err(match suggest(name, known.iter().copied().chain([ALL])) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help("the metrics are listed in docs/metrics.md; `all` shows every one"),
            });
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

/// When a usual metric is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Where it has a value.
    Defined,
    /// Where some run has more than none: it counts what should not be.
    AboveZero,
    /// Where two runs differ in it: it says nothing of most workloads.
    Different,
}

fn when_shown(name: &str) -> Shown {
    match name {
        "jobs_not_done" | "pods_unplaced" | "pods_failed" | "pods_unfinished" => Shown::AboveZero,
        "replica_availability"
        | "evictions_total"
        | "preemptions_total"
        | "restarts_total"
        | "nodes_mean" => Shown::Different,
        _ => Shown::Defined,
    }
}

fn value(run: &Replay, name: &str) -> Option<f64> {
    run.metrics.iter().find(|metric| metric.name == name)?.value
}

fn row(name: &str, runs: &[Vec<Replay>], options: &Options) -> Option<Row> {
    let metric = runs.iter().flatten().flat_map(|run| &run.metrics).find(|metric| metric.name == name)?;
    let values: Vec<Vec<Option<f64>>> =
        runs.iter().map(|runs| runs.iter().map(|run| value(run, name)).collect()).collect();
    let cells = (0..values.len())
        .map(|variant| {
            let base = (variant != options.baseline).then(|| values[options.baseline].as_slice());
            statistic(&values[variant], base, options.confidence)
        })
        .collect();
    Some(Row { name: name.to_owned(), unit: metric.unit, definition: metric.definition, cells })
}

/// The statistic of a variant's values, and of their differences to the baseline's.
pub fn statistic(values: &[Option<f64>], base: Option<&[Option<f64>]>, confidence: f64) -> Statistic {
    let own: Moments = values.iter().flatten().copied().collect();
    let pairs: Vec<(f64, f64)> =
        values.iter().zip(base.unwrap_or_default()).filter_map(|(&a, &b)| Some((a?, b?))).collect();
    let differences: Moments = pairs.iter().map(|(own, base)| own - base).collect();
    let level: Moments = pairs.iter().map(|(_, base)| *base).collect();
    let has_pairs = differences.n > 0;
    // Equal differences of numbers that are not whole differ in their last digits.
    let noise = NOISE * (level.mean.abs() + differences.mean.abs());
    Statistic {
        value: (own.n > 0).then_some(own.mean),
        n: own.n,
        difference: has_pairs.then_some(differences.mean),
        pairs: differences.n,
        half_width: differences.half_width(confidence).map(|half| if half < noise { 0.0 } else { half }),
        change: (has_pairs && level.mean != 0.0).then(|| differences.mean / level.mean.abs()),
    }
}

fn all_moves(variants: &[String], runs: &[Vec<Replay>], options: &Options) -> Vec<Moves> {
    let side = |variant: usize| {
        let run = runs[variant].first()?;
        let (jobs, results) = (run.jobs.as_ref()?, run.results.as_ref()?);
        Some(Side { name: &variants[variant], jobs, end: results.end })
    };
    let Some(base) = side(options.baseline) else { return Vec::new() };
    let others = (0..runs.len()).filter(|&variant| variant != options.baseline);
    others.filter_map(|variant| Some(why::moves(variant, base, side(variant)?, options.top))).collect()
}
