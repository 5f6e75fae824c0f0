//! Amounts over time: what nodes offer, what pods request, what is used; by node, pool, zone and
//! in all.
//!
//! When something changes is decided by the caller.

use crate::base::ids::{PoolId, ResourceId};
use crate::base::{Map, Time};
use crate::cluster::Cluster;
use crate::observe::stats::Integral;

/// Rows of [`Resources`] that always exist.
pub(super) const CPU: usize = 0;
/// Memory in bytes.
pub(super) const MEMORY: usize = 1;
/// Pod slots.
pub(super) const PODS: usize = 2;

/// The resources that were seen, in order of appearance.
#[derive(Debug)]
pub(super) struct Resources {
    pub(super) names: Vec<String>,
    by_id: Vec<Option<usize>>,
}

impl Default for Resources {
    fn default() -> Resources {
        Resources { names: ["cpu", "memory", "pods"].map(str::to_owned).to_vec(), by_id: Vec::new() }
    }
}

impl Resources {
    pub(super) fn row(&mut self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    pub(super) fn row_of_id(&mut self, cluster: &Cluster, id: ResourceId) -> usize {
        if let Some(&Some(row)) = self.by_id.get(id.index()) {
            return row;
        }
        let row = self.row(cluster.resource_name(id));
        if self.by_id.len() <= id.index() {
            self.by_id.resize(id.index() + 1, None);
        }
        self.by_id[id.index()] = Some(row);
        row
    }

    /// The rows in the order of output: CPU, memory, then by name.
    pub(super) fn sorted(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.names.len()).collect();
        rows.sort_by_key(|&row| (row > MEMORY, if row > MEMORY { self.names[row].as_str() } else { "" }));
        rows
    }
}

/// The amounts of one scope, by resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) capacity: Vec<Integral>,
    pub(super) requested: Vec<Integral>,
    pub(super) used: [Integral; 2],
}

/// Adds to a column that grows as needed.
fn add(column: &mut Vec<Integral>, now: Time, row: usize, delta: i64) {
    if column.len() <= row {
        column.resize(row + 1, Integral::default());
    }
    column[row].add(now.0, delta);
}

/// The value of a column that may not have the row.
pub(super) fn value(column: &[Integral], row: usize) -> i128 {
    column.get(row).map_or(0, Integral::value)
}

/// The integral of a column that may not have the row.
pub(super) fn total(column: &[Integral], row: usize, now: Time) -> i128 {
    column.get(row).map_or(0, |integral| integral.total(now.0))
}

/// What stands for the run in a ratio (see [`Integral::share`]), of a column that may not have the row.
pub(super) fn share(column: &[Integral], row: usize, now: Time) -> i128 {
    column.get(row).map_or(0, |integral| integral.share(now.0))
}

/// What a scope is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum ScopeName {
    All,
    Pool(String),
    Zone(String),
}

impl Account {
    fn absorb(&mut self, other: &Account) {
        let columns = [(&mut self.capacity, &other.capacity), (&mut self.requested, &other.requested)];
        for (column, other) in columns {
            column.resize(column.len().max(other.len()), Integral::default());
            column.iter_mut().zip(other).for_each(|(sum, part)| sum.absorb(part));
        }
        self.used.iter_mut().zip(&other.used).for_each(|(sum, part)| sum.absorb(part));
    }
}

/// The accounts of the scopes: all first, then pools and zones as they appear. Only the first is
/// kept up to date; the others are summed up at the end.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) rows: Vec<(ScopeName, Account)>,
    by_name: Map<ScopeName, usize>,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts { rows: vec![(ScopeName::All, Account::default())], by_name: Map::default() }
    }
}

impl Accounts {
    fn row(&mut self, name: ScopeName) -> usize {
        if let Some(&row) = self.by_name.get(&name) {
            return row;
        }
        self.by_name.insert(name.clone(), self.rows.len());
        self.rows.push((name, Account::default()));
        self.rows.len() - 1
    }

    pub(super) fn all(&self) -> &Account {
        &self.rows[0].1
    }
}

/// Less than one part in so many left of a resource strands what is left of the others.
const EXHAUSTED_PART: i128 = 20;

/// A node as the run sees it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) pool: PoolId,
    pub(super) pool_name: String,
    pub(super) zone: String,
    /// Its pool and its zone among the accounts.
    scopes: Vec<usize>,
    pub(super) account: Account,
    /// What it offers (or last offered), by resource.
    pub(super) allocatable: Vec<i64>,
    /// 1 while the object exists; while it exists and is Ready; while the machine is down.
    pub(super) present: Integral,
    pub(super) ready: Integral,
    pub(super) down: Integral,
    pub(super) is_ready: bool,
    pub(super) cordoned: bool,
    /// Since when the machine has been down.
    pub(super) down_since: Option<Time>,
    pub(super) failures: u64,
    pub(super) bound: u64,
    /// The pods on it, each in a lane of its own.
    pub(super) lanes: Vec<Option<u32>>,
    free_lane: usize,
    stranded: [i64; 2],
}

