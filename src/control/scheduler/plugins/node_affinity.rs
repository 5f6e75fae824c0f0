//! NodeAffinity: node selectors and node affinity, required and preferred.
//!
//! What depends on a node's shared labels is evaluated once for each class of nodes. Requirements
//! on the host name or on `metadata.name` escape that and are evaluated node by node.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go and
//! component-helpers/scheduling/corev1/nodeaffinity (reference kube-scheduler §3.2, §12).

use super::{ByClass, ByNodeClass, StaticColumn, StaticSet};
use crate::api::{self, NodeSelector, NodeSelectorTerm, Operator, PreferredTerm, Requirement};
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Interner, Map, Symbol};
use crate::cluster::nodes::HOSTNAME_KEY;
use crate::cluster::{Cluster, NodeClass, PodClass};
use crate::control::config::PluginArgs;
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{
    Cause, Code, Column, Context, Plugin, PreFiltered, Reach, Status, Tally, Targets,
};
use std::sync::Arc;

/// The reason given.
const REASON: Cause = Cause::Text("node(s) didn't match Pod's node affinity/selector");
/// The reason given where it is not the pod's own affinity that does not match.
const ENFORCED: Cause = Cause::Text("node(s) didn't match scheduler-enforced node affinity");
/// The only field that can be matched.
const NAME_FIELD: &str = "metadata.name";

/// What a term looks at on one node.
#[derive(Clone, Copy)]
struct Facts<'a> {
    names: &'a Interner,
    class: &'a NodeClass,
    hostname: Symbol,
    name: Symbol,
}

impl<'a> Facts<'a> {
    fn of(cluster: &'a Cluster, row: usize) -> Facts<'a> {
        let nodes = &cluster.nodes;
        Facts {
            names: &cluster.names,
            class: nodes.node_class(nodes.class[row]),
            hostname: nodes.hostname[row],
            name: nodes.name[row],
        }
    }
}

/// Where a requirement finds its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    Label(Symbol),
    HostName,
    NodeName,
    /// A field that is never filled in.
    EmptyField,
}

/// A requirement with its key interned; its values too, where they are compared as a whole.
#[derive(Debug)]
struct Compiled {
    subject: Subject,
    values: Vec<Symbol>,
    written: Requirement,
}

impl Compiled {
    fn new(names: &mut Interner, written: &Requirement, field: bool) -> Compiled {
        let subject = match (field, written.key.as_str()) {
            (true, NAME_FIELD) => Subject::NodeName,
            (true, _) => Subject::EmptyField,
            (false, HOSTNAME_KEY) => Subject::HostName,
            (false, key) => Subject::Label(names.intern(key)),
        };
        let values = written.values.iter().map(|value| names.intern(value)).collect();
        Compiled { subject, values, written: written.clone() }
    }

    fn holds(&self, facts: Facts<'_>) -> bool {
        let value = match self.subject {
            Subject::Label(key) => facts.class.label(key),
            Subject::HostName => Some(facts.hostname).filter(|&host| host != Symbol::EMPTY),
            Subject::NodeName => Some(facts.name),
            Subject::EmptyField => Some(Symbol::EMPTY),
        };
        match self.written.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(&value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(&value)),
            _ => self.written.matches_value(value.map(|value| facts.names.text(value))),
        }
    }
}

/// One term of a node selector.
#[derive(Debug, Default)]
struct Term {
    requirements: Vec<Compiled>,
    /// Whether it can be built at all; if not, it matches nothing.
    broken: bool,
}

impl Term {
    /// `None` for a term without requirements, which is dropped.
    fn new(names: &mut Interner, term: &NodeSelectorTerm) -> Option<Term> {
        if term.match_expressions.is_empty() && term.match_fields.is_empty() {
            return None;
        }
        let field_is_valid = |field: &Requirement| {
            matches!(field.operator, Operator::In | Operator::NotIn) && field.values.len() == 1
        };
        let broken = !term.match_expressions.iter().all(Requirement::is_valid)
            || !term.match_fields.iter().all(field_is_valid);
        let mut requirements: Vec<Compiled> =
            term.match_expressions.iter().map(|written| Compiled::new(names, written, false)).collect();
        requirements.extend(term.match_fields.iter().map(|written| Compiled::new(names, written, true)));
        Some(Term { requirements, broken })
    }

