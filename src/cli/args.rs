//! The arguments of the command line, with their help.

pub use super::compare::CompareArguments;
use super::fuzz_args::FuzzArguments;
pub use super::trace::formats::TraceFormat;
use super::trace_args::{ConvertArguments, MixArguments, ScaleArguments, ShakeArguments, SliceArguments};
use crate::base::Span;
use crate::control::config::Mode;
use crate::scenario::Named;
use crate::scenario::schema::OutputKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

const SCHEDULE_EXAMPLES: &str = "\
Nothing is written anywhere, and no cluster is asked: the files are the
cluster. Several pods are
placed one after the other, in the order in which they are named, and each sees the ones before it:
a pod that finds a node counts there, and a pod that preempts is promised its
node while its victims go. With `--alone` each pod is asked about by itself,
in the cluster as it stands in the files.

Examples:
  seatrial schedule -f pod.yaml --cluster dump/
  kubectl get nodes,pods,services,replicasets -A -o yaml |
      seatrial schedule -f pod.yaml --cluster -
  seatrial schedule --pod shop/web-7 --cluster dump.yaml --all-nodes
  seatrial schedule -f app.yaml --cluster dump/ --config kube-scheduler.yaml

Exit codes:
  0    every pod has a node
  1    a pod fits nowhere, or is held back
  2    a file or the use of the command is wrong
  3    reading or writing failed, or there is a bug";

const EXPLAIN_EXAMPLES: &str = "\
The scenario is run again, which gives the same run. Over time: every attempt
to place the pod, what woke it before, and what it waited for; then one
attempt node by node, as of that moment.

Examples:
  seatrial explain scenarios/preemption.yaml urgent-1
  seatrial explain scenarios/overloaded-queue.yaml default/job-17 --attempt 1
  seatrial explain manifests/ web-3 --pool 5x8cpu,32Gi --at 90s --all-nodes

Exit codes:
  0    the pod's way is told
  2    there is no such pod or attempt, or the scenario is wrong
  3    reading or writing failed, or there is a bug
  130  interrupted";

