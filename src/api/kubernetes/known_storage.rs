//! The keys that Kubernetes knows in storage objects.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/api/{core,storage}/v1/types.go.

use super::fields::Shape;

/// The keys of a volume of the cluster that say what is behind it.
pub(super) const SOURCES: &[&str] = &[
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

pub(super) const VOLUME_SPEC: Shape = Shape {
    name: "the PersistentVolume",
    known: &[
        "accessModes",
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "capacity",
        "cephfs",
        "cinder",
        "claimRef",
        "csi",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "glusterfs",
        "hostPath",
        "iscsi",
        "local",
        "mountOptions",
        "nfs",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "photonPersistentDisk",
        "portworxVolume",
        "quobyte",
        "rbd",
        "scaleIO",
        "storageClassName",
        "storageos",
        "volumeAttributesClassName",
        "volumeMode",
        "vsphereVolume",
    ],
};

pub(super) const SOURCE: Shape = Shape {
    name: "the volume's source",
    known: &[
        "cachingMode",
        "chapAuthDiscovery",
        "chapAuthSession",
        "controllerExpandSecretRef",
        "controllerPublishSecretRef",
        "datasetName",
        "datasetUUID",
        "diskName",
        "diskURI",
        "driver",
        "endpoints",
        "endpointsNamespace",
        "fsType",
        "gateway",
        "group",
        "image",
        "initiatorName",
        "iqn",
        "iscsiInterface",
        "keyring",
        "kind",
        "lun",
        "monitors",
        "nodeExpandSecretRef",
        "nodePublishSecretRef",
        "nodeStageSecretRef",
        "options",
        "partition",
        "path",
        "pdID",
        "pdName",
        "pool",
        "portals",
        "protectionDomain",
        "readOnly",
        "registry",
        "secretFile",
        "secretName",
        "secretNamespace",
        "secretRef",
        "server",
        "shareName",
        "sslEnabled",
        "storageMode",
        "storagePolicyID",
        "storagePolicyName",
        "storagePool",
        "system",
        "targetPortal",
        "targetWWNs",
        "tenant",
        "type",
        "user",
        "volume",
        "volumeAttributes",
        "volumeHandle",
        "volumeID",
        "volumeName",
        "volumeNamespace",
        "volumePath",
        "wwids",
    ],
};

pub(super) const VOLUME_AFFINITY: Shape =
    Shape { name: "the node affinity of the volume", known: &["required"] };

pub(super) const VOLUME_STATUS: Shape = Shape {
    name: "the status of the PersistentVolume",
    known: &["lastPhaseTransitionTime", "message", "phase", "reason"],
};

pub(super) const REFERENCE: Shape = Shape {
    name: "the reference",
    known: &["apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid"],
};

pub(super) const CLAIM_SPEC: Shape = Shape {
    name: "the PersistentVolumeClaim",
    known: &[
        "accessModes",
        "dataSource",
        "dataSourceRef",
        "resources",
        "selector",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
        "volumeName",
    ],
};

pub(super) const CLAIM_RESOURCES: Shape =
    Shape { name: "the resources of the claim", known: &["limits", "requests"] };

pub(super) const CLAIM_STATUS: Shape = Shape {
    name: "the status of the PersistentVolumeClaim",
    known: &[
        "accessModes",
        "allocatedResourceStatuses",
        "allocatedResources",
        "capacity",
        "conditions",
        "currentVolumeAttributesClassName",
        "modifyVolumeStatus",
        "phase",
    ],
};

pub(super) const TOPOLOGY: Shape =
    Shape { name: "the topology selector term", known: &["matchLabelExpressions"] };

pub(super) const TOPOLOGY_REQUIREMENT: Shape =
    Shape { name: "the topology requirement", known: &["key", "values"] };

pub(super) const NODE_SPEC: Shape = Shape { name: "the CSINode", known: &["drivers"] };

pub(super) const NODE_DRIVER: Shape =
    Shape { name: "the driver of the CSINode", known: &["allocatable", "name", "nodeID", "topologyKeys"] };

pub(super) const NODE_ALLOCATABLE: Shape =
    Shape { name: "the allocatable volumes of the driver", known: &["count"] };

pub(super) const DRIVER_SPEC: Shape = Shape {
    name: "the CSIDriver",
    known: &[
        "attachRequired",
        "fsGroupPolicy",
        "nodeAllocatableUpdatePeriodSeconds",
        "podInfoOnMount",
        "preventPodSchedulingIfMissing",
        "requiresRepublish",
        "seLinuxMount",
        "serviceAccountTokenInSecrets",
        "storageCapacity",
        "tokenRequests",
        "volumeLifecycleModes",
    ],
};

pub(super) const ATTACHMENT_SPEC: Shape =
    Shape { name: "the VolumeAttachment", known: &["attacher", "nodeName", "source"] };

pub(super) const ATTACHMENT_SOURCE: Shape = Shape {
    name: "the source of the VolumeAttachment",
    known: &["inlineVolumeSpec", "persistentVolumeName"],
};
