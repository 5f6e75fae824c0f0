//! The words of a run: lines of the event log and of `decisions.csv`, details of bars.
//!
//! Reason words are Kubernetes' own where it has one. What records change is not done here, but
//! for the memory of what has been written of a pod's failed scheduling attempts.

use super::RunObserver;
use super::ledger::{CPU, MEMORY};
use super::pods::{Failure, Outcome, Pod, push_name};
use crate::api::{PodPhase, Status};
use crate::base::ids::{NodeId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, Reason};
use crate::control::snapshot::full_pod_name;
use crate::control::{About, Client, ContainerIndex, Diagnosis, Note};
use crate::observe::events::{Line, Weight};
use crate::sim::{ProcessStep, Record, View};
use std::fmt::Write as _;
use std::sync::Arc;

/// The text of the diagnosis that was seen last: pods that fail for one reason share it.
pub(super) type Cached = Option<(Arc<Diagnosis>, String)>;

/// After so many lines a pod's failed attempts are the same if their reasons are, whatever the
/// numbers of nodes in them (as Kubernetes' event aggregator, which groups similar events from the
/// tenth on: client-go/tools/record/events_cache.go).
const LINES_BEFORE_GROUPING: u32 = 10;

/// Action, weight and message of a record about a pod; the message is often empty.
type Words = (&'static str, Weight, String);

impl RunObserver {
    /// Enters a record into the event log. The pod of the record is still as it was before.
    pub(super) fn log(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        match record {
            Record::PodCreated { name, class, .. } => {
                if self.skips(Weight::Ordinary) {
                    return;
                }
                self.scratch.clear();
                let cluster = view.cluster;
                if class.index() < cluster.classes.len() {
                    push_namespace(&mut self.scratch, cluster.names.text(cluster.classes[*class].namespace));
                }
                push_name(&mut self.scratch, cluster, name);
                let object = self.scratch_text();
                let by_user = view.actor == "user";
                let action = if by_user { "Created" } else { "SuccessfulCreate" };
                let line = Line { object: &object, ..line(view.actor, action, "Pod") };
                self.events.enter(now, line);
            }
            Record::PodBound { pod, node } => {
                self.close_failure(now, *pod, view.cluster);
                self.log_pod(now, *pod, Some(*node), view, ("Scheduled", Weight::Ordinary, String::new()));
            }
            Record::PodRemoved { pod } => {
                self.close_failure(now, *pod, view.cluster);
                self.log_pod(now, *pod, None, view, ("Removed", Weight::Ordinary, String::new()));
            }
            Record::ContainerStarted { pod, .. }
            | Record::ContainerEnded { pod, .. }
            | Record::PodReady { pod, .. }
            | Record::PodEnded { pod, .. }
            | Record::PodDeleting { pod, .. } => {
                if let Some(weight) = weight_of(record)
                    && !self.skips(weight)
                {
                    let name = |container| self.container_name(*pod, container);
                    let words = pod_words(record, view.actor, &name);
                    self.log_pod(now, *pod, None, view, words);
                }
            }
            Record::Note(note) => self.log_note(now, note, view),
            Record::WorkloadStatus { workload, status } => {
                self.log_troubles(now, *workload, status, view.actor);
            }
            _ => self.log_other(now, record, view.actor),
        }
    }

    /// Whether a line of this weight is not wanted; it is counted then.
    fn skips(&mut self, weight: Weight) -> bool {
        let skips = !self.events.wants(weight);
        if skips {
            self.events.skip();
        }
        skips
    }

    /// The text in the scratch space.
    pub(super) fn scratch_text(&self) -> String {
        String::from_utf8_lossy(&self.scratch).into_owned()
    }

    /// A container in words: by its name, or by its number if it has none.
    fn container_name(&self, pod: PodRef, container: ContainerIndex) -> String {
        let facts = self.pods.get(pod.id.index()).and_then(|pod| self.facts(pod));
        let name = facts.and_then(|facts| facts.containers.get(usize::from(container.0)));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => format!("container {name}"),
            None => format!("container {}", container.0),
        }
    }

    /// Puts a pod's full name into the scratch space.
    fn name_pod(&mut self, pod: PodRef, cluster: &Cluster) -> bool {
        self.scratch.clear();
        let Some(row) = self.pods.get(pod.id.index()) else { return false };
        if let Some(facts) = self.facts(row) {
            let namespace = cluster.names.text(facts.namespace);
            let mut buffer = std::mem::take(&mut self.scratch);
            push_namespace(&mut buffer, namespace);
            push_name(&mut buffer, cluster, &self.pods[pod.id.index()].name);
            self.scratch = buffer;
        }
        self.pods[pod.id.index()].generation == pod.generation && self.pods[pod.id.index()].live
    }

    fn log_pod(&mut self, now: Time, pod: PodRef, node: Option<NodeId>, view: View<'_>, words: Words) {
        let (action, weight, message) = words;
        if !self.events.wants(weight) {
            self.events.skip();
            return;
        }
        if !self.name_pod(pod, view.cluster) {
            return;
        }
        let node = node.or(self.pods[pod.id.index()].node);
        let node = node.and_then(|node| self.nodes.get(node.index())).map_or("", |node| &node.name);
        let object = String::from_utf8_lossy(&self.scratch);
        let line =
            Line { weight, object: &object, node, message: &message, ..line(view.actor, action, "Pod") };
        self.events.enter(now, line);
    }

    fn log_note(&mut self, now: Time, note: &Note, view: View<'_>) {
        let view = View { actor: note.actor(), ..view };
        match note {
            Note::Unschedulable { pod, diagnosis, .. } => {
                let cluster = view.cluster;
                let name = || cluster.pods.get(*pod).map(|id| full_pod_name(cluster, id)).unwrap_or_default();
                self.failing.count(now, *pod, diagnosis, name);
                self.log_failure(now, *pod, diagnosis, view);
                self.decide(now, note, view);
            }
            Note::Assigned { .. } => self.decide(now, note, view),
            Note::Preempting { pod, node, victims } => {
                let message = match victims {
                    0 => "waits for pods that are being deleted".to_owned(),
                    1 => "evicts one pod of lower priority".to_owned(),
                    _ => format!("evicts {victims} pods of lower priority"),
                };
                self.log_pod(now, *pod, Some(*node), view, ("Nominated", Weight::Telling, message));
            }
            Note::BackOff { pod, until, .. } => {
                let wait = until.since(now).rounded();
                let message = format!("back-off {wait} restarting failed container");
                self.log_pod(now, *pod, None, view, ("BackOff", Weight::Telling, message));
            }
            Note::Killing { pod, grace } => {
                let message = format!("stopping containers, grace period {grace}");
                self.log_pod(now, *pod, None, view, ("Killing", Weight::Ordinary, message));
            }
            Note::Rejected { pod, reason } => {
                self.log_pod(
                    now,
                    *pod,
                    None,
                    view,
                    (reason.name(), Weight::Telling, "refused by the kubelet".into()),
                );
            }
            Note::Kubelet { pod, container, word } => {
                let message = match container {
                    Some(container) => format!("container {}", container.0),
                    None => String::new(),
                };
                self.log_pod(now, *pod, None, view, (word, Weight::Telling, message));
            }
            Note::Workload { workload, reason } => {
                let (kind, name) = self.replicas.label(*workload);
                let (kind, name) = (if kind.is_empty() { "Workload" } else { kind }, name.to_owned());
                let actor = format!("{}-controller", kind.to_ascii_lowercase());
                let telling = Line { weight: Weight::Telling, object: &name, ..line(&actor, reason, kind) };
                self.events.enter(now, telling);
            }
            Note::Told { about: About::Pod(pod), word, text, .. } => {
                self.log_pod(now, *pod, None, view, (word, Weight::Telling, text.to_string()));
            }
            Note::Told { by, about: About::Node(node), word, text } => {
                let name = self.nodes.get(node.index()).map_or("", |node| &node.name);
                let told =
                    Line { weight: Weight::Telling, object: name, message: text, ..line(by, word, "Node") };
                self.events.enter(now, told);
            }
            Note::Told { by, about: About::Workload(workload), word, text } => {
                let (kind, name) = self.replicas.label(*workload);
                let (kind, name) = (if kind.is_empty() { "Workload" } else { kind }, name.to_owned());
                let told =
                    Line { weight: Weight::Telling, object: &name, message: text, ..line(by, word, kind) };
                self.events.enter(now, told);
            }
            Note::Queued { .. } | Note::Restarting { .. } | Note::Followed { .. } => {}
        }
    }

    /// A failed attempt is written when its reason is new for the pod, and counted when it is not.
    fn log_failure(&mut self, now: Time, pod: PodRef, diagnosis: &Arc<Diagnosis>, view: View<'_>) {
        let Some(row) = self.live(pod) else { return };
        let mut lines = 0;
        if let Some(failure) = &mut row.failure {
            if same_failure(failure, diagnosis) {
                failure.repeated += 1;
                failure.diagnosis = Arc::clone(diagnosis);
                return;
            }
            lines = failure.lines;
        }
        self.close_failure(now, pod, view.cluster);
        let failure = Failure { diagnosis: Arc::clone(diagnosis), since: now, repeated: 0, lines: lines + 1 };
        if let Some(row) = self.live(pod) {
            row.failure = Some(failure);
        }
        if !self.skips(Weight::Ordinary) {
            let text = self.diagnosis_text(diagnosis).to_owned();
            self.log_pod(now, pod, None, view, ("FailedScheduling", Weight::Ordinary, text));
        }
    }

    /// Writes how often a pod's last failed attempt came again, if it did.
    pub(super) fn close_failure(&mut self, now: Time, pod: PodRef, cluster: &Cluster) {
        let Some(row) = self.live(pod) else { return };
        let Some(failure) = row.failure.as_mut().filter(|failure| failure.repeated > 0) else { return };
        let (times, since) = (std::mem::take(&mut failure.repeated), failure.since);
        let diagnosis = Arc::clone(&failure.diagnosis);
        let mut text = self.diagnosis_text(&diagnosis).to_owned();
        let _ = write!(text, " (x{} over {})", times + 1, now.since(since).rounded());
        let view = View { cluster, actor: "scheduler" };
        self.log_pod(now, pod, None, view, ("FailedScheduling", Weight::Ordinary, text));
    }

    fn diagnosis_text(&mut self, diagnosis: &Arc<Diagnosis>) -> &str {
        if self.last_failure.as_ref().is_none_or(|(last, _)| !Arc::ptr_eq(last, diagnosis)) {
            self.last_failure = Some((Arc::clone(diagnosis), diagnosis.to_string()));
        }
        self.last_failure.as_ref().map_or("", |(_, text)| text)
    }

    /// A row of `decisions.csv`.
    fn decide(&mut self, now: Time, note: &Note, view: View<'_>) {
        if self.decisions.is_none() {
            return;
        }
        let (pod, attempts, text) = match note {
            Note::Assigned { pod, attempts, .. } => (*pod, *attempts, String::new()),
            Note::Unschedulable { pod, attempts, diagnosis } => {
                (*pod, *attempts, self.diagnosis_text(diagnosis).to_owned())
            }
            _ => return,
        };
        if !self.name_pod(pod, view.cluster) {
            return;
        }
        let object = self.scratch_text();
        let Some(table) = &mut self.decisions else { return };
        table.seconds(now.0);
        table.text(&object);
        if let Note::Assigned { node, feasible, score, tied, .. } = note {
            table.text(self.nodes.get(node.index()).map_or("", |node| &node.name));
            table.integer(*feasible);
            table.integer(*score);
            table.integer(*tied);
        } else {
            table.empty();
            table.integer(0);
            (0..2).for_each(|_| table.empty());
        }
        table.integer(attempts);
        table.text(&text);
        table.end_row();
    }

    /// Records about nodes and workloads.
    fn log_other(&mut self, now: Time, record: &Record<'_>, actor: &str) {
        let node_name = |node: NodeId| self.nodes.get(node.index()).map_or("", |node| &node.name);
        let mut message = String::new();
        let (kind, action, object) = match record {
            Record::NodeAdded { name, .. } => ("Node", "RegisteredNode", *name),
            Record::NodeRemoved { node } => ("Node", "RemovingNode", node_name(*node)),
            Record::NodeFailed { node, containers_lost, scope, last_renewal } => {
                let what = if *containers_lost { "the machine is down" } else { "the machine is cut off" };
                let silent = now.since(*last_renewal).rounded();
                let _ = write!(message, "{what} (failure of a {scope}); last lease renewal {silent} before");
                ("Node", "NodeFailed", node_name(*node))
            }
            Record::NodeRecovered { node } => ("Node", "NodeRecovered", node_name(*node)),
            Record::NodeReady { node, ready } => {
                let (action, why) = match ready {
                    ReadyStatus::True => ("NodeReady", ""),
                    ReadyStatus::False => ("NodeNotReady", "the kubelet says so"),
                    ReadyStatus::Unknown => ("NodeNotReady", "the kubelet stopped posting node status"),
                };
                message.push_str(why);
                ("Node", action, node_name(*node))
            }
            Record::NodeTaint { node, key, effect, added, .. } => {
                let _ = write!(message, "{key}:{}", effect.name());
                ("Node", if *added { "TaintAdded" } else { "TaintRemoved" }, node_name(*node))
            }
            Record::NodeUnschedulable { node, unschedulable } => {
                let action = if *unschedulable { "NodeNotSchedulable" } else { "NodeSchedulable" };
                ("Node", action, node_name(*node))
            }
            Record::WorkloadCreated { kind, name, replicas, .. } => {
                let _ = write!(message, "{replicas} desired");
                (*kind, "Created", *name)
            }
            Record::WorkloadScaled { workload, replicas } => {
                let _ = write!(message, "to {replicas}");
                let (kind, name) = self.replicas.label(*workload);
                let action = match actor {
                    "user" => "Scaled",
                    _ if actor == Client::PodAutoscaler.name() => "SuccessfulRescale",
                    _ => "ScalingReplicaSet",
                };
                (kind, action, name)
            }
            Record::WorkloadRemoved { workload } => {
                let (kind, name) = self.replicas.label(*workload);
                (kind, "Deleted", name)
            }
            Record::Process { process, step } => {
                let (action, what) = process_words(*step);
                message.push_str(what);
                ("Process", action, process.name())
            }
            Record::ApiServer { is_up } => {
                ("Process", if *is_up { "Available" } else { "Unavailable" }, "api-server")
            }
            _ => return,
        };
        let telling = !matches!(record, Record::NodeAdded { .. } | Record::WorkloadCreated { .. });
        let weight = if telling { Weight::Telling } else { Weight::Ordinary };
        self.events.enter(now, Line { weight, object, message: &message, ..line(actor, action, kind) });
    }

    /// The conditions of a workload that say that something is wrong, or is not any longer.
    fn log_troubles(&mut self, now: Time, workload: WorkloadId, status: &Status, actor: &str) {
        for condition in self.statuses.troubles(workload, status) {
            let (kind, object) = self.replicas.label(workload);
            let message = format!("condition {} is {}", condition.kind, condition.status.name());
            let told = Line { object, message: &message, ..line(actor, condition.reason, kind) };
            self.events.enter(now, Line { weight: Weight::Telling, ..told });
        }
    }

    /// What is shown of a pod's bar when one asks.
    pub(super) fn bar_detail(&self, pod: &Pod, outcome: Outcome) -> String {
        let bound = pod.bound.unwrap_or(pod.created);
        let mut text = format!("waited {} for a node", bound.since(pod.created).rounded());
        if pod.attempts > 1 {
            let _ = write!(text, ", {} attempts", pod.attempts);
        }
        for &(row, amount) in self.facts(pod).iter().flat_map(|facts| &facts.requests) {
            let _ = match row {
                CPU => write!(text, "; cpu {}", Span(amount.max(0) as u64 * 1_000_000).as_secs_f64()),
                MEMORY => write!(text, "; memory {:.1} MiB", amount as f64 / 1_048_576.0),
                super::ledger::PODS => Ok(()),
                _ => write!(text, "; {} {amount}", self.resources.names[row]),
            };
        }
        let _ = write!(text, "; {}", outcome.name());
        if pod.reason != Reason::None {
            let _ = write!(text, " ({})", pod.reason.name());
        }
        if let Some(failure) = &pod.failure {
            let _ = write!(text, "; before: {}", failure.diagnosis);
        }
        text
    }
}

