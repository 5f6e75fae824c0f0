//! The scheduler: a queue of pods, and attempts to find a node for one after the other.
//!
//! It sees what its watches deliver and writes bindings; what becomes of a pod after that is not
//! known here. An attempt is atomic: the pod is popped, evaluated against the cluster as it is and
//! placed or returned at one moment, after which the scheduler is busy for as long as an attempt
//! takes.
//!
//! Source: Kubernetes 1.36, pkg/scheduler (scheduler.go, eventhandlers.go, schedule_one.go).

mod batching;
mod binding;
pub mod configuration;
pub mod cycle;
pub mod events;
mod evictions;
pub mod explain;
pub mod framework;
mod index;
mod judge;
mod memo;
pub mod nominator;
mod plugins;
pub mod preemption;
pub mod profile;
mod promised;
pub(crate) mod queue;
mod select;
mod watch;

pub use batching::Batched;
pub use cycle::{Attempt, Cycle, Outcome, Placement, Position, Rejection};
pub use queue::{Lengths, Place, Waiting};
pub use watch::{Cause, Step};

use super::config::Version;
use super::{Client, Command, Component, Config, Diagnosis, Event, NewPod, Note, PodBefore, Topic, Write};
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, PodRef, Reason};
use binding::Prepared;
use events::{Action, Change, NodeFacts};
use evictions::Evictions;
use framework::Context;
use judge::Verdict;
use nominator::Nominator;
use profile::PluginSet;
use queue::Queue;
use std::sync::Arc;
use watch::Watch;

/// How many attempts are made in a row before others get their turn at the same instant.
const BATCH: usize = 1024;

/// The scheduler.
pub struct Scheduler {
    /// One cycle a profile.
    cycles: Vec<Cycle>,
    /// Where the next attempt starts, whichever profile's it is.
    position: Position,
    queue: Queue,
    nominator: Nominator,
    evictions: Evictions,
    attempt: Span,
    busy_until: Time,
    version: Version,
    /// The nodes as they were last seen, by row: what hints compare with.
    facts: Vec<NodeFacts>,
    /// The pods that somebody follows.
    watch: Watch,
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(config: &Config) -> Scheduler {
        Scheduler {
            cycles: (0..config.scheduler.profiles.len()).map(|place| Cycle::new(config, place)).collect(),
            position: Position::default(),
            queue: Queue::new(config.scheduler.initial_backoff, config.scheduler.max_backoff),
            nominator: Nominator::default(),
            evictions: Evictions::default(),
            attempt: config.scheduler.attempt,
            busy_until: Time::ZERO,
            version: config.version,
            facts: Vec::new(),
            watch: Watch::new(&config.scheduler.followed),
        }
    }

    /// How many pods are in each queue.
    pub fn lengths(&self) -> Lengths {
        self.queue.lengths()
    }

