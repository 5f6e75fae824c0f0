//! Small runs fed as records, with numbers computed by hand, and properties of any run.

use super::{Options, RunObserver, Sinks};
use crate::api::{Container, PodPhase, PodSpec, PodTemplate, RestartPolicy, TaintEffect};
use crate::base::ids::{ClassId, NodeId, PodId, PoolId, WorkloadId};
use crate::base::{Quantity, Span, Time};
use crate::cluster::WorkloadKind;
use crate::cluster::{Cluster, PodName, PodRef, ReadyStatus, Reason};
use crate::control::{ContainerIndex, Diagnosis, Note};
use crate::observe::outputs::Observed;
use crate::observe::table::Memory;
use crate::sim::{Observer, Pool, Record, View};
use expect_test::expect;
use proptest::prelude::*;
use std::sync::Arc;

/// An observer with a cluster and everything it wrote.
struct Bench {
    cluster: Cluster,
    observer: RunObserver,
    pods: Memory,
    events: Memory,
    decisions: Memory,
}

impl Bench {
    /// One that writes nothing.
    fn silent() -> Bench {
        let mut bench = Bench::new();
        bench.observer = RunObserver::new(bench.observer.options.clone(), Sinks::default());
        bench
    }

    fn new() -> Bench {
        let [pods, events, decisions] = [(); 3].map(|()| Memory::default());
        let sinks = Sinks {
            pods: Some(Box::new(pods.clone())),
            events: Some(Box::new(events.clone())),
            decisions: Some(Box::new(decisions.clone())),
        };
        let pools = vec![Pool { name: "general".into(), price_per_hour: 1.8 }];
        let observer = RunObserver::new(Options { pools, ..Options::default() }, sinks);
        Bench { cluster: Cluster::default(), observer, pods, events, decisions }
    }

    fn class(&mut self, milli: i64, gib: i64, restart_policy: RestartPolicy) -> ClassId {
        let mut container = Container::default();
        container.resources.requests.insert("cpu".into(), Quantity::from_milli(milli));
        container.resources.requests.insert("memory".into(), Quantity::from_units(gib << 30));
        let spec = PodSpec { containers: vec![container], restart_policy, ..PodSpec::default() };
        let template = Arc::new(PodTemplate { spec, ..PodTemplate::default() });
        self.cluster.class(&template, "default", 0)
    }

    fn at(&mut self, seconds: f64, record: &Record<'_>) {
        let view = View { cluster: &self.cluster, actor: "test" };
        self.observer.record(Time::from_secs_f64(seconds), record, view);
    }

    fn node(&mut self, seconds: f64, node: u32, milli: i64) {
        let allocatable =
            [("cpu".to_owned(), milli), ("memory".to_owned(), 8 << 30), ("pods".to_owned(), 110)];
        let name = format!("node-{node}");
        let added = Record::NodeAdded {
            node: NodeId(node),
            pool: PoolId(0),
            name: &name,
            zone: "a",
            allocatable: &allocatable,
        };
        self.at(seconds, &added);
    }

    fn create(&mut self, seconds: f64, pod: PodRef, class: ClassId, owner: Option<WorkloadId>) {
        let name = PodName::Own(format!("pod-{}", pod.id.0).into());
        let record = Record::PodCreated {
            index: None,
            pod,
            serial: u64::from(pod.id.0),
            name: &name,
            class,
            owner,
            user: 3,
            estimate: Some(Span::from_secs(60)),
            initial: false,
        };
        self.at(seconds, &record);
    }

    fn start(&mut self, seconds: f64, pod: PodRef, restarts: u32) {
        self.at(
            seconds,
            &Record::ContainerStarted { pod, container: ContainerIndex(0), main: true, restarts },
        );
    }

    fn exit(&mut self, seconds: f64, pod: PodRef, code: u8, reason: Reason, ran: u64) {
        let ran = Span::from_secs(ran);
        let container = ContainerIndex(0);
        self.at(
            seconds,
            &Record::ContainerEnded { pod, container, main: true, code, reason, ran, work: ran },
        );
    }

