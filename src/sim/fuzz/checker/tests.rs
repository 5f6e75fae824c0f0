//! Lies about runs with trouble, each of which must be caught.

use super::*;
use crate::base::Quantity;
use crate::base::ids::PodId;
use crate::sim::fuzz::chaos::{self, Chaos};
use crate::sim::{Observer, Progress, Record, View, run};

struct Bound;

impl Progress for Bound {
    fn tick(&mut self, _now: Time, events: u64) -> bool {
        events < 2_000_000
    }
}

/// Says whether it has told something in the place of the record.
type Lie = fn(&mut Checker, Time, &Record<'_>, View<'_>) -> bool;

struct Liar {
    checker: Checker,
    lie: Lie,
    told: bool,
}

impl Observer for Liar {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        self.told = self.told || (self.lie)(&mut self.checker, now, record, view);
        if !self.told {
            self.checker.record(now, record, view);
        }
    }

    fn finish(&mut self, now: Time, view: View<'_>) {
        self.checker.finish(now, view);
    }
}

/// Runs cases until there was something to lie about. After a lie nothing more is told.
fn after(lie: Lie) -> Checker {
    for seed in (2..400).step_by(2) {
        let Chaos { setup, ideal, lag, .. } = chaos::case(seed);
        let nodes = crate::sim::fuzz::nodes(&setup);
        let mut liar = Liar { checker: Checker::new(nodes, ideal, true).with_lag(lag), lie, told: false };
        run(setup, &mut liar, &mut Bound).unwrap();
        if liar.told {
            return liar.checker;
        }
    }
    panic!("nothing to lie about");
}

fn assert_caught(expected: &str, lie: Lie) {
    let broken = after(lie).broken.unwrap_or_default();
    assert!(broken.contains(expected), "{broken:?}, not {expected}");
}

#[test]
fn safety_rollout_surge() {
    assert_caught("safety_rollout_surge", |checker, now, record, view| {
        let Record::WorkloadChanged { workload, before, object, generation } = record else { return false };
        if view.actor != DEPLOYMENTS || before.replicas() >= object.replicas() {
            return false;
        }
        let mut more = (*before).clone();
        more.set_replicas(100);
        let (workload, generation) = (*workload, *generation);
        let told = Record::WorkloadChanged { workload, before, object: &more, generation };
        checker.record(now, &told, view);
        checker.broken.as_ref().is_some_and(|what| what.contains("safety_rollout"))
    });
}

#[test]
fn safety_rollout_available() {
    assert_caught("safety_rollout_available", |checker, now, record, view| {
        let Record::WorkloadStatus { workload, status: Status::ReplicaSet(status) } = record else {
            return false;
        };
        checker.record(now, record, view);
        let Some(thing) = checker.things.get(workload) else { return false };
        let whole =
            thing.owner.is_some() && status.available > 3 && thing.kind.replicas() == Some(status.available);
        let mut none = thing.kind.clone();
        none.set_replicas(0);
        let before = thing.kind.clone();
        let told =
            Record::WorkloadChanged { workload: *workload, before: &before, object: &none, generation: 9 };
        if whole {
            checker.record(now, &told, View { actor: DEPLOYMENTS, ..view });
        }
        checker.broken.is_some()
    });
}

#[test]
fn safety_quota() {
    assert_caught("safety_quota", |checker, now, record, view| {
        let Record::WorkloadStatus { workload, status: Status::ResourceQuota(status) } = record else {
            return false;
        };
        let mut much = status.clone();
        much.used.insert("pods".into(), Quantity::from_units(1_000_000));
        let told = Record::WorkloadStatus { workload: *workload, status: &Status::ResourceQuota(much) };
        checker.record(now, &told, View { actor: "replicaset-controller", ..view });
        true
    });
}

#[test]
fn safety_eviction() {
    assert_caught("has not paid", |checker, _, record, view| {
        let is_charge =
            matches!(record, Record::WorkloadStatus { status: Status::PodDisruptionBudget(_), .. });
        let is_eviction = matches!(record, Record::PodDeleting { reason: Reason::Evicted, .. });
        if is_charge && view.actor == "user" {
            checker.charged = None;
        }
        if !is_eviction || checker.charged.is_none() {
            return false;
        }
        checker.charged = None;
        checker.record(checker.now, record, view);
        true
    });
}

