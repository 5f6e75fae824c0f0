//! One scheduling attempt: from a pod class and the cluster to a node, or to the reasons why none.
//!
//! The queue is not known here. An attempt is atomic: it sees one frozen cluster and changes
//! nothing of it.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/schedule_one.go (reference kube-scheduler §7, §8, §28.1).

use super::batching::Batching;
use super::framework::{Code, Column, Context, MAX_NODE_SCORE, Status, Tally, Targets};
use super::index::{Answer, Index, Search};
use super::memo::Memo;
use super::nominator::Nominator;
use super::preemption;
use super::profile::{PluginSet, Profile};
use super::promised::Refusal;
use super::select::Choice;
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::base::{BitSet, Map, Streams, Symbol, Time};
use crate::cluster::Cluster;
use crate::control::config::Mode;
use crate::control::{Config, Diagnosis};
use std::sync::Arc;

/// Clusters with fewer nodes are always searched whole (minFeasibleNodesToFind).
const MIN_FEASIBLE: usize = 100;
/// The adaptive percentage never falls below this.
const MIN_ADAPTIVE_PERCENTAGE: usize = 5;

/// The most that the weights may sum up to for totals to be compared in 32 bits.
const MAX_NARROW_WEIGHTS: i64 = (i32::MAX as i64) / MAX_NODE_SCORE;

/// The node that an attempt has chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The node.
    pub node: NodeId,
    /// Nodes found that pass every filter.
    pub feasible: u32,
    /// The best total; 0 if only one node was feasible and nothing was scored.
    pub score: i64,
    /// How many nodes have it.
    pub tied: u32,
}

/// Whose attempt it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The class of the pod.
    pub class: ClassId,
    /// The pod; `None` for a question about the class alone.
    pub pod: Option<PodId>,
    /// What stands for the attempt where a draw among ties is made: equal keys draw equally.
    pub key: u64,
}

/// Why an attempt found no node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// The reasons.
    pub diagnosis: Arc<Diagnosis>,
    /// The plugins that rejected the pod or some node; none after an error.
    pub rejectors: PluginSet,
}

/// What an attempt comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A node.
    Placed(Placement),
    /// None.
    Rejected(Rejection),
}

/// Everything an attempt works with; kept from one to the next, so that the hot path allocates
/// nothing.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The rows that have passed so far.
    pub(super) feasible: BitSet,
    /// The same before the plugin at work.
    before: BitSet,
    /// The rows that each filter has taken out, by place in [`Profile::filters`].
    pub(super) failed: Vec<BitSet>,
    /// The plugins whose filters have nothing to do for this pod.
    pub(super) skipped: PluginSet,
    /// The candidates in list order, where PreFilter has restricted them.
    pub(super) named: Vec<NodeId>,
    /// The plugins that have restricted them.
    pub(super) restricting: PluginSet,
    /// Nodes that refuse the pod because of pods that were promised them, and whether the search has
    /// come across them.
    pub(super) promised: Vec<(Refusal, bool)>,
    /// Why the node that was tried before all others was refused, if one was.
    pub(super) tried: Option<Refusal>,
    /// The feasible rows in search order, where they are listed.
    pub(super) listed: Vec<u32>,
    pub(super) column: Column,
    /// The totals of the plugins whose scores differ by node, in the order of the targets.
    pub(super) totals: Vec<i64>,
    /// What the other plugins add to each of them.
    pub(super) base: i64,
    tied: BitSet,
    /// The best total of each 64 rows.
    bests: Vec<i64>,
    /// Places in the list of feasible nodes, with rows, of the tied ones.
    places: Vec<u32>,
    rows: Vec<u32>,
}

/// How the search for feasible nodes ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Feasible nodes found.
    pub(super) count: usize,
    /// Nodes looked at.
    pub(super) visited: usize,
    /// Whether the feasible rows stand in `listed`.
    pub(super) is_listed: bool,
}

