//! What `trace info` says of a trace: counts, spans and exact quantiles, in one pass.

use super::{Reader, Row};
use crate::base::{Diagnostic, Span, Time};

/// A distribution in a few numbers. Quantiles are values that occur: the smallest with at least the
/// given share of all values at or below it (nearest rank).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Summary {
    /// How many values there are.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The first quartile.
    pub p25: f64,
    /// The median.
    pub p50: f64,
    /// The third quartile.
    pub p75: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Summary {
    /// The summary of `values` times `unit`; `None` if there are none. Sorts the values.
    pub fn of(values: &mut [u64], unit: f64) -> Option<Summary> {
        values.sort_unstable();
        let (&min, &max) = (values.first()?, values.last()?);
        let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
        let quantile = |percent: usize| {
            let rank = (values.len() as u128 * percent as u128).div_ceil(100).max(1) as usize;
            values[rank - 1] as f64 * unit
        };
        Some(Summary {
            count: values.len() as u64,
            min: min as f64 * unit,
            p25: quantile(25),
            p50: quantile(50),
            p75: quantile(75),
            p95: quantile(95),
            p99: quantile(99),
            max: max as f64 * unit,
            mean: sum as f64 / values.len() as f64 * unit,
        })
    }
}

/// What a trace holds. Times are in seconds, CPU in cores, memory in bytes; a summary is `None`
/// where no row has the value.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Statistics {
    /// Rows used.
    pub rows: u64,
    /// Tasks: rows times the tasks of each.
    pub tasks: u64,
    /// The earliest submit time.
    pub first_submit: Option<Time>,
    /// From the earliest to the latest submit time.
    pub submit_span: Span,
    /// From the earliest submit time to the latest end, where every row starts after its recorded
    /// wait (at once if there is none).
    pub recorded_span: Span,
    /// Arrivals of rows per second over `submit_span`; 0 if that is empty.
    pub arrival_rate: f64,
    /// Seconds between arrivals, in order of submission.
    pub inter_arrival: Option<Summary>,
    /// Seconds.
    pub run_time: Option<Summary>,
    /// Seconds.
    pub estimate: Option<Summary>,
    /// Seconds.
    pub recorded_wait: Option<Summary>,
    /// Processors of the rows that have them.
    pub processors: Option<Summary>,
    /// Cores per task of the rows that request CPU.
    pub cpu: Option<Summary>,
    /// Bytes per task of the rows that request memory.
    pub memory: Option<Summary>,
    /// Rows whose run time is above the estimate.
    pub over_estimate: u64,
    /// Run time as a share of the estimate, of the rows that have both (and not an estimate of 0).
    pub estimate_accuracy: Option<Summary>,
    /// The most arrivals in any one hour, counted in whole hours from the first arrival.
    pub busiest_hour: u64,
    /// The same for days.
    pub busiest_day: u64,
    /// Arrivals in each of [`Statistics::SLICES`] equal parts of `submit_span`.
    pub over_time: Vec<u64>,
    /// Distinct users among the rows that name one.
    pub users: u64,
    /// Σ run time · processors · tasks, in processor-seconds.
    pub processor_seconds: f64,
    /// Σ run time · CPU · tasks, in core-seconds.
    pub cpu_seconds: f64,
}

/// Nanoseconds to seconds.
const SECONDS: f64 = 1e-9;

/// Nanoseconds in an hour.
const HOUR: u64 = 3_600_000_000_000;

/// The columns of values of which the quantiles are taken.
#[derive(Default)]
struct Columns {
    submits: Vec<u64>,
    run_times: Vec<u64>,
    estimates: Vec<u64>,
    /// Millionths.
    accuracies: Vec<u64>,
    waits: Vec<u64>,
    processors: Vec<u64>,
    cpu: Vec<u64>,
    memory: Vec<u64>,
    users: Vec<i32>,
}

