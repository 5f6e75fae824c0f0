//! What controllers write about objects, over time: endpoints of Services, disruption budgets, quotas,
//! autoscalers.
//!
//! Loads are shown beside them; what they do to autoscalers is not known here.

use super::super::results::Series;
use super::super::series::StepSeries;
use crate::api::autoscaling::{MetricSpec, MetricTarget};
use crate::api::{Condition, HorizontalPodAutoscaler, Status, Truth};
use crate::base::Time;
use crate::base::ids::WorkloadId;
use crate::cluster::WorkloadKind;
use crate::sim::{Action, Curve, Load, Measure, Setup};
use std::collections::BTreeMap;

/// How many objects of a kind have series.
const CHARTED: usize = 6;
/// Thousandths in one.
const MILLI: f64 = 1_000.0;

/// A load that is drawn.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChartedLoad {
    /// What it is called.
    pub name: String,
    /// What it is measured as.
    pub measure: Measure,
    /// All of it, in thousandths.
    pub total_milli: Curve,
}

/// The loads of a run as they will be: those of the start, changed by the actions.
pub fn loads(setup: &Setup) -> Vec<ChartedLoad> {
    let mut all: Vec<Load> = setup.metrics.loads.clone();
    for (_, action) in &setup.actions {
        let Action::SetLoad(load) = action else { continue };
        match all.iter_mut().find(|known| load.replaces(known)) {
            Some(known) => known.clone_from(load),
            None => all.push((**load).clone()),
        }
    }
    let charted = |Load { name, measure, total_milli, .. }: Load| ChartedLoad { name, measure, total_milli };
    all.into_iter().map(charted).collect()
}

/// One line of a chart.
#[derive(Debug)]
struct Line {
    /// The beginning of the series' name, before the object's.
    what: &'static str,
    label: String,
    chart: &'static str,
    unit: &'static str,
    series: StepSeries,
}

impl Line {
    fn new(what: &'static str, label: &str, chart: &'static str, unit: &'static str) -> Line {
        Line { what, label: label.to_owned(), chart, unit, series: StepSeries::default() }
    }
}

/// An object whose status is drawn.
#[derive(Debug)]
struct Object {
    name: String,
    lines: Vec<Line>,
    /// What the first metric of an autoscaler is to be.
    target: Option<f64>,
}

/// The objects whose status is drawn, and the conditions that are told.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    objects: BTreeMap<WorkloadId, Object>,
    /// How many objects of each chart there are.
    counts: BTreeMap<&'static str, usize>,
    /// Conditions that say that something is wrong, as they were told last.
    troubles: BTreeMap<(WorkloadId, &'static str), Truth>,
}

impl Statuses {
    pub(super) fn create(&mut self, id: WorkloadId, name: &str, object: &WorkloadKind) {
        let (lines, target) = match object {
            WorkloadKind::Service(_) => (vec![Line::new("endpoints", "ready", "endpoints", "pods")], None),
            WorkloadKind::PodDisruptionBudget(_) => (
                vec![
                    Line::new("budget_healthy", "healthy", "disruption_budgets", "pods"),
                    Line::new("budget_required", "required", "disruption_budgets", "pods"),
                ],
                None,
            ),
            WorkloadKind::ResourceQuota(quota) => {
                let line = |resource: &String| Line::new("quota_used", resource, "quotas", "1");
                (quota.hard.keys().map(line).collect(), None)
            }
            WorkloadKind::HorizontalPodAutoscaler(autoscaler) => of_autoscaler(autoscaler),
            _ => return,
        };
        let Some(first) = lines.first() else { return };
        let count = self.counts.entry(first.chart).or_default();
        *count += 1;
        if *count <= CHARTED {
            self.objects.insert(id, Object { name: name.to_owned(), lines, target });
        }
    }

    /// A status was written.
    pub(super) fn write(&mut self, now: Time, id: WorkloadId, status: &Status) {
        let Some(object) = self.objects.get_mut(&id) else { return };
        let mut set = |line: usize, value: f64| {
            if let Some(line) = object.lines.get_mut(line) {
                line.series.set(now.0, value);
            }
        };
        match status {
            Status::Service(status) => set(0, f64::from(status.ready)),
            Status::PodDisruptionBudget(status) => {
                set(0, f64::from(status.healthy));
                set(1, f64::from(status.desired_healthy));
            }
            Status::ResourceQuota(status) => {
                for (line, (resource, hard)) in status.hard.iter().enumerate() {
                    let used = status.used.get(resource).map_or(0.0, |used| used.as_f64());
                    let hard = hard.as_f64();
                    set(line, if hard > 0.0 { used / hard } else { 0.0 });
                }
            }
            Status::HorizontalPodAutoscaler(status) => {
                set(0, f64::from(status.desired));
                set(1, f64::from(status.current));
                let measured = status.metrics.first().copied().flatten().and_then(|metric| {
                    let percent = metric.utilization.map(|percent| f64::from(percent) / 100.0);
                    let milli = metric.average_milli.or(metric.value_milli);
                    percent.or(milli.map(|milli| milli as f64 / MILLI))
                });
                if let (Some(measured), Some(target)) = (measured, object.target) {
                    set(2, measured);
                    set(3, target);
                }
            }
            _ => {}
        }
    }

