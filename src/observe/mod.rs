//! What a run is seen to do: metrics, the event log, statistics, CSV.
//!
//! How charts look is not known here.

pub mod batch;
pub mod columns;
pub mod decision;
mod durations;
mod events;
pub mod expect;
pub mod fleet;
mod fleet_accounts;
mod fleet_nodes;
mod fleet_waits;
pub mod folder;
pub mod follow;
mod gantt;
pub mod jobs;
pub mod metrics;

pub mod outputs;
pub mod results;
pub mod run;
pub mod samples;
pub mod series;
pub mod single;
pub mod stats;
pub mod table;
pub mod waits;

pub use batch::{BatchObserver, BatchOptions, JobOutcome, JobRecord};
pub use decision::Decision;
pub use expect::{Expectation, Judgement};
pub use fleet::{FleetLog, FleetOptions};
pub use folder::{FolderError, OutputFolder};
pub use jobs::JobLog;
pub use outputs::Observed;
pub use results::{Bar, BarKind, FailingPod, FailureGroup, Gantt, Metric, Results, Sample, Series, Wait};
pub use run::{ChartedLoad, Options, RunObserver, Sinks, loads};
