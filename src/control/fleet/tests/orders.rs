//! Orders of jobs on nodes: by hand, against equal processors, and against a plain twin that sorts all
//! waiting jobs by their scores at every pass.

use super::*;
use crate::base::Expression;
use crate::cluster::Machine;
use crate::cluster::machine::QueuedJob;
use crate::control::batch::usage::{self, Usage};
use crate::control::batch::{self, BatchCommand, BatchControl, BatchEvent};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn own(text: &str) -> Policy {
    let own = Some(Arc::new(Expression::parse(text, &ORDER_NAMES).unwrap()));
    Policy { order: Order::Own, own, ..Policy::default() }
}

fn named(order: Order) -> Policy {
    Policy { order, ..Policy::default() }
}

fn estimated(seconds: u64) -> Job {
    Job { estimate: Some(Span::from_secs(seconds)), tasks: 1, ..Job::default() }
}

/// One core is always free for one job more: says in which order jobs of (submission, tasks, estimate,
/// priority, deadline) start at 400 s, each when the one before has ended.
fn ranked(policy: Policy) -> [u32; 3] {
    let mut bench = Bench::new(policy, &[&[("cpu", 64)]]);
    let (whole, task) = (bench.class(&[("cpu", 64)]), bench.class(&[("cpu", 1)]));
    // A job of user 9 keeps the node until 400 s.
    let first = bench.add(Job { class: whole, user: 9, ..estimated(400) });
    bench.pass();
    for (row, (at, tasks, estimate, priority, deadline)) in
        [(100, 8, 1000, 0, Some(2_000)), (200, 1, 10, 5, None), (300, 16, 50, 3, Some(900))]
            .into_iter()
            .enumerate()
    {
        bench.now = Time::from_secs(at);
        let deadline = deadline.map(Time::from_secs);
        bench.add(Job { class: task, tasks, priority, deadline, user: row as i32, ..estimated(estimate) });
        bench.pass();
    }
    bench.now = Time::from_secs(400);
    bench.out.clear();
    bench.end(first);
    let mut order: Vec<u32> = Vec::new();
    for command in &bench.out {
        if let FleetCommand::Start(_, task) = command
            && !order.contains(&(task.job.0 - 1))
        {
            order.push(task.job.0 - 1);
        }
    }
    order.try_into().unwrap()
}

#[test]
fn each_order_has_its_own_first() {
    // Priorities 0, 5 and 3 go first whatever the order, so they are left out by an expression.
    for (text, expected) in [
        ("priority * 0", [0, 1, 2]),
        ("priority * 0 + estimate", [1, 2, 0]),
        ("priority * 0 + procs", [1, 0, 2]),
        ("priority * 0 - tasks", [2, 0, 1]),
        // At 400 s the waits are 300, 200 and 100 s: -(0.3)^3 * 8 = -0.216, -(20)^3, -(2)^3 * 16 = -128.
        ("priority * 0 - (wait/estimate)^3 * procs", [1, 2, 0]),
        ("priority * 0 + deadline", [2, 0, 1]),
        ("-priority", [1, 2, 0]),
        ("priority * 0 + submit * cpu", [0, 1, 2]),
        ("priority * 0 + if(procs == 8, 0/0, now - queued)", [1, 2, 0]),
        ("priority * 0 + if(procs > free - 60, 0, 1)", [0, 2, 1]),
    ] {
        assert_eq!(ranked(own(text)), expected, "{text}");
    }
    // An expression without it leaves the priority first, as a name does.
    assert_eq!(ranked(own("-estimate")), [1, 2, 0]);
    assert_eq!(ranked(named(Order::Ljf)), [1, 2, 0]);
    assert_eq!(ranked(named(Order::Priority)), [1, 2, 0]);
    // 3 points in 200 s of waiting.
    assert_eq!(ranked(Policy { ageing: 54.1, ..named(Order::Priority) }), [1, 0, 2]);
    assert_eq!(ranked(Policy { ageing: 200.0, ..named(Order::Priority) }), [0, 1, 2]);
}

