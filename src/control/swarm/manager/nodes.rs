//! The dispatcher: which nodes are up, and what happens to the tasks of one that is not.

use super::{Act, DISPATCHER, Manager, ORCHESTRATOR, Timer};
use crate::api::Node;
use crate::base::Time;
use crate::base::ids::{NodeId, ResourceId};
use crate::base::rng::{Purpose, unit};
use crate::cluster::{ReadyStatus, Reason};
use crate::control::swarm::enforcer::{self, Placed};
use crate::control::swarm::heartbeat;
use crate::control::swarm::state::State;
use crate::control::swarm::store::{Availability, TaskId};
use crate::control::{About, Write};

impl Manager {
    pub(super) fn node_added(&mut self, node: NodeId, object: &Node, act: &mut Act<'_>) {
        let row = self.store.node_mut(node);
        row.is_present = true;
        row.is_up = object.ready != Some(false);
        row.availability = if object.unschedulable { Availability::Pause } else { Availability::Active };
        (row.deadline, row.down_since) = (None, None);
        self.enforce(node, act);
        self.reconcile_globals(act);
        self.touch(act.now);
    }

    /// The object of a node is gone: its tasks are given up at once.
    pub(super) fn node_removed(&mut self, node: NodeId, act: &mut Act<'_>) {
        let row = self.store.node_mut(node);
        (row.is_present, row.is_up, row.deadline) = (false, false, None);
        self.leave(node, act);
        self.give_up_tasks(node, act);
        self.touch(act.now);
    }

    /// Cordoned is paused; see [`Manager::drain`].
    pub(super) fn node_cordoned(&mut self, node: NodeId, is_cordoned: bool, act: &mut Act<'_>) {
        let availability = if is_cordoned { Availability::Pause } else { Availability::Active };
        self.store.node_mut(node).availability = availability;
        let word = if is_cordoned { "availability pause" } else { "availability active" };
        act.tell(DISPATCHER, About::Node(node), "NodeUpdated", word);
        self.reconcile_globals(act);
        self.touch(act.now);
    }

    /// A person evicts pods from a node that is paused: it is drained. Its tasks are replaced at once.
    pub(super) fn drain(&mut self, node: NodeId, act: &mut Act<'_>) {
        let row = self.store.node_mut(node);
        if row.availability != Availability::Pause {
            return;
        }
        row.availability = Availability::Drain;
        act.tell(DISPATCHER, About::Node(node), "NodeUpdated", "availability drain");
        self.leave(node, act);
    }

    /// Heartbeats have stopped: the node is down when three of the time that was named to it have
    /// passed.
    pub(super) fn node_silent(&mut self, node: NodeId, last: Time) {
        let (streams, settings) = (self.streams, &self.settings);
        let row = self.store.node_mut(node);
        row.silences += 1;
        let draw = unit(streams.draw(Purpose::Phase, u64::from(node.0) << 32 | row.silences | 1 << 63));
        let at = heartbeat::deadline(settings, last, heartbeat::period(settings, draw));
        row.deadline = Some(at);
        self.timers.insert((at, Timer::Silence(node)));
    }

    pub(super) fn silence_is_over(&mut self, node: NodeId, act: &mut Act<'_>) {
        let row = self.store.node_mut(node);
        if !row.is_up || row.deadline.is_none_or(|deadline| deadline > act.now) {
            return;
        }
        (row.is_up, row.deadline, row.down_since) = (false, None, Some(act.now));
        act.tell(DISPATCHER, About::Node(node), "NodeDown", "heartbeat failure");
        act.write(DISPATCHER, Write::NodeReady { node, ready: ReadyStatus::Unknown });
        self.timers.insert((act.now + self.settings.node_down_period, Timer::Orphans(node)));
        self.leave(node, act);
        self.touch(act.now);
    }

    pub(super) fn node_heard(&mut self, node: NodeId, act: &mut Act<'_>) {
        self.store.node_mut(node).deadline = None;
        if self.store.node_mut(node).is_present && !self.store.node_mut(node).is_up {
            self.register(node, act);
        }
    }

