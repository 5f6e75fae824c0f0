//! What an autoscaler remembers, and how that holds it back.
//!
//! Kubernetes 1.36, pkg/controller/podautoscaler/horizontal.go (reference control-plane §4.4, §4.5).
//! Entries that are too old to count are written over, so that the memory is as long as the longest window
//! that it has served.

use super::HpaBehavior;
use super::calculator::cut;
use crate::api::autoscaling::{ScalingRules, SelectPolicy};
use crate::base::{Span, Time};

/// A number of pods that was proposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Recommendation {
    replicas: i32,
    time: Time,
}

/// A change of the target's size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ScaleEvent {
    change: i32,
    time: Time,
    /// It was once older than the longest period: its place can be used again.
    is_outdated: bool,
}

/// What an autoscaler remembers from look to look, for as long as its controller runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    recommendations: Vec<Recommendation>,
    ups: Vec<ScaleEvent>,
    downs: Vec<ScaleEvent>,
}

/// A number of pods within the limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limited {
    pub(super) replicas: i32,
    /// The reason of the condition ScalingLimited.
    pub(super) reason: &'static str,
}

impl Limited {
    const fn not(replicas: i32) -> Limited {
        Limited { replicas, reason: "DesiredWithinRange" }
    }
}

impl Memory {
    /// At the first look the size that there is counts as recommended.
    pub(super) fn begin(&mut self, replicas: i32, now: Time) {
        if self.recommendations.is_empty() {
            self.recommendations.push(Recommendation { replicas, time: now });
        }
    }

    /// Without `behavior`: the highest recommendation of the window.
    pub(super) fn stabilize(&mut self, proposed: i32, window: Span, now: Time) -> i32 {
        let (mut highest, mut old) = (proposed, None);
        for (place, recommendation) in self.recommendations.iter().enumerate() {
            if now.since(recommendation.time) > window {
                old = Some(place);
            } else {
                highest = highest.max(recommendation.replicas);
            }
        }
        self.recommend(proposed, now, old);
        highest
    }

    /// With `behavior`: between the lowest recommendation of the one window and the highest of the
    /// other.
    pub(super) fn stabilize_by(
        &mut self,
        behavior: &HpaBehavior,
        current: i32,
        proposed: i32,
        default_window: Span,
        now: Time,
    ) -> i32 {
        let seconds = |seconds: i32| Span::from_secs(u64::try_from(seconds).unwrap_or(0));
        let up_window = seconds(behavior.scale_up.stabilization_seconds.unwrap_or(0));
        // The controller's own window is kept as a whole number of seconds.
        let default_window = Span(default_window.0 - default_window.0 % 1_000_000_000);
        let down_window = behavior.scale_down.stabilization_seconds.map_or(default_window, seconds);
        let (mut lowest, mut highest, mut old) = (proposed, proposed, None);
        for (place, recommendation) in self.recommendations.iter().enumerate() {
            let age = now.since(recommendation.time);
            if age < up_window {
                lowest = lowest.min(recommendation.replicas);
            }
            if age < down_window {
                highest = highest.max(recommendation.replicas);
            }
            if age > up_window && age > down_window {
                old = Some(place);
            }
        }
        self.recommend(proposed, now, old);
        current.max(lowest).min(highest)
    }

    /// Stores a proposal, in the place of one that is too old if there is one.
    fn recommend(&mut self, replicas: i32, now: Time, old: Option<usize>) {
        let recommendation = Recommendation { replicas, time: now };
        match old {
            Some(place) => self.recommendations[place] = recommendation,
            None => self.recommendations.push(recommendation),
        }
    }

    /// Remembers a change of size.
    pub(super) fn store_event(&mut self, behavior: &HpaBehavior, from: i32, to: i32, now: Time) {
        let (events, rules) = if to > from {
            (&mut self.ups, &behavior.scale_up)
        } else {
            (&mut self.downs, &behavior.scale_down)
        };
        let longest = rules.policies.iter().map(|policy| policy.period_seconds).max().unwrap_or(0);
        let mut old = None;
        for (place, event) in events.iter_mut().enumerate() {
            event.is_outdated |= now.since(event.time) > period(longest);
            if event.is_outdated {
                old = Some(place);
            }
        }
        let change = to.wrapping_sub(from).wrapping_abs();
        let event = ScaleEvent { change, time: now, is_outdated: false };
        match old {
            Some(place) => events[place] = event,
            None => events.push(event),
        }
    }

