//! Reasons and bars of small runs of a fleet.

use super::*;
use crate::api::{Container, Node, ObjectMeta, PodTemplate};
use crate::base::ids::PoolId;
use crate::base::{Diagnostic, Quantity, Span};
use crate::control::fleet::{By, Discipline, Gang, Inner, Passing, Policy, Sharing};
use crate::observe::single::singles;
use crate::observe::waits::MAX_JOBS;
use crate::observe::{BarKind, FleetLog, FleetOptions, Observed};
use crate::sim::setup::{Fault, FaultKind, FaultScope, FaultWhen, NodeSetup, Source, StopRule, Submission};
use crate::sim::{FleetSetup, SubmissionName, run_fleet};
use expect_test::{Expect, expect};
use std::sync::Arc;

struct Listed(std::vec::IntoIter<Submission>);

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.0.next())
    }
}

fn node(number: usize, cpu: i64) -> NodeSetup {
    let list: crate::api::ResourceList =
        [("cpu".to_owned(), Quantity::from_units(cpu)), ("pods".into(), Quantity::from_units(50))].into();
    let node = Node {
        meta: ObjectMeta { name: format!("n{number}"), ..ObjectMeta::default() },
        allocatable: list.clone(),
        capacity: list,
        ..Node::default()
    };
    NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
}

/// (at, cores of a task, tasks, run time, user); jobs are called a, b, …
fn submission(number: usize, (at, cpu, tasks, run, user): (u64, i64, u32, u64, i32)) -> Submission {
    let mut container = Container::default();
    container.resources.requests.insert("cpu".into(), Quantity::from_units(cpu));
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    let letter = char::from(b'a' + (number % 26) as u8);
    Submission {
        at: Time::from_secs(at),
        template: Arc::new(template),
        namespace: "default".into(),
        name: SubmissionName::Own(letter.to_string().into()),
        tasks,
        priority: 0,
        run_time: Some(Span::from_secs(run)),
        exit_code: None,
        estimate: None,
        user,
        link: None,
        origin: crate::cluster::JobOrigin::default(),
    }
}

fn setup(policy: Policy, cpus: &[i64], jobs: &[(u64, i64, u32, u64, i32)], until: u64) -> FleetSetup {
    let jobs: Vec<Submission> =
        jobs.iter().enumerate().map(|(number, job)| submission(number, *job)).collect();
    FleetSetup {
        seed: 1,
        pools: Vec::new(),
        nodes: cpus.iter().enumerate().map(|(number, cpu)| node(number, *cpu)).collect(),
        policy,
        keeps_work: false,
        kill_at_estimate: false,
        clairvoyant: false,
        sources: vec![Box::new(Listed(jobs.into_iter()))],
        faults: Vec::new(),
        stop: StopRule { at: Some(Time::from_secs(until)), ..StopRule::default() },
        check_invariants: true,
    }
}

fn observed(setup: FleetSetup) -> Observed {
    let mut log = FleetLog::new(FleetOptions::default(), None);
    run_fleet(setup, &mut log, &mut ()).unwrap();
    log.observed().unwrap()
}

fn table(observed: &Observed) -> Option<String> {
    let found = observed.documents.iter().find(|document| document.name == "waits.csv")?;
    Some(String::from_utf8(found.bytes.clone()).unwrap())
}

/// The bars as `row job from-until kind`, without those of waiting.
fn bars(observed: &Observed, expected: &Expect) {
    let bars = observed.results.gantt.bars.iter().filter(|bar| bar.kind != BarKind::Waited);
    let lines: Vec<String> = bars
        .map(|bar| format!("{} {} {}-{} {:?}\n", bar.row, bar.label, bar.start, bar.end, bar.kind))
        .collect();
    expected.assert_eq(&lines.concat());
}

fn users(gang: Gang) -> Policy {
    let sharing =
        Sharing { discipline: Discipline::Drf { inner: Inner::Rescaled }, by: By::User, queues: Vec::new() };
    Policy { sharing, gang, ..Policy::default() }
}

/// Two jobs of three tasks on two nodes of two cores.
const GANGS: [(u64, i64, u32, u64, i32); 2] = [(0, 1, 3, 10, 1), (0, 1, 3, 10, 2)];

