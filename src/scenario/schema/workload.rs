//! The part `workload`: what is to run.

use super::loads::{Load, MetricSeries};
use super::scalars::{
    Amount, Duration, NumberDistribution, Period, QuantityDistribution, Real, Share, Short, TimeDistribution,
    Whole,
};
use crate::scenario::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most jobs of a generator, and rows of a trace that can be asked for.
pub const MAX_JOBS: i64 = 1_000_000_000;

/// What is to run.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    /// Kubernetes objects: files, folders (with everything in them), or `-` for standard input. A
    /// plain path is applied at the start; `{file: …, at: 30s}` later.
    #[serde(default)]
    pub manifests: Vec<At<Short<ManifestRef>>>,
    /// Traces of jobs or pods.
    #[serde(default)]
    pub traces: Vec<At<Trace>>,
    /// Shifts each submit time of the traces by a draw of its own, uniform from minus to plus this much:
    /// many seeds are then many days that are like the recorded one.
    pub shake: Option<At<Duration>>,
    /// Draws the users of each trace anew, as many as there are, with replacement: each with all of their
    /// jobs, moved by a whole number of these periods within the trace. `7d` keeps the day of the week, `1d`
    /// the time of day. Many seeds are then many workloads of users like the recorded ones.
    pub resample: Option<At<Period>>,
    /// Generated jobs.
    #[serde(default)]
    pub generators: Vec<At<Generator>>,
    /// Loads on workloads, for autoscalers.
    #[serde(default)]
    pub loads: Vec<At<Load>>,
    /// Metrics that are not of pods, for autoscalers.
    #[serde(default)]
    pub metrics: Vec<At<MetricSeries>>,
    /// How pods behave that say nothing themselves (in annotations `seatrial.dev/…`).
    #[serde(default)]
    pub behavior: Behavior,
    /// What to do about a pod of a manifest whose node selector or required node affinity no node of
    /// the cluster can ever match.
    #[serde(default)]
    pub unmatched_selectors: Unmatched,
}

/// What to do about selectors that match no node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unmatched {
    /// The scenario is refused.
    #[default]
    Error,
    /// The pods wait; there is a warning.
    Warn,
}

/// A file of Kubernetes objects.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestRef {
    /// The file or folder, relative to the scenario's folder; `-` is standard input.
    pub file: String,
    /// When its objects are created.
    pub at: Option<Duration>,
}

/// A trace of jobs or pods.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trace {
    /// The file, also compressed with gzip; `-` is standard input.
    pub file: At<String>,
    /// Its format; found out by name and content where it is not given.
    pub format: Option<TraceFormat>,
    /// The beginning of the names of rows that have only a number; the file's name without its
    /// ending where it is not given.
    pub name: Option<At<String>>,
    /// The namespace of the pods; `default`.
    pub namespace: Option<At<String>>,
    /// The moment of the run at which the trace's time 0 is.
    pub at: Option<Duration>,
    /// A factor on the times between submissions: 0.5 is twice the load.
    pub time_scale: Option<At<Real>>,
    /// Which part of the trace is used.
    #[serde(default)]
    pub select: Select,
    /// Which of the two numbers of processors of an SWF job counts.
    #[serde(default)]
    pub processors: Processors,
    /// What stands for an SWF job that ran in parts.
    #[serde(default)]
    pub partials: Partials,
    /// Whether SWF jobs that started but have a run time of 0 are used.
    #[serde(default)]
    pub keep_zero_run_time: bool,
    /// Whether jobs wait for the ends of the jobs that the trace says they follow. Where it is not
    /// given, the tasks of workflows do (Alibaba 2018, WfCommons, Alea's workflows, the column `after`),
    /// and the jobs of SWF logs (fields 17 and 18) do not.
    pub dependencies: Option<Waiting>,
    /// What pods that share a GPU request (`format: openb`).
    #[serde(default)]
    pub gpu_sharing: GpuSharing,
    /// What the largest machine is, for traces that give sizes as parts of it (Google 2011, Alibaba 2017);
    /// for Alibaba 2018, whose memory is a percentage of it. 64 cores and 256 GiB where it is not given.
    pub largest_machine: Option<MachineSize>,
    /// What happens to a pod's container that has ended, where a row does not say it; `Never`.
    pub restart_policy: Option<RestartPolicy>,
    /// Labels of the pods, beside those of the rows.
    #[serde(default)]
    pub labels: BTreeMap<String, At<String>>,
}

