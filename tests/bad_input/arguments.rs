//! Arguments that are wrong, and outputs that cannot be written.

use super::scratch::{Scratch, seatrial};
use super::{Bad, HEAD, POOL};
use std::fs;

const SERVICE: &[u8] =
    b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n";

fn arguments(arguments: &str, place: &str, message: &str) {
    let files: [(&str, &[u8]); 4] = [
        ("s.yaml", HEAD.as_bytes()),
        ("other/s.yaml", HEAD.as_bytes()),
        ("m.yaml", SERVICE),
        ("photos/a.jpg", b"x"),
    ];
    Bad { files: &files, arguments, stdin: b"", place, message }.check();
}

#[test]
fn overrides() {
    for (set, message) in [
        ("cluster.pools[0].cuont=3", "did you mean `count`?"),
        ("cluster.pools[9].count=3", "so there is no [9]"),
        ("cluster.pools[99999999999999999999].count=3", "is not a position in a list"),
        ("cluster.pools[0.count=3", "a `[` has no `]`"),
        ("run..seed=3", "the path has an empty part"),
        ("=3", "the path has an empty part"),
        ("run.seed", "there is no `=`"),
        ("run.seed.x=3", "expected a single value"),
        ("run.seed=[1", "not valid YAML"),
        ("run.seed=many", "expected a whole number"),
        ("run.until=300", "a duration needs a unit"),
    ] {
        arguments(&format!("run s.yaml --set {set}"), "--set", message);
    }
}

#[test]
fn pools() {
    for (pool, message) in [
        ("4cpu,8Gi", "there is no number of machines"),
        ("2x4cpu", "there is no memory"),
        ("2x4,8Gi", "there are no cores"),
        ("2x4cpu,8Gi,gpu", "not `resource=amount`"),
        ("2x4cpu,8Gi,zones=", "a zone has no name"),
        ("2x4cpu,8Gi,gpu=4", "did you mean `cpu`?"),
        ("1e30x4cpu,8Gi", "expected a whole number"),
        ("2x4cpu,8Gx", "not a quantity"),
    ] {
        arguments(&format!("run m.yaml --pool {pool}"), "--pool", message);
    }
    arguments(
        &format!("run m.yaml {POOL} --pool pool=1x1cpu,1Gi"),
        "--pool",
        "a pool of this name exists already",
    );
    arguments("run m.yaml --pool 0x4cpu,8Gi", "<arguments>", "such as `--pool 5x8cpu,32Gi`");
    arguments("run m.yaml", "<arguments>", "such as `--pool 5x8cpu,32Gi`");
    arguments(&format!("run s.yaml {POOL}"), "<arguments>", "not a scenario");
}

#[test]
fn files_and_folders() {
    arguments("run gone.yaml", "gone.yaml", "no such file");
    arguments("run s.yaml m.yaml", "<arguments>", "a scenario is run alone");
    arguments(&format!("run - - {POOL}"), "<arguments>", "standard input is named twice");
    arguments(&format!("run - --nodes - {POOL}"), "<arguments>", "standard input is named twice");
    arguments("run s.yaml other/s.yaml --out out", "--out", "one folder is named for several runs");
    arguments("run s.yaml --out photos", "photos", "holds no results of seatrial");
    arguments("run s.yaml --out m.yaml", "m.yaml", "is there already and is no folder");
    arguments("run s.yaml --out .", ".", "holds no results of seatrial");
}

#[test]
fn two_runs_of_one_name_do_not_overwrite_each_other() {
    let scratch = Scratch::new();
    scratch.write("s.yaml", HEAD.as_bytes());
    scratch.write("other/s.yaml", HEAD.as_bytes());
    for other in ["other/s.yaml", "s.yaml"] {
        let output = seatrial(&scratch, &["run", "s.yaml", other], b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("two runs would write the same results folder"), "{stderr}");
        assert!(!scratch.path("results").exists());
    }
    let output = seatrial(&scratch, &["run", "s.yaml", "other/s.yaml", "--outputs", "none"], b"");
    assert_eq!(output.status.code(), Some(0), "nothing is written");
}

#[test]
fn one_bad_scenario_does_not_keep_the_others() {
    let scratch = Scratch::new();
    scratch.write("s.yaml", HEAD.as_bytes());
    let output = seatrial(&scratch, &["run", "s.yaml", "gone.yaml", "--outputs", "json"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--> gone.yaml\n"));
    assert!(scratch.path("results/s/summary.json").exists());
    assert!(!scratch.path("results/gone").exists());
}

#[test]
fn a_pipe_is_read_once() {
    let scratch = Scratch::new();
    let output = seatrial(&scratch, &["run", "-", "--pool", "2x4cpu,8Gi", "--outputs", "none"], SERVICE);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Of 1 pods"));
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    /// What a shell makes of it, with the binary as `$1`.
    fn shell(scratch: &Scratch, script: &str) -> std::process::Output {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_seatrial")]).current_dir(scratch.path(""));
        command.env("NO_COLOR", "1").output().expect("there is a shell")
    }

    #[test]
    fn named_pipes_closed_pipes_and_full_disks() {
        let scratch = Scratch::new();
        scratch.write("s.yaml", HEAD.as_bytes());
        scratch.write("m.yaml", SERVICE);
        let fifo = "mkfifo f && (cat m.yaml > f &) && \"$1\" run f --pool 2x4cpu,8Gi --outputs none";
        let output = shell(&scratch, fifo);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Of 1 pods"));
        let closed = shell(&scratch, "{ \"$1\" run s.yaml --outputs none; echo $? >&2; } | true");
        assert_eq!(String::from_utf8_lossy(&closed.stderr), "0\n");
        if fs::exists("/dev/full").unwrap_or(false) {
            let full = shell(&scratch, "\"$1\" run s.yaml --outputs none > /dev/full");
            assert_eq!(full.status.code(), Some(3));
            assert!(String::from_utf8_lossy(&full.stderr).contains("cannot write to standard output"));
        }
    }

    #[test]
    fn names_that_are_no_text() {
        let scratch = Scratch::new();
        let name = OsStr::from_bytes(b"caf\xe9.yaml");
        // Some file systems take no such name.
        if fs::write(scratch.path("").join(name), SERVICE).is_err() {
            return;
        }
        let output = seatrial(&scratch, &["run", ".", "--pool", "2x4cpu,8Gi", "--outputs", "none"], b"");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
        let output = command.arg("run").arg(scratch.path("").join(name)).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("invalid UTF-8"));
    }

    #[test]
    fn a_folder_that_cannot_be_used() {
        let scratch = Scratch::new();
        scratch.write("s.yaml", HEAD.as_bytes());
        scratch.write("locked/m.yaml", SERVICE);
        let below = seatrial(&scratch, &["run", "s.yaml", "--out", "s.yaml/run"], b"");
        assert_eq!(below.status.code(), Some(3), "the folder above is a file");
        let allow = |mode| fs::set_permissions(scratch.path("locked"), fs::Permissions::from_mode(mode));
        allow(0o500).expect("permissions can be set");
        // The superuser may write everywhere.
        if fs::write(scratch.path("locked/probe"), "").is_err() {
            let output = seatrial(&scratch, &["run", "s.yaml", "--out", "locked/run"], b"");
            assert_eq!(output.status.code(), Some(3), "reading it is all that is allowed");
            allow(0o000).expect("permissions can be set");
            let output = seatrial(&scratch, &["run", "locked", "--pool", "2x4cpu,8Gi"], b"");
            assert_eq!(output.status.code(), Some(2));
            assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be read"));
        }
        allow(0o700).expect("permissions can be set");
    }
}
