//! The arguments of the commands that make a trace of other traces.

use super::args::{SwfProcessors, TraceArguments, TraceFormat};
use crate::trace::Target;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const CONVERT_EXAMPLES: &str = "\
The output is whole or not there. What the format cannot hold is told on
standard error, with the number of rows that lose it. A trace from standard
input is kept in memory; a file is read twice.

Examples:
  seatrial trace convert traces/batch-day.swf --out day.csv
  seatrial trace convert traces/batch-day.swf --to batsim > day.json
  seatrial trace convert log.csv --out log.swf.gz --processors 512
  seatrial trace convert traces/gpu-pods.csv --to swf --cpu-as-processors

Exit codes:
  0    the trace is written
  2    the trace or the use of the command is wrong
  3    reading or writing failed, or there is a bug";

const SCALE_EXAMPLES: &str = "\
A factor of 0.5 halves: `--arrivals 0.5` halves the times between submissions,
which doubles the load. The first row stays where it is. Estimates are scaled
as run times are unless `--estimates` is given. Recorded waits are left out.

Examples:
  seatrial trace scale traces/batch-day.swf --load 0.9 --out busy.swf
  seatrial trace scale log.swf --arrivals 2 --run-times 0.5 --out calm.swf
  seatrial trace scale log.swf --sizes 0.25 --processors 32 --out small.swf";

const SLICE_EXAMPLES: &str = "\
A row stays if it meets every condition. Ranges are `4-64`, `4-`, `-64` or `4`,
both ends included; a window has its start but not its end.

Examples:
  seatrial trace slice log.swf --from 7d --until 14d --rebase --out week.swf
  seatrial trace slice log.swf --rows 1-1000 --out head.swf
  seatrial trace slice log.swf --user 3,17 --queue 2 --sizes 64- --out big.swf
  seatrial trace slice traces/pods-hour.csv --cpu 500m-4 --run-time 1m-";

const SHAKE_EXAMPLES: &str = "\
To each submit time a shift is added that is uniform on the whole multiples of
the resolution between -30 s and +30 s (`--by`), by job or by session: the jobs
of a user with pauses of at most `--gap` between the end of one and the
submission of the next. The same seed gives the same trace.

With `--resample` the users are drawn anew, with replacement; each drawn copy
is moved by a whole number of weeks, around the end of the trace to its start.
Then nothing is shaken unless `--by` is given.

Examples:
  seatrial trace shake traces/batch-day.swf --seed 7 --out shaken.swf
  seatrial trace shake log.swf --by 2m --unit session --out shaken.swf
  seatrial trace shake log.swf --resample --users 50 --out other.swf";

const MIX_EXAMPLES: &str = "\
Numbers of jobs, users and groups of later traces follow those of the earlier
ones; queues and partitions keep theirs. `--offset` and `--weight` have one
value for each trace. A trace may be named twice.

Examples:
  seatrial trace mix a.swf b.swf --out both.swf
  seatrial trace mix a.swf a.swf --offset 0s,12h --out double.swf
  seatrial trace mix a.swf b.swf --weight 1,0.25 --weight-by users --seed 3";

/// Formats of traces that can be written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetFormat {
    /// The Standard Workload Format
    Swf,
    /// seatrial's own table (CSV)
    Seatrial,
    /// Batsim's JSON workload
    Batsim,
}

impl TargetFormat {
    /// The same for the trace layer.
    pub fn target(self) -> Target {
        match self {
            TargetFormat::Swf => Target::Swf,
            TargetFormat::Seatrial => Target::Table,
            TargetFormat::Batsim => Target::Batsim,
        }
    }
}

