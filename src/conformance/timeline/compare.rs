//! How well a timeline agrees with recordings: the rule by which timelines are scored.
//!
//! Changes of nodes, pods and workloads at or after the start are compared by rank: the times of all
//! changes with equal kind, group, change and deciding fields are sorted in both timelines and paired
//! first to first; a pair agrees within the tolerance of the area, an unpaired one is a miss. Status
//! fields coalesce, so they are compared where the recording holds a value for long enough: the other
//! must hold it at the middle of that time. The agreement is the share of agreeing items.

use super::record::{Fields, Line};
use serde_json::Value;
use std::collections::BTreeMap;

/// How far two changes may be apart, in seconds, by area.
const TOLERANCE: &[(&str, f64)] = &[
    ("a", 0.75),
    ("b", 1.5),
    ("c", 6.0),
    ("d", 11.0),
    ("e", 1.25),
    ("f", 1.25),
    ("g", 1.0),
    ("h", 0.75),
    ("i", 1.5),
    ("j", 1.5),
    ("k", 1.0),
    ("l", 21.0),
    ("m", 8.0),
    ("x", 6.0),
];
/// How long a status field must hold its value to be compared, in seconds.
const PLATEAU: f64 = 3.0;
const KINDS: &[&str] = &[
    "Node",
    "Pod",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HPA",
    "PDB",
    "ResourceQuota",
];
const SKIPPED: &[&str] =
    &["heartbeat-stopped", "heartbeat-resumed", "revision", "spec-changed", "gates-removed"];
const NO_STATUS: &[&str] = &[
    "lastScale",
    "lastSchedule",
    "lastSuccessful",
    "priority",
    "index",
    "schedulingGates",
    "zone",
    "revision",
];

/// What is compared: kind, group, change, deciding field.
type Ranked = BTreeMap<[String; 4], Vec<f64>>;
/// Kind, name, field: the steps of its value.
type Steps = BTreeMap<[String; 3], Vec<(f64, Value)>>;

/// A timeline, ready to be compared.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) lines: Vec<Line>,
    end: f64,
}

/// Items that agree, and all.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// How many agree.
    pub good: u64,
    /// How many there are.
    pub total: u64,
    /// What disagrees, for people.
    pub notes: Vec<String>,
}

impl Agreement {
    /// The share that agrees; 0 if there is nothing.
    pub fn share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.good as f64 / self.total as f64 }
    }

    /// Adds another count.
    pub fn add(&mut self, other: Agreement) {
        self.good += other.good;
        self.total += other.total;
        self.notes.extend(other.notes);
    }
}

impl Recording {
    /// Takes lines over.
    pub fn new(lines: Vec<Line>) -> Recording {
        let ends = lines.iter().filter(|line| line.kind == "Run" && line.change == "end");
        let end = ends.map(|line| line.t).reduce(f64::max);
        let last = || lines.iter().map(|line| line.t).fold(0.0, f64::max);
        let end = end.unwrap_or_else(last);
        Recording { lines, end }
    }

    /// Reads a timeline file; `Err` says which line is wrong, from 1, and why.
    pub fn parse(text: &str) -> Result<Recording, (usize, String)> {
        let written = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let lines = written.map(|(number, line)| parse_line(line).map_err(|what| (number + 1, what)));
        lines.collect::<Result<_, _>>().map(Recording::new)
    }

    fn items(&self, end: f64) -> (Ranked, Steps) {
        let (mut ranked, mut steps) = (Ranked::new(), Steps::new());
        for line in &self.lines {
            let (kind, change) = (line.kind.as_str(), line.change.as_str());
            if !KINDS.contains(&kind) || SKIPPED.contains(&change) {
                continue;
            }
            if matches!(change, "status" | "created") && !matches!(kind, "Pod" | "Node") {
                for (field, value) in &line.fields {
                    if !NO_STATUS.contains(&field.as_str()) && !field.starts_with("spec:") {
                        let key = [line.kind.clone(), line.name.clone(), field.clone()];
                        steps.entry(key).or_default().push((line.t, value.clone()));
                    }
                }
            }
            if change == "status" || line.t < 0.0 || line.t > end {
                continue;
            }
            for decided in deciding(change, &line.fields) {
                let key = [line.kind.clone(), group(kind, &line.name), line.change.clone(), decided];
                ranked.entry(key).or_default().push(line.t);
            }
        }
        for times in ranked.values_mut() {
            times.sort_by(f64::total_cmp);
        }
        (ranked, steps)
    }
}

