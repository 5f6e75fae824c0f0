//! The daemon on the harness: pods, Jobs and Deployments as jobs, time limits, nodes that fall silent.

use super::Slurmctld;
use crate::api::{Container, Deployment, Job, Node, PodSpec, PodTemplate, ResourceList, Status};
use crate::base::ids::{NodeId, PoolId};
use crate::base::{Quantity, Span, Time};
use crate::cluster::{PodRef, Reason, WorkloadKind};
use crate::control::harness::Harness;
use crate::control::slurm::Site;
use crate::control::slurm::settings::ReturnToService;
use crate::control::{Command, Config, Event, Note, Write};
use std::sync::Arc;

fn bench(site: &Site) -> Harness {
    Harness::with(vec![Box::new(Slurmctld::new(&Config::default(), site))])
}

fn node(bench: &mut Harness, name: &str, cpus: i64) -> NodeId {
    let mut object = Node::default();
    object.meta.name = name.into();
    object.meta.labels.insert("disk".into(), format!("of-{name}"));
    for (resource, amount) in [("cpu", cpus), ("memory", 1 << 34), ("pods", 100)] {
        object.allocatable.insert(resource.into(), Quantity::from_units(amount));
    }
    let node = NodeId(bench.cluster.nodes.len() as u32);
    bench.tell(Event::NodeAdded { node, object: Arc::new(object), pool: PoolId(0) });
    node
}

fn template(cpus: i64, labels: &[(&str, &str)]) -> Arc<PodTemplate> {
    let requests: ResourceList = [("cpu".to_owned(), Quantity::from_units(cpus))].into_iter().collect();
    let container = Container {
        name: "main".into(),
        resources: crate::api::Resources { requests, ..Default::default() },
        ..Container::default()
    };
    let mut template = PodTemplate {
        spec: PodSpec { containers: vec![container], ..PodSpec::default() },
        ..PodTemplate::default()
    };
    for (key, value) in labels {
        template.labels.insert(format!("seatrial.dev/slurm-{key}"), (*value).to_owned());
    }
    Arc::new(template)
}

/// The pods that were bound, with their nodes and the seconds.
fn bound(bench: &Harness) -> Vec<String> {
    let text = |(at, write): (Time, &Write)| match write {
        Write::Bind { pod, node } => {
            let name = bench.cluster.nodes.name[node.index()];
            Some(format!("{} {} {}", at.0 / 1_000_000_000, pod.id.0, bench.cluster.names.text(name)))
        }
        _ => None,
    };
    bench.writes().filter_map(text).collect()
}

fn told(bench: &Harness) -> Vec<&'static str> {
    let word = |(_, command): &(Time, Command)| match command {
        Command::Note(Note::Told { word, .. }) => Some(*word),
        _ => None,
    };
    bench.commands.iter().filter_map(word).collect()
}

fn job(name: &str, parallelism: i32, completions: Option<i32>, template: &Arc<PodTemplate>) -> Job {
    let mut job = Job { parallelism, completions, template: Arc::clone(template), ..Job::default() };
    job.meta.name = name.into();
    job
}

fn pods(bench: &Harness) -> Vec<PodRef> {
    let pods = &bench.cluster.pods;
    pods.iter().map(|pod| pods.reference(pod)).collect()
}

#[test]
fn events_start_cycles_at_most_every_three_seconds() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 8);
    bench.run_for(Span::from_millis(10_500));
    bench.pod("a", &template(1, &[]));
    bench.run_for(Span::from_millis(1_000));
    bench.pod("b", &template(1, &[]));
    bench.run_for(Span::from_secs(10));
    assert_eq!(bound(&bench), ["11 0 n1", "14 1 n1"]);
}

#[test]
fn a_job_object_is_one_job_that_starts_as_a_whole() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 2);
    bench.job(job("wide", 3, None, &template(1, &[])));
    bench.run_for(Span::from_secs(120));
    assert!(bound(&bench).is_empty(), "three tasks do not fit on two CPUs");
    assert!(told(&bench).contains(&"BadConstraints"), "{:?}", told(&bench));
    node(&mut bench, "n2", 2);
    bench.run_for(Span::from_secs(5));
    assert_eq!(bound(&bench), ["120 0 n1", "120 1 n1", "120 2 n2"]);
    let workload = crate::base::ids::WorkloadId(0);
    for pod in pods(&bench) {
        assert_eq!(*bench.workload_status(workload), Status::None);
        bench.finish(pod, 0);
    }
    let Status::Job(status) = bench.workload_status(workload) else { panic!("no status") };
    assert_eq!((status.succeeded, status.end().map(|end| end.kind)), (3, Some("Complete")));
}

#[test]
fn more_completions_than_parallelism_are_an_array() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 8);
    bench.job(job("many", 2, Some(3), &template(1, &[])));
    bench.run_for(Span::from_secs(60));
    assert_eq!(bound(&bench).len(), 2);
    assert!(told(&bench).contains(&"JobArrayTaskLimit"), "{:?}", told(&bench));
    let first = pods(&bench)[0];
    bench.finish(first, 0);
    bench.run_for(Span::from_secs(10));
    assert_eq!(bound(&bench).len(), 3);
}

