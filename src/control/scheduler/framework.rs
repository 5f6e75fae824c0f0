//! The scheduling framework: Kubernetes' extension points in columnar form.
//!
//! A plugin is asked once a pod, not once a node: a filter takes failing nodes out of a [`BitSet`]
//! over the rows of the node table, a score fills a column. What a plugin needs between its
//! extension points, and what it can keep between pods, lives in the plugin and is used again; the
//! hot path allocates nothing. Which plugins exist and how an attempt runs through them is not
//! known here.
//!
//! Source of the rules: Kubernetes 1.36, staging/src/k8s.io/kube-scheduler/framework/interface.go
//! and pkg/scheduler/framework/runtime/framework.go (reference kube-scheduler §7).

use super::events::{Change, Registration};
use crate::base::ids::{ClassId, NodeId, PodId, ResourceId};
use crate::base::{BitSet, Symbol};
use crate::cluster::{Cluster, PodClass, TaintMark};
use crate::control::config::Version;
use std::sync::Arc;

/// The highest score of a node after normalisation.
pub const MAX_NODE_SCORE: i64 = 100;

/// Status codes, as data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Code {
    /// Go on.
    #[default]
    Success,
    /// Something that should not happen: the attempt fails as an error.
    Error,
    /// Rejected; preemption may help.
    Unschedulable,
    /// Rejected; preemption cannot help.
    UnschedulableAndUnresolvable,
    /// Permit only: wait before binding.
    Wait,
    /// The plugin has nothing to say about this pod.
    Skip,
    /// Rejected until an event of the plugin's own; back-off is skipped then.
    Pending,
}

impl Code {
    /// The name as Kubernetes writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Success => "Success",
            Code::Error => "Error",
            Code::Unschedulable => "Unschedulable",
            Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
            Code::Wait => "Wait",
            Code::Skip => "Skip",
            Code::Pending => "Pending",
        }
    }

    /// Whether the pod or node is rejected, as opposed to passed or in error.
    pub const fn is_rejected(self) -> bool {
        matches!(self, Code::Unschedulable | Code::UnschedulableAndUnresolvable | Code::Pending)
    }
}

/// A status with its message. The message is empty wherever nothing went wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
}

impl Status {
    /// Nothing to object.
    pub const SUCCESS: Status = Status { code: Code::Success, message: String::new() };
    /// Nothing to do for this pod.
    pub const SKIP: Status = Status { code: Code::Skip, message: String::new() };
}

/// Why one node was refused: small, so that reasons of ten thousand nodes are counted without
/// making ten thousand strings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// A fixed text.
    Text(&'static str),
    /// `Insufficient <resource>`.
    Insufficient(ResourceId),
    /// The taint that is not tolerated, for releases that name it.
    Taint(TaintMark),
}

impl Cause {
    /// The reason as Kubernetes writes it.
    pub fn text(self, cluster: &Cluster) -> String {
        match self {
            Cause::Text(text) => text.to_owned(),
            Cause::Insufficient(resource) => format!("Insufficient {}", cluster.resource_name(resource)),
            Cause::Taint(taint) => {
                let (key, value) = (cluster.names.text(taint.key), cluster.names.text(taint.value));
                format!("node(s) had untolerated taint {{{key}: {value}}}")
            }
        }
    }
}

/// Reasons with how many nodes gave them, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Tally(pub Vec<(Cause, usize)>);

impl Tally {
    /// Counts a reason of `count` nodes.
    pub fn add(&mut self, cause: Cause, count: usize) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, total)) => *total += count,
            None => self.0.push((cause, count)),
        }
    }
}

impl Tally {
    /// The reasons as text, equal ones together: taints that differ in their effect read alike.
    pub fn texts(self, cluster: &Cluster) -> Vec<(String, usize)> {
        let mut texts: Vec<(String, usize)> = Vec::new();
        for (cause, count) in self.0 {
            let text = cause.text(cluster);
            match texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, total)) => *total += count,
                None => texts.push((text, count)),
            }
        }
        texts
    }
}

