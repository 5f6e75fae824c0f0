//! Textbook cases, and the queues against a plain twin that looks at everything every time.

mod orders;

use super::tree::plain_rests;
use super::*;
use crate::api::{Container, Node, ObjectMeta, PodTemplate};
use crate::base::ids::{ClassId, PoolId};
use crate::base::rng::{Purpose, Streams};
use crate::base::{Quantity, Span, Symbol};
use crate::cluster::fleet::Job;
use proptest::prelude::*;
use std::sync::Arc;

mod why;

/// A fleet with its control; jobs are numbered from 0.
struct Bench {
    fleet: Fleet,
    control: FleetControl,
    now: Time,
    out: Vec<FleetCommand>,
}

fn node(number: usize, amounts: &[(&str, i64)]) -> Node {
    let mut list: crate::api::ResourceList =
        amounts.iter().map(|(name, amount)| ((*name).to_owned(), Quantity::from_units(*amount))).collect();
    list.entry("pods".into()).or_insert(Quantity::from_units(110));
    Node {
        meta: ObjectMeta { name: format!("n{number}"), ..ObjectMeta::default() },
        allocatable: list.clone(),
        capacity: list,
        ..Node::default()
    }
}

fn template(amounts: &[(&str, i64)]) -> Arc<PodTemplate> {
    let mut container = Container::default();
    container.resources.requests =
        amounts.iter().map(|(name, amount)| ((*name).to_owned(), Quantity::from_units(*amount))).collect();
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    Arc::new(template)
}

impl Bench {
    fn new(policy: Policy, nodes: &[&[(&str, i64)]]) -> Bench {
        let control = FleetControl::new(policy);
        let mut fleet = Fleet::default();
        fleet.lists_members = control.needs_members();
        for (number, amounts) in nodes.iter().enumerate() {
            fleet.add_node(&node(number, amounts), PoolId(0));
        }
        Bench { fleet, control, now: Time::ZERO, out: Vec::new() }
    }

    fn class(&mut self, amounts: &[(&str, i64)]) -> ClassId {
        self.fleet.class(&template(amounts))
    }

    /// Submits a job without a pass.
    fn add(&mut self, row: Job) -> JobId {
        let id = JobId(self.fleet.jobs.len() as u32);
        let row = Job { waiting: row.tasks, submitted: self.now, ..row };
        self.fleet.enter(id, row);
        if self.control.admit(&mut self.fleet, id).is_ok() {
            self.control.handle(self.now, FleetEvent::Submitted(id), &mut self.fleet, &mut self.out);
        } else {
            self.fleet.refuse(id);
        }
        id
    }

    fn of_user(&mut self, user: i32, tasks: u32, amounts: &[(&str, i64)]) -> JobId {
        let class = self.class(amounts);
        self.add(Job { class, tasks, user, ..Job::default() })
    }

    /// A pass; then a second goes by.
    fn pass(&mut self) {
        if self.control.poll_timeout().is_some() {
            self.control.handle_timeout(self.now, &mut self.fleet, &mut self.out);
        }
        self.fleet.check().unwrap();
        self.control.check(&self.fleet).unwrap();
        self.now += Span::from_secs(1);
    }

    /// Ends the oldest running task of a job, then there is a pass.
    fn end(&mut self, job: JobId) {
        let rows = 0..self.fleet.cluster.nodes.len() as u32;
        let tasks = rows.flat_map(|row| self.fleet.tasks_on(NodeId(row)).collect::<Vec<_>>());
        let of_job = tasks.filter(|task| self.fleet.tasks[task.index()].job == job);
        let oldest = of_job.min_by_key(|task| self.fleet.tasks[task.index()].serial).expect("a task runs");
        self.control.handle(self.now, FleetEvent::Ended(oldest), &mut self.fleet, &mut self.out);
        self.pass();
    }

    fn running(&self, job: JobId) -> u32 {
        self.fleet.jobs[job.index()].running
    }

    fn node_of(&self, job: JobId) -> Option<u32> {
        let mut nodes = (0..self.fleet.cluster.nodes.len() as u32).filter(|&row| {
            self.fleet.tasks_on(NodeId(row)).any(|task| self.fleet.tasks[task.index()].job == job)
        });
        nodes.next()
    }

    fn why(&mut self, job: JobId) -> String {
        let name = |job: JobId| format!("job {}", job.0);
        self.control.why(&mut self.fleet, job).named(name).to_string()
    }
}

fn shared(discipline: Discipline, queues: Vec<QueueSpec>) -> Policy {
    Policy { sharing: Sharing { discipline, by: By::User, queues }, ..Policy::default() }
}

