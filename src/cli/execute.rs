//! One run, from a compiled scenario to its results folder.

use super::Exit;
use super::ahead::read_ahead;
use super::progress::{Display, Interrupt};
use crate::base::{Diagnostic, Location, Span, Time};
use crate::observe::expect::Judgement;
use crate::observe::follow::{Both, Chosen, Follower};
use crate::observe::single;
use crate::observe::table::{Memory, Sink};
use crate::observe::{
    self, BatchOptions, FleetLog, FleetOptions, FolderError, JobLog, Observed, Options, OutputFolder,
    RunObserver, Sinks,
};
use crate::report;
use crate::scenario::compile::Outputs;
use crate::scenario::schema::OutputKind;
use crate::scenario::{Compiled, Named, Plan};
use crate::sim::{self, BatchSetup, Ending, FleetSetup, RunError, Setup};
use rayon::prelude::*;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// How a run is carried out.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// What the user named; goes into the provenance, so that the run can be repeated.
    pub(super) named: Named,
    /// Pods whose way through the scheduler is told.
    pub(super) explain: Vec<String>,
    /// The results folder; `None` for none.
    pub(super) folder: Option<PathBuf>,
    /// Whether progress may be shown.
    pub(super) progress: bool,
    /// Raised by Ctrl-C.
    pub(super) interrupt: Interrupt,
}

/// A run that has come to its end.
pub(super) struct Done {
    /// What was seen.
    pub(super) observed: Observed,
    /// What was asked for in vain.
    pub(super) warnings: Vec<Diagnostic>,
    /// The judgements on the expectations.
    pub(super) judgements: Vec<Judgement>,
    /// Where the results are, if they were written.
    pub(super) folder: Option<PathBuf>,
}

/// Why a run has no results.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The input is wrong.
    #[error("{} findings", .0.len())]
    Input(Vec<Diagnostic>),
    /// Writing failed.
    #[error("failed to write the results: {0}")]
    Output(#[from] io::Error),
    /// The results folder cannot be made, or put in its place.
    #[error("{0}")]
    Folder(Diagnostic),
    /// The user interrupted.
    #[error("interrupted at {0} of simulated time: no results are left of this run")]
    Interrupted(Span),
    /// An invariant does not hold.
    #[error("an invariant does not hold at {0}: {1}; this is a fault of seatrial, please report it")]
    Invariant(Span, String),
}

