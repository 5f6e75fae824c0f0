//! The table of the objects that controllers look after: workloads, autoscalers, budgets, quotas,
//! services.

use crate::api::status::{JobStatus, ReplicaSetStatus};
use crate::api::{
    CronJob, DaemonSet, Deployment, HorizontalPodAutoscaler, Job, ObjectMeta, PodDisruptionBudget,
    PodTemplate, ReplicaSet, ResourceQuota, Service, StatefulSet, Status,
};
use crate::base::ids::{ClassId, WorkloadId};
use crate::base::{Map, Symbol, Time};
use std::sync::Arc;

/// What an object is, as written.
#[derive(Clone, PartialEq, Debug)]
pub enum WorkloadKind {
    /// Keeps a number of pods.
    ReplicaSet(ReplicaSet),
    /// Keeps a ReplicaSet.
    Deployment(Deployment),
    /// Keeps a number of pods that have names of their own.
    StatefulSet(StatefulSet),
    /// Keeps a pod on every node.
    DaemonSet(DaemonSet),
    /// Runs pods to completion.
    Job(Job),
    /// Makes Jobs by the clock.
    CronJob(CronJob),
    /// Sizes another object.
    HorizontalPodAutoscaler(HorizontalPodAutoscaler),
    /// Protects pods from eviction.
    PodDisruptionBudget(PodDisruptionBudget),
    /// Limits what a namespace takes.
    ResourceQuota(ResourceQuota),
    /// Knows which pods can serve.
    Service(Service),
}

impl WorkloadKind {
    /// The kind as manifests write it.
    pub fn kind(&self) -> &'static str {
        match self {
            WorkloadKind::ReplicaSet(_) => "ReplicaSet",
            WorkloadKind::Deployment(_) => "Deployment",
            WorkloadKind::StatefulSet(_) => "StatefulSet",
            WorkloadKind::DaemonSet(_) => "DaemonSet",
            WorkloadKind::Job(_) => "Job",
            WorkloadKind::CronJob(_) => "CronJob",
            WorkloadKind::HorizontalPodAutoscaler(_) => "HorizontalPodAutoscaler",
            WorkloadKind::PodDisruptionBudget(_) => "PodDisruptionBudget",
            WorkloadKind::ResourceQuota(_) => "ResourceQuota",
            WorkloadKind::Service(_) => "Service",
        }
    }

    /// The object's metadata.
    pub fn meta(&self) -> &ObjectMeta {
        match self {
            WorkloadKind::ReplicaSet(object) => &object.meta,
            WorkloadKind::Deployment(object) => &object.meta,
            WorkloadKind::StatefulSet(object) => &object.meta,
            WorkloadKind::DaemonSet(object) => &object.meta,
            WorkloadKind::Job(object) => &object.meta,
            WorkloadKind::CronJob(object) => &object.meta,
            WorkloadKind::HorizontalPodAutoscaler(object) => &object.meta,
            WorkloadKind::PodDisruptionBudget(object) => &object.meta,
            WorkloadKind::ResourceQuota(object) => &object.meta,
            WorkloadKind::Service(object) => &object.meta,
        }
    }

    /// The template of its pods, if it has any.
    pub fn template(&self) -> Option<&Arc<PodTemplate>> {
        match self {
            WorkloadKind::ReplicaSet(object) => Some(&object.template),
            WorkloadKind::Deployment(object) => Some(&object.template),
            WorkloadKind::StatefulSet(object) => Some(&object.template),
            WorkloadKind::DaemonSet(object) => Some(&object.template),
            WorkloadKind::Job(object) => Some(&object.template),
            WorkloadKind::CronJob(object) => Some(&object.job.template),
            WorkloadKind::HorizontalPodAutoscaler(_)
            | WorkloadKind::PodDisruptionBudget(_)
            | WorkloadKind::ResourceQuota(_)
            | WorkloadKind::Service(_) => None,
        }
    }

    /// The number of pods that it asks for, where that is a number.
    pub fn replicas(&self) -> Option<i32> {
        match self {
            WorkloadKind::ReplicaSet(object) => Some(object.replicas),
            WorkloadKind::Deployment(object) => Some(object.replicas),
            WorkloadKind::StatefulSet(object) => Some(object.replicas),
            WorkloadKind::Job(object) => Some(object.parallelism),
            _ => None,
        }
    }

    /// Sets the number of pods that it asks for, where that is a number.
    pub fn set_replicas(&mut self, replicas: i32) {
        match self {
            WorkloadKind::ReplicaSet(object) => object.replicas = replicas,
            WorkloadKind::Deployment(object) => object.replicas = replicas,
            WorkloadKind::StatefulSet(object) => object.replicas = replicas,
            WorkloadKind::Job(object) => object.parallelism = replicas,
            _ => {}
        }
    }
}

