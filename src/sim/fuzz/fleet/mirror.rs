//! A fleet as its records tell of it: nodes, jobs, accounts, and the plain arithmetic of room, shares and
//! ranks. Nothing here is taken from the code that is checked.

use super::generate::{Amounts, Ask, Drawn, Facts, RESOURCES};
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};
use crate::control::fleet::{By, Discipline, Gang, Inner, Order, Policy, UNIT_WEIGHT};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A share of one, as the records count shares.
const WHOLE: u128 = 1 << 40;

/// Where a job stands: priority, score as bits of the same order, number.
pub(super) type Rank = (Reverse<i32>, i64, u64);

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) parent: usize,
    weight: u64,
    guaranteed: u64,
    max: u64,
    used: [i128; RESOURCES.len()],
}

/// A job that was submitted and has not ended.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its place among the drawn ones.
    pub(super) drawn: usize,
    pub(super) account: usize,
    pub(super) rank: Rank,
    pub(super) ask: usize,
    pub(super) tasks: u32,
    pub(super) waiting: u32,
    pub(super) running: u32,
    pub(super) ended: u32,
    pub(super) priority: i32,
    /// How long each of its tasks runs.
    pub(super) run_time: Span,
    /// Work of its tasks that is done and not lost.
    pub(super) done: u128,
    pub(super) evictions: u64,
}

/// A task on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Going {
    pub(super) job: u64,
    pub(super) node: usize,
    pub(super) started: Time,
    /// Since when it makes progress.
    pub(super) works: Option<Time>,
}

/// The whole.
pub(super) struct Mirror {
    pub(super) facts: Facts,
    pub(super) up: Vec<bool>,
    pub(super) free: Vec<Amounts>,
    pub(super) slots: Vec<i64>,
    pub(super) accounts: Vec<Account>,
    pub(super) jobs: BTreeMap<u64, Row>,
    pub(super) going: BTreeMap<u32, Going>,
}

fn account(name: &str, parent: usize) -> Account {
    let name = name.to_owned();
    Account { name, parent, weight: UNIT_WEIGHT, guaranteed: 0, max: UNIT_WEIGHT, used: [0; RESOURCES.len()] }
}

impl Mirror {
    pub(super) fn new(facts: Facts) -> Mirror {
        let mut accounts = vec![account("", 0)];
        for queue in &facts.policy.sharing.queues {
            let row = account(&queue.name, queue.parent.map_or(0, |parent| parent + 1));
            let (weight, guaranteed, max) = (queue.weight, queue.guaranteed, queue.max);
            accounts.push(Account { weight, guaranteed, max, ..row });
        }
        Mirror {
            up: vec![true; facts.machines.len()],
            free: facts.machines.iter().map(|machine| machine.amounts).collect(),
            slots: facts.machines.iter().map(|machine| machine.slots).collect(),
            accounts,
            jobs: BTreeMap::new(),
            going: BTreeMap::new(),
            facts,
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.facts.policy
    }

    fn ask(&self, ask: usize) -> &Ask {
        &self.facts.asks[ask]
    }

    /// Whether a node has the labels that are asked for, and is borne.
    pub(super) fn suits(&self, ask: usize, node: usize) -> bool {
        let (ask, machine) = (self.ask(ask), &self.facts.machines[node]);
        ask.zone.is_none_or(|zone| machine.zone == Some(zone)) && (ask.tolerates || !machine.is_tainted)
    }

    /// How many tasks fit into so much.
    fn count(&self, ask: usize, free: &Amounts, slots: i64) -> u64 {
        let of = |(&free, &asked): (&i64, &i64)| if asked == 0 { i64::MAX } else { free / asked };
        let most = free.iter().zip(&self.ask(ask).amounts).map(of).min().unwrap_or(i64::MAX);
        most.min(slots).max(0) as u64
    }

    /// How many tasks a node can take now.
    pub(super) fn room_on(&self, ask: usize, node: usize) -> u64 {
        let takes = self.up[node] && self.suits(ask, node);
        if takes { self.count(ask, &self.free[node], self.slots[node]) } else { 0 }
    }

    /// How many tasks all nodes can take now.
    pub(super) fn room(&self, ask: usize) -> u64 {
        (0..self.up.len()).map(|node| self.room_on(ask, node)).sum()
    }

    /// How many tasks all nodes could take if they were up and nothing were on them.
    pub(super) fn empty_room(&self, ask: usize) -> u64 {
        let machines = self.facts.machines.iter().enumerate();
        let suiting = machines.filter(|(node, _)| self.suits(ask, *node));
        suiting.map(|(_, machine)| self.count(ask, &machine.amounts, machine.slots)).sum()
    }

    /// Counts a task on a node and for its account (`sign` 1), or no longer (-1).
    pub(super) fn hold(&mut self, job: u64, node: usize, sign: i64) {
        let Row { ask, account, .. } = self.jobs[&job];
        let amounts = self.ask(ask).amounts;
        for (resource, amount) in amounts.into_iter().enumerate() {
            self.free[node][resource] -= sign * amount;
        }
        self.slots[node] -= sign;
        let path: Vec<usize> = self.path(account).collect();
        for row in path {
            for (used, amount) in self.accounts[row].used.iter_mut().zip(amounts) {
                *used += i128::from(sign * amount);
            }
        }
    }

    /// An account and those above it, up to the one that holds all.
    pub(super) fn path(&self, account: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(account), |&row| (row != 0).then(|| self.accounts[row].parent))
    }

