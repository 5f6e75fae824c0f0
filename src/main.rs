//! The command `seatrial`.

fn main() {}
