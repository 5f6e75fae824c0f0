//! What is answered about pods of a small cluster, and whole runs with an autoscaler.

use super::*;
use crate::api::autoscaling::{MetricTarget, ScaleTarget};
use crate::api::{Deployment, LabelSelector, Object, ObjectMeta, PodTemplate};
use crate::base::{Distribution, Quantity};
use crate::control::Config;
use crate::control::harness::Harness;
use crate::sim::load::Curve;
use crate::sim::tests::{node, setup, template};
use crate::sim::{Observer, Record, Setup, Timing, View, run};
use std::sync::Arc;

fn selector() -> LabelSelector {
    LabelSelector { match_labels: vec![("app".into(), "web".into())], ..LabelSelector::default() }
}

fn load(steps: &[(u64, i64)]) -> Load {
    let step = |&(at, milli): &(u64, i64)| (Time::from_secs(at), milli);
    Load {
        name: String::new(),
        namespace: "default".into(),
        selector: selector(),
        measure: Measure::Cpu,
        total_milli: Curve::new(steps.iter().map(step).collect()),
        max_milli_per_pod: 2000,
        not_ready_milli: 7,
    }
}

fn web() -> PodTemplate {
    template(500, |template| {
        template.labels.insert("app".into(), "web".into());
        template.spec.restart_policy = crate::api::RestartPolicy::Always;
    })
}

fn autoscaler(metrics: Vec<MetricSpec>) -> HorizontalPodAutoscaler {
    let meta = ObjectMeta { name: "web".into(), namespace: "default".into(), ..ObjectMeta::default() };
    let target = ScaleTarget { api_version: "apps/v1".into(), kind: "Deployment".into(), name: "web".into() };
    HorizontalPodAutoscaler { meta, target, min_replicas: 2, max_replicas: 12, metrics, behavior: None }
}

fn cpu() -> MetricSpec {
    MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::Utilization(50) }
}

/// Two pods that are ready from 10 s on and one that is ready from 50 s on.
fn cluster() -> (Harness, Vec<PodRef>) {
    let mut harness = Harness::of_scheduler(&Config::default());
    let node = harness.node("n", "a");
    let template = Arc::new(web());
    let running = crate::control::PodStatus { phase: PodPhase::Running, ..Default::default() };
    harness.run_until(Time::from_secs(10));
    let pods: Vec<PodRef> = ["a", "b", "c"].map(|name| harness.pod(name, &template)).into();
    harness.start(pods[0], node);
    harness.start(pods[1], node);
    harness.bind(pods[2], node);
    harness.status(pods[2], running);
    harness.run_until(Time::from_secs(50));
    harness.status(pods[2], crate::control::PodStatus { ready: true, ..running });
    (harness, pods)
}

fn metrics(profile: MetricsProfile, loads: Vec<Load>, series: Vec<Series>) -> Metrics {
    let setup = MetricsSetup { profile, loads, series };
    Metrics {
        phase: Span::ZERO,
        ..Metrics::new(setup, Clock::default(), Behavior::default(), Streams::new(1))
    }
}

