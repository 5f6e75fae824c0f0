//! What each record changes.

use super::RunObserver;
use super::ledger::{CPU, Column, MEMORY, update_stranded};
use super::nodes::NewNode;
use super::pods::{Facts, Outcome, Pod, Running, Stage, push_name};
use crate::api::PodPhase;
use crate::base::ids::{ClassId, NodeId};
use crate::base::{Few, Span, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, Reason};
use crate::control::{ContainerIndex, Note};
use crate::observe::gantt::Kept;
use crate::observe::results::BarKind;
use crate::sim::{Record, View};

/// What a record says of the end of a container.
struct ContainerEnd {
    container: ContainerIndex,
    main: bool,
    good: bool,
    work: Span,
}

impl RunObserver {
    pub(super) fn take_in(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        match *record {
            Record::NodeAdded { node, pool, name, zone, allocatable } => {
                self.node_added(now, &NewNode { node, pool, name, zone, allocatable });
            }
            Record::NodeRemoved { node } => self.node_removed(now, node),
            Record::NodeFailed { node, .. } => self.node_failed(now, node),
            Record::NodeRecovered { node } => self.node_recovered(now, node),
            Record::NodeReady { node, ready } => self.node_ready(now, node, ready == ReadyStatus::True),
            Record::NodeUnschedulable { node, unschedulable } => self.node_cordoned(node, unschedulable),
            Record::PodCreated { .. } => self.pod_created(now, record, view.cluster),
            Record::PodBound { pod, node } => self.pod_bound(now, pod, node, view.cluster),
            Record::ContainerStarted { pod, container, main, restarts } => {
                self.container_started(now, pod, (container, main), restarts);
            }
            Record::ContainerEnded { pod, container, main, code, reason, work, .. } => {
                self.counts.oom_kills += u64::from(reason == Reason::OomKilled);
                let good = code == 0 && reason != Reason::OomKilled;
                self.container_ended(now, pod, &ContainerEnd { container, main, good, work });
            }
            Record::PodReady { pod, ready } => self.pod_ready(now, pod, ready),
            Record::PodEnded { pod, phase, reason, restarts, finished } => {
                let Some(row) = self.live(pod) else { return };
                row.restarts = row.restarts.max(restarts);
                let outcome = match phase {
                    PodPhase::Succeeded => Outcome::Succeeded,
                    // Containers that are killed because their pod goes are no failure of the pod.
                    _ if row.deleting || reason == Reason::NodeGone => Outcome::Removed,
                    _ => Outcome::Failed,
                };
                if !(row.deleting && outcome == Outcome::Removed) {
                    row.reason = reason;
                }
                self.pod_over(now, pod, finished.min(now), outcome, view.cluster);
            }
            Record::PodDeleting { pod, reason, .. } => self.pod_deleting(now, pod, reason),
            Record::PodRemoved { pod } => {
                self.pod_over(now, pod, now, Outcome::Removed, view.cluster);
                if let Some(row) = self.live(pod) {
                    row.live = false;
                    row.failure = None;
                }
            }
            Record::WorkloadCreated { workload, kind, name, replicas, object, .. } => {
                self.statuses.create(workload, name, object);
                self.replicas.create(now, workload, kind, name, replicas);
            }
            Record::WorkloadScaled { workload, replicas } => self.replicas.scale(now, workload, replicas),
            Record::WorkloadRemoved { workload } => {
                self.replicas.scale(now, workload, 0);
                self.statuses.remove(now, workload);
            }
            Record::WorkloadStatus { workload, status } => self.statuses.write(now, workload, status),
            Record::CpuUsed { node, milli } => self.node_uses(now, node, CPU, milli),
            Record::MemoryUsed { node, bytes } => self.node_uses(now, node, MEMORY, bytes),
            Record::Note(note) => self.note(now, note),
            Record::NodeTaint { .. }
            | Record::Process { .. }
            | Record::ApiServer { .. }
            | Record::PodStatus { .. }
            | Record::PodPatched { .. }
            | Record::WorkloadChanged { .. }
            | Record::WorkloadDeleting { .. } => {}
        }
    }

