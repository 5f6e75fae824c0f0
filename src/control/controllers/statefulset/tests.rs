//! The event loop through the harness.

use super::*;
use crate::api::PodTemplate;
use crate::api::workload::{PodManagement, StatefulSetUpdate};
use crate::base::ids::NodeId;
use crate::control::harness::Harness;
use std::sync::Arc;

fn harness() -> (Harness, NodeId) {
    let mut harness = Harness::with(vec![Box::new(StatefulSetController::new(&Config::default()))]);
    let node = harness.node("n", "a");
    (harness, node)
}

fn set(replicas: i32) -> StatefulSet {
    let mut set = StatefulSet { replicas, revision_history_limit: 10, ..StatefulSet::default() };
    set.meta.name = "db".into();
    set
}

fn parallel(replicas: i32) -> StatefulSet {
    StatefulSet { pod_management: PodManagement::Parallel, ..set(replicas) }
}

/// Gives the set another template.
fn update(harness: &mut Harness, id: WorkloadId, version: &str) {
    harness.change(id, |kind| {
        let WorkloadKind::StatefulSet(set) = kind else { panic!("a StatefulSet") };
        let mut template = PodTemplate::clone(&set.template);
        template.labels.insert("version".into(), version.into());
        set.template = Arc::new(template);
    });
}

fn name(harness: &Harness, pod: PodRef) -> String {
    harness.cluster.pods.name_text(&harness.cluster.names, pod.id)
}

/// The pods that are not being deleted, by name.
fn names(harness: &Harness, id: WorkloadId) -> Vec<String> {
    let mut names: Vec<String> = harness.active(id).into_iter().map(|pod| name(harness, pod)).collect();
    names.sort();
    names
}

fn pod(harness: &Harness, id: WorkloadId, wanted: &str) -> PodRef {
    let all = harness.cluster.pods_of(id).iter().map(|&row| harness.cluster.pods.reference(row));
    all.into_iter().find(|&pod| name(harness, pod) == wanted).expect("the pod is there")
}

/// Starts every pod that waits, until none is left.
fn start_all(harness: &mut Harness, id: WorkloadId, node: NodeId) {
    for _ in 0..20 {
        for pod in harness.active(id) {
            if !harness.cluster.pods.ready[pod.id.index()] {
                harness.start(pod, node);
            }
        }
    }
}

fn status(harness: &Harness, id: WorkloadId) -> StatefulSetStatus {
    match harness.workload_status(id) {
        Status::StatefulSet(status) => (**status).clone(),
        other => panic!("{other:?}"),
    }
}

fn count(harness: &Harness, is_it: fn(&Write) -> bool) -> usize {
    harness.writes().filter(|(_, write)| is_it(write)).count()
}

fn creations(harness: &Harness) -> usize {
    count(harness, |write| matches!(write, Write::CreatePod { .. }))
}

fn revisions(harness: &Harness) -> usize {
    count(harness, |write| matches!(write, Write::ControllerRevision { .. }))
}

#[test]
fn pods_come_in_order_and_go_from_the_highest() {
    let (mut harness, node) = harness();
    let id = harness.stateful_set(StatefulSet { start_ordinal: 5, ..set(3) });
    assert_eq!(names(&harness, id), ["db-5"]);
    let first = pod(&harness, id, "db-5");
    harness.start(first, node);
    assert_eq!(names(&harness, id), ["db-5", "db-6"]);
    start_all(&mut harness, id, node);
    assert_eq!(names(&harness, id), ["db-5", "db-6", "db-7"]);
    let now = status(&harness, id);
    assert_eq!((now.replicas, now.ready, now.available, now.current, now.updated), (3, 3, 3, 3, 3));
    assert_eq!((now.current_revision, now.update_revision, now.observed_generation), (1, 1, 1));
    harness.scale(id, 1);
    assert_eq!(names(&harness, id), ["db-5", "db-6"], "the next one waits for the highest to go");
    let highest = pod(&harness, id, "db-7");
    harness.remove(highest);
    assert_eq!(names(&harness, id), ["db-5"]);
    assert_eq!((revisions(&harness), status(&harness, id).observed_generation), (1, 2));
}

