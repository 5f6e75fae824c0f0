//! Which of the tied nodes is taken, without listing the feasible nodes.
//!
//! The rules are those of [`super::super::select`]; the tests hold the two equal.

use super::super::select::{pre_order, select};
use super::group::Group;
use super::rank_set::Union;
use crate::base::rng::Streams;
use crate::control::config::Version;

/// Up to so many tied nodes are simply looked at one after the other.
const FEW: u32 = 24;

/// The feasible nodes and, among them, the tied ones.
pub(super) struct Ties<'g> {
    /// The places of the feasible nodes.
    pub(super) feasible: Union<'g>,
    /// All groups.
    pub(super) groups: &'g [Group],
    /// The numbers of the groups that have tied nodes, with the node-local total that these have.
    pub(super) tops: &'g [(u32, i64)],
    /// How many nodes are tied.
    pub(super) count: u32,
    /// The place in the list at which the search begins.
    pub(super) start: u32,
}

impl Ties<'_> {
    /// The place of the node that is taken. `key` is what a draw depends on besides the seed.
    pub(super) fn winner(&self, version: Version, streams: Streams, key: u64) -> u32 {
        if self.count == 1 {
            return self.places().next().expect("a node is tied");
        }
        match version {
            Version::V1_36 if self.count > FEW => self.descend(),
            Version::V1_36 => {
                let start = self.feasible.rank(self.start);
                let count = self.feasible.count();
                let order = |place: &u32| pre_order(self.number(*place, start, count));
                self.places().min_by_key(order).expect("a node is tied")
            }
            Version::V1_34 => {
                let mut places: Vec<u32> = self.places().collect();
                // In the order of the search: from the start to the end of the list, then the rest.
                places.sort_unstable_by_key(|&place| (place < self.start, place));
                places[select(version, streams, key, &places)]
            }
        }
    }

    fn tops(&self) -> impl Iterator<Item = (&Group, i64)> + '_ {
        self.tops.iter().map(|&(group, total)| (&self.groups[group as usize], total))
    }

    fn places(&self) -> impl Iterator<Item = u32> + '_ {
        self.tops().flat_map(|(group, total)| group.with_total(total))
    }

    /// The number of a feasible node in the list of feasible nodes in search order.
    fn number(&self, place: u32, start: u32, count: u32) -> u32 {
        let rank = self.feasible.rank(place);
        if rank >= start { rank - start } else { rank + count - start }
    }

    /// Walks down the implicit binary tree of the feasible nodes: a node that is tied is taken, else
    /// the walk goes to the left if there is a tied node there, and to the right if not.
    fn descend(&self) -> u32 {
        let (start, count) = (self.feasible.rank(self.start), self.feasible.count());
        let place_of = |number: u32| self.feasible.select((number + start) % count);
        let mut number = 0;
        loop {
            let place = place_of(number);
            if self.tops().any(|(group, total)| group.has_total_at(total, place)) {
                return place;
            }
            let left = 2 * number + 1;
            number = if self.is_tied_below(left, start, count) { left } else { left + 1 };
        }
    }

    /// Whether the node of that number or one below it in the tree is tied. The nodes of one depth
    /// below it have consecutive numbers; the deepest, which are the most, are looked at first.
    fn is_tied_below(&self, number: u32, start: u32, count: u32) -> bool {
        let (number, count) = (u64::from(number), u64::from(count));
        let mut depth = 0;
        while ((number + 1) << (depth + 1)) - 1 < count {
            depth += 1;
        }
        (0..=depth).rev().any(|depth| {
            let first = ((number + 1) << depth) - 1;
            let last = (((number + 2) << depth) - 2).min(count - 1);
            first <= last && self.is_tied_within(first as u32, last as u32, start, count as u32)
        })
    }

    /// Whether one of the feasible nodes numbered `first..=last` is tied.
    fn is_tied_within(&self, first: u32, last: u32, start: u32, count: u32) -> bool {
        let (from, to) = ((first + start) % count, (last + start) % count);
        let within = |from: u32, to: u32| {
            let (from, to) = (self.feasible.select(from), self.feasible.select(to));
            self.tops().any(|(group, total)| group.has_total_within(total, from, to))
        };
        if from <= to { within(from, to) } else { within(from, count - 1) || within(0, to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn safety_the_winner_is_that_of_the_listed_nodes(
            nodes in prop::collection::vec((0usize..4, 0i64..3), 1..700),
            start in 0u32..700,
            best in 0i64..3,
        ) {
            let len = nodes.len() as u32;
            let start = start % len;
            let mut groups = vec![Group::new(nodes.len()); 3];
            for (place, &(group, total)) in nodes.iter().enumerate() {
                if group < 3 {
                    groups[group].insert(place as u32, total);
                }
            }
            // Groups 0 and 1 tie with `best`; group 2 is feasible and worse.
            let tops = [(0, best), (1, best)];
            let tied = |place: u32| nodes[place as usize].0 < 2 && nodes[place as usize].1 == best;
            let feasible: Vec<u32> = (start..len).chain(0..start).filter(|&p| nodes[p as usize].0 < 3).collect();
            let numbers: Vec<u32> =
                (0..feasible.len() as u32).filter(|&n| tied(feasible[n as usize])).collect();
            prop_assume!(!numbers.is_empty());
            let sets = [&groups[0].members, &groups[1].members, &groups[2].members];
            let count = numbers.len() as u32;
            let ties = Ties { feasible: Union(&sets), groups: &groups, tops: &tops, count, start };
            let streams = Streams::new(5);
            for version in [Version::V1_34, Version::V1_36] {
                let expected = feasible[numbers[select(version, streams, 9, &numbers)] as usize];
                prop_assert_eq!(ties.winner(version, streams, 9), expected);
            }
            let expected = feasible[numbers[select(Version::V1_36, streams, 9, &numbers)] as usize];
            prop_assert_eq!(ties.descend(), expected, "however many are tied");
        }
    }
}
