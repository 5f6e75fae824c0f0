//! The commands that make a trace of other traces, as a user meets them.

mod common;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder of one test's own, empty.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    folder
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn seatrial(arguments: &[&str]) -> (i32, String, String) {
    common::seatrial(root(), arguments, "")
}

/// What `trace info` knows of a file.
fn facts(file: &Path) -> serde_json::Value {
    let (code, out, err) = seatrial(&["trace", "info", &file.to_string_lossy(), "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

/// Runs a command of `trace` that writes a file in a folder; the file and what was told.
fn made(folder: &Path, name: &str, arguments: &[&str]) -> (PathBuf, String) {
    let file = folder.join(name);
    let place = file.to_string_lossy().into_owned();
    let (code, out, err) = seatrial(&[&["trace"], arguments, &["--out", &place]].concat());
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    (file, err)
}

const DAY: &str = "traces/batch-day.swf";

#[test]
fn a_log_goes_through_the_table_and_back() {
    let folder = scratch("convert");
    let (table, told) = made(&folder, "day.csv", &["convert", DAY]);
    assert!(told.contains("6 rows dropped: never started"), "{told}");
    assert!(told.contains("day.csv: 290 rows, seatrial's table"), "{told}");
    let (back, _) = made(&folder, "back.swf", &["convert", &table.to_string_lossy(), "--processors", "64"]);
    let (first, second) = (facts(&root().join(DAY)), facts(&back));
    for fact in [
        "used",
        "run_time_s",
        "estimate_s",
        "processors",
        "users",
        "offered_load",
        "interval_s",
        "recorded_wait_s",
    ] {
        assert_eq!(first[fact], second[fact], "{fact}");
    }
    assert_eq!(second["dropped"], serde_json::json!([]));
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 2, "nothing unfinished is left");
}

#[test]
fn a_packed_file_and_standard_output_have_the_same_bytes() {
    let folder = scratch("packed");
    let (packed, _) = made(&folder, "day.csv.gz", &["convert", DAY, "--quiet"]);
    let mut text = String::new();
    let file = fs::File::open(&packed).expect("it was written");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("it is gzip");
    let (code, out, _) = seatrial(&["trace", "convert", DAY, "--to", "seatrial"]);
    assert!(code == 0 && out == text);
    let log = fs::read_to_string(root().join(DAY)).expect("it is checked in");
    let piped = common::seatrial(root(), &["trace", "convert", "-", "--to", "seatrial"], &log).1;
    assert_eq!(piped.lines().skip(1).collect::<Vec<_>>(), text.lines().skip(1).collect::<Vec<_>>());
}

#[test]
fn what_batsim_cannot_hold_is_told() {
    let (code, out, err) = seatrial(&["trace", "convert", DAY, "--to", "batsim", "--processors", "128"]);
    let workload: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &workload["nb_res"]), (0, &128.into()));
    let jobs = workload["jobs"].as_array().expect("a list");
    assert!(
        jobs.len() == 291
            && jobs
                .iter()
                .all(|job| workload["profiles"].get(job["profile"].as_str().unwrap_or("")).is_some())
    );
    assert!(err.contains("Batsim's workload cannot hold: ") && err.contains("user (291 rows)"), "{err}");
}

#[test]
fn batsim_gives_back_what_it_holds() {
    let folder = scratch("batsim");
    let (workload, _) = made(&folder, "day.json.gz", &["convert", DAY]);
    let (log, _) = made(&folder, "back.swf", &["convert", &workload.to_string_lossy()]);
    let before = facts(&root().join(DAY));
    for after in [facts(&workload), facts(&log)] {
        for fact in ["used", "run_time_s", "estimate_s", "processors", "interval_s", "offered_load"] {
            assert_eq!(before[fact], after[fact], "{fact}");
        }
        assert_eq!(after["dropped"], serde_json::json!([]));
    }
}

