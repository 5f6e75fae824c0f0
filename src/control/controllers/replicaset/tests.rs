//! The decision by data, the event loop through the harness.

use super::*;
use crate::api::{PodPhase, PodTemplate, ReplicaSet};
use crate::base::ids::ClassId;
use crate::control::PodStatus;
use crate::control::harness::Harness;
use proptest::prelude::*;
use std::sync::Arc;

fn harness() -> Harness {
    Harness::with(vec![Box::new(ReplicaSetController::new(&Config::default()))])
}

fn set(replicas: i32, min_ready_seconds: i32) -> ReplicaSet {
    let mut set = ReplicaSet { replicas, min_ready_seconds, ..ReplicaSet::default() };
    set.meta.name = "web".into();
    set.template = Arc::new(PodTemplate::default());
    set
}

fn numbers(harness: &Harness, id: WorkloadId) -> [i32; 3] {
    let status = harness.cluster.workloads[id].replica_set_status();
    [status.replicas, status.ready, status.available]
}

fn created(harness: &Harness) -> usize {
    harness.writes().filter(|(_, write)| matches!(write, Write::CreatePod { .. })).count()
}

#[test]
fn the_difference_is_made_up_within_the_burst() {
    for (active, desired, action) in [
        (3, 3, Action::Nothing),
        (0, 2, Action::Create(2)),
        (0, 900, Action::Create(500)),
        (5, 2, Action::Delete(3)),
        (900, 0, Action::Delete(500)),
        (1, -7, Action::Delete(1)),
        (usize::MAX, i32::MAX, Action::Delete(500)),
    ] {
        assert_eq!(reconcile(active, desired, 500), action, "{active} of {desired}");
    }
}

#[test]
fn pods_are_created_and_counted() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let id = harness.replica_set(set(3, 0));
    assert_eq!(numbers(&harness, id), [3, 0, 0]);
    let pods = harness.active(id);
    harness.start(pods[0], node);
    assert_eq!(numbers(&harness, id), [3, 1, 1]);
    harness.finish(pods[0], 1);
    assert_eq!(numbers(&harness, id), [3, 0, 0], "a failed pod is replaced");
    assert_eq!(created(&harness), 4);
}

#[test]
fn a_pod_is_replaced_when_its_deletion_begins() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let id = harness.replica_set(set(2, 0));
    let pod = harness.active(id)[0];
    harness.start(pod, node);
    harness.tell(Event::PodDeleting { pod, grace: Span::from_secs(30), reason: Reason::Deleted });
    assert_eq!(created(&harness), 3);
    harness.remove(pod);
    assert_eq!(created(&harness), 3);
    assert_eq!(numbers(&harness, id), [2, 0, 0]);
}

#[test]
fn available_after_min_ready_seconds_to_the_moment() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let id = harness.replica_set(set(2, 10));
    let pods = harness.active(id);
    harness.run_until(Time::from_secs(1));
    harness.start(pods[0], node);
    harness.run_until(Time::from_secs(5));
    harness.start(pods[1], node);
    harness.run_until(Time(10_999_999_999));
    assert_eq!(numbers(&harness, id), [2, 2, 0]);
    harness.run_until(Time::from_secs(11));
    assert_eq!(numbers(&harness, id), [2, 2, 1]);
    let unready = crate::control::PodStatus { phase: crate::api::PodPhase::Running, ..Default::default() };
    harness.status(pods[1], unready);
    harness.run_until(Time::from_secs(20));
    assert_eq!(numbers(&harness, id), [2, 1, 1], "an interrupted wait does not count");
}

#[test]
fn scaling_down_deletes_pods_without_a_node_first() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let id = harness.replica_set(set(3, 0));
    let pods = harness.active(id);
    harness.start(pods[1], node);
    harness.scale(id, 1);
    assert_eq!(harness.active(id), [pods[1]]);
    harness.scale(id, 0);
    assert_eq!(numbers(&harness, id), [0, 0, 0]);
    assert_eq!(harness.cluster.pods.count, 1, "the bound one stays until its kubelet has stopped it");
}

#[test]
fn more_than_a_burst_comes_in_turns() {
    let mut harness = harness();
    let id = harness.replica_set(set(1_200, 0));
    assert_eq!(numbers(&harness, id)[0], 1_200);
    harness.scale(id, 100);
    assert_eq!(harness.active(id).len(), 100);
    let statuses = harness.writes().filter(|(_, write)| matches!(write, Write::WorkloadStatus { .. }));
    assert_eq!(statuses.count(), 8, "one status a sync, not one a pod");
}

