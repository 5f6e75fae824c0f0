//! Queues by hand.

use super::*;
use crate::base::Span;

/// A machine, and a control that has heard of jobs of (processors, estimate in seconds) at 0 s.
fn queued(policy: Policy, processors: u32, jobs: &[(u32, u64)]) -> (Machine, BatchControl) {
    let (mut machine, mut control) = (Machine::new(processors), BatchControl::new(policy));
    for (row, &(size, estimate)) in jobs.iter().enumerate() {
        let job = JobId(row as u32);
        machine.add(job, size, Time::ZERO, Some(Span::from_secs(estimate)));
        control.handle(Time::ZERO, BatchEvent::Submitted(job), &mut machine, &mut Vec::new());
    }
    (machine, control)
}

fn pass(now: u64, machine: &mut Machine, control: &mut BatchControl) -> Vec<u32> {
    let mut out = Vec::new();
    control.handle_timeout(Time::from_secs(now), machine, &mut out);
    out.into_iter().map(|BatchCommand::Start(job)| job.0).collect()
}

fn end(now: u64, job: u32, machine: &mut Machine, control: &mut BatchControl) {
    control.handle(Time::from_secs(now), BatchEvent::Ended(JobId(job)), machine, &mut Vec::new());
}

fn waiting(control: &BatchControl) -> Vec<u32> {
    control.waiting().map(|job| job.0).collect()
}

#[test]
fn nothing_passes_the_head() {
    let (mut machine, mut control) = queued(Policy::default(), 4, &[(3, 9), (2, 9), (1, 9)]);
    // The third would fit beside the first, but the second waits before it.
    assert_eq!(pass(0, &mut machine, &mut control), [0]);
    end(9, 0, &mut machine, &mut control);
    assert_eq!(pass(9, &mut machine, &mut control), [1, 2]);
}

#[test]
fn easy_lets_pass_what_does_not_delay_the_head() {
    let policy = Policy { backfill: Backfill::Easy(Scan::InOrder), ..Policy::default() };
    // 0 runs until 100 s on 6 of 10; 1 needs 8 and fits then, with 2 to spare.
    let jobs = [(6, 100), (8, 50), (3, 101), (2, 500), (1, 500), (1, 100)];
    let (mut machine, mut control) = queued(policy, 10, &jobs);
    // 2 is too long and too large for what is to spare; 3 takes that; 4 finds none left; 5 ends in time.
    assert_eq!(pass(0, &mut machine, &mut control), [0, 3, 5]);
    assert_eq!(waiting(&control), [1, 2, 4]);
}

#[test]
fn sjbf_looks_at_the_shortest_first() {
    let easy = |scan| Policy { backfill: Backfill::Easy(scan), ..Policy::default() };
    let jobs = [(6, 100), (10, 50), (4, 90), (4, 10)];
    let (mut machine, mut control) = queued(easy(Scan::InOrder), 10, &jobs);
    assert_eq!(pass(0, &mut machine, &mut control), [0, 2]);
    let (mut machine, mut control) = queued(easy(Scan::ShortestFirst), 10, &jobs);
    assert_eq!(pass(0, &mut machine, &mut control), [0, 3]);
}

#[test]
fn a_kept_head_is_not_overtaken_by_a_better_one() {
    for (head, second) in [(Head::Chosen, 2), (Head::Kept, 1)] {
        let policy = Policy { order: Order::Sjf, head, ..Policy::default() };
        let (mut machine, mut control) = queued(policy, 4, &[(4, 10), (4, 20)]);
        assert_eq!(pass(0, &mut machine, &mut control), [0]);
        let late = JobId(2);
        machine.add(late, 4, Time::from_secs(5), Some(Span::from_secs(1)));
        control.handle(Time::from_secs(5), BatchEvent::Submitted(late), &mut machine, &mut Vec::new());
        assert!(pass(5, &mut machine, &mut control).is_empty());
        end(10, 0, &mut machine, &mut control);
        assert_eq!(pass(10, &mut machine, &mut control), [second], "{head:?}");
    }
}

#[test]
fn a_frozen_start_does_not_move() {
    let policy = Policy { head: Head::Kept, backfill: Backfill::Frozen, ..Policy::default() };
    let (mut machine, mut control) = queued(policy, 4, &[(3, 100), (4, 10), (1, 100), (1, 99)]);
    // To end at the very moment is too late.
    assert_eq!(pass(0, &mut machine, &mut control), [0, 3]);
    end(50, 3, &mut machine, &mut control);
    assert!(pass(50, &mut machine, &mut control).is_empty(), "100 s from now is after 100 s");
}

