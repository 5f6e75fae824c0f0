//! Runs of small fleets, end to end.

use super::*;
use crate::api::{Container, Node, ObjectMeta, PodTemplate};
use crate::base::ids::PoolId;
use crate::base::{Distribution, Quantity};
use crate::control::fleet::{By, Discipline, Inner, Sharing};
use crate::sim::setup::{FaultKind, FaultScope, FaultWhen};

struct Listed(std::vec::IntoIter<Submission>);

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.0.next())
    }
}

/// Lines of what happened.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn note(&mut self, now: Time, what: &str, job: u64) {
        self.0.push(format!("{} {what} {job}", now.0 / 1_000_000_000));
    }
}

impl FleetObserver for Log {
    fn begin(&mut self, _fleet: &Fleet, _nodes: &[NodeSetup], _pools: &[Pool]) {}
    fn submitted(&mut self, _now: Time, _job: &FleetJob, _control: &FleetControl) {}
    fn rejected(&mut self, now: Time, job: &FleetJob, _fleet: &Fleet, _why: &str) {
        self.note(now, "rejects", job.number);
    }
    fn started(&mut self, now: Time, job: &FleetJob, _id: TaskId, task: &Task, _fleet: &Fleet) {
        self.note(now, &format!("n{} starts", task.node.0), job.number);
    }
    fn ended(&mut self, now: Time, job: &FleetJob, _id: TaskId, _task: &Task, _fleet: &Fleet) {
        self.note(now, "ends a task of", job.number);
    }
    fn evicted(
        &mut self,
        now: Time,
        job: &FleetJob,
        evicted: (TaskId, &Task, Eviction),
        kept: bool,
        _fleet: &Fleet,
    ) {
        self.note(now, &format!("{:?} kept={kept}", evicted.2), job.number);
    }
    fn job_ended(&mut self, now: Time, job: &FleetJob, _fleet: &Fleet) {
        self.note(now, "ends", job.number);
    }
    fn node(&mut self, _now: Time, _node: NodeId, _up: bool) {}
    fn instant(&mut self, _now: Time, _fleet: &Fleet, _waiting: u64, _control: &FleetControl) {}
    fn finish(
        &mut self,
        now: Time,
        _fleet: &Fleet,
        _control: &FleetControl,
        open: &[(FleetJob, Option<String>)],
    ) {
        for (job, why) in open {
            self.note(now, why.as_deref().unwrap_or("runs"), job.number);
        }
    }
}

fn node(cpu: i64) -> NodeSetup {
    let list: crate::api::ResourceList =
        [("cpu".to_owned(), Quantity::from_units(cpu)), ("pods".into(), Quantity::from_units(9))].into();
    let name = format!("n{cpu}-{}", list.len());
    let node = Node {
        meta: ObjectMeta { name, ..ObjectMeta::default() },
        allocatable: list.clone(),
        capacity: list,
        ..Node::default()
    };
    NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
}

/// (at, cpu, tasks, run time, priority).
fn submission((at, cpu, tasks, run, priority): (u64, i64, u32, u64, i32)) -> Submission {
    let mut container = Container::default();
    container.resources.requests.insert("cpu".into(), Quantity::from_units(cpu));
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    Submission {
        at: Time::from_secs(at),
        template: Arc::new(template),
        namespace: "default".into(),
        name: SubmissionName::Own("job".into()),
        tasks,
        priority,
        run_time: Some(Span::from_secs(run)),
        exit_code: None,
        estimate: None,
        user: priority,
        link: None,
        origin: crate::cluster::JobOrigin::default(),
    }
}

fn setup(jobs: &[(u64, i64, u32, u64, i32)], cpus: &[i64], policy: Policy) -> FleetSetup {
    let jobs: Vec<Submission> = jobs.iter().copied().map(submission).collect();
    FleetSetup {
        seed: 1,
        pools: Vec::new(),
        nodes: cpus.iter().map(|&cpu| node(cpu)).collect(),
        policy,
        keeps_work: false,
        kill_at_estimate: false,
        clairvoyant: false,
        sources: vec![Box::new(Listed(jobs.into_iter()))],
        faults: Vec::new(),
        stop: StopRule { when_settled: true, ..StopRule::default() },
        check_invariants: true,
    }
}

