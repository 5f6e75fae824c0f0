//! The whole control plane through the harness: agents, offers, apps, queues.

use super::secs;
use crate::api::status::JobStatus;
use crate::api::{
    Container, DaemonSet, Deployment, Job, Node, PodPhase, PodTemplate, Resources, StatefulSet, Status,
};
use crate::base::ids::{NodeId, PoolId, WorkloadId};
use crate::base::{Quantity, Span, Time};
use crate::cluster::workloads::{JobEnd, job_end};
use crate::cluster::{PodRef, ReadyStatus, Reason, WorkloadKind};
use crate::control::harness::Harness;
use crate::control::mesos::settings::{
    BatchSettings, FrameworkKind, FrameworkSettings, MarathonSettings, RoleSettings, Settings, Takes,
};
use crate::control::mesos::{PARENTS, components};
use crate::control::{Config, Event, PodStatus, Write};
use std::sync::Arc;

/// Agents register at once.
fn settings() -> Settings {
    Settings { registration_backoff: Span::ZERO, ..Settings::default() }
}

/// A cluster with agents of (CPUs, gigabytes).
fn cluster(settings: &Settings, agents: &[(u64, u64)]) -> Harness {
    let mut harness = Harness::with(components(&Config::default(), settings));
    for &(cpus, memory) in agents {
        agent(&mut harness, cpus, memory);
    }
    harness.run_until(Time::ZERO);
    harness
}

fn agent(harness: &mut Harness, cpus: u64, memory: u64) -> NodeId {
    let node = NodeId(harness.cluster.nodes.len() as u32);
    let mut object = Node::default();
    object.meta.name = format!("agent-{}", node.0);
    let gigabyte = 1_000_000_000;
    for (name, amount) in [("cpu", cpus), ("memory", memory * gigabyte), ("pods", 1_000)] {
        object.allocatable.insert(name.into(), Quantity::from_units(amount as i64));
    }
    object.capacity = object.allocatable.clone();
    harness.tell(Event::NodeAdded { node, object: Arc::new(object), pool: PoolId(0) });
    node
}

/// Pods of so many CPUs and gigabytes, with the label `app`.
fn template(app: &str, cpus: i64, memory: i64) -> Arc<PodTemplate> {
    let mut resources = Resources::default();
    resources.requests.insert("cpu".into(), Quantity::from_units(cpus));
    resources.requests.insert("memory".into(), Quantity::from_units(memory * 1_000_000_000));
    let mut template = PodTemplate::default();
    template.labels.insert("app".into(), app.into());
    template.spec.containers.push(Container { resources, ..Container::default() });
    Arc::new(template)
}

fn app(harness: &mut Harness, replicas: i32, template: Arc<PodTemplate>) -> WorkloadId {
    let mut deployment = Deployment { replicas, template, ..Deployment::default() };
    deployment.meta.name = "app".into();
    harness.deployment(deployment)
}

fn node_of(harness: &Harness, pod: PodRef) -> Option<u32> {
    harness.cluster.pods.node[pod.id.index()].map(|node| node.0)
}

/// Makes every bound pod run that is not told to yet.
fn run_pods(harness: &mut Harness, owner: WorkloadId) {
    for pod in harness.active(owner) {
        let row = pod.id.index();
        let pods = &harness.cluster.pods;
        if pods.node[row].is_some() && pods.phase[row] == PodPhase::Pending {
            harness.status(pod, PodStatus { phase: PodPhase::Running, ready: true, ..PodStatus::default() });
        }
    }
}

/// The moments at which pods were bound, in seconds.
fn bindings(harness: &Harness) -> Vec<f64> {
    let bound = harness.writes().filter(|(_, write)| matches!(write, Write::Bind { .. }));
    bound.map(|(at, _)| at.as_secs_f64()).collect()
}

