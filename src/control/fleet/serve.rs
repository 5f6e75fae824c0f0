//! Starting tasks of one job: as many as are to start at once, or none.
//!
//! What is done on the way is noted step by step, so that it can be taken back where the last of
//! the tasks finds no room.

use super::{Eviction, FleetCommand, FleetControl, Gang, Row, Waits, lanes::Lanes, reason};
use crate::base::Time;
use crate::base::ids::{ClassId, JobId, NodeId, TaskId};
use crate::cluster::Fleet;
use crate::control::fleet::Discipline;

/// Something that was done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Started(TaskId),
    Evicted(TaskId, Eviction),
}

/// Bits of a draw's key for the task within its job.
const TASK_BITS: u32 = 24;

impl FleetControl {
    /// Starts what is to start of a job; what was done is in the journal. On failure everything is as
    /// before.
    pub(super) fn serve(&mut self, now: Time, job: JobId, fleet: &mut Fleet) -> Result<(), Waits> {
        let row = fleet.jobs[job.index()];
        let Row { account, .. } = *self.row(job);
        // With one queue for all, no other job's turn comes between two tasks of a job.
        let most = match (self.policy.gang, &self.policy.sharing.discipline) {
            (Gang::AllOrNothing, _) | (_, Discipline::None) => row.waiting,
            _ => 1,
        };
        let least = if self.policy.gang == Gang::AllOrNothing { row.waiting } else { 1 };
        if !self.accounts.allows(fleet, account, &fleet.cluster.classes[row.class], least) {
            return Err(Waits::Queue);
        }
        if !self.evicts() && self.is_hopeless(row.class, least, fleet) {
            return Err(if least > 1 {
                Waits::Siblings(reason::room(fleet, row.class, None))
            } else {
                Waits::Room
            });
        }
        for started in 0..most {
            let Some(node) = self.find(now, job, row.class, fleet) else {
                if started >= least {
                    return Ok(());
                }
                self.take_back(fleet);
                return Err(if least > 1 { Waits::Siblings(started) } else { Waits::Room });
            };
            let task = fleet.start(now, job, node);
            self.accounts.count(fleet, account, &fleet.cluster.classes[row.class], 1);
            self.journal.push(Step::Started(task));
        }
        Ok(())
    }

    /// Whether it is known without looking at nodes that there is too little room.
    fn is_hopeless(&self, class: ClassId, tasks: u32, fleet: &Fleet) -> bool {
        if self.policy.gang == Gang::Independent && Lanes::is_closed(&self.lanes, class) {
            return true;
        }
        let too_little = |&(resource, amount): &(crate::base::ids::ResourceId, i64)| {
            let free = fleet.capacity[resource.index()] - fleet.used[resource.index()];
            i128::from(amount) * i128::from(tasks) > free
        };
        fleet.cluster.classes[class].requests.iter().any(too_little)
    }

    /// A node for one more task of a job, if need be with room made by evictions.
    fn find(&mut self, now: Time, job: JobId, class: ClassId, fleet: &mut Fleet) -> Option<NodeId> {
        let waiting = u64::from(fleet.jobs[job.index()].waiting);
        let key = self.row(job).number << TASK_BITS ^ waiting;
        let found = self.nodes.choose(fleet, class, key);
        if found.is_some() || !self.evicts() {
            return found;
        }
        self.make_room(now, job, class, fleet)
    }

    /// Takes a task from its node, with its siblings where it needs them and they it.
    pub(super) fn evict(&mut self, task: TaskId, why: Eviction, fleet: &mut Fleet) {
        let job = fleet.tasks[task.index()].job;
        self.evict_one(task, why, fleet);
        if self.needs_members() {
            while let Some(&sibling) = fleet.members[job.index()].first() {
                self.evict_one(sibling, Eviction::Sibling, fleet);
            }
        }
    }

    fn evict_one(&mut self, task: TaskId, why: Eviction, fleet: &mut Fleet) {
        let job = fleet.tasks[task.index()].job;
        fleet.displace(task);
        let account = self.row(job).account;
        self.accounts.count(fleet, account, fleet.class_of(job), -1);
        self.journal.push(Step::Evicted(task, why));
    }

    /// Undoes what is in the journal.
    pub(super) fn take_back(&mut self, fleet: &mut Fleet) {
        while let Some(step) = self.journal.pop() {
            let (task, sign) = match step {
                Step::Started(task) => {
                    fleet.displace(task);
                    fleet.forget(task);
                    (task, -1)
                }
                Step::Evicted(task, _) => {
                    fleet.replace(task);
                    (task, 1)
                }
            };
            let job = fleet.tasks[task.index()].job;
            let account = self.row(job).account;
            self.accounts.count(fleet, account, fleet.class_of(job), sign);
        }
    }

    /// Makes what is in the journal known, and brings the queues up to date.
    pub(super) fn commit(&mut self, fleet: &mut Fleet, out: &mut Vec<FleetCommand>) {
        let mut journal = std::mem::take(&mut self.journal);
        for step in &journal {
            match *step {
                Step::Started(id) => {
                    let task = fleet.tasks[id.index()];
                    out.push(FleetCommand::Start(id, task));
                    self.scoring.held(self.now, fleet, task.job);
                    if fleet.jobs[task.job.index()].waiting == 0 {
                        self.leave_queue(task.job);
                    }
                }
                Step::Evicted(id, why) => {
                    let task = fleet.tasks[id.index()];
                    out.push(FleetCommand::Evict(id, task, why));
                    self.scoring.released(self.now, fleet, task.job);
                    self.enqueue(task.job, fleet);
                }
            }
        }
        for step in journal.drain(..) {
            if let Step::Evicted(id, _) = step {
                fleet.forget(id);
                // What was evicted may have held more than is taken of its room.
                self.wake(fleet.tasks[id.index()].node, fleet);
            }
        }
        self.journal = journal;
    }

    /// No task of a job waits any more.
    fn leave_queue(&mut self, job: JobId) {
        let row = self.rows[job.index()].as_mut().expect("a job in a queue was submitted");
        if std::mem::take(&mut row.is_queued) {
            let Row { key, lane, .. } = *row;
            self.lanes.remove(lane, key);
            self.lanes.refresh(lane, &mut self.accounts);
        }
    }
}
