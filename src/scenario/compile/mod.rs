//! From a scenario as written to the setup of a run: everything it names is read, every reference
//! is resolved, and every finding is collected.

mod actions;
mod after;
mod batch;
mod control;
mod control_faults;
mod expectations;
mod faults;
mod files;
mod fleet;
mod generators;
mod loads;
mod machines;
mod mesos;
mod nodes;
mod objects;
mod planes;
mod pools;
mod priorities;
mod question;
mod redrawn;
mod rows;
mod run;
mod selectors;
mod slurm;
mod swarm;
mod timing;
mod traces;

use super::At;
use super::load::ARGUMENTS;
use super::schema::{OutputKind, Scenario, control::Kind};
use crate::base::diagnostic::fold_repeats;
use crate::base::{Diagnostic, Location, Span};
use crate::observe::Expectation;
use crate::sim::{BatchSetup, FleetSetup, Setup};
use crate::trace::ReadReport;
use files::Files;
pub use generators::generated;
use nodes::Nodes;
pub use question::{Asked, Question, Wanted, question};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// What surrounds a scenario.
pub struct Environment {
    /// The scenario's file as the user named it; diagnostics about the whole of it name it.
    pub file: Arc<str>,
    /// The folder that paths in the scenario are relative to.
    pub folder: PathBuf,
    /// Standard input, for the path `-`; `None` where it cannot be read.
    pub stdin: Option<Box<dyn Read + Send>>,
    /// What was read already, with sha256: the scenario itself.
    pub inputs: Vec<(String, String)>,
    /// A file that the scenario names and that was read already to find out what it is.
    pub held: Option<Held>,
}

/// A file that was read already.
pub struct Held {
    /// The file as the user named it; `-` is standard input.
    pub name: String,
    /// Its content, unpacked.
    pub bytes: Vec<u8>,
    /// The sha256 of what is stored.
    pub sha256: String,
}

/// A scenario that is ready to run.
pub struct Compiled {
    /// The name; a legal name of a folder.
    pub name: String,
    /// What it shows, in the words of its author; may be empty.
    pub description: String,
    /// The run.
    pub plan: Plan,
    /// Every file that was read, as the user would name it, with the sha256 of what is stored; in
    /// order of first use.
    pub inputs: Vec<(String, String)>,
    /// What was dropped, repaired, ignored or rearranged in the inputs, and how often.
    pub remarks: Vec<(String, u64)>,
    /// What looks wrong, but can be used.
    pub warnings: Vec<Diagnostic>,
    /// Conditions on metrics, each with its place.
    pub expectations: Vec<(Expectation, Location)>,
    /// What is to be written.
    pub outputs: Outputs,
}

/// What is run.
pub enum Plan {
    /// A cluster of nodes and pods, under Kubernetes or another control plane.
    Kubernetes(Box<Setup>),
    /// A batch machine.
    Batch(Box<BatchSetup>),
    /// Batch control of nodes.
    Fleet(Box<FleetSetup>),
}

/// The name of a scenario: what is written, or that of its file. It may not be a legal one, which is
/// said when the scenario is compiled.
pub fn name_of(scenario: &Scenario, environment: &Environment) -> String {
    run::written_name(scenario, &environment.file)
}

/// What is to be written.
#[derive(Clone, PartialEq, Debug)]
pub struct Outputs {
    /// Kinds of files, sorted, each once.
    pub select: Vec<OutputKind>,
    /// Whether the event log is written.
    pub events: bool,
    /// Whether every decision of the scheduler is written.
    pub decisions: bool,
    /// The run time below which bounded slowdown takes this one instead.
    pub bsld_threshold: Span,
}

/// What is collected while a scenario is compiled.
struct Build<'s> {
    scenario: &'s Scenario,
    files: Files,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    remarks: BTreeMap<String, u64>,
}

impl<'s> Build<'s> {
    fn new(scenario: &'s Scenario, environment: Environment) -> Build<'s> {
        Build {
            scenario,
            files: Files::new(environment),
            errors: Vec::new(),
            warnings: Vec::new(),
            remarks: BTreeMap::new(),
        }
    }
}

impl Build<'_> {
    fn error(&mut self, finding: Diagnostic) {
        self.errors.push(finding);
    }

    fn warn(&mut self, finding: Diagnostic) {
        self.warnings.push(finding);
    }

    fn remark(&mut self, what: impl Into<String>, count: u64) {
        if count > 0 {
            let entry = self.remarks.entry(what.into()).or_default();
            *entry = entry.saturating_add(count);
        }
    }

