//! The recorded answers of the real scheduler, 1.34 and 1.36, about spreading: failures and scores
//! of nodes. What other plugins say is not compared here.

use super::super::explain::{Explanation, NodeExplanation};
use super::super::framework::Plugin;
use super::super::plugins::{PodTopologySpread, SpreadArgs};
use super::conformance::{
    OURS, Report, cases, config_of, folder, list, profile_of, read_node, read_pod, scope, summary, text,
};
use super::*;
use crate::api::{LabelSelector, Operator, Requirement};
use crate::cluster::{ClassKey, ControllerKind};
use crate::control::config::Version;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAME: &str = "PodTopologySpread";

fn pairs(value: &Value) -> Option<BTreeMap<String, String>> {
    let object = value.as_object()?;
    Some(object.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect())
}

fn selector(value: &Value) -> Option<LabelSelector> {
    value.as_object()?;
    let requirement = |entry: &Value| Requirement {
        key: text(entry, "key").to_owned(),
        operator: match text(entry, "operator") {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            _ => Operator::DoesNotExist,
        },
        values: list(entry, "values").iter().map(|value| value.as_str().unwrap().to_owned()).collect(),
    };
    Some(LabelSelector {
        match_labels: pairs(&value["matchLabels"]).unwrap_or_default().into_iter().collect(),
        match_expressions: list(value, "matchExpressions").iter().map(requirement).collect(),
    })
}

fn namespace_of(value: &Value) -> &str {
    Some(text(&value["metadata"], "namespace")).filter(|name| !name.is_empty()).unwrap_or("default")
}

/// Enters Services and controllers.
fn enter_selectors(cluster: &mut Cluster, input: &Value) {
    let Cluster { names, selectors, .. } = cluster;
    let key =
        |value: &'_ Value| (namespace_of(value).to_owned(), text(&value["metadata"], "name").to_owned());
    for value in list(&input["cluster"], "services") {
        let (namespace, name) = key(value);
        selectors.set_service(names, &namespace, &name, pairs(&value["spec"]["selector"]).as_ref());
    }
    let kinds = [
        ("replicaSets", ControllerKind::ReplicaSet),
        ("statefulSets", ControllerKind::StatefulSet),
        ("replicationControllers", ControllerKind::ReplicationController),
    ];
    for (plural, kind) in kinds {
        for value in list(&input["cluster"], plural) {
            let (namespace, name) = key(value);
            let written = &value["spec"]["selector"];
            let selector = match kind {
                ControllerKind::ReplicationController => selector(&json!({ "matchLabels": written })),
                _ => selector(written),
            };
            selectors.set_controller(names, kind, (&namespace, &name), selector.as_ref());
        }
    }
}

/// The class of a pod with the controller that owns it.
fn class_of(cluster: &mut Cluster, value: &Value) -> ClassId {
    let pod = read_pod(value);
    let owners = list(&value["metadata"], "ownerReferences");
    let owner = owners.iter().find(|owner| owner["controller"] == true);
    let controller = owner.and_then(|owner| {
        let kind = ControllerKind::of(text(owner, "apiVersion"), text(owner, "kind"))?;
        Some((kind, cluster.names.intern(text(owner, "name"))))
    });
    let namespace = cluster.names.intern(namespace_of(value));
    let priority = pod.template.spec.priority.unwrap_or(0);
    cluster.class_of(&ClassKey { controller, ..ClassKey::new(&pod.template, namespace, priority) })
}

fn cluster_of_case(input: &Value) -> Cluster {
    let mut cluster = Cluster::default();
    for node in list(&input["cluster"], "nodes") {
        cluster.add_node(&read_node(node), PoolId(0), Time::ZERO);
    }
    enter_selectors(&mut cluster, input);
    for value in list(&input["cluster"], "pods") {
        let node = cluster.names.intern(text(&value["spec"], "nodeName"));
        if read_pod(value).phase.is_terminal() {
            continue;
        }
        let class = class_of(&mut cluster, value);
        if let Some(node) = cluster.nodes.find(node) {
            let id = insert_pod(&mut cluster, class);
            cluster.place(id, node);
            if value["metadata"].get("deletionTimestamp").is_some() {
                cluster.begin_deletion(id, Time::ZERO);
            }
        }
    }
    cluster
}

