//! Charts of a workload before it runs: when it arrives, how large it is, what load it brings.

use super::axis::Axis;
use super::chart::Chart;
use super::format::number;
use super::frame::Frame;
use super::lines::{distribution_chart, time_chart};
use super::plot::{Line, Plot, SHARE};
use super::scene::Ink;
use crate::observe::Sample;

/// What the charts show.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Workload {
    /// The length of a period in seconds, and how it is written.
    pub period: (f64, String),
    /// The time from the first submission to the last, in seconds.
    pub span: f64,
    /// Rows submitted in each period.
    pub arrivals: Vec<f64>,
    /// Rows submitted in each hour of the day, and whose clock it is.
    pub by_hour: (Vec<f64>, String),
    /// Rows submitted on each weekday from Monday on, if known.
    pub by_weekday: Option<Vec<f64>>,
    /// The load.
    pub load: Option<WorkloadLoad>,
    /// Distributions.
    pub samples: Vec<Sample>,
}

/// The load over time: means over the periods.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WorkloadLoad {
    /// What is counted: `processors`, `cores`.
    pub unit: String,
    /// What would be in use if every row started when it is submitted.
    pub wanted: Vec<f64>,
    /// What was in use as recorded.
    pub recorded: Option<Vec<f64>>,
    /// What the machine has.
    pub capacity: Option<f64>,
}

/// The charts of a workload; what it has no data for is left out.
pub fn workload_charts(workload: &Workload) -> Vec<Chart> {
    let mut charts = Vec::new();
    if workload.span > 0.0 {
        charts.push(arrivals(workload));
    }
    let (hours, clock) = &workload.by_hour;
    let ticks = (0..=24).step_by(3).map(|hour| (f64::from(hour), hour.to_string())).collect();
    let x = Axis::of_ticks(&format!("hour of the day ({clock})"), ticks, 0.0, 24.0);
    charts.push(columns("arrivals_by_hour", "Arrivals by hour of the day", x, hours));
    if let Some(days) = &workload.by_weekday {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let ticks = names.iter().zip(0..).map(|(name, day)| (f64::from(day) + 0.5, (*name).to_owned()));
        let x = Axis::of_ticks(&format!("day of the week ({clock})"), ticks.collect(), 0.0, 7.0);
        charts.push(columns("arrivals_by_weekday", "Arrivals by day of the week", x, days));
    }
    if let Some(load) = workload.load.as_ref().filter(|_| workload.span > 0.0) {
        charts.push(load_chart(workload, load));
    }
    charts.extend(workload.samples.iter().map(distribution_chart));
    charts
}

/// The values of periods as points of a step line.
fn points(workload: &Workload, values: &[f64], factor: f64) -> Vec<(f64, f64)> {
    let starts = (0..).map(|index| f64::from(index) * workload.period.0);
    // A period that begins at the end has no length.
    starts.zip(values).filter(|(start, _)| *start < workload.span).map(|(t, v)| (t, v * factor)).collect()
}

fn arrivals(workload: &Workload) -> Chart {
    let line =
        Line { label: "rows".into(), ink: Ink::Blue, points: points(workload, &workload.arrivals, 1.0) };
    time_chart(&Plot {
        name: "arrivals".into(),
        title: "Arrivals".into(),
        quantity: format!("rows submitted in {}", workload.period.1),
        unit: "rows".into(),
        lines: vec![line],
        hidden: 0,
        end: workload.span,
    })
}

