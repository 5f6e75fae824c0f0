//! The lines of the tables of events.

use super::super::input::Input;
use super::super::number::{Number, NumberError};
use super::super::record::Records;
use crate::base::Diagnostic;

/// The time of what happens after the trace: 2^63 - 1.
const AFTER: &[u8] = b"9223372036854775807";
/// Nanoseconds in a microsecond.
const MICRO: u64 = 1_000;

/// What happens to a job or a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Submit,
    Schedule,
    Evict,
    Fail,
    Finish,
    Kill,
    Lost,
    UpdatePending,
    UpdateRunning,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::Submit,
        Kind::Schedule,
        Kind::Evict,
        Kind::Fail,
        Kind::Finish,
        Kind::Kill,
        Kind::Lost,
        Kind::UpdatePending,
        Kind::UpdateRunning,
    ];

    /// The status of an attempt that ends so, as the Standard Workload Format has it; `None` for what is
    /// no end.
    pub(super) const fn status(self) -> Option<i8> {
        match self {
            Kind::Finish => Some(1),
            Kind::Fail | Kind::Lost => Some(0),
            Kind::Evict | Kind::Kill => Some(5),
            _ => None,
        }
    }
}

/// An event of a task, or of a job as a whole, which has no index and no request.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct TaskEvent {
    /// Nanoseconds; `None`: after the trace.
    pub(super) at: Option<u64>,
    pub(super) kind: Kind,
    pub(super) job: i64,
    pub(super) index: i64,
    pub(super) class: i32,
    pub(super) priority: i32,
    /// Parts of the largest machine.
    pub(super) cpu: Option<Number>,
    pub(super) memory: Option<Number>,
    pub(super) different_machines: bool,
}

/// Which table of events a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Table {
    Tasks,
    Jobs,
}

const TASK_COLUMNS: [&str; 13] = [
    "time",
    "missing info",
    "job ID",
    "task index",
    "machine ID",
    "event type",
    "user",
    "scheduling class",
    "priority",
    "CPU request",
    "memory request",
    "disk space request",
    "different machines restriction",
];
const JOB_COLUMNS: [&str; 8] = [
    "time",
    "missing info",
    "job ID",
    "event type",
    "user",
    "scheduling class",
    "job name",
    "logical job name",
];
const MACHINE_COLUMNS: [&str; 6] = ["time", "machine ID", "event type", "platform ID", "CPUs", "Memory"];

impl Table {
    /// The table that a file holds, by the number of its columns.
    pub(super) fn of(input: &mut Input) -> Result<Table, Diagnostic> {
        let head = input.peek()?;
        let lines = head.split(|byte| *byte == b'\n');
        let first = lines.into_iter().find(|line| !line.starts_with(b"#") && !line.is_empty());
        let columns = first.unwrap_or_default().split(|byte| *byte == b',').count();
        let place = crate::base::Location::file(input.name().clone());
        match columns {
            13 => Ok(Table::Tasks),
            8 => Ok(Table::Jobs),
            6 => {
                let finding = Diagnostic::error(place, "these are events of machines, not of jobs or tasks");
                Err(finding.help("name the file under `cluster.machines`, or `--machines`"))
            }
            _ => Err(Diagnostic::error(place, format!("expected 13 or 8 columns, found {columns}"))
                .help("task_events have 13 columns and job_events 8")),
        }
    }

    pub(super) fn records(self, input: Input) -> Records {
        match self {
            Table::Tasks => Records::without_names(input, &TASK_COLUMNS),
            Table::Jobs => Records::without_names(input, &JOB_COLUMNS),
        }
    }

    /// The column of the user.
    pub(super) const fn user(self) -> usize {
        match self {
            Table::Tasks => 6,
            Table::Jobs => 4,
        }
    }

    /// The current record as an event.
    pub(super) fn event(self, records: &Records) -> Result<TaskEvent, Diagnostic> {
        let at = time(records, 0)?;
        let job = records.integer(2)?;
        let kind_of = |field: usize| {
            let kind = usize::try_from(records.integer(field)?).ok().and_then(|kind| Kind::ALL.get(kind));
            kind.copied().ok_or_else(|| records.fault(field, "event types are 0 to 8"))
        };
        let small = |field: usize| -> Result<i32, Diagnostic> {
            let Some(field) = records.present(field) else { return Ok(0) };
            records.number(field)?.small().map_err(|error| records.number_fault(field, error))
        };
        let part = |field: usize| records.present(field).map(|field| part(records, field)).transpose();
        Ok(match self {
            Table::Jobs => TaskEvent {
                at,
                kind: kind_of(3)?,
                job,
                index: 0,
                class: small(5)?,
                priority: 0,
                cpu: None,
                memory: None,
                different_machines: false,
            },
            Table::Tasks => TaskEvent {
                at,
                kind: kind_of(5)?,
                job,
                index: records.integer(3)?,
                class: small(7)?,
                priority: small(8)?,
                cpu: part(9)?,
                memory: part(10)?,
                different_machines: small(12)? == 1,
            },
        })
    }
}

/// What happens to a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MachineKind {
    Add,
    Remove,
    Update,
}

/// An event of a machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct MachineEvent {
    /// Nanoseconds; `None`: after the trace.
    pub(super) at: Option<u64>,
    pub(super) machine: i64,
    pub(super) kind: MachineKind,
    /// Parts of the largest machine; `None` where the table has none.
    pub(super) cpu: Option<Number>,
    pub(super) memory: Option<Number>,
}

/// The table of events of machines.
pub(super) fn machine_records(input: Input) -> Records {
    Records::without_names(input, &MACHINE_COLUMNS)
}

/// The current record as an event of a machine.
pub(super) fn machine_event(records: &Records) -> Result<MachineEvent, Diagnostic> {
    let kind = match records.integer(2)? {
        0 => MachineKind::Add,
        1 => MachineKind::Remove,
        2 => MachineKind::Update,
        _ => return Err(records.fault(2, "event types of machines are 0 to 2")),
    };
    let part = |field: usize| records.present(field).map(|field| part(records, field)).transpose();
    Ok(MachineEvent {
        at: time(records, 0)?,
        machine: records.integer(1)?,
        kind,
        cpu: part(4)?,
        memory: part(5)?,
    })
}

/// A time in nanoseconds; `None` if it is after the trace.
fn time(records: &Records, field: usize) -> Result<Option<u64>, Diagnostic> {
    if records.field(field) == AFTER {
        return Ok(None);
    }
    let micros = records.count(field)? as u64;
    let too_large = || records.number_fault(field, NumberError::TooLarge);
    micros.checked_mul(MICRO).map(Some).ok_or_else(too_large)
}

/// A part of the largest machine: from 0 to well above 1, since requests may be larger than machines.
fn part(records: &Records, field: usize) -> Result<Number, Diagnostic> {
    let number = records.number(field)?;
    if number.negative {
        return Err(records.number_fault(field, NumberError::Negative));
    }
    if number.whole > 1_000 {
        return Err(records.fault(field, "more than 1000 times the largest machine"));
    }
    Ok(number)
}
