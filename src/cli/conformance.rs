//! The command `conformance`: recomputes recorded cases and says where the answers differ.

use super::args::{ConformanceArguments, ConformanceCommand, Format, Release};
use super::diagnostics::{Style, printable, render};
use super::files::write_whole;
use super::panics::Noted;
use super::progress::Interrupt;
use super::{Exit, complain, print};
use crate::base::{Diagnostic, Location};
use crate::conformance::{Case, Checked, Counts, Difference, FileReport, Subject, answer, controllers};
use crate::control::config::{Mode, Version};
use crate::trace::Input;
use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Lines that are held in memory at a time.
const BLOCK_LINES: usize = 64;
/// Bytes of lines after which a block ends.
const BLOCK_BYTES: usize = 8 << 20;
/// Endings of files that a folder stands for.
const ENDINGS: [&str; 2] = [".jsonl", ".jsonl.gz"];

/// Does what is asked.
pub(super) fn run(command: &ConformanceCommand) -> Exit {
    let (arguments, topic) = match command {
        ConformanceCommand::Scheduler(given) => (&given.cases, Topic::Scheduler(given.scheduler_mode.mode())),
        ConformanceCommand::Controllers(cases) => (cases, Topic::Controllers),
        ConformanceCommand::Timeline(given) => return super::timeline::run(given),
        ConformanceCommand::Batch(given) => return super::published::run(given),
    };
    let interrupt = Interrupt::on_signal();
    let threads = arguments.threads.map_or(0, usize::from);
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads).build() else {
        complain("error: no threads can be started\n");
        return Exit::Internal;
    };
    let files = match files(arguments) {
        Ok(files) => files,
        Err(finding) => return refuse(&finding),
    };
    if !interrupt.begin() {
        return Exit::Interrupted;
    }
    let mut runner = Runner {
        arguments,
        topic,
        interrupt,
        pool,
        noted: Noted::begin(),
        reports: Vec::new(),
        disagreements: Vec::new(),
        stopped: None,
    };
    let finding = match &arguments.answers {
        None => runner.check_all(&files, &mut io::sink()).err().map(|_| None),
        Some(path) => write_whole(path, |out| runner.check_all(&files, out)).err().map(Some),
    };
    match (runner.stopped.take(), finding) {
        (Some(exit), _) => exit,
        (None, Some(finding)) => {
            let findings: Vec<Diagnostic> = finding.into_iter().collect();
            complain(&render(&findings, Style::of_stderr()));
            Exit::Internal
        }
        (None, None) => runner.finish(),
    }
}

/// Whose decisions are recomputed.
#[derive(Clone, Copy)]
enum Topic {
    /// The scheduler's, with the way in which it searches nodes.
    Scheduler(Mode),
    /// The controllers'.
    Controllers,
}

impl Topic {
    /// What answers the cases of a file.
    fn answerer(self, version: Version) -> Answerer {
        match self {
            Topic::Scheduler(mode) => Answerer::Scheduler(Subject { version, mode }),
            Topic::Controllers => Answerer::Controllers,
        }
    }

    /// How the last line begins.
    const fn label(self) -> &'static str {
        match self {
            Topic::Scheduler(_) => "conformance",
            Topic::Controllers => "answers",
        }
    }
}

/// What answers the cases of a file.
#[derive(Clone, Copy)]
enum Answerer {
    Scheduler(Subject),
    Controllers,
}

impl Answerer {
    fn answer(self, case: &Case) -> Result<Value, Diagnostic> {
        match self {
            Answerer::Scheduler(subject) => answer(case, subject),
            Answerer::Controllers => controllers::answer(case),
        }
    }
}

fn refuse(finding: &Diagnostic) -> Exit {
    complain(&render(std::slice::from_ref(finding), Style::of_stderr()));
    Exit::BadInput
}

fn place(path: &Path) -> Location {
    Location::file(path.to_string_lossy().as_ref())
}

/// The files that the arguments stand for, those of a folder by name.
fn files(arguments: &ConformanceArguments) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut files = Vec::new();
    for path in &arguments.files {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable =
            |error: io::Error| Diagnostic::error(place(path), format!("cannot be read: {error}"));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if ENDINGS.iter().any(|ending| name.ends_with(ending)) && file.is_file() {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(Diagnostic::error(place(path), "the folder holds no `.jsonl` or `.jsonl.gz` file"));
        }
        found.sort();
        files.extend(found);
    }
    if let Some(answers) = &arguments.answers {
        let same = |file: &&PathBuf| {
            file == &answers
                || file.canonicalize().ok().is_some_and(|file| answers.canonicalize().ok() == Some(file))
        };
        if files.iter().any(|file| same(&file)) {
            return Err(Diagnostic::error(place(answers), "the answers would replace the cases"));
        }
    }
    Ok(files)
}

