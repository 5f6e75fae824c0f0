//! The arguments of `fuzz`.

use super::args::Format;
use crate::sim::fuzz::Cases;
use clap::{Args, ValueEnum};

const FUZZ_EXAMPLES: &str = "\
Every case is drawn from its seed: machines, work of every kind, policies,
timing, failures; under Kubernetes roll-outs, evictions and failures of the
control plane, too. It is run twice; an independent checker follows every
record of it. In the end what went wrong is counted.

Examples:
  seatrial fuzz
  seatrial fuzz --seed 1 --count 1000
  seatrial fuzz --kind fleet --count 1000
  seatrial fuzz --seed 1234 --count 1

Exit codes:
  0    every case passed
  1    a case failed; the line that repeats it is printed
  2    the use of the command is wrong
  130  interrupted";

/// Arguments of `fuzz`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = FUZZ_EXAMPLES)]
pub struct FuzzArguments {
    /// What runs in the cases
    #[arg(long, value_enum, value_name = "KIND", default_value_t = FuzzKind::Kubernetes)]
    pub kind: FuzzKind,
    /// The seed of the first case; the others count up from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many cases
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub count: u64,
    /// How many cases run at a time; one on each core where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What runs in random cases.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FuzzKind {
    /// Kubernetes; one case in eight is batch jobs on equal processors
    #[default]
    Kubernetes,
    /// Batch jobs on nodes with several resources
    Fleet,
    /// Slurm
    Slurm,
    /// Docker Swarm
    Swarm,
    /// Apache Mesos
    Mesos,
}

impl FuzzKind {
    /// The cases that are meant.
    pub const fn cases(self) -> Cases {
        match self {
            FuzzKind::Kubernetes => Cases::Kubernetes,
            FuzzKind::Fleet => Cases::Fleet,
            FuzzKind::Slurm => Cases::Slurm,
            FuzzKind::Swarm => Cases::Swarm,
            FuzzKind::Mesos => Cases::Mesos,
        }
    }
}
