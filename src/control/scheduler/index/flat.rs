//! The nodes of a class that nothing but node-local scores and filters tells apart: their totals in one
//! column, in the order of the scheduler's list.
//!
//! A change of a node costs a store; the best of each stretch of the column is found again when it is
//! asked for. Where many nodes have changed the whole column is replaced at once. A [`super::group`]
//! does the same for nodes of many groups, where a column each would be too much.

use super::super::select::pre_order;
use super::rank_set::{RankSet, Union};

/// Places of a stretch.
const STRETCH: usize = 64;
/// The total of a place without a node that passes.
const NONE: i32 = i32::MIN;

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(super) struct Flat {
    places: usize,
    /// By place, filled up to whole stretches.
    totals: Vec<i32>,
    /// The best of each stretch and how many places have it.
    bests: Vec<i32>,
    counts: Vec<u32>,
    /// The stretches whose best is to be found again, and whether each is among them.
    stale: Vec<u32>,
    is_stale: Vec<bool>,
    /// The places of the nodes that pass.
    pub(super) members: RankSet,
    /// The place of the first member of each depth of the tree that they make in order of the list;
    /// empty if it is to be found again.
    depths: Vec<u32>,
    /// The highest total, the stretches that have it, a bit each, and how many places do.
    top: i32,
    tops: Vec<u64>,
    tied: u32,
}

/// Whether a total can be kept.
pub(super) fn is_narrow(total: i64) -> bool {
    i32::try_from(total).is_ok_and(|total| total > NONE)
}

impl Flat {
    /// A column over a list of that length, without a node.
    pub(super) fn new(places: usize) -> Flat {
        let stretches = places.div_ceil(STRETCH);
        Flat {
            places,
            totals: vec![NONE; stretches * STRETCH],
            bests: vec![NONE; stretches],
            counts: vec![0; stretches],
            stale: Vec::new(),
            is_stale: vec![false; stretches],
            members: RankSet::new(places),
            depths: Vec::new(),
            top: NONE,
            tops: vec![0; stretches.div_ceil(64)],
            tied: 0,
        }
    }

    /// Gives the node at a place another total; `None` if it does not pass.
    pub(super) fn set(&mut self, place: u32, total: Option<i64>) {
        let total = total.map_or(NONE, |total| total as i32);
        let before = std::mem::replace(&mut self.totals[place as usize], total);
        if before == total {
            return;
        }
        if before == NONE {
            self.members.insert(place);
            self.depths.clear();
        } else if total == NONE {
            self.members.remove(place);
            self.depths.clear();
        }
        let stretch = place as usize / STRETCH;
        if !std::mem::replace(&mut self.is_stale[stretch], true) {
            self.stale.push(stretch as u32);
        }
    }

    /// Gives the nodes from a place on, the first of a stretch, other totals, those that do not pass none;
    /// false if one cannot be kept. When all nodes have been given theirs, [`Flat::replaced`] is called.
    pub(super) fn replace(&mut self, from: usize, passing: &[u64], totals: &[i64]) -> bool {
        let mut is_kept = true;
        let first = from / STRETCH;
        let stretches = self.totals[from..].chunks_exact_mut(STRETCH).zip(totals.chunks(STRETCH));
        for (number, ((kept, totals), bits)) in stretches.zip(passing).enumerate() {
            for (place, (kept, &total)) in kept.iter_mut().zip(totals).enumerate() {
                let passes = bits >> place & 1 == 1;
                is_kept &= !passes || is_narrow(total);
                *kept = if passes { total as i32 } else { NONE };
            }
            let best = highest(kept);
            self.bests[first + number] = best;
            self.counts[first + number] = count(kept, best);
        }
        is_kept
    }

    /// All nodes have been given other totals; these are the ones that pass.
    pub(super) fn replaced(&mut self, passing: &[u64]) {
        self.members.assign(passing);
        self.depths.clear();
        self.stale.clear();
        self.is_stale.fill(false);
        self.tops.fill(0);
        self.tied = 0;
        self.find_top();
    }

    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// Finds what is best again.
    pub(super) fn settle(&mut self) {
        let mut stale = std::mem::take(&mut self.stale);
        for stretch in stale.drain(..) {
            self.settle_stretch(stretch as usize);
        }
        self.stale = stale;
        if self.tied == 0 {
            self.find_top();
        }
    }

    fn settle_stretch(&mut self, stretch: usize) {
        self.is_stale[stretch] = false;
        let bit = 1 << (stretch % 64);
        if self.tops[stretch / 64] & bit != 0 {
            self.tops[stretch / 64] &= !bit;
            self.tied -= self.counts[stretch];
        }
        let totals = &self.totals[stretch * STRETCH..(stretch + 1) * STRETCH];
        let best = highest(totals);
        let count = count(totals, best);
        (self.bests[stretch], self.counts[stretch]) = (best, count);
        if best < self.top || best == NONE {
            return;
        }
        if best > self.top {
            self.top = best;
            self.tops.fill(0);
            self.tied = 0;
        }
        self.tops[stretch / 64] |= bit;
        self.tied += count;
    }

