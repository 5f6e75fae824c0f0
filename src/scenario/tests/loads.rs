//! Loads, metrics and the autoscaler's settings: what they compile to, and what is said of bad ones.

use super::{POOL, errors, setup, try_compile};
use crate::base::{Span, Time};
use crate::observe;
use crate::sim::setup::Action;
use crate::sim::{Curve, Measure, MetricsProfile, SeriesOf};
use expect_test::{Expect, expect};

/// Lines of `workload` behind the manifests of a shop with an autoscaler.
fn shop(lines: &str) -> String {
    format!("{POOL}workload:\n  manifests: [../../scenarios/manifests/autoscaling.yaml]\n{lines}")
}

fn wrong(lines: &str, expected: &Expect) {
    expected.assert_eq(&errors(&shop(lines), &[]));
}

/// Moments in seconds with the values from there on.
fn steps(curve: &Curve) -> Vec<(u64, i64)> {
    curve.steps().iter().map(|(at, milli)| (at.0 / 1_000_000_000, *milli)).collect()
}

#[test]
fn loads_are_constants_steps_or_tables() {
    let setup = setup(&shop(
        "  loads:
    - {target: Deployment/shop, total: 2.5}
    - {selector: {app: shop}, metric: requests, total: [{at: 0s, value: 30}, {at: 5m, value: 1k}], maxPerPod: 50, notReady: 1}
    - {target: Service/shop, metric: bytes, name: b, total: {file: ../../traces/load-week.csv, column: 2, scale: 0.5, timeScale: 2, at: 1h}}
  metrics:
    - {name: queue, labels: {q: a}, value: 7}
    - {name: hits, object: Ingress/shop, namespace: web, value: 1500m}
",
    ));
    let [cpu, requests, bytes] = &setup.metrics.loads[..] else { panic!("three loads") };
    assert_eq!((cpu.name.as_str(), cpu.max_milli_per_pod, cpu.not_ready_milli), ("shop", 1000, 0));
    assert_eq!(steps(&cpu.total_milli), [(0, 2500)]);
    assert_eq!((requests.name.as_str(), requests.max_milli_per_pod), ("app=shop", 50_000));
    assert_eq!(requests.measure, Measure::Metric("requests".into()));
    assert_eq!(
        (steps(&requests.total_milli), requests.not_ready_milli),
        (vec![(0, 30_000), (300, 1_000_000)], 1000)
    );
    assert_eq!((&bytes.selector, bytes.max_milli_per_pod), (&requests.selector, i64::MAX));
    let trace = steps(&bytes.total_milli);
    assert!(trace[0].0 == 3600 && trace[1].0 == 4200, "{:?}", &trace[..2]);
    let [queue, hits] = &setup.metrics.series[..] else { panic!("two metrics") };
    assert!(matches!(&queue.of, SeriesOf::External(labels) if labels["q"] == "a"));
    assert!(matches!(&hits.of, SeriesOf::Object { kind, .. } if kind == "Ingress"));
    assert_eq!((hits.namespace.as_str(), steps(&hits.milli)), ("web", vec![(0, 1500)]));
}

