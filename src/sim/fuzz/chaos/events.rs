//! Random trouble, and its end.

use super::objects::{self, Work};
use super::{Known, node};
use crate::api::workload::{DaemonSetUpdate, PodManagement, StatefulSetUpdate};
use crate::api::{Object, ObjectMeta, PodTemplate, Taint, TaintEffect};
use crate::base::{Distribution, Span, Time};
use crate::control::Process;
use crate::sim::fuzz::dice::Dice;
use crate::sim::fuzz::generate::{self, TAINT_KEY};
use crate::sim::timing::RateLimit;
use crate::sim::{
    Action, ClientGroup, ControlFault, ControlFaultKind, Fault, FaultKind, FaultScope, FaultWhen, Lease,
    Measure, NodeSetup, Plane, Replicas,
};
use std::sync::Arc;

/// Kubernetes takes pods of a machine with this taint for gone.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Failures of machines, all of which are over in time.
pub(super) fn machine_faults(dice: &mut Dice, nodes: &[NodeSetup], horizon: u64) -> Vec<Fault> {
    let count = dice.pick(&[0, 0, 1, 1, 2, 3]);
    let fault = |dice: &mut Dice| {
        let scope = dice.pick(&[FaultScope::Node, FaultScope::Node, FaultScope::Rack, FaultScope::Zone]);
        let groups = generate::groups(dice, nodes, scope);
        let (at, lasts) = spell(dice, horizon, &[1, 20, 45, 120, 400, 2_000]);
        let when = FaultWhen::Scheduled { at, duration: Some(lasts) };
        Fault { groups, scope, kind: dice.pick(&[FaultKind::Crash, FaultKind::Partition]), when }
    };
    (0..count).map(|_| fault(dice)).collect()
}

/// A moment, and a time that is over before the end of the trouble.
fn spell(dice: &mut Dice, horizon: u64, lengths: &[u64]) -> (Time, Span) {
    let at = dice.between(0, horizon - 1);
    let most = dice.pick(lengths).min(horizon - at);
    (Time::from_secs(at), Span::from_millis(dice.between(0, most * 1_000)))
}

/// The processes of the control plane, and what goes wrong with them for a while.
pub(super) fn plane(dice: &mut Dice, horizon: u64, ideal: bool) -> Plane {
    let replicas = |dice: &mut Dice| Replicas {
        standbys: dice.pick(&[0, 1, 1, 2]),
        election: dice.chance(85).then(Lease::default),
    };
    let mut plane =
        Plane { scheduler: replicas(dice), controller_manager: replicas(dice), ..Plane::default() };
    for _ in 0..dice.between(0, 3) {
        let (at, lasts) = spell(dice, horizon, &[1, 12, 45, 120, 600]);
        let kind = control_fault(dice, ideal);
        plane.faults.push(ControlFault { at, duration: Some(lasts), kind });
    }
    plane
}

fn control_fault(dice: &mut Dice, ideal: bool) -> ControlFaultKind {
    let process = dice.pick(&Process::ALL);
    let delay = if ideal { 0.5 } else { dice.pick(&[0.01, 0.5, 3.0]) };
    let delay = Distribution::Uniform { min: 0.0, max: delay };
    match dice.between(0, 7) {
        0..=2 => ControlFaultKind::Kill(process),
        3..=4 => ControlFaultKind::ApiServerDown,
        5 => ControlFaultKind::SlowWrites(delay),
        6 => ControlFaultKind::WatchDelay(delay),
        _ => {
            let groups = [ClientGroup::Scheduler, ClientGroup::Controllers, ClientGroup::Kubelets];
            ControlFaultKind::Limit(dice.pick(&groups), Some(RateLimit { qps: 2.0, burst: 3 }))
        }
    }
}

/// What people do while there is trouble.
pub(super) fn actions(
    dice: &mut Dice,
    nodes: &[NodeSetup],
    work: &mut Work,
    horizon: u64,
) -> Vec<(Time, Action)> {
    let count = dice.between(0, 14);
    let mut times: Vec<u64> = (0..count).map(|_| dice.between(1, horizon)).collect();
    times.sort_unstable();
    let mut actions = Vec::new();
    for second in times {
        let at = Time::from_secs(second) + Span::from_millis(dice.pick(&[0, 0, 1, 500]));
        let node = dice.pick(nodes).node.meta.name.clone();
        match dice.between(0, 9) {
            0..=3 => on_workload(dice, work, at, horizon, &mut actions),
            4 => on_pod(dice, work, at, &mut actions),
            5..=6 => actions.push((at, on_node(dice, node))),
            7 => actions.push((at, Action::Drain(node))),
            8 => actions.push((at, on_machine(dice, nodes, node))),
            _ => {
                let process = dice.pick(&Process::ALL);
                actions.push((
                    at,
                    if dice.chance(60) { Action::Kill(process) } else { Action::Launch(process) },
                ));
            }
        }
    }
    actions
}

