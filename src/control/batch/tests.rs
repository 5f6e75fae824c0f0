//! Queues by hand.

use super::*;
use crate::cluster::machine::QueuedJob;

fn job(processors: u32, submitted: u64, estimate: u64) -> QueuedJob {
    QueuedJob {
        processors,
        submitted: Time::from_secs(submitted),
        estimate: Some(Span::from_secs(estimate)),
        ..QueuedJob::default()
    }
}

/// A machine that knows its processors apart, if the policy wants that.
fn machine(policy: &Policy, processors: u32) -> Machine {
    let is_numbered = policy.reservation == Reservation::Machines;
    if is_numbered { Machine::numbered(processors) } else { Machine::new(processors) }
}

/// A machine, and a control that has heard of jobs of (processors, estimate in seconds) at 0 s.
fn queued(policy: Policy, processors: u32, jobs: &[(u32, u64)]) -> (Machine, BatchControl) {
    let (mut machine, mut control) = (machine(&policy, processors), BatchControl::new(policy));
    for (row, &(size, estimate)) in jobs.iter().enumerate() {
        let id = JobId(row as u32);
        machine.add(id, &job(size, 0, estimate));
        control.handle(Time::ZERO, BatchEvent::Submitted(id), &mut machine, &mut Vec::new());
    }
    (machine, control)
}

fn pass(now: u64, machine: &mut Machine, control: &mut BatchControl) -> Vec<u32> {
    let mut out = Vec::new();
    control.handle_timeout(Time::from_secs(now), machine, &mut out);
    let started = out.into_iter().filter_map(|command| match command {
        BatchCommand::Start(job) => Some(job.0),
        BatchCommand::Stop(_) => None,
    });
    started.collect()
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
    let policy = Policy { backfill: Backfill::Easy, ..Policy::default() };
    // 0 runs until 100 s on 6 of 10; 1 needs 8 and fits then, with 2 to spare.
    let jobs = [(6, 100), (8, 50), (3, 101), (2, 500), (1, 500), (1, 100)];
    let (mut machine, mut control) = queued(policy, 10, &jobs);
    // 2 is too long and too large for what is to spare; 3 takes that; 4 finds none left; 5 ends in time.
    assert_eq!(pass(0, &mut machine, &mut control), [0, 3, 5]);
    assert_eq!(waiting(&control), [1, 2, 4]);
}

#[test]
fn sjbf_looks_at_the_shortest_first() {
    let easy = |scan| Policy { backfill: Backfill::Easy, scan, ..Policy::default() };
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
        machine.add(late, &job(4, 5, 1));
        control.handle(Time::from_secs(5), BatchEvent::Submitted(late), &mut machine, &mut Vec::new());
        assert!(pass(5, &mut machine, &mut control).is_empty());
        end(10, 0, &mut machine, &mut control);
        assert_eq!(pass(10, &mut machine, &mut control), [second], "{head:?}");
    }
}

#[test]
fn a_frozen_start_does_not_move() {
    let policy = frozen();
    let (mut machine, mut control) = queued(policy, 4, &[(3, 100), (4, 10), (1, 100), (1, 99)]);
    // To end at the very moment is too late.
    assert_eq!(pass(0, &mut machine, &mut control), [0, 3]);
    end(50, 3, &mut machine, &mut control);
    assert!(pass(50, &mut machine, &mut control).is_empty(), "100 s from now is after 100 s");
}

#[test]
fn processors_of_a_job_that_is_due_are_free() {
    let policy = Policy { backfill: Backfill::Easy, passes: Passes::PerEventDue, ..Policy::default() };
    let (mut machine, mut control) = queued(policy, 4, &[(4, 10)]);
    assert_eq!(pass(0, &mut machine, &mut control), [0]);
    let now = Time::from_secs(10);
    control.handle(now, BatchEvent::Due(JobId(0)), &mut machine, &mut Vec::new());
    machine.add(JobId(1), &job(4, 10, 5));
    control.handle(now, BatchEvent::Submitted(JobId(1)), &mut machine, &mut Vec::new());
    assert_eq!(pass(10, &mut machine, &mut control), [1]);
    end(10, 0, &mut machine, &mut control);
    assert_eq!((machine.free, control.poll_timeout()), (0, Some(now)));
}

fn frozen() -> Policy {
    Policy {
        head: Head::Kept,
        backfill: Backfill::Easy,
        reservation: Reservation::Frozen,
        scan: Scan::Submission,
        zero_slack: ZeroSlack::Refused,
        ..Policy::default()
    }
}

#[test]
fn the_three_easys_part_over_three_jobs() {
    let easy = |reservation| Policy { backfill: Backfill::Easy, reservation, ..Policy::default() };
    for (policy, passes) in
        [(easy(Reservation::Counts), true), (easy(Reservation::Machines), false), (frozen(), false)]
    {
        // A job on processor 0 ends at 1 s, so that 1 has the others; then come 2 and 3.
        let (mut machine, mut control) = queued(policy.clone(), 4, &[(1, 1), (3, 100)]);
        assert_eq!(pass(0, &mut machine, &mut control), [0, 1]);
        end(1, 0, &mut machine, &mut control);
        for (row, job) in [(2, job(3, 1, 50)), (3, job(1, 1, 500))] {
            machine.add(JobId(row), &job);
            control.handle(
                Time::from_secs(1),
                BatchEvent::Submitted(JobId(row)),
                &mut machine,
                &mut Vec::new(),
            );
        }
        assert_eq!(pass(1, &mut machine, &mut control) == [3], passes, "{:?}", policy.reservation);
    }
}

