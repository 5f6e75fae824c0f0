//! Associations, decayed usage and fair-share factors.
//!
//! An association is an account, or a user in an account; they form a tree. Knows nothing of jobs: it
//! is told how much was used.

use super::settings::FairShareAlgorithm;
use super::tres::TresLimit;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Shares of an association.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shares {
    /// So many, relative to its siblings'.
    Number(u32),
    /// It uses its parent's (`Fairshare=parent`).
    Parent,
}

/// Limits of an association.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AssociationLimits {
    /// The most jobs that run; of this association alone.
    pub max_jobs: Option<u32>,
    /// The most jobs that wait or run; of this association alone.
    pub max_submit: Option<u32>,
    /// What a job may hold.
    pub max_tres_per_job: TresLimit,
    /// The longest time limit of a job, in seconds.
    pub max_wall: Option<u64>,
    /// The most jobs that run, with all below it.
    pub group_jobs: Option<u32>,
    /// What running jobs may hold together, with all below it.
    pub group_tres: TresLimit,
}

/// An account, or a user in an account.
#[derive(Clone, PartialEq, Debug)]
pub struct Association {
    /// The account.
    pub account: String,
    /// The user; `None` for the account itself.
    pub user: Option<String>,
    /// The row of the account above; the root has none.
    pub parent: Option<usize>,
    /// Its shares.
    pub shares: Shares,
    /// Its part of its jobs' priority.
    pub priority: u32,
    /// Its limits.
    pub limits: AssociationLimits,
    /// Decayed billing units times seconds, with all below it.
    pub usage: f64,
    /// The fair-share factor as of the last calculation.
    pub fair_share: f64,
    /// The level factor as of the last calculation (Fair Tree).
    pub level: f64,
    /// Row of the QOS of its jobs that name none.
    pub default_qos: usize,
}

/// The tree; row 0 is the root.
#[derive(Clone, PartialEq, Debug)]
pub struct Associations {
    /// The rows; parents come before children.
    pub rows: Vec<Association>,
    by_name: BTreeMap<(String, Option<String>), usize>,
    levels: Vec<Level>,
}

/// What is below an association that takes part in the sharing, as of the last calculation.
#[derive(Clone, PartialEq, Debug, Default)]
struct Level {
    children: Vec<usize>,
    shares: f64,
    usage: f64,
}

impl Default for Associations {
    fn default() -> Associations {
        let mut tree = Associations { rows: Vec::new(), by_name: BTreeMap::new(), levels: Vec::new() };
        tree.push("root", None, None, Shares::Number(1));
        tree
    }
}

impl Associations {
    /// Adds an account or a user; gives its row. One that exists stays as it is.
    pub fn push(
        &mut self,
        account: &str,
        user: Option<&str>,
        parent: Option<usize>,
        shares: Shares,
    ) -> usize {
        let name = (account.to_owned(), user.map(str::to_owned));
        if let Some(row) = self.by_name.get(&name) {
            return *row;
        }
        self.rows.push(Association {
            account: account.to_owned(),
            user: user.map(str::to_owned),
            parent,
            shares,
            priority: 0,
            limits: AssociationLimits::default(),
            usage: 0.0,
            fair_share: 0.0,
            level: 0.0,
            default_qos: 0,
        });
        self.by_name.insert(name, self.rows.len() - 1);
        self.rows.len() - 1
    }

    /// The row of an account, or of a user in an account.
    pub fn find(&self, account: &str, user: Option<&str>) -> Option<usize> {
        self.by_name.get(&(account.to_owned(), user.map(str::to_owned))).copied()
    }

