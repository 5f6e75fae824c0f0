//! The arguments of `compare`, with their help.

use crate::base::Span;
use crate::cli::args::{Format, InputArguments, Output};
use crate::scenario::schema::OutputKind;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
The files are one scenario that is varied, several scenarios with one workload,
or a study (`kind: Study`) that lists its variants. Every variant is run with
the same seeds, so that differences are of pairs. One replay of each has
differences and no interval; with `--replications` there is Student's interval
for the mean of the differences.

Examples:
  seatrial compare scenarios/batch-day.yaml \\
      --vary controlPlane.batch.backfill=none,easy
  seatrial compare scenarios/batch-day.yaml scenarios/backfilling.yaml
  seatrial compare scenarios/batch-day.yaml --replications 10 --shake 30s \\
      --variant 'fcfs:' --variant 'sjf: controlPlane.batch.order=sjf'
  seatrial compare scenarios/batch-day.yaml --replications 10 --resample 1d \\
      --vary controlPlane.batch.backfill=none,easy
  seatrial compare scenarios/studies/queue-policies.yaml
  seatrial compare scenarios/packing.yaml --metrics wait_mean_s,nodes_mean \\
      --vary 'cluster.pools[0].count=8,10,12' --baseline count=10

Exit codes:
  0    done
  2    a scenario or the use of the command is wrong; different workloads
  3    reading or writing failed, or there is a bug
  130  interrupted: no results are left";

/// Arguments of `compare`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CompareArguments {
    /// What is run.
    #[command(flatten)]
    pub input: InputArguments,
    /// A key of the scenario and the values that it takes; with several keys every combination
    #[arg(long, value_name = "PATH=VALUE,VALUE")]
    pub vary: Vec<String>,
    /// A variant with its settings; more settings stand behind `;`
    #[arg(long, value_name = "NAME: PATH=VALUE")]
    pub variant: Vec<String>,
    /// The variant that the others are compared with; the first where it is not given
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
    /// How often each variant is run, with seeds that count up from the first; 1 where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub replications: Option<u64>,
    /// Shift each submit time of the traces by a draw of its own, up to this much in either direction;
    /// short for `--set workload.shake=TIME`
    #[arg(long, value_name = "TIME")]
    pub shake: Option<Span>,
    /// Draw the users of the traces anew, each with all of their jobs, moved by a whole number of these
    /// periods, such as `7d`, within the trace; short for `--set workload.resample=TIME`
    #[arg(long, value_name = "TIME")]
    pub resample: Option<Span>,
    /// The level of the intervals, such as 0.99; 0.95 where it is not given
    #[arg(long, value_name = "LEVEL")]
    pub confidence: Option<f64>,
    /// The metrics that are shown, with commas between; `all` for every one
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub metrics: Option<Vec<String>>,
    /// How many jobs that gained and lost most are told of
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub top: u16,
    /// The folder of the results; `results/<name>-compare` where it is not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// What is written: `csv`, `json`, `charts`, `report`, with commas between; `none` for nothing
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub outputs: Option<Vec<Output>>,
    /// How the comparison is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Show no progress
    #[arg(long)]
    pub no_progress: bool,
    /// How many runs there are at a time; one on each core where it is not given. Results are the
    /// same for any number
    #[arg(long, visible_alias = "jobs", short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

impl CompareArguments {
    /// What is written.
    pub fn kinds(&self) -> Vec<OutputKind> {
        let all = [Output::Csv, Output::Json, Output::Charts, Output::Report];
        Output::kinds(self.outputs.as_deref().unwrap_or(&all))
    }
}
