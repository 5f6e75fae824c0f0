//! Time as integer nanoseconds.
//!
//! [`Time`] is a moment since the start of a run, [`Span`] a length. Neither can be negative:
//! a difference that would be is zero (`saturating`), because a wait below nothing has no meaning.

use std::fmt::{self, Write as _};
use std::ops::{Add, AddAssign, Mul, Sub};

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A moment: nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub u64);

impl Time {
    /// The start of every run.
    pub const ZERO: Time = Time(0);
    /// Later than everything that happens.
    pub const MAX: Time = Time(u64::MAX);

    /// The moment `seconds` after the start; fractions are rounded to the nearest nanosecond.
    pub fn from_secs_f64(seconds: f64) -> Time {
        Time(Span::from_secs_f64(seconds).0)
    }

    /// The moment `seconds` after the start.
    pub const fn from_secs(seconds: u64) -> Time {
        Time(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Seconds since the start, for output.
    pub fn as_secs_f64(self) -> f64 {
        Span(self.0).as_secs_f64()
    }

    /// The length since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The moment truncated to the whole second, as API objects store their time stamps.
    #[must_use]
    pub const fn floor_second(self) -> Time {
        Time(self.0 - self.0 % NANOS_PER_SECOND)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// The longest length.
    pub const MAX: Span = Span(u64::MAX);

    /// `seconds`, rounded to the nearest nanosecond; negative and not-a-number give zero, too
    /// large gives the longest length.
    #[inline]
    pub fn from_secs_f64(seconds: f64) -> Span {
        // Many latencies are zero, and rounding takes time.
        if seconds <= 0.0 {
            return Span::ZERO;
        }
        // A float-to-integer cast saturates, and maps not-a-number to zero.
        Span(libm::round(seconds * NANOS_PER_SECOND as f64) as u64)
    }

    /// `seconds` as a length.
    pub const fn from_secs(seconds: u64) -> Span {
        Span(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// `millis` milliseconds as a length.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    /// The length to the millisecond, for people; a shorter one to the microsecond.
    #[must_use]
    pub fn rounded(self) -> Span {
        let unit = if self.0 >= 1_000_000 { 1_000_000 } else { 1_000 };
        Span(self.0.saturating_add(unit / 2) / unit * unit)
    }

    /// The length in seconds, for output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// `self - other`, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, factor: u64) -> Span {
        Span(self.0.saturating_mul(factor))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t={}", Span(self.0))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whole units from days to seconds with up to nine decimals, such as `1d2h`, `90s` → `1m30s`,
/// `0.25s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / NANOS_PER_SECOND;
        let nanos = self.0 % NANOS_PER_SECOND;
        let mut text = String::new();
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
            let whole = match length {
                86_400 => seconds / 86_400,
                3_600 => seconds / 3_600 % 24,
                _ => seconds / 60 % 60,
            };
            if whole > 0 {
                let _ = write!(text, "{whole}{unit}");
            }
        }
        let rest = seconds % 60;
        if nanos > 0 {
            let fraction = format!("{nanos:09}");
            let _ = write!(text, "{rest}.{}s", fraction.trim_end_matches('0'));
        } else if rest > 0 || text.is_empty() {
            let _ = write!(text, "{rest}s");
        }
        f.pad(&text)
    }
}

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpanError {
    /// It is no number with a unit.
    #[error(
        "`{0}` is not a duration; write a number and a unit, such as `90s`, `5m`, `1h30m`, `2d`, `250ms`"
    )]
    Grammar(String),
    /// It is more than can be counted in nanoseconds.
    #[error("`{0}` is too long a duration; it can be at most about 584 years")]
    TooLong(String),
}

impl std::str::FromStr for Span {
    type Err = ParseSpanError;

    /// Reads `5m`, `1h30m`, `1.5h`, `250ms`, `2d`, and `0`. Units: `d`, `h`, `m`, `s`, `ms`, `us`,
    /// `ns`. A number without a unit is refused (except zero), because it does not say what it is.
    fn from_str(text: &str) -> Result<Span, ParseSpanError> {
        let error = || ParseSpanError::Grammar(text.to_owned());
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Span::ZERO);
        }
        if rest.is_empty() {
            return Err(error());
        }
        let mut total: u128 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
            let (number, after) = rest.split_at(digits);
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, next) = after.split_at(letters);
            total += parse_part(number, unit).ok_or_else(error)?;
            rest = next.trim_start();
        }
        u64::try_from(total).map(Span).map_err(|_| ParseSpanError::TooLong(text.to_owned()))
    }
}

/// One number with its unit, in nanoseconds, exactly; `None` if either is not legal.
fn parse_part(number: &str, unit: &str) -> Option<u128> {
    let nanos: u128 = match unit {
        "d" => 86_400 * u128::from(NANOS_PER_SECOND),
        "h" => 3_600 * u128::from(NANOS_PER_SECOND),
        "m" => 60 * u128::from(NANOS_PER_SECOND),
        "s" => u128::from(NANOS_PER_SECOND),
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 18 || fraction.len() > 18 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = 10u128.pow(fraction.len() as u32);
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(whole * nanos + (fraction * nanos + scale / 2) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print() {
        for (text, nanos) in [
            ("0", 0),
            ("90s", 90 * NANOS_PER_SECOND),
            ("1h30m", 5_400 * NANOS_PER_SECOND),
            ("1.5h", 5_400 * NANOS_PER_SECOND),
            ("2d", 172_800 * NANOS_PER_SECOND),
            ("250ms", 250_000_000),
            ("0.000000001s", 1),
        ] {
            assert_eq!(text.parse::<Span>(), Ok(Span(nanos)), "{text}");
        }
        for text in ["", "5", "s", "5 parsecs", "-1s", "1e3s", "99999999999d", "..s", "1.2.3s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!(Span::from_secs(90).to_string(), "1m30s");
        assert_eq!(Span::from_millis(250).to_string(), "0.25s");
        assert_eq!(Span::from_secs(86_400).to_string(), "1d");
        assert_eq!(Span::ZERO.to_string(), "0s");
    }

    #[test]
    fn a_printed_span_reads_back() {
        for nanos in [0, 1, 999, 1_500_000_000, 86_399_999_999_999, 123_456_789_012_345_678] {
            assert_eq!(Span(nanos).to_string().parse(), Ok(Span(nanos)));
        }
    }
}
