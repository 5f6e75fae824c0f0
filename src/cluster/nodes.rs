//! The node table: one column a property, one row a node.

use super::class::{PodClass, PodClasses, Port, tolerates};
use super::pods::PodTable;
use super::{Cluster, requests};
use crate::api::{Node, Taint, TaintEffect};
use crate::base::ids::{NodeClassId, NodeId, PodId, PoolId, ResourceId, ZoneId};
use crate::base::{BitSet, Interner, Map, Symbol, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// The Ready condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReadyStatus {
    /// The kubelet says that it is ready.
    #[default]
    True,
    /// The kubelet says that it is not.
    False,
    /// The kubelet has not been heard of for the grace period.
    Unknown,
}

/// A taint with interned strings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TaintMark {
    /// The key.
    pub key: Symbol,
    /// The value; often empty.
    pub value: Symbol,
    /// The effect.
    pub effect: TaintEffect,
}

/// The static part of a node that many nodes share: its labels, but for the host name, and its
/// taints. What depends only on these is evaluated once for all nodes of the class.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeClass {
    /// Labels, sorted by key; without `kubernetes.io/hostname`.
    pub labels: Vec<(Symbol, Symbol)>,
    /// Taints, in order.
    pub taints: Vec<TaintMark>,
}

impl NodeClass {
    /// The value of a label.
    pub fn label(&self, key: Symbol) -> Option<Symbol> {
        self.labels.iter().find(|(label, _)| *label == key).map(|(_, value)| *value)
    }

    /// The first taint with effect NoSchedule or NoExecute that a pod class does not tolerate, in
    /// the order of the node's list.
    pub fn first_untolerated(&self, class: &PodClass) -> Option<TaintMark> {
        let bears = |taint: &TaintMark| {
            class
                .tolerations
                .iter()
                .any(|toleration| tolerates(toleration, taint.key, taint.value, taint.effect))
        };
        self.taints
            .iter()
            .find(|taint| taint.effect != TaintEffect::PreferNoSchedule && !bears(taint))
            .copied()
    }
}

/// Label keys of zone and region; the old names win where they are present (Kubernetes 1.36,
/// component-helpers/node/topology/helpers.go).
const ZONE_KEYS: [&str; 2] = ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"];
const REGION_KEYS: [&str; 2] = ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"];
/// The label that is different on every node.
pub const HOSTNAME_KEY: &str = "kubernetes.io/hostname";

/// The longest change log, in entries for each node, before its oldest part is dropped.
const LOG_PER_NODE: usize = 4;

/// All nodes. Amounts are in millicores for CPU, bytes for memory and storage, units else.
#[derive(Clone, Debug, Default)]
pub struct NodeTable {
    /// The name.
    pub name: Vec<Symbol>,
    /// Whether the Node object exists.
    pub present: BitSet,
    /// The pool it belongs to.
    pub pool: Vec<PoolId>,
    /// The zone.
    pub zone: Vec<ZoneId>,
    /// Labels and taints that it shares with others.
    pub class: Vec<NodeClassId>,
    /// The label `kubernetes.io/hostname`; empty if there is none.
    pub hostname: Vec<Symbol>,
    /// Cordoned nodes.
    pub unschedulable: BitSet,
    /// The Ready condition as the API server has it.
    pub ready: Vec<ReadyStatus>,
    /// When the object was created.
    pub created: Vec<Time>,
    /// What pods can have, by resource, then node.
    pub allocatable: Vec<Vec<i64>>,
    /// What the machine has, by resource, then node.
    pub capacity: Vec<Vec<i64>>,
    /// What the pods on it request, by resource, then node.
    pub requested: Vec<Vec<i64>>,
    /// CPU and memory requested with the defaults for pods that state none, for scores.
    pub non_zero: [Vec<i64>; 2],
    /// How many pods it may hold.
    pub allowed_pods: Vec<i64>,
    /// How many pods are counted on it.
    pub pod_count: Vec<i64>,
    /// The pods counted on it: added at the end; a removed one is replaced by the last.
    pub pods: Vec<Vec<PodId>>,
    /// Ports of the host that are taken: a set, so two pods with the same port free it together.
    pub ports: Vec<Vec<Port>>,
    /// Images on it, by name: size in bytes.
    pub images: Vec<Vec<(Symbol, i64)>>,
    /// How many nodes held each of the images on it when the scheduler's snapshot of the node was last
    /// made anew, which happens only when the node itself or a pod on it changes (Kubernetes 1.36,
    /// pkg/scheduler/backend/cache/cache.go; reference kube-scheduler §6.3). In the order of `images`,
    /// as of the last [`NodeTable::refresh_order`].
    pub image_counts: Vec<Vec<u32>>,
    /// The nodes whose snapshot is out of date.
    images_stale: Vec<NodeId>,
    /// Images over all nodes, by name; an entry goes with the last node that holds the image.
    pub image_states: Map<Symbol, ImageState>,
    /// What its kubelet says it can do, by name, as listed.
    pub declared_features: Vec<Arc<[Symbol]>>,
    /// The number of its latest change.
    pub generation: Vec<u64>,
    /// The order in which the scheduler lists the nodes, zones in turn, as of the last
    /// [`NodeTable::refresh_order`].
    pub order: Vec<NodeId>,
    /// The place of each node in `order`, by row; rows of removed nodes: anything.
    pub order_place: Vec<u32>,
    order_is_stale: bool,
    /// Regions and zones, by [`ZoneId`].
    pub zones: Vec<(Symbol, Symbol)>,
    classes: Vec<NodeClass>,
    class_ids: Map<NodeClass, NodeClassId>,
    by_name: Map<Symbol, NodeId>,
    /// Zones in order of first appearance with their nodes in order of addition.
    tree: Vec<(ZoneId, Vec<NodeId>)>,
    changes: u64,
    static_changes: u64,
    log: VecDeque<NodeId>,
}

