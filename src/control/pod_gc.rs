//! The garbage collectors: pods that nobody will end or delete any more, and what removed
//! workloads leave behind.
//!
//! Pods: Kubernetes 1.36, pkg/controller/podgc (reference control-plane §2.6): pods of nodes that
//! no longer exist, pods that are being deleted and were never bound, and the oldest ended pods
//! above a threshold. Owned objects: pkg/controller/garbagecollector with background propagation
//! (§3.11): the owner goes first, its ReplicaSets and pods follow at once.

use super::controllers::members::Places;
use super::controllers::queue::WorkQueue;
use super::node_lifecycle::grid;
use super::{Client, Command, Component, Config, Event, PodBefore, PodStatus, Topic, Write};
use crate::api::PodPhase;
use crate::base::ids::{NodeId, PodId, WorkloadId};
use crate::base::{Map, Set, Span, Time};
use crate::cluster::{Cluster, PodRef, Reason};
use std::collections::{BTreeMap, BTreeSet};

/// What a pass over the missing nodes does with one of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quarantine {
    /// It was not known to be missing: its quarantine begins.
    Begin,
    /// It is in quarantine.
    Wait,
    /// Its quarantine is over: its pods are deleted.
    Over,
}

/// The decision about a node that is missing since the pass at `seen`. A quarantine that ends with
/// a pass is over at that pass (recorded: 40 to 61 s after the node was deleted).
pub fn quarantine(now: Time, seen: Option<Time>, length: Span) -> Quarantine {
    match seen {
        None => Quarantine::Begin,
        Some(seen) if now < seen + length => Quarantine::Wait,
        Some(_) => Quarantine::Over,
    }
}

/// The event loop.
#[derive(Clone, Debug)]
pub struct PodGarbageCollector {
    period: Span,
    phase: Time,
    quarantine: Span,
    threshold: Option<usize>,
    /// How many pods name each node, ended ones included.
    pods_on: Vec<u32>,
    /// Nodes that pods name and that do not exist, with the pass that found them missing.
    missing: BTreeMap<NodeId, Option<Time>>,
    /// Pods without a node that are being deleted.
    unscheduled: BTreeSet<PodRef>,
    /// Ended pods in any order, with some that are gone.
    ended: Vec<(u64, PodRef)>,
    /// How many of them are there.
    ended_count: usize,
    /// The pods of each workload, ended ones included.
    pods_of: Map<WorkloadId, Vec<PodId>>,
    places: Places,
    /// The ReplicaSets of each Deployment.
    sets_of: Map<WorkloadId, Vec<WorkloadId>>,
    /// Deletions that were refused.
    retries: WorkQueue<PodRef>,
    last_pass: Option<Time>,
    next_pass: Option<Time>,
}

impl PodGarbageCollector {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> PodGarbageCollector {
        PodGarbageCollector {
            period: config.nodes.pod_gc_period,
            phase: Time::ZERO
                + config.nodes.phase(config.seed, "pod garbage collector", config.nodes.pod_gc_period),
            quarantine: config.nodes.pod_gc_quarantine,
            threshold: config.controllers.terminated_pods.map(|number| number as usize),
            pods_on: Vec::new(),
            missing: BTreeMap::new(),
            unscheduled: BTreeSet::new(),
            ended: Vec::new(),
            ended_count: 0,
            pods_of: Map::default(),
            places: Places::default(),
            sets_of: Map::default(),
            retries: WorkQueue::new(config),
            last_pass: None,
            next_pass: None,
        }
    }

    /// How many ended pods there are too many.
    fn excess(&self) -> usize {
        self.threshold.map_or(0, |threshold| self.ended_count.saturating_sub(threshold))
    }