/// The values of the first answer.
fn values(metrics: &mut Metrics, at: u64, harness: &mut Harness, pods: &[PodRef]) -> Vec<Option<i64>> {
    let hpa = autoscaler(vec![cpu()]);
    let answer =
        metrics.answer(Time::from_secs(at), &hpa, pods, &mut harness.cluster, &World::default()).remove(0);
    match answer {
        Reading::Pods(samples) => samples.iter().map(|one| one.map(|sample| sample.milli)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_recorded_api_knows_the_moment() {
    let (mut harness, pods) = cluster();
    let mut metrics = metrics(MetricsProfile::RECORDED, vec![load(&[(0, 3000), (60, 9000)])], Vec::new());
    assert_eq!(values(&mut metrics, 55, &mut harness, &pods), [Some(1000); 3]);
    assert_eq!(values(&mut metrics, 60, &mut harness, &pods), [Some(2000); 3], "the most of each");
    metrics.set_load(load(&[(0, 30)]));
    assert_eq!(values(&mut metrics, 61, &mut harness, &pods), [Some(10); 3]);
    assert!(!metrics.changes_after(Time::from_secs(61)));
}

#[test]
fn metrics_server_averages_between_two_looks() {
    let (mut harness, pods) = cluster();
    let profile = MetricsProfile::Server { resolution: Span::from_secs(15), lag: Span::ZERO };
    let mut metrics = metrics(profile, vec![load(&[(0, 3000)])], Vec::new());
    assert_eq!(values(&mut metrics, 14, &mut harness, &pods), [None; 3], "no look yet");
    // From 45 to 60 s: 5 s shared by two, 10 s by three; the third waits for 5 s.
    let expected = [Some(1166), Some(1166), Some((7 * 5 + 1000 * 10) / 15)];
    assert_eq!(values(&mut metrics, 60, &mut harness, &pods), expected);
    assert_eq!(values(&mut metrics, 74, &mut harness, &pods), expected, "until the next look");
    assert_eq!(values(&mut metrics, 75, &mut harness, &pods), [Some(1000); 3]);
    // A step of the load in the middle of a window: 10 s of 1000, 5 s of 400.
    metrics.set_load(load(&[(0, 3000), (100, 1200)]));
    assert_eq!(values(&mut metrics, 105, &mut harness, &pods), [Some(800); 3]);
    // What a node says is some seconds old.
    let late = MetricsProfile::Server { resolution: Span::from_secs(15), lag: Span::from_secs(5) };
    metrics.setup.profile = late;
    assert_eq!(values(&mut metrics, 105, &mut harness, &pods), [Some(1000); 3]);
}

#[test]
fn other_metrics_have_series() {
    let (mut harness, pods) = cluster();
    let metric = |name: &str| MetricName { name: name.into(), selector: None };
    let value = MetricTarget::Value(Quantity::from_units(1));
    let ingress = ScaleTarget { api_version: String::new(), kind: "Ingress".into(), name: "i".into() };
    let hpa = autoscaler(vec![
        MetricSpec::Object { metric: metric("rps"), described: ingress.clone(), target: value },
        MetricSpec::External { metric: metric("queue"), target: value },
        MetricSpec::External {
            metric: MetricName { selector: Some(selector()), ..metric("queue") },
            target: value,
        },
        MetricSpec::External { metric: metric("other"), target: value },
        MetricSpec::Pods { metric: metric("rps"), target: value },
        MetricSpec::Resource { name: "example.com/gpu".into(), target: value },
        MetricSpec::ContainerResource { name: "cpu".into(), container: "main".into(), target: value },
        MetricSpec::ContainerResource { name: "cpu".into(), container: "none".into(), target: value },
    ]);
    let series = |metric: &str, of, milli| Series {
        namespace: "default".into(),
        metric: metric.into(),
        of,
        milli: Curve::constant(milli),
    };
    let labels = [("app".to_owned(), "web".to_owned())].into();
    let series = vec![
        series("rps", SeriesOf::Object { kind: "Ingress".into(), name: "i".into() }, 5),
        series("queue", SeriesOf::External(labels), 6),
        series("queue", SeriesOf::External(crate::api::Labels::default()), 7),
    ];
    let rps = Load { measure: Measure::Metric("rps".into()), ..load(&[(0, 90)]) };
    let mut metrics = metrics(MetricsProfile::RECORDED, vec![load(&[(0, 60)]), rps], series);
    let at = Time::from_secs(60);
    let answers = metrics.answer(at, &hpa, &pods, &mut harness.cluster, &World::default());
    let pods_of = |milli, window| {
        Reading::Pods(vec![Some(Sample { milli, time: at, window: Span::from_secs(window) }); 3])
    };
    let expected = [
        Reading::Object(5),
        Reading::External(vec![6, 7]),
        Reading::External(vec![6]),
        Reading::Failed,
        pods_of(30, 60),
        Reading::Pods(vec![None; 3]),
        pods_of(20, 15),
        Reading::Failed,
    ];
    assert_eq!(answers, expected);
    metrics.setup.profile = MetricsProfile::None;
    let answers = metrics.answer(at, &hpa, &pods, &mut harness.cluster, &World::default());
    assert!(answers.iter().all(|answer| *answer == Reading::Failed));
}

/// Notes the sizes of Deployments, with the second.
#[derive(Default)]
struct Sizes(Vec<(u64, i32)>);

impl Observer for Sizes {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        if let Record::WorkloadScaled { workload, replicas } = record
            && view.cluster.workloads[*workload].kind.kind() == "Deployment"
        {
            self.0.push((now.0 / 1_000_000_000, *replicas));
        }
    }

    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}

/// The run of the recording public-hpa-up-down, with another metrics API and timing.
fn up_and_down(profile: MetricsProfile, timing: Timing) -> Setup {
    let meta = ObjectMeta { name: "web".into(), namespace: "default".into(), ..ObjectMeta::default() };
    let deployment = Deployment {
        meta,
        replicas: 2,
        progress_deadline_seconds: 600,
        revision_history_limit: 10,
        selector: selector(),
        template: Arc::new(web()),
        ..Deployment::default()
    };
    let objects = vec![
        (0, Object::Deployment(Box::new(deployment))),
        (0, Object::HorizontalPodAutoscaler(Box::new(autoscaler(vec![cpu()])))),
    ];
    let load = Load { max_milli_per_pod: 500, ..load(&[(0, 400), (60, 3000), (200, 500)]) };
    let metrics = MetricsSetup { profile, loads: vec![load], series: Vec::new() };
    let nodes = ["a", "b", "c"].map(|name| node(name, 8, 32)).into();
    Setup { metrics, timing, ..setup(nodes, objects) }
}

fn sizes(setup: Setup) -> (Vec<(u64, i32)>, u64) {
    let mut sizes = Sizes::default();
    let outcome = run(setup, &mut sizes, &mut ()).expect("the run ends well");
    (sizes.0, outcome.end.0 / 1_000_000_000)
}

#[test]
fn an_autoscaler_follows_the_load_and_comes_to_rest() {
    let timing = Timing { container_start: Distribution::Constant(1.0), ..Timing::ideal() };
    let (seen, end) = sizes(up_and_down(MetricsProfile::RECORDED, timing));
    // Without any latency a recommendation is exactly as old as the window, and still counts.
    assert_eq!(seen, [(60, 4), (90, 8), (120, 12), (510, 2)]);
    assert!((800..1200).contains(&end), "nothing changes any more: {end}");
}

#[test]
fn pods_of_which_nothing_is_known_are_not_scaled() {
    let mut setup = up_and_down(MetricsProfile::RECORDED, Timing::ideal());
    setup.metrics.loads.clear();
    assert_eq!(sizes(setup).0, []);
    let mut setup = up_and_down(MetricsProfile::RECORDED, Timing::ideal());
    setup.metrics.loads.clear();
    setup.default_behavior.cpu_usage = Some(Distribution::Constant(0.4));
    assert_eq!(sizes(setup).0, [(15, 4), (30, 7), (45, 12)], "80 % of the request, whatever the size");
}

#[test]
fn metrics_server_makes_it_later() {
    let (seen, _) = sizes(up_and_down(MetricsProfile::default(), Timing::kubernetes()));
    let (first, last) = (seen[0], seen[seen.len() - 1]);
    assert!((61..100).contains(&first.0) && first.1 > 2, "{seen:?}");
    assert!((495..560).contains(&last.0) && last.1 == 2, "{seen:?}");
    assert!(seen.iter().any(|(_, replicas)| *replicas >= 11), "{seen:?}");
}
