//! The setup of a fleet: batch control of nodes with several resources.

use super::batch::policy as queue;
use super::nodes::Nodes;
use super::{Build, control, faults, generators, machines, nodes, pools, run, traces};
use crate::base::{Diagnostic, Expression};
use crate::control::Config;
use crate::control::fleet::{
    By, Discipline, Gang, Inner, NodeChoice, ORDER_NAMES, Order, Passing, Policy, QueueSpec, SCORE_NAMES,
    Sharing, UNIT_WEIGHT,
};
use crate::scenario::At;
use crate::scenario::schema::batch::{Backfilling, Batch, Estimates, QueueHead, SchedulingPasses};
use crate::scenario::schema::control::{
    ControlPlane, Kind, Kubelet, Metrics, NodeLifecycle, PodAutoscaler, Scheduler, Timings,
};
use crate::scenario::schema::fleet as written;
use crate::scenario::schema::scalars::Real;
use crate::scenario::schema::workload::Behavior;
use crate::sim::{FaultKind, FleetSetup};
use std::collections::BTreeSet;

/// The most queues, and the deepest.
const MAX_QUEUES: usize = 10_000;
/// Weights outside these bounds are a slip.
const WEIGHTS: std::ops::RangeInclusive<f64> = 1e-3..=1e6;
/// The filters without which tasks would be put on nodes that cannot take them.
const NEEDED: [&str; 2] = ["NodeResourcesFit", "NodeUnschedulable"];

/// Whether a batch scenario is one of nodes rather than of equal processors.
pub(super) fn is_meant(build: &Build<'_>) -> bool {
    let cluster = &build.scenario.cluster;
    cluster.processors.is_none() && (!cluster.pools.is_empty() || cluster.machines.is_some())
}

/// Notes an error if nodes are spoken of where there are none.
pub(super) fn refuse_without_nodes(build: &mut Build<'_>) {
    let batch = build.scenario.control_plane.batch.as_ref();
    if let Some(nodes) = batch.and_then(|batch| batch.nodes.as_ref()) {
        build.error(nodes.error("`nodes` needs `cluster.pools`").help("equal processors have no nodes"));
    }
}

/// The setup of a fleet; `None` if something is wrong.
pub(super) fn setup(build: &mut Build<'_>) -> Option<FleetSetup> {
    refuse_unused(build);
    let scenario = build.scenario;
    let mut nodes = Nodes::default();
    pools::add(build, &mut nodes);
    machines::add(build, &mut nodes);
    nodes::check(build, &nodes);
    let sources = traces::fleet_sources(build, &nodes).into_iter();
    let sources = sources.chain(generators::pod_sources(build, &nodes)).collect();
    let (faults, _) = faults::resolve(build, &nodes);
    for (fault, written) in faults.iter().zip(&scenario.faults) {
        if fault.kind == FaultKind::Partition {
            build.error(
                written.error("a node of a batch cluster crashes or is up").help("write `kind: crash`"),
            );
        }
    }
    let batch = scenario.control_plane.batch.as_ref().map(|batch| batch.value.clone()).unwrap_or_default();
    let policy = policy(build, &batch);
    let stop = run::stop(build);
    let kept = batch.nodes.as_ref().is_some_and(|nodes| nodes.evicted_work == written::EvictedWork::Kept);
    build.errors.is_empty().then(|| FleetSetup {
        seed: run::seed(scenario),
        pools: nodes.pools,
        nodes: nodes.list,
        policy,
        keeps_work: kept,
        kill_at_estimate: batch.kill_at_estimate,
        clairvoyant: batch.estimates == Estimates::Clairvoyant,
        sources,
        faults,
        stop,
        check_invariants: scenario.run.check_invariants,
    })
}

