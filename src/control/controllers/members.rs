//! Lists of pods from which a pod can be taken without a search.
//!
//! Every controller keeps the pods of each of its workloads; a workload may have a million of
//! them. A pod is in at most one list of one [`Places`].

use crate::base::ids::PodId;

/// Not in a list.
const NOWHERE: u32 = u32::MAX;

/// For each pod row its place in the list that holds it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Vec<u32>);

impl Places {
    /// Adds a pod to the end of a list.
    pub(crate) fn enter(&mut self, list: &mut Vec<PodId>, pod: PodId) {
        if pod.index() >= self.0.len() {
            self.0.resize(pod.index() + 1, NOWHERE);
        }
        assert_eq!(self.0[pod.index()], NOWHERE, "pod {pod:?} is in a list already");
        self.0[pod.index()] = list.len() as u32;
        list.push(pod);
    }

    /// Takes a pod out of the list that holds it; the last one takes its place. Says whether it
    /// was there.
    pub(crate) fn leave(&mut self, list: &mut Vec<PodId>, pod: PodId) -> bool {
        if !self.holds(pod) {
            return false;
        }
        let place = std::mem::replace(&mut self.0[pod.index()], NOWHERE) as usize;
        assert_eq!(list.get(place), Some(&pod), "the list is the one that holds the pod");
        list.swap_remove(place);
        if let Some(moved) = list.get(place) {
            self.0[moved.index()] = place as u32;
        }
        true
    }

    /// Whether a list holds the pod.
    pub(crate) fn holds(&self, pod: PodId) -> bool {
        self.0.get(pod.index()).is_some_and(|&place| place != NOWHERE)
    }

    /// Takes every pod out of a list.
    pub(crate) fn clear(&mut self, list: &mut Vec<PodId>) {
        for pod in list.drain(..) {
            self.0[pod.index()] = NOWHERE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_leave_without_disturbing_the_others() {
        let mut places = Places::default();
        let mut list = Vec::new();
        for row in 0..5 {
            places.enter(&mut list, PodId(row));
        }
        assert!(places.leave(&mut list, PodId(1)));
        assert!(!places.leave(&mut list, PodId(1)));
        assert!(places.leave(&mut list, PodId(4)));
        assert_eq!(list, [PodId(0), PodId(3), PodId(2)].as_slice());
        assert!(places.leave(&mut list, PodId(2)) && !places.holds(PodId(2)) && places.holds(PodId(3)));
        places.clear(&mut list);
        assert!(!places.holds(PodId(3)) && list.is_empty());
    }
}
