//! Whose turn it is: accounts in a tree, what each of them holds, and the disciplines that compare
//! them. All arithmetic is in whole numbers, so that equal shares are equal.
//!
//! Sources: Ghodsi et al., Dominant Resource Fairness, NSDI 2011 (algorithm 1, section 4.3 on weights);
//! Bhattacharya et al., Hierarchical Scheduling for Diverse Datacenter Workloads, SoCC 2013; the
//! capacity scheduler of Hadoop YARN.

use super::order::Key;
use crate::base::Map;
use crate::base::ids::ResourceId;
use crate::cluster::{Fleet, PodClass};
use std::collections::BTreeSet;

/// A share in 2^-40.
pub(super) type Share = u128;
/// The whole.
pub(super) const WHOLE: Share = 1 << 40;
/// The weight of one.
pub const UNIT_WEIGHT: u64 = 1_000_000;
/// The root of the tree.
pub(super) const ROOT: usize = 0;

/// How accounts are compared; the one with the least goes first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Discipline {
    /// Not at all: one queue for everybody.
    #[default]
    None,
    /// By the dominant share: the largest share that an account has of any resource, through its weight.
    Drf {
        /// How an account with accounts below is seen.
        inner: Inner,
    },
    /// By the share of one resource, through the weight.
    MaxMin {
        /// The resource by name.
        resource: String,
    },
    /// By the dominant share through what is guaranteed.
    Capacity {
        /// Whether tasks of an account above its guarantee are evicted for one below.
        reclaim: bool,
    },
}

/// How the share of an account with accounts below comes about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Inner {
    /// Those below that can take more are rescaled to the least share among them, then all are added;
    /// resources of which nothing is free do not count (H-DRF).
    #[default]
    Rescaled,
    /// All below are added (naive H-DRF, which starves some).
    Summed,
}

/// What an account stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum By {
    /// A user.
    #[default]
    User,
    /// A namespace.
    Namespace,
}

/// A queue as it is configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueSpec {
    /// The name.
    pub name: String,
    /// The queue that it is part of, by its place in the list: an earlier one; `None` for the root.
    pub parent: Option<usize>,
    /// The weight in millionths.
    pub weight: u64,
    /// What is guaranteed, in millionths of the nodes; only with [`Discipline::Capacity`].
    pub guaranteed: u64,
    /// What it never exceeds, in millionths of the nodes.
    pub max: u64,
    /// Users or namespaces whose jobs go there; its own name is one of them.
    pub members: Vec<String>,
}

/// How resources are shared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sharing {
    /// How accounts are compared.
    pub discipline: Discipline,
    /// Who has an account.
    pub by: By,
    /// The queues that are configured. Who is in none of them has an account of their own below the
    /// root, with weight 1, no guarantee and no maximum.
    pub queues: Vec<QueueSpec>,
}

/// An account: a queue, or somebody without one.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    parent: usize,
    children: Vec<usize>,
    weight: u64,
    guaranteed: u64,
    max: u64,
    /// What its tasks hold, by resource, those of the accounts below included.
    pub(super) used: Vec<i128>,
    /// Lanes that can be tried, by the key of their first job; only without accounts below.
    pub(super) ready: BTreeSet<(Key, u32)>,
    /// Whether nothing may be tried until something is free.
    pub(super) is_held: bool,
    /// Its place in [`Accounts::turns`], if it has one.
    turn: Option<Share>,
}

/// The tree of accounts.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    pub(super) rows: Vec<Account>,
    sharing: Sharing,
    by_name: Map<String, usize>,
    /// Where jobs of each user or namespace go.
    by_key: Map<i64, usize>,
    /// Accounts directly below the root that can be served, by share; only if no account is deeper.
    turns: BTreeSet<(Share, usize)>,
    is_flat: bool,
}

impl Accounts {
    pub(super) fn new(sharing: &Sharing) -> Accounts {
        let mut accounts = Accounts {
            rows: vec![account(String::new(), ROOT, UNIT_WEIGHT)],
            sharing: sharing.clone(),
            by_name: Map::default(),
            by_key: Map::default(),
            turns: BTreeSet::new(),
            is_flat: sharing.queues.iter().all(|queue| queue.parent.is_none()),
        };
        for queue in &sharing.queues {
            let parent = queue.parent.map_or(ROOT, |parent| parent + 1);
            let row = accounts.add(queue.name.clone(), parent, queue.weight);
            (accounts.rows[row].guaranteed, accounts.rows[row].max) = (queue.guaranteed, queue.max);
        }
        for (place, queue) in sharing.queues.iter().enumerate() {
            for name in queue.members.iter().chain([&queue.name]) {
                accounts.by_name.entry(name.clone()).or_insert(place + 1);
            }
        }
        accounts
    }

