//! The node life-cycle controller: notices silent nodes, marks them, and keeps pods away.
//!
//! Kubernetes 1.36, pkg/controller/nodelifecycle (reference control-plane §2.3, §2.4 with its 1.36
//! companion and the recorded runs). It passes over the nodes every monitor period; a pass that
//! would find nothing new is left out. What the taints do to pods is the taint-eviction
//! controller's business.

pub mod zones;

use super::{Client, Command, Component, Config, Event, NodeChange, PodBefore, Topic, Write};
use crate::api::{Taint, TaintEffect};
use crate::base::ids::{NodeId, ZoneId};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, ReadyStatus};
use crate::control::config::NodeLifecycle;
use std::collections::{BTreeMap, BTreeSet};
use zones::{Turn, ZoneCount, Zones};

/// The taint of a node whose kubelet says that it is not ready.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The taint of a node that is not heard of.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint of a node whose memory is short.
pub const MEMORY_PRESSURE: &str = "node.kubernetes.io/memory-pressure";
/// The taint of a cordoned node.
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Nodes with this label do not count for the disruption of their zone.
const EXCLUDE_DISRUPTION: &str = "node.kubernetes.io/exclude-disruption";

/// The taints with effect NoSchedule that a node must and must not have, of those that this
/// controller sets; `has` says which it has.
pub fn no_schedule_taints(
    ready: ReadyStatus,
    unschedulable: bool,
    memory_pressure: bool,
    has: impl Fn(&str) -> bool,
) -> (Vec<Taint>, Vec<Taint>) {
    let wanted = [
        (NOT_READY, ready == ReadyStatus::False),
        (UNREACHABLE, ready == ReadyStatus::Unknown),
        (MEMORY_PRESSURE, memory_pressure),
        (UNSCHEDULABLE, unschedulable),
    ];
    let of = |wish: bool| {
        wanted
            .iter()
            .filter(|&&(key, wanted)| wanted == wish && has(key) != wish)
            .map(|&(key, _)| taint(key, TaintEffect::NoSchedule))
            .collect()
    };
    (of(true), of(false))
}

/// What is done about the NoExecute taint of a node that is not ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tainting {
    /// It has the right one.
    Done,
    /// It has the other one: they are exchanged at once.
    Exchange,
    /// It has none: it gets one when its zone's limit allows.
    Enqueue,
}

/// The decision for a node that has (or lacks) the taint of its condition and the other one.
pub fn no_execute_tainting(has_right: bool, has_other: bool) -> Tainting {
    match (has_right, has_other) {
        (_, true) => Tainting::Exchange,
        (true, false) => Tainting::Done,
        (false, false) => Tainting::Enqueue,
    }
}

/// The event loop.
#[derive(Clone, Debug)]
pub struct NodeLifecycleController {
    config: NodeLifecycle,
    /// The first pass, and the first round of the worker that taints.
    pass_phase: Time,
    work_phase: Time,
    zones: Zones,
    /// Nodes that are not heard of, with the pass that saw their last renewal.
    silent: BTreeMap<NodeId, Time>,
    /// Nodes whose Ready condition is not True.
    unready: BTreeSet<NodeId>,
    /// Nodes that say that their memory is short.
    short: BTreeSet<NodeId>,
    /// Nodes of which Unknown is being written. They are tainted once it is: the original waits for
    /// the write before it goes on.
    marking: BTreeSet<NodeId>,
    /// Nodes that came or recovered since the last pass: their NoExecute taints go.
    to_clear: BTreeSet<NodeId>,
    last_pass: Option<Time>,
    next_pass: Option<Time>,
    /// The next round of the worker that taints.
    next_work: Option<Time>,
}

