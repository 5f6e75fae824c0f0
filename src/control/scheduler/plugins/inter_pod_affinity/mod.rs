//! InterPodAffinity: pods that must or would like to be where certain other pods are, or not.
//!
//! Pods of equal namespace, labels and terms are of one *kind*. For each kind that is to be placed
//! the plugin keeps what Kubernetes counts anew for every pod: how many existing pods match what,
//! by domain of each topology. The log of placements says what has changed since the last time.
//! Deletion that has begun does not matter here: such pods count until they are gone.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/interpodaffinity (reference
//! kube-scheduler §15; hints: its 1.36 companion, §10.5).

mod axes;
mod filter;
mod hints;
mod score;
mod state;
mod terms;
#[cfg(test)]
mod tests;

use crate::api::pod::PodAffinity;
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Map, Symbol};
use crate::cluster::{Cluster, Selectors};
pub(crate) use crate::control::config::InterPodArgs;
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{
    Cause, Code, Column, Context, Plugin, PreFiltered, Reach, Status, Targets,
};
use axes::{Axes, NO_DOMAIN};
use state::{MASK_BITS, State, World};
use terms::{Contribution, Count, Kind, contributions};

/// The most kinds whose counts are kept.
const STATES: usize = 256;
/// The most links that they may have together, about.
const LINKS: usize = 1 << 22;
/// No counts are kept.
const NO_SLOT: u32 = u32::MAX;

/// What makes the kind of a pod.
type KindKey = (Symbol, Vec<(Symbol, Symbol)>, Option<PodAffinity>, Option<PodAffinity>);

/// What is known of a kind that is to be placed.
#[derive(Clone, Copy, Debug)]
struct Concern {
    slot: u32,
    /// Up to which place in the list of kinds with terms it is known whether they matter.
    seen: u32,
    namespaces: u64,
    matters: bool,
}

/// Namespaces with their labels, as they were last seen.
#[derive(Debug, Default)]
struct Namespaces {
    seen_at: u64,
    known: Vec<(Symbol, Vec<(Symbol, Symbol)>)>,
    changes: u64,
}

impl Namespaces {
    /// Looks whether some namespace has changed; other changes of `selectors` do not matter.
    fn refresh(&mut self, selectors: &Selectors) {
        if self.seen_at == selectors.change_count() {
            return;
        }
        self.seen_at = selectors.change_count();
        let known = self.known.iter().map(|(name, labels)| (*name, labels.as_slice()));
        if !selectors.namespaces().eq(known) {
            self.known = selectors.namespaces().map(|(name, labels)| (name, labels.to_vec())).collect();
            self.changes += 1;
        }
    }
}

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct InterPodAffinity {
    args: InterPodArgs,
    kind_of: Vec<u32>,
    kind_ids: Map<KindKey, u32>,
    kinds: Vec<Kind>,
    /// The kinds with terms.
    carriers: Vec<u32>,
    concerns: Vec<Concern>,
    axes: Axes,
    namespaces: Namespaces,
    states: Vec<State>,
    uses: u64,
    /// The topologies that index keys of each class were last made from; 0 for none.
    told: Vec<u64>,
    scratch: Vec<Contribution>,
}

impl InterPodAffinity {
    /// The plugin with its arguments.
    pub(crate) fn new(args: InterPodArgs) -> InterPodAffinity {
        InterPodAffinity { args, ..InterPodAffinity::default() }
    }

    fn kind(&self, class: ClassId) -> &Kind {
        &self.kinds[self.kind_of[class.index()] as usize]
    }

