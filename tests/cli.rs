//! The command line as a user meets it: what is printed, and the exit code.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs the binary in the folder of the package, with `input` as its standard input.
fn seatrial(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_seatrial"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // A command that does not read its input closes it.
    let _ = child.stdin.take().expect("it was asked for").write_all(input.as_bytes());
    child.wait_with_output().expect("the binary ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

#[test]
fn a_good_scenario_is_checked() {
    let output = seatrial(&["check", "scenarios/first-steps.yaml"], "");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        text(&output.stdout),
        "scenarios/first-steps.yaml: ok\n  12 nodes in 2 pools; 0 bound pods, 1 objects, 0 streams of pods; 0 faults, 0 actions\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn several_scenarios_are_checked_one_by_one() {
    let files = ["check", "--quiet", "scenarios/packing.yaml", "scenarios/batch-day.yaml"];
    let output = seatrial(&files, "");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn a_bad_override_is_exit_code_2() {
    let output = seatrial(&["check", "scenarios/first-steps.yaml", "--set", "cluster.pools[0].cuont=3"], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "error: unknown key: `cuont`\n--> --set\n = help: did you mean `count`?\n\n1 error\n"
    );
}

#[test]
fn findings_as_json() {
    let output = seatrial(
        &["check", "--format", "json", "tests/fixtures/never-matches.yaml", "--pool", "1x1cpu,1Gi"],
        "",
    );
    assert_eq!(output.status.code(), Some(2));
    let reports: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = &reports[0]["findings"][0];
    assert_eq!(finding["file"], "tests/fixtures/never-matches.yaml");
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["found"], "disk=nvme");
}

#[test]
fn manifests_come_through_a_pipe() {
    let manifest = std::fs::read_to_string("scenarios/manifests/services.yaml").expect("it is checked in");
    let output = seatrial(&["check", "-", "--pool", "3x8cpu,32Gi"], &manifest);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("3 nodes in 1 pools; 0 bound pods, 2 objects"));
}

#[test]
fn no_input_is_read_for_ever_or_with_a_panic() {
    for input in
        ["", "\0", "\u{feff}", "{", "- - - -", "apiVersion: seatrial/v1\ncluster: &a {pools: [*a]}\n"]
    {
        let output = seatrial(&["check", "-"], input);
        assert_eq!(output.status.code(), Some(2), "{input:?}: {}", text(&output.stderr));
    }
    let long = format!("apiVersion: seatrial/v1\nname: {}\n", "x".repeat(2 << 20));
    let output = seatrial(&["check", "-"], &long);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.len() < 2_000, "a long line is not repeated");
}

#[test]
fn wrong_use_is_exit_code_2_and_help_is_0() {
    assert_eq!(seatrial(&[], "").status.code(), Some(2));
    assert_eq!(seatrial(&["rnu"], "").status.code(), Some(2));
    assert_eq!(seatrial(&["check"], "").status.code(), Some(2));
    assert_eq!(seatrial(&["check", "gone.yaml"], "").status.code(), Some(2));
    for command in [
        "",
        "run",
        "check",
        "schedule",
        "explain",
        "schema",
        "trace",
        "trace info",
        "trace head",
        "trace replay",
        "trace generate",
        "trace convert",
        "trace scale",
        "trace slice",
        "trace shake",
        "trace mix",
        "verify",
        "completions",
        "conformance",
        "conformance scheduler",
        "conformance controllers",
        "conformance timeline",
        "fuzz",
        "grade",
    ] {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = seatrial(&words, "");
        assert_eq!(output.status.code(), Some(0));
        let help = text(&output.stdout);
        assert!(help.contains("Example") || ["trace", "conformance"].contains(&command), "{command}");
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{command}");
    }
}

#[test]
fn the_schema_is_printed_and_completions_too() {
    let checked_in = std::fs::read_to_string("scenarios/scenario.schema.json").expect("it is checked in");
    assert!(text(&seatrial(&["schema"], "").stdout) == checked_in);
    assert!(text(&seatrial(&["completions", "bash"], "").stdout).contains("_seatrial"));
}
