//! The command `trace generate`: a new trace, from options, from a scenario, or one of the samples.

use super::super::args::{GenerateArguments, ShapeArguments, WrittenFormat};
use super::super::diagnostics::{Style, render};
use super::super::files::write_whole;
use super::super::{Exit, complain, print};
use super::refuse;
use crate::base::diagnostic::suggest;
use crate::base::dist::Unit;
use crate::base::{Diagnostic, Distribution, Location, Span};
use crate::scenario::{Named, generated, load};
use crate::trace::swf::{write_header, write_row};
use crate::trace::table::{TableWriter, used_columns};
use crate::trace::{Arrivals, Column, Generator, Header, Reader, Row, Shape, Synth, samples};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};

/// The seed where nothing is said.
pub(super) const SEED: u64 = 1;

/// Several generators as one, in order of time, then of the generators.
struct Merged {
    readers: Vec<Synth>,
    /// The next row of each.
    next: Vec<Option<Row>>,
    count: i64,
}

impl Merged {
    fn new(mut readers: Vec<Synth>) -> Result<Merged, Diagnostic> {
        let next = readers.iter_mut().map(fetch).collect::<Result<_, _>>()?;
        Ok(Merged { readers, next, count: 0 })
    }

    /// The next row, numbered from 1.
    fn take(&mut self) -> Result<Option<Row>, Diagnostic> {
        let times =
            self.next.iter().enumerate().filter_map(|(index, row)| Some((row.as_ref()?.submit, index)));
        let Some((_, index)) = times.min() else { return Ok(None) };
        let following = fetch(&mut self.readers[index])?;
        let row = std::mem::replace(&mut self.next[index], following);
        self.count += 1;
        Ok(row.map(|row| Row { number: self.count, ..row }))
    }
}

fn fetch(reader: &mut Synth) -> Result<Option<Row>, Diagnostic> {
    let mut row = Row::default();
    Ok(reader.read(&mut row)?.then_some(row))
}

/// Writes the trace.
pub(super) fn run(arguments: &GenerateArguments) -> Exit {
    let result = match (&arguments.sample, &arguments.cell) {
        (Some(name), _) => sample(name).and_then(|bytes| out(arguments, |out| out.write_all(&bytes))),
        (None, Some(name)) => super::cell::write(name, arguments),
        (None, None) => generate(arguments),
    };
    match result {
        Ok(()) => Exit::Done,
        Err(Failed::Input(findings)) => refuse(&findings),
        Err(Failed::Output(finding)) => {
            complain(&render(&[finding], Style::of_stderr()));
            Exit::Internal
        }
        Err(Failed::Told) => Exit::Internal,
    }
}

/// Why there is no trace.
pub(super) enum Failed {
    Input(Vec<Diagnostic>),
    Output(Diagnostic),
    /// It has been printed.
    Told,
}

impl From<Diagnostic> for Failed {
    fn from(finding: Diagnostic) -> Failed {
        Failed::Input(vec![finding])
    }
}

pub(super) fn error(option: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Location::file(option), message)
}

