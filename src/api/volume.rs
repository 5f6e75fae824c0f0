//! Volumes of pods as written.
//!
//! Only those that have a say in where a pod can run: claims, disks that one node holds at a time,
//! and images. Files of the node, configuration and secrets are not kept.

/// A volume of a pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Volume {
    /// Its name in the pod.
    pub name: String,
    /// What is behind it.
    pub source: VolumeSource,
}

/// What is behind a volume of a pod.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum VolumeSource {
    /// A claim in the pod's namespace.
    Claim {
        /// The claim's name.
        name: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A claim of the pod's own, named `<pod>-<volume>`.
    Ephemeral,
    /// The files of an image.
    Image {
        /// The image's name.
        reference: String,
    },
    /// A persistent disk of Google Compute Engine.
    GcePersistentDisk {
        /// The disk's name.
        name: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A disk of Amazon's Elastic Block Store.
    AwsElasticBlockStore {
        /// The volume's id.
        id: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A disk over iSCSI.
    Iscsi {
        /// Address of the target.
        target_portal: String,
        /// Qualified name of the target.
        iqn: String,
        /// Number of the unit.
        lun: i32,
        /// Whether it is only read.
        read_only: bool,
    },
    /// An image of Ceph's block device.
    Rbd {
        /// Addresses of the monitors.
        monitors: Vec<String>,
        /// The pool; `rbd` where a manifest gives none.
        pool: String,
        /// The image.
        image: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A volume that a CSI driver makes for the pod.
    Csi {
        /// The driver's name.
        driver: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A disk of Azure.
    AzureDisk {
        /// The disk's name.
        name: String,
        /// The disk's address.
        uri: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A file share of Azure.
    AzureFile {
        /// The secret with the account's name and key.
        secret: String,
        /// The share's name.
        share: String,
        /// Whether it is only read.
        read_only: bool,
    },
    /// A volume of OpenStack's Cinder.
    Cinder {
        /// The volume's id.
        id: String,
        /// Whether it is only read.
        read_only: bool,
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
        /// Whether it is only read.
        read_only: bool,
    },
    /// A kind of volume that is not known here.
    Other,
}

impl VolumeSource {
    /// Whether it is a claim, the pod's own or another.
    pub const fn is_claim(&self) -> bool {
        matches!(self, VolumeSource::Claim { .. } | VolumeSource::Ephemeral)
    }
}
