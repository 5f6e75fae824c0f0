//! Microsoft's trace of deep-learning jobs of 2017 ("Philly"): `cluster_job_log`, a list of jobs in JSON,
//! and the short table of its jobs that other works use.
//!
//! Source: <https://github.com/msr-fiddle/philly-traces>. Times are those of the Pacific coast, with its
//! change of clocks; the trace's time 0 is the midnight before its first job, 2017-08-07.

use super::input::Input;
use super::json::Json;
use super::lines::{Fate, LineReader, Lines};
use super::names::Names;
use super::record::Records;
use super::report::ReadReport;
use super::{Reader, Row, moment, swf};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Span, Time};
use jiff::tz::TimeZone;
use serde::Deserialize;

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: no attempt with a start, or none with machines.
    pub const NEVER_STARTED: &str = "never started";
    /// Dropped: an attempt has no end.
    pub const NO_END: &str = "no end of an attempt, run time unknown";
    /// Dropped: no time of submission.
    pub const NO_SUBMIT: &str = "no time of submission";
    /// Dropped: no GPUs.
    pub const NO_GPUS: &str = "no GPUs";
    /// Repaired: submitted before the day on which the public trace begins.
    pub const BEFORE_START: &str = "submitted before 2017-08-07, taken as 0";
    /// Repaired: the machines of a job have different numbers of its GPUs.
    pub const UNEQUAL: &str = "different numbers of GPUs on its machines, taken as a task a GPU";
}

/// Whole GPUs.
const GPU: &str = "nvidia.com/gpu";
/// 2017-08-07 00:00 Pacific time, in seconds since 1970.
const ORIGIN: i64 = 1_502_089_200;
/// The most GPUs of a job.
const MAX_GPUS: usize = 1_000_000;
/// The longest trace in seconds, about 270 years.
const LONGEST: i64 = 1 << 33;

#[derive(Deserialize)]
struct Job {
    status: Option<String>,
    vc: Option<String>,
    jobid: Option<String>,
    #[serde(default)]
    attempts: Vec<Attempt>,
    submitted_time: Option<String>,
    user: Option<String>,
}

#[derive(Deserialize)]
struct Attempt {
    start_time: Option<String>,
    end_time: Option<String>,
    #[serde(default)]
    detail: Vec<Machine>,
}

#[derive(Deserialize)]
struct Machine {
    #[serde(default)]
    gpus: Vec<String>,
}

struct JobReader {
    json: Json,
    zone: TimeZone,
    users: Names,
    clusters: Names,
    /// Whether the list has begun, and whether it has ended.
    state: State,
    report: ReadReport,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Within,
    Behind,
}

/// The zone in which the times are.
fn pacific(input: &Input) -> Result<TimeZone, Diagnostic> {
    TimeZone::get("America/Los_Angeles").map_err(|error| {
        Diagnostic::error(crate::base::Location::file(input.name().clone()), error.to_string())
    })
}

/// A reader of `cluster_job_log`, or of the table `timestamp,duration,num_gpus,gpu_time,cluster`.
pub(super) fn reader(mut input: Input) -> Result<Box<dyn Reader + Send>, Diagnostic> {
    let zone = pacific(&input)?;
    let is_list = input.peek()?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if is_list {
        let mut report = ReadReport::new(input.name(), "Philly, job log");
        report.header.unix_start_time = Some(ORIGIN);
        let (users, clusters) = (Names::new("User"), Names::new("Queue"));
        let json = Json::new(input);
        return Ok(Box::new(JobReader { json, zone, users, clusters, state: State::Before, report }));
    }
    let records = Records::new(input)?;
    let table = Table {
        zone,
        clusters: Names::new("Queue"),
        time: records.needed(&["timestamp"])?,
        duration: records.needed(&["duration"])?,
        gpus: records.needed(&["num_gpus"])?,
        cluster: records.needed(&["cluster"])?,
    };
    Ok(Box::new(LineReader::new(records, table, "Philly, table of jobs")))
}

/// The moment of the trace; `None` where the text is none. Before the trace's time 0 it is negative.
fn since_start(text: Option<&str>, zone: &TimeZone) -> Option<i64> {
    let seconds = moment::seconds(text?, zone)? - ORIGIN;
    (seconds.abs() < LONGEST).then_some(seconds)
}

