//! A cluster at one moment, entered object by object, for questions to the scheduler outside of any
//! queue: where would this pod go, and why?
//!
//! Where the objects come from, and who asks, is not known here.

use super::Config;
use super::config::Version;
use super::scheduler::Cycle;
use super::scheduler::nominator::Nominator;
use crate::api::{Node, Pod};
use crate::base::Time;
use crate::base::ids::{ClassId, NodeId, PodId, PoolId};
use crate::cluster::pods::NewRow;
use crate::cluster::{Cluster, DEFAULT_NAMESPACE, PodName, PodRef, Reason};
use std::collections::BTreeMap;

/// Namespace and name.
type Name = (String, String);

/// A cluster, with its pods by name and the nodes that pods were promised.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The cluster. Objects other than nodes and pods are entered here ([`Cluster::enter`]).
    pub cluster: Cluster,
    /// The nodes that pods were promised.
    pub nominator: Nominator,
    pods: BTreeMap<Name, PodId>,
    /// Rows that are free again.
    free: Vec<PodRef>,
    serial: u64,
    /// Pods that are bound to, or were promised, a node that does not exist (yet).
    homeless: Vec<(String, PodId)>,
}

impl Snapshot {
    /// An empty cluster as a release sees it.
    pub fn new(version: Version) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.cluster.counts_pod_resizes = version.compat().counts_pod_resizes;
        snapshot
    }

    /// Adds a node, with the pods that are bound to it already; `None` if its name is taken.
    pub fn add_node(&mut self, node: &Node) -> Option<NodeId> {
        if self.node(&node.meta.name).is_some() {
            return None;
        }
        let id = self.cluster.add_node(node, PoolId(0), Time::ZERO);
        for (name, pod) in std::mem::take(&mut self.homeless) {
            if name == node.meta.name { self.settle(pod, id) } else { self.homeless.push((name, pod)) }
        }
        Some(id)
    }

    /// Removes a node and the pods on it.
    pub fn remove_node(&mut self, node: NodeId) {
        for pod in self.cluster.nodes.pods[node.index()].clone() {
            self.cluster.displace(pod);
            self.remove_row(pod);
        }
        for pod in self.nominator.on(node).to_vec() {
            self.nominator.remove(pod);
        }
        self.cluster.remove_node(node);
    }

    /// The node of a name.
    pub fn node(&mut self, name: &str) -> Option<NodeId> {
        let symbol = self.cluster.names.intern(name);
        self.cluster.nodes.find(symbol)
    }

    /// The name of a node.
    pub fn node_name(&self, node: NodeId) -> &str {
        self.cluster.names.text(self.cluster.nodes.name[node.index()])
    }

    /// The names of nodes, sorted.
    pub fn sorted_names(&self, nodes: &[NodeId]) -> Vec<&str> {
        let mut names: Vec<&str> = nodes.iter().map(|&node| self.node_name(node)).collect();
        names.sort_unstable();
        names
    }

    /// Adds a pod of the cluster: it counts if it is bound, and has a say if it was promised a node.
    /// Pods that have ended are unknown to the scheduler. Whether it is counted.
    pub fn add_known_pod(&mut self, pod: &Pod) -> bool {
        let bound = &pod.template.spec.node_name;
        let home = if bound.is_empty() { &pod.nominated_node_name } else { bound };
        if pod.phase.is_terminal() || home.is_empty() {
            return false;
        }
        let id = self.add_row(pod);
        match self.node(home) {
            Some(node) => self.settle(id, node),
            None => self.homeless.push((home.clone(), id)),
        }
        true
    }

    /// Counts a pod on the node that its specification names, or promises it the node.
    fn settle(&mut self, pod: PodId, node: NodeId) {
        let class = &self.cluster.classes[self.cluster.pods.class[pod.index()]];
        if class.template.spec.node_name.is_empty() {
            self.nominator.nominate(pod, node);
        } else {
            self.cluster.place(pod, node);
        }
    }

    /// Enters a pod that is to be placed, with the node that it was promised; its own `spec.nodeName`
    /// does not count.
    pub fn add_pending_pod(&mut self, pod: &Pod) -> (PodId, ClassId) {
        let id = self.add_row(pod);
        if let Some(node) = self.node(&pod.nominated_node_name) {
            self.nominator.nominate(id, node);
        }
        (id, self.cluster.pods.class[id.index()])
    }

    fn add_row(&mut self, pod: &Pod) -> PodId {
        let class = self.cluster.class_for_pod(pod);
        let next = PodRef { id: PodId(self.cluster.pods.present.len() as u32), generation: 0 };
        let row = self.free.pop().unwrap_or(next);
        self.cluster.pods.insert(
            row,
            NewRow {
                serial: self.serial,
                name: PodName::Own(pod.meta.name.as_str().into()),
                class,
                owner: None,
                created: Time::ZERO,
                index: None,
                tracked: false,
            },
        );
        self.serial += 1;
        self.cluster.pods.started[row.id.index()] = pod.start_unix_nanos;
        if pod.meta.deleting {
            self.cluster.begin_deletion(row.id, Time::ZERO);
        }
        if pod.preempted_condition {
            self.cluster.pods.reason[row.id.index()] = Reason::Preempted;
        }
        self.pods.insert(full_name(&pod.meta.namespace, &pod.meta.name), row.id);
        row.id
    }

    /// The pod of a name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<PodId> {
        self.pods.get(&full_name(namespace, name)).copied()
    }

    /// The node on which a pod counts.
    pub fn home_of(&self, pod: PodId) -> Option<NodeId> {
        self.cluster.pods.counted_on[pod.index()]
    }

    /// Removes a bound pod; false if none of that name is bound.
    pub fn remove_pod(&mut self, namespace: &str, name: &str) -> bool {
        let Some(pod) = self.pod(namespace, name) else { return false };
        let was_bound = self.home_of(pod).is_some();
        self.cluster.displace(pod);
        self.remove_row(pod);
        was_bound
    }

    /// Forgets a pod that is not counted on a node.
    pub fn remove_row(&mut self, pod: PodId) {
        self.nominator.remove(pod);
        self.homeless.retain(|(_, listed)| *listed != pod);
        self.pods.retain(|_, listed| *listed != pod);
        self.cluster.pods.remove(pod);
        let generation = self.cluster.pods.generation[pod.index()].wrapping_add(1);
        self.free.push(PodRef { id: pod, generation });
    }

    /// A pod as `namespace/name`.
    pub fn pod_name(&self, pod: PodId) -> String {
        full_pod_name(&self.cluster, pod)
    }

    /// How many pods are bound to, or were promised, nodes that are not there.
    pub fn homeless(&self) -> usize {
        self.homeless.len()
    }
}

