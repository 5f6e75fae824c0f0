//! Ctrl-C: exit code 130, a message, and no results of what was not finished.
#![cfg(target_os = "linux")]

use super::HEAD;
use super::scratch::{Scratch, finish, start};
use std::fs;
use std::process::{Child, Command, Output};

/// A run of a hundred days, with a job every ten milliseconds.
const LONG: &str = "\
workload:
  generators: [{name: g, arrivals: {rate: 100}, for: 100d, cpu: 10m, runTime: 1s}]
";

fn interrupt(child: Child) -> (Output, String) {
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.is_ok_and(|status| status.success()));
    let output = finish(child);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    (output, stderr)
}

/// Waits until something is so. The child must live for as long.
fn until(child: &mut Child, condition: impl Fn(u32) -> bool) {
    while !condition(child.id()) {
        assert!(child.try_wait().expect("the child can be asked").is_none(), "it has ended");
        std::thread::yield_now();
    }
}

#[test]
fn a_run_is_interrupted() {
    let scratch = Scratch::new();
    scratch.write("s.yaml", format!("{HEAD}{LONG}").as_bytes());
    let before = scratch.listing();
    let mut child = start(&scratch, &["run", "s.yaml", "--out", "out"]);
    until(&mut child, |_| scratch.path(".out.partial-0/pods.csv").exists());
    let (output, stderr) = interrupt(child);
    assert!(stderr.contains("no results are left of this run"), "{stderr}");
    assert_eq!(output.stdout, b"");
    assert_eq!(scratch.listing(), before);
}

#[test]
fn what_is_finished_is_kept() {
    let scratch = Scratch::new();
    scratch.write("short.yaml", HEAD.as_bytes());
    scratch.write("long.yaml", format!("{HEAD}{LONG}").as_bytes());
    let mut child =
        start(&scratch, &["run", "short.yaml", "long.yaml", "--outputs", "csv", "--threads", "2"]);
    until(&mut child, |_| {
        scratch.path("results/short").exists() && scratch.path("results/.long.partial-0/pods.csv").exists()
    });
    let (_, stderr) = interrupt(child);
    assert!(stderr.contains("interrupted"), "{stderr}");
    let left: Vec<_> = fs::read_dir(scratch.path("results")).expect("it is there").flatten().collect();
    assert_eq!(left.len(), 1, "only the finished run: {left:?}");
}

#[test]
fn a_silent_pipe_is_not_waited_for() {
    let scratch = Scratch::new();
    let mut child = start(&scratch, &["run", "-", "--pool", "2x4cpu,8Gi"]);
    // Bit 1 of the mask of caught signals is that of SIGINT (signal 2).
    until(&mut child, |id| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
        u64::from_str_radix(caught, 16).is_ok_and(|mask| mask & 2 != 0)
    });
    let stdin = child.stdin.take();
    let (_, stderr) = interrupt(child);
    assert!(stderr.contains("interrupted before the run began"), "{stderr}");
    drop(stdin);
}