    /// What nodes have altogether: those that are up, or all of them.
    fn capacity(&self, with_those_down: bool) -> [i128; RESOURCES.len()] {
        let machines = self.facts.machines.iter().zip(&self.up).filter(|(_, up)| with_those_down || **up);
        machines.fold([0; RESOURCES.len()], |mut sum, (machine, _)| {
            sum.iter_mut().zip(machine.amounts).for_each(|(sum, amount)| *sum += i128::from(amount));
            sum
        })
    }

    fn dominant(used: &[i128], capacity: &[i128]) -> u128 {
        let share = |(&used, &capacity): (&i128, &i128)| match (used, capacity) {
            (used, _) if used <= 0 => 0,
            (_, capacity) if capacity <= 0 => WHOLE,
            (used, capacity) => used as u128 * WHOLE / capacity as u128,
        };
        used.iter().zip(capacity).map(share).max().unwrap_or(0)
    }

    /// The dominant share of an account, with so many more tasks of an ask.
    pub(super) fn share(&self, account: usize, ask: usize, more: u32) -> u128 {
        let mut used = self.accounts[account].used;
        for (used, amount) in used.iter_mut().zip(self.ask(ask).amounts) {
            *used += i128::from(amount) * i128::from(more);
        }
        Self::dominant(&used, &self.capacity(false))
    }

    /// The dominant share of an account, as a number.
    pub(super) fn dominant_share(&self, account: usize) -> f64 {
        Self::dominant(&self.accounts[account].used, &self.capacity(false)) as f64 / WHOLE as f64
    }

    fn part(millionths: u64) -> u128 {
        WHOLE * u128::from(millionths) / u128::from(UNIT_WEIGHT)
    }

    /// The first account on the way up that would exceed its maximum with so many more tasks.
    pub(super) fn capped(&self, account: usize, ask: usize, more: u32) -> Option<usize> {
        let exceeds = |row: &usize| {
            let max = self.accounts[*row].max;
            max < UNIT_WEIGHT && self.share(*row, ask, more) > Self::part(max)
        };
        self.path(account).find(exceeds)
    }

    /// The least maximum on the way up, in percent, if so many tasks exceed it whatever is up.
    pub(super) fn too_large(&self, account: usize, ask: usize, tasks: u32) -> Option<f64> {
        let alone = self.ask(ask).amounts.map(|amount| i128::from(amount) * i128::from(tasks));
        let share = Self::dominant(&alone, &self.capacity(true));
        let max = self.path(account).map(|row| self.accounts[row].max).min().unwrap_or(UNIT_WEIGHT);
        let exceeds = max < UNIT_WEIGHT && share > Self::part(max);
        exceeds.then(|| max as f64 / UNIT_WEIGHT as f64 * 100.0)
    }

    /// What an account may never exceed, in percent.
    pub(super) fn max_percent(&self, account: usize) -> f64 {
        self.accounts[account].max as f64 / UNIT_WEIGHT as f64 * 100.0
    }

    /// Whether an account has more than is guaranteed.
    pub(super) fn exceeds_guarantee(&self, account: usize) -> bool {
        self.share(account, 0, 0) > Self::part(self.accounts[account].guaranteed)
    }

    /// How many tasks of a job start at once.
    pub(super) fn at_once(&self, row: &Row) -> u32 {
        if self.policy().gang == Gang::AllOrNothing { row.waiting } else { 1 }
    }