    /// Announces the coming pass if there is something for it to do.
    fn plan(&mut self, now: Time) {
        let needed = !self.missing.is_empty() || !self.unscheduled.is_empty() || self.excess() > 0;
        if !needed {
            self.next_pass = None;
        } else if self.next_pass.is_none() {
            let pass = grid(self.phase, self.period, now);
            self.next_pass = Some(if self.last_pass == Some(pass) { pass + self.period } else { pass });
        }
    }

    fn bound(&mut self, node: NodeId, cluster: &Cluster) {
        if node.index() >= self.pods_on.len() {
            self.pods_on.resize(node.index() + 1, 0);
        }
        self.pods_on[node.index()] += 1;
        if !cluster.nodes.present.contains(node.index()) {
            self.missing.entry(node).or_insert(None);
        }
    }

    fn pod_added(&mut self, pod: PodRef, cluster: &Cluster, out: &mut Vec<Command>) {
        let (row, pods) = (pod.id, &cluster.pods);
        if let Some(node) = pods.node[row.index()] {
            self.bound(node, cluster);
        }
        if pods.phase[row.index()].is_terminal() {
            self.pod_ended(row, cluster);
        }
        let Some(owner) = pods.owner[row.index()] else { return };
        self.places.enter(self.pods_of.entry(owner).or_default(), row);
        if !cluster.workloads[owner].present {
            delete(pod, None, Reason::OwnerDeleted, out);
        }
    }

    fn pod_ended(&mut self, pod: PodId, cluster: &Cluster) {
        if self.threshold.is_some() {
            self.ended.push(age_key(pod, cluster));
            self.ended_count += 1;
            if self.ended.len() / 2 > self.ended_count {
                self.drop_gone(cluster);
            }
        }
    }

    /// Drops the ended pods that are gone.
    fn drop_gone(&mut self, cluster: &Cluster) {
        self.ended.retain(|(_, pod)| cluster.pods.get(*pod).is_some());
    }

    fn pod_removed(&mut self, pod: PodRef, before: PodBefore, cluster: &Cluster) {
        let Some(row) = cluster.pods.get(pod) else { return };
        self.unscheduled.remove(&pod);
        if self.threshold.is_some() && before.phase.is_terminal() {
            self.ended_count = self.ended_count.saturating_sub(1);
        }
        if let Some(node) = before.node {
            self.pods_on[node.index()] -= 1;
            if self.pods_on[node.index()] == 0 {
                self.missing.remove(&node);
            }
        }
        if let Some(owner) = cluster.pods.owner[row.index()]
            && let Some(pods) = self.pods_of.get_mut(&owner)
        {
            self.places.leave(pods, row);
            if pods.is_empty() {
                self.pods_of.remove(&owner);
            }
        }
    }

    /// The owner is gone: what it owned follows, oldest first.
    fn workload_removed(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        for set in self.sets_of.remove(&id).unwrap_or_default() {
            if cluster.workloads[set].present {
                delete_workload(set, out);
            }
        }
        let mut pods = self.pods_of.get(&id).cloned().unwrap_or_default();
        pods.retain(|pod| cluster.pods.deleting_since[pod.index()].is_none());
        pods.sort_unstable_by_key(|pod| cluster.pods.serial[pod.index()]);
        for pod in pods {
            delete(cluster.pods.reference(pod), None, Reason::OwnerDeleted, out);
        }
    }

    /// Deletes the oldest ended pods above the threshold. Only here does their order matter.
    fn delete_excess(&mut self, cluster: &Cluster, out: &mut Vec<Command>) {
        if self.excess() == 0 {
            return;
        }
        self.drop_gone(cluster);
        let excess = self.excess().min(self.ended.len());
        if excess < self.ended.len() {
            self.ended.select_nth_unstable(excess);
        }
        let oldest = &mut self.ended[..excess];
        oldest.sort_unstable();
        for (_, pod) in oldest {
            delete(*pod, Some(Span::ZERO), cluster.pods.reason[pod.id.index()], out);
        }
    }