fn drf() -> Discipline {
    Discipline::Drf { inner: Inner::Rescaled }
}

fn queue(name: &str, parent: Option<usize>, weight: u64) -> QueueSpec {
    QueueSpec {
        name: name.into(),
        parent,
        weight: weight * UNIT_WEIGHT,
        guaranteed: 0,
        max: UNIT_WEIGHT,
        members: Vec::new(),
    }
}

fn capacity(name: &str, guaranteed: u64, max: u64) -> QueueSpec {
    let percent = UNIT_WEIGHT / 100;
    QueueSpec { guaranteed: guaranteed * percent, max: max * percent, ..queue(name, None, 1) }
}

/// Ghodsi et al. 2011, section 4.1: 9 CPUs and 18 GB; tasks of A take 1 CPU and 4 GB, those of B 3 CPUs
/// and 1 GB.
#[test]
fn the_example_of_the_drf_paper() {
    let mut bench = Bench::new(shared(drf(), Vec::new()), &[&[("cpu", 9), ("memory", 18)]]);
    let a = bench.of_user(1, 100, &[("cpu", 1), ("memory", 4)]);
    let b = bench.of_user(2, 100, &[("cpu", 3), ("memory", 1)]);
    bench.pass();
    assert_eq!((bench.running(a), bench.running(b)), (3, 2));
    for user in [1, 2] {
        assert!((bench.control.dominant_share(&bench.fleet, user) - 2.0 / 3.0).abs() < 1e-9);
    }
    assert_eq!(bench.why(a), "needs 1 cpu, the node with the most free has 0");
}

/// The same with twice the weight for A: A's share may be twice B's. 4 tasks of A have 16/18 of the
/// memory, 1 of B has 3/9 of the CPUs; a fifth of A does not fit, a second of B would fit into CPUs and not
/// into memory.
#[test]
fn weights_of_drf() {
    let mut bench = Bench::new(shared(drf(), vec![queue("1", None, 2)]), &[&[("cpu", 9), ("memory", 18)]]);
    let a = bench.of_user(1, 100, &[("cpu", 1), ("memory", 4)]);
    let b = bench.of_user(2, 100, &[("cpu", 3), ("memory", 1)]);
    bench.pass();
    // Turns: A (4/18 through 2), B (3/9), A, A, then A has 12/36 = B's 3/9 and goes first: A, then B.
    assert_eq!((bench.running(a), bench.running(b)), (4, 1));
    assert!((bench.control.dominant_share(&bench.fleet, 1) - 16.0 / 18.0).abs() < 1e-9);
}

/// Three users want 10, 4 and 2 of 12 CPUs: the small ones get all, the large one what is left (water
/// filling gives 6, 4 and 2).
#[test]
fn max_min_is_water_filling() {
    let policy = shared(Discipline::MaxMin { resource: "cpu".into() }, Vec::new());
    let mut bench = Bench::new(policy, &[&[("cpu", 12), ("memory", 1000)]]);
    let wants = [10, 4, 2];
    // Memory does not count: the second user has most of it.
    let jobs = [(1, 1), (2, 200), (3, 1)].map(|(user, memory)| {
        bench.of_user(user, wants[user as usize - 1], &[("cpu", 1), ("memory", memory)])
    });
    bench.pass();
    assert_eq!(jobs.map(|job| bench.running(job)), [6, 4, 2]);
}

/// Bhattacharya et al. 2013, section 3: n1 wants CPUs and so does n2.1, n2.2 wants GPUs, 10 of each. As
/// tasks end and others come, the sum of n2's shares is full of GPUs: n1 gets every CPU that is freed
/// and n2.1 starves. Rescaled to the least share of n2's children, n1 and n2.1 have half each.
#[test]
fn naive_hierarchical_drf_starves() {
    let run = |inner| {
        let queues =
            vec![queue("1", None, 1), queue("n2", None, 1), queue("2", Some(1), 1), queue("3", Some(1), 1)];
        let nodes: &[&[(&str, i64)]] = &[&[("cpu", 10), ("example.com/gpu", 10)]];
        let mut bench = Bench::new(shared(Discipline::Drf { inner }, queues), nodes);
        let gpus = bench.of_user(3, 10_000, &[("example.com/gpu", 1)]);
        let other = bench.of_user(2, 10_000, &[("cpu", 1)]);
        let first = bench.of_user(1, 10_000, &[("cpu", 1)]);
        bench.pass();
        for _ in 0..40 {
            bench.end(gpus);
            for job in [other, first] {
                if bench.running(job) > 0 {
                    bench.end(job);
                }
            }
        }
        [gpus, first, other].map(|job| bench.running(job))
    };
    assert_eq!(run(Inner::Rescaled), [10, 5, 5]);
    let [gpus, first, other] = run(Inner::Summed);
    assert_eq!(gpus, 10);
    assert!(first >= 9 && other <= 1, "n1 has {first}, n2.1 has {other}");
}

