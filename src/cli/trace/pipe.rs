//! What the commands that write traces share: inputs that can be read again, options with units, and
//! outputs that are whole or not there.

use super::super::args::TraceArguments;
use super::super::diagnostics::{Style, printable, render};
use super::super::files::write_whole;
use super::super::trace_args::OutArguments;
use super::super::{Exit, complain};
use super::{all_errors, open, refuse};
use crate::base::{Diagnostic, Location, Span};
use crate::trace::convert::{WriteError, is_gzip, write};
use crate::trace::{Census, Header, Preamble, ReadReport, Reader, Row, Target};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// A reader of any kind.
pub(super) type Trace = Box<dyn Reader + Send>;

/// Why there is no trace.
pub(super) enum Failed {
    Input(Vec<Diagnostic>),
    Output(Diagnostic),
}

impl From<Diagnostic> for Failed {
    fn from(finding: Diagnostic) -> Failed {
        Failed::Input(vec![finding])
    }
}

/// The exit code of what was tried; findings are printed.
pub(super) fn end(result: Result<(), Failed>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(Failed::Input(findings)) => refuse(&findings),
        Err(Failed::Output(finding)) => {
            complain(&render(&[finding], Style::of_stderr()));
            Exit::Internal
        }
    }
}

/// A finding about an option.
pub(super) fn wrong(option: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Location::file(option), message)
}

/// An input that can be read several times: a file, or rows in memory.
pub(super) struct Source {
    trace: TraceArguments,
    /// The rows of standard input, and what its reader said.
    kept: Option<(Arc<[Row]>, ReadReport)>,
}

impl Source {
    pub(super) fn new(trace: &TraceArguments) -> Result<Source, Failed> {
        let kept = if trace.file == "-" { Some(keep(&mut open(trace)?)?) } else { None };
        Ok(Source { trace: trace.clone(), kept })
    }

    /// A reader from the start.
    pub(super) fn open(&self) -> Result<Trace, Diagnostic> {
        match &self.kept {
            None => open(&self.trace),
            Some((rows, report)) => Ok(Box::new(Kept::new(rows, report.clone()))),
        }
    }
}

/// All rows of a reader, and its report.
pub(super) fn keep(reader: &mut Trace) -> Result<(Arc<[Row]>, ReadReport), Failed> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    loop {
        match reader.read(&mut row) {
            Ok(true) => rows.push(std::mem::take(&mut row)),
            Ok(false) => return Ok((rows.into(), reader.report().clone())),
            Err(first) => return Err(Failed::Input(all_errors(first, reader))),
        }
    }
}

/// Rows in memory with the report of where they come from.
pub(super) struct Kept {
    rows: Arc<[Row]>,
    next: usize,
    report: ReadReport,
}

impl Kept {
    pub(super) fn new(rows: &Arc<[Row]>, report: ReadReport) -> Kept {
        Kept { rows: Arc::clone(rows), next: 0, report }
    }
}

impl Reader for Kept {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let Some(next) = self.rows.get(self.next) else { return Ok(false) };
        row.clone_from(next);
        self.next += 1;
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        Ok(None)
    }
}

/// The format that is written: as asked for, by the file's ending, else as the input is.
pub(super) fn target(out: &OutArguments, input: Option<&Trace>) -> Result<Target, Failed> {
    if let Some(to) = out.to {
        return Ok(to.target());
    }
    if let Some(path) = &out.out {
        let unknown = || {
            wrong("--out", "the ending of the file names no format that is written")
                .found(path.to_string_lossy())
                .help("give `--to swf`, `--to seatrial` or `--to batsim`, or end the name with .swf, .csv or .json")
        };
        return Ok(Target::of_file(path).ok_or_else(unknown)?);
    }
    match input {
        Some(input) if input.report().format.starts_with("swf") => Ok(Target::Swf),
        Some(_) => Ok(Target::Table),
        None => Err(wrong("--to", "the format is not given")
            .help("give `--to swf`, `--to seatrial` or `--to batsim`, or a file with `--out`")
            .into()),
    }
}

/// The steps in which a target format counts time.
pub(super) fn resolution(option: Option<&str>, target: Target) -> Result<Span, Failed> {
    match option {
        Some(text) => span("--resolution", text),
        None if target == Target::Swf => Ok(Span::from_secs(1)),
        None => Ok(Span::from_millis(1)),
    }
}

/// A duration that an option gives.
pub(super) fn span(option: &str, text: &str) -> Result<Span, Failed> {
    text.trim().parse::<Span>().map_err(|error| {
        wrong(option, error.to_string())
            .found(text)
            .help("write a duration such as `30s`, `20m` or `7d`")
            .into()
    })
}

/// A number that an option gives, as such or in percent.
pub(super) fn share(option: &str, text: &str) -> Result<f64, Failed> {
    let (digits, unit) = text.trim().strip_suffix('%').map_or((text.trim(), 1.0), |digits| (digits, 0.01));
    let number = digits.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let number =
        number.ok_or_else(|| wrong(option, "not a number").found(text).help("write `0.9` or `90%`"))?;
    Ok(number * unit)
}

/// What is done with the rows on the way.
pub(super) struct Job<'a> {
    /// A reader from the start, with everything applied.
    pub(super) open: &'a dyn Fn() -> Result<Trace, Diagnostic>,
    pub(super) target: Target,
    /// What was done, in one line of the file.
    pub(super) note: String,
    /// What is said if no row is left.
    pub(super) empty: &'static str,
    /// Processors of the machine.
    pub(super) capacity: Option<u32>,
}