#[test]
fn only_what_moves_is_computed_anew() {
    let moves = |policy: &Policy| super::super::scoring::Scoring::new(policy).moves();
    let moving = [Order::ExpansionFactor, Order::Wfp3, Order::Unicep, Order::FairShare];
    for order in Order::ALL {
        assert_eq!(moves(&named(order)), moving.contains(&order), "{order:?}");
    }
    for (text, expected) in [
        ("estimate * procs - tasks + cpu * memory + deadline - priority", false),
        ("queued", true),
        ("-wait", true),
    ] {
        assert_eq!(moves(&own(text)), expected, "{text}");
    }
}

/// 10 cores, 100 units of memory and 4 GPUs in all.
#[test]
fn the_size_of_a_job_is_in_cores_of_the_whole() {
    let nodes: [&[(&str, i64)]; 2] =
        [&[("cpu", 8), ("memory", 60), ("x.com/gpu", 4)], &[("cpu", 2), ("memory", 40)]];
    let order = |asks: &[(u32, &[(&str, i64)])]| {
        let mut bench = Bench::new(named(Order::Smallest), &nodes);
        // Nothing may start before all are there.
        bench.control.handle(Time::ZERO, FleetEvent::NodeDown(NodeId(0)), &mut bench.fleet, &mut bench.out);
        bench.control.handle(Time::ZERO, FleetEvent::NodeDown(NodeId(1)), &mut bench.fleet, &mut bench.out);
        for (tasks, amounts) in asks {
            bench.of_user(1, *tasks, amounts);
        }
        bench.control.waiting().into_iter().map(|job| job.0).collect::<Vec<_>>()
    };
    // 3 cores; a quarter of the memory is 2.5; half of the GPUs 5; twice a tenth of the memory 2.
    let asks: [(u32, &[(&str, i64)]); 4] = [
        (3, &[("cpu", 1), ("memory", 10)]),
        (1, &[("cpu", 2), ("memory", 25)]),
        (1, &[("cpu", 1), ("x.com/gpu", 2)]),
        (2, &[("memory", 10)]),
    ];
    assert_eq!(order(&asks), [3, 1, 0, 2]);
    // As many cores in whichever pieces are equal.
    assert_eq!(order(&[(3, &[("cpu", 2)]), (6, &[("cpu", 1)]), (2, &[("cpu", 3)])]), [0, 1, 2]);
}

/// Who has had the core for 100 s waits for who has not, until a half-life of 10 s has made it less than
/// what the other has had since.
#[test]
fn a_fair_share_decays() {
    let run = |half_life, shares: &[(i32, f64)]| {
        let fair_share =
            FairShare { half_life: Span::from_secs(half_life), shares: shares.iter().copied().collect() };
        let mut bench = Bench::new(Policy { fair_share, ..named(Order::FairShare) }, &[&[("cpu", 1)]]);
        let job = bench.of_user(1, 1, &[("cpu", 1)]);
        bench.pass();
        let others = [1, 2, 1].map(|user| bench.of_user(user, 1, &[("cpu", 1)]));
        bench.now = Time::from_secs(100);
        bench.end(job);
        let second = others[1];
        assert_eq!(bench.running(second), 1, "user 2 has had nothing");
        bench.now = Time::from_secs(150);
        let late = bench.of_user(2, 1, &[("cpu", 1)]);
        bench.end(second);
        bench.running(late) == 1
    };
    assert!(run(0, &[]), "100 s are more than 50 s");
    assert!(!run(10, &[]), "100 s, decayed for 50 s, are less than 50 s just now");
    assert!(!run(0, &[(1, 3.0)]), "100 s through 3 are less than 50 s");
}

/// A job for the machine and for the nodes.
#[derive(Clone, Debug)]
struct Given {
    at: u64,
    size: u32,
    run: u64,
    estimate: u64,
    user: i32,
    priority: i32,
    deadline: Option<u64>,
}

