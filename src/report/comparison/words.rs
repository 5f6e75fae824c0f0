//! A comparison in words: the same in the terminal and on the page.

use crate::report::format::{counted, duration, is_share, number, value};
use crate::study::{Comparison, Move, Moves, Row};

/// What is compared, in a sentence.
pub(in crate::report) fn summary(comparison: &Comparison) -> String {
    let variants = comparison.variants.len();
    let baseline = &comparison.variants[comparison.baseline];
    match comparison.seeds.as_slice() {
        [seed] => {
            format!(
                "{variants} variants, one replay of each (seed {seed}); differences are against {baseline}"
            )
        }
        [first, .., last] => format!(
            "{variants} variants, {} replications of each (seeds {first} to {last}); means, and paired \
             differences against {baseline}",
            comparison.replications
        ),
        [] => format!("{variants} variants"),
    }
}

/// What a reader must know.
pub(in crate::report) fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if comparison.replications > 1 {
        notes.push(format!(
            "Intervals: Student's t for the mean of the paired differences, {} % confidence, over the \
             replications.",
            number((comparison.confidence * 1e6).round() / 1e4)
        ));
    } else {
        notes.push(
            "One replay has differences and no interval: --replications says how far they hold.".to_owned(),
        );
    }
    notes
}

/// A cell of the table in words.
pub(in crate::report) struct Shown {
    pub(in crate::report) value: String,
    pub(in crate::report) difference: String,
    pub(in crate::report) interval: String,
    pub(in crate::report) change: String,
}

impl Shown {
    pub(in crate::report) fn of(row: &Row, variant: usize) -> Shown {
        let cell = &row.cells[variant];
        let signed = |amount: f64| {
            let sign = if amount > 0.0 { "+" } else { "-" };
            let text = amount_of(row, amount.abs());
            if amount == 0.0 { text } else { format!("{sign}{text}") }
        };
        Shown {
            value: value(&row.name, cell.value, row.unit),
            difference: cell.difference.map(signed).unwrap_or_default(),
            interval: cell.half_width.map(|half| format!("± {}", amount_of(row, half))).unwrap_or_default(),
            change: cell.change.map(percent).unwrap_or_default(),
        }
    }
}

/// An amount of the unit; of shares in percentage points.
fn amount_of(row: &Row, amount: f64) -> String {
    if is_share(&row.name, row.unit) {
        let points = amount * 100.0;
        // Two decimals, or where they would say nothing, four digits.
        let shown = if points < 0.1 { points } else { (points * 100.0).round() / 100.0 };
        return format!("{} pp", number(shown));
    }
    value(&row.name, Some(amount), row.unit)
}

fn percent(change: f64) -> String {
    let percent = (change * 1_000.0).round() / 10.0;
    let sign = if percent > 0.0 { "+" } else { "" };
    format!("{sign}{} %", number(percent))
}

/// How many moved in a variant.
pub(in crate::report) fn counts(comparison: &Comparison, moves: &Moves) -> String {
    let [gained, lost, same] = moves.counts;
    let first = if comparison.replications > 1 { " (first replication)" } else { "" };
    format!(
        "{} against {}{first}: {} shorter, {} longer, {} as long",
        comparison.variants[moves.variant],
        comparison.variants[comparison.baseline],
        counted(gained as u64, "wait is", "waits are"),
        number(lost as f64),
        number(same as f64)
    )
}

/// Which job it is, and its waits.
pub(in crate::report) fn waits(one: &Move) -> String {
    let wait = |wait: Option<f64>| wait.map(duration);
    let waits = match (wait(one.wait), wait(one.baseline_wait)) {
        (Some(now), Some(base)) => format!("waited {now}, not {base}"),
        (Some(now), None) => format!("waited {now}, and never started before"),
        (None, Some(base)) => format!("never started, waited {base} before"),
        (None, None) => "never started".to_owned(),
    };
    format!("{} {} ({}): {waits}", one.kind.one(), one.job, one.size)
}
