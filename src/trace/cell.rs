//! A generated workload with the published shape of a large cell: that of Google's trace of 2011.
//!
//! Jobs arrive independently; most have one task and a few have thousands. The tasks of a job arrive
//! together, ask for the same and have the same priority and user; each is a row of its own, with a
//! run time of its own. What is drawn from tables was measured on the trace: requests, priorities and
//! tasks of a job on its first part (`task_events`, part 0 of 500). The run times are an assumption:
//! lognormal, so long in the mean that the cell is loaded as [`LOAD`] says.
//!
//! Knows nothing of the machines but their sum: they are pools of a scenario
//! (`scenarios/large/google-cell.yaml`).
//!
//! Sources: clusterdata-2011-2 (Reiss, Wilkes, Hellerstein); Reiss et al., Heterogeneity and Dynamicity
//! of Clouds at Scale, SoCC 2012.

use super::report::ReadReport;
use super::{Column, Reader, Row};
use crate::base::rng::Purpose;
use crate::base::{Diagnostic, Distribution, Span, Stream, Streams, Time};

/// The name by which it is asked for.
pub const NAME: &str = "google-2011";
/// The columns of its rows.
pub const COLUMNS: [Column; 6] =
    [Column::Submit, Column::RunTime, Column::Cpu, Column::Memory, Column::Priority, Column::User];
/// Tasks a second: 25 million in 29 days.
pub const RATE: f64 = 25e6 / (29.0 * 86_400.0);
/// The share of the cell's cores or memory that is in use in the long run, whichever is more.
pub const LOAD: f64 = 0.7;
/// Cores and memory of 12,500 machines in the mix of the trace, where the largest is taken to have 32
/// cores and 128 GiB (the trace gives shares of the largest).
const CORES: f64 = 212_336.0;
const MEMORY_MIB: f64 = 753_088.0 * 1_024.0;

/// How often tasks ask for what: weight, millicores, MiB. The forty most frequent of 1,460 sizes, which are
/// seven of ten requests.
const SIZES: [(u32, i64, i64); 40] = [
    (1162, 800, 4376),
    (1056, 400, 2084),
    (637, 800, 3336),
    (292, 2000, 6968),
    (279, 1301, 2712),
    (250, 2000, 20867),
    (249, 2000, 15519),
    (242, 500, 2036),
    (219, 980, 1726),
    (209, 2000, 4168),
    (198, 20, 509),
    (192, 200, 191),
    (181, 2000, 5192),
    (143, 1000, 3663),
    (142, 800, 10432),
    (133, 2199, 1564),
    (115, 400, 1018),
    (95, 2000, 2597),
    (86, 2000, 6256),
    (79, 1000, 1018),
    (74, 2719, 10016),
    (74, 2199, 10432),
    (73, 2000, 11232),
    (66, 1801, 2084),
    (64, 1980, 5008),
    (61, 600, 408),
    (60, 1000, 896),
    (52, 1000, 2036),
    (52, 800, 1560),
    (51, 1000, 408),
    (51, 200, 102),
    (50, 8000, 8336),
    (50, 4000, 10016),
    (49, 2101, 3004),
    (49, 1801, 2648),
    (49, 200, 17341),
    (48, 620, 652),
    (46, 2000, 5008),
    (46, 400, 713),
    (45, 2000, 8336),
];

/// How often which priority.
const PRIORITIES: [(u32, i32); 7] =
    [(2758, 0), (903, 1), (3358, 2), (167, 8), (2448, 9), (41, 10), (325, 11)];

/// Quantiles of the number of tasks of a job; between them its logarithm is linear.
const WIDTHS: [(f64, f64); 8] = [
    (0.0, 1.0),
    (0.63, 1.0),
    (0.75, 3.0),
    (0.9, 30.0),
    (0.95, 100.0),
    (0.99, 700.0),
    (0.999, 4_000.0),
    (1.0, 10_000.0),
];

