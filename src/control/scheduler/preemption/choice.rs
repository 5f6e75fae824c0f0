//! Which candidate is acted on.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/preemption/preemption.go
//! (pickOneNodeForPreemption; reference kube-scheduler §17.4).

use super::Candidate;
use super::victims::start_second;
use crate::cluster::Cluster;
use std::cmp::Reverse;

/// Added to each priority in the sum, so that fewer victims of negative priority are better than
/// more of them.
const OFFSET: i64 = 1 << 31;

/// The criteria, the first one first; less is better: violated budgets, the priority of the most
/// important victim, the sum of priorities, the number of victims, and the start of the oldest of
/// the victims with the highest priority (the later the better).
type Rank = (u32, i32, i64, usize, Reverse<i64>);

/// The places of the best candidates. At least one, of at least one.
pub(super) fn best(cluster: &Cluster, candidates: &[Candidate]) -> Vec<usize> {
    let ranks: Vec<Rank> = candidates.iter().map(|candidate| rank(cluster, candidate)).collect();
    let best = ranks.iter().min();
    (0..ranks.len()).filter(|&place| Some(&ranks[place]) == best).collect()
}

/// The criteria in words, in their order.
const CRITERIA: [&str; 5] = [
    "it violates the fewest disruption budgets",
    "its most important victim has the lowest priority",
    "the sum of its victims' priorities is the smallest",
    "it has the fewest victims",
    "the oldest of its most important victims was started last",
];

/// The criterion by which one candidate is better than all others; `None` if there is no other, or
/// if several are equal in all.
pub(super) fn decisive(cluster: &Cluster, candidates: &[Candidate]) -> Option<&'static str> {
    let mut left: Vec<Rank> = candidates.iter().map(|candidate| rank(cluster, candidate)).collect();
    let keep: [fn(&Rank, &Rank) -> bool; 5] = [
        |one, best| one.0 == best.0,
        |one, best| one.1 == best.1,
        |one, best| one.2 == best.2,
        |one, best| one.3 == best.3,
        |one, best| one.4 == best.4,
    ];
    let best = *left.iter().min()?;
    for (same, words) in keep.into_iter().zip(CRITERIA) {
        let before = left.len();
        left.retain(|one| same(one, &best));
        if left.len() == 1 && before > 1 {
            return Some(words);
        }
    }
    None
}

fn rank(cluster: &Cluster, candidate: &Candidate) -> Rank {
    let priority = |pod: &crate::base::ids::PodId| cluster.classes[cluster.pods.class[pod.index()]].priority;
    let victims = &candidate.victims;
    let highest = victims.iter().map(priority).max().unwrap_or(i32::MIN);
    let sum = victims.iter().map(|pod| i64::from(priority(pod)) + OFFSET).sum();
    let oldest = victims.iter().filter(|pod| priority(pod) == highest).map(|&pod| start_second(cluster, pod));
    let oldest = oldest.min().unwrap_or(i64::MIN);
    let first = victims.first().map_or(i32::MIN, priority);
    (candidate.violations, first, sum, victims.len(), Reverse(oldest))
}
