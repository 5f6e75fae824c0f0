//! The public manifests, where they are at hand.

use super::*;

/// The data folder, or nothing, said aloud.
#[expect(clippy::disallowed_methods, reason = "tests find the public data by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn data(test: &str) -> Option<std::path::PathBuf> {
    let place = std::env::var_os("SEATRIAL_DATA").map(std::path::PathBuf::from);
    if place.is_none() {
        eprintln!("skipped: {test} (SEATRIAL_DATA is not set)");
    }
    place
}

fn unpacked(path: &std::path::Path) -> Vec<u8> {
    use std::io::Read as _;
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
    text
}

fn manifests_below(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.to_string_lossy().into_owned();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        if entry.is_dir() {
            manifests_below(&entry, found);
        } else if [".yaml", ".yml", ".json"].iter().any(|end| plain.ends_with(end)) {
            found.push(entry);
        }
    }
}

#[test]
fn public_manifests_are_read() {
    let Some(data) = data("public_manifests_are_read") else { return };
    let mut found = Vec::new();
    for folder in ["k8s-manifests", "gcda-k8s-sims", "kwok"] {
        manifests_below(&data.join("traces").join(folder), &mut found);
    }
    found.sort();
    assert!(found.len() > 50, "{}", found.len());
    let mut lines = Vec::new();
    for path in &found {
        let name = path.strip_prefix(&data).unwrap().to_string_lossy().into_owned();
        let mut manifest = Manifest::default();
        if let Err(error) = read(&name.into(), &unpacked(path), &mut manifest) {
            lines.push(error.to_string());
        }
        lines.extend(manifest.warnings.iter().map(ToString::to_string));
    }
    expect![[r#"
        traces/kwok/stage/node/chaos/testdata/node-not-ready.output.yaml:2:7: error: `apiVersion` is missing: `Node` (write `apiVersion: v1`)
        traces/kwok/stage/node/fast/testdata/node-pending.output.yaml:2:7: error: `apiVersion` is missing: `Node` (write `apiVersion: v1`)
        traces/kwok/stage/pod/fast/testdata/pod-pending.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/fast/testdata/pod-running-with-job.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/fast/testdata/pod-terminating.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-complete.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-create-with-init.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-create.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-delete.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-init-container-completed.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-init-container-running.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/pod/general/testdata/pod-ready.output.yaml:2:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        traces/kwok/stage/volume/fast/testdata/pv-bind.output.yaml:2:7: error: `apiVersion` is missing: `PersistentVolume` (write `apiVersion: v1`)
        traces/kwok/stage/volume/fast/testdata/pv-delete.output.yaml:2:7: error: `apiVersion` is missing: `PersistentVolume` (write `apiVersion: v1`)
        traces/kwok/stage/volume/fast/testdata/pvc-delete.output.yaml:2:7: error: `apiVersion` is missing: `PersistentVolumeClaim` (write `apiVersion: v1`)
        traces/kwok/stage/volume/fast/testdata/pvc-provision.output.yaml:2:7: error: `apiVersion` is missing: `PersistentVolumeClaim` (write `apiVersion: v1`)"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn the_gcda_cluster_is_read_whole() {
    let Some(data) = data("the_gcda_cluster_is_read_whole") else { return };
    let folder = data.join("traces/gcda-k8s-sims");
    let mut nodes = Manifest::default();
    read(&"nodes".into(), &unpacked(&folder.join("nodes-1200.yaml.gz")), &mut nodes).unwrap();
    assert_eq!((nodes.objects.len(), nodes.warnings.len()), (1213, 0));
    let cores: i64 = nodes
        .objects
        .iter()
        .map(|sourced| match &sourced.object {
            Object::Node(node) => node.allocatable["cpu"].milli_ceil(),
            other => panic!("{}", other.kind()),
        })
        .sum();
    let mut pods = Manifest::default();
    read(&"pods".into(), &unpacked(&folder.join("pods-1200.yaml.gz")), &mut pods).unwrap();
    assert_eq!((pods.objects.len(), pods.warnings.len()), (7064, 0));
    let mut names = std::collections::BTreeSet::new();
    let mut templates = std::collections::BTreeSet::new();
    let mut requested = 0;
    for Sourced { object, .. } in &pods.objects {
        let Object::Pod(pod) = object else { panic!("{}", object.kind()) };
        names.insert(pod.meta.name.as_str());
        templates.insert(Arc::as_ptr(&pod.template));
        let containers = pod.template.spec.containers.iter();
        requested +=
            containers.map(|container| container.resources.requests["cpu"].milli_ceil()).sum::<i64>();
    }
    expect!["107018000 66238112 7064 126"].assert_eq(&format!(
        "{cores} {requested} {} {}",
        names.len(),
        templates.len()
    ));
}

#[test]
fn manifests_of_recorded_timelines_are_read() {
    let Some(data) = data("manifests_of_recorded_timelines_are_read") else { return };
    let mut found = Vec::new();
    manifests_below(&data.join("conformance/timelines"), &mut found);
    found.retain(|path| path.ends_with("manifests.yaml"));
    assert!(found.len() >= 30, "{}", found.len());
    for path in &found {
        let name: Arc<str> = path.to_string_lossy().into();
        let mut manifest = Manifest::default();
        read(&name, &unpacked(path), &mut manifest).unwrap_or_else(|error| panic!("{error}"));
        assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
        assert!(!manifest.objects.is_empty() || !manifest.ignored.is_empty(), "{name}");
    }
}

/// Objects in recorded cases name no kind, and have been completed by the recorder where it matters.
#[test]
fn objects_of_recorded_cases_are_read() {
    let Some(data) = data("objects_of_recorded_cases_are_read") else { return };
    let mut counts = [0; 2];
    let folder = data.join("conformance/scheduler-1.36");
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("focus-")) {
            continue;
        }
        for line in String::from_utf8(unpacked(&path)).unwrap().lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let cluster = &case["input"]["cluster"];
            for (at, (kind, list)) in
                [("Node", &cluster["nodes"]), ("Pod", &cluster["pods"])].iter().enumerate()
            {
                for object in list.as_array().into_iter().flatten() {
                    let options = Options { defaulting: Defaulting::None, assumed: Some(("v1", kind)) };
                    let mut manifest = Manifest::default();
                    let text = object.to_string();
                    read_with(&path.to_string_lossy().into(), text.as_bytes(), options, &mut manifest)
                        .unwrap_or_else(|error| panic!("{error}\n{text}"));
                    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
                    counts[at] += manifest.objects.len();
                }
            }
        }
    }
    expect!["[1280, 557]"].assert_eq(&format!("{counts:?}"));
}

