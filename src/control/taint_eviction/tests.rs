//! The decision by data, the countdown through the harness, and the answers of the real controller.

use super::*;
use crate::api::{self, PodSpec, PodTemplate, Taint, TolerationOperator};
use crate::control::harness::Harness;
use crate::control::node_lifecycle::{NOT_READY, UNREACHABLE};
use crate::control::recorded;
use serde_json::Value;

fn harness(default_toleration: Option<Span>) -> Harness {
    let mut config = Config::default();
    config.nodes.default_toleration = default_toleration;
    Harness::with(vec![Box::new(TaintEvictionController::new(&config))])
}

fn template(tolerations: Vec<api::Toleration>) -> Arc<PodTemplate> {
    let spec = PodSpec { tolerations, ..PodSpec::default() };
    Arc::new(PodTemplate { spec, ..PodTemplate::default() })
}

fn exists(key: &str, seconds: Option<i64>) -> api::Toleration {
    let operator = TolerationOperator::Exists;
    let effect = Some(TaintEffect::NoExecute);
    api::Toleration { key: key.into(), operator, effect, seconds, ..api::Toleration::default() }
}

fn taint(harness: &mut Harness, node: NodeId, keys: &[&str]) {
    let taint =
        |key: &&str| Taint { key: (*key).into(), value: String::new(), effect: TaintEffect::NoExecute };
    let taints = keys.iter().map(taint).collect();
    harness.tell(Event::NodeChanged { node, change: NodeChange::Taints(taints) });
}

/// When each pod was ordered to be deleted for the first time.
fn evictions(harness: &Harness) -> Vec<(f64, PodRef)> {
    let order = |(at, write): (Time, &Write)| match write {
        Write::DeletePod { pod, reason: Reason::TaintEviction, grace: None } => {
            Some((at.as_secs_f64(), *pod))
        }
        _ => None,
    };
    harness.writes().filter_map(order).collect()
}

#[test]
fn default_tolerations_are_added_where_none_is_stated() {
    let mut cluster = Cluster::default();
    let mut counts = Vec::new();
    for stated in [
        vec![],
        vec![exists(NOT_READY, Some(30))],
        vec![exists("", None)],
        vec![exists("other", None)],
        vec![api::Toleration { effect: Some(TaintEffect::NoSchedule), ..exists(UNREACHABLE, None) }],
    ] {
        let class = cluster.class(&template(stated), "default", 0);
        let stated = cluster.classes[class].tolerations.clone();
        let all = with_defaults(&stated, Some(Span::from_secs(300)), &mut cluster.names);
        assert_eq!(with_defaults(&all, Some(Span::from_secs(9)), &mut cluster.names), all, "once is enough");
        assert_eq!(with_defaults(&stated, None, &mut cluster.names), stated);
        counts.push(all.len() - stated.len());
    }
    assert_eq!(counts, [2, 1, 0, 2, 2]);
}

#[test]
fn a_running_countdown_is_neither_shortened_nor_restarted() {
    let mut harness = harness(Some(Span::from_secs(300)));
    let node = harness.node("n", "a");
    let first = harness.pod("p", &template(vec![]));
    let second =
        harness.pod("q", &template(vec![exists(NOT_READY, Some(10)), exists(UNREACHABLE, Some(60))]));
    harness.start(first, node);
    harness.start(second, node);
    harness.run_until(Time::from_secs(1));
    taint(&mut harness, node, &[UNREACHABLE]);
    harness.run_until(Time::from_secs(20));
    taint(&mut harness, node, &[NOT_READY]);
    harness.run_until(Time::from_secs(1_000));
    assert_eq!(evictions(&harness), [(61.0, second), (301.0, first)]);
}

