//! What the counts say of a node: whether it passes, and why not.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/interpodaffinity/filtering.go
//! (reference kube-scheduler §15.2, §28.6).

use super::axes::{Axis, NO_DOMAIN};
use super::state::{State, Table};
use super::terms::Count;
use crate::base::BitSet;
use crate::control::scheduler::framework::{Cause, Code};

const AFFINITY: Cause = Cause::Text("node(s) didn't match pod affinity rules");
const ANTI: Cause = Cause::Text("node(s) didn't match pod anti-affinity rules");
const EXISTING: Cause = Cause::Text("node(s) didn't satisfy existing pods anti-affinity rules");

/// Whether a domain fails by the count of one topology. Terms of affinity need the label; the first
/// pod of a group that wants to be together may go wherever the label is.
fn fails(table: &Table, domain: u32, is_first: bool) -> bool {
    match table.count {
        Count::Affinity => domain == NO_DOMAIN || !is_first && table.at(domain) <= 0,
        Count::Anti | Count::Existing => table.at(domain) > 0,
        Count::Score => false,
    }
}

/// Whether no pod matches the affinity terms but the pod itself.
fn is_first(state: &State) -> bool {
    state.matches_own_terms && state.is_empty(Count::Affinity)
}

/// Takes out the rows that fail.
pub(super) fn filter(state: &State, axes: &[Axis], nodes: &mut BitSet) {
    let is_first = is_first(state);
    let matters = |table: &&Table| match table.count {
        Count::Affinity => true,
        Count::Anti | Count::Existing => table.nonzero > 0,
        Count::Score => false,
    };
    for table in state.tables.iter().filter(matters) {
        let axis = &axes[table.axis as usize];
        if axis.is_by_row && table.count != Count::Affinity {
            remove_above_zero(table.sums(), nodes);
            continue;
        }
        let domains = &axis.domains;
        for (word, domains) in nodes.words_mut().iter_mut().zip(domains.chunks(64)) {
            let mut left = *word;
            while left != 0 {
                let lane = left.trailing_zeros();
                left &= left - 1;
                *word &= !(u64::from(fails(table, domains[lane as usize], is_first)) << lane);
            }
        }
    }
}

/// Takes out the rows with a count. Without a look at the set first: it vectorises.
fn remove_above_zero(by_row: &[i64], nodes: &mut BitSet) {
    for (word, sums) in nodes.words_mut().iter_mut().zip(by_row.chunks(64)) {
        let mut above = 0;
        for (lane, &sum) in sums.iter().enumerate() {
            above |= u64::from(sum > 0) << lane;
        }
        *word &= !above;
    }
}

/// The verdict on one row, with the first rule that it breaks.
pub(super) fn verdict(state: &State, axes: &[Axis], row: usize) -> Option<(Cause, Code)> {
    let is_first = is_first(state);
    let rules = [
        (Count::Affinity, AFFINITY, Code::UnschedulableAndUnresolvable),
        (Count::Anti, ANTI, Code::Unschedulable),
        (Count::Existing, EXISTING, Code::Unschedulable),
    ];
    let broken = rules.into_iter().find(|(count, ..)| {
        state.of(*count).any(|table| fails(table, axes[table.axis as usize].domains[row], is_first))
    });
    broken.map(|(_, cause, code)| (cause, code))
}
