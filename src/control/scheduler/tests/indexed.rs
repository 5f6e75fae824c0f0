//! The indexed search against the plain one: the same node, the same ties, the same diagnosis, on
//! random clusters, pods, churn and settings.

use super::textbook::Dice;
use super::*;
use crate::api::Node;
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

/// Decides with both for a number of steps, placing what is placed and disturbing the cluster;
/// returns how many decisions were compared.
fn compare(seed: u64, count: usize, steps: usize) -> Result<usize, TestCaseError> {
    let mut dice = Dice(Streams::new(seed).stream(Purpose::Fuzz, 1));
    let mut config = configuration(&mut dice);
    let nodes: Vec<Node> = (0..count).map(|number| dice.node(number)).collect();
    let mut cluster = cluster_of(&nodes);
    let mut spare: Vec<Node> = (0..5).map(|number| dice.node(count + number)).collect();
    let templates: Vec<Arc<PodTemplate>> = (0..6).map(|_| Arc::new(dice.template(count))).collect();
    config.scheduler.mode = Mode::Plain;
    let mut plain = Cycle::new(&config, 0);
    config.scheduler.mode = Mode::Indexed;
    let mut indexed = Cycle::new(&config, 0);
    for step in 0..steps {
        let class = cluster.class(&templates[dice.below(6) as usize], "default", 0);
        let expected = plain.evaluate(&mut cluster, class, step as u64);
        let found = indexed.evaluate(&mut cluster, class, step as u64);
        prop_assert_eq!(&found, &expected, "step {} of seed {}", step, seed);
        if let Outcome::Placed(placement) = found {
            let pod = insert_pod(&mut cluster, class);
            cluster.place(pod, placement.node);
        }
        if dice.one_in(4) {
            let often = dice.one_in(6);
            dice.disturb(&mut cluster, &mut spare, often);
        }
    }
    Ok(steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn safety_indexed_equals_plain(seed in any::<u64>(), count in 1usize..250) {
        compare(seed, count, 120)?;
    }
}

/// How many decisions are compared by [`safety_indexed_equals_plain_many_times`]: an environment
/// variable says so, for a long run once in a while.
#[test]
#[expect(clippy::disallowed_methods, reason = "the length of the run is not the test's to know")]
#[expect(clippy::print_stderr, reason = "a long run says how long it was")]
fn safety_indexed_equals_plain_many_times() {
    let asked = std::env::var("SEATRIAL_DECISIONS").ok().and_then(|text| text.parse().ok());
    let decisions: usize = asked.unwrap_or(2_000);
    let (mut done, mut seed) = (0, 0);
    while done < decisions {
        let count = 1 + (seed as usize * 37) % 400;
        done += compare(seed, count, 500).unwrap_or_else(|error| panic!("{error}"));
        seed += 1;
    }
    if asked.is_some() {
        eprintln!("compared {done} decisions of {seed} clusters");
    }
    assert!(done >= decisions);
}
