//! Resampling of users: a new trace of the users of an old one.
//!
//! After N. Zakay and D. Feitelson, "Workload Resampling for Performance Evaluation of Parallel Job
//! Schedulers", ICPE 2013: a trace is parted by user, and users' traces are put together anew, moved
//! by whole weeks, so that days and weeks keep their rhythm and each user keeps their habits.
//!
//! What is done here, which is simpler than there (users are not parted into those who stay and those
//! who pass): users are drawn with replacement, each equally likely, as many as there are or as asked
//! for. Each drawn copy is moved by a whole number of periods, uniform over those that the trace
//! covers, and what passes the end goes on at the start. Rows without a user stay as they are.

use super::super::Row;
use super::follow;
use crate::base::rng::{Purpose, key_of};
use crate::base::{Map, Span, Streams, Time};
use std::collections::BTreeMap;

/// How users are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resample {
    /// How many users the new trace has; as many as the old one where it is `None`.
    pub users: Option<u32>,
    /// Copies are moved by multiples of this: a week keeps days of the week and times of day.
    pub period: Span,
}

impl Resample {
    /// A week.
    pub const WEEK: Span = Span::from_secs(7 * 86_400);
    /// More rows than this are a slip.
    pub const MAX_ROWS: u64 = 1_000_000_000;
}

impl Default for Resample {
    fn default() -> Resample {
        Resample { users: None, period: Resample::WEEK }
    }
}

/// A new trace.
#[derive(Clone, PartialEq, Debug)]
pub struct Resampled {
    /// The rows in order of submission, numbered from 1. Users are numbered from 1 in the order in
    /// which they were drawn.
    pub rows: Vec<Row>,
    /// Users of the old trace.
    pub users: u32,
    /// Users of the new trace.
    pub drawn: u32,
    /// Users of the old trace that were drawn at least once.
    pub distinct: u32,
    /// Whole periods of the trace, to the nearest; below 2 copies are not moved.
    pub periods: u64,
    /// Rows without a user, which are as they were.
    pub without_user: u64,
    /// Rows that waited for a job of another user, or of none.
    pub lost_dependencies: u64,
}

/// A row of the new trace: which copy it belongs to (0: of nobody) and which row it was.
struct Draft {
    submit: Time,
    copy: u32,
    row: usize,
}

/// Draws a new trace from the users of `rows`. Errors: there are no users, or there would be too many
/// rows.
pub fn resample(rows: &[Row], seed: u64, options: Resample) -> Result<Resampled, String> {
    let mut by_user: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.user >= 0) {
        by_user.entry(row.user).or_default().push(index);
    }
    if by_user.is_empty() {
        return Err("no row names a user".into());
    }
    if options.period == Span::ZERO || options.users == Some(0) {
        return Err("users are drawn at least once, and moved by a period above zero".into());
    }
    let traces: Vec<Vec<usize>> = by_user.into_values().collect();
    let cycle = Cycle::of(rows, options.period);
    let drawn = options.users.unwrap_or(traces.len() as u32);
    let streams = Streams::new(seed ^ key_of("resample"));
    let mut chosen = vec![false; traces.len()];
    let mut drafts = Vec::new();
    for copy in 1..=drawn {
        let mut stream = streams.stream(Purpose::Arrival, copy.into());
        let user = stream.below(traces.len() as u64) as usize;
        let shift = stream.below(cycle.periods);
        chosen[user] = true;
        if drafts.len() as u64 + traces[user].len() as u64 > Resample::MAX_ROWS {
            return Err(format!("the new trace would have more than {} rows", Resample::MAX_ROWS));
        }
        drafts.extend(traces[user].iter().map(|&row| Draft {
            submit: cycle.moved(rows[row].submit, shift),
            copy,
            row,
        }));
    }
    let nobody = rows.iter().enumerate().filter(|(_, row)| row.user < 0);
    let before = drafts.len();
    drafts.extend(nobody.map(|(row, old)| Draft { submit: old.submit, copy: 0, row }));
    let without_user = (drafts.len() - before) as u64;
    drafts.sort_by_key(|draft| (draft.submit, draft.copy, draft.row));
    let (rows, lost_dependencies) = finish(rows, &drafts);
    Ok(Resampled {
        rows,
        users: traces.len() as u32,
        drawn,
        distinct: chosen.iter().filter(|chosen| **chosen).count() as u32,
        periods: cycle.periods,
        without_user,
        lost_dependencies,
    })
}

/// The drafts as rows with new numbers, users and names, and dependencies within each copy.
fn finish(old: &[Row], drafts: &[Draft]) -> (Vec<Row>, u64) {
    // Of several rows of one number the first counts.
    let mut numbers: Map<(u32, i64), i64> = Map::default();
    for (draft, number) in drafts.iter().zip(1..) {
        numbers.entry((draft.copy, old[draft.row].number)).or_insert(number);
    }
    let mut lost = 0;
    let rows = drafts.iter().zip(1..).map(|(draft, number)| {
        let mut row = old[draft.row].clone();
        lost += u64::from(follow(&mut row, |number| numbers.get(&(draft.copy, number)).copied()));
        if draft.copy > 0 {
            row.user = draft.copy as i32;
            row.recorded_wait = None;
            if !row.name.is_empty() {
                row.name = format!("{}-{}", row.name, draft.copy);
            }
        }
        Row { number, submit: draft.submit, ..row }
    });
    (rows.collect(), lost)
}

