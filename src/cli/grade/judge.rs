//! Running an exercise, and judging what was handed in.

use super::exercise::{Check, Of, Opened, Question, Submission};
use super::variant::Jobs;
use crate::base::Diagnostic;
use crate::cli::execute::{Failure, Order, execute};
use crate::cli::progress::Interrupt;
use crate::observe::single::{self, Single};
use crate::observe::table::number;
use crate::observe::{Metric, Results};
use crate::scenario::changed::{Overlay, load_changed};
use crate::scenario::schema::scalars::Raw;
use crate::scenario::{At, Named, compile};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

/// How far off an answer about a metric may be, where the question does not say.
const WITHIN: f64 = 0.005;
/// The same about a moment: what is written with seconds is exact.
const EXACT: f64 = 1e-6;

/// A run of an exercise.
pub(super) struct Ran {
    pub(super) results: Results,
    pub(super) jobs: BTreeMap<String, Single>,
    metrics: Vec<Metric>,
}

/// What has come of a check.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Verdict {
    /// The question's id, or `policy`.
    pub(super) id: String,
    /// What was asked for.
    pub(super) ask: String,
    /// What was handed in, or what the policy has come to.
    pub(super) given: Option<String>,
    pub(super) passed: bool,
    /// What is said to who has got it wrong, a line each.
    pub(super) feedback: Vec<String>,
}

/// Runs exercises.
pub(super) struct Runner<'a> {
    pub(super) opened: &'a Opened,
    pub(super) seed: Option<u64>,
    pub(super) interrupt: Interrupt,
}

impl Runner<'_> {
    /// The table of jobs of a run, as this student has it; `None` where its scenario has no trace.
    pub(super) fn jobs(&self, run: &str) -> Result<Option<Jobs>, Failure> {
        let file = self.opened.scenario(run);
        let (scenario, environment) = load_changed(&file, None, &[], None).map_err(Failure::Input)?;
        let Some(trace) = scenario.workload.traces.first() else { return Ok(None) };
        let mut jobs = Jobs::read(&environment.folder.join(trace.file.as_str()))?;
        if let Some(seed) = self.seed {
            jobs.draw(seed, &self.opened.exercise.variants)?;
        }
        Ok(Some(jobs))
    }

    /// Runs a scenario, with the student's table and changes.
    pub(super) fn run(&self, run: &str, overlay: Option<&Overlay>) -> Result<Ran, Failure> {
        let file = self.opened.scenario(run);
        let drawn = match self.seed.filter(|_| !self.opened.exercise.variants.is_empty()) {
            Some(_) => self.jobs(run)?.map(|jobs| jobs.csv()),
            None => None,
        };
        let sets = if drawn.is_some() { sets(&file)? } else { Vec::new() };
        let stdin = drawn.map(|bytes| -> Box<dyn Read + Send> { Box::new(Cursor::new(bytes)) });
        let loaded = load_changed(&file, overlay, &sets, stdin);
        let compiled = loaded.and_then(|(scenario, environment)| compile(&scenario, environment));
        let mut compiled = compiled.map_err(Failure::Input)?;
        // What the exercise expects of its own jobs need not hold for others.
        compiled.expectations.clear();
        let order = Order {
            named: Named { files: vec![file.display().to_string()], ..Named::default() },
            explain: Vec::new(),
            folder: None,
            progress: false,
            interrupt: self.interrupt.clone(),
        };
        let results = execute(compiled, &order)?.observed.results;
        let jobs = single::singles(&results);
        let mut metrics = results.metrics.clone();
        metrics.extend(single::metrics(&jobs));
        Ok(Ran { results, jobs, metrics })
    }

    /// Every run that questions are about.
    pub(super) fn runs(&self) -> Result<BTreeMap<String, Ran>, Failure> {
        let names: std::collections::BTreeSet<&String> =
            self.opened.exercise.questions.iter().map(|question| &question.run.value).collect();
        names.into_iter().map(|name| Ok((name.clone(), self.run(name, None)?))).collect()
    }

    /// Judges a policy.
    pub(super) fn policy(&self, overlay: &Overlay) -> Result<Vec<Verdict>, Failure> {
        let Some(task) = &self.opened.exercise.policy else { return Ok(Vec::new()) };
        let ran = self.run(&task.run, Some(overlay))?;
        task.checks.iter().map(|check| self.check(check, &ran)).collect()
    }

    fn check(&self, check: &At<Check>, ran: &Ran) -> Result<Verdict, Failure> {
        let verdict = |passed, given, feedback| Verdict {
            id: "policy".to_owned(),
            ask: check.say.clone(),
            given,
            passed,
            feedback,
        };
        if let Some(expectation) = check.condition() {
            let judged = expectation.judge(&ran.metrics, &check.location)?;
            let actual = judged.actual.map_or_else(|| "not defined".to_owned(), number);
            let feedback = vec![format!("wanted: {}", expectation.text)];
            return Ok(verdict(judged.met, Some(format!("{} is {actual}", expectation.metric)), feedback));
        }
        let Some(other) = &check.no_later_than else { return Ok(verdict(false, None, Vec::new())) };
        let reference = self.run(other, None)?;
        Ok(match first_later(ran, &reference) {
            None => verdict(true, None, Vec::new()),
            Some((job, line)) => {
                let feedback = last_wait(&ran.results, &job).into_iter().collect();
                verdict(false, Some(line), feedback)
            }
        })
    }
}

