//! A set of places in a list: a short sorted list while it is small, bits when it is large.

/// A set with more members than this is kept as bits.
const MOST_LISTED: usize = 64;
/// A set of bits with fewer members than this is kept as a list again.
const FEWEST_BITS: usize = 16;

/// A set of places.
#[derive(Clone, Debug)]
pub(super) enum PlaceSet {
    /// The members, ascending.
    Listed(Vec<u32>),
    /// One bit a place, and one bit for each word of these that is not zero.
    Bits {
        /// The members.
        words: Vec<u64>,
        /// The words that have some.
        summary: Vec<u64>,
        /// How many there are.
        count: usize,
    },
}

impl Default for PlaceSet {
    fn default() -> PlaceSet {
        PlaceSet::Listed(Vec::new())
    }
}

impl PlaceSet {
    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        match self {
            PlaceSet::Listed(places) => places.len(),
            PlaceSet::Bits { count, .. } => *count,
        }
    }

    /// Puts a place in, which is not in; `len` is the length of the list.
    pub(super) fn insert(&mut self, place: u32, len: usize) {
        match self {
            PlaceSet::Listed(places) if places.len() < MOST_LISTED => {
                let at = places.partition_point(|&listed| listed < place);
                places.insert(at, place);
            }
            PlaceSet::Listed(places) => {
                let mut bits = PlaceSet::Bits {
                    words: vec![0; len.div_ceil(64)],
                    summary: vec![0; len.div_ceil(64 * 64)],
                    count: 0,
                };
                for place in std::mem::take(places) {
                    bits.insert(place, len);
                }
                bits.insert(place, len);
                *self = bits;
            }
            PlaceSet::Bits { words, summary, count } => {
                let word = place as usize / 64;
                words[word] |= 1 << (place % 64);
                summary[word / 64] |= 1 << (word % 64);
                *count += 1;
            }
        }
    }

    /// Takes a place out, which is in.
    pub(super) fn remove(&mut self, place: u32) {
        match self {
            PlaceSet::Listed(places) => {
                if let Ok(at) = places.binary_search(&place) {
                    places.remove(at);
                }
            }
            PlaceSet::Bits { words, summary, count } => {
                let word = place as usize / 64;
                words[word] &= !(1 << (place % 64));
                if words[word] == 0 {
                    summary[word / 64] &= !(1 << (word % 64));
                }
                *count -= 1;
                if *count < FEWEST_BITS {
                    *self = PlaceSet::Listed(self.iter().collect());
                }
            }
        }
    }

    /// The first member that is not before a place.
    pub(super) fn first_from(&self, place: u32) -> Option<u32> {
        match self {
            PlaceSet::Listed(places) => places.get(places.partition_point(|&listed| listed < place)).copied(),
            PlaceSet::Bits { words, summary, .. } => {
                let word = place as usize / 64;
                let rest = words.get(word)? & (u64::MAX << (place % 64));
                if rest != 0 {
                    return Some(word as u32 * 64 + rest.trailing_zeros());
                }
                let next = first_bit_from(summary, word + 1)?;
                Some(next as u32 * 64 + words[next].trailing_zeros())
            }
        }
    }

    /// The members, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let place = self.first_from(next?)?;
            next = place.checked_add(1);
            Some(place)
        })
    }
}

/// The first bit that is set, from a position on.
fn first_bit_from(words: &[u64], position: usize) -> Option<usize> {
    let first = words.get(position / 64)? & (u64::MAX << (position % 64));
    if first != 0 {
        return Some(position / 64 * 64 + first.trailing_zeros() as usize);
    }
    let later = words.iter().enumerate().skip(position / 64 + 1).find(|(_, word)| **word != 0);
    later.map(|(at, word)| at * 64 + word.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn safety_it_is_the_sorted_set(
            len in 1u32..9_000,
            toggles in prop::collection::vec(any::<u32>(), 0..600),
            rounds in 1usize..3,
        ) {
            let (mut set, mut truth) = (PlaceSet::default(), BTreeSet::new());
            for toggle in std::iter::repeat_n(&toggles, rounds).flatten() {
                let place = toggle % len;
                if truth.remove(&place) {
                    set.remove(place);
                } else {
                    truth.insert(place);
                    set.insert(place, len as usize);
                }
                let asked = toggle / 7 % (len + 70);
                prop_assert_eq!(set.first_from(asked), truth.range(asked..).next().copied());
                prop_assert_eq!(set.len(), truth.len());
            }
            prop_assert!(set.iter().eq(truth.iter().copied()));
        }
    }
}
