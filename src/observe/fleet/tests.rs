//! A small run, observed.

use super::*;
use crate::api::{Container, Node, ObjectMeta, PodTemplate};
use crate::base::ids::PoolId;
use crate::base::{Diagnostic, Quantity};
use crate::control::fleet::{By, Discipline, Inner, Policy, Sharing};
use crate::observe::table::Memory;
use crate::sim::setup::{Fault, FaultKind, FaultScope, FaultWhen, Source, StopRule, Submission};
use crate::sim::{FleetSetup, run_fleet};
use expect_test::expect;
use std::sync::Arc;

struct Listed(std::vec::IntoIter<Submission>);

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.0.next())
    }
}

fn amounts(cpu: i64, memory: i64) -> crate::api::ResourceList {
    [("cpu", cpu), ("memory", memory), ("pods", 10)]
        .map(|(name, amount)| (name.to_owned(), Quantity::from_units(amount)))
        .into()
}

fn node(name: &str) -> NodeSetup {
    let list = amounts(4, 8);
    let node = Node {
        meta: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        allocatable: list.clone(),
        capacity: list,
        ..Node::default()
    };
    NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
}

fn job(number: u32, at: u64, cpu: i64, tasks: u32, run: u64) -> Submission {
    let mut container = Container::default();
    container.resources.requests = amounts(cpu, 1);
    container.resources.requests.remove("pods");
    let mut template = PodTemplate::default();
    template.spec.containers.push(container);
    Submission {
        at: Time::from_secs(at),
        template: Arc::new(template),
        namespace: "default".into(),
        name: SubmissionName::Numbered("j".into(), number),
        tasks,
        priority: 0,
        run_time: Some(Span::from_secs(run)),
        exit_code: (number == 3).then_some(1),
        estimate: None,
        user: number as i32 % 2,
        link: None,
        origin: crate::cluster::JobOrigin::default(),
    }
}

/// Two nodes of 4 CPUs, users 0 (even jobs) and 1 (odd ones). Job 1 takes one of them for 100 s; job 2 has 2 tasks on the other, which is down
/// from 20 to 50 s; job 3 fails; job 4 is too large; job 5 still runs at the end; job 6 waits then.
fn run(memory: &Memory) -> Observed {
    let jobs = vec![
        job(1, 0, 4, 1, 100),
        job(2, 10, 2, 2, 30),
        job(3, 60, 1, 1, 10),
        job(4, 60, 5, 1, 10),
        job(5, 100, 4, 1, 1000),
        job(6, 110, 4, 2, 10),
    ];
    let when = FaultWhen::Scheduled { at: Time::from_secs(20), duration: Some(Span::from_secs(30)) };
    let setup = FleetSetup {
        seed: 1,
        pools: vec![Pool { name: "p".into(), price_per_hour: 2.0 }],
        nodes: vec![node("a"), node("b")],
        policy: Policy {
            sharing: Sharing {
                discipline: Discipline::Drf { inner: Inner::Rescaled },
                by: By::User,
                queues: Vec::new(),
            },
            ..Policy::default()
        },
        keeps_work: false,
        kill_at_estimate: false,
        clairvoyant: false,
        sources: vec![Box::new(Listed(jobs.into_iter()))],
        faults: vec![Fault { groups: vec![vec![1]], scope: FaultScope::Node, kind: FaultKind::Crash, when }],
        stop: StopRule { at: Some(Time::from_secs(200)), ..StopRule::default() },
        check_invariants: true,
    };
    let mut log = FleetLog::new(FleetOptions::default(), Some(Box::new(memory.clone())));
    run_fleet(setup, &mut log, &mut ()).unwrap();
    log.observed().unwrap()
}

