//! Step functions over time in bounded memory.
//!
//! What the values mean is not known here.

/// The most points that a finished series has.
pub const MAX_POINTS: usize = 2_000;
/// How many points are gathered before they are thinned.
const GATHERED: usize = 2 * MAX_POINTS;
/// How many stretches of time a thinned series has; each keeps up to four points.
const STRETCHES: u64 = MAX_POINTS as u64 / 4;

/// A quantity that is constant from each point to the next.
///
/// Up to [`MAX_POINTS`] changes are kept as they are. Beyond, time is divided into equal stretches
/// (a power of two of nanoseconds, so that later thinning nests), and of each the first, the
/// lowest, the highest and the last value are kept: minima and maxima are never lost.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StepSeries {
    points: Vec<(u64, f64)>,
}

impl StepSeries {
    /// From `now` on (nanoseconds, never before an earlier call) the value is `value`. A second
    /// value at the same moment replaces the first: a value that lasts no time is none.
    pub fn set(&mut self, now: u64, value: f64) {
        match self.points.last_mut() {
            Some(last) if last.1.to_bits() == value.to_bits() => return,
            Some(last) if last.0 == now => {
                last.1 = value;
                return;
            }
            _ => {}
        }
        self.points.push((now, value));
        if self.points.len() >= GATHERED {
            self.points = thin(&self.points);
        }
    }

    /// The value now; 0 before the first.
    pub fn value(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.1)
    }

    /// The highest value; `None` if there is none.
    pub fn max(&self) -> Option<f64> {
        self.points.iter().map(|point| point.1).max_by(f64::total_cmp)
    }

    /// At most [`MAX_POINTS`] points as (seconds, value), with a last one at `end`, each value
    /// divided by `scale`.
    pub fn finish(&self, end: u64, scale: f64) -> Vec<(f64, f64)> {
        let mut points = self.points.clone();
        if points.len() >= MAX_POINTS {
            points = thin(&points);
        }
        if let Some(&(time, value)) = points.last()
            && time < end
        {
            // The last of at most MAX_POINTS may be given up: it is what holds until the end.
            if points.len() == MAX_POINTS {
                points.pop();
            }
            points.push((end, value));
        }
        let seconds = |time| crate::base::Time(time).as_secs_f64();
        points.into_iter().map(|(time, value)| (seconds(time), value / scale)).collect()
    }
}

/// Keeps of each stretch of time the first, lowest, highest and last point.
fn thin(points: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let shift = (0..64).find(|&shift| (last.0 >> shift) - (first.0 >> shift) < STRETCHES).unwrap_or(63);
    let mut kept = Vec::with_capacity(GATHERED);
    for stretch in points.chunk_by(|a, b| a.0 >> shift == b.0 >> shift) {
        let ((mut lowest, mut low), (mut highest, mut high)) = ((0, stretch[0].1), (0, stretch[0].1));
        for (index, &(_, value)) in stretch.iter().enumerate().skip(1) {
            if value.total_cmp(&low).is_lt() {
                (lowest, low) = (index, value);
            }
            if value.total_cmp(&high).is_ge() {
                (highest, high) = (index, value);
            }
        }
        let chosen = [0, lowest.min(highest), lowest.max(highest), stretch.len() - 1];
        for (position, &index) in chosen.iter().enumerate() {
            if position == 0 || chosen[position - 1] != index {
                kept.push(stretch[index]);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_points_are_kept_as_they_are() {
        let mut series = StepSeries::default();
        for (time, value) in [(0, 1.0), (5, 2.0), (5, 3.0), (7, 3.0), (9, 0.0)] {
            series.set(time * 1_000_000_000, value);
        }
        assert_eq!(series.finish(10_000_000_000, 2.0), [(0.0, 0.5), (5.0, 1.5), (9.0, 0.0), (10.0, 0.0)]);
        assert_eq!(series.max(), Some(3.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn safety_thinning_keeps_extremes_and_order(
            steps in prop::collection::vec((1u64..2_000_000_000, 0u32..1_000_000), 4_000..9_000),
        ) {
            let (mut series, mut now, mut all) = (StepSeries::default(), 0, Vec::new());
            for (wait, value) in steps {
                now += wait;
                series.set(now, f64::from(value));
                all.push(f64::from(value));
            }
            let points = series.finish(now + 1, 1.0);
            prop_assert!(points.len() <= MAX_POINTS);
            prop_assert!(points.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            let extremes = |values: &mut dyn Iterator<Item = f64>| {
                values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
            };
            prop_assert_eq!(
                extremes(&mut points.iter().map(|point| point.1)),
                extremes(&mut all.iter().copied())
            );
            prop_assert!((points.last().unwrap().1 - all.last().unwrap()).abs() < 0.5);
        }
    }
}