#[test]
fn safety_identity() {
    assert_caught("safety_identity", |checker, now, record, view| {
        let Record::ContainerStarted { pod, container, main, .. } = *record else { return false };
        let known = &checker.pods[&key(pod)];
        let (owner, number, node) = (known.owner, known.number, known.node);
        let is_set = owner.is_some_and(|owner| {
            matches!(checker.things[&owner].kind, WorkloadKind::StatefulSet(_)) && number.is_some()
        });
        if !is_set {
            return false;
        }
        checker.record(now, record, view);
        let twin = PodRef { id: PodId(1_000_000), generation: 0 };
        let class = view.cluster.pods.class[pod.id.index()];
        let name = view.cluster.pods.name[pod.id.index()].clone();
        let created = Record::PodCreated {
            pod: twin,
            serial: checker.created,
            name: &name,
            class,
            owner,
            index: None,
            user: -1,
            estimate: None,
            initial: true,
        };
        checker.record(now, &created, view);
        checker.record(now, &Record::PodBound { pod: twin, node: node.unwrap() }, view);
        checker.record(now, &Record::ContainerStarted { pod: twin, container, main, restarts: 0 }, view);
        true
    });
}

#[test]
fn safety_conservation() {
    assert_caught("safety_conservation", |checker, now, record, view| {
        let lost = checker.pods.values_mut().find(|pod| pod.is_active());
        let Some(lost) = lost.filter(|_| now > Time::from_secs(100)) else { return false };
        lost.removed = Some(now);
        checker.record(now, record, view);
        let result = checker.check_census(view);
        checker.keep(result);
        true
    });
}

/// A run that ends well, and in which there is something of a kind.
fn ended_well(has: fn(&Checker) -> bool) -> Checker {
    for seed in (2..400).step_by(2) {
        let Chaos { setup, ideal, lag, .. } = chaos::case(seed);
        let nodes = crate::sim::fuzz::nodes(&setup);
        let tolerations = setup.control.nodes.default_toleration.is_some();
        let mut checker = Checker::new(nodes, ideal, tolerations).with_lag(lag);
        run(setup, &mut checker, &mut Bound).unwrap();
        if has(&checker) {
            assert_eq!(checker.check_declared(&[]), Ok(()));
            return checker;
        }
    }
    panic!("there is none");
}

fn declared(kind: &'static str) -> fn(&Thing) -> bool {
    match kind {
        "Deployment" => |thing| matches!(&thing.kind, WorkloadKind::Deployment(object) if !object.paused),
        "StatefulSet" => |thing| matches!(thing.kind, WorkloadKind::StatefulSet(_)),
        _ => |_| false,
    }
}

fn must(thing: &Thing, is_kind: fn(&Thing) -> bool) -> bool {
    thing.is_there() && is_kind(thing) && thing.kind.meta().name.starts_with("must")
}

#[test]
fn liveness_of_what_keeps_pods() {
    let mut checker = ended_well(|checker| {
        checker.things.values().any(|thing| must(thing, declared("Deployment")))
            && checker.things.values().any(|thing| must(thing, declared("StatefulSet")))
    });
    for kind in ["Deployment", "StatefulSet"] {
        let is_kind = declared(kind);
        let thing = checker.things.values_mut().find(|thing| must(thing, is_kind)).unwrap();
        let before = thing.kind.clone();
        thing.kind.set_replicas(99);
        thing.scaled = Time::ZERO;
        let name = thing.kind.meta().name.clone();
        let broken = checker.check_declared(&[]).unwrap_err();
        assert!(broken.starts_with("liveness_") && broken.contains(&name), "{broken}");
        checker
            .things
            .values_mut()
            .find(|thing| thing.kind.meta().name == name && is_kind(thing))
            .unwrap()
            .kind = before;
    }
}

#[test]
fn liveness_of_deletions_and_drains() {
    let mut checker = ended_well(|checker| {
        checker.pods.values().any(|pod| {
            pod.is_active()
                && pod.node.is_some()
                && checker.budgets_of(pod).next().is_none()
                && pod.bound < Some(checker.now)
        })
    });
    let (row, pod) = checker
        .pods
        .iter()
        .find(|(_, pod)| pod.is_active() && pod.node.is_some() && checker.budgets_of(pod).next().is_none())
        .unwrap();
    let (row, node) = (*row, checker.machines[&pod.node.unwrap()].node.meta.name.clone());
    let drained = checker.check_declared(&[(checker.now, node)]);
    let is_daemon = checker.is_daemon(&checker.pods[&row]);
    assert!(is_daemon || drained.unwrap_err().contains("liveness_drain"));
    checker.pods.get_mut(&row).unwrap().deleting = Some((Time::ZERO, Span::from_secs(30)));
    let stuck = checker.check_deletions().unwrap_err();
    assert!(stuck.contains("liveness_deletion"), "{stuck}");
}
