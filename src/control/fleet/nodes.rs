//! On which node a task is started.

use super::score;
use super::tree::{Query, Tree, Want};
use crate::base::ids::{ClassId, NodeId};
use crate::base::rng::{Purpose, Streams};
use crate::base::{BitSet, Expression};
use crate::cluster::Fleet;
use crate::control::Config;
use crate::control::scheduler::framework::{Code, Context};
use crate::control::scheduler::profile::Profile;
use crate::control::scheduler::{Cycle, Outcome};

/// How a node is chosen among those with room. Nodes are in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub enum NodeChoice {
    /// The first.
    #[default]
    FirstFit,
    /// The one with the least left: the smallest sum, over all resources, of what is free as a share
    /// of the most that any node has; the first of equal ones.
    BestFit,
    /// The one with the most left by the same sum; the first of equal ones.
    WorstFit,
    /// The first behind the one that was chosen last, in a circle.
    RoundRobin,
    /// Any, each equally likely.
    Random,
    /// The one that a scheduler's first profile would choose.
    Scheduler(Box<Config>),
    /// The one with the largest value of an expression of the user's over [`super::SCORE_NAMES`]; the first
    /// of equal ones. Every node is looked at.
    Own(Box<Expression>),
}

/// With more than one change for so many nodes all are looked at.
const FEW: usize = 4;
/// Draws before all nodes with room are counted.
const DRAWS: usize = 16;

/// What chooses nodes, with what it keeps from one choice to the next.
pub(super) struct Nodes {
    choice: NodeChoice,
    streams: Streams,
    tree: Tree,
    /// By class: below which row no node had room, and as of which change.
    full: Vec<(usize, u64)>,
    /// Where a round goes on.
    next: usize,
    cycle: Option<Box<Cycle>>,
    /// The same for questions that place nothing: no later choice depends on them.
    asked: Option<Box<Cycle>>,
    /// The filters that look only at labels and taints.
    judge: Judge,
}

impl Nodes {
    pub(super) fn new(choice: NodeChoice, seed: u64) -> Nodes {
        let cycle = match &choice {
            NodeChoice::Scheduler(config) => Some(Box::new(Cycle::new(config, 0))),
            _ => None,
        };
        let config = match &choice {
            NodeChoice::Scheduler(config) => Config::clone(config),
            _ => Config::default(),
        };
        Nodes {
            choice,
            streams: Streams::new(seed),
            tree: Tree::default(),
            full: Vec::new(),
            next: 0,
            cycle,
            asked: None,
            judge: Judge::new(&config),
        }
    }

    /// The nodes that tasks of a class may be on by their labels and taints; `None` for all.
    pub(super) fn eligible(&mut self, fleet: &mut Fleet, class: ClassId) -> Option<&BitSet> {
        self.judge.eligible(fleet, class)
    }

    /// The node for a task of a class; `None` if none has room. A draw depends on the seed and `key`.
    pub(super) fn choose(&mut self, fleet: &mut Fleet, class: ClassId, key: u64) -> Option<NodeId> {
        if let Some(cycle) = &mut self.cycle {
            let node = cycle.place(&mut fleet.cluster, class, key);
            // A profile without the filter for resources knows no limits; nodes do.
            return node.filter(|node| fleet.fits(class, *node));
        }
        self.judge.learn(fleet, class);
        if matches!(self.choice, NodeChoice::FirstFit) {
            return self.first_fit(fleet, class).map(|row| NodeId(row as u32));
        }
        self.tree.update(fleet);
        let query = Query { fleet, class, eligible: self.judge.known(class) };
        let row = match &self.choice {
            NodeChoice::Own(own) => score::choose(own, query),
            NodeChoice::FirstFit | NodeChoice::Scheduler(_) => self.tree.first_from(query, 0),
            NodeChoice::BestFit => self.tree.best(query, Want::Fullest),
            NodeChoice::WorstFit => self.tree.best(query, Want::Emptiest),
            NodeChoice::RoundRobin => {
                let row = self.tree.first_from(query, self.next);
                row.or_else(|| self.tree.first_from(query, 0).filter(|&row| row < self.next))
            }
            NodeChoice::Random => self.draw(query, key),
        }?;
        self.next = row + 1;
        Some(NodeId(row as u32))
    }

