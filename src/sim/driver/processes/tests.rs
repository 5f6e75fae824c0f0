//! Processes that are killed and start again, and an API server that is away.

#![expect(clippy::print_stdout, reason = "tests show what they have measured")]
#![expect(clippy::float_cmp, reason = "moments that are set are met exactly")]

use super::*;
use crate::api::{Deployment, LabelSelector, Object, ObjectMeta, PodTemplate, RestartPolicy};
use crate::cluster::ReadyStatus;
use crate::sim::setup::{FaultKind, FaultScope, FaultWhen, Replicas};
use crate::sim::tests::{node, pod, setup, template};
use crate::sim::timing::RateLimit;
use crate::sim::{Fault, Observer, Setup, Timing, View, run};
use std::collections::BTreeMap;

/// What happened, each with its moment in seconds.
#[derive(Default)]
struct Log(Vec<(f64, String)>);

impl Observer for Log {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        let name = |pod: crate::cluster::PodRef| {
            let row = view.cluster.pods.get(pod);
            row.map_or_else(|| "?".to_owned(), |id| view.cluster.pods.name_text(&view.cluster.names, id))
        };
        let node = |node: NodeId| view.cluster.names.text(view.cluster.nodes.name[node.index()]).to_owned();
        let text = match record {
            Record::PodCreated { .. } => "created".to_owned(),
            Record::PodBound { pod, .. } => format!("bound {}", name(*pod)),
            Record::ContainerStarted { .. } => "start".to_owned(),
            Record::ContainerEnded { .. } => "exit".to_owned(),
            Record::PodEnded { pod, phase, .. } => format!("{} {}", phase.name(), name(*pod)),
            Record::PodDeleting { reason, .. } => format!("deleting {}", reason.name()),
            Record::PodRemoved { .. } => "removed".to_owned(),
            Record::PodReady { ready, .. } => format!("ready {ready}"),
            Record::NodeReady { node: of, ready } => format!("node {} {ready:?}", node(*of)),
            Record::NodeTaint { node: of, effect, added, .. } => {
                format!("{} {} {}", if *added { "taint" } else { "untaint" }, node(*of), effect.name())
            }
            Record::WorkloadScaled { replicas, .. } => format!("scaled {replicas}"),
            Record::Process { process, step } => format!("{} {step:?}", process.name()),
            Record::ApiServer { is_up } => format!("api {is_up}"),
            _ => return,
        };
        self.0.push((now.as_secs_f64(), text));
    }

    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}

impl Log {
    fn of(setup: Setup) -> Log {
        let mut log = Log::default();
        run(setup, &mut log, &mut ()).expect("the run ends well");
        log
    }

    /// When something happened, in order.
    fn at(&self, what: &str) -> Vec<f64> {
        self.0.iter().filter(|(_, text)| text.starts_with(what)).map(|(at, _)| *at).collect()
    }

    fn count(&self, what: &str) -> usize {
        self.at(what).len()
    }
}

fn fault(at: f64, duration: Option<f64>, kind: ControlFaultKind) -> ControlFault {
    ControlFault { at: Time::from_secs_f64(at), duration: duration.map(Span::from_secs_f64), kind }
}

fn kill(process: Process, at: f64, restart: Option<f64>) -> ControlFault {
    fault(at, restart, ControlFaultKind::Kill(process))
}

fn down(at: f64, duration: f64) -> ControlFault {
    fault(at, Some(duration), ControlFaultKind::ApiServerDown)
}

fn crash(node: usize, at: u64) -> Fault {
    Fault {
        groups: vec![vec![node]],
        scope: FaultScope::Node,
        kind: FaultKind::Partition,
        when: FaultWhen::Scheduled { at: Time::from_secs(at), duration: None },
    }
}

fn forever(template: &mut PodTemplate) {
    template.spec.restart_policy = RestartPolicy::Always;
    template.spec.tolerations = ["not-ready", "unreachable"]
        .map(|key| crate::api::Toleration {
            key: format!("node.kubernetes.io/{key}"),
            operator: crate::api::TolerationOperator::Exists,
            seconds: Some(30),
            ..Default::default()
        })
        .to_vec();
}

