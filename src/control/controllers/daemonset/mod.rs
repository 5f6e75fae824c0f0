//! The DaemonSet controller: keeps a pod on every node that may have one.
//!
//! Kubernetes 1.36, pkg/controller/daemon (reference control-plane §3.5). The scheduler binds the
//! pods; each can only go to its node.

mod backoff;
pub mod nodes;
pub mod placement;
pub mod rolling;
mod state;

use super::writes::{Batch, in_batches};
use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::Status;
use crate::api::workload::DaemonSetUpdate;
use crate::base::ids::{NodeId, PodId, WorkloadId};
use crate::base::{Clock, Span, Time};
use crate::cluster::{Cluster, PodRef, Reason, WorkloadKind};
use crate::control::NodeChange;
use nodes::{Changes, DaemonNode, Rule};
use state::{Records, State};
use std::any::Any;
use std::collections::BTreeMap;

/// The most pods that one sync creates, and the most that it deletes (BurstReplicas).
const BURST: usize = 250;

/// The event loop around [`nodes::manage`] and [`rolling::step`].
///
/// While writes of a sync are under way the DaemonSet is not synced again, as its expectations and the
/// look for its own writes (StaleControllerConsistencyDaemonSet) have it.
#[derive(Clone, Debug)]
pub struct DaemonSetController {
    queue: WorkQueue<WorkloadId>,
    sets: BTreeMap<WorkloadId, State>,
    /// What a controller before this one has written of sets.
    inherited: BTreeMap<WorkloadId, Records>,
    /// Every node that there has been, by name.
    by_name: Vec<NodeId>,
    clock: Clock,
}

impl DaemonSetController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> DaemonSetController {
        DaemonSetController {
            queue: WorkQueue::new(config),
            sets: BTreeMap::new(),
            inherited: BTreeMap::new(),
            by_name: Vec::new(),
            clock: config.clock,
        }
    }

    /// The row of a pod and the DaemonSet that owns it.
    fn owned(&self, pod: PodRef, cluster: &Cluster) -> Option<(WorkloadId, PodId)> {
        let row = cluster.pods.get(pod)?;
        let owner = cluster.pods.owner[row.index()]?;
        self.sets.contains_key(&owner).then_some((owner, row))
    }

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        let WorkloadKind::DaemonSet(set) = &workload.kind else { return };
        let mut state = State::new(workload.class, set, self.inherited.remove(&id));
        if let Status::DaemonSet(status) = workload.status {
            state.written = status;
        }
        for &node in &self.by_name {
            state.node_changed(node, cluster);
        }
        self.sets.insert(id, state);
        self.queue.add(id, now);
    }

    fn changed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        let WorkloadKind::DaemonSet(set) = &workload.kind else { return };
        let Some(state) = self.sets.get_mut(&id) else { return };
        if state.change_template(workload.class, set) {
            for &node in &self.by_name {
                state.node_changed(node, cluster);
            }
        }
        self.queue.add(id, now);
    }

    /// A node has come, or has other taints: the sets that have something to do there are synced. That
    /// a node has gone is no reason.
    fn node_changed(&mut self, now: Time, node: NodeId, cluster: &Cluster) {
        let name = |node: NodeId| cluster.names.text(cluster.nodes.name[node.index()]);
        if let Err(place) = self.by_name.binary_search_by(|&known| name(known).cmp(name(node))) {
            self.by_name.insert(place, node);
        }
        for (&id, state) in &mut self.sets {
            state.node_changed(node, cluster);
            if state.is_concerned(node) {
                self.queue.add(id, now);
            }
        }
    }

    fn node_removed(&mut self, node: NodeId, cluster: &Cluster) {
        for state in self.sets.values_mut() {
            state.node_changed(node, cluster);
        }
    }

    fn pod_changed(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &Cluster,
    ) -> Option<WorkloadId> {
        let (Event::PodStatus { pod, .. }
        | Event::PodBound { pod, .. }
        | Event::PodDeleting { pod, .. }
        | Event::PodRemoved { pod }) = event
        else {
            return None;
        };
        let (id, row) = self.owned(*pod, cluster)?;
        let clock = self.clock;
        let state = self.sets.get_mut(&id)?;
        if let Event::PodDeleting { .. } = event {
            state.writes.deleted(*pod);
        }
        if let Event::PodRemoved { .. } = event {
            state.writes.removed(*pod);
            state.pod_removed(row);
        } else {
            state.pod_changed(row, clock, cluster);
        }
        let is_ready = cluster.pods.ready[row.index()];
        if let Event::PodStatus { .. } = event {
            if (cluster.pods.phase[row.index()], is_ready) == (before.phase, before.ready) {
                return None;
            }
            if is_ready && !before.ready && state.min_ready > Span::ZERO {
                // A second more, against clocks that differ.
                self.queue.add_at(id, now, now + state.min_ready + Span::from_secs(1));
            }
        }
        self.queue.add(id, now);
        Some(id)
    }

    /// A write was refused: it is no longer under way, and its sync counts as failed.
    fn refused(&mut self, write: &Write, cluster: &Cluster) -> Option<WorkloadId> {
        let id = match write {
            Write::CreatePod { owner, .. } => *owner,
            Write::DeletePod { pod, reason: Reason::ScaledDown, .. } => self.owned(*pod, cluster)?.0,
            Write::WorkloadStatus { workload, .. } => *workload,
            _ => return None,
        };
        let state = self.sets.get_mut(&id)?;
        state.writes.refused(write);
        if let Write::WorkloadStatus { .. } = write {
            let Status::DaemonSet(status) = cluster.workloads[id].status else { return Some(id) };
            state.written = status;
        }
        Some(id)
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::DaemonSet(set) = &workload.kind else { return };
        let (update, is_deleting) = (set.update, workload.deleting);
        let Some(state) = self.sets.get_mut(&id) else { return };
        if is_deleting || state.writes.is_busy() {
            return;
        }
        if std::mem::take(&mut state.is_new_template) {
            out.push(Command::Write(Client::DaemonSet, Write::ControllerRevision { workload: id }));
        }
        let rule = Rule { min_ready: state.min_ready, surges: rolling::surges(update), now };
        let generation = state.written.observed_generation;
        let State { backoff, nodes: view, .. } = state;
        let in_order = || self.by_name.iter().map(|node| &view[node.index()]);
        let mut wait: Option<Time> = None;
        let mut changes = nodes::manage(in_order(), &rule, &mut |node: &DaemonNode| {
            let due = backoff.ask(node.id, generation, now);
            wait = due.into_iter().chain(wait).min();
            due.is_none()
        });
        if changes == Changes::default() && matches!(update, DaemonSetUpdate::RollingUpdate { .. }) {
            let desired = nodes::desired(in_order());
            let limits = rolling::Limits::new(update, desired);
            changes = rolling::step(in_order(), limits, desired, &rule).changes();
        }
        if let Some(due) = wait {
            self.queue.add_at(id, now, due);
        }
        let batches = batches(id, &changes, state, cluster);
        state.writes.begin(batches);
        self.go_on(now, id, cluster, out);
    }

    /// Makes the next writes of a sync; after the last one the status, and then the sync ends.
    fn go_on(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.sets.get_mut(&id) else { return };
        if !state.writes.advance(Client::DaemonSet, out) {
            return;
        }
        if let Some(workload) = existing(cluster, id)
            && !state.writes.has_reported()
        {
            let rule = Rule { min_ready: state.min_ready, surges: false, now };
            let mut status = nodes::status(self.by_name.iter().map(|node| &state.nodes[node.index()]), &rule);
            status.observed_generation = workload.generation;
            if status.ready != status.available && state.min_ready > Span::ZERO {
                self.queue.add_at(id, now, now + state.min_ready);
            }
            if status != state.written {
                state.written = status;
                state.writes.report();
                let status = Status::DaemonSet(status);
                out.push(Command::Write(Client::DaemonSet, Write::WorkloadStatus { workload: id, status }));
                return;
            }
        }
        let Some(ended) = state.writes.end() else { return };
        if ended.failed {
            self.queue.add_failed(id, now);
        } else {
            self.queue.forget(id);
        }
        if ended.again {
            self.queue.add(id, now);
        }
    }
}

