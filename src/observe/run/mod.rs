//! Observing a run of Kubernetes: the records of a run become metrics, series, rows and events.
//!
//! Memory grows with the pods that are alive and the nodes; of a pod that is gone only five
//! 8-byte samples stay, and these are bounded too. Files are streams here: where they go, and
//! what becomes of the results, is not known.

mod failing;
mod finish;
mod fragmentation;
mod ledger;
mod nodes;
mod pods;
mod record;
mod replicas;
mod statuses;
#[cfg(test)]
mod tests;
mod text;
mod unplaced;

use super::columns;
use super::durations::{DEFAULT_BOUND, Durations};
use super::events::EventLog;
use super::gantt::Bars;
use super::outputs::Observed;
use super::samples::Samples;
use super::series::StepSeries;
use super::stats::Integral;
use super::table::{Sink, Table};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, PodRef};
use crate::sim::{Observer, Pool, Record, View};
use failing::Failing;
use fragmentation::Fragmentation;
use ledger::{Accounts, Node, Resources};
use pods::{Facts, Pod, RowContext};
use replicas::Replicas;
use statuses::Statuses;
pub use statuses::{ChartedLoad, loads};
use std::io;
use unplaced::Unplaced;

/// How a run is observed.
#[derive(Clone, Debug)]
pub struct Options {
    /// The pools by [`crate::base::ids::PoolId`], for names and prices.
    pub pools: Vec<Pool>,
    /// τ of the bounded slowdown.
    pub slowdown_bound: Span,
    /// How many bars are kept for the Gantt chart.
    pub bars: usize,
    /// How many lines of the event log are kept for the report.
    pub event_lines: usize,
    /// The loads that are drawn.
    pub loads: Vec<ChartedLoad>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            pools: Vec::new(),
            slowdown_bound: DEFAULT_BOUND,
            bars: 5_000,
            event_lines: 2_000,
            loads: Vec::new(),
        }
    }
}

/// Where the streamed tables go; `None` for nowhere.
#[derive(Default)]
pub struct Sinks {
    /// `pods.csv`. Without a sink its rows are still made, for the digest.
    pub pods: Option<Sink>,
    /// `events.csv`.
    pub events: Option<Sink>,
    /// `decisions.csv`.
    pub decisions: Option<Sink>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    created: u64,
    initial: u64,
    succeeded: u64,
    failed: u64,
    removed: u64,
    unplaced: u64,
    never_started: u64,
    rejected: u64,
    restarts: u64,
    evictions: u64,
    preemptions: u64,
    oom_kills: u64,
    attempts: u64,
    failures: u64,
    pending: u64,
    starting: u64,
    running: u64,
    /// Millicore-nanoseconds of main containers.
    goodput: i128,
    lost: i128,
}

/// The series of the charts.
#[derive(Debug, Default)]
struct Gauges {
    queue: StepSeries,
    starting: StepSeries,
    running: StepSeries,
    succeeded: StepSeries,
    failed: StepSeries,
    removed: StepSeries,
    nodes: StepSeries,
    ready: StepSeries,
    /// Shares requested and amounts offered, by resource.
    requested: Vec<StepSeries>,
    capacity: Vec<StepSeries>,
    /// Shares of CPU and memory used.
    used: [StepSeries; 2],
}

/// Observes a run. Feed it to the engine, then call [`RunObserver::observed`].
pub struct RunObserver {
    options: Options,
    resources: Resources,
    accounts: Accounts,
    stranded: [Integral; 2],
    nodes: Vec<Node>,
    present: Integral,
    ready: Integral,
    facts: Vec<Option<Facts>>,
    pods: Vec<Pod>,
    counts: Counts,
    queue: Integral,
    durations: Durations,
    latency: Samples,
    startup: Samples,
    replicas: Replicas,
    statuses: Statuses,
    fragmentation: Fragmentation,
    unplaced: Unplaced,
    failing: Failing,
    gauges: Gauges,
    bars: Bars,
    events: EventLog,
    table: Table,
    decisions: Option<Table>,
    /// The instant whose records are coming in, and whether it has changed anything.
    instant: Time,
    dirty: bool,
    /// Scratch space for names.
    scratch: Vec<u8>,
    last_failure: text::Cached,
    used_is_known: bool,
    outcome: Option<finish::Finished>,
}

