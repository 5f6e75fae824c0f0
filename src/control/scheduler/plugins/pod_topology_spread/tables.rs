//! What classes share: topologies, the nodes that count, and the counts, each kept once and brought
//! up to date when it is used.

use super::super::ByNodeClass;
use super::super::StaticSet;
use super::super::node_affinity::{Required, RequiredKey};
use super::super::topology::Topology;
use super::constraints::Constraint;
use super::counts::{DomainCounts, DomainKey, NodeCounts, Sources};
use crate::base::{BitSet, Interner, Map, Symbol};
use crate::cluster::{Cluster, PodClass, Selector, Toleration};
use std::hash::Hash;

/// How many columns of counts by node, and as many by domain, are kept.
const KEPT: usize = 256;

/// A table whose rows have numbers and are found by what they are about.
#[derive(Debug)]
struct Numbered<K, T> {
    numbers: Map<K, u32>,
    rows: Vec<T>,
}

impl<K, T> Default for Numbered<K, T> {
    fn default() -> Self {
        Numbered { numbers: Map::default(), rows: Vec::new() }
    }
}

impl<K: Hash + Eq, T> Numbered<K, T> {
    fn number(&mut self, key: K, make: impl FnOnce(&K) -> T) -> u32 {
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.rows.len() as u32;
        self.rows.push(make(&key));
        self.numbers.insert(key, number);
        number
    }
}

/// Something that takes room, with the time of its last use.
#[derive(Debug)]
struct Kept<T> {
    used: u64,
    filled: bool,
    value: T,
}

impl<T> Kept<T> {
    fn new(value: T) -> Kept<T> {
        Kept { used: 0, filled: false, value }
    }
}

/// Empties the entry that was unused for longest if too many are filled; none that is in use at
/// `now` is touched.
fn make_room<T>(entries: &mut [Kept<T>], filled: &mut usize, now: u64, clear: impl Fn(&mut T)) {
    if *filled < KEPT {
        return;
    }
    let unused = entries.iter_mut().filter(|entry| entry.filled && entry.used < now);
    if let Some(oldest) = unused.min_by_key(|entry| entry.used) {
        clear(&mut oldest.value);
        oldest.filled = false;
        *filled -= 1;
    }
}

/// What makes a node count.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct EligibleKey {
    /// The topologies that it must be part of.
    topologies: Vec<u32>,
    /// The node affinity that it must match.
    required: Option<u32>,
    /// The tolerations that must bear its taints.
    tolerations: Option<Vec<Toleration>>,
}

/// The nodes that count.
#[derive(Debug)]
struct Eligible {
    key: EligibleKey,
    tolerated: ByNodeClass<bool>,
    set: StaticSet,
}

/// Everything that is shared.
#[derive(Debug, Default)]
pub(super) struct Tables {
    topologies: Numbered<Symbol, Topology>,
    required: Numbered<RequiredKey, Required>,
    eligible: Numbered<EligibleKey, Eligible>,
    nodes: Numbered<(Symbol, Selector), Kept<NodeCounts>>,
    domains: Numbered<DomainKey, Kept<DomainCounts>>,
    filled_nodes: usize,
    filled_domains: usize,
    uses: u64,
}

impl Tables {
    /// The node affinity of a pod, if it has any.
    pub(super) fn required(&mut self, names: &mut Interner, pod: &PodClass) -> Option<u32> {
        let spec = &pod.template.spec;
        let affinity = spec.affinity.node.as_ref().and_then(|node| node.required.clone());
        if affinity.is_none() && spec.node_selector.is_empty() {
            return None;
        }
        let key = (spec.node_selector.clone(), affinity);
        Some(self.required.number(key, |(selector, terms)| Required::new(names, selector, terms.as_ref())))
    }

    /// The topology of a key.
    pub(super) fn topology(&mut self, key: Symbol) -> u32 {
        self.topologies.number(key, |&key| Topology::new(key))
    }

    /// The nodes that have all the labels and that the constraint's policies admit.
    pub(super) fn eligible(
        &mut self,
        topologies: &[u32],
        constraint: Option<&Constraint>,
        pod: &PodClass,
        required: Option<u32>,
    ) -> u32 {
        let mut key = EligibleKey { topologies: topologies.to_vec(), ..EligibleKey::default() };
        key.topologies.sort_unstable();
        key.topologies.dedup();
        if let Some(constraint) = constraint {
            key.required = required.filter(|_| constraint.honor_affinity);
            key.tolerations = constraint.honor_taints.then(|| pod.tolerations.clone());
        }
        self.eligible.number(key, |key| Eligible {
            key: key.clone(),
            tolerated: ByNodeClass::default(),
            set: StaticSet::default(),
        })
    }

