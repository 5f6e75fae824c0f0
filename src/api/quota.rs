//! Resource quotas as written.

use super::{ObjectMeta, ResourceList};

/// How much the objects of a namespace may take.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ResourceQuota {
    /// Name and namespace.
    pub meta: ObjectMeta,
    /// The most of each resource: `pods`, `count/<resource>`, `cpu`, `requests.cpu`, `limits.cpu`,
    /// `memory` and so on.
    pub hard: ResourceList,
    /// Which pods are counted: each scope must hold.
    pub scopes: Vec<QuotaScope>,
}

/// A property of pods that a quota is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QuotaScope {
    /// Pods with `activeDeadlineSeconds`.
    Terminating,
    /// Pods without it.
    NotTerminating,
    /// Pods without any request or limit.
    BestEffort,
    /// Other pods.
    NotBestEffort,
    /// Pods with affinity terms that reach into other namespaces.
    CrossNamespacePodAffinity,
    /// Pods by priority class.
    PriorityClass {
        /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
        operator: super::Operator,
        /// The classes.
        values: Vec<String>,
    },
}