#[test]
fn pods_become_jobs_only_when_asked() {
    let (code, out, err) = seatrial(&["trace", "convert", "traces/gpu-pods.csv", "--to", "swf"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("221 rows left out") && err.contains("--cpu-as-processors"), "{err}");
    let (code, out, err) =
        seatrial(&["trace", "convert", "traces/gpu-pods.csv", "--to", "swf", "--cpu-as-processors"]);
    assert_eq!(code, 0);
    assert!(
        err.contains("cannot hold: ") && err.contains("resource:alibabacloud.com/gpu-milli (186 rows)"),
        "{err}"
    );
    let jobs = out.lines().filter(|line| !line.starts_with(';')).count();
    assert!(out.contains(&format!("; MaxJobs: {jobs}\n")) && jobs > 200, "{jobs}");
}

#[test]
fn a_load_is_reached_and_factors_do_what_they_say() {
    let folder = scratch("scale");
    let (file, told) = made(&folder, "busy.swf", &["scale", DAY, "--load", "90%"]);
    assert!(told.contains("load 128% to 90% of 64 processors"), "{told}");
    let after = facts(&file);
    let load = after["offered_load"].as_f64().expect("a number");
    assert!((load - 0.9).abs() < 0.001, "{load}");
    assert_eq!(
        (&after["used"], &after["run_time_s"]),
        (&290.into(), &facts(&root().join(DAY))["run_time_s"])
    );

    let (file, _) = made(&folder, "small.swf", &["scale", DAY, "--sizes", "0.25", "--run-times", "2"]);
    let (before, after) = (facts(&root().join(DAY)), facts(&file));
    let of =
        |facts: &serde_json::Value, what: &str, which: &str| facts[what][which].as_f64().expect("a number");
    assert!((of(&after, "processors", "max") - of(&before, "processors", "max") / 4.0).abs() < 1e-9);
    assert!((of(&after, "run_time_s", "max") - of(&before, "run_time_s", "max") * 2.0).abs() < 1.0);
    assert!((of(&after, "estimate_s", "p50") - of(&before, "estimate_s", "p50") * 2.0).abs() < 1.0);
}

#[test]
fn a_slice_has_what_was_asked_for() {
    let folder = scratch("slice");
    let window = ["slice", DAY, "--from", "6h", "--until", "12h", "--rebase"];
    let (file, told) = made(&folder, "morning.swf", &window);
    let after = facts(&file);
    assert_eq!(after["first_submit_s"], 0.0);
    assert!(after["submit_span_s"].as_f64().expect("a number") < 6.0 * 3_600.0);
    let dropped = 290 - after["used"].as_u64().expect("a number");
    assert!(told.contains(&format!("{dropped} rows dropped: outside of the time window")), "{told}");

    let (file, _) = made(&folder, "big.swf", &["slice", DAY, "--sizes", "8-", "--user", "1,2,3"]);
    let after = facts(&file);
    assert!(after["users"].as_u64().expect("a number") <= 3);
    assert!(after["processors"]["min"].as_f64().expect("a number") >= 8.0);
    let (file, _) = made(&folder, "head.swf", &["slice", DAY, "--rows", "-7"]);
    assert_eq!(facts(&file)["used"], 7);
}

#[test]
fn shaking_is_small_seeded_and_by_session() {
    let folder = scratch("shake");
    let shaken = |name: &str, more: &[&str]| made(&folder, name, &[&["shake", DAY], more].concat()).0;
    let read = |file: &Path| fs::read_to_string(file).expect("it was written");
    let first = shaken("a.swf", &["--seed", "7"]);
    let again = shaken("b.swf", &["--seed", "7"]);
    assert_eq!(read(&first), read(&again));
    assert_ne!(read(&first), read(&shaken("c.swf", &["--seed", "8"])));
    let submits = |text: &str| -> std::collections::BTreeMap<i64, i64> {
        let jobs = text.lines().filter(|line| !line.starts_with(';'));
        let fields = jobs
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap_or(-1)).collect::<Vec<i64>>());
        fields.filter(|fields| fields.len() == 18).map(|fields| (fields[0], fields[1])).collect()
    };
    let (before, after) = (submits(&read(&root().join(DAY))), submits(&read(&first)));
    assert!(after.len() == 290 && after.iter().all(|(job, at)| (at - before[job]).abs() <= 30));
    assert!(after.iter().filter(|(job, at)| before[job] != **at).count() > 270);
    let session = shaken("d.swf", &["--unit", "session", "--by", "2m", "--gap", "1h"]);
    assert_ne!(read(&session), read(&first));
    let resampled = facts(&shaken("e.swf", &["--resample", "--users", "20", "--period", "1d"]));
    assert!(resampled["users"].as_u64().expect("a number") <= 20);
}

