//! The nodes of a run while they are gathered, with the names by which a scenario speaks of them.

use super::Build;
use crate::api::Node;
use crate::base::diagnostic::suggest;
use crate::base::ids::PoolId;
use crate::base::{Diagnostic, Location, Map};
use crate::cluster::requests::to_integer;
use crate::scenario::At;
use crate::scenario::schema::cluster::MAX_NODES;
use crate::sim::{NodeSetup, Pool};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label of a node's zone.
pub(super) const ZONE: &str = "topology.kubernetes.io/zone";
/// The label of a node's region.
pub(super) const REGION: &str = "topology.kubernetes.io/region";
/// The label of a node's own name.
pub(super) const HOSTNAME: &str = "kubernetes.io/hostname";
/// The labels that every kubelet sets, here for a usual machine; a pool's own labels win.
/// Source: Kubernetes 1.36, pkg/kubelet/kubelet_node_status.go.
pub(super) const OF_KUBELET: [(&str, &str); 4] = [
    ("kubernetes.io/os", "linux"),
    ("kubernetes.io/arch", "amd64"),
    ("beta.kubernetes.io/os", "linux"),
    ("beta.kubernetes.io/arch", "amd64"),
];
/// The label of a node's pool.
pub(super) const POOL: &str = "seatrial.dev/pool";
/// The label of a node's rack.
pub(super) const RACK: &str = "seatrial.dev/rack";
/// The pool of nodes that name none.
pub(super) const UNNAMED_POOL: &str = "nodes";

/// The nodes and pools.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) pools: Vec<Pool>,
    pub(super) list: Vec<NodeSetup>,
    rows: Map<String, usize>,
    locations: Vec<Location>,
}

impl Nodes {
    /// The id of the pool of that name, new if there is none.
    pub(super) fn pool(&mut self, name: &str, price_per_hour: f64) -> PoolId {
        let known = self.pools.iter().position(|pool| pool.name == name);
        let position = known.unwrap_or_else(|| {
            self.pools.push(Pool { name: name.to_owned(), price_per_hour });
            self.pools.len() - 1
        });
        PoolId(position as u32)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a node of this name is there that is the same in every other respect too.
    pub(super) fn has_equal(&self, node: &Node) -> bool {
        self.row(&node.meta.name).is_some_and(|row| *self.list[row].node == *node)
    }

    /// Adds a node. Errors: its name is taken, or there are too many.
    pub(super) fn add(&mut self, node: Node, pool: PoolId, location: &Location) -> Result<(), Diagnostic> {
        let name = node.meta.name.clone();
        if let Some(&first) = self.rows.get(&name) {
            let first = &self.locations[first];
            let finding = Diagnostic::error(location.clone(), "a node of this name exists already");
            return Err(finding.found(name).help(format!("the other one is at {first}")));
        }
        if self.list.len() as i64 >= MAX_NODES {
            return Err(Diagnostic::error(
                location.clone(),
                format!("a cluster has at most {MAX_NODES} nodes"),
            ));
        }
        let rack = node.meta.labels.get(RACK).cloned().unwrap_or_default();
        self.rows.insert(name, self.list.len());
        self.locations.push(location.clone());
        self.list.push(NodeSetup { node: Arc::new(node), pool, rack });
        Ok(())
    }

    /// The row of the node of that name.
    pub(super) fn row(&self, name: &str) -> Option<usize> {
        self.rows.get(name).copied()
    }

    /// The row of the node that a scenario names, or an error with the nearest name.
    pub(super) fn find(&self, name: &At<String>) -> Result<usize, Diagnostic> {
        self.row(name).ok_or_else(|| {
            let names = self.list.iter().map(|node| node.node.meta.name.as_str());
            unknown(name, "node", names)
        })
    }

    /// Rows by zone, rack or pool: whatever `key` gives; rows for which it is empty are left out.
    pub(super) fn by<'n>(&'n self, key: impl Fn(&'n NodeSetup) -> &'n str) -> BTreeMap<&'n str, Vec<usize>> {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, node) in self.list.iter().enumerate() {
            let key = key(node);
            if !key.is_empty() {
                groups.entry(key).or_default().push(row);
            }
        }
        groups
    }
}

/// The zone of a node; empty if it has none.
pub(super) fn zone(node: &NodeSetup) -> &str {
    node.node.meta.labels.get(ZONE).map_or("", String::as_str)
}

/// An error about a name that is not among `known`: with all of them, if they are few, or with the
/// one that was probably meant.
pub(super) fn unknown<'k>(name: &At<String>, what: &str, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    const SHOWN: usize = 6;
    let known: Vec<&str> = known.collect();
    let finding = name.error(format!("there is no {what} of this name"));
    // Another number is no slip of the pen, and a name of one letter is near to every other.
    let letters = |text: &str| text.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    let near = suggest(name, known.iter().copied())
        .filter(|near| letters(near) != letters(name) && near.chars().count() > 2);
    if known.is_empty() {
        finding.help(format!("the scenario has no {what} at all"))
    } else if let Some(near) = near {
        finding.help(format!("did you mean `{near}`?"))
    } else if known.len() <= SHOWN {
        finding.help(format!("known: {}", known.join(", ")))
    } else {
        finding.help(format!("known: {}, … ({} in all)", known[..SHOWN].join(", "), known.len()))
    }
}

/// What must hold of all nodes together: there is one, and no sum of a resource overflows.
pub(super) fn check(build: &mut Build<'_>, nodes: &Nodes) {
    if nodes.list.is_empty() && build.errors.is_empty() {
        let help = if build.is_adhoc() {
            "name machines, such as `--pool 5x8cpu,32Gi`, or a file with Nodes: `--nodes nodes.yaml`"
        } else {
            "give it `cluster.pools`, `cluster.manifests` with Nodes, or `cluster.machines`"
        };
        build.error(build.whole("the cluster has no nodes").help(help));
    }
    let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
    for node in &nodes.list {
        for (name, amount) in node.node.capacity.iter().chain(&node.node.allocatable) {
            *sums.entry(name).or_default() += i128::from(to_integer(name, *amount).max(0));
        }
    }
    // Both lists are summed, and usage is weighed with time; an eighth leaves room for all.
    let limit = i128::from(i64::MAX / 8);
    let over: Vec<&str> = sums.iter().filter(|(_, sum)| **sum > limit).map(|(name, _)| *name).collect();
    for name in over {
        let finding = build.whole(format!("all nodes together have more of `{name}` than can be counted"));
        build.error(finding.help(format!("at most {limit} millicores, bytes or units")));
    }
}
