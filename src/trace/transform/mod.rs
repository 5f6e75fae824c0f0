//! Changes of workloads as pure functions and as readers over readers: scaling, cutting, shaking,
//! resampling, mixing.
//!
//! Every change is determined by its options and a seed. Where an algorithm needs no more than a look
//! at the rows around, it is a [`Reader`](super::Reader) in bounded memory. What is read, written or
//! printed is not known here.

mod factor;
mod ledger;
mod mix;
mod resample;
mod scale;
mod shake;
mod slice;

use super::Row;

pub use factor::Factor;
pub use mix::{Mixed, Numbers, Part, Sampled};
pub use resample::{Resample, Resampled, resample};
pub use scale::{Scale, Scaled};
pub use shake::{Shake, ShakeUnit, Shaken, Shaker, Shift, shake};
pub use slice::{Slice, Sliced};

/// The reasons for which a change drops or alters rows beyond what it was asked for.
pub mod reason {
    /// Repaired: the time that a change gives lies before the trace's time 0.
    pub const BEFORE_START: &str = "moved before the trace's time 0, taken as 0";
    /// Repaired: what was recorded is not true of the changed trace.
    pub const RECORDED_WAIT: &str = "recorded wait left out: it belongs to the trace as it was";
    /// Repaired: a scaled size is above the machine's.
    pub const SIZE_CUT: &str = "scaled size cut to the processors of the machine";
    /// Repaired: a job waits for one that is not there any more.
    pub const LOST_DEPENDENCY: &str = "a job to wait for is not in the result: the dependency is left out";
    /// Dropped: submitted outside of the window.
    pub const OUTSIDE_WINDOW: &str = "outside of the time window";
    /// Dropped: not among the rows that were asked for.
    pub const OUTSIDE_ROWS: &str = "outside of the range of rows";
    /// Dropped: of a user that was not asked for.
    pub const OTHER_USER: &str = "another user";
    /// Dropped: of a group that was not asked for.
    pub const OTHER_GROUP: &str = "another group";
    /// Dropped: in a queue that was not asked for.
    pub const OTHER_QUEUE: &str = "another queue";
    /// Dropped: in a partition that was not asked for.
    pub const OTHER_PARTITION: &str = "another partition";
    /// Dropped: of a size that was not asked for.
    pub const OTHER_SIZE: &str = "another size";
    /// Dropped: of a run time that was not asked for, or without one.
    pub const OTHER_RUN_TIME: &str = "another run time";
    /// Dropped: not among the drawn ones.
    pub const NOT_DRAWN: &str = "not drawn (weight below 1)";
}

/// Gives the jobs that a row waits for their new numbers; whether some of them have none.
fn follow(row: &mut Row, mut new: impl FnMut(i64) -> Option<i64>) -> bool {
    let before = row.after.len() + usize::from(row.preceding != -1);
    if row.preceding != -1 {
        row.preceding = new(row.preceding).unwrap_or(-1);
        row.think_time = row.think_time.filter(|_| row.preceding != -1);
    }
    row.after = std::mem::take(&mut row.after).into_iter().filter_map(new).collect();
    row.after.len() + usize::from(row.preceding != -1) < before
}
