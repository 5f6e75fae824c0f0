//! Queue orders: in which order jobs that wait are looked at. Each is a score; the smallest goes
//! first, and equal ones in the order of submission.

use super::ends::Ends;
use super::formula::{JobFacts, seconds};
use super::policy::Policy;
use super::usage::Usage;
use crate::base::ids::JobId;
use crate::base::{Expression, Time};
use crate::cluster::Machine;

/// How the queue is ordered (`docs/batch.md` has the rules and their sources).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
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
    /// Highest expansion factor (wait + estimate) / estimate first.
    ExpansionFactor,
    /// WFP3: -(wait / estimate)^3 * processors.
    Wfp3,
    /// UNICEP: -wait / (log2(processors) * estimate).
    Unicep,
    /// F1: log10(estimate) * processors + 870 * log10(submit).
    F1,
    /// WFP3 as a published table has it, with -1 - submit for the wait of a job that waits.
    Wfp3Published,
    /// UNICEP as the same table has it.
    UnicepPublished,
    /// The job first that could start soonest, as the running ones are expected to end.
    LeastExpectedDelay,
    /// Highest priority first, which grows with the wait ([`Policy::ageing`]).
    Priority,
    /// Earliest deadline first; jobs without one last.
    EarliestDeadline,
    /// The user first that has had the least for its share ([`Policy::fair_share`]).
    FairShare,
    /// Shortest remaining run time first: running jobs give way.
    ShortestRemaining,
    /// In turn, each for a quantum ([`Policy::quantum`]).
    RoundRobin,
    /// An expression of the user's ([`Policy::own`]); the smallest value goes first.
    Own,
}

/// What an expression for the order of a queue may name, in the order in which values are given.
pub const NAMES: [&str; 10] =
    ["wait", "estimate", "procs", "submit", "now", "priority", "deadline", "used", "free", "queued"];
/// The place in [`NAMES`] of what a user has had.
const USED: usize = 7;
/// The places in [`NAMES`] of what moves with time.
const MOVING: [usize; 5] = [0, 4, USED, 8, 9];

impl Order {
    /// Every order that has a name.
    pub const ALL: [Order; 18] = [
        Order::Fcfs,
        Order::Sjf,
        Order::Ljf,
        Order::Smallest,
        Order::Largest,
        Order::SmallestArea,
        Order::ExpansionFactor,
        Order::Wfp3,
        Order::Unicep,
        Order::F1,
        Order::Wfp3Published,
        Order::UnicepPublished,
        Order::LeastExpectedDelay,
        Order::Priority,
        Order::EarliestDeadline,
        Order::FairShare,
        Order::ShortestRemaining,
        Order::RoundRobin,
    ];
}

/// What scores are computed from, beside the job.
#[derive(Clone, Copy)]
pub(super) struct Scoring<'a> {
    pub(super) now: Time,
    pub(super) policy: &'a Policy,
    pub(super) machine: &'a Machine,
    pub(super) ends: &'a Ends,
    pub(super) usage: &'a Usage,
    /// How many jobs wait.
    pub(super) queued: usize,
}

impl Order {
    /// Whether a job's score stays what it was when the job came; `own` is the expression of
    /// [`Order::Own`]. (With ageing every priority grows by the same, so that the order stays.)
    pub(in crate::control) fn is_static(self, own: Option<&Expression>) -> bool {
        match self {
            Order::Own => own.is_some_and(|own| !MOVING.iter().any(|&place| own.uses(place))),
            Order::ExpansionFactor
            | Order::Wfp3
            | Order::Unicep
            | Order::LeastExpectedDelay
            | Order::FairShare => false,
            _ => true,
        }
    }

    /// Whether it asks what users have had.
    pub(in crate::control) fn asks_usage(self, own: Option<&Expression>) -> bool {
        self == Order::FairShare || own.is_some_and(|own| own.uses(USED))
    }

    /// Whether running jobs give way to others.
    pub const fn is_preemptive(self) -> bool {
        matches!(self, Order::ShortestRemaining | Order::RoundRobin)
    }

    /// Whether jobs of tasks on nodes can be in this order: it neither stops running jobs nor foresees
    /// when a job will fit.
    pub const fn is_for_nodes(self) -> bool {
        !self.is_preemptive() && !matches!(self, Order::LeastExpectedDelay)
    }
}

