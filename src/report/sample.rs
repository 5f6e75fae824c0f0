//! Results as a small run with an outage would give them, for tests and for looking at.

use crate::base::Time;
use crate::observe::{Bar, BarKind, FailingPod, FailureGroup, Gantt, Metric, Results, Sample, Series};

/// Ten nodes in two zones, sixty pods in six hours, an outage of one node.
pub(super) fn outage() -> Results {
    let gantt = gantt();
    let waits: Vec<f64> = (0..60).map(|i| if i % 4 == 0 { 0.0 } else { 0.08 * 1.22f64.powi(i) }).collect();
    Results {
        title: "zone-outage".to_owned(),
        waits: Vec::new(),
        keeps_waits: false,
        provenance: provenance(),
        metrics: metrics(),
        series: series(&gantt),
        samples: vec![
            sample("wait_s", "Wait", "s", waits.clone()),
            sample("scheduling_latency_s", "Scheduling latency", "s", (1..400).map(|i| f64::from(i) * 5e-5).collect()),
            sample("turnaround_s", "Turnaround", "s", waits.iter().map(|w| w + 1800.0).collect()),
            sample("bounded_slowdown", "Bounded slowdown", "1", waits.iter().map(|w| 1.0 + w / 300.0).collect()),
        ],
        gantt,
        unplaced: vec![
            ("0/10 nodes are available: 9 Insufficient cpu, 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }. preemption: 0/10 nodes are available: 1 Preemption is not helpful for scheduling, 9 No preemption victims found for incoming pod.".to_owned(), 2),
            ("0/10 nodes are available: 10 node(s) didn't match Pod's node affinity/selector.".to_owned(), 1),
        ],
        failing: failing(),
        stories: Vec::new(),
        events: events(),
        events_omitted: 1_204,
        remarks: vec![
            ("rows of trace.csv without a run time were dropped".to_owned(), 12),
            ("requests above the largest node were cut to it".to_owned(), 3),
        ],
        end: Time::from_secs_f64(6.0 * 3600.0),
    }
}

fn failing() -> Vec<FailingPod> {
    let group = |message: &str, count, first, last| FailureGroup {
        message: message.to_owned(),
        count,
        first: Time::from_secs(first),
        last: Time::from_secs(last),
    };
    let groups = vec![
        group("0/10 nodes are available: 10 Insufficient cpu.", 7, 3_600, 7_290),
        group("0/9 nodes are available: 8 Insufficient cpu, 1 node(s) were unschedulable.", 2, 7_300, 7_400),
    ];
    vec![FailingPod { pod: "default/batch-17".to_owned(), failures: 10, groups, others: 1 }]
}