impl Columns {
    fn add(&mut self, row: &Row) {
        self.submits.push(row.submit.0);
        self.run_times.extend(row.run_time.map(|span| span.0));
        self.estimates.extend(row.estimate.map(|span| span.0));
        if let (Some(run), Some(estimate)) = (row.run_time, row.estimate.filter(|span| span.0 > 0)) {
            let millionths = u128::from(run.0) * 1_000_000 / u128::from(estimate.0);
            self.accuracies.push(u64::try_from(millionths).unwrap_or(u64::MAX));
        }
        self.waits.extend(row.recorded_wait.map(|span| span.0));
        self.processors.extend((row.processors > 0).then_some(u64::from(row.processors)));
        self.cpu.extend((row.cpu_milli > 0).then_some(row.cpu_milli as u64));
        self.memory.extend((row.memory_bytes > 0).then_some(row.memory_bytes as u64));
        if row.user >= 0 && self.users.last() != Some(&row.user) {
            self.users.push(row.user);
        }
    }
}

impl Statistics {
    /// The parts of [`Statistics::over_time`].
    pub const SLICES: usize = 48;

    /// Reads all rows. Memory: up to eight bytes for each value of each row.
    pub fn collect(reader: &mut dyn Reader) -> Result<Statistics, Diagnostic> {
        let mut all = Statistics::default();
        let mut columns = Columns::default();
        let mut row = Row::default();
        let mut last_end = Time::ZERO;
        while reader.read(&mut row)? {
            columns.add(&row);
            all.rows += 1;
            all.tasks = all.tasks.saturating_add(u64::from(row.tasks));
            if let Some(run) = row.run_time {
                let seconds = run.as_secs_f64() * f64::from(row.tasks);
                all.processor_seconds += seconds * f64::from(row.processors);
                all.cpu_seconds += seconds * row.cpu_milli as f64 / 1e3;
                all.over_estimate += u64::from(row.estimate.is_some_and(|estimate| run > estimate));
            }
            let end = row.submit + row.recorded_wait.unwrap_or_default() + row.run_time.unwrap_or_default();
            last_end = last_end.max(end);
        }
        all.summarise(columns, last_end);
        Ok(all)
    }

    fn summarise(&mut self, mut columns: Columns, last_end: Time) {
        columns.submits.sort_unstable();
        columns.users.sort_unstable();
        columns.users.dedup();
        self.users = columns.users.len() as u64;
        let (first, last) = (columns.submits.first().copied(), columns.submits.last().copied());
        if let (Some(first), Some(last)) = (first, last) {
            self.first_submit = Some(Time(first));
            self.submit_span = Span(last - first);
            self.recorded_span = last_end.since(Time(first));
        }
        if self.submit_span > Span::ZERO {
            self.arrival_rate = (self.rows - 1) as f64 / self.submit_span.as_secs_f64();
        }
        self.busiest_hour = busiest(&columns.submits, HOUR);
        self.busiest_day = busiest(&columns.submits, 24 * HOUR);
        self.over_time = slices(&columns.submits);
        let mut gaps: Vec<u64> = columns.submits.windows(2).map(|pair| pair[1] - pair[0]).collect();
        self.inter_arrival = Summary::of(&mut gaps, SECONDS);
        self.run_time = Summary::of(&mut columns.run_times, SECONDS);
        self.estimate = Summary::of(&mut columns.estimates, SECONDS);
        self.estimate_accuracy = Summary::of(&mut columns.accuracies, 1e-6);
        self.recorded_wait = Summary::of(&mut columns.waits, SECONDS);
        self.processors = Summary::of(&mut columns.processors, 1.0);
        self.cpu = Summary::of(&mut columns.cpu, 1e-3);
        self.memory = Summary::of(&mut columns.memory, 1.0);
    }

    /// The offered load on `processors`: Σ run time · processors / (`processors` · `submit_span`);
    /// `None` if either is zero. Above 1, the queue grows without end.
    pub fn offered_load(&self, processors: u32) -> Option<f64> {
        ratio(self.processor_seconds, processors, self.submit_span)
    }

