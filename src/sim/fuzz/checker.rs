//! What must hold of every run, checked on its records as an outsider would.
//!
//! Nothing here uses the code that it checks: pods, nodes and containers are followed by the records
//! alone, and placements are worked out again from the objects as written.

mod guards;
mod liveness;
mod objects;
mod pods;
mod rollouts;
#[cfg(test)]
mod tests;

use super::injected::Injected;
use super::placement;
use super::story::Story;
use crate::api::Status;
use crate::api::{Node, PodPhase, PodTemplate, Taint};
use crate::base::ids::{NodeId, PodId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::workloads::{JobEnd, job_end};
use crate::cluster::{PodName, PodRef, Reason, WorkloadKind};
use crate::control::{ContainerIndex, Note, PodPatch};
use crate::sim::{Balance, Observer, Record, View};
use objects::Thing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a watch may take with latencies: as long the control plane may act on what is no
/// longer so. Watches keep their order, so the slowest delivery bounds all.
const DELIVERY: Span = Span::from_millis(5);
/// The same for what goes through a queue of a controller and its limit of requests.
const LAG: Span = Span::from_secs(10);

/// A pod as the records tell of it.
#[derive(Debug)]
struct Pod {
    template: Arc<PodTemplate>,
    name: String,
    owner: Option<WorkloadId>,
    node: Option<NodeId>,
    initial: bool,
    namespace: String,
    /// The number in its name, if it has one from its owner.
    number: Option<u32>,
    created: Time,
    bound: Option<Time>,
    running: bool,
    ready: bool,
    /// When its deletion has begun, and the grace period.
    deleting: Option<(Time, Span)>,
    /// Whether it was deleted without a word from its kubelet.
    is_given_up: bool,
    ended: Option<(Time, PodPhase)>,
    removed: Option<Time>,
    containers: BTreeMap<ContainerIndex, Container>,
}

#[derive(Debug, Default)]
struct Container {
    running: bool,
    main: bool,
    starts: u32,
    /// When it has started last.
    since: Time,
}

/// A node as the records tell of it.
#[derive(Debug)]
struct Machine {
    node: Arc<Node>,
    taints: Vec<Taint>,
    cordoned: bool,
    /// Whether the Node object exists, and since when.
    present: bool,
    since: Time,
    /// Whether it is down, and whether its containers were lost.
    down: Option<bool>,
    /// Pods that are bound to it and neither ended nor removed.
    pods: BTreeSet<Key>,
    cpu: i64,
    memory: i64,
}

/// A pod's row and generation.
type Key = (PodId, u32);

fn key(pod: PodRef) -> Key {
    (pod.id, pod.generation)
}

/// The actor that rolls out.
const DEPLOYMENTS: &str = "deployment-controller";

/// Checks a run. The first thing that does not hold is kept.
pub(super) struct Checker {
    pub(super) story: Story,
    pub(super) broken: Option<String>,
    ideal: bool,
    /// Whether any client of the API server may bind pods, not only Kubernetes' scheduler.
    any_binds: bool,
    /// Whether pods may be bound to a node that was chosen before it was cordoned.
    binds_late: bool,
    default_tolerations: bool,
    nodes: BTreeMap<String, Arc<Node>>,
    machines: BTreeMap<NodeId, Machine>,
    pods: BTreeMap<Key, Pod>,
    jobs: BTreeMap<WorkloadId, JobEnd>,
    things: BTreeMap<WorkloadId, Thing>,
    pub(super) injected: Injected,
    /// How old what a controller acts on may be.
    lag: Span,
    /// The budget that was charged last, and when.
    charged: Option<(Time, WorkloadId)>,
    instants: u64,
    now: Time,
    created: u64,
    /// The workload objects at the end, as the control plane sees them.
    left: Vec<(WorkloadKind, Status)>,
}

impl Checker {
    /// A checker of a run in which these nodes appear.
    pub(super) fn new(nodes: Vec<Arc<Node>>, ideal: bool, default_tolerations: bool) -> Checker {
        Checker {
            story: Story::default(),
            broken: None,
            ideal,
            any_binds: false,
            binds_late: false,
            default_tolerations,
            nodes: nodes.into_iter().map(|node| (node.meta.name.clone(), node)).collect(),
            machines: BTreeMap::new(),
            pods: BTreeMap::new(),
            jobs: BTreeMap::new(),
            things: BTreeMap::new(),
            injected: Injected::default(),
            lag: if ideal { Span::ZERO } else { LAG },
            charged: None,
            instants: 0,
            now: Time::ZERO,
            created: 0,
            left: Vec::new(),
        }
    }

    /// The same checker of a run in which controllers may act on what is so old.
    pub(super) fn with_lag(self, lag: Span) -> Checker {
        Checker { lag, ..self }
    }

    /// The same checker of a run under another control plane, which may bind pods long after it has chosen
    /// their nodes.
    pub(super) fn under_another(self, binds_late: bool) -> Checker {
        Checker { any_binds: true, binds_late, ..self }
    }

    fn is_ideal(&self) -> bool {
        self.ideal
    }

    /// The workload objects that exist at the end.
    pub(super) fn workloads(&self) -> impl Iterator<Item = (&str, &WorkloadKind, &Status)> {
        self.left.iter().map(|(kind, status)| (kind.meta().name.as_str(), kind, status))
    }

    /// The count of pods by the records.
    pub(super) fn balance(&self) -> Balance {
        let there = |phase| {
            let pods = self.pods.values().filter(|pod| pod.removed.is_none());
            pods.filter(|pod| pod.ended.is_some_and(|(_, ended)| ended == phase)).count() as u64
        };
        Balance {
            created: self.created,
            removed: self.pods.values().filter(|pod| pod.removed.is_some()).count() as u64,
            succeeded: there(PodPhase::Succeeded),
            failed: there(PodPhase::Failed),
        }
    }

    /// Pods that have neither ended nor gone and whose name says that they must end.
    pub(super) fn unfinished(&self) -> Option<&str> {
        let open = |pod: &&Pod| pod.removed.is_none() && pod.ended.is_none() && pod.name.starts_with("sure");
        self.pods.values().find(open).map(|pod| pod.name.as_str())
    }

    fn check(&mut self, record: &Record<'_>, view: View<'_>) -> Result<(), String> {
        match record {
            Record::NodeAdded { node, name, .. } => self.node_added(*node, name),
            Record::NodeRemoved { node } => {
                self.machine(*node)?.present = false;
                Ok(())
            }
            Record::NodeFailed { node, containers_lost, .. } => self.node_failed(*node, *containers_lost),
            Record::NodeRecovered { node } => self.node_recovered(*node),
            Record::NodeUnschedulable { node, unschedulable } => {
                self.machine(*node)?.cordoned = *unschedulable;
                Ok(())
            }
            Record::NodeTaint { node, key, value, effect, added } => {
                let taint = Taint { key: (*key).to_owned(), value: (*value).to_owned(), effect: *effect };
                let taints = &mut self.machine(*node)?.taints;
                taints.retain(|there| there.key != taint.key || there.effect != taint.effect);
                if *added {
                    taints.push(taint);
                }
                Ok(())
            }
            Record::PodCreated { pod, .. } => self.pod_created(*pod, record, view),
            Record::PodBound { pod, node } => self.pod_bound(*pod, *node, view),
            Record::ContainerStarted { pod, container, main, restarts } => {
                self.started(*pod, *container, *main, *restarts)
            }
            Record::ContainerEnded { pod, container, ran, work, .. } => {
                if work > ran {
                    return Err(format!("a container did {work} of work in {ran}"));
                }
                self.ended(*pod, *container)
            }
            Record::PodReady { pod, ready } => self.pod_ready(*pod, *ready),
            Record::PodEnded { pod, phase, finished, .. } => {
                self.pod_ended(*pod, *phase, *finished, view.actor)
            }
            Record::PodStatus { pod, status, .. } => {
                self.there(*pod)?.running = status.phase == PodPhase::Running;
                Ok(())
            }
            Record::PodPatched { pod, patch: PodPatch::Class(class) } => {
                self.there(*pod)?.template = Arc::clone(&view.cluster.classes[*class].template);
                Ok(())
            }
            Record::PodDeleting { pod, reason, grace } => {
                self.pod_deleting(*pod, *reason, *grace, view.actor)
            }
            Record::PodRemoved { pod } => self.pod_removed(*pod, view.actor),
            Record::WorkloadCreated { workload, owner, object, .. } if view.actor == DEPLOYMENTS => {
                self.resized(*workload, *owner, None, object)
            }
            Record::WorkloadChanged { workload, before, object, .. } if view.actor == DEPLOYMENTS => {
                let owner = self.things.get(workload).and_then(|thing| thing.owner);
                self.resized(*workload, owner, Some(before), object)
            }
            Record::WorkloadStatus { workload, status } => {
                self.guard_written(*workload, status, view.actor)?;
                self.job_ended(*workload, job_end(status), view)
            }
            Record::CpuUsed { node, milli } => self.cpu_used(*node, *milli),
            Record::MemoryUsed { node, bytes } => {
                self.machine(*node)?.memory = *bytes;
                if *bytes < 0 { Err(format!("{bytes} bytes of memory in use")) } else { Ok(()) }
            }
            Record::Note(Note::Assigned { pod, node, .. }) => self.assigned(*pod, *node, view),
            _ => Ok(()),
        }
    }

    fn machine(&mut self, node: NodeId) -> Result<&mut Machine, String> {
        self.machines.get_mut(&node).ok_or_else(|| format!("node {} is not there", node.0))
    }

    /// The pod, whose object must exist.
    fn there(&mut self, pod: PodRef) -> Result<&mut Pod, String> {
        let found = self.pods.get_mut(&key(pod)).filter(|pod| pod.removed.is_none());
        found.ok_or_else(|| format!("pod {} is not there", pod.id.0))
    }

    fn node_added(&mut self, node: NodeId, name: &str) -> Result<(), String> {
        let object = self.nodes.get(name).ok_or_else(|| format!("nobody asked for node {name}"))?;
        let mut machine = Machine {
            taints: object.taints.clone(),
            cordoned: object.unschedulable,
            node: Arc::clone(object),
            present: true,
            since: self.now,
            down: None,
            pods: BTreeSet::new(),
            cpu: 0,
            memory: 0,
        };
        match self.machines.remove(&node) {
            Some(former) if former.present => return Err(format!("node {name} is added a second time")),
            // Pods of the machine that was there before may not have been collected yet.
            Some(former) => machine.pods = former.pods,
            None => {}
        }
        self.machines.insert(node, machine);
        Ok(())
    }

    fn node_failed(&mut self, node: NodeId, lost: bool) -> Result<(), String> {
        let machine = self.machine(node)?;
        if machine.down == Some(true) || machine.down == Some(lost) {
            return Err(format!("node {} fails while it is down", machine.node.meta.name));
        }
        machine.down = Some(lost);
        Ok(())
    }

    fn node_recovered(&mut self, node: NodeId) -> Result<(), String> {
        let down = self.machine(node)?.down.take();
        let Some(lost) = down else { return Err(format!("node {} recovers but is up", node.0)) };
        let runs = |pod: &&Pod| pod.node == Some(node) && pod.containers.values().any(|one| one.running);
        match self.pods.values().find(runs) {
            Some(pod) if lost => Err(format!("a container of {} outlived its machine", pod.name)),
            _ => Ok(()),
        }
    }

    fn pod_created(&mut self, pod: PodRef, record: &Record<'_>, view: View<'_>) -> Result<(), String> {
        let Record::PodCreated { serial, name, class, owner, initial, .. } = record else { return Ok(()) };
        if *serial != self.created {
            return Err(format!("pod {serial} is created as the {}th", self.created));
        }
        self.created += 1;
        let (name, number) = match name {
            PodName::Own(name) => (name.to_string(), None),
            PodName::Numbered { base, number } => {
                (format!("{}-{number}", view.cluster.names.text(*base)), Some(*number))
            }
        };
        let class = &view.cluster.classes[*class];
        let entry = Pod {
            template: Arc::clone(&class.template),
            name,
            owner: *owner,
            node: None,
            initial: *initial,
            namespace: view.cluster.names.text(class.namespace).to_owned(),
            number,
            created: self.now,
            bound: None,
            running: *initial,
            ready: false,
            deleting: None,
            is_given_up: false,
            ended: None,
            removed: None,
            containers: BTreeMap::new(),
        };
        match self.pods.insert(key(pod), entry) {
            None if *initial => Ok(()),
            None => self.within_quotas(&self.pods[&key(pod)]),
            Some(former) => Err(format!("the reference of {} is given out again", former.name)),
        }
    }

    /// The scheduler has decided, on its view, in which the pod is on the node already.
    fn assigned(&self, pod: PodRef, node: NodeId, view: View<'_>) -> Result<(), String> {
        let Some(known) = self.pods.get(&key(pod)) else { return Err("an unknown pod is assigned".into()) };
        let machine = self.machines.get(&node).ok_or("a pod is assigned to an unknown node")?;
        let nodes = &view.cluster.nodes;
        let taints = nodes.taints(&view.cluster.names, node);
        let cordoned = nodes.unschedulable.contains(node.index());
        let spec = &known.template.spec;
        let refusal = placement::refusal(spec, &machine.node, &taints, cordoned, self.default_tolerations);
        if let Some(why) = refusal {
            return Err(format!("{} is assigned to {}, but {why}", known.name, machine.node.meta.name));
        }
        let pods = &view.cluster.pods;
        if nodes.pods[node.index()].iter().any(|pod| self.pods[&key(pods.reference(*pod))].initial) {
            return Ok(());
        }
        let specs = nodes.pods[node.index()]
            .iter()
            .map(|pod| &view.cluster.classes[pods.class[pod.index()]].template.spec);
        placement::overload(&machine.node, specs)
            .map_or(Ok(()), |why| Err(format!("{} takes {}: {why}", machine.node.meta.name, known.name)))
    }

    fn pod_bound(&mut self, pod: PodRef, node: NodeId, view: View<'_>) -> Result<(), String> {
        let now = self.now;
        let entry = self.there(pod)?;
        entry.bound = Some(now);
        if let Some(other) = entry.node.replace(node) {
            return Err(format!("{} is bound to node {} and to node {}", entry.name, other.0, node.0));
        }
        let (initial, ended) = (entry.initial, entry.ended.is_some());
        if ended {
            return Err("a pod that has ended is bound".into());
        }
        self.machine(node)?.pods.insert(key(pod));
        if initial {
            return Ok(());
        }
        if view.actor != "scheduler" && !self.any_binds {
            return Err(format!("{} binds a pod", view.actor));
        }
        self.check_binding(key(pod), node)
    }

    fn check_binding(&self, pod: Key, node: NodeId) -> Result<(), String> {
        let (bound, machine) = (&self.pods[&pod], &self.machines[&node]);
        let spec = &bound.template.spec;
        let named =
            |why: String| Err(format!("{} is bound to {}, but {why}", bound.name, machine.node.meta.name));
        // With latencies, or after an outage of the API server, the scheduler may not have heard of the
        // last taints.
        let (taints, cordoned) = if self.ideal && self.lag == Span::ZERO && !self.binds_late {
            (&machine.taints[..], machine.cordoned)
        } else {
            (&[][..], false)
        };
        let refusal = placement::refusal(spec, &machine.node, taints, cordoned, self.default_tolerations);
        if let Some(why) = refusal {
            return named(why);
        }
        let others = machine.pods.iter().filter(|other| **other != pod).map(|other| &self.pods[other]);
        // Where two pods that were there at the start have one port, the original frees it with the first
        // of them.
        let mut rivals = others.clone().filter(|other| !other.initial);
        if let Some(other) = rivals.find(|other| placement::ports_conflict(spec, &other.template.spec)) {
            return named(format!("{} has its host port", other.name));
        }
        if others.clone().any(|other| other.initial) {
            return Ok(());
        }
        let specs = others.map(|other| &other.template.spec).chain([spec]);
        placement::overload(&machine.node, specs).map_or(Ok(()), named)
    }

    fn started(
        &mut self,
        pod: PodRef,
        container: ContainerIndex,
        main: bool,
        restarts: u32,
    ) -> Result<(), String> {
        let (now, late) = (self.now, if self.ideal { Span::ZERO } else { DELIVERY });
        let Some(entry) = self.pods.get_mut(&key(pod)) else { return Err("an unknown pod starts".into()) };
        let name = entry.name.clone();
        let Some(node) = entry.node else { return Err(format!("{name} starts unbound")) };
        let state = entry.containers.entry(container).or_default();
        if std::mem::replace(&mut state.running, true) {
            return Err(format!("container {} of {name} starts while it runs", container.0));
        }
        if restarts != state.starts {
            return Err(format!("start {} of {name} is told as {restarts}", state.starts));
        }
        state.starts += 1;
        state.main = main;
        state.since = now;
        let over = entry.removed.or(entry.ended.map(|(at, _)| at));
        self.check_identity(key(pod))?;
        let machine = self.machine(node)?;
        match machine.down {
            Some(true) => return Err(format!("{name} starts on a machine that is down")),
            // A kubelet that is cut off does not know.
            Some(false) => return Ok(()),
            None => {}
        }
        match over {
            Some(at) if now.since(at) > late => Err(format!("{name} starts after its end")),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, pod: PodRef, container: ContainerIndex) -> Result<(), String> {
        let Some(entry) = self.pods.get_mut(&key(pod)) else { return Err("an unknown pod ends".into()) };
        let state = entry.containers.entry(container).or_default();
        if std::mem::replace(&mut state.running, false) {
            return Ok(());
        }
        Err(format!("container {} of {} ends but did not run", container.0, entry.name))
    }

    fn pod_ready(&mut self, pod: PodRef, ready: bool) -> Result<(), String> {
        let entry = self.there(pod)?;
        if ready && (entry.node.is_none() || entry.ended.is_some()) {
            return Err(format!("{} is ready without running", entry.name));
        }
        entry.ready = ready;
        Ok(())
    }

    fn pod_ended(&mut self, pod: PodRef, phase: PodPhase, finished: Time, actor: &str) -> Result<(), String> {
        let now = self.now;
        let entry = self.there(pod)?;
        if entry.ended.is_some() {
            return Err(format!("{} ends twice", entry.name));
        }
        if finished > now {
            return Err(format!("{} has finished in the future", entry.name));
        }
        entry.ended = Some((now, phase));
        // What starts at this very instant the kubelet has not heard of.
        if actor == "kubelet" && entry.containers.values().any(|part| part.running && part.since < now) {
            return Err(format!("{} is reported as ended while it runs", entry.name));
        }
        if phase == PodPhase::Succeeded && entry.containers.values().all(|one| !one.main) {
            return Err(format!("{} succeeded without having run", entry.name));
        }
        self.leave(pod);
        Ok(())
    }

    fn pod_deleting(&mut self, pod: PodRef, reason: Reason, grace: Span, actor: &str) -> Result<(), String> {
        self.there(pod)?;
        if actor == "user" {
            self.evicted(key(pod), reason)?;
        }
        let now = self.now;
        let entry = self.there(pod)?;
        entry.deleting = Some((now, grace));
        Ok(())
    }

    fn pod_removed(&mut self, pod: PodRef, actor: &str) -> Result<(), String> {
        let now = self.now;
        let entry = self.there(pod)?;
        entry.removed = Some(now);
        // Kubernetes does not wait for the containers of what is deleted by force, or what is on a
        // node that is gone or said to be out of service.
        let by_force = entry.deleting.is_some_and(|(_, grace)| grace == Span::ZERO);
        entry.is_given_up = by_force || matches!(actor, "user" | "pod-garbage-collector");
        if actor == "kubelet" && entry.containers.values().any(|part| part.running && part.since < now) {
            return Err(format!("{} is removed by its kubelet while it runs", entry.name));
        }
        self.leave(pod);
        Ok(())
    }

    /// The pod no longer counts on its node.
    fn leave(&mut self, pod: PodRef) {
        let node = self.pods.get(&key(pod)).and_then(|pod| pod.node);
        if let Some(machine) = node.and_then(|node| self.machines.get_mut(&node)) {
            machine.pods.remove(&key(pod));
        }
    }

    fn job_ended(&mut self, workload: WorkloadId, end: JobEnd, view: View<'_>) -> Result<(), String> {
        let before = self.jobs.insert(workload, end).unwrap_or_default();
        if before != JobEnd::Open && before != end {
            return Err(format!("workload {} goes from {before:?} to {end:?}", workload.0));
        }
        let WorkloadKind::Job(job) = &view.cluster.workloads[workload].kind else { return Ok(()) };
        if before == end || end != JobEnd::Complete || !job.success_policy.is_empty() {
            return Ok(());
        }
        let succeeded = |pod: &&Pod| {
            pod.owner == Some(workload) && pod.ended.is_some_and(|(_, phase)| phase == PodPhase::Succeeded)
        };
        let count = self.pods.values().filter(succeeded).count();
        let wanted = job.completions.unwrap_or(1).max(0) as usize;
        if count < wanted {
            return Err(format!("{} is complete with {count} of {wanted} successes", job.meta.name));
        }
        Ok(())
    }

    fn cpu_used(&mut self, node: NodeId, milli: i64) -> Result<(), String> {
        let machine = self.machine(node)?;
        machine.cpu = milli;
        let has = machine.node.capacity.get("cpu").copied().unwrap_or_default().milli_ceil();
        if milli < 0 || milli > has {
            return Err(format!("{milli} of {has} millicores in use on {}", machine.node.meta.name));
        }
        Ok(())
    }

    /// What runs on nothing uses nothing.
    fn check_end(&self) -> Result<(), String> {
        let mut busy: BTreeSet<NodeId> = BTreeSet::new();
        for pod in self.pods.values() {
            if pod.containers.values().any(|one| one.running && one.main) {
                busy.extend(pod.node);
            }
        }
        for (id, machine) in &self.machines {
            if !busy.contains(id) && (machine.cpu, machine.memory) != (0, 0) {
                let Machine { cpu, memory, .. } = machine;
                return Err(format!("idle {} uses {cpu} millicores, {memory} bytes", machine.node.meta.name));
            }
        }
        Ok(())
    }

    fn keep(&mut self, result: Result<(), String>) {
        if let Err(what) = result
            && self.broken.is_none()
        {
            self.broken = Some(format!("at {}: {what}", Span(self.now.0)));
        }
    }
}

impl Observer for Checker {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        self.story.record(now, record, view);
        if now < self.now {
            self.keep(Err(format!("time goes back to {}", Span(now.0))));
        }
        if now > self.now {
            let result = self.look_at_all(view);
            self.keep(result);
        }
        self.now = now;
        let result = self.check(record, view);
        self.keep(result);
        self.follow_object(record, view.actor);
        self.injected.record(now, record, view.actor);
    }

    fn finish(&mut self, now: Time, view: View<'_>) {
        self.story.finish(now, view);
        let there = view.cluster.workloads.iter().filter(|(_, workload)| workload.present);
        self.left = there.map(|(_, workload)| (workload.kind.clone(), workload.status.clone())).collect();
        let result = self.check_end();
        self.keep(result);
        let is_sure = self.ideal && self.lag == Span::ZERO && view.actor.is_empty();
        let result = if is_sure { self.check_census(view) } else { Ok(()) };
        self.keep(result);
    }
}
