//! How many pods of a disruption budget may be disrupted now.
//!
//! Kubernetes 1.36, pkg/controller/disruption (trySync; reference control-plane §3.8). Value in, value
//! out: where the pods come from and who writes the status is not known here.

mod controller;

pub use controller::DisruptionController;

use crate::api::PodDisruptionBudget;
use crate::api::status::BudgetStatus;
use crate::api::workload::IntOrPercent;
use crate::base::{Span, Time};
use std::collections::BTreeMap;

/// A granted eviction that is not followed by the pod's deletion in this time is forgotten
/// (DeletionTimeout).
pub const DELETION_TIMEOUT: Span = Span::from_secs(120);

/// A pod that the budget selects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member<'p> {
    /// Its name.
    pub name: &'p str,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether its deletion has begun.
    pub deleting: bool,
    /// What keeps up its number.
    pub kept: Kept,
}

/// What keeps up the number of a set of pods.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kept {
    /// Nothing: the pod has no controller, and is left out of the expected number.
    Alone,
    /// A controller: which one, and how many pods it wants. Of a ReplicaSet that a Deployment controls,
    /// the Deployment.
    By {
        /// Tells the controllers apart.
        controller: u32,
        /// How many pods it wants.
        replicas: i32,
    },
    /// A controller that is not there, or one that has no scale (Job, DaemonSet).
    Unknown,
}

/// A pod has a controller whose scale cannot be found. The status keeps its numbers, and allows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoScale;

/// What a pass over a budget finds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The status to be.
    pub status: BudgetStatus,
    /// How long it is until a granted eviction must be forgotten.
    pub recheck: Option<Span>,
}

