//! Google's cluster trace of 2011 (ClusterData2011_2, format v2.1): events of machines, jobs and tasks.
//!
//! Source: <https://github.com/google/cluster-data>, `ClusterData2011_2.md` and its `schema.csv`. Times are
//! microseconds with the trace's beginning at 600 s; what happened before has the time 0. Sizes are parts of
//! the largest machine (an option says how large that is taken to be).

mod events;
mod machines;
mod reader;
mod replay;

pub use machines::read_machines;
pub(super) use reader::reader;
pub use replay::{Replay, Sample, Sum, replay};

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: an event of a task that was not submitted here and does not start here.
    pub const UNKNOWN: &str = "ends without having been submitted in the trace";
    /// Dropped: the attempt ended while it waited.
    pub const NEVER_SCHEDULED: &str = "ended before it was scheduled";
    /// Dropped: the attempt waits when the trace ends.
    pub const PENDING: &str = "not scheduled when the trace ends";
    /// Dropped: submitted again while the attempt before is open, of which no end is known.
    pub const NO_END: &str = "submitted again without an end";
    /// Repaired: no end in the trace.
    pub const RUNS_ON: &str = "runs when the trace ends, runs for ever";
    /// Repaired: the submission is not in the trace.
    pub const NO_SUBMIT: &str = "not submitted in the trace, taken as submitted when scheduled";
    /// Repaired: the request is not in the trace.
    pub const NO_REQUEST: &str = "no request, none taken";
    /// Repaired: the tasks of a job must be on different machines.
    pub const DIFFERENT_MACHINES: &str = "restriction to different machines not kept";
    /// Dropped (machines): an event after the start.
    pub const LATER: &str = "events of machines after the start are not replayed";
    /// Dropped (machines): no capacity.
    pub const NO_CAPACITY: &str = "no capacity";
}
