//! What Slurm's controller keeps: nodes, partitions, QOS, jobs.
//!
//! Plain data; the rules are in the modules beside it. Moments are whole seconds of one clock, as
//! Slurm's are, spans are seconds.

use super::array::ArrayTask;
use super::dependency::Dependency;
use super::reason::Reason;
use super::tres::{self, Tres, TresLimit, TresWeights};
use crate::base::BitSet;

/// Whether a node takes jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NodeState {
    /// It takes jobs.
    #[default]
    Up,
    /// What runs on it runs on; it takes nothing new.
    Drained,
    /// It does not answer, or was set down.
    Down {
        /// Whether it is down only because it did not answer (`ReturnToService=1` forgives that).
        unresponsive: bool,
    },
}

/// A node.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Node {
    /// The name.
    pub name: String,
    /// CPUs, memory in MiB and generic resources.
    pub total: Tres,
    /// Features that jobs can ask for.
    pub features: Vec<String>,
    /// Nodes of lower weight are taken first.
    pub weight: u32,
    /// Whether it takes jobs.
    pub state: NodeState,
}

/// Whether a partition takes and starts jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PartitionState {
    /// Both.
    #[default]
    Up,
    /// Takes jobs, starts none.
    Down,
    /// Starts jobs, takes none.
    Drain,
    /// Neither.
    Inactive,
}

impl PartitionState {
    /// Whether waiting jobs may start.
    pub fn starts(self) -> bool {
        matches!(self, PartitionState::Up | PartitionState::Drain)
    }

    /// Whether jobs may be submitted.
    pub fn takes(self) -> bool {
        matches!(self, PartitionState::Up | PartitionState::Down)
    }
}

/// A set of nodes with rules of its own.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Partition {
    /// The name.
    pub name: String,
    /// Its nodes, by row.
    pub nodes: BitSet,
    /// The longest time limit, in seconds; `None` for no bound.
    pub max_time: Option<u64>,
    /// The limit of jobs that have none, in seconds; `None` for `max_time`.
    pub default_time: Option<u64>,
    /// The most nodes of a job.
    pub max_nodes: Option<u32>,
    /// The fewest nodes of a job.
    pub min_nodes: u32,
    /// Jobs of partitions of a higher tier are looked at first, and preempt those of lower ones where
    /// preemption goes by partition.
    pub tier: u16,
    /// What its jobs' priority gets, relative to the other partitions.
    pub job_factor: u16,
    /// The accounts that may use it; empty for all.
    pub allow_accounts: Vec<String>,
    /// The accounts that may not, where `allow_accounts` is empty.
    pub deny_accounts: Vec<String>,
    /// The QOS that may be used in it; empty for all.
    pub allow_qos: Vec<String>,
    /// Whether it takes and starts jobs.
    pub state: PartitionState,
    /// Whether each job has its nodes for itself (`OverSubscribe=EXCLUSIVE`).
    pub exclusive: bool,
    /// What preemption does to its jobs, where it is said of the partition.
    pub preempt_mode: Option<PreemptMode>,
    /// Seconds between SIGTERM and SIGKILL for jobs that are preempted.
    pub grace_time: u64,
    /// How resources count as billing units.
    pub billing: TresWeights,
    /// MiB a job gets for each CPU if it asks for no memory; 0 for none.
    pub default_memory_per_cpu: i64,
}

/// What preemption does to a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PreemptMode {
    /// Nothing: it is not preempted.
    #[default]
    Off,
    /// It ends.
    Cancel,
    /// It goes back to the queue; one that may not be requeued ends.
    Requeue,
    /// It is stopped and keeps its memory; it goes on when its CPUs are free again.
    Suspend,
}

/// Who may preempt whom (`PreemptType`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PreemptType {
    /// Nobody.
    #[default]
    None,
    /// Jobs of partitions with a higher PriorityTier.
    PartitionPriority,
    /// Jobs whose QOS lists the other's.
    Qos,
}

