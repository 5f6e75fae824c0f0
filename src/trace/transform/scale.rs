//! Scaling: times between submissions, run times, estimates and sizes by factors.

use super::super::report::ReadReport;
use super::super::{Reader, Row};
use super::factor::{Factor, round_to};
use super::ledger::Ledger;
use super::reason;
use crate::base::{Diagnostic, Location, Span, Time};

/// What is scaled and by how much.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scale {
    /// Times between submissions, and think times. The first row stays where it is.
    pub arrivals: Factor,
    /// Run times, and the times after the submission by which jobs should have ended.
    pub run_times: Factor,
    /// Estimates.
    pub estimates: Factor,
    /// Processors, CPU, memory and further resources. What is requested stays requested: at least one
    /// unit of it.
    pub sizes: Factor,
    /// Scaled times are rounded to the nearest multiple of this; zero: to nanoseconds.
    pub resolution: Span,
    /// Scaled processors are cut to this number.
    pub max_processors: Option<u32>,
}

impl Default for Scale {
    fn default() -> Scale {
        Scale {
            arrivals: Factor::ONE,
            run_times: Factor::ONE,
            estimates: Factor::ONE,
            sizes: Factor::ONE,
            resolution: Span::ZERO,
            max_processors: None,
        }
    }
}

/// What a row lost when it was scaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Lost {
    before_start: bool,
    wait: bool,
    size: bool,
}

impl Scale {
    /// Whether nothing is scaled.
    pub fn is_identity(&self) -> bool {
        [self.arrivals, self.run_times, self.estimates, self.sizes].into_iter().all(Factor::is_one)
    }

    /// The same with the times between submissions that bring an offered load of `before` to
    /// `target`. The error says what is wrong with the loads.
    pub fn to_load(self, before: f64, target: f64) -> Result<Scale, String> {
        if !(before.is_finite() && before > 0.0) {
            return Err("the trace has no load that could be scaled".into());
        }
        let arrivals = Factor::new(before / target)
            .map_err(|_| format!("a load of {target} cannot be reached from one of {before:.4}"))?;
        Ok(Scale { arrivals, ..self })
    }

    /// A scaled time; `None` if it is too large.
    fn time(&self, factor: Factor, nanoseconds: u64) -> Option<u64> {
        if factor.is_one() {
            return Some(nanoseconds);
        }
        factor.of(nanoseconds).map(|scaled| round_to(scaled, self.resolution.0))
    }

    fn submit(&self, origin: Time, submit: Time) -> Option<(Time, bool)> {
        if let Some(after) = submit.0.checked_sub(origin.0) {
            let scaled = self.time(self.arrivals, after)?;
            return Some((Time(origin.0.checked_add(scaled)?), false));
        }
        let before = self.time(self.arrivals, origin.0 - submit.0)?;
        Some((Time(origin.0.saturating_sub(before)), before > origin.0))
    }

    /// Scales a row; `None` if a time or a size becomes too large.
    fn apply(&self, origin: Time, row: &mut Row) -> Option<Lost> {
        let mut lost = Lost::default();
        (row.submit, lost.before_start) = self.submit(origin, row.submit)?;
        let span = |factor: Factor, span: Option<Span>| match span {
            Some(span) => self.time(factor, span.0).map(|scaled| Some(Span(scaled))),
            None => Some(None),
        };
        row.run_time = span(self.run_times, row.run_time)?;
        row.estimate = span(self.estimates, row.estimate)?;
        row.deadline = span(self.run_times, row.deadline)?;
        row.think_time = span(self.arrivals, row.think_time)?;
        if !self.is_identity() {
            lost.wait = row.recorded_wait.take().is_some();
        }
        lost.size = self.resize(row)?;
        Some(lost)
    }