/// The release whose answers a file holds: the nearest part of its path that names one says so.
fn version_of(path: &Path, given: Option<Release>) -> Version {
    let named = |part: &str| {
        let named = [("1.34", Version::V1_34), ("1.36", Version::V1_36)];
        named.into_iter().find_map(|(name, version)| part.contains(name).then_some(version))
    };
    match given {
        Some(Release::V1_34) => Version::V1_34,
        Some(Release::V1_36) => Version::V1_36,
        None => {
            let mut parts = path.components().rev();
            parts.find_map(|part| named(&part.as_os_str().to_string_lossy())).unwrap_or_default()
        }
    }
}

/// A case that disagrees, for output as JSON.
struct Disagreement {
    file: String,
    line: u32,
    case: String,
    /// Why it could not be answered.
    error: Option<String>,
    fields: Vec<Difference>,
    /// How many fields differ.
    count: usize,
}

/// What became of a line.
struct Line {
    id: String,
    features: Vec<String>,
    location: Location,
    answer: Result<Value, String>,
    checked: Checked,
}

/// The files being checked.
struct Runner<'a> {
    arguments: &'a ConformanceArguments,
    topic: Topic,
    interrupt: Interrupt,
    pool: ThreadPool,
    noted: Noted,
    reports: Vec<FileReport>,
    disagreements: Vec<Disagreement>,
    /// How the command ends, if it ends before its end.
    stopped: Option<Exit>,
}