/// Scores as they were before and after normalisation, by plugin.
pub(super) type Recording = Vec<(&'static str, Column, Column)>;

/// The scheduling cycle of one scheduler for one cluster.
pub struct Cycle {
    /// The plugins.
    pub profile: Profile,
    percentage: u32,
    pub(super) choice: Choice,
    pub(super) streams: Streams,
    /// Where the next search starts in the list of nodes.
    pub(super) next_start: usize,
    pub(super) scratch: Scratch,
    memo: Memo,
    mode: Mode,
    /// Whether totals may be negative or need more than 32 bits.
    is_wide: bool,
    pub(super) index: Index,
    /// Rejections that still hold, because nothing has changed since.
    rejected: Map<ClassId, Rejection>,
    /// The state of nodes, selectors, storage and nominations as of which they do.
    pub(super) rejected_at: [u64; 4],
    pub(super) preemption: preemption::State,
    pub(super) batching: Batching,
    /// How many attempts for pods there have been, the one at work included, whichever profile's.
    pub(super) attempts: u64,
    /// The time of the attempt at work.
    pub(super) now: Time,
    /// Whether scores, and the reasons of failures, are looked for where the choice does not need them.
    explains: bool,
}

/// Where the attempts of one profile stop and those of another go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Where the next search starts in the list of nodes.
    pub next_start: usize,
    /// How many attempts for pods there have been.
    pub attempts: u64,
}

impl Cycle {
    /// The cycle of one of the profiles, that has seen nothing yet. It serves one cluster: what it
    /// keeps is by that cluster's ids.
    ///
    /// # Panics
    /// If there is no profile of that number.
    pub fn new(config: &Config, profile: usize) -> Cycle {
        let written = &config.scheduler.profiles[profile];
        let global = config.scheduler.percentage_of_nodes_to_score;
        let profile = Profile::new(written, config.version);
        let weights = profile.scores.iter().map(|&(_, weight)| weight);
        let is_wide = weights.clone().any(|weight| weight < 0) || weights.sum::<i64>() > MAX_NARROW_WEIGHTS;
        let failed = vec![BitSet::default(); profile.filters.len()];
        Cycle {
            scratch: Scratch { failed, ..Scratch::default() },
            memo: Memo::default(),
            profile,
            percentage: written.percentage_of_nodes_to_score.unwrap_or(global),
            choice: Choice::new(config.version, config.scheduler.ties),
            streams: Streams::new(config.seed),
            next_start: 0,
            mode: if is_wide { Mode::Plain } else { config.scheduler.mode },
            is_wide,
            index: Index::default(),
            rejected: Map::default(),
            rejected_at: [0; 4],
            preemption: preemption::State::default(),
            batching: Batching::new(config, written),
            attempts: 0,
            now: Time::ZERO,
            explains: true,
        }
    }

    /// Where the next attempt starts.
    pub fn position(&self) -> Position {
        Position { next_start: self.next_start, attempts: self.attempts }
    }

    /// Goes on at `position`, at the moment `now`.
    pub fn go_on(&mut self, position: Position, now: Time) {
        self.next_start = position.next_start;
        self.attempts = position.attempts;
        self.now = now;
    }

    /// One attempt for a pod of a class, as if no pod had been promised a node. `key` stands for the
    /// attempt where a draw among ties is made: equal keys draw equally.
    pub fn evaluate(&mut self, cluster: &mut Cluster, class: ClassId, key: u64) -> Outcome {
        self.schedule(cluster, Attempt { class, pod: None, key }, &Nominator::default())
    }

    /// The same, where neither the score of the node nor the reasons of a failure matter: they are not
    /// looked for.
    pub fn place(&mut self, cluster: &mut Cluster, class: ClassId, key: u64) -> Option<NodeId> {
        self.explains = false;
        let outcome = self.evaluate(cluster, class, key);
        self.explains = true;
        match outcome {
            Outcome::Placed(placement) => Some(placement.node),
            Outcome::Rejected(_) => None,
        }
    }

    /// One attempt. The cluster is as before when it is over.
    pub fn schedule(&mut self, cluster: &mut Cluster, attempt: Attempt, nominated: &Nominator) -> Outcome {
        self.attempts += u64::from(attempt.pod.is_some());
        self.profile.prepare(cluster);
        cluster.nodes.refresh_order();
        self.sign(cluster, attempt);
        let own = attempt.pod.and_then(|pod| nominated.node_of(pod));
        let now = [
            cluster.nodes.change_count(),
            cluster.selectors.change_count(),
            cluster.storage.change_count(),
            nominated.change_count(),
        ];
        if self.rejected_at != now {
            self.rejected.clear();
            self.rejected_at = now;
        }
        if own.is_none()
            && let Some(rejection) = self.rejected.get(&attempt.class)
        {
            return Outcome::Rejected(rejection.clone());
        }
        let start = self.next_start;
        let outcome = self.attempt(cluster, attempt, own, nominated);
        // Dry runs beside other pods count as changes of nodes, though they leave none.
        self.rejected_at[0] = cluster.nodes.change_count();
        if let Outcome::Rejected(rejection) = &outcome
            && self.explains
            && self.next_start == start
            && own.is_none()
        {
            self.rejected.insert(attempt.class, rejection.clone());
        }
        outcome
    }

