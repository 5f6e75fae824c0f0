//! A comparison of several runs: charts side by side on one scale, and a page that holds everything.

mod curves;
mod html;
mod panels;
mod series;
mod stacks;
#[cfg(test)]
mod tests;
pub(super) mod words;

pub use html::comparison_html;

use super::chart::Chart;
use super::format::counted;
use crate::observe::Results;
use crate::study::Comparison;

/// More variants than this are not drawn: nobody could tell them apart.
const MOST: usize = 12;

/// The charts of a comparison: where jobs ran, the distributions of waits and slowdowns, utilization
/// and queue over time. `runs` has the results of each variant; all panels of a chart have one scale.
pub fn comparison_charts(comparison: &Comparison, runs: &[&Results]) -> Vec<Chart> {
    let runs = &runs[..runs.len().min(MOST)];
    let names = &comparison.variants[..runs.len()];
    let mut charts = Vec::new();
    charts.extend(stacks::chart(comparison, names, runs));
    charts.extend(curves::charts(comparison, names, runs));
    charts.extend(series::charts(names, runs));
    charts
}

/// What is said below the title where variants are left out.
fn left_out(comparison: &Comparison, drawn: usize) -> String {
    match comparison.variants.len() - drawn {
        0 => String::new(),
        more => format!("; {} not drawn", counted(more as u64, "further variant", "further variants")),
    }
}