    /// With `behavior`: what its policies and the range allow of a move to `wanted`.
    pub(super) fn limit_by(
        &self,
        behavior: &HpaBehavior,
        (min, max): (i32, i32),
        current: i32,
        wanted: i32,
        now: Time,
    ) -> Limited {
        if wanted > current {
            let allowed = self.most(&behavior.scale_up, current, now).max(current);
            let is_policy = max > allowed;
            let reason = if is_policy { "ScaleUpLimit" } else { "TooManyReplicas" };
            let limit = if is_policy { allowed } else { max };
            if wanted > limit {
                return Limited { replicas: limit, reason };
            }
        } else if wanted < current {
            let allowed = self.fewest(&behavior.scale_down, current, now).min(current);
            let is_policy = min < allowed;
            let reason = if is_policy { "ScaleDownLimit" } else { "TooFewReplicas" };
            let limit = if is_policy { allowed } else { min };
            if wanted < limit {
                return Limited { replicas: limit, reason };
            }
        }
        Limited::not(wanted)
    }

    /// The most pods that the policies allow.
    fn most(&self, rules: &ScalingRules, current: i32, now: Time) -> i32 {
        let proposals = rules.policies.iter().map(|policy| {
            let start = self.start_of(policy.period_seconds, current, now);
            if policy.percent {
                cut(libm::ceil(f64::from(start) * (1.0 + f64::from(policy.value) / 100.0)))
            } else {
                start.wrapping_add(policy.value)
            }
        });
        match rules.select {
            SelectPolicy::Disabled => current,
            SelectPolicy::Min => proposals.min().unwrap_or(i32::MAX),
            SelectPolicy::Max => proposals.max().unwrap_or(i32::MIN),
        }
    }

    /// The fewest pods that the policies allow.
    fn fewest(&self, rules: &ScalingRules, current: i32, now: Time) -> i32 {
        let proposals = rules.policies.iter().map(|policy| {
            let start = self.start_of(policy.period_seconds, current, now);
            if policy.percent {
                cut(f64::from(start) * (1.0 - f64::from(policy.value) / 100.0))
            } else {
                start.wrapping_sub(policy.value)
            }
        });
        match rules.select {
            SelectPolicy::Disabled => current,
            SelectPolicy::Min => proposals.max().unwrap_or(i32::MIN),
            SelectPolicy::Max => proposals.min().unwrap_or(i32::MAX),
        }
    }

    /// How many pods there were at the beginning of a period that ends now.
    fn start_of(&self, seconds: i32, current: i32, now: Time) -> i32 {
        let changes = |events: &[ScaleEvent]| {
            let recent = events.iter().filter(|event| now.since(event.time) < period(seconds));
            recent.fold(0_i32, |sum, event| sum.wrapping_add(event.change))
        };
        current.wrapping_sub(changes(&self.ups)).wrapping_add(changes(&self.downs))
    }
}

fn period(seconds: i32) -> Span {
    Span::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Without `behavior`: the range, and at most twice as many pods as there are, or four.
pub(super) fn limit((min, max): (i32, i32), current: i32, wanted: i32) -> Limited {
    /// How many times as many pods there may be after one look.
    const FACTOR: i32 = 2;
    /// So many there may be in any case.
    const MINIMUM: i32 = 4;
    let allowed = current.saturating_mul(FACTOR).max(MINIMUM);
    if wanted < min {
        return Limited { replicas: min, reason: "TooFewReplicas" };
    }
    let (limit, reason) = if max > allowed { (allowed, "ScaleUpLimit") } else { (max, "TooManyReplicas") };
    if wanted > limit { Limited { replicas: limit, reason } } else { Limited::not(wanted) }
}
