//! The whole table behind a decision: every node's failure, or its scores.
//!
//! For people who ask why, and for comparing with recorded answers. A decision itself computes none
//! of this; how it is shown is not known here.

use super::binding::{self, Prepared};
use super::cycle::{Attempt, Cycle, Found, Recording, Scratch, absent_reason};
use super::framework::{Cause, Code, Column, Context, Status, Targets};
use super::nominator::Nominator;
use super::profile::{PluginSet, Profile};
use super::select::Choice;
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::cluster::Cluster;

/// Why a node, or the pod as a whole, was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The first plugin that refused; empty if several did together (PreFilter named nodes and this
    /// is none of them).
    pub plugin: &'static str,
    /// Whether preemption could help.
    pub code: Code,
    /// The reasons.
    pub reasons: Vec<String>,
}

/// One score of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Score {
    /// The plugin.
    pub plugin: &'static str,
    /// Before normalisation.
    pub raw: i64,
    /// After it, 0 to 100, before the weight.
    pub normalized: i64,
    /// The weight.
    pub weight: i64,
}

/// What an attempt has found out about a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// The search ended before it came to the node.
    NotEvaluated,
    /// It was refused, beside the pods that were promised it where these count.
    Refused(Failure),
    /// It passes every filter.
    Feasible {
        /// Its scores; plugins that skipped the pod are absent.
        scores: Vec<Score>,
        /// The weighted sum of the scores; 1 without any score plugin.
        total: i64,
    },
}

/// What is to be said of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeExplanation {
    /// The node.
    pub node: NodeId,
    /// What was found out about it.
    pub judgement: Judgement,
}

impl NodeExplanation {
    /// Why it was refused; `None` if it was not.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.judgement {
            Judgement::Refused(failure) => Some(failure),
            _ => None,
        }
    }

    /// The scores of a feasible node; none of others.
    pub fn scores(&self) -> &[Score] {
        match &self.judgement {
            Judgement::Feasible { scores, .. } => scores,
            _ => &[],
        }
    }

    /// The total of a feasible node.
    pub fn total(&self) -> Option<i64> {
        match self.judgement {
            Judgement::Feasible { total, .. } => Some(total),
            _ => None,
        }
    }
}

/// How an attempt ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is no node at all.
    NoNodes,
    /// PreFilter rejected the pod as a whole; no node was looked at.
    Rejected(Failure),
    /// A plugin failed, which is an error; its message.
    Failed(String),
    /// Every node was refused.
    Nowhere,
    /// The node that the pod was promised passes the filters; no other was looked at.
    Promised,
    /// Some nodes pass.
    Feasible,
}

/// What is to be said of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// How it ends.
    pub verdict: Verdict,
    /// The score plugins of the profile with their weights, in order.
    pub weights: Vec<(&'static str, i64)>,
    /// The plugins whose filters had nothing to do for this pod, by name.
    pub skipped_filters: Vec<&'static str>,
    /// The plugins that said at PreScore that they have nothing to say about this pod, by name.
    pub skipped_scores: Vec<&'static str>,
    /// Every node, in the order in which the scheduler lists them.
    pub nodes: Vec<NodeExplanation>,
    /// The feasible nodes in the order in which they were found.
    pub found: Vec<NodeId>,
    /// The highest total.
    pub best: Option<i64>,
    /// The nodes that have it, in the order in which they were found.
    pub tied: Vec<NodeId>,
    /// The node that is taken; `None` if there is none, or if the original leaves it to chance: among
    /// tied nodes before 1.35, and where PreFilter named several candidates, whose order is free.
    pub picked: Option<NodeId>,
}

impl Explanation {
    /// What is to be said where there is nothing to say.
    pub fn nothing() -> Explanation {
        Explanation::new(Verdict::NoNodes, Vec::new())
    }

    fn new(verdict: Verdict, weights: Vec<(&'static str, i64)>) -> Explanation {
        Explanation {
            verdict,
            weights,
            skipped_filters: Vec::new(),
            skipped_scores: Vec::new(),
            nodes: Vec::new(),
            found: Vec::new(),
            best: None,
            tied: Vec::new(),
            picked: None,
        }
    }

    /// The highest total below the best.
    pub fn second(&self) -> Option<i64> {
        self.nodes.iter().filter_map(NodeExplanation::total).filter(|&total| Some(total) != self.best).max()
    }

    /// What is said of a node.
    pub fn of(&self, node: NodeId) -> Option<&NodeExplanation> {
        self.nodes.iter().find(|entry| entry.node == node)
    }
}

/// The nodes that a search has come to, by place in the list of candidates.
#[derive(Clone, Copy)]
struct Reached {
    start: usize,
    visited: usize,
}

impl Cycle {
    /// PreEnqueue: what holds pods of a class back, if anything does.
    pub fn held_back(&mut self, cluster: &mut Cluster, class: ClassId) -> Option<Failure> {
        let (plugin, status) = self.profile.gate_status(cluster, class)?;
        let plugin = self.profile.plugins[plugin].name();
        Some(Failure { plugin, code: status.code, reasons: vec![status.message] })
    }

