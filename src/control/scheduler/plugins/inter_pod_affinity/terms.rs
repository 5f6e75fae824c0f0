//! Terms of pods about other pods, compiled, and what one existing pod contributes to the counts of
//! a pod that is to be placed. Which pods are where is not known here.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/types.go (PodInfo.Update),
//! staging/src/k8s.io/kube-scheduler/framework/types.go (AffinityTerm.Matches) and
//! pkg/scheduler/framework/plugins/interpodaffinity/plugin.go (reference kube-scheduler §15.1).

use super::InterPodArgs;
use super::axes::Axes;
use crate::api::pod::{Affinity, PodAffinity, PodAffinityTerm};
use crate::api::{LabelSelector, Operator, Requirement};
use crate::base::{Interner, Symbol};
use crate::cluster::selector::SymbolLabels;
use crate::cluster::{Cluster, Selector};

/// A term: a set of pods and a topology.
#[derive(Debug)]
pub(super) struct Term {
    /// The topology, by its place in [`Axes`].
    pub(super) axis: u32,
    /// The namespaces listed, or the pod's own.
    namespaces: Vec<Symbol>,
    namespace_selector: Selector,
    labels: Selector,
}

impl Term {
    fn new(names: &mut Interner, axes: &mut Axes, own: Symbol, written: &PodAffinityTerm) -> Term {
        let by_selector = written.namespace_selector.as_ref();
        let namespaces = if written.namespaces.is_empty() && by_selector.is_none() {
            vec![own]
        } else {
            written.namespaces.iter().map(|name| names.intern(name)).collect()
        };
        Term {
            axis: axes.number(names.intern(&written.topology_key)),
            namespaces,
            namespace_selector: Selector::compile(names, by_selector),
            labels: Selector::compile(names, written.label_selector.as_ref()),
        }
    }

    /// Whether the term matches a pod whose namespace has these labels.
    pub(super) fn matches(&self, pod: &Kind, namespace_labels: &SymbolLabels) -> bool {
        let in_namespace =
            self.namespaces.contains(&pod.namespace) || self.namespace_selector.matches(namespace_labels);
        in_namespace && self.labels.matches(&pod.labels)
    }

    /// Whether the term of a pod that is to be placed matches an existing pod. Kubernetes adds the
    /// names of the selected namespaces to the listed ones, but keeps the selector (the merge
    /// changes a copy of the term) and then asks it about no labels at all: a selector that wants
    /// labels to be absent selects every namespace.
    pub(super) fn matches_merged(&self, cluster: &Cluster, pod: &Kind) -> bool {
        self.matches(pod, cluster.selectors.namespace_labels(pod.namespace)) || self.matches(pod, &[])
    }
}

/// The terms of a pod.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// Affinity that must hold.
    pub(super) required: Vec<Term>,
    /// Anti-affinity that must hold.
    pub(super) required_anti: Vec<Term>,
    /// Wishes with their weights; those of anti-affinity are negative.
    pub(super) preferred: Vec<(i64, Term)>,
    /// What keeps some list from being built; such a list is empty. Empty if nothing does.
    pub(super) error: String,
}

/// The terms of pods without any.
static NO_TERMS: Terms =
    Terms { required: Vec::new(), required_anti: Vec::new(), preferred: Vec::new(), error: String::new() };

impl Terms {
    /// Compiles the terms; `None` if there are none.
    fn compile(
        names: &mut Interner,
        axes: &mut Axes,
        namespace: Symbol,
        affinity: &Affinity,
    ) -> Option<Box<Terms>> {
        let mut errors = Vec::new();
        let required = |side: &Option<PodAffinity>| -> Vec<(i64, PodAffinityTerm)> {
            side.iter().flat_map(|side| &side.required).map(|term| (0, term.clone())).collect()
        };
        let preferred = |side: &Option<PodAffinity>, sign: i64| -> Vec<(i64, PodAffinityTerm)> {
            let wishes = side.iter().flat_map(|side| &side.preferred);
            wishes.map(|(weight, term)| (sign * i64::from(*weight), term.clone())).collect()
        };
        let lists = [
            ("requiredAffinityTerms", required(&affinity.pod)),
            ("requiredAntiAffinityTerms", required(&affinity.pod_anti)),
            ("preferredAffinityTerms", preferred(&affinity.pod, 1)),
            ("preferredAntiAffinityTerms", preferred(&affinity.pod_anti, -1)),
        ];
        if lists.iter().all(|(_, list)| list.is_empty()) {
            return None;
        }
        let [required, required_anti, wishes, anti_wishes] = lists.map(|(name, list)| {
            if let Some(error) = list.iter().find_map(|(_, term)| error_of(term)) {
                errors.push(format!("{name}: {error}"));
                return Vec::new();
            }
            list.iter().map(|(weight, term)| (*weight, Term::new(names, axes, namespace, term))).collect()
        });
        let plain = |list: Vec<(i64, Term)>| list.into_iter().map(|(_, term)| term).collect();
        let error = match errors.len() {
            0 | 1 => errors.concat(),
            _ => format!("[{}]", errors.join(", ")),
        };
        let preferred = wishes.into_iter().chain(anti_wishes).collect();
        Some(Box::new(Terms {
            required: plain(required),
            required_anti: plain(required_anti),
            preferred,
            error,
        }))
    }
}

