//! What is kept of the nodes for the pods of one class: which pass the node-local filters, what
//! their node-local scores come to, and in which group they are.

use super::super::framework::{Code, Column, Context, Reach, Status, Targets};
use super::super::profile::{PluginSet, Profile};
use super::flat::{Flat, is_narrow};
use super::group::Group;
use super::rank_set::RankSet;
use crate::base::ids::NodeId;
use crate::base::{BitSet, Map};

/// The group of nodes that do not pass the node-local filters.
const REFUSED: u32 = u32::MAX;

/// Where a node stands.
#[derive(Clone, Copy, Debug)]
struct Slot {
    group: u32,
    total: i64,
}

/// How the plugins take part, which can change as pods come and go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Layout {
    /// Filters that depend on what is static of nodes.
    static_filters: PluginSet,
    /// Filters that depend on the node alone.
    node_filters: PluginSet,
    /// Filters that are the same for all nodes of a group.
    pub(super) group_filters: PluginSet,
    /// Scores that depend on the node alone and are not normalised.
    node_scores: PluginSet,
    /// Scores that are computed for groups.
    pub(super) group_scores: PluginSet,
    /// Those among them whose raw score depends on what is static of nodes, and is part of the key.
    static_raws: PluginSet,
    /// Those among them whose raw score depends on the node alone, and is part of the key.
    node_raws: PluginSet,
    /// Plugins that say themselves what of a node is part of the key.
    keyed: PluginSet,
}

impl Layout {
    /// The layout for a pod, after PreFilter; `skipped` are the plugins whose filters have nothing to
    /// do. `None` if some plugin must look at every node.
    pub(super) fn of(profile: &mut Profile, context: Context<'_>, skipped: PluginSet) -> Option<Layout> {
        let mut layout = Layout::default();
        let Profile { plugins, filters, scores, .. } = profile;
        for &plugin in filters.iter().filter(|&&plugin| !skipped.contains(plugin)) {
            match plugins[plugin].reach(context) {
                Reach::Static => layout.static_filters.insert(plugin),
                Reach::Node => layout.node_filters.insert(plugin),
                Reach::Topology => {
                    layout.group_filters.insert(plugin);
                    layout.keyed.insert(plugin);
                }
                Reach::Cluster => return None,
            }
        }
        for &(plugin, _) in scores.iter() {
            match plugins[plugin].reach(context) {
                Reach::Static | Reach::Node if plugins[plugin].is_node_local() => {
                    layout.node_scores.insert(plugin);
                }
                Reach::Static => {
                    layout.static_raws.insert(plugin);
                    layout.group_scores.insert(plugin);
                }
                Reach::Node => {
                    layout.node_raws.insert(plugin);
                    layout.group_scores.insert(plugin);
                }
                Reach::Topology => {
                    layout.group_scores.insert(plugin);
                    layout.keyed.insert(plugin);
                }
                Reach::Cluster => return None,
            }
        }
        Some(layout)
    }
}

/// With more than one changed node in so many, all are looked at together: that vectorises.
const FEW: usize = 6;

/// More listed nodes than this are filtered with all others: that vectorises, too.
const MANY: usize = 128;

/// Nodes that are looked at together: whole words of a set.
const BLOCK: usize = 1_024;

/// Scratch space of an update.
#[derive(Debug, Default)]
pub(super) struct Work {
    column: Column,
    causes: Vec<super::super::framework::Cause>,
    key: Vec<i64>,
    rows: Vec<u32>,
    totals: Vec<i64>,
    passing: BitSet,
    /// The nodes of one block; empty but while it is looked at.
    block: BitSet,
    /// The plugins that score nodes, with their weights.
    scorers: Vec<(usize, i64)>,
    /// By row: whether it is in `rows` already.
    is_listed: BitSet,
}

