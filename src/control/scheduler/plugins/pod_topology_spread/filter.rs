//! Hard constraints: which nodes would make the pods too uneven.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/podtopologyspread/filtering.go
//! (reference kube-scheduler §14.2, §28.5).

use super::super::topology::NONE;
use super::tables::Tables;
use crate::base::BitSet;
use crate::cluster::Selector;
use crate::control::scheduler::framework::{Cause, Code};

/// The reason given where the pods would be too uneven.
pub(super) const TOO_UNEVEN: Cause = Cause::Text("node(s) didn't match pod topology spread constraints");
/// The reason given where the node is in no domain.
pub(super) const NO_LABEL: Cause =
    Cause::Text("node(s) didn't match pod topology spread constraints (missing required label)");

/// A hard constraint, tied to the tables.
#[derive(Debug)]
pub(super) struct Hard {
    pub(super) topology: u32,
    pub(super) domains: u32,
    pub(super) max_skew: i64,
    pub(super) min_domains: i64,
    /// Whether the selector finds the pod itself, as a number.
    pub(super) own: i64,
    pub(super) selector: Selector,
}

impl Hard {
    /// The most pods that a domain may have for the pod to be placed there.
    fn limit(&self, tables: &Tables) -> i64 {
        self.max_skew - self.own + tables.domains_at(self.domains).minimum(self.min_domains)
    }
}

/// Takes the nodes out that fail some constraint.
pub(super) fn filter(constraints: &[Hard], tables: &Tables, nodes: &mut BitSet) {
    for constraint in constraints {
        let limit = constraint.limit(tables);
        let topology = tables.topology_at(constraint.topology);
        let counts = tables.domains_at(constraint.domains).by_domain();
        if topology.is_complete() && counts.iter().all(|&count| count <= limit) {
            continue;
        }
        let column = topology.column();
        for (position, word) in nodes.words_mut().iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left ^= bit;
                let domain = column[position * 64 + bit.trailing_zeros() as usize];
                // No table has so many domains that the mark of a missing label is one.
                if counts.get(domain as usize).is_none_or(|&count| count > limit) {
                    *word ^= bit;
                }
            }
        }
    }
}

/// What the first constraint says that a node fails.
pub(super) fn status(constraints: &[Hard], tables: &Tables, row: usize) -> (Code, Option<Cause>) {
    for constraint in constraints {
        let domain = tables.topology_at(constraint.topology).column()[row];
        if domain == NONE {
            return (Code::UnschedulableAndUnresolvable, Some(NO_LABEL));
        }
        let counts = tables.domains_at(constraint.domains).by_domain();
        if counts[domain as usize] > constraint.limit(tables) {
            return (Code::Unschedulable, Some(TOO_UNEVEN));
        }
    }
    (Code::Success, None)
}
