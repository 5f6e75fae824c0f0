//! Slurm's controller: multifactor priority, main and backfill cycles, partitions, QOS, fair share,
//! arrays, dependencies, limits, preemption.
//!
//! [`Slurm`] is what the controller keeps; it is told of submissions, ends and nodes, and says what to
//! start and to stop as [`Action`]s. It knows no pods and no events: [`daemon`] joins it to a cluster. Moments are whole seconds, as Slurm's are.

pub mod array;
pub mod backfill;
pub mod conf;
pub mod daemon;
pub mod dependency;
pub mod fair_share;
pub mod life;
pub mod limits;
pub mod model;
pub mod order;
pub mod preempt;
pub mod priority;
pub mod reason;
pub mod schedule;
pub mod select;
pub mod settings;
pub mod site;
pub mod text;
pub mod tres;
pub mod usage;

#[cfg(test)]
mod tests;

use super::{Component, Config};
use crate::base::{BitSet, Map};
use fair_share::Associations;
use limits::Load;
use model::{Job, JobState, Node, NodeState, Partition, Qos};
use reason::Reason;
use select::Free;
use settings::Settings;
pub use site::Site;
use std::collections::{BTreeMap, BTreeSet};
use tres::{CPU, NODE, Tres};
use usage::Owed;

/// What the controller orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Start a job on the nodes of its allocation.
    Start(u32),
    /// End a job: SIGTERM now, SIGKILL after so many seconds.
    Stop {
        /// The job.
        job: u32,
        /// Seconds between the signals.
        grace: u64,
    },
    /// Stop a job's processes for a while.
    Suspend(u32),
    /// Let them go on.
    Resume(u32),
}

/// What the controller keeps.
#[derive(Clone, Debug, Default)]
pub struct Slurm {
    /// The parameters.
    pub settings: Settings,
    /// Nodes, by row.
    pub nodes: Vec<Node>,
    /// Partitions, by row.
    pub partitions: Vec<Partition>,
    /// QOS, by row; row 0 is that of jobs that name none.
    pub qos: Vec<Qos>,
    /// Accounts and users.
    pub associations: Associations,
    /// Jobs that are not forgotten, by number.
    pub jobs: Map<u32, Job>,
    /// Those that wait.
    pub pending: BTreeSet<u32>,
    /// Those that run, are suspended or completing.
    pub running: BTreeSet<u32>,
    /// What is free on the nodes.
    pub free: Free,
    /// How the jobs ended that are forgotten, and when they started.
    ended: Map<u32, (JobState, u64)>,
    /// Index and job number of each task of each array, by the array's number.
    arrays: BTreeMap<u32, Vec<(u32, u32)>>,
    node_order: Vec<usize>,
    total_cpus: i64,
    by_association: Vec<Load>,
    by_qos: Vec<Load>,
    by_user: BTreeMap<(usize, String), Load>,
    owed: Vec<Owed>,
    /// When usage was accounted for the last time.
    calculated: u64,
    next_id: u32,
}

impl Slurm {
    /// A controller of a cluster; without a QOS it gets `normal`.
    pub fn new(settings: Settings, nodes: Vec<Node>, partitions: Vec<Partition>, qos: Vec<Qos>) -> Slurm {
        let mut slurm = Slurm { settings, partitions, qos, next_id: 1, ..Slurm::default() };
        if slurm.qos.is_empty() {
            slurm.qos.push(Qos::default());
        }
        slurm.set_nodes(nodes);
        slurm
    }

    /// Replaces the nodes; nothing runs.
    pub fn set_nodes(&mut self, nodes: Vec<Node>) {
        self.nodes = nodes;
        self.reorder();
        self.free = Free::empty(&self.nodes);
    }

    /// Adds a node, of which nothing is in use.
    pub fn add_node(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.reorder();
        self.free.grow(&self.nodes);
        for partition in &mut self.partitions {
            partition.nodes.resize(self.nodes.len());
        }
        self.nodes.len() - 1
    }

    /// The number of the next job.
    pub fn next_number(&self) -> u32 {
        self.next_id
    }

    fn reorder(&mut self) {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_cached_key(|row| {
            let (stem, number) = by_number(&self.nodes[*row].name);
            (self.nodes[*row].weight, stem.to_owned(), number, *row)
        });
        self.node_order = order;
        self.total_cpus = self.nodes.iter().map(|node| node.total.get(CPU)).sum();
    }

    /// The rows of the nodes in the order in which they are taken.
    pub fn node_order(&self) -> &[usize] {
        &self.node_order
    }

    /// CPUs of the cluster.
    pub fn total_cpus(&self) -> i64 {
        self.total_cpus
    }

    /// What the nodes of a partition have.
    pub fn partition_total(&self, partition: usize) -> Tres {
        let mut total = Tres::default();
        for node in self.partitions[partition].nodes.iter().filter(|node| *node < self.nodes.len()) {
            total.add(&self.nodes[node].total, 1);
            total.set(NODE, total.get(NODE) + 1);
        }
        total
    }

    /// The nodes that take jobs.
    pub fn up_nodes(&self) -> BitSet {
        let mut up = BitSet::new(self.nodes.len());
        for (row, _) in self.nodes.iter().enumerate().filter(|(_, node)| node.state == NodeState::Up) {
            up.insert(row);
        }
        up
    }

    /// A job that is known to be there.
    pub fn job_mut(&mut self, id: u32) -> &mut Job {
        self.jobs.get_mut(&id).expect("a job that waits or runs is in the table")
    }

    /// Says why a job waits.
    pub fn note(&mut self, id: u32, reason: Reason) {
        self.job_mut(id).reason = reason;
    }

    /// What an association and all below it have.
    pub fn load_of_association(&self, row: usize) -> Load {
        self.by_association.get(row).cloned().unwrap_or_default()
    }

    /// What a QOS has.
    pub fn load_of_qos(&self, row: usize) -> Load {
        self.by_qos.get(row).cloned().unwrap_or_default()
    }

    /// What a user has with a QOS.
    pub fn load_of_user(&self, qos: usize, user: &str) -> Load {
        self.by_user.get(&(qos, user.to_owned())).cloned().unwrap_or_default()
    }

    /// Lets a change happen to everything that counts a job.
    fn count(&mut self, id: u32, change: impl Fn(&mut Load)) {
        let job = &self.jobs[&id];
        let key = (job.qos, job.user.clone());
        let path: Vec<usize> = self.associations.up_from(job.association).collect();
        self.by_association.resize_with(self.associations.rows.len(), Load::default);
        self.by_qos.resize_with(self.qos.len(), Load::default);
        for row in path {
            change(&mut self.by_association[row]);
        }
        change(&mut self.by_qos[key.0]);
        change(self.by_user.entry(key).or_default());
    }
}

/// A name's stem and the number behind it: Slurm keeps its table of nodes in the order of their names.
fn by_number(name: &str) -> (&str, u64) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0))
}

/// The components of Slurm, in the order in which they are told of facts.
pub(super) fn components(config: &Config, site: &Site) -> Vec<Box<dyn Component>> {
    vec![
        Box::new(super::owner_gc::OwnerGarbageCollector::new(config)),
        Box::new(daemon::Slurmctld::new(config, site)),
    ]
}
