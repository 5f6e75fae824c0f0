//! The indexed search against the plain one where nothing but their load tells nodes apart: many nodes of a
//! few sizes, classes that take turns after few or many changes, nodes that are cordoned.

use super::textbook::Dice;
use super::*;
use crate::api::{Container, Node};
use crate::base::Quantity;
use crate::base::ids::{JobId, TaskId};
use crate::base::rng::{Purpose, Streams};
use crate::cluster::Fleet;
use crate::cluster::fleet::Job;
use crate::control::config::Mode;
use proptest::prelude::*;

fn node(dice: &mut Dice, number: usize, zones: u64) -> Node {
    let (cpu, memory) = [(4, 16), (8, 16), (16, 64)][dice.below(3) as usize];
    let amounts = [("cpu", cpu), ("memory", memory << 30), ("pods", 20)];
    let amounts = amounts.map(|(name, units)| (name.to_owned(), Quantity::from_units(units)));
    let mut node = Node::default();
    node.meta.name = format!("n{number}");
    node.allocatable = amounts.clone().into();
    node.capacity = amounts.into();
    if zones > 0 {
        let zone = format!("z{}", dice.below(zones));
        node.meta.labels.insert("topology.kubernetes.io/zone".into(), zone);
    }
    node
}

fn template(dice: &mut Dice) -> Arc<PodTemplate> {
    let mut container = Container::default();
    let requests = &mut container.resources.requests;
    requests.insert("cpu".into(), Quantity::from_milli(100 + dice.below(40) as i64 * 50));
    requests.insert("memory".into(), Quantity::from_units((100 + dice.below(4_000) as i64) << 20));
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    Arc::new(template)
}

/// Cordons and uncordons nodes, removes some, with what is on them, one by one or the last third at once,
/// and adds others.
fn disturb(dice: &mut Dice, fleet: &mut Fleet, zones: u64) {
    let rows = fleet.cluster.nodes.len() as u64;
    let any = NodeId(dice.below(rows) as u32);
    let is_present = fleet.cluster.nodes.present.contains(any.index());
    match dice.below(16) {
        0..4 if is_present => {
            let up = dice.one_in(2);
            fleet.set_up(any, up);
        }
        4 if is_present => remove(fleet, any),
        5 if dice.one_in(4) => {
            for row in rows * 2 / 3..rows {
                if fleet.cluster.nodes.present.contains(row as usize) {
                    remove(fleet, NodeId(row as u32));
                }
            }
        }
        6 => {
            let added = node(dice, rows as usize, zones);
            fleet.add_node(&added, PoolId(0));
        }
        _ => {}
    }
}

fn remove(fleet: &mut Fleet, node: NodeId) {
    fleet.set_up(node, false);
    fleet.cluster.remove_node(node);
}

/// Decides with both, whichever of some classes comes, while pods come and go; several of one class in a
/// row, so that the others have missed few changes, some, or more than there are nodes.
fn compare(seed: u64, count: usize, turns: usize) -> Result<u64, TestCaseError> {
    let mut dice = Dice(Streams::new(seed).stream(Purpose::Fuzz, 2));
    let zones = dice.below(2) * 3;
    let nodes: Vec<Node> = (0..count).map(|number| node(&mut dice, number, zones)).collect();
    let mut fleet = Fleet::default();
    for node in &nodes {
        fleet.add_node(node, PoolId(0));
    }
    let jobs = [0, 1, 2, 3, 4].map(|number| {
        let (job, class) = (JobId(number), fleet.class(&template(&mut dice)));
        fleet.enter(job, Job { class, tasks: 1 << 20, waiting: 1 << 20, ..Job::default() });
        (job, class)
    });
    let mut config = Config::default();
    let mut cycles = [Mode::Plain, Mode::Indexed, Mode::Indexed].map(|mode| {
        config.scheduler.mode = mode;
        Cycle::new(&config, 0)
    });
    let mut held: Vec<TaskId> = Vec::new();
    for turn in 0..turns {
        let (job, class) = jobs[dice.below(5) as usize];
        let most = if dice.one_in(2) { 2 } else { 30 };
        for step in 0..=dice.below(most) {
            let key = turn as u64 * 64 + step;
            let [plain, indexed, placing] = &mut cycles;
            let expected = plain.evaluate(&mut fleet.cluster, class, key);
            let found = indexed.evaluate(&mut fleet.cluster, class, key);
            prop_assert_eq!(&found, &expected, "turn {} of seed {}", turn, seed);
            let node = match found {
                Outcome::Placed(placement) => Some(placement.node),
                Outcome::Rejected(_) => None,
            };
            prop_assert_eq!(
                placing.place(&mut fleet.cluster, class, key),
                node,
                "turn {} of seed {}",
                turn,
                seed
            );
            if let Some(node) = node {
                held.push(fleet.start(Time::ZERO, job, node));
            }
        }
        let ends = [0, 5, count as u64][dice.below(3) as usize].min(held.len() as u64);
        for _ in 0..ends {
            fleet.end(held.swap_remove(dice.below(held.len() as u64) as usize));
        }
        disturb(&mut dice, &mut fleet, zones);
    }
    Ok(cycles[1].index.answers())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn safety_flat_index_equals_plain(seed in any::<u64>(), count in 1usize..200) {
        compare(seed, count, 40)?;
    }
}

/// More nodes than are looked at together.
#[test]
fn safety_flat_index_equals_plain_with_many_nodes() {
    for (seed, count) in [(1, 1_024), (2, 1_025), (3, 2_500)] {
        let answered = compare(seed, count, 12).unwrap_or_else(|error| panic!("{error}"));
        assert!(answered > 20, "the index answered {answered}");
    }
}
