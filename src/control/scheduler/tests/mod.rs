//! The scheduler as a whole: against a textbook form, and as a component.

mod arguments;
mod component;
mod configurations;
mod flat;
mod indexed;
mod preemption;
mod textbook;
mod textbook_affinity;
mod textbook_spread;

use super::*;
use crate::api::{Container, Node, PodSpec, PodTemplate};
use crate::base::Quantity;
use crate::base::ids::PoolId;
use crate::cluster::PodName;
use crate::cluster::pods::NewRow;

/// A node with a zone, CPU in cores, memory in units and room for ten pods.
fn node(name: &str, zone: &str, cores: i64, memory: i64) -> Node {
    let mut node = Node::default();
    node.meta.name = name.to_owned();
    node.meta.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
    node.meta.labels.insert("kubernetes.io/hostname".into(), name.into());
    for (key, amount) in [("cpu", cores), ("memory", memory), ("pods", 10)] {
        node.allocatable.insert(key.into(), Quantity::from_units(amount));
    }
    node
}

/// A template that requests millicores and units of memory.
fn template(milli: i64, memory: i64) -> PodTemplate {
    let mut container = Container::default();
    container.resources.requests.insert("cpu".into(), Quantity::from_milli(milli));
    container.resources.requests.insert("memory".into(), Quantity::from_units(memory));
    PodTemplate {
        spec: PodSpec { containers: vec![container], ..PodSpec::default() },
        ..PodTemplate::default()
    }
}

/// Adds nodes in order.
fn cluster_of(nodes: &[Node]) -> Cluster {
    let mut cluster = Cluster::default();
    for node in nodes {
        cluster.add_node(node, PoolId(0), Time::ZERO);
    }
    cluster
}

/// Enters a pod in the next row.
fn insert_pod(cluster: &mut Cluster, class: ClassId) -> PodId {
    let row = cluster.pods.present.len() as u32;
    let pod = PodRef { id: PodId(row), generation: 0 };
    let name = PodName::Own(format!("pod-{row}").into());
    let new = NewRow {
        serial: row.into(),
        name,
        class,
        owner: None,
        created: Time::ZERO,
        index: None,
        tracked: false,
    };
    cluster.pods.insert(pod, new);
    pod.id
}

#[test]
fn golden_numbers_of_feasible_nodes() {
    let adaptive = [
        (99, 99),
        (100, 100),
        (120, 100),
        (210, 102),
        (250, 120),
        (500, 230),
        (1000, 420),
        (2000, 680),
        (5000, 500),
        (5624, 337),
        (5625, 281),
        (6000, 300),
        (10000, 500),
        (15000, 750),
    ];
    for (nodes, limit) in adaptive {
        assert_eq!(cycle::feasible_nodes_to_find(nodes, 0), limit, "{nodes}");
    }
    for (nodes, percentage, limit) in
        [(1000, 40, 400), (100, 40, 100), (1000, 5, 100), (6000, 40, 2400), (5000, 100, 5000)]
    {
        assert_eq!(cycle::feasible_nodes_to_find(nodes, percentage), limit, "{nodes} at {percentage}%");
    }
}

#[test]
fn a_pod_that_fits_nowhere_is_told_why_and_only_once_computed() {
    let mut cluster = cluster_of(&[node("a", "1", 1, 100), node("b", "1", 4, 1), node("c", "1", 4, 100)]);
    cluster.set_unschedulable(NodeId(2), true);
    let class = cluster.class(&Arc::new(template(2000, 50)), "default", 0);
    let mut cycle = Cycle::new(&Config::default(), 0);
    let Outcome::Rejected(first) = cycle.evaluate(&mut cluster, class, 0) else { panic!("it fits nowhere") };
    assert_eq!(
        first.diagnosis.to_string(),
        "0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) were unschedulable."
    );
    assert_eq!(first.diagnosis.plugins, ["NodeResourcesFit", "NodeUnschedulable"]);
    let Outcome::Rejected(second) = cycle.evaluate(&mut cluster, class, 1) else {
        panic!("it still does not")
    };
    assert!(Arc::ptr_eq(&first.diagnosis, &second.diagnosis), "nothing has changed");
    cluster.set_unschedulable(NodeId(2), false);
    assert!(matches!(
        cycle.evaluate(&mut cluster, class, 2),
        Outcome::Placed(Placement { node: NodeId(2), .. })
    ));
}

#[test]
fn the_search_rotates() {
    let nodes: Vec<Node> = (0..300).map(|number| node(&format!("n{number}"), "1", 8, 100)).collect();
    let mut cluster = cluster_of(&nodes);
    let class = cluster.class(&Arc::new(template(1, 1)), "default", 0);
    let mut config = Config::default();
    config.scheduler.percentage_of_nodes_to_score = 0;
    let mut cycle = Cycle::new(&config, 0);
    // 144 of the 300 are looked for; ties go to the first in search order.
    let picked: Vec<u32> = (0..4)
        .map(|key| match cycle.evaluate(&mut cluster, class, key) {
            Outcome::Placed(placement) => {
                assert_eq!((placement.feasible, placement.tied), (144, 144));
                placement.node.0
            }
            Outcome::Rejected(rejection) => panic!("{}", rejection.diagnosis),
        })
        .collect();
    assert_eq!(picked, [0, 144, 288, 132]);
}