#[test]
fn countdowns_end_with_the_taints_and_begin_with_binding() {
    let mut harness = harness(Some(Span::from_secs(300)));
    let node = harness.node("n", "a");
    let pods = ["p", "q", "r"].map(|name| harness.pod(name, &template(vec![])));
    harness.start(pods[0], node);
    taint(&mut harness, node, &[UNREACHABLE]);
    harness.run_until(Time::from_secs(100));
    taint(&mut harness, node, &[]);
    harness.run_until(Time::from_secs(200));
    taint(&mut harness, node, &[UNREACHABLE]);
    harness.run_until(Time::from_secs(250));
    harness.start(pods[1], node);
    harness.finish(pods[1], 0);
    taint(&mut harness, node, &[UNREACHABLE, "other"]);
    harness.run_until(Time::from_secs(900));
    assert_eq!(evictions(&harness)[0], (250.0, pods[0]), "a taint that is not tolerated at all");
    harness.start(pods[2], node);
    assert_eq!(evictions(&harness).last(), Some(&(900.0, pods[2])));
}

#[test]
fn ended_pods_are_left_alone_and_refused_deletions_repeated() {
    let mut harness = harness(Some(Span::from_secs(300)));
    let node = harness.node("n", "a");
    let [ended, running] = ["p", "q"].map(|name| harness.pod(name, &template(vec![])));
    harness.start(ended, node);
    harness.start(running, node);
    taint(&mut harness, node, &[UNREACHABLE]);
    harness.run_until(Time::from_secs(10));
    harness.finish(ended, 0);
    harness.run_until(Time::from_secs(299));
    // The condition, then the deletion.
    harness.reject_next(2);
    harness.run_until(Time::from_secs(400));
    assert_eq!(evictions(&harness), [(300.0, running), (300.01, running)]);
}

fn recorded_toleration(value: &Value) -> api::Toleration {
    let text = |key: &str| value[key].as_str().unwrap_or("").to_owned();
    api::Toleration {
        key: text("key"),
        operator: if value["operator"] == "Exists" {
            TolerationOperator::Exists
        } else {
            TolerationOperator::Equal
        },
        value: text("value"),
        effect: TaintEffect::parse(&text("effect")),
        seconds: value["tolerationSeconds"].as_i64(),
    }
}

#[test]
fn safety_the_real_controller_evicts_at_the_same_moments() {
    let Some(cases) = recorded::cases("controllers-1.36/taint-eviction.jsonl.gz") else { return };
    for case in &cases {
        let input = &case["input"];
        let mut harness = harness(None);
        let node = harness.node("n", "a");
        let mut pods = Vec::new();
        for pod in input["pods"].as_array().unwrap() {
            let tolerations = pod["tolerations"].as_array().into_iter().flatten().map(recorded_toleration);
            let made = harness.pod(pod["name"].as_str().unwrap(), &template(tolerations.collect()));
            harness.start(made, node);
            pods.push(made);
        }
        for step in input["steps"].as_array().unwrap() {
            harness.run_until(Time::from_secs_f64(step["time"].as_f64().unwrap()));
            let text = |taint: &Value, key: &str| taint[key].as_str().unwrap_or("").to_owned();
            let mark = |taint: &Value| Taint {
                key: text(taint, "key"),
                value: text(taint, "value"),
                effect: TaintEffect::parse(&text(taint, "effect")).unwrap(),
            };
            let taints = step["taints"].as_array().into_iter().flatten().map(mark).collect();
            harness.tell(Event::NodeChanged { node, change: NodeChange::Taints(taints) });
        }
        // What falls due at the end itself is not before it.
        harness.run_until(Time::from_secs_f64(input["until"].as_f64().unwrap()) - Span(1));
        let evicted = evictions(&harness);
        for (pod, expected) in pods.iter().zip(case["expected"]["pods"].as_array().unwrap()) {
            let ours = evicted.iter().find(|(_, evicted)| evicted == pod).map(|&(at, _)| at);
            assert_eq!(ours, expected["evictedAt"].as_f64(), "{} {}", case["id"], expected["name"]);
        }
    }
    recorded::report("taint-eviction", cases.len(), cases.len(), 0);
}
