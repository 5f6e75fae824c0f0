//! A real cluster: what OAR did with 800 jobs on 32 nodes of Grid'5000, run after run (Dutot and others,
//! JSSPP 2016). The real submissions and run times are given to conservative backfilling of particular
//! processors, with one launch overhead for all runs.

use super::play::{Played, largest, mean};
use super::{Answer, Line, Section};
use crate::base::{Diagnostic, Span, Time};
use crate::control::batch::{Backfill, Policy, Reservation};
use crate::sim::BatchJob;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The scheduler looks at the queue at multiples of this: the one launch overhead of all runs.
pub(super) const INTERVAL: Span = Span::from_secs(5);
/// Runs whose jobs waited longer than this in the mean are the most loaded ones: there one job that goes
/// another way moves hundreds, and the wait is told but not judged.
const LOADED_S: f64 = 100.0;
/// How far the makespan may be off.
const MAKESPAN_SHARE: f64 = 0.015;
/// How far the mean wait may be off, in seconds.
const WAIT_S: f64 = 3.0;

/// What the real cluster did.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    /// Its jobs, in seconds from the first submission: (number, submit, start, stop, walltime, nodes).
    pub jobs: Vec<(u64, u64, u64, u64, u64, u32)>,
    /// How many nodes took part.
    pub nodes: u32,
    /// Jobs that did not come to their end.
    pub unfinished: usize,
}

#[derive(Deserialize)]
struct Gantt {
    jobs: BTreeMap<String, OarJob>,
}

#[derive(Deserialize)]
struct OarJob {
    submission_time: u64,
    start_time: u64,
    stop_time: u64,
    walltime: u64,
    state: String,
    resources: Vec<u32>,
}

/// Reads OAR's record of a run (`oar_gant_*.json`).
pub fn records(name: &str, text: &[u8]) -> Result<Record, Diagnostic> {
    let place = || crate::base::Location::file(name);
    let gantt: Gantt = serde_json::from_slice(text)
        .map_err(|error| Diagnostic::error(place(), format!("this is no record of OAR: {error}")))?;
    let mut record = Record::default();
    let first = gantt.jobs.values().map(|job| job.submission_time).min().unwrap_or(0);
    let mut nodes: BTreeSet<u32> = BTreeSet::new();
    for (number, job) in &gantt.jobs {
        let is_whole = job.state == "Terminated"
            && job.start_time >= job.submission_time
            && job.stop_time > job.start_time
            && !job.resources.is_empty();
        let Some(number) = number.parse().ok().filter(|_| is_whole) else {
            record.unfinished += 1;
            continue;
        };
        nodes.extend(&job.resources);
        let since = |time: u64| time - first;
        let (submit, start, stop) = (since(job.submission_time), since(job.start_time), since(job.stop_time));
        record.jobs.push((number, submit, start, stop, job.walltime, job.resources.len() as u32));
    }
    record.nodes = nodes.len() as u32;
    Ok(record)
}

/// Compares makespan and mean wait of a run; `None` if it is not a complete run on `processors` nodes.
pub fn compare(run: &str, record: &Record, processors: u32) -> Option<Section> {
    if record.unfinished > 0 || record.nodes < processors || record.jobs.is_empty() {
        return None;
    }
    let second = |seconds: u64| Time(seconds.saturating_mul(1_000_000_000));
    let mut list: Vec<BatchJob> = record
        .jobs
        .iter()
        .map(|&(number, submit, start, stop, walltime, nodes)| BatchJob {
            at: second(submit),
            number,
            processors: nodes,
            run_time: second(stop).since(second(start)),
            estimate: Some(Span(second(walltime).0)),
            user: -1,
            ..BatchJob::default()
        })
        .collect();
    list.sort_by_key(|job| (job.at, job.number));
    let policy = Policy {
        backfill: Backfill::Conservative,
        reservation: Reservation::Machines,
        interval: INTERVAL,
        ..Policy::default()
    };
    let rules = super::play::Rules { processors, policy, kill_at_estimate: false, clairvoyant: false };
    let played = super::play::play(list, &rules);
    let count = record.jobs.len() as f64;
    let real: Vec<Played> = record
        .jobs
        .iter()
        .map(|&(number, submit, start, stop, _, nodes)| Played {
            number,
            submit: submit as f64,
            start: start as f64,
            run: (stop - start) as f64,
            processors: f64::from(nodes),
            machines: None,
        })
        .collect();
    let wait = real.iter().map(Played::wait).sum::<f64>() / count;
    let makespan = largest(&real, Played::end);
    let lines = vec![
        Line::near(
            "makespan, s",
            makespan,
            largest(&played, Played::end),
            0,
            Some(MAKESPAN_SHARE * makespan),
        ),
        Line::near(
            "mean wait, s",
            wait,
            mean(&played, Played::wait),
            1,
            (wait <= LOADED_S).then_some(WAIT_S),
        ),
        Line::near(
            "mean bounded slowdown",
            mean(&real, Played::bounded_slowdown),
            mean(&played, Played::bounded_slowdown),
            3,
            None,
        ),
    ];
    let answers = played
        .iter()
        .map(|job| Answer { job: job.number.to_string(), start: job.start, machines: String::new() })
        .collect();
    let (workload, variant) = (run.to_owned(), "conservative".to_owned());
    Some(Section { workload, variant, lines, jobs: Vec::new(), answers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_and_compared() {
        let text = br#"{"jobs": {
            "7": {"submission_time": 100, "start_time": 101, "stop_time": 111, "walltime": 20,
                  "state": "Terminated", "resources": [3, 4], "user": "x"},
            "8": {"submission_time": 102, "start_time": 112, "stop_time": 122, "walltime": 20,
                  "state": "Terminated", "resources": [4, 3]}}}"#;
        let record = records("run.json", text).unwrap();
        assert_eq!((record.nodes, record.unfinished), (2, 0));
        let section = compare("run", &record, 2).unwrap();
        // Ours starts them at 0 and 10 s.
        assert_eq!(section.score(), (1, 2), "{section:?}");
        assert_eq!(compare("run", &record, 3), None, "a node was missing");
        assert!(records("run.json", b"{").unwrap_err().to_string().contains("no record of OAR"));
    }
}
