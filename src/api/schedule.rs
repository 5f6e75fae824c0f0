//! Cron schedules as CronJobs write them, and the next time that one names.
//!
//! Source: the standard parser of github.com/robfig/cron v3, which Kubernetes 1.36 uses
//! (pkg/controller/cronjob, pkg/apis/batch/validation). Where days exist twice or not at all because
//! clocks are put forward or back, and where a field is odd, the answer is that of the original. Times
//! are whole seconds since 1970. What is made at those times is not known here.

mod search;
#[cfg(test)]
mod tests;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The answer where no time is found: the first second of year 1, which is before every other.
pub const NEVER: i64 = -62_135_596_800;

/// Marks a field that stands for every value, which decides how the two fields of days go together.
const STAR: u64 = 1 << 63;

/// When something is to happen.
#[derive(Clone, PartialEq, Debug)]
pub struct Schedule {
    rule: Rule,
    /// `None` for UTC.
    zone: Option<TimeZone>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Rule {
    /// Every so many seconds, counted from the last time.
    Every(i64),
    /// At the minutes at which all fields match.
    Fields(Fields),
}

/// The values that match, a bit for each.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
}

/// Why a text is no schedule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScheduleError {
    /// It has too many fields, or too few.
    #[error("a schedule has five fields (minute, hour, day of month, month, day of week), but this has {0}")]
    FieldCount(usize),
    /// A field cannot be read.
    #[error("`{part}` is no {field}: {why}")]
    Field {
        /// The list entry of the field.
        part: String,
        /// What the field stands for.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A word after `@` that is not known.
    #[error(
        "`{0}` is not known; one of @yearly, @monthly, @weekly, @daily, @hourly, or @every and a duration"
    )]
    Descriptor(String),
    /// What follows `@every` is no duration.
    #[error("`{0}` is no duration; write it such as `1h30m`")]
    Duration(String),
    /// The time zone before the fields is not known.
    #[error("the time zone `{0}` is not known")]
    Zone(String),
}

/// The time zone of that name, as Go's `time.LoadLocation` finds it, but never the machine's own. Letters
/// must be in the right case. `Some(None)` is UTC.
pub fn zone(name: &str) -> Option<Option<TimeZone>> {
    if ["", "UTC", "Local"].contains(&name) {
        return Some(None);
    }
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    (!zone.is_unknown() && zone.iana_name() == Some(name)).then_some(Some(zone))
}

impl Schedule {
    /// Reads a schedule: five fields, or a word such as `@hourly`, or `@every` and a duration. A prefix
    /// `TZ=…` or `CRON_TZ=…` names another time zone than `zone` (`None`: UTC).
    pub fn parse(text: &str, zone: Option<TimeZone>) -> Result<Schedule, ScheduleError> {
        let (text, zone) = match text.strip_prefix("CRON_TZ=").or(text.strip_prefix("TZ=")) {
            None => (text, zone),
            Some(rest) => {
                let (name, fields) = rest.split_once(' ').unwrap_or((rest, ""));
                let zone = self::zone(name).ok_or_else(|| ScheduleError::Zone(name.to_owned()))?;
                (fields.trim(), zone)
            }
        };
        let rule = if text.starts_with('@') { descriptor(text)? } else { Rule::Fields(fields(text)?) };
        Ok(Schedule { rule, zone })
    }

    /// The first time after `after` (both in seconds since 1970); [`NEVER`] if there is none within five
    /// years.
    pub fn next(&self, after: i64) -> i64 {
        match &self.rule {
            Rule::Every(seconds) => after.saturating_add(*seconds),
            Rule::Fields(fields) => search::next(fields, self.zone.as_ref(), after).unwrap_or(NEVER),
        }
    }
}