/// What a plugin sees of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The cluster, frozen for the attempt.
    pub cluster: &'a Cluster,
    /// The class of the pod.
    pub class: ClassId,
    /// The pod itself, where there is one: what-if questions are about a class alone.
    pub pod: Option<PodId>,
    /// The release whose decisions are taken.
    pub version: Version,
}

impl<'a> Context<'a> {
    /// The pod's compiled specification.
    pub fn pod(&self) -> &'a PodClass {
        &self.cluster.classes[self.class]
    }
}

/// What PreFilter answers.
#[derive(Clone, Debug, Default)]
pub struct PreFiltered {
    /// Success, Skip (the plugin's filter does not run in this attempt) or a rejection.
    pub status: Status,
    /// If given, only nodes of these names are candidates. Sorted by symbol.
    pub names: Option<Arc<[Symbol]>>,
}

impl PreFiltered {
    /// Go on with all nodes.
    pub const SUCCESS: PreFiltered = PreFiltered { status: Status::SUCCESS, names: None };
    /// The plugin's filter has nothing to do for this pod.
    pub const SKIP: PreFiltered = PreFiltered { status: Status::SKIP, names: None };
}

/// The nodes that are scored.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// Every row of the node table has its place in the column. What stands in the rows outside the
    /// set is ignored, so that arithmetic can run over whole columns.
    Rows(&'a BitSet),
    /// The rows of a stretch of the node table, the first of which is named. What stands in rows that no
    /// one asks for is ignored.
    Stretch {
        /// The first row.
        from: usize,
        /// How many rows.
        len: usize,
    },
    /// The n-th place of the column belongs to the n-th row listed.
    Listed(&'a [u32]),
    /// The same, and each row stands for as many nodes as `sizes` says, itself among them, which no
    /// score that is normalised can tell from it (see [`Plugin::index_key`]).
    Groups {
        /// One row of each group.
        rows: &'a [u32],
        /// The number of nodes in each group; at least one.
        sizes: &'a [u32],
    },
}

impl Targets<'_> {
    /// How long the column is.
    pub fn len(&self) -> usize {
        match self {
            Targets::Rows(set) => set.len(),
            Targets::Stretch { len, .. } => *len,
            Targets::Listed(rows) | Targets::Groups { rows, .. } => rows.len(),
        }
    }

    /// The rows, where they are listed.
    pub const fn listed(&self) -> Option<&[u32]> {
        match self {
            Targets::Rows(_) | Targets::Stretch { .. } => None,
            Targets::Listed(rows) | Targets::Groups { rows, .. } => Some(rows),
        }
    }

    /// How many nodes the n-th place stands for.
    pub fn size(&self, place: usize) -> usize {
        match self {
            Targets::Groups { sizes, .. } => sizes[place] as usize,
            _ => 1,
        }
    }

    /// Whether there is nothing to score.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` with each place of the column that counts, and its row.
    pub fn each(&self, mut visit: impl FnMut(usize, usize)) {
        match self {
            Targets::Rows(set) => set.iter().for_each(|row| visit(row, row)),
            Targets::Stretch { from, len } => (0..*len).for_each(|place| visit(place, from + place)),
            Targets::Listed(rows) | Targets::Groups { rows, .. } => {
                rows.iter().enumerate().for_each(|(place, &row)| visit(place, row as usize));
            }
        }
    }
}

/// The scores that one plugin gives.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The score, if every node has the same one; `values` is not looked at then.
    pub same: Option<i64>,
    /// One score a place; see [`Targets`].
    pub values: Vec<i64>,
}

impl Column {
    /// Gives every node the same score.
    pub fn set_same(&mut self, score: i64) {
        self.same = Some(score);
    }

    /// Makes room for `len` scores, which are to be filled in.
    pub fn open(&mut self, len: usize) -> &mut [i64] {
        self.same = None;
        self.values.resize(len, 0);
        &mut self.values
    }