#[test]
fn a_pod_comes_again_only_when_the_old_one_is_gone() {
    let (mut harness, node) = harness();
    let id = harness.stateful_set(set(2));
    start_all(&mut harness, id, node);
    let first = pod(&harness, id, "db-0");
    harness.tell(Event::PodDeleting { pod: first, grace: Span::ZERO, reason: Reason::TaintEviction });
    harness.run_for(Span::from_secs(100));
    assert_eq!((names(&harness, id), creations(&harness)), (vec!["db-1".to_owned()], 2));
    harness.remove(first);
    assert_eq!((names(&harness, id).len(), creations(&harness)), (2, 3));
    let second = pod(&harness, id, "db-1");
    harness.finish(second, 1);
    assert_eq!(names(&harness, id), ["db-0"], "nothing is done about it before the lower one is ready");
    start_all(&mut harness, id, node);
    assert_eq!((names(&harness, id).len(), creations(&harness)), (2, 4));
}

#[test]
fn updates_stop_at_the_partition_and_come_back() {
    let (mut harness, node) = harness();
    let update_from = |partition| StatefulSetUpdate::RollingUpdate { partition, max_unavailable: None };
    let id = harness.stateful_set(StatefulSet { update: update_from(1), ..set(3) });
    start_all(&mut harness, id, node);
    update(&mut harness, id, "2");
    for ordinal in ["db-2", "db-1"] {
        let old = pod(&harness, id, ordinal);
        assert!(harness.cluster.pods.deleting_since[old.id.index()].is_some(), "{ordinal}");
        harness.remove(old);
        start_all(&mut harness, id, node);
    }
    let now = status(&harness, id);
    assert_eq!((now.current, now.updated, now.current_revision, now.update_revision), (1, 2, 1, 2));
    let below = pod(&harness, id, "db-0");
    harness.tell(Event::PodDeleting { pod: below, grace: Span::ZERO, reason: Reason::Deleted });
    harness.remove(below);
    start_all(&mut harness, id, node);
    assert_eq!(status(&harness, id).current, 1, "below the partition the old template is kept");
    harness.change(id, |kind| {
        let WorkloadKind::StatefulSet(set) = kind else { panic!("a StatefulSet") };
        set.update = update_from(0);
    });
    let below = pod(&harness, id, "db-0");
    harness.remove(below);
    start_all(&mut harness, id, node);
    let now = status(&harness, id);
    assert_eq!((now.current, now.updated, now.current_revision), (3, 3, 2));
    assert_eq!(revisions(&harness), 2);
    update(&mut harness, id, "3");
    update(&mut harness, id, "2");
    assert_eq!((revisions(&harness), status(&harness, id).update_revision), (4, 2));
}

#[test]
fn old_templates_are_given_up() {
    let (mut harness, node) = harness();
    let id = harness.stateful_set(StatefulSet { revision_history_limit: 0, ..set(1) });
    start_all(&mut harness, id, node);
    for version in ["2", "3"] {
        update(&mut harness, id, version);
        let old = pod(&harness, id, "db-0");
        harness.remove(old);
        start_all(&mut harness, id, node);
    }
    harness.scale(id, 1);
    assert_eq!(revisions(&harness), 3 + 2, "three are made and two deleted");
}

#[test]
fn waits_until_pods_are_available() {
    let (mut harness, node) = harness();
    harness.run_until(Time(10_700_000_000));
    let id = harness.stateful_set(StatefulSet { min_ready_seconds: 4, ..set(2) });
    let first = pod(&harness, id, "db-0");
    harness.start(first, node);
    harness.run_until(Time(13_999_000_000));
    assert_eq!((names(&harness, id).len(), status(&harness, id).available), (1, 0));
    harness.run_until(Time(14_000_000_000));
    assert_eq!((names(&harness, id).len(), status(&harness, id).available), (2, 1), "time stamps are cut");
}

#[test]
fn parallel_sets_start_slowly_and_stop_at_a_refusal() {
    let (mut harness, node) = harness();
    harness.reject_next(3);
    let id = harness.stateful_set(parallel(9));
    // The requests are for the template, a pod and the status, whose success would be a reason to try again.
    assert_eq!((creations(&harness), harness.active(id).len()), (1, 0));
    harness.run_for(Span::from_secs(1));
    assert_eq!((creations(&harness), harness.active(id).len()), (10, 9));
    start_all(&mut harness, id, node);
    harness.scale(id, 7);
    assert_eq!(harness.active(id).len(), 7);
    update(&mut harness, id, "2");
    assert_eq!(harness.active(id).len(), 6, "updates go one at a time");
}

#[test]
fn nothing_is_done_while_a_set_is_deleted() {
    let (mut harness, node) = harness();
    let id = harness.stateful_set(set(3));
    let first = pod(&harness, id, "db-0");
    harness.tell(Event::WorkloadDeleting { workload: id });
    harness.start(first, node);
    assert_eq!(names(&harness, id), ["db-0"]);
    harness.tell(Event::WorkloadRemoved { workload: id });
    harness.remove(first);
    assert_eq!(creations(&harness), 1);
}
