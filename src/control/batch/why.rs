//! Why a job that waits does not start: the policy's own reason, as of the last pass.
//!
//! How the reason is put into words is not known here.

use super::policy::{Backfill, Reservation};
use super::{BatchControl, Order};
use crate::base::ids::JobId;
use crate::base::{BitSet, Time};
use crate::cluster::Machine;

/// Why a job does not start now. `J` is how jobs are named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why<J = JobId> {
    /// It is the first in order and does not fit.
    First {
        /// When it fits, by the estimates, where the policy looks for that moment.
        fits_at: Option<Time>,
    },
    /// Another one is first in order, and nothing may pass that one.
    Behind {
        /// The first.
        first: J,
    },
    /// It may pass the first, but too few processors are free.
    TooFew,
    /// It would still run when the first is to start, and more processors than are to spare then.
    Delays {
        /// The first in order.
        first: J,
        /// When that one is to start, by the estimates.
        at: Time,
        /// Processors that are free then and not needed for the first.
        spare: u32,
    },
    /// It would still run when the first is to start, and needs processors that are held for that one.
    Held {
        /// The first in order.
        first: J,
        /// When that one is to start, by the estimates.
        at: Time,
        /// The processors that are held for it.
        held: BitSet,
        /// Processors that are free now and not held.
        outside: u32,
    },
    /// It would not end before the moment that was set for the first.
    Outlasts {
        /// The first in order.
        first: J,
        /// That moment.
        at: Time,
    },
    /// It has a place in the plan.
    Planned {
        /// From when on.
        at: Time,
        /// Which processors, where they are told apart.
        part: Option<BitSet>,
    },
    /// Under a preemptive order others come first.
    OthersFirst {
        /// The order.
        order: Order,
    },
    /// It fits, but the next pass is made later.
    NextPass {
        /// When.
        at: Time,
    },
    /// It has its processors and is about to begin.
    Launching,
}

/// A job's need against what is free, and the reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waits<J = JobId> {
    /// Processors that it needs.
    pub needs: u32,
    /// Processors that are free.
    pub free: u32,
    /// Why it does not start.
    pub why: Why<J>,
}

impl<J> Waits<J> {
    /// The same with other names of jobs.
    pub fn named<K>(self, name: impl FnOnce(J) -> K) -> Waits<K> {
        let why = match self.why {
            Why::First { fits_at } => Why::First { fits_at },
            Why::Behind { first } => Why::Behind { first: name(first) },
            Why::TooFew => Why::TooFew,
            Why::Delays { first, at, spare } => Why::Delays { first: name(first), at, spare },
            Why::Held { first, at, held, outside } => Why::Held { first: name(first), at, held, outside },
            Why::Outlasts { first, at } => Why::Outlasts { first: name(first), at },
            Why::Planned { at, part } => Why::Planned { at, part },
            Why::OthersFirst { order } => Why::OthersFirst { order },
            Why::NextPass { at } => Why::NextPass { at },
            Why::Launching => Why::Launching,
        };
        Waits { needs: self.needs, free: self.free, why }
    }
}

impl BatchControl {
    /// Why a job that waits does not start. Asked after a pass; the answer is about a job of
    /// [`BatchControl::waiting`].
    pub fn why(&self, now: Time, job: JobId, machine: &Machine) -> Waits {
        let (needs, free) = (machine.size[job.index()], machine.free);
        let later = self.pass_due.filter(|due| *due > now);
        let why = match later {
            Some(at) if needs <= free && self.sharing.is_none() => Why::NextPass { at },
            _ => self.reason(now, job, machine),
        };
        Waits { needs, free, why }
    }

    fn reason(&self, now: Time, job: JobId, machine: &Machine) -> Why {
        if self.sharing.is_some() {
            return Why::OthersFirst { order: self.policy.order };
        }
        if self.policy.backfill == Backfill::Conservative {
            return match self.plan.promised(job) {
                Some(at) => Why::Planned { at, part: self.plan.part(job).cloned() },
                None => Why::TooFew,
            };
        }
        let kept = self.kept.as_ref().map(|(head, said)| (*head, Some(*said)));
        let Some((head, said)) = kept.or_else(|| self.queue.first().map(|head| (head, None))) else {
            return Why::TooFew;
        };
        let needs = machine.size[job.index()];
        if self.policy.backfill == Backfill::None {
            return if job == head.job {
                Why::First { fits_at: None }
            } else {
                Why::Behind { first: head.job }
            };
        }
        let (at, outside, held) = self.held_for(now, (&head, said), machine);
        let first = head.job;
        if job == first {
            return Why::First { fits_at: (at < Time::MAX).then_some(at) };
        }
        if needs > machine.free {
            return Why::TooFew;
        }
        match (self.policy.reservation, held) {
            (Reservation::Frozen, _) => Why::Outlasts { first, at },
            (_, Some(held)) => Why::Held { first, at, held, outside },
            (_, None) => Why::Delays { first, at, spare: outside },
        }
    }
}
