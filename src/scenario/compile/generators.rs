//! Generators as streams of what is submitted.

use super::nodes::Nodes;
use super::rows::{Convert, Jobs, Pods, Stream, Window};
use super::traces::{checked_labels, restart_policy};
use super::{Build, planes, pools, run, selectors};
use crate::base::{Diagnostic, Set, Span, Time};
use crate::scenario::At;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::control::Kind;
use crate::scenario::schema::workload::{Arrivals, Generator};
use crate::sim::{JobSource, Source};
use crate::trace::{self, Shape, Synth, synth};

/// The length of a daily cycle where it is not given.
const DAY: Span = Span::from_secs(86_400);

/// The generators of a cluster of Kubernetes.
pub(super) fn pod_sources(build: &mut Build<'_>, nodes: &Nodes) -> Vec<Box<dyn Source>> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    check_names(build);
    for generator in &build.scenario.workload.generators {
        if generator.processors.is_some() {
            let finding = generator.name.error("`processors` needs `controlPlane.kind: batch`");
            build.error(finding.help("write `cpu`"));
        }
        let namespace = generator.namespace.as_ref().map_or("default", |name| name.as_str());
        let mut pods = Pods::new(namespace, &generator.name);
        pods.numbered = true;
        pods.labels = checked_labels(build, &generator.labels);
        pods.node_selector = checked_labels(build, &generator.node_selector).into_iter().collect();
        pods.restart_policy = restart_policy(generator.restart_policy);
        pods.priority = generator.priority.map_or(0, |priority| priority.0 as i32);
        check_selector(build, nodes, generator, &pods);
        if let Some(stream) = stream(build, generator, pods) {
            sources.push(stream);
        }
    }
    sources
}

/// The generators of a batch machine.
pub(super) fn job_sources(build: &mut Build<'_>, processors: u32) -> Vec<Box<dyn JobSource>> {
    let mut sources: Vec<Box<dyn JobSource>> = Vec::new();
    check_names(build);
    for generator in &build.scenario.workload.generators {
        if generator.run_time.is_none() {
            build.error(generator.name.error("a job of a batch machine needs a `runTime`"));
        }
        if let Some(stream) = stream(build, generator, Jobs { processors }) {
            sources.push(stream);
        }
    }
    sources
}

fn check_names(build: &mut Build<'_>) {
    let mut names: Set<&str> = Set::default();
    for generator in &build.scenario.workload.generators {
        let name = &generator.name;
        pools::check_name(build, name);
        if let Some(namespace) = &generator.namespace {
            pools::check_name(build, namespace);
        }
        if !names.insert(name) {
            build.error(name.error("a generator of this name exists already"));
        }
    }
}

fn check_selector(build: &mut Build<'_>, nodes: &Nodes, generator: &Generator, pods: &Pods) {
    let mut spec = crate::api::PodSpec::default();
    spec.node_selector.clone_from(&pods.node_selector);
    let matched = nodes.list.iter().any(|node| selectors::matches(&spec, &node.node));
    if !matched && !nodes.list.is_empty() {
        build.warn(generator.name.warning("no node has the labels of the generator's `nodeSelector`"));
    }
}

fn stream<C: Convert>(
    build: &mut Build<'_>,
    generator: &At<Generator>,
    convert: C,
) -> Option<Box<Stream<C>>> {
    let plan = plan(generator);
    let plan = build.take(plan)?;
    let result = synth(generator, plan, run::seed(build.scenario));
    let reader = Box::new(build.take(result)?);
    let window = Window { at: Time::ZERO, from: Time::ZERO, until: Time::MAX, rows: u64::MAX, scale: 1.0 };
    Some(Box::new(Stream::new(reader, window, convert)))
}

fn synth(generator: &Generator, plan: trace::Generator, seed: u64) -> Result<Synth, Diagnostic> {
    Synth::new(plan, seed).map_err(|message| {
        let never_ends = message.contains("never ends");
        let finding = generator.name.error(message);
        if never_ends { finding.help("write `count: 100` or `for: 1h`") } else { finding }
    })
}