/// A line with nothing but these.
fn line<'a>(actor: &'a str, action: &'a str, kind: &'a str) -> Line<'a> {
    Line { weight: Weight::Ordinary, actor, action, kind, object: "", node: "", message: "" }
}

/// The namespace before a name, unless it is `default`.
fn push_namespace(buffer: &mut Vec<u8>, namespace: &str) {
    if !matches!(namespace, "" | "default") {
        buffer.extend_from_slice(namespace.as_bytes());
        buffer.push(b'/');
    }
}

/// How telling a record about a pod is; `None` if it is not written at all.
fn weight_of(record: &Record<'_>) -> Option<Weight> {
    Some(match record {
        Record::ContainerStarted { restarts, .. } if *restarts > 0 => Weight::Telling,
        // Ends of containers that end their pod well are told by the pod.
        Record::ContainerEnded { code: 0, .. } => return None,
        Record::ContainerEnded { .. }
        | Record::PodReady { ready: false, .. }
        | Record::PodEnded { phase: PodPhase::Failed, .. } => Weight::Telling,
        Record::PodDeleting { reason, .. } => match reason {
            Reason::ScaledDown | Reason::OwnerDeleted | Reason::Deleted => Weight::Ordinary,
            _ => Weight::Telling,
        },
        _ => Weight::Ordinary,
    })
}

