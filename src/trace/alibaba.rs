//! The tables of batch tasks of Alibaba's cluster traces of 2017 and 2018.
//!
//! Sources: `cluster-trace-v2017/schema.csv` and `cluster-trace-v2018/schema.txt` of
//! <https://github.com/alibaba/clusterdata>. A row stands for a task: equal instances that run at most as
//! long as the task, whose span is all that these tables know.

use super::input::Input;
use super::lines::{Fate, LineReader, Lines};
use super::record::Records;
use super::report::ReadReport;
use super::table::Machine;
use super::{Largest, Reader, Row};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Map, Set, Span, Time};

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: the task waits or runs when the trace ends, or its times are missing.
    pub const NOT_ENDED: &str = "not ended in the trace";
    /// Dropped: the task is of the time before the trace.
    pub const BEFORE_TRACE: &str = "ended before the trace begins";
    /// Dropped: the times cannot be.
    pub const ENDS_EARLY: &str = "ends before it begins";
    /// Dropped: no instances.
    pub const NO_INSTANCES: &str = "no instances";
    /// Dropped (machines): a machine that takes no new work.
    pub const MACHINE_ERROR: &str = "errors of machines are not replayed";
    /// Repaired: the table gives no resources, nothing is requested.
    pub const NO_PLAN: &str = "no planned resources, none requested";
    /// Repaired: the task is older than the trace.
    pub const BEFORE_START: &str = "begins before the trace, taken as 0";
    /// Repaired: the number of instances is missing.
    pub const ONE_INSTANCE: &str = "number of instances missing, taken as 1";
}

/// CPU is planned in hundredths of a core (the documentation of 2017 says cores, its numbers do not).
const MILLI_PER_UNIT: i64 = 10;
/// Cores of every machine of 2018; also what the memory of a machine is counted against.
const HUNDREDTHS: i64 = 100;
/// More tasks of a job than this have no number of their own.
const TASKS_PER_JOB: i64 = 1 << 20;

/// The status of a task, as the Standard Workload Format has it; `None` if it has not ended.
fn status(text: &[u8]) -> Option<i8> {
    match text {
        b"Terminated" => Some(1),
        b"Failed" => Some(0),
        b"Cancelled" => Some(5),
        _ => None,
    }
}

/// Whether a text is one of the statuses.
pub(super) fn is_status(text: &[u8]) -> bool {
    status(text).is_some() || matches!(text, b"Ready" | b"Waiting" | b"Running" | b"Interrupted")
}

/// What is common to both years.
struct Task {
    instances: Option<usize>,
    status: usize,
    start: usize,
    end: usize,
    cpu: usize,
    memory: usize,
    /// Bytes of a unit of memory.
    memory_unit: i64,
}

impl Task {
    fn fill(&self, records: &Records, row: &mut Row, report: &mut ReadReport) -> Result<Fate, Diagnostic> {
        let Some(status) = status(records.field(self.status)) else {
            return Ok(Fate::Dropped(reason::NOT_ENDED));
        };
        let (start, end) = (seconds(records, self.start)?, seconds(records, self.end)?);
        let (Some(start), Some(end)) = (start, end.filter(|end| *end != 0)) else {
            return Ok(Fate::Dropped(reason::NOT_ENDED));
        };
        if end < 0 {
            return Ok(Fate::Dropped(reason::BEFORE_TRACE));
        }
        if end < start {
            return Ok(Fate::Dropped(reason::ENDS_EARLY));
        }
        match self.instances.and_then(|field| records.present(field)).map(|field| records.count(field)) {
            None => report.repair_row(reason::ONE_INSTANCE, row.line),
            Some(count) => match u32::try_from(count?) {
                Ok(0) | Err(_) => return Ok(Fate::Dropped(reason::NO_INSTANCES)),
                Ok(count) => row.tasks = count,
            },
        }
        if start < 0 {
            report.repair_row(reason::BEFORE_START, row.line);
        }
        row.status = status;
        row.exit_code = i32::from(status == 0);
        row.submit = Time(start.max(0) as u64);
        row.run_time = Some(Span((end - start) as u64));
        row.restart_policy = Some(RestartPolicy::Never);
        let (cpu, memory) = (records.present(self.cpu), records.present(self.memory));
        if cpu.is_none() && memory.is_none() {
            report.repair_row(reason::NO_PLAN, row.line);
        }
        row.cpu_milli = cpu.map_or(Ok(0), |field| records.multiple(field, MILLI_PER_UNIT))?;
        row.memory_bytes = memory.map_or(Ok(0), |field| records.multiple(field, self.memory_unit))?;
        row.processors = processors(row);
        Ok(Fate::Used)
    }
}