/// A quality of service.
#[derive(Clone, PartialEq, Debug)]
pub struct Qos {
    /// The name.
    pub name: String,
    /// Its part of the priority, relative to the largest of all.
    pub priority: u32,
    /// The most jobs that run for a user.
    pub max_jobs_per_user: Option<u32>,
    /// The most jobs that wait or run for a user.
    pub max_submit_per_user: Option<u32>,
    /// What the running jobs of a user may hold together.
    pub max_tres_per_user: TresLimit,
    /// What a job may hold.
    pub max_tres_per_job: TresLimit,
    /// What all running jobs may hold together.
    pub group_tres: TresLimit,
    /// The most jobs that run.
    pub group_jobs: Option<u32>,
    /// The longest time limit, in seconds.
    pub max_wall: Option<u64>,
    /// Rows of the QOS whose jobs it may preempt.
    pub preempt: Vec<usize>,
    /// What preemption does to its jobs, where it is said of the QOS.
    pub preempt_mode: Option<PreemptMode>,
    /// Seconds between SIGTERM and SIGKILL for jobs that are preempted.
    pub grace_time: u64,
    /// What a second of use counts.
    pub usage_factor: f64,
    /// Its jobs make no reservation in a backfill cycle.
    pub no_reserve: bool,
    /// Its usage does not decay.
    pub no_decay: bool,
    /// Decayed billing units times seconds.
    pub usage: f64,
}

impl Default for Qos {
    fn default() -> Qos {
        Qos {
            name: String::from("normal"),
            priority: 0,
            max_jobs_per_user: None,
            max_submit_per_user: None,
            max_tres_per_user: TresLimit::default(),
            max_tres_per_job: TresLimit::default(),
            group_tres: TresLimit::default(),
            group_jobs: None,
            max_wall: None,
            preempt: Vec::new(),
            preempt_mode: None,
            grace_time: 0,
            usage_factor: 1.0,
            no_reserve: false,
            no_decay: false,
            usage: 0.0,
        }
    }
}

/// What a job asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// Tasks; all start at once.
    pub tasks: u32,
    /// CPUs, MiB of memory and generic resources of each task.
    pub per_task: Tres,
    /// MiB of memory and generic resources of each node that it gets, whatever the tasks on it.
    pub per_node: Tres,
    /// The most tasks of a node.
    pub tasks_per_node: Option<u32>,
    /// The fewest nodes.
    pub min_nodes: u32,
    /// The most nodes.
    pub max_nodes: Option<u32>,
    /// Features that every node must have.
    pub features: Vec<String>,
    /// Nodes that must be among those it gets.
    pub required: Option<BitSet>,
    /// Nodes that must not.
    pub excluded: Option<BitSet>,
    /// Whether it wants its nodes for itself.
    pub exclusive: bool,
}

impl Default for Request {
    fn default() -> Request {
        let mut per_task = Tres::default();
        per_task.set(tres::CPU, 1);
        Request {
            tasks: 1,
            per_task,
            per_node: Tres::default(),
            tasks_per_node: None,
            min_nodes: 1,
            max_nodes: None,
            features: Vec::new(),
            required: None,
            excluded: None,
            exclusive: false,
        }
    }
}

impl Request {
    /// The fewest nodes that can hold the tasks, as far as the request itself says.
    pub fn fewest_nodes(&self) -> u32 {
        let by_tasks = self.tasks_per_node.map_or(1, |most| self.tasks.div_ceil(most.max(1)));
        self.min_nodes.max(by_tasks).max(1)
    }

    /// CPUs of all tasks.
    pub fn cpus(&self) -> i64 {
        i64::from(self.tasks).saturating_mul(self.per_task.get(tres::CPU))
    }

    /// What it holds on `nodes` nodes.
    pub fn held(&self, nodes: u32) -> Tres {
        let mut held = Tres::default();
        let places = self.per_task.0.len().max(self.per_node.0.len());
        for place in 0..places {
            let tasks = self.per_task.get(place).saturating_mul(i64::from(self.tasks));
            held.set(place, tasks.saturating_add(self.per_node.get(place).saturating_mul(i64::from(nodes))));
        }
        held.set(tres::NODE, i64::from(nodes));
        held
    }
}

/// What a job has on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// The node's row.
    pub node: usize,
    /// Tasks on it.
    pub tasks: u32,
}

