//! How a trace goes over time: arrivals by period, by hour of the day and by weekday, the load that
//! it brings, who submits, and the values behind its distributions.

use super::report::{Header, ReadReport};
use super::{Reader, Row};
use crate::base::{Diagnostic, Map, Span, Time};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Hours of a day.
pub const HOURS: usize = 24;
/// Days of a week.
pub const WEEKDAYS: usize = 7;
/// Periods of a profile at most, but for traces that are longer than any.
const MOST_PERIODS: u64 = 150;
/// Lengths of periods in seconds.
const STEPS: [u64; 14] =
    [1, 10, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 259_200, 604_800, 2_419_200, 31_536_000];
/// Quantiles that are kept of a distribution: every half per mille.
const QUANTILES: usize = 2_000;
/// The users that are told of as the busiest.
const BUSIEST: usize = 10;

/// What a row adds; [`NONE`] where it has nothing.
#[derive(Clone, Copy)]
struct Entry {
    submit: u64,
    wait: u64,
    run: u64,
    estimate: u64,
    memory: i64,
    cpu_milli: i64,
    tasks: u32,
    processors: u32,
    user: i32,
}

/// No time.
const NONE: u64 = u64::MAX;

/// The values of a quantity, by quantiles of nearest rank at every half per mille.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantiles {
    /// The name, such as `run_time_s`.
    pub name: &'static str,
    /// What is shown beside an axis.
    pub label: &'static str,
    /// `s`, `B`, `1` for shares, or what is counted.
    pub unit: &'static str,
    /// Ascending.
    pub values: Vec<f64>,
}

/// The load over time: means over the periods of the profile.
#[derive(Clone, PartialEq, Debug)]
pub struct Load {
    /// `processors` or `cores`.
    pub unit: &'static str,
    /// What would be in use if every row started when it is submitted.
    pub wanted: Vec<f64>,
    /// What was in use as recorded, if waits were.
    pub recorded: Option<Vec<f64>>,
}

/// How a trace goes over time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Profile {
    /// The length of a period; the first begins with the first submission.
    pub period: Span,
    /// From the first submission to the last.
    pub span: Span,
    /// Rows submitted in each period.
    pub arrivals: Vec<u64>,
    /// The name of the time zone, if the trace says when it began; else hours count from time 0.
    pub zone: Option<String>,
    /// Rows submitted in each hour of the day.
    pub by_hour: [u64; HOURS],
    /// Rows submitted on each weekday from Monday on, if the trace says when it began.
    pub by_weekday: Option<[u64; WEEKDAYS]>,
    /// The load, if rows have processors or CPU requests.
    pub load: Option<Load>,
    /// Rows that name a user.
    pub with_user: u64,
    /// Of those, the rows of the busiest users, from the busiest on; at most ten.
    pub busiest_users: Vec<u64>,
    /// Distributions of what rows have.
    pub distributions: Vec<Quantiles>,
}

/// A reader that takes note of what passes. Memory: 64 bytes for each row.
pub struct Profiled<R> {
    inner: R,
    entries: Vec<Entry>,
}

impl<R: Reader> Profiled<R> {
    /// Watches the rows of `inner`.
    pub fn new(inner: R) -> Profiled<R> {
        Profiled { inner, entries: Vec::new() }
    }

    /// The profile of the rows that have passed.
    pub fn profile(&self) -> Profile {
        profile(&self.entries, &self.inner.report().header)
    }
}

impl<R: Reader> Reader for Profiled<R> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let any = self.inner.read(row)?;
        if any {
            let time = |span: Option<Span>| span.map_or(NONE, |span| span.0);
            self.entries.push(Entry {
                submit: row.submit.0,
                wait: time(row.recorded_wait),
                run: time(row.run_time),
                estimate: time(row.estimate),
                memory: row.memory_bytes,
                cpu_milli: row.cpu_milli,
                tasks: row.tasks,
                processors: row.processors,
                user: row.user,
            });
        }
        Ok(any)
    }

    fn report(&self) -> &ReadReport {
        self.inner.report()
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.inner.sha256()
    }
}