    fn attempt(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        own: Option<NodeId>,
        nominated: &Nominator,
    ) -> Outcome {
        let total = cluster.nodes.order.len();
        if total == 0 {
            return failure(0, String::new(), PluginSet::default());
        }
        if let Err((status, rejectors)) = self.pre_filter(self.context(cluster, attempt)) {
            return failure_of(&self.profile, total, status, rejectors);
        }
        self.scratch.promised.clear();
        self.find_hint(cluster, attempt);
        let first = own.or(self.hint()).filter(|node| cluster.nodes.present.contains(node.index()));
        if let Some(node) = self.try_first(cluster, attempt, first, nominated) {
            self.keep_nothing(attempt, node);
            return Outcome::Placed(Placement { node, feasible: 1, score: 0, tied: 1 });
        }
        if !nominated.is_empty() {
            self.judge_promised(cluster, attempt, nominated);
        }
        let context = self.context(cluster, attempt);
        match self.answer(context, attempt) {
            Ok(Some(outcome)) => outcome,
            Ok(None) if self.explains => self.diagnose(context, total),
            Ok(None) => failure(total, String::new(), PluginSet::default()),
            Err(status) => failure(total, status.message, PluginSet::default()),
        }
    }

    /// Tries a node before all others; returns it if it passes. If not, its failure stands even where
    /// the search does not come to it.
    pub(super) fn try_first(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        node: Option<NodeId>,
        nominated: &Nominator,
    ) -> Option<NodeId> {
        self.scratch.tried = None;
        let node = node?;
        self.scratch.tried = self.refusal_beside(cluster, attempt, node, nominated);
        self.scratch.tried.is_none().then_some(node)
    }

    /// Whether a node was tried before all others that the search has not come to.
    fn is_tried_apart(&self, cluster: &Cluster, found: Found) -> bool {
        let Some(tried) = &self.scratch.tried else { return false };
        let candidates = self.candidates(cluster);
        let place = candidates.iter().position(|&node| node == tried.node);
        let reached = |place: usize| {
            (place + candidates.len() - self.next_start % candidates.len()) % candidates.len() < found.visited
        };
        !place.is_some_and(reached)
    }

    /// The best node; `None` if none is feasible.
    fn answer(&mut self, context: Context<'_>, attempt: Attempt) -> Result<Option<Outcome>, Status> {
        let candidates = self.candidates(context.cluster).len();
        let limit = self.limit(candidates);
        if candidates <= limit && !self.batching.keeps_totals() {
            match self.indexed(context, attempt.key)? {
                Answer::Placed(placement) => {
                    // All nodes count as looked at; there may have been more of them before.
                    self.next_start %= context.cluster.nodes.order.len();
                    self.keep_nothing(attempt, placement.node);
                    return Ok(Some(Outcome::Placed(placement)));
                }
                Answer::Nowhere if !self.explains => return Ok(None),
                Answer::Nowhere | Answer::Unknown => {}
            }
        }
        let found = self.search(context, limit);
        let judged = found.visited + usize::from(self.is_tried_apart(context.cluster, found));
        self.next_start = (self.next_start + judged) % context.cluster.nodes.order.len();
        if found.count == 0 {
            return Ok(None);
        }
        if found.count == 1 {
            let row = if found.is_listed {
                self.scratch.listed[0] as usize
            } else {
                self.scratch.feasible.iter().next().expect("one node is feasible")
            };
            let node = NodeId(row as u32);
            self.keep_nothing(attempt, node);
            return Ok(Some(Outcome::Placed(Placement { node, feasible: 1, score: 0, tied: 1 })));
        }
        self.score(context, found, None)?;
        let totals = self.totals_to_keep(context.cluster, found);
        let placement = self.select(context.cluster, found, attempt.key);
        self.keep(attempt, placement.node, totals);
        Ok(Some(Outcome::Placed(placement)))
    }

