//! Probe workers: when a probe's result changes, as a function of what probes find.
//!
//! A worker asks at each tick of its period, counted from the moment at which it was made, and out
//! of turn when it is poked. What an answer would be is constant between the events that change it,
//! so that the tick at which the result flips can be computed: no tick is an event.
//! Source: Kubernetes 1.36, pkg/kubelet/prober/worker.go (reference control-plane §1.7). It knows
//! neither pods nor timers.

use crate::api::{Probe, Probes};
use crate::base::{Span, Time};

/// What a probe is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Whether the container has started.
    Startup,
    /// Whether it can serve.
    Readiness,
    /// Whether it must be restarted.
    Liveness,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Kind; 3] = [Kind::Startup, Kind::Readiness, Kind::Liveness];

    /// The probe of that kind.
    pub(super) fn of(self, probes: &Probes) -> Option<&Probe> {
        match self {
            Kind::Startup => probes.startup.as_ref(),
            Kind::Readiness => probes.readiness.as_ref(),
            Kind::Liveness => probes.liveness.as_ref(),
        }
    }
}

/// What a probe finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    /// The container answers as it should.
    Good,
    /// It refuses, at once.
    Refused,
    /// It does not answer: the probe fails after its timeout.
    Silent,
}

/// A worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Prober {
    /// Whom it asks.
    pub(super) container: u16,
    /// What for.
    pub(super) kind: Kind,
    /// A tick; the others are whole periods later.
    origin: Time,
    /// Ticks before this moment have been counted.
    counted: Time,
    /// The last answer, and how often in a row it was given.
    last: bool,
    run: u32,
    /// What counts as the result; `None` while nothing does.
    pub(super) result: Option<bool>,
    /// Whether it waits for the next instance of the container.
    on_hold: bool,
    /// Whether it asks at once.
    pub(super) poked: bool,
    /// When the container's run began, in whole seconds as its status has it.
    pub(super) since: Time,
}

/// What a worker must know of its container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sight<'a> {
    /// The probe as written.
    pub(super) probe: &'a Probe,
    /// What it finds, from now until something changes.
    pub(super) finding: Finding,
    /// Whether it asks at all: the container runs, and is (or is not yet) started.
    pub(super) asks: bool,
}

impl Prober {
    /// A worker that is made now. Its first question comes `jitter` later; where that is at once it
    /// finds nothing, as no container runs yet.
    pub(super) fn new(container: u16, kind: Kind, now: Time, jitter: Span) -> Prober {
        let origin = now + jitter;
        let counted = if jitter == Span::ZERO { origin + Span(1) } else { origin };
        Prober {
            container,
            kind,
            origin,
            counted,
            last: true,
            run: 0,
            result: None,
            on_hold: false,
            poked: false,
            since: Time::ZERO,
        }
    }

    /// A new instance of the container runs.
    pub(super) fn begin(&mut self, now: Time) {
        self.result = None;
        self.on_hold = false;
        self.poked = false;
        self.since = now.floor_second();
    }

    /// Skips the ticks up to now, inclusively.
    pub(super) fn skip(&mut self, now: Time) {
        self.counted = self.counted.max(now + Span(1));
    }

    /// Counts the answers of the ticks before `now`. None of them flipped the result, or the worker
    /// would have been told at that tick.
    pub(super) fn advance(&mut self, now: Time, sight: Sight<'_>) {
        if self.is_asking(sight) {
            let period = period(sight.probe);
            let first = tick(self.origin, period, self.from(sight));
            if first < now {
                let ticks = (now.since(first).0 - 1) / period.0 + 1;
                self.count(sight.finding == Finding::Good, ticks.min(u64::from(u32::MAX)) as u32);
            }
        }
        self.counted = self.counted.max(now);
    }