fn conservative(reservation: Reservation) -> Policy {
    Policy { backfill: Backfill::Conservative, reservation, ..Policy::default() }
}

#[test]
fn particular_processors_are_held_for_the_head() {
    // 0 has processors 0 to 2 until 100 s, 1 has 3 to 7 until 50 s; the head fits at 50 s on 3 to 8 (3 to 7
    // and 8 are free then). 3 of two processors may have 9, which is one: it waits, though by number
    // one of 8 and 9 would be to spare.
    let jobs = [(3, 100), (5, 50), (6, 60), (2, 500), (1, 500)];
    let easy = |reservation| Policy { backfill: Backfill::Easy, reservation, ..Policy::default() };
    let (mut machine, mut control) = queued(easy(Reservation::Machines), 10, &jobs);
    assert_eq!(pass(0, &mut machine, &mut control), [0, 1, 4]);
    assert_eq!(machine.held(JobId(4)).unwrap().iter().collect::<Vec<_>>(), [9]);
    let (mut machine, mut control) = queued(easy(Reservation::Counts), 10, &jobs);
    assert_eq!(pass(0, &mut machine, &mut control), [0, 1, 4], "one is to spare");
}

#[test]
fn a_job_delays_none_before_it() {
    // 0 runs until 100 s on 6 of 10. 1 needs 8 and has its place from 100 to 150 s; 2 has one from 150 s on.
    // 3 would not delay the head, but 2: EASY starts it, conservative does not.
    let jobs = [(6, 100), (8, 50), (10, 20), (2, 160), (2, 150)];
    let easy = Policy { backfill: Backfill::Easy, ..Policy::default() };
    let (mut machine, mut control) = queued(easy, 10, &jobs);
    assert_eq!(pass(0, &mut machine, &mut control), [0, 3]);
    for reservation in [Reservation::Counts, Reservation::Machines, Reservation::Frozen] {
        let (mut machine, mut control) = queued(conservative(reservation), 10, &jobs);
        assert_eq!(pass(0, &mut machine, &mut control), [0, 4], "{reservation:?}");
        let promised = [1, 2, 3].map(|job| control.promised(JobId(job)).unwrap());
        assert_eq!(promised, [100, 150, 170].map(Time::from_secs), "{reservation:?}");
    }
}

#[test]
fn an_early_end_moves_every_place_but_a_frozen_one() {
    for (reservation, then) in
        [(Reservation::Counts, 10), (Reservation::Machines, 10), (Reservation::Frozen, 100)]
    {
        let (mut machine, mut control) = queued(conservative(reservation), 4, &[(4, 100), (4, 50), (4, 30)]);
        assert_eq!(pass(0, &mut machine, &mut control), [0]);
        end(10, 0, &mut machine, &mut control);
        assert_eq!(pass(10, &mut machine, &mut control).is_empty(), then > 10, "{reservation:?}");
        if then > 10 {
            assert_eq!(control.poll_timeout(), Some(Time::from_secs(then)));
            assert_eq!(pass(then, &mut machine, &mut control), [1]);
        }
        assert_eq!(control.promised(JobId(2)), Some(Time::from_secs(then + 50)), "{reservation:?}");
    }
}

#[test]
fn a_job_that_outruns_its_estimate_holds_those_behind_it() {
    for reservation in [Reservation::Counts, Reservation::Machines] {
        let (mut machine, mut control) = queued(conservative(reservation), 4, &[(3, 10), (4, 50), (1, 100)]);
        assert_eq!(pass(0, &mut machine, &mut control), [0]);
        assert_eq!(control.promised(JobId(1)), Some(Time::from_secs(10)));
        assert!(pass(10, &mut machine, &mut control).is_empty());
        assert_eq!(control.poll_timeout(), Some(Time::from_secs(60)), "when 2 was to start");
        end(25, 0, &mut machine, &mut control);
        assert_eq!(pass(25, &mut machine, &mut control), [1], "{reservation:?}");
        assert_eq!(control.promised(JobId(2)), Some(Time::from_secs(75)));
    }
}

