//! A set of small numbers as bits, with the operations that filters need.

/// A set of numbers below `len`, one bit each.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BitSet {
    words: Vec<u64>,
    len: usize,
}

impl BitSet {
    /// The empty set over `0..len`.
    pub fn new(len: usize) -> BitSet {
        BitSet { words: vec![0; len.div_ceil(64)], len }
    }

    /// The numbers the set ranges over: `0..len`.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the set holds no number.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Makes the range `0..len`; new numbers are not in the set.
    pub fn resize(&mut self, len: usize) {
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
        self.trim();
    }

    /// Takes every number out.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Puts every number of the range in.
    pub fn fill(&mut self) {
        self.words.fill(u64::MAX);
        self.trim();
    }

    /// Makes this set equal to `other`, keeping its allocation.
    pub fn copy_from(&mut self, other: &BitSet) {
        self.words.clone_from(&other.words);
        self.len = other.len;
    }

    /// Whether `index` is in the set; numbers beyond the range are not.
    pub fn contains(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Puts `index` in.
    pub fn insert(&mut self, index: usize) {
        debug_assert!(index < self.len, "{index} is beyond the set's range {}", self.len);
        self.words[index / 64] |= 1 << (index % 64);
    }

    /// Takes `index` out.
    pub fn remove(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// Puts `index` in or takes it out.
    pub fn assign(&mut self, index: usize, present: bool) {
        if present { self.insert(index) } else { self.remove(index) }
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The lowest `count` numbers of the set, or all of it if it holds fewer.
    #[must_use]
    pub fn lowest(&self, count: usize) -> BitSet {
        let mut left = count;
        let words = self.words.iter().map(|&word| {
            let here = word.count_ones() as usize;
            if here <= left {
                left -= here;
                return word;
            }
            let mut rest = word;
            for _ in 0..left {
                rest &= rest - 1;
            }
            left = 0;
            word & !rest
        });
        BitSet { words: words.collect(), len: self.len }
    }

    /// The numbers in the set as ranges, such as `0-3 7`.
    pub fn ranges(&self) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for number in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        let text = ranges
            .iter()
            .map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
        text.collect::<Vec<_>>().join(" ")
    }

    /// Whether every number of the set is in `other`.
    pub fn is_subset(&self, other: &BitSet) -> bool {
        self.words.iter().zip(&other.words).all(|(word, theirs)| word & !theirs == 0)
    }

    /// Keeps only what is in `other` too.
    pub fn and(&mut self, other: &BitSet) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= theirs;
        }
    }

    /// Takes out what is in `other`.
    pub fn and_not(&mut self, other: &BitSet) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= !theirs;
        }
    }

    /// Puts in what is in `other`.
    pub fn or(&mut self, other: &BitSet) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word |= theirs;
        }
    }

    /// The words, 64 numbers each, lowest number in the lowest bit.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The words for writing; bits beyond the range must stay zero.
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The numbers in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(position, &word)| Ones { word, base: position * 64 })
    }

    /// The numbers in the set from `start` on, then those below it: the rotated order of a search.
    pub fn iter_from(&self, start: usize) -> impl Iterator<Item = usize> + '_ {
        let tail = self.iter_after(start);
        let head = self.iter().take_while(move |&index| index < start);
        tail.chain(head)
    }

    /// The numbers in the set that are at least `start`, ascending.
    pub fn iter_after(&self, start: usize) -> impl Iterator<Item = usize> + '_ {
        let first = start / 64;
        self.words.iter().enumerate().skip(first).flat_map(move |(position, &word)| {
            let word = if position == first { word & (u64::MAX << (start % 64)) } else { word };
            Ones { word, base: position * 64 }
        })
    }

    fn trim(&mut self) {
        let spare = self.len % 64;
        if spare != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << spare) - 1;
        }
    }
}

/// The set bits of one word.
struct Ones {
    word: u64,
    base: usize,
}

impl Iterator for Ones {
    type Item = usize;
    fn next(&mut self) -> Option<usize> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(self.base + bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_iteration_visits_all_once() {
        let mut set = BitSet::new(200);
        for index in [0, 3, 63, 64, 65, 128, 199] {
            set.insert(index);
        }
        assert_eq!(set.iter_from(64).collect::<Vec<_>>(), [64, 65, 128, 199, 0, 3, 63]);
        assert_eq!(set.iter_from(0).collect::<Vec<_>>(), set.iter().collect::<Vec<_>>());
        assert_eq!(set.count(), 7);
    }

    #[test]
    fn neighbours_are_told_as_ranges() {
        let mut set = BitSet::new(70);
        for index in [0, 1, 2, 7, 63, 64] {
            set.insert(index);
        }
        assert_eq!(set.ranges(), "0-2 7 63-64");
        assert_eq!(set.lowest(4).ranges(), "0-2 7");
        assert_eq!(BitSet::new(3).ranges(), "");
    }

    #[test]
    fn bits_beyond_the_range_stay_out() {
        let mut set = BitSet::new(70);
        set.fill();
        assert_eq!(set.count(), 70);
        set.resize(65);
        set.resize(70);
        assert_eq!(set.count(), 65);
        assert!(!set.contains(1000));
    }
}
