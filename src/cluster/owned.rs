//! The pods of each workload.

use crate::base::ids::{PodId, WorkloadId};

/// Not in a list.
const NOWHERE: u32 = u32::MAX;

/// For each workload the rows of its pods, in no particular order; a pod leaves without a search.
#[derive(Clone, Debug, Default)]
pub struct Owned {
    lists: Vec<Vec<PodId>>,
    /// By pod row: the place in its owner's list.
    places: Vec<u32>,
}

impl Owned {
    /// The pods of a workload.
    pub fn of(&self, owner: WorkloadId) -> &[PodId] {
        self.lists.get(owner.index()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn enter(&mut self, owner: WorkloadId, pod: PodId) {
        if owner.index() >= self.lists.len() {
            self.lists.resize(owner.index() + 1, Vec::new());
        }
        if pod.index() >= self.places.len() {
            self.places.resize(pod.index() + 1, NOWHERE);
        }
        let list = &mut self.lists[owner.index()];
        self.places[pod.index()] = list.len() as u32;
        list.push(pod);
    }

    pub(super) fn leave(&mut self, owner: WorkloadId, pod: PodId) {
        let place = std::mem::replace(&mut self.places[pod.index()], NOWHERE) as usize;
        let list = &mut self.lists[owner.index()];
        assert_eq!(list.get(place), Some(&pod), "the list is the one that holds the pod");
        list.swap_remove(place);
        if let Some(moved) = list.get(place) {
            self.places[moved.index()] = place as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_leave_without_disturbing_the_others() {
        let (mut owned, owner) = (Owned::default(), WorkloadId(2));
        for row in 0..4 {
            owned.enter(owner, PodId(row));
        }
        owned.leave(owner, PodId(0));
        owned.leave(owner, PodId(2));
        assert_eq!(owned.of(owner), [PodId(3), PodId(1)]);
        assert!(owned.of(WorkloadId(7)).is_empty());
    }
}
