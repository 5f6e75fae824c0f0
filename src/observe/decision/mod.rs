//! One decision of the scheduler in full, as plain names and numbers: every node with its scores or
//! the reasons of its refusal, the winner and the rule that decided, and what preemption would do.
//!
//! How it is shown, and when the pod was tried before, is not known here.

mod ask;
mod preempt;
mod table;

pub use ask::{Acting, ask};
pub use preempt::{CandidateRow, OtherRow, PreemptionTable};
pub use table::{NodeRow, NodeVerdict, ScoreCell, table};

use serde::Serialize;

/// How an attempt has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A node was found.
    Scheduled,
    /// None was found.
    Unschedulable,
    /// The pod is held back before the queue.
    Gated,
}

/// A score plugin of the profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Weight {
    /// Its name.
    pub plugin: &'static str,
    /// Its weight.
    pub weight: i64,
}

/// A decision in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Decision {
    /// The pod, as `namespace/name`.
    pub pod: String,
    /// Its priority.
    pub priority: i32,
    /// The profile that decides on it.
    pub profile: String,
    /// How the attempt has ended.
    pub result: Ending,
    /// The node that was chosen.
    pub node: Option<String>,
    /// The rule by which it was chosen, or what held the pod back, in words.
    pub rule: String,
    /// The message of a failed attempt, with what PostFilter says; empty if there is none.
    pub message: String,
    /// How many nodes there are.
    pub node_count: usize,
    /// How many of them were found feasible.
    pub feasible: usize,
    /// The highest total.
    pub best: Option<i64>,
    /// The nodes that have it, in the order in which they were found.
    pub tied: Vec<String>,
    /// The score plugins of the profile, in order.
    pub weights: Vec<Weight>,
    /// The plugins whose filters had nothing to do for this pod.
    pub skipped_filters: Vec<&'static str>,
    /// The plugins that have no score for this pod.
    pub skipped_scores: Vec<&'static str>,
    /// Every node: the feasible ones first, the chosen one and then the best first; then the refused
    /// ones and those that the search did not come to, in the scheduler's order.
    pub nodes: Vec<NodeRow>,
    /// What preemption came to, if it was tried.
    pub preemption: Option<PreemptionTable>,
}

impl Decision {
    /// The nodes with a verdict.
    pub fn with(&self, verdict: NodeVerdict) -> impl Iterator<Item = &NodeRow> {
        self.nodes.iter().filter(move |row| row.verdict == verdict)
    }

    /// The refused nodes by plugin and reasons, the most frequent first.
    pub fn refusals(&self) -> Vec<Refusal<'_>> {
        let mut groups: Vec<Refusal<'_>> = Vec::new();
        let mut known = std::collections::BTreeMap::new();
        for row in self.with(NodeVerdict::Refused) {
            let place = *known.entry((row.plugin, &row.reasons, row.preemption_helps)).or_insert_with(|| {
                let preemption_helps = row.preemption_helps;
                groups.push(Refusal {
                    plugin: row.plugin,
                    reasons: &row.reasons,
                    preemption_helps,
                    nodes: Vec::new(),
                });
                groups.len() - 1
            });
            groups[place].nodes.push(&row.node);
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.nodes.len()));
        groups
    }
}

/// Nodes that were refused for the same reasons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal<'d> {
    /// The plugin; empty if PreFilter named other nodes.
    pub plugin: &'d str,
    /// Its reasons.
    pub reasons: &'d [String],
    /// Whether preemption could help.
    pub preemption_helps: bool,
    /// The nodes.
    pub nodes: Vec<&'d str>,
}
