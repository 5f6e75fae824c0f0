//! selectHost: which of the nodes with the highest total is taken.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/schedule_one.go (prioritizeNodes, sortedNodeScores) and
//! 1.34 (selectHost; reference kube-scheduler §8.2 and its 1.36 companion).

use crate::base::rng::{Purpose, Streams};
use crate::control::config::{Ties, Version};

/// One node in this many is late in the race of [`Ties::Raced`].
///
/// Measured: in the recordings with 3 to 12 nodes, 120 pods found a cluster without pods, where all
/// nodes are tied; 78 of them went to the first node of the list. With this number it is two of three.
const LATE_ONE_IN: u64 = 3;

/// How a node is chosen among those with the highest total.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// By the place in the list of feasible nodes.
    Listed,
    /// The same, with the nodes that lose the race of the search threads at the list's end.
    Raced,
    /// Any of them.
    Drawn,
}

impl Choice {
    /// That of a release, as it is configured.
    pub(crate) fn new(version: Version, ties: Ties) -> Choice {
        match ties {
            _ if version.compat().draws_ties => Choice::Drawn,
            Ties::Listed => Choice::Listed,
            Ties::Raced => Choice::Raced,
        }
    }

    /// Chooses among tied nodes, given by their places in the list of feasible nodes, ascending. The
    /// answer is an index into `places`. `key` is what a draw depends on besides the seed.
    ///
    /// # Panics
    /// If `places` is empty.
    pub(crate) fn select(self, streams: Streams, key: u64, places: &[u32]) -> usize {
        let mut draws = streams.stream(Purpose::Tie, key);
        if self == Choice::Drawn {
            return draws.below(places.len() as u64) as usize;
        }
        let mut is_late = || self == Choice::Raced && draws.below(LATE_ONE_IN) == 0;
        let order = places.iter().enumerate().min_by_key(|&(_, &place)| (is_late(), pre_order(place)));
        order.expect("a node is tied").0
    }
}

/// The position of a place in the pre-order of the implicit binary tree (children of i: 2i+1 and
/// 2i+2). Counted from 1, a place's bits after the first are the turns on the way down to it, so
/// pre-order is the order of these paths as words: the shorter of two that agree comes first.
///
/// The original lays the feasible nodes out as a binary heap; after heap construction the first
/// node with the highest total in this order is the root, because a child replaces its parent only
/// if it is strictly larger, and of two equal children the left one rises.
pub(super) fn pre_order(place: u32) -> (u64, u64) {
    let number = u64::from(place) + 1;
    (number << number.leading_zeros(), number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn winner(totals: &[i64]) -> usize {
        let best = totals.iter().max().unwrap();
        let places: Vec<u32> =
            (0..totals.len() as u32).filter(|&place| totals[place as usize] == *best).collect();
        places[Choice::Listed.select(Streams::new(0), 0, &places)] as usize
    }

    /// Go's container/heap Init on a max-heap: the index of the root.
    fn heap_root(totals: &[i64]) -> usize {
        let mut heap: Vec<usize> = (0..totals.len()).collect();
        let above = |heap: &[usize], a: usize, b: usize| totals[heap[a]] > totals[heap[b]];
        for start in (0..heap.len() / 2).rev() {
            let mut parent = start;
            loop {
                let left = 2 * parent + 1;
                if left >= heap.len() {
                    break;
                }
                let right = left + 1;
                let child = if right < heap.len() && above(&heap, right, left) { right } else { left };
                if !above(&heap, child, parent) {
                    break;
                }
                heap.swap(parent, child);
                parent = child;
            }
        }
        heap[0]
    }

    /// The recursion of the reference: W(i) by the best of the two subtrees.
    fn recursion(totals: &[i64]) -> usize {
        fn best(totals: &[i64], at: usize) -> Option<(i64, usize)> {
            let own = *totals.get(at)?;
            let mut winner = (own, at);
            for child in [2 * at + 1, 2 * at + 2] {
                winner = best(totals, child).filter(|found| found.0 > winner.0).unwrap_or(winner);
            }
            Some(winner)
        }
        best(totals, 0).unwrap().1
    }

    #[test]
    fn golden_ties() {
        for (totals, index) in [
            (&[9, 9, 9][..], 0),
            (&[7, 9, 9], 1),
            (&[7, 8, 9, 9], 3),
            (&[1, 2, 5, 5, 5], 3),
            (&[1, 5, 5, 5], 1),
        ] {
            assert_eq!(winner(totals), index, "{totals:?}");
        }
    }

    #[test]
    fn draws_reach_every_tied_node_and_repeat() {
        let places = [3, 5, 9];
        for choice in [Choice::Drawn, Choice::Raced] {
            let draw = |key| choice.select(Streams::new(1), key, &places);
            let drawn: Vec<usize> = (0..64).map(draw).collect();
            assert!((0..3).all(|place| drawn.contains(&place)));
            assert_eq!(drawn, (0..64).map(draw).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_race_is_won_by_the_first_node_two_times_in_three() {
        let places: Vec<u32> = (0..9).collect();
        let first = |key: &u64| Choice::Raced.select(Streams::new(1), *key, &places) == 0;
        let share = (0..3_000).filter(first).count();
        assert!((1_900..2_100).contains(&share), "{share}");
        assert_eq!(Choice::new(Version::V1_36, Ties::Raced), Choice::Raced);
        assert_eq!(Choice::new(Version::V1_34, Ties::Raced), Choice::Drawn);
    }

    proptest! {
        #[test]
        fn safety_the_winner_is_the_root_of_the_heap(totals in prop::collection::vec(0i64..4, 1..200)) {
            prop_assert_eq!(winner(&totals), heap_root(&totals));
            prop_assert_eq!(winner(&totals), recursion(&totals));
        }
    }
}