/// A tree with weights: a has twice b's share, and within a each child as much as the other.
#[test]
fn weights_in_a_tree() {
    let queues = vec![
        queue("a", None, 2),
        queue("b", None, 1),
        queue("1", Some(0), 1),
        queue("2", Some(0), 1),
        queue("3", Some(1), 1),
    ];
    let mut bench = Bench::new(shared(drf(), queues), &[&[("cpu", 12)]]);
    let jobs = [1, 2, 3].map(|user| bench.of_user(user, 100, &[("cpu", 1)]));
    bench.pass();
    // Seen with both children at the least share of one, a has 2 of 12 through 2 where b has 1.
    assert_eq!(jobs.map(|job| bench.running(job)), [4, 4, 4]);
    let summed = Discipline::Drf { inner: Inner::Summed };
    let queues = vec![
        queue("a", None, 2),
        queue("b", None, 1),
        queue("1", Some(0), 1),
        queue("2", Some(0), 1),
        queue("3", Some(1), 1),
    ];
    let mut bench = Bench::new(shared(summed, queues), &[&[("cpu", 12)]]);
    let jobs = [1, 2, 3].map(|user| bench.of_user(user, 100, &[("cpu", 1)]));
    bench.pass();
    assert_eq!(jobs.map(|job| bench.running(job)), [4, 4, 4]);
}

/// Guarantees of 60 and 40 %: alone a queue borrows everything up to its maximum; when the other
/// comes it gets what is freed until both have what they are guaranteed, or takes it back at once.
#[test]
fn capacity_queues_guarantee_borrow_and_reclaim() {
    for reclaim in [false, true] {
        let queues = vec![capacity("1", 60, 100), capacity("2", 40, 90)];
        let policy = shared(Discipline::Capacity { reclaim }, queues);
        let mut bench = Bench::new(policy, &[&[("cpu", 10)]]);
        let second = bench.of_user(2, 100, &[("cpu", 1)]);
        bench.pass();
        assert_eq!(bench.running(second), 9, "it borrows up to its maximum");
        assert_eq!(bench.why(second), "its queue may hold at most 90% of the nodes");
        let first = bench.of_user(1, 100, &[("cpu", 1)]);
        bench.pass();
        if reclaim {
            assert_eq!((bench.running(first), bench.running(second)), (6, 4));
            let evicted = bench
                .out
                .iter()
                .filter(|command| matches!(command, FleetCommand::Evict(_, _, Eviction::Reclaimed)));
            assert_eq!(evicted.count(), 5);
            continue;
        }
        assert_eq!((bench.running(first), bench.running(second)), (1, 9));
        for _ in 0..5 {
            bench.end(second);
        }
        assert_eq!((bench.running(first), bench.running(second)), (6, 4));
        bench.end(first);
        assert_eq!((bench.running(first), bench.running(second)), (6, 4), "who is below its share is next");
    }
}

#[test]
fn a_queue_without_borrowing_stops_at_its_guarantee() {
    let policy = shared(Discipline::Capacity { reclaim: false }, vec![capacity("1", 30, 30)]);
    let mut bench = Bench::new(policy, &[&[("cpu", 10)]]);
    let job = bench.of_user(1, 5, &[("cpu", 1)]);
    bench.pass();
    assert_eq!(bench.running(job), 3);
    bench.end(job);
    assert_eq!(bench.running(job), 3, "an end of its own makes room");
    let large = bench.of_user(1, 1, &[("cpu", 4)]);
    assert_eq!(bench.fleet.jobs[large.index()].waiting, 0, "it is refused: it could never run");
}

/// Two jobs of four tasks on five slots: started one by one in turn they hold each other's room for ever;
/// started at once or not at all, one runs after the other.
#[test]
fn gangs_deadlock_piecemeal_and_not_at_once() {
    let run = |gang| {
        let policy = Policy { gang, ..shared(drf(), Vec::new()) };
        let mut bench = Bench::new(policy, &[&[("cpu", 5)]]);
        let jobs = [1, 2].map(|user| bench.of_user(user, 4, &[("cpu", 1)]));
        bench.pass();
        (jobs.map(|job| bench.running(job)), bench, jobs)
    };
    let (running, ..) = run(Gang::Piecemeal);
    assert_eq!(running, [3, 2], "neither has all of its tasks, and no slot is left");
    let (running, mut bench, jobs) = run(Gang::AllOrNothing);
    assert_eq!(running, [4, 0]);
    assert_eq!(bench.why(jobs[1]), "needs room for 4 tasks at once, there is room for 1");
    for _ in 0..4 {
        bench.end(jobs[0]);
    }
    assert_eq!(bench.running(jobs[1]), 4);
}

