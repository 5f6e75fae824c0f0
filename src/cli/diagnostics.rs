//! Findings as text: message, place, and the line of the input with a mark under what is wrong.

use crate::base::{Diagnostic, Location, Severity};
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

/// Lines longer than this, in bytes, are not shown; the finding has the offending text.
const MAX_LINE: usize = 400;
/// Bytes of a file that are searched for a line.
const MAX_SEARCHED: u64 = 64 << 20;
/// More findings than this are counted, not shown.
const MAX_SHOWN: usize = 100;

/// How findings are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// With colours.
    Coloured,
    /// Without.
    Plain,
}

impl Style {
    /// Colours on a terminal, unless the user has set `NO_COLOR` (<https://no-color.org>).
    #[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
    pub fn of_stderr() -> Style {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stderr().is_terminal() && !refused { Style::Coloured } else { Style::Plain }
    }
}

/// All findings as text, errors first, with their number at the end; empty if there are none.
pub fn render(findings: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Coloured => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    };
    let mut sorted: Vec<&Diagnostic> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut text = String::new();
    for finding in sorted.iter().take(MAX_SHOWN) {
        text.push_str(&render_one(finding, &renderer));
        text.push_str("\n\n");
    }
    text.push_str(&count(findings));
    text
}

/// `2 errors, 1 warning` with a line end; empty if there are none.
fn count(findings: &[Diagnostic]) -> String {
    let number = |severity, word: &str| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {word}{plural}"))
    };
    let parts: Vec<String> = [number(Severity::Error, "error"), number(Severity::Warning, "warning")]
        .into_iter()
        .flatten()
        .collect();
    match (parts.is_empty(), findings.len() > MAX_SHOWN) {
        (true, _) => String::new(),
        (false, false) => format!("{}\n", parts.join(", ")),
        (false, true) => format!("{} (the first {MAX_SHOWN} are shown)\n", parts.join(", ")),
    }
}

fn render_one(finding: &Diagnostic, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let line = source_line(&finding.location);
    let title = level.primary_title(title(finding, line.as_deref()));
    let mut group = match &line {
        None => title.element(origin(&finding.location)),
        Some(line) => title.element(
            Snippet::source(line.as_str())
                .line_start(finding.location.line as usize)
                .path(&*finding.location.file)
                .annotation(AnnotationKind::Primary.span(span(line, finding))),
        ),
    };
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(printable(&finding.help)));
    }
    renderer.render(&[group])
}

/// The message, with the offending text unless the line that is shown has it.
fn title(finding: &Diagnostic, line: Option<&str>) -> String {
    if finding.found.is_empty() || line.is_some_and(|line| line.contains(&finding.found)) {
        printable(&finding.message)
    } else {
        format!("{}: `{}`", printable(&finding.message), printable(&finding.found))
    }
}

/// The place of a finding whose line is not shown.
fn origin(location: &Location) -> Origin<'_> {
    let origin = Origin::path(&*location.file);
    match (location.line, location.column) {
        (0, _) => origin,
        (line, 0) => origin.line(line as usize),
        (line, column) => origin.line(line as usize).char_column(column as usize),
    }
}

/// Text without control characters, which would garble a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// The line of a finding, if it can be shown: from a plain file, not too long, printable.
fn source_line(location: &Location) -> Option<String> {
    if location.line == 0 {
        return None;
    }
    let path = Path::new(&*location.file);
    if !path.is_file() {
        return None;
    }
    let mut reader = BufReader::new(File::open(path).ok()?.take(MAX_SEARCHED));
    for _ in 1..location.line {
        reader.skip_until(b'\n').ok()?;
    }
    let mut line = Vec::new();
    reader.by_ref().take(MAX_LINE as u64 + 2).read_until(b'\n', &mut line).ok()?;
    let text = String::from_utf8(line).ok()?;
    let text = text.trim_end_matches(['\n', '\r']);
    let shown = text.len() <= MAX_LINE && !text.trim().is_empty();
    let printable = text.chars().all(|letter| !letter.is_control() || letter == '\t');
    (shown && printable).then(|| text.to_owned())
}

/// The bytes of the line that are marked: what was found, or the word at the column.
fn span(line: &str, finding: &Diagnostic) -> std::ops::Range<usize> {
    let column = finding.location.column;
    if column == 0 {
        let start = line.len() - line.trim_start().len();
        return start..line.len();
    }
    let start = line.char_indices().nth(column as usize - 1).map_or(line.len(), |(at, _)| at);
    let rest = &line[start..];
    if !finding.found.is_empty()
        && let Some(at) = rest.find(&finding.found)
        && at <= 1
    {
        return start..start + at + finding.found.len();
    }
    let end = rest.find([' ', ',', '\t', '#']).unwrap_or(rest.len());
    start..start + end.max(usize::from(!rest.is_empty()))
}

/// One finding as JSON.
pub fn to_json(finding: &Diagnostic) -> serde_json::Value {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    serde_json::json!({
        "severity": severity,
        "file": &*finding.location.file,
        "line": finding.location.line,
        "column": finding.location.column,
        "message": finding.message,
        "found": finding.found,
        "help": finding.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_finding_shows_its_line() {
        let file = "scenarios/first-steps.yaml";
        let finding = Diagnostic::error(Location::at(file, 2, 1), "unknown version of scenarios")
            .found("apiVersion")
            .help("write something else");
        expect![[r"
            error: unknown version of scenarios
             --> scenarios/first-steps.yaml:2:1
              |
            2 | apiVersion: seatrial/v1
              | ^^^^^^^^^^
              |
              = help: write something else

            1 error
        "]]
        .assert_eq(&render(&[finding], Style::Plain));
    }

    #[test]
    fn without_a_line_the_text_is_repeated() {
        let findings = [
            Diagnostic::warning(Location::at("gone.yaml", 3, 7), "odd").found("x\u{1b}[31m"),
            Diagnostic::error(Location::file("--set"), "there is no `=`").found("run.seed"),
        ];
        expect![[r"
            error: there is no `=`: `run.seed`
            --> --set

            warning: odd: `x�[31m`
            --> gone.yaml:3:7

            1 error, 1 warning
        "]]
        .assert_eq(&render(&findings, Style::Plain));
    }

    #[test]
    fn columns_beyond_the_line_do_no_harm() {
        let file = "scenarios/first-steps.yaml";
        for column in [0, 1, 24, 25, 400, u32::MAX] {
            for line in [1, 2, 3, 100_000] {
                let finding =
                    Diagnostic::error(Location::at(file, line, column), "odd").found("apiVersion: sea");
                assert!(render(&[finding], Style::Plain).contains("1 error"));
            }
        }
    }
}