    /// Takes a node for a pod: the pod counts there, and what the plugins reserve for it is reserved.
    /// If a plugin refuses that, everything is as before and the refusal is returned.
    pub fn take_node(&mut self, cluster: &mut Cluster, pod: PodId, node: NodeId) -> Result<(), Status> {
        cluster.place(pod, node);
        let class = cluster.pods.class[pod.index()];
        let context = Context { cluster, class, pod: None, version: self.profile.version };
        match binding::prepare(&mut self.profile, context, node) {
            Prepared::Refused(_, status) => {
                cluster.displace(pod);
                Err(status)
            }
            Prepared::Write | Prepared::Bound => Ok(()),
        }
    }

    /// Makes an attempt and says everything about it. Where the search is sampled, only the nodes that
    /// it comes to are judged; nodes are scored even if only one is feasible. A hint from the attempt
    /// before is not used. Nothing is changed: the next search starts where it would have.
    pub fn explain(&mut self, cluster: &mut Cluster, attempt: Attempt, nominated: &Nominator) -> Explanation {
        self.profile.prepare(cluster);
        cluster.nodes.refresh_order();
        let named = |&(plugin, weight): &(usize, i64)| (self.profile.plugins[plugin].name(), weight);
        let weights = self.profile.scores.iter().map(named).collect();
        let mut explanation = Explanation::new(Verdict::NoNodes, weights);
        if cluster.nodes.order.is_empty() {
            return explanation;
        }
        let rejection = self.pre_filter(self.context(cluster, attempt)).err();
        explanation.skipped_filters = self.profile.names(self.scratch.skipped);
        if let Some((status, plugins)) = rejection {
            explanation.verdict = self.rejection(status, plugins);
            let node = |&node: &NodeId| NodeExplanation { node, judgement: Judgement::NotEvaluated };
            explanation.nodes = cluster.nodes.order.iter().map(node).collect();
            return explanation;
        }
        let (found, reached) = self.search_for_explanation(cluster, attempt, nominated);
        explanation.verdict = match (found.count, reached) {
            (0, _) => Verdict::Nowhere,
            (_, None) => Verdict::Promised,
            _ => Verdict::Feasible,
        };
        let context = self.context(cluster, attempt);
        self.judge(context, found, reached, &mut explanation);
        self.choose(attempt.key, &mut explanation);
        explanation
    }

    fn rejection(&self, status: Status, plugins: PluginSet) -> Verdict {
        if plugins.is_empty() {
            return Verdict::Failed(status.message);
        }
        let plugin = match self.profile.names(plugins)[..] {
            [only] => only,
            _ => "",
        };
        Verdict::Rejected(Failure { plugin, code: status.code, reasons: vec![status.message] })
    }

    /// Searches as an attempt does; without the nodes reached if it ends with the node that the pod
    /// was promised.
    fn search_for_explanation(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        nominated: &Nominator,
    ) -> (Found, Option<Reached>) {
        self.scratch.promised.clear();
        let own = attempt.pod.and_then(|pod| nominated.node_of(pod));
        let own = own.filter(|node| cluster.nodes.present.contains(node.index()));
        if let Some(node) = self.try_first(cluster, attempt, own, nominated) {
            self.scratch.listed.clear();
            self.scratch.listed.push(node.0);
            return (Found { count: 1, visited: 0, is_listed: true }, None);
        }
        if !nominated.is_empty() {
            self.judge_promised(cluster, attempt, nominated);
        }
        let context = self.context(cluster, attempt);
        let candidates = self.candidates(context.cluster).len();
        let limit = self.limit(candidates);
        let found = self.search(context, limit);
        let reached = Reached { start: self.next_start % candidates.max(1), visited: found.visited };
        (found, Some(reached))
    }

    /// Fills in what is known of every node, and of the scores.
    fn judge(
        &mut self,
        context: Context<'_>,
        found: Found,
        reached: Option<Reached>,
        explanation: &mut Explanation,
    ) {
        let mut recording = Recording::new();
        if found.count > 0
            && let Err(status) = self.score(context, found, Some(&mut recording))
        {
            explanation.verdict = Verdict::Failed(status.message);
            return;
        }
        if found.count > 0 {
            let ran = |name: &str| recording.iter().any(|(plugin, ..)| *plugin == name);
            let skipped = explanation.weights.iter().map(|(name, _)| *name).filter(|name| !ran(name));
            explanation.skipped_scores = skipped.collect();
            let unscored = self.skipped_without_score(context, found);
            explanation.skipped_scores.extend(unscored);
            explanation.skipped_scores.sort_unstable();
        }
        let mut feasible: Vec<(NodeId, usize)> = Vec::new();
        if found.is_listed {
            let listed = self.scratch.listed.iter().enumerate();
            feasible.extend(listed.map(|(place, &row)| (NodeId(row), place)));
        } else {
            self.each_feasible(context.cluster, |_, row| feasible.push((NodeId(row as u32), row)));
        }
        feasible.truncate(found.count);
        explanation.found = feasible.iter().map(|(node, _)| *node).collect();
        feasible.sort_unstable();
        for &node in &context.cluster.nodes.order {
            let place = feasible.binary_search_by_key(&node, |(node, _)| *node).map(|at| feasible[at].1);
            let judgement = match (place, reached) {
                (Ok(place), _) => self.scores_of(place, &recording, &explanation.weights),
                (Err(_), Some(reached)) => self.refusal_of(context, node, reached),
                (Err(_), None) => Judgement::NotEvaluated,
            };
            explanation.nodes.push(NodeExplanation { node, judgement });
        }
    }

