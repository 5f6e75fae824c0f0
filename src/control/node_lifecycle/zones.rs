//! Zones of nodes, how disrupted they are, and how fast their nodes may be tainted.
//!
//! Kubernetes 1.36, pkg/controller/nodelifecycle (ComputeZoneState, handleDisruption) and its
//! scheduler/rate_limited_queue.go (reference control-plane §2.4). Who taints is not known here.

use crate::base::ids::{NodeId, ZoneId};
use crate::base::{Set, Span, Time};
use crate::control::config::NodeLifecycle;
use std::collections::{BTreeMap, VecDeque};

/// Not-ready nodes above which a zone can be partially disrupted.
const PARTIAL_MIN: u32 = 2;

/// How disrupted a zone is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ZoneState {
    /// Not judged yet.
    #[default]
    Initial,
    /// Few nodes are not ready.
    Normal,
    /// Many nodes are not ready.
    Partial,
    /// No node is ready.
    Full,
}

/// The nodes of a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ZoneCount {
    /// Ready ones.
    pub ready: u32,
    /// The others.
    pub not_ready: u32,
}

/// What a pass must do because all zones have become, or are no longer, fully disrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Nothing.
    None,
    /// No zone has a ready node: more likely it is the control plane that is cut off. Every
    /// NoExecute taint is taken off and no node is tainted.
    AllFull,
    /// That has ended: every node's grace period begins anew.
    NoLongerAllFull,
}

/// A token bucket that holds one token.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Limiter {
    /// Tokens a second; zero for none at all.
    rate: f64,
    /// When there is a token.
    token_at: Time,
}

impl Limiter {
    fn interval(self) -> Option<Span> {
        (self.rate > 0.0).then(|| Span::from_secs_f64(1.0 / self.rate))
    }

    fn try_accept(&mut self, now: Time) -> bool {
        let Some(interval) = self.interval().filter(|_| now >= self.token_at) else { return false };
        self.token_at = now + interval;
        true
    }

    /// Changes the rate. A bucket that is empty stays so: the new one starts without a token.
    fn set_rate(&mut self, now: Time, rate: f64) {
        if self.rate.total_cmp(&rate).is_eq() {
            return;
        }
        let drained = !self.try_accept(now);
        *self = Limiter { rate, token_at: now };
        if let Some(interval) = self.interval().filter(|_| drained) {
            self.token_at = now + interval;
        }
    }
}

/// A zone: its state, and its nodes that wait for their NoExecute taint.
#[derive(Clone, PartialEq, Debug, Default)]
struct Zone {
    state: ZoneState,
    limiter: Limiter,
    /// Nodes with the moment of their addition, oldest first.
    queue: VecDeque<(NodeId, Time)>,
    /// The nodes of the queue.
    queued: Set<NodeId>,
}

/// All zones that have had nodes.
#[derive(Clone, Debug)]
pub struct Zones {
    by_id: BTreeMap<ZoneId, Zone>,
    eviction_rate: f64,
    secondary_eviction_rate: f64,
    large_zone: u32,
    unhealthy_zone: f64,
}

impl Zones {
    /// No zone yet.
    pub fn new(config: &NodeLifecycle) -> Zones {
        Zones {
            by_id: BTreeMap::new(),
            eviction_rate: config.eviction_rate,
            secondary_eviction_rate: config.secondary_eviction_rate,
            large_zone: config.large_zone,
            unhealthy_zone: config.unhealthy_zone,
        }
    }

    /// How disrupted a zone with these nodes is. The share is compared in single precision, as
    /// the original does.
    pub fn state_of(&self, count: ZoneCount) -> ZoneState {
        let share = count.not_ready as f32 / (count.ready + count.not_ready) as f32;
        if count.ready == 0 && count.not_ready > 0 {
            ZoneState::Full
        } else if count.not_ready > PARTIAL_MIN && share >= self.unhealthy_zone as f32 {
            ZoneState::Partial
        } else {
            ZoneState::Normal
        }
    }

    /// Nodes a second that may be tainted in a zone of that state and size.
    pub fn rate_of(&self, state: ZoneState, count: ZoneCount) -> f64 {
        match state {
            ZoneState::Partial if count.ready + count.not_ready > self.large_zone => {
                self.secondary_eviction_rate
            }
            ZoneState::Partial => 0.0,
            _ => self.eviction_rate,
        }
    }

