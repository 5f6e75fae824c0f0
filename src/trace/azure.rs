//! The table of virtual machines of Azure's traces of 2017 (V1) and 2019 (V2): `vmtable.csv`.
//!
//! Source: <https://github.com/Azure/AzurePublicDataset>, `AzurePublicDatasetV1.md`. A row is a machine
//! that somebody rents from its creation to its deletion.

use super::Row;
use super::input::Input;
use super::lines::{Fate, LineReader, Lines};
use super::names::Names;
use super::record::Records;
use super::report::ReadReport;
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Span, Time};

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: the times cannot be.
    pub const DELETED_EARLY: &str = "deleted before it was created";
    /// Repaired: the trace ends before the machine does.
    pub const ALIVE_AT_END: &str = "alive at the end of the trace, runs for ever";
    /// Repaired: the machine is older than the trace.
    pub const ALIVE_AT_START: &str = "created before the trace or at its start, taken as 0";
    /// Repaired: the table of 2019 gives classes of sizes, the last of which has no upper end.
    pub const OPEN_CLASS: &str = "size given as `>N`, taken as N";
}

/// The last moment of the trace in seconds: 30 days less a reading of five minutes.
const END: u64 = 2_591_700;
/// The label that keeps the category.
const CATEGORY: &str = "category";
const COLUMNS: [&str; 11] = [
    "vm_id",
    "subscription_id",
    "deployment_id",
    "created",
    "deleted",
    "max_cpu",
    "avg_cpu",
    "p95_max_cpu",
    "category",
    "cores",
    "memory",
];
/// The categories of machines.
const CATEGORIES: [&[u8]; 3] = [b"Interactive", b"Delay-insensitive", b"Unknown"];

struct Machines {
    users: Names,
    groups: Names,
}

/// Whether a text is one of the categories.
pub(super) fn is_category(text: &[u8]) -> bool {
    CATEGORIES.contains(&text)
}

/// A size, which may be a class without an upper end.
fn size(records: &Records, field: usize, unit: i64) -> Result<(i64, bool), Diagnostic> {
    let text = records.field(field);
    let Some(lowest) = text.strip_prefix(b">") else { return Ok((records.multiple(field, unit)?, false)) };
    let number = super::number::Number::parse(lowest).and_then(|number| number.multiple(unit));
    Ok((number.map_err(|error| records.number_fault(field, error))?, true))
}

impl Lines for Machines {
    fn fill(
        &mut self,
        records: &Records,
        row: &mut Row,
        report: &mut ReadReport,
    ) -> Result<Fate, Diagnostic> {
        let (created, deleted) = (records.seconds(3)?, records.seconds(4)?);
        if deleted < created {
            return Ok(Fate::Dropped(reason::DELETED_EARLY));
        }
        row.user = self.users.number(records.field(1), &mut report.header);
        row.group = self.groups.number(records.field(2), &mut report.header);
        row.submit = Time(created);
        if created == 0 {
            report.repair_row(reason::ALIVE_AT_START, row.line);
        }
        if deleted >= Span::from_secs(END).0 {
            report.repair_row(reason::ALIVE_AT_END, row.line);
        } else {
            row.run_time = Some(Span(deleted - created));
        }
        let (cores, is_class) = size(records, 9, 1_000)?;
        let (memory, is_too) = size(records, 10, 1 << 30)?;
        if is_class || is_too {
            report.repair_row(reason::OPEN_CLASS, row.line);
        }
        (row.cpu_milli, row.memory_bytes) = (cores, memory);
        row.processors = super::alibaba::processors(row);
        if is_category(records.field(8)) {
            row.labels.push((CATEGORY.to_owned(), records.text(8)?.to_owned()));
        }
        row.restart_policy = Some(RestartPolicy::Never);
        Ok(Fate::Used)
    }
}

/// A reader of `vmtable.csv`, with or without a row of names.
pub(super) fn reader(mut input: Input) -> Result<LineReader<impl Lines>, Diagnostic> {
    let head = input.peek()?;
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let created = first.split(|byte| *byte == b',').nth(3).unwrap_or_default();
    if created.iter().any(u8::is_ascii_alphabetic) {
        input.advance()?;
    }
    let format = Machines { users: Names::new("Subscription"), groups: Names::new("Deployment") };
    Ok(LineReader::new(Records::without_names(input, &COLUMNS), format, "Azure virtual machines"))
}
