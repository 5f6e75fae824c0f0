//! Indexed search: the same answer as looking at every node, from what is kept between attempts.
//!
//! For each pod class the nodes that pass the node-local filters are kept in *groups*. Two nodes are
//! in the same group if every plugin that looks further than the node, or normalises, sees the same
//! in them ([`super::framework::Plugin::index_key`]). Then within a group all normalised scores are
//! equal, and the best node is the one with the highest sum of the node-local scores; a decision
//! scores one node of each group, by the plugins' ordinary code, and looks at the groups' tops. The
//! log of changed nodes says which nodes are to be looked at again.
//!
//! The index is a shortcut of [`super::cycle`], whose plain search is its oracle: a property test
//! holds the two equal. Where it cannot help (a plugin that must see every node, or nearly as many
//! groups as nodes) it says so, and the plain search is made.

mod class_index;
mod flat;
mod group;
mod place_set;
mod rank_set;
mod winner;

use super::cycle::Placement;
use super::framework::{Code, Column, Context, Status, Targets};
use super::profile::{PluginSet, Profile};
use super::select::Choice;
use crate::base::ids::{ClassId, NodeId};
use crate::base::rng::Streams;
use class_index::{ClassIndex, Layout, Work};
use flat::Flat;
use place_set::PlaceSet;
use rank_set::Union;
use winner::Ties;

/// Plain searches that a class gets before it is worth an index: about what building one costs.
const PATIENCE: u32 = 8;
/// So many groups are always few enough.
const ALWAYS_FEW_GROUPS: usize = 32;
/// With more than one group for so many nodes the index does not help.
const NODES_PER_GROUP: usize = 8;
/// With more groups than this a decision and the groups' sets of nodes cost too much.
const MOST_GROUPS: usize = 1_024;
/// How often the patience with a class doubles whose nodes fall into too many groups.
const MOST_DOUBLINGS: u32 = 10;
/// The most nodes, over all classes, that are kept; the classes that were unused for longest go.
const MOST_SLOTS: usize = 4_000_000;

/// What is kept for a class.
#[derive(Debug, Default)]
struct Kept {
    /// Plain searches since there was an index.
    plain: u32,
    /// How often the nodes have fallen into too many groups.
    failures: u32,
    index: Option<Box<ClassIndex>>,
}

/// The indexes of all classes.
#[derive(Debug, Default)]
pub(super) struct Index {
    kept: Vec<Kept>,
    slots: usize,
    uses: u64,
    answers: u64,
    work: Work,
    decision: Decision,
}

/// What an indexed search comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// A node.
    Placed(Placement),
    /// No node passes the filters.
    Nowhere,
    /// The index cannot help.
    Unknown,
}

/// What a search needs to know besides the pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The plugins whose filters have nothing to do.
    pub(super) skipped: PluginSet,
    /// Where in the list the search begins.
    pub(super) start: usize,
    /// How one of several best nodes is chosen.
    pub(super) choice: Choice,
    /// For draws among ties.
    pub(super) streams: Streams,
    /// What a draw depends on besides the seed.
    pub(super) key: u64,
    /// Whether an index is made at once, whatever it costs.
    pub(super) is_forced: bool,
    /// Whether the score of the node is asked for; if not, it may be left at 0.
    pub(super) is_scored: bool,
}

/// How many groups are worth keeping in a cluster of so many nodes.
fn most_groups(nodes: usize) -> usize {
    (nodes / NODES_PER_GROUP).clamp(ALWAYS_FEW_GROUPS, MOST_GROUPS)
}

/// Scratch space of a decision.
#[derive(Debug, Default)]
struct Decision {
    /// The groups that pass the filters, their sizes, and a node of each.
    groups: Vec<u32>,
    sizes: Vec<u32>,
    rows: Vec<u32>,
    totals: Vec<i64>,
    column: Column,
    causes: Vec<super::framework::Cause>,
    tops: Vec<u32>,
}

