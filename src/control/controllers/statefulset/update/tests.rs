//! One sync: what is written, and the status.

use super::*;
use proptest::prelude::*;

const NOW: Time = Time::from_secs(1_000);
const SAME: Revisions = Revisions { current: 1, update: 1 };
const CHANGED: Revisions = Revisions { current: 1, update: 2 };

fn target(replicas: u32) -> Target {
    Target {
        replicas,
        start: 0,
        management: PodManagement::OrderedReady,
        update: StatefulSetUpdate::default(),
        min_ready: Span::ZERO,
        deleting: false,
    }
}

fn parallel(replicas: u32) -> Target {
    Target { management: PodManagement::Parallel, ..target(replicas) }
}

fn from_partition(partition: i32) -> StatefulSetUpdate {
    StatefulSetUpdate::RollingUpdate { partition, max_unavailable: None }
}

/// A pod in words: `r` running and ready, `u` running and not ready, `p` pending, `f` failed, `s`
/// succeeded; then its ordinal, then `'` for the new template, then `-` if it is being deleted.
fn member(text: &str) -> Member {
    let (kind, rest) = text.split_at(1);
    let ordinal = rest.trim_end_matches(['\'', '-']).parse().unwrap();
    let phase = match kind {
        "p" => PodPhase::Pending,
        "f" => PodPhase::Failed,
        "s" => PodPhase::Succeeded,
        _ => PodPhase::Running,
    };
    Member {
        ordinal,
        revision: if rest.contains('\'') { 2 } else { 1 },
        phase: Some(phase),
        ready: (kind == "r").then_some(Time::from_secs(990)),
        deleting: rest.ends_with('-'),
    }
}

fn run(target: Target, revisions: Revisions, pods: &str) -> Decision {
    let members: Vec<Member> = pods.split_whitespace().map(member).collect();
    decide(&target, revisions, &members, NOW)
}