/// Where a job is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JobState {
    /// It waits.
    #[default]
    Pending,
    /// It runs.
    Running,
    /// It is stopped in favour of another and keeps its memory.
    Suspended,
    /// Its end was asked for; its processes may still be there.
    Completing,
    /// Over: it ended by itself, with exit code 0.
    Completed,
    /// Over: it ended by itself, with another exit code, or could not run.
    Failed,
    /// Over: its time limit had passed.
    Timeout,
    /// Over: somebody cancelled it.
    Cancelled,
    /// Over: a node of it went down.
    NodeFail,
    /// Over: it made way for another.
    Preempted,
}

impl JobState {
    /// Whether it is over.
    pub fn is_over(self) -> bool {
        !matches!(self, JobState::Pending | JobState::Running | JobState::Suspended | JobState::Completing)
    }

    /// Slurm's word.
    pub const fn word(self) -> &'static str {
        match self {
            JobState::Pending => "PENDING",
            JobState::Running => "RUNNING",
            JobState::Suspended => "SUSPENDED",
            JobState::Completing => "COMPLETING",
            JobState::Completed => "COMPLETED",
            JobState::Failed => "FAILED",
            JobState::Timeout => "TIMEOUT",
            JobState::Cancelled => "CANCELLED",
            JobState::NodeFail => "NODE_FAIL",
            JobState::Preempted => "PREEMPTED",
        }
    }
}

/// Why a job's end was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Its time limit has passed.
    TimeLimit,
    /// Somebody cancelled it.
    Cancel,
    /// It makes way for another, and goes back to the queue or not.
    Preempted {
        /// Whether it goes back.
        requeue: bool,
    },
    /// A node of it went down.
    NodeFail,
}

/// A job; a task of an array is one.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Job {
    /// Its number.
    pub id: u32,
    /// Which task of which array it is.
    pub array: Option<ArrayTask>,
    /// The name; jobs with dependency `singleton` go by it.
    pub name: String,
    /// The user.
    pub user: String,
    /// The row of its association.
    pub association: usize,
    /// The row of its partition.
    pub partition: usize,
    /// The row of its QOS.
    pub qos: usize,
    /// What the user takes off its priority; negative adds.
    pub nice: i64,
    /// What the site adds to its priority.
    pub site: i64,
    /// Held: its priority is 0.
    pub held: bool,
    /// What it asks for.
    pub request: Request,
    /// Its time limit in seconds; `None` for none.
    pub limit: Option<u64>,
    /// The shortest limit that will do, in seconds (`--time-min`).
    pub shortest: Option<u64>,
    /// It may not start before.
    pub begin: u64,
    /// When it was submitted.
    pub submitted: u64,
    /// Since when nothing but its turn keeps it waiting; its age counts from here.
    pub eligible: Option<u64>,
    /// What it waits for.
    pub dependencies: Vec<Dependency>,
    /// Whether it may go back to the queue.
    pub requeue: bool,
    /// Whether it is looked at before all others, once it was requeued so.
    pub expedited: bool,
    /// Whether it belongs to a reservation of the site.
    pub reserved: bool,
    /// Its priority as of the last calculation; 0 for held.
    pub priority: u32,
    /// Where it is.
    pub state: JobState,
    /// Why it waits.
    pub reason: Reason,
    /// When it started.
    pub start: u64,
    /// When its time limit passes; of one without limit, a year after its start.
    pub end: u64,
    /// When use was accounted for the last time.
    pub accounted: u64,
    /// What it has.
    pub allocation: Vec<Share>,
    /// How often it went back to the queue.
    pub restarts: u32,
    /// Why its end was asked for, if it was.
    pub ending: Option<Ending>,
    /// The start that the last backfill cycle expects.
    pub expected: Option<u64>,
}

impl Job {
    /// Whether it holds CPUs.
    pub fn holds(&self) -> bool {
        matches!(self.state, JobState::Running | JobState::Completing)
    }

    /// What it holds, in all.
    pub fn held(&self) -> Tres {
        self.request.held(self.allocation.len() as u32)
    }
}
