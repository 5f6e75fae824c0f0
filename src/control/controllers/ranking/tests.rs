//! The deletion order by data, and against the answers of the real controller.

use super::*;
use crate::base::ids::PodId;
use crate::control::recorded;
use serde_json::Value;

fn running(row: u32) -> Candidate {
    Candidate {
        pod: PodId(row),
        uid: u64::from(row),
        assigned: true,
        stage: 2,
        ready_since: Some(Time::from_secs(100)),
        deletion_cost: 0,
        rank: 0,
        restarts: 0,
        created: Time::from_secs(90),
    }
}

#[test]
fn each_rule_decides_when_the_ones_before_it_are_even() {
    let now = Time::from_secs(1_000);
    let cases: [(&str, Candidate); 8] = [
        ("no node", Candidate { assigned: false, ..running(9) }),
        ("pending", Candidate { stage: 0, ..running(9) }),
        ("not ready", Candidate { ready_since: None, ..running(9) }),
        ("cheap", Candidate { deletion_cost: -1, ..running(9) }),
        ("crowded", Candidate { rank: 2, ..running(9) }),
        ("ready for a short time", Candidate { ready_since: Some(Time::from_secs(900)), ..running(9) }),
        ("restarted", Candidate { restarts: 3, ..running(9) }),
        ("young", Candidate { created: Time::from_secs(95), uid: 0, ..running(9) }),
    ];
    for (name, first) in cases {
        let mut candidates = vec![running(1), first, running(2)];
        sort(&mut candidates, now);
        assert_eq!(candidates[0].pod, PodId(9), "{name}");
    }
}

#[test]
fn deletion_costs_are_read_as_the_original_does() {
    for (text, cost) in [
        ("-5", Some(-5)),
        ("0", Some(0)),
        ("12", Some(12)),
        ("+5", None),
        ("05", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(deletion_cost(text), cost, "{text:?}");
    }
}

fn seconds(value: &Value) -> Time {
    Time::from_secs(value.as_u64().unwrap_or(0))
}

fn recorded_candidate(row: usize, pod: &Value) -> Candidate {
    let restarts = pod["restarts"].as_array().into_iter().flatten().filter_map(Value::as_u64).max();
    Candidate {
        pod: PodId(row as u32),
        uid: u64::from_str_radix(pod["uid"].as_str().unwrap_or("0"), 16).unwrap_or(0),
        assigned: pod["node"].as_str().is_some_and(|node| !node.is_empty()),
        stage: ["Pending", "Unknown", "Running"].iter().position(|phase| pod["phase"] == *phase).unwrap()
            as u8,
        ready_since: (pod["ready"] == true).then(|| seconds(&pod["readyAt"])),
        deletion_cost: pod["deletionCost"].as_str().and_then(deletion_cost).unwrap_or(0),
        rank: 0,
        restarts: restarts.unwrap_or(0) as u32,
        created: seconds(&pod["created"]),
    }
}

#[test]
fn safety_the_real_controller_deletes_the_same_pods() {
    let Some(cases) = recorded::cases("controllers-1.36/replicaset-delete.jsonl.gz") else { return };
    for case in &cases {
        let pods = case["input"]["pods"].as_array().unwrap();
        let on_node = |node: &Value| pods.iter().filter(|pod| &pod["node"] == node).count() as u32;
        let mut own: Vec<Candidate> = Vec::new();
        for (row, pod) in pods.iter().enumerate().filter(|(_, pod)| pod["relatedOnly"] != true) {
            own.push(Candidate { rank: on_node(&pod["node"]), ..recorded_candidate(row, pod) });
        }
        sort(&mut own, seconds(&case["input"]["now"]));
        let diff = case["input"]["diff"].as_u64().unwrap() as usize;
        let mut victims: Vec<&Value> =
            own.iter().take(diff).map(|candidate| &pods[candidate.pod.index()]["name"]).collect();
        victims.sort_unstable_by_key(|name| name.as_str());
        let expected: Vec<&Value> = case["expected"]["victims"].as_array().unwrap().iter().collect();
        assert_eq!(victims, expected, "{}", case["id"]);
    }
    recorded::report("replicaset-delete", cases.len(), cases.len(), 0);
}
