//! Observing a run of a batch machine: jobs on n processors.
//!
//! The same metrics as for pods, by the same definitions, where they exist for both. Who decides
//! which job starts is not known here.

use super::columns;
use super::durations::{DEFAULT_BOUND, Durations};
use super::metrics::Sheet;
use super::outputs::Observed;
use super::results::{Bar, BarKind, Gantt, Results, Series};
use super::series::StepSeries;
use super::stats::{Integral, ratio};
use super::table::{Sink, Table};
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{BitSet, Map, Span, Time};
use std::fmt::Write as _;
use std::io;

/// Machines with more processors have no Gantt chart: its rows could not be told apart.
const MAX_ROWS: u32 = 4_096;

/// How a job ended, or did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobOutcome {
    /// By itself and well.
    Completed,
    /// By itself with an error, or cancelled.
    Failed,
    /// Stopped at the end of its requested time.
    Killed,
    /// It can never run.
    Rejected,
    /// Still queued at the end of the run.
    NeverStarted,
    /// Still running at the end of the run.
    Unfinished,
}

impl JobOutcome {
    /// The word in `jobs.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            JobOutcome::Completed => "Completed",
            JobOutcome::Failed => "Failed",
            JobOutcome::Killed => "Killed",
            JobOutcome::Rejected => "Rejected",
            JobOutcome::NeverStarted => "NeverStarted",
            JobOutcome::Unfinished => "Unfinished",
        }
    }
}

/// A job that has ended, or at the end of the run one that has not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobRecord {
    /// Its number in the trace.
    pub number: u64,
    /// When it was submitted.
    pub submit: Time,
    /// When it started for the first time.
    pub start: Option<Time>,
    /// Since when it has run without being stopped; `None` if it does not run.
    pub since: Option<Time>,
    /// When it ended.
    pub end: Option<Time>,
    /// How long it has run, without the time that it was stopped.
    pub ran: Span,
    /// Processors that it held or asked for.
    pub processors: u32,
    /// The user's estimate of the run time.
    pub estimate: Option<Span>,
    /// The user; -1 if unknown.
    pub user: i32,
    /// How it ended.
    pub outcome: JobOutcome,
}

impl JobRecord {
    /// The time that it did not run, from its submission to its end, or to now.
    fn wait(&self, now: Time) -> Span {
        Span(self.end.unwrap_or(now).since(self.submit).0.saturating_sub(self.ran.0))
    }
}

/// How a batch run is observed.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// Processors of the machine.
    pub processors: u32,
    /// τ of the bounded slowdown.
    pub slowdown_bound: Span,
    /// How many bars are kept for the Gantt chart.
    pub bars: usize,
}

impl BatchOptions {
    /// The usual for a machine of so many processors.
    pub fn new(processors: u32) -> BatchOptions {
        BatchOptions { processors, slowdown_bound: DEFAULT_BOUND, bars: 5_000 }
    }
}

/// Observes a batch run. Times never decrease over the calls.
pub struct BatchObserver {
    options: BatchOptions,
    durations: Durations,
    table: Table,
    queue: Integral,
    busy: Integral,
    submitted: u64,
    outcomes: [u64; 6],
    /// Processor-nanoseconds by outcome.
    work: [u128; 6],
    first_submit: Option<Time>,
    queue_series: StepSeries,
    busy_series: StepSeries,
    /// The instant whose events come in.
    instant: Time,
    chart: Chart,
}

impl BatchObserver {
    /// An observer that writes `jobs.csv` into `sink`, if there is one.
    pub fn new(options: BatchOptions, sink: Option<Sink>) -> BatchObserver {
        let rows = if options.processors <= MAX_ROWS { options.processors } else { 0 };
        BatchObserver {
            durations: Durations::new(options.slowdown_bound),
            table: Table::new(sink, columns::names(columns::JOBS)),
            queue: Integral::default(),
            busy: Integral::default(),
            submitted: 0,
            outcomes: [0; 6],
            work: [0; 6],
            first_submit: None,
            queue_series: StepSeries::default(),
            busy_series: StepSeries::default(),
            instant: Time::ZERO,
            chart: Chart::new(rows, options.bars),
            options,
        }
    }

