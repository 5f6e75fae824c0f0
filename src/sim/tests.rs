//! Whole runs of small setups: what the world, the API server and the control plane do together.

use super::setup::{Fault, FaultKind, FaultScope, FaultWhen};
use super::*;
use crate::api::{Container, ObjectMeta, Pod, PodSpec, PodTemplate, RestartPolicy};
use crate::base::ids::PoolId;
use crate::base::{Distribution, Quantity, Span, Time};
use crate::control;
use std::sync::Arc;

/// A node with CPU (cores) and memory (GiB).
pub(crate) fn node(name: &str, cpu: i64, memory: i64) -> NodeSetup {
    let mut node = crate::api::Node {
        meta: ObjectMeta { name: name.into(), ..Default::default() },
        ..Default::default()
    };
    for (resource, amount) in [("cpu", cpu), ("memory", memory << 30), ("pods", 110)] {
        node.allocatable.insert(resource.into(), Quantity::from_units(amount));
    }
    node.capacity = node.allocatable.clone();
    NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
}

/// A template with one container that requests CPU in millicores.
pub(crate) fn template(milli: i64, change: impl FnOnce(&mut PodTemplate)) -> PodTemplate {
    let mut container = Container { name: "main".into(), ..Container::default() };
    container.resources.requests.insert("cpu".into(), Quantity::from_milli(milli));
    let mut template = PodTemplate {
        spec: PodSpec {
            containers: vec![container],
            restart_policy: RestartPolicy::Never,
            ..PodSpec::default()
        },
        ..PodTemplate::default()
    };
    change(&mut template);
    template
}

/// A bare pod.
pub(crate) fn pod(name: &str, template: PodTemplate) -> crate::api::Object {
    let meta = ObjectMeta { name: name.into(), namespace: "default".into(), ..ObjectMeta::default() };
    crate::api::Object::Pod(Box::new(Pod { meta, template: Arc::new(template), ..Pod::default() }))
}

/// A setup with ideal timing.
pub(crate) fn setup(nodes: Vec<NodeSetup>, objects: Vec<(u64, crate::api::Object)>) -> Setup {
    Setup {
        seed: 1,
        pools: vec![Pool { name: "pool".into(), price_per_hour: 1.0 }],
        nodes,
        registered: None,
        bound_pods: Vec::new(),
        objects: objects.into_iter().map(|(at, object)| (Time::from_secs(at), object)).collect(),
        sources: Vec::new(),
        faults: Vec::new(),
        plane: Plane::default(),
        actions: Vec::new(),
        default_behavior: crate::api::Behavior::default(),
        metrics: MetricsSetup::default(),
        timing: Timing::ideal(),
        control: control::Config::default(),
        stop: StopRule { at: Some(Time::from_secs(100_000)), when_settled: true, when_jobs_done: false },
        check_invariants: true,
    }
}

/// Notes what happens as lines `seconds what pod`.
#[derive(Default)]
pub(crate) struct Story(pub(crate) Vec<String>);

impl Observer for Story {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        let name = |pod: crate::cluster::PodRef| {
            view.cluster.pods.get(pod).map_or_else(
                || format!("#{}", pod.id.0),
                |id| view.cluster.pods.name_text(&view.cluster.names, id),
            )
        };
        let node = |node: crate::base::ids::NodeId| {
            view.cluster.names.text(view.cluster.nodes.name[node.index()]).to_owned()
        };
        let text = match record {
            Record::PodBound { pod, node: on } => format!("bound {} {}", name(*pod), node(*on)),
            Record::ContainerStarted { pod, restarts, .. } => format!("start {} {restarts}", name(*pod)),
            Record::ContainerEnded { pod, code, reason, work, .. } => {
                format!("exit {} {code} {} work={work}", name(*pod), reason.name())
            }
            Record::PodEnded { pod, phase, .. } => format!("{} {}", phase.name(), name(*pod)),
            Record::PodDeleting { pod, reason, .. } => format!("deleting {} {}", name(*pod), reason.name()),
            Record::PodRemoved { pod } => format!("removed {}", name(*pod)),
            Record::NodeFailed { node: failed, .. } => format!("failed {}", node(*failed)),
            Record::NodeRecovered { node: back } => format!("recovered {}", node(*back)),
            Record::NodeReady { node: of, ready } => format!("node {} {ready:?}", node(*of)),
            Record::NodeTaint { node: of, effect, added, .. } => {
                format!("{} {} {}", if *added { "taint" } else { "untaint" }, node(*of), effect.name())
            }
            _ => return,
        };
        self.0.push(format!("{} {text}", Span(now.0)));
    }

    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}

