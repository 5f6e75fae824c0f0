//! Free capacity that no queued pod can use, sampled.
//!
//! Only requests count here, not affinities or taints: a lower bound of what is unusable.

use super::ledger::{CPU, MEMORY, Node};
use crate::base::{Span, Time};
use crate::observe::stats::ratio;

/// The first distance of samples; it doubles whenever so many have been taken since it last did.
const FIRST_DISTANCE: Span = Span::from_secs(1);
const SAMPLES_BEFORE_DOUBLING: u32 = 64;

/// The samples so far.
#[derive(Debug)]
pub(super) struct Fragmentation {
    next: Time,
    distance: Span,
    left: u32,
    /// What the last sample said, and since when that has not been entered in the sums.
    held: Option<(Time, [Option<f64>; 2])>,
    /// Sum of share × seconds, and of the seconds, for CPU and memory.
    sums: [(f64, f64); 2],
    pub(super) samples: u64,
}

impl Default for Fragmentation {
    fn default() -> Fragmentation {
        Fragmentation {
            next: Time::ZERO,
            distance: FIRST_DISTANCE,
            left: SAMPLES_BEFORE_DOUBLING,
            held: None,
            sums: [(0.0, 0.0); 2],
            samples: 0,
        }
    }
}

impl Fragmentation {
    /// Whether a sample is due.
    pub(super) fn is_due(&self, now: Time) -> bool {
        now >= self.next
    }

    /// Takes a sample: `queued` are the requests of the queued pods, each as (resource, amount).
    pub(super) fn sample(&mut self, now: Time, nodes: &[Node], queued: Vec<&[(usize, i64)]>) {
        let smallest = smallest(queued);
        let (mut free, mut unusable) = ([0i128; 2], [0i128; 2]);
        for node in nodes.iter().filter(|node| node.is_open()) {
            let fits = |requests: &&[(usize, i64)]| {
                requests.iter().all(|&(row, amount)| i128::from(amount) <= node.free(row))
            };
            let usable = smallest.iter().any(fits);
            for row in [CPU, MEMORY] {
                free[row] += node.free(row);
                unusable[row] += if usable { 0 } else { node.free(row) };
            }
        }
        self.hold_until(now);
        self.held = Some((now, [CPU, MEMORY].map(|row| ratio(unusable[row], free[row]))));
        self.samples += 1;
        self.left -= 1;
        if self.left == 0 {
            self.left = SAMPLES_BEFORE_DOUBLING;
            self.distance = self.distance * 2;
        }
        self.next = now + self.distance;
    }

    /// No pod is queued from `now` on, or the run is over.
    pub(super) fn close(&mut self, now: Time) {
        self.hold_until(now);
        self.held = None;
    }

    /// What the last sample said has held until `now`.
    fn hold_until(&mut self, now: Time) {
        let Some((since, shares)) = self.held.take() else { return };
        let seconds = now.since(since).as_secs_f64();
        for (sum, share) in self.sums.iter_mut().zip(shares) {
            if let Some(share) = share {
                *sum = (sum.0 + share * seconds, sum.1 + seconds);
            }
        }
    }

    /// The mean share of CPU or memory; `None` without a sample.
    pub(super) fn mean(&self, row: usize) -> Option<f64> {
        let (sum, weight) = self.sums[row];
        (weight > 0.0).then(|| sum / weight)
    }
}

/// The requests that no other is below in everything: if one of all fits a node, one of these does.
fn smallest(mut queued: Vec<&[(usize, i64)]>) -> Vec<&[(usize, i64)]> {
    let amount = |requests: &[(usize, i64)], row| {
        requests.iter().find(|(other, _)| *other == row).map_or(0, |(_, amount)| *amount)
    };
    queued.sort_by_key(|requests| (amount(requests, CPU), amount(requests, MEMORY), requests.len()));
    let mut kept: Vec<&[(usize, i64)]> = Vec::new();
    for requests in queued {
        let is_below =
            |other: &&[(usize, i64)]| other.iter().all(|&(row, least)| least <= amount(requests, row));
        if !kept.iter().any(is_below) {
            kept.push(requests);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_minimal_requests_are_kept() {
        let (a, b, c, d) =
            ([(0, 100), (1, 50)], [(0, 200), (1, 10)], [(0, 300), (1, 60)], [(0, 100), (1, 50)]);
        let kept = smallest(vec![&c, &b, &a, &d]);
        assert_eq!(kept, [&a[..], &b[..]]);
    }
}
