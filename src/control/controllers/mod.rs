//! The workload controllers: each a pure reconcile function in a file of its own, with an event
//! loop around it.

pub mod deployment;
pub mod job;
pub mod replicaset;

pub use deployment::DeploymentController;
pub use job::JobController;
pub use replicaset::ReplicaSetController;

use super::{Command, Component, Config, Event, PodBefore};