    /// Scales what is requested; whether it had to be cut. `None` if it becomes too large.
    fn resize(&self, row: &mut Row) -> Option<bool> {
        const MOST: i64 = i32::MAX as i64;
        if self.sizes.is_one() {
            return Some(false);
        }
        let most = self.max_processors.map_or(MOST, i64::from).min(MOST);
        // What the machine cuts may be larger before.
        let wide = if self.max_processors.is_some() { i64::MAX } else { MOST };
        let processors = |number: i64| self.sizes.of_size(number, wide);
        let scaled = processors(row.processors.into())?;
        row.processors = scaled.min(most) as u32;
        row.allocated_processors = processors(row.allocated_processors)?.min(most);
        row.requested_processors = processors(row.requested_processors)?.min(most);
        // The largest number stands for what is too large.
        let amount = |number: i64| self.sizes.of_size(number, i64::MAX - 1);
        row.cpu_milli = amount(row.cpu_milli)?;
        row.memory_bytes = amount(row.memory_bytes)?;
        for (_, number) in &mut row.extended {
            *number = amount(*number)?;
        }
        Some(scaled > most)
    }
}

/// The rows of a reader, scaled, in its order.
pub struct Scaled<R> {
    inner: R,
    scale: Scale,
    /// When the first row is submitted: it stays there.
    origin: Option<Time>,
    ledger: Ledger,
}

impl<R: Reader> Scaled<R> {
    /// Scales the rows of `inner`.
    pub fn new(inner: R, scale: Scale) -> Scaled<R> {
        let ledger = Ledger::new(inner.report());
        Scaled { inner, scale, origin: None, ledger }
    }
}

