//! The pod table.

use crate::api::PodPhase;
use crate::base::ids::{ClassId, NodeId, PodId, WorkloadId};
use crate::base::{Symbol, Time};

/// A pod, safe against the reuse of its row: a reference to a deleted pod finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PodRef {
    /// The row.
    pub id: PodId,
    /// How many pods had the row before this one.
    pub generation: u32,
}

/// A pod's name, made when it is shown: a million numbered pods store no million strings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PodName {
    /// A name of its own.
    Own(Box<str>),
    /// `<base>-<number>`: the n-th pod of a workload or of a trace.
    Numbered {
        /// The workload's or the trace's name.
        base: Symbol,
        /// From 1, in order of creation.
        number: u32,
    },
}

impl PodName {
    /// The name in full.
    pub fn text(&self, names: &crate::base::Interner) -> String {
        match self {
            PodName::Own(name) => name.to_string(),
            PodName::Numbered { base, number } => format!("{}-{number}", names.text(*base)),
        }
    }
}

/// Why a pod ended, was evicted or is not running, in Kubernetes' words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Reason {
    /// Nothing to say.
    #[default]
    None,
    /// Ended with exit code zero.
    Completed,
    /// Ended with another exit code.
    Error,
    /// Killed for using more memory than its limit.
    OomKilled,
    /// Waits for the back-off after a crash.
    CrashLoopBackOff,
    /// Deleted because it does not tolerate a NoExecute taint of its node.
    TaintEviction,
    /// Deleted to make room for a pod of higher priority.
    Preempted,
    /// Deleted by the controller that owns it.
    ScaledDown,
    /// Deleted because its owner was.
    OwnerDeleted,
    /// Deleted by a person or a scenario's action.
    Deleted,
    /// Deleted because its node no longer exists.
    NodeGone,
    /// Refused by the node: too little CPU.
    OutOfCpu,
    /// Refused by the node: too little memory.
    OutOfMemory,
    /// Refused by the node: too little local storage.
    OutOfEphemeralStorage,
    /// Refused by the node: it has as many pods as it may.
    OutOfPods,
    /// Refused by the node: too little of another resource.
    OutOfResources,
    /// Refused by the node: its labels are not those that the pod asks for.
    NodeAffinity,
    /// Refused by the node: a port of the host is taken.
    NodePorts,
    /// Refused by the node: the pod does not tolerate one of its NoExecute taints.
    TaintToleration,
    /// Refused by the node: its kubelet does not know a feature that the pod uses.
    PodFeatureUnsupported,
    /// Ended by the kubelet because the node ran short, or refused for that reason.
    NodePressure,
    /// The image of a container could not be pulled.
    ErrImagePull,
    /// Waits for the back-off after a pull that failed.
    ImagePullBackOff,
    /// The image is not there, and may not be pulled.
    ErrImageNeverPull,
    /// Every container of the pod is started again because one of them ended.
    RestartingAllContainers,
    /// Lost with its node.
    NodeLost,
    /// Ran longer than `activeDeadlineSeconds`.
    DeadlineExceeded,
    /// Deleted through the eviction API.
    Evicted,
    /// Ended by its kubelet: evicted under pressure, preempted on the node or shut down.
    TerminatedByKubelet,
}

impl Reason {
    /// The word used in output files.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::None => "",
            Reason::Completed => "Completed",
            Reason::Error => "Error",
            Reason::OomKilled => "OOMKilled",
            Reason::CrashLoopBackOff => "CrashLoopBackOff",
            Reason::TaintEviction => "DeletionByTaintManager",
            Reason::Preempted => "PreemptionByScheduler",
            Reason::ScaledDown => "ScaledDown",
            Reason::OwnerDeleted => "OwnerDeleted",
            Reason::Deleted => "Deleted",
            Reason::NodeGone => "DeletionByPodGC",
            Reason::OutOfCpu => "OutOfcpu",
            Reason::OutOfMemory => "OutOfmemory",
            Reason::OutOfEphemeralStorage => "OutOfephemeral-storage",
            Reason::OutOfPods => "OutOfpods",
            Reason::OutOfResources => "OutOfResources",
            Reason::NodeAffinity => "NodeAffinity",
            Reason::NodePorts => "NodePorts",
            Reason::TaintToleration => "TaintToleration",
            Reason::PodFeatureUnsupported => "PodFeatureUnsupported",
            Reason::NodePressure => "Evicted",
            Reason::ErrImagePull => "ErrImagePull",
            Reason::ImagePullBackOff => "ImagePullBackOff",
            Reason::ErrImageNeverPull => "ErrImageNeverPull",
            Reason::RestartingAllContainers => "RestartingAllContainers",
            Reason::NodeLost => "NodeLost",
            Reason::DeadlineExceeded => "DeadlineExceeded",
            Reason::Evicted => "EvictionByEvictionAPI",
            Reason::TerminatedByKubelet => "TerminationByKubelet",
        }
    }
}

