//! How many pods each ReplicaSet of a Deployment is to have: roll-out and scaling as arithmetic.
//!
//! Kubernetes 1.36, pkg/controller/deployment (sync.go, rolling.go) and its util (reference
//! control-plane §3.3). Numbers in, numbers out: what a ReplicaSet is and how it is written is not
//! known here.

use crate::api::UpdateStrategy;
use crate::api::workload::IntOrPercent;
use crate::base::Time;

/// The Deployment as the arithmetic sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// `spec.replicas`.
    pub replicas: i32,
    /// Pods above the desired number, resolved.
    pub surge: i32,
    /// Pods below the desired number, resolved.
    pub unavailable: i32,
    /// `status.replicas`.
    pub status_replicas: i32,
}

impl Target {
    /// Resolves the limits of a strategy: the surge is rounded up, the unavailable down and capped
    /// at the desired number; they are never both zero (ResolveFenceposts). Recreate has neither.
    pub fn new(replicas: i32, strategy: UpdateStrategy, status_replicas: i32) -> Target {
        let replicas = replicas.max(0);
        let UpdateStrategy::RollingUpdate { max_surge, max_unavailable } = strategy else {
            return Target { replicas, surge: 0, unavailable: 0, status_replicas };
        };
        let surge = resolve(max_surge, replicas, 99);
        let mut unavailable = resolve(max_unavailable, replicas, 0);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Target { replicas, surge, unavailable: unavailable.min(replicas), status_replicas }
    }

    /// The most pods there may be.
    pub fn max_total(self) -> i32 {
        self.replicas.saturating_add(self.surge)
    }
}

/// A limit as a number; `rounding` is added to the hundredths before the division.
pub(super) fn resolve(limit: IntOrPercent, replicas: i32, rounding: i64) -> i32 {
    match limit {
        IntOrPercent::Int(number) => number.max(0),
        IntOrPercent::Percent(percent) => {
            let hundredths = i64::from(percent.max(0)) * i64::from(replicas) + rounding;
            i32::try_from(hundredths / 100).unwrap_or(i32::MAX)
        }
    }
}

/// A ReplicaSet as the arithmetic sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Member {
    /// When it was created.
    pub created: Time,
    /// Its place in the order of names, for equal creation times.
    pub order: usize,
    /// `spec.replicas`.
    pub replicas: i32,
    /// `status.availableReplicas`.
    pub available: i32,
    /// The desired number it was last scaled for (annotation desired-replicas).
    pub desired: Option<i32>,
    /// The most pods when it was last scaled (annotation max-replicas).
    pub max: Option<i32>,
}

/// All ReplicaSets of a Deployment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members {
    /// The sets.
    pub sets: Vec<Member>,
    /// Which of them has the current template.
    pub new: Option<usize>,
}

/// What a step of a roll-out has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The new ReplicaSet was given another size.
    ScaledUp,
    /// Old ReplicaSets were made smaller.
    ScaledDown,
    /// Nothing is to be done.
    Nothing,
}

impl Members {
    /// Whether the desired number has changed since a set was last scaled: then a sync only
    /// scales.
    pub fn is_scaling_event(&self, target: Target) -> bool {
        self.active().any(|index| self.sets[index].desired.is_some_and(|desired| desired != target.replicas))
    }

    /// One step of a rolling update: the new set first; only if it stays, the old ones.
    pub fn roll(&mut self, target: Target) -> Step {
        let Some(new) = self.new else { return Step::Nothing };
        let size = self.new_size(self.sets[new].replicas, target);
        if size != self.sets[new].replicas {
            self.resize(new, size, target);
            return Step::ScaledUp;
        }
        if self.shrink_old(new, target) { Step::ScaledDown } else { Step::Nothing }
    }

    /// One step of Recreate: the old sets go to zero; only then the new one grows.
    pub fn recreate(&mut self, target: Target) -> Step {
        let old: Vec<usize> = self.active().filter(|&index| Some(index) != self.new).collect();
        if !old.is_empty() {
            for index in old {
                self.resize(index, 0, target);
            }
            return Step::ScaledDown;
        }
        let Some(new) = self.new.filter(|&new| self.sets[new].replicas != target.replicas) else {
            return Step::Nothing;
        };
        self.resize(new, target.replicas, target);
        Step::ScaledUp
    }

    /// The size that a set with the current template gets in a rolling update if it has `size`
    /// now (NewRSNewReplicas).
    pub fn new_size(&self, size: i32, target: Target) -> i32 {
        if size >= target.replicas {
            return target.replicas;
        }
        let room = i64::from(target.max_total()) - self.total();
        let growth = room.clamp(0, i64::from(target.replicas - size));
        size + growth as i32
    }

