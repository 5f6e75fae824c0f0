//! How long a Job waits before it replaces failed pods.
//!
//! Kubernetes 1.36, pkg/controller/job/backoff_utils.go (reference control-plane §3.6): the wait
//! doubles with every failure since the last success, and counts from the latest failure.

use crate::base::{Span, Time};

/// The failures of a Job since its last success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backoff {
    /// How many.
    pub failures: u32,
    /// The end of the last of them in the order of ends, of those that were seen together last.
    pub last_failure: Option<Time>,
}

impl Backoff {
    /// Takes in pods that have ended, by their ends: any success forgets the failures up to it.
    pub fn observe(&mut self, succeeded: &[Time], failed: &[Time]) {
        if let Some(&success) = succeeded.iter().max() {
            *self = Backoff::default();
            self.add(failed.iter().copied().filter(|&end| end > success));
        } else {
            self.add(failed.iter().copied());
        }
    }

    fn add(&mut self, ends: impl Iterator<Item = Time>) {
        let mut last = None;
        for end in ends {
            self.failures = self.failures.saturating_add(1);
            last = last.max(Some(end));
        }
        self.last_failure = last.or(self.last_failure);
    }

    /// What is left of the wait at `now`: `initial`·2^(failures − 1), at most `max`.
    pub fn remaining(&self, now: Time, initial: Span, max: Span) -> Span {
        let Some(last) = self.last_failure.filter(|_| self.failures > 0) else { return Span::ZERO };
        let factor = 1_u64.checked_shl(self.failures - 1).unwrap_or(u64::MAX);
        (last + (initial * factor).min(max)).since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::recorded;
    use serde_json::Value;

    const INITIAL: Span = Span::from_secs(10);
    const MAX: Span = Span::from_secs(600);

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let waits: Vec<u64> = (0..9)
            .map(|failures| {
                let backoff = Backoff { failures, last_failure: Some(Time::ZERO) };
                backoff.remaining(Time::ZERO, INITIAL, MAX).0 / 1_000_000_000
            })
            .collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 320, 600, 600]);
        let many = Backoff { failures: u32::MAX, last_failure: Some(Time::ZERO) };
        assert_eq!(many.remaining(Time::ZERO, INITIAL, MAX), MAX);
    }

    fn time(value: &Value) -> Time {
        Time::from_secs_f64(value.as_f64().unwrap())
    }

    fn times(value: &Value) -> Vec<Time> {
        value.as_array().into_iter().flatten().map(time).collect()
    }

    #[test]
    fn safety_the_real_controller_waits_as_long() {
        let Some(cases) = recorded::cases("controllers-1.36/job-backoff.jsonl.gz") else { return };
        for case in &cases {
            let mut backoff = Backoff::default();
            let id = &case["id"];
            let syncs = case["input"]["syncs"].as_array().unwrap();
            for (sync, expected) in syncs.iter().zip(case["expected"]["syncs"].as_array().unwrap()) {
                backoff.observe(&times(&sync["succeeded"]), &times(&sync["failed"]));
                assert_eq!(u64::from(backoff.failures), expected["failuresAfterLastSuccess"], "{id}");
                assert_eq!(backoff.last_failure, expected.get("lastFailureTime").map(time), "{id}");
                let remaining = backoff.remaining(time(&sync["time"]), INITIAL, MAX);
                assert_eq!(Time(remaining.0), time(&expected["remaining"]), "{id}");
            }
            let formula = case["input"]["formula"].as_array().unwrap();
            for (asked, expected) in formula.iter().zip(case["expected"]["formula"].as_array().unwrap()) {
                let failures = asked["failures"].as_u64().unwrap() as u32;
                let backoff = Backoff { failures, last_failure: Some(time(&asked["lastFailure"])) };
                assert_eq!(
                    Time(backoff.remaining(time(&asked["now"]), INITIAL, MAX).0),
                    time(expected),
                    "{id}"
                );
            }
        }
        recorded::report("job-backoff", cases.len(), cases.len(), 0);
    }
}
