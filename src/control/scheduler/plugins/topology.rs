//! Topologies: which domain of a node label each node is in.

use crate::base::{Map, Symbol};
use crate::cluster::Cluster;

/// No domain: the node lacks the label.
pub(crate) const NONE: u32 = u32::MAX;

/// The domains of one node label. A domain keeps its number while the table lives, whatever
/// happens to its nodes.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    key: Symbol,
    valid_at: Option<u64>,
    domains: Vec<u32>,
    numbers: Map<Symbol, u32>,
    occupied: usize,
    is_unique: bool,
    is_complete: bool,
}

impl Topology {
    /// The topology of a label key; [`Topology::refresh`] fills it.
    pub(crate) fn new(key: Symbol) -> Topology {
        Topology {
            key,
            valid_at: None,
            domains: Vec::new(),
            numbers: Map::default(),
            occupied: 0,
            is_unique: true,
            is_complete: true,
        }
    }

    /// The label's key.
    pub(crate) fn key(&self) -> Symbol {
        self.key
    }

    /// Brings the table up to date; true if the static side of some node has changed since the last
    /// time.
    pub(crate) fn refresh(&mut self, cluster: &Cluster) -> bool {
        let now = Some(cluster.nodes.static_change_count());
        if self.valid_at == now {
            return false;
        }
        self.valid_at = now;
        self.domains.clear();
        self.domains.resize(cluster.nodes.len(), NONE);
        let mut seen = vec![false; self.numbers.len()];
        self.is_unique = true;
        self.is_complete = true;
        for row in cluster.nodes.present.iter() {
            let node = crate::base::ids::NodeId(row as u32);
            let Some(value) = cluster.nodes.label(&cluster.names, node, self.key) else {
                self.is_complete = false;
                continue;
            };
            let next = self.numbers.len() as u32;
            let number = *self.numbers.entry(value).or_insert(next);
            self.domains[row] = number;
            seen.resize(self.numbers.len(), false);
            self.is_unique &= !std::mem::replace(&mut seen[number as usize], true);
        }
        self.occupied = seen.iter().filter(|seen| **seen).count();
        true
    }

    /// The domain of a node of the table; `None` if it lacks the label.
    pub(crate) fn of_row(&self, row: usize) -> Option<usize> {
        Some(self.domains[row]).filter(|&domain| domain != NONE).map(|domain| domain as usize)
    }

    /// The domain of each row as a column; [`NONE`] where the label is missing.
    pub(crate) fn column(&self) -> &[u32] {
        &self.domains
    }

    /// The domain of a label value, if any node has had it.
    pub(crate) fn of_value(&self, value: Symbol) -> Option<usize> {
        self.numbers.get(&value).map(|&number| number as usize)
    }

    /// How many domains there have been.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// How many domains some node is in.
    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    /// Whether no two nodes are in the same domain.
    pub(crate) fn is_unique(&self) -> bool {
        self.is_unique
    }

    /// Whether every node has the label.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Node;
    use crate::base::Time;
    use crate::base::ids::PoolId;

    fn node(name: &str, zone: Option<&str>) -> Node {
        let mut node = Node::default();
        node.meta.name = name.to_owned();
        node.meta.labels.insert("kubernetes.io/hostname".into(), name.into());
        node.meta.labels.extend(zone.map(|zone| ("zone".to_owned(), zone.to_owned())));
        node
    }

    #[test]
    fn domains_keep_their_numbers() {
        let mut cluster = Cluster::default();
        for (name, zone) in [("a", Some("x")), ("b", Some("y")), ("c", None)] {
            cluster.add_node(&node(name, zone), PoolId(0), Time::ZERO);
        }
        let mut zones = Topology::new(cluster.names.intern("zone"));
        let mut hosts = Topology::new(cluster.names.intern("kubernetes.io/hostname"));
        assert!(zones.refresh(&cluster) && !zones.refresh(&cluster) && hosts.refresh(&cluster));
        assert_eq!([0, 1, 2].map(|row| zones.of_row(row)), [Some(0), Some(1), None]);
        assert!(zones.is_unique() && hosts.is_unique());
        assert!(!zones.is_complete() && hosts.is_complete());
        assert_eq!(zones.column(), [0, 1, NONE]);
        let first = cluster.nodes.find(cluster.names.get("a").unwrap()).unwrap();
        cluster.remove_node(first);
        cluster.add_node(&node("d", Some("y")), PoolId(0), Time::ZERO);
        assert!(zones.refresh(&cluster));
        assert_eq!([1, 2, 3].map(|row| zones.of_row(row)), [Some(1), None, Some(1)]);
        assert!(!zones.is_unique() && zones.len() == 2 && zones.occupied() == 1);
    }
}
