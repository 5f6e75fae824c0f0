//! The recorded answers, where they are at hand.

use super::*;
use crate::base::Location;
use crate::conformance::differences;
use std::io::Read as _;

/// The folder of the recorded answers, or nothing, said aloud.
#[expect(clippy::disallowed_methods, reason = "tests find the recorded answers by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn recorded(test: &str) -> Option<std::path::PathBuf> {
    let place = std::env::var_os("SEATRIAL_DATA").map(std::path::PathBuf::from);
    if place.is_none() {
        eprintln!("skipped: {test} (SEATRIAL_DATA is not set)");
    }
    place.map(|data| data.join("conformance/controllers-1.36"))
}

/// The cases of a file that we answer otherwise, and how many cases there are.
fn misses(folder: &std::path::Path, mode: &str) -> (Vec<String>, usize) {
    let bytes = std::fs::read(folder.join(format!("{mode}.jsonl.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let case = Case::read(line.as_bytes(), Location::at(mode, number as u32 + 1, 1)).unwrap();
        let answer = answer(&case).unwrap_or_else(|finding| panic!("{finding}"));
        if let Some(found) = differences(case.expected.as_ref().unwrap(), &answer).first.first() {
            wrong.push(format!("{} {}: {} for {}", case.id, found.field, found.got, found.expected));
        }
    }
    (wrong, text.lines().count())
}

#[test]
fn stateful_sets_are_answered_as_recorded() {
    let Some(folder) = recorded("stateful_sets_are_answered_as_recorded") else { return };
    assert_eq!(misses(&folder, "statefulset"), (Vec::new(), 80));
}

#[test]
fn daemon_sets_are_answered_as_recorded() {
    let Some(folder) = recorded("daemon_sets_are_answered_as_recorded") else { return };
    assert_eq!(misses(&folder, "daemonset"), (Vec::new(), 60));
}
