//! Which series share a chart over time, and in which unit they are shown.
//!
//! The static charts and the interactive ones of the page are drawn from the same plots.

use std::collections::BTreeMap;

use super::format::is_share;
use super::scene::Ink;
use super::thin::clean;
use crate::observe::{Results, Series};

/// A chart over time.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Plot {
    pub(super) name: String,
    pub(super) title: String,
    /// What the vertical axis shows, without the unit.
    pub(super) quantity: String,
    /// The unit, or [`SHARE`].
    pub(super) unit: String,
    pub(super) lines: Vec<Line>,
    /// How many further series the results have for this chart.
    pub(super) hidden: usize,
    /// The end of the time axis in seconds.
    pub(super) end: f64,
}

/// One step line; values of a share are from 0 to 1.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) ink: Ink,
    pub(super) points: Vec<(f64, f64)>,
}

/// The unit of shares, shown as percent.
pub(super) const SHARE: &str = "%";
/// More lines than this cannot be told apart.
const MOST_LINES: usize = 7;

/// The plots of the results, in the order in which their first series come.
pub(super) fn plots(results: &Results) -> Vec<Plot> {
    let mut groups: Vec<(String, Vec<&Series>)> = Vec::new();
    for series in &results.series {
        let key = group_key(series);
        match groups.iter_mut().find(|group| group.0 == key) {
            Some(group) => group.1.push(series),
            None => groups.push((key, vec![series])),
        }
    }
    let end = end_of_time(results);
    if end <= 0.0 {
        // Where no time passes there is nothing to draw over time.
        return Vec::new();
    }
    groups
        .iter()
        .filter_map(|(key, series)| told(key, series))
        .map(|(key, series)| plot(key, &series, end))
        .collect()
}

/// A group without what says nothing: lines of pods of which there never is one, and charts of
/// nodes or capacity that never change.
fn told<'a>(key: &'a str, series: &[&'a Series]) -> Option<(&'a str, Vec<&'a Series>)> {
    let flat =
        |series: &&Series| series.points.windows(2).all(|pair| pair[0].1.to_bits() == pair[1].1.to_bits());
    match series.first()?.chart {
        "capacity" | "nodes" if series.iter().all(flat) => None,
        "pods" => {
            let empty = |series: &Series| series.points.iter().all(|point| point.1 == 0.0);
            let some: Vec<&Series> = series.iter().copied().filter(|series| !empty(series)).collect();
            Some((key, if some.is_empty() { series.to_vec() } else { some }))
        }
        _ => Some((key, series.to_vec())),
    }
}

/// The end of the run, or of its last point where that is later.
pub(super) fn end_of_time(results: &Results) -> f64 {
    let points = results.series.iter().filter_map(|series| series.points.last()).map(|point| point.0);
    let bars = results.gantt.bars.iter().map(|bar| bar.end);
    points.chain(bars).filter(|end| end.is_finite()).fold(results.end.as_secs_f64(), f64::max)
}

/// Series of one chart are drawn together if they have the same unit; of utilization, those of
/// one resource are, whatever their unit.
fn group_key(series: &Series) -> String {
    match (series.chart, resource(&series.name)) {
        ("utilization", Some((_, resource))) => format!("utilization_{resource}"),
        (chart, _) => match series.unit {
            "" | "1" | "pods" | "nodes" | "jobs" => chart.to_owned(),
            unit => format!("{chart}_{unit}"),
        },
    }
}

/// Splits `requested_cpu` into what is measured and the resource.
fn resource(name: &str) -> Option<(&str, &str)> {
    const KINDS: [&str; 6] = ["requested", "used", "usage", "capacity", "allocatable", "allocated"];
    name.split_once('_').filter(|(kind, _)| KINDS.contains(kind))
}

fn is_capacity(series: &Series) -> bool {
    matches!(resource(&series.name), Some(("capacity" | "allocatable", _)))
}

fn plot(key: &str, series: &[&Series], end: f64) -> Plot {
    let mut lines: Vec<Line> = series.iter().enumerate().map(|(index, series)| line(index, series)).collect();
    let first = series[0];
    let mut unit = if series.iter().all(|s| is_share(&s.name, s.unit)) { SHARE } else { first.unit };
    if first.unit == SHARE {
        scale(&mut lines, 0.01);
    }
    if first.chart == "utilization" && unit != SHARE {
        let full = series.iter().zip(&lines).filter(|(s, _)| is_capacity(s)).map(|(_, line)| peak(line));
        let full = full.fold(0.0, f64::max);
        if full > 0.0 && series.iter().all(|s| s.unit == first.unit) {
            scale(&mut lines, 1.0 / full);
            unit = SHARE;
        }
    }
    let hidden = lines.len().saturating_sub(MOST_LINES);
    if hidden > 0 {
        lines = highest(lines);
    }
    let (title, quantity) = words(first, unit);
    Plot { name: key.to_owned(), title, quantity, unit: unit.to_owned(), lines, hidden, end }
}

/// What a chart's frame or its warning is has a colour of its own; the rest is coloured in turn.
fn line(index: usize, series: &Series) -> Line {
    let ink = match series.name.as_str() {
        name if name.contains("failed") => Ink::Vermilion,
        name if name.contains("removed") => Ink::Black,
        _ if is_capacity(series) => Ink::Black,
        _ => Ink::series(index),
    };
    Line { label: series.label.clone(), ink, points: clean(&series.points) }
}

fn scale(lines: &mut [Line], factor: f64) {
    for line in lines {
        line.points.iter_mut().for_each(|point| point.1 *= factor);
        line.points.retain(|point| point.1.is_finite());
    }
}