fn parse_line(line: &str) -> Result<Line, String> {
    let mut fields: Fields = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let t = fields.remove("t").and_then(|t| t.as_f64()).ok_or("`t` is missing")?;
    let mut text = |key: &str| match fields.remove(key) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("`{key}` is missing")),
    };
    let (kind, name, change) = (text("kind")?, text("name")?, text("change")?);
    Ok(Line { t, kind, name, change, fields })
}

/// How well `other` agrees with `reference`, a recording of an area.
pub fn agreement(reference: &Recording, other: &Recording, area: &str) -> Agreement {
    let tolerance = TOLERANCE.iter().find(|(known, _)| *known == area).map_or(1.0, |(_, seconds)| *seconds);
    let (ranked, steps) = reference.items(reference.end);
    let (others, other_steps) = other.items(reference.end);
    let mut counted = Agreement::default();
    let mut keys: Vec<&[String; 4]> = ranked.keys().chain(others.keys()).collect();
    keys.sort();
    keys.dedup();
    let none = Vec::new();
    for key in keys {
        let (a, b) = (ranked.get(key).unwrap_or(&none), others.get(key).unwrap_or(&none));
        let hits = a.iter().zip(b).filter(|(x, y)| (**x - **y).abs() <= tolerance).count();
        let all = a.len().max(b.len());
        counted.good += hits as u64;
        counted.total += all as u64;
        if hits < all {
            let first = |times: &[f64]| times.iter().take(12).map(|t| format!("{t:.2}")).collect::<Vec<_>>();
            let (recorded, ours) = (first(a).join(" "), first(b).join(" "));
            counted.notes.push(format!("{}: recorded [{recorded}] other [{ours}]", key.join(" ")));
        }
    }
    for (key, values) in &steps {
        for (middle, value) in plateaus(values, reference.end) {
            counted.total += 1;
            let got = other_steps.get(key).and_then(|steps| value_at(steps, middle));
            if got.is_some_and(|got| same(got, value)) {
                counted.good += 1;
            } else {
                let got = got.map_or("nothing".to_owned(), ToString::to_string);
                counted.notes.push(format!("{} at {middle:.1}: recorded {value} other {got}", key.join(" ")));
            }
        }
    }
    counted
}

/// Whether two values are equal; numbers by their value.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
}

/// The group of an object: the name of a pod without its ordinal or node, all nodes as one.
fn group(kind: &str, name: &str) -> String {
    match kind {
        "Node" => return "*".into(),
        "Pod" => {}
        _ => return name.into(),
    }
    if let Some((base, _)) = name.split_once('@') {
        return format!("{base}@*");
    }
    let plain = match name.rsplit_once('~') {
        Some((plain, again)) if is_number(again) => plain,
        _ => name,
    };
    match plain.rsplit_once('-') {
        Some((base, number)) if is_number(number) => format!("{base}-*"),
        _ => name.into(),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The deciding fields of a change, one item each: a line may carry several conditions.
fn deciding(change: &str, fields: &Fields) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let one = |key: &str| fields.get(key).map(text);
    match change {
        "tainted" | "untainted" => vec![one("taint").unwrap_or_default()],
        "condition" => fields.iter().map(|(key, value)| format!("{key}={}", text(value))).collect(),
        "scaled" => {
            vec![format!("{}->{}", one("from").unwrap_or_default(), one("to").unwrap_or_default())]
        }
        "failed" | "waiting" | "restarted" => {
            vec![one("exitCode").or(one("reason")).or(one("count")).unwrap_or_default()]
        }
        _ => vec![String::new()],
    }
}

fn value_at(steps: &[(f64, Value)], t: f64) -> Option<&Value> {
    steps.iter().take_while(|(when, _)| *when <= t).last().map(|(_, value)| value)
}

/// The middles of the times for which a value holds long enough.
fn plateaus(steps: &[(f64, Value)], end: f64) -> Vec<(f64, &Value)> {
    let mut found = Vec::new();
    for (place, (t, value)) in steps.iter().enumerate() {
        let until = steps.get(place + 1).map_or(end, |(next, _)| *next);
        let t = t.max(0.0);
        if until - t >= PLATEAU {
            found.push((f64::midpoint(t, until), value));
        }
    }
    found
}
