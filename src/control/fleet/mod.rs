//! Batch control of nodes with several resources: jobs of one or more equal tasks, started by a queue
//! order, a sharing discipline and a choice of node (`docs/fleet.md` has the rules and their sources).
//!
//! Jobs of one account that ask for the same wait in one *lane*. A lane whose first job finds no room
//! is parked, with the reason, and looked at again only when something happens that can help it.

mod evict;
mod lanes;
mod nodes;
mod order;
mod reason;
mod score;
mod scoring;
mod serve;
mod sharing;
mod tree;
mod why;

pub use super::batch::{FairShare, Order};
pub use nodes::NodeChoice;
pub use reason::{Refused, Waits};
pub use score::NAMES as SCORE_NAMES;
pub use scoring::NAMES as ORDER_NAMES;
pub use sharing::{By, Discipline, Inner, QueueSpec, Sharing, UNIT_WEIGHT};
pub use why::{Reason, Why};

use super::Control;
use crate::base::ids::{JobId, NodeId, TaskId};
use crate::base::{Expression, Time};
use crate::cluster::Fleet;
use crate::cluster::fleet::Task;
use lanes::Lanes;
use nodes::Nodes;
use order::Key;
use scoring::Scoring;
use sharing::{Accounts, WHOLE};
use std::sync::Arc;

/// A fact about a fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FleetEvent {
    /// A job was submitted; its row is filled.
    Submitted(JobId),
    /// A task has ended. Its row is free afterwards.
    Ended(TaskId),
    /// A node went down, with every task on it.
    NodeDown(NodeId),
    /// A node is up again.
    NodeUp(NodeId),
}

/// Why a task is taken from its node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eviction {
    /// A job of higher priority takes its room.
    Preempted,
    /// A queue below its guarantee takes its room.
    Reclaimed,
    /// Its node went down.
    Lost,
    /// Its job needs all of its tasks at once, and another of them is taken.
    Sibling,
}

/// An order, or the news of one that a fact has brought about. The row of the task as it is then is
/// part of it, because rows are used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FleetCommand {
    /// A waiting task starts on a node.
    Start(TaskId, Task),
    /// A task leaves its node and waits again.
    Evict(TaskId, Task, Eviction),
}

/// Who may start while the first in order cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Passing {
    /// Whoever fits.
    #[default]
    WhoeverFits,
    /// Nobody of the same account.
    Nobody,
}

/// What the tasks of a job are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Gang {
    /// Nothing: each can start alone.
    #[default]
    Independent,
    /// They need each other, and all start at one instant or none does.
    AllOrNothing,
    /// They need each other, but each is started as soon as it fits, and holds its room until the
    /// others have started. Jobs can keep each other waiting for ever.
    Piecemeal,
}

/// How a fleet is served.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// In which order jobs of equal priority are looked at. An order that is not for nodes
    /// ([`Order::is_for_nodes`]) is that of submission.
    pub order: Order,
    /// The expression of [`Order::Own`], over [`ORDER_NAMES`].
    pub own: Option<Arc<Expression>>,
    /// Points of priority that a job gains in an hour of waiting ([`Order::Priority`]).
    pub ageing: f64,
    /// What [`Order::FairShare`] goes by.
    pub fair_share: FairShare,
    /// Who may pass a job that does not fit.
    pub passing: Passing,
    /// On which node a task is started.
    pub choice: NodeChoice,
    /// How accounts share the nodes.
    pub sharing: Sharing,
    /// What tasks of a job are to each other.
    pub gang: Gang,
    /// Whether a job takes the room of tasks of lower priority.
    pub preemption: bool,
    /// The seed of draws among nodes.
    pub seed: u64,
}

/// What is kept of a job.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: Key,
    account: usize,
    lane: u32,
    number: u64,
    /// Whether it is in its lane.
    is_queued: bool,
}

/// The queues of a fleet and their policy.
pub struct FleetControl {
    policy: Policy,
    nodes: Nodes,
    accounts: Accounts,
    lanes: Lanes,
    scoring: Scoring,
    rows: Vec<Option<Row>>,
    submitted: u64,
    now: Time,
    pass_due: Option<Time>,
    journal: Vec<serve::Step>,
}

impl FleetControl {
    /// Queues without a job.
    pub fn new(policy: Policy) -> FleetControl {
        FleetControl {
            nodes: Nodes::new(policy.choice.clone(), policy.seed),
            accounts: Accounts::new(&policy.sharing),
            lanes: Lanes::default(),
            scoring: Scoring::new(&policy),
            rows: Vec::new(),
            submitted: 0,
            now: Time::ZERO,
            pass_due: None,
            journal: Vec::new(),
            policy,
        }
    }

