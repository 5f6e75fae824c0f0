//! Whole logs of the Parallel Workloads Archive, as other programs have computed them: EASY by numbers
//! of processors, all events of an instant first, jobs ended at their requested times.

use super::play::{Rules, jobs, mean, play};
use super::{Answer, Line, Section};
use crate::control::batch::{Backfill, Policy};
use crate::trace::Row;

/// What is published of a log.
pub struct Log {
    /// The file's name without `.swf.gz`.
    pub name: &'static str,
    /// Processors of the machine.
    pub processors: u32,
    /// Mean bounded slowdown: first come first served, EASY, EASY that knows the run times.
    slowdowns: [Option<&'static str>; 3],
    /// Mean wait in minutes and utilization under EASY.
    others: Option<(&'static str, &'static str)>,
}

/// The logs.
pub const LOGS: [Log; 3] = [
    Log {
        name: "KTH-SP2-1996-2.1-cln",
        processors: 100,
        slowdowns: [Some("4297.07"), Some("86.398"), Some("71.649")],
        others: None,
    },
    Log {
        name: "CTC-SP2-1996-3.1-cln",
        processors: 338,
        slowdowns: [Some("3652.0"), Some("48.834"), Some("37.168")],
        others: None,
    },
    Log {
        name: "HPC2N-2002-2.2-cln",
        processors: 240,
        slowdowns: [None, Some("90.10"), Some("78.87")],
        others: Some(("187.7", "0.598")),
    },
];

/// Compares a log. Rows must have been read with the allocated number of processors.
pub fn compare(log: &Log, rows: &[Row]) -> Vec<Section> {
    let variants = [
        ("fcfs", Backfill::None, false),
        ("easy", Backfill::Easy, false),
        ("easy-clairvoyant", Backfill::Easy, true),
    ];
    let mut sections = Vec::new();
    for ((variant, backfill, clairvoyant), published) in variants.into_iter().zip(log.slowdowns) {
        let Some(published) = published else { continue };
        let policy = Policy { backfill, ..Policy::default() };
        let rules = Rules { processors: log.processors, policy, kill_at_estimate: true, clairvoyant };
        let played = play(jobs(rows), &rules);
        let slowdown = mean(&played, super::Played::bounded_slowdown);
        let mut lines = vec![Line::exact("mean bounded slowdown", published, slowdown)];
        if let Some((wait, utilization)) = log.others.filter(|_| variant == "easy") {
            let first = played.iter().map(|job| job.submit).fold(f64::INFINITY, f64::min);
            let makespan = super::play::largest(&played, super::Played::end) - first;
            let work: f64 = played.iter().map(|job| job.run * job.processors).sum();
            lines.push(Line::exact("mean wait, min", wait, mean(&played, super::Played::wait) / 60.0));
            let used = work / (f64::from(log.processors) * makespan);
            lines.push(Line::exact("utilization", utilization, used));
        }
        let answers = played
            .iter()
            .map(|job| Answer { job: job.number.to_string(), start: job.start, machines: String::new() })
            .collect();
        let (workload, variant) = (log.name.to_owned(), variant.to_owned());
        sections.push(Section { workload, variant, lines, jobs: Vec::new(), answers });
    }
    sections
}
