//! The reader of SWF logs: lines to rows, with the rules of a replay.

use super::super::input::Input;
use super::super::report::ReadReport;
use super::super::{Reader, Row};
use super::line::{self, Dialect, Fault, Job};
use super::slurm::SlurmNames;
use super::{Partials, SwfOptions, header, reason};
use crate::base::{Diagnostic, Span, Time};

/// Reads a log in the Standard Workload Format, line by line.
pub struct SwfReader {
    input: Input,
    options: SwfOptions,
    report: ReadReport,
    /// Unknown until the first line of data.
    dialect: Option<Dialect>,
    /// The line after the current one, where the parts of a job count.
    ahead: Option<Job>,
    /// Number and end of the part read last.
    part: Option<(i64, u64)>,
    /// The jobs before the jobs of workflows, by the line of the latter.
    waits: Vec<(u64, Vec<i64>)>,
    /// The names of the Slurm simulator's dialect.
    names: SlurmNames,
}

/// Statuses of partial executions.
const PARTS: std::ops::RangeInclusive<i64> = 2..=4;
/// Every status that the format has.
const STATUSES: std::ops::RangeInclusive<i64> = -1..=5;
/// The status of a job that failed.
const FAILED: i64 = 0;
/// The status of a job that was cancelled.
const CANCELLED: i64 = 5;

impl SwfReader {
    /// A reader of `input` under the given choices.
    pub fn new(input: Input, options: SwfOptions) -> SwfReader {
        let report = ReadReport::new(input.name(), Dialect::Standard.name());
        SwfReader {
            input,
            options,
            report,
            dialect: None,
            ahead: None,
            part: None,
            waits: Vec::new(),
            names: SlurmNames::new(),
        }
    }

    /// The next job line, whatever its status.
    fn next_job(&mut self) -> Result<Option<Job>, Diagnostic> {
        while self.input.advance()? {
            let text = self.input.text();
            let Some(first) = text.iter().position(|byte| !line::is_blank(*byte)) else { continue };
            if text[first] == b';' {
                header::comment(&text[first + 1..], || self.input.location(0), &mut self.report);
                continue;
            }
            if let Some(dialect) = self.dialect {
                return self.take_job(dialect).map(Some);
            }
            let dialect = line::recognise(text).map_err(|fault| diagnose(&self.input, &fault))?;
            self.dialect = Some(dialect);
            self.report.format = dialect.name();
            // The workflow dialect was recognised by its row of column names, which is no job.
            if dialect != Dialect::AleaWorkflow {
                return self.take_job(dialect).map(Some);
            }
        }
        Ok(None)
    }

    /// The current line as a job.
    fn take_job(&mut self, dialect: Dialect) -> Result<Job, Diagnostic> {
        let parsed = match dialect {
            Dialect::Slurm => self.names.parse(self.input.text(), self.input.line(), &mut self.report.header),
            _ => line::parse(self.input.text(), self.input.line(), dialect),
        };
        let mut job = parsed.map_err(|fault| diagnose(&self.input, &fault))?;
        if dialect == Dialect::AleaWorkflow {
            let before =
                line::predecessors(self.input.text()).map_err(|fault| diagnose(&self.input, &fault))?;
            self.waits.push((job.line, before));
        }
        if !STATUSES.contains(&job.status) {
            self.report.repair_row(reason::UNKNOWN_STATUS, job.line);
            job.status = -1;
        }
        self.report.rows += 1;
        Ok(job)
    }

    /// The next line that stands for a job or a part of one, by the choice of [`Partials`].
    fn next_counted(&mut self) -> Result<Option<Job>, Diagnostic> {
        if self.options.partials == Partials::Summary {
            while let Some(job) = self.next_job()? {
                if !PARTS.contains(&job.status) {
                    return Ok(Some(job));
                }
                self.report.drop_row(reason::PARTIAL_EXECUTION, job.line);
            }
            return Ok(None);
        }
        loop {
            let current = match self.ahead.take() {
                Some(job) => job,
                None => match self.next_job()? {
                    Some(job) => job,
                    None => return Ok(None),
                },
            };
            if PARTS.contains(&current.status) {
                return Ok(Some(self.place_part(current)));
            }
            // A summary is followed by its parts: it counts only if it has none.
            self.ahead = self.next_job()?;
            let parts = |next: &Job| next.number == current.number && PARTS.contains(&next.status);
            if !self.ahead.as_ref().is_some_and(parts) {
                return Ok(Some(current));
            }
            self.report.drop_row(reason::SUMMARY_LINE, current.line);
        }
    }