fn profile(entries: &[Entry], header: &Header) -> Profile {
    let submits = || entries.iter().map(|entry| entry.submit);
    let (Some(first), Some(last)) = (submits().min(), submits().max()) else { return Profile::default() };
    let periods = Periods::new(first, last);
    let mut arrivals = vec![0; periods.count];
    for submit in submits() {
        arrivals[periods.of(submit)] += 1;
    }
    let calendar = Calendar::of(header);
    let mut by_hour = [0; HOURS];
    let mut by_weekday = [0; WEEKDAYS];
    for submit in submits() {
        let (hour, weekday) = calendar.place(Time(submit));
        by_hour[hour] += 1;
        by_weekday[weekday] += 1;
    }
    let users = by_user(entries);
    Profile {
        period: Span(periods.step),
        span: Span(last - first),
        arrivals,
        zone: calendar.name(),
        by_hour,
        by_weekday: calendar.name().map(|_| by_weekday),
        load: load(entries, &periods),
        with_user: users.iter().sum(),
        busiest_users: users.into_iter().take(BUSIEST).collect(),
        distributions: distributions(entries),
    }
}

/// Rows by user, the most first.
fn by_user(entries: &[Entry]) -> Vec<u64> {
    let mut rows: Map<i32, u64> = Map::default();
    for entry in entries.iter().filter(|entry| entry.user >= 0) {
        *rows.entry(entry.user).or_insert(0) += 1;
    }
    let mut rows: Vec<u64> = rows.into_values().collect();
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows
}

/// Periods of equal length from the first submission to the last; the last one may be shorter.
struct Periods {
    first: u64,
    last: u64,
    step: u64,
    count: usize,
}

impl Periods {
    fn new(first: u64, last: u64) -> Periods {
        let span = last - first;
        let fits = |step: &u64| span / step < MOST_PERIODS;
        let steps = STEPS.map(|seconds| seconds * 1_000_000_000);
        let step = steps.into_iter().find(fits).unwrap_or(span / (MOST_PERIODS - 1));
        Periods { first, last, step, count: (span / step) as usize + 1 }
    }

    fn of(&self, time: u64) -> usize {
        ((time - self.first) / self.step) as usize
    }

    /// The beginning of a period.
    fn start(&self, period: usize) -> u64 {
        self.first + self.step * period as u64
    }

    /// How much of a period is before the last submission.
    fn length(&self, period: usize) -> u64 {
        self.step.min(self.last - self.start(period))
    }
}

/// Amounts in use, summed over periods: exact, because it counts in whole numbers.
struct Usage<'a> {
    periods: &'a Periods,
    /// Amount times nanoseconds in periods that are used in part.
    partial: Vec<u128>,
    /// By how much the amount in use through whole periods changes at the start of a period.
    change: Vec<i128>,
}

impl Usage<'_> {
    fn new(periods: &Periods) -> Usage<'_> {
        Usage { periods, partial: vec![0; periods.count], change: vec![0; periods.count + 1] }
    }

    /// Uses `amount` from `start` to `end`.
    fn add(&mut self, amount: u64, start: u64, end: u64) {
        let end = end.min(self.periods.last);
        if start >= end {
            return;
        }
        let (from, to) = (self.periods.of(start), self.periods.of(end));
        let amount_of = |nanoseconds: u64| u128::from(amount) * u128::from(nanoseconds);
        if from == to {
            self.partial[from] += amount_of(end - start);
            return;
        }
        self.partial[from] += amount_of(self.periods.start(from + 1) - start);
        self.partial[to] += amount_of(end - self.periods.start(to));
        self.change[from + 1] += i128::from(amount);
        self.change[to] -= i128::from(amount);
    }

    /// The mean of each period, in `unit`s; a period without length has none.
    fn means(&self, unit: f64) -> Vec<f64> {
        let mut through = 0_i128;
        let mean = |period: usize| {
            through += self.change[period];
            let length = self.periods.length(period);
            if length == 0 {
                return 0.0;
            }
            (through as f64 + self.partial[period] as f64 / length as f64) * unit
        };
        (0..self.periods.count).map(mean).collect()
    }
}