    /// The object is gone.
    pub(super) fn remove(&mut self, now: Time, id: WorkloadId) {
        let lines = self.objects.get_mut(&id).into_iter().flat_map(|object| &mut object.lines);
        lines.for_each(|line| line.series.set(now.0, 0.0));
    }

    /// The conditions of a Deployment that say that something is wrong, or is not any longer.
    pub(super) fn troubles<'s>(&mut self, id: WorkloadId, status: &'s Status) -> Vec<&'s Condition> {
        let Status::Deployment(status) = status else { return Vec::new() };
        let is_wrong = |condition: &Condition| match condition.kind {
            "Progressing" => condition.status == Truth::False,
            "ReplicaFailure" => condition.status == Truth::True,
            _ => false,
        };
        let mut changed = Vec::new();
        for condition in &status.conditions {
            let key = (id, condition.kind);
            let was_told = self.troubles.get(&key) == Some(&condition.status);
            if is_wrong(condition) && !was_told {
                self.troubles.insert(key, condition.status);
                changed.push(condition);
            } else if !is_wrong(condition) && self.troubles.remove(&key).is_some() {
                changed.push(condition);
            }
        }
        changed
    }

    pub(super) fn series(&self, now: Time) -> Vec<Series> {
        let mut all: Vec<Series> = Vec::new();
        for object in self.objects.values() {
            for line in &object.lines {
                let points = line.series.finish(now.0, 1.0);
                if points.is_empty() {
                    continue;
                }
                all.push(Series {
                    name: match line.what {
                        "quota_used" => format!("quota_used_{}.workload.{}", line.label, object.name),
                        what => format!("{what}.workload.{}", object.name),
                    },
                    label: format!("{}: {}", object.name, line.label),
                    chart: line.chart,
                    unit: line.unit,
                    points,
                });
            }
        }
        all
    }
}

/// The lines of an autoscaler, and what its first metric is to be.
fn of_autoscaler(autoscaler: &HorizontalPodAutoscaler) -> (Vec<Line>, Option<f64>) {
    let first = autoscaler.metrics.first().map(MetricSpec::target);
    let target = match first {
        Some(MetricTarget::Utilization(percent)) => Some(f64::from(percent) / 100.0),
        Some(MetricTarget::AverageValue(value) | MetricTarget::Value(value)) => Some(value.as_f64()),
        Some(MetricTarget::Unset) | None => None,
    };
    let mut lines = vec![
        Line::new("autoscaler_desired", "desired", "autoscalers", "pods"),
        Line::new("autoscaler_current", "current", "autoscalers", "pods"),
    ];
    lines.extend(match first {
        Some(MetricTarget::Utilization(_)) => [
            Line::new("autoscaler_utilization_measured", "measured", "autoscaler_utilization", "1"),
            Line::new("autoscaler_utilization_target", "target", "autoscaler_utilization", "1"),
        ],
        _ => [
            Line::new("autoscaler_metric_measured", "measured", "autoscaler_metric", ""),
            Line::new("autoscaler_metric_target", "target", "autoscaler_metric", ""),
        ],
    });
    (lines, target)
}

