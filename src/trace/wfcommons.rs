//! Workflows of WfCommons (WfFormat, schemas 1.0 to 1.5): tasks that wait for the results of others.
//!
//! Source: <https://github.com/wfcommons/WfFormat>. Tasks are in `workflow.jobs` (1.0 and 1.1),
//! `workflow.tasks` (1.2 to 1.4), or `workflow.specification.tasks` with what was measured in
//! `workflow.execution.tasks` (1.5). All of them are submitted at time 0.

use super::input::Input;
use super::json::Json;
use super::listed::{Choices, drop_row, seconds};
use super::report::ReadReport;
use super::{Row, swf};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Map, Span};
use serde::Deserialize;

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: no run time that is a time.
    pub const NO_TIME: &str = "no run time";
    /// Repaired: the task waits for one that the file does not have.
    pub const UNKNOWN_PARENT: &str = "waits for a task that is not there, which is left out";
    /// Repaired: another task has the name.
    pub const SAME_NAME: &str = "another task has this name; what waits for the name waits for the first";
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    name: Option<String>,
    id: Option<String>,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
    runtime: Option<f64>,
    runtime_in_seconds: Option<f64>,
    cores: Option<f64>,
    core_count: Option<f64>,
    /// In kilobytes.
    memory: Option<f64>,
    memory_in_bytes: Option<f64>,
    priority: Option<f64>,
}

/// All tasks, those of the specification and those of the execution.
#[derive(Default)]
struct Tasks {
    specified: Vec<(u64, Task)>,
    executed: Vec<Task>,
}

/// Reads a workflow.
pub(super) fn read(
    input: Input,
    report: &mut ReadReport,
    choices: &Choices,
) -> (Input, Result<Vec<Row>, Diagnostic>) {
    let mut json = Json::new(input);
    let result = document(&mut json, report).map(|tasks| rows(&tasks, report, choices));
    (json.input, result)
}

fn document(json: &mut Json, report: &mut ReadReport) -> Result<Tasks, Diagnostic> {
    let mut tasks = Tasks::default();
    json.open(b'{')?;
    while json.more()? {
        let key = json.key()?;
        match key.as_str() {
            "workflow" => workflow(json, &mut tasks)?,
            "name" | "description" | "schemaVersion" | "createdAt" => {
                let value: serde_json::Value = json.value()?;
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                report.header.entries.push((key, value.chars().take(1_000).collect()));
            }
            _ => json.skip()?,
        }
    }
    json.finish()?;
    Ok(tasks)
}

fn workflow(json: &mut Json, tasks: &mut Tasks) -> Result<(), Diagnostic> {
    json.open(b'{')?;
    while json.more()? {
        match json.key()?.as_str() {
            "tasks" | "jobs" => specified(json, tasks)?,
            "specification" => {
                json.open(b'{')?;
                while json.more()? {
                    if json.key()? == "tasks" { specified(json, tasks)? } else { json.skip()? }
                }
            }
            "execution" => {
                json.open(b'{')?;
                while json.more()? {
                    if json.key()? != "tasks" {
                        json.skip()?;
                        continue;
                    }
                    json.open(b'[')?;
                    while json.more()? {
                        tasks.executed.push(json.value()?);
                    }
                }
            }
            _ => json.skip()?,
        }
    }
    Ok(())
}

fn specified(json: &mut Json, tasks: &mut Tasks) -> Result<(), Diagnostic> {
    json.open(b'[')?;
    while json.more()? {
        let task = json.value()?;
        tasks.specified.push((json.line(), task));
    }
    Ok(())
}

/// The places of the tasks by what they are called.
struct Places<'t> {
    by_id: Map<&'t str, usize>,
    by_name: Map<&'t str, usize>,
}

