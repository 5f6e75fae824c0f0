//! How many pods a selector finds on each node and in each domain, kept up to date from the log of
//! placements. Which constraint asks is not known here.

use super::super::topology::Topology;
use crate::base::ids::ClassId;
use crate::base::{BitSet, Symbol};
use crate::cluster::{Cluster, Selector};
use std::collections::VecDeque;

/// Topologies with more domains than this keep a histogram of their counts.
const FEW_DOMAINS: usize = 64;

/// The pods on each node that a selector finds in a namespace, those that are being deleted left
/// out.
#[derive(Debug)]
pub(super) struct NodeCounts {
    namespace: Symbol,
    selector: Selector,
    /// What the selector says of each class; `None` as long as nobody has asked.
    verdicts: Vec<Option<bool>>,
    by_row: Vec<i32>,
    /// The number of the placement up to which the counts are right.
    position: Option<u64>,
}

impl NodeCounts {
    pub(super) fn new(namespace: Symbol, selector: Selector) -> NodeCounts {
        NodeCounts { namespace, selector, verdicts: Vec::new(), by_row: Vec::new(), position: None }
    }

    /// The counts by row.
    pub(super) fn by_row(&self) -> &[i32] {
        &self.by_row
    }

    /// Whether pods of a class are found.
    pub(super) fn finds(&mut self, cluster: &Cluster, class: ClassId) -> bool {
        if self.verdicts.len() <= class.index() {
            self.verdicts.resize(cluster.classes.len(), None);
        }
        let NodeCounts { namespace, selector, .. } = self;
        *self.verdicts[class.index()].get_or_insert_with(|| {
            let pod = &cluster.classes[class];
            pod.namespace == *namespace && selector.matches(&pod.labels)
        })
    }

    /// Whether pods that exist are counted at all: a selector that finds everything counts none.
    fn counts_existing(&self) -> bool {
        !self.selector.is_everything() && !self.selector.is_nothing()
    }

    /// Brings the counts up to date.
    pub(super) fn refresh(&mut self, cluster: &Cluster) {
        let now = Some(cluster.placements.count());
        self.by_row.resize(cluster.nodes.len(), 0);
        if self.position == now || !self.counts_existing() {
            self.position = now;
            return;
        }
        match self.position.and_then(|position| cluster.placements.since(position)) {
            Some(shifts) => {
                for shift in shifts.filter(|shift| shift.live != 0) {
                    if self.finds(cluster, shift.class) {
                        self.by_row[shift.node.index()] += i32::from(shift.live);
                    }
                }
            }
            None => self.recount(cluster),
        }
        self.position = now;
    }

    fn recount(&mut self, cluster: &Cluster) {
        for row in 0..cluster.nodes.len() {
            let mut count = 0;
            for pod in &cluster.nodes.pods[row] {
                let is_live = cluster.pods.deleting_since[pod.index()].is_none();
                count += i32::from(is_live && self.finds(cluster, cluster.pods.class[pod.index()]));
            }
            self.by_row[row] = count;
        }
    }

    /// Forgets everything that takes room.
    pub(super) fn clear(&mut self) {
        (self.verdicts, self.by_row, self.position) = (Vec::new(), Vec::new(), None);
    }
}

/// How many domains have each count, so that the smallest count is known without a search.
#[derive(Debug, Default)]
struct Histogram {
    /// The count that the first bin stands for.
    lowest: i64,
    bins: VecDeque<u32>,
    /// The smallest count that some domain has.
    minimum: i64,
}

impl Histogram {
    fn new(counts: impl Iterator<Item = i64> + Clone) -> Histogram {
        let minimum = counts.clone().min().unwrap_or(0);
        let mut histogram = Histogram { lowest: minimum, minimum, ..Histogram::default() };
        counts.for_each(|count| *histogram.bin(count) += 1);
        histogram
    }

    fn bin(&mut self, count: i64) -> &mut u32 {
        while count < self.lowest {
            self.bins.push_front(0);
            self.lowest -= 1;
        }
        let place = (count - self.lowest) as usize;
        if place >= self.bins.len() {
            self.bins.resize(place + 1, 0);
        }
        &mut self.bins[place]
    }

    /// The count of one domain changes. The smallest count follows by at most the difference.
    fn shift(&mut self, from: i64, to: i64) {
        *self.bin(to) += 1;
        *self.bin(from) -= 1;
        self.minimum = self.minimum.min(to);
        while *self.bin(self.minimum) == 0 {
            self.minimum += 1;
        }
    }
}

/// What a table of counts by domain is about; numbers are places in
/// [`Tables`](super::tables::Tables).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct DomainKey {
    pub(super) topology: u32,
    pub(super) nodes: u32,
    /// The nodes that count.
    pub(super) eligible: u32,
    /// Whether nodes without the label make up the domain of the empty value.
    pub(super) counts_missing: bool,
}