/// The writes of a sync: creations with a slow start, then deletions.
fn batches(id: WorkloadId, changes: &Changes, state: &mut State, cluster: &mut Cluster) -> Vec<Batch> {
    let mut creations = Vec::new();
    for &node in changes.create_on.iter().take(BURST) {
        let class = state.pinned(NodeId(node), id, cluster);
        let workload = &mut cluster.workloads[id];
        workload.pods_created += 1;
        let number = workload.pods_created;
        creations.push(Write::CreatePod { owner: id, class, number, index: None, tracked: false });
    }
    let delete = |&pod: &u32| Write::DeletePod {
        pod: cluster.pods.reference(PodId(pod)),
        grace: None,
        reason: Reason::ScaledDown,
    };
    let deletions: Vec<Write> = changes.delete.iter().take(BURST).map(delete).collect();
    let mut batches = in_batches(creations, BURST as u32);
    batches.push(Batch { writes: deletions, always: true });
    batches
}

impl Component for DaemonSetController {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::OwnedPod | Topic::Node | Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let id = match event {
            Event::NodeAdded { node, .. } | Event::NodeChanged { node, change: NodeChange::Taints(_) } => {
                self.node_changed(now, *node, cluster);
                None
            }
            Event::NodeRemoved { node } => {
                self.node_removed(*node, cluster);
                None
            }
            Event::PodAdded(new) => {
                let Some(id) = new.owner else { return };
                let Some(state) = self.sets.get_mut(&id) else { return };
                state.pod_added(new.pod.id, self.clock, cluster);
                state.writes.created();
                self.queue.add(id, now);
                Some(id)
            }
            Event::WorkloadAdded { workload, .. } => {
                self.added(now, *workload, cluster);
                None
            }
            Event::WorkloadChanged { workload, .. } => {
                self.changed(now, *workload, cluster);
                None
            }
            Event::WorkloadStatus { workload, .. } => {
                let Some(state) = self.sets.get_mut(workload) else { return };
                state.writes.reported();
                // The watch delivers the set's own status, too, and that is a reason to look again.
                self.queue.add(*workload, now);
                Some(*workload)
            }
            Event::WorkloadRemoved { workload } => {
                if self.sets.remove(workload).is_some() {
                    self.queue.forget(*workload);
                }
                None
            }
            Event::Refused(write, _) => self.refused(write, cluster),
            _ => self.pod_changed(now, event, before, cluster),
        };
        if let Some(id) = id {
            self.go_on(now, id, cluster, out);
        }
    }

    fn records(&mut self) -> Option<Box<dyn Any>> {
        let sets = std::mem::take(&mut self.sets).into_iter();
        let records: BTreeMap<WorkloadId, Records> =
            sets.map(|(id, state)| (id, state.into_records())).collect();
        Some(Box::new(records))
    }

    fn take_over(&mut self, records: Box<dyn Any>) {
        if let Ok(records) = records.downcast() {
            self.inherited = *records;
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

#[cfg(test)]
mod tests;
