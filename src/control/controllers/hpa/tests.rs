//! Looks at autoscalers, each with what it sees and what it decides.

use super::*;
use crate::api::autoscaling::{MetricName, ScaleTarget, ScalingPolicy, ScalingRules, SelectPolicy};
use crate::api::{Container, Resources, RestartPolicy};
use crate::base::Quantity;

fn at(seconds: u64) -> Time {
    Time::from_secs(100_000 + seconds)
}

/// A pod with a container that requests so many thousandths of a core.
fn requesting(milli: i64) -> PodSpec {
    let requests = [("cpu".to_owned(), Quantity::from_milli(milli))].into();
    let resources = Resources { requests, ..Resources::default() };
    PodSpec {
        containers: vec![Container { name: "c".into(), resources, ..Container::default() }],
        ..PodSpec::default()
    }
}

/// A pod that has been ready since long before.
fn ready(spec: &PodSpec) -> PodFacts<'_> {
    let (start, ready) = (Some(Time::ZERO), Some((Truth::True, Time::ZERO)));
    PodFacts { phase: PodPhase::Running, deleting: false, start, ready, spec }
}

#[expect(clippy::unnecessary_wraps, reason = "that is how readings hold samples")]
fn sample(milli: i64, seconds: u64) -> Option<Sample> {
    Some(Sample { milli, time: at(seconds), window: Span::from_secs(15) })
}

fn cpu(percent: i32) -> MetricSpec {
    MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::Utilization(percent) }
}

fn hpa(metrics: Vec<MetricSpec>) -> HorizontalPodAutoscaler {
    HorizontalPodAutoscaler { min_replicas: 1, max_replicas: 20, metrics, ..Default::default() }
}

fn rules(seconds: Option<i32>, policies: &[(bool, i32, i32)]) -> ScalingRules {
    let policy = |&(percent, value, period_seconds): &(bool, i32, i32)| ScalingPolicy {
        percent,
        value,
        period_seconds,
    };
    ScalingRules {
        stabilization_seconds: seconds,
        select: SelectPolicy::Max,
        policies: policies.iter().map(policy).collect(),
        tolerance: None,
    }
}

/// An autoscaler and its target, which does at once what it is told.
struct Scene {
    hpa: HorizontalPodAutoscaler,
    memory: Memory,
    status: HpaStatus,
    wanted: i32,
}

impl Scene {
    fn new(hpa: HorizontalPodAutoscaler, wanted: i32) -> Scene {
        Scene { hpa, memory: Memory::default(), status: HpaStatus::default(), wanted }
    }