/// The index of one class.
#[derive(Debug, Default)]
pub(super) struct ClassIndex {
    layout: Layout,
    /// How many nodes there are.
    nodes: usize,
    changes: u64,
    statics: u64,
    selectors: u64,
    /// By row: the number of the static part of the node's key, or [`REFUSED`].
    bases: Vec<u32>,
    /// The rows that are not refused by what is static.
    eligible: BitSet,
    slots: Vec<Slot>,
    /// Whether all of these have the same static part of their keys.
    has_one_base: bool,
    /// Whether the scheduler's list is that of the rows.
    is_in_order: bool,
    /// In the place of groups, where nothing tells nodes apart but themselves.
    pub(super) flat: Option<Box<Flat>>,
    /// All groups, by number; some are empty and wait for another key.
    pub(super) groups: Vec<Group>,
    keys: Vec<Box<[i64]>>,
    numbers: Map<Box<[i64]>, u32>,
    empty: Vec<u32>,
    /// The nodes of all groups.
    pub(super) all: RankSet,
    /// When it was used last.
    pub(super) last_used: u64,
}

impl ClassIndex {
    /// Whether what was kept can be brought up to date by looking at the nodes that changed since.
    pub(super) fn is_current(&self, context: Context<'_>, layout: Layout) -> bool {
        let (nodes, selectors) = (&context.cluster.nodes, &context.cluster.selectors);
        self.statics == nodes.static_change_count()
            && self.selectors == selectors.change_count()
            && self.nodes == nodes.len()
            && self.layout == layout
            && nodes.changed_since(self.changes).is_some()
    }

    /// How many nodes it keeps.
    pub(super) fn len(&self) -> usize {
        self.nodes
    }

    /// How many groups have nodes.
    pub(super) fn group_count(&self) -> usize {
        self.groups.len() - self.empty.len()
    }

    /// Computes everything anew; false if there are too many groups.
    pub(super) fn build(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        layout: Layout,
        work: &mut Work,
    ) -> Result<bool, Status> {
        let nodes = &context.cluster.nodes;
        self.layout = layout;
        self.slots.clear();
        self.groups.clear();
        self.keys.clear();
        self.numbers.clear();
        self.empty.clear();
        self.all = RankSet::default();
        self.nodes = nodes.len();
        self.statics = nodes.static_change_count();
        self.selectors = context.cluster.selectors.change_count();
        self.changes = nodes.change_count();
        self.judge_static(profile, context, work)?;
        self.is_in_order = nodes.order.iter().enumerate().all(|(place, node)| place == node.index());
        if self.is_flat() {
            let flat = self.flat.take().filter(|flat| flat.places() == nodes.order.len());
            self.flat = Some(flat.unwrap_or_else(|| Box::new(Flat::new(nodes.order.len()))));
            if self.refresh_flat(profile, context, None, work)? {
                return Ok(true);
            }
        }
        self.flat = None;
        self.slots.resize(nodes.len(), Slot { group: REFUSED, total: 0 });
        self.all = RankSet::new(nodes.order.len());
        self.refresh_all(profile, context, nodes.present.iter().map(|row| row as u32), work)
    }

    /// Whether nothing tells nodes apart but their own filters and scores.
    fn is_flat(&self) -> bool {
        let layout = &self.layout;
        let sees_more = [layout.group_filters, layout.node_raws, layout.keyed];
        sees_more.iter().all(|set| set.is_empty()) && self.has_one_base
    }

    /// Gives the listed nodes, or all of them, the totals that they have now; false if one cannot be
    /// kept.
    fn refresh_flat(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        rows: Option<&[u32]>,
        work: &mut Work,
    ) -> Result<bool, Status> {
        let nodes = &context.cluster.nodes;
        work.passing.resize(nodes.len());
        self.list_scorers(profile, context, work)?;
        match rows.filter(|rows| rows.len() <= nodes.len() / FEW) {
            Some(rows) => Ok(self.refresh_listed(profile, context, rows, work)),
            None => Ok(self.refresh_stretches(profile, context, work)),
        }
    }

