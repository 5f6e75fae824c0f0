//! The recorded answers of the real scheduler 1.36: scores, failures and picks of single pods, and
//! histories of the queue. What depends on plugins that do not exist here is left out.

use super::super::events::{Action, Change, NodeFacts};
use super::super::explain::{Explanation, NodeExplanation};
use super::super::profile::{PluginSet, Profile};
use super::super::queue::Queue;
use super::*;
use crate::api::kubernetes::{Defaulting, Manifest, Options, read_with};
use crate::api::{Object, Pod};
use crate::control::config::{self, Version};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_methods, reason = "tests find the recorded answers by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(super) fn folder(test: &str) -> Option<PathBuf> {
    let place = std::env::var_os("SEATRIAL_DATA");
    if place.is_none() {
        eprintln!("skipped: {test} (SEATRIAL_DATA is not set)");
    }
    place.map(|data| PathBuf::from(data).join("conformance/scheduler-1.36"))
}

pub(super) fn cases(path: &Path) -> Vec<Value> {
    use std::io::Read as _;
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn object(version: &str, kind: &str, value: &Value) -> Object {
    let options = Options { defaulting: Defaulting::None, assumed: Some((version, kind)) };
    let mut manifest = Manifest::default();
    let text = value.to_string();
    read_with(&"case".into(), text.as_bytes(), options, &mut manifest)
        .unwrap_or_else(|error| panic!("{error}"));
    manifest.objects.pop().unwrap_or_else(|| panic!("no object in {text}")).object
}

pub(super) fn read_pod(value: &Value) -> Pod {
    match object("v1", "Pod", value) {
        Object::Pod(pod) => *pod,
        other => panic!("a {}", other.kind()),
    }
}

pub(super) fn read_node(value: &Value) -> Node {
    match object("v1", "Node", value) {
        Object::Node(node) => *node,
        other => panic!("a {}", other.kind()),
    }
}

pub(super) fn class_of(cluster: &mut Cluster, pod: &Pod) -> ClassId {
    cluster.class_for_pod(pod)
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn strings(value: &Value, key: &str) -> Vec<String> {
    list(value, key).iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
}

/// What cannot be compared in a case.
#[derive(Default)]
pub(super) struct Scope {
    /// Plugins whose scores and failures depend on what is not modelled.
    left_out: BTreeSet<&'static str>,
    /// Whether feasible nodes can be others, because of nominated pods or settings that are not
    /// modelled.
    loose: bool,
}

impl Scope {
    fn leave_out(&mut self, condition: bool, plugins: &[&'static str]) {
        if condition {
            self.left_out.extend(plugins);
            self.loose = true;
        }
    }
}

const OURS: [&str; 15] = [
    "SchedulingGates",
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "DynamicResources",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
    "NodeDeclaredFeatures",
];

fn scope(input: &Value) -> Scope {
    let pods = list(&input["cluster"], "pods");
    let nominated = |pod: &Value| !text(&pod["status"], "nominatedNodeName").is_empty();
    let mut scope = Scope::default();
    scope.leave_out(
        pods.iter().any(nominated) || nominated(&input["pod"]),
        &["NodeResourcesFit", "NodePorts", "InterPodAffinity"],
    );
    scope
}

/// The configuration of a case, and which of its profiles the pod asks for. The recorder looks at all
/// nodes, and takes a pod that no profile serves for the first one's.
pub(super) fn config_of(input: &Value, version: Version) -> (Config, usize) {
    let mut config =
        Config { version, scheduler: config::Scheduler::default_for(version), ..Config::default() };
    if input["config"].is_object() {
        let bytes = input["config"].to_string().into_bytes();
        let read = configuration::read(&"config".into(), &bytes, version);
        config.scheduler = read.unwrap_or_else(|findings| panic!("{findings:?}")).scheduler;
        config.scheduler.percentage_of_nodes_to_score = 100;
    }
    for profile in &mut config.scheduler.profiles {
        profile.percentage_of_nodes_to_score = None;
    }
    let wanted = text(&input["pod"]["spec"], "schedulerName");
    let profile = config.scheduler.profiles.iter().position(|profile| profile.name == wanted);
    (config, profile.unwrap_or(0))
}

pub(super) fn cluster_of_case(input: &Value) -> Cluster {
    let mut cluster = Cluster::default();
    for namespace in list(&input["cluster"], "namespaces") {
        let labels = namespace["metadata"]["labels"].as_object().into_iter().flatten();
        let labels = labels.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
        let name = text(&namespace["metadata"], "name");
        cluster.selectors.set_namespace(&mut cluster.names, name, &labels);
    }
    for node in list(&input["cluster"], "nodes") {
        cluster.add_node(&read_node(node), PoolId(0), Time::ZERO);
    }
    super::conformance_volumes::enter_storage(&mut cluster, input);
    for value in list(&input["cluster"], "pods") {
        let pod = read_pod(value);
        if pod.phase.is_terminal() || pod.template.spec.node_name.is_empty() {
            continue;
        }
        let class = class_of(&mut cluster, &pod);
        let node = cluster.names.intern(&pod.template.spec.node_name);
        if let Some(node) = cluster.nodes.find(node) {
            let id = insert_pod(&mut cluster, class);
            cluster.place(id, node);
        }
    }
    cluster
}

/// Counts of what was compared, and what differed.
#[derive(Default)]
pub(super) struct Report {
    pub(super) agreed: BTreeMap<String, u32>,
    pub(super) differed: Vec<String>,
    pub(super) left_out: u32,
}

impl Report {
    pub(super) fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        id: &str,
        ours: &T,
        theirs: &T,
    ) {
        if ours == theirs {
            *self.agreed.entry(what.to_owned()).or_default() += 1;
        } else {
            self.differed.push(format!("{id}: {what}: {ours:?}, recorded {theirs:?}"));
        }
    }
}

/// Compares one node; true if a plugin that does not exist here refused it.
fn compare_node(
    report: &mut Report,
    id: &str,
    scope: &Scope,
    ours: &NodeExplanation,
    theirs: &Value,
) -> bool {
    let id = format!("{id} {}", text(theirs, "node"));
    let failure = theirs.get("failure").filter(|failure| failure.is_object());
    let doubtful = |plugin: &str| scope.left_out.contains(plugin);
    let theirs_is_doubtful = failure.is_some_and(|failure| doubtful(text(failure, "plugin")));
    if theirs_is_doubtful || ours.failure.as_ref().is_some_and(|failure| doubtful(failure.plugin)) {
        report.left_out += 1;
        return false;
    }
    let Some(failure) = failure else {
        report.compare("feasible", &id, &ours.failure, &None);
        for score in ours.scores.iter().filter(|score| !scope.left_out.contains(score.plugin)) {
            let raw = theirs["raw"].get(score.plugin).and_then(Value::as_i64);
            report.compare(&format!("raw {}", score.plugin), &id, &Some(score.raw), &raw);
        }
        return false;
    };
    if OURS.contains(&text(failure, "plugin")) || text(failure, "plugin").is_empty() {
        let ours = ours.failure.as_ref().map(|failure| {
            let mut reasons = failure.reasons.clone();
            reasons.sort();
            (failure.plugin.to_owned(), failure.code.name().to_owned(), reasons)
        });
        let code = text(failure, "code").to_owned();
        let theirs = (text(failure, "plugin").to_owned(), code, strings(failure, "reasons"));
        report.compare("failure", &id, &ours, &Some(theirs));
        return false;
    }
    // Of the plugins that do not exist here none comes before one that does and refuses nodes.
    report.compare("passed by ours", &id, &ours.failure, &None);
    true
}

fn compare_case(report: &mut Report, case: &Value) {
    let (id, input, expected) = (text(case, "id"), &case["input"], &case["expected"]);
    let scope = scope(input);
    let (mut config, profile) = config_of(input, Version::V1_36);
    // What is not compared needs not run.
    let enabled = &mut config.scheduler.profiles[profile].plugins;
    enabled.filter.retain(|name| OURS.contains(name));
    enabled.pre_filter.retain(|name| OURS.contains(name));
    enabled.score.retain(|(name, _)| OURS.contains(name));
    let mut cluster = cluster_of_case(input);
    let class = class_of(&mut cluster, &read_pod(&input["pod"]));
    let mut cycle = Cycle::new(&config, profile);
    if text(expected, "result") == "gated" {
        let gate = cycle.profile.gate(&mut cluster, class).map(|place| cycle.profile.plugins[place].name());
        return report.compare("gate", id, &gate, &expected["gate"]["plugin"].as_str());
    }
    let rejection = &expected["preFilterRejection"];
    let explanation = match cycle.explain(&mut cluster, class) {
        Explanation::Rejected { message, .. } => {
            return report.compare("rejection", id, &message.as_str(), &text(rejection, "message"));
        }
        Explanation::Nodes(_) if rejection.is_object() => {
            report.left_out += 1;
            return;
        }
        Explanation::Nodes(nodes) => nodes,
    };
    let by_name: BTreeMap<&str, &NodeExplanation> = explanation
        .iter()
        .map(|entry| (cluster.names.text(cluster.nodes.name[entry.node.index()]), entry))
        .collect();
    let nodes = list(expected, "nodes");
    if nodes.iter().any(|node| node["notEvaluated"] == true) {
        report.left_out += 1;
        return;
    }
    let mut foreign = false;
    for theirs in nodes {
        foreign |= compare_node(report, id, &scope, by_name[text(theirs, "node")], theirs);
    }
    if foreign || scope.loose {
        return;
    }
    for theirs in nodes.iter().filter(|node| node["feasible"] == true) {
        for score in &by_name[text(theirs, "node")].scores {
            let normalized = theirs["normalized"].get(score.plugin).and_then(Value::as_i64);
            if !scope.left_out.contains(score.plugin) {
                report.compare("normalized", id, &Some(score.normalized), &normalized);
            }
        }
    }
    let other_scores = nodes
        .iter()
        .filter_map(|node| node["raw"].as_object())
        .any(|raw| raw.keys().any(|name| !OURS.contains(&name.as_str())));
    let outcome = cycle.evaluate(&mut cluster, class, 0);
    compare_outcome(report, id, expected, &cluster, outcome, other_scores || !scope.left_out.is_empty());
}

fn compare_outcome(
    report: &mut Report,
    id: &str,
    expected: &Value,
    cluster: &Cluster,
    outcome: Outcome,
    other_scores: bool,
) {
    match outcome {
        Outcome::Rejected(rejection) => {
            // The records end before PostFilter.
            let diagnosis = Diagnosis { post_filter: String::new(), ..(*rejection.diagnosis).clone() };
            report.compare("message", id, &diagnosis.to_string().as_str(), &text(expected, "message"));
            let plugins: Vec<String> =
                rejection.diagnosis.plugins.iter().map(|name| (*name).to_owned()).collect();
            report.compare("rejectors", id, &plugins, &strings(expected, "unschedulablePlugins"));
        }
        Outcome::Placed(placement) => {
            let feasible = expected["numFeasible"].as_u64().unwrap_or(0);
            report.compare("number of feasible nodes", id, &u64::from(placement.feasible), &feasible);
            if other_scores || expected["picked"].is_null() {
                return;
            }
            let name = cluster.names.text(cluster.nodes.name[placement.node.index()]);
            report.compare("picked", id, &name, &text(expected, "picked"));
            if feasible > 1 {
                report.compare("best total", id, &Some(placement.score), &expected["maxTotal"].as_i64());
                report.compare("tied", id, &(placement.tied as usize), &list(expected, "tied").len());
            }
        }
    }
}

pub(super) fn summary(report: &Report) -> String {
    let lines: Vec<String> = report.agreed.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    format!("{}\nleft out: {}", lines.join("\n"), report.left_out)
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
fn conformance_scores_and_failures_are_the_recorded_ones() {
    let Some(folder) = folder("conformance_scores_and_failures_are_the_recorded_ones") else { return };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("focus-") || name == "score.jsonl.gz"
        })
        .collect();
    paths.sort();
    let mut report = Report::default();
    for path in &paths {
        for case in cases(path).iter().filter(|case| text(case, "mode") == "score") {
            compare_case(&mut report, case);
        }
    }
    eprintln!("{}", summary(&report));
    assert!(report.differed.is_empty(), "{} differ:\n{}", report.differed.len(), report.differed.join("\n"));
    assert!(report.agreed.values().sum::<u32>() > 10_000);
}

/// A change that happened while pods were under way, kept for them.
#[derive(Clone)]
enum Kept {
    Node {
        node: NodeId,
        action: Action,
        before: Option<NodeFacts>,
        after: NodeFacts,
    },
    Pod {
        class: ClassId,
        action: Action,
    },
    /// Pods that had waited for too long were moved, which helps everybody.
    Sweep,
}

impl Kept {
    fn may_help(
        &self,
        profile: &mut Profile,
        cluster: &mut Cluster,
        class: ClassId,
        rejectors: PluginSet,
    ) -> bool {
        let change = match self {
            Kept::Sweep => return true,
            Kept::Node { node, action, before, after } => {
                Change::Node { node: *node, action: *action, before: before.as_ref(), after }
            }
            Kept::Pod { class, action } => Change::Pod { class: *class, action: *action },
        };
        profile.may_help(cluster, class, rejectors, &change)
    }
}

/// The queue with what a recorded history needs around it. Recorded pods can be under way while
/// events arrive, which cannot happen to the real queue here; so a pod that comes back is shown the
/// events that it has missed.
struct History {
    queue: Queue,
    profile: Profile,
    cluster: Cluster,
    nodes: u32,
    pods: BTreeMap<String, (PodRef, ClassId)>,
    under_way: BTreeMap<String, Vec<Kept>>,
}

impl History {
    fn new(input: &Value, version: Version) -> History {
        let scheduler = crate::control::config::Scheduler::default_for(version);
        let config = Config { version, scheduler, ..Config::default() };
        let seconds = |key: &str, default: u64| Span::from_secs(input[key].as_u64().unwrap_or(default));
        History {
            queue: Queue::new(seconds("podInitialBackoffSeconds", 1), seconds("podMaxBackoffSeconds", 10)),
            profile: Profile::new(&config.scheduler.profiles[0], config.version),
            cluster: Cluster::default(),
            nodes: 0,
            pods: BTreeMap::new(),
            under_way: BTreeMap::new(),
        }
    }

    fn name_of(&self, pod: PodRef) -> String {
        self.pods.iter().find(|(_, (known, _))| *known == pod).unwrap().0.clone()
    }

    fn add(&mut self, now: Time, value: &Value) {
        let mut pod = read_pod(value);
        // A label of its own makes a class of its own, so that it can be woken alone.
        let mut template = (*pod.template).clone();
        template.labels.insert("own".into(), pod.meta.name.clone());
        pod.template = Arc::new(template);
        let class = class_of(&mut self.cluster, &pod);
        let id = insert_pod(&mut self.cluster, class);
        let reference = self.cluster.pods.reference(id);
        let gate = self.profile.gate(&mut self.cluster, class);
        let priority = self.cluster.classes[class].priority;
        self.pods.insert(pod.meta.name, (reference, class));
        self.queue.add(now, reference, class, priority, gate);
    }

    fn add_node(&mut self, value: &Value) -> (NodeId, NodeFacts) {
        let mut node = read_node(value);
        node.meta.name = format!("{}-{}", node.meta.name, self.nodes);
        self.nodes += 1;
        let id = self.cluster.add_node(&node, PoolId(0), Time::ZERO);
        (id, NodeFacts::of(&self.cluster, id))
    }

    fn kept(&mut self, op: &Value) -> Option<Vec<Kept>> {
        Some(match text(op, "event") {
            "nodeAdd" => {
                let (node, after) = self.add_node(&op["node"]);
                vec![Kept::Node { node, action: Action::Add, before: None, after }]
            }
            "nodeUpdate" => {
                let (_, before) = self.add_node(&op["oldNode"]);
                let (node, after) = self.add_node(&op["node"]);
                let actions = after.changes_since(&self.cluster, &before);
                let keep =
                    |action| Kept::Node { node, action, before: Some(before.clone()), after: after.clone() };
                actions.into_iter().map(keep).collect()
            }
            event @ ("podDelete" | "podAdd") => {
                let deleted = event == "podDelete";
                let pod = read_pod(&op[if deleted { "oldPod" } else { "pod" }]);
                let class = class_of(&mut self.cluster, &pod);
                vec![Kept::Pod { class, action: if deleted { Action::Delete } else { Action::Add } }]
            }
            _ => return None,
        })
    }

    fn show(&mut self, now: Time, kept: &Kept, only: Option<ClassId>) {
        let (profile, cluster) = (&mut self.profile, &mut self.cluster);
        self.queue.wake(now, |class, rejectors| {
            only.is_none_or(|only| only == class) && kept.may_help(profile, cluster, class, rejectors)
        });
    }

    /// Keeps a change for the pods that are under way.
    fn keep(&mut self, kept: &Kept) {
        self.under_way.values_mut().for_each(|missed| missed.push(kept.clone()));
    }

    fn fail(&mut self, now: Time, name: &str, plugins: &[String]) -> Option<()> {
        let mut rejectors = PluginSet::default();
        for plugin in plugins {
            rejectors.insert(self.profile.plugins.iter().position(|known| known.name() == plugin)?);
        }
        let (pod, class) = self.pods[name];
        self.queue.fail(now, pod.id, rejectors, Arc::default());
        for kept in self.under_way.remove(name).unwrap_or_default() {
            self.show(now, &kept, Some(class));
        }
        Some(())
    }

    /// What the queue holds, as the records have it.
    fn state(&self) -> Value {
        let mut state = serde_json::json!({});
        let names = |place: Place| -> Vec<String> {
            let here = self.queue.iter().filter(|waiting| waiting.place == place);
            let mut names: Vec<String> = here.map(|waiting| self.name_of(waiting.pod)).collect();
            names.sort();
            names
        };
        state["active"] = names(Place::Active).into();
        let mut parked = names(Place::Unschedulable);
        parked.extend(names(Place::Gated));
        parked.sort();
        state["unschedulable"] = parked.into();
        for (key, place) in [("backoff", Place::Backoff), ("errorBackoff", Place::ErrorBackoff)] {
            let mut ends = serde_json::Map::new();
            for name in names(place) {
                let end = self.queue.release_of(self.pods[&name].0).unwrap();
                ends.insert(name, (end.0 / 1_000_000_000).into());
            }
            state[key] = ends.into();
        }
        state
    }

    /// Does one operation; `None` if it needs what does not exist here.
    fn step(&mut self, op: &Value) -> Option<Value> {
        let now = Time::from_secs_f64(op["time"].as_f64().unwrap());
        let mut popped = None;
        match text(op, "op") {
            "add" => self.add(now, &op["pod"]),
            "pop" => {
                let head = self.queue.pop().map(|waiting| (waiting.pod, waiting.attempts));
                popped = Some(head.map(|(pod, attempts)| (self.name_of(pod), attempts)));
                if let Some((name, _)) = popped.iter().flatten().next() {
                    self.under_way.insert(name.clone(), Vec::new());
                }
            }
            "fail" => self.fail(now, text(op, "name"), &strings(op, "plugins"))?,
            "scheduled" => {
                let name = text(op, "name");
                self.under_way.remove(name);
                self.queue.remove(self.pods[name].0);
            }
            "event" => {
                for kept in self.kept(op)? {
                    self.show(now, &kept, None);
                    self.keep(&kept);
                }
            }
            "flushBackoff" => self.queue.flush(now),
            "flushUnschedulable" => {
                let before = self.queue.lengths().unschedulable;
                self.queue.sweep(now, &mut |_, _| true);
                if self.queue.lengths().unschedulable < before {
                    self.keep(&Kept::Sweep);
                }
            }
            _ => return None,
        }
        let mut state = self.state();
        if let Some(popped) = popped {
            let (name, attempts) = popped.unwrap_or_default();
            state["popped"] = name.into();
            state["attempts"] = attempts.into();
        }
        Some(state)
    }
}

/// The recorded state in the form of [`History::state`].
fn recorded(step: &Value) -> Value {
    let mut state = serde_json::json!({});
    for key in ["active", "unschedulable"] {
        let mut names = strings(step, key);
        names.sort();
        state[key] = names.into();
    }
    for key in ["backoff", "errorBackoff"] {
        let ends = step[key].as_object().cloned().unwrap_or_default();
        let whole = |end: &Value| Value::from(end.as_f64().unwrap() as u64);
        let mut ends: Vec<(String, Value)> =
            ends.iter().map(|(name, end)| (name.clone(), whole(end))).collect();
        ends.sort_by(|a, b| a.0.cmp(&b.0));
        state[key] = Value::Object(ends.into_iter().collect());
    }
    if let Some(popped) = step.get("popped") {
        state["popped"] = popped.clone();
        state["attempts"] = step.get("attempts").cloned().unwrap_or_else(|| 0.into());
    }
    state
}

#[test]
#[expect(clippy::print_stderr, reason = "says how much was compared")]
fn conformance_queue_histories_are_the_recorded_ones() {
    let Some(folder) = folder("conformance_queue_histories_are_the_recorded_ones") else { return };
    let mut report = Report::default();
    for (version, name) in [
        (Version::V1_36, "scheduler-1.36/queue.jsonl.gz"),
        (Version::V1_36, "scheduler-1.36/focus-QueueHints.jsonl.gz"),
        (Version::V1_34, "scheduler-1.34/queue.jsonl.gz"),
    ] {
        for case in cases(&folder.with_file_name(name)) {
            let mut history = History::new(&case["input"], version);
            let ops = list(&case["input"], "ops").iter().zip(list(&case["expected"], "ops"));
            for (number, (op, theirs)) in ops.enumerate() {
                let Some(ours) = history.step(op) else {
                    report.left_out += 1;
                    break;
                };
                let id = format!("{version:?} {} step {number} {}", text(&case, "id"), text(op, "op"));
                report.compare(text(op, "op"), &id, &ours, &recorded(theirs));
            }
        }
    }
    eprintln!("{}", summary(&report));
    assert!(
        report.differed.is_empty(),
        "{} differ:\n{}",
        report.differed.len(),
        report.differed[..report.differed.len().min(20)].join("\n")
    );
    assert!(report.agreed.values().sum::<u32>() > 1_000);
}
