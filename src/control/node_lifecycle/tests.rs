//! The decisions by data, the event loop through the harness, and the recorded runs' timings.

use super::*;
use crate::api::PodTemplate;
use crate::control::harness::Harness;
use std::sync::Arc;

fn harness() -> Harness {
    Harness::with(vec![Box::new(NodeLifecycleController::new(&Config::default()))])
}

fn at(seconds: f64) -> Time {
    Time::from_secs_f64(seconds)
}

/// `moment node +taint` or `-taint` or `=condition`, in order, for the writes of the controller.
fn story(harness: &Harness) -> Vec<String> {
    let mut lines = Vec::new();
    for (when, write) in harness.writes() {
        let seconds = when.as_secs_f64();
        match write {
            Write::NodeReady { node, ready } => lines.push(format!("{seconds} {} ={ready:?}", node.0)),
            Write::NodeTaints { node, add, remove } => {
                let line = |sign, taint: &Taint| {
                    let key = taint.key.rsplit('/').next().unwrap_or("");
                    format!("{seconds} {} {sign}{key}:{}", node.0, taint.effect.name())
                };
                lines.extend(add.iter().map(|taint| line('+', taint)));
                lines.extend(remove.iter().map(|taint| line('-', taint)));
            }
            Write::PodNotReady { pod } => lines.push(format!("{seconds} pod {} not ready", pod.id.0)),
            _ => {}
        }
    }
    lines
}

#[test]
fn taints_follow_the_condition_and_the_cordon() {
    let keys = |taints: Vec<Taint>| taints.into_iter().map(|taint| taint.key).collect::<Vec<_>>();
    for (ready, cordoned, has, add, remove) in [
        (ReadyStatus::True, false, "", vec![], vec![]),
        (ReadyStatus::Unknown, false, "", vec![UNREACHABLE], vec![]),
        (ReadyStatus::False, true, UNREACHABLE, vec![NOT_READY, UNSCHEDULABLE], vec![UNREACHABLE]),
        (ReadyStatus::True, false, NOT_READY, vec![], vec![NOT_READY]),
        (ReadyStatus::Unknown, false, UNREACHABLE, vec![], vec![]),
    ] {
        let (added, removed) = no_schedule_taints(ready, cordoned, false, |key| key == has);
        assert_eq!(
            (keys(added), keys(removed)),
            (add.iter().map(ToString::to_string).collect(), remove.iter().map(ToString::to_string).collect()),
            "{ready:?} {cordoned} {has}"
        );
    }
}

#[test]
fn a_silent_node_and_its_return() {
    let mut harness = harness();
    let node = harness.node("a1", "a");
    harness.node("a2", "a");
    let pod = harness.pod("p", &Arc::new(PodTemplate::default()));
    harness.start(pod, node);
    harness.run_until(at(11.9));
    harness.silence(node);
    harness.run_until(at(470.06));
    harness.wake(node);
    harness.run_until(at(600.0));
    assert_eq!(
        story(&harness),
        [
            "65 0 =Unknown",
            "65 pod 0 not ready",
            "65 0 +unreachable:NoSchedule",
            "65.1 0 +unreachable:NoExecute",
            "470.06 0 -unreachable:NoSchedule",
            "475 0 -unreachable:NoExecute",
        ]
    );
    assert_eq!(harness.taints(node), Vec::<String>::new());
}

#[test]
fn safety_unknown_comes_50_to_55_seconds_after_the_last_renewal() {
    for tenths in 0..110_u64 {
        let mut harness = harness();
        let node = harness.node("a1", "a");
        harness.node("a2", "a");
        let renewal = Time(tenths * 100_000_000 + 5_000_000_000);
        harness.run_until(renewal);
        harness.silence(node);
        harness.run_until(at(100.0));
        let (unknown, _) = harness
            .writes()
            .find(|(_, write)| matches!(write, Write::NodeReady { .. }))
            .expect("it is noticed");
        let delay = unknown.since(renewal).as_secs_f64();
        assert!((50.0..55.0).contains(&delay), "{delay}");
    }
}

#[test]
fn a_node_that_comes_back_in_time_is_not_marked() {
    let mut harness = harness();
    let node = harness.node("a1", "a");
    harness.silence(node);
    harness.run_until(at(49.0));
    harness.tell(Event::HeartbeatsResumed { node });
    harness.run_until(at(500.0));
    assert_eq!(story(&harness), Vec::<String>::new());
    assert_eq!(harness.poll_timeout(), None, "nothing to watch, no passes");
}

