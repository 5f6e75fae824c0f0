//! What textbooks say of queues, against the batch machine: waits of M/M/c, the anomalies of list
//! schedules, and the optimum on one processor.

use super::batch::{BatchJob, BatchPolicy, BatchSetup, JobEnd, JobObserver, JobSource, Ran, run_batch};
use super::{Dependencies, StopRule};
use crate::base::rng::Purpose;
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{BitSet, Diagnostic, Span, Stream, Streams, Time};
use crate::control::batch::Order;

/// A source of jobs that is a closure.
struct Drawn<F>(F, Dependencies);

impl<F: FnMut() -> Option<BatchJob> + Send> JobSource for Drawn<F> {
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        Ok((self.0)())
    }

    fn dependencies(&mut self) -> Dependencies {
        std::mem::take(&mut self.1)
    }
}

/// (number, wait in seconds, end in seconds) of each job.
#[derive(Default)]
struct Ends(Vec<(u64, f64, f64)>);

impl JobObserver for Ends {
    fn submitted(&mut self, _now: Time, _job: &BatchJob) {}
    fn rejected(&mut self, _now: Time, _job: &BatchJob) {}
    fn started(&mut self, _now: Time, _job: &BatchJob, _held: Option<&BitSet>) {}
    fn stopped(&mut self, _now: Time, _job: &BatchJob, _ran: &Ran) {}
    fn ended(&mut self, now: Time, job: &BatchJob, end: &JobEnd<'_>) {
        self.0.push((job.number, end.ran.start.since(job.at).as_secs_f64(), now.as_secs_f64()));
    }
    fn finish(&mut self, _now: Time, _left: &[(BatchJob, Option<Ran>)]) {}
}

fn run(
    processors: u32,
    order: Order,
    jobs: impl FnMut() -> Option<BatchJob> + Send + 'static,
    dependencies: Dependencies,
) -> Vec<(u64, f64, f64)> {
    let setup = BatchSetup {
        seed: 0,
        processors,
        policy: BatchPolicy { order, ..BatchPolicy::default() },
        kill_at_estimate: false,
        clairvoyant: false,
        estimate_factor: 1.0,
        dispatch_delay: Span::ZERO,
        sources: vec![Box::new(Drawn(jobs, dependencies))],
        stop: StopRule::default(),
        check_invariants: false,
    };
    let mut ends = Ends::default();
    run_batch(setup, &mut ends, &mut ()).expect("nothing is misread");
    ends.0
}

/// The mean wait of a replication of M/M/c with a mean service of one second, its beginning cut off.
fn mean_wait(servers: u32, load: f64, replication: u64) -> f64 {
    const JOBS: u64 = 20_000;
    const WARM_UP: u64 = 2_000;
    let exponential =
        |stream: &mut Stream, mean: f64| Span::from_secs_f64(-mean * libm::log(1.0 - stream.unit()));
    let streams = Streams::new(replication);
    let (mut arrivals, mut services) =
        (streams.stream(Purpose::Arrival, 1), streams.stream(Purpose::RunTime, 1));
    let (mut at, mut number) = (Time::ZERO, 0);
    let next = move || {
        number += 1;
        at += exponential(&mut arrivals, 1.0 / (load * f64::from(servers)));
        let run_time = exponential(&mut services, 1.0);
        let job = BatchJob { at, number, processors: 1, run_time, ..BatchJob::default() };
        (number <= JOBS).then_some(job)
    };
    let ends = run(servers, Order::Fcfs, next, Dependencies::default());
    let waits: Vec<f64> =
        ends.iter().filter(|(number, ..)| *number > WARM_UP).map(|(_, wait, _)| *wait).collect();
    waits.iter().sum::<f64>() / waits.len() as f64
}

/// Erlang's C: the chance that a job must wait, by the recursion of Erlang's B.
fn erlang_c(servers: u32, load: f64) -> f64 {
    let offered = load * f64::from(servers);
    let mut blocked = 1.0;
    for server in 1..=servers {
        blocked = offered * blocked / (f64::from(server) + offered * blocked);
    }
    blocked / (1.0 - load * (1.0 - blocked))
}