pub(crate) fn story(setup: Setup) -> Vec<String> {
    let mut story = Story::default();
    run(setup, &mut story, &mut ()).expect("the run ends well");
    story.0
}

fn runs_for(seconds: f64) -> impl FnOnce(&mut PodTemplate) {
    move |template| template.behavior.run_time = Some(Distribution::Constant(seconds))
}

#[test]
fn a_pod_runs_and_succeeds() {
    let lines = story(setup(vec![node("a", 4, 8)], vec![(3, pod("p", template(1000, runs_for(60.0))))]));
    assert_eq!(
        lines,
        ["3s bound p a", "3s start p 0", "1m3s exit p 0 Completed work=1m", "1m3s Succeeded p"]
    );
}

#[test]
fn a_run_that_nothing_else_ends_takes_all_its_time() {
    let ends = |when_settled| {
        let mut setup = setup(vec![node("a", 4, 8)], vec![(3, pod("p", template(1000, runs_for(60.0))))]);
        setup.stop = StopRule { at: Some(Time::from_secs(600)), when_settled, when_jobs_done: false };
        let outcome = run(setup, &mut Story::default(), &mut ()).unwrap();
        (outcome.end, outcome.ending)
    };
    assert_eq!(ends(true), (Time::from_secs(63), crate::sim::Ending::Settled));
    assert_eq!(ends(false), (Time::from_secs(600), crate::sim::Ending::TimeReached));
}

#[test]
fn a_pod_that_does_not_fit_waits_for_room() {
    let objects = vec![
        (0, pod("first", template(3000, runs_for(10.0)))),
        (1, pod("second", template(2000, runs_for(5.0)))),
    ];
    let lines = story(setup(vec![node("a", 4, 8)], objects));
    assert!(lines.contains(&"10s bound second a".to_owned()), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "15s Succeeded second");
}

#[test]
fn cpu_that_is_over_used_is_shared_and_runs_take_longer() {
    let greedy = |template: &mut PodTemplate| {
        template.behavior.run_time = Some(Distribution::Constant(10.0));
        template.behavior.cpu_usage = Some(Distribution::Constant(2.0));
    };
    let objects = vec![(0, pod("a", template(1000, greedy))), (0, pod("b", template(1000, greedy)))];
    // Four cores wanted, two there: each runs at half speed until both end.
    let lines = story(setup(vec![node("n", 2, 8)], objects));
    assert!(lines.contains(&"20s exit a 0 Completed work=10s".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"20s exit b 0 Completed work=10s".to_owned()), "{lines:#?}");
}

#[test]
fn a_limit_throttles_and_memory_above_it_kills() {
    let throttled = |template: &mut PodTemplate| {
        template.behavior.run_time = Some(Distribution::Constant(10.0));
        template.behavior.cpu_usage = Some(Distribution::Constant(2.0));
        let limits = &mut template.spec.containers[0].resources.limits;
        limits.insert("cpu".into(), Quantity::from_milli(500));
    };
    let hungry = |template: &mut PodTemplate| {
        template.behavior.memory_usage = Some(Distribution::Constant(2e9));
        let limits = &mut template.spec.containers[0].resources.limits;
        limits.insert("memory".into(), Quantity::from_units(1 << 30));
    };
    let objects = vec![(0, pod("slow", template(100, throttled))), (0, pod("big", template(100, hungry)))];
    let lines = story(setup(vec![node("n", 4, 8)], objects));
    assert!(lines.contains(&"40s exit slow 0 Completed work=10s".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"0s exit big 137 OOMKilled work=0s".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"0s Failed big".to_owned()), "{lines:#?}");
}

