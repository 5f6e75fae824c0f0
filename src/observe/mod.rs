//! What a run is seen to do: metrics, the event log, statistics, CSV.
//!
//! How charts look is not known here.

pub mod results;

pub use results::{Bar, BarKind, Gantt, Metric, Results, Sample, Series};