/// The words of a record about a pod.
fn pod_words(record: &Record<'_>, actor: &str, name: &dyn Fn(ContainerIndex) -> String) -> Words {
    let weight = weight_of(record).unwrap_or(Weight::Ordinary);
    let (action, message) = match record {
        Record::ContainerStarted { container, restarts: 0, main, .. } => {
            ("Started", if *main && container.0 == 0 { String::new() } else { name(*container) })
        }
        Record::ContainerStarted { container, restarts, .. } => {
            ("Started", format!("{}, restart {restarts}", name(*container)))
        }
        Record::ContainerEnded { container, code, reason, ran, .. } => {
            let word = if *reason == Reason::OomKilled { "OOMKilling" } else { "Exited" };
            let ran = ran.rounded();
            (word, format!("{}: exit code {code} ({}) after {ran}", name(*container), reason.name()))
        }
        Record::PodReady { ready: false, .. } if actor == Client::NodeLifecycle.name() => {
            ("NodeNotReady", "the node is not ready".into())
        }
        Record::PodReady { ready, .. } => (if *ready { "Ready" } else { "NotReady" }, String::new()),
        Record::PodEnded { phase, reason, .. } => {
            let plain = matches!(reason, Reason::None | Reason::Completed);
            let word = if *phase == PodPhase::Succeeded { "Completed" } else { "Failed" };
            (word, if plain { String::new() } else { reason.name().to_owned() })
        }
        Record::PodDeleting { reason, grace, .. } => {
            let word = match reason {
                Reason::TaintEviction => "TaintManagerEviction",
                Reason::Preempted => "Preempted",
                _ if actor == "user" => "Deleted",
                _ => "SuccessfulDelete",
            };
            (word, format!("{}; grace period {grace}", deletion(*reason)))
        }
        _ => ("", String::new()),
    };
    (action, weight, message)
}

