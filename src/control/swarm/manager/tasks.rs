//! The life of tasks: made, adopted with their pods, observed, replaced, stopped, forgotten.

use super::{Act, LoneSpec, Manager, ORCHESTRATOR, REAPER, Timer};
use crate::api::{PodPhase, PodSpec, PodTemplate};
use crate::base::Span;
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::{Cluster, HOSTNAME_KEY, PodName, PodRef, Reason};
use crate::control::swarm::constraint::{self, Constraint};
use crate::control::swarm::reaper::{self, Kept};
use crate::control::swarm::restart::{self, OldNode};
use crate::control::swarm::service::ServiceSettings;
use crate::control::swarm::state::State;
use crate::control::swarm::store::{Availability, Group, Mode, ServiceId, Spec, Task, TaskId};
use crate::control::{About, NewPod, Write};
use std::sync::Arc;

/// Ended pods that nobody owns and that are kept.
const ENDED_KEPT: usize = 10_000;

impl Manager {
    /// Makes a task of a service in a slot, as its specification is now.
    pub(super) fn create_task(
        &mut self,
        service: ServiceId,
        slot: u32,
        desired: State,
        act: &mut Act<'_>,
    ) -> TaskId {
        let row = self.store.service_mut(service);
        row.numbers += 1;
        let (number, workload) = (row.numbers, row.workload);
        let node = row.mode.is_global().then_some(NodeId(slot));
        let task = Task {
            service: Some(service),
            group: Group::Service(service),
            slot,
            version: row.version,
            spec: row.spec.clone(),
            desired,
            observed: State::New,
            node,
            is_preassigned: node.is_some(),
            pod: None,
            stamp: act.now,
            start: None,
            waits_for: Vec::new(),
            is_bound: false,
            attempts: 0,
        };
        let class = task.spec.class;
        let id = self.store.insert(task);
        self.store.awaited.insert((workload, number), id);
        self.dirty.insert((service, slot));
        let at = if self.dirty.len() > reaper::MOST_DIRTY {
            act.now
        } else {
            act.now + self.settings.reaper_batching
        };
        self.reap_at = Some(self.reap_at.map_or(at, |before| before.min(at)));
        let create = Write::CreatePod { owner: workload, class, number, index: None, tracked: false };
        act.write(ORCHESTRATOR, create);
        id
    }

    pub(super) fn pod_added(&mut self, new: &NewPod, act: &mut Act<'_>) {
        let number = if let PodName::Numbered { number, .. } = new.name { number } else { 0 };
        let awaited = new.owner.and_then(|owner| self.store.awaited.remove(&(owner, number)));
        let id = match (awaited, new.owner) {
            (Some(id), _) if self.store.task(id).is_some() => {
                self.store.of_pod.insert(new.pod, id);
                self.store.change(id, |task| task.pod = Some(new.pod));
                id
            }
            (None, None) => self.adopt(new, act),
            // Its task or its service was given up while it was being made.
            _ => {
                let grace = Some(Span::ZERO);
                let reason = Reason::OwnerDeleted;
                return act.write(ORCHESTRATOR, Write::DeletePod { pod: new.pod, grace, reason });
            }
        };
        self.observe(id, State::Pending, act);
        let Some(task) = self.store.task(id) else { return };
        if !task.desired.is_wanted() {
            let desired = task.desired;
            self.stop_task(id, desired, Reason::ScaledDown, act);
        } else if !task.is_bound {
            self.pending.insert(id);
        } else {
            self.pod_reported(new.pod, act);
        }
        self.touch(act.now);
    }

    /// A pod that nobody owns is a job of one task; the pods of a submitted job are its tasks.
    fn adopt(&mut self, new: &NewPod, act: &mut Act<'_>) -> TaskId {
        let spec = self.lone_spec(new.class, act.cluster);
        let job = act.cluster.jobs.of(new.pod.id).filter(|job| job.tasks > 1);
        let group = job.map_or(Group::Alone, |job| Group::Job(job.serial));
        self.store.insert(Task {
            service: None,
            group,
            slot: 0,
            version: 1,
            spec,
            desired: State::Complete,
            observed: State::New,
            node: new.node,
            is_preassigned: false,
            pod: Some(new.pod),
            stamp: act.now,
            start: None,
            waits_for: Vec::new(),
            is_bound: new.node.is_some(),
            attempts: 0,
        })
    }

