//! Random pod templates.

use super::dice::Dice;
use super::generate::{GPU, Mood, TAINT_KEY, ZONE_LABEL, ZONES};
use super::workload::finite;
use crate::api::{
    Container, HostPort, NodeAffinity, NodeSelector, NodeSelectorTerm, Operator, PodSpec, PodTemplate,
    PreferredTerm, Requirement, RestartPolicy, TaintEffect, Toleration, TolerationOperator,
};
use crate::base::{Distribution, Quantity};

/// How long a pod lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    /// It ends with exit code 0 where it finds room.
    Sure,
    /// It ends somehow.
    Ends,
    /// It never ends, and asks for little.
    Endless,
    /// Whatever.
    Any,
}

/// A template; with a restart policy of its own choice where none is given.
pub(super) fn pod(dice: &mut Dice, mood: Mood, life: Life, policy: Option<RestartPolicy>) -> PodTemplate {
    use RestartPolicy::{Always, Never, OnFailure};
    let Mood { calm, ideal } = mood;
    // A pod that is started again for ever would never let a calm run settle.
    let any = if calm { vec![Never, OnFailure] } else { vec![Never, OnFailure, Always] };
    let endless = life == Life::Endless || (calm && life == Life::Any && dice.chance(30));
    let mut spec =
        PodSpec { restart_policy: policy.unwrap_or_else(|| dice.pick(&any)), ..PodSpec::default() };
    for number in 0..dice.pick(&[1, 1, 1, 2]) {
        let container = container(dice, &format!("main-{number}"), endless);
        spec.containers.push(container);
    }
    if dice.chance(15) {
        inits(dice, &mut spec, endless || calm);
    }
    if !endless && dice.chance(12) {
        let ips = ["", "10.0.0.1", "10.0.0.2"];
        let port = HostPort {
            ip: dice.pick(&ips).into(),
            protocol: dice.pick(&["TCP", "TCP", "UDP", ""]).into(),
            port: dice.pick(&[80, 443]),
        };
        spec.containers[0].host_ports.push(port);
    }
    spec.termination_grace_seconds = dice.chance(40).then(|| dice.pick(&[0, 1, 5, 90]));
    let priorities = [0, 100, 1_000_000, -10];
    spec.priority = dice.chance(30).then(|| dice.pick(&priorities));
    if !calm {
        // What a controller replaces at once must not be evicted at once: that would never end.
        let patient = ideal || spec.restart_policy == Always;
        constrain(dice, &mut spec, patient);
    }
    let mut template = PodTemplate { spec, ..PodTemplate::default() };
    behave(dice, &mut template, calm, life, endless);
    template
}

fn container(dice: &mut Dice, name: &str, endless: bool) -> Container {
    let mut container = Container { name: name.into(), ..Container::default() };
    container.image = dice.pick(&["", "registry/app:1", "registry/app:2"]).into();
    if endless {
        container.resources.requests.insert("cpu".into(), Quantity::from_milli(10));
        return container;
    }
    let requests = &mut container.resources.requests;
    if dice.chance(80) {
        // Half a millicore now and then: sums are rounded once.
        let tenths = dice.pick(&[5, 1_000, 2_500, 5_000, 10_000, 15_000]);
        requests.insert("cpu".into(), Quantity(i128::from(tenths) * 100_000));
    }
    if dice.chance(70) {
        requests.insert("memory".into(), Quantity::from_units(dice.pick(&[1, 16 << 20, 256 << 20, 2 << 30])));
    }
    if dice.chance(8) {
        requests.insert(GPU.into(), Quantity::from_units(dice.pick(&[1, 1, 2])));
    }
    for resource in ["cpu", "memory"] {
        if dice.chance(30) {
            // Tiny CPU limits would only make runs long.
            let stated = container.resources.requests.get(resource).copied();
            let stated = stated.filter(|amount| *amount >= Quantity::from_milli(100));
            let limit = stated.filter(|_| dice.chance(60)).unwrap_or(match resource {
                "cpu" => Quantity::from_milli(2_000),
                _ => Quantity::from_units(3 << 30),
            });
            container.resources.limits.insert(resource.into(), limit);
        }
    }
    container
}

fn inits(dice: &mut Dice, spec: &mut PodSpec, endless: bool) {
    for number in 0..dice.between(1, 3) {
        let mut init = container(dice, &format!("init-{number}"), endless);
        init.restart_policy = dice.chance(40).then_some(RestartPolicy::Always);
        spec.init_containers.push(init);
    }
    if dice.chance(30) {
        spec.overhead.insert("cpu".into(), Quantity::from_milli(25));
    }
}