fn load_chart(workload: &Workload, load: &WorkloadLoad) -> Chart {
    let capacity = load.capacity.filter(|capacity| *capacity > 0.0);
    let factor = capacity.map_or(1.0, |capacity| 1.0 / capacity);
    let line = |label: &str, ink: Ink, values: &[f64]| Line {
        label: label.to_owned(),
        ink,
        points: points(workload, values, factor),
    };
    let mut lines = Vec::new();
    if let Some(recorded) = &load.recorded {
        lines.push(line("in use, as recorded", Ink::Orange, recorded));
    }
    lines.push(line("if nothing waited", Ink::Blue, &load.wanted));
    if capacity.is_some() {
        lines.push(Line { label: "the machine".into(), ink: Ink::Black, points: vec![(0.0, 1.0)] });
    }
    let (quantity, unit) = match capacity {
        Some(capacity) => (
            format!("share of {} {}, mean of {}", number(capacity), load.unit, workload.period.1),
            SHARE.to_owned(),
        ),
        None => (format!("{}, mean of {}", load.unit, workload.period.1), load.unit.clone()),
    };
    time_chart(&Plot {
        name: "load".into(),
        title: "Load".into(),
        quantity,
        unit,
        lines,
        hidden: 0,
        end: workload.span,
    })
}

/// Upright bars side by side, each one unit of the horizontal axis wide.
fn columns(name: &str, title: &str, x: Axis, values: &[f64]) -> Chart {
    /// The space between two bars, as a share of one.
    const GAP: f64 = 0.16;
    let highest = values.iter().copied().fold(0.0, f64::max);
    // Rows are counted in whole numbers as jobs are, but are not called so.
    let mut y = Axis::linear("", "jobs", highest, 5);
    "rows submitted".clone_into(&mut y.title);
    let mut frame = Frame::new(title, x, y, &[]);
    for (index, value) in (0..).zip(values) {
        let left = f64::from(index) + GAP / 2.0;
        let (x, top) = frame.at(left, *value);
        let (right, bottom) = frame.at(left + 1.0 - GAP, 0.0);
        if *value > 0.0 {
            frame.scene.rect((x, top), (right - x, (bottom - top).max(1.0)), Ink::Blue);
        }
    }
    let words: Vec<String> = values.iter().map(|value| number(*value)).collect();
    let description = format!("{}, from left to right: {}.", title, words.join(", "));
    Chart::new(name, title, description, frame.scene)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Workload {
        Workload {
            period: (3_600.0, "1 h".into()),
            span: 7_200.0,
            arrivals: vec![3.0, 1.0, 2.0],
            by_hour: ((0..24).map(f64::from).collect(), "UTC".into()),
            by_weekday: Some(vec![1.0; 7]),
            load: Some(WorkloadLoad {
                unit: "processors".into(),
                wanted: vec![32.0, 96.0, 0.0],
                recorded: Some(vec![16.0, 64.0, 0.0]),
                capacity: Some(64.0),
            }),
            samples: vec![Sample {
                name: "run_time_s".into(),
                label: "Run time".into(),
                unit: "s",
                values: vec![1.0, 9.0],
            }],
        }
    }

    #[test]
    fn every_part_has_a_chart() {
        let charts = workload_charts(&sample());
        let names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
        assert_eq!(names, ["arrivals", "arrivals_by_hour", "arrivals_by_weekday", "load", "cdf_run_time_s"]);
        assert!(
            charts[3].description.contains("if nothing waited: between 50 % and 150 %"),
            "{}",
            charts[3].description
        );
        assert!(charts[3].svg.contains("share of 64 processors, mean of 1 h"));
        assert!(charts[1].svg.contains("hour of the day (UTC)") && charts[2].svg.contains("Wed"));
    }

    #[test]
    fn what_is_not_known_has_no_chart() {
        let bare = Workload { by_hour: (vec![0.0; 24], "from time 0".into()), ..Workload::default() };
        let charts = workload_charts(&bare);
        assert_eq!(charts.iter().map(|chart| chart.name.as_str()).collect::<Vec<_>>(), ["arrivals_by_hour"]);
        let load = WorkloadLoad { unit: "cores".into(), wanted: vec![0.5; 3], ..WorkloadLoad::default() };
        let charts = workload_charts(&Workload { load: Some(load), by_weekday: None, ..sample() });
        assert!(charts[2].svg.contains("cores, mean of 1 h"), "{}", charts[2].svg);
    }
}
