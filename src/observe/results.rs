//! The results of one run, as charts, reports, comparisons and expectations read them.

use super::follow::Story;
use crate::base::Time;

/// The results of one run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Results {
    /// The scenario's name.
    pub title: String,
    /// What is shown beside the title: version, seed, digest, inputs with their sha256.
    pub provenance: Vec<(String, String)>,
    /// Every metric, in the order of output.
    pub metrics: Vec<Metric>,
    /// Time series, ready to be drawn (each at most some thousand points).
    pub series: Vec<Series>,
    /// Samples whose distribution is shown, such as waits.
    pub samples: Vec<Sample>,
    /// Where each pod or job ran, if it was kept.
    pub gantt: Gantt,
    /// Why pods were never placed: the diagnosis text, and how many pods had it last.
    pub unplaced: Vec<(String, u64)>,
    /// The pods with the most failed attempts, those first.
    pub failing: Vec<FailingPod>,
    /// The way through the scheduler of pods that were asked about.
    pub stories: Vec<Story>,
    /// Why jobs of a small batch run waited, by job and time.
    pub waits: Vec<Wait>,
    /// Whether that was kept: who is not among `waits` did not wait.
    pub keeps_waits: bool,
    /// The first and most telling lines of the event log: (time, who, what, about, why).
    pub events: Vec<[String; 5]>,
    /// How many lines of the event log are not among `events`.
    pub events_omitted: u64,
    /// What was dropped, repaired or ignored in the inputs: (what, how many).
    pub remarks: Vec<(String, u64)>,
    /// The moment at which the run ended.
    pub end: Time,
}

/// A stretch of time that a job waited for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// The job's number, or its name where jobs have names.
    pub job: String,
    /// Since when.
    pub from: Time,
    /// Until when: then it (or the last of its tasks) started, or there was another reason, or the run ended.
    pub until: Time,
    /// Why, as a sentence without a full stop.
    pub reason: String,
    /// The same without the moments that the policy has worked out.
    pub hint: String,
}

impl Wait {
    /// The job in a sentence.
    pub fn who(&self) -> String {
        super::single::called(&self.job)
    }
}

/// A pod whose attempts failed often.
#[derive(Clone, PartialEq, Debug)]
pub struct FailingPod {
    /// The pod, as `namespace/name`.
    pub pod: String,
    /// How many attempts failed.
    pub failures: u64,
    /// The reasons, in the order in which they first came up.
    pub groups: Vec<FailureGroup>,
    /// Attempts that failed for further reasons.
    pub others: u64,
}

/// Attempts that failed for the same reasons.
#[derive(Clone, PartialEq, Debug)]
pub struct FailureGroup {
    /// The latest message.
    pub message: String,
    /// How many attempts.
    pub count: u64,
    /// The first of them.
    pub first: Time,
    /// The last of them.
    pub last: Time,
}

/// One number.
#[derive(Clone, PartialEq, Debug)]
pub struct Metric {
    /// The name, such as `wait_mean_s`; with a scope behind a point where there is one:
    /// `utilization_requested_cpu.zone.a`.
    pub name: String,
    /// The unit: `s`, `1` for a share, `pods`, `core·s`, the currency…
    pub unit: &'static str,
    /// The value; `None` where it is not defined (no sample).
    pub value: Option<f64>,
    /// What it is, in one sentence.
    pub definition: &'static str,
    /// The heading it is listed under, such as `Waiting`.
    pub group: &'static str,
    /// Whether it belongs into the short summary.
    pub headline: bool,
}

/// A quantity over time: constant from each point to the next.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// The name, such as `requested_cpu`.
    pub name: String,
    /// What is shown in the legend.
    pub label: String,
    /// The chart it belongs to; series of one chart share axes: `utilization`, `capacity`, `queue`,
    /// `pods`, `nodes`, `replicas`.
    pub chart: &'static str,
    /// The unit.
    pub unit: &'static str,
    /// (seconds since the start, value), times ascending.
    pub points: Vec<(f64, f64)>,
}

/// A sample of a quantity.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The name, such as `wait_s`.
    pub name: String,
    /// What is shown on the axis.
    pub label: String,
    /// The unit.
    pub unit: &'static str,
    /// The values, ascending (at most some thousand: quantiles of the full sample).
    pub values: Vec<f64>,
}

/// Bars of pods or jobs on rows of nodes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gantt {
    /// Row labels (nodes, or processors of a machine), top to bottom.
    pub rows: Vec<String>,
    /// The bars.
    pub bars: Vec<Bar>,
    /// How many bars were left out because there are too many.
    pub omitted: u64,
}

/// One bar.
#[derive(Clone, PartialEq, Debug)]
pub struct Bar {
    /// The row.
    pub row: u32,
    /// How many rows it spans, from `row` on, at least 1.
    pub height: u32,
    /// Seconds since the start.
    pub start: f64,
    /// Seconds since the start.
    pub end: f64,
    /// The pod or job.
    pub label: String,
    /// What is shown when one asks: wait, requests, why it started late.
    pub detail: String,
    /// What it shows.
    pub kind: BarKind,
}

/// What a bar shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BarKind {
    /// A run that ended well, or goes on.
    Ran,
    /// A run that ended with an error.
    Failed,
    /// A run whose work was lost: evicted, killed, lost with its node.
    Lost,
    /// The node was down.
    Down,
    /// A job waited.
    Waited,
    /// A task had its room and did not work: it waited for the others of its job.
    Held,
}
