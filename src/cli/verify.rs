//! The command `verify`: runs again what results came from, and compares digests.
//!
//! Nothing is written, but for `digests.txt` where the user asks for it.

use super::args::{Format, VerifyArguments};
use super::compare::{Again, FACTS, again};
use super::diagnostics::{Style, render, to_json};
use super::execute::{Failure, Order, execute, findings, named};
use super::files::write_whole;
use super::progress::Interrupt;
use super::run::worst;
use super::{Exit, complain, print};
use crate::base::{Diagnostic, Location};
use crate::observe::outputs::SCHEMA;
use crate::observe::table::sha256;
use crate::scenario::parse::BEGINNING;
use crate::scenario::{FileKind, Named, compile, kind_of, load};
use rayon::ThreadPool;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file with the digests of the scenarios beside it: lines `<digest>  <file name>`.
const DIGESTS: &str = "digests.txt";
/// The summary of a results folder.
const SUMMARY: &str = "summary.json";
/// What provenance calls the digest of an input.
const INPUT: &str = "sha256 of ";

/// Verifies every target, several at a time.
pub(super) fn run(arguments: &VerifyArguments) -> Exit {
    let interrupt = Interrupt::on_signal();
    let threads = arguments.threads.map_or(0, usize::from);
    let pools = (pool(threads), pool(1));
    let (Ok(pool), Ok(single)) = pools else {
        complain("error: no threads can be started\n");
        return Exit::Internal;
    };
    let mut targets = Vec::new();
    for target in &arguments.targets {
        match expand(target) {
            Ok(found) => targets.extend(found),
            Err(finding) => targets.push(Target::Wrong(target.clone(), finding)),
        }
    }
    let runner = Runner { interrupt, single, update: arguments.update };
    let mut verdicts: Vec<Verdict> =
        pool.install(|| targets.par_iter().map(|target| runner.verdict(target)).collect());
    if arguments.update {
        update(&targets, &mut verdicts);
    }
    report(arguments, &verdicts)
}

fn pool(threads: usize) -> Result<ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()
}

/// Something that can be verified, or not.
enum Target {
    /// A folder of results.
    Results(PathBuf),
    /// A folder of a comparison.
    Comparison(PathBuf),
    /// A scenario file.
    Scenario(PathBuf),
    /// None of these.
    Wrong(PathBuf, Diagnostic),
}

/// What a target has come to.
struct Verdict {
    target: String,
    exit: Exit,
    /// What is printed behind the target.
    text: String,
    recorded: Option<String>,
    found: Option<String>,
    /// Inputs and files that have changed.
    changed: Vec<String>,
    findings: Vec<Diagnostic>,
}

fn place(path: &Path) -> Location {
    Location::file(path.to_string_lossy().as_ref())
}

/// The targets that a path stands for: a folder of scenarios stands for each of them.
fn expand(path: &Path) -> Result<Vec<Target>, Diagnostic> {
    let wrong = |message: &str| Diagnostic::error(place(path), message);
    if path.is_file() {
        return if is_scenario(path) {
            Ok(vec![Target::Scenario(path.to_owned())])
        } else {
            Err(wrong("this is no scenario").help("name a folder of results, or a scenario"))
        };
    }
    if path.join(SUMMARY).is_file() {
        return Ok(vec![Target::Results(path.to_owned())]);
    }
    if path.join(FACTS).is_file() {
        return Ok(vec![Target::Comparison(path.to_owned())]);
    }
    let members = |folder: &Path| -> Result<Vec<PathBuf>, Diagnostic> {
        let entries = fs::read_dir(folder).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
    };
    let is_one = |file: &PathBuf| file.is_file() && has_ending(file) && is_scenario(file);
    let all = members(path)?;
    let mut files: Vec<PathBuf> = all.iter().filter(|file| is_one(file)).cloned().collect();
    if files.is_empty() {
        // A folder of folders, such as that of the exercises.
        for folder in all.iter().filter(|member| member.is_dir()) {
            files.extend(members(folder)?.into_iter().filter(is_one));
        }
    }
    files.sort();
    if files.is_empty() {
        let finding = wrong("the folder holds neither results of seatrial nor scenarios");
        return Err(finding.help("a folder of results has a `summary.json`"));
    }
    Ok(files.into_iter().map(Target::Scenario).collect())
}

fn has_ending(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn is_scenario(file: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(BEGINNING as u64).read_to_end(&mut bytes));
    read.is_ok() && kind_of(&bytes) == FileKind::Scenario
}

/// A run without output: its digest and the sha256 of each input.
struct Ran {
    digest: String,
    inputs: BTreeMap<String, String>,
}

struct Runner {
    interrupt: Interrupt,
    /// A single thread, to find out whether the number of threads matters.
    single: ThreadPool,
    update: bool,
}

