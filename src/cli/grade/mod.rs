//! The command `grade`: an exercise's questions and tasks, held against what a student hands in.

mod arguments;
mod exercise;
mod judge;
mod show;
mod variant;

pub use arguments::GradeArguments;

use super::args::Format;
use super::diagnostics::{Style, render, to_json};
use super::execute::{Failure, findings};
use super::progress::Interrupt;
use super::{Exit, complain, print};
use exercise::Opened;
use judge::Runner;
use serde_json::json;

/// Grades a submission, or prints the exercise or its solution.
pub(super) fn run(arguments: &GradeArguments) -> Exit {
    match told(arguments) {
        Ok((text, exit)) => match print(text.as_bytes()) {
            Exit::Done => exit,
            failed => failed,
        },
        Err(failure) => {
            let exit = failure.exit();
            let found = findings(failure);
            if arguments.format == Format::Json {
                let json = json!({ "findings": found.iter().map(to_json).collect::<Vec<_>>() });
                print(format!("{json:#}\n").as_bytes());
            } else {
                complain(&render(&found, Style::of_stderr()));
            }
            exit
        }
    }
}

/// Who the variant is for: a name, if there is one, and the seed.
struct Who {
    name: Option<String>,
    seed: Option<u64>,
}

impl Who {
    fn named(name: &str) -> Who {
        // The name stands in comments and in the terminal.
        let shown = name.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect();
        Who { name: Some(shown), seed: Some(variant::seed_of(name)) }
    }
}

/// What is printed, and how the command ends.
fn told(arguments: &GradeArguments) -> Result<(String, Exit), Failure> {
    let opened = exercise::open(&arguments.exercise).map_err(Failure::Input)?;
    let who = match &arguments.student {
        Some(name) => Who::named(name),
        None => Who { name: None, seed: arguments.seed },
    };
    let interrupt = Interrupt::on_signal();
    let Some(file) = arguments.submission.as_ref().filter(|_| !arguments.print && !arguments.solution) else {
        let runner = Runner { opened: &opened, seed: who.seed, interrupt };
        let text = if arguments.print {
            show::sheet(&runner, &who, arguments.format)?
        } else {
            show::solution(&runner, &who, arguments.format)?
        };
        return Ok((text, Exit::Done));
    };
    let (submission, policy) = exercise::submitted(file, &opened.exercise).map_err(Failure::Input)?;
    let who = match (&submission.student, who.seed) {
        (Some(name), None) => Who::named(&name.value.0),
        (Some(name), Some(seed)) if variant::seed_of(&name.value.0) != seed => {
            let finding = name.error("the submission answers the variant of another student");
            return Err(finding.help("leave out `--student` and `--seed`").into());
        }
        _ => who,
    };
    let runner = Runner { opened: &opened, seed: who.seed, interrupt };
    let mut verdicts = Vec::new();
    if !submission.answers.is_empty() {
        let runs = runner.runs()?;
        verdicts = judge::answers(&opened, &submission, &runs).map_err(Failure::Input)?;
    }
    if let Some(policy) = &policy {
        verdicts.extend(runner.policy(policy)?);
    }
    let exit = if verdicts.iter().all(|verdict| verdict.passed) { Exit::Done } else { Exit::NotMet };
    Ok((show::graded(&opened, &who, &verdicts, arguments.format), exit))
}

/// `04-backfilling: EASY and conservative backfilling (the variant of ann)`.
fn heading(opened: &Opened, who: &Who) -> String {
    let variant = match (&who.name, who.seed) {
        (Some(name), _) => format!(" (the variant of {name})"),
        (None, Some(seed)) => format!(" (the variant of seed {seed})"),
        (None, None) => String::new(),
    };
    format!("{}: {}{variant}", opened.name, opened.exercise.title.value)
}