    /// The score at a place.
    pub fn at(&self, place: usize) -> i64 {
        self.same.unwrap_or_else(|| self.values[place])
    }

    /// Kubernetes' DefaultNormalizeScore: the highest raw score becomes 100; `reverse` turns the
    /// scale round (reference §11.1; pkg/scheduler/framework/plugins/helper/normalize_score.go).
    pub fn normalize(&mut self, targets: Targets<'_>, reverse: bool) {
        let scale = |raw: i64, max: i64| {
            let scaled = if max == 0 { 0 } else { MAX_NODE_SCORE * raw / max };
            if reverse { MAX_NODE_SCORE - scaled } else { scaled }
        };
        if let Some(raw) = self.same {
            self.same = Some(scale(raw, raw.max(0)));
            return;
        }
        let mut max = 0;
        targets.each(|place, _| max = max.max(self.values[place]));
        let values = &mut self.values;
        targets.each(|place, _| values[place] = scale(values[place], max));
    }
}

/// What a plugin's filter and score depend on, for pods of one class: what an index may keep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reach {
    /// The pod class and the static side of nodes
    /// ([`crate::cluster::NodeTable::static_change_count`]).
    Static,
    /// Also the node itself, with the pods on it.
    Node,
    /// Also on which pods are elsewhere; nodes with the same index key are judged alike.
    Topology,
    /// Anything: every node must be looked at for each pod.
    Cluster,
}

/// A plugin: what it has to say at each extension point. The points' names are Kubernetes'.
///
/// Between PreFilter and the end of the attempt a plugin keeps its state for the pod in itself.
pub trait Plugin: Send {
    /// The name.
    fn name(&self) -> &'static str;

    /// Called once a pod class before anything else: the place to intern names and to compile what
    /// depends on the specification alone.
    fn compile(&mut self, _cluster: &mut Cluster, _class: ClassId) {}

    /// PreEnqueue: whether the pod may enter the active queue.
    fn pre_enqueue(&mut self, _context: Context<'_>) -> Status {
        Status::SUCCESS
    }

    /// PreFilter: prepares for the pod, or rejects it as a whole.
    fn pre_filter(&mut self, _context: Context<'_>) -> PreFiltered {
        PreFiltered::SUCCESS
    }

