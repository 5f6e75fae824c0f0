//! Many runs of one question: the same workload under several variants, replicated and paired.
//!
//! [`variants`] says what is run, [`grid`] runs it on threads, [`compare`](compare::compare) lays the
//! runs side by side, [`why`] tells of single jobs why they moved. How a run is carried out is handed
//! in; how a comparison is drawn is not known here.

pub mod compare;
pub mod grid;
pub mod jobs;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod variants;
pub mod why;

pub use compare::{Comparison, Options, Replay, Row, Statistic, compare};
pub use grid::{Cell, run_all};
pub use jobs::{Job, Jobs};
pub use variants::{Axis, Variant, axis, product, single};
pub use why::{Move, Moves};
