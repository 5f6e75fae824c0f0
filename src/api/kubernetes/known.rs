//! The keys that Kubernetes knows in the mappings that people write.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/api/{core,apps,batch,policy,scheduling}/v1/types.go. Only
//! keys that are *not* listed here are suspected of being misspelt.

use super::fields::Shape;

pub(super) const OBJECT: Shape = Shape {
    name: "the object",
    known: &[
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "status",
        "value",
        "globalDefault",
        "description",
        "preemptionPolicy",
        "items",
        "provisioner",
        "parameters",
        "reclaimPolicy",
        "mountOptions",
        "allowVolumeExpansion",
        "volumeBindingMode",
        "allowedTopologies",
        "nodeTopology",
        "storageClassName",
        "capacity",
        "maximumVolumeSize",
    ],
};

pub(super) const METADATA: Shape = Shape {
    name: "the metadata",
    known: &[
        "name",
        "generateName",
        "namespace",
        "labels",
        "annotations",
        "ownerReferences",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "finalizers",
        "generation",
        "resourceVersion",
        "selfLink",
        "managedFields",
        "clusterName",
    ],
};

pub(super) const OWNER: Shape = Shape {
    name: "an owner reference",
    known: &["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"],
};

pub(super) const TEMPLATE: Shape = Shape { name: "the pod template", known: &["metadata", "spec"] };

pub(super) const POD_SPEC: Shape = Shape {
    name: "the pod specification",
    known: &[
        "activeDeadlineSeconds",
        "affinity",
        "automountServiceAccountToken",
        "containers",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "ephemeralContainers",
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostUsers",
        "hostname",
        "hostnameOverride",
        "imagePullSecrets",
        "initContainers",
        "nodeName",
        "nodeSelector",
        "os",
        "overhead",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "readinessGates",
        "resourceClaims",
        "resources",
        "restartPolicy",
        "runtimeClassName",
        "schedulerName",
        "schedulingGates",
        "schedulingGroup",
        "securityContext",
        "serviceAccount",
        "serviceAccountName",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "subdomain",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
        "workloadRef",
    ],
};

pub(super) const CONTAINER: Shape = Shape {
    name: "the container",
    known: &[
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "lifecycle",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resizePolicy",
        "resources",
        "restartPolicy",
        "restartPolicyRules",
        "securityContext",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
    ],
};

pub(super) const PORT: Shape =
    Shape { name: "the port", known: &["containerPort", "hostIP", "hostPort", "name", "protocol"] };

pub(super) const RESOURCES: Shape = Shape { name: "the resources", known: &["limits", "requests", "claims"] };

pub(super) const AFFINITY: Shape =
    Shape { name: "the pod's affinity", known: &["nodeAffinity", "podAffinity", "podAntiAffinity"] };

pub(super) const TERMS: Shape = Shape {
    name: "the affinity",
    known: &[
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    ],
};

pub(super) const NODE_SELECTOR: Shape = Shape { name: "the node selector", known: &["nodeSelectorTerms"] };

pub(super) const NODE_TERM: Shape =
    Shape { name: "the node selector term", known: &["matchExpressions", "matchFields"] };

pub(super) const PREFERRED_NODE: Shape =
    Shape { name: "the preferred node term", known: &["weight", "preference"] };

pub(super) const PREFERRED_POD: Shape =
    Shape { name: "the preferred term", known: &["weight", "podAffinityTerm"] };

pub(super) const POD_TERM: Shape = Shape {
    name: "the pod affinity term",
    known: &[
        "labelSelector",
        "matchLabelKeys",
        "mismatchLabelKeys",
        "namespaceSelector",
        "namespaces",
        "topologyKey",
    ],
};

pub(super) const SELECTOR: Shape =
    Shape { name: "the selector", known: &["matchLabels", "matchExpressions"] };

pub(super) const REQUIREMENT: Shape =
    Shape { name: "the requirement", known: &["key", "operator", "values"] };

pub(super) const TOLERATION: Shape =
    Shape { name: "the toleration", known: &["effect", "key", "operator", "tolerationSeconds", "value"] };

pub(super) const SPREAD: Shape = Shape {
    name: "the spread constraint",
    known: &[
        "labelSelector",
        "matchLabelKeys",
        "maxSkew",
        "minDomains",
        "nodeAffinityPolicy",
        "nodeTaintsPolicy",
        "topologyKey",
        "whenUnsatisfiable",
    ],
};

