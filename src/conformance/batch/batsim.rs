//! Batsim with the schedulers of batsched: starts and processors of every job (`docs/batch.md` has the
//! rules that give them).

use super::play::{Played, Rules, jobs, largest, mean, play};
use super::{Answer, Deviation, JobByJob, Line, Section};
use crate::base::BitSet;
use crate::control::batch::{Backfill, Policy, Reservation};
use crate::trace::Row;
use std::collections::BTreeMap;

/// Starts are printed to a millionth of a second.
const PRINTED: f64 = 1.000_001e-6;

/// The schedulers whose results are known, by the names of the folders.
pub const VARIANTS: [&str; 2] = ["easy", "conservative"];

/// What was published of a job (`out_jobs.csv`).
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// Its number.
    pub number: u64,
    /// When it was submitted, started and ended, in seconds.
    pub submit: f64,
    /// Its start.
    pub start: f64,
    /// Its end.
    pub end: f64,
    /// Its processors, as `0-3 7`.
    pub machines: String,
}

fn slowdown(submit: f64, start: f64, end: f64) -> f64 {
    (end - submit) / (end - start)
}

/// Compares starts and processors of all jobs, and the averages.
pub fn compare(
    workload: &str,
    variant: &str,
    rows: &[Row],
    processors: u32,
    expected: &[Expected],
) -> Section {
    let backfill = if variant == "conservative" { Backfill::Conservative } else { Backfill::Easy };
    let policy = Policy { backfill, reservation: Reservation::Machines, ..Policy::default() };
    let rules = Rules { processors, policy, kill_at_estimate: true, clairvoyant: false };
    let played = play(jobs(rows), &rules);
    let ours: BTreeMap<u64, &Played> = played.iter().map(|job| (job.number, job)).collect();
    let mut starts = JobByJob { what: "starts", total: expected.len(), deviations: Vec::new() };
    let mut sets = JobByJob { what: "processors", total: expected.len(), deviations: Vec::new() };
    for job in expected {
        let found = ours.get(&job.number);
        let deviation = |published: &str, ours: String| Deviation {
            job: job.number.to_string(),
            published: published.to_owned(),
            ours,
        };
        if found.is_none_or(|found| (found.start - job.start).abs() > PRINTED) {
            let start = found.map_or("not started".into(), |found| found.start.to_string());
            starts.deviations.push(deviation(&job.start.to_string(), start));
        }
        let machines =
            found.and_then(|found| found.machines.as_ref()).map(BitSet::ranges).unwrap_or_default();
        if machines != job.machines {
            sets.deviations.push(deviation(&job.machines, machines));
        }
    }
    let answers = played.iter().map(|job| Answer {
        job: job.number.to_string(),
        start: job.start,
        machines: job.machines.as_ref().map(BitSet::ranges).unwrap_or_default(),
    });
    Section {
        workload: workload.to_owned(),
        variant: variant.to_owned(),
        lines: averages(&played, expected),
        jobs: vec![starts, sets],
        answers: answers.collect(),
    }
}

fn averages(played: &[Played], expected: &[Expected]) -> Vec<Line> {
    let count = expected.len() as f64;
    let total = |measure: &dyn Fn(&Expected) -> f64| expected.iter().map(measure).sum::<f64>() / count;
    let most = |measure: &dyn Fn(&Expected) -> f64| expected.iter().map(measure).fold(0.0, f64::max);
    let ours_slowdown = |job: &Played| job.turnaround() / job.run;
    let theirs_slowdown = |job: &Expected| slowdown(job.submit, job.start, job.end);
    let line = |what, published, ours| Line::near(what, published, ours, 6, Some(2e-6));
    vec![
        line("mean wait, s", total(&|job| job.start - job.submit), mean(played, Played::wait)),
        line("longest wait, s", most(&|job| job.start - job.submit), largest(played, Played::wait)),
        line("mean turnaround, s", total(&|job| job.end - job.submit), mean(played, Played::turnaround)),
        line("mean slowdown", total(&theirs_slowdown), mean(played, ours_slowdown)),
        line("largest slowdown", most(&theirs_slowdown), largest(played, ours_slowdown)),
        line("last end, s", most(&|job| job.end), largest(played, Played::end)),
    ]
}
