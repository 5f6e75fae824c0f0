//! A study as a person writes it: one workload under several variants.

use super::scalars::{Duration, Period, Seed, Whole};
use crate::scenario::At;
use serde::Deserialize;

/// What `kind` says in a study.
pub const STUDY: &str = "Study";
/// The most replications of a study.
pub const MAX_REPLICATIONS: i64 = 10_000;

/// A study: `apiVersion: seatrial/v1`, `kind: Study`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Study {
    /// `seatrial/v1`.
    pub api_version: At<String>,
    /// `Study`.
    pub kind: At<String>,
    /// The name; the file's name without its ending where it is not given.
    pub name: Option<At<String>>,
    /// A paragraph on what it asks.
    pub description: Option<String>,
    /// The scenario, relative to the study's folder.
    pub scenario: At<String>,
    /// Settings of every variant, `path=value` as behind `--set`.
    #[serde(default)]
    pub set: Vec<At<String>>,
    /// The variants, at least two.
    pub variants: Vec<At<StudyVariant>>,
    /// The name of the variant that the others are compared with; the first where it is not given.
    pub baseline: Option<At<String>>,
    /// How often each variant is run, each time with another seed.
    pub replications: Option<Whole<1, MAX_REPLICATIONS>>,
    /// The seed of the first replication.
    pub seed: Option<Seed>,
    /// By how much submit times of traces are shaken.
    pub shake: Option<Duration>,
    /// The period by whose multiples drawn users of traces are moved.
    pub resample: Option<Period>,
    /// Which metrics are shown.
    pub metrics: Option<Vec<At<String>>>,
}

/// A variant of a study.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StudyVariant {
    /// Its name.
    pub name: At<String>,
    /// A scenario of its own in the place of the study's.
    pub scenario: Option<At<String>>,
    /// Its settings, `path=value` as behind `--set`.
    #[serde(default)]
    pub set: Vec<At<String>>,
}
