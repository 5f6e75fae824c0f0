//! The raw scores by node, and their normalisation.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/interpodaffinity/scoring.go (reference
//! kube-scheduler §15.3).

use super::axes::Axis;
use super::state::State;
use super::terms::Count;
use crate::control::scheduler::framework::{Column, Targets};

/// Fills in the sum of the scores of each target's domains.
pub(super) fn fill(state: &State, axes: &[Axis], targets: Targets<'_>, column: &mut Column) {
    let out = column.open(targets.len());
    out.fill(0);
    for table in state.of(Count::Score).filter(|table| table.nonzero > 0) {
        let Axis { domains, is_by_row, .. } = &axes[table.axis as usize];
        match targets.listed() {
            None if *is_by_row => {
                // Wrapping, because checks would keep the loop from vectorising.
                let add = |(score, sum): (&mut i64, &i64)| *score = score.wrapping_add(*sum);
                out.iter_mut().zip(table.sums()).for_each(add);
            }
            None => out.iter_mut().zip(domains).for_each(|(score, &domain)| *score += table.at(domain)),
            Some(rows) => {
                for (score, &row) in out.iter_mut().zip(rows) {
                    *score += table.at(domains[row as usize]);
                }
            }
        }
    }
}

/// Brings the scores into 0…100: the lowest becomes 0, the highest 100. Divided first, then
/// multiplied, then truncated, in doubles.
pub(super) fn normalize(targets: Targets<'_>, column: &mut Column) {
    let Some((min, max)) = extremes(targets, column) else { return column.set_same(0) };
    let difference = (max - min) as f64;
    // What stands outside the targets is scaled, too, and may wrap: nobody looks at it.
    for score in &mut column.values {
        *score = (100.0 * (score.wrapping_sub(min) as f64 / difference)) as i64;
    }
}

/// The lowest and the highest score of the targets, if they differ.
fn extremes(targets: Targets<'_>, column: &Column) -> Option<(i64, i64)> {
    if column.same.is_some() {
        return None;
    }
    let (mut min, mut max) = (i64::MAX, i64::MIN);
    let mut see = |score: i64| {
        min = min.min(score);
        max = max.max(score);
    };
    match targets {
        Targets::Rows(set) => {
            for (block, &word) in column.values.chunks(64).zip(set.words()) {
                if word == u64::MAX {
                    block.iter().copied().for_each(&mut see);
                    continue;
                }
                let mut left = word;
                while left != 0 {
                    see(block[left.trailing_zeros() as usize]);
                    left &= left - 1;
                }
            }
        }
        Targets::Stretch { .. } | Targets::Listed(_) | Targets::Groups { .. } => {
            column.values.iter().copied().for_each(see);
        }
    }
    (min < max).then_some((min, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(raw: &[i64]) -> Vec<i64> {
        let mut column = Column { same: None, values: raw.to_vec() };
        let rows: Vec<u32> = (0..raw.len() as u32).collect();
        normalize(Targets::Listed(&rows), &mut column);
        (0..raw.len()).map(|place| column.at(place)).collect()
    }

    #[test]
    fn golden_normalisation_divides_before_it_multiplies() {
        assert_eq!(normalized(&[0, 29, 57, 58, 100]), [0, 28, 56, 57, 100]);
        assert_eq!(normalized(&[0, 29, 50]), [0, 57, 100]);
        assert_eq!(normalized(&[-30, -20, -10]), [0, 50, 100]);
        assert_eq!(normalized(&[-7, -7]), [0, 0]);
    }
}