#[test]
fn a_container_that_crashes_backs_off() {
    let crashing = |template: &mut PodTemplate| {
        template.spec.restart_policy = RestartPolicy::OnFailure;
        template.behavior.run_time = Some(Distribution::Constant(1.0));
        template.behavior.fail_runs = 4;
    };
    let lines = story(setup(vec![node("n", 4, 8)], vec![(0, pod("p", template(100, crashing)))]));
    let starts: Vec<&String> = lines.iter().filter(|line| line.contains("start")).collect();
    // The first restart is immediate, then 10, 20, 40 s after the end of the last run.
    assert_eq!(starts, ["0s start p 0", "1s start p 1", "12s start p 2", "33s start p 3", "1m14s start p 4"]);
    assert_eq!(lines.last().unwrap(), "1m15s Succeeded p");
}

fn fault(node: usize, at: u64, seconds: u64, kind: FaultKind) -> Fault {
    Fault {
        groups: vec![vec![node]],
        scope: FaultScope::Node,
        kind,
        when: FaultWhen::Scheduled { at: Time::from_secs(at), duration: Some(Span::from_secs(seconds)) },
    }
}

#[test]
fn a_short_crash_restarts_the_containers_in_place() {
    let long = |template: &mut PodTemplate| {
        template.spec.restart_policy = RestartPolicy::Always;
        template.behavior.run_time = None;
    };
    let mut setup = setup(vec![node("n", 4, 8)], vec![(0, pod("p", template(100, long)))]);
    setup.faults = vec![fault(0, 10, 20, FaultKind::Crash)];
    let lines = story(setup);
    assert_eq!(
        lines,
        [
            "0s bound p n",
            "0s start p 0",
            "10s failed n",
            "10s exit p 137 NodeLost work=10s",
            "30s recovered n",
            "30s start p 1"
        ]
    );
}

#[test]
fn a_partition_loses_nothing() {
    let mut setup = setup(vec![node("n", 4, 8)], vec![(0, pod("p", template(100, runs_for(15.0))))]);
    setup.faults = vec![fault(0, 10, 20, FaultKind::Partition)];
    let lines = story(setup);
    assert!(lines.contains(&"15s exit p 0 Completed work=15s".to_owned()), "{lines:#?}");
    // The kubelet reports it when it is heard again.
    assert_eq!(lines.last().unwrap(), "30s Succeeded p");
}

#[test]
fn the_same_setup_gives_the_same_story() {
    let make = || {
        let noisy = |template: &mut PodTemplate| {
            template.behavior.run_time = Some(Distribution::Exponential { mean: 30.0 });
        };
        let objects = (0..40).map(|n| (n / 4, pod(&format!("p{n}"), template(700, noisy)))).collect();
        Setup { timing: Timing::kubernetes(), ..setup(vec![node("a", 4, 8), node("b", 4, 8)], objects) }
    };
    let first = story(make());
    assert!(first.len() > 100);
    assert_eq!(first, story(make()));
}

#[test]
fn nothing_is_known_before_it_can_be() {
    // With real latencies a pod is bound some milliseconds after its creation, and started later.
    let objects = vec![(1, pod("p", template(100, runs_for(60.0))))];
    let setup = Setup { timing: Timing::kubernetes(), ..setup(vec![node("n", 4, 8)], objects) };
    let lines = story(setup);
    let at = |what: &str| -> f64 {
        let line = lines.iter().find(|line| line.contains(what)).expect("it happened");
        line.split(' ').next().unwrap().parse::<Span>().unwrap().as_secs_f64()
    };
    assert!(at("bound") > 1.001 && at("bound") < 1.01, "{lines:#?}");
    assert!(at("start") > at("bound") + 0.2, "{lines:#?}");
    assert!(at("Succeeded") > at("exit"), "{lines:#?}");
}

