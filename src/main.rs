//! The command `seatrial`.

use std::process::ExitCode;

fn main() -> ExitCode {
    seatrial::cli::main()
}
