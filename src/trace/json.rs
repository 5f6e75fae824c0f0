//! JSON read piece by piece: one element of a long list is held at a time, whatever the length of the
//! file or of its lines.
//!
//! What stands in the elements is read by `serde_json`; which ones are wanted, the formats know.

use super::input::{Input, MAX_LINE};
use crate::base::{Diagnostic, Location};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A JSON text being read from its beginning to its end.
pub(super) struct Json {
    pub(super) input: Input,
    /// The bytes of the value read last.
    value: Vec<u8>,
    /// The line in which that value begins.
    line: u64,
    /// Whether a bracket was opened and nothing read behind it.
    fresh: bool,
    /// Whether the text turned out to be no JSON; then nothing more is read.
    failed: bool,
}

/// Where in a value a scan stands.
#[derive(Default)]
struct Scan {
    depth: u32,
    in_text: bool,
    escaped: bool,
    begun: bool,
}

impl Scan {
    /// How many bytes of the chunk belong to the value, and whether it ends with them.
    fn feed(&mut self, chunk: &[u8]) -> (usize, bool) {
        for (at, &byte) in chunk.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_text = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' | b':' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ if self.depth == 0 && self.begun && byte.is_ascii_whitespace() => return (at, true),
                _ => {}
            }
            self.begun = true;
        }
        (chunk.len(), false)
    }
}

impl Json {
    pub(super) fn new(input: Input) -> Json {
        Json { input, value: Vec::new(), line: 0, fresh: false, failed: false }
    }

