//! The rows of a decision, from what the scheduler says of an attempt.

use super::{Decision, Ending, Weight};
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::Cluster;
use crate::control::config::DEFAULT_SCHEDULER_NAME;
use crate::control::scheduler::explain::{Explanation, Judgement, NodeExplanation, Verdict};
use crate::control::scheduler::framework::Code;
use serde::Serialize;
use std::cmp::Reverse;

/// What was found out about a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeVerdict {
    /// It passes every filter.
    Feasible,
    /// A filter refused it.
    Refused,
    /// The search did not come to it, or no node was looked at.
    NotEvaluated,
}

/// A score of a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ScoreCell {
    /// The plugin.
    pub plugin: &'static str,
    /// Before normalisation.
    pub raw: i64,
    /// After it, 0 to 100.
    pub normalized: i64,
    /// The weight.
    pub weight: i64,
    /// Normalised score times weight.
    pub weighted: i64,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeRow {
    /// Its name.
    pub node: String,
    /// What was found out about it.
    pub verdict: NodeVerdict,
    /// The weighted sum of its scores, if it is feasible.
    pub total: Option<i64>,
    /// Its scores, if it is feasible; plugins that skipped the pod are absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ScoreCell>,
    /// The plugin that refused it; empty if none did by itself.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub plugin: &'static str,
    /// Its reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Whether preemption could help, if it was refused.
    pub preemption_helps: bool,
}

/// The name of a node.
pub(super) fn node_name(cluster: &Cluster, node: NodeId) -> &str {
    cluster.names.text(cluster.nodes.name[node.index()])
}

/// What an explanation says of the nodes; how the attempt ends is filled in as far as it follows from
/// it. `chosen` is the node that was taken.
pub fn table(
    cluster: &Cluster,
    (pod, class): (String, ClassId),
    explanation: &Explanation,
    chosen: Option<NodeId>,
) -> Decision {
    let spec = &cluster.classes[class];
    let names = |nodes: &[NodeId]| nodes.iter().map(|&node| node_name(cluster, node).to_owned()).collect();
    let profile = match spec.template.spec.scheduler_name.as_str() {
        "" => DEFAULT_SCHEDULER_NAME,
        named => named,
    };
    let weights = explanation.weights.iter().map(|&(plugin, weight)| Weight { plugin, weight });
    Decision {
        pod,
        priority: spec.priority,
        profile: profile.to_owned(),
        result: if chosen.is_some() { Ending::Scheduled } else { Ending::Unschedulable },
        node: chosen.map(|node| node_name(cluster, node).to_owned()),
        rule: rule(explanation),
        message: String::new(),
        node_count: cluster.nodes.order.len(),
        feasible: explanation.found.len(),
        best: explanation.best,
        tied: names(&explanation.tied),
        weights: weights.collect(),
        skipped_filters: explanation.skipped_filters.clone(),
        skipped_scores: explanation.skipped_scores.clone(),
        nodes: rows(cluster, explanation, chosen),
        preemption: None,
    }
}

fn rows(cluster: &Cluster, explanation: &Explanation, chosen: Option<NodeId>) -> Vec<NodeRow> {
    let place = |node: NodeId| explanation.found.iter().position(|&found| found == node);
    let mut entries: Vec<&NodeExplanation> = explanation.nodes.iter().collect();
    // A stable sort: the rest stays in the scheduler's order.
    entries.sort_by_cached_key(|entry| match &entry.judgement {
        Judgement::Feasible { total, .. } => {
            (NodeVerdict::Feasible, Some(entry.node) != chosen, Reverse(*total), place(entry.node))
        }
        Judgement::Refused(_) => (NodeVerdict::Refused, false, Reverse(0), None),
        Judgement::NotEvaluated => (NodeVerdict::NotEvaluated, false, Reverse(0), None),
    });
    entries.into_iter().map(|entry| row(cluster, entry)).collect()
}

fn row(cluster: &Cluster, entry: &NodeExplanation) -> NodeRow {
    let mut row = NodeRow {
        node: node_name(cluster, entry.node).to_owned(),
        verdict: NodeVerdict::NotEvaluated,
        total: None,
        scores: Vec::new(),
        plugin: "",
        reasons: Vec::new(),
        preemption_helps: false,
    };
    match &entry.judgement {
        Judgement::NotEvaluated => {}
        Judgement::Refused(failure) => {
            row.verdict = NodeVerdict::Refused;
            row.plugin = failure.plugin;
            row.reasons.clone_from(&failure.reasons);
            row.preemption_helps = failure.code == Code::Unschedulable;
        }
        Judgement::Feasible { scores, total } => {
            row.verdict = NodeVerdict::Feasible;
            row.total = Some(*total);
            row.scores = scores
                .iter()
                .map(|score| ScoreCell {
                    plugin: score.plugin,
                    raw: score.raw,
                    normalized: score.normalized,
                    weight: score.weight,
                    weighted: score.normalized.saturating_mul(score.weight),
                })
                .collect();
        }
    }
    row
}

/// Which rule decides, in words.
fn rule(explanation: &Explanation) -> String {
    match &explanation.verdict {
        Verdict::NoNodes => "there is no node".to_owned(),
        Verdict::Rejected(failure) if failure.plugin.is_empty() => {
            "the plugins agree on no node before any is looked at".to_owned()
        }
        Verdict::Rejected(failure) => {
            format!("{} rejects the pod before any node is looked at", failure.plugin)
        }
        Verdict::Failed(message) => format!("a plugin failed: {message}"),
        Verdict::Nowhere => "every node is refused".to_owned(),
        Verdict::Promised => {
            "it is the node that the pod was promised, and passes every filter; no other is looked at"
                .to_owned()
        }
        Verdict::Feasible => match (explanation.found.len(), explanation.tied.len(), explanation.picked) {
            (1, ..) => "it is the only feasible node, so scores do not count".to_owned(),
            (_, 1, _) => "it has the highest total".to_owned(),
            (_, tied, Some(_)) => format!(
                "of {tied} nodes with the highest total it comes first in the heap's order of the feasible nodes"
            ),
            (_, tied, None) => format!("it is drawn from {tied} nodes with the highest total"),
        },
    }
}