    /// When the result flips if nothing changes; `None` for never.
    pub(super) fn next(&self, now: Time, sight: Sight<'_>) -> Option<Time> {
        if !self.is_asking(sight) {
            return None;
        }
        if self.poked {
            return Some(now);
        }
        let good = sight.finding == Finding::Good;
        if self.effective() == Some(good) {
            return None;
        }
        let have = if self.last == good { self.run } else { 0 };
        let needed = threshold(sight.probe, good).saturating_sub(have).max(1);
        let period = period(sight.probe);
        let (lag, step) = match sight.finding {
            Finding::Silent => {
                let timeout = Span::from_secs(sight.probe.timeout_seconds.max(1).into());
                (timeout, period.max(timeout))
            }
            _ => (Span::ZERO, period),
        };
        let first = tick(self.origin, period, self.from(sight));
        let more = u128::from(step.0) * u128::from(needed - 1) + u128::from(lag.0);
        let flip = u128::from(first.0) + more;
        u64::try_from(flip).ok().map(Time)
    }

    /// Does what is due at `now`; says whether the result has changed.
    pub(super) fn fire(&mut self, now: Time, sight: Sight<'_>) -> bool {
        if self.next(now, sight).is_none_or(|due| due > now) {
            return false;
        }
        let good = sight.finding == Finding::Good;
        if std::mem::take(&mut self.poked) {
            if self.since + Span::from_secs(sight.probe.initial_delay_seconds.into()) > now {
                return false;
            }
            self.count(good, 1);
            if self.run < threshold(sight.probe, good) {
                return false;
            }
        } else {
            // The ticks up to this one were not counted one by one.
            self.last = good;
            self.run = threshold(sight.probe, good);
            self.counted = now + Span(1);
        }
        if self.effective() == Some(good) {
            return false;
        }
        self.result = Some(good);
        if !good && self.kind != Kind::Readiness {
            self.on_hold = true;
            self.run = 0;
        }
        true
    }

    /// What counts as the result before anything was found.
    fn effective(&self) -> Option<bool> {
        self.result.or(match self.kind {
            Kind::Startup => None,
            Kind::Readiness => Some(false),
            Kind::Liveness => Some(true),
        })
    }

    fn is_asking(&self, sight: Sight<'_>) -> bool {
        sight.asks && !self.on_hold
    }

    /// The first moment from which ticks count that have not been counted.
    fn from(&self, sight: Sight<'_>) -> Time {
        self.counted.max(self.since + Span::from_secs(sight.probe.initial_delay_seconds.into()))
    }

    fn count(&mut self, good: bool, answers: u32) {
        if self.last != good {
            (self.last, self.run) = (good, 0);
        }
        self.run = self.run.saturating_add(answers);
    }
}

fn period(probe: &Probe) -> Span {
    Span::from_secs(probe.period_seconds.max(1).into())
}

fn threshold(probe: &Probe, good: bool) -> u32 {
    if good { probe.success_threshold.max(1) } else { probe.failure_threshold.max(1) }
}