#[test]
fn work_that_is_replaced_at_once_for_ever_is_an_error() {
    // Found by the self-test: tolerated for 0 s, the pod is placed, evicted and replaced, and no
    // time passes between.
    let evicted = |template: &mut PodTemplate| {
        template.spec.restart_policy = RestartPolicy::Always;
        template.spec.tolerations.push(crate::api::Toleration {
            operator: crate::api::TolerationOperator::Exists,
            effect: Some(crate::api::TaintEffect::NoExecute),
            seconds: Some(0),
            ..Default::default()
        });
    };
    let set = crate::api::ReplicaSet {
        meta: ObjectMeta { name: "set".into(), namespace: "default".into(), ..ObjectMeta::default() },
        replicas: 1,
        template: Arc::new(template(100, evicted)),
        ..Default::default()
    };
    let mut tainted = node("n", 4, 8);
    Arc::make_mut(&mut tainted.node).taints.push(crate::api::Taint {
        key: "dedicated".into(),
        value: String::new(),
        effect: crate::api::TaintEffect::NoExecute,
    });
    let objects = vec![(0, crate::api::Object::ReplicaSet(Box::new(set)))];
    let setup = Setup { check_invariants: false, ..setup(vec![tainted], objects) };
    let error = run(setup, &mut (), &mut ()).unwrap_err();
    assert!(error.to_string().contains("without any time passing"), "{error}");
}

#[test]
fn a_machine_that_is_cut_off_can_crash() {
    let mut setup = setup(vec![node("n", 4, 8)], vec![(0, pod("p", template(100, runs_for(60.0))))]);
    setup.faults = vec![fault(0, 10, 30, FaultKind::Partition), fault(0, 20, 5, FaultKind::Crash)];
    let lines = story(setup);
    assert!(lines.contains(&"20s exit p 137 NodeLost work=20s".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"40s recovered n".to_owned()), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "40s Failed p");
}

/// A grace period of zero is a deletion by force (CheckGracefulDelete): the object does not wait for its
/// containers.
#[test]
fn a_pod_without_a_grace_period_goes_at_once() {
    for (grace, last) in [(0, "10s removed p"), (5, "15s removed p")] {
        let p = pod(
            "p",
            template(100, |template| {
                template.spec.termination_grace_seconds = Some(grace);
                template.behavior.stop_time = Some(Distribution::Constant(60.0));
            }),
        );
        let mut setup = setup(vec![node("n", 4, 8)], vec![(0, p)]);
        let (namespace, name) = ("default".to_owned(), "p".to_owned());
        let delete = Action::Delete { kind: "Pod", namespace, name, grace: None };
        setup.actions = vec![(Time::from_secs(10), delete)];
        let lines = story(setup);
        assert!(lines.contains(&last.to_owned()), "{lines:#?}");
    }
}

#[test]
fn a_new_nodes_taint_is_told_before_it_goes() {
    // Found by the self-test: without latencies the taint is taken off in the same instant.
    let object = crate::api::Object::Node(Box::new((*node("late", 4, 8).node).clone()));
    let lines = story(setup(vec![node("n", 4, 8)], vec![(10, object)]));
    let taints: Vec<&String> = lines.iter().filter(|line| line.contains("taint late")).collect();
    assert_eq!(taints, ["10s taint late NoSchedule", "10s untaint late NoSchedule"]);
}

