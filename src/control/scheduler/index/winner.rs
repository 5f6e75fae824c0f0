//! Which of the tied nodes is taken, without listing the feasible nodes.
//!
//! The rules are those of [`Choice`]; the tests hold the two equal.

use super::super::select::{Choice, pre_order};
use super::flat::Flat;
use super::place_set::PlaceSet;
use super::rank_set::Union;
use crate::base::rng::Streams;

/// So few tied nodes are looked at one by one.
const FEW_TIED: usize = 12;

/// Places of tied nodes.
pub(super) trait Tied {
    /// How many there are.
    fn len(&self) -> usize;
    /// The first that is not before a place.
    fn first_from(&self, place: u32) -> Option<u32>;
}

impl Tied for PlaceSet {
    fn len(&self) -> usize {
        PlaceSet::len(self)
    }
    fn first_from(&self, place: u32) -> Option<u32> {
        PlaceSet::first_from(self, place)
    }
}

impl Tied for Flat {
    fn len(&self) -> usize {
        Flat::len(self)
    }
    fn first_from(&self, place: u32) -> Option<u32> {
        Flat::first_from(self, place)
    }
}

/// The places of one set, ascending.
fn places_of<T: Tied>(tied: &T) -> impl Iterator<Item = u32> + '_ {
    std::iter::successors(tied.first_from(0), |&place| tied.first_from(place + 1))
}

/// The feasible nodes and, among them, the tied ones.
pub(super) struct Ties<'g, T> {
    /// The places of the feasible nodes.
    pub(super) feasible: Union<'g>,
    /// The places of the tied nodes: sets without a common member.
    pub(super) tied: &'g [&'g T],
    /// The place in the list at which the search begins.
    pub(super) start: u32,
}

impl<T: Tied> Ties<'_, T> {
    /// The place of the node that is taken. `key` is what a draw depends on besides the seed.
    pub(super) fn winner(&self, choice: Choice, streams: Streams, key: u64) -> u32 {
        if let [only] = self.tied
            && only.len() == 1
        {
            return only.first_from(0).expect("it has a member");
        }
        if choice == Choice::Listed {
            let tied: usize = self.tied.iter().map(|places| places.len()).sum();
            return if tied <= FEW_TIED { self.first_of_few() } else { self.first_in_pre_order() };
        }
        let mut places: Vec<u32> = self.tied.iter().flat_map(|places| places_of(*places)).collect();
        // In the order of the search: from the start to the end of the list, then the rest.
        places.sort_unstable_by_key(|&place| (place < self.start, place));
        let (start, count) = (self.feasible.rank(self.start), self.feasible.count());
        let numbers: Vec<u32> = places.iter().map(|&place| self.number(place, start, count)).collect();
        places[choice.select(streams, key, &numbers)]
    }

    /// The number of a place among the feasible nodes in the order of the search, which begins at the
    /// feasible node of rank `start`.
    fn number(&self, place: u32, start: u32, count: u32) -> u32 {
        (self.feasible.rank(place) + count - start) % count
    }

    /// The first tied node in pre-order, by looking at each.
    fn first_of_few(&self) -> u32 {
        let (start, count) = (self.feasible.rank(self.start), self.feasible.count());
        let places = self.tied.iter().flat_map(|places| places_of(*places));
        let first = places.min_by_key(|&place| pre_order(self.number(place, start, count)));
        first.expect("a node is tied")
    }

    /// The first tied node in the pre-order of the implicit binary tree of the feasible nodes. The
    /// nodes of one depth have consecutive numbers, and among them pre-order is the order of the
    /// numbers: so the first tied one of each depth is looked for, and the first of these taken.
    fn first_in_pre_order(&self) -> u32 {
        let (start, count) = (self.feasible.rank(self.start), self.feasible.count());
        let mut best: Option<((u64, u64), u32)> = None;
        let mut first = 0;
        while first < count {
            let last = (2 * first).min(count - 1);
            let found = self.first_tied(first, last, start, count);
            let candidate = found.map(|(number, place)| (pre_order(number), place));
            best = [best, candidate].into_iter().flatten().min();
            first = 2 * first + 1;
        }
        best.expect("a node is tied").1
    }

    /// The first tied node among the feasible ones numbered `first..=last` in search order: its
    /// number and place. The search begins at the feasible node of rank `start`.
    fn first_tied(&self, first: u32, last: u32, start: u32, count: u32) -> Option<(u32, u32)> {
        let (from, to) = (first + start, last + start);
        let within = |from: u32, to: u32| {
            let place = self.feasible.select(from);
            let next = self.tied.iter().filter_map(|places| places.first_from(place)).min()?;
            let rank = self.feasible.rank(next);
            (rank <= to).then_some((rank, next))
        };
        // Ranks from `count` on are those of the nodes before the start.
        let number = |(rank, place): (u32, u32)| {
            ((if rank >= start { rank - start } else { rank + count - start }), place)
        };
        let head = if from < count { within(from, to.min(count - 1)) } else { None };
        let found =
            head.or_else(|| if to < count { None } else { within(from.saturating_sub(count), to - count) });
        found.map(number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rank_set::RankSet;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn safety_the_winner_is_that_of_the_listed_nodes(
            nodes in prop::collection::vec(0usize..5, 1..700),
            start in 0u32..700,
        ) {
            let len = nodes.len() as u32;
            let start = start % len;
            let mut feasible = [RankSet::new(nodes.len()), RankSet::new(nodes.len())];
            let mut tied = [PlaceSet::default(), PlaceSet::default()];
            // Kinds 0 and 1 are tied, in one set each; 2 and 3 are feasible; 4 is not.
            for (place, &kind) in nodes.iter().enumerate() {
                if kind < 4 {
                    feasible[kind % 2].insert(place as u32);
                }
                if kind < 2 {
                    tied[kind].insert(place as u32, nodes.len());
                }
            }
            let order: Vec<u32> =
                (start..len).chain(0..start).filter(|&place| nodes[place as usize] < 4).collect();
            let numbers: Vec<u32> =
                (0..order.len() as u32).filter(|&n| nodes[order[n as usize] as usize] < 2).collect();
            prop_assume!(!numbers.is_empty());
            let ties = Ties {
                feasible: Union(&[&feasible[0], &feasible[1]]),
                tied: &[&tied[0], &tied[1]],
                start,
            };
            let streams = Streams::new(5);
            for choice in [Choice::Listed, Choice::Raced, Choice::Drawn] {
                let expected = order[numbers[choice.select(streams, 9, &numbers)] as usize];
                prop_assert_eq!(ties.winner(choice, streams, 9), expected);
            }
        }
    }
}