/// Users; the n-th is as active as 1/n.
const USERS: f64 = 900.0;
/// The standard deviation of the logarithm of the run times: between jobs, and within one.
const SIGMA: [f64; 2] = [1.9, 0.6];
/// No task runs longer than the trace.
const LONGEST: Span = Span::from_secs(29 * 86_400);
/// Run times and submissions are in whole milliseconds.
const RESOLUTION: u64 = 1_000_000;

/// The job whose tasks are being handed out.
#[derive(Clone, Copy, Debug, Default)]
struct Job {
    left: u32,
    at: Time,
    size: usize,
    priority: i32,
    user: i32,
    median: f64,
}

/// The workload as a stream of rows, one a task.
#[derive(Debug)]
pub struct Cell {
    streams: Streams,
    tasks: u64,
    handed_out: u64,
    jobs: u64,
    clock: f64,
    job: Job,
    within: Option<Stream>,
    report: ReadReport,
    /// The mean time between jobs, and the median of the run times, in seconds.
    gap: f64,
    median: f64,
}

impl Cell {
    /// So many tasks, drawn from `seed`. They arrive at [`RATE`].
    pub fn new(tasks: u64, seed: u64) -> Cell {
        let [between, within] = SIGMA;
        let mean = mean_run_time();
        Cell {
            streams: Streams::new(seed),
            tasks,
            handed_out: 0,
            jobs: 0,
            clock: 0.0,
            job: Job::default(),
            within: None,
            report: ReadReport::new(&NAME.into(), "generated"),
            gap: mean_width() / RATE,
            median: mean / libm::exp(f64::midpoint(between * between, within * within)),
        }
    }

    fn next_job(&mut self) {
        let number = self.jobs;
        self.jobs += 1;
        let gap = Distribution::Exponential { mean: self.gap };
        self.clock += gap.sample(&mut self.streams.stream(Purpose::Arrival, number));
        let mut stream = self.streams.stream(Purpose::Size, number);
        let width = width(stream.unit());
        let size = pick(SIZES.iter().map(|size| size.0), &mut stream);
        let priority = PRIORITIES[pick(PRIORITIES.iter().map(|one| one.0), &mut stream)].1;
        // The inverse of the (continuous) Zipf distribution with exponent 1.
        let user = libm::exp(stream.unit() * libm::log(USERS)) as i32;
        let median = Distribution::LogNormal { median: self.median, sigma: SIGMA[0] };
        let mut times = self.streams.stream(Purpose::RunTime, number);
        let median = median.sample(&mut times);
        self.job = Job { left: width, at: Time::from_secs_f64(self.clock), size, priority, user, median };
        self.within = Some(times);
    }
}

impl Reader for Cell {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        if self.handed_out == self.tasks {
            return Ok(false);
        }
        if self.job.left == 0 {
            self.next_job();
        }
        self.job.left -= 1;
        self.handed_out += 1;
        let Job { at, size, priority, user, median, .. } = self.job;
        let (_, cpu_milli, mebibytes) = SIZES[size];
        let run = Distribution::LogNormal { median, sigma: SIGMA[1] };
        let run = run.sample_span(self.within.as_mut().expect("a job is under way")).min(LONGEST);
        let rounded = |nanos: u64| nanos.div_ceil(RESOLUTION).max(1) * RESOLUTION;
        row.reset();
        row.number = self.handed_out as i64;
        row.submit = Time(rounded(at.0));
        row.run_time = Some(Span(rounded(run.0)));
        row.cpu_milli = cpu_milli;
        row.memory_bytes = mebibytes << 20;
        (row.priority, row.user) = (priority, user);
        self.report.rows += 1;
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        Ok(None)
    }
}

/// A place in a list of weights.
fn pick(weights: impl Iterator<Item = u32> + Clone, stream: &mut Stream) -> usize {
    let all: u64 = weights.clone().map(u64::from).sum();
    let mut left = stream.below(all);
    let mut place = 0;
    for weight in weights {
        if left < u64::from(weight) {
            break;
        }
        left -= u64::from(weight);
        place += 1;
    }
    place
}

