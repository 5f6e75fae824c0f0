//! Workloads: readers of traces, a writer of our own table, and generators.
//!
//! A [`Reader`] hands out one [`Row`] after the other, in the order of its input, in bounded memory.
//! What is wrong with an input is a located diagnostic; what was dropped or changed is counted in a
//! [`ReadReport`]. What runs the rows is not known here.

pub mod alibaba;
pub mod azure;
pub mod batsim;
pub mod cell;
pub mod convert;
pub mod format;
pub mod google2011;
pub mod input;
mod json;
pub mod kubernetes;
mod lines;
mod listed;
mod load;
mod moment;
mod names;
mod number;
pub mod openb;
pub mod philly;
pub mod profile;
mod record;
pub mod report;
pub mod sacct;
pub mod samples;
pub mod stats;
pub mod swf;
pub mod synth;
pub mod table;
pub mod transform;
pub mod wfcommons;

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod tests;

pub use convert::{Census, Preamble, Target};
pub use format::{Format, ReaderOptions};
pub use input::{Input, read_all};
pub use load::read_load;
pub use profile::{Profile, Profiled};
pub use report::{Header, ReadReport, Tally};
pub use stats::{Statistics, Summary};
pub use swf::{Partials, Processors, SwfOptions, SwfReader};
pub use synth::{Arrivals, Generator, Shape, Synth};
pub use table::{Column, TableReader, TableWriter};

use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Span, Time};

/// What the largest machine of a trace is taken to be, where the trace gives sizes as parts of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Largest {
    /// Its CPU in millicores.
    pub cpu_milli: i64,
    /// Its memory in bytes.
    pub memory_bytes: i64,
}

impl Default for Largest {
    /// 64 cores and 256 GiB.
    fn default() -> Largest {
        Largest { cpu_milli: 64_000, memory_bytes: 256 << 30 }
    }
}

/// One row of a workload: one or more equal tasks that arrive together. Readers fill the same row
/// again and again; every read sets every field.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The line in the input, from 1; 0 for generated rows.
    pub line: u64,
    /// The job number as the trace gives it (SWF field 1), or the count of rows from 1.
    pub number: i64,
    /// The name as the trace gives it; empty if it gives none, then `number` names the row.
    pub name: String,
    /// When the row arrives, counted from the trace's own time 0.
    pub submit: Time,
    /// How long each task runs; `None`: unknown, or for ever.
    pub run_time: Option<Span>,
    /// The user's estimate of the run time (SWF field 9, "walltime"); `None` if there is none.
    pub estimate: Option<Span>,
    /// The equal tasks that the row stands for, at least 1.
    pub tasks: u32,
    /// Processors of the row, by the named choice [`Processors`]; 0 where the trace has none.
    pub processors: u32,
    /// SWF field 5 as it stands; -1 unknown.
    pub allocated_processors: i64,
    /// SWF field 8 as it stands; -1 unknown.
    pub requested_processors: i64,
    /// How long the job waited in reality (SWF field 3).
    pub recorded_wait: Option<Span>,
    /// SWF field 11: 0 failed, 1 completed, 2 to 4 partial executions, 5 cancelled, -1 unknown.
    pub status: i8,
    /// CPU request of each task in millicores; 0: none.
    pub cpu_milli: i64,
    /// Memory request of each task in bytes; 0: none. For SWF, field 10 times the processors.
    pub memory_bytes: i64,
    /// Further resources of each task by Kubernetes name.
    pub extended: Vec<(String, i64)>,
    /// A task must run on a node whose label has one of the values.
    pub node_labels_in: Option<(String, Vec<String>)>,
    /// The priority, higher first; 0 where the trace has none.
    pub priority: i32,
    /// SWF field 12; -1 unknown.
    pub user: i32,
    /// SWF field 13; -1 unknown.
    pub group: i32,
    /// SWF field 15; -1 unknown.
    pub queue: i32,
    /// SWF field 16; -1 unknown.
    pub partition: i32,
    /// SWF field 17: the number of the job that must end before this one is submitted; -1 none.
    pub preceding: i64,
    /// The numbers of further jobs of the trace that must end before this one is submitted, as
    /// workflows have them; a job that the trace does not have holds nothing back.
    pub after: Vec<i64>,
    /// SWF field 18: the time between the end of the preceding job and this submission.
    pub think_time: Option<Span>,
    /// How long after its submission the job should have ended; `None` if nobody has said.
    pub deadline: Option<Span>,
    /// The exit code of each task; 0 where the trace gives none (SWF gives a status only).
    pub exit_code: i32,
    /// What happens when a task ends; `None`: the consumer decides.
    pub restart_policy: Option<RestartPolicy>,
    /// Labels of the tasks.
    pub labels: Vec<(String, String)>,
}

