//! Random fleets, by seed: nodes, jobs with links between them, policies, faults; and what is known of
//! them beforehand, for the checker.

use super::super::dice::Dice;
use super::super::generate::{GPU, TAINT_KEY, ZONE_LABEL, ZONES};
use crate::api::{
    Container, Node, ObjectMeta, PodTemplate, Taint, TaintEffect, Toleration, TolerationOperator,
};
use crate::base::ids::PoolId;
use crate::base::{Diagnostic, Distribution, Expression, Quantity, Span, Time};
use crate::cluster::JobOrigin;
use crate::control::config::{Config, Mode};
use crate::control::fleet::{
    By, Discipline, Gang, Inner, NodeChoice, Order, Passing, Policy, QueueSpec, SCORE_NAMES, Sharing,
    UNIT_WEIGHT,
};
use crate::sim::{
    Dependencies, Fault, FaultKind, FaultScope, FaultWhen, FleetSetup, NodeSetup, Pool, Source, StopRule,
    Submission, SubmissionName,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// The resources of nodes, in the order of [`Amounts`].
pub(super) const RESOURCES: [&str; 3] = ["cpu", "memory", GPU];
/// Millicores, bytes, devices.
pub(super) type Amounts = [i64; RESOURCES.len()];
/// A gibibyte.
const GIB: i64 = 1 << 30;
/// Namespaces of jobs.
const NAMESPACES: [&str; 3] = ["default", "red", "blue"];

/// What each task of a job asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ask {
    pub(super) amounts: Amounts,
    /// The zone that it must be in.
    pub(super) zone: Option<&'static str>,
    /// Whether it bears the taint.
    pub(super) tolerates: bool,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Machine {
    pub(super) amounts: Amounts,
    pub(super) slots: i64,
    pub(super) zone: Option<&'static str>,
    pub(super) is_tainted: bool,
}

/// A job.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Drawn {
    pub(super) at: Time,
    /// What it asks for, by place in [`Facts::asks`].
    pub(super) ask: usize,
    pub(super) tasks: u32,
    /// `None` for ever.
    pub(super) run_time: Option<Span>,
    pub(super) estimate: Option<Span>,
    pub(super) priority: i32,
    pub(super) user: i32,
    pub(super) namespace: &'static str,
    /// The jobs that must have ended, and how long after the last of them.
    pub(super) after: Vec<usize>,
    pub(super) think: Span,
}

/// What is known of a case.
pub(super) struct Facts {
    pub(super) asks: Vec<Ask>,
    pub(super) machines: Vec<Machine>,
    pub(super) jobs: Vec<Drawn>,
    pub(super) policy: Policy,
    pub(super) keeps_work: bool,
    pub(super) kill_at_estimate: bool,
    pub(super) clairvoyant: bool,
    /// Whether everything that goes wrong ends, everything that runs too, and nothing stops the run before.
    pub(super) mends: bool,
}

impl Facts {
    /// The case in a line, for people who look for a fault.
    pub(super) fn in_words(&self) -> String {
        let Policy { order, passing, choice, sharing, gang, preemption, .. } = &self.policy;
        let choice = match choice {
            NodeChoice::Scheduler(_) => "Scheduler".to_owned(),
            NodeChoice::Own(own) => own.text().to_owned(),
            other => format!("{other:?}"),
        };
        let kept = if self.keeps_work { "kept" } else { "lost" };
        format!(
            "{} nodes, {} jobs, {order:?}, {passing:?}, {choice}, {gang:?}, preemption {preemption}, work {kept}, \
             {sharing:?}",
            self.machines.len(),
            self.jobs.len()
        )
    }
}

/// A setup with what is known of it.
pub(super) struct Case {
    pub(super) setup: FleetSetup,
    pub(super) facts: Facts,
}

/// Which of two ways of saying the same a case is run with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Twin {
    /// As it is drawn, with an index where nodes are chosen by a scheduler.
    First,
    /// In other words where there are any: a scheduler that looks at every node, the first node as a score.
    /// What happens must be the same.
    Second,
}

