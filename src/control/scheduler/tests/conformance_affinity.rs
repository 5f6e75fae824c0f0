//! InterPodAffinity against the recorded answers of the real schedulers 1.34 and 1.36.

use super::super::explain::{Explanation, NodeExplanation};
use super::super::framework::{Code, Plugin};
use super::super::plugins::inter_pod_affinity::{InterPodAffinity, InterPodArgs};
use super::conformance::{Report, cases, class_of, cluster_of_case, config_of, folder, list, profile_of};
use super::conformance::{read_pod, strings, summary, text};
use super::*;
use serde_json::Value;
use std::collections::BTreeMap;

const NAME: &str = "InterPodAffinity";

/// The plugin's arguments in a case.
pub(super) fn args_of(input: &Value) -> InterPodArgs {
    let mut args = InterPodArgs::default();
    for entry in profile_of(input).map_or(&[][..], |profile| list(profile, "pluginConfig")) {
        if text(entry, "name") == NAME {
            let given = &entry["args"];
            if let Some(weight) = given["hardPodAffinityWeight"].as_i64() {
                args.hard_pod_affinity_weight = weight as i32;
            }
            args.ignore_preferred_terms_of_existing_pods =
                given["ignorePreferredTermsOfExistingPods"] == true;
        }
    }
    args
}

/// A cycle as a case configures it.
pub(super) fn cycle_of(case: &Value, version: Version) -> Cycle {
    let mut config = config_of(case);
    config.version = version;
    let mut cycle = Cycle::new(&config);
    let plugins = &mut cycle.profile.plugins;
    let place = plugins.iter().position(|plugin| plugin.name() == NAME).unwrap();
    plugins[place] = Box::new(InterPodAffinity::new(args_of(&case["input"])));
    cycle
}

/// What our plugin says of a node: nothing if it passes.
fn verdict(plugin: &mut dyn Plugin, context: Context<'_>, name: &str) -> Option<(String, Vec<String>)> {
    let node = context.cluster.nodes.find(context.cluster.names.get(name)?)?;
    let mut causes = Vec::new();
    let code = plugin.status(context, node, &mut causes);
    let reasons = causes.into_iter().map(|cause| cause.text(context.cluster)).collect();
    (code != Code::Success).then(|| (code.name().to_owned(), reasons))
}

/// Compares the filter: the plugin is asked about every node that the real one was asked about.
fn compare_filter(report: &mut Report, id: &str, cycle: &mut Cycle, context: Context<'_>, expected: &Value) {
    let plugin = cycle.profile.plugins.iter_mut().find(|plugin| plugin.name() == NAME).unwrap();
    let skips = plugin.pre_filter(context).status.code == Code::Skip;
    if expected["skippedFilterPlugins"].is_array() {
        let theirs = strings(expected, "skippedFilterPlugins").iter().any(|name| name == NAME);
        report.compare("filter skipped", id, &skips, &theirs);
    }
    for node in list(expected, "nodes") {
        let name = text(node, "node");
        let failure = node.get("failure").filter(|failure| failure.is_object());
        let ours = verdict(plugin.as_mut(), context, name);
        match failure {
            Some(failure) if text(failure, "plugin") == NAME => {
                let theirs = (text(failure, "code").to_owned(), strings(failure, "reasons"));
                report.compare("failure", &format!("{id} {name}"), &ours, &Some(theirs));
            }
            // Another one has refused it before.
            Some(_) => report.left_out += 1,
            None => report.compare("feasible", &format!("{id} {name}"), &ours, &None),
        }
    }
}

/// Compares the scores of the nodes that are feasible in both worlds; normalised ones only where
/// those are the same.
fn compare_scores(report: &mut Report, id: &str, ours: &BTreeMap<&str, &NodeExplanation>, expected: &Value) {
    let nodes = list(expected, "nodes");
    let theirs_is_feasible = |node: &Value| !node["failure"].is_object();
    let same =
        nodes.iter().all(|node| theirs_is_feasible(node) == ours[text(node, "node")].failure.is_none());
    for node in nodes.iter().filter(|node| theirs_is_feasible(node)) {
        let name = text(node, "node");
        if ours[name].failure.is_some() {
            report.left_out += 1;
            continue;
        }
        let score = ours[name].scores.iter().find(|score| score.plugin == NAME);
        let recorded = |key: &str| node[key].get(NAME).and_then(Value::as_i64);
        let id = format!("{id} {name}");
        report.compare("raw", &id, &score.map(|score| score.raw), &recorded("raw"));
        if same {
            report.compare("normalized", &id, &score.map(|score| score.normalized), &recorded("normalized"));
        }
    }
}

fn compare_case(report: &mut Report, case: &Value, version: Version) {
    let (id, input, expected) = (text(case, "id"), &case["input"], &case["expected"]);
    let disabled = expected["weights"].is_object() && expected["weights"].get(NAME).is_none();
    let partly = list(expected, "nodes").iter().any(|node| node["notEvaluated"] == true);
    let nominated = |pod: &Value| !text(&pod["status"], "nominatedNodeName").is_empty();
    let nominates = list(&input["cluster"], "pods").iter().any(nominated);
    if disabled || partly || nominates || text(expected, "result") == "gated" {
        report.left_out += 1;
        return;
    }
    let mut cluster = cluster_of_case(input);
    let class = class_of(&mut cluster, &read_pod(&input["pod"]));
    let mut cycle = cycle_of(case, version);
    let Explanation::Nodes(explanation) = cycle.explain(&mut cluster, class) else {
        report.left_out += 1;
        return;
    };
    let name_of = |entry: &NodeExplanation| cluster.names.text(cluster.nodes.name[entry.node.index()]);
    let by_name = explanation.iter().map(|entry| (name_of(entry), entry)).collect();
    compare_scores(report, id, &by_name, expected);
    let context = Context { cluster: &cluster, class, pod: None, version };
    compare_filter(report, id, &mut cycle, context, expected);
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
fn conformance_affinity_is_the_recorded_one() {
    let Some(folder) = folder("conformance_affinity_is_the_recorded_one") else { return };
    let mut report = Report::default();
    for (name, version) in [("scheduler-1.34", Version::V1_34), ("scheduler-1.36", Version::V1_36)] {
        let folder = folder.with_file_name(name);
        for file in ["focus-InterPodAffinity.jsonl.gz", "score.jsonl.gz"] {
            for case in cases(&folder.join(file)).iter().filter(|case| text(case, "mode") == "score") {
                compare_case(&mut report, case, version);
            }
        }
    }
    eprintln!("{}", summary(&report));
    assert!(report.differed.is_empty(), "{} differ:\n{}", report.differed.len(), report.differed.join("\n"));
    assert!(report.agreed.values().sum::<u32>() > 8_000);
}