fn web(replicas: i32) -> Object {
    let mut template = template(500, forever);
    template.labels.insert("app".into(), "web".into());
    Object::Deployment(Box::new(Deployment {
        meta: ObjectMeta { name: "web".into(), namespace: "default".into(), ..ObjectMeta::default() },
        replicas,
        selector: LabelSelector {
            match_labels: vec![("app".into(), "web".into())],
            ..LabelSelector::default()
        },
        template: std::sync::Arc::new(template),
        ..Deployment::default()
    }))
}

/// Six nodes, a Deployment, latencies as they are, and 300 s of time.
fn services(seed: u64, replicas: i32, faults: Vec<ControlFault>, standbys: u32) -> Setup {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut setup = setup(names.map(|name| node(name, 4, 8)).to_vec(), vec![(0, web(replicas))]);
    setup.seed = seed;
    setup.timing = Timing::kubernetes();
    setup.stop.when_settled = false;
    setup.stop.at = Some(Time::from_secs(300));
    for replicas in [&mut setup.plane.scheduler, &mut setup.plane.controller_manager] {
        replicas.standbys = standbys;
    }
    setup.plane.faults = faults;
    setup
}

fn quantiles(mut waits: Vec<f64>) -> String {
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    let shares = [0.0, 0.1, 0.5, 0.9, 1.0].map(|share| format!("{:.2}", at(share)));
    format!("{} (min p10 median p90 max of {})", shares.join(" "), waits.len())
}

/// The recorded run public-scheduler-failover: pods that come while no scheduler leads wait; those
/// that run do not notice. Recorded waits from the kill to the first binding: 14.2, 19.3, 15.0 s.
#[test]
fn new_pods_wait_for_the_next_scheduler_and_running_ones_do_not_notice() {
    let mut waits = Vec::new();
    for seed in 0..200 {
        let mut setup = services(seed, 6, vec![kill(Process::Scheduler, 20.0, None)], 1);
        setup.stop.at = Some(Time::from_secs(60));
        for name in ["late-1", "late-2"] {
            setup.objects.push((Time::from_secs(21), pod(name, template(500, forever))));
        }
        let log = Log::of(setup);
        let bound = log.at("bound late");
        assert_eq!(bound.len(), 2);
        waits.push(bound[0] - 20.0);
        assert_eq!(log.count("bound"), 8);
        assert_eq!((log.count("exit"), log.count("removed"), log.count("ready false")), (0, 0, 0));
        assert_eq!(log.count("scheduler Leads"), 1);
    }
    let (min, max) = (waits.iter().copied().fold(99.0, f64::min), waits.iter().copied().fold(0.0, f64::max));
    println!("kill to first binding: {}", quantiles(waits));
    assert!(min >= 13.0 && max <= 24.0, "{min} {max}");
}

/// The recorded run public-kcm-failover: the node fails at 5 s, the controller manager dies at 30 s,
/// the next one sees the node for 50 s before it marks it; the pods go 30 s later.
#[test]
fn a_node_is_lost_only_when_the_next_controller_manager_has_watched_it() {
    let mut leads = Vec::new();
    for seed in 0..40 {
        let mut setup = services(seed, 6, vec![kill(Process::ControllerManager, 30.0, None)], 1);
        setup.faults.push(crash(0, 5));
        let scale = crate::sim::Action::Scale {
            kind: "Deployment",
            namespace: "default".into(),
            name: "web".into(),
            replicas: 9,
        };
        setup.actions.push((Time::from_secs(32), scale));
        let log = Log::of(setup);
        let ready = log.at("controller-manager Ready")[0];
        leads.push(ready - 30.0);
        // The Deployment is scaled by the person, then the ReplicaSet by the new controller.
        assert_eq!(log.at("scaled 9")[0], 32.0);
        let scaled = log.at("scaled 9")[1] - ready;
        assert!((0.0..0.1).contains(&scaled), "{scaled}");
        let unknown = log.at("node a Unknown");
        assert_eq!(unknown.len(), 1, "the dead controller manager did not see it");
        assert!((50.0..50.1).contains(&(unknown[0] - ready)), "{}", unknown[0] - ready);
        let tainted = log.at("taint a NoExecute")[0] - unknown[0];
        assert!((0.0..0.3).contains(&tainted), "{tainted}");
        let deleted = log.at("deleting DeletionByTaintManager")[0] - unknown[0];
        assert!((30.0..30.5).contains(&deleted), "{deleted}");
    }
    println!("kill to the first decision of the next controller manager: {}", quantiles(leads));
}

