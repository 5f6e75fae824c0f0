//! Node-pressure eviction: which pod has to go when the memory of a node runs short, and when.
//!
//! A kubelet looks every ten seconds. As long as it finds too little it evicts one pod at a look,
//! and waits until that is gone; the node's condition outlasts the shortage by five minutes.
//! Source: Kubernetes 1.36, pkg/kubelet/eviction (reference control-plane §1.11). How memory is
//! measured is not known here.

use super::qos::CRITICAL;
use crate::base::{Span, Time};
use crate::cluster::PodRef;
use crate::control::config;
use std::cmp::Reverse;

/// How often a kubelet looks whether an evicted pod is gone, and how long at most.
const CLEAN_UP_POLL: Span = Span::from_secs(1);
const CLEAN_UP_LIMIT: Span = Span::from_secs(30);
/// The grace period of a pod that is evicted at once.
const HARD_GRACE: Span = Span::from_secs(1);

/// A pod that could be evicted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    /// The pod.
    pub(super) pod: PodRef,
    /// Its number in order of creation.
    pub(super) serial: u64,
    /// Its priority.
    pub(super) priority: i32,
    /// Bytes that it asks for.
    pub(super) request: i64,
    /// Bytes that it uses; `None` if nothing of it runs.
    pub(super) usage: Option<i64>,
    /// Its own grace period.
    pub(super) grace: Span,
}

/// The pod that is evicted first: one of which nothing is known, then those that use more than they
/// ask for; among these the less important, then the one that is further above its request.
/// Critical pods are not evicted.
pub(super) fn first(candidates: &[Candidate]) -> Option<&Candidate> {
    let order = |candidate: &&Candidate| {
        let above = candidate.usage.map(|usage| usage - candidate.request);
        (
            above.is_some(),
            above.is_some_and(|above| above <= 0),
            candidate.priority,
            Reverse(above),
            candidate.serial,
        )
    };
    candidates.iter().filter(|candidate| candidate.priority < CRITICAL).min_by_key(order)
}

/// What a kubelet knows of its node's memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Pressure {
    /// Bytes that are left, and what each pod uses.
    available: i64,
    usage: Vec<(PodRef, i64)>,
    /// When too little was seen last.
    seen: Time,
    /// Since when the soft threshold has been seen to be passed.
    soft_since: Option<Time>,
    /// Whether the node has the condition.
    pub(super) condition: bool,
    /// The pod that was evicted last, and until when it is waited for.
    leaving: Option<(PodRef, Time)>,
}

/// What a look comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Look {
    /// The condition is written.
    pub(super) condition: Option<bool>,
    /// A pod is evicted, with that grace period.
    pub(super) evict: Option<(PodRef, Span)>,
    /// The next look; `None` if nothing is short any more.
    pub(super) next: Option<Time>,
}

impl Pressure {
    /// New figures.
    pub(super) fn measure(&mut self, available: i64, usage: &[(PodRef, i64)]) {
        self.available = available;
        self.usage = usage.to_vec();
    }

    /// What a pod uses.
    pub(super) fn usage(&self, pod: PodRef) -> Option<i64> {
        self.usage.iter().find(|(of, _)| *of == pod).map(|&(_, bytes)| bytes)
    }