impl Runner {
    fn run(&self, named: &Named) -> Result<Ran, Failure> {
        let (scenario, environment) = load(named, None).map_err(Failure::Input)?;
        let compiled = compile(&scenario, environment).map_err(Failure::Input)?;
        let inputs = compiled.inputs.iter().cloned().collect();
        let order = Order {
            named: named.clone(),
            explain: Vec::new(),
            folder: None,
            progress: false,
            interrupt: self.interrupt.clone(),
        };
        Ok(Ran { digest: execute(compiled, &order)?.observed.digest, inputs })
    }

    fn verdict(&self, target: &Target) -> Verdict {
        match target {
            Target::Wrong(path, finding) => Verdict::failed(path, Exit::BadInput, vec![finding.clone()]),
            Target::Results(folder) | Target::Comparison(folder) if self.update => {
                let finding = Diagnostic::error(place(folder), "`--update` is for scenarios");
                Verdict::failed(folder, Exit::BadInput, vec![finding])
            }
            Target::Results(folder) => self.results(folder).unwrap_or_else(|failure| failed(folder, failure)),
            Target::Comparison(folder) => match again(folder, &self.interrupt) {
                Ok(Again { recorded, found, changed }) => Verdict::compare(folder, recorded, found, changed),
                Err(failure) => failed(folder, failure),
            },
            Target::Scenario(file) => self.scenario(file).unwrap_or_else(|failure| failed(file, failure)),
        }
    }

    fn results(&self, folder: &Path) -> Result<Verdict, Failure> {
        let summary = Summary::read(folder)?;
        let mut changed = summary.changed_files(folder);
        let ran = match self.run(&summary.named) {
            Ok(ran) => ran,
            Err(failure @ Failure::Input(_)) => {
                let finding = Diagnostic::error(place(folder), "what the results came from cannot be run");
                let help = format!("it was: {}", summary.command);
                let mut all = vec![finding.help(help)];
                all.extend(findings(failure));
                return Err(Failure::Input(all));
            }
            Err(failure) => return Err(failure),
        };
        let named = |input: &&String| summary.inputs.get(*input) != ran.inputs.get(*input);
        let all: std::collections::BTreeSet<&String> =
            summary.inputs.keys().chain(ran.inputs.keys()).collect();
        changed.extend(all.iter().copied().filter(|input| named(input)).cloned());
        Ok(Verdict::compare(folder, summary.digest, ran.digest, changed))
    }

    fn scenario(&self, file: &Path) -> Result<Verdict, Failure> {
        let named = Named { files: vec![file.to_string_lossy().into_owned()], ..Named::default() };
        let ran = self.run(&named)?;
        if self.update {
            return Ok(Verdict::compare(file, ran.digest.clone(), ran.digest, Vec::new()));
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let recorded = Digests::read(&file.with_file_name(DIGESTS))?.lines.remove(&name);
        let other = match recorded {
            Some(recorded) => recorded,
            None => self.single.install(|| self.run(&named))?.digest,
        };
        Ok(Verdict::compare(file, other, ran.digest, Vec::new()))
    }
}

fn failed(path: &Path, failure: Failure) -> Verdict {
    let exit = failure.exit();
    Verdict::failed(path, exit, findings(failure))
}

impl Verdict {
    fn failed(path: &Path, exit: Exit, findings: Vec<Diagnostic>) -> Verdict {
        Verdict {
            target: path.display().to_string(),
            exit,
            text: "not verified".to_owned(),
            recorded: None,
            found: None,
            changed: Vec::new(),
            findings,
        }
    }

