//! The event loop through the harness, with the ReplicaSet controller beside it.

use super::*;
use crate::api::{Deployment, PodTemplate, UpdateStrategy};
use crate::base::Span;
use crate::base::ids::NodeId;
use crate::control::controllers::ReplicaSetController;
use crate::control::harness::Harness;
use history::revision;
use std::sync::Arc;

/// The only node.
const NODE: NodeId = NodeId(0);

fn harness() -> Harness {
    let config = Config::default();
    let mut harness = Harness::with(vec![
        Box::new(DeploymentController::new(&config)),
        Box::new(ReplicaSetController::new(&config)),
    ]);
    harness.node("n", "a");
    harness
}

fn template(version: &str) -> Arc<PodTemplate> {
    let mut template = PodTemplate::default();
    template.annotations.insert("version".into(), version.into());
    Arc::new(template)
}

fn deployment(replicas: i32) -> Deployment {
    let mut deployment = Deployment {
        replicas,
        progress_deadline_seconds: 30,
        revision_history_limit: 10,
        template: template("1"),
        ..Deployment::default()
    };
    deployment.meta.name = "web".into();
    deployment
}

fn status(harness: &Harness, id: WorkloadId) -> DeploymentStatus {
    status_of(&harness.cluster.workloads[id]).cloned().unwrap_or_default()
}

/// The reason of the condition Progressing.
fn progress(harness: &Harness, id: WorkloadId) -> &'static str {
    status::condition(&status(harness, id), status::PROGRESSING).map_or("", |one| one.reason)
}

/// Changes a Deployment as a person does.
fn edit(harness: &mut Harness, id: WorkloadId, change: impl FnOnce(&mut Deployment)) {
    let row = &harness.cluster.workloads[id];
    let WorkloadKind::Deployment(object) = &row.kind else { panic!("no deployment") };
    let mut object = object.clone();
    change(&mut object);
    let (class, generation) = (row.class, row.generation + 1);
    let kind = Box::new(WorkloadKind::Deployment(object));
    harness.tell(Event::WorkloadChanged { workload: id, kind, class, generation });
}

/// Starts every pod of the ReplicaSets, and takes away those that are being deleted, until nothing
/// happens any more.
fn let_pods_follow(harness: &mut Harness) {
    for _ in 0..100 {
        let pods = &harness.cluster.pods;
        let waiting = pods.iter().find(|pod| pods.node[pod.index()].is_none());
        let leaving = pods.iter().find(|pod| pods.deleting_since[pod.index()].is_some());
        match (waiting, leaving) {
            (Some(pod), _) => harness.start(harness.cluster.pods.reference(pod), NODE),
            (None, Some(pod)) => harness.remove(harness.cluster.pods.reference(pod)),
            (None, None) => return,
        }
    }
    panic!("the pods do not come to rest");
}

/// The ReplicaSets that exist: name of the version, revision, desired and actual pods.
fn sets(harness: &Harness) -> Vec<(String, i64, i32, i32)> {
    let rows = harness.cluster.workloads.iter().filter(|(_, row)| row.present);
    rows.filter_map(|(_, row)| match &row.kind {
        WorkloadKind::ReplicaSet(set) => {
            let version = set.template.annotations.get("version").cloned().unwrap_or_default();
            let pods = row.replica_set_status().replicas;
            Some((version, revision(&set.meta.annotations), set.replicas, pods))
        }
        _ => None,
    })
    .collect()
}

fn set(version: &str, revision: i64, pods: i32) -> (String, i64, i32, i32) {
    (version.to_owned(), revision, pods, pods)
}

#[test]
fn a_deployment_makes_one_replica_set_and_follows_it() {
    let mut harness = harness();
    let id = harness.deployment(deployment(3));
    let set = WorkloadId(id.0 + 1);
    assert_eq!(harness.cluster.workloads[set].owner, Some(id));
    let pods = harness.active(set);
    harness.start(pods[0], NODE);
    let now = status(&harness, id);
    assert_eq!([now.replicas, now.updated, now.ready, now.available, now.unavailable], [3, 3, 1, 1, 2]);
    assert_eq!((progress(&harness, id), now.observed_generation), ("ReplicaSetUpdated", 1));
    let_pods_follow(&mut harness);
    assert_eq!(progress(&harness, id), "NewReplicaSetAvailable");
    harness.scale(id, 5);
    harness.scale(id, 2);
    assert_eq!(harness.active(set).len(), 2);
    let now = status(&harness, id);
    assert_eq!((now.replicas, now.observed_generation), (2, 3));
    assert_eq!(harness.cluster.workloads.len(), 2);
}

