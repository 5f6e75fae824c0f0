//! A run written down in the words of the recordings: one line a change, canonical names.
//!
//! Pods of a DaemonSet are named after the node they were bound to, which is known only later, so
//! names are filled in at the end.

use super::record_status::{condition_changes, status_fields};
use crate::api::{PodPhase, Status, TaintEffect};
use crate::base::ids::{NodeId, WorkloadId};
use crate::base::{Map, Time};
use crate::cluster::{Cluster, ExitCodes, PodName, PodRef, ReadyStatus, Reason};
use crate::control::{PodPatch, PodStatus};
use crate::sim::{Observer, Record, View};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The fields of a line beside its time, kind, name and change.
pub type Fields = serde_json::Map<String, Value>;

/// One change of one object.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Seconds since the start; negative for what was there before.
    pub t: f64,
    /// The kind of the object.
    pub kind: String,
    /// Its canonical name.
    pub name: String,
    /// What changed.
    pub change: String,
    /// The rest.
    pub fields: Fields,
}

impl Line {
    /// The line as the recordings write it.
    pub fn to_json(&self) -> Value {
        let mut written = Fields::new();
        // Milliseconds are what the recordings have.
        let t = libm::round(self.t * 1000.0) / 1000.0;
        written.insert("t".into(), json!(t));
        written.insert("kind".into(), json!(self.kind));
        written.insert("name".into(), json!(self.name));
        written.insert("change".into(), json!(self.change));
        written.extend(self.fields.clone());
        Value::Object(written)
    }
}

/// Who a line is about, before names are known.
#[derive(Clone, Debug)]
enum About {
    Named(String),
    Pod(usize),
}

/// A pod and what its name will be made of.
#[derive(Clone, Debug)]
struct PodNaming {
    /// The name without the node, and whether the node belongs to it.
    base: String,
    by_node: bool,
    node: Option<NodeId>,
    /// The node that it is promised.
    nominated: Option<NodeId>,
}

/// A workload, as written last.
#[derive(Clone, Debug)]
struct Known {
    kind: &'static str,
    name: String,
    replicas: Option<i32>,
    fields: Fields,
    conditions: BTreeMap<&'static str, String>,
}

/// An entry of the timeline before names are known.
type Entry = (Time, bool, &'static str, About, &'static str, Fields);