/// Keys of the queue that only equal processors have are errors.
fn refuse_of_processors(build: &mut Build<'_>, batch: &Batch) {
    let mut refuse = |place: Option<Diagnostic>, what: &str, help: &str| {
        let finding = place.map(|finding| Diagnostic {
            message: format!("{what} needs `cluster.processors`"),
            ..finding.help(help)
        });
        build.errors.extend(finding);
    };
    let whole = build.scenario.control_plane.batch.as_ref();
    let here = |is_given: bool| whole.filter(|_| is_given).map(|batch| batch.error(String::new()));
    let backfill = batch.backfill.as_ref().filter(|backfill| backfill.value != Backfilling::None);
    refuse(
        backfill.map(|backfill| backfill.error(String::new())),
        "backfilling by reservation",
        "on nodes `passing: whoeverFits` lets every job start that fits",
    );
    let head = here(batch.head != QueueHead::default());
    refuse(head, "`head: kept`", "on nodes `passing: nobody` keeps the others waiting");
    let passes = here(batch.passes != SchedulingPasses::default());
    refuse(passes, "`passes`", "on nodes there is one pass for each instant");
    for (is_given, what) in [
        (batch.reservation.is_some(), "`reservation`"),
        (batch.scan.is_some(), "`scan`"),
        (batch.zero_slack.is_some(), "`zeroSlack`"),
        (batch.event_order.is_some(), "`eventOrder`"),
        (batch.estimates == Estimates::AverageOfTwo, "`estimates: averageOfTwo`"),
        (batch.estimate_factor.is_some(), "`estimateFactor`"),
        (batch.dispatch_delay.is_some(), "`dispatchDelay`"),
        (batch.scheduling_interval.is_some(), "`schedulingInterval`"),
        (batch.quantum.is_some(), "`quantum`"),
    ] {
        refuse(here(is_given), what, "nodes do without it");
    }
}

fn policy(build: &mut Build<'_>, batch: &Batch) -> Policy {
    refuse_of_processors(build, batch);
    let (order, own) = queue::order_or_expression(build, batch, &ORDER_NAMES);
    check_order(build, batch, order);
    let fair_share = queue::fair_share(build, batch);
    let nodes = batch.nodes.as_ref().map(|nodes| nodes.value.clone()).unwrap_or_default();
    let choice = match own_score(build, &nodes) {
        Some(own) => own,
        None => choice(build, nodes.choice.as_ref()),
    };
    let sharing = nodes.sharing.as_ref().map(|sharing| self::sharing(build, sharing)).unwrap_or_default();
    Policy {
        order,
        own,
        ageing: batch.ageing.as_ref().map_or(0.0, |ageing| ageing.0),
        fair_share,
        passing: match nodes.passing {
            written::Passing::WhoeverFits => Passing::WhoeverFits,
            written::Passing::Nobody => Passing::Nobody,
        },
        choice,
        sharing,
        gang: match nodes.gang {
            written::Gang::None => Gang::Independent,
            written::Gang::AllOrNothing => Gang::AllOrNothing,
            written::Gang::Piecemeal => Gang::Piecemeal,
        },
        preemption: nodes.preemption,
        seed: run::seed(build.scenario),
    }
}

/// Orders that only equal processors have, and rules of others than the one that is written, are errors.
fn check_order(build: &mut Build<'_>, batch: &Batch, order: Order) {
    build.errors.append(&mut queue::unused_rules(batch, order));
    let Some(written) = batch.order.as_ref().filter(|_| !order.is_for_nodes()) else { return };
    let help = if order.is_preemptive() {
        "on nodes running tasks give way to higher priorities only: `nodes: {preemption: true}`"
    } else {
        "on nodes nothing is foreseen of when a job will fit"
    };
    build.error(written.error("this `order` needs `cluster.processors`").help(help));
}

