//! Which pods a node takes: sums of what the kubelets have admitted, one column a resource.
//!
//! The scheduler's sums count pods that it has assumed; these count pods that a kubelet has
//! accepted and not yet ended. Source: Kubernetes 1.36, pkg/kubelet/lifecycle/predicate.go
//! (reference control-plane §1.12). The first thing that is wrong is the reason that is given.

use super::affinity::Affinities;
use crate::api::{Container, TaintEffect};
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::cluster::class::tolerates;
use crate::cluster::{Cluster, PodClass, Port, Reason};

/// What the kubelet of a node must say of itself before it takes pods that restart as a whole.
const RESTARTS_ALL: &str = "RestartAllContainersOnContainerExits";

/// What the admitted pods of every node take.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission {
    /// Requests, by resource, then node.
    requested: Vec<Vec<i64>>,
    /// Pods, by node.
    count: Vec<i64>,
    /// Host ports, by node.
    ports: Vec<Vec<Port>>,
    affinities: Affinities,
    /// Whether only amounts and ports are looked at: the other rules are Kubernetes' own.
    amounts_only: bool,
}

impl Admission {
    /// Nothing admitted yet. Agents of other control planes than Kubernetes look at amounts and ports only.
    pub(super) fn new(amounts_only: bool) -> Admission {
        Admission { amounts_only, ..Admission::default() }
    }

    /// Counts a pod on a node if it takes it; says why if it does not. Of a pod that runs there
    /// already only the amounts are looked at.
    pub(super) fn admit(
        &mut self,
        cluster: &Cluster,
        node: NodeId,
        class: ClassId,
        runs_already: bool,
    ) -> Result<(), Reason> {
        self.grow(cluster, node);
        let pod = &cluster.classes[class];
        let by_rules = !runs_already && !self.amounts_only;
        if let Some(reason) = self.too_little(cluster, node, pod) {
            return Err(reason);
        }
        if by_rules && !self.affinities.matches(cluster, class, node) {
            return Err(Reason::NodeAffinity);
        }
        if self.takes_port(cluster, node, pod) {
            return Err(Reason::NodePorts);
        }
        if by_rules && has_untolerated(cluster, node, pod) {
            return Err(Reason::TaintToleration);
        }
        if by_rules && lacks_feature(cluster, node, pod) {
            return Err(Reason::PodFeatureUnsupported);
        }
        self.count(node, pod, 1);
        self.ports[node.index()].extend_from_slice(&pod.ports);
        Ok(())
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

    /// The first resource of which there is too little, the number of pods before all.
    fn too_little(&self, cluster: &Cluster, node: NodeId, pod: &PodClass) -> Option<Reason> {
        let (nodes, index) = (&cluster.nodes, node.index());
        if self.count[index] >= nodes.allowed_pods[index] {
            return Some(Reason::OutOfPods);
        }
        let is_short = |&&(resource, amount): &&(ResourceId, i64)| {
            let free = nodes.allocatable[resource.index()][index] - self.requested[resource.index()][index];
            amount > free
        };
        pod.requests.iter().find(is_short).map(|&(resource, _)| match resource {
            ResourceId::CPU => Reason::OutOfCpu,
            ResourceId::MEMORY => Reason::OutOfMemory,
            ResourceId::EPHEMERAL_STORAGE => Reason::OutOfEphemeralStorage,
            _ => Reason::OutOfResources,
        })
    }

    fn takes_port(&self, cluster: &Cluster, node: NodeId, pod: &PodClass) -> bool {
        let taken = &self.ports[node.index()];
        pod.ports.iter().any(|wanted| taken.iter().any(|taken| conflict(cluster, *wanted, *taken)))
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

/// Whether the node has a NoExecute taint that the pod does not tolerate. Others are the scheduler's
/// business.
fn has_untolerated(cluster: &Cluster, node: NodeId, pod: &PodClass) -> bool {
    cluster.nodes.class_of(node).taints.iter().any(|taint| {
        let bears = |toleration| tolerates(toleration, taint.key, taint.value, taint.effect);
        taint.effect == TaintEffect::NoExecute && !pod.tolerations.iter().any(bears)
    })
}

/// Whether the pod needs a feature that the node's kubelet does not declare.
fn lacks_feature(cluster: &Cluster, node: NodeId, pod: &PodClass) -> bool {
    let spec = &pod.template.spec;
    let restarts = |container: &Container| container.restarts_all;
    let needs = spec.init_containers.iter().chain(&spec.containers).any(restarts);
    needs && {
        let name = cluster.names.get(RESTARTS_ALL);
        !cluster.nodes.declared_features[node.index()].iter().any(|declared| Some(*declared) == name)
    }
}

/// Whether two host ports exclude each other: the same number and protocol, on the same address or
/// with one of them on all addresses.
fn conflict(cluster: &Cluster, a: Port, b: Port) -> bool {
    let every = |port: Port| cluster.names.text(port.ip) == "0.0.0.0";
    a.number == b.number && a.protocol == b.protocol && (a.ip == b.ip || every(a) || every(b))
}