#[test]
fn a_gang_that_fits_no_empty_fleet_is_refused() {
    let policy = Policy { gang: Gang::AllOrNothing, ..Policy::default() };
    let mut bench = Bench::new(policy, &[&[("cpu", 3)], &[("cpu", 3)]]);
    let class = bench.class(&[("cpu", 2)]);
    let id = JobId(0);
    bench.fleet.enter(id, Job { class, tasks: 3, waiting: 3, ..Job::default() });
    let refused = bench.control.admit(&mut bench.fleet, id);
    assert_eq!(refused, Err(Refused::TooMany(2)));
    let class = bench.class(&[("cpu", 7)]);
    bench.fleet.enter(id, Job { class, tasks: 1, waiting: 1, ..Job::default() });
    let words = bench.control.admit(&mut bench.fleet, id).unwrap_err().to_string();
    assert_eq!(words, "needs 7 cpu, the largest node has 3");
}

/// Free are 4 on n0 and 6 on n1. Best fit puts 4 on n0, so that 6 fits on n1; worst fit puts 4 on n1 and
/// 6 fits nowhere.
#[test]
fn best_fit_leaves_room_where_worst_fit_does_not() {
    for (choice, expected) in [
        (NodeChoice::FirstFit, (Some(0), Some(1))),
        (NodeChoice::BestFit, (Some(0), Some(1))),
        (NodeChoice::WorstFit, (Some(1), None)),
    ] {
        let mut bench = Bench::new(Policy { choice, ..Policy::default() }, &[&[("cpu", 4)], &[("cpu", 6)]]);
        let small = bench.of_user(1, 1, &[("cpu", 4)]);
        bench.pass();
        let large = bench.of_user(1, 1, &[("cpu", 6)]);
        bench.pass();
        assert_eq!((bench.node_of(small), bench.node_of(large)), expected);
    }
}

/// An expression that prefers the node with the least left is best fit, and the other way round.
#[test]
fn a_score_of_ones_own_chooses_the_node() {
    for (text, expected) in [
        ("-cpu_free", (Some(0), Some(1))),
        ("cpu_free / cpu_total * 0 + cpu_total", (Some(1), None)),
        ("node", (Some(1), None)),
        ("if(node == 1, 0/0, cpu)", (Some(0), Some(1))),
    ] {
        let own = crate::base::Expression::parse(text, &SCORE_NAMES).unwrap();
        let policy = Policy { choice: NodeChoice::Own(Box::new(own)), ..Policy::default() };
        let mut bench = Bench::new(policy, &[&[("cpu", 4)], &[("cpu", 6)]]);
        let small = bench.of_user(1, 1, &[("cpu", 4)]);
        bench.pass();
        let large = bench.of_user(1, 1, &[("cpu", 6)]);
        bench.pass();
        assert_eq!((bench.node_of(small), bench.node_of(large)), expected, "{text}");
    }
}

#[test]
fn round_robin_goes_on_behind_the_last() {
    let policy = Policy { choice: NodeChoice::RoundRobin, ..Policy::default() };
    let mut bench = Bench::new(policy, &[&[("cpu", 2)], &[("cpu", 2)], &[("cpu", 2)]]);
    let jobs = [1, 1, 1, 1].map(|cpu| {
        let job = bench.of_user(1, 1, &[("cpu", cpu)]);
        bench.pass();
        job
    });
    assert_eq!(jobs.map(|job| bench.node_of(job)), [Some(0), Some(1), Some(2), Some(0)]);
}

#[test]
fn random_nodes_are_equally_likely() {
    let policy = Policy { choice: NodeChoice::Random, seed: 7, ..Policy::default() };
    // Node 1 is too small.
    let mut bench = Bench::new(policy, &[&[("cpu", 4)], &[("cpu", 1)], &[("cpu", 4)]]);
    let class = bench.class(&[("cpu", 2)]);
    let mut counts = [0; 3];
    for key in 0..2_000 {
        let node = bench.control.nodes.choose(&mut bench.fleet, class, key).unwrap();
        counts[node.index()] += 1;
    }
    assert_eq!(counts[1], 0);
    assert!((900..1_100).contains(&counts[0]), "{counts:?}");
}

