//! Dates with a time of day, as accounting logs write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Seconds since 1970 of `2017-10-07 01:12:09` or `2017-10-07T01:12:09`, in the time zone; with `Z` or
/// an offset behind it, in that one. Of an hour that a change of the clocks makes twice, the first.
pub(super) fn seconds(text: &str, zone: &TimeZone) -> Option<i64> {
    let text = text.trim();
    if text.len() > 40 {
        return None;
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_second());
    }
    let moment: DateTime = text.parse().ok()?;
    Some(zone.to_ambiguous_zoned(moment).compatible().ok()?.timestamp().as_second())
}

/// Seconds of `[days-]hours:minutes:seconds`, `minutes:seconds` or, with days, `days-hours`; a fraction
/// is cut.
pub(super) fn elapsed(text: &str) -> Option<u64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(digits(days)?), rest),
        None => (None, text),
    };
    let rest = rest.split('.').next()?;
    let parts: Vec<u64> = rest.split(':').map(digits).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match (parts.as_slice(), days) {
        ([hours, minutes, seconds], _) => (*hours, *minutes, *seconds),
        ([hours, minutes], Some(_)) => (*hours, *minutes, 0),
        ([hours], Some(_)) => (*hours, 0, 0),
        ([minutes, seconds], None) => (0, *minutes, *seconds),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(seconds)
}

fn digits(text: &str) -> Option<u64> {
    let legal = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    legal.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_their_zone() {
        let pacific = TimeZone::get("America/Los_Angeles").unwrap();
        for (text, zone, expected) in [
            ("1970-01-02T00:00:01", &TimeZone::UTC, Some(86_401)),
            ("1970-01-02 00:00:01Z", &pacific, Some(86_401)),
            ("2017-08-07 00:00:00", &pacific, Some(1_502_089_200)),
            // An hour that exists twice, and one that does not.
            ("2017-11-05 01:30:00", &pacific, Some(1_509_870_600)),
            ("2017-11-05 02:30:00", &pacific, Some(1_509_877_800)),
            ("2018-03-11 02:30:00", &pacific, Some(1_520_764_200)),
            ("None", &pacific, None),
            ("2017-13-01 00:00:00", &pacific, None),
            ("", &pacific, None),
        ] {
            assert_eq!(seconds(text, zone), expected, "{text}");
        }
    }

    #[test]
    fn spans_of_slurm() {
        for (text, expected) in [
            ("00:00:15", Some(15)),
            ("1-02:03:04", Some(93_784)),
            ("02:03", Some(123)),
            ("02:03.517", Some(123)),
            ("3-12", Some(302_400)),
            ("3-12:30", Some(304_200)),
            ("UNLIMITED", None),
            ("", None),
            ("-1", None),
            ("1:2:3:4", None),
            ("999999999999:00:00", None),
        ] {
            assert_eq!(elapsed(text), expected, "{text}");
        }
    }
}
