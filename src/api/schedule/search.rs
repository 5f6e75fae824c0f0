//! The search for the next minute at which the fields of a schedule match.
//!
//! The steps, and with them the answers around changes of the clocks, are those of robfig/cron v3
//! (`SpecSchedule.Next`) on Go's calendar arithmetic (`time.Date`, `AddDate`). How a schedule is written
//! is not known here.

use super::{Fields, STAR};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// The search gives up after so many years.
const YEARS: i16 = 5;

/// Whether a stage of the search found its field matching.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// It does, now.
    Matches,
    /// A larger unit has changed, so that all fields must be looked at again.
    Wrapped,
}

/// The first matching time after `after`; `None` if there is none within five years, or none that can be
/// counted.
pub(super) fn next(fields: &Fields, zone: Option<&TimeZone>, after: i64) -> Option<i64> {
    // Without any minute or hour each would be tried in vain.
    if fields.minute == 0 || fields.hour == 0 {
        return None;
    }
    let mut search = Search::new(fields, zone, after.checked_add(1)?)?;
    let last_year = search.local.year().saturating_add(YEARS);
    while search.local.year() <= last_year {
        if search.month()? == Stage::Matches
            && search.day()? == Stage::Matches
            && search.hour()? == Stage::Matches
            && search.minute()? == Stage::Matches
            && search.second()? == Stage::Matches
        {
            return Some(search.at);
        }
    }
    None
}

struct Search<'s> {
    fields: &'s Fields,
    zone: Option<&'s TimeZone>,
    /// The candidate in seconds since 1970.
    at: i64,
    /// The same on the clocks of the zone.
    local: DateTime,
    /// Whether the candidate has been moved, and so stands at the beginning of a unit.
    is_moved: bool,
}

impl<'s> Search<'s> {
    fn new(fields: &'s Fields, zone: Option<&'s TimeZone>, at: i64) -> Option<Search<'s>> {
        Some(Search { fields, zone, at, local: local(zone, at)?, is_moved: false })
    }

    fn go_to(&mut self, at: i64) -> Option<()> {
        self.local = local(self.zone, at)?;
        self.at = at;
        Some(())
    }

    /// Goes to a date, which may be beyond the end of its month, and a time of the clocks.
    fn go_to_date(&mut self, (year, month, day): (i16, i8, i64), seconds: i64) -> Option<()> {
        let first = Date::new(year, month, 1).ok()?.to_datetime(jiff::civil::Time::midnight());
        let midnight = Offset::UTC.to_timestamp(first).ok()?.as_second() + (day - 1) * DAY;
        self.go_to(from_local(self.zone, midnight + seconds)?)
    }

    /// The time of day in seconds.
    fn seconds(&self) -> i64 {
        i64::from(self.local.hour()) * HOUR
            + i64::from(self.local.minute()) * MINUTE
            + i64::from(self.local.second())
    }

    fn month(&mut self) -> Option<Stage> {
        while self.fields.month & 1 << self.local.month() == 0 {
            if !std::mem::replace(&mut self.is_moved, true) {
                self.go_to_date((self.local.year(), self.local.month(), 1), 0)?;
            }
            let (year, month) = (self.local.year(), self.local.month());
            let (year, month) = if month == 12 { (year.checked_add(1)?, 1) } else { (year, month + 1) };
            self.go_to_date((year, month, i64::from(self.local.day())), self.seconds())?;
            if self.local.month() == 1 {
                return Some(Stage::Wrapped);
            }
        }
        Some(Stage::Matches)
    }

    fn day(&mut self) -> Option<Stage> {
        while !self.day_matches() {
            let DateTimeParts { year, month, day } = parts(self.local);
            if !std::mem::replace(&mut self.is_moved, true) {
                self.go_to_date((year, month, day), 0)?;
            }
            let DateTimeParts { year, month, day } = parts(self.local);
            self.go_to_date((year, month, day + 1), self.seconds())?;
            // Midnight may not exist, or the step have ended on the evening before.
            match i64::from(self.local.hour()) {
                0 => {}
                hour if hour > 12 => self.go_to(self.at + (24 - hour) * HOUR)?,
                hour => self.go_to(self.at - hour * HOUR)?,
            }
            if self.local.day() == 1 {
                return Some(Stage::Wrapped);
            }
        }
        Some(Stage::Matches)
    }

    /// Both fields of days must match if one of them is `*`, otherwise one is enough.
    fn day_matches(&self) -> bool {
        let of_month = self.fields.day & 1 << self.local.day() != 0;
        let of_week = self.fields.weekday & 1 << self.local.weekday().to_sunday_zero_offset() != 0;
        if (self.fields.day | self.fields.weekday) & STAR == 0 {
            of_month || of_week
        } else {
            of_month && of_week
        }
    }

    fn hour(&mut self) -> Option<Stage> {
        while self.fields.hour & 1 << self.local.hour() == 0 {
            if !std::mem::replace(&mut self.is_moved, true) {
                let DateTimeParts { year, month, day } = parts(self.local);
                self.go_to_date((year, month, day), i64::from(self.local.hour()) * HOUR)?;
            }
            self.go_to(self.at + HOUR)?;
            if self.local.hour() == 0 {
                return Some(Stage::Wrapped);
            }
        }
        Some(Stage::Matches)
    }

    fn minute(&mut self) -> Option<Stage> {
        while self.fields.minute & 1 << self.local.minute() == 0 {
            if !std::mem::replace(&mut self.is_moved, true) {
                self.go_to(self.at - self.at.rem_euclid(MINUTE))?;
            }
            self.go_to(self.at + MINUTE)?;
            if self.local.minute() == 0 {
                return Some(Stage::Wrapped);
            }
        }
        Some(Stage::Matches)
    }

    /// The second must be zero.
    fn second(&mut self) -> Option<Stage> {
        let second = i64::from(self.local.second());
        if second == 0 {
            return Some(Stage::Matches);
        }
        self.is_moved = true;
        self.go_to(self.at + MINUTE - second)?;
        Some(Stage::Wrapped)
    }
}

struct DateTimeParts {
    year: i16,
    month: i8,
    day: i64,
}

fn parts(local: DateTime) -> DateTimeParts {
    DateTimeParts { year: local.year(), month: local.month(), day: i64::from(local.day()) }
}

/// How many seconds the clocks are before those of UTC at a moment.
fn offset(zone: Option<&TimeZone>, at: i64) -> Option<Offset> {
    let moment = Timestamp::from_second(at).ok()?;
    Some(zone.map_or(Offset::UTC, |zone| zone.to_offset(moment)))
}

fn local(zone: Option<&TimeZone>, at: i64) -> Option<DateTime> {
    Some(offset(zone, at)?.to_datetime(Timestamp::from_second(at).ok()?))
}

/// The moment at which the clocks show `local`. Where that is no moment, or two, it is taken by the offset
/// that holds an offset earlier.
fn from_local(zone: Option<&TimeZone>, local: i64) -> Option<i64> {
    let guess = i64::from(offset(zone, local)?.seconds());
    if guess == 0 {
        return Some(local);
    }
    Some(local - i64::from(offset(zone, local - guess)?.seconds()))
}
