//! Quantities over time: a panel for each variant, on one scale.

use super::panels::{Layout, Panels};
use crate::observe::{Results, Series};
use crate::report::axis::Axis;
use crate::report::chart::Chart;
use crate::report::format::{is_share, value};
use crate::report::plot::end_of_time;
use crate::report::scene::{Ink, Shape};
use crate::report::thin::{clean, thin};

/// The height of a panel.
const HEIGHT: f64 = 150.0;
/// How many charts of utilization there are at most: one for each resource.
const MOST: usize = 4;

/// Charts of utilization, one for each resource, and of the queue.
pub(super) fn charts(names: &[String], runs: &[&Results]) -> Vec<Chart> {
    let mut found: Vec<&Series> = Vec::new();
    for series in runs.iter().flat_map(|run| &run.series).filter(|series| series.chart == "utilization") {
        let told = !series.name.starts_with("used_") && found.iter().all(|other| other.name != series.name);
        if told && found.len() < MOST && any_change(runs, &series.name) {
            found.push(series);
        }
    }
    let queue = runs.iter().flat_map(|run| &run.series).find(|series| series.name == "queue_length");
    found.extend(queue.filter(|series| any_change(runs, &series.name)));
    found.iter().map(|series| chart(series, names, runs)).collect()
}

fn of<'r>(run: &'r Results, name: &str) -> Option<&'r Series> {
    run.series.iter().find(|series| series.name == name)
}

fn any_change(runs: &[&Results], name: &str) -> bool {
    let changes =
        |series: &Series| series.points.windows(2).any(|pair| pair[0].1.to_bits() != pair[1].1.to_bits());
    runs.iter().filter_map(|run| of(run, name)).any(changes)
}

fn chart(series: &Series, names: &[String], runs: &[&Results]) -> Chart {
    let lines: Vec<Vec<(f64, f64)>> =
        runs.iter().map(|run| of(run, &series.name).map_or(Vec::new(), |s| clean(&s.points))).collect();
    let highest = lines.iter().flatten().map(|point| point.1).fold(0.0, f64::max);
    let y = if is_share(&series.name, series.unit) {
        Axis::share("share of full capacity", highest)
    } else {
        Axis::linear(&series.label, series.unit, highest, 4)
    };
    let end = runs.iter().map(|run| end_of_time(run)).fold(0.0, f64::max);
    let mut panels = Panels::new(Layout {
        title: &series.label,
        below: &y.title,
        names,
        notes: &[],
        x: Axis::time(end, 4),
        height: HEIGHT,
        y: Some(&y),
    });
    for (index, points) in lines.iter().enumerate() {
        draw(&mut panels, index, points, &y, end_of_time(runs[index]));
    }
    let name = if series.name == "queue_length" {
        "queue".to_owned()
    } else {
        format!("utilization_{}", series.name)
    };
    let words = names.iter().zip(&lines).map(|(name, points)| {
        let peak = points.iter().map(|point| point.1).fold(0.0, f64::max);
        format!("{name}: up to {}", value(&series.name, Some(peak), series.unit))
    });
    let description = format!("{}.", words.collect::<Vec<_>>().join("; "));
    Chart::new(&name, &series.label, description, panels.scene)
}

fn draw(panels: &mut Panels, index: usize, points: &[(f64, f64)], y: &Axis, end: f64) {
    let Some(last) = points.last() else {
        panels.no_data(index);
        return;
    };
    let ((_, top), (width, height)) = (panels.corner(index), panels.size);
    let at = |point: &(f64, f64)| (panels.x_of(index, point.0), top + height - y.position(point.1) * height);
    let all: Vec<(f64, f64)> = points.iter().chain(&[(end.max(last.0), last.1)]).map(at).collect();
    let mut path: Vec<(f64, f64)> = Vec::new();
    for (x, y) in thin(&all, (width / 2.0) as usize) {
        if let Some(&(_, before)) = path.last() {
            path.push((x, before));
        }
        path.push((x, y));
    }
    path.dedup();
    panels.scene.shapes.push(Shape::Steps { points: path, width: 1.5, ink: Ink::Blue });
}