impl JobReader {
    /// How long the attempts took, and when the first began.
    fn times(&self, attempts: &[Attempt]) -> Result<(i64, u64), &'static str> {
        let mut first = None;
        let mut sum = 0;
        for attempt in attempts {
            let Some(start) = since_start(attempt.start_time.as_deref(), &self.zone) else { continue };
            let end = since_start(attempt.end_time.as_deref(), &self.zone).ok_or(reason::NO_END)?;
            first = Some(first.map_or(start, |first: i64| first.min(start)));
            sum += u64::try_from(end - start).unwrap_or(0);
        }
        Ok((first.ok_or(reason::NEVER_STARTED)?, sum))
    }

    fn fill(&mut self, job: &Job, row: &mut Row) -> Result<(), &'static str> {
        let submit = since_start(job.submitted_time.as_deref(), &self.zone).ok_or(reason::NO_SUBMIT)?;
        let (start, run) = self.times(&job.attempts)?;
        let last = job.attempts.iter().rfind(|attempt| !attempt.detail.is_empty()).ok_or(reason::NO_GPUS)?;
        let gpus: usize = last.detail.iter().map(|machine| machine.gpus.len()).sum();
        if gpus == 0 || gpus > MAX_GPUS {
            return Err(reason::NO_GPUS);
        }
        if run == 0 {
            return Err(swf::reason::ZERO_RUN_TIME);
        }
        if run > LONGEST as u64 {
            return Err(reason::NO_END);
        }
        let each = last.detail[0].gpus.len();
        if last.detail.iter().all(|machine| machine.gpus.len() == each) {
            row.tasks = last.detail.len() as u32;
            row.extended.push((GPU.to_owned(), each as i64));
        } else {
            self.report.repair_row(reason::UNEQUAL, row.line);
            row.tasks = gpus as u32;
            row.extended.push((GPU.to_owned(), 1));
        }
        row.processors = gpus as u32;
        if submit < 0 {
            self.report.repair_row(reason::BEFORE_START, row.line);
        }
        row.submit = Time::from_secs(submit.max(0) as u64);
        row.run_time = Some(Span::from_secs(run));
        row.recorded_wait = u64::try_from(start - submit).ok().map(Span::from_secs);
        row.status = match job.status.as_deref() {
            Some("Pass") => 1,
            Some("Killed") => 5,
            Some("Failed") => 0,
            _ => -1,
        };
        row.exit_code = i32::from(row.status == 0);
        row.restart_policy = Some(RestartPolicy::Never);
        let jobid = job.jobid.as_deref().unwrap_or("");
        row.name = jobid.replace('_', "-").to_ascii_lowercase();
        let header = &mut self.report.header;
        row.user = self.users.number(job.user.as_deref().unwrap_or("").as_bytes(), header);
        row.queue = self.clusters.number(job.vc.as_deref().unwrap_or("").as_bytes(), header);
        Ok(())
    }

    fn next(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        if self.state == State::Before {
            self.state = State::Behind;
            self.json.open(b'[')?;
            self.state = State::Within;
        }
        while self.state == State::Within {
            if !self.json.more().inspect_err(|_| self.state = State::Behind)? {
                self.state = State::Behind;
                self.json.finish()?;
                break;
            }
            let job: Job = self.json.value()?;
            row.reset();
            row.line = self.json.line();
            row.number = self.report.rows as i64 + 1;
            self.report.rows += 1;
            match self.fill(&job, row) {
                Ok(()) => {
                    self.report.use_row(row.submit, row.line);
                    return Ok(true);
                }
                Err(reason) => self.report.drop_row(reason, row.line),
            }
        }
        Ok(false)
    }
}

impl Reader for JobReader {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let result = self.next(row);
        self.report.lines = self.json.input.line();
        self.report.bytes = self.json.input.bytes();
        result
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.json.input.sha256().map(Some)
    }
}

/// The table of jobs: date, seconds, GPUs, their product, virtual cluster.
struct Table {
    zone: TimeZone,
    clusters: Names,
    time: usize,
    duration: usize,
    gpus: usize,
    cluster: usize,
}

impl Lines for Table {
    fn fill(
        &mut self,
        records: &Records,
        row: &mut Row,
        report: &mut ReadReport,
    ) -> Result<Fate, Diagnostic> {
        let submit = since_start(Some(records.text(self.time)?), &self.zone).ok_or_else(|| {
            records.fault(self.time, "not a date and time").help("write `2017-10-09 07:01:55`")
        })?;
        let run = records.seconds(self.duration)?;
        let gpus = records.multiple(self.gpus, 1)?;
        if gpus == 0 || gpus > MAX_GPUS as i64 {
            return Ok(Fate::Dropped(reason::NO_GPUS));
        }
        if run == 0 {
            return Ok(Fate::Dropped(swf::reason::ZERO_RUN_TIME));
        }
        if submit < 0 {
            report.repair_row(reason::BEFORE_START, row.line);
        }
        row.submit = Time::from_secs(submit.max(0) as u64);
        row.run_time = Some(Span(run));
        row.processors = gpus as u32;
        row.extended.push((GPU.to_owned(), gpus));
        row.queue = self.clusters.number(records.field(self.cluster), &mut report.header);
        row.restart_policy = Some(RestartPolicy::Never);
        Ok(Fate::Used)
    }
}
