//! Shares of a cluster, compared exactly.
//!
//! Mesos divides in floating point. Two of its shares that come from equal fractions are equal there,
//! too, so an exact comparison gives the same order without a float deciding it.

use super::amounts::Amounts;
use std::cmp::Ordering;

/// A weight in thousandths; Mesos' default of 1.0 is 1000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Weight(pub u32);

impl Default for Weight {
    fn default() -> Weight {
        Weight(1_000)
    }
}

/// A dominant share divided by a weight: a fraction.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    above: u128,
    below: u128,
}

impl Share {
    /// No share.
    pub const NONE: Share = Share { above: 0, below: 1 };

    /// The largest part of a kind in `total` that `allocated` takes, divided by the weight. Kinds for
    /// which `counts` says no are left out, and those of which there is nothing.
    pub fn dominant(
        allocated: &Amounts,
        total: &Amounts,
        weight: Weight,
        counts: impl Fn(usize) -> bool,
    ) -> Share {
        let kinds = (0..total.kinds()).filter(|&kind| total.get(kind) > 0 && counts(kind));
        let part = |kind| Share {
            above: u128::from(allocated.get(kind).unsigned_abs()) * 1_000,
            below: u128::from(total.get(kind).unsigned_abs()) * u128::from(weight.0.max(1)),
        };
        kinds.map(part).max().unwrap_or(Share::NONE)
    }

    /// The share as a number, for people.
    pub fn as_f64(self) -> f64 {
        self.above as f64 / self.below as f64
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Share) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Share) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Share {
    /// Compares two fractions without a product that could be too large: whole parts first, then the
    /// inverse of what is left over.
    fn cmp(&self, other: &Share) -> Ordering {
        let (mut mine, mut theirs) = ((self.above, self.below), (other.above, other.below));
        loop {
            let whole = (mine.0 / mine.1).cmp(&(theirs.0 / theirs.1));
            let (left, right) = (mine.0 % mine.1, theirs.0 % theirs.1);
            match (whole, left, right) {
                (Ordering::Equal, 0, 0) => return Ordering::Equal,
                (Ordering::Equal, 0, _) => return Ordering::Less,
                (Ordering::Equal, _, 0) => return Ordering::Greater,
                (Ordering::Equal, ..) => (mine, theirs) = ((theirs.1, right), (mine.1, left)),
                (decided, ..) => return decided,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_parts_of_different_clusters_are_equal() {
        let of = |part, whole| Share { above: part, below: whole };
        assert_eq!(of(1, 3), of(2, 6));
        assert!(of(1, 3) < of(34, 100) && of(7, 2) > of(10, 3));
        let large = u128::from(u64::MAX) << 30;
        assert!(of(large - 1, large) < of(large, large + 1));
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_cross_products(a in 0u64.., b in 1u64.., c in 0u64.., d in 1u64..) {
            let left = Share { above: a.into(), below: b.into() };
            let right = Share { above: c.into(), below: d.into() };
            let products = (u128::from(a) * u128::from(d)).cmp(&(u128::from(c) * u128::from(b)));
            prop_assert_eq!(left.cmp(&right), products);
        }
    }
}
