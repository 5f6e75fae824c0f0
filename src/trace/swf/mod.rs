//! The Standard Workload Format, version 2.2, of the Parallel Workloads Archive.
//!
//! Source: <https://www.cs.huji.ac.il/labs/parallel/workload/swf.html>. Also read: files without a
//! header, fractions of seconds, tabs, the two dialects of the Alea simulator where their first 18
//! fields mean the same, and that of the Slurm simulator. Sorting and killing at the estimate are the consumer's.

mod header;
mod line;
mod reader;
mod slurm;
mod write;

pub use reader::SwfReader;
pub(super) use write::{memory_unit, seconds};
pub use write::{write_header, write_row};

/// Which of the two numbers of processors counts, where both are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Processors {
    /// Field 5, else field 8.
    Allocated,
    /// Field 8, else field 5.
    #[default]
    Requested,
    /// The larger of the two.
    Max,
}

impl Processors {
    /// The number of processors under this choice; not positive if neither is known.
    pub fn of(self, allocated: i64, requested: i64) -> i64 {
        match self {
            Processors::Allocated if allocated > 0 => allocated,
            Processors::Requested if requested > 0 => requested,
            Processors::Allocated => requested,
            Processors::Requested => allocated,
            Processors::Max => allocated.max(requested),
        }
    }
}

/// What stands for a job that ran in parts (statuses 2 to 4 beside a summary line of 0, 1 or 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Partials {
    /// The summary line; the parts are dropped.
    #[default]
    Summary,
    /// The parts, each as a row of its own; the summary line is dropped.
    Parts,
}

/// The named choices of a replay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SwfOptions {
    /// Which number of processors counts.
    pub processors: Processors,
    /// What stands for a job that ran in parts.
    pub partials: Partials,
    /// Whether jobs with a run time of 0 (less than half a second) that did start are used; they are
    /// dropped otherwise, as the published results do.
    pub keep_zero_run: bool,
    /// The processors of the machine, in place of the header's `MaxProcs`; jobs that need more are
    /// dropped.
    pub max_processors: Option<u32>,
}

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: failed or cancelled without having run.
    pub const NEVER_STARTED: &str = "never started";
    /// Dropped: the run time is unknown though the status says that the job ran.
    pub const RUN_TIME_UNKNOWN: &str = "run time unknown";
    /// Dropped unless `keep_zero_run`.
    pub const ZERO_RUN_TIME: &str = "run time 0";
    /// Dropped: neither allocated nor requested processors are known.
    pub const NO_PROCESSORS: &str = "no number of processors";
    /// Dropped: more processors than the machine has.
    pub const TOO_MANY_PROCESSORS: &str = "more processors than the machine has";
    /// Dropped: a part of a job whose summary line stands for it.
    pub const PARTIAL_EXECUTION: &str = "partial execution (the summary line counts)";
    /// Dropped: the summary line of a job whose parts stand for it.
    pub const SUMMARY_LINE: &str = "summary line (the partial executions count)";
    /// Repaired: the submit time is negative, time 0 is used.
    pub const SUBMIT_BEFORE_START: &str = "submit before the log's start, taken as 0";
    /// Repaired: the status is none that the format has, -1 (unknown) is used.
    pub const UNKNOWN_STATUS: &str = "status not defined, taken as unknown";
    /// Repaired: a part without a submit time of its own is submitted when the part before it ended.
    pub const PART_WITHOUT_SUBMIT: &str =
        "partial execution without a submit time, taken as the end of the last";
    /// Repaired: what the dialects of Alea and of the Slurm simulator write into the memory field has
    /// another meaning.
    pub const ALEA_MEMORY: &str = "memory field of the dialect not used";
}
