//! Broken inputs through the binary: each ends with exit code 2 and a message that says where and
//! what, without a panic, in bounded time, and without leaving anything behind.

mod arguments;
mod bytes;
mod interrupts;
mod manifests;
mod scenarios;
mod scratch;
mod tables;

use scratch::{Scratch, seatrial};

/// A small pool for runs of manifests.
const POOL: &str = "--pool 2x4cpu,8Gi";

/// A scenario with two nodes, which tests put more lines behind.
const HEAD: &str = "\
apiVersion: seatrial/v1
cluster:
  pools:
    - {name: w, count: 2, capacity: {cpu: 4, memory: 8Gi}, zones: [a, b]}
";

/// An input and what is said of it.
struct Bad<'t> {
    /// The files, by name.
    files: &'t [(&'t str, &'t [u8])],
    /// The arguments, with blanks between.
    arguments: &'t str,
    /// Standard input.
    stdin: &'t [u8],
    /// `file:line:column` or `file`.
    place: &'t str,
    /// A part of the message.
    message: &'t str,
}

impl Bad<'_> {
    /// Runs the binary on it and holds what it says against what was expected.
    fn check(&self) {
        let scratch = Scratch::new();
        for (name, bytes) in self.files {
            scratch.write(name, bytes);
        }
        let before = scratch.listing();
        let mut arguments: Vec<&str> = self.arguments.split_whitespace().collect();
        if arguments[0] == "run" && !self.arguments.contains("--out") {
            arguments.extend(["--out", "out"]);
        }
        let output = seatrial(&scratch, &arguments, self.stdin);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let told = format!("{} of {:?}\n{stderr}", self.arguments, self.files.first().map(|(name, _)| *name));
        assert_eq!(output.status.code(), Some(2), "exit code; {told}");
        assert!(!stderr.contains("panicked"), "{told}");
        assert_eq!(stdout, "", "partial output; {told}");
        assert!(stderr.contains(&format!("--> {}\n", self.place)), "place {}; {told}", self.place);
        assert!(stderr.contains(self.message), "message {}; {told}", self.message);
        assert!(stderr.len() < 30_000, "the message is too long: {} bytes", stderr.len());
        assert_eq!(scratch.listing(), before, "something is left; {told}");
    }
}

/// A scenario file `s.yaml` that is [`HEAD`] with `lines` behind, and another file.
fn scenario(lines: &str, other: (&str, &[u8]), place: &str, message: &str) {
    let text = format!("{HEAD}{lines}\n");
    let files = [("s.yaml", text.as_bytes()), other];
    Bad { files: &files, arguments: "run s.yaml", stdin: b"", place, message }.check();
}

/// A file that is run by itself.
fn alone(name: &str, bytes: &[u8], place: &str, message: &str) {
    let arguments = format!("run {name}");
    Bad { files: &[(name, bytes)], arguments: &arguments, stdin: b"", place, message }.check();
}

/// A file that is run on the pool, whatever it is.
fn file(name: &str, bytes: &[u8], place: &str, message: &str) {
    let arguments = format!("run {name} {POOL}");
    Bad { files: &[(name, bytes)], arguments: &arguments, stdin: b"", place, message }.check();
}