fn run(setup: FleetSetup) -> (Vec<String>, FleetOutcome) {
    let mut log = Log::default();
    let outcome = run_fleet(setup, &mut log, &mut ()).unwrap();
    (log.0, outcome)
}

#[test]
fn tasks_run_where_there_is_room_and_jobs_end_with_their_last_task() {
    let (log, outcome) =
        run(setup(&[(0, 1, 3, 10, 0), (1, 9, 1, 1, 0), (2, 2, 1, 5, 0)], &[2, 1], Policy::default()));
    assert_eq!(
        log,
        [
            "0 n0 starts 1",
            "0 n0 starts 1",
            "0 n1 starts 1",
            "1 rejects 2",
            "10 ends a task of 1",
            "10 ends a task of 1",
            "10 ends a task of 1",
            "10 ends 1",
            "10 n0 starts 3",
            "15 ends a task of 3",
            "15 ends 3",
        ]
    );
    assert_eq!((outcome.end, outcome.ending), (Time::from_secs(15), Ending::JobsDone));
}

#[test]
fn a_preempted_task_begins_again_or_goes_on() {
    for (keeps_work, end) in [(false, 4 + 3 + 10), (true, 3 + 10)] {
        let policy = Policy { preemption: true, ..Policy::default() };
        let jobs = [(0, 1, 1, 10, 0), (4, 1, 1, 3, 5)];
        let (log, outcome) = run(FleetSetup { keeps_work, ..setup(&jobs, &[1], policy) });
        assert_eq!(
            log[1..4],
            [format!("4 Preempted kept={keeps_work} 1"), "4 n0 starts 2".into(), "7 ends a task of 2".into()]
        );
        assert_eq!(outcome.end, Time::from_secs(end));
    }
}

#[test]
fn a_crash_costs_the_work_even_where_it_is_kept() {
    let fault = |at, duration| Fault {
        groups: vec![vec![0]],
        scope: FaultScope::Node,
        kind: FaultKind::Crash,
        when: FaultWhen::Scheduled { at: Time::from_secs(at), duration },
    };
    let faults = vec![fault(4, Some(Span::from_secs(2)))];
    let (log, outcome) =
        run(FleetSetup { keeps_work: true, faults, ..setup(&[(0, 1, 1, 10, 0)], &[1], Policy::default()) });
    assert_eq!(
        log,
        ["0 n0 starts 1", "4 Lost kept=false 1", "6 n0 starts 1", "16 ends a task of 1", "16 ends 1"]
    );
    assert_eq!(outcome.ending, Ending::JobsDone);
    // Nobody comes to help the job of a node that stays down.
    let faults = vec![fault(4, None)];
    let (log, outcome) = run(FleetSetup { faults, ..setup(&[(0, 1, 1, 10, 0)], &[1], Policy::default()) });
    assert_eq!(log[2], "4 no node that is up has the labels it asks for, or bears it 1");
    assert_eq!((outcome.end, outcome.ending), (Time::from_secs(4), Ending::Settled));
}

#[test]
fn nodes_that_fail_at_random_do_not_keep_a_run_going() {
    let time = |mean| Distribution::Exponential { mean };
    let faults = vec![Fault {
        groups: vec![vec![0], vec![1]],
        scope: FaultScope::Node,
        kind: FaultKind::Crash,
        when: FaultWhen::Random { time_to_failure: time(30.0), time_to_repair: time(5.0) },
    }];
    let jobs = [(0, 1, 20, 10, 0), (50, 1, 4, 10, 0)];
    let (log, outcome) = run(FleetSetup { faults, ..setup(&jobs, &[2, 3], Policy::default()) });
    assert_eq!(log.iter().filter(|line| line.contains("ends a task")).count(), 24);
    assert_eq!(outcome.ending, Ending::JobsDone);
    assert!(log.iter().any(|line| line.contains("Lost")), "some node fails on the way");
}