    /// The rows from one up to the root.
    pub fn up_from(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(row), |row| self.rows[*row].parent)
    }

    /// The largest priority of all.
    pub fn largest_priority(&self) -> u32 {
        self.rows.iter().map(|row| row.priority).max().unwrap_or(0)
    }

    /// Adds use to an association and all above it.
    pub fn charge(&mut self, row: usize, amount: f64) {
        let path: Vec<usize> = self.up_from(row).collect();
        for row in path {
            self.rows[row].usage += amount;
        }
    }

    /// Calculates the fair-share factor of every association.
    pub fn calculate(&mut self, algorithm: FairShareAlgorithm, dampening: u32, merge_tied: bool) {
        self.find_levels();
        match algorithm {
            FairShareAlgorithm::FairTree => self.fair_tree(merge_tied),
            FairShareAlgorithm::Classic => self.classic(dampening),
            FairShareAlgorithm::DepthOblivious => self.depth_oblivious(dampening),
        }
    }

    /// Whose place in the tree an association has: one with `Shares::Parent` takes no level of its own.
    fn acting_parent(&self, row: usize) -> Option<usize> {
        let mut parent = self.rows[row].parent;
        while let Some(up) = parent.filter(|up| self.rows[*up].shares == Shares::Parent) {
            parent = self.rows[up].parent;
        }
        parent
    }

    /// Finds out who shares with whom. A user always takes part, an account only with shares of its own.
    fn find_levels(&mut self) {
        let mut levels = vec![Level::default(); self.rows.len()];
        for row in 1..self.rows.len() {
            let takes_part =
                self.rows[row].user.is_some() || matches!(self.rows[row].shares, Shares::Number(_));
            if let Some(parent) = self.acting_parent(row).filter(|_| takes_part) {
                levels[parent].children.push(row);
                levels[parent].shares += self.number(row);
                levels[parent].usage += self.usage_norm(row);
            }
        }
        self.levels = levels;
    }

    fn number(&self, row: usize) -> f64 {
        if let Shares::Number(number) = self.rows[row].shares { f64::from(number) } else { 0.0 }
    }

    /// The part of the shares of its level that an association has.
    fn share_of_level(&self, row: usize) -> f64 {
        let Some(parent) = self.acting_parent(row) else { return 1.0 };
        let level = self.levels[parent].shares;
        if level > 0.0 { self.number(row) / level } else { 0.0 }
    }

    /// The part of all use.
    fn usage_norm(&self, row: usize) -> f64 {
        let root = self.rows[0].usage;
        if root > 0.0 { (self.rows[row].usage / root).min(1.0) } else { 0.0 }
    }

    /// Shares multiplied up the tree.
    fn shares_norm(&self, row: usize) -> f64 {
        match (self.rows[row].shares, self.acting_parent(row)) {
            (_, None) => 1.0,
            (Shares::Parent, Some(parent)) => self.shares_norm(parent),
            (Shares::Number(_), Some(parent)) => self.share_of_level(row) * self.shares_norm(parent),
        }
    }

    /// Use, with a part of what siblings have used.
    fn usage_effective(&self, row: usize) -> f64 {
        let Some(parent) = self.acting_parent(row) else { return self.usage_norm(row) };
        if self.rows[row].shares == Shares::Parent {
            return self.usage_effective(parent);
        }
        let own = self.usage_norm(row);
        if parent == 0 {
            return own;
        }
        own + (self.usage_effective(parent) - own) * self.share_of_level(row)
    }

    fn classic(&mut self, dampening: u32) {
        let factors: Vec<f64> = (0..self.rows.len())
            .map(|row| {
                let shares = self.shares_norm(row);
                if shares <= 0.0 {
                    return 0.0;
                }
                let exponent = self.usage_effective(row) / shares / f64::from(dampening.max(1));
                libm::exp2(-exponent)
            })
            .collect();
        self.enter(&factors);
    }

    /// The ratio of use to shares of an association, corrected by those above it.
    fn oblivious_ratio(&self, row: usize) -> f64 {
        let Some(parent) = self.acting_parent(row) else { return 1.0 };
        if self.rows[row].shares == Shares::Parent {
            return self.oblivious_ratio(parent);
        }
        let shares = self.shares_norm(row);
        if shares <= 0.0 {
            return 0.0;
        }
        let of_siblings = self.levels[parent].usage / self.shares_norm(parent).max(f64::MIN_POSITIVE);
        if of_siblings <= 0.0 {
            return 0.0;
        }
        let of_level = self.usage_norm(row) / shares / of_siblings;
        let of_parent = self.oblivious_ratio(parent);
        if of_level <= 0.0 || of_parent <= 0.0 {
            return 0.0;
        }
        let (up, here) = (libm::log(of_parent), libm::log(of_level));
        let k = if up * here >= 0.0 { 1.0 } else { 1.0 / (1.0 + (5.0 * up) * (5.0 * up)) };
        of_parent * libm::pow(of_level, k)
    }

    fn depth_oblivious(&mut self, dampening: u32) {
        let factors: Vec<f64> = (0..self.rows.len())
            .map(|row| {
                if self.shares_norm(row) <= 0.0 {
                    return 0.0;
                }
                libm::exp2(-self.oblivious_ratio(row) / f64::from(dampening.max(1)))
            })
            .collect();
        self.enter(&factors);
    }

    fn enter(&mut self, factors: &[f64]) {
        for (row, factor) in self.rows.iter_mut().zip(factors) {
            row.fair_share = *factor;
        }
    }

    /// The level factor: shares of the level over use of the level.
    fn level_factor(&self, row: usize) -> f64 {
        if self.rows[row].shares == Shares::Parent {
            return f64::INFINITY;
        }
        let share = self.share_of_level(row);
        let parent = self.acting_parent(row).map_or(0.0, |parent| self.rows[parent].usage);
        let used = if parent > 0.0 { self.rows[row].usage / parent } else { 0.0 };
        if share <= 0.0 {
            0.0
        } else if used <= 0.0 {
            f64::INFINITY
        } else {
            share / used
        }
    }

    /// Fair Tree: users get ranks in a walk of the tree that goes to the best level factor first.
    fn fair_tree(&mut self, merge_tied: bool) {
        let levels: Vec<f64> = (0..self.rows.len()).map(|row| self.level_factor(row)).collect();
        for (row, level) in self.rows.iter_mut().zip(&levels) {
            row.level = *level;
        }
        let users = self.rows.iter().filter(|row| row.user.is_some()).count();
        let mut walk = Walk { users, rank: users, without_ties: users, merge_tied };
        let top = self.levels[0].children.clone();
        walk.level(self, top, false);
    }
}