fn sample(name: &str) -> Result<Vec<u8>, Failed> {
    samples::sample(name).ok_or_else(|| {
        let near = suggest(name, samples::NAMES);
        let help = near.map_or_else(
            || format!("the samples are {}", samples::NAMES.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        error("--sample", "no sample of this name").found(name).help(help).into()
    })
}

fn generate(arguments: &GenerateArguments) -> Result<(), Failed> {
    let readers = match &arguments.file {
        Some(file) => from_scenario(file, arguments)?,
        None => from_options(arguments)?,
    };
    // What a trace holds is known only after all of it: it is drawn twice.
    let again = readers.clone();
    let mut columns = BTreeSet::new();
    let mut jobs = 0_u64;
    let mut rows = Merged::new(readers)?;
    while let Some(row) = rows.take()? {
        used_columns(&row, &mut columns);
        jobs += 1;
    }
    let mut rows = Merged::new(again)?;
    let table = format(arguments) == WrittenFormat::Seatrial;
    if table {
        check_columns(&columns)?;
    } else {
        warn_of_losses(&columns)?;
    }
    out(arguments, |out| {
        let failed = |finding: Diagnostic| io::Error::other(finding.to_string());
        if table {
            let mut table = TableWriter::new(out, columns)?;
            while let Some(row) = rows.take().map_err(failed)? {
                table.write(&row)?;
            }
            return table.finish();
        }
        write_header(out, &header(jobs))?;
        while let Some(mut row) = rows.take().map_err(failed)? {
            // 1: completed; 0: failed. A reader drops jobs whose status says that they never ran.
            row.status = i8::from(row.exit_code == 0);
            write_row(out, &row)?;
        }
        Ok(())
    })
}

/// By the option, else by the ending of the file.
fn format(arguments: &GenerateArguments) -> WrittenFormat {
    let swf = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "swf");
    let by_name =
        || if arguments.out.as_ref().is_some_and(swf) { WrittenFormat::Swf } else { WrittenFormat::Seatrial };
    arguments.trace_format.unwrap_or_else(by_name)
}

fn header(jobs: u64) -> Header {
    let entries = [
        ("Version", "2.2".to_owned()),
        ("Computer", "none: generated by seatrial".to_owned()),
        ("MaxJobs", jobs.to_string()),
    ];
    let entries = entries.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Header { entries, ..Header::default() }
}

/// A table has one column for node labels.
fn check_columns(columns: &BTreeSet<Column>) -> Result<(), Failed> {
    let labels = columns.iter().filter(|column| matches!(column, Column::Nodes(_)));
    if labels.count() > 1 {
        return Err(
            error("generators", "a table can hold one node label only, but they ask for several").into()
        );
    }
    Ok(())
}

/// Says what the Standard Workload Format has no field for.
fn warn_of_losses(columns: &BTreeSet<Column>) -> Result<(), Failed> {
    if !columns.contains(&Column::Processors) {
        let finding =
            error("--trace-format", "the Standard Workload Format needs processors, but no job has any");
        return Err(finding.help("give `--processors`, or write seatrial's own table").into());
    }
    let lost = columns.iter().filter(|column| {
        let resources = matches!(column, Column::Resource(_) | Column::Label(_) | Column::Nodes(_));
        let others = [Column::Name, Column::Cpu, Column::Tasks, Column::Priority, Column::RestartPolicy];
        resources || others.contains(column)
    });
    let lost: Vec<String> = lost.map(Column::name).collect();
    if !lost.is_empty() {
        let message = format!("the Standard Workload Format has no field for: {}", lost.join(", "));
        let warning = Diagnostic::warning(Location::file("--trace-format"), message);
        complain(&render(&[warning], Style::of_stderr()));
    }
    Ok(())
}

fn from_scenario(file: &str, arguments: &GenerateArguments) -> Result<Vec<Synth>, Failed> {
    let mut sets = arguments.sets.clone();
    sets.extend(arguments.seed.map(|seed| format!("run.seed={seed}")));
    let named = Named { files: vec![file.to_owned()], sets, ..Named::default() };
    let stdin: Box<dyn Read + Send> = Box::new(io::stdin());
    let (scenario, _) = load(&named, Some(stdin)).map_err(Failed::Input)?;
    if scenario.workload.generators.is_empty() {
        let finding = error(file, "the scenario has no `workload.generators`");
        return Err(finding.into());
    }
    generated(&scenario).map_err(Failed::Input)
}

fn from_options(arguments: &GenerateArguments) -> Result<Vec<Synth>, Failed> {
    let mut findings = Vec::new();
    let seed = arguments.seed.unwrap_or(SEED);
    let mut generator = generator(&arguments.shape, &mut findings);
    // What the formats' readers expect: whole seconds in the Standard Workload Format.
    generator.resolution = match format(arguments) {
        WrittenFormat::Swf => Span::from_secs(1),
        WrittenFormat::Seatrial => Span::from_millis(1),
    };
    if !findings.is_empty() {
        return Err(Failed::Input(findings));
    }
    let made = Synth::new(generator, seed).map_err(|message| {
        let finding = error("trace generate", message.clone());
        if message.contains("never ends") {
            finding.help("give `--jobs 100` or `--for 8h`, a scenario, or `--sample`")
        } else {
            finding
        }
    });
    Ok(vec![made?])
}

fn generator(shape: &ShapeArguments, findings: &mut Vec<Diagnostic>) -> Generator {
    let mut drawn = |option: &str, text: Option<&str>, unit| -> Option<Distribution> {
        let text = text?;
        let result = Distribution::parse(text, unit);
        result.map_err(|message| findings.push(error(option, message).found(text))).ok()
    };
    let resources: Vec<(String, Distribution)> = shape
        .resources
        .iter()
        .filter_map(|text| {
            let (name, amount) = text.split_once('=').unwrap_or((text, ""));
            Some((name.to_owned(), drawn("--resource", Some(amount), Unit::Quantity)?))
        })
        .collect();
    let kind = Shape {
        cpu: drawn("--cpu", shape.cpu.as_deref(), Unit::Quantity),
        memory: drawn("--memory", shape.memory.as_deref(), Unit::Quantity),
        processors: drawn("--processors", shape.processors.as_deref(), Unit::Number),
        extended: resources,
        ..Shape::default()
    };
    let arrivals = drawn("--arrivals", shape.arrivals.as_deref(), Unit::Time);
    let mut generator = Generator {
        name: shape.name.clone().unwrap_or_default(),
        arrivals: arrivals.map_or(Arrivals::AllAtOnce, Arrivals::Intervals),
        jobs: shape.jobs,
        shapes: vec![kind],
        tasks: drawn("--tasks", shape.tasks.as_deref(), Unit::Number),
        run_time: drawn("--run-time", shape.run_time.as_deref(), Unit::Time),
        estimate_factor: drawn("--estimate-factor", shape.estimate_factor.as_deref(), Unit::Number),
        exit_code: drawn("--exit-code", shape.exit_code.as_deref(), Unit::Number),
        users: shape.users.unwrap_or(0),
        ..Generator::default()
    };
    if let Some(text) = &shape.duration {
        match text.parse::<Span>() {
            Ok(span) => generator.duration = Some(span),
            Err(wrong) => findings.push(error("--for", wrong.to_string()).found(text)),
        }
    }
    generator
}

/// Gives what is written to the file, or to standard output.
fn out(
    arguments: &GenerateArguments,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failed> {
    if let Some(path) = &arguments.out {
        return write_whole(path, content).map_err(Failed::Output);
    }
    let mut bytes = Vec::new();
    content(&mut bytes).map_err(|wrong| error("standard output", wrong.to_string()))?;
    if print(&bytes) == Exit::Done { Ok(()) } else { Err(Failed::Told) }
}