pub(super) const GATE: Shape = Shape { name: "the scheduling gate", known: &["name"] };

pub(super) const VOLUME: Shape = Shape {
    name: "the volume",
    known: &[
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "gitRepo",
        "glusterfs",
        "hostPath",
        "image",
        "iscsi",
        "name",
        "nfs",
        "persistentVolumeClaim",
        "photonPersistentDisk",
        "portworxVolume",
        "projected",
        "quobyte",
        "rbd",
        "scaleIO",
        "secret",
        "storageos",
        "vsphereVolume",
    ],
};

pub(super) const VOLUME_SOURCE: Shape = Shape {
    name: "the volume's source",
    known: &[
        "cachingMode",
        "chapAuthDiscovery",
        "chapAuthSession",
        "claimName",
        "diskName",
        "diskURI",
        "driver",
        "fsType",
        "image",
        "initiatorName",
        "iqn",
        "iscsiInterface",
        "keyring",
        "kind",
        "lun",
        "monitors",
        "nodePublishSecretRef",
        "partition",
        "pdName",
        "pool",
        "portals",
        "pullPolicy",
        "readOnly",
        "reference",
        "secretName",
        "secretRef",
        "shareName",
        "storagePolicyID",
        "storagePolicyName",
        "targetPortal",
        "user",
        "volumeAttributes",
        "volumeClaimTemplate",
        "volumeID",
        "volumePath",
    ],
};

pub(super) const RESOURCE_CLAIM: Shape =
    Shape { name: "the resource claim", known: &["name", "resourceClaimName", "resourceClaimTemplateName"] };

pub(super) const RESTART_RULE: Shape = Shape { name: "the restart rule", known: &["action", "exitCodes"] };

pub(super) const EXIT_CODES: Shape = Shape { name: "the exit codes", known: &["operator", "values"] };

pub(super) const PROBE: Shape = Shape {
    name: "the probe",
    known: &[
        "exec",
        "failureThreshold",
        "grpc",
        "httpGet",
        "initialDelaySeconds",
        "periodSeconds",
        "successThreshold",
        "tcpSocket",
        "terminationGracePeriodSeconds",
        "timeoutSeconds",
    ],
};

pub(super) const LIFECYCLE: Shape =
    Shape { name: "the lifecycle", known: &["postStart", "preStop", "stopSignal"] };

pub(super) const HOOK: Shape = Shape { name: "the hook", known: &["exec", "httpGet", "sleep", "tcpSocket"] };

pub(super) const SLEEP: Shape = Shape { name: "the sleep", known: &["seconds"] };

pub(super) const READINESS_GATE: Shape = Shape { name: "the readiness gate", known: &["conditionType"] };

pub(super) const CONTAINER_STATUS: Shape = Shape {
    name: "the container status",
    known: &[
        "allocatedResources",
        "allocatedResourcesStatus",
        "containerID",
        "image",
        "imageID",
        "lastState",
        "name",
        "ready",
        "resources",
        "restartCount",
        "started",
        "state",
        "stopSignal",
        "user",
        "volumeMounts",
    ],
};

pub(super) const POD_STATUS: Shape = Shape {
    name: "the pod status",
    known: &[
        "allocatedResources",
        "conditions",
        "containerStatuses",
        "ephemeralContainerStatuses",
        "extendedResourceClaimStatus",
        "hostIP",
        "hostIPs",
        "initContainerStatuses",
        "message",
        "nodeAllocatableResourceClaimStatuses",
        "nominatedNodeName",
        "observedGeneration",
        "phase",
        "podIP",
        "podIPs",
        "qosClass",
        "reason",
        "resize",
        "resourceClaimStatuses",
        "resources",
        "startTime",
    ],
};

pub(super) const DEPLOYMENT_SPEC: Shape = Shape {
    name: "the Deployment",
    known: &[
        "minReadySeconds",
        "paused",
        "progressDeadlineSeconds",
        "replicas",
        "revisionHistoryLimit",
        "selector",
        "strategy",
        "template",
    ],
};

pub(super) const STRATEGY: Shape = Shape { name: "the strategy", known: &["type", "rollingUpdate"] };

pub(super) const ROLLING_UPDATE: Shape =
    Shape { name: "the rolling update", known: &["maxSurge", "maxUnavailable"] };