    /// Looks at every stretch, after the last with the highest total has lost it.
    fn find_top(&mut self) {
        self.top = highest(&self.bests);
        if self.top == NONE {
            return;
        }
        for (stretch, &best) in self.bests.iter().enumerate() {
            if best == self.top {
                self.tops[stretch / 64] |= 1 << (stretch % 64);
                self.tied += self.counts[stretch];
            }
        }
    }

    /// The highest total, as of the last [`Flat::settle`].
    pub(super) fn top(&self) -> Option<i64> {
        (self.tied > 0).then_some(i64::from(self.top))
    }

    /// The first place with the highest total in the pre-order of the implicit binary tree of the members,
    /// as [`super::winner::Ties`] finds it for a search that begins at the first place.
    ///
    /// # Panics
    /// If there is no member.
    pub(super) fn first_in_pre_order(&mut self) -> u32 {
        let count = self.members.count();
        if self.depths.is_empty() {
            let numbers = std::iter::successors(Some(0), |number| Some(2 * number + 1));
            let sets = [&self.members];
            self.depths.extend(numbers.take_while(|&number| number < count).map(|n| Union(&sets).select(n)));
        }
        let mut best: Option<((u64, u64), u32)> = None;
        let mut place = 0;
        for (depth, &first) in self.depths.iter().enumerate() {
            if place < first || depth == 0 {
                let Some(next) = self.first_from(first) else { break };
                place = next;
            }
            if self.depths.get(depth + 1).is_some_and(|&next| place >= next) {
                continue;
            }
            let candidate = (pre_order(self.members.rank(place)), place);
            best = Some(best.map_or(candidate, |best| best.min(candidate)));
        }
        best.expect("a member has the highest total").1
    }

    /// How many nodes have it.
    pub(super) fn len(&self) -> usize {
        self.tied as usize
    }

    /// The first place that is not before `place` and has the highest total.
    pub(super) fn first_from(&self, place: u32) -> Option<u32> {
        let first = place as usize / STRETCH;
        let mut rest = self.tops.get(first / 64)? & (u64::MAX << (first % 64));
        let mut word = first / 64;
        loop {
            while rest == 0 {
                word += 1;
                rest = *self.tops.get(word)?;
            }
            let stretch = word * 64 + rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let from = (stretch * STRETCH).max(place as usize);
            let mut places = self.totals[from..(stretch + 1) * STRETCH].iter();
            if let Some(found) = places.position(|&total| total == self.top) {
                return Some((from + found) as u32);
            }
        }
    }
}

/// How many of some totals are the best.
fn count(totals: &[i32], best: i32) -> u32 {
    totals.iter().map(|&total| u32::from(total == best)).sum()
}

/// The highest of some totals, in a form that vectorises.
fn highest(totals: &[i32]) -> i32 {
    const LANES: usize = 16;
    let (whole, rest) = totals.as_chunks::<LANES>();
    let mut best = [NONE; LANES];
    for totals in whole {
        for (best, &total) in best.iter_mut().zip(totals) {
            *best = if total > *best { total } else { *best };
        }
    }
    best.iter().chain(rest).copied().max().unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BitSet;
    use proptest::prelude::*;

    fn tied(flat: &Flat) -> Vec<u32> {
        let first = |from| flat.first_from(from);
        std::iter::successors(first(0), |&place| first(place + 1)).collect()
    }

    proptest! {
        #[test]
        fn safety_the_top_is_that_of_a_list(
            len in 1usize..300,
            sets in prop::collection::vec((0usize..300, prop::option::of(-3i64..4)), 0..200),
        ) {
            let mut flat = Flat::new(len);
            let mut list: Vec<Option<i64>> = vec![None; len];
            for (number, (place, total)) in sets.into_iter().enumerate() {
                let place = place % len;
                list[place] = total;
                if number % 11 == 5 {
                    let mut passing = BitSet::new(len);
                    (0..len).filter(|&place| list[place].is_some()).for_each(|place| passing.insert(place));
                    let totals: Vec<i64> = list.iter().map(|total| total.unwrap_or(i64::MAX)).collect();
                    prop_assert!(flat.replace(0, passing.words(), &totals));
                    flat.replaced(passing.words());
                } else {
                    flat.set(place as u32, total);
                }
                if number % 3 == 0 {
                    flat.settle();
                    let top = list.iter().flatten().copied().max();
                    let expected: Vec<u32> =
                        (0..len as u32).filter(|&place| top.is_some() && list[place as usize] == top).collect();
                    prop_assert_eq!((flat.top(), flat.len()), (top, expected.len()));
                    let numbers: Vec<u32> =
                        expected.iter().map(|&place| flat.members.rank(place)).collect();
                    let first = (0..numbers.len()).min_by_key(|&at| pre_order(numbers[at]));
                    if let Some(first) = first {
                        prop_assert_eq!(flat.first_in_pre_order(), expected[first]);
                    }
                    prop_assert_eq!(tied(&flat), expected);
                    prop_assert_eq!(flat.members.count() as usize, list.iter().flatten().count());
                }
            }
        }
    }
}
