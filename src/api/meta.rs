//! What every object has: a name, labels, annotations, an owner.

use std::collections::BTreeMap;

/// Labels, by key.
pub type Labels = BTreeMap<String, String>;
/// Annotations, by key.
pub type Annotations = BTreeMap<String, String>;

/// An object's metadata.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObjectMeta {
    /// The name, unique among the kind's objects in a namespace.
    pub name: String,
    /// The namespace; `default` where a manifest names none. Empty for nodes.
    pub namespace: String,
    /// The labels.
    pub labels: Labels,
    /// The annotations.
    pub annotations: Annotations,
    /// The controlling owner (`controller: true`), if there is one.
    pub owner: Option<OwnerReference>,
    /// The unique id as a dump gives it; empty in manifests.
    pub uid: String,
    /// Creation time in seconds since 1970, as a dump gives it.
    pub creation_unix: Option<i64>,
    /// Whether deletion has begun (`deletionTimestamp` is set).
    pub deleting: bool,
}

/// The controlling owner of an object.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct OwnerReference {
    /// The owner's group and version, such as `apps/v1`.
    pub api_version: String,
    /// The owner's kind, such as `ReplicaSet`.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's unique id as a dump gives it; empty for owners that are simulated.
    pub uid: String,
}