/// The user's own score of nodes, if there is one.
fn own_score(build: &mut Build<'_>, nodes: &written::OnNodes) -> Option<NodeChoice> {
    let score = nodes.score.as_ref()?;
    if let Some(choice) = &nodes.choice {
        build.error(
            choice.error("`choice` and `score` both say which node is taken").help("leave one of them out"),
        );
    }
    match Expression::parse(&score.0, &SCORE_NAMES) {
        Ok(own) => Some(NodeChoice::Own(Box::new(own))),
        Err(error) => {
            build.error(error.diagnostic(score.location.clone(), &score.0));
            None
        }
    }
}

fn choice(build: &mut Build<'_>, choice: Option<&At<written::Choice>>) -> NodeChoice {
    let plane = &build.scenario.control_plane;
    let chosen = choice.map_or(written::Choice::FirstFit, |choice| choice.value);
    if chosen != written::Choice::Scheduler {
        if plane.scheduler != Scheduler::default()
            && let Some(kind) = &plane.kind
        {
            let finding = kind.error("`controlPlane.scheduler` needs `batch: {nodes: {choice: scheduler}}`");
            build.error(finding);
        }
        if let Some(version) = &plane.version {
            build.error(version.error("`version` needs `batch: {nodes: {choice: scheduler}}`"));
        }
        return match chosen {
            written::Choice::FirstFit | written::Choice::Scheduler => NodeChoice::FirstFit,
            written::Choice::BestFit => NodeChoice::BestFit,
            written::Choice::WorstFit => NodeChoice::WorstFit,
            written::Choice::RoundRobin => NodeChoice::RoundRobin,
            written::Choice::Random => NodeChoice::Random,
        };
    }
    let config = Config { seed: run::seed(build.scenario), ..control::of_scheduler(build) };
    let profile = &config.scheduler.profiles[0];
    for filter in NEEDED.into_iter().filter(|filter| !profile.plugins.filter.contains(filter)) {
        let place = choice.expect("the scheduler was asked for");
        build.error(
            place.error(format!("the profile has no filter `{filter}`: nodes would be over-committed")),
        );
    }
    NodeChoice::Scheduler(Box::new(config))
}

fn sharing(build: &mut Build<'_>, written: &At<written::Sharing>) -> Sharing {
    let kind = written.kind;
    let needs = |what: &str, kind: &str| format!("`{what}` needs `kind: {kind}`");
    if let Some(resource) = written.resource.as_ref().filter(|_| kind != written::SharingKind::MaxMin) {
        build.error(resource.error(needs("resource", "maxMin")));
    }
    if let Some(inner) = written.inner.as_ref().filter(|_| kind != written::SharingKind::Drf) {
        build.error(inner.error(needs("inner", "drf")));
    }
    if let Some(reclaim) = written.reclaim.as_ref().filter(|_| kind != written::SharingKind::Capacity) {
        build.error(reclaim.error(needs("reclaim", "capacity")));
    }
    let discipline = match kind {
        written::SharingKind::Drf => Discipline::Drf {
            inner: match written.inner.as_ref().map(|inner| inner.value) {
                None | Some(written::Inner::Rescaled) => Inner::Rescaled,
                Some(written::Inner::Summed) => Inner::Summed,
            },
        },
        written::SharingKind::MaxMin => Discipline::MaxMin { resource: resource(build, written) },
        written::SharingKind::Capacity => {
            Discipline::Capacity { reclaim: written.reclaim.as_ref().is_some_and(|reclaim| reclaim.value) }
        }
    };
    let by = match written.by {
        written::By::User => By::User,
        written::By::Namespace => By::Namespace,
    };
    let mut queues = Queues { kind, seen: BTreeSet::new(), list: Vec::new() };
    for queue in &written.queues {
        queues.add(build, queue, None);
    }
    check_guarantees(build, kind, &written.queues, 1.0, "all nodes are");
    for (name, weight) in &written.weights {
        let is_known = queues.seen.contains(name);
        if is_known || kind == written::SharingKind::Capacity {
            let why =
                if is_known { "it is in a queue, which has a weight" } else { "a capacity queue has none" };
            build.error(weight.error(format!("a weight for `{name}`: {why}")));
        }
        let weight = self::weight(build, Some(weight));
        queues.list.push(QueueSpec {
            name: name.clone(),
            parent: None,
            weight,
            guaranteed: 0,
            max: UNIT_WEIGHT,
            members: Vec::new(),
        });
    }
    Sharing { discipline, by, queues: queues.list }
}

