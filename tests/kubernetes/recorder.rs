//! What happened in a run, with names, in the vocabulary of the recordings of a real control plane.

use seatrial::api::PodPhase;
use seatrial::base::ids::{NodeId, WorkloadId};
use seatrial::base::{Map, Time};
use seatrial::cluster::workloads::{JobEnd, job_end};
use seatrial::cluster::{PodName, PodRef, ReadyStatus};
use seatrial::sim::{Observer, Record, View};
use std::collections::BTreeMap;

/// One change of one object.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Line {
    /// Seconds since the start.
    pub(crate) t: f64,
    /// The kind of the object.
    pub(crate) kind: &'static str,
    /// The object: pods of a workload have its name and a number.
    pub(crate) name: String,
    /// What changed.
    pub(crate) change: &'static str,
    /// What decides between changes of one name: a taint, a condition, an exit code, a node.
    pub(crate) detail: String,
}

/// Writes down what it observes.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) lines: Vec<Line>,
    pub(crate) end: f64,
    nodes: BTreeMap<NodeId, String>,
    pods: Map<PodRef, String>,
    numbers: BTreeMap<String, u32>,
    workloads: BTreeMap<WorkloadId, (&'static str, String)>,
    /// How many ReplicaSets each Deployment has had.
    sets: BTreeMap<String, u32>,
    exits: Map<PodRef, u8>,
    ended: Vec<WorkloadId>,
}

impl Recorder {
    /// The lines of one change, in order.
    pub(crate) fn of<'a>(
        &'a self,
        kind: &'a str,
        change: &'a str,
        detail: &'a str,
    ) -> impl Iterator<Item = &'a Line> {
        let fits = move |line: &&Line| {
            line.kind == kind && line.change == change && (detail.is_empty() || line.detail == detail)
        };
        self.lines.iter().filter(fits)
    }

    fn node(&self, node: NodeId) -> String {
        self.nodes.get(&node).cloned().unwrap_or_default()
    }

    fn enter(&mut self, now: Time, kind: &'static str, name: String, change: &'static str, detail: String) {
        self.lines.push(Line { t: now.as_secs_f64(), kind, name, change, detail });
    }

    fn pod(&mut self, now: Time, pod: PodRef, change: &'static str, detail: String) {
        let name = self.pods.get(&pod).cloned().unwrap_or_default();
        self.enter(now, "Pod", name, change, detail);
    }

    fn pod_created(&mut self, now: Time, pod: PodRef, name: &PodName, owner: Option<WorkloadId>) {
        let base = match owner {
            Some(owner) => self.workloads[&owner].1.clone(),
            None => String::new(),
        };
        let name = match name {
            PodName::Own(name) => name.to_string(),
            PodName::Numbered { .. } => {
                let number = self.numbers.entry(base.clone()).or_default();
                *number += 1;
                format!("{base}-{number}")
            }
        };
        self.pods.insert(pod, name);
        self.pod(now, pod, "created", String::new());
    }

    fn workload_created(&mut self, now: Time, id: WorkloadId, kind: &'static str, name: &str) {
        let deployment = name.rsplit_once('-').map(|(base, _)| base.to_owned());
        let owned =
            |base: &String| self.workloads.values().any(|known| *known == ("Deployment", base.clone()));
        let name = match deployment.filter(|base| kind == "ReplicaSet" && owned(base)) {
            Some(base) => {
                let number = self.sets.entry(base.clone()).or_default();
                *number += 1;
                format!("{base}#{number}")
            }
            None => name.to_owned(),
        };
        self.workloads.insert(id, (kind, name.clone()));
        self.enter(now, kind, name, "created", String::new());
    }

    fn node_record(&mut self, now: Time, record: &Record<'_>) {
        let (node, change, detail) = match *record {
            Record::NodeAdded { node, name, .. } => {
                self.nodes.insert(node, name.to_owned());
                let ready = "Ready=True/KubeletReady".to_owned();
                self.enter(now, "Node", name.to_owned(), "condition", ready);
                (node, "created", String::new())
            }
            Record::NodeRemoved { node } => (node, "deleted", String::new()),
            Record::NodeFailed { node, last_renewal, .. } => {
                (node, "heartbeat-stopped", last_renewal.as_secs_f64().to_string())
            }
            Record::NodeRecovered { node } => (node, "heartbeat-resumed", String::new()),
            Record::NodeReady { node, ready } => {
                let text = match ready {
                    ReadyStatus::True => "Ready=True/KubeletReady",
                    ReadyStatus::False => "Ready=False/KubeletNotReady",
                    ReadyStatus::Unknown => "Ready=Unknown/NodeStatusUnknown",
                };
                (node, "condition", text.to_owned())
            }
            Record::NodeTaint { node, key, effect, added, .. } => {
                (node, if added { "tainted" } else { "untainted" }, format!("{key}:{}", effect.name()))
            }
            Record::NodeUnschedulable { node, unschedulable } => {
                (node, if unschedulable { "cordoned" } else { "uncordoned" }, String::new())
            }
            _ => return,
        };
        let name = self.node(node);
        self.enter(now, "Node", name, change, detail);
    }
}

impl Observer for Recorder {
    fn record(&mut self, now: Time, record: &Record<'_>, _view: View<'_>) {
        match *record {
            Record::PodCreated { pod, name, owner, .. } => self.pod_created(now, pod, name, owner),
            Record::PodBound { pod, node } => {
                let node = self.node(node);
                self.pod(now, pod, "bound", node);
            }
            Record::ContainerStarted { pod, main: true, restarts, .. } => match restarts {
                0 => self.pod(now, pod, "running", String::new()),
                count => self.pod(now, pod, "restarted", count.to_string()),
            },
            Record::ContainerEnded { pod, main: true, code, .. } => {
                self.exits.insert(pod, code);
            }
            Record::PodReady { pod, ready } => {
                self.pod(now, pod, if ready { "ready" } else { "notready" }, String::new());
            }
            Record::PodEnded { pod, phase: PodPhase::Succeeded, .. } => {
                self.pod(now, pod, "succeeded", String::new());
            }
            Record::PodEnded { pod, .. } => {
                let code = self.exits.get(&pod).map_or(String::new(), ToString::to_string);
                self.pod(now, pod, "failed", code);
            }
            Record::PodDeleting { pod, .. } => self.pod(now, pod, "terminating", String::new()),
            Record::PodRemoved { pod } => self.pod(now, pod, "deleted", String::new()),
            Record::WorkloadCreated { workload, kind, name, .. } => {
                self.workload_created(now, workload, kind, name);
            }
            Record::WorkloadStatus { workload, status } => {
                if job_end(status) != JobEnd::Open && !self.ended.contains(&workload) {
                    self.ended.push(workload);
                    let (kind, name) = self.workloads[&workload].clone();
                    let word = if job_end(status) == JobEnd::Complete { "Complete" } else { "Failed" };
                    self.enter(now, kind, name, "condition", word.into());
                }
            }
            Record::WorkloadRemoved { workload } => {
                let (kind, name) = self.workloads[&workload].clone();
                self.enter(now, kind, name, "deleted", String::new());
            }
            _ => self.node_record(now, record),
        }
    }

    fn finish(&mut self, now: Time, _view: View<'_>) {
        self.end = now.as_secs_f64();
    }
}
