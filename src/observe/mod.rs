//! What a run is seen to do: metrics, the event log, statistics, CSV.
//!
//! How charts look is not known here.

pub mod results;
pub mod samples;
pub mod series;
pub mod stats;
pub mod table;

pub use results::{Bar, BarKind, Gantt, Metric, Results, Sample, Series};
