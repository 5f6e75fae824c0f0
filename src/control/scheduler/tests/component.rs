//! The scheduler behind the control plane's contract.

use super::*;
use crate::api::PodPhase;
use crate::control::{Control, ControlPlane, NodeChange, PodStatus};

/// A control plane with a cluster, and what it has ordered.
pub(super) struct Harness {
    pub(super) plane: ControlPlane,
    pub(super) cluster: Cluster,
    pods: u32,
}

impl Harness {
    pub(super) fn new(config: &Config) -> Harness {
        Harness { plane: ControlPlane::new(config), cluster: Cluster::default(), pods: 0 }
    }

    pub(super) fn event(&mut self, seconds: f64, event: Event) -> Vec<Command> {
        let mut out = Vec::new();
        self.plane.handle(Time::from_secs_f64(seconds), event, &mut self.cluster, &mut out);
        out
    }

    pub(super) fn add_node(&mut self, seconds: f64, object: &Node) -> NodeId {
        let node = NodeId(self.cluster.nodes.len() as u32);
        let event = Event::NodeAdded { node, object: Arc::new(object.clone()), pool: PoolId(0) };
        self.event(seconds, event);
        node
    }

    pub(super) fn add_pod(&mut self, seconds: f64, template: &PodTemplate, priority: i32) -> PodRef {
        let class = self.cluster.class(&Arc::new(template.clone()), "default", priority);
        let pod = PodRef { id: PodId(self.pods), generation: 0 };
        self.pods += 1;
        let new = NewPod {
            tracked: false,
            job: None,
            pod,
            serial: self.pods.into(),
            name: PodName::Own(format!("p{}", pod.id.0).into()),
            class,
            owner: None,
            index: None,
            created: Time::from_secs_f64(seconds),
            node: None,
            status: None,
        };
        self.event(seconds, Event::PodAdded(Box::new(new)));
        pod
    }

    /// What the scheduler does by itself at a moment, as text.
    pub(super) fn run(&mut self, seconds: f64) -> Vec<String> {
        let now = Time::from_secs_f64(seconds);
        let mut out = Vec::new();
        for _ in 0..100 {
            if self.plane.scheduler().unwrap().poll_timeout().is_none_or(|due| due > now) {
                break;
            }
            self.plane.handle_timeout(now, &mut self.cluster, &mut out);
        }
        out.iter().filter_map(text).collect()
    }

    pub(super) fn confirm(&mut self, seconds: f64, pod: PodRef, node: NodeId) {
        self.event(seconds, Event::PodBound { pod, node });
    }
}

fn text(command: &Command) -> Option<String> {
    Some(match command {
        Command::Write(_, Write::Bind { pod, node }) => format!("p{} -> n{}", pod.id.0, node.0),
        Command::Write(_, Write::DeletePod { pod, .. }) => format!("delete p{}", pod.id.0),
        Command::Note(Note::Preempting { pod, node, victims }) => {
            format!("p{} nominated n{}, victims {victims}", pod.id.0, node.0)
        }
        Command::Note(Note::Unschedulable { pod, diagnosis, attempts }) => {
            format!("p{} #{attempts}: {diagnosis}", pod.id.0)
        }
        _ => return None,
    })
}

const FULL: &str = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No \
                    preemption victims found for incoming pod.";

#[test]
fn higher_priority_goes_first_and_the_rest_waits_for_room() {
    let mut harness = Harness::new(&Config::default());
    let n0 = harness.add_node(0.0, &node("a", "1", 1, 100));
    let low = harness.add_pod(0.0, &template(1000, 1), 0);
    let high = harness.add_pod(0.0, &template(1000, 1), 5);
    assert_eq!(harness.run(0.0), ["p1 -> n0".to_owned(), format!("p0 #1: {FULL}")]);
    assert!(!harness.plane.scheduler().unwrap().will_try_again());
    assert_eq!(harness.plane.scheduler().unwrap().waiting().count(), 1);
    harness.confirm(0.1, high, n0);
    let ended = PodStatus { phase: PodPhase::Succeeded, ..PodStatus::default() };
    harness.event(9.0, Event::PodStatus { pod: high, status: ended });
    assert_eq!(harness.run(9.0), ["p0 -> n0"]);
    harness.confirm(9.0, low, n0);
    assert_eq!(harness.plane.scheduler().unwrap().lengths(), Lengths::default());
}

