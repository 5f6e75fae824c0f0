//! Generated workloads: arrivals, sizes and run times drawn from distributions.
//!
//! Every job draws each of its properties from a stream of its own, keyed by the generator's name
//! and the job's index: changing the distribution of the run times leaves arrivals and sizes as they
//! were. Knows nothing of how a generator is written in a file.

use super::report::ReadReport;
use super::{Reader, Row};
use crate::api::RestartPolicy;
use crate::base::rng::{Purpose, key_of};
use crate::base::{Diagnostic, Distribution, Location, Span, Stream, Streams, Time};

/// When jobs arrive, counted from [`Generator::start`].
#[derive(Clone, PartialEq, Debug)]
pub enum Arrivals {
    /// Independent arrivals at a constant rate.
    Poisson {
        /// Jobs per second.
        rate: f64,
    },
    /// Independent times between arrivals; the first job arrives one such time after the start.
    Intervals(Distribution),
    /// All at the start.
    AllAtOnce,
    /// So many jobs in each period, evenly spread at random within it; nothing after the last.
    Counts {
        /// The length of a period.
        period: Span,
        /// Jobs of each period.
        counts: Vec<u64>,
    },
    /// Independent arrivals whose rate swings as a cosine:
    /// rate · (1 + amplitude · cos(2π · (t - peak) / period)).
    Daily {
        /// Jobs per second, averaged over a period.
        rate: f64,
        /// The swing, from 0 (none) to 1 (no arrivals at the lowest point).
        amplitude: f64,
        /// When the rate is highest.
        peak: Span,
        /// The length of a cycle, such as 24 hours.
        period: Span,
    },
}

/// One kind of job: what it requests. What is absent is not requested.
#[derive(Clone, PartialEq, Debug)]
pub struct Shape {
    /// How often this kind is drawn, in proportion to the others' weights.
    pub weight: f64,
    /// Cores of each task.
    pub cpu: Option<Distribution>,
    /// Bytes of each task, rounded up to whole MiB.
    pub memory: Option<Distribution>,
    /// Processors of the job, rounded, at least 1.
    pub processors: Option<Distribution>,
    /// Further resources of each task, rounded to whole units.
    pub extended: Vec<(String, Distribution)>,
    /// A task must run on a node whose label has one of the values.
    pub node_labels_in: Option<(String, Vec<String>)>,
    /// Labels of the tasks.
    pub labels: Vec<(String, String)>,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            weight: 1.0,
            cpu: None,
            memory: None,
            processors: None,
            extended: Vec::new(),
            node_labels_in: None,
            labels: Vec::new(),
        }
    }
}

/// A generator of jobs, as plain data.
#[derive(Clone, PartialEq, Debug)]
pub struct Generator {
    /// The beginning of the jobs' names (`name-1`, `name-2`, …) and the key of the random streams;
    /// empty: jobs have numbers only.
    pub name: String,
    /// When the generator begins.
    pub start: Time,
    /// When jobs arrive.
    pub arrivals: Arrivals,
    /// The most jobs.
    pub jobs: Option<u64>,
    /// No job arrives later than this after the start.
    pub duration: Option<Span>,
    /// The kinds of jobs; at least one.
    pub shapes: Vec<Shape>,
    /// Tasks of each job, rounded, at least 1; absent: 1.
    pub tasks: Option<Distribution>,
    /// Run times in seconds; absent: for ever.
    pub run_time: Option<Distribution>,
    /// The estimate as a multiple of the run time; absent: no estimates.
    pub estimate_factor: Option<Distribution>,
    /// Estimates are rounded up to a multiple of this, as people write round numbers; zero: not.
    pub estimate_step: Span,
    /// Submit and run times are rounded up to a multiple of this; zero: not.
    pub resolution: Span,
    /// Jobs belong to users 1 to this number, each equally likely; 0: to nobody.
    pub users: u32,
    /// Priorities with their weights; empty: priority 0.
    pub priorities: Vec<(i32, f64)>,
    /// The queue; -1: none.
    pub queue: i32,
    /// Exit codes, rounded, at most 255; absent: 0.
    pub exit_code: Option<Distribution>,
    /// What happens when a task ends.
    pub restart_policy: Option<RestartPolicy>,
}

