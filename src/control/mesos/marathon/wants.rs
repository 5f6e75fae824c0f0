//! How Marathon asks for offers and turns them down.
//!
//! Marathon, core/launcher/OfferProcessorConfig.scala, ReviveOffersConfig.scala (reference control-plane
//! §7.5). While nothing waits for a launch no offers are wanted.

use crate::base::{Span, Time};

/// The settings.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// `decline_offer_duration`: how long an offer that matches nothing is refused, in seconds.
    pub decline: f64,
    /// `min_revive_offers_interval`: the least time between two revivals.
    pub revive_interval: Span,
    /// `max_instances_per_offer`.
    pub launches_per_offer: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { decline: 120.0, revive_interval: Span::from_secs(5), launches_per_offer: 5 }
    }
}

/// Whether offers are wanted, and when that is said next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wants {
    /// Whether something waits for an offer.
    wanted: bool,
    /// Whether something has begun to wait since the last revival.
    revive: bool,
    latest: Option<Time>,
}

/// What is said to the master.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// REVIVE: offers, whatever has been refused.
    Revive,
    /// SUPPRESS: no offers.
    Suppress,
}

impl Wants {
    /// Something begins to wait for an offer.
    pub fn begin(&mut self) {
        (self.wanted, self.revive) = (true, true);
    }

    /// Nothing waits any more; says what to tell the master.
    pub fn end(&mut self) -> Option<Call> {
        self.revive = false;
        std::mem::take(&mut self.wanted).then_some(Call::Suppress)
    }

    /// When a revival is due.
    pub fn due(&self, settings: &Settings) -> Option<Time> {
        let earliest = self.latest.map_or(Time::ZERO, |latest| latest + settings.revive_interval);
        self.revive.then_some(earliest)
    }

    /// Revives if that is due.
    pub fn call(&mut self, now: Time, settings: &Settings) -> Option<Call> {
        let due = self.due(settings).is_some_and(|due| due <= now);
        if due {
            (self.revive, self.latest) = (false, Some(now));
        }
        due.then_some(Call::Revive)
    }
}