/// Writes down what it observes.
#[derive(Debug)]
pub struct Timeline {
    name: String,
    entries: Vec<Entry>,
    end: Time,
    /// Whether anything but the registration of nodes has happened.
    started: bool,
    nodes: BTreeMap<NodeId, String>,
    pods: Vec<PodNaming>,
    rows: Map<PodRef, usize>,
    workloads: BTreeMap<WorkloadId, Known>,
    /// How often each name was given, by kind; and how many objects each base had.
    given: BTreeMap<(&'static str, String), u32>,
    numbers: BTreeMap<String, u32>,
}

impl Timeline {
    /// Nothing seen yet, of the run of that name.
    pub fn new(name: &str) -> Timeline {
        Timeline {
            name: name.to_owned(),
            entries: Vec::new(),
            end: Time::ZERO,
            started: false,
            nodes: BTreeMap::new(),
            pods: Vec::new(),
            rows: Map::default(),
            workloads: BTreeMap::new(),
            given: BTreeMap::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// The lines in order, with names.
    pub fn into_lines(self) -> Vec<Line> {
        let mut given: BTreeMap<String, u32> = BTreeMap::new();
        let node =
            |node: Option<NodeId>| node.and_then(|node| self.nodes.get(&node)).cloned().unwrap_or_default();
        let names: Vec<String> = self
            .pods
            .iter()
            .map(|pod| {
                let name =
                    if pod.by_node { format!("{}@{}", pod.base, node(pod.node)) } else { pod.base.clone() };
                numbered(&mut given, name)
            })
            .collect();
        let plain = |t: f64, change: &str| Line {
            t,
            kind: "Run".into(),
            name: self.name.clone(),
            change: change.into(),
            fields: Fields::new(),
        };
        let mut lines = Vec::with_capacity(self.entries.len() + 2);
        let mut is_before = true;
        for (at, before, kind, about, change, fields) in &self.entries {
            if is_before && !before {
                lines.push(plain(0.0, "start"));
                is_before = false;
            }
            let name = match about {
                About::Named(name) => name.clone(),
                About::Pod(pod) => names[*pod].clone(),
            };
            let t = if *before { -1.0 } else { at.as_secs_f64() };
            lines.push(Line {
                t,
                kind: (*kind).into(),
                name,
                change: (*change).into(),
                fields: fields.clone(),
            });
        }
        lines.push(plain(self.end.as_secs_f64(), "end"));
        lines
    }

    fn enter(&mut self, now: Time, kind: &'static str, about: About, change: &'static str, fields: Fields) {
        self.entries.push((now, !self.started, kind, about, change, fields));
    }

    fn pod(&mut self, now: Time, pod: PodRef, change: &'static str, fields: &[(&str, Value)]) {
        if let Some(&row) = self.rows.get(&pod) {
            self.enter(now, "Pod", About::Pod(row), change, of(fields));
        }
    }

    fn workload(&mut self, now: Time, id: WorkloadId, change: &'static str, fields: Fields) {
        if let Some(known) = self.workloads.get(&id) {
            let (kind, name) = (short(known.kind), known.name.clone());
            self.enter(now, kind, About::Named(name), change, fields);
        }
    }

    fn pod_created(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        let Record::PodCreated { pod, name, owner, index, class, .. } = record else { return };
        let owner = owner.and_then(|owner| self.workloads.get(&owner)).cloned();
        let (base, by_node) = match (&owner, name) {
            (Some(known), _) if known.kind == "DaemonSet" => (known.name.clone(), true),
            (Some(known), PodName::Numbered { number, .. }) if known.kind == "StatefulSet" => {
                (format!("{}-{number}", known.name), false)
            }
            (Some(known), _) => {
                let base = index.map_or(known.name.clone(), |index| format!("{}[{index}]", known.name));
                (format!("{base}-{}", self.next(&base)), false)
            }
            (None, name) => (name.text(&view.cluster.names), false),
        };
        self.rows.insert(*pod, self.pods.len());
        self.pods.push(PodNaming { base, by_node, node: None, nominated: None });
        let priority = view.cluster.classes[*class].priority;
        let mut fields = Fields::new();
        if priority != 0 {
            fields.insert("priority".into(), priority.into());
        }
        if let Some(index) = index {
            fields.insert("index".into(), (*index).into());
        }
        let gates = &view.cluster.classes[*class].template.spec.scheduling_gates;
        if !gates.is_empty() {
            fields.insert("schedulingGates".into(), gates.clone().into());
        }
        let row = self.pods.len() - 1;
        self.enter(now, "Pod", About::Pod(row), "created", fields);
        if !gates.is_empty() {
            // The API server sets this condition itself.
            let condition = of(&[("PodScheduled", "False/SchedulingGated".into())]);
            self.enter(now, "Pod", About::Pod(row), "condition", condition);
        }
    }

    /// The number of the next object of a base.
    fn next(&mut self, base: &str) -> u32 {
        let number = self.numbers.entry(base.to_owned()).or_insert(0);
        *number += 1;
        *number
    }

    fn workload_created(&mut self, now: Time, record: &Record<'_>) {
        let Record::WorkloadCreated { workload, kind, name, owner, object, .. } = *record else { return };
        let owner = owner.and_then(|owner| self.workloads.get(&owner)).cloned();
        let name = if let Some(owner) = owner {
            let base = format!("{kind} {}", owner.name);
            format!("{}#{}", owner.name, self.next(&base))
        } else {
            let count = self.given.entry((kind, name.to_owned())).or_insert(0);
            *count += 1;
            if *count == 1 { name.to_owned() } else { format!("{name}~{count}") }
        };
        if kind == "Service" {
            return;
        }
        let (fields, _) = status_fields(object, &Status::None);
        let mut written = fields.clone();
        if let Some(replicas) = object.replicas().filter(|_| kind != "Job") {
            written.insert("spec:replicas".into(), replicas.into());
        }
        let replicas = object.replicas();
        let known = Known { kind, name, replicas, fields, conditions: BTreeMap::new() };
        self.workloads.insert(workload, known);
        self.workload(now, workload, "created", written);
    }

    fn workload_status(&mut self, now: Time, id: WorkloadId, status: &Status, cluster: &Cluster) {
        let Some(object) = cluster.workloads.get(id) else { return };
        let Some(known) = self.workloads.get_mut(&id) else { return };
        let (fields, conditions) = status_fields(&object.kind, status);
        let changed: Fields = fields
            .iter()
            .filter(|(key, value)| known.fields.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        known.fields.extend(changed.clone());
        let turned = condition_changes(&mut known.conditions, conditions);
        if !changed.is_empty() {
            self.workload(now, id, "status", changed);
        }
        if !turned.is_empty() {
            self.workload(now, id, "condition", turned);
        }
    }

    fn scaled(&mut self, now: Time, id: WorkloadId, replicas: i32) {
        let Some(known) = self.workloads.get_mut(&id).filter(|known| known.kind != "Job") else { return };
        let from = known.replicas.replace(replicas).unwrap_or(0);
        self.workload(now, id, "scaled", of(&[("from", from.into()), ("to", replicas.into())]));
    }

    fn pod_status(&mut self, now: Time, pod: PodRef, before: PodStatus, status: PodStatus) {
        let code = (0..ExitCodes::MOST).find_map(|place| status.exits.get(place));
        let with_code: Vec<(&str, Value)> = code.map(|code| ("exitCode", code.into())).into_iter().collect();
        if status.restarts != before.restarts {
            self.pod(now, pod, "restarted", &[("count", status.restarts.into())]);
        }
        if status.reason != before.reason && status.reason == Reason::CrashLoopBackOff {
            self.pod(now, pod, "waiting", &[("reason", "CrashLoopBackOff".into())]);
        }
        if status.phase == before.phase {
            return;
        }
        match status.phase {
            PodPhase::Running => self.pod(now, pod, "running", &[]),
            PodPhase::Succeeded => self.pod(now, pod, "succeeded", &with_code),
            PodPhase::Failed => self.pod(now, pod, "failed", &with_code),
            PodPhase::Pending => {}
        }
    }

    fn pod_patched(&mut self, now: Time, pod: PodRef, patch: PodPatch) {
        match patch {
            PodPatch::Disrupted(reason) => {
                let value = format!("True/{}", reason.name());
                self.pod(now, pod, "condition", &[("DisruptionTarget", value.into())]);
            }
            PodPatch::Unscheduled { nominated, gated, first } => {
                if first {
                    let reason = if gated { "SchedulingGated" } else { "Unschedulable" };
                    let value = format!("False/{reason}");
                    self.pod(now, pod, "condition", &[("PodScheduled", value.into())]);
                }
                let row = self.rows.get(&pod).map(|&row| &mut self.pods[row]);
                let before = row.and_then(|row| std::mem::replace(&mut row.nominated, nominated));
                if let Some(node) = nominated.filter(|_| before != nominated) {
                    let node = self.nodes.get(&node).cloned().unwrap_or_default();
                    self.pod(now, pod, "nominated", &[("node", node.into())]);
                }
            }
            PodPatch::Released | PodPatch::Class(_) => {}
        }
    }

    fn node(&mut self, now: Time, node: NodeId, change: &'static str, fields: &[(&str, Value)]) {
        let name = self.nodes.get(&node).cloned().unwrap_or_default();
        self.enter(now, "Node", About::Named(name), change, of(fields));
    }

    fn node_record(&mut self, now: Time, record: &Record<'_>) {
        match *record {
            Record::NodeAdded { node, name, zone, .. } => {
                self.nodes.insert(node, name.to_owned());
                self.node(now, node, "created", &[("zone", zone.into())]);
                self.node(now, node, "condition", &[("Ready", "True/KubeletReady".into())]);
            }
            Record::NodeRemoved { node } => self.node(now, node, "deleted", &[]),
            Record::NodeFailed { node, last_renewal, .. } => {
                let last = last_renewal.as_secs_f64();
                self.node(now, node, "heartbeat-stopped", &[("lastRenew", last.into())]);
            }
            Record::NodeRecovered { node } => self.node(now, node, "heartbeat-resumed", &[]),
            Record::NodeReady { node, ready } => {
                let text = match ready {
                    ReadyStatus::True => "True/KubeletReady",
                    ReadyStatus::False => "False/KubeletNotReady",
                    ReadyStatus::Unknown => "Unknown/NodeStatusUnknown",
                };
                self.node(now, node, "condition", &[("Ready", text.into())]);
            }
            Record::NodeTaint { node, key, value, effect, added } => {
                let taint = taint_text(key, value, effect);
                let change = if added { "tainted" } else { "untainted" };
                self.node(now, node, change, &[("taint", taint.into())]);
            }
            Record::NodeUnschedulable { node, unschedulable } => {
                self.node(now, node, if unschedulable { "cordoned" } else { "uncordoned" }, &[]);
            }
            _ => {}
        }
    }
}

/// The taint as `key[=value]:effect`.
fn taint_text(key: &str, value: &str, effect: TaintEffect) -> String {
    let equals = if value.is_empty() { "" } else { "=" };
    format!("{key}{equals}{value}:{}", effect.name())
}

/// Marks the second and later objects of a name.
fn numbered(given: &mut BTreeMap<String, u32>, name: String) -> String {
    let count = given.entry(name.clone()).or_insert(0);
    *count += 1;
    if *count == 1 { name } else { format!("{name}~{count}") }
}

/// The word of the recordings for a kind.
fn short(kind: &'static str) -> &'static str {
    match kind {
        "HorizontalPodAutoscaler" => "HPA",
        "PodDisruptionBudget" => "PDB",
        other => other,
    }
}

fn of(fields: &[(&str, Value)]) -> Fields {
    fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

impl Observer for Timeline {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        let registers =
            matches!(record, Record::NodeAdded { .. } | Record::NodeTaint { .. } | Record::NodeReady { .. });
        self.started |= !registers || now > Time::ZERO;
        match *record {
            Record::PodCreated { .. } => self.pod_created(now, record, view),
            Record::PodBound { pod, node } => {
                if let Some(&row) = self.rows.get(&pod) {
                    self.pods[row].node = Some(node);
                }
                let name = self.nodes.get(&node).cloned().unwrap_or_default();
                self.pod(now, pod, "bound", &[("node", name.into())]);
            }
            Record::PodStatus { pod, before, status } => self.pod_status(now, pod, before, status),
            Record::PodReady { pod, ready } => {
                self.pod(now, pod, if ready { "ready" } else { "notready" }, &[]);
            }
            Record::PodPatched { pod, patch } => self.pod_patched(now, pod, patch),
            Record::PodDeleting { pod, grace, .. } => {
                let seconds = grace.as_secs_f64() as u64;
                self.pod(now, pod, "terminating", &[("grace", seconds.into())]);
            }
            Record::PodRemoved { pod } => self.pod(now, pod, "deleted", &[]),
            Record::WorkloadCreated { .. } => self.workload_created(now, record),
            Record::WorkloadScaled { workload, replicas } => self.scaled(now, workload, replicas),
            Record::WorkloadStatus { workload, status } => {
                self.workload_status(now, workload, status, view.cluster);
            }
            Record::WorkloadDeleting { workload } => {
                self.workload(now, workload, "terminating", Fields::new());
            }
            Record::WorkloadRemoved { workload } => self.workload(now, workload, "deleted", Fields::new()),
            _ => self.node_record(now, record),
        }
    }

    fn finish(&mut self, now: Time, _view: View<'_>) {
        self.end = now;
    }
}
