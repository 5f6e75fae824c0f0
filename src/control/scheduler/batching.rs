//! Opportunistic batching: pods of one signature that come right after each other share one scoring.
//!
//! After a full scoring the nodes that were not taken are kept with their totals. If the very next pod
//! has the same signature, and the node that was taken is full for it, the best of the kept ones is
//! tried alone, like a node that the pod was promised, and taken without scoring if it passes. The
//! kept order grows stale on the way; that is part of the original's behaviour. It cannot act in the
//! default profile, whose spreading scores pods by where others are.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/runtime/batch.go and kube-scheduler
//! framework/signers.go (reference kube-scheduler 1.36 §21.2).

use super::cycle::{Attempt, Cycle, Found};
use super::plugins::image_locality::normalized;
use crate::api::{NodeAffinity, Toleration, VolumeSource};
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::base::{Map, Span, Symbol, Time};
use crate::cluster::{Cluster, PodClass};
use crate::control::Config;
use crate::control::config::{PluginArgs, SchedulerProfile, SpreadDefaulting};
use std::collections::BTreeSet;

/// What is kept is not used for longer (maxBatchAge).
const MAX_AGE: Span = Span::from_millis(500);

/// What two pods must have in common to be judged alike on the same nodes; fragments of plugins that
/// are not enabled stay empty.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Signature {
    scheduler_name: String,
    requests: Vec<(ResourceId, i64)>,
    tolerations: Vec<Toleration>,
    node_name: String,
    node_selector: Vec<(String, String)>,
    node_affinity: Option<NodeAffinity>,
    ports: BTreeSet<u16>,
    images: BTreeSet<String>,
    volumes: Vec<VolumeSource>,
    labels: Vec<(Symbol, Symbol)>,
    /// What of the kubelet the pod needs.
    features: [bool; 3],
}

/// What an attempt had to do with batching.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Batched {
    /// Whether the pod has a signature.
    pub is_signed: bool,
    /// Whether the node is the hint that was kept from the attempts before.
    pub is_hinted: bool,
}

/// Nodes that were scored and not taken.
#[derive(Debug)]
struct Kept {
    signature: u32,
    since: Time,
    /// Totals and nodes as a binary heap.
    heap: Vec<(i64, NodeId)>,
}

/// The state of one profile.
#[derive(Debug, Default)]
pub(super) struct Batching {
    is_enabled: bool,
    /// The plugins that judge nodes, and what they are told.
    plugins: Vec<&'static str>,
    args: PluginArgs,
    numbers: Map<Signature, u32>,
    /// The number of the signature by class; `None` for classes whose pods have none.
    of_class: Map<ClassId, Option<u32>>,
    /// The signature of the pod at work.
    signature: Option<u32>,
    /// The node that is tried first in the attempt at work.
    hint: Option<NodeId>,
    kept: Option<Kept>,
    /// The number of the last attempt that found a node, and the node.
    last: Option<(u64, NodeId)>,
    /// What is to be told of the last attempt.
    batched: Batched,
}

impl Batching {
    /// The state of a profile that has seen nothing yet.
    pub(super) fn new(config: &Config, profile: &SchedulerProfile) -> Batching {
        let lists = [&profile.plugins.pre_filter, &profile.plugins.filter, &profile.plugins.pre_score];
        let mut plugins: Vec<&'static str> = lists.into_iter().flatten().copied().collect();
        plugins.extend(profile.plugins.score.iter().map(|(name, _)| *name));
        let spread = &profile.args.spread;
        let spreads_by_default =
            spread.defaulting == SpreadDefaulting::System || !spread.default_constraints.is_empty();
        let refuses = plugins.contains(&"PodTopologySpread") && spreads_by_default;
        let is_enabled =
            config.version.compat().batches && config.scheduler.opportunistic_batching && !refuses;
        Batching { is_enabled, plugins, args: profile.args.clone(), ..Batching::default() }
    }