    /// The pods by node that a selector finds.
    pub(super) fn nodes(&mut self, namespace: Symbol, selector: &Selector) -> u32 {
        self.nodes.number((namespace, selector.clone()), |(namespace, selector)| {
            Kept::new(NodeCounts::new(*namespace, selector.clone()))
        })
    }

    /// The pods by domain.
    pub(super) fn domains(&mut self, key: DomainKey) -> u32 {
        self.domains.number(key, |&key| Kept::new(DomainCounts::new(key)))
    }

    /// Begins a use: what is used from now on stays until the next.
    pub(super) fn begin(&mut self) {
        self.uses += 1;
    }

    /// Brings a topology up to date.
    pub(super) fn refresh_topology(&mut self, topology: u32, cluster: &Cluster) {
        self.topologies.rows[topology as usize].refresh(cluster);
    }

    /// Brings a set of nodes up to date. Of the pod only the tolerations count.
    pub(super) fn refresh_eligible(&mut self, number: u32, cluster: &Cluster, pod: &PodClass) -> &BitSet {
        let Tables { topologies, required, eligible, .. } = self;
        let Eligible { key, tolerated, set } = &mut eligible.rows[number as usize];
        for &topology in &key.topologies {
            topologies.rows[topology as usize].refresh(cluster);
        }
        let matching = key.required.map(|number| required.rows[number as usize].rows(cluster));
        set.get(&cluster.nodes, |row| {
            let has_label = |topology: &u32| topologies.rows[*topology as usize].of_row(row).is_some();
            key.topologies.iter().all(has_label)
                && matching.is_none_or(|matching| matching.contains(row))
                && (key.tolerations.is_none()
                    || tolerated.of_row(cluster, row, |class| class.first_untolerated(pod).is_none()))
        })
    }

    /// Brings counts by node up to date.
    pub(super) fn refresh_nodes(&mut self, number: u32, cluster: &Cluster) {
        let Tables { nodes, filled_nodes, uses, .. } = self;
        if !nodes.rows[number as usize].filled {
            make_room(&mut nodes.rows, filled_nodes, *uses, NodeCounts::clear);
            *filled_nodes += 1;
        }
        let entry = &mut nodes.rows[number as usize];
        (entry.filled, entry.used) = (true, *uses);
        entry.value.refresh(cluster);
    }

    /// Brings counts by domain up to date, with everything that they come from.
    pub(super) fn refresh_domains(&mut self, number: u32, cluster: &Cluster, pod: &PodClass) {
        let key = self.domains.rows[number as usize].value.key;
        self.refresh_topology(key.topology, cluster);
        self.refresh_nodes(key.nodes, cluster);
        self.refresh_eligible(key.eligible, cluster, pod);
        let Tables { topologies, eligible, nodes, domains, filled_domains, uses, .. } = self;
        if !domains.rows[number as usize].filled {
            make_room(&mut domains.rows, filled_domains, *uses, DomainCounts::clear);
            *filled_domains += 1;
        }
        let entry = &mut domains.rows[number as usize];
        (entry.filled, entry.used) = (true, *uses);
        let mut sources = Sources {
            topology: &topologies.rows[key.topology as usize],
            nodes: &mut nodes.rows[key.nodes as usize].value,
            eligible: eligible.rows[key.eligible as usize].set.last(),
        };
        entry.value.refresh(cluster, &mut sources);
    }

    /// A topology as it was brought up to date last; so are the others.
    pub(super) fn topology_at(&self, number: u32) -> &Topology {
        &self.topologies.rows[number as usize]
    }

    pub(super) fn eligible_at(&self, number: u32) -> &BitSet {
        self.eligible.rows[number as usize].set.last()
    }

    pub(super) fn nodes_at(&self, number: u32) -> &NodeCounts {
        &self.nodes.rows[number as usize].value
    }

    pub(super) fn domains_at(&self, number: u32) -> &DomainCounts {
        &self.domains.rows[number as usize].value
    }

    /// How many columns are filled, by node and by domain.
    #[cfg(test)]
    pub(super) fn filled(&self) -> (usize, usize) {
        (self.filled_nodes, self.filled_domains)
    }

    /// Counts by domain as if `delta` pods more were on a row, if the row counts.
    pub(super) fn adjust(&mut self, number: u32, row: usize, delta: i64) {
        let counts = &mut self.domains.rows[number as usize].value;
        if self.eligible.rows[counts.key.eligible as usize].set.last().contains(row) {
            let domain = self.topologies.rows[counts.key.topology as usize].of_row(row);
            counts.add(domain, delta);
        }
    }
}
