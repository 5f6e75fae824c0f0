//! The keys by which jobs of tasks on nodes stand in line: the scores of [`Order`], the same formulas as
//! for equal processors, and what a job of tasks with several resources puts into them.
//!
//! In the place of processors stands the *size* of a job: its tasks times the largest share that one of
//! them asks for of any resource of all nodes, up or not, in cores of all nodes. So a job that asks for
//! cores only has the size of its cores, and one that asks for half of all memory that of half of all
//! cores. Where nodes have no cores the size is the share itself.
//!
//! Keys that do not move with time are computed once, when a job comes. The others are computed at each
//! pass for the jobs that could start in it: those of a lane that is parked wait whatever their order is,
//! unless the one that comes first has fewer tasks, which matters for gangs.

use super::order::Key;
use super::{FairShare, FleetControl, Order, Policy, Row};
use crate::base::ids::{JobId, ResourceId};
use crate::base::{Expression, Time};
use crate::cluster::Fleet;
use crate::control::batch::formula::JobFacts;
use crate::control::batch::usage::{self, Usage};
use std::sync::Arc;

/// What an expression for the order of jobs may name, in the order in which values are given: what one
/// for equal processors may (`procs` is the size, `used` its sizes times seconds, `free` the cores that
/// are free on nodes that are up), then the tasks of the job, and the cores and GiB of memory of each.
pub const NAMES: [&str; 13] = [
    "wait", "estimate", "procs", "submit", "now", "priority", "deadline", "used", "free", "queued", "tasks",
    "cpu", "memory",
];
/// The place in [`NAMES`] of the priority.
const PRIORITY: usize = 5;
/// The place in [`NAMES`] of how many jobs wait.
const QUEUED: usize = 9;
/// Thousandths of a core in a core.
const MILLI: f64 = 1_000.0;
/// Bytes of a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

/// How jobs are scored, and what is kept for it.
pub(super) struct Scoring {
    order: Order,
    own: Option<Arc<Expression>>,
    ageing: f64,
    fair_share: FairShare,
    /// What users have had, if that is asked for.
    usage: Option<Usage>,
    /// Whether scores move with time.
    moves: bool,
    /// Whether the order itself says what a priority is worth.
    weighs_priority: bool,
    /// What all nodes have, by resource, and of how many nodes.
    whole: (usize, Vec<f64>),
    /// Cores that were free, and jobs that waited, when the pass began.
    free: f64,
    queued: f64,
}

impl Scoring {
    pub(super) fn new(policy: &Policy) -> Scoring {
        let own = policy.own.as_deref();
        let is_own = policy.order == Order::Own;
        let asks_usage = policy.order.asks_usage(own.filter(|_| is_own));
        Scoring {
            order: policy.order,
            own: policy.own.clone(),
            ageing: policy.ageing,
            fair_share: policy.fair_share.clone(),
            usage: asks_usage.then(|| Usage::new(&policy.fair_share)),
            moves: policy.order.is_for_nodes() && !policy.order.is_static(own),
            weighs_priority: policy.order == Order::Priority
                || is_own && own.is_some_and(|own| own.uses(PRIORITY)),
            whole: (0, Vec::new()),
            free: 0.0,
            queued: 0.0,
        }
    }

    /// Whether scores move with time.
    pub(super) fn moves(&self) -> bool {
        self.moves
    }

    /// Adds up what nodes have, if there are others than before. Called before a job is scored.
    fn measure(&mut self, fleet: &Fleet) {
        let nodes = &fleet.cluster.nodes;
        let seen = (nodes.len(), nodes.allocatable.len());
        if seen != (self.whole.0, self.whole.1.len()) {
            let sum =
                |column: &Vec<i64>| column.iter().map(|&amount| i128::from(amount)).sum::<i128>() as f64;
            self.whole = (nodes.len(), nodes.allocatable.iter().map(sum).collect());
        }
    }

    /// What a task of a job counts as, in cores of all nodes.
    fn size_of_task(&self, fleet: &Fleet, job: JobId) -> f64 {
        let whole = |resource: ResourceId| self.whole.1.get(resource.index()).copied().unwrap_or(0.0);
        let shares = fleet.class_of(job).counted.iter().map(|&(resource, amount)| {
            let share = amount.max(0) as f64 / whole(resource).max(1.0);
            (share, resource, amount)
        });
        // Of equal shares that of the first resource counts, which is that of cores.
        let largest = shares.reduce(|most, other| if other.0 > most.0 { other } else { most });
        match largest {
            None => 0.0,
            Some((_, ResourceId::CPU, amount)) => amount as f64 / MILLI,
            Some((share, ..)) if whole(ResourceId::CPU) > 0.0 => share * whole(ResourceId::CPU) / MILLI,
            Some((share, ..)) => share,
        }
    }

    /// Where a job stands now; `number` is its place in the order of submission.
    pub(super) fn key(&mut self, now: Time, fleet: &Fleet, job: JobId, number: u64) -> Key {
        if self.order != Order::Fcfs {
            self.measure(fleet);
        }
        self.key_as_measured(now, fleet, job, number)
    }

