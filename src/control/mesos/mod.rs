//! Apache Mesos: a master that offers resources to frameworks, which decide what to run.
//!
//! The rules are in modules of their own, on plain values: the allocator with its sorter, shares, quotas
//! and filters; when allocations run; offers; agents; the links to frameworks; and the rules of two
//! frameworks, one that keeps applications running and one that runs tasks to their end. None of them
//! knows what a pod is, but for the parts that put them together: the master, the two frameworks, and the
//! component around them. What a Kubernetes object stands for is told in `docs/control-planes.md`.

pub mod agents;
pub mod allocator;
pub mod amounts;
pub mod batch;
pub mod filters;
mod framework;
pub mod frameworks;
pub mod marathon;
mod master;
mod needs;
pub mod offers;
mod plane;
pub mod rounds;
pub mod settings;
pub mod share;
pub mod sorter;

pub use batch::framework::PARENTS;
pub use settings::Settings;

use super::owner_gc::OwnerGarbageCollector;
use super::{Component, Config};

/// The components of a Mesos cluster, in the order in which they are told of facts.
pub(super) fn components(config: &Config, settings: &Settings) -> Vec<Box<dyn Component>> {
    vec![Box::new(OwnerGarbageCollector::new(config)), Box::new(plane::Mesos::new(config, settings))]
}

#[cfg(test)]
mod tests;
