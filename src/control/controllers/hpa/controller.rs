//! The event loop of the autoscalers: each is looked at a period after it was created, then a period
//! after each look has ended.
//!
//! Kubernetes 1.36, pkg/controller/podautoscaler (reference control-plane-observed point 12: the first
//! look is not at once). A look asks for metrics, and goes on when the answer has come. Changes of an
//! autoscaler or of its target are noticed at the next look.

use super::{
    Memory, Observed, PodFacts, Reading, Rescale, Scale, Selection, Settings, needs_metrics, not_rescaled,
    reconcile, rescaled,
};
use crate::api::status::HpaStatus;
use crate::api::{HorizontalPodAutoscaler, LabelSelector, PodPhase, Status, Truth};
use crate::base::ids::{PodId, WorkloadId};
use crate::base::{Clock, Span, Time};
use crate::cluster::{Cluster, PodRef, Selector, WorkloadKind};
use crate::control::controllers::existing;
use crate::control::controllers::followers::Followers;
use crate::control::controllers::queue::WorkQueue;
use crate::control::{Client, Command, Component, Config, Event, PodBefore, Topic, Write};
use std::collections::BTreeMap;

/// Between two looks there is at least this time, whatever the settings say.
const MIN_PERIOD: Span = Span::from_millis(1);

/// See the module's description.
pub struct PodAutoscalerController {
    settings: Settings,
    clock: Clock,
    queue: WorkQueue<WorkloadId>,
    autoscalers: BTreeMap<WorkloadId, State>,
    followers: Followers,
}

/// What is known of one autoscaler.
#[derive(Clone, Debug, Default)]
struct State {
    memory: Memory,
    /// The target whose pods are followed.
    followed: Option<WorkloadId>,
    /// While a question is under way: the pods that it is about, ascending.
    asked: Option<Vec<PodRef>>,
    /// The latest change of the scale, for as long as it may be refused.
    pending: Option<Pending>,
    /// The latest look, and the latest one that changed anything.
    looked: Time,
    changed: Time,
    /// For how long nothing must have changed so that nothing will.
    rest: Span,
}

/// A change of the scale and what there was before it.
#[derive(Clone, Debug)]
struct Pending {
    target: WorkloadId,
    to: i32,
    memory: Memory,
    before: HpaStatus,
    status: HpaStatus,
}

impl PodAutoscalerController {
    /// A controller that has seen nothing yet.
    pub fn new(config: &Config) -> PodAutoscalerController {
        PodAutoscalerController {
            settings: config.pod_autoscaler,
            clock: config.clock,
            queue: WorkQueue::new(config),
            autoscalers: BTreeMap::new(),
            followers: Followers::default(),
        }
    }

    /// The next look begins a period from now.
    fn enqueue(&mut self, id: WorkloadId, now: Time) {
        self.queue.add_at(id, now, now + self.settings.sync_period.max(MIN_PERIOD));
    }

    /// A look begins: it asks for the metrics, if they count.
    fn begin(&mut self, now: Time, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let Some(hpa) = autoscaler(cluster, id) else { return };
        let target = find_target(hpa, cluster);
        self.follow(id, target, cluster);
        let scale = target.and_then(|target| self.scale(id, target, cluster));
        let Some(hpa) = autoscaler(cluster, id) else { return };
        if !scale.is_some_and(|scale| scale.selection == Selection::Own && needs_metrics(hpa, scale)) {
            return self.conclude(now, id, &[], &[], cluster, out);
        }
        let reference = |pod: &PodId| cluster.pods.reference(*pod);
        let mut pods: Vec<PodRef> = self.followers.pods(id).iter().map(reference).collect();
        pods.sort_unstable();
        out.push(Command::Query { autoscaler: id, pods: pods.clone() });
        if let Some(state) = self.autoscalers.get_mut(&id) {
            state.asked = Some(pods);
        }
    }