    fn pod_created(&mut self, now: Time, record: &Record<'_>, cluster: &Cluster) {
        let Record::PodCreated { pod, serial, name, class, owner, user, estimate, initial, .. } = *record
        else {
            return;
        };
        self.know_class(cluster, class);
        let index = pod.id.index();
        if self.pods.len() <= index {
            self.pods.resize_with(index + 1, Pod::default);
        }
        self.pods[index] = Pod {
            generation: pod.generation,
            live: true,
            serial,
            name: name.clone(),
            class,
            owner: owner.map(|owner| service_of(cluster, owner)),
            user,
            estimate,
            initial,
            created: now,
            ..Pod::default()
        };
        self.counts.created += 1;
        self.counts.initial += u64::from(initial);
        self.counts.pending += 1;
        self.queue.add(now.0, 1);
        self.count_queued(class, 1);
    }

    fn know_class(&mut self, cluster: &Cluster, class: ClassId) {
        if self.facts.len() <= class.index() {
            self.facts.resize(class.index() + 1, None);
        }
        if self.facts[class.index()].is_none() {
            self.facts[class.index()] = Some(Facts::of(&mut self.resources, cluster, class));
        }
    }

    fn count_queued(&mut self, class: ClassId, delta: i64) {
        if let Some(Some(facts)) = self.facts.get_mut(class.index()) {
            facts.queued = facts.queued.saturating_add_signed(delta);
        }
    }

    /// Moves a pod to another stage and keeps the counts.
    fn enter_stage(&mut self, now: Time, row: usize, stage: Stage) {
        let before = std::mem::replace(&mut self.pods[row].stage, stage);
        if before == Stage::Pending && stage != Stage::Pending {
            self.queue.add(now.0, -1);
            self.count_queued(self.pods[row].class, -1);
        }
        for (which, up) in [(before, false), (stage, true)] {
            let count = match which {
                Stage::Pending => &mut self.counts.pending,
                Stage::Starting => &mut self.counts.starting,
                Stage::Running => &mut self.counts.running,
                Stage::Over => continue,
            };
            *count = if up { *count + 1 } else { *count - 1 };
        }
    }

    fn pod_bound(&mut self, now: Time, pod: PodRef, node: NodeId, cluster: &Cluster) {
        let Some(row) = self.live(pod) else { return };
        if row.stage != Stage::Pending {
            return;
        }
        (row.bound, row.node) = (Some(now), Some(node));
        let (created, initial, class) = (row.created, row.initial, row.class);
        self.know_class(cluster, class);
        let index = pod.id.index();
        self.enter_stage(now, index, Stage::Starting);
        if !initial {
            self.latency.push_span(now.since(created));
        }
        if let Some(host) = self.nodes.get_mut(node.index()) {
            host.bound += 1;
            self.pods[index].lane = Some(host.enter_lane(pod.id.0));
            self.pods[index].has_bar = self.bars.reserve();
            let requests = self.facts[class.index()].iter().flat_map(|facts| &facts.requests).copied();
            self.accounts.change(host, now, Column::Requested, requests);
            update_stranded(&mut self.stranded, host, now);
        }
        self.update_replica(now, index);
    }

    fn container_started(
        &mut self,
        now: Time,
        pod: PodRef,
        (container, main): (ContainerIndex, bool),
        restarts: u32,
    ) {
        let Some(row) = self.live(pod) else { return };
        row.running.retain_mut(|running| running.container != container.0);
        row.stopped = None;
        row.running.push(Running { container: container.0, main, since: now });
        row.restarts += u32::from(restarts > 0);
        let first = main && row.started.is_none() && row.stage != Stage::Over;
        let (created, user, initial) = (row.created, row.user, row.initial);
        if first {
            row.started = Some(now);
            self.enter_stage(now, pod.id.index(), Stage::Running);
            if !initial {
                self.durations.started(now, now.since(created), user);
            }
        }
        self.counts.restarts += u64::from(restarts > 0);
    }