const CHECK_EXAMPLES: &str = "\
Examples:
  seatrial check scenarios/first-steps.yaml
  seatrial check --format json scenarios/*.yaml
  seatrial check app.yaml --nodes nodes.yaml

Exit codes:
  0    nothing is wrong; there may be warnings
  2    something is wrong
  3    writing failed, or there is a bug";

const MAIN_EXAMPLES: &str = "\
Examples:
  seatrial run scenarios/first-steps.yaml
  seatrial run scenarios/zone-outage.yaml --set run.seed=7 --out results/try-7
  seatrial run app.yaml --pool 5x8cpu,32Gi
  helm template shop ./chart | seatrial run - --nodes nodes.yaml
  seatrial check scenarios/*.yaml

Exit codes:
  0    done, and every expectation met
  1    a condition is not met: an expectation, a digest, an invariant
  2    the input or the use of the command is wrong
  3    reading or writing failed, or there is a bug
  130  interrupted";

const RUN_EXAMPLES: &str = "\
Examples:
  seatrial run scenarios/first-steps.yaml
  seatrial run scenarios/gpu-cluster.yaml --set 'cluster.pools[0].count=20'
  seatrial run scenarios/batch-day.yaml --outputs csv,json --out results/batch
  seatrial run app.yaml nodes.yaml
  seatrial run web/ --pool 5x8cpu,32Gi --pool gpu=2x16cpu,64Gi,nvidia.com/gpu=4
  kubectl get nodes,pods -A -o yaml | seatrial run -

Exit codes:
  0    done, and every expectation met
  1    an expectation is not met, or an invariant does not hold
  2    the scenario, a manifest, a trace or the use of the command is wrong
  3    reading or writing failed, or there is a bug
  130  interrupted: no results are left";

const INFO_EXAMPLES: &str = "\
Examples:
  seatrial trace info traces/batch-day.swf
  seatrial trace info log.swf.gz --processors 128 --swf-processors max
  seatrial trace info traces/batch-day.swf --charts results/batch-day
  seatrial trace info --format json traces/pods-hour.csv
  zcat log.swf.gz | seatrial trace info -

Exit codes:
  0    the trace can be used; rows may have been dropped or repaired
  2    the trace is wrong: each finding says where";

const HEAD_EXAMPLES: &str = "\
Examples:
  seatrial trace head traces/batch-day.swf -n 5
  seatrial trace head traces/gpu-pods.csv --format csv > first.csv";

const GENERATE_EXAMPLES: &str = "\
TIMES, NUMBERS and AMOUNTS are a value, such as `30s`, `4` or `2Gi`, or a distribution of values:
uniform(min, max), exponential(mean), lognormal(median, sigma), weibull(shape,
scale), pareto(shape, scale), normal(mean, sd), gamma(shape, scale),
powerOfTwo(min, max), poisson(mean), zipf(n, s), hyperexponential(p, mean1,
mean2), empirical(value, value, ...).

Examples:
  seatrial trace generate --jobs 100 --arrivals 'exponential(mean=30s)' \\
      --run-time 'lognormal(median=10m, sigma=1.5)' \\
      --processors 'powerOfTwo(min=1, max=64)' \\
      --estimate-factor 'uniform(min=1, max=4)' --out jobs.swf
  seatrial trace generate --for 8h --arrivals 'exponential(mean=1m)' \\
      --run-time 5m --cpu 500m
  seatrial trace generate scenarios/overloaded-queue.yaml --out jobs.csv
  seatrial trace generate --sample batch-day.swf --out batch-day.swf";

const VERIFY_EXAMPLES: &str = "\
Results, and comparisons, are compared with new runs of what they came from,
with the same inputs. A scenario is compared with its line in `digests.txt` beside it; one
that has no line is run twice.

Examples:
  seatrial verify results/first-steps
  seatrial verify scenarios/first-steps.yaml scenarios/batch-day.yaml
  seatrial verify scenarios
  seatrial verify --update scenarios

Exit codes:
  0    every digest is the same
  1    a digest differs
  2    a target is neither results nor a scenario, or cannot be run";

const TIMELINE_EXAMPLES: &str = "\
Examples:
  seatrial conformance timeline recordings/     # every folder, the mean score
  seatrial conformance timeline node-failure -v # with what disagrees
  seatrial conformance timeline node-failure --write ours.jsonl --seed 7
  seatrial conformance timeline node-failure --chart node-death.svg

The score of a folder is the agreement of ours with the recordings divided by
the agreement of the recordings with each other: 1 means as like the real one
as the real one is like itself.";
const BATCH_EXAMPLES: &str = "\
Every number of the tables is computed again for which the folder has the data:
  sc15-backfilling/<LOG>/<POLICY>.swf.gz    three policies on any log, every job
  rlscheduler/lublin_256*.gz                40 cells of a table of heuristics
  batsim/<NAME>.json, <NAME>-expected/      every job and its processors
  batsim-oar-real-vs-sim/**/oar_gant_*      runs of a real cluster
  swf-pwa/*.swf.gz                          averages on whole logs

Examples:
  seatrial conformance batch                       # the files with their sha256
  seatrial conformance batch --data traces
  seatrial conformance batch --data traces --answers starts.csv
  seatrial conformance batch --data traces --procs SDSC-BLUE=1152";

const CONFORMANCE_EXAMPLES: &str = "\
A case is a line of JSON: an input, and what the real code returned for it.
Every field of the recorded answer must be there and equal: numbers to a
relative 1e-9, lists in order, reasons as sets. Fields that are recorded for
information only do not count.

Examples:
  seatrial conformance scheduler recorded/scheduler-1.36
  seatrial conformance scheduler score.jsonl.gz --kubernetes 1.34
  seatrial conformance scheduler cases.jsonl --answers answers.jsonl
  seatrial conformance controllers recorded/controllers-1.36

Exit codes:
  0    every case agrees, or there was nothing to compare with
  1    a case disagrees, or cannot be read or answered
  2    a file cannot be used, or the use of the command is wrong
  3    reading or writing failed, or there is a bug
  130  interrupted: no answers are left";

/// Takes a cluster on a sea trial before it sails: a discrete-event simulator that decides as a real
/// control plane does.
///
/// Job traces and Kubernetes manifests are replayed against virtual nodes; scheduling, failover and
/// restarts follow the logic and the timings of the real thing. No cluster, no container, no
/// network: one command, and the same result each time.
#[derive(Parser, Clone, PartialEq, Debug)]
#[command(name = "seatrial", version, propagate_version = true, after_help = MAIN_EXAMPLES, max_term_width = 80)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum Command {
    /// Run a scenario, or Kubernetes manifests as they are
    Run(RunArguments),
    /// Read a scenario and everything it names, and say what is wrong, without running it
    Check(CheckArguments),
    /// Run one workload under several policies, and lay the runs side by side
    Compare(Box<CompareArguments>),
    /// Place a pod in a cluster as it is, and explain the decision node by node
    Schedule(ScheduleArguments),
    /// Run a scenario and tell how a pod of it found its node, or why it did not
    Explain(ExplainArguments),
    /// Print the JSON Schema of scenarios, for editors
    Schema(SchemaArguments),
    /// Look at traces of workloads, and make new ones
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Run again what results came from, or what a scenario has recorded, and compare digests
    Verify(VerifyArguments),
    /// Grade a student's answers or policy for an exercise, or print the exercise
    Grade(super::grade::GradeArguments),
    /// Print a script that completes the commands in a shell
    #[command(
        after_help = "Example:\n  seatrial completions bash > ~/.local/share/bash-completion/completions/seatrial"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Recompute decisions that the real control plane has taken, and compare
    #[command(subcommand)]
    Conformance(ConformanceCommand),
    /// Run random scenarios with every check on, to find faults of seatrial itself
    Fuzz(FuzzArguments),
}

/// What is run.
#[derive(Args, Clone, PartialEq, Debug, Default)]
pub struct InputArguments {
    /// One scenario, or files and folders of Kubernetes objects; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Replace a value of the scenario; keys are joined by points, as in `cluster.pools[0].count=20`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// The seed of every random draw; short for `--set run.seed=N`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// How the scheduler searches nodes when all are looked at; the decisions are the same. Short for
    /// `--set controlPlane.scheduler.mode=MODE`
    #[arg(long, value_enum, value_name = "MODE")]
    pub scheduler_mode: Option<SearchMode>,
    /// A file with the Nodes of the cluster, where the files are Kubernetes objects
    #[arg(long, value_name = "FILE")]
    pub nodes: Vec<String>,
    /// Machines of the cluster, where the files are Kubernetes objects:
    /// `[name=]COUNTxCOREScpu,MEMORY[,resource=amount][,zones=a+b]`
    #[arg(long = "pool", value_name = "POOL")]
    pub pools: Vec<String>,
}

impl InputArguments {
    /// What is named, as the scenario layer takes it.
    pub fn named(&self) -> Named {
        let mut sets = self.sets.clone();
        sets.extend(self.seed.map(|seed| format!("run.seed={seed}")));
        let mode = self.scheduler_mode.map(|mode| format!("controlPlane.scheduler.mode={}", mode.key()));
        sets.extend(mode);
        Named { files: self.files.clone(), nodes: self.nodes.clone(), pools: self.pools.clone(), sets }
    }
}

/// Arguments of `run`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArguments {
    /// What is run.
    #[command(flatten)]
    pub input: InputArguments,
    /// The folder of the results; `results/<name>` where it is not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// What is written: `csv`, `json`, `charts`, `report`, with commas between; `none` for nothing
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub outputs: Option<Vec<Output>>,
    /// A pod whose way through the scheduler is told in the report, as `name` or `namespace/name`
    #[arg(long, value_name = "POD")]
    pub explain: Vec<String>,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print a Gantt chart as well, and why the jobs of a small batch run waited
    #[arg(long)]
    pub gantt: bool,
    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Show no progress
    #[arg(long)]
    pub no_progress: bool,
    /// How many threads draw charts and run variants; all cores where it is not given. Results are
    /// the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Arguments of `check`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArguments {
    /// What is checked.
    #[command(flatten)]
    pub input: InputArguments,
    /// How the findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print nothing if nothing is wrong
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `schedule`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = SCHEDULE_EXAMPLES)]
pub struct ScheduleArguments {
    /// A file or folder with the pods to place, or with a Deployment, ReplicaSet, StatefulSet or Job,
    /// whose next pod is placed; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE", required_unless_present = "pods")]
    pub files: Vec<String>,
    /// A pod of the cluster to place, as `name` or `namespace/name`; if it is bound it is decided on
    /// as if it was not
    #[arg(long = "pod", value_name = "POD")]
    pub pods: Vec<String>,
    /// The cluster: a file or folder of Kubernetes objects as `kubectl get -o yaml` prints them, or a
    /// scenario; `-` is standard input
    #[arg(long, value_name = "FILE", required = true)]
    pub cluster: Vec<String>,
    /// The release whose decisions are taken; 1.36 where it is not given
    #[arg(long, value_enum, value_name = "RELEASE")]
    pub kubernetes: Option<Release>,
    /// The scheduler's configuration, a KubeSchedulerConfiguration
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// How nodes are searched; the decision is the same
    #[arg(long, value_enum, value_name = "MODE")]
    pub scheduler_mode: Option<SearchMode>,
    /// The seed of draws among equal nodes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// Ask about each pod by itself: none sees the ones before it
    #[arg(long)]
    pub alone: bool,
    /// How many feasible nodes are shown, the best first
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
    /// Show every node
    #[arg(long, conflicts_with = "top")]
    pub all_nodes: bool,
    /// How the decisions are printed; JSON has all nodes
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub struct ExplainArguments {
    /// The scenario, or a file or folder of Kubernetes objects
    pub scenario: String,
    /// The pod, as `name` or `namespace/name`
    pub pod: String,
    /// Show the last attempt up to this moment, such as `90s`, node by node
    #[arg(long, value_name = "TIME", conflicts_with = "attempt")]
    pub at: Option<Span>,
    /// Show the attempt of this number, from 1, node by node; the last one where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
    /// Replace a value of the scenario
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// The seed of every random draw; short for `--set run.seed=N`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// A file with the Nodes of the cluster, where Kubernetes objects are run
    #[arg(long, value_name = "FILE")]
    pub nodes: Vec<String>,
    /// Machines of the cluster, where Kubernetes objects are run, such as `5x8cpu,32Gi`
    #[arg(long = "pool", value_name = "POOL")]
    pub pools: Vec<String>,
    /// How many feasible nodes are shown, the best first
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
    /// Show every node
    #[arg(long, conflicts_with = "top")]
    pub all_nodes: bool,
    /// How it is printed; JSON has all nodes
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Show no progress
    #[arg(long)]
    pub no_progress: bool,
}

/// Arguments of `schema`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(
    after_help = "Example:\n  seatrial schema --out scenario.schema.json\n\nA scenario names it in its first line, then editors complete and check it:\n  # yaml-language-server: $schema=scenario.schema.json"
)]
pub struct SchemaArguments {
    /// The file to write; standard output where it is not given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What can be done with traces.
#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum TraceCommand {
    /// Read a trace whole and print what is in it, what was dropped and why
    Info(InfoArguments),
    /// Print the first rows of a trace as seatrial reads them
    Head(HeadArguments),
    /// Follow recorded placements: what was allocated over time
    Replay(super::trace::replay::ReplayArguments),
    /// Write a new trace: from distributions, from a scenario's generators, or one of the samples
    Generate(Box<GenerateArguments>),
    /// Write a trace in another format, and say what that format cannot hold
    Convert(Box<ConvertArguments>),
    /// Scale times between submissions, run times and sizes, or bring the load to a target
    Scale(Box<ScaleArguments>),
    /// Cut a time window, a range of rows, users, queues or sizes out of a trace
    Slice(Box<SliceArguments>),
    /// Move submit times a little at random, or draw a new trace of its users
    Shake(Box<ShakeArguments>),
    /// Mix several traces into one
    Mix(Box<MixArguments>),
}

/// A trace that is read.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct TraceArguments {
    /// The trace, plain or gzip'd; `-` is standard input
    pub file: String,
    /// Its format; found out by name and content where it is not given
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub trace_format: Option<TraceFormat>,
    /// Which number of processors counts in the Standard Workload Format
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = SwfProcessors::Requested)]
    pub swf_processors: SwfProcessors,
    /// Keep jobs of the Standard Workload Format that ran but took no time
    #[arg(long)]
    pub keep_zero_run: bool,
    /// Processors of the machine, for the load; jobs of the Standard Workload Format that need more
    /// are dropped. What the header says where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub processors: Option<u32>,
}

/// Arguments of `trace info`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = INFO_EXAMPLES)]
pub struct InfoArguments {
    /// The trace.
    #[command(flatten)]
    pub trace: TraceArguments,
    /// Draw charts of arrivals, load and distributions into this folder, as SVG and PNG
    #[arg(long, value_name = "FOLDER")]
    pub charts: Option<PathBuf>,
    /// How the facts are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `trace head`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = HEAD_EXAMPLES)]
pub struct HeadArguments {
    /// The trace.
    #[command(flatten)]
    pub trace: TraceArguments,
    /// How many rows
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub rows: u64,
    /// How the rows are printed
    #[arg(long, value_enum, default_value_t = RowFormat::Text)]
    pub format: RowFormat,
}

/// Arguments of `trace generate`.
#[derive(Args, Clone, PartialEq, Debug, Default)]
#[command(after_help = GENERATE_EXAMPLES)]
pub struct GenerateArguments {
    /// A scenario whose `workload.generators` are drawn
    #[arg(value_name = "SCENARIO", conflicts_with_all = ["sample", "Shape"])]
    pub file: Option<String>,
    /// One of the samples that come with seatrial, such as `batch-day.swf`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["Shape", "seed", "trace_format"])]
    pub sample: Option<String>,
    /// The published shape of a large cell: `google-2011`, a row a task; an `--out` that ends in `.gz` is
    /// compressed
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "sample", "Shape", "trace_format"])]
    pub cell: Option<String>,
    /// With `--cell`: how many tasks; 100000 where it is not given, and 25000000 are 29 days
    #[arg(long, value_name = "N", requires = "cell")]
    pub cell_tasks: Option<u64>,
    /// What is drawn.
    #[command(flatten)]
    pub shape: ShapeArguments,
    /// Replace a value of the scenario
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "file")]
    pub sets: Vec<String>,
    /// The seed of every random draw; the scenario's, or 1
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The format that is written; by the ending of `--out` where it is not given, else seatrial's own
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub trace_format: Option<WrittenFormat>,
    /// The file to write; standard output where it is not given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What is drawn, as options.
#[derive(Args, Clone, PartialEq, Debug, Default)]
#[group(id = "Shape", multiple = true)]
#[command(next_help_heading = "What is drawn")]
pub struct ShapeArguments {
    /// How many jobs
    #[arg(long, value_name = "N")]
    pub jobs: Option<u64>,
    /// No job arrives later than this, such as `8h`
    #[arg(long = "for", value_name = "TIME")]
    pub duration: Option<String>,
    /// The time between arrivals, such as `30s` or `exponential(mean=30s)`; all at once where it is
    /// not given
    #[arg(long, value_name = "TIMES")]
    pub arrivals: Option<String>,
    /// How long each task runs; for ever where it is not given
    #[arg(long, value_name = "TIMES")]
    pub run_time: Option<String>,
    /// The user's estimate as a multiple of the run time, such as `uniform(min=1, max=5)`
    #[arg(long, value_name = "NUMBERS")]
    pub estimate_factor: Option<String>,
    /// Processors of each job, for batch machines, such as `powerOfTwo(min=1, max=64)`
    #[arg(long, value_name = "NUMBERS")]
    pub processors: Option<String>,
    /// Cores that each task requests, such as `empirical(250m, 500m, 2)`
    #[arg(long, value_name = "AMOUNTS")]
    pub cpu: Option<String>,
    /// Bytes that each task requests, such as `2Gi`
    #[arg(long, value_name = "AMOUNTS")]
    pub memory: Option<String>,
    /// A further resource that each task requests, such as `nvidia.com/gpu=1`
    #[arg(long = "resource", value_name = "NAME=AMOUNTS")]
    pub resources: Vec<String>,
    /// Equal tasks of each job; 1 where it is not given
    #[arg(long, value_name = "NUMBERS")]
    pub tasks: Option<String>,
    /// The exit code of each task; 0 where it is not given
    #[arg(long, value_name = "NUMBERS")]
    pub exit_code: Option<String>,
    /// Jobs belong to so many users, each equally likely
    #[arg(long, value_name = "N")]
    pub users: Option<u32>,
    /// The beginning of the jobs' names, and the key of the random draws
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Arguments of `verify`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct VerifyArguments {
    /// Folders of results or of a comparison, scenarios, or folders of scenarios
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<PathBuf>,
    /// Write the digests of scenarios to `digests.txt` beside them instead of comparing
    #[arg(long)]
    pub update: bool,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How many runs there are at a time; one on each core where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// What is compared with the real control plane.
#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum ConformanceCommand {
    /// Decisions of the scheduler: scores, failures, picks, preemption, the queue
    Scheduler(SchedulerCases),
    /// Decisions of the controllers: roll-outs, deletions, evictions, zones
    Controllers(ConformanceArguments),
    /// Whole runs: what the control plane did and when
    Timeline(TimelineArguments),
    /// Published results of batch scheduling: averages, and the start of every job
    Batch(BatchArguments),
}

/// Arguments of `conformance batch`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = BATCH_EXAMPLES)]
pub struct BatchArguments {
    /// The folder with the data; without it the files that are needed are listed, with their sha256
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Processors of the machine of a log of SC'15 whose header does not name them; for one log alone
    /// `LOG=N`, and then it may be given several times
    #[arg(long = "procs", value_name = "N")]
    pub processors: Vec<String>,
    /// Write the start of every job as we have it
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// List every job whose answer is another one, not only the first few
    #[arg(long, short)]
    pub verbose: bool,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How many runs are computed at a time; one on each core where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Arguments of `conformance timeline`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = TIMELINE_EXAMPLES)]
pub struct TimelineArguments {
    /// Folders with `manifests.yaml`, `script.json` and recordings `timeline-N.jsonl`; a folder of such
    /// folders stands for all of them
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Write our timeline of the one folder, in the form of the recordings, and compare nothing
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Draw the death of the first node that falls silent in the one folder, in the recordings and
    /// here, and compare nothing else; an SVG
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    pub chart: Option<PathBuf>,
    /// The seed of what the recordings leave free, such as the phases of periodic loops; may be given
    /// several times. 1, 2 and 3 where it is not given; 1 with `--write`
    #[arg(long = "seed", value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seeds: Vec<u64>,
    /// List what disagrees
    #[arg(long, short)]
    pub verbose: bool,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How many folders are replayed at a time; one on each core where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Arguments of `conformance scheduler`.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct SchedulerCases {
    /// The cases.
    #[command(flatten)]
    pub cases: ConformanceArguments,
    /// How nodes are searched when all are looked at; the answers are the same
    #[arg(long, value_enum, value_name = "MODE", default_value_t = SearchMode::Auto)]
    pub scheduler_mode: SearchMode,
}

/// Arguments of `conformance`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = CONFORMANCE_EXAMPLES)]
pub struct ConformanceArguments {
    /// Files with a case in each line, plain or gzip'd; a folder stands for all `.jsonl` and
    /// `.jsonl.gz` files in it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The release whose answers were recorded; 1.34 where the name of a file or its folder says so,
    /// else 1.36. The controllers decide the same in both
    #[arg(long, value_enum, value_name = "RELEASE")]
    pub kubernetes: Option<Release>,
    /// Write our answer to each case, also where none was recorded
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How many cases are answered at a time; one on each core where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// How the scheduler searches nodes when all are looked at.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SearchMode {
    /// What is likely faster
    Auto,
    /// Through an index that is kept up to date
    Indexed,
    /// Node by node
    Plain,
}

impl SearchMode {
    /// The same for the scheduler.
    pub const fn mode(self) -> Mode {
        match self {
            SearchMode::Auto => Mode::Auto,
            SearchMode::Indexed => Mode::Indexed,
            SearchMode::Plain => Mode::Plain,
        }
    }

    /// As scenarios write it.
    pub const fn key(self) -> &'static str {
        match self {
            SearchMode::Auto => "auto",
            SearchMode::Indexed => "indexed",
            SearchMode::Plain => "plain",
        }
    }
}

/// Releases of Kubernetes.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Release {
    /// Kubernetes 1.34
    #[value(name = "1.34")]
    V1_34,
    /// Kubernetes 1.36
    #[value(name = "1.36")]
    V1_36,
}

/// How something is printed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Formats of traces that can be written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrittenFormat {
    /// The Standard Workload Format
    Swf,
    /// seatrial's own table (CSV)
    Seatrial,
}

/// How rows are printed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// seatrial's own table
    Csv,
}

/// Which number of processors counts.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwfProcessors {
    /// What was allocated, else what was requested
    Allocated,
    /// What was requested, else what was allocated
    Requested,
    /// The larger of the two
    Max,
}

/// What is written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Tables
    Csv,
    /// The summary as JSON
    Json,
    /// Charts as SVG and PNG
    Charts,
    /// One self-contained HTML page
    Report,
    /// Nothing
    None,
}

impl Output {
    /// The kinds of files that a list names, sorted, each once.
    pub fn kinds(list: &[Output]) -> Vec<OutputKind> {
        let mut kinds: Vec<OutputKind> = list
            .iter()
            .filter_map(|output| match output {
                Output::Csv => Some(OutputKind::Csv),
                Output::Json => Some(OutputKind::Json),
                Output::Charts => Some(OutputKind::Charts),
                Output::Report => Some(OutputKind::Report),
                Output::None => None,
            })
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_seed_is_an_override_that_wins() {
        let line =
            ["seatrial", "run", "x.yaml", "--set", "run.seed=1", "--seed", "7", "--pool", "5x8cpu,32Gi"];
        let Command::Run(run) = Arguments::try_parse_from(line).unwrap().command else { panic!("not a run") };
        assert_eq!(run.input.named().sets, ["run.seed=1", "run.seed=7"]);
        assert_eq!(run.input.named().pools, ["5x8cpu,32Gi"]);
    }

    #[test]
    fn wrong_use_is_exit_code_2() {
        for line in [
            &["seatrial"][..],
            &["seatrial", "run"],
            &["seatrial", "run", "x.yaml", "--threads", "0"],
            &["seatrial", "run", "x.yaml", "--outputs", "csv,pdf"],
            &["seatrial", "trace", "info"],
            &["seatrial", "completions", "tcl"],
        ] {
            assert_eq!(Arguments::try_parse_from(line).unwrap_err().exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn outputs_are_a_list() {
        let line = ["seatrial", "run", "x.yaml", "--outputs", "report,csv,csv"];
        let Command::Run(run) = Arguments::try_parse_from(line).unwrap().command else { panic!("not a run") };
        assert_eq!(Output::kinds(&run.outputs.unwrap()), [OutputKind::Csv, OutputKind::Report]);
    }
}
