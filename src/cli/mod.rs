//! The command line: arguments, messages, exit codes. The only layer that prints.

mod ahead;
pub mod args;
mod check;
mod compare;
mod conformance;
pub mod diagnostics;
mod execute;
mod explain;
mod files;
mod fuzz;
pub mod fuzz_args;
pub mod grade;
mod panics;
mod progress;
mod published;
mod run;
mod schedule;
mod schema;
mod timeline;
mod trace;
pub mod trace_args;
mod verify;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use std::io::Write;
use std::process::ExitCode;

/// How a command ends; the exit code of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, and every condition met.
    Done,
    /// Done, but a condition is not met: an expectation, a digest, an invariant.
    NotMet,
    /// The input or the use of the command is wrong.
    BadInput,
    /// Reading or writing failed, or there is a bug.
    Internal,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::NotMet => 1,
            Exit::BadInput => 2,
            Exit::Internal => 3,
            Exit::Interrupted => 130,
        }
    }
}

/// Reads the arguments, does what they say, and returns the exit code.
pub fn main() -> ExitCode {
    ExitCode::from(dispatch(Arguments::parse()).code())
}

fn dispatch(arguments: Arguments) -> Exit {
    match arguments.command {
        Command::Run(run) => run::run(&run),
        Command::Check(check) => check::run(&check),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Explain(explain) => explain::run(&explain),
        Command::Schedule(schedule) => schedule::run(&schedule),
        Command::Schema(schema) => schema::run(&schema),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "seatrial", &mut script);
            print(&script)
        }
        Command::Conformance(conformance) => conformance::run(&conformance),
        Command::Grade(grade) => grade::run(&grade),
        Command::Fuzz(fuzz) => fuzz::run(&fuzz),
        Command::Trace(trace) => trace::run(&trace),
        Command::Verify(verify) => verify::run(&verify),
    }
}

/// Writes to standard output. A closed pipe is not an error: the reader has seen enough.
fn print(bytes: &[u8]) -> Exit {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            complain(&format!("error: cannot write to standard output: {error}\n"));
            Exit::Internal
        }
    }
}

/// Writes to standard error. Where that fails there is nobody left to tell.
fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