/// The generators of a scenario as readers of the rows that a run would draw. What a run adds to the
/// pods of a generator (labels, priority, restart policy, one node label) is in the rows.
pub fn generated(scenario: &Scenario) -> Result<Vec<Synth>, Vec<Diagnostic>> {
    let kubernetes = planes::kind(&scenario.control_plane) != Kind::Batch;
    let seed = run::seed(scenario);
    let mut findings = Vec::new();
    let mut readers = Vec::new();
    for generator in &scenario.workload.generators {
        let made = plan(generator).and_then(|mut plan| {
            if kubernetes {
                complete(&mut plan, generator)?;
            }
            synth(generator, plan, seed)
        });
        match made {
            Ok(reader) => readers.push(reader),
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(readers) } else { Err(findings) }
}

/// Adds what a run gives to all pods of a generator.
fn complete(plan: &mut trace::Generator, generator: &Generator) -> Result<(), Diagnostic> {
    if generator.node_selector.len() > 1 {
        let finding = generator.name.error("a row of a trace can ask for one node label only");
        return Err(finding.help("leave one key in `nodeSelector`"));
    }
    if let Some(priority) = generator.priority {
        plan.priorities = vec![(priority.0 as i32, 1.0)];
    }
    plan.restart_policy = generator.restart_policy.map(|policy| restart_policy(Some(policy)));
    for shape in &mut plan.shapes {
        shape.labels =
            generator.labels.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect();
        let selector = generator.node_selector.first_key_value();
        shape.node_labels_in = selector.map(|(key, value)| (key.clone(), vec![value.value.clone()]));
    }
    Ok(())
}

fn plan(generator: &Generator) -> Result<trace::Generator, Diagnostic> {
    let arrivals = arrivals(&generator.arrivals)?;
    let shape = Shape {
        cpu: generator.cpu.as_ref().map(|cpu| cpu.0.clone()),
        memory: generator.memory.as_ref().map(|memory| memory.0.clone()),
        processors: generator.processors.as_ref().map(|processors| processors.0.clone()),
        extended: generator.resources.iter().map(|(name, amount)| (name.clone(), amount.0.clone())).collect(),
        ..Shape::default()
    };
    Ok(trace::Generator {
        name: generator.name.value.clone(),
        start: Time(generator.at.unwrap_or_default().0.0),
        arrivals,
        jobs: generator.count.map(|count| count.0 as u64),
        duration: generator.r#for.map(|duration| duration.0),
        shapes: vec![shape],
        tasks: generator.tasks.as_ref().map(|tasks| tasks.0.clone()),
        run_time: generator.run_time.as_ref().map(|run_time| run_time.0.clone()),
        estimate_factor: generator.estimate_factor.as_ref().map(|factor| factor.0.clone()),
        users: generator.users.map_or(0, |users| users.0 as u32),
        exit_code: generator.exit_code.as_ref().map(|code| code.0.clone()),
        ..trace::Generator::default()
    })
}

fn arrivals(arrivals: &At<Arrivals>) -> Result<synth::Arrivals, Diagnostic> {
    const HELP: &str = "write one of `rate`, `every`, `allAtOnce`, `daily`, `counts`";
    let mut chosen: Vec<synth::Arrivals> = Vec::new();
    if let Some(rate) = &arrivals.rate {
        if rate.0 <= 0.0 {
            return Err(rate.error("a rate must be above zero"));
        }
        chosen.push(synth::Arrivals::Poisson { rate: rate.0 });
    }
    if let Some(every) = &arrivals.every {
        chosen.push(synth::Arrivals::Intervals(every.0.clone()));
    }
    if let Some(all) = &arrivals.all_at_once {
        if !all.value {
            return Err(all.error("`allAtOnce` is either `true` or left out"));
        }
        chosen.push(synth::Arrivals::AllAtOnce);
    }
    if let Some(daily) = &arrivals.daily {
        chosen.push(synth::Arrivals::Daily {
            rate: daily.rate.0,
            amplitude: daily.amplitude.0,
            peak: daily.peak.unwrap_or_default().0,
            period: daily.period.map_or(DAY, |period| period.0),
        });
    }
    if let Some(counts) = &arrivals.counts {
        chosen.push(synth::Arrivals::Counts {
            period: counts.period.0,
            counts: counts.jobs.iter().map(|jobs| jobs.0 as u64).collect(),
        });
    }
    match chosen.len() {
        0 => Err(arrivals.error("the arrivals are not given").help(HELP)),
        1 => Ok(chosen.remove(0)),
        _ => Err(arrivals.error("the arrivals are given more than once").help(HELP)),
    }
}