fn load(entries: &[Entry], periods: &Periods) -> Option<Load> {
    let by_processors = entries.iter().any(|entry| entry.processors > 0);
    if periods.first == periods.last || !(by_processors || entries.iter().any(|entry| entry.cpu_milli > 0)) {
        return None;
    }
    let (unit, factor) = if by_processors { ("processors", 1.0) } else { ("cores", 1e-3) };
    let (mut wanted, mut recorded) = (Usage::new(periods), Usage::new(periods));
    for entry in entries {
        let each = if by_processors { entry.processors.into() } else { entry.cpu_milli.max(0) as u64 };
        let amount = each.saturating_mul(entry.tasks.into());
        // A run time of u64::MAX stands for one that is unknown: for ever.
        wanted.add(amount, entry.submit, entry.submit.saturating_add(entry.run));
        let start = entry.submit.saturating_add(if entry.wait == NONE { 0 } else { entry.wait });
        recorded.add(amount, start, start.saturating_add(entry.run));
    }
    let has_waits = entries.iter().any(|entry| entry.wait != NONE);
    let recorded = has_waits.then(|| recorded.means(factor));
    Some(Load { unit, wanted: wanted.means(factor), recorded })
}

/// Where a trace's times fall on the calendar.
enum Calendar {
    /// Seconds from 1970 to the trace's time 0, and the place's time zone.
    Known(i64, TimeZone),
    Unknown,
}

impl Calendar {
    /// By `UnixStartTime`, in the zone of `TimeZoneString`, else in UTC.
    fn of(header: &Header) -> Calendar {
        let Some(start) = header.unix_start_time else { return Calendar::Unknown };
        let named = header.entries.iter().find(|(key, _)| key == "TimeZoneString");
        let zone = named.and_then(|(_, name)| TimeZone::get(name.trim()).ok());
        Calendar::Known(start, zone.unwrap_or(TimeZone::UTC))
    }

    /// The name of the zone, if the calendar is known.
    fn name(&self) -> Option<String> {
        match self {
            Calendar::Unknown => None,
            Calendar::Known(_, zone) => Some(zone.iana_name().unwrap_or("UTC").to_owned()),
        }
    }

    /// The hour of the day and the weekday, counted from time 0 where the calendar is not known.
    fn place(&self, submit: Time) -> (usize, usize) {
        let seconds = submit.0 / 1_000_000_000;
        let plain = ((seconds / 3_600 % 24) as usize, (seconds / 86_400 % 7) as usize);
        let Calendar::Known(start, zone) = self else { return plain };
        let Ok(moment) = Timestamp::from_second(start.saturating_add(seconds as i64)) else { return plain };
        let local = zone.to_datetime(moment);
        (local.hour() as usize, local.weekday().to_monday_zero_offset() as usize)
    }
}

