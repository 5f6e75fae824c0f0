//! Input shaking: small random shifts of submit times.
//!
//! A simulation of one trace may hinge on coincidences: a job that arrives a second later is packed
//! otherwise. Repeating it with shaken inputs shows what does not. After D. Tsafrir, K. Ouaknine and
//! D. Feitelson, "Reducing Performance Evaluation Sensitivity and Variability by Input Shaking",
//! MASCOTS 2007.
//!
//! What is done here: to the submit time of every row (or of every row of a session, the same for all
//! of them) a shift is added that is uniform on the multiples of the resolution between -bound and
//! +bound, both ends included. The draw of a row depends on the seed and on its place among the rows,
//! that of a session on the seed, the user and the session's count. Nothing else of a row changes but
//! its recorded wait, which is left out.

use super::super::report::ReadReport;
use super::super::{Reader, Row};
use super::ledger::Ledger;
use super::reason;
use crate::base::rng::{Purpose, key_of};
use crate::base::{Diagnostic, Map, Span, Streams, Time};
use std::collections::BTreeMap;

/// What moves together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShakeUnit {
    /// Every row by itself.
    Row,
    /// The rows of a session: those of a user in which none is submitted later than `gap` after the
    /// latest end (submission, recorded wait and run time) of those before. Rows without a user are
    /// sessions of their own.
    Session {
        /// The longest pause within a session; 20 minutes are usual.
        gap: Span,
    },
}

/// How rows are shaken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shake {
    /// The largest shift.
    pub bound: Span,
    /// Shifts are multiples of this; zero means a nanosecond.
    pub resolution: Span,
    /// What moves together.
    pub unit: ShakeUnit,
}

impl Default for Shake {
    fn default() -> Shake {
        Shake { bound: Span::from_secs(30), resolution: Span::from_secs(1), unit: ShakeUnit::Row }
    }
}

impl Shake {
    /// The usual pause after which a session is over.
    pub const SESSION_GAP: Span = Span::from_secs(20 * 60);
    /// Shifts larger than this shake nothing, they make another trace: a year.
    pub const MAX_BOUND: Span = Span::from_secs(366 * 86_400);

    /// Every row by itself, up to `bound`: in whole seconds, as the times of most traces are, or where that
    /// would move nothing in nanoseconds.
    pub fn up_to(bound: Span) -> Shake {
        let plain = Shake { bound, ..Shake::default() };
        if bound < plain.resolution { Shake { resolution: Span(1), ..plain } } else { plain }
    }

    /// What is wrong with the options, in words for the person who gave them.
    pub fn check(&self) -> Result<(), String> {
        if self.bound > Shake::MAX_BOUND {
            return Err("the largest shift is above a year".into());
        }
        if self.steps() == 0 {
            return Err("the largest shift is below the resolution: nothing would move".into());
        }
        Ok(())
    }

    fn step(&self) -> u64 {
        self.resolution.0.max(1)
    }

    /// Multiples of the resolution up to the bound.
    fn steps(&self) -> u64 {
        self.bound.0 / self.step()
    }
}

/// By how much a row is moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shift {
    later: bool,
    by: Span,
}

impl Shift {
    /// The moved moment, and whether it would have been before time 0 and is there.
    pub fn of(self, at: Time) -> (Time, bool) {
        if self.later {
            (Time(at.0.saturating_add(self.by.0)), false)
        } else {
            (Time(at.0.saturating_sub(self.by.0)), self.by.0 > at.0)
        }
    }
}

/// The open session of a user.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    /// How many sessions the user has had before.
    count: u64,
    /// The latest end of its rows.
    end: Time,
}

/// Draws the shifts of rows that come in the order of a trace.
#[derive(Clone, Debug)]
pub struct Shaker {
    options: Shake,
    rows: Streams,
    sessions: Streams,
    /// Rows seen.
    index: u64,
    open: Map<i32, Session>,
}

