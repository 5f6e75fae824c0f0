//! Whether a pod may be on a node, worked out from the objects as written: slowly, plainly, and
//! without the scheduler's code.

use crate::api::{
    HostPort, Node, NodeSelectorTerm, PodSpec, RestartPolicy, Taint, TaintEffect, Toleration,
    TolerationOperator,
};
use crate::base::Quantity;
use std::collections::BTreeMap;

/// The taint that stands for a cordon where a pod tolerates it.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The taints that pods tolerate for a while where they say nothing.
const TOLERATED: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Amounts by resource name.
type Amounts<'a> = BTreeMap<&'a str, Quantity>;

/// What keeps a pod off a node, but for other pods; `None` if nothing does. `node` has the labels,
/// `taints` and `cordoned` are as they are now.
pub(super) fn refusal(
    spec: &PodSpec,
    node: &Node,
    taints: &[Taint],
    cordoned: bool,
    default_tolerations: bool,
) -> Option<String> {
    if !spec.node_name.is_empty() && spec.node_name != node.meta.name {
        return Some(format!("it asks for node {}", spec.node_name));
    }
    for (key, value) in &spec.node_selector {
        if node.meta.labels.get(key) != Some(value) {
            return Some(format!("its node selector wants {key}={value}"));
        }
    }
    let required = spec.affinity.node.as_ref().and_then(|affinity| affinity.required.as_ref());
    if let Some(required) = required
        && !required.terms.iter().any(|term| term_holds(term, node))
    {
        return Some("its required node affinity does not match".into());
    }
    let cordon = cordoned.then(|| Taint {
        key: UNSCHEDULABLE.into(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
    });
    for taint in taints.iter().chain(&cordon) {
        let by_default = default_tolerations
            && taint.effect == TaintEffect::NoExecute
            && TOLERATED.contains(&taint.key.as_str());
        let borne = by_default || spec.tolerations.iter().any(|toleration| bears(toleration, taint));
        if taint.effect != TaintEffect::PreferNoSchedule && !borne {
            return Some(format!(
                "it does not tolerate {}={}:{}",
                taint.key,
                taint.value,
                taint.effect.name()
            ));
        }
    }
    None
}

fn term_holds(term: &NodeSelectorTerm, node: &Node) -> bool {
    if term.match_expressions.is_empty() && term.match_fields.is_empty() {
        return false;
    }
    let label = |key: &String| node.meta.labels.get(key).map(String::as_str);
    term.match_expressions.iter().all(|requirement| requirement.matches_value(label(&requirement.key)))
        && term.match_fields.iter().all(|requirement| requirement.matches_value(Some(&node.meta.name)))
}

fn bears(toleration: &Toleration, taint: &Taint) -> bool {
    let key = toleration.key.is_empty() || toleration.key == taint.key;
    let value = toleration.operator == TolerationOperator::Exists || toleration.value == taint.value;
    key && value && toleration.effect.is_none_or(|effect| effect == taint.effect)
}

/// What pods together request, in whole millicores and units a pod, compared with what a node has.
/// `None` if they fit.
pub(super) fn overload<'a>(node: &Node, pods: impl Iterator<Item = &'a PodSpec>) -> Option<String> {
    let mut totals: BTreeMap<&str, i64> = BTreeMap::new();
    let mut count = 0;
    for spec in pods {
        count += 1;
        for (name, amount) in requests(spec) {
            *totals.entry(name).or_default() += whole(name, amount);
        }
    }
    totals.insert("pods", count);
    totals.into_iter().find_map(|(name, total)| {
        let allocatable = node.allocatable.get(name).copied().unwrap_or_default();
        let has = if name == "cpu" { allocatable.milli_ceil() } else { allocatable.units_ceil() };
        (total > has).then(|| format!("{total} of {name} requested and {has} allocatable"))
    })
}

fn whole(name: &str, amount: Quantity) -> i64 {
    if name == "cpu" { amount.milli_ceil() } else { amount.units_ceil() }
}

/// What a pod requests of one resource.
pub(super) fn request(spec: &PodSpec, resource: &str) -> Quantity {
    requests(spec).get(resource).copied().unwrap_or_default()
}

/// The largest need of a pod at any moment of its life: each init container with the sidecars that
/// are there by then, then all containers.
fn requests(spec: &PodSpec) -> Amounts<'_> {
    let mut sidecars = Amounts::new();
    let mut most = Amounts::new();
    for init in &spec.init_containers {
        let mut moment = sidecars.clone();
        add(&mut moment, init.resources.requests.iter());
        if init.restart_policy == Some(RestartPolicy::Always) {
            sidecars.clone_from(&moment);
        }
        largest(&mut most, &moment);
    }
    let mut running = sidecars;
    for container in &spec.containers {
        add(&mut running, container.resources.requests.iter());
    }
    largest(&mut most, &running);
    add(&mut most, spec.overhead.iter());
    most
}

fn add<'a>(sum: &mut Amounts<'a>, more: impl Iterator<Item = (&'a String, &'a Quantity)>) {
    for (name, amount) in more {
        *sum.entry(name).or_default() += *amount;
    }
}

fn largest<'a>(most: &mut Amounts<'a>, other: &Amounts<'a>) {
    for (name, amount) in other {
        let entry = most.entry(name).or_default();
        *entry = (*entry).max(*amount);
    }
}

/// Whether two pods want the same port of a host.
pub(super) fn ports_conflict(one: &PodSpec, other: &PodSpec) -> bool {
    ports(one).any(|a| ports(other).any(|b| clash(a, b)))
}

/// The ports that a pod holds: those of its sidecars and containers.
fn ports(spec: &PodSpec) -> impl Iterator<Item = &HostPort> {
    let sidecars =
        spec.init_containers.iter().filter(|init| init.restart_policy == Some(RestartPolicy::Always));
    sidecars.chain(&spec.containers).flat_map(|container| &container.host_ports)
}

fn clash(a: &HostPort, b: &HostPort) -> bool {
    let every = |port: &HostPort| port.ip.is_empty() || port.ip == "0.0.0.0";
    let protocol =
        |port: &HostPort| if port.protocol.is_empty() { "TCP".into() } else { port.protocol.clone() };
    a.port == b.port && protocol(a) == protocol(b) && (every(a) || every(b) || a.ip == b.ip)
}