/// Selectors, tolerations and the like, which keep pods from nodes.
fn constrain(dice: &mut Dice, spec: &mut PodSpec, patient: bool) {
    if dice.chance(15) {
        let (key, value) = dice.pick(&[("disk", "ssd"), (ZONE_LABEL, "a"), ("disk", "tape")]);
        spec.node_selector.push((key.into(), value.into()));
    }
    if dice.chance(15) {
        let mut affinity = NodeAffinity::default();
        if dice.chance(70) {
            let terms = (0..dice.between(1, 2)).map(|_| term(dice)).collect();
            affinity.required = Some(NodeSelector { terms });
        }
        if dice.chance(50) {
            affinity.preferred.push(PreferredTerm { weight: 7, preference: term(dice) });
        }
        spec.affinity.node = Some(affinity);
    }
    for _ in 0..dice.pick(&[0, 0, 0, 1, 2]) {
        spec.tolerations.push(toleration(dice, patient));
    }
    if dice.chance(5) {
        spec.active_deadline_seconds = Some(dice.between(1, 300) as i64);
    }
    if dice.chance(2) {
        spec.scheduling_gates.push("example.com/gate".into());
    }
    if dice.chance(2) {
        spec.scheduler_name = "other".into();
    }
}

fn term(dice: &mut Dice) -> NodeSelectorTerm {
    let mut term = NodeSelectorTerm::default();
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2]) {
        let operators = [
            Operator::In,
            Operator::NotIn,
            Operator::Exists,
            Operator::DoesNotExist,
            Operator::Gt,
            Operator::Lt,
        ];
        let operator = dice.pick(&operators);
        let (key, values) = match operator {
            Operator::In | Operator::NotIn => (ZONE_LABEL, vec![dice.pick(&ZONES).to_owned(), "z".into()]),
            Operator::Exists | Operator::DoesNotExist => ("disk", Vec::new()),
            Operator::Gt | Operator::Lt => ("level", vec![dice.between(0, 9).to_string()]),
        };
        term.match_expressions.push(Requirement { key: key.into(), operator, values });
    }
    if dice.chance(10) {
        let values = vec![format!("n{}", dice.between(0, 5))];
        let operator = dice.pick(&[Operator::In, Operator::NotIn]);
        term.match_fields.push(Requirement { key: "metadata.name".into(), operator, values });
    }
    term
}

fn toleration(dice: &mut Dice, patient: bool) -> Toleration {
    let effects =
        [None, Some(TaintEffect::NoSchedule), Some(TaintEffect::NoExecute), Some(TaintEffect::NoExecute)];
    let keys = [TAINT_KEY, TAINT_KEY, "", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
    let key = dice.pick(&keys).to_owned();
    let exists = key != TAINT_KEY || dice.chance(40);
    let operator = if exists { TolerationOperator::Exists } else { TolerationOperator::Equal };
    let value = if exists { String::new() } else { "a".into() };
    let effect = dice.pick(&effects);
    let timed = effect == Some(TaintEffect::NoExecute) && dice.chance(60);
    let seconds = timed.then(|| dice.pick(if patient { &[1, 5, 60] } else { &[0, 60, -3] }));
    Toleration { key, operator, value, effect, seconds }
}

fn behave(dice: &mut Dice, template: &mut PodTemplate, calm: bool, life: Life, endless: bool) {
    let behavior = &mut template.behavior;
    if !endless && (calm || matches!(life, Life::Sure | Life::Ends) || dice.chance(70)) {
        behavior.run_time = Some(finite(dice));
    }
    if dice.chance(40) {
        behavior.init_time = Some(finite(dice));
    }
    if matches!(life, Life::Ends | Life::Any) && !endless {
        if dice.chance(15) {
            behavior.exit_code = Some(Distribution::Empirical(vec![0.0, 0.0, 1.0]));
        }
        if dice.chance(20) {
            behavior.fail_runs = dice.between(1, 4) as u32;
        }
        if !calm && dice.chance(15) {
            // A pod that is killed each time it starts would never let a calm run settle.
            behavior.memory_usage = Some(dice.around(2e9));
        }
    }
    if dice.chance(20) {
        behavior.startup_time = Some(dice.around(10.0));
    }
    if dice.chance(25) {
        behavior.cpu_usage = Some(dice.around(2.0));
    }
    if dice.chance(25) {
        behavior.stop_time = Some(dice.around(8.0));
    }
    if dice.chance(20) {
        behavior.image_size = Some(Distribution::Constant(3e8));
    }
}
