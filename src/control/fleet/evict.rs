//! Making room: which tasks are evicted for a job that finds none.
//!
//! On one node tasks are evicted by ascending priority (or, to reclaim, of the queues furthest above
//! their guarantee first), the one that was started last first, until the task fits; then those that
//! turn out not to be in the way are left alone. Of all nodes the one is taken where the highest
//! priority that is evicted is lowest, then where the fewest tasks are, then the first.
//!
//! A task that was started at this very instant is left alone: who evicts and who is evicted cannot
//! take turns for ever. With guarantees, jobs take room by priority only from their own queue.

use super::sharing::Share;
use super::{Eviction, FleetControl};
use crate::base::Time;
use crate::base::ids::{ClassId, JobId, NodeId, TaskId};
use crate::cluster::Fleet;
use std::cmp::Reverse;

/// Where a task stands among those that may be evicted; the least goes first.
type Rank = (i32, Reverse<Share>, Reverse<u64>);

/// What a node would lose: the highest priority, how many tasks.
type Cost = (i32, usize);

impl FleetControl {
    /// Evicts what must go for a task of a job, and says on which node; nothing if that cannot help.
    pub(super) fn make_room(
        &mut self,
        now: Time,
        job: JobId,
        class: ClassId,
        fleet: &mut Fleet,
    ) -> Option<NodeId> {
        let plans =
            [(self.policy.preemption, Eviction::Preempted), (self.accounts.reclaims(), Eviction::Reclaimed)];
        for (_, why) in plans.into_iter().filter(|(is_on, _)| *is_on) {
            if why == Eviction::Reclaimed && !self.is_owed(job, class, fleet) {
                continue;
            }
            let eligible = self.nodes.eligible(fleet, class).cloned();
            let mut best: Option<(Cost, NodeId, Vec<TaskId>)> = None;
            for row in fleet.up.iter().filter(|&row| eligible.as_ref().is_none_or(|set| set.contains(row))) {
                let node = NodeId(row as u32);
                if let Some((cost, victims)) = self.victims((now, job), class, node, why, fleet)
                    && best.as_ref().is_none_or(|(least, ..)| cost < *least)
                {
                    best = Some((cost, node, victims));
                }
            }
            if let Some((_, node, victims)) = best {
                for task in victims {
                    // A sibling of an earlier victim has gone already.
                    if fleet.tasks_on(node).any(|other| other == task) {
                        self.evict(task, why, fleet);
                    }
                }
                return Some(node);
            }
        }
        None
    }

    /// Whether a job's queue is owed room for one more task.
    fn is_owed(&self, job: JobId, class: ClassId, fleet: &Fleet) -> bool {
        let account = self.row(job).account;
        self.accounts.is_owed(fleet, account, &fleet.cluster.classes[class], 1)
    }

    /// What must go from a node for one more task of a job; `None` if that is not enough.
    fn victims(
        &self,
        (now, job): (Time, JobId),
        class: ClassId,
        node: NodeId,
        why: Eviction,
        fleet: &Fleet,
    ) -> Option<(Cost, Vec<TaskId>)> {
        let mut ranked: Vec<(Rank, TaskId)> = fleet
            .tasks_on(node)
            .filter_map(|task| Some((self.rank((now, job), task, why, fleet)?, task)))
            .collect();
        ranked.sort_unstable();
        let mut gone = Room::new(fleet, node);
        let mut victims: Vec<TaskId> = Vec::new();
        for (_, task) in ranked {
            if gone.fits(class) {
                break;
            }
            let of = fleet.tasks[task.index()].job;
            if why == Eviction::Reclaimed && !self.may_lose(of, &victims, fleet) {
                continue;
            }
            gone.change(of, 1);
            victims.push(task);
        }
        if !gone.fits(class) {
            return None;
        }
        // From the one that would be missed most: who is not in the way stays.
        for place in (0..victims.len()).rev() {
            let of = fleet.tasks[victims[place].index()].job;
            gone.change(of, -1);
            if gone.fits(class) {
                victims.remove(place);
            } else {
                gone.change(of, 1);
            }
        }
        let priority = |task: &TaskId| fleet.jobs[fleet.tasks[task.index()].job.index()].priority;
        let highest = victims.iter().map(priority).max().unwrap_or(i32::MIN);
        Some(((highest, victims.len()), victims))
    }

    /// Where a task stands among the victims for a job; `None` if it is none.
    fn rank(&self, (now, job): (Time, JobId), task: TaskId, why: Eviction, fleet: &Fleet) -> Option<Rank> {
        let row = fleet.tasks[task.index()];
        if row.started == now {
            return None;
        }
        let is_own = self.row(row.job).account == self.row(job).account;
        let priority = fleet.jobs[row.job.index()].priority;
        let last = Reverse(row.serial);
        if why == Eviction::Preempted {
            let is_lower = priority < fleet.jobs[job.index()].priority;
            let is_in_reach = is_own || !self.accounts.guarantees();
            return (is_lower && is_in_reach).then_some((priority, Reverse(0), last));
        }
        let account = self.row(row.job).account;
        let excess = self.accounts.excess(fleet, account);
        (!is_own && excess > 0).then_some((i32::MIN, Reverse(excess), last))
    }

    /// Whether the queue of a job still exceeds its guarantee when it has lost some tasks.
    fn may_lose(&self, job: JobId, lost: &[TaskId], fleet: &Fleet) -> bool {
        let account = self.row(job).account;
        let gone = lost
            .iter()
            .map(|task| fleet.tasks[task.index()].job)
            .filter(|&job| self.row(job).account == account);
        self.accounts.excess_without(fleet, account, gone.map(|job| fleet.class_of(job))) > 0
    }
}

/// A node from which tasks are thought away.
struct Room<'f> {
    fleet: &'f Fleet,
    node: NodeId,
    freed: Vec<i64>,
    slots: i64,
}

impl Room<'_> {
    fn new(fleet: &Fleet, node: NodeId) -> Room<'_> {
        Room { fleet, node, freed: vec![0; fleet.capacity.len()], slots: 0 }
    }

    /// A task of a job is thought away (1) or is there again (-1).
    fn change(&mut self, job: JobId, sign: i64) {
        for &(resource, amount) in &self.fleet.class_of(job).counted {
            self.freed[resource.index()] += sign * amount;
        }
        self.slots += sign;
    }

    fn fits(&self, class: ClassId) -> bool {
        let nodes = &self.fleet.cluster.nodes;
        let row = self.node.index();
        nodes.pod_count[row] - self.slots < nodes.allowed_pods[row]
            && self.fleet.cluster.classes[class].requests.iter().all(|&(resource, amount)| {
                amount <= self.fleet.free(resource, self.node) + self.freed[resource.index()]
            })
    }
}
