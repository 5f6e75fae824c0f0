//! The configurations of recorded answers: each is read, and comes to the recorded weights.

use super::*;
use crate::control::config::Version;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_methods, reason = "where the recorded answers are is not part of the project")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn recordings() -> Option<PathBuf> {
    let place = std::env::var_os("SEATRIAL_DATA");
    if place.is_none() {
        eprintln!("skipped: conformance_configurations (SEATRIAL_DATA is not set)");
    }
    place.map(|data| PathBuf::from(data).join("conformance"))
}

/// Reads the configurations of one file of answers; returns how many there were.
fn check_file(path: &Path, version: Version) -> usize {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    let mut count = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (input, id) = (&case["input"], &case["id"]);
        if !input["config"].is_object() {
            continue;
        }
        count += 1;
        let written = input["config"].to_string();
        let read = configuration::read(&"config".into(), written.as_bytes(), version);
        let configured = read.unwrap_or_else(|findings| panic!("{id}: {findings:?}"));
        assert_eq!(configured.warnings, [], "{id}");
        let recorded = &case["expected"]["weights"];
        let wanted = input["pod"]["spec"]["schedulerName"].as_str().unwrap_or_default();
        let profiles = &configured.scheduler.profiles;
        let served = profiles.iter().find(|profile| profile.name == wanted).unwrap_or(&profiles[0]);
        if recorded.is_object() {
            let weights: BTreeMap<&str, i64> = served.plugins.score.iter().copied().collect();
            assert_eq!(serde_json::json!(weights), *recorded, "{id}");
        }
    }
    count
}

#[test]
fn conformance_configurations_are_read() {
    let Some(folder) = recordings() else { return };
    for (name, version) in [("scheduler-1.34", Version::V1_34), ("scheduler-1.36", Version::V1_36)] {
        let files = std::fs::read_dir(folder.join(name)).unwrap();
        let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        let count: usize = paths.iter().map(|path| check_file(path, version)).sum();
        assert!(count > 150, "{name} has {count} configurations");
    }
}