    /// Follows a change of the desired number (`scale`): one active set gets it whole; a new set
    /// that is complete empties the old ones; else, if `rolling`, all sets share it in proportion.
    pub fn scale(&mut self, target: Target, rolling: bool) {
        let active: Vec<usize> = self.active().collect();
        if active.len() <= 1 {
            let newest = (0..self.sets.len()).max_by_key(|&index| (self.sets[index].created, index));
            let only = active.first().copied().or(self.new).or(newest);
            if let Some(only) = only.filter(|&only| self.sets[only].replicas != target.replicas) {
                self.resize(only, target.replicas, target);
            }
            return;
        }
        let saturated = self.new.is_some_and(|new| {
            let set = &self.sets[new];
            [Some(set.replicas), set.desired, Some(set.available)] == [Some(target.replicas); 3]
        });
        if saturated {
            let new = self.new;
            active
                .into_iter()
                .filter(|&index| Some(index) != new)
                .for_each(|index| self.resize(index, 0, target));
        } else if rolling {
            self.scale_in_proportion(active, target);
        }
    }

    fn scale_in_proportion(&mut self, mut active: Vec<usize>, target: Target) {
        let allowed = if target.replicas > 0 { i64::from(target.max_total()) } else { 0 };
        let to_add = allowed - self.total();
        let sets = &self.sets;
        // The larger first; among equals the newer if pods are added, else the older.
        active.sort_by(|&a, &b| {
            let by_age = (sets[a].created, sets[a].order).cmp(&(sets[b].created, sets[b].order));
            let ties = if to_add > 0 { by_age.reverse() } else { by_age };
            sets[b].replicas.cmp(&sets[a].replicas).then(ties)
        });
        let mut added = 0;
        let mut sizes = Vec::with_capacity(active.len());
        for &index in &active {
            let share = if to_add == 0 { 0 } else { self.share(index, target, to_add, added) };
            added += share;
            sizes.push(i64::from(self.sets[index].replicas) + share);
        }
        if let Some(first) = sizes.first_mut() {
            *first = (*first + to_add - added).max(0);
        }
        for (index, size) in active.into_iter().zip(sizes) {
            self.resize(index, i32::try_from(size.max(0)).unwrap_or(i32::MAX), target);
        }
    }

    /// What a set gets of `to_add` pods of which `added` are given out (GetReplicaSetProportion).
    fn share(&self, index: usize, target: Target, to_add: i64, added: i64) -> i64 {
        let set = &self.sets[index];
        let size = i64::from(set.replicas);
        let left = to_add - added;
        if size == 0 || left == 0 {
            return 0;
        }
        let whole = set.max.filter(|&max| max > 0).unwrap_or(target.status_replicas);
        let fraction = match (target.replicas, whole) {
            (0, _) => -size,
            (_, 0) => 0,
            _ => round_half_up(size * i64::from(target.max_total()), i64::from(whole)) - size,
        };
        if to_add > 0 { fraction.min(left) } else { fraction.max(left) }
    }

    fn shrink_old(&mut self, new: usize, target: Target) -> bool {
        let mut old: Vec<usize> = self.active().filter(|&index| index != new).collect();
        if old.is_empty() {
            return false;
        }
        old.sort_by_key(|&index| (self.sets[index].created, self.sets[index].order));
        let min_available = i64::from(target.replicas - target.unavailable);
        let missing = i64::from(self.sets[new].replicas) - i64::from(self.sets[new].available);
        let mut budget = self.total() - min_available - missing;
        if budget <= 0 {
            return false;
        }
        let mut changed = false;
        for &index in &old {
            let set = self.sets[index];
            let unhealthy = i64::from(set.replicas) - i64::from(set.available);
            // The set's status lags behind its size: the original takes this for an error, leaves the
            // old sets alone for now, and says that it has done nothing, whatever it has
            // (cleanupUnhealthyReplicas, reconcileOldReplicaSets).
            if unhealthy < 0 && budget > 0 {
                return false;
            }
            let taken = unhealthy.min(budget).max(0);
            if taken > 0 {
                self.resize(index, set.replicas - taken as i32, target);
                budget -= taken;
                changed = true;
            }
        }
        // Old sets that were without replicas before this step are not looked at, though some of their
        // pods may still be available.
        let counted = old.iter().chain([&new]);
        let available: i64 = counted.map(|&index| i64::from(self.sets[index].available)).sum();
        let mut budget = available - min_available;
        for &index in &old {
            let size = self.sets[index].replicas;
            let taken = i64::from(size).min(budget).max(0);
            if taken > 0 {
                self.resize(index, size - taken as i32, target);
                budget -= taken;
                changed = true;
            }
        }
        changed
    }

    fn active(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.sets.len()).filter(|&index| self.sets[index].replicas > 0)
    }

    fn total(&self) -> i64 {
        self.sets.iter().map(|set| i64::from(set.replicas)).sum()
    }

    fn resize(&mut self, index: usize, replicas: i32, target: Target) {
        let set = &mut self.sets[index];
        set.replicas = replicas;
        set.desired = Some(target.replicas);
        set.max = Some(target.max_total());
    }
}

/// The quotient of two numbers that are not negative, rounded to the nearest, a half upwards.
fn round_half_up(dividend: i64, divisor: i64) -> i64 {
    (2 * dividend + divisor) / (2 * divisor)
}

#[cfg(test)]
mod tests;