    /// A node that was down comes back. It keeps what it is told to keep: nothing is moved back to it.
    pub(super) fn register(&mut self, node: NodeId, act: &mut Act<'_>) {
        let row = self.store.node_mut(node);
        if row.is_up || !row.is_present || row.deadline.is_some() {
            return;
        }
        if let Err(again) = row.registrations.register(act.now) {
            self.timers.insert((again, Timer::Register(node)));
            return;
        }
        row.is_up = true;
        if let Some(since) = row.down_since.take() {
            let orphans = (since + self.settings.node_down_period, Timer::Orphans(node));
            self.timers.remove(&orphans);
        }
        act.tell(DISPATCHER, About::Node(node), "NodeReady", "registered");
        act.write(DISPATCHER, Write::NodeReady { node, ready: ReadyStatus::True });
        self.enforce(node, act);
        self.reconcile_globals(act);
        self.touch(act.now);
    }

    /// The tasks of a node that is down, drained or gone are handed to the restart supervisor; those of
    /// global services have no other place.
    fn leave(&mut self, node: NodeId, act: &mut Act<'_>) {
        let tasks: Vec<TaskId> = self.store.node_mut(node).tasks.iter().copied().collect();
        for id in tasks {
            let Some(task) = self.store.task(id).filter(|task| task.desired.is_wanted()) else { continue };
            if task.observed.is_over() {
                continue;
            }
            let is_global = task.service.is_some_and(|service| self.store.service(service).mode.is_global());
            if is_global {
                self.stop_task(id, State::Shutdown, Reason::NodeLost, act);
            } else {
                self.restart(id, Reason::NodeLost, act);
            }
        }
    }

    /// Nothing has been heard of a node for a day: what it had is orphaned.
    pub(super) fn give_up_tasks(&mut self, node: NodeId, act: &mut Act<'_>) {
        let row = self.store.node_mut(node);
        if row.is_up {
            return;
        }
        let tasks: Vec<TaskId> = row.tasks.iter().copied().collect();
        for id in tasks {
            let Some(pod) =
                self.store.task(id).filter(|task| !task.observed.is_over()).and_then(|task| task.pod)
            else {
                continue;
            };
            act.tell(DISPATCHER, About::Pod(pod), State::Orphaned.name(), "its node is down");
            self.observe(id, State::Orphaned, act);
            let grace = Some(crate::base::Span::ZERO);
            act.write(DISPATCHER, Write::DeletePod { pod, grace, reason: Reason::NodeGone });
        }
    }

    /// Tasks that a node which has changed cannot keep are rejected.
    fn enforce(&mut self, node: NodeId, act: &mut Act<'_>) {
        let ids: Vec<TaskId> = self.store.node_mut(node).tasks.iter().copied().collect();
        if ids.is_empty() {
            return;
        }
        let cluster = &*act.cluster;
        let resources = 0..cluster.resources.len() as u32;
        let amounts = |node: NodeId| {
            resources
                .clone()
                .map(|row| cluster.nodes.allocatable[row as usize][node.index()])
                .collect::<Vec<_>>()
        };
        let placed: Vec<Placed> = ids
            .iter()
            .filter_map(|id| Some((*id, self.store.task(*id)?)))
            .map(|(id, task)| {
                let constraints = match task.service {
                    Some(service) => &self.store.service(service).spec.constraints,
                    None => &task.spec.constraints,
                };
                let class = &cluster.classes[task.spec.class];
                Placed {
                    task: id,
                    desired: task.desired,
                    observed: task.observed,
                    meets_constraints: super::scheduler::meets(cluster, node, constraints),
                    reserved: resources.clone().map(|row| class.request(ResourceId(row))).collect(),
                }
            })
            .collect();
        for id in enforcer::rejected(&placed, &amounts(node)) {
            let text = "node no longer meets the constraints or the reservations";
            if let Some(pod) = self.store.task(id).and_then(|task| task.pod) {
                act.tell(ORCHESTRATOR, About::Pod(pod), State::Rejected.name(), text);
            }
            self.restart(id, Reason::TerminatedByKubelet, act);
        }
    }
}