/// Whole processors of all tasks of a row.
pub(super) fn processors(row: &Row) -> u32 {
    let cores = row.cpu_milli.saturating_mul(i64::from(row.tasks)).saturating_add(999) / 1_000;
    u32::try_from(cores.clamp(1, i64::from(i32::MAX))).unwrap_or(1)
}

/// A time in seconds as nanoseconds; it may be negative. `None` where it is missing.
fn seconds(records: &Records, field: usize) -> Result<Option<i64>, Diagnostic> {
    let Some(field) = records.present(field) else { return Ok(None) };
    let number = records.number(field)?;
    let nanoseconds = number.nanoseconds().ok().and_then(|nanos| i64::try_from(nanos).ok());
    let nanoseconds = nanoseconds.ok_or_else(|| records.fault(field, "the number is too large"))?;
    Ok(Some(if number.negative { -nanoseconds } else { nanoseconds }))
}

/// The columns of `batch_task.csv` of 2017.
const COLUMNS_2017: [&str; 8] =
    ["create_time", "end_time", "job_id", "task_id", "instance_num", "status", "plan_cpu", "plan_mem"];

struct Tasks2017 {
    task: Task,
}

impl Lines for Tasks2017 {
    fn fill(
        &mut self,
        records: &Records,
        row: &mut Row,
        report: &mut ReadReport,
    ) -> Result<Fate, Diagnostic> {
        row.name = format!("j{}-t{}", part_of_name(records.field(2)), part_of_name(records.field(3)));
        self.task.fill(records, row, report)
    }
}

/// Letters and digits of a field, small, as a name of Kubernetes may hold them.
fn part_of_name(text: &[u8]) -> String {
    let letter = |byte: &u8| match byte.to_ascii_lowercase() {
        byte if byte.is_ascii_alphanumeric() => char::from(byte),
        _ => '-',
    };
    text.iter().take(60).map(letter).collect::<String>().trim_matches('-').to_owned()
}

/// A reader of `batch_task.csv` of 2017, with or without a row of names.
pub(super) fn reader_2017(mut input: Input, largest: Largest) -> Result<Box<dyn Reader + Send>, Diagnostic> {
    let named = input.peek()?.first().is_some_and(u8::is_ascii_alphabetic);
    if named {
        input.advance()?;
    }
    let records = Records::without_names(input, &COLUMNS_2017);
    let memory_unit = largest.memory_bytes;
    let task = Task { instances: Some(4), status: 5, start: 0, end: 1, cpu: 6, memory: 7, memory_unit };
    Ok(Box::new(LineReader::new(records, Tasks2017 { task }, "Alibaba 2017, batch tasks")))
}

/// The columns of `batch_task.csv` of 2018.
const COLUMNS_2018: [&str; 9] = [
    "task_name",
    "instance_num",
    "job_name",
    "task_type",
    "status",
    "start_time",
    "end_time",
    "plan_cpu",
    "plan_mem",
];

struct Tasks2018 {
    task: Task,
    /// The columns of the names of the task and of the job.
    name: usize,
    job: usize,
    /// Numbers of jobs whose names hold none.
    jobs: Map<Box<[u8]>, i64>,
}

impl Tasks2018 {
    /// A number for the job: that in `j_12`, else a negative one, in order of appearance.
    fn job_number(&mut self, name: &[u8]) -> i64 {
        if let Some(number) = name.strip_prefix(b"j_").and_then(small_number) {
            return number;
        }
        let next = -(self.jobs.len() as i64) - 1;
        *self.jobs.entry(name.into()).or_insert(next)
    }
}

