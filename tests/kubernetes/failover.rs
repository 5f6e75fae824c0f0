//! A node failure in a deployment on ten nodes: every step comes when a real control plane was seen
//! to take it (54 recorded node failures of Kubernetes 1.36.2).

use crate::recorder::{Line, Recorder};
use seatrial::api::{Object, PodTemplate};
use seatrial::base::{Distribution, Span, Time};
use seatrial::scenario::{Compiled, Environment, Plan, compile, parse};
use seatrial::sim::{FaultKind, FaultScope, FaultWhen, Setup, run};
use std::sync::Arc;

const SEEDS: std::ops::Range<u64> = 1..21;
const NO_SCHEDULE: &str = "node.kubernetes.io/unreachable:NoSchedule";
const NO_EXECUTE: &str = "node.kubernetes.io/unreachable:NoExecute";
const NEW_NODE: &str = "node.kubernetes.io/not-ready:NoSchedule";
const UNKNOWN: &str = "Ready=Unknown/NodeStatusUnknown";
const READY: &str = "Ready=True/KubeletReady";

/// A scenario of the project.
fn scenario(name: &str, seed: u64) -> Setup {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let text = std::fs::read(folder.join(name)).expect("the scenario is there");
    let file: Arc<str> = name.into();
    let scenario = parse(&file, &text, &[]).expect("the scenario is sound");
    let environment = Environment { file, folder, stdin: None, held: None, inputs: Vec::new() };
    match compile(&scenario, environment) {
        Ok(Compiled { plan: Plan::Kubernetes(setup), .. }) => {
            Setup { seed, check_invariants: true, ..*setup }
        }
        _ => panic!("{name} does not compile"),
    }
}

fn record(setup: Setup) -> Recorder {
    let mut recorder = Recorder::default();
    run(setup, &mut recorder, &mut ()).expect("the run ends well");
    recorder
}

/// The moment of the first line of a change of a node.
fn node(recorder: &Recorder, node: &str, change: &str, detail: &str) -> f64 {
    let mut lines = recorder.of("Node", change, detail);
    let found = lines.find(|line| line.name == node && line.t > 0.0);
    found.unwrap_or_else(|| panic!("{node} has no {change} {detail}")).t
}

fn last_renewal(recorder: &Recorder, node: &str) -> f64 {
    let mut lines = recorder.of("Node", "heartbeat-stopped", "");
    lines.find(|line| line.name == node).expect("it failed").detail.parse().expect("a number")
}

/// Smallest and largest of what was seen, for an assertion and for the table.
#[derive(Default)]
struct Range(Vec<f64>);

impl Range {
    #[track_caller]
    fn within(&mut self, what: &str, least: f64, most: f64) {
        self.0.sort_by(f64::total_cmp);
        let (first, last) = (self.0[0], self.0[self.0.len() - 1]);
        let median = self.0[self.0.len() / 2];
        println!("{what:55} n={:4} min {first:.3} med {median:.3} max {last:.3}", self.0.len());
        assert!(first >= least && last <= most, "{what}: {first} to {last}, not {least} to {most}");
    }
}

/// The pods that were on a node when it failed.
fn pods_on<'a>(recorder: &'a Recorder, node: &'a str, at: f64) -> Vec<&'a str> {
    let bound = recorder.of("Pod", "bound", node).filter(|line| line.t < at);
    let over = |name: &str| {
        recorder.lines.iter().any(|line| {
            line.name == name && line.t < at && matches!(line.change, "succeeded" | "failed" | "deleted")
        })
    };
    bound.map(|line| line.name.as_str()).filter(|name| !over(name)).collect()
}

fn of_pod<'a>(recorder: &'a Recorder, pod: &'a str, change: &'a str) -> impl Iterator<Item = &'a Line> {
    recorder.of("Pod", change, "").filter(move |line| line.name == pod)
}

/// The moment of the first change of that kind of a pod.
fn first(recorder: &Recorder, pod: &str, change: &str) -> f64 {
    let found = of_pod(recorder, pod, change).next();
    found.unwrap_or_else(|| panic!("{pod} has no {change}")).t
}

