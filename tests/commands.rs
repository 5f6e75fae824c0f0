//! The commands `trace`, `verify` and `fuzz`, and runs that are repeated, as a user meets them.

mod common;

use std::fs;
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

/// Runs the binary in a folder.
fn seatrial_in(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    common::seatrial(folder, arguments, "")
}

fn seatrial(arguments: &[&str]) -> (i32, String, String) {
    seatrial_in(root(), arguments)
}

#[test]
fn trace_info_says_what_was_used_and_dropped() {
    let (code, out, err) = seatrial(&["trace", "info", "traces/batch-day.swf"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for part in [
        "rows        300, of which 290 are used and 10 dropped",
        "6  never started; first in line 57",
        "MaxProcs: 64",
        "load on 64 processors: 128%",
    ] {
        assert!(out.contains(part), "`{part}` is not in:\n{out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");

    let options = ["--keep-zero-run", "--processors", "128", "--format", "json"];
    let (code, out, _) = seatrial(&[&["trace", "info", "traces/batch-day.swf"], &options[..]].concat());
    let facts: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &facts["used"], &facts["rows"]), (0, &294.into(), &300.into()));
    assert_eq!(facts["dropped"][0]["reason"], "never started");
    assert_eq!(facts["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn a_bad_trace_is_refused_with_its_lines() {
    let file = scratch("bad-trace").join("a.csv");
    fs::write(&file, "submit_s,cpu\n1,2\nx,1\n3,y\n").expect("it can be written");
    let (code, out, err) = seatrial(&["trace", "info", &file.to_string_lossy()]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("a.csv:3:1") && err.contains("a.csv:4:3") && err.contains("2 errors"), "{err}");
    assert_eq!(seatrial(&["trace", "head", "gone.swf"]).0, 2);
}

#[test]
fn trace_head_prints_the_first_rows_in_three_formats() {
    let head =
        |format: &str| seatrial(&["trace", "head", "traces/pods-hour.csv", "-n", "2", "--format", format]);
    let (code, out, _) = head("text");
    assert_eq!((code, out.lines().count()), (0, 3), "{out}");
    assert!(out.starts_with("name ") && out.contains("14m55s"), "{out}");
    assert_eq!(head("csv").1.lines().nth(1), Some("pod-1,33.384,895.053,2,2,1Gi,Never,worker"));
    let rows: serde_json::Value = serde_json::from_str(&head("json").1).expect("JSON");
    assert_eq!((&rows[1]["name"], &rows[1]["tasks"]), (&"pod-2".into(), &2.into()));
}

#[test]
fn samples_are_those_that_are_checked_in() {
    for name in ["batch-day.swf", "pods-hour.csv", "machines.csv", "gpu-nodes.csv", "gpu-pods.csv"] {
        let (code, out, _) = seatrial(&["trace", "generate", "--sample", name]);
        let kept = fs::read_to_string(root().join("traces").join(name)).expect("it is checked in");
        assert!(code == 0 && out == kept, "{name}");
    }
    let (code, _, err) = seatrial(&["trace", "generate", "--sample", "batch-dya.swf"]);
    assert!(code == 2 && err.contains("did you mean `batch-day.swf`?"), "{err}");
}

#[test]
fn traces_are_generated_from_options_and_from_scenarios() {
    let folder = scratch("generate");
    let options = ["--jobs", "50", "--arrivals", "exponential(mean=30s)", "--run-time", "1m"];
    let shape = ["--processors", "powerOfTwo(min=1, max=8)", "--estimate-factor", "2", "--out", "a.swf"];
    let arguments = [&["trace", "generate"], &options[..], &shape[..]].concat();
    assert_eq!(seatrial_in(&folder, &arguments), (0, String::new(), String::new()));
    let first = fs::read(folder.join("a.swf")).expect("it was written");
    let (code, out, _) = seatrial_in(&folder, &["trace", "info", "a.swf", "--format", "json"]);
    let facts: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &facts["used"], &facts["dropped"]), (0, &50.into(), &serde_json::json!([])));
    assert_eq!(
        (&facts["run_time_by_estimate"]["p50"], &facts["estimate_s"]["max"]),
        (&0.5.into(), &120.0.into())
    );
    assert_eq!(seatrial_in(&folder, &arguments).0, 0);
    assert_eq!(fs::read(folder.join("a.swf")).ok(), Some(first), "the same options give the same bytes");
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 1, "nothing unfinished is left");

    let scenario = ["trace", "generate", "scenarios/overloaded-queue.yaml"];
    let (code, out, err) = seatrial(&scenario);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("\nordinary-1,") && out.contains("\nurgent-1,"), "both generators");
    let other = seatrial(&[&scenario[..], &["--seed", "9"]].concat()).1;
    assert_ne!(out, other);
    for wrong in
        [&["--jobs", "3", "--cpu", "1q"][..], &[], &["--jobs", "1", "--sample", "x"], &["--set", "a=b"]]
    {
        assert_eq!(seatrial(&[&["trace", "generate"], wrong].concat()).0, 2, "{wrong:?}");
    }
}