    fn lone_spec(&mut self, class: ClassId, cluster: &Cluster) -> Spec {
        let default = &self.settings.service;
        let lone = self.lone.entry(class).or_insert_with(|| {
            let template = &cluster.classes[class].template;
            let settings = default.with(&template.annotations).unwrap_or_else(|_| default.clone());
            LoneSpec {
                spec: spec_of(class, template, &settings),
                preferences: settings.preferences,
                max_replicas: settings.max_replicas,
            }
        });
        lone.spec.clone()
    }

    /// The node of a task has reported.
    pub(super) fn pod_reported(&mut self, pod: PodRef, act: &mut Act<'_>) {
        let Some(&id) = self.store.of_pod.get(&pod) else { return };
        let told = self.store.task(id).is_some_and(|task| !task.desired.is_wanted());
        let report = match report(act.cluster, pod) {
            State::Failed | State::Complete if told => State::Shutdown,
            report => report,
        };
        self.observe(id, report, act);
    }

    /// Enters what is observed of a task, and lets everybody react who waits for it.
    pub(super) fn observe(&mut self, id: TaskId, report: State, act: &mut Act<'_>) {
        let Some(task) = self.store.task(id) else { return };
        let (before, service, slot) = (task.observed, task.service, task.slot);
        let now = before.reported(report);
        if now == before {
            return;
        }
        self.store.change(id, |task| (task.observed, task.stamp) = (now, act.now));
        if now == State::Running
            && let Some(updater) = service.and_then(|id| self.store.service_mut(id).updater.as_mut())
            && let Some(started) = updater.watched.get_mut(&id)
        {
            started.get_or_insert(act.now);
        }
        if now.is_over() && !before.is_over() {
            self.task_ended(id, act);
        }
        if let Some(service) = service {
            let waiting: Vec<TaskId> = self
                .store
                .in_slot(service, slot)
                .filter(|(_, task)| task.start.is_some())
                .map(|(id, _)| id)
                .collect();
            for id in waiting {
                self.try_start(id, act);
            }
            self.watch_update(service, id, act);
            self.advance_update(service, act);
        }
    }

    /// A task has ended: whoever looks after it decides what follows.
    fn task_ended(&mut self, id: TaskId, act: &mut Act<'_>) {
        self.touch(act.now);
        self.pending.remove(&id);
        let Some(task) = self.store.task(id).cloned() else { return };
        if matches!(task.observed, State::Failed | State::Rejected) {
            self.note_failure(&task, act.now);
        }
        let Some(service) = task.service else {
            self.store.remove(id);
            return self.keep_ended(task.pod, act);
        };
        if !task.desired.is_wanted() {
            return;
        }
        let mode = self.store.service(service).mode;
        if mode.is_job() && task.observed == State::Complete {
            self.store.service_mut(service).completed += 1;
            self.reconcile_job(service, act);
        } else {
            self.restart(id, Reason::None, act);
        }
    }

    /// Pods of jobs of their own stay for a while after their end.
    fn keep_ended(&mut self, pod: Option<PodRef>, act: &mut Act<'_>) {
        self.ended.extend(pod);
        while self.ended.len() > ENDED_KEPT {
            let Some(pod) = self.ended.pop_front() else { return };
            let (grace, reason) = (None, Reason::Deleted);
            act.write(REAPER, Write::DeletePod { pod, grace, reason });
        }
    }

    /// The restart supervisor: the old task is to stop, and if the policy says so a new one takes its
    /// slot.
    pub(super) fn restart(&mut self, id: TaskId, reason: Reason, act: &mut Act<'_>) {
        let Some(task) = self.store.task(id).cloned() else { return };
        if !task.desired.is_wanted() {
            return;
        }
        self.stop_task(id, State::Shutdown, reason, act);
        let Some(service) = task.service.filter(|id| !self.store.service(*id).is_removed) else { return };
        let row = self.store.service_mut(service);
        let (policy, mode) = (row.settings.restart, row.mode);
        let history = row.histories.entry(task.slot).or_default();
        let is_wanted = restart::is_wanted(policy.condition, task.observed, mode.is_job());
        if !is_wanted || !history.allows(&policy, task.version, act.now) {
            if let Some(pod) = task.pod {
                act.tell(ORCHESTRATOR, About::Pod(pod), "NotRestarted", "the restart policy allows no more");
            }
            return;
        }
        history.note(&policy, task.version, act.now);
        let node = self.node_of_old(task.node);
        if mode.is_global() && node != OldNode::Up {
            return;
        }
        let start = restart::start(&policy, node, task.observed, self.settings.stop_timeout, act.now);
        let new = self.create_task(service, task.slot, State::Ready, act);
        self.store.change(new, |task| (task.start, task.waits_for) = (Some(start), vec![id]));
        self.arm_start(new, act);
    }