    /// The pods that wait, by row, with the reasons of their last attempt.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.iter().filter(|waiting| waiting.place != Place::InFlight)
    }

    /// What is known of a pod that waits, or whose binding is under way.
    pub fn waiting_pod(&self, pod: PodRef) -> Option<&Waiting> {
        self.queue.get(pod)
    }

    /// The nodes that waiting pods were promised.
    pub fn nominator(&self) -> &Nominator {
        &self.nominator
    }

    /// Whether some pod will be tried again though nothing happens: it is ready for an attempt or
    /// in back-off. The sweep of pods that have waited long does not count.
    pub fn will_try_again(&self) -> bool {
        let Lengths { active, backoff, .. } = self.queue.lengths();
        active + backoff > 0
    }

    /// The cycle for pods of a class, for questions outside the queue; `None` if they ask for another
    /// scheduler.
    pub fn cycle_of(&mut self, cluster: &Cluster, class: ClassId) -> Option<&mut Cycle> {
        cycle_of(&mut self.cycles, cluster, class)
    }

    fn pod_added(&mut self, now: Time, new: &NewPod, cluster: &mut Cluster, out: &mut Vec<Command>) {
        if new.status.is_some_and(|status| status.phase.is_terminal()) {
            return;
        }
        if new.node.is_some() {
            return self.assigned_pod(now, Action::Add, new.class, cluster);
        }
        let Some(cycle) = cycle_of(&mut self.cycles, cluster, new.class) else { return };
        let priority = cluster.classes[new.class].priority;
        let gate = cycle.profile.gate(cluster, new.class);
        self.queue.add(now, new.pod, new.class, priority, gate);
        // A pod that an earlier scheduler has promised a node has the promise in its status.
        if let Some(node) = cluster.pods.nominated[new.pod.id.index()] {
            self.nominator.nominate(new.pod.id, node);
        }
        out.push(Command::Note(Note::Queued { pod: new.pod }));
    }

    /// An assigned pod was added or is gone: wakes the pods that this may help.
    fn assigned_pod(&mut self, now: Time, action: Action, class: ClassId, cluster: &mut Cluster) {
        self.wake(now, &Change::Pod { class, before: None, action }, None, cluster);
    }

    /// Shows the queue an event; only pods of no higher priority than `limit` are concerned.
    fn wake(&mut self, now: Time, change: &Change<'_>, limit: Option<i32>, cluster: &mut Cluster) {
        if self.queue.waits_for_no_event() {
            return;
        }
        let listens = |cycle: &Cycle| cycle.profile.listens(change.resource(), change.action());
        if self.cycles.iter().any(listens) {
            let (cycles, evictions) = (&mut self.cycles, &self.evictions);
            self.queue.wake(now, Verdict { cycles, evictions, cluster, change: Some(change), limit });
        }
    }

    /// A pod is gone, or has ended, which for the scheduler is the same.
    fn pod_gone(&mut self, now: Time, pod: PodRef, before: PodBefore, cluster: &mut Cluster) {
        self.evictions.forget(pod);
        if before.phase.is_terminal() {
            return;
        }
        let Some(id) = cluster.pods.get(pod) else { return };
        let assigned = before.node.is_some() || self.is_assumed(pod);
        self.queue.remove(pod);
        self.clear_nomination(now, id, cluster);
        if assigned {
            self.assigned_pod(now, Action::Delete, cluster.pods.class[id.index()], cluster);
        }
    }

    /// Whether a node has been chosen for the pod and the binding is under way.
    fn is_assumed(&self, pod: PodRef) -> bool {
        self.queue.get(pod).is_some_and(|waiting| waiting.place == Place::InFlight)
    }

    /// Since 1.35 the deletion of a pod whose binding is under way frees its node at once.
    fn pod_deleting(&mut self, now: Time, pod: PodRef, before: PodBefore, cluster: &mut Cluster) {
        let Some(id) = cluster.pods.get(pod) else { return };
        let begins = !before.deleting && before.node.is_none();
        if begins && self.version.compat().frees_deleted_at_once && self.is_assumed(pod) {
            cluster.displace(id);
            self.assigned_pod(now, Action::Delete, cluster.pods.class[id.index()], cluster);
        }
    }

    fn bind_refused(&mut self, now: Time, pod: PodRef, cluster: &mut Cluster) {
        let Some(id) = cluster.pods.get(pod) else { return };
        if cluster.pods.node[id.index()].is_some() || !self.is_assumed(pod) {
            return;
        }
        let class = cluster.pods.class[id.index()];
        if let Some(node) = cluster.pods.counted_on[id.index()]
            && let Some(cycle) = cycle_of(&mut self.cycles, cluster, class)
        {
            let context = Context { cluster, class, pod: None, version: self.version };
            binding::unreserve(&mut cycle.profile, context, node);
        }
        cluster.displace(id);
        self.assigned_pod(now, Action::Delete, class, cluster);
        let diagnosis = Arc::new(whole_rejection(cluster, "the binding was refused".to_owned()));
        self.queue.fail(now, id, PluginSet::default(), diagnosis);
    }

    fn node_changed(&mut self, now: Time, node: NodeId, is_new: bool, cluster: &mut Cluster) {
        let after = NodeFacts::of(cluster, node);
        if self.facts.len() <= node.index() {
            self.facts.resize_with(node.index() + 1, NodeFacts::default);
        }
        let before = std::mem::replace(&mut self.facts[node.index()], after.clone());
        if is_new {
            let change = Change::Node { node, action: Action::Add, before: None, after: &after };
            return self.wake(now, &change, None, cluster);
        }
        for action in after.changes_since(cluster, &before) {
            let change = Change::Node { node, action, before: Some(&before), after: &after };
            self.wake(now, &change, None, cluster);
        }
    }

    fn node_removed(&mut self, now: Time, node: NodeId, cluster: &mut Cluster) {
        let Some(facts) = self.facts.get(node.index()).cloned() else { return };
        let change = Change::Node { node, action: Action::Delete, before: Some(&facts), after: &facts };
        self.wake(now, &change, None, cluster);
    }

    /// Pops a pod and tries to place it; false if none was ready.
    fn attempt(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) -> bool {
        loop {
            let Some(waiting) = self.queue.pop() else { return false };
            let (pod, class, attempts) = (waiting.pod, waiting.class, waiting.attempts);
            match cluster.pods.get(pod).filter(|&id| wants_a_node(cluster, id)) {
                Some(id) => {
                    let key = (cluster.pods.serial[id.index()] << 20) ^ u64::from(attempts);
                    let attempt = Attempt { class, pod: Some(id), key };
                    if self.watch.is_on() {
                        self.tell_attempt(now, attempt, attempts, cluster, out);
                    }
                    self.place(now, id, attempt, attempts, cluster, out);
                    if self.watch.is_on() {
                        self.tell_outcome(id, cluster, out);
                    }
                    return true;
                }
                // Deleted, or bound by somebody else: skipped.
                None => self.queue.remove(pod),
            }
        }
    }

    fn place(
        &mut self,
        now: Time,
        id: PodId,
        attempt: Attempt,
        attempts: u32,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let (pod, class) = (cluster.pods.reference(id), attempt.class);
        let Some(cycle) = cycle_of(&mut self.cycles, cluster, class) else { return };
        cycle.go_on(self.position, now);
        let outcome = cycle.schedule(cluster, attempt, &self.nominator);
        self.position = cycle.position();
        match outcome {
            Outcome::Placed(Placement { node, feasible, score, tied }) => {
                cluster.place(id, node);
                let context = Context { cluster, class, pod: None, version: self.version };
                let prepared = binding::prepare(&mut cycle.profile, context, node);
                if let Prepared::Refused(rejectors, status) = prepared {
                    cluster.displace(id);
                    let diagnosis = Arc::new(whole_rejection(cluster, status.message));
                    self.queue.fail(now, id, rejectors, Arc::clone(&diagnosis));
                    self.clear_nomination(now, id, cluster);
                    let note = Note::Unschedulable { pod, diagnosis: Arc::clone(&diagnosis), attempts };
                    out.push(Command::Note(note));
                    self.write_condition(id, diagnosis, cluster, out);
                    return;
                }
                self.assume(pod);
                out.push(Command::Note(Note::Assigned { pod, node, feasible, score, tied, attempts }));
                if prepared == Prepared::Write {
                    out.push(Command::Write(Client::Scheduler, Write::Bind { pod, node }));
                }
            }
            Outcome::Rejected(rejection) => self.reject(now, attempt, attempts, &rejection, cluster, out),
        }
    }
}