    fn add(&mut self, name: String, parent: usize, weight: u64) -> usize {
        let row = self.rows.len();
        self.rows.push(account(name, parent, weight));
        self.rows[parent].children.push(row);
        row
    }

    /// The account of a job's user or namespace, new if there is none.
    pub(super) fn of(&mut self, fleet: &Fleet, user: i32, namespace: crate::base::Symbol) -> usize {
        if self.sharing.discipline == Discipline::None {
            return ROOT;
        }
        let (key, by) = match self.sharing.by {
            By::User => (i64::from(user), By::User),
            By::Namespace => (i64::from(namespace.0), By::Namespace),
        };
        if let Some(&row) = self.by_key.get(&key) {
            return row;
        }
        let name = match by {
            By::User if user < 0 => "nobody".to_owned(),
            By::User => user.to_string(),
            By::Namespace => fleet.cluster.names.text(namespace).to_owned(),
        };
        let row = match self.by_name.get(&name) {
            Some(&row) => row,
            None => self.add(name, ROOT, UNIT_WEIGHT),
        };
        self.by_key.insert(key, row);
        row
    }

    /// Counts (`sign` 1) or no longer counts (-1) a task of a class for an account.
    pub(super) fn count(&mut self, fleet: &Fleet, account: usize, class: &PodClass, sign: i128) {
        let mut row = account;
        loop {
            let used = &mut self.rows[row].used;
            used.resize(fleet.capacity.len(), 0);
            for &(resource, amount) in &class.counted {
                used[resource.index()] += sign * i128::from(amount);
            }
            if row == ROOT {
                break;
            }
            row = self.rows[row].parent;
        }
        self.update_turn(fleet, account);
    }

    /// Brings an account to its place among those that can be served.
    pub(super) fn update_turn(&mut self, fleet: &Fleet, row: usize) {
        if !self.is_flat || row == ROOT {
            return;
        }
        let wanted = self.can_be_served(row).then(|| self.key(fleet, row, &self.rows[row].used, &[]));
        if self.rows[row].turn == wanted {
            return;
        }
        if let Some(share) = self.rows[row].turn {
            self.turns.remove(&(share, row));
        }
        if let Some(share) = wanted {
            self.turns.insert((share, row));
        }
        self.rows[row].turn = wanted;
    }

    /// Places all accounts anew: what there is to share has changed.
    pub(super) fn update_turns(&mut self, fleet: &Fleet) {
        for row in 0..self.rows.len() {
            self.update_turn(fleet, row);
        }
    }

    fn can_be_served(&self, row: usize) -> bool {
        !self.rows[row].is_held && !self.rows[row].ready.is_empty()
    }

    /// The largest share of `used` in a resource, those in `saturated` left out.
    fn dominant(fleet: &Fleet, used: &[i128], saturated: &[bool]) -> Share {
        Self::dominant_of(used, &fleet.capacity, saturated)
    }

    fn dominant_of(used: &[i128], capacity: &[i128], saturated: &[bool]) -> Share {
        let counts = |resource: &usize| !saturated.get(*resource).is_some_and(|is| *is);
        let share = |resource: usize| match (used[resource], capacity[resource]) {
            (used, _) if used <= 0 => 0,
            (_, capacity) if capacity <= 0 => WHOLE,
            (used, capacity) => (used as Share * WHOLE) / capacity as Share,
        };
        (0..used.len()).filter(counts).map(share).max().unwrap_or(0)
    }

    /// The dominant share of an account.
    pub(super) fn share(&self, fleet: &Fleet, row: usize) -> Share {
        Self::dominant(fleet, &self.rows[row].used, &[])
    }

    /// What is compared: the share by the discipline, through weight or guarantee.
    fn key(&self, fleet: &Fleet, row: usize, used: &[i128], saturated: &[bool]) -> Share {
        let account = &self.rows[row];
        match &self.sharing.discipline {
            Discipline::None => 0,
            Discipline::Drf { .. } => weighted(Self::dominant(fleet, used, saturated), account.weight),
            Discipline::MaxMin { resource } => {
                let found = fleet
                    .cluster
                    .resources
                    .iter()
                    .position(|&name| fleet.cluster.names.text(name) == resource);
                let only = found.filter(|&place| place < used.len()).map(|place| {
                    let mut others = vec![true; used.len()];
                    others[place] = false;
                    Self::dominant(fleet, used, &others)
                });
                weighted(only.unwrap_or(0), account.weight)
            }
            // Who is guaranteed nothing comes after all others, and after what they may borrow.
            Discipline::Capacity { .. } => {
                weighted(Self::dominant(fleet, used, saturated), account.guaranteed.max(1))
            }
        }
    }

