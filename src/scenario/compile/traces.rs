//! Traces as streams of what is submitted.
//!
//! Every trace is read once before the run, so that everything wrong with it is known at the start.
//! What a small one holds is kept; a large one is read again while the run goes on.

use super::after::{self, Mode, Wishes};
use super::nodes::Nodes;
use super::redrawn::{Redraw, Redrawn};
use super::rows::{Convert, Jobs, Listed, Pods, Stream, Taken, Window};
use super::{Build, at_reference, pools, run, selectors};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Time};
use crate::scenario::schema::workload::{
    self, GpuSharing, MachineSize, Partials, Processors, Trace, TraceFormat,
};
use crate::scenario::{At, Scenario};
use crate::sim::{Dependencies, JobSource, Source};
use crate::trace::openb::Sharing;
use crate::trace::transform::{Shake, Shaker};
use crate::trace::{self, Format, Input, Largest, Reader, ReaderOptions, SwfOptions};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What is held in memory at most.
#[derive(Clone, Copy)]
struct Limits {
    /// Rows up to which a trace is kept.
    kept: u64,
    /// Rows up to which a trace that is not in order of time is sorted.
    sorted: u64,
}

/// A row takes about a hundred bytes.
const LIMITS: Limits = Limits { kept: 1_000_000, sorted: 5_000_000 };
/// More errors of one trace are not listed.
const MAX_ERRORS: usize = 20;

/// The traces of a cluster of Kubernetes.
pub(super) fn pod_sources(build: &mut Build<'_>, nodes: &Nodes) -> Vec<Box<dyn Source>> {
    sources(build, nodes, false)
}

/// The traces of batch control on nodes: a job of several processors has so many tasks.
pub(super) fn fleet_sources(build: &mut Build<'_>, nodes: &Nodes) -> Vec<Box<dyn Source>> {
    sources(build, nodes, true)
}

fn sources(build: &mut Build<'_>, nodes: &Nodes, per_processor: bool) -> Vec<Box<dyn Source>> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for (index, trace) in build.scenario.workload.traces.iter().enumerate() {
        let mut convert = pods(build, trace);
        convert.per_processor = per_processor;
        match load(build, (index, trace), &convert, None, LIMITS) {
            Some((Loaded::Listed(rows), convert)) => {
                check_templates(build, nodes, trace, &convert);
                sources.push(Box::new(rows));
            }
            Some((Loaded::Streamed(stream), convert)) => {
                check_templates(build, nodes, trace, &convert);
                sources.push(stream);
            }
            None => {}
        }
    }
    sources
}

/// The traces of a batch machine.
pub(super) fn job_sources(build: &mut Build<'_>, processors: u32) -> Vec<Box<dyn JobSource>> {
    let mut sources: Vec<Box<dyn JobSource>> = Vec::new();
    for (index, trace) in build.scenario.workload.traces.iter().enumerate() {
        let convert = Jobs { processors };
        match load(build, (index, trace), &convert, Some(processors), LIMITS) {
            Some((Loaded::Listed(rows), _)) => sources.push(Box::new(rows)),
            Some((Loaded::Streamed(stream), _)) => sources.push(stream),
            None => {}
        }
    }
    sources
}

fn pods(build: &mut Build<'_>, trace: &Trace) -> Pods {
    let namespace = trace.namespace.as_ref().map_or("default", |name| name.as_str());
    let mut pods = Pods::new(namespace, &base_name(trace));
    for name in trace.namespace.iter().chain(&trace.name) {
        pools::check_name(build, name);
    }
    pods.restart_policy = restart_policy(trace.restart_policy);
    pods.labels = checked_labels(build, &trace.labels);
    pods
}

/// The restart policy of generated pods and of those of traces: they are jobs unless they say
/// something else.
pub(super) fn restart_policy(written: Option<workload::RestartPolicy>) -> RestartPolicy {
    match written {
        Some(workload::RestartPolicy::Always) => RestartPolicy::Always,
        Some(workload::RestartPolicy::OnFailure) => RestartPolicy::OnFailure,
        Some(workload::RestartPolicy::Never) | None => RestartPolicy::Never,
    }
}

/// Labels, after an error has been noted for each that is not legal.
pub(super) fn checked_labels(
    build: &mut Build<'_>,
    labels: &BTreeMap<String, At<String>>,
) -> crate::api::Labels {
    for (key, value) in labels {
        pools::check_label(build, key, value);
    }
    labels.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect()
}

/// The name that is given, or the file's without its endings.
fn base_name(trace: &Trace) -> String {
    if let Some(name) = &trace.name {
        return name.value.clone();
    }
    let file = trace.file.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    if stem.is_empty() || stem == "-" { "job".into() } else { stem.to_owned() }
}

