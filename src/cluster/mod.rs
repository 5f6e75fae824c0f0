//! The state of a cluster as its control plane sees it: tables of nodes, pods and workloads.
//!
//! Struct of arrays with interned names, labels and resources, so that a filter or a score runs
//! over a column. Every change of a node is entered in a log, so that a derived index reads only
//! what changed. `fork`, `revert` and `commit` make what-if a property of the store.
//!
//! Who changes the state and why is not known here.

pub mod budgets;
pub mod class;
mod enter;
pub mod fleet;
pub mod jobs;
pub mod machine;
pub mod nodes;
pub mod owned;
pub mod placements;
pub mod pods;
pub mod requests;
pub mod selector;
pub mod selectors;
pub mod storage;
mod undo;
pub mod workloads;

pub use budgets::{Budget, Budgets};
pub use class::{ClassKey, PodClass, PodClasses, Port, Toleration};
pub use enter::{DEFAULT_NAMESPACE, namespace_of};
pub use fleet::Fleet;
pub use jobs::{JobFacts, JobOrigin, Jobs};
pub use machine::Machine;
pub use nodes::{HOSTNAME_KEY, ImageState, NodeClass, NodeTable, ReadyStatus, TaintMark};
pub use owned::Owned;
pub use placements::{Placements, Shift};
pub use pods::{ExitCodes, PodName, PodRef, PodTable, Reason};
pub use selector::Selector;
pub use selectors::{ControllerKind, ControllerName, Selectors};
pub use storage::Storage;
pub use workloads::{Workload, WorkloadKind, Workloads};

use crate::api::{Node, Pod, PodStatusResources, PodTemplate, Taint, VolumeSource};
use crate::base::ids::{ClassId, NodeId, PodId, PoolId, ResourceId, WorkloadId};
use crate::base::{Interner, Span, Symbol, Time};
use std::sync::Arc;

/// Everything the control plane knows of the cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Every name, label key and label value.
    pub names: Interner,
    /// Kinds of resources, by [`ResourceId`]: `cpu`, `memory`, `ephemeral-storage`, then the
    /// scalars in order of appearance.
    pub resources: Vec<Symbol>,
    /// How long pods that say nothing bear a node that is not ready or unreachable: the tolerations
    /// that admission adds to every class. `None` adds none.
    pub default_toleration: Option<Span>,
    /// Whether a resize of a pod's own requests, those beside its containers', counts on its node
    /// while it is under way: since 1.36. Concerns classes that are made from now on.
    pub counts_pod_resizes: bool,
    /// The nodes.
    pub nodes: NodeTable,
    /// Compiled pod specifications.
    pub classes: PodClasses,
    /// The pods.
    pub pods: PodTable,
    /// Which pods began and ceased to count on which node.
    pub placements: Placements,
    /// Namespaces, Services and controllers: what selects pods.
    pub selectors: Selectors,
    /// Volumes, claims and what belongs to them.
    pub storage: Storage,
    /// Disruption budgets.
    pub budgets: Budgets,
    /// What controllers look after.
    pub workloads: Workloads,
    /// The jobs that pods are tasks of.
    pub jobs: Jobs,
    owned: Owned,
    undo: undo::Journal,
}

impl Default for Cluster {
    fn default() -> Self {
        let mut names = Interner::default();
        let resources = ["cpu", "memory", "ephemeral-storage"].map(|name| names.intern(name)).to_vec();
        let mut nodes = NodeTable::default();
        for _ in &resources {
            nodes.add_resource();
        }
        Cluster {
            names,
            resources,
            default_toleration: None,
            counts_pod_resizes: true,
            nodes,
            classes: PodClasses::default(),
            pods: PodTable::default(),
            placements: Placements::default(),
            selectors: Selectors::default(),
            storage: Storage::default(),
            budgets: Budgets::default(),
            workloads: Workloads::default(),
            jobs: Jobs::default(),
            owned: Owned::default(),
            undo: undo::Journal::default(),
        }
    }
}

impl Cluster {
    /// The id of a resource by name, new if it has not been seen; every node gets a column for it.
    pub fn resource(&mut self, name: &str) -> ResourceId {
        let symbol = self.names.intern(name);
        if let Some(position) = self.resources.iter().position(|&known| known == symbol) {
            return ResourceId(position as u32);
        }
        self.resources.push(symbol);
        self.nodes.add_resource();
        ResourceId(self.resources.len() as u32 - 1)
    }