    /// The account whose turn it is, if any can be served.
    pub(super) fn next(&self, fleet: &Fleet) -> Option<usize> {
        if self.sharing.discipline == Discipline::None {
            return self.can_be_served(ROOT).then_some(ROOT);
        }
        if self.is_flat {
            return self.turns.first().map(|(_, row)| *row);
        }
        let inner = match self.sharing.discipline {
            Discipline::Drf { inner } => inner,
            _ => Inner::Summed,
        };
        let rescaled = inner == Inner::Rescaled;
        let is_saturated = |resource: usize| rescaled && fleet.used[resource] >= fleet.capacity[resource];
        let saturated: Vec<bool> = (0..fleet.capacity.len()).map(is_saturated).collect();
        let mut seen = vec![Seen::default(); self.rows.len()];
        self.look(fleet, ROOT, rescaled, &saturated, &mut seen);
        let mut row = ROOT;
        while !self.rows[row].children.is_empty() {
            let open = self.rows[row].children.iter().copied().filter(|&child| seen[child].is_open);
            row = open.min_by_key(|&child| (seen[child].key, child))?;
        }
        self.can_be_served(row).then_some(row)
    }

    /// Computes what is seen of an account and of those below it.
    fn look(&self, fleet: &Fleet, row: usize, rescaled: bool, saturated: &[bool], seen: &mut [Seen]) {
        let account = &self.rows[row];
        let mut used = account.used.clone();
        let mut is_open = self.can_be_served(row);
        if !account.children.is_empty() {
            for &child in &account.children {
                self.look(fleet, child, rescaled, saturated, seen);
            }
            let open = |child: &&usize| seen[**child].is_open && seen[**child].key > 0;
            let least = account.children.iter().filter(open).map(|&child| seen[child].key).min();
            is_open = account.children.iter().any(|&child| seen[child].is_open);
            if rescaled {
                used = vec![0; fleet.capacity.len()];
                for &child in &account.children {
                    let Seen { key, is_open, used: below } = &seen[child];
                    let (part, whole) = match least {
                        Some(least) if *is_open && *key > 0 => (least, *key),
                        _ => (1, 1),
                    };
                    for (sum, &amount) in used.iter_mut().zip(below) {
                        *sum += scaled(amount, part, whole);
                    }
                }
            }
        }
        let key = self.key(fleet, row, &used, saturated);
        seen[row] = Seen { key, is_open, used };
    }

    /// Whether an account may hold one more task of a class: no account above it exceeds its maximum.
    pub(super) fn allows(&self, fleet: &Fleet, account: usize, class: &PodClass, tasks: u32) -> bool {
        self.limit(fleet, account, class, tasks).is_none()
    }

    /// The first account, from this one up, that would exceed its maximum with more tasks of a class.
    pub(super) fn limit(&self, fleet: &Fleet, account: usize, class: &PodClass, tasks: u32) -> Option<usize> {
        let mut row = account;
        loop {
            let Account { max, parent, .. } = self.rows[row];
            if max < UNIT_WEIGHT && self.share_with(fleet, row, class, tasks) > part(max) {
                return Some(row);
            }
            if row == ROOT {
                return None;
            }
            row = parent;
        }
    }

    /// What keeps an account from ever holding so many tasks of a class, even if it held nothing else and
    /// every node were up: the maximum of it or of one above it, as a share.
    pub(super) fn never_allowed_by(
        &self,
        fleet: &Fleet,
        account: usize,
        class: &PodClass,
        tasks: u32,
    ) -> Option<f64> {
        let path = std::iter::successors(Some(account), |&row| (row != ROOT).then(|| self.rows[row].parent));
        let max = path.map(|row| self.rows[row].max).min().filter(|max| *max < UNIT_WEIGHT)?;
        let mut alone = vec![0; fleet.capacity.len()];
        for &(resource, amount) in &class.counted {
            alone[resource.index()] = i128::from(amount) * i128::from(tasks);
        }
        if Self::dominant(fleet, &alone, &[]) <= part(max) {
            return None;
        }
        // Nodes that are down come back.
        let columns = fleet.cluster.nodes.allocatable.iter();
        let all: Vec<i128> = columns.map(|column| column.iter().copied().map(i128::from).sum()).collect();
        let exceeds = Self::dominant_of(&alone, &all, &[]) > part(max);
        exceeds.then_some(max as f64 / UNIT_WEIGHT as f64)
    }