fn peak(line: &Line) -> f64 {
    line.points.iter().map(|point| point.1).fold(0.0, f64::max)
}

/// The lines with the highest peaks, in the order they had.
fn highest(lines: Vec<Line>) -> Vec<Line> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| peak(&lines[*b]).total_cmp(&peak(&lines[*a])).then(a.cmp(b)));
    let mut kept: BTreeMap<usize, Line> = lines.into_iter().enumerate().collect();
    kept.retain(|index, _| order[..MOST_LINES].contains(index));
    kept.into_values().collect()
}

/// The title of the chart and the quantity of its vertical axis.
fn words(first: &Series, unit: &str) -> (String, String) {
    let resource = resource(&first.name).map(|(_, resource)| match resource {
        "cpu" | "gpu" => resource.to_uppercase(),
        _ => resource.replace('_', " "),
    });
    match (first.chart, resource) {
        ("utilization", Some(resource)) if unit == SHARE => {
            (format!("Utilization of {resource}"), "share of full capacity".to_owned())
        }
        ("utilization", resource) => {
            let resource = resource.unwrap_or_else(|| "the machine".to_owned());
            let quantity = if unit == SHARE { "share of full capacity".to_owned() } else { resource.clone() };
            (format!("Utilization of {resource}"), quantity)
        }
        ("tasks", _) => ("Tasks".to_owned(), "number of tasks".to_owned()),
        ("shares", _) => ("Dominant shares".to_owned(), "share of the nodes".to_owned()),
        ("queue", _) => ("Queue".to_owned(), "waiting".to_owned()),
        ("pods", _) => ("Pods by state".to_owned(), "number of pods".to_owned()),
        ("nodes", _) => ("Nodes".to_owned(), "number of nodes".to_owned()),
        ("endpoints", _) => ("Endpoints of Services".to_owned(), "number of ready pods".to_owned()),
        ("autoscalers", _) => ("Sizes of autoscalers".to_owned(), "number of pods".to_owned()),
        ("autoscaler_utilization", _) => {
            ("Utilization seen by autoscalers".to_owned(), "share of the requests".to_owned())
        }
        ("quotas", _) => ("Quotas".to_owned(), "share of the quota that is taken".to_owned()),
        ("autoscaler_metric", _) => ("Metrics seen by autoscalers".to_owned(), "metric".to_owned()),
        ("disruption_budgets", _) => ("Disruption budgets".to_owned(), "number of pods".to_owned()),
        (chart, _) => {
            let title = super::format::title(chart, "");
            (title, chart.replace('_', " "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, chart: &'static str, unit: &'static str, points: &[(f64, f64)]) -> Series {
        Series { name: name.to_owned(), label: name.to_owned(), chart, unit, points: points.to_vec() }
    }

    fn results(series: Vec<Series>) -> Results {
        Results { series, end: crate::base::Time::from_secs(10), ..Results::default() }
    }

    #[test]
    fn utilization_is_a_share_of_the_highest_capacity() {
        let all = plots(&results(vec![
            series("requested_cpu", "utilization", "core", &[(0.0, 0.0), (10.0, 30.0)]),
            series("capacity_cpu", "utilization", "core", &[(0.0, 40.0), (10.0, 30.0)]),
            series("used_memory", "utilization", "1", &[(0.0, 0.5)]),
        ]));
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].name.as_str(), all[0].unit.as_str()), ("utilization_cpu", SHARE));
        assert_eq!(all[0].title, "Utilization of CPU");
        assert_eq!(all[0].lines[0].points, [(0.0, 0.0), (10.0, 0.75)]);
        assert_eq!(all[1].lines[0].points, [(0.0, 0.5)]);
        assert!((all[0].end - 10.0).abs() < 1e-12);
    }

    #[test]
    fn unlike_units_do_not_share_an_axis() {
        let all = plots(&results(vec![
            series("queue_pods", "queue", "pods", &[]),
            series("queue_cpu", "queue", "core", &[]),
            series("queue_high", "queue", "pods", &[]),
        ]));
        let names: Vec<(&str, usize)> = all.iter().map(|p| (p.name.as_str(), p.lines.len())).collect();
        assert_eq!(names, [("queue", 2), ("queue_core", 1)]);
    }

    #[test]
    fn what_says_nothing_is_not_drawn() {
        let mut run = results(vec![
            series("nodes_ready", "nodes", "nodes", &[(0.0, 3.0), (10.0, 3.0)]),
            series("pods_running", "pods", "pods", &[(0.0, 1.0), (5.0, 2.0)]),
            series("pods_failed", "pods", "pods", &[(0.0, 0.0), (10.0, 0.0)]),
        ]);
        let labels = |run: &Results| -> Vec<String> {
            plots(run).into_iter().flat_map(|plot| plot.lines).map(|line| line.label).collect()
        };
        assert_eq!(labels(&run), ["pods_running"]);
        run.series[0].points[1].1 = 2.0;
        assert_eq!(labels(&run), ["nodes_ready", "pods_running"]);
        run = Results {
            end: crate::base::Time::ZERO,
            ..results(vec![series("queue", "queue", "pods", &[(0.0, 1.0)])])
        };
        assert!(plots(&run).is_empty(), "no time passes");
    }

    #[test]
    fn only_the_highest_of_many_lines_are_kept_and_the_rest_is_counted() {
        let many =
            (0..20).map(|i| series(&format!("s{i}"), "pods", "pods", &[(0.0, f64::from(i + 1))])).collect();
        let plot = &plots(&results(many))[0];
        assert_eq!((plot.lines.len(), plot.hidden), (7, 13));
        assert_eq!(plot.lines[0].label, "s13");
    }
}
