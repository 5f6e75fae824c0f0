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
        let (mut extended, mut labels, mut named, mut nodes) = (0, 0, false, false);
        for (field, column) in self.columns.iter().enumerate() {
            let cell = self.records.field(field);
            if cell.is_empty() {
                continue;
            }
            match column {
                Column::Name => {
                    named = true;
                    replace(&mut row.name, self.records.text(field)?);
                }
                Column::Resource(key) => {
                    let value = self.quantity(field, Stored::Units)?;
                    let slot = slot(&mut row.extended, extended);
                    replace(&mut slot.0, key);
                    slot.1 = value;
                    extended += 1;
                }
                Column::Label(key) => {
                    let value = self.records.text(field)?;
                    let slot = slot(&mut row.labels, labels);
                    replace(&mut slot.0, key);
                    replace(&mut slot.1, value);
                    labels += 1;
                }
                Column::Nodes(key) => {
                    nodes = true;
                    let (name, values) = row.node_labels_in.get_or_insert_default();
                    replace(name, key);
                    values.clear();
                    values.extend(self.records.text(field)?.split('|').map(str::to_owned));
                }
                _ => self.plain(field, column, row)?,
            }
        }
        row.extended.truncate(extended);
        row.labels.truncate(labels);
        if !named {
            row.name.clear();
        }
        if !nodes {
            row.node_labels_in = None;
        }
        Ok(())
    }

    /// The columns that fill one plain field.
    fn plain(&self, field: usize, column: &Column, row: &mut Row) -> Result<(), Diagnostic> {
        match column {
            Column::Number => row.number = self.integer(field)?,
            Column::Submit => row.submit = Time(self.records.seconds(field)?),
            Column::RunTime => row.run_time = self.span(field)?,
            Column::Estimate => row.estimate = self.span(field)?,
            Column::RecordedWait => row.recorded_wait = self.span(field)?,
            Column::ThinkTime => row.think_time = self.span(field)?,
            Column::Tasks => row.tasks = self.within(field, 1, i64::from(u32::MAX))? as u32,
            Column::Processors => row.processors = self.within(field, 0, i64::from(i32::MAX))? as u32,
            Column::Cpu => row.cpu_milli = self.quantity(field, Stored::Milli)?,
            Column::Memory => row.memory_bytes = self.quantity(field, Stored::Units)?,
            Column::Priority => row.priority = self.small(field)?,
            Column::User => row.user = self.small(field)?,
            Column::Group => row.group = self.small(field)?,
            Column::Queue => row.queue = self.small(field)?,
            Column::Partition => row.partition = self.small(field)?,
            Column::ExitCode => row.exit_code = self.within(field, 0, 255)? as i32,
            Column::Status => row.status = self.within(field, -1, 5)? as i8,
            Column::Preceding => row.preceding = self.integer(field)?,
            Column::RestartPolicy => row.restart_policy = Some(self.restart_policy(field)?),
            Column::Name | Column::Nodes(_) | Column::Resource(_) | Column::Label(_) => {}
        }
        Ok(())
    }

    fn integer(&self, field: usize) -> Result<i64, Diagnostic> {
        let number = Number::parse(self.records.field(field)).and_then(Number::integer);
        number.map_err(|error| self.records.number_fault(field, error))
    }

    fn small(&self, field: usize) -> Result<i32, Diagnostic> {
        let number = i32::try_from(self.integer(field)?);
        number.map_err(|_| self.records.number_fault(field, NumberError::TooLarge))
    }

    fn within(&self, field: usize, min: i64, max: i64) -> Result<i64, Diagnostic> {
        let number = self.integer(field)?;
        if (min..=max).contains(&number) {
            return Ok(number);
        }
        Err(self.records.fault(field, format!("the number must be between {min} and {max}")))
    }

    fn span(&self, field: usize) -> Result<Option<Span>, Diagnostic> {
        self.records.seconds(field).map(|nanos| Some(Span(nanos)))
    }

    fn quantity(&self, field: usize, stored: Stored) -> Result<i64, Diagnostic> {
        quantity::read(self.records.field(field), stored)
            .map_err(|message| self.records.fault(field, message))
    }

    fn restart_policy(&self, field: usize) -> Result<RestartPolicy, Diagnostic> {
        match self.records.field(field) {
            b"Always" => Ok(RestartPolicy::Always),
            b"OnFailure" => Ok(RestartPolicy::OnFailure),
            b"Never" => Ok(RestartPolicy::Never),
            _ => {
                let fault = self.records.fault(field, "not a restart policy");
                Err(fault.help("write `Always`, `OnFailure` or `Never`"))
            }
        }
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
