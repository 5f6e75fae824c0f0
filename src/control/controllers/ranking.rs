//! Which pods of a workload are deleted first when there are too many.
//!
//! The order of Kubernetes 1.36, pkg/controller/controller_utils.go (ActivePodsWithRanks;
//! reference control-plane §3.2). It is not transitive in rare cases (two pods that became ready
//! at the same second are compared by other properties than each is with a third), so it is
//! sorted by a merge sort of its own that accepts any answers.

use crate::api::PodPhase;
use crate::base::ids::{NodeId, PodId};
use crate::base::rng::{Purpose, Streams};
use crate::base::{Span, Time};
use crate::cluster::Cluster;
use std::cmp::Ordering;

/// The annotation that makes a pod cheaper or dearer to delete.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What the order looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    /// The pod.
    pub(crate) pod: PodId,
    /// What stands for its UID: UIDs are compared as text of equal length, so numbers do.
    pub(crate) uid: u64,
    /// Whether it has a node.
    pub(crate) assigned: bool,
    /// The phase: 0 Pending, 1 Unknown (which nobody writes any more), 2 Running.
    pub(crate) stage: u8,
    /// When it became ready, if it is.
    pub(crate) ready_since: Option<Time>,
    /// The annotation's value; 0 if there is none.
    pub(crate) deletion_cost: i32,
    /// How many active pods of the same owner's sets share its node.
    pub(crate) rank: u32,
    /// The most restarts of a container.
    pub(crate) restarts: u32,
    /// When the object was created.
    pub(crate) created: Time,
}

/// A pod of the cluster as a candidate. Time stamps are whole seconds, as API objects hold them.
pub(crate) fn candidate(cluster: &Cluster, pod: PodId, rank: u32, seed: u64) -> Candidate {
    let pods = &cluster.pods;
    let index = pod.index();
    let annotations = &cluster.classes[pods.class[index]].template.annotations;
    Candidate {
        pod,
        uid: Streams::new(seed).draw(Purpose::Uid, pods.serial[index]),
        assigned: pods.node[index].is_some(),
        stage: if pods.phase[index] == PodPhase::Pending { 0 } else { 2 },
        ready_since: pods.ready[index].then(|| pods.ready_since[index].floor_second()),
        deletion_cost: annotations.get(DELETION_COST).and_then(|cost| deletion_cost(cost)).unwrap_or(0),
        rank,
        restarts: pods.restarts[index],
        created: pods.created[index].floor_second(),
    }
}

/// Reads the annotation as the original does: no plus sign, no leading zero.
pub(crate) fn deletion_cost(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = text == "0" || !(digits.starts_with('0') || digits.starts_with('+'));
    plain.then(|| text.parse().ok()).flatten()
}

/// How many of `related` are on each node, as ranks of the pods in `pods`.
pub(crate) fn ranks(cluster: &Cluster, pods: &[PodId], related: &[&[PodId]]) -> Vec<u32> {
    let mut on_node: crate::base::Map<Option<NodeId>, u32> = crate::base::Map::default();
    for pod in related.iter().copied().flatten() {
        *on_node.entry(cluster.pods.node[pod.index()]).or_insert(0) += 1;
    }
    pods.iter().map(|pod| on_node.get(&cluster.pods.node[pod.index()]).copied().unwrap_or(0)).collect()
}

/// Sorts candidates: what is to be deleted first comes first.
pub(crate) fn sort(candidates: &mut Vec<Candidate>, now: Time) {
    let mut runs: Vec<Vec<Candidate>> = candidates.drain(..).map(|one| vec![one]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(left, right, now),
                None => left,
            });
        }
        runs = merged;
    }
    *candidates = runs.pop().unwrap_or_default();
}

fn merge(left: Vec<Candidate>, right: Vec<Candidate>, now: Time) -> Vec<Candidate> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let side = if compare(second, first, now) == Ordering::Less { &mut right } else { &mut left };
        merged.extend(side.next());
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

fn compare(a: &Candidate, b: &Candidate, now: Time) -> Ordering {
    a.assigned
        .cmp(&b.assigned)
        .then_with(|| a.stage.cmp(&b.stage))
        .then_with(|| a.ready_since.is_some().cmp(&b.ready_since.is_some()))
        .then_with(|| a.deletion_cost.cmp(&b.deletion_cost))
        .then_with(|| b.rank.cmp(&a.rank))
        .then_with(|| match (a.ready_since, b.ready_since) {
            (Some(first), Some(second)) => by_age(first, second, a.uid, b.uid, now),
            _ => Ordering::Equal,
        })
        .then_with(|| b.restarts.cmp(&a.restarts))
        .then_with(|| by_age(a.created, b.created, a.uid, b.uid, now))
}

/// The younger first, by powers of two of the age; inside such a bucket by UID.
fn by_age(first: Time, second: Time, first_uid: u64, second_uid: u64, now: Time) -> Ordering {
    if first == second {
        return Ordering::Equal;
    }
    bucket(now.since(first)).cmp(&bucket(now.since(second))).then(first_uid.cmp(&second_uid))
}

/// The integer part of the logarithm to base 2 of an age in nanoseconds; none comes before all.
fn bucket(age: Span) -> Option<u32> {
    age.0.checked_ilog2()
}

#[cfg(test)]
mod tests;