    /// The rate in force in a zone.
    pub fn rate(&self, zone: ZoneId) -> f64 {
        self.by_id.get(&zone).map_or(self.eviction_rate, |zone| zone.limiter.rate)
    }

    /// The state of a zone at the last judgement.
    pub fn state(&self, zone: ZoneId) -> ZoneState {
        self.by_id.get(&zone).map_or(ZoneState::Initial, |zone| zone.state)
    }

    /// Judges the zones anew and sets their rates (handleDisruption).
    pub fn judge(&mut self, now: Time, counts: &BTreeMap<ZoneId, ZoneCount>) -> Turn {
        for &zone in counts.keys() {
            self.zone(zone);
        }
        let states: BTreeMap<ZoneId, ZoneState> =
            counts.iter().map(|(&zone, &count)| (zone, self.state_of(count))).collect();
        for (id, zone) in &mut self.by_id {
            if !counts.contains_key(id) {
                zone.state = ZoneState::Initial;
            }
        }
        let all_are = states.values().all(|&state| state == ZoneState::Full);
        let all_were = counts.keys().all(|zone| self.by_id[zone].state == ZoneState::Full);
        match (all_are, all_were) {
            (true, true) => Turn::None,
            (true, false) => {
                for (id, zone) in &mut self.by_id {
                    zone.limiter.set_rate(now, 0.0);
                    zone.queue.clear();
                    zone.queued.clear();
                    if counts.contains_key(id) {
                        zone.state = ZoneState::Full;
                    }
                }
                Turn::AllFull
            }
            (false, _) => {
                for (&id, &state) in &states {
                    if all_were || self.by_id[&id].state != state {
                        let rate = self.rate_of(state, counts[&id]);
                        let zone = self.zone(id);
                        zone.limiter.set_rate(now, rate);
                        zone.state = state;
                    }
                }
                if all_were { Turn::NoLongerAllFull } else { Turn::None }
            }
        }
    }

    /// Puts a node in its zone's queue; nothing happens if it is there.
    pub fn enqueue(&mut self, now: Time, zone: ZoneId, node: NodeId) {
        let zone = self.zone(zone);
        if zone.queued.insert(node) {
            zone.queue.push_back((node, now));
        }
    }

    /// Takes a node out of its zone's queue.
    pub fn dequeue(&mut self, zone: ZoneId, node: NodeId) {
        if let Some(zone) = self.by_id.get_mut(&zone)
            && zone.queued.remove(&node)
        {
            zone.queue.retain(|&(queued, _)| queued != node);
        }
    }

    /// Whether a node is in its zone's queue.
    pub fn is_queued(&self, zone: ZoneId, node: NodeId) -> bool {
        self.by_id.get(&zone).is_some_and(|zone| zone.queued.contains(&node))
    }