#[test]
fn a_job_is_stopped_at_its_limit_and_its_cpus_are_free_when_it_is_gone() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 1);
    let first = bench.pod("a", &template(1, &[("time", "2")]));
    bench.pod("b", &template(1, &[]));
    bench.run_for(Span::from_secs(200));
    let stops: Vec<_> = bench
        .writes()
        .filter_map(|(at, write)| match write {
            Write::DeletePod { pod, grace, reason } => Some((at.0 / 1_000_000_000, *pod, *grace, *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(stops, [(120, first, Some(Span::from_secs(30)), Reason::DeadlineExceeded)]);
    assert_eq!(bound(&bench).len(), 1, "the first still ends");
    bench.remove(first);
    bench.run_for(Span::from_secs(5));
    assert_eq!(bound(&bench)[1], "200 1 n1");
    assert!(told(&bench).contains(&"TIMEOUT"));
}

#[test]
fn a_silent_node_is_given_up_after_five_minutes_and_its_job_goes_back() {
    let mut site = Site::default();
    site.settings.return_to_service = ReturnToService::IfUnresponsive;
    let mut bench = bench(&site);
    let n1 = node(&mut bench, "n1", 1);
    node(&mut bench, "n2", 1);
    bench.pod("a", &template(1, &[]));
    bench.run_for(Span::from_secs(100));
    bench.silence(n1);
    bench.run_for(Span::from_secs(299));
    assert_eq!(bound(&bench), ["0 0 n1"]);
    bench.run_for(Span::from_secs(600));
    // Down at 400, back in the queue, held for two minutes; the full cycle at 540 finds it.
    assert_eq!(bound(&bench)[1], "540 1 n2");
    assert!(told(&bench).contains(&"Requeued"), "{:?}", told(&bench));
    bench.tell(Event::HeartbeatsResumed { node: n1 });
    bench.pod("b", &template(1, &[]));
    bench.run_for(Span::from_secs(10));
    assert!(bound(&bench)[2].ends_with("n1"), "it has returned to service: {:?}", bound(&bench));
}

#[test]
fn a_node_that_is_heard_in_time_keeps_its_jobs() {
    let mut bench = bench(&Site::default());
    let n1 = node(&mut bench, "n1", 1);
    bench.pod("a", &template(1, &[]));
    bench.run_for(Span::from_secs(100));
    bench.silence(n1);
    bench.run_for(Span::from_secs(299));
    bench.tell(Event::HeartbeatsResumed { node: n1 });
    bench.run_for(Span::from_secs(1000));
    assert_eq!(bound(&bench).len(), 1);
    assert!(!told(&bench).contains(&"DOWN"));
}

#[test]
fn a_deployment_is_jobs_that_go_back_to_the_queue_when_they_end() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 4);
    let mut object = Deployment { replicas: 2, template: template(1, &[]), ..Deployment::default() };
    object.meta.name = "web".into();
    let id = bench.workload(WorkloadKind::Deployment(object), None);
    bench.run_for(Span::from_secs(10));
    assert_eq!(bound(&bench).len(), 2);
    let first = pods(&bench)[0];
    bench.finish(first, 1);
    bench.run_for(Span::from_secs(300));
    assert_eq!(bound(&bench).len(), 3, "the failed one runs again");
    bench.scale(id, 3);
    bench.run_for(Span::from_secs(10));
    assert_eq!(bound(&bench).len(), 4);
    bench.scale(id, 1);
    let deleted = bench
        .writes()
        .filter(|(_, write)| matches!(write, Write::DeletePod { reason: Reason::ScaledDown, .. }));
    assert_eq!(deleted.count(), 2);
}

#[test]
fn node_selectors_and_constraints_choose_nodes() {
    let mut site = Site::default();
    site.nodes.entry("n3".to_owned()).or_default().features.push("fast".to_owned());
    let mut bench = bench(&site);
    for name in ["n1", "n2", "n3"] {
        node(&mut bench, name, 4);
    }
    let mut chosen = (*template(1, &[])).clone();
    chosen.spec.node_selector.push(("disk".into(), "of-n2".into()));
    bench.pod("a", &Arc::new(chosen));
    bench.pod("b", &template(1, &[("constraint", "fast")]));
    bench.run_for(Span::from_secs(10));
    let mut nodes: Vec<String> = bound(&bench);
    nodes.sort();
    assert!(nodes.iter().any(|text| text.ends_with("0 n2")), "{nodes:?}");
    assert!(nodes.iter().any(|text| text.ends_with("1 n3")), "{nodes:?}");
}

#[test]
fn what_cannot_be_submitted_is_refused() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 4);
    for label in [("partition", "none"), ("qos", "none"), ("time", "soon")] {
        bench.pod("a", &template(1, &[label]));
    }
    bench.run_for(Span::from_secs(100));
    assert_eq!(told(&bench), ["Refused"; 3]);
    assert!(bound(&bench).is_empty());
}

#[test]
fn ended_pods_are_forgotten_after_min_job_age() {
    let mut bench = bench(&Site::default());
    node(&mut bench, "n1", 4);
    let pod = bench.pod("a", &template(1, &[]));
    bench.run_for(Span::from_secs(10));
    bench.finish(pod, 0);
    bench.run_for(Span::from_secs(299));
    assert!(bench.cluster.pods.get(pod).is_some());
    bench.run_for(Span::from_secs(2));
    let gone = |write: &Write| matches!(write, Write::DeletePod { reason: Reason::Completed, .. });
    assert!(bench.writes().any(|(_, write)| gone(write)));
}
