//! The topologies that terms speak of: one table of domains for each node label, shared by all
//! classes. What is counted in the domains is not known here.

use super::super::topology::Topology;
use crate::base::{Map, Symbol};
use crate::cluster::Cluster;

/// The domain of a node that lacks the label. No count is kept for it.
pub(super) const NO_DOMAIN: u32 = u32::MAX;

/// One topology.
#[derive(Debug)]
pub(super) struct Axis {
    topology: Topology,
    /// The domain of each node by row; [`NO_DOMAIN`] if it has none.
    pub(super) domains: Vec<u32>,
    /// Whether every node that has a domain has the one numbered like its row, as host names do
    /// until nodes come back under other names: counts by domain are then counts by row.
    pub(super) is_by_row: bool,
}

impl Axis {
    /// The label's key.
    pub(super) fn key(&self) -> Symbol {
        self.topology.key()
    }

    /// Whether no two nodes are in the same domain.
    pub(super) fn is_unique(&self) -> bool {
        self.topology.is_unique()
    }

    /// How many domains there have been.
    pub(super) fn len(&self) -> usize {
        self.topology.len()
    }
}

/// All topologies, by number.
#[derive(Debug, Default)]
pub(super) struct Axes {
    list: Vec<Axis>,
    numbers: Map<Symbol, u32>,
    valid_at: Option<u64>,
    moves: u64,
}

impl Axes {
    /// The number of the topology of a label key.
    pub(super) fn number(&mut self, key: Symbol) -> u32 {
        let next = self.list.len() as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.list.push(Axis { topology: Topology::new(key), domains: Vec::new(), is_by_row: false });
            self.valid_at = None;
        }
        number
    }

    /// The topologies.
    pub(super) fn list(&self) -> &[Axis] {
        &self.list
    }

    /// How often a node that was known before has changed its domain. New nodes do not count: no
    /// pod has been counted on them in another domain.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Brings the tables up to date.
    pub(super) fn refresh(&mut self, cluster: &Cluster) {
        let now = Some(cluster.nodes.static_change_count());
        if self.valid_at == now {
            return;
        }
        self.valid_at = now;
        for axis in &mut self.list {
            if !axis.topology.refresh(cluster) {
                continue;
            }
            let Axis { topology, domains, is_by_row } = axis;
            let mut moved = false;
            let domain = |row| topology.of_row(row).map_or(NO_DOMAIN, |domain| domain as u32);
            for (row, known) in domains.iter_mut().enumerate() {
                moved |= *known != domain(row);
                *known = domain(row);
            }
            domains.extend((domains.len()..cluster.nodes.len()).map(domain));
            let in_place = |(row, &domain): (usize, &u32)| domain == row as u32 || domain == NO_DOMAIN;
            *is_by_row = domains.iter().enumerate().all(in_place);
            self.moves += u64::from(moved);
        }
    }
}