impl Default for Generator {
    fn default() -> Generator {
        Generator {
            name: String::new(),
            start: Time::ZERO,
            arrivals: Arrivals::AllAtOnce,
            jobs: None,
            duration: None,
            shapes: vec![Shape::default()],
            tasks: None,
            run_time: None,
            estimate_factor: None,
            estimate_step: Span::ZERO,
            resolution: Span::ZERO,
            users: 0,
            priorities: Vec::new(),
            queue: -1,
            exit_code: None,
            restart_policy: None,
        }
    }
}

/// More jobs than this from one generator are a slip, such as intervals that round to nothing.
pub const MAX_JOBS: u64 = 1_000_000_000;

/// The draws of a job that share the purpose [`Purpose::Size`], so that each has its own stream.
#[derive(Clone, Copy)]
enum Draw {
    Cpu,
    Memory,
    Processors,
    Tasks,
    Shape,
    User,
    Priority,
    /// The first of the further resources; the others follow.
    Extended,
}

/// Streams of size draws that a job has; enough for eight draws and as many further resources as any
/// node has.
const DRAWS: u64 = 64;

impl Generator {
    /// What is wrong with the generator, in words for the person who wrote it.
    pub fn check(&self) -> Result<(), String> {
        let positive = |value: f64, name: &str| {
            let right = value.is_finite() && value > 0.0;
            if right { Ok(()) } else { Err(format!("`{name}` must be a number above zero")) }
        };
        match &self.arrivals {
            Arrivals::Poisson { rate } => positive(*rate, "rate")?,
            Arrivals::Intervals(distribution) if self.jobs.is_none() => {
                // An infinite mean is legal: a heavy tail.
                positive(distribution.mean().min(f64::MAX), "the mean interval")?;
            }
            Arrivals::Daily { rate, amplitude, period, .. } => {
                positive(*rate, "rate")?;
                if !(0.0..=1.0).contains(amplitude) {
                    return Err("`amplitude` must be between 0 and 1".into());
                }
                positive(period.as_secs_f64(), "period")?;
            }
            Arrivals::Counts { period, .. } => positive(period.as_secs_f64(), "period")?,
            Arrivals::Intervals(_) | Arrivals::AllAtOnce => {}
        }
        let bounded = self.jobs.is_some() || matches!(self.arrivals, Arrivals::Counts { .. });
        let bounded = bounded || (self.duration.is_some() && self.arrivals != Arrivals::AllAtOnce);
        if !bounded {
            return Err("the generator never ends: give the number of jobs or a duration".into());
        }
        let expected = self.expected_jobs();
        if expected > MAX_JOBS as f64 {
            return Err(format!("the generator would make about {expected:.0} jobs; the most is {MAX_JOBS}"));
        }
        check_weights(self.shapes.iter().map(|shape| shape.weight), "shapes")?;
        if !self.priorities.is_empty() {
            check_weights(self.priorities.iter().map(|(_, weight)| *weight), "priorities")?;
        }
        let most = (DRAWS - Draw::Extended as u64) as usize;
        if self.shapes.iter().any(|shape| shape.extended.len() > most) {
            return Err(format!("a job can request at most {most} further resources"));
        }
        Ok(())
    }
}

impl Generator {
    /// How many jobs to expect, at most.
    fn expected_jobs(&self) -> f64 {
        let within = |rate: f64| self.duration.map_or(f64::INFINITY, |span| span.as_secs_f64() * rate);
        let arriving = match &self.arrivals {
            Arrivals::Poisson { rate } | Arrivals::Daily { rate, .. } => within(*rate),
            Arrivals::Intervals(distribution) if distribution.mean() > 0.0 => {
                within(1.0 / distribution.mean())
            }
            Arrivals::Counts { counts, .. } => counts.iter().map(|count| *count as f64).sum(),
            Arrivals::Intervals(_) | Arrivals::AllAtOnce => f64::INFINITY,
        };
        self.jobs.map_or(arriving, |jobs| arriving.min(jobs as f64))
    }
}

