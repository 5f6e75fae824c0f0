//! The crash-loop back-off of one container, as a function of times.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kuberuntime/kuberuntime_manager.go (`doBackOff`) and
//! client-go's util/flowcontrol/backoff.go. It knows neither pods nor timers.

use crate::base::{Span, Time};
use crate::control::config;

/// What a container remembers of its restarts: nothing before the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct BackOff {
    /// The wait after the next end; zero stands for "no entry".
    length: Span,
    /// When the container was restarted last.
    updated: Time,
}

/// Whether a container may start now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
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
    pub(super) fn attempt(&mut self, now: Time, finished: Time, limits: &config::Kubelet) -> Verdict {
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
    pub(super) fn clean_up(&mut self, now: Time, limits: &config::Kubelet) {
        if now.since(self.updated) > limits.backoff_reset {
            *self = BackOff::default();
        }
    }

    /// When a container that ended at `finished` may start again.
    pub(super) fn until(self, finished: Time) -> Time {
        finished + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::io::BufRead as _;

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

    fn seconds(value: &Value) -> Time {
        Time::from_secs_f64(value.as_f64().expect("times are numbers"))
    }

    /// What `case` answers, in the form of its `expected`.
    fn answer(case: &Value) -> Vec<Value> {
        let mut limits = config::Kubelet::default();
        if let Some(max) = case["input"]["maxBackoff"].as_u64() {
            limits.backoff_max = Span::from_secs(max);
        }
        let mut entries = std::collections::BTreeMap::<&str, BackOff>::new();
        let mut answers = Vec::new();
        for event in case["input"]["events"].as_array().expect("events are a list") {
            let now = seconds(&event["time"]);
            if event["op"] == "gc" {
                for entry in entries.values_mut() {
                    entry.clean_up(now, &limits);
                }
                answers.push(serde_json::json!({}));
                continue;
            }
            let finished = seconds(&event["finishedAt"]);
            let entry = entries.entry(event["container"].as_str().expect("a name")).or_default();
            let verdict = entry.attempt(now, finished, &limits);
            let mut answer = serde_json::json!({
                "restart": verdict == Verdict::Start, "backoff": entry.length.as_secs_f64()});
            if let Verdict::Wait { until } = verdict {
                answer["backoffUntil"] = until.as_secs_f64().into();
            }
            answers.push(answer);
        }
        answers
    }

    /// Equality that does not tell 10 from 10.0.
    fn same(ours: &Value, theirs: &Value) -> bool {
        let same_number = |key: &str| ours[key].as_f64() == theirs[key].as_f64();
        ours["restart"] == theirs["restart"] && same_number("backoff") && same_number("backoffUntil")
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "the data lie outside the repository"
    )]
    fn conformance_crashloop() {
        let Some(data) = std::env::var_os("SEATRIAL_DATA") else {
            eprintln!("skipped: conformance_crashloop (SEATRIAL_DATA is not set)");
            return;
        };
        let path = std::path::Path::new(&data).join("conformance/controllers-1.36/crashloop.jsonl.gz");
        let file = flate2::read::MultiGzDecoder::new(std::fs::File::open(path).expect("the data are there"));
        let mut cases = 0;
        for line in std::io::BufReader::new(file).lines() {
            let case: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
            let (ours, theirs) = (answer(&case), case["expected"]["events"].as_array().expect("answers"));
            assert_eq!(ours.len(), theirs.len());
            for (step, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                assert!(same(ours, theirs), "{} step {step}: {ours} is not {theirs}", case["id"]);
            }
            cases += 1;
        }
        assert_eq!(cases, 30);
    }
}
