//! The arguments of `grade`, with their help.

use crate::cli::args::Format;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
An exercise is a folder with a `grade.yaml`, or that file. A submission is YAML:
`answers:` with a value for each question, `policy:` with keys of a scenario
that replace the exercise's, or both.

Examples:
  seatrial grade scenarios/classroom/04-backfilling --print > ann.yaml
  seatrial grade scenarios/classroom/04-backfilling ann.yaml
  seatrial grade scenarios/classroom/04-backfilling --print --student ann
  seatrial grade scenarios/classroom/04-backfilling ann.yaml --student ann
  seatrial grade scenarios/classroom/04-backfilling --solution --student ann

Exit codes:
  0    every check passed
  1    a check failed
  2    the submission or the exercise cannot be used
  3    reading or writing failed, or there is a bug";

/// Arguments of `grade`.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(after_help = EXAMPLES)]
pub struct GradeArguments {
    /// The exercise: a folder with a `grade.yaml`, or that file
    #[arg(value_name = "EXERCISE")]
    pub exercise: PathBuf,
    /// The student's answers or policy
    #[arg(value_name = "SUBMISSION", required_unless_present_any = ["print", "solution"])]
    pub submission: Option<PathBuf>,
    /// Whose variant of the exercise: the same name always gets the same numbers
    #[arg(long, value_name = "NAME", conflicts_with = "seed")]
    pub student: Option<String>,
    /// The variant of this seed
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Print the jobs and the questions, as a submission to be filled in
    #[arg(long, conflicts_with = "solution")]
    pub print: bool,
    /// Print the right answers, as a submission that passes, with Gantt charts
    #[arg(long)]
    pub solution: bool,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
