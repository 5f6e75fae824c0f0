//! What is kept of a pod while it is alive, and its row in `pods.csv`.
//!
//! When something happens to a pod is decided by the caller.

use super::ledger::{CPU, MEMORY, PODS, Resources};
use super::replicas::Replicas;
use crate::api::RestartPolicy;
use crate::base::ids::{ClassId, NodeId, WorkloadId};
use crate::base::{Few, Span, Symbol, Time};
use crate::cluster::requests::to_integer;
use crate::cluster::{Cluster, PodName, Reason};
use crate::control::Diagnosis;
use crate::observe::durations::Durations;
use crate::observe::table::{Table, push_integer};
use std::sync::Arc;

/// What a class says, as far as it is measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Requests above zero as (row of [`Resources`], amount), with the pod's slot.
    pub(super) requests: Vec<(usize, i64)>,
    /// Requested CPU of each container in millicores, init containers first.
    pub(super) milli: Vec<i64>,
    /// Names of the containers, init containers first.
    pub(super) containers: Vec<Box<str>>,
    pub(super) namespace: Symbol,
    /// Whether containers are always restarted: a service, whose running is its work.
    pub(super) service: bool,
    /// How many pods of the class are queued.
    pub(super) queued: u64,
}

impl Facts {
    pub(super) fn of(resources: &mut Resources, cluster: &Cluster, class: ClassId) -> Facts {
        if class.index() >= cluster.classes.len() {
            return Facts::default();
        }
        let compiled = &cluster.classes[class];
        let mut requests: Vec<(usize, i64)> =
            compiled.counted.iter().map(|&(id, amount)| (resources.row_of_id(cluster, id), amount)).collect();
        requests.push((PODS, 1));
        let spec = &compiled.template.spec;
        let cpu = |container: &crate::api::Container| {
            container.resources.requests.get("cpu").map_or(0, |&amount| to_integer("cpu", amount))
        };
        let mut milli: Vec<i64> = spec.init_containers.iter().chain(&spec.containers).map(cpu).collect();
        let name = |container: &crate::api::Container| container.name.as_str().into();
        let containers = spec.init_containers.iter().chain(&spec.containers).map(name).collect();
        let first = spec.init_containers.len();
        if milli[first..].iter().all(|&amount| amount == 0)
            && let Some(main) = milli.get_mut(first)
        {
            // Requests of the pod as a whole belong to its first container.
            *main = compiled.request(crate::base::ids::ResourceId::CPU);
        }
        Facts {
            requests,
            milli,
            containers,
            namespace: compiled.namespace,
            service: compiled.restart_policy == RestartPolicy::Always,
            queued: 0,
        }
    }

    fn request(&self, row: usize) -> i64 {
        self.requests.iter().find(|(other, _)| *other == row).map_or(0, |(_, amount)| *amount)
    }
}

/// A pod in the eyes of the charts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Stage {
    /// Not bound.
    #[default]
    Pending,
    /// Bound, and no main container has started.
    Starting,
    /// Started and not ended.
    Running,
    /// Reached a terminal phase or was removed.
    Over,
}

/// How a pod ended, or did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    Removed,
    Pending,
    Running,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Outcome::Succeeded => "Succeeded",
            Outcome::Failed => "Failed",
            Outcome::Removed => "Removed",
            Outcome::Pending => "Pending",
            Outcome::Running => "Running",
        }
    }
}

/// A failed scheduling attempt that was written into the event log, and how often it came again.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) diagnosis: Arc<Diagnosis>,
    pub(super) since: Time,
    pub(super) repeated: u64,
    /// How many lines the pod has had before.
    pub(super) lines: u32,
}

/// A container that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Running {
    pub(super) container: u16,
    pub(super) main: bool,
    pub(super) since: Time,
}