impl Shaker {
    /// The draws of a seed. Errors: those of [`Shake::check`].
    pub fn new(seed: u64, options: Shake) -> Result<Shaker, String> {
        options.check()?;
        let rows = Streams::new(seed ^ key_of("shake"));
        let sessions = Streams::new(seed ^ key_of("shake sessions"));
        Ok(Shaker { options, rows, sessions, index: 0, open: Map::default() })
    }

    /// The shift of the next row.
    pub fn draw(&mut self, row: &Row) -> Shift {
        let steps = self.options.steps();
        let mut stream = match (self.options.unit, row.user) {
            (ShakeUnit::Session { gap }, user) if user >= 0 => {
                let session = self.session(user, gap, row);
                let user = Streams::new(self.sessions.draw(Purpose::Arrival, user as u64));
                user.stream(Purpose::Arrival, session)
            }
            _ => self.rows.stream(Purpose::Arrival, self.index),
        };
        self.index += 1;
        let drawn = stream.below(2 * steps + 1);
        Shift { later: drawn >= steps, by: Span(drawn.abs_diff(steps) * self.options.step()) }
    }

    /// Moves a row; whether it would have come before time 0.
    fn apply(&mut self, row: &mut Row) -> bool {
        let (submit, early) = self.draw(row).of(row.submit);
        row.submit = submit;
        row.recorded_wait = None;
        early
    }

    /// The count of the session that the row belongs to.
    fn session(&mut self, user: i32, gap: Span, row: &Row) -> u64 {
        let end = row.submit.0.saturating_add(row.recorded_wait.unwrap_or_default().0);
        let end = Time(end.saturating_add(row.run_time.unwrap_or_default().0));
        let session = self.open.entry(user).or_insert(Session { count: 0, end });
        if row.submit.0 > session.end.0.saturating_add(gap.0) {
            *session = Session { count: session.count + 1, end };
        }
        session.end = session.end.max(end);
        session.count
    }
}

/// Shakes rows in memory and puts them in order of submission, rows of one time in the order they
/// had. Returns how many would have come before time 0 and are at time 0. The same rows in order of
/// submission give the same result through [`Shaken`].
pub fn shake(rows: &mut [Row], seed: u64, options: Shake) -> Result<u64, String> {
    let mut shaker = Shaker::new(seed, options)?;
    let early = rows.iter_mut().map(|row| u64::from(shaker.apply(row))).sum();
    rows.sort_by_key(|row| row.submit);
    Ok(early)
}

/// The rows of a reader, shaken, in order of their new submit times as far as the input is in order.
/// Memory: the rows of twice the bound.
pub struct Shaken<R> {
    inner: R,
    shaker: Shaker,
    /// Rows that may still be overtaken, by submit time and place.
    waiting: BTreeMap<(Time, u64), Row>,
    /// The latest submit time that was read.
    latest: Time,
    ended: bool,
    ledger: Ledger,
}

impl<R: Reader> Shaken<R> {
    /// Shakes the rows of `inner`. Errors: those of [`Shake::check`].
    pub fn new(inner: R, seed: u64, options: Shake) -> Result<Shaken<R>, String> {
        let shaker = Shaker::new(seed, options)?;
        let ledger = Ledger::new(inner.report());
        Ok(Shaken { inner, shaker, waiting: BTreeMap::new(), latest: Time::ZERO, ended: false, ledger })
    }

    /// Reads a row into those that wait.
    fn fetch(&mut self, row: &mut Row) -> Result<(), Diagnostic> {
        if !self.inner.read(row)? {
            self.ended = true;
            return Ok(());
        }
        self.latest = self.latest.max(row.submit);
        let report = self.ledger.own();
        if row.recorded_wait.is_some() {
            report.repair_row(reason::RECORDED_WAIT, row.line);
        }
        if self.shaker.apply(row) {
            report.repair_row(reason::BEFORE_START, row.line);
        }
        self.waiting.insert((row.submit, self.shaker.index), std::mem::take(row));
        Ok(())
    }

