//! Storage objects as written: volumes of the cluster, claims to them, classes, and what nodes and
//! drivers say of themselves.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/api/{core,storage}/v1/types.go. Only what placement
//! depends on is kept.

use super::{LabelSelector, NodeSelector, ObjectMeta};
use crate::base::Quantity;

/// The annotation with which older objects name their class; it comes before the field.
pub const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
/// The annotation with which a class says that claims without a class get it.
pub const DEFAULT_CLASS_ANNOTATION: &str = "storageclass.kubernetes.io/is-default-class";
/// The annotation of a claim whose binding is complete.
pub const BIND_COMPLETED_ANNOTATION: &str = "pv.kubernetes.io/bind-completed";
/// The annotation of a claim with the node for which a volume is to be provisioned.
pub const SELECTED_NODE_ANNOTATION: &str = "volume.kubernetes.io/selected-node";

/// How a volume can be mounted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AccessMode {
    /// For writing, by one node.
    ReadWriteOnce,
    /// For reading, by many nodes.
    ReadOnlyMany,
    /// For writing, by many nodes.
    ReadWriteMany,
    /// For writing, by one pod.
    ReadWriteOncePod,
}

/// Whether a volume holds files or is a bare device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum VolumeMode {
    /// Files.
    #[default]
    Filesystem,
    /// A device.
    Block,
}

/// The state of a volume.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum VolumePhase {
    /// Not looked at yet.
    #[default]
    Pending,
    /// Free.
    Available,
    /// Bound to a claim.
    Bound,
    /// Its claim is gone.
    Released,
    /// It could not be cleaned after its claim had gone.
    Failed,
}

/// The state of a claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ClaimPhase {
    /// Not bound.
    #[default]
    Pending,
    /// Bound to a volume.
    Bound,
    /// Its volume is gone.
    Lost,
}

/// When a claim is bound.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum VolumeBindingMode {
    /// As soon as it is created.
    #[default]
    Immediate,
    /// When a pod that uses it is placed.
    WaitForFirstConsumer,
}

/// What is behind a volume of the cluster. The kinds for which a CSI driver stands in have the
/// fields from which its volume handle is made.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum PersistentVolumeSource {
    /// A volume of a CSI driver.
    Csi {
        /// The driver's name.
        driver: String,
        /// The volume, as the driver knows it.
        handle: String,
    },
    /// A persistent disk of Google Compute Engine.
    GcePersistentDisk {
        /// The disk's name.
        name: String,
    },
    /// A disk of Amazon's Elastic Block Store.
    AwsElasticBlockStore {
        /// The volume's id, with or without `aws://zone/` before it.
        id: String,
    },
    /// A disk of Azure.
    AzureDisk {
        /// The disk's name.
        name: String,
        /// The disk's address.
        uri: String,
    },
    /// A file share of Azure.
    AzureFile {
        /// The secret with the account's name and key.
        secret: String,
        /// The secret's namespace; `None` where it is not given.
        secret_namespace: Option<String>,
        /// The share's name.
        share: String,
    },
    /// A volume of OpenStack's Cinder.
    Cinder {
        /// The volume's id.
        id: String,
    },
    /// A disk of vSphere.
    Vsphere {
        /// The disk's path.
        path: String,
    },
    /// A volume of Portworx.
    Portworx {
        /// The volume's id.
        id: String,
    },
    /// Anything that no CSI driver stands in for, such as a path of the node or NFS.
    #[default]
    Other,
}

/// The claim that a volume is kept for.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ClaimReference {
    /// The claim's namespace.
    pub namespace: String,
    /// The claim's name.
    pub name: String,
    /// The claim's unique id; empty where the volume was set aside by hand.
    pub uid: String,
}

/// A volume of the cluster.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PersistentVolume {
    /// Name, labels (some of which name zones), annotations.
    pub meta: ObjectMeta,
    /// `capacity.storage` in bytes.
    pub capacity: Quantity,
    /// How it can be mounted.
    pub access_modes: Vec<AccessMode>,
    /// Files or a device.
    pub volume_mode: VolumeMode,
    /// Its class, from [`CLASS_ANNOTATION`] or else the field; empty for none.
    pub storage_class_name: String,
    /// Which nodes reach it (`nodeAffinity.required`); `None` for all.
    pub node_affinity: Option<NodeSelector>,
    /// The claim that it is kept for.
    pub claim: Option<ClaimReference>,
    /// Its state as a dump gives it.
    pub phase: VolumePhase,
    /// What is behind it.
    pub source: PersistentVolumeSource,
    /// Its VolumeAttributesClass; `None` and empty for none.
    pub volume_attributes_class_name: Option<String>,
}