/// A pod that is alive. Rows are used again, as those of the cluster's table are.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) generation: u32,
    pub(super) live: bool,
    pub(super) serial: u64,
    pub(super) name: PodName,
    pub(super) class: ClassId,
    /// The Deployment, ReplicaSet or Job that it belongs to.
    pub(super) owner: Option<WorkloadId>,
    pub(super) user: i32,
    pub(super) estimate: Option<Span>,
    pub(super) initial: bool,
    pub(super) stage: Stage,
    pub(super) created: Time,
    pub(super) first_attempt: Option<Time>,
    pub(super) bound: Option<Time>,
    pub(super) started: Option<Time>,
    pub(super) ready: Option<Time>,
    pub(super) ended: Option<Time>,
    /// When the last of its containers stopped, if none runs.
    pub(super) stopped: Option<Time>,
    pub(super) node: Option<NodeId>,
    /// Its lane on the node; `None` if the node is not known.
    pub(super) lane: Option<u32>,
    pub(super) has_bar: bool,
    pub(super) is_ready: bool,
    pub(super) deleting: bool,
    /// The workload that counts it as a serving replica.
    pub(super) serves: Option<WorkloadId>,
    pub(super) reason: Reason,
    pub(super) attempts: u32,
    pub(super) restarts: u32,
    pub(super) failure: Option<Failure>,
    /// Containers that run.
    pub(super) running: Few<Running>,
    /// Millicore-nanoseconds of work whose fate is open.
    pub(super) work: i128,
}

impl Default for Pod {
    fn default() -> Pod {
        Pod {
            generation: 0,
            live: false,
            serial: 0,
            name: PodName::Own("".into()),
            class: ClassId::default(),
            owner: None,
            user: -1,
            estimate: None,
            initial: false,
            stage: Stage::Pending,
            created: Time::ZERO,
            first_attempt: None,
            bound: None,
            started: None,
            ready: None,
            ended: None,
            stopped: None,
            node: None,
            lane: None,
            has_bar: false,
            is_ready: false,
            deleting: false,
            serves: None,
            reason: Reason::None,
            attempts: 0,
            restarts: 0,
            failure: None,
            running: Few::default(),
            work: 0,
        }
    }
}

/// Appends a pod's name.
pub(super) fn push_name(buffer: &mut Vec<u8>, cluster: &Cluster, name: &PodName) {
    match name {
        PodName::Own(name) => buffer.extend_from_slice(name.as_bytes()),
        PodName::Numbered { base, number } => {
            buffer.extend_from_slice(cluster.names.text(*base).as_bytes());
            buffer.push(b'-');
            push_integer(buffer, u64::from(*number));
        }
    }
}

/// What a row of `pods.csv` needs beside the pod.
pub(super) struct RowContext<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) facts: &'a Facts,
    pub(super) node: &'a str,
    pub(super) replicas: &'a Replicas,
    pub(super) durations: &'a Durations,
}

/// Writes the row of a pod.
pub(super) fn write_row(table: &mut Table, pod: &Pod, outcome: Outcome, context: &RowContext<'_>) {
    let nanos = |time: Option<Time>| time.map(|time| time.0);
    table.cell(|buffer| push_name(buffer, context.cluster, &pod.name));
    table.text(context.cluster.names.text(context.facts.namespace));
    match pod.owner.map(|owner| context.replicas.label(owner)) {
        Some((kind, name)) if !kind.is_empty() => table.cell(|buffer| {
            buffer.extend_from_slice(kind.as_bytes());
            buffer.push(b'/');
            buffer.extend_from_slice(name.as_bytes());
        }),
        _ => table.empty(),
    }
    if pod.user >= 0 {
        table.integer(pod.user);
    } else {
        table.empty();
    }
    table.seconds(pod.created.0);
    for time in [pod.first_attempt, pod.bound, pod.started, pod.ready, pod.ended] {
        table.maybe_seconds(nanos(time));
    }
    table.text(context.node);
    table.text(outcome.name());
    table.text(pod.reason.name());
    table.integer(pod.attempts);
    table.integer(pod.restarts);
    table.decimal(context.facts.request(CPU).max(0) as u64, 3);
    table.integer(context.facts.request(MEMORY));
    table.maybe_seconds(pod.estimate.map(|span| span.0));
    table.maybe_seconds(pod.started.map(|started| started.since(pod.created).0));
    let terminal = matches!(outcome, Outcome::Succeeded | Outcome::Failed);
    if let (true, Some(started), Some(ended)) = (terminal, pod.started, pod.ended) {
        let (run, turnaround) = (ended.since(started), ended.since(pod.created));
        table.seconds(run.0);
        table.seconds(turnaround.0);
        table.decimal(context.durations.bounded_micros(turnaround, run), 6);
    } else {
        (0..3).for_each(|_| table.empty());
    }
    table.integer(u8::from(pod.initial));
    match pod.failure.as_ref().filter(|_| pod.bound.is_none()) {
        Some(failure) => table.text(&failure.diagnosis.to_string()),
        None => table.empty(),
    }
    table.end_row();
}