    fn container_ended(&mut self, now: Time, pod: PodRef, end: &ContainerEnd) {
        let class = self.live(pod).map(|row| row.class);
        let Some(facts) = class.and_then(|class| self.facts.get(class.index())?.as_ref()) else { return };
        let milli = facts.milli.get(usize::from(end.container.0)).copied().unwrap_or(0);
        let (amount, service) = (i128::from(milli) * i128::from(end.work.0), facts.service);
        let row = &mut self.pods[pod.id.index()];
        row.running.retain_mut(|running| running.container != end.container.0);
        row.stopped = Some(now).filter(|_| row.running.is_empty());
        match (end.main, service, end.good) {
            (false, ..) => {}
            (true, true, _) => self.counts.goodput = self.counts.goodput.saturating_add(amount),
            // A pod whose fate is sealed already can add nothing that counts later.
            (true, false, true) if row.stage != Stage::Over => row.work = row.work.saturating_add(amount),
            (true, false, _) => self.counts.lost = self.counts.lost.saturating_add(amount),
        }
    }

    fn pod_ready(&mut self, now: Time, pod: PodRef, ready: bool) {
        let Some(row) = self.live(pod) else { return };
        row.is_ready = ready;
        if ready && row.ready.is_none() {
            row.ready = Some(now);
            if let (Some(bound), false) = (row.bound, row.initial) {
                self.startup.push_span(now.since(bound));
            }
        }
        self.update_replica(now, pod.id.index());
    }

    /// Whether a pod counts as a serving replica may have changed.
    pub(super) fn update_replica(&mut self, now: Time, row: usize) {
        let pod = &self.pods[row];
        if pod.owner.is_none() {
            return;
        }
        let is_up = pod
            .node
            .and_then(|node| self.nodes.get(node.index()))
            .is_none_or(|node| node.down_since.is_none());
        let serves = pod.live && pod.is_ready && !pod.deleting && pod.stage != Stage::Over && is_up;
        let serves = pod.owner.filter(|_| serves);
        if serves != pod.serves {
            let before = std::mem::replace(&mut self.pods[row].serves, serves);
            for (owner, delta) in [(before, -1), (serves, 1)] {
                if let Some(owner) = owner {
                    self.replicas.serve(now, owner, delta);
                }
            }
        }
    }

    fn pod_deleting(&mut self, now: Time, pod: PodRef, reason: Reason) {
        let Some(row) = self.live(pod) else { return };
        if row.deleting {
            return;
        }
        row.deleting = true;
        if row.stage != Stage::Over {
            row.reason = reason;
        }
        self.counts.evictions += u64::from(reason == Reason::TaintEviction);
        self.counts.preemptions += u64::from(reason == Reason::Preempted);
        self.update_replica(now, pod.id.index());
    }

    /// A pod reached a terminal phase or is gone; the second time nothing happens.
    fn pod_over(&mut self, now: Time, pod: PodRef, ended: Time, outcome: Outcome, cluster: &Cluster) {
        let index = pod.id.index();
        let Some(row) = self.live(pod).filter(|row| row.stage != Stage::Over) else { return };
        row.ended = Some(ended);
        let (bound, started) = (row.bound, row.started);
        // What still runs when the object goes (a forced deletion) is on its own from here on.
        let so_far = self.work_so_far(index, now);
        let service = self.facts(&self.pods[index]).is_some_and(|facts| facts.service);
        let row = &mut self.pods[index];
        let work = std::mem::take(&mut row.work).saturating_add(so_far);
        row.running = Few::default();
        match outcome {
            Outcome::Succeeded => self.counts.succeeded += 1,
            Outcome::Failed => self.counts.failed += 1,
            _ => self.counts.removed += 1,
        }
        let counts = outcome == Outcome::Succeeded || service;
        let fate = if counts { &mut self.counts.goodput } else { &mut self.counts.lost };
        *fate = fate.saturating_add(work);
        if bound.is_none() {
            self.counts.unplaced += 1;
            self.unplaced.count(&self.pods[index]);
        }
        self.counts.never_started += u64::from(started.is_none());
        self.enter_stage(now, index, Stage::Over);
        self.release(now, index, outcome, cluster);
        self.update_replica(now, index);
        let pod = &self.pods[index];
        if let (Some(started), false, false) = (started, pod.initial, outcome == Outcome::Removed) {
            self.durations.ended(pod.created, ended, ended.since(started));
        }
        self.write_row(index, outcome, cluster);
        self.pods[index].failure = None;
    }

