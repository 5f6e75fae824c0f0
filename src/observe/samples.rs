//! Samples of one quantity: number, sum, extremes and percentiles in bounded memory.
//!
//! What is measured is not known here.

use super::stats::{between, rank};
use crate::base::Span;

/// Up to so many values are kept one by one (8 bytes each); the percentiles are then exact.
/// Beyond, values are counted in buckets, and percentiles are exact to one part in 4,096.
pub const EXACT_LIMIT: usize = 1 << 22;
/// How many quantiles stand for a sample in charts.
const CURVE_POINTS: u64 = 1_000;
/// Bits of the mantissa that a bucket's number keeps.
const MANTISSA_BITS: u32 = 12;

/// What the stored 64-bit keys are; keys are ordered as their values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    /// Nanoseconds.
    Nanos,
    /// The bits of a float that is not negative.
    Ratio,
}

/// All values of one quantity.
#[derive(Clone, PartialEq, Debug)]
pub struct Samples {
    key: Key,
    limit: usize,
    keys: Vec<u64>,
    /// Counts by bucket once `limit` is exceeded.
    buckets: Vec<u64>,
    n: u64,
    nanos: u128,
    sum: f64,
    max: u64,
}

/// What is reported of a sample.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// How many values.
    pub n: u64,
    /// The mean; like the others `None` if there is no value.
    pub mean: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The 0.9 quantile.
    pub p90: Option<f64>,
    /// The 0.99 quantile.
    pub p99: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The sum.
    pub sum: f64,
    /// Evenly spaced quantiles, or all values if they are few, ascending.
    pub curve: Vec<f64>,
}

impl Samples {
    /// Of lengths of time, reported in seconds.
    pub fn of_times() -> Samples {
        Samples::new(Key::Nanos)
    }

    /// Of numbers that are not negative.
    pub fn of_ratios() -> Samples {
        Samples::new(Key::Ratio)
    }

    fn new(key: Key) -> Samples {
        let (keys, buckets) = (Vec::new(), Vec::new());
        Samples { key, limit: EXACT_LIMIT, keys, buckets, n: 0, nanos: 0, sum: 0.0, max: 0 }
    }

    /// Enters a length of time.
    pub fn push_span(&mut self, span: Span) {
        debug_assert_eq!(self.key, Key::Nanos);
        self.nanos += u128::from(span.0);
        self.push(span.0);
    }

    /// Enters a number; a negative one counts as zero, what is no number is left out.
    pub fn push_ratio(&mut self, value: f64) {
        debug_assert_eq!(self.key, Key::Ratio);
        if !value.is_nan() {
            let value = value.max(0.0) + 0.0;
            self.sum += value;
            self.push(value.to_bits());
        }
    }

    fn push(&mut self, key: u64) {
        self.n += 1;
        self.max = self.max.max(key);
        if self.buckets.is_empty() {
            self.keys.push(key);
            if self.keys.len() > self.limit {
                self.spill();
            }
        } else {
            let bucket = self.bucket(key);
            self.buckets[bucket] += 1;
        }
    }

    /// Goes over from single values to counts.
    fn spill(&mut self) {
        // Values up to 2^64, one binade a row.
        self.buckets = vec![0; 65 << MANTISSA_BITS];
        for key in std::mem::take(&mut self.keys) {
            let bucket = self.bucket(key);
            self.buckets[bucket] += 1;
        }
    }

    /// The bucket of a key: exponent and first bits of the mantissa of its value. Everything below
    /// one shares the first.
    fn bucket(&self, key: u64) -> usize {
        let bits = match self.key {
            Key::Nanos => (key as f64).to_bits(),
            Key::Ratio => key,
        };
        let offset = (bits >> (52 - MANTISSA_BITS)).saturating_sub(1023 << MANTISSA_BITS);
        (offset as usize).min(self.buckets.len() - 1)
    }

    fn value(&self, key: u64) -> f64 {
        match self.key {
            Key::Nanos => Span(key).as_secs_f64(),
            Key::Ratio => f64::from_bits(key),
        }
    }

    /// The lowest value of a bucket.
    fn floor(&self, bucket: usize) -> f64 {
        let value = f64::from_bits((bucket as u64 + (1023 << MANTISSA_BITS)) << (52 - MANTISSA_BITS));
        match self.key {
            Key::Nanos => value / crate::base::units::NANOS_PER_SECOND as f64,
            Key::Ratio => value,
        }
    }

    /// The values at 0-based ranks that ascend.
    fn at_ranks(&self, ranks: &[u64]) -> Vec<f64> {
        if self.buckets.is_empty() {
            return ranks.iter().map(|&rank| self.value(self.keys[rank as usize])).collect();
        }
        let mut result = Vec::with_capacity(ranks.len());
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            while result.len() < ranks.len() && ranks[result.len()] < seen {
                result.push(self.floor(bucket).min(self.value(self.max)));
            }
        }
        result
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        let (low, fraction) = rank(self.n, q)?;
        if low + 1 == self.n {
            return Some(self.value(self.max));
        }
        let around = self.at_ranks(&[low, low + 1]);
        Some(between(around[0], around[1], fraction))
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// What is reported. Sorts the values.
    pub fn summary(&mut self) -> Summary {
        if self.n == 0 {
            return Summary::default();
        }
        self.keys.sort_unstable();
        let sum = match self.key {
            Key::Nanos => self.nanos as f64 / crate::base::units::NANOS_PER_SECOND as f64,
            Key::Ratio => self.sum,
        };
        let points = self.n.min(CURVE_POINTS);
        let steps = (points - 1).max(1);
        let spread = |point: u64| (u128::from(self.n - 1) * u128::from(point) / u128::from(steps)) as u64;
        let ranks: Vec<u64> = (0..points).map(spread).collect();
        Summary {
            n: self.n,
            mean: Some(sum / self.n as f64),
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            max: Some(self.value(self.max)),
            sum,
            curve: self.at_ranks(&ranks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_sample_is_exact() {
        let mut samples = Samples::of_times();
        for seconds in [4, 1, 3, 2] {
            samples.push_span(Span::from_secs(seconds));
        }
        let summary = samples.summary();
        assert_eq!((summary.n, summary.mean, summary.p50, summary.max), (4, Some(2.5), Some(2.5), Some(4.0)));
        assert_eq!(summary.curve, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(Samples::of_ratios().summary(), Summary::default());
    }

    #[test]
    fn a_large_sample_stays_close() {
        let (mut exact, mut counted) = (Samples::of_times(), Samples::of_times());
        counted.limit = 100;
        let mut ratios = Samples::of_ratios();
        ratios.limit = 10;
        for number in 0..10_000u64 {
            let span = Span(number * number * 37);
            exact.push_span(span);
            counted.push_span(span);
            ratios.push_ratio(1.0 + number as f64);
        }
        let (exact, counted, ratios) = (exact.summary(), counted.summary(), ratios.summary());
        assert_eq!((exact.n, exact.mean, exact.max), (counted.n, counted.mean, counted.max));
        for (a, b) in exact.curve.iter().zip(&counted.curve).skip(1) {
            assert!((a - b).abs() <= a / 4096.0, "{a} {b}");
        }
        assert!((ratios.p99.unwrap() - 9_900.0).abs() < 9_900.0 / 4000.0);
        assert_eq!(ratios.max, Some(10_000.0));
    }
}
