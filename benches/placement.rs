//! What placing a pod costs, from the creation of the object to the confirmed binding, with the full
//! default profile over all nodes: by kind of constraint, number of nodes, and way of searching.
//!
//! The cluster starts with one pod a node. Pods come in lots of at most 256; when a lot is placed,
//! as many of the oldest go, which is not timed.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a measurement needs a clock")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use seatrial::api::pod::{PodAffinity, PodAffinityTerm, TopologySpreadConstraint, WhenUnsatisfiable};
use seatrial::api::{Container, LabelSelector, Node, PodSpec, PodTemplate};
use seatrial::base::ids::{ClassId, NodeId, PoolId};
use seatrial::base::{Quantity, Span, Time};
use seatrial::cluster::{ClassKey, PodRef};
use seatrial::control::config::Mode;
use seatrial::control::harness::Harness;
use seatrial::control::{Config, Event};
use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
const LOT: u64 = 256;

/// What the pods ask for.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Nothing but resources.
    Bare,
    /// Pods of a Service: the built-in spreading over hosts and zones.
    DefaultSpread,
    /// At most one more in a zone than in another, and softly so on hosts.
    HardZoneSoftHost,
    /// Rather not on the host of another.
    PreferredHostAnti,
    /// Never on the host of another.
    RequiredHostAnti,
    /// Pods of a Service in 40 sizes, with selectors of ten kinds of nodes.
    FortyClasses,
}

fn node(number: usize) -> Node {
    let mut node = Node::default();
    node.meta.name = format!("node-{number}");
    let labels = &mut node.meta.labels;
    labels.insert(HOST.into(), node.meta.name.clone());
    labels.insert(ZONE.into(), format!("zone-{}", number % 3));
    labels.insert("kind".into(), format!("kind-{}", number % 10));
    for (name, amount) in [("cpu", 32), ("memory", 128 << 30), ("pods", 110)] {
        node.allocatable.insert(name.into(), Quantity::from_units(amount));
    }
    node
}

fn selector() -> LabelSelector {
    LabelSelector { match_labels: vec![("app".into(), "web".into())], ..LabelSelector::default() }
}

fn spread(key: &str, when_unsatisfiable: WhenUnsatisfiable) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.into(),
        when_unsatisfiable,
        label_selector: Some(selector()),
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: false,
        match_label_keys: Vec::new(),
    }
}

fn host_term() -> PodAffinityTerm {
    PodAffinityTerm {
        label_selector: Some(selector()),
        topology_key: HOST.into(),
        ..PodAffinityTerm::default()
    }
}

/// The n-th template of a kind: 100m and 200Mi, or more.
fn template(kind: Kind, number: usize) -> Arc<PodTemplate> {
    let mut container = Container { image: "registry/app:1".into(), ..Container::default() };
    let requests = &mut container.resources.requests;
    requests.insert("cpu".into(), Quantity::from_milli(100 + 10 * number as i64));
    requests.insert("memory".into(), Quantity::from_units((200 + 5 * number as i64) << 20));
    let mut spec = PodSpec { containers: vec![container], ..PodSpec::default() };
    match kind {
        Kind::HardZoneSoftHost => {
            spec.topology_spread = vec![
                spread(ZONE, WhenUnsatisfiable::DoNotSchedule),
                spread(HOST, WhenUnsatisfiable::ScheduleAnyway),
            ];
        }
        Kind::PreferredHostAnti => {
            let preferred = vec![(100, host_term())];
            spec.affinity.pod_anti = Some(PodAffinity { preferred, ..PodAffinity::default() });
        }
        Kind::RequiredHostAnti => {
            let required = vec![host_term()];
            spec.affinity.pod_anti = Some(PodAffinity { required, ..PodAffinity::default() });
        }
        Kind::FortyClasses if !number.is_multiple_of(4) => {
            spec.node_selector.push(("kind".into(), format!("kind-{}", number % 10)));
        }
        Kind::Bare | Kind::DefaultSpread | Kind::FortyClasses => {}
    }
    let mut template = PodTemplate { spec, ..PodTemplate::default() };
    template.labels.insert("app".into(), "web".into());
    Arc::new(template)
}

/// A scheduler at work on a cluster.
struct Bench {
    harness: Harness,
    classes: Vec<ClassId>,
    placed: VecDeque<PodRef>,
    turn: usize,
}