    /// The plugins that skip the pod at PreScore and are not enabled at Score, by name.
    fn skipped_without_score(&mut self, context: Context<'_>, found: Found) -> Vec<&'static str> {
        let Scratch { feasible, listed, .. } = &self.scratch;
        let targets = if found.is_listed { Targets::Listed(listed) } else { Targets::Rows(feasible) };
        let scores = |profile: &Profile, place| profile.scores.iter().any(|(scored, _)| *scored == place);
        let others = (0..self.profile.plugins.len())
            .filter(|&place| self.profile.pre_scores.contains(place) && !scores(&self.profile, place));
        let others: Vec<usize> = others.collect();
        let mut skipped = Vec::new();
        for place in others {
            if let Ok(false) = self.profile.prepare_score(place, context, targets) {
                skipped.push(self.profile.plugins[place].name());
            }
        }
        skipped
    }

    fn scores_of(&self, place: usize, recording: &Recording, weights: &[(&'static str, i64)]) -> Judgement {
        let score = |(plugin, raw, normalized): &(&'static str, Column, Column)| Score {
            plugin,
            raw: raw.at(place),
            normalized: normalized.at(place),
            weight: weights.iter().find(|(name, _)| name == plugin).map_or(0, |(_, weight)| *weight),
        };
        let total = self.scratch.totals[place] + self.scratch.base;
        Judgement::Feasible { scores: recording.iter().map(score).collect(), total }
    }

    fn refusal_of(&mut self, context: Context<'_>, node: NodeId, reached: Reached) -> Judgement {
        let text = |causes: &[Cause]| causes.iter().map(|cause| cause.text(context.cluster)).collect();
        let known = self.scratch.tried.iter().chain(self.scratch.promised.iter().map(|(refusal, _)| refusal));
        let candidates = self.candidates(context.cluster);
        let place = candidates.iter().position(|&candidate| candidate == node);
        let is_reached =
            |place: usize| (place + candidates.len() - reached.start) % candidates.len() < reached.visited;
        let is_tried = self.scratch.tried.as_ref().is_some_and(|tried| tried.node == node);
        if let Some(refusal) = known.into_iter().find(|refusal| refusal.node == node)
            && (is_tried || place.is_some_and(is_reached))
        {
            let plugin = self.profile.plugins[self.profile.filters[refusal.filter]].name();
            let reasons = text(&refusal.causes);
            return Judgement::Refused(Failure { plugin, code: refusal.code, reasons });
        }
        let Some(place) = place else {
            return Judgement::Refused(Failure {
                plugin: "",
                code: Code::UnschedulableAndUnresolvable,
                reasons: vec![absent_reason(&self.profile, self.scratch.restricting)],
            });
        };
        if !is_reached(place) {
            return Judgement::NotEvaluated;
        }
        let filter = self.scratch.failed.iter().position(|failed| failed.contains(node.index()));
        let Some(filter) = filter else { return Judgement::NotEvaluated };
        let plugin = &mut self.profile.plugins[self.profile.filters[filter]];
        let mut causes = Vec::new();
        let code = plugin.status(context, node, &mut causes);
        Judgement::Refused(Failure { plugin: plugin.name(), code, reasons: text(&causes) })
    }

    /// Fills in which node is taken.
    fn choose(&self, key: u64, explanation: &mut Explanation) {
        let total = |node: &NodeId| explanation.of(*node).and_then(NodeExplanation::total);
        let totals: Vec<i64> = explanation.found.iter().filter_map(total).collect();
        let Some(&best) = totals.iter().max() else { return };
        let places: Vec<u32> =
            (0..totals.len()).filter(|&place| totals[place] == best).map(|place| place as u32).collect();
        explanation.tied = places.iter().map(|&place| explanation.found[place as usize]).collect();
        explanation.best = Some(best);
        let is_free = self.choice != Choice::Listed
            || !self.scratch.restricting.is_empty() && self.scratch.named.len() > 1;
        explanation.picked = match explanation.tied[..] {
            [only] => Some(only),
            _ if is_free => None,
            _ => Some(explanation.tied[self.choice.select(self.streams, key, &places)]),
        };
    }
}
