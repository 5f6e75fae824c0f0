//! The kubelets of all nodes: each takes the pods that are bound to its node, starts their
//! containers, starts them again when they end, and reports how they are.
//!
//! One component holds them all; the state is one row a pod. What a kubelet knows of its containers
//! comes from [`RuntimeEvent`](super::RuntimeEvent)s only: how long anything takes is not known
//! here. In-place resize and the graceful shutdown of nodes are not modelled.

mod admission;
mod affinity;
pub(crate) mod backoff;
mod eviction;
mod extra;
pub mod image_gc;
mod images;
mod pod;
mod probes;
pub mod qos;
mod recorded;
mod shortage;
mod status;
mod unsent;
mod worker;

pub use pod::{Container, ContainerState, Stage};
pub use recorded::RecordedKubelets;

pub(in crate::control) use affinity::Affinities;

use self::admission::Admission;
use self::eviction::Pressure;
use self::images::{Pull, Pulls};
use self::pod::{Containers, PodState};
use self::unsent::{Unsent, Unsents};
use self::worker::{ApiView, Settings, Worker};
use super::{
    Client, Command, Component, Config, Event, NewPod, NodeChange, PodBefore, Refusal, RuntimeCommand, Topic,
    Write,
};
use crate::api::PodPhase;
use crate::base::ids::{NodeId, PodId};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, Reason};
pub(in crate::control) use affinity::matches as may_run_on;
use std::collections::{BTreeMap, BTreeSet};

/// The kubelets of all nodes.
#[derive(Debug)]
pub struct Kubelets {
    settings: Settings,
    /// By row of the pod table.
    pods: Vec<PodState>,
    /// The pods of each node, in no particular order.
    of_node: Vec<Vec<PodId>>,
    admission: Admission,
    /// When which pod must be looked at: its `wake`, if its kubelet runs.
    timers: BTreeSet<(Time, PodId)>,
    /// The kubelets that do not run.
    stopped: BTreeMap<NodeId, Outage>,
    /// When those started that did not run from the beginning.
    started: BTreeMap<NodeId, Time>,
    pulls: Pulls,
    /// Pulls that fail because too much is asked of the registries, until their pods have been told.
    refused_pulls: Vec<Pull>,
    /// The nodes whose memory is short, or was a while ago.
    pressure: BTreeMap<NodeId, Pressure>,
    /// When which of them is looked at.
    looks: BTreeSet<(Time, NodeId)>,
    unsent: Unsents,
}

/// What a kubelet that does not run will find when it starts.
#[derive(Debug, Default)]
struct Outage {
    containers_lost: bool,
    /// Pods that had not ended and whose object went in the meantime.
    removed: Vec<PodRef>,
}

impl Kubelets {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> Kubelets {
        Kubelets {
            settings: Settings::new(config),
            pods: Vec::new(),
            of_node: Vec::new(),
            admission: Admission::new(!config.plane.restarts_in_place()),
            timers: BTreeSet::new(),
            stopped: BTreeMap::new(),
            started: BTreeMap::new(),
            pulls: Pulls::default(),
            refused_pulls: Vec::new(),
            pressure: BTreeMap::new(),
            looks: BTreeSet::new(),
            unsent: Unsents::default(),
        }
    }

    /// Whether no kubelet will do anything by itself: no back-off and no deadline is running.
    pub fn is_settled(&self) -> bool {
        self.timers.is_empty() && self.looks.is_empty() && self.unsent.next().is_none()
    }

    /// How far the kubelet is with a pod; `Absent` if it does not know it.
    pub fn stage(&self, pod: PodRef) -> Stage {
        self.row(pod).map_or(Stage::Absent, |row| row.stage)
    }

    /// The containers of a pod, as its kubelet knows them; none if it does not know the pod.
    pub fn containers(&self, pod: PodRef) -> &[Container] {
        self.row(pod).map_or(&[], |row| row.containers.get())
    }

