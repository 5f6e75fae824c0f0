//! Name, seed, end and outputs of a run, and how pods behave by default.

use super::{Build, Outputs};
use crate::api::kubernetes::{Part, Sourced};
use crate::api::{Behavior, Object};
use crate::base::rng::Purpose;
use crate::base::{Diagnostic, Distribution, Span, Streams, Time};
use crate::scenario::At;
use crate::scenario::schema::scalars::{Duration, QuantityDistribution, TimeDistribution};
use crate::scenario::schema::{OutputKind, Scenario, Stop, workload};
use crate::sim::StopRule;
use crate::trace::transform::Shake;
use std::path::Path;

/// The seed where none is given.
const DEFAULT_SEED: u64 = 1;
/// The run time below which bounded slowdown takes this one, where none is given: the value of the
/// literature (Feitelson and Rudolph 1998).
const BSLD_THRESHOLD: Span = Span::from_secs(10);
/// The longest name of a scenario.
const MAX_NAME: usize = 100;

/// The seed of every random stream.
pub(super) fn seed(scenario: &Scenario) -> u64 {
    scenario.run.seed.map_or(DEFAULT_SEED, |seed| seed.0 as u64)
}

/// The seed of the trace at this place of the scenario. That of the first one is the run's, so that
/// `trace shake` with this seed makes the very trace that the run has.
pub(super) fn trace_seed(scenario: &Scenario, index: usize) -> u64 {
    match index {
        0 => seed(scenario),
        _ => Streams::new(seed(scenario)).draw(Purpose::Shake, index as u64),
    }
}

/// The name: what is written, or the file's without its ending. It must do as a folder's name.
pub(super) fn name(build: &mut Build<'_>) -> String {
    let legal = |name: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !name.is_empty() && name.len() <= MAX_NAME && !name.starts_with(['.', '-']) && name.bytes().all(inner)
    };
    if let Some(name) = build.scenario.name.as_ref().filter(|name| !legal(name)) {
        let help = format!("letters, digits, `-`, `_` and `.`, at most {MAX_NAME} of them");
        build.error(name.error("not a legal name").help(help));
    }
    let written = written_name(build.scenario, &build.files.scenario);
    if build.scenario.name.is_some() || legal(&written) { written } else { "run".into() }
}

/// The name that is written, or the file's without its ending.
pub(super) fn written_name(scenario: &Scenario, file: &str) -> String {
    if let Some(name) = &scenario.name {
        return name.value.clone();
    }
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let replaced =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    let name: String = stem.chars().map(replaced).take(MAX_NAME).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// When the run ends; errors are noted.
pub(super) fn stop(build: &mut Build<'_>) -> StopRule {
    let run = &build.scenario.run;
    let workload = &build.scenario.workload;
    let at = run.until.as_ref().map(|until| Time(until.0.0));
    if run.stop == Stop::Never && at.is_none() {
        let finding =
            build.whole("the run would never end: `run.stop` is `never` and there is no `run.until`");
        build.error(finding.help("write `run: {until: 1h}`"));
    }
    let streams = workload.traces.len() + workload.generators.len() + workload.manifests.len();
    if run.stop == Stop::JobsDone && streams == 0 {
        let finding = build.whole("`run.stop: jobsDone`, but the workload has no jobs");
        build.error(
            finding.help("give it `workload.traces`, `workload.generators` or Jobs in `workload.manifests`"),
        );
    }
    if let Some(shake) = &workload.shake {
        check_shake(build, shake);
    }
    if let Some(period) = workload.resample.as_ref().filter(|_| workload.traces.is_empty()) {
        let finding = period.error("there is no trace whose users could be drawn anew");
        build.error(finding.help("jobs of generators differ by `run.seed` alone"));
    }
    StopRule { at, when_settled: run.stop == Stop::Settled, when_jobs_done: run.stop == Stop::JobsDone }
}

fn check_shake(build: &mut Build<'_>, shake: &At<Duration>) {
    if build.scenario.workload.traces.is_empty() {
        let finding = shake.error("there is no trace whose submit times could be shaken");
        build.error(finding.help("jobs of generators differ by `run.seed` alone"));
    } else if shake.0 > Span::ZERO
        && let Err(message) = Shake::up_to(shake.0).check()
    {
        build.error(shake.error(message));
    }
}

/// A CronJob makes Jobs for ever: a run that waits until nothing happens any more would never end.
pub(super) fn refuse_endless(build: &mut Build<'_>, objects: &[(Time, Sourced)], stop: &StopRule) {
    let makes_jobs = |object: &Object| matches!(object, Object::CronJob(cron) if !cron.suspend);
    if stop.at.is_some() || stop.when_jobs_done {
        return;
    }
    if let Some((_, sourced)) = objects.iter().find(|(_, sourced)| makes_jobs(&sourced.object)) {
        let message = "the run would never end: this CronJob makes Jobs for ever and there is no `run.until`";
        let finding = Diagnostic::error(sourced.at(Part::Name), message);
        build.error(finding.found(&sourced.object.meta().name).help("write `run: {until: 1h}`"));
    }
}

/// Warns of what is planned for after the end.
pub(super) fn check_reached(build: &mut Build<'_>, at: &At<Duration>, what: &str) {
    if let Some(until) = &build.scenario.run.until
        && at.0 > until.0
    {
        let message = format!("{what} comes after the end of the run (`run.until: {}`)", until.0);
        build.warn(at.warning(message));
    }
}

/// What is to be written.
pub(super) fn outputs(scenario: &Scenario) -> Outputs {
    const ALL: [OutputKind; 4] = [OutputKind::Csv, OutputKind::Json, OutputKind::Charts, OutputKind::Report];
    let written = &scenario.outputs;
    let mut select = written.select.clone().unwrap_or_else(|| ALL.to_vec());
    select.sort_unstable();
    select.dedup();
    Outputs {
        select,
        events: written.events.unwrap_or(true),
        decisions: written.decisions,
        bsld_threshold: written.bsld_threshold.map_or(BSLD_THRESHOLD, |threshold| threshold.0),
    }
}

/// How pods behave that say nothing themselves.
pub(super) fn behavior(written: &workload::Behavior) -> Behavior {
    let time = |written: &Option<TimeDistribution>| -> Option<Distribution> {
        written.as_ref().map(|distribution| distribution.0.clone())
    };
    let quantity = |written: &Option<QuantityDistribution>| -> Option<Distribution> {
        written.as_ref().map(|distribution| distribution.0.clone())
    };
    Behavior {
        run_time: time(&written.run_time),
        init_time: time(&written.init_time),
        exit_code: written.exit_code.as_ref().map(|distribution| distribution.0.clone()),
        fail_runs: written.fail_runs.map_or(0, |runs| runs.0 as u32),
        startup_time: time(&written.startup_time),
        cpu_usage: quantity(&written.cpu_usage),
        memory_usage: quantity(&written.memory_usage),
        stop_time: time(&written.stop_time),
        image_size: quantity(&written.image_size),
        unready_after: time(&written.unready_after),
        unready_for: time(&written.unready_for),
        unhealthy_after: time(&written.unhealthy_after),
        pre_stop_time: time(&written.pre_stop_time),
        gate_time: time(&written.gate_time),
        pull_failures: written.pull_failures.map_or(0, |failures| failures.0 as u32),
    }
}