impl NodeLifecycleController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> NodeLifecycleController {
        let nodes = &config.nodes;
        let phase = |name, period| Time::ZERO + nodes.phase(config.seed, name, period);
        NodeLifecycleController {
            config: nodes.clone(),
            pass_phase: nodes
                .first_monitor_pass
                .map_or_else(|| phase("node monitor", nodes.monitor_period), |first| Time::ZERO + first),
            work_phase: phase("node tainting", nodes.worker_period),
            zones: Zones::new(nodes),
            silent: BTreeMap::new(),
            unready: BTreeSet::new(),
            short: BTreeSet::new(),
            marking: BTreeSet::new(),
            to_clear: BTreeSet::new(),
            last_pass: None,
            next_pass: None,
            next_work: None,
        }
    }

    /// The first pass at or after a moment.
    fn pass_at(&self, moment: Time) -> Time {
        grid(self.pass_phase, self.config.monitor_period, moment)
    }

    /// The first pass from `now` on that has not been.
    fn coming_pass(&self, now: Time) -> Time {
        let pass = self.pass_at(now);
        if self.last_pass == Some(pass) { pass + self.config.monitor_period } else { pass }
    }

    /// Something changed: the coming pass must look.
    fn look(&mut self, now: Time) {
        let pass = self.coming_pass(now);
        self.next_pass = Some(self.next_pass.map_or(pass, |known| known.min(pass)));
    }

    /// A node that is new to this controller is taken to be reachable at the coming pass, whatever
    /// its condition: after a failover the taint comes back with the next round of the worker.
    fn node_added(&mut self, now: Time, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        self.ready_changed(now, node, cluster);
        self.to_clear.insert(node);
        no_schedule_pass(node, &self.short, cluster, out);
        self.look(now);
    }

    fn node_removed(&mut self, now: Time, node: NodeId, cluster: &Cluster) {
        self.silent.remove(&node);
        self.unready.remove(&node);
        self.short.remove(&node);
        self.marking.remove(&node);
        self.to_clear.remove(&node);
        self.zones.dequeue(cluster.nodes.zone[node.index()], node);
        self.look(now);
    }

    fn node_changed(
        &mut self,
        now: Time,
        node: NodeId,
        change: &NodeChange,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        if !cluster.nodes.present.contains(node.index()) {
            return;
        }
        match change {
            NodeChange::Ready(ready) => {
                self.ready_changed(now, node, cluster);
                if self.marking.remove(&node) && *ready != ReadyStatus::True {
                    no_execute_pass(&mut self.zones, now, (node, *ready), cluster, out);
                }
            }
            NodeChange::Taints(_) => {
                let zone = cluster.nodes.zone[node.index()];
                if self.unready.contains(&node) && !self.zones.is_queued(zone, node) {
                    let [right, other] = keys(cluster.nodes.ready[node.index()]);
                    let has = |key| has_taint(cluster, node, key, TaintEffect::NoExecute);
                    if no_execute_tainting(has(right), has(other)) != Tainting::Done {
                        self.look(now);
                    }
                }
            }
            NodeChange::Unschedulable(_) => {}
            NodeChange::MemoryPressure(true) => {
                self.short.insert(node);
            }
            NodeChange::MemoryPressure(false) => {
                self.short.remove(&node);
            }
        }
        no_schedule_pass(node, &self.short, cluster, out);
    }

    fn ready_changed(&mut self, now: Time, node: NodeId, cluster: &Cluster) {
        if cluster.nodes.ready[node.index()] == ReadyStatus::True {
            if self.unready.remove(&node) {
                self.to_clear.insert(node);
                self.look(now);
            }
        } else {
            self.unready.insert(node);
            self.to_clear.remove(&node);
            self.look(now);
        }
    }

    /// A write was refused: the coming pass finds what is still to be done.
    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        let (Write::NodeReady { node, .. } | Write::NodeTaints { node, .. }) = write else { return };
        self.marking.remove(node);
        if cluster.nodes.present.contains(node.index()) {
            if cluster.nodes.ready[node.index()] == ReadyStatus::True {
                self.to_clear.insert(*node);
            }
            self.look(now);
        }
    }

    /// The node falls silent: the pass at or after its last renewal was the last that saw a sign
    /// of life.
    fn silenced(&mut self, now: Time, node: NodeId, last_renewal: Time) {
        let probe = self.pass_at(last_renewal);
        self.silent.insert(node, probe);
        let due = self.pass_at(probe + self.config.grace_period).max(self.coming_pass(now));
        self.next_pass = Some(self.next_pass.map_or(due, |known| known.min(due)));
    }

    fn pass(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        self.last_pass = Some(now);
        let met = std::mem::take(&mut self.to_clear);
        for &node in &met {
            self.clear(node, cluster, out);
            no_schedule_pass(node, &self.short, cluster, out);
        }
        for &node in &self.unready {
            no_schedule_pass(node, &self.short, cluster, out);
        }
        let lost = self.lost(now, cluster);
        for &node in &lost {
            mark_unknown(node, cluster, out);
        }
        self.marking.extend(&lost);
        let mut conditions: BTreeMap<NodeId, ReadyStatus> =
            self.unready.iter().map(|&node| (node, cluster.nodes.ready[node.index()])).collect();
        for (&node, &ready) in conditions.iter().filter(|(node, _)| !self.marking.contains(node)) {
            if met.contains(&node) {
                // The view still shows the taint that has just been taken off.
                self.zones.enqueue(now, cluster.nodes.zone[node.index()], node);
            } else {
                no_execute_pass(&mut self.zones, now, (node, ready), cluster, out);
            }
        }
        conditions.extend(lost.into_iter().map(|node| (node, ReadyStatus::Unknown)));
        match self.zones.judge(now, &zone_counts(&conditions, cluster)) {
            Turn::None => {}
            Turn::AllFull => {
                self.marking.clear();
                for row in cluster.nodes.present.iter() {
                    self.clear(NodeId(row as u32), cluster, out);
                }
            }
            Turn::NoLongerAllFull => self.silent.values_mut().for_each(|probe| *probe = now),
        }
        self.next_pass = self.next_loss(now, cluster);
    }

    /// The silent nodes whose grace period is over and that are not known to be lost. The
    /// original compares with "later than", but its passes drift by their run time, so that a
    /// grace period that ends with a pass has ended at that pass (reference trap T-2.1).
    fn lost(&self, now: Time, cluster: &Cluster) -> Vec<NodeId> {
        let is_lost = |&(node, probe): &(&NodeId, &Time)| {
            cluster.nodes.ready[node.index()] != ReadyStatus::Unknown
                && now >= *probe + self.config.grace_period
        };
        self.silent.iter().filter(is_lost).map(|(&node, _)| node).collect()
    }

    /// The pass at which the next silent node is lost.
    fn next_loss(&self, now: Time, cluster: &Cluster) -> Option<Time> {
        let known = |node: NodeId| cluster.nodes.ready[node.index()] == ReadyStatus::Unknown;
        let waiting = self.silent.iter().filter(|(node, _)| !known(**node));
        let due = waiting.map(|(_, &probe)| self.pass_at(probe + self.config.grace_period)).min()?;
        Some(due.max(self.coming_pass(now)))
    }

    /// Takes both NoExecute taints off a node, and the node out of its zone's queue.
    fn clear(&mut self, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        self.zones.dequeue(cluster.nodes.zone[node.index()], node);
        let has = |key: &&str| has_taint(cluster, node, key, TaintEffect::NoExecute);
        let remove: Vec<&str> = [NOT_READY, UNREACHABLE].into_iter().filter(has).collect();
        if !remove.is_empty() {
            write_taints(node, Vec::new(), remove, out);
        }
    }

    /// The worker that taints: one round.
    fn work(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        for node in self.zones.pop(now) {
            match cluster.nodes.ready[node.index()] {
                // The view does not show the condition yet: the token is lost, the next pass
                // tries again.
                ReadyStatus::True => self.look(now),
                ready => {
                    let [right, other] = keys(ready);
                    let has_other = has_taint(cluster, node, other, TaintEffect::NoExecute);
                    write_taints(node, vec![right], if has_other { vec![other] } else { Vec::new() }, out);
                }
            }
        }
    }

    /// Finds the worker's next round that has something to do.
    fn plan_work(&mut self) {
        let next = self.zones.next();
        self.next_work = next.map(|due| grid(self.work_phase, self.config.worker_period, due));
    }
}