    /// Recomputes what the kubelets have admitted from their pods and compares it with the sums and
    /// with what the nodes have: no node is over-committed.
    pub fn check(&self, cluster: &Cluster) -> Result<(), String> {
        let rows = self.pods.iter().enumerate().filter(|(_, row)| row.admitted);
        let class = |row: usize| &cluster.classes[cluster.pods.class[row]];
        self.admission.check(cluster, rows.map(|(index, row)| (row.node, class(index))))
    }

    fn row(&self, pod: PodRef) -> Option<&PodState> {
        let row = self.pods.get(pod.id.index())?;
        (row.stage != Stage::Absent && row.generation == pod.generation).then_some(row)
    }

    fn runs(&self, node: NodeId) -> bool {
        self.stopped.is_empty() || !self.stopped.contains_key(&node)
    }

    /// Whether the pod is known and its kubelet hears.
    fn hears(&self, pod: PodRef) -> bool {
        self.row(pod).is_some_and(|row| self.runs(row.node))
    }

    /// Takes in a pod that is bound to `node`: accepts it, or refuses it for good.
    fn take_in(&mut self, now: Time, pod: PodRef, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        let index = pod.id.index();
        let known = cluster.pods.get(pod).is_some() && node.index() < cluster.nodes.len();
        if !known || !self.runs(node) || self.row(pod).is_some() || cluster.pods.phase[index].is_terminal() {
            return;
        }
        let class_id = cluster.pods.class[index];
        let class = &cluster.classes[class_id];
        let deleting = cluster.pods.deleting_since[index].is_some();
        let runs_already = cluster.pods.phase[index] == PodPhase::Running;
        let answer = if deleting {
            Err(Reason::Deleted)
        } else if !runs_already && self.is_refused_for_pressure(cluster, node, class) {
            Err(Reason::NodePressure)
        } else {
            self.admission.admit(cluster, node, class_id, runs_already)
        };
        let count = class.template.spec.init_containers.len() + class.template.spec.containers.len();
        let position = self.enlist(node, pod.id);
        let mut row = PodState {
            generation: pod.generation,
            node,
            position,
            stage: Stage::Ended,
            admitted: answer.is_ok(),
            containers: Containers::new(count),
            ..PodState::default()
        };
        row.sent.phase = cluster.pods.phase[index];
        row.sent.ready = cluster.pods.ready[index];
        row.sent.restarts = cluster.pods.restarts[index];
        row.earlier_restarts = row.sent.restarts;
        row.taken_over = row.sent != super::PodStatus::default();
        if index >= self.pods.len() {
            self.pods.resize(index + 1, PodState::default());
        }
        self.pods[index] = row;
        self.with(now, pod, cluster, out, |worker| match answer {
            _ if deleting => worker.decline(),
            Ok(()) => worker.accept(),
            Err(reason) => worker.reject(reason),
        });
    }

    /// Enters a pod in the list of its node; returns its place.
    fn enlist(&mut self, node: NodeId, pod: PodId) -> u32 {
        if node.index() >= self.of_node.len() {
            self.of_node.resize(node.index() + 1, Vec::new());
        }
        let list = &mut self.of_node[node.index()];
        list.push(pod);
        list.len() as u32 - 1
    }