    /// The first node with room. Below the one that was found last for the class there is room only where
    /// something has changed since.
    fn first_fit(&mut self, fleet: &Fleet, class: ClassId) -> Option<usize> {
        let nodes = &fleet.cluster.nodes;
        let query = Query { fleet, class, eligible: self.judge.known(class) };
        if self.full.len() <= class.index() {
            self.full.resize(class.index() + 1, (0, 0));
        }
        let (row, since) = self.full[class.index()];
        let is_few = nodes.change_count() - since <= (nodes.len() / FEW) as u64;
        let changed = nodes.changed_since(since).filter(|_| is_few && row > 0);
        let mut from = 0;
        let mut found = None;
        if let Some(changed) = changed {
            let freed = changed.map(NodeId::index).filter(|&other| other < row && query.fits(other));
            (from, found) = (row, freed.min());
        }
        let found = found.or_else(|| {
            self.tree.update(fleet);
            self.tree.first_from(query, from)
        });
        self.full[class.index()] = (found.unwrap_or(nodes.len()), nodes.change_count());
        found
    }

    /// Any node with room. Draws from all nodes are tried first: the first that has room is any of
    /// those that have it, each equally likely.
    fn draw(&self, query: Query<'_>, key: u64) -> Option<usize> {
        let mut stream = self.streams.stream(Purpose::Tie, key);
        let nodes = query.fleet.cluster.nodes.len() as u64;
        for _ in 0..DRAWS {
            let row = stream.below(nodes) as usize;
            if query.fits(row) {
                return Some(row);
            }
        }
        let next = |from: usize| self.tree.first_from(query, from);
        let all: Vec<usize> = std::iter::successors(next(0), |row| next(row + 1)).collect();
        all.get(stream.below(all.len() as u64) as usize).copied()
    }

    /// Why no node has room, as a scheduler says it; `None` if none is asked.
    pub(super) fn rejection(&mut self, fleet: &mut Fleet, class: ClassId) -> Option<String> {
        let NodeChoice::Scheduler(config) = &self.choice else { return None };
        let cycle = self.asked.get_or_insert_with(|| Box::new(Cycle::new(config, 0)));
        match cycle.evaluate(&mut fleet.cluster, class, 0) {
            Outcome::Rejected(rejection) => Some(rejection.diagnosis.to_string()),
            Outcome::Placed(_) => None,
        }
    }
}

/// Which nodes a class may be on by what is static of them, learnt once for each class. Nodes do not
/// change their labels and taints here.
struct Judge {
    profile: Profile,
    version: crate::control::config::Version,
    /// By class.
    known: Vec<Known>,
}

/// What is known of a class.
#[derive(Clone, Default)]
enum Known {
    #[default]
    Nothing,
    All,
    Some(BitSet),
}

/// The plugins that look at labels and taints alone.
const STATIC: [&str; 3] = ["NodeName", "NodeAffinity", "TaintToleration"];

impl Judge {
    fn new(config: &Config) -> Judge {
        let profile = Profile::new(&config.scheduler.profiles[0], config.version);
        Judge { profile, version: config.version, known: Vec::new() }
    }

    fn eligible(&mut self, fleet: &mut Fleet, class: ClassId) -> Option<&BitSet> {
        self.learn(fleet, class);
        self.known(class)
    }

    fn known(&self, class: ClassId) -> Option<&BitSet> {
        match &self.known[class.index()] {
            Known::Some(nodes) => Some(nodes),
            Known::All | Known::Nothing => None,
        }
    }

    fn learn(&mut self, fleet: &mut Fleet, class: ClassId) {
        if self.known.get(class.index()).is_some_and(|known| !matches!(known, Known::Nothing)) {
            return;
        }
        self.profile.prepare(&mut fleet.cluster);
        let context = Context { cluster: &fleet.cluster, class, pod: None, version: self.version };
        let mut passing = BitSet::new(fleet.cluster.nodes.len());
        passing.fill();
        let all = passing.count();
        for plugin in self.profile.plugins.iter_mut().filter(|plugin| STATIC.contains(&plugin.name())) {
            match plugin.pre_filter(context).status.code {
                Code::Success => plugin.filter(context, &mut passing),
                Code::Skip => {}
                _ => passing.clear(),
            }
        }
        if self.known.len() <= class.index() {
            self.known.resize(class.index() + 1, Known::Nothing);
        }
        let count = passing.count();
        self.known[class.index()] = if count < all { Known::Some(passing) } else { Known::All };
    }
}