#[test]
fn a_foretold_run_time_lets_a_job_pass() {
    let policy = Policy { backfill: Backfill::Easy, predictor: Predictor::AverageOfTwo, ..Policy::default() };
    let (mut machine, mut control) = queued(policy, 4, &[(1, 500), (1, 500)]);
    assert_eq!(pass(0, &mut machine, &mut control), [0, 1]);
    for (now, job) in [(10, 0), (30, 1)] {
        end(now, job, &mut machine, &mut control);
    }
    for (row, job) in [(2, job(3, 30, 100)), (3, job(4, 30, 100)), (4, job(1, 30, 500))] {
        machine.add(JobId(row), &QueuedJob { user: if row == 4 { -1 } else { 7 }, ..job });
        control.handle(Time::from_secs(30), BatchEvent::Submitted(JobId(row)), &mut machine, &mut Vec::new());
    }
    // The users of jobs 0, 1 and 4 are not known: nothing is foretold of 4.
    assert_eq!(pass(30, &mut machine, &mut control), [2]);
    assert_eq!(control.poll_timeout(), Some(Time::from_secs(130)), "2 is looked at again when it should end");
    assert!(pass(130, &mut machine, &mut control).is_empty());
    assert_eq!(control.poll_timeout(), Some(Time::from_secs(190)), "and a minute later");
}

/// Runs jobs of (gap before it, processors, run, estimate) to their ends; for each the moment that its
/// start was promised for first (as the head, or any job where places are planned), and its start, in
/// seconds.
fn promises(policy: Policy, processors: u32, jobs: &[(u64, u32, u64, u64)]) -> Vec<(Option<u64>, u64)> {
    let seconds = |time: Time| time.0 / 1_000_000_000;
    let (mut machine, mut control) = (machine(&policy, processors), BatchControl::new(policy));
    let mut found = vec![(None, 0); jobs.len()];
    let mut ends = std::collections::BTreeSet::new();
    let mut arrivals = Vec::new();
    for (row, &(gap, size, _, estimate)) in jobs.iter().enumerate() {
        let at = arrivals.last().map_or(0, |(at, _)| *at) + gap;
        arrivals.push((at, row));
        machine.add(JobId(row as u32), &QueuedJob { user: row as i32 % 3, ..job(size, at, estimate) });
    }
    let mut arrivals = arrivals.into_iter().peekable();
    loop {
        let timer = control.poll_timeout().map(|due| due.0.div_ceil(1_000_000_000));
        let moments = [arrivals.peek().map(|(at, _)| *at), ends.first().map(|(at, _)| *at), timer];
        let Some(now) = moments.into_iter().flatten().min() else { break };
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
        for job in waiting(&control) {
            if let Some(at) = control.promised(JobId(job)) {
                found[job as usize].0.get_or_insert(seconds(at));
            }
        }
        if control.policy.backfill == Backfill::Easy
            && let Some(head) = waiting(&control).first()
        {
            let size = machine.size[*head as usize];
            let shadow = control.ends.shadow(Time::from_secs(now), size, &machine);
            found[*head as usize].0.get_or_insert(seconds(shadow.at));
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

/// Jobs of (gap before it, processors, run, estimate).
fn some_jobs() -> impl proptest::strategy::Strategy<Value = Vec<(u64, u32, u64, u64)>> {
    proptest::collection::vec((0u64..30, 1u32..17, 0u64..100, 1u64..100), 1..60)
}

proptest::proptest! {
    /// Jobs that end no later than estimated: no head starts later than it was first promised, whatever
    /// passes it.
    #[test]
    fn safety_easy_keeps_its_promise_to_the_head(
        jobs in some_jobs(),
        scan in proptest::sample::select(vec![Scan::InOrder, Scan::ShortestFirst]),
        reservation in proptest::sample::select(vec![Reservation::Counts, Reservation::Machines]),
    ) {
        let policy = Policy { backfill: Backfill::Easy, scan, reservation, ..Policy::default() };
        for (promised, start) in promises(policy, 16, &jobs) {
            proptest::prop_assert!(promised.is_none_or(|promised| start <= promised));
        }
    }

    /// The same for every job where all have places.
    #[test]
    fn safety_conservative_keeps_its_promise_to_all(
        jobs in some_jobs(),
        order in proptest::sample::select(vec![Order::Fcfs, Order::Sjf, Order::Largest]),
        reservation in
            proptest::sample::select(vec![Reservation::Counts, Reservation::Machines, Reservation::Frozen]),
    ) {
        let policy = Policy { order, ..conservative(reservation) };
        let promises = promises(policy, 16, &jobs);
        proptest::prop_assert!(promises.iter().all(|(promised, start)| promised.is_none_or(|at| *start <= at)));
    }

    /// Every job starts in the end, under every order that lets jobs run to their ends.
    #[test]
    fn liveness_every_job_starts(
        jobs in some_jobs(),
        backfill in 0usize..6,
        order in 0..Order::ALL.len() - 2,
        predictor in proptest::sample::select(vec![Predictor::Told, Predictor::AverageOfTwo]),
    ) {
        let policy = [
            Policy::default(),
            Policy { backfill: Backfill::Easy, ..Policy::default() },
            Policy { backfill: Backfill::Easy, scan: Scan::ShortestFirst, ..Policy::default() },
            frozen(),
            conservative(Reservation::Counts),
            conservative(Reservation::Machines),
        ][backfill].clone();
        let policy = Policy { order: Order::ALL[order], predictor, ..policy };
        let mut at = 0;
        for ((_, start), (gap, ..)) in promises(policy, 16, &jobs).into_iter().zip(&jobs) {
            at += gap;
            proptest::prop_assert!(start >= at);
        }
    }
}
