//! The DRF sorter: clients in a tree, those with the least dominant share first.
//!
//! Apache Mesos, src/master/allocator/mesos/sorter/drf (reference control-plane §7.3). One sorter orders
//! the roles, which form a tree by the slashes in their names; one for each role orders its frameworks.
//! At each level siblings are compared by their share divided by their weight, then by how often they
//! were allocated something, then by their path. What a client is is not known here.

use super::amounts::Amounts;
use super::share::{Share, Weight};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for a client that has others below it.
const OWN_LEAF: &str = ".";

/// A client: the key that its owner knows it by.
pub type ClientKey = u32;

#[derive(Clone, Debug)]
struct Node {
    path: String,
    parent: usize,
    children: Vec<usize>,
    /// The client of a leaf.
    client: Option<ClientKey>,
    /// Whether a leaf takes part in the order.
    active: bool,
    allocated: Amounts,
    /// How often something was allocated to it or below it.
    count: u64,
}

impl Node {
    fn new(path: String, parent: usize) -> Node {
        Node {
            path,
            parent,
            children: Vec::new(),
            client: None,
            active: false,
            allocated: Amounts::default(),
            count: 0,
        }
    }
}

/// See the module's description.
#[derive(Clone, Debug)]
pub struct Sorter {
    nodes: Vec<Node>,
    leaves: BTreeMap<ClientKey, usize>,
    weights: BTreeMap<String, Weight>,
    total: Amounts,
    excluded: BTreeSet<usize>,
    order: Vec<ClientKey>,
    stale: bool,
}

impl Default for Sorter {
    fn default() -> Sorter {
        Sorter::new([])
    }
}

const ROOT: usize = 0;

impl Sorter {
    /// A sorter without clients; shares of the `excluded` kinds do not count
    /// (`fair_sharing_excluded_resource_names`).
    pub fn new(excluded: impl IntoIterator<Item = usize>) -> Sorter {
        Sorter {
            nodes: vec![Node::new(String::new(), ROOT)],
            leaves: BTreeMap::new(),
            weights: BTreeMap::new(),
            total: Amounts::default(),
            excluded: excluded.into_iter().collect(),
            order: Vec::new(),
            stale: false,
        }
    }

    /// Sets the weight of a path.
    pub fn set_weight(&mut self, path: &str, weight: Weight) {
        self.weights.insert(path.to_owned(), weight);
        self.stale = true;
    }

    /// Adds a client at a path; it takes no part in the order until it is activated.
    ///
    /// # Panics
    /// If the client is there.
    pub fn add(&mut self, client: ClientKey, path: &str) {
        let mut current = ROOT;
        for element in path.split('/') {
            self.push_down(current);
            current = self.child(current, element);
        }
        if !self.nodes[current].children.is_empty() {
            current = self.child(current, OWN_LEAF);
        }
        self.nodes[current].client = Some(client);
        assert!(self.leaves.insert(client, current).is_none(), "client {client} is added once");
        self.stale = true;
    }

    /// Makes room below a node: the client that it stands for becomes a leaf of its own.
    fn push_down(&mut self, node: usize) {
        let Some(client) = self.nodes[node].client.take() else { return };
        let leaf = self.child(node, OWN_LEAF);
        let Node { active, allocated, count, .. } = self.nodes[node].clone();
        let made = &mut self.nodes[leaf];
        (made.client, made.active, made.allocated, made.count) = (Some(client), active, allocated, count);
        self.nodes[node].active = false;
        self.leaves.insert(client, leaf);
    }

    /// The child of a node with a name, new if there is none.
    fn child(&mut self, parent: usize, name: &str) -> usize {
        let path = match parent {
            ROOT => name.to_owned(),
            _ => format!("{}/{name}", self.nodes[parent].path),
        };
        let found = self.nodes[parent].children.iter().find(|&&child| self.nodes[child].path == path);
        if let Some(&found) = found {
            return found;
        }
        self.nodes.push(Node::new(path, parent));
        let made = self.nodes.len() - 1;
        self.nodes[parent].children.push(made);
        made
    }