    /// The name of a resource.
    pub fn resource_name(&self, resource: ResourceId) -> &str {
        self.names.text(self.resources[resource.index()])
    }

    /// The class of a template in a namespace at a priority; equal ones share it.
    pub fn class(&mut self, template: &Arc<PodTemplate>, namespace: &str, priority: i32) -> ClassId {
        let namespace = self.names.intern(namespace);
        self.class_of(&ClassKey::new(template, namespace, priority))
    }

    /// The class of a pod of a manifest or a dump. Its namespace is `default` where none is given;
    /// its own name counts only if claims are named after it.
    pub fn class_for_pod(&mut self, pod: &Pod) -> ClassId {
        let namespace = match pod.meta.namespace.as_str() {
            "" => "default",
            written => written,
        };
        let mut key = ClassKey::new(
            &pod.template,
            self.names.intern(namespace),
            pod.template.spec.priority.unwrap_or(0),
        );
        key.controller = pod.meta.owner.as_ref().and_then(|owner| {
            let kind = ControllerKind::of(&owner.api_version, &owner.kind)?;
            Some((kind, self.names.intern(&owner.name)))
        });
        if pod.template.spec.volumes.iter().any(|volume| volume.source == VolumeSource::Ephemeral) {
            key.own_name = self.names.intern(&pod.meta.name);
        }
        let status = pod.status_resources.as_ref();
        if let Some(whole) = status.filter(|status| !self.counts_pod_resizes && status.pod.is_some()) {
            let containers = PodStatusResources { pod: None, ..PodStatusResources::clone(whole) };
            let resized = (!containers.containers.is_empty()).then(|| Arc::new(containers));
            return self.class_of(&ClassKey { resized: resized.as_ref(), ..key });
        }
        self.class_of(&ClassKey { resized: status, ..key })
    }

    /// The class of pods with all of these in common; equal ones share it.
    pub fn class_of(&mut self, key: &ClassKey<'_>) -> ClassId {
        if let Some(class) = self.classes.find(key) {
            return class;
        }
        let class = class::compile(self, key);
        self.classes.insert(class)
    }

    /// Adds a node, or brings a removed one of that name back.
    pub fn add_node(&mut self, node: &Node, pool: PoolId, now: Time) -> NodeId {
        let scalars: Vec<(ResourceId, i64, i64)> = nodes::columns(self, node);
        let id = self.nodes.add(&mut self.names, node, pool, &scalars, now);
        self.undo.note(|| undo::Undo::NodeAdded(id));
        id
    }

    /// Replaces what is written of a node: labels, taints, cordon, amounts, images. What counts on it
    /// stays, and its pool and the time of its creation. Not covered by [`Cluster::fork`].
    pub fn update_node(&mut self, id: NodeId, node: &Node) {
        let scalars = nodes::columns(self, node);
        self.nodes.update(&mut self.names, id, node, &scalars);
    }

    /// Removes the node object. Pods that are still on it stay in the table, hidden from the
    /// scheduler, until they go.
    pub fn remove_node(&mut self, node: NodeId) {
        self.nodes.remove(node);
        self.undo.note(|| undo::Undo::NodeRemoved(node));
    }

    /// Replaces a node's taints.
    pub fn set_taints(&mut self, node: NodeId, taints: &[Taint]) {
        let before = self.nodes.class[node.index()];
        self.nodes.set_taints(&mut self.names, node, taints);
        self.note_snapshot(node);
        self.undo.note(|| undo::Undo::NodeClass(node, before));
    }

    /// Cordons or uncordons a node.
    pub fn set_unschedulable(&mut self, node: NodeId, unschedulable: bool) {
        let before = self.nodes.unschedulable.contains(node.index());
        self.nodes.unschedulable.assign(node.index(), unschedulable);
        self.nodes.touch(node);
        self.note_snapshot(node);
        self.undo.note(|| undo::Undo::Unschedulable(node, before));
    }

    /// Counts a pod on a node: from now on its requests, ports and slot are taken.
    ///
    /// # Panics
    /// If the pod is counted on a node already.
    pub fn place(&mut self, pod: PodId, node: NodeId) {
        assert!(self.pods.counted_on[pod.index()].is_none(), "pod {pod:?} is counted twice");
        self.note_ports(pod, node);
        self.nodes.count_pod(node, pod, &self.classes[self.pods.class[pod.index()]], 1);
        self.pods.counted_on[pod.index()] = Some(node);
        self.note_snapshot(node);
        self.note_shift(pod, node, 1);
        self.undo.note(|| undo::Undo::Placed(pod));
    }