impl Runner<'_> {
    /// Checks all files; the answers go to `out`. The error only stops the writing; see `stopped`.
    fn check_all(&mut self, files: &[PathBuf], out: &mut dyn Write) -> io::Result<()> {
        for file in files {
            self.reports.push(FileReport::new(file.to_string_lossy()));
            if let Err(error) = std::fs::metadata(file)
                && error.kind() != io::ErrorKind::NotFound
            {
                complain(&format!("error: {}: cannot be read: {error}\n", file.display()));
                self.stopped = Some(Exit::Internal);
                return Err(error);
            }
            let stdin = || -> Box<dyn io::Read + Send> { Box::new(io::stdin()) };
            let input = Input::open(file, Some(stdin())).map_err(|finding| self.stop(&finding))?;
            let version = version_of(file, self.arguments.kubernetes);
            self.check(input, self.topic.answerer(version), out)?;
        }
        Ok(())
    }

    /// Ends with a finding about an input.
    fn stop(&mut self, finding: &Diagnostic) -> io::Error {
        self.stopped = Some(refuse(finding));
        io::ErrorKind::InvalidData.into()
    }

    fn check(&mut self, mut input: Input, answerer: Answerer, out: &mut dyn Write) -> io::Result<()> {
        loop {
            if self.interrupt.is_raised() {
                self.stopped = Some(Exit::Interrupted);
                return Err(io::ErrorKind::Interrupted.into());
            }
            let (lines, is_last) = block(&mut input).map_err(|finding| self.stop(&finding))?;
            let noted = &self.noted;
            let done: Vec<Line> = self.pool.install(|| {
                let lines = lines.into_par_iter();
                lines.map(|(line, location)| check(noted, &line, location, answerer)).collect()
            });
            for line in done {
                self.take(line, out)?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn take(&mut self, line: Line, out: &mut dyn Write) -> io::Result<()> {
        if let Some(report) = self.reports.last_mut() {
            report.add(&line.features, &line.checked);
        }
        if let Ok(answer) = &line.answer {
            serde_json::to_writer(&mut *out, &json!({ "id": line.id, "expected": answer }))?;
            out.write_all(b"\n")?;
        }
        let Location { file, line: number, .. } = line.location;
        let mut found = Disagreement {
            file: file.to_string(),
            line: number,
            case: line.id,
            error: line.answer.err(),
            fields: Vec::new(),
            count: 0,
        };
        if let Checked::Compared(differences) = line.checked {
            (found.fields, found.count) = (differences.first, differences.count);
        }
        if found.error.is_none() && found.count == 0 {
            return Ok(());
        }
        if self.arguments.format == Format::Json {
            self.disagreements.push(found);
        } else if print(found.text().as_bytes()) != Exit::Done {
            self.stopped = Some(Exit::Internal);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    fn finish(&self) -> Exit {
        let mut total = Counts::default();
        self.reports.iter().for_each(|report| total.add_all(report.cases));
        let answered: u64 = self.reports.iter().map(|report| report.answered).sum();
        let text = match self.arguments.format {
            Format::Text => table(&self.reports) + &last_line(self.topic, total, answered),
            Format::Json => {
                let value = json!({
                    "agree": total.agree,
                    "of": total.of,
                    "answered": answered,
                    "files": self.reports.iter().map(report_json).collect::<Vec<_>>(),
                    "disagreements": self.disagreements.iter().map(Disagreement::json).collect::<Vec<_>>(),
                });
                serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
            }
        };
        match print(text.as_bytes()) {
            Exit::Done if !total.is_full() => Exit::NotMet,
            exit => exit,
        }
    }
}

/// A line and where it stands.
type Written = (Vec<u8>, Location);

/// The next lines that are not empty, and whether they are the last.
fn block(input: &mut Input) -> Result<(Vec<Written>, bool), Diagnostic> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < BLOCK_LINES && bytes < BLOCK_BYTES {
        if !input.advance()? {
            return Ok((lines, true));
        }
        let text = input.text().trim_ascii();
        if !text.is_empty() {
            bytes += text.len();
            lines.push((text.to_vec(), input.location(0)));
        }
    }
    Ok((lines, false))
}

/// Reads, answers and compares one case.
fn check(noted: &Noted, line: &[u8], location: Location, answerer: Answerer) -> Line {
    let case = match Case::read(line, location.clone()) {
        Ok(case) => case,
        Err(finding) => {
            let answer = Err(finding.to_string());
            return Line {
                id: String::new(),
                features: Vec::new(),
                location,
                answer,
                checked: Checked::Failed,
            };
        }
    };
    // Everything that an answer is made from is dropped with it.
    let answer = match noted.catch(|| answerer.answer(&case)) {
        Ok(answer) => answer.map_err(|finding| finding.to_string()),
        Err(panic) => Err(format!("{location}: error: {}: this is a bug of seatrial: {panic}", case.id)),
    };
    let checked = Checked::of(&case, answer.as_ref().ok());
    Line { id: case.id, features: case.features, location, answer, checked }
}

impl Disagreement {
    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(error) = &self.error {
            let _ = writeln!(text, "{}", printable(error));
        }
        let place = printable(&format!("{}:{}: {}", self.file, self.line, self.case));
        for Difference { field, expected, got } in &self.fields {
            let got = if got.is_empty() { "nothing" } else { got };
            let line = format!("{field}: expected {expected}, got {got}");
            let _ = writeln!(text, "{place}: {}", printable(&line));
        }
        if self.count > self.fields.len() {
            let _ = writeln!(text, "{place}: {} more fields differ", self.count - self.fields.len());
        }
        text
    }

    fn json(&self) -> Value {
        let field = |difference: &Difference| {
            let Difference { field, expected, got } = difference;
            json!({ "field": field, "expected": expected, "got": got })
        };
        json!({
            "file": self.file,
            "line": self.line,
            "case": self.case,
            "error": self.error,
            "count": self.count,
            "fields": self.fields.iter().map(field).collect::<Vec<_>>(),
        })
    }
}

fn counts_json(counts: Counts) -> Value {
    json!({ "agree": counts.agree, "of": counts.of })
}

fn report_json(report: &FileReport) -> Value {
    let features: serde_json::Map<String, Value> =
        report.features.iter().map(|(name, counts)| (name.clone(), counts_json(*counts))).collect();
    json!({
        "file": report.name,
        "agree": report.cases.agree,
        "of": report.cases.of,
        "answered": report.answered,
        "features": features,
    })
}

/// A line for each file, and below it one for each feature.
fn table(reports: &[FileReport]) -> String {
    let mut rows: Vec<(String, Counts)> = Vec::new();
    for report in reports {
        rows.push((printable(&report.name), report.cases));
        rows.extend(report.features.iter().map(|(name, counts)| (format!("  {}", printable(name)), *counts)));
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  {:>6}  {:>6}\n", "file", "agree", "of");
    for (name, counts) in rows {
        let _ = writeln!(text, "{name:width$}  {:>6}  {:>6}", counts.agree, counts.of);
    }
    text
}

fn last_line(topic: Topic, total: Counts, answered: u64) -> String {
    let mut text = format!("{}: {} of {} agree", topic.label(), total.agree, total.of);
    if answered > 0 {
        let _ = write!(text, "; {answered} answered without a recorded answer");
    }
    text + "\n"
}