impl Node {
    pub(super) fn new(
        accounts: &mut Accounts,
        name: &str,
        (pool, pool_name): (PoolId, &str),
        zone: &str,
    ) -> Node {
        let mut scopes = Vec::new();
        if !pool_name.is_empty() {
            scopes.push(accounts.row(ScopeName::Pool(pool_name.to_owned())));
        }
        if !zone.is_empty() {
            scopes.push(accounts.row(ScopeName::Zone(zone.to_owned())));
        }
        Node {
            name: name.to_owned(),
            pool,
            pool_name: pool_name.to_owned(),
            zone: zone.to_owned(),
            scopes,
            account: Account::default(),
            allocatable: Vec::new(),
            present: Integral::default(),
            ready: Integral::default(),
            down: Integral::default(),
            is_ready: true,
            cordoned: false,
            down_since: None,
            failures: 0,
            bound: 0,
            lanes: Vec::new(),
            free_lane: 0,
            stranded: [0, 0],
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.present.value() > 0
    }

    /// Whether new pods can be placed on it.
    pub(super) fn is_open(&self) -> bool {
        self.exists() && self.is_ready && !self.cordoned
    }

    /// The amount of a resource that is offered and not requested.
    pub(super) fn free(&self, row: usize) -> i128 {
        (value(&self.account.capacity, row) - value(&self.account.requested, row)).max(0)
    }

    /// Puts a pod into the lowest free lane.
    pub(super) fn enter_lane(&mut self, pod: u32) -> u32 {
        let lane = (self.free_lane..self.lanes.len())
            .find(|&lane| self.lanes[lane].is_none())
            .unwrap_or(self.lanes.len());
        if lane == self.lanes.len() {
            self.lanes.push(None);
        }
        self.lanes[lane] = Some(pod);
        self.free_lane = lane + 1;
        lane as u32
    }

    pub(super) fn leave_lane(&mut self, lane: u32) {
        self.lanes[lane as usize] = None;
        self.free_lane = self.free_lane.min(lane as usize);
    }
}

/// What happens to an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    Capacity,
    Requested,
}

impl Accounts {
    /// Amounts of a node change: its own and those of all nodes.
    pub(super) fn change(
        &mut self,
        node: &mut Node,
        now: Time,
        column: Column,
        changes: impl Iterator<Item = (usize, i64)>,
    ) {
        let pick = |account: &mut Account, row, delta| match column {
            Column::Capacity => add(&mut account.capacity, now, row, delta),
            Column::Requested => add(&mut account.requested, now, row, delta),
        };
        for (row, delta) in changes {
            pick(&mut node.account, row, delta);
            pick(&mut self.rows[0].1, row, delta);
        }
    }

    /// What is used on a node (CPU or memory) becomes `amount`.
    pub(super) fn use_amount(&mut self, node: &mut Node, now: Time, row: usize, amount: i64) {
        let delta = i128::from(amount).saturating_sub(node.account.used[row].value());
        let delta = i64::try_from(delta).unwrap_or(i64::MAX);
        node.account.used[row].add(now.0, delta);
        self.rows[0].1.used[row].add(now.0, delta);
    }

    /// Sums the nodes of each pool and zone up, once, when nothing changes any more.
    pub(super) fn sum_up(&mut self, nodes: &[Node]) {
        for node in nodes {
            for &scope in &node.scopes {
                self.rows[scope].1.absorb(&node.account);
            }
        }
    }
}

/// Brings the stranded amounts of a node up to date.
pub(super) fn update_stranded(stranded: &mut [Integral; 2], node: &mut Node, now: Time) {
    let free = [CPU, MEMORY].map(|row| node.free(row));
    let low = [CPU, MEMORY].map(|row| {
        let capacity = value(&node.account.capacity, row);
        capacity > 0 && free[row] * EXHAUSTED_PART < capacity
    });
    let full = value(&node.account.capacity, PODS) > 0 && node.free(PODS) == 0;
    for row in [CPU, MEMORY] {
        let is_stranded = full || low[1 - row];
        let amount = if is_stranded { i64::try_from(free[row]).unwrap_or(i64::MAX) } else { 0 };
        if amount != node.stranded[row] {
            let delta = amount.saturating_sub(node.stranded[row]);
            stranded[row].add(now.0, delta);
            node.stranded[row] = amount;
        }
    }
}
