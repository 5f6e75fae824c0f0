//! What objects take of a quota, and what is refused.

use super::*;
use crate::api::pod::PodAffinityTerm;
use crate::api::{Container, Operator, RestartPolicy};

fn list(entries: &[(&str, &str)]) -> ResourceList {
    entries.iter().map(|(name, amount)| ((*name).to_owned(), amount.parse().unwrap())).collect()
}

fn container(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> Container {
    let mut container = Container { name: "c".to_owned(), ..Container::default() };
    container.resources.requests = list(requests);
    container.resources.limits = list(limits);
    container
}

fn with(containers: Vec<Container>) -> PodSpec {
    PodSpec { containers, ..PodSpec::default() }
}

fn pod(spec: &PodSpec) -> Countable<'_> {
    Countable::Pod { spec, given: None, charged: true }
}

fn quota(hard: &[(&str, &str)], scopes: Vec<QuotaScope>) -> ResourceQuota {
    ResourceQuota { hard: list(hard), scopes, ..ResourceQuota::default() }
}

/// The outcome of an admission against one quota that has used so much.
fn verdict(quota: &ResourceQuota, used: &[(&str, &str)], object: Countable<'_>) -> String {
    let status = QuotaStatus { hard: quota.hard.clone(), used: list(used), version: 0 };
    match admit(&[Ledger { quota, status: &status }], object) {
        Ok(charged) => format!("{charged:?}"),
        Err(denial) => format!("{:?} {}", denial.reason, denial.resources.join(" ")),
    }
}

#[test]
fn what_a_pod_takes() {
    let mut spec = with(vec![
        container(&[("cpu", "1"), ("memory", "1Gi"), ("example.com/gpu", "2")], &[("cpu", "2")]),
        container(&[("cpu", "250m")], &[("memory", "1Gi")]),
    ]);
    let mut sidecar = container(&[("cpu", "100m")], &[("cpu", "1")]);
    sidecar.restart_policy = Some(RestartPolicy::Always);
    spec.init_containers = vec![sidecar, container(&[], &[("cpu", "7")])];
    spec.overhead = list(&[("cpu", "10m"), ("ephemeral-storage", "1")]);
    let expected = list(&[
        ("count/pods", "1"),
        ("cpu", "1360m"),
        ("ephemeral-storage", "1"),
        ("limits.cpu", "8010m"),
        ("limits.memory", "1Gi"),
        ("memory", "1Gi"),
        ("pods", "1"),
        ("requests.cpu", "1360m"),
        ("requests.ephemeral-storage", "1"),
        ("requests.example.com/gpu", "2"),
        ("requests.memory", "1Gi"),
    ]);
    assert_eq!(usage(pod(&spec)), expected);
    let ended = Countable::Pod { spec: &spec, given: None, charged: false };
    assert_eq!(usage(ended), list(&[("count/pods", "1")]));
}

#[test]
fn pods_take_nothing_when_they_have_ended_or_overstayed() {
    let now = Time::from_secs(100);
    assert!(is_charged(PodPhase::Running, None, now));
    assert!(!is_charged(PodPhase::Failed, None, now));
    let deletion = |at| Some((Time::from_secs(at), Span::from_secs(30)));
    assert!(is_charged(PodPhase::Running, deletion(70), now));
    assert!(!is_charged(PodPhase::Running, deletion(69), now));
}