/// An image as the cluster knows it (reference kube-scheduler §6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImageState {
    /// Its size in bytes as the first node reported it.
    pub size_bytes: i64,
    /// How many nodes hold it.
    pub nodes: u32,
}

/// The resource columns of a node as (resource, allocatable, capacity), new resources entered.
pub(super) fn columns(cluster: &mut Cluster, node: &Node) -> Vec<(ResourceId, i64, i64)> {
    let mut rows = Vec::new();
    let mut listed: Vec<&String> = node.allocatable.keys().chain(node.capacity.keys()).collect();
    listed.sort_unstable();
    listed.dedup();
    for name in listed.into_iter().filter(|name| requests::is_tracked(name)) {
        let amount = |list: &crate::api::ResourceList| {
            list.get(name).map_or(0, |&amount| requests::to_integer(name, amount))
        };
        let (allocatable, capacity) = (amount(&node.allocatable), amount(&node.capacity));
        rows.push((cluster.resource(name), allocatable, capacity.max(allocatable)));
    }
    rows
}

impl NodeTable {
    /// How many rows there are, with those of removed nodes.
    pub fn len(&self) -> usize {
        self.name.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// The node of that name, if its object exists.
    pub fn find(&self, name: Symbol) -> Option<NodeId> {
        self.by_name.get(&name).copied().filter(|node| self.present.contains(node.index()))
    }

    /// The class of a node.
    pub fn class_of(&self, node: NodeId) -> &NodeClass {
        &self.classes[self.class[node.index()].index()]
    }

    /// A class by its id.
    pub fn node_class(&self, class: NodeClassId) -> &NodeClass {
        &self.classes[class.index()]
    }

    /// How many node classes there are.
    pub fn class_count(&self) -> usize {
        self.classes.len()
    }

    /// The value of a label of a node, the host name included.
    pub fn label(&self, names: &Interner, node: NodeId, key: Symbol) -> Option<Symbol> {
        if names.text(key) == HOSTNAME_KEY {
            return Some(self.hostname[node.index()]).filter(|&value| value != Symbol::EMPTY);
        }
        self.class_of(node).label(key)
    }

    /// The number of the latest change of any node.
    pub fn change_count(&self) -> u64 {
        self.changes
    }

    /// The nodes changed since the change numbered `since`, oldest first, with repetitions; `None`
    /// if the log does not reach back so far and every node must be looked at.
    pub fn changed_since(&self, since: u64) -> Option<impl Iterator<Item = NodeId> + '_> {
        let missing = usize::try_from(self.changes - since).ok()?;
        let skip = self.log.len().checked_sub(missing)?;
        Some(self.log.iter().skip(skip).copied())
    }

    /// How often the static side of some node has changed: its presence, labels, taints, images or
    /// allocatable amounts. What was derived from these alone stays valid while this number stays.
    pub fn static_change_count(&self) -> u64 {
        self.static_changes
    }

    /// Notes a change of the static side of a node.
    pub(super) fn touch_static(&mut self, node: NodeId) {
        self.static_changes += 1;
        self.touch(node);
    }

