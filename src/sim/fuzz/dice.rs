//! The random choices of a case.

use crate::base::rng::Purpose;
use crate::base::{Distribution, Span, Stream, Streams};

/// Draws one choice after the other from one stream.
pub(super) struct Dice(Stream);

impl Dice {
    /// The choices of a seed.
    pub(super) fn new(seed: u64) -> Dice {
        Dice(Streams::new(seed).stream(Purpose::Fuzz, 0))
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.below(high.saturating_sub(low) + 1)
    }

    /// Whether something that happens in so many of a hundred cases happens.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.0.below(100) < percent
    }

    /// One of several values.
    pub(super) fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.0.below(values.len() as u64) as usize].clone()
    }

    /// A length of time in whole seconds.
    pub(super) fn seconds(&mut self, low: u64, high: u64) -> Span {
        Span::from_secs(self.between(low, high))
    }

    /// A distribution with about that mean, and sometimes a tail.
    pub(super) fn around(&mut self, mean: f64) -> Distribution {
        match self.between(0, 4) {
            0 => Distribution::Uniform { min: 0.0, max: 2.0 * mean },
            1 => Distribution::Exponential { mean },
            2 => Distribution::Empirical(vec![mean / 4.0, mean, 2.0 * mean]),
            3 => Distribution::LogNormal { median: mean, sigma: 1.0 },
            _ => Distribution::Constant(mean),
        }
    }
}