/// Observed point 4: the next controller manager takes the NoExecute taint off and puts it back
/// about 0.1 s later, and the countdowns of the pods begin anew.
#[test]
fn the_next_controller_manager_takes_the_taint_off_and_puts_it_back() {
    let mut setup = services(3, 6, vec![kill(Process::ControllerManager, 70.0, None)], 1);
    setup.faults.push(crash(0, 5));
    let log = Log::of(setup);
    let ready = log.at("controller-manager Ready")[0];
    let taints = log.at("taint a NoExecute");
    assert_eq!((taints.len(), log.count("untaint a NoExecute")), (2, 1), "{:?}", log.0);
    let (off, on) = (log.at("untaint a NoExecute")[0] - ready, taints[1] - ready);
    assert!((0.0..0.05).contains(&off) && (0.09..0.2).contains(&on), "{off} {on}");
    let deleted = log.at("deleting DeletionByTaintManager")[0];
    assert!(taints[0] + 30.0 > 70.0, "the first countdown was under way: {}", taints[0]);
    assert!((30.0..30.2).contains(&(deleted - taints[1])), "{}", deleted - taints[1]);
    assert_eq!(log.count("node a Unknown"), 1, "the condition stays");
}

#[test]
fn a_component_that_is_started_again_waits_for_the_old_lease_unless_there_is_no_election() {
    for (election, least, most) in [(Some(crate::sim::Lease::default()), 15.0, 19.6), (None, 0.0, 0.2)] {
        let mut setup = services(5, 4, vec![kill(Process::Scheduler, 20.0, Some(10.0))], 0);
        setup.plane.scheduler = Replicas { standbys: 0, election };
        setup.objects.push((Time::from_secs(25), pod("late", template(500, forever))));
        let log = Log::of(setup);
        let bound = log.at("bound late")[0] - 30.0;
        assert!(bound >= least && bound <= most, "{bound}");
    }
}

#[test]
fn a_component_that_stays_dead_does_nothing_and_the_run_settles() {
    let faults = vec![kill(Process::Scheduler, 5.0, None)];
    let mut setup = setup(vec![node("a", 4, 8)], vec![(10, pod("p", template(100, |_| {})))]);
    setup.plane.faults = faults;
    let log = Log::of(setup);
    assert_eq!((log.count("created"), log.count("bound")), (1, 0));
}

/// What a dead scheduler was about to bind takes no room, and the next one places it.
#[test]
fn bindings_that_were_under_way_are_lost_with_the_scheduler() {
    let mut setup = services(1, 0, vec![kill(Process::Scheduler, 10.1, Some(1.0))], 0);
    setup.plane.scheduler.election = None;
    setup.timing.api_write = Distribution::Constant(0.5);
    setup.objects = (0..20)
        .map(|number| (Time::from_secs(10), pod(&format!("p{number}"), template(1000, forever))))
        .collect();
    let log = Log::of(setup);
    let bound = log.at("bound");
    assert_eq!(bound.len(), 20);
    assert!(bound.iter().all(|&at| at > 11.1), "{bound:?}");
}

