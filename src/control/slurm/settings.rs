//! The parameters of Slurm's controller, with Slurm's defaults.

use super::model::{PreemptMode, PreemptType};
use super::priority::{Flags, Weights};

/// Which fair-share factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FairShareAlgorithm {
    /// Fair Tree, the default.
    #[default]
    FairTree,
    /// `PriorityFlags=DEPTH_OBLIVIOUS`.
    DepthOblivious,
    /// `PriorityFlags=NO_FAIR_TREE`.
    Classic,
}

/// `SchedulerParameters` of the main scheduler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MainParameters {
    /// Seconds between cycles over the whole queue.
    pub interval: u64,
    /// Seconds that a cycle waits after the last one when an event asks for it (`batch_sched_delay`).
    pub delay: u64,
    /// Jobs that a cycle looks at when an event asks for it.
    pub queue_depth: u32,
    /// Jobs of a partition that a cycle looks at; 0 for no bound.
    pub partition_depth: u32,
    /// Whether a job at an association's limit holds back the rest of its partition
    /// (`assoc_limit_stop`).
    pub association_limit_stops: bool,
    /// Jobs that a cycle starts; 0 for no bound.
    pub max_start: u32,
}

impl Default for MainParameters {
    fn default() -> MainParameters {
        MainParameters {
            interval: 60,
            delay: 3,
            queue_depth: 100,
            partition_depth: 0,
            association_limit_stops: false,
            max_start: 0,
        }
    }
}

/// `SchedulerParameters` of the backfill scheduler. Counts of 0 are no bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackfillParameters {
    /// Whether there is one (`SchedulerType=sched/backfill`).
    pub enabled: bool,
    /// Seconds between cycles.
    pub interval: u64,
    /// Seconds ahead that are planned.
    pub window: u64,
    /// Seconds of a slot.
    pub resolution: u64,
    /// Seconds since a slot began at moment 0: slots begin at whole minutes of the clock.
    pub offset: u64,
    /// Jobs that a cycle tests.
    pub max_job_test: u32,
    /// Jobs that a cycle starts.
    pub max_job_start: u32,
    /// Jobs of a user.
    pub max_job_user: u32,
    /// Jobs of a partition.
    pub max_job_part: u32,
    /// Jobs of an association.
    pub max_job_assoc: u32,
    /// Jobs of a user in a partition.
    pub max_job_user_part: u32,
    /// Tasks of an array that get a reservation.
    pub max_job_array_resv: u32,
    /// Jobs of a partition that get a reservation.
    pub part_count_reserve: u32,
    /// Seconds that a job must have waited before it may get a reservation.
    pub min_age_reserve: u64,
    /// The least priority of a job that gets a reservation.
    pub min_prio_reserve: u32,
    /// Seconds by which the test of future starts widens its step; 0 to double it
    /// (`bf_window_linear`).
    pub window_linear: u64,
}

impl Default for BackfillParameters {
    fn default() -> BackfillParameters {
        BackfillParameters {
            enabled: true,
            interval: 30,
            window: 1440 * 60,
            resolution: 60,
            offset: 0,
            max_job_test: 500,
            max_job_start: 0,
            max_job_user: 0,
            max_job_part: 0,
            max_job_assoc: 0,
            max_job_user_part: 0,
            max_job_array_resv: 20,
            part_count_reserve: 0,
            min_age_reserve: 0,
            min_prio_reserve: 0,
            window_linear: 0,
        }
    }
}

/// How jobs make way for others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preemption {
    /// Who may preempt whom.
    pub kind: PreemptType,
    /// What it does, where neither partition nor QOS say.
    pub mode: PreemptMode,
    /// Seconds that a job has run before it can be preempted.
    pub exempt_time: u64,
    /// Whether the job that started last goes first, rather than that of the lowest priority.
    pub youngest_first: bool,
    /// How often the candidates are put in a better order (`preempt_reorder_count`).
    pub reorder_count: u32,
}

impl Default for Preemption {
    fn default() -> Preemption {
        Preemption {
            kind: PreemptType::None,
            mode: PreemptMode::Off,
            exempt_time: 0,
            youngest_first: false,
            reorder_count: 1,
        }
    }
}

/// When a node that was down takes jobs again (`ReturnToService`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReturnToService {
    /// When an administrator says so.
    #[default]
    Never,
    /// When it registers, if it was down only because it did not answer.
    IfUnresponsive,
    /// When it registers.
    Always,
}

/// All of them. Spans are seconds.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The weights of the factors.
    pub weights: Weights,
    /// What changes the factors.
    pub flags: Flags,
    /// Age that counts fully.
    pub max_age: u64,
    /// The half-life of usage; 0 for no decay.
    pub half_life: u64,
    /// Seconds between calculations of usage and priorities.
    pub calc_period: u64,
    /// Which fair-share factor.
    pub fair_share: FairShareAlgorithm,
    /// `FairShareDampeningFactor`.
    pub dampening: u32,
    /// Whether accounts tied in the Fair Tree are merged, as the documentation says. The code does not
    /// (see `fair_share`).
    pub merge_tied_accounts: bool,
    /// The main scheduler.
    pub main: MainParameters,
    /// The backfill scheduler.
    pub backfill: BackfillParameters,
    /// Preemption.
    pub preemption: Preemption,
    /// Seconds between SIGTERM and SIGKILL at the time limit.
    pub kill_wait: u64,
    /// Seconds by which a job may exceed its time limit.
    pub over_time_limit: u64,
    /// Seconds that a node may be silent.
    pub node_timeout: u64,
    /// Whether batch jobs go back to the queue when a node fails.
    pub job_requeue: bool,
    /// Seconds that a requeued job waits before it may start again.
    pub requeue_delay: u64,
    /// When nodes return.
    pub return_to_service: ReturnToService,
    /// Whether jobs beyond a partition's limits are refused rather than kept waiting.
    pub enforce_part_limits: bool,
    /// Seconds that cycles wait for jobs that are completing.
    pub complete_wait: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            weights: Weights::default(),
            flags: Flags::default(),
            max_age: 7 * 86_400,
            half_life: 7 * 86_400,
            calc_period: 300,
            fair_share: FairShareAlgorithm::default(),
            dampening: 1,
            merge_tied_accounts: false,
            main: MainParameters::default(),
            backfill: BackfillParameters::default(),
            preemption: Preemption::default(),
            kill_wait: 30,
            over_time_limit: 0,
            node_timeout: 300,
            job_requeue: true,
            requeue_delay: 120,
            return_to_service: ReturnToService::default(),
            enforce_part_limits: false,
            complete_wait: 0,
        }
    }
}
