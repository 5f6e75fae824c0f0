//! The virtual world: the event kernel, machines and containers, failures, latencies, and the
//! driver that joins them to the control plane.
//!
//! Three things are kept apart, with latency between them: the world's truth (a container has
//! died), the API server's objects (the status that a kubelet has written), and the control
//! plane's view (what its watches have delivered). Files and terminals are not known here.

pub mod batch;
pub mod queue;
pub mod record;
pub mod setup;
pub mod timing;

pub use batch::{BatchJob, BatchPolicy, BatchSetup, JobSource};
pub use record::{Observer, Record, View};
pub use setup::{Fault, FaultKind, FaultScope, NodeSetup, Pool, Setup, Source, StopRule, Submission};
pub use timing::Timing;