impl Scoring<'_> {
    /// The score of a job under the policy's order. A job without an estimate is taken to run for ever.
    pub(super) fn score(&self, job: JobId) -> f64 {
        let (machine, row) = (self.machine, job.index());
        let processors = f64::from(machine.size[row]);
        let facts = JobFacts::new(
            self.now,
            machine.submitted[row],
            machine.estimate[row],
            processors,
            machine.priority[row],
        )
        .due(machine.deadline[row]);
        if let Some(score) = facts.score(self.policy.order, self.policy.ageing) {
            return score;
        }
        match (self.policy.order, &self.policy.own) {
            (Order::LeastExpectedDelay, _) => {
                let start = self.ends.shadow(self.now, machine.size[row], machine).at;
                seconds(start.since(self.now))
            }
            (Order::FairShare, _) => {
                self.usage.through_share(self.now, machine.user[row], &self.policy.fair_share)
            }
            (_, Some(own)) => {
                let [wait, estimate, procs, submit, now, priority, deadline] = facts.values(self.now);
                let used = self.usage.used(self.now, machine.user[row]);
                let (free, queued) = (f64::from(machine.free), self.queued as f64);
                own.evaluate(&[wait, estimate, procs, submit, now, priority, deadline, used, free, queued])
            }
            (_, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::usage::WHOLE;
    use super::*;
    use crate::base::Span;
    use crate::cluster::machine::QueuedJob;
    use std::sync::Arc;

    /// Three jobs: (submit, processors, estimate) in seconds, of users 0 to 2.
    fn machine() -> Machine {
        let mut machine = Machine::new(64);
        let jobs = [(100, 8, 1000, 0, Some(2_000)), (200, 1, 10, 5, None), (300, 16, 50, 3, Some(900))];
        for (row, (submit, processors, estimate, priority, deadline)) in jobs.into_iter().enumerate() {
            let job = QueuedJob {
                processors,
                submitted: Time::from_secs(submit),
                estimate: Some(Span::from_secs(estimate)),
                user: row as i32,
                priority,
                deadline: deadline.map(Time::from_secs),
            };
            machine.add(JobId(row as u32), &job);
        }
        machine
    }

    fn ranked(policy: &Policy, now: u64) -> [u32; 3] {
        let (mut machine, mut ends, mut usage) = (machine(), Ends::default(), Usage::new(&policy.fair_share));
        // 60 of 64 processors are in use until 500 s, by user 0, and by user 1 before.
        let running = QueuedJob { processors: 60, ..QueuedJob::default() };
        machine.add(JobId(3), &running);
        machine.take(JobId(3));
        ends.enter(JobId(3), Time::from_secs(500));
        usage.hold(Time::ZERO, 1, 10 * WHOLE, 0);
        usage.hold(Time::from_secs(200), 1, 0, 10 * WHOLE);
        usage.hold(Time::from_secs(300), 0, 60 * WHOLE, 0);
        let now = Time::from_secs(now);
        let scoring = Scoring { now, policy, machine: &machine, ends: &ends, usage: &usage, queued: 3 };
        let mut jobs = [0, 1, 2];
        jobs.sort_by(|a: &u32, b| scoring.score(JobId(*a)).total_cmp(&scoring.score(JobId(*b))));
        jobs
    }

    #[test]
    fn each_order_has_its_own_first() {
        for (order, expected) in [
            (Order::Fcfs, [0, 1, 2]),
            (Order::Sjf, [1, 2, 0]),
            (Order::Ljf, [0, 2, 1]),
            (Order::Smallest, [1, 0, 2]),
            (Order::Largest, [2, 0, 1]),
            (Order::SmallestArea, [1, 2, 0]),
            // At 400 s the waits are 300, 200 and 100 s: factors 1.3, 21 and 3.
            (Order::ExpansionFactor, [1, 2, 0]),
            // -(0.3)^3 * 8 = -0.216, -(20)^3 = -8000, -(2)^3 * 16 = -128.
            (Order::Wfp3, [1, 2, 0]),
            // log2(1) is next to nothing: the job of one processor comes first.
            (Order::Unicep, [1, 2, 0]),
            // 3 * 8 + 870 * 2 = 1764; 1 + 870 * 2.301 = 2002.9; 1.699 * 16 + 870 * 2.477 = 2182.3.
            (Order::F1, [0, 1, 2]),
            // Four processors are free: only the second could start before 500 s.
            (Order::LeastExpectedDelay, [1, 0, 2]),
            (Order::Priority, [1, 2, 0]),
            (Order::EarliestDeadline, [2, 0, 1]),
            // User 2 has had nothing, user 1 10 * 200 processor-seconds, user 0 60 * 100.
            (Order::FairShare, [2, 1, 0]),
        ] {
            assert_eq!(ranked(&Policy { order, ..Policy::default() }, 400), expected, "{order:?}");
        }
    }

    #[test]
    fn a_priority_grows_with_the_wait() {
        // 200 s of waiting are worth 2 and 100 s are 1 point: 2, 6 and 3 points become 3, 6 and 3.
        let aged = |ageing| ranked(&Policy { order: Order::Priority, ageing, ..Policy::default() }, 400);
        assert_eq!(aged(0.0), [1, 2, 0]);
        assert_eq!(aged(54.1), [1, 0, 2], "3 points in 200 s");
        assert_eq!(aged(200.0), [0, 1, 2]);
    }

    #[test]
    fn an_expression_is_an_order() {
        let order = |text: &str| {
            let own = Some(Arc::new(Expression::parse(text, &NAMES).unwrap()));
            ranked(&Policy { order: Order::Own, own, ..Policy::default() }, 400)
        };
        assert_eq!(order("-(wait/estimate)^3 * procs"), [1, 2, 0], "WFP3");
        assert_eq!(order("submit"), [0, 1, 2]);
        assert_eq!(order("-priority"), [1, 2, 0]);
        assert_eq!(order("deadline"), [2, 0, 1]);
        assert_eq!(order("used"), [2, 1, 0]);
        assert_eq!(order("if(procs <= free, 0, 1)"), [1, 0, 2]);
        assert_eq!(order("if(procs == 8, 0/0, now - queued)"), [1, 2, 0], "what is no number goes last");
    }

    #[test]
    fn a_larger_share_counts_what_was_had_less() {
        let mut policy = Policy { order: Order::FairShare, ..Policy::default() };
        policy.fair_share.shares.insert(0, 5.0);
        assert_eq!(ranked(&policy, 400), [2, 0, 1]);
    }

    #[test]
    fn the_published_fault_prefers_what_its_formula_says() {
        // (101 / 1000)^3 * 8 = 0.008; (201 / 10)^3 = 8121; (301 / 50)^3 * 16 = 3491: the sign is turned.
        for order in [Order::Wfp3Published, Order::UnicepPublished] {
            assert_eq!(ranked(&Policy { order, ..Policy::default() }, 400), [0, 2, 1]);
        }
    }
}