#[test]
fn the_schedulers_profile_spreads_by_default() {
    let config = crate::control::Config::default();
    let policy = Policy { choice: NodeChoice::Scheduler(Box::new(config)), ..Policy::default() };
    let mut bench =
        Bench::new(policy, &[&[("cpu", 4), ("memory", 1 << 30)], &[("cpu", 4), ("memory", 1 << 30)]]);
    let jobs = [1, 2].map(|_| {
        let job = bench.of_user(1, 1, &[("cpu", 1), ("memory", 1 << 20)]);
        bench.pass();
        bench.node_of(job)
    });
    assert_eq!(jobs, [Some(0), Some(1)]);
    let large = bench.of_user(1, 1, &[("cpu", 4)]);
    bench.pass();
    assert_eq!(bench.why(large), "0/2 nodes are available: 2 Insufficient cpu.");
}

#[test]
fn nobody_passes_the_first_if_so_wanted() {
    for (passing, expected) in [(Passing::Nobody, 0), (Passing::WhoeverFits, 1)] {
        let mut bench = Bench::new(Policy { passing, ..Policy::default() }, &[&[("cpu", 4)]]);
        let first = bench.of_user(1, 1, &[("cpu", 3)]);
        let large = bench.of_user(1, 1, &[("cpu", 4)]);
        let small = bench.of_user(1, 1, &[("cpu", 1)]);
        bench.pass();
        assert_eq!(bench.running(small), expected);
        if expected == 0 {
            assert_eq!(bench.why(small), "waits behind job 1, which does not fit");
        }
        assert_eq!(
            bench.why(large),
            format!("needs 4 cpu, the node with the most free has {}", 1 - expected)
        );
        // A job of higher priority is not held.
        let class = bench.class(&[("cpu", 1)]);
        let urgent = bench.add(Job { class, tasks: 1, priority: 5, ..Job::default() });
        bench.pass();
        assert_eq!(bench.running(urgent), 1 - expected);
        bench.end(first);
    }
}

/// Three tasks fill two nodes; an urgent job takes the room of the least important ones, the one that
/// was started last first, where the fewest of them go.
#[test]
fn preemption_takes_the_lowest_priority_started_last() {
    let policy = Policy { preemption: true, ..Policy::default() };
    let mut bench = Bench::new(policy, &[&[("cpu", 4)], &[("cpu", 4)]]);
    let class = bench.class(&[("cpu", 2)]);
    let jobs = [1, 1, 0, 2].map(|priority| {
        let job = bench.add(Job { class, tasks: 1, priority, ..Job::default() });
        bench.pass();
        job
    });
    let urgent = bench.add(Job { class, tasks: 1, priority: 9, ..Job::default() });
    bench.pass();
    assert_eq!(jobs.map(|job| bench.running(job)), [1, 1, 0, 1], "priority 0 goes");
    assert_eq!(bench.node_of(urgent), Some(1));
    let second = bench.add(Job { class, tasks: 1, priority: 9, ..Job::default() });
    bench.pass();
    assert_eq!(jobs.map(|job| bench.running(job)), [1, 0, 0, 1], "of equal ones the last that was started");
    assert_eq!(bench.running(second), 1);
    let equal = bench.add(Job { class, tasks: 3, priority: 1, ..Job::default() });
    bench.pass();
    assert_eq!(bench.running(equal), 0, "equal priorities are left alone");
}

#[test]
fn a_gang_is_evicted_as_a_whole_and_only_if_all_fit() {
    let policy = Policy { preemption: true, gang: Gang::AllOrNothing, ..Policy::default() };
    let mut bench = Bench::new(policy, &[&[("cpu", 2)], &[("cpu", 2)]]);
    let class = bench.class(&[("cpu", 1)]);
    let low = bench.add(Job { class, tasks: 2, priority: 0, ..Job::default() });
    let middle = bench.add(Job { class, tasks: 2, priority: 5, ..Job::default() });
    bench.pass();
    let three = bench.add(Job { class, tasks: 3, priority: 5, ..Job::default() });
    bench.pass();
    assert_eq!([low, middle, three].map(|job| bench.running(job)), [2, 2, 0], "nothing is evicted in vain");
    assert!(bench.out.iter().all(|command| matches!(command, FleetCommand::Start(..))));
    let one = bench.add(Job { class, tasks: 1, priority: 9, ..Job::default() });
    bench.pass();
    assert_eq!([low, middle, one].map(|job| bench.running(job)), [0, 2, 1]);
    let whys = bench.out.iter().filter_map(|command| match command {
        FleetCommand::Evict(_, _, why) => Some(*why),
        FleetCommand::Start(..) => None,
    });
    assert_eq!(whys.collect::<Vec<_>>(), [Eviction::Preempted, Eviction::Sibling]);
}

