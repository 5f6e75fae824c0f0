//! Random runs under other control planes than Kubernetes', by seed; and what is known of them
//! beforehand, for the checker.
//!
//! There is trouble for a while, then everything is back, and there is room for all that is asked for.
//! So what is declared must come true in the end.

use super::super::dice::Dice;
use super::super::generate::{ZONE_LABEL, ZONES};
use super::Which;
use super::settings;
use crate::api::{
    Behavior, Container, DaemonSet, Deployment, Job, LabelSelector, Node, Object, ObjectMeta, PodTemplate,
    RestartPolicy,
};
use crate::base::ids::PoolId;
use crate::base::{Diagnostic, Distribution, Quantity, Span, Time};
use crate::cluster::JobOrigin;
use crate::control::Config;
use crate::sim::{
    Action, Fault, FaultKind, FaultScope, FaultWhen, MetricsSetup, NodeSetup, Pool, Setup, Source, StopRule,
    Submission, SubmissionName, Timing,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// When all trouble has begun that will, and how long it may last.
const HORIZON: u64 = 1_200;
const LONGEST_TROUBLE: u64 = 500;
/// When people make good what they have done.
const REPAIR: u64 = HORIZON + LONGEST_TROUBLE + 60;
/// How long after that what is declared must have come true: jobs that nobody else may run beside take
/// their turns.
const PATIENCE: u64 = 12_000;
/// A gibibyte.
const GIB: i64 = 1 << 30;

/// A node.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) cpu: i64,
    pub(super) zone: Option<&'static str>,
}

/// What pods are made of.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Shape {
    /// Millicores.
    pub(super) cpu: i64,
    /// Bytes.
    pub(super) memory: i64,
    /// The zone that they must be in.
    pub(super) zone: Option<&'static str>,
    /// How long they run; `None` for ever.
    pub(super) run_time: Option<Span>,
    pub(super) fails: bool,
    /// Labels that say what is asked for beside that.
    pub(super) labels: BTreeMap<String, String>,
}

/// Pods that are submitted together.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    pub(super) at: Time,
    pub(super) tasks: u32,
    pub(super) shape: Shape,
    pub(super) estimate: Option<Span>,
    pub(super) user: i32,
}

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// So many pods, always.
    Service(u32),
    /// A pod on each node.
    Global,
    /// So many must succeed, so many run at a time.
    Job { completions: u32, parallelism: u32 },
}

/// An object.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    /// The Job that it waits for, and whether that must have succeeded.
    pub(super) after: Option<(usize, bool)>,
    /// What its annotations say.
    pub(super) annotations: BTreeMap<String, String>,
}

/// What is known of a case.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) which: Which,
    pub(super) machines: Vec<Machine>,
    pub(super) rows: Vec<Row>,
    pub(super) things: Vec<Thing>,
    /// Whether nothing goes wrong.
    pub(super) calm: bool,
    pub(super) ideal: bool,
    pub(super) settings: settings::Settings,
}

impl Facts {
    /// The case in a line, for people who look for a fault.
    pub(super) fn in_words(&self) -> String {
        let trouble = if self.calm { "calm" } else { "with trouble" };
        let timing = if self.ideal { "ideal" } else { "with latencies" };
        format!(
            "{:?}, {} nodes, {} rows, {} objects, {trouble}, {timing}, {}",
            self.which,
            self.machines.len(),
            self.rows.len(),
            self.things.len(),
            self.settings.in_words()
        )
    }
}

/// A setup with what is known of it.
pub(super) struct Case {
    pub(super) setup: Setup,
    pub(super) facts: Facts,
}

/// The case of a seed; always the same.
pub(super) fn case(which: Which, seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let (ideal, calm) = (dice.chance(50), dice.chance(30));
    let machines: Vec<Machine> = (0..dice.between(2, 6)).map(|number| machine(dice, number)).collect();
    let settings = settings::draw(dice, which, ideal);
    let things = things(dice, which, &settings);
    let has_services = things.iter().any(|thing| !matches!(thing.kind, Kind::Job { .. }));
    let rows = rows(dice, &settings, !has_services);
    let nodes: Vec<NodeSetup> = machines.iter().map(node).collect();
    let faults = if calm { Vec::new() } else { faults(dice, nodes.len()) };
    let actions = if calm { Vec::new() } else { actions(dice, which, &machines, &things) };
    let objects = things.iter().map(|thing| (Time::ZERO, object(thing))).collect();
    let control = Config { plane: settings.plane(), ..Config::default() };
    let setup = Setup {
        metrics: MetricsSetup::default(),
        seed: dice.between(0, u64::from(u32::MAX)),
        pools: vec![Pool { name: "pool".into(), price_per_hour: 1.0 }],
        registered: None,
        bound_pods: Vec::new(),
        nodes,
        objects,
        sources: vec![source(&rows)],
        faults,
        plane: crate::sim::Plane::default(),
        actions,
        default_behavior: Behavior::default(),
        timing: if ideal { Timing::ideal() } else { Timing::kubernetes() },
        control,
        stop: StopRule { at: Some(Time::from_secs(REPAIR + PATIENCE)), ..StopRule::default() },
        check_invariants: true,
    };
    Case { setup, facts: Facts { which, machines, rows, things, calm, ideal, settings } }
}

