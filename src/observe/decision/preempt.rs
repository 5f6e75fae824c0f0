//! What preemption came to, as names and numbers.

use super::table::node_name;
use crate::base::ids::PodId;
use crate::cluster::Cluster;
use crate::control::scheduler::preemption::{Nomination, Preemption};
use crate::control::snapshot::full_pod_name;
use serde::Serialize;

/// A node on which evictions make room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CandidateRow {
    /// The node.
    pub node: String,
    /// The pods to evict, as `namespace/name`, most important first, with their priorities.
    pub victims: Vec<(String, i32)>,
    /// How many of them a disruption budget protects.
    pub violations: u32,
}

/// A node on which evictions were tried in vain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OtherRow {
    /// The node.
    pub node: String,
    /// Why it stays closed.
    pub reasons: Vec<String>,
}

/// What preemption came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PreemptionTable {
    /// How many nodes refuse the pod for a reason that evictions may take away.
    pub potential: usize,
    /// The node that the pod is promised.
    pub node: Option<String>,
    /// The rule by which it was chosen, in words.
    pub rule: String,
    /// The nodes on which evictions make room, the chosen one first.
    pub candidates: Vec<CandidateRow>,
    /// The others that were tried.
    pub others: Vec<OtherRow>,
    /// Pods of lower priority that lose their promise of the chosen node.
    pub cleared: Vec<String>,
}

/// The table of a preemption.
pub(super) fn table(cluster: &Cluster, preemption: &Preemption) -> PreemptionTable {
    let priority = |pod: PodId| cluster.classes[cluster.pods.class[pod.index()]].priority;
    let mut candidates: Vec<CandidateRow> = preemption
        .candidates
        .iter()
        .map(|candidate| CandidateRow {
            node: node_name(cluster, candidate.node).to_owned(),
            victims: candidate
                .victims
                .iter()
                .map(|&pod| (full_pod_name(cluster, pod), priority(pod)))
                .collect(),
            violations: candidate.violations,
        })
        .collect();
    if let Some(chosen) = preemption.chosen {
        candidates[..=chosen].rotate_right(1);
    }
    let others = preemption.others.iter().map(|other| OtherRow {
        node: node_name(cluster, other.node).to_owned(),
        reasons: other.failure(cluster).reasons,
    });
    PreemptionTable {
        potential: preemption.potential.len(),
        node: preemption.choice().map(|candidate| node_name(cluster, candidate.node).to_owned()),
        rule: rule(cluster, preemption),
        candidates,
        others: others.collect(),
        cleared: preemption.cleared.iter().map(|&pod| full_pod_name(cluster, pod)).collect(),
    }
}

fn rule(cluster: &Cluster, preemption: &Preemption) -> String {
    match (preemption.candidates.len(), preemption.tied.len(), preemption.nomination) {
        (1, _, Nomination::Set(_)) => "it is the only node where evictions make room".to_owned(),
        (_, 1, Nomination::Set(_)) => preemption.decisive(cluster).unwrap_or_default().to_owned(),
        (_, tied, Nomination::Set(_)) => format!("it is drawn from {tied} equally good nodes"),
        _ if !preemption.others.is_empty() => "evictions make room nowhere".to_owned(),
        _ if preemption.status.message.contains("not eligible") => {
            let message = preemption.status.message.trim_start_matches("preemption: ");
            message.trim_end_matches('.').to_owned()
        }
        _ => "no refusal can be taken away by evictions".to_owned(),
    }
}