#[test]
fn a_roll_out_a_way_back_and_the_history() {
    let mut harness = harness();
    let id = harness.deployment(Deployment { revision_history_limit: 1, ..deployment(4) });
    let_pods_follow(&mut harness);
    assert_eq!(sets(&harness), [set("1", 1, 4)]);
    edit(&mut harness, id, |object| object.template = template("2"));
    assert_eq!(progress(&harness, id), "ReplicaSetUpdated");
    let_pods_follow(&mut harness);
    assert_eq!(sets(&harness), [set("1", 1, 0), set("2", 2, 4)]);
    assert_eq!(progress(&harness, id), "NewReplicaSetAvailable");
    let old = harness.cluster.workloads.iter().filter_map(|(_, row)| match &row.kind {
        WorkloadKind::ReplicaSet(set) => Some(set),
        _ => None,
    });
    let WorkloadKind::Deployment(object) = &harness.cluster.workloads[id].kind else { panic!() };
    let back = history::undo(object, old, None).unwrap();
    edit(&mut harness, id, |object| *object = back);
    let_pods_follow(&mut harness);
    assert_eq!(sets(&harness), [set("1", 3, 4), set("2", 2, 0)], "the old set comes back with a new number");
    edit(&mut harness, id, |object| object.template = template("3"));
    let_pods_follow(&mut harness);
    assert_eq!(sets(&harness), [set("1", 3, 0), set("3", 4, 4)], "the lowest number is forgotten");
}

#[test]
fn a_stuck_roll_out_is_told_after_its_deadline() {
    let mut harness = harness();
    let id = harness.deployment(deployment(2));
    harness.run_until(Time::from_secs(5));
    let pod = harness.active(WorkloadId(id.0 + 1))[0];
    harness.start(pod, NODE);
    harness.run_until(Time::from_secs_f64(35.99));
    assert_eq!(progress(&harness, id), "ReplicaSetUpdated");
    harness.run_until(Time::from_secs(36));
    assert_eq!(progress(&harness, id), "ProgressDeadlineExceeded");
    let_pods_follow(&mut harness);
    assert_eq!(progress(&harness, id), "NewReplicaSetAvailable");
    harness.run_for(Span::from_secs(1_000));
    assert_eq!(harness.poll_timeout(), None, "nothing is left to look at");
}

#[test]
fn recreate_waits_for_the_end_of_old_pods() {
    let mut harness = harness();
    let id = harness.deployment(Deployment { strategy: UpdateStrategy::Recreate, ..deployment(2) });
    let_pods_follow(&mut harness);
    let old = harness.active(WorkloadId(id.0 + 1));
    edit(&mut harness, id, |object| object.template = template("2"));
    harness.run_for(Span::from_secs(1));
    assert_eq!(sets(&harness), [set("1", 1, 0)], "its pods are still being stopped");
    harness.remove(old[0]);
    assert_eq!(sets(&harness).len(), 1);
    harness.finish(old[1], 1);
    harness.remove(old[1]);
    assert_eq!(sets(&harness), [set("1", 1, 0), set("2", 2, 2)]);
}

#[test]
fn a_refused_replica_set_is_tried_again() {
    let mut harness = harness();
    harness.reject_next(1);
    harness.deployment(deployment(1));
    assert_eq!(harness.cluster.workloads.len(), 1);
    harness.run_until(Time::from_secs(1));
    assert_eq!(harness.cluster.workloads.len(), 2);
}

#[test]
fn a_paused_deployment_scales_but_makes_no_replica_set() {
    let mut harness = harness();
    let id = harness.deployment(Deployment { paused: true, ..deployment(3) });
    assert_eq!(harness.cluster.workloads.len(), 1);
    assert_eq!(progress(&harness, id), "DeploymentPaused");
    edit(&mut harness, id, |object| object.paused = false);
    assert_eq!(progress(&harness, id), "ReplicaSetUpdated");
    let_pods_follow(&mut harness);
    edit(&mut harness, id, |object| object.paused = true);
    edit(&mut harness, id, |object| object.template = template("2"));
    harness.scale(id, 5);
    let_pods_follow(&mut harness);
    assert_eq!(sets(&harness), [set("1", 1, 5)]);
    edit(&mut harness, id, |object| object.paused = false);
    let_pods_follow(&mut harness);
    assert_eq!(sets(&harness), [set("1", 1, 0), set("2", 2, 5)]);
}

#[test]
fn annotations_and_min_ready_seconds_follow_the_deployment() {
    let mut harness = harness();
    let id = harness.deployment(deployment(1));
    let_pods_follow(&mut harness);
    edit(&mut harness, id, |object| {
        object.min_ready_seconds = 5;
        object.meta.annotations.insert("team".into(), "blue".into());
    });
    let WorkloadKind::ReplicaSet(made) = &harness.cluster.workloads[WorkloadId(id.0 + 1)].kind else {
        panic!()
    };
    assert_eq!((made.min_ready_seconds, made.meta.annotations["team"].as_str()), (5, "blue"));
    assert_eq!(status(&harness, id).available, 0, "the pod is not ready for long enough any more");
    harness.run_for(Span::from_secs(6));
    assert_eq!(status(&harness, id).available, 1);
}