    /// Whether the totals of the attempt at work are to be kept.
    pub(super) fn keeps_totals(&self) -> bool {
        self.signature.is_some()
    }

    /// The number of the signature of a class.
    fn number_of(&mut self, cluster: &Cluster, class: ClassId) -> Option<u32> {
        if !self.is_enabled {
            return None;
        }
        if let Some(known) = self.of_class.get(&class) {
            return *known;
        }
        let number = self.sign(&cluster.classes[class]).map(|signature| {
            let next = self.numbers.len() as u32;
            *self.numbers.entry(signature).or_insert(next)
        });
        self.of_class.insert(class, number);
        number
    }

    /// What the plugins say of a class; `None` if one of them judges its pods by where others are.
    fn sign(&self, class: &PodClass) -> Option<Signature> {
        let spec = &class.template.spec;
        let has = |names: &[&str]| names.iter().any(|name| self.plugins.contains(name));
        let mut signature = Signature { scheduler_name: spec.scheduler_name.clone(), ..Signature::default() };
        if has(&["PodTopologySpread"]) && !spec.topology_spread.is_empty()
            || has(&["DynamicResources"]) && !spec.resource_claims.is_empty()
        {
            return None;
        }
        if has(&["InterPodAffinity"]) {
            if spec.affinity.pod.is_some() || spec.affinity.pod_anti.is_some() {
                return None;
            }
            if !self.args.inter_pod.ignore_preferred_terms_of_existing_pods {
                signature.labels.clone_from(&class.labels);
            }
        }
        let containers = || spec.init_containers.iter().chain(&spec.containers);
        if has(&["NodeResourcesFit", "NodeResourcesBalancedAllocation"]) {
            signature.requests.clone_from(&class.requests);
        }
        if has(&["TaintToleration", "NodeUnschedulable"]) {
            signature.tolerations.clone_from(&spec.tolerations);
            signature.tolerations.sort_by(|a, b| (&a.key, &a.value).cmp(&(&b.key, &b.value)));
        }
        if has(&["NodeName"]) {
            signature.node_name.clone_from(&spec.node_name);
        }
        if has(&["NodeAffinity"]) {
            signature.node_selector.clone_from(&spec.node_selector);
            signature.node_affinity.clone_from(&spec.affinity.node);
        }
        if has(&["NodePorts"]) {
            let ports = containers().flat_map(|container| &container.host_ports);
            signature.ports = ports.map(|port| port.port).collect();
        }
        if has(&["ImageLocality"]) {
            signature.images = containers().map(|container| normalized(&container.image)).collect();
        }
        if has(&["VolumeBinding", "VolumeRestrictions", "VolumeZone", "NodeVolumeLimits"]) {
            signature.volumes = spec.volumes.iter().map(|volume| volume.source.clone()).collect();
        }
        if has(&["NodeDeclaredFeatures"]) {
            let restarts = containers().any(|container| container.restarts_all);
            signature.features = [restarts, spec.host_network, spec.own_users];
        }
        Some(signature)
    }

    /// Takes note of the node that an attempt has found, with the nodes that were scored beside it.
    fn store(&mut self, number: u64, now: Time, chosen: NodeId, others: Vec<(i64, NodeId)>) {
        self.last = Some((number, chosen));
        self.batched.is_hinted = self.hint == Some(chosen);
        if self.batched.is_hinted {
            return;
        }
        self.kept = self.signature.filter(|_| !others.is_empty()).map(|signature| Kept {
            signature,
            since: now,
            heap: others,
        });
    }
}

impl Cycle {
    /// What the last attempt for a pod had to do with batching.
    pub fn batched(&self) -> Batched {
        self.batching.batched
    }

    /// Signs the pod of an attempt, however it will end.
    pub(super) fn sign(&mut self, cluster: &Cluster, attempt: Attempt) {
        let signature = attempt.pod.and_then(|_| self.batching.number_of(cluster, attempt.class));
        self.batching.signature = signature;
        self.batching.batched = Batched { is_signed: signature.is_some(), is_hinted: false };
        self.batching.hint = None;
    }