/// Formats of traces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TraceFormat {
    /// The Standard Workload Format.
    Swf,
    /// The pod list of Alibaba's GPU trace of 2023.
    Openb,
    /// seatrial's own table (CSV).
    Seatrial,
    /// Batsim's workloads (JSON).
    Batsim,
    /// What Slurm's `sacct --parsable2` prints.
    Sacct,
    /// Google's cluster trace of 2011: `task_events` or `job_events`.
    Google2011,
    /// Alibaba's cluster trace of 2017: `batch_task.csv`.
    Alibaba2017,
    /// Alibaba's cluster trace of 2018: `batch_task.csv`.
    Alibaba2018,
    /// Azure's virtual machines: `vmtable.csv`.
    Azure,
    /// Microsoft's deep-learning jobs of 2017.
    Philly,
    /// Workflows of WfCommons (JSON).
    Wfcommons,
    /// Dumps of pods.
    Kubernetes,
}

/// The size of a machine.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MachineSize {
    /// Its CPU in cores.
    pub cpu: Amount,
    /// Its memory in bytes.
    pub memory: Amount,
}

/// Whether jobs wait for others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Waiting {
    /// They do not.
    Ignore,
    /// A job is submitted at its own time, or when all jobs that it follows have ended and its think
    /// time has passed, whichever is later.
    Respect,
    /// The same, but a job that follows another has no time of its own: it is submitted when its think
    /// time has passed. Users react to how long their jobs take.
    Feedback,
}

/// A part of a trace.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Select {
    /// Rows submitted before this moment of the trace are left out; it becomes the trace's time 0.
    pub from: Option<Duration>,
    /// Rows submitted at or after this moment of the trace are left out.
    pub until: Option<At<Duration>>,
    /// At most this many rows are used.
    pub rows: Option<Whole<1, MAX_JOBS>>,
}

/// Which number of processors counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Processors {
    /// What was allocated, else what was requested.
    Allocated,
    /// What was requested, else what was allocated.
    #[default]
    Requested,
    /// The larger of the two.
    Max,
}

/// What stands for a job that ran in parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Partials {
    /// The summary line.
    #[default]
    Summary,
    /// The parts, each as a job of its own.
    Parts,
}

/// What a pod that shares a GPU requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GpuSharing {
    /// Only thousandths, so that several fit on one GPU.
    #[default]
    Milli,
    /// Thousandths and a whole GPU as well.
    MilliAndCount,
}

/// What happens to a container that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub enum RestartPolicy {
    /// It is started again.
    Always,
    /// It is started again if its exit code is not zero.
    OnFailure,
    /// It is not started again.
    Never,
}