#[test]
fn an_agent_dies_and_its_instance_is_replaced() {
    // Reference control-plane §9.5: 75 to 90 s until it is unreachable, then at once at the next offer.
    for (silent, found) in [(30.0, 120.0), (30.5, 120.0), (37.0, 120.0), (44.9, 120.0), (45.0, 135.0)] {
        let mut harness = cluster(&settings(), &[(4, 8), (4, 8)]);
        let id = app(&mut harness, 1, template("web", 1, 1));
        harness.run_until(secs(5));
        run_pods(&mut harness, id);
        let old = harness.active(id)[0];
        let home = NodeId(node_of(&harness, old).expect("it is launched"));
        harness.run_until(Time::from_secs_f64(silent));
        harness.silence(home);
        harness.run_until(Time::from_secs_f64(found) - Span(1));
        assert_eq!(harness.cluster.nodes.ready[home.index()], ReadyStatus::True, "{silent}");
        assert_eq!(bindings(&harness).len(), 1);
        harness.run_until(Time::from_secs_f64(found));
        assert_eq!(harness.cluster.nodes.ready[home.index()], ReadyStatus::Unknown, "{silent}");
        assert!((75.0..=90.0).contains(&(found - silent)));
        let homes: Vec<Option<u32>> = harness.active(id).iter().map(|pod| node_of(&harness, *pod)).collect();
        assert_eq!(homes, [Some(home.0), Some(1 - home.0)], "a revival brings offers at once");
        // The old one is forgotten at the first look, after five minutes.
        harness.run_until(secs(299));
        assert_eq!(harness.active(id).len(), 2);
        harness.run_until(secs(300));
        assert_eq!(harness.active(id).len(), 1);
        assert_eq!(bindings(&harness), [0.0, found]);
    }
}

#[test]
fn an_instance_that_comes_back_in_time_stays_and_the_younger_one_goes() {
    let mut harness = cluster(&settings(), &[(4, 8), (4, 8)]);
    let id = app(&mut harness, 1, template("web", 1, 1));
    harness.run_until(secs(5));
    run_pods(&mut harness, id);
    let old = harness.active(id)[0];
    let home = NodeId(node_of(&harness, old).expect("it is launched"));
    harness.run_until(secs(30));
    harness.silence(home);
    harness.run_until(secs(150));
    run_pods(&mut harness, id);
    assert_eq!(harness.active(id).len(), 2);
    harness.wake(home);
    assert_eq!(harness.active(id), [old], "reference control-plane §7.4, §7.5: the youngest is killed");
}

#[test]
fn what_cannot_bear_partitions_fails_with_its_agent() {
    let mut harness = cluster(&settings(), &[(4, 8)]);
    let pod = harness.pod("task", &template("task", 1, 1));
    harness.run_until(secs(2));
    assert_eq!(node_of(&harness, pod), Some(0));
    harness.status(pod, PodStatus { phase: PodPhase::Running, ready: true, ..PodStatus::default() });
    harness.run_until(secs(20));
    harness.silence(NodeId(0));
    harness.run_until(secs(105));
    let row = pod.id.index();
    assert_eq!(harness.cluster.pods.phase[row], PodPhase::Failed, "TASK_LOST");
    assert_eq!(harness.cluster.pods.reason[row], Reason::NodeLost);
}

#[test]
fn a_crashing_app_is_launched_ever_later() {
    // Reference control-plane §7.5: 1 s, then 1.15 times as long, whatever runs in between.
    let mut marathon = MarathonSettings::default();
    marathon.offers.revive_interval = Span::ZERO;
    let frameworks = vec![FrameworkSettings::new("marathon", FrameworkKind::Marathon(marathon))];
    let mut harness = cluster(&Settings { frameworks, ..settings() }, &[(4, 8)]);
    let id = app(&mut harness, 1, template("web", 1, 1));
    let mut waits = Vec::new();
    let mut last = Time::ZERO;
    for _ in 0..6 {
        while harness.active(id).first().is_none_or(|pod| node_of(&harness, *pod).is_none()) {
            let next = harness.poll_timeout().expect("the launch waits");
            harness.run_until(next);
        }
        waits.push(harness.now.since(last).as_secs_f64());
        last = harness.now;
        run_pods(&mut harness, id);
        let pod = harness.active(id)[0];
        harness.finish(pod, 1);
    }
    // The last product is cut: 1.15 is not a number of the machine.
    assert_eq!(waits, [0.0, 1.0, 1.15, 1.3225, 1.520_875, 1.749_006_249]);
}

