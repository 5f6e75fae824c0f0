//! The taint-eviction controller: deletes pods that do not, or no longer, bear the NoExecute taints
//! of their node.
//!
//! Kubernetes 1.36, pkg/controller/tainteviction (reference control-plane §2.5). Who taints nodes
//! is not known here. Work is done only for pods on nodes that have such taints.

use super::{
    Client, Command, Component, Config, Event, NodeChange, PodBefore, PodPatch, Refusal, Topic, Write,
};
use crate::api::TaintEffect;
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::base::{Map, Span, Time};
use crate::cluster::class::{tolerates, with_defaults};
use crate::cluster::{Cluster, PodRef, Reason, TaintMark, Toleration};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Wait before a refused deletion is tried again (deletePodHandler).
const RETRY: Span = Span::from_millis(10);
/// The same while the API server does not answer. The original gives up after five tries and looks
/// at the pod again when its watches have caught up.
const RETRY_UNAVAILABLE: Span = Span::from_secs(1);

/// What happens to a pod under some taints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eviction {
    /// It does not bear one of them.
    Now,
    /// It bears them for so long.
    After(Span),
    /// It bears them for ever.
    Never,
}

/// The decision: for each NoExecute taint the first toleration that bears it counts; the shortest
/// of their times is the pod's.
pub fn decide(tolerations: &[Toleration], taints: &[TaintMark]) -> Eviction {
    let mut shortest: Option<u64> = None;
    for taint in taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute) {
        let first = tolerations
            .iter()
            .find(|toleration| tolerates(toleration, taint.key, taint.value, TaintEffect::NoExecute));
        match first {
            None => return Eviction::Now,
            Some(toleration) => {
                let seconds = toleration.seconds;
                shortest =
                    shortest.map_or(seconds, |known| Some(seconds.map_or(known, |new| known.min(new))));
            }
        }
    }
    shortest.map_or(Eviction::Never, |seconds| Eviction::After(Span::from_secs(seconds)))
}

/// A deletion that is due later.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// When the countdown began.
    created: Time,
    due: Time,
    /// The number in order of addition.
    number: u64,
}

/// The event loop around [`decide`].
#[derive(Clone, Debug)]
pub struct TaintEvictionController {
    default_toleration: Option<Span>,
    /// The NoExecute taints of the nodes that have any.
    tainted: Map<NodeId, Arc<[TaintMark]>>,
    /// Tolerations after admission, by class.
    tolerations: Map<ClassId, Arc<[Toleration]>>,
    entries: Map<PodRef, Entry>,
    timers: BTreeSet<(Time, u64, PodRef)>,
    sequence: u64,
}

