//! A folder for each input, and the binary run in it with an end to its patience.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// What no input here may take; most take a hundredth of a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder that is removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bad-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder can be made");
        Scratch(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file; a name that ends with `/` is a folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).expect("a folder can be made");
        } else {
            fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder can be made");
            fs::write(path, bytes).expect("a file can be written");
        }
    }

    /// Everything in the folder, sorted.
    pub(crate) fn listing(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
                names.push(entry.path().to_string_lossy().into_owned());
            }
        }
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts the binary in the folder.
pub(crate) fn start(scratch: &Scratch, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_seatrial"))
        .args(arguments)
        .current_dir(&scratch.0)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Waits for the end; a process that does not come to one is killed, and the test fails.
pub(crate) fn finish(child: Child) -> Output {
    let id = child.id().to_string();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        scope.spawn(move || sender.send(child.wait_with_output()));
        let ended = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            panic!("the process does not come to an end")
        });
        ended.expect("the process can be waited for")
    })
}

/// Runs the binary in the folder with `input` as its standard input.
pub(crate) fn seatrial(scratch: &Scratch, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = start(scratch, arguments);
    let mut stdin = child.stdin.take().expect("it was asked for");
    std::thread::scope(|scope| {
        // A command that does not read its input closes it.
        scope.spawn(move || stdin.write_all(input));
        finish(child)
    })
}