/// The first moment `phase` + k · `period` at or after another moment.
pub(crate) fn grid(phase: Time, period: Span, moment: Time) -> Time {
    let after = moment.since(phase).0;
    match after.checked_rem(period.0) {
        None => moment.max(phase),
        Some(0) => phase + Span(after),
        Some(rest) => phase + Span(after) + Span(period.0 - rest),
    }
}

/// The key of the taint for a condition that is not True, and the other one.
fn keys(ready: ReadyStatus) -> [&'static str; 2] {
    match ready {
        ReadyStatus::Unknown => [UNREACHABLE, NOT_READY],
        _ => [NOT_READY, UNREACHABLE],
    }
}

fn taint(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.into(), value: String::new(), effect }
}

fn has_taint(cluster: &Cluster, node: NodeId, key: &str, effect: TaintEffect) -> bool {
    let key = cluster.names.get(key);
    cluster.nodes.class_of(node).taints.iter().any(|taint| Some(taint.key) == key && taint.effect == effect)
}

fn write_taints(node: NodeId, add: Vec<&str>, remove: Vec<&str>, out: &mut Vec<Command>) {
    let of = |keys: Vec<&str>| keys.into_iter().map(|key| taint(key, TaintEffect::NoExecute)).collect();
    let write = Write::NodeTaints { node, add: of(add), remove: of(remove) };
    out.push(Command::Write(Client::NodeLifecycle, write));
}

