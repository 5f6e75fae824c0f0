//! Random setups, by seed: clusters, the control plane's constants, what goes wrong.

use super::dice::Dice;
use super::workload::{self, Kind};
use crate::api::{Node, Object, ObjectMeta, Taint, TaintEffect};
use crate::base::ids::PoolId;
use crate::base::{Distribution, Quantity, Span, Time};
use crate::control::config::{Config, Scheduler, ScoringStrategy, Version};
use crate::sim::{Action, Fault, FaultKind, FaultScope, FaultWhen, NodeSetup, Pool, Setup, StopRule, Timing};
use std::sync::Arc;

/// The zones of nodes.
pub(super) const ZONES: [&str; 3] = ["a", "b", "c"];
/// The key of taints that a scenario's author gives.
pub(super) const TAINT_KEY: &str = "dedicated";
/// The label with the zone.
pub(super) const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// An extended resource.
pub(super) const GPU: &str = "example.com/gpu";
/// The longest calm run: everything in it ends long before.
const CALM_LIMIT: Time = Time::from_secs(60 * 86_400);

/// What keeps the draws of a case together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mood {
    pub(super) calm: bool,
    pub(super) ideal: bool,
}

/// A setup with what is known of it beforehand.
pub(super) struct Case {
    pub(super) setup: Setup,
    /// Whether nothing goes wrong and there is room for everything: then everything that can end
    /// must end.
    pub(super) calm: bool,
    /// Whether nothing takes time at the API server, so that the control plane's view is the truth.
    pub(super) ideal: bool,
}

/// The case of a seed; always the same.
pub(super) fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let calm = dice.chance(30);
    let ideal = dice.chance(50);
    let nodes = nodes(&mut dice, calm);
    let horizon = dice.between(300, 7_200);
    let work = workload::draw(&mut dice, Mood { calm, ideal }, horizon, nodes.len());
    let faults = if calm { Vec::new() } else { faults(&mut dice, &nodes, horizon) };
    let actions = if calm { Vec::new() } else { actions(&mut dice, &nodes, &work, horizon) };
    let timing = if ideal { Timing::ideal() } else { Timing::kubernetes() };
    let stop = if calm {
        StopRule { at: Some(CALM_LIMIT), when_settled: true, when_jobs_done: false }
    } else {
        StopRule {
            at: Some(Time::from_secs(horizon)),
            when_settled: dice.chance(50),
            when_jobs_done: dice.chance(30),
        }
    };
    let mut objects = work.objects;
    if !calm && dice.chance(10) {
        let late = node(&mut dice, 99, false);
        objects.push((Time::from_secs(dice.between(0, horizon)), Object::Node(Box::new(late))));
    }
    let setup = Setup {
        metrics: crate::sim::MetricsSetup::default(),
        seed: dice.between(0, u64::from(u32::MAX)),
        pools: vec![Pool { name: "pool".into(), price_per_hour: 1.0 }],
        registered: None,
        bound_pods: work.bound,
        nodes,
        objects,
        sources: work.sources,
        faults,
        plane: crate::sim::Plane::default(),
        actions,
        default_behavior: workload::default_behavior(&mut dice, calm),
        timing,
        control: control(&mut dice, calm, ideal),
        stop,
        check_invariants: true,
    };
    Case { setup, calm, ideal }
}

fn nodes(dice: &mut Dice, calm: bool) -> Vec<NodeSetup> {
    let count = dice.between(1, 12);
    let racks = dice.between(1, 4);
    (0..count)
        .map(|number| NodeSetup {
            node: Arc::new(node(dice, number, calm)),
            pool: PoolId(0),
            rack: format!("rack-{}", number % racks),
        })
        .collect()
}

/// A node. In a calm case every pod fits on an empty one.
fn node(dice: &mut Dice, number: u64, calm: bool) -> Node {
    let name = format!("n{number}");
    let mut meta = ObjectMeta { name: name.clone(), ..ObjectMeta::default() };
    let mut label = |key: &str, value: &str| meta.labels.insert(key.to_owned(), value.to_owned());
    label("kubernetes.io/hostname", &name);
    if dice.chance(80) {
        label(ZONE_LABEL, dice.pick(&ZONES));
    }
    if dice.chance(60) {
        label("disk", dice.pick(&["ssd", "hdd"]));
    }
    label("level", &dice.between(0, 9).to_string());
    let mut node = Node { meta, ..Node::default() };
    let gibibytes = if calm { dice.between(8, 64) } else { dice.between(1, 64) };
    let amounts = [
        ("cpu", Quantity::from_milli(dice.between(if calm { 8_000 } else { 500 }, 16_000) as i64)),
        ("memory", Quantity::from_units((gibibytes << 30) as i64)),
        ("pods", Quantity::from_units(if calm { 110 } else { dice.between(2, 110) as i64 })),
    ];
    for (resource, amount) in amounts {
        node.allocatable.insert(resource.into(), amount);
    }
    if calm || dice.chance(30) {
        node.allocatable.insert(GPU.into(), Quantity::from_units(dice.between(4, 8) as i64));
    }
    node.capacity = node.allocatable.clone();
    if calm {
        return node;
    }
    if dice.chance(20) {
        let effects = [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute];
        node.taints.push(Taint {
            key: TAINT_KEY.into(),
            value: dice.pick(&["a", "b"]).into(),
            effect: dice.pick(&effects),
        });
    }
    node.unschedulable = dice.chance(5);
    node.ready = dice.chance(2).then_some(false);
    node
}