#[test]
fn results_are_verified_and_tampering_is_found() {
    let folder = scratch("verify");
    let scenario = root().join("scenarios/first-steps.yaml");
    let text = fs::read_to_string(&scenario)
        .expect("it is checked in")
        .replace("manifests/web.yaml", &root().join("scenarios/manifests/web.yaml").to_string_lossy());
    fs::write(folder.join("s.yaml"), &text).expect("it can be written");
    let arguments = ["run", "s.yaml", "--quiet", "--outputs", "csv,json", "--out", "results"];
    assert_eq!(seatrial_in(&folder, &arguments).0, 0);
    let verify = |target: &str| seatrial_in(&folder, &["verify", target]);
    let (code, out, err) = verify("results");
    assert!(code == 0 && out.starts_with("results: ok ") && err.is_empty(), "{out}{err}");

    let summary = folder.join("results/summary.json");
    let good = fs::read_to_string(&summary).expect("it was written");
    let digest = out.trim().rsplit(' ').next().expect("it ends with the digest").to_owned();
    fs::write(&summary, good.replace(&digest, &"0".repeat(64))).expect("it can be written");
    let (code, out, _) = verify("results");
    assert!(code == 1 && out.contains("differs") && out.contains(&digest), "{out}");

    fs::write(&summary, good).expect("it can be written");
    fs::write(folder.join("results/pods.csv"), "tampered").expect("it can be written");
    let (code, out, _) = verify("results");
    assert!(code == 1 && out.contains("changed: results/pods.csv"), "{out}");

    fs::write(folder.join("s.yaml"), text + "# changed\n").expect("it can be written");
    let (code, out, _) = seatrial_in(&folder, &["verify", "--format", "json", "results"]);
    let all: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &all[0]["changed"]), (1, &serde_json::json!(["results/pods.csv", "s.yaml"])));
}

#[test]
fn digests_of_scenarios_are_recorded_and_compared() {
    let folder = scratch("digests");
    let scenario = "apiVersion: seatrial/v1\ncluster: {pools: [{name: p, count: 2, capacity: {cpu: 4, memory: 8Gi}}]}\n\
                    workload: {generators: [{name: g, arrivals: {every: 10s}, count: 20, runTime: 1m, cpu: 1}]}\n";
    fs::write(folder.join("s.yaml"), scenario).expect("it can be written");
    let verify = |extra: &[&str]| seatrial_in(&folder, &[&["verify"], extra].concat());
    assert!(verify(&["s.yaml"]).1.starts_with("s.yaml: ok "), "without a record it is run twice");
    assert_eq!(verify(&["--update", "."]).0, 0);
    let recorded = fs::read_to_string(folder.join("digests.txt")).expect("it was written");
    assert!(recorded.ends_with("  s.yaml\n") && recorded.lines().count() == 1, "{recorded}");
    assert_eq!(verify(&["."]).0, 0);
    fs::write(folder.join("s.yaml"), scenario.replace("1m", "2m")).expect("it can be written");
    let (code, out, _) = verify(&["s.yaml"]);
    assert!(code == 1 && out.contains("differs"), "{out}");
    assert_eq!(verify(&["digests.txt"]).0, 2);
    assert_eq!(verify(&["gone"]).0, 2);
}

#[test]
fn runs_are_the_same_for_any_number_of_threads() {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("scenarios"))
        .expect("they are checked in")
        .map(|entry| entry.expect("it is readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    let named: Vec<String> = files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let digests = |threads: &str| -> Vec<serde_json::Value> {
        let folder = scratch(&format!("threads-{threads}"));
        let mut arguments = vec!["run"];
        arguments.extend(named.iter().map(String::as_str));
        arguments.extend(["--threads", threads, "--outputs", "csv,json", "--format", "json"]);
        let (code, out, err) = seatrial_in(&folder, &arguments);
        assert_eq!(code, 0, "{err}");
        let runs: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let runs = runs.as_array().expect("several runs are a list");
        runs.iter().map(|run| run["digest"].clone()).collect()
    };
    let first = digests("1");
    assert!(first.len() == files.len() && first.iter().all(serde_json::Value::is_string));
    assert_eq!(first, digests("2"));
}

#[test]
fn random_cases_pass() {
    let (code, out, err) = seatrial(&["fuzz", "--count", "20"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("20 of 20 cases from seed 1 passed"), "{out}");
    let (code, out, err) = seatrial(&["fuzz", "--kind", "fleet", "--count", "20", "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let told: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!((&told["passed"], &told["injected"]["API server outages"]), (&20.into(), &().into()));
    assert!(told["injected"]["jobs rejected"].as_u64().is_some_and(|count| count > 0), "{out}");
    assert_eq!(seatrial(&["fuzz", "--kind", "nomad"]).0, 2);
    assert_eq!(seatrial(&["fuzz", "--count", "0"]).0, 2);
}