    /// Notes a change of a node.
    pub fn touch(&mut self, node: NodeId) {
        self.changes += 1;
        self.generation[node.index()] = self.changes;
        if self.log.len() >= LOG_PER_NODE * self.len().max(64) {
            self.log.pop_front();
        }
        self.log.push_back(node);
    }

    /// Gives every node a column for one more resource.
    pub(super) fn add_resource(&mut self) {
        for columns in [&mut self.allocatable, &mut self.capacity, &mut self.requested] {
            columns.push(vec![0; self.name.len()]);
        }
    }

    pub(super) fn add(
        &mut self,
        names: &mut Interner,
        node: &Node,
        pool: PoolId,
        amounts: &[(ResourceId, i64, i64)],
        now: Time,
    ) -> NodeId {
        let name = names.intern(&node.meta.name);
        let id = self.row(name);
        let index = id.index();
        assert!(!self.present.contains(index), "node {} exists", node.meta.name);
        self.pool[index] = pool;
        self.created[index] = now;
        self.describe(names, id, node, amounts);
        self.present.insert(index);
        self.enter_tree(id);
        self.touch_static(id);
        id
    }

    /// Replaces what is written of a present node. If its zone changes, it goes to the end of the new
    /// one; that shows in the list only when some node is added or removed (Kubernetes 1.36,
    /// pkg/scheduler/backend/cache/cache.go; reference kube-scheduler §6.2, §6.3).
    pub(super) fn update(
        &mut self,
        names: &mut Interner,
        id: NodeId,
        node: &Node,
        amounts: &[(ResourceId, i64, i64)],
    ) {
        let (zone, was_stale) = (self.zone[id.index()], self.order_is_stale);
        self.count_images(id.index(), -1);
        self.describe(names, id, node, amounts);
        let new = std::mem::replace(&mut self.zone[id.index()], zone);
        if new != zone {
            self.leave_tree(id);
            self.zone[id.index()] = new;
            self.enter_tree(id);
            self.order_is_stale = was_stale;
        }
        self.touch_static(id);
    }

    /// Fills the columns of what is written of a node.
    fn describe(
        &mut self,
        names: &mut Interner,
        id: NodeId,
        node: &Node,
        amounts: &[(ResourceId, i64, i64)],
    ) {
        let index = id.index();
        for column in self.allocatable.iter_mut().chain(&mut self.capacity) {
            column[index] = 0;
        }
        for &(resource, allocatable, capacity) in amounts {
            self.allocatable[resource.index()][index] = allocatable;
            self.capacity[resource.index()][index] = capacity;
        }
        let pods = node.allocatable.get("pods").map_or(0, |&pods| pods.units_ceil());
        self.allowed_pods[index] = pods;
        self.ready[index] = match node.ready {
            Some(false) => ReadyStatus::False,
            _ => ReadyStatus::True,
        };
        self.unschedulable.assign(index, node.unschedulable);
        self.hostname[index] =
            node.meta.labels.get(HOSTNAME_KEY).map_or(Symbol::EMPTY, |host| names.intern(host));
        self.declared_features[index] =
            node.declared_features.iter().map(|feature| names.intern(feature)).collect();
        let mut images: Vec<(Symbol, i64)> = Vec::new();
        for image in &node.images {
            images.extend(image.names.iter().map(|name| (names.intern(name), image.size_bytes)));
        }
        self.images[index] = images;
        self.count_images(index, 1);
        self.note_snapshot(id);
        let mut labels: Vec<(Symbol, Symbol)> = node
            .meta
            .labels
            .iter()
            .filter(|(key, _)| *key != HOSTNAME_KEY)
            .map(|(key, value)| (names.intern(key), names.intern(value)))
            .collect();
        labels.sort_unstable();
        let taints = node.taints.iter().map(|taint| mark(names, taint)).collect();
        self.class[index] = self.class_id(NodeClass { labels, taints });
        self.zone[index] = self.zone_of(names, node);
    }

    pub(super) fn remove(&mut self, node: NodeId) {
        self.present.remove(node.index());
        self.count_images(node.index(), -1);
        self.leave_tree(node);
        self.touch_static(node);
    }

    /// Makes a removed node present again with everything it had.
    pub(super) fn restore(&mut self, node: NodeId) {
        self.present.insert(node.index());
        self.count_images(node.index(), 1);
        self.note_snapshot(node);
        self.enter_tree(node);
        self.touch_static(node);
    }