/// The plugin with the arguments of the case.
fn plugin(input: &Value) -> Box<dyn Plugin> {
    let configs = profile_of(input).map_or(&[][..], |profile| list(profile, "pluginConfig"));
    let args = configs.iter().find(|entry| text(entry, "name") == NAME).map(|entry| &entry["args"]);
    let mut ours = SpreadArgs::default();
    if let Some(args) = args.filter(|args| text(args, "defaultingType") == "List") {
        let constraints = args["defaultConstraints"].as_array().cloned().unwrap_or_default();
        let pod = json!({ "metadata": { "name": "p" }, "spec": {
            "containers": [{ "name": "c" }], "topologySpreadConstraints": constraints } });
        ours.system_defaults = false;
        ours.default_constraints = read_pod(&pod).template.spec.topology_spread.clone();
    }
    Box::new(PodTopologySpread::new(ours))
}

/// Whether a plugin is at work here.
fn is_known(plugin: &str) -> bool {
    plugin.is_empty() || plugin == NAME || OURS.contains(&plugin)
}

/// Compares what is said of one node. Scores are compared if the same nodes are scored.
fn compare_node(report: &mut Report, id: &str, ours: &NodeExplanation, theirs: &Value, with_scores: bool) {
    if !is_known(text(&theirs["failure"], "plugin")) {
        report.left_out += 1;
        return;
    }
    report.compare("feasible", id, &ours.failure.is_none(), &(theirs["feasible"] == true));
    let failure = ours.failure.as_ref().filter(|failure| failure.plugin == NAME);
    let failure = failure
        .map(|failure| json!({ "plugin": NAME, "code": failure.code.name(), "reasons": failure.reasons }));
    let recorded = Some(&theirs["failure"]).filter(|failure| text(failure, "plugin") == NAME);
    let what = if failure.is_some() { "failure" } else { "no failure" };
    report.compare(what, id, &failure.as_ref(), &recorded);
    if !with_scores {
        return;
    }
    let score = ours.scores.iter().find(|score| score.plugin == NAME);
    let value = |key: &str| theirs[key].get(NAME).and_then(Value::as_i64);
    let what = if score.is_some() { "scores" } else { "no scores" };
    let ours = (score.map(|score| score.raw), score.map(|score| score.normalized));
    report.compare(what, id, &ours, &(value("raw"), value("normalized")));
}

fn compare_case(report: &mut Report, case: &Value, version: Version) {
    let (id, input, expected) = (text(case, "id"), &case["input"], &case["expected"]);
    let nodes = list(expected, "nodes");
    let scope = scope(input);
    let is_partial = nodes.is_empty() || nodes.iter().any(|node| node["notEvaluated"] == true);
    if is_partial || scope.loose || !scope.left_out.is_empty() {
        report.left_out += 1;
        return;
    }
    let mut config = config_of(case);
    config.version = version;
    let mut cycle = Cycle::new(&config);
    let place = cycle.profile.plugins.iter().position(|plugin| plugin.name() == NAME).unwrap();
    cycle.profile.plugins[place] = plugin(input);
    let mut cluster = cluster_of_case(input);
    let class = class_of(&mut cluster, &input["pod"]);
    let Explanation::Nodes(ours) = cycle.explain(&mut cluster, class) else {
        report.left_out += 1;
        return;
    };
    let with_scores = nodes.iter().all(|node| is_known(text(&node["failure"], "plugin")));
    for theirs in nodes {
        let name = text(theirs, "node");
        let node = cluster.nodes.find(cluster.names.get(name).unwrap()).unwrap();
        let ours = ours.iter().find(|entry| entry.node == node).unwrap();
        compare_node(report, &format!("{id} {name}"), ours, theirs, with_scores);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
fn conformance_spreading_is_the_recorded_one() {
    let Some(folder) = folder("conformance_spreading_is_the_recorded_one") else { return };
    for (version, name) in [(Version::V1_36, "scheduler-1.36"), (Version::V1_34, "scheduler-1.34")] {
        for file in ["focus-PodTopologySpread.jsonl.gz", "score.jsonl.gz", "focus-Config.jsonl.gz"] {
            let mut report = Report::default();
            for case in cases(&folder.with_file_name(name).join(file)) {
                if text(&case, "mode") == "score" {
                    compare_case(&mut report, &case, version);
                }
            }
            eprintln!("{name}/{file}\n{}", summary(&report));
            let shown = report.differed[..report.differed.len().min(30)].join("\n");
            assert!(report.differed.is_empty(), "{} differ:\n{shown}", report.differed.len());
            assert!(report.agreed.values().sum::<u32>() > 20);
        }
    }
}
