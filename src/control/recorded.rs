//! Answers of the real Kubernetes code for the tests of this layer: one JSON case a line, gzip'd.
//!
//! They lie outside the repository; the environment variable `SEATRIAL_DATA` names the folder.
//! Without it the tests that need them say so and do nothing.

use serde_json::Value;
use std::io::Read as _;
use std::path::Path;

/// The cases of a file below the folder `conformance`; `None` if there is no such data here.
#[expect(clippy::disallowed_methods, reason = "the place of the test data is an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says that it was skipped")]
pub(crate) fn cases(file: &str) -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("SEATRIAL_DATA") else {
        eprintln!("skipped: {file} (SEATRIAL_DATA is not set)");
        return None;
    };
    let path = Path::new(&folder).join("conformance").join(file);
    let packed = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("the file is gzip'd UTF-8");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("each line is a case")).collect())
}

/// Prints how many cases agree.
#[expect(clippy::print_stderr, reason = "agreement counts are what the test is run for")]
pub(crate) fn report(file: &str, agreed: usize, total: usize, left_out: usize) {
    eprintln!("\n{file}: {agreed} of {total} agree, {left_out} use what is not modelled");
}
