//! A factor as a fixed-point number, so that scaled times are the same on every platform.

/// A factor from a millionth to a million, in trillionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Factor(u64);

/// Trillionths of one.
const UNIT: u64 = 1_000_000_000_000;

impl Factor {
    /// Changes nothing.
    pub const ONE: Factor = Factor(UNIT);
    /// The smallest factor.
    pub const MIN: f64 = 1e-6;
    /// The largest factor.
    pub const MAX: f64 = 1e6;

    /// The factor nearest to `value`; the error says what is legal.
    pub fn new(value: f64) -> Result<Factor, String> {
        if (Factor::MIN..=Factor::MAX).contains(&value) {
            Ok(Factor(libm::round(value * UNIT as f64) as u64))
        } else {
            Err(format!("a factor is a number from {} to {}", Factor::MIN, Factor::MAX))
        }
    }

    /// Whether it changes nothing.
    pub fn is_one(self) -> bool {
        self == Factor::ONE
    }

    /// The factor as a number.
    pub fn value(self) -> f64 {
        self.0 as f64 / UNIT as f64
    }

    /// `value` times the factor, rounded to the nearest; `None` if that is too large.
    pub fn of(self, value: u64) -> Option<u64> {
        let product = u128::from(value) * u128::from(self.0) + u128::from(UNIT / 2);
        u64::try_from(product / u128::from(UNIT)).ok()
    }

    /// `value` times the factor, at least 1 if `value` is; `None` if that is above `most`.
    pub(super) fn of_size(self, value: i64, most: i64) -> Option<i64> {
        if self.is_one() || value <= 0 {
            return Some(value);
        }
        let scaled = i64::try_from(self.of(value as u64)?).ok()?.max(1);
        (scaled <= most).then_some(scaled)
    }
}

/// `value` rounded to the nearest multiple of `step`; unchanged if `step` is zero. What is above zero
/// stays above zero.
pub(super) fn round_to(value: u64, step: u64) -> u64 {
    if step <= 1 {
        return value;
    }
    let steps = value / step + u64::from(value % step >= step.div_ceil(2));
    let steps = if value > 0 { steps.max(1) } else { 0 };
    steps.checked_mul(step).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_exact_where_decimals_are() {
        let by = |factor: f64, value: u64| Factor::new(factor).unwrap().of(value);
        assert_eq!(by(1.25, 4_000_000_000_000_000_004), Some(5_000_000_000_000_000_005));
        assert_eq!(by(0.1, 25), Some(3), "half is rounded up");
        assert_eq!(by(0.1, 24), Some(2));
        assert_eq!(by(1.0, u64::MAX), Some(u64::MAX));
        assert_eq!(by(1.000_001, u64::MAX), None);
        assert_eq!(by(1e6, 1), Some(1_000_000));
    }

    #[test]
    fn what_is_no_factor_is_refused() {
        for value in [0.0, -1.0, 1e-7, 1e7, f64::NAN, f64::INFINITY] {
            let message = Factor::new(value).unwrap_err();
            assert_eq!(message, "a factor is a number from 0.000001 to 1000000", "{value}");
        }
    }

    #[test]
    fn sizes_and_rounding_keep_something() {
        let tenth = Factor::new(0.1).unwrap();
        let sizes = [4, 5, 24, 0, -1].map(|size| tenth.of_size(size, 2));
        assert_eq!(sizes, [1, 1, 2, 0, -1].map(Some));
        assert_eq!([tenth.of_size(26, 2), Factor::new(1e6).unwrap().of_size(i64::MAX, i64::MAX)], [None; 2]);
        assert_eq!(
            [0, 1, 499, 500, 1_499, 1_500].map(|t| round_to(t, 1_000)),
            [0, 1_000, 1_000, 1_000, 1_000, 2_000]
        );
        assert_eq!(round_to(u64::MAX, 1_000), u64::MAX);
        assert_eq!(round_to(7, 0), 7);
    }
}