    /// Lists the plugins that score nodes for the class, with their weights.
    fn list_scorers(
        &self,
        profile: &mut Profile,
        context: Context<'_>,
        work: &mut Work,
    ) -> Result<(), Status> {
        work.scorers.clear();
        for place in 0..profile.scores.len() {
            let (plugin, weight) = profile.scores[place];
            let targets = Targets::Rows(&self.eligible);
            if self.layout.node_scores.contains(plugin) && profile.prepare_score(plugin, context, targets)? {
                work.scorers.push((plugin, weight));
            }
        }
        Ok(())
    }

    /// The same as [`ClassIndex::refresh_flat`] for listed nodes.
    fn refresh_listed(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        rows: &[u32],
        work: &mut Work,
    ) -> bool {
        self.pass_listed(profile, context, rows, work);
        sum(profile, context, Targets::Listed(rows), work);
        let nodes = &context.cluster.nodes;
        let flat = self.flat.as_deref_mut().expect("the index is flat");
        let mut is_kept = true;
        // Rows of removed nodes have no place.
        let listed = rows.iter().zip(&work.totals).filter(|(row, _)| nodes.present.contains(**row as usize));
        for (&row, &total) in listed {
            let total = Some(total).filter(|_| work.passing.contains(row as usize));
            is_kept &= total.is_none_or(is_narrow);
            flat.set(nodes.order_place[row as usize], total);
        }
        flat.settle();
        is_kept
    }

    /// The same for all nodes, a block at a time, so that what is looked at stays in the processor's
    /// nearest cache.
    fn refresh_stretches(&mut self, profile: &mut Profile, context: Context<'_>, work: &mut Work) -> bool {
        let nodes = &context.cluster.nodes;
        let flat = self.flat.as_deref_mut().expect("the index is flat");
        work.passing.clear();
        work.block.resize(nodes.len());
        let mut is_kept = true;
        // Behind the last node of the list there can be rows of removed ones.
        let rows = if self.is_in_order { nodes.order.len() } else { nodes.len() };
        for from in (0..rows).step_by(BLOCK) {
            let len = BLOCK.min(rows - from);
            let words = from / 64..(from + len).div_ceil(64);
            work.block.words_mut()[words.clone()].copy_from_slice(&self.eligible.words()[words.clone()]);
            for plugin in self.layout.node_filters.iter() {
                profile.plugins[plugin].filter(context, &mut work.block);
            }
            sum(profile, context, Targets::Stretch { from, len }, work);
            let passing = &mut work.block.words_mut()[words.clone()];
            if self.is_in_order {
                is_kept &= flat.replace(from, passing, &work.totals);
            } else {
                let present = |(place, _): &(usize, &i64)| nodes.present.contains(from + place);
                for (place, &total) in work.totals.iter().enumerate().filter(present) {
                    let total = Some(total).filter(|_| passing[place / 64] >> (place % 64) & 1 == 1);
                    is_kept &= total.is_none_or(is_narrow);
                    flat.set(nodes.order_place[from + place], total);
                }
            }
            work.passing.words_mut()[words].copy_from_slice(passing);
            passing.fill(0);
        }
        if self.is_in_order {
            flat.replaced(&work.passing.words()[..rows.div_ceil(64)]);
        } else {
            flat.settle();
        }
        is_kept
    }

    /// Fills `passing` with those of the listed nodes that pass the filters; others may be in it.
    fn pass_listed(&self, profile: &mut Profile, context: Context<'_>, rows: &[u32], work: &mut Work) {
        if rows.len() > MANY {
            work.passing.copy_from(&self.eligible);
            for plugin in self.layout.node_filters.iter() {
                profile.plugins[plugin].filter(context, &mut work.passing);
            }
            return;
        }
        for &row in rows {
            work.passing.remove(row as usize);
            work.causes.clear();
            let mut passes = |plugin: usize| {
                profile.plugins[plugin].status(context, NodeId(row), &mut work.causes) == Code::Success
            };
            if self.bases[row as usize] != REFUSED && self.layout.node_filters.iter().all(&mut passes) {
                work.passing.insert(row as usize);
            }
        }
    }