/// Where a trace goes.
#[derive(Args, Clone, PartialEq, Debug, Default)]
#[command(next_help_heading = "What is written")]
pub struct OutArguments {
    /// The format; by the ending of `--out` where it is not given
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Option<TargetFormat>,
    /// The file, packed if its name ends with `.gz`; standard output where it is not given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `trace convert`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = CONVERT_EXAMPLES)]
pub struct ConvertArguments {
    /// The trace.
    #[command(flatten)]
    pub trace: TraceArguments,
    /// Rows without processors get as many as the cores that their tasks request, rounded up
    #[arg(long)]
    pub cpu_as_processors: bool,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArguments,
}

/// Arguments of `trace scale`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = SCALE_EXAMPLES)]
pub struct ScaleArguments {
    /// The trace.
    #[command(flatten)]
    pub trace: TraceArguments,
    /// The factor of times between submissions, and of think times
    #[arg(long, value_name = "FACTOR", conflicts_with = "load", allow_negative_numbers = true)]
    pub arrivals: Option<String>,
    /// The factor of run times
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub run_times: Option<String>,
    /// The factor of estimates; that of run times where it is not given
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub estimates: Option<String>,
    /// The factor of processors, CPU, memory and further resources; at least one of each is left
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub sizes: Option<String>,
    /// Scale times between submissions so that the offered load is this share of the machine, such as
    /// `0.9` or `90%`, after all else is scaled
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub load: Option<String>,
    /// Scaled times are multiples of this; `1s` for the Standard Workload Format, else `1ms`
    #[arg(long, value_name = "TIME")]
    pub resolution: Option<String>,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArguments,
}

/// Arguments of `trace slice`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = SLICE_EXAMPLES)]
pub struct SliceArguments {
    /// The trace.
    #[command(flatten)]
    pub trace: TraceArguments,
    /// Rows submitted at this time or later, such as `7d`, counted from the trace's time 0
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Rows submitted before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Used rows by their place, from 1, such as `1-1000`
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub rows: Option<String>,
    /// Users, with commas between; -1 for rows without one
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    pub user: Vec<i32>,
    /// Groups
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    pub group: Vec<i32>,
    /// Queues
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    pub queue: Vec<i32>,
    /// Partitions
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    pub partition: Vec<i32>,
    /// Processors of a job, such as `64-`
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub sizes: Option<String>,
    /// CPU request of a task, such as `500m-4`
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub cpu: Option<String>,
    /// Run time, such as `1m-2h`
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub run_time: Option<String>,
    /// The first row that stays is submitted at time 0
    #[arg(long)]
    pub rebase: bool,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArguments,
}

/// What is shaken as one.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShakenUnit {
    /// Every job by itself
    Job,
    /// The jobs of a user without a long pause between them
    Session,
}

/// Arguments of `trace shake`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = SHAKE_EXAMPLES)]
pub struct ShakeArguments {
    /// The trace.
    #[command(flatten)]
    pub trace: TraceArguments,
    /// The largest shift; `30s` where it is not given
    #[arg(long, value_name = "TIME")]
    pub by: Option<String>,
    /// What moves together
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = ShakenUnit::Job)]
    pub unit: ShakenUnit,
    /// The longest pause within a session; `20m` where it is not given
    #[arg(long, value_name = "TIME")]
    pub gap: Option<String>,
    /// Shifts are multiples of this; `1s` for the Standard Workload Format, else `1ms`
    #[arg(long, value_name = "TIME")]
    pub resolution: Option<String>,
    /// Draw the users anew, with replacement
    #[arg(long)]
    pub resample: bool,
    /// How many users are drawn; as many as there are where it is not given
    #[arg(long, value_name = "N", requires = "resample", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub users: Option<u32>,
    /// Drawn users are moved by multiples of this; `7d` where it is not given
    #[arg(long, value_name = "TIME", requires = "resample")]
    pub period: Option<String>,
    /// The seed of every random draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArguments,
}

/// What a weight draws.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DrawnUnit {
    /// Jobs, each by itself
    Jobs,
    /// Users with all of their jobs
    Users,
}

/// Arguments of `trace mix`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = MIX_EXAMPLES)]
pub struct MixArguments {
    /// The traces, plain or gzip'd
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Their format; found out by name and content where it is not given
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub trace_format: Option<TraceFormat>,
    /// Which number of processors counts in the Standard Workload Format
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = SwfProcessors::Requested)]
    pub swf_processors: SwfProcessors,
    /// Keep jobs of the Standard Workload Format that ran but took no time
    #[arg(long)]
    pub keep_zero_run: bool,
    /// Processors of the machine; jobs of the Standard Workload Format that need more are dropped. The
    /// largest of the headers where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub processors: Option<u32>,
    /// How much later each trace is, with commas between, such as `0s,12h`
    #[arg(long, value_name = "TIMES", value_delimiter = ',')]
    pub offset: Vec<String>,
    /// The share of each trace's rows that is kept, above 0 and at most 1, with commas between
    #[arg(long, value_name = "SHARES", value_delimiter = ',', allow_negative_numbers = true)]
    pub weight: Vec<String>,
    /// What weights below 1 draw
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = DrawnUnit::Jobs)]
    pub weight_by: DrawnUnit,
    /// The seed of every random draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Where it goes.
    #[command(flatten)]
    pub out: OutArguments,
}
