//! The event loop of the resource quota controller: what is used is counted anew when something goes.
//!
//! Kubernetes 1.36, pkg/controller/resourcequota. What is created is charged by the API server; here is
//! seen what pods and other objects leave behind, at once for what ends or is deleted, every five minutes
//! for the rest. How objects count is decided in [`super`].

use super::{Countable, concerns, is_charged, resource_of, total};
use crate::api::status::QuotaStatus;
use crate::api::{ResourceList, ResourceQuota, Status};
use crate::base::ids::{ClassId, PodId, WorkloadId};
use crate::base::{Set, Span, Time};
use crate::cluster::{Cluster, Selector, WorkloadKind, namespace_of};
use crate::control::controllers::followers::Followers;
use crate::control::controllers::{WorkQueue, existing};
use crate::control::{Client, Command, Component, Config, Event, PodBefore, PodPatch, Topic, Write};
use std::collections::BTreeMap;

/// Time between two counts of everything (`--resource-quota-sync-period`).
const RESYNC: Span = Span::from_secs(300);

/// See the module's description.
#[derive(Clone, Debug)]
pub struct QuotaController {
    queue: WorkQueue<WorkloadId>,
    /// The pods in the namespace of each quota.
    followers: Followers,
    /// Quotas with a write of their status under way; whether they must be looked at after it.
    busy: BTreeMap<WorkloadId, bool>,
    /// When everything is counted next; `None` while there is no quota.
    resync: Option<Time>,
    /// The grace period of pods that state none.
    grace: Span,
}

impl QuotaController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> QuotaController {
        QuotaController {
            queue: WorkQueue::new(config),
            followers: Followers::default(),
            busy: BTreeMap::new(),
            resync: None,
            grace: config.kubelet.termination_grace,
        }
    }

    /// Follows the pods of a quota's namespace, if the workload is one.
    fn follow(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster) {
        let WorkloadKind::ResourceQuota(quota) = &cluster.workloads[id].kind else { return };
        let namespace = cluster.names.intern(namespace_of(&quota.meta));
        self.followers.follow(id, namespace, Selector::EVERYTHING, cluster);
        self.queue.add(id, now);
        self.resync.get_or_insert(Time((now.0 / RESYNC.0 + 1).saturating_mul(RESYNC.0)));
    }

    fn forget(&mut self, id: WorkloadId) {
        self.followers.forget(id);
        self.busy.remove(&id);
        if self.followers.objects().next().is_none() {
            self.resync = None;
        }
    }

    /// A pod takes less than before: the quotas of its namespace that count pods are looked at.
    fn freed(&mut self, now: Time, pod: PodId, cluster: &Cluster) {
        let spec = &cluster.classes[cluster.pods.class[pod.index()]].template.spec;
        let object = Countable::Pod { spec, given: None, charged: true };
        for id in self.followers.of_pod(pod, cluster).to_vec() {
            if quota_of(cluster, id).is_some_and(|quota| concerns(&quota.hard, object)) {
                self.queue.add(id, now);
            }
        }
    }

    /// An object other than a pod is gone.
    fn workload_removed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        if matches!(cluster.workloads[id].kind, WorkloadKind::ResourceQuota(_)) {
            self.forget(id);
        }
        let gone = &cluster.workloads[id];
        let object = Countable::Other(resource_of(gone.kind.kind()));
        for quota in self.followers.objects() {
            let is_near = cluster.workloads[quota].namespace == gone.namespace;
            if is_near && quota_of(cluster, quota).is_some_and(|quota| concerns(&quota.hard, object)) {
                self.queue.add(quota, now);
            }
        }
    }

    fn answered(&mut self, now: Time, id: WorkloadId, is_refused: bool) {
        let Some(again) = self.busy.remove(&id) else { return };
        if is_refused {
            self.queue.add_failed(id, now);
        } else if again {
            self.queue.add(id, now);
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::ResourceQuota(quota) = &workload.kind else { return };
        if let Some(again) = self.busy.get_mut(&id) {
            *again = true;
            return;
        }
        let none = QuotaStatus::default();
        let (old, is_first) = match &workload.status {
            Status::ResourceQuota(status) => (status.as_ref(), false),
            _ => (&none, true),
        };
        let used = self.used(now, id, quota, cluster);
        self.queue.forget(id);
        let status = QuotaStatus { hard: quota.hard.clone(), used, ..old.clone() };
        if is_first || status != *old {
            self.busy.insert(id, false);
            let status = Status::ResourceQuota(Box::new(status));
            out.push(Command::Write(Client::ResourceQuota, Write::WorkloadStatus { workload: id, status }));
        }
    }

    /// What the objects of the namespace take; equal pods are counted together.
    fn used(&self, now: Time, id: WorkloadId, quota: &ResourceQuota, cluster: &Cluster) -> ResourceList {
        let mut pods: BTreeMap<(ClassId, bool), u64> = BTreeMap::new();
        for &pod in self.followers.pods(id) {
            let index = pod.index();
            let class = cluster.pods.class[index];
            let seconds = cluster.classes[class].template.spec.termination_grace_seconds;
            let grace = seconds.map_or(self.grace, |seconds| Span::from_secs(seconds.max(0) as u64));
            let deletion = cluster.pods.deleting_since[index].map(|since| (since + grace, grace));
            *pods.entry((class, is_charged(cluster.pods.phase[index], deletion, now))).or_default() += 1;
        }
        let pods = pods.iter().map(|(&(class, charged), &count)| {
            let spec = &cluster.classes[class].template.spec;
            (Countable::Pod { spec, given: None, charged }, count)
        });
        let namespace = cluster.workloads[id].namespace;
        let there = cluster.workloads.iter().filter(|(_, row)| row.present && row.namespace == namespace);
        let others = there.map(|(_, row)| (Countable::Other(resource_of(row.kind.kind())), 1));
        total(quota, pods.chain(others))
    }
}

