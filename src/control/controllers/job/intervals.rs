//! Sets of completion indexes, and their text form such as `0,3-5,8`.
//!
//! Memory and time grow with the number of ranges, not with the indexes. What an index stands for is
//! not known here.

use std::collections::BTreeMap;
use std::fmt;

/// A set of indexes as disjoint ranges that do not touch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Intervals {
    /// The last index of each range, by its first.
    ranges: BTreeMap<u32, u32>,
    /// How many indexes there are.
    total: u64,
}

impl Intervals {
    /// Reads the text form. Parts that are no ranges, and indexes from `completions` on, are left out,
    /// as the Job controller does (pkg/controller/job/indexed_job_utils.go, parseIndexesFromString).
    pub fn parse(text: &str, completions: u32) -> Intervals {
        let mut read = Intervals::default();
        for part in text.split(',') {
            let mut ends = part.split('-').map(|number| number.parse::<u32>().ok());
            let first = ends.next().flatten();
            let last = ends.next().unwrap_or(first);
            let (Some(first), Some(last)) = (first, last) else { continue };
            if first < completions {
                read.insert_range(first, last.min(completions - 1));
            }
        }
        read
    }

    /// How many indexes are in the set.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether an index is in the set.
    pub fn contains(&self, index: u32) -> bool {
        self.ranges.range(..=index).next_back().is_some_and(|(_, &last)| index <= last)
    }

    /// Adds an index; says whether it is new.
    pub fn insert(&mut self, index: u32) -> bool {
        let is_new = !self.contains(index);
        if is_new {
            self.insert_range(index, index);
        }
        is_new
    }

    /// Adds the indexes from `first` to `last`.
    fn insert_range(&mut self, mut first: u32, mut last: u32) {
        if last < first {
            return;
        }
        let before = self.ranges.range(..first).next_back().map(|(&start, &end)| (start, end));
        if let Some((start, end)) = before
            && end.saturating_add(1) >= first
        {
            self.remove(start, end);
            (first, last) = (start, last.max(end));
        }
        while let Some((start, end)) = self.next_from(first)
            && start <= last.saturating_add(1)
        {
            self.remove(start, end);
            last = last.max(end);
        }
        self.ranges.insert(first, last);
        self.total += u64::from(last - first) + 1;
    }

    fn next_from(&self, first: u32) -> Option<(u32, u32)> {
        self.ranges.range(first..).next().map(|(&start, &end)| (start, end))
    }

    fn remove(&mut self, start: u32, end: u32) {
        self.ranges.remove(&start);
        self.total -= u64::from(end - start) + 1;
    }

    /// Takes out the indexes from `completions` on; says whether there were any.
    pub fn truncate(&mut self, completions: u32) -> bool {
        let before = self.total;
        while let Some((&start, &end)) = self.ranges.last_key_value()
            && end >= completions
        {
            self.remove(start, end);
            if start < completions {
                self.insert_range(start, completions - 1);
            }
        }
        self.total != before
    }

    /// How many indexes are in both sets.
    pub fn common(&self, other: &Intervals) -> u64 {
        let (small, large) =
            if self.ranges.len() <= other.ranges.len() { (self, other) } else { (other, self) };
        small.ranges.iter().map(|(&first, &last)| large.count_within(first, last)).sum()
    }

    fn count_within(&self, first: u32, last: u32) -> u64 {
        let before = self.ranges.range(..first).next_back();
        let overlap = |(&start, &end): (&u32, &u32)| {
            let (from, to) = (start.max(first), end.min(last));
            if from <= to { u64::from(to - from) + 1 } else { 0 }
        };
        before.into_iter().chain(self.ranges.range(first..=last)).map(overlap).sum()
    }

    /// The lowest indexes below `completions` that are not in the set, at most `count`.
    pub fn gaps(&self, count: usize, completions: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut candidate = 0;
        let ends = self.ranges.iter().map(|(&first, &last)| (first.min(completions), last.saturating_add(1)));
        for (first, next) in ends.chain([(completions, completions)]) {
            let room = count - found.len();
            found.extend((candidate..first).take(room));
            candidate = next;
            if found.len() == count {
                break;
            }
        }
        found
    }
}

impl Extend<u32> for Intervals {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, indexes: I) {
        for index in indexes {
            self.insert(index);
        }
    }
}

/// The text form: neighbours are a list of two or a range of more.
impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_text_form_is_read_and_written() {
        for (text, completions, expected, total) in [
            ("", 9, "", 0),
            ("0", 9, "0", 1),
            ("0,1", 9, "0,1", 2),
            ("0-1", 9, "0,1", 2),
            ("0-2,3,7", 9, "0-3,7", 5),
            ("1-3,6-7,9-11", 12, "1-3,6,7,9-11", 8),
            ("0-8,10", 5, "0-4", 5),
            ("7,x,1-,-3,2-9", 4, "2,3", 2),
            ("5-3,4", 9, "4", 1),
            ("0-4294967295", u32::MAX, "0-4294967294", 4_294_967_295),
        ] {
            let read = Intervals::parse(text, completions);
            assert_eq!((read.to_string().as_str(), read.total()), (expected, total), "{text}");
        }
    }

    proptest! {
        #[test]
        fn safety_intervals_are_a_set(
            indexes in prop::collection::vec(0_u32..40, 0..60),
            others in prop::collection::btree_set(0_u32..40, 0..40),
            completions in 0_u32..45,
            count in 0_usize..20,
        ) {
            let (mut set, mut plain) = (Intervals::default(), BTreeSet::new());
            for &index in &indexes {
                prop_assert_eq!(set.insert(index), plain.insert(index));
            }
            prop_assert_eq!(set.total(), plain.len() as u64);
            prop_assert!((0..50).all(|index| set.contains(index) == plain.contains(&index)));
            prop_assert_eq!(&Intervals::parse(&set.to_string(), u32::MAX), &set);
            let mut other = Intervals::default();
            other.extend(others.iter().copied());
            prop_assert_eq!(set.common(&other), plain.intersection(&others).count() as u64);
            let gaps: Vec<u32> = (0..completions).filter(|index| !plain.contains(index)).take(count).collect();
            prop_assert_eq!(set.gaps(count, completions), gaps);
            let cut = plain.iter().any(|&index| index >= completions);
            prop_assert_eq!(set.truncate(completions), cut);
            plain.retain(|&index| index < completions);
            let mut rest = Intervals::default();
            rest.extend(plain);
            prop_assert_eq!(set, rest);
        }
    }
}