    /// The answer of the index.
    fn indexed(&mut self, context: Context<'_>, key: u64) -> Result<Answer, Status> {
        let Scratch { skipped, restricting, promised, .. } = &self.scratch;
        if self.mode == Mode::Plain || !restricting.is_empty() || !promised.is_empty() {
            return Ok(Answer::Unknown);
        }
        let search = Search {
            skipped: *skipped,
            // After a search of all nodes the start is where it was before it.
            start: self.next_start % context.cluster.nodes.order.len(),
            choice: self.choice,
            streams: self.streams,
            key,
            is_forced: self.mode == Mode::Indexed,
            is_scored: self.explains,
        };
        self.index.search(&mut self.profile, context, search)
    }

    /// How many feasible nodes are looked for among `candidates` (numFeasibleNodesToFind). Without
    /// any score plugin the first one will do.
    pub(super) fn limit(&self, candidates: usize) -> usize {
        if self.profile.scores.is_empty() {
            return 1;
        }
        feasible_nodes_to_find(candidates, self.percentage as usize)
    }

    /// PreFilter: what the filters have to prepare. An error is a rejection of the pod as a whole.
    pub(super) fn pre_filter(&mut self, context: Context<'_>) -> Result<(), (Status, PluginSet)> {
        let scratch = &mut self.scratch;
        scratch.skipped = PluginSet::default();
        scratch.restricting = PluginSet::default();
        let mut names: Option<Arc<[Symbol]>> = None;
        let mut rejection = None;
        for place in 0..self.profile.pre_filters.len() {
            let plugin = self.profile.pre_filters[place];
            let answer = self.profile.plugins[plugin].pre_filter(context);
            let only = PluginSet(1 << plugin);
            match answer.status.code {
                Code::Success => {}
                Code::Skip => scratch.skipped.insert(plugin),
                Code::Unschedulable => rejection = Some((answer.status, only)),
                Code::UnschedulableAndUnresolvable => return Err((answer.status, only)),
                _ => return Err((answer.status, PluginSet::default())),
            }
            let Some(listed) = answer.names else { continue };
            scratch.restricting.insert(plugin);
            let both = |known: Arc<[Symbol]>| {
                known.iter().copied().filter(|name| listed.binary_search(name).is_ok()).collect()
            };
            let left = names.take().map_or_else(|| Arc::clone(&listed), both);
            if left.is_empty() {
                let message = unsatisfied(&self.profile.names(scratch.restricting));
                let status = Status { code: Code::UnschedulableAndUnresolvable, message };
                return Err((status, scratch.restricting));
            }
            names = Some(left);
        }
        if let Some(names) = names {
            restrict(context.cluster, &names, &mut scratch.named);
        }
        rejection.map_or(Ok(()), Err)
    }

    /// The candidates in list order.
    pub(super) fn candidates<'a>(&'a self, cluster: &'a Cluster) -> &'a [NodeId] {
        if self.scratch.restricting.is_empty() { &cluster.nodes.order } else { &self.scratch.named }
    }

    /// Filters all candidates, or in search order until more than `limit` are found.
    pub(super) fn search(&mut self, context: Context<'_>, limit: usize) -> Found {
        for failed in &mut self.scratch.failed {
            failed.resize(context.cluster.nodes.len());
            failed.clear();
        }
        let candidates = self.candidates(context.cluster).len();
        if candidates > limit {
            return self.search_part(context, limit);
        }
        let restricted = !self.scratch.restricting.is_empty();
        let Scratch { feasible, named, .. } = &mut self.scratch;
        if restricted {
            feasible.resize(context.cluster.nodes.len());
            feasible.clear();
            for node in named.iter() {
                feasible.insert(node.index());
            }
        } else {
            feasible.copy_from(&context.cluster.nodes.present);
        }
        self.filter(context);
        let count = self.scratch.feasible.count();
        // Few nodes are scored from a list, many over whole columns.
        let is_listed = count * 2 < context.cluster.nodes.len();
        if is_listed {
            self.list_feasible(context.cluster);
        }
        Found { count, visited: candidates, is_listed }
    }