#[test]
fn tasks_without_an_end_do_not_keep_a_run_going() {
    let time = |mean| Distribution::Exponential { mean };
    let when = FaultWhen::Random { time_to_failure: time(30.0), time_to_repair: time(5.0) };
    let faults = vec![Fault { groups: vec![vec![0]], scope: FaultScope::Node, kind: FaultKind::Crash, when }];
    let mut setup = FleetSetup { faults, ..setup(&[], &[2], Policy::default()) };
    let service = Submission { run_time: None, ..submission((0, 1, 1, 1, 0)) };
    setup.sources = vec![Box::new(Listed(vec![service, submission((100, 1, 1, 10, 0))].into_iter()))];
    let (log, outcome) = run(setup);
    assert_eq!(outcome.ending, Ending::Settled);
    assert_eq!(log.last().map(|line| line.ends_with("runs 1")), Some(true), "{log:?}");
    assert!(log.iter().any(|line| line.ends_with("ends 2")));
}

#[test]
fn gangs_wait_for_each_other_and_may_do_so_for_ever() {
    let sharing =
        Sharing { discipline: Discipline::Drf { inner: Inner::Rescaled }, by: By::User, queues: Vec::new() };
    let jobs = [(0, 1, 3, 10, 1), (0, 1, 3, 10, 2)];
    let of = |gang| Policy { gang, sharing: sharing.clone(), ..Policy::default() };
    let (log, outcome) = run(setup(&jobs, &[4], of(Gang::Piecemeal)));
    assert_eq!(log.iter().filter(|line| line.contains("starts")).count(), 4);
    assert_eq!((outcome.end, outcome.ending), (Time::ZERO, Ending::Settled));
    let (_, outcome) = run(setup(&jobs, &[4], of(Gang::AllOrNothing)));
    assert_eq!((outcome.end, outcome.ending), (Time::from_secs(20), Ending::JobsDone));
    // With room for both, the run time counts from the start of the last task.
    let late = [(0, 1, 1, 4, 3), (0, 1, 3, 10, 1)];
    let (_, outcome) = run(setup(&late, &[3], of(Gang::Piecemeal)));
    assert_eq!(outcome.end, Time::from_secs(14));
}

#[test]
fn estimates_end_tasks_where_they_are_limits() {
    let mut setup = setup(&[], &[1], Policy::default());
    let job = Submission { estimate: Some(Span::from_secs(6)), ..submission((0, 1, 1, 10, 0)) };
    setup.sources = vec![Box::new(Listed(vec![job].into_iter()))];
    setup.kill_at_estimate = true;
    assert_eq!(run(setup).1.end, Time::from_secs(6));
}

#[test]
fn a_run_stops_at_its_limit() {
    let stop = StopRule { at: Some(Time::from_secs(7)), ..StopRule::default() };
    let (log, outcome) = run(FleetSetup { stop, ..setup(&[(0, 1, 2, 10, 0)], &[1], Policy::default()) });
    assert_eq!(log, ["0 n0 starts 1", "7 needs 1 cpu, the node with the most free has 0 1"]);
    assert_eq!((outcome.end, outcome.ending), (Time::from_secs(7), Ending::TimeReached));
    let (_, outcome) = run(FleetSetup { stop, ..setup(&[(0, 1, 1, 2, 0)], &[1], Policy::default()) });
    assert_eq!((outcome.end, outcome.ending), (Time::from_secs(7), Ending::TimeReached));
}

/// Two jobs of which the second waits for the first.
struct Chained(Listed);

impl Source for Chained {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        self.0.next()
    }

    fn dependencies(&mut self) -> crate::sim::after::Dependencies {
        let mut all = crate::sim::after::Dependencies::default();
        let first = all.add(Span::ZERO);
        let second = all.add(Span::from_secs(5));
        all.wait(second, first);
        all
    }
}

#[test]
fn a_job_waits_for_the_end_of_another() {
    let mut setup = setup(&[], &[4], Policy::default());
    let jobs = [(0, 1, 2, 10, 0), (1, 1, 1, 3, 0)].map(submission).into_iter().zip(0..);
    let jobs: Vec<Submission> = jobs.map(|(job, link)| Submission { link: Some(link), ..job }).collect();
    setup.sources = vec![Box::new(Chained(Listed(jobs.into_iter())))];
    let (log, outcome) = run(setup);
    assert_eq!(log[5..], ["15 n0 starts 2", "18 ends a task of 2", "18 ends 2"]);
    assert_eq!((outcome.end, outcome.ending), (Time::from_secs(18), Ending::JobsDone));
}
