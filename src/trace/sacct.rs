//! The accounting of Slurm: what `sacct --parsable2` (or `-P`) prints, with its row of names.
//!
//! Source: the manual page of `sacct`. Times are without a zone and taken as UTC; the trace's time 0 is the
//! submission of its first job.

use super::input::Input;
use super::lines::{Fate, LineReader, Lines};
use super::names::Names;
use super::record::Records;
use super::report::ReadReport;
use super::swf::SwfOptions;
use super::{Row, moment};
use crate::base::{Diagnostic, Span, Time};
use jiff::tz::TimeZone;

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: a step of a job, whose own line counts.
    pub const STEP: &str = "step of a job (the job's line counts)";
    /// Dropped: the job waits or runs.
    pub const NOT_ENDED: &str = "not ended when the accounting was printed";
    /// Dropped: the job was put back into the queue, and has another line.
    pub const REQUEUED: &str = "requeued (its last line counts)";
    /// Dropped: neither a run time nor start and end.
    pub const NO_TIMES: &str = "neither a run time nor start and end";
    /// Repaired: an earlier submission than that of the first job.
    pub const BEFORE_FIRST: &str = "submitted before the first job of the file, taken as 0";
    /// Repaired: the amount of memory cannot be told.
    pub const NO_NODES: &str = "memory requested for each node, number of nodes unknown, taken as 1";
}

/// Whole GPUs.
const GPU: &str = "nvidia.com/gpu";
/// The most processors of a job.
const MAX_PROCESSORS: i64 = i32::MAX as i64;

/// The longest trace in seconds, about 270 years; what does not fit is a slip.
const LONGEST: i64 = 1 << 33;

/// The positions of the columns that are used; most may be left out.
struct Columns {
    job: usize,
    raw: Option<usize>,
    submit: usize,
    state: usize,
    start: Option<usize>,
    end: Option<usize>,
    elapsed: Option<usize>,
    elapsed_raw: Option<usize>,
    limit: Option<usize>,
    limit_raw: Option<usize>,
    requested: Option<usize>,
    allocated: Option<usize>,
    nodes: Option<usize>,
    node_list: Option<usize>,
    memory: Option<usize>,
    gres: Option<usize>,
    tres: Option<usize>,
    priority: Option<usize>,
    user: Option<usize>,
    account: Option<usize>,
    qos: Option<usize>,
    partition: Option<usize>,
    exit_code: Option<usize>,
}

struct Accounting {
    columns: Columns,
    options: SwfOptions,
    users: Names,
    accounts: Names,
    queues: Names,
    partitions: Names,
    /// Seconds since 1970 of the trace's time 0.
    origin: Option<i64>,
}

impl Columns {
    fn find(records: &Records) -> Result<Columns, Diagnostic> {
        let of = |names: &[&str]| names.iter().find_map(|name| records.column(name));
        Ok(Columns {
            job: records.needed(&["JobID"])?,
            raw: of(&["JobIDRaw"]),
            submit: records.needed(&["Submit"])?,
            state: records.needed(&["State"])?,
            start: of(&["Start"]),
            end: of(&["End"]),
            elapsed: of(&["Elapsed"]),
            elapsed_raw: of(&["ElapsedRaw"]),
            limit: of(&["Timelimit"]),
            limit_raw: of(&["TimelimitRaw"]),
            requested: of(&["ReqCPUS"]),
            allocated: of(&["AllocCPUS", "NCPUS"]),
            nodes: of(&["NNodes", "AllocNodes", "ReqNodes"]),
            node_list: of(&["NodeList"]),
            memory: of(&["ReqMem"]),
            gres: of(&["ReqGRES"]),
            tres: of(&["ReqTRES", "AllocTRES"]),
            priority: of(&["Priority"]),
            user: of(&["User"]),
            account: of(&["Account"]),
            qos: of(&["QOS"]),
            partition: of(&["Partition"]),
            exit_code: of(&["ExitCode"]),
        })
    }
}

/// How a job has ended: as the Standard Workload Format has it, or why it is dropped.
fn status(state: &str) -> Result<i8, &'static str> {
    // `CANCELLED by 1001`, `COMPLETED+`.
    let word: &str = state.split([' ', '+']).next().unwrap_or("");
    match word {
        "COMPLETED" => Ok(1),
        "CANCELLED" | "PREEMPTED" | "REVOKED" => Ok(5),
        "PENDING" | "RUNNING" | "SUSPENDED" | "COMPLETING" | "CONFIGURING" | "RESIZING" | "STOPPED" => {
            Err(reason::NOT_ENDED)
        }
        "REQUEUED" => Err(reason::REQUEUED),
        _ => Ok(0),
    }
}