/// When `worker-1` of the scenario goes and comes.
const DOWN: f64 = 600.0;
const BACK: f64 = 1500.0;

/// What was measured, step by step.
#[derive(Default)]
struct Steps {
    unknown: Range,
    no_schedule: Range,
    no_execute: Range,
    not_ready: Range,
    deleted: Range,
    replaced: Range,
    replaced_in_job: Range,
    bound: Range,
    ready: Range,
    open: Range,
    clear: Range,
    gone: Range,
}

impl Steps {
    fn of_node(&mut self, recorder: &Recorder) {
        let at = |change, detail| node(recorder, "worker-1", change, detail);
        let (lost, tainted) = (at("condition", UNKNOWN), at("tainted", NO_EXECUTE));
        self.unknown.0.push(lost - last_renewal(recorder, "worker-1"));
        self.no_schedule.0.push(at("tainted", NO_SCHEDULE) - lost);
        self.no_execute.0.push(tainted - lost);
        let well = at("condition", READY);
        self.ready.0.push(well - BACK);
        self.open.0.push(at("untainted", NO_SCHEDULE) - well);
        self.clear.0.push(at("untainted", NO_EXECUTE) - well);
    }

    fn of_pods(&mut self, recorder: &Recorder, pods: &[&str]) {
        let lost = node(recorder, "worker-1", "condition", UNKNOWN);
        let tainted = node(recorder, "worker-1", "tainted", NO_EXECUTE);
        for pod in pods {
            self.not_ready.0.push(first(recorder, pod, "notready") - lost);
            if *pod == "patient" {
                assert_eq!(of_pod(recorder, pod, "terminating").count(), 0, "it bears the taint for ever");
                let after = recorder.lines.iter().filter(|line| line.name == *pod && line.t > BACK);
                let changes: Vec<&str> = after.map(|line| line.change).collect();
                assert_eq!(changes, ["restarted", "ready"], "it serves again");
                continue;
            }
            self.deleted.0.push(first(recorder, pod, "terminating") - tainted - 300.0);
            // It stays until its kubelet is heard again.
            self.gone.0.push(first(recorder, pod, "deleted") - BACK);
        }
    }

    fn of_replacements(&mut self, recorder: &Recorder, pods: &[&str]) {
        let tainted = node(recorder, "worker-1", "tainted", NO_EXECUTE);
        let new: Vec<&Line> = recorder.of("Pod", "created", "").filter(|line| line.t > DOWN).collect();
        let owned = pods.iter().filter(|pod| !matches!(**pod, "bare" | "patient"));
        assert_eq!(new.len(), owned.count(), "each pod of a workload is replaced once, bare ones never");
        for line in new {
            let of_set = line.name.starts_with("web#1-");
            let replaced = if of_set { &mut self.replaced } else { &mut self.replaced_in_job };
            replaced.0.push(line.t - tainted - 300.0);
            self.bound.0.push(first(recorder, &line.name, "bound") - line.t);
        }
    }

    fn check(mut self) {
        self.unknown.within("last renewal -> Ready=Unknown", 50.0, 55.3);
        self.no_schedule.within("Unknown -> NoSchedule", 0.0, 0.35);
        self.no_execute.within("Unknown -> NoExecute", 0.0, 0.3);
        self.not_ready.within("Unknown -> pods Ready=False", 0.0, 0.3);
        self.deleted.within("NoExecute -> delete, less 300 s", -0.5, 0.5);
        self.replaced.within("NoExecute -> replacement created, less 300 s", -0.5, 0.55);
        self.replaced_in_job.within("the same of a Job's pod (batched for 1 s)", -0.5, 1.55);
        self.bound.within("replacement created -> bound", 0.0, 0.02);
        self.ready.within("return -> Ready=True", 0.0, 0.02);
        self.open.within("Ready=True -> NoSchedule off", 0.0, 0.25);
        self.clear.within("Ready=True -> NoExecute off", 0.0, 5.2);
        self.gone.within("return -> evicted pods gone", 0.0, 2.0);
    }
}

