//! Random runs of a batch machine, and what must hold of them.

use super::dice::Dice;
use super::story::Story;
use crate::base::{Diagnostic, Span, Time};
use crate::control::batch::{Backfill, Head, Order, Scan};
use crate::sim::{BatchJob, BatchPolicy, BatchSetup, JobObserver, JobSource, StopRule};
use std::collections::{BTreeMap, VecDeque};

struct Listed(VecDeque<BatchJob>);

impl JobSource for Listed {
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        Ok(self.0.pop_front())
    }
}

/// The case of a seed; always the same.
pub(super) fn setup(seed: u64) -> BatchSetup {
    let mut dice = Dice::new(seed);
    let processors = dice.between(1, 64) as u32;
    let sources = (0..dice.between(1, 3)).map(|number| source(&mut dice, processors, number)).collect();
    BatchSetup {
        seed,
        processors,
        policy: policy(&mut dice),
        clairvoyant: dice.chance(30),
        kill_at_estimate: dice.chance(50),
        sources,
        stop: StopRule {
            at: dice.chance(20).then(|| Time::from_secs(dice.between(0, 5_000))),
            ..StopRule::default()
        },
        check_invariants: true,
    }
}

/// Any policy with a pass per instant: with a pass per event a job may start before the end of another,
/// at the same instant, is told.
fn policy(dice: &mut Dice) -> BatchPolicy {
    let backfills = [
        Backfill::None,
        Backfill::Easy(Scan::InOrder),
        Backfill::Easy(Scan::ShortestFirst),
        Backfill::Frozen,
    ];
    let order = if dice.chance(40) { Order::Fcfs } else { dice.pick(&Order::ALL) };
    let backfill = if dice.chance(40) { Backfill::None } else { dice.pick(&backfills) };
    let is_kept = backfill == Backfill::Frozen || dice.chance(30);
    BatchPolicy {
        order,
        backfill,
        head: if is_kept { Head::Kept } else { Head::Chosen },
        ..BatchPolicy::default()
    }
}

fn source(dice: &mut Dice, processors: u32, number: u64) -> Box<dyn JobSource> {
    let mut at = Time::ZERO;
    let jobs = (0..dice.between(0, 80))
        .map(|index| {
            at += dice.seconds(0, 60);
            let most = if dice.chance(5) { 2 * u64::from(processors) } else { u64::from(processors) };
            let run_time = dice.seconds(0, 600);
            BatchJob {
                at,
                number: number * 1_000 + index,
                processors: dice.between(1, most) as u32,
                run_time,
                estimate: dice.chance(70).then(|| Span(run_time.0 / 2) + dice.seconds(0, 900)),
                fails: dice.chance(10),
                user: dice.between(0, 5) as i32,
                link: None,
            }
        })
        .collect();
    Box::new(Listed(jobs))
}

/// Checks a run.
pub(super) struct Checker {
    pub(super) story: Story,
    pub(super) broken: Option<String>,
    processors: u32,
    kill_at_estimate: bool,
    in_order: bool,
    used: u32,
    now: Time,
    waiting: VecDeque<u64>,
    running: BTreeMap<u64, Time>,
}

impl Checker {
    pub(super) fn new(setup: &BatchSetup) -> Checker {
        Checker {
            story: Story::default(),
            broken: None,
            processors: setup.processors,
            kill_at_estimate: setup.kill_at_estimate,
            in_order: setup.policy == BatchPolicy::default(),
            used: 0,
            now: Time::ZERO,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
        }
    }

    fn told(&mut self, now: Time, what: &str, job: &BatchJob) {
        self.story.add(&(now, what, job.number));
        self.demand(now >= self.now, job, "is told out of order of time");
        self.now = now;
    }

    fn demand(&mut self, holds: bool, job: &BatchJob, otherwise: &str) {
        if !holds && self.broken.is_none() {
            self.broken = Some(format!("at {}: job {} {otherwise}", Span(self.now.0), job.number));
        }
    }
}

impl JobObserver for Checker {
    fn submitted(&mut self, now: Time, job: &BatchJob) {
        self.told(now, "submitted", job);
        self.demand(now == job.at, job, "is submitted at another time than the trace says");
        self.waiting.push_back(job.number);
    }

    fn rejected(&mut self, now: Time, job: &BatchJob) {
        self.told(now, "rejected", job);
        self.demand(job.processors > self.processors, job, "is rejected though it fits");
    }

    fn started(&mut self, now: Time, job: &BatchJob) {
        self.told(now, "started", job);
        let place = self.waiting.iter().position(|number| *number == job.number);
        self.demand(place.is_some(), job, "starts without waiting");
        self.demand(!self.in_order || place == Some(0), job, "passes another");
        place.map(|place| self.waiting.remove(place));
        self.used += job.processors;
        self.demand(self.used <= self.processors, job, "starts on processors that are in use");
        self.running.insert(job.number, now);
    }

    fn ended(&mut self, now: Time, job: &BatchJob, start: Time, killed: bool) {
        self.told(now, "ended", job);
        let ran = self.running.remove(&job.number);
        self.demand(ran == Some(start), job, "ends but did not run");
        self.used = self.used.saturating_sub(job.processors);
        let limit = job.estimate.filter(|_| self.kill_at_estimate).unwrap_or(Span::MAX);
        self.demand(now == start + job.run_time.min(limit), job, "ends at a wrong time");
        self.demand(killed == (job.run_time > limit), job, "is told to be killed wrongly");
    }

    fn finish(&mut self, now: Time, running: &[(BatchJob, Time)], waiting: &[BatchJob]) {
        self.story.add(&(now, running, waiting));
        let left = (running.len(), waiting.len());
        if left != (self.running.len(), self.waiting.len()) && self.broken.is_none() {
            self.broken = Some(format!("{left:?} jobs are left at the end"));
        }
    }
}
