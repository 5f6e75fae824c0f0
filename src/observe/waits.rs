//! Why jobs waited: stretches of time with one reason each, as sentences, `waits.csv` and bars.
//!
//! Kept for small runs only; how large those are is said by the caller. How the reasons are found is
//! known to the policy alone.

use super::columns;
use super::outputs::{Document, document};
use super::results::{Bar, BarKind, Gantt, Wait};
use super::table::{Memory, Table, number};
use crate::base::{BitSet, Time};
use crate::control::batch::{Order, Waits, Why};
use std::collections::{BTreeMap, BTreeSet};

/// Runs of more jobs keep no reasons.
pub const MAX_JOBS: u64 = 200;
/// More jobs that wait have no rows of their own in the Gantt chart.
const MAX_ROWS: usize = 24;

/// The reasons of a run, while it goes on; `R` is what a reason is.
#[derive(Debug)]
pub(super) struct WaitLog<R> {
    jobs: u64,
    /// By number of the job: since when, and why.
    open: BTreeMap<u64, (Time, R)>,
    list: Vec<Stretch<R>>,
}

/// A stretch of waiting for one reason.
#[derive(Debug)]
pub(super) struct Stretch<R> {
    pub(super) job: u64,
    pub(super) from: Time,
    pub(super) until: Time,
    pub(super) waits: R,
}

impl<R> Default for WaitLog<R> {
    fn default() -> WaitLog<R> {
        WaitLog { jobs: 0, open: BTreeMap::new(), list: Vec::new() }
    }
}

impl<R: Clone + PartialEq> WaitLog<R> {
    /// A job was submitted.
    pub(super) fn submitted(&mut self) {
        self.jobs += 1;
        if !self.is_small() {
            self.clear();
        }
    }

    /// Whether there are few enough jobs for reasons to be kept.
    pub(super) fn is_small(&self) -> bool {
        self.jobs <= MAX_JOBS
    }

    /// Forgets what was kept.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.list.clear();
    }

    /// A job waits; only what is new is kept.
    pub(super) fn waits(&mut self, now: Time, job: u64, waits: &R) {
        if self.open.get(&job).is_some_and(|(_, known)| known == waits) {
            return;
        }
        self.over(now, job);
        self.open.insert(job, (now, waits.clone()));
    }

    /// All jobs that wait are told: others wait no longer.
    pub(super) fn only(&mut self, now: Time, jobs: &BTreeSet<u64>) {
        let gone: Vec<u64> = self.open.keys().filter(|job| !jobs.contains(job)).copied().collect();
        for job in gone {
            self.over(now, job);
        }
    }

    /// A job waits no longer, or the run is over.
    pub(super) fn over(&mut self, now: Time, job: u64) {
        if let Some((from, waits)) = self.open.remove(&job)
            && from < now
        {
            self.list.push(Stretch { job, from, until: now, waits });
        }
    }

    /// All stretches, by job and time.
    pub(super) fn finish(mut self, now: Time) -> Vec<Stretch<R>> {
        self.only(now, &BTreeSet::new());
        self.list.sort_by_key(|stretch| (stretch.job, stretch.from));
        self.list
    }
}

/// Stretches of jobs of a batch machine in words.
pub(super) fn told(list: Vec<Stretch<Waits<u64>>>) -> Vec<Wait> {
    let wait = |stretch: Stretch<Waits<u64>>| Wait {
        job: stretch.job.to_string(),
        from: stretch.from,
        until: stretch.until,
        reason: sentence(&stretch.waits, true),
        hint: sentence(&stretch.waits, false),
    };
    list.into_iter().map(wait).collect()
}

/// A moment in words.
fn at(time: Time) -> String {
    format!("{} s", number(time.as_secs_f64()))
}

/// Processors in words.
fn processors(set: &BitSet) -> String {
    let plural = if set.count() == 1 { "" } else { "s" };
    format!("processor{plural} {}", set.ranges().replace(' ', ", "))
}

