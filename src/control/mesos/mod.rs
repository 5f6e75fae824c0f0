//! Apache Mesos: a master that offers resources to frameworks, which decide what to run.
//!
//! The rules are in modules of their own, on plain values: the allocator with its sorter, shares, quotas
//! and filters; when allocations run; offers; agents; the links to frameworks; and the rules of two
//! frameworks, one that keeps applications running and one that runs tasks to their end. None of them
//! knows what a pod is.

pub mod agents;
pub mod allocator;
pub mod amounts;
pub mod batch;
pub mod filters;
pub mod frameworks;
pub mod marathon;
pub mod offers;
pub mod rounds;
pub mod share;
pub mod sorter;

#[cfg(test)]
mod tests;
