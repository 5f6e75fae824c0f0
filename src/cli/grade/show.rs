//! What `grade` prints: the exercise as a sheet to fill in, its solution, and verdicts.

use super::exercise::Opened;
use super::judge::{Runner, Verdict, answer};
use super::{Who, heading};
use crate::cli::args::Format;
use crate::cli::execute::Failure;
use crate::cli::run::gantt_text;
use serde_json::json;
use std::fmt::Write as _;

/// The width of what is printed.
const WIDTH: usize = 80;

/// The jobs and the questions as a submission to be filled in.
pub(super) fn sheet(runner: &Runner<'_>, who: &Who, format: Format) -> Result<String, Failure> {
    let opened = runner.opened;
    let tables = tables(runner)?;
    if format == Format::Json {
        let questions: Vec<_> = opened
            .exercise
            .questions
            .iter()
            .map(
                |question| json!({ "id": question.id.value, "run": question.run.value, "ask": question.ask }),
            )
            .collect();
        let tables: Vec<_> = tables
            .iter()
            .map(|(runs, lines, csv)| json!({ "runs": runs, "jobs": csv, "lines": lines }))
            .collect();
        let value = json!({
            "exercise": opened.name, "title": opened.exercise.title.value, "student": who.name,
            "seed": who.seed, "tables": tables, "questions": questions,
        });
        return Ok(format!("{value:#}\n"));
    }
    let mut text = head(opened, who, &tables);
    for question in &opened.exercise.questions {
        comment(&mut text, "  ", &question.ask);
        let _ = writeln!(text, "  {}:", question.id.value);
    }
    if let Some(task) = &opened.exercise.policy {
        let keys: Vec<&str> = task.may.iter().map(|key| key.value.as_str()).collect();
        comment(&mut text, "", &task.ask);
        comment(&mut text, "", &format!("A policy may change {}.", keys.join(", ")));
        text.push_str("# policy:\n");
    }
    Ok(text)
}

/// The right answers as a submission that passes, with the charts that show them.
pub(super) fn solution(runner: &Runner<'_>, who: &Who, format: Format) -> Result<String, Failure> {
    let opened = runner.opened;
    let runs = runner.runs()?;
    let mut answers = Vec::new();
    for question in &opened.exercise.questions {
        let right = answer(question, &runs[&question.run.value])?;
        answers.push((question, right.unwrap_or_else(|| "never".to_owned())));
    }
    if format == Format::Json {
        let answers: serde_json::Map<String, serde_json::Value> =
            answers.into_iter().map(|(question, right)| (question.id.value.clone(), right.into())).collect();
        let value =
            json!({ "exercise": opened.name, "student": who.name, "seed": who.seed, "answers": answers });
        return Ok(format!("{value:#}\n"));
    }
    let mut text = head(opened, who, &tables(runner)?);
    for (question, right) in answers {
        comment(&mut text, "  ", &question.ask);
        let _ = writeln!(text, "  {}: {right}", question.id.value);
    }
    for (name, ran) in &runs {
        let _ = writeln!(text, "\n# The run `{name}`:");
        for line in gantt_text(&ran.results).lines() {
            let _ = writeln!(text, "{}", format!("# {line}").trim_end());
        }
    }
    Ok(text)
}

/// Runs with the same table of jobs, its lines, and the table itself.
type Table = (Vec<String>, Vec<String>, String);

fn tables(runner: &Runner<'_>) -> Result<Vec<Table>, Failure> {
    let mut tables: Vec<Table> = Vec::new();
    for run in runner.opened.exercise.runs.keys() {
        let Some(jobs) = runner.jobs(run)? else { continue };
        let csv = String::from_utf8_lossy(&jobs.csv()).into_owned();
        match tables.iter_mut().find(|(.., known)| *known == csv) {
            Some((runs, ..)) => runs.push(run.clone()),
            None => tables.push((vec![run.clone()], jobs.lines(), csv)),
        }
    }
    Ok(tables)
}

fn head(opened: &Opened, who: &Who, tables: &[Table]) -> String {
    let mut text = format!("# {}\n", heading(opened, who));
    for (runs, lines, _) in tables {
        let _ = match tables.len() {
            1 => writeln!(text, "#"),
            _ => writeln!(text, "#\n# {}:", runs.join(", ")),
        };
        for line in lines {
            let _ = writeln!(text, "#   {line}");
        }
    }
    text.push('\n');
    if let Some(name) = &who.name {
        // A name is quoted, so that it is a text whatever it looks like.
        let _ = writeln!(text, "student: {}", json!(name));
    }
    text.push_str("answers:\n");
    text
}

/// Words as a comment, broken at the width.
fn comment(text: &mut String, indent: &str, words: &str) {
    let mut line = format!("{indent}#");
    for word in words.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

/// The verdicts.
pub(super) fn graded(opened: &Opened, who: &Who, verdicts: &[Verdict], format: Format) -> String {
    let passed = verdicts.iter().filter(|verdict| verdict.passed).count();
    if format == Format::Json {
        let checks: Vec<_> = verdicts
            .iter()
            .map(|one| {
                json!({
                    "id": one.id, "ask": one.ask, "given": one.given, "passed": one.passed,
                    "feedback": one.feedback,
                })
            })
            .collect();
        let value = json!({
            "exercise": opened.name, "student": who.name, "seed": who.seed, "passed": passed,
            "of": verdicts.len(), "checks": checks,
        });
        return format!("{value:#}\n");
    }
    let mut text = format!("{}\n", heading(opened, who));
    for verdict in verdicts {
        let word = if verdict.passed { "pass" } else { "FAIL" };
        let given = verdict.given.as_ref().map(|given| format!(" [{given}]")).unwrap_or_default();
        wrapped(&mut text, &format!("  {word}  "), &format!("{}: {}{given}", verdict.id, verdict.ask));
        for line in verdict.feedback.iter().filter(|_| !verdict.passed) {
            wrapped(&mut text, "        ", line);
        }
    }
    let _ = writeln!(text, "{passed} of {} checks passed", verdicts.len());
    text
}

/// Words behind a beginning, broken at the width; control characters cannot steer a terminal.
fn wrapped(text: &mut String, beginning: &str, words: &str) {
    let indent = " ".repeat(8);
    let mut line = beginning.to_owned();
    let mut is_empty = true;
    for word in words.split_whitespace() {
        let word: String = word.chars().map(|c| if c.is_control() { '?' } else { c }).take(200).collect();
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line.clone_from(&indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&word);
        is_empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
