//! A set of places in a list that can say how many members stand before a place, and which member
//! is the n-th: in logarithmic time, under change.

/// Words of 64 places that one entry of the tree counts.
const BLOCK: usize = 8;
/// Places in a block.
const BLOCK_PLACES: usize = BLOCK * 64;

/// A set of places below a fixed length.
#[derive(Clone, Debug, Default)]
pub(super) struct RankSet {
    words: Vec<u64>,
    /// How many places there are.
    len: u32,
    /// A Fenwick tree (Fenwick 1994) over the members of each block; entry 0 is not used.
    tree: Vec<u32>,
    count: u32,
}

impl RankSet {
    /// The empty set of places below `len`.
    pub(super) fn new(len: usize) -> RankSet {
        let blocks = len.div_ceil(BLOCK_PLACES);
        RankSet { words: vec![0; blocks * BLOCK], len: len as u32, tree: vec![0; blocks + 1], count: 0 }
    }

    /// Makes the set that of the bits, as many words as there are or fewer.
    pub(super) fn assign(&mut self, words: &[u64]) {
        self.words.fill(0);
        self.words[..words.len()].copy_from_slice(words);
        self.tree.fill(0);
        self.count = 0;
        for (block, words) in self.words.chunks_exact(BLOCK).enumerate() {
            let members: u32 = words.iter().map(|word| word.count_ones()).sum();
            self.count += members;
            self.tree[block + 1] += members;
            let above = (block + 1) + ((block + 1) & (block + 1).wrapping_neg());
            if above < self.tree.len() {
                self.tree[above] += self.tree[block + 1];
            }
        }
    }

    /// How many members there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Whether a place is in the set.
    pub(super) fn contains(&self, place: u32) -> bool {
        self.words[place as usize / 64] >> (place % 64) & 1 == 1
    }

    /// Puts a place in, which is not in.
    pub(super) fn insert(&mut self, place: u32) {
        debug_assert!(!self.contains(place), "{place} is in already");
        self.words[place as usize / 64] |= 1 << (place % 64);
        self.count += 1;
        let mut at = place as usize / BLOCK_PLACES + 1;
        while at < self.tree.len() {
            self.tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// Takes a place out, which is in.
    pub(super) fn remove(&mut self, place: u32) {
        debug_assert!(self.contains(place), "{place} is not in");
        self.words[place as usize / 64] &= !(1 << (place % 64));
        self.count -= 1;
        let mut at = place as usize / BLOCK_PLACES + 1;
        while at < self.tree.len() {
            self.tree[at] -= 1;
            at += at & at.wrapping_neg();
        }
    }

    /// How many members stand before a place.
    pub(super) fn rank(&self, place: u32) -> u32 {
        if self.count == self.len {
            return place.min(self.len);
        }
        let (word, block) = (place as usize / 64, place as usize / BLOCK_PLACES);
        let mut rank = 0;
        let mut at = block.min(self.tree.len() - 1);
        while at > 0 {
            rank += self.tree[at];
            at -= at & at.wrapping_neg();
        }
        let last = word.min(self.words.len());
        for word in &self.words[(block * BLOCK).min(last)..last] {
            rank += word.count_ones();
        }
        let part = self.words.get(word).map_or(0, |bits| bits & ((1 << (place % 64)) - 1));
        rank + part.count_ones()
    }
}

/// Several sets of places without a common member, over the same length, as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Union<'s>(pub(super) &'s [&'s RankSet]);

impl Union<'_> {
    /// How many members there are.
    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|set| set.count).sum()
    }

    /// How many members stand before a place.
    pub(super) fn rank(&self, place: u32) -> u32 {
        self.0.iter().map(|set| set.rank(place)).sum()
    }

    /// The member before which `rank` others stand.
    ///
    /// # Panics
    /// If there are not that many.
    pub(super) fn select(&self, rank: u32) -> u32 {
        assert!(rank < self.count(), "there is no member number {rank}");
        if let [only] = self.0
            && only.count == only.len
        {
            return rank;
        }
        let blocks = self.0[0].tree.len() - 1;
        let (mut block, mut left) = (0, rank);
        let mut step = blocks.next_power_of_two();
        while step > 0 {
            if block + step <= blocks {
                let members: u32 = self.0.iter().map(|set| set.tree[block + step]).sum();
                if members <= left {
                    left -= members;
                    block += step;
                }
            }
            step /= 2;
        }
        let mut at = block * BLOCK;
        loop {
            let word = self.0.iter().fold(0, |bits, set| bits | set.words[at]);
            let members = word.count_ones();
            if left < members {
                return at as u32 * 64 + nth_bit(word, left);
            }
            left -= members;
            at += 1;
        }
    }
}

/// The place of the bit before which `rank` others are set.
fn nth_bit(mut word: u64, mut rank: u32) -> u32 {
    let mut place = 0;
    for half in [32, 16, 8] {
        let below = (word & ((1 << half) - 1)).count_ones();
        if rank >= below {
            (rank, place, word) = (rank - below, place + half, word >> half);
        }
    }
    for _ in 0..rank {
        word &= word - 1;
    }
    place + word.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn safety_ranks_and_members_are_those_of_the_sorted_list(
            len in 1u32..3_000,
            changes in prop::collection::vec((any::<u32>(), 0usize..3), 0..400),
        ) {
            let mut sets = [RankSet::new(len as usize), RankSet::new(len as usize), RankSet::new(len as usize)];
            let mut owner = std::collections::BTreeMap::new();
            for (place, set) in changes {
                let place = place % len;
                if let Some(before) = owner.insert(place, set) {
                    sets[before].remove(place);
                }
                sets[set].insert(place);
            }
            let chosen = [&sets[0], &sets[2]];
            let union = Union(&chosen);
            let members: BTreeSet<u32> =
                owner.iter().filter(|(_, set)| **set != 1).map(|(&place, _)| place).collect();
            prop_assert_eq!(union.count() as usize, members.len());
            for (rank, &place) in members.iter().enumerate() {
                prop_assert_eq!(union.rank(place) as usize, rank);
                prop_assert_eq!(union.select(rank as u32), place);
            }
            prop_assert_eq!(union.rank(len) as usize, members.len());
        }
    }
}
