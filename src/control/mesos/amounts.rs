//! Amounts of scalar resources by kind, as offers, quotas and shares count them.
//!
//! What a kind is called and which unit it has is not known here; a kind that is not listed is zero.

/// Amounts by kind of resource; never below zero.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Amounts(Vec<i64>);

impl Amounts {
    /// The amounts of the kinds 0, 1, …; what is below zero counts as zero.
    pub fn new(amounts: impl IntoIterator<Item = i64>) -> Amounts {
        let mut made = Amounts(amounts.into_iter().map(|amount| amount.max(0)).collect());
        made.trim();
        made
    }

    /// The amount of a kind.
    pub fn get(&self, kind: usize) -> i64 {
        self.0.get(kind).copied().unwrap_or(0)
    }

    /// Sets the amount of a kind.
    pub fn set(&mut self, kind: usize, amount: i64) {
        if self.0.len() <= kind {
            self.0.resize(kind + 1, 0);
        }
        self.0[kind] = amount.max(0);
        self.trim();
    }

    /// Whether every amount is zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many kinds can be above zero: none from here on is.
    pub fn kinds(&self) -> usize {
        self.0.len()
    }

    /// Whether there is at least as much of every kind as in `other`.
    pub fn contains(&self, other: &Amounts) -> bool {
        other.0.len() <= self.0.len() && self.0.iter().zip(&other.0).all(|(mine, theirs)| mine >= theirs)
    }

    /// Adds amounts.
    pub fn add(&mut self, other: &Amounts) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// Takes amounts away, down to zero.
    pub fn take(&mut self, other: &Amounts) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine - theirs).max(0);
        }
        self.trim();
    }

    /// What is left without `other`; nothing is below zero.
    #[must_use]
    pub fn without(&self, other: &Amounts) -> Amounts {
        let mut left = self.clone();
        left.take(other);
        left
    }

    /// The smaller of two amounts for each kind: what remains of these when they are chopped to `most`.
    #[must_use]
    pub fn chopped_to(&self, most: &Amounts) -> Amounts {
        let mut chopped =
            Amounts(self.0.iter().zip(&most.0).map(|(mine, theirs)| *mine.min(theirs)).collect());
        chopped.trim();
        chopped
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

/// The most that may be had of each kind; no entry means no limit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits(Vec<Option<i64>>);

impl Limits {
    /// Limits of the kinds 0, 1, ….
    pub fn new(limits: impl IntoIterator<Item = Option<i64>>) -> Limits {
        Limits(limits.into_iter().collect())
    }

    /// Sets the limit of a kind.
    pub fn set(&mut self, kind: usize, most: i64) {
        if self.0.len() <= kind {
            self.0.resize(kind + 1, None);
        }
        self.0[kind] = Some(most.max(0));
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// `wanted`, chopped so that with `taken` it stays within the limits.
    pub fn chop(&self, wanted: &Amounts, taken: &Amounts) -> Amounts {
        Amounts::new((0..wanted.kinds()).map(|kind| {
            let left = self.0.get(kind).copied().flatten().map(|most| (most - taken.get(kind)).max(0));
            left.map_or(wanted.get(kind), |left| wanted.get(kind).min(left))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_never_go_below_zero_and_have_one_form() {
        let mut some = Amounts::new([4, 0, 7, 0]);
        assert_eq!(some.kinds(), 3);
        some.take(&Amounts::new([9, 1, 7]));
        assert_eq!(some, Amounts::default());
        assert!(some.is_empty() && some.contains(&Amounts::default()));
        some.set(1, 5);
        assert!(!some.contains(&Amounts::new([1])) && some.contains(&Amounts::new([0, 5])));
        some.add(&Amounts::new([2, i64::MAX]));
        assert_eq!((some.get(0), some.get(1)), (2, i64::MAX));
    }

    #[test]
    fn a_kind_without_a_limit_is_not_chopped() {
        let mut limits = Limits::default();
        assert!(limits.is_empty());
        limits.set(1, 10);
        let chopped = limits.chop(&Amounts::new([5, 8]), &Amounts::new([100, 4]));
        assert_eq!(chopped, Amounts::new([5, 6]));
        assert_eq!(Amounts::new([5, 8, 3]).chopped_to(&Amounts::new([6, 2])), Amounts::new([5, 2]));
    }
}
