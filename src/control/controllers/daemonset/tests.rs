//! The event loop through the harness.

use super::*;
use crate::api::status::DaemonSetStatus;
use crate::api::workload::IntOrPercent;
use crate::api::{DaemonSet, PodPhase, PodTemplate, Taint, TaintEffect};
use crate::control::PodStatus;
use crate::control::harness::Harness;
use std::sync::Arc;

fn harness(nodes: &[&str]) -> (Harness, Vec<NodeId>) {
    let mut harness = Harness::with(vec![Box::new(DaemonSetController::new(&Config::default()))]);
    let nodes = nodes.iter().map(|name| harness.node(name, "a")).collect();
    (harness, nodes)
}

fn set() -> DaemonSet {
    let mut set = DaemonSet::default();
    set.meta.name = "agent".into();
    set
}

fn surging() -> DaemonSet {
    let (max_surge, max_unavailable) = (IntOrPercent::Int(1), IntOrPercent::Int(0));
    DaemonSet { update: DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable }, ..set() }
}

/// Gives the set another template.
fn update(harness: &mut Harness, id: WorkloadId, version: &str) {
    harness.change(id, |kind| {
        let WorkloadKind::DaemonSet(set) = kind else { panic!("a DaemonSet") };
        let mut template = PodTemplate::clone(&set.template);
        template.labels.insert("version".into(), version.into());
        set.template = Arc::new(template);
    });
}

/// The node that a pod can go to.
fn target(harness: &Harness, pod: PodRef) -> String {
    let class = &harness.cluster.classes[harness.cluster.pods.class[pod.id.index()]];
    let required = class.template.spec.affinity.node.as_ref().and_then(|node| node.required.clone());
    required.expect("it is pinned").terms[0].match_fields[0].values[0].clone()
}

fn targets(harness: &Harness, id: WorkloadId) -> Vec<String> {
    harness.active(id).into_iter().map(|pod| target(harness, pod)).collect()
}

fn on(harness: &Harness, id: WorkloadId, node: &str) -> PodRef {
    let mut active = harness.active(id).into_iter();
    active.find(|&pod| target(harness, pod) == node).expect("a pod is there")
}

fn start_all(harness: &mut Harness, id: WorkloadId) {
    for pod in harness.active(id) {
        let name = harness.cluster.names.intern(&target(harness, pod));
        let node = harness.cluster.nodes.find(name).expect("the node is there");
        if !harness.cluster.pods.ready[pod.id.index()] {
            harness.start(pod, node);
        }
    }
}

fn status(harness: &Harness, id: WorkloadId) -> DaemonSetStatus {
    match harness.workload_status(id) {
        Status::DaemonSet(status) => *status,
        other => panic!("{other:?}"),
    }
}

/// Desired, current, misscheduled, ready, updated.
fn numbers(harness: &Harness, id: WorkloadId) -> [i32; 5] {
    let status = status(harness, id);
    [status.desired, status.current, status.misscheduled, status.ready, status.updated]
}

fn taint(harness: &mut Harness, node: NodeId, key: &str, effect: TaintEffect) {
    let taint = Taint { key: key.into(), value: String::new(), effect };
    harness.tell(Event::NodeChanged { node, change: NodeChange::Taints(vec![taint]) });
}

fn writes(harness: &Harness) -> usize {
    harness.writes().count()
}

#[test]
fn a_pod_on_every_node_that_may_have_one() {
    let (mut harness, _) = harness(&["b", "c", "a"]);
    let id = harness.daemon_set(set());
    assert_eq!(targets(&harness, id), ["a", "b", "c"]);
    assert_eq!(numbers(&harness, id), [3, 3, 0, 0, 3]);
    start_all(&mut harness, id);
    assert_eq!(numbers(&harness, id), [3, 3, 0, 3, 3]);
    let late = harness.node("aa", "a");
    assert_eq!(targets(&harness, id), ["a", "b", "c", "aa"]);
    start_all(&mut harness, id);
    let before = writes(&harness);
    taint(&mut harness, late, "dedicated", TaintEffect::NoSchedule);
    assert_eq!(writes(&harness), before, "the pod may stay, and nobody looks");
    taint(&mut harness, late, "dedicated", TaintEffect::NoExecute);
    assert_eq!(targets(&harness, id), ["a", "b", "c"]);
    assert_eq!(numbers(&harness, id), [3, 3, 1, 3, 3], "until the pod is gone");
}

#[test]
fn an_unreachable_node_keeps_its_pod() {
    let (mut harness, nodes) = harness(&["a", "b"]);
    let id = harness.daemon_set(set());
    start_all(&mut harness, id);
    let unreachable = "node.kubernetes.io/unreachable";
    taint(&mut harness, nodes[1], unreachable, TaintEffect::NoSchedule);
    let pod = on(&harness, id, "b");
    harness.status(pod, PodStatus { phase: PodPhase::Running, ..PodStatus::default() });
    assert_eq!(numbers(&harness, id), [1, 1, 1, 1, 1]);
    harness.tell(Event::NodeChanged { node: nodes[1], change: NodeChange::Taints(Vec::new()) });
    assert_eq!(numbers(&harness, id), [2, 2, 0, 1, 2]);
}

