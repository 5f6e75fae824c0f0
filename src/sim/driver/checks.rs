//! When a run may end, and the invariants that hold at every instant.

use super::Run;
use crate::base::Time;
use crate::cluster::WorkloadKind;
use crate::cluster::workloads::{JobEnd, job_end};
use crate::sim::Balance;

impl Run<'_> {
    /// Nothing runs that will end by itself, nothing is under way, and the control plane waits for
    /// nothing but its periodic looks at what cannot be helped.
    pub(super) fn is_settled(&self) -> bool {
        self.world.finite == 0
            && self.inbox.is_empty()
            && self.queue.len() as u64 == self.pending_failures
            && !self.metrics.changes_after(self.now)
            && self.control.is_settled()
    }

    pub(super) fn jobs_are_done(&self) -> bool {
        let sources_done =
            self.upcoming.iter().all(Option::is_none) && self.open_pods == 0 && self.waits.is_empty();
        let objects_done = self.objects.iter().all(Option::is_none) && self.inbox.is_empty();
        let jobs_done = self.cluster.workloads.iter().all(|(_, workload)| {
            !matches!(workload.kind, WorkloadKind::Job(_)) || job_end(&workload.status) != JobEnd::Open
        });
        sources_done && objects_done && jobs_done
    }

    /// Every invariant that can be checked from outside (design invariant 7).
    pub(super) fn check(&self) -> Result<(), String> {
        self.cluster.check()?;
        let Balance { created, removed, .. } = self.api.balance;
        let present = self.api.pods_present();
        if created != present + removed {
            return Err(format!("{created} pods created, but {present} present and {removed} removed"));
        }
        for (index, column) in self.cluster.nodes.requested.iter().enumerate() {
            let allocatable = &self.cluster.nodes.allocatable[index];
            for node in self.cluster.nodes.present.iter() {
                if column[node] > allocatable[node] && !self.overcommit_is_given(node) {
                    return Err(format!(
                        "node row {node} has {} of resource {index} requested and {} allocatable",
                        column[node], allocatable[node]
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a dump brought more pods onto the node than it allows.
    pub(super) fn overcommit_is_given(&self, node: usize) -> bool {
        self.cluster.nodes.pods[node].iter().any(|pod| self.cluster.pods.created[pod.index()] == Time::ZERO)
    }
}