fn given() -> impl Strategy<Value = Given> {
    (0u64..60, 1u32..7, 1u64..40, 1u64..50, 0i32..3, 0i32..3, prop::option::of(0u64..200)).prop_map(
        |(at, size, run, estimate, user, priority, deadline)| Given {
            at,
            size,
            run,
            estimate,
            user,
            priority,
            deadline,
        },
    )
}

/// When each job starts if `step` is told which have ended and which have come at each instant, and says
/// which start.
fn starts(jobs: &[Given], mut step: impl FnMut(u64, &[usize], &[usize]) -> Vec<usize>) -> Vec<u64> {
    let mut starts = vec![u64::MAX; jobs.len()];
    let mut ends: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut instants: BTreeSet<u64> = jobs.iter().map(|job| job.at).collect();
    while let Some(now) = instants.pop_first() {
        let ended = ends.remove(&now).unwrap_or_default();
        let came: Vec<usize> = (0..jobs.len()).filter(|&job| jobs[job].at == now).collect();
        for job in step(now, &ended, &came) {
            starts[job] = now;
            let end = now + jobs[job].run;
            ends.entry(end).or_default().push(job);
            instants.insert(end);
        }
    }
    starts
}

fn starts_on_processors(policy: batch::Policy, processors: u32, jobs: &[Given]) -> Vec<u64> {
    let (mut machine, mut control) = (Machine::new(processors), BatchControl::new(policy));
    starts(jobs, |now, ended, came| {
        let (now, mut out) = (Time::from_secs(now), Vec::new());
        for &job in ended {
            control.handle(now, BatchEvent::Ended(JobId(job as u32)), &mut machine, &mut out);
        }
        for &row in came {
            let job = &jobs[row];
            let queued = QueuedJob {
                processors: job.size,
                submitted: now,
                estimate: Some(Span::from_secs(job.estimate)),
                user: job.user,
                priority: job.priority,
                deadline: job.deadline.map(Time::from_secs),
            };
            machine.add(JobId(row as u32), &queued);
            control.handle(now, BatchEvent::Submitted(JobId(row as u32)), &mut machine, &mut out);
        }
        control.handle_timeout(now, &mut machine, &mut out);
        let started = out.into_iter().filter_map(|command| match command {
            BatchCommand::Start(job) => Some(job.index()),
            BatchCommand::Stop(_) => None,
        });
        started.collect()
    })
}

/// The same on nodes of one core each, each job a gang of tasks of one core, of which none may be passed.
fn starts_on_nodes(policy: Policy, cores: u32, jobs: &[Given]) -> Vec<u64> {
    let nodes: Vec<&[(&str, i64)]> = vec![&[("cpu", 1)]; cores as usize];
    let policy = Policy { passing: Passing::Nobody, gang: Gang::AllOrNothing, ..policy };
    let ranks = policy.order == Order::Priority;
    let mut bench = Bench::new(policy, &nodes);
    let class = bench.class(&[("cpu", 1)]);
    let mut ids: BTreeMap<JobId, usize> = BTreeMap::new();
    starts(jobs, |now, ended, came| {
        bench.now = Time::from_secs(now);
        bench.out.clear();
        for (&id, _) in ids.iter().filter(|(_, job)| ended.contains(job)) {
            let tasks = (0..cores).flat_map(|row| bench.fleet.tasks_on(NodeId(row)));
            let of_job: Vec<TaskId> =
                tasks.filter(|task| bench.fleet.tasks[task.index()].job == id).collect();
            for task in of_job {
                bench.control.handle(bench.now, FleetEvent::Ended(task), &mut bench.fleet, &mut bench.out);
            }
        }
        for &row in came {
            let job = &jobs[row];
            let id = bench.add(Job {
                class,
                tasks: job.size,
                user: job.user,
                priority: if ranks { job.priority } else { 0 },
                deadline: job.deadline.map(Time::from_secs),
                ..estimated(job.estimate)
            });
            ids.insert(id, row);
        }
        bench.pass();
        let started = bench.out.iter().filter_map(|command| match command {
            FleetCommand::Start(_, task) => Some(ids[&task.job]),
            FleetCommand::Evict(..) => None,
        });
        started.collect::<BTreeSet<_>>().into_iter().collect()
    })
}

