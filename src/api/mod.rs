//! The objects of a cluster as Kubernetes writes them: nodes, pods, workloads, selectors.
//!
//! Plain data, and the reading of Kubernetes YAML and JSON into it. How anything is decided from
//! these objects is not known here.

pub mod behavior;
pub mod kubernetes;
pub mod meta;
pub mod node;
pub mod pod;
pub mod selector;
pub mod workload;
pub mod yaml;

pub use behavior::Behavior;
pub use meta::{Annotations, Labels, ObjectMeta, OwnerReference};
pub use node::{Image, Node, Taint, TaintEffect};
pub use pod::{
    Affinity, Container, HostPort, NodeAffinity, Pod, PodPhase, PodSpec, PodTemplate, Resources,
    RestartPolicy, Toleration, TolerationOperator,
};
pub use selector::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, PreferredTerm, Requirement};
pub use workload::{Deployment, Job, PriorityClass, ReplicaSet, UpdateStrategy};

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
    PriorityClass(PriorityClass),
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
        }
    }
}