    /// The AddPod extension of PreFilter: brings the state up to date as if a pod of class `other`
    /// were on the node. Called in dry runs; `remove_pod` takes it back.
    fn add_pod(&mut self, _context: Context<'_>, _other: ClassId, _node: NodeId) {}

    /// The RemovePod extension of PreFilter; see [`Plugin::add_pod`].
    fn remove_pod(&mut self, _context: Context<'_>, _other: ClassId, _node: NodeId) {}

    /// Filter: takes the nodes that fail out of the set. Nodes that are not in the set are none of
    /// its business. Equal to taking out each node for which [`Plugin::status`] is not Success.
    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        for row in 0..nodes.len() {
            if nodes.contains(row)
                && self.status(context, NodeId(row as u32), &mut Vec::new()) != Code::Success
            {
                nodes.remove(row);
            }
        }
    }

    /// Filter for one node, with the reasons: asked only about nodes that have failed, about
    /// nominated nodes and in dry runs.
    fn status(&mut self, _context: Context<'_>, _node: NodeId, _causes: &mut Vec<Cause>) -> Code {
        Code::Success
    }

    /// Counts the reasons of the nodes that [`Plugin::filter`] has taken out.
    fn tally(&mut self, context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        let mut causes = Vec::new();
        for row in failed.iter() {
            causes.clear();
            self.status(context, NodeId(row as u32), &mut causes);
            for &cause in &causes {
                tally.add(cause, 1);
            }
        }
    }

    /// PostFilter: what the plugin says of a pod that fits nowhere. Making room for it is the part of
    /// preemption, which works with the whole cycle.
    fn post_filter(&mut self, _context: Context<'_>) -> &'static str {
        ""
    }

    /// PreScore: prepares for scoring, or skips it.
    fn pre_score(&mut self, _context: Context<'_>, _targets: Targets<'_>) -> Status {
        Status::SUCCESS
    }

    /// Score: the raw score of every target.
    fn score(&mut self, _context: Context<'_>, _targets: Targets<'_>, column: &mut Column) {
        column.set_same(0);
    }

    /// Whether the score depends on nothing but the pod class and the node itself, and is not
    /// normalised: then it changes only when the node does.
    fn is_node_local(&self) -> bool {
        false
    }

    /// What the plugin's filter and score depend on for this pod. Asked after PreFilter.
    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Cluster
    }

    /// For plugins whose reach is [`Reach::Topology`]: appends to `key` what the filter and the raw
    /// score see of a node. Of two nodes for which every plugin appends the same, the filter passes
    /// both or none, and they have the same raw score, at any moment. What is appended for a node
    /// changes only with the node itself, with the static side of some node, or with
    /// [`crate::cluster::Selectors`]. The number of appended entries is the same for all nodes.
    fn index_key(&mut self, _context: Context<'_>, _node: NodeId, _key: &mut Vec<i64>) {}

    /// NormalizeScore: brings the raw scores into 0…100.
    fn normalize_score(&mut self, _context: Context<'_>, _targets: Targets<'_>, _column: &mut Column) {}

    /// Reserve: the node is chosen; a failure takes everything back.
    fn reserve(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
        Status::SUCCESS
    }

    /// Unreserve: takes back what [`Plugin::reserve`] did. Called in reverse order.
    fn unreserve(&mut self, _context: Context<'_>, _node: NodeId) {}

    /// Permit: may refuse, or ask to wait.
    fn permit(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
        Status::SUCCESS
    }

    /// PreBind: what must be done before the pod is bound.
    fn pre_bind(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
        Status::SUCCESS
    }

    /// Bind: Skip leaves it to the next plugin, at last to the write of the binding.
    fn bind(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
        Status::SKIP
    }

    /// PostBind: told that the pod is bound.
    fn post_bind(&mut self, _context: Context<'_>, _node: NodeId) {}

    /// The events that may make a pod schedulable which this plugin has rejected.
    fn registrations(&self) -> &'static [Registration] {
        &[]
    }

    /// The queueing hint: whether the change may help pods of this class. Asked only for changes
    /// that one of the registrations matches.
    fn hint(&mut self, _context: Context<'_>, _change: &Change<'_>) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(raw: &[i64], reverse: bool) -> Vec<i64> {
        let rows: Vec<u32> = (0..raw.len() as u32).collect();
        let mut column = Column { same: None, values: raw.to_vec() };
        column.normalize(Targets::Listed(&rows), reverse);
        column.values
    }

    #[test]
    fn golden_normalisation() {
        assert_eq!(normalized(&[2, 1, 0], true), [0, 50, 100]);
        assert_eq!(normalized(&[0, 0], true), [100, 100]);
        assert_eq!(normalized(&[5, 0, 3], false), [100, 0, 60]);
        assert_eq!(normalized(&[0, 0], false), [0, 0]);
    }

    #[test]
    fn equal_scores_normalise_as_a_column_of_them_would() {
        for (raw, reverse) in [(0, true), (0, false), (7, true), (7, false)] {
            let mut column = Column::default();
            column.set_same(raw);
            column.normalize(Targets::Listed(&[0, 1]), reverse);
            assert_eq!(column.at(0), normalized(&[raw, raw], reverse)[0]);
        }
    }

    #[test]
    fn rows_outside_the_targets_do_not_count() {
        let mut set = BitSet::new(3);
        set.insert(0);
        set.insert(2);
        let mut column = Column { same: None, values: vec![1, 1000, 4] };
        column.normalize(Targets::Rows(&set), false);
        assert_eq!([column.at(0), column.at(2)], [25, 100]);
    }
}
