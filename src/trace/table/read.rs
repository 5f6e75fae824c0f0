//! The reader of workload tables.

use super::super::input::Input;
use super::super::number::{Number, NumberError};
use super::super::record::Records;
use super::super::report::ReadReport;
use super::super::{Reader, Row};
use super::Column;
use super::quantity::{self, Stored};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Span, Time};

/// Reads a workload table.
pub struct TableReader {
    records: Records,
    columns: Vec<Column>,
    report: ReadReport,
}

impl TableReader {
    /// Reads the row of column names. Errors: unknown columns, columns named twice, more than one
    /// `nodes:` column.
    pub fn new(input: Input) -> Result<TableReader, Diagnostic> {
        let report = ReadReport::new(input.name(), "seatrial table");
        let records = Records::new(input)?;
        let mut columns = Vec::new();
        let mut nodes = false;
        for (field, name) in records.names().iter().enumerate() {
            let column = Column::parse(name);
            let column = column.ok_or_else(|| records.unknown_column(field, Column::known()))?;
            if matches!(column, Column::Nodes(_)) && std::mem::replace(&mut nodes, true) {
                return Err(records.fault(field, "a second `nodes:` column; a row can name one node label"));
            }
            columns.push(column);
        }
        Ok(TableReader { records, columns, report })
    }

    /// The columns in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn fill(&self, row: &mut Row) -> Result<(), Diagnostic> {
        row.reset_plain();
        row.number = self.report.rows as i64 + 1;
        let mut filled = Filled::default();
        for (field, (column, cell)) in self.columns.iter().zip(self.records.fields()).enumerate() {
            if !cell.is_empty() {
                set(row, &mut filled, column, cell).map_err(|wrong| self.fault(field, wrong))?;
            }
        }
        row.extended.truncate(filled.extended);
        row.labels.truncate(filled.labels);
        if !filled.name {
            row.name.clear();
        }
        if !filled.nodes {
            row.node_labels_in = None;
        }
        Ok(())
    }

    #[cold]
    fn fault(&self, field: usize, wrong: Wrong) -> Diagnostic {
        match wrong {
            Wrong::Number(error) => self.records.number_fault(field, error),
            Wrong::Text(message) => self.records.fault(field, message),
            Wrong::Range(min, max) => {
                self.records.fault(field, format!("the number must be between {min} and {max}"))
            }
            Wrong::RestartPolicy => {
                let fault = self.records.fault(field, "not a restart policy");
                fault.help("write `Always`, `OnFailure` or `Never`")
            }
        }
    }
}

/// What is wrong with a cell. Small, because every cell returns one or nothing.
enum Wrong {
    Number(NumberError),
    Text(String),
    /// The legal range.
    Range(i64, i64),
    RestartPolicy,
}

impl From<NumberError> for Wrong {
    fn from(error: NumberError) -> Wrong {
        Wrong::Number(error)
    }
}

/// Which of the fields that keep their memory have been filled for this row.
#[derive(Default)]
struct Filled {
    name: bool,
    nodes: bool,
    extended: usize,
    labels: usize,
}

/// Takes a cell that is not empty into the row.
fn set(row: &mut Row, filled: &mut Filled, column: &Column, cell: &[u8]) -> Result<(), Wrong> {
    match column {
        Column::Number => row.number = Number::parse(cell)?.integer()?,
        Column::Submit => row.submit = Time(nanoseconds(cell)?),
        Column::RunTime => row.run_time = Some(Span(nanoseconds(cell)?)),
        Column::Estimate => row.estimate = Some(Span(nanoseconds(cell)?)),
        Column::RecordedWait => row.recorded_wait = Some(Span(nanoseconds(cell)?)),
        Column::ThinkTime => row.think_time = Some(Span(nanoseconds(cell)?)),
        Column::Deadline => row.deadline = Some(Span(nanoseconds(cell)?)),
        Column::Tasks => row.tasks = within(cell, 1, i64::from(u32::MAX))? as u32,
        Column::Processors => row.processors = within(cell, 0, i64::from(i32::MAX))? as u32,
        Column::Cpu => row.cpu_milli = quantity(cell, Stored::Milli)?,
        Column::Memory => row.memory_bytes = quantity(cell, Stored::Units)?,
        Column::Priority => row.priority = Number::parse(cell)?.small()?,
        Column::User => row.user = Number::parse(cell)?.small()?,
        Column::Group => row.group = Number::parse(cell)?.small()?,
        Column::Queue => row.queue = Number::parse(cell)?.small()?,
        Column::Partition => row.partition = Number::parse(cell)?.small()?,
        Column::ExitCode => row.exit_code = within(cell, 0, 255)? as i32,
        Column::Status => row.status = within(cell, -1, 5)? as i8,
        Column::Preceding => row.preceding = Number::parse(cell)?.integer()?,
        Column::After => {
            for number in cell.split(|byte| *byte == b'|') {
                row.after.push(Number::parse(number)?.integer()?);
            }
        }
        Column::RestartPolicy => row.restart_policy = Some(restart_policy(cell)?),
        Column::Name => {
            filled.name = true;
            replace(&mut row.name, text(cell)?);
        }
        Column::Resource(key) => {
            let value = quantity(cell, Stored::Units)?;
            let slot = slot(&mut row.extended, filled.extended);
            replace(&mut slot.0, key);
            slot.1 = value;
            filled.extended += 1;
        }
        Column::Label(key) => {
            let slot = slot(&mut row.labels, filled.labels);
            replace(&mut slot.0, key);
            replace(&mut slot.1, text(cell)?);
            filled.labels += 1;
        }
        Column::Nodes(key) => {
            filled.nodes = true;
            let (name, values) = row.node_labels_in.get_or_insert_default();
            replace(name, key);
            values.clear();
            values.extend(text(cell)?.split('|').map(str::to_owned));
        }
    }
    Ok(())
}

fn nanoseconds(cell: &[u8]) -> Result<u64, NumberError> {
    match Number::parse(cell)? {
        number if number.negative => Err(NumberError::Negative),
        number => number.nanoseconds(),
    }
}

fn within(cell: &[u8], min: i64, max: i64) -> Result<i64, Wrong> {
    let number = Number::parse(cell)?.integer()?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(Wrong::Range(min, max)) }
}

fn quantity(cell: &[u8], stored: Stored) -> Result<i64, Wrong> {
    quantity::read(cell, stored).map_err(Wrong::Text)
}

fn text(cell: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(cell).map_err(|_| Wrong::Text("the text is not UTF-8".to_owned()))
}

fn restart_policy(cell: &[u8]) -> Result<RestartPolicy, Wrong> {
    match cell {
        b"Always" => Ok(RestartPolicy::Always),
        b"OnFailure" => Ok(RestartPolicy::OnFailure),
        b"Never" => Ok(RestartPolicy::Never),
        _ => Err(Wrong::RestartPolicy),
    }
}

impl Reader for TableReader {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let result = match self.records.next() {
            Ok(true) => self.fill(row).map(|()| {
                self.report.rows += 1;
                row.line = self.records.input.line();
                self.report.use_row(row.submit, row.line);
                true
            }),
            other => other,
        };
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

/// The entry at `index`, which may be the next one.
fn slot<T: Default>(entries: &mut Vec<T>, index: usize) -> &mut T {
    if index == entries.len() {
        entries.push(T::default());
    }
    &mut entries[index]
}

/// Sets a text without giving up its memory.
fn replace(text: &mut String, with: &str) {
    text.clear();
    text.push_str(with);
}
