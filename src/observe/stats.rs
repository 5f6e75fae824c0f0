//! Statistics with their rules written down: percentiles, moments, time-weighted integrals,
//! fairness, intervals.
//!
//! What the numbers mean is not known here. Sums of times and amounts are exact integers; floats
//! appear only in the last step, and only operations that are the same on every platform are used.

/// The quantile `q` in 0..=1 of values in ascending order: linear interpolation between the two
/// values around rank `(n - 1)·q` (type 7 of Hyndman and Fan 1996; the default of R, NumPy and
/// pandas). `None` if there is no value.
pub fn percentile_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let (low, fraction) = rank(sorted.len() as u64, q)?;
    let low = low as usize;
    let high = (low + 1).min(sorted.len() - 1);
    Some(between(sorted[low], sorted[high], fraction))
}

/// [`percentile_sorted`] of values in any order, in linear time; reorders them.
pub fn percentile(values: &mut [f64], q: f64) -> Option<f64> {
    let (low, fraction) = rank(values.len() as u64, q)?;
    let (_, &mut at, above) = values.select_nth_unstable_by(low as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(at);
    Some(between(at, next, fraction))
}

/// The 0-based rank below the quantile and how far it lies towards the next one.
pub(super) fn rank(n: u64, q: f64) -> Option<(u64, f64)> {
    let last = n.checked_sub(1)?;
    let position = last as f64 * q.clamp(0.0, 1.0);
    let low = libm::floor(position);
    Some(((low as u64).min(last), position - low))
}

/// Linear interpolation that gives the ends exactly.
pub(super) fn between(low: f64, high: f64, fraction: f64) -> f64 {
    if fraction > 0.0 { low + (high - low) * fraction } else { low }
}

/// Number, mean and variance in one pass (Welford 1962).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Moments {
    /// How many values.
    pub n: u64,
    /// Their mean; 0 if there is none.
    pub mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes in one value.
    pub fn push(&mut self, value: f64) {
        self.n += 1;
        let delta = value - self.mean;
        self.mean += delta / self.n as f64;
        self.squares += delta * (value - self.mean);
    }

    /// The sample variance, with n − 1 below the line; `None` for fewer than two values.
    pub fn variance(&self) -> Option<f64> {
        (self.n >= 2).then(|| self.squares / (self.n - 1) as f64)
    }

    /// Half the width of the interval for the mean at a level such as 0.95, by Student's t;
    /// `None` for fewer than two values.
    pub fn half_width(&self, level: f64) -> Option<f64> {
        let error = libm::sqrt(self.variance()? / self.n as f64);
        Some(student_t_quantile(f64::midpoint(1.0, level), (self.n - 1) as f64)? * error)
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Moments {
        let mut moments = Moments::default();
        values.into_iter().for_each(|value| moments.push(value));
        moments
    }
}

/// A quantity that is constant between changes, and its exact integral over time.
///
/// The integral up to T is `value·T − Σ change·(time of the change)`, so a change costs one
/// multiplication, and nothing is rounded. Sums beyond 2^127 saturate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Integral {
    value: i128,
    moment: i128,
}

impl Integral {
    /// The value now.
    pub fn value(&self) -> i128 {
        self.value
    }

    /// The value changes by `delta` at `now` (in any unit of time since the start).
    pub fn add(&mut self, now: u64, delta: i64) {
        self.value = self.value.saturating_add(i128::from(delta));
        // 63 bits times 64 bits fit: the check would cost as much as the rest.
        self.moment = self.moment.saturating_add(i128::from(delta).wrapping_mul(i128::from(now)));
    }

    /// Adds another quantity, all of its past included.
    pub fn absorb(&mut self, other: &Integral) {
        self.value = self.value.saturating_add(other.value);
        self.moment = self.moment.saturating_add(other.moment);
    }

    /// The value becomes `value` at `now`.
    pub fn set(&mut self, now: u64, value: i64) {
        let delta = i128::from(value).saturating_sub(self.value);
        self.value = i128::from(value);
        self.moment = self.moment.saturating_add(delta.saturating_mul(i128::from(now)));
    }

    /// The integral from the start up to `now`, which is not before the last change.
    pub fn total(&self, now: u64) -> i128 {
        self.value.saturating_mul(i128::from(now)).saturating_sub(self.moment)
    }

    /// The time-weighted mean from the start to `now`; the value itself if no time has passed.
    pub fn mean(&self, now: u64) -> f64 {
        if now > 0 { self.total(now) as f64 / now as f64 } else { self.value as f64 }
    }

    /// What stands for the time up to `now` in a ratio of two quantities: the integral, or the
    /// value itself if no time has passed.
    pub fn share(&self, now: u64) -> i128 {
        if now > 0 { self.total(now) } else { self.value }
    }
}

/// A ratio of integers; `None` if the denominator is not above zero.
pub fn ratio(numerator: i128, denominator: i128) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}

/// Jain's fairness index (Σx)² / (n·Σx²): 1 if all are equal, 1/n if one has everything. All
/// zero counts as equal. `None` if there is no value.
pub fn jain(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    Some(if squares > 0.0 { sum * sum / (values.len() as f64 * squares) } else { 1.0 })
}

/// The Gini coefficient of values that are not negative: 0 if all are equal, near 1 if one has
/// everything. `None` if there is no value.
pub fn gini(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let sum: f64 = sorted.iter().sum();
    let weighted: f64 =
        sorted.iter().enumerate().map(|(rank, value)| (2.0 * (rank as f64 + 1.0) - n - 1.0) * value).sum();
    Some(if sum > 0.0 { weighted / (n * sum) } else { 0.0 })
}

