//! Batch control of nodes: what good scenarios compile to, and what is said of bad ones.

use super::{errors, try_compile};
use crate::control::fleet::{By, Discipline, Gang, Inner, NodeChoice, Order, Passing};
use crate::scenario::{Compiled, Plan};
use crate::sim::FleetSetup;
use expect_test::{Expect, expect};

const POOL: &str = "\
apiVersion: seatrial/v1
cluster: {pools: [{name: w, count: 2, capacity: {cpu: 4, memory: 8Gi}}]}
";

fn fleet(text: &str) -> FleetSetup {
    match try_compile(&format!("{POOL}{text}"), &[]) {
        Ok(Compiled { plan: Plan::Fleet(setup), .. }) => *setup,
        Ok(_) => panic!("no fleet"),
        Err(findings) => panic!("{findings:#?}"),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "expectations are written in place")]
fn bad(text: &str, expected: Expect) {
    expected.assert_eq(&errors(&format!("{POOL}{text}"), &[]));
}

#[test]
fn the_defaults_are_the_simplest() {
    let setup = fleet("controlPlane: {kind: batch}\n");
    assert_eq!(setup.nodes.len(), 2);
    let policy = &setup.policy;
    assert!(matches!(policy.choice, NodeChoice::FirstFit));
    assert_eq!(
        (policy.order, policy.passing, policy.gang),
        (Order::Fcfs, Passing::WhoeverFits, Gang::Independent)
    );
    assert_eq!(policy.sharing.discipline, Discipline::None);
    assert!(!policy.preemption && !setup.keeps_work && !setup.kill_at_estimate);
}