const EXPRESSIONS: [&str; 6] = [
    "estimate % 7 * procs - deadline",
    "-(wait/estimate)^3 * procs",
    "if(queued > 3, estimate, -estimate) - wait",
    "if(procs <= free, submit, now + procs)",
    "used - wait * 2",
    "if(wait > 20, 0/0, log2(procs) * estimate)",
];

/// What jobs are told apart by, in the plain twin.
struct Twin {
    policy: Policy,
    usage: Usage,
}

impl Twin {
    fn size(fleet: &Fleet, job: JobId) -> f64 {
        let cores: i64 = fleet.cluster.nodes.allocatable[0].iter().sum();
        let sizes = fleet.class_of(job).counted.iter().map(|&(resource, amount)| {
            let all: i64 = fleet.cluster.nodes.allocatable[resource.index()].iter().sum();
            if resource.index() == 0 {
                amount as f64 / 1e3
            } else {
                amount as f64 / all as f64 * cores as f64 / 1e3
            }
        });
        sizes.fold(0.0, f64::max)
    }

    fn hold(&mut self, now: Time, fleet: &Fleet, job: JobId, is_start: bool) {
        let size = (Self::size(fleet, job) * usage::WHOLE as f64).round() as u64;
        let (more, fewer) = if is_start { (size, 0) } else { (0, size) };
        self.usage.hold(now, fleet.jobs[job.index()].user, more, fewer);
    }

    fn score(&self, now: Time, fleet: &Fleet, job: JobId) -> f64 {
        let row = fleet.jobs[job.index()];
        let wait = now.since(row.submitted).as_secs_f64();
        let submit = row.submitted.as_secs_f64();
        let estimate = row.estimate.unwrap().as_secs_f64();
        let procs = Self::size(fleet, job) * f64::from(row.tasks);
        let deadline = row.deadline.map_or(f64::INFINITY, Time::as_secs_f64);
        let used = self.usage.used(now, row.user);
        match self.policy.order {
            Order::Sjf => estimate,
            Order::SmallestArea => estimate * procs,
            Order::ExpansionFactor => -(wait + estimate) / estimate,
            Order::Wfp3 => -(wait / estimate * (wait / estimate) * (wait / estimate)) * procs,
            Order::Priority => self.policy.ageing * submit / 3600.0 - f64::from(row.priority),
            Order::EarliestDeadline => deadline,
            Order::FairShare => used,
            Order::Own => {
                let nodes = &fleet.cluster.nodes;
                let up = fleet.up.iter().map(|row| nodes.allocatable[0][row] - nodes.requested[0][row]);
                let free = up.sum::<i64>() as f64 / 1e3;
                let queued = fleet.jobs.iter().filter(|job| job.waiting > 0).count() as f64;
                let rest =
                    [f64::from(row.priority), deadline, used, free, queued, f64::from(row.tasks), 0.0, 0.0];
                let mut values = vec![wait, estimate, procs, submit, now.as_secs_f64()];
                values.extend(rest);
                self.policy.own.as_ref().unwrap().evaluate(&values)
            }
            _ => 0.0,
        }
    }