impl Default for Row {
    fn default() -> Row {
        Row {
            line: 0,
            number: 0,
            name: String::new(),
            submit: Time::ZERO,
            run_time: None,
            estimate: None,
            tasks: 1,
            processors: 0,
            allocated_processors: -1,
            requested_processors: -1,
            recorded_wait: None,
            status: -1,
            cpu_milli: 0,
            memory_bytes: 0,
            extended: Vec::new(),
            node_labels_in: None,
            priority: 0,
            user: -1,
            group: -1,
            queue: -1,
            partition: -1,
            preceding: -1,
            after: Vec::new(),
            think_time: None,
            deadline: None,
            exit_code: 0,
            restart_policy: None,
            labels: Vec::new(),
        }
    }
}

impl Row {
    /// Sets every field to its default but keeps `name`, `extended`, `node_labels_in` and `labels`,
    /// whose memory the reader uses again.
    fn reset_plain(&mut self) {
        self.after.clear();
        *self = Row {
            name: std::mem::take(&mut self.name),
            extended: std::mem::take(&mut self.extended),
            node_labels_in: self.node_labels_in.take(),
            labels: std::mem::take(&mut self.labels),
            after: std::mem::take(&mut self.after),
            ..Row::default()
        };
    }

    /// Sets every field to its default.
    pub fn reset(&mut self) {
        self.reset_plain();
        self.name.clear();
        self.extended.clear();
        self.node_labels_in = None;
        self.labels.clear();
    }

    /// The numbers of all jobs that must end before this one is submitted.
    pub fn predecessors(&self) -> impl Iterator<Item = i64> + '_ {
        (self.preceding != -1).then_some(self.preceding).into_iter().chain(self.after.iter().copied())
    }

    /// The name, or the number where there is no name.
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.number.to_string() } else { self.name.clone() }
    }
}

/// A source of rows.
pub trait Reader {
    /// Fills `row` with the next row; `false` at the end. After an error the next call goes on with
    /// the next line, so that several findings can be listed; an error of the input itself (cut off,
    /// unreadable) ends it.
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic>;

    /// What was read so far; complete once `read` has returned `false`.
    fn report(&self) -> &ReadReport;

    /// The sha256 of the input as it is stored, in hexadecimal; reads what is left of it. `None` for
    /// rows that come from no input.
    fn sha256(&mut self) -> Result<Option<String>, Diagnostic>;
}

impl Reader for Box<dyn Reader + Send> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        (**self).read(row)
    }

    fn report(&self) -> &ReadReport {
        (**self).report()
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        (**self).sha256()
    }
}

/// Rows in memory as a reader, for generated and rearranged workloads.
pub struct Rows<I> {
    rows: I,
    report: ReadReport,
}

impl<I: Iterator<Item = Row>> Rows<I> {
    /// A reader over `rows`; `name` stands for the input's name.
    pub fn new(name: &str, rows: impl IntoIterator<IntoIter = I>) -> Rows<I> {
        Rows { rows: rows.into_iter(), report: ReadReport::new(&name.into(), "rows in memory") }
    }
}

impl<I: Iterator<Item = Row>> Reader for Rows<I> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let Some(next) = self.rows.next() else { return Ok(false) };
        *row = next;
        self.report.rows += 1;
        self.report.use_row(row.submit, row.line);
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        Ok(None)
    }
}
