//! The scenario file as a person writes it, and its JSON Schema.
//!
//! Low level: what was written, with its places, checked value by value. What it means together is
//! the business of [`super::compile()`].

pub mod batch;
pub mod cluster;
pub mod control;
pub mod events;
pub mod fleet;
pub mod loads;
pub mod mesos;
pub mod scalars;
pub mod slurm;
pub mod study;
pub mod swarm;
pub mod workload;

use super::At;
use events::{Action, Fault};
use scalars::{Duration, Moment, Period, Seed};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;

/// The only version of the format.
pub const API_VERSION: &str = "seatrial/v1";

/// A scenario of seatrial: a cluster, what runs on it, what goes wrong, and what is expected.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// `seatrial/v1`.
    pub api_version: At<String>,
    /// `Scenario`.
    pub kind: Option<At<String>>,
    /// The name, which is also that of the folder of results; the file's name without its ending
    /// where it is not given.
    pub name: Option<At<String>>,
    /// A paragraph on what it shows.
    pub description: Option<String>,
    /// Which machines there are.
    #[serde(default)]
    pub cluster: cluster::Cluster,
    /// Which decisions are taken, and how long things take.
    #[serde(default)]
    pub control_plane: control::ControlPlane,
    /// What is to run.
    #[serde(default)]
    pub workload: workload::Workload,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<At<Fault>>,
    /// What a person does during the run.
    #[serde(default)]
    pub actions: Vec<At<Action>>,
    /// Seed and end of the run.
    #[serde(default)]
    pub run: Run,
    /// What is written.
    #[serde(default)]
    pub outputs: Outputs,
    /// Conditions on metrics, such as `pods_unplaced == 0`: the exit code is 1 if one is not met.
    #[serde(default)]
    pub expect: Vec<At<String>>,
}

/// Seed and end of the run.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// The seed of every random draw; 1 where it is not given.
    pub seed: Option<Seed>,
    /// The time of day at the start, such as `2026-01-05T00:00:00Z`, for CronJobs; the beginning of 1970 where
    /// it is not given.
    pub start: Option<Moment>,
    /// When the run ends at the latest.
    pub until: Option<At<Period>>,
    /// What else ends it.
    #[serde(default)]
    pub stop: Stop,
    /// Whether to check every invariant after every instant. Slow.
    #[serde(default)]
    pub check_invariants: bool,
}

/// What ends a run beside `until`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Stop {
    /// Nothing runs that will end, and nothing queued can be helped by an event to come.
    #[default]
    Settled,
    /// Every pod of the traces and generators, and every Job, has ended.
    JobsDone,
    /// Nothing else.
    Never,
}

/// What is written.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outputs {
    /// Which kinds of files; all where it is not given.
    pub select: Option<Vec<OutputKind>>,
    /// Whether the event log is written; it is where this is not given.
    pub events: Option<bool>,
    /// Whether every decision of the scheduler is written with its scores.
    #[serde(default)]
    pub decisions: bool,
    /// The run time below which bounded slowdown takes this one instead; 10s.
    pub bsld_threshold: Option<Duration>,
}

/// Kinds of output files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OutputKind {
    /// Tables.
    Csv,
    /// The summary as JSON.
    Json,
    /// Charts as SVG and PNG.
    Charts,
    /// One self-contained HTML page.
    Report,
}

/// The JSON Schema of the format, for editors; ends with a newline.
pub fn json_schema() -> String {
    let settings = SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<Scenario>();
    schema.insert("title".into(), "seatrial scenario".into());
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain data");
    text + "\n"
}