    /// Looks at `now`. `is_gone` says whether an evicted pod is over; `candidates` are asked for
    /// only if one must go.
    pub(super) fn look(
        &mut self,
        now: Time,
        limits: &config::Kubelet,
        is_gone: impl Fn(PodRef) -> bool,
        candidates: impl Fn(&Pressure) -> Vec<Candidate>,
    ) -> Look {
        if let Some((pod, until)) = self.leaving {
            if !is_gone(pod) && now < until {
                return Look { next: Some(now + CLEAN_UP_POLL), ..Look::default() };
            }
            self.leaving = None;
        }
        let hard = self.available < limits.eviction_memory;
        let soft = self.available < limits.eviction_soft_memory;
        self.soft_since = soft.then(|| self.soft_since.unwrap_or(now));
        let mut look = Look { next: Some(now + limits.eviction_period), ..Look::default() };
        if hard || soft {
            self.seen = now;
            look.condition = (!self.condition).then_some(true);
            self.condition = true;
        } else if self.condition && now.since(self.seen) < limits.pressure_transition {
            // Nothing changes before the condition goes, unless new figures come.
            let left = limits.pressure_transition.saturating_sub(now.since(self.seen));
            let periods = left.0.div_ceil(limits.eviction_period.0.max(1));
            look.next = Some(now + limits.eviction_period * periods.max(1));
        } else {
            look.condition = self.condition.then_some(false);
            self.condition = false;
            look.next = None;
        }
        let patience = |since: Time| now.since(since) >= limits.eviction_soft_grace;
        let acts_softly = self.soft_since.is_some_and(patience);
        if hard || acts_softly {
            let candidates = candidates(self);
            look.evict = first(&candidates).map(|first| {
                let soft_grace = first.grace.min(limits.eviction_max_pod_grace);
                (first.pod, if hard { HARD_GRACE } else { soft_grace })
            });
        }
        if let Some((pod, _)) = look.evict {
            self.leaving = Some((pod, now + CLEAN_UP_LIMIT));
            look.next = Some(now + CLEAN_UP_POLL);
        }
        look
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::PodId;

    fn pod(id: u32) -> PodRef {
        PodRef { id: PodId(id), generation: 0 }
    }

    fn candidate(id: u32, priority: i32, request: i64, usage: Option<i64>) -> Candidate {
        let grace = Span::from_secs(30);
        Candidate { pod: pod(id), serial: id.into(), priority, request, usage, grace }
    }

    #[test]
    fn the_order_of_eviction() {
        let mut all = vec![
            candidate(0, CRITICAL, 0, Some(900)),
            candidate(1, 5, 100, Some(50)),
            candidate(2, 5, 100, Some(90)),
            candidate(3, 0, 100, Some(100)),
            candidate(4, 9, 100, Some(101)),
            candidate(5, 8, 100, Some(101)),
            candidate(6, 8, 100, Some(150)),
            candidate(7, 100, 100, None),
        ];
        let mut order = Vec::new();
        while let Some(&Candidate { pod, .. }) = first(&all) {
            order.push(pod.id.0);
            all.retain(|candidate| candidate.pod != pod);
        }
        assert_eq!(order, [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(all.len(), 1);
    }

    fn look(pressure: &mut Pressure, limits: &config::Kubelet, at: u64, gone: bool) -> String {
        let look = pressure.look(
            Time::from_secs(at),
            limits,
            |_| gone,
            |pressure| vec![candidate(1, 0, 0, pressure.usage(pod(1)))],
        );
        let evict = look.evict.map(|(pod, grace)| format!(" evict {} {grace}", pod.id.0));
        let condition = look.condition.map(|condition| format!(" {condition}"));
        let next = look.next.map_or("-".to_owned(), |next| format!("{next:?}"));
        format!("{next}{}{}", condition.unwrap_or_default(), evict.unwrap_or_default())
    }

    #[test]
    fn one_pod_goes_at_a_time_and_the_condition_stays() {
        let limits = config::Kubelet::default();
        let mut pressure = Pressure::default();
        pressure.measure(10, &[(pod(1), 7)]);
        assert_eq!(look(&mut pressure, &limits, 10, false), "t=11s true evict 1 1s");
        assert_eq!(look(&mut pressure, &limits, 11, false), "t=12s");
        assert_eq!(look(&mut pressure, &limits, 12, true), "t=13s evict 1 1s");
        pressure.measure(1 << 30, &[]);
        assert_eq!(look(&mut pressure, &limits, 13, true), "t=5m13s");
        assert_eq!(look(&mut pressure, &limits, 313, true), "- false");
    }

    #[test]
    fn a_soft_threshold_waits_for_its_grace_period() {
        let limits = config::Kubelet {
            eviction_soft_memory: 1 << 30,
            eviction_max_pod_grace: Span::from_secs(20),
            ..config::Kubelet::default()
        };
        let mut pressure = Pressure::default();
        pressure.measure(500 << 20, &[(pod(1), 7)]);
        assert_eq!(look(&mut pressure, &limits, 0, true), "t=10s true");
        assert_eq!(look(&mut pressure, &limits, 80, true), "t=1m30s");
        assert_eq!(look(&mut pressure, &limits, 90, true), "t=1m31s evict 1 20s");
    }
}
