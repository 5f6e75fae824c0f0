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
    /// Whether nobody works on an index.
    pub fn is_free(&self, index: u32) -> bool {
        index >= self.fresh || self.returned.contains(&index)
    }

    /// The free indexes below `completions`, ascending.
    pub fn free(&self, completions: u32) -> impl Iterator<Item = u32> + '_ {
        let returned = self.returned.iter().copied().take_while(move |&index| index < completions);
        returned.chain(self.fresh..completions)
    }

    /// Marks an index as in use.
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

    fn free(indexes: &Indexes, completions: u32) -> Vec<u32> {
        indexes.free(completions).collect()
    }

    #[test]
    fn the_lowest_free_indexes_come_first() {
        let mut indexes = Indexes::default();
        assert_eq!(free(&indexes, 3), [0, 1, 2]);
        (0..3).for_each(|index| indexes.occupy(index));
        indexes.give_back(1);
        assert_eq!(free(&indexes, 5), [1, 3, 4]);
        assert_eq!(free(&indexes, 1), [] as [u32; 0], "beyond the completions");
        assert!(indexes.is_free(1) && indexes.is_free(3) && !indexes.is_free(2));
    }

    #[test]
    fn indexes_of_others_are_skipped() {
        let mut indexes = Indexes::default();
        indexes.occupy(2);
        indexes.occupy(0);
        assert_eq!(free(&indexes, 4), [1, 3]);
        indexes.give_back(7);
        assert_eq!(free(&indexes, 4), [1, 3], "an index that nobody has cannot come back");
    }
}