#[test]
fn limits_are_kept_by_the_status() {
    let spec = with(vec![container(&[("cpu", "1")], &[])]);
    let two = quota(&[("pods", "2"), ("requests.cpu", "3")], Vec::new());
    let used = [("pods", "1"), ("requests.cpu", "2")];
    assert_eq!(verdict(&two, &used, pod(&spec)), r#"[(0, {"pods": 2, "requests.cpu": 3})]"#);
    let used = [("pods", "2"), ("requests.cpu", "2500m")];
    assert_eq!(verdict(&two, &used, pod(&spec)), "Exceeded pods requests.cpu");
    assert_eq!(verdict(&two, &[("pods", "1")], pod(&spec)), "StatusUnknown requests.cpu");
    // Before the controller has seen a quota its status has no limits, and nothing is denied.
    let status = QuotaStatus::default();
    assert_eq!(admit(&[Ledger { quota: &two, status: &status }], pod(&spec)), Ok(Vec::new()));
}

#[test]
fn what_is_limited_must_be_stated_by_every_container() {
    let limits = quota(&[("limits.memory", "1Gi"), ("cpu", "5"), ("ephemeral-storage", "1")], Vec::new());
    let used = [("limits.memory", "0"), ("cpu", "0"), ("ephemeral-storage", "0")];
    let mut spec =
        with(vec![container(&[("cpu", "1")], &[("memory", "1")]), container(&[("cpu", "1")], &[])]);
    assert_eq!(verdict(&limits, &used, pod(&spec)), "NotStated limits.memory");
    spec.containers.truncate(1);
    spec.init_containers.push(container(&[], &[("memory", "1")]));
    assert_eq!(verdict(&limits, &used, pod(&spec)), "NotStated cpu");
    spec.resources =
        Some(crate::api::Resources { requests: list(&[("cpu", "9")]), ..crate::api::Resources::default() });
    assert_eq!(verdict(&limits, &used, pod(&spec)), "Exceeded cpu");
}

#[test]
fn scopes() {
    let plain = with(vec![container(&[], &[])]);
    let mut sized = with(vec![container(&[("memory", "1")], &[])]);
    sized.active_deadline_seconds = Some(60);
    sized.priority_class_name = "high".to_owned();
    let term = PodAffinityTerm { namespaces: vec!["other".to_owned()], ..PodAffinityTerm::default() };
    sized.affinity.pod_anti = Some(PodAffinity { preferred: vec![(1, term)], ..PodAffinity::default() });
    let class = |operator, values: &[&str]| QuotaScope::PriorityClass {
        operator,
        values: values.iter().map(|&value| value.to_owned()).collect(),
    };
    for (scope, of_plain, of_sized) in [
        (QuotaScope::Terminating, false, true),
        (QuotaScope::NotTerminating, true, false),
        (QuotaScope::BestEffort, true, false),
        (QuotaScope::NotBestEffort, false, true),
        (QuotaScope::CrossNamespacePodAffinity, false, true),
        (class(Operator::Exists, &[]), false, true),
        (class(Operator::DoesNotExist, &[]), true, false),
        (class(Operator::In, &["high"]), false, true),
        (class(Operator::NotIn, &["high"]), true, false),
    ] {
        let scoped = quota(&[("pods", "5")], vec![scope.clone()]);
        let sums = |spec| total(&scoped, [(pod(spec), 1), (Countable::Other("services"), 1)].into_iter());
        let expected = |counts: bool| list(&[("pods", if counts { "1" } else { "0" })]);
        assert_eq!((sums(&plain), sums(&sized)), (expected(of_plain), expected(of_sized)), "{scope:?}");
    }
}

#[test]
fn other_objects_are_counted() {
    let hard = quota(&[("count/jobs.batch", "1"), ("services", "2"), ("count/services", "9")], Vec::new());
    let used = [("count/jobs.batch", "1"), ("services", "1"), ("count/services", "1")];
    assert_eq!(verdict(&hard, &used, Countable::Other("jobs.batch")), "Exceeded count/jobs.batch");
    assert_eq!(verdict(&hard, &used, Countable::Other("deployments.apps")), "[]");
    let charged = r#"[(0, {"count/jobs.batch": 1, "count/services": 2, "services": 2})]"#;
    assert_eq!(verdict(&hard, &used, Countable::Other("services")), charged);
    let scoped = quota(&[("services", "0")], vec![QuotaScope::BestEffort]);
    assert_eq!(verdict(&scoped, &[("services", "0")], Countable::Other("services")), "[]");
}
