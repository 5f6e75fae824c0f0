//! The recorded answers of the real scheduler 1.36 to pods with volumes, needed features, resizes
//! under way and image volumes: what each plugin says of each node, and of the pod as a whole.

use super::super::explain::{Explanation, NodeExplanation};
use super::conformance::{
    cases, class_of, cluster_of_case, config_of, folder, list, object, read_pod, strings, text,
};
use super::*;
use crate::api::Object;
use crate::control::config::Version;
use serde_json::Value;
use std::collections::BTreeMap;

/// Enters the storage objects of a case.
pub(super) fn enter_storage(cluster: &mut Cluster, input: &Value) {
    let kinds = [
        ("persistentVolumes", "v1", "PersistentVolume"),
        ("persistentVolumeClaims", "v1", "PersistentVolumeClaim"),
        ("storageClasses", "storage.k8s.io/v1", "StorageClass"),
        ("csiNodes", "storage.k8s.io/v1", "CSINode"),
        ("csiDrivers", "storage.k8s.io/v1", "CSIDriver"),
        ("csiStorageCapacities", "storage.k8s.io/v1", "CSIStorageCapacity"),
        ("volumeAttachments", "storage.k8s.io/v1", "VolumeAttachment"),
    ];
    let storage = &mut cluster.storage;
    for (key, version, kind) in kinds {
        for value in list(&input["cluster"], key) {
            match object(version, kind, value) {
                Object::PersistentVolume(volume) => storage.set_volume(*volume),
                Object::PersistentVolumeClaim(claim) => storage.set_claim(*claim),
                Object::StorageClass(class) => storage.set_class(*class),
                Object::CsiNode(node) => storage.set_node(*node),
                Object::CsiDriver(driver) => storage.set_driver(*driver),
                Object::CsiStorageCapacity(capacity) => storage.set_capacity(*capacity),
                Object::VolumeAttachment(attachment) => storage.set_attachment(*attachment),
                other => panic!("a {}", other.kind()),
            }
        }
    }
}

/// Where our answer to a case differs from the recorded one.
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: &T, theirs: &T) {
        if ours != theirs {
            self.0.push(format!("{what}: {ours:?}, recorded {theirs:?}"));
        }
    }
}

/// The load of a node that a record gives.
fn compare_load(differences: &mut Differences, cluster: &Cluster, node: NodeId, theirs: &Value) {
    let (nodes, row) = (&cluster.nodes, node.index());
    let requested = |resource: usize| nodes.requested[resource][row];
    let ours = [
        ("milliCPU", requested(0)),
        ("memory", requested(1)),
        ("ephemeralStorage", requested(2)),
        ("nonZeroMilliCPU", nodes.non_zero[0][row]),
        ("nonZeroMemory", nodes.non_zero[1][row]),
        ("pods", nodes.pod_count[row]),
    ];
    for (key, amount) in ours {
        let recorded = theirs["requested"][key].as_i64().unwrap_or(0);
        differences.compare(&format!("{} {key}", text(theirs, "node")), &amount, &recorded);
    }
}

/// The nodes by name.
fn node_of(cluster: &Cluster, name: &str) -> NodeId {
    cluster.names.get(name).and_then(|name| cluster.nodes.find(name)).expect("the node exists")
}

fn compare_nodes(
    differences: &mut Differences,
    cycle: &Cycle,
    cluster: &Cluster,
    nodes: &[NodeExplanation],
    expected: &Value,
) {
    let by_node: BTreeMap<NodeId, &NodeExplanation> = nodes.iter().map(|entry| (entry.node, entry)).collect();
    let scores = |name: &str| {
        let mut places = cycle.profile.scores.iter();
        places.any(|&(place, _)| cycle.profile.plugins[place].name() == name)
    };
    for theirs in list(expected, "nodes") {
        let name = text(theirs, "node");
        let ours = by_node[&node_of(cluster, name)];
        let failure = ours.failure.as_ref().map(|failure| {
            let mut reasons = failure.reasons.clone();
            reasons.sort();
            (failure.plugin.to_owned(), failure.code.name().to_owned(), reasons)
        });
        let recorded = theirs.get("failure").map(|failure| {
            let (plugin, code) = (text(failure, "plugin"), text(failure, "code"));
            (plugin.to_owned(), code.to_owned(), strings(failure, "reasons"))
        });
        differences.compare(&format!("{name} failure"), &failure, &recorded);
        for key in ["raw", "normalized"] {
            let given: BTreeMap<&str, i64> = ours
                .scores
                .iter()
                .map(|score| (score.plugin, if key == "raw" { score.raw } else { score.normalized }))
                .collect();
            let recorded: BTreeMap<&str, i64> = theirs[key]
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(plugin, _)| scores(plugin))
                .map(|(plugin, score)| (plugin.as_str(), score.as_i64().unwrap()))
                .collect();
            differences.compare(&format!("{name} {key}"), &given, &recorded);
        }
    }
}