/// The number of tasks of a job at a quantile.
fn width(quantile: f64) -> u32 {
    let upper = WIDTHS.iter().position(|(q, _)| *q > quantile).unwrap_or(WIDTHS.len() - 1).max(1);
    let ((from, low), (to, high)) = (WIDTHS[upper - 1], WIDTHS[upper]);
    let share = (quantile - from) / (to - from);
    let width = libm::exp(libm::log(low) + share * (libm::log(high) - libm::log(low)));
    width.round().max(1.0) as u32
}

/// The mean of [`width`], but for rounding.
fn mean_width() -> f64 {
    let part = |pair: &[(f64, f64)]| {
        let [(from, low), (to, high)] = [pair[0], pair[1]];
        let mean = if high > low { (high - low) / libm::log(high / low) } else { low };
        (to - from) * mean
    };
    WIDTHS.windows(2).map(part).sum()
}

/// How long tasks run in the mean, in seconds, for the cell to be loaded as it should be.
fn mean_run_time() -> f64 {
    let weights: f64 = SIZES.iter().map(|size| f64::from(size.0)).sum();
    let mean = |amount: fn(&(u32, i64, i64)) -> i64| {
        SIZES.iter().map(|size| f64::from(size.0) * amount(size) as f64).sum::<f64>() / weights
    };
    let (cores, memory) = (mean(|size| size.1) / 1_000.0, mean(|size| size.2));
    LOAD / RATE / (cores / CORES).max(memory / MEMORY_MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tasks: u64, seed: u64) -> Vec<Row> {
        let mut cell = Cell::new(tasks, seed);
        let mut row = Row::default();
        let mut all = Vec::new();
        while cell.read(&mut row).unwrap() {
            all.push(row.clone());
        }
        all
    }

    #[test]
    fn the_shape_is_that_of_the_trace() {
        let rows = rows(300_000, 1);
        assert_eq!(rows.len(), 300_000);
        assert!(rows.is_sorted_by_key(|row| row.submit));
        let share = |test: &dyn Fn(&Row) -> bool| {
            rows.iter().filter(|row| test(row)).count() as f64 / rows.len() as f64
        };
        // Wide jobs make single shares swing.
        assert!(
            (0.15..0.45).contains(&share(&|row| row.priority == 0)),
            "{}",
            share(&|row| row.priority == 0)
        );
        assert!((0.02..0.4).contains(&share(&|row| row.cpu_milli == 800 && row.memory_bytes == 4376 << 20)));
        let jobs = rows.chunk_by(|a, b| a.submit == b.submit).count();
        let mean = rows.len() as f64 / jobs as f64;
        assert!((25.0..65.0).contains(&mean), "{mean} tasks a job");
        let rate = rows.len() as f64 / rows.last().unwrap().submit.as_secs_f64();
        assert!((RATE / 1.6..RATE * 1.6).contains(&rate), "{rate} tasks a second");
    }

    #[test]
    fn widths_follow_their_quantiles() {
        for (quantile, expected) in [(0.0, 1), (0.5, 1), (0.75, 3), (0.9, 30), (0.99, 700), (0.9999, 9_124)] {
            assert_eq!(width(quantile), expected, "{quantile}");
        }
        let steps = 1_000_000;
        let mean = (0..steps).map(|step| f64::from(width(f64::from(step) / f64::from(steps)))).sum::<f64>()
            / f64::from(steps);
        assert!((mean / mean_width() - 1.0).abs() < 0.01, "{mean} against {}", mean_width());
    }

    #[test]
    fn the_small_one_in_the_repository_is_current() {
        let mut table = crate::trace::TableWriter::new(Vec::new(), COLUMNS).unwrap();
        for row in &rows(2_000, 1) {
            table.write(row).unwrap();
        }
        let written = table.into_inner().unwrap();
        let kept = std::fs::read("traces/google-cell.csv").unwrap();
        assert!(kept == written, "make it anew: trace generate --cell google-2011 --cell-tasks 2000");
    }

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        assert_eq!(rows(1_000, 3), rows(1_000, 3));
        assert_ne!(rows(1_000, 3), rows(1_000, 4));
        assert_eq!(rows(500, 3)[..], rows(1_000, 3)[..500], "a shorter one is the beginning of a longer one");
    }
}
