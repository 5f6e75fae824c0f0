//! A group: nodes that no filter and no normalised score can tell apart, with what their node-local
//! scores come to.

use super::place_set::PlaceSet;
use super::rank_set::RankSet;
use std::collections::BTreeMap;

/// The nodes of a group, by place in the scheduler's list.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// The places of all nodes.
    pub(super) members: RankSet,
    /// The places with each total. No set is empty.
    by_total: BTreeMap<i64, PlaceSet>,
    /// How many places the list has.
    places: usize,
}

impl Group {
    /// The empty group over a list of that length.
    pub(super) fn new(places: usize) -> Group {
        Group { members: RankSet::new(places), by_total: BTreeMap::new(), places }
    }

    /// Enters a node by its place.
    pub(super) fn insert(&mut self, place: u32, total: i64) {
        self.members.insert(place);
        self.enter(place, total);
    }

    /// Takes a node out, which has that total.
    pub(super) fn remove(&mut self, place: u32, total: i64) {
        self.members.remove(place);
        self.leave(place, total);
    }

    /// Gives a node another total.
    pub(super) fn change(&mut self, place: u32, before: i64, after: i64) {
        self.leave(place, before);
        self.enter(place, after);
    }

    fn enter(&mut self, place: u32, total: i64) {
        self.by_total.entry(total).or_default().insert(place, self.places);
    }

    fn leave(&mut self, place: u32, total: i64) {
        if let Some(set) = self.by_total.get_mut(&total) {
            set.remove(place);
            if set.len() == 0 {
                self.by_total.remove(&total);
            }
        }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> u32 {
        self.members.count()
    }

    /// The highest total and the places of the nodes that have it; `None` if the group is empty.
    pub(super) fn top(&self) -> Option<(i64, &PlaceSet)> {
        self.by_total.last_key_value().map(|(&total, places)| (total, places))
    }

    /// The place of some node.
    pub(super) fn any(&self) -> Option<u32> {
        self.top().and_then(|(_, places)| places.first_from(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(group: &Group) -> Option<(i64, Vec<u32>)> {
        group.top().map(|(total, places)| (total, places.iter().collect()))
    }

    #[test]
    fn the_top_follows_changes() {
        let mut group = Group::new(100);
        assert_eq!((top(&group), group.any()), (None, None));
        for (place, total) in [(3, 7), (70, 9), (71, 9)] {
            group.insert(place, total);
        }
        assert_eq!((group.len(), top(&group)), (3, Some((9, vec![70, 71]))));
        group.change(70, 9, 8);
        group.remove(71, 9);
        assert_eq!((group.len(), top(&group), group.any()), (2, Some((8, vec![70])), Some(70)));
    }
}
