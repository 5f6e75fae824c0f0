//! Trackable resources: amounts of CPUs, memory, nodes, billing units and generic resources.
//!
//! Knows nothing of who uses them.

/// Amounts of trackable resources: [`CPU`], [`MEMORY`] in MiB, [`NODE`], [`BILLING`], then generic
/// resources in the order of the cluster's list. What is not there is 0.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tres(pub Vec<i64>);

/// The place of CPUs.
pub const CPU: usize = 0;
/// The place of memory, in MiB.
pub const MEMORY: usize = 1;
/// The place of nodes.
pub const NODE: usize = 2;
/// The place of billing units.
pub const BILLING: usize = 3;
/// The place of the first generic resource.
pub const GRES: usize = 4;

impl Tres {
    /// An amount; 0 if it is not there.
    pub fn get(&self, place: usize) -> i64 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// Sets an amount.
    pub fn set(&mut self, place: usize, amount: i64) {
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        self.0[place] = amount;
    }

    /// Adds the amounts of another, or takes them away with `sign` -1.
    pub fn add(&mut self, other: &Tres, sign: i64) {
        for (place, amount) in other.0.iter().enumerate() {
            self.set(place, self.get(place).saturating_add(sign * amount));
        }
    }
}

/// Limits on trackable resources, by the places of [`Tres`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TresLimit(pub Vec<(usize, i64)>);

impl TresLimit {
    /// The place of the first limit that `used` and `more` together exceed.
    pub fn exceeded(&self, used: &Tres, more: &Tres) -> Option<usize> {
        let over =
            |(place, limit): &&(usize, i64)| used.get(*place).saturating_add(more.get(*place)) > *limit;
        self.0.iter().find(over).map(|(place, _)| *place)
    }
}

/// Weights of trackable resources, by the places of [`Tres`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TresWeights(pub Vec<(usize, f64)>);

impl TresWeights {
    /// The billing units of an amount: the weighted sum, or the largest weighted amount of a node's
    /// resources (`PriorityFlags=MAX_TRES`). Without weights: the CPUs.
    pub fn billing(&self, amount: &Tres, largest: bool) -> f64 {
        if self.0.is_empty() {
            return amount.get(CPU) as f64;
        }
        let weighted = self.0.iter().map(|(place, weight)| amount.get(*place) as f64 * weight);
        if largest { weighted.fold(0.0, f64::max) } else { weighted.sum() }
    }
}