    fn matches(&self, facts: Facts<'_>) -> bool {
        !self.broken && self.requirements.iter().all(|requirement| requirement.holds(facts))
    }

    /// Whether it looks at what is different on every node.
    fn escapes(&self) -> bool {
        let own =
            |requirement: &Compiled| matches!(requirement.subject, Subject::HostName | Subject::NodeName);
        self.requirements.iter().any(own)
    }
}

/// A node selector map with a required node affinity, and what follows for the nodes.
#[derive(Debug, Default)]
pub(super) struct Required {
    selector: Term,
    terms: Option<Vec<Term>>,
    escapes: bool,
    by_class: ByNodeClass<bool>,
    set: StaticSet,
}

impl Required {
    pub(super) fn new(
        names: &mut Interner,
        selector: &[(String, String)],
        affinity: Option<&NodeSelector>,
    ) -> Required {
        let pair = |(key, value): &(String, String)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: vec![value.clone()],
        };
        let requirements = selector.iter().map(|entry| Compiled::new(names, &pair(entry), false)).collect();
        let selector = Term { requirements, broken: false };
        let terms: Option<Vec<Term>> =
            affinity.map(|list| list.terms.iter().filter_map(|term| Term::new(names, term)).collect());
        let escapes = selector.escapes() || terms.iter().flatten().any(Term::escapes);
        Required { selector, terms, escapes, ..Required::default() }
    }

    fn matches(&self, facts: Facts<'_>) -> bool {
        matches(&self.selector, self.terms.as_deref(), facts)
    }

    /// The rows that match.
    pub(super) fn rows(&mut self, cluster: &Cluster) -> &BitSet {
        let Required { selector, terms, escapes, by_class, set } = self;
        let test = |row| matches(selector, terms.as_deref(), Facts::of(cluster, row));
        set.get(&cluster.nodes, |row| {
            if *escapes { test(row) } else { by_class.of_row(cluster, row, |_| test(row)) }
        })
    }
}

fn matches(selector: &Term, terms: Option<&[Term]>, facts: Facts<'_>) -> bool {
    selector.matches(facts) && terms.is_none_or(|terms| terms.iter().any(|term| term.matches(facts)))
}

/// A list of preferred terms, and the raw scores that follow.
#[derive(Debug, Default)]
struct Preferred {
    terms: Vec<(i64, Term)>,
    broken: bool,
    escapes: bool,
    by_class: ByNodeClass<i64>,
    column: StaticColumn,
}

impl Preferred {
    fn new(names: &mut Interner, list: &[PreferredTerm]) -> Preferred {
        let wishes = list.iter().filter(|wish| wish.weight != 0);
        let terms: Vec<(i64, Term)> = wishes
            .filter_map(|wish| Some((i64::from(wish.weight), Term::new(names, &wish.preference)?)))
            .collect();
        let broken = terms.iter().any(|(_, term)| term.broken);
        let escapes = terms.iter().any(|(_, term)| term.escapes());
        Preferred { terms, broken, escapes, ..Preferred::default() }
    }

    fn refresh(&mut self, cluster: &Cluster) -> &StaticColumn {
        let Preferred { terms, escapes, by_class, column, .. } = self;
        let sum = |row| {
            let facts = Facts::of(cluster, row);
            let met = terms.iter().filter(|(_, term)| term.matches(facts));
            met.map(|(weight, _)| weight).sum::<i64>()
        };
        column.refresh(&cluster.nodes, |row| {
            if *escapes { sum(row) } else { by_class.of_row(cluster, row, |_| sum(row)) }
        });
        column
    }
}

/// What is known of a pod class.
#[derive(Debug)]
struct ForClass {
    /// Whether there is anything required; otherwise the filter is skipped.
    filters: bool,
    required: u32,
    /// The names that PreFilter restricts the search to.
    names: Option<Arc<[Symbol]>>,
    /// The preferred terms; `None` if the pod has no list of them.
    preferred: Option<u32>,
}