impl Index {
    /// Searches for the best node of a pod for which PreFilter has run and has named no nodes.
    pub(super) fn search(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        search: Search,
    ) -> Result<Answer, Status> {
        let Some(layout) = Layout::of(profile, context, search.skipped) else {
            // What a plugin puts into keys may change now.
            self.forget(context.class);
            return Ok(Answer::Unknown);
        };
        self.uses += 1;
        if !self.bring_up_to_date(profile, context, layout, search.is_forced)? {
            return Ok(Answer::Unknown);
        }
        let Index { kept, decision, uses, answers, .. } = self;
        let Some(index) = kept[context.class.index()].index.as_deref_mut() else {
            return Ok(Answer::Unknown);
        };
        index.last_used = *uses;
        *answers += 1;
        decision.decide(index, profile, context, layout, search)
    }

    /// How many searches it has answered.
    #[cfg(test)]
    pub(super) fn answers(&self) -> u64 {
        self.answers
    }

    /// Makes the index of the pod's class valid; false if it is not worth it yet.
    fn bring_up_to_date(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        layout: Layout,
        is_forced: bool,
    ) -> Result<bool, Status> {
        let class = context.class.index();
        if self.kept.len() <= class {
            self.kept.resize_with(class + 1, Kept::default);
        }
        let kept = &mut self.kept[class];
        if let Some(index) = kept.index.as_deref_mut()
            && index.is_current(context, layout)
        {
            kept.plain = 0;
            let updated = index.update(profile, context, &mut self.work);
            if !matches!(updated, Ok(true)) {
                // What is kept may be half up to date.
                kept.failures += 1;
                self.forget(context.class);
            }
            return updated;
        }
        kept.plain += 1;
        if kept.plain <= PATIENCE << kept.failures.min(MOST_DOUBLINGS) && !is_forced {
            return Ok(false);
        }
        kept.plain = 0;
        let mut index = kept.index.take().unwrap_or_default();
        self.slots -= index.len();
        if !index.build(profile, context, layout, &mut self.work)? {
            self.kept[class].failures += 1;
            return Ok(false);
        }
        self.slots += index.len();
        index.last_used = self.uses;
        self.kept[class].index = Some(index);
        self.make_room(context.class);
        Ok(true)
    }

    /// Drops the index of a class.
    fn forget(&mut self, class: ClassId) {
        if let Some(dropped) = self.kept.get_mut(class.index()).and_then(|kept| kept.index.take()) {
            self.slots -= dropped.len();
        }
    }

    /// Drops the indexes that were unused for longest, but for that of `class`, if there are too many.
    fn make_room(&mut self, class: ClassId) {
        while self.slots > MOST_SLOTS {
            let used = |kept: &Kept| kept.index.as_ref().map(|index| index.last_used);
            let others = self.kept.iter().enumerate().filter(|(place, _)| *place != class.index());
            let Some((_, place)) = others.filter_map(|(place, kept)| Some((used(kept)?, place))).min() else {
                return;
            };
            self.forget(ClassId(place as u32));
        }
    }
}

impl Decision {
    fn decide(
        &mut self,
        index: &mut ClassIndex,
        profile: &mut Profile,
        context: Context<'_>,
        layout: Layout,
        search: Search,
    ) -> Result<Answer, Status> {
        if let Some(flat) = &mut index.flat {
            return self.decide_flat(flat, profile, context, layout, search);
        }
        self.filter(index, profile, context, layout);
        let feasible: u32 = self.sizes.iter().sum();
        if feasible == 0 {
            return Ok(Answer::Nowhere);
        }
        if feasible == 1 {
            let node = NodeId(self.rows[0]);
            return Ok(Answer::Placed(Placement { node, feasible, score: 0, tied: 1 }));
        }
        let tops = self.groups.iter().map(|&group| index.groups[group as usize].top());
        self.totals.clear();
        self.totals.extend(tops.map(|top| top.map_or(i64::MIN, |(total, _)| total)));
        self.score(profile, context, layout)?;
        let score = self.totals.iter().copied().max().unwrap_or(0);
        let mut tied = 0;
        self.tops.clear();
        for (&group, &total) in self.groups.iter().zip(&self.totals) {
            if total == score
                && let Some((_, places)) = index.groups[group as usize].top()
            {
                self.tops.push(group);
                tied += places.len() as u32;
            }
        }
        let place = self.winner(index, search);
        let node = context.cluster.nodes.order[place as usize];
        Ok(Answer::Placed(Placement { node, feasible, score, tied }))
    }