#[test]
fn processors_of_a_job_that_is_due_are_free() {
    let policy =
        Policy { backfill: Backfill::Easy(Scan::InOrder), passes: Passes::PerEventDue, ..Policy::default() };
    let (mut machine, mut control) = queued(policy, 4, &[(4, 10)]);
    assert_eq!(pass(0, &mut machine, &mut control), [0]);
    let now = Time::from_secs(10);
    control.handle(now, BatchEvent::Due(JobId(0)), &mut machine, &mut Vec::new());
    machine.add(JobId(1), 4, now, Some(Span::from_secs(5)));
    control.handle(now, BatchEvent::Submitted(JobId(1)), &mut machine, &mut Vec::new());
    assert_eq!(pass(10, &mut machine, &mut control), [1]);
    end(10, 0, &mut machine, &mut control);
    assert_eq!((machine.free, control.poll_timeout()), (0, Some(now)));
}

/// Runs jobs of (gap before it, processors, run, estimate) to their ends; for each the moment that its
/// start was promised for when it first was the head, and its start, in seconds.
fn promises(policy: Policy, processors: u32, jobs: &[(u64, u32, u64, u64)]) -> Vec<(Option<u64>, u64)> {
    let (mut machine, mut control) = (Machine::new(processors), BatchControl::new(policy));
    let mut found = vec![(None, 0); jobs.len()];
    let mut ends = std::collections::BTreeSet::new();
    let mut arrivals = Vec::new();
    for (row, &(gap, size, _, estimate)) in jobs.iter().enumerate() {
        let at = arrivals.last().map_or(0, |(at, _)| *at) + gap;
        arrivals.push((at, row));
        machine.add(JobId(row as u32), size, Time::from_secs(at), Some(Span::from_secs(estimate)));
    }
    let mut arrivals = arrivals.into_iter().peekable();
    while let Some(now) =
        [arrivals.peek().map(|(at, _)| *at), ends.first().map(|(at, _)| *at)].into_iter().flatten().min()
    {
        while let Some((_, job)) = ends.pop_first_if_at(now) {
            end(now, job, &mut machine, &mut control);
        }
        while let Some((_, row)) = arrivals.next_if(|(at, _)| *at == now) {
            let job = BatchEvent::Submitted(JobId(row as u32));
            control.handle(Time::from_secs(now), job, &mut machine, &mut Vec::new());
        }
        for job in pass(now, &mut machine, &mut control) {
            let (_, _, run, estimate) = jobs[job as usize];
            found[job as usize].1 = now;
            ends.insert((now + run.min(estimate), job));
        }
        if let Some(head) = waiting(&control).first() {
            let size = machine.size[*head as usize];
            let shadow = control.ends.shadow(Time::from_secs(now), size, &machine);
            found[*head as usize].0.get_or_insert(shadow.at.0 / 1_000_000_000);
        }
    }
    assert_eq!(machine.free, processors, "everything has ended");
    found
}

/// The first of a set, if it is at a moment.
trait PopFirstIfAt {
    fn pop_first_if_at(&mut self, now: u64) -> Option<(u64, u32)>;
}

impl PopFirstIfAt for std::collections::BTreeSet<(u64, u32)> {
    fn pop_first_if_at(&mut self, now: u64) -> Option<(u64, u32)> {
        self.first().is_some_and(|(at, _)| *at == now).then(|| self.pop_first()).flatten()
    }
}

proptest::proptest! {
    /// Jobs that end no later than estimated: no head starts later than it was first promised, whatever
    /// passes it.
    #[test]
    fn safety_easy_keeps_its_promise_to_the_head(
        jobs in proptest::collection::vec((0u64..30, 1u32..17, 0u64..100, 1u64..100), 1..60),
        shortest_first in proptest::bool::ANY,
    ) {
        let scan = if shortest_first { Scan::ShortestFirst } else { Scan::InOrder };
        let policy = Policy { backfill: Backfill::Easy(scan), ..Policy::default() };
        for (promised, start) in promises(policy, 16, &jobs) {
            proptest::prop_assert!(promised.is_none_or(|promised| start <= promised));
        }
    }

    /// Every job starts in the end, under every order.
    #[test]
    fn liveness_every_job_starts(
        jobs in proptest::collection::vec((0u64..30, 1u32..17, 1u64..100, 1u64..100), 1..40),
        backfill in 0usize..4,
        order in 0..Order::ALL.len(),
    ) {
        let backfill = [
            Backfill::None,
            Backfill::Easy(Scan::InOrder),
            Backfill::Easy(Scan::ShortestFirst),
            Backfill::Frozen,
        ][backfill];
        let order = Order::ALL[order];
        let head = if backfill == Backfill::Frozen { Head::Kept } else { Head::Chosen };
        let policy = Policy { order, head, backfill, ..Policy::default() };
        let mut at = 0;
        for ((_, start), (gap, ..)) in promises(policy, 16, &jobs).into_iter().zip(&jobs) {
            at += gap;
            proptest::prop_assert!(start >= at);
        }
    }
}
