//! Multifactor priority.
//!
//! Each factor lies between 0 and 1 unless a flag says otherwise; the priority is their weighted sum,
//! less the user's nice value, cut to a whole number of at least 1. A held job has 0.

use super::Slurm;
use super::model::Job;
use super::tres::TresWeights;

/// The weights of the factors (`PriorityWeight…`).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Weights {
    /// Of the time a job has waited.
    pub age: u32,
    /// Of the association's priority.
    pub association: u32,
    /// Of the fair share.
    pub fair_share: u32,
    /// Of the size.
    pub job_size: u32,
    /// Of the partition.
    pub partition: u32,
    /// Of the QOS.
    pub qos: u32,
    /// Of the trackable resources that it asks for.
    pub tres: TresWeights,
}

/// What changes the factors (`PriorityFlags`, `PriorityFavorSmall`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// Small jobs have the large size factor.
    pub favor_small: bool,
    /// The size factor goes by CPUs for each minute.
    pub small_relative_to_time: bool,
    /// The partition's factor is not divided by the largest.
    pub no_normal_part: bool,
    /// The QOS's priority is not divided by the largest.
    pub no_normal_qos: bool,
    /// The association's priority is not divided by the largest.
    pub no_normal_assoc: bool,
    /// Resources are not divided by the partition's total.
    pub no_normal_tres: bool,
    /// Usage is billed by the largest weighted resource rather than by their sum.
    pub max_tres: bool,
    /// Age counts from the submission on (`ACCRUE_ALWAYS`).
    pub accrue_always: bool,
}

/// The factors of a job.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Factors {
    /// The time it has waited.
    pub age: f64,
    /// The association's priority.
    pub association: f64,
    /// The fair share.
    pub fair_share: f64,
    /// The size.
    pub job_size: f64,
    /// The partition.
    pub partition: f64,
    /// The QOS.
    pub qos: f64,
    /// The weighted sum over trackable resources.
    pub tres: f64,
}

/// The priority of a job that is not held.
pub fn combine(factors: &Factors, weights: &Weights, site: i64, nice: i64) -> u32 {
    let weighted = |weight: u32, factor: f64| f64::from(weight) * factor;
    let sum = weighted(weights.age, factors.age)
        + weighted(weights.association, factors.association)
        + weighted(weights.fair_share, factors.fair_share)
        + weighted(weights.job_size, factors.job_size)
        + weighted(weights.partition, factors.partition)
        + weighted(weights.qos, factors.qos)
        + factors.tres
        + site as f64
        - nice as f64;
    // The cast cuts off the fraction and keeps to the bounds of 32 bits.
    (sum as u32).max(1)
}

/// The factors of a job.
pub fn factors(slurm: &Slurm, job: &Job, now: u64) -> Factors {
    let settings = &slurm.settings;
    let partition = &slurm.partitions[job.partition];
    let ratio = |value: u32, largest: u32, plain: bool| match (plain, largest) {
        (true, _) => f64::from(value),
        (false, 0) => 0.0,
        (false, largest) => f64::from(value) / f64::from(largest),
    };
    let largest_part = slurm.partitions.iter().map(|partition| partition.job_factor).max().unwrap_or(0);
    let largest_qos = slurm.qos.iter().map(|qos| qos.priority).max().unwrap_or(0);
    let association = &slurm.associations.rows[job.association];
    Factors {
        age: age(job, now, settings.max_age, settings.flags.accrue_always),
        association: ratio(
            association.priority,
            slurm.associations.largest_priority(),
            settings.flags.no_normal_assoc,
        ),
        fair_share: association.fair_share,
        job_size: job_size(slurm, job),
        partition: ratio(
            u32::from(partition.job_factor),
            u32::from(largest_part),
            settings.flags.no_normal_part,
        ),
        qos: ratio(slurm.qos[job.qos].priority, largest_qos, settings.flags.no_normal_qos),
        tres: tres(slurm, job),
    }
}

/// The part of the largest age that a job has waited.
fn age(job: &Job, now: u64, max_age: u64, always: bool) -> f64 {
    let since = if always { Some(job.submitted) } else { job.eligible };
    let Some(since) = since.filter(|_| max_age > 0) else { return 0.0 };
    (now.saturating_sub(since) as f64 / max_age as f64).min(1.0)
}

/// The size factor: by nodes and CPUs, relative to the whole cluster.
fn job_size(slurm: &Slurm, job: &Job) -> f64 {
    let flags = slurm.settings.flags;
    let nodes = slurm.nodes.len() as f64;
    let cpus = slurm.total_cpus() as f64;
    if nodes < 1.0 || cpus < 1.0 {
        return 0.0;
    }
    let (asked_nodes, asked_cpus) = (f64::from(job.request.fewest_nodes()), job.request.cpus() as f64);
    let factor = if flags.small_relative_to_time {
        let minutes = job.limit.map_or(365.0 * 1440.0, |limit| (limit as f64 / 60.0).max(1.0));
        let by_time = (asked_nodes * cpus / nodes).max(asked_cpus) / minutes / cpus;
        if flags.favor_small { 1.0 - by_time } else { by_time }
    } else if flags.favor_small {
        f64::midpoint((nodes - asked_nodes) / nodes, (cpus - asked_cpus) / cpus)
    } else {
        f64::midpoint(asked_nodes / nodes, asked_cpus / cpus)
    };
    factor.clamp(0.0, 1.0)
}

/// The weighted sum of the resources asked for, each relative to what the partition has.
fn tres(slurm: &Slurm, job: &Job) -> f64 {
    let weights = &slurm.settings.weights.tres;
    if weights.0.is_empty() {
        return 0.0;
    }
    let asked = job.request.held(job.request.fewest_nodes());
    let total = slurm.partition_total(job.partition);
    let share = |(place, weight): &(usize, f64)| {
        let asked = asked.get(*place) as f64;
        let total = total.get(*place) as f64;
        let share = if slurm.settings.flags.no_normal_tres {
            asked
        } else if total > 0.0 {
            asked / total
        } else {
            0.0
        };
        weight * share
    };
    weights.0.iter().map(share).sum()
}

/// Calculates the priority of every job that waits.
pub fn refresh(slurm: &mut Slurm, now: u64) {
    let waiting: Vec<u32> = slurm.pending.iter().copied().collect();
    for id in waiting {
        refresh_one(slurm, id, now);
    }
}

/// Calculates the priority of a job.
pub fn refresh_one(slurm: &mut Slurm, id: u32, now: u64) {
    let job = &slurm.jobs[&id];
    let priority = if job.held {
        0
    } else {
        combine(&factors(slurm, job, now), &slurm.settings.weights, job.site, job.nice)
    };
    slurm.job_mut(id).priority = priority;
}