    /// Lets something happen to a pod that is known, and brings timers and sums in line with it.
    fn with(
        &mut self,
        now: Time,
        pod: PodRef,
        cluster: &Cluster,
        out: &mut Vec<Command>,
        act: impl FnOnce(&mut Worker<'_>),
    ) {
        self.act(now, pod, cluster, out, act);
        while let Some((pod, container)) = self.refused_pulls.pop() {
            if self.row(pod).is_some() {
                self.act(now, pod, cluster, out, |worker| worker.pull_refused(container));
            }
        }
    }

    fn act(
        &mut self,
        now: Time,
        pod: PodRef,
        cluster: &Cluster,
        out: &mut Vec<Command>,
        act: impl FnOnce(&mut Worker<'_>),
    ) {
        let index = pod.id.index();
        let state = &mut self.pods[index];
        let class = &cluster.classes[cluster.pods.class[index]];
        let api = ApiView {
            serial: cluster.pods.serial[index],
            phase: cluster.pods.phase[index],
            ready: cluster.pods.ready[index],
            reason: cluster.pods.reason[index],
        };
        let before = state.wake;
        let kubelet_start =
            if self.started.is_empty() { None } else { self.started.get(&state.node).copied() };
        act(&mut Worker {
            now,
            pod,
            state,
            spec: &class.template.spec,
            settings: &self.settings,
            api,
            kubelet_start,
            pulls: &mut self.pulls,
            refused: &mut self.refused_pulls,
            out,
        });
        if state.stage == Stage::Ended && std::mem::take(&mut state.admitted) {
            self.admission.release(state.node, class);
        }
        if state.wake != before {
            before.map(|at| self.timers.remove(&(at, pod.id)));
            state.wake.map(|at| self.timers.insert((at, pod.id)));
        }
    }

    /// The object is gone: the row is free for another pod. Only here are rows given up.
    fn remove(&mut self, now: Time, pod: PodRef, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(row) = self.row(pod) else { return };
        let (ended, node) = (row.stage == Stage::Ended, row.node);
        match self.stopped.get_mut(&node) {
            _ if ended => {}
            Some(outage) => outage.removed.push(pod),
            None => self.with(now, pod, cluster, out, |worker| {
                worker.remove();
            }),
        }
        let row = std::mem::take(&mut self.pods[pod.id.index()]);
        if row.admitted {
            self.admission.release(row.node, &cluster.classes[cluster.pods.class[pod.id.index()]]);
        }
        row.wake.map(|at| self.timers.remove(&(at, pod.id)));
        let list = &mut self.of_node[row.node.index()];
        list.swap_remove(row.position as usize);
        if let Some(moved) = list.get(row.position as usize) {
            self.pods[moved.index()].position = row.position;
        }
    }

    /// The deletion of a pod has begun. A kubelet that does not run will find out when it starts.
    fn delete(&mut self, now: Time, pod: PodRef, grace: Span, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(row) = self.row(pod) else { return };
        if self.runs(row.node) {
            self.with(now, pod, cluster, out, |worker| worker.delete(grace));
        } else {
            let deletion = &mut self.pods[pod.id.index()].deletion;
            *deletion = Some(deletion.map_or(grace, |earlier| earlier.min(grace)));
        }
    }

    fn stop(&mut self, node: NodeId, containers_lost: bool) {
        self.stopped.entry(node).or_default().containers_lost |= containers_lost;
        if containers_lost {
            self.pulls.forget(node);
        }
        for pod in self.of_node.get(node.index()).into_iter().flatten() {
            self.pods[pod.index()].wake.take().map(|at| self.timers.remove(&(at, *pod)));
        }
    }

    /// A kubelet starts: it finds pods that are gone, pods that it knows, and new ones.
    fn start(&mut self, now: Time, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(outage) = self.stopped.remove(&node) else { return };
        // A kubelet that starts posts its status before all else.
        out.push(post_ready(node));
        if outage.containers_lost {
            self.started.insert(node, now);
        }
        for pod in outage.removed {
            if !outage.containers_lost {
                let grace = worker::MIN_STOP_GRACE;
                out.push(Command::Runtime(pod, RuntimeCommand::Stop { grace }));
            }
            out.push(Command::Runtime(pod, RuntimeCommand::TearDown));
        }
        let in_order = |pods: &mut Vec<PodId>| {
            pods.sort_unstable_by_key(|pod| {
                (cluster.pods.created[pod.index()], cluster.pods.serial[pod.index()])
            });
        };
        let mut known = self.of_node.get(node.index()).cloned().unwrap_or_default();
        in_order(&mut known);
        for pod in known {
            let pod = cluster.pods.reference(pod);
            self.with(now, pod, cluster, out, |worker| worker.resume(outage.containers_lost));
        }
        let mut bound = cluster.nodes.pods.get(node.index()).cloned().unwrap_or_default();
        bound.retain(|pod| cluster.pods.node[pod.index()] == Some(node));
        in_order(&mut bound);
        for pod in bound {
            self.take_in(now, cluster.pods.reference(pod), node, cluster, out);
        }
    }

    /// A write was refused. One that the API server was not there to take is made again.
    fn refused(&mut self, now: Time, write: &Write, why: Refusal) {
        let unsent = match *write {
            Write::PodStatus { pod, .. } if self.hears(pod) => {
                let in_flight = &mut self.pods[pod.id.index()].in_flight;
                *in_flight = in_flight.saturating_sub(1);
                Unsent::Pod(pod)
            }
            Write::DeletePod { pod, .. } if self.stage(pod) == Stage::Ended => Unsent::Pod(pod),
            Write::NodeReady { node, ready: ReadyStatus::True } => Unsent::Node(node),
            _ => return,
        };
        if why == Refusal::Unavailable {
            self.unsent.add(now, unsent);
        }
    }

    /// Writes what could not be written, if its kubelet runs; one that does not will find out.
    fn send_again(&mut self, now: Time, unsent: Unsent, cluster: &Cluster, out: &mut Vec<Command>) {
        match unsent {
            Unsent::Pod(pod) if self.hears(pod) => {
                self.with(now, pod, cluster, out, |worker| {
                    worker.write_again();
                });
            }
            Unsent::Node(node) if self.runs(node) && cluster.nodes.present.contains(node.index()) => {
                out.push(post_ready(node));
            }
            _ => {}
        }
    }

    fn added(&mut self, now: Time, new: &NewPod, cluster: &Cluster, out: &mut Vec<Command>) {
        if let Some(node) = new.node {
            self.take_in(now, new.pod, node, cluster, out);
        }
    }
}

/// The post of a kubelet that its node is ready.
fn post_ready(node: NodeId) -> Command {
    Command::Write(Client::Kubelet(node), Write::NodeReady { node, ready: ReadyStatus::True })
}

impl Component for Kubelets {
    fn listens(&self, topic: Topic) -> bool {
        topic != Topic::Workload
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        _before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::Runtime { pod, event } if self.hears(*pod) => {
                self.with(now, *pod, cluster, out, |worker| worker.runtime(*event));
            }
            Event::PodStatus { pod, status } if self.hears(*pod) => {
                self.with(now, *pod, cluster, out, |worker| worker.observe(*status));
            }
            Event::PodAdded(new) => self.added(now, new, cluster, out),
            Event::PodBound { pod, node } => self.take_in(now, *pod, *node, cluster, out),
            Event::PodDeleting { pod, grace, .. } => self.delete(now, *pod, *grace, cluster, out),
            Event::PodRemoved { pod } => self.remove(now, *pod, cluster, out),
            Event::KubeletStopped { node, containers_lost } => self.stop(*node, *containers_lost),
            Event::KubeletStarted { node } => self.start(now, *node, cluster, out),
            // Somebody thinks the node is lost whose kubelet runs: the next post says otherwise.
            Event::MachineMemory { node, available, usage } => self.measured(now, *node, *available, usage),
            Event::NodeChanged { node, change: NodeChange::Ready(ReadyStatus::Unknown) }
                if self.runs(*node) =>
            {
                out.push(post_ready(*node));
            }
            Event::Refused(write, why) => self.refused(now, write, *why),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let pod = self.timers.first().map(|&(at, _)| at);
        let node = self.looks.first().map(|&(at, _)| at);
        pod.into_iter().chain(node).chain(self.unsent.next()).min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(&(at, pod)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            self.pods[pod.index()].wake = None;
            self.with(now, cluster.pods.reference(pod), cluster, out, |worker| {
                worker.look();
            });
        }
        self.look_at_nodes(now, cluster, out);
        while let Some(unsent) = self.unsent.pop(now) {
            self.send_again(now, unsent, cluster, out);
        }
    }

    fn is_settled(&self) -> bool {
        Kubelets::is_settled(self)
    }
}

#[cfg(test)]
mod tests;