enum Loaded<C: Convert> {
    Listed(Listed<C::Out>),
    Streamed(Box<Stream<C>>),
}

/// Where a trace comes from, so that it can be read twice.
enum Origin {
    File(PathBuf),
    Memory(Arc<str>, Vec<u8>),
}

impl Origin {
    fn open(&self) -> Result<Input, Diagnostic> {
        match self {
            Origin::File(path) => Input::open(path, None),
            Origin::Memory(name, bytes) => Input::from_bytes(name, bytes.clone()),
        }
    }
}

/// What the first reading of a trace has found.
struct Survey<T> {
    /// The rows that were used, unless there were too many.
    rows: Vec<(Time, T)>,
    used: u64,
    unordered: u64,
    /// What the rows wait for.
    wishes: Wishes,
}

/// Reads a trace once, that at place `index` of the scenario. `None` if something is wrong. Also returns
/// the converter, with what it has gathered.
fn load<C: Convert + Clone>(
    build: &mut Build<'_>,
    (index, trace): (usize, &At<Trace>),
    convert: &C,
    processors: Option<u32>,
    limits: Limits,
) -> Option<(Loaded<C>, C)> {
    let window = window(build, trace)?;
    let path = build.files.path(&trace.file);
    let origin = if path.as_os_str() == "-" {
        let result = build.files.read(&path).map_err(|finding| at_reference(finding, &trace.file));
        build.take(result).map(|(name, bytes)| Origin::Memory(name, bytes))?
    } else {
        Origin::File(path)
    };
    let shaker = shaker(build.scenario, index);
    let redraw = redraw(build.scenario, index, window, limits);
    let window = if redraw.is_some() { window.unbounded() } else { window };
    let open = || -> Result<Stream<C>, Diagnostic> {
        let mut reader = reader(origin.open()?, trace, processors)?;
        if let Some(redraw) = &redraw {
            reader = Box::new(Redrawn::new(reader, redraw.clone()));
        }
        Ok(Stream::new(reader, window, convert.clone()).shaken(shaker.clone()))
    };
    let result = open().map_err(|finding| at_reference(finding, &trace.file));
    let mut stream = build.take(result)?;
    let mode = Mode::of(trace.dependencies);
    let mut survey = survey(build, &mut stream, mode, limits.kept)?;
    finish(build, trace, &mut stream)?;
    if survey.used == 0 {
        build.warn(trace.file.warning("no row of the trace is used"));
    }
    if !survey.wishes.is_empty() && survey.used > limits.sorted {
        build.error(after::too_long(trace, limits.sorted));
        return None;
    }
    if survey.unordered > 0 && survey.used > limits.sorted {
        let finding = trace.file.error("the trace is not in order of time and too long to be sorted here");
        build.error(
            finding.help(format!("sort it by submit time; up to {} rows are sorted here", limits.sorted)),
        );
        return None;
    }
    if survey.used <= limits.kept || survey.unordered > 0 || !survey.wishes.is_empty() {
        if survey.used > limits.kept {
            let again = open();
            let mut again = build.take(again)?;
            survey = self::survey(build, &mut again, mode, limits.sorted)?;
        }
        let what = format!("{}: rows out of order, sorted by submit time", stream.reader.report().file);
        // Rows that were shaken out of their order are no fault of the trace.
        build.remark(what, if shaker.is_some() { 0 } else { survey.unordered });
        let dependencies = link::<C>(build, trace, &mut survey)?;
        if survey.unordered > 0 {
            survey.rows.sort_by_key(|(at, row)| (*at, C::number(row)));
        }
        let rows: Vec<C::Out> = survey.rows.into_iter().map(|(_, row)| row).collect();
        let listed = Listed { rows: rows.into_iter(), dependencies };
        return Some((Loaded::Listed(listed), stream.convert));
    }
    let again = open();
    Some((Loaded::Streamed(Box::new(build.take(again)?)), stream.convert))
}

/// What shifts the submit times of the trace at this place, if anything does. A shift of zero moves nothing;
/// one that is too large is said where the run is read.
fn shaker(scenario: &Scenario, index: usize) -> Option<Shaker> {
    let bound = scenario.workload.shake.as_ref()?.0;
    Shaker::new(run::trace_seed(scenario, index), Shake::up_to(bound)).ok()
}

/// How the users of the trace at this place are drawn anew, if they are.
fn redraw(scenario: &Scenario, index: usize, window: Window, limits: Limits) -> Option<Redraw> {
    let period = scenario.workload.resample.clone()?;
    Some(Redraw { period, seed: run::trace_seed(scenario, index), window, most: limits.sorted })
}