/// The state of the walk of a Fair Tree.
struct Walk {
    users: usize,
    /// The rank that tied users share.
    rank: usize,
    /// The rank that the next user has if it is not tied.
    without_ties: usize,
    merge_tied: bool,
}

impl Walk {
    /// Walks siblings; `tied` says whether their account was tied with the one before.
    fn level(&mut self, tree: &mut Associations, mut siblings: Vec<usize>, tied: bool) {
        let is_account = |tree: &Associations, row: usize| tree.rows[row].user.is_none();
        siblings.sort_by(|a, b| {
            let (first, second) = (&tree.rows[*a], &tree.rows[*b]);
            second
                .level
                .partial_cmp(&first.level)
                .unwrap_or(Ordering::Equal)
                .then(first.user.is_none().cmp(&second.user.is_none()))
        });
        let mut before: Option<f64> = None;
        let mut place = 0;
        while place < siblings.len() {
            let row = siblings[place];
            let level = tree.rows[row].level;
            let is_tied = if place == 0 && tied { true } else { before.is_some_and(|b| same(b, level)) };
            before = Some(level);
            place += 1;
            if !is_account(tree, row) {
                if !is_tied {
                    self.rank = self.without_ties;
                }
                tree.rows[row].fair_share = self.rank as f64 / self.users.max(1) as f64;
                self.without_ties = self.without_ties.saturating_sub(1);
                continue;
            }
            let mut children = tree.levels[row].children.clone();
            // The documentation says that tied accounts are merged before their children are sorted.
            // In the code the loop that counts them ends at the first sibling that is an account, which
            // the next one always is: none is ever merged.
            while self.merge_tied
                && place < siblings.len()
                && is_account(tree, siblings[place])
                && same(tree.rows[siblings[place]].level, level)
            {
                children.extend_from_slice(&tree.levels[siblings[place]].children);
                place += 1;
            }
            self.level(tree, children, is_tied);
        }
    }
}

/// Whether two level factors are the same number.
fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b) == Ordering::Equal
}

/// What a unit of use is worth after a second, of a half-life in seconds: Slurm's approximation of
/// 2^(-1/half-life). 1 without decay.
pub fn decay_factor(half_life: u64) -> f64 {
    if half_life == 0 { 1.0 } else { 1.0 - 0.693 / half_life as f64 }
}

/// The use of a job over a span of seconds, as it is entered at the span's end.
pub fn use_of(seconds: u64, decay: f64, billing: f64, factor: f64) -> f64 {
    let seconds = seconds as f64;
    seconds * libm::pow(decay, seconds) * billing * factor
}
