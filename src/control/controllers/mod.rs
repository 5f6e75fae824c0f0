//! The workload controllers: each a pure reconcile function in a file of its own, with an event
//! loop around it.

pub mod deployment;
#[expect(dead_code, reason = "the controllers that select pods come next")]
pub(super) mod followers;
pub mod job;
pub(super) mod members;
pub(super) mod queue;
pub(crate) mod ranking;
pub mod replicaset;
pub mod rollout;
pub mod slow_start;

pub use deployment::DeploymentController;
pub use job::JobController;
pub use replicaset::ReplicaSetController;

use super::{Client, Command, Component, Config, Event, PodBefore, Topic, Write};
use crate::base::ids::WorkloadId;
use crate::cluster::{Cluster, Workload};
use queue::WorkQueue;

/// The workload, if its object exists and is not being deleted.
fn existing(cluster: &Cluster, workload: WorkloadId) -> Option<&Workload> {
    (workload.index() < cluster.workloads.len())
        .then(|| &cluster.workloads[workload])
        .filter(|workload| workload.present && !workload.deleting)
}
