//! The recorded answers of the real scheduler about preemption. Cases that need plugins which do not
//! exist here are counted as left out.

use super::super::explain::Failure;
use super::super::nominator::Nominator;
use super::super::preemption::{Candidate, Nomination, Preemption};
use super::conformance::{
    Report, cases, class_of, folder, list, read_node, read_pod, strings, summary, text,
};
use super::*;
use crate::api::Object;
use crate::api::kubernetes::{Defaulting, Manifest, Options, read_with};
use crate::cluster::Reason;
use crate::control::config::Scheduler as SchedulerConfig;
use serde_json::{Value, json};
use std::path::Path;

/// A case with the names of its pods by row.
struct Case {
    cluster: Cluster,
    names: Vec<String>,
    nominator: Nominator,
    attempt: Attempt,
    cycle: Cycle,
}

impl Case {
    fn new(input: &Value, version: Version) -> Case {
        let mut cluster = Cluster::default();
        for node in list(&input["cluster"], "nodes") {
            cluster.add_node(&read_node(node), PoolId(0), Time::ZERO);
        }
        for namespace in list(&input["cluster"], "namespaces") {
            let meta = &namespace["metadata"];
            let labels = meta["labels"].as_object().into_iter().flatten();
            let labels = labels.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
            cluster.selectors.set_namespace(&mut cluster.names, text(meta, "name"), &labels.collect());
        }
        for budget in list(&input["cluster"], "pdbs") {
            enter_budget(&mut cluster, budget);
        }
        let mut case = Case {
            cluster,
            names: Vec::new(),
            nominator: Nominator::default(),
            attempt: Attempt { class: ClassId(0), pod: None, key: 0 },
            cycle: Cycle::new(&config_of(input, version), 0),
        };
        for pod in list(&input["cluster"], "pods") {
            case.add_pod(pod, false);
        }
        let pod = case.add_pod(&input["pod"], true).expect("the pod has not ended");
        let class = case.cluster.pods.class[pod.index()];
        case.attempt = Attempt { class, pod: Some(pod), key: 7 };
        case
    }

    fn add_pod(&mut self, value: &Value, is_incoming: bool) -> Option<PodId> {
        let pod = read_pod(value);
        if pod.phase.is_terminal() {
            return None;
        }
        let cluster = &mut self.cluster;
        let class = class_of(cluster, &pod);
        let id = insert_pod(cluster, class);
        cluster.pods.name[id.index()] = PodName::Own(pod.meta.name.as_str().into());
        let namespace = if pod.meta.namespace.is_empty() { "default" } else { &pod.meta.namespace };
        self.names.push(format!("{namespace}/{}", pod.meta.name));
        cluster.pods.started[id.index()] = pod.start_unix_nanos;
        if pod.meta.deleting {
            cluster.begin_deletion(id, Time::ZERO);
        }
        if pod.preempted_condition {
            cluster.pods.reason[id.index()] = Reason::Preempted;
        }
        let mut find = |name: &str| {
            let name = cluster.names.intern(name);
            cluster.nodes.find(name)
        };
        let bound = find(&pod.template.spec.node_name).filter(|_| !is_incoming);
        let nominated = find(&pod.nominated_node_name);
        if let Some(node) = bound {
            cluster.place(id, node);
        } else if let Some(node) = nominated {
            self.nominator.nominate(id, node);
        }
        Some(id)
    }

    fn node(&self, node: NodeId) -> String {
        self.cluster.names.text(self.cluster.nodes.name[node.index()]).to_owned()
    }

    fn sorted(&self, nodes: impl IntoIterator<Item = NodeId>) -> Value {
        let mut names: Vec<String> = nodes.into_iter().map(|node| self.node(node)).collect();
        names.sort();
        names.into()
    }

    fn names_of(&self, pods: &[PodId]) -> Vec<String> {
        pods.iter().map(|pod| self.names[pod.index()].clone()).collect()
    }