    fn advance(&mut self, now: Time) {
        if now > self.instant {
            self.sample();
            self.instant = now;
        }
    }

    fn sample(&mut self) {
        self.queue_series.set(self.instant.0, self.queue.value() as f64);
        self.busy_series.set(self.instant.0, self.busy.value() as f64);
    }

    /// A job was submitted.
    pub fn submitted(&mut self, now: Time) {
        self.advance(now);
        self.submitted += 1;
        self.first_submit.get_or_insert(now);
        self.queue.add(now.0, 1);
    }

    /// A submitted job started, or goes on. `held` are the processors it got, where the policy hands
    /// out particular ones.
    pub fn started(&mut self, now: Time, number: u64, processors: u32, held: Option<&BitSet>) {
        self.advance(now);
        self.queue.add(now.0, -1);
        self.busy.add(now.0, i64::from(processors));
        self.chart.start(number, processors, held);
    }

    /// A job was stopped, to go on later: its record up to now.
    pub fn stopped(&mut self, now: Time, job: &JobRecord) {
        self.advance(now);
        self.queue.add(now.0, 1);
        self.busy.add(now.0, -i64::from(job.processors));
        self.chart.end(job, now);
    }

    /// A job ended, or was rejected: its whole record, and the processors it had, where they are told
    /// apart.
    pub fn ended(&mut self, now: Time, job: &JobRecord, held: Option<&BitSet>) {
        self.advance(now);
        if job.since.is_some() {
            self.busy.add(now.0, -i64::from(job.processors));
        } else {
            self.queue.add(now.0, -1);
        }
        self.enter(now, job, held);
    }

    /// Counts a job and writes its row.
    fn enter(&mut self, now: Time, job: &JobRecord, held: Option<&BitSet>) {
        self.outcomes[job.outcome as usize] += 1;
        if let Some(start) = job.start {
            self.work[job.outcome as usize] += u128::from(job.processors) * u128::from(job.ran.0);
            self.durations.started(start, job.wait(now), job.user);
            if let Some(end) = job.end {
                self.durations.ended(job.submit, end, job.ran);
            }
            self.chart.end(job, now);
        }
        self.write_row(now, job, held);
    }

    fn write_row(&mut self, now: Time, job: &JobRecord, held: Option<&BitSet>) {
        let table = &mut self.table;
        table.integer(job.number);
        if job.user >= 0 {
            table.integer(job.user);
        } else {
            table.empty();
        }
        table.integer(job.processors);
        table.seconds(job.submit.0);
        table.maybe_seconds(job.start.map(|time| time.0));
        table.maybe_seconds(job.end.map(|time| time.0));
        table.text(job.outcome.name());
        table.maybe_seconds(job.estimate.map(|span| span.0));
        table.maybe_seconds(job.start.map(|_| job.wait(now).0));
        if let Some(end) = job.end {
            let turnaround = end.since(job.submit);
            table.seconds(job.ran.0);
            table.seconds(turnaround.0);
            table.decimal(self.durations.bounded_micros(turnaround, job.ran), 6);
        } else {
            (0..3).for_each(|_| table.empty());
        }
        match held {
            Some(held) => table.text(&held.ranges()),
            None => table.empty(),
        }
        table.end_row();
    }