fn check_weights(weights: impl Iterator<Item = f64>, what: &str) -> Result<(), String> {
    let mut sum = 0.0;
    for weight in weights {
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(format!("the weights of the {what} must be numbers that are not negative"));
        }
        sum += weight;
    }
    if sum > 0.0 { Ok(()) } else { Err(format!("the weights of the {what} must not all be zero")) }
}

/// A running generator. Rows come in order of submission.
#[derive(Clone, Debug)]
pub struct Synth {
    generator: Generator,
    streams: Streams,
    /// The index of the next job, from 0.
    next: u64,
    /// When the job before arrived, before rounding.
    clock: Time,
    /// The period of [`Arrivals::Counts`] and how many of its jobs have arrived.
    period: (usize, u64),
    report: ReadReport,
}

impl Synth {
    /// Starts `generator` with the random streams of `seed`. Errors: those of [`Generator::check`].
    pub fn new(generator: Generator, seed: u64) -> Result<Synth, String> {
        generator.check()?;
        let name = if generator.name.is_empty() { "generated" } else { generator.name.as_str() };
        let report = ReadReport::new(&name.into(), "generated");
        let streams = Streams::new(seed ^ key_of(&generator.name));
        let clock = generator.start;
        Ok(Synth { generator, streams, next: 0, clock, period: (0, 0), report })
    }

    /// Ends the generator with a finding.
    fn stop(&mut self, message: String) -> Diagnostic {
        self.generator.jobs = Some(self.next);
        Diagnostic::error(Location::file(self.report.file.clone()), message)
            .help("are the intervals as meant?")
    }

    fn size_stream(&self, draw: Draw, further: u64) -> Stream {
        let slot = (draw as u64).wrapping_add(further);
        self.streams.stream(Purpose::Size, self.next.wrapping_mul(DRAWS).wrapping_add(slot))
    }

    /// When the next job arrives, before rounding; `None` if there is none.
    fn arrival(&mut self) -> Option<Time> {
        let mut stream = self.streams.stream(Purpose::Arrival, self.next);
        match &self.generator.arrivals {
            Arrivals::AllAtOnce => Some(self.generator.start),
            Arrivals::Poisson { rate } => {
                let gap = Distribution::Exponential { mean: 1.0 / rate };
                Some(self.clock + gap.sample_span(&mut stream))
            }
            Arrivals::Intervals(gap) => Some(self.clock + gap.sample_span(&mut stream)),
            Arrivals::Daily { rate, amplitude, peak, period } => {
                let cycle = Cycle {
                    rate: *rate,
                    amplitude: *amplitude,
                    peak: peak.as_secs_f64(),
                    period: period.as_secs_f64(),
                };
                let before = self.clock.since(self.generator.start).as_secs_f64();
                let work = Distribution::Exponential { mean: 1.0 }.sample(&mut stream);
                let span = Span::from_secs_f64(cycle.after(before, work));
                // Rounding to whole nanoseconds must not go back in time.
                Some((self.generator.start + span).max(self.clock))
            }
            Arrivals::Counts { period, counts } => {
                while counts.get(self.period.0).is_some_and(|count| self.period.1 >= *count) {
                    self.period = (self.period.0 + 1, 0);
                }
                let left = counts.get(self.period.0)? - self.period.1;
                self.period.1 += 1;
                let begin = self.generator.start + *period * self.period.0 as u64;
                let from = self.clock.max(begin);
                let room = (begin + *period).since(from).as_secs_f64();
                // The earliest of `left` points spread evenly over what is left of the period.
                let share = 1.0 - libm::pow(stream.unit(), 1.0 / left as f64);
                Some(from + Span::from_secs_f64(room * share))
            }
        }
    }

    fn fill(&self, arrival: Time, row: &mut Row) {
        let generator = &self.generator;
        row.reset();
        row.number = self.next as i64 + 1;
        if !generator.name.is_empty() {
            row.name = format!("{}-{}", generator.name, row.number);
        }
        row.submit = Time(round_up(arrival.0, generator.resolution.0));
        row.queue = generator.queue;
        row.restart_policy = generator.restart_policy;
        if let Some(tasks) = &generator.tasks {
            row.tasks = whole(tasks, &mut self.size_stream(Draw::Tasks, 0)).clamp(1, u32::MAX.into()) as u32;
        }
        if generator.users > 0 {
            row.user = self.size_stream(Draw::User, 0).below(u64::from(generator.users)) as i32 + 1;
        }
        if !generator.priorities.is_empty() {
            let weights = generator.priorities.iter().map(|(_, weight)| *weight);
            let chosen = choose(weights, &mut self.size_stream(Draw::Priority, 0));
            row.priority = generator.priorities[chosen].0;
        }
        self.fill_times(row);
        self.fill_shape(row);
    }

