//! Charts of a run as SVG and PNG, a page that shows them with everything else, and the short
//! summary for a terminal.
//!
//! Only [`Results`](crate::observe::Results) are read, and [`Moments`] for a chart of their own; of several runs a
//! [`Comparison`](crate::study::Comparison). Nothing here knows how a run came about, and
//! nothing touches a file or the terminal: callers write what they get.

mod axis;
mod bars;
mod chart;
mod comparison;
mod data;
mod format;
mod frame;
mod gantt;
mod html;
mod lanes;
mod lines;
mod moments;
mod paint;
mod plot;
mod scene;
mod text;
mod thin;
mod words;
mod workload;

pub use chart::Chart;
pub use chart::charts;
#[cfg(feature = "png")]
pub use chart::png;
pub use comparison::{comparison_charts, comparison_html};
pub use html::html;
pub use moments::{MomentPanel, MomentRow, Moments, moments_chart};
pub use text::{
    Glyphs, Shown, comparison_table, decision_text, sparkline, story_text, summary_table, text_gantt,
    waits_text,
};
pub use workload::{Workload, WorkloadLoad, workload_charts};

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