/// Brings the NoSchedule taints of a node in line with what it is now.
fn no_schedule_pass(node: NodeId, short: &BTreeSet<NodeId>, cluster: &Cluster, out: &mut Vec<Command>) {
    let index = node.index();
    let has = |key: &str| has_taint(cluster, node, key, TaintEffect::NoSchedule);
    let unschedulable = cluster.nodes.unschedulable.contains(index);
    let (add, remove) =
        no_schedule_taints(cluster.nodes.ready[index], unschedulable, short.contains(&node), has);
    if !(add.is_empty() && remove.is_empty()) {
        out.push(Command::Write(Client::NodeLifecycle, Write::NodeTaints { node, add, remove }));
    }
}

/// Exchanges the NoExecute taint of a node that is not ready, or puts the node in the queue for one.
fn no_execute_pass(
    zones: &mut Zones,
    now: Time,
    (node, ready): (NodeId, ReadyStatus),
    cluster: &Cluster,
    out: &mut Vec<Command>,
) {
    let [right, other] = keys(ready);
    let has = |key| has_taint(cluster, node, key, TaintEffect::NoExecute);
    match no_execute_tainting(has(right), has(other)) {
        Tainting::Done => {}
        Tainting::Exchange => write_taints(node, vec![right], vec![other], out),
        Tainting::Enqueue => zones.enqueue(now, cluster.nodes.zone[node.index()], node),
    }
}

/// Writes that a node is not heard of. If it was ready until now, its pods are not any more
/// (MarkPodsNotReady).
fn mark_unknown(node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
    let write = Write::NodeReady { node, ready: ReadyStatus::Unknown };
    out.push(Command::Write(Client::NodeLifecycle, write));
    if cluster.nodes.ready[node.index()] != ReadyStatus::True {
        return;
    }
    let mut pods = cluster.nodes.pods[node.index()].clone();
    pods.sort_unstable_by_key(|pod| cluster.pods.serial[pod.index()]);
    for pod in pods.into_iter().filter(|pod| cluster.pods.ready[pod.index()]) {
        let write = Write::PodNotReady { pod: cluster.pods.reference(pod) };
        out.push(Command::Write(Client::NodeLifecycle, write));
    }
}

/// Ready and other nodes of each zone; `conditions` has those that are not ready.
fn zone_counts(conditions: &BTreeMap<NodeId, ReadyStatus>, cluster: &Cluster) -> BTreeMap<ZoneId, ZoneCount> {
    let excluded = cluster.names.get(EXCLUDE_DISRUPTION);
    let mut counts: BTreeMap<ZoneId, ZoneCount> = BTreeMap::new();
    for row in cluster.nodes.present.iter() {
        let node = NodeId(row as u32);
        if excluded.is_some_and(|key| cluster.nodes.class_of(node).label(key).is_some()) {
            continue;
        }
        let count = counts.entry(cluster.nodes.zone[row]).or_default();
        *(if conditions.contains_key(&node) { &mut count.not_ready } else { &mut count.ready }) += 1;
    }
    counts
}

impl Component for NodeLifecycleController {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::Node | Topic::Refused)
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
            Event::NodeAdded { node, .. } => self.node_added(now, *node, cluster, out),
            Event::NodeChanged { node, change } => self.node_changed(now, *node, change, cluster, out),
            Event::NodeRemoved { node } => self.node_removed(now, *node, cluster),
            Event::HeartbeatsStopped { node, last_renewal } => self.silenced(now, *node, *last_renewal),
            Event::HeartbeatsResumed { node } => {
                self.silent.remove(node);
            }
            Event::Refused(write, _) => self.refused(now, write, cluster),
            _ => return,
        }
        self.plan_work();
    }

    fn poll_timeout(&self) -> Option<Time> {
        [self.next_pass, self.next_work].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        if self.next_work.is_some_and(|due| due <= now) {
            self.work(now, cluster, out);
        }
        if self.next_pass.is_some_and(|due| due <= now) {
            self.pass(now, cluster, out);
        }
        self.plan_work();
    }
}

#[cfg(test)]
mod tests;