/// The first tick at or after a moment.
fn tick(origin: Time, period: Span, from: Time) -> Time {
    let periods = from.since(origin).0.div_ceil(period.0);
    origin + Span(period.0.saturating_mul(periods))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROBE: Probe = Probe::DEFAULT;

    fn sight(probe: &Probe, finding: Finding) -> Sight<'_> {
        Sight { probe, finding, asks: true }
    }

    fn started(kind: Kind, made: u64, start: u64) -> Prober {
        let mut prober = Prober::new(0, kind, Time::from_secs(made), Span::ZERO);
        let idle = Sight { probe: &PROBE, finding: Finding::Refused, asks: false };
        prober.advance(Time::from_secs(start), idle);
        prober.begin(Time::from_secs(start));
        prober
    }

    #[test]
    fn a_result_flips_at_the_tick_that_makes_the_threshold() {
        let prober = started(Kind::Liveness, 3, 7);
        let next = |finding| prober.next(Time::from_secs(7), sight(&PROBE, finding));
        assert_eq!(next(Finding::Good), None);
        // Ticks at 13, 23, 33; a silent container fails a second after each.
        assert_eq!(next(Finding::Refused), Some(Time::from_secs(33)));
        assert_eq!(next(Finding::Silent), Some(Time::from_secs(34)));
    }

    #[test]
    fn the_initial_delay_counts_from_the_start_in_whole_seconds() {
        let probe = Probe { initial_delay_seconds: 6, ..PROBE };
        let mut prober = Prober::new(0, Kind::Readiness, Time::from_secs(3), Span::ZERO);
        prober.begin(Time(7_900_000_000));
        assert_eq!(prober.next(Time::from_secs(8), sight(&probe, Finding::Good)), Some(Time::from_secs(13)));
        prober.begin(Time::from_secs(8));
        assert_eq!(prober.next(Time::from_secs(8), sight(&probe, Finding::Good)), Some(Time::from_secs(23)));
    }

    #[test]
    fn a_poke_asks_at_once_and_counts_once() {
        let mut prober = started(Kind::Readiness, 0, 4);
        let twice = Probe { success_threshold: 2, ..PROBE };
        prober.poked = true;
        assert!(!prober.fire(Time::from_secs(4), sight(&twice, Finding::Good)));
        assert_eq!(prober.next(Time::from_secs(4), sight(&twice, Finding::Good)), Some(Time::from_secs(10)));
        assert!(prober.fire(Time::from_secs(10), sight(&twice, Finding::Good)));
        assert_eq!(prober.result, Some(true));
    }

    #[test]
    fn a_timeout_longer_than_the_period_sets_the_pace() {
        let probe = Probe { timeout_seconds: 30, ..PROBE };
        let prober = started(Kind::Liveness, 0, 1);
        let next = prober.next(Time::from_secs(1), sight(&probe, Finding::Silent));
        assert_eq!(next, Some(Time::from_secs(100)));
    }

    #[test]
    fn a_worker_of_a_failed_container_waits_for_the_next() {
        let mut prober = started(Kind::Liveness, 0, 0);
        assert!(prober.fire(Time::from_secs(30), sight(&PROBE, Finding::Refused)));
        assert_eq!(prober.next(Time::from_secs(30), sight(&PROBE, Finding::Refused)), None);
        prober.begin(Time::from_secs(31));
        assert_eq!(
            prober.next(Time::from_secs(31), sight(&PROBE, Finding::Refused)),
            Some(Time::from_secs(60))
        );
    }

    proptest! {
        /// Asking at every tick, one after the other, flips the result at the moment that is computed
        /// ahead, however the findings change meanwhile.
        #[test]
        fn safety_the_computed_flip_is_that_of_asking_at_every_tick(
            changes in prop::collection::vec((1u64..60, any::<bool>()), 1..12),
            period in 1u32..20, success in 1u32..4, failure in 1u32..4, delay in 0u32..30,
            kind in prop::sample::select(Kind::ALL.to_vec()),
        ) {
            let probe = Probe {
                initial_delay_seconds: delay, period_seconds: period,
                success_threshold: success, failure_threshold: failure, ..PROBE
            };
            let finding = |good: bool| if good { Finding::Good } else { Finding::Refused };
            let mut fast = Prober::new(0, kind, Time::ZERO, Span::ZERO);
            fast.begin(Time::ZERO);
            let mut flips = Vec::new();
            let (mut now, mut good) = (Time::ZERO, false);
            let mut plan = Vec::new();
            for (wait, next_good) in changes {
                // A change half a second off any tick.
                let at = now + Span::from_secs(wait);
                plan.push((now, good));
                while let Some(due) = fast.next(now, sight(&probe, finding(good))).filter(|&due| due < at) {
                    if fast.fire(due, sight(&probe, finding(good))) {
                        flips.push((due, good));
                    }
                }
                fast.advance(at, sight(&probe, finding(good)));
                (now, good) = (at, next_good);
            }
            let (mut last, mut run, mut held) = (true, 0u32, false);
            let mut result = match kind { Kind::Startup => None, Kind::Readiness => Some(false), Kind::Liveness => Some(true) };
            let mut slow = Vec::new();
            let mut at = Time::from_secs(period.into());
            while at < now {
                let good = plan.iter().rev().find(|(from, _)| *from <= at).expect("it began").1;
                if !held && at >= Time::from_secs(delay.into()) {
                    run = if last == good { run + 1 } else { 1 };
                    last = good;
                    if run >= (if good { success } else { failure }) && result != Some(good) {
                        result = Some(good);
                        slow.push((at, good));
                        held = !good && kind != Kind::Readiness;
                    }
                }
                at += Span::from_secs(period.into());
            }
            prop_assert_eq!(flips, slow);
        }
    }
}