fn on_node(dice: &mut Dice, node: String) -> Action {
    match dice.between(0, 4) {
        0 => Action::Cordon(node),
        1..=2 => Action::Uncordon(node),
        _ => {
            let keys = [TAINT_KEY, TAINT_KEY, TAINT_KEY, OUT_OF_SERVICE];
            let effects = [TaintEffect::NoSchedule, TaintEffect::NoExecute, TaintEffect::PreferNoSchedule];
            let taint =
                Taint { key: dice.pick(&keys).into(), value: "a".into(), effect: dice.pick(&effects) };
            let (mut add, mut remove) = (Vec::new(), Vec::new());
            if dice.chance(70) {
                add.push(taint);
            } else {
                remove.push(taint);
            }
            Action::Taint { node, add, remove }
        }
    }
}

fn on_machine(dice: &mut Dice, nodes: &[NodeSetup], node: String) -> Action {
    match dice.between(0, 5) {
        0..=1 => Action::FailNode { node, kind: dice.pick(&[FaultKind::Crash, FaultKind::Partition]) },
        2 => Action::RecoverNode(node),
        3..=4 => Action::RemoveNode(node),
        _ => {
            let again = dice.pick(nodes);
            Action::AddNode(Box::new((*again.node).clone()))
        }
    }
}

/// Something that a person does to a pod, by its name where that is known.
fn on_pod(dice: &mut Dice, work: &Work, at: Time, actions: &mut Vec<(Time, Action)>) {
    let has_names = |known: &&Known| matches!(known.object, Object::StatefulSet(_) | Object::Job(_));
    let named: Vec<&Known> = work.known.iter().filter(has_names).collect();
    if named.is_empty() {
        return;
    }
    let meta = dice.pick(&named).object.meta().clone();
    let (namespace, name) = (meta.namespace, format!("{}-{}", meta.name, dice.between(0, 5)));
    let action = if dice.chance(50) {
        Action::Evict { namespace, name }
    } else {
        let grace = dice.pick(&[None, None, Some(Span::ZERO), Some(Span::from_secs(1))]);
        Action::Delete { kind: "Pod", namespace, name, grace }
    };
    actions.push((at, action));
}

/// Something that a person does to a workload.
fn on_workload(dice: &mut Dice, work: &mut Work, at: Time, horizon: u64, actions: &mut Vec<(Time, Action)>) {
    let place = dice.between(0, work.known.len() as u64 - 1) as usize;
    let loads: Vec<(ObjectMeta, Measure)> = work
        .known
        .iter()
        .filter(|known| matches!(known.object, Object::HorizontalPodAutoscaler(_)))
        .map(|known| known.object.meta().clone())
        .zip(work.loads.iter().map(|load| load.measure.clone()))
        .collect();
    let known = &mut work.known[place];
    let ObjectMeta { name, namespace, .. } = known.object.meta().clone();
    let kind = known.object.kind();
    let is_sized = matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet");
    match dice.between(0, 9) {
        0..=4 => {
            change(dice, known);
            let keep_replicas = dice.chance(70);
            actions.push((at, Action::Replace { object: Box::new(known.object.clone()), keep_replicas }));
        }
        5..=6 if is_sized => {
            let replicas = dice.between(0, 8) as i32;
            actions.push((at, Action::Scale { kind, namespace, name, replicas }));
        }
        7 if kind == "Deployment" => {
            known.is_dubious = true;
            let revision = dice.chance(30).then(|| dice.between(1, 3));
            actions.push((at, Action::RolloutUndo { namespace, name, revision }));
        }
        8 if dice.chance(50) => {
            actions.push((at, Action::Delete { kind, namespace, name, grace: None }));
            if dice.chance(70) {
                let later = at + Span::from_millis(dice.pick(&[0, 1, 2_000, 60_000]));
                actions.push((later, Action::Create(Box::new(known.object.clone()))));
            }
        }
        _ if !loads.is_empty() => {
            let (meta, measure) = dice.pick(&loads);
            let load = objects::load(dice, &meta.name, &meta.namespace, measure, horizon);
            actions.push((at, Action::SetLoad(Box::new(load))));
        }
        _ => {}
    }
}

