//! The part `controlPlane.batch`: how a queue of jobs is served. `docs/batch.md` has the rules.

use super::scalars::{Duration, Period, Real};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The batch scheduler.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// In which order queued jobs are looked at; `fcfs` where it is not given.
    pub order: Option<At<QueueOrder>>,
    /// Whether the first in order is chosen anew in each pass (`chosen`, where it is not given) or kept
    /// until it starts (`kept`).
    #[serde(default)]
    pub head: QueueHead,
    /// Which jobs may pass the first; `none` where it is not given.
    pub backfill: Option<At<Backfilling>>,
    /// What a job that waits holds of the future: a number of processors (`counts`, where it is not
    /// given), particular ones (`machines`), or a number from a moment on that is set once (`frozen`).
    pub reservation: Option<At<Reservation>>,
    /// In which order the jobs behind the first are looked at (`backfill: easy`); `queue` where it is not
    /// given, and `submission` with `reservation: frozen`.
    pub scan: Option<At<BackfillScan>>,
    /// Whether a job may pass the first that would end at the very moment at which that one starts
    /// (`backfill: easy`); true where it is not given, and false with `reservation: frozen`.
    pub zero_slack: Option<At<bool>>,
    /// What is known when a pass is made: all events of an instant (`perInstant`, where it is not given),
    /// or each event by itself (`perEvent`, `perEventDue`).
    #[serde(default)]
    pub passes: SchedulingPasses,
    /// What is told first of what happens at one instant; `endFirst` where it is not given, and
    /// `submitFirst` with a pass for each event.
    pub event_order: Option<At<EventOrder>>,
    /// What the policy is told of run times: what users have asked for (`user`, where it is not given),
    /// the truth (`clairvoyant`), or the mean of the user's last two jobs (`averageOfTwo`).
    #[serde(default)]
    pub estimates: Estimates,
    /// What the policy is told is multiplied by this; 1.
    pub estimate_factor: Option<At<Real>>,
    /// Whether a job that has run for its requested time is ended there; false.
    #[serde(default)]
    pub kill_at_estimate: bool,
    /// From the decision to start a job to its start; its processors are in use in the meantime. None
    /// where it is not given.
    pub dispatch_delay: Option<Duration>,
    /// Passes are made at multiples of this only; where it is not given, whenever something happens.
    pub scheduling_interval: Option<Period>,
    /// Points of priority that a job gains in an hour of waiting (`order: priority`); 0.
    pub ageing: Option<At<Real>>,
    /// What `order: fairShare` goes by.
    pub fair_share: Option<At<FairShare>>,
    /// How long a job runs at a stretch (`order: roundRobin`).
    pub quantum: Option<At<Period>>,
}

/// Orders in which queued jobs are looked at. Equal jobs are in the order of submission.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueueOrder {
    /// First come, first served.
    #[default]
    Fcfs,
    /// Shortest estimate first.
    Sjf,
    /// Longest estimate first.
    Ljf,
    /// Fewest processors first.
    Smallest,
    /// Most processors first.
    Largest,
    /// Least estimate times processors first.
    SmallestArea,
    /// Highest (wait + estimate) / estimate first.
    ExpansionFactor,
    /// -(wait / estimate)^3 * processors.
    Wfp3,
    /// -wait / (log2(processors) * estimate).
    Unicep,
    /// log10(estimate) * processors + 870 * log10(submit).
    F1,
    /// `wfp3` with the fault of a published table: -1 - submit in the place of the wait.
    Wfp3Published,
    /// `unicep` with the same fault.
    UnicepPublished,
    /// The job first that could start soonest, as the running ones are expected to end.
    LeastExpectedDelay,
    /// Highest priority first, which grows with the wait (`ageing`).
    Priority,
    /// Earliest deadline first; jobs without a deadline last.
    Edf,
    /// The jobs of the user first that has had the least for its share (`fairShare`).
    FairShare,
    /// Shortest remaining run time first: running jobs give way.
    Srtf,
    /// In turn, each for a `quantum`: running jobs give way.
    RoundRobin,
}

/// When the head of the queue is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QueueHead {
    /// In each pass.
    #[default]
    Chosen,
    /// Once.
    Kept,
}

/// Which jobs may pass the head of the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Backfilling {
    /// None.
    #[default]
    None,
    /// EASY: those that do not delay the head.
    Easy,
    /// Conservative: those that delay none of the jobs before them.
    Conservative,
}

/// What a job that waits holds of the future.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reservation {
    /// A number of processors.
    #[default]
    Counts,
    /// Particular processors, those with the lowest numbers.
    Machines,
    /// A number of processors from a moment on that is set once. With `backfill: easy` it needs
    /// `head: kept`.
    Frozen,
}

/// In which order the jobs behind the head are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BackfillScan {
    /// That of the queue.
    #[default]
    Queue,
    /// The shortest estimate first (SJBF).
    ShortestFirst,
    /// That of submission.
    Submission,
}

/// What is known when a pass is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SchedulingPasses {
    /// All events of an instant.
    #[default]
    PerInstant,
    /// Each event by itself.
    PerEvent,
    /// The same, submissions first, but jobs that end at this instant as estimated have given their
    /// processors back already.
    PerEventDue,
}

/// What is told first of what happens at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EventOrder {
    /// Submissions, then ends.
    SubmitFirst,
    /// Ends, then submissions.
    EndFirst,
}

/// What the policy is told of run times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Estimates {
    /// What users have asked for.
    #[default]
    User,
    /// The truth.
    Clairvoyant,
    /// The mean of the last two jobs of the same user that have ended, and no more than the user has asked
    /// for; more and more for a job that outruns it.
    AverageOfTwo,
}

/// What `order: fairShare` goes by.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FairShare {
    /// After this time what a user has had counts half; 7d.
    pub half_life: Option<Period>,
    /// Shares of users by their number; 1 for those that are not listed.
    #[serde(default)]
    pub shares: BTreeMap<String, At<Real>>,
}
