//! The arguments of the command line, with their help.

use crate::scenario::Named;
use crate::scenario::schema::OutputKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

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
  seatrial run scenarios/gpu-cluster.yaml --set 'cluster.pools[0].count=20' --seed 7
  seatrial run scenarios/batch-day.yaml --outputs csv,json --out results/batch
  seatrial run app.yaml nodes.yaml
  seatrial run manifests/ --pool 5x8cpu,32Gi --pool gpu=2x16cpu,64Gi,nvidia.com/gpu=4
  kubectl get nodes,pods -A -o yaml | seatrial run -

Exit codes:
  0    done, and every expectation met
  1    an expectation is not met, or an invariant does not hold
  2    the scenario, a manifest, a trace or the use of the command is wrong
  3    reading or writing failed, or there is a bug
  130  interrupted: no results are left";

/// Takes a cluster on a sea trial before it sails: a discrete-event simulator that decides as a real
/// control plane does.
///
/// Job traces and Kubernetes manifests are replayed against virtual nodes; scheduling, failover and
/// restarts follow the logic and the timings of the real thing. No cluster, no container, no
/// network: one command, and the same result each time.
#[derive(Parser, Clone, PartialEq, Debug)]
#[command(name = "seatrial", version, propagate_version = true, after_help = MAIN_EXAMPLES, max_term_width = 100)]
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
    /// Print the JSON Schema of scenarios, for editors
    Schema(SchemaArguments),
    /// Look at traces, and make new ones
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Run again what a folder of results came from, and compare digests
    Verify(VerifyArguments),
    /// Print a script that completes the commands in a shell
    #[command(
        after_help = "Example:\n  seatrial completions bash > ~/.local/share/bash-completion/completions/seatrial"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Run random scenarios with every check on, to find faults of seatrial itself
    Fuzz(FuzzArguments),
}

impl Command {
    /// The command's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::Run(_) => "run",
            Command::Check(_) => "check",
            Command::Schema(_) => "schema",
            Command::Trace(_) => "trace",
            Command::Verify(_) => "verify",
            Command::Completions { .. } => "completions",
            Command::Fuzz(_) => "fuzz",
        }
    }
}

/// What is run.
#[derive(Args, Clone, PartialEq, Debug, Default)]
pub struct InputArguments {
    /// One scenario, or files and folders of Kubernetes objects; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Replace a value of the scenario; keys are joined by points, members of lists are [0], [1], …
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// The seed of every random draw; short for `--set run.seed=N`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
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
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
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
    #[command(after_help = "Example:\n  seatrial trace info traces/batch-day.swf")]
    Info {
        /// The trace; `-` is standard input
        file: String,
        /// Its format; found out by name and content where it is not given
        #[arg(long, value_enum)]
        trace_format: Option<TraceFormat>,
        /// How the facts are printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the first rows of a trace as seatrial reads them
    #[command(after_help = "Example:\n  seatrial trace head traces/batch-day.swf --rows 5")]
    Head {
        /// The trace; `-` is standard input
        file: String,
        /// Its format; found out by name and content where it is not given
        #[arg(long, value_enum)]
        trace_format: Option<TraceFormat>,
        /// How many rows
        #[arg(long, short = 'n', default_value_t = 10)]
        rows: u64,
    },
    /// Write the jobs of a scenario's generators as a trace
    #[command(
        after_help = "Example:\n  seatrial trace generate scenarios/overloaded-queue.yaml --out jobs.csv"
    )]
    Generate {
        /// The scenario whose `workload.generators` are drawn
        #[arg(value_name = "SCENARIO")]
        file: String,
        /// Replace a value of the scenario
        #[arg(long = "set", value_name = "PATH=VALUE")]
        sets: Vec<String>,
        /// The seed of every random draw
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// The format that is written
        #[arg(long, value_enum, default_value_t = TraceFormat::Seatrial)]
        trace_format: TraceFormat,
        /// The file to write; standard output where it is not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Arguments of `verify`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(
    after_help = "Example:\n  seatrial verify results/first-steps\n\nThe exit code is 1 if a digest differs."
)]
pub struct VerifyArguments {
    /// Folders of results
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
}

/// Arguments of `fuzz`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(
    after_help = "Example:\n  seatrial fuzz --seed 1 --count 1000\n\nA failure prints the one line that repeats it; the exit code is then 1."
)]
pub struct FuzzArguments {
    /// The seed of the first scenario; the others follow
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many scenarios
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: u64,
}

/// How something is printed.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Formats of traces.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceFormat {
    /// The Standard Workload Format
    Swf,
    /// The pod list of Alibaba's GPU trace of 2023
    Openb,
    /// seatrial's own table (CSV)
    Seatrial,
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