#[test]
fn the_steps_of_a_node_failure_come_when_they_were_observed() {
    let mut steps = Steps::default();
    for seed in SEEDS {
        let recorder = record(scenario("node-failure.yaml", seed));
        let pods = pods_on(&recorder, "worker-1", DOWN);
        for base in ["web#1-", "batch-", "bare", "patient"] {
            assert!(pods.iter().any(|pod| pod.starts_with(base)), "seed {seed}: no {base} in {pods:?}");
        }
        steps.of_node(&recorder);
        steps.of_pods(&recorder, &pods);
        steps.of_replacements(&recorder, &pods);
    }
    steps.check();
}

/// Phases are free in a real cluster, so they differ from seed to seed.
#[test]
fn the_phases_of_the_passes_are_drawn_from_the_seed() {
    let moment = |seed| {
        let recorder = record(scenario("node-failure.yaml", seed));
        node(&recorder, "worker-1", "condition", UNKNOWN)
    };
    let moments: Vec<f64> = (1..5).map(moment).collect();
    assert!(moments.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.1), "{moments:?}");
}

fn crash(setup: &mut Setup, at: f64, seconds: f64) {
    let fault = &mut setup.faults[0];
    let (at, duration) = (Time::from_secs_f64(at), Some(Span::from_secs_f64(seconds)));
    fault.when = FaultWhen::Scheduled { at, duration };
}

/// A machine that is back within the grace period: no pod moves, containers start again, and the
/// pods are not ready in between.
#[test]
fn a_reboot_within_the_grace_period_moves_no_pod() {
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        crash(&mut setup, 600.0, 30.0);
        let recorder = record(setup);
        assert_eq!(recorder.of("Node", "tainted", "").count(), 0);
        assert_eq!(recorder.of("Pod", "terminating", "").count(), 0);
        let pods = pods_on(&recorder, "worker-1", 600.0);
        for pod in pods.iter().filter(|pod| !pod.starts_with("batch-")) {
            let story: Vec<(&str, bool)> = recorder
                .lines
                .iter()
                .filter(|line| line.kind == "Pod" && line.name == *pod && line.t > 600.0)
                .map(|line| (line.change, line.t > 630.0))
                .collect();
            assert_eq!(story, [("notready", true), ("restarted", true), ("ready", true)], "{pod}");
        }
        // A Job's pod is not restarted: it has failed, and the Job makes another one.
        for pod in pods.iter().filter(|pod| pod.starts_with("batch-")) {
            assert!(of_pod(&recorder, pod, "failed").next().is_some_and(|line| line.t > 630.0), "{pod}");
        }
    }
}

/// A node that is only cut off keeps its containers: pods are evicted all the same, and those that
/// are not are ready again when it is back.
#[test]
fn a_partition_restarts_nothing() {
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        setup.faults[0].kind = FaultKind::Partition;
        let recorder = record(setup);
        assert_eq!(recorder.of("Pod", "restarted", "").count(), 0);
        let back = of_pod(&recorder, "patient", "ready").last().expect("it serves again");
        assert!((1500.0..1500.1).contains(&back.t), "{back:?}");
    }
}

/// Two failures shortly after each other, and one during the pass that would take the taint off.
#[test]
fn a_node_that_fails_again_is_tainted_again() {
    for (seed, pause) in
        SEEDS.zip([0.001, 0.003, 0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 4.9, 5.1].into_iter().cycle())
    {
        let mut setup = scenario("node-failure.yaml", seed);
        let mut again = setup.faults[0].clone();
        let at = Time::from_secs_f64(1500.0 + pause);
        again.when = FaultWhen::Scheduled { at, duration: None };
        setup.faults.push(again);
        let recorder = record(setup);
        let taints: Vec<&Line> =
            recorder.lines.iter().filter(|line| line.detail == NO_SCHEDULE && line.t > 1500.0).collect();
        assert!(taints.last().is_some_and(|line| line.change == "tainted"), "seed {seed}: {taints:?}");
        let conditions: Vec<&Line> = recorder.of("Node", "condition", "").collect();
        assert_eq!(conditions.last().map(|line| line.detail.as_str()), Some(UNKNOWN), "seed {seed}");
    }
}

