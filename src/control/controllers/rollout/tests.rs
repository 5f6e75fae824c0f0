//! The arithmetic by data, and against the answers of the real controller.

use super::*;
use crate::control::recorded;
use serde_json::Value;

fn member(created: u64, replicas: i32, available: i32) -> Member {
    Member { created: Time::from_secs(created), replicas, available, ..Member::default() }
}

fn sizes(members: &Members) -> Vec<i32> {
    members.sets.iter().map(|set| set.replicas).collect()
}

#[test]
fn limits_are_rounded_and_never_both_zero() {
    use IntOrPercent::{Int, Percent};
    for (replicas, max_surge, max_unavailable, surge, unavailable) in [
        (10, Percent(25), Percent(25), 3, 2),
        (1, Percent(25), Percent(25), 1, 0),
        (10, Int(0), Percent(5), 0, 1),
        (2, Int(7), Int(9), 7, 2),
        (0, Percent(50), Percent(50), 0, 0),
        (i32::MAX, Percent(i32::MAX), Int(-3), i32::MAX, 0),
    ] {
        let target = Target::new(replicas, UpdateStrategy::RollingUpdate { max_surge, max_unavailable }, 0);
        assert_eq!((target.surge, target.unavailable), (surge, unavailable), "{replicas} {max_surge:?}");
    }
}

#[test]
fn a_roll_out_by_the_default_limits() {
    let target = Target::new(10, UpdateStrategy::default(), 10);
    let mut members = Members { sets: vec![member(0, 10, 10), member(1, 0, 0)], new: Some(1) };
    let mut story = Vec::new();
    while members.roll(target) != Step::Nothing {
        story.push(sizes(&members));
        for set in &mut members.sets {
            set.available = set.replicas;
        }
    }
    assert_eq!(
        story,
        [[10, 3], [5, 3], [5, 8], [0, 8], [0, 10]],
        "at most 13 pods, at least 8 available at each step"
    );
}

#[test]
fn a_step_that_is_given_up_says_that_it_did_nothing() {
    let target = Target::new(10, UpdateStrategy::default(), 13);
    // The second old set's status lags behind its size.
    let sets = vec![member(0, 4, 2), member(1, 2, 3), member(2, 7, 6)];
    let mut members = Members { sets, new: Some(2) };
    assert_eq!((members.roll(target), sizes(&members)), (Step::Nothing, vec![2, 2, 7]));
}

#[test]
fn pods_of_old_sets_without_replicas_are_not_counted_as_available() {
    let target = Target::new(4, UpdateStrategy::default(), 5);
    let sets = vec![member(0, 0, 2), member(1, 4, 4), member(2, 1, 0)];
    let mut members = Members { sets, new: Some(2) };
    assert_eq!((members.roll(target), sizes(&members)), (Step::ScaledDown, vec![0, 3, 1]));
}

#[test]
fn recreate_empties_before_it_fills() {
    let target = Target::new(4, UpdateStrategy::Recreate, 4);
    let mut members = Members { sets: vec![member(0, 4, 4), member(1, 0, 0)], new: Some(1) };
    assert_eq!((members.recreate(target), sizes(&members)), (Step::ScaledDown, vec![0, 0]));
    assert_eq!((members.recreate(target), sizes(&members)), (Step::ScaledUp, vec![0, 4]));
    assert_eq!(members.recreate(target), Step::Nothing);
}

#[test]
fn scaling_of_one_active_set_is_whole() {
    let target = Target::new(7, UpdateStrategy::default(), 3);
    let mut members = Members { sets: vec![Member { desired: Some(3), ..member(0, 3, 3) }], new: Some(0) };
    assert!(members.is_scaling_event(target));
    members.scale(target, true);
    assert_eq!(sizes(&members), [7]);
    assert!(!members.is_scaling_event(target));
}

fn number(value: &Value) -> Option<i32> {
    value.as_i64().map(|number| number as i32).or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn limit(value: &Value, default: IntOrPercent) -> IntOrPercent {
    match value {
        Value::Number(_) => IntOrPercent::Int(number(value).unwrap()),
        Value::String(text) => IntOrPercent::Percent(text.trim_end_matches('%').parse().unwrap()),
        _ => default,
    }
}

fn recorded_members(sets: &[Value]) -> Members {
    let mut names: Vec<&str> = sets.iter().map(|set| set["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let find = |name: &&str| sets.iter().find(|set| set["name"] == **name).unwrap();
    let new = names.iter().position(|name| find(name)["new"] == true);
    let member = |(order, name): (usize, &&str)| {
        let set = find(name);
        let created = Time::from_secs(set["created"].as_u64().unwrap());
        let [replicas, available] = ["replicas", "available"].map(|key| number(&set[key]).unwrap());
        let [desired, max] = ["desiredAnnotation", "maxAnnotation"].map(|key| number(&set[key]));
        Member { created, order, replicas, available, desired, max }
    };
    Members { sets: names.iter().enumerate().map(member).collect(), new }
}

#[test]
fn safety_the_real_controller_takes_the_same_step() {
    let Some(cases) = recorded::cases("controllers-1.36/deployment.jsonl.gz") else { return };
    for case in &cases {
        let (input, expected) = (&case["input"], &case["expected"]);
        let default = IntOrPercent::Percent(25);
        let rolling = &input["rollingUpdate"];
        let max_surge = limit(&rolling["maxSurge"], default);
        let max_unavailable = limit(&rolling["maxUnavailable"], default);
        let strategy = UpdateStrategy::RollingUpdate { max_surge, max_unavailable };
        let replicas = number(&input["replicas"]).unwrap();
        let target = Target::new(replicas, strategy, number(&input["statusReplicas"]).unwrap_or(0));
        let resolved = [target.surge, target.unavailable];
        let id = &case["id"];
        assert_eq!(
            resolved,
            ["maxSurge", "maxUnavailable"].map(|key| number(&expected[key]).unwrap()),
            "{id}"
        );
        let mut members = recorded_members(input["replicaSets"].as_array().unwrap());
        if input["op"] == "rollout" {
            let phase = match members.roll(target) {
                Step::ScaledUp => "scaledUp",
                Step::ScaledDown => "scaledDown",
                Step::Nothing => "nothing",
            };
            assert_eq!(expected["phase"], phase, "{id}");
        } else {
            members.scale(target, true);
        }
        let after = expected["replicaSets"].as_array().unwrap();
        for (set, wanted) in members.sets.iter().zip(after) {
            let ours = [Some(set.replicas), set.desired, set.max];
            let theirs = ["replicas", "desiredAnnotation", "maxAnnotation"].map(|key| number(&wanted[key]));
            assert_eq!(ours, theirs, "{id} {}", wanted["name"]);
        }
    }
    recorded::report("deployment", cases.len(), cases.len(), 0);
}