/// Three tasks at once do not fit, two do: they are not kept waiting by the larger gang of the same kind.
#[test]
fn a_small_gang_passes_a_large_one_that_asks_for_the_same() {
    for (passing, expected) in [(Passing::WhoeverFits, 2), (Passing::Nobody, 0)] {
        let policy = Policy { gang: Gang::AllOrNothing, passing, ..Policy::default() };
        let mut bench = Bench::new(policy, &[&[("cpu", 3)]]);
        let [one, three, two] = [1, 3, 2].map(|tasks| bench.of_user(1, tasks, &[("cpu", 1)]));
        bench.pass();
        assert_eq!([one, three, two].map(|job| bench.running(job)), [1, 0, expected]);
        bench.end(one);
        assert_eq!(bench.running(three), 3 - expected - expected / 2);
    }
}

/// What has started at the same instant is left alone; at the next one it goes, whoever brings that about.
#[test]
fn a_held_job_looks_again_for_tasks_to_evict() {
    for passing in [Passing::WhoeverFits, Passing::Nobody] {
        let policy = Policy { preemption: true, passing, ..shared(drf(), Vec::new()) };
        let mut bench = Bench::new(policy, &[&[("cpu", 1)]]);
        let class = bench.class(&[("cpu", 1)]);
        let [low, high] = [(1, 0), (2, 5)]
            .map(|(user, priority)| bench.add(Job { class, tasks: 1, user, priority, ..Job::default() }));
        bench.pass();
        assert_eq!([low, high].map(|job| bench.running(job)), [1, 0]);
        bench.of_user(3, 1, &[("cpu", 1)]);
        bench.pass();
        assert_eq!([low, high].map(|job| bench.running(job)), [0, 1], "{passing:?}");
    }
}

/// Half of the nodes is down: the queue may hold what it asks for when they are back.
#[test]
fn a_job_is_not_rejected_because_nodes_are_down() {
    let specs = vec![capacity("1", 10, 50), queue("top", None, 1), capacity("2", 10, 100)];
    let specs = specs.into_iter().enumerate().map(|(row, spec)| match row {
        1 => QueueSpec { max: UNIT_WEIGHT / 4, ..spec },
        2 => QueueSpec { parent: Some(1), ..spec },
        _ => spec,
    });
    let policy = shared(Discipline::Capacity { reclaim: false }, specs.collect());
    let mut bench = Bench::new(policy, &[&[("cpu", 4)], &[("cpu", 4)]]);
    bench.control.handle(bench.now, FleetEvent::NodeDown(NodeId(1)), &mut bench.fleet, &mut bench.out);
    let job = bench.of_user(1, 1, &[("cpu", 4)]);
    bench.pass();
    assert_eq!(bench.fleet.waiting, 1);
    bench.control.handle(bench.now, FleetEvent::NodeUp(NodeId(1)), &mut bench.fleet, &mut bench.out);
    bench.pass();
    assert_eq!(bench.running(job), 1);
    // What is above it may hold two cores.
    let class = bench.class(&[("cpu", 3)]);
    let large = JobId(bench.fleet.jobs.len() as u32);
    bench.fleet.enter(large, Job { class, tasks: 1, waiting: 1, user: 2, ..Job::default() });
    assert_eq!(bench.control.admit(&mut bench.fleet, large), Err(Refused::Queue(0.25)));
}

#[test]
fn a_node_that_goes_down_gives_its_tasks_back() {
    let mut bench = Bench::new(Policy::default(), &[&[("cpu", 2)], &[("cpu", 1)]]);
    let job = bench.of_user(1, 3, &[("cpu", 1)]);
    bench.pass();
    bench.control.handle(bench.now, FleetEvent::NodeDown(NodeId(0)), &mut bench.fleet, &mut bench.out);
    bench.pass();
    assert_eq!((bench.running(job), bench.fleet.waiting), (1, 2));
    bench.control.handle(bench.now, FleetEvent::NodeUp(NodeId(0)), &mut bench.fleet, &mut bench.out);
    bench.pass();
    assert_eq!((bench.running(job), bench.fleet.waiting), (3, 0));
}

#[test]
fn waiting_jobs_are_listed_in_order() {
    let mut bench = Bench::new(Policy { order: Order::Sjf, ..Policy::default() }, &[&[("cpu", 1)]]);
    let class = bench.class(&[("cpu", 1)]);
    let estimates = [3, 1, 2];
    for seconds in estimates {
        bench.add(Job { class, tasks: 1, estimate: Some(Span::from_secs(seconds)), ..Job::default() });
    }
    assert_eq!(bench.control.waiting(), [JobId(1), JobId(2), JobId(0)]);
    bench.pass();
    assert_eq!(bench.control.waiting(), [JobId(2), JobId(0)]);
}

