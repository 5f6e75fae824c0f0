//! Limits: of partitions, associations and QOS, at submission and before a start.

use super::Slurm;
use super::model::Job;
use super::reason::Reason;
use super::tres::{CPU, MEMORY, NODE, Tres};

/// What running and waiting jobs of one owner amount to.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Jobs that run.
    pub running: u32,
    /// Jobs that wait.
    pub waiting: u32,
    /// What the running ones hold.
    pub held: Tres,
}

impl Load {
    /// Counts a job that runs, or takes it away with `sign` -1.
    pub fn count_running(&mut self, held: &Tres, sign: i64) {
        self.running = add(self.running, sign);
        self.held.add(held, sign);
    }

    /// Counts a job that waits, or takes it away with `sign` -1.
    pub fn count_waiting(&mut self, sign: i64) {
        self.waiting = add(self.waiting, sign);
    }
}

fn add(count: u32, sign: i64) -> u32 {
    if sign < 0 { count.saturating_sub(1) } else { count + 1 }
}

/// Why a job would be refused at its submission, if it would.
pub fn refusal(slurm: &Slurm, job: &Job) -> Option<Reason> {
    let partition = &slurm.partitions[job.partition];
    if !partition.state.takes() {
        return Some(Reason::PartitionInactive);
    }
    if let Some(reason) = access(slurm, job) {
        return Some(reason);
    }
    let own = &slurm.associations.rows[job.association].limits;
    let load = slurm.load_of_association(job.association);
    if own.max_submit.is_some_and(|most| load.running + load.waiting >= most) {
        return Some(Reason::AssocMaxSubmitJobLimit);
    }
    let user = slurm.load_of_user(job.qos, &job.user);
    let qos = &slurm.qos[job.qos];
    if qos.max_submit_per_user.is_some_and(|most| user.running + user.waiting >= most) {
        return Some(Reason::QosMaxSubmitJobPerUserLimit);
    }
    bounds(slurm, job).filter(|_| slurm.settings.enforce_part_limits)
}

/// Whether account and QOS may use the partition.
fn access(slurm: &Slurm, job: &Job) -> Option<Reason> {
    let partition = &slurm.partitions[job.partition];
    let account = &slurm.associations.rows[job.association].account;
    let allowed = if partition.allow_accounts.is_empty() {
        !partition.deny_accounts.contains(account)
    } else {
        partition.allow_accounts.contains(account)
    };
    if !allowed {
        return Some(Reason::InvalidAccount);
    }
    let qos = &slurm.qos[job.qos].name;
    let may = partition.allow_qos.is_empty() || partition.allow_qos.contains(qos);
    (!may).then_some(Reason::InvalidQos)
}

/// Which bound of its partition a job is beyond.
pub fn bounds(slurm: &Slurm, job: &Job) -> Option<Reason> {
    let partition = &slurm.partitions[job.partition];
    let fewest = job.request.fewest_nodes();
    let most = partition.max_nodes.unwrap_or(u32::MAX).min(partition.nodes.count() as u32);
    if fewest > most || job.request.max_nodes.is_some_and(|most| most < partition.min_nodes) {
        return Some(Reason::PartitionNodeLimit);
    }
    let over = |limit: u64| partition.max_time.is_some_and(|most| limit > most);
    job.limit.is_some_and(over).then_some(Reason::PartitionTimeLimit)
}

/// Why a job may not start now, whatever is free; `None` if it may.
pub fn holds_back(slurm: &Slurm, job: &Job) -> Option<Reason> {
    let partition = &slurm.partitions[job.partition];
    if !partition.state.starts() {
        let inactive = !partition.state.takes();
        return Some(if inactive { Reason::PartitionInactive } else { Reason::PartitionDown });
    }
    bounds(slurm, job)
        .or_else(|| access(slurm, job))
        .or_else(|| of_associations(slurm, job))
        .or_else(|| of_qos(slurm, job))
}

/// What a job will hold, as far as it is known before nodes are chosen.
fn demand(job: &Job) -> Tres {
    job.request.held(job.request.fewest_nodes())
}

fn of_associations(slurm: &Slurm, job: &Job) -> Option<Reason> {
    let demand = demand(job);
    let own = &slurm.associations.rows[job.association].limits;
    if own.max_jobs.is_some_and(|most| slurm.load_of_association(job.association).running >= most) {
        return Some(Reason::AssocMaxJobsLimit);
    }
    for row in slurm.associations.up_from(job.association) {
        let limits = &slurm.associations.rows[row].limits;
        let load = slurm.load_of_association(row);
        if limits.group_jobs.is_some_and(|most| load.running >= most) {
            return Some(Reason::AssocGrpJobsLimit);
        }
        if let Some(place) = limits.group_tres.exceeded(&load.held, &demand) {
            return Some(match place {
                CPU => Reason::AssocGrpCpuLimit,
                MEMORY => Reason::AssocGrpMemLimit,
                NODE => Reason::AssocGrpNodeLimit,
                _ => Reason::AssocGrpGresLimit,
            });
        }
        match limits.max_tres_per_job.exceeded(&Tres::default(), &demand) {
            Some(CPU) => return Some(Reason::AssocMaxCpuPerJobLimit),
            Some(_) => return Some(Reason::AssocMaxTresPerJobLimit),
            None => {}
        }
        if limits.max_wall.is_some_and(|most| job.limit.is_some_and(|limit| limit > most)) {
            return Some(Reason::AssocMaxWallDurationPerJobLimit);
        }
    }
    None
}

fn of_qos(slurm: &Slurm, job: &Job) -> Option<Reason> {
    let demand = demand(job);
    let qos = &slurm.qos[job.qos];
    let all = slurm.load_of_qos(job.qos);
    let user = slurm.load_of_user(job.qos, &job.user);
    if qos.group_jobs.is_some_and(|most| all.running >= most) {
        return Some(Reason::QosGrpJobsLimit);
    }
    let by_place = |place: Option<usize>, cpu: Reason, other: Reason| {
        place.map(|place| if place == CPU { cpu } else { other })
    };
    if let Some(reason) =
        by_place(qos.group_tres.exceeded(&all.held, &demand), Reason::QosGrpCpuLimit, Reason::QosGrpTresLimit)
    {
        return Some(reason);
    }
    if let Some(reason) = by_place(
        qos.max_tres_per_job.exceeded(&Tres::default(), &demand),
        Reason::QosMaxCpuPerJobLimit,
        Reason::QosMaxTresPerJobLimit,
    ) {
        return Some(reason);
    }
    if qos.max_wall.is_some_and(|most| job.limit.is_some_and(|limit| limit > most)) {
        return Some(Reason::QosMaxWallDurationPerJobLimit);
    }
    if qos.max_jobs_per_user.is_some_and(|most| user.running >= most) {
        return Some(Reason::QosMaxJobsPerUserLimit);
    }
    by_place(
        qos.max_tres_per_user.exceeded(&user.held, &demand),
        Reason::QosMaxCpuPerUserLimit,
        Reason::QosMaxTresPerUserLimit,
    )
}