    /// A look ends: `readings` are about the pods `asked`.
    fn conclude(
        &mut self,
        now: Time,
        id: WorkloadId,
        asked: &[PodRef],
        readings: &[Reading],
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(hpa) = autoscaler(cluster, id) else { return };
        let target = find_target(hpa, cluster);
        let scale = target.and_then(|target| self.scale(id, target, cluster));
        let pods = self.followers.pods(id);
        let facts: Vec<PodFacts<'_>> = pods.iter().map(|&pod| facts(pod, self.clock, cluster)).collect();
        let readings: Vec<Reading> =
            readings.iter().map(|reading| reorder(reading, asked, pods, cluster)).collect();
        let before = match &cluster.workloads[id].status {
            Status::HorizontalPodAutoscaler(status) => HpaStatus::clone(status),
            _ => HpaStatus::default(),
        };
        let stamp = self.clock.floor(now);
        let observed = Observed { now, stamp, scale, pods: &facts, readings: &readings };
        let Some(state) = self.autoscalers.get_mut(&id) else { return };
        let decision = reconcile(hpa, &self.settings, &observed, &mut state.memory, &before);
        let mut status = decision.status;
        state.pending = None;
        if let (Some(change), Some(target)) = (decision.rescale, target) {
            let memory = state.memory.clone();
            let Rescale { to, .. } = change;
            out.push(write(Write::Scale { workload: target, replicas: to }));
            let failed = status.clone();
            rescaled(hpa, &mut state.memory, &mut status, change, [now, stamp]);
            state.pending = Some(Pending { target, to, memory, before: before.clone(), status: failed });
        }
        state.looked = now;
        state.rest = rest(hpa, &self.settings);
        if status != before {
            state.changed = now;
            out.push(write_status(id, status));
        }
        self.enqueue(id, now);
    }

    /// The change of a scale was refused.
    fn refused(&mut self, now: Time, write: &Write, out: &mut Vec<Command>) {
        let Write::Scale { workload, replicas } = write else { return };
        let is_it = |pending: &Pending| pending.target == *workload && pending.to == *replicas;
        let found = self.autoscalers.iter_mut().find(|(_, state)| state.pending.as_ref().is_some_and(is_it));
        if let Some((&id, state)) = found
            && let Some(pending) = state.pending.take()
        {
            state.memory = pending.memory;
            let mut status = pending.status;
            not_rescaled(&mut status, &pending.before, self.clock.floor(now));
            out.push(write_status(id, status));
        }
    }

    /// Follows the pods of the target from now on, if it is another one than before.
    fn follow(&mut self, id: WorkloadId, target: Option<WorkloadId>, cluster: &mut Cluster) {
        let Some(state) = self.autoscalers.get_mut(&id).filter(|state| state.followed != target) else {
            return;
        };
        state.followed = target;
        let Some(target) = target else { return self.followers.forget(id) };
        let Cluster { names, workloads, .. } = cluster;
        let row = &workloads[target];
        let selector = Selector::compile(names, selector(&row.kind));
        let namespace = row.namespace;
        self.followers.follow(id, namespace, selector, cluster);
    }

    /// The scale of a target.
    fn scale(&mut self, id: WorkloadId, target: WorkloadId, cluster: &Cluster) -> Option<Scale> {
        let row = existing(cluster, target)?;
        let wanted = row.kind.replicas()?;
        let current = match &row.status {
            Status::ReplicaSet(status) => status.replicas,
            Status::Deployment(status) => status.replicas,
            Status::StatefulSet(status) => status.replicas,
            _ => 0,
        };
        let pods = self.followers.pods(id).to_vec();
        let is_shared = |pod: &PodId| self.followers.of_pod(*pod, cluster).len() > 1;
        let selection = if selector(&row.kind).is_none() {
            Selection::Missing
        } else if pods.iter().any(is_shared) {
            Selection::Ambiguous
        } else {
            Selection::Own
        };
        Some(Scale { wanted, current, selection })
    }
}

fn write(write: Write) -> Command {
    Command::Write(Client::PodAutoscaler, write)
}

fn write_status(workload: WorkloadId, status: HpaStatus) -> Command {
    write(Write::WorkloadStatus { workload, status: Status::HorizontalPodAutoscaler(Box::new(status)) })
}

/// The autoscaler in a row, if its object exists.
fn autoscaler(cluster: &Cluster, id: WorkloadId) -> Option<&HorizontalPodAutoscaler> {
    match &existing(cluster, id)?.kind {
        WorkloadKind::HorizontalPodAutoscaler(hpa) => Some(hpa),
        _ => None,
    }
}

/// The object that an autoscaler sizes: of a kind of the group apps that has a scale.
fn find_target(hpa: &HorizontalPodAutoscaler, cluster: &Cluster) -> Option<WorkloadId> {
    const KINDS: [&str; 3] = ["Deployment", "ReplicaSet", "StatefulSet"];
    let is_apps = hpa.target.api_version.split_once('/').is_some_and(|(group, _)| group == "apps");
    let kind = KINDS.into_iter().find(|kind| is_apps && *kind == hpa.target.kind)?;
    let namespace = cluster.names.get(crate::cluster::namespace_of(&hpa.meta))?;
    let name = cluster.names.get(&hpa.target.name)?;
    cluster.workloads.find(kind, namespace, name)
}