fn provenance() -> Vec<(String, String)> {
    let pairs = [
        ("seatrial", "0.1.0"),
        ("scheduler", "Kubernetes 1.36"),
        ("seed", "42"),
        ("digest", "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184"),
        (
            "scenarios/zone-outage.yaml",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
        ("traces/sixty-pods.csv", "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
}

/// Name, value, unit, heading, definition.
type Row = (&'static str, f64, &'static str, &'static str, &'static str);

const HEADLINE: [Row; 9] = [
    ("pods_created", 60.0, "pods", "Pods", "Pods that were submitted."),
    ("pods_succeeded", 52.0, "pods", "Pods", "Pods that ended well."),
    ("pods_failed", 3.0, "pods", "Pods", "Pods whose last run ended with an error."),
    ("pods_pending", 3.0, "pods", "Pods", "Pods that waited when the run ended."),
    ("wait_mean_s", 214.7, "s", "Waiting", "Mean of start − submit over the pods that started."),
    ("wait_p95_s", 1324.0, "s", "Waiting", "95th percentile of start − submit."),
    ("bounded_slowdown_mean", 1.716, "1", "Completion", "Mean of max(1, (wait + run) / max(run, 10 s))."),
    ("utilization_requested_cpu", 0.634, "1", "Utilization", "Requested over capacity, weighted by time."),
    ("cost_total", 31.42, "EUR", "Cost", "Price of all nodes while they were there."),
];

const FURTHER: [Row; 13] = [
    ("nodes_total", 10.0, "nodes", "Nodes", "Nodes that existed."),
    ("node_failures_total", 1.0, "1", "Disruption", "Times that a node went down."),
    ("evictions_total", 2.0, "pods", "Pods", "Pods evicted by the control plane."),
    ("scheduling_latency_p99_s", 0.0198, "s", "Waiting", "99th percentile of bind − first attempt."),
    ("turnaround_gpu_mean_s", f64::NAN, "s", "Completion", "Mean of end − submit over pods with a GPU."),
    ("utilization_used_cpu", 0.412, "1", "Utilization", "Used over capacity, weighted by time."),
    ("memory_peak", 1.93e11, "B", "Utilization", "Most memory in use at one moment."),
    ("utilization_requested_cpu.zone.a", 0.71, "1", "Utilization", "The same for one zone."),
    ("utilization_used_cpu.zone.a", 0.44, "1", "Utilization", "The same for one zone."),
    ("cost_total.pool.general-a", 17.92, "EUR", "Cost", "The same for one pool."),
    ("utilization_requested_cpu.zone.b", 0.55, "1", "Utilization", "The same for one zone."),
    ("utilization_used_cpu.zone.b", 0.38, "1", "Utilization", "The same for one zone."),
    ("cost_total.pool.general-b", 13.5, "EUR", "Cost", "The same for one pool."),
];

fn metrics() -> Vec<Metric> {
    let headline = HEADLINE.iter().map(|row| metric(row, true));
    headline.chain(FURTHER.iter().map(|row| metric(row, false))).collect()
}

fn metric(&(name, value, unit, group, definition): &Row, headline: bool) -> Metric {
    let value = Some(value).filter(|value| !value.is_nan());
    Metric { name: name.to_owned(), unit, value, definition, group, headline }
}

fn sample(name: &str, label: &str, unit: &'static str, mut values: Vec<f64>) -> Sample {
    values.sort_by(f64::total_cmp);
    Sample { name: name.to_owned(), label: label.to_owned(), unit, values }
}

fn gantt() -> Gantt {
    let rows = (0..10).map(|i| format!("worker-{}-{i}", if i % 2 == 0 { "a" } else { "b" })).collect();
    let mut bars =
        vec![bar(3, (9_000.0, 12_600.0), "worker-b-3", "node failed at 2:30, back at 3:30", BarKind::Down)];
    for i in 0..60u32 {
        let row = (i * 7) % 10;
        let start = f64::from(i) * 290.0 + f64::from((i * 37) % 11) * 40.0;
        let mut end = start + 900.0 + f64::from((i * 53) % 17) * 240.0;
        let mut kind = if i % 23 == 7 { BarKind::Failed } else { BarKind::Ran };
        if row == 3 && start < 12_600.0 && end > 9_000.0 {
            end = 9_000.0f64.max(start + 30.0);
            kind = BarKind::Lost;
        }
        let detail = format!("waited {} s; requests 500m CPU, 1 GiB", i * 3);
        bars.push(bar(row, (start, end.min(21_600.0)), &format!("web-{i:02}"), &detail, kind));
    }
    Gantt { rows, bars, omitted: 0 }
}

fn bar(row: u32, (start, end): (f64, f64), label: &str, detail: &str, kind: BarKind) -> Bar {
    Bar { row, height: 1, start, end, label: label.to_owned(), detail: detail.to_owned(), kind }
}

fn series(gantt: &Gantt) -> Vec<Series> {
    let ran: Vec<&Bar> = gantt.bars.iter().filter(|bar| bar.kind != BarKind::Down).collect();
    let over_time =
        |f: &dyn Fn(f64) -> f64| (0..360).map(|i| f64::from(i) * 60.0).map(|t| (t, f(t))).collect();
    let running = |t: f64| ran.iter().filter(|bar| bar.start <= t && t < bar.end).count() as f64;
    let ended = |t: f64| ran.iter().filter(|bar| bar.end <= t).count() as f64;
    let waiting = |t: f64| {
        ((t / 700.0).sin() * 4.0 + if (9e3..12.6e3).contains(&t) { 7.0 } else { 1.5 }).max(0.0).round()
    };
    let up = |t: f64| if (9_000.0..12_600.0).contains(&t) { 9.0 } else { 10.0 };
    let one = |name: &str, label: &str, chart, unit, points| Series {
        name: name.to_owned(),
        label: label.to_owned(),
        chart,
        unit,
        points,
    };
    vec![
        one("requested_cpu", "requested", "utilization", "core", over_time(&|t| 2.0 * running(t))),
        one(
            "used_cpu",
            "used",
            "utilization",
            "core",
            over_time(&|t| running(t) * (1.1 + 0.4 * (t / 300.0).sin())),
        ),
        one("capacity_cpu", "capacity", "utilization", "core", over_time(&|t| 4.0 * up(t))),
        one("requested_memory", "requested", "utilization", "1", over_time(&|t| running(t) / 22.0)),
        one("used_memory", "used", "utilization", "1", over_time(&|t| running(t) / 30.0)),
        one("queue_length", "waiting pods", "queue", "pods", over_time(&waiting)),
        one("pods_running", "running", "pods", "pods", over_time(&running)),
        one("pods_pending", "pending", "pods", "pods", over_time(&waiting)),
        one("pods_succeeded", "succeeded", "pods", "pods", over_time(&ended)),
        one("pods_failed", "failed", "pods", "pods", over_time(&|t| (ended(t) / 20.0).floor())),
        one("nodes_ready", "ready", "nodes", "nodes", over_time(&up)),
    ]
}

fn events() -> Vec<[String; 5]> {
    let lines = [
        ["0.000", "scheduler", "Scheduled", "web-00", "worker-a-0: score 412, 10 of 10 nodes fit"],
        ["9000.000", "world", "NodeDown", "worker-b-3", "scheduled fault"],
        ["9040.000", "node-lifecycle", "NodeNotReady", "worker-b-3", "no lease renewed for 40 s"],
        ["9340.000", "taint-eviction", "Evicted", "web-29", "not-ready tolerated for 300 s"],
        [
            "9340.012",
            "scheduler",
            "FailedScheduling",
            "web-29",
            "0/10 nodes are available: 9 Insufficient cpu",
        ],
        ["12600.000", "world", "NodeUp", "worker-b-3", ""],
    ];
    lines.map(|line| line.map(str::to_owned)).to_vec()
}

/// As many nodes, pods and points as a run of a real cluster's size gives.
pub(super) fn large() -> Results {
    let mut results = outage();
    let wave = |i: u32, of: u32| f64::from(i.wrapping_mul(2_654_435_761) % of);
    for (shift, series) in (0..).zip(&mut results.series) {
        let level = |i: u32| (f64::from(i) / 200.0).sin().abs() * 800.0 + wave(i + shift, 90);
        series.points = (0..4_000).map(|i| (f64::from(i) * 21.6, level(i))).collect();
    }
    for sample in &mut results.samples {
        sample.values = (0..4_000).map(|i| 0.01 * 1.003f64.powi(i)).collect();
    }
    results.gantt.rows = (0..1_200).map(|i| format!("node-{i:04}.zone-{}", i % 3)).collect();
    results.gantt.bars = (0..7_000)
        .map(|i| {
            let start = wave(i, 80_000);
            let kind = if i % 40 == 0 { BarKind::Failed } else { BarKind::Ran };
            let detail = "waited 12 s; requests 500m CPU, 1 GiB";
            bar(i % 1_200, (start, start + 60.0 + wave(i, 9_000)), &format!("job-{i}"), detail, kind)
        })
        .collect();
    let event = results.events[4].clone();
    results.events.extend(std::iter::repeat_n(event, 2_000));
    results.end = Time::from_secs_f64(86_400.0);
    results
}

/// Names and numbers as nobody should write them.
pub(super) fn hostile() -> Results {
    const NASTY: &str = "<script>alert('x')</script>\" & ]]> </title> \u{0}\u{202e}é\u{1F6A2}";
    let mut results = outage();
    results.title = NASTY.to_owned();
    results.provenance.push((NASTY.to_owned(), NASTY.to_owned()));
    results.unplaced.push((NASTY.to_owned(), u64::MAX));
    results.failing[0].pod = NASTY.to_owned();
    results.failing[0].groups[0].message = NASTY.to_owned();
    results.remarks.push((NASTY.to_owned(), 1));
    results.events.push([NASTY, NASTY, NASTY, NASTY, NASTY].map(str::to_owned));
    results.gantt.rows[0] = NASTY.to_owned();
    results.gantt.bars[1].label = NASTY.to_owned();
    results.gantt.bars[1].detail = NASTY.to_owned();
    results.gantt.bars[2].row = u32::MAX;
    results.gantt.bars[3].height = u32::MAX;
    results.gantt.bars[4].end = f64::INFINITY;
    results.series[0].label = NASTY.to_owned();
    results.series[0].points =
        vec![(f64::NAN, 1.0), (0.0, f64::NAN), (5.0, 1e300), (1.0, -1e300), (1e300, 1e-300)];
    results.series[1].points = vec![(0.0, 7.0)];
    results.series[5].points.clear();
    results.samples[0].label = NASTY.to_owned();
    results.samples[0].values = vec![f64::NEG_INFINITY, 0.0, 1e-300, 1.0, 1e300, f64::NAN];
    results.samples[1].values = vec![3.0; 100];
    results.samples[2].values.clear();
    results.metrics[0].value = Some(f64::NAN);
    results.metrics[1].value = Some(1e300);
    results.metrics[2].name = NASTY.to_owned();
    for (i, value) in [-5.0, 1e308, f64::INFINITY].into_iter().enumerate() {
        let metric = metric(&("cost_total", value, "EUR", "Cost", ""), false);
        results.metrics.push(Metric { name: format!("cost_total.zone.{NASTY}{i}"), ..metric });
    }
    results.end = Time(u64::MAX);
    results
}