/// What makes a scenario read a drawn table in the place of its own: rows without a name are called
/// as before.
fn sets(file: &Path) -> Result<Vec<String>, Failure> {
    let (scenario, _) = load_changed(file, None, &[], None).map_err(Failure::Input)?;
    let mut sets = vec!["workload.traces[0].file=\"-\"".to_owned()];
    let trace = scenario.workload.traces.first().filter(|trace| trace.name.is_none());
    let stem = trace.and_then(|trace| Path::new(trace.file.as_str()).file_stem());
    sets.extend(stem.map(|stem| format!("workload.traces[0].name={}", stem.to_string_lossy())));
    Ok(sets)
}

/// The first job in time that starts later than in another run.
fn first_later(ran: &Ran, reference: &Ran) -> Option<(String, String)> {
    let later = reference.jobs.iter().filter_map(|(job, before)| {
        let before = before.start?;
        let start = ran.jobs.get(job).and_then(|single| single.start);
        start.is_none_or(|start| start > before + EXACT).then_some((before, job, start))
    });
    let (before, job, start) = later.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let start = start.map_or_else(|| "never".to_owned(), |start| format!("at {} s", number(start)));
    Some((job.clone(), format!("{} starts {start}, not at {} s", single::called(job), number(before))))
}

/// What a job waited for last.
fn last_wait(results: &Results, job: &str) -> Option<String> {
    let wait = results.waits.iter().rfind(|wait| wait.job == job)?;
    Some(format!("until {} s it waited: {}", number(wait.until.as_secs_f64()), wait.reason))
}

/// The right answer to a question; `None` if there is none: it never happens.
pub(super) fn answer(question: &Question, ran: &Ran) -> Result<Option<String>, Diagnostic> {
    if let Some(metric) = &question.metric {
        let found = ran.metrics.iter().find(|known| known.name == metric.value);
        let found = found.ok_or_else(|| metric.error("this run has no such metric"))?;
        return Ok(found.value.map(number));
    }
    let (Some(job), Some(of)) = (&question.job, &question.of) else { return Ok(None) };
    let single = ran.jobs.get(&job.value.0).ok_or_else(|| job.error("this run has no such job"))?;
    Ok(match of.value {
        Of::Start => single.start.map(number),
        Of::End => single.end.map(number),
        Of::Wait => single.wait.map(number),
        Of::Node => single.row.clone(),
    })
}

/// Judges answers, in the order of the questions.
pub(super) fn answers(
    opened: &Opened,
    submission: &Submission,
    runs: &BTreeMap<String, Ran>,
) -> Result<Vec<Verdict>, Vec<Diagnostic>> {
    let (mut verdicts, mut findings) = (Vec::new(), Vec::new());
    let mut moments: Vec<Option<(f64, usize)>> = Vec::new();
    for question in &opened.exercise.questions {
        let given = submission.answers.get(&question.id.value).and_then(Option::as_ref);
        let ran = &runs[&question.run.value];
        match one(question, given, ran) {
            Ok(verdict) => verdicts.push(verdict),
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    // Where one job is wrong, those behind it are wrong for that reason: the first one is told about.
    for (run, ran) in runs {
        moments.clear();
        for (place, question) in opened.exercise.questions.iter().enumerate() {
            let is_wrong = question.run.value == *run && !verdicts[place].passed;
            let job = question.job.as_ref().filter(|_| is_wrong).and_then(|job| ran.jobs.get(&job.value.0));
            moments.push(job.and_then(|single| single.start).map(|start| (start, place)));
        }
        let first = moments.iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, place)) = first.copied() else { continue };
        let question = &opened.exercise.questions[place];
        let given = submission.answers.get(&question.id.value).and_then(Option::as_ref);
        if let (Some(given), Some(job)) = (given, &question.job) {
            verdicts[place].feedback.extend(reason(question, &given.value.0, &job.value.0, ran));
        }
        for (_, later) in moments.iter().flatten().filter(|(_, other)| *other != place) {
            let line = format!("look at `{}` first", question.id.value);
            verdicts[*later].feedback.push(line);
        }
    }
    Ok(verdicts)
}