impl Bench {
    fn new(kind: Kind, nodes: usize, mode: Mode) -> Bench {
        let mut config = Config::default();
        config.scheduler.mode = mode;
        let mut harness = Harness::of_scheduler(&config);
        for number in 0..nodes {
            let object = Arc::new(node(number));
            harness.tell(Event::NodeAdded { node: NodeId(number as u32), object, pool: PoolId(0) });
        }
        let cluster = &mut harness.cluster;
        if matches!(kind, Kind::DefaultSpread | Kind::FortyClasses) {
            let pairs = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
            cluster.selectors.set_service(&mut cluster.names, "default", "web", Some(&pairs));
        }
        let namespace = cluster.names.intern("default");
        let count = if kind == Kind::FortyClasses { 40 } else { 1 };
        let mut classes: Vec<ClassId> = Vec::new();
        for number in 0..count {
            let template = template(kind, number);
            classes.push(cluster.class_of(&ClassKey::new(&template, namespace, 0)));
        }
        let mut bench = Bench { harness, classes, placed: VecDeque::new(), turn: 0 };
        // Where no two may share a host, half the hosts stay free.
        let first = if kind == Kind::RequiredHostAnti { nodes / 2 } else { nodes };
        bench.place(first as u64, false);
        bench
    }

    /// Has pods placed; if `is_steady`, the oldest go in their stead.
    fn place(&mut self, count: u64, is_steady: bool) -> Duration {
        let (mut left, mut taken) = (count, Duration::ZERO);
        while left > 0 {
            let lot = left.min(LOT);
            left -= lot;
            for _ in 0..lot {
                self.turn += 1;
                let class = self.classes[self.turn % self.classes.len()];
                self.placed.push_back(self.harness.submit(class));
            }
            let start = Instant::now();
            self.harness.run_for(Span::ZERO);
            taken += start.elapsed();
            self.harness.commands.clear();
            for _ in 0..if is_steady { lot } else { 0 } {
                let oldest = self.placed.pop_front().expect("as many are placed");
                self.harness.remove(oldest);
            }
        }
        let newest = self.placed.back().expect("some pod is placed");
        assert!(self.harness.cluster.pods.node[newest.id.index()].is_some(), "there is room");
        taken
    }
}

fn placements(criterion: &mut Criterion) {
    const SIZES: [usize; 3] = [1_000, 5_000, 50_000];
    let cases: [(&str, Kind, &[usize]); 6] = [
        ("default spreading", Kind::DefaultSpread, &[100, 1_000, 5_000, 10_000, 50_000, 100_000]),
        ("bare", Kind::Bare, &[1_000, 5_000, 12_500, 50_000]),
        ("hard zone, soft host", Kind::HardZoneSoftHost, &SIZES),
        ("preferred host anti-affinity", Kind::PreferredHostAnti, &SIZES),
        ("required host anti-affinity", Kind::RequiredHostAnti, &SIZES),
        ("40 classes", Kind::FortyClasses, &SIZES),
    ];
    for (name, kind, sizes) in cases {
        let mut group = criterion.benchmark_group(format!("placement/{name}"));
        for &nodes in sizes {
            for (word, mode) in [("indexed", Mode::Indexed), ("plain", Mode::Plain)] {
                if mode == Mode::Plain && nodes > 12_500 {
                    continue;
                }
                let mut bench = Bench::new(kind, nodes, mode);
                group.bench_function(BenchmarkId::new(word, nodes), |bencher| {
                    bencher.iter_custom(|count| bench.place(count, true));
                });
            }
        }
        group.finish();
    }
}

/// A cluster without room and 10,000 pods that wait for it. A pod ends, which wakes them, and one of
/// them takes its place: what is timed is the whole of that, for one attempt.
fn refusals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("placement/no room, 10,000 wait");
    for nodes in [1_000, 5_000] {
        let mut config = Config::default();
        config.scheduler.initial_backoff = Span::ZERO;
        config.scheduler.max_backoff = Span::ZERO;
        let mut harness = Harness::of_scheduler(&config);
        for number in 0..nodes {
            let mut object = node(number);
            object.allocatable.insert("pods".into(), Quantity::from_units(2));
            let event =
                Event::NodeAdded { node: NodeId(number as u32), object: Arc::new(object), pool: PoolId(0) };
            harness.tell(event);
        }
        let namespace = harness.cluster.names.intern("default");
        let template = template(Kind::Bare, 0);
        let class = harness.cluster.class_of(&ClassKey::new(&template, namespace, 0));
        let mut pods: VecDeque<PodRef> = (0..nodes * 2 + 10_000).map(|_| harness.submit(class)).collect();
        harness.run_for(Span::ZERO);
        group.bench_function(BenchmarkId::new("one attempt of those that wait", nodes), |bencher| {
            bencher.iter_custom(|count| {
                let (mut attempts, mut taken) = (0, Duration::ZERO);
                while attempts < count {
                    let oldest = pods.pop_front().expect("pods run");
                    pods.push_back(harness.submit(class));
                    let before = harness.commands.len();
                    let start = Instant::now();
                    harness.remove(oldest);
                    harness.run_for(Span::ZERO);
                    taken += start.elapsed();
                    attempts += (harness.commands.len() - before).max(1) as u64;
                    harness.commands.clear();
                }
                black_box(&harness.cluster);
                taken.mul_f64(count as f64 / attempts as f64)
            });
        });
        assert!(harness.now >= Time::ZERO);
    }
    group.finish();
}

criterion_group!(benches, placements, refusals);
criterion_main!(benches);
