//! What placement depends on beside nodes and workloads: for each kind a good document and bad ones.

use super::*;
use crate::api::storage::{
    AccessMode, ClaimPhase, ClaimReference, PersistentVolumeSource, VolumeBindingMode, VolumeMode,
    VolumePhase,
};
use crate::api::{
    CsiDriver, LabelSelector, PersistentVolume, PersistentVolumeClaim, PodDisruptionBudget, VolumeSource,
};

fn raw(assumed: (&str, &str), text: &str) -> Result<Object, Diagnostic> {
    let mut manifest = Manifest::default();
    let options = Options { defaulting: Defaulting::None, assumed: Some(assumed) };
    read_with(&"x.json".into(), text.as_bytes(), options, &mut manifest)?;
    Ok(manifest.objects.remove(0).object)
}

/// The object of a manifest of which only what follows the metadata is given.
fn written(version: &str, kind: &str, rest: &str) -> Object {
    one(&format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, {rest}}}"))
}

fn refusals(version: &str, kind: &str, bodies: &[&str]) -> String {
    let text = |body: &&str| format!("{{apiVersion: {version}, kind: {kind}, {body}}}");
    bodies.iter().map(text).map(|text| summary(&text)).collect::<Vec<_>>().join("\n")
}

fn labels(pairs: &[(&str, &str)]) -> crate::api::Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn namespaces() {
    let Object::Namespace(namespace) = written("v1", "Namespace", "spec: {finalizers: [kubernetes]}") else {
        panic!()
    };
    assert_eq!(namespace.meta.labels, labels(&[("kubernetes.io/metadata.name", "x")]));
    let plain = raw(("v1", "Namespace"), r#"{"metadata": {"name": "x"}}"#).unwrap();
    assert!(plain.meta().labels.is_empty());
    let bad =
        refusals("v1", "Namespace", &["metadata: {}", "metadata: {name: a.b}", "metadata: {name: [a]}"]);
    expect![[r#""#]].assert_eq(&bad);
}

#[test]
fn services() {
    let selector = |rest: &str| match written("v1", "Service", rest) {
        Object::Service(service) => service.selector,
        other => panic!("{}", other.kind()),
    };
    assert_eq!(selector("spec: {selector: {app: a}, ports: [{port: 80}]}"), Some(labels(&[("app", "a")])));
    assert_eq!(selector("spec: {clusterIP: None}"), None);
    assert_eq!(selector("spec: {selector: {}}"), None);
    let Object::Service(service) =
        raw(("v1", "Service"), r#"{"metadata": {"name": "x"}, "spec": {"selector": {}}}"#).unwrap()
    else {
        panic!()
    };
    assert_eq!(service.selector, Some(labels(&[])));
    let bad = refusals(
        "v1",
        "Service",
        &[
            "metadata: {}, spec: {}",
            "metadata: {name: x}",
            "metadata: {name: x}, spec: {selector: [a]}",
            "metadata: {name: x}, spec: {selector: {a: 1}}",
            "metadata: {name: x}, spec: {selektor: {a: b}}",
        ],
    );
    expect![[r#""#]].assert_eq(&bad);
}

#[test]
fn stateful_sets_and_replication_controllers() {
    let template = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";
    let rest =
        format!("spec: {{replicas: 3, selector: {{matchLabels: {{a: b}}}}, serviceName: s, {template}}}");
    let Object::StatefulSet(set) = written("apps/v1", "StatefulSet", &rest) else { panic!() };
    assert_eq!((set.replicas, set.template.spec.containers.len()), (3, 1));
    let Object::ReplicationController(controller) =
        written("v1", "ReplicationController", &format!("spec: {{{template}}}"))
    else {
        panic!()
    };
    assert_eq!((controller.replicas, &controller.selector), (1, &Some(labels(&[("a", "b")]))));
    let bad = [
        format!("metadata: {{}}, spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}"),
        "metadata: {name: x}, spec: {selector: {matchLabels: {a: b}}}".to_owned(),
        format!("metadata: {{name: x}}, spec: {{selector: {{matchLabels: {{a: c}}}}, {template}}}"),
        format!(
            "metadata: {{name: x}}, spec: {{replicas: 1e30, selector: {{matchLabels: {{a: b}}}}, {template}}}"
        ),
    ];
    let bad = refusals("apps/v1", "StatefulSet", &bad.each_ref().map(String::as_str));
    expect![[r#""#]].assert_eq(&bad);
    let bad = [
        "metadata: {}, spec: {}".to_owned(),
        format!("metadata: {{name: x}}, spec: {{selector: {{matchLabels: {{a: b}}}}, {template}}}"),
        format!("metadata: {{name: x}}, spec: {{selector: {{a: c}}, {template}}}"),
        format!("metadata: {{name: x}}, spec: {{replicas: -1, {template}}}"),
    ];
    let bad = refusals("v1", "ReplicationController", &bad.each_ref().map(String::as_str));
    expect![[r#""#]].assert_eq(&bad);
}

#[test]
fn workloads_that_stand_for_a_selector_only() {
    let text = r#"{"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}"#;
    let selector = LabelSelector { match_labels: vec![("a".into(), "b".into())], ..LabelSelector::default() };
    let Object::ReplicaSet(set) = raw(("apps/v1", "ReplicaSet"), text).unwrap() else { panic!() };
    assert_eq!(set.selector, selector);
    let Object::StatefulSet(set) = raw(("apps/v1", "StatefulSet"), text).unwrap() else { panic!() };
    assert_eq!(set.selector, Some(selector));
    let text = r#"{"metadata": {"name": "x"}, "spec": {"selector": {"a": "b"}}}"#;
    let Object::ReplicationController(controller) = raw(("v1", "ReplicationController"), text).unwrap()
    else {
        panic!()
    };
    assert_eq!(controller.selector, Some(labels(&[("a", "b")])));
}

fn budget(rest: &str) -> PodDisruptionBudget {
    match written("policy/v1", "PodDisruptionBudget", rest) {
        Object::PodDisruptionBudget(budget) => *budget,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn disruption_budgets() {
    let full = budget(
        "spec: {minAvailable: 1, selector: {}, unhealthyPodEvictionPolicy: AlwaysAllow}, \
         status: {disruptionsAllowed: 2, disruptedPods: {q: \"2026-01-31T12:00:00Z\", p: null}}",
    );
    assert_eq!((full.min_available, full.max_unavailable), (Some(IntOrPercent::Int(1)), None));
    assert_eq!((full.selector, full.disruptions_allowed), (Some(LabelSelector::default()), 2));
    assert_eq!((full.disrupted_pods, full.always_allow_unhealthy), (vec!["p".into(), "q".into()], true));
    let percent = budget("spec: {maxUnavailable: 30%}");
    assert_eq!((percent.max_unavailable, percent.selector), (Some(IntOrPercent::Percent(30)), None));
    let bad = refusals(
        "policy/v1",
        "PodDisruptionBudget",
        &[
            "metadata: {}, spec: {}",
            "metadata: {name: x}, spec: {minAvailable: 1, maxUnavailable: 1}",
            "metadata: {name: x}, spec: {minAvailable: -1}",
            "metadata: {name: x}, spec: {minAvailable: 1e30}",
            "metadata: {name: x}, spec: {maxUnavailable: 101%}",
            "metadata: {name: x}, spec: {unhealthyPodEvictionPolicy: AlwaysAlow}",
            "metadata: {name: x}, spec: {}, status: {disruptedPods: [p]}",
            "metadata: {name: x}, spec: {minAvailabel: 1}",
        ],
    );
    expect![[r#""#]].assert_eq(&bad);
}

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
        source("azureFile: {secretName: s, shareName: h, secretNamespace: n}"),
        PersistentVolumeSource::AzureFile {
            secret: "s".into(),
            secret_namespace: Some("n".into()),
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
    expect![[r#""#]].assert_eq(&bad);
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
    expect![[r#""#]].assert_eq(&bad);
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
    expect![[r#""#]].assert_eq(&bad);
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
    expect![[r#""#]].assert_eq(&bad);
    let bad = refusals(
        "storage.k8s.io/v1",
        "CSIDriver",
        &["metadata: {}, spec: {}", "metadata: {name: x}", "metadata: {name: x}, spec: {storageCapacity: 1}"],
    );
    expect![[r#""#]].assert_eq(&bad);
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
    expect![[r#""#]].assert_eq(&bad);
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
    expect![[r#""#]].assert_eq(&bad);
}

#[test]
fn volumes_of_pods() {
    let spec = pod(
        "containers: [{name: c}], volumes: [{name: a, persistentVolumeClaim: {claimName: c, readOnly: true}}, \
         {name: b, ephemeral: {volumeClaimTemplate: {spec: {}}}}, {name: d, emptyDir: {}}, {name: e}, \
         {name: f, image: {reference: \"i:1\"}}, {name: g, rbd: {monitors: [m], image: i}}, \
         {name: h, iscsi: {targetPortal: t, iqn: q, lun: 1}}, {name: i, newKind: {}}]",
    )
    .template
    .spec
    .clone();
    let found: Vec<_> =
        spec.volumes.iter().map(|volume| (volume.name.as_str(), volume.source.clone())).collect();
    let expected = [
        ("a", VolumeSource::Claim { name: "c".into(), read_only: true }),
        ("b", VolumeSource::Ephemeral),
        ("f", VolumeSource::Image { reference: "i:1".into() }),
        (
            "g",
            VolumeSource::Rbd {
                monitors: vec!["m".into()],
                pool: "rbd".into(),
                image: "i".into(),
                read_only: false,
            },
        ),
        ("h", VolumeSource::Iscsi { target_portal: "t".into(), iqn: "q".into(), lun: 1, read_only: false }),
        ("i", VolumeSource::Other),
    ];
    assert_eq!(found, expected);
    assert!(spec.has_claims());
    let bad = [
        "volumes: {a: b}",
        "volumes: [{emptyDir: {}}]",
        "volumes: [{name: a}, {name: a}]",
        "volumes: [{name: a, emptyDir: {}, hostPath: {path: /d}}]",
        "volumes: [{name: a, persistentVolumeClaim: {}}]",
        "volumes: [{name: a, persistentVolumeClaim: c}]",
        "volumes: [{name: a, persistentVolumeClaim: {claimName: C}}]",
        "volumes: [{name: a, awsElasticBlockStore: {volumeID: \"\"}}]",
        "volumes: [{name: a, iscsi: {targetPortal: t, iqn: q, lun: 1e30}}]",
        "volumes: [{name: a, ephemeral: {}}]",
        "volumes: [{name: a, emptydir: {}}]",
        "resourceClaims: [{name: gpu, resourceClaimName: g}]",
    ]
    .map(|line| summary(&pod_with(&format!("  containers: [{{name: c}}]\n  {line}\n"))));
    let claims = summary(&pod_with("  containers: [{name: c, resources: {claims: [{name: gpu}]}}]\n"));
    expect![[r#""#]].assert_eq(&format!("{}\n{claims}", bad.join("\n")));
    let text =
        r#"{"metadata": {"name": "p"}, "spec": {"resourceClaims": [{"name": "gpu"}], "containers": []}}"#;
    let Object::Pod(pod) = raw(("v1", "Pod"), text).unwrap() else { panic!() };
    assert_eq!(pod.template.spec.resource_claims, ["gpu"]);
}

#[test]
fn features_that_pods_need_and_nodes_declare() {
    let pod = pod("hostNetwork: true, hostUsers: false, containers: [{name: c, restartPolicy: Never, \
                   restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [1]}}]}]");
    let spec = &pod.template.spec;
    assert!(spec.own_users && spec.containers[0].restarts_all);
    let node = node("{apiVersion: v1, kind: Node, metadata: {name: n}, status: {declaredFeatures: [A, B]}}");
    assert_eq!(node.declared_features, ["A", "B"]);
}

/// A pod with one container that asks for one core, and one at the level of the pod.
fn with_status(status: &str) -> Pod {
    let text = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, resources: \
         {{requests: {{cpu: 1}}}}}}], resources: {{requests: {{cpu: 1}}}}}}, status: {{{status}}}}}"
    );
    match one(&text) {
        Object::Pod(pod) => *pod,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn resources_of_the_status_are_kept_where_they_matter() {
    let container = |resources: &str| {
        with_status(&format!("containerStatuses: [{{name: c, {resources}}}]")).status_resources
    };
    assert_eq!(container("allocatedResources: {cpu: 2}"), None);
    assert_eq!(container("resources: {requests: {cpu: 1}}, allocatedResources: {cpu: 1}"), None);
    assert_eq!(container("resources: {requests: {cpu: 500m}}"), None);
    let given =
        container("resources: {requests: {cpu: 1}}, allocatedResources: {cpu: 3, memory: 0}").unwrap();
    assert_eq!(given.containers["c"]["cpu"], Quantity::from_units(3));
    assert!(given.containers["c"].contains_key("memory") && !given.is_infeasible);
    let infeasible = "conditions: [{type: PodResizePending, status: \"True\", reason: Infeasible}]";
    let given = with_status(&format!(
        "{infeasible}, containerStatuses: [{{name: c, resources: {{requests: {{cpu: 500m}}}}}}]"
    ));
    assert!(given.status_resources.unwrap().is_infeasible);
    assert_eq!(with_status(infeasible).status_resources, None);
    let of_pod = with_status("resources: {requests: {cpu: 1}}, allocatedResources: {cpu: 2}");
    assert_eq!(of_pod.status_resources.unwrap().pod.as_ref().unwrap()["cpu"], Quantity::from_units(2));
}

#[test]
fn times_and_conditions_of_the_status() {
    let pod = with_status("startTime: \"1970-01-01T00:00:02.5Z\"");
    assert_eq!((pod.start_unix_nanos, pod.preempted_condition), (Some(2_500_000_000), false));
    let disrupted = |reason: &str| {
        let condition = format!("{{type: DisruptionTarget, status: \"True\", reason: {reason}}}");
        with_status(&format!("conditions: [{condition}]")).preempted_condition
    };
    assert!(disrupted("PreemptionByScheduler") && !disrupted("TerminationByKubelet"));
    let bad = refusals(
        "v1",
        "Pod",
        &["soon", "\"9999-01-01T00:00:00Z\""]
            .map(|time| {
                format!("metadata: {{name: p}}, spec: {{containers: [{{name: c}}]}}, status: {{startTime: {time}}}")
            })
            .each_ref()
            .map(String::as_str),
    );
    expect![[r#""#]].assert_eq(&bad);
}