    /// A look; the reasons of the conditions.
    fn look(&mut self, seconds: u64, pods: &[PodFacts<'_>], readings: &[Reading]) -> Vec<&'static str> {
        let current = i32::try_from(pods.len()).unwrap();
        let scale = Some(Scale { wanted: self.wanted, current, selection: Selection::Own });
        let observed = Observed { now: at(seconds), stamp: at(seconds), scale, pods, readings };
        let decision = reconcile(&self.hpa, &Settings::default(), &observed, &mut self.memory, &self.status);
        self.status = decision.status;
        if let Some(change) = decision.rescale {
            rescaled(&self.hpa, &mut self.memory, &mut self.status, change, [at(seconds); 2]);
            self.wanted = change.to;
        }
        self.status.conditions.iter().map(|condition| condition.reason).collect()
    }

    /// A look at as many ready pods as there shall be, each of which uses so much of 100.
    fn look_at_load(&mut self, seconds: u64, milli: i64) -> (i32, Vec<&'static str>) {
        let spec = requesting(100);
        let pods = vec![ready(&spec); usize::try_from(self.wanted).unwrap()];
        let readings = [Reading::Pods(vec![sample(milli, seconds); pods.len()])];
        let reasons = self.look(seconds, &pods, &readings);
        (self.wanted, reasons)
    }
}

#[test]
fn the_examples_of_the_reference() {
    // Four ready pods at 180 of 100 with a target of 80 %: 180 %, 2.25 times too much.
    assert_eq!(Scene::new(hpa(vec![cpu(80)]), 4).look_at_load(0, 180).0, 8);
    let mut wide = hpa(vec![cpu(80)]);
    wide.behavior =
        Some(HpaBehavior { scale_up: rules(Some(0), &[(false, 10, 15)]), scale_down: rules(None, &[]) });
    assert_eq!(Scene::new(wide.clone(), 4).look_at_load(0, 180).0, 9);
    // Three ready and one pending: the fourth is counted with nothing.
    let spec = requesting(100);
    let pending = PodFacts { phase: PodPhase::Pending, ready: None, start: None, ..ready(&spec) };
    let pods = [ready(&spec), ready(&spec), ready(&spec), pending];
    let samples = vec![sample(180, 0), sample(180, 0), sample(180, 0), None];
    let mut scene = Scene::new(wide, 4);
    scene.look(0, &pods, &[Reading::Pods(samples)]);
    assert_eq!(scene.wanted, 7);
    let expected = CurrentMetric { utilization: Some(180), average_milli: Some(180), value_milli: None };
    assert_eq!(scene.status.metrics, [Some(expected)]);
}

#[test]
fn pods_that_start_do_not_count() {
    let spec = requesting(100);
    let (now, settings) = (at(0), Settings::default());
    let of = |start: u64, truth, since: u64| PodFacts {
        start: Some(now - Span::from_secs(start)),
        ready: Some((truth, now - Span::from_secs(since))),
        ..ready(&spec)
    };
    let unready = |pod: PodFacts<'_>| {
        // Half of the load on this pod: if it counts, the average is within the tolerance.
        let mut scene = Scene::new(hpa(vec![cpu(80)]), 2);
        scene.look(0, &[ready(&spec), pod], &[Reading::Pods(vec![sample(100, 0), sample(60, 0)])]);
        scene.wanted != 2 || scene.status.metrics[0].unwrap().average_milli == Some(100)
    };
    assert_eq!(settings.cpu_initialization, Span::from_secs(300));
    assert!(unready(of(20, Truth::True, 14)), "a window has not passed since it is ready");
    assert!(!unready(of(20, Truth::True, 15)));
    assert!(unready(of(299, Truth::False, 200)));
    assert!(!unready(of(300, Truth::False, 200)), "it was ready once");
    assert!(unready(of(300, Truth::False, 280)), "it was never ready");
    assert!(!unready(of(300, Truth::False, 270)));
    assert!(unready(PodFacts { ready: None, ..ready(&spec) }));
    assert!(unready(PodFacts { start: None, ..ready(&spec) }));
    assert!(unready(PodFacts { deleting: true, ..ready(&spec) }));
    assert!(unready(PodFacts { phase: PodPhase::Failed, ..ready(&spec) }));
    assert!(!unready(PodFacts { phase: PodPhase::Succeeded, ..ready(&spec) }));
}

#[test]
fn without_behavior_the_highest_of_five_minutes_holds() {
    let mut scene = Scene::new(hpa(vec![cpu(80)]), 5);
    assert_eq!(
        scene.look_at_load(0, 16).1,
        ["ScaleDownStabilized", "ValidMetricFound", "DesiredWithinRange"]
    );
    assert_eq!(scene.look_at_load(300, 16).0, 5, "exactly five minutes still count");
    let (replicas, reasons) = scene.look_at_load(301, 16);
    assert_eq!((replicas, reasons[0]), (1, "SucceededRescale"));
    assert_eq!(scene.status.last_scale, Some(at(301)));
    // At most twice as many, or four.
    let grown: Vec<_> = (0..3).map(|look| scene.look_at_load(400 + look * 15, 800)).collect();
    assert_eq!(grown.iter().map(|look| look.0).collect::<Vec<_>>(), [4, 8, 16]);
    assert_eq!(grown[0].1[2], "ScaleUpLimit");
    assert_eq!(
        scene.look_at_load(445, 800),
        (20, vec!["SucceededRescale", "ValidMetricFound", "TooManyReplicas"])
    );
}

#[test]
fn policies_limit_what_happens_in_a_period() {
    let mut one = hpa(vec![cpu(80)]);
    one.behavior = Some(HpaBehavior {
        scale_up: rules(Some(0), &[(false, 2, 60)]),
        scale_down: rules(Some(0), &[(true, 50, 30)]),
    });
    let mut scene = Scene::new(one, 4);
    let sizes: Vec<i32> = [0, 15, 59, 60, 75].map(|seconds| scene.look_at_load(seconds, 300).0).into();
    assert_eq!(sizes, [6, 6, 6, 8, 8], "an event counts for less than its period");
    assert_eq!(scene.look_at_load(75, 300).1[2], "ScaleUpLimit");
    let sizes: Vec<i32> = [130, 145, 160, 190, 220].map(|seconds| scene.look_at_load(seconds, 1).0).into();
    assert_eq!(sizes, [4, 4, 2, 1, 1]);
    assert_eq!(scene.status.conditions[2].reason, "DesiredWithinRange");
}

#[test]
fn the_lowest_of_the_window_holds_upwards() {
    let mut one = hpa(vec![cpu(80)]);
    one.behavior = Some(HpaBehavior {
        scale_up: rules(Some(60), &[(false, 100, 15)]),
        scale_down: rules(Some(0), &[(true, 100, 15)]),
    });
    let mut scene = Scene::new(one, 2);
    assert_eq!(
        scene.look_at_load(0, 240),
        (2, vec!["ScaleUpStabilized", "ValidMetricFound", "DesiredWithinRange"])
    );
    assert_eq!(scene.look_at_load(30, 160).0, 2);
    assert_eq!(
        scene.look_at_load(60, 240).0,
        4,
        "the size at the beginning has passed, the need of 4 has not"
    );
}

#[test]
fn several_metrics_take_the_largest_and_bear_failures_upwards() {
    let external = MetricSpec::External {
        metric: MetricName::default(),
        target: MetricTarget::AverageValue(Quantity::from_units(10)),
    };
    let mut scene = Scene::new(hpa(vec![cpu(80), external]), 3);
    let spec = requesting(100);
    let pods = [ready(&spec); 3];
    let cpu = |milli| Reading::Pods(vec![sample(milli, 0); 3]);
    let reasons = scene.look(0, &pods, &[cpu(80), Reading::External(vec![20_000, 30_000])]);
    assert_eq!((scene.wanted, reasons[1]), (5, "ValidMetricFound"));
    assert_eq!(scene.status.metrics[1].unwrap().average_milli, Some(16_667));
    scene.wanted = 3;
    let reasons = scene.look(15, &pods, &[cpu(160), Reading::Failed]);
    assert_eq!((scene.wanted, reasons[1], scene.status.metrics[1]), (6, "ValidMetricFound", None));
    scene.wanted = 3;
    let reasons = scene.look(30, &pods, &[Reading::Failed, Reading::External(vec![1])]);
    assert_eq!((scene.wanted, reasons[0], reasons[1]), (3, "SucceededGetScale", "FailedGetResourceMetric"));
    assert_eq!(scene.status.desired, 6, "a look that fails leaves the number");
}

#[test]
fn outside_of_the_range_nothing_else_counts() {
    let mut scene = Scene::new(hpa(vec![cpu(80)]), 25);
    assert_eq!(scene.look(0, &[], &[]), ["SucceededRescale"]);
    assert_eq!((scene.wanted, scene.status.current), (20, 25));
    scene.hpa.min_replicas = 3;
    scene.wanted = 2;
    scene.look(15, &[], &[]);
    assert_eq!(scene.wanted, 3);
    scene.wanted = 0;
    assert_eq!(scene.look(30, &[], &[]), ["SucceededGetScale", "ScalingDisabled"]);
    assert_eq!((scene.wanted, scene.status.desired), (0, 0));
}

#[test]
fn a_target_that_cannot_be_scaled_is_said() {
    let autoscaler = hpa(vec![cpu(80)]);
    let (settings, before) = (Settings::default(), HpaStatus::default());
    let look = |scale| {
        let observed = Observed { now: at(0), stamp: at(0), scale, pods: &[], readings: &[] };
        reconcile(&autoscaler, &settings, &observed, &mut Memory::default(), &before)
    };
    let reasons = |decision: &Decision| {
        let one = |condition: &Condition| (condition.kind, condition.status, condition.reason);
        decision.status.conditions.last().map(one).unwrap()
    };
    assert_eq!(reasons(&look(None)), ("AbleToScale", Truth::False, "FailedGetScale"));
    let scale = |selection| Some(Scale { wanted: 3, current: 3, selection });
    let ambiguous = look(scale(Selection::Ambiguous));
    assert_eq!(reasons(&ambiguous), ("ScalingActive", Truth::False, "AmbiguousSelector"));
    assert!(ambiguous.failed);
    assert_eq!(reasons(&look(scale(Selection::Missing))).2, "InvalidSelector");
    let above = look(Some(Scale { wanted: 30, current: 3, selection: Selection::Own }));
    let mut status = above.status.clone();
    not_rescaled(&mut status, &before, at(0));
    assert_eq!(status.conditions[0].reason, "FailedUpdateScale");
    assert_eq!((status.current, status.desired, status.last_scale), (30, 0, None));
}

#[test]
fn absurd_numbers_are_borne() {
    let spec = requesting(1);
    let metrics = [
        cpu(1),
        cpu(i32::MAX),
        MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::AverageValue(Quantity(1)) },
        MetricSpec::Pods {
            metric: MetricName::default(),
            target: MetricTarget::AverageValue(Quantity::ZERO),
        },
        MetricSpec::Object {
            metric: MetricName::default(),
            described: ScaleTarget::default(),
            target: MetricTarget::Value(Quantity::from_units(i64::MAX)),
        },
        MetricSpec::External { metric: MetricName::default(), target: MetricTarget::Value(Quantity(1)) },
        MetricSpec::External {
            metric: MetricName::default(),
            target: MetricTarget::AverageValue(Quantity(1)),
        },
        MetricSpec::External { metric: MetricName::default(), target: MetricTarget::Unset },
    ];
    for value in [i64::MIN, -1, 0, 1, i64::MAX] {
        for metric in &metrics {
            for wanted in [1, 7, i32::MAX] {
                let mut one = hpa(vec![metric.clone()]);
                one.max_replicas = i32::MAX;
                one.behavior = Some(HpaBehavior {
                    scale_up: rules(Some(i32::MAX), &[(false, i32::MAX, i32::MAX), (true, i32::MAX, 1)]),
                    scale_down: rules(Some(-1), &[(false, i32::MAX, i32::MAX), (true, i32::MAX, 1)]),
                });
                for behavior in [one.behavior.clone(), None] {
                    let mut scene = Scene::new(HorizontalPodAutoscaler { behavior, ..one.clone() }, wanted);
                    let readings = [
                        Reading::Pods(vec![sample(value, 0); 2]),
                        Reading::Object(value),
                        Reading::External(vec![value, value]),
                    ];
                    for reading in readings {
                        scene.look(0, &[ready(&spec); 2], &[reading]);
                        assert!(scene.wanted >= 1, "{value} {metric:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn requests_are_those_of_all_containers_or_the_pods_own() {
    let mut spec = requesting(100);
    assert_eq!(milli_request(&spec, "cpu", None), Some(100));
    assert_eq!(milli_request(&spec, "memory", None), None);
    assert_eq!(milli_request(&spec, "cpu", Some("c")), Some(100));
    assert_eq!(milli_request(&spec, "cpu", Some("d")), None);
    let sidecar = Container {
        name: "s".into(),
        restart_policy: Some(RestartPolicy::Always),
        ..requesting(7).containers[0].clone()
    };
    spec.init_containers = vec![requesting(1000).containers[0].clone(), sidecar];
    assert_eq!(milli_request(&spec, "cpu", None), Some(107));
    spec.init_containers[1].resources.requests.clear();
    assert_eq!(milli_request(&spec, "cpu", None), None);
    // With requests of the pod's own, containers need none.
    let own = [("memory".to_owned(), Quantity::from_units(1))].into();
    spec.resources = Some(Resources { requests: own, ..Resources::default() });
    assert_eq!(milli_request(&spec, "memory", None), Some(1000));
    assert_eq!(milli_request(&spec, "cpu", None), Some(1000), "the init container asks for the most");
    assert_eq!(milli_request(&spec, "memory", Some("c")), None);
}
