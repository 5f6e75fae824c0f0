//! Errors of the YAML deserializer as diagnostics.

use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter};
use std::sync::Arc;

/// Turns an error of `serde_saphyr` into a diagnostic. `text` is what was parsed, and stands
/// `line_offset` lines below the start of `file`.
pub fn diagnose(error: &Error, file: &Arc<str>, text: &str, line_offset: u32) -> Diagnostic {
    let error = innermost(error);
    let place = error.location().filter(|place| place.line() > 0);
    let location = place.map_or_else(
        || Location::file(file.clone()),
        |place| {
            let line = u32::try_from(place.line()).unwrap_or(u32::MAX);
            let column = u32::try_from(place.column()).unwrap_or(0);
            Location::at(file.clone(), line.saturating_add(line_offset), column)
        },
    );
    let found = place.map_or("", |place| text_at(text, place.line(), place.column()));
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            Diagnostic::error(location, "unknown key").found(field).help(meant(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            Diagnostic::error(location, "unknown value").found(variant).help(meant(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            Diagnostic::error(location, format!("`{field}` is missing")).found(found)
        }
        Error::DuplicateMappingKey { key, .. } => Diagnostic::error(location, "the key is given twice")
            .found(key.as_deref().unwrap_or(found))
            .help("remove one of the two"),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            Diagnostic::error(location, format!("{unexpected} does not fit here"))
                .found(found)
                .help(format!("expected {expected}"))
        }
        Error::InvalidScalar { ty, .. } => {
            let expected = match ty.as_bytes().first() {
                Some(b'u') => "a whole number, not negative, was expected",
                Some(b'i') => "a whole number was expected",
                Some(b'f') => "a number was expected",
                _ => {
                    return Diagnostic::error(location, format!("a value of type {ty} was expected"))
                        .found(found);
                }
            };
            Diagnostic::error(location, expected).found(found)
        }
        other => Diagnostic::error(location, DefaultMessageFormatter.format_message(other)).found(found),
    }
}

/// The error without the layers that only add places and excerpts.
fn innermost(error: &Error) -> &Error {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => innermost(error),
        other => other,
    }
}

/// `did you mean …?` if a candidate is near, else the candidates.
fn meant(word: &str, candidates: &[&'static str]) -> String {
    match suggest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "nothing is expected here".into(),
        None => format!("expected one of {}", candidates.join(", ")),
    }
}

/// The word or value that stands at a place (both from 1).
fn text_at(text: &str, line: u64, column: u64) -> &str {
    let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let Some(line) = text.lines().nth(index) else {
        return "";
    };
    let skip = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let start = line.char_indices().nth(skip).map_or(line.len(), |(at, _)| at);
    let rest = &line[start..];
    let comment = rest.find(" #").unwrap_or(rest.len());
    let rest = rest[..comment].trim_end();
    if rest.starts_with(['[', '{']) { rest } else { rest.trim_end_matches([',', '}', ']']) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    #[expect(dead_code, reason = "only the errors of reading it matter")]
    struct Pool {
        count: u32,
        labels: Option<std::collections::BTreeMap<String, String>>,
        mode: Option<Mode>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "camelCase")]
    enum Mode {
        Spread,
        Pack,
    }

    fn check(text: &str, expected: &Expect) {
        let error = serde_saphyr::from_str::<Pool>(text).expect_err(text);
        expected.assert_eq(&diagnose(&error, &"pool.yaml".into(), text, 10).to_string());
    }

    #[test]
    fn errors_say_where_what_and_what_would_be_right() {
        check(
            "count: 1\nlables: {a: b}\n",
            &expect!["pool.yaml:12:1: error: unknown key: `lables` (did you mean `labels`?)"],
        );
        check(
            "count: many # too many\n",
            &expect!["pool.yaml:11:8: error: a whole number, not negative, was expected: `many`"],
        );
        check(
            "count: 1\nmode: spred\n",
            &expect!["pool.yaml:12:7: error: unknown value: `spred` (did you mean `spread`?)"],
        );
        check("labels: {}\n", &expect!["pool.yaml:11:1: error: `count` is missing: `labels: {`"]);
        check(
            "count: 1\ncount: 2\n",
            &expect!["pool.yaml:12:1: error: the key is given twice: `count` (remove one of the two)"],
        );
        check("count: [1, 2]\n", &expect!["pool.yaml:11:8: error: expected string scalar: `[1, 2]`"]);
        check(
            "count: 1\n  labels: 2\n",
            &expect!["pool.yaml:11:8: error: a whole number, not negative, was expected: `1`"],
        );
    }
}
