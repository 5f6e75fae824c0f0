//! Soft constraints: the fewer pods are near, the better.
//!
//! A node's raw score is a sum of floats, one for each constraint, in the order of the constraints:
//! the sums are the original's, bit by bit. The sums are made column by column.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/podtopologyspread/scoring.go (reference
//! kube-scheduler §14.3).

use super::super::resources::{float, floor, integer};
use super::super::topology::Topology;
use super::tables::Tables;
use crate::base::{BitSet, Symbol};
use crate::control::scheduler::framework::{Column, MAX_NODE_SCORE, Targets};

/// Sums from here on are rounded one by one.
const BOUND: f64 = 1e15;

/// Where the counts of a soft constraint are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counts {
    /// By host name: a node's own pods, whatever the policies for nodes that count.
    Own(u32),
    /// By domain.
    Domains(u32),
}

/// A soft constraint, tied to the tables.
#[derive(Debug)]
pub(super) struct Soft {
    pub(super) topology: u32,
    pub(super) counts: Counts,
    pub(super) max_skew: i64,
}

/// What is kept between PreScore and NormalizeScore.
#[derive(Debug, Default)]
pub(super) struct Scoring {
    /// The nodes that are scored, if not all are.
    scored: Option<u32>,
    /// By constraint.
    weights: Vec<f64>,
    /// What a node gets of the constraint at work, by domain; at the end for no domain.
    terms: Vec<f64>,
    sums: Vec<f64>,
    seen: Vec<bool>,
}

/// PreScore: the weights that follow from the number of domains.
pub(super) fn prepare(
    state: &mut Scoring,
    constraints: &[Soft],
    scored: Option<u32>,
    tables: &Tables,
    targets: Targets<'_>,
) {
    // Nothing is to be left out where every node has every label.
    let is_complete = |soft: &Soft| tables.topology_at(soft.topology).is_complete();
    state.scored = scored.filter(|_| !constraints.iter().all(is_complete));
    let scored = state.scored.map(|number| tables.eligible_at(number));
    state.weights.clear();
    for soft in constraints {
        let size = match soft.counts {
            Counts::Own(_) => nodes(targets, scored),
            Counts::Domains(_) => {
                domains(tables.topology_at(soft.topology), &mut state.seen, targets, scored)
            }
        };
        state.weights.push(libm::log((size + 2) as f64));
    }
}

/// How many nodes are scored.
fn nodes(targets: Targets<'_>, scored: Option<&BitSet>) -> usize {
    if let (Targets::Rows(set), None) = (targets, scored) {
        return set.count();
    }
    let mut sum = 0;
    each(targets, scored, |place, _| sum += targets.size(place));
    sum
}

/// Visits the targets that are scored.
fn each(targets: Targets<'_>, scored: Option<&BitSet>, mut visit: impl FnMut(usize, usize)) {
    match scored {
        None => targets.each(visit),
        Some(scored) => targets.each(|place, row| {
            if scored.contains(row) {
                visit(place, row);
            }
        }),
    }
}

/// How many domains the scored nodes are in; a missing label stands for the empty value.
fn domains(
    topology: &Topology,
    seen: &mut Vec<bool>,
    targets: Targets<'_>,
    scored: Option<&BitSet>,
) -> usize {
    let (len, column) = (topology.len(), topology.column());
    let missing = topology.of_value(Symbol::EMPTY).unwrap_or(len);
    // There cannot be more; mostly they are met among the first nodes.
    let most = topology.occupied() + usize::from(!topology.is_complete());
    seen.clear();
    seen.resize(len + 1, false);
    let mut found = 0;
    let mut all_are_met = |row: usize| {
        if scored.is_none_or(|scored| scored.contains(row)) {
            let domain = column[row] as usize;
            let place = if domain < len { domain } else { missing };
            found += usize::from(!std::mem::replace(&mut seen[place], true));
        }
        found == most
    };
    match targets {
        Targets::Rows(set) => set.iter().any(all_are_met),
        Targets::Stretch { from, len } => (from..from + len).any(all_are_met),
        Targets::Listed(rows) | Targets::Groups { rows, .. } => {
            rows.iter().any(|&row| all_are_met(row as usize))
        }
    };
    found
}

/// Score: the sums, rounded half away from zero.
pub(super) fn score(
    state: &mut Scoring,
    constraints: &[Soft],
    tables: &Tables,
    targets: Targets<'_>,
    column: &mut Column,
) {
    let Scoring { scored, weights, terms, sums, .. } = state;
    sums.clear();
    sums.resize(targets.len(), 0.0);
    for (soft, &weight) in constraints.iter().zip(weights.iter()) {
        let topology = tables.topology_at(soft.topology);
        let skew = (soft.max_skew - 1) as f64;
        match soft.counts {
            Counts::Own(number) => {
                let counts = tables.nodes_at(number).by_row();
                let term = |count: i32| f64::from(count) * weight + skew;
                add_own(sums, targets, topology, counts, term);
            }
            Counts::Domains(number) => {
                let counts = tables.domains_at(number).by_domain();
                terms.clear();
                terms.extend(counts.iter().map(|&count| count as f64 * weight + skew));
                terms.push(0.0);
                add_domains(sums, targets, topology.column(), terms);
            }
        }
    }
    round(sums, column.open(targets.len()));
    if let Some(scored) = scored.map(|number| tables.eligible_at(number)) {
        let values = &mut column.values;
        targets.each(|place, row| {
            if !scored.contains(row) {
                values[place] = 0;
            }
        });
    }
}

