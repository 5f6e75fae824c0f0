//! The processes of the control plane in a run, and what goes wrong with them.

use crate::base::{Distribution, Span, Time};
use crate::control::Process;
use crate::sim::leaders::Lease;
use crate::sim::timing::RateLimit;

/// The processes of the control plane: who leads, who stands by, and what goes wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Plane {
    /// Replicas of the scheduler.
    pub scheduler: Replicas,
    /// Replicas of the controller manager.
    pub controller_manager: Replicas,
    /// From the moment at which a replica leads to its first decision: its informers list what
    /// exists. In seconds.
    pub cache_sync: Distribution,
    /// How long the supervisor of a process that has given up waits before it starts it again.
    pub restart: Span,
    /// What goes wrong.
    pub faults: Vec<ControlFault>,
}

impl Default for Plane {
    fn default() -> Plane {
        Plane {
            scheduler: Replicas::default(),
            controller_manager: Replicas::default(),
            cache_sync: Distribution::Uniform { min: 0.01, max: 0.1 },
            restart: Span::from_secs(1),
            faults: Vec::new(),
        }
    }
}

impl Plane {
    /// The replicas of a process.
    pub fn replicas(&self, process: Process) -> Replicas {
        match process {
            Process::Scheduler => self.scheduler,
            Process::ControllerManager => self.controller_manager,
        }
    }
}

/// The replicas of one process at the start of the run, of which one leads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Replicas {
    /// How many stand by; none can without an election.
    pub standbys: u32,
    /// The election; `None` if the process leads as soon as it runs.
    pub election: Option<Lease>,
}

impl Default for Replicas {
    fn default() -> Replicas {
        Replicas { standbys: 0, election: Some(Lease::default()) }
    }
}

/// Something that goes wrong with the control plane.
#[derive(Clone, PartialEq, Debug)]
pub struct ControlFault {
    /// When.
    pub at: Time,
    /// For how long; `None` for the rest of the run.
    pub duration: Option<Span>,
    /// What.
    pub kind: ControlFaultKind,
}

/// What goes wrong with the control plane.
#[derive(Clone, PartialEq, Debug)]
pub enum ControlFaultKind {
    /// The replica that leads is killed at once (SIGKILL); it is started again at the end.
    Kill(Process),
    /// Another replica is started.
    Launch(Process),
    /// The API server answers nobody: every request fails at once, watches break, and leases are
    /// not renewed.
    ApiServerDown,
    /// Every request to the API server takes longer, in seconds.
    SlowWrites(Distribution),
    /// Every watch delivers later, in seconds.
    WatchDelay(Distribution),
    /// The limit of some clients is another.
    Limit(ClientGroup, Option<RateLimit>),
}

/// Clients that share a setting; each has a limit of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientGroup {
    /// The scheduler.
    Scheduler,
    /// Each controller.
    Controllers,
    /// Each kubelet.
    Kubelets,
}