/// The writes in words: `+2'` creates ordinal 2 of the new template, `-2` deletes it.
fn writes(decision: &Decision) -> String {
    let word = |action: &Action| match *action {
        Action::Create { ordinal, revision } => format!("+{ordinal}{}", if revision == 2 { "'" } else { "" }),
        Action::Delete { ordinal } => format!("-{ordinal}"),
    };
    decision.actions.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn check(target: Target, revisions: Revisions, pods: &str, expected: &str) {
    assert_eq!(writes(&run(target, revisions, pods)), expected, "{pods}");
}

#[test]
fn in_order_one_at_a_time() {
    check(target(3), SAME, "", "+0");
    check(target(3), SAME, "p0", "");
    check(target(3), SAME, "u0", "");
    check(target(3), SAME, "r0", "+1");
    check(target(3), SAME, "r0 r2", "+1");
    check(target(3), SAME, "r1 r2", "+0");
    check(target(3), SAME, "r0- r1 r2", "");
    check(target(3), SAME, "r0 f1 r2", "-1");
    check(target(3), SAME, "r0 s1 r2", "-1");
    check(target(3), SAME, "r0 f1- r2", "");
    let slow = Target { min_ready: Span::from_secs(11), ..target(3) };
    check(slow, SAME, "r0", "");
    check(Target { min_ready: Span::from_secs(10), ..slow }, SAME, "r0", "+1");
    check(Target { start: 5, ..target(2) }, SAME, "r5", "+6");
}

#[test]
fn fewer_in_order_from_the_highest() {
    check(target(1), SAME, "r0 r1 r2", "-2");
    check(target(1), SAME, "r0 r1 r2-", "");
    check(target(1), SAME, "r0 u1 r2", "-2");
    check(target(1), SAME, "r0 r1 u2", "-2");
    // The one below is the first that is not available.
    check(target(1), SAME, "r0 u1 u2", "");
    check(target(1), SAME, "u0 r1", "");
    check(Target { start: 1, ..target(1) }, SAME, "r0 r1", "-0");
}

#[test]
fn updates_go_from_the_highest_to_the_partition() {
    check(target(3), CHANGED, "r0 r1 r2", "-2");
    check(target(3), CHANGED, "r0 r1", "+2'");
    check(target(3), CHANGED, "r0 r1 r2'", "-1");
    check(target(3), CHANGED, "r0 r1 u2'", "");
    let parted = Target { update: from_partition(1), ..target(3) };
    check(parted, CHANGED, "r0 r1' r2'", "");
    check(parted, CHANGED, "r1' r2'", "+0");
    check(Target { start: 4, ..parted }, CHANGED, "r4 r5 r6'", "-5");
    check(Target { start: 4, ..parted }, CHANGED, "r5' r6'", "+4");
    check(Target { update: StatefulSetUpdate::OnDelete, ..parted }, CHANGED, "r0 r1 r2", "");
    check(Target { update: StatefulSetUpdate::OnDelete, ..parted }, CHANGED, "r1 r2", "+0'");
    // A broken new template is not left by mending it: the unready pod blocks the sync.
    check(target(2), Revisions { current: 1, update: 3 }, "r0 u1'", "");
}

#[test]
fn parallel_waits_for_nothing_but_updates_one_at_a_time() {
    check(parallel(3), SAME, "", "+0 +1 +2");
    check(parallel(3), SAME, "p0 f1 r2-", "-1");
    check(parallel(1), SAME, "r0 u1 r2- u3", "-3 -1");
    check(parallel(3), CHANGED, "r0 r1 r2", "-2");
    check(parallel(3), CHANGED, "r0 r1 u2", "-2");
    check(parallel(3), CHANGED, "r0 r1 u2'", "");
}

#[test]
fn a_set_that_is_deleted_leaves_its_pods() {
    let decision = run(Target { deleting: true, ..target(3) }, SAME, "r0 f1 r9");
    assert_eq!(writes(&decision), "");
    assert_eq!((decision.status.replicas, decision.status.ready), (3, 2));
}

#[test]
fn status_counts_and_the_end_of_an_update() {
    let status = run(target(3), CHANGED, "r0 r1 r2'").status;
    let expected = StatefulSetStatus {
        replicas: 3,
        ready: 3,
        available: 3,
        current: 1,
        updated: 1,
        current_revision: 1,
        update_revision: 2,
        observed_generation: 0,
    };
    assert_eq!(status, expected, "the pod that this sync deletes is no longer current");
    let status = run(target(2), CHANGED, "r0' r1'").status;
    assert_eq!((status.current, status.current_revision), (2, 2));
    let status = run(target(2), CHANGED, "r0' u1'").status;
    assert_eq!((status.current, status.current_revision), (0, 1));
    let status = run(target(3), CHANGED, "r1' r2'").status;
    assert_eq!(status.current_revision, 1, "not while one is missing");
    let parted = Target { update: from_partition(1), ..target(2) };
    let status = run(parted, CHANGED, "r0 r1'").status;
    assert_eq!((status.current_revision, status.current, status.updated), (1, 1, 1));
    let slow = Target { min_ready: Span::from_secs(60), ..target(1) };
    let status = run(slow, SAME, "r0").status;
    assert_eq!((status.ready, status.available), (1, 0));
}

#[test]
fn absurd_numbers_are_borne() {
    let most = i32::MAX as u32;
    let huge = Target { start: most, update: from_partition(i32::MAX), ..parallel(most) };
    assert_eq!(decide(&huge, CHANGED, &[], NOW).actions.len(), MAX_ACTIONS);
    check(Target { start: most, ..target(most) }, SAME, "", &format!("+{most}"));
    check(Target { update: from_partition(-3), ..target(1) }, CHANGED, "r0", "-0");
}

fn any_member() -> impl Strategy<Value = Member> {
    let phases = [PodPhase::Pending, PodPhase::Running, PodPhase::Succeeded, PodPhase::Failed];
    let phase = (0..phases.len()).prop_map(move |at| phases[at]);
    (0u32..12, 1u32..3, phase, proptest::option::of(900u64..1_000), any::<bool>()).prop_map(
        |(ordinal, revision, phase, ready, deleting)| {
            let ready = ready.filter(|_| phase == PodPhase::Running).map(Time::from_secs);
            Member { ordinal, revision, phase: Some(phase), ready, deleting }
        },
    )
}

proptest! {
    /// In order there is one write at most, and none about a pod that exists already or is going.
    #[test]
    fn safety_at_most_one_pod_of_a_name(
        members in proptest::collection::vec(any_member(), 0..10),
        replicas in 0u32..8, start in 0u32..4, ordered: bool,
    ) {
        let mut members = members;
        members.sort_by_key(|member| member.ordinal);
        members.dedup_by_key(|member| member.ordinal);
        let management = if ordered { PodManagement::OrderedReady } else { PodManagement::Parallel };
        let target = Target { start, management, ..target(replicas) };
        let decision = decide(&target, CHANGED, &members, NOW);
        prop_assert!(!ordered || decision.actions.len() <= 1);
        for action in &decision.actions {
            let of = |ordinal| members.iter().find(|member| member.ordinal == ordinal);
            match *action {
                Action::Create { ordinal, .. } => prop_assert!(of(ordinal).is_none()),
                Action::Delete { ordinal } => prop_assert!(of(ordinal).is_some_and(|pod| !pod.deleting)),
            }
        }
    }
}