    /// The run ended at `now`; `open` are the jobs that are queued or running then, in the order
    /// in which they are to be listed. Gives the results, or the first error of the sink.
    pub fn finish<'a>(
        mut self,
        now: Time,
        open: impl IntoIterator<Item = &'a JobRecord>,
    ) -> io::Result<Observed> {
        self.advance(now);
        self.sample();
        for job in open {
            self.enter(now, job, None);
        }
        let mut sheet = Sheet::default();
        self.report(now, &mut sheet);
        let completed = self.outcomes[JobOutcome::Completed as usize];
        let reported = self.durations.report(&mut sheet, completed);
        let capacity = f64::from(self.options.processors.max(1));
        let unfinished = self.work[JobOutcome::Unfinished as usize];
        let work = self.work.iter().sum::<u128>() - unfinished;
        let window = |span: Option<Span>| {
            let area = u128::from(self.options.processors) * u128::from(span.unwrap_or_default().0);
            ratio(clamp(work), clamp(area))
        };
        sheet.put("utilization_processors", window(reported.makespan));
        let until_last_start =
            self.durations.last_start().zip(self.first_submit).map(|(last, first)| last.since(first));
        sheet.put("utilization_until_last_start", window(until_last_start));
        let results = Results {
            metrics: sheet.finish(),
            series: vec![
                series(
                    now,
                    "busy_processors",
                    "Processors in use",
                    "utilization",
                    "1",
                    &self.busy_series,
                    capacity,
                ),
                series(now, "queue_length", "Jobs waiting", "queue", "jobs", &self.queue_series, 1.0),
            ],
            samples: reported.samples,
            gantt: self.chart.finish(),
            end: now,
            ..Results::default()
        };
        Ok(Observed::new(results, Vec::new(), vec![self.table.finish("jobs.csv")?]))
    }

    fn report(&self, now: Time, sheet: &mut Sheet) {
        sheet.count("jobs_submitted", self.submitted);
        for (name, outcome) in [
            ("jobs_completed", JobOutcome::Completed),
            ("jobs_failed", JobOutcome::Failed),
            ("jobs_killed", JobOutcome::Killed),
            ("jobs_rejected", JobOutcome::Rejected),
            ("jobs_never_started", JobOutcome::NeverStarted),
            ("jobs_unfinished", JobOutcome::Unfinished),
        ] {
            sheet.count(name, self.outcomes[outcome as usize]);
        }
        let seconds = |work: u128| work as f64 / NANOS_PER_SECOND as f64;
        let work = |outcome: JobOutcome| self.work[outcome as usize];
        let (good, lost) = (work(JobOutcome::Completed), work(JobOutcome::Failed) + work(JobOutcome::Killed));
        sheet.put("goodput_processor_s", seconds(good));
        sheet.put("work_lost_processor_s", seconds(lost));
        sheet.put("goodput_share", ratio(clamp(good), clamp(good + lost)));
        sheet.put("allocation_total_processor_s", seconds(self.work.iter().sum()));
        sheet.put("queue_length_mean", self.queue.mean(now.0));
        sheet.put("queue_length_max", self.queue_series.max());
        sheet.count("processors", u64::from(self.options.processors));
        sheet.put("end_s", now.as_secs_f64());
    }
}

fn clamp(value: u128) -> i128 {
    i128::try_from(value).unwrap_or(i128::MAX)
}

fn series(
    end: Time,
    name: &str,
    label: &str,
    chart: &'static str,
    unit: &'static str,
    steps: &StepSeries,
    scale: f64,
) -> Series {
    Series { name: name.into(), label: label.into(), chart, unit, points: steps.finish(end.0, scale) }
}

/// The Gantt chart of the machine: a row a processor. Where a policy only counts processors, jobs
/// are drawn on the first gap that is large enough, or else on the lowest free rows.
struct Chart {
    free: Vec<bool>,
    left: usize,
    omitted: u64,
    /// Runs of rows (first, height) by the number of the running job.
    held: Map<u64, Vec<(u32, u32)>>,
    bars: Vec<Bar>,
}

impl Chart {
    fn new(rows: u32, bars: usize) -> Chart {
        Chart {
            free: vec![true; rows as usize],
            left: bars,
            omitted: 0,
            held: Map::default(),
            bars: Vec::new(),
        }
    }

