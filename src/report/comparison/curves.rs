//! Distributions of waits and slowdowns: the curve of every variant on the same axes.

use crate::observe::{Results, Sample};
use crate::report::axis::Axis;
use crate::report::chart::Chart;
use crate::report::format::{counted, value};
use crate::report::frame::{Frame, Legend};
use crate::report::lines::{draw_distribution, lower_first, quantile, value_axis};
use crate::report::scene::Ink;
use std::fmt::Write as _;

/// The samples that are drawn.
const SAMPLES: [&str; 2] = ["wait_s", "bounded_slowdown"];
/// More curves than this cannot be told apart.
const MOST: usize = 7;

/// A chart for each sample that some run has.
pub(super) fn charts(names: &[String], runs: &[&Results]) -> Vec<Chart> {
    SAMPLES.iter().filter_map(|name| chart(name, names, runs)).collect()
}

fn chart(name: &str, names: &[String], runs: &[&Results]) -> Option<Chart> {
    let samples: Vec<Option<&Sample>> =
        runs.iter().take(MOST).map(|run| run.samples.iter().find(|sample| sample.name == name)).collect();
    let first = samples.iter().flatten().next()?;
    let curves: Vec<Vec<f64>> = samples
        .iter()
        .map(|sample| {
            let values = sample.map_or(&[][..], |sample| sample.values.as_slice());
            let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            values
        })
        .collect();
    let mut all: Vec<f64> = curves.concat();
    all.sort_by(f64::total_cmp);
    let (x, _) = value_axis(first, &all);
    let mut y = Axis::share("share of values that are at most x", 1.0);
    if all.first().is_some_and(|lowest| *lowest < x.low()) {
        y.title.push_str("; what is below the axis counts at its left end");
    }
    if names.len() > MOST {
        let more = counted((names.len() - MOST) as u64, "further variant", "further variants");
        let _ = write!(y.title, "; {more} not drawn");
    }
    let legends: Vec<Legend> = names
        .iter()
        .zip(&curves)
        .enumerate()
        .map(|(index, (name, values))| Legend {
            text: name.clone(),
            ink: Some(Ink::series(index)),
            // Above one another in their order, at the middle of the chart.
            position: if values.is_empty() { 0.0 } else { 0.75 - 0.05 * index as f64 },
        })
        .collect();
    let title = format!("Distribution of {}", lower_first(&first.label));
    let mut frame = Frame::new(&title, x, y, &legends);
    for (index, values) in curves.iter().enumerate().rev() {
        if !values.is_empty() {
            draw_distribution(&mut frame, values, Ink::series(index));
        }
    }
    frame.draw_legends(&legends);
    let words = names.iter().zip(&curves).map(|(one, values)| {
        let at = |q| value(name, quantile(values, q), first.unit);
        format!("{one}: median {}, p90 {}, p99 {}", at(0.5), at(0.9), at(0.99))
    });
    let description = format!("{}.", words.collect::<Vec<_>>().join("; "));
    Some(Chart::new(&format!("cdf_{name}"), &title, description, frame.scene))
}