/// The quantile of Student's t distribution: the t below which the probability is `p` in (0, 1),
/// for `freedom` > 0 degrees of freedom. `None` for anything else.
pub fn student_t_quantile(p: f64, freedom: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && freedom > 0.0 && freedom.is_finite()) {
        return None;
    }
    let tail = p.min(1.0 - p);
    let mut high = 1.0;
    while upper_tail(high, freedom) > tail && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if upper_tail(middle, freedom) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    let t = f64::midpoint(low, high);
    Some(if p < 0.5 { -t } else { t })
}

/// The probability above `t` >= 0 of Student's t distribution.
fn upper_tail(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5) / 2.0
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction on the side
/// where that converges fast (Abramowitz and Stegun 26.5.8).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x),
    );
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    /// Stands for a denominator of zero.
    const TINY: f64 = 1e-300;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            change = c * d;
            result *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * b.abs().max(1.0)
    }

    #[test]
    fn percentiles_interpolate_as_type_7() {
        // R: quantile(c(15, 20, 35, 40, 50), c(.05, .3, .4, .5, 1)) = 16, 23, 29, 35, 50.
        let sorted = [15.0, 20.0, 35.0, 40.0, 50.0];
        for (q, expected) in [(0.05, 16.0), (0.3, 23.0), (0.4, 29.0), (0.5, 35.0), (1.0, 50.0)] {
            assert!(near(percentile_sorted(&sorted, q).unwrap(), expected, 1e-12), "{q}");
            let mut shuffled = [40.0, 15.0, 50.0, 20.0, 35.0];
            assert!(near(percentile(&mut shuffled, q).unwrap(), expected, 1e-12), "{q}");
        }
        assert_eq!(percentile_sorted(&[], 0.5), None);
        assert_eq!(percentile(&mut [3.0], 0.99), Some(3.0));
    }

    #[test]
    fn moments_of_a_known_sample() {
        let moments: Moments = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
        assert!(near(moments.mean, 5.0, 1e-15));
        assert!(near(moments.variance().unwrap(), 32.0 / 7.0, 1e-15));
        // Two-sided 95 %: t(0.975, 7) = 2.364624252, s/sqrt(8) = 0.755928946.
        assert!(near(moments.half_width(0.95).unwrap(), 2.364_624_252 * 0.755_928_946, 1e-8));
        assert_eq!(Moments::default().variance(), None);
    }

    #[test]
    fn t_quantiles_are_those_of_published_tables() {
        for (p, freedom, expected) in [
            (0.975, 1.0, 12.706_204_736_432_1),
            (0.975, 2.0, 4.302_652_729_749_46),
            (0.95, 5.0, 2.015_048_373_333_02),
            (0.975, 10.0, 2.228_138_851_964_94),
            (0.995, 30.0, 2.749_995_653_567_23),
            (0.975, 1_000.0, 1.962_339_080_826_41),
            (0.025, 10.0, -2.228_138_851_964_94),
            (0.999, 3.0, 10.214_531_852_407_4),
        ] {
            let t = student_t_quantile(p, freedom).unwrap();
            assert!(near(t, expected, 1e-10), "p {p}, freedom {freedom}: {t} instead of {expected}");
        }
        assert!(student_t_quantile(0.5, 4.0).unwrap().abs() < 1e-9);
        assert_eq!(student_t_quantile(1.0, 4.0), None);
        assert_eq!(student_t_quantile(0.9, f64::NAN), None);
    }

    #[test]
    fn fairness_of_known_shares() {
        assert!(near(jain(&[1.0, 1.0, 1.0, 1.0]).unwrap(), 1.0, 1e-15));
        assert!(near(jain(&[1.0, 0.0, 0.0, 0.0]).unwrap(), 0.25, 1e-15));
        assert!(near(gini(&[1.0, 0.0, 0.0, 0.0]).unwrap(), 0.75, 1e-15));
        assert!(near(gini(&[1.0, 2.0, 3.0]).unwrap(), 2.0 / 9.0, 1e-15));
        assert_eq!((jain(&[0.0, 0.0]), gini(&[0.0, 0.0]), gini(&[])), (Some(1.0), Some(0.0), None));
    }

    proptest! {
        #[test]
        fn safety_the_integral_is_the_sum_of_its_steps(
            steps in prop::collection::vec((0u64..1_000_000_007, -1_000_000i64..1_000_000), 0..50),
            rest in 0u64..1000,
        ) {
            let (mut integral, mut now, mut value, mut area) = (Integral::default(), 0u64, 0i128, 0i128);
            for (wait, delta) in steps {
                area += value * i128::from(wait);
                now += wait;
                integral.add(now, delta);
                value += i128::from(delta);
            }
            area += value * i128::from(rest);
            prop_assert_eq!(integral.total(now + rest), area);
            prop_assert_eq!(integral.value(), value);
        }

        #[test]
        fn safety_selecting_equals_sorting(mut values in prop::collection::vec(-1e9f64..1e9, 1..60), q in 0.0f64..=1.0) {
            let selected = percentile(&mut values.clone(), q);
            values.sort_unstable_by(f64::total_cmp);
            prop_assert_eq!(selected, percentile_sorted(&values, q));
        }
    }
}
