//! The states of a task (reference control-plane §6.2; swarmkit, api/types.proto).
//!
//! What is observed of a task only ever goes up this list; what is wanted of it is one of Ready,
//! Running, Complete, Shutdown and Remove.

/// A state of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum State {
    /// Made.
    #[default]
    New,
    /// Waits for a node.
    Pending,
    /// Has a node.
    Assigned,
    /// Its node has taken it on.
    Accepted,
    /// Its node fetches what it needs.
    Preparing,
    /// Could start.
    Ready,
    /// Its container is being started.
    Starting,
    /// Runs.
    Running,
    /// Has ended well.
    Complete,
    /// Was told to stop.
    Shutdown,
    /// Has ended badly.
    Failed,
    /// Its node would not have it.
    Rejected,
    /// Is to be forgotten; never observed.
    Remove,
    /// Its node has been away for too long.
    Orphaned,
}

impl State {
    /// Every state, in order.
    pub const ALL: [State; 14] = [
        State::New,
        State::Pending,
        State::Assigned,
        State::Accepted,
        State::Preparing,
        State::Ready,
        State::Starting,
        State::Running,
        State::Complete,
        State::Shutdown,
        State::Failed,
        State::Rejected,
        State::Remove,
        State::Orphaned,
    ];

    /// The number that swarmkit gives it.
    pub const fn number(self) -> u32 {
        match self {
            State::New => 0,
            State::Pending => 64,
            State::Assigned => 192,
            State::Accepted => 256,
            State::Preparing => 320,
            State::Ready => 384,
            State::Starting => 448,
            State::Running => 512,
            State::Complete => 576,
            State::Shutdown => 640,
            State::Failed => 704,
            State::Rejected => 768,
            State::Remove => 800,
            State::Orphaned => 832,
        }
    }

    /// The name, as `docker service ps` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            State::New => "NEW",
            State::Pending => "PENDING",
            State::Assigned => "ASSIGNED",
            State::Accepted => "ACCEPTED",
            State::Preparing => "PREPARING",
            State::Ready => "READY",
            State::Starting => "STARTING",
            State::Running => "RUNNING",
            State::Complete => "COMPLETE",
            State::Shutdown => "SHUTDOWN",
            State::Failed => "FAILED",
            State::Rejected => "REJECTED",
            State::Remove => "REMOVE",
            State::Orphaned => "ORPHANED",
        }
    }

    /// What is observed when a node reports `report`: an earlier state is no news.
    #[must_use]
    pub fn reported(self, report: State) -> State {
        self.max(report)
    }

    /// Whether a task of which this is observed has ended.
    pub fn is_over(self) -> bool {
        self > State::Running
    }

    /// Whether a task of which this is wanted counts for its node and its service.
    pub fn is_wanted(self) -> bool {
        self <= State::Complete
    }
}