impl TaintEvictionController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> TaintEvictionController {
        TaintEvictionController {
            default_toleration: config.nodes.default_toleration,
            tainted: Map::default(),
            tolerations: Map::default(),
            entries: Map::default(),
            timers: BTreeSet::new(),
            sequence: 0,
        }
    }

    /// The taints of a node changed. A change that leaves its NoExecute taints alone is none.
    fn taints_changed(&mut self, now: Time, node: NodeId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let before = self.tainted.get(&node).map_or(&[][..], |taints| taints);
        if *before != *no_execute_taints(node, cluster) {
            self.look_at_node(now, node, cluster, out);
        }
    }

    /// Decides on every pod of a node.
    fn look_at_node(&mut self, now: Time, node: NodeId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let taints = no_execute_taints(node, cluster);
        self.tainted.remove(&node);
        let mut pods = cluster.nodes.pods[node.index()].clone();
        pods.sort_unstable_by_key(|pod| cluster.pods.serial[pod.index()]);
        if taints.is_empty() {
            for pod in pods {
                self.cancel(cluster.pods.reference(pod));
            }
            return;
        }
        self.tainted.insert(node, taints);
        for pod in pods {
            self.look(now, pod, node, cluster, out);
        }
    }

    /// Decides on a pod that is on a node.
    fn look(&mut self, now: Time, pod: PodId, node: NodeId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(taints) = self.tainted.get(&node).cloned() else { return };
        if cluster.pods.deleting_since[pod.index()].is_some() {
            return;
        }
        let tolerations = self.tolerations_of(cluster.pods.class[pod.index()], cluster);
        let pod = cluster.pods.reference(pod);
        match decide(&tolerations, &taints) {
            Eviction::Never => self.cancel(pod),
            Eviction::Now => {
                self.cancel(pod);
                evict(pod, out);
            }
            Eviction::After(time) => self.schedule(now, pod, time),
        }
    }

    /// Starts a countdown. One that runs already goes on as it is.
    fn schedule(&mut self, now: Time, pod: PodRef, time: Span) {
        if let Some(entry) = self.entries.get(&pod) {
            if entry.created + time < now + time {
                return;
            }
            self.cancel(pod);
        }
        let (due, number) = (now + time, self.sequence);
        self.sequence += 1;
        self.entries.insert(pod, Entry { created: now, due, number });
        self.timers.insert((due, number, pod));
    }

    /// A deletion was refused: it is tried again if there is still something to delete.
    fn refused(&mut self, now: Time, write: &Write, why: Refusal, cluster: &Cluster) {
        if let Write::DeletePod { pod, reason: Reason::TaintEviction, .. } = write
            && cluster.pods.get(*pod).is_some_and(|row| cluster.pods.is_active(row))
        {
            self.schedule(now, *pod, if why == Refusal::Unavailable { RETRY_UNAVAILABLE } else { RETRY });
        }
    }

    fn cancel(&mut self, pod: PodRef) {
        if let Some(entry) = self.entries.remove(&pod) {
            self.timers.remove(&(entry.due, entry.number, pod));
        }
    }

    fn tolerations_of(&mut self, class: ClassId, cluster: &mut Cluster) -> Arc<[Toleration]> {
        let make = || {
            let stated = &cluster.classes[class].tolerations;
            with_defaults(stated, self.default_toleration, &mut cluster.names).into()
        };
        Arc::clone(self.tolerations.entry(class).or_insert_with(make))
    }
}

fn no_execute_taints(node: NodeId, cluster: &Cluster) -> Arc<[TaintMark]> {
    let all = &cluster.nodes.class_of(node).taints;
    all.iter().filter(|taint| taint.effect == TaintEffect::NoExecute).copied().collect()
}

fn evict(pod: PodRef, out: &mut Vec<Command>) {
    let patch = PodPatch::Disrupted(Reason::TaintEviction);
    out.push(Command::Write(Client::TaintEviction, Write::PatchPod { pod, patch }));
    let write = Write::DeletePod { pod, grace: None, reason: Reason::TaintEviction };
    out.push(Command::Write(Client::TaintEviction, write));
}

impl Component for TaintEvictionController {
    fn listens(&self, topic: Topic) -> bool {
        !matches!(topic, Topic::Runtime | Topic::Workload)
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
            Event::NodeAdded { node, .. } => self.look_at_node(now, *node, cluster, out),
            Event::NodeChanged { node, change: NodeChange::Taints(_) } => {
                self.taints_changed(now, *node, cluster, out);
            }
            Event::NodeRemoved { node } => drop(self.tainted.remove(node)),
            Event::PodBound { pod, node } => {
                if let Some(pod) = cluster.pods.get(*pod) {
                    self.look(now, pod, *node, cluster, out);
                }
            }
            Event::PodAdded(new) => {
                if let Some(node) = new.node {
                    self.look(now, new.pod.id, node, cluster, out);
                }
            }
            Event::PodDeleting { pod, .. } | Event::PodRemoved { pod } => self.cancel(*pod),
            Event::PodStatus { pod, status } if status.phase.is_terminal() => self.cancel(*pod),
            Event::Refused(write, why) => self.refused(now, write, *why, cluster),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|&(due, ..)| due)
    }

    fn handle_timeout(&mut self, now: Time, _cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(&(_, _, pod)) = self.timers.first().filter(|(due, ..)| *due <= now) {
            self.cancel(pod);
            evict(pod, out);
        }
    }
}

#[cfg(test)]
mod tests;
