//! What a reader did with its input: nothing is dropped or changed without a count and a reason.

use crate::base::{Diagnostic, Location, Span, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often something happened to a row, and where first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Rows.
    pub rows: u64,
    /// The line of the first of them; 0 for generated rows.
    pub first_line: u64,
}

/// The facts that a trace states about itself. Absent where it does not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// The directives as they stand, in the order of the file; at most [`Header::MAX_ENTRIES`].
    pub entries: Vec<(String, String)>,
    /// SWF `MaxProcs`: processors of the machine.
    pub max_procs: Option<u32>,
    /// SWF `MaxNodes`: nodes of the machine.
    pub max_nodes: Option<u32>,
    /// SWF `MaxRuntime`: the longest run time that the system allowed.
    pub max_run_time: Option<Span>,
    /// SWF `MaxJobs`: jobs of the log as first published; a cleaned log has fewer.
    pub max_jobs: Option<u64>,
    /// SWF `UnixStartTime`: seconds from 1970-01-01 UTC to the log's time 0.
    pub unix_start_time: Option<i64>,
    /// SWF `AllowOveruse`: whether jobs could use more than they requested.
    pub allow_overuse: Option<bool>,
}

impl Header {
    /// More directives than any real log has are counted as notes, not kept.
    pub const MAX_ENTRIES: usize = 10_000;

    /// Replaces the first directive of that name, or adds one. The facts are left as they are.
    pub fn set(&mut self, key: &str, value: String) {
        match self.entries.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key.to_owned(), value)),
        }
    }

    /// Removes every directive of that name.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|(known, _)| known != key);
    }
}

/// What a reader did. Always `rows = used + Σ dropped`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadReport {
    /// The input as the user named it.
    pub file: Arc<str>,
    /// The format and, where there are several, its dialect.
    pub format: &'static str,
    /// Lines read, comments and blank ones included.
    pub lines: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Rows of data read.
    pub rows: u64,
    /// Rows handed out.
    pub used: u64,
    /// Rows not handed out, by reason.
    pub dropped: BTreeMap<&'static str, Tally>,
    /// Rows handed out with a value changed or filled in, by reason; one row may count several times.
    pub repaired: BTreeMap<&'static str, Tally>,
    /// What was ignored without touching a row, such as an unknown column.
    pub notes: Vec<Diagnostic>,
    /// What the trace says of itself.
    pub header: Header,
    /// The earliest submit time of the used rows.
    pub first_submit: Option<Time>,
    /// The latest submit time of the used rows.
    pub last_submit: Option<Time>,
    /// The submit time of the row used last.
    previous: Time,
}

/// More notes than a person reads are not kept.
const MAX_NOTES: usize = 100;

/// The reason under which rows are counted that were submitted before the row above them.
pub const OUT_OF_ORDER: &str = "submit out of order";

impl ReadReport {
    /// The report of a reader that has not begun.
    pub fn new(file: &Arc<str>, format: &'static str) -> ReadReport {
        ReadReport { file: Arc::clone(file), format, ..ReadReport::default() }
    }

    /// Counts a row that is not handed out.
    pub fn drop_row(&mut self, reason: &'static str, line: u64) {
        count(&mut self.dropped, reason, line);
    }

    /// Counts a row that is handed out with a change.
    pub fn repair_row(&mut self, reason: &'static str, line: u64) {
        count(&mut self.repaired, reason, line);
    }

    /// Adds a note, unless there are too many.
    pub fn note(&mut self, note: Diagnostic) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }

    /// Counts a row that is handed out, and whether it is in order of submission.
    pub fn use_row(&mut self, submit: Time, line: u64) {
        self.used += 1;
        self.first_submit = Some(self.first_submit.map_or(submit, |first| first.min(submit)));
        self.last_submit = Some(self.last_submit.map_or(submit, |last| last.max(submit)));
        if submit < self.previous {
            count(&mut self.repaired, OUT_OF_ORDER, line);
        }
        self.previous = submit;
    }

    /// All rows that were not handed out.
    pub fn dropped_rows(&self) -> u64 {
        self.dropped.values().map(|tally| tally.rows).sum()
    }

    /// The findings as warnings, each at its first row, then the notes.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let of = |verb: &'static str, tallies: &BTreeMap<&'static str, Tally>| {
            let warning = |(reason, tally): (&&'static str, &Tally)| {
                let line = u32::try_from(tally.first_line).unwrap_or(u32::MAX);
                let rows = if tally.rows == 1 { "row" } else { "rows" };
                let message = format!("{} {rows} {verb}: {reason}", tally.rows);
                Diagnostic::warning(Location::at(Arc::clone(&self.file), line, 0), message)
            };
            tallies.iter().map(warning).collect::<Vec<_>>()
        };
        let mut all = of("dropped", &self.dropped);
        all.extend(of("repaired", &self.repaired));
        all.extend(self.notes.iter().cloned());
        all
    }
}

fn count(tallies: &mut BTreeMap<&'static str, Tally>, reason: &'static str, line: u64) {
    let tally = tallies.entry(reason).or_insert(Tally { rows: 0, first_line: line });
    tally.rows += 1;
}