    /// Whether a job could start as it is without anybody going.
    pub(super) fn could_start(&self, row: &Row) -> bool {
        let at_once = self.at_once(row);
        row.waiting > 0
            && self.room(row.ask) >= u64::from(at_once)
            && self.capped(row.account, row.ask, at_once).is_none()
    }

    /// The account that a job belongs to by the configuration: its name, and its parent's row.
    pub(super) fn account_name(&self, drawn: &Drawn) -> String {
        let sharing = &self.policy().sharing;
        if sharing.discipline == Discipline::None {
            return String::new();
        }
        let name = match sharing.by {
            By::User if drawn.user < 0 => "nobody".to_owned(),
            By::User => drawn.user.to_string(),
            By::Namespace => drawn.namespace.to_owned(),
        };
        let queue = sharing.queues.iter().find(|queue| queue.name == name || queue.members.contains(&name));
        queue.map_or(name, |queue| queue.name.clone())
    }

    /// Knows an account by its row; a new one stands below the root. False if it is another.
    pub(super) fn know(&mut self, row: usize, name: &str) -> bool {
        while self.accounts.len() < row {
            self.accounts.push(account("?", 0));
        }
        if self.accounts.len() == row {
            self.accounts.push(account(name, 0));
        }
        if self.accounts[row].name == "?" {
            name.clone_into(&mut self.accounts[row].name);
        }
        self.accounts[row].name == name
    }

    /// The largest share that a task has of all nodes, in cores of them.
    fn size(&self, ask: usize) -> f64 {
        let (amounts, all) = (self.ask(ask).amounts, self.capacity(true));
        let shares: Vec<f64> =
            amounts.iter().zip(all).map(|(&amount, all)| amount as f64 / (all as f64).max(1.0)).collect();
        let largest = shares.iter().copied().fold(0.0, f64::max);
        // Cores are counted as they are.
        if shares[0] >= largest { amounts[0] as f64 / 1e3 } else { largest * all[0] as f64 / 1e3 }
    }

    /// Where a job stands that is submitted now.
    pub(super) fn rank(&self, drawn: &Drawn, told: Span, number: u64) -> Rank {
        let size = self.size(drawn.ask) * f64::from(drawn.tasks);
        let estimate = (told.0 as f64 / NANOS_PER_SECOND as f64).max(1.0);
        let scores = [
            (Order::Sjf, estimate),
            (Order::Ljf, -estimate),
            (Order::Smallest, size),
            (Order::Largest, -size),
            (Order::SmallestArea, estimate * size),
        ];
        let score = scores.into_iter().find(|(order, _)| *order == self.policy().order);
        let score = score.map_or(0.0, |(_, score)| score);
        // Zero has no sign.
        let bits = (score + 0.0_f64).to_bits() as i64;
        (Reverse(drawn.priority), if bits < 0 { i64::MIN + !bits } else { bits }, number)
    }

    /// Whether the turns of accounts can be foretold: not where shares below are rescaled.
    pub(super) fn has_plain_turns(&self) -> bool {
        let sharing = &self.policy().sharing;
        let is_flat = sharing.queues.iter().all(|queue| queue.parent.is_none());
        is_flat || sharing.discipline != Discipline::Drf { inner: Inner::Rescaled }
    }

    /// What is compared of an account.
    pub(super) fn turn(&self, row: usize) -> (u128, usize) {
        let account = &self.accounts[row];
        let capacity = self.capacity(false);
        let (share, weight) = match &self.policy().sharing.discipline {
            Discipline::None => (0, 1),
            Discipline::Drf { .. } => (Self::dominant(&account.used, &capacity), account.weight),
            Discipline::MaxMin { resource } => {
                let place = RESOURCES.iter().position(|name| name == resource);
                let share = place.map_or(0, |place| {
                    Self::dominant(&account.used[place..=place], &capacity[place..=place])
                });
                (share, account.weight)
            }
            Discipline::Capacity { .. } => {
                (Self::dominant(&account.used, &capacity), account.guaranteed.max(1))
            }
        };
        (share * u128::from(UNIT_WEIGHT) / u128::from(weight), row)
    }
}

impl Mirror {
    /// What is free on a node: the sum over all resources, as shares of the most that any node has.
    pub(super) fn rest(&self, node: usize) -> f64 {
        let of = |resource: usize| {
            let most = self.facts.machines.iter().map(|machine| machine.amounts[resource]).max().unwrap_or(0);
            self.free[node][resource] as f64 / most.max(1) as f64
        };
        (0..RESOURCES.len()).map(of).sum()
    }
}
