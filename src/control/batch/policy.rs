//! A policy: one choice for each point in which published programs differ (`docs/batch.md`).

use super::Order;
use crate::base::{Expression, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the queue is served.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Policy {
    /// In which order jobs are looked at.
    pub order: Order,
    /// The expression of [`Order::Own`].
    pub own: Option<Arc<Expression>>,
    /// Whether the first in order is chosen anew in each pass, or kept until it starts.
    pub head: Head,
    /// What may pass it.
    pub backfill: Backfill,
    /// What a job that waits holds of the future.
    pub reservation: Reservation,
    /// In which order the jobs behind the head are looked at.
    pub scan: Scan,
    /// Whether a job that would end at the very moment at which the head starts may pass it.
    pub zero_slack: ZeroSlack,
    /// What is known when a pass is made.
    pub passes: Passes,
    /// What is told first at one instant.
    pub event_order: EventOrder,
    /// How run times are foretold.
    pub predictor: Predictor,
    /// Passes are made at multiples of this only; zero for whenever something happens.
    pub interval: Span,
    /// Points of priority that a job gains in an hour of waiting ([`Order::Priority`]).
    pub ageing: f64,
    /// What [`Order::FairShare`] goes by.
    pub fair_share: FairShare,
    /// How long a job runs at a stretch ([`Order::RoundRobin`]).
    pub quantum: Span,
}

/// When the head of the queue is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Head {
    /// In each pass: a job that comes later may take the place of one that waits.
    #[default]
    Chosen,
    /// Once: the job that was first keeps the others waiting until it has started.
    Kept,
}

/// Which jobs may pass the head of the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Backfill {
    /// None.
    #[default]
    None,
    /// EASY: those that do not delay the head.
    Easy,
    /// Conservative: those that delay none of the jobs before them.
    Conservative,
}

/// What a job that waits holds of the future.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reservation {
    /// A number of processors.
    #[default]
    Counts,
    /// Particular processors, those with the lowest numbers.
    Machines,
    /// A number of processors at a moment that is set once.
    Frozen,
}

/// In which order the jobs behind the head are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scan {
    /// That of the queue.
    #[default]
    InOrder,
    /// The shortest estimate first (SJBF).
    ShortestFirst,
    /// That of submission.
    Submission,
}

/// Whether a job may pass the head that would end at the very moment at which the head starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ZeroSlack {
    /// It may.
    #[default]
    Allowed,
    /// It may not.
    Refused,
}

/// What is known when a pass is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Passes {
    /// All events of an instant; then there is one pass.
    #[default]
    PerInstant,
    /// Each event is followed by a pass.
    PerEvent,
    /// The same, but processors of jobs that end at this instant as estimated count as free from its
    /// beginning on ([`super::BatchEvent::Due`]).
    PerEventDue,
}

/// What is told first of what happens at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventOrder {
    /// Submissions, then ends.
    SubmitFirst,
    /// Ends, then submissions.
    EndFirst,
}

impl Default for EventOrder {
    /// Ends first, as with a pass for all of an instant.
    fn default() -> EventOrder {
        EventOrder::EndFirst
    }
}

/// How run times are foretold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Predictor {
    /// As they are told.
    #[default]
    Told,
    /// By the mean of the last two jobs of the same user that have ended, and no longer than told; a job
    /// that outruns it is given a minute more, then five… (Tsafrir, Etsion and Feitelson 2007).
    AverageOfTwo,
}

/// What users have had, against what they are due.
#[derive(Clone, PartialEq, Debug)]
pub struct FairShare {
    /// After this time what a user has had counts half.
    pub half_life: Span,
    /// Shares of users; 1 for those that are not listed.
    pub shares: BTreeMap<i32, f64>,
}

impl Default for FairShare {
    /// A week, as Slurm's PriorityDecayHalfLife.
    fn default() -> FairShare {
        FairShare { half_life: Span::from_secs(7 * 24 * 3600), shares: BTreeMap::new() }
    }
}
