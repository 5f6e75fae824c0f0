//! Header directives of SWF: `; MaxProcs: 338`. They may stand anywhere in the file.

use super::super::number::Number;
use super::super::report::{Header, ReadReport};
use crate::base::{Diagnostic, Location, Span};

/// The longest word that is taken for a key.
const MAX_KEY: usize = 40;
/// Characters of a value that are kept; longer ones are no facts.
const MAX_VALUE: usize = 1_000;

/// Takes a comment line, without its `;`. What is no directive is a comment and is ignored.
pub(super) fn comment(text: &[u8], place: impl Fn() -> Location, report: &mut ReadReport) {
    let text = String::from_utf8_lossy(text);
    let Some((key, value)) = directive(&text) else { return };
    if report.header.entries.len() < Header::MAX_ENTRIES {
        let value = value.chars().take(MAX_VALUE).collect();
        report.header.entries.push((key.to_owned(), value));
    }
    if !apply(key, value, &mut report.header) {
        let message = format!("the value of `{key}` is not a number and is ignored");
        report.note(Diagnostic::warning(place(), message).found(value));
    }
}

/// The key and the value of `Key: value`; `None` for free text and continuation lines.
fn directive(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once(':')?;
    let key = key.trim();
    let word =
        !key.is_empty() && key.len() <= MAX_KEY && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // `http://…` on a continuation line is an address, not a key.
    (word && !value.starts_with("//")).then(|| (key, value.trim()))
}

/// Sets the fact that a directive states; false if its value cannot be read. Unknown keys state
/// nothing.
fn apply(key: &str, value: &str, header: &mut Header) -> bool {
    match key {
        "MaxProcs" => fact(value, &mut header.max_procs),
        "MaxNodes" => fact(value, &mut header.max_nodes),
        "MaxJobs" => fact(value, &mut header.max_jobs),
        "UnixStartTime" => fact(value, &mut header.unix_start_time),
        "MaxRuntime" => {
            let mut seconds: Option<u64> = None;
            let read = fact(value, &mut seconds);
            header.max_run_time = seconds.map(Span::from_secs).or(header.max_run_time);
            read
        }
        "AllowOveruse" => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => {
                header.allow_overuse = Some(true);
                true
            }
            "false" | "no" | "0" => {
                header.allow_overuse = Some(false);
                true
            }
            other => other.is_empty() || other == "-1",
        },
        _ => true,
    }
}

/// The number that a value begins with: real headers go on with text, as in `338 (batch partition)`.
/// An empty value, -1 and 0 mean unknown.
fn fact<T: TryFrom<i64>>(value: &str, fact: &mut Option<T>) -> bool {
    let Some(word) = value.split([' ', '\t', '(', ',', ';']).next().filter(|word| !word.is_empty()) else {
        return value.is_empty();
    };
    let Ok(number) = Number::parse(word.as_bytes()).and_then(Number::integer) else { return false };
    if number <= 0 {
        return true;
    }
    match T::try_from(number) {
        Ok(number) => {
            *fact = Some(number);
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> ReadReport {
        let mut report = ReadReport::default();
        for line in lines {
            comment(line.as_bytes(), || Location::at("x.swf", 1, 0), &mut report);
        }
        report
    }

    #[test]
    fn facts_are_read() {
        let report = read(&[
            " Version: 2.2",
            "              http://www.cs.huji.ac.il/labs/parallel/workload/",
            " MaxNodes: 338 (batch partition; 512 total)",
            "MaxProcs:  1152",
            " MaxJobs: 79302",
            " MaxRuntime: 64800",
            " UnixStartTime: 835823160",
            " AllowOveruse: False",
            " Queue:  1 DSI",
            " Queue:  2 astro",
            " not a directive: because of the blanks",
            "",
        ]);
        assert_eq!(report.header.max_nodes, Some(338));
        assert_eq!(report.header.max_procs, Some(1152));
        assert_eq!(report.header.max_jobs, Some(79_302));
        assert_eq!(report.header.max_run_time, Some(Span::from_secs(64_800)));
        assert_eq!(report.header.unix_start_time, Some(835_823_160));
        assert_eq!(report.header.allow_overuse, Some(false));
        assert_eq!(report.header.entries.len(), 9);
        assert_eq!(report.notes, []);
    }

    #[test]
    fn what_cannot_be_read_is_noted_and_changes_nothing() {
        let report =
            read(&["MaxProcs: many", "MaxProcs: 1e30", "MaxProcs: 99999999999", "MaxProcs: -1", "MaxProcs:"]);
        assert_eq!(report.header.max_procs, None);
        assert_eq!(report.notes.len(), 3);
        assert!(report.notes[0].to_string().contains("`MaxProcs` is not a number"), "{}", report.notes[0]);
    }
}
