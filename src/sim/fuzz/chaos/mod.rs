//! Random runs in which everything goes wrong for a while, and then nothing more: every kind of
//! workload, and roll-outs, evictions, failures of machines and of the control plane.
//!
//! When the trouble is over, all machines and processes are back, and there is room for everything.
//! So what is declared must come true. Objects whose name begins with `must` are made so that they
//! can; others may be impossible.

mod events;
mod objects;

pub(super) use objects::BROKEN;

use super::dice::Dice;
use super::generate::{self, Mood, ZONE_LABEL, ZONES};
use super::workload;
use crate::api::{Node, Object, ObjectMeta};
use crate::base::ids::PoolId;
use crate::base::{Quantity, Span, Time};
use crate::sim::{Action, MetricsSetup, NodeSetup, Pool, Setup, StopRule, Timing};
use std::sync::Arc;

/// How long after the end of all trouble what is declared must have come true: the longest back-off
/// of a controller is 1000 s, and a roll-out goes through the pods of a set one by one.
const PATIENCE: u64 = 7_200;
/// From the last action that may do harm to the last that makes good.
const REPAIR: u64 = 60;
/// What the control plane may not have heard of for so long, besides delays that are injected.
const LAG: Span = Span::from_secs(10);
/// The same where watches break or processes are replaced.
const LONG_LAG: Span = Span::from_secs(180);

/// A setup with what is known of it beforehand.
pub(in crate::sim::fuzz) struct Chaos {
    pub(in crate::sim::fuzz) setup: Setup,
    /// Whether nothing takes time at the API server.
    pub(in crate::sim::fuzz) ideal: bool,
    /// How old what a controller acts on may be.
    pub(in crate::sim::fuzz) lag: Span,
    /// When which nodes are drained.
    pub(in crate::sim::fuzz) drains: Vec<(Time, String)>,
}

/// The case of a seed; always the same.
pub(in crate::sim::fuzz) fn case(seed: u64) -> Chaos {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let ideal = dice.chance(50);
    let horizon = dice.between(200, 2_400);
    let nodes = nodes(dice);
    let mut work = objects::draw(dice, horizon);
    let mood = Mood { calm: true, ideal };
    let noise =
        if dice.chance(40) { workload::draw(dice, mood, horizon, nodes.len()) } else { <_>::default() };
    let plane = if dice.chance(40) { events::plane(dice, horizon, ideal) } else { <_>::default() };
    let mut actions = events::actions(dice, &nodes, &mut work, horizon);
    events::make_good(dice, &nodes, &work, horizon + REPAIR, &mut actions);
    actions.sort_by_key(|(at, _)| *at);
    let mut objects = work.created;
    objects.extend(noise.objects);
    objects.sort_by_key(|(at, _)| *at);
    let lag = match (ideal, plane.faults.is_empty() && !has_kills(&actions)) {
        (true, true) => Span::ZERO,
        (false, true) => LAG,
        (_, false) => LONG_LAG,
    };
    let setup = Setup {
        metrics: MetricsSetup { loads: work.loads, ..MetricsSetup::default() },
        seed: dice.between(0, u64::from(u32::MAX)),
        pools: vec![Pool { name: "pool".into(), price_per_hour: 1.0 }],
        registered: None,
        bound_pods: Vec::new(),
        faults: events::machine_faults(dice, &nodes, horizon),
        nodes,
        objects,
        sources: noise.sources,
        plane,
        actions,
        default_behavior: workload::default_behavior(dice, true),
        timing: if ideal { Timing::ideal() } else { Timing::kubernetes() },
        control: generate::control(dice, true, ideal),
        stop: StopRule { at: Some(Time::from_secs(horizon + REPAIR + PATIENCE)), ..StopRule::default() },
        check_invariants: true,
    };
    let drains = setup.actions.iter().filter_map(|(at, action)| match action {
        Action::Drain(node) => Some((*at, node.clone())),
        _ => None,
    });
    Chaos { drains: drains.collect(), setup, ideal, lag }
}

fn has_kills(actions: &[(Time, Action)]) -> bool {
    actions.iter().any(|(_, action)| matches!(action, Action::Kill(_)))
}

/// Machines of which each has room for everything that must run at the end.
fn nodes(dice: &mut Dice) -> Vec<NodeSetup> {
    let count = dice.between(2, 8);
    let racks = dice.between(1, 4);
    let node = |dice: &mut Dice, number: u64| NodeSetup {
        node: Arc::new(node(dice, number)),
        pool: PoolId(0),
        rack: format!("rack-{}", number % racks),
    };
    (0..count).map(|number| node(dice, number)).collect()
}

fn node(dice: &mut Dice, number: u64) -> Node {
    let name = format!("n{number}");
    let mut meta = ObjectMeta { name: name.clone(), ..ObjectMeta::default() };
    meta.labels.insert("kubernetes.io/hostname".into(), name);
    if dice.chance(80) {
        meta.labels.insert(ZONE_LABEL.into(), dice.pick(&ZONES).into());
    }
    let mut node = Node { meta, ..Node::default() };
    let gibibytes = dice.between(64, 128) as i64;
    let amounts = [
        ("cpu", Quantity::from_milli(dice.between(16_000, 32_000) as i64)),
        ("memory", Quantity::from_units(gibibytes << 30)),
        ("pods", Quantity::from_units(250)),
        (generate::GPU, Quantity::from_units(8)),
    ];
    for (resource, amount) in amounts {
        node.allocatable.insert(resource.into(), amount);
    }
    node.capacity = node.allocatable.clone();
    node
}

/// An object that there is, or may be, during the run.
#[derive(Clone, Debug)]
struct Known {
    /// As it is declared last.
    object: Object,
    /// How often it was given another template.
    version: u32,
    /// Whether a person has done something that the end must not depend on.
    is_dubious: bool,
}