    fn key_as_measured(&self, now: Time, fleet: &Fleet, job: JobId, number: u64) -> Key {
        let priority = if self.weighs_priority { 0 } else { fleet.jobs[job.index()].priority };
        let score = if self.order == Order::Fcfs { 0.0 } else { self.score(now, fleet, job) };
        Key::new(priority, score, number)
    }

    /// The score of a job; the smallest goes first.
    fn score(&self, now: Time, fleet: &Fleet, job: JobId) -> f64 {
        let row = &fleet.jobs[job.index()];
        let size = self.size_of_task(fleet, job) * f64::from(row.tasks);
        let facts = JobFacts::new(now, row.submitted, row.estimate, size, row.priority).due(row.deadline);
        if let Some(score) = facts.score(self.order, self.ageing) {
            return score;
        }
        let used = || self.usage.as_ref().map_or(0.0, |usage| usage.used(now, row.user));
        match (self.order, &self.own) {
            (Order::FairShare, _) => {
                self.usage.as_ref().map_or(0.0, |usage| usage.through_share(now, row.user, &self.fair_share))
            }
            (Order::Own, Some(own)) => {
                let class = fleet.class_of(job);
                let [wait, estimate, procs, submit, now, priority, deadline] = facts.values(now);
                own.evaluate(&[
                    wait,
                    estimate,
                    procs,
                    submit,
                    now,
                    priority,
                    deadline,
                    used(),
                    self.free,
                    self.queued,
                    f64::from(row.tasks),
                    class.request(ResourceId::CPU) as f64 / MILLI,
                    class.request(ResourceId::MEMORY) as f64 / GIB,
                ])
            }
            _ => 0.0,
        }
    }

    /// What is the same for all jobs of a pass.
    fn look(&mut self, fleet: &Fleet, queued: impl FnOnce() -> usize) {
        self.measure(fleet);
        let Some(own) = &self.own else { return };
        if own.uses(QUEUED) {
            self.queued = queued() as f64;
        }
        let of_cores = |amounts: &[i128]| amounts.get(ResourceId::CPU.index()).copied().unwrap_or(0);
        self.free = (of_cores(&fleet.capacity) - of_cores(&fleet.used)) as f64 / MILLI;
    }

    /// A task of a job holds its room from now on.
    pub(super) fn held(&mut self, now: Time, fleet: &Fleet, job: JobId) {
        self.count(now, fleet, job, true);
    }

    /// A task of a job has given its room back.
    pub(super) fn released(&mut self, now: Time, fleet: &Fleet, job: JobId) {
        self.count(now, fleet, job, false);
    }

    fn count(&mut self, now: Time, fleet: &Fleet, job: JobId, is_held: bool) {
        if self.usage.is_none() {
            return;
        }
        let size = libm::round(self.size_of_task(fleet, job) * usage::WHOLE as f64) as u64;
        let (more, fewer) = if is_held { (size, 0) } else { (0, size) };
        if let Some(usage) = &mut self.usage {
            usage.hold(now, fleet.jobs[job.index()].user, more, fewer);
        }
    }
}

impl FleetControl {
    /// A job that joins its lane again stands where it belongs now.
    pub(super) fn rescore(&mut self, job: JobId, fleet: &Fleet) {
        if !self.scoring.moves() {
            return;
        }
        let number = self.row(job).number;
        let key = self.scoring.key(self.now, fleet, job, number);
        self.rows[job.index()].as_mut().expect("it was just looked at").key = key;
    }

    /// Brings the jobs that could start in a pass in order, where time moves it.
    pub(super) fn reorder(&mut self, fleet: &Fleet) {
        if !self.scoring.moves() {
            return;
        }
        let lanes = &self.lanes;
        self.scoring.look(fleet, || lanes.iter().map(|lane| lane.jobs.len()).sum());
        // Another job may come first in the accounts where nobody may pass.
        let held: Vec<usize> = self.lanes.held.keys().copied().collect();
        for account in held {
            self.release(account);
            self.accounts.update_turn(fleet, account);
        }
        let ready = self.accounts.rows.iter().flat_map(|account| &account.ready);
        let mut lanes: Vec<u32> = ready.map(|(_, lane)| *lane).collect();
        if self.needs_members() {
            lanes.extend(self.lanes.all_parked());
        }
        for lane in lanes {
            self.reorder_lane(lane, fleet);
        }
    }

    fn reorder_lane(&mut self, lane: u32, fleet: &Fleet) {
        let FleetControl { lanes, rows, scoring, now, .. } = self;
        for job in lanes[lane].jobs.values() {
            let row = rows[job.index()].as_mut().expect("a job in a queue was submitted");
            row.key = scoring.key_as_measured(*now, fleet, *job, row.number);
        }
        let key = |job: JobId| {
            let Row { key, .. } = rows[job.index()].as_ref().expect("it was just looked at");
            *key
        };
        let is_other = lanes.rekey(lane, key);
        if is_other && self.lanes.is_parked(lane) {
            self.unpark(lane, fleet);
        } else {
            self.lanes.refresh(lane, &mut self.accounts);
        }
    }
}