/// Gives each row that waits for others, or that others wait for, its place.
fn link<C: Convert>(
    build: &mut Build<'_>,
    trace: &At<Trace>,
    survey: &mut Survey<C::Out>,
) -> Option<Dependencies> {
    if survey.wishes.is_empty() {
        return Some(Dependencies::default());
    }
    let resolved = after::resolve(build, trace, &survey.wishes)?;
    for (row, place) in &resolved.places {
        C::link(&mut survey.rows[*row as usize].1, *place);
    }
    for (row, followed) in resolved.follows {
        let at = survey.rows[followed as usize].0;
        let row = &mut survey.rows[row as usize];
        row.0 = at;
        C::arrive(&mut row.1, at);
        survey.unordered += 1;
    }
    Some(resolved.dependencies)
}

fn window(build: &mut Build<'_>, trace: &Trace) -> Option<Window> {
    let from = trace.select.from.unwrap_or_default().0;
    if let Some(until) = &trace.select.until
        && until.0 <= from
    {
        build.error(until.error("`until` is not after `from`"));
        return None;
    }
    if let Some(scale) = &trace.time_scale
        && !(1e-9..=1e9).contains(&scale.0)
    {
        build.error(scale.error("`timeScale` must be from 1e-9 to 1e9"));
        return None;
    }
    Some(Window {
        at: Time(trace.at.unwrap_or_default().0.0),
        from: Time(from.0),
        until: trace.select.until.as_ref().map_or(Time::MAX, |until| Time(until.0.0)),
        rows: trace.select.rows.map_or(u64::MAX, |rows| rows.0 as u64),
        scale: trace.time_scale.as_ref().map_or(1.0, |scale| scale.0),
    })
}

fn reader(
    mut input: Input,
    trace: &Trace,
    max_processors: Option<u32>,
) -> Result<Box<dyn Reader + Send>, Diagnostic> {
    let format = match trace.format {
        Some(TraceFormat::Swf) => Format::Swf,
        Some(TraceFormat::Openb) => Format::Openb,
        Some(TraceFormat::Seatrial) => Format::Table,
        Some(TraceFormat::Batsim) => Format::Batsim,
        Some(TraceFormat::Sacct) => Format::Sacct,
        Some(TraceFormat::Google2011) => Format::Google2011,
        Some(TraceFormat::Alibaba2017) => Format::Alibaba2017,
        Some(TraceFormat::Alibaba2018) => Format::Alibaba2018,
        Some(TraceFormat::Azure) => Format::Azure,
        Some(TraceFormat::Philly) => Format::Philly,
        Some(TraceFormat::Wfcommons) => Format::WfCommons,
        Some(TraceFormat::Kubernetes) => Format::Kubernetes,
        None => Format::detect(&mut input)?,
    };
    let sharing = match trace.gpu_sharing {
        GpuSharing::Milli => Sharing::Milli,
        GpuSharing::MilliAndCount => Sharing::MilliAndCount,
    };
    let largest = largest(trace.largest_machine.as_ref());
    let swf = swf_options(trace, max_processors);
    format.reader(input, ReaderOptions { swf, sharing, largest })
}

/// The size of the largest machine, where the trace counts in parts of it.
pub(super) fn largest(written: Option<&MachineSize>) -> Largest {
    written.map_or_else(Largest::default, |size| Largest {
        cpu_milli: size.cpu.0.milli_ceil(),
        memory_bytes: size.memory.0.units_ceil(),
    })
}

fn swf_options(trace: &Trace, max_processors: Option<u32>) -> SwfOptions {
    SwfOptions {
        processors: match trace.processors {
            Processors::Allocated => trace::Processors::Allocated,
            Processors::Requested => trace::Processors::Requested,
            Processors::Max => trace::Processors::Max,
        },
        partials: match trace.partials {
            Partials::Summary => trace::Partials::Summary,
            Partials::Parts => trace::Partials::Parts,
        },
        keep_zero_run: trace.keep_zero_run_time,
        max_processors,
    }
}