/// Adds what follows from the nodes' own counts, for those that have a host name.
fn add_own(
    sums: &mut [f64],
    targets: Targets<'_>,
    topology: &Topology,
    counts: &[i32],
    term: impl Fn(i32) -> f64,
) {
    match targets.listed() {
        None if topology.is_complete() => {
            sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += term(count));
        }
        None => {
            for (row, (sum, &count)) in sums.iter_mut().zip(counts).enumerate() {
                *sum += if topology.of_row(row).is_some() { term(count) } else { 0.0 };
            }
        }
        Some(rows) => {
            for (sum, row) in sums.iter_mut().zip(rows.iter().map(|&row| row as usize)) {
                *sum += if topology.of_row(row).is_some() { term(counts[row]) } else { 0.0 };
            }
        }
    }
}

/// Adds what follows from the counts of domains. The last term is that of no domain.
fn add_domains(sums: &mut [f64], targets: Targets<'_>, column: &[u32], terms: &[f64]) {
    let last = terms.len() - 1;
    let term = |domain: u32| terms[(domain as usize).min(last)];
    match targets.listed() {
        None => sums.iter_mut().zip(column).for_each(|(sum, &domain)| *sum += term(domain)),
        Some(rows) => {
            sums.iter_mut().zip(rows).for_each(|(sum, &row)| *sum += term(column[row as usize]));
        }
    }
}

/// Rounds half away from zero. Sums are not negative as long as counts and skews are legal.
fn round(sums: &[f64], out: &mut [i64]) {
    let mut least = 0.0f64;
    let mut most = 0.0f64;
    for &sum in sums {
        least = if sum < least { sum } else { least };
        most = if sum > most { sum } else { most };
    }
    if least < 0.0 || most > BOUND {
        out.iter_mut().zip(sums).for_each(|(out, &sum)| *out = libm::round(sum) as i64);
        return;
    }
    for (out, &sum) in out.iter_mut().zip(sums) {
        let whole = floor(sum);
        *out = integer(if sum - whole >= 0.5 { whole + 1.0 } else { whole });
    }
}

/// NormalizeScore: the smallest sum becomes 100; nodes that are not scored get 0.
pub(super) fn normalize(state: &Scoring, tables: &Tables, targets: Targets<'_>, column: &mut Column) {
    let scored = state.scored.map(|number| tables.eligible_at(number));
    let values = &mut column.values;
    let (min, max) = extremes(values, targets, scored);
    if max == 0 {
        values.fill(MAX_NODE_SCORE);
    } else if min >= 0 && max < 1 << 40 {
        // A quotient n/max that is no integer is at least 1/max away from one; half of that is far
        // more than the error of multiplying by the inverse.
        let (inverse, all) = (1.0 / max as f64, (MAX_NODE_SCORE * (max + min)) as f64 + 0.5);
        for value in values.iter_mut() {
            // Rows outside the set may hold anything.
            let raw = float((*value).clamp(0, max));
            *value = integer(floor((all - MAX_NODE_SCORE as f64 * raw) * inverse));
        }
    } else {
        let scale = |raw: i64| {
            let (min, max) = (i128::from(min), i128::from(max));
            (i128::from(MAX_NODE_SCORE) * (max + min - i128::from(raw)) / max) as i64
        };
        for value in values.iter_mut() {
            *value = scale(*value);
        }
    }
    if let Some(scored) = scored {
        targets.each(|place, row| {
            if !scored.contains(row) {
                values[place] = 0;
            }
        });
    }
}

/// The smallest score, and the largest one that is above zero.
fn extremes(values: &[i64], targets: Targets<'_>, scored: Option<&BitSet>) -> (i64, i64) {
    let (mut min, mut max) = (i64::MAX, 0);
    let mut take = |value: i64| {
        min = min.min(value);
        max = max.max(value);
    };
    match (targets, scored) {
        (Targets::Rows(set), None) => {
            for (block, &word) in values.chunks(64).zip(set.words()) {
                if word == u64::MAX {
                    block.iter().copied().for_each(&mut take);
                } else {
                    let listed = block.iter().enumerate().filter(|(lane, _)| word >> lane & 1 == 1);
                    listed.for_each(|(_, &value)| take(value));
                }
            }
        }
        _ => each(targets, scored, |place, _| take(values[place])),
    }
    (min, max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_rounding_is_half_away_from_zero() {
        let sums = [0.0, 0.499_999_999_999_999_94, 0.5, 1.5, 2.5, 2.499_999_9, 1e12 + 0.5];
        let mut out = [0; 7];
        round(&sums, &mut out);
        assert_eq!(out, [0, 0, 1, 2, 3, 2, 1_000_000_000_001]);
        round(&[-0.5, 1e16], &mut out[..2]);
        assert_eq!(out[..2], [-1, 10_000_000_000_000_000]);
    }

    proptest! {
        #[test]
        fn safety_normalising_in_floats_is_normalising_in_integers(
            raws in prop::collection::vec(0i64..1 << 39, 1..20),
            shift in 0u32..38,
        ) {
            let raws: Vec<i64> = raws.iter().map(|raw| raw >> shift).collect();
            let (min, max) = (*raws.iter().min().unwrap(), *raws.iter().max().unwrap());
            let truth = |raw: i64| if max == 0 { 100 } else { 100 * (max + min - raw) / max };
            let mut column = Column { same: None, values: raws.clone() };
            let rows: Vec<u32> = (0..raws.len() as u32).collect();
            normalize(&Scoring::default(), &Tables::default(), Targets::Listed(&rows), &mut column);
            prop_assert_eq!(column.values, raws.into_iter().map(truth).collect::<Vec<_>>());
        }
    }
}
