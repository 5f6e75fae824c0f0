//! The answers as JSON, in the fields of the recorded ones.
//!
//! What is decided, and how, is not known here.

use crate::base::Quantity;
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::cluster::Cluster;
use crate::cluster::requests::{self, Defaults};
use crate::control::Snapshot;
use crate::control::scheduler::explain::{Explanation, Failure, Judgement, NodeExplanation, Score, Verdict};
use serde_json::{Map, Value, json};

/// The fields of an object.
pub(super) type Fields = Map<String, Value>;

/// An object of these fields.
pub(super) fn fields<const N: usize>(entries: [(&str, Value); N]) -> Fields {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Adds a field.
pub(super) fn put(into: &mut Fields, key: &str, value: impl Into<Value>) {
    into.insert(key.to_owned(), value.into());
}

/// Adds a list, unless it is empty.
pub(super) fn put_list(into: &mut Fields, key: &str, list: &[&str]) {
    if !list.is_empty() {
        put(into, key, list);
    }
}

/// What a pod of a class asks for, as it will be accounted on a node.
pub(super) fn request(cluster: &Cluster, class: ClassId) -> Value {
    let class = &cluster.classes[class];
    let amounts = class.counted.iter().copied();
    let mut written = amounts_of(cluster, amounts, class.non_zero);
    // Scalars that are asked for in the amount of zero are listed, too.
    let listed = requests::pod_requests(&class.template.spec, Defaults::default(), true);
    let zero = |(name, amount): (&String, &Quantity)| {
        let is_scalar = !matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        is_scalar && requests::is_tracked(name) && requests::to_integer(name, *amount) == 0
    };
    for (name, _) in listed.iter().filter(|&entry| zero(entry)) {
        let scalars = written.entry("scalar").or_insert_with(|| Value::Object(Fields::new()));
        scalars.as_object_mut().map(|scalars| scalars.insert(name.clone(), 0.into()));
    }
    Value::Object(written)
}

/// What is accounted on a node.
fn load(cluster: &Cluster, node: NodeId) -> Value {
    let (nodes, index) = (&cluster.nodes, node.index());
    let amounts = (0..).zip(&nodes.requested).map(|(id, column)| (ResourceId(id), column[index]));
    let mut load = amounts_of(cluster, amounts, [nodes.non_zero[0][index], nodes.non_zero[1][index]]);
    put(&mut load, "pods", nodes.pod_count[index]);
    Value::Object(load)
}

fn amounts_of(
    cluster: &Cluster,
    amounts: impl Iterator<Item = (ResourceId, i64)>,
    [cpu, memory]: [i64; 2],
) -> Fields {
    let mut written = fields([("milliCPU", 0.into()), ("memory", 0.into())]);
    let mut scalars = Map::new();
    for (resource, amount) in amounts.filter(|(_, amount)| *amount != 0) {
        match cluster.resource_name(resource) {
            "cpu" => put(&mut written, "milliCPU", amount),
            "memory" => put(&mut written, "memory", amount),
            "ephemeral-storage" => put(&mut written, "ephemeralStorage", amount),
            name => put(&mut scalars, name, amount),
        }
    }
    if !scalars.is_empty() {
        put(&mut written, "scalar", scalars);
    }
    put(&mut written, "nonZeroMilliCPU", cpu);
    put(&mut written, "nonZeroMemory", memory);
    written
}

/// Why something was refused; reasons are sorted.
pub(super) fn failure(failure: &Failure) -> Value {
    let mut reasons = failure.reasons.clone();
    reasons.sort_unstable();
    json!({ "plugin": failure.plugin, "code": failure.code.name(), "reasons": reasons })
}

/// Every node with what was found out about it, sorted by name.
pub(super) fn nodes(scene: &Snapshot, explanation: &Explanation) -> Value {
    let with_load = |entry: &NodeExplanation| {
        let mut fields = node(scene, entry);
        put(&mut fields, "requested", load(&scene.cluster, entry.node));
        fields
    };
    sorted_nodes(scene, explanation, with_load)
}

/// The same with the failures alone.
pub(super) fn failures(scene: &Snapshot, explanation: &Explanation) -> Value {
    sorted_nodes(scene, explanation, |entry| {
        let mut fields = node(scene, entry);
        for key in ["raw", "normalized", "total"] {
            fields.remove(key);
        }
        fields
    })
}

fn sorted_nodes(
    scene: &Snapshot,
    explanation: &Explanation,
    written: impl Fn(&NodeExplanation) -> Fields,
) -> Value {
    let mut entries: Vec<&NodeExplanation> = explanation.nodes.iter().collect();
    entries.sort_by_key(|entry| scene.node_name(entry.node));
    // That no node was looked at goes without saying where the pod was rejected as a whole.
    let is_whole = matches!(explanation.verdict, Verdict::Rejected(_));
    let entry = |entry: &NodeExplanation| {
        let mut fields = written(entry);
        if is_whole {
            fields.remove("notEvaluated");
        }
        Value::Object(fields)
    };
    entries.into_iter().map(entry).collect()
}

fn node(scene: &Snapshot, entry: &NodeExplanation) -> Fields {
    let is_feasible = entry.total().is_some();
    let mut written =
        fields([("node", scene.node_name(entry.node).into()), ("feasible", is_feasible.into())]);
    match &entry.judgement {
        Judgement::NotEvaluated => put(&mut written, "notEvaluated", true),
        Judgement::Refused(refused) => put(&mut written, "failure", failure(refused)),
        Judgement::Feasible { scores, total } => {
            put(&mut written, "raw", by_plugin(scores, |score| score.raw));
            put(&mut written, "normalized", by_plugin(scores, |score| score.normalized));
            put(&mut written, "total", *total);
        }
    }
    written
}

/// A number for each plugin that scored.
pub(super) fn by_plugin(scores: &[Score], number: impl Fn(&Score) -> i64) -> Value {
    scores
        .iter()
        .map(|score| (score.plugin, number(score)))
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .map(|(name, number)| (name.to_owned(), Value::from(number)))
        .collect::<Fields>()
        .into()
}

/// The names of nodes in their order.
pub(super) fn names(scene: &Snapshot, nodes: &[NodeId]) -> Value {
    nodes.iter().map(|&node| scene.node_name(node)).collect()
}