    /// Whether the fleet has to list the tasks of each job.
    pub fn needs_members(&self) -> bool {
        self.policy.gang != Gang::Independent
    }

    /// The jobs with tasks that wait, in the order of accounts and in each of them in order. Under an order
    /// that moves with time, those that had no room in the last pass are as they were when they had.
    pub fn waiting(&self) -> Vec<JobId> {
        let jobs =
            self.lanes.iter().flat_map(|lane| lane.jobs.iter().map(|(key, job)| (lane.account, *key, *job)));
        let mut jobs: Vec<_> = jobs.collect();
        jobs.sort_unstable();
        jobs.into_iter().map(|(_, _, job)| job).collect()
    }

    /// The account of a job that was submitted.
    pub fn account_of(&self, job: JobId) -> usize {
        self.row(job).account
    }

    /// The names of the accounts by number; the first, which holds all others, has none.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.rows.iter().map(|account| account.name.as_str())
    }

    /// The dominant share of an account: the largest share that it has of any resource.
    pub fn dominant_share(&self, fleet: &Fleet, account: usize) -> f64 {
        self.accounts.share(fleet, account) as f64 / WHOLE as f64
    }

    /// Whether the accounts hold what the nodes do.
    pub fn check(&self, fleet: &Fleet) -> Result<(), String> {
        self.accounts.check(fleet)
    }

    /// The account of a job that is to be submitted, or why it can never run.
    pub fn admit(&mut self, fleet: &mut Fleet, job: JobId) -> Result<(), Refused> {
        let row = fleet.jobs[job.index()];
        let account = self.accounts.of(fleet, row.user, row.namespace);
        let all = if self.policy.gang == Gang::Independent { 1 } else { row.tasks };
        let eligible = self.nodes.eligible(fleet, row.class);
        reason::refuse(fleet, row.class, eligible, all)?;
        let max = self.accounts.never_allowed_by(fleet, account, fleet.class_of(job), all);
        max.map_or(Ok(()), |max| Err(Refused::Queue(max)))
    }

    fn row(&self, job: JobId) -> &Row {
        self.rows[job.index()].as_ref().expect("a job in a queue was submitted")
    }

    fn submit(&mut self, job: JobId, fleet: &mut Fleet) {
        let row = fleet.jobs[job.index()];
        let account = self.accounts.of(fleet, row.user, row.namespace);
        let number = self.submitted;
        self.submitted += 1;
        let key = self.scoring.key(self.now, fleet, job, number);
        // A gang may fit where a larger one does not.
        let at_once = if self.policy.gang == Gang::AllOrNothing { row.tasks } else { 1 };
        let lane = self.lanes.of(account, row.class, at_once);
        if self.rows.len() <= job.index() {
            self.rows.resize(job.index() + 1, None);
        }
        self.rows[job.index()] = Some(Row { key, account, lane, number, is_queued: false });
        self.enqueue(job, fleet);
    }

    /// Puts a job with tasks that wait in its lane.
    fn enqueue(&mut self, job: JobId, fleet: &Fleet) {
        if self.row(job).is_queued {
            return;
        }
        self.rescore(job, fleet);
        let Row { key, account, lane, .. } = *self.row(job);
        self.rows[job.index()].as_mut().expect("it was just looked at").is_queued = true;
        let is_first = self.lanes.insert(lane, key, job);
        // Equal jobs do not fit where the first did not, unless they are fewer or may evict others.
        if is_first && self.lanes.is_parked(lane) && (self.needs_members() || self.policy.preemption) {
            self.lanes.unpark(lane);
        }
        self.lanes.refresh(lane, &mut self.accounts);
        if self.lanes.held.get(&account).is_some_and(|(held, _)| key < *held) {
            self.release(account);
        }
        self.accounts.update_turn(fleet, account);
    }

    /// Nothing is held back in an account any more.
    fn release(&mut self, account: usize) {
        self.lanes.held.remove(&account);
        self.accounts.rows[account].is_held = false;
    }

    /// Takes a task from its node for good.
    fn ended(&mut self, task: TaskId, fleet: &mut Fleet) {
        let row = fleet.end(task);
        let account = self.row(row.job).account;
        self.accounts.count(fleet, account, fleet.class_of(row.job), -1);
        self.scoring.released(self.now, fleet, row.job);
        self.wake(row.node, fleet);
        let job = &fleet.jobs[row.job.index()];
        if job.waiting == 0 && job.running == 0 {
            self.rows[row.job.index()] = None;
        }
    }

    fn node_down(&mut self, node: NodeId, fleet: &mut Fleet, out: &mut Vec<FleetCommand>) {
        loop {
            let first = fleet.tasks_on(node).next();
            let Some(task) = first else { break };
            self.evict(task, Eviction::Lost, fleet);
        }
        fleet.set_up(node, false);
        self.commit(fleet, out);
        self.accounts.update_turns(fleet);
    }

    fn node_up(&mut self, node: NodeId, fleet: &mut Fleet) {
        fleet.set_up(node, true);
        self.accounts.update_turns(fleet);
        self.wake(node, fleet);
    }

    /// Something is free on a node: looks again at what that may help.
    fn wake(&mut self, node: NodeId, fleet: &Fleet) {
        let held: Vec<(usize, u32)> =
            self.lanes.held.iter().map(|(account, (_, lane))| (*account, *lane)).collect();
        for (account, lane) in held {
            if self.may_help(lane, node, fleet) {
                self.release(account);
                self.accounts.update_turn(fleet, account);
            }
        }
        for lane in self.lanes.parked_where(|class| fleet.fits(class, node)) {
            self.unpark(lane, fleet);
        }
        for lane in self.lanes.capped() {
            let (account, class) = (self.lanes[lane].account, self.lanes[lane].class);
            if self.accounts.allows(fleet, account, &fleet.cluster.classes[class], 1) {
                self.unpark(lane, fleet);
            }
        }
    }

    fn may_help(&self, lane: u32, node: NodeId, fleet: &Fleet) -> bool {
        let is_capped = self.lanes[lane].why == Some(Waits::Queue);
        is_capped || self.evicts() || fleet.fits(self.lanes[lane].class, node)
    }

    /// Whether running tasks are evicted for others.
    fn evicts(&self) -> bool {
        self.policy.preemption || self.accounts.reclaims()
    }

    fn unpark(&mut self, lane: u32, fleet: &Fleet) {
        self.lanes.unpark(lane);
        self.lanes.refresh(lane, &mut self.accounts);
        self.accounts.update_turn(fleet, self.lanes[lane].account);
    }

    /// Serves accounts until nobody can be served.
    fn pass(&mut self, now: Time, fleet: &mut Fleet, out: &mut Vec<FleetCommand>) {
        if self.evicts() {
            for lane in self.lanes.all_parked() {
                self.unpark(lane, fleet);
            }
            let held: Vec<usize> = self.lanes.held.keys().copied().collect();
            for account in held {
                self.release(account);
                self.accounts.update_turn(fleet, account);
            }
        }
        self.reorder(fleet);
        while let Some(account) = self.accounts.next(fleet) {
            let &(key, lane) = self.accounts.rows[account].ready.first().expect("the account can be served");
            let job = self.lanes[lane].jobs[&key];
            match self.serve(now, job, fleet) {
                Ok(()) => self.commit(fleet, out),
                Err(why) if self.policy.passing == Passing::Nobody => {
                    self.lanes.note(lane, why);
                    self.lanes.held.insert(account, (key, lane));
                    self.accounts.rows[account].is_held = true;
                }
                Err(why) => {
                    self.lanes.park(lane, why);
                    self.lanes.refresh(lane, &mut self.accounts);
                }
            }
            self.accounts.update_turn(fleet, account);
        }
    }
}

impl Control for FleetControl {
    type Event = FleetEvent;
    type Command = FleetCommand;
    type View = Fleet;

    fn handle(&mut self, now: Time, event: FleetEvent, fleet: &mut Fleet, out: &mut Vec<FleetCommand>) {
        self.now = now;
        match event {
            FleetEvent::Submitted(job) => self.submit(job, fleet),
            FleetEvent::Ended(task) => self.ended(task, fleet),
            FleetEvent::NodeDown(node) => self.node_down(node, fleet, out),
            FleetEvent::NodeUp(node) => self.node_up(node, fleet),
        }
        self.pass_due = Some(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.pass_due
    }

    fn handle_timeout(&mut self, now: Time, fleet: &mut Fleet, out: &mut Vec<FleetCommand>) {
        self.pass_due = None;
        self.now = now;
        self.pass(now, fleet, out);
    }
}

#[cfg(test)]
mod tests;