#[test]
fn a_machine_that_joins_again_runs_pods() {
    for kind in [FaultKind::Crash, FaultKind::Partition] {
        let machine = node("a", 4, 8);
        let object = (*machine.node).clone();
        let late = pod("late", template(100, |_| {}));
        let mut setup = setup(vec![machine], vec![(200, late)]);
        setup.actions = vec![
            (Time::from_secs(10), Action::FailNode { node: "a".into(), kind }),
            (Time::from_secs(20), Action::RemoveNode("a".into())),
            (Time::from_secs(100), Action::AddNode(Box::new(object))),
        ];
        setup.stop = StopRule { at: Some(Time::from_secs(400)), ..StopRule::default() };
        let story = story(setup);
        assert!(story.iter().any(|line| line == "3m20s start late 0"), "{story:?}");
        assert!(!story.iter().any(|line| line.contains("Unknown")), "{story:?}");
    }
}

#[test]
fn a_fault_ends_after_a_person_has_repaired_its_machine() {
    let mut setup = setup(vec![node("a", 4, 8)], Vec::new());
    let when = FaultWhen::Scheduled { at: Time::from_secs(10), duration: Some(Span::from_secs(60)) };
    setup.faults =
        vec![Fault { groups: vec![vec![0]], scope: FaultScope::Node, kind: FaultKind::Crash, when }];
    setup.actions = vec![(Time::from_secs(20), Action::RecoverNode("a".into()))];
    setup.stop = StopRule { at: Some(Time::from_secs(400)), ..StopRule::default() };
    assert_eq!(story(setup), ["10s failed a", "20s recovered a"]);
}

#[test]
fn a_kubelet_asks_once_for_the_deletion_of_what_a_finalizer_holds() {
    let job = crate::api::Job {
        meta: ObjectMeta { name: "job".into(), namespace: "default".into(), ..ObjectMeta::default() },
        parallelism: 1,
        completions: Some(1),
        backoff_limit: 6,
        template: Arc::new(template(100, |template| {
            template.behavior.run_time = Some(Distribution::Constant(50.0));
        })),
        ..crate::api::Job::default()
    };
    let mut setup = setup(vec![node("a", 4, 8)], vec![(0, crate::api::Object::Job(Box::new(job)))]);
    let (namespace, name) = ("default".to_owned(), "job-1".to_owned());
    setup.actions = vec![(Time::from_secs(10), Action::Delete { kind: "Pod", namespace, name, grace: None })];
    let story = story(setup);
    assert!(story.iter().any(|line| line.contains("removed job-")), "{story:?}");
    assert!(story.iter().any(|line| line.contains("Succeeded job-")), "{story:?}");
}

#[test]
fn the_next_leader_replaces_daemon_pods_of_an_old_template() {
    let set = |version: &str| {
        let label = |template: &mut PodTemplate| {
            template.spec.restart_policy = RestartPolicy::Always;
            template.labels.insert("app".into(), "set".into());
            template.labels.insert("version".into(), version.into());
        };
        let match_labels = vec![("app".to_owned(), "set".to_owned())];
        crate::api::Object::DaemonSet(Box::new(crate::api::DaemonSet {
            meta: ObjectMeta { name: "set".into(), namespace: "default".into(), ..ObjectMeta::default() },
            selector: crate::api::LabelSelector { match_labels, match_expressions: Vec::new() },
            template: Arc::new(template(100, label)),
            ..crate::api::DaemonSet::default()
        }))
    };
    let mut setup = setup(vec![node("a", 4, 8), node("b", 4, 8)], vec![(0, set("1"))]);
    let process = control::Process::ControllerManager;
    setup.actions = vec![
        (Time::from_secs(10), Action::Kill(process)),
        (Time::from_secs(11), Action::Replace { object: Box::new(set("2")), keep_replicas: true }),
        (Time::from_secs(12), Action::Launch(process)),
    ];
    setup.stop = StopRule { at: Some(Time::from_secs(400)), ..StopRule::default() };
    let story = story(setup);
    let count = |what: &str| story.iter().filter(|line| line.contains(what)).count();
    assert_eq!((count("deleting set-"), count("start set-")), (2, 4), "{story:?}");
}