/// The node that a loop over all nodes finds.
fn plain(choice: &NodeChoice, fleet: &Fleet, class: ClassId, next: usize) -> Option<usize> {
    let rows: Vec<usize> =
        (0..fleet.cluster.nodes.len()).filter(|&row| fleet.fits(class, NodeId(row as u32))).collect();
    let rests = plain_rests(fleet);
    match choice {
        NodeChoice::BestFit => rows.into_iter().min_by_key(|&row| (rests[row], row)),
        NodeChoice::WorstFit => rows.into_iter().min_by_key(|&row| (-rests[row], row)),
        NodeChoice::RoundRobin => {
            rows.iter().copied().find(|&row| row >= next).or_else(|| rows.first().copied())
        }
        _ => rows.first().copied(),
    }
}

/// Something that happens in a random run.
#[derive(Clone, Debug)]
enum Deed {
    Submit { cpu: i64, memory: i64, tasks: u32, priority: i32, user: i32 },
    End(usize),
    Down(usize),
    Up(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (1i64..5, 0i64..4, 1u32..5, 0i32..3, 1i32..4)
            .prop_map(|(cpu, memory, tasks, priority, user)| Deed::Submit { cpu, memory, tasks, priority, user }),
        5 => (0usize..1000).prop_map(Deed::End),
        1 => (0usize..1000).prop_map(Deed::Down),
        1 => (0usize..1000).prop_map(Deed::Up),
    ]
}

fn do_deed(bench: &mut Bench, deed: &Deed) {
    let nodes = bench.fleet.cluster.nodes.len();
    match *deed {
        Deed::Submit { cpu, memory, tasks, priority, user } => {
            let class = bench.class(&[("cpu", cpu), ("memory", memory)]);
            bench.add(Job { class, tasks, priority, user, ..Job::default() });
        }
        Deed::End(number) => {
            let all: Vec<TaskId> = (0..nodes as u32)
                .flat_map(|row| bench.fleet.tasks_on(NodeId(row)).collect::<Vec<_>>())
                .collect();
            if !all.is_empty() {
                let task = all[number % all.len()];
                bench.control.handle(bench.now, FleetEvent::Ended(task), &mut bench.fleet, &mut bench.out);
            }
        }
        Deed::Down(number) => {
            let node = NodeId((number % nodes) as u32);
            bench.control.handle(bench.now, FleetEvent::NodeDown(node), &mut bench.fleet, &mut bench.out);
        }
        Deed::Up(number) => {
            let node = NodeId((number % nodes) as u32);
            bench.control.handle(bench.now, FleetEvent::NodeUp(node), &mut bench.fleet, &mut bench.out);
        }
    }
}

fn some_nodes(seed: u64, count: usize) -> Vec<Vec<(&'static str, i64)>> {
    let mut draws = Streams::new(seed).stream(Purpose::Fuzz, 1);
    (0..count)
        .map(|_| vec![("cpu", 2 + draws.below(7) as i64), ("memory", 1 + draws.below(8) as i64)])
        .collect()
}