/// A claim to a volume.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PersistentVolumeClaim {
    /// Name, namespace, annotations, owner.
    pub meta: ObjectMeta,
    /// `resources.requests.storage` in bytes.
    pub request: Quantity,
    /// How it is to be mounted.
    pub access_modes: Vec<AccessMode>,
    /// Files or a device.
    pub volume_mode: VolumeMode,
    /// Its class, from [`CLASS_ANNOTATION`] or else the field. `None` where neither is given: the
    /// default class is meant. Empty: no class, only volumes without one.
    pub storage_class_name: Option<String>,
    /// Which volumes are suitable; `None` for all.
    pub selector: Option<LabelSelector>,
    /// The volume by name; empty where none is chosen.
    pub volume_name: String,
    /// Its VolumeAttributesClass; `None` and empty for none.
    pub volume_attributes_class_name: Option<String>,
    /// Its state as a dump gives it.
    pub phase: ClaimPhase,
}

impl PersistentVolumeClaim {
    /// Whether it has a volume and the binding is complete.
    pub fn is_fully_bound(&self) -> bool {
        !self.volume_name.is_empty() && self.meta.annotations.contains_key(BIND_COMPLETED_ANNOTATION)
    }

    /// The node for which a volume is being provisioned, if one is.
    pub fn selected_node(&self) -> Option<&str> {
        self.meta.annotations.get(SELECTED_NODE_ANNOTATION).map(String::as_str)
    }
}

/// Values that a volume's topology may have: for each key the values, all keys needed.
pub type TopologySelectorTerm = Vec<(String, Vec<String>)>;

/// A way to provision volumes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StorageClass {
    /// Name and annotations.
    pub meta: ObjectMeta,
    /// Who provisions, such as a CSI driver; `kubernetes.io/no-provisioner` for nobody.
    pub provisioner: String,
    /// When claims are bound.
    pub binding_mode: VolumeBindingMode,
    /// Where volumes can be, as alternatives; none: everywhere.
    pub allowed_topologies: Vec<TopologySelectorTerm>,
}

impl StorageClass {
    /// Whether claims that name no class get this one.
    pub fn is_default(&self) -> bool {
        self.meta.annotations.get(DEFAULT_CLASS_ANNOTATION).is_some_and(|value| value == "true")
    }
}

/// A CSI driver on a node.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CsiNodeDriver {
    /// The driver's name.
    pub name: String,
    /// The most volumes of the driver that can be attached (`allocatable.count`); `None` for no
    /// limit.
    pub max_volumes: Option<i32>,
    /// The node labels that name where the driver's volumes are reachable.
    pub topology_keys: Vec<String>,
}

/// The CSI drivers of the node of the same name. Its annotation
/// `storage.alpha.kubernetes.io/migrated-plugins` is in `meta`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CsiNode {
    /// The node's name, and annotations.
    pub meta: ObjectMeta,
    /// The drivers.
    pub drivers: Vec<CsiNodeDriver>,
}

/// What a CSI driver can.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CsiDriver {
    /// The driver's name.
    pub meta: ObjectMeta,
    /// Whether volumes have to be attached to the node; the default is yes.
    pub attach_required: bool,
    /// Whether the driver says how much it can provision where.
    pub storage_capacity: bool,
    /// Whether pods stay away from nodes without the driver (`preventPodSchedulingIfMissing`).
    pub required_on_node: bool,
}

/// How much a driver can provision for a class in a part of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CsiStorageCapacity {
    /// Name and namespace.
    pub meta: ObjectMeta,
    /// The nodes that reach it; `None` for none.
    pub node_topology: Option<LabelSelector>,
    /// The class.
    pub storage_class_name: String,
    /// Bytes in all; `None` where they are not known.
    pub capacity: Option<Quantity>,
    /// The largest volume in bytes; `None` where it is not known.
    pub maximum_volume_size: Option<Quantity>,
}

/// A volume that is, or is to be, attached to a node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VolumeAttachment {
    /// Its name.
    pub meta: ObjectMeta,
    /// The driver that attaches.
    pub attacher: String,
    /// The node.
    pub node_name: String,
    /// The volume; `None` where the attachment describes the volume itself.
    pub persistent_volume_name: Option<String>,
}