    fn pass(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        self.last_pass = Some(now);
        self.next_pass = None;
        self.delete_excess(cluster, out);
        let mut over: Set<NodeId> = Set::default();
        for (&node, seen) in &mut self.missing {
            match quarantine(now, *seen, self.quarantine) {
                Quarantine::Begin => *seen = Some(now),
                Quarantine::Wait => {}
                Quarantine::Over => {
                    over.insert(node);
                }
            }
        }
        if !over.is_empty() {
            let orphans = cluster
                .pods
                .iter()
                .filter(|pod| cluster.pods.node[pod.index()].is_some_and(|node| over.contains(&node)));
            orphans.for_each(|pod| collect(pod, cluster, out));
        }
        for &pod in &self.unscheduled {
            delete(pod, Some(Span::ZERO), Reason::Deleted, out);
        }
        self.plan(now);
    }

    /// A deletion was refused: it is tried again later if there is still something to delete.
    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        if let Write::DeletePod { pod, reason: Reason::OwnerDeleted, .. } = write
            && cluster.pods.get(*pod).is_some()
        {
            self.retries.add_failed(*pod, now);
        }
    }
}

/// Fails an orphan and removes it.
fn collect(pod: PodId, cluster: &Cluster, out: &mut Vec<Command>) {
    let (pods, reference) = (&cluster.pods, cluster.pods.reference(pod));
    if !pods.phase[pod.index()].is_terminal() {
        let status = PodStatus {
            phase: PodPhase::Failed,
            ready: false,
            restarts: pods.restarts[pod.index()],
            reason: Reason::NodeGone,
            finished: None,
        };
        let write = Write::PodStatus { pod: reference, status };
        out.push(Command::Write(Client::GarbageCollector, write));
    }
    delete(reference, Some(Span::ZERO), Reason::NodeGone, out);
}

fn delete(pod: PodRef, grace: Option<Span>, reason: Reason, out: &mut Vec<Command>) {
    out.push(Command::Write(Client::GarbageCollector, Write::DeletePod { pod, grace, reason }));
}

fn delete_workload(workload: WorkloadId, out: &mut Vec<Command>) {
    out.push(Command::Write(Client::GarbageCollector, Write::DeleteWorkload { workload }));
}

/// The order in which ended pods are deleted: oldest first. Serial numbers are in order of creation.
fn age_key(pod: PodId, cluster: &Cluster) -> (u64, PodRef) {
    (cluster.pods.serial[pod.index()], cluster.pods.reference(pod))
}