fn quota_of(cluster: &Cluster, id: WorkloadId) -> Option<&ResourceQuota> {
    if let WorkloadKind::ResourceQuota(quota) = &cluster.workloads.get(id)?.kind { Some(quota) } else { None }
}

impl Component for QuotaController {
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
            _ if self.resync.is_none() => {}
            Event::WorkloadStatus { workload, .. } => self.answered(now, *workload, false),
            Event::WorkloadRemoved { workload } => self.workload_removed(now, *workload, cluster),
            Event::Refused(write, _) => {
                if let Write::WorkloadStatus { workload, .. } = &**write {
                    self.answered(now, *workload, true);
                }
            }
            Event::PodAdded(new) => self.followers.pod_added(new.pod.id, cluster),
            Event::PodStatus { pod, status } => {
                if let Some(pod) = cluster.pods.get(*pod)
                    && status.phase.is_terminal()
                    && !before.phase.is_terminal()
                {
                    self.freed(now, pod, cluster);
                }
            }
            Event::PodRemoved { pod } => {
                if let Some(pod) = cluster.pods.get(*pod) {
                    self.freed(now, pod, cluster);
                    self.followers.pod_removed(pod, cluster);
                }
            }
            Event::PodPatched { patch: PodPatch::Class(_), .. } => {
                let all: Set<WorkloadId> = self.followers.objects().collect();
                let mut all: Vec<WorkloadId> = all.into_iter().collect();
                all.sort_unstable();
                for id in all {
                    self.follow(now, id, cluster);
                }
            }
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        [self.queue.next(), self.resync].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        if let Some(due) = self.resync.filter(|due| *due <= now) {
            self.resync = Some(due + RESYNC);
            let all: Vec<WorkloadId> = self.followers.objects().collect();
            for id in all {
                self.queue.add(id, now);
            }
        }
        while let Some(id) = self.queue.pop(now) {
            self.sync(now, id, cluster, out);
        }
    }

    fn is_settled(&self) -> bool {
        self.queue.next().is_none()
    }
}