    /// Millicore-nanoseconds that the main containers that run now have run.
    pub(super) fn work_so_far(&self, row: usize, now: Time) -> i128 {
        let pod = &self.pods[row];
        let Some(facts) = self.facts(pod) else { return 0 };
        let milli = |container: u16| facts.milli.get(usize::from(container)).copied().unwrap_or(0);
        let amount =
            |running: &Running| i128::from(milli(running.container)) * i128::from(now.since(running.since).0);
        pod.running.iter().filter(|running| running.main).map(amount).fold(0, i128::saturating_add)
    }

    /// The node of a pod gets back what the pod requested.
    fn release(&mut self, now: Time, row: usize, outcome: Outcome, cluster: &Cluster) {
        let pod = &self.pods[row];
        let (Some(id), Some(lane)) = (pod.node, pod.lane) else { return };
        let Some(node) = self.nodes.get_mut(id.index()) else { return };
        node.leave_lane(lane);
        let facts = self.facts.get(pod.class.index()).and_then(Option::as_ref);
        let requests = facts.iter().flat_map(|facts| &facts.requests).map(|&(row, amount)| (row, -amount));
        self.accounts.change(node, now, Column::Requested, requests);
        update_stranded(&mut self.stranded, node, now);
        if pod.has_bar {
            self.push_bar(now, row, outcome, cluster);
        }
    }

    /// Enters the bar of a pod that held its node until now.
    pub(super) fn push_bar(&mut self, now: Time, row: usize, outcome: Outcome, cluster: &Cluster) {
        let pod = &self.pods[row];
        let (Some(node), Some(start)) = (pod.node, pod.bound) else { return };
        let lost = matches!(
            pod.reason,
            Reason::TaintEviction | Reason::Preempted | Reason::NodeGone | Reason::NodeLost
        );
        let kind = match outcome {
            Outcome::Failed => BarKind::Failed,
            Outcome::Removed if lost => BarKind::Lost,
            _ => BarKind::Ran,
        };
        // What was lost with its machine stopped long before the control plane let go of it.
        let end = pod.stopped.filter(|_| kind == BarKind::Lost).unwrap_or(now);
        let detail = self.bar_detail(pod, outcome);
        let mut label = Vec::new();
        push_name(&mut label, cluster, &pod.name);
        let label = String::from_utf8_lossy(&label).into_owned();
        self.bars.push(Kept { node: node.0, lane: pod.lane, start, end, label, detail, kind });
    }

    fn note(&mut self, now: Time, note: &Note) {
        let (pod, attempts, failed) = match note {
            Note::Assigned { pod, attempts, .. } => (*pod, *attempts, false),
            Note::Unschedulable { pod, attempts, .. } => (*pod, *attempts, true),
            Note::Rejected { .. } => {
                self.counts.rejected += 1;
                return;
            }
            _ => return,
        };
        self.counts.attempts += 1;
        self.counts.failures += u64::from(failed);
        if let Some(row) = self.live(pod) {
            row.attempts = attempts;
            row.first_attempt = row.first_attempt.or(Some(now));
        }
    }
}

/// The workload that a pod's readiness counts for: the Deployment behind a ReplicaSet.
fn service_of(cluster: &Cluster, owner: crate::base::ids::WorkloadId) -> crate::base::ids::WorkloadId {
    if owner.index() < cluster.workloads.len() {
        cluster.workloads[owner].owner.unwrap_or(owner)
    } else {
        owner
    }
}
