//! Plain scheduling decisions over all nodes: fit, balance, taints and affinity, on clusters whose
//! nodes are partly filled. Each decision is placed and the oldest placed pod taken away, so that
//! the cluster changes between decisions but does not fill up. And preemption on full clusters.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use seatrial::api::{Container, Node, NodeAffinity, NodeSelector, NodeSelectorTerm, Operator};
use seatrial::api::{PodSpec, PodTemplate, PreferredTerm, Requirement, Taint, TaintEffect};
use seatrial::base::ids::{ClassId, NodeId, PodId, PoolId};
use seatrial::base::{Quantity, Time};
use seatrial::cluster::pods::NewRow;
use seatrial::cluster::{Cluster, PodName, PodRef};
use seatrial::control::Config;
use seatrial::control::scheduler::nominator::Nominator;
use seatrial::control::scheduler::{Attempt, Cycle, Outcome};
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

const GIB: i64 = 1 << 30;

fn node(number: usize) -> Node {
    let mut node = Node::default();
    node.meta.name = format!("node-{number}");
    let labels = &mut node.meta.labels;
    labels.insert("kubernetes.io/hostname".into(), node.meta.name.clone());
    labels.insert("topology.kubernetes.io/zone".into(), format!("zone-{}", number % 3));
    labels.insert("pool".into(), if number.is_multiple_of(4) { "batch" } else { "general" }.into());
    if number.is_multiple_of(10) {
        let key = "dedicated".into();
        node.taints.push(Taint { key, value: "batch".into(), effect: TaintEffect::NoSchedule });
    }
    let cores = [8, 16, 32, 64][number % 4];
    for (name, amount) in [("cpu", cores), ("memory", cores * 4 * GIB), ("pods", 110)] {
        node.allocatable.insert(name.into(), Quantity::from_units(amount));
    }
    node
}

fn template(milli: i64, memory: i64, affinity: Option<NodeAffinity>) -> Arc<PodTemplate> {
    let mut container = Container { image: "registry/app:1".into(), ..Container::default() };
    container.resources.requests.insert("cpu".into(), Quantity::from_milli(milli));
    container.resources.requests.insert("memory".into(), Quantity::from_units(memory));
    let mut spec = PodSpec { containers: vec![container], ..PodSpec::default() };
    spec.affinity.node = affinity;
    Arc::new(PodTemplate { spec, ..PodTemplate::default() })
}

fn pool(operator: Operator, value: &str) -> NodeSelectorTerm {
    let requirement = Requirement { key: "pool".into(), operator, values: vec![value.into()] };
    NodeSelectorTerm { match_expressions: vec![requirement], match_fields: Vec::new() }
}

fn affinity() -> NodeAffinity {
    NodeAffinity {
        required: Some(NodeSelector { terms: vec![pool(Operator::In, "general")] }),
        preferred: vec![PreferredTerm { weight: 10, preference: pool(Operator::In, "general") }],
    }
}

/// A cluster with `count` nodes, each loaded to somewhere between empty and two thirds.
fn cluster(count: usize) -> (Cluster, VecDeque<PodId>) {
    let mut cluster = Cluster::default();
    for number in 0..count {
        cluster.add_node(&node(number), PoolId(0), Time::ZERO);
    }
    let mut pods = VecDeque::new();
    let filler = cluster.class(&template(500, 3 * GIB / 2, None), "default", 0);
    for number in 0..count {
        for _ in 0..number * 7 % 11 {
            let pod = insert(&mut cluster, pods.len(), filler);
            cluster.place(pod, NodeId(number as u32));
            pods.push_back(pod);
        }
    }
    (cluster, pods)
}

fn insert(cluster: &mut Cluster, row: usize, class: ClassId) -> PodId {
    let pod = PodRef { id: PodId(row as u32), generation: 0 };
    let name = PodName::Own("pod".into());
    let new = NewRow {
        serial: row as u64,
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

fn decisions(criterion: &mut Criterion) {
    // More classes in turn than the scheduler keeps totals of: every decision computes every score.
    for (kind, affinity, classes) in
        [("plain", None, 1), ("affinity", Some(affinity()), 1), ("classes in turn", None, 20)]
    {
        let mut group = criterion.benchmark_group(format!("decision/{kind}"));
        for count in [100, 1_000, 5_000, 10_000] {
            let (mut cluster, pods) = cluster(count);
            let of_milli = |milli| template(milli, GIB, affinity.clone());
            let classes: Vec<ClassId> =
                (0..classes).map(|number| cluster.class(&of_milli(250 + number), "default", 0)).collect();
            let mut turns = classes.iter().copied().cycle();
            let mut cycle = Cycle::new(&Config::default(), 0);
            let mut placed = VecDeque::new();
            let mut row = pods.len();
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| {
                    let class = turns.next().expect("the classes come round");
                    let Outcome::Placed(placement) = cycle.evaluate(&mut cluster, class, 0) else {
                        panic!("there is room")
                    };
                    if placed.len() >= count / 2 {
                        let oldest = placed.pop_front().expect("not empty");
                        cluster.displace(oldest);
                        cluster.place(oldest, placement.node);
                        placed.push_back(oldest);
                    } else {
                        let pod = insert(&mut cluster, row, class);
                        row += 1;
                        cluster.place(pod, placement.node);
                        placed.push_back(pod);
                    }
                    black_box(placement)
                });
            });
        }
        group.finish();
    }
}

/// The decision whom to evict for one pod, on clusters where every node is full of pods of two lower
/// priorities; and the same where nobody has a lower priority.
fn preemptions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("preemption");
    for (kind, priority) in [("of lower ones", 9), ("of nobody", 0)] {
        for count in [100, 1_000, 5_000] {
            let mut cluster = Cluster::default();
            for number in 0..count {
                cluster.add_node(&node(number), PoolId(0), Time::ZERO);
            }
            let fillers =
                [0, 1].map(|priority| cluster.class(&template(1_000, GIB, None), "default", priority));
            let mut row = 0;
            for number in 0..count {
                for _ in 0..[8, 16, 32, 64][number % 4] {
                    let pod = insert(&mut cluster, row, fillers[row % 2]);
                    cluster.place(pod, NodeId(number as u32));
                    row += 1;
                }
            }
            let class = cluster.class(&template(4_000, GIB, None), "default", priority);
            let attempt = Attempt { class, pod: None, key: 1 };
            let mut cycle = Cycle::new(&Config::default(), 0);
            group.bench_function(BenchmarkId::new(kind, count), |bencher| {
                bencher.iter(|| {
                    let preemption = cycle.preempt(&mut cluster, attempt, &Nominator::default());
                    assert_eq!(preemption.chosen.is_some(), priority > 0);
                    black_box(preemption)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decisions, preemptions);
criterion_main!(benches);
