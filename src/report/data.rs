//! The data that the page's script draws from, as JSON that may stand inside of a page.
//!
//! Bounded whatever the run: times and values are whole numbers of a step that is finer than a
//! pixel, times are differences, and of too many points or bars the telling ones are kept.

use serde_json::{Value, json};

use super::chart::file_name;
use super::format::{cut, magnitude, power_of_ten};
use super::lanes::{Limits, lanes};
use super::plot::{Line, Plot, end_of_time, plots};
use super::thin::thin;
use crate::observe::{BarKind, Results};

/// Points of all lines together.
const POINTS: usize = 12_000;
/// What the interactive Gantt chart holds at most.
const LIMITS: Limits = Limits { rows: 2_000, bars: 1_500, lanes_per_row: 24 };
/// Characters of a name and of what is shown when one asks.
const NAME: usize = 48;
const DETAIL: usize = 120;

/// The data of all interactive charts; safe inside of a `script` element.
pub(super) fn json(results: &Results) -> String {
    let plots = plots(results);
    let lines = plots.iter().map(|plot| plot.lines.len()).sum::<usize>().max(1);
    let buckets = (POINTS / lines / 4).clamp(20, 500);
    let end = end_of_time(results).max(1e-9);
    let value = json!({
        "end": end,
        "plots": plots.iter().map(|plot| plot_json(plot, buckets)).collect::<Vec<Value>>(),
        "gantt": gantt_json(results),
    });
    embeddable(&value.to_string())
}

/// JSON in which nothing can end the element around it.
fn embeddable(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn plot_json(plot: &Plot, buckets: usize) -> Value {
    json!({
        "name": file_name(&plot.name),
        "title": plot.title,
        "quantity": plot.quantity,
        "unit": plot.unit,
        "lines": plot.lines.iter().map(|line| line_json(line, plot.end, buckets)).collect::<Vec<Value>>(),
    })
}

fn line_json(line: &Line, end: f64, buckets: usize) -> Value {
    let points = thin(&line.points, buckets);
    let highest = points.iter().map(|point| point.1.abs()).fold(0.0, f64::max);
    // A hundred-thousandth of the range is finer than any screen, also when zoomed in tenfold.
    let (time_step, value_step) = (step(end, 6), step(highest, 4));
    let times: Vec<i64> = points.iter().map(|point| (point.0 / time_step).round() as i64).collect();
    let differences = times.iter().scan(0, |before, time| {
        let difference = time - *before;
        *before = *time;
        Some(difference)
    });
    json!({
        "label": cut(&line.label, NAME),
        "ink": line.ink.name(),
        "dt": time_step,
        "dv": value_step,
        "t": differences.collect::<Vec<i64>>(),
        "v": points.iter().map(|point| (point.1 / value_step).round() as i64).collect::<Vec<i64>>(),
    })
}

/// The power of ten of which numbers up to `highest` have about `digits` digits.
fn step(highest: f64, digits: i32) -> f64 {
    if highest > 0.0 { power_of_ten((magnitude(highest) + 1 - digits).max(-300)) } else { 1.0 }
}

fn gantt_json(results: &Results) -> Value {
    let layout = lanes(&results.gantt, LIMITS);
    let time_step = step(end_of_time(results), 7);
    let whole = |time: f64| (time / time_step).round() as i64;
    let bars = layout.bars.iter().map(|placed| {
        let bar = placed.bar;
        let kind = match bar.kind {
            BarKind::Ran => 0,
            BarKind::Failed => 1,
            BarKind::Lost => 2,
            BarKind::Down => 3,
            BarKind::Waited => 4,
            BarKind::Held => 5,
        };
        // A reason is a sentence; what else is written into bars is a name.
        let longest = if bar.kind == BarKind::Waited { DETAIL } else { NAME };
        let (label, detail) = (cut(&bar.label, longest), cut(&bar.detail, DETAIL));
        json!([bar.row, placed.from, placed.to, whole(bar.start), whole(bar.end), kind, label, detail])
    });
    json!({
        "dt": time_step,
        "rows": results.gantt.rows.iter().take(LIMITS.rows).map(|row| cut(row, NAME)).collect::<Vec<String>>(),
        "offsets": layout.offsets,
        "bars": bars.collect::<Vec<Value>>(),
        "omitted": layout.omitted,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hostile, outage};
    use super::*;

    #[test]
    fn data_cannot_leave_its_element_and_can_be_read_back() {
        let text = json(&hostile());
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        let label = value["plots"][0]["lines"][0]["label"].as_str().expect("the line has a label");
        assert!(label.starts_with("<script>alert('x')</script>"));
    }

    #[test]
    fn whole_numbers_give_the_points_back() {
        let results = outage();
        let value: Value = serde_json::from_str(&json(&results)).expect("it is JSON");
        let line = &value["plots"][0]["lines"][0];
        let numbers = |key: &str| -> Vec<f64> {
            line[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        let step = |key: &str| line[key].as_f64().unwrap_or(0.0);
        let last: f64 = numbers("t").iter().sum::<f64>() * step("dt");
        let points = &plots(&results)[0].lines[0].points;
        let expected = points.last().expect("there are points");
        assert!((last - expected.0).abs() < 0.5, "{last} {expected:?}");
        let value = numbers("v").last().copied().unwrap_or(0.0) * step("dv");
        assert!((value - expected.1).abs() < 1e-3, "{value} {expected:?}");
    }

    #[test]
    fn size_is_bounded_for_a_huge_run() {
        let mut results = outage();
        for series in &mut results.series {
            series.points = (0..100_000).map(|i| (f64::from(i), f64::from(i * 7919 % 1000))).collect();
        }
        let bar = results.gantt.bars[5].clone();
        results.gantt.bars.extend(std::iter::repeat_n(bar, 50_000));
        results.gantt.rows = (0..5_000).map(|i| format!("node-{i}")).collect();
        let size = json(&results).len();
        assert!(size < 450_000, "{size} bytes");
    }
}