    fn start(&mut self, number: u64, processors: u32, held: Option<&BitSet>) {
        if self.left == 0 || self.free.is_empty() {
            self.omitted += 1;
            return;
        }
        let rows = match held {
            Some(held) => runs(held.iter().map(|row| row as u32)),
            None => self.gap(processors),
        };
        self.left = self.left.saturating_sub(rows.len());
        for &(first, height) in &rows {
            self.free[first as usize..(first + height) as usize].fill(false);
        }
        self.held.insert(number, rows);
    }

    /// Rows for a job that holds no particular processors.
    fn gap(&self, processors: u32) -> Vec<(u32, u32)> {
        let mut start = 0;
        for stretch in self.free.chunk_by(|a, b| a == b) {
            if stretch[0] && stretch.len() >= processors as usize {
                return vec![(start, processors)];
            }
            start += stretch.len() as u32;
        }
        let free = self.free.iter().enumerate().filter(|(_, free)| **free).map(|(row, _)| row as u32);
        runs(free.take(processors as usize))
    }

    /// A stretch of a job is over, or the run.
    fn end(&mut self, job: &JobRecord, now: Time) {
        let Some((rows, start)) = self.held.remove(&job.number).zip(job.since) else { return };
        let end = job.end.unwrap_or(now);
        let kind = match job.outcome {
            JobOutcome::Completed | JobOutcome::Unfinished => BarKind::Ran,
            _ => BarKind::Failed,
        };
        let mut detail = format!("{} processors; waited {}; ran {}", job.processors, job.wait(now), job.ran);
        if let Some(estimate) = job.estimate {
            let _ = write!(detail, "; estimated {estimate}");
        }
        for (row, height) in rows {
            self.free[row as usize..(row + height) as usize].fill(true);
            self.bars.push(Bar {
                row,
                height,
                start: start.as_secs_f64(),
                end: end.as_secs_f64(),
                label: job.number.to_string(),
                detail: detail.clone(),
                kind,
            });
        }
    }

    fn finish(&mut self) -> Gantt {
        let rows = (0..self.free.len()).map(|row| row.to_string()).collect();
        let mut bars = std::mem::take(&mut self.bars);
        bars.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.row.cmp(&b.row)));
        Gantt { rows, bars, omitted: self.omitted }
    }
}

