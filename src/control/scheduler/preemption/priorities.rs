//! How many pods of each priority are on nodes: tells at once that a pod can evict nobody.

use crate::cluster::Cluster;
use std::collections::BTreeMap;

/// The counts, as of the log entry up to which the log of placements was read.
#[derive(Debug, Default)]
pub(super) struct Priorities {
    counts: BTreeMap<i32, i64>,
    read: u64,
}

impl Priorities {
    /// The lowest priority of a pod that counts on a node; `None` if no pod does.
    pub(super) fn lowest(&mut self, cluster: &Cluster) -> Option<i32> {
        match cluster.placements.since(self.read) {
            Some(shifts) => {
                for shift in shifts.filter(|shift| shift.all != 0) {
                    add(&mut self.counts, cluster.classes[shift.class].priority, shift.all.into());
                }
            }
            None => self.recount(cluster),
        }
        self.read = cluster.placements.count();
        self.counts.first_key_value().map(|(&priority, _)| priority)
    }

    fn recount(&mut self, cluster: &Cluster) {
        self.counts.clear();
        let counted = cluster.pods.iter().filter(|pod| cluster.pods.counted_on[pod.index()].is_some());
        for pod in counted {
            add(&mut self.counts, cluster.classes[cluster.pods.class[pod.index()]].priority, 1);
        }
    }
}

fn add(counts: &mut BTreeMap<i32, i64>, priority: i32, change: i64) {
    let count = counts.entry(priority).or_default();
    *count += change;
    if *count == 0 {
        counts.remove(&priority);
    }
}
