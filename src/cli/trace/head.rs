//! The command `trace head`: the first rows of a trace as seatrial reads them.

use super::super::args::{HeadArguments, RowFormat};
use super::super::diagnostics::{Style, render};
use super::super::{Exit, complain, print};
use super::text::{bytes, cut, number, time};
use super::{all_errors, open, refuse};
use crate::base::Span;
use crate::trace::table::{TableWriter, used_columns};
use crate::trace::{Column, Row};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;

/// Characters of a line of text.
const WIDTH: usize = 80;
/// Characters of a cell of text.
const CELL: usize = 24;
/// More rows are no head, and must fit in memory.
const MAX_ROWS: u64 = 1_000_000;

/// Prints the rows; what was dropped or repaired on the way is told on standard error.
pub(super) fn run(arguments: &HeadArguments) -> Exit {
    let mut reader = match open(&arguments.trace) {
        Ok(reader) => reader,
        Err(finding) => return refuse(&[finding]),
    };
    let mut rows = Vec::new();
    let mut row = Row::default();
    while (rows.len() as u64) < arguments.rows.min(MAX_ROWS) {
        match reader.read(&mut row) {
            Ok(true) => rows.push(row.clone()),
            Ok(false) => break,
            Err(first) => return refuse(&all_errors(first, &mut reader)),
        }
    }
    complain(&render(&reader.report().warnings(), Style::of_stderr()));
    let text = match arguments.format {
        RowFormat::Text => table(&rows),
        RowFormat::Json => {
            let rows: Vec<Value> = rows.iter().map(object).collect();
            serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n"
        }
        RowFormat::Csv => match csv(&rows) {
            Ok(text) => text,
            Err(error) => {
                complain(&format!("error: the rows cannot be written as a table: {error}\n"));
                return Exit::BadInput;
            }
        },
    };
    print(text.as_bytes())
}

fn columns(rows: &[Row]) -> BTreeSet<Column> {
    let mut columns = BTreeSet::new();
    for row in rows {
        used_columns(row, &mut columns);
    }
    columns
}

fn csv(rows: &[Row]) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut table = TableWriter::new(&mut bytes, columns(rows))?;
    for row in rows {
        table.write(row)?;
    }
    table.finish()?;
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The columns that have content, as wide as they must be, as many as fit in a line.
fn table(rows: &[Row]) -> String {
    let mut lines = vec![String::new(); rows.len() + 1];
    let mut left_out = Vec::new();
    for column in columns(rows) {
        let cells: Vec<String> = rows.iter().map(|row| cut(&cell(&column, row), CELL)).collect();
        let head = cut(&head(&column), CELL);
        let width = cells.iter().chain([&head]).map(|cell| cell.chars().count()).max().unwrap_or(0);
        if lines[0].chars().count() + width + 2 > WIDTH {
            left_out.push(column.name());
            continue;
        }
        for (line, cell) in lines.iter_mut().zip([&head].into_iter().chain(&cells)) {
            let gap = if line.is_empty() { "" } else { "  " };
            let padded =
                if column == Column::Name { format!("{cell:width$}") } else { format!("{cell:>width$}") };
            let _ = write!(line, "{gap}{padded}");
        }
    }
    let mut text: String = lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect();
    if rows.is_empty() {
        "no rows\n".clone_into(&mut text);
    }
    if !left_out.is_empty() {
        text.push_str(&cut(&format!("not shown: {}", left_out.join(", ")), WIDTH));
        text.push('\n');
    }
    text
}

/// The head of a column: times have their unit in the cell.
fn head(column: &Column) -> String {
    let name = column.name();
    let name = name.strip_suffix("_s").unwrap_or(&name);
    name.split_once(':').map_or(name, |(_, key)| key.rsplit('/').next().unwrap_or(key)).to_owned()
}