/// Two batch frameworks that take pods by their label and use each offer for one task.
fn two_frameworks(refuse: f64) -> Settings {
    let one = |name: &str| {
        let batch = BatchSettings { refuse, launches_per_offer: 1, ..BatchSettings::default() };
        let takes = Takes { labels: vec![("app".into(), name.into())], ..Takes::default() };
        FrameworkSettings { takes, ..FrameworkSettings::new(name, FrameworkKind::Batch(batch)) }
    };
    Settings { frameworks: vec![one("a"), one("b")], ..settings() }
}

fn running(harness: &Harness, pods: &[PodRef]) -> usize {
    let runs = |pod: &&PodRef| {
        let row = harness.cluster.pods.get(**pod);
        row.is_some_and(|row| {
            harness.cluster.pods.node[row.index()].is_some() && harness.cluster.pods.is_active(row)
        })
    };
    pods.iter().filter(runs).count()
}

#[test]
fn two_frameworks_come_to_the_drf_allocation_and_stay_there() {
    // 9 CPUs and 18 GB, tasks of (1, 4) and of (3, 1): three of the one and two of the other.
    let mut harness = cluster(&two_frameworks(0.0), &[(9, 18)]);
    let (light, heavy) = (template("a", 1, 4), template("b", 3, 1));
    let [light, heavy] = [light, heavy].map(|template| harness.cluster.class(&template, "default", 0));
    let mut a: Vec<PodRef> = (0..9).map(|_| harness.submit(light)).collect();
    let b: Vec<PodRef> = (0..9).map(|_| harness.submit(heavy)).collect();
    harness.run_until(secs(20));
    assert_eq!([running(&harness, &a), running(&harness, &b)], [3, 2]);
    for step in 0..3 {
        let first = a.remove(0);
        harness.finish(first, 0);
        assert_eq!(running(&harness, &a), 2);
        harness.run_until(secs(23 + 3 * step));
        assert_eq!([running(&harness, &a), running(&harness, &b)], [3, 2]);
    }
}

#[test]
fn freed_resources_wait_for_the_next_interval() {
    // Reference control-plane §7.2: their return starts no allocation.
    let slow = Settings { allocation_interval: Span::from_secs(10), ..settings() };
    let mut harness = cluster(&slow, &[(1, 4)]);
    let wide = template("task", 1, 1);
    let pods = [harness.pod("one", &wide), harness.pod("two", &wide)];
    harness.run_until(secs(13));
    assert_eq!([node_of(&harness, pods[0]), node_of(&harness, pods[1])], [Some(0), None]);
    harness.finish(pods[0], 0);
    harness.run_until(secs(20) - Span(1));
    assert_eq!(node_of(&harness, pods[1]), None);
    harness.run_until(secs(20));
    assert_eq!(node_of(&harness, pods[1]), Some(0));
}

#[test]
fn a_limited_role_leaves_room_for_others() {
    let role =
        RoleSettings { name: "a".into(), limit: vec![("cpu".into(), 4_000)], ..RoleSettings::default() };
    let limited = Settings { roles: vec![role], ..two_frameworks(1.0) };
    let mut harness = cluster(&limited, &[(10, 20)]);
    let pods: Vec<PodRef> = (0..9).map(|_| harness.pod("a", &template("a", 1, 1))).collect();
    harness.run_until(secs(60));
    assert_eq!(running(&harness, &pods), 4);
}

fn job(harness: &mut Harness, name: &str, parents: &str) -> WorkloadId {
    let template = template(name, 1, 1);
    let mut job = Job { parallelism: 1, completions: Some(1), template, ..Job::default() };
    job.meta.name = name.into();
    job.meta.annotations.insert(PARENTS.into(), parents.into());
    harness.job(job)
}

fn status(harness: &Harness, id: WorkloadId) -> JobStatus {
    harness.cluster.workloads[id].job_status().cloned().unwrap_or_default()
}