/// The resource of max-min sharing; some pool must have it.
fn resource(build: &mut Build<'_>, sharing: &At<written::Sharing>) -> String {
    let name = sharing.resource.as_ref().map_or("cpu", |name| name.as_str());
    let known = build.scenario.cluster.pools.iter().any(|pool| pool.capacity.contains_key(name));
    let is_table = build.scenario.cluster.machines.is_some();
    if let Some(place) = sharing.resource.as_ref().filter(|_| !known && !is_table) {
        build.error(place.error("no pool has this resource"));
    }
    name.to_owned()
}

fn weight(build: &mut Build<'_>, written: Option<&At<Real>>) -> u64 {
    let Some(weight) = written else { return UNIT_WEIGHT };
    if !WEIGHTS.contains(&weight.value.0) {
        build.error(weight.error("a weight is from 0.001 to 1000000"));
        return UNIT_WEIGHT;
    }
    millionths(weight.value.0)
}

fn millionths(share: f64) -> u64 {
    (share * UNIT_WEIGHT as f64).round() as u64
}

/// The queues as they are listed, parents first.
struct Queues {
    kind: written::SharingKind,
    /// Names of queues and members.
    seen: BTreeSet<String>,
    list: Vec<QueueSpec>,
}

impl Queues {
    fn add(&mut self, build: &mut Build<'_>, queue: &At<written::Queue>, parent: Option<usize>) {
        if self.list.len() >= MAX_QUEUES {
            build.error(queue.error(format!("there are at most {MAX_QUEUES} queues")));
            return;
        }
        self.check_names(build, queue);
        let is_capacity = self.kind == written::SharingKind::Capacity;
        if let Some(weight) = queue.weight.as_ref().filter(|_| is_capacity) {
            build.error(weight.error("a capacity queue has no weight").help("write `guaranteed`"));
        }
        let shares = [("guaranteed", &queue.guaranteed), ("max", &queue.max)];
        for (name, share) in shares {
            if let Some(share) = share.as_ref().filter(|_| !is_capacity) {
                build.error(share.error(format!("`{name}` needs `kind: capacity`")));
            }
        }
        if let Some(borrowing) = queue.borrowing.as_ref().filter(|_| !is_capacity) {
            build.error(borrowing.error("`borrowing` needs `kind: capacity`"));
        }
        let guaranteed = queue.guaranteed.as_ref().map_or(0.0, |share| share.value.0);
        let borrows = queue.borrowing.as_ref().is_none_or(|borrowing| borrowing.value);
        let max = match &queue.max {
            None if borrows => 1.0,
            None => guaranteed,
            Some(max) => max.value.0,
        };
        if let Some(place) = queue.max.as_ref().filter(|max| max.value.0 < guaranteed) {
            build.error(place.error("`max` is less than what is guaranteed"));
        }
        if let Some(place) = queue.max.as_ref().filter(|max| !borrows && max.value.0 > guaranteed) {
            build.error(place.error("a queue that does not borrow never has more than is guaranteed"));
        }
        let place = self.list.len();
        self.list.push(QueueSpec {
            name: queue.name.value.clone(),
            parent,
            weight: weight(build, queue.weight.as_ref()),
            guaranteed: millionths(guaranteed),
            max: millionths(max),
            members: queue.members.iter().map(|member| member.value.clone()).collect(),
        });
        for child in &queue.queues {
            self.add(build, child, Some(place));
        }
        let whole = format!("`{}` is", queue.name.value);
        check_guarantees(build, self.kind, &queue.queues, guaranteed, &whole);
    }