/// What happens to a process: the action and the message.
fn process_words(step: ProcessStep) -> (&'static str, &'static str) {
    match step {
        ProcessStep::Killed { led: true } => ("Killed", "it led: nobody does its work"),
        ProcessStep::Killed { led: false } => ("Killed", "it stood by"),
        ProcessStep::LeaseLost => ("LeaderElection", "could not renew its lease and gives up"),
        ProcessStep::Launched => ("Launched", ""),
        ProcessStep::Leads => ("LeaderElection", "became leader"),
        ProcessStep::Ready => ("Ready", "knows what exists; every timer begins anew"),
    }
}

/// Why a pod is deleted, in words.
fn deletion(reason: Reason) -> &'static str {
    match reason {
        Reason::TaintEviction => "it does not tolerate a NoExecute taint of its node any longer",
        Reason::Preempted => "it makes room for a pod of higher priority",
        Reason::ScaledDown => "its controller wants fewer pods",
        Reason::OwnerDeleted => "its owner was deleted",
        Reason::Deleted => "it was deleted by the user",
        Reason::NodeGone => "its node no longer exists",
        other => other.name(),
    }
}

/// Whether a failed attempt is a repetition of the pod's last one.
fn same_failure(last: &Failure, diagnosis: &Arc<Diagnosis>) -> bool {
    if Arc::ptr_eq(&last.diagnosis, diagnosis) || *last.diagnosis == **diagnosis {
        return true;
    }
    let reasons = |diagnosis: &Diagnosis| {
        let mut all: Vec<&str> = diagnosis.reasons.iter().map(|(reason, _)| reason.as_str()).collect();
        all.sort_unstable();
        all.join("\n")
    };
    last.lines >= LINES_BEFORE_GROUPING
        && last.diagnosis.pre_filter == diagnosis.pre_filter
        && reasons(&last.diagnosis) == reasons(diagnosis)
}
