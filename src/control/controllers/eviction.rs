//! The rule of the eviction API: whether one pod may be evicted now.
//!
//! Kubernetes 1.36, pkg/registry/core/pod/storage/eviction.go (reference control-plane §3.8). Value in,
//! value out: deleting the pod, and writing the budget's status, are the caller's.

use crate::api::PodPhase;
use crate::api::status::BudgetStatus;
use crate::base::Time;

/// Above so many granted evictions that the disruption controller has not confirmed, none is granted.
pub const MAX_DISRUPTED: usize = 2_000;

/// The pod to evict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Candidate {
    /// Its phase.
    pub phase: PodPhase,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether its deletion has begun.
    pub deleting: bool,
}

/// A budget that selects the pod.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Guard<'b> {
    /// Its status.
    pub status: &'b BudgetStatus,
    /// Its generation.
    pub generation: u64,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub always_allow_unhealthy: bool,
}

/// What becomes of an eviction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The pod is deleted; no budget is touched.
    Free,
    /// The pod is deleted, and its only budget pays for it: see [`charge`].
    Charged,
    /// It is not.
    Refused(Refusal),
}

/// Why an eviction is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The budget allows none now.
    Exhausted,
    /// The disruption controller has not yet seen the budget as it is.
    Unobserved,
    /// The budget's status has a negative number.
    Negative,
    /// Too many granted evictions are not confirmed.
    TooManyGranted,
    /// More than one budget selects the pod.
    ManyBudgets,
}

impl Refusal {
    /// The HTTP status.
    pub const fn code(self) -> u16 {
        match self {
            Refusal::Exhausted | Refusal::Unobserved => 429,
            Refusal::Negative | Refusal::TooManyGranted => 403,
            Refusal::ManyBudgets => 500,
        }
    }
}

/// Judges the eviction of a pod that `guards` select.
pub fn judge(pod: Candidate, guards: &[Guard<'_>]) -> Verdict {
    if pod.phase != PodPhase::Running || pod.deleting {
        return Verdict::Free;
    }
    let guard = match guards {
        [] => return Verdict::Free,
        [guard] => guard,
        _ => return Verdict::Refused(Refusal::ManyBudgets),
    };
    let status = guard.status;
    let is_spare = status.healthy >= status.desired_healthy && status.desired_healthy > 0;
    if !pod.ready && (guard.always_allow_unhealthy || is_spare) {
        return Verdict::Free;
    }
    if status.observed_generation < guard.generation {
        Verdict::Refused(Refusal::Unobserved)
    } else if status.allowed < 0 {
        Verdict::Refused(Refusal::Negative)
    } else if status.disrupted.len() > MAX_DISRUPTED {
        Verdict::Refused(Refusal::TooManyGranted)
    } else if status.allowed == 0 {
        Verdict::Refused(Refusal::Exhausted)
    } else {
        Verdict::Charged
    }
}

/// The status of a budget that has paid for the eviction of a pod at `now`.
pub fn charge(status: &BudgetStatus, pod: &str, now: Time) -> BudgetStatus {
    let mut charged = status.clone();
    charged.allowed = charged.allowed.saturating_sub(1);
    charged.disrupted.insert(pod.to_owned(), now);
    charged
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Candidate = Candidate { phase: PodPhase::Running, ready: true, deleting: false };

    fn verdict(pod: Candidate, status: &BudgetStatus) -> Verdict {
        let guard = Guard { status, generation: 1, always_allow_unhealthy: false };
        judge(pod, &[guard])
    }

    fn status(allowed: i32, healthy: i32, desired_healthy: i32) -> BudgetStatus {
        BudgetStatus { allowed, healthy, desired_healthy, observed_generation: 1, ..BudgetStatus::default() }
    }

    #[test]
    fn pods_that_serve_nobody_go_freely() {
        let none = status(0, 1, 1);
        for phase in [PodPhase::Pending, PodPhase::Succeeded, PodPhase::Failed] {
            assert_eq!(verdict(Candidate { phase, ..READY }, &none), Verdict::Free);
        }
        assert_eq!(verdict(Candidate { deleting: true, ..READY }, &none), Verdict::Free);
        assert_eq!(judge(READY, &[]), Verdict::Free);
    }

    #[test]
    fn pods_that_are_not_ready() {
        let unready = Candidate { ready: false, ..READY };
        assert_eq!(verdict(unready, &status(0, 2, 2)), Verdict::Free);
        assert_eq!(verdict(unready, &status(0, 1, 2)), Verdict::Refused(Refusal::Exhausted));
        assert_eq!(verdict(unready, &status(0, 2, 0)), Verdict::Refused(Refusal::Exhausted));
        let short = status(0, 1, 2);
        let guard = Guard { status: &short, generation: 1, always_allow_unhealthy: true };
        assert_eq!(judge(unready, &[guard]), Verdict::Free);
        assert_eq!(judge(READY, &[guard]), Verdict::Refused(Refusal::Exhausted));
        assert_eq!(judge(READY, &[guard, guard]), Verdict::Refused(Refusal::ManyBudgets));
    }

    #[test]
    fn the_budget_pays_or_refuses() {
        assert_eq!(verdict(READY, &status(1, 3, 2)), Verdict::Charged);
        let charged = charge(&status(1, 3, 2), "a", Time::from_secs(5));
        assert_eq!((charged.allowed, charged.disrupted.get("a")), (0, Some(&Time::from_secs(5))));
        assert_eq!(verdict(READY, &charged), Verdict::Refused(Refusal::Exhausted));
        assert_eq!(verdict(READY, &status(-1, 3, 2)), Verdict::Refused(Refusal::Negative));
        let unseen = BudgetStatus { observed_generation: 0, ..status(1, 3, 2) };
        assert_eq!(verdict(READY, &unseen), Verdict::Refused(Refusal::Unobserved));
        let names = (0..=MAX_DISRUPTED).map(|number| (number.to_string(), Time::ZERO));
        let full = BudgetStatus { disrupted: names.collect(), ..status(1, 3, 2) };
        assert_eq!(verdict(READY, &full), Verdict::Refused(Refusal::TooManyGranted));
        let codes = [Refusal::Exhausted, Refusal::Unobserved, Refusal::Negative, Refusal::ManyBudgets];
        assert_eq!(codes.map(Refusal::code), [429, 429, 403, 500]);
    }
}
