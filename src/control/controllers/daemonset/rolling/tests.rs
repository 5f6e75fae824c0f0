//! Steps of a rolling update.

use super::*;
use crate::api::PodPhase;
use crate::api::workload::IntOrPercent;
use crate::base::{Span, Time};
use crate::control::controllers::daemonset::placement::Placement;

const RULE: Rule = Rule { min_ready: Span::ZERO, surges: false, now: Time::from_secs(1_000) };
const RUN: Placement = Placement { run: true, keep: true };
const KEEP: Placement = Placement { run: false, keep: true };

/// A node whose number is also that of its old pod; a new one has 100 more. `r` is ready, `u` is
/// not; the new pod has a capital letter.
fn node(id: u32, placement: Placement, pods: &str) -> DaemonNode {
    let pod = |kind: char| DaemonPod {
        id: if kind.is_ascii_uppercase() { 100 + id } else { id },
        is_new: kind.is_ascii_uppercase(),
        bound: true,
        created: Time::from_secs(1),
        ready: kind.eq_ignore_ascii_case(&'r').then_some(Time::from_secs(990)),
        phase: PodPhase::Running,
        deleting: false,
    };
    DaemonNode { id, exists: true, placement, pods: pods.chars().map(pod).collect() }
}

fn nodes(pods: &[&str]) -> Vec<DaemonNode> {
    pods.iter().zip(1..).map(|(pods, id)| node(id, RUN, pods)).collect()
}

#[test]
fn limits_are_rounded_up_and_never_both_zero() {
    let limits = |max_surge, max_unavailable, desired| {
        let update = DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable };
        let limits = Limits::new(update, desired);
        (limits.surge, limits.unavailable)
    };
    let none = IntOrPercent::Int(0);
    assert_eq!(limits(none, IntOrPercent::Percent(10), 11), (0, 2));
    assert_eq!(limits(IntOrPercent::Percent(1), none, 5), (1, 0));
    assert_eq!(limits(none, IntOrPercent::Percent(0), 5), (0, 1));
    assert_eq!(limits(none, none, 0), (0, 0));
    assert_eq!(limits(none, IntOrPercent::Percent(i32::MAX), i32::MAX), (0, i32::MAX));
    let on_delete = Limits::new(DaemonSetUpdate::OnDelete, 5);
    assert_eq!((on_delete.surge, on_delete.unavailable), (0, 1));
    assert!(surges(DaemonSetUpdate::RollingUpdate {
        max_surge: IntOrPercent::Percent(1),
        max_unavailable: none
    }));
    assert!(!surges(DaemonSetUpdate::default()));
}

fn deleted(pods: &[&str], unavailable: i32) -> Vec<u32> {
    let nodes = nodes(pods);
    step(&nodes, Limits { surge: 0, unavailable }, nodes.len() as i32, &RULE).changes().delete
}

#[test]
fn old_pods_go_within_the_limit() {
    assert_eq!(deleted(&["r", "r", "r"], 1), [1]);
    assert_eq!(deleted(&["r", "r", "r"], 2), [1, 2]);
    assert_eq!(deleted(&["R", "r", "U"], 1), [0_u32; 0]);
    assert_eq!(deleted(&["R", "r", "U"], 2), [2]);
    assert_eq!(deleted(&["r", "u", "u"], 1), [2, 3], "what is not available always goes");
    assert_eq!(deleted(&["r", "", "rr"], 2), [0_u32; 0], "nodes without a pod and with two count");
    assert_eq!(deleted(&["r", "rU"], 2), [1]);
}

#[test]
fn new_pods_come_beside_the_old() {
    let limits = Limits { surge: 1, unavailable: 0 };
    let changes = |nodes: &[DaemonNode], desired| step(nodes, limits, desired, &RULE).changes();
    let found = changes(&nodes(&["r", "r", "u"]), 3);
    assert_eq!((found.create_on, found.delete), (vec![3, 1], vec![]));
    let found = changes(&nodes(&["rU", "r", "rR"]), 3);
    assert_eq!((found.create_on, found.delete), (vec![], vec![3]));
    // Nodes that should have no pod give theirs up when enough others are available.
    let mut moved = nodes(&["R", "U"]);
    moved.push(node(3, KEEP, "r"));
    moved.push(node(4, KEEP, "u"));
    assert_eq!(changes(&moved, 2).delete, [4]);
    moved[1] = node(2, RUN, "R");
    assert_eq!(changes(&moved, 2).delete, [4, 3]);
    let gone = DaemonNode { exists: false, ..node(5, KEEP, "r") };
    assert_eq!(changes(&[node(1, RUN, "u"), gone], 1), Changes::default());
}

#[test]
fn nodes_without_any_say_do_not_count() {
    let mut all = nodes(&["r", "r"]);
    all.push(node(3, KEEP, ""));
    assert_eq!(step(&all, Limits { surge: 0, unavailable: 1 }, 2, &RULE).changes().delete, [1]);
}
