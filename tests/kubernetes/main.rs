//! Runs against what a real Kubernetes 1.36.2 control plane was seen to do: the constants of node
//! failures over several seeds, and whole recordings.

#![expect(clippy::print_stdout, reason = "tests show what they have measured")]

mod failover;
mod recorder;