    /// Finds the node that is to be tried first. PreFilter has run.
    pub(super) fn find_hint(&mut self, cluster: &Cluster, attempt: Attempt) {
        let (signature, now) = (self.batching.signature, self.now);
        let fits = |kept: &Kept| {
            Some(kept.signature) == signature && now.since(kept.since) <= MAX_AGE && !kept.heap.is_empty()
        };
        let Some((number, node)) = self.batching.last else { return };
        if number + 1 == self.attempts
            && self.batching.kept.as_ref().is_some_and(fits)
            && cluster.nodes.present.contains(node.index())
            && let Some(refusal) = self.first_refusal(self.context(cluster, attempt), node)
            && refusal.code.is_rejected()
        {
            self.batching.hint = self.batching.kept.as_mut().and_then(|kept| pop(&mut kept.heap));
        }
    }

    /// The node that is to be tried first, if there is one.
    pub(super) fn hint(&self) -> Option<NodeId> {
        self.batching.hint
    }

    /// Takes note of the node that an attempt has found without scoring others.
    pub(super) fn keep_nothing(&mut self, attempt: Attempt, chosen: NodeId) {
        if attempt.pod.is_some() {
            self.batching.store(self.attempts, self.now, chosen, Vec::new());
        }
    }

    /// Takes the totals of the attempt at work out, if they are to be kept: best first.
    pub(super) fn totals_to_keep(&self, cluster: &Cluster, found: Found) -> Vec<(i64, NodeId)> {
        let mut heap = Vec::new();
        if !self.batching.keeps_totals() {
            return heap;
        }
        let total = |place: usize| self.scratch.totals[place] + self.scratch.base;
        if found.is_listed {
            let listed = self.scratch.listed.iter().enumerate();
            heap.extend(listed.map(|(place, &row)| (total(place), NodeId(row))));
        } else {
            self.each_feasible(cluster, |_, row| heap.push((total(row), NodeId(row as u32))));
        }
        (0..heap.len() / 2).rev().for_each(|place| sink(&mut heap, place));
        heap
    }

    /// Takes note of the node that an attempt has found, and of the totals of all.
    pub(super) fn keep(&mut self, attempt: Attempt, chosen: NodeId, mut heap: Vec<(i64, NodeId)>) {
        if attempt.pod.is_some() {
            let best = pop(&mut heap);
            debug_assert!(best.is_none() || best == Some(chosen), "the root of the heap is what is taken");
            self.batching.store(self.attempts, self.now, chosen, heap);
        }
    }
}

/// Takes the best node out of a heap. The order of equal ones is that of Go's container/heap: the last
/// entry is put in the root's place and sinks.
fn pop(heap: &mut Vec<(i64, NodeId)>) -> Option<NodeId> {
    if heap.is_empty() {
        return None;
    }
    let (_, best) = heap.swap_remove(0);
    sink(heap, 0);
    Some(best)
}

/// Lets an entry sink below larger ones; of two equal children the left one rises.
fn sink(heap: &mut [(i64, NodeId)], mut place: usize) {
    loop {
        let left = 2 * place + 1;
        let Some(mut child) = heap.get(left).map(|_| left) else { return };
        if heap.get(left + 1).is_some_and(|right| right.0 > heap[left].0) {
            child = left + 1;
        }
        if heap[child].0 <= heap[place].0 {
            return;
        }
        heap.swap(place, child);
        place = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_nodes_come_in_the_order_of_the_heap() {
        let totals = [5, 7, 7, 3, 7];
        let mut heap: Vec<_> = totals.iter().zip(0..).map(|(&total, node)| (total, NodeId(node))).collect();
        (0..heap.len() / 2).rev().for_each(|place| sink(&mut heap, place));
        let order: Vec<u32> = std::iter::from_fn(|| pop(&mut heap)).map(|node| node.0).collect();
        assert_eq!(order, [1, 4, 2, 0, 3]);
    }
}
