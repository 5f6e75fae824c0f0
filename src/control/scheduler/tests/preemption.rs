//! Preemption behind the control plane's contract, and what must hold of every decision.

use super::super::nominator::Nominator;
use super::component::Harness;
use super::*;
use crate::cluster::Reason;
use proptest::prelude::*;

const DELETING: Span = Span::from_secs(30);

/// A harness with one node and pods bound to it, all at time zero; the node, and the pods.
fn full(config: &Config, cores: i64, pods: &[(i64, i32)]) -> (Harness, NodeId, Vec<PodRef>) {
    let mut harness = Harness::new(config);
    let node = harness.add_node(0.0, &node("a", "1", cores, 1000));
    let pods: Vec<PodRef> =
        pods.iter().map(|&(milli, priority)| harness.add_pod(0.0, &template(milli, 1), priority)).collect();
    harness.run(0.0);
    for &pod in &pods {
        harness.confirm(0.0, pod, node);
    }
    (harness, node, pods)
}

impl Harness {
    fn deletes(&mut self, seconds: f64, pod: PodRef) {
        self.event(seconds, Event::PodDeleting { pod, grace: DELETING, reason: Reason::Preempted });
    }

    fn removes(&mut self, seconds: f64, pod: PodRef) {
        self.event(seconds, Event::PodRemoved { pod });
    }
}

#[test]
fn a_pod_of_higher_priority_gets_the_node_when_its_victim_is_gone() {
    let (mut harness, node, pods) = full(&Config::default(), 1, &[(1000, 0)]);
    let high = harness.add_pod(1.0, &template(1000, 1), 5);
    assert_eq!(
        harness.run(1.0),
        ["p1 #1: 0/1 nodes are available: 1 Insufficient cpu.", "p1 nominated n0, victims 1", "delete p0"]
    );
    assert_eq!(harness.plane.scheduler().unwrap().nominator().node_of(high.id), Some(node));
    // A pod that is not more important than the one with the promise cannot have the node.
    harness.deletes(1.5, pods[0]);
    assert_eq!(harness.run(2.0), Vec::<String>::new());
    harness.removes(31.0, pods[0]);
    assert_eq!(harness.run(31.0), ["p1 -> n0"]);
    assert!(harness.plane.scheduler().unwrap().nominator().is_empty());
}

#[test]
fn nobody_else_gets_the_room_that_was_made() {
    let (mut harness, _, pods) = full(&Config::default(), 2, &[(1500, 0)]);
    harness.add_pod(1.0, &template(1000, 1), 5);
    assert_eq!(harness.run(1.0).len(), 3);
    let equal = harness.add_pod(2.0, &template(1500, 1), 5);
    let said = harness.run(2.0);
    assert!(said[0].starts_with("p2 #1: 0/1 nodes are available: 1 Insufficient cpu."), "{said:?}");
    harness.deletes(2.5, pods[0]);
    harness.removes(31.0, pods[0]);
    let said = harness.run(31.0);
    assert!(said.contains(&"p1 -> n0".to_owned()) && !said.contains(&"p2 -> n0".to_owned()), "{said:?}");
    assert!(harness.plane.scheduler().unwrap().waiting_pod(equal).is_some());
}

#[test]
fn while_its_victims_end_a_pod_neither_preempts_again_nor_is_tried_before_all_are_ordered_to_end() {
    let (mut harness, _, pods) = full(&Config::default(), 2, &[(1000, 0), (1000, 1)]);
    harness.add_pod(1.0, &template(2000, 1), 5);
    let said = harness.run(1.0);
    // The most important victim comes first; the deletion of the least important is ordered last.
    assert_eq!(said[1..], ["p2 nominated n0, victims 2", "delete p1", "delete p0"]);
    harness.deletes(1.1, pods[1]);
    harness.removes(1.2, pods[1]);
    assert_eq!(harness.run(1.2), Vec::<String>::new());
    assert_eq!(harness.plane.scheduler().unwrap().lengths(), Lengths { gated: 1, ..Lengths::default() });
    harness.deletes(1.3, pods[0]);
    assert_eq!(harness.plane.scheduler().unwrap().lengths().gated, 1, "no event of its own yet");
    // Somebody else's end opens the gate; the last victim is still there.
    let other = harness.add_pod(2.0, &template(1, 1), 9);
    assert_eq!(harness.run(2.0), ["p3 -> n0"]);
    harness.confirm(2.0, other, NodeId(0));
    harness.removes(3.0, other);
    assert_eq!(
        harness.run(3.0),
        [
            "p2 #2: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to a terminating \
          pod on the nominated node."
        ]
    );
    harness.removes(31.0, pods[0]);
    assert_eq!(harness.run(31.0), ["p2 -> n0"]);
}

