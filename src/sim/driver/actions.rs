//! What people do during a run: each action is a request to the API server, or something done to a
//! machine.

use super::{Happening, Run};
use crate::api::{Object, Taint};
use crate::base::Span;
use crate::base::ids::NodeId;
use crate::cluster::{Cluster, PodName, PodRef, Reason, WorkloadKind, namespace_of};
use crate::control::controllers::deployment::history;
use crate::control::{Client, Event, PodPatch, Refusal, Write};
use crate::sim::Load;
use crate::sim::queue::Class;
use crate::sim::record::{Record, View};
use crate::sim::setup::{Action, FaultKind};

/// How long `kubectl drain` waits before it asks again for an eviction that was refused.
const DRAIN_RETRY: Span = Span::from_secs(5);

impl Run<'_> {
    pub(super) fn act(&mut self, action: &Action) {
        match action {
            Action::SetLoad(load) => self.metrics.set_load(Load::clone(load)),
            Action::Create(object) => self.create((**object).clone()),
            Action::Replace { object, keep_replicas } => self.replace(object, *keep_replicas),
            Action::Scale { kind, namespace, name, replicas } => {
                let Some(workload) = self.api.find(kind, namespace, name) else { return };
                self.request(Write::Scale { workload, replicas: *replicas });
            }
            Action::RolloutUndo { namespace, name, revision } => self.undo(namespace, name, *revision),
            Action::Delete { kind, namespace, name, grace } => self.delete(kind, namespace, name, *grace),
            Action::Evict { namespace, name } => {
                if let Some(pod) = self.pod_named(namespace, name) {
                    self.request(Write::EvictPod { pod, grace: None });
                }
            }
            Action::Cordon(node) => self.cordon(node, true),
            Action::Uncordon(node) => self.cordon(node, false),
            Action::Drain(node) => self.drain(node),
            Action::SetTaints { node, taints } => self.set_taints(node, taints),
            Action::Taint { node, add, remove } => {
                if let Some(node) = self.node_named(node) {
                    let (add, remove) = (add.clone(), remove.clone());
                    self.request(Write::NodeTaints { node, add, remove });
                }
            }
            Action::FailNode { node, kind } => self.fail_named(node, *kind),
            Action::RecoverNode(node) => {
                if let Some(node) = self.node_named(node)
                    && std::mem::take(&mut self.faults.down[node.index()].held) > 0
                {
                    self.recover(node);
                }
            }
            Action::AddNode(node) => self.create_node(node.clone()),
            Action::RemoveNode(node) => self.remove_node(node),
            Action::Kill(process) => self.kill(*process),
            Action::Launch(process) => self.launch(*process),
        }
    }

    /// A request of a person, committed at once.
    fn request(&mut self, write: Write) {
        self.commit(Client::User, write);
    }

    /// Does something to the API server's objects by hand; what follows is announced.
    fn by_hand(
        &mut self,
        act: impl FnOnce(
            &mut crate::sim::api_server::ApiServer,
            &Cluster,
            &mut crate::sim::api_server::Tell<'_>,
        ) -> Option<Event>,
    ) {
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "user" });
        };
        if let Some(event) = act(&mut self.api, &self.cluster, &mut tell) {
            self.announce(event);
        }
    }

    fn node_named(&self, name: &str) -> Option<NodeId> {
        self.cluster.nodes.find(self.cluster.names.get(name)?)
    }

    /// The pod of a namespace and a name, if its object exists.
    fn pod_named(&self, namespace: &str, name: &str) -> Option<PodRef> {
        let (pods, names) = (&self.cluster.pods, &self.cluster.names);
        let namespace = names.get(namespace)?;
        let is_named = |pod: &PodName| match pod {
            PodName::Own(own) => **own == *name,
            PodName::Numbered { base, number } => name
                .strip_prefix(names.text(*base))
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|rest| rest.parse() == Ok(*number)),
        };
        let found = pods.iter().find(|pod| {
            self.cluster.classes[pods.class[pod.index()]].namespace == namespace
                && is_named(&pods.name[pod.index()])
        });
        found.map(|pod| pods.reference(pod)).filter(|pod| self.api.pod(*pod).is_some())
    }

    fn cordon(&mut self, node: &str, unschedulable: bool) {
        if let Some(node) = self.node_named(node) {
            self.by_hand(|api, cluster, tell| api.cordon(node, unschedulable, cluster, tell));
        }
    }

    /// Replaces the specification of an object; what exists not yet is created.
    fn replace(&mut self, object: &Object, keep_replicas: bool) {
        if let Object::Pod(pod) = object {
            let class = self.cluster.class_for_pod(pod);
            return match self.pod_named(namespace_of(&pod.meta), &pod.meta.name) {
                Some(pod) => self.request(Write::PatchPod { pod, patch: PodPatch::Class(class) }),
                None => self.create(object.clone()),
            };
        }
        let meta = object.meta();
        let found = self.api.find(object.kind(), namespace_of(meta), &meta.name);
        let (Some(workload), Some(mut kind)) = (found, super::create::workload_kind(object.clone()).ok())
        else {
            return self.create(object.clone());
        };
        let Some(row) = self.api.workload(workload) else { return };
        if let Some(replicas) = row.kind.replicas().filter(|_| keep_replicas) {
            kind.set_replicas(replicas);
        }
        let generation = row.generation;
        self.request(Write::UpdateWorkload { workload, kind: Box::new(kind), generation, seen: None });
    }

    /// `kubectl rollout undo`. Where there is nothing to go back to, nothing happens.
    fn undo(&mut self, namespace: &str, name: &str, revision: Option<u64>) {
        let Some(workload) = self.api.find("Deployment", namespace, name) else { return };
        let sets = self.api.owned_by(workload).filter_map(|kind| match kind {
            WorkloadKind::ReplicaSet(set) => Some(set),
            _ => None,
        });
        let Some(row) = self.api.workload(workload) else { return };
        let WorkloadKind::Deployment(deployment) = &row.kind else { return };
        let wanted = revision.and_then(|revision| i64::try_from(revision).ok());
        let Ok(back) = history::undo(deployment, sets, wanted) else { return };
        let (kind, generation) = (Box::new(WorkloadKind::Deployment(back)), row.generation);
        self.request(Write::UpdateWorkload { workload, kind, generation, seen: None });
    }

    fn delete(&mut self, kind: &'static str, namespace: &str, name: &str, grace: Option<Span>) {
        match kind {
            "Pod" => {
                if let Some(pod) = self.pod_named(namespace, name) {
                    self.request(Write::DeletePod { pod, grace, reason: Reason::Deleted });
                }
            }
            "Node" => self.remove_node(name),
            _ => {
                if let Some(workload) = self.api.find(kind, namespace, name) {
                    self.request(Write::DeleteWorkload { workload, foreground: false });
                }
            }
        }
    }

    fn set_taints(&mut self, node: &str, taints: &[Taint]) {
        let Some(node) = self.node_named(node) else { return };
        let mut remove = self.api.taints(node).to_vec();
        remove.retain(|taint| !taints.contains(taint));
        self.request(Write::NodeTaints { node, add: taints.to_vec(), remove });
    }

    fn fail_named(&mut self, node: &str, kind: FaultKind) {
        let Some(node) = self.node_named(node) else { return };
        let outage = &mut self.faults.down[node.index()];
        outage.held += 1;
        if outage.held == 1 || (kind == FaultKind::Crash && !outage.lost) {
            self.fail(node, kind, "node");
        }
    }

    /// The machine falls silent and its Node object is deleted.
    fn remove_node(&mut self, name: &str) {
        let Some(node) = self.node_named(name) else { return };
        if self.faults.down[node.index()].held == 0 {
            self.fail_named(name, FaultKind::Crash);
        }
        self.by_hand(|api, cluster, tell| api.remove_node(node, cluster, tell));
    }

    /// `kubectl drain --ignore-daemonsets --force`: cordons the node, lists its pods once, and asks
    /// for the eviction of all at the same time.
    fn drain(&mut self, name: &str) {
        let Some(node) = self.node_named(name) else { return };
        self.cordon(name, true);
        let of_daemon_set = |pod: &PodRef| {
            let owner = self.cluster.pods.owner[pod.id.index()];
            owner
                .is_some_and(|owner| matches!(self.cluster.workloads[owner].kind, WorkloadKind::DaemonSet(_)))
        };
        let mut pods = self.api.pods_on(node);
        pods.retain(|pod| !of_daemon_set(pod));
        for pod in pods {
            self.request(Write::EvictPod { pod, grace: None });
        }
    }

    /// A request of a person was refused.
    pub(super) fn request_refused(&mut self, write: Write, why: Refusal) {
        if let (Write::EvictPod { .. }, Refusal::TooManyRequests) = (&write, why) {
            let again = Happening::Commit(Client::User, 0, Box::new(write));
            self.queue.schedule(self.now + DRAIN_RETRY, Class::ACTION, again);
        }
    }
}