/// The number of nodes that `b1,g1,m[3-4],n[1-3,7]` names; `None` for what is no list.
fn count_nodes(list: &str) -> Option<u32> {
    let mut count = 0u32;
    let mut rest = list;
    while !rest.is_empty() {
        let end = rest.find([',', '[']).unwrap_or(rest.len());
        if end == 0 || rest.as_bytes()[..end].contains(&b' ') {
            return None;
        }
        let mut here = 1;
        if rest[end..].starts_with('[') {
            let close = rest.find(']').filter(|close| *close > end)?;
            here = rest[end + 1..close].split(',').map(count_range).sum::<Option<u32>>()?;
            rest = &rest[close + 1..];
            // A suffix behind the bracket belongs to the same name.
            rest = &rest[rest.find(',').unwrap_or(rest.len())..];
        } else {
            rest = &rest[end..];
        }
        count = count.checked_add(here)?;
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    (count > 0).then_some(count)
}

/// The size of `7` or `1-3`.
fn count_range(range: &str) -> Option<u32> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number < 100_000_000);
    number(last)?.checked_sub(number(first)?)?.checked_add(1)
}

/// What an amount of memory is for.
#[derive(PartialEq, Eq, Debug)]
enum Per {
    Processor,
    Node,
    Job,
}

/// Bytes and what they are for: `2800Mc`, `500000Mn`, `4G`; a number alone is in MiB.
fn memory(text: &str) -> Option<(u64, Per)> {
    let (text, per) = match text.as_bytes().last()? {
        b'c' => (&text[..text.len() - 1], Per::Processor),
        b'n' => (&text[..text.len() - 1], Per::Node),
        _ => (text, Per::Job),
    };
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        b'T' => (&text[..text.len() - 1], 40),
        b'0'..=b'9' | b'.' => (text, 20),
        _ => return None,
    };
    let number = super::number::Number::parse(digits.as_bytes()).ok().filter(|number| !number.negative)?;
    let bytes = number.multiple(1 << shift).ok()?;
    Some((bytes as u64, per))
}

/// The GPUs of `gpu:2`, `gpu:v100:2` (on each node), and of `cpu=8,gres/gpu=2` (of the whole job).
fn gpus(gres: Option<&str>, tres: Option<&str>, nodes: i64) -> i64 {
    let small = |text: &str| text.parse::<i64>().ok().filter(|number| (0..1_000_000).contains(number));
    let whole = tres.into_iter().flat_map(|list| list.split(',')).find_map(|entry| {
        let (name, amount) = entry.split_once('=')?;
        (name == "gres/gpu").then(|| small(amount)).flatten()
    });
    let each = gres.into_iter().flat_map(|list| list.split(',')).find_map(|entry| {
        let mut parts = entry.trim_start_matches("gres:").split(':');
        (parts.next() == Some("gpu")).then(|| parts.next_back().map_or(Some(1), small)).flatten()
    });
    whole.or(each.map(|each| each * nodes)).unwrap_or(0)
}

/// The text of a column; `None` where it is missing or says so.
fn text(records: &Records, column: Option<usize>) -> Result<Option<&str>, Diagnostic> {
    let Some(field) = column.and_then(|field| records.present(field)) else { return Ok(None) };
    let text = records.text(field)?;
    Ok((text != "Unknown" && !text.starts_with("None ")).then_some(text))
}

/// A count of a column; `None` where it is missing.
fn count(records: &Records, column: Option<usize>) -> Result<Option<i64>, Diagnostic> {
    let Some(field) = column.and_then(|field| records.present(field)) else { return Ok(None) };
    match records.count(field)? {
        count if count <= MAX_PROCESSORS => Ok(Some(count)),
        _ => Err(records.fault(field, "the number is too large")),
    }
}

/// A date of a column in seconds since 1970.
fn date(records: &Records, column: Option<usize>) -> Result<Option<i64>, Diagnostic> {
    let Some(text) = text(records, column)? else { return Ok(None) };
    let date = moment::seconds(text, &TimeZone::UTC);
    let wrong = || {
        let fault = records.fault(column.unwrap_or(0), "not a date and time");
        fault.help("write `2026-01-31T12:00:00`")
    };
    date.map(Some).ok_or_else(wrong)
}