    fn fill_times(&self, row: &mut Row) {
        let generator = &self.generator;
        if let Some(run_time) = &generator.run_time {
            let span = run_time.sample_span(&mut self.streams.stream(Purpose::RunTime, self.next));
            row.run_time = Some(Span(round_up(span.0, generator.resolution.0)));
        }
        if let (Some(factor), Some(run)) = (&generator.estimate_factor, row.run_time) {
            let factor = factor.sample(&mut self.streams.stream(Purpose::Estimate, self.next));
            let span = Span::from_secs_f64(run.as_secs_f64() * factor);
            let step = generator.estimate_step.max(generator.resolution);
            row.estimate = Some(Span(round_up(span.0, step.0)));
        }
        if let Some(exit_code) = &generator.exit_code {
            let code = whole(exit_code, &mut self.streams.stream(Purpose::ExitCode, self.next));
            row.exit_code = code.min(255) as i32;
        }
    }

    fn fill_shape(&self, row: &mut Row) {
        const MIB: f64 = 1_048_576.0;
        let weights = self.generator.shapes.iter().map(|shape| shape.weight);
        let shape = &self.generator.shapes[choose(weights, &mut self.size_stream(Draw::Shape, 0))];
        if let Some(cpu) = &shape.cpu {
            // A float-to-integer cast saturates.
            row.cpu_milli = libm::ceil(cpu.sample(&mut self.size_stream(Draw::Cpu, 0)) * 1e3) as i64;
        }
        if let Some(memory) = &shape.memory {
            let mebibytes = libm::ceil(memory.sample(&mut self.size_stream(Draw::Memory, 0)) / MIB);
            row.memory_bytes = (mebibytes * MIB) as i64;
        }
        if let Some(processors) = &shape.processors {
            let drawn = whole(processors, &mut self.size_stream(Draw::Processors, 0));
            row.processors = drawn.clamp(1, i32::MAX as u64) as u32;
            row.requested_processors = row.processors.into();
        }
        for (index, (name, amount)) in shape.extended.iter().enumerate() {
            let drawn = whole(amount, &mut self.size_stream(Draw::Extended, index as u64));
            row.extended.push((name.clone(), i64::try_from(drawn).unwrap_or(i64::MAX)));
        }
        row.node_labels_in.clone_from(&shape.node_labels_in);
        row.labels.clone_from(&shape.labels);
    }
}

impl Reader for Synth {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        if self.generator.jobs.is_some_and(|jobs| self.next >= jobs) {
            return Ok(false);
        }
        let Some(arrival) = self.arrival() else { return Ok(false) };
        let late = self.generator.duration.is_some_and(|limit| arrival.since(self.generator.start) > limit);
        if late {
            return Ok(false);
        }
        if self.next >= MAX_JOBS {
            return Err(self.stop(format!("the generator makes more than {MAX_JOBS} jobs")));
        }
        if arrival == Time::MAX {
            return Err(self.stop(format!("job {} would arrive later than any time can be", self.next + 1)));
        }
        self.fill(arrival, row);
        self.clock = arrival;
        self.next += 1;
        self.report.rows += 1;
        self.report.use_row(row.submit, 0);
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        Ok(None)
    }
}

/// A rate that swings as a cosine; times in seconds.
struct Cycle {
    rate: f64,
    amplitude: f64,
    peak: f64,
    period: f64,
}

impl Cycle {
    /// The expected number of arrivals until `time`, up to a constant.
    fn expected(&self, time: f64) -> f64 {
        let turn = std::f64::consts::TAU / self.period;
        self.rate * (time + self.amplitude / turn * libm::sin(turn * (time - self.peak)))
    }