/// A number of at most nine digits.
fn small_number(text: &[u8]) -> Option<i64> {
    let legal = !text.is_empty() && text.len() <= 9 && text.iter().all(u8::is_ascii_digit);
    legal.then(|| text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// The number of a task and those of the tasks that it waits for, as `R5_2_3` tells them; `None` for
/// names that tell nothing, such as `task_…` and `MergeTask`.
fn dag(name: &[u8]) -> Option<(i64, Vec<i64>)> {
    if name.starts_with(b"task_") || name.windows(3).any(|part| part == b"Stg") {
        return None;
    }
    let letters = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let mut numbers = name[letters..].split(|byte| *byte == b'_').map(small_number);
    let own = numbers.next()??;
    if letters == 0 || own >= TASKS_PER_JOB {
        return None;
    }
    // What follows a number and is none, as in `M2_1_Op`, is no task.
    Some((own, numbers.flatten().filter(|number| *number != own && *number < TASKS_PER_JOB).collect()))
}

impl Lines for Tasks2018 {
    fn fill(
        &mut self,
        records: &Records,
        row: &mut Row,
        report: &mut ReadReport,
    ) -> Result<Fate, Diagnostic> {
        let name = records.field(self.name);
        let job = records.field(self.job);
        row.name = format!("{}-{}", part_of_name(job), part_of_name(name));
        let base = self.job_number(job) * TASKS_PER_JOB;
        match dag(name) {
            Some((own, before)) => {
                row.number = base + own;
                row.after.extend(before.iter().map(|number| base + number));
            }
            // Behind the numbers of all jobs.
            None => row.number += i64::MAX / 2,
        }
        self.task.fill(records, row, report)
    }
}

/// A reader of `batch_task.csv` of 2018; or of a table with these names in its first line: `name`, `job`,
/// `instances`, `status`, `start_time`, `end_time`, `cpu_requested`, `mem_requested`.
pub(super) fn reader_2018(mut input: Input, largest: Largest) -> Result<Box<dyn Reader + Send>, Diagnostic> {
    let memory_unit = largest.memory_bytes / HUNDREDTHS;
    let head = input.peek()?;
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let named = [&b"start_time"[..], b"status"]
        .iter()
        .all(|name| first.trim_ascii_end().split(|byte| *byte == b',').any(|column| column == *name));
    if !named {
        let records = Records::without_names(input, &COLUMNS_2018);
        let task = Task { instances: Some(1), status: 4, start: 5, end: 6, cpu: 7, memory: 8, memory_unit };
        let format = Tasks2018 { task, name: 0, job: 2, jobs: Map::default() };
        return Ok(Box::new(LineReader::new(records, format, "Alibaba 2018, batch tasks")));
    }
    let records = Records::new(input)?;
    let task = Task {
        instances: ["instances", "instance_num"].iter().find_map(|name| records.column(name)),
        status: records.needed(&["status"])?,
        start: records.needed(&["start_time"])?,
        end: records.needed(&["end_time"])?,
        cpu: records.needed(&["plan_cpu", "cpu_requested"])?,
        memory: records.needed(&["plan_mem", "mem_requested"])?,
        memory_unit,
    };
    let (name, job) = (records.needed(&["task_name", "name"])?, records.needed(&["job_name", "job"])?);
    let format = Tasks2018 { task, name, job, jobs: Map::default() };
    Ok(Box::new(LineReader::new(records, format, "Alibaba 2018, batch tasks with names")))
}

/// The columns of `server_event.csv` of 2017.
const SERVER_COLUMNS: [&str; 7] = ["timestamp", "machine_id", "event", "detail", "cpus", "memory", "disk"];

/// Reads the machines of `server_event.csv` of 2017: those added at time 0. Errors of machines later, which
/// keep new work from them, are dropped and counted.
pub fn read_machines(input: Input, largest: Largest) -> Result<(Vec<Machine>, ReadReport), Diagnostic> {
    let mut report = ReadReport::new(input.name(), "Alibaba 2017, server events");
    let mut records = Records::without_names(input, &SERVER_COLUMNS);
    let mut machines = Vec::new();
    let mut known: Set<i64> = Set::default();
    while records.next()? {
        let line = records.input.line();
        report.rows += 1;
        if records.field(2) != b"add" {
            report.drop_row(reason::MACHINE_ERROR, line);
            continue;
        }
        let number = records.count(1)?;
        if !known.insert(number) {
            return Err(records.fault(1, "another machine has this number"));
        }
        machines.push(Machine {
            name: format!("machine-{number}"),
            count: 1,
            cpu_milli: records.multiple(4, 1_000)?,
            memory_bytes: records.multiple(5, largest.memory_bytes)?,
            ..Machine::default()
        });
        report.use_row(Time::ZERO, line);
    }
    report.lines = records.input.line();
    report.bytes = records.input.bytes();
    Ok((machines, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tasks_tell_what_they_wait_for() {
        for (name, expected) in [
            ("M1", Some((1, vec![]))),
            ("R5_2_3", Some((5, vec![2, 3]))),
            ("J17_4_8_12_16", Some((17, vec![4, 8, 12, 16]))),
            ("M2_1_Op", Some((2, vec![1]))),
            ("R3_3_1", Some((3, vec![1]))),
            ("task_Nzg3ODAwNDgzMTAwNTc2NTQ2Mw==", None),
            ("MergeTask", None),
            ("R3_2_Stg1", None),
            ("M9999999999_1", None),
            ("", None),
        ] {
            assert_eq!(dag(name.as_bytes()), expected, "{name}");
        }
    }
}
