//! The jobs that gained and lost most between two runs of one workload, and why.
//!
//! A reason is a fact of both schedules, found by looking at them, never a guess: whom a job passed in
//! one run and not in the other, who held what it needed. Nothing is known here of the rules by which
//! a policy decides.

use super::jobs::{Job, Jobs, Kind};
use crate::base::{Span, Time};
use std::cmp::Reverse;
use std::fmt::Write as _;

/// How many jobs a reason names; further ones are counted.
const NAMED: usize = 2;

/// What both schedules show of a job that moved. Numbers are places in the list of pairs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It starts before jobs that were submitted before it; in the baseline it did not.
    Passes(Vec<usize>),
    /// Jobs submitted after it started before it in the baseline, and do not now.
    NotPassed(Vec<usize>),
    /// Jobs submitted after it start before it; in the baseline they did not.
    IsPassed(Vec<usize>),
    /// In the baseline it started before jobs that were submitted before it, and does not now.
    DoesNotPass(Vec<usize>),
    /// When it started, others held what they held in the baseline no more.
    Freed(Vec<usize>),
    /// When it would have started as in the baseline, others held what was free there.
    Held(Vec<usize>),
    /// None of these.
    Other,
}

impl Reason {
    /// A word for programs.
    pub const fn key(&self) -> &'static str {
        match self {
            Reason::Passes(_) => "passes",
            Reason::NotPassed(_) => "not_passed",
            Reason::IsPassed(_) => "is_passed",
            Reason::DoesNotPass(_) => "does_not_pass",
            Reason::Freed(_) => "freed",
            Reason::Held(_) => "held",
            Reason::Other => "other",
        }
    }
}

/// A job that waits longer or shorter than in the baseline.
#[derive(Clone, PartialEq, Debug)]
pub struct Move {
    /// The job.
    pub job: String,
    /// What it is: a job of a machine, or a pod.
    pub kind: Kind,
    /// What it asks for, in words.
    pub size: String,
    /// Its wait in the baseline, in seconds; `None` if it never started there.
    pub baseline_wait: Option<f64>,
    /// Its wait in the variant, likewise.
    pub wait: Option<f64>,
    /// How many jobs waited before it when it was submitted: in the baseline, and in the variant.
    pub ahead: [usize; 2],
    /// The reason in one word: see [`Reason::key`].
    pub reason: &'static str,
    /// The jobs that the reason is about.
    pub others: Vec<String>,
    /// The reason in words.
    pub why: String,
}

/// Who gained and lost most in a variant.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Moves {
    /// The variant.
    pub variant: usize,
    /// Those whose wait is shorter, the largest difference first.
    pub gained: Vec<Move>,
    /// Those whose wait is longer, the largest difference first.
    pub lost: Vec<Move>,
    /// How many gained, lost, and wait as long as before.
    pub counts: [usize; 3],
}

/// A run of the two.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The variant's name.
    pub name: &'a str,
    /// Its jobs.
    pub jobs: &'a Jobs,
    /// When the run ended.
    pub end: Time,
}

/// Who gained and lost most in `now` against `base`, at most `top` of each.
pub fn moves(variant: usize, base: Side<'_>, now: Side<'_>, top: usize) -> Moves {
    let pairs: Vec<Pair<'_>> = base
        .jobs
        .pairs(now.jobs)
        .into_iter()
        .map(|(a, b)| Pair { base: &base.jobs.list[a], now: &now.jobs.list[b] })
        .collect();
    let view = View { pairs, names: [base.name, now.name], kind: base.jobs.kind };
    let mut shifts: Vec<(i128, usize)> = Vec::new();
    let mut same = 0;
    for (index, pair) in view.pairs.iter().enumerate().filter(|(_, pair)| !pair.base.initial) {
        match pair.shift(base.end, now.end) {
            Some(0) | None => same += 1,
            Some(shift) => shifts.push((shift, index)),
        }
    }
    let gains = shifts.iter().filter(|(shift, _)| *shift < 0).count();
    let counts = [gains, shifts.len() - gains, same];
    let first = |sign: i128| -> Vec<Move> {
        let mut one: Vec<(i128, usize)> = shifts
            .iter()
            .map(|&(shift, index)| (shift * sign, index))
            .filter(|(size, _)| *size > 0)
            .collect();
        one.sort_by_key(|&(size, index)| (Reverse(size), index));
        one.into_iter().take(top).map(|(_, index)| view.told(index, sign < 0)).collect()
    };
    Moves { variant, gained: first(-1), lost: first(1), counts }
}