#[test]
fn that_a_node_goes_is_no_reason_to_look() {
    let (mut harness, nodes) = harness(&["a", "b"]);
    let id = harness.daemon_set(set());
    let first = on(&harness, id, "a");
    harness.start(first, nodes[0]);
    let before = writes(&harness);
    harness.tell(Event::NodeRemoved { node: nodes[1] });
    assert_eq!(writes(&harness), before);
    harness.finish(first, 1);
    assert_eq!(targets(&harness, id), ["a"], "a pod that waits for a node which has gone is deleted");
    assert_eq!(numbers(&harness, id)[0], 1);
    harness.node("b", "a");
    assert_eq!(targets(&harness, id), ["a", "b"]);
}

#[test]
fn updates_go_node_by_node() {
    let (mut harness, _) = harness(&["a", "b", "c"]);
    let id = harness.daemon_set(set());
    start_all(&mut harness, id);
    update(&mut harness, id, "2");
    assert_eq!(targets(&harness, id), ["b", "c"]);
    assert_eq!(numbers(&harness, id), [3, 3, 0, 3, 0]);
    let mut rounds = 0;
    while status(&harness, id).updated < 3 || status(&harness, id).ready < 3 {
        let leaving = |row: &PodId| harness.cluster.pods.deleting_since[row.index()].is_some();
        let leaving: Vec<PodId> = harness.cluster.pods_of(id).iter().copied().filter(leaving).collect();
        assert!(leaving.len() <= 1, "one at a time");
        for row in leaving {
            harness.remove(harness.cluster.pods.reference(row));
        }
        start_all(&mut harness, id);
        rounds += 1;
        assert!(rounds < 10);
    }
    assert_eq!(numbers(&harness, id), [3, 3, 0, 3, 3]);
    let made = harness.writes().filter(|(_, write)| matches!(write, Write::ControllerRevision { .. }));
    assert_eq!(made.count(), 2);
}

#[test]
fn with_a_surge_the_new_pod_comes_first() {
    let (mut harness, _) = harness(&["a", "b"]);
    let id = harness.daemon_set(surging());
    start_all(&mut harness, id);
    update(&mut harness, id, "2");
    assert_eq!(targets(&harness, id), ["a", "b", "a"]);
    start_all(&mut harness, id);
    assert_eq!(targets(&harness, id), ["b", "a", "b"], "the old one goes, and the next node has its turn");
    start_all(&mut harness, id);
    assert_eq!(targets(&harness, id), ["a", "b"]);
}

#[test]
fn failed_pods_are_replaced_ever_more_slowly() {
    let (mut harness, nodes) = harness(&["a"]);
    let id = harness.daemon_set(set());
    let mut failures = 0;
    for second in 1..=20 {
        harness.run_until(Time::from_secs(second));
        for pod in harness.active(id) {
            harness.bind(pod, nodes[0]);
            harness.finish(pod, 1);
            failures += 1;
        }
    }
    // The first is replaced at once, the others 1, 2, 4, 8… seconds after the one before.
    assert_eq!(failures, 6);
}

#[test]
fn pods_start_slowly_and_stop_at_a_refusal() {
    let names: Vec<String> = (0..300).map(|number| format!("n{number:03}")).collect();
    let (mut harness, _) = harness(&names.iter().map(String::as_str).collect::<Vec<_>>());
    harness.reject_next(3);
    let id = harness.daemon_set(set());
    let created = |harness: &Harness| {
        harness.writes().filter(|(_, write)| matches!(write, Write::CreatePod { .. })).count()
    };
    // The requests are for the template, a pod and the status, whose success would be a reason to try again.
    assert_eq!((created(&harness), harness.active(id).len()), (1, 0));
    harness.run_for(Span::from_secs(1));
    assert_eq!((created(&harness), harness.active(id).len()), (301, 300), "250 at a time");
}

#[test]
fn min_ready_seconds_are_waited_for() {
    let (mut harness, _) = harness(&["a"]);
    harness.run_until(Time(10_700_000_000));
    let id = harness.daemon_set(DaemonSet { min_ready_seconds: 4, ..set() });
    start_all(&mut harness, id);
    assert_eq!((status(&harness, id).ready, status(&harness, id).available), (1, 0));
    harness.run_until(Time(14_699_000_000));
    assert_eq!(status(&harness, id).available, 0, "the next look is four seconds after the last");
    harness.run_until(Time(14_700_000_000));
    assert_eq!((status(&harness, id).available, status(&harness, id).unavailable), (1, 0));
}

#[test]
fn the_scheduler_places_each_pod_on_its_node() {
    let mut harness = Harness::new(&Config::default());
    let nodes: Vec<NodeId> = ["a", "b", "c"].iter().map(|name| harness.node(name, "a")).collect();
    harness.tell(Event::NodeChanged { node: nodes[1], change: NodeChange::Unschedulable(true) });
    let id = harness.daemon_set(set());
    harness.run_for(Span::from_secs(5));
    for pod in harness.active(id) {
        let name = harness.cluster.names.get(&target(&harness, pod)).expect("the name is known");
        let bound = harness.cluster.pods.node[pod.id.index()].expect("it is bound");
        assert_eq!(harness.cluster.nodes.name[bound.index()], name);
    }
    assert_eq!(harness.active(id).len(), 3);
}