/// What keeps a term from being built.
fn error_of(term: &PodAffinityTerm) -> Option<String> {
    term.label_selector.iter().chain(&term.namespace_selector).find_map(selector_error)
}

fn selector_error(selector: &LabelSelector) -> Option<String> {
    let pair = |(key, value): &(String, String)| Requirement {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    };
    let pairs = selector.match_labels.iter().map(pair);
    let all = pairs.chain(selector.match_expressions.iter().cloned());
    let mut errors = all.filter_map(|one| match one.operator {
        Operator::Gt | Operator::Lt => {
            Some(format!("{:?} is not a valid label selector operator", format!("{:?}", one.operator)))
        }
        _ => (!one.is_valid()).then(|| format!("invalid requirement on label {:?}", one.key)),
    });
    errors.next()
}

/// What pods have in common that are alike in the eyes of this plugin.
#[derive(Debug)]
pub(super) struct Kind {
    /// The namespace.
    pub(super) namespace: Symbol,
    /// The labels, sorted by key.
    pub(super) labels: Vec<(Symbol, Symbol)>,
    terms: Option<Box<Terms>>,
}

impl Kind {
    /// The kind of pods with these labels and this affinity.
    pub(super) fn new(
        names: &mut Interner,
        axes: &mut Axes,
        namespace: Symbol,
        labels: Vec<(Symbol, Symbol)>,
        affinity: &Affinity,
    ) -> Kind {
        Kind { namespace, labels, terms: Terms::compile(names, axes, namespace, affinity) }
    }

    /// Whether the pods have terms of their own.
    pub(super) fn has_terms(&self) -> bool {
        self.terms.is_some()
    }

    /// The pods' terms.
    pub(super) fn terms(&self) -> &Terms {
        self.terms.as_deref().unwrap_or(&NO_TERMS)
    }

    /// Whether the pods match each of the terms, and there is one: what the first pod of a group
    /// that wants to be together is asked about itself.
    pub(super) fn matches_own_terms(&self, cluster: &Cluster) -> bool {
        let required = &self.terms().required;
        !required.is_empty() && required.iter().all(|term| term.matches_merged(cluster, self))
    }
}

/// What is counted by domain (reference §15.2, §15.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Count {
    /// Required anti-affinity terms of existing pods that match the pod to be placed.
    Existing,
    /// Existing pods that match all required affinity terms, once for each term.
    Affinity,
    /// Existing pods that match a required anti-affinity term.
    Anti,
    /// The raw score.
    Score,
}

/// What one existing pod adds to a count in its domain of a topology.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Contribution {
    /// To which count.
    pub(super) count: Count,
    /// In which topology, by its place in [`Axes`].
    pub(super) axis: u32,
    /// How much; the sum over several terms may be zero.
    pub(super) amount: i64,
    /// From how many terms.
    pub(super) entries: i64,
}

/// Lists what a pod of kind `existing` contributes for a pod of kind `incoming`.
pub(super) fn contributions(
    args: InterPodArgs,
    cluster: &Cluster,
    incoming: &Kind,
    existing: &Kind,
    out: &mut Vec<Contribution>,
) {
    out.clear();
    let mut add =
        |count, axis, amount| match out.iter_mut().find(|known| (known.count, known.axis) == (count, axis)) {
            Some(known) => {
                known.amount += amount;
                known.entries += 1;
            }
            None => out.push(Contribution { count, axis, amount, entries: 1 }),
        };
    let (ours, theirs) = (incoming.terms(), existing.terms());
    let labels = cluster.selectors.namespace_labels(incoming.namespace);
    for term in theirs.required_anti.iter().filter(|term| term.matches(incoming, labels)) {
        add(Count::Existing, term.axis, 1);
    }
    if ours.required.iter().all(|term| term.matches_merged(cluster, existing)) {
        ours.required.iter().for_each(|term| add(Count::Affinity, term.axis, 1));
    }
    for term in ours.required_anti.iter().filter(|term| term.matches_merged(cluster, existing)) {
        add(Count::Anti, term.axis, 1);
    }
    if args.ignore_preferred_terms_of_existing_pods && ours.preferred.is_empty() {
        return;
    }
    for (weight, term) in ours.preferred.iter().filter(|(_, term)| term.matches_merged(cluster, existing)) {
        add(Count::Score, term.axis, *weight);
    }
    let hard = i64::from(args.hard_pod_affinity_weight);
    if hard > 0 {
        for term in theirs.required.iter().filter(|term| term.matches(incoming, labels)) {
            add(Count::Score, term.axis, hard);
        }
    }
    for (weight, term) in theirs.preferred.iter().filter(|(_, term)| term.matches(incoming, labels)) {
        add(Count::Score, term.axis, *weight);
    }
}