    fn over(&mut self, seconds: f64, pod: PodRef, phase: PodPhase, reason: Reason) {
        let finished = Time::from_secs_f64(seconds);
        self.at(seconds, &Record::PodEnded { pod, phase, reason, restarts: 0, finished });
    }

    fn finish(mut self, seconds: f64) -> Done {
        let view = View { cluster: &self.cluster, actor: "test" };
        self.observer.finish(Time::from_secs_f64(seconds), view);
        let observed = self.observer.observed().unwrap();
        let text = |memory: &Memory| String::from_utf8(memory.bytes()).unwrap();
        Done {
            observed,
            pods: text(&self.pods),
            events: text(&self.events),
            decisions: text(&self.decisions),
        }
    }
}

/// What came of a run.
struct Done {
    observed: Observed,
    pods: String,
    events: String,
    decisions: String,
}

impl Done {
    fn metric(&self, name: &str) -> Option<f64> {
        let found = self.observed.results.metrics.iter().find(|metric| metric.name == name);
        found.unwrap_or_else(|| panic!("no metric {name}")).value
    }

    #[track_caller]
    fn expect(&self, metrics: &[(&str, f64)]) {
        for &(name, expected) in metrics {
            let value = self.metric(name).unwrap_or_else(|| panic!("{name} is not defined"));
            assert!(
                (value - expected).abs() < 1e-9 * expected.abs().max(1.0),
                "{name}: {value}, not {expected}"
            );
        }
    }
}

const fn pod(row: u32) -> PodRef {
    PodRef { id: PodId(row), generation: 0 }
}

fn bind(pod: PodRef, node: u32) -> Record<'static> {
    Record::PodBound { pod, node: NodeId(node) }
}

/// Pod 0 runs from 2 s to 12 s and succeeds; pod 1 from 9 s to 14 s and fails; pod 2 is never placed.
fn small_run() -> Done {
    small_run_on(Bench::new())
}

fn small_run_on(mut bench: Bench) -> Done {
    let large = bench.class(2_000, 1, RestartPolicy::Never);
    let small = bench.class(1_000, 2, RestartPolicy::Never);
    let huge = bench.class(64_000, 2, RestartPolicy::Never);
    bench.node(0.0, 0, 4_000);
    bench.create(0.0, pod(0), large, None);
    let assigned =
        Note::Assigned { pod: pod(0), node: NodeId(0), feasible: 1, score: 0, tied: 1, attempts: 1 };
    bench.at(0.5, &Record::Note(&assigned));
    bench.at(1.0, &bind(pod(0), 0));
    bench.start(2.0, pod(0), 0);
    bench.at(2.0, &Record::PodReady { pod: pod(0), ready: true });
    bench.create(5.0, pod(1), small, None);
    let diagnosis = Arc::new(Diagnosis {
        nodes: 1,
        reasons: vec![("Insufficient cpu".into(), 1)],
        ..Diagnosis::default()
    });
    for (seconds, attempts) in [(5.0, 1), (6.0, 2)] {
        let note = Note::Unschedulable { pod: pod(1), diagnosis: Arc::clone(&diagnosis), attempts };
        bench.at(seconds, &Record::Note(&note));
    }
    bench.at(8.0, &bind(pod(1), 0));
    bench.start(9.0, pod(1), 0);
    bench.create(10.0, pod(2), huge, None);
    let note = Note::Unschedulable { pod: pod(2), diagnosis, attempts: 1 };
    bench.at(10.0, &Record::Note(&note));
    bench.exit(12.0, pod(0), 0, Reason::Completed, 10);
    bench.over(12.0, pod(0), PodPhase::Succeeded, Reason::Completed);
    bench.exit(14.0, pod(1), 1, Reason::Error, 5);
    bench.over(14.0, pod(1), PodPhase::Failed, Reason::Error);
    bench.finish(20.0)
}