/// A pod as `namespace/name`.
pub fn full_pod_name(cluster: &Cluster, pod: PodId) -> String {
    let class = &cluster.classes[cluster.pods.class[pod.index()]];
    format!("{}/{}", cluster.names.text(class.namespace), cluster.pods.name_text(&cluster.names, pod))
}

fn full_name(namespace: &str, name: &str) -> Name {
    let namespace = if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace };
    (namespace.to_owned(), name.to_owned())
}

/// The scheduling cycles of one scheduler: one a profile.
pub struct Cycles {
    cycles: Vec<Cycle>,
    /// Which one made the last attempt.
    last: usize,
}

impl Cycles {
    /// The cycles of a configuration.
    pub fn new(config: &Config) -> Cycles {
        let profiles = 0..config.scheduler.profiles.len();
        Cycles { cycles: profiles.map(|profile| Cycle::new(config, profile)).collect(), last: 0 }
    }

    /// Whether there is a profile for pods of a class.
    pub fn serves(&self, cluster: &Cluster, class: ClassId) -> bool {
        self.place_of(cluster, class).is_some()
    }

    fn place_of(&self, cluster: &Cluster, class: ClassId) -> Option<usize> {
        let wanted = &cluster.classes[class].template.spec.scheduler_name;
        self.cycles.iter().position(|cycle| cycle.profile.serves(wanted))
    }

    /// The cycle for pods of a class: that of the profile they ask for, else the first. It goes on
    /// where the last attempt, whichever profile's it was, has stopped.
    pub fn of(&mut self, cluster: &Cluster, class: ClassId) -> &mut Cycle {
        let place = self.place_of(cluster, class).unwrap_or(0);
        let before = std::mem::replace(&mut self.last, place);
        if before != place {
            let position = self.cycles[before].position();
            self.cycles[place].go_on(position, Time::ZERO);
        }
        &mut self.cycles[place]
    }
}