    /// Puts nodes where they belong now; false, and not all of them, if there are too many groups.
    fn refresh_all(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        rows: impl Iterator<Item = u32>,
        work: &mut Work,
    ) -> Result<bool, Status> {
        let most = super::most_groups(self.slots.len());
        for row in rows {
            self.refresh(profile, context, row, work)?;
            if self.group_count() > most {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills `bases`: which nodes pass the static filters, and which of them have the same static raw
    /// scores.
    fn judge_static(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        work: &mut Work,
    ) -> Result<(), Status> {
        let mut passing = std::mem::take(&mut self.eligible);
        passing.copy_from(&context.cluster.nodes.present);
        for plugin in self.layout.static_filters.iter() {
            profile.plugins[plugin].filter(context, &mut passing);
        }
        self.bases.clear();
        self.bases.resize(passing.len(), REFUSED);
        self.has_one_base = self.layout.static_raws.is_empty();
        if self.has_one_base {
            passing.iter().for_each(|row| self.bases[row] = 0);
        } else {
            self.number_keys(profile, context, &passing, work)?;
        }
        self.eligible = passing;
        Ok(())
    }

    /// Numbers what the static scores of the nodes are.
    fn number_keys(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        passing: &BitSet,
        work: &mut Work,
    ) -> Result<(), Status> {
        let mut keys: Vec<Vec<i64>> = vec![Vec::new(); passing.len()];
        let mut is_one = true;
        for plugin in self.layout.static_raws.iter() {
            let targets = Targets::Rows(passing);
            if !profile.prepare_score(plugin, context, targets)? {
                continue;
            }
            profile.plugins[plugin].score(context, targets, &mut work.column);
            if work.column.same.is_some() {
                continue;
            }
            is_one = false;
            passing.iter().for_each(|row| keys[row].push(work.column.at(row)));
        }
        if is_one {
            self.has_one_base = true;
            passing.iter().for_each(|row| self.bases[row] = 0);
            return Ok(());
        }
        let mut numbers: Map<Vec<i64>, u32> = Map::default();
        for row in passing.iter() {
            let next = numbers.len() as u32;
            self.bases[row] = *numbers.entry(std::mem::take(&mut keys[row])).or_insert(next);
        }
        self.has_one_base = numbers.len() <= 1;
        Ok(())
    }

    /// Looks again at the nodes that have changed since the last time; false if there are too many
    /// groups now.
    pub(super) fn update(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        work: &mut Work,
    ) -> Result<bool, Status> {
        let nodes = &context.cluster.nodes;
        let mut rows = std::mem::take(&mut work.rows);
        rows.clear();
        work.is_listed.resize(nodes.len());
        let changes = nodes.change_count() - self.changes;
        let are_many = self.flat.is_some() && changes > nodes.len() as u64 / 2;
        if let Some(changed) = nodes.changed_since(self.changes).filter(|_| !are_many) {
            for node in changed {
                if !work.is_listed.contains(node.index()) {
                    work.is_listed.insert(node.index());
                    rows.push(node.0);
                }
            }
        }
        for &row in &rows {
            work.is_listed.remove(row as usize);
        }
        self.changes = nodes.change_count();
        let result = if self.flat.is_some() {
            self.refresh_flat(profile, context, Some(&rows).filter(|_| !are_many).map(Vec::as_slice), work)
        } else {
            rows.sort_unstable();
            self.refresh_all(profile, context, rows.iter().copied(), work)
        };
        work.rows = rows;
        result
    }

    /// Puts a node where it belongs now.
    fn refresh(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        row: u32,
        work: &mut Work,
    ) -> Result<(), Status> {
        let place = context.cluster.nodes.order_place[row as usize];
        let before = self.slots[row as usize];
        let after = self.judge(profile, context, row, work)?;
        self.slots[row as usize] = after;
        match (before.group, after.group) {
            (REFUSED, REFUSED) => {}
            (REFUSED, group) => {
                self.all.insert(place);
                self.groups[group as usize].insert(place, after.total);
            }
            (group, REFUSED) => {
                self.all.remove(place);
                self.leave(group, place, before.total);
            }
            (old, new) if old == new => {
                if before.total != after.total {
                    self.groups[new as usize].change(place, before.total, after.total);
                }
            }
            (old, new) => {
                self.groups[new as usize].insert(place, after.total);
                self.leave(old, place, before.total);
            }
        }
        Ok(())
    }

    fn leave(&mut self, group: u32, place: u32, total: i64) {
        let left = &mut self.groups[group as usize];
        left.remove(place, total);
        if left.len() == 0 {
            self.empty.push(group);
            self.numbers.remove(&self.keys[group as usize]);
        }
    }

    /// Where a node belongs: its group, which is made if it is new, and its total.
    fn judge(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        row: u32,
        work: &mut Work,
    ) -> Result<Slot, Status> {
        let node = NodeId(row);
        let base = self.bases[row as usize];
        if base == REFUSED {
            return Ok(Slot { group: REFUSED, total: 0 });
        }
        work.causes.clear();
        let mut passes = |plugin: usize| {
            let status: Code = profile.plugins[plugin].status(context, node, &mut work.causes);
            status == Code::Success
        };
        if !self.layout.node_filters.iter().all(&mut passes) {
            return Ok(Slot { group: REFUSED, total: 0 });
        }
        let mut total = 0;
        work.key.clear();
        work.key.push(i64::from(base));
        for place in 0..profile.scores.len() {
            let (plugin, weight) = profile.scores[place];
            if self.layout.node_scores.contains(plugin) {
                total += weight * raw_score(profile, plugin, context, row, &mut work.column)?;
            } else if self.layout.node_raws.contains(plugin) {
                let raw = raw_score(profile, plugin, context, row, &mut work.column)?;
                work.key.push(raw);
            }
        }
        for plugin in self.layout.keyed.iter() {
            profile.plugins[plugin].index_key(context, node, &mut work.key);
        }
        Ok(Slot { group: self.group_of(&work.key, context.cluster.nodes.order.len()), total })
    }

    /// The number of the group with a key.
    fn group_of(&mut self, key: &[i64], len: usize) -> u32 {
        if let Some(&number) = self.numbers.get(key) {
            return number;
        }
        let number = if let Some(number) = self.empty.pop() {
            self.keys[number as usize] = key.into();
            number
        } else {
            self.groups.push(Group::new(len));
            self.keys.push(key.into());
            self.groups.len() as u32 - 1
        };
        self.numbers.insert(key.into(), number);
        number
    }
}

/// The raw score that a plugin gives one node; 0 if it skips the pod.
fn raw_score(
    profile: &mut Profile,
    plugin: usize,
    context: Context<'_>,
    row: u32,
    column: &mut Column,
) -> Result<i64, Status> {
    let rows = [row];
    let targets = Targets::Listed(&rows);
    match profile.prepare_score(plugin, context, targets) {
        Ok(true) => {}
        Ok(false) => return Ok(0),
        Err(status) => return Err(status),
    }
    profile.plugins[plugin].score(context, targets, column);
    Ok(column.at(0))
}

/// Fills the totals with the weighted sums of the listed plugins' scores.
fn sum(profile: &mut Profile, context: Context<'_>, targets: Targets<'_>, work: &mut Work) {
    let Work { column, totals, scorers, .. } = work;
    totals.clear();
    totals.resize(targets.len(), 0);
    for &(plugin, weight) in scorers.iter() {
        profile.plugins[plugin].score(context, targets, column);
        match column.same {
            Some(score) => totals.iter_mut().for_each(|total| *total += weight * score),
            None if weight == 1 => {
                let pairs = totals.iter_mut().zip(&column.values);
                pairs.for_each(|(total, score)| *total = total.wrapping_add(*score));
            }
            None => {
                let pairs = totals.iter_mut().zip(&column.values);
                pairs.for_each(|(total, score)| *total = total.wrapping_add(weight.wrapping_mul(*score)));
            }
        }
    }
}
