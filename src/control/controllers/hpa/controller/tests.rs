//! The event loop, with an API server that answers at once and a test that answers for the metrics API.

use super::*;
use crate::api::autoscaling::{MetricSpec, MetricTarget, ScaleTarget};
use crate::api::{ObjectMeta, PodTemplate, ReplicaSet};
use crate::control::controllers::hpa::Sample;
use crate::control::harness::Harness;
use std::sync::Arc;

fn harness() -> Harness {
    Harness::with(vec![Box::new(PodAutoscalerController::new(&Config::default()))])
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: name.into(), namespace: "default".into(), ..ObjectMeta::default() }
}

/// Pods with a label and a container that requests 100m.
fn template() -> Arc<PodTemplate> {
    let mut container = crate::api::Container { name: "c".into(), ..Default::default() };
    container.resources.requests.insert("cpu".into(), crate::base::Quantity::from_milli(100));
    let mut template = PodTemplate::default();
    template.labels.insert("app".into(), "web".into());
    template.spec.containers.push(container);
    Arc::new(template)
}

fn set(name: &str, replicas: i32) -> ReplicaSet {
    let selector = LabelSelector { match_labels: vec![("app".into(), "web".into())], ..Default::default() };
    ReplicaSet { meta: meta(name), replicas, selector, template: template(), ..ReplicaSet::default() }
}

/// An autoscaler of a ReplicaSet, for 50 % of the CPU.
fn hpa(name: &str, set: &str) -> WorkloadKind {
    let target = ScaleTarget { api_version: "apps/v1".into(), kind: "ReplicaSet".into(), name: set.into() };
    WorkloadKind::HorizontalPodAutoscaler(HorizontalPodAutoscaler {
        meta: meta(name),
        target,
        min_replicas: 1,
        max_replicas: 10,
        metrics: vec![MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::Utilization(50) }],
        behavior: None,
    })
}

/// A ReplicaSet with as many pods that have been ready for long, and its autoscaler, created at 1000 s.
fn scene(replicas: i32) -> (Harness, WorkloadId, WorkloadId) {
    let mut harness = harness();
    let node = harness.node("n", "a");
    let set = harness.workload(WorkloadKind::ReplicaSet(set("web", replicas)), None);
    for pod in 0..replicas {
        let pod = harness.pod(&format!("web-{pod}"), &template());
        harness.start(pod, node);
    }
    harness.run_until(Time::from_secs(1000));
    let autoscaler = harness.workload(hpa("web", "web"), None);
    (harness, set, autoscaler)
}

/// The pods of the latest question, if it was asked at this moment or a second before.
fn asked(harness: &Harness) -> Vec<PodRef> {
    let recent = |at: Time| harness.now.since(at) <= Span::from_secs(1);
    let question = |(at, command): &(Time, Command)| match command {
        Command::Query { pods, .. } if recent(*at) => Some(pods.clone()),
        _ => None,
    };
    harness.commands.iter().rev().find_map(question).unwrap_or_default()
}

/// Answers that every pod uses so much.
fn answer(harness: &mut Harness, autoscaler: WorkloadId, milli: i64) {
    let sample = Sample { milli, time: harness.now, window: Span::from_secs(15) };
    let readings = vec![Reading::Pods(vec![Some(sample); asked(harness).len()])];
    harness.tell(Event::Metrics { autoscaler, readings });
}

fn reasons(harness: &Harness, autoscaler: WorkloadId) -> Vec<&'static str> {
    match harness.workload_status(autoscaler) {
        Status::HorizontalPodAutoscaler(status) => status.conditions.iter().map(|one| one.reason).collect(),
        _ => Vec::new(),
    }
}

fn replicas(harness: &Harness, set: WorkloadId) -> Option<i32> {
    harness.cluster.workloads[set].kind.replicas()
}

#[test]
fn the_first_look_is_a_period_after_the_creation() {
    let (mut harness, set, autoscaler) = scene(3);
    harness.run_until(Time(1_014_999_999_999));
    assert_eq!(asked(&harness).len(), 0);
    harness.run_until(Time::from_secs(1015));
    assert_eq!(asked(&harness).len(), 3);
    // The answer takes a while, and the next look is a period after it.
    harness.run_until(Time(1_015_300_000_000));
    answer(&mut harness, autoscaler, 100);
    assert_eq!(replicas(&harness, set), Some(6));
    assert_eq!(reasons(&harness, autoscaler), ["SucceededRescale", "ValidMetricFound", "DesiredWithinRange"]);
    let Status::HorizontalPodAutoscaler(status) = harness.workload_status(autoscaler) else { panic!() };
    assert_eq!(status.last_scale, Some(Time::from_secs(1015)), "whole seconds");
    assert_eq!(harness.poll_timeout(), Some(Time(1_030_300_000_000)));
    // What has not changed is not written again.
    harness.run_until(Time(1_030_300_000_000));
    answer(&mut harness, autoscaler, 50);
    let written = harness.writes().count();
    harness.run_until(Time(1_045_300_000_000));
    assert_eq!(asked(&harness).len(), 3);
    answer(&mut harness, autoscaler, 50);
    assert_eq!(harness.writes().count(), written);
}