fn machine(dice: &mut Dice, number: u64) -> Machine {
    // The first nodes have a zone each, so that there is one for whoever asks.
    let zone = ZONES.get(number as usize).copied().filter(|_| number < 2);
    Machine {
        name: format!("n{number}"),
        cpu: dice.pick(&[8_000, 8_000, 10_000]),
        zone: zone.or_else(|| dice.chance(60).then(|| dice.pick(&ZONES[..2]))),
    }
}

fn node(machine: &Machine) -> NodeSetup {
    let mut meta = ObjectMeta { name: machine.name.clone(), ..ObjectMeta::default() };
    meta.labels.insert("kubernetes.io/hostname".into(), machine.name.clone());
    if let Some(zone) = machine.zone {
        meta.labels.insert(ZONE_LABEL.into(), zone.into());
    }
    let mut node = Node { meta, ..Node::default() };
    let amounts = [
        ("cpu", Quantity::from_milli(machine.cpu)),
        ("memory", Quantity::from_units(16 * GIB)),
        ("pods", Quantity::from_units(1_000)),
    ];
    for (resource, amount) in amounts {
        node.allocatable.insert(resource.into(), amount);
    }
    node.capacity = node.allocatable.clone();
    NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
}

fn shape(dice: &mut Dice) -> Shape {
    Shape {
        cpu: dice.pick(&[200, 500, 1_000, 1_000]),
        memory: dice.pick(&[64 << 20, GIB / 2, GIB]),
        zone: dice.chance(20).then(|| dice.pick(&ZONES[..2])),
        run_time: Some(dice.seconds(5, 300)),
        fails: false,
        labels: BTreeMap::new(),
    }
}

fn things(dice: &mut Dice, which: Which, settings: &settings::Settings) -> Vec<Thing> {
    let mut things = Vec::new();
    for number in 0..dice.between(0, 2) {
        let mut shape = shape(dice);
        // One that does not end is there at the end; one that does comes again and again.
        let is_endless = dice.chance(60);
        shape.run_time = shape.run_time.filter(|_| !is_endless);
        shape.fails = !is_endless && dice.chance(50);
        let kind = Kind::Service(dice.between(1, 2) as u32);
        things.push(thing(format!("service-{number}"), kind, shape));
    }
    if which != Which::Slurm && dice.chance(30) {
        let shape = Shape { run_time: None, cpu: 200, ..shape(dice) };
        things.push(thing("global".into(), Kind::Global, shape));
    }
    let first_job = things.len();
    for number in 0..dice.between(0, 3) {
        let mut shape = shape(dice);
        shape.fails = dice.chance(20);
        let completions = dice.between(1, 5) as u32;
        let parallelism = dice.between(1, 3).min(completions.into()) as u32;
        let mut job = thing(format!("job-{number}"), Kind::Job { completions, parallelism }, shape);
        let earlier = things.len() - first_job;
        if which != Which::Swarm && earlier > 0 && dice.chance(50) {
            let other = first_job + dice.between(0, earlier as u64 - 1) as usize;
            job.after = Some((other, which == Which::Mesos || dice.chance(60)));
        }
        things.push(job);
    }
    for place in 0..things.len() {
        let after =
            things[place].after.map(|(other, must_succeed)| (things[other].name.clone(), must_succeed));
        settings.annotate(dice, &mut things[place], after);
    }
    things
}

fn thing(name: String, kind: Kind, shape: Shape) -> Thing {
    Thing { name, kind, shape, after: None, annotations: BTreeMap::new() }
}

fn rows(dice: &mut Dice, settings: &settings::Settings, may_be_alone: bool) -> Vec<Row> {
    let mut at = Time::ZERO;
    let count = dice.between(0, 14);
    (0..count)
        .map(|_| {
            at += dice.seconds(0, 150);
            let mut shape = shape(dice);
            shape.fails = dice.chance(15);
            let run_time = shape.run_time.unwrap_or_default();
            let mut row = Row {
                at,
                tasks: dice.pick(&[1, 1, 2, 3]),
                shape,
                estimate: dice.chance(60).then(|| Span(run_time.0 / 2) + dice.seconds(30, 300)),
                user: dice.between(0, 2) as i32,
            };
            if settings.site().is_some() {
                settings::label(dice, &mut row, may_be_alone);
            }
            row
        })
        .collect()
}

