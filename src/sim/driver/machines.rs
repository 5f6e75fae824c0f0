//! Machines in a run: nodes at the start, failures and repairs, heartbeats.

use super::{Happening, Run};
use crate::api::{Node, Taint};
use crate::base::ids::{NodeId, PoolId};
use crate::base::rng::Purpose;
use crate::base::{Span, Time};
use crate::cluster::ReadyStatus;
use crate::control::{Control, Event};
use crate::sim::faults::Strike;
use crate::sim::queue::Class;
use crate::sim::record::{Record, View};
use crate::sim::setup::FaultKind;
use std::sync::Arc;

impl Run<'_> {
    /// Adds a node object and its machine. `admission` is a taint that the API server has added. Nodes exist before anything is looked at, so they are in
    /// the view at once.
    pub(super) fn add_node(
        &mut self,
        node: NodeId,
        object: &Arc<Node>,
        pool: PoolId,
        admission: Option<&Taint>,
    ) {
        let ready = if object.ready == Some(false) { ReadyStatus::False } else { ReadyStatus::True };
        self.api.create_node(node, &object.taints, ready, object.unschedulable);
        let event = Event::NodeAdded { node, object: Arc::clone(object), pool };
        self.control.handle(self.now, event, &mut self.cluster, &mut self.commands);
        self.world.add_machine(node, object.image_capacity, &self.cluster);
        let phase = self.streams.draw(Purpose::Phase, u64::from(node.0)) % self.lease_renewal.0.max(1);
        self.heartbeat.push((Span(phase), self.now));
        let nodes = &self.cluster.nodes;
        let allocatable: Vec<(String, i64)> = self
            .cluster
            .resources
            .iter()
            .enumerate()
            .map(|(id, &name)| {
                (self.cluster.names.text(name).to_owned(), nodes.allocatable[id][node.index()])
            })
            .chain([("pods".to_owned(), nodes.allowed_pods[node.index()])])
            .collect();
        let zone = nodes.zones[nodes.zone[node.index()].index()].1;
        let record = Record::NodeAdded {
            node,
            pool,
            name: &object.meta.name,
            zone: self.cluster.names.text(zone),
            allocatable: &allocatable,
        };
        self.observer.record(self.now, &record, View { cluster: &self.cluster, actor: "user" });
        if let Some(Taint { key, effect, .. }) = admission {
            self.tell("api-server", &Record::NodeTaint { node, key, effect: *effect, added: true });
        }
        if ready != ReadyStatus::True {
            self.tell("user", &Record::NodeReady { node, ready });
        }
        self.execute();
    }

    pub(super) fn strike(&mut self, strike: Strike) {
        let fault = &self.faults.list[strike.fault];
        let (kind, scope) = (fault.kind, fault.scope.name());
        let nodes = fault.groups[strike.group].clone();
        for node in nodes {
            let outage = &mut self.faults.down[node];
            let node = NodeId(node as u32);
            if strike.begins {
                outage.held += 1;
                // A machine that is cut off can still crash.
                if outage.held == 1 || (kind == FaultKind::Crash && !outage.lost) {
                    self.fail(node, kind, scope);
                }
            } else {
                outage.held -= 1;
                if outage.held == 0 {
                    self.recover(node);
                }
            }
        }
        self.pending_failures -= u64::from(self.faults.is_random_failure(strike));
        if let Some((at, next)) = self.faults.next(self.now, strike) {
            self.pending_failures += u64::from(self.faults.is_random_failure(next));
            self.queue.schedule(at, Class::FAULT, Happening::Strike(next));
        }
    }

    pub(super) fn fail(&mut self, node: NodeId, kind: FaultKind, scope: &'static str) {
        let containers_lost = kind == FaultKind::Crash;
        let renewed = self.last_renewal(node);
        let outage = &mut self.faults.down[node.index()];
        let first = outage.held == 1;
        if first {
            outage.last_renewal = renewed;
        }
        outage.lost = containers_lost;
        let last_renewal = outage.last_renewal;
        self.tell("world", &Record::NodeFailed { node, containers_lost, scope, last_renewal });
        self.world.cut_off(node);
        if containers_lost {
            self.in_world(|world, context| world.lose_containers(node, context));
        }
        self.inbox.push_back(Event::KubeletStopped { node, containers_lost });
        if first {
            self.inbox.push_back(Event::HeartbeatsStopped { node, last_renewal });
        }
    }

    pub(super) fn recover(&mut self, node: NodeId) {
        self.tell("world", &Record::NodeRecovered { node });
        self.heartbeat[node.index()] = (Span::ZERO, self.now);
        self.inbox.push_back(Event::KubeletStarted { node });
        self.world.reconnect(node, &mut self.inbox);
        self.inbox.push_back(Event::HeartbeatsResumed { node });
    }

    /// The latest renewal of a node's lease: every period from its phase on.
    pub(super) fn last_renewal(&self, node: NodeId) -> Time {
        let (phase, since) = self.heartbeat[node.index()];
        let first = since + phase;
        if self.now < first {
            return since;
        }
        let period = self.lease_renewal.0.max(1);
        first + Span(self.now.since(first).0 / period * period)
    }
}