    /// What counts are made from, beside the counts.
    fn world<'a>(&'a mut self, cluster: &'a Cluster) -> (World<'a>, &'a mut [State]) {
        let world = World {
            cluster,
            args: self.args,
            kinds: &self.kinds,
            carriers: &self.carriers,
            kind_of: &self.kind_of,
            axes: self.axes.list(),
            moves: self.axes.moves(),
            namespaces: self.namespaces.changes,
        };
        (world, &mut self.states)
    }

    /// Whether pods of a class have terms, or pods exist or may come to exist whose terms match them.
    fn matters(&mut self, context: Context<'_>) -> bool {
        self.namespaces.refresh(&context.cluster.selectors);
        let number = self.kind_of[context.class.index()] as usize;
        let (kind, concern) = (&self.kinds[number], &mut self.concerns[number]);
        if kind.has_terms() {
            return true;
        }
        if concern.namespaces != self.namespaces.changes {
            concern.namespaces = self.namespaces.changes;
            (concern.seen, concern.matters) = (0, false);
        }
        while !concern.matters && (concern.seen as usize) < self.carriers.len() {
            let carrier = &self.kinds[self.carriers[concern.seen as usize] as usize];
            contributions(self.args, context.cluster, kind, carrier, &mut self.scratch);
            concern.matters = !self.scratch.is_empty();
            concern.seen += 1;
        }
        concern.matters
    }

    /// Brings the counts of a class up to date; `None` if it has none.
    fn bring_up(&mut self, context: Context<'_>) -> Option<&State> {
        if !self.matters(context) {
            return None;
        }
        self.axes.refresh(context.cluster);
        let slot = self.slot(self.kind_of[context.class.index()]);
        let (world, states) = self.world(context.cluster);
        states[slot].bring_up(&world);
        Some(&self.states[slot])
    }

    /// The place of the counts of a kind; those that were unused for longest make room.
    fn slot(&mut self, kind: u32) -> usize {
        self.uses += 1;
        let mut slot = self.concerns[kind as usize].slot as usize;
        if slot == NO_SLOT as usize {
            let most = (LINKS / self.kinds.len()).clamp(8, STATES);
            slot = self.states.len();
            if slot < most {
                self.states.push(State::new(kind));
            } else {
                slot = (0..slot).min_by_key(|&slot| self.states[slot].last_used).unwrap_or(0);
                self.concerns[self.states[slot].kind as usize].slot = NO_SLOT;
                self.states[slot] = State::new(kind);
            }
            self.concerns[kind as usize].slot = slot as u32;
        }
        self.states[slot].last_used = self.uses;
        slot
    }

    /// The counts of a class as they were last brought up to date.
    fn state(&self, class: ClassId) -> Option<&State> {
        let concern = &self.concerns[self.kind_of[class.index()] as usize];
        let matters = concern.matters || self.kind(class).has_terms();
        self.states.get(concern.slot as usize).filter(|_| matters)
    }

    /// A pod more or less, in a dry run.
    fn shift(&mut self, context: Context<'_>, other: ClassId, node: NodeId, sign: i64) {
        let slot = self.concerns[self.kind_of[context.class.index()] as usize].slot as usize;
        let (world, states) = self.world(context.cluster);
        if let Some(state) = states.get_mut(slot) {
            state.shift(&world, other, node.index(), sign);
        }
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let pod = &cluster.classes[class];
        let template = pod.template.clone();
        let (affinity, namespace) = (&template.spec.affinity, pod.namespace);
        let key = (namespace, pod.labels.clone(), affinity.pod.clone(), affinity.pod_anti.clone());
        let labels = pod.labels.clone();
        let next = self.kinds.len() as u32;
        let number = *self.kind_ids.entry(key).or_insert(next);
        if number == next {
            let kind = Kind::new(&mut cluster.names, &mut self.axes, namespace, labels, affinity);
            if kind.has_terms() {
                self.carriers.push(number);
            }
            self.kinds.push(kind);
            self.concerns.push(Concern { slot: NO_SLOT, seen: 0, namespaces: 0, matters: false });
        }
        if self.kind_of.len() <= class.index() {
            self.kind_of.resize(class.index() + 1, u32::MAX);
            self.told.resize(class.index() + 1, 0);
        }
        self.kind_of[class.index()] = number;
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        let error = &self.kind(context.class).terms().error;
        if !error.is_empty() {
            let message = format!("parsing pod: {error}");
            let status = Status { code: Code::UnschedulableAndUnresolvable, message };
            return PreFiltered { status, names: None };
        }
        let Some(state) = self.bring_up(context) else { return PreFiltered::SKIP };
        let nobody_minds = state.is_empty(Count::Existing);
        let terms = self.kind(context.class).terms();
        if nobody_minds && terms.required.is_empty() && terms.required_anti.is_empty() {
            return PreFiltered::SKIP;
        }
        PreFiltered::SUCCESS
    }

    fn add_pod(&mut self, context: Context<'_>, other: ClassId, node: NodeId) {
        self.shift(context, other, node, 1);
    }

    fn remove_pod(&mut self, context: Context<'_>, other: ClassId, node: NodeId) {
        self.shift(context, other, node, -1);
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        if let Some(state) = self.state(context.class) {
            filter::filter(state, self.axes.list(), nodes);
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let state = self.state(context.class);
        let verdict = state.and_then(|state| filter::verdict(state, self.axes.list(), node.index()));
        let Some((cause, code)) = verdict else { return Code::Success };
        causes.push(cause);
        code
    }

    fn pre_score(&mut self, context: Context<'_>, _targets: Targets<'_>) -> Status {
        let wishes = !self.kind(context.class).terms().preferred.is_empty();
        if self.args.ignore_preferred_terms_of_existing_pods && !wishes {
            return Status::SKIP;
        }
        match self.bring_up(context) {
            // Entries that cancel out are entries.
            Some(state) if state.created > 0 => Status::SUCCESS,
            _ => Status::SKIP,
        }
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        match self.state(context.class) {
            Some(state) => score::fill(state, self.axes.list(), targets, column),
            None => column.set_same(0),
        }
    }

    fn normalize_score(&mut self, _context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        score::normalize(targets, column);
    }

    /// Cluster is also the answer when pods with terms have appeared that speak of a topology which
    /// index keys of this class did not hold: those keys are void. The next answer is Topology.
    fn reach(&mut self, context: Context<'_>) -> Reach {
        let mask = self.bring_up(context).map_or(0, |state| state.mask);
        let told = std::mem::replace(&mut self.told[context.class.index()], mask);
        match mask {
            0 => Reach::Static,
            _ if mask >> MASK_BITS != 0 || told != 0 && told != mask => Reach::Cluster,
            _ => Reach::Topology,
        }
    }

    fn index_key(&mut self, context: Context<'_>, node: NodeId, key: &mut Vec<i64>) {
        let Some(state) = self.state(context.class) else { return };
        let mut left = state.mask;
        while left != 0 {
            let number = left.trailing_zeros();
            left &= left - 1;
            let axis = &self.axes.list()[number as usize];
            let domain = axis.domains[node.index()];
            if !axis.is_unique() {
                key.push(if domain == NO_DOMAIN { -1 } else { i64::from(domain) });
                continue;
            }
            let sum = |count| {
                let table = state.of(count).find(|table| table.axis == number);
                table.map_or(0, |table| table.at(domain))
            };
            let flags = [Count::Existing, Count::Affinity, Count::Anti].map(|count| sum(count) > 0);
            let all = flags.into_iter().chain([domain != NO_DOMAIN]);
            key.push(all.fold(0, |bits, flag| bits << 1 | i64::from(flag)));
            key.push(sum(Count::Score));
        }
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration {
                resource: Resource::Pod,
                actions: &[Action::Add, Action::UpdatePodLabel, Action::Delete],
            },
            Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeLabel] },
        ]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        match change {
            Change::Pod { class, before, action } => {
                let (ours, theirs) = (self.kind(context.class), self.kind(*class));
                match before {
                    Some(before) => hints::changed_pod(ours, self.kind(*before), theirs),
                    None => hints::pod(context.version, ours, theirs, *action),
                }
            }
            Change::Node { before, after, .. } => {
                let terms = self.kind(context.class).terms();
                hints::node(context.cluster, self.axes.list(), terms, *before, after)
            }
        }
    }
}