    fn compare(path: &Path, recorded: String, found: String, changed: Vec<String>) -> Verdict {
        let mut text = if recorded == found {
            format!("ok {found}")
        } else {
            format!("differs: {recorded} was recorded, {found} was found")
        };
        let same = recorded == found && changed.is_empty();
        if !changed.is_empty() {
            if recorded == found {
                text = format!("differs: the digest is the same, {found}");
            }
            text.push_str("; changed: ");
            text.push_str(&changed.join(", "));
        }
        Verdict {
            target: path.display().to_string(),
            exit: if same { Exit::Done } else { Exit::NotMet },
            text,
            recorded: Some(recorded),
            found: Some(found),
            changed,
            findings: Vec::new(),
        }
    }
}

/// What a results folder says of itself.
struct Summary {
    digest: String,
    named: Named,
    command: String,
    inputs: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Summary {
    fn read(folder: &Path) -> Result<Summary, Diagnostic> {
        let path = folder.join(SUMMARY);
        let wrong = |message: String| Diagnostic::error(place(&path), message);
        let bytes = fs::read(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| wrong(format!("this is no JSON: {error}")))?;
        if value["schema"] != SCHEMA {
            return Err(wrong("this is no summary of seatrial".to_owned()));
        }
        let provenance = texts(&value["provenance"]);
        let request = provenance.get("request").and_then(|text| serde_json::from_str(text).ok());
        let digest = value["digest"].as_str().map(str::to_owned);
        let missing = || wrong("the summary does not say what it came from".to_owned());
        let named = request.as_ref().and_then(named).ok_or_else(missing)?;
        if named.files.iter().chain(&named.nodes).any(|file| file == "-") {
            let finding = wrong("the results came from standard input, which is gone".to_owned());
            return Err(finding.help("run from a file to be able to verify"));
        }
        let inputs = provenance
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(INPUT)?.to_owned(), value.clone())))
            .collect();
        Ok(Summary {
            digest: digest.ok_or_else(missing)?,
            named,
            command: provenance.get("command").cloned().unwrap_or_default(),
            inputs,
            files: texts(&value["files"]),
        })
    }

    /// The files of the folder that are there and are not what the run wrote.
    fn changed_files(&self, folder: &Path) -> Vec<String> {
        let differs = |name: &str, digest: &str| {
            fs::read(folder.join(name)).is_ok_and(|bytes| sha256(&bytes) != digest)
        };
        let files = self.files.iter().filter(|(name, digest)| differs(name, digest));
        files.map(|(name, _)| folder.join(name).display().to_string()).collect()
    }
}

/// The members of an object that are texts.
fn texts(value: &Value) -> BTreeMap<String, String> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// The digests that are recorded in a folder, by file name.
#[derive(Default)]
struct Digests {
    lines: BTreeMap<String, String>,
}

impl Digests {
    /// Reads the file; nothing if there is none.
    fn read(path: &Path) -> Result<Digests, Diagnostic> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Digests::default()),
            Err(error) => return Err(Diagnostic::error(place(path), format!("cannot be read: {error}"))),
        };
        let mut digests = Digests::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = Location::at(path.to_string_lossy().as_ref(), index as u32 + 1, 1);
            let Some((digest, name)) = line.split_once("  ") else {
                let finding = Diagnostic::error(at, "a line is a digest, two spaces and a file name");
                return Err(finding.found(line).help("write the file anew with `seatrial verify --update`"));
            };
            digests.lines.insert(name.trim().to_owned(), digest.trim().to_owned());
        }
        Ok(digests)
    }

    fn write(&self, path: &Path) -> Result<(), Diagnostic> {
        write_whole(path, |out| {
            self.lines.iter().try_for_each(|(name, digest)| writeln!(out, "{digest}  {name}"))
        })
    }
}

/// Writes the digests of the scenarios that ran; lines of files that are gone are dropped.
fn update(targets: &[Target], verdicts: &mut [Verdict]) {
    let mut folders: BTreeMap<PathBuf, Vec<(String, usize)>> = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        if let Target::Scenario(file) = target
            && let Some(name) = file.file_name()
        {
            let list = folders.entry(file.with_file_name(DIGESTS)).or_default();
            list.push((name.to_string_lossy().into_owned(), index));
        }
    }
    for (path, list) in folders {
        let written = Digests::read(&path).and_then(|mut digests| {
            for (name, index) in &list {
                digests.lines.extend(verdicts[*index].found.clone().map(|digest| (name.clone(), digest)));
            }
            digests.lines.retain(|name, _| path.with_file_name(name).is_file());
            digests.write(&path)
        });
        if let Err(finding) = written {
            verdicts[list[0].1].findings.push(finding);
            verdicts[list[0].1].exit = Exit::Internal;
        }
    }
}

/// Prints a line for each target.
fn report(arguments: &VerifyArguments, verdicts: &[Verdict]) -> Exit {
    let exit = worst(verdicts.iter().map(|verdict| verdict.exit));
    let mut text = String::new();
    for verdict in verdicts.iter().filter(|_| arguments.format == Format::Text) {
        complain(&render(&verdict.findings, Style::of_stderr()));
        let _ = writeln!(text, "{}: {}", verdict.target, verdict.text);
    }
    if arguments.format == Format::Json {
        let all: Vec<Value> = verdicts.iter().map(Verdict::json).collect();
        text = serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    }
    match print(text.as_bytes()) {
        Exit::Done => exit,
        failed => failed,
    }
}

impl Verdict {
    fn json(&self) -> Value {
        json!({
            "target": self.target,
            "ok": self.exit == Exit::Done,
            "recorded": self.recorded,
            "found": self.found,
            "changed": self.changed,
            "findings": self.findings.iter().map(to_json).collect::<Vec<_>>(),
        })
    }
}
