//! Marathon's rules: a framework that keeps apps running.
//!
//! Each rule is a module of its own that knows neither offers nor agents.

pub mod backoff;
pub mod kill;
pub mod unreachable;
pub mod upgrade;
pub mod wants;
