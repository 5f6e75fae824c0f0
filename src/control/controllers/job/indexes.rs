//! Which completion indexes of an Indexed Job are free: neither being worked on nor done.

use std::collections::BTreeSet;

/// The free indexes. Memory grows with the indexes that failed, not with the completions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Indexes {
    /// All below this were given out at least once.
    fresh: u32,
    /// Those of them that are free again.
    returned: BTreeSet<u32>,
}

impl Indexes {
    /// Gives out the lowest free index below `completions`.
    pub fn take(&mut self, completions: u32) -> Option<u32> {
        if let Some(lowest) = self.returned.first().copied().filter(|&lowest| lowest < completions) {
            self.returned.remove(&lowest);
            return Some(lowest);
        }
        let index = self.fresh;
        (index < completions).then(|| {
            self.fresh += 1;
            index
        })
    }

    /// Marks an index as in use that was given out by somebody else.
    pub fn occupy(&mut self, index: u32) {
        if index >= self.fresh {
            self.returned.extend(self.fresh..index);
            self.fresh = index.saturating_add(1);
        } else {
            self.returned.remove(&index);
        }
    }

    /// An index is free again: its pod has failed or is being deleted.
    pub fn give_back(&mut self, index: u32) {
        if index < self.fresh {
            self.returned.insert(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_index_comes_first() {
        let mut indexes = Indexes::default();
        let given: Vec<_> = (0..3).map(|_| indexes.take(4)).collect();
        assert_eq!(given, [Some(0), Some(1), Some(2)]);
        indexes.give_back(1);
        assert_eq!([indexes.take(4), indexes.take(4), indexes.take(4)], [Some(1), Some(3), None]);
        indexes.give_back(2);
        assert_eq!(indexes.take(2), None, "beyond the completions");
    }

    #[test]
    fn indexes_of_others_are_skipped() {
        let mut indexes = Indexes::default();
        indexes.occupy(2);
        indexes.occupy(0);
        assert_eq!([indexes.take(9), indexes.take(9)], [Some(1), Some(3)]);
        indexes.give_back(7);
        assert_eq!(indexes.take(9), Some(4), "an index that nobody has cannot come back");
    }
}
