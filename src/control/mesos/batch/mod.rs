//! The rules of frameworks that run tasks to their end.
//!
//! Each rule is a module of its own that knows neither offers nor agents.

pub mod framework;
pub mod queue;
pub mod retries;