/// The loads up to the end of the run.
pub(super) fn load_series(now: Time, loads: &[ChartedLoad]) -> Vec<Series> {
    let series = |load: &ChartedLoad| {
        let mut line = StepSeries::default();
        line.set(0, 0.0);
        for &(at, milli) in load.total_milli.steps().iter().filter(|(at, _)| *at <= now) {
            line.set(at.0, milli as f64);
        }
        let (unit, what) = match &load.measure {
            Measure::Cpu => ("cores", "load"),
            Measure::Metric(name) => ("", name.as_str()),
        };
        Series {
            name: format!("load.workload.{}", load.name),
            label: format!("{}: {what}", load.name),
            chart: "load",
            unit,
            points: line.finish(now.0, MILLI),
        }
    };
    loads.iter().take(CHARTED).map(series).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::QuotaStatus;
    use crate::api::status::{BudgetStatus, CurrentMetric, DeploymentStatus, EndpointsStatus, HpaStatus};
    use crate::api::{PodDisruptionBudget, ResourceQuota, Service};
    use crate::base::Quantity;
    use expect_test::expect;

    fn autoscaler() -> WorkloadKind {
        let cpu = MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::Utilization(60) };
        WorkloadKind::HorizontalPodAutoscaler(HorizontalPodAutoscaler {
            metrics: vec![cpu],
            ..HorizontalPodAutoscaler::default()
        })
    }

    #[test]
    fn what_is_written_of_objects_is_drawn() {
        let mut quota = ResourceQuota::default();
        quota.hard.insert("pods".into(), Quantity::from_units(8));
        let used = [("pods".to_owned(), Quantity::from_units(2))].into_iter().collect();
        let quota_status = QuotaStatus { hard: quota.hard.clone(), used, version: 1 };
        let measured = CurrentMetric { utilization: Some(90), ..CurrentMetric::default() };
        let hpa = HpaStatus { current: 3, desired: 5, metrics: vec![Some(measured)], ..HpaStatus::default() };
        let budget = BudgetStatus { healthy: 4, desired_healthy: 3, ..BudgetStatus::default() };
        let endpoints = EndpointsStatus { ready: 7, ..EndpointsStatus::default() };
        let mut statuses = Statuses::default();
        let objects = [
            (WorkloadKind::Service(Service::default()), Status::Service(endpoints)),
            (
                WorkloadKind::PodDisruptionBudget(PodDisruptionBudget::default()),
                Status::PodDisruptionBudget(Box::new(budget)),
            ),
            (autoscaler(), Status::HorizontalPodAutoscaler(Box::new(hpa))),
            (WorkloadKind::ResourceQuota(quota), Status::ResourceQuota(Box::new(quota_status))),
        ];
        for (id, (object, status)) in objects.iter().enumerate() {
            statuses.create(WorkloadId(id as u32), "web", object);
            statuses.write(Time::from_secs(5), WorkloadId(id as u32), status);
        }
        statuses.remove(Time::from_secs(8), WorkloadId(0));
        let show = |series: &Series| format!("{} {} {:?}", series.name, series.chart, series.points);
        let shown: Vec<String> = statuses.series(Time::from_secs(10)).iter().map(show).collect();
        expect![[r"
            endpoints.workload.web endpoints [(5.0, 7.0), (8.0, 0.0), (10.0, 0.0)]
            budget_healthy.workload.web disruption_budgets [(5.0, 4.0), (10.0, 4.0)]
            budget_required.workload.web disruption_budgets [(5.0, 3.0), (10.0, 3.0)]
            autoscaler_desired.workload.web autoscalers [(5.0, 5.0), (10.0, 5.0)]
            autoscaler_current.workload.web autoscalers [(5.0, 3.0), (10.0, 3.0)]
            autoscaler_utilization_measured.workload.web autoscaler_utilization [(5.0, 0.9), (10.0, 0.9)]
            autoscaler_utilization_target.workload.web autoscaler_utilization [(5.0, 0.6), (10.0, 0.6)]
            quota_used_pods.workload.web quotas [(5.0, 0.25), (10.0, 0.25)]"]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn a_roll_out_that_makes_no_progress_is_told_once_and_so_is_its_end() {
        let mut statuses = Statuses::default();
        let condition = |status| Condition {
            kind: "Progressing",
            status,
            reason: "why",
            since: Time::ZERO,
            updated: Time::ZERO,
        };
        let mut told = |status| {
            let conditions = vec![condition(status)];
            let status =
                Status::Deployment(Box::new(DeploymentStatus { conditions, ..DeploymentStatus::default() }));
            statuses.troubles(WorkloadId(0), &status).len()
        };
        let steps = [Truth::True, Truth::False, Truth::False, Truth::True, Truth::True];
        assert_eq!(steps.map(&mut told), [0, 1, 0, 1, 0]);
    }

    #[test]
    fn a_load_is_drawn_up_to_the_end_of_the_run() {
        let steps = vec![(Time::from_secs(5), 1500), (Time::from_secs(50), 9000)];
        let load = ChartedLoad { name: "web".into(), measure: Measure::Cpu, total_milli: Curve::new(steps) };
        let series = load_series(Time::from_secs(10), &[load]);
        assert_eq!(series[0].points, [(0.0, 0.0), (5.0, 1.5), (10.0, 1.5)]);
        assert_eq!((series[0].name.as_str(), series[0].unit), ("load.workload.web", "cores"));
    }
}
