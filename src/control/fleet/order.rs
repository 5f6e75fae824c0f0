//! In which order jobs that wait are looked at. All orders here stay what they were at submission;
//! a higher priority goes before all of them.

use crate::base::Span;
use crate::base::units::NANOS_PER_SECOND;
use std::cmp::Reverse;

/// How jobs of equal priority are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// First come, first served.
    #[default]
    Fcfs,
    /// Shortest estimate first.
    Sjf,
    /// Longest estimate first.
    Ljf,
    /// Smallest first: tasks times the dominant share of one of them.
    Smallest,
    /// Largest first.
    Largest,
    /// Least estimate times size first.
    SmallestArea,
}

/// What an order looks at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Facts {
    /// The user's estimate.
    pub(super) estimate: Option<Span>,
    /// Tasks times the dominant share of one of them.
    pub(super) size: f64,
}

impl Order {
    /// The score of a job; the smallest goes first. A job without an estimate is taken to run for
    /// ever, and none is taken to be shorter than a second.
    pub(super) fn score(self, facts: Facts) -> f64 {
        let estimate =
            facts.estimate.map_or(f64::INFINITY, |span| span.0 as f64 / NANOS_PER_SECOND as f64).max(1.0);
        match self {
            Order::Fcfs => 0.0,
            Order::Sjf => estimate,
            Order::Ljf => -estimate,
            Order::Smallest => facts.size,
            Order::Largest => -facts.size,
            Order::SmallestArea => estimate * facts.size,
        }
    }
}

/// Where a job stands among others: priority, score, then the order of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    priority: Reverse<i32>,
    /// The score as an integer of the same order.
    score: i64,
    /// How many jobs were submitted before.
    number: u64,
}

impl Key {
    pub(super) fn new(priority: i32, score: f64, number: u64) -> Key {
        // The order of the bits is that of the numbers once those of negative ones are turned round.
        let bits = score.to_bits() as i64;
        let score = bits ^ (((bits >> 63) as u64) >> 1) as i64;
        Key { priority: Reverse(priority), score, number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_priority_score_and_number() {
        let mut keys = [
            Key::new(0, f64::INFINITY, 1),
            Key::new(0, 2.5, 2),
            Key::new(0, 2.5, 1),
            Key::new(0, 0.0, 9),
            Key::new(0, -1.0, 9),
            Key::new(0, -3.5, 9),
            Key::new(3, 9.0, 9),
        ];
        keys.reverse();
        let sorted = keys;
        keys.reverse();
        keys.sort_unstable();
        assert_eq!(keys, sorted);
    }

    #[test]
    fn each_order_has_its_own_first() {
        // (estimate, size): a long small job, a short one of middle size, a large one.
        let jobs = [(1000, 0.1), (10, 0.2), (50, 5.0)]
            .map(|(estimate, size)| Facts { estimate: Some(Span::from_secs(estimate)), size });
        for (order, expected) in [
            (Order::Fcfs, [0, 1, 2]),
            (Order::Sjf, [1, 2, 0]),
            (Order::Ljf, [0, 2, 1]),
            (Order::Smallest, [0, 1, 2]),
            (Order::Largest, [2, 1, 0]),
            // 100, 2 and 250.
            (Order::SmallestArea, [1, 0, 2]),
        ] {
            let mut ranked = [0, 1, 2];
            ranked.sort_by_key(|&job| Key::new(0, order.score(jobs[job]), job as u64));
            assert_eq!(ranked, expected, "{order:?}");
        }
        assert!(Order::Sjf.score(Facts { estimate: None, size: 1.0 }).is_infinite());
    }
}
