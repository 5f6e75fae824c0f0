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
