//! Random runs of a batch machine, and what must hold of them.

use super::dice::Dice;
use super::story::Story;
use crate::base::{BitSet, Diagnostic, Span, Time};
use crate::control::batch::{Backfill, Head, Order, Predictor, Reservation, Scan, ZeroSlack};
use crate::sim::{BatchJob, BatchPolicy, BatchSetup, JobEnd, JobObserver, JobSource, Ran, StopRule};
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
        estimate_factor: if dice.chance(20) { 2.0 } else { 1.0 },
        dispatch_delay: Span::ZERO,
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
    let order = if dice.chance(40) { Order::Fcfs } else { dice.pick(&Order::ALL) };
    let mut policy = BatchPolicy {
        order,
        ageing: f64::from(dice.between(0, 10) as u32),
        quantum: dice.seconds(1, 100),
        interval: if dice.chance(10) { Span::from_secs(30) } else { Span::ZERO },
        ..BatchPolicy::default()
    };
    if order.is_preemptive() || dice.chance(40) {
        return policy;
    }
    if dice.chance(20) {
        policy.predictor = Predictor::AverageOfTwo;
    }
    policy.backfill = dice.pick(&[Backfill::None, Backfill::Easy, Backfill::Conservative]);
    policy.reservation = dice.pick(&[Reservation::Counts, Reservation::Machines, Reservation::Frozen]);
    policy.scan = dice.pick(&[Scan::InOrder, Scan::ShortestFirst, Scan::Submission]);
    policy.zero_slack = dice.pick(&[ZeroSlack::Allowed, ZeroSlack::Refused]);
    let may_be_kept = policy.backfill != Backfill::Conservative;
    if may_be_kept && (policy.reservation == Reservation::Frozen || dice.chance(30)) {
        policy.head = Head::Kept;
    }
    policy
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
                priority: dice.between(0, 3) as i32,
                deadline: dice.chance(50).then(|| at + dice.seconds(0, 900)),
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
    /// Since when, and on which processors.
    running: BTreeMap<u64, (Time, Option<BitSet>)>,
    /// How long jobs had run that were stopped.
    ran: BTreeMap<u64, Span>,
    /// Whether running jobs give way.
    gives_way: bool,
}

impl Checker {
    pub(super) fn new(setup: &BatchSetup) -> Checker {
        Checker {
            story: Story::default(),
            broken: None,
            processors: setup.processors,
            kill_at_estimate: setup.kill_at_estimate,
            in_order: setup.policy.order == Order::Fcfs && setup.policy.backfill == Backfill::None,
            used: 0,
            now: Time::ZERO,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            ran: BTreeMap::new(),
            gives_way: setup.policy.order.is_preemptive(),
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

    fn started(&mut self, now: Time, job: &BatchJob, held: Option<&BitSet>) {
        self.told(now, "started", job);
        let place = self.waiting.iter().position(|number| *number == job.number);
        self.demand(place.is_some(), job, "starts without waiting");
        self.demand(!self.in_order || place == Some(0), job, "passes another");
        place.map(|place| self.waiting.remove(place));
        self.used += job.processors;
        self.demand(self.used <= self.processors, job, "starts on processors that are in use");
        if let Some(held) = held {
            self.demand(held.count() == job.processors as usize, job, "gets another number of processors");
            let is_free = self.running.values().all(|(_, other)| {
                other.as_ref().is_none_or(|other| other.iter().all(|processor| !held.contains(processor)))
            });
            self.demand(is_free, job, "starts on a processor that is in use");
        }
        self.running.insert(job.number, (now, held.cloned()));
    }

    fn stopped(&mut self, now: Time, job: &BatchJob, ran: &Ran) {
        self.told(now, "stopped", job);
        self.demand(self.gives_way, job, "gives way under an order that stops no job");
        let since = self.running.remove(&job.number).map(|(since, _)| since);
        self.demand(since.is_some() && since == ran.since, job, "is stopped but did not run");
        self.used = self.used.saturating_sub(job.processors);
        *self.ran.entry(job.number).or_default() += since.map_or(Span::ZERO, |since| now.since(since));
        self.waiting.push_back(job.number);
    }

    fn ended(&mut self, now: Time, job: &BatchJob, end: &JobEnd<'_>) {
        self.told(now, "ended", job);
        let since = self.running.remove(&job.number).map(|(since, _)| since);
        self.demand(since.is_some() && since == end.ran.since, job, "ends but did not run");
        self.used = self.used.saturating_sub(job.processors);
        let before = self.ran.remove(&job.number).unwrap_or_default();
        let ran = before + since.map_or(Span::ZERO, |since| now.since(since));
        let limit = job.estimate.filter(|_| self.kill_at_estimate).unwrap_or(Span::MAX);
        self.demand(ran == job.run_time.min(limit), job, "ends at a wrong time");
        self.demand(end.ran.total(now) == ran, job, "is told to have run for another time");
        self.demand(end.killed == (job.run_time > limit), job, "is told to be killed wrongly");
    }

    fn finish(&mut self, now: Time, left: &[(BatchJob, Option<Ran>)]) {
        self.story.add(&(now, left));
        if left.len() != self.running.len() + self.waiting.len() && self.broken.is_none() {
            self.broken = Some(format!("{} jobs are left at the end", left.len()));
        }
    }
}
