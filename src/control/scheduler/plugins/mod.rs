//! The plugins, and what several of them share: tables by pod class, and what follows from the
//! static side of nodes, computed once and kept until that side changes.

mod balanced_allocation;
mod dynamic_resources;
pub(crate) mod image_locality;
pub(crate) mod inter_pod_affinity;
mod node_affinity;
mod node_declared_features;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod pod_topology_spread;
pub(crate) mod resources;
mod scheduling_gates;
mod taint_toleration;
mod topology;
mod volumes;

use super::framework::{Column, Plugin, Targets};
use crate::base::BitSet;
use crate::base::ids::ClassId;
use crate::cluster::{Cluster, NodeTable};
use crate::control::config::PluginArgs;

#[cfg(test)]
pub(crate) use pod_topology_spread::PodTopologySpread;

/// Every plugin, in the order of Kubernetes' default profile (reference kube-scheduler §7.2).
pub(crate) fn all(args: &PluginArgs) -> Vec<Box<dyn Plugin>> {
    vec![
        Box::new(scheduling_gates::SchedulingGates),
        Box::new(node_unschedulable::NodeUnschedulable::default()),
        Box::new(node_name::NodeName::default()),
        Box::new(taint_toleration::TaintToleration::default()),
        Box::new(node_affinity::NodeAffinity::new(args)),
        Box::new(node_ports::NodePorts::default()),
        Box::new(node_resources_fit::NodeResourcesFit::new(args)),
        Box::new(volumes::VolumeRestrictions::default()),
        Box::new(volumes::NodeVolumeLimits::default()),
        Box::new(volumes::VolumeBinding::default()),
        Box::new(volumes::VolumeZone::default()),
        Box::new(pod_topology_spread::PodTopologySpread::new(&args.spread)),
        Box::new(inter_pod_affinity::InterPodAffinity::new(args.inter_pod)),
        Box::new(dynamic_resources::DynamicResources),
        Box::new(balanced_allocation::BalancedAllocation::new(args)),
        Box::new(image_locality::ImageLocality::default()),
        Box::new(node_declared_features::NodeDeclaredFeatures::default()),
    ]
}

/// Something compiled for each pod class.
#[derive(Debug)]
pub(crate) struct ByClass<T> {
    rows: Vec<Option<T>>,
}

impl<T> Default for ByClass<T> {
    fn default() -> Self {
        ByClass { rows: Vec::new() }
    }
}

impl<T> ByClass<T> {
    /// Enters what was compiled for a class.
    pub(crate) fn set(&mut self, class: ClassId, value: T) {
        if self.rows.len() <= class.index() {
            self.rows.resize_with(class.index() + 1, || None);
        }
        self.rows[class.index()] = Some(value);
    }

    /// What was compiled for a class, to be changed.
    ///
    /// # Panics
    /// If the class has not been compiled.
    pub(crate) fn get_mut(&mut self, class: ClassId) -> &mut T {
        self.rows[class.index()].as_mut().expect("the class is compiled")
    }

    /// What was compiled for a class.
    ///
    /// # Panics
    /// If the class has not been compiled: the framework does that before anything else.
    pub(crate) fn get(&self, class: ClassId) -> &T {
        self.rows[class.index()].as_ref().expect("the class is compiled")
    }
}

/// Node rows that pass a static test, kept until the static side of some node changes.
#[derive(Debug, Default)]
pub(crate) struct StaticSet {
    valid_at: Option<u64>,
    set: BitSet,
}

impl StaticSet {
    /// The set, recomputed with `passes` by row if it is out of date.
    pub(crate) fn get(&mut self, nodes: &NodeTable, mut passes: impl FnMut(usize) -> bool) -> &BitSet {
        let now = Some(nodes.static_change_count());
        if self.valid_at != now {
            self.valid_at = now;
            self.set.resize(nodes.len());
            self.set.clear();
            for row in nodes.present.iter().filter(|&row| passes(row)) {
                self.set.insert(row);
            }
        }
        &self.set
    }

    /// The set as it was computed last.
    pub(crate) fn last(&self) -> &BitSet {
        &self.set
    }
}

/// A raw score by node row, kept until the static side of some node changes.
#[derive(Debug, Default)]
pub(crate) struct StaticColumn {
    valid_at: Option<u64>,
    same: Option<i64>,
    values: Vec<i64>,
}

impl StaticColumn {
    /// Recomputes the column with `score` by row if it is out of date.
    pub(crate) fn refresh(&mut self, nodes: &NodeTable, mut score: impl FnMut(usize) -> i64) {
        let now = Some(nodes.static_change_count());
        if self.valid_at == now {
            return;
        }
        self.valid_at = now;
        self.values.clear();
        self.values.resize(nodes.len(), 0);
        for row in nodes.present.iter() {
            self.values[row] = score(row);
        }
        let mut present = nodes.present.iter().map(|row| self.values[row]);
        let first = present.next();
        self.same = first.filter(|&first| present.all(|value| value == first));
    }

    /// Copies the targets' scores out.
    pub(crate) fn fill(&self, targets: Targets<'_>, column: &mut Column) {
        if let Some(same) = self.same {
            return column.set_same(same);
        }
        match targets {
            Targets::Rows(_) => column.open(targets.len()).copy_from_slice(&self.values),
            Targets::Stretch { from, len } => {
                column.open(len).copy_from_slice(&self.values[from..from + len]);
            }
            Targets::Listed(rows) | Targets::Groups { rows, .. } => {
                for (score, &row) in column.open(rows.len()).iter_mut().zip(rows) {
                    *score = self.values[row as usize];
                }
            }
        }
    }
}

/// The raw score of one node class by class, computed on demand.
#[derive(Debug, Default)]
pub(crate) struct ByNodeClass<T>(Vec<Option<T>>);

impl<T: Copy> ByNodeClass<T> {
    /// The value of the class of a row, computed with `make` the first time.
    pub(crate) fn of_row(
        &mut self,
        cluster: &Cluster,
        row: usize,
        make: impl FnOnce(&crate::cluster::NodeClass) -> T,
    ) -> T {
        let class = cluster.nodes.class[row];
        if self.0.len() <= class.index() {
            self.0.resize(cluster.nodes.class_count(), None);
        }
        *self.0[class.index()].get_or_insert_with(|| make(cluster.nodes.node_class(class)))
    }
}