    /// Lists the groups whose nodes pass the filters.
    fn filter(&mut self, index: &ClassIndex, profile: &mut Profile, context: Context<'_>, layout: Layout) {
        self.groups.clear();
        self.sizes.clear();
        self.rows.clear();
        for (number, group) in index.groups.iter().enumerate() {
            let Some(place) = group.any() else { continue };
            let node = context.cluster.nodes.order[place as usize];
            self.causes.clear();
            let causes = &mut self.causes;
            let mut passes =
                |plugin: usize| profile.plugins[plugin].status(context, node, causes) == Code::Success;
            if layout.group_filters.iter().all(&mut passes) {
                self.groups.push(number as u32);
                self.sizes.push(group.len());
                self.rows.push(node.0);
            }
        }
    }

    /// The same where all nodes are one group.
    fn decide_flat(
        &mut self,
        flat: &mut Flat,
        profile: &mut Profile,
        context: Context<'_>,
        layout: Layout,
        search: Search,
    ) -> Result<Answer, Status> {
        let order = &context.cluster.nodes.order;
        let (Some(top), Some(place)) = (flat.top(), flat.first_from(0)) else { return Ok(Answer::Nowhere) };
        let (feasible, node) = (flat.members.count(), order[place as usize]);
        if feasible == 1 {
            return Ok(Answer::Placed(Placement { node, feasible, score: 0, tied: 1 }));
        }
        let mut score = 0;
        if search.is_scored {
            self.rows.clear();
            self.rows.push(node.0);
            self.sizes.clear();
            self.sizes.push(feasible);
            self.totals.clear();
            self.totals.push(top);
            self.score(profile, context, layout)?;
            score = self.totals[0];
        }
        let place = if search.choice == Choice::Listed && search.start == 0 {
            flat.first_in_pre_order()
        } else {
            let ties =
                Ties { feasible: Union(&[&flat.members]), tied: &[&*flat], start: search.start as u32 };
            ties.winner(search.choice, search.streams, search.key)
        };
        let node = order[place as usize];
        Ok(Answer::Placed(Placement { node, feasible, score, tied: flat.len() as u32 }))
    }

    /// Adds to `totals`, those of the best nodes of each group, what the groups' own scores are.
    fn score(&mut self, profile: &mut Profile, context: Context<'_>, layout: Layout) -> Result<(), Status> {
        let targets = Targets::Groups { rows: &self.rows, sizes: &self.sizes };
        for place in 0..profile.scores.len() {
            let (plugin, weight) = profile.scores[place];
            if !layout.group_scores.contains(plugin) || !profile.prepare_score(plugin, context, targets)? {
                continue;
            }
            let plugin = &mut profile.plugins[plugin];
            plugin.score(context, targets, &mut self.column);
            plugin.normalize_score(context, targets, &mut self.column);
            for (place, total) in self.totals.iter_mut().enumerate() {
                *total += weight * self.column.at(place);
            }
        }
        Ok(())
    }

    fn winner(&self, index: &ClassIndex, search: Search) -> u32 {
        let top = |&group: &u32| index.groups[group as usize].top().map(|(_, places)| places);
        let (one, several): ([&PlaceSet; 1], Vec<&PlaceSet>);
        let tied = match self.tops.as_slice() {
            [group] => {
                one = [top(group).expect("a group with a best node is not empty")];
                &one[..]
            }
            groups => {
                several = groups.iter().filter_map(top).collect();
                &several[..]
            }
        };
        let all = [&index.all];
        let some: Vec<_>;
        let feasible = if self.groups.len() == index.group_count() {
            Union(&all)
        } else {
            some = self.groups.iter().map(|&group| &index.groups[group as usize].members).collect();
            Union(&some)
        };
        let ties = Ties { feasible, tied, start: search.start as u32 };
        ties.winner(search.choice, search.streams, search.key)
    }
}
