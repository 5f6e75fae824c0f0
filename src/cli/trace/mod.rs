//! The commands about traces: looking at them, making new ones, and changing them.

mod cell;
mod change;
pub(super) mod formats;
mod generate;
mod head;
mod info;
mod pipe;
pub(super) mod replay;
mod rhythm;
mod text;

use super::args::{SwfProcessors, TraceArguments, TraceCommand};
use super::diagnostics::{Style, render};
use super::{Exit, complain};
use crate::base::Diagnostic;
use crate::trace::{Format, Input, Processors, Reader, Row, SwfOptions};
use std::io::Read;
use std::path::Path;

/// More errors of one trace are not listed.
const MAX_ERRORS: usize = 20;

/// Does what is asked of a trace.
pub(super) fn run(command: &TraceCommand) -> Exit {
    match command {
        TraceCommand::Info(arguments) => info::run(arguments),
        TraceCommand::Head(arguments) => head::run(arguments),
        TraceCommand::Replay(arguments) => replay::run(arguments),
        TraceCommand::Generate(arguments) => generate::run(arguments),
        TraceCommand::Convert(arguments) => change::convert(arguments),
        TraceCommand::Scale(arguments) => change::scale(arguments),
        TraceCommand::Slice(arguments) => change::slice(arguments),
        TraceCommand::Shake(arguments) => change::shake(arguments),
        TraceCommand::Mix(arguments) => change::mix(arguments),
    }
}

/// A reader of the trace that is named.
fn open(trace: &TraceArguments) -> Result<Box<dyn Reader + Send>, Diagnostic> {
    let stdin: Box<dyn Read + Send> = Box::new(std::io::stdin());
    let mut input = Input::open(Path::new(&trace.file), Some(stdin))?;
    let format = match trace.trace_format {
        Some(format) => format.format(),
        None => Format::detect(&mut input)?,
    };
    let processors = match trace.swf_processors {
        SwfProcessors::Allocated => Processors::Allocated,
        SwfProcessors::Requested => Processors::Requested,
        SwfProcessors::Max => Processors::Max,
    };
    let options = SwfOptions {
        processors,
        keep_zero_run: trace.keep_zero_run,
        max_processors: trace.processors,
        ..SwfOptions::default()
    };
    format.reader(input, options)
}

/// Prints findings and returns the exit code of bad input.
fn refuse(findings: &[Diagnostic]) -> Exit {
    complain(&render(findings, Style::of_stderr()));
    Exit::BadInput
}

/// An error of a trace with those that follow it.
fn all_errors(first: Diagnostic, reader: &mut dyn Reader) -> Vec<Diagnostic> {
    let mut errors = vec![first];
    let mut row = Row::default();
    while errors.len() < MAX_ERRORS {
        match reader.read(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => errors.push(error),
        }
    }
    errors
}