    /// The sampled search: windows of the rotated list, until feasible node number `limit` + 1 is
    /// met, which is dropped and where the next search starts.
    fn search_part(&mut self, context: Context<'_>, limit: usize) -> Found {
        let cluster = context.cluster;
        let length = self.candidates(cluster).len();
        let start = self.next_start % length;
        let window = limit + limit / 4 + 1;
        self.scratch.listed.clear();
        let mut visited = 0;
        while visited < length {
            let end = (visited + window).min(length);
            let mut rows = std::mem::take(&mut self.scratch.rows);
            let list = self.candidates(cluster);
            rows.clear();
            rows.extend((visited..end).map(|offset| list[(start + offset) % length].0));
            let feasible = &mut self.scratch.feasible;
            feasible.resize(cluster.nodes.len());
            feasible.clear();
            for &row in &rows {
                feasible.insert(row as usize);
            }
            self.filter(context);
            let Scratch { feasible, listed, .. } = &mut self.scratch;
            for &row in &rows {
                if feasible.contains(row as usize) {
                    if listed.len() == limit {
                        self.scratch.rows = rows;
                        return Found { count: limit, visited, is_listed: true };
                    }
                    listed.push(row);
                }
                visited += 1;
            }
            self.scratch.rows = rows;
        }
        Found { count: self.scratch.listed.len(), visited, is_listed: true }
    }

    /// Runs the filters over `feasible` and remembers what each takes out.
    fn filter(&mut self, context: Context<'_>) {
        let Scratch { feasible, before, failed, skipped, promised, .. } = &mut self.scratch;
        for (refusal, is_met) in promised.iter_mut() {
            *is_met |= feasible.contains(refusal.node.index());
        }
        for (place, &plugin) in self.profile.filters.iter().enumerate() {
            if skipped.contains(plugin) {
                continue;
            }
            before.copy_from(feasible);
            self.profile.plugins[plugin].filter(context, feasible);
            before.and_not(feasible);
            failed[place].or(before);
        }
        for (refusal, _) in promised.iter() {
            feasible.remove(refusal.node.index());
            for failed in failed.iter_mut() {
                failed.remove(refusal.node.index());
            }
        }
    }

    /// Lists the feasible rows in search order.
    fn list_feasible(&mut self, cluster: &Cluster) {
        let mut listed = std::mem::take(&mut self.scratch.listed);
        listed.clear();
        self.each_feasible(cluster, |_, row| listed.push(row as u32));
        self.scratch.listed = listed;
    }

    /// Visits the feasible nodes of a whole search in search order, with their places.
    pub(super) fn each_feasible(&self, cluster: &Cluster, mut visit: impl FnMut(u32, usize)) {
        let list = self.candidates(cluster);
        // After a search of all nodes the start is where it was before it; after one of named nodes
        // the order of the candidates is free in the original.
        let (head, tail) = list.split_at(self.next_start % list.len().max(1));
        let feasible = self.scratch.feasible.words();
        let mut place = 0;
        for node in tail.iter().chain(head) {
            let row = node.index();
            if feasible[row / 64] >> (row % 64) & 1 == 1 {
                visit(place, row);
                place += 1;
            }
        }
    }

    /// PreScore, Score and NormalizeScore: fills `totals` for the feasible nodes.
    pub(super) fn score(
        &mut self,
        context: Context<'_>,
        found: Found,
        mut recording: Option<&mut Recording>,
    ) -> Result<(), Status> {
        let Scratch { feasible, listed, column, totals, base, .. } = &mut self.scratch;
        let targets = if found.is_listed { Targets::Listed(listed) } else { Targets::Rows(feasible) };
        totals.clear();
        // Without any score plugin every total is one.
        *base = i64::from(self.profile.scores.is_empty());
        let uses_memo = !found.is_listed && recording.is_none();
        if uses_memo {
            *base += self.memo.totals(&mut self.profile, context, feasible, totals)?;
        }
        let Profile { plugins, pre_scores, scores, .. } = &mut self.profile;
        for &(place, weight) in scores.iter() {
            let plugin = &mut plugins[place];
            if uses_memo && plugin.is_node_local() {
                continue;
            }
            let status =
                if pre_scores.contains(place) { plugin.pre_score(context, targets) } else { Status::SUCCESS };
            match status.code {
                Code::Success => {}
                Code::Skip => continue,
                _ => return Err(status),
            }
            plugin.score(context, targets, column);
            let raw = recording.is_some().then(|| column.clone());
            plugin.normalize_score(context, targets, column);
            if let (Some(recording), Some(raw)) = (recording.as_deref_mut(), raw) {
                recording.push((plugin.name(), raw, column.clone()));
            }
            match column.same {
                Some(score) => *base += score * weight,
                None => add_weighted(totals, &mut column.values, weight),
            }
        }
        if totals.is_empty() {
            totals.resize(targets.len(), 0);
        }
        Ok(())
    }

