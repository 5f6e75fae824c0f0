//! Load over time: rows of a time and a value, such as requests a minute or the CPU of a machine.
//!
//! The first column is a time: seconds, or minutes where the header says so, or a date and time of day;
//! another one, the second unless a name is given, is the value; further ones are passed over. Times count from the first row. What the load is
//! put on, and how it is scaled, is not known here.

use super::{Input, ReadReport};
use crate::base::{Diagnostic, Location, Span, Time};
use jiff::civil::DateTime;

/// Rows of one file beyond this number are refused: a point a second for more than a year.
const MAX_POINTS: usize = 50_000_000;
/// The reason under which rows are counted that have a time alone.
const NO_VALUE: &str = "no value";
/// The reason under which rows are counted whose value is below 0, which a load cannot be.
const NEGATIVE: &str = "a negative value counts as 0";
/// Names of the first column that mean minutes.
const MINUTES: [&str; 3] = ["minute", "minutes", "min"];
/// Seconds in a minute.
const MINUTE: f64 = 60.0;

/// Reads the points of a load, in the order of the file; the report says what was dropped or repaired.
/// `column` is the name of the column with the value, or its number from 2 on.
pub fn read_load(mut input: Input, column: &str) -> Result<(Vec<(Time, f64)>, ReadReport), Diagnostic> {
    let mut place = column.parse::<usize>().ok().filter(|place| *place > 1).map(|place| place - 1);
    let mut report = ReadReport::new(input.name(), "load");
    let mut points: Vec<(Time, f64)> = Vec::new();
    let (mut unit, mut has_header) = (1.0, false);
    let mut origin = None;
    while input.advance()? {
        let text = std::str::from_utf8(input.text())
            .map_err(|_| Diagnostic::error(input.location(0), "the text is not UTF-8"))?
            .trim_end()
            .trim_start_matches('\u{feff}');
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let columns = || text.split(',').map(|column| column.trim().trim_matches('"'));
        let first = columns().next().unwrap_or("");
        report.rows += 1;
        let Some(seconds) = seconds(first, unit) else {
            // A row of names may stand above the first one.
            let is_name = !first.starts_with(|letter: char| letter.is_ascii_digit());
            if report.rows == 1 && is_name && !has_header {
                (report.rows, has_header) = (0, true);
                place = columns().skip(1).position(|name| name == column).map(|place| place + 1).or(place);
                unit = if MINUTES.contains(&first.to_lowercase().as_str()) { MINUTE } else { 1.0 };
                continue;
            }
            let finding = Diagnostic::error(input.location(1), "the first column is not a time").found(first);
            return Err(finding.help("seconds from 0 on, or a date and time such as `2026-01-31 12:00:00`"));
        };
        let place = place.ok_or_else(|| no_column(&input, column))?;
        let value = columns().nth(place).unwrap_or("");
        if value.is_empty() || value.eq_ignore_ascii_case("nan") {
            report.drop_row(NO_VALUE, input.line());
            continue;
        }
        let value = value.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| {
            let before: usize = text.split(',').take(place).map(|column| column.chars().count() + 1).sum();
            let column = u32::try_from(before + 1).unwrap_or(u32::MAX);
            Diagnostic::error(input.location(column), "the value is not a number").found(value)
        })?;
        if points.len() == MAX_POINTS {
            let message = format!("more than {MAX_POINTS} rows");
            return Err(Diagnostic::error(input.location(0), message));
        }
        if value < 0.0 {
            report.repair_row(NEGATIVE, input.line());
        }
        let origin = *origin.get_or_insert(seconds);
        let time = Time(Span::from_secs_f64(seconds - origin).0);
        report.use_row(time, input.line());
        points.push((time, value.max(0.0)));
    }
    report.lines = input.line();
    report.bytes = input.bytes();
    Ok((points, report))
}

/// What is said where the first row does not name the column.
fn no_column(input: &Input, column: &str) -> Diagnostic {
    Diagnostic::error(Location::file(&**input.name()), "the table has no column of this name")
        .found(column)
        .help("name one of the first row, or give its number, from 2 on")
}

/// A time in seconds: a number of `unit` seconds, or a date and time of day.
fn seconds(text: &str, unit: f64) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number * unit).filter(|seconds| seconds.is_finite() && seconds.abs() < 1e12);
    }
    let moment: DateTime = text.trim_end_matches('Z').parse().ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<(u64, f64)>, u64), String> {
        column(text, "2")
    }

    fn column(text: &str, column: &str) -> Result<(Vec<(u64, f64)>, u64), String> {
        let input = Input::from_bytes("load.csv", text.as_bytes()).unwrap();
        let (points, report) = read_load(input, column).map_err(|finding| finding.to_string())?;
        let whole = points.iter().map(|(time, value)| (time.0 / 1_000_000_000, *value));
        Ok((whole.collect(), report.dropped_rows()))
    }

    #[test]
    fn times_are_numbers_minutes_or_dates() {
        assert_eq!(read("0,42\n30,1.5\n"), Ok((vec![(0, 42.0), (30, 1.5)], 0)));
        assert_eq!(read("minute,requests\r\n0,42\r\n2,62\r\n"), Ok((vec![(0, 42.0), (120, 62.0)], 0)));
        let dated = "timestamp,value\n2014-02-14 14:30:00,0.1\n2014-02-14 14:35:00,4.5e+04 \n";
        assert_eq!(read(dated), Ok((vec![(0, 0.1), (300, 45_000.0)], 0)));
        assert_eq!(read("# note\n\n100,1\n110,\n120,-3,x\n"), Ok((vec![(0, 1.0), (20, 0.0)], 1)));
        assert_eq!(read("10,NaN\n20,1\n"), Ok((vec![(0, 1.0)], 1)), "a gap of a measured table");
        assert_eq!(read(""), Ok((vec![], 0)));
    }

    #[test]
    fn a_column_has_a_name_or_a_number() {
        let text = "second, reads,writes\n0,1,10\n5,2,20\n";
        assert_eq!(column(text, "writes"), Ok((vec![(0, 10.0), (5, 20.0)], 0)));
        assert_eq!(column(text, "3"), column(text, "writes"));
        assert_eq!(column(text, "reads"), read(text));
        assert_eq!(column(text, "9"), Ok((vec![], 2)), "rows that are too short have no value");
        for (text, name) in [(text, "deletes"), ("0,1\n", "value"), ("0,1\n", "1")] {
            let found = column(text, name).unwrap_err();
            assert!(found.starts_with("load.csv: error: the table has no column of this name"), "{found}");
        }
    }

    #[test]
    fn what_is_no_load_is_said_with_its_place() {
        for (text, message) in [
            ("a,b\nc,d\n", "load.csv:2:1: error: the first column is not a time: `c`"),
            ("2014-13-45 99:99:99,1\n", "load.csv:1:1: error: the first column is not a time"),
            ("1e30,1\n", "load.csv:1:1: error: the first column is not a time: `1e30`"),
            ("10,many\n", "load.csv:1:4: error: the value is not a number: `many`"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.starts_with(message), "{found}");
        }
    }
}
