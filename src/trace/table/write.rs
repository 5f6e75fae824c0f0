//! The writer of workload tables.

use super::super::Row;
use super::super::swf::seconds;
use super::{Column, quantity};
use crate::api::RestartPolicy;
use crate::base::Span;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Adds the columns that `row` needs: those in which it differs from a row without content. What a
/// trace holds is known only after all of it, so a conversion reads twice.
pub fn used_columns(row: &Row, columns: &mut BTreeSet<Column>) {
    let plain = Row::default();
    columns.insert(Column::Submit);
    let mut add = |used: bool, column: Column| {
        if used {
            columns.insert(column);
        }
    };
    // Dependencies name numbers, also where rows have names.
    add(row.name.is_empty() || row.predecessors().next().is_some(), Column::Number);
    add(!row.name.is_empty(), Column::Name);
    add(row.run_time.is_some(), Column::RunTime);
    add(row.estimate.is_some(), Column::Estimate);
    add(row.tasks != plain.tasks, Column::Tasks);
    add(row.cpu_milli != 0, Column::Cpu);
    add(row.memory_bytes != 0, Column::Memory);
    add(row.processors != 0, Column::Processors);
    add(row.priority != 0, Column::Priority);
    add(row.user != plain.user, Column::User);
    add(row.group != plain.group, Column::Group);
    add(row.queue != plain.queue, Column::Queue);
    add(row.partition != plain.partition, Column::Partition);
    add(row.exit_code != 0, Column::ExitCode);
    add(row.restart_policy.is_some(), Column::RestartPolicy);
    add(row.recorded_wait.is_some(), Column::RecordedWait);
    add(row.status != plain.status, Column::Status);
    add(row.preceding != plain.preceding, Column::Preceding);
    add(!row.after.is_empty(), Column::After);
    add(row.think_time.is_some(), Column::ThinkTime);
    add(row.deadline.is_some(), Column::Deadline);
    if let Some((key, _)) = &row.node_labels_in {
        columns.insert(Column::Nodes(key.clone()));
    }
    columns.extend(row.extended.iter().map(|(name, _)| Column::Resource(name.clone())));
    columns.extend(row.labels.iter().map(|(key, _)| Column::Label(key.clone())));
}

/// Writes a workload table, row by row.
pub struct TableWriter<W: Write> {
    out: TableOut<W>,
    columns: Vec<Column>,
}

impl<W: Write> TableWriter<W> {
    /// Writes the row of column names.
    pub fn new(out: W, columns: impl IntoIterator<Item = Column>) -> io::Result<TableWriter<W>> {
        let columns: Vec<Column> = columns.into_iter().collect();
        let mut out = TableOut::new(out);
        out.record(columns.iter().map(Column::name))?;
        Ok(TableWriter { out, columns })
    }

    /// Writes a row; what has no column is lost.
    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        self.out.record(self.columns.iter().map(|column| cell(column, row)))
    }

    /// Writes out what is buffered.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()
    }

    /// The same, and hands back where it was written to.
    pub fn into_inner(self) -> io::Result<W> {
        self.out.0.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

/// Records with the quoting that the readers here undo.
pub(in super::super) struct TableOut<W: Write>(csv::Writer<W>);

impl<W: Write> TableOut<W> {
    pub(in super::super) fn new(out: W) -> TableOut<W> {
        TableOut(csv::WriterBuilder::new().comment(Some(b'#')).from_writer(out))
    }

    /// Writes one record. A line break inside a value is an error: a record is one line.
    pub(in super::super) fn record(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        for cell in cells {
            if cell.contains(['\n', '\r']) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a value holds a line break"));
            }
            self.0.write_field(cell).map_err(plain)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(plain)
    }

    pub(in super::super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The error itself: what it is wrapped in hides its kind, such as a closed pipe.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The text of one cell; empty for what is unknown.
fn cell(column: &Column, row: &Row) -> String {
    let span = |span: Option<Span>| span.map(seconds).unwrap_or_default();
    let known = |number: i64| if number == -1 { String::new() } else { number.to_string() };
    let of = |pairs: &[(String, i64)], key: &str| {
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.to_string()).unwrap_or_default()
    };
    match column {
        Column::Number => row.number.to_string(),
        Column::Name => row.name.clone(),
        Column::Submit => seconds(Span(row.submit.0)),
        Column::RunTime => span(row.run_time),
        Column::Estimate => span(row.estimate),
        Column::RecordedWait => span(row.recorded_wait),
        Column::ThinkTime => span(row.think_time),
        Column::Deadline => span(row.deadline),
        Column::Tasks => row.tasks.to_string(),
        Column::Cpu => quantity::milli(row.cpu_milli),
        Column::Memory => quantity::bytes(row.memory_bytes),
        Column::Processors => row.processors.to_string(),
        Column::Priority => row.priority.to_string(),
        Column::User => known(row.user.into()),
        Column::Group => known(row.group.into()),
        Column::Queue => known(row.queue.into()),
        Column::Partition => known(row.partition.into()),
        Column::Status => known(row.status.into()),
        Column::Preceding => known(row.preceding),
        Column::After => row.after.iter().map(i64::to_string).collect::<Vec<_>>().join("|"),
        Column::ExitCode => row.exit_code.to_string(),
        Column::RestartPolicy => restart_policy(row.restart_policy).to_owned(),
        Column::Nodes(key) => match &row.node_labels_in {
            Some((name, values)) if name == key => values.join("|"),
            _ => String::new(),
        },
        Column::Resource(key) => of(&row.extended, key),
        Column::Label(key) => row
            .labels
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone())
            .unwrap_or_default(),
    }
}

/// The name of a policy as Kubernetes writes it; empty if there is none.
fn restart_policy(policy: Option<RestartPolicy>) -> &'static str {
    match policy {
        None => "",
        Some(RestartPolicy::Always) => "Always",
        Some(RestartPolicy::OnFailure) => "OnFailure",
        Some(RestartPolicy::Never) => "Never",
    }
}
