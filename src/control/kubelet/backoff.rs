//! The crash-loop back-off of one container, as a function of times.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kuberuntime/kuberuntime_manager.go (`doBackOff`) and
//! client-go's util/flowcontrol/backoff.go. It knows neither pods nor timers.

use crate::base::{Span, Time};
use crate::control::config;

/// What a container remembers of its restarts: nothing before the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct BackOff {
    /// The wait after the next end; zero stands for "no entry".
    length: Span,
    /// When the container was restarted last.
    updated: Time,
}

/// Whether a container may start now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It may; the restart is entered.
    Start,
    /// It may not before this moment.
    Wait {
        /// The end of the back-off.
        until: Time,
    },
}

impl BackOff {
    /// Asks to start again, at `now`, a container that ended at `finished`. The first restart is
    /// immediate; each later one waits twice as long as the one before, counted from the end of the
    /// run. A run longer than `backoff_reset`, counted from its restart, starts afresh.
    pub(crate) fn attempt(&mut self, now: Time, finished: Time, limits: &config::Kubelet) -> Verdict {
        let fresh = self.length == Span::ZERO || finished.since(self.updated) > limits.backoff_reset;
        if !fresh && now.since(finished) < self.length {
            return Verdict::Wait { until: self.until(finished) };
        }
        let next = if fresh { limits.backoff_initial } else { self.length * 2 };
        *self = BackOff { length: next.min(limits.backoff_max), updated: now };
        Verdict::Start
    }

    /// Forgets a restart that is longer ago than `backoff_reset`: the kubelet's periodic clean-up,
    /// which does not care whether the container runs or waits.
    pub(crate) fn clean_up(&mut self, now: Time, limits: &config::Kubelet) {
        if now.since(self.updated) > limits.backoff_reset {
            *self = BackOff::default();
        }
    }

    /// Whether a pull must wait at `now`, counted from the last one that failed; after
    /// `backoff_reset` without one it is forgotten (pkg/kubelet/images/image_manager.go).
    pub(crate) fn holds_pull(self, now: Time, limits: &config::Kubelet) -> bool {
        let since = now.since(self.updated);
        since <= limits.backoff_reset && since < self.length
    }

    /// A pull has failed: the next waits twice as long as the one before.
    pub(crate) fn pull_failed(&mut self, now: Time, limits: &config::Kubelet) {
        let fresh = self.length == Span::ZERO || now.since(self.updated) > limits.backoff_reset;
        let next = if fresh { limits.image_backoff_initial } else { self.length * 2 };
        *self = BackOff { length: next.min(limits.image_backoff_max), updated: now };
    }

    /// When the next pull may be made.
    pub(crate) fn pull_at(self) -> Time {
        self.updated + self.length
    }

    /// The wait after the next end, zero if there is no entry.
    pub(crate) fn length(self) -> Span {
        self.length
    }

    /// When a container that ended at `finished` may start again.
    pub(crate) fn until(self, finished: Time) -> Time {
        finished + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits before each restart of a container whose runs last as given, in seconds.
    fn waits(runs: &[u64]) -> Vec<u64> {
        let limits = config::Kubelet::default();
        let (mut entry, mut now) = (BackOff::default(), Time::ZERO);
        let mut waits = Vec::new();
        for &run in runs {
            let finished = now + Span::from_secs(run);
            now = match entry.attempt(finished, finished, &limits) {
                Verdict::Start => finished,
                Verdict::Wait { until } => {
                    assert_eq!(entry.attempt(until, finished, &limits), Verdict::Start);
                    until
                }
            };
            waits.push(now.since(finished).0 / crate::base::units::NANOS_PER_SECOND);
        }
        waits
    }

    #[test]
    fn the_published_sequence() {
        assert_eq!(waits(&[1; 9]), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn only_a_run_longer_than_ten_minutes_resets() {
        assert_eq!(waits(&[1, 1, 1, 600, 1]), [0, 10, 20, 40, 80]);
        assert_eq!(waits(&[1, 1, 1, 601, 1, 1]), [0, 10, 20, 0, 10, 20]);
    }

    #[test]
    fn a_low_maximum_lowers_the_first_wait() {
        let limits = config::Kubelet { backoff_max: Span::from_secs(3), ..config::Kubelet::default() };
        let mut entry = BackOff::default();
        assert_eq!(entry.attempt(Time::ZERO, Time::ZERO, &limits), Verdict::Start);
        assert_eq!(entry.until(Time::ZERO), Time::from_secs(3));
    }
}