impl RunObserver {
    /// An observer that writes into `sinks`.
    pub fn new(options: Options, sinks: Sinks) -> RunObserver {
        let decisions =
            sinks.decisions.map(|sink| Table::new(Some(sink), columns::names(columns::DECISIONS)));
        RunObserver {
            resources: Resources::default(),
            accounts: Accounts::default(),
            stranded: Default::default(),
            nodes: Vec::new(),
            present: Integral::default(),
            ready: Integral::default(),
            facts: Vec::new(),
            pods: Vec::new(),
            counts: Counts::default(),
            queue: Integral::default(),
            durations: Durations::new(options.slowdown_bound),
            latency: Samples::of_times(),
            startup: Samples::of_times(),
            replicas: Replicas::default(),
            statuses: Statuses::default(),
            fragmentation: Fragmentation::default(),
            unplaced: Unplaced::default(),
            failing: Failing::default(),
            gauges: Gauges::default(),
            bars: Bars::new(options.bars),
            events: EventLog::new(sinks.events, options.event_lines),
            table: Table::new(sinks.pods, columns::names(columns::PODS)),
            decisions,
            instant: Time::ZERO,
            dirty: false,
            scratch: Vec::new(),
            last_failure: text::Cached::default(),
            used_is_known: false,
            outcome: None,
            options,
        }
    }

    /// The results, once the run has told its end; or the first error of a sink. A run that was
    /// broken off before its end is an error of kind `Interrupted`.
    pub fn observed(mut self) -> io::Result<Observed> {
        match self.outcome.take() {
            Some(finished) => finished.observed(self),
            None => Err(io::Error::new(io::ErrorKind::Interrupted, "the run did not come to its end")),
        }
    }

    /// The pod, if it is alive.
    fn live(&mut self, pod: PodRef) -> Option<&mut Pod> {
        self.pods.get_mut(pod.id.index()).filter(|row| row.live && row.generation == pod.generation)
    }

    fn facts(&self, pod: &Pod) -> Option<&Facts> {
        self.facts.get(pod.class.index())?.as_ref()
    }

    /// Before anything of a new instant: what the last one has left is what holds from then on.
    fn advance(&mut self, now: Time) {
        if now > self.instant {
            if self.dirty {
                self.sample();
            }
            self.instant = now;
        }
        self.dirty = true;
    }

    /// Enters the state at the end of an instant into the series.
    fn sample(&mut self) {
        let (now, counts, gauges) = (self.instant.0, &self.counts, &mut self.gauges);
        self.dirty = false;
        gauges.queue.set(now, counts.pending as f64);
        gauges.starting.set(now, counts.starting as f64);
        gauges.running.set(now, counts.running as f64);
        gauges.succeeded.set(now, counts.succeeded as f64);
        gauges.failed.set(now, counts.failed as f64);
        gauges.removed.set(now, counts.removed as f64);
        gauges.nodes.set(now, float(self.present.value()));
        gauges.ready.set(now, float(self.ready.value()));
        let all = self.accounts.all();
        let rows = all.capacity.len();
        gauges.requested.resize_with(rows.max(gauges.requested.len()), StepSeries::default);
        gauges.capacity.resize_with(rows.max(gauges.capacity.len()), StepSeries::default);
        for row in 0..rows {
            let capacity = float(ledger::value(&all.capacity, row));
            let share = |amount: i128| if capacity > 0.0 { float(amount) / capacity } else { 0.0 };
            gauges.requested[row].set(now, share(ledger::value(&all.requested, row)));
            gauges.capacity[row].set(now, capacity);
            if let (true, Some(used)) = (self.used_is_known, all.used.get(row)) {
                gauges.used[row].set(now, share(used.value()));
            }
        }
        if counts.pending == 0 {
            self.fragmentation.close(self.instant);
        } else if self.fragmentation.is_due(self.instant) {
            let queued = self.facts.iter().flatten().filter(|facts| facts.queued > 0);
            let queued = queued.map(|facts| facts.requests.as_slice()).collect();
            self.fragmentation.sample(self.instant, &self.nodes, queued);
        }
    }

    /// Writes the row of a pod.
    fn write_row(&mut self, row: usize, outcome: pods::Outcome, cluster: &Cluster) {
        let nothing = Facts::default();
        let pod = &self.pods[row];
        let facts = self.facts.get(pod.class.index()).and_then(Option::as_ref).unwrap_or(&nothing);
        let node = pod.node.and_then(|node| self.nodes.get(node.index())).map_or("", |node| &node.name);
        let (replicas, durations) = (&self.replicas, &self.durations);
        let context = RowContext { cluster, facts, node, replicas, durations };
        pods::write_row(&mut self.table, pod, outcome, &context);
    }
}

/// The float nearest to a number; nearly all fit 64 bits, from which it is made faster.
fn float(value: i128) -> f64 {
    i64::try_from(value).map_or_else(|_| wide_float(value), |value| value as f64)
}

/// Apart, so that it is not computed where it is not wanted.
#[cold]
#[inline(never)]
fn wide_float(value: i128) -> f64 {
    value as f64
}

impl Observer for RunObserver {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        self.advance(now);
        self.log(now, record, view);
        self.take_in(now, record, view);
    }

    fn finish(&mut self, now: Time, view: View<'_>) {
        self.advance(now);
        self.conclude(now, view.cluster);
    }
}
