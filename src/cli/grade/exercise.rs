//! What a teacher writes (`grade.yaml`) and what a student hands in, as they are read.

use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use crate::observe::expect::{Expectation, parse};
use crate::scenario::At;
use crate::scenario::changed::{Overlay, read_as};
use crate::scenario::schema::scalars::Raw;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The file of an exercise's folder.
const FILE: &str = "grade.yaml";

/// An exercise.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Exercise {
    /// What it is about.
    pub(super) title: At<String>,
    /// The scenarios that questions are about, by the name that questions use.
    pub(super) runs: BTreeMap<String, At<String>>,
    /// What differs between students: the cells of the tables of jobs that are drawn.
    #[serde(default)]
    pub(super) variants: Vec<At<Variant>>,
    /// Questions with a number or a name as their answer, in order.
    #[serde(default)]
    pub(super) questions: Vec<At<Question>>,
    /// What a submitted policy is held to.
    pub(super) policy: Option<At<PolicyTask>>,
}

/// A cell of the table of jobs that is drawn for each student.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Variant {
    /// The job, by its number or name in the table.
    pub(super) job: At<Raw>,
    /// The column.
    pub(super) column: At<String>,
    /// What is drawn from, each with the same probability.
    pub(super) values: Vec<At<Raw>>,
}

/// A question.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Question {
    /// The key of its answer.
    pub(super) id: At<String>,
    /// The question itself.
    pub(super) ask: String,
    /// The run that it is about.
    pub(super) run: At<String>,
    /// The job that it is about.
    pub(super) job: Option<At<Raw>>,
    /// What is asked of the job.
    pub(super) of: Option<At<Of>>,
    /// The metric that is asked for.
    pub(super) metric: Option<At<String>>,
    /// How far off an answer may be.
    pub(super) within: Option<At<f64>>,
    /// What is said to who has got it wrong.
    pub(super) hint: Option<String>,
}

/// What is asked of a job.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) enum Of {
    /// When it starts, in seconds.
    Start,
    /// When it ends, in seconds.
    End,
    /// How long it waits, in seconds.
    Wait,
    /// On which node it runs.
    Node,
}

/// What a policy is held to.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyTask {
    /// What is to be done.
    pub(super) ask: String,
    /// The run whose scenario the submission changes.
    pub(super) run: At<String>,
    /// The beginnings of the keys that may be changed, such as `controlPlane.batch`.
    pub(super) may: Vec<At<String>>,
    /// What has to hold.
    pub(super) checks: Vec<At<Check>>,
}

/// Something that has to hold of a policy's run: one of the two.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Check {
    /// It in words.
    pub(super) say: String,
    /// A condition as under `expect` of a scenario.
    pub(super) expect: Option<At<String>>,
    /// A run: no job may start later than in that one.
    pub(super) no_later_than: Option<At<String>>,
}

/// What a student hands in, without the policy.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Submission {
    /// Whose variant it answers.
    #[serde(default)]
    pub(super) student: Option<At<Raw>>,
    /// Answers by the question's id; those that are left empty are not answered.
    #[serde(default)]
    pub(super) answers: BTreeMap<String, Option<At<Raw>>>,
}

/// An exercise and where it is.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) exercise: Exercise,
    /// The folder's name.
    pub(super) name: String,
    folder: PathBuf,
}

impl Opened {
    /// The scenario of a run.
    pub(super) fn scenario(&self, run: &str) -> PathBuf {
        self.folder.join(self.exercise.runs.get(run).map_or("", |file| file.value.as_str()))
    }
}

/// Reads an exercise.
pub(super) fn open(path: &Path) -> Result<Opened, Vec<Diagnostic>> {
    let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    if path.is_dir() && !file.is_file() {
        let finding = Diagnostic::error(Location::file(path.display().to_string()), "this is no exercise");
        return Err(vec![finding.help(format!("an exercise is a folder with a `{FILE}`"))]);
    }
    let (exercise, _) = read_as::<Exercise>(&file, "")?;
    let findings = check(&exercise);
    if !findings.is_empty() {
        return Err(findings);
    }
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let absolute = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Opened { exercise, name, folder })
}