/// What a field may hold.
struct Bounds {
    name: &'static str,
    min: u64,
    max: u64,
    /// Names of the values from `min` on.
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { name: "minute", min: 0, max: 59, names: &[] };
const HOURS: Bounds = Bounds { name: "hour", min: 0, max: 23, names: &[] };
const DAYS: Bounds = Bounds { name: "day of month", min: 1, max: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    name: "month",
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds =
    Bounds { name: "day of week", min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

fn fields(text: &str) -> Result<Fields, ScheduleError> {
    let written: Vec<&str> = text.split_whitespace().collect();
    let &[minute, hour, day, month, weekday] = written.as_slice() else {
        return Err(ScheduleError::FieldCount(written.len()));
    };
    Ok(Fields {
        minute: field(minute, &MINUTES)?,
        hour: field(hour, &HOURS)?,
        day: field(day, &DAYS)?,
        month: field(month, &MONTHS)?,
        weekday: field(weekday, &WEEKDAYS)?,
    })
}

/// A list of ranges; empty entries are passed over.
fn field(text: &str, bounds: &Bounds) -> Result<u64, ScheduleError> {
    let entries = text.split(',').filter(|entry| !entry.is_empty());
    entries.map(|entry| range(entry, bounds)).try_fold(0, |bits, entry| Ok(bits | entry?))
}

/// A value, a range, `*` or `?`, with an optional step. A single value with a step goes to the end.
fn range(text: &str, bounds: &Bounds) -> Result<u64, ScheduleError> {
    let wrong = |why: String| ScheduleError::Field { part: text.to_owned(), field: bounds.name, why };
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let is_star = matches!(ends[0], "*" | "?");
    let (start, mut end) = match ends.as_slice() {
        [_, ..] if is_star => (bounds.min, bounds.max),
        [only] => value(only, bounds).map(|value| (value, value)).map_err(wrong)?,
        [low, high] => (value(low, bounds).map_err(wrong)?, value(high, bounds).map_err(wrong)?),
        _ => return Err(wrong("there are too many hyphens".to_owned())),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            if ends.len() == 1 {
                end = bounds.max;
            }
            number(step).map_err(wrong)?
        }
        _ => return Err(wrong("there are too many slashes".to_owned())),
    };
    if start < bounds.min || end > bounds.max {
        return Err(wrong(format!("it must be from {} to {}", bounds.min, bounds.max)));
    }
    if start > end {
        return Err(wrong("the range ends before it begins".to_owned()));
    }
    if step == 0 {
        return Err(wrong("the step must be at least 1".to_owned()));
    }
    let step_size = usize::try_from(step).unwrap_or(usize::MAX);
    let bits = (start..=end).step_by(step_size).fold(0, |bits, value| bits | 1 << value);
    Ok(if is_star && step == 1 { bits | STAR } else { bits })
}

fn value(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let named = (bounds.min..).zip(bounds.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
    named.map_or_else(|| number(text), |(value, _)| Ok(value))
}

fn number(text: &str) -> Result<u64, String> {
    let number: i64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    u64::try_from(number).map_err(|_| format!("{number} is negative"))
}

fn descriptor(text: &str) -> Result<Rule, ScheduleError> {
    let fields = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let every = text.strip_prefix("@every ");
            let every = every.ok_or_else(|| ScheduleError::Descriptor(text.to_owned()))?;
            let nanos = duration(every).ok_or_else(|| ScheduleError::Duration(every.to_owned()))?;
            return Ok(Rule::Every((nanos / 1_000_000_000).max(1)));
        }
    };
    self::fields(fields).map(Rule::Fields)
}

/// A duration in Go's notation, in nanoseconds.
fn duration(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit);
        total = total.checked_add(duration_part(number, unit)?)?;
        rest = next;
    }
    i64::try_from(if is_negative { -total } else { total }).ok()
}

fn duration_part(number: &str, unit: &str) -> Option<i128> {
    let nanos: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || whole.len() > 19 || fraction.contains('.') {
        return None;
    }
    // Further decimals are below a nanosecond even of hours.
    let fraction = &fraction[..fraction.len().min(18)];
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    Some(digits(whole)? * nanos + digits(fraction)? * nanos / 10i128.pow(fraction.len() as u32))
}