/// Whether and how a Job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JobEnd {
    /// Not yet, or it is no Job.
    #[default]
    Open,
    /// Condition Complete.
    Complete,
    /// Condition Failed.
    Failed,
}

/// Whether and how the Job of a status ended.
pub fn job_end(status: &Status) -> JobEnd {
    let end = if let Status::Job(job) = status { job.end() } else { None };
    match end {
        None => JobEnd::Open,
        Some(condition) if condition.kind == "Complete" => JobEnd::Complete,
        Some(_) => JobEnd::Failed,
    }
}

/// An object that a controller looks after.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it is, as written; `replicas` follows scaling.
    pub kind: WorkloadKind,
    /// The name.
    pub name: Symbol,
    /// The namespace.
    pub namespace: Symbol,
    /// The object that owns it: a ReplicaSet's Deployment, a Job's CronJob.
    pub owner: Option<WorkloadId>,
    /// The class of its pods by its current template; the default for what has no pods.
    pub class: ClassId,
    /// When the object was created.
    pub created: Time,
    /// How often its specification was written, from 1.
    pub generation: u64,
    /// Its progress.
    pub status: Status,
    /// Whether the object still exists.
    pub present: bool,
    /// Whether it is being deleted and waits for what it owns to go.
    pub deleting: bool,
    /// Pods created for it so far; numbers the next one's name.
    pub pods_created: u32,
}

impl Workload {
    /// The status of a ReplicaSet; zero if nothing is written yet.
    pub fn replica_set_status(&self) -> ReplicaSetStatus {
        if let Status::ReplicaSet(status) = &self.status { *status } else { ReplicaSetStatus::default() }
    }

    /// The status of a Job, if one is written.
    pub fn job_status(&self) -> Option<&JobStatus> {
        if let Status::Job(status) = &self.status { Some(status) } else { None }
    }
}

/// All workload objects; rows are not used again (workloads are few beside pods).
#[derive(Clone, Debug, Default)]
pub struct Workloads {
    rows: Vec<Workload>,
    by_name: Map<(&'static str, Symbol, Symbol), WorkloadId>,
}

impl Workloads {
    /// Enters a new object at the given row, which must be the next one.
    ///
    /// # Panics
    /// If the row is not the next one.
    pub fn insert(&mut self, id: WorkloadId, workload: Workload) {
        assert_eq!(id.index(), self.rows.len(), "workload rows are handed out in order");
        self.by_name.insert((workload.kind.kind(), workload.namespace, workload.name), id);
        self.rows.push(workload);
    }

    /// The object of that kind, namespace and name, if it exists.
    pub fn find(&self, kind: &'static str, namespace: Symbol, name: Symbol) -> Option<WorkloadId> {
        self.by_name.get(&(kind, namespace, name)).copied().filter(|id| self.rows[id.index()].present)
    }

    /// The row of an object, if there is one; it may be deleted.
    pub fn get(&self, id: WorkloadId) -> Option<&Workload> {
        self.rows.get(id.index())
    }

    /// How many rows there are, with those of deleted objects.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows with their ids, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (WorkloadId, &Workload)> {
        self.rows.iter().enumerate().map(|(row, workload)| (WorkloadId(row as u32), workload))
    }
}

impl std::ops::Index<WorkloadId> for Workloads {
    type Output = Workload;
    fn index(&self, id: WorkloadId) -> &Workload {
        &self.rows[id.index()]
    }
}

impl std::ops::IndexMut<WorkloadId> for Workloads {
    fn index_mut(&mut self, id: WorkloadId) -> &mut Workload {
        &mut self.rows[id.index()]
    }
}