#[test]
fn a_small_fleet_by_hand() {
    let observed = run(&Memory::default());
    let metric = |name: &str| {
        let found = observed.results.metrics.iter().find(|metric| metric.name == name);
        found.unwrap_or_else(|| panic!("no metric {name}")).value.unwrap()
    };
    // Cores in use: 4 for 100 s, 2 x 2 for 10 s, lost, again for 30 s, 1 for 10 s, 4 from 100 s on, and 4
    // more for 10 s each from 110 s on.
    let busy = 400.0 + 40.0 + 120.0 + 10.0 + 400.0 + 80.0;
    for (name, expected) in [
        ("jobs_submitted", 6.0),
        ("jobs_completed", 3.0),
        ("jobs_failed", 1.0),
        ("jobs_rejected", 1.0),
        ("jobs_unfinished", 1.0),
        ("jobs_never_started", 0.0),
        ("tasks_submitted", 8.0),
        ("tasks_started", 9.0),
        ("tasks_ended", 6.0),
        ("tasks_lost", 2.0),
        ("wait_n", 5.0),
        ("allocation_total_cpu", busy),
        // One node is down for 30 s.
        ("capacity_mean_cpu", 4.0 + 4.0 * 170.0 / 200.0),
        ("utilization_requested_cpu", busy / (8.0 * 200.0 - 4.0 * 30.0)),
        ("goodput_core_s", 400.0 + 120.0 + 80.0),
        ("work_lost_core_s", 40.0 + 10.0),
        ("node_failures_total", 1.0),
        ("node_downtime_s", 30.0),
        ("cost_total", 2.0 * 2.0 * 200.0 / 3600.0),
        ("tasks_running_max.account.0", 2.0),
        ("dominant_share_max.account.1", 0.625),
    ] {
        assert!((metric(name) - expected).abs() < 1e-9, "{name}: {} instead of {expected}", metric(name));
    }
    let kinds = observed.results.gantt.bars.iter().map(|bar| {
        let said = if bar.kind == BarKind::Waited { &bar.detail } else { &bar.label };
        format!("{} {said} {:?}", bar.row, bar.kind)
    });
    expect![[r"
        0 j-1 Ran
        1 j-2 Lost
        2 j-2 Lost
        1 down Down
        1 j-2 Ran
        2 j-2 Ran
        1 j-3 Failed
        0 j-5 Ran
        1 j-6 Ran
        1 j-6 Ran
        3 j-2: 2 of 2 tasks wait: needs 2 cpu, the node with the most free has 0 Waited
        4 j-3: needs 1 cpu, the node with the most free has 0 Waited
        5 j-6: 1 of 2 tasks waits: needs 4 cpu, the node with the most free has 0 Waited"]]
    .assert_eq(&kinds.collect::<Vec<_>>().join("\n"));
    let open = observed.results.gantt.bars.iter().find(|bar| bar.label == "j-5").unwrap();
    assert_eq!((open.start, open.end), (100.0, 200.0), "it still runs at the end");
    assert!(open.detail.ends_with("; has not ended"), "{}", open.detail);
}

#[test]
fn the_table_of_jobs() {
    let memory = Memory::default();
    let observed = run(&memory);
    expect![[r#"
        job,user,account,priority,tasks,task_cpu_cores,task_memory_bytes,submit_s,start_s,all_started_s,end_s,outcome,evictions,estimate_s,wait_s,run_s,turnaround_s,bounded_slowdown,message
        j-4,0,,0,1,5,1,60,,,,Rejected,0,,,,,,"needs 5 cpu, the largest node has 4"
        j-2,0,0,0,2,2,1,10,10,10,80,Completed,2,,0,70,70,1,
        j-3,1,1,0,1,1,1,60,80,80,90,Failed,0,,20,10,30,3,
        j-1,1,1,0,1,4,1,0,0,0,100,Completed,0,,0,100,100,1,
        j-6,0,0,0,2,4,1,110,110,120,130,Completed,0,,0,20,20,1,
        j-5,1,1,0,1,4,1,100,100,100,,Unfinished,0,,0,,,,
    "#]].assert_eq(&String::from_utf8(memory.bytes()).unwrap());
    let nodes = observed.documents.iter().find(|document| document.name == "nodes.csv").unwrap();
    expect![[r"
        node,pool,zone,allocatable_cpu_cores,allocatable_memory_bytes,allocatable_other,existed_s,ready_s,downtime_s,failures,pods_bound,requested_cpu_share,requested_memory_share,used_cpu_share,used_memory_share,cost
        a,p,,4,8,,200,200,0,0,2,1,0.125,,,0.111111111111
        b,p,,4,8,,200,170,30,1,7,0.3125,0.06875,,,0.111111111111
    "]].assert_eq(&String::from_utf8(nodes.bytes.clone()).unwrap());
}