    /// Notes that the scheduler's snapshot of a node is to be made anew.
    pub(super) fn note_snapshot(&mut self, node: NodeId) {
        if !self.images[node.index()].is_empty() {
            self.images_stale.push(node);
        }
    }

    /// Counts the images anew on the nodes whose snapshot is out of date.
    fn refresh_images(&mut self) {
        for node in std::mem::take(&mut self.images_stale) {
            let states = &self.image_states;
            let count = |(name, _): &(Symbol, i64)| states.get(name).map_or(0, |state| state.nodes);
            let counts: Vec<u32> = self.images[node.index()].iter().map(count).collect();
            if counts != self.image_counts[node.index()] {
                self.image_counts[node.index()] = counts;
                self.touch_static(node);
            }
        }
    }

    pub(super) fn set_taints(&mut self, names: &mut Interner, node: NodeId, taints: &[Taint]) {
        let taints = taints.iter().map(|taint| mark(names, taint)).collect();
        let labels = self.class_of(node).labels.clone();
        self.class[node.index()] = self.class_id(NodeClass { labels, taints });
        self.touch_static(node);
    }

    /// The taints of a node as written.
    pub fn taints(&self, names: &Interner, node: NodeId) -> Vec<Taint> {
        let written = |taint: &TaintMark| Taint {
            key: names.text(taint.key).to_owned(),
            value: names.text(taint.value).to_owned(),
            effect: taint.effect,
        };
        self.class_of(node).taints.iter().map(written).collect()
    }

    /// Counts a pod (`sign` 1) or stops counting it (`sign` -1); returns its place in the pod list. Absurd
    /// sums wrap, as the original's do, so that what is taken away again leaves what was there before.
    pub(super) fn count_pod(&mut self, node: NodeId, pod: PodId, class: &PodClass, sign: i64) -> usize {
        let index = node.index();
        self.count(node, class, sign);
        for port in &class.ports {
            let ports = &mut self.ports[index];
            match ports.iter().position(|taken| taken == port) {
                None if sign > 0 => ports.push(*port),
                Some(position) if sign < 0 => drop(ports.remove(position)),
                _ => {}
            }
        }
        let pods = &mut self.pods[index];
        if sign > 0 {
            pods.push(pod);
            return pods.len() - 1;
        }
        let position = pods.iter().position(|&listed| listed == pod).expect("a counted pod is listed");
        pods.swap_remove(position);
        position
    }

    /// Counts the amounts of one more pod of a class (`sign` 1) or one less (-1).
    pub(super) fn count(&mut self, node: NodeId, class: &PodClass, sign: i64) {
        let index = node.index();
        for &(resource, amount) in &class.counted {
            let requested = &mut self.requested[resource.index()][index];
            *requested = requested.wrapping_add(sign * amount);
        }
        for (column, amount) in self.non_zero.iter_mut().zip(class.non_zero) {
            column[index] = column[index].wrapping_add(sign * amount);
        }
        self.pod_count[index] += sign;
        self.touch(node);
    }

    /// Puts a pod that `count_pod` appended back to the place it was taken from.
    pub(super) fn return_to(&mut self, node: NodeId, position: usize) {
        let pods = &mut self.pods[node.index()];
        let last = pods.len() - 1;
        pods.swap(position, last);
    }

    /// Recomputes the counted columns from the pods.
    pub(super) fn check(&self, pods: &PodTable, classes: &PodClasses) -> Result<(), String> {
        for index in 0..self.len() {
            let on_node =
                pods.iter().filter(|pod| pods.counted_on[pod.index()] == Some(NodeId(index as u32)));
            let mut requested = vec![0; self.requested.len()];
            let (mut non_zero, mut count) = ([0i64, 0], 0);
            for pod in on_node {
                let class = &classes[pods.class[pod.index()]];
                for &(resource, amount) in &class.counted {
                    let requested: &mut i64 = &mut requested[resource.index()];
                    *requested = requested.wrapping_add(amount);
                }
                for (sum, amount) in non_zero.iter_mut().zip(class.non_zero) {
                    *sum = i64::wrapping_add(*sum, amount);
                }
                count += 1;
            }
            let counted: Vec<i64> = self.requested.iter().map(|column| column[index]).collect();
            let ours = (counted, [self.non_zero[0][index], self.non_zero[1][index]], self.pod_count[index]);
            let truth = (requested, non_zero, count);
            if ours != truth || self.pods[index].len() as i64 != count {
                return Err(format!("node row {index} counts {ours:?}, its pods make {truth:?}"));
            }
        }
        Ok(())
    }