    /// Only the first part has a submit time; the others waited since the part before them ended.
    fn place_part(&mut self, job: Job) -> Job {
        let before = self.part.filter(|(number, _)| *number == job.number).map(|(_, end)| end);
        let submit = match (job.submit, before) {
            (None, Some(end)) => {
                self.report.repair_row(reason::PART_WITHOUT_SUBMIT, job.line);
                Some(end)
            }
            (submit, _) => submit,
        };
        let spent = job.wait.unwrap_or_default() + job.run.unwrap_or_default();
        self.part = Some((job.number, submit.unwrap_or(0).saturating_add(spent.0)));
        Job { submit, ..job }
    }

    /// Why a job is not replayed; `None` if it is.
    fn refusal(&self, job: &Job, processors: i64) -> Option<&'static str> {
        match job.run {
            None if matches!(job.status, FAILED | CANCELLED) => return Some(reason::NEVER_STARTED),
            None => return Some(reason::RUN_TIME_UNKNOWN),
            Some(Span::ZERO) => {
                let started = job.status != CANCELLED && (job.status != FAILED || job.allocated > 0);
                if !started {
                    return Some(reason::NEVER_STARTED);
                }
                if !self.options.keep_zero_run {
                    return Some(reason::ZERO_RUN_TIME);
                }
            }
            Some(_) => {}
        }
        let limit = self.options.max_processors.or(self.report.header.max_procs);
        if processors <= 0 {
            return Some(reason::NO_PROCESSORS);
        }
        limit.filter(|limit| processors > i64::from(*limit)).map(|_| reason::TOO_MANY_PROCESSORS)
    }

    fn fill(&mut self, job: &Job, processors: i64, row: &mut Row) {
        row.reset();
        row.line = job.line;
        row.number = job.number;
        row.submit = Time(job.submit.unwrap_or_else(|| {
            self.report.repair_row(reason::SUBMIT_BEFORE_START, job.line);
            0
        }));
        row.run_time = job.run;
        row.estimate = job.estimate;
        row.processors = processors as u32;
        row.allocated_processors = job.allocated;
        row.requested_processors = job.requested;
        row.recorded_wait = job.wait;
        row.status = job.status as i8;
        row.memory_bytes = job.memory;
        if matches!(self.dialect, Some(Dialect::Alea | Dialect::Slurm)) && job.memory > 0 {
            row.memory_bytes = 0;
            self.report.repair_row(reason::ALEA_MEMORY, job.line);
        }
        if let Some(place) = self.waits.iter().position(|(line, _)| *line == job.line) {
            row.after.append(&mut self.waits[place].1);
            self.waits.retain(|(line, _)| *line > job.line);
        }
        row.user = job.user;
        row.group = job.group;
        row.queue = job.queue;
        row.partition = job.partition;
        row.preceding = job.preceding;
        row.think_time = job.think;
        self.report.use_row(row.submit, job.line);
    }
}

impl Reader for SwfReader {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let result = loop {
            match self.next_counted() {
                Ok(Some(job)) => {
                    let processors = self.options.processors.of(job.allocated, job.requested);
                    if let Some(why) = self.refusal(&job, processors) {
                        self.report.drop_row(why, job.line);
                    } else {
                        self.fill(&job, processors, row);
                        break Ok(true);
                    }
                }
                Ok(None) => break Ok(false),
                Err(finding) => break Err(finding),
            }
        };
        self.report.lines = self.input.line();
        self.report.bytes = self.input.bytes();
        result
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.input.sha256().map(Some)
    }
}

/// The diagnostic of a fault in the current line, with the column in characters.
#[cold]
fn diagnose(input: &Input, fault: &Fault) -> Diagnostic {
    let text = input.text();
    let column = String::from_utf8_lossy(&text[..fault.start]).chars().count() + 1;
    Diagnostic::error(input.location(u32::try_from(column).unwrap_or(u32::MAX)), fault.message.clone())
        .found(String::from_utf8_lossy(&text[fault.start..fault.end]))
        .help(fault.help.clone())
}