/// Reads all rows; keeps them while there are at most `keep`. `None` after errors have been noted.
fn survey<C: Convert>(
    build: &mut Build<'_>,
    stream: &mut Stream<C>,
    mode: Mode,
    keep: u64,
) -> Option<Survey<C::Out>> {
    let mut survey = Survey { rows: Vec::new(), used: 0, unordered: 0, wishes: Wishes::new(mode) };
    let mut latest = Time::ZERO;
    let mut errors = 0;
    loop {
        match stream.take() {
            Ok(None) => break,
            Ok(Some(Taken::Used(at, row))) => {
                survey.used += 1;
                survey.unordered += u64::from(at < latest);
                latest = latest.max(at);
                survey.wishes.add(&stream.row);
                if survey.used <= keep {
                    survey.rows.push((at, row));
                } else {
                    survey.rows = Vec::new();
                    survey.wishes.forget();
                }
            }
            Ok(Some(Taken::Outside)) => {}
            Ok(Some(Taken::Dropped(reason))) => {
                let what = format!("{}: rows dropped: {reason}", stream.reader.report().file);
                build.remark(what, 1);
            }
            Err(finding) => {
                build.error(finding);
                errors += 1;
                if errors == MAX_ERRORS {
                    break;
                }
            }
        }
    }
    (errors == 0).then_some(survey)
}

/// Enters the file and what its reader did.
fn finish<C: Convert>(build: &mut Build<'_>, trace: &Trace, stream: &mut Stream<C>) -> Option<()> {
    let result = stream.reader.sha256().map_err(|finding| at_reference(finding, &trace.file));
    let digest = build.take(result)?;
    let report = stream.reader.report();
    if let Some(digest) = digest
        && *trace.file != "-"
    {
        build.files.note(&report.file, digest);
    }
    let mut report = report.clone();
    // Counted where rows are sorted: there, only those that are used count.
    report.repaired.remove(trace::report::OUT_OF_ORDER);
    build.report(&report);
    Some(())
}

/// Warns of rows whose pods no node can take.
fn check_templates(build: &mut Build<'_>, nodes: &Nodes, trace: &At<Trace>, pods: &Pods) {
    let unmatched = pods
        .in_order
        .iter()
        .filter(|template| !nodes.list.iter().any(|node| selectors::matches(&template.spec, &node.node)));
    let count = unmatched.count();
    if count > 0 && !nodes.list.is_empty() {
        let message = format!("{count} kinds of pods of the trace ask for node labels that no node has");
        build.warn(trace.file.warning(message));
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Files;
    use super::super::{Build, Environment};
    use super::*;
    use crate::scenario::parse;
    use crate::sim::Submission;

    /// What a trace of the fixtures is loaded as: whether it is streamed, and its rows.
    fn loaded(file: &str, limits: Limits) -> Result<(bool, Vec<Submission>), String> {
        let text = format!("apiVersion: seatrial/v1\nworkload: {{traces: [{{file: {file}}}]}}\n");
        let scenario = parse(&"s.yaml".into(), text.as_bytes(), &[]).expect("a good scenario");
        let folder = PathBuf::from("tests/fixtures");
        let (file, inputs) = ("s.yaml".into(), Vec::new());
        let environment = Environment { file, folder, stdin: None, inputs, held: None };
        let mut build = Build {
            scenario: &scenario,
            files: Files::new(environment),
            errors: Vec::new(),
            warnings: Vec::new(),
            remarks: BTreeMap::new(),
        };
        let trace = &scenario.workload.traces[0];
        match load(&mut build, (0, trace), &Pods::new("default", "t"), None, limits) {
            None => Err(build.errors.iter().map(ToString::to_string).collect()),
            Some((Loaded::Listed(rows), _)) => Ok((false, rows.rows.collect())),
            Some((Loaded::Streamed(mut stream), _)) => {
                Ok((true, std::iter::from_fn(|| stream.next().expect("it was read before")).collect()))
            }
        }
    }

    fn times(rows: &[Submission]) -> Vec<Time> {
        rows.iter().map(|row| row.at).collect()
    }

    #[test]
    fn a_long_trace_is_read_again_while_the_run_goes_on() {
        let file = "../../traces/pods-hour.csv";
        let (streamed, rows) = loaded(file, Limits { kept: 10, sorted: 20 }).unwrap();
        let (listed, same) = loaded(file, LIMITS).map(|(streamed, rows)| (!streamed, rows)).unwrap();
        assert!(streamed && listed && rows.len() > 10);
        assert_eq!(times(&rows), times(&same));
    }

    #[test]
    fn a_trace_out_of_order_is_sorted_if_it_is_not_too_long() {
        let (streamed, rows) = loaded("unsorted.csv", Limits { kept: 1, sorted: 3 }).unwrap();
        assert!(!streamed);
        assert_eq!(times(&rows), [0, 10, 20].map(Time::from_secs));
        let error = loaded("unsorted.csv", Limits { kept: 1, sorted: 2 }).unwrap_err();
        assert!(error.contains("too long to be sorted here"), "{error}");
    }
}
