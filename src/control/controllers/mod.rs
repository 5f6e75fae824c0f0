//! The workload controllers: each a pure reconcile function in a file of its own, with an event
//! loop around it.

pub mod budget;
pub mod cronjob;
pub mod daemonset;
pub mod deployment;
pub mod endpoints;
pub mod eviction;
pub(super) mod followers;
pub mod hpa;
pub mod job;
pub(super) mod members;
pub(super) mod queue;
pub mod quota;
pub(crate) mod ranking;
pub mod replicaset;
mod revisions;
pub mod rollout;
pub mod slow_start;
pub mod statefulset;
mod writes;

pub use budget::DisruptionController;
pub use cronjob::CronJobController;
pub use daemonset::DaemonSetController;
pub use deployment::DeploymentController;
pub use endpoints::EndpointSliceController;
pub use hpa::PodAutoscalerController;
pub use job::JobController;
pub use quota::QuotaController;
pub use replicaset::ReplicaSetController;
pub use statefulset::StatefulSetController;

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