fn template(shape: &Shape) -> PodTemplate {
    let mut container = Container { name: "main".into(), ..Container::default() };
    let requests = &mut container.resources.requests;
    requests.insert("cpu".into(), Quantity::from_milli(shape.cpu));
    requests.insert("memory".into(), Quantity::from_units(shape.memory));
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    template.spec.restart_policy = RestartPolicy::Never;
    if let Some(zone) = shape.zone {
        template.spec.node_selector.push((ZONE_LABEL.into(), zone.into()));
    }
    template.labels.extend(shape.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    template.behavior.run_time = shape.run_time.map(|span| Distribution::Constant(span.as_secs_f64()));
    template.behavior.exit_code = shape.fails.then_some(Distribution::Constant(1.0));
    template
}

fn object(thing: &Thing) -> Object {
    let mut meta =
        ObjectMeta { name: thing.name.clone(), namespace: "default".into(), ..ObjectMeta::default() };
    meta.annotations.extend(thing.annotations.iter().map(|(key, value)| (key.clone(), value.clone())));
    let mut template = template(&thing.shape);
    let selector = |template: &mut PodTemplate| {
        template.labels.insert("app".into(), thing.name.clone());
        LabelSelector {
            match_labels: vec![("app".into(), thing.name.clone())],
            match_expressions: Vec::new(),
        }
    };
    match thing.kind {
        Kind::Service(replicas) => Object::Deployment(Box::new(Deployment {
            meta,
            replicas: replicas as i32,
            selector: selector(&mut template),
            template: Arc::new(template),
            ..Deployment::default()
        })),
        Kind::Global => Object::DaemonSet(Box::new(DaemonSet {
            meta,
            selector: selector(&mut template),
            template: Arc::new(template),
            ..DaemonSet::default()
        })),
        Kind::Job { completions, parallelism } => Object::Job(Box::new(Job {
            meta,
            parallelism: parallelism as i32,
            completions: Some(completions as i32),
            template: Arc::new(template),
            ..Job::default()
        })),
    }
}

/// Submissions in memory.
struct Listed(VecDeque<Submission>);

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.0.pop_front())
    }
}

fn source(rows: &[Row]) -> Box<dyn Source> {
    let base: Arc<str> = "row".into();
    let namespace: Arc<str> = "default".into();
    let submission = |(number, row): (usize, &Row)| Submission {
        at: row.at,
        template: Arc::new(template(&row.shape)),
        namespace: Arc::clone(&namespace),
        name: SubmissionName::Numbered(Arc::clone(&base), number as u32),
        tasks: row.tasks,
        priority: 0,
        run_time: row.shape.run_time,
        exit_code: row.shape.fails.then_some(1),
        estimate: row.estimate,
        user: row.user,
        link: None,
        origin: JobOrigin::default(),
    };
    Box::new(Listed(rows.iter().enumerate().map(submission).collect()))
}

fn faults(dice: &mut Dice, nodes: usize) -> Vec<Fault> {
    (0..dice.between(0, 3))
        .map(|_| {
            let kind = dice.pick(&[FaultKind::Crash, FaultKind::Partition]);
            let row = dice.between(0, nodes as u64 - 1) as usize;
            let longest = dice.pick(&[30, 200, LONGEST_TROUBLE]);
            let when = FaultWhen::Scheduled {
                at: Time::from_secs(dice.between(0, HORIZON)),
                duration: Some(dice.seconds(1, longest)),
            };
            Fault { groups: vec![vec![row]], scope: FaultScope::Node, kind, when }
        })
        .collect()
}

/// What people do, and what they make good again.
fn actions(dice: &mut Dice, which: Which, machines: &[Machine], things: &[Thing]) -> Vec<(Time, Action)> {
    let mut actions = Vec::new();
    let services: Vec<&Thing> =
        things.iter().filter(|thing| matches!(thing.kind, Kind::Service(_))).collect();
    for _ in 0..dice.between(0, 4) {
        let at = Time::from_secs(dice.between(0, HORIZON));
        let node = dice.pick(machines).name;
        let action = match dice.between(0, 3) {
            0 => Action::Cordon(node),
            1 => Action::Uncordon(node),
            2 if which != Which::Slurm => Action::Drain(node),
            _ if services.is_empty() => Action::Cordon(node),
            _ => scaling(&dice.pick(&services).name, dice.between(0, 3) as u32),
        };
        actions.push((at, action));
    }
    let end = Time::from_secs(REPAIR);
    for machine in machines {
        // Slurm's administrator brings back what is down by taking it out and in again.
        actions.push((end, Action::Cordon(machine.name.clone())));
        actions.push((end + Span::from_secs(5), Action::Uncordon(machine.name.clone())));
    }
    for thing in services {
        if let Kind::Service(replicas) = thing.kind {
            actions.push((end, scaling(&thing.name, replicas)));
        }
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}

fn scaling(name: &str, replicas: u32) -> Action {
    Action::Scale {
        kind: "Deployment",
        namespace: "default".into(),
        name: name.into(),
        replicas: replicas as i32,
    }
}
