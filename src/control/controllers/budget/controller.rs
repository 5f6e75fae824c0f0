//! The event loop of the disruption controller: keeps the statuses of disruption budgets up to date.
//!
//! Kubernetes 1.36, pkg/controller/disruption. A pass over a budget waits while a write of its status is
//! under way: the original's only worker is busy with it. What a status says is decided in
//! [`super::find`].

use super::{Found, Kept, Member, fail_safe, find};
use crate::api::Status;
use crate::api::status::BudgetStatus;
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{Set, Span, Time};
use crate::cluster::{Cluster, Selector, WorkloadKind, namespace_of};
use crate::control::controllers::followers::Followers;
use crate::control::controllers::{WorkQueue, existing};
use crate::control::{Client, Command, Component, Config, Event, PodBefore, PodPatch, Topic, Write};

/// See the module's description.
#[derive(Clone, Debug)]
pub struct DisruptionController {
    queue: WorkQueue<WorkloadId>,
    followers: Followers,
    /// Budgets with a write of their status under way.
    busy: Set<WorkloadId>,
    /// A pass that was asked for by the time is itself put off so long.
    retry: Span,
}

impl DisruptionController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> DisruptionController {
        DisruptionController {
            queue: WorkQueue::new(config),
            followers: Followers::default(),
            busy: Set::default(),
            retry: config.controllers.retry_initial,
        }
    }

    /// Follows the pods of a budget, if the workload is one.
    fn follow(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster) {
        let WorkloadKind::PodDisruptionBudget(budget) = &cluster.workloads[id].kind else { return };
        let selector = Selector::compile(&mut cluster.names, budget.selector.as_ref());
        let namespace = cluster.names.intern(namespace_of(&budget.meta));
        self.followers.follow(id, namespace, selector, cluster);
        self.queue.add(id, now);
    }

    fn follow_anew(&mut self, now: Time, cluster: &mut Cluster) {
        let all: Vec<WorkloadId> = self.followers.objects().collect();
        for id in all {
            self.follow(now, id, cluster);
        }
    }

    /// A pod that budgets select has changed.
    fn touched(&mut self, now: Time, pod: PodId, cluster: &Cluster) {
        for id in self.followers.of_pod(pod, cluster) {
            self.queue.add(*id, now);
        }
    }

    fn answered(&mut self, now: Time, id: WorkloadId, is_refused: bool, cluster: &Cluster) {
        let is_budget = cluster
            .workloads
            .get(id)
            .is_some_and(|workload| matches!(workload.kind, WorkloadKind::PodDisruptionBudget(_)));
        if !is_budget {
            return;
        }
        self.busy.remove(&id);
        if is_refused {
            self.queue.add_failed(id, now);
        } else {
            self.queue.add(id, now);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::PodDisruptionBudget(budget) = &workload.kind else { return };
        if self.busy.contains(&id) {
            return;
        }
        let none = BudgetStatus::default();
        let old =
            if let Status::PodDisruptionBudget(status) = &workload.status { status.as_ref() } else { &none };
        let pods = self.followers.pods(id);
        let names: Vec<String> =
            pods.iter().map(|pod| cluster.pods.name[pod.index()].text(&cluster.names)).collect();
        let with_name = pods.iter().zip(&names);
        let members: Vec<Member<'_>> = with_name.map(|(&pod, name)| member(cluster, pod, name)).collect();
        let found = find(budget, workload.generation, old, &members, now)
            .unwrap_or_else(|_| Found { status: fail_safe(old), recheck: None });
        if let Some(recheck) = found.recheck {
            self.queue.add_at(id, now, now + recheck + self.retry);
        }
        self.queue.forget(id);
        if found.status != *old {
            self.busy.insert(id);
            let status = Status::PodDisruptionBudget(Box::new(found.status));
            out.push(Command::Write(Client::Disruption, Write::WorkloadStatus { workload: id, status }));
        }
    }
}

/// A pod as its budget sees it.
fn member<'n>(cluster: &Cluster, pod: PodId, name: &'n str) -> Member<'n> {
    let index = pod.index();
    Member {
        name,
        ready: cluster.pods.ready[index],
        deleting: cluster.pods.deleting_since[index].is_some(),
        kept: kept(cluster, cluster.pods.owner[index]),
    }
}

/// What keeps up the number of the pods of an owner (the finders of the original).
fn kept(cluster: &Cluster, owner: Option<WorkloadId>) -> Kept {
    let Some(id) = owner else { return Kept::Alone };
    let Some(workload) = cluster.workloads.get(id).filter(|workload| workload.present) else {
        return Kept::Unknown;
    };
    match &workload.kind {
        WorkloadKind::ReplicaSet(_) if workload.owner.is_some() => kept(cluster, workload.owner),
        WorkloadKind::ReplicaSet(_) | WorkloadKind::Deployment(_) | WorkloadKind::StatefulSet(_) => {
            Kept::By { controller: id.0, replicas: workload.kind.replicas().unwrap_or(0) }
        }
        _ => Kept::Unknown,
    }
}

impl Component for DisruptionController {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::Pod | Topic::OwnedPod | Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        _out: &mut Vec<Command>,
    ) {
        match event {
            Event::WorkloadAdded { workload, .. } | Event::WorkloadChanged { workload, .. } => {
                self.follow(now, *workload, cluster);
            }
            Event::WorkloadStatus { workload, .. } => self.answered(now, *workload, false, cluster),
            Event::WorkloadRemoved { workload } => self.followers.forget(*workload),
            Event::Refused(write, _) => {
                if let Write::WorkloadStatus { workload, .. } = &**write {
                    self.answered(now, *workload, true, cluster);
                }
            }
            _ if self.followers.objects().next().is_none() => {}
            Event::PodAdded(new) => {
                self.followers.pod_added(new.pod.id, cluster);
                self.touched(now, new.pod.id, cluster);
            }
            Event::PodStatus { pod, .. } => {
                if let Some(pod) = cluster.pods.get(*pod)
                    && cluster.pods.ready[pod.index()] != before.ready
                {
                    self.touched(now, pod, cluster);
                }
            }
            Event::PodDeleting { pod, .. } if !before.deleting => {
                if let Some(pod) = cluster.pods.get(*pod) {
                    self.touched(now, pod, cluster);
                }
            }
            Event::PodRemoved { pod } => {
                if let Some(pod) = cluster.pods.get(*pod) {
                    self.touched(now, pod, cluster);
                    self.followers.pod_removed(pod, cluster);
                }
            }
            Event::PodPatched { patch: PodPatch::Class(_), .. } => self.follow_anew(now, cluster),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            self.sync(now, id, cluster, out);
        }
    }
}