/// A node selector map with a required affinity, as written.
pub(super) type RequiredKey = (Vec<(String, String)>, Option<NodeSelector>);

/// The plugin: answers by requirement, which many classes share.
#[derive(Debug, Default)]
pub(crate) struct NodeAffinity {
    classes: ByClass<ForClass>,
    required_ids: Map<RequiredKey, u32>,
    required: Vec<Required>,
    preferred_ids: Map<Vec<PreferredTerm>, u32>,
    preferred: Vec<Preferred>,
    added: Added,
}

/// What every pod of the profile is bound to in addition to its own affinity.
#[derive(Debug, Default)]
struct Added {
    /// As written, until the first class is compiled.
    written: Option<api::NodeAffinity>,
    required: Option<Required>,
    preferred: Option<Preferred>,
    column: Column,
}

impl Added {
    fn compile(&mut self, names: &mut Interner) {
        let Some(written) = self.written.take() else { return };
        self.required = written.required.map(|required| Required::new(names, &[], Some(&required)));
        let wishes = &written.preferred;
        self.preferred = (!wishes.is_empty()).then(|| Preferred::new(names, wishes));
    }

    fn matches(&self, facts: Facts<'_>) -> bool {
        self.required.as_ref().is_none_or(|required| required.matches(facts))
    }

    /// Adds the scores to those in `column`.
    fn score(&mut self, cluster: &Cluster, targets: Targets<'_>, column: &mut Column) {
        let Some(preferred) = &mut self.preferred else { return };
        preferred.refresh(cluster).fill(targets, &mut self.column);
        match (column.same, self.column.same) {
            (Some(own), Some(added)) => column.set_same(own + added),
            (Some(own), None) => {
                let out = column.open(targets.len());
                out.iter_mut().zip(&self.column.values).for_each(|(score, added)| *score = own + added);
            }
            (None, _) => {
                let added = &self.column;
                let scores = column.values.iter_mut().enumerate();
                scores.for_each(|(place, score)| *score += added.at(place));
            }
        }
    }
}

impl NodeAffinity {
    pub(crate) fn new(args: &PluginArgs) -> NodeAffinity {
        let added = Added { written: args.added_affinity.clone(), ..Added::default() };
        NodeAffinity { added, ..NodeAffinity::default() }
    }

    fn required(&mut self, class: ClassId) -> &mut Required {
        &mut self.required[self.classes.get(class).required as usize]
    }

    fn required_id(&mut self, names: &mut Interner, pod: &PodClass) -> u32 {
        let spec = &pod.template.spec;
        let affinity = spec.affinity.node.as_ref().and_then(|node| node.required.as_ref());
        let next = self.required.len() as u32;
        let id = *self.required_ids.entry((spec.node_selector.clone(), affinity.cloned())).or_insert(next);
        if id == next {
            self.required.push(Required::new(names, &spec.node_selector, affinity));
        }
        id
    }

