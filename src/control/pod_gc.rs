//! The pod garbage collector: pods that nobody will end or delete any more.
//!
//! Kubernetes 1.36, pkg/controller/podgc (reference control-plane §2.6): pods of nodes that no longer
//! exist, pods that are being deleted on nodes that are out of service, pods that are being deleted and
//! were never bound, and the oldest ended pods above a threshold. What owners leave behind is the owner
//! garbage collector's business.

use super::node_lifecycle::grid;
use super::{
    Client, Command, Component, Config, Event, NodeChange, PodBefore, PodPatch, PodStatus, Topic, Write,
};
use crate::api::PodPhase;
use crate::base::ids::{NodeId, PodId};
use crate::base::{Set, Span, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, Reason};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// The taint of a node that a person has declared to be off for good.
pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

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
    /// Ended pods, the oldest first, with some that are gone.
    ended: BinaryHeap<Reverse<(u64, PodRef)>>,
    /// How many of them are there.
    ended_count: usize,
    /// Nodes with the taint that says that they are out of service.
    out_of_service: BTreeSet<NodeId>,
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
            ended: BinaryHeap::new(),
            ended_count: 0,
            out_of_service: BTreeSet::new(),
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
        let needed = !self.missing.is_empty()
            || !self.unscheduled.is_empty()
            || !self.out_of_service.is_empty()
            || self.excess() > 0;
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

    fn pod_added(&mut self, pod: PodRef, cluster: &Cluster) {
        let (row, pods) = (pod.id, &cluster.pods);
        if let Some(node) = pods.node[row.index()] {
            self.bound(node, cluster);
        } else if pods.deleting_since[row.index()].is_some() {
            self.unscheduled.insert(pod);
        }
        if pods.phase[row.index()].is_terminal() {
            self.pod_ended(row, cluster);
        }
    }

    fn pod_ended(&mut self, pod: PodId, cluster: &Cluster) {
        if self.threshold.is_some() {
            self.ended.push(Reverse(age_key(pod, cluster)));
            self.ended_count += 1;
            if self.ended.len() / 2 > self.ended_count {
                self.drop_gone(cluster);
            }
        }
    }

    /// Drops the ended pods that are gone.
    fn drop_gone(&mut self, cluster: &Cluster) {
        self.ended.retain(|Reverse((_, pod))| cluster.pods.get(*pod).is_some());
    }

    fn pod_removed(&mut self, pod: PodRef, before: PodBefore, cluster: &Cluster) {
        if cluster.pods.get(pod).is_none() {
            return;
        }
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
    }

    /// Deletes the oldest ended pods above the threshold.
    fn delete_excess(&mut self, cluster: &Cluster, out: &mut Vec<Command>) {
        let mut oldest = Vec::new();
        while oldest.len() < self.excess()
            && let Some(Reverse((key, pod))) = self.ended.pop()
        {
            if cluster.pods.get(pod).is_some() {
                delete(pod, Some(Span::ZERO), cluster.pods.reason[pod.id.index()], out);
                oldest.push(Reverse((key, pod)));
            }
        }
        // A deletion may be refused: until they are gone they are the oldest.
        self.ended.extend(oldest);
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
            orphans.for_each(|pod| {
                disrupt(pod, cluster, out);
                collect(pod, Reason::NodeGone, cluster, out);
            });
        }
        for &node in &self.out_of_service {
            if cluster.nodes.ready[node.index()] != ReadyStatus::True {
                let leaving = |pod: &&PodId| cluster.pods.deleting_since[pod.index()].is_some();
                let here = cluster.nodes.pods[node.index()].iter();
                here.filter(leaving).for_each(|&pod| collect(pod, Reason::NodeGone, cluster, out));
            }
        }
        for &pod in &self.unscheduled {
            collect(pod.id, Reason::Deleted, cluster, out);
        }
        self.plan(now);
    }
}

/// Says of an orphan that it was not its own fault.
fn disrupt(pod: PodId, cluster: &Cluster, out: &mut Vec<Command>) {
    if !cluster.pods.phase[pod.index()].is_terminal() {
        let patch = PodPatch::Disrupted(Reason::NodeGone);
        let write = Write::PatchPod { pod: cluster.pods.reference(pod), patch };
        out.push(Command::Write(Client::PodGarbageCollector, write));
    }
}

/// Fails a pod that nobody else will end, and removes it (Kubernetes 1.36, pkg/controller/podgc,
/// markFailedAndDeletePod).
fn collect(pod: PodId, reason: Reason, cluster: &Cluster, out: &mut Vec<Command>) {
    let (pods, reference) = (&cluster.pods, cluster.pods.reference(pod));
    if !pods.phase[pod.index()].is_terminal() {
        let status = PodStatus {
            phase: PodPhase::Failed,
            ready: false,
            restarts: pods.restarts[pod.index()],
            reason,
            finished: None,
            exits: pods.exits[pod.index()],
        };
        let write = Write::PodStatus { pod: reference, status };
        out.push(Command::Write(Client::PodGarbageCollector, write));
    }
    delete(reference, Some(Span::ZERO), reason, out);
}

fn delete(pod: PodRef, grace: Option<Span>, reason: Reason, out: &mut Vec<Command>) {
    out.push(Command::Write(Client::PodGarbageCollector, Write::DeletePod { pod, grace, reason }));
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
        _out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => self.pod_added(new.pod, cluster),
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
            Event::NodeAdded { node, .. } => {
                self.missing.remove(node);
                let key = cluster.names.get(OUT_OF_SERVICE);
                let taints = &cluster.nodes.class_of(*node).taints;
                if taints.iter().any(|taint| Some(taint.key) == key) {
                    self.out_of_service.insert(*node);
                }
            }
            Event::NodeChanged { node, change: NodeChange::Taints(taints) } => {
                if taints.iter().any(|taint| taint.key == OUT_OF_SERVICE) {
                    self.out_of_service.insert(*node);
                } else {
                    self.out_of_service.remove(node);
                }
            }
            _ => return,
        }
        self.plan(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.next_pass
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        if self.next_pass.is_some_and(|due| due <= now) {
            self.pass(now, cluster, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PodTemplate;
    use crate::control::harness::Harness;
    use std::sync::Arc;

    fn harness(config: &Config) -> Harness {
        Harness::with(vec![Box::new(PodGarbageCollector::new(config))])
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

    /// What is written about pods, in order.
    fn told(harness: &Harness) -> Vec<&'static str> {
        let word = |write: &Write| match write {
            Write::PatchPod { patch: PodPatch::Disrupted(_), .. } => "disrupted",
            Write::PodStatus { status, .. } if status.phase == PodPhase::Failed => "failed",
            Write::DeletePod { grace: Some(Span::ZERO), .. } => "deleted",
            _ => "else",
        };
        harness.writes().map(|(_, write)| word(write)).collect()
    }

    /// Nobody else would end a pod that no kubelet has: a Job that replaces failed pods waits for it.
    #[test]
    fn a_pod_that_is_deleted_before_it_is_bound_fails_and_goes() {
        let mut harness = harness(&Config::default());
        let pod = harness.pod("p", &Arc::new(PodTemplate::default()));
        harness.tell(Event::PodDeleting { pod, grace: Span::ZERO, reason: Reason::Deleted });
        harness.run_until(Time::from_secs(20));
        assert_eq!(told(&harness), ["failed", "deleted"], "it is no orphan");
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
}