#[test]
fn everything_that_can_be_chosen() {
    let setup = fleet(
        "\
controlPlane:
  kind: batch
  scheduler: {strategy: MostAllocated, mode: indexed}
  batch:
    order: sjf
    killAtEstimate: true
    nodes:
      choice: scheduler
      passing: nobody
      gang: allOrNothing
      preemption: true
      evictedWork: kept
      sharing:
        kind: capacity
        by: namespace
        reclaim: true
        queues:
          - {name: a, guaranteed: 0.5, borrowing: false}
          - {name: b, guaranteed: 0.4, max: 0.8, queues: [{name: c, guaranteed: 0.1, members: [m1, m2]}]}
faults: [{every: node, mtbf: exponential(mean=30d), mttr: 1h}]
",
    );
    let NodeChoice::Scheduler(config) = &setup.policy.choice else { panic!("no scheduler") };
    assert_eq!(config.scheduler.mode, crate::control::config::Mode::Indexed);
    assert!(setup.keeps_work && setup.kill_at_estimate && setup.policy.preemption);
    assert_eq!((setup.policy.order, setup.faults.len()), (Order::Sjf, 1));
    let sharing = &setup.policy.sharing;
    assert_eq!(
        (sharing.discipline.clone(), sharing.by),
        (Discipline::Capacity { reclaim: true }, By::Namespace)
    );
    let queues = sharing.queues.iter().map(|queue| {
        format!("{} {:?} {} {} {:?}", queue.name, queue.parent, queue.guaranteed, queue.max, queue.members)
    });
    expect![[r#"
        a None 500000 500000 []
        b None 400000 800000 []
        c Some(1) 100000 1000000 ["m1", "m2"]"#]]
    .assert_eq(&queues.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_order_that_stops_and_foresees_nothing_is_for_nodes() {
    let names = crate::scenario::schema::batch::ORDERS;
    for name in names.into_iter().filter(|name| !["srtf", "roundRobin", "leastExpectedDelay"].contains(name))
    {
        let setup = fleet(&format!("controlPlane: {{kind: batch, batch: {{order: {name}}}}}\n"));
        let number = names.iter().position(|other| *other == name).unwrap();
        assert_eq!(setup.policy.order, Order::ALL[number], "{name}");
    }
    let policy = fleet("controlPlane: {kind: batch, batch: {order: priority, ageing: 1.5}}\n").policy;
    assert_eq!((policy.order, policy.ageing.to_string().as_str()), (Order::Priority, "1.5"));
    let policy = fleet(
        "controlPlane: {kind: batch, batch: {order: fairShare, fairShare: {halfLife: 1d, shares: {3: 2}}}}\n",
    )
    .policy;
    assert_eq!(policy.fair_share.half_life, crate::base::Span::from_secs(86_400));
    assert_eq!(policy.fair_share.shares.into_iter().collect::<Vec<_>>(), [(3, 2.0)]);
    let policy = fleet("controlPlane: {kind: batch, batch: {order: -wait * tasks / memory}}\n").policy;
    assert_eq!((policy.order, policy.own.unwrap().text()), (Order::Own, "-wait * tasks / memory"));
    assert_eq!(fleet("controlPlane: {kind: batch, batch: {order: tasks}}\n").policy.order, Order::Own);
}

#[test]
fn weights_are_queues_too() {
    let setup = fleet(
        "controlPlane: {kind: batch, batch: {nodes: {sharing: {kind: drf, inner: summed, weights: {1: 2.5}, queues: [{name: q, weight: 3}]}}}}\n",
    );
    let sharing = setup.policy.sharing;
    assert_eq!(sharing.discipline, Discipline::Drf { inner: Inner::Summed });
    let weights: Vec<_> = sharing.queues.iter().map(|queue| (queue.name.as_str(), queue.weight)).collect();
    assert_eq!(weights, [("q", 3_000_000), ("1", 2_500_000)]);
}

#[test]
fn jobs_of_several_processors_are_tasks() {
    let setup = fleet(
        "controlPlane: {kind: batch}\nworkload: {traces: [{file: ../../traces/batch-day.swf, select: {rows: 20}}]}\n",
    );
    let mut source = setup.sources.into_iter().next().unwrap();
    let tasks: Vec<u32> = std::iter::from_fn(|| source.next().unwrap()).map(|job| job.tasks).collect();
    assert!(tasks.len() == 20 && tasks.iter().any(|&tasks| tasks > 1), "{tasks:?}");
}

#[test]
fn orders_that_nodes_do_not_have_are_refused() {
    for (order, why) in [
        ("srtf", "on nodes running tasks give way to higher priorities only: `nodes: {preemption: true}`"),
        (
            "roundRobin",
            "on nodes running tasks give way to higher priorities only: `nodes: {preemption: true}`",
        ),
        ("leastExpectedDelay", "on nodes nothing is foreseen of when a job will fit"),
    ] {
        let text = format!("{POOL}controlPlane: {{kind: batch, batch: {{order: {order}}}}}\n");
        let said = format!("s.yaml:3:44: error: this `order` needs `cluster.processors`: `{order}` ({why})");
        assert_eq!(errors(&text, &[]), said);
    }
    bad(
        "controlPlane: {kind: batch, batch: {order: -wait * prcs, ageing: 2, fairShare: {shares: {a: 1}}}}\n",
        expect![[r#"
            s.yaml:3:44: error: unknown name `prcs` at character 9: `-wait * prcs` (did you mean `procs`?)
            s.yaml:3:66: error: no other order lets priorities grow: `2` (write `order: priority` beside it)
            s.yaml:3:93: error: `a` is not the number of a user: `1` (users have the numbers of the trace, such as `"7": 2`)"#]],
    );
    bad(
        "controlPlane: {kind: batch, batch: {order: fcfs, fairShare: {shares: {1: 0}}, quantum: 3s}}\n",
        expect![[r"
            s.yaml:3:36: error: `quantum` needs `cluster.processors` (nodes do without it)
            s.yaml:3:61: error: no other order has shares (write `order: fairShare` beside it)
            s.yaml:3:74: error: a share must be above 0 and at most 1e6: `0`"]],
    );
    bad(
        "controlPlane: {kind: batch, batch: {order: shortest}}\n",
        expect![
            "s.yaml:3:44: error: unknown value: `shortest` (expected one of fcfs, sjf, ljf, smallest, largest, smallestArea, expansionFactor, wfp3, unicep, f1, wfp3Published, unicepPublished, leastExpectedDelay, priority, edf, fairShare, srtf, roundRobin)"
        ],
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    bad(
        "controlPlane: {kind: batch, batch: {backfill: easy, head: kept, order: wfp3, passes: perEvent}}\n",
        expect![[r"
            s.yaml:3:36: error: `head: kept` needs `cluster.processors` (on nodes `passing: nobody` keeps the others waiting)
            s.yaml:3:36: error: `passes` needs `cluster.processors` (on nodes there is one pass for each instant)
            s.yaml:3:47: error: backfilling by reservation needs `cluster.processors`: `easy` (on nodes `passing: whoeverFits` lets every job start that fits)"]],
    );
    bad(
        "controlPlane: {kind: batch, kubelet: {backoffMax: 1m}, scheduler: {strategy: MostAllocated}}\nactions: [{at: 1m, cordon: w-0}]\n",
        expect![[r"
            s.yaml:3:22: error: `controlPlane.kubelet` needs `controlPlane.kind: kubernetes`: `batch`
            s.yaml:3:22: error: `controlPlane.scheduler` needs `batch: {nodes: {choice: scheduler}}`: `batch`
            s.yaml:4:11: error: `actions` needs `controlPlane.kind: kubernetes`"]],
    );
    bad(
        "controlPlane: {kind: batch, scheduler: {disabledFilters: [NodeResourcesFit]}, batch: {nodes: {choice: scheduler}}}\n",
        expect![
            "s.yaml:3:103: error: the profile has no filter `NodeResourcesFit`: nodes would be over-committed: `scheduler`"
        ],
    );
    bad(
        "controlPlane: {kind: batch, batch: {nodes: {choice: tightest}}}\nfaults: [{node: w-0, at: 1m, kind: partition}]\n",
        expect![
            "s.yaml:3:53: error: unknown value: `tightest` (expected one of firstFit, bestFit, worstFit, roundRobin, random, scheduler)"
        ],
    );
    bad(
        "controlPlane: {kind: batch, batch: {nodes: {choice: bestFit, score: -cpu_fre}}}\n",
        expect![[r"
            s.yaml:3:53: error: `choice` and `score` both say which node is taken: `bestFit` (leave one of them out)
            s.yaml:3:69: error: unknown name `cpu_fre` at character 2: `-cpu_fre` (did you mean `cpu_free`?)"]],
    );
    bad(
        "controlPlane: {kind: batch}\nfaults: [{node: w-0, at: 1m, kind: partition}, {component: scheduler, at: 1m}]\n",
        expect![[r"
            s.yaml:4:10: error: a node of a batch cluster crashes or is up (write `kind: crash`)
            s.yaml:4:48: error: a fault of the control plane needs `controlPlane.kind: kubernetes`"]],
    );
    bad(
        "controlPlane: {kind: batch, batch: {nodes: {sharing: {kind: maxMin, resource: nvidia.com/gpu, reclaim: true, inner: summed, weights: {a: 0}}}}}\n",
        expect![[r"
            s.yaml:3:79: error: no pool has this resource: `nvidia.com/gpu`
            s.yaml:3:104: error: `reclaim` needs `kind: capacity`: `true`
            s.yaml:3:117: error: `inner` needs `kind: drf`: `summed`
            s.yaml:3:138: error: a weight is from 0.001 to 1000000: `0`"]],
    );
    bad(
        "controlPlane: {kind: batch, batch: {nodes: {sharing: {kind: drf, resource: cpu, queues: [{name: a, guaranteed: 0.1}, {name: a, members: [b], queues: [{name: c}]}]}}}}\n",
        expect![[r"
            s.yaml:3:76: error: `resource` needs `kind: maxMin`: `cpu`
            s.yaml:3:112: error: `guaranteed` needs `kind: capacity`: `0.1`
            s.yaml:3:125: error: a queue or member of this name exists already: `a`
            s.yaml:3:138: error: a queue has either members or queues below it: `b`"]],
    );
    bad(
        "controlPlane: {kind: batch, batch: {nodes: {sharing: {kind: capacity, queues: [{name: a, weight: 2, guaranteed: 0.5, max: 0.4}, {name: b, guaranteed: 0.2, queues: [{name: c, guaranteed: 0.3}]}]}}}}\n",
        expect![[r"
            s.yaml:3:98: error: a capacity queue has no weight: `2` (write `guaranteed`)
            s.yaml:3:123: error: `max` is less than what is guaranteed: `0.4`
            s.yaml:3:187: error: queues are guaranteed more than `b` is: `0.3`"]],
    );
    expect!["s.yaml:3:44: error: `nodes` needs `cluster.pools` (equal processors have no nodes)"].assert_eq(&errors(
        "apiVersion: seatrial/v1\ncluster: {processors: 8}\ncontrolPlane: {kind: batch, batch: {nodes: {}}}\n",
        &[],
    ));
}