    fn node_of_old(&self, node: Option<NodeId>) -> OldNode {
        match node.map(|node| &self.store.nodes[node.index()]) {
            Some(node) if node.is_present && node.is_up => {
                if node.availability == Availability::Drain {
                    OldNode::Drained
                } else {
                    OldNode::Up
                }
            }
            _ => OldNode::Down,
        }
    }

    /// Sets when a task is looked at that is to start later, and starts it if that is now.
    pub(super) fn arm_start(&mut self, id: TaskId, act: &mut Act<'_>) {
        let Some(start) = self.store.task(id).and_then(|task| task.start) else { return };
        for at in [Some(start.at), start.waits_until].into_iter().flatten().filter(|at| *at > act.now) {
            self.timers.insert((at, Timer::Start(id)));
        }
        self.try_start(id, act);
    }

    /// Starts a task if its time has come and those that it waits for have stopped.
    pub(super) fn try_start(&mut self, id: TaskId, act: &mut Act<'_>) {
        let Some(task) = self.store.task(id) else { return };
        let Some(start) = task.start else { return };
        let has_stopped = |old: &TaskId| {
            self.store
                .task(*old)
                .is_none_or(|old| old.observed.is_over() || self.node_of_old(old.node) == OldNode::Down)
        };
        if !task.desired.is_wanted() || !start.is_due(act.now, task.waits_for.iter().all(has_stopped)) {
            return;
        }
        let goal = task.service.map_or(State::Complete, |id| self.store.service(id).mode.goal());
        self.store.change(id, |task| {
            (task.desired, task.start) = (goal, None);
            task.waits_for.clear();
        });
        self.bind(id, act);
    }

    /// Wants a task to stop, or to be removed.
    pub(super) fn stop_task(&mut self, id: TaskId, desired: State, reason: Reason, act: &mut Act<'_>) {
        let Some(task) = self.store.task(id) else { return };
        let (pod, observed, service) = (task.pod, task.observed, task.service);
        let desired = desired.max(task.desired);
        self.pending.remove(&id);
        self.store.change(id, |task| (task.desired, task.start) = (desired, None));
        self.touch(act.now);
        let Some(pod) = pod else {
            // It goes when its pod appears.
            return;
        };
        if observed.is_over() && !reaper::is_removable(desired, observed) {
            return;
        }
        let settings = service.map_or(&self.settings.service, |id| &self.store.service(id).settings);
        let own = act.cluster.pods.get(pod).and_then(|row| {
            let class = &act.cluster.classes[act.cluster.pods.class[row.index()]];
            class.template.spec.termination_grace_seconds
        });
        let grace = own.map_or(settings.stop_grace, |seconds| Span::from_secs(seconds.max(0) as u64));
        let is_deleting = act
            .cluster
            .pods
            .get(pod)
            .is_none_or(|row| act.cluster.pods.deleting_since[row.index()].is_some());
        if !is_deleting {
            act.write(ORCHESTRATOR, Write::DeletePod { pod, grace: Some(grace), reason });
        }
    }

    /// Somebody deletes the pod of a task: a person who evicts drains its node.
    pub(super) fn pod_deleting(&mut self, pod: PodRef, reason: Reason, act: &mut Act<'_>) {
        let Some(task) = self.store.of_pod.get(&pod).and_then(|id| self.store.task(*id)) else { return };
        if let (Reason::Evicted, Some(node)) = (reason, task.node) {
            self.drain(node, act);
        }
    }

    pub(super) fn pod_removed(&mut self, pod: PodRef, act: &mut Act<'_>) {
        let Some(id) = self.store.of_pod.remove(&pod) else { return };
        self.store.change(id, |task| task.pod = None);
        let Some(task) = self.store.task(id) else { return };
        let was_told = !task.desired.is_wanted();
        let is_forgotten = task.desired == State::Remove;
        let end = if was_told { State::Shutdown } else { State::Failed };
        if !task.observed.is_over() {
            self.observe(id, end, act);
        }
        if is_forgotten {
            self.store.remove(id);
        }
        self.touch(act.now);
    }