/// A pod is bound between the crash and the moment when the control plane knows of it.
#[test]
fn a_pod_that_is_bound_to_a_dead_node_waits_for_it() {
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        let pinned = setup.objects.iter().find_map(|(_, object)| match object {
            Object::Pod(pod) if pod.meta.name == "bare" => Some(pod.clone()),
            _ => None,
        });
        let mut late = pinned.expect("the scenario has it");
        late.meta.name = "late".into();
        setup.objects.push((Time::from_secs(620), Object::Pod(late.clone())));
        // This one bears the taint for ever, and runs when the node is back.
        let patient = setup.objects.iter().find_map(|(_, object)| match object {
            Object::Pod(pod) if pod.meta.name == "patient" => Some(Arc::clone(&pod.template)),
            _ => None,
        });
        late.meta.name = "late-patient".into();
        late.template = patient.expect("the scenario has it");
        setup.objects.push((Time::from_secs(620), Object::Pod(late)));
        let recorder = record(setup);
        for pod in ["late", "late-patient"] {
            assert!(of_pod(&recorder, pod, "bound").next().is_some_and(|line| line.t < 621.0));
            assert!(of_pod(&recorder, pod, "running").all(|line| line.t > 1500.0));
        }
        assert_eq!(of_pod(&recorder, "late-patient", "ready").count(), 1);
        let changes: Vec<&str> =
            recorder.lines.iter().filter(|line| line.name == "late").map(|line| line.change).collect();
        assert_eq!(changes, ["created", "bound", "terminating", "failed", "deleted"]);
        let tainted = node(&recorder, "worker-1", "tainted", NO_EXECUTE);
        let deleted = of_pod(&recorder, "late", "terminating").next().expect("it is evicted").t;
        assert!((deleted - tainted - 300.0).abs() < 0.5);
    }
}

/// A crash while the pods of a node are starting: they start over when it is back.
#[test]
fn a_crash_during_the_start_of_pods_is_made_up_for() {
    for (seed, at) in SEEDS.zip([0.01, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0].into_iter().cycle()) {
        let mut setup = scenario("node-failure.yaml", seed);
        crash(&mut setup, at, 20.0);
        let recorder = record(setup);
        for pod in ["bare", "patient"] {
            let last = of_pod(&recorder, pod, "ready").last();
            let serves = last.is_some_and(|line| line.t > 20.0 + at);
            assert!(serves, "seed {seed}: {pod} is ready after the crash at {at}");
            assert_eq!(of_pod(&recorder, pod, "terminating").count(), 0);
        }
    }
}

/// Deletions while the kubelet is down wait for it.
#[test]
fn a_deployment_that_shrinks_while_a_node_is_down_waits_for_its_kubelet() {
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        let action = seatrial::sim::Action::Scale {
            kind: "Deployment",
            namespace: "default".into(),
            name: "web".into(),
            replicas: 1,
        };
        setup.actions.push((Time::from_secs(610), action));
        let recorder = record(setup);
        let on_node = pods_on(&recorder, "worker-1", 600.0);
        for pod in on_node.iter().filter(|pod| pod.starts_with("web#1-")) {
            let Some(order) = of_pod(&recorder, pod, "terminating").next() else { continue };
            let gone = of_pod(&recorder, pod, "deleted").next().expect("it goes").t;
            assert!(order.t < 1000.0 && gone > 1500.0, "{pod}");
        }
        let present =
            recorder.of("Pod", "created", "").filter(|line| line.name.starts_with("web#1-")).count()
                - recorder.of("Pod", "deleted", "").filter(|line| line.name.starts_with("web#1-")).count();
        assert_eq!(present, 1);
    }
}