/// The reason as a sentence without a full stop; without the moments that the policy has worked out, if
/// `moments` are not wanted.
fn sentence(waits: &Waits<u64>, moments: bool) -> String {
    let Waits { needs, free, why } = waits;
    let counts = format!("needs {needs}, free {free}");
    let when = |time: Time| if moments { format!("at {}", at(time)) } else { "later".to_owned() };
    match why {
        Why::First { fits_at: Some(time) } if moments => {
            format!("{counts}; it is first, and fits at {} by the estimates", at(*time))
        }
        Why::First { .. } => format!("{counts}; it is first"),
        Why::Behind { first } => format!("{counts}; job {first} is first, and nothing may pass it"),
        Why::TooFew => counts,
        Why::Delays { first, at: start, spare } => format!(
            "{counts}; it would still run when job {first} is to start {}, and only {spare} to spare then",
            when(*start)
        ),
        Why::Held { first, at: start, held, outside } => format!(
            "{counts}, of which {outside} may be had for so long; job {first} holds {} from {} on",
            processors(held),
            if moments { at(*start) } else { "its start".to_owned() }
        ),
        Why::Outlasts { first, at: start } => {
            format!("{counts}; it would not end before job {first} is to start {}", when(*start))
        }
        Why::Planned { at: start, part } => {
            let promised = if needs > free { "" } else { ", but promised to others before it would end" };
            let start = match (moments, *start < Time::MAX) {
                (true, true) => format!("from {} on", at(*start)),
                (true, false) => "after jobs of unknown length".to_owned(),
                (false, _) => "later".to_owned(),
            };
            let part = part.as_ref().filter(|_| moments).map(|part| format!(", on {}", processors(part)));
            format!("{counts}{promised}; its place is {start}{}", part.unwrap_or_default())
        }
        Why::OthersFirst { order: Order::RoundRobin } => format!("{counts}; it is not its turn"),
        Why::OthersFirst { .. } => format!("{counts}; others have less left to run"),
        Why::NextPass { at: pass } if moments => format!("{counts}; the next pass is made at {}", at(*pass)),
        Why::NextPass { .. } => format!("{counts}; the next pass is made later"),
        Why::Launching => "it has its processors and is being launched".to_owned(),
    }
}

/// `waits.csv`.
pub(super) fn table(waits: &[Wait]) -> Document {
    let memory = Memory::default();
    let mut table = Table::new(Some(Box::new(memory.clone())), columns::names(columns::WAITS));
    for wait in waits {
        table.text(&wait.job);
        table.seconds(wait.from.0);
        table.seconds(wait.until.0);
        table.text(&wait.reason);
        table.end_row();
    }
    document("waits.csv", table, &memory)
}

