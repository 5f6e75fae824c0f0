//! Charts of quantities over time, and of the distribution of a sample.

use super::axis::Axis;
use super::chart::Chart;
use super::format::{duration, is_share, number, value};
use super::frame::{Frame, Legend};
use super::plot::{Line, Plot, SHARE};
use super::scene::{Ink, Shape};
use super::thin::thin;
use crate::observe::Sample;

/// The width of data lines.
const PEN: f64 = 2.0;
/// The width in which values too many to be drawn are brought together: as fine as the pen.
const COLUMN: f64 = 2.0;

/// A chart over time as step lines, each labelled at its end.
pub(super) fn time_chart(plot: &Plot) -> Chart {
    let highest = plot.lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    let quantity = match plot.hidden {
        0 => plot.quantity.clone(),
        hidden => format!("{}; {hidden} further series not drawn", plot.quantity),
    };
    let y = match plot.unit.as_str() {
        SHARE => Axis::share(&quantity, highest),
        unit => Axis::linear(&quantity, unit_beside(&plot.quantity, unit), highest, 5),
    };
    let legends: Vec<Legend> = plot.lines.iter().map(|line| legend(line, &y)).collect();
    let mut frame = Frame::new(&plot.title, Axis::time(plot.end, 6), y, &legends);
    if plot.lines.iter().all(|line| line.points.is_empty()) {
        frame.draw_no_data();
    } else {
        // The first line is the most important one: it is drawn last, above the others.
        for line in plot.lines.iter().rev() {
            draw_steps(&mut frame, &line.points, plot.end, line.ink);
        }
        frame.draw_legends(&legends);
    }
    Chart::new(&plot.name, &plot.title, describe(plot), frame.scene)
}

/// The unit, unless the words before it name it already.
fn unit_beside<'a>(quantity: &str, unit: &'a str) -> &'a str {
    if quantity.split(' ').any(|word| word == unit) { "" } else { unit }
}

fn legend(line: &Line, y: &Axis) -> Legend {
    let last = line.points.last().map_or(0.0, |point| point.1);
    Legend { text: line.label.clone(), ink: Some(line.ink), position: y.position(last) }
}

/// Draws a step line up to `end`.
fn draw_steps(frame: &mut Frame, points: &[(f64, f64)], end: f64, ink: Ink) {
    let Some(last) = points.last() else { return };
    let drawn = |point: &(f64, f64)| frame.at(point.0, point.1);
    let all: Vec<(f64, f64)> = points.iter().chain(&[(end.max(last.0), last.1)]).map(drawn).collect();
    let points = steps(&all, frame.plot_width());
    frame.scene.shapes.push(Shape::Steps { points, width: PEN, ink });
}

/// The corners of the step line through points of a drawing of this width, as fine as the pen.
pub(super) fn steps(points: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
    // Points are brought together where they are drawn: an axis may be logarithmic.
    let thinned = thin(points, (width / COLUMN) as usize);
    let dense = thinned.len() < points.len();
    let column = |x: f64| if dense { (x / COLUMN).round() * COLUMN } else { x };
    let mut path: Vec<(f64, f64)> = Vec::with_capacity(thinned.len() * 2);
    for &(x, y) in &thinned {
        let x = column(x);
        if let Some(&(_, before)) = path.last() {
            path.push((x, before));
        }
        path.push((x, y));
    }
    path.dedup();
    path
}

/// The chart in words, for those who cannot see it.
fn describe(plot: &Plot) -> String {
    let lines = plot.lines.iter().map(|line| {
        let values = || line.points.iter().map(|point| point.1);
        let (Some(last), low) = (values().next_back(), values().fold(f64::INFINITY, f64::min)) else {
            return format!("{}: no data", line.label);
        };
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let [low, high, last] = [low, high, last].map(|v| match plot.unit.as_str() {
            SHARE => value("share", Some(v), "1"),
            unit => value("", Some(v), unit),
        });
        format!("{}: between {low} and {high}, {last} at the end", line.label)
    });
    let lines: Vec<String> = lines.collect();
    format!("{} over {}. {}.", plot.quantity, duration(plot.end), lines.join("; "))
}

/// The distribution of a sample: how large a share of it is at most as large as a value.
pub(super) fn distribution_chart(sample: &Sample) -> Chart {
    let mut values: Vec<f64> = sample.values.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let legends: Vec<Legend> = quantiles(&values, sample);
    let (x, note) = value_axis(sample, &values);
    let mut y = Axis::share("share of values that are at most x", 1.0);
    y.title.push_str(&note);
    let title = format!("Distribution of {}", lower_first(&sample.label));
    let mut frame = Frame::new(&title, x, y, &legends);
    if values.is_empty() {
        frame.draw_no_data();
    } else {
        draw_distribution(&mut frame, &values, Ink::Blue);
        frame.draw_legends(&legends);
    }
    let words: Vec<&str> = legends.iter().map(|legend| legend.text.as_str()).collect();
    let words = if words.is_empty() { "no data".to_owned() } else { words.join(", ") };
    Chart::new(&format!("cdf_{}", sample.name), &title, format!("{words}."), frame.scene)
}

