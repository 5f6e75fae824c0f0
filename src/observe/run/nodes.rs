//! What records about nodes change.

use super::RunObserver;
use super::ledger::{Column, Node, update_stranded};
use crate::base::Time;
use crate::base::ids::{NodeId, PoolId};
use crate::observe::gantt::Kept;
use crate::observe::results::BarKind;

/// What a record says of a new node.
pub(super) struct NewNode<'a> {
    pub(super) node: NodeId,
    pub(super) pool: PoolId,
    pub(super) name: &'a str,
    pub(super) zone: &'a str,
    pub(super) allocatable: &'a [(String, i64)],
}

impl RunObserver {
    pub(super) fn node_added(&mut self, now: Time, new: &NewNode<'_>) {
        let index = new.node.index();
        let pool = self.options.pools.get(new.pool.index()).map_or("", |pool| &pool.name);
        while self.nodes.len() < index {
            // Rows are handed out in order; a gap would be one that never was.
            self.nodes.push(Node::new(&mut self.accounts, "", (PoolId::default(), ""), ""));
        }
        if self.nodes.len() == index {
            self.nodes.push(Node::new(&mut self.accounts, new.name, (new.pool, pool), new.zone));
        }
        if self.nodes[index].exists() {
            return;
        }
        let amounts: Vec<(usize, i64)> =
            new.allocatable.iter().map(|(name, amount)| (self.resources.row(name), *amount)).collect();
        let node = &mut self.nodes[index];
        node.allocatable = vec![0; self.resources.names.len()];
        for &(row, amount) in &amounts {
            node.allocatable[row] = amount;
        }
        self.accounts.change(node, now, Column::Capacity, amounts.into_iter());
        (node.is_ready, node.cordoned) = (true, false);
        node.present.set(now.0, 1);
        node.ready.set(now.0, 1);
        self.present.add(now.0, 1);
        self.ready.add(now.0, 1);
        update_stranded(&mut self.stranded, node, now);
    }

    pub(super) fn node_removed(&mut self, now: Time, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id.index()).filter(|node| node.exists()) else { return };
        let amounts: Vec<(usize, i64)> = node
            .allocatable
            .iter()
            .enumerate()
            .map(|(row, &amount)| (row, amount.saturating_neg()))
            .collect();
        self.accounts.change(node, now, Column::Capacity, amounts.into_iter());
        node.present.set(now.0, 0);
        node.ready.set(now.0, 0);
        self.present.add(now.0, -1);
        if node.is_ready {
            self.ready.add(now.0, -1);
        }
        update_stranded(&mut self.stranded, node, now);
    }

    pub(super) fn node_ready(&mut self, now: Time, id: NodeId, ready: bool) {
        let Some(node) = self.nodes.get_mut(id.index()) else { return };
        if node.is_ready != ready && node.exists() {
            node.ready.set(now.0, i64::from(ready));
            self.ready.add(now.0, if ready { 1 } else { -1 });
        }
        node.is_ready = ready;
    }

    pub(super) fn node_cordoned(&mut self, id: NodeId, cordoned: bool) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.cordoned = cordoned;
        }
    }

    pub(super) fn node_failed(&mut self, now: Time, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id.index()) else { return };
        node.failures += 1;
        if node.down_since.is_none() {
            node.down_since = Some(now);
            node.down.set(now.0, 1);
        }
        self.update_replicas_on(now, id);
    }

    pub(super) fn node_recovered(&mut self, now: Time, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id.index()) else { return };
        node.down.set(now.0, 0);
        if let Some(since) = node.down_since.take()
            && self.bars.reserve()
        {
            self.bars.push(down_bar(id, since, now));
        }
        self.update_replicas_on(now, id);
    }

    /// The node went down or came up: what is on it stops or begins to serve.
    fn update_replicas_on(&mut self, now: Time, id: NodeId) {
        for lane in 0..self.nodes[id.index()].lanes.len() {
            if let Some(pod) = self.nodes[id.index()].lanes[lane] {
                self.update_replica(now, pod as usize);
            }
        }
    }

    pub(super) fn node_uses(&mut self, now: Time, id: NodeId, row: usize, amount: i64) {
        self.used_is_known = true;
        if let Some(node) = self.nodes.get_mut(id.index()) {
            self.accounts.use_amount(node, now, row, amount);
        }
    }
}

/// The bar of a time that a node was down.
pub(super) fn down_bar(node: NodeId, start: Time, end: Time) -> Kept {
    Kept {
        node: node.0,
        lane: None,
        start,
        end,
        label: "down".into(),
        detail: format!("down for {}", end.since(start)),
        kind: BarKind::Down,
    }
}