#[test]
fn waits_of_queues_with_exponential_times() {
    // Student's t for 19 degrees of freedom, 99 %.
    const T: f64 = 2.861;
    const REPLICATIONS: u64 = 20;
    for (servers, load) in [(1, 0.5), (1, 0.8), (3, 0.8), (4, 0.85)] {
        let expected = erlang_c(servers, load) / (f64::from(servers) * (1.0 - load));
        let means: Vec<f64> = (0..REPLICATIONS).map(|seed| mean_wait(servers, load, seed)).collect();
        let count = REPLICATIONS as f64;
        let mean = means.iter().sum::<f64>() / count;
        let variance = means.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / (count - 1.0);
        let half = T * libm::sqrt(variance / count);
        assert!((mean - expected).abs() <= half, "M/M/{servers} at {load}: {mean} ± {half}, not {expected}");
        assert!(half < 0.08 * expected, "M/M/{servers} at {load}: ± {half} says little of {expected}");
    }
    // ρ / (μ - λ) for one server.
    assert!((erlang_c(1, 0.8) / 0.2 - 4.0).abs() < 1e-12);
}

/// The last end of a list schedule: jobs of these lengths, of which some wait for others, each started as
/// soon as a processor is free, first those that come first in the list.
fn list_schedule(processors: u32, lengths: &[u64], after: &[(usize, usize)], list: &[usize]) -> f64 {
    let mut dependencies = Dependencies::default();
    let places: Vec<u32> = lengths.iter().map(|_| dependencies.add(Span::ZERO)).collect();
    for &(before, then) in after {
        dependencies.wait(places[then - 1], places[before - 1]);
    }
    let jobs: Vec<BatchJob> = lengths
        .iter()
        .zip(&places)
        .enumerate()
        .map(|(row, (length, place))| BatchJob {
            number: row as u64 + 1,
            processors: 1,
            run_time: Span::from_secs(*length),
            priority: -(list.iter().position(|job| *job == row + 1).expect("it is listed") as i32),
            link: Some(*place),
            ..BatchJob::default()
        })
        .collect();
    let mut jobs = jobs.into_iter();
    let ends = run(processors, Order::Priority, move || jobs.next(), dependencies);
    assert_eq!(ends.len(), lengths.len());
    ends.iter().map(|(_, _, end)| *end).fold(0.0, f64::max)
}

#[test]
fn graham_anomalies() {
    // Graham, Bounds on Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17 (1969).
    let (lengths, list) = ([3, 2, 2, 2, 4, 4, 4, 4, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let after = [(1, 9), (4, 5), (4, 6), (4, 7), (4, 8)];
    let shorter = lengths.map(|length| length - 1);
    let cases = [
        ("as it is", list_schedule(3, &lengths, &after, &list), 12.0),
        ("another list", list_schedule(3, &lengths, &after, &[1, 2, 4, 5, 6, 3, 9, 7, 8]), 14.0),
        ("one processor more", list_schedule(4, &lengths, &after, &list), 15.0),
        ("every job shorter", list_schedule(3, &shorter, &after, &list), 13.0),
        ("fewer jobs wait", list_schedule(3, &lengths, &[(1, 9), (4, 7), (4, 8)], &list), 16.0),
    ];
    for (what, found, expected) in cases {
        assert!((found - expected).abs() < 1e-9, "{what}: {found}, not {expected}");
    }
}

/// The least total of completion times on one processor, by trying every schedule in steps of a second.
fn least_total(jobs: &mut [(u64, u64)], now: u64) -> u64 {
    if jobs.iter().all(|(_, left)| *left == 0) {
        return 0;
    }
    let mut least = u64::MAX;
    for row in 0..jobs.len() {
        let (at, left) = jobs[row];
        if at > now || left == 0 {
            continue;
        }
        jobs[row].1 -= 1;
        let ended = if left == 1 { now + 1 } else { 0 };
        least = least.min(ended + least_total(jobs, now + 1));
        jobs[row].1 = left;
    }
    if least == u64::MAX { least_total(jobs, now + 1) } else { least }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    /// No schedule on one processor has a smaller total of completion times than the shortest remaining
    /// time first.
    #[test]
    fn safety_the_shortest_remaining_time_first_is_best(
        mut jobs in proptest::collection::vec((0u64..6, 1u64..4), 1..5),
    ) {
        jobs.sort_unstable();
        let mut drawn = jobs.clone().into_iter().enumerate().map(|(row, (at, run))| BatchJob {
            at: Time(at * NANOS_PER_SECOND),
            number: row as u64,
            processors: 1,
            run_time: Span::from_secs(run),
            ..BatchJob::default()
        });
        let ends = run(1, Order::ShortestRemaining, move || drawn.next(), Dependencies::default());
        let total: f64 = ends.iter().map(|(_, _, end)| *end).sum();
        proptest::prop_assert_eq!(total as u64, least_total(&mut jobs, 0));
    }
}
