//! The owner garbage collector: what removed workloads leave behind.
//!
//! Kubernetes 1.36, pkg/controller/garbagecollector (reference control-plane §3.11). In the background
//! the owner goes first, and what it owned follows at once. In the foreground the owner stays, being
//! deleted, until what it owns is gone.

use super::controllers::queue::WorkQueue;
use super::{Client, Command, Component, Config, Event, PodBefore, Topic, Write};
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{Map, Time};
use crate::cluster::{Cluster, PodRef, Reason};
use std::collections::BTreeSet;

/// The event loop.
#[derive(Clone, Debug)]
pub struct OwnerGarbageCollector {
    /// The workloads that each workload owns.
    owned: Map<WorkloadId, Vec<WorkloadId>>,
    /// Workloads that are being deleted in the foreground.
    waiting: BTreeSet<WorkloadId>,
    /// Writes that were refused.
    retries: WorkQueue<Retry>,
}

/// A write that is to be tried again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Retry {
    /// The deletion of a pod.
    Pod(PodRef),
    /// The deletion of a workload.
    Workload(WorkloadId),
    /// The end of a workload that has waited for what it owned.
    Finalize(WorkloadId),
}

impl OwnerGarbageCollector {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> OwnerGarbageCollector {
        OwnerGarbageCollector {
            owned: Map::default(),
            waiting: BTreeSet::new(),
            retries: WorkQueue::new(config),
        }
    }

    fn workload_added(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(owner) = cluster.workloads[id].owner else { return };
        self.owned.entry(owner).or_default().push(id);
        if !cluster.workloads[owner].present {
            delete_workload(id, out);
        }
    }

    /// What a workload owns is deleted, oldest first.
    fn delete_owned(&self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        for &owned in self.owned.get(&id).into_iter().flatten() {
            if cluster.workloads[owned].present {
                delete_workload(owned, out);
            }
        }
        let mut pods: Vec<PodId> = cluster.pods_of(id).to_vec();
        pods.retain(|pod| cluster.pods.deleting_since[pod.index()].is_none());
        pods.sort_unstable_by_key(|pod| cluster.pods.serial[pod.index()]);
        for pod in pods {
            delete(cluster.pods.reference(pod), out);
        }
    }

    /// The owner of something that is gone is finished if that was the last. `leaving` is a pod whose
    /// row is still there.
    fn finish(
        &mut self,
        owner: WorkloadId,
        leaving: Option<PodId>,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let empty = cluster.pods_of(owner).iter().all(|pod| Some(*pod) == leaving)
            && self.owned.get(&owner).into_iter().flatten().all(|id| !cluster.workloads[*id].present);
        if empty && self.waiting.remove(&owner) {
            out.push(Command::Write(Client::GarbageCollector, Write::FinalizeWorkload { workload: owner }));
        }
    }

    fn workload_removed(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        self.delete_owned(id, cluster, out);
        self.owned.remove(&id);
        self.waiting.remove(&id);
        if let Some(owner) = cluster.workloads[id].owner {
            self.finish(owner, None, cluster, out);
        }
    }

    /// A write was refused: it is tried again later.
    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        let is_there = |id: WorkloadId| cluster.workloads[id].present;
        let retry = match write {
            Write::DeletePod { pod, reason: Reason::OwnerDeleted, .. } => Retry::Pod(*pod),
            Write::DeleteWorkload { workload, .. } if is_there(*workload) => {
                let owner = cluster.workloads[*workload].owner;
                if owner.is_none_or(is_there) {
                    return;
                }
                Retry::Workload(*workload)
            }
            Write::FinalizeWorkload { workload } => Retry::Finalize(*workload),
            _ => return,
        };
        if Self::retry(retry, cluster).is_some() {
            self.retries.add_failed(retry, now);
        }
    }

    /// The write to try again; `None` if there is nothing left to do.
    fn retry(retry: Retry, cluster: &Cluster) -> Option<Write> {
        let is_there = |id: WorkloadId| cluster.workloads[id].present;
        match retry {
            Retry::Pod(pod) => {
                let row = cluster.pods.get(pod)?;
                let reason = Reason::OwnerDeleted;
                let write = Write::DeletePod { pod, grace: None, reason };
                cluster.pods.deleting_since[row.index()].is_none().then_some(write)
            }
            Retry::Workload(workload) => {
                is_there(workload).then_some(Write::DeleteWorkload { workload, foreground: false })
            }
            Retry::Finalize(workload) => is_there(workload).then_some(Write::FinalizeWorkload { workload }),
        }
    }
}

fn delete(pod: PodRef, out: &mut Vec<Command>) {
    let write = Write::DeletePod { pod, grace: None, reason: Reason::OwnerDeleted };
    out.push(Command::Write(Client::GarbageCollector, write));
}

