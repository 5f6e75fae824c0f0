//! A tree over the nodes that finds one with room without looking at all of them.
//!
//! Each entry stands for sixteen entries below it, the lowest for sixteen nodes, and knows the most
//! that any of its nodes has free of each resource, and the least and the most of what is free on
//! one of them altogether. A branch that cannot hold what is looked for is never entered. Which node
//! is wanted among those with room is said by the caller; the tests hold the tree against a loop
//! over all nodes.

use crate::base::BitSet;
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::cluster::Fleet;

/// How many entries one stands for.
const WIDTH: usize = 16;
/// Free amounts are added up in this share of the most that any node has of a resource.
const SHARES: u32 = 40;

/// One level of the tree, by entry.
#[derive(Clone, Debug, Default)]
struct Level {
    /// The most that is free of each resource on one node.
    free: Vec<Vec<i64>>,
    /// The least and the most of [`Tree::rest`].
    least: Vec<i64>,
    most: Vec<i64>,
}

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    levels: Vec<Level>,
    /// What is free on each node: the sum over its resources of the share of the largest node's.
    rest: Vec<i64>,
    /// 2^84 through the most that any node has of each resource.
    scale: Vec<u128>,
    /// The number of changes that have been taken in.
    seen: u64,
    dirty: Vec<u32>,
}

/// Which node with room is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// The one with the least left.
    Fullest,
    /// The one with the most left.
    Emptiest,
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) struct Query<'q> {
    pub(super) fleet: &'q Fleet,
    pub(super) class: ClassId,
    /// The nodes that may be taken; `None` for all.
    pub(super) eligible: Option<&'q BitSet>,
}

impl Query<'_> {
    fn requests(&self) -> &[(ResourceId, i64)] {
        &self.fleet.cluster.classes[self.class].requests
    }

    /// Whether a node may be taken and has room.
    pub(super) fn fits(&self, row: usize) -> bool {
        self.eligible.is_none_or(|set| set.contains(row)) && self.fleet.fits(self.class, NodeId(row as u32))
    }
}

impl Tree {
    /// Takes in what has changed since the last time.
    pub(super) fn update(&mut self, fleet: &Fleet) {
        let nodes = &fleet.cluster.nodes;
        let now = nodes.change_count();
        if now == self.seen && self.rest.len() == nodes.len() {
            return;
        }
        let is_current = self.rest.len() == nodes.len() && self.scale.len() == nodes.allocatable.len();
        let changed = nodes.changed_since(self.seen).filter(|_| is_current);
        let Some(changed) = changed else { return self.build(fleet) };
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.clear();
        for node in changed {
            dirty.push(node.0);
        }
        dirty.sort_unstable();
        dirty.dedup();
        for &row in &dirty {
            self.rest[row as usize] = rest(fleet, &self.scale, row as usize);
        }
        for level in 0..self.levels.len() {
            for entry in &mut dirty {
                *entry /= WIDTH as u32;
            }
            dirty.dedup();
            for &entry in &dirty {
                self.refresh(fleet, level, entry as usize);
            }
        }
        (self.dirty, self.seen) = (dirty, now);
    }

    fn build(&mut self, fleet: &Fleet) {
        let nodes = &fleet.cluster.nodes;
        let largest = nodes.allocatable.iter().map(|column| column.iter().copied().max().unwrap_or(0).max(1));
        self.scale = largest.map(|largest| (1 << 84) / largest as u128).collect();
        self.rest = (0..nodes.len()).map(|row| rest(fleet, &self.scale, row)).collect();
        self.levels.clear();
        let mut entries = nodes.len();
        while self.levels.is_empty() || entries > WIDTH {
            entries = entries.div_ceil(WIDTH);
            let free = vec![vec![0; entries]; nodes.allocatable.len()];
            self.levels.push(Level { free, least: vec![0; entries], most: vec![0; entries] });
            for entry in 0..entries {
                self.refresh(fleet, self.levels.len() - 1, entry);
            }
        }
        self.seen = nodes.change_count();
    }