/// Jobs that are drawn from distributions.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Generator {
    /// The beginning of the jobs' names, and the key of the generator's random draws.
    pub name: At<String>,
    /// When jobs arrive.
    pub arrivals: At<Arrivals>,
    /// The most jobs.
    pub count: Option<Whole<1, MAX_JOBS>>,
    /// No job arrives later than this after the generator's start.
    pub r#for: Option<Duration>,
    /// When the generator starts.
    pub at: Option<Duration>,
    /// The namespace of the pods; `default`.
    pub namespace: Option<At<String>>,
    /// How long each task runs; for ever where it is not given.
    pub run_time: Option<TimeDistribution>,
    /// The user's estimate as a multiple of the run time.
    pub estimate_factor: Option<NumberDistribution>,
    /// Cores that each task requests.
    pub cpu: Option<QuantityDistribution>,
    /// Bytes that each task requests.
    pub memory: Option<QuantityDistribution>,
    /// Further resources that each task requests, such as `nvidia.com/gpu: 1`.
    #[serde(default)]
    pub resources: BTreeMap<String, QuantityDistribution>,
    /// Processors of each job (`controlPlane.kind: batch`).
    pub processors: Option<NumberDistribution>,
    /// Equal tasks of each job; 1.
    pub tasks: Option<NumberDistribution>,
    /// The priority of the pods; 0.
    pub priority: Option<Whole<-2_147_483_648, 1_000_000_000>>,
    /// The exit code of each task; 0.
    pub exit_code: Option<NumberDistribution>,
    /// What happens to a container that has ended; `Never`.
    pub restart_policy: Option<RestartPolicy>,
    /// Labels of the pods.
    #[serde(default)]
    pub labels: BTreeMap<String, At<String>>,
    /// Labels that a node must have.
    #[serde(default)]
    pub node_selector: BTreeMap<String, At<String>>,
    /// Jobs belong to so many users, each equally likely; 0: to nobody.
    pub users: Option<Whole<0, 1_000_000>>,
}

/// When jobs arrive: exactly one of the keys `rate`, `every`, `allAtOnce`, `daily`, `counts`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Arrivals {
    /// Jobs a second, arriving independently of each other (a Poisson process).
    pub rate: Option<At<Real>>,
    /// The time between arrivals.
    pub every: Option<TimeDistribution>,
    /// All at the generator's start.
    pub all_at_once: Option<At<bool>>,
    /// A rate that swings over the day.
    pub daily: Option<Daily>,
    /// So many jobs in each period.
    pub counts: Option<Counts>,
}

/// Arrivals whose rate swings as a cosine.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Daily {
    /// Jobs a second, averaged over a period.
    pub rate: At<Real>,
    /// The swing, from 0 (none) to 1 (no arrivals at the lowest point).
    pub amplitude: Share,
    /// When the rate is highest; at the start.
    pub peak: Option<Duration>,
    /// The length of a cycle; 24h.
    pub period: Option<Period>,
}

/// Numbers of jobs by period.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Counts {
    /// The length of a period.
    pub period: Period,
    /// Jobs of each period, spread evenly at random within it.
    pub jobs: Vec<Whole<0, MAX_JOBS>>,
}

/// How pods behave when they run.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Behavior {
    /// How long each run of a container lasts; for ever.
    pub run_time: Option<TimeDistribution>,
    /// How long each run of an init container lasts; no time.
    pub init_time: Option<TimeDistribution>,
    /// The exit code of a run, 0 to 255; 0.
    pub exit_code: Option<NumberDistribution>,
    /// That many first runs end with exit code 1 whatever `exitCode` says; 0.
    pub fail_runs: Option<Whole<0, 1_000_000>>,
    /// From container start to ready; no time.
    pub startup_time: Option<TimeDistribution>,
    /// Cores that a pod would use if nothing held it back; what it requests.
    pub cpu_usage: Option<QuantityDistribution>,
    /// Bytes that a pod uses from its start; what it requests.
    pub memory_usage: Option<QuantityDistribution>,
    /// From the order to stop to the end, at most the grace period.
    pub stop_time: Option<TimeDistribution>,
    /// Bytes to pull if the node does not hold the image.
    pub image_size: Option<QuantityDistribution>,
    /// From container start to the moment from which readiness probes fail; never.
    pub unready_after: Option<TimeDistribution>,
    /// For how long they fail; until the container is restarted.
    pub unready_for: Option<TimeDistribution>,
    /// From container start to the moment from which it answers no probe any more; never.
    pub unhealthy_after: Option<TimeDistribution>,
    /// How long a `preStop` hook takes that is no `sleep`; no time.
    pub pre_stop_time: Option<TimeDistribution>,
    /// From a pod's sandbox to the moment at which the conditions of its readiness gates are true; no
    /// time.
    pub gate_time: Option<TimeDistribution>,
    /// That many first pulls of each container's image fail; 0.
    pub pull_failures: Option<Whole<0, 1_000_000>>,
}
