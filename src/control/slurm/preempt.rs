//! Preemption: which running jobs make way for one that waits.
//!
//! Candidates are jobs of lower tier or of a listed QOS that have run long enough. They are put in
//! order of priority, taken away one by one until the job fits, and once more in a better order: the
//! one that was needed last first, the others by how many of the chosen nodes they share.

use super::Slurm;
use super::model::{Job, JobState, PreemptMode, PreemptType, Share};
use super::select::choose;
use crate::base::BitSet;
use std::cmp::Reverse;

/// Whether one job may preempt another, by their places alone.
pub fn may_preempt(slurm: &Slurm, job: &Job, other: &Job) -> bool {
    match slurm.settings.preemption.kind {
        PreemptType::None => false,
        PreemptType::PartitionPriority => {
            slurm.partitions[job.partition].tier > slurm.partitions[other.partition].tier
        }
        PreemptType::Qos => slurm.qos[job.qos].preempt.contains(&other.qos),
    }
}

/// What preemption does to a job.
pub fn mode_of(slurm: &Slurm, job: &Job) -> PreemptMode {
    let said = match slurm.settings.preemption.kind {
        PreemptType::None => return PreemptMode::Off,
        PreemptType::PartitionPriority => slurm.partitions[job.partition].preempt_mode,
        PreemptType::Qos => slurm.qos[job.qos].preempt_mode,
    };
    match said.unwrap_or(slurm.settings.preemption.mode) {
        PreemptMode::Requeue if !job.requeue => PreemptMode::Cancel,
        mode => mode,
    }
}

/// Seconds between SIGTERM and SIGKILL for a job that makes way.
pub fn grace_of(slurm: &Slurm, job: &Job) -> u64 {
    match slurm.settings.preemption.kind {
        PreemptType::Qos => slurm.qos[job.qos].grace_time,
        _ => slurm.partitions[job.partition].grace_time,
    }
}

/// The running jobs that may make way for a job, in the order in which they would.
pub fn candidates(slurm: &Slurm, job: &Job, now: u64) -> Vec<u32> {
    let preemption = &slurm.settings.preemption;
    if preemption.kind == PreemptType::None {
        return Vec::new();
    }
    let may_go = |id: &u32| {
        let other = &slurm.jobs[id];
        other.state == JobState::Running
            && may_preempt(slurm, job, other)
            && mode_of(slurm, other) != PreemptMode::Off
            && now.saturating_sub(other.start) >= preemption.exempt_time
    };
    let mut found: Vec<u32> = slurm.running.iter().copied().filter(may_go).collect();
    found.sort_by_key(|id| {
        let other = &slurm.jobs[id];
        let tier = match preemption.kind {
            PreemptType::Qos => u64::from(slurm.qos[other.qos].priority),
            _ => u64::from(slurm.partitions[other.partition].tier),
        };
        let second = if preemption.youngest_first {
            Reverse(other.start as i64)
        } else {
            Reverse(-(other.allocation.len() as i64))
        };
        (tier, second, *id)
    });
    found
}

/// The jobs that make way for one that waits, and the nodes that it gets; `None` if not even all
/// candidates make enough room.
pub fn victims(slurm: &Slurm, job: &Job, usable: &BitSet, now: u64) -> Option<(Vec<u32>, Vec<Share>)> {
    let mut order = candidates(slurm, job, now);
    let mut passes = slurm.settings.preemption.reorder_count;
    loop {
        let (needed, shares) = take_away(slurm, job, usable, &order)?;
        let overlap = |id: &u32| {
            let held = &slurm.jobs[id].allocation;
            held.iter().filter(|share| shares.iter().any(|other| other.node == share.node)).count()
        };
        if passes == 0 || needed == 0 {
            let chosen = order[..needed].iter().copied().filter(|id| overlap(id) > 0).collect();
            return Some((chosen, shares));
        }
        passes -= 1;
        order[..needed].rotate_right(1);
        order[1..].sort_by_key(|id| Reverse(overlap(id)));
    }
}

/// Takes candidates away until the job fits: how many that needs, and where it then fits. Jobs whose
/// end was asked for already do not count.
fn take_away(slurm: &Slurm, job: &Job, usable: &BitSet, order: &[u32]) -> Option<(usize, Vec<Share>)> {
    let mut free = slurm.free.clone();
    for id in &slurm.running {
        let other = &slurm.jobs[id];
        for share in other.allocation.iter().filter(|_| other.state == JobState::Completing) {
            free.release(&other.request, *share);
        }
    }
    if let Some(shares) = choose(slurm, job, usable, &free) {
        return Some((0, shares));
    }
    for (place, id) in order.iter().enumerate() {
        let other = &slurm.jobs[id];
        for share in &other.allocation {
            free.release(&other.request, *share);
        }
        if let Some(shares) = choose(slurm, job, usable, &free) {
            return Some((place + 1, shares));
        }
    }
    None
}
