//! What a site configures: parameters, partitions, QOS, accounts, and what is said of its nodes.

use super::fair_share::Associations;
use super::model::{Partition, Qos};
use super::settings::Settings;
use std::collections::{BTreeMap, BTreeSet};

/// Which nodes are in a partition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Members {
    /// All.
    #[default]
    All,
    /// Those of these names, and those of pools of these names.
    Named(BTreeSet<String>),
}

/// A partition with its members.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SitePartition {
    /// Its rules; its nodes are found when they are there.
    pub rules: Partition,
    /// Its nodes.
    pub members: Members,
}

/// What is said of a node beside what the node says itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SiteNode {
    /// Features that jobs can ask for.
    pub features: Vec<String>,
    /// Nodes of lower weight are taken first.
    pub weight: Option<u32>,
}

/// A site.
#[derive(Clone, PartialEq, Debug)]
pub struct Site {
    /// The parameters.
    pub settings: Settings,
    /// Partitions, by row.
    pub partitions: Vec<SitePartition>,
    /// The row of the partition of jobs that name none.
    pub default_partition: usize,
    /// QOS, by row; row 0 is that of jobs that name none.
    pub qos: Vec<Qos>,
    /// Accounts and users.
    pub associations: Associations,
    /// Whether only users and accounts that are listed may submit jobs
    /// (`AccountingStorageEnforce=associations`); otherwise others are entered with one share.
    pub enforce_associations: bool,
    /// Generic resources by their names, in the order of their places; more are found on nodes.
    pub gres: Vec<String>,
    /// Nodes of which something is said, by name.
    pub nodes: BTreeMap<String, SiteNode>,
    /// Seconds for which ended jobs are kept (`MinJobAge`).
    pub min_job_age: u64,
}

impl Default for Site {
    fn default() -> Site {
        let rules = Partition { name: "main".to_owned(), tier: 1, job_factor: 1, ..Partition::default() };
        Site {
            settings: Settings::default(),
            partitions: vec![SitePartition { rules, members: Members::All }],
            default_partition: 0,
            qos: vec![Qos::default()],
            associations: Associations::default(),
            enforce_associations: false,
            gres: Vec::new(),
            nodes: BTreeMap::new(),
            min_job_age: 300,
        }
    }
}
