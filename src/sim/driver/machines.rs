//! Machines in a run: nodes at the start, failures and repairs, heartbeats.

use super::{Happening, Run};
use crate::api::{Node, Taint};
use crate::base::ids::{NodeId, PoolId};
use crate::base::rng::Purpose;
use crate::base::{Span, Time};
use crate::cluster::ReadyStatus;
use crate::control::{Control, Event};
use crate::sim::faults::{Outage, Strike};
use crate::sim::queue::Class;
use crate::sim::record::{Record, View};
use crate::sim::setup::FaultKind;
use std::sync::Arc;

/// Nanoseconds between the registrations of two nodes.
const REGISTRATION: u64 = 20_000_000;
/// Renewals that are followed one by one before a question.
const RENEWALS_FOLLOWED: u64 = 256;
/// Sets the draws of renewals apart from those of phases.
const RENEWAL: u64 = 0x5bd1_e995_0000_0000;

/// The renewals of a node's lease.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heartbeats {
    latest: Time,
    next: Time,
    number: u64,
}

/// How leases are renewed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) renewal: Span,
    pub(super) jitter: f64,
}

impl Run<'_> {
    /// Adds a node object and its machine. `told` are taints that it brings along, and who has set them.
    /// Nodes exist before anything is looked at, so they are in the view at once.
    pub(super) fn add_node(
        &mut self,
        node: NodeId,
        object: &Arc<Node>,
        pool: PoolId,
        told: &[(&'static str, Taint)],
    ) {
        let ready = if object.ready == Some(false) { ReadyStatus::False } else { ReadyStatus::True };
        self.api.create_node(node, &object.taints, ready, object.unschedulable);
        let event = Event::NodeAdded { node, object: Arc::clone(object), pool };
        self.control.handle(self.now, event, &mut self.cluster, &mut self.commands);
        self.world.add_machine(node, object.image_capacity, &self.cluster);
        self.begin_heartbeats(node);
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
        for (actor, Taint { key, value, effect }) in told {
            let effect = *effect;
            self.tell(actor, &Record::NodeTaint { node, key, value, effect, added: true });
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
            } else if outage.held > 0 {
                // A person may have brought the machine back, or replaced it, in the meantime.
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
        self.inbox.push_back(Event::KubeletStarted { node });
        self.world.reconnect(node, &mut self.inbox);
        if self.plane.api_is_down() {
            let last_renewal = self.faults.down[node.index()].last_renewal;
            self.heartbeats[node.index()].next = self.now;
            self.plane.muted.insert(node, last_renewal);
        } else {
            self.heartbeats[node.index()] = Heartbeats { latest: self.now, next: self.now, number: 0 };
            self.inbox.push_back(Event::HeartbeatsResumed { node });
        }
    }

    /// A machine joins in the place of one that was down: nothing of that is left on it.
    pub(super) fn replace_machine(&mut self, node: NodeId, former: Outage) {
        if !former.lost {
            self.in_world(|world, context| world.lose_containers(node, context));
            self.inbox.push_back(Event::KubeletStopped { node, containers_lost: true });
        }
        self.inbox.push_back(Event::KubeletStarted { node });
        self.world.reconnect(node, &mut self.inbox);
        self.plane.muted.remove(&node);
        self.inbox.push_back(Event::HeartbeatsResumed { node });
    }

    /// When a node's lease is to be renewed next. It has been asked for the latest renewal before.
    pub(super) fn next_renewal(&self, node: NodeId) -> Time {
        self.heartbeats[node.index()].next
    }

    /// A node's lease is renewed again from now on.
    pub(super) fn resume_heartbeats(&mut self, node: NodeId) {
        let beats = &mut self.heartbeats[node.index()];
        (beats.latest, beats.next) = (self.now, self.now);
    }

    /// The kubelet of a new node renews its lease from now on. Nodes that exist at the start have done
    /// so before, with a phase of their own.
    fn begin_heartbeats(&mut self, node: NodeId) {
        if self.heartbeats.len() <= node.index() {
            self.heartbeats.resize(node.index() + 1, Heartbeats::default());
        }
        let draw = self.streams.draw(Purpose::Phase, u64::from(node.0));
        let period = self.lease.renewal.0.max(1);
        let first = match self.registered {
            _ if self.now > Time::ZERO => Span::ZERO,
            // One after the other, and then one renewal for each period that has passed since.
            Some(before) => {
                let since = before.0.saturating_sub(u64::from(node.0) * REGISTRATION);
                let jitter = (draw % 1_000_000) as f64 * 1e-6 * self.lease.jitter;
                let step = period + (period as f64 * jitter) as u64;
                Span((step - since % step) % step)
            }
            None => Span(draw % period),
        };
        self.heartbeats[node.index()] = Heartbeats { latest: self.now, next: self.now + first, number: 0 };
    }

    /// The latest renewal of a node's lease: each comes a period and a random part of it after the one
    /// before.
    pub(super) fn last_renewal(&mut self, node: NodeId) -> Time {
        if let Some(&latest) = self.plane.muted.get(&node) {
            return latest;
        }
        let (streams, lease, now) = (self.streams, self.lease, self.now);
        let beats = &mut self.heartbeats[node.index()];
        let step = |number: u64| {
            let key = u64::from(node.0) << 32 | (number & 0xffff_ffff);
            let jitter =
                (streams.draw(Purpose::Phase, key ^ RENEWAL) % 1_000_000) as f64 * 1e-6 * lease.jitter;
            Span(lease.renewal.0.max(1) + (lease.renewal.0 as f64 * jitter) as u64)
        };
        // Of a long silence of questions only the end is followed: the phase is forgotten by then.
        let behind = now.since(beats.next).0 / lease.renewal.0.max(1);
        if behind > RENEWALS_FOLLOWED {
            let skipped = behind - RENEWALS_FOLLOWED;
            beats.next = beats.next + lease.renewal * skipped + step(beats.number + skipped) - lease.renewal;
            beats.number += skipped;
        }
        while beats.next <= now {
            beats.latest = beats.next;
            beats.number += 1;
            beats.next += step(beats.number);
        }
        beats.latest
    }
}