#[test]
fn what_cannot_be_scaled_is_said_and_looked_at_again() {
    let mut harness = harness();
    let autoscaler = harness.workload(hpa("web", "web"), None);
    harness.run_until(Time::from_secs(20));
    assert_eq!(reasons(&harness, autoscaler), ["FailedGetScale"]);
    let set = harness.workload(WorkloadKind::ReplicaSet(set("web", 12)), None);
    harness.run_until(Time::from_secs(30));
    assert_eq!(replicas(&harness, set), Some(10), "more than the most: no question is needed");
    assert_eq!(reasons(&harness, autoscaler), ["SucceededRescale"]);
    let other = ScaleTarget { api_version: "v1".into(), kind: "ReplicaSet".into(), name: "web".into() };
    let WorkloadKind::HorizontalPodAutoscaler(mut wrong) = hpa("wrong", "web") else { panic!() };
    wrong.target = other;
    let wrong = harness.workload(WorkloadKind::HorizontalPodAutoscaler(wrong), None);
    harness.run_until(Time::from_secs(46));
    assert_eq!(reasons(&harness, wrong), ["FailedGetScale"], "the core group has no ReplicaSet");
}

#[test]
fn a_refused_change_is_as_if_it_had_not_been_made() {
    let (mut harness, set, autoscaler) = scene(2);
    harness.run_until(Time::from_secs(1015));
    harness.reject_next(1);
    answer(&mut harness, autoscaler, 100);
    assert_eq!(replicas(&harness, set), Some(2));
    assert_eq!(reasons(&harness, autoscaler)[0], "FailedUpdateScale");
    let Status::HorizontalPodAutoscaler(status) = harness.workload_status(autoscaler) else { panic!() };
    assert_eq!((status.desired, status.last_scale), (0, None));
    harness.run_until(Time::from_secs(1030));
    answer(&mut harness, autoscaler, 100);
    assert_eq!(replicas(&harness, set), Some(4));
}

#[test]
fn pods_of_two_autoscalers_are_nobodys() {
    let (mut harness, set, autoscaler) = scene(2);
    let twin = harness.workload(hpa("twin", "web"), None);
    harness.run_until(Time::from_secs(1015));
    assert_eq!(asked(&harness).len(), 2, "the first look of the first one sees nobody else");
    answer(&mut harness, autoscaler, 50);
    harness.run_until(Time::from_secs(1031));
    assert_eq!(asked(&harness).len(), 0, "the second look sees both");
    for one in [autoscaler, twin] {
        assert_eq!(reasons(&harness, one)[..2], ["SucceededGetScale", "AmbiguousSelector"]);
    }
    assert_eq!(replicas(&harness, set), Some(2));
    harness.tell(Event::WorkloadRemoved { workload: twin });
    harness.run_until(Time::from_secs(1045));
    assert_eq!(asked(&harness).len(), 2);
    answer(&mut harness, autoscaler, 50);
    assert_eq!(reasons(&harness, autoscaler)[1], "ValidMetricFound");
}

#[test]
fn pods_come_and_go_while_a_question_is_under_way() {
    let (mut harness, set, autoscaler) = scene(3);
    harness.run_until(Time::from_secs(1015));
    let pods = asked(&harness);
    let sample = |milli| Some(Sample { milli, time: Time::from_secs(1015), window: Span::from_secs(15) });
    harness.tell(Event::PodRemoved { pod: pods[0] });
    let readings = vec![Reading::Pods(vec![sample(1000), sample(100), sample(40)])];
    harness.tell(Event::Metrics { autoscaler, readings: readings.clone() });
    assert_eq!(replicas(&harness, set), Some(3), "70 % of two: 1.4 times two pods");
    harness.run_until(Time::from_secs(1030));
    harness.tell(Event::WorkloadRemoved { workload: autoscaler });
    let written = harness.writes().count();
    harness.tell(Event::Metrics { autoscaler, readings });
    harness.run_until(Time::from_secs(1100));
    assert_eq!(harness.writes().count(), written, "nobody waits for the answer");
}