/// The case of a seed; always the same.
pub(super) fn case(seed: u64, twin: Twin) -> Case {
    let mut dice = Dice::new(seed);
    let asks = asks(&mut dice);
    let machines: Vec<Machine> = (0..dice.between(1, 10)).map(|_| machine(&mut dice)).collect();
    let horizon = dice.pick(&[60, 600, 3_000]);
    let is_endless = dice.chance(10);
    let jobs: Vec<Drawn> = jobs(&mut dice, asks.len(), horizon, is_endless);
    let (faults, faults_mend) = faults(&mut dice, machines.len(), horizon);
    let policy = policy(&mut dice, twin);
    let stop = StopRule {
        at: dice.chance(15).then(|| Time::from_secs(dice.between(0, 2 * horizon))),
        when_settled: true,
        when_jobs_done: dice.chance(50),
    };
    let mends = faults_mend && stop.at.is_none() && jobs.iter().all(|job| job.run_time.is_some());
    let (keeps_work, kill_at_estimate) = (dice.chance(40), dice.chance(30));
    let clairvoyant = dice.chance(20);
    let sources = sources(&asks, &jobs);
    let setup = FleetSetup {
        seed: dice.between(0, u64::from(u32::MAX)),
        pools: vec![Pool { name: "pool".into(), price_per_hour: 1.0 }],
        nodes: machines.iter().enumerate().map(|(row, machine)| node(row, machine)).collect(),
        policy: policy.clone(),
        keeps_work,
        kill_at_estimate,
        clairvoyant,
        sources,
        faults,
        stop,
        check_invariants: twin == Twin::First,
    };
    let facts = Facts { asks, machines, jobs, policy, keeps_work, kill_at_estimate, clairvoyant, mends };
    Case { setup, facts }
}

fn asks(dice: &mut Dice) -> Vec<Ask> {
    let one = |dice: &mut Dice| Ask {
        amounts: [
            dice.pick(&[0, 100, 500, 1_000, 1_000, 2_000, 4_000]),
            dice.pick(&[0, 0, GIB, GIB, 3 * GIB, 1]),
            dice.pick(&[0, 0, 0, 0, 1, 2]),
        ],
        zone: dice.chance(15).then(|| dice.pick(&ZONES)),
        tolerates: dice.chance(30),
    };
    (0..dice.between(1, 5)).map(|_| one(dice)).collect()
}

fn machine(dice: &mut Dice) -> Machine {
    Machine {
        amounts: [
            dice.pick(&[500, 1_000, 2_000, 4_000, 4_000, 8_000]),
            dice.pick(&[1, 2, 4, 4, 8]) * GIB,
            dice.pick(&[0, 0, 1, 4]),
        ],
        slots: dice.pick(&[0, 1, 3, 10, 110, 110]),
        zone: dice.chance(80).then(|| dice.pick(&ZONES)),
        is_tainted: dice.chance(15),
    }
}

fn jobs(dice: &mut Dice, asks: usize, horizon: u64, is_endless: bool) -> Vec<Drawn> {
    let mut at = Time::ZERO;
    let count = dice.between(0, 40);
    let most_tasks = dice.pick(&[1, 3, 8]);
    let gap = 2 * horizon / (count + 1);
    (0..count)
        .map(|number| {
            if dice.chance(60) {
                at += dice.seconds(0, gap);
            }
            let longest = dice.pick(&[0, 10, 100, 300]);
            let run_time = dice.seconds(0, longest);
            let most_think = dice.pick(&[0, 20]);
            let after = if number > 0 && dice.chance(12) {
                (0..dice.between(1, 2)).map(|_| dice.between(0, number - 1) as usize).collect()
            } else {
                Vec::new()
            };
            Drawn {
                at,
                ask: dice.between(0, asks as u64 - 1) as usize,
                tasks: dice.between(1, most_tasks) as u32,
                run_time: (!is_endless || dice.chance(90)).then_some(run_time),
                estimate: dice.chance(60).then(|| Span(run_time.0 / 2) + dice.seconds(0, 100)),
                priority: dice.pick(&[0, 0, 0, 1, 2, 5]),
                user: dice.between(0, 4) as i32 - 1,
                namespace: dice.pick(&NAMESPACES),
                after,
                think: dice.seconds(0, most_think),
            }
        })
        .collect()
}