/// The cycle of the profile that pods of a class ask for.
fn cycle_of<'c>(cycles: &'c mut [Cycle], cluster: &Cluster, class: ClassId) -> Option<&'c mut Cycle> {
    let wanted = &cluster.classes[class].template.spec.scheduler_name;
    cycles.iter_mut().find(|cycle| cycle.profile.serves(wanted))
}

/// A diagnosis that speaks of the pod as a whole.
fn whole_rejection(cluster: &Cluster, pre_filter: String) -> Diagnosis {
    Diagnosis { nodes: cluster.nodes.present.count(), pre_filter, ..Diagnosis::default() }
}

/// Whether a popped pod is still to be placed.
fn wants_a_node(cluster: &Cluster, pod: PodId) -> bool {
    let (pods, index) = (&cluster.pods, pod.index());
    pods.deleting_since[index].is_none() && pods.counted_on[index].is_none() && pods.node[index].is_none()
}

impl Component for Scheduler {
    fn listens(&self, topic: Topic) -> bool {
        !matches!(topic, Topic::Runtime | Topic::Workload)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => self.pod_added(now, new, cluster, out),
            Event::PodBound { pod, node } => {
                if let Some(id) = cluster.pods.get(*pod) {
                    let class = cluster.pods.class[id.index()];
                    if self.is_assumed(*pod)
                        && let Some(cycle) = cycle_of(&mut self.cycles, cluster, class)
                    {
                        let context = Context { cluster, class, pod: None, version: self.version };
                        binding::post_bind(&mut cycle.profile, context, *node);
                    }
                    self.assigned_pod(now, Action::Add, class, cluster);
                    self.nominator.remove(id);
                    self.promise_kept(now, *pod, class, cluster);
                }
                self.queue.remove(*pod);
            }
            Event::PodStatus { pod, status } if status.phase.is_terminal() => {
                self.pod_gone(now, *pod, before, cluster);
            }
            Event::PodRemoved { pod } => self.pod_gone(now, *pod, before, cluster),
            Event::PodDeleting { pod, .. } => self.pod_deleting(now, *pod, before, cluster),
            Event::NodeAdded { node, .. } => self.node_changed(now, *node, true, cluster),
            Event::NodeChanged { node, .. } => self.node_changed(now, *node, false, cluster),
            Event::NodeRemoved { node } => self.node_removed(now, *node, cluster),
            Event::Refused(write, _) => match **write {
                Write::Bind { pod, .. } => self.bind_refused(now, pod, cluster),
                Write::DeletePod { pod, reason: Reason::Preempted, .. } => self.deletion_refused(pod),
                _ => {}
            },
            _ => {}
        }
        if self.watch.is_on() {
            self.tell_moves(event, cluster, out);
        }
    }

    /// Now if a pod is ready and the scheduler is not busy; otherwise when it will not be any more,
    /// or when a back-off ends.
    fn poll_timeout(&self) -> Option<Time> {
        let ready = self.queue.is_ready().then_some(self.busy_until);
        ready.into_iter().chain(self.queue.poll_timeout()).min()
    }

    /// The sweep of pods that have waited long is a periodic look at what no time alone can help.
    fn is_settled(&self) -> bool {
        !self.will_try_again()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let (cycles, evictions) = (&mut self.cycles, &self.evictions);
        let mut verdict = Verdict { cycles, evictions, cluster, change: None, limit: None };
        self.queue.handle_timeout(now, &mut verdict);
        if self.watch.is_on() {
            self.tell_timeouts(cluster, out);
        }
        for _ in 0..BATCH {
            if self.busy_until > now || !self.attempt(now, cluster, out) {
                return;
            }
            if self.attempt > Span::ZERO {
                self.busy_until = now + self.attempt;
            }
        }
    }
}

#[cfg(test)]
mod tests;
