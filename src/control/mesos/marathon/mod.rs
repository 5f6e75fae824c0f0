//! Marathon's rules: a framework that keeps apps running.
//!
//! Each rule is a module of its own that knows neither offers nor agents.

mod app;
pub mod backoff;
pub(super) mod framework;
pub mod kill;
pub mod unreachable;
pub mod upgrade;
pub mod wants;
