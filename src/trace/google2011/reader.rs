//! Events of tasks as rows: every attempt of a task from its submission to its end.
//!
//! Attempts are handed out when they end, those that have not at the end of the input. What is held grows
//! with the attempts that are open, not with the file.

use super::super::input::Input;
use super::super::names::Names;
use super::super::number::Number;
use super::super::record::Records;
use super::super::report::ReadReport;
use super::super::{Largest, Reader, Row};
use super::events::{Kind, Table, TaskEvent};
use super::{machines, reason};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Map, Span, Time};

/// An attempt that has not ended.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    line: u64,
    /// Its place among all submissions, from 1.
    number: i64,
    submit: u64,
    schedule: Option<u64>,
    cpu: Option<Number>,
    memory: Option<Number>,
    priority: i32,
    class: i32,
    user: i32,
    different_machines: bool,
}

struct EventReader {
    records: Records,
    table: Table,
    largest: Largest,
    users: Names,
    open: Map<(i64, i64), Attempt>,
    /// Attempts that are open at the end of the input, the next one last.
    left: Option<Vec<Attempt>>,
    submissions: i64,
    report: ReadReport,
}

/// A reader of `task_events` or `job_events`.
pub(in super::super) fn reader(
    mut input: Input,
    largest: Largest,
) -> Result<Box<dyn Reader + Send>, Diagnostic> {
    let table = Table::of(&mut input)?;
    let name = match table {
        Table::Tasks => "Google 2011, task events",
        Table::Jobs => "Google 2011, job events",
    };
    let report = ReadReport::new(input.name(), name);
    Ok(Box::new(EventReader {
        records: table.records(input),
        table,
        largest,
        users: Names::new("User"),
        open: Map::default(),
        left: None,
        submissions: 0,
        report,
    }))
}

impl EventReader {
    /// Takes an event; the attempt that ends with it, with the moment and how.
    fn take(&mut self, event: &TaskEvent) -> Option<(Attempt, Option<u64>, i8)> {
        let key = (event.job, event.index);
        match event.kind {
            Kind::Submit => {
                let attempt = self.begin(event, None);
                if let Some(before) = self.open.insert(key, attempt) {
                    self.report.drop_row(reason::NO_END, before.line);
                }
                None
            }
            Kind::Schedule => {
                if !self.open.contains_key(&key) {
                    let attempt = self.begin(event, event.at);
                    self.report.repair_row(reason::NO_SUBMIT, attempt.line);
                    self.open.insert(key, attempt);
                }
                let attempt = self.open.get_mut(&key)?;
                attempt.schedule = attempt.schedule.or(event.at);
                None
            }
            Kind::UpdatePending | Kind::UpdateRunning => {
                if let Some(attempt) = self.open.get_mut(&key)
                    && attempt.schedule.is_none()
                {
                    attempt.cpu = event.cpu.or(attempt.cpu);
                    attempt.memory = event.memory.or(attempt.memory);
                    attempt.priority = event.priority;
                }
                None
            }
            Kind::Evict | Kind::Fail | Kind::Finish | Kind::Kill | Kind::Lost => {
                let Some(attempt) = self.open.remove(&key) else {
                    self.report.rows += 1;
                    self.report.drop_row(reason::UNKNOWN, self.records.input.line());
                    return None;
                };
                if attempt.schedule.is_none() {
                    self.report.drop_row(reason::NEVER_SCHEDULED, attempt.line);
                    return None;
                }
                Some((attempt, event.at, event.kind.status().unwrap_or(-1)))
            }
        }
    }

    fn begin(&mut self, event: &TaskEvent, schedule: Option<u64>) -> Attempt {
        self.report.rows += 1;
        self.submissions += 1;
        Attempt {
            line: self.records.input.line(),
            number: self.submissions,
            submit: event.at.unwrap_or(0),
            schedule,
            cpu: event.cpu,
            memory: event.memory,
            priority: event.priority,
            class: event.class,
            user: self.users.number(self.records.field(self.table.user()), &mut self.report.header),
            different_machines: event.different_machines,
        }
    }

    fn fill(&mut self, attempt: &Attempt, end: Option<u64>, status: i8, row: &mut Row) {
        row.reset();
        row.line = attempt.line;
        row.number = attempt.number;
        row.submit = Time(attempt.submit);
        let start = attempt.schedule.unwrap_or(attempt.submit);
        row.recorded_wait = Some(Span(start.saturating_sub(attempt.submit)));
        row.run_time = end.map(|end| Span(end.saturating_sub(start)));
        row.status = status;
        row.exit_code = i32::from(status == 0);
        row.priority = attempt.priority;
        row.queue = attempt.class;
        row.user = attempt.user;
        row.restart_policy = Some(RestartPolicy::Never);
        machines::request(row, self.largest, attempt.cpu, attempt.memory);
        row.processors = super::super::alibaba::processors(row);
        let is_task = self.table == Table::Tasks;
        for (is_so, reason) in [
            (end.is_none(), reason::RUNS_ON),
            (is_task && (attempt.cpu.is_none() || attempt.memory.is_none()), reason::NO_REQUEST),
            (attempt.different_machines, reason::DIFFERENT_MACHINES),
        ] {
            if is_so {
                self.report.repair_row(reason, attempt.line);
            }
        }
        self.report.use_row(row.submit, row.line);
    }

    fn next(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        while self.left.is_none() {
            if !self.records.next()? {
                let mut left: Vec<Attempt> = self.open.drain().map(|(_, attempt)| attempt).collect();
                left.sort_unstable_by_key(|attempt| std::cmp::Reverse(attempt.number));
                self.left = Some(left);
                break;
            }
            let event = self.table.event(&self.records)?;
            if let Some((attempt, end, status)) = self.take(&event) {
                self.fill(&attempt, end, status, row);
                return Ok(true);
            }
        }
        while let Some(attempt) = self.left.as_mut().and_then(Vec::pop) {
            if attempt.schedule.is_some() {
                self.fill(&attempt, None, -1, row);
                return Ok(true);
            }
            self.report.drop_row(reason::PENDING, attempt.line);
        }
        Ok(false)
    }
}

impl Reader for EventReader {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let result = self.next(row);
        self.report.lines = self.records.input.line();
        self.report.bytes = self.records.input.bytes();
        result
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.records.input.sha256().map(Some)
    }
}