/// A person writes another specification.
fn change(dice: &mut Dice, known: &mut Known) {
    known.version += 1;
    let app = known.object.meta().name.clone();
    let version = known.version;
    let broken = forgets(&known.object) && dice.chance(15);
    known.is_dubious |= broken;
    let mut fresh = |template: &mut Arc<PodTemplate>| {
        *template = Arc::new(objects::server(dice, &app, version, broken));
    };
    match &mut known.object {
        Object::Deployment(object) => {
            fresh(&mut object.template);
            object.paused = dice.chance(10);
            known.is_dubious |= object.paused;
            if dice.chance(20) {
                object.strategy = objects::strategy(dice);
            }
        }
        Object::StatefulSet(object) => fresh(&mut object.template),
        Object::DaemonSet(object) => fresh(&mut object.template),
        Object::ReplicaSet(object) => {
            object.min_ready_seconds = dice.pick(&[0, 10]);
            known.is_dubious = false;
        }
        Object::Job(object) => object.suspend = dice.chance(50),
        Object::CronJob(object) => object.suspend = dice.chance(30),
        Object::PodDisruptionBudget(object) => {
            let (meta, selector) = (object.meta.clone(), object.selector.clone().unwrap_or_default());
            **object = objects::budget(dice, meta, selector);
        }
        Object::ResourceQuota(object) if object.meta.namespace != "default" => {
            known.object = objects::quota(dice, &object.meta.namespace.clone());
        }
        _ => {}
    }
}

/// Whether a template that never becomes ready goes when another is declared. A StatefulSet that goes on
/// pod by pod never gets rid of it, as is documented of the real one; neither does what is not replaced
/// by itself.
fn forgets(object: &Object) -> bool {
    match object {
        Object::StatefulSet(set) => {
            let all = StatefulSetUpdate::RollingUpdate { partition: 0, max_unavailable: None };
            set.pod_management == PodManagement::Parallel && set.update == all
        }
        Object::DaemonSet(set) => set.update != DaemonSetUpdate::OnDelete,
        _ => true,
    }
}

/// The end of the trouble: machines and processes are back, nobody keeps pods off nodes (but for some
/// nodes that stay cordoned), and what was declared in a way that cannot come true is declared anew.
pub(super) fn make_good(
    dice: &mut Dice,
    nodes: &[NodeSetup],
    work: &Work,
    second: u64,
    actions: &mut Vec<(Time, Action)>,
) {
    let at = Time::from_secs(second);
    let stay = dice.between(0, nodes.len() as u64 / 2) as usize;
    for (row, setup) in nodes.iter().enumerate() {
        let name = setup.node.meta.name.clone();
        actions.push((at, Action::RecoverNode(name.clone())));
        actions.push((at, Action::AddNode(Box::new((*setup.node).clone()))));
        if row >= stay {
            actions.push((at, Action::Uncordon(name.clone())));
        }
        let keys = [TAINT_KEY, OUT_OF_SERVICE];
        let effects = [TaintEffect::NoSchedule, TaintEffect::NoExecute, TaintEffect::PreferNoSchedule];
        let remove = keys
            .into_iter()
            .flat_map(|key| effects.map(|effect| Taint { key: key.into(), value: String::new(), effect }));
        actions.push((at, Action::Taint { node: name, add: Vec::new(), remove: remove.collect() }));
    }
    for process in Process::ALL {
        actions.push((at, Action::Launch(process)));
    }
    if dice.chance(20) {
        actions.push((at, Action::AddNode(Box::new(node(dice, 90)))));
    }
    for known in &work.known {
        let object = good(dice, known);
        if let Some(object) = object {
            actions.push((at, Action::Replace { object: Box::new(object), keep_replicas: true }));
        }
    }
}

/// The object as it can come true, if it may be otherwise now.
fn good(dice: &mut Dice, known: &Known) -> Option<Object> {
    let mut object = known.object.clone();
    let app = object.meta().name.clone();
    match &mut object {
        Object::Job(job) if job.suspend || known.version > 0 => job.suspend = false,
        Object::CronJob(cron) => cron.suspend = false,
        _ if !known.is_dubious => return None,
        Object::Deployment(deployment) => {
            deployment.paused = false;
            deployment.template = Arc::new(objects::server(dice, &app, known.version + 1, false));
        }
        Object::StatefulSet(set) => {
            set.template = Arc::new(objects::server(dice, &app, known.version + 1, false));
        }
        Object::DaemonSet(set) => {
            set.template = Arc::new(objects::server(dice, &app, known.version + 1, false));
        }
        _ => return None,
    }
    Some(object)
}
