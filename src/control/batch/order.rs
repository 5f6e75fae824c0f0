//! Queue orders: in which order jobs that wait are looked at. Each is a score; the smallest goes
//! first, and equal ones in the order of submission.

use crate::base::ids::JobId;
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};
use crate::cluster::Machine;

/// How the queue is ordered (`docs/batch.md` has the rules and their sources).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// First come, first served.
    #[default]
    Fcfs,
    /// Shortest estimate first.
    Sjf,
    /// Longest estimate first.
    Ljf,
    /// Fewest processors first.
    Smallest,
    /// Most processors first.
    Largest,
    /// Least estimate times processors first.
    SmallestArea,
    /// Highest expansion factor (wait + estimate) / estimate first.
    ExpansionFactor,
    /// WFP3: -(wait / estimate)^3 * processors.
    Wfp3,
    /// UNICEP: -wait / (log2(processors) * estimate).
    Unicep,
    /// F1: log10(estimate) * processors + 870 * log10(submit).
    F1,
    /// WFP3 as a published table has it, with -1 - submit for the wait of a job that waits.
    Wfp3Published,
    /// UNICEP as the same table has it.
    UnicepPublished,
}

impl Order {
    /// Every order.
    pub const ALL: [Order; 12] = [
        Order::Fcfs,
        Order::Sjf,
        Order::Ljf,
        Order::Smallest,
        Order::Largest,
        Order::SmallestArea,
        Order::ExpansionFactor,
        Order::Wfp3,
        Order::Unicep,
        Order::F1,
        Order::Wfp3Published,
        Order::UnicepPublished,
    ];
}

/// What keeps the published programs from dividing by zero.
const EPSILON: f64 = 1e-15;

impl Order {
    /// Whether a job's score stays what it was when the job came.
    pub(super) fn is_static(self) -> bool {
        !matches!(self, Order::ExpansionFactor | Order::Wfp3 | Order::Unicep)
    }

    /// The score of a job at a moment. A job without an estimate is taken to run for ever.
    pub(super) fn score(self, now: Time, job: JobId, machine: &Machine) -> f64 {
        let row = job.index();
        let processors = f64::from(machine.size[row]);
        let estimate = machine.estimate[row].map_or(f64::INFINITY, seconds).max(1.0);
        let submit = seconds(Span(machine.submitted[row].0));
        let wait = seconds(now.since(machine.submitted[row]));
        let published = -1.0 - submit;
        match self {
            Order::Fcfs => 0.0,
            Order::Sjf => estimate,
            Order::Ljf => -estimate,
            Order::Smallest => processors,
            Order::Largest => -processors,
            Order::SmallestArea => estimate * processors,
            Order::ExpansionFactor => -(wait + estimate) / estimate,
            Order::Wfp3 => wfp3(wait, estimate, processors),
            Order::Unicep => unicep(wait, estimate, processors),
            Order::F1 => libm::log10(estimate) * processors + 870.0 * libm::log10(submit.max(1.0)),
            Order::Wfp3Published => wfp3(published, estimate, processors),
            Order::UnicepPublished => unicep(published, estimate, processors),
        }
    }
}

fn seconds(span: Span) -> f64 {
    span.0 as f64 / NANOS_PER_SECOND as f64
}

fn wfp3(wait: f64, estimate: f64, processors: f64) -> f64 {
    let ratio = wait / estimate;
    -(ratio * ratio * ratio) * processors
}

fn unicep(wait: f64, estimate: f64, processors: f64) -> f64 {
    -(wait + EPSILON) / (libm::log2(processors + EPSILON) * estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three jobs: (submit, processors, estimate) in seconds.
    fn machine() -> Machine {
        let mut machine = Machine::new(64);
        for (row, (submit, size, estimate)) in
            [(100, 8, 1000), (200, 1, 10), (300, 16, 50)].into_iter().enumerate()
        {
            let estimate = Some(Span::from_secs(estimate));
            machine.add(JobId(row as u32), size, Time::from_secs(submit), estimate);
        }
        machine
    }

    fn ranked(order: Order, now: u64) -> [u32; 3] {
        let machine = machine();
        let mut jobs = [0, 1, 2];
        let score = |&job: &u32| order.score(Time::from_secs(now), JobId(job), &machine);
        jobs.sort_by(|a, b| score(a).total_cmp(&score(b)));
        jobs
    }

    #[test]
    fn each_order_has_its_own_first() {
        for (order, expected) in [
            (Order::Fcfs, [0, 1, 2]),
            (Order::Sjf, [1, 2, 0]),
            (Order::Ljf, [0, 2, 1]),
            (Order::Smallest, [1, 0, 2]),
            (Order::Largest, [2, 0, 1]),
            (Order::SmallestArea, [1, 2, 0]),
            // At 400 s the waits are 300, 200 and 100 s: factors 1.3, 21 and 3.
            (Order::ExpansionFactor, [1, 2, 0]),
            // -(0.3)^3 * 8 = -0.216, -(20)^3 = -8000, -(2)^3 * 16 = -128.
            (Order::Wfp3, [1, 2, 0]),
            // log2(1) is next to nothing: the job of one processor comes first.
            (Order::Unicep, [1, 2, 0]),
            // 3 * 8 + 870 * 2 = 1764; 1 + 870 * 2.301 = 2002.9; 1.699 * 16 + 870 * 2.477 = 2182.3.
            (Order::F1, [0, 1, 2]),
        ] {
            assert_eq!(ranked(order, 400), expected, "{order:?}");
        }
    }

    #[test]
    fn the_published_fault_prefers_what_its_formula_says() {
        // (101 / 1000)^3 * 8 = 0.008; (201 / 10)^3 = 8121; (301 / 50)^3 * 16 = 3491: the sign is turned.
        assert_eq!(ranked(Order::Wfp3Published, 400), [0, 2, 1]);
        assert_eq!(ranked(Order::UnicepPublished, 400), [0, 2, 1]);
    }
}