/// A job in both runs.
#[derive(Clone, Copy)]
struct Pair<'a> {
    base: &'a Job,
    now: &'a Job,
}

impl Pair<'_> {
    /// By how many nanoseconds it waits longer. Where it never started, it has waited until the end of
    /// the run; `None` if it never started in either.
    fn shift(&self, base_end: Time, end: Time) -> Option<i128> {
        if self.base.start.is_none() && self.now.start.is_none() {
            return None;
        }
        let wait = |job: &Job, end: Time| i128::from(job.waited.unwrap_or(end.since(job.submit)).0);
        Some(wait(self.now, end) - wait(self.base, base_end))
    }
}

/// Both runs.
struct View<'a> {
    pairs: Vec<Pair<'a>>,
    /// The names of the baseline and of the variant.
    names: [&'a str; 2],
    kind: Kind,
}

/// Whether a job started before one that was submitted before it, which waited then.
fn passes(job: &Job, earlier: &Job) -> bool {
    let Some(placed) = job.placed else { return false };
    earlier.is_before(job) && earlier.placed.is_none_or(|other| other > placed)
}

impl<'a> View<'a> {
    fn select(&self, meets: impl Fn(&Pair<'_>) -> bool) -> Vec<usize> {
        let found = self.pairs.iter().enumerate().filter(|(_, pair)| !pair.base.initial && meets(pair));
        found.map(|(index, _)| index).collect()
    }

    /// Why a job gained, or lost.
    fn reason(&self, job: &Pair<'_>, gained: bool) -> Reason {
        let passed_now = |other: &Pair<'_>| passes(job.now, other.now);
        let passed_base = |other: &Pair<'_>| passes(job.base, other.base);
        let is_passed_now = |other: &Pair<'_>| passes(other.now, job.now);
        let is_passed_base = |other: &Pair<'_>| passes(other.base, job.base);
        let mut candidates = if gained {
            vec![
                Reason::Passes(self.select(|other| passed_now(other) && !passed_base(other))),
                Reason::NotPassed(self.select(|other| is_passed_base(other) && !is_passed_now(other))),
                Reason::Freed(self.holders(job.now, |pair| (pair.base, pair.now))),
            ]
        } else {
            vec![
                Reason::IsPassed(self.select(|other| is_passed_now(other) && !is_passed_base(other))),
                Reason::DoesNotPass(self.select(|other| passed_base(other) && !passed_now(other))),
                Reason::Held(self.holders(job.base, |pair| (pair.now, pair.base))),
            ]
        };
        candidates.retain(|reason| !reason.others().is_empty());
        candidates.into_iter().next().unwrap_or(Reason::Other)
    }

    /// Who held, where and when `job` was placed, what it has there: in the first of the two runs that
    /// `sides` gives, and not in the second.
    fn holders<'p>(&'p self, job: &Job, sides: impl Fn(&Pair<'p>) -> (&'p Job, &'p Job)) -> Vec<usize> {
        let Some(at) = job.placed else { return Vec::new() };
        let holds = |other: &Job| other.holds_at(at) && other.node == job.node;
        let found = self.pairs.iter().enumerate().filter(|(_, pair)| {
            let (holder, other) = sides(pair);
            holds(holder) && !holds(other) && holder.name != job.name
        });
        found.map(|(index, _)| index).collect()
    }

    fn told(&self, index: usize, gained: bool) -> Move {
        let pair = self.pairs[index];
        let reason = self.reason(&pair, gained);
        let ahead = |own: fn(&Pair<'a>) -> &'a Job| {
            let job = own(&pair);
            let waits =
                |other: &Job| other.is_before(job) && other.placed.is_none_or(|placed| placed > job.submit);
            self.pairs.iter().filter(|pair| !pair.base.initial && waits(own(pair))).count()
        };
        let ahead = [ahead(base_of), ahead(now_of)];
        let mut why = self.start(&pair, gained);
        why.push_str(&self.words(&pair, &reason));
        if ahead[0] != ahead[1] {
            let _ = write!(
                why,
                " At its submission {} waited before it, in `{}` {}.",
                self.count(ahead[1]),
                self.names[0],
                ahead[0]
            );
        }
        let others = self.largest_first(reason.others());
        Move {
            job: pair.now.name.clone(),
            kind: self.kind,
            size: size(self.kind, pair.now),
            baseline_wait: pair.base.wait(),
            wait: pair.now.wait(),
            ahead,
            reason: reason.key(),
            others: others.iter().map(|&other| self.pairs[other].now.name.clone()).collect(),
            why,
        }
    }

    /// `3 jobs`.
    fn count(&self, number: usize) -> String {
        format!("{number} {}{}", self.kind.one(), if number == 1 { "" } else { "s" })
    }

    /// When it started, in both runs, and where.
    fn start(&self, pair: &Pair<'_>, gained: bool) -> String {
        let [base, now] = self.names;
        let mut text = match (pair.base.start, pair.now.start) {
            (Some(was), Some(is)) => {
                let difference = was.max(is).since(was.min(is));
                let direction = match is.cmp(&was) {
                    std::cmp::Ordering::Less => format!("{} earlier", short(difference)),
                    std::cmp::Ordering::Greater => format!("{} later", short(difference)),
                    std::cmp::Ordering::Equal => "at the same moment".to_owned(),
                };
                format!("Started {direction}, at {} and not at {}", moment(is), moment(was))
            }
            (None, Some(is)) => format!("Started at {}, in `{base}` never", moment(is)),
            (Some(was), None) => format!("Never started, in `{base}` at {}", moment(was)),
            (None, None) => "Never started".to_owned(),
        };
        let nodes = [&pair.base.node, &pair.now.node];
        if nodes[0] != nodes[1] && !nodes[1].is_empty() {
            let _ = write!(text, ", on {}", nodes[1]);
            if !nodes[0].is_empty() {
                let _ = write!(text, " and not on {}", nodes[0]);
            }
        }
        text.push('.');
        if !gained && pair.now.start.is_none() && !pair.now.message.is_empty() {
            let _ = write!(
                text,
                " The last attempt in `{now}` said: {}.",
                pair.now.message.trim_end_matches('.')
            );
        }
        text
    }

    fn words(&self, job: &Pair<'_>, reason: &Reason) -> String {
        let [base, now] = self.names;
        let others = reason.others();
        let many = self.count(others.len());
        let [it, them] = if others.len() == 1 { ["was", "it"] } else { ["were", "them"] };
        let list = |tell: &dyn Fn(&Pair<'_>) -> String| self.list(others, tell);
        let until = |when: Option<Time>, word: &str| match when {
            Some(at) => format!("{word} {}", moment(at)),
            None => "never started".to_owned(),
        };
        match reason {
            Reason::Passes(_) => format!(
                " It passed {many} that {it} submitted before it, and in `{base}` did not pass {them}: {}.",
                list(&|other| until(other.now.placed, "waited until"))
            ),
            Reason::NotPassed(_) => format!(
                " In `{base}` {many} that {it} submitted after it passed it, here not: {}.",
                list(&|other| format!(
                    "{}, here {}",
                    until(other.base.placed, "at"),
                    until(other.now.placed, "at")
                ))
            ),
            Reason::IsPassed(_) => format!(
                " {} that {it} submitted after it passed it, in `{base}` not: {}.",
                many,
                list(&|other| until(other.now.placed, "at"))
            ),
            Reason::DoesNotPass(_) => format!(
                " In `{base}` it passed {many} that {it} submitted before it, here not: {}.",
                list(&|other| until(other.now.placed, "here at"))
            ),
            Reason::Freed(_) => format!(
                " {} {} in `{base}` at that moment, here not: {}.",
                many,
                held(others.len(), &job.now.node),
                list(&|other| span(other.base))
            ),
            Reason::Held(_) => format!(
                " When it started in `{base}`, {many} {} in `{now}`, there not: {}.",
                held(others.len(), &job.base.node),
                list(&|other| span(other.now))
            ),
            Reason::Other => " No other of the workload passed it or held its place in one of the two \
                 runs only."
                .to_owned(),
        }
    }

    /// The first jobs of a list with what is told of each; the largest first.
    fn list(&self, others: &[usize], tell: &dyn Fn(&Pair<'_>) -> String) -> String {
        let sorted = self.largest_first(others);
        let named = sorted.iter().take(NAMED).map(|&index| {
            let pair = &self.pairs[index];
            let one = self.kind.one();
            format!("{one} {} ({}, {})", pair.now.name, size(self.kind, pair.now), tell(pair))
        });
        let mut words = named.collect::<Vec<_>>().join(", ");
        if sorted.len() > NAMED {
            let _ = write!(words, " and {} more", sorted.len() - NAMED);
        }
        words
    }

    fn largest_first(&self, others: &[usize]) -> Vec<usize> {
        let mut sorted = others.to_vec();
        sorted.sort_by_key(|&index| {
            let job = self.pairs[index].now;
            (Reverse(job.cores), Reverse(job.memory), index)
        });
        sorted
    }
}

impl Reason {
    /// The jobs that it is about.
    fn others(&self) -> &[usize] {
        match self {
            Reason::Passes(others)
            | Reason::NotPassed(others)
            | Reason::IsPassed(others)
            | Reason::DoesNotPass(others)
            | Reason::Freed(others)
            | Reason::Held(others) => others,
            Reason::Other => &[],
        }
    }
}

fn base_of<'a>(pair: &Pair<'a>) -> &'a Job {
    pair.base
}

fn now_of<'a>(pair: &Pair<'a>) -> &'a Job {
    pair.now
}

