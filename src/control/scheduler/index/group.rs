//! A group: nodes that no filter and no normalised score can tell apart, with what their node-local
//! scores come to.

use super::rank_set::RankSet;
use std::collections::{BTreeMap, BTreeSet};

/// The nodes of a group, by place in the scheduler's list.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// The places of all nodes.
    pub(super) members: RankSet,
    /// The same by total, then place.
    ranked: BTreeSet<(i64, u32)>,
    /// How many nodes have each total.
    counts: BTreeMap<i64, u32>,
}

impl Group {
    /// The empty group over a list of that length.
    pub(super) fn new(len: usize) -> Group {
        Group { members: RankSet::new(len), ..Group::default() }
    }

    /// Enters a node by its place.
    pub(super) fn insert(&mut self, place: u32, total: i64) {
        self.members.insert(place);
        self.ranked.insert((total, place));
        *self.counts.entry(total).or_default() += 1;
    }

    /// Takes a node out, which has that total.
    pub(super) fn remove(&mut self, place: u32, total: i64) {
        self.members.remove(place);
        self.ranked.remove(&(total, place));
        if let Some(count) = self.counts.get_mut(&total) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&total);
            }
        }
    }

    /// Gives a node another total.
    pub(super) fn change(&mut self, place: u32, before: i64, after: i64) {
        self.ranked.remove(&(before, place));
        self.ranked.insert((after, place));
        *self.counts.entry(after).or_default() += 1;
        if let Some(count) = self.counts.get_mut(&before) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&before);
            }
        }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> u32 {
        self.members.count()
    }

    /// The highest total and how many nodes have it; `None` if the group is empty.
    pub(super) fn top(&self) -> Option<(i64, u32)> {
        self.counts.last_key_value().map(|(&total, &count)| (total, count))
    }

    /// The place of some node.
    pub(super) fn any(&self) -> Option<u32> {
        self.ranked.last().map(|&(_, place)| place)
    }

    /// The places with a total, ascending.
    pub(super) fn with_total(&self, total: i64) -> impl Iterator<Item = u32> + '_ {
        self.ranked.range((total, 0)..=(total, u32::MAX)).map(|&(_, place)| place)
    }

    /// Whether a node at one of the places `first..=last` has that total.
    pub(super) fn has_total_within(&self, total: i64, first: u32, last: u32) -> bool {
        first <= last && self.ranked.range((total, first)..=(total, last)).next().is_some()
    }

    /// Whether the node at a place has that total.
    pub(super) fn has_total_at(&self, total: i64, place: u32) -> bool {
        self.members.contains(place) && self.ranked.contains(&(total, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_follows_changes() {
        let mut group = Group::new(100);
        assert_eq!((group.top(), group.any()), (None, None));
        for (place, total) in [(3, 7), (70, 9), (71, 9)] {
            group.insert(place, total);
        }
        assert_eq!((group.len(), group.top()), (3, Some((9, 2))));
        assert_eq!(group.with_total(9).collect::<Vec<_>>(), [70, 71]);
        assert!(group.has_total_within(9, 71, 99) && !group.has_total_within(9, 72, 99));
        assert!(group.has_total_at(7, 3) && !group.has_total_at(9, 3));
        group.change(70, 9, 8);
        group.remove(71, 9);
        assert_eq!((group.len(), group.top(), group.any()), (2, Some((8, 1)), Some(70)));
    }
}