    /// Computes an entry anew from those below it.
    fn refresh(&mut self, fleet: &Fleet, level: usize, entry: usize) {
        let from = entry * WIDTH;
        if level == 0 {
            let nodes = &fleet.cluster.nodes;
            let rows = from..(from + WIDTH).min(nodes.len());
            let lowest = &mut self.levels[0];
            for (resource, column) in lowest.free.iter_mut().enumerate() {
                let (all, used) = (&nodes.allocatable[resource], &nodes.requested[resource]);
                let free =
                    rows.clone().map(|row| if fleet.up.contains(row) { all[row] - used[row] } else { -1 });
                column[entry] = free.max().unwrap_or(-1);
            }
            let rest = &self.rest[rows];
            lowest.least[entry] = rest.iter().copied().min().unwrap_or(0);
            lowest.most[entry] = rest.iter().copied().max().unwrap_or(0);
            return;
        }
        let (below, above) = self.levels.split_at_mut(level);
        let (below, above) = (&below[level - 1], &mut above[0]);
        let parts = from..(from + WIDTH).min(below.least.len());
        for (column, below) in above.free.iter_mut().zip(&below.free) {
            column[entry] = below[parts.clone()].iter().copied().max().unwrap_or(-1);
        }
        above.least[entry] = below.least[parts.clone()].iter().copied().min().unwrap_or(0);
        above.most[entry] = below.most[parts].iter().copied().max().unwrap_or(0);
    }

    /// Whether an entry may have a node with room.
    fn may_fit(&self, query: Query<'_>, level: usize, entry: usize) -> bool {
        let free = &self.levels[level].free;
        query.requests().iter().all(|&(resource, amount)| amount <= free[resource.index()][entry])
    }

    /// The first node with room from a row on.
    pub(super) fn first_from(&self, query: Query<'_>, from: usize) -> Option<usize> {
        let top = self.levels.len().checked_sub(1)?;
        self.first_below(query, (top, 0..self.levels[top].least.len()), from)
    }

    fn first_below(
        &self,
        query: Query<'_>,
        (level, entries): (usize, std::ops::Range<usize>),
        from: usize,
    ) -> Option<usize> {
        let span = WIDTH.pow(level as u32 + 1);
        for entry in entries {
            if (entry + 1) * span <= from || !self.may_fit(query, level, entry) {
                continue;
            }
            let parts = entry * WIDTH..(entry + 1) * WIDTH;
            let found = if level == 0 {
                let end = parts.end.min(self.rest.len());
                (parts.start.max(from)..end).find(|&row| query.fits(row))
            } else {
                let end = parts.end.min(self.levels[level - 1].least.len());
                self.first_below(query, (level - 1, parts.start..end), from)
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The node with room that is wanted; the lowest row of equal ones.
    pub(super) fn best(&self, query: Query<'_>, want: Want) -> Option<usize> {
        let top = self.levels.len().checked_sub(1)?;
        let mut best = None;
        self.best_below(query, want, (top, 0..self.levels[top].least.len()), &mut best);
        best.map(|(_, row)| row)
    }

    fn best_below(
        &self,
        query: Query<'_>,
        want: Want,
        (level, entries): (usize, std::ops::Range<usize>),
        best: &mut Option<(i64, usize)>,
    ) {
        for entry in entries {
            let bound = match want {
                Want::Fullest => self.levels[level].least[entry],
                Want::Emptiest => -self.levels[level].most[entry],
            };
            if best.is_some_and(|(cost, _)| cost <= bound) || !self.may_fit(query, level, entry) {
                continue;
            }
            let parts = entry * WIDTH..(entry + 1) * WIDTH;
            if level > 0 {
                let end = parts.end.min(self.levels[level - 1].least.len());
                self.best_below(query, want, (level - 1, parts.start..end), best);
                continue;
            }
            for row in parts.start..parts.end.min(self.rest.len()) {
                let cost = match want {
                    Want::Fullest => self.rest[row],
                    Want::Emptiest => -self.rest[row],
                };
                if best.is_none_or(|(least, _)| cost < least) && query.fits(row) {
                    *best = Some((cost, row));
                }
            }
        }
    }
}

/// What is free on a node altogether.
fn rest(fleet: &Fleet, scale: &[u128], row: usize) -> i64 {
    let shares = scale.iter().enumerate().map(|(resource, scale)| {
        let free = fleet.free(ResourceId(resource as u32), NodeId(row as u32)).max(0);
        ((free as u128).saturating_mul(*scale) >> (84 - SHARES)) as i64
    });
    shares.sum()
}

/// The same without the tree: what is free on a node altogether, for the plain twin.
#[cfg(test)]
pub(super) fn plain_rest(fleet: &Fleet, row: usize) -> i64 {
    let mut tree = Tree::default();
    tree.build(fleet);
    rest(fleet, &tree.scale, row)
}
