//! Usage of jobs: charged to associations and QOS, decayed with its half-life.

use super::Slurm;
use super::fair_share::{decay_factor, use_of};
use super::model::Job;
use super::tres::BILLING;
use super::{priority, tres::CPU};

/// Use of a job that is over, to be charged at the next calculation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Owed {
    association: usize,
    qos: usize,
    seconds: u64,
    billing: f64,
}

/// The billing units of a job.
pub fn billing_of(slurm: &Slurm, job: &Job) -> f64 {
    let weights = &slurm.partitions[job.partition].billing;
    let mut held = job.held();
    held.set(BILLING, held.get(CPU));
    weights.billing(&held, slurm.settings.flags.max_tres)
}

impl Slurm {
    /// The use of a job since it was accounted for the last time.
    pub(super) fn owed_by(&mut self, id: u32, now: u64) -> Owed {
        let job = &self.jobs[&id];
        let owed = Owed {
            association: job.association,
            qos: job.qos,
            seconds: now.saturating_sub(job.accounted.max(job.start)),
            billing: billing_of(self, job),
        };
        self.job_mut(id).accounted = now;
        owed
    }

    /// Remembers what a job that ends now has used.
    pub(super) fn owe(&mut self, id: u32, now: u64) {
        let owed = self.owed_by(id, now);
        self.owed.push(owed);
    }

    /// Decays usage, charges what was used since the last calculation, and calculates fair shares and
    /// priorities anew: what happens each `PriorityCalcPeriod`.
    pub fn calculate(&mut self, now: u64) {
        let decay = decay_factor(self.settings.half_life);
        let kept = libm::pow(decay, now.saturating_sub(self.calculated) as f64);
        self.calculated = now;
        for row in &mut self.associations.rows {
            row.usage *= kept;
        }
        for qos in self.qos.iter_mut().filter(|qos| !qos.no_decay) {
            qos.usage *= kept;
        }
        let running: Vec<u32> = self.running.iter().copied().filter(|id| self.jobs[id].holds()).collect();
        let mut owed = std::mem::take(&mut self.owed);
        owed.extend(running.into_iter().map(|id| self.owed_by(id, now)));
        for owed in &owed {
            let factor = self.qos[owed.qos].usage_factor;
            let used = use_of(owed.seconds, decay, owed.billing, factor);
            self.associations.charge(owed.association, used);
            let qos = &mut self.qos[owed.qos];
            qos.usage += if qos.no_decay { owed.seconds as f64 * owed.billing * factor } else { used };
        }
        self.share();
        priority::refresh(self, now);
    }

    /// Calculates fair shares, where they count.
    pub fn share(&mut self) {
        if self.settings.weights.fair_share > 0 {
            let settings = &self.settings;
            let (algorithm, dampening) = (settings.fair_share, settings.dampening);
            self.associations.calculate(algorithm, dampening, settings.merge_tied_accounts);
        }
    }
}