    fn check_names(&mut self, build: &mut Build<'_>, queue: &written::Queue) {
        if let Some(member) = queue.members.first().filter(|_| !queue.queues.is_empty()) {
            build.error(member.error("a queue has either members or queues below it"));
        }
        for name in queue.members.iter().chain([&queue.name]) {
            if name.is_empty() {
                build.error(name.error("the name is empty"));
            }
            if !self.seen.insert(name.value.clone()) {
                build.error(name.error("a queue or member of this name exists already"));
            }
        }
    }
}

/// What is guaranteed to queues is part of what is guaranteed to the one above them.
fn check_guarantees(
    build: &mut Build<'_>,
    kind: written::SharingKind,
    queues: &[At<written::Queue>],
    most: f64,
    whole: &str,
) {
    const ROUNDING: f64 = 1e-9;
    let of = |queue: &At<written::Queue>| queue.guaranteed.as_ref().map_or(0.0, |share| share.value.0);
    let sum: f64 = queues.iter().map(of).sum();
    if sum > most + ROUNDING && kind == written::SharingKind::Capacity {
        let place = queues.iter().rev().find_map(|queue| queue.guaranteed.as_ref());
        let message = format!("queues are guaranteed more than {whole}");
        build.errors.extend(place.map(|place| place.error(message)));
    }
}

/// Parts of a scenario that mean nothing here are errors, not silence.
fn refuse_unused(build: &mut Build<'_>) {
    fn refuse<T>(what: &str, value: &At<T>) -> Diagnostic {
        value.error(format!("`{what}` needs `controlPlane.kind: kubernetes`"))
    }
    let scenario = build.scenario;
    let workload = &scenario.workload;
    let mut findings: Vec<Diagnostic> = Vec::new();
    findings.extend(scenario.cluster.manifests.first().map(|file| refuse("cluster.manifests", file)));
    findings.extend(workload.manifests.first().map(|file| refuse("workload.manifests", file)));
    findings.extend(workload.loads.first().map(|load| refuse("workload.loads", load)));
    findings.extend(workload.metrics.first().map(|metric| refuse("workload.metrics", metric)));
    findings.extend(scenario.actions.first().map(|action| refuse("actions", action)));
    for fault in scenario.faults.iter().filter(|fault| super::control_faults::is_of_control_plane(fault)) {
        findings.push(fault.error("a fault of the control plane needs `controlPlane.kind: kubernetes`"));
    }
    findings.extend(
        scenario
            .control_plane
            .swarm
            .as_ref()
            .map(|swarm| swarm.error("`swarm` needs `controlPlane.kind: swarm`")),
    );
    if let Some(kind) = &scenario.control_plane.kind {
        findings.extend(
            unused(&scenario.control_plane, workload.behavior != Behavior::default())
                .map(|what| refuse(what, kind)),
        );
        findings.extend(scenario.run.start.is_some().then(|| refuse("run.start", kind)));
    }
    build.errors.append(&mut findings);
}

fn unused(control: &ControlPlane, behavior: bool) -> impl Iterator<Item = &'static str> + use<> {
    debug_assert!(control.kind.as_ref().is_some_and(|kind| kind.value == Kind::Batch));
    [
        (control.timings != Timings::default(), "controlPlane.timings"),
        (control.node_lifecycle != NodeLifecycle::default(), "controlPlane.nodeLifecycle"),
        (control.kubelet != Kubelet::default(), "controlPlane.kubelet"),
        (control.pod_autoscaler != PodAutoscaler::default(), "controlPlane.podAutoscaler"),
        (control.metrics != Metrics::default(), "controlPlane.metrics"),
        (behavior, "workload.behavior"),
    ]
    .into_iter()
    .filter_map(|(given, what)| given.then_some(what))
}
