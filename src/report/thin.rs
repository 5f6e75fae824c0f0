//! Fewer points for the same picture of a step line.

/// Drops points that are not numbers, puts the rest in order of time, and keeps only changes.
pub(super) fn clean(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut clean: Vec<(f64, f64)> =
        points.iter().copied().filter(|(t, v)| t.is_finite() && v.is_finite()).collect();
    if !clean.is_sorted_by(|a, b| a.0 <= b.0) {
        clean.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    clean.dedup_by(|later, kept| later.1.total_cmp(&kept.1).is_eq());
    clean
}

/// At most about `4 * buckets` of `points`: of each of `buckets` equal stretches of time the first,
/// lowest, highest and last. Drawn with one stretch a pixel, the line looks as with all points.
pub(super) fn thin(points: &[(f64, f64)], buckets: usize) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= 4 * buckets {
        return points.to_vec();
    }
    // Halves, because the difference of two finite numbers may not be finite.
    let span = (last.0 / 2.0 - first.0 / 2.0) / buckets as f64;
    let bucket = |point: &(f64, f64)| ((point.0 / 2.0 - first.0 / 2.0) / span) as usize;
    let stretches = points.chunk_by(|a, b| bucket(a) == bucket(b));
    stretches.flat_map(extremes).collect()
}

/// The first, lowest, highest and last of some points, in their order, each once.
fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let by_value = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1).then(a.cmp(b));
    let lowest = (0..points.len()).min_by(by_value).unwrap_or(0);
    let highest = (0..points.len()).max_by(by_value).unwrap_or(0);
    let mut kept = [0, lowest, highest, points.len() - 1];
    kept.sort_unstable();
    let mut kept = kept.to_vec();
    kept.dedup();
    kept.into_iter().map(|index| points[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cleaning_drops_what_cannot_be_drawn() {
        let points = [(2.0, 5.0), (f64::NAN, 1.0), (0.0, 1.0), (1.0, f64::INFINITY), (1.5, 1.0)];
        assert_eq!(clean(&points), [(0.0, 1.0), (2.0, 5.0)]);
        assert!(clean(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn thinning_keeps_ends_and_extremes(values in prop::collection::vec(-1e6..1e6, 1..2000), buckets in 1usize..50) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect();
            let thinned = thin(&points, buckets);
            prop_assert!(thinned.len() <= 4 * (buckets + 1));
            prop_assert!(thinned.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert_eq!((thinned.first(), thinned.last()), (points.first(), points.last()));
            let highest = |points: &[(f64, f64)]| points.iter().map(|p| p.1).fold(f64::MIN, f64::max);
            prop_assert!(highest(&thinned).total_cmp(&highest(&points)).is_eq());
        }
    }
}