/// Compares everything that a record says of a pod, with plugins that exist here.
fn compare(case: &Value) -> Differences {
    let mut differences = Differences(Vec::new());
    let (input, expected) = (&case["input"], &case["expected"]);
    let mut cluster = cluster_of_case(input);
    for theirs in list(expected, "nodes") {
        compare_load(&mut differences, &cluster, node_of(&cluster, text(theirs, "node")), theirs);
    }
    let class = class_of(&mut cluster, &read_pod(&input["pod"]));
    let (config, profile) = config_of(&case["input"], Version::V1_36);
    let mut cycle = Cycle::new(&config, profile);
    cycle.profile.prepare(&mut cluster);
    let context = Context { cluster: &cluster, class, pod: None, version: Version::V1_36 };
    let rejection = cycle.pre_filter(context).err().map(|(status, plugins)| {
        (cycle.profile.names(plugins).join(" "), status.code.name().to_owned(), status.message)
    });
    let recorded = expected.get("preFilterRejection").map(|recorded| {
        (
            text(recorded, "plugin").to_owned(),
            text(recorded, "code").to_owned(),
            text(recorded, "message").to_owned(),
        )
    });
    differences.compare("rejection", &rejection, &recorded);
    let skipped: Vec<String> =
        cycle.profile.names(cycle.scratch.skipped).into_iter().map(str::to_owned).collect();
    let exists = |name: &String| cycle.profile.plugins.iter().any(|plugin| plugin.name() == name.as_str());
    let theirs: Vec<String> = strings(expected, "skippedFilterPlugins").into_iter().filter(exists).collect();
    differences.compare("skipped filters", &skipped, &theirs);
    if let Explanation::Nodes(nodes) = cycle.explain(&mut cluster, class) {
        compare_nodes(&mut differences, &cycle, &cluster, &nodes, expected);
    }
    match cycle.evaluate(&mut cluster, class, 0) {
        Outcome::Rejected(rejection) => {
            // The records end before PostFilter.
            let diagnosis = Diagnosis { post_filter: String::new(), ..(*rejection.diagnosis).clone() };
            differences.compare("message", &diagnosis.to_string().as_str(), &text(expected, "message"));
            let plugins: Vec<String> = diagnosis.plugins.iter().map(|name| (*name).to_owned()).collect();
            differences.compare("rejectors", &plugins, &strings(expected, "unschedulablePlugins"));
        }
        Outcome::Placed(placement) => {
            let feasible = expected["numFeasible"].as_u64().unwrap_or(0);
            differences.compare("feasible nodes", &u64::from(placement.feasible), &feasible);
        }
    }
    differences
}

/// Compares the cases of a file; `select` picks them.
#[expect(clippy::print_stderr, reason = "says how much was compared")]
fn compare_file(file: &str, select: impl Fn(&Value) -> bool, compare: impl Fn(&Value) -> Differences) {
    let Some(folder) = folder(file) else { return };
    let cases: Vec<Value> =
        cases(&folder.join(format!("{file}.jsonl.gz"))).into_iter().filter(select).collect();
    let mut differed: Vec<String> = Vec::new();
    for case in &cases {
        let Differences(found) = compare(case);
        if !found.is_empty() {
            differed.push(format!("{}:\n  {}", text(case, "id"), found.join("\n  ")));
        }
    }
    eprintln!("{file}: {} of {} cases agree", cases.len() - differed.len(), cases.len());
    assert!(!cases.is_empty() && differed.is_empty(), "{file}:\n{}", differed.join("\n"));
}

#[test]
fn conformance_volumes_are_judged_as_recorded() {
    for file in [
        "volumes",
        "focus-VolumeBinding",
        "focus-VolumeRestrictions",
        "focus-VolumeZone",
        "focus-NodeVolumeLimits",
    ] {
        compare_file(file, |_| true, compare);
    }
}

#[test]
fn conformance_features_resizes_and_image_volumes_are_judged_as_recorded() {
    for file in ["focus-NodeDeclaredFeatures", "focus-PodLevelInPlace136", "focus-ImageLocality136"] {
        compare_file(file, |_| true, compare);
    }
}

#[test]
fn conformance_pods_under_resize_count_as_recorded() {
    let resized = |case: &Value| {
        let pods = list(&case["input"]["cluster"], "pods");
        pods.iter().any(|pod| pod["status"].to_string().contains("resources"))
    };
    compare_file("score", resized, |case| {
        let mut differences = Differences(Vec::new());
        let cluster = cluster_of_case(&case["input"]);
        for theirs in list(&case["expected"], "nodes") {
            let node = node_of(&cluster, text(theirs, "node"));
            compare_load(&mut differences, &cluster, node, theirs);
        }
        differences
    });
}
