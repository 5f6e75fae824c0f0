//! What went wrong, and what people did, in a run: counted on its records.

use super::Cases;
use crate::api::PodTemplate;
use crate::base::Time;
use crate::cluster::{Reason, WorkloadKind};
use crate::control::PodPatch;
use crate::sim::{ProcessStep, Record};

/// The counts of one run or of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Injected([u64; NAMES.len()]);

/// What is counted, in the order of [`Kind`].
const NAMES: [&str; 25] = [
    "machine crashes",
    "machine partitions",
    "machines removed",
    "machines added",
    "cordons",
    "drains",
    "taints set",
    "evictions granted",
    "pods evicted for taints",
    "pods preempted",
    "pods deleted",
    "roll-outs begun",
    "scalings",
    "autoscalings",
    "workloads deleted",
    "control-plane kills",
    "leases lost",
    "leader changes",
    "API server outages",
    "tasks preempted",
    "tasks reclaimed",
    "tasks lost with their node",
    "tasks evicted with others of their gang",
    "jobs rejected",
    "jobs that waited at the end",
];

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Crash,
    Partition,
    NodeRemoved,
    NodeAdded,
    Cordon,
    Drain,
    Taint,
    Eviction,
    TaintEviction,
    Preemption,
    PodDeletion,
    RollOut,
    Scaling,
    Autoscaling,
    Deletion,
    Kill,
    LeaseLost,
    Leader,
    Outage,
    TaskPreempted,
    TaskReclaimed,
    TaskLost,
    TaskOfGang,
    Rejected,
    Waiting,
}

impl Kind {
    /// What can happen in such cases, in the order in which it is told.
    const fn of(cases: Cases) -> &'static [Kind] {
        use Kind::{
            Autoscaling, Cordon, Crash, Deletion, Drain, Eviction, Kill, Leader, LeaseLost, NodeAdded,
            NodeRemoved, Outage, Partition, PodDeletion, Preemption, Rejected, RollOut, Scaling, Taint,
            TaintEviction, TaskLost, TaskOfGang, TaskPreempted, TaskReclaimed, Waiting,
        };
        match cases {
            Cases::Kubernetes => &[
                Crash,
                Partition,
                NodeRemoved,
                NodeAdded,
                Cordon,
                Drain,
                Taint,
                Eviction,
                TaintEviction,
                Preemption,
                PodDeletion,
                RollOut,
                Scaling,
                Autoscaling,
                Deletion,
                Kill,
                LeaseLost,
                Leader,
                Outage,
            ],
            Cases::Slurm | Cases::Swarm | Cases::Mesos => &[Crash, Partition, Cordon, Scaling, Preemption],
            Cases::Fleet => &[Crash, TaskLost, TaskPreempted, TaskReclaimed, TaskOfGang, Rejected, Waiting],
        }
    }
}

impl Injected {
    /// The counts of what can happen in such cases, with their names.
    pub fn named(&self, cases: Cases) -> impl Iterator<Item = (&'static str, u64)> {
        Kind::of(cases).iter().map(|kind| (NAMES[*kind as usize], self.0[*kind as usize]))
    }

    /// Counts one.
    pub(super) fn count(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Injected) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Drains that were asked for.
    pub(super) fn drains(&mut self, count: usize) {
        self.0[Kind::Drain as usize] += count as u64;
    }

    /// Whether any pod had to go for another.
    pub(super) fn has_preemptions(&self) -> bool {
        self.0[Kind::Preemption as usize] > 0
    }

    /// Counts a record.
    pub(super) fn record(&mut self, now: Time, record: &Record<'_>, actor: &str) {
        let by_user = actor == "user";
        let kind = match record {
            Record::NodeFailed { containers_lost: true, .. } => Kind::Crash,
            Record::NodeFailed { .. } => Kind::Partition,
            Record::NodeRemoved { .. } => Kind::NodeRemoved,
            Record::NodeAdded { .. } if now > Time::ZERO => Kind::NodeAdded,
            Record::NodeUnschedulable { unschedulable: true, .. } => Kind::Cordon,
            Record::NodeTaint { added: true, .. } if by_user => Kind::Taint,
            Record::PodPatched { patch: PodPatch::Disrupted(Reason::Evicted), .. } => Kind::Eviction,
            Record::PodDeleting { reason: Reason::TaintEviction, .. } => Kind::TaintEviction,
            Record::PodDeleting { reason: Reason::Preempted, .. } => Kind::Preemption,
            Record::PodDeleting { reason: Reason::Deleted, .. } if by_user => Kind::PodDeletion,
            Record::WorkloadChanged { before, object, .. } if by_user && rolls_out(before, object) => {
                Kind::RollOut
            }
            Record::WorkloadScaled { .. } if by_user => Kind::Scaling,
            Record::WorkloadScaled { .. } if actor == "horizontal-pod-autoscaler" => Kind::Autoscaling,
            Record::WorkloadDeleting { .. } | Record::WorkloadRemoved { .. } if by_user => Kind::Deletion,
            Record::Process { step: ProcessStep::Killed { .. }, .. } => Kind::Kill,
            Record::Process { step: ProcessStep::LeaseLost, .. } => Kind::LeaseLost,
            Record::Process { step: ProcessStep::Leads, .. } => Kind::Leader,
            Record::ApiServer { is_up: false } => Kind::Outage,
            _ => return,
        };
        self.0[kind as usize] += 1;
    }
}

/// Whether the pods of a workload are to be replaced by others.
fn rolls_out(before: &WorkloadKind, object: &WorkloadKind) -> bool {
    let of =
        |kind: &WorkloadKind| -> Option<PodTemplate> { kind.template().map(|template| (**template).clone()) };
    of(before) != of(object)
}
