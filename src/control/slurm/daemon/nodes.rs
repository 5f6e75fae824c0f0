//! Nodes: what they have, which partitions they are in, silence, drain, return.

use super::{Slurmctld, seconds};
use crate::api::{Node as Object, PodSpec};
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::base::{BitSet, Time};
use crate::cluster::Cluster;
use crate::control::slurm::model::{Node, NodeState};
use crate::control::slurm::site::Members;
use crate::control::slurm::tres::{CPU, GRES, MEMORY, Tres};
use crate::control::{About, Command, kubelet};

/// The label that names a node's pool.
const POOL: &str = "seatrial.dev/pool";
/// Bytes in a MiB.
const MIB: i64 = 1 << 20;

impl Slurmctld {
    /// The place of a resource among trackable ones; `None` for what Slurm does not track.
    pub(super) fn place_of(&mut self, resource: ResourceId, cluster: &Cluster) -> Option<usize> {
        match resource {
            ResourceId::CPU => Some(CPU),
            ResourceId::MEMORY => Some(MEMORY),
            _ => {
                let name = cluster.names.text(cluster.resources[resource.index()]);
                if name == "ephemeral-storage" {
                    return None;
                }
                let last = name.rsplit('/').next().unwrap_or(name);
                let known = self.gres.iter().position(|known| known == name || known == last);
                Some(
                    GRES + known.unwrap_or_else(|| {
                        self.gres.push(name.to_owned());
                        self.gres.len() - 1
                    }),
                )
            }
        }
    }

    fn total_of(&mut self, node: NodeId, cluster: &Cluster) -> Tres {
        let mut total = Tres::default();
        for index in 0..cluster.resources.len() {
            let amount = cluster.nodes.allocatable[index][node.index()];
            if let Some(place) = self.place_of(ResourceId(index as u32), cluster) {
                total.set(
                    place,
                    match place {
                        CPU => amount / 1000,
                        MEMORY => amount / MIB,
                        _ => amount,
                    },
                );
            }
        }
        total
    }

    pub(super) fn row_of(&self, node: NodeId) -> Option<usize> {
        self.node_of_row.iter().position(|known| *known == node)
    }

    pub(super) fn node_added(&mut self, now: Time, node: NodeId, object: &Object, cluster: &Cluster) {
        let name = object.meta.name.clone();
        let said = self.site.nodes.get(&name).cloned().unwrap_or_default();
        let total = self.total_of(node, cluster);
        let state = if object.unschedulable { NodeState::Drained } else { NodeState::Up };
        if let Some(row) = self.row_of(node) {
            // A node of that name was there before: what ran on it is over.
            self.slurm.nodes[row].state = state;
            return self.changed(now);
        }
        let mut features = said.features;
        features.extend(object.meta.labels.iter().map(|(key, value)| format!("{key}={value}")));
        let weight = said.weight.unwrap_or(1);
        let row = self.slurm.add_node(Node { name: name.clone(), total, features, weight, state });
        self.node_of_row.push(node);
        let pool = object.meta.labels.get(POOL);
        for (partition, site) in self.slurm.partitions.iter_mut().zip(&self.site.partitions) {
            let is_member = match &site.members {
                Members::All => true,
                Members::Named(names) => {
                    names.contains(&name) || pool.is_some_and(|pool| names.contains(pool))
                }
            };
            partition.nodes.resize(self.slurm.nodes.len());
            if is_member {
                partition.nodes.insert(row);
            }
        }
        self.allowed.clear();
        self.reconsider(cluster);
        self.changed(now);
    }

    /// Finds out anew which nodes waiting jobs may have, after a node has come.
    fn reconsider(&mut self, cluster: &Cluster) {
        let waiting: Vec<u32> = self.slurm.pending.iter().copied().collect();
        for id in waiting {
            let Some(class) = self.tasks.get(&id).map(|tasks| tasks.class) else { continue };
            let excluded = self.excluded(class, cluster);
            let rows = self.slurm.nodes.len();
            let request = &mut self.slurm.job_mut(id).request;
            request.excluded = excluded;
            if let Some(required) = &mut request.required {
                required.resize(rows);
            }
        }
    }

    /// The rows of the nodes that pods of a class may not run on, by their selector and affinity.
    pub(super) fn excluded(&mut self, class: ClassId, cluster: &Cluster) -> Option<BitSet> {
        let spec = &cluster.classes[class].template.spec;
        if !is_choosy(spec) {
            return None;
        }
        let rows = self.slurm.nodes.len();
        let nodes = &self.node_of_row;
        let excluded = self.allowed.entry(class).or_insert_with(|| {
            let mut excluded = BitSet::new(rows);
            for (row, node) in nodes.iter().enumerate() {
                excluded.assign(row, !kubelet::may_run_on(cluster, spec, *node));
            }
            excluded
        });
        Some(excluded.clone())
    }

    pub(super) fn node_drained(&mut self, now: Time, node: NodeId, drained: bool) {
        let Some(row) = self.row_of(node) else { return };
        let state = &mut self.slurm.nodes[row].state;
        *state = match (*state, drained) {
            (NodeState::Up, true) => NodeState::Drained,
            // Who uncordons a node that is down resumes it.
            (NodeState::Drained | NodeState::Down { .. }, false) => NodeState::Up,
            (state, _) => state,
        };
        self.changed(now);
    }

    /// A node is down: it was silent for too long, or is gone.
    pub(super) fn node_lost(
        &mut self,
        now: Time,
        node: NodeId,
        unresponsive: bool,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(row) = self.row_of(node) else { return };
        self.silent.remove(&node);
        let actions = self.slurm.node_down(row, unresponsive);
        super::tell(About::Node(node), "DOWN", format!("{} jobs on it", actions.len()), out);
        self.act(now, &actions, cluster, out);
        self.changed(now);
    }

    /// A silent node is heard again.
    pub(super) fn node_heard(&mut self, now: Time, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        if self.silent.remove(&node).is_some() {
            return;
        }
        let Some(row) = self.row_of(node) else { return };
        let was = self.slurm.nodes[row].state;
        if self.slurm.node_returns(row) && was != NodeState::Up {
            // One that is drained stays so, whatever becomes of it meanwhile.
            if cluster.nodes.unschedulable.contains(node.index()) {
                self.slurm.nodes[row].state = NodeState::Drained;
                return;
            }
            super::tell(About::Node(node), "IDLE", format!("returned to service at {} s", seconds(now)), out);
            self.changed(now);
        }
    }
}

fn is_choosy(spec: &PodSpec) -> bool {
    !spec.node_selector.is_empty() || spec.affinity.node.is_some()
}
