//! Gaussier, Glesser, Reis and Trystram: Improving Backfilling by using Machine Learning to Predict
//! Running Times, SC'15 (DOI 10.1145/2807591.2807646). The file of a policy is the workload and the
//! answer: the wait in it says when each job started.

use super::play::{Rules, jobs, mean, play};
use super::{Answer, Deviation, JobByJob, Line, Section};
use crate::control::batch::{Backfill, EventOrder, Passes, Policy, Scan};
use crate::trace::Row;
use std::collections::BTreeMap;

/// The policies of the paper whose files are known, by the names of the files.
pub const VARIANTS: [&str; 3] = ["easy", "easy-clairvoyant", "easy-sjbf-clairvoyant"];

/// Compares every start and the mean bounded slowdown. Rows must have been read with the larger of both
/// numbers of processors, those with a run time of 0 with the others.
pub fn compare(log: &str, variant: &str, rows: &[Row], processors: u32) -> Section {
    let policy = Policy {
        backfill: Backfill::Easy,
        scan: if variant.contains("sjbf") { Scan::ShortestFirst } else { Scan::InOrder },
        passes: Passes::PerEventDue,
        event_order: EventOrder::SubmitFirst,
        ..Policy::default()
    };
    let clairvoyant = variant.contains("clairvoyant");
    let rules = Rules { processors, policy, kill_at_estimate: false, clairvoyant };
    let published: BTreeMap<u64, (f64, f64)> = rows
        .iter()
        .filter_map(|row| {
            let start = row.submit + row.recorded_wait?;
            Some((u64::try_from(row.number).ok()?, (start.as_secs_f64(), row.run_time?.as_secs_f64())))
        })
        .collect();
    let played = play(jobs(rows), &rules);
    let ours: BTreeMap<u64, f64> = played.iter().map(|job| (job.number, job.start)).collect();
    let deviations = published.iter().filter_map(|(number, (start, _))| {
        let found = ours.get(number);
        let is_same = found.is_some_and(|found| (found - start).abs() < 1e-6);
        (!is_same).then(|| Deviation {
            job: number.to_string(),
            published: start.to_string(),
            ours: found.map_or("not started".into(), f64::to_string),
        })
    });
    let starts = JobByJob { what: "starts", total: published.len(), deviations: deviations.collect() };
    let theirs = rows.iter().filter_map(|row| {
        let (wait, run) = (row.recorded_wait?.as_secs_f64(), row.run_time?.as_secs_f64());
        Some(((wait + run) / run.max(10.0)).max(1.0))
    });
    let theirs = theirs.sum::<f64>() / published.len() as f64;
    let ours = mean(&played, super::Played::bounded_slowdown);
    Section {
        workload: log.to_owned(),
        variant: variant.to_owned(),
        lines: vec![Line::exact("mean bounded slowdown", &format!("{theirs:.4}"), ours)],
        jobs: vec![starts],
        answers: played
            .iter()
            .map(|job| Answer { job: job.number.to_string(), start: job.start, machines: String::new() })
            .collect(),
    }
}