impl Component for PodGarbageCollector {
    fn listens(&self, topic: Topic) -> bool {
        topic != Topic::Runtime
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => self.pod_added(new.pod, cluster, out),
            Event::PodBound { pod, node } if cluster.pods.get(*pod).is_some() && before.node.is_none() => {
                self.bound(*node, cluster);
            }
            Event::PodStatus { pod, status } if status.phase.is_terminal() && !before.phase.is_terminal() => {
                if let Some(row) = cluster.pods.get(*pod) {
                    self.pod_ended(row, cluster);
                }
            }
            Event::PodDeleting { pod, .. } if before.node.is_none() && cluster.pods.get(*pod).is_some() => {
                self.unscheduled.insert(*pod);
            }
            Event::PodRemoved { pod } => self.pod_removed(*pod, before, cluster),
            Event::NodeRemoved { node } if self.pods_on.get(node.index()).is_some_and(|&pods| pods > 0) => {
                self.missing.insert(*node, None);
            }
            Event::NodeAdded { node, .. } => drop(self.missing.remove(node)),
            Event::WorkloadAdded { workload, .. } => {
                let Some(owner) = cluster.workloads[*workload].owner else { return };
                self.sets_of.entry(owner).or_default().push(*workload);
                if !cluster.workloads[owner].present {
                    delete_workload(*workload, out);
                }
            }
            Event::WorkloadRemoved { workload } => self.workload_removed(*workload, cluster, out),
            Event::Refused(write) => self.refused(now, write, cluster),
            _ => return,
        }
        self.plan(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        [self.next_pass, self.retries.next()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(pod) = self.retries.pop(now) {
            if cluster.pods.get(pod).is_some_and(|row| cluster.pods.deleting_since[row.index()].is_none()) {
                delete(pod, None, Reason::OwnerDeleted, out);
            } else {
                self.retries.forget(pod);
            }
        }
        if self.next_pass.is_some_and(|due| due <= now) {
            self.pass(now, cluster, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Deployment, PodTemplate, ReplicaSet};
    use crate::control::controllers::{DeploymentController, ReplicaSetController};
    use crate::control::harness::Harness;
    use std::sync::Arc;

    fn harness(config: &Config) -> Harness {
        Harness::with(vec![
            Box::new(PodGarbageCollector::new(config)),
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
    fn a_missing_node_is_first_put_in_quarantine() {
        let length = Span::from_secs(40);
        for (now, seen, decision) in [
            (20, None, Quarantine::Begin),
            (59, Some(20), Quarantine::Wait),
            (60, Some(20), Quarantine::Over),
        ] {
            assert_eq!(quarantine(Time::from_secs(now), seen.map(Time::from_secs), length), decision);
        }
    }

    /// The recorded run public-node-dead-then-deleted: the pods go 40 to 61 s after their node.
    #[test]
    fn pods_of_a_deleted_node_fail_and_go() {
        let mut harness = harness(&Config::default());
        let node = harness.node("n", "a");
        let pod = harness.pod("p", &Arc::new(PodTemplate::default()));
        harness.start(pod, node);
        harness.run_until(Time::from_secs(110));
        harness.tell(Event::NodeRemoved { node });
        harness.run_until(Time::from_secs(159));
        assert_eq!(harness.cluster.pods.count, 1);
        harness.run_until(Time::from_secs(160));
        assert_eq!(harness.cluster.pods.count, 0);
        let phases: Vec<PodPhase> = harness
            .writes()
            .filter_map(|(_, write)| match write {
                Write::PodStatus { status, .. } => Some(status.phase),
                _ => None,
            })
            .collect();
        assert_eq!(phases, [PodPhase::Failed]);
        assert_eq!(harness.poll_timeout(), None);
    }

    #[test]
    fn a_node_that_returns_keeps_its_pods() {
        let mut harness = harness(&Config::default());
        let node = harness.node("n", "a");
        let pod = harness.pod("p", &Arc::new(PodTemplate::default()));
        harness.start(pod, node);
        harness.tell(Event::NodeRemoved { node });
        harness.run_until(Time::from_secs(30));
        assert_eq!(harness.node("n", "a"), node);
        harness.run_until(Time::from_secs(300));
        assert_eq!(harness.cluster.pods.count, 1);
    }

    #[test]
    fn the_oldest_ended_pods_go_above_the_threshold() {
        let mut config = Config::default();
        config.controllers.terminated_pods = Some(2);
        let mut harness = harness(&config);
        let node = harness.node("n", "a");
        harness.run_until(Time::from_secs(1));
        let mut pods = Vec::new();
        for name in ["a", "b", "c", "d"] {
            let pod = harness.pod(name, &Arc::new(PodTemplate::default()));
            harness.start(pod, node);
            pods.push(pod);
        }
        for &pod in pods.iter().rev() {
            harness.finish(pod, 0);
        }
        harness.run_until(Time::from_secs(19));
        assert_eq!(harness.cluster.pods.count, 4);
        harness.run_until(Time::from_secs(20));
        let left: Vec<PodRef> =
            harness.cluster.pods.iter().map(|pod| harness.cluster.pods.reference(pod)).collect();
        assert_eq!(left, pods[2..]);
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
        };
        harness.tell(Event::PodAdded(Box::new(late)));
        assert_eq!(harness.cluster.pods.count, 0);
    }
}
