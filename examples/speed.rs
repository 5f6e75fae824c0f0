use seatrial::api::{Container, Node, PodSpec, PodTemplate};
use seatrial::base::ids::{ClassId, PodId, PoolId};
use seatrial::base::{Quantity, Time};
use seatrial::cluster::pods::NewRow;
use seatrial::cluster::{Cluster, PodName, PodRef};
use seatrial::control::Config;
use seatrial::control::config::Mode;
use seatrial::control::scheduler::{Cycle, Outcome};
use std::collections::VecDeque;
use std::sync::Arc;
fn node(number: usize) -> Node {
    let mut node = Node::default();
    node.meta.name = format!("node-{number}");
    let labels = &mut node.meta.labels;
    labels.insert("kubernetes.io/hostname".into(), node.meta.name.clone());
    labels.insert("topology.kubernetes.io/zone".into(), format!("zone-{}", number % 3));
    let cores = 32;
    for (name, amount) in [("cpu", cores), ("memory", cores << 32), ("pods", 110)] {
        node.allocatable.insert(name.into(), Quantity::from_units(amount));
    }
    node
}
fn template(milli: i64) -> Arc<PodTemplate> {
    let mut container = Container { image: "registry/app:1".into(), ..Container::default() };
    container.resources.requests.insert("cpu".into(), Quantity::from_milli(milli));
    container.resources.requests.insert("memory".into(), Quantity::from_units(200 << 20));
    let spec = PodSpec { containers: vec![container], ..PodSpec::default() };
    Arc::new(PodTemplate { spec, ..PodTemplate::default() })
}
fn insert(cluster: &mut Cluster, row: usize, class: ClassId) -> PodId {
    let pod = PodRef { id: PodId(row as u32), generation: 0 };
    let new = NewRow {
        serial: row as u64,
        name: PodName::Own("p".into()),
        class,
        owner: None,
        created: Time::ZERO,
        index: None,
    };
    cluster.pods.insert(pod, new);
    pod.id
}
fn main() {
    let classes: i64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    let counts: Vec<usize> =
        std::env::args().nth(2).map_or(vec![100, 1_000, 5_000, 12_500, 50_000], |a| vec![a.parse().unwrap()]);
    for count in counts {
        for mode in
            if std::env::args().len() > 2 { vec![Mode::Indexed] } else { vec![Mode::Plain, Mode::Indexed] }
        {
            let mut cluster = Cluster::default();
            for number in 0..count {
                cluster.add_node(&node(number), PoolId(0), Time::ZERO);
            }
            let ids: Vec<ClassId> =
                (0..classes).map(|c| cluster.class(&template(100 + 10 * c), "default", 0)).collect();
            let mut config = Config::default();
            config.scheduler.mode = mode;
            let mut cycle = Cycle::new(&config, 0);
            let steps = if mode == Mode::Plain { 2_000_000 / count } else { 2_000_000 };
            let mut placed = VecDeque::new();
            let mut row = 0;
            let (mut total, mut evals) = (std::time::Duration::ZERO, 0u32);
            for step in 0..steps + 100 {
                let class = ids[step % ids.len()];
                let start = std::time::Instant::now();
                let Outcome::Placed(p) = cycle.evaluate(&mut cluster, class, step as u64) else { panic!() };
                let pod = if placed.len() > count * 3 {
                    let o: PodId = placed.pop_front().unwrap();
                    cluster.displace(o);
                    o
                } else {
                    row += 1;
                    insert(&mut cluster, row - 1, class)
                };
                cluster.place(pod, p.node);
                placed.push_back(pod);
                if step >= 100 {
                    total += start.elapsed();
                    evals += 1;
                }
            }
            println!("{count:6} {mode:?}: {:.3} us", total.as_secs_f64() * 1e6 / f64::from(evals));
        }
    }
}
