//! What a run of a batch machine is made of. The scenario layer fills it in.

use super::setup::StopRule;
use crate::base::{Diagnostic, Span, Time};

/// A run of a batch machine: equal processors and a queue of rigid jobs.
pub struct BatchSetup {
    /// The seed of every random stream.
    pub seed: u64,
    /// How many processors there are, at least 1.
    pub processors: u32,
    /// In which order queued jobs start.
    pub policy: BatchPolicy,
    /// Streams of jobs, each sorted by time.
    pub sources: Vec<Box<dyn JobSource>>,
    /// When the run ends.
    pub stop: StopRule,
    /// Whether to check every invariant after every instant. Slow.
    pub check_invariants: bool,
}

/// In which order queued jobs start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BatchPolicy {
    /// First come, first served: a job that does not fit holds back all behind it.
    #[default]
    Fcfs,
}

/// A stream of jobs in order of time.
pub trait JobSource: Send {
    /// The next job; `Ok(None)` at the end. Times never decrease. An error ends the run.
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic>;
}

/// A job that needs its processors all at once, from its start to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchJob {
    /// When it is submitted.
    pub at: Time,
    /// Its number in the trace.
    pub number: u64,
    /// How many processors it needs, from 1 to those of the machine.
    pub processors: u32,
    /// How long it runs.
    pub run_time: Span,
    /// The user's estimate of the run time.
    pub estimate: Option<Span>,
    /// Whether it ends with an error or is cancelled, as the trace says.
    pub fails: bool,
    /// The user, where the trace gives one; -1 otherwise.
    pub user: i32,
}
