//! The indexed search against the plain one: the same node, the same ties, the same diagnosis, on
//! random clusters, pods, churn and settings.

use super::super::nominator::Nominator;
use super::textbook::Dice;
use super::*;
use crate::api::pod::{PodAffinity, PodAffinityTerm, TopologySpreadConstraint, WhenUnsatisfiable};
use crate::api::{LabelSelector, Node};
use crate::base::rng::{Purpose, Streams};
use crate::control::config::{Mode, ScoringStrategy, Version};
use proptest::prelude::*;

/// A configuration drawn at random.
fn configuration(dice: &mut Dice) -> Config {
    let mut config =
        Config { version: [Version::V1_34, Version::V1_36][dice.below(2) as usize], ..Config::default() };
    config.scheduler = crate::control::config::Scheduler::default_for(config.version);
    config.seed = dice.below(1 << 20);
    let profile = &mut config.scheduler.profiles[0];
    if dice.one_in(3) {
        profile.args.fit.strategy = ScoringStrategy::MostAllocated;
    }
    for (_, weight) in &mut profile.plugins.score {
        if dice.one_in(4) {
            *weight = 1 + dice.below(5) as i64;
        }
    }
    if dice.one_in(6) {
        let dropped = dice.below(profile.plugins.score.len() as u64) as usize;
        profile.plugins.score.remove(dropped);
    }
    config
}

/// Gives a template labels and, at random, constraints that look at other pods.
fn constrain(dice: &mut Dice, template: &mut PodTemplate) {
    const TOPOLOGIES: [&str; 4] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk", "rank"];
    let app = ["web", "db"][dice.below(2) as usize];
    template.labels.insert("app".into(), app.into());
    let selector = |dice: &mut Dice| LabelSelector {
        match_labels: vec![("app".into(), ["web", "db"][dice.below(2) as usize].into())],
        ..LabelSelector::default()
    };
    let spec = &mut template.spec;
    for _ in 0..dice.below(3) {
        spec.topology_spread.push(TopologySpreadConstraint {
            max_skew: 1 + dice.below(3) as i32,
            topology_key: TOPOLOGIES[dice.below(4) as usize].into(),
            when_unsatisfiable: [WhenUnsatisfiable::DoNotSchedule, WhenUnsatisfiable::ScheduleAnyway]
                [dice.below(2) as usize],
            label_selector: Some(selector(dice)),
            min_domains: dice.one_in(4).then_some(2),
            honor_node_affinity: dice.one_in(2),
            honor_node_taints: dice.one_in(2),
            match_label_keys: Vec::new(),
        });
    }
    let term = |dice: &mut Dice| PodAffinityTerm {
        label_selector: Some(selector(dice)),
        topology_key: TOPOLOGIES[dice.below(4) as usize].into(),
        ..PodAffinityTerm::default()
    };
    let terms = |dice: &mut Dice| {
        let mut affinity = PodAffinity::default();
        if dice.one_in(3) {
            affinity.required.push(term(dice));
        }
        if dice.one_in(2) {
            affinity.preferred.push((1 + dice.below(100) as i32, term(dice)));
        }
        affinity
    };
    if dice.one_in(3) {
        spec.affinity.pod = Some(terms(dice));
    }
    if dice.one_in(3) {
        spec.affinity.pod_anti = Some(terms(dice));
    }
}

/// Decides with both for a number of steps, placing what is placed and disturbing the cluster;
/// returns how
/// many of the decisions the index has answered.
fn compare(seed: u64, count: usize, steps: usize) -> Result<u64, TestCaseError> {
    let mut dice = Dice(Streams::new(seed).stream(Purpose::Fuzz, 1));
    let mut config = configuration(&mut dice);
    let nodes: Vec<Node> = (0..count).map(|number| dice.node(number)).collect();
    let mut cluster = cluster_of(&nodes);
    let mut spare: Vec<Node> = (0..5).map(|number| dice.node(count + number)).collect();
    let looks_at_others = dice.one_in(2);
    let mut make = || {
        let mut template = dice.template(count);
        if looks_at_others {
            constrain(&mut dice, &mut template);
        }
        Arc::new(template)
    };
    let templates: Vec<Arc<PodTemplate>> = (0..6).map(|_| make()).collect();
    // A Service brings default spreading.
    let pairs = std::collections::BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    cluster.selectors.set_service(&mut cluster.names, "default", "web", Some(&pairs));
    config.scheduler.mode = Mode::Plain;
    let mut plain = Cycle::new(&config, 0);
    config.scheduler.mode = Mode::Indexed;
    let mut indexed = Cycle::new(&config, 0);
    let has_promises = dice.one_in(4);
    let mut nominated = Nominator::default();
    // Somewhere in the list, which may become shorter.
    let next_start = dice.below(count as u64) as usize;
    for cycle in [&mut plain, &mut indexed] {
        cycle.go_on(Position { next_start, ..Position::default() }, Time::ZERO);
    }
    for step in 0..steps {
        let class = cluster.class(&templates[dice.below(6) as usize], "default", 0);
        let attempt = Attempt { class, pod: None, key: step as u64 };
        let expected = plain.schedule(&mut cluster, attempt, &nominated);
        let found = indexed.schedule(&mut cluster, attempt, &nominated);
        prop_assert_eq!(&found, &expected, "step {} of seed {}", step, seed);
        prop_assert_eq!(indexed.position(), plain.position(), "step {} of seed {}", step, seed);
        if let Outcome::Placed(placement) = found {
            let pod = insert_pod(&mut cluster, class);
            cluster.place(pod, placement.node);
        }
        if has_promises && dice.one_in(20) {
            let promised = insert_pod(&mut cluster, class);
            nominated.nominate(promised, NodeId(dice.below(cluster.nodes.len() as u64) as u32));
        }
        if dice.one_in(5) && !cluster.pods.present.is_empty() {
            let pod = PodId(dice.below(cluster.pods.present.len() as u64) as u32);
            cluster.begin_deletion(pod, Time::ZERO);
        }
        if dice.one_in(4) {
            let often = dice.one_in(6);
            dice.disturb(&mut cluster, &mut spare, often);
        }
    }
    Ok(indexed.index.answers())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn safety_indexed_equals_plain(seed in any::<u64>(), count in 1usize..250) {
        compare(seed, count, 120)?;
    }
}

/// An environment variable asks for more decisions than usual: for a long run once in a while.
#[test]
#[expect(clippy::disallowed_methods, reason = "the length of the run is not the test's to know")]
#[expect(clippy::print_stderr, reason = "a long run says how long it was")]
fn safety_indexed_equals_plain_many_times() {
    let asked = std::env::var("SEATRIAL_DECISIONS").ok().and_then(|text| text.parse().ok());
    let decisions: u64 = asked.unwrap_or(2_000);
    let (mut compared, mut answered, mut seed) = (0, 0, 0);
    while compared < decisions {
        let count = 1 + (seed as usize * 37) % 400;
        answered += compare(seed, count, 500).unwrap_or_else(|error| panic!("{error}"));
        compared += 500;
        seed += 1;
    }
    if asked.is_some() {
        eprintln!("compared {compared} decisions in {seed} clusters; the index answered {answered}");
    }
    assert!(answered * 4 > compared, "the index answered {answered} of {compared}");
}
