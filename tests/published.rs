//! Published results of batch scheduling, from public data: skipped where `SEATRIAL_DATA` is not set.

mod common;

use serde_json::Value;
use std::path::Path;

#[expect(clippy::disallowed_methods, reason = "tests find the data by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn data() -> Option<String> {
    let folder = std::env::var_os("SEATRIAL_DATA");
    if folder.is_none() {
        eprintln!("skipped: published results (SEATRIAL_DATA is not set)");
    }
    folder.map(|folder| Path::new(&folder).join("traces").to_string_lossy().into_owned())
}

/// Jobs whose starts are compared at the least: nine files of SC'15 and two of Batsim, twice.
const JOBS: u64 = 479_058 + 2 * 2 * 801;
/// Numbers that are compared beside them at the least: 9 averages, 40 cells and 4 without the fault, 12 of
/// Batsim, 10 of whole logs, and makespan and wait of 11 runs of a real cluster, three of them too loaded for
/// the wait.
const NUMBERS: u64 = 9 + 44 + 12 + 10 + 11 + 8;

/// Every start, every set of processors and every number that was published.
#[test]
fn all_that_was_published_agrees() {
    let Some(data) = data() else { return };
    let arguments = ["conformance", "batch", "--data", &data, "--format", "json"];
    let (code, out, err) = common::seatrial(Path::new("."), &arguments, "");
    assert_eq!(code, 0, "{err}{out}");
    let found: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(found["agree"], found["total"]);
    assert!(found["total"].as_u64() >= Some(JOBS + NUMBERS), "only {} were compared", found["total"]);
}

/// Without the data there is a list of what is needed.
#[test]
fn the_files_are_listed_with_their_digests() {
    let (code, out, err) = common::seatrial(Path::new("."), &["conformance", "batch"], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("  KTH-SP2/easy.swf.gz\n    sha256 "), "{out}");
    // Names of files are as long as they are.
    let mut lines =
        out.lines().filter(|line| Path::new(line).extension().is_none_or(|ending| ending != "gz"));
    assert!(lines.all(|line| line.chars().count() <= 80), "{out}");
    let (code, out, err) = common::seatrial(Path::new("."), &["conformance", "batch", "--data", "src"], "");
    assert_eq!(code, 2);
    assert!(err.contains("holds no file of a published result") && out.contains("sha256"), "{err}{out}");
    for (arguments, what) in [
        (["--data", "nowhere", "--procs", "7"], "this is not a folder"),
        (["--data", "src", "--procs", "SDSC=many"], "not a number of processors"),
    ] {
        let arguments: Vec<&str> = ["conformance", "batch"].into_iter().chain(arguments).collect();
        let (code, _, err) = common::seatrial(Path::new("."), &arguments, "");
        assert_eq!(code, 2);
        assert!(err.contains(what), "{err}");
    }
}
