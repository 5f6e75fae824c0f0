//! The main scheduler's cycle: jobs in the order of the queue, each started if it fits now.
//!
//! The first job that cannot start for want of resources closes its partition: none of its jobs is
//! looked at any more in this cycle, and its nodes are taken from those of other partitions too. Limits,
//! dependencies, begin times and constraints that no node meets hold back only the job itself.

use super::model::Job;
use super::preempt::victims;
use super::reason::Reason;
use super::select::{Free, choose, eligible};
use super::{Action, Slurm, limits};
use crate::base::{BitSet, Set};

/// What a cycle keeps in mind.
struct Cycle {
    now: u64,
    /// The nodes that may still be taken.
    available: BitSet,
    /// The partitions that are closed, by row.
    closed: Vec<bool>,
    /// Jobs looked at, by partition.
    looked_at: Vec<u32>,
    /// Arrays of which a task could not start.
    refused_arrays: Set<u32>,
    started: u32,
    actions: Vec<Action>,
}

/// What became of a job.
#[derive(Clone, Copy)]
enum Verdict {
    Started,
    /// It waits and holds back nobody.
    Waits(Reason),
    /// It waits and closes its partition.
    Blocks(Reason),
}

/// A cycle. `full` for one over the whole queue; otherwise it looks at `default_queue_depth` jobs.
pub fn run(slurm: &mut Slurm, now: u64, full: bool) -> Vec<Action> {
    let queue = slurm.queue(now);
    let parts = slurm.partitions.len();
    let mut cycle = Cycle {
        now,
        available: slurm.up_nodes(),
        closed: vec![false; parts],
        looked_at: vec![0; parts],
        refused_arrays: Set::default(),
        started: 0,
        actions: Vec::new(),
    };
    let main = slurm.settings.main.clone();
    let mut depth = 0;
    for id in queue {
        if main.max_start > 0 && cycle.started >= main.max_start {
            break;
        }
        let job = &slurm.jobs[&id];
        let (array, partition) = (job.array.map(|array| array.array), job.partition);
        if array.is_some_and(|array| cycle.refused_arrays.contains(&array)) {
            if job.reason == Reason::None {
                slurm.note(id, Reason::Priority);
            }
            continue;
        }
        cycle.looked_at[partition] += 1;
        let is_deep = main.partition_depth > 0 && cycle.looked_at[partition] > main.partition_depth;
        if is_deep || cycle.closed[partition] {
            if matches!(job.reason, Reason::None | Reason::Resources) {
                slurm.note(id, Reason::Priority);
            }
            // A closed partition's jobs are looked at as far as the depth goes; those beyond the bound
            // of their partition are not counted.
            depth += u32::from(!is_deep);
            if !full && depth > main.queue_depth {
                break;
            }
            continue;
        }
        depth += 1;
        if !full && depth > main.queue_depth {
            break;
        }
        let verdict = cycle.look_at(slurm, id);
        cycle.conclude(slurm, id, verdict, main.association_limit_stops);
        if let Some(array) = array.filter(|_| slurm.pending.contains(&id)) {
            cycle.refused_arrays.insert(array);
        }
    }
    cycle.actions
}

impl Cycle {
    fn look_at(&mut self, slurm: &mut Slurm, id: u32) -> Verdict {
        if slurm.array_is_full(id) {
            return Verdict::Waits(Reason::JobArrayTaskLimit);
        }
        let job = &slurm.jobs[&id];
        if let Some(reason) = limits::holds_back(slurm, job) {
            return Verdict::Waits(reason);
        }
        let mut usable = eligible(slurm, job);
        if let Some(required) = &job.request.required {
            let mut missing = required.clone();
            missing.and_not(&slurm.up_nodes());
            if missing.count() > 0 {
                return Verdict::Waits(Reason::ReqNodeNotAvail);
            }
        }
        let mut left = slurm.partitions[job.partition].nodes.clone();
        left.and(&self.available);
        if left.count() < job.request.fewest_nodes() as usize {
            return Verdict::Blocks(Reason::Resources);
        }
        let whole = usable.clone();
        usable.and(&self.available);
        if let Some(shares) = choose(slurm, job, &usable, &slurm.free) {
            self.started += 1;
            let action = slurm.start(self.now, id, shares);
            self.actions.push(action);
            return Verdict::Started;
        }
        if choose(slurm, job, &whole, &Free::empty(&slurm.nodes)).is_none() {
            return Verdict::Waits(Reason::BadConstraints);
        }
        if let Some((going, shares)) = victims(slurm, job, &usable, self.now) {
            let suspends = going.iter().all(|id| {
                super::preempt::mode_of(slurm, &slurm.jobs[id]) == super::model::PreemptMode::Suspend
            });
            for victim in &going {
                let action = slurm.make_way(*victim, self.now);
                self.actions.push(action);
            }
            if suspends && !going.is_empty() {
                self.started += 1;
                let action = slurm.start(self.now, id, shares);
                self.actions.push(action);
                return Verdict::Started;
            }
        }
        Verdict::Blocks(Reason::Resources)
    }

    fn conclude(&mut self, slurm: &mut Slurm, id: u32, verdict: Verdict, limit_stops: bool) {
        match verdict {
            Verdict::Started => {}
            Verdict::Waits(reason) => {
                slurm.note(id, reason);
                if limit_stops && reason.is_limit() {
                    self.close(slurm, slurm.jobs[&id].partition);
                }
            }
            Verdict::Blocks(reason) => {
                slurm.note(id, reason);
                let job = &slurm.jobs[&id];
                if let Some(required) = &job.request.required {
                    self.available.and_not(required);
                } else if reserves(slurm, job, self.now) {
                    self.close(slurm, job.partition);
                }
            }
        }
    }

    fn close(&mut self, slurm: &Slurm, partition: usize) {
        self.closed[partition] = true;
        self.available.and_not(&slurm.partitions[partition].nodes);
    }
}

/// Whether a job is important and old enough that others wait for it (`bf_min_prio_reserve`,
/// `bf_min_age_reserve`).
pub(super) fn reserves(slurm: &Slurm, job: &Job, now: u64) -> bool {
    let backfill = &slurm.settings.backfill;
    let age = job.eligible.map_or(0, |since| now.saturating_sub(since));
    job.priority >= backfill.min_prio_reserve && age >= backfill.min_age_reserve
}
