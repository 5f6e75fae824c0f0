//! The event loop of the endpoint slice controller: how many endpoints each Service has.
//!
//! Kubernetes 1.36, pkg/controller/endpointslice. What an endpoint is, is decided in [`super`].

use super::{Counts, Selected, endpoint};
use crate::api::Status;
use crate::api::status::EndpointsStatus;
use crate::base::Time;
use crate::base::ids::{PodId, WorkloadId};
use crate::cluster::{Cluster, Selector, WorkloadKind, namespace_of};
use crate::control::controllers::followers::Followers;
use crate::control::controllers::{WorkQueue, existing};
use crate::control::{Client, Command, Component, Config, Event, PodBefore, PodPatch, Topic, Write};
use std::collections::BTreeMap;

/// See the module's description.
#[derive(Clone, Debug)]
pub struct EndpointSliceController {
    queue: WorkQueue<WorkloadId>,
    followers: Followers,
    /// The counts as last written.
    written: BTreeMap<WorkloadId, EndpointsStatus>,
}

impl EndpointSliceController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> EndpointSliceController {
        EndpointSliceController {
            queue: WorkQueue::new(config),
            followers: Followers::default(),
            written: BTreeMap::new(),
        }
    }

    /// Follows the pods of a Service, if the workload is one and selects any.
    fn follow(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster) {
        let workload = &cluster.workloads[id];
        let WorkloadKind::Service(service) = &workload.kind else { return };
        let Some(labels) = &service.selector else { return };
        let pairs: Vec<(String, String)> = labels.clone().into_iter().collect();
        let selector = Selector::of_pairs(&mut cluster.names, &pairs);
        let namespace = cluster.names.intern(namespace_of(&service.meta));
        self.followers.follow(id, namespace, selector, cluster);
        self.written.entry(id).or_insert(known(id, cluster));
        self.queue.add(id, now);
    }

    fn touched(&mut self, now: Time, pod: PodId, cluster: &Cluster) {
        for id in self.followers.of_pod(pod, cluster) {
            self.queue.add(*id, now);
        }
    }

    fn sync(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(WorkloadKind::Service(service)) = existing(cluster, id).map(|workload| &workload.kind)
        else {
            return;
        };
        let pods = self.followers.pods(id).iter();
        let endpoints = pods.filter_map(|pod| {
            let index = pod.index();
            let selected = Selected {
                phase: cluster.pods.phase[index],
                ready: cluster.pods.ready[index],
                deleting: cluster.pods.deleting_since[index].is_some(),
                has_address: cluster.pods.node[index].is_some(),
            };
            endpoint(selected, service.publish_not_ready)
        });
        let counts = Counts::of(endpoints);
        let status = EndpointsStatus {
            ready: counts.ready as u32,
            serving_terminating: counts.serving_terminating as u32,
            total: counts.total as u32,
        };
        self.queue.forget(id);
        if self.written.insert(id, status) != Some(status) {
            let write = Write::WorkloadStatus { workload: id, status: Status::Service(status) };
            out.push(Command::Write(Client::EndpointSlice, write));
        }
    }

    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        if let Write::WorkloadStatus { workload, .. } = write
            && let Some(written) = self.written.get_mut(workload)
        {
            *written = known(*workload, cluster);
            self.queue.add_failed(*workload, now);
        }
    }
}

impl Component for EndpointSliceController {
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
            _ if self.written.is_empty() => {}
            Event::WorkloadRemoved { workload } => {
                self.followers.forget(*workload);
                self.written.remove(workload);
            }
            Event::Refused(write, _) => self.refused(now, write, cluster),
            Event::PodAdded(new) => {
                self.followers.pod_added(new.pod.id, cluster);
                self.touched(now, new.pod.id, cluster);
            }
            Event::PodStatus { pod, .. } | Event::PodBound { pod, .. } | Event::PodDeleting { pod, .. } => {
                if let Some(pod) = cluster.pods.get(*pod)
                    && differs(cluster, pod, before)
                {
                    self.touched(now, pod, cluster);
                }
            }
            Event::PodRemoved { pod } => {
                if let Some(pod) = cluster.pods.get(*pod) {
                    self.touched(now, pod, cluster);
                    self.followers.pod_removed(pod, cluster);
                }
            }
            Event::PodPatched { patch: PodPatch::Class(_), .. } => {
                let all: Vec<WorkloadId> = self.followers.objects().collect();
                for id in all {
                    self.follow(now, id, cluster);
                }
            }
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            self.sync(id, cluster, out);
        }
    }
}

/// The counts that a Service has: those of an earlier leader, if there was one.
fn known(id: WorkloadId, cluster: &Cluster) -> EndpointsStatus {
    if let Status::Service(status) = &cluster.workloads[id].status {
        *status
    } else {
        EndpointsStatus::default()
    }
}

/// Whether anything that an endpoint is made of has changed.
fn differs(cluster: &Cluster, pod: PodId, before: PodBefore) -> bool {
    let (pods, index) = (&cluster.pods, pod.index());
    pods.ready[index] != before.ready
        || pods.phase[index].is_terminal() != before.phase.is_terminal()
        || pods.deleting_since[index].is_some() != before.deleting
        || pods.node[index].is_some() != before.node.is_some()
}