/// Seconds of a column in Slurm's way; `None` where it is missing or says `UNLIMITED` and the like.
fn span(records: &Records, column: Option<usize>) -> Result<Option<u64>, Diagnostic> {
    let Some(text) = text(records, column)? else { return Ok(None) };
    if text.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return Ok(None);
    }
    let span = moment::elapsed(text).filter(|seconds| *seconds < 1 << 33);
    let wrong = || {
        let fault = records.fault(column.unwrap_or(0), "not a time of Slurm");
        fault.help("write `[days-]hours:minutes:seconds`")
    };
    span.map(Some).ok_or_else(wrong)
}

impl Accounting {
    fn run_time(&self, records: &Records) -> Result<Option<u64>, Diagnostic> {
        let columns = &self.columns;
        if let Some(seconds) = count(records, columns.elapsed_raw)? {
            return Ok(Some(seconds as u64));
        }
        if let Some(seconds) = span(records, columns.elapsed)? {
            return Ok(Some(seconds));
        }
        let (start, end) = (date(records, columns.start)?, date(records, columns.end)?);
        Ok(start.zip(end).and_then(|(start, end)| u64::try_from(end - start).ok()))
    }

    fn limit(&self, records: &Records) -> Result<Option<Span>, Diagnostic> {
        let mut seconds = span(records, self.columns.limit)?;
        if seconds.is_none() {
            let minutes = text(records, self.columns.limit_raw)?.and_then(|text| text.parse::<u32>().ok());
            seconds = minutes.map(|minutes| u64::from(minutes) * 60);
        }
        Ok(seconds.filter(|seconds| *seconds > 0).map(Span::from_secs))
    }

    /// Processors, memory and GPUs.
    fn resources(
        &self,
        records: &Records,
        row: &mut Row,
        report: &mut ReadReport,
    ) -> Result<Option<&'static str>, Diagnostic> {
        let columns = &self.columns;
        let (requested, allocated) = (count(records, columns.requested)?, count(records, columns.allocated)?);
        let processors = self.options.processors.of(allocated.unwrap_or(-1), requested.unwrap_or(-1));
        if processors <= 0 {
            return Ok(Some(super::swf::reason::NO_PROCESSORS));
        }
        if self.options.max_processors.is_some_and(|limit| processors > i64::from(limit)) {
            return Ok(Some(super::swf::reason::TOO_MANY_PROCESSORS));
        }
        row.processors = processors as u32;
        row.allocated_processors = allocated.unwrap_or(-1);
        row.requested_processors = requested.unwrap_or(-1);
        let listed = text(records, columns.node_list)?.and_then(count_nodes).map(i64::from);
        let nodes = count(records, columns.nodes)?.filter(|nodes| *nodes > 0).or(listed);
        if let Some(field) = columns.memory.and_then(|field| records.present(field)) {
            let (bytes, per) = memory(records.text(field)?)
                .ok_or_else(|| records.fault(field, "not an amount of memory"))?;
            if per == Per::Node && nodes.is_none() {
                report.repair_row(reason::NO_NODES, row.line);
            }
            let times = match per {
                Per::Processor => processors,
                Per::Node => nodes.unwrap_or(1),
                Per::Job => 1,
            };
            let bytes = i64::try_from(bytes).ok().and_then(|bytes| bytes.checked_mul(times));
            row.memory_bytes = bytes.ok_or_else(|| records.fault(field, "the number is too large"))?;
        }
        let (gres, tres) = (text(records, columns.gres)?, text(records, columns.tres)?);
        let gpus = gpus(gres, tres, nodes.unwrap_or(1));
        if gpus > 0 {
            row.extended.push((GPU.to_owned(), gpus));
        }
        Ok(None)
    }

    fn names(&mut self, records: &Records, row: &mut Row, report: &mut ReadReport) {
        let field = |column: Option<usize>| column.map_or(&b""[..], |field| records.field(field));
        let columns = &self.columns;
        let header = &mut report.header;
        row.user = self.users.number(field(columns.user), header);
        row.group = self.accounts.number(field(columns.account), header);
        row.queue = self.queues.number(field(columns.qos), header);
        row.partition = self.partitions.number(field(columns.partition), header);
    }
}