#[test]
fn a_taint_that_goes_wakes_and_a_node_that_is_too_small_does_not() {
    let mut harness = Harness::new(&Config::default());
    let n0 = harness.add_node(0.0, &node("a", "1", 1, 100));
    harness.add_pod(0.0, &template(2000, 1), 0);
    assert_eq!(harness.run(0.0).len(), 1);
    harness.add_node(20.0, &node("b", "1", 1, 100));
    assert_eq!(harness.run(20.0), Vec::<String>::new());
    // Any change of taints wakes pods that NodeResourcesFit has rejected.
    let taint =
        crate::api::Taint { key: "k".into(), value: "v".into(), effect: crate::api::TaintEffect::NoSchedule };
    harness.event(30.0, Event::NodeChanged { node: n0, change: NodeChange::Taints(vec![taint]) });
    assert_eq!(
        harness.run(30.0),
        [
            "p0 #2: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: \
          0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        ]
    );
    // Cordoning raises no event, uncordoning does.
    harness.event(40.0, Event::NodeChanged { node: n0, change: NodeChange::Unschedulable(true) });
    assert_eq!(harness.run(40.0), Vec::<String>::new());
    harness.event(50.0, Event::NodeChanged { node: n0, change: NodeChange::Unschedulable(false) });
    assert_eq!(harness.run(50.0).len(), 1);
    harness.add_node(60.0, &node("c", "1", 2, 100));
    assert_eq!(harness.run(60.0), ["p0 -> n2"]);
}

#[test]
fn without_nodes_pods_are_retried_by_error_back_off() {
    let mut harness = Harness::new(&Config::default());
    harness.add_pod(0.25, &template(1, 1), 0);
    assert_eq!(harness.run(0.25), ["p0 #1: no nodes available to schedule pods"]);
    assert!(harness.plane.scheduler().unwrap().will_try_again());
    // Released by the flush after the back-off: floor(0.25 + 1) + 1, then floor(2 + 2) + 1.
    assert_eq!(harness.plane.scheduler().unwrap().poll_timeout(), Some(Time::from_secs(2)));
    assert_eq!(harness.run(2.0).len(), 1);
    assert_eq!(harness.plane.scheduler().unwrap().poll_timeout(), Some(Time::from_secs(5)));
    harness.add_node(3.0, &node("a", "1", 1, 100));
    assert_eq!(harness.run(3.0), Vec::<String>::new(), "no event shortens an error back-off");
    assert_eq!(harness.run(5.0), ["p0 -> n0"]);
}

#[test]
fn a_refused_binding_is_forgotten_and_tried_again() {
    let mut harness = Harness::new(&Config::default());
    let node = harness.add_node(0.0, &node("a", "1", 1, 100));
    let pod = harness.add_pod(0.0, &template(1000, 1), 0);
    assert_eq!(harness.run(0.0), ["p0 -> n0"]);
    harness
        .event(0.5, Event::Refused(Box::new(Write::Bind { pod, node }), crate::control::Refusal::Conflict));
    assert_eq!(harness.cluster.nodes.pod_count[0], 0);
    assert_eq!(harness.run(1.9), Vec::<String>::new());
    assert_eq!(harness.run(2.0), ["p0 -> n0"]);
}

#[test]
fn deleting_a_pod_under_way_to_its_node_frees_it_at_once_since_1_35() {
    for (version, freed) in [(Version::V1_36, 0), (Version::V1_34, 1)] {
        let mut harness = Harness::new(&Config { version, ..Config::default() });
        let node = harness.add_node(0.0, &node("a", "1", 1, 100));
        let pod = harness.add_pod(0.0, &template(1000, 1), 0);
        harness.run(0.0);
        let reason = crate::cluster::Reason::Deleted;
        harness.event(0.1, Event::PodDeleting { pod, grace: Span::ZERO, reason });
        assert_eq!(harness.cluster.nodes.pod_count[0], freed);
        harness.event(
            0.2,
            Event::Refused(Box::new(Write::Bind { pod, node }), crate::control::Refusal::Conflict),
        );
        assert_eq!(harness.run(9.0), Vec::<String>::new(), "a pod that is being deleted is skipped");
        harness.event(9.5, Event::PodRemoved { pod });
        assert_eq!(harness.cluster.nodes.pod_count[0], 0);
        assert_eq!(harness.plane.scheduler().unwrap().waiting().count(), 0);
    }
}

#[test]
fn gated_and_foreign_pods_are_left_alone() {
    let mut harness = Harness::new(&Config::default());
    harness.add_node(0.0, &node("a", "1", 1, 100));
    let mut gated = template(1, 1);
    gated.spec.scheduling_gates.push("wait".into());
    harness.add_pod(0.0, &gated, 0);
    let mut foreign = template(1, 1);
    foreign.spec.scheduler_name = "other".into();
    harness.add_pod(0.0, &foreign, 0);
    assert_eq!(harness.run(0.0), Vec::<String>::new());
    assert_eq!(harness.plane.scheduler().unwrap().lengths(), Lengths { gated: 1, ..Lengths::default() });
}

#[test]
fn attempts_take_their_time() {
    let mut config = Config::default();
    config.scheduler.attempt = Span::from_millis(100);
    let mut harness = Harness::new(&config);
    harness.add_node(0.0, &node("a", "1", 8, 100));
    for _ in 0..3 {
        harness.add_pod(1.0, &template(1, 1), 0);
    }
    assert_eq!(harness.run(1.0), ["p0 -> n0"]);
    assert_eq!(harness.plane.scheduler().unwrap().poll_timeout(), Some(Time::from_secs_f64(1.1)));
    assert_eq!(harness.run(1.05), Vec::<String>::new());
    assert_eq!(harness.run(1.1), ["p1 -> n0"]);
    assert_eq!(harness.run(1.2), ["p2 -> n0"]);
    assert_eq!(harness.plane.scheduler().unwrap().poll_timeout(), None);
}

#[test]
fn a_crowd_of_equal_pods_shares_one_diagnosis() {
    let mut harness = Harness::new(&Config::default());
    harness.add_node(0.0, &node("a", "1", 1, 100));
    for _ in 0..50 {
        harness.add_pod(0.0, &template(1000, 1), 0);
    }
    assert_eq!(harness.run(0.0).len(), 50);
    let scheduler = harness.plane.scheduler().unwrap();
    let diagnoses: Vec<_> =
        scheduler.waiting().filter_map(|waiting| waiting.diagnosis.as_ref()).map(Arc::as_ptr).collect();
    assert_eq!(diagnoses.len(), 49);
    assert!(diagnoses.windows(2).all(|pair| pair[0] == pair[1]));
}
