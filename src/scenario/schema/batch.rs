//! The part `controlPlane.batch`: how a queue of jobs is served. `docs/batch.md` has the rules.

use super::scalars::{Duration, Period, Raw, Real};
use crate::control::fleet::ORDER_NAMES;
use crate::scenario::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IntoDeserializer, value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The batch scheduler.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// In which order queued jobs are looked at: a name, or an expression such as
    /// `-(wait/estimate)^3 * procs` whose smallest value goes first (docs/expressions.md); `fcfs` where it is
    /// not given. On nodes the size of a job stands in the place of its processors (docs/fleet.md).
    pub order: Option<At<OrderOrExpression>>,
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
    /// How tasks are placed on nodes (with `cluster.pools` in the place of `processors`).
    pub nodes: Option<At<super::fleet::OnNodes>>,
}

/// An order by its name, or an expression of one's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderOrExpression {
    /// One that has a name.
    Named(QueueOrder),
    /// The text of an expression.
    Own(String),
}

impl<'de> Deserialize<'de> for OrderOrExpression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrderOrExpression, D::Error> {
        let Raw(text) = Raw::deserialize(deserializer)?;
        let named: Result<QueueOrder, value::Error> =
            QueueOrder::deserialize(text.as_str().into_deserializer());
        match named {
            Ok(order) => Ok(OrderOrExpression::Named(order)),
            Err(_) if is_word(&text) => Err(D::Error::unknown_variant(&text, &ORDERS)),
            Err(_) => Ok(OrderOrExpression::Own(text)),
        }
    }
}

/// Whether a text is a single word, as names of orders are, that an expression would not consist of. (What
/// one for nodes may name is what one for processors may, and more.)
fn is_word(text: &str) -> bool {
    let is_plain = text.chars().all(|letter| letter.is_ascii_alphanumeric());
    is_plain && !ORDER_NAMES.contains(&text) && text.parse::<f64>().is_err()
}

impl JsonSchema for OrderOrExpression {
    fn schema_name() -> Cow<'static, str> {
        "OrderOrExpression".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let named = generator.subschema_for::<QueueOrder>();
        json_schema!({
            "description": "The name of an order, or an expression whose smallest value goes first.",
            "anyOf": [named, { "type": ["string", "number"] }]
        })
    }
}

/// The names of the orders.
pub(in crate::scenario) const ORDERS: [&str; 18] = [
    "fcfs",
    "sjf",
    "ljf",
    "smallest",
    "largest",
    "smallestArea",
    "expansionFactor",
    "wfp3",
    "unicep",
    "f1",
    "wfp3Published",
    "unicepPublished",
    "leastExpectedDelay",
    "priority",
    "edf",
    "fairShare",
    "srtf",
    "roundRobin",
];

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
    /// The job first that could start soonest, as the running ones are expected to end; not on nodes.
    LeastExpectedDelay,
    /// Highest priority first, which grows with the wait (`ageing`).
    Priority,
    /// Earliest deadline first; jobs without a deadline last.
    Edf,
    /// The jobs of the user first that has had the least for its share (`fairShare`).
    FairShare,
    /// Shortest remaining run time first: running jobs give way; not on nodes.
    Srtf,
    /// In turn, each for a `quantum`: running jobs give way; not on nodes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_order_has_a_name() {
        for name in ORDERS {
            let named: Result<QueueOrder, value::Error> = QueueOrder::deserialize(name.into_deserializer());
            assert!(named.is_ok(), "{name}");
            assert!(is_word(name) || ORDER_NAMES.contains(&name), "{name}");
        }
        assert!(!is_word("wait") && !is_word("-wait") && !is_word("3") && is_word("shortest"));
    }
}