    fn preferred_id(&mut self, names: &mut Interner, list: &[PreferredTerm]) -> u32 {
        let next = self.preferred.len() as u32;
        let id = *self.preferred_ids.entry(list.to_vec()).or_insert(next);
        if id == next {
            self.preferred.push(Preferred::new(names, list));
        }
        id
    }
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Static
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        self.added.compile(&mut cluster.names);
        let (names, pod) = (&mut cluster.names, &cluster.classes[class]);
        let spec = &pod.template.spec;
        let node = spec.affinity.node.as_ref();
        let affinity = node.and_then(|node| node.required.as_ref());
        let preferred = node.map_or(&[][..], |node| &node.preferred);
        let compiled = ForClass {
            filters: affinity.is_some() || !spec.node_selector.is_empty(),
            required: self.required_id(names, pod),
            names: affinity.and_then(|affinity| name_set(names, affinity)),
            preferred: (!preferred.is_empty()).then(|| self.preferred_id(names, preferred)),
        };
        self.classes.set(class, compiled);
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        let class = self.classes.get(context.class);
        if !class.filters && self.added.required.is_none() {
            return PreFiltered::SKIP;
        }
        let mut status = Status::SUCCESS;
        if class.names.as_ref().is_some_and(|names| names.is_empty()) {
            status.code = Code::UnschedulableAndUnresolvable;
            "pod affinity terms conflict".clone_into(&mut status.message);
        }
        PreFiltered { status, names: class.names.clone() }
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        let class = self.classes.get(context.class);
        let required = &mut self.required[class.required as usize];
        if class.names.is_some() {
            // A handful of candidates (a DaemonSet's pod has one): no table of all nodes for them.
            for row in 0..nodes.len() {
                let facts = || Facts::of(context.cluster, row);
                if nodes.contains(row) && !(required.matches(facts()) && self.added.matches(facts())) {
                    nodes.remove(row);
                }
            }
            return;
        }
        if let Some(added) = &mut self.added.required {
            nodes.and(added.rows(context.cluster));
        }
        nodes.and(required.rows(context.cluster));
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let facts = Facts::of(context.cluster, node.index());
        if !self.added.matches(facts) {
            causes.push(ENFORCED);
        } else if self.required(context.class).matches(facts) {
            return Code::Success;
        } else {
            causes.push(REASON);
        }
        Code::UnschedulableAndUnresolvable
    }

    fn tally(&mut self, context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        let added = &self.added;
        let enforced = failed.iter().filter(|&row| !added.matches(Facts::of(context.cluster, row)));
        let enforced = if added.required.is_some() { enforced.count() } else { 0 };
        tally.add(ENFORCED, enforced);
        tally.add(REASON, failed.count() - enforced);
    }

    fn pre_score(&mut self, context: Context<'_>, _targets: Targets<'_>) -> Status {
        let Some(id) = self.classes.get(context.class).preferred else {
            return if self.added.preferred.is_some() { Status::SUCCESS } else { Status::SKIP };
        };
        if self.preferred[id as usize].broken {
            let message = "parsing preferred node affinity terms".to_owned();
            return Status { code: Code::Error, message };
        }
        Status::SUCCESS
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        match self.classes.get(context.class).preferred {
            Some(id) => self.preferred[id as usize].refresh(context.cluster).fill(targets, column),
            None => column.set_same(0),
        }
        self.added.score(context.cluster, targets, column);
    }

    fn normalize_score(&mut self, _context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        column.normalize(targets, false);
    }

    fn registrations(&self) -> &'static [Registration] {
        &[Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeLabel] }]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        let Change::Node { node, before, after, .. } = *change else { return true };
        let required = &self.required[self.classes.get(context.class).required as usize];
        let nodes = &context.cluster.nodes;
        let facts = |class, hostname| {
            let (names, name) = (&context.cluster.names, nodes.name[node.index()]);
            Facts { names, class: nodes.node_class(class), hostname, name }
        };
        // Whether it matched the added affinity before is not looked at.
        let now = facts(after.class, after.hostname);
        self.added.matches(now)
            && required.matches(now)
            && before.is_none_or(|before| !required.matches(facts(before.class, before.hostname)))
    }
}

/// The names that the terms restrict the search to: for each term what all its `metadata.name In`
/// requirements allow, over all terms together. `None` if some term names none.
fn name_set(names: &mut Interner, affinity: &NodeSelector) -> Option<Arc<[Symbol]>> {
    let mut union: Vec<Symbol> = Vec::new();
    for term in &affinity.terms {
        let mut allowed: Option<Vec<Symbol>> = None;
        let lists = |field: &&Requirement| field.key == NAME_FIELD && field.operator == Operator::In;
        for field in term.match_fields.iter().filter(lists) {
            let listed: Vec<Symbol> = field.values.iter().map(|value| names.intern(value)).collect();
            allowed = Some(match allowed {
                None => listed,
                Some(earlier) => earlier.into_iter().filter(|name| listed.contains(name)).collect(),
            });
        }
        union.extend(allowed?);
    }
    union.sort_unstable();
    union.dedup();
    (!affinity.terms.is_empty()).then(|| union.into())
}