/// Looks at a budget of `generation` whose status is `old`, and at the pods that it selects.
pub fn find(
    budget: &PodDisruptionBudget,
    generation: u64,
    old: &BudgetStatus,
    pods: &[Member<'_>],
    now: Time,
) -> Result<Found, NoScale> {
    let (expected, desired_healthy) = expected(budget, pods)?;
    let (disrupted, recheck) = still_disrupted(old, pods, now);
    let is_leaving = |name: &str| disrupted.get(name).is_some_and(|&since| since + DELETION_TIMEOUT > now);
    let is_healthy = |pod: &&Member<'_>| pod.ready && !pod.deleting && !is_leaving(pod.name);
    let healthy = count(pods.iter().filter(is_healthy).count());
    let spare = healthy.saturating_sub(desired_healthy);
    let allowed = if expected <= 0 { 0 } else { spare.max(0) };
    let status = BudgetStatus {
        allowed,
        healthy,
        desired_healthy,
        expected,
        disrupted,
        observed_generation: generation,
        version: old.version,
    };
    Ok(Found { status, recheck })
}

/// The status after a pass that could not count (failSafe).
pub fn fail_safe(old: &BudgetStatus) -> BudgetStatus {
    BudgetStatus { allowed: 0, ..old.clone() }
}

/// How many pods there should be, and how many of them must be healthy.
fn expected(budget: &PodDisruptionBudget, pods: &[Member<'_>]) -> Result<(i32, i32), NoScale> {
    match (budget.max_unavailable, budget.min_available) {
        (Some(limit), _) => {
            let expected = scale(pods)?;
            let unavailable = match limit {
                IntOrPercent::Int(number) => number,
                IntOrPercent::Percent(percent) => share(percent, expected),
            };
            Ok((expected, expected.saturating_sub(unavailable).max(0)))
        }
        (None, Some(IntOrPercent::Int(number))) => Ok((count(pods.len()), number)),
        (None, Some(IntOrPercent::Percent(percent))) => {
            let expected = scale(pods)?;
            Ok((expected, share(percent, expected)))
        }
        (None, None) => Ok((0, 0)),
    }
}

/// How many pods the controllers of `pods` want, each counted once.
fn scale(pods: &[Member<'_>]) -> Result<i32, NoScale> {
    let mut wanted = BTreeMap::new();
    for pod in pods {
        match pod.kept {
            Kept::Alone => {}
            Kept::By { controller, replicas } => {
                wanted.insert(controller, replicas);
            }
            Kept::Unknown => return Err(NoScale),
        }
    }
    Ok(wanted.values().fold(0, |sum, &replicas| replicas.saturating_add(sum)))
}

/// A percentage of a number, rounded up.
fn share(percent: i32, of: i32) -> i32 {
    let hundredths = i64::from(percent) * i64::from(of);
    i32::try_from((hundredths + 99).div_euclid(100)).unwrap_or(i32::MAX)
}

/// The granted evictions that are to be waited for, and how long it is until the first is forgotten.
fn still_disrupted(
    old: &BudgetStatus,
    pods: &[Member<'_>],
    now: Time,
) -> (BTreeMap<String, Time>, Option<Span>) {
    if old.disrupted.is_empty() {
        return (BTreeMap::new(), None);
    }
    let staying = pods.iter().filter(|pod| !pod.deleting);
    let waited_for = staying.filter_map(|pod| {
        let since = *old.disrupted.get(pod.name)?;
        (since + DELETION_TIMEOUT >= now).then(|| (pod.name.to_owned(), since))
    });
    let disrupted: BTreeMap<String, Time> = waited_for.collect();
    let recheck = disrupted.values().map(|&since| (since + DELETION_TIMEOUT).since(now)).min();
    (disrupted, recheck)
}

fn count(pods: usize) -> i32 {
    i32::try_from(pods).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1_000);

    fn pod(name: &str, kept: Kept) -> Member<'_> {
        Member { name, ready: true, deleting: false, kept }
    }

    fn by(controller: u32, replicas: i32) -> Kept {
        Kept::By { controller, replicas }
    }

    fn numbers(budget: &PodDisruptionBudget, pods: &[Member<'_>]) -> Result<[i32; 4], NoScale> {
        let found = find(budget, 1, &BudgetStatus::default(), pods, NOW)?;
        let BudgetStatus { allowed, healthy, desired_healthy, expected, .. } = found.status;
        Ok([allowed, healthy, desired_healthy, expected])
    }

    #[test]
    fn what_is_expected() {
        let pods = [pod("a", by(1, 3)), pod("b", by(1, 3)), pod("c", by(2, 2)), pod("d", Kept::Alone)];
        let min =
            |limit| PodDisruptionBudget { min_available: Some(limit), ..PodDisruptionBudget::default() };
        let max =
            |limit| PodDisruptionBudget { max_unavailable: Some(limit), ..PodDisruptionBudget::default() };
        for (budget, expected) in [
            (min(IntOrPercent::Int(3)), [1, 4, 3, 4]),
            (min(IntOrPercent::Percent(50)), [1, 4, 3, 5]),
            (max(IntOrPercent::Int(1)), [0, 4, 4, 5]),
            (max(IntOrPercent::Percent(30)), [1, 4, 3, 5]),
            (max(IntOrPercent::Int(9)), [4, 4, 0, 5]),
            (PodDisruptionBudget::default(), [0, 4, 0, 0]),
        ] {
            assert_eq!(numbers(&budget, &pods), Ok(expected), "{budget:?}");
        }
        let with_unknown = [pods[0], pod("e", Kept::Unknown)];
        assert_eq!(numbers(&max(IntOrPercent::Int(1)), &with_unknown), Err(NoScale));
        assert_eq!(numbers(&min(IntOrPercent::Int(1)), &with_unknown), Ok([1, 2, 1, 2]));
        assert_eq!(numbers(&max(IntOrPercent::Int(1)), &[]), Ok([0, 0, 0, 0]));
    }

    #[test]
    fn granted_evictions_are_waited_for_two_minutes() {
        let budget = PodDisruptionBudget {
            min_available: Some(IntOrPercent::Int(0)),
            ..PodDisruptionBudget::default()
        };
        let names = ["new", "edge", "old", "gone", "leaving"];
        let since = [900, 880, 879, 999, 999];
        let disrupted = names.iter().zip(since).map(|(name, at)| ((*name).to_owned(), Time::from_secs(at)));
        let old = BudgetStatus { disrupted: disrupted.collect(), ..BudgetStatus::default() };
        let pods = ["new", "edge", "old", "leaving", "other"]
            .map(|name| Member { deleting: name == "leaving", ..pod(name, Kept::Alone) });
        let found = find(&budget, 1, &old, &pods, NOW).unwrap();
        assert_eq!(found.status.disrupted.keys().collect::<Vec<_>>(), ["edge", "new"]);
        // At the very end the pod counts again, but the entry stays for one more pass.
        assert_eq!((found.status.healthy, found.recheck), (3, Some(Span::ZERO)));
        assert_eq!(fail_safe(&BudgetStatus { allowed: 3, healthy: 4, ..old.clone() }).allowed, 0);
    }
}