#[test]
fn actions_set_loads_one_after_the_other() {
    let setup = setup(&format!(
        "{}actions:\n  - {{at: 2m, setLoad: shop, total: 4}}\n  - {{at: 1m, setLoad: Deployment/shop, total: 500m}}\n",
        shop(
            "  loads: [{target: Deployment/shop, total: [{at: 0s, value: 1}, {at: 90s, value: 9}], notReady: 10m}]\n"
        ),
    ));
    let loads: Vec<_> = setup
        .actions
        .iter()
        .map(|(at, action)| match action {
            Action::SetLoad(load) => (*at, steps(&load.total_milli), load.not_ready_milli),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(loads[0], (Time::from_secs(60), vec![(0, 1000), (60, 500)], 10));
    assert_eq!(loads[1], (Time::from_secs(120), vec![(0, 1000), (60, 500), (120, 4000)], 10));
    let charted = observe::loads(&setup);
    assert_eq!((charted.len(), steps(&charted[0].total_milli)), (1, loads[1].1.clone()));
}

#[test]
fn the_autoscaler_and_its_metrics_have_settings() {
    let settings = setup(&format!(
        "{POOL}controlPlane:
  podAutoscaler: {{syncPeriod: 30s, tolerance: 0.2, downscaleStabilization: 1m, initialReadinessDelay: 0s, cpuInitializationPeriod: 2m}}
  metrics: {{resolution: 1m, lag: 10s}}
run: {{start: 2026-01-05T06:30:00+01:00}}
"
    ));
    let scaler = settings.control.pod_autoscaler;
    assert_eq!(
        (scaler.sync_period, scaler.downscale_stabilization),
        (Span::from_secs(30), Span::from_secs(60))
    );
    assert_eq!(
        (scaler.initial_readiness_delay, scaler.cpu_initialization),
        (Span::ZERO, Span::from_secs(120))
    );
    assert!((scaler.tolerance - 0.2).abs() < 1e-12);
    let server = MetricsProfile::Server { resolution: Span::from_secs(60), lag: Span::from_secs(10) };
    assert_eq!(settings.metrics.profile, server);
    assert_eq!(settings.control.clock.start_unix_nanos, 1_767_591_000_000_000_000);
    let of = |lines: &str| setup(&format!("{POOL}controlPlane: {lines}\n")).metrics.profile;
    assert_eq!(of("{timing: ideal}"), MetricsProfile::RECORDED);
    assert_eq!(of("{metrics: {source: none}}"), MetricsProfile::None);
    assert_eq!(of("{timing: ideal, metrics: {source: server}}"), MetricsProfile::default());
}

#[test]
fn a_load_that_nobody_measures_is_told() {
    let text = format!("{POOL}workload:\n  loads: [{{selector: {{a: b}}, total: 1}}]\n");
    let compiled = try_compile(&text, &[]).unwrap_or_else(|findings| panic!("{findings:?}"));
    let warnings: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    expect!["s.yaml:6:11: warning: nobody measures the load (the manifests have no HorizontalPodAutoscaler)"]
        .assert_eq(&warnings.join("\n"));
}

#[test]
fn loads_that_make_no_sense() {
    wrong(
        "  loads:
    - {total: 1}
    - {target: Deployment/shop, selector: {app: shop}, total: 1}
    - {target: Deployment/shup, total: 1}
    - {target: shop, total: 1}
    - {selector: {}, total: 1}
    - {target: Deployment/shop, total: 1, maxPerPod: 0}
    - {target: Service/shop, total: 1}
    - {target: Service/shop, metric: ' ', total: 1}
    - {target: Service/shop, metric: a, total: []}
    - {target: Service/shop, metric: b, name: b, total: [{at: 1m, value: 1}, {at: 1m, value: 2}]}
    - {target: Service/shop, metric: c, name: c, total: 10T}
    - {target: Service/shop, metric: d, name: b, total: 1, notReady: 10M}
",
        &expect![[r"
            s.yaml:8:7: error: the load does not say whose it is (write `target: Deployment/<name>`, or `selector: {app: <name>}`)
            s.yaml:9:16: error: a load has a `target` or a `selector`, not both: `Deployment/shop` (write `target: Deployment/<name>`, or `selector: {app: <name>}`)
            s.yaml:10:16: error: there is no object of this name: `Deployment/shup` (did you mean `Deployment/shop`?)
            s.yaml:11:16: error: not something whose pods have a load: `shop` (write `Deployment/name`, `ReplicaSet/name`, `StatefulSet/name`, `DaemonSet/name`, `Service/name`)
            s.yaml:12:18: error: a selector without labels is on every pod (write `target: Deployment/<name>`, or `selector: {app: <name>}`)
            s.yaml:13:54: error: a pod that takes nothing of the load does not share it: `0`
            s.yaml:14:7: error: another load of the same kind is on the same pods (add the two up)
            s.yaml:15:38: error: a metric has a name: ` `
            s.yaml:16:48: error: there are no steps (write `[{at: 0s, value: 3}, …]`)
            s.yaml:17:78: error: the steps must ascend in time
            s.yaml:18:57: error: a load is at most 1000000000000: `10T`
            s.yaml:19:47: error: two loads of one name: `b` (give each a `name` of its own)
            s.yaml:19:70: error: `notReady` is at most 1000000: `10M`"]],
    );
    wrong(
        "  loads:
    - {target: Deployment/shop, total: -1}
    - {target: Deployment/shop, total: {column: x}}
    - {target: Deployment/shop, total: [{at: 1m}]}
    - {target: Deployment/shop, total: true}
    - {target: Deployment/shop, total: 1 core}
    - {target: Deployment/shop, total: NaN}
    - {target: Deployment/shop}
",
        &expect![[r"
            s.yaml:8:40: error: a quantity here is never negative: `-1`
            s.yaml:9:40: error: `file` is missing
            s.yaml:10:41: error: `value` is missing
            s.yaml:11:40: error: expected a quantity, a list of steps `{at: …, value: …}`, or a mapping with `file`: `true`
            s.yaml:12:40: error: not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`: `1 core`
            s.yaml:13:40: error: not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`: `NaN`
            s.yaml:14:7: error: `total` is missing"]],
    );
}

#[test]
fn tables_of_loads_that_make_no_sense() {
    wrong(
        "  loads:
    - {target: Service/shop, metric: a, name: a, total: {file: gone.csv}}
    - {target: Service/shop, metric: b, name: b, total: {file: ../../traces/load-week.csv, column: reqs}}
    - {target: Service/shop, metric: c, name: c, total: {file: ../../traces/load-week.csv, scale: 1e9, timeScale: 0}}
    - {target: Service/shop, metric: d, name: d, total: {file: ../../traces/load-week.csv, scale: 1e10}}
    - {target: Service/shop, metric: e, name: e, total: {file: ../../traces/machines.csv}}
  metrics:
    - {name: '', value: 1}
    - {name: a, object: shop, value: 1}
    - {name: a, object: Ingress/shop, labels: {a: b}, value: 1}
actions:
  - {at: 1m, setLoad: shup, total: 1}
  - {at: 1m, setLoad: Deployment/shop}
  - {at: 1m, setLoad: Job/shop, total: 1}
  - {at: 1m, drain: w-0, total: 1}
  - {at: 1m, setLoad: Deployment/shop, total: 10T}
controlPlane: {metrics: {source: none, lag: 5s}}
",
        &expect![[r"
            s.yaml:8:64: error: tests/fixtures/gone.csv: no such file: `gone.csv`
            s.yaml:9:100: error: traces/load-week.csv: the table has no column of this name: `reqs` (name one of the first row, or give its number, from 2 on)
            s.yaml:10:115: error: `timeScale` must be from 1e-9 to 1e9: `0`
            s.yaml:11:99: error: `scale` must be from 1e-9 to 1e9: `1e10`
            s.yaml:14:14: error: a metric has a name
            s.yaml:15:25: error: not an object: `shop` (write `Service/name`)
            s.yaml:16:51: error: a metric of an `object` has no `labels`: `b`
            s.yaml:18:23: error: there is no load of this name: `shup` (the scenario has no load at all)
            s.yaml:19:23: error: `setLoad` needs `total`: `Deployment/shop`
            s.yaml:20:23: error: not something whose pods have a load: `Job/shop` (write `Deployment/name`, `ReplicaSet/name`, `StatefulSet/name`, `DaemonSet/name`, `Service/name`)
            s.yaml:21:5: error: `total` needs `setLoad`
            s.yaml:22:47: error: a load is at most 1000000000000: `10T`
            s.yaml:23:45: error: `lag` needs `source: server`: `5s`
            traces/machines.csv:2:1: error: the first column is not a time: `general-zone-a` (seconds from 0 on, or a date and time such as `2026-01-31 12:00:00`)"]],
    );
    let start = |text: &str| errors(&format!("{POOL}run: {{start: {text}}}\n"), &[]);
    expect![[r"
        s.yaml:5:14: error: not a date and time; write it like `2026-01-05T00:00:00Z`: `yesterday`
        s.yaml:5:14: error: not a date and time; write it like `2026-01-05T00:00:00Z`: `2026-01-05`
        s.yaml:5:14: error: a run starts in 1970 at the earliest and before 2400: `1969-12-31T23:59:59Z`
        s.yaml:5:14: error: a run starts in 1970 at the earliest and before 2400: `9999-01-01T00:00:00Z`
        s.yaml:5:14: error: not a date and time; write it like `2026-01-05T00:00:00Z`: `7`"]]
    .assert_eq(
        &["yesterday", "2026-01-05", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "7"]
            .map(start)
            .join("\n"),
    );
}

/// Real tables of loads are read, whatever their columns are called.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the environment says where real tables are"
)]
fn real_loads_are_read() {
    let Some(place) = std::env::var_os("SEATRIAL_DATA") else {
        eprintln!("skipped: real_loads_are_read (SEATRIAL_DATA is not set)");
        return;
    };
    let folder = std::path::PathBuf::from(place).join("traces/load-traces");
    let read = |file: &str, column: &str| {
        let file = folder.join(file);
        let total = format!("{{file: {}, column: {column}, scale: 0.001}}", file.display());
        let setup = setup(&shop(&format!("  loads: [{{target: Deployment/shop, total: {total}}}]\n")));
        let curve = steps(&setup.metrics.loads[0].total_milli);
        (curve.len(), curve.last().copied().unwrap_or_default().0)
    };
    for (file, column) in [
        ("nasa-http-per-minute-DERIVED.csv.gz", "requests"),
        ("worldcup98/invocation_count-per-minute-by-file.csv.gz", "count"),
        ("marenostrum3/monthTraces.csv.gz", "2"),
        ("nab-aws-cloudwatch/elb_request_count_8c0756.csv", "value"),
    ] {
        let (steps, end) = read(file, column);
        assert!(steps > 1_000 && end > 86_400, "{file}: {steps} steps until {end} s");
    }
}
