//! The part `cluster`: which machines there are.

use super::scalars::{Amount, Price, Short, Whole};
use super::workload::MachineSize;
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most nodes of a pool, and of a cluster.
pub const MAX_NODES: i64 = 1_000_000;
/// The most processors of a batch machine.
pub const MAX_PROCESSORS: i64 = 10_000_000;

/// The machines.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Groups of equal machines.
    #[serde(default)]
    pub pools: Vec<At<Pool>>,
    /// Files with Node objects (and Pods that are bound to them: the state at the start), such as
    /// what `kubectl get nodes,pods -A -o yaml` writes. YAML or JSON, also compressed with gzip.
    #[serde(default)]
    pub manifests: Vec<At<String>>,
    /// A table of machines.
    pub machines: Option<At<Machines>>,
    /// The processors of a batch machine (`controlPlane.kind: batch`).
    pub processors: Option<At<Whole<1, MAX_PROCESSORS>>>,
}

/// A group of equal machines, named `<pool>-0`, `<pool>-1`, …
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// The name, with which the names of the machines begin.
    pub name: At<String>,
    /// How many machines there are at the start.
    pub count: At<Whole<0, MAX_NODES>>,
    /// What one machine has, by resource: `cpu`, `memory`, `pods` (110 where it is not given),
    /// `ephemeral-storage`, `nvidia.com/gpu`, …
    pub capacity: BTreeMap<String, At<Amount>>,
    /// What the kubelet and the container runtime keep for themselves.
    #[serde(default)]
    pub kube_reserved: BTreeMap<String, At<Amount>>,
    /// What the operating system keeps for itself.
    #[serde(default)]
    pub system_reserved: BTreeMap<String, At<Amount>>,
    /// Memory that is kept free by eviction (`evictionHard: memory.available`). Nothing where it is
    /// not given; a kubelet's default is `100Mi`.
    pub eviction_hard: Option<At<Amount>>,
    /// Labels of the nodes, beside those that a kubelet sets (`kubernetes.io/hostname`, `…/os`,
    /// `…/arch`), which they replace.
    #[serde(default)]
    pub labels: BTreeMap<String, At<String>>,
    /// Taints of the nodes: `dedicated=gpu:NoSchedule`, or the long form.
    #[serde(default)]
    pub taints: Vec<At<Short<Taint>>>,
    /// Zones that the nodes take in turn (label `topology.kubernetes.io/zone`).
    #[serde(default)]
    pub zones: Vec<At<String>>,
    /// The region (label `topology.kubernetes.io/region`).
    pub region: Option<At<String>>,
    /// How many nodes of a zone share a rack, for faults (label `seatrial.dev/rack`).
    pub nodes_per_rack: Option<Whole<1, MAX_NODES>>,
    /// What one machine costs an hour, in the currency of your choice.
    pub price_per_hour: Option<Price>,
    /// Images that the nodes hold.
    #[serde(default)]
    pub images: Vec<Image>,
}

/// A taint in its long form.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Taint {
    /// The key.
    pub key: String,
    /// The value.
    #[serde(default)]
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: Effect,
}

/// What a taint does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub enum Effect {
    /// No new pod is placed.
    NoSchedule,
    /// New pods are placed elsewhere if possible.
    PreferNoSchedule,
    /// No new pod is placed, and running pods are evicted.
    NoExecute,
}

/// A container image on a node.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// Its name, as containers write it.
    pub name: String,
    /// Its size in bytes, such as `150Mi`.
    pub size: Amount,
}

/// A table of machines.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machines {
    /// The file: CSV, also compressed with gzip.
    pub file: At<String>,
    /// What its columns are.
    #[serde(default)]
    pub format: MachineFormat,
    /// What the largest machine is, for tables that give sizes as parts of it (Google 2011; memory of
    /// Alibaba 2017). 64 cores and 256 GiB where it is not given; the same as for the trace.
    pub largest_machine: Option<MachineSize>,
}

/// Formats of tables of machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MachineFormat {
    /// seatrial's own: `name,count,cpu,memory,pods,zone,pool,price_per_hour,resource:…,label:…`.
    #[default]
    Seatrial,
    /// The node list of Alibaba's GPU trace of 2023: `sn,cpu_milli,memory_mib,gpu,model`.
    Openb,
    /// `machine_events` of Google's cluster trace of 2011: the machines at its start.
    Google2011,
    /// `server_event.csv` of Alibaba's cluster trace of 2017: the machines at its start.
    Alibaba2017,
}
