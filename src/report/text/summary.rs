//! The summary as text, and lines over time.

use super::{Glyphs, NARROWEST, finish, fit, wrap};
use crate::observe::{Metric, Results, Series};
use crate::report::format::{counted, cut, title, value};
use crate::report::plot::end_of_time;
use crate::report::thin::clean;
use crate::report::words;

/// How many lines over time the summary shows.
const TRENDS: usize = 6;

/// The summary: one paragraph, the headline metrics by group, quantities over time, and what needs
/// attention. No line is longer than `width` characters, 40 at least.
pub fn summary_table(results: &Results, width: usize, glyphs: Glyphs) -> String {
    let width = width.max(NARROWEST);
    let mut lines = wrap(&results.title, width, "");
    lines.extend(wrap(&words::summary(results), width, ""));
    lines.extend(metric_lines(results, width));
    lines.extend(trend_lines(results, width, glyphs));
    lines.extend(count_lines("Never placed", &results.unplaced, width));
    lines.extend(count_lines("Input rows dropped, repaired or ignored", &results.remarks, width));
    finish(&lines, glyphs)
}

fn metric_lines(results: &Results, width: usize) -> Vec<String> {
    let headline: Vec<&Metric> = results.metrics.iter().filter(|metric| words::is_shown(metric)).collect();
    let names = headline.iter().map(|metric| title(&metric.name, metric.unit).chars().count());
    let name_width = names.max().unwrap_or(0).min(width / 2);
    let mut groups: Vec<(&str, Vec<&Metric>)> = Vec::new();
    for metric in headline {
        match groups.iter_mut().find(|group| group.0 == metric.group) {
            Some(group) => group.1.push(metric),
            None => groups.push((metric.group, vec![metric])),
        }
    }
    let mut lines = Vec::new();
    for (group, metrics) in groups {
        lines.extend([String::new(), fit(group, width)]);
        for metric in metrics {
            let name = fit(&title(&metric.name, metric.unit), name_width);
            let value = fit(&value(&metric.name, metric.value, metric.unit), width - name_width - 4);
            lines.push(format!("  {name:name_width$}  {value:>16}"));
        }
    }
    lines.iter().map(|line| fit(line, width)).collect()
}

/// What the summary shows over time, the most telling first: names of series and their labels.
const TOLD: [(&str, &str); 8] = [
    ("busy_processors", "Processors in use"),
    ("requested_cpu", "CPU requested"),
    ("used_cpu", "CPU used"),
    ("requested_memory", "Memory requested"),
    ("queue_length", "Waiting"),
    ("pods_running", "Running pods"),
    ("nodes_ready", "Ready nodes"),
    ("pods_failed", "Failed pods"),
];

/// Quantities over time, one line each; what never changes is left out, and what is the same as
/// something above it.
fn trend_lines(results: &Results, width: usize, glyphs: Glyphs) -> Vec<String> {
    let end = end_of_time(results);
    let mut shown: Vec<(&str, &Series)> = Vec::new();
    let told = TOLD.iter().filter_map(|&(name, label)| {
        Some((label, results.series.iter().find(|series| series.name == name)?))
    });
    let other = results
        .series
        .iter()
        .filter(|series| series.name.starts_with("requested_") || series.name.starts_with("replicas_ready"));
    for (label, series) in told.chain(other.map(|series| (series.label.as_str(), series))) {
        let changes = series.points.windows(2).any(|pair| pair[0].1.to_bits() != pair[1].1.to_bits());
        if changes && shown.iter().all(|(_, above)| above.points != series.points) {
            shown.push((label, series));
        }
    }
    shown.truncate(TRENDS);
    if shown.is_empty() || end <= 0.0 {
        return Vec::new();
    }
    let lines = shown.iter().map(|(label, series)| trend(label, series, (end, width), glyphs));
    [String::new(), "Over time".to_owned()].into_iter().chain(lines).collect()
}

fn trend(label: &str, series: &Series, (end, width): (f64, usize), glyphs: Glyphs) -> String {
    let label_width = (width / 4).min(24);
    // Of `nvidia.com/gpu requested` the domain tells least.
    let label = fit(label.rsplit_once('/').map_or(label, |(_, label)| label), label_width);
    let highest = series.points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let highest = value(&series.name, Some(highest), series.unit);
    let room = width - label_width - 22;
    let chart = sparkline(&series.points, end, room, glyphs);
    fit(&format!("  {label:label_width$}  {chart}  up to {highest}"), width)
}

/// A line over time in `width` characters: the mean of each stretch of time, between 0 and the
/// highest mean. Points are (seconds since the start, value), ascending; the last value lasts until `end`.
pub fn sparkline(points: &[(f64, f64)], end: f64, width: usize, glyphs: Glyphs) -> String {
    let levels: Vec<char> = match glyphs {
        Glyphs::Unicode => "▁▂▃▄▅▆▇█".chars().collect(),
        Glyphs::Ascii => "_.:-=+*#".chars().collect(),
    };
    let points = clean(points);
    let cell = end / width as f64;
    if points.is_empty() || !cell.is_finite() || cell <= 0.0 {
        return " ".repeat(width);
    }
    let mean = |index: usize| mean_between(&points, cell * index as f64, cell * (index + 1) as f64);
    let means: Vec<f64> = (0..width).map(mean).collect();
    let highest = means.iter().copied().fold(0.0, f64::max);
    let level = |mean: f64| if highest > 0.0 { (mean / highest).clamp(0.0, 1.0) } else { 0.0 };
    means.into_iter().map(|mean| levels[(level(mean) * 7.0).round() as usize]).collect()
}

/// The mean of a step line, 0 before its first point.
fn mean_between(points: &[(f64, f64)], from: f64, to: f64) -> f64 {
    let first = points.partition_point(|point| point.0 <= from);
    let mut value = first.checked_sub(1).map_or(0.0, |index| points[index].1);
    let (mut sum, mut at) = (0.0, from);
    for point in points[first..].iter().take_while(|point| point.0 < to) {
        sum += value * ((point.0 - at) / (to - from));
        (at, value) = *point;
    }
    sum + value * ((to - at) / (to - from))
}

fn count_lines(heading: &str, pairs: &[(String, u64)], width: usize) -> Vec<String> {
    /// The full list is in the report.
    const SHOWN: usize = 5;
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut pairs: Vec<&(String, u64)> = pairs.iter().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.1));
    let mut lines = vec![String::new(), heading.to_owned()];
    for (text, count) in pairs.iter().take(SHOWN) {
        let text = cut(text, 400);
        lines.extend(wrap(&format!("  {count:>5}  {text}"), width, "         "));
    }
    if pairs.len() > SHOWN {
        lines.push(format!(
            "         and {}",
            counted((pairs.len() - SHOWN) as u64, "other text", "other texts")
        ));
    }
    lines
}
