//! Cases of mode `daemonset`: which nodes, which pods are missing or too many, a step of a rolling
//! update, and the status; each on the same input.

use super::fields::{flag, time};
use super::sets::{object, phase, ready};
use crate::api::status::DaemonSetStatus;
use crate::api::{DaemonSet, Node, Object, PodPhase, TaintEffect};
use crate::base::{Diagnostic, Set, Span, Time};
use crate::conformance::input::{Case, Objects};
use crate::control::controllers::daemonset::nodes::{DaemonNode, DaemonPod, Rule, desired, manage, status};
use crate::control::controllers::daemonset::placement::{NodeFacts, Placement, daemon_template, placement};
use crate::control::controllers::daemonset::rolling::{Choice, Limits, step, surges};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let now = time(case, &case.input, "now")?;
    let mut objects = Objects::new(case);
    let set = daemon_set(case, &mut objects)?;
    let nodes = placements(case, &mut objects, &set)?;
    let (names, pods) = pods(case, now)?;
    let (node_names, nodes) = joined(&nodes, pods);
    let min_ready = Span::from_secs(set.min_ready_seconds.max(0) as u64);
    let rule = Rule { min_ready, surges: surges(set.update), now };
    let desired = desired(&nodes);
    let limits = Limits::new(set.update, desired);
    let mut failed = Set::default();
    let managed = manage(&nodes, &rule, &mut |node: &DaemonNode| failed.insert(node.id));
    let step = step(&nodes, limits, desired, &rule);
    let seen: Vec<Value> = case
        .list(&case.input, "nodes")?
        .iter()
        .filter_map(|node| node["metadata"]["name"].as_str())
        .map(|name| {
            let placement =
                node_names.binary_search(&name).map_or(Placement::default(), |at| nodes[at].placement);
            json!({ "node": name, "shouldRun": placement.run, "shouldContinueRunning": placement.keep })
        })
        .collect();
    let (create, delete) = (step.create_on, step.delete);
    Ok(json!({
        "nodes": seen,
        "desired": desired,
        "maxSurge": limits.surge,
        "maxUnavailable": limits.unavailable,
        "manage": {
            "createOn": sorted(&managed.create_on, &node_names),
            "delete": sorted(&managed.delete, &names),
        },
        "rollingUpdate": {
            "numCreate": create.taken().len(),
            "numDelete": delete.taken().len(),
            "createAlways": sorted(&sure(&create), &node_names),
            "createCandidates": sorted(&possible(&create), &node_names),
            "deleteAlways": sorted(&sure(&delete), &names),
            "deleteCandidates": sorted(&possible(&delete), &names),
        },
        "status": written_status(&status(&nodes, &rule)),
    }))
}

fn daemon_set(case: &Case, objects: &mut Objects<'_>) -> Result<DaemonSet, Diagnostic> {
    let written = case.require(&case.input, "daemonSet")?;
    let object = object(case.require(written, "spec")?);
    match objects.object(("apps/v1", "DaemonSet"), &object, "daemonSet")? {
        Object::DaemonSet(set) => Ok(*set),
        other => Err(case.error(format!("daemonSet: a {}", other.kind()))),
    }
}

/// For each node, by name, whether it has a pod.
fn placements(
    case: &Case,
    objects: &mut Objects<'_>,
    set: &DaemonSet,
) -> Result<BTreeMap<String, Placement>, Diagnostic> {
    let spec = daemon_template(&set.template).spec;
    let mut placements = BTreeMap::new();
    for (place, value) in case.list(&case.input, "nodes")?.iter().enumerate() {
        let node: Node = objects.node(value, &format!("nodes[{place}]"))?;
        let taints: Vec<(&str, &str, TaintEffect)> = node
            .taints
            .iter()
            .map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect))
            .collect();
        let facts = NodeFacts {
            name: &node.meta.name,
            label: &|key| node.meta.labels.get(key).map(String::as_str),
            taints: &taints,
        };
        let found = placement(&spec, &facts);
        if placements.insert(node.meta.name.clone(), found).is_some() {
            return Err(case.error("there are two nodes of one name").found(&node.meta.name));
        }
    }
    Ok(placements)
}

/// A pod with the name of its node.
type OnNode<'c> = (&'c str, DaemonPod);

/// The names of the pods in order, and the pods with their node; a pod's id is the place of its
/// name.
fn pods(case: &Case, now: Time) -> Result<(Vec<&str>, Vec<OnNode<'_>>), Diagnostic> {
    let mut written: Vec<(&str, &Value)> = case
        .list(&case.input, "pods")?
        .iter()
        .map(|pod| Ok((case.text(pod, "name")?, pod)))
        .collect::<Result<_, Diagnostic>>()?;
    written.sort_by_key(|&(name, _)| name);
    let mut pods = Vec::with_capacity(written.len());
    for (id, (_, pod)) in written.iter().enumerate() {
        let node = case.text(pod, "node")?;
        let daemon = DaemonPod {
            id: id as u32,
            is_new: flag(case, pod, "new")?,
            bound: true,
            created: time(case, pod, "created")?,
            ready: ready(case, pod, now)?,
            phase: phase(case, pod, PodPhase::Running)?.unwrap_or(PodPhase::Pending),
            deleting: flag(case, pod, "deleting")?,
        };
        pods.push((node, daemon));
    }
    Ok((written.into_iter().map(|(name, _)| name).collect(), pods))
}

/// The names of the nodes in order, and the nodes with their pods; a node's id is the place of its
/// name.
fn joined<'n>(
    placements: &'n BTreeMap<String, Placement>,
    pods: Vec<OnNode<'n>>,
) -> (Vec<&'n str>, Vec<DaemonNode>) {
    let mut nodes: BTreeMap<&str, DaemonNode> = BTreeMap::new();
    for (name, placement) in placements {
        let node = DaemonNode { id: 0, exists: true, placement: *placement, pods: Vec::new() };
        nodes.insert(name, node);
    }
    for (name, pod) in pods.into_iter().filter(|(_, pod)| pod.counts()) {
        let gone = DaemonNode { id: 0, exists: false, placement: Placement::default(), pods: Vec::new() };
        nodes.entry(name).or_insert(gone).pods.push(pod);
    }
    for (id, node) in nodes.values_mut().enumerate() {
        node.id = id as u32;
    }
    nodes.into_iter().unzip()
}

fn sorted<'n>(ids: &[u32], names: &[&'n str]) -> Vec<&'n str> {
    let mut sorted: Vec<&str> = ids.iter().map(|&id| names[id as usize]).collect();
    sorted.sort_unstable();
    sorted
}

/// What is taken whichever candidates are.
fn sure(choice: &Choice) -> Vec<u32> {
    if choice.budget == choice.candidates.len() { choice.taken() } else { choice.always.clone() }
}

/// What may be taken.
fn possible(choice: &Choice) -> Vec<u32> {
    let candidates = if choice.budget == 0 { &[][..] } else { &choice.candidates };
    choice.always.iter().chain(candidates).copied().collect()
}

fn written_status(status: &DaemonSetStatus) -> Value {
    json!({
        "desiredNumberScheduled": status.desired,
        "currentNumberScheduled": status.current,
        "numberMisscheduled": status.misscheduled,
        "numberReady": status.ready,
        "numberAvailable": status.available,
        "numberUnavailable": status.unavailable,
        "updatedNumberScheduled": status.updated,
    })
}
