//! The virtual world: the event kernel, machines and containers, failures, latencies, and the
//! driver that joins them to the control plane.
//!
//! Three things are kept apart, with latency between them: the world's truth (a container has
//! died), the API server's objects (the status that a kubelet has written), and the control
//! plane's view (what its watches have delivered). Files and terminals are not known here.

pub mod after;
mod api_server;
pub mod batch;
mod cpu;
pub mod driver;
mod ends;
mod faults;
pub mod fleet;
pub mod fuzz;
mod latency;
mod leaders;
pub mod load;
mod metrics;
pub mod queue;
pub mod record;
pub mod setup;
pub mod timing;
mod world;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod textbook;

use driver::Happening;

pub use after::Dependencies;
pub use api_server::Balance;
pub use batch::{
    BatchJob, BatchOutcome, BatchPolicy, BatchSetup, JobEnd, JobObserver, JobSource, Ran, run_batch,
};
pub use driver::{Ending, Outcome, Progress, RunError, run};
pub use fleet::{FleetJob, FleetObserver, FleetOutcome, FleetSetup, Together, run_fleet};
pub use leaders::Lease;
pub use load::{Curve, Load, Measure, Series, SeriesOf};
pub use metrics::{MetricsProfile, MetricsSetup};
pub use record::{Observer, ProcessStep, Record, View};
pub use setup::{
    Action, ClientGroup, ControlFault, ControlFaultKind, Fault, FaultKind, FaultScope, FaultWhen, NodeSetup,
    Plane, Pool, Replicas, Setup, Source, StopRule, Submission, SubmissionName,
};
pub use timing::Timing;