/// The selector of the pods of a target.
fn selector(kind: &WorkloadKind) -> Option<&LabelSelector> {
    match kind {
        WorkloadKind::Deployment(object) => Some(&object.selector),
        WorkloadKind::ReplicaSet(object) => Some(&object.selector),
        WorkloadKind::StatefulSet(object) => object.selector.as_ref(),
        _ => None,
    }
}

/// What an autoscaler sees of a pod. Time stamps of objects are whole seconds. A pod that was there
/// from the beginning has been started when it was created.
fn facts(pod: PodId, clock: Clock, cluster: &Cluster) -> PodFacts<'_> {
    let (pods, row) = (&cluster.pods, pod.index());
    let started = pods.started[row].and_then(|nanos| u64::try_from(nanos).ok()).map(Time);
    let started = started.or((pods.phase[row] != PodPhase::Pending).then_some(pods.created[row]));
    let ready = if pods.ready[row] { Truth::True } else { Truth::False };
    PodFacts {
        phase: pods.phase[row],
        deleting: pods.deleting_since[row].is_some(),
        start: started.map(|start| clock.floor(start)),
        ready: Some((ready, clock.floor(pods.ready_since[row]))),
        spec: &cluster.classes[pods.class[row]].template.spec,
    }
}

/// A reading about the pods `asked` (ascending) as one about `pods`: some may have come and gone while
/// the question was under way.
fn reorder(reading: &Reading, asked: &[PodRef], pods: &[PodId], cluster: &Cluster) -> Reading {
    let Reading::Pods(samples) = reading else { return reading.clone() };
    let sample = |&pod: &PodId| {
        let place = asked.binary_search(&cluster.pods.reference(pod)).ok()?;
        samples.get(place).copied().flatten()
    };
    Reading::Pods(pods.iter().map(sample).collect())
}

/// For how long nothing must have changed so that no time alone can change anything: the longest window,
/// period or delay.
fn rest(hpa: &HorizontalPodAutoscaler, settings: &Settings) -> Span {
    let seconds = |seconds: i32| Span::from_secs(u64::try_from(seconds).unwrap_or(0));
    let mut longest = settings.downscale_stabilization.max(settings.cpu_initialization);
    for rules in hpa.behavior.iter().flat_map(|behavior| [&behavior.scale_up, &behavior.scale_down]) {
        longest = longest.max(seconds(rules.stabilization_seconds.unwrap_or(0)));
        for policy in &rules.policies {
            longest = longest.max(seconds(policy.period_seconds));
        }
    }
    longest + settings.sync_period
}

impl Component for PodAutoscalerController {
    fn listens(&self, topic: Topic) -> bool {
        match topic {
            Topic::Workload | Topic::Metrics => true,
            Topic::Pod | Topic::OwnedPod | Topic::Refused => !self.autoscalers.is_empty(),
            Topic::Runtime | Topic::Node => false,
        }
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
            Event::WorkloadAdded { workload, .. } if autoscaler(cluster, *workload).is_some() => {
                let state = State { changed: now, looked: now, ..State::default() };
                self.autoscalers.insert(*workload, state);
                self.enqueue(*workload, now);
            }
            Event::WorkloadRemoved { workload } if self.autoscalers.remove(workload).is_some() => {
                self.followers.forget(*workload);
            }
            Event::PodAdded(new) => self.followers.pod_added(new.pod.id, cluster),
            Event::PodRemoved { pod } => {
                if let Some(pod) = cluster.pods.get(*pod) {
                    self.followers.pod_removed(pod, cluster);
                }
            }
            Event::Metrics { autoscaler, readings } => {
                let asked = self.autoscalers.get_mut(autoscaler).and_then(|state| state.asked.take());
                if let Some(asked) = asked {
                    self.conclude(now, *autoscaler, &asked, readings, cluster, out);
                }
            }
            Event::Refused(write, _) => self.refused(now, write, out),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            if self.autoscalers.contains_key(&id) {
                self.begin(now, id, cluster, out);
            }
        }
    }

    fn is_settled(&self) -> bool {
        let is_at_rest =
            |state: &State| state.asked.is_none() && state.looked.since(state.changed) > state.rest;
        self.autoscalers.values().all(is_at_rest)
    }
}

#[cfg(test)]
mod tests;