    /// The time by which `work` arrivals more than until `from` are expected: the inverse of
    /// [`Cycle::expected`], by bisection, so that a job needs one random number whatever the swing.
    fn after(&self, from: f64, work: f64) -> f64 {
        let goal = self.expected(from) + work;
        let swing = self.amplitude * self.period / std::f64::consts::PI;
        let (mut low, mut high) = (from, from + work / self.rate + swing);
        // Each step halves the bracket: 64 steps leave less than the last bit of a double.
        for _ in 0..64 {
            let middle = f64::midpoint(low, high);
            if self.expected(middle) < goal {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// The index of one of the weights, each in proportion; the last one with a weight above zero where
/// rounding would go past the end.
fn choose(weights: impl Iterator<Item = f64> + Clone, stream: &mut Stream) -> usize {
    let total: f64 = weights.clone().sum();
    let mut left = stream.unit() * total;
    let mut chosen = 0;
    for (index, weight) in weights.enumerate() {
        if weight > 0.0 {
            chosen = index;
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    chosen
}

/// A draw rounded to the nearest whole number.
fn whole(distribution: &Distribution, stream: &mut Stream) -> u64 {
    libm::round(distribution.sample(stream)) as u64
}

/// `value` rounded up to a multiple of `step`; unchanged if `step` is zero or the result too large.
fn round_up(value: u64, step: u64) -> u64 {
    if step == 0 { value } else { value.checked_next_multiple_of(step).unwrap_or(value) }
}

/// A rate in jobs per second.
pub fn per_hour(jobs: f64) -> f64 {
    jobs / 3600.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dist::Unit;
    use crate::base::units::NANOS_PER_SECOND;

    fn rows(generator: Generator) -> Vec<Row> {
        let mut synth = Synth::new(generator, 7).unwrap();
        let mut all = Vec::new();
        let mut row = Row::default();
        while synth.read(&mut row).unwrap() {
            all.push(row.clone());
        }
        assert_eq!(synth.report().used, all.len() as u64);
        all
    }

    fn time(text: &str) -> Distribution {
        Distribution::parse(text, Unit::Time).unwrap()
    }

    #[test]
    fn changing_one_part_leaves_the_others() {
        let plain = Generator {
            arrivals: Arrivals::Poisson { rate: 0.1 },
            jobs: Some(200),
            run_time: Some(time("exponential(mean=1m)")),
            estimate_factor: Some(Distribution::Uniform { min: 1.0, max: 3.0 }),
            shapes: vec![Shape {
                processors: Some(Distribution::PowerOfTwo { min: 1.0, max: 32.0 }),
                ..Shape::default()
            }],
            users: 5,
            ..Generator::default()
        };
        let other = Generator { run_time: Some(time("gamma(shape=2, scale=3s)")), ..plain.clone() };
        let (plain, other) = (rows(plain), rows(other));
        let without = |row: &Row| Row { run_time: None, estimate: None, ..row.clone() };
        assert!(plain.iter().zip(&other).all(|(a, b)| without(a) == without(b)));
        assert!(plain.iter().zip(&other).any(|(a, b)| a.run_time != b.run_time));
        assert!(plain.iter().all(|row| row.estimate >= row.run_time && (1..=32).contains(&row.processors)));
        assert!(plain.iter().all(|row| (1..=5).contains(&row.user)));
    }

    #[test]
    fn arrivals_keep_their_rates() {
        let day = Span::from_secs(86_400);
        let daily = Arrivals::Daily { rate: 0.1, amplitude: 0.8, peak: Span::from_secs(50_400), period: day };
        for (arrivals, expected) in [
            (Arrivals::Poisson { rate: 0.1 }, 86_400.0),
            (daily, 86_400.0),
            (Arrivals::Intervals(time("10s")), 86_400.0),
        ] {
            let made = rows(Generator {
                arrivals: arrivals.clone(),
                duration: Some(day * 10),
                ..Generator::default()
            });
            let ratio = made.len() as f64 / expected;
            assert!((0.98..1.02).contains(&ratio), "{arrivals:?}: {ratio}");
            assert!(made.is_sorted_by_key(|row| row.submit));
        }
    }

    #[test]
    fn a_daily_cycle_peaks_at_its_peak() {
        let arrivals = Arrivals::Daily {
            rate: 1.0,
            amplitude: 1.0,
            peak: Span::from_secs(50_400),
            period: Span::from_secs(86_400),
        };
        let made =
            rows(Generator { arrivals, duration: Some(Span::from_secs(86_400)), ..Generator::default() });
        let in_hour = |hour: u64| made.iter().filter(|row| row.submit.0 / 3_600_000_000_000 == hour).count();
        assert!(in_hour(14) > 6_500 && in_hour(2) < 150, "{} {}", in_hour(14), in_hour(2));
    }

    #[test]
    fn counts_are_exact_and_in_their_periods() {
        let arrivals = Arrivals::Counts { period: Span::from_secs(60), counts: vec![3, 0, 500, 1] };
        let made = rows(Generator { arrivals, start: Time::from_secs(100), ..Generator::default() });
        let period = |row: &Row| (row.submit.0 / NANOS_PER_SECOND - 100) / 60;
        let counts: Vec<usize> = (0..4).map(|n| made.iter().filter(|row| period(row) == n).count()).collect();
        assert_eq!(counts, [3, 0, 500, 1]);
        assert!(made.is_sorted_by_key(|row| row.submit));
    }

    #[test]
    fn weights_and_rounding() {
        let generator = Generator {
            name: "web".into(),
            jobs: Some(1_000),
            priorities: vec![(0, 3.0), (100, 1.0), (-5, 0.0)],
            run_time: Some(time("uniform(min=1s, max=2s)")),
            estimate_factor: Some(Distribution::Constant(1.0)),
            estimate_step: Span::from_secs(60),
            resolution: Span::from_secs(1),
            shapes: vec![Shape {
                cpu: Some(Distribution::Constant(0.25)),
                memory: Some(Distribution::Constant(1e6)),
                extended: vec![("example.com/gpu".into(), Distribution::Constant(2.0))],
                ..Shape::default()
            }],
            ..Generator::default()
        };
        let made = rows(generator);
        let high = made.iter().filter(|row| row.priority == 100).count();
        assert!((200..300).contains(&high), "{high}");
        assert!(made.iter().all(|row| row.priority != -5 && row.submit == Time::ZERO));
        let first = &made[0];
        assert_eq!((first.name.as_str(), first.cpu_milli, first.memory_bytes), ("web-1", 250, 1 << 20));
        assert_eq!(first.extended, [("example.com/gpu".to_owned(), 2)]);
        assert_eq!((first.run_time, first.estimate), (Some(Span::from_secs(2)), Some(Span::from_secs(60))));
    }

    #[test]
    fn arrivals_beyond_all_time_are_an_error_once() {
        let arrivals = Arrivals::Intervals(Distribution::Constant(1e30));
        let mut synth = Synth::new(Generator { arrivals, jobs: Some(3), ..Generator::default() }, 1).unwrap();
        assert!(synth.read(&mut Row::default()).is_err());
        assert_eq!(synth.read(&mut Row::default()), Ok(false));
    }

    #[test]
    fn what_never_ends_or_makes_no_sense_is_refused() {
        let plain = Generator { jobs: Some(1), ..Generator::default() };
        let endless = Arrivals::Intervals(Distribution::Constant(0.0));
        for (generator, part) in [
            (Generator { jobs: None, ..plain.clone() }, "never ends"),
            (Generator { arrivals: Arrivals::Poisson { rate: f64::NAN }, ..plain.clone() }, "`rate`"),
            (Generator { arrivals: Arrivals::Poisson { rate: 0.0 }, ..plain.clone() }, "`rate`"),
            (
                Generator {
                    arrivals: endless,
                    jobs: None,
                    duration: Some(Span::from_secs(1)),
                    ..plain.clone()
                },
                "interval",
            ),
            (Generator { shapes: vec![], ..plain.clone() }, "shapes"),
            (Generator { jobs: Some(u64::MAX), ..plain.clone() }, "the most is"),
            (Generator { priorities: vec![(1, -1.0)], ..plain.clone() }, "priorities"),
        ] {
            let message = Synth::new(generator, 1).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }
}