    /// Notes that a node is not as the scheduler's snapshot has it; what a what-if changes is not meant.
    fn note_snapshot(&mut self, node: NodeId) {
        if !self.undo.is_open() {
            self.nodes.note_snapshot(node);
        }
    }

    /// Keeps the ports that are taken on a node, if the pod has some and the change may be taken back.
    fn note_ports(&mut self, pod: PodId, node: NodeId) {
        if self.undo.is_open() && !self.classes[self.pods.class[pod.index()]].ports.is_empty() {
            let ports = self.nodes.ports[node.index()].clone();
            self.undo.note(|| undo::Undo::Ports(node, ports));
        }
    }

    /// Enters in the log that a pod begins (1) or ceases (-1) to count on a node.
    fn note_shift(&mut self, pod: PodId, node: NodeId, all: i8) {
        let index = pod.index();
        let live = if self.pods.deleting_since[index].is_none() { all } else { 0 };
        let shift = Shift { node, class: self.pods.class[index], all, live };
        self.placements.push(shift, self.nodes.len());
    }

    /// Notes that the deletion of a pod has begun; nothing happens if it had before.
    pub fn begin_deletion(&mut self, pod: PodId, now: Time) {
        let index = pod.index();
        if self.pods.deleting_since[index].is_some() {
            return;
        }
        self.pods.deleting_since[index] = Some(now);
        if let Some(node) = self.pods.counted_on[index] {
            let shift = Shift { node, class: self.pods.class[index], all: 0, live: -1 };
            self.placements.push(shift, self.nodes.len());
            self.nodes.touch(node);
            self.note_snapshot(node);
        }
    }

    /// Stops counting a pod on its node; nothing happens if it is counted on none.
    pub fn displace(&mut self, pod: PodId) {
        let Some(node) = self.pods.counted_on[pod.index()].take() else { return };
        self.note_ports(pod, node);
        let position = self.nodes.count_pod(node, pod, &self.classes[self.pods.class[pod.index()]], -1);
        self.note_snapshot(node);
        self.note_shift(pod, node, -1);
        self.undo.note(|| undo::Undo::Displaced(pod, node, position));
    }

    /// The pods whose controlling owner is a workload, in no particular order.
    pub fn pods_of(&self, workload: WorkloadId) -> &[PodId] {
        self.owned.of(workload)
    }

    /// Enters a pod that was created.
    ///
    /// # Panics
    /// If its row holds a pod.
    pub fn enter_pod(&mut self, pod: PodRef, row: pods::NewRow) {
        if let Some(owner) = row.owner {
            self.owned.enter(owner, pod.id);
        }
        self.pods.insert(pod, row);
    }

    /// Removes a pod that is gone.
    ///
    /// # Panics
    /// If the row holds no pod.
    pub fn leave_pod(&mut self, pod: PodId) {
        self.displace(pod);
        if let Some(owner) = self.pods.owner[pod.index()] {
            self.owned.leave(owner, pod);
        }
        self.pods.remove(pod);
    }

    /// Begins a what-if: every later change can be taken back by [`Cluster::revert`]. O(1); forks nest.
    ///
    /// Covered are nodes (adding, removing, taints, cordon) and the counting of pods on them.
    pub fn fork(&mut self) {
        self.undo.fork();
    }

    /// Takes back every change since the last fork. O(changes).
    ///
    /// # Panics
    /// If there is no fork.
    pub fn revert(&mut self) {
        let records = self.undo.take();
        for record in records.into_iter().rev() {
            undo::apply(self, &record);
        }
    }

    /// Keeps every change since the last fork (they stay part of an outer one). O(1).
    ///
    /// # Panics
    /// If there is no fork.
    pub fn commit(&mut self) {
        self.undo.commit();
    }

    /// Recomputes what nodes count from the pods on them, and says where the tables differ. The
    /// slow twin of every derived column (design invariant 6).
    pub fn check(&self) -> Result<(), String> {
        self.nodes.check(&self.pods, &self.classes)
    }
}

#[cfg(test)]
mod tests;