/// A node that returns around the very moment at which it is given up is ready in the end, and
/// nothing is left of its taints.
#[test]
fn a_return_during_the_pass_that_gives_the_node_up_is_seen() {
    for seed in SEEDS {
        let lost = node(&record(scenario("node-failure.yaml", seed)), "worker-1", "condition", UNKNOWN);
        for millis in [-4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 20.0, 99.0] {
            let mut setup = scenario("node-failure.yaml", seed);
            crash(&mut setup, 600.0, lost - 600.0 + millis / 1000.0);
            let recorder = record(setup);
            let of_node = |line: &&Line| line.kind == "Node" && line.name == "worker-1" && line.t > 0.0;
            let lines: Vec<&Line> = recorder.lines.iter().filter(of_node).collect();
            let mut conditions = lines.iter().filter(|line| line.change == "condition");
            assert!(
                conditions.next_back().is_none_or(|line| line.detail == READY),
                "{seed} {millis}: {lines:?}"
            );
            let count = |change: &str| lines.iter().filter(|line| line.change == change).count();
            assert_eq!(count("tainted"), count("untainted"), "{seed} {millis}: {lines:?}");
            assert_eq!(recorder.of("Pod", "terminating", "").count(), 0);
        }
    }
}

/// A node that joins carries the taint of the API server's admission until the node life-cycle
/// controller has taken it off (recorded: 0.01 to 0.2 s).
#[test]
fn a_node_that_joins_is_open_after_its_taint_is_off() {
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        setup.faults.clear();
        let mut joining = seatrial::api::Node::clone(&setup.nodes[0].node);
        joining.meta.name = "worker-10".into();
        joining.meta.labels.insert("kubernetes.io/hostname".into(), "worker-10".into());
        setup.objects.push((Time::from_secs(100), Object::Node(Box::new(joining))));
        for (at, object) in &mut setup.objects {
            if let Object::Pod(pod) = object
                && pod.meta.name == "bare"
            {
                let mut template = PodTemplate::clone(&pod.template);
                template.spec.node_selector =
                    [("kubernetes.io/hostname".to_owned(), "worker-10".to_owned())].into();
                pod.template = Arc::new(template);
                *at = Time::from_secs(50);
            }
        }
        let recorder = record(setup);
        assert!((node(&recorder, "worker-10", "tainted", NEW_NODE) - 100.0).abs() < 0.001);
        let open = node(&recorder, "worker-10", "untainted", NEW_NODE);
        assert!(open > 100.0 && open < 100.3, "{open}");
        let bound = of_pod(&recorder, "bare", "bound").next().expect("it waited for that node").t;
        assert!(bound > open && bound < open + 0.05, "{bound}");
    }
}

/// The nodes of a zone fail together: full disruption keeps the rate, a part of a small zone stops
/// the tainting.
#[test]
fn zones_limit_how_fast_nodes_are_tainted() {
    for seed in SEEDS {
        // Zone a has nodes 0, 2, 4, 6, 8.
        for (rows, limit) in
            [(vec![0, 2], Some(10.0)), (vec![0, 2, 4], None), (vec![0, 2, 4, 6, 8], Some(10.0))]
        {
            let mut setup = scenario("node-failure.yaml", seed);
            setup.faults[0].groups = vec![rows.clone()];
            setup.faults[0].scope = FaultScope::Zone;
            let recorder = record(setup);
            let taints: Vec<f64> = recorder
                .of("Node", "tainted", NO_EXECUTE)
                .filter(|line| line.t < 1500.0)
                .map(|line| line.t)
                .collect();
            match limit {
                Some(limit) => {
                    assert_eq!(taints.len(), rows.len(), "seed {seed}: {taints:?}");
                    // A zone on its way to full disruption can be partially disrupted for a pass:
                    // the second taint then comes up to 10 s later.
                    let first_gap = if rows.len() > 2 { 2.1 } else { 1.03 };
                    for (pair, most) in taints.windows(2).zip([first_gap, 1.03, 1.03, 1.03]) {
                        let gap = (pair[1] - pair[0]) / limit;
                        assert!((0.98..most).contains(&gap), "seed {seed}: {taints:?}");
                    }
                }
                // One node can be tainted before the pass that sees the zone as disrupted.
                None => assert!(taints.len() <= 2, "seed {seed}: {taints:?}"),
            }
        }
    }
}