    /// Enters a node's images in the cluster's table (`sign` 1) or takes them out (`sign` -1).
    fn count_images(&mut self, index: usize, sign: i32) {
        let images = &self.images[index];
        for (position, &(name, size_bytes)) in images.iter().enumerate() {
            if images[..position].iter().any(|&(earlier, _)| earlier == name) {
                continue;
            }
            let state = self.image_states.entry(name).or_insert(ImageState { size_bytes, nodes: 0 });
            state.nodes = state.nodes.saturating_add_signed(sign);
            if state.nodes == 0 {
                self.image_states.remove(&name);
            }
        }
    }

    fn row(&mut self, name: Symbol) -> NodeId {
        if let Some(&id) = self.by_name.get(&name) {
            return id;
        }
        let id = NodeId(self.name.len() as u32);
        self.by_name.insert(name, id);
        self.name.push(name);
        let len = self.name.len();
        self.present.resize(len);
        self.unschedulable.resize(len);
        self.pool.push(PoolId::default());
        self.zone.push(ZoneId::default());
        self.class.push(NodeClassId::default());
        self.hostname.push(Symbol::EMPTY);
        self.ready.push(ReadyStatus::True);
        self.created.push(Time::ZERO);
        let columns = self.allocatable.iter_mut().chain(&mut self.capacity).chain(&mut self.requested);
        columns.chain(&mut self.non_zero).for_each(|column| column.push(0));
        self.allowed_pods.push(0);
        self.pod_count.push(0);
        self.pods.push(Vec::new());
        self.ports.push(Vec::new());
        self.images.push(Vec::new());
        self.image_counts.push(Vec::new());
        self.declared_features.push(Arc::default());
        self.generation.push(0);
        id
    }

    fn class_id(&mut self, class: NodeClass) -> NodeClassId {
        if let Some(&id) = self.class_ids.get(&class) {
            return id;
        }
        let id = NodeClassId(self.classes.len() as u32);
        self.classes.push(class.clone());
        self.class_ids.insert(class, id);
        id
    }

    fn zone_of(&mut self, names: &mut Interner, node: &Node) -> ZoneId {
        let mut value = |keys: [&str; 2]| {
            let text = keys.iter().find_map(|key| node.meta.labels.get(*key));
            names.intern(text.map_or("", String::as_str))
        };
        let key = (value(REGION_KEYS), value(ZONE_KEYS));
        let position = self.zones.iter().position(|&zone| zone == key).unwrap_or_else(|| {
            self.zones.push(key);
            self.zones.len() - 1
        });
        ZoneId(position as u32)
    }

    fn enter_tree(&mut self, node: NodeId) {
        let zone = self.zone[node.index()];
        match self.tree.iter_mut().find(|(listed, _)| *listed == zone) {
            Some((_, nodes)) => nodes.push(node),
            None => self.tree.push((zone, vec![node])),
        }
        self.order_is_stale = true;
    }

    fn leave_tree(&mut self, node: NodeId) {
        let zone = self.zone[node.index()];
        for (_, nodes) in self.tree.iter_mut().filter(|(listed, _)| *listed == zone) {
            nodes.retain(|&listed| listed != node);
        }
        self.tree.retain(|(_, nodes)| !nodes.is_empty());
        self.order_is_stale = true;
    }

    /// Lists the nodes: the first of each zone, then the second of each, and so on (Kubernetes
    /// 1.36, pkg/scheduler/backend/cache/node_tree.go). The list stays as it is where the same nodes
    /// are present as when it was made (snapshot.go; reference kube-scheduler §6.3).
    pub fn refresh_order(&mut self) {
        self.refresh_images();
        if !std::mem::take(&mut self.order_is_stale) {
            return;
        }
        let still_present = |node: &NodeId| self.present.contains(node.index());
        if self.order.len() == self.present.count() && self.order.iter().all(still_present) {
            return;
        }
        self.order.clear();
        if let [(_, only)] = self.tree.as_slice() {
            self.order.extend_from_slice(only);
        } else {
            let longest = self.tree.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
            for rank in 0..longest {
                self.order.extend(self.tree.iter().filter_map(|(_, nodes)| nodes.get(rank)));
            }
        }
        self.order_place.resize(self.name.len(), 0);
        for (place, node) in self.order.iter().enumerate() {
            self.order_place[node.index()] = place as u32;
        }
    }
}

fn mark(names: &mut Interner, taint: &Taint) -> TaintMark {
    TaintMark { key: names.intern(&taint.key), value: names.intern(&taint.value), effect: taint.effect }
}
