//! The whole table behind a decision: every node's failure, or its scores.
//!
//! For people who ask why, and for comparing with recorded answers. A decision itself computes none
//! of this.

use super::cycle::{Cycle, Recording, absent_reason};
use super::framework::{Code, Context};
use super::profile::PluginSet;
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::Cluster;

/// Why a node was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The first plugin that refused it; empty if PreFilter excluded it.
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
}

/// What is to be said of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeExplanation {
    /// The node.
    pub node: NodeId,
    /// Why it was refused; `None` for feasible nodes.
    pub failure: Option<Failure>,
    /// The scores of feasible nodes; plugins that skipped the pod are absent.
    pub scores: Vec<Score>,
    /// The weighted sum of the scores.
    pub total: i64,
}

/// What is to be said of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Explanation {
    /// A plugin rejected the pod as a whole, or failed.
    Rejected {
        /// The plugins that did.
        plugins: Vec<&'static str>,
        /// What it said.
        message: String,
    },
    /// Every node, in list order.
    Nodes(Vec<NodeExplanation>),
}

impl Cycle {
    /// Filters and scores every node for a pod of a class, whatever the sampling says and even if
    /// only one is feasible. Leaves the state of the search alone.
    pub fn explain(&mut self, cluster: &mut Cluster, class: ClassId) -> Explanation {
        self.profile.prepare(cluster);
        cluster.nodes.refresh_order();
        let context = Context { cluster: &*cluster, class, pod: None, version: self.profile.version };
        let rejected = |cycle: &Cycle, message, plugins: PluginSet| Explanation::Rejected {
            plugins: cycle.profile.names(plugins),
            message,
        };
        if let Err((status, plugins)) = self.pre_filter(context) {
            return rejected(self, status.message, plugins);
        }
        self.scratch.promised.clear();
        let found = self.search(context, usize::MAX);
        let mut recording = Recording::new();
        if let Err(status) = self.score(context, found, Some(&mut recording)) {
            return rejected(self, status.message, PluginSet::default());
        }
        let mut nodes = Vec::new();
        for &node in &context.cluster.nodes.order {
            let listed = || self.scratch.listed.iter().position(|&row| row == node.0);
            let place = if found.is_listed { listed() } else { Some(node.index()) };
            nodes.push(match place.filter(|_| self.scratch.feasible.contains(node.index())) {
                Some(place) => self.scores_of(node, place, &recording),
                None => self.failure_of(context, node),
            });
        }
        Explanation::Nodes(nodes)
    }

    fn scores_of(&self, node: NodeId, place: usize, recording: &Recording) -> NodeExplanation {
        let score = |(plugin, raw, normalized): &(&'static str, super::framework::Column, _)| {
            let normalized: &super::framework::Column = normalized;
            Score { plugin, raw: raw.at(place), normalized: normalized.at(place) }
        };
        let scores = recording.iter().map(score).collect();
        NodeExplanation { node, failure: None, scores, total: self.scratch.totals[place] + self.scratch.base }
    }

    fn failure_of(&mut self, context: Context<'_>, node: NodeId) -> NodeExplanation {
        let place = self.scratch.failed.iter().position(|failed| failed.contains(node.index()));
        let failure = match place {
            Some(place) => {
                let plugin = &mut self.profile.plugins[self.profile.filters[place]];
                let mut causes = Vec::new();
                let code = plugin.status(context, node, &mut causes);
                let reasons = causes.into_iter().map(|cause| cause.text(context.cluster)).collect();
                Failure { plugin: plugin.name(), code, reasons }
            }
            None => Failure {
                plugin: "",
                code: Code::UnschedulableAndUnresolvable,
                reasons: vec![absent_reason(&self.profile, self.scratch.restricting)],
            },
        };
        NodeExplanation { node, failure: Some(failure), scores: Vec::new(), total: 0 }
    }
}