    /// Forgets the oldest dead tasks of slots that have got new ones.
    pub(super) fn reap(&mut self, act: &mut Act<'_>) {
        self.reap_at = None;
        for (service, slot) in std::mem::take(&mut self.dirty) {
            let attempts = self.store.service(service).settings.restart.max_attempts;
            let kept = |(task, row): (TaskId, &Task)| Kept {
                task,
                observed: row.observed,
                desired: row.desired,
                stamp: row.stamp,
            };
            let tasks: Vec<Kept> = self.store.in_slot(service, slot).map(kept).collect();
            for id in reaper::excess(&tasks, reaper::limit(self.settings.task_history, attempts)) {
                if let Some(pod) = self.store.remove(id).and_then(|task| task.pod) {
                    let (grace, reason) = (None, Reason::Deleted);
                    act.write(REAPER, Write::DeletePod { pod, grace, reason });
                }
            }
        }
    }

    /// A write was refused. A pod that a quota forbids is not made; its task is given up.
    pub(super) fn refused(&mut self, write: &Write, act: &mut Act<'_>) {
        match write {
            Write::CreatePod { owner, number, .. } => {
                if let Some(id) = self.store.awaited.remove(&(*owner, *number)) {
                    self.store.remove(id);
                }
            }
            Write::Bind { pod, .. } => {
                if let Some(&id) = self.store.of_pod.get(pod) {
                    let (pod, grace, reason) = (*pod, Some(Span::ZERO), Reason::NodeGone);
                    act.write(ORCHESTRATOR, Write::DeletePod { pod, grace, reason });
                    self.observe(id, State::Rejected, act);
                }
            }
            _ => {}
        }
    }
}

/// What a pod is made of as a task: labels that a node must have are constraints, too.
pub(super) fn spec_of(class: ClassId, template: &PodTemplate, settings: &ServiceSettings) -> Spec {
    let PodSpec { node_selector, .. } = &template.spec;
    let of_pods = node_selector.iter().map(|(key, value)| match key.as_str() {
        HOSTNAME_KEY => Constraint::hostname(value),
        _ => Constraint::label(key, value),
    });
    let of_service = settings.constraints.iter().filter_map(|text| constraint::parse(text).ok());
    let constraints: Arc<[Constraint]> = of_pods.chain(of_service).collect();
    Spec { class, constraints }
}

/// What the status of a pod says of its task. One with a readiness probe runs when that has passed.
fn report(cluster: &Cluster, pod: PodRef) -> State {
    let Some(id) = cluster.pods.get(pod) else { return State::New };
    let row = id.index();
    let containers = &cluster.classes[cluster.pods.class[row]].template.spec.containers;
    let is_probed = containers.iter().any(|container| container.probes.readiness.is_some());
    match cluster.pods.phase[row] {
        PodPhase::Pending if cluster.pods.node[row].is_some() => State::Preparing,
        PodPhase::Pending => State::Pending,
        PodPhase::Running if is_probed && !cluster.pods.ready[row] => State::Starting,
        PodPhase::Running => State::Running,
        PodPhase::Succeeded => State::Complete,
        PodPhase::Failed if is_refusal(cluster.pods.reason[row]) => State::Rejected,
        PodPhase::Failed => State::Failed,
    }
}

/// Whether an agent gives that reason for not taking a task on.
fn is_refusal(reason: Reason) -> bool {
    use Reason::{
        NodeAffinity, NodePorts, OutOfCpu, OutOfEphemeralStorage, OutOfMemory, OutOfPods, OutOfResources,
        PodFeatureUnsupported, TaintToleration,
    };
    matches!(
        reason,
        OutOfCpu
            | OutOfMemory
            | OutOfEphemeralStorage
            | OutOfPods
            | OutOfResources
            | NodeAffinity
            | NodePorts
            | TaintToleration
            | PodFeatureUnsupported
    )
}

/// A mode in the words of `docker service ls`.
pub(super) const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Replicated(_) => "replicated",
        Mode::Global => "global",
        Mode::Job { .. } => "replicated-job",
        Mode::GlobalJob => "global-job",
    }
}
