//! What happens over time, with agents that start and stop what they are told to at once.

use super::super::service::PREFIX;
use super::super::{Settings, components};
use crate::api::{DaemonSet, Deployment, Job, ObjectMeta, PodPhase, PodSpec, PodTemplate};
use crate::base::ids::{NodeId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::{PodRef, WorkloadKind};
use crate::control::harness::Harness;
use crate::control::{Command, Config, Event, NodeChange, Note, PodStatus, Write};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A swarm whose agents answer at once, those of dead nodes apart.
struct Swarm {
    harness: Harness,
    dead: BTreeSet<NodeId>,
}

const STEP: Span = Span::from_millis(10);

impl Swarm {
    fn new(nodes: u32) -> Swarm {
        let mut harness = Harness::with(components(&Config::default(), &Settings::default()));
        for node in 0..nodes {
            harness.node(&format!("n{node}"), "z");
        }
        Swarm { harness, dead: BTreeSet::new() }
    }

    fn object(annotations: &[(&str, &str)]) -> (ObjectMeta, Arc<PodTemplate>) {
        let annotations = annotations.iter();
        let annotations =
            annotations.map(|(key, value)| (format!("{PREFIX}{key}"), (*value).to_owned())).collect();
        let meta = ObjectMeta { name: "web".into(), annotations, ..ObjectMeta::default() };
        (meta, Arc::new(PodTemplate::default()))
    }

    fn service(&mut self, replicas: i32, annotations: &[(&str, &str)]) -> WorkloadId {
        let (meta, template) = Swarm::object(annotations);
        self.harness.deployment(Deployment { meta, replicas, template, ..Deployment::default() })
    }

    /// Lets time pass; agents look every hundredth of a second.
    fn run(&mut self, span: Span) {
        let end = self.harness.now + span;
        while self.harness.now < end {
            self.harness.run_for(STEP);
            self.serve();
        }
    }

    fn serve(&mut self) {
        let pods = &self.harness.cluster.pods;
        let alive = |row: usize| pods.node[row].is_some_and(|node| !self.dead.contains(&node));
        let (mut start, mut stop) = (Vec::new(), Vec::new());
        for pod in pods.iter().filter(|pod| alive(pod.index())) {
            if pods.deleting_since[pod.index()].is_some() {
                stop.push(pods.reference(pod));
            } else if pods.phase[pod.index()] == PodPhase::Pending {
                start.push(pods.reference(pod));
            }
        }
        for pod in start {
            let status = PodStatus { phase: PodPhase::Running, ready: true, ..PodStatus::default() };
            self.harness.status(pod, status);
        }
        for pod in stop {
            self.harness.remove(pod);
        }
    }

    /// The active pods of a service on nodes that are not dead, with their nodes.
    fn running(&self, service: WorkloadId) -> Vec<(PodRef, NodeId)> {
        let pods = &self.harness.cluster.pods;
        let place = |pod: PodRef| Some((pod, pods.node[pod.id.index()]?));
        let active = self.harness.active(service).into_iter().filter_map(place);
        active.filter(|(_, node)| !self.dead.contains(node)).collect()
    }

    /// When that was said first from a moment on.
    fn said(&self, word: &str, from: Time) -> Option<Time> {
        let is_it = |command: &Command| matches!(command, Command::Note(Note::Told { word: said, .. }) if *said == word);
        self.harness.commands.iter().find(|(at, command)| *at >= from && is_it(command)).map(|(at, _)| *at)
    }

    /// When a pod was bound last.
    fn bound(&self) -> Option<Time> {
        let binds = self.harness.writes().filter(|(_, write)| matches!(write, Write::Bind { .. }));
        binds.map(|(at, _)| at).last()
    }

    fn change_image(&mut self, service: WorkloadId) {
        self.harness.change(service, |kind| {
            let WorkloadKind::Deployment(object) = kind else { panic!("no Deployment") };
            let spec = PodSpec { host_network: true, ..PodSpec::default() };
            object.template = Arc::new(PodTemplate { spec, ..PodTemplate::default() });
        });
    }
}

fn seconds(span: Span) -> f64 {
    span.as_secs_f64()
}

/// §6.3: the scheduler looks 50 ms after the last event, and §6.5: slots 1 to 3.
#[test]
fn tasks_are_spread_a_moment_after_they_are_made() {
    let mut swarm = Swarm::new(3);
    let service = swarm.service(3, &[]);
    swarm.run(Span::from_secs(1));
    let nodes: BTreeSet<NodeId> = swarm.running(service).into_iter().map(|(_, node)| node).collect();
    assert_eq!(nodes.len(), 3);
    assert_eq!(swarm.bound(), Some(Time::ZERO + Span::from_millis(50)));
}

/// §9.4: a node dies just after a heartbeat.
#[test]
fn tasks_of_a_dead_node_run_elsewhere_after_twenty_seconds() {
    let mut swarm = Swarm::new(3);
    let service = swarm.service(3, &[]);
    swarm.run(Span::from_secs(10));
    let (node, died) = (NodeId(0), swarm.harness.now);
    swarm.dead.insert(node);
    swarm.harness.silence(node);
    swarm.run(Span::from_secs(30));
    let down = swarm.said("NodeDown", died).expect("it is noticed").since(died);
    assert!((13.5..=16.5).contains(&seconds(down)), "{down}");
    let bound = swarm.bound().unwrap().since(died);
    assert!((18.5..=22.5).contains(&seconds(bound)), "{bound}");
    assert!((bound.0 - down.0).abs_diff(5_000_000_000) < 100_000_000, "{down} then {bound}");
    assert_eq!(swarm.running(service).len(), 3);
    // The old task is still there; when its node returns it is stopped, and nothing is moved back.
    let left = swarm.harness.cluster.pods.count;
    assert_eq!(left, 4);
    swarm.dead.clear();
    swarm.harness.wake(node);
    swarm.run(Span::from_secs(30));
    assert!(swarm.said("NodeReady", died).is_some());
    assert_eq!(swarm.harness.cluster.pods.count, 3);
    assert!(swarm.running(service).iter().all(|(_, on)| *on != node), "no rebalance");
}

/// §6.6: tasks of a node that is down for a day are orphaned.
#[test]
fn what_a_node_had_is_given_up_after_a_day() {
    let mut swarm = Swarm::new(2);
    swarm.service(2, &[]);
    swarm.run(Span::from_secs(1));
    swarm.dead.insert(NodeId(0));
    swarm.harness.silence(NodeId(0));
    swarm.run(Span::from_secs(30));
    assert_eq!(swarm.harness.cluster.pods.count, 3);
    swarm.harness.run_for(Span::from_secs(24 * 3600));
    assert_eq!(swarm.harness.cluster.pods.count, 2);
    let orphaned = swarm.said("ORPHANED", Time::ZERO).expect("it is said");
    assert!((86_414.0..86_418.0).contains(&seconds(orphaned.since(Time::ZERO))), "{orphaned:?}");
}

/// §6.5: the delay of 5 s, and as many attempts as are allowed.
#[test]
fn a_task_that_fails_is_replaced_after_a_delay() {
    let mut swarm = Swarm::new(1);
    let service = swarm.service(1, &[("restart-max-attempts", "2")]);
    swarm.run(Span::from_secs(1));
    for attempt in 0..3 {
        let failed = swarm.harness.now;
        let [(pod, _)] = swarm.running(service)[..] else { panic!("attempt {attempt}") };
        swarm.harness.finish(pod, 1);
        swarm.run(Span::from_secs(10));
        if attempt < 2 {
            assert_eq!(swarm.bound(), Some(failed + Span::from_secs(5)), "attempt {attempt}");
        } else {
            assert!(swarm.running(service).is_empty(), "no third attempt");
            assert!(swarm.said("NotRestarted", failed).is_some());
        }
    }
}

/// §6.5: what has completed is not repeated on-failure; §6.9: five ended tasks are kept.
#[test]
fn history_is_kept_for_five_tasks() {
    let mut swarm = Swarm::new(1);
    let service = swarm.service(1, &[("restart-delay", "1s")]);
    swarm.run(Span::from_secs(1));
    for _ in 0..9 {
        let [(pod, _)] = swarm.running(service)[..] else { panic!("it is started again") };
        swarm.harness.finish(pod, 0);
        swarm.run(Span::from_secs(3));
    }
    assert_eq!(swarm.harness.cluster.pods.count, 5, "one that runs, four that have ended");
}

/// §6.7: one slot at a time, each stopped first; five seconds after the last it is over.
#[test]
fn an_update_goes_from_slot_to_slot() {
    let mut swarm = Swarm::new(3);
    let service = swarm.service(3, &[("update-delay", "2s")]);
    swarm.run(Span::from_secs(10));
    let began = swarm.harness.now;
    swarm.change_image(service);
    let mut fewest = 3;
    while swarm.said("COMPLETED", began).is_none() && swarm.harness.now < began + Span::from_secs(60) {
        swarm.run(STEP);
        fewest = fewest.min(swarm.running(service).len());
    }
    let done = seconds(swarm.said("COMPLETED", began).expect("it ends").since(began));
    // Three slots that take a moment each, a wait after each, and the watch.
    assert!((3.0 * 2.0 + 5.0..12.0).contains(&done), "{done}");
    assert_eq!((fewest, swarm.running(service).len()), (2, 3));
}

/// §6.7: start-first never has fewer tasks.
#[test]
fn an_update_may_start_first() {
    let mut swarm = Swarm::new(3);
    let service = swarm.service(2, &[("update-order", "start-first"), ("update-parallelism", "0")]);
    swarm.run(Span::from_secs(1));
    let began = swarm.harness.now;
    swarm.change_image(service);
    for _ in 0..700 {
        swarm.run(STEP);
        assert!(swarm.running(service).len() >= 2);
    }
    assert!(swarm.said("COMPLETED", began).is_some());
    assert_eq!(swarm.running(service).len(), 2);
}

/// §6.7: a task that ends within the monitor time stops the update, or takes it back.
#[test]
fn an_update_that_fails_pauses_or_goes_back() {
    for (action, word) in [("pause", "PAUSED"), ("rollback", "ROLLBACK_STARTED")] {
        let mut swarm = Swarm::new(3);
        let service = swarm.service(3, &[("update-failure-action", action), ("update-delay", "1s")]);
        swarm.run(Span::from_secs(1));
        let old: Vec<PodRef> = swarm.running(service).into_iter().map(|(pod, _)| pod).collect();
        let class = swarm.harness.cluster.pods.class[old[0].id.index()];
        let began = swarm.harness.now;
        swarm.change_image(service);
        swarm.run(Span::from_millis(300));
        let new = swarm.running(service).into_iter().map(|(pod, _)| pod).find(|pod| !old.contains(pod));
        swarm.harness.finish(new.expect("the first slot is updated"), 1);
        assert_eq!(swarm.said(word, began), Some(swarm.harness.now), "{action}");
        swarm.run(Span::from_secs(30));
        let of_class =
            |(pod, _): &(PodRef, NodeId)| swarm.harness.cluster.pods.class[pod.id.index()] == class;
        let back = swarm.running(service).iter().filter(|pod| of_class(pod)).count();
        assert_eq!(swarm.running(service).len(), 3, "{action}: the failed task is restarted");
        if action == "rollback" {
            assert_eq!(back, 3);
            assert!(swarm.said("ROLLBACK_COMPLETED", began).is_some());
        } else {
            assert!((1..3).contains(&back), "{back} of 3 are as before");
        }
    }
}

/// §6.8: one task on every node; a drained node loses it, and one that is back gets another.
#[test]
fn a_global_service_follows_the_nodes() {
    let mut swarm = Swarm::new(2);
    let (meta, template) = Swarm::object(&[]);
    let service = swarm.harness.daemon_set(DaemonSet { meta, template, ..DaemonSet::default() });
    swarm.run(Span::from_secs(1));
    assert_eq!(swarm.running(service).len(), 2);
    let added = swarm.harness.node("n9", "z");
    swarm.run(Span::from_secs(1));
    assert!(swarm.running(service).iter().any(|(_, node)| *node == added));
    let cordon =
        |is_cordoned| Event::NodeChanged { node: added, change: NodeChange::Unschedulable(is_cordoned) };
    swarm.harness.tell(cordon(true));
    swarm.run(Span::from_secs(1));
    assert_eq!(swarm.running(service).len(), 3, "a paused node keeps what it has");
    swarm.dead.insert(added);
    swarm.harness.silence(added);
    swarm.run(Span::from_secs(20));
    swarm.dead.clear();
    swarm.harness.wake(added);
    swarm.run(Span::from_secs(2));
    assert_eq!(swarm.running(service).len(), 2, "it is down, then paused");
    swarm.harness.tell(cordon(false));
    swarm.run(Span::from_secs(1));
    assert_eq!(swarm.running(service).len(), 3);
}

/// §6.8: a replicated job.
#[test]
fn a_job_runs_to_completion() {
    let mut swarm = Swarm::new(2);
    let (meta, template) = Swarm::object(&[("restart-delay", "0s")]);
    let job = Job { meta, template, parallelism: 2, completions: Some(5), ..Job::default() };
    let service = swarm.harness.job(job);
    swarm.run(Span::from_secs(1));
    let mut ends = 0;
    while !swarm.running(service).is_empty() && ends < 20 {
        assert!(swarm.running(service).len() <= 2);
        let (pod, _) = swarm.running(service)[0];
        // The second one fails, and is repeated.
        swarm.harness.finish(pod, u8::from(ends == 1));
        ends += 1;
        swarm.run(Span::from_secs(1));
    }
    assert_eq!(ends, 6, "five that complete and one that fails");
    let status = swarm.harness.cluster.workloads[service].job_status().unwrap();
    assert_eq!((status.succeeded, status.end().map(|end| end.kind)), (5, Some("Complete")));
}

/// §6.5: which tasks go, and which slots are filled.
#[test]
fn a_service_is_scaled() {
    let mut swarm = Swarm::new(2);
    let service = swarm.service(4, &[]);
    swarm.run(Span::from_secs(1));
    swarm.harness.scale(service, 2);
    swarm.run(Span::from_secs(1));
    let nodes: BTreeSet<NodeId> = swarm.running(service).into_iter().map(|(_, node)| node).collect();
    assert_eq!((swarm.running(service).len(), nodes.len()), (2, 2), "one stays on each node");
    swarm.harness.scale(service, 5);
    swarm.run(Span::from_secs(1));
    assert_eq!(swarm.running(service).len(), 5);
}

/// §6.3: constraints and the most replicas of a node.
#[test]
fn tasks_wait_for_a_node_that_may_have_them() {
    let mut swarm = Swarm::new(2);
    let annotations = [("max-replicas-per-node", "1"), ("constraints", "node.hostname!=x")];
    let service = swarm.service(3, &annotations);
    swarm.run(Span::from_secs(1));
    assert_eq!(swarm.running(service).len(), 2);
    swarm.harness.node("n8", "z");
    swarm.run(Span::from_secs(1));
    assert_eq!(swarm.running(service).len(), 3);
}