/// Every zone is silent: more likely the control plane is cut off. The NoExecute taints go.
#[test]
fn when_every_node_is_silent_nothing_is_evicted() {
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        setup.faults[0].groups = vec![(0..10).collect()];
        setup.faults[0].kind = FaultKind::Partition;
        let recorder = record(setup);
        assert_eq!(recorder.of("Pod", "terminating", "").count(), 0, "seed {seed}");
        let tainted = recorder.of("Node", "tainted", NO_EXECUTE).count();
        assert_eq!(recorder.of("Node", "untainted", NO_EXECUTE).count(), tainted);
        assert!(tainted <= 2, "seed {seed}: {tainted}");
    }
}

#[test]
fn two_hundred_replicas_take_what_the_clients_limits_allow() {
    let [mut created, mut scheduled] = [(); 2].map(|()| Range::default());
    for seed in SEEDS {
        let mut setup = scenario("node-failure.yaml", seed);
        setup.faults.clear();
        setup.objects.retain(|(_, object)| matches!(object, Object::Deployment(_)));
        for (_, object) in &mut setup.objects {
            if let Object::Deployment(deployment) = object {
                deployment.replicas = 200;
                let mut template = PodTemplate::clone(&deployment.template);
                template.spec.containers[0].resources.requests.clear();
                deployment.template = Arc::new(template);
            }
        }
        let recorder = record(setup);
        let times: Vec<f64> = recorder.of("Pod", "created", "").map(|line| line.t).collect();
        assert_eq!(times.len(), 200);
        created.0.push(times[199] - times[0]);
        for pod in recorder.of("Pod", "created", "") {
            scheduled.0.push(of_pod(&recorder, &pod.name, "bound").next().expect("it is bound").t - pod.t);
        }
    }
    created.within("200 replicas created in", 8.6, 8.9);
    scheduled.within("created -> bound", 0.0, 0.1);
    let median = scheduled.0[scheduled.0.len() / 2];
    assert!((0.002..0.006).contains(&median), "{median}");
}

/// A run of nothing but the scenario's Job, changed.
fn job_alone(seed: u64, parallelism: i32, seconds: f64, code: f64) -> Recorder {
    let mut setup = scenario("node-failure.yaml", seed);
    setup.faults.clear();
    setup.objects.retain(|(_, object)| matches!(object, Object::Job(_)));
    for (_, object) in &mut setup.objects {
        if let Object::Job(job) = object {
            (job.parallelism, job.completions, job.backoff_limit) = (parallelism, Some(parallelism), 4);
            let mut template = PodTemplate::clone(&job.template);
            template.behavior.run_time = Some(Distribution::Constant(seconds));
            template.behavior.exit_code = Some(Distribution::Constant(code));
            job.template = Arc::new(template);
        }
    }
    record(setup)
}

#[test]
fn a_job_waits_ten_twenty_forty_seconds_before_it_tries_again() {
    let mut waits: [Range; 4] = Default::default();
    for seed in SEEDS {
        let recorder = job_alone(seed, 1, 2.0, 1.0);
        let created: Vec<f64> = recorder.of("Pod", "created", "").map(|line| line.t).collect();
        let started: Vec<f64> = recorder.of("Pod", "running", "").map(|line| line.t).collect();
        assert_eq!((created.len(), started.len()), (5, 5), "the limit is 4 repetitions");
        for (number, wait) in waits.iter_mut().enumerate() {
            // The back-off counts from the whole second in which the container ended.
            wait.0.push(created[number + 1] - (started[number] + 2.0).floor());
        }
        assert_eq!(recorder.of("Job", "condition", "Failed").count(), 1);
    }
    for (wait, seconds) in waits.iter_mut().zip([10.0, 20.0, 40.0, 80.0]) {
        wait.within(&format!("end of a Job's pod -> next, back-off {seconds} s"), seconds, seconds + 0.05);
    }
}

#[test]
fn a_job_is_complete_a_second_after_its_pod() {
    let mut delays = Range::default();
    for seed in SEEDS {
        let recorder = job_alone(seed, 1, 30.0, 0.0);
        let last = recorder.of("Pod", "succeeded", "").last().expect("pods succeed").t;
        delays.0.push(recorder.of("Job", "condition", "Complete").next().expect("it is complete").t - last);
    }
    delays.within("last pod end -> Job Complete", 0.8, 1.5);
}