/// The lists of a recorded cluster, each with the version and kind of its members.
const RECORDED: &[(&str, &str, &str)] = &[
    ("nodes", "v1", "Node"),
    ("pods", "v1", "Pod"),
    ("namespaces", "v1", "Namespace"),
    ("services", "v1", "Service"),
    ("replicaSets", "apps/v1", "ReplicaSet"),
    ("statefulSets", "apps/v1", "StatefulSet"),
    ("replicationControllers", "v1", "ReplicationController"),
    ("pdbs", "policy/v1", "PodDisruptionBudget"),
    ("persistentVolumes", "v1", "PersistentVolume"),
    ("persistentVolumeClaims", "v1", "PersistentVolumeClaim"),
    ("storageClasses", "storage.k8s.io/v1", "StorageClass"),
    ("csiNodes", "storage.k8s.io/v1", "CSINode"),
    ("csiDrivers", "storage.k8s.io/v1", "CSIDriver"),
    ("csiStorageCapacities", "storage.k8s.io/v1", "CSIStorageCapacity"),
    ("volumeAttachments", "storage.k8s.io/v1", "VolumeAttachment"),
];

/// Adds what a recorded case has as input to `manifest`, and gives how many objects that are.
fn read_case(case: &serde_json::Value, manifest: &mut Manifest) -> usize {
    let mut read_one = |version: &str, kind: &str, object: &serde_json::Value| {
        let options = Options { defaulting: Defaulting::None, assumed: Some((version, kind)) };
        let text = object.to_string();
        read_with(&"case".into(), text.as_bytes(), options, manifest)
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
    };
    let mut count = 0;
    let lists = case["input"]["cluster"].as_object().into_iter().flatten();
    for (list, objects) in lists {
        let (_, version, kind) =
            RECORDED.iter().find(|(name, ..)| name == list).unwrap_or_else(|| panic!("unknown list {list}"));
        for object in objects.as_array().into_iter().flatten() {
            read_one(version, kind, object);
            count += 1;
        }
    }
    if case["input"]["pod"].is_object() {
        read_one("v1", "Pod", &case["input"]["pod"]);
        count += 1;
    }
    count
}

#[test]
fn recorded_inputs_of_the_scheduler_are_read() {
    let Some(data) = data("recorded_inputs_of_the_scheduler_are_read") else { return };
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut resized, mut preempted, mut claims) = (0, 0, 0);
    let folder = data.join("conformance/scheduler-1.36");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "gz")) {
        for line in String::from_utf8(unpacked(path)).unwrap().lines() {
            let mut manifest = Manifest::default();
            let count = read_case(&serde_json::from_str(line).unwrap(), &mut manifest);
            assert_eq!(manifest.objects.len(), count, "{line}");
            // Some of the invented nodes give more than they have.
            manifest
                .warnings
                .retain(|warning| !warning.to_string().contains("is allocatable than the capacity"));
            assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
            for Sourced { object, .. } in &manifest.objects {
                *counts.entry(object.kind()).or_default() += 1;
                if let Object::Pod(pod) = object {
                    resized += u64::from(pod.status_resources.is_some());
                    preempted += u64::from(pod.preempted_condition);
                    claims += u64::from(pod.template.spec.has_claims());
                }
            }
        }
    }
    expect![[r#"
        (
            {
                "CSIDriver": 22,
                "CSINode": 373,
                "CSIStorageCapacity": 48,
                "Namespace": 2358,
                "Node": 16844,
                "PersistentVolume": 728,
                "PersistentVolumeClaim": 519,
                "Pod": 23859,
                "PodDisruptionBudget": 317,
                "ReplicaSet": 1075,
                "ReplicationController": 298,
                "Service": 1079,
                "StatefulSet": 478,
                "StorageClass": 212,
                "VolumeAttachment": 3,
            },
            499,
            142,
            475,
        )
    "#]]
    .assert_debug_eq(&(counts, resized, preempted, claims));
}
