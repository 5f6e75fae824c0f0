//! Sharing the CPU of a machine.
//!
//! What a pod would use is cut to its limit (throttling). If the sum over a machine's running pods
//! is more than the machine has, the machine shares it by weight: the weight of a pod is its CPU
//! request (at least 2, as `cpu.shares` has it), nobody gets more than it would use, and what one
//! leaves goes to the others. A pod that gets less than it would use makes slower progress in
//! proportion.

/// What a pod wants of the CPU, in millicores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Demand {
    /// What it would use, at least 1, cut to its limit already.
    pub(super) wanted: i64,
    /// Its share when there is not enough, at least 2.
    pub(super) weight: i64,
}

/// What each pod gets of `capacity` millicores. Exact: the sum is `capacity` rounded down to what
/// integers allow when there is not enough, and everybody gets `wanted` when there is.
pub(super) fn share(capacity: i64, demands: &[Demand], got: &mut Vec<i64>) {
    got.clear();
    let wanted: i64 = demands.iter().map(|demand| demand.wanted).sum();
    if wanted <= capacity {
        got.extend(demands.iter().map(|demand| demand.wanted));
        return;
    }
    // Water-filling: those who want less than their fair part per weight are served first, in the
    // order of wanted/weight; what is left is divided among the rest.
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (demands[a], demands[b]);
        (i128::from(a.wanted) * i128::from(b.weight)).cmp(&(i128::from(b.wanted) * i128::from(a.weight)))
    });
    got.resize(demands.len(), 0);
    let mut left = capacity;
    let mut weight: i64 = demands.iter().map(|demand| demand.weight).sum();
    for index in order {
        let demand = demands[index];
        let fair = (i128::from(left) * i128::from(demand.weight) / i128::from(weight)) as i64;
        got[index] = demand.wanted.min(fair).max(0);
        left -= got[index];
        weight -= demand.weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(capacity: i64, demands: &[(i64, i64)]) -> Vec<i64> {
        let demands: Vec<Demand> =
            demands.iter().map(|&(wanted, weight)| Demand { wanted, weight }).collect();
        let mut got = Vec::new();
        share(capacity, &demands, &mut got);
        got
    }

    #[test]
    fn enough_for_all() {
        assert_eq!(shares(4000, &[(1000, 500), (3000, 100)]), [1000, 3000]);
    }

    #[test]
    fn the_weight_decides_when_it_is_short() {
        assert_eq!(shares(4000, &[(4000, 1000), (4000, 3000)]), [1000, 3000]);
    }

    #[test]
    fn what_one_leaves_goes_to_the_others() {
        assert_eq!(shares(4000, &[(500, 2000), (4000, 1000), (4000, 1000)]), [500, 1750, 1750]);
    }

    proptest! {
        #[test]
        fn safety_nobody_gets_more_than_wanted_nor_all_more_than_there_is(
            capacity in 0i64..100_000,
            demands in prop::collection::vec((1i64..50_000, 2i64..10_000), 1..20),
        ) {
            let got = shares(capacity, &demands);
            prop_assert!(got.iter().zip(&demands).all(|(got, (wanted, _))| got <= wanted));
            let sum: i64 = got.iter().sum();
            let wanted: i64 = demands.iter().map(|(wanted, _)| wanted).sum();
            prop_assert!(sum <= capacity);
            // Nothing is left lying, but for rounding.
            prop_assert!(sum >= capacity.min(wanted) - demands.len() as i64);
        }
    }
}
