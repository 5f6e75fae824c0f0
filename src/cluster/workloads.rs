//! The table of workload objects: ReplicaSets, Deployments and Jobs.

use crate::api::{Deployment, Job, ObjectMeta, PodTemplate, ReplicaSet};
use crate::base::ids::{ClassId, WorkloadId};
use crate::base::{Map, Symbol, Time};
use std::sync::Arc;

/// What a workload is, as written.
#[derive(Clone, Debug)]
pub enum WorkloadKind {
    /// Keeps a number of pods.
    ReplicaSet(ReplicaSet),
    /// Keeps a ReplicaSet.
    Deployment(Deployment),
    /// Runs pods to completion.
    Job(Job),
}

impl WorkloadKind {
    /// The kind as manifests write it.
    pub fn kind(&self) -> &'static str {
        match self {
            WorkloadKind::ReplicaSet(_) => "ReplicaSet",
            WorkloadKind::Deployment(_) => "Deployment",
            WorkloadKind::Job(_) => "Job",
        }
    }

    /// The object's metadata.
    pub fn meta(&self) -> &ObjectMeta {
        match self {
            WorkloadKind::ReplicaSet(set) => &set.meta,
            WorkloadKind::Deployment(deployment) => &deployment.meta,
            WorkloadKind::Job(job) => &job.meta,
        }
    }

    /// The template of its pods.
    pub fn template(&self) -> &Arc<PodTemplate> {
        match self {
            WorkloadKind::ReplicaSet(set) => &set.template,
            WorkloadKind::Deployment(deployment) => &deployment.template,
            WorkloadKind::Job(job) => &job.template,
        }
    }
}

/// What the API server knows of a workload's progress, written by its controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WorkloadStatus {
    /// Pods that exist and are active.
    pub replicas: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that have been ready for long enough.
    pub available: i32,
    /// Jobs: pods that succeeded.
    pub succeeded: i32,
    /// Jobs: pods that failed.
    pub failed: i32,
    /// Jobs: whether and how it ended.
    pub end: JobEnd,
}

/// Whether and how a Job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JobEnd {
    /// Not yet.
    #[default]
    Open,
    /// Condition Complete.
    Complete,
    /// Condition Failed.
    Failed,
}

/// A workload object.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it is, as written; `replicas` follows scaling.
    pub kind: WorkloadKind,
    /// The name.
    pub name: Symbol,
    /// The namespace.
    pub namespace: Symbol,
    /// The Deployment that owns it, for ReplicaSets.
    pub owner: Option<WorkloadId>,
    /// The class of its pods; for a Deployment the class of its current template.
    pub class: ClassId,
    /// When the object was created.
    pub created: Time,
    /// Its progress.
    pub status: WorkloadStatus,
    /// Whether the object still exists.
    pub present: bool,
    /// Pods created for it so far; numbers the next one's name.
    pub pods_created: u32,
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