fn one(question: &Question, given: Option<&At<Raw>>, ran: &Ran) -> Result<Verdict, Diagnostic> {
    let right = answer(question, ran)?;
    let verdict = |passed, feedback: Vec<String>| Verdict {
        id: question.id.value.clone(),
        ask: question.ask.clone(),
        given: given.map(|given| given.value.0.clone()),
        passed,
        feedback,
    };
    let Some(given) = given else { return Ok(verdict(false, vec!["not answered".to_owned()])) };
    let hint = question.hint.iter().cloned();
    let is_name = question.of.as_ref().is_some_and(|of| of.value == Of::Node);
    if is_name {
        let passed = right.as_deref() == Some(given.value.0.trim());
        let nodes = ran.results.gantt.rows.iter().any(|row| row == given.value.0.trim());
        let said = if nodes { "another node" } else { "there is no node of this name" };
        let feedback =
            if passed { Vec::new() } else { std::iter::once(said.to_owned()).chain(hint).collect() };
        return Ok(verdict(passed, feedback));
    }
    let value = read_number(given)?;
    let tolerance = match (&question.within, &question.metric) {
        (Some(within), _) => within.value.max(0.0),
        (None, Some(_)) => WITHIN,
        (None, None) => EXACT,
    };
    let right: Option<f64> = right.and_then(|text| text.parse().ok());
    let passed = match (value, right) {
        (Some(value), Some(right)) => (value - right).abs() <= tolerance + EXACT,
        (None, None) => true,
        _ => false,
    };
    let mut feedback = Vec::new();
    if !passed {
        feedback.push(match (value, right) {
            (Some(value), Some(right)) => how_far(question, value, right),
            (Some(_), None) => "it never happens in this run: the answer is `never`".to_owned(),
            _ => "it does happen in this run".to_owned(),
        });
        feedback.extend(hint);
    }
    Ok(verdict(passed, feedback))
}

/// A number, also with `s` behind it; `None` for `never`.
fn read_number(given: &At<Raw>) -> Result<Option<f64>, Diagnostic> {
    let text = given.value.0.trim();
    if text == "never" {
        return Ok(None);
    }
    let digits = text.strip_suffix('s').unwrap_or(text).trim_end();
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(given
            .error("this is no number")
            .help("write seconds or a number, such as `42` or `6.5`; or `never`")),
    }
}

/// How far off an answer is, roughly: to find the rest is the student's.
fn how_far(question: &Question, value: f64, right: f64) -> String {
    let is_moment = question.of.as_ref().is_some_and(|of| matches!(of.value, Of::Start | Of::End));
    let direction = match (is_moment, value < right) {
        (true, true) => "too early",
        (true, false) => "too late",
        (false, true) => "too low",
        (false, false) => "too high",
    };
    let off = (value - right).abs();
    let bounds = [0.1, 1.0, 5.0, 20.0, 100.0];
    match bounds.iter().find(|bound| off <= **bound) {
        Some(bound) => format!("{direction}, by at most {bound}"),
        None => format!("{direction}, by more than 100"),
    }
}

/// What holds a job at the moment that was answered, or what no longer does.
fn reason(question: &Question, given: &str, job: &str, ran: &Ran) -> Option<String> {
    let single = ran.jobs.get(job)?;
    let (start, wait) = (single.start?, single.wait?);
    let value: f64 = given.trim().trim_end_matches('s').trim_end().parse().ok()?;
    let told = match question.of.as_ref()?.value {
        Of::Start => value,
        Of::Wait => start - wait + value,
        Of::End => value - (single.end? - start),
        Of::Node => return None,
    };
    let waits = || ran.results.waits.iter().filter(|wait| wait.job == job);
    let (moment, called) = (number(told), single::called(job));
    if told < start - wait - EXACT {
        return Some(format!("at {moment} s {called} has not been submitted"));
    }
    let stretch = |at: f64| {
        waits().find(|wait| wait.from.as_secs_f64() <= at + EXACT && at + EXACT < wait.until.as_secs_f64())
    };
    if let Some(wait) = stretch(told) {
        return Some(format!("at {moment} s {called} waits: {}", wait.hint));
    }
    if told > start {
        return Some(match waits().rfind(|wait| wait.until.as_secs_f64() <= start + EXACT) {
            Some(wait) => format!("what kept {called} is over before {moment} s: {}", wait.hint),
            None => format!("nothing keeps {called} from starting when it is submitted"),
        });
    }
    None
}