impl Lines for Accounting {
    fn fill(
        &mut self,
        records: &Records,
        row: &mut Row,
        report: &mut ReadReport,
    ) -> Result<Fate, Diagnostic> {
        let job = records.text(self.columns.job)?;
        if job.contains('.') {
            return Ok(Fate::Dropped(reason::STEP));
        }
        let status = match status(records.text(self.columns.state)?) {
            Ok(status) => status,
            Err(reason) => return Ok(Fate::Dropped(reason)),
        };
        let submit = date(records, Some(self.columns.submit))?;
        let submit = submit.ok_or_else(|| records.fault(self.columns.submit, "no time of submission"))?;
        let start = date(records, self.columns.start)?;
        let Some(run) = self.run_time(records)? else { return Ok(Fate::Dropped(reason::NO_TIMES)) };
        if run == 0 && (status == 5 || start.is_none()) {
            return Ok(Fate::Dropped(super::swf::reason::NEVER_STARTED));
        }
        if run == 0 && !self.options.keep_zero_run {
            return Ok(Fate::Dropped(super::swf::reason::ZERO_RUN_TIME));
        }
        if let Some(reason) = self.resources(records, row, report)? {
            return Ok(Fate::Dropped(reason));
        }
        if self.origin.is_none() {
            self.origin = Some(submit);
            report.header.unix_start_time = Some(submit);
        }
        let since = submit - self.origin.unwrap_or(submit);
        if since < 0 {
            report.repair_row(reason::BEFORE_FIRST, row.line);
        }
        if since > LONGEST {
            return Err(records.fault(self.columns.submit, "too long after the first job"));
        }
        let number = self.columns.raw.map_or(job, |field| records.text(field).unwrap_or(job));
        row.number = number.parse().unwrap_or(row.number);
        // `123_4` is the fourth job of an array.
        if row.number.to_string() != job {
            row.name = job.replace(['_', '+'], "-");
        }
        row.submit = Time::from_secs(u64::try_from(since).unwrap_or(0));
        row.run_time = Some(Span::from_secs(run));
        row.estimate = self.limit(records)?;
        row.recorded_wait = start.and_then(|start| u64::try_from(start - submit).ok()).map(Span::from_secs);
        row.status = status;
        let code = text(records, self.columns.exit_code)?.unwrap_or("0").split(':').next().unwrap_or("0");
        row.exit_code = code.parse::<i32>().unwrap_or(0).clamp(0, 255);
        let priority = count(records, self.columns.priority)?.unwrap_or(0);
        row.priority = i32::try_from(priority).unwrap_or(i32::MAX);
        self.names(records, row, report);
        Ok(Fate::Used)
    }
}

/// A reader of what `sacct` prints.
pub(super) fn reader(input: Input, options: SwfOptions) -> Result<LineReader<impl Lines>, Diagnostic> {
    let records = Records::separated_by(b'|', input)?;
    let format = Accounting {
        columns: Columns::find(&records)?,
        options,
        users: Names::new("User"),
        accounts: Names::new("Account"),
        queues: Names::new("Queue"),
        partitions: Names::new("Partition"),
        origin: None,
    };
    Ok(LineReader::new(records, format, "Slurm accounting (sacct)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_nodes_are_counted() {
        for (list, count) in [
            ("b1", Some(1)),
            ("m[1-2]", Some(2)),
            ("b1,g1,m[3-4],n[1-3,7]", Some(8)),
            ("rack[1-2]-a,b", Some(3)),
            ("n[001-100]", Some(100)),
            ("n[3-1]", None),
            ("n[1-2", None),
            ("n[1-9999999999]", None),
            ("None assigned", None),
            ("", None),
        ] {
            assert_eq!(count_nodes(list), count, "{list}");
        }
    }

    #[test]
    fn amounts_of_memory_and_gpus() {
        for (text, expected) in [
            ("2800Mc", Some((2_800 << 20, Per::Processor))),
            ("500000Mn", Some((500_000 << 20, Per::Node))),
            ("1.5G", Some((3 << 29, Per::Job))),
            ("512", Some((512 << 20, Per::Job))),
            ("M", None),
            ("-1M", None),
            ("1e30G", None),
            ("", None),
        ] {
            assert_eq!(memory(text), expected, "{text}");
        }
        assert_eq!(gpus(Some("gpu:2"), None, 3), 6);
        assert_eq!(gpus(Some("craynetwork:1,gpu:v100:4"), None, 1), 4);
        assert_eq!(gpus(Some("gpu"), Some("cpu=8,mem=4G,gres/gpu=2"), 3), 2);
        assert_eq!(gpus(Some("gpu:-1"), Some("gres/gpu=x"), 1), 0);
    }
}