#[test]
fn an_api_outage_of_eight_seconds_loses_nothing() {
    for seed in 0..20 {
        let begin = 20.0 + seed as f64 * 0.5;
        let mut setup = services(seed, 6, vec![down(begin, 8.0)], 0);
        let action = |replicas| crate::sim::Action::Scale {
            kind: "Deployment",
            namespace: "default".into(),
            name: "web".into(),
            replicas,
        };
        setup.actions.push((Time::from_secs_f64(begin - 0.005), action(12)));
        setup.actions.push((Time::from_secs_f64(begin + 2.0), action(10)));
        let ending = |template: &mut PodTemplate| {
            template.behavior.run_time = Some(Distribution::Constant(4.0));
        };
        setup.objects.push((Time::from_secs_f64(begin - 2.0), pod("short", template(100, ending))));
        setup.objects.push((Time::from_secs_f64(begin + 1.0), pod("during", template(100, ending))));
        let log = Log::of(setup);
        let up = log.at("api true")[0];
        assert!((up - begin - 8.0).abs() < 1e-6);
        assert_eq!(log.count("controller-manager") + log.count("scheduler"), 0, "{:?}", log.0);
        assert_eq!((log.count("node"), log.count("taint")), (0, 0), "no node is lost");
        // A watch that was broken 8 s is resumed within 13 s; a status is written within 10 s.
        assert_eq!(log.at("Succeeded short").len(), 1, "{:?}", log.0);
        assert!(log.at("Succeeded short")[0] >= up && log.at("Succeeded during").len() == 1);
        let left = log.count("created") - log.count("removed") - 2;
        assert_eq!(left, 10, "{:?}", log.0);
        // Nobody wrote anything in between.
        let quiet =
            |text: &str| !text.starts_with("start") && !text.starts_with("exit") && text != "api false";
        let in_between = |(at, text): &&(f64, String)| *at > begin && *at < up && quiet(text);
        assert_eq!(log.0.iter().find(in_between), None);
    }
}

/// A leader that cannot renew its lease gives up and waits for it to run out; nodes are silent all
/// the while, but the new controller manager has only just begun to watch them.
#[test]
fn a_long_api_outage_costs_the_leaders_but_no_node() {
    for standbys in [0, 1] {
        let log = Log::of(services(2, 6, vec![down(20.0, 90.0)], standbys));
        for process in ["controller-manager", "scheduler"] {
            let lost = log.at(&format!("{process} LeaseLost"));
            assert!(lost.len() == 1 && lost[0] > 30.0 && lost[0] < 32.1, "{lost:?}");
            let leads = log.at(&format!("{process} Leads"));
            assert_eq!(leads.len(), 1, "{:?}", log.0);
            assert!(leads[0] > 110.0 && leads[0] < 110.0 + 24.0);
        }
        assert_eq!((log.count("node"), log.count("deleting"), log.count("exit")), (0, 0, 0), "{:?}", log.0);
    }
}

/// Without an election the controller manager lives through the outage, and has not seen any node
/// for longer than the grace period when it ends.
#[test]
fn a_controller_manager_that_never_gives_up_takes_every_node_for_lost() {
    let mut setup = services(2, 6, vec![down(20.0, 90.0)], 0);
    setup.plane.controller_manager.election = None;
    let log = Log::of(setup);
    let lost = log.0.iter().filter(|(_, text)| text.contains(&format!("{:?}", ReadyStatus::Unknown)));
    assert!(lost.count() >= 1);
    assert_eq!(log.count("controller-manager"), 0);
    // All zones are silent: nobody is evicted, and the nodes come back by themselves.
    assert_eq!(log.count("deleting"), 0);
    let (mut unknown, mut back) = (0, 0);
    for (_, text) in log.0.iter().filter(|(_, text)| text.starts_with("node")) {
        if text.contains("Unknown") { unknown += 1 } else { back += 1 }
    }
    assert_eq!(unknown, back);
}

#[test]
fn slow_writes_and_watch_delays_add_up_while_they_last() {
    let slow = |at, duration, kind| fault(at, Some(duration), kind);
    let faults = vec![
        slow(10.0, 20.0, ControlFaultKind::SlowWrites(Distribution::Constant(2.0))),
        slow(10.0, 20.0, ControlFaultKind::WatchDelay(Distribution::Constant(3.0))),
    ];
    let mut setup = setup(vec![node("a", 64, 64)], Vec::new());
    setup.objects = [(5, "before"), (12, "during"), (40, "after")]
        .map(|(at, name)| (Time::from_secs(at), pod(name, template(10, forever))))
        .to_vec();
    setup.plane.faults = faults;
    setup.stop.when_settled = false;
    setup.stop.at = Some(Time::from_secs(60));
    let log = Log::of(setup);
    assert_eq!(log.at("bound before"), [5.0]);
    assert_eq!(log.at("bound during"), [17.0], "3 s until it is seen, 2 s until it is bound");
    assert_eq!(log.at("bound after"), [40.0]);
}