/// What a quota does: the failure is told once, and every change of a pod is a further try, which
/// doubles the wait.
#[test]
fn a_failure_is_told_until_a_sync_goes_well() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let id = harness.replica_set(set(1, 0));
    let pod = harness.active(id)[0];
    let failure = |harness: &Harness| {
        harness.cluster.workloads[id].replica_set_status().failure.map(|failure| failure.reason)
    };
    harness.tell(Event::WorkloadScaled { workload: id, replicas: 1 });
    let kind = Box::new(harness.cluster.workloads[id].kind.clone());
    let refuse = |harness: &mut Harness| {
        let pod =
            Write::CreatePod { owner: id, class: ClassId::default(), number: 9, index: None, tracked: false };
        harness.tell(Event::Refused(Box::new(pod), Refusal::Forbidden));
    };
    refuse(&mut harness);
    assert_eq!(failure(&harness), None, "no sync is under way");
    harness.reject_next(1);
    harness.scale(id, 3);
    assert_eq!(created(&harness), 4, "the status that tells of the failure makes another try at once");
    assert_eq!((failure(&harness), harness.active(id).len()), (None, 3));
    let failures = harness.writes().filter(|(_, write)| {
        let Write::WorkloadStatus { status: Status::ReplicaSet(status), .. } = write else { return false };
        status.failure.is_some_and(|failure| failure.reason == "FailedCreate")
    });
    assert_eq!(failures.count(), 1);
    harness.start(pod, node);
    let class = ClassId::default();
    harness.tell(Event::WorkloadChanged { workload: id, kind, class, generation: 9 });
    assert_eq!(harness.cluster.workloads[id].replica_set_status().observed_generation, 9);
}

#[test]
fn pods_that_are_being_deleted_are_counted_until_they_end() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let id = harness.replica_set(set(3, 0));
    let pods = harness.active(id);
    let terminating = |harness: &Harness| harness.cluster.workloads[id].replica_set_status().terminating;
    for &pod in &pods {
        harness.start(pod, node);
    }
    harness.scale(id, 1);
    assert_eq!(terminating(&harness), 2);
    let gone: Vec<PodRef> = pods.iter().copied().filter(|pod| !harness.active(id).contains(pod)).collect();
    harness.tell(Event::PodDeleting { pod: gone[0], grace: Span::ZERO, reason: Reason::Deleted });
    assert_eq!(terminating(&harness), 2, "a repeated deletion is none");
    harness.finish(gone[0], 1);
    assert_eq!(terminating(&harness), 1);
    harness.remove(gone[0]);
    harness.remove(gone[1]);
    assert_eq!(terminating(&harness), 0);
}

#[test]
fn a_refused_creation_is_tried_again_after_the_back_off() {
    let mut harness = harness();
    harness.reject_next(4);
    let id = harness.replica_set(set(2, 0));
    assert_eq!(harness.active(id).len(), 0);
    harness.run_until(Time(4_999_999));
    assert_eq!(created(&harness), 1, "a refusal stops the batches");
    harness.run_until(Time(5_000_000));
    assert_eq!(created(&harness), 2);
    harness.run_until(Time::from_secs(1));
    assert_eq!(harness.active(id).len(), 2);
}

proptest! {
    /// Whatever happens to the pods, the controller ends with the desired number, never makes
    /// more, and its status is what a count over all pods gives.
    #[test]
    fn liveness_the_desired_number_is_reached(
        steps in prop::collection::vec((0_u8..5, 0_usize..12), 1..60),
        min_ready in 0..3,
    ) {
        let mut harness = harness();
        let node = harness.node("n", "a");
        let id = harness.replica_set(set(4, min_ready));
        let mut desired = 4;
        for (kind, choice) in steps {
            let pods = harness.active(id);
            let pod = pods.get(choice % pods.len().max(1)).copied();
            match (kind, pod) {
                (0, _) => {
                    desired = choice as i32;
                    harness.scale(id, desired);
                }
                (1, Some(pod)) if harness.cluster.pods.node[pod.id.index()].is_none() => harness.start(pod, node),
                (2, Some(pod)) => harness.finish(pod, 1),
                (3, Some(pod)) => harness.tell(Event::PodDeleting { pod, grace: Span::ZERO, reason: Reason::Deleted }),
                (4, Some(pod)) => harness.remove(pod),
                _ => {}
            }
            harness.run_for(Span::from_millis(700));
            let active = harness.active(id);
            prop_assert_eq!(active.len() as i32, desired);
            let pods = &harness.cluster.pods;
            let ready: Vec<_> = active.iter().filter(|pod| pods.ready[pod.id.index()]).collect();
            let since = |pod: &PodRef| harness.now.since(pods.ready_since[pod.id.index()].floor_second());
            let available = ready.iter().filter(|pod| since(pod) >= Span::from_secs(min_ready as u64)).count();
            prop_assert_eq!(numbers(&harness, id), [desired, ready.len() as i32, available as i32]);
        }
    }
}

/// The rows of a removed set's pods are used again: what was known of their pods must not count.
#[test]
fn a_removed_set_leaves_nothing_behind_in_the_rows_of_its_pods() {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let make = |name: &str| {
        let mut set = ReplicaSet { replicas: 1, min_ready_seconds: 1, ..ReplicaSet::default() };
        set.meta.name = name.into();
        set
    };
    let first = harness.replica_set(make("first"));
    let pod = harness.active(first)[0];
    harness.start(pod, node);
    harness.run_for(Span::from_secs(5));
    harness.tell(Event::WorkloadRemoved { workload: first });
    harness.remove(pod);
    let second = harness.replica_set(make("second"));
    let again = harness.active(second)[0];
    assert_eq!(again.id, pod.id, "the row is used again");
    harness.start(again, node);
    harness.status(again, PodStatus { phase: PodPhase::Running, ..PodStatus::default() });
    harness.run_for(Span::from_secs(5));
    let status = harness.cluster.workloads[second].replica_set_status();
    assert_eq!((status.ready, status.available), (0, 0));
}
