//! Which pods a node takes: sums of what the kubelets have admitted, one column a resource.
//!
//! The scheduler's sums count pods that it has assumed; these count pods that a kubelet has
//! accepted and not yet ended. Source: Kubernetes 1.36, pkg/kubelet/lifecycle/predicate.go
//! (reference control-plane §1.12). Affinity and taints, which the original looks at too, are left
//! to the scheduler.

use crate::base::ids::NodeId;
use crate::cluster::{Cluster, PodClass, Port};

/// What the admitted pods of every node take.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission {
    /// Requests, by resource, then node.
    requested: Vec<Vec<i64>>,
    /// Pods, by node.
    count: Vec<i64>,
    /// Host ports, by node.
    ports: Vec<Vec<Port>>,
}

impl Admission {
    /// Counts a pod on a node if it fits there; says whether it does.
    pub(super) fn admit(&mut self, cluster: &Cluster, node: NodeId, class: &PodClass) -> bool {
        self.grow(cluster, node);
        let fits = self.fits(cluster, node, class);
        if fits {
            self.count(node, class, 1);
            self.ports[node.index()].extend_from_slice(&class.ports);
        }
        fits
    }

    /// Stops counting a pod.
    pub(super) fn release(&mut self, node: NodeId, class: &PodClass) {
        self.count(node, class, -1);
        let ports = &mut self.ports[node.index()];
        for port in &class.ports {
            if let Some(position) = ports.iter().position(|taken| taken == port) {
                ports.swap_remove(position);
            }
        }
    }

    fn fits(&self, cluster: &Cluster, node: NodeId, class: &PodClass) -> bool {
        let (nodes, index) = (&cluster.nodes, node.index());
        self.count[index] < nodes.allowed_pods[index]
            && class.requests.iter().all(|&(resource, amount)| {
                let free =
                    nodes.allocatable[resource.index()][index] - self.requested[resource.index()][index];
                amount <= free
            })
            && !class
                .ports
                .iter()
                .any(|wanted| self.ports[index].iter().any(|taken| conflict(cluster, *wanted, *taken)))
    }

    fn count(&mut self, node: NodeId, class: &PodClass, sign: i64) {
        for &(resource, amount) in &class.requests {
            self.requested[resource.index()][node.index()] += sign * amount;
        }
        self.count[node.index()] += sign;
    }

    fn grow(&mut self, cluster: &Cluster, node: NodeId) {
        let (resources, len) = (cluster.resources.len(), cluster.nodes.len());
        if self.requested.len() < resources || self.count.len() <= node.index() {
            self.requested.resize(resources, Vec::new());
            self.requested.iter_mut().for_each(|column| column.resize(len, 0));
            self.count.resize(len, 0);
            self.ports.resize(len, Vec::new());
        }
    }

    /// Compares the sums with those of `pods`, the admitted pods with their nodes, and with what
    /// the nodes have.
    pub(super) fn check<'a>(
        &self,
        cluster: &Cluster,
        pods: impl Iterator<Item = (NodeId, &'a PodClass)>,
    ) -> Result<(), String> {
        let mut truth = Admission::default();
        if let Some(last) = self.count.len().checked_sub(1) {
            truth.grow(cluster, NodeId(last as u32));
        }
        pods.for_each(|(node, class)| truth.count(node, class, 1));
        for node in 0..self.count.len() {
            let at = |column: &Vec<i64>| column.get(node).copied().unwrap_or(0);
            let ours: Vec<i64> = self.requested.iter().map(at).collect();
            let theirs: Vec<i64> = truth.requested.iter().take(ours.len()).map(at).collect();
            if (self.count[node], &ours) != (at(&truth.count), &theirs) {
                return Err(format!("node row {node} has admitted {ours:?}, its pods make {theirs:?}"));
            }
            let allocatable: Vec<i64> = cluster.nodes.allocatable.iter().map(at).collect();
            let over = ours.iter().zip(&allocatable).any(|(sum, room)| sum > room);
            if over || self.count[node] > cluster.nodes.allowed_pods[node] {
                return Err(format!("node row {node} is over-committed: {ours:?} of {allocatable:?}"));
            }
        }
        Ok(())
    }
}

/// Whether two host ports exclude each other: the same number and protocol, on the same address or
/// with one of them on all addresses.
fn conflict(cluster: &Cluster, a: Port, b: Port) -> bool {
    let every = |port: Port| cluster.names.text(port.ip) == "0.0.0.0";
    a.number == b.number && a.protocol == b.protocol && (a.ip == b.ip || every(a) || every(b))
}