fn distributions(entries: &[Entry]) -> Vec<Quantiles> {
    let mut submits: Vec<u64> = entries.iter().map(|entry| entry.submit).collect();
    submits.sort_unstable();
    let intervals = submits.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let times = |of: fn(&Entry) -> u64| entries.iter().map(of).filter(|time| *time != NONE).collect();
    let sizes = |of: fn(&Entry) -> i64| {
        entries.iter().map(of).filter(|size| *size > 0).map(|size| size as u64).collect()
    };
    let accuracies = entries
        .iter()
        .filter(|entry| entry.run != NONE && entry.estimate != NONE && entry.estimate > 0)
        .map(|entry| {
            u64::try_from(u128::from(entry.run) * 1_000_000 / u128::from(entry.estimate)).unwrap_or(NONE)
        })
        .collect();
    let all: [(&'static str, &'static str, &'static str, f64, Vec<u64>); 8] = [
        ("interval_s", "Time between submissions", "s", 1e-9, intervals),
        ("run_time_s", "Run time", "s", 1e-9, times(|entry| entry.run)),
        ("estimate_s", "Estimate", "s", 1e-9, times(|entry| entry.estimate)),
        ("estimate_share_used", "Run time as a share of the estimate", "1", 1e-6, accuracies),
        ("recorded_wait_s", "Recorded wait", "s", 1e-9, times(|entry| entry.wait)),
        ("processors", "Processors of a job", "processors", 1.0, sizes(|entry| entry.processors.into())),
        ("cores", "CPU request of a task", "cores", 1e-3, sizes(|entry| entry.cpu_milli)),
        ("memory", "Memory request of a task", "B", 1.0, sizes(|entry| entry.memory)),
    ];
    let with_values = all.into_iter().filter(|(.., values)| !values.is_empty());
    with_values
        .map(|(name, label, unit, factor, values)| Quantiles {
            name,
            label,
            unit,
            values: quantiles(values, factor),
        })
        .collect()
}

/// At most [`QUANTILES`] quantiles of nearest rank, times `factor`.
fn quantiles(mut values: Vec<u64>, factor: f64) -> Vec<f64> {
    values.sort_unstable();
    let count = values.len().min(QUANTILES);
    let rank = |index: usize| ((index + 1) as u128 * values.len() as u128).div_ceil(count as u128) as usize;
    (0..count).map(|index| values[rank(index) - 1] as f64 * factor).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Input, Rows, Statistics, SwfOptions, SwfReader};
    use super::*;
    use proptest::prelude::*;

    fn of(rows: Vec<Row>) -> Profile {
        let mut reader = Profiled::new(Rows::new("rows", rows));
        Statistics::collect(&mut reader).unwrap();
        reader.profile()
    }

    fn row(submit: u64, run: u64, processors: u32) -> Row {
        let run_time = Some(Span::from_secs(run));
        Row { submit: Time::from_secs(submit), run_time, processors, ..Row::default() }
    }

    fn rounded(values: &[f64]) -> Vec<i64> {
        values.iter().map(|value| (value * 1e3).round() as i64).collect()
    }

    #[test]
    fn load_is_the_mean_of_each_period() {
        // Ten periods of ten seconds and one without length.
        let mut rows = vec![row(0, 15, 4), row(5, 1_000, 1), row(100, 5, 9)];
        rows[1].recorded_wait = Some(Span::from_secs(10));
        let profile = of(rows);
        assert_eq!((profile.period, profile.span), (Span::from_secs(1), Span::from_secs(100)));
        assert_eq!((profile.arrivals.len(), profile.arrivals[5], profile.arrivals[100]), (101, 1, 1));
        let load = profile.load.unwrap();
        assert_eq!(rounded(&load.wanted[3..7]), [4_000, 4_000, 5_000, 5_000]);
        assert_eq!(rounded(&load.wanted[14..17]), [5_000, 1_000, 1_000]);
        assert_eq!(rounded(&load.recorded.unwrap()[14..16]), [4_000, 1_000]);

        let wide = of(vec![row(0, 15, 4), row(1_400, 0, 1)]).load.unwrap();
        assert_eq!(rounded(&wide.wanted[..3]), [4_000, 2_000, 0]);
    }

    #[test]
    fn hours_and_weekdays_follow_the_place() {
        // 1970-01-01 was a Thursday; 23:30 UTC is 0:30 on Friday in Stockholm.
        let log = |zone: &str| {
            let text =
                format!("; UnixStartTime: 1800\n{zone}1 82800 -1 5 1 -1 -1 1 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n");
            let input = Input::from_bytes("a.swf", text).unwrap();
            let mut reader = Profiled::new(SwfReader::new(input, SwfOptions::default()));
            Statistics::collect(&mut reader).unwrap();
            let profile = reader.profile();
            let place = |counts: &[u64]| counts.iter().position(|count| *count == 1);
            (profile.zone.clone(), place(&profile.by_hour), place(&profile.by_weekday.unwrap()))
        };
        assert_eq!(log(""), (Some("UTC".into()), Some(23), Some(3)));
        assert_eq!(
            log("; TimeZoneString: Europe/Stockholm\n"),
            (Some("Europe/Stockholm".into()), Some(0), Some(4))
        );
        assert_eq!(log("; TimeZoneString: Nowhere/At/All\n"), (Some("UTC".into()), Some(23), Some(3)));
        let plain = of(vec![row(90_000, 1, 1)]);
        assert_eq!((plain.zone, plain.by_weekday, plain.by_hour[1]), (None, None, 1));
    }

    #[test]
    fn quantiles_of_many_values_are_those_of_all() {
        let values: Vec<u64> = (1..=10_007).map(|n| n * n).collect();
        let kept = quantiles(values.clone(), 1.0);
        let summary = super::super::Summary::of(&mut values.clone(), 1.0).unwrap();
        let at = |q: f64| kept[(q * kept.len() as f64).ceil() as usize - 1];
        assert_eq!(kept.len(), QUANTILES);
        let pairs = [
            (at(0.25), summary.p25),
            (at(0.5), summary.p50),
            (at(0.99), summary.p99),
            (at(1.0), summary.max),
        ];
        assert!(pairs.iter().all(|(ours, all)| (ours - all).abs() < 0.5), "{pairs:?}");
    }

    #[test]
    fn users_and_nothing() {
        let mut rows: Vec<Row> = (0..30).map(|n| row(n, 1, 1)).collect();
        for (index, row) in rows.iter_mut().enumerate() {
            row.user = [-1, 1, 1, 2][index % 4];
        }
        let profile = of(rows);
        assert_eq!((profile.with_user, profile.busiest_users), (22, vec![15, 7]));
        assert_eq!(of(vec![]), Profile::default());
        assert_eq!(of(vec![row(7, 1, 1)]).load, None, "no time passes");
    }

    proptest! {
        #[test]
        fn any_times_have_a_profile(rows in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>()), 1..20)) {
            let rows: Vec<Row> = rows.into_iter().map(|(submit, run, wait, processors)| Row {
                submit: Time(submit), run_time: Some(Span(run)), recorded_wait: Some(Span(wait)), processors, cpu_milli: 5, tasks: u32::MAX, ..Row::default()
            }).collect();
            let count = rows.len() as u64;
            let mut reader = Profiled::new(Rows::new("rows", rows));
            while reader.read(&mut Row::default()).unwrap() {}
            let profile = reader.profile();
            prop_assert_eq!(profile.arrivals.iter().sum::<u64>(), count);
            prop_assert!(profile.arrivals.len() <= 151, "{}", profile.arrivals.len());
            prop_assert!(profile.load.is_none_or(|load| load.wanted.iter().all(|mean| mean.is_finite() && *mean >= 0.0)));
        }

        #[test]
        fn the_mean_of_the_load_is_the_offered_one(gaps in prop::collection::vec((1u64..500, 0u64..50, 1u32..64), 2..50)) {
            let mut now = 0;
            let rows: Vec<Row> = gaps.iter().map(|&(gap, run, processors)| { now += gap; row(now, run.min(gap), processors) }).collect();
            // Every job ends before the last is submitted, but for the last.
            let mut rows = rows;
            let last = rows.len() - 1;
            for index in 0..last {
                let room = (rows[last].submit.0 - rows[index].submit.0).min(rows[index].run_time.unwrap().0);
                rows[index].run_time = Some(Span(room));
            }
            rows[last].run_time = Some(Span::ZERO);
            let offered = Statistics::collect(&mut Rows::new("rows", rows.clone())).unwrap().offered_load(1).unwrap();
            let profile = of(rows);
            let periods = Periods::new(0, profile.span.0);
            let lengths = (0..profile.arrivals.len()).map(|period| periods.length(period) as f64);
            let sum: f64 = profile.load.unwrap().wanted.iter().zip(lengths).map(|(mean, length)| mean * length).sum();
            let mean = sum / profile.span.0 as f64;
            prop_assert!((mean - offered).abs() <= 1e-9 * offered.max(1.0), "{mean} {offered}");
        }
    }
}
