//! The pods whose attempts failed most, with the reasons over time.
//!
//! Of a pod that is gone nothing stays unless it is among the first.

use crate::base::Time;
use crate::cluster::PodRef;
use crate::control::Diagnosis;
use crate::observe::results::{FailingPod, FailureGroup};
use std::sync::Arc;

/// How many pods are listed.
const LISTED: usize = 20;
/// Different messages of one pod that are kept; attempts with others are counted.
const GROUPS: usize = 8;

/// Attempts of one pod that failed for the same reasons, whatever the numbers.
#[derive(Debug)]
struct Group {
    /// The latest of them.
    diagnosis: Arc<Diagnosis>,
    count: u64,
    first: Time,
    last: Time,
}

/// The failed attempts of one pod.
#[derive(Debug)]
struct Entry {
    generation: u32,
    name: String,
    failures: u64,
    groups: Vec<Group>,
    others: u64,
}

/// The failed attempts of all pods.
#[derive(Debug, Default)]
pub(super) struct Failing {
    /// By row.
    entries: Vec<Option<Box<Entry>>>,
    /// The first among those that are gone, most failures first.
    gone: Vec<FailingPod>,
}

impl Failing {
    /// An attempt for a pod has failed; `name` is asked for at the first one.
    pub(super) fn count(
        &mut self,
        now: Time,
        pod: PodRef,
        diagnosis: &Arc<Diagnosis>,
        name: impl FnOnce() -> String,
    ) {
        let row = pod.id.index();
        if self.entries.len() <= row {
            self.entries.resize_with(row + 1, || None);
        }
        if let Some(old) = self.entries[row].take_if(|entry| entry.generation != pod.generation) {
            self.retire(*old);
        }
        let entry = self.entries[row].get_or_insert_with(|| {
            let (generation, name) = (pod.generation, name());
            Box::new(Entry { generation, name, failures: 0, groups: Vec::new(), others: 0 })
        });
        entry.failures += 1;
        if let Some(group) = entry.groups.iter_mut().find(|group| is_same(&group.diagnosis, diagnosis)) {
            group.count += 1;
            group.last = now;
            group.diagnosis = Arc::clone(diagnosis);
        } else if entry.groups.len() < GROUPS {
            entry.groups.push(Group { diagnosis: Arc::clone(diagnosis), count: 1, first: now, last: now });
        } else {
            entry.others += 1;
        }
    }

    /// Enters a pod that is gone among the first, if it belongs there.
    fn retire(&mut self, entry: Entry) {
        if self.gone.len() == LISTED && self.gone.last().is_some_and(|last| last.failures >= entry.failures) {
            return;
        }
        let place = self.gone.partition_point(|pod| pod.failures >= entry.failures);
        self.gone.insert(place, entry.into_pod());
        self.gone.truncate(LISTED);
    }

    /// The pods with the most failed attempts, those first.
    pub(super) fn finish(&mut self) -> Vec<FailingPod> {
        for entry in std::mem::take(&mut self.entries).into_iter().flatten() {
            self.retire(*entry);
        }
        std::mem::take(&mut self.gone)
    }
}

impl Entry {
    fn into_pod(self) -> FailingPod {
        let group = |group: Group| FailureGroup {
            message: group.diagnosis.to_string(),
            count: group.count,
            first: group.first,
            last: group.last,
        };
        FailingPod {
            pod: self.name,
            failures: self.failures,
            groups: self.groups.into_iter().map(group).collect(),
            others: self.others,
        }
    }
}

/// Whether two diagnoses give the same reasons, in whatever numbers.
fn is_same(one: &Arc<Diagnosis>, other: &Arc<Diagnosis>) -> bool {
    let gives =
        |diagnosis: &Diagnosis, reason: &str| diagnosis.reasons.iter().any(|(text, _)| text == reason);
    Arc::ptr_eq(one, other)
        || one.pre_filter == other.pre_filter
            && one.reasons.len() == other.reasons.len()
            && one.reasons.iter().all(|(reason, _)| gives(other, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::PodId;

    fn diagnosis(reason: &str, nodes: usize) -> Arc<Diagnosis> {
        Arc::new(Diagnosis { nodes, reasons: vec![(reason.to_owned(), nodes)], ..Diagnosis::default() })
    }

    #[test]
    fn reasons_are_grouped_and_the_most_frequent_pods_stay() {
        let mut failing = Failing::default();
        let mut fail = |second, row, generation, reason: &str, nodes| {
            let pod = PodRef { id: PodId(row), generation };
            let name = || format!("default/pod-{row}-{generation}");
            failing.count(Time::from_secs(second), pod, &diagnosis(reason, nodes), name);
        };
        for generation in 0..30 {
            for _ in 0..=generation {
                fail(1, 0, generation, "Insufficient cpu", 3);
            }
        }
        fail(2, 1, 0, "Insufficient cpu", 4);
        fail(5, 0, 29, "Insufficient memory", 1);
        fail(7, 0, 29, "Insufficient cpu", 2);
        let listed = failing.finish();
        assert_eq!(listed.len(), LISTED);
        assert_eq!((listed[0].pod.as_str(), listed[0].failures), ("default/pod-0-29", 32));
        let groups: Vec<(u64, Time)> =
            listed[0].groups.iter().map(|group| (group.count, group.last)).collect();
        assert_eq!(groups, [(31, Time::from_secs(7)), (1, Time::from_secs(5))]);
        assert_eq!(listed[0].groups[0].message, "0/2 nodes are available: 2 Insufficient cpu.");
        assert_eq!(listed[19].failures, 11, "the others had fewer");
    }
}