    /// Takes one of the nodes with the highest total.
    fn select(&mut self, cluster: &Cluster, found: Found, key: u64) -> Placement {
        let mut places = std::mem::take(&mut self.scratch.places);
        let mut rows = std::mem::take(&mut self.scratch.rows);
        places.clear();
        rows.clear();
        let score = if found.is_listed {
            let Scratch { listed, totals, .. } = &self.scratch;
            let best = totals.iter().copied().max().expect("some node is feasible");
            for (place, _) in totals.iter().enumerate().filter(|(_, total)| **total == best) {
                places.push(place as u32);
                rows.push(listed[place]);
            }
            best
        } else {
            let (best, count) = self.best_rows();
            if count == 1 {
                places.push(0);
                rows.extend(self.scratch.tied.iter().map(|row| row as u32));
            } else {
                let tied = &self.scratch.tied;
                self.each_feasible(cluster, |place, row| {
                    if tied.contains(row) {
                        places.push(place);
                        rows.push(row as u32);
                    }
                });
            }
            best
        };
        let chosen = if rows.len() == 1 { 0 } else { self.choice.select(self.streams, key, &places) };
        let placement = Placement {
            node: NodeId(rows[chosen]),
            feasible: found.count as u32,
            score: score + self.scratch.base,
            tied: rows.len() as u32,
        };
        self.scratch.places = places;
        self.scratch.rows = rows;
        placement
    }

    /// The best total over the feasible rows; `tied` becomes the set of rows that have it. Totals of
    /// other rows are lost.
    fn best_rows(&mut self) -> (i64, usize) {
        let is_wide = self.is_wide;
        let Scratch { feasible, totals, tied, bests, .. } = &mut self.scratch;
        tied.resize(feasible.len());
        tied.clear();
        bests.clear();
        bests.extend(
            totals.chunks_mut(64).zip(feasible.words()).map(|(block, &word)| best_of(block, word, is_wide)),
        );
        let best = bests.iter().copied().max().unwrap_or(i64::MIN);
        let mut count = 0;
        for (position, marks) in tied.words_mut().iter_mut().enumerate() {
            if bests[position] == best {
                let block = &totals[position * 64..totals.len().min(position * 64 + 64)];
                let equal = block.iter().enumerate();
                *marks = equal.fold(0, |bits, (lane, &total)| bits | u64::from(total == best) << lane);
                *marks &= feasible.words()[position];
                count += marks.count_ones() as usize;
            }
        }
        (best, count)
    }

    /// The diagnosis after a search that found nothing.
    fn diagnose(&mut self, context: Context<'_>, total: usize) -> Outcome {
        let Scratch { failed, restricting, .. } = &self.scratch;
        let mut rejectors = *restricting;
        let mut tally = Tally::default();
        let mut explicit = 0;
        for (failed, &plugin) in failed.iter().zip(&self.profile.filters) {
            let count = failed.count();
            if count > 0 {
                explicit += count;
                rejectors.insert(plugin);
                self.profile.plugins[plugin].tally(context, failed, &mut tally);
            }
        }
        for (refusal, _) in self.scratch.promised.iter().filter(|(_, is_met)| *is_met) {
            explicit += 1;
            rejectors.insert(self.profile.filters[refusal.filter]);
            refusal.causes.iter().for_each(|&cause| tally.add(cause, 1));
        }
        let named = &self.scratch.named;
        let is_apart = |refusal: &&Refusal| !restricting.is_empty() && !named.contains(&refusal.node);
        if let Some(refusal) = self.scratch.tried.as_ref().filter(is_apart) {
            explicit += 1;
            rejectors.insert(self.profile.filters[refusal.filter]);
            refusal.causes.iter().for_each(|&cause| tally.add(cause, 1));
        }
        let mut reasons = tally.texts(context.cluster);
        if total > explicit {
            reasons.push((absent_reason(&self.profile, *restricting), total - explicit));
        }
        let plugins = self.profile.names(rejectors);
        let diagnosis = Diagnosis { nodes: total, reasons, plugins, ..Diagnosis::default() };
        Outcome::Rejected(Rejection { diagnosis: Arc::new(diagnosis), rejectors })
    }
}