#[test]
fn a_deadlock_can_be_seen() {
    let deadlock = observed(setup(users(Gang::Piecemeal), &[2, 2], &GANGS, 60));
    bars(
        &deadlock,
        &expect![[r"
            0 a 0-60 Held
            1 b 0-60 Held
            2 a 0-60 Held
            3 b 0-60 Held
        "]],
    );
    expect![[r#"
        job,from_s,until_s,reason
        a,0,60,"holds room for 2 tasks, 1 more waits: needs 1 cpu, the node with the most free has 0"
        b,0,60,"holds room for 2 tasks, 1 more waits: needs 1 cpu, the node with the most free has 0"
    "#]]
    .assert_eq(&table(&deadlock).unwrap());
    let gantt = &deadlock.results.gantt;
    assert_eq!(gantt.rows, ["n0", "", "n1", "", "a waits", "b waits"]);
    let job = &singles(&deadlock.results)["a"];
    assert_eq!((job.start, job.end, job.wait), (Some(0.0), None, Some(0.0)));
}

#[test]
fn a_gang_that_starts_whole_waits_whole() {
    let whole = observed(setup(users(Gang::AllOrNothing), &[2, 2], &GANGS, 60));
    expect![[r#"
        job,from_s,until_s,reason
        b,0,10,"needs room for 3 tasks at once, there is room for 1"
    "#]]
    .assert_eq(&table(&whole).unwrap());
    assert_eq!(singles(&whole.results)["b"].wait, Some(10.0));
}

/// Job a has a core until 5 s; job b has two tasks on the others until then, its third follows, and all
/// work until 15 s, when the run ends with job c still at work.
#[test]
fn what_is_held_and_what_works_are_told_apart() {
    let jobs = [(0, 1, 1, 5, 1), (0, 1, 3, 10, 1), (15, 1, 1, 100, 1)];
    let observed = observed(setup(users(Gang::Piecemeal), &[3], &jobs, 20));
    bars(
        &observed,
        &expect![[r"
            0 a 0-5 Ran
            1 b 0-5 Held
            2 b 0-5 Held
            0 b 5-15 Ran
            1 b 5-15 Ran
            2 b 5-15 Ran
            0 c 15-20 Ran
        "]],
    );
}

/// A node fails at 4 s and returns at 9 s: the tasks on it wait again, behind nobody.
#[test]
fn reasons_change_with_what_is_free() {
    let when = FaultWhen::Scheduled { at: Time::from_secs(4), duration: Some(Span::from_secs(5)) };
    let fault = Fault { groups: vec![vec![1]], scope: FaultScope::Node, kind: FaultKind::Crash, when };
    let jobs = [(0, 2, 2, 10, 1), (1, 1, 1, 10, 1)];
    let policy = Policy { passing: Passing::Nobody, ..Policy::default() };
    let observed = observed(FleetSetup { faults: vec![fault], ..setup(policy, &[2, 3], &jobs, 60) });
    expect![[r#"
        job,from_s,until_s,reason
        a,4,9,"1 of 2 tasks waits: needs 2 cpu, the node with the most free has 0"
        b,4,9,"waits behind a, which does not fit"
    "#]]
    .assert_eq(&table(&observed).unwrap());
    // What waits again has waited for its start before.
    assert_eq!(singles(&observed.results)["a"].wait, Some(0.0));
}

#[test]
fn large_runs_keep_no_reasons() {
    let crowd: Vec<_> = (0..=MAX_JOBS).map(|second| (second, 1, 1, 5, 1)).collect();
    let many = vec![1; MAX_NODES + 1];
    let tasks = MAX_STARTS as u32;
    for (what, cpus, jobs, is_kept) in [
        ("jobs", &[1][..], &crowd[..], false),
        ("one job less", &[1], &crowd[1..], true),
        ("nodes", &many, &[(0, 1, 1, 5, 1)], false),
        ("one node less", &many[1..], &[(0, 1, 1, 5, 1)], true),
        ("starts", &[40], &[(0, 1, tasks + 1, 5, 1)], false),
        ("one start less", &[40], &[(0, 1, tasks, 5, 1)], true),
    ] {
        let observed = observed(setup(Policy::default(), cpus, jobs, 2_000));
        assert_eq!((table(&observed).is_some(), observed.results.keeps_waits), (is_kept, is_kept), "{what}");
        assert!(is_kept || observed.results.waits.is_empty(), "{what}");
    }
}
