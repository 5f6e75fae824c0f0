//! The fields of statuses and the conditions in the words of the recordings.

use super::record::Fields;
use crate::api::status::{
    BudgetStatus, Condition, CronJobStatus, CurrentMetric, DaemonSetStatus, DeploymentStatus, HpaStatus,
    JobStatus, ReplicaSetStatus, StatefulSetStatus,
};
use crate::api::{Status, Truth};
use crate::cluster::WorkloadKind;
use serde_json::Value;
use std::collections::BTreeMap;

/// The conditions of a status, by type, as `status/reason`.
pub(super) type Conditions = Vec<(&'static str, String)>;

/// The fields of a status, and its conditions; what a new object shows, if nothing is written yet.
pub(super) fn status_fields(kind: &WorkloadKind, status: &Status) -> (Fields, Conditions) {
    match (kind, status) {
        (WorkloadKind::ReplicaSet(_), status) => replica_set(status),
        (WorkloadKind::Deployment(_), status) => deployment(status),
        (WorkloadKind::StatefulSet(_), status) => stateful_set(status),
        (WorkloadKind::DaemonSet(_), status) => daemon_set(status),
        (WorkloadKind::Job(_), status) => job(status),
        (WorkloadKind::CronJob(_), status) => cron_job(status),
        (WorkloadKind::HorizontalPodAutoscaler(_), status) => autoscaler(status),
        (WorkloadKind::PodDisruptionBudget(_), status) => budget(status),
        (WorkloadKind::ResourceQuota(_), status) => quota(status),
        (WorkloadKind::Service(_), _) => (Fields::new(), Vec::new()),
    }
}

/// Enters conditions and says which have turned.
pub(super) fn condition_changes(known: &mut BTreeMap<&'static str, String>, now: Conditions) -> Fields {
    let mut turned = Fields::new();
    for (kind, text) in now {
        if known.get(kind) != Some(&text) {
            turned.insert(kind.to_owned(), text.clone().into());
            known.insert(kind, text);
        }
    }
    turned
}

fn numbers(list: &[(&str, i32)]) -> Fields {
    list.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
}

fn texts(conditions: &[Condition]) -> Conditions {
    let text = |condition: &Condition| match (condition.status, condition.reason) {
        (Truth::Unknown, "") => "Unknown".to_owned(),
        (status, reason) => format!("{}/{reason}", status.name()),
    };
    conditions.iter().map(|condition| (condition.kind, text(condition))).collect()
}

fn replica_set(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::ReplicaSet(status) = status { *status } else { ReplicaSetStatus::default() };
    let fields = [("replicas", status.replicas), ("ready", status.ready), ("available", status.available)];
    (numbers(&fields), texts(status.failure.as_slice()))
}

fn deployment(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::Deployment(status) = status {
        (**status).clone()
    } else {
        DeploymentStatus::default()
    };
    let fields = [
        ("replicas", status.replicas),
        ("updated", status.updated),
        ("ready", status.ready),
        ("available", status.available),
        ("unavailable", status.unavailable),
    ];
    (numbers(&fields), texts(&status.conditions))
}

fn stateful_set(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::StatefulSet(status) = status {
        (**status).clone()
    } else {
        StatefulSetStatus::default()
    };
    let fields = [
        ("replicas", status.replicas),
        ("ready", status.ready),
        ("available", status.available),
        ("updated", status.updated),
        ("current", status.current),
    ];
    (numbers(&fields), Vec::new())
}

fn daemon_set(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::DaemonSet(status) = status { *status } else { DaemonSetStatus::default() };
    let fields = [
        ("desired", status.desired),
        ("current", status.current),
        ("misscheduled", status.misscheduled),
        ("ready", status.ready),
        ("available", status.available),
        ("updated", status.updated),
    ];
    (numbers(&fields), Vec::new())
}

fn job(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::Job(status) = status { (**status).clone() } else { JobStatus::default() };
    let mut fields =
        numbers(&[("active", status.active), ("succeeded", status.succeeded), ("failed", status.failed)]);
    fields.insert("completedIndexes".into(), status.completed_indexes.into());
    for (key, value) in [("ready", status.ready), ("terminating", status.terminating)] {
        value.map(|value| fields.insert(key.into(), value.into()));
    }
    status.failed_indexes.map(|indexes| fields.insert("failedIndexes".into(), indexes.into()));
    (fields, texts(&status.conditions))
}

fn cron_job(status: &Status) -> (Fields, Conditions) {
    let status =
        if let Status::CronJob(status) = status { (**status).clone() } else { CronJobStatus::default() };
    let mut fields = numbers(&[("active", status.active.len() as i32)]);
    for (key, time) in [("lastSchedule", status.last_schedule), ("lastSuccessful", status.last_successful)] {
        time.map(|time| fields.insert(key.into(), time.as_secs_f64().into()));
    }
    (fields, Vec::new())
}

fn autoscaler(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::HorizontalPodAutoscaler(status) = status {
        (**status).clone()
    } else {
        HpaStatus::default()
    };
    let mut fields = numbers(&[("current", status.current), ("desired", status.desired)]);
    if let Some(Some(CurrentMetric { utilization, average_milli, .. })) = status.metrics.first() {
        utilization.map(|value| fields.insert("utilization".into(), value.into()));
        average_milli.map(|milli| fields.insert("avgValue".into(), milli_text(milli).into()));
    }
    status.last_scale.map(|time| fields.insert("lastScale".into(), time.as_secs_f64().into()));
    (fields, texts(&status.conditions))
}

/// A value in thousandths as the API writes a quantity.
fn milli_text(milli: i64) -> String {
    if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") }
}

fn budget(status: &Status) -> (Fields, Conditions) {
    let status = if let Status::PodDisruptionBudget(status) = status {
        (**status).clone()
    } else {
        BudgetStatus::default()
    };
    let fields = [
        ("allowed", status.allowed),
        ("healthy", status.healthy),
        ("desiredHealthy", status.desired_healthy),
        ("expected", status.expected),
    ];
    (numbers(&fields), Vec::new())
}

fn quota(status: &Status) -> (Fields, Conditions) {
    let Status::ResourceQuota(status) = status else { return (Fields::new(), Vec::new()) };
    let used = status.used.iter().map(|(name, amount)| (format!("used:{name}"), amount.to_string().into()));
    (used.collect(), Vec::new())
}