#[test]
fn traces_are_mixed() {
    let folder = scratch("mix");
    let (file, _) = made(&folder, "double.swf", &["mix", DAY, DAY, "--offset", "0s,12h"]);
    let (one, two) = (facts(&root().join(DAY)), facts(&file));
    assert_eq!(two["used"], 580);
    assert_eq!(two["users"].as_u64(), one["users"].as_u64().map(|users| 2 * users));
    assert_eq!(two["machine_processors"], 64);
    let (file, _) = made(&folder, "part.csv", &["mix", DAY, "traces/pods-hour.csv", "--weight", "0.5,1"]);
    let rows = facts(&file)["used"].as_u64().expect("a number");
    assert!((209 + 110..209 + 180).contains(&rows), "{rows}");
}

/// The arguments after `trace`, and a part of what is said.
const REFUSED: [(&[&str], &str); 25] = [
    (&["convert", DAY], "the format is not given"),
    (&["convert", DAY, "--to", "swff"], "a similar value exists: 'swf'"),
    (&["convert", DAY, "--out", "day.xml"], "names no format that is written: `day.xml`"),
    (&["convert", "gone.swf", "--to", "swf"], "gone.swf"),
    (&["scale", DAY], "nothing is scaled"),
    (&["scale", DAY, "--arrivals", "0"], "a factor is a number from 0.000001 to 1000000: `0`"),
    (&["scale", DAY, "--sizes", "-1"], "a factor is a number from"),
    (&["scale", DAY, "--run-times", "1e30"], "a factor is a number from"),
    (&["scale", DAY, "--estimates", "NaN"], "not a number: `NaN`"),
    (&["scale", DAY, "--load", "0"], "a load is above 0"),
    (&["scale", DAY, "--load", "1e-9"], "cannot be reached"),
    (&["scale", "traces/pods-hour.csv", "--load", "1"], "give `--processors`"),
    (&["scale", "traces/pods-hour.csv", "--load", "1", "--processors", "4"], "no load that could be scaled"),
    (&["slice", DAY], "nothing is cut"),
    (&["slice", DAY, "--from", "2h", "--until", "1h"], "the time window is empty"),
    (&["slice", DAY, "--from", "400d"], "no row meets every condition"),
    (&["slice", DAY, "--from", "soon"], "write a duration such as"),
    (&["slice", DAY, "--sizes", "9-3"], "the range of processors is empty"),
    (&["slice", DAY, "--rows", "-"], "a range without ends"),
    (&["slice", "traces/pods-hour.csv", "--cpu", "much-"], "not an amount of CPU: `much`"),
    (&["shake", DAY, "--by", "0s"], "below the resolution"),
    (&["shake", DAY, "--gap", "5m"], "add `--unit session`"),
    (&["shake", "traces/pods-hour.csv", "--resample"], "no row names a user"),
    (&["mix", DAY, DAY, "--weight", "0.5"], "1 values for 2 traces"),
    (&["mix", DAY, "--weight", "2"], "name it twice"),
];

#[test]
fn wrong_use_is_refused_with_help() {
    for (arguments, part) in REFUSED {
        let (code, out, err) = seatrial(&[&["trace"], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(part), "{arguments:?}: `{part}` is not in\n{err}");
    }
}

#[test]
fn a_bad_trace_leaves_no_file() {
    let folder = scratch("bad-input");
    let (bad, out) = (folder.join("bad.csv"), folder.join("out.csv"));
    fs::write(&bad, "submit_s,cpu\n1,2\nx,1\n3,y\n").expect("it can be written");
    let (code, _, err) =
        seatrial(&["trace", "convert", &bad.to_string_lossy(), "--out", &out.to_string_lossy()]);
    assert_eq!(code, 2);
    assert!(err.contains("bad.csv:3:1") && err.contains("bad.csv:4:3"), "{err}");
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 1);
    let (code, _, err) = seatrial(&["trace", "convert", DAY, "--out", "no/such/folder/a.csv"]);
    assert_eq!(code, 3, "{err}");
}