#[test]
fn a_small_run_by_hand() {
    let done = small_run();
    done.expect(&[
        ("pods_created", 3.0),
        ("pods_succeeded", 1.0),
        ("pods_failed", 1.0),
        ("pods_pending", 1.0),
        ("pods_unplaced", 1.0),
        ("pods_never_started", 1.0),
        // Queued: 1 s, 3 s and 10 s of 20 s, never two at once.
        ("queue_length_mean", 14.0 / 20.0),
        ("queue_length_max", 1.0),
        ("wait_n", 2.0),
        ("wait_mean_s", 3.0),
        ("delay_total_s", 6.0),
        ("scheduling_latency_mean_s", 2.0),
        ("startup_n", 1.0),
        ("startup_mean_s", 1.0),
        ("turnaround_mean_s", f64::midpoint(12.0, 9.0)),
        ("slowdown_mean", f64::midpoint(1.2, 1.8)),
        ("bounded_slowdown_mean", f64::midpoint(1.2, 1.0)),
        ("makespan_s", 14.0),
        ("completion_time_total_s", 26.0),
        ("throughput_per_s", 1.0 / 14.0),
        // 2 cores for 11 s and 1 core for 6 s, of 4 cores for 20 s.
        ("allocation_total_cpu", 28.0),
        ("capacity_mean_cpu.zone.a", 4.0),
        ("utilization_requested_cpu", 28.0 / 80.0),
        ("utilization_requested_cpu.pool.general", 28.0 / 80.0),
        ("utilization_requested_memory.zone.a", (11.0 + 12.0) / 160.0),
        ("goodput_core_s", 20.0),
        ("work_lost_core_s", 5.0),
        ("goodput_share", 0.8),
        ("scheduling_attempts_total", 4.0),
        ("scheduling_failures_total", 3.0),
        ("node_hours", 20.0 / 3_600.0),
        ("cost_total", 0.01),
        ("users", 1.0),
        ("wait_jain_users", 1.0),
        // Queued for 14 s; the huge pod fits nowhere from 10 s on, the others could use all.
        ("fragmentation_cpu", 10.0 / 14.0),
        ("stranded_cpu", 0.0),
        ("end_s", 20.0),
    ]);
    assert_eq!(
        done.observed.results.unplaced,
        [("0/1 nodes are available: 1 Insufficient cpu.".to_owned(), 1)]
    );
}