    /// The jobs that wait, the first in order first.
    fn sorted(&self, now: Time, fleet: &Fleet) -> Vec<JobId> {
        let waiting = (0..fleet.jobs.len()).filter(|&row| fleet.jobs[row].waiting > 0);
        let mut scored: Vec<(i32, f64, JobId)> = waiting
            .map(|row| {
                let rank = if self.policy.order == Order::Priority { 0 } else { -fleet.jobs[row].priority };
                (rank, self.score(now, fleet, JobId(row as u32)), JobId(row as u32))
            })
            .collect();
        // Jobs are numbered as they came.
        scored.sort_by(|a, b| {
            let scores =
                a.1.is_nan()
                    .cmp(&b.1.is_nan())
                    .then(a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal));
            a.0.cmp(&b.0).then(scores).then(a.2.cmp(&b.2))
        });
        scored.into_iter().map(|(_, _, job)| job).collect()
    }

    /// The share of an account by which turns are taken.
    fn share(fleet: &Fleet, control: &FleetControl, account: usize) -> u128 {
        let mut used = vec![0i128; fleet.capacity.len()];
        for row in (0..fleet.jobs.len()).filter(|&row| fleet.jobs[row].running > 0) {
            let job = JobId(row as u32);
            if control.account_of(job) == account {
                for &(resource, amount) in &fleet.class_of(job).counted {
                    used[resource.index()] += i128::from(amount) * i128::from(fleet.jobs[row].running);
                }
            }
        }
        let share = |(&used, &all): (&i128, &i128)| match (used, all) {
            (0, _) => 0,
            (_, ..=0) => WHOLE,
            _ => used as u128 * WHOLE / all as u128,
        };
        used.iter().zip(&fleet.capacity).map(share).max().unwrap_or(0)
    }

    /// What starts in a pass: the first in order of the account with the least, until nobody can.
    fn pass(&self, now: Time, mut fleet: Fleet, control: &FleetControl) -> Vec<(JobId, NodeId)> {
        let is_whole = self.policy.gang == Gang::AllOrNothing;
        let order = self.sorted(now, &fleet);
        let (mut started, mut closed, mut held) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        loop {
            // Who asks for the same, and for as many at once, waits behind who did not fit.
            let lane = |job: JobId| {
                let row = fleet.jobs[job.index()];
                (control.account_of(job), row.class, if is_whole { row.tasks } else { 1 })
            };
            let can = |job: &&JobId| {
                let lane = lane(**job);
                fleet.jobs[job.index()].waiting > 0 && !held.contains(&lane.0) && !closed.contains(&lane)
            };
            let accounts: BTreeSet<usize> =
                order.iter().filter(can).map(|job| control.account_of(*job)).collect();
            let next =
                accounts.into_iter().min_by_key(|&account| (Self::share(&fleet, control, account), account));
            let Some(account) = next else { return started };
            let &job = order.iter().filter(can).find(|job| control.account_of(**job) == account).unwrap();
            let (Job { class, waiting, .. }, of) = (fleet.jobs[job.index()], lane(job));
            let is_shared = self.policy.sharing.discipline != Discipline::None;
            let most = if is_whole || !is_shared { waiting } else { 1 };
            let (mut tried, mut nodes) = (fleet.clone(), Vec::new());
            while (nodes.len() as u32) < most
                && let Some(node) = plain(&NodeChoice::FirstFit, &tried, class, 0)
            {
                let node = NodeId(node as u32);
                tried.start(now, job, node);
                nodes.push((job, node));
            }
            if !nodes.is_empty() && (!is_whole || nodes.len() as u32 == waiting) {
                fleet = tried;
                started.extend(nodes);
            } else if self.policy.passing == Passing::Nobody {
                held.insert(account);
            } else {
                closed.insert(of);
            }
        }
    }
}

/// Something that happens at an instant.
#[derive(Clone, Debug)]
enum Act {
    Submit { cpu: i64, memory: i64, job: Given },
    Other(Deed),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let others =
        deed().prop_filter("submissions are of another kind", |deed| !matches!(deed, Deed::Submit { .. }));
    prop_oneof![
        5 => (1i64..4, 0i64..4, given()).prop_map(|(cpu, memory, job)| Act::Submit { cpu, memory, job }),
        6 => others.prop_map(Act::Other),
        1 => (1u64..30).prop_map(Act::Wait),
    ]
}

fn do_act(bench: &mut Bench, twin: &mut Twin, act: &Act) {
    let running: Vec<u32> = bench.fleet.jobs.iter().map(|job| job.running).collect();
    match act {
        Act::Wait(seconds) => bench.now += Span::from_secs(*seconds),
        Act::Other(deed) => do_deed(bench, deed),
        Act::Submit { cpu, memory, job } => {
            let class = bench.class(&[("cpu", *cpu), ("memory", *memory)]);
            bench.add(Job {
                class,
                tasks: job.size,
                user: job.user,
                priority: job.priority,
                deadline: job.deadline.map(Time::from_secs),
                ..estimated(job.estimate)
            });
        }
    }
    for (row, before) in running.into_iter().enumerate() {
        for _ in bench.fleet.jobs[row].running..before {
            twin.hold(bench.now, &bench.fleet, JobId(row as u32), false);
        }
    }
}