fn cell(column: &Column, row: &Row) -> String {
    let span = |span: Option<Span>| span.map_or_else(|| "-".to_owned(), |span| time(span.as_secs_f64()));
    let known = |number: i64| if number == -1 { "-".to_owned() } else { number.to_string() };
    match column {
        Column::Number => row.number.to_string(),
        Column::Name => {
            row.name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
        }
        Column::Submit => time(row.submit.as_secs_f64()),
        Column::RunTime => span(row.run_time),
        Column::Estimate => span(row.estimate),
        Column::RecordedWait => span(row.recorded_wait),
        Column::ThinkTime => span(row.think_time),
        Column::Deadline => span(row.deadline),
        Column::Tasks => row.tasks.to_string(),
        Column::Cpu => number(row.cpu_milli as f64 / 1e3),
        Column::Memory => bytes(row.memory_bytes as f64),
        Column::Processors => row.processors.to_string(),
        Column::Priority => row.priority.to_string(),
        Column::User => known(row.user.into()),
        Column::Group => known(row.group.into()),
        Column::Queue => known(row.queue.into()),
        Column::Partition => known(row.partition.into()),
        Column::Status => known(row.status.into()),
        Column::Preceding => known(row.preceding),
        Column::After if row.after.is_empty() => "-".to_owned(),
        Column::After => row.after.iter().map(i64::to_string).collect::<Vec<_>>().join("|"),
        Column::ExitCode => row.exit_code.to_string(),
        Column::RestartPolicy => {
            row.restart_policy.map_or_else(|| "-".to_owned(), |policy| format!("{policy:?}"))
        }
        Column::Nodes(key) => match &row.node_labels_in {
            Some((name, values)) if name == key => values.join("|"),
            _ => "-".to_owned(),
        },
        Column::Resource(key) => row
            .extended
            .iter()
            .find(|(name, _)| name == key)
            .map_or_else(|| "-".to_owned(), |(_, amount)| amount.to_string()),
        Column::Label(key) => row
            .labels
            .iter()
            .find(|(name, _)| name == key)
            .map_or_else(|| "-".to_owned(), |(_, value)| value.clone()),
    }
}

/// A row as an object: seconds, cores, bytes; what is unknown is left out.
fn object(row: &Row) -> Value {
    let seconds = |span: Option<Span>| span.map(Span::as_secs_f64);
    let known = |number: i64| (number != -1).then_some(number);
    let map = |pairs: &[(String, i64)]| -> Map<String, Value> {
        pairs.iter().map(|(key, value)| (key.clone(), (*value).into())).collect()
    };
    let labels: Map<String, Value> =
        row.labels.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    let all = json!({
        "line": row.line,
        "number": row.number,
        "name": (!row.name.is_empty()).then_some(&row.name),
        "submit_s": row.submit.as_secs_f64(),
        "run_time_s": seconds(row.run_time),
        "estimate_s": seconds(row.estimate),
        "recorded_wait_s": seconds(row.recorded_wait),
        "think_time_s": seconds(row.think_time),
        "deadline_s": seconds(row.deadline),
        "tasks": row.tasks,
        "processors": (row.processors > 0).then_some(row.processors),
        "cpu_cores": (row.cpu_milli != 0).then_some(row.cpu_milli as f64 / 1e3),
        "memory_bytes": (row.memory_bytes != 0).then_some(row.memory_bytes),
        "resources": (!row.extended.is_empty()).then(|| map(&row.extended)),
        "nodes": row.node_labels_in.as_ref().map(|(key, values)| json!({ "label": key, "values": values })),
        "priority": row.priority,
        "user": known(row.user.into()),
        "group": known(row.group.into()),
        "queue": known(row.queue.into()),
        "partition": known(row.partition.into()),
        "status": known(row.status.into()),
        "preceding": known(row.preceding),
        "after": (!row.after.is_empty()).then_some(&row.after),
        "exit_code": row.exit_code,
        "restart_policy": row.restart_policy.map(|policy| format!("{policy:?}")),
        "labels": (!labels.is_empty()).then_some(labels),
    });
    let Value::Object(all) = all else { return Value::Null };
    Value::Object(all.into_iter().filter(|(_, value)| !value.is_null()).collect())
}
