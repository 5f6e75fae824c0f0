//! Which changes may help a pod that was rejected.
//!
//! Namespace selectors are not expanded here and are asked about no labels at all, as in the
//! original.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/interpodaffinity/plugin.go (reference
//! kube-scheduler §10.5 and its 1.36 companion).

use super::axes::Axis;
use super::terms::{Kind, Term, Terms};
use crate::base::Symbol;
use crate::cluster::Cluster;
use crate::cluster::nodes::HOSTNAME_KEY;
use crate::control::config::Version;
use crate::control::scheduler::events::{Action, NodeFacts};

/// Whether a pod matches every term, and there is one.
fn matches_all(terms: &[Term], pod: &Kind) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(pod, &[]))
}

/// Whether something that happened to an assigned pod `theirs` may help `ours`.
pub(super) fn pod(version: Version, ours: &Kind, theirs: &Kind, action: Action) -> bool {
    match action {
        Action::Add => matches_all(&ours.terms().required, theirs),
        Action::Delete => {
            let freed_theirs = || matches_all(&theirs.terms().required_anti, ours);
            matches_all(&ours.terms().required_anti, theirs)
                || version.compat().wakes_the_kept_away && freed_theirs()
        }
        _ => true,
    }
}

/// Whether it may help `ours` that an assigned pod has become `after`.
pub(super) fn changed_pod(ours: &Kind, before: &Kind, after: &Kind) -> bool {
    let Terms { required, required_anti, .. } = ours.terms();
    !matches_all(required, before) && matches_all(required, after)
        || matches_all(required_anti, before) && !matches_all(required_anti, after)
}

/// Whether a new or changed node may help a pod with these terms.
pub(super) fn node(
    cluster: &Cluster,
    axes: &[Axis],
    terms: &Terms,
    before: Option<&NodeFacts>,
    after: &NodeFacts,
) -> bool {
    let value = |facts: &NodeFacts, key: Symbol| {
        if cluster.names.text(key) == HOSTNAME_KEY {
            return Some(facts.hostname).filter(|&value| value != Symbol::EMPTY);
        }
        cluster.nodes.node_class(facts.class).label(key)
    };
    let values = |term: &Term| {
        let key = axes[term.axis as usize].key();
        (before.map(|before| value(before, key)), value(after, key))
    };
    let joins = |term: &Term| match values(term) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), new) => old != new,
    };
    let leaves = |term: &Term| match values(term) {
        (None, _) => true,
        (Some(old), new) => old.is_some() && old != new,
    };
    terms.required.iter().any(joins) || terms.required_anti.iter().any(leaves)
}
