//! The processes that the control plane consists of: one of them can stop and start anew.
//!
//! What a stopped process has kept in memory is lost: queues, back-offs, expectations, countdowns.
//! The process that starts in its place is told what exists, as the first list of an informer tells
//! it, and every timer begins then (reference control-plane §2.7). When processes stop and start,
//! and who leads, is not known here. Kubelets always run.

use super::{ControlPlane, controllers, new_scheduler, topic_of};
use crate::api::Node;
use crate::base::ids::{NodeId, PodId, PoolId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::Cluster;
use crate::control::{Client, Command, Component, Event, NewPod, PodBefore, PodStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A process of the control plane of which one replica leads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Process {
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager: every controller. In other control planes: the manager.
    ControllerManager,
}

impl Process {
    /// Every process.
    pub const ALL: [Process; 2] = [Process::Scheduler, Process::ControllerManager];

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Process::Scheduler => "scheduler",
            Process::ControllerManager => "controller-manager",
        }
    }
}

impl Client {
    /// The process that the client is part of; `None` for kubelets and people.
    pub const fn process(self) -> Option<Process> {
        match self {
            Client::Scheduler => Some(Process::Scheduler),
            Client::User | Client::Kubelet(_) => None,
            _ => Some(Process::ControllerManager),
        }
    }
}

/// Facts that a process that starts must be told and that the view does not hold.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The Node objects as they were when they were created.
    nodes: BTreeMap<NodeId, (Arc<Node>, PoolId)>,
    /// The nodes whose lease is not renewed.
    silent: BTreeSet<NodeId>,
}

impl Known {
    /// Notes what an event says.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::NodeAdded { node, object, pool } => {
                self.nodes.insert(*node, (Arc::clone(object), *pool));
            }
            Event::NodeRemoved { node } => {
                self.nodes.remove(node);
            }
            Event::HeartbeatsStopped { node, .. } => {
                self.silent.insert(*node);
            }
            Event::HeartbeatsResumed { node } => {
                self.silent.remove(node);
            }
            _ => {}
        }
    }
}

impl ControlPlane {
    /// Whether a process runs.
    pub fn runs(&self, process: Process) -> bool {
        match process {
            Process::Scheduler => self.scheduler_runs,
            Process::ControllerManager => !self.controllers.is_empty(),
        }
    }

    /// A process dies. What it knew is lost; it hears and does nothing until it starts. Pods for
    /// which a dead scheduler had chosen a node that no binding says take nothing from that node
    /// any more.
    pub fn stop(&mut self, process: Process, cluster: &mut Cluster) {
        match process {
            Process::ControllerManager if self.controllers.is_empty() => {}
            Process::ControllerManager => {
                self.records =
                    self.controllers.drain(..).map(|mut controller| controller.records()).collect();
            }
            Process::Scheduler => {
                self.scheduler = new_scheduler(&self.config);
                self.scheduler_runs = false;
                let (pods, index) = (&cluster.pods, PodId::index);
                let is_assumed =
                    |pod: &PodId| pods.node[index(*pod)].is_none() && pods.counted_on[index(*pod)].is_some();
                let assumed: Vec<PodId> = pods.iter().filter(is_assumed).collect();
                for pod in assumed {
                    cluster.displace(pod);
                }
            }
        }
    }

    /// A process starts and leads from now on: it knows nothing but what exists, and its periodic
    /// loops begin now. One that runs is stopped first.
    pub fn start(&mut self, process: Process, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        self.stop(process, cluster);
        self.config.nodes.monitor_phase = Some(Span(now.0));
        self.config.nodes.first_monitor_pass = None;
        match process {
            Process::Scheduler => {
                self.scheduler_runs = self.scheduler.is_some();
                let scheduler =
                    self.scheduler.as_deref_mut().map(|scheduler| scheduler as &mut dyn Component);
                tell_all(now, scheduler.into_iter().collect(), &self.known, cluster, out);
            }
            Process::ControllerManager => {
                self.controllers = controllers(&self.config);
                for (controller, records) in self.controllers.iter_mut().zip(self.records.drain(..)) {
                    if let Some(records) = records {
                        controller.take_over(records);
                    }
                }
                let controllers = self.controllers.iter_mut().map(|controller| &mut **controller as _);
                tell_all(now, controllers.collect(), &self.known, cluster, out);
            }
        }
    }
}

/// Tells components of everything that exists: nodes, then workloads, owners first, then pods in the
/// order of a list, which is that of namespaces and names. The leases of silent nodes are as good as
/// renewed now: a new process has not seen anything earlier.
fn tell_all(
    now: Time,
    mut components: Vec<&mut dyn Component>,
    known: &Known,
    cluster: &mut Cluster,
    out: &mut Vec<Command>,
) {
    let mut tell = |event: &Event, cluster: &mut Cluster| {
        let topic = topic_of(event, cluster);
        for component in components.iter_mut().filter(|component| component.listens(topic)) {
            component.handle(now, event, PodBefore::default(), cluster, out);
        }
    };
    for (&node, (object, pool)) in &known.nodes {
        tell(&Event::NodeAdded { node, object: Arc::clone(object), pool: *pool }, cluster);
        if known.silent.contains(&node) {
            tell(&Event::HeartbeatsStopped { node, last_renewal: now }, cluster);
        }
    }
    let rows = 0..cluster.workloads.len() as u32;
    let present: Vec<WorkloadId> = rows.map(WorkloadId).filter(|id| cluster.workloads[*id].present).collect();
    for &workload in &present {
        let object = Box::new(cluster.workloads[workload].clone());
        tell(&Event::WorkloadAdded { workload, object }, cluster);
    }
    for workload in present.into_iter().filter(|id| cluster.workloads[*id].deleting).collect::<Vec<_>>() {
        tell(&Event::WorkloadDeleting { workload }, cluster);
    }
    for pod in in_order_of_list(cluster) {
        let event = Event::PodAdded(Box::new(pod_as_listed(cluster, pod)));
        tell(&event, cluster);
    }
}

fn in_order_of_list(cluster: &Cluster) -> Vec<PodId> {
    let mut pods: Vec<(&str, String, PodId)> = cluster
        .pods
        .iter()
        .map(|pod| {
            let namespace = cluster.classes[cluster.pods.class[pod.index()]].namespace;
            (cluster.names.text(namespace), cluster.pods.name_text(&cluster.names, pod), pod)
        })
        .collect();
    pods.sort_unstable();
    pods.into_iter().map(|(_, _, pod)| pod).collect()
}

/// A pod as a list gives it, with its status. That it is being deleted is in the view.
fn pod_as_listed(cluster: &Cluster, pod: PodId) -> NewPod {
    let (pods, index) = (&cluster.pods, pod.index());
    let status = PodStatus {
        phase: pods.phase[index],
        ready: pods.ready[index],
        restarts: pods.restarts[index],
        reason: pods.reason[index],
        finished: pods.finished[index],
        exits: pods.exits[index],
    };
    NewPod {
        pod: pods.reference(pod),
        serial: pods.serial[index],
        name: pods.name[index].clone(),
        class: pods.class[index],
        owner: pods.owner[index],
        index: pods.index[index],
        created: pods.created[index],
        node: pods.node[index],
        status: Some(status).filter(|status| *status != PodStatus::default()),
        tracked: pods.tracked[index],
        job: cluster.jobs.of(pod).cloned(),
    }
}

#[cfg(test)]
mod tests;