#[test]
fn a_more_important_pod_takes_the_promise_away() {
    let (mut harness, node, pods) = full(&Config::default(), 2, &[(1000, 0), (1000, 0)]);
    let middle = harness.add_pod(1.0, &template(1000, 1), 5);
    assert_eq!(harness.run(1.0)[1..], ["p2 nominated n0, victims 1", "delete p1"]);
    harness.deletes(1.1, pods[1]);
    let high = harness.add_pod(2.0, &template(2000, 1), 9);
    let said = harness.run(2.0);
    // One of its victims is on its way out already.
    assert_eq!(said[1..3], ["p3 nominated n0, victims 1", "delete p0"]);
    let nominator = harness.plane.scheduler().unwrap().nominator();
    assert_eq!((nominator.on(node), nominator.node_of(middle.id)), (&[high.id][..], None));
    // The loser is tried anew and finds no way.
    assert!(said[3].starts_with("p2 #2:"), "{said:?}");
    harness.deletes(2.1, pods[0]);
    harness.removes(31.0, pods[1]);
    harness.removes(31.0, pods[0]);
    assert!(harness.run(31.0).contains(&"p3 -> n0".to_owned()));
}

#[test]
fn who_never_preempts_waits() {
    let (mut harness, _, _) = full(&Config::default(), 1, &[(1000, 0)]);
    let mut meek = template(1000, 1);
    meek.spec.never_preempts = true;
    harness.add_pod(1.0, &meek, 5);
    assert_eq!(
        harness.run(1.0),
        [
            "p1 #1: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to \
          preemptionPolicy=Never."
        ]
    );
}

#[test]
fn a_promise_ends_with_the_pod_and_with_the_preemption_plugin() {
    let (mut harness, _, pods) = full(&Config::default(), 1, &[(1000, 0)]);
    let high = harness.add_pod(1.0, &template(1000, 1), 5);
    harness.run(1.0);
    harness.deletes(1.1, pods[0]);
    harness.removes(2.0, high);
    assert!(harness.plane.scheduler().unwrap().nominator().is_empty());
    harness.removes(31.0, pods[0]);
    assert_eq!(harness.run(31.0), Vec::<String>::new());

    let mut config = Config::default();
    config.scheduler.profiles[0].args.preemption.min_candidate_nodes_absolute = 1;
    config.scheduler.profiles[0].plugins.post_filter.clear();
    let (mut harness, ..) = full(&config, 1, &[(1000, 0)]);
    harness.add_pod(1.0, &template(1000, 1), 5);
    assert_eq!(harness.run(1.0), ["p1 #1: 0/1 nodes are available: 1 Insufficient cpu."]);
}

#[test]
fn in_1_34_the_binding_of_a_promised_pod_wakes_the_others() {
    for (version, attempts) in [(Version::V1_34, 1), (Version::V1_36, 0)] {
        let (mut harness, node, pods) = full(&Config { version, ..Config::default() }, 1, &[(1000, 0)]);
        let high = harness.add_pod(1.0, &template(1000, 1), 5);
        let low = harness.add_pod(1.0, &template(1000, 1), 1);
        harness.run(1.0);
        harness.deletes(1.1, pods[0]);
        harness.removes(31.0, pods[0]);
        harness.run(31.0);
        let before = harness.plane.scheduler().unwrap().waiting_pod(low).unwrap().attempts;
        harness.confirm(60.0, high, node);
        harness.run(60.0);
        let after = harness.plane.scheduler().unwrap().waiting_pod(low).unwrap().attempts;
        assert_eq!(after - before, attempts, "{version:?}");
    }
}

/// A cluster of nodes with pods that fit, by node: millicores, priority, and a host port or none.
fn crowded(nodes: &[Vec<(i64, i32, u16)>]) -> Cluster {
    let objects: Vec<Node> = (0..nodes.len()).map(|row| node(&format!("n{row}"), "1", 4, 1000)).collect();
    let mut cluster = cluster_of(&objects);
    for (row, pods) in nodes.iter().enumerate() {
        for &(milli, priority, port) in pods {
            let class = cluster.class(&Arc::new(with_port(milli, port)), "default", priority);
            let free = 4000 - cluster.nodes.requested[0][row];
            // A taken port is a set's member: two pods that had the same would free it together.
            let taken = cluster.nodes.ports[row].iter().any(|taken| taken.number == port);
            if milli <= free && !taken {
                let pod = insert_pod(&mut cluster, class);
                cluster.place(pod, NodeId(row as u32));
                cluster.pods.started[pod.index()] = Some(i64::from(pod.0 % 3) * 1_000_000_000);
            }
        }
    }
    cluster
}