fn bench(policy: Policy, nodes: &[Vec<(&'static str, i64)>]) -> Bench {
    let nodes: Vec<&[(&str, i64)]> = nodes.iter().map(Vec::as_slice).collect();
    Bench::new(policy, &nodes)
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let choice = prop_oneof![
        Just(NodeChoice::FirstFit),
        Just(NodeChoice::BestFit),
        Just(NodeChoice::WorstFit),
        Just(NodeChoice::RoundRobin),
        Just(NodeChoice::Random),
        Just(NodeChoice::Scheduler(Box::default())),
    ];
    let discipline = prop_oneof![
        Just((Discipline::None, 0)),
        Just((drf(), 0)),
        Just((drf(), 1)),
        Just((Discipline::MaxMin { resource: "memory".into() }, 0)),
        Just((Discipline::Capacity { reclaim: true }, 2)),
        Just((Discipline::Capacity { reclaim: false }, 2)),
    ];
    let gang = prop_oneof![Just(Gang::Independent), Just(Gang::AllOrNothing)];
    let passing = prop_oneof![Just(Passing::WhoeverFits), Just(Passing::Nobody)];
    let order = prop_oneof![Just(Policy::default()), Just(orders::own("procs - tasks * wait"))];
    (choice, discipline, gang, passing, any::<bool>(), order).prop_map(
        |(choice, (discipline, tree), gang, passing, preemption, order)| {
            let queues = match tree {
                0 => Vec::new(),
                1 => vec![queue("a", None, 2), queue("1", Some(0), 1), queue("2", Some(0), 3)],
                _ => vec![capacity("1", 50, 100), capacity("2", 30, 60)],
            };
            let sharing = shared(discipline, queues).sharing;
            Policy { passing, choice, sharing, gang, preemption, ..order }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The tree finds the node that a loop finds, whatever has happened before.
    #[test]
    fn safety_the_tree_equals_a_loop_over_all_nodes(
        seed in any::<u64>(),
        count in 1usize..400,
        deeds in prop::collection::vec(deed(), 1..40),
        number in 0usize..4,
    ) {
        let choice = [NodeChoice::FirstFit, NodeChoice::BestFit, NodeChoice::WorstFit, NodeChoice::RoundRobin][number].clone();
        let mut bench = bench(Policy { choice: choice.clone(), ..Policy::default() }, &some_nodes(seed, count));
        let classes: Vec<ClassId> =
            [(1, 0), (2, 2), (4, 1), (7, 7)].map(|(cpu, memory)| bench.class(&[("cpu", cpu), ("memory", memory)])).into();
        let mut chooser = Nodes::new(choice.clone(), 1);
        let mut next = 0;
        for deed in &deeds {
            do_deed(&mut bench, deed);
            bench.pass();
            for &class in &classes {
                let found = chooser.choose(&mut bench.fleet, class, 0);
                prop_assert_eq!(found.map(NodeId::index), plain(&choice, &bench.fleet, class, next));
                next = found.map_or(next, |node| node.index() + 1);
            }
        }
    }

    /// Nodes hold no more than they have, nothing is lost, accounts hold what nodes do, gangs start whole,
    /// and a job whose task fits somewhere is not left waiting where anybody may pass.
    #[test]
    fn safety_random_runs_add_up(
        policy in any_policy(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        let mut bench = bench(policy.clone(), &some_nodes(seed, 6));
        for deed in &deeds {
            bench.out.clear();
            do_deed(&mut bench, deed);
            bench.pass();
            let jobs = bench.fleet.jobs.clone();
            for (row, job) in jobs.iter().enumerate().filter(|(_, job)| job.waiting > 0) {
                if policy.gang == Gang::AllOrNothing {
                    let evicted = bench.out.iter().any(|command| matches!(command, FleetCommand::Evict(..)));
                    prop_assert!(job.running == 0 || evicted, "job {} has started in part", row);
                    continue;
                }
                let is_free = policy.passing == Passing::WhoeverFits
                    && !matches!(policy.sharing.discipline, Discipline::Capacity { .. });
                let fits = (0..6).any(|node| bench.fleet.fits(job.class, NodeId(node)));
                prop_assert!(!is_free || !fits, "job {} waits though it fits", row);
            }
            let waiting: Vec<JobId> = bench.control.waiting();
            prop_assert_eq!(waiting.len(), jobs.iter().filter(|job| job.waiting > 0).count());
            for job in waiting {
                prop_assert!(!bench.why(job).is_empty());
            }
        }
    }

    /// Where nobody is served before others for ever, every job that fits an empty fleet starts in the
    /// end, once the running tasks have ended.
    #[test]
    fn liveness_what_fits_an_empty_fleet_starts(
        policy in any_policy(),
        seed in any::<u64>(),
        deeds in prop::collection::vec(deed(), 1..30),
    ) {
        let mut bench = bench(policy, &some_nodes(seed, 5));
        for deed in deeds.iter().filter(|deed| !matches!(deed, Deed::Down(_))) {
            do_deed(&mut bench, deed);
            bench.pass();
        }
        for _ in 0..2_000 {
            if bench.fleet.running == 0 {
                break;
            }
            do_deed(&mut bench, &Deed::End(0));
            bench.pass();
        }
        prop_assert_eq!((bench.fleet.running, bench.fleet.waiting), (0, 0));
    }
}

#[test]
fn namespaces_have_accounts() {
    let policy = Policy {
        sharing: Sharing { discipline: drf(), by: By::Namespace, queues: Vec::new() },
        ..Policy::default()
    };
    let mut bench = Bench::new(policy, &[&[("cpu", 4)]]);
    let namespace = bench.fleet.cluster.names.intern("team-a");
    let class = bench.class(&[("cpu", 1)]);
    let job = bench.add(Job { class, tasks: 1, namespace, ..Job::default() });
    assert_eq!(bench.control.accounts().nth(bench.control.account_of(job)), Some("team-a"));
    assert_ne!(namespace, Symbol::EMPTY);
}