/// Abbreviations keep their capitals: `Wait` becomes `wait`, `CPU time` stays.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// A linear axis, or a logarithmic one where values of different magnitude matter.
pub(super) fn value_axis(sample: &Sample, values: &[f64]) -> (Axis, String) {
    /// From this ratio of two percentiles on, a linear axis hides one end.
    const WIDE: f64 = 20.0;
    let unit = if is_share(&sample.name, sample.unit) { "1" } else { sample.unit };
    let positive = &values[values.partition_point(|value| *value <= 0.0)..];
    let ratio = |low, high| Some(quantile(positive, high)? / quantile(positive, low)?);
    let wide =
        positive.len() >= 8 && [ratio(0.05, 0.95), ratio(0.5, 0.99)].into_iter().flatten().any(|r| r > WIDE);
    let negative = values.first().is_some_and(|value| *value < 0.0);
    if !wide || negative {
        let highest = values.last().copied().unwrap_or(0.0);
        let note = if negative { "; values below 0 are drawn at 0".to_owned() } else { String::new() };
        return (Axis::linear(&sample.label, unit, highest, 6), note);
    }
    // The smallest values are left out of the axis where they would take most of it.
    let low = quantile(positive, 0.01).unwrap_or(1.0);
    let zeros = values.len() - positive.len();
    let note = match zeros {
        0 => String::new(),
        zeros => {
            format!("; {} % are 0", number((zeros as f64 / values.len() as f64 * 1000.0).round() / 10.0))
        }
    };
    let high = positive.last().map_or(low, |value| value * 1.1);
    (Axis::logarithmic(&sample.label, unit, low, high), note)
}

/// The value below which the share `q` of ascending values lies (nearest rank).
pub(super) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let rank = (q * values.len() as f64).ceil().max(1.0) as usize;
    values.get(rank - 1).copied()
}

fn quantiles(values: &[f64], sample: &Sample) -> Vec<Legend> {
    const SHOWN: [(&str, f64); 4] = [("p99", 0.99), ("p90", 0.9), ("median", 0.5), ("p25", 0.25)];
    let all = SHOWN.into_iter().filter_map(|(name, q)| Some((name, q, quantile(values, q)?)));
    let all = all.map(|(name, q, v)| (format!("{name}  {}", value(&sample.name, Some(v), sample.unit)), q));
    all.map(|(text, position)| Legend { text, ink: None, position }).collect()
}

/// Draws the distribution of ascending values as a step line.
pub(super) fn draw_distribution(frame: &mut Frame, values: &[f64], ink: Ink) {
    let points = distribution(values, &frame.x);
    draw_steps(frame, &points, frame.x.high(), ink);
}

/// The distribution of ascending values from the lower end of an axis on: values, and the share of all that
/// are at most as large.
pub(super) fn distribution(values: &[f64], x: &Axis) -> Vec<(f64, f64)> {
    let count = values.len() as f64;
    let shares = values.iter().enumerate().map(|(index, value)| (*value, (index + 1) as f64 / count));
    let mut points: Vec<(f64, f64)> = vec![(x.low(), 0.0)];
    for (value, share) in shares {
        match points.last_mut().filter(|last| last.0 >= value) {
            Some(last) => last.1 = share,
            None => points.push((value, share)),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample { name: "wait_s".to_owned(), label: "Wait".to_owned(), unit: "s", values: values.to_vec() }
    }

    #[test]
    fn quantiles_are_of_nearest_rank() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 0.99), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn axis_is_logarithmic_only_where_the_range_asks_for_it() {
        let narrow: Vec<f64> = (1..20).map(f64::from).collect();
        assert!(!value_axis(&sample(&narrow), &narrow).0.title.contains("logarithmic"));
        let wide: Vec<f64> = [0.0].into_iter().chain((0..20).map(|i| 1.8f64.powi(i))).collect();
        let (axis, note) = value_axis(&sample(&wide), &wide);
        assert!(axis.title.contains("logarithmic"));
        assert_eq!(note, "; 4.8 % are 0");
    }

    #[test]
    fn many_values_keep_their_shape_on_a_logarithmic_axis() {
        let values: Vec<f64> = (0..4_000).map(|i| 0.01 * 1.003f64.powi(i)).collect();
        let chart = distribution_chart(&sample(&values));
        let points = chart.svg.split("points=\"").nth(1).and_then(|rest| rest.split('"').next());
        let heights =
            points.unwrap_or_default().split(' ').filter_map(|point| point.split_once(',')?.1.parse().ok());
        let heights: Vec<i32> = heights.collect();
        let jump = heights.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap_or(i32::MAX);
        assert!(jump < 40, "values spread evenly over the axis make no jump of {jump}");
    }

    #[test]
    fn one_value_none_and_no_numbers_are_drawn() {
        for values in [&[][..], &[5.0], &[f64::NAN, f64::INFINITY], &[-1.0, 2.0], &[1e300, 1e-300]] {
            let chart = distribution_chart(&sample(values));
            assert!(chart.svg.contains("Distribution of wait"), "{values:?}");
            assert_eq!(chart.svg.contains("no data"), values.iter().all(|v| !v.is_finite()), "{values:?}");
        }
    }
}