impl<'t> Places<'t> {
    fn of(tasks: &'t Tasks, report: &mut ReadReport) -> Places<'t> {
        let mut places = Places { by_id: Map::default(), by_name: Map::default() };
        for (place, (line, task)) in tasks.specified.iter().enumerate() {
            let id = task.id.as_deref().or(task.name.as_deref());
            if let Some(id) = id
                && *places.by_id.entry(id).or_insert(place) != place
            {
                report.repair_row(reason::SAME_NAME, *line);
            }
            if let Some(name) = task.name.as_deref() {
                places.by_name.entry(name).or_insert(place);
            }
        }
        places
    }

    /// Files name tasks by id or by name, whatever their version says.
    fn get(&self, text: &str) -> Option<usize> {
        self.by_id.get(text).or_else(|| self.by_name.get(text)).copied()
    }
}

fn rows(tasks: &Tasks, report: &mut ReadReport, choices: &Choices) -> Vec<Row> {
    let places = Places::of(tasks, report);
    let mut executed: Map<usize, &Task> = Map::default();
    for task in &tasks.executed {
        if let Some(place) = task.id.as_deref().or(task.name.as_deref()).and_then(|name| places.get(name)) {
            executed.insert(place, task);
        }
    }
    let mut before: Vec<Vec<i64>> = vec![Vec::new(); tasks.specified.len()];
    for (place, (line, task)) in tasks.specified.iter().enumerate() {
        for parent in &task.parents {
            match places.get(parent) {
                Some(parent) => before[place].push(parent as i64 + 1),
                None => report.repair_row(reason::UNKNOWN_PARENT, *line),
            }
        }
        for child in task.children.iter().filter_map(|child| places.get(child)) {
            before[child].push(place as i64 + 1);
        }
    }
    let mut rows = Vec::with_capacity(tasks.specified.len());
    for (place, (line, task)) in tasks.specified.iter().enumerate() {
        let mut after = std::mem::take(&mut before[place]);
        after.sort_unstable();
        after.dedup();
        let measured = executed.get(&place).copied().unwrap_or(task);
        match row(task, measured, choices) {
            Ok(row) => rows.push(Row { line: *line, number: place as i64 + 1, after, ..row }),
            Err(reason) => drop_row(report, reason, *line),
        }
    }
    rows
}

fn row(task: &Task, measured: &Task, choices: &Choices) -> Result<Row, &'static str> {
    let run = measured.runtime_in_seconds.or(measured.runtime).and_then(seconds).ok_or(reason::NO_TIME)?;
    let cores = measured.core_count.or(measured.cores).or(task.cores).filter(|cores| *cores > 0.0);
    let processors = libm::ceil(cores.unwrap_or(1.0)).clamp(1.0, f64::from(i32::MAX)) as u32;
    if choices.max_processors.is_some_and(|limit| processors > limit) {
        return Err(swf::reason::TOO_MANY_PROCESSORS);
    }
    let bytes = measured.memory_in_bytes.or(measured.memory.map(|kilobytes| kilobytes * 1e3));
    let bytes = bytes.filter(|bytes| bytes.is_finite() && (0.0..1e18).contains(bytes)).unwrap_or(0.0);
    let priority = task.priority.unwrap_or(0.0);
    Ok(Row {
        name: legal_name(task.name.as_deref().or(task.id.as_deref()).unwrap_or("")),
        run_time: Some(Span(run)),
        processors,
        cpu_milli: libm::ceil(cores.unwrap_or(1.0).min(1e9) * 1e3) as i64,
        memory_bytes: bytes as i64,
        priority: if priority.is_finite() { priority.clamp(-1e9, 1e9) as i32 } else { 0 },
        restart_policy: Some(RestartPolicy::Never),
        status: 1,
        ..Row::default()
    })
}

/// A name as Kubernetes takes it: small letters, digits, `-`.
fn legal_name(name: &str) -> String {
    let letter = |letter: char| {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() { letter } else { '-' }
    };
    name.chars().take(200).map(letter).collect::<String>().trim_matches('-').to_owned()
}