    /// Takes the nodes for which there is a token now, zone by zone.
    pub fn pop(&mut self, now: Time) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        for zone in self.by_id.values_mut() {
            while zone.queue.front().is_some_and(|&(_, added)| added < now) && zone.limiter.try_accept(now) {
                let Some((node, _)) = zone.queue.pop_front() else { break };
                zone.queued.remove(&node);
                nodes.push(node);
            }
        }
        nodes
    }

    /// From when on [`Zones::pop`] gives a node; `None` for never as things are.
    pub fn next(&self) -> Option<Time> {
        let first = |zone: &Zone| {
            let &(_, added) = zone.queue.front()?;
            zone.limiter.interval().map(|_| zone.limiter.token_at.max(added + Span(1)))
        };
        self.by_id.values().filter_map(first).min()
    }

    fn zone(&mut self, zone: ZoneId) -> &mut Zone {
        let limiter = Limiter { rate: self.eviction_rate, token_at: Time::ZERO };
        self.by_id.entry(zone).or_insert_with(|| Zone { limiter, ..Zone::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::recorded;
    use serde_json::Value;

    fn zones(input: &Value) -> Zones {
        let mut config = NodeLifecycle::default();
        if let Some(threshold) = input["unhealthyZoneThreshold"].as_f64() {
            config.unhealthy_zone = threshold;
        }
        if let Some(nodes) = input["largeClusterSizeThreshold"].as_u64() {
            config.large_zone = nodes as u32;
        }
        Zones::new(&config)
    }

    fn count(nodes: &Value) -> ZoneCount {
        let nodes = nodes.as_array().unwrap();
        let ready = nodes.iter().filter(|node| *node == "True").count() as u32;
        ZoneCount { ready, not_ready: nodes.len() as u32 - ready }
    }

    fn name(state: ZoneState) -> &'static str {
        match state {
            ZoneState::Initial => "Initial",
            ZoneState::Normal => "Normal",
            ZoneState::Partial => "PartialDisruption",
            ZoneState::Full => "FullDisruption",
        }
    }

    fn assert_rate(ours: f64, theirs: &Value, id: &Value) {
        assert!((ours - theirs.as_f64().unwrap()).abs() < 1e-6, "{id}: {ours} for {theirs}");
    }

    #[test]
    fn safety_the_real_controller_judges_zones_the_same() {
        let Some(cases) = recorded::cases("controllers-1.36/zone-state.jsonl.gz") else { return };
        for case in &cases {
            let zones = zones(&case["input"]);
            let given = case["input"]["zones"].as_array().unwrap();
            for (zone, expected) in given.iter().zip(case["expected"]["zones"].as_array().unwrap()) {
                let count = count(&zone["ready"]);
                let state = zones.state_of(count);
                assert_eq!(name(state), expected["state"], "{}", case["id"]);
                assert_rate(zones.rate_of(state, count), &expected["qps"], &case["id"]);
            }
        }
        recorded::report("zone-state", cases.len(), cases.len(), 0);
    }

    #[test]
    fn safety_the_real_controller_turns_disruption_the_same() {
        let Some(cases) = recorded::cases("controllers-1.36/zone-disruption.jsonl.gz") else { return };
        for case in &cases {
            let mut zones = zones(&case["input"]);
            let rounds = case["input"]["rounds"].as_array().unwrap();
            let expected = case["expected"]["rounds"].as_array().unwrap();
            for (number, (round, expected)) in rounds.iter().zip(expected).enumerate() {
                let given = round["zones"].as_object().unwrap();
                let ids = |index: usize| ZoneId(index as u32);
                let counts =
                    given.values().enumerate().map(|(index, nodes)| (ids(index), count(nodes))).collect();
                zones.judge(Time::from_secs(5 * number as u64), &counts);
                for (index, zone) in given.keys().enumerate() {
                    let expected = &expected["zones"][zone];
                    assert_eq!(name(zones.state(ids(index))), expected["state"], "{} {number}", case["id"]);
                    assert_rate(zones.rate(ids(index)), &expected["qps"], &case["id"]);
                }
            }
        }
        recorded::report("zone-disruption", cases.len(), cases.len(), 0);
    }

    #[test]
    fn nodes_of_a_zone_come_one_by_one() {
        let mut zones = zones(&Value::Null);
        for node in 0..3 {
            zones.enqueue(Time::ZERO, ZoneId(0), NodeId(node));
            zones.enqueue(Time::ZERO, ZoneId(0), NodeId(node));
        }
        zones.enqueue(Time::ZERO, ZoneId(1), NodeId(9));
        let mut story = Vec::new();
        while let Some(due) = zones.next() {
            story.push((due.0 / 1_000_000_000, zones.pop(due).iter().map(|node| node.0).collect::<Vec<_>>()));
        }
        assert_eq!(story, [(0, vec![0, 9]), (10, vec![1]), (20, vec![2])]);
    }

    #[test]
    fn a_changed_limiter_stays_empty() {
        let mut zones = zones(&Value::Null);
        let zone = ZoneId(0);
        let counts = |ready, not_ready| [(zone, ZoneCount { ready, not_ready })].into();
        zones.judge(Time::ZERO, &counts(5, 0));
        zones.enqueue(Time::ZERO, zone, NodeId(1));
        zones.judge(Time::from_secs(5), &counts(2, 3));
        assert_eq!(zones.next(), None, "a small zone in partial disruption taints nothing");
        zones.judge(Time::from_secs(20), &counts(3, 2));
        assert_eq!(zones.next(), Some(Time::from_secs(30)));
    }
}
