//! A comparison as text: every metric in every variant, and the jobs that moved most.

use super::{Glyphs, NARROWEST, finish, fit, wrap};
use crate::report::comparison::words;
use crate::report::format::title;
use crate::study::{Comparison, Move, Row};
use std::fmt::Write as _;

/// The widths of the columns behind the name: value, difference, interval, change.
const COLUMNS: [usize; 4] = [14, 16, 14, 10];

/// The comparison: metrics, then the jobs that gained and lost most, with the reason of each. No line
/// is longer than `width` characters, 40 at least.
pub fn comparison_table(comparison: &Comparison, width: usize, glyphs: Glyphs) -> String {
    let width = width.max(NARROWEST);
    let mut lines = wrap(&format!("{}: {}", comparison.title, words::summary(comparison)), width, "");
    lines.extend(variant_lines(comparison, width));
    lines.extend(metric_lines(comparison, width));
    lines.extend(words::notes(comparison).iter().flat_map(|note| {
        let mut note = wrap(note, width, "");
        note.insert(0, String::new());
        note
    }));
    lines.extend(move_lines(comparison, width));
    finish(&lines, glyphs)
}

/// What sets the variants apart.
fn variant_lines(comparison: &Comparison, width: usize) -> Vec<String> {
    // `backfill=easy` says already what `controlPlane.batch.backfill=easy` says.
    let said = |name: &str, setting: &str| name.contains(setting.rsplit('.').next().unwrap_or(setting));
    let is_told = |(name, settings): (&String, &String)| {
        name.contains('=') && settings.split("; ").all(|setting| said(name, setting))
    };
    let pairs = || comparison.variants.iter().zip(&comparison.settings);
    if pairs().all(is_told) {
        return Vec::new();
    }
    let lines = pairs().flat_map(|(name, settings)| wrap(&format!("  {name}: {settings}"), width, "    "));
    [String::new()].into_iter().chain(lines).collect()
}

fn metric_lines(comparison: &Comparison, width: usize) -> Vec<String> {
    let has_intervals = comparison.replications > 1;
    let columns: Vec<usize> = COLUMNS
        .into_iter()
        .enumerate()
        .filter(|(index, _)| has_intervals || *index != 2)
        .map(|(_, w)| w)
        .collect();
    let room = width.saturating_sub(columns.iter().sum()).max(8);
    let mut heads = vec!["value", "difference", "change"];
    if has_intervals {
        heads.insert(2, "interval");
    }
    let heads: Vec<String> = heads.into_iter().map(str::to_owned).collect();
    let mut lines = vec![String::new(), cells("", room, &columns, &heads)];
    for row in &comparison.rows {
        lines.push(fit(&title(&row.name, row.unit), width));
        for variant in 0..comparison.variants.len() {
            let name = format!("  {}", name(comparison, variant, room - 3));
            lines.push(cells(&name, room, &columns, &values(comparison, row, variant)));
        }
    }
    lines
}

/// A variant's name; the baseline is marked.
fn name(comparison: &Comparison, variant: usize, width: usize) -> String {
    const MARKS: [&str; 3] = [" (baseline)", " (base)", ""];
    let name = &comparison.variants[variant];
    let room = |mark: &&str| name.chars().count() + mark.len() <= width;
    let mark = MARKS.into_iter().find(room).filter(|_| variant == comparison.baseline);
    fit(&format!("{name}{}", mark.unwrap_or_default()), width)
}

fn values(comparison: &Comparison, row: &Row, variant: usize) -> Vec<String> {
    let shown = words::Shown::of(row, variant);
    let mut values = vec![shown.value, shown.difference, shown.change];
    if comparison.replications > 1 {
        values.insert(2, shown.interval);
    }
    values
}

/// A line with its columns, right-aligned.
fn cells(name: &str, room: usize, columns: &[usize], values: &[String]) -> String {
    let mut line = format!("{name:room$}");
    for (value, &width) in values.iter().zip(columns) {
        let _ = write!(line, "{:>width$}", fit(value, width - 1));
    }
    line
}

fn move_lines(comparison: &Comparison, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for moves in comparison.moves.iter().filter(|moves| moves.counts[0] + moves.counts[1] > 0) {
        lines.push(String::new());
        lines.extend(wrap(&words::counts(comparison, moves), width, "  "));
        for (head, list) in [("gained most", &moves.gained), ("lost most", &moves.lost)] {
            if !list.is_empty() {
                lines.push(format!("  {head}"));
            }
            for one in list {
                lines.extend(told(one, width));
            }
        }
    }
    lines
}

fn told(one: &Move, width: usize) -> Vec<String> {
    let mut lines = wrap(&format!("    {}", words::waits(one)), width, "      ");
    lines.extend(wrap(&format!("      {}", one.why), width, "      "));
    lines
}