    /// Each node's failure, as the scheduler sees it with the promised pods.
    fn failures(&mut self) -> Value {
        let order = self.cluster.nodes.order.clone();
        let context = self.cycle.context(&self.cluster, self.attempt);
        if self.cycle.pre_filter(context).is_err() {
            let entries = order.iter().map(|&node| json!({ "node": self.node(node), "feasible": false }));
            return sorted_by_node(entries.collect());
        }
        let named = match self.cycle.explain(&mut self.cluster, self.attempt.class) {
            explain::Explanation::Nodes(nodes) => nodes,
            explain::Explanation::Rejected { .. } => unreachable!("PreFilter has passed"),
        };
        let mut entries = Vec::new();
        for entry in named {
            let excluded = entry.failure.filter(|failure| failure.plugin.is_empty());
            let failure = excluded.or_else(|| self.failure_beside(entry.node));
            let failure = failure.expect("no node is feasible");
            entries.push(entry_of(&self.node(entry.node), &failure));
        }
        sorted_by_node(entries)
    }

    fn failure_beside(&mut self, node: NodeId) -> Option<Failure> {
        let refusal = self.cycle.refusal_beside(&mut self.cluster, self.attempt, node, &self.nominator)?;
        let profile = &self.cycle.profile;
        let plugin = profile.plugins[profile.filters[refusal.filter]].name();
        let reasons = refusal.causes.iter().map(|cause| cause.text(&self.cluster)).collect();
        Some(Failure { plugin, code: refusal.code, reasons })
    }

    fn candidate(&self, candidate: &Candidate) -> Value {
        let victims = self.names_of(&candidate.victims);
        let violations = candidate.violations;
        json!({ "node": self.node(candidate.node), "victims": victims, "numPDBViolations": violations })
    }

    /// The answer in the form of the records.
    fn answer(&mut self) -> Value {
        let rejection = match self.cycle.schedule(&mut self.cluster, self.attempt, &self.nominator) {
            Outcome::Rejected(rejection) => rejection,
            Outcome::Placed(placement) => {
                return json!({ "result": "schedulable", "numFeasible": placement.feasible });
            }
        };
        let preemption = self.cycle.preempt(&mut self.cluster, self.attempt, &self.nominator);
        let Preemption { potential, candidates, others, tied, cleared, status, .. } = &preemption;
        let (result, change) = match (preemption.nomination, preemption.choice()) {
            (Nomination::Set(_), Some(_)) => ("nominated", "set"),
            (Nomination::Clear, None) => ("noCandidates", "clear"),
            (Nomination::Keep, None) => ("notEligible", "keep"),
            other => unreachable!("{other:?}"),
        };
        let mut answer = json!({ "result": result, "nominationChange": change, "numFeasible": 0 });
        answer["postFilterStatus"] = json!({ "code": status.code.name(), "message": status.message });
        answer["message"] = preemption.complete(&rejection.diagnosis).to_string().into();
        answer["potentialNodes"] = self.sorted(potential.iter().copied());
        answer["candidates"] =
            sorted_by_node(candidates.iter().map(|candidate| self.candidate(candidate)).collect());
        let others = others.iter().map(|other| (other.node, other.failure(&self.cluster)));
        let others = others.map(|(node, failure)| entry_of(&self.node(node), &failure));
        answer["nonCandidates"] = sorted_by_node(others.collect());
        answer["tied"] = self.sorted(tied.iter().copied());
        answer["clearedNominations"] = self.names_of(cleared).into();
        answer["nodes"] = self.failures();
        answer
    }
}

fn entry_of(node: &str, failure: &Failure) -> Value {
    let mut reasons = failure.reasons.clone();
    reasons.sort();
    let failure = json!({ "plugin": failure.plugin, "code": failure.code.name(), "reasons": reasons });
    json!({ "node": node, "feasible": false, "failure": failure })
}

fn sorted_by_node(mut entries: Vec<Value>) -> Value {
    entries.sort_by(|a, b| text(a, "node").cmp(text(b, "node")));
    entries.into()
}

fn enter_budget(cluster: &mut Cluster, value: &Value) {
    let options =
        Options { defaulting: Defaulting::None, assumed: Some(("policy/v1", "PodDisruptionBudget")) };
    let mut manifest = Manifest::default();
    read_with(&"case".into(), value.to_string().as_bytes(), options, &mut manifest)
        .unwrap_or_else(|error| panic!("{error}"));
    match manifest.objects.pop().map(|entry| entry.object) {
        Some(Object::PodDisruptionBudget(budget)) => cluster.budgets.set(&mut cluster.names, &budget),
        other => panic!("{other:?}"),
    }
}

fn config_of(input: &Value, version: Version) -> Config {
    let mut config =
        Config { version, scheduler: SchedulerConfig::default_for(version), ..Config::default() };
    for entry in
        list(&list(&input["config"], "profiles").first().cloned().unwrap_or_default(), "pluginConfig")
    {
        assert_eq!(text(entry, "name"), "DefaultPreemption");
        let share = entry["args"]["minCandidateNodesPercentage"].as_u64().unwrap();
        config.scheduler.profiles[0].args.preemption.min_candidate_nodes_percentage = share as u32;
    }
    config
}