    /// Takes a client out, with what it is allocated.
    pub fn remove(&mut self, client: ClientKey) {
        let Some(leaf) = self.leaves.remove(&client) else { return };
        let allocated = std::mem::take(&mut self.nodes[leaf].allocated);
        self.nodes[leaf].client = None;
        self.nodes[leaf].active = false;
        let mut current = leaf;
        while current != ROOT {
            let parent = self.nodes[current].parent;
            self.nodes[parent].allocated.take(&allocated);
            if self.nodes[current].children.is_empty() && self.nodes[current].client.is_none() {
                self.nodes[parent].children.retain(|&child| child != current);
            }
            current = parent;
        }
        self.stale = true;
    }

    /// Whether a client takes part in the order.
    pub fn set_active(&mut self, client: ClientKey, active: bool) {
        if let Some(&leaf) = self.leaves.get(&client) {
            self.nodes[leaf].active = active;
            self.stale = true;
        }
    }

    /// There is more in the cluster.
    pub fn add_total(&mut self, amounts: &Amounts) {
        self.total.add(amounts);
        self.stale = true;
    }

    /// There is less in the cluster.
    pub fn take_total(&mut self, amounts: &Amounts) {
        self.total.take(amounts);
        self.stale = true;
    }

    /// What the cluster has.
    pub fn total(&self) -> &Amounts {
        &self.total
    }

    /// A client was offered or allocated something.
    pub fn allocated(&mut self, client: ClientKey, amounts: &Amounts) {
        self.walk(client, |node| {
            node.allocated.add(amounts);
            node.count += 1;
        });
    }

    /// A client has given something back. The count of allocations stays.
    pub fn unallocated(&mut self, client: ClientKey, amounts: &Amounts) {
        self.walk(client, |node| node.allocated.take(amounts));
    }

    /// Changes a client and everything above it.
    fn walk(&mut self, client: ClientKey, mut change: impl FnMut(&mut Node)) {
        let Some(&leaf) = self.leaves.get(&client) else { return };
        let mut current = leaf;
        loop {
            change(&mut self.nodes[current]);
            if current == ROOT {
                break;
            }
            current = self.nodes[current].parent;
        }
        self.stale = true;
    }

    /// What is allocated to a path and below it.
    pub fn allocated_below(&self, path: &str) -> Amounts {
        let mut current = ROOT;
        let mut length = 0;
        for element in path.split('/') {
            length += element.len();
            let here = &path[..length];
            let child = self.nodes[current].children.iter().find(|&&child| self.nodes[child].path == here);
            let Some(&child) = child else { return Amounts::default() };
            current = child;
            length += 1;
        }
        self.nodes[current].allocated.clone()
    }

    /// What is allocated to all.
    pub fn allocated_to_all(&self) -> &Amounts {
        &self.nodes[ROOT].allocated
    }

    /// The share of a client among its siblings.
    pub fn share(&self, client: ClientKey) -> Share {
        self.leaves.get(&client).map_or(Share::NONE, |&leaf| self.share_of(&self.nodes[leaf]))
    }

    fn share_of(&self, node: &Node) -> Share {
        let weight = self.weights.get(&node.path).copied().unwrap_or_default();
        Share::dominant(&node.allocated, &self.total, weight, |kind| !self.excluded.contains(&kind))
    }

    /// The active clients, in order.
    pub fn sort(&mut self) -> &[ClientKey] {
        if std::mem::take(&mut self.stale) {
            let mut order = std::mem::take(&mut self.order);
            order.clear();
            self.list(ROOT, &mut order);
            self.order = order;
        }
        &self.order
    }

    fn list(&self, node: usize, order: &mut Vec<ClientKey>) {
        let here = &self.nodes[node];
        let mut keyed: Vec<(Share, u64, &str, usize)> = here
            .children
            .iter()
            .map(|&child| (&self.nodes[child], child))
            .filter(|(node, _)| node.active || !node.children.is_empty())
            .map(|(node, child)| (self.share_of(node), node.count, node.path.as_str(), child))
            .collect();
        keyed.sort_unstable();
        for (.., child) in keyed {
            let node = &self.nodes[child];
            match node.client.filter(|_| node.active) {
                Some(client) => order.push(client),
                None => self.list(child, order),
            }
        }
    }
}