fn ordered() -> impl Strategy<Value = Policy> {
    let names = prop::sample::select(vec![
        Order::Fcfs,
        Order::Sjf,
        Order::SmallestArea,
        Order::ExpansionFactor,
        Order::Wfp3,
        Order::Priority,
        Order::EarliestDeadline,
        Order::FairShare,
    ]);
    let orders = prop_oneof![names.prop_map(named), prop::sample::select(EXPRESSIONS.to_vec()).prop_map(own)];
    let passing = prop_oneof![Just(Passing::WhoeverFits), Just(Passing::Nobody)];
    let gang = prop_oneof![Just(Gang::Independent), Just(Gang::AllOrNothing)];
    (orders, passing, gang, any::<bool>()).prop_map(|(policy, passing, gang, is_shared)| {
        let discipline = if is_shared { drf() } else { Discipline::None };
        let fair_share = FairShare { half_life: Span::from_secs(10), ..FairShare::default() };
        Policy {
            passing,
            gang,
            ageing: 120.0,
            fair_share,
            sharing: shared(discipline, Vec::new()).sharing,
            ..policy
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever the order, the jobs that start in a pass, and where, are those that come out if all that
    /// wait are sorted by their scores then and tried one after the other.
    #[test]
    fn safety_orders_equal_a_twin_that_sorts_all_at_every_pass(
        policy in ordered(),
        seed in any::<u64>(),
        acts in prop::collection::vec(prop::collection::vec(act(), 1..4), 1..40),
    ) {
        let mut bench = bench(policy.clone(), &some_nodes(seed, 4));
        let mut twin = Twin { usage: Usage::new(&policy.fair_share), policy };
        for acts in &acts {
            for act in acts {
                do_act(&mut bench, &mut twin, act);
            }
            let now = bench.now;
            let expected = match bench.control.poll_timeout() {
                Some(_) => twin.pass(now, bench.fleet.clone(), &bench.control),
                None => Vec::new(),
            };
            bench.out.clear();
            bench.pass();
            let started: Vec<(JobId, NodeId)> = bench.out.iter().map(|command| match command {
                FleetCommand::Start(_, task) => (task.job, task.node),
                FleetCommand::Evict(..) => panic!("nothing is evicted"),
            }).collect();
            for &(job, _) in &started {
                twin.hold(now, &bench.fleet, job, true);
            }
            prop_assert_eq!(started, expected);
        }
    }

    /// Jobs of tasks of one core on nodes of one core start when the same jobs start on as many equal
    /// processors, under every order that both have.
    #[test]
    fn safety_orders_on_nodes_equal_those_on_processors(
        jobs in prop::collection::vec(given(), 1..30),
        number in 0usize..24,
    ) {
        let (order, text) = match Order::ALL.get(number) {
            Some(order) => (*order, None),
            None => (Order::Own, Some(EXPRESSIONS[number - Order::ALL.len()])),
        };
        prop_assume!(order.is_for_nodes());
        let fair_share = FairShare { half_life: Span::from_secs(20), shares: [(1, 2.5)].into() };
        let of = |names: &[&str]| text.map(|text| Arc::new(Expression::parse(text, names).unwrap()));
        let processors = batch::Policy {
            order, own: of(&batch::ORDER_NAMES), ageing: 90.0, fair_share: fair_share.clone(), ..batch::Policy::default()
        };
        let nodes = Policy { order, own: of(&ORDER_NAMES), ageing: 90.0, fair_share, ..Policy::default() };
        let expected = starts_on_processors(processors, 7, &jobs);
        prop_assert!(expected.iter().all(|start| *start < u64::MAX));
        prop_assert_eq!(starts_on_nodes(nodes, 7, &jobs), expected);
    }
}
