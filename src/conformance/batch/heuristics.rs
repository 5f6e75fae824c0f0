//! RLScheduler (SC'20), tables V and VI: five heuristics on ten sequences of jobs of two logs by
//! Lublin's model, without and with backfilling; and two columns as they are without the fault of the
//! published program.

use super::play::{Rules, jobs, mean, play};
use super::{Answer, Line, Section};
use crate::control::batch::{
    Backfill, EventOrder, Head, Order, Passes, Policy, Reservation, Scan, ZeroSlack,
};
use crate::sim::BatchJob;
use crate::trace::Row;

/// Where the sequences begin, in the list of jobs that run.
const SEQUENCES: [usize; 10] = [1981, 2756, 4299, 8850, 3316, 2714, 5228, 7762, 4022, 7085];
/// Jobs of a sequence.
const LENGTH: usize = 1024;
/// Processors of the machine.
const PROCESSORS: u32 = 256;

/// The columns of the tables.
const ORDERS: [(&str, Order); 5] = [
    ("fcfs", Order::Fcfs),
    ("wfp3Published", Order::Wfp3Published),
    ("unicepPublished", Order::UnicepPublished),
    ("sjf", Order::Sjf),
    ("f1", Order::F1),
];

/// What is published of a log: bounded slowdowns, utilizations, without and with backfilling each.
pub struct Table {
    /// The file.
    pub file: &'static str,
    slowdowns: [[&'static str; 5]; 2],
    utilizations: [[&'static str; 5]; 2],
    /// WFP3 and UNICEP without backfilling and without the fault.
    mended: [&'static str; 2],
}

/// Both logs.
pub const TABLES: [Table; 2] = [
    Table {
        file: "lublin_256.swf.gz",
        slowdowns: [
            ["7273.77", "19753.53", "22274.74", "277.35", "258.37"],
            ["235.82", "133.87", "307.23", "73.31", "75.07"],
        ],
        utilizations: [[".657", ".747", ".691", ".762", ".816"], [".868", ".864", ".883", ".778", ".840"]],
        mended: ["337.34", "381.71"],
    },
    Table {
        file: "lublin_256_new2.gz",
        slowdowns: [
            ["7842.47", "9523.18", "11265.31", "787.89", "698.34"],
            ["247.61", "318.35", "379.59", "91.99", "148.25"],
        ],
        utilizations: [[".404", ".543", ".510", ".562", ".478"], [".587", ".583", ".587", ".593", ".552"]],
        mended: ["807.25", "830.49"],
    },
];

/// The mean bounded slowdown and the mean utilization of the sequences, and the starts.
fn run(rows: &[BatchJob], order: Order, backfill: Backfill) -> (f64, f64, Vec<Answer>) {
    let policy = Policy {
        order,
        head: Head::Kept,
        backfill,
        reservation: Reservation::Frozen,
        scan: Scan::Submission,
        zero_slack: ZeroSlack::Refused,
        passes: Passes::PerEvent,
        event_order: EventOrder::SubmitFirst,
        ..Policy::default()
    };
    let rules = Rules { processors: PROCESSORS, policy, kill_at_estimate: false, clairvoyant: false };
    let (mut slowdown, mut utilization, mut answers) = (0.0, 0.0, Vec::new());
    for (row, start) in SEQUENCES.into_iter().enumerate() {
        let Some(sequence) = rows.get(start..start + LENGTH) else { continue };
        let played = play(sequence.to_vec(), &rules);
        let first = played.iter().map(|job| job.submit).fold(f64::INFINITY, f64::min);
        let last = super::play::largest(&played, |job| job.start);
        let work: f64 = played.iter().map(|job| job.run * job.processors).sum();
        slowdown += mean(&played, super::Played::bounded_slowdown);
        utilization += work / (f64::from(PROCESSORS) * (last - first));
        answers.extend(played.iter().map(|job| Answer {
            job: format!("{row}/{}", job.number),
            start: job.start,
            machines: String::new(),
        }));
    }
    let count = SEQUENCES.len() as f64;
    (slowdown / count, utilization / count, answers)
}

/// Compares all cells of a log. Rows must have been read with the larger of both numbers of processors.
pub fn compare(table: &Table, rows: &[Row]) -> Vec<Section> {
    let jobs: Vec<BatchJob> = jobs(rows);
    let mut sections = Vec::new();
    for (row, (backfill, name)) in
        [(Backfill::None, "none"), (Backfill::Easy, "easy, frozen")].into_iter().enumerate()
    {
        for (column, (order, rule)) in ORDERS.into_iter().enumerate() {
            let (slowdown, utilization, answers) = run(&jobs, rule, backfill);
            let lines = vec![
                Line::exact("mean bounded slowdown", table.slowdowns[row][column], slowdown),
                Line::exact("utilization", table.utilizations[row][column], utilization),
            ];
            sections.push(section(table, order, name, lines, answers));
        }
    }
    for ((order, rule), expected) in
        [("wfp3", Order::Wfp3), ("unicep", Order::Unicep)].into_iter().zip(table.mended)
    {
        let (slowdown, _, answers) = run(&jobs, rule, Backfill::None);
        let lines = vec![Line::exact("mean bounded slowdown", expected, slowdown)];
        sections.push(section(table, order, "none", lines, answers));
    }
    sections
}

fn section(table: &Table, order: &str, backfill: &str, lines: Vec<Line>, answers: Vec<Answer>) -> Section {
    let workload = table.file.split('.').next().unwrap_or_default().to_owned();
    Section { workload, variant: format!("{order}, backfill {backfill}"), lines, jobs: Vec::new(), answers }
}