/// The pods that a selector finds in each domain, on the nodes that count.
#[derive(Debug)]
pub(super) struct DomainCounts {
    pub(super) key: DomainKey,
    position: Option<u64>,
    static_position: u64,
    by_domain: Vec<i64>,
    /// Whether some node that counts is in the domain.
    exists: Vec<bool>,
    domains: usize,
    histogram: Option<Histogram>,
}

/// What counts by domain are derived from.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) topology: &'a Topology,
    pub(super) nodes: &'a mut NodeCounts,
    pub(super) eligible: &'a BitSet,
}

impl DomainCounts {
    pub(super) fn new(key: DomainKey) -> DomainCounts {
        DomainCounts {
            key,
            position: None,
            static_position: 0,
            by_domain: Vec::new(),
            exists: Vec::new(),
            domains: 0,
            histogram: None,
        }
    }

    /// The counts by domain.
    pub(super) fn by_domain(&self) -> &[i64] {
        &self.by_domain
    }

    /// The smallest count of a domain that some node is in which counts; 0 if there are fewer such
    /// domains than `min_domains`.
    pub(super) fn minimum(&self, min_domains: i64) -> i64 {
        if (self.domains as i64) < min_domains {
            return 0;
        }
        if let Some(histogram) = &self.histogram {
            return histogram.minimum;
        }
        let counts = self.by_domain.iter().zip(&self.exists).filter(|(_, exists)| **exists);
        counts.map(|(count, _)| *count).min().unwrap_or_else(|| i32::MAX.into())
    }

    /// Brings the counts up to date; the sources must be.
    pub(super) fn refresh(&mut self, cluster: &Cluster, sources: &mut Sources<'_>) {
        let (now, static_now) = (cluster.placements.count(), cluster.nodes.static_change_count());
        if self.position == Some(now) && self.static_position == static_now {
            return;
        }
        let position = self.position.filter(|_| self.static_position == static_now);
        match position.and_then(|position| cluster.placements.since(position)) {
            Some(shifts) if sources.nodes.counts_existing() => {
                for shift in shifts.filter(|shift| shift.live != 0) {
                    let row = shift.node.index();
                    if sources.eligible.contains(row) && sources.nodes.finds(cluster, shift.class) {
                        self.add(self.domain(sources.topology, row), shift.live.into());
                    }
                }
            }
            Some(_) => {}
            None => self.recount(sources),
        }
        (self.position, self.static_position) = (Some(now), static_now);
    }

    /// The domain that pods on a row are counted in.
    fn domain(&self, topology: &Topology, row: usize) -> Option<usize> {
        let empty = || topology.of_value(Symbol::EMPTY).filter(|_| self.key.counts_missing);
        topology.of_row(row).or_else(empty)
    }

    fn recount(&mut self, sources: &Sources<'_>) {
        let len = sources.topology.len();
        self.by_domain.clear();
        self.by_domain.resize(len, 0);
        self.exists.clear();
        self.exists.resize(len, false);
        for row in sources.eligible.iter() {
            if let Some(domain) = self.domain(sources.topology, row) {
                self.by_domain[domain] += i64::from(sources.nodes.by_row[row]);
                self.exists[domain] = true;
            }
        }
        self.domains = self.exists.iter().filter(|exists| **exists).count();
        let counts = self.by_domain.iter().zip(&self.exists).filter(|(_, exists)| **exists);
        self.histogram =
            (self.domains > FEW_DOMAINS).then(|| Histogram::new(counts.map(|(count, _)| *count)));
    }

    /// Counts `delta` pods more in a domain.
    pub(super) fn add(&mut self, domain: Option<usize>, delta: i64) {
        let Some(domain) = domain else { return };
        let before = self.by_domain[domain];
        self.by_domain[domain] = before + delta;
        if let Some(histogram) = &mut self.histogram
            && self.exists[domain]
        {
            histogram.shift(before, before + delta);
        }
    }

    /// Forgets everything that takes room.
    pub(super) fn clear(&mut self) {
        *self = DomainCounts::new(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn safety_the_histogram_knows_the_smallest_count(
            first in prop::collection::vec(-2i64..4, 1..6),
            steps in prop::collection::vec((0usize..6, prop::bool::ANY), 0..60),
        ) {
            let mut counts = first.clone();
            let mut histogram = Histogram::new(first.iter().copied());
            for (place, up) in steps {
                let place = place % counts.len();
                let to = counts[place] + if up { 1 } else { -1 };
                histogram.shift(counts[place], to);
                counts[place] = to;
                prop_assert_eq!(Some(histogram.minimum), counts.iter().copied().min());
            }
        }
    }
}
