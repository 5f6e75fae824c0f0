//! The order of the queue.
//!
//! Expedited requeues first; then who may preempt the other; jobs of a reservation; the partition's
//! tier; the priority; the moment of submission; the job number; the task of the array.

use super::Slurm;
use super::model::{Job, PreemptType};
use super::preempt::may_preempt;
use std::cmp::{Ordering, Reverse};

/// Which of two waiting jobs is looked at first.
pub fn compare(slurm: &Slurm, a: &Job, b: &Job) -> Ordering {
    let first = |yes: bool, other: bool| other.cmp(&yes);
    first(a.expedited, b.expedited)
        .then_with(|| first(may_preempt(slurm, a, b), may_preempt(slurm, b, a)))
        .then_with(|| rest(slurm, a, b))
}

/// The order but for the first two rules, which is total.
fn rest(slurm: &Slurm, a: &Job, b: &Job) -> Ordering {
    let tier = |job: &Job| slurm.partitions[job.partition].tier;
    let task = |job: &Job| job.array.map(|array| array.task);
    b.reserved
        .cmp(&a.reserved)
        .then(tier(b).cmp(&tier(a)))
        .then(b.priority.cmp(&a.priority))
        .then(a.submitted.cmp(&b.submitted))
        .then(a.id.cmp(&b.id))
        .then(task(a).cmp(&task(b)))
}

/// Puts job numbers in the order of the queue.
pub fn sort(slurm: &Slurm, queue: &mut Vec<u32>) {
    if slurm.settings.preemption.kind == PreemptType::Qos {
        // Who may preempt whom need not be transitive, so that there may be no order that keeps to
        // it: a merge gives one that does not depend on anything but the queue.
        let order = |a: &u32, b: &u32| compare(slurm, &slurm.jobs[a], &slurm.jobs[b]);
        *queue = merge_sorted(queue, &order);
    } else {
        // Preemption by partition goes by tiers, and comes before reservations.
        let by_tier = slurm.settings.preemption.kind == PreemptType::PartitionPriority;
        queue.sort_by_cached_key(|id| {
            let job = &slurm.jobs[id];
            let tier = slurm.partitions[job.partition].tier;
            let first = (!job.expedited, Reverse(if by_tier { tier } else { 0 }), !job.reserved);
            let task = job.array.map(|array| array.task);
            (first, Reverse(tier), Reverse(job.priority), job.submitted, job.id, task)
        });
    }
}

fn merge_sorted(queue: &[u32], order: &impl Fn(&u32, &u32) -> Ordering) -> Vec<u32> {
    if queue.len() < 2 {
        return queue.to_vec();
    }
    let (left, right) = queue.split_at(queue.len() / 2);
    let (left, right) = (merge_sorted(left, order), merge_sorted(right, order));
    let mut merged = Vec::with_capacity(queue.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if order(b, a) == Ordering::Less { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}