impl Failure {
    /// The exit code that it stands for.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Failure::Input(_) => Exit::BadInput,
            Failure::Output(_) | Failure::Folder(_) => Exit::Internal,
            Failure::Interrupted(_) => Exit::Interrupted,
            Failure::Invariant(..) => Exit::NotMet,
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(finding: Diagnostic) -> Failure {
        Failure::Input(vec![finding])
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Failure {
        match error {
            FolderError::Refused(finding) => Failure::Input(vec![finding]),
            FolderError::Failed(finding) => Failure::Folder(finding),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        match error {
            RunError::Input(finding) => Failure::Input(vec![finding]),
            RunError::Interrupted(at) => Failure::Interrupted(at),
            RunError::Invariant(at, what) => Failure::Invariant(at, what),
        }
    }
}

/// Where streamed tables go.
#[derive(Clone, Copy)]
enum Files<'a> {
    /// Nowhere.
    Nowhere,
    /// Into a folder.
    Folder(&'a OutputFolder),
    /// The table of all jobs or pods into memory, the others nowhere.
    Memory(&'a Memory),
}

/// Carries out a run.
pub(super) fn execute(compiled: Compiled, order: &Order) -> Result<Done, Failure> {
    if !order.interrupt.begin() {
        return Err(Failure::Interrupted(Span::ZERO));
    }
    let Compiled { name, plan, inputs, remarks, expectations, outputs, .. } = compiled;
    let folder = order.folder.as_deref().map(OutputFolder::create).transpose()?;
    let tables = outputs.select.contains(&OutputKind::Csv);
    let files = folder.as_ref().filter(|_| tables).map_or(Files::Nowhere, Files::Folder);
    let (mut observed, ending) = observe_plan(&name, plan, &outputs, files, order)?;
    let results = &mut observed.results;
    results.title = name;
    results.remarks.extend(remarks);
    let digest = observed.digest.clone();
    observed.results.provenance = provenance(&order.named, &inputs, ending, &digest);
    let mut metrics = observed.results.metrics.clone();
    metrics.extend(single::metrics(&single::singles(&observed.results)));
    let judged = expectations.iter().map(|(expectation, location)| expectation.judge(&metrics, location));
    let judgements = judged.collect::<Result<Vec<_>, _>>()?;
    let folder = match folder {
        Some(folder) => Some(write(&observed, &judgements, &outputs, folder, &order.interrupt)?),
        None => None,
    };
    let is_told = |name: &str| observed.results.stories.iter().any(|story| story.is_named(name));
    let untold = order.explain.iter().filter(|name| !is_told(name)).map(|name| {
        let finding = Diagnostic::warning(Location::file("--explain"), "the run has no pod of this name");
        finding.found(name).help("`pods.csv` has the names of all")
    });
    let warnings = untold.collect();
    Ok(Done { observed, warnings, judgements, folder })
}

/// Carries out a run of which nothing is written: what was seen, and its `jobs.csv` or `pods.csv`.
pub(super) fn replay(compiled: Compiled, order: &Order) -> Result<(Observed, Vec<u8>), Failure> {
    if !order.interrupt.begin() {
        return Err(Failure::Interrupted(Span::ZERO));
    }
    let table = Memory::default();
    let Compiled { name, plan, outputs, .. } = compiled;
    let (mut observed, _) = observe_plan(&name, plan, &outputs, Files::Memory(&table), order)?;
    observed.results.title = name;
    Ok((observed, table.bytes()))
}

/// Runs a plan and watches it.
fn observe_plan(
    name: &str,
    plan: Plan,
    outputs: &Outputs,
    files: Files<'_>,
    order: &Order,
) -> Result<(Observed, Ending), Failure> {
    match plan {
        Plan::Kubernetes(setup) => run_kubernetes(name, *setup, outputs, files, order),
        Plan::Batch(_) | Plan::Fleet(_) if !order.explain.is_empty() => {
            let finding = Diagnostic::error(Location::file("--explain"), "a batch machine has no pods");
            Err(finding.found(order.explain.join(", ")).into())
        }
        Plan::Batch(setup) => run_batch(name, *setup, outputs, files, order),
        Plan::Fleet(setup) => run_fleet(name, *setup, outputs, files, order),
    }
}

/// Where a streamed table goes.
fn sink(files: Files<'_>, wanted: bool, name: &str) -> io::Result<Option<Sink>> {
    Ok(match files {
        Files::Folder(folder) if wanted => Some(Box::new(folder.file(name)?)),
        Files::Memory(memory) if matches!(name, "jobs.csv" | "pods.csv") => Some(Box::new(memory.clone())),
        Files::Nowhere | Files::Folder(_) | Files::Memory(_) => None,
    })
}

fn run_kubernetes(
    name: &str,
    mut setup: Setup,
    outputs: &Outputs,
    files: Files<'_>,
    order: &Order,
) -> Result<(Observed, Ending), Failure> {
    let (pools, loads) = (setup.pools.clone(), observe::loads(&setup));
    let options = Options { pools, loads, slowdown_bound: outputs.bsld_threshold, ..Options::default() };
    let sinks = Sinks {
        pods: sink(files, true, "pods.csv")?,
        events: sink(files, outputs.events, "events.csv")?,
        decisions: sink(files, outputs.decisions, "decisions.csv")?,
    };
    let mut observer = RunObserver::new(options, sinks);
    let mut follower = Follower::new(&order.explain, Chosen::Last);
    let mut display = display(name, setup.stop.at, order);
    setup.sources = read_ahead(setup.sources);
    let outcome = if order.explain.is_empty() {
        sim::run(setup, &mut observer, &mut display)
    } else {
        setup.control.scheduler.followed.clone_from(&order.explain);
        sim::run(setup, &mut Both(&mut observer, &mut follower), &mut display)
    };
    display.clear();
    let ending = outcome?.ending;
    let mut observed = observer.observed()?;
    observed.results.stories = follower.into_stories();
    Ok((observed, ending))
}

fn run_batch(
    name: &str,
    setup: BatchSetup,
    outputs: &Outputs,
    files: Files<'_>,
    order: &Order,
) -> Result<(Observed, Ending), Failure> {
    let options =
        BatchOptions { slowdown_bound: outputs.bsld_threshold, ..BatchOptions::new(setup.processors) };
    let mut observer = JobLog::new(options, sink(files, true, "jobs.csv")?);
    let mut display = display(name, setup.stop.at, order);
    let outcome = sim::run_batch(setup, &mut observer, &mut display);
    display.clear();
    let ending = outcome?.ending;
    Ok((observer.observed()?, ending))
}

fn run_fleet(
    name: &str,
    setup: FleetSetup,
    outputs: &Outputs,
    files: Files<'_>,
    order: &Order,
) -> Result<(Observed, Ending), Failure> {
    let options = FleetOptions { slowdown_bound: outputs.bsld_threshold, ..FleetOptions::default() };
    let mut observer = FleetLog::new(options, sink(files, true, "jobs.csv")?);
    let mut display = display(name, setup.stop.at, order);
    let setup = FleetSetup { sources: read_ahead(setup.sources), ..setup };
    let outcome = sim::run_fleet(setup, &mut observer, &mut display);
    display.clear();
    let ending = outcome?.ending;
    Ok((observer.observed()?, ending))
}

fn display(name: &str, until: Option<Time>, order: &Order) -> Display {
    Display::new(name, until, order.progress, order.interrupt.clone())
}

/// Where the results come from: enough to repeat the run.
fn provenance(
    named: &Named,
    inputs: &[(String, String)],
    ending: Ending,
    digest: &str,
) -> Vec<(String, String)> {
    let ended = match ending {
        Ending::TimeReached => "the time of the stop rule was reached",
        Ending::Settled => "settled: nothing was left that could change anything",
        Ending::JobsDone => "every job had ended",
    };
    let mut listed = vec![
        ("version".to_owned(), format!("seatrial {}", env!("CARGO_PKG_VERSION"))),
        ("command".to_owned(), command(named)),
        ("request".to_owned(), request(named).to_string()),
        ("ended".to_owned(), ended.to_owned()),
        ("digest".to_owned(), digest.to_owned()),
    ];
    listed.extend(inputs.iter().map(|(file, sha256)| (format!("sha256 of {file}"), sha256.clone())));
    listed
}

/// The command that repeats the run.
fn command(named: &Named) -> String {
    let mut text = String::from("seatrial run");
    let mut add = |option: &str, values: &[String]| {
        for value in values {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,+:@".contains(c);
            let quoted = if value.chars().all(plain) {
                value.clone()
            } else {
                format!("'{}'", value.replace('\'', "'\\''"))
            };
            let _ = write!(text, "{option} {quoted}");
        }
    };
    add("", &named.files);
    add(" --nodes", &named.nodes);
    add(" --pool", &named.pools);
    add(" --set", &named.sets);
    text
}

/// What was named, for programs.
pub(super) fn request(named: &Named) -> serde_json::Value {
    serde_json::json!({
        "files": named.files, "nodes": named.nodes, "pools": named.pools, "sets": named.sets,
    })
}

/// What `request` has written.
pub(super) fn named(request: &serde_json::Value) -> Option<Named> {
    let list = |key: &str| -> Option<Vec<String>> {
        let values = request.get(key)?.as_array()?;
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
    };
    Some(Named { files: list("files")?, nodes: list("nodes")?, pools: list("pools")?, sets: list("sets")? })
}

/// Writes what is wanted and puts the folder in its place.
fn write(
    observed: &Observed,
    judgements: &[Judgement],
    outputs: &Outputs,
    folder: OutputFolder,
    interrupt: &Interrupt,
) -> Result<PathBuf, Failure> {
    let wants = |kind| outputs.select.contains(&kind);
    observed.write(&folder, wants(OutputKind::Csv))?;
    if !judgements.is_empty() {
        folder.write("expectations.txt", lines(judgements).as_bytes())?;
    }
    if wants(OutputKind::Charts) || wants(OutputKind::Report) {
        let charts = report::charts(&observed.results);
        if wants(OutputKind::Report) {
            folder.write("report.html", report::html(&observed.results, &charts).as_bytes())?;
        }
        if wants(OutputKind::Charts) {
            charts.par_iter().try_for_each(|chart| write_chart(chart, &folder))?;
        }
    }
    if interrupt.is_raised() {
        return Err(Failure::Interrupted(Span(observed.results.end.0)));
    }
    Ok(folder.commit()?)
}

pub(super) fn write_chart(chart: &report::Chart, folder: &OutputFolder) -> io::Result<()> {
    let name = Path::new("charts").join(&chart.name);
    let name = name.to_string_lossy();
    folder.write(&format!("{name}.svg"), chart.svg.as_bytes())?;
    #[cfg(feature = "png")]
    folder.write(&format!("{name}.png"), &report::png(chart))?;
    Ok(())
}

/// The judgements, a line each.
pub(super) fn lines(judgements: &[Judgement]) -> String {
    judgements.iter().fold(String::new(), |mut text, judgement| {
        let _ = writeln!(text, "{judgement}");
        text
    })
}

/// The findings of a failure, for the renderer: those of the input, or one that says what failed.
pub(super) fn findings(failure: Failure) -> Vec<Diagnostic> {
    match failure {
        Failure::Input(findings) => findings,
        Failure::Folder(finding) => vec![finding],
        other => vec![Diagnostic::error(Location::file("seatrial"), other.to_string())],
    }
}