#[test]
fn failed_jobs_are_tried_twice_more_a_minute_apart() {
    // Reference control-plane §7.6.
    let mut harness = cluster(&settings(), &[(4, 8)]);
    let id = job(&mut harness, "etl", "");
    let child = job(&mut harness, "report", "etl");
    for attempt in 0..3 {
        harness.run_until(secs(2 + 70 * attempt));
        let pod = harness.active(id)[0];
        assert!(node_of(&harness, pod).is_some());
        harness.finish(pod, 1);
        harness.run_for(Span::from_secs(59));
        assert!(harness.active(id).is_empty(), "attempt {attempt}");
    }
    let status = status(&harness, id);
    assert_eq!((status.failed, status.succeeded), (3, 0));
    assert_eq!(job_end(&Status::Job(Box::new(status))), JobEnd::Failed);
    harness.run_for(Span::from_secs(600));
    assert!(harness.active(child).is_empty(), "what depends on it never runs");
}

#[test]
fn dependent_jobs_follow_a_success() {
    let mut harness = cluster(&settings(), &[(4, 8)]);
    let child = job(&mut harness, "report", "etl");
    let id = job(&mut harness, "etl", "");
    harness.run_until(secs(2));
    assert!(harness.active(child).is_empty());
    let pod = harness.active(id)[0];
    harness.finish(pod, 0);
    harness.run_until(secs(4));
    assert_eq!(status(&harness, id).conditions.len(), 1);
    assert!(node_of(&harness, harness.active(child)[0]).is_some());
}

#[test]
fn an_app_with_one_instance_on_each_agent_follows_the_agents() {
    let mut harness = cluster(&settings(), &[(4, 8), (4, 8)]);
    let mut set = DaemonSet { template: template("agent", 1, 1), ..DaemonSet::default() };
    set.meta.name = "agent".into();
    let id = harness.daemon_set(set);
    harness.run_until(secs(10));
    agent(&mut harness, 4, 8);
    harness.run_until(secs(20));
    let mut homes: Vec<Option<u32>> = harness.active(id).iter().map(|pod| node_of(&harness, *pod)).collect();
    homes.sort_unstable();
    assert_eq!(homes, [Some(0), Some(1), Some(2)]);
}

#[test]
fn instances_are_replaced_by_those_of_a_new_version() {
    // Reference control-plane §7.5: twice as many at a time, an old one goes for each healthy new one.
    let mut harness = cluster(&settings(), &[(16, 64)]);
    let id = app(&mut harness, 3, template("one", 1, 1));
    harness.run_until(secs(10));
    run_pods(&mut harness, id);
    let old = harness.active(id);
    harness.change(id, |kind| {
        if let WorkloadKind::Deployment(deployment) = kind {
            deployment.template = template("two", 1, 1);
        }
    });
    harness.run_until(secs(30));
    assert_eq!(harness.active(id).len(), 6);
    let new: Vec<PodRef> = harness.active(id).into_iter().filter(|pod| !old.contains(pod)).collect();
    for (healthy, pod) in new.iter().enumerate() {
        harness.status(*pod, PodStatus { phase: PodPhase::Running, ready: true, ..PodStatus::default() });
        assert_eq!(harness.active(id).len(), 5 - healthy);
    }
    assert_eq!(harness.active(id), new);
}

#[test]
fn instances_with_numbers_take_the_lowest_free_one() {
    let mut harness = cluster(&settings(), &[(16, 64)]);
    let mut set = StatefulSet { replicas: 3, template: template("db", 1, 1), ..StatefulSet::default() };
    set.meta.name = "db".into();
    let id = harness.stateful_set(set);
    harness.run_until(secs(10));
    run_pods(&mut harness, id);
    let middle = harness.active(id)[1];
    harness.finish(middle, 1);
    harness.run_until(secs(30));
    let names = &harness.cluster.names;
    let mut shown: Vec<String> =
        harness.active(id).iter().map(|pod| harness.cluster.pods.name_text(names, pod.id)).collect();
    shown.sort();
    assert_eq!(shown, ["db-0", "db-1", "db-2"]);
}

#[test]
fn what_fits_nowhere_does_not_keep_the_cluster_busy_for_ever() {
    let mut components = components(&Config::default(), &settings());
    let mesos = components.pop().expect("there is one");
    let mut harness = Harness::with(vec![mesos]);
    agent(&mut harness, 2, 4);
    harness.pod("wide", &template("wide", 9, 1));
    harness.run_until(secs(1_000));
    assert!(harness.is_settled(), "no offer will ever do");
}
