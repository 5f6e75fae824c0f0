//! What users have had, with decay.

use super::policy::FairShare;
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Map, Time};

/// Parts of a processor in which it is counted what is held: a whole one.
pub(in crate::control) const WHOLE: u64 = 1_000_000;

/// Whole processors, as they are counted.
pub(super) fn of(processors: u32) -> u64 {
    u64::from(processors) * WHOLE
}

/// A user's account.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Processor-seconds, decayed to `at`.
    used: f64,
    at: Time,
    /// Processors held since then, in parts of [`WHOLE`].
    held: u64,
}

/// The accounts of all users.
#[derive(Clone, Debug, Default)]
pub(in crate::control) struct Usage {
    accounts: Map<i32, Account>,
    /// Natural logarithm of 2 over the half-life, per second.
    decay: f64,
}

impl Usage {
    pub(in crate::control) fn new(rule: &FairShare) -> Usage {
        let half_life = rule.half_life.as_secs_f64();
        let decay = if half_life > 0.0 { std::f64::consts::LN_2 / half_life } else { 0.0 };
        Usage { accounts: Map::default(), decay }
    }

    /// A user's jobs hold more processors from now on, or fewer, in parts of [`WHOLE`].
    pub(in crate::control) fn hold(&mut self, now: Time, user: i32, more: u64, fewer: u64) {
        let used = self.used(now, user);
        let account = self.accounts.entry(user).or_default();
        (account.used, account.at) = (used, now);
        account.held = account.held.saturating_add(more).saturating_sub(fewer);
    }

    /// Processor-seconds that a user has had up to now: each counts half after every half-life.
    pub(in crate::control) fn used(&self, now: Time, user: i32) -> f64 {
        let Some(account) = self.accounts.get(&user) else { return 0.0 };
        let seconds = now.since(account.at).0 as f64 / NANOS_PER_SECOND as f64;
        let held = account.held as f64 / WHOLE as f64;
        if self.decay <= 0.0 {
            return account.used + held * seconds;
        }
        // The integral of held·e^(-decay·t), and the decay of what was there.
        let rest = libm::exp(-self.decay * seconds);
        account.used * rest - held * libm::expm1(-self.decay * seconds) / self.decay
    }

    /// The same through the user's share.
    pub(in crate::control) fn through_share(&self, now: Time, user: i32, rule: &FairShare) -> f64 {
        self.used(now, user) / rule.shares.get(&user).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use std::collections::BTreeMap;

    #[test]
    fn what_was_had_halves_in_a_half_life() {
        let rule = FairShare { half_life: Span::from_secs(100), shares: BTreeMap::new() };
        let mut usage = Usage::new(&rule);
        usage.hold(Time::from_secs(0), 1, 8 * WHOLE, 0);
        usage.hold(Time::from_secs(10), 1, 0, 8 * WHOLE);
        let then = usage.used(Time::from_secs(10), 1);
        // 80 processor-seconds, of which the oldest have decayed for 10 s.
        assert!(then > 77.0 && then < 80.0, "{then}");
        let half = usage.used(Time::from_secs(110), 1);
        assert!((half / then - 0.5).abs() < 1e-12, "{half}");
        assert!(usage.used(Time::from_secs(10), 2) < 1e-12);
    }
}
