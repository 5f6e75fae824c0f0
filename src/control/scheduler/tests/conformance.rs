//! The recorded histories of the real scheduling queue of 1.36. What depends on plugins that do not
//! exist here is left out.

use super::super::events::{Action, Change, NodeFacts};
use super::super::profile::{PluginSet, Profile};
use super::super::queue::Queue;
use super::*;
use crate::api::kubernetes::{Defaulting, Manifest, Options, read_with};
use crate::api::{Object, Pod};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_methods, reason = "tests find the recorded answers by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn folder(test: &str) -> Option<PathBuf> {
    let place = std::env::var_os("SEATRIAL_DATA");
    if place.is_none() {
        eprintln!("skipped: {test} (SEATRIAL_DATA is not set)");
    }
    place.map(|data| PathBuf::from(data).join("conformance/scheduler-1.36"))
}

fn cases(path: &Path) -> Vec<Value> {
    use std::io::Read as _;
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn object(kind: &str, value: &Value) -> Object {
    let options = Options { defaulting: Defaulting::None, assumed: Some(("v1", kind)) };
    let mut manifest = Manifest::default();
    let text = value.to_string();
    read_with(&"case".into(), text.as_bytes(), options, &mut manifest)
        .unwrap_or_else(|error| panic!("{error}"));
    manifest.objects.pop().unwrap_or_else(|| panic!("no object in {text}")).object
}

fn read_pod(value: &Value) -> Pod {
    match object("Pod", value) {
        Object::Pod(pod) => *pod,
        other => panic!("a {}", other.kind()),
    }
}

fn read_node(value: &Value) -> Node {
    match object("Node", value) {
        Object::Node(node) => *node,
        other => panic!("a {}", other.kind()),
    }
}

fn class_of(cluster: &mut Cluster, pod: &Pod) -> ClassId {
    let namespace = if pod.meta.namespace.is_empty() { "default" } else { &pod.meta.namespace };
    cluster.class(&pod.template, namespace, pod.template.spec.priority.unwrap_or(0))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    list(value, key).iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
}

/// Counts of what was compared, and what differed.
#[derive(Default)]
struct Report {
    agreed: BTreeMap<String, u32>,
    differed: Vec<String>,
    left_out: u32,
}

impl Report {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, id: &str, ours: &T, theirs: &T) {
        if ours == theirs {
            *self.agreed.entry(what.to_owned()).or_default() += 1;
        } else {
            self.differed.push(format!("{id}: {what}: {ours:?}, recorded {theirs:?}"));
        }
    }
}

fn summary(report: &Report) -> String {
    let lines: Vec<String> = report.agreed.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    format!("{}\nleft out: {}", lines.join("\n"), report.left_out)
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
    fn new(input: &Value) -> History {
        let config = Config::default();
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
                self.queue.sweep(now);
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
    for name in ["queue.jsonl.gz", "focus-QueueHints.jsonl.gz"] {
        for case in cases(&folder.join(name)) {
            let mut history = History::new(&case["input"]);
            let ops = list(&case["input"], "ops").iter().zip(list(&case["expected"], "ops"));
            for (number, (op, theirs)) in ops.enumerate() {
                let Some(ours) = history.step(op) else {
                    report.left_out += 1;
                    break;
                };
                let id = format!("{} step {number} {}", text(&case, "id"), text(op, "op"));
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