impl<R: Reader> Reader for Scaled<R> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        if !self.inner.read(row)? {
            self.ledger.end([self.inner.report()]);
            return Ok(false);
        }
        let origin = *self.origin.get_or_insert(row.submit);
        let line = u32::try_from(row.line).unwrap_or(u32::MAX);
        let place = || Location::at(self.inner.report().file.clone(), line, 0);
        let lost = self.scale.apply(origin, row).ok_or_else(|| {
            Diagnostic::error(place(), "a scaled time or size is too large").help("give a smaller factor")
        })?;
        let report = self.ledger.own();
        let reasons = [
            (lost.before_start, reason::BEFORE_START),
            (lost.wait, reason::RECORDED_WAIT),
            (lost.size, reason::SIZE_CUT),
        ];
        for (_, reason) in reasons.into_iter().filter(|(happened, _)| *happened) {
            report.repair_row(reason, row.line);
        }
        report.use_row(row.submit, row.line);
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        self.ledger.report()
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.inner.sha256()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Rows, Statistics};
    use super::*;
    use proptest::prelude::*;

    fn row(submit: u64, run: u64, processors: u32) -> Row {
        Row {
            submit: Time::from_secs(submit),
            run_time: Some(Span::from_secs(run)),
            processors,
            requested_processors: processors.into(),
            ..Row::default()
        }
    }

    fn scaled(rows: Vec<Row>, scale: Scale) -> (Vec<Row>, ReadReport) {
        let mut reader = Scaled::new(Rows::new("rows", rows), scale);
        let mut all = Vec::new();
        let mut row = Row::default();
        while reader.read(&mut row).unwrap() {
            all.push(row.clone());
        }
        (all, reader.report().clone())
    }

    fn factor(value: f64) -> Factor {
        Factor::new(value).unwrap()
    }

    #[test]
    fn times_between_submissions_are_scaled_around_the_first_row() {
        let scale = Scale { arrivals: factor(0.5), resolution: Span::from_secs(1), ..Scale::default() };
        let (rows, report) = scaled([100, 107, 90, 10].map(|at| row(at, 5, 1)).into(), scale);
        assert_eq!(
            rows.iter().map(|row| row.submit.0 / 1_000_000_000).collect::<Vec<_>>(),
            [100, 104, 95, 55]
        );
        assert_eq!((report.rows, report.used), (4, 4));
        let (rows, report) =
            scaled([10, 0].map(|at| row(at, 5, 1)).into(), Scale { arrivals: factor(2.0), ..scale });
        assert_eq!((rows[1].submit, report.repaired[reason::BEFORE_START].rows), (Time::ZERO, 1));
    }

    #[test]
    fn run_times_sizes_and_what_they_make_stale() {
        let mut first = row(0, 10, 8);
        first.recorded_wait = Some(Span::from_secs(3));
        first.estimate = Some(Span::from_secs(20));
        first.memory_bytes = 1_000;
        first.extended = vec![("example.com/gpu".into(), 1)];
        let scale = Scale {
            run_times: factor(1.5),
            estimates: factor(1.5),
            sizes: factor(0.25),
            max_processors: Some(64),
            ..Scale::default()
        };
        let (rows, report) = scaled(vec![first, row(1, 1, 1)], scale);
        let seconds = |span: Option<Span>| span.map(|span| span.0 / 1_000_000);
        assert_eq!((seconds(rows[0].run_time), seconds(rows[0].estimate)), (Some(15_000), Some(30_000)));
        assert_eq!((rows[0].processors, rows[0].requested_processors, rows[0].memory_bytes), (2, 2, 250));
        assert_eq!((rows[0].extended[0].1, rows[1].processors, rows[0].recorded_wait), (1, 1, None));
        assert_eq!(report.repaired[reason::RECORDED_WAIT].rows, 1);
        let (rows, report) = scaled(vec![row(0, 1, 40)], Scale { sizes: factor(2.0), ..scale });
        assert_eq!((rows[0].processors, report.repaired[reason::SIZE_CUT].rows), (64, 1));
    }

    #[test]
    fn a_time_beyond_all_times_is_an_error_with_its_line() {
        let late = Row { submit: Time(u64::MAX - 1), line: 7, ..Row::default() };
        let rows = Rows::new("rows", vec![row(0, 1, 1), late]);
        let mut reader = Scaled::new(rows, Scale { arrivals: factor(2.0), ..Scale::default() });
        assert_eq!(reader.read(&mut Row::default()), Ok(true));
        let finding = reader.read(&mut Row::default()).unwrap_err().to_string();
        assert!(finding.starts_with("rows:7: error: a scaled time or size is too large"), "{finding}");
    }

    #[test]
    fn a_size_beyond_all_sizes_is_an_error() {
        let large = Scale { sizes: factor(10.0), ..Scale::default() };
        let memory = Row { memory_bytes: i64::MAX / 5, ..Row::default() };
        for row in [memory, row(0, 1, i32::MAX as u32)] {
            let mut reader = Scaled::new(Rows::new("rows", vec![row]), large);
            assert!(reader.read(&mut Row::default()).is_err());
        }
        let machine = Scale { max_processors: Some(8), ..large };
        assert_eq!(scaled(vec![row(0, 1, i32::MAX as u32)], machine).0[0].processors, 8);
    }

    proptest! {
        #[test]
        fn a_target_load_is_reached(gaps in prop::collection::vec((1u64..2_000, 1u64..5_000, 1u32..32), 2..60), target in 0.05f64..3.0) {
            let mut now = 0;
            let rows: Vec<Row> = gaps.iter().map(|&(gap, run, processors)| { now += gap; row(now, run, processors) }).collect();
            let load = |rows: &[Row]| Statistics::collect(&mut Rows::new("rows", rows.to_vec())).unwrap().offered_load(32).unwrap();
            let scale = Scale::default().to_load(load(&rows), target).unwrap();
            let after = load(&scaled(rows, scale).0);
            prop_assert!((after / target - 1.0).abs() < 1e-6, "{after} {target}");
        }

        #[test]
        fn factors_of_one_change_nothing(submits in prop::collection::vec(any::<u64>(), 1..20)) {
            let rows: Vec<Row> = submits.iter().map(|at| Row { submit: Time(*at), recorded_wait: Some(Span(1)), ..Row::default() }).collect();
            let scale = Scale { resolution: Span::from_secs(1), ..Scale::default() };
            prop_assert_eq!(scaled(rows.clone(), scale).0, rows);
        }
    }

    #[test]
    fn loads_that_cannot_be_reached_are_refused() {
        for (before, target) in
            [(0.0, 0.9), (f64::NAN, 0.9), (1.0, 0.0), (1.0, -1.0), (1.0, 1e9), (1.0, f64::NAN)]
        {
            assert!(Scale::default().to_load(before, target).is_err(), "{before} {target}");
        }
    }
}