/// How many feasible nodes are looked for among `candidates`, given percentageOfNodesToScore (0 lets
/// the number of nodes decide).
pub fn feasible_nodes_to_find(candidates: usize, percentage: usize) -> usize {
    if candidates < MIN_FEASIBLE {
        return candidates;
    }
    let adaptive = || 50usize.saturating_sub(candidates / 125).max(MIN_ADAPTIVE_PERCENTAGE);
    let percentage = if percentage == 0 { adaptive() } else { percentage.min(100) };
    (candidates * percentage / 100).max(MIN_FEASIBLE)
}

/// What is said of nodes that PreFilter has excluded.
pub(super) fn absent_reason(profile: &Profile, restricting: PluginSet) -> String {
    format!("node(s) didn't satisfy plugin(s) [{}]", profile.names(restricting).join(" "))
}

/// What is said when no node is left that PreFilter plugins have named.
fn unsatisfied(plugins: &[&str]) -> String {
    match plugins {
        [only] => format!("node(s) didn't satisfy plugin {only}"),
        several => format!("node(s) didn't satisfy plugin(s) [{}] simultaneously", several.join(" ")),
    }
}

/// The nodes of these names, in list order.
fn restrict(cluster: &Cluster, names: &[Symbol], named: &mut Vec<NodeId>) {
    named.clear();
    if let [name] = names {
        named.extend(cluster.nodes.find(*name));
        return;
    }
    let listed = |node: &NodeId| names.binary_search(&cluster.nodes.name[node.index()]).is_ok();
    named.extend(cluster.nodes.order.iter().copied().filter(listed));
}

/// Adds weighted scores; the first ones make the column. Scores are at most 100, so that nothing can
/// wrap; overflow checks would keep the loop from vectorising.
fn add_weighted(totals: &mut Vec<i64>, scores: &mut Vec<i64>, weight: i64) {
    let is_first = totals.is_empty();
    if is_first && weight == 1 {
        std::mem::swap(totals, scores);
    } else if is_first {
        totals.extend(scores.iter().map(|score| score.wrapping_mul(weight)));
    } else if weight == 1 {
        totals.iter_mut().zip(scores).for_each(|(total, score)| *total = total.wrapping_add(*score));
    } else {
        let add = |(total, score): (&mut i64, &mut i64)| {
            *total = total.wrapping_add(score.wrapping_mul(weight));
        };
        totals.iter_mut().zip(scores).for_each(add);
    }
}

/// The best total of a block of up to 64 rows among those in `word`. Where most are, the others'
/// totals are put out of the way, so that the search needs no test.
fn best_of(block: &mut [i64], word: u64, is_wide: bool) -> i64 {
    if is_wide || word.count_ones() < 32 {
        let in_word = block.iter().enumerate().filter(|(lane, _)| word >> lane & 1 == 1);
        return in_word.map(|(_, &total)| total).max().unwrap_or(i64::MIN);
    }
    let mut absent = !word;
    while absent != 0 {
        if let Some(total) = block.get_mut(absent.trailing_zeros() as usize) {
            *total = i64::from(i32::MIN);
        }
        absent &= absent - 1;
    }
    // In 32 bits, whose maximum vectorises everywhere. Totals fit, since they are not wide.
    let mut best = [i32::MIN; 8];
    for totals in block.chunks(8) {
        for (best, &total) in best.iter_mut().zip(totals) {
            *best = (total as i32).max(*best);
        }
    }
    i64::from(best.into_iter().max().unwrap_or(i32::MIN))
}

/// A failure without reasons by node.
fn failure(nodes: usize, pre_filter: String, rejectors: PluginSet) -> Outcome {
    let diagnosis = Arc::new(Diagnosis { nodes, pre_filter, ..Diagnosis::default() });
    Outcome::Rejected(Rejection { diagnosis, rejectors })
}

/// The failure of a pod that PreFilter has rejected as a whole.
fn failure_of(profile: &Profile, nodes: usize, status: Status, rejectors: PluginSet) -> Outcome {
    let plugins = profile.names(rejectors);
    let pre_filter = status.message;
    let diagnosis = Arc::new(Diagnosis { nodes, pre_filter, plugins, ..Diagnosis::default() });
    Outcome::Rejected(Rejection { diagnosis, rejectors })
}
