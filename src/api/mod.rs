//! The objects of a cluster as Kubernetes writes them: nodes, pods, workloads, selectors,
//! services, disruption budgets, storage.
//!
//! Plain data, and the reading of Kubernetes YAML and JSON into it. How anything is decided from
//! these objects is not known here.

pub mod autoscaling;
pub mod batch;
pub mod behavior;
pub mod budget;
pub mod container;
pub mod kubernetes;
pub mod meta;
pub mod node;
pub mod pod;
pub mod quota;
pub mod schedule;
pub mod selector;
pub mod service;
pub mod status;
pub mod storage;
pub mod volume;
pub mod workload;
pub mod yaml;

pub use autoscaling::HorizontalPodAutoscaler;
pub use batch::{CronJob, Job};
pub use behavior::Behavior;
pub use budget::PodDisruptionBudget;
pub use container::{ImagePullPolicy, PreStop, Probe, Probes, RestartAction, RestartRule};
pub use meta::{Annotations, Labels, ObjectMeta, OwnerReference};
pub use node::{Image, Node, Taint, TaintEffect};
pub use pod::{
    Affinity, Container, HostPort, NodeAffinity, Pod, PodPhase, PodSpec, PodStatusResources, PodTemplate,
    Resources, RestartPolicy, Toleration, TolerationOperator,
};
pub use quota::ResourceQuota;
pub use schedule::Schedule;
pub use selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, PreferredTerm, Requirement};
pub use service::{Namespace, Service};
pub use status::{Condition, Status, Truth};
pub use storage::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass,
    VolumeAttachment,
};
pub use volume::{Volume, VolumeSource};
pub use workload::{
    DaemonSet, Deployment, PriorityClass, ReplicaSet, ReplicationController, StatefulSet, UpdateStrategy,
};

use crate::base::Quantity;
use std::collections::BTreeMap;

/// Amounts by resource name, such as `cpu: 500m`.
pub type ResourceList = BTreeMap<String, Quantity>;

/// One object that seatrial models.
#[derive(Clone, PartialEq, Debug)]
pub enum Object {
    /// A machine.
    Node(Box<Node>),
    /// A bare pod, or a bound pod of a dump.
    Pod(Box<Pod>),
    /// A ReplicaSet.
    ReplicaSet(Box<ReplicaSet>),
    /// A Deployment.
    Deployment(Box<Deployment>),
    /// A Job.
    Job(Box<Job>),
    /// A PriorityClass.
    PriorityClass(Box<PriorityClass>),
    /// A namespace.
    Namespace(Box<Namespace>),
    /// A Service.
    Service(Box<Service>),
    /// A CronJob.
    CronJob(Box<CronJob>),
    /// A HorizontalPodAutoscaler.
    HorizontalPodAutoscaler(Box<HorizontalPodAutoscaler>),
    /// A ResourceQuota.
    ResourceQuota(Box<ResourceQuota>),
    /// A StatefulSet.
    StatefulSet(Box<StatefulSet>),
    /// A DaemonSet.
    DaemonSet(Box<DaemonSet>),
    /// A ReplicationController.
    ReplicationController(Box<ReplicationController>),
    /// A PodDisruptionBudget.
    PodDisruptionBudget(Box<PodDisruptionBudget>),
    /// A PersistentVolume.
    PersistentVolume(Box<PersistentVolume>),
    /// A PersistentVolumeClaim.
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
    /// A StorageClass.
    StorageClass(Box<StorageClass>),
    /// A CSINode.
    CsiNode(Box<CsiNode>),
    /// A CSIDriver.
    CsiDriver(Box<CsiDriver>),
    /// A CSIStorageCapacity.
    CsiStorageCapacity(Box<CsiStorageCapacity>),
    /// A VolumeAttachment.
    VolumeAttachment(Box<VolumeAttachment>),
}

impl Object {
    /// The kind as manifests write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Object::Node(_) => "Node",
            Object::Pod(_) => "Pod",
            Object::ReplicaSet(_) => "ReplicaSet",
            Object::Deployment(_) => "Deployment",
            Object::Job(_) => "Job",
            Object::PriorityClass(_) => "PriorityClass",
            Object::Namespace(_) => "Namespace",
            Object::Service(_) => "Service",
            Object::CronJob(_) => "CronJob",
            Object::HorizontalPodAutoscaler(_) => "HorizontalPodAutoscaler",
            Object::ResourceQuota(_) => "ResourceQuota",
            Object::StatefulSet(_) => "StatefulSet",
            Object::DaemonSet(_) => "DaemonSet",
            Object::ReplicationController(_) => "ReplicationController",
            Object::PodDisruptionBudget(_) => "PodDisruptionBudget",
            Object::PersistentVolume(_) => "PersistentVolume",
            Object::PersistentVolumeClaim(_) => "PersistentVolumeClaim",
            Object::StorageClass(_) => "StorageClass",
            Object::CsiNode(_) => "CSINode",
            Object::CsiDriver(_) => "CSIDriver",
            Object::CsiStorageCapacity(_) => "CSIStorageCapacity",
            Object::VolumeAttachment(_) => "VolumeAttachment",
        }
    }

    /// The group and version as manifests write them.
    pub fn api_version(&self) -> &'static str {
        match self {
            Object::Node(_)
            | Object::Pod(_)
            | Object::Namespace(_)
            | Object::Service(_)
            | Object::ReplicationController(_)
            | Object::ResourceQuota(_)
            | Object::PersistentVolume(_)
            | Object::PersistentVolumeClaim(_) => "v1",
            Object::ReplicaSet(_) | Object::Deployment(_) | Object::StatefulSet(_) | Object::DaemonSet(_) => {
                "apps/v1"
            }
            Object::Job(_) | Object::CronJob(_) => "batch/v1",
            Object::HorizontalPodAutoscaler(_) => "autoscaling/v2",
            Object::PriorityClass(_) => "scheduling.k8s.io/v1",
            Object::PodDisruptionBudget(_) => "policy/v1",
            Object::StorageClass(_)
            | Object::CsiNode(_)
            | Object::CsiDriver(_)
            | Object::CsiStorageCapacity(_)
            | Object::VolumeAttachment(_) => "storage.k8s.io/v1",
        }
    }

    /// The object's metadata.
    pub fn meta(&self) -> &ObjectMeta {
        match self {
            Object::Node(node) => &node.meta,
            Object::Pod(pod) => &pod.meta,
            Object::ReplicaSet(set) => &set.meta,
            Object::Deployment(deployment) => &deployment.meta,
            Object::Job(job) => &job.meta,
            Object::PriorityClass(class) => &class.meta,
            Object::Namespace(object) => &object.meta,
            Object::Service(object) => &object.meta,
            Object::CronJob(object) => &object.meta,
            Object::HorizontalPodAutoscaler(object) => &object.meta,
            Object::ResourceQuota(object) => &object.meta,
            Object::StatefulSet(object) => &object.meta,
            Object::DaemonSet(object) => &object.meta,
            Object::ReplicationController(object) => &object.meta,
            Object::PodDisruptionBudget(object) => &object.meta,
            Object::PersistentVolume(object) => &object.meta,
            Object::PersistentVolumeClaim(object) => &object.meta,
            Object::StorageClass(object) => &object.meta,
            Object::CsiNode(object) => &object.meta,
            Object::CsiDriver(object) => &object.meta,
            Object::CsiStorageCapacity(object) => &object.meta,
            Object::VolumeAttachment(object) => &object.meta,
        }
    }
}