/// Exit codes of the containers of a pod that have ended. Those of the first eight are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExitCodes {
    codes: [u8; ExitCodes::MOST],
    known: u8,
}

impl ExitCodes {
    /// How many containers are followed.
    pub const MOST: usize = 8;

    /// Enters the exit code of a container: init containers first, then the others.
    pub fn set(&mut self, container: usize, code: u8) {
        if container < Self::MOST {
            self.codes[container] = code;
            self.known |= 1 << container;
        }
    }

    /// The exit code of a container, if it has ended.
    pub fn get(self, container: usize) -> Option<u8> {
        (container < Self::MOST && self.known & (1 << container) != 0).then(|| self.codes[container])
    }
}

/// All pods whose object exists, one row each; rows of deleted pods are used again.
#[derive(Clone, Debug, Default)]
pub struct PodTable {
    /// How many pods had the row before; with the row it makes a [`PodRef`].
    pub generation: Vec<u32>,
    /// Whether the row holds a pod.
    pub present: Vec<bool>,
    /// Number of the pod in order of creation, from 0, over the whole run: the order of names, and
    /// what stands for a UID.
    pub serial: Vec<u64>,
    /// The name.
    pub name: Vec<PodName>,
    /// The compiled specification.
    pub class: Vec<ClassId>,
    /// The controlling ReplicaSet or Job.
    pub owner: Vec<Option<WorkloadId>>,
    /// When the object was created.
    pub created: Vec<Time>,
    /// The node in `spec.nodeName`.
    pub node: Vec<Option<NodeId>>,
    /// The node that counts the pod: set from assumption by the scheduler to the end.
    pub counted_on: Vec<Option<NodeId>>,
    /// The phase.
    pub phase: Vec<PodPhase>,
    /// Whether the Ready condition is true.
    pub ready: Vec<bool>,
    /// When Ready last changed.
    pub ready_since: Vec<Time>,
    /// Restarts of its containers.
    pub restarts: Vec<u32>,
    /// When its kubelet took it over (`status.startTime`), in nanoseconds; only the order of two
    /// counts. `None`: not yet.
    pub started: Vec<Option<i64>>,
    /// When deletion began.
    pub deleting_since: Vec<Option<Time>>,
    /// When the containers ended, for pods in a terminal phase.
    pub finished: Vec<Option<Time>>,
    /// The completion index of an Indexed Job's pod.
    pub index: Vec<Option<u32>>,
    /// Why it ended or is being deleted.
    pub reason: Vec<Reason>,
    /// Why it is disrupted: the reason of the condition DisruptionTarget, if that is true.
    pub disrupted: Vec<Reason>,
    /// How its containers ended, for pods in a terminal phase.
    pub exits: Vec<ExitCodes>,
    /// Whether the object stays until its Job has counted it (the finalizer
    /// `batch.kubernetes.io/job-tracking`).
    pub tracked: Vec<bool>,
    /// The node that the scheduler has nominated for it.
    pub nominated: Vec<Option<NodeId>>,
    /// Whether the scheduler has written that it has found no place for it.
    pub unscheduled: Vec<bool>,
    /// How many rows hold a pod.
    pub count: usize,
}

