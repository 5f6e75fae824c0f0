//! Nodes with too few and too many pods, and the status.

use super::*;

const NOW: Time = Time::from_secs(1_000);
const PLAIN: Rule = Rule { min_ready: Span::ZERO, surges: false, now: NOW };
const SURGE: Rule = Rule { surges: true, ..PLAIN };
const RUN: Placement = Placement { run: true, keep: true };
const KEEP: Placement = Placement { run: false, keep: true };
const NONE: Placement = Placement { run: false, keep: false };

/// A pod in words: `r` ready, `u` not ready, `p` pending and unbound, `f` failed, `s` succeeded;
/// then when it was created, then `'` for the new template, then `-` if it is being deleted. Its id is
/// that moment.
fn pod(text: &str) -> DaemonPod {
    let (kind, rest) = text.split_at(1);
    let created = rest.trim_end_matches(['\'', '-']).parse().unwrap();
    DaemonPod {
        id: created,
        is_new: rest.contains('\''),
        bound: kind != "p",
        created: Time::from_secs(u64::from(created)),
        ready: (kind == "r").then_some(Time::from_secs(990)),
        phase: match kind {
            "p" => PodPhase::Pending,
            "f" => PodPhase::Failed,
            "s" => PodPhase::Succeeded,
            _ => PodPhase::Running,
        },
        deleting: rest.ends_with('-'),
    }
}

fn node(id: u32, placement: Placement, pods: &str) -> DaemonNode {
    let pods = pods.split_whitespace().map(pod).filter(DaemonPod::counts).collect();
    DaemonNode { id, exists: true, placement, pods }
}

fn check(placement: Placement, rule: Rule, pods: &str, create: bool, delete: &[u32]) {
    let changes = manage(&[node(7, placement, pods)], &rule, &mut |_| true);
    let create_on = if create { vec![7] } else { Vec::new() };
    assert_eq!(changes, Changes { create_on, delete: delete.to_vec() }, "{pods}");
}

#[test]
fn one_pod_a_node() {
    check(RUN, PLAIN, "", true, &[]);
    check(RUN, PLAIN, "u5", false, &[]);
    check(RUN, PLAIN, "u5-", false, &[]);
    // One that has ended and is being deleted makes room at once.
    check(RUN, PLAIN, "f5-", true, &[]);
    check(RUN, PLAIN, "f5", false, &[5]);
    check(RUN, PLAIN, "s5", false, &[5]);
    check(RUN, PLAIN, "r5 r3 p1", false, &[5, 1]);
    check(KEEP, PLAIN, "", false, &[]);
    check(KEEP, PLAIN, "r5", false, &[]);
    check(NONE, PLAIN, "r5 u6- f7", false, &[5, 7]);
}

#[test]
fn two_templates_side_by_side() {
    check(RUN, SURGE, "r1 u2'", false, &[]);
    check(RUN, SURGE, "r1 r2'", false, &[1]);
    check(RUN, SURGE, "u1 u2'", false, &[1]);
    check(RUN, SURGE, "r1 r2 u3' u4'", false, &[2, 4]);
    check(RUN, SURGE, "r1-", true, &[]);
    check(KEEP, SURGE, "r1-", false, &[]);
    let slow = Rule { min_ready: Span::from_secs(11), ..SURGE };
    check(RUN, slow, "r1 r2'", false, &[]);
}

#[test]
fn failed_pods_wait_for_their_back_off() {
    let nodes = [node(1, RUN, "f5"), node(2, RUN, "f6 f7")];
    let mut asked = Vec::new();
    let changes = manage(&nodes, &PLAIN, &mut |node| {
        asked.push(node.id);
        asked.len() != 3
    });
    assert_eq!((changes.delete, asked), (vec![5, 6], vec![1, 2, 2]));
}

#[test]
fn pods_for_a_node_that_has_gone() {
    let gone = DaemonNode { exists: false, ..node(1, NONE, "p5 r6") };
    let changes = manage(std::slice::from_ref(&gone), &PLAIN, &mut |_| true);
    assert_eq!(changes.delete, [5], "the pod that runs there is left to the garbage collector");
    assert_eq!(status([&gone], &PLAIN), DaemonSetStatus::default());
}

#[test]
fn status_counts_the_oldest_pod_of_each_node() {
    let nodes = [
        node(1, RUN, "r1'"),
        node(2, RUN, "r2 u3'"),
        node(3, RUN, ""),
        node(4, RUN, "u4'"),
        node(5, KEEP, "r5"),
        node(6, NONE, ""),
        node(7, RUN, "p1' r6"),
    ];
    let status = status(&nodes, &Rule { min_ready: Span::from_secs(10), ..PLAIN });
    let expected = DaemonSetStatus {
        desired: 5,
        current: 4,
        misscheduled: 1,
        ready: 3,
        available: 3,
        unavailable: 2,
        updated: 2,
        observed_generation: 0,
    };
    assert_eq!(status, expected);
    let late = super::status(&nodes, &Rule { min_ready: Span::from_secs(11), ..PLAIN });
    assert_eq!((late.ready, late.available, late.unavailable), (3, 0, 5));
}
