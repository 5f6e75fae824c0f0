//! Offer filters: what a framework has refused, it is not offered again for a while.
//!
//! Apache Mesos, src/master/allocator/mesos/hierarchical.cpp, recoverResources (reference control-plane
//! §7.1, §7.3). Who refuses and why is not known here.

use super::allocator::{AgentKey, FrameworkKey, RoleKey};
use super::amounts::Amounts;
use crate::base::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// `refuse_seconds` of an answer that names none.
pub const DEFAULT_REFUSAL: Span = Span::from_secs(5);
/// The longest refusal.
pub const LONGEST_REFUSAL: Span = Span::from_secs(365 * 24 * 3600);

/// What an answer to an offer says about the resources that come back.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Refusal {
    /// They are not refused: no filter. A task has ended, or the offer was rescinded.
    #[default]
    None,
    /// They are refused for so many seconds, as the framework writes them.
    Seconds(f64),
}

impl Refusal {
    /// How long offers are held back: nothing for 0, five seconds for what is no duration, a year at most.
    pub fn span(self) -> Option<Span> {
        match self {
            Refusal::None => None,
            Refusal::Seconds(seconds) if !(seconds >= 0.0 && seconds.is_finite()) => Some(DEFAULT_REFUSAL),
            Refusal::Seconds(seconds) => {
                Some(Span::from_secs_f64(seconds).min(LONGEST_REFUSAL)).filter(|&span| span > Span::ZERO)
            }
        }
    }
}

/// What was refused, and the last moment at which that counts.
#[derive(Clone, Debug)]
struct Filter {
    refused: Amounts,
    until: Time,
}

/// The filters of all frameworks.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    open: BTreeMap<(FrameworkKey, RoleKey, AgentKey), Vec<Filter>>,
    /// When filters end, some of which are gone.
    ends: BTreeSet<Time>,
}

impl Filters {
    /// A framework refuses resources of an agent in a role. The filter holds for the next allocation at
    /// least, so it never lives shorter than the interval between two.
    pub fn refuse(
        &mut self,
        now: Time,
        key: (FrameworkKey, RoleKey, AgentKey),
        refused: Amounts,
        (refusal, interval): (Refusal, Span),
    ) {
        if let Some(span) = refusal.span() {
            let until = now + span.max(interval);
            self.open.entry(key).or_default().push(Filter { refused, until });
            self.ends.insert(until);
        }
    }

    /// Whether an offer is held back: a filter holds something that contains all of it. An agent that
    /// has more than was refused is offered again. At the very end of its life a filter still counts: it
    /// goes by one more message, behind an allocation that is due at the same time.
    pub fn holds_back(&self, now: Time, key: (FrameworkKey, RoleKey, AgentKey), offer: &Amounts) -> bool {
        self.open
            .get(&key)
            .is_some_and(|filters| filters.iter().any(|one| now <= one.until && one.refused.contains(offer)))
    }

    /// Forgets what is over.
    pub fn expire(&mut self, now: Time) {
        if self.ends.first().is_none_or(|end| *end >= now) {
            return;
        }
        self.ends = self.ends.split_off(&now);
        self.open.retain(|_, filters| {
            filters.retain(|filter| now <= filter.until);
            !filters.is_empty()
        });
    }

    /// When the first filter ends, or would have ended.
    pub fn next_end(&self) -> Option<Time> {
        self.ends.first().copied()
    }

    /// The framework wants offers of some roles again, whatever it has refused.
    pub fn revive(&mut self, framework: FrameworkKey, roles: &[RoleKey]) {
        self.open.retain(|(of, role, _), _| *of != framework || !roles.contains(role));
    }

    /// The agent is gone.
    pub fn forget_agent(&mut self, agent: AgentKey) {
        self.open.retain(|(_, _, of), _| *of != agent);
    }

    /// The framework is gone.
    pub fn forget_framework(&mut self, framework: FrameworkKey) {
        self.open.retain(|(of, ..), _| *of != framework);
    }
}
