//! Distributions of waits and slowdowns: a panel for each variant side by side, and the curves of all of
//! them on one pair of axes.
//!
//! Panels show the shape of each curve, however many there are, with the baseline's behind it; the common
//! plot shows where curves cross.

use super::left_out;
use super::panels::{Layout, Panels};
use crate::observe::stats::percentile_sorted;
use crate::observe::{Results, Sample};
use crate::report::axis::Axis;
use crate::report::chart::Chart;
use crate::report::format::{counted, value};
use crate::report::frame::{Frame, Legend};
use crate::report::lines::{distribution, draw_distribution, lower_first, steps, value_axis};
use crate::report::scene::{Ink, Shape};
use crate::study::Comparison;
use std::fmt::Write as _;

/// The samples that are drawn.
const SAMPLES: [&str; 2] = ["wait_s", "bounded_slowdown"];
/// More curves than this cannot be told apart in one plot.
const MOST: usize = 7;
/// The height of a panel.
const HEIGHT: f64 = 180.0;
/// The width of a panel's lines.
const PEN: f64 = 1.75;

/// The charts of each sample that some run has: the panels of all, then the plots of all.
pub(super) fn charts(comparison: &Comparison, names: &[String], runs: &[&Results]) -> Vec<Chart> {
    let curves: Vec<Curves<'_>> = SAMPLES.iter().filter_map(|name| Curves::of(name, names, runs)).collect();
    let panels = curves.iter().map(|curves| curves.side_by_side(comparison));
    panels.chain(curves.iter().map(Curves::together)).collect()
}

/// A sample of every variant, and the axes that all of them have.
struct Curves<'a> {
    names: &'a [String],
    /// The sample of the first variant that has it.
    sample: &'a Sample,
    /// The ascending values of each variant; none where it has no sample.
    values: Vec<Vec<f64>>,
    x: Axis,
    y: Axis,
}

impl<'a> Curves<'a> {
    fn of(name: &str, names: &'a [String], runs: &[&'a Results]) -> Option<Curves<'a>> {
        let samples: Vec<Option<&Sample>> =
            runs.iter().map(|run| run.samples.iter().find(|sample| sample.name == name)).collect();
        let sample = samples.iter().flatten().next()?;
        let ascending = |sample: Option<&Sample>| {
            let values = sample.map_or(&[][..], |sample| sample.values.as_slice());
            let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let values: Vec<Vec<f64>> = samples.iter().copied().map(ascending).collect();
        let mut all: Vec<f64> = values.concat();
        all.sort_by(f64::total_cmp);
        let (x, _) = value_axis(sample, &all);
        let mut y = Axis::share("share of values that are at most x", 1.0);
        if all.first().is_some_and(|lowest| *lowest < x.low()) {
            y.title.push_str("; what is below the axis counts at its left end");
        }
        Some(Curves { names, sample, values, x, y })
    }

    fn title(&self) -> String {
        format!("Distribution of {}", lower_first(&self.sample.label))
    }

    fn name(&self) -> String {
        format!("cdf_{}", self.sample.name)
    }

    /// A quantile in words, as the table of metrics has it.
    fn told(&self, values: &[f64], q: f64) -> String {
        value(&self.sample.name, percentile_sorted(values, q), self.sample.unit)
    }

    /// The curves in words, for those who cannot see them.
    fn description(&self) -> String {
        let words = self.names.iter().zip(&self.values).map(|(name, values)| {
            let [median, p90, p99] = [0.5, 0.9, 0.99].map(|q| self.told(values, q));
            format!("{name}: median {median}, p90 {p90}, p99 {p99}")
        });
        format!("{}.", words.collect::<Vec<_>>().join("; "))
    }

    /// A panel for each variant: its curve, and that of the baseline behind it.
    fn side_by_side(&self, comparison: &Comparison) -> Chart {
        let note = |values: &Vec<f64>| match values.as_slice() {
            [] => String::new(),
            values => format!("median {}, p95 {}", self.told(values, 0.5), self.told(values, 0.95)),
        };
        let title = format!("{}, side by side", self.title());
        let mut panels = Panels::new(Layout {
            title: &title,
            below: &format!("{}{}", self.y.title, left_out(comparison, self.names.len())),
            names: self.names,
            notes: &self.values.iter().map(note).collect::<Vec<_>>(),
            x: self.x.clone(),
            height: HEIGHT,
            y: Some(&self.y),
        });
        let baseline = self.values.get(comparison.baseline).filter(|values| !values.is_empty());
        for (index, values) in self.values.iter().enumerate() {
            if values.is_empty() {
                panels.no_data(index);
                continue;
            }
            if let Some(baseline) = baseline.filter(|_| index != comparison.baseline) {
                draw(&mut panels, index, (&self.x, &self.y), baseline, Ink::Axis);
            }
            draw(&mut panels, index, (&self.x, &self.y), values, Ink::series(index));
        }
        if baseline.is_some() && self.values.len() > 1 {
            panels.legend(&[(Ink::Axis, "baseline")]);
        }
        Chart::new(&format!("{}_side_by_side", self.name()), &title, self.description(), panels.scene)
    }

    /// The curves of all variants on the same axes.
    fn together(&self) -> Chart {
        let mut y = self.y.clone();
        if self.names.len() > MOST {
            let more = counted((self.names.len() - MOST) as u64, "further variant", "further variants");
            let _ = write!(y.title, "; {more} not drawn");
        }
        let curves = || self.names.iter().zip(&self.values).enumerate().take(MOST);
        let legends: Vec<Legend> = curves()
            .map(|(index, (name, values))| Legend {
                text: name.clone(),
                ink: Some(Ink::series(index)),
                // Above one another in their order, at the middle of the chart.
                position: if values.is_empty() { 0.0 } else { 0.75 - 0.05 * index as f64 },
            })
            .collect();
        let mut frame = Frame::new(&self.title(), self.x.clone(), y, &legends);
        for (index, (_, values)) in curves().collect::<Vec<_>>().into_iter().rev() {
            if !values.is_empty() {
                draw_distribution(&mut frame, values, Ink::series(index));
            }
        }
        frame.draw_legends(&legends);
        Chart::new(&self.name(), &self.title(), self.description(), frame.scene)
    }
}

fn draw(panels: &mut Panels, index: usize, (x, y): (&Axis, &Axis), values: &[f64], ink: Ink) {
    let ((_, top), (width, height)) = (panels.corner(index), panels.size);
    let at =
        |(value, share): (f64, f64)| (panels.x_of(index, value), top + height - y.position(share) * height);
    // The curve goes on to the end of the axis.
    let points: Vec<(f64, f64)> =
        distribution(values, x).into_iter().chain([(x.high(), 1.0)]).map(at).collect();
    panels.scene.shapes.push(Shape::Steps { points: steps(&points, width), width: PEN, ink });
}