/// Adds a row to a chart for each job that waited, if they are not too many.
pub(super) fn draw(waits: &[Wait], gantt: &mut Gantt) {
    let mut jobs: Vec<&str> = waits.iter().map(|wait| wait.job.as_str()).collect();
    jobs.dedup();
    if jobs.len() > MAX_ROWS || gantt.rows.is_empty() {
        return;
    }
    for job in jobs {
        let row = gantt.rows.len() as u32;
        gantt.rows.push(format!("{job} waits"));
        let bars = waits.iter().filter(|wait| wait.job == job).map(|wait| Bar {
            row,
            height: 1,
            start: wait.from.as_secs_f64(),
            end: wait.until.as_secs_f64(),
            label: wait.reason.clone(),
            detail: format!("{}: {}", wait.who(), wait.reason),
            kind: BarKind::Waited,
        });
        gantt.bars.extend(bars);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Diagnostic, Span};
    use crate::control::batch::{Backfill, Head, Reservation};
    use crate::observe::{BatchOptions, JobLog, Observed};
    use crate::sim::{BatchJob, BatchPolicy, BatchSetup, JobSource, StopRule, run_batch};
    use expect_test::{Expect, expect};

    struct Listed(std::vec::IntoIter<BatchJob>);

    impl JobSource for Listed {
        fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
            Ok(self.0.next())
        }
    }

    /// Jobs of (submit, processors, run time, estimate) in seconds on six processors.
    fn observed(policy: BatchPolicy, delay: u64, jobs: &[(u64, u32, u64, u64)]) -> Observed {
        let jobs: Vec<BatchJob> = jobs
            .iter()
            .zip(1..)
            .map(|((at, processors, run, estimate), number)| BatchJob {
                number,
                at: Time::from_secs(*at),
                run_time: Span::from_secs(*run),
                processors: *processors,
                estimate: Some(Span::from_secs(*estimate)),
                ..BatchJob::default()
            })
            .collect();
        let setup = BatchSetup {
            seed: 1,
            processors: 6,
            sources: vec![Box::new(Listed(jobs.into_iter()))],
            policy,
            kill_at_estimate: false,
            clairvoyant: false,
            estimate_factor: 1.0,
            dispatch_delay: Span::from_secs(delay),
            stop: StopRule::default(),
            check_invariants: true,
        };
        let mut log = JobLog::new(BatchOptions::new(6), None);
        run_batch(setup, &mut log, &mut ()).unwrap();
        log.observed().unwrap()
    }

    fn lines(waits: &[Wait]) -> Vec<String> {
        let line = |wait: &Wait| format!("{} {}: {}", wait.job, at(wait.from), wait.reason);
        waits.iter().map(line).collect()
    }

    fn told(policy: BatchPolicy, jobs: &[(u64, u32, u64, u64)], expected: &Expect) {
        let observed = observed(policy, 0, jobs);
        expected.assert_eq(&(lines(&observed.results.waits).join("\n") + "\n"));
    }

    /// One job has four processors for 20 s; the next needs five, the third two for 30 s, the fourth one
    /// for 30 s, the fifth four.
    const JOBS: [(u64, u32, u64, u64); 5] =
        [(0, 4, 20, 20), (1, 5, 10, 10), (2, 2, 30, 30), (3, 1, 30, 30), (4, 4, 5, 5)];

    fn policy(backfill: Backfill, reservation: Reservation) -> BatchPolicy {
        BatchPolicy { backfill, reservation, ..BatchPolicy::default() }
    }

    #[test]
    fn without_backfilling_all_wait_for_the_first() {
        told(
            BatchPolicy::default(),
            &JOBS[..3],
            &expect![[r"
            2 1 s: needs 5, free 2; it is first
            3 2 s: needs 2, free 2; job 2 is first, and nothing may pass it
            3 20 s: needs 2, free 1; it is first
        "]],
        );
    }

    #[test]
    fn what_would_delay_the_first_waits() {
        told(
            policy(Backfill::Easy, Reservation::Counts),
            &JOBS,
            &expect![[r"
            2 1 s: needs 5, free 2; it is first, and fits at 20 s by the estimates
            2 3 s: needs 5, free 1; it is first, and fits at 20 s by the estimates
            3 2 s: needs 2, free 2; it would still run when job 2 is to start at 20 s, and only 1 to spare then
            3 3 s: needs 2, free 1
            3 20 s: needs 2, free 0; it is first, and fits at 30 s by the estimates
            5 4 s: needs 4, free 1
            5 20 s: needs 4, free 0
            5 30 s: needs 4, free 3; it is first, and fits at 33 s by the estimates
        "]],
        );
    }

    #[test]
    fn processors_are_held_for_the_first() {
        told(
            policy(Backfill::Easy, Reservation::Machines),
            &JOBS,
            &expect![[r"
            2 1 s: needs 5, free 2; it is first, and fits at 20 s by the estimates
            2 3 s: needs 5, free 1; it is first, and fits at 20 s by the estimates
            3 2 s: needs 2, free 2, of which 1 may be had for so long; job 2 holds processors 0-4 from 20 s on
            3 3 s: needs 2, free 1
            3 20 s: needs 2, free 0; it is first, and fits at 30 s by the estimates
            5 4 s: needs 4, free 1
            5 20 s: needs 4, free 0
            5 30 s: needs 4, free 3; it is first, and fits at 33 s by the estimates
        "]],
        );
    }

    #[test]
    fn a_frozen_moment_is_not_to_be_outlasted() {
        let policy = BatchPolicy { head: Head::Kept, ..policy(Backfill::Easy, Reservation::Frozen) };
        told(
            policy,
            &JOBS[..3],
            &expect![[r"
            2 1 s: needs 5, free 2; it is first, and fits at 20 s by the estimates
            3 2 s: needs 2, free 2; it would not end before job 2 is to start at 20 s
            3 20 s: needs 2, free 1; it is first, and fits at 30 s by the estimates
        "]],
        );
    }

    #[test]
    fn places_of_a_plan_are_told() {
        told(
            policy(Backfill::Conservative, Reservation::Counts),
            &JOBS,
            &expect![[r"
            2 1 s: needs 5, free 2; its place is from 20 s on
            2 3 s: needs 5, free 1; its place is from 20 s on
            3 2 s: needs 2, free 2, but promised to others before it would end; its place is from 30 s on
            3 3 s: needs 2, free 1; its place is from 30 s on
            3 20 s: needs 2, free 0; its place is from 30 s on
            5 4 s: needs 4, free 1; its place is from 33 s on
            5 20 s: needs 4, free 0; its place is from 33 s on
            5 30 s: needs 4, free 3; its place is from 33 s on
        "]],
        );
        told(
            policy(Backfill::Conservative, Reservation::Machines),
            &JOBS[..2],
            &expect![[r"
            2 1 s: needs 5, free 2; its place is from 20 s on, on processors 0-4
        "]],
        );
    }

    #[test]
    fn who_gives_way_is_told() {
        let policy = BatchPolicy { order: Order::ShortestRemaining, ..BatchPolicy::default() };
        told(
            policy,
            &[(0, 4, 20, 20), (5, 3, 5, 5)],
            &expect![[r"
            1 5 s: needs 4, free 3; others have less left to run
        "]],
        );
        let policy =
            BatchPolicy { order: Order::RoundRobin, quantum: Span::from_secs(4), ..BatchPolicy::default() };
        told(
            policy,
            &[(0, 4, 8, 8), (0, 3, 4, 4)],
            &expect![[r"
            1 4 s: needs 4, free 3; it is not its turn
            2 0 s: needs 3, free 2; it is not its turn
        "]],
        );
    }

    #[test]
    fn passes_and_launches_are_waited_for() {
        let policy = BatchPolicy { interval: Span::from_secs(10), ..BatchPolicy::default() };
        told(
            policy,
            &[(1, 4, 20, 20)],
            &expect![[r"
            1 1 s: needs 4, free 6; the next pass is made at 10 s
        "]],
        );
        let observed = observed(BatchPolicy::default(), 3, &[(1, 4, 20, 20)]);
        assert_eq!(lines(&observed.results.waits), ["1 1 s: it has its processors and is being launched"]);
    }

    #[test]
    fn hints_name_no_moment() {
        let mut told = 0;
        for reservation in [Reservation::Counts, Reservation::Machines] {
            for backfill in [Backfill::Easy, Backfill::Conservative] {
                let observed = observed(policy(backfill, reservation), 0, &JOBS);
                assert!(!observed.results.waits.is_empty());
                for wait in &observed.results.waits {
                    let words: Vec<&str> = wait.hint.split([' ', ',', ';']).collect();
                    let names_one =
                        words.windows(2).any(|pair| pair[0].parse::<f64>().is_ok() && pair[1] == "s");
                    assert!(!names_one, "{}", wait.hint);
                    let with_moments = wait.reason.split([' ', ',', ';']).any(|word| word == "s");
                    told += usize::from(with_moments);
                }
            }
        }
        assert!(told > 10, "the reasons do");
    }

    #[test]
    fn waits_are_a_table_and_bars_and_not_part_of_the_digest() {
        let observed = observed(BatchPolicy::default(), 0, &JOBS[..2]);
        let document = observed.documents.iter().find(|document| document.name == "waits.csv").unwrap();
        expect![[r#"
            job,from_s,until_s,reason
            2,1,20,"needs 5, free 2; it is first"
        "#]]
        .assert_eq(&String::from_utf8(document.bytes.clone()).unwrap());
        let gantt = &observed.results.gantt;
        assert_eq!(gantt.rows.last().map(String::as_str), Some("2 waits"));
        let bar = gantt.bars.iter().find(|bar| bar.kind == BarKind::Waited).unwrap();
        assert_eq!((bar.row, bar.start, bar.end), (6, 1.0, 20.0));
    }

    #[test]
    fn a_run_of_many_jobs_keeps_no_reasons() {
        let jobs: Vec<(u64, u32, u64, u64)> = (0..=MAX_JOBS).map(|job| (job, 6, 5, 5)).collect();
        let observed = observed(BatchPolicy::default(), 0, &jobs);
        assert!(observed.results.waits.is_empty());
        assert!(observed.documents.iter().all(|document| document.name != "waits.csv"));
    }
}