fn delete_workload(workload: WorkloadId, out: &mut Vec<Command>) {
    let write = Write::DeleteWorkload { workload, foreground: false };
    out.push(Command::Write(Client::GarbageCollector, write));
}

impl Component for OwnerGarbageCollector {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::OwnedPod | Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        _before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new)
                if new.owner.is_some_and(|owner| !cluster.workloads[owner].present)
                    && cluster.pods.deleting_since[new.pod.id.index()].is_none() =>
            {
                delete(new.pod, out);
            }
            Event::PodRemoved { pod } if !self.waiting.is_empty() => {
                let Some(row) = cluster.pods.get(*pod) else { return };
                if let Some(owner) = cluster.pods.owner[row.index()] {
                    self.finish(owner, Some(row), cluster, out);
                }
            }
            Event::WorkloadAdded { workload, .. } => self.workload_added(*workload, cluster, out),
            Event::WorkloadDeleting { workload } => {
                self.waiting.insert(*workload);
                self.delete_owned(*workload, cluster, out);
                self.finish(*workload, None, cluster, out);
            }
            Event::WorkloadRemoved { workload } => self.workload_removed(*workload, cluster, out),
            Event::Refused(write, _) => self.refused(now, write, cluster),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.retries.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(retry) = self.retries.pop(now) {
            match Self::retry(retry, cluster) {
                Some(write) => out.push(Command::Write(Client::GarbageCollector, write)),
                None => self.retries.forget(retry),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Deployment, ReplicaSet};
    use crate::control::controllers::{DeploymentController, ReplicaSetController};
    use crate::control::harness::Harness;

    fn harness(config: &Config) -> Harness {
        Harness::with(vec![
            Box::new(OwnerGarbageCollector::new(config)),
            Box::new(DeploymentController::new(config)),
            Box::new(ReplicaSetController::new(config)),
        ])
    }

    fn set(replicas: i32) -> ReplicaSet {
        let mut set = ReplicaSet { replicas, ..ReplicaSet::default() };
        set.meta.name = "web".into();
        set
    }

    #[test]
    fn in_the_foreground_the_owner_goes_last() {
        let mut harness = harness(&Config::default());
        let node = harness.node("n", "a");
        let id = harness.replica_set(set(2));
        let pods = harness.active(id);
        harness.start(pods[0], node);
        harness.start(pods[1], node);
        harness.tell(Event::WorkloadDeleting { workload: id });
        harness.remove(pods[0]);
        assert!(harness.cluster.workloads[id].present);
        harness.remove(pods[1]);
        assert!(!harness.cluster.workloads[id].present);
    }

    #[test]
    fn what_a_removed_workload_owned_follows_it() {
        let mut harness = harness(&Config::default());
        let node = harness.node("n", "a");
        let mut deployment = Deployment { replicas: 3, ..Deployment::default() };
        deployment.meta.name = "web".into();
        let id = harness.deployment(deployment);
        let owned = WorkloadId(id.0 + 1);
        let pods = harness.active(owned);
        harness.start(pods[0], node);
        harness.start(pods[1], node);
        harness.finish(pods[1], 1);
        harness.tell(Event::WorkloadRemoved { workload: id });
        assert!(!harness.cluster.workloads[owned].present);
        assert_eq!(harness.active(owned), []);
        let left: Vec<PodId> = harness.cluster.pods.iter().collect();
        assert_eq!(left, [pods[0].id], "the running one waits for its kubelet");
        assert_eq!(harness.cluster.pods.reason[pods[0].id.index()], Reason::OwnerDeleted);
    }

    #[test]
    fn a_refused_deletion_is_tried_again() {
        let mut harness = harness(&Config::default());
        let id = harness.replica_set(set(2));
        harness.reject_next(1);
        harness.tell(Event::WorkloadRemoved { workload: id });
        assert_eq!(harness.cluster.pods.count, 1);
        harness.run_until(Time::from_secs(1));
        assert_eq!(harness.cluster.pods.count, 0);
    }

    #[test]
    fn a_pod_that_comes_after_its_owner_went_is_deleted() {
        let mut harness = harness(&Config::default());
        let id = harness.replica_set(set(0));
        harness.tell(Event::WorkloadRemoved { workload: id });
        let late = crate::control::NewPod {
            pod: PodRef::default(),
            serial: 0,
            name: crate::cluster::PodName::Own("late".into()),
            class: harness.cluster.workloads[id].class,
            owner: Some(id),
            index: None,
            created: Time::ZERO,
            node: None,
            status: None,
            tracked: false,
            job: None,
        };
        harness.tell(Event::PodAdded(Box::new(late)));
        assert_eq!(harness.cluster.pods.count, 0);
    }
}
