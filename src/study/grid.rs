//! The runs of a study: every variant with every seed, on as many threads as the caller has set up.
//!
//! Replication `i` has the same seed in every variant (common random numbers), so that variants are
//! compared pair by pair.

use rayon::prelude::*;

/// One run of a study.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Which variant.
    pub variant: usize,
    /// Which replication, from 0.
    pub replication: u64,
    /// The seed of the run.
    pub seed: u64,
}

/// Every run in order: all replications of the first variant, then of the next. `None` if a seed would
/// be too large for a scenario (above 2^63 − 1).
pub fn cells(variants: usize, replications: u64, first_seed: u64) -> Option<Vec<Cell>> {
    let last = first_seed.checked_add(replications.checked_sub(1)?)?;
    i64::try_from(last).ok()?;
    let of = |variant| (0..replications).map(move |i| Cell { variant, replication: i, seed: first_seed + i });
    Some((0..variants).flat_map(of).collect())
}

/// Runs all cells; what they give is in their order, however many threads there are.
pub fn run_all<T: Send>(cells: &[Cell], run: impl Fn(Cell) -> T + Sync) -> Vec<T> {
    cells.par_iter().map(|&cell| run(cell)).collect()
}