/// Reads the rows once to see what there is, and once more to write them.
pub(super) fn transfer(job: &Job<'_>, arguments: &OutArguments) -> Result<(), Failed> {
    let mut reader = (job.open)()?;
    let (census, report) = take_census(&mut reader, job.target)?;
    drop(reader);
    if census.rows() == 0 {
        say(&census, &report);
        let finding = Diagnostic::error(Location::file(report.file.clone()), "no row is left to write");
        return Err(finding.help(job.empty).into());
    }
    if !arguments.quiet {
        say(&census, &report);
    }
    let capacity = job.capacity.or(report.header.max_procs);
    let preamble = Preamble { note: job.note.clone(), capacity };
    let mut reader = (job.open)()?;
    let source = (&census, &report.header);
    if let Some(path) = &arguments.out {
        to_file(path, &mut reader, source, &preamble)?;
        if !arguments.quiet {
            let name = printable(&path.to_string_lossy());
            complain(&format!("{name}: {} rows, {}\n", census.rows(), job.target.title()));
        }
        return Ok(());
    }
    to_stdout(&mut reader, source, &preamble)
}

fn take_census(reader: &mut Trace, target: Target) -> Result<(Census, ReadReport), Failed> {
    let mut census = Census::new(target);
    let mut row = Row::default();
    loop {
        match reader.read(&mut row) {
            Ok(true) => census.add(&row, reader.report())?,
            Ok(false) => return Ok((census, reader.report().clone())),
            Err(first) => return Err(Failed::Input(all_errors(first, reader))),
        }
    }
}

/// What became of rows on the way, a line for each reason.
fn say(census: &Census, report: &ReadReport) {
    let mut text = String::new();
    // Several files have several lines of one number.
    let several = report.format == "mixed";
    for (verb, tallies) in [("dropped", &report.dropped), ("changed", &report.repaired)] {
        for (reason, tally) in tallies {
            let rows = if tally.rows == 1 { "row" } else { "rows" };
            let place =
                if several { String::new() } else { format!(" (first in line {})", tally.first_line) };
            let _ = writeln!(text, "{} {rows} {verb}: {reason}{place}", tally.rows);
        }
    }
    complain(&text);
    let mut findings = report.notes.clone();
    findings.extend(census.warnings(report));
    complain(&render(&findings, Style::of_stderr()));
}

fn to_file(
    path: &Path,
    reader: &mut Trace,
    (census, header): (&Census, &Header),
    preamble: &Preamble,
) -> Result<(), Failed> {
    let mut input = None;
    let written = write_whole(path, |out| {
        let mut content = |out: &mut dyn Write| match write(out, reader, census, header, preamble) {
            Ok(()) => Ok(()),
            Err(WriteError::Output(error)) => Err(error),
            Err(WriteError::Input(finding)) => {
                input = Some(finding);
                Err(io::Error::other("the input changed while it was read"))
            }
        };
        if !is_gzip(path) {
            return content(out);
        }
        let mut packed = GzEncoder::new(out, Compression::default());
        content(&mut packed)?;
        packed.finish().map(|_| ())
    });
    match (written, input) {
        (_, Some(finding)) => Err(finding.into()),
        (Err(finding), None) => Err(Failed::Output(finding)),
        (Ok(()), None) => Ok(()),
    }
}

fn to_stdout(
    reader: &mut Trace,
    (census, header): (&Census, &Header),
    preamble: &Preamble,
) -> Result<(), Failed> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write(&mut out, reader, census, header, preamble);
    let flushed = written.and_then(|()| out.flush().map_err(WriteError::Output));
    match flushed {
        Ok(()) => Ok(()),
        Err(WriteError::Input(finding)) => Err(finding.into()),
        // A closed pipe is no error: the reader has seen enough.
        Err(WriteError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(WriteError::Output(error)) => Err(Failed::Output(wrong("standard output", error.to_string()))),
    }
}

/// A range `LOW-HIGH`, either of which may be missing, or one value for both.
pub(super) fn range<'a>(option: &str, text: &'a str) -> Result<(Option<&'a str>, Option<&'a str>), Failed> {
    let ends = |text: &'a str| (!text.trim().is_empty()).then_some(text.trim());
    let (low, high) = match text.split_once('-') {
        Some((low, high)) => (ends(low), ends(high)),
        None => (ends(text), ends(text)),
    };
    if (low, high) == (None, None) {
        let finding = wrong(option, "a range without ends").found(text);
        return Err(finding.help("write `4-64`, `4-`, `-64` or `4`").into());
    }
    Ok((low, high))
}

/// Rows that were made in memory, as a reader with the report of their source.
pub(super) fn from_memory(rows: &Arc<[Row]>, report: &ReadReport) -> Trace {
    Box::new(Kept::new(rows, report.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_one_end_at_least() {
        let of = |text| range("--sizes", text).ok();
        assert_eq!(of("4-64"), Some((Some("4"), Some("64"))));
        assert_eq!(of(" 4 -"), Some((Some("4"), None)));
        assert_eq!(of("-64"), Some((None, Some("64"))));
        assert_eq!(of("4"), Some((Some("4"), Some("4"))));
        assert_eq!([of("-"), of(""), of("  ")], [None; 3]);
    }

    #[test]
    fn shares_are_numbers_or_percent() {
        let of = |text| share("--load", text).ok().map(|share| (share * 1e6).round() as i64);
        assert_eq!(
            [of("0.9"), of("90%"), of(" 90 % "), of("-1")],
            [Some(900_000), Some(900_000), Some(900_000), Some(-1_000_000)]
        );
        assert_eq!([of("NaN"), of("inf"), of("x"), of("")], [None; 4]);
    }
}
