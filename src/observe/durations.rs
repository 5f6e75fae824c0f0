//! Waits, turnarounds and slowdowns of what was submitted: pods and batch jobs alike.
//!
//! Definitions: `docs/metrics.md`. Which pods and jobs are entered is decided by the caller.

use super::metrics::{self, Sheet};
use super::results::Sample;
use super::samples::{Samples, Summary};
use super::stats;
use crate::base::{Map, Span, Time};

/// The bound τ of the bounded slowdown unless set: 10 s (Feitelson and Rudolph 1998).
pub(super) const DEFAULT_BOUND: Span = Span::from_secs(10);

/// All durations of a run.
#[derive(Debug)]
pub(super) struct Durations {
    bound: Span,
    wait: Samples,
    turnaround: Samples,
    slowdown: Samples,
    bounded: Samples,
    /// Sum and number of waits by user.
    users: Map<i32, (u128, u64)>,
    first_submit: Time,
    first_start: bool,
    last_start: Time,
    last_end: Option<Time>,
    ends: u128,
}

/// What becomes of the durations.
pub(super) struct Reported {
    /// For the charts.
    pub(super) samples: Vec<Sample>,
    /// Largest end − smallest submission of those that ended.
    pub(super) makespan: Option<Span>,
}

impl Durations {
    pub(super) fn new(bound: Span) -> Durations {
        Durations {
            bound,
            wait: Samples::of_times(),
            turnaround: Samples::of_times(),
            slowdown: Samples::of_ratios(),
            bounded: Samples::of_ratios(),
            users: Map::default(),
            first_submit: Time::MAX,
            first_start: false,
            last_start: Time::ZERO,
            last_end: None,
            ends: 0,
        }
    }

    /// Something that was submitted by `user` (-1 for nobody known) started, having waited so long.
    pub(super) fn started(&mut self, start: Time, wait: Span, user: i32) {
        self.wait.push_span(wait);
        self.first_start = true;
        self.last_start = self.last_start.max(start);
        if user >= 0 {
            let (sum, n) = self.users.entry(user).or_default();
            *sum += u128::from(wait.0);
            *n += 1;
        }
    }

    /// Something that had started ended by itself, having run so long.
    pub(super) fn ended(&mut self, submit: Time, end: Time, run: Span) {
        let turnaround = end.since(submit);
        self.turnaround.push_span(turnaround);
        if run > Span::ZERO {
            self.slowdown.push_ratio(turnaround.0 as f64 / run.0 as f64);
        }
        let divisor = run.max(self.bound).0.max(1);
        self.bounded.push_ratio((turnaround.0 as f64 / divisor as f64).max(1.0));
        self.first_submit = self.first_submit.min(submit);
        self.last_end = self.last_end.max(Some(end));
        self.ends += u128::from(end.0);
    }

    /// The bounded slowdown in millionths, rounded down.
    pub(super) fn bounded_micros(&self, turnaround: Span, run: Span) -> u64 {
        const MICROS: u64 = 1_000_000;
        let divisor = run.max(self.bound).0.max(1);
        let ratio = turnaround.0.checked_mul(MICROS).map_or_else(
            || {
                let ratio = u128::from(turnaround.0) * u128::from(MICROS) / u128::from(divisor);
                u64::try_from(ratio).unwrap_or(u64::MAX)
            },
            |product| product / divisor,
        );
        ratio.max(MICROS)
    }

    /// The last start, if anything started.
    pub(super) fn last_start(&self) -> Option<Time> {
        self.first_start.then_some(self.last_start)
    }

    /// Enters every metric; `succeeded` is how many ended well.
    pub(super) fn report(&mut self, sheet: &mut Sheet, succeeded: u64) -> Reported {
        let makespan = self.last_end.map(|end| end.since(self.first_submit));
        sheet.put("makespan_s", makespan.map(Span::as_secs_f64));
        sheet.put("last_end_s", self.last_end.map(Time::as_secs_f64));
        let seconds = makespan.map(Span::as_secs_f64).filter(|&seconds| seconds > 0.0);
        sheet.put("throughput_per_s", seconds.map(|seconds| succeeded as f64 / seconds));
        let nanos = crate::base::units::NANOS_PER_SECOND as f64;
        sheet.put("completion_time_total_s", self.ends as f64 / nanos);
        let wait = self.wait.summary();
        sheet.put("delay_total_s", wait.sum);
        self.report_users(sheet);
        let mut samples = Vec::new();
        let mut enter = |names, name: &str, label: &str, unit, summary: Summary| {
            sheet.summary(names, &summary);
            push_sample(&mut samples, name, label, unit, summary);
        };
        enter(&metrics::WAIT, "wait_s", "Wait", "s", wait);
        enter(&metrics::TURNAROUND, "turnaround_s", "Turnaround", "s", self.turnaround.summary());
        let bounded = self.bounded.summary();
        enter(&metrics::BOUNDED_SLOWDOWN, "bounded_slowdown", "Bounded slowdown", "1", bounded);
        sheet.summary(&metrics::SLOWDOWN, &self.slowdown.summary());
        Reported { samples, makespan }
    }

    fn report_users(&self, sheet: &mut Sheet) {
        let mut users: Vec<_> = self.users.iter().map(|(&user, &sums)| (user, sums)).collect();
        users.sort_unstable();
        let means: Vec<f64> = users.iter().map(|(_, (sum, n))| *sum as f64 / *n as f64).collect();
        sheet.count("users", means.len() as u64);
        sheet.put("wait_jain_users", stats::jain(&means));
        sheet.put("wait_gini_users", stats::gini(&means));
    }
}

/// Adds the curve of a sample for the charts, unless it is empty.
pub(super) fn push_sample(
    samples: &mut Vec<Sample>,
    name: &str,
    label: &str,
    unit: &'static str,
    summary: Summary,
) {
    if summary.n > 0 {
        samples.push(Sample { name: name.into(), label: label.into(), unit, values: summary.curve });
    }
}
