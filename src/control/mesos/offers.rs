//! Offers that frameworks hold: answered, timed out or taken back.
//!
//! Apache Mesos, src/master/master.cpp (reference control-plane §7.1, §7.3). Without `--offer_timeout` a
//! framework may hold an offer for ever. How frameworks choose is not known here.

use super::allocator::{AgentKey, FrameworkKey, Grant};
use super::amounts::Amounts;
use crate::base::{Span, Time};
use std::collections::BTreeMap;

/// An offer's number.
pub type OfferId = u64;

/// The offers that are open.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    made: OfferId,
    open: BTreeMap<OfferId, (Grant, Option<Time>)>,
    timeout: Option<Span>,
}

/// What becomes of the resources of an offer that was accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// What the tasks take: it stays allocated.
    pub launched: Grant,
    /// What they leave: it comes back, refused with the filters of the answer.
    pub rest: Grant,
}

/// Why an answer to an offer is worth nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// The offer was answered, has timed out or was taken back. Its tasks are lost.
    Gone,
    /// The tasks need more than the offer has. The whole of it comes back.
    TooLittle,
}

impl Offers {
    /// No offers yet; each is taken back after `timeout`, if there is one.
    pub fn new(timeout: Option<Span>) -> Offers {
        Offers { timeout, ..Offers::default() }
    }

    /// Sends an offer.
    pub fn send(&mut self, now: Time, grant: Grant) -> OfferId {
        self.made += 1;
        self.open.insert(self.made, (grant, self.timeout.map(|timeout| now + timeout)));
        self.made
    }

    /// An offer that is open.
    pub fn get(&self, offer: OfferId) -> Option<&Grant> {
        self.open.get(&offer).map(|(grant, _)| grant)
    }

    /// A framework accepts an offer for tasks that take `tasks` in sum.
    pub fn accept(&mut self, offer: OfferId, tasks: &Amounts) -> Result<Accepted, Invalid> {
        let (grant, _) = self.open.get(&offer).ok_or(Invalid::Gone)?;
        if !grant.amounts.contains(tasks) {
            return Err(Invalid::TooLittle);
        }
        let (grant, _) = self.open.remove(&offer).ok_or(Invalid::Gone)?;
        let rest = Grant { amounts: grant.amounts.without(tasks), ..grant };
        Ok(Accepted { launched: Grant { amounts: tasks.clone(), ..grant }, rest })
    }

    /// A framework declines an offer: what it had comes back.
    pub fn decline(&mut self, offer: OfferId) -> Option<Grant> {
        self.open.remove(&offer).map(|(grant, _)| grant)
    }

    /// Takes back the offers of an agent that is gone, disconnected or changed.
    pub fn rescind_agent(&mut self, agent: AgentKey) -> Vec<Grant> {
        self.take_back(|grant, _| grant.agent == agent)
    }

    /// Removes the offers of a framework that is disconnected.
    pub fn rescind_framework(&mut self, framework: FrameworkKey) -> Vec<Grant> {
        self.take_back(|grant, _| grant.framework == framework)
    }

    /// Takes back the offers that nobody has answered in time; they are not refused.
    pub fn expire(&mut self, now: Time) -> Vec<Grant> {
        self.take_back(|_, until| until.is_some_and(|until| until <= now))
    }

    /// When the next offer times out.
    pub fn next_timeout(&self) -> Option<Time> {
        self.open.values().filter_map(|(_, until)| *until).min()
    }

    fn take_back(&mut self, gone: impl Fn(&Grant, Option<Time>) -> bool) -> Vec<Grant> {
        self.open
            .extract_if(.., |_, (grant, until)| gone(grant, *until))
            .map(|(_, (grant, _))| grant)
            .collect()
    }
}