    /// Whether no row that comes can overtake the first of those that wait.
    fn is_ripe(&self) -> bool {
        let bound = self.shaker.options.bound.0;
        let first = self.waiting.first_key_value();
        self.ended || first.is_some_and(|((submit, _), _)| submit.0 < self.latest.0.saturating_sub(bound))
    }
}

impl<R: Reader> Reader for Shaken<R> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        while !self.is_ripe() {
            self.fetch(row)?;
        }
        let Some((_, next)) = self.waiting.pop_first() else {
            self.ledger.end([self.inner.report()]);
            return Ok(false);
        };
        *row = next;
        self.ledger.own().use_row(row.submit, row.line);
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
    use super::super::super::Rows;
    use super::*;
    use proptest::prelude::*;

    fn row(number: i64, user: i32, submit: u64) -> Row {
        Row { number, user, submit: Time::from_secs(submit), ..Row::default() }
    }

    fn spread(count: u64) -> Vec<Row> {
        (0..count).map(|n| row(n as i64 + 1, (n % 3) as i32, 1_000 + n * 7)).collect()
    }

    fn streamed(rows: Vec<Row>, seed: u64, options: Shake) -> (Vec<Row>, ReadReport) {
        let mut reader = Shaken::new(Rows::new("rows", rows), seed, options).unwrap();
        let mut all = Vec::new();
        let mut row = Row::default();
        while reader.read(&mut row).unwrap() {
            all.push(row.clone());
        }
        (all, reader.report().clone())
    }

    /// Shifts in seconds by job number.
    fn shifts(before: &[Row], after: &[Row]) -> BTreeMap<i64, i64> {
        let at = |rows: &[Row], number| rows.iter().find(|row| row.number == number).unwrap().submit.0 as i64;
        before
            .iter()
            .map(|row| (row.number, (at(after, row.number) - row.submit.0 as i64) / 1_000_000_000))
            .collect()
    }

    #[test]
    fn shifts_are_uniform_within_the_bound() {
        let before = spread(6_100);
        let mut after = before.clone();
        assert_eq!(shake(&mut after, 1, Shake::default()), Ok(0));
        let shifts = shifts(&before, &after);
        let count = |range: std::ops::RangeInclusive<i64>| {
            shifts.values().filter(|shift| range.contains(shift)).count()
        };
        assert_eq!(count(-30..=30), before.len());
        // 61 values, 100 of each expected; a standard deviation is about 10 for one and 55 for 30.
        assert!((60..=140).contains(&count(-30..=-30)) && (60..=140).contains(&count(30..=30)));
        assert!((2_780..=3_220).contains(&count(1..=30)), "{}", count(1..=30));
        assert!(after.is_sorted_by_key(|row| row.submit));
    }

    #[test]
    fn sessions_move_as_one() {
        let run = |row: Row, seconds| Row { run_time: Some(Span::from_secs(seconds)), ..row };
        // User 1: two rows within a pause, the third after a long run, the fourth in a new session.
        let before = vec![
            run(row(1, 1, 10_000), 60),
            row(2, 2, 10_010),
            run(row(3, 1, 11_000), 5_000),
            run(row(4, 1, 17_000), 60),
            row(5, 1, 20_000),
            row(6, -1, 20_000),
            row(7, -1, 20_000),
        ];
        let options = Shake { unit: ShakeUnit::Session { gap: Shake::SESSION_GAP }, ..Shake::default() };
        let mut apart = [false; 3];
        for seed in 0..20 {
            let mut after = before.clone();
            shake(&mut after, seed, options).unwrap();
            let shifts = shifts(&before, &after);
            assert!(shifts[&1] == shifts[&3] && shifts[&3] == shifts[&4], "{shifts:?}");
            apart[0] |= shifts[&1] != shifts[&2];
            apart[1] |= shifts[&4] != shifts[&5];
            apart[2] |= shifts[&6] != shifts[&7];
        }
        assert_eq!(apart, [true; 3]);
    }

    #[test]
    fn time_zero_is_the_end_and_waits_go() {
        let mut rows: Vec<Row> = (0..50).map(|n| row(n, 1, 0)).collect();
        for row in &mut rows {
            row.recorded_wait = Some(Span(1));
        }
        let (after, report) = streamed(rows.clone(), 3, Shake::default());
        let early = shake(&mut rows, 3, Shake::default()).unwrap();
        assert!((15..40).contains(&early), "{early}");
        assert_eq!(report.repaired[reason::BEFORE_START].rows, early);
        assert_eq!(report.repaired[reason::RECORDED_WAIT].rows, 50);
        assert!(after.iter().all(|row| row.recorded_wait.is_none()));
    }

    #[test]
    fn options_that_move_nothing_or_everything_are_refused() {
        let plain = Shake::default();
        for (options, part) in [
            (Shake { bound: Span::ZERO, ..plain }, "below the resolution"),
            (Shake { bound: Span::from_millis(999), ..plain }, "below the resolution"),
            (Shake { bound: Span(u64::MAX), ..plain }, "above a year"),
        ] {
            assert!(shake(&mut [], 1, options).unwrap_err().contains(part));
        }
        assert_eq!(Shake { bound: Span(1), resolution: Span::ZERO, ..plain }.check(), Ok(()));
    }

    #[test]
    fn shifts_are_in_seconds_unless_they_are_below_one() {
        for (bound, resolution) in [(999, Span(1)), (1_000, Span::from_secs(1)), (90_000, Span::from_secs(1))]
        {
            let shake = Shake::up_to(Span::from_millis(bound));
            assert_eq!((shake.resolution, shake.check()), (resolution, Ok(())), "{bound} ms");
        }
        assert!(Shake::up_to(Span::ZERO).check().is_err());
    }

    #[test]
    fn shifts_end_at_the_ends_of_time() {
        let [back, on] = [false, true].map(|later| Shift { later, by: Span(7) });
        assert_eq!(
            [back.of(Time(9)), back.of(Time(7)), back.of(Time(6))],
            [(Time(2), false), (Time::ZERO, false), (Time::ZERO, true)]
        );
        assert_eq!((on.of(Time(1)), on.of(Time::MAX)), ((Time(8), false), (Time::MAX, false)));
    }

    proptest! {
        #[test]
        fn streaming_gives_the_same_rows(gaps in prop::collection::vec((0u64..90, -1i32..4, 0u64..4_000), 0..200), seed in any::<u64>(), bound in 1u64..200, by_session in any::<bool>()) {
            let mut now = 0;
            let rows: Vec<Row> = gaps.iter().enumerate().map(|(n, &(gap, user, run))| {
                now += gap;
                Row { run_time: Some(Span::from_secs(run)), ..row(n as i64, user, now) }
            }).collect();
            let unit = if by_session { ShakeUnit::Session { gap: Span::from_secs(60) } } else { ShakeUnit::Row };
            let options = Shake { bound: Span::from_secs(bound), unit, ..Shake::default() };
            let (streamed, report) = streamed(rows.clone(), seed, options);
            let mut whole = rows.clone();
            let early = shake(&mut whole, seed, options).unwrap();
            prop_assert_eq!(&streamed, &whole);
            prop_assert!(streamed.is_sorted_by_key(|row| row.submit));
            prop_assert_eq!(report.repaired.get(reason::BEFORE_START).map_or(0, |tally| tally.rows), early);
            prop_assert_eq!(report.used, rows.len() as u64);
            for (before, after) in rows.iter().map(|row| (row, whole.iter().find(|other| other.number == row.number).unwrap())) {
                prop_assert!(before.submit.0.abs_diff(after.submit.0) <= options.bound.0);
            }
        }
    }
}