pub(super) const REPLICA_SET_SPEC: Shape =
    Shape { name: "the ReplicaSet", known: &["minReadySeconds", "replicas", "selector", "template"] };

pub(super) const STATEFUL_SET_SPEC: Shape = Shape {
    name: "the StatefulSet",
    known: &[
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "podManagementPolicy",
        "replicas",
        "revisionHistoryLimit",
        "selector",
        "serviceName",
        "template",
        "updateStrategy",
        "volumeClaimTemplates",
    ],
};

pub(super) const STATEFUL_SET_UPDATE: Shape =
    Shape { name: "the rolling update", known: &["maxUnavailable", "partition"] };

pub(super) const ORDINALS: Shape = Shape { name: "the ordinals", known: &["start"] };

pub(super) const CLAIM_RETENTION: Shape =
    Shape { name: "the retention policy", known: &["whenDeleted", "whenScaled"] };

pub(super) const DAEMON_SET_SPEC: Shape = Shape {
    name: "the DaemonSet",
    known: &[
        "minReadySeconds",
        "revisionHistoryLimit",
        "selector",
        "template",
        "templateGeneration",
        "updateStrategy",
    ],
};

pub(super) const REPLICATION_CONTROLLER_SPEC: Shape = Shape {
    name: "the ReplicationController",
    known: &["minReadySeconds", "replicas", "selector", "template"],
};

pub(super) const SERVICE_SPEC: Shape = Shape {
    name: "the Service",
    known: &[
        "allocateLoadBalancerNodePorts",
        "clusterIP",
        "clusterIPs",
        "externalIPs",
        "externalName",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "internalTrafficPolicy",
        "ipFamilies",
        "ipFamilyPolicy",
        "loadBalancerClass",
        "loadBalancerIP",
        "loadBalancerSourceRanges",
        "ports",
        "publishNotReadyAddresses",
        "selector",
        "sessionAffinity",
        "sessionAffinityConfig",
        "topologyKeys",
        "trafficDistribution",
        "type",
    ],
};

pub(super) const BUDGET_SPEC: Shape = Shape {
    name: "the PodDisruptionBudget",
    known: &["maxUnavailable", "minAvailable", "selector", "unhealthyPodEvictionPolicy"],
};

pub(super) const BUDGET_STATUS: Shape = Shape {
    name: "the status of the PodDisruptionBudget",
    known: &[
        "conditions",
        "currentHealthy",
        "desiredHealthy",
        "disruptedPods",
        "disruptionsAllowed",
        "expectedPods",
        "observedGeneration",
    ],
};

pub(super) const JOB_SPEC: Shape = Shape {
    name: "the Job",
    known: &[
        "activeDeadlineSeconds",
        "backoffLimit",
        "backoffLimitPerIndex",
        "completionMode",
        "completions",
        "managedBy",
        "manualSelector",
        "maxFailedIndexes",
        "parallelism",
        "podFailurePolicy",
        "podReplacementPolicy",
        "scheduling",
        "selector",
        "successPolicy",
        "suspend",
        "template",
        "ttlSecondsAfterFinished",
    ],
};

pub(super) const NODE_SPEC: Shape = Shape {
    name: "the node",
    known: &["configSource", "externalID", "podCIDR", "podCIDRs", "providerID", "taints", "unschedulable"],
};

pub(super) const TAINT: Shape = Shape { name: "the taint", known: &["effect", "key", "timeAdded", "value"] };

pub(super) const NODE_STATUS: Shape = Shape {
    name: "the node status",
    known: &[
        "addresses",
        "allocatable",
        "capacity",
        "conditions",
        "config",
        "daemonEndpoints",
        "declaredFeatures",
        "features",
        "images",
        "nodeInfo",
        "phase",
        "runtimeHandlers",
        "volumesAttached",
        "volumesInUse",
    ],
};

/// Kinds of Kubernetes' own groups, against which a misspelt `kind` is held.
pub(super) const KINDS: &[&str] = &[
    "CSIDriver",
    "CSINode",
    "CSIStorageCapacity",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Endpoints",
    "Event",
    "HorizontalPodAutoscaler",
    "Job",
    "LimitRange",
    "List",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PodTemplate",
    "PriorityClass",
    "ReplicaSet",
    "ReplicationController",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
    "VolumeAttachment",
];