fn policy(dice: &mut Dice, twin: Twin) -> Policy {
    let orders = [Order::Fcfs, Order::Sjf, Order::Ljf, Order::Smallest, Order::Largest, Order::SmallestArea];
    let order = if dice.chance(40) { Order::Fcfs } else { dice.pick(&orders) };
    let policy = Policy {
        order,
        passing: dice.pick(&[Passing::WhoeverFits, Passing::WhoeverFits, Passing::Nobody]),
        choice: choice(dice, twin),
        sharing: sharing(dice),
        ..Policy::default()
    };
    let gangs = [
        Gang::Independent,
        Gang::Independent,
        Gang::Independent,
        Gang::AllOrNothing,
        Gang::AllOrNothing,
        Gang::Piecemeal,
    ];
    Policy { gang: dice.pick(&gangs), preemption: dice.chance(40), seed: dice.between(0, 1_000), ..policy }
}

fn choice(dice: &mut Dice, twin: Twin) -> NodeChoice {
    match dice.between(0, 6) {
        0 if twin == Twin::First => NodeChoice::FirstFit,
        0 => NodeChoice::Own(Box::new(Expression::parse("-node", &SCORE_NAMES).expect("it is well formed"))),
        1 => NodeChoice::BestFit,
        2 => NodeChoice::WorstFit,
        3 => NodeChoice::RoundRobin,
        4 => NodeChoice::Random,
        _ => {
            let mut config = Config::default();
            config.scheduler.mode = if twin == Twin::First { Mode::Indexed } else { Mode::Plain };
            NodeChoice::Scheduler(Box::new(config))
        }
    }
}

fn sharing(dice: &mut Dice) -> Sharing {
    let by = if dice.chance(70) { By::User } else { By::Namespace };
    let is_deep = dice.chance(30);
    let is_named = dice.chance(70);
    let discipline = match dice.between(0, 9) {
        0..=3 => return Sharing::default(),
        4 | 5 => Discipline::Drf { inner: dice.pick(&[Inner::Rescaled, Inner::Summed]) },
        6 => Discipline::MaxMin { resource: dice.pick(&["cpu", "memory", GPU, "absent"]).into() },
        _ => Discipline::Capacity { reclaim: dice.chance(60) },
    };
    let is_capped = matches!(discipline, Discipline::Capacity { .. });
    let mut queues = Vec::new();
    if is_deep {
        queues.push(queue(dice, "top", None, is_capped));
    }
    let names = if by == By::User { ["0", "1", "2"] } else { ["red", "blue", "green"] };
    for name in names.into_iter().filter(|_| is_named || is_capped) {
        let parent = (is_deep && dice.chance(70)).then_some(0);
        let queue = queue(dice, name, parent, is_capped);
        queues.push(queue);
    }
    let last = queues.last_mut().filter(|last| last.name != "top");
    if let Some(last) = last.filter(|_| dice.chance(50)) {
        last.members.push(if by == By::User { "3" } else { "default" }.into());
    }
    Sharing { discipline, by, queues }
}

fn queue(dice: &mut Dice, name: &str, parent: Option<usize>, is_capped: bool) -> QueueSpec {
    let percent = UNIT_WEIGHT / 100;
    let guaranteed = if is_capped { dice.pick(&[0, 10, 20, 30]) } else { 0 };
    let max = if is_capped { dice.pick(&[100, 100, 60, 30]).max(guaranteed) } else { 100 };
    QueueSpec {
        name: name.into(),
        parent,
        weight: dice.pick(&[1, 1, 2, 3]) * UNIT_WEIGHT,
        guaranteed: guaranteed * percent,
        max: max * percent,
        members: Vec::new(),
    }
}

/// Faults, and whether all of them end.
fn faults(dice: &mut Dice, nodes: usize, horizon: u64) -> (Vec<Fault>, bool) {
    let count = dice.pick(&[0, 0, 1, 2, 3]);
    let mut mends = true;
    let faults = (0..count).map(|_| {
        let chosen: Vec<usize> = (0..nodes).filter(|_| dice.chance(40)).collect();
        let groups = if dice.chance(50) {
            chosen.into_iter().map(|row| vec![row]).collect()
        } else {
            vec![if chosen.is_empty() { vec![0] } else { chosen }]
        };
        let when = if dice.chance(70) {
            let longest = dice.pick(&[0, 20, 300]);
            let duration = dice.chance(90).then(|| dice.seconds(0, longest));
            mends &= duration.is_some();
            FaultWhen::Scheduled { at: Time::from_secs(dice.between(0, horizon)), duration }
        } else {
            // Between two failures of a node there is time for the longest jobs, so that runs come to an end.
            FaultWhen::Random {
                time_to_failure: Distribution::Uniform { min: 1_000.0, max: 2.0 * horizon as f64 + 2_000.0 },
                time_to_repair: Distribution::Uniform { min: 0.0, max: 120.0 },
            }
        };
        Fault { groups, scope: FaultScope::Node, kind: FaultKind::Crash, when }
    });
    let faults = faults.collect();
    (faults, mends)
}

