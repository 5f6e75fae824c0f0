//! The command `trace replay`: what was allocated over time where a trace records where its tasks ran.

use super::super::diagnostics::{Style, render};
use super::super::{Exit, complain, print};
use super::refuse;
use super::text::time;
use crate::base::{Diagnostic, Location, Span};
use crate::trace::Input;
use crate::trace::google2011::{Replay, Sample, Sum, replay};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  seatrial trace replay --machines machine_events.csv.gz task_events.csv.gz
  seatrial trace replay --machines m.csv part-0.csv.gz part-1.csv.gz --step 1h
  seatrial trace replay --machines m.csv tasks.csv --format csv > allocation.csv

Exit codes:
  0    the record was followed to its end
  2    a file is wrong: the finding says where";

/// Arguments of `trace replay`.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArguments {
    /// `task_events` of Google's cluster trace of 2011, its parts in order of time
    #[arg(required = true, value_name = "TASK_EVENTS")]
    pub tasks: Vec<String>,
    /// `machine_events` of the same trace
    #[arg(long, value_name = "FILE")]
    pub machines: String,
    /// The time between the moments that are shown
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub step: String,
    /// How the moments are printed
    #[arg(long, value_enum, default_value_t = ReplayFormat::Text)]
    pub format: ReplayFormat,
}

/// How the moments are printed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplayFormat {
    /// For people
    Text,
    /// A table for programs
    Csv,
    /// For programs
    Json,
}

/// Follows the record and prints the moments.
pub(super) fn run(arguments: &ReplayArguments) -> Exit {
    let result = match follow(arguments) {
        Ok(result) => result,
        Err(finding) => return refuse(&[finding]),
    };
    if result.out_of_turn > 0 {
        let message = format!("{} events of tasks do not follow from those before them", result.out_of_turn);
        let finding = Diagnostic::warning(Location::file(arguments.tasks[0].as_str()), message);
        complain(&render(&[finding], Style::of_stderr()));
    }
    let text = match arguments.format {
        ReplayFormat::Text => text(&result),
        ReplayFormat::Csv => csv(&result),
        ReplayFormat::Json => serde_json::to_string_pretty(&document(&result)).unwrap_or_default() + "\n",
    };
    print(text.as_bytes())
}

fn follow(arguments: &ReplayArguments) -> Result<Replay, Diagnostic> {
    let wrong = |message: &str| Diagnostic::error(Location::file("--step"), message).found(&arguments.step);
    let step: Span = arguments.step.parse().map_err(|error| wrong(&format!("{error}")))?;
    if step == Span::ZERO {
        return Err(wrong("a step must be more than 0"));
    }
    let open = |file: &String| Input::open(Path::new(file), Some(Box::new(std::io::stdin())));
    let tasks = arguments.tasks.iter().map(open).collect::<Result<_, _>>()?;
    replay(open(&arguments.machines)?, tasks, step)
}

/// Shares of CPU and memory; 0 where there is nothing.
fn shares(sum: Sum, of: Sum) -> (f64, f64) {
    let share = |part: i64, whole: i64| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    (share(sum.cpu, of.cpu), share(sum.memory, of.memory))
}

fn text(result: &Replay) -> String {
    let mut text = format!(
        "{} events of tasks, {} of machines\n\n{:36}{:^16}  {:^16}\n{:>8} {:>8} {:>8} {:>8}   {:>7} {:>8}  {:>7} {:>8}\n",
        result.task_events,
        result.machine_events,
        "",
        "of time 0",
        "of that moment",
        "time",
        "machines",
        "running",
        "waiting",
        "CPU",
        "memory",
        "CPU",
        "memory",
    );
    for sample in &result.samples {
        let Sample { at, machines, running, pending, requested, capacity } = *sample;
        let ((cpu, memory), (cpu_now, memory_now)) =
            (shares(requested, result.initial), shares(requested, capacity));
        let _ = writeln!(
            text,
            "{:>8} {machines:>8} {running:>8} {pending:>8}   {cpu:>7.4} {memory:>8.4}  {cpu_now:>7.4} {memory_now:>8.4}",
            time(at.as_secs_f64()),
        );
    }
    text
}

fn csv(result: &Replay) -> String {
    let mut text =
        "time_s,machines,running,pending,cpu_of_start,memory_of_start,cpu_of_now,memory_of_now\n".to_owned();
    for sample in &result.samples {
        let Sample { at, machines, running, pending, requested, capacity } = *sample;
        let ((cpu, memory), (cpu_now, memory_now)) =
            (shares(requested, result.initial), shares(requested, capacity));
        let _ = writeln!(
            text,
            "{},{machines},{running},{pending},{cpu:.6},{memory:.6},{cpu_now:.6},{memory_now:.6}",
            at.as_secs_f64()
        );
    }
    text
}

fn document(result: &Replay) -> serde_json::Value {
    let samples: Vec<serde_json::Value> = result
        .samples
        .iter()
        .map(|sample| {
            let Sample { at, machines, running, pending, requested, capacity } = *sample;
            let ((cpu, memory), (cpu_now, memory_now)) =
                (shares(requested, result.initial), shares(requested, capacity));
            json!({
                "time_s": at.as_secs_f64(), "machines": machines, "running": running, "pending": pending,
                "cpu_of_start": cpu, "memory_of_start": memory,
                "cpu_of_now": cpu_now, "memory_of_now": memory_now,
            })
        })
        .collect();
    json!({
        "task_events": result.task_events,
        "machine_events": result.machine_events,
        "out_of_turn": result.out_of_turn,
        "samples": samples,
    })
}