/// What a new row is filled with.
#[derive(Clone, Debug)]
pub struct NewRow {
    /// See [`PodTable::serial`].
    pub serial: u64,
    /// The name.
    pub name: PodName,
    /// The class.
    pub class: ClassId,
    /// The owner.
    pub owner: Option<WorkloadId>,
    /// When the object was created.
    pub created: Time,
    /// The completion index.
    pub index: Option<u32>,
    /// See [`PodTable::tracked`].
    pub tracked: bool,
}

impl PodTable {
    /// Fills the row of `pod`, which holds no pod.
    ///
    /// # Panics
    /// If the row holds a pod: rows are handed out by one owner only.
    pub fn insert(&mut self, pod: PodRef, row: NewRow) {
        let index = pod.id.index();
        if index >= self.present.len() {
            self.grow(index + 1);
        }
        assert!(!self.present[index], "row {index} holds a pod");
        self.generation[index] = pod.generation;
        self.present[index] = true;
        self.serial[index] = row.serial;
        self.name[index] = row.name;
        self.class[index] = row.class;
        self.owner[index] = row.owner;
        self.created[index] = row.created;
        self.node[index] = None;
        self.counted_on[index] = None;
        self.phase[index] = PodPhase::Pending;
        self.ready[index] = false;
        self.ready_since[index] = row.created;
        self.restarts[index] = 0;
        self.started[index] = None;
        self.deleting_since[index] = None;
        self.finished[index] = None;
        self.index[index] = row.index;
        self.reason[index] = Reason::None;
        self.disrupted[index] = Reason::None;
        self.exits[index] = ExitCodes::default();
        self.tracked[index] = row.tracked;
        self.nominated[index] = None;
        self.unscheduled[index] = false;
        self.count += 1;
    }

    /// Empties a row. The pod must not be counted on a node any more.
    ///
    /// # Panics
    /// If the pod is still counted on a node, or the row is empty.
    pub fn remove(&mut self, pod: PodId) {
        let index = pod.index();
        assert!(self.present[index], "row {index} is empty");
        assert!(self.counted_on[index].is_none(), "pod {index} is still counted on a node");
        self.present[index] = false;
        self.name[index] = PodName::Own("".into());
        self.count -= 1;
    }

    /// The row of a pod, if the pod still exists.
    pub fn get(&self, pod: PodRef) -> Option<PodId> {
        let index = pod.id.index();
        (index < self.present.len() && self.present[index] && self.generation[index] == pod.generation)
            .then_some(pod.id)
    }

    /// The reference to the pod in a row.
    pub fn reference(&self, pod: PodId) -> PodRef {
        PodRef { id: pod, generation: self.generation[pod.index()] }
    }

    /// The rows that hold a pod, ascending.
    pub fn iter(&self) -> impl Iterator<Item = PodId> + '_ {
        self.present.iter().enumerate().filter(|(_, present)| **present).map(|(row, _)| PodId(row as u32))
    }

    /// Whether the pod is active in the sense of controllers: not ended and not being deleted.
    pub fn is_active(&self, pod: PodId) -> bool {
        let index = pod.index();
        self.present[index] && !self.phase[index].is_terminal() && self.deleting_since[index].is_none()
    }

    /// The name as text.
    pub fn name_text(&self, names: &crate::base::Interner, pod: PodId) -> String {
        self.name[pod.index()].text(names)
    }

    fn grow(&mut self, len: usize) {
        self.generation.resize(len, 0);
        self.present.resize(len, false);
        self.serial.resize(len, 0);
        self.name.resize(len, PodName::Own("".into()));
        self.class.resize(len, ClassId::default());
        self.owner.resize(len, None);
        self.created.resize(len, Time::ZERO);
        self.node.resize(len, None);
        self.counted_on.resize(len, None);
        self.phase.resize(len, PodPhase::Pending);
        self.ready.resize(len, false);
        self.ready_since.resize(len, Time::ZERO);
        self.restarts.resize(len, 0);
        self.started.resize(len, None);
        self.deleting_since.resize(len, None);
        self.finished.resize(len, None);
        self.index.resize(len, None);
        self.reason.resize(len, Reason::None);
        self.disrupted.resize(len, Reason::None);
        self.exits.resize(len, ExitCodes::default());
        self.tracked.resize(len, false);
        self.nominated.resize(len, None);
        self.unscheduled.resize(len, false);
    }
}