/// Whether the answer depends on a plugin that does not exist.
fn needs_more(input: &Value, cycle: &Cycle) -> bool {
    let has = |name: &str| cycle.profile.plugins.iter().any(|plugin| plugin.name() == name);
    let spec = &input["pod"]["spec"];
    let hard = |constraint: &Value| text(constraint, "whenUnsatisfiable") != "ScheduleAnyway";
    let required = |spec: &Value, kinds: &[&str]| {
        let terms = |kind: &&str| {
            !list(&spec["affinity"][*kind], "requiredDuringSchedulingIgnoredDuringExecution").is_empty()
        };
        kinds.iter().any(terms)
    };
    let spread = list(spec, "topologySpreadConstraints").iter().any(hard);
    let repelled =
        list(&input["cluster"], "pods").iter().any(|pod| required(&pod["spec"], &["podAntiAffinity"]));
    let affinity = repelled || required(spec, &["podAffinity", "podAntiAffinity"]);
    spread && !has("PodTopologySpread") || affinity && !has("InterPodAffinity")
}

/// The recorded answer without what is given for information, and with what is left out where it is
/// empty.
fn recorded(expected: &Value) -> Value {
    let mut recorded = expected.clone();
    if recorded["result"] == "schedulable" {
        return json!({ "result": "schedulable", "numFeasible": expected["numFeasible"] });
    }
    for key in ["potentialNodes", "candidates", "nonCandidates", "tied", "clearedNominations"] {
        if recorded.get(key).is_none() {
            recorded[key] = json!([]);
        }
    }
    for candidate in recorded["candidates"].as_array_mut().unwrap() {
        let fields = candidate.as_object_mut().unwrap();
        fields.retain(|key, _| ["node", "victims", "numPDBViolations"].contains(&key.as_str()));
    }
    let fields = recorded.as_object_mut().unwrap();
    fields.retain(|key, _| !["nominatedNode", "victims"].contains(&key.as_str()));
    recorded
}

fn compare_file(report: &mut Report, path: &Path, version: Version) {
    let mut agreed = 0;
    let all = cases(path);
    for entry in &all {
        let id = format!("{version:?} {}", text(entry, "id"));
        let mut case = Case::new(&entry["input"], version);
        if needs_more(&entry["input"], &case.cycle) {
            report.left_out += 1;
            continue;
        }
        let before = format!("{:?} {:?}", case.cluster.nodes.pods, case.cluster.nodes.requested);
        let (ours, theirs) = (case.answer(), recorded(&entry["expected"]));
        let differed = report.differed.len();
        for (key, theirs) in theirs.as_object().unwrap() {
            report.compare(key, &id, &ours[key], theirs);
        }
        agreed += usize::from(report.differed.len() == differed);
        let chosen = strings(&ours, "tied");
        assert_eq!(chosen.is_empty(), strings(&theirs, "tied").is_empty(), "{id}");
        let after = format!("{:?} {:?}", case.cluster.nodes.pods, case.cluster.nodes.requested);
        assert_eq!(before, after, "{id}: dry runs leave the cluster as it was");
        case.cluster.check().unwrap();
    }
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    *report.agreed.entry(format!("{version:?} {file}: of {} cases whole", all.len())).or_default() +=
        agreed as u32;
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
fn conformance_preemptions_are_the_recorded_ones() {
    let Some(folder) = folder("conformance_preemptions_are_the_recorded_ones") else { return };
    let mut report = Report::default();
    for (version, name) in [(Version::V1_36, "scheduler-1.36"), (Version::V1_34, "scheduler-1.34")] {
        for file in ["preempt.jsonl.gz", "preempt-large.jsonl.gz", "focus-DefaultPreemption.jsonl.gz"] {
            let path = folder.with_file_name(name).join(file);
            if path.exists() {
                compare_file(&mut report, &path, version);
            }
        }
    }
    eprintln!("{}", summary(&report));
    let shown: Vec<&String> = report.differed.iter().take(20).collect();
    assert!(report.differed.is_empty(), "{} differ: {shown:#?}", report.differed.len());
    assert!(report.agreed.values().sum::<u32>() > 1_000);
}
