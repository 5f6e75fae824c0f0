//! The formulas of queue orders: pure functions of what is known of a job, whatever it runs on. Each
//! gives a score; the smallest goes first.

use super::order::Order;
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};

/// What keeps the published programs from dividing by zero.
const EPSILON: f64 = 1e-15;
/// Seconds in an hour.
const HOUR: f64 = 3600.0;

/// A job as formulas see it; times are in seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::control) struct JobFacts {
    /// Since its submission.
    pub(in crate::control) wait: f64,
    /// What its user has asked for, at least 1 s; infinite for who has not said.
    pub(in crate::control) estimate: f64,
    /// How many it asks for; where it asks for other things, what that is worth.
    pub(in crate::control) processors: f64,
    /// The time of its submission.
    pub(in crate::control) submit: f64,
    /// The higher, the earlier.
    pub(in crate::control) priority: f64,
    /// The time by which it should have ended; infinite if there is none.
    pub(in crate::control) deadline: f64,
}

impl JobFacts {
    /// The facts of a job that was submitted at some time, without a deadline.
    pub(in crate::control) fn new(
        now: Time,
        submitted: Time,
        estimate: Option<Span>,
        processors: f64,
        priority: i32,
    ) -> JobFacts {
        JobFacts {
            wait: seconds(now.since(submitted)),
            estimate: estimate.map_or(f64::INFINITY, seconds).max(1.0),
            processors,
            submit: seconds(Span(submitted.0)),
            priority: f64::from(priority),
            deadline: f64::INFINITY,
        }
    }

    /// The same with a deadline, if there is one.
    pub(in crate::control) fn due(self, deadline: Option<Time>) -> JobFacts {
        JobFacts { deadline: deadline.map_or(f64::INFINITY, |at| seconds(Span(at.0))), ..self }
    }

    /// The score under an order that asks for nothing but the job; `None` under the others. `ageing` is
    /// in points of priority for an hour of waiting.
    pub(in crate::control) fn score(&self, order: Order, ageing: f64) -> Option<f64> {
        let JobFacts { wait, estimate, processors, submit, .. } = *self;
        let published = -1.0 - submit;
        Some(match order {
            Order::Fcfs | Order::ShortestRemaining | Order::RoundRobin => 0.0,
            Order::Sjf => estimate,
            Order::Ljf => -estimate,
            Order::Smallest => processors,
            Order::Largest => -processors,
            Order::SmallestArea => estimate * processors,
            Order::ExpansionFactor => -(wait + estimate) / estimate,
            Order::Wfp3 => wfp3(wait, estimate, processors),
            Order::Unicep => unicep(wait, estimate, processors),
            Order::F1 => libm::log10(estimate) * processors + 870.0 * libm::log10(submit.max(1.0)),
            Order::Wfp3Published => wfp3(published, estimate, processors),
            Order::UnicepPublished => unicep(published, estimate, processors),
            // The same as priority + ageing · wait, less what is equal for all.
            Order::Priority => ageing * submit / HOUR - self.priority,
            Order::EarliestDeadline => self.deadline,
            Order::LeastExpectedDelay | Order::FairShare | Order::Own => return None,
        })
    }

    /// The values of the first of [`super::ORDER_NAMES`] for an expression.
    pub(in crate::control) fn values(&self, now: Time) -> [f64; 7] {
        let JobFacts { wait, estimate, processors, submit, priority, deadline } = *self;
        [wait, estimate, processors, submit, seconds(Span(now.0)), priority, deadline]
    }
}

/// A length in seconds.
pub(super) fn seconds(span: Span) -> f64 {
    span.0 as f64 / NANOS_PER_SECOND as f64
}

fn wfp3(wait: f64, estimate: f64, processors: f64) -> f64 {
    let ratio = wait / estimate;
    -(ratio * ratio * ratio) * processors
}

/// Less than one processor counts as one: below that the logarithm turns the order round.
fn unicep(wait: f64, estimate: f64, processors: f64) -> f64 {
    -(wait + EPSILON) / (libm::log2(processors.max(1.0) + EPSILON) * estimate)
}