    /// The value, or `None` after its error has been noted.
    fn take<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|finding| self.error(finding)).ok()
    }

    /// Whether there is no scenario file: Kubernetes objects are run as they are.
    fn is_adhoc(&self) -> bool {
        &*self.files.scenario == ARGUMENTS
    }

    /// An error about the scenario as a whole.
    fn whole(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Location::file(Arc::clone(&self.files.scenario)), message)
    }

    /// Enters what a reader did with its input.
    fn report(&mut self, report: &ReadReport) {
        for (verb, tallies) in [("dropped", &report.dropped), ("repaired", &report.repaired)] {
            for (reason, tally) in tallies {
                self.remark(format!("{}: rows {verb}: {reason}", report.file), tally.rows);
            }
        }
        self.warnings.extend(report.notes.iter().cloned());
    }
}

/// A finding about a whole file, moved to where the scenario names the file (not to a command line).
fn at_reference<T>(finding: Diagnostic, reference: &At<T>) -> Diagnostic {
    if finding.location.line > 0 || reference.location.line == 0 {
        return finding;
    }
    let file = finding.location.file.to_string();
    let message = format!("{file}: {}", finding.message);
    Diagnostic { message, location: reference.location.clone(), ..finding }.found(&reference.found)
}

/// Reads everything that `scenario` names and makes the setup of its run. The error holds every
/// finding, sorted by place.
pub fn compile(scenario: &Scenario, environment: Environment) -> Result<Compiled, Vec<Diagnostic>> {
    let mut build = Build::new(scenario, environment);
    let name = run::name(&mut build);
    let plan = match planes::kind(&scenario.control_plane) {
        Kind::Kubernetes | Kind::Swarm | Kind::Mesos | Kind::Slurm => {
            cluster(&mut build).map(|setup| Plan::Kubernetes(Box::new(setup)))
        }
        Kind::Batch if fleet::is_meant(&build) => {
            fleet::setup(&mut build).map(|setup| Plan::Fleet(Box::new(setup)))
        }
        Kind::Batch => {
            fleet::refuse_without_nodes(&mut build);
            batch::setup(&mut build).map(|setup| Plan::Batch(Box::new(setup)))
        }
    };
    let outputs = run::outputs(scenario);
    let expectations = expectations::resolve(&mut build);
    let Build { files, errors, warnings, remarks, .. } = build;
    let Some(plan) = plan.filter(|_| errors.is_empty()) else {
        return Err(in_order(errors));
    };
    Ok(Compiled {
        name,
        description: scenario.description.clone().unwrap_or_default().trim().to_owned(),
        plan,
        inputs: files.inputs,
        remarks: remarks.into_iter().collect(),
        warnings: fold_repeats(warnings),
        expectations,
        outputs,
    })
}

/// Findings by place, each once.
fn in_order(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.sort_by(|a, b| a.location.cmp(&b.location));
    findings.dedup();
    fold_repeats(findings)
}

/// The setup of a cluster of nodes and pods; `None` if something is wrong.
fn cluster(build: &mut Build<'_>) -> Option<Setup> {
    let scenario = build.scenario;
    if let Some(batch) = &scenario.control_plane.batch {
        build.error(batch.error("`batch` needs `controlPlane.kind: batch`"));
    }
    if let Some(processors) = &scenario.cluster.processors {
        let finding = processors.error("`processors` needs `controlPlane.kind: batch`");
        build.error(finding.help("a cluster of Kubernetes has `pools`, `manifests` or `machines`"));
    }
    planes::refuse_unused(build);
    let mut nodes = Nodes::default();
    pools::add(build, &mut nodes);
    machines::add(build, &mut nodes);
    slurm::add_nodes(build, &mut nodes);
    let objects = objects::read(build, &mut nodes);
    let objects = planes::known_objects(build, objects);
    nodes::check(build, &nodes);
    let (bound_pods, objects, priorities) = objects::place(build, &nodes, objects);
    let mut sources = traces::pod_sources(build, &nodes);
    sources.extend(generators::pod_sources(build, &nodes));
    let (faults, plane) = faults::resolve(build, &nodes);
    let mut metrics = control::metrics(build);
    loads::resolve(build, &objects, &mut metrics);
    let actions = actions::resolve(build, &nodes, &objects, &metrics.loads, priorities);
    planes::check_actions(build, &actions);
    let timing = timing::resolve(build);
    let control = control::resolve(build, &timing);
    let stop = run::stop(build);
    run::refuse_endless(build, &objects, &stop);
    build.errors.is_empty().then(|| Setup {
        seed: run::seed(scenario),
        pools: nodes.pools,
        nodes: nodes.list,
        registered: None,
        bound_pods,
        objects: objects.into_iter().map(|(at, sourced)| (at, sourced.object)).collect(),
        sources,
        faults,
        plane,
        actions,
        default_behavior: run::behavior(&scenario.workload.behavior),
        metrics,
        timing,
        control,
        stop,
        check_invariants: scenario.run.check_invariants,
    })
}