pub(super) fn control(dice: &mut Dice, calm: bool, ideal: bool) -> Config {
    let version = dice.pick(&[Version::V1_34, Version::V1_36]);
    let scheduler = Scheduler::default_for(version);
    let mut config = Config { version, scheduler, ..Config::default() };
    let scheduler = &mut config.scheduler;
    scheduler.percentage_of_nodes_to_score = dice.pick(&[100, 100, 0, 5, 50]);
    scheduler.profiles[0].args.fit.strategy = dice.pick(&[
        ScoringStrategy::LeastAllocated,
        ScoringStrategy::MostAllocated,
        ScoringStrategy::RequestedToCapacityRatio(vec![(0, 0), (50, 8), (100, 10)]),
    ]);
    let nodes = &mut config.nodes;
    nodes.grace_period = dice.seconds(40, 50);
    nodes.monitor_phase = Some(Span::from_millis(dice.between(0, 5_000)));
    nodes.large_zone = dice.pick(&[50, 1, 3]);
    nodes.eviction_rate = dice.pick(&[0.1, 1.0, 10.0, 0.0]);
    // Without latencies no time at all would pass between an eviction and the next one.
    let shortest = Span::from_secs(u64::from(ideal));
    let tolerations = [Some(Span::from_secs(300)), Some(Span::from_secs(30)), Some(shortest), None];
    nodes.default_toleration = dice.pick(&tolerations);
    config.kubelet.polled_backoff = dice.chance(30);
    let controllers = &mut config.controllers;
    if ideal && dice.chance(50) {
        controllers.job_sync_batch = Span::ZERO;
    }
    if dice.chance(20) {
        controllers.burst = dice.between(1, 3) as u32;
    }
    if !calm && dice.chance(20) {
        controllers.terminated_pods = Some(dice.between(0, 5) as u32);
    }
    config
}

fn faults(dice: &mut Dice, nodes: &[NodeSetup], horizon: u64) -> Vec<Fault> {
    let count = dice.pick(&[0, 1, 1, 2, 3]);
    (0..count)
        .map(|_| {
            let scope = dice.pick(&[FaultScope::Node, FaultScope::Node, FaultScope::Rack, FaultScope::Zone]);
            let groups = groups(dice, nodes, scope);
            let kind = dice.pick(&[FaultKind::Crash, FaultKind::Partition]);
            Fault { groups, scope, kind, when: when(dice, horizon) }
        })
        .collect()
}

/// Rows of nodes that fail together; some of the groups only.
pub(super) fn groups(dice: &mut Dice, nodes: &[NodeSetup], scope: FaultScope) -> Vec<Vec<usize>> {
    let zone = |row: usize| nodes[row].node.meta.labels.get(ZONE_LABEL).cloned().unwrap_or_default();
    let key = |row: usize| match scope {
        FaultScope::Node => nodes[row].node.meta.name.clone(),
        FaultScope::Rack => nodes[row].rack.clone(),
        FaultScope::Zone => zone(row),
    };
    let mut groups = std::collections::BTreeMap::<String, Vec<usize>>::new();
    for row in 0..nodes.len() {
        groups.entry(key(row)).or_default().push(row);
    }
    let mut chosen: Vec<Vec<usize>> = groups.into_values().filter(|_| dice.chance(60)).collect();
    if chosen.is_empty() {
        chosen.push(vec![0]);
    }
    chosen
}

fn when(dice: &mut Dice, horizon: u64) -> FaultWhen {
    if dice.chance(60) {
        let lasts = dice.pick(&[1, 20, 45, 120, 400, 2_000]);
        let duration = dice.chance(85).then(|| dice.seconds(0, lasts));
        return FaultWhen::Scheduled { at: Time::from_secs(dice.between(0, horizon)), duration };
    }
    FaultWhen::Random {
        time_to_failure: Distribution::Exponential { mean: dice.between(300, 3_000) as f64 },
        time_to_repair: Distribution::Uniform { min: 0.0, max: dice.between(5, 900) as f64 },
    }
}

fn actions(dice: &mut Dice, nodes: &[NodeSetup], work: &workload::Work, horizon: u64) -> Vec<(Time, Action)> {
    let count = dice.pick(&[0, 0, 1, 3, 6]);
    let mut actions = Vec::new();
    for _ in 0..count {
        let at = Time::from_secs(dice.between(0, horizon));
        let row = dice.between(0, nodes.len() as u64 - 1) as usize;
        let node = nodes[row].node.meta.name.clone();
        let scaled: Vec<&(Kind, String)> = work.named.iter().filter(|(kind, _)| *kind != Kind::Job).collect();
        let action = match dice.between(0, 3) {
            0 => Action::Cordon(node),
            1 => Action::Uncordon(node),
            _ if scaled.is_empty() => Action::Cordon(node),
            _ => {
                let (kind, name) = dice.pick(&scaled);
                let kind = if *kind == Kind::Deployment { "Deployment" } else { "ReplicaSet" };
                let replicas = dice.between(0, 12) as i32;
                Action::Scale { kind, namespace: "default".into(), name: name.clone(), replicas }
            }
        };
        actions.push((at, action));
    }
    actions
}