fn node(row: usize, machine: &Machine) -> NodeSetup {
    let name = format!("n{row}");
    let mut meta = ObjectMeta { name: name.clone(), ..ObjectMeta::default() };
    meta.labels.insert("kubernetes.io/hostname".to_owned(), name);
    if let Some(zone) = machine.zone {
        meta.labels.insert(ZONE_LABEL.to_owned(), zone.to_owned());
    }
    let mut node = Node { meta, ..Node::default() };
    let cpu = ("cpu", Quantity::from_milli(machine.amounts[0]));
    let memory = ("memory", Quantity::from_units(machine.amounts[1]));
    let gpu = (GPU, Quantity::from_units(machine.amounts[2]));
    for (resource, amount) in [cpu, memory, gpu, ("pods", Quantity::from_units(machine.slots))] {
        node.allocatable.insert(resource.into(), amount);
    }
    node.capacity = node.allocatable.clone();
    if machine.is_tainted {
        let effect = TaintEffect::NoSchedule;
        node.taints.push(Taint { key: TAINT_KEY.into(), value: "a".into(), effect });
    }
    NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
}

fn template(ask: &Ask) -> Arc<PodTemplate> {
    let mut container = Container { name: "main".into(), ..Container::default() };
    let requests = &mut container.resources.requests;
    requests.insert("cpu".into(), Quantity::from_milli(ask.amounts[0]));
    requests.insert("memory".into(), Quantity::from_units(ask.amounts[1]));
    if ask.amounts[2] > 0 {
        requests.insert(GPU.into(), Quantity::from_units(ask.amounts[2]));
    }
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    if let Some(zone) = ask.zone {
        template.spec.node_selector.push((ZONE_LABEL.into(), zone.into()));
    }
    if ask.tolerates {
        template.spec.tolerations.push(Toleration {
            key: TAINT_KEY.into(),
            operator: TolerationOperator::Exists,
            value: String::new(),
            effect: None,
            seconds: None,
        });
    }
    Arc::new(template)
}

/// Jobs in memory.
struct Listed(VecDeque<Submission>, Dependencies);

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.0.pop_front())
    }

    fn dependencies(&mut self) -> Dependencies {
        std::mem::take(&mut self.1)
    }
}

/// The jobs as one stream, or as two where none waits for another.
fn sources(asks: &[Ask], jobs: &[Drawn]) -> Vec<Box<dyn Source>> {
    let templates: Vec<Arc<PodTemplate>> = asks.iter().map(template).collect();
    let namespaces = NAMESPACES.map(Arc::<str>::from);
    let base: Arc<str> = "job".into();
    let mut links = Dependencies::default();
    let places: Vec<u32> = jobs.iter().map(|job| links.add(job.think)).collect();
    for (job, place) in jobs.iter().zip(&places) {
        for predecessor in &job.after {
            links.wait(*place, places[*predecessor]);
        }
    }
    let namespace =
        |name: &str| NAMESPACES.iter().position(|other| *other == name).expect("it is one of them");
    let submissions = jobs.iter().enumerate().map(|(number, job)| Submission {
        at: job.at,
        template: Arc::clone(&templates[job.ask]),
        namespace: Arc::clone(&namespaces[namespace(job.namespace)]),
        name: SubmissionName::Numbered(Arc::clone(&base), number as u32),
        tasks: job.tasks,
        priority: job.priority,
        run_time: job.run_time,
        exit_code: None,
        estimate: job.estimate,
        user: job.user,
        link: Some(places[number]),
        origin: JobOrigin::default(),
    });
    if jobs.iter().any(|job| !job.after.is_empty()) {
        return vec![Box::new(Listed(submissions.collect(), links))];
    }
    let (mut even, mut odd) = (VecDeque::new(), VecDeque::new());
    for (number, job) in submissions.enumerate() {
        let job = Submission { link: None, ..job };
        let half = if number % 2 == 0 { &mut even } else { &mut odd };
        half.push_back(job);
    }
    vec![Box::new(Listed(even, Dependencies::default())), Box::new(Listed(odd, Dependencies::default()))]
}
