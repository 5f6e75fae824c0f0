//! Writing traces: which formats there are, what a format cannot hold, and the writers.
//!
//! A trace is written in two passes: a [`Census`] of the rows says which columns there are, what is
//! lost and what is left out; then [`write()`] takes the rows again. Nothing is lost without a count.

mod batsim;
mod census;

#[cfg(test)]
mod tests;

pub use census::{Census, reason};

use super::swf::{write_header, write_row};
use super::{Header, Reader, Row, TableWriter};
use crate::base::Diagnostic;
use std::io::{self, Write};
use std::path::Path;

/// A format that can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The Standard Workload Format, version 2.2.
    Swf,
    /// seatrial's own table.
    Table,
    /// Batsim's JSON workload: jobs with a size, a limit and a delay.
    Batsim,
}

impl Target {
    /// All formats with the names that users write and the endings of their files.
    pub const NAMES: [(&str, &str, Target); 3] =
        [("swf", "swf", Target::Swf), ("seatrial", "csv", Target::Table), ("batsim", "json", Target::Batsim)];

    /// The format by the ending of a file's name, `.gz` aside.
    pub fn of_file(path: &Path) -> Option<Target> {
        let path = if is_gzip(path) { path.with_extension("") } else { path.to_owned() };
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Target::NAMES.iter().find(|(_, known, _)| *known == ending).map(|(_, _, target)| *target)
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Target::Swf => "the Standard Workload Format",
            Target::Table => "seatrial's table",
            Target::Batsim => "Batsim's workload",
        }
    }
}

/// Whether the name of a file says that it is packed with gzip.
pub fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"))
}

/// What is written beside the rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Preamble {
    /// Where the trace comes from, in one line; empty: nothing is said.
    pub note: String,
    /// Processors of the machine. Batsim needs the number: the largest job's where it is not given.
    pub capacity: Option<u32>,
}

/// Why a trace could not be written.
#[derive(Debug)]
pub enum WriteError {
    /// The rows cannot be read, or are not those of the census.
    Input(Diagnostic),
    /// The output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> WriteError {
        WriteError::Output(error)
    }
}

impl From<Diagnostic> for WriteError {
    fn from(finding: Diagnostic) -> WriteError {
        WriteError::Input(finding)
    }
}

/// Writes the rows of `reader`, of which `census` was taken under `header`.
pub fn write(
    out: &mut dyn Write,
    reader: &mut dyn Reader,
    census: &Census,
    header: &Header,
    preamble: &Preamble,
) -> Result<(), WriteError> {
    let mut row = Row::default();
    match census.target() {
        Target::Swf => {
            write_header(out, &swf_header(census, header, preamble))?;
            while reader.read(&mut row)? {
                if census::left_out(Target::Swf, &row).is_none() {
                    census::as_swf(&mut row);
                    write_row(out, &row)?;
                }
            }
        }
        Target::Table => {
            if !preamble.note.is_empty() {
                writeln!(out, "# {}", one_line(&preamble.note))?;
            }
            let mut table = TableWriter::new(out, census.columns().iter().cloned())?;
            while reader.read(&mut row)? {
                table.write(&row)?;
            }
            table.finish()?;
        }
        Target::Batsim => {
            let mut workload = batsim::Workload::begin(out, census, preamble)?;
            while reader.read(&mut row)? {
                workload.job(&row)?;
            }
            workload.end()?;
        }
    }
    Ok(())
}

/// The source's header with the numbers of the new file.
fn swf_header(census: &Census, header: &Header, preamble: &Preamble) -> Header {
    let mut header = header.clone();
    if header.entries.is_empty() {
        header.set("Version", "2.2".into());
    }
    for (_, value) in &mut header.entries {
        *value = one_line(value);
    }
    if !preamble.note.is_empty() {
        header.entries.push(("Note".into(), one_line(&preamble.note)));
    }
    header.set("MaxJobs", census.rows().to_string());
    header.set("MaxRecords", census.rows().to_string());
    if let Some(processors) = preamble.capacity {
        header.set("MaxProcs", processors.to_string());
    }
    header
}

/// Text without control characters, so that it stays a line.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