/// The recorded run public-zone-two-of-three: the zone stays Normal, so the taints are 10 s apart.
#[test]
fn two_of_three_nodes_are_tainted_ten_seconds_apart() {
    let mut harness = harness();
    let nodes = [harness.node("a1", "a"), harness.node("a2", "a"), harness.node("a3", "a")];
    harness.node("b1", "b");
    harness.run_until(at(10.0));
    harness.silence(nodes[0]);
    harness.silence(nodes[1]);
    harness.run_until(at(200.0));
    let executed: Vec<String> =
        story(&harness).into_iter().filter(|line| line.ends_with("NoExecute")).collect();
    assert_eq!(executed, ["60.1 0 +unreachable:NoExecute", "70.1 1 +unreachable:NoExecute"]);
}

/// The recorded run public-all-nodes-silent: nodes that were tainted before the pass that finds
/// every node silent lose their NoExecute taint at that pass, and nothing more is tainted.
#[test]
fn when_every_node_is_silent_the_evictions_stop() {
    let mut harness = harness();
    let nodes = [harness.node("a1", "a"), harness.node("a2", "a"), harness.node("b1", "b")];
    harness.run_until(at(4.0));
    harness.silence(nodes[0]);
    harness.run_until(at(9.0));
    harness.silence(nodes[1]);
    harness.silence(nodes[2]);
    harness.run_until(at(131.0));
    for node in nodes {
        assert_eq!(harness.taints(node), ["node.kubernetes.io/unreachable:NoSchedule"]);
    }
    harness.wake(nodes[2]);
    harness.run_until(at(134.9));
    assert_eq!(harness.taints(nodes[0]).len(), 1);
    harness.run_until(at(200.0));
    assert_eq!(harness.taints(nodes[0]).len(), 2, "one node is heard again: the others are tainted");
    assert_eq!(harness.taints(nodes[2]), Vec::<String>::new());
    let executed: Vec<String> =
        story(&harness).into_iter().filter(|line| line.ends_with("NoExecute")).collect();
    assert_eq!(
        executed,
        [
            "55.1 0 +unreachable:NoExecute",
            "60 0 -unreachable:NoExecute",
            "145 0 +unreachable:NoExecute",
            "155 1 +unreachable:NoExecute",
        ],
        "the limiter's bucket was empty, so the first taint comes 10 s after the pass"
    );
}

#[test]
fn a_node_that_is_not_ready_gets_the_other_taint_and_they_are_exchanged() {
    let mut harness = harness();
    let node = harness.node("a1", "a");
    harness.node("a2", "a");
    harness.run_until(at(1.0));
    harness.tell(Event::NodeChanged { node, change: NodeChange::Ready(ReadyStatus::False) });
    harness.run_until(at(20.0));
    harness.silence(node);
    harness.run_until(at(100.0));
    assert_eq!(
        story(&harness)[..7],
        [
            "1 0 +not-ready:NoSchedule",
            "5.1 0 +not-ready:NoExecute",
            "70 0 =Unknown",
            "70 0 +unreachable:NoExecute",
            "70 0 -not-ready:NoExecute",
            "70 0 +unreachable:NoSchedule",
            "70 0 -not-ready:NoSchedule",
        ]
    );
}

#[test]
fn a_small_zone_in_partial_disruption_is_left_alone() {
    let mut harness = harness();
    let nodes: Vec<NodeId> = (0..4).map(|number| harness.node(&format!("a{number}"), "a")).collect();
    harness.run_until(at(10.0));
    for &node in &nodes[..3] {
        harness.silence(node);
    }
    harness.run_until(at(1_000.0));
    assert!(story(&harness).iter().all(|line| !line.ends_with("NoExecute")));
    assert_eq!(harness.poll_timeout(), None);
}

#[test]
fn a_node_that_was_cordoned_is_tainted() {
    let mut harness = harness();
    let node = harness.node("a1", "a");
    harness.tell(Event::NodeChanged { node, change: NodeChange::Unschedulable(true) });
    assert_eq!(harness.taints(node), ["node.kubernetes.io/unschedulable:NoSchedule"]);
    harness.tell(Event::NodeChanged { node, change: NodeChange::Unschedulable(false) });
    assert_eq!(harness.taints(node), Vec::<String>::new());
}

#[test]
fn a_refused_write_is_repeated_at_the_next_pass() {
    let mut harness = harness();
    let node = harness.node("a1", "a");
    harness.node("a2", "a");
    harness.run_until(at(1.0));
    harness.silence(node);
    harness.run_until(at(54.0));
    harness.reject_next(1);
    harness.run_until(at(100.0));
    assert_eq!(story(&harness)[..3], ["55 0 =Unknown", "60 0 =Unknown", "60 0 +unreachable:NoSchedule"]);
}

#[test]
fn the_grid_starts_at_the_phase() {
    let (phase, period) = (at(2.0), Span::from_secs(5));
    for (moment, pass) in [(0.0, 2.0), (2.0, 2.0), (2.1, 7.0), (7.0, 7.0), (11.9, 12.0)] {
        assert_eq!(grid(phase, period, at(moment)), at(pass), "{moment}");
    }
    assert_eq!(grid(phase, Span::ZERO, at(3.0)), at(3.0));
}