    fn share_with(&self, fleet: &Fleet, row: usize, class: &PodClass, tasks: u32) -> Share {
        let mut used = self.rows[row].used.clone();
        used.resize(fleet.capacity.len(), 0);
        for &(resource, amount) in &class.counted {
            used[resource.index()] += i128::from(amount) * i128::from(tasks);
        }
        Self::dominant(fleet, &used, &[])
    }

    /// Whether an account stays within its guarantee with so many more tasks of a class.
    pub(super) fn is_owed(&self, fleet: &Fleet, row: usize, class: &PodClass, tasks: u32) -> bool {
        self.share_with(fleet, row, class, tasks) <= part(self.rows[row].guaranteed)
    }

    /// By how much an account exceeds its guarantee; 0 if it does not.
    pub(super) fn excess(&self, fleet: &Fleet, row: usize) -> Share {
        self.share(fleet, row).saturating_sub(part(self.rows[row].guaranteed))
    }

    /// The same when it has lost tasks of these classes.
    pub(super) fn excess_without<'c>(
        &self,
        fleet: &Fleet,
        row: usize,
        lost: impl Iterator<Item = &'c PodClass>,
    ) -> Share {
        let mut used = self.rows[row].used.clone();
        used.resize(fleet.capacity.len(), 0);
        for &(resource, amount) in lost.flat_map(|class| &class.counted) {
            used[resource.index()] -= i128::from(amount);
        }
        Self::dominant(fleet, &used, &[]).saturating_sub(part(self.rows[row].guaranteed))
    }

    /// What an account never exceeds, as a share.
    pub(super) fn max(&self, row: usize) -> f64 {
        self.rows[row].max as f64 / UNIT_WEIGHT as f64
    }

    /// Whether accounts are guaranteed something.
    pub(super) fn guarantees(&self) -> bool {
        matches!(self.sharing.discipline, Discipline::Capacity { .. })
    }

    /// Whether accounts below their guarantee take from those above.
    pub(super) fn reclaims(&self) -> bool {
        self.sharing.discipline == Discipline::Capacity { reclaim: true }
    }

    /// A used amount of a class's resource that counts for nobody any more is a fault.
    pub(super) fn check(&self, fleet: &Fleet) -> Result<(), String> {
        let total = &self.rows[ROOT].used;
        let differs = (0..fleet.used.len())
            .find(|&resource| total.get(resource).copied().unwrap_or(0) != fleet.used[resource]);
        match differs {
            Some(resource) => Err(format!(
                "the accounts hold otherwise than the nodes of {}",
                fleet.cluster.resource_name(ResourceId(resource as u32))
            )),
            None => Ok(()),
        }
    }
}

/// What is seen of an account when turns are compared.
#[derive(Clone, Debug, Default)]
struct Seen {
    key: Share,
    /// Whether something below it can be served.
    is_open: bool,
    used: Vec<i128>,
}

fn account(name: String, parent: usize, weight: u64) -> Account {
    Account {
        name,
        parent,
        children: Vec::new(),
        weight: weight.max(1),
        guaranteed: 0,
        max: UNIT_WEIGHT,
        used: Vec::new(),
        ready: BTreeSet::new(),
        is_held: false,
        turn: None,
    }
}

fn weighted(share: Share, weight: u64) -> Share {
    share.saturating_mul(Share::from(UNIT_WEIGHT)) / Share::from(weight)
}

/// Millionths as a share.
fn part(millionths: u64) -> Share {
    WHOLE * Share::from(millionths) / Share::from(UNIT_WEIGHT)
}

/// `amount * part / whole` without overflow; `part` is at most `whole`.
fn scaled(amount: i128, part: Share, whole: Share) -> i128 {
    let mut amount = amount.max(0) as u128;
    let (mut part, mut whole) = (part, whole);
    // Few bits are lost where the product would be too large.
    let excess = (128 - amount.leading_zeros() + 128 - part.leading_zeros()).saturating_sub(127);
    (part, whole) = (part >> excess.min(64), (whole >> excess.min(64)).max(1));
    amount = amount.saturating_mul(part) / whole;
    amount as i128
}