/// The whole periods that a trace covers.
struct Cycle {
    first: u64,
    period: u64,
    /// At least 1.
    periods: u64,
}

impl Cycle {
    fn of(rows: &[Row], period: Span) -> Cycle {
        let times = || rows.iter().map(|row| row.submit.0);
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let length = last - first;
        let periods = length / period.0 + u64::from(length % period.0 >= period.0.div_ceil(2));
        Cycle { first, period: period.0, periods: periods.max(1) }
    }

    /// The time `shift` periods later, within the cycle. A trace of one period is no cycle.
    fn moved(&self, submit: Time, shift: u64) -> Time {
        if self.periods < 2 {
            return submit;
        }
        let whole = u128::from(self.period) * u128::from(self.periods);
        let after = u128::from(submit.0 - self.first) + u128::from(shift) * u128::from(self.period);
        Time(self.first.saturating_add((after % whole) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    /// Four weeks; each user submits at one hour of the day, on one day of the week.
    fn month() -> Vec<Row> {
        let weekly = (0..4u64).flat_map(|week| (0..5u64).map(move |user| (week, user)));
        let rows = weekly.map(|(week, user)| Row {
            number: (week * 5 + user) as i64 + 1,
            user: user as i32 + 1,
            submit: Time::from_secs((week * 7 + user) * DAY + user * 3_600),
            ..Row::default()
        });
        let mut rows: Vec<Row> = rows.collect();
        rows.push(Row { number: 99, submit: Time::from_secs(28 * DAY - 1), ..Row::default() });
        rows
    }

    #[test]
    fn copies_keep_day_and_hour() {
        let new = resample(&month(), 5, Resample::default()).unwrap();
        assert_eq!((new.users, new.drawn, new.periods, new.without_user), (5, 5, 4, 1));
        assert!(new.distinct < 5, "with replacement: {}", new.distinct);
        assert!(new.rows.is_sorted_by_key(|row| row.submit));
        assert_eq!(new.rows.len(), 21);
        assert!(new.rows.iter().map(|row| row.number).eq(1..=21));
        for user in 1..=5 {
            let mut weeks = Vec::new();
            let mut places: Vec<u64> = Vec::new();
            for row in new.rows.iter().filter(|row| row.user == user) {
                let seconds = row.submit.0 / 1_000_000_000;
                weeks.push(seconds / (7 * DAY));
                places.push(seconds % (7 * DAY));
            }
            places.dedup();
            assert_eq!((weeks, places.len()), (vec![0, 1, 2, 3], 1), "user {user}");
        }
        assert!(new.rows.iter().any(|row| row.user == -1 && row.submit == Time::from_secs(28 * DAY - 1)));
    }

    #[test]
    fn seeds_and_numbers_of_users_make_other_traces() {
        let rows = month();
        let of = |seed, users| resample(&rows, seed, Resample { users, ..Resample::default() }).unwrap();
        assert_eq!(of(1, None), of(1, None));
        assert_ne!(of(1, None).rows, of(2, None).rows);
        assert_eq!(of(1, Some(50)).rows.len(), 201);
        // The first users of a longer draw are those of a shorter one.
        let of_first = |new: Resampled| {
            new.rows.into_iter().filter(|row| row.user == 1).map(|row| row.submit).collect::<Vec<_>>()
        };
        assert_eq!(of_first(of(1, Some(2))), of_first(of(1, Some(50))));
    }

    #[test]
    fn dependencies_stay_within_a_copy() {
        let rows: Vec<Row> = (1..=3i64)
            .map(|number| Row {
                number,
                user: 7,
                submit: Time::from_secs(number as u64 * 60),
                preceding: if number > 1 { number - 1 } else { -1 },
                name: format!("j{number}"),
                ..Row::default()
            })
            .collect();
        let new = resample(&rows, 1, Resample { users: Some(2), ..Resample::default() }).unwrap();
        let links: Vec<(i64, i64, i32)> =
            new.rows.iter().map(|row| (row.number, row.preceding, row.user)).collect();
        assert_eq!(links, [(1, -1, 1), (2, -1, 2), (3, 1, 1), (4, 2, 2), (5, 3, 1), (6, 4, 2)]);
        assert_eq!(
            (new.rows[0].name.as_str(), new.rows[1].name.as_str(), new.lost_dependencies),
            ("j1-1", "j1-2", 0)
        );
    }

    #[test]
    fn what_cannot_be_resampled_is_refused() {
        assert!(
            resample(&[Row::default()], 1, Resample::default()).unwrap_err().contains("no row names a user")
        );
        for options in [
            Resample { users: Some(0), ..Resample::default() },
            Resample { period: Span::ZERO, ..Resample::default() },
        ] {
            assert!(resample(&month(), 1, options).is_err());
        }
        let late = [0, u64::MAX].map(|at| Row { submit: Time(at), user: 1, ..Row::default() });
        assert_eq!(resample(&late, 1, Resample::default()).unwrap().rows.len(), 2);
    }
}