#[test]
fn a_changed_client_limit_slows_a_controller_down() {
    let limit = Some(RateLimit { qps: 1.0, burst: 1 });
    let faults = vec![fault(0.0, Some(100.0), ControlFaultKind::Limit(ClientGroup::Controllers, limit))];
    let log = Log::of(services(1, 10, faults, 0));
    let created = log.at("created");
    assert_eq!(created.len(), 10);
    assert!(created[9] > 9.0, "{created:?}");
}

/// How the pods of a run are at the end: by name, where they run.
fn end_of(setup: Setup) -> BTreeMap<String, usize> {
    let log = Log::of(setup);
    let mut end = BTreeMap::new();
    let mut add = |what: &str, number: usize| {
        end.insert(what.to_owned(), number);
    };
    add("created", log.count("created"));
    add("removed", log.count("removed"));
    add("succeeded", log.count("Succeeded"));
    add("failed", log.count("Failed"));
    add("bound", log.count("bound"));
    end
}

/// Failovers at any moment lead to the same end as none, as far as pods are concerned.
#[test]
fn liveness_failovers_lead_to_the_same_end() {
    for seed in 0..30 {
        let make = |faults: Vec<ControlFault>| {
            let mut setup = services(seed, 8, faults, 1);
            for number in 0..6 {
                let ending = |template: &mut PodTemplate| {
                    let seconds = 10.0 + 7.0 * number as f64;
                    template.behavior.run_time = Some(Distribution::Constant(seconds));
                };
                let at = Time::from_secs(5 * number);
                setup.objects.push((at, pod(&format!("p{number}"), template(700, ending))));
            }
            let action = crate::sim::Action::Scale {
                kind: "Deployment",
                namespace: "default".into(),
                name: "web".into(),
                replicas: 5,
            };
            setup.actions.push((Time::from_secs(40), action));
            setup
        };
        let at = |number: u64| 0.3 + ((seed * 7 + number * 13) % 90) as f64 * 0.71;
        let faults = vec![
            kill(Process::Scheduler, at(1), Some(5.0)),
            kill(Process::ControllerManager, at(2), Some(5.0)),
            kill(Process::ControllerManager, at(2) + 40.0, None),
            down(at(3) + 60.0, 3.0 + seed as f64),
        ];
        let (calm, stormy) = (end_of(make(Vec::new())), end_of(make(faults)));
        assert_eq!(calm["succeeded"], 6);
        for what in ["succeeded", "failed"] {
            assert_eq!(calm[what], stormy[what], "{seed} {what}: {calm:?} {stormy:?}");
        }
        assert_eq!(
            calm["created"] - calm["removed"],
            stormy["created"] - stormy["removed"],
            "{seed} {stormy:?}"
        );
    }
}

/// Objects of a manifest.
fn manifest(text: &str) -> Vec<Object> {
    let mut manifest = crate::api::kubernetes::Manifest::default();
    crate::api::kubernetes::read(&"test.yaml".into(), text.as_bytes(), &mut manifest).expect("it is sound");
    manifest.objects.into_iter().map(|found| found.object).collect()
}

