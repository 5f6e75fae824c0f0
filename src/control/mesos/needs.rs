//! What pods need of an agent, and which agents they may run on.
//!
//! Constraints of an app are what its pods' template says of nodes: selector, required affinity, taints
//! that it does not bear, ports of the host, the number of pods of a node. What is offered is not known
//! here.

use super::amounts::Amounts;
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::{Cluster, PodClass};
use crate::control::kubelet::Affinities;

/// What a pod of a class takes of its agent.
pub(super) fn needs(class: &PodClass) -> Amounts {
    let mut needs = Amounts::default();
    for &(resource, amount) in &class.requests {
        needs.set(resource.index(), amount);
    }
    needs
}

/// What an agent has.
pub(super) fn total(cluster: &Cluster, node: NodeId) -> Amounts {
    Amounts::new(cluster.nodes.allocatable.iter().map(|column| column[node.index()]))
}

/// Whether a pod of a class may run on an agent, as far as it is not a matter of amounts.
pub(super) fn may_run(cluster: &Cluster, places: &mut Affinities, class: ClassId, node: NodeId) -> bool {
    let (nodes, row) = (&cluster.nodes, node.index());
    let pod = &cluster.classes[class];
    nodes.present.contains(row)
        && nodes.pod_count[row] < nodes.allowed_pods[row]
        && places.matches(cluster, class, node)
        && nodes.class_of(node).first_untolerated(pod).is_none()
        && pod.ports.iter().all(|wanted| {
            let same = |taken: &&_| is_same_port(wanted, taken);
            !nodes.ports[row].iter().any(|taken| same(&taken))
        })
}

/// Whether two ports exclude each other; Mesos knows no addresses of ports.
fn is_same_port(one: &crate::cluster::Port, other: &crate::cluster::Port) -> bool {
    one.number == other.number && one.protocol == other.protocol
}
