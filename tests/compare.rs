//! The command `compare` as a user meets it.

mod common;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of one test's own, empty.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    folder
}

fn compare(arguments: &[&str]) -> (i32, String, String) {
    common::seatrial(root(), &[&["compare"], arguments].concat(), "")
}

const DAY: &str = "scenarios/batch-day.yaml";
const BACKFILL: &str = "controlPlane.batch.backfill=none,easy";

/// What is printed, without the digest: it changes with every new column of a table.
fn without_digest(text: &str) -> String {
    text.split("\ndigest ").next().unwrap_or(text).trim_end().to_owned()
}

/// The page shows what the commands in it print.
#[test]
fn the_worked_example_is_what_is_printed() {
    let page = fs::read_to_string(root().join("docs/compare.md")).expect("the page is there");
    let mut checked = 0;
    for block in page.split("```").skip(1).step_by(2) {
        let Some((command, shown)) = block.trim_start_matches("text\n").split_once('\n') else { continue };
        let Some(words) = command.strip_prefix("$ seatrial compare ") else { continue };
        let arguments: Vec<&str> = words.split(' ').map(|word| word.trim_matches('\'')).collect();
        let (code, out, err) = compare(&arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{command}");
        assert_eq!(without_digest(&out), shown.trim_end(), "{command}");
        checked += 1;
    }
    assert_eq!(checked, 5, "examples of the page");
}

#[test]
fn two_scenarios_of_one_workload_are_compared_as_two_variants_of_one() {
    let options =
        ["--outputs", "none", "--format", "json", "--metrics", "wait_mean_s,utilization_processors"];
    let (code, out, err) = compare(&[&[DAY, "scenarios/backfilling.yaml"], &options[..]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    let files: Value = serde_json::from_str(&out).expect("JSON");
    let (_, out, _) = compare(&[&[DAY, "--vary", BACKFILL], &options[..]].concat());
    let varied: Value = serde_json::from_str(&out).expect("JSON");
    let values = |of: &Value| -> Vec<Value> {
        let cells = of["metrics"][0]["variants"].as_array().expect("a list").clone();
        cells.into_iter().map(|cell| cell["value"].clone()).collect()
    };
    assert_eq!(values(&files), values(&varied));
    assert_eq!(files["baseline"], "batch-day");
    assert_eq!(varied["moves"][0]["gained_n"], 262);
    // The expectations of the two scenarios say the same.
    let mean = values(&files)[1].as_f64().expect("a number");
    assert!((mean - 7154.0).abs() < 1.0, "{mean}");
    assert_eq!(varied["metrics"][0]["variants"][1]["interval_low"], Value::Null);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let folder = scratch("compare-threads");
    let run = |threads: &str| {
        let out = folder.join(threads);
        let options = ["--replications", "3", "--shake", "30s", "--top", "2", "--jobs", threads];
        let place = ["--out", out.to_str().expect("a plain name"), "--quiet"];
        assert_eq!(compare(&[&[DAY, "--vary", BACKFILL], &options[..], &place[..]].concat()).0, 0);
        let mut names: Vec<PathBuf> = Vec::new();
        for place in [out.clone(), out.join("charts")] {
            names.extend(
                fs::read_dir(place).expect("it is there").map(|entry| entry.expect("readable").path()),
            );
        }
        names.retain(|name| name.is_file());
        names.sort();
        let files: Vec<(PathBuf, Vec<u8>)> = names
            .into_iter()
            .map(|name| {
                (name.strip_prefix(&out).expect("within").to_owned(), fs::read(&name).expect("readable"))
            })
            .collect();
        files
    };
    let (one, four) = (run("1"), run("4"));
    let names: Vec<String> = one.iter().map(|(name, _)| name.display().to_string()).collect();
    for wanted in ["compare.csv", "compare.json", "runs.csv", "waits.csv", "report.html", "charts/gantt.svg"]
    {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not in {names:?}");
    }
    assert!(one == four, "a file differs");
}

#[test]
fn replications_have_paired_intervals_of_the_runs_that_are_listed() {
    let folder = scratch("compare-intervals");
    let out = folder.join("r");
    let options = ["--replications", "4", "--shake", "30s", "--metrics", "wait_mean_s", "--top", "0"];
    let place = ["--outputs", "csv", "--format", "json", "--out", out.to_str().expect("a plain name")];
    let (code, text, _) = compare(&[&[DAY, "--vary", BACKFILL], &options[..], &place[..]].concat());
    assert_eq!(code, 0);
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    let runs = fs::read_to_string(out.join("runs.csv")).expect("it was written");
    let values = |variant: &str| -> Vec<f64> {
        let rows = runs.lines().filter(|row| row.starts_with(variant));
        rows.map(|row| row.rsplit(',').next().expect("a cell").parse().expect("a number")).collect()
    };
    let differences: Vec<f64> =
        values("backfill=easy").iter().zip(values("backfill=none")).map(|(easy, none)| easy - none).collect();
    let mean = differences.iter().sum::<f64>() / 4.0;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / 3.0;
    // t(0.975, 3) = 3.18244630528371.
    let half = 3.182_446_305_283_71 * (variance / 4.0).sqrt();
    let cell = &facts["metrics"][0]["variants"][1];
    let number = |key: &str| cell[key].as_f64().expect("a number");
    assert!((number("difference") - mean).abs() < 1e-6 && half > 0.0);
    assert!((number("interval_low") - (mean - half)).abs() < 1e-4, "{cell}");
    assert!((number("interval_high") - (mean + half)).abs() < 1e-4, "{cell}");
    assert_eq!(facts["seeds"], serde_json::json!([1, 2, 3, 4]));
}

/// So is that of the trace that `trace shake` makes with this seed.
#[test]
fn a_shaken_run_is_that_of_the_scenario_with_this_seed() {
    let options =
        ["--replications", "2", "--shake", "1m", "--seed", "5", "--outputs", "none", "--format", "json"];
    let (_, text, _) = compare(&[&[DAY, "--vary", BACKFILL], &options[..]].concat());
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    let digest = facts["variants"][1]["digests"][1].as_str().expect("a digest").to_owned();
    let sets = ["--set", "workload.shake=1m", "--seed", "6", "--set", "controlPlane.batch.backfill=easy"];
    let rest = ["--set", "expect=[]", "--outputs", "none"];
    let (code, out, err) = common::seatrial(root(), &[&["run", DAY], &sets[..], &rest[..]].concat(), "");
    assert!(code == 0 && out.contains(&format!("digest {digest}")), "{out}{err}");
    let shaken = scratch("compare-shaken").join("shaken.swf");
    let shake = ["trace", "shake", "traces/batch-day.swf", "--by", "1m", "--seed", "6", "--quiet", "--out"];
    let shaken = shaken.to_str().expect("a plain name");
    let (code, _, err) = common::seatrial(root(), &[&shake[..], &[shaken]].concat(), "");
    assert_eq!(code, 0, "{err}");
    let file = format!("workload.traces[0].file={shaken}");
    let sets = ["--set", &file, "--set", "controlPlane.batch.backfill=easy"];
    let (code, out, err) = common::seatrial(root(), &[&["run", DAY], &sets[..], &rest[..]].concat(), "");
    assert!(code == 0 && out.contains(&format!("digest {digest}")), "{out}{err}");
}

/// The seed of a replication names a workload that can be looked at: the trace that `trace shake` makes.
#[test]
fn replications_with_other_users_are_the_traces_that_are_drawn_and_have_paired_intervals() {
    let folder = scratch("compare-resample");
    let base = ["--vary", BACKFILL, "--metrics", "wait_mean_s", "--top", "0", "--outputs", "none"];
    let options = ["--replications", "3", "--resample", "1h", "--seed", "5", "--format", "json"];
    let told = || compare(&[&[DAY], &base[..], &options[..]].concat());
    let (code, text, err) = told();
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(told().1, text, "the same seeds draw the same users");
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    let cell = &facts["metrics"][0]["variants"][1];
    assert!(cell["interval_low"].is_number() && cell["pairs"] == 3, "{cell}");
    let digests = facts["variants"][1]["digests"].as_array().expect("a list");
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
    let drawn = folder.join("drawn.swf");
    let drawn = drawn.to_str().expect("a plain name");
    let draw = ["trace", "shake", "traces/batch-day.swf", "--resample", "--period", "1h", "--seed", "6"];
    let (code, _, err) = common::seatrial(root(), &[&draw[..], &["--out", drawn, "--quiet"]].concat(), "");
    assert_eq!(code, 0, "{err}");
    let file = format!("workload.traces[0].file={drawn}");
    let sets = ["--set", &file, "--seed", "6", "--set", "controlPlane.batch.backfill=easy"];
    let rest = ["--set", "expect=[]", "--outputs", "none"];
    let (code, out, err) = common::seatrial(root(), &[&["run", DAY], &sets[..], &rest[..]].concat(), "");
    let digest = digests[1].as_str().expect("a digest");
    assert!(code == 0 && out.contains(&format!("digest {digest}")), "{out}{err}");
}

#[test]
fn a_comparison_is_verified_and_a_changed_input_is_found() {
    let folder = scratch("compare-verify");
    let scenario = "apiVersion: seatrial/v1\ncluster: {processors: 4}\ncontrolPlane: {kind: batch}\n\
                    workload: {traces: [{file: a.swf, processors: requested}]}\nrun: {stop: jobsDone}\n";
    let job = |number: u32, submit: u32, run: u32, size: u32| {
        format!("{number} {submit} -1 {run} {size} -1 -1 {size} {run} -1 1 1 1 1 1 1 -1 -1\n")
    };
    let trace = [job(1, 0, 100, 3), job(2, 10, 100, 4), job(3, 20, 50, 1)].concat();
    fs::write(folder.join("s.yaml"), scenario).expect("it can be written");
    fs::write(folder.join("a.swf"), &trace).expect("it can be written");
    let own = "--vary=controlPlane.batch.order=fcfs,-(wait/estimate)^3 * procs";
    let run = ["compare", "s.yaml", own, "--vary", BACKFILL, "--out", "r", "--quiet"];
    let run = [&run[..], &["--shake", "2s", "--resample", "1m"]].concat();
    let (code, out, err) = common::seatrial(&folder, &run, "");
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    let verify = || common::seatrial(&folder, &["verify", "r"], "");
    let (code, out, err) = verify();
    assert!(code == 0 && out.starts_with("r: ok "), "{out}{err}");
    fs::write(folder.join("a.swf"), trace + &job(4, 30, 5, 1)).expect("it can be written");
    let (code, out, _) = verify();
    assert!(code == 1 && out.contains("differs") && out.contains("changed: a.swf"), "{out}");
    let facts = fs::read_to_string(folder.join("r/compare.json")).expect("it was written");
    fs::write(folder.join("r/compare.json"), facts.replace("request", "wish")).expect("it can be written");
    let (code, _, err) = verify();
    assert!(code == 2 && err.contains("does not say what it came from"), "{err}");
}

#[test]
fn pods_are_compared_too() {
    let options = ["--vary", "cluster.pools[0].count=8,10", "--outputs", "none", "--format", "json"];
    let (code, text, err) = compare(&[&["scenarios/packing.yaml"], &options[..]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    let names: Vec<&str> = facts["metrics"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|metric| metric["name"].as_str())
        .collect();
    assert!(names.contains(&"cost_total") && names.contains(&"utilization_requested_cpu"), "{names:?}");
    let first = &facts["moves"][0]["gained"][0];
    assert!(first["why"].as_str().is_some_and(|why| why.contains(" on worker-")), "{first}");
}

#[test]
fn wrong_use_is_said_in_words() {
    let folder = scratch("compare-wrong");
    let study = folder.join("study.yaml");
    let text = "apiVersion: seatrial/v1\nkind: Study\nscenario: s.yaml\nvariants: [{name: a}, {nmae: b}]\n";
    fs::write(&study, text).expect("it can be written");
    let study = study.to_str().expect("a plain name");
    let vary = ["--vary", BACKFILL];
    let cases: [(&[&str], &str); 17] = [
        (&[DAY], "nothing to compare"),
        (&[DAY, "--vary", "controlPlane.batch.backfil=none,easy"], "did you mean `backfill`?"),
        (&[DAY, "--vary", "controlPlane.batch.backfill=none,esay"], "variant `backfill=esay`"),
        (&[DAY, "--vary", "run.seed=1,2"], "a seed is no policy"),
        (&[DAY, vary[0], vary[1], "--metrics", "wait_means"], "did you mean `wait_mean_s`?"),
        (&[DAY, vary[0], vary[1], "--baseline", "easy"], "no variant has this name"),
        (&[DAY, vary[0], vary[1], "--confidence", "0.9"], "at least two replications"),
        (&[DAY, vary[0], vary[1], "--replications", "3", "--confidence", "95"], "above 0 and below 1"),
        (&[DAY, vary[0], vary[1], "--replications", "3"], "the very same run"),
        (&[DAY, "--vary", "cluster.processors=64,32"], "different workloads: job 20 is in `processors=64`"),
        (&[DAY, "scenarios/packing.yaml"], "`batch-day` runs jobs, `packing` runs pods"),
        (&[DAY, "scenarios/backfilling.yaml", vary[0], vary[1]], "each is a variant by itself"),
        (&["-", vary[0], vary[1]], "standard input can be read only once"),
        (
            &["scenarios/packing.yaml", "--variant", "a:", "--variant", "b:", "--shake", "1s"],
            "no trace whose submit",
        ),
        (
            &["scenarios/packing.yaml", "--variant", "a:", "--variant", "b:", "--resample", "7d"],
            "variant `a`: there is no trace whose users",
        ),
        (&[DAY, vary[0], vary[1], "--resample", "0s"], "at least `1ms`"),
        (&[study], "did you mean `name`?"),
    ];
    for (arguments, part) in cases {
        let (code, out, err) = compare(&[arguments, &["--outputs", "none"]].concat());
        assert!(code == 2 && out.is_empty() && err.contains(part), "{arguments:?}: {code} {out}{err}");
    }
    let (code, _, err) = common::seatrial(root(), &["run", "scenarios/studies/queue-policies.yaml"], "");
    assert!(code == 2 && err.contains("`seatrial compare`"), "{err}");
}