/// What a controller has written before it died is not done again by the next one: every kind of
/// workload ends with as many pods made, ended and removed as without a failover.
#[test]
fn the_next_controllers_go_on_where_the_last_ones_were() {
    let set = |kind: &str, image: &str| {
        format!(
            "apiVersion: apps/v1
kind: {kind}
metadata: {{name: s}}
spec:
  {}selector: {{matchLabels: {{app: s}}}}
  template:
    metadata: {{labels: {{app: s}}, annotations: {{version: {image}}}}}
    spec: {{containers: [{{name: c, image: {image}}}]}}
",
            if kind == "StatefulSet" { "replicas: 6\n  " } else { "" }
        )
    };
    let job = "    spec:
      completions: 7
      parallelism: 2
      completionMode: Indexed
      template:
        metadata: {annotations: {seatrial.dev/run-time: 10s}}
        spec: {restartPolicy: Never, containers: [{name: c, image: x}]}
";
    let batch = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\n{}",
        job.replace("\n    ", "\n").trim_start()
    );
    let cron = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: c}}\nspec:\n  schedule: '* * * * *'\n  jobTemplate:\n{job}"
    );
    let cases = [
        (set("StatefulSet", "one"), Some(set("StatefulSet", "two"))),
        (set("DaemonSet", "one"), Some(set("DaemonSet", "two"))),
        (batch, None),
        (cron, None),
    ];
    for (first, then) in cases {
        for at in [23.4, 27.9, 64.7] {
            let make = |faults: Vec<ControlFault>| {
                let mut setup = services(4, 0, faults, 0);
                setup.plane.controller_manager.election = None;
                setup.objects =
                    manifest(&first).into_iter().map(|object| (Time::from_secs(1), object)).collect();
                for object in then.iter().flat_map(|text| manifest(text)) {
                    let object = Box::new(object);
                    let replace = crate::sim::Action::Replace { object, keep_replicas: true };
                    setup.actions.push((Time::from_secs(20), replace));
                }
                end_of(setup)
            };
            let restart = kill(Process::ControllerManager, at, Some(2.0));
            let (calm, stormy) = (make(Vec::new()), make(vec![restart]));
            assert!(calm["created"] >= 7, "{first}: {calm:?}");
            assert_eq!(calm, stormy, "{first} {at}");
        }
    }
}

#[test]
fn waits_of_clients_are_those_of_the_original() {
    let mut stream = Streams::new(1).stream(Purpose::Latency, 9);
    for lasted in [0u64, 1, 8, 30, 300] {
        let lasted = Span::from_secs(lasted);
        let again = reconnection(lasted, &mut stream);
        assert!(again >= lasted && again <= lasted + Span::from_secs(60), "{lasted} {again}");
    }
    let seconds = |lasted: f64| retried(Span::from_secs_f64(lasted)).as_secs_f64();
    assert_eq!(
        [0.0, 0.05, 0.2, 6.3, 6.4, 12.7, 13.0, 20.0].map(seconds),
        [0.0, 0.1, 0.3, 6.3, 12.7, 12.7, 19.7, 26.7]
    );
    assert!(seconds(3e9) >= 3e9);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// A failover while nothing is under way changes nothing: what starts anew finds everything as it
    /// should be, and everything else happens at the same moments.
    #[test]
    fn safety_a_failover_at_a_quiet_moment_changes_nothing(
        seed in 0u64..1_000,
        at in 0u64..12,
        process in 0usize..2,
        replicas in 0i32..6,
        runs in proptest::collection::vec(1u64..12, 0..6),
    ) {
        let make = |faults: Vec<ControlFault>| {
            let mut setup = services(seed, replicas, faults, 0);
            setup.timing = Timing::ideal();
            setup.plane.cache_sync = Distribution::Constant(0.0);
            setup.plane.scheduler.election = None;
            setup.plane.controller_manager.election = None;
            // Everything happens at whole tens of seconds, the failover between them.
            for (number, ten) in runs.iter().enumerate() {
                let ending = |template: &mut PodTemplate| {
                    template.behavior.run_time = Some(Distribution::Constant((ten * 10) as f64));
                };
                let name = format!("p{number}");
                setup.objects.push((Time::from_secs(number as u64 * 10), pod(&name, template(3500, ending))));
            }
            let mut lines: Vec<(u64, String)> = Log::of(setup)
                .0
                .into_iter()
                .filter(|(_, text)| !text.starts_with("scheduler") && !text.starts_with("controller-manager"))
                .map(|(at, text)| (at as u64, text))
                .collect();
            lines.sort();
            lines
        };
        let restart = kill(Process::ALL[process], at as f64 * 10.0 + 5.0, Some(0.0));
        proptest::prop_assert_eq!(make(Vec::new()), make(vec![restart]));
    }
}
