//! CronJobs: Jobs by the clock.
//!
//! Kubernetes 1.36, pkg/controller/cronjob (reference control-plane §3.7). What one pass over a CronJob
//! does is decided in [`sync`]; which time it is about, in [`missed`]. How pods run is not known here.

pub mod missed;
pub mod sync;

pub use sync::{Outcome, Owned, State, sync};

/// A moment of the wall clock: nanoseconds since 1970. It is wide enough for Go's zero time.
pub type Wall = i128;

/// Nanoseconds in a second.
pub const SECOND: Wall = 1_000_000_000;