/// What is wrong with an exercise that can be read.
fn check(exercise: &Exercise) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let known = |run: &At<String>| {
        (!exercise.runs.contains_key(&run.value)).then(|| {
            let finding = run.error("there is no run of this name");
            match suggest(&run.value, exercise.runs.keys().map(String::as_str)) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help("the runs are listed under `runs`"),
            }
        })
    };
    let mut ids = BTreeSet::new();
    for question in &exercise.questions {
        findings.extend(known(&question.run));
        if !ids.insert(&question.id.value) {
            findings.push(question.id.error("two questions have this id"));
        }
        let is_of_job = question.job.is_some() && question.of.is_some() && question.metric.is_none();
        let is_of_run = question.job.is_none() && question.of.is_none() && question.metric.is_some();
        if !is_of_job && !is_of_run {
            let finding =
                question.id.error("a question is about a `job` and something `of` it, or a `metric`");
            findings.push(finding);
        }
    }
    for variant in exercise.variants.iter().filter(|variant| variant.values.is_empty()) {
        findings.push(variant.column.error("there is nothing to draw from").help("list some `values`"));
    }
    if let Some(task) = &exercise.policy {
        findings.extend(known(&task.run));
        for check in &task.checks {
            findings.extend(check.no_later_than.as_ref().and_then(known));
            findings.extend(check.expect.as_ref().and_then(|text| parse(text, &text.location).err()));
            if check.expect.is_some() == check.no_later_than.is_some() {
                findings.push(check.error("a check has either `expect` or `noLaterThan`"));
            }
        }
    }
    findings
}

impl Check {
    /// The condition, which was looked at when the exercise was read.
    pub(super) fn condition(&self) -> Option<Expectation> {
        self.expect.as_ref().and_then(|text| parse(text, &text.location).ok())
    }
}

/// Reads a submission and holds it against its exercise.
pub(super) fn submitted(
    file: &Path,
    exercise: &Exercise,
) -> Result<(Submission, Option<Overlay>), Vec<Diagnostic>> {
    let (submission, policy) = read_as::<Submission>(file, "policy")?;
    let mut findings = Vec::new();
    let ids = || exercise.questions.iter().map(|question| question.id.value.as_str());
    for (id, answer) in &submission.answers {
        if !ids().any(|known| known == id) {
            let whole = || Location::file(file.display().to_string());
            let location = answer.as_ref().map_or_else(whole, |answer| answer.location.clone());
            let finding = Diagnostic::error(location, "there is no question of this id").found(id);
            findings.push(match suggest(id, ids()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("the questions are {}", ids().collect::<Vec<_>>().join(", "))),
            });
        }
    }
    match (&policy, &exercise.policy) {
        (Some(policy), Some(task)) => findings.extend(forbidden(policy, task)),
        (Some(policy), None) => {
            let finding = Diagnostic::error(policy.location().clone(), "this exercise takes no policy");
            findings.push(finding.help("hand in `answers:`"));
        }
        (None, _) if submission.answers.is_empty() => {
            let finding =
                Diagnostic::error(Location::file(file.display().to_string()), "there is nothing to grade");
            let help = "write `answers:` with a value for each question; `seatrial grade EXERCISE --print` lists them";
            findings.push(finding.help(help));
        }
        (None, _) => {}
    }
    if findings.is_empty() { Ok((submission, policy)) } else { Err(findings) }
}

/// Keys of a policy that the exercise does not let one change.
fn forbidden(policy: &Overlay, task: &PolicyTask) -> Vec<Diagnostic> {
    let may = |path: &str| {
        let within = |key: &String| {
            path == key || path.strip_prefix(key.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        task.may.iter().any(|key| within(&key.value))
    };
    let list: Vec<String> = task.may.iter().map(|key| format!("`{}`", key.value)).collect();
    let finding = |(path, location): (String, Location)| {
        Diagnostic::error(location, "the exercise does not let you change this")
            .found(path)
            .help(format!("a policy may change {}", list.join(", ")))
    };
    policy.paths().into_iter().filter(|(path, _)| !may(path)).map(finding).collect()
}
