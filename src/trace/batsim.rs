//! Workloads of the simulator Batsim: JSON with a list of jobs and a table of profiles.
//!
//! Source: `docs/input-workload.rst` of <https://github.com/oar-team/batsim>. Names of profile types of old
//! and new versions are known. Only profiles that say how long they take give a run time; the time of one
//! that counts floating-point operations and bytes depends on a platform, which is not read.

use super::input::Input;
use super::json::Json;
use super::listed::{Choices, drop_row, seconds};
use super::report::ReadReport;
use super::{Row, swf};
use crate::base::{Diagnostic, Map, Span, Time};
use serde::Deserialize;
use serde_json::Value;

/// The reasons for which rows are dropped.
pub mod reason {
    /// No profile of that name.
    pub const NO_PROFILE: &str = "profile not defined";
    /// Operations and bytes: how long they take depends on the platform.
    pub const WORK: &str = "profile counts operations and bytes, run time unknown";
    /// The profile names files that are not read.
    pub const FILES: &str = "profile replays a trace of its own, run time unknown";
    /// A type that is not known.
    pub const OTHER: &str = "profile of an unknown type, run time unknown";
    /// Profiles that hold each other, or that are nested very deep.
    pub const NESTED: &str = "profiles in profiles without end";
    /// The time is negative or absurd.
    pub const NO_TIME: &str = "submit time or run time is no time";
}

#[derive(Deserialize)]
struct Job {
    id: Value,
    subtime: f64,
    res: i64,
    profile: Value,
    walltime: Option<f64>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "type")]
    kind: String,
    delay: Option<f64>,
    repeat: Option<f64>,
    seq: Option<Vec<String>>,
    ret: Option<f64>,
}

/// A job with its line.
struct Placed {
    line: u64,
    job: Job,
}

/// Profiles in profiles deeper than this have no end.
const MAX_DEPTH: u32 = 32;
/// More steps than this of one profile are not added up.
const MAX_STEPS: u64 = 1_000_000;

/// How long a profile takes, in seconds.
fn run_time(
    profiles: &Map<String, Profile>,
    name: &str,
    depth: u32,
    steps: &mut u64,
) -> Result<f64, &'static str> {
    *steps += 1;
    if depth > MAX_DEPTH || *steps > MAX_STEPS {
        return Err(reason::NESTED);
    }
    let profile = profiles.get(name).ok_or(reason::NO_PROFILE)?;
    match profile.kind.as_str() {
        "delay" | "DelayProfile" => profile.delay.ok_or(reason::NO_TIME),
        "composed" | "sequence" | "SequentialCompositionProfile" => {
            let mut sum = 0.0;
            for part in profile.seq.iter().flatten() {
                sum += run_time(profiles, part, depth + 1, steps)?;
            }
            Ok(sum * profile.repeat.unwrap_or(1.0))
        }
        "smpi" | "usage_trace" | "TraceReplayProfile" => Err(reason::FILES),
        kind if is_work(kind) => Err(reason::WORK),
        _ => Err(reason::OTHER),
    }
}

fn is_work(kind: &str) -> bool {
    let known = [
        "msg_par",
        "msg_par_hg",
        "msg_par_hg_tot",
        "msg_par_hg_pfs",
        "msg_par_hg_pfs0",
        "msg_par_hg_pfs_tiers",
        "parallel",
        "parallel_homogeneous",
        "parallel_homogeneous_total",
        "parallel_homogeneous_pfs",
        "data_staging",
        "ParallelTaskProfile",
        "ParallelTaskHomogeneousProfile",
        "ParallelTaskOnStorageHomogeneousProfile",
        "ParallelTaskDataStagingBetweenStoragesProfile",
    ];
    known.contains(&kind)
}

/// The text of a name that may be a number.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads a workload.
pub(super) fn read(
    input: Input,
    report: &mut ReadReport,
    choices: &Choices,
) -> (Input, Result<Vec<Row>, Diagnostic>) {
    let mut json = Json::new(input);
    let result = workload(&mut json, report).map(|(jobs, profiles)| {
        let limit = choices.max_processors.or(report.header.max_procs);
        let mut rows = Vec::with_capacity(jobs.len());
        for (index, placed) in jobs.iter().enumerate() {
            match row(placed, index, &profiles, limit, choices) {
                Ok(row) => rows.push(row),
                Err(reason) => drop_row(report, reason, placed.line),
            }
        }
        rows
    });
    (json.input, result)
}

fn workload(
    json: &mut Json,
    report: &mut ReadReport,
) -> Result<(Vec<Placed>, Map<String, Profile>), Diagnostic> {
    let (mut jobs, mut profiles) = (Vec::new(), Map::default());
    json.open(b'{')?;
    while json.more()? {
        let key = json.key()?;
        match key.as_str() {
            "jobs" => {
                json.open(b'[')?;
                while json.more()? {
                    let job = json.value()?;
                    jobs.push(Placed { line: json.line(), job });
                }
            }
            "profiles" => {
                json.open(b'{')?;
                while json.more()? {
                    let name = json.key()?;
                    profiles.insert(name, json.value()?);
                }
            }
            "nb_res" => {
                let count: i64 = json.value()?;
                report.header.max_procs = u32::try_from(count).ok().filter(|count| *count > 0);
                report.header.entries.push((key, count.to_string()));
            }
            "description" | "command" | "date" => {
                let value: Value = json.value()?;
                report.header.entries.push((key, text(&value).chars().take(1_000).collect()));
            }
            _ => json.skip()?,
        }
    }
    json.finish()?;
    Ok((jobs, profiles))
}

fn row(
    placed: &Placed,
    index: usize,
    profiles: &Map<String, Profile>,
    limit: Option<u32>,
    choices: &Choices,
) -> Result<Row, &'static str> {
    let Placed { line, job } = placed;
    let profile = text(&job.profile);
    let submit = seconds(job.subtime).ok_or(reason::NO_TIME)?;
    let run = seconds(run_time(profiles, &profile, 0, &mut 0)?).ok_or(reason::NO_TIME)?;
    if run == 0 && !choices.keep_zero_run {
        return Err(swf::reason::ZERO_RUN_TIME);
    }
    let processors = u32::try_from(job.res).ok().filter(|count| *count > 0 && i32::try_from(*count).is_ok());
    let processors = processors.ok_or(swf::reason::NO_PROCESSORS)?;
    if limit.is_some_and(|limit| processors > limit) {
        return Err(swf::reason::TOO_MANY_PROCESSORS);
    }
    let id = text(&job.id);
    let number = id.parse::<i64>().ok().filter(|number| *number >= 0);
    let failed = profiles.get(&profile).and_then(|profile| profile.ret).is_some_and(|code| code != 0.0);
    Ok(Row {
        line: *line,
        number: number.unwrap_or(index as i64 + 1),
        name: if number.is_some() { String::new() } else { id },
        submit: Time(submit),
        run_time: Some(Span(run)),
        estimate: job.walltime.and_then(seconds).filter(|walltime| *walltime > 0).map(Span),
        processors,
        requested_processors: i64::from(processors),
        status: if failed { 0 } else { -1 },
        exit_code: i32::from(failed),
        ..Row::default()
    })
}