/// Ascending numbers as runs (first, length).
fn runs(numbers: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match all.last_mut() {
            Some((first, length)) if *first + *length == number => *length += 1,
            _ => all.push((number, 1)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::table::Memory;
    use expect_test::expect;

    fn job(number: u64, processors: u32, submit: u64, start: u64, end: u64) -> JobRecord {
        JobRecord {
            number,
            submit: Time::from_secs(submit),
            start: Some(Time::from_secs(start)),
            since: Some(Time::from_secs(start)),
            end: Some(Time::from_secs(end)),
            ran: Span::from_secs(end.saturating_sub(start)),
            processors,
            estimate: Some(Span::from_secs(100)),
            user: number as i32,
            outcome: JobOutcome::Completed,
        }
    }

    /// Four processors; job 1 has three of them for 50 s, job 2 waits for it, job 3 is too large,
    /// job 4 fits beside job 1 and is killed, job 5 never starts, job 6 runs at the end.
    fn run(memory: &Memory) -> Observed {
        let at = Time::from_secs;
        let mut observer = BatchObserver::new(BatchOptions::new(4), Some(Box::new(memory.clone())));
        observer.submitted(at(10));
        observer.started(at(10), 1, 3, None);
        observer.submitted(at(20));
        observer.submitted(at(20));
        let rejected = JobRecord {
            start: None,
            since: None,
            end: None,
            outcome: JobOutcome::Rejected,
            ..job(3, 5, 20, 0, 0)
        };
        observer.ended(at(20), &rejected, None);
        observer.submitted(at(30));
        observer.started(at(30), 4, 1, None);
        observer.ended(at(40), &JobRecord { outcome: JobOutcome::Killed, ..job(4, 1, 30, 30, 40) }, None);
        observer.ended(at(60), &job(1, 3, 10, 10, 60), None);
        observer.started(at(60), 2, 2, None);
        observer.submitted(at(70));
        observer.submitted(at(70));
        observer.started(at(70), 6, 2, None);
        observer.ended(at(90), &job(2, 2, 20, 60, 90), None);
        let running = JobRecord { end: None, outcome: JobOutcome::Unfinished, ..job(6, 2, 70, 70, 110) };
        let queued = JobRecord { start: None, since: None, outcome: JobOutcome::NeverStarted, ..running };
        let queued = JobRecord { number: 5, ..queued };
        observer.finish(at(110), [&running, &queued]).unwrap()
    }

    #[test]
    fn a_small_machine_by_hand() {
        let observed = run(&Memory::default());
        let metric = |name: &str| {
            let found = observed.results.metrics.iter().find(|metric| metric.name == name);
            found.unwrap_or_else(|| panic!("no metric {name}")).value.unwrap()
        };
        for (name, expected) in [
            ("jobs_submitted", 6.0),
            ("jobs_completed", 2.0),
            ("jobs_killed", 1.0),
            ("jobs_rejected", 1.0),
            ("jobs_never_started", 1.0),
            ("jobs_unfinished", 1.0),
            ("wait_n", 4.0),
            ("wait_mean_s", 10.0),
            ("turnaround_n", 3.0),
            ("turnaround_mean_s", (50.0 + 70.0 + 10.0) / 3.0),
            ("makespan_s", 80.0),
            ("last_end_s", 90.0),
            ("throughput_per_s", 2.0 / 80.0),
            // 3 x 50, 1 x 10, 2 x 30 and 2 x 40 until the end of the run.
            ("allocation_total_processor_s", 300.0),
            ("utilization_processors", 220.0 / 320.0),
            ("utilization_until_last_start", 220.0 / 240.0),
            ("goodput_share", 210.0 / 220.0),
            // Job 2 waits 40 s, job 5 waits 40 s.
            ("queue_length_mean", 80.0 / 110.0),
            ("wait_jain_users", 0.25),
            ("bounded_slowdown_max", 70.0 / 30.0),
        ] {
            assert!((metric(name) - expected).abs() < 1e-9, "{name}: {} instead of {expected}", metric(name));
        }
        let gantt = &observed.results.gantt;
        let bars: Vec<_> = gantt.bars.iter().map(|bar| (bar.label.as_str(), bar.row, bar.height)).collect();
        assert_eq!(bars, [("1", 0, 3), ("4", 3, 1), ("2", 0, 2), ("6", 2, 2)]);
    }

    #[test]
    fn the_table_of_jobs() {
        let memory = Memory::default();
        run(&memory);
        expect![[r"
            job,user,processors,submit_s,start_s,end_s,outcome,estimate_s,wait_s,run_s,turnaround_s,bounded_slowdown,machines
            3,3,5,20,,,Rejected,100,,,,,
            4,4,1,30,30,40,Killed,100,0,10,10,1,
            1,1,3,10,10,60,Completed,100,0,50,50,1,
            2,2,2,20,60,90,Completed,100,40,30,70,2.333333,
            6,6,2,70,70,,Unfinished,100,0,,,,
            5,6,2,70,,,NeverStarted,100,,,,,
        "]].assert_eq(&String::from_utf8(memory.bytes()).unwrap());
    }

    #[test]
    fn jobs_without_a_gap_are_split() {
        let mut chart = Chart::new(4, 10);
        let mut second = BitSet::new(4);
        second.insert(1);
        chart.start(1, 1, Some(&second));
        assert_eq!(chart.gap(3), [(0, 1), (2, 2)]);
        assert_eq!(runs([0, 1, 2, 5].into_iter()), [(0, 3), (5, 1)]);
    }
}