#[test]
fn the_tables_of_a_small_run() {
    let done = small_run();
    expect![[r"
        pod,namespace,workload,user,created_s,first_attempt_s,bound_s,started_s,ready_s,ended_s,node,outcome,reason,attempts,restarts,request_cpu_cores,request_memory_bytes,estimate_s,wait_s,run_s,turnaround_s,bounded_slowdown,initial,message
        pod-0,default,,3,0,0.5,1,2,2,12,node-0,Succeeded,Completed,1,0,2,1073741824,60,2,10,12,1.2,0,
        pod-1,default,,3,5,5,8,9,,14,node-0,Failed,Error,2,0,1,2147483648,60,4,5,9,1,0,
        pod-2,default,,3,10,10,,,,,,Pending,,1,0,64,2147483648,60,,,,,0,0/1 nodes are available: 1 Insufficient cpu.
    "]].assert_eq(&done.pods);
    expect![[r"
        time_s,actor,action,kind,object,node,message
        0,test,RegisteredNode,Node,node-0,,
        0,test,SuccessfulCreate,Pod,pod-0,,
        1,test,Scheduled,Pod,pod-0,node-0,
        2,test,Started,Pod,pod-0,node-0,
        2,test,Ready,Pod,pod-0,node-0,
        5,test,SuccessfulCreate,Pod,pod-1,,
        5,scheduler,FailedScheduling,Pod,pod-1,,0/1 nodes are available: 1 Insufficient cpu.
        8,scheduler,FailedScheduling,Pod,pod-1,,0/1 nodes are available: 1 Insufficient cpu. (x2 over 3s)
        8,test,Scheduled,Pod,pod-1,node-0,
        9,test,Started,Pod,pod-1,node-0,
        10,test,SuccessfulCreate,Pod,pod-2,,
        10,scheduler,FailedScheduling,Pod,pod-2,,0/1 nodes are available: 1 Insufficient cpu.
        12,test,Completed,Pod,pod-0,node-0,
        14,test,Exited,Pod,pod-1,node-0,container 0: exit code 1 (Error) after 5s
        14,test,Failed,Pod,pod-1,node-0,Error
    "]]
    .assert_eq(&done.events);
    expect![[r"
        time_s,pod,node,feasible,score,tied,attempts,message
        0.5,pod-0,node-0,1,0,1,1,
        5,pod-1,,0,,,1,0/1 nodes are available: 1 Insufficient cpu.
        6,pod-1,,0,,,2,0/1 nodes are available: 1 Insufficient cpu.
        10,pod-2,,0,,,1,0/1 nodes are available: 1 Insufficient cpu.
    "]]
    .assert_eq(&done.decisions);
    let nodes = done.observed.documents.iter().find(|document| document.name == "nodes.csv").unwrap();
    expect![[r"
        node,pool,zone,allocatable_cpu_cores,allocatable_memory_bytes,allocatable_other,existed_s,ready_s,downtime_s,failures,pods_bound,requested_cpu_share,requested_memory_share,used_cpu_share,used_memory_share,cost
        node-0,general,a,4,8589934592,pods=110,20,20,0,0,2,0.35,0.14375,,,0.01
    "]].assert_eq(&String::from_utf8_lossy(&nodes.bytes));
}

#[test]
fn series_bars_and_digest_of_a_small_run() {
    let done = small_run();
    let results = &done.observed.results;
    let points =
        |name: &str| results.series.iter().find(|series| series.name == name).unwrap().points.clone();
    assert_eq!(
        points("requested_cpu"),
        [(0.0, 0.0), (1.0, 0.5), (8.0, 0.75), (12.0, 0.25), (14.0, 0.0), (20.0, 0.0)]
    );
    assert_eq!(points("queue_length").last(), Some(&(20.0, 1.0)));
    assert_eq!(results.gantt.rows, ["node-0", ""]);
    let bars: Vec<_> =
        results.gantt.bars.iter().map(|bar| (bar.label.as_str(), bar.row, bar.start, bar.end)).collect();
    assert_eq!(bars, [("pod-0", 0, 1.0, 12.0), ("pod-1", 1, 8.0, 14.0)]);
    let silent = small_run_on(Bench::silent());
    assert_eq!(done.observed.digest, silent.observed.digest, "whatever is written");
    assert_eq!((silent.pods.as_str(), silent.events.as_str()), ("", ""));
    let json: serde_json::Value = serde_json::from_str(&done.observed.summary_json()).unwrap();
    assert_eq!(json["schema"], crate::observe::outputs::SCHEMA);
    let head = format!("{{\n  \"schema\": \"{}\"", crate::observe::outputs::SCHEMA);
    assert!(done.observed.summary_json().starts_with(&head), "the mark of a results folder comes first");
    assert_eq!(json["files"].as_object().unwrap().len(), 6);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story from beginning to end")]
fn replicas_count_only_while_their_node_is_up() {
    let mut bench = Bench::new();
    let class = bench.class(500, 1, RestartPolicy::Always);
    let set = WorkloadId(0);
    for node in 0..2 {
        bench.node(0.0, node, 4_000);
    }
    let object = WorkloadKind::ReplicaSet(crate::api::ReplicaSet::default());
    let (kind, name) = ("ReplicaSet", "web");
    let created =
        Record::WorkloadCreated { workload: set, kind, name, replicas: 2, owner: None, object: &object };
    bench.at(0.0, &created);
    for row in 0..2 {
        bench.create(0.0, pod(row), class, Some(set));
        bench.at(0.0, &bind(pod(row), row));
        bench.start(10.0, pod(row), 0);
        bench.at(10.0, &Record::PodReady { pod: pod(row), ready: true });
    }
    bench.at(
        50.0,
        &Record::NodeFailed {
            node: NodeId(0),
            containers_lost: true,
            scope: "rack",
            last_renewal: Time::from_secs(44),
        },
    );
    bench.exit(50.0, pod(0), 137, Reason::Error, 40);
    bench.at(60.0, &Record::NodeReady { node: NodeId(0), ready: ReadyStatus::Unknown });
    let key = "node.kubernetes.io/unreachable";
    bench.at(
        60.0,
        &Record::NodeTaint { node: NodeId(0), key, value: "", effect: TaintEffect::NoExecute, added: true },
    );
    bench.at(60.0, &Record::PodReady { pod: pod(0), ready: false });
    let grace = Span::from_secs(30);
    bench.at(70.0, &Record::PodDeleting { pod: pod(0), reason: Reason::TaintEviction, grace });
    bench.at(80.0, &Record::NodeRecovered { node: NodeId(0) });
    bench.at(80.0, &Record::NodeReady { node: NodeId(0), ready: ReadyStatus::True });
    bench.at(80.0, &Record::PodRemoved { pod: pod(0) });
    let done = bench.finish(100.0);
    done.expect(&[
        // Of 2 x 100 s wanted: 2 x 40 s, then 1 x 50 s.
        ("replica_availability", 130.0 / 200.0),
        ("replica_availability.workload.web", 130.0 / 200.0),
        ("node_failures_total", 1.0),
        ("node_downtime_s", 30.0),
        ("nodes_ready_mean", 1.8),
        ("evictions_total", 1.0),
        ("pods_removed", 1.0),
        ("pods_running", 1.0),
        ("turnaround_n", 0.0),
        ("goodput_core_s", 20.0),
        ("work_unfinished_core_s", 45.0),
    ]);
    assert!(
        done.events.contains("60,test,NodeNotReady,Node,node-0,,the kubelet stopped posting node status")
    );
    assert!(
        done.events
            .contains("TaintManagerEviction,Pod,pod-0,node-0,it does not tolerate a NoExecute taint of its node any longer; grace period 30s")
    );
    let kinds: Vec<_> = done.observed.results.gantt.bars.iter().map(|bar| (bar.kind, bar.height)).collect();
    assert_eq!(kinds.len(), 3);
    assert!(
        kinds.contains(&(crate::observe::BarKind::Down, 1))
            && kinds.contains(&(crate::observe::BarKind::Lost, 1))
    );
    let lost = done.observed.results.gantt.bars.iter().find(|bar| bar.kind == crate::observe::BarKind::Lost);
    assert!(
        lost.is_some_and(|bar| (bar.end - 50.0).abs() < 1e-9),
        "its containers died with the machine: {lost:?}"
    );
}

#[test]
fn work_of_a_forcibly_removed_job_is_lost() {
    let mut bench = Bench::new();
    let class = bench.class(1_000, 1, RestartPolicy::OnFailure);
    bench.node(0.0, 0, 4_000);
    bench.create(0.0, pod(0), class, None);
    bench.at(0.0, &bind(pod(0), 0));
    bench.start(0.0, pod(0), 0);
    bench.exit(3.0, pod(0), 137, Reason::OomKilled, 3);
    bench.start(5.0, pod(0), 1);
    bench.at(9.0, &Record::PodRemoved { pod: pod(0) });
    bench.exit(11.0, pod(0), 0, Reason::Completed, 6);
    let again = PodRef { id: PodId(0), generation: 1 };
    bench.create(12.0, again, class, None);
    bench.at(12.0, &Record::PodReady { pod: pod(0), ready: true });
    let done = bench.finish(12.0);
    done.expect(&[
        ("work_lost_core_s", 7.0),
        ("goodput_core_s", 0.0),
        ("restarts_total", 1.0),
        ("oom_kills_total", 1.0),
        ("pods_removed", 1.0),
        ("pods_pending", 1.0),
        ("startup_n", 0.0),
        ("allocation_total_cpu", 9.0),
    ]);
}

#[test]
fn a_pod_that_fails_because_it_is_evicted_has_not_ended_by_itself() {
    let mut bench = Bench::new();
    let class = bench.class(1_000, 1, RestartPolicy::Never);
    bench.node(0.0, 0, 4_000);
    for row in 0..2 {
        bench.create(0.0, pod(row), class, None);
        bench.at(0.0, &bind(pod(row), 0));
        bench.start(0.0, pod(row), 0);
    }
    let grace = Span::from_secs(30);
    bench.at(10.0, &Record::PodDeleting { pod: pod(0), reason: Reason::TaintEviction, grace });
    for row in 0..2 {
        bench.exit(20.0, pod(row), 137, Reason::Error, 20);
        bench.over(20.0, pod(row), PodPhase::Failed, Reason::Error);
    }
    bench.at(21.0, &Record::PodRemoved { pod: pod(0) });
    let done = bench.finish(30.0);
    done.expect(&[
        ("pods_created", 2.0),
        ("pods_failed", 1.0),
        ("pods_removed", 1.0),
        ("evictions_total", 1.0),
        ("turnaround_n", 1.0),
        ("work_lost_core_s", 40.0),
    ]);
    assert!(done.pods.contains("node-0,Removed,DeletionByTaintManager,"), "{}", done.pods);
    assert!(done.pods.contains("node-0,Failed,Error,"), "{}", done.pods);
}

#[test]
fn a_run_without_time_is_measured_at_its_end() {
    let mut bench = Bench::new();
    let class = bench.class(1_000, 2, RestartPolicy::Always);
    bench.node(0.0, 0, 4_000);
    for row in 0..2 {
        bench.create(0.0, pod(row), class, None);
    }
    bench.at(0.0, &bind(pod(0), 0));
    let done = bench.finish(0.0);
    done.expect(&[
        ("utilization_requested_cpu", 0.25),
        ("utilization_requested_memory", 0.25),
        ("utilization_requested_cpu.zone.a", 0.25),
        ("capacity_mean_cpu", 4.0),
        ("queue_length_mean", 1.0),
        ("nodes_total", 1.0),
        ("nodes_ready_mean", 1.0),
        ("allocation_total_cpu", 0.0),
    ]);
    assert_eq!(done.metric("makespan_s"), None);
}

#[test]
fn a_full_node_strands_what_is_left() {
    let mut bench = Bench::new();
    let class = bench.class(1_000, 8, RestartPolicy::Never);
    bench.node(0.0, 0, 4_000);
    bench.create(0.0, pod(0), class, None);
    bench.at(5.0, &bind(pod(0), 0));
    let done = bench.finish(10.0);
    // From 5 s on all memory is taken and 3 of 4 cores are left.
    done.expect(&[("stranded_cpu", 15.0 / 40.0), ("stranded_memory", 0.0)]);
}

#[test]
fn repeated_failures_are_written_once_and_counted() {
    let mut bench = Bench::new();
    let class = bench.class(1_000, 1, RestartPolicy::Never);
    bench.create(0.0, pod(0), class, None);
    let mut attempts = 0;
    let mut fail = |bench: &mut Bench, nodes: usize, reason: &str| {
        attempts += 1;
        let reasons = vec![(reason.to_owned(), nodes)];
        let diagnosis = Arc::new(Diagnosis { nodes, reasons, ..Diagnosis::default() });
        let note = Note::Unschedulable { pod: pod(0), diagnosis, attempts };
        bench.at(f64::from(attempts), &Record::Note(&note));
    };
    // Numbers that change make new lines, but only ten times; then only new reasons do.
    for nodes in 1..=30 {
        fail(&mut bench, nodes, "Insufficient cpu");
    }
    fail(&mut bench, 30, "Too many pods");
    fail(&mut bench, 30, "Too many pods");
    let done = bench.finish(40.0);
    let lines: Vec<&str> = done.events.lines().filter(|line| line.contains("FailedScheduling")).collect();
    assert_eq!(lines.len(), 10 + 1 + 1 + 1);
    assert!(
        lines[10].ends_with("0/30 nodes are available: 30 Insufficient cpu. (x21 over 21s)"),
        "{}",
        lines[10]
    );
    assert!(lines[12].ends_with("30 Too many pods. (x2 over 9s)"), "{}", lines[12]);
    assert_eq!(done.decisions.lines().count(), 33);
    assert_eq!(
        done.observed.results.unplaced,
        [("0/30 nodes are available: 30 Too many pods.".to_owned(), 1)]
    );
}

#[test]
fn records_about_unknown_objects_change_nothing() {
    let mut bench = Bench::new();
    let class = bench.class(1_000, 1, RestartPolicy::Never);
    bench.at(0.0, &bind(pod(7), 3));
    bench.at(
        0.0,
        &Record::NodeFailed {
            node: NodeId(9),
            containers_lost: true,
            scope: "node",
            last_renewal: Time::ZERO,
        },
    );
    bench.at(0.0, &Record::NodeRemoved { node: NodeId(9) });
    bench.at(0.0, &Record::WorkloadScaled { workload: WorkloadId(4), replicas: 3 });
    bench.create(1.0, pod(0), class, Some(WorkloadId(8)));
    bench.at(1.0, &bind(pod(0), 3));
    bench.node(2.0, 3, 1_000);
    bench.over(3.0, pod(0), PodPhase::Succeeded, Reason::None);
    let done = bench.finish(4.0);
    done.expect(&[("pods_succeeded", 1.0), ("node_failures_total", 0.0), ("allocation_total_cpu", 0.0)]);
}

#[test]
fn a_broken_off_run_has_no_results() {
    let error = Bench::new().observer.observed().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
}

/// One step of a pod's life.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    Bind,
    Start,
    Succeed,
    Fail,
    Remove,
}

fn steps() -> impl Strategy<Value = Vec<(u32, u32, Step)>> {
    let step = prop_oneof![
        Just(Step::Create),
        Just(Step::Bind),
        Just(Step::Start),
        Just(Step::Succeed),
        Just(Step::Fail),
        Just(Step::Remove)
    ];
    prop::collection::vec((0u32..5, 0u32..6, step), 1..80)
}

proptest! {
    /// Any order of events, sensible or not: nothing is lost, and means are those of the plain sum.
    #[test]
    fn safety_nothing_is_lost(steps in steps()) {
        let mut bench = Bench::new();
        let class = bench.class(1_000, 1, RestartPolicy::Never);
        bench.node(0.0, 0, 100_000);
        // (generation, stage): 0 none, 1 pending, 2 bound, 3 over.
        let mut rows = [(0u32, 0u8); 6];
        let (mut now, mut area, mut held) = (0u32, 0u32, 0u32);
        for (wait, row, step) in steps {
            let count = |stage| rows.iter().filter(|row| row.1 == stage).count() as u32;
            area += count(1) * wait;
            held += count(2) * wait;
            now += wait;
            let (generation, stage) = &mut rows[row as usize];
            let reference = PodRef { id: PodId(row), generation: *generation };
            let at = f64::from(now);
            match (step, *stage) {
                (Step::Create, 0) => {
                    bench.create(at, reference, class, None);
                    *stage = 1;
                }
                (Step::Bind, 1..=3) => {
                    bench.at(at, &bind(reference, 0));
                    *stage = (*stage).max(2);
                }
                (Step::Start, 2) => bench.start(at, reference, 0),
                (Step::Succeed | Step::Fail, 2 | 3) => {
                    let phase = if matches!(step, Step::Fail) { PodPhase::Failed } else { PodPhase::Succeeded };
                    bench.over(at, reference, phase, Reason::None);
                    *stage = 3;
                }
                (Step::Remove, 1..) => {
                    bench.at(at, &Record::PodRemoved { pod: reference });
                    (*generation, *stage) = (*generation + 1, 0);
                }
                _ => {}
            }
        }
        let done = bench.finish(f64::from(now));
        let value = |name| done.metric(name).unwrap_or(0.0);
        let parts = ["pods_succeeded", "pods_failed", "pods_removed", "pods_pending", "pods_running"];
        prop_assert!((value("pods_created") - parts.into_iter().map(value).sum::<f64>()).abs() < 0.5);
        let rows = done.pods.lines().count() as f64 - 1.0;
        prop_assert!((rows - value("pods_created")).abs() < 0.5);
        prop_assert!((value("queue_length_mean") * f64::from(now) - f64::from(area)).abs() < 1e-6);
        prop_assert!((value("allocation_total_cpu") - f64::from(held)).abs() < 1e-6);
    }
}
