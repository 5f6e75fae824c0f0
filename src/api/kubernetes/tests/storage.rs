//! Storage: of each kind good documents and bad ones.

use super::placement::{refusals, written};
use super::*;
use crate::api::storage::{
    AccessMode, ClaimPhase, ClaimReference, PersistentVolumeSource, VolumeBindingMode, VolumeMode,
    VolumePhase,
};
use crate::api::{CsiDriver, PersistentVolume, PersistentVolumeClaim};

fn volume(rest: &str) -> PersistentVolume {
    match written("v1", "PersistentVolume", rest) {
        Object::PersistentVolume(volume) => *volume,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn volumes_of_the_cluster() {
    let full = volume(
        "spec: {capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce, ReadOnlyMany], volumeMode: Block, \
         storageClassName: fast, persistentVolumeReclaimPolicy: Retain, \
         claimRef: {namespace: default, name: c, uid: u}, csi: {driver: d, volumeHandle: h}, \
         nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: z, operator: In, values: [a]}]}]}}}, \
         status: {phase: Bound}",
    );
    assert_eq!(full.capacity, Quantity::from_units(10 << 30));
    assert_eq!(full.access_modes, [AccessMode::ReadWriteOnce, AccessMode::ReadOnlyMany]);
    assert_eq!((full.volume_mode, full.phase), (VolumeMode::Block, VolumePhase::Bound));
    let claim = ClaimReference { namespace: "default".into(), name: "c".into(), uid: "u".into() };
    assert_eq!((full.storage_class_name.as_str(), full.claim), ("fast", Some(claim)));
    assert_eq!(full.source, PersistentVolumeSource::Csi { driver: "d".into(), handle: "h".into() });
    assert_eq!(full.node_affinity.unwrap().terms[0].match_expressions[0].values, ["a"]);
    let rest = "capacity: {storage: 1}, accessModes: [ReadWriteOncePod]";
    let source = |written: &str| volume(&format!("spec: {{{rest}, {written}}}")).source;
    assert_eq!(source("local: {path: /d}"), PersistentVolumeSource::Other);
    assert_eq!(
        source("gcePersistentDisk: {pdName: d}"),
        PersistentVolumeSource::GcePersistentDisk { name: "d".into() }
    );
    assert_eq!(
        source("azureFile: {secretName: s, shareName: h, secretNamespace: m}"),
        PersistentVolumeSource::AzureFile {
            secret: "s".into(),
            secret_namespace: Some("m".into()),
            share: "h".into()
        }
    );
}

#[test]
fn volumes_of_the_cluster_that_are_refused() {
    let spec = |spec: &str| format!("metadata: {{name: x}}, spec: {{{spec}}}");
    let bad = [
        "metadata: {}, spec: {}".to_owned(),
        spec("accessModes: [ReadWriteOnce], local: {path: /d}"),
        spec("capacity: {storage: -1}, accessModes: [ReadWriteOnce], local: {path: /d}"),
        spec("capacity: {storage: much}, accessModes: [ReadWriteOnce], local: {path: /d}"),
        spec("capacity: {storage: 1}, local: {path: /d}"),
        spec("capacity: {storage: 1}, accessModes: [ReadWriteTwice], local: {path: /d}"),
        spec("capacity: {storage: 1}, accessModes: [ReadWriteOnce]"),
        spec("capacity: {storage: 1}, accessModes: [ReadWriteOnce], local: {path: /d}, nfs: {path: /d}"),
        spec("capacity: {storage: 1}, accessModes: [ReadWriteOnce], csi: {driver: d}"),
        spec("capacity: {storage: 1}, accessModes: [ReadWriteOnce], csi: d"),
    ];
    let bad = refusals("v1", "PersistentVolume", &bad.each_ref().map(String::as_str));
    expect![[r#"
        x.yaml:1:52: error: `name` is missing: `{}`
        x.yaml:1:69: error: `capacity.storage` is missing: `{accessModes: [ReadWriteOnce], local: {path: /d}}`
        x.yaml:1:90: error: the amount of `storage` must not be negative: `-1`
        x.yaml:1:90: error: the amount of `storage` is not a quantity: `much` (write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`)
        x.yaml:1:69: error: `accessModes` must name at least one mode: `{capacity: {storage: 1}, local: {path: /d}}`
        x.yaml:1:108: error: `accessModes` has an unknown value: `ReadWriteTwice` (did you mean `ReadWriteOnce`?)
        x.yaml:1:69: error: the volume has no source: `{capacity: {storage: 1}, accessModes: [ReadWriteOnce]}` (such as `csi: {driver: …, volumeHandle: …}` or `hostPath: {path: …}`)
        x.yaml:1:148: error: a volume has one source, but this one has `local` and `nfs`: `{path: /d}`
        x.yaml:1:129: error: `volumeHandle` is missing: `{driver: d}`
        x.yaml:1:129: error: the volume's source must be a mapping, not text: `d`"#]].assert_eq(&bad);
}

fn claim(rest: &str) -> PersistentVolumeClaim {
    match one(&format!("{{apiVersion: v1, kind: PersistentVolumeClaim, {rest}}}")) {
        Object::PersistentVolumeClaim(claim) => *claim,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn claims() {
    let spec = "accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}";
    let bound = claim(&format!(
        "metadata: {{name: c, annotations: {{pv.kubernetes.io/bind-completed: \"yes\"}}, ownerReferences: \
         [{{apiVersion: v1, kind: Pod, name: p, uid: u, controller: true}}]}}, \
         spec: {{{spec}, volumeName: pv, storageClassName: fast}}, status: {{phase: Bound}}"
    ));
    assert_eq!((bound.request, bound.phase), (Quantity::from_units(5 << 30), ClaimPhase::Bound));
    assert!(bound.is_fully_bound() && bound.selected_node().is_none());
    let owner = bound.meta.owner.unwrap();
    assert_eq!((owner.api_version.as_str(), owner.uid.as_str()), ("v1", "u"));
    let class = |annotations: &str, field: &str| {
        claim(&format!("metadata: {{name: c, annotations: {{{annotations}}}}}, spec: {{{spec}{field}}}"))
            .storage_class_name
    };
    assert_eq!(class("", ""), None);
    assert_eq!(class("", ", storageClassName: \"\""), Some(String::new()));
    let beta = "volume.beta.kubernetes.io/storage-class: old";
    assert_eq!(class(beta, ", storageClassName: new"), Some("old".into()));
    let waiting = claim(&format!(
        "metadata: {{name: c, annotations: {{volume.kubernetes.io/selected-node: n1}}}}, spec: {{{spec}}}"
    ));
    assert_eq!((waiting.selected_node(), waiting.is_fully_bound()), (Some("n1"), false));
    let bad = refusals(
        "v1",
        "PersistentVolumeClaim",
        &[
            &format!("metadata: {{}}, spec: {{{spec}}}"),
            "metadata: {name: c}, spec: {accessModes: [ReadWriteOnce]}",
            "metadata: {name: c}, spec: {accessModes: [ReadWriteOnce], resources: {}}",
            "metadata: {name: c}, spec: {accessModes: [], resources: {requests: {storage: 1}}}",
            "metadata: {name: c}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: [1]}}}",
            "metadata: {name: c}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1}}, volumeMode: File}",
            &format!("metadata: {{name: c}}, spec: {{{spec}, storageClasName: fast}}"),
        ],
    );
    expect![[r#"
        x.yaml:1:57: error: `name` is missing: `{}`
        x.yaml:1:74: error: `resources.requests.storage` is missing: `{accessModes: [ReadWriteOnce]}`
        x.yaml:1:116: error: `requests.storage` is missing: `{}`
        x.yaml:1:88: error: `accessModes` must name at least one mode: `[]`
        x.yaml:1:137: error: the amount of `storage` is not a quantity: `[1]` (write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`)
        x.yaml:1:154: error: `volumeMode` has an unknown value: `File` (one of Filesystem, Block)
        x.yaml:1:1 PersistentVolumeClaim c
        x.yaml:1:144: warning: unknown key in the PersistentVolumeClaim; it has no effect: `storageClasName` (did you mean `storageClassName`?)"#]].assert_eq(&bad);
}

#[test]
fn storage_classes() {
    let Object::StorageClass(class) = written(
        "storage.k8s.io/v1",
        "StorageClass",
        "provisioner: d, volumeBindingMode: WaitForFirstConsumer, reclaimPolicy: Delete, parameters: {a: b}, \
         allowedTopologies: [{matchLabelExpressions: [{key: z, values: [a, b]}]}]",
    ) else {
        panic!()
    };
    assert_eq!(
        (class.provisioner.as_str(), class.binding_mode),
        ("d", VolumeBindingMode::WaitForFirstConsumer)
    );
    assert_eq!(class.allowed_topologies, [[("z".to_owned(), vec!["a".to_owned(), "b".to_owned()])]]);
    assert!(!class.is_default());
    let bad = refusals(
        "storage.k8s.io/v1",
        "StorageClass",
        &[
            "metadata: {}, provisioner: d",
            "metadata: {name: x}",
            "metadata: {name: x}, provisioner: 12",
            "metadata: {name: x}, provisioner: d, volumeBindingMode: Later",
            "metadata: {name: x}, provisioner: d, allowedTopologies: [{matchLabelExpressions: [{key: z}]}]",
            "metadata: {name: x}, provisioner: d, volumeBindingmode: Immediate",
        ],
    );
    expect![[r#"
        x.yaml:1:63: error: `name` is missing: `{}`
        x.yaml:1:1: error: `provisioner` is missing: `{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: x}}`
        x.yaml:1:87: error: `provisioner` must be text, but this is a number: `12` (write it in quotes: "12")
        x.yaml:1:109: error: `volumeBindingMode` has an unknown value: `Later` (one of Immediate, WaitForFirstConsumer)
        x.yaml:1:135: error: `values` must have at least one value: `{key: z}`
        x.yaml:1:1 StorageClass x
        x.yaml:1:90: warning: unknown key in the object; it has no effect: `volumeBindingmode` (did you mean `volumeBindingMode`?)"#]].assert_eq(&bad);
}

#[test]
fn drivers_and_their_nodes() {
    let Object::CsiNode(node) = written(
        "storage.k8s.io/v1",
        "CSINode",
        "spec: {drivers: [{name: d, nodeID: i, allocatable: {count: 25}, topologyKeys: [z]}, {name: e, nodeID: i}]}",
    ) else {
        panic!()
    };
    let limits: Vec<_> =
        node.drivers.iter().map(|driver| (driver.name.as_str(), driver.max_volumes)).collect();
    assert_eq!((limits, node.drivers[0].topology_keys.len()), (vec![("d", Some(25)), ("e", None)], 1));
    let driver = |rest: &str| match written("storage.k8s.io/v1", "CSIDriver", rest) {
        Object::CsiDriver(driver) => CsiDriver { meta: crate::api::ObjectMeta::default(), ..*driver },
        other => panic!("{}", other.kind()),
    };
    let expected = CsiDriver { attach_required: true, ..CsiDriver::default() };
    assert_eq!(driver("spec: {}"), expected);
    let expected = CsiDriver { storage_capacity: true, ..CsiDriver::default() };
    assert_eq!(driver("spec: {attachRequired: false, storageCapacity: true}"), expected);
    let bad = refusals(
        "storage.k8s.io/v1",
        "CSINode",
        &[
            "metadata: {}, spec: {drivers: []}",
            "metadata: {name: x}",
            "metadata: {name: x}, spec: {drivers: {name: d}}",
            "metadata: {name: x}, spec: {drivers: [{nodeID: i}]}",
            "metadata: {name: x}, spec: {drivers: [{name: d, allocatable: {count: -1}}]}",
            "metadata: {name: x}, spec: {drivers: [{name: d, allocatable: {count: 1e30}}]}",
        ],
    );
    expect![[r#"
        x.yaml:1:58: error: `name` is missing: `{}`
        x.yaml:1:1: error: `spec` is missing: `{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: x}}`
        x.yaml:1:85: error: `drivers` must be a list, not a mapping: `{name: d}`
        x.yaml:1:86: error: `name` is missing: `{nodeID: i}`
        x.yaml:1:117: error: `count` must not be negative: `-1`
        x.yaml:1:117: error: `count` must be from 0 to 2147483647: `1e30`"#]].assert_eq(&bad);
    let bad = refusals(
        "storage.k8s.io/v1",
        "CSIDriver",
        &["metadata: {}, spec: {}", "metadata: {name: x}", "metadata: {name: x}, spec: {storageCapacity: 1}"],
    );
    expect![[r#"
        x.yaml:1:60: error: `name` is missing: `{}`
        x.yaml:1:1: error: `spec` is missing: `{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: x}}`
        x.yaml:1:95: error: `storageCapacity` must be `true` or `false`, not a number: `1` (write it without quotes)"#]].assert_eq(&bad);
}

#[test]
fn capacities_and_attachments() {
    let Object::CsiStorageCapacity(capacity) = written(
        "storage.k8s.io/v1",
        "CSIStorageCapacity",
        "storageClassName: fast, capacity: 5Gi, maximumVolumeSize: 1Gi, nodeTopology: {matchLabels: {z: a}}",
    ) else {
        panic!()
    };
    let (all, largest) = (Quantity::from_units(5 << 30), Quantity::from_units(1 << 30));
    assert_eq!((capacity.capacity, capacity.maximum_volume_size), (Some(all), Some(largest)));
    assert_eq!(capacity.node_topology.unwrap().match_labels.len(), 1);
    let Object::VolumeAttachment(attachment) = written(
        "storage.k8s.io/v1",
        "VolumeAttachment",
        "spec: {attacher: d, nodeName: n1, source: {persistentVolumeName: pv}}, status: {attached: true}",
    ) else {
        panic!()
    };
    assert_eq!((attachment.attacher.as_str(), attachment.node_name.as_str()), ("d", "n1"));
    assert_eq!(attachment.persistent_volume_name.as_deref(), Some("pv"));
    let bad = refusals(
        "storage.k8s.io/v1",
        "CSIStorageCapacity",
        &[
            "metadata: {}, storageClassName: fast",
            "metadata: {name: x}",
            "metadata: {name: x}, storageClassName: fast, capacity: -5Gi",
            "metadata: {name: x}, storageClassName: fast, capacity: {a: b}",
        ],
    );
    expect![[r#"
        x.yaml:1:69: error: `name` is missing: `{}`
        x.yaml:1:1: error: `storageClassName` is missing: `{apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, metadata: {name: x}}`
        x.yaml:1:114: error: the amount of `capacity` must not be negative: `-5Gi`
        x.yaml:1:114: error: the amount of `capacity` is not a quantity: `{a: b}` (write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`)"#]].assert_eq(&bad);
    let bad = refusals(
        "storage.k8s.io/v1",
        "VolumeAttachment",
        &[
            "metadata: {}, spec: {}",
            "metadata: {name: x}, spec: {attacher: d, nodeName: n1}",
            "metadata: {name: x}, spec: {attacher: d, nodeName: 1, source: {persistentVolumeName: pv}}",
            "metadata: {name: x}, spec: {attacher: d, nodeName: n1, source: pv}",
        ],
    );
    expect![[r#"
        x.yaml:1:67: error: `name` is missing: `{}`
        x.yaml:1:84: error: `source` is missing: `{attacher: d, nodeName: n1}`
        x.yaml:1:108: error: `nodeName` must be text, but this is a number: `1` (write it in quotes: "1")
        x.yaml:1:120: error: the source of the VolumeAttachment must be a mapping, not text: `pv`"#]]
    .assert_eq(&bad);
}