fn with_port(milli: i64, port: u16) -> PodTemplate {
    let mut template = template(milli, 1);
    if port > 0 {
        let port = crate::api::HostPort { ip: String::new(), protocol: String::new(), port };
        template.spec.containers[0].host_ports.push(port);
    }
    template
}

/// What can be seen of nodes and pods.
fn visible(cluster: &Cluster) -> String {
    let nodes = &cluster.nodes;
    let loads = (&nodes.requested, &nodes.non_zero, &nodes.pod_count);
    format!("{loads:?} {:?} {:?} {:?}", nodes.pods, nodes.ports, cluster.pods.counted_on)
}

type Crowd = Vec<Vec<(i64, i32, u16)>>;

fn crowd() -> impl Strategy<Value = Crowd> {
    let pod = (100i64..3000, 0..6i32, prop_oneof![3 => Just(0u16), 1 => 80u16..82]);
    prop::collection::vec(prop::collection::vec(pod, 0..9), 1..8)
}

proptest! {
    #[test]
    fn safety_victims_are_less_important_and_enough_and_the_cluster_stays_as_it_was(
        nodes in crowd(),
        (milli, priority, port) in (500i64..4500, 0..7i32, prop_oneof![2 => Just(0u16), 1 => 80u16..82]),
        key in 0..100u64,
    ) {
        let mut cluster = crowded(&nodes);
        let class = cluster.class(&Arc::new(with_port(milli, port)), "default", priority);
        let pod = insert_pod(&mut cluster, class);
        let mut cycle = Cycle::new(&Config::default(), 0);
        let attempt = Attempt { class, pod: Some(pod), key };
        let mut nominator = Nominator::default();
        let Outcome::Rejected(_) = cycle.schedule(&mut cluster, attempt, &nominator) else { return Ok(()) };
        let before = visible(&cluster);
        let preemption = cycle.preempt(&mut cluster, attempt, &nominator);
        prop_assert_eq!(&before, &visible(&cluster));
        prop_assert!(cluster.check().is_ok());
        let priority_of = |cluster: &Cluster, pod: &PodId| cluster.classes[cluster.pods.class[pod.index()]].priority;
        for candidate in &preemption.candidates {
            prop_assert!(!candidate.victims.is_empty());
            prop_assert!(candidate.victims.iter().all(|victim| priority_of(&cluster, victim) < priority));
        }
        prop_assert_eq!(&preemption, &cycle.preempt(&mut cluster, attempt, &nominator));
        let Some(choice) = preemption.choice().cloned() else { return Ok(()) };
        nominator.nominate(pod, choice.node);
        // Not one victim too many: with any one of them back the pod does not fit.
        for &spared in &choice.victims {
            cluster.fork();
            choice.victims.iter().filter(|&&victim| victim != spared).for_each(|&victim| cluster.displace(victim));
            let outcome = cycle.schedule(&mut cluster, attempt, &nominator);
            prop_assert!(!matches!(outcome, Outcome::Placed(placement) if placement.node == choice.node));
            cluster.revert();
        }
        choice.victims.iter().for_each(|&victim| cluster.displace(victim));
        let placed = cycle.schedule(&mut cluster, attempt, &nominator);
        prop_assert!(matches!(placed, Outcome::Placed(placement) if placement.node == choice.node));
    }

    #[test]
    fn liveness_a_promised_pod_gets_its_node_when_the_victims_are_gone(nodes in crowd(), milli in 500i64..4001) {
        let mut harness = Harness::new(&Config::default());
        let mut bound = Vec::new();
        for (row, pods) in nodes.iter().enumerate() {
            let place = harness.add_node(0.0, &node(&format!("n{row}"), "1", 4, 1000));
            for &(milli, priority, _) in pods {
                if milli <= 4000 - harness.cluster.nodes.requested[0][row] {
                    let pod = harness.add_pod(0.0, &template(milli, 1), priority);
                    harness.confirm(0.0, pod, place);
                    bound.push(pod);
                }
            }
        }
        harness.run(0.0);
        let pod = harness.add_pod(1.0, &template(milli, 1), 9);
        let said = harness.run(1.0);
        let victims: Vec<PodRef> =
            bound.iter().copied().filter(|victim| said.contains(&format!("delete p{}", victim.id.0))).collect();
        let promised = harness.plane.scheduler().unwrap().nominator().node_of(pod.id);
        for &victim in &victims {
            harness.deletes(2.0, victim);
        }
        let mut last = said;
        for (number, &victim) in victims.iter().enumerate() {
            harness.removes(10.0 + number as f64, victim);
            last = harness.run(10.0 + number as f64);
        }
        let node = promised.or(harness.cluster.pods.counted_on[pod.id.index()]).unwrap();
        prop_assert_eq!(last.last(), Some(&format!("p{} -> n{}", pod.id.0, node.0)));
    }
}