    /// The recorded utilization of `processors`: Σ run time · processors / (`processors` ·
    /// `recorded_span`); `None` if either is zero.
    pub fn recorded_utilization(&self, processors: u32) -> Option<f64> {
        ratio(self.processor_seconds, processors, self.recorded_span)
    }
}

/// The most of the sorted moments in one period, counted in whole periods from the first.
fn busiest(submits: &[u64], period: u64) -> u64 {
    let first = submits.first().copied().unwrap_or(0);
    let same = |a: &u64, b: &u64| (a - first) / period == (b - first) / period;
    submits.chunk_by(same).map(|chunk| chunk.len() as u64).max().unwrap_or(0)
}

/// The sorted moments by equal parts of the time that they cover.
fn slices(submits: &[u64]) -> Vec<u64> {
    let mut counts = vec![0; Statistics::SLICES];
    if let (Some(&first), Some(&last)) = (submits.first(), submits.last()) {
        let whole = u128::from(last - first) + 1;
        for submit in submits {
            let slice = u128::from(submit - first) * Statistics::SLICES as u128 / whole;
            counts[slice as usize] += 1;
        }
    }
    counts
}

fn ratio(work: f64, processors: u32, span: Span) -> Option<f64> {
    let capacity = f64::from(processors) * span.as_secs_f64();
    (capacity > 0.0).then(|| work / capacity)
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    fn row(submit: u64, run: u64, processors: u32) -> Row {
        let run_time = Some(Span::from_secs(run));
        Row { submit: Time::from_secs(submit), run_time, processors, ..Row::default() }
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        let mut values: Vec<u64> = (1..=100).rev().collect();
        let summary = Summary::of(&mut values, 1.0).unwrap();
        let of = |value: f64| value as u64;
        assert_eq!([of(summary.min), of(summary.p25), of(summary.p50)], [1, 25, 50]);
        assert_eq!([of(summary.p75), of(summary.p95), of(summary.p99), of(summary.max)], [75, 95, 99, 100]);
        assert!((summary.mean - 50.5).abs() < 1e-12);
        assert_eq!(Summary::of(&mut [], 1.0), None);
        assert_eq!(Summary::of(&mut [7], 1.0).map(|one| of(one.p99)), Some(7));
    }

    #[test]
    fn arrivals_by_hour_and_estimates() {
        let mut rows: Vec<Row> = [0, 10, 3_599, 3_600, 90_000].map(|at| row(at, 30, 1)).into();
        rows[0].estimate = Some(Span::from_secs(60));
        rows[1].estimate = Some(Span::ZERO);
        let found = Statistics::collect(&mut Rows::new("rows", rows)).unwrap();
        assert_eq!((found.busiest_hour, found.busiest_day), (3, 4));
        assert_eq!((found.over_time[0], found.over_time[1], found.over_time[47]), (2, 2, 1));
        assert_eq!(found.estimate_accuracy.map(|all| (all.count, (all.p50 * 100.0) as u64)), Some((1, 50)));
    }

    #[test]
    fn load_and_gaps_of_unsorted_rows() {
        let mut rows = Rows::new("rows", vec![row(10, 100, 2), row(0, 50, 4), row(40, 10, 1)]);
        let found = Statistics::collect(&mut rows).unwrap();
        assert_eq!(found.submit_span, Span::from_secs(40));
        assert_eq!(found.recorded_span, Span::from_secs(110));
        assert_eq!(found.inter_arrival.map(|gaps| gaps.max as u64), Some(30));
        assert!((found.offered_load(4).unwrap() - 410.0 / 160.0).abs() < 1e-12);
        assert!((found.recorded_utilization(4).unwrap() - 410.0 / 440.0).abs() < 1e-12);
        assert_eq!(found.offered_load(0), None);
        assert!((found.arrival_rate - 0.05).abs() < 1e-12);
    }
}