    /// The line in which the value read last begins, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    fn place(&self, line: u64) -> Location {
        Location::at(Arc::clone(self.input.name()), u32::try_from(line).unwrap_or(u32::MAX), 0)
    }

    /// The next byte that is not blank, which is left where it is.
    pub(super) fn look(&mut self) -> Result<Option<u8>, Diagnostic> {
        loop {
            let text = self.input.peek()?;
            if text.is_empty() {
                return Ok(None);
            }
            let blank = text.iter().position(|byte| !byte.is_ascii_whitespace());
            let found = blank.map(|at| text[at]);
            let length = blank.unwrap_or(text.len());
            self.input.consume(length);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    #[cold]
    fn unexpected(&mut self, found: Option<u8>, expected: &str) -> Diagnostic {
        let place = self.place(self.input.line().max(1));
        self.input.end();
        self.failed = true;
        match found {
            None => Diagnostic::error(place, format!("the file is cut off: expected {expected}")),
            Some(byte) => Diagnostic::error(place, format!("not valid JSON: expected {expected}"))
                .found(char::from(byte).to_string()),
        }
    }

    /// Takes an opening bracket.
    pub(super) fn open(&mut self, bracket: u8) -> Result<(), Diagnostic> {
        match self.look()? {
            Some(byte) if byte == bracket => {
                self.input.consume(1);
                self.fresh = true;
                Ok(())
            }
            other => Err(self.unexpected(other, &format!("`{}`", char::from(bracket)))),
        }
    }

    /// Goes to the next member of the list or mapping that was opened last; false behind its end.
    pub(super) fn more(&mut self) -> Result<bool, Diagnostic> {
        let fresh = std::mem::take(&mut self.fresh);
        if self.failed {
            return Ok(false);
        }
        match self.look()? {
            Some(b']' | b'}') => {
                self.input.consume(1);
                Ok(false)
            }
            Some(b',') if !fresh => {
                self.input.consume(1);
                Ok(true)
            }
            Some(_) if fresh => Ok(true),
            other => Err(self.unexpected(other, "`,` or the end of the list")),
        }
    }

    /// The key of the next member of a mapping.
    pub(super) fn key(&mut self) -> Result<String, Diagnostic> {
        if self.look()? != Some(b'"') {
            let found = self.look()?;
            return Err(self.unexpected(found, "a key in quotes"));
        }
        let key = self.value()?;
        match self.look()? {
            Some(b':') => {
                self.input.consume(1);
                Ok(key)
            }
            other => Err(self.unexpected(other, "`:`")),
        }
    }

    /// The next value. After a value of another type than wanted, reading goes on behind it.
    pub(super) fn value<T: DeserializeOwned>(&mut self) -> Result<T, Diagnostic> {
        self.scan(true)?;
        serde_json::from_slice(&self.value).map_err(|error| {
            let line = self.line + (error.line() as u64).saturating_sub(1);
            // serde_json says the place itself, within the value.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or("").to_owned();
            let shown = String::from_utf8_lossy(&self.value);
            let text = shown.lines().nth(error.line().saturating_sub(1)).unwrap_or("").trim().to_owned();
            Diagnostic::error(self.place(line), message).found(text)
        })
    }

    /// Goes to the end of the text, behind which there is nothing but blanks.
    pub(super) fn finish(&mut self) -> Result<(), Diagnostic> {
        match self.look()? {
            None => Ok(()),
            other => Err(self.unexpected(other, "the end of the file")),
        }
    }

    /// Passes over the next value.
    pub(super) fn skip(&mut self) -> Result<(), Diagnostic> {
        self.scan(false)
    }

    fn scan(&mut self, keep: bool) -> Result<(), Diagnostic> {
        self.value.clear();
        if self.look()?.is_none() {
            return Err(self.unexpected(None, "a value"));
        }
        self.line = self.input.line();
        let mut scan = Scan::default();
        loop {
            let chunk = self.input.peek()?;
            if chunk.is_empty() {
                if scan.depth == 0 && scan.begun && !scan.in_text {
                    return Ok(());
                }
                return Err(self.unexpected(None, "the end of a value"));
            }
            let (length, is_done) = scan.feed(chunk);
            if keep {
                self.value.extend_from_slice(&chunk[..length]);
            }
            self.input.consume(length);
            if self.value.len() > MAX_LINE {
                let place = self.place(self.line);
                self.input.end();
                self.failed = true;
                let message = format!("a value is longer than {} MiB", MAX_LINE >> 20);
                return Err(Diagnostic::error(place, message));
            }
            if is_done {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Result<Vec<i64>, String> {
        let mut json = Json::new(Input::from_bytes("x.json", text).unwrap());
        let mut found = Vec::new();
        let mut walk = || -> Result<(), Diagnostic> {
            json.open(b'{')?;
            while json.more()? {
                if json.key()? != "list" {
                    json.skip()?;
                    continue;
                }
                json.open(b'[')?;
                while json.more()? {
                    found.push(json.value::<i64>()?);
                }
            }
            json.finish()
        };
        walk().map_err(|finding| finding.to_string()).map(|()| found)
    }

    #[test]
    fn members_are_read_one_by_one() {
        let text = r#" { "a" : {"b": [1, "]}\""], "c": "}"}, "list":[ 1 ,2,
            3], "d": null, "e": [] } "#;
        assert_eq!(numbers(text), Ok(vec![1, 2, 3]));
        assert_eq!(numbers(r#"{"list": []}"#), Ok(vec![]));
        assert_eq!(numbers("{}"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_json_is_said() {
        for (text, message) in [
            ("", "x.json:1: error: the file is cut off: expected `{`"),
            ("[1]", "x.json:1: error: not valid JSON: expected `{`: `[`"),
            (
                "{\"list\": [1,\n2",
                "x.json:2: error: the file is cut off: expected `,` or the end of the list",
            ),
            (
                "{\"list\": [1 2]}",
                "x.json:1: error: not valid JSON: expected `,` or the end of the list: `2`",
            ),
            ("{\"list\": [\n\"x\"]}", "x.json:2: error: invalid type: string \"x\", expected i64: `\"x\"`"),
            ("{\"list\": [1e99]}", "x.json:1: error: invalid type: floating point"),
            ("{\"list\": {}", "x.json:1: error: not valid JSON: expected `[`: `{`"),
            ("{list: 1}", "x.json:1: error: not valid JSON: expected a key in quotes: `l`"),
            ("{\"a\": \"b", "x.json:1: error: the file is cut off: expected the end of a value"),
            ("{\"a\": [[[[", "x.json:1: error: the file is cut off: expected the end of a value"),
            ("{} {", "x.json:1: error: not valid JSON: expected the end of the file: `{`"),
            ("{\"a\" 1}", "x.json:1: error: not valid JSON: expected `:`: `1`"),
        ] {
            let found = numbers(text).unwrap_err();
            assert!(found.starts_with(message), "{text}: {found}");
        }
    }

    #[test]
    fn a_value_is_bounded_and_a_list_is_not() {
        let long = format!("{{\"list\": [{}1]}}", "1,".repeat(10_000_000));
        assert_eq!(numbers(&long).unwrap().len(), 10_000_001);
        let text = format!("{{\"{}\": 1}}", "x".repeat(MAX_LINE + 1));
        assert!(numbers(&text).unwrap_err().contains("longer than 16 MiB"));
    }
}