/// What somebody holds: processors, or a place on a node.
fn held(count: usize, node: &str) -> String {
    match (node, count) {
        ("", _) => "ran".to_owned(),
        (node, 1) => format!("was on {node}"),
        (node, _) => format!("were on {node}"),
    }
}

/// From when to when it was placed.
fn span(job: &Job) -> String {
    let from = job.placed.map_or_else(|| "never".to_owned(), moment);
    let to = job.end.map_or_else(|| "the end of the run".to_owned(), moment);
    format!("{from} to {to}")
}

/// What a job asks for, in words.
fn size(kind: Kind, job: &Job) -> String {
    match kind {
        Kind::Jobs => format!("{} processor{}", job.cores, if job.cores == 1 { "" } else { "s" }),
        Kind::Pods => {
            let cores = job.cores as f64 / 1_000.0;
            let memory = job.memory as f64 / f64::from(1u32 << 30);
            let memory = libm::round(memory * 100.0) / 100.0;
            match (job.cores, job.memory) {
                (0, 0) => "no requests".to_owned(),
                (_, 0) => format!("{cores} cores"),
                (0, _) => format!("{memory} GiB"),
                _ => format!("{cores} cores, {memory} GiB"),
            }
        }
    }
}

/// A length as sentences have it: whole seconds from a minute on.
pub fn short(span: Span) -> String {
    const SECOND: u64 = crate::base::units::NANOS_PER_SECOND;
    let span = if span.0 >= 60 * SECOND {
        Span(span.0.saturating_add(SECOND / 2) / SECOND * SECOND)
    } else {
        span.rounded()
    };
    span.to_string()
}

fn moment(at: Time) -> String {
    short(Span(at.0))
}
