//! Recordings of a real control plane against runs of the same inputs.
//!
//! A first look: changes of nodes, pods and Jobs are paired by rank within their group, as the
//! comparison of the recordings does it; statuses of workloads are not compared.

use crate::recorder::{Line, Recorder};
use crate::script::Script;
use seatrial::sim::run;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The recordings that need nothing but what is modelled, each with the least share of changes
/// that must agree.
const RECORDINGS: &[(&str, f64)] = &[
    ("deploy-create", 0.95),
    ("deploy-create-200", 0.95),
    ("node-failure-default", 0.7),
    ("toleration-30", 0.8),
    ("zone-two-of-three", 0.8),
    ("zone-all", 0.8),
    ("all-nodes-silent", 0.8),
    ("job-basic", 0.8),
    ("job-backoff", 0.8),
    ("job-deadline", 0.8),
    ("job-onfailure", 0.8),
    ("job-wide-150", 0.5),
    ("unschedulable-node-added", 0.8),
    ("sts-ordered", 0.95),
];
/// Objects that are left out of the comparison, with the recording: what happens to them has no
/// counterpart here.
const NOT_MODELLED: &[(&str, &str)] = &[("job-basic", "wide")];
/// Changes that are left out: the pod driver of the recordings ends and restarts a container in one
/// status update, a kubelet reports the end first.
const NOT_COMPARED: &[(&str, &str)] = &[("job-onfailure", "ready"), ("job-onfailure", "notready")];
const SEEDS: std::ops::Range<u64> = 1..4;

/// The times of the changes of one kind, by group: kind, group, change, detail.
type Changes = BTreeMap<(String, String, String, String), Vec<f64>>;

/// Which recording it is, and when it ends.
#[derive(Clone, Copy)]
struct Recording<'a> {
    name: &'a str,
    end: f64,
}

/// The name without the number of the pod among those of its workload, or its index.
fn group(kind: &str, name: &str) -> String {
    let name = name.split('~').next().unwrap_or(name);
    match (kind, name.rsplit_once('-')) {
        ("Node", _) => "*".into(),
        ("Pod", Some((base, number))) if number.parse::<u32>().is_ok() => {
            base.split('[').next().unwrap_or(base).into()
        }
        ("Pod", _) if name.contains('@') => name.split('@').next().unwrap_or(name).into(),
        _ => name.into(),
    }
}

fn enter(
    changes: &mut Changes,
    of: Recording<'_>,
    (t, kind, name, change, detail): (f64, &str, &str, &str, &str),
) {
    let group = group(kind, name);
    let left_out = |(name, object): &(&str, &str)| (name.is_empty() || *name == of.name) && *object == group;
    let modelled = !NOT_MODELLED.iter().any(left_out);
    let compared = match (kind, change) {
        _ if NOT_COMPARED.contains(&(of.name, change)) => false,
        ("Node", "tainted" | "untainted") | ("Pod" | "Job", "created" | "deleted") => true,
        // Nodes of the script are there before the start.
        ("Node", "condition") => detail.starts_with("Ready=") && t > 0.0,
        ("Job", "condition") => matches!(detail, "Complete" | "Failed"),
        ("Pod", _) => {
            let known =
                ["bound", "running", "succeeded", "failed", "ready", "notready", "restarted", "terminating"];
            known.contains(&change)
        }
        _ => false,
    };
    if compared && modelled && (0.0..=of.end).contains(&t) {
        let detail = if change == "bound" { "" } else { detail };
        changes.entry((kind.into(), group, change.into(), detail.into())).or_default().push(t);
    }
}

fn sorted(mut changes: Changes) -> Changes {
    for times in changes.values_mut() {
        times.sort_by(f64::total_cmp);
    }
    changes
}

/// The changes of a recording.
fn recorded(path: &Path, of: Recording<'_>) -> Changes {
    let mut changes = Changes::new();
    let text = std::fs::read_to_string(path).expect("the recording is there");
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("a recording has JSON lines");
        let word = |key: &str| line[key].as_str().unwrap_or("").to_owned();
        let t = line["t"].as_f64().unwrap_or(-1.0);
        let (kind, name, change) = (word("kind"), word("name"), word("change"));
        let mut details = vec![String::new()];
        match (kind.as_str(), change.as_str()) {
            (_, "tainted" | "untainted") => details = vec![word("taint")],
            ("Node", "condition") => details = vec![format!("Ready={}", word("Ready"))],
            ("Job", "condition") => {
                let met = |name: &&&str| line[**name].as_str().is_some_and(|text| text.starts_with("True"));
                details = ["Complete", "Failed"].iter().filter(met).map(ToString::to_string).collect();
            }
            (_, "failed") => details = vec![line["exitCode"].to_string()],
            (_, "restarted") => details = vec![line["count"].to_string()],
            _ => {}
        }
        for detail in details {
            enter(&mut changes, of, (t, &kind, &name, &change, &detail));
        }
    }
    sorted(changes)
}

fn ours(lines: &[Line], of: Recording<'_>) -> Changes {
    let mut changes = Changes::new();
    for line in lines {
        enter(&mut changes, of, (line.t, line.kind, &line.name, line.change, &line.detail));
    }
    sorted(changes)
}

/// The differences of the pairs of each change, and how many have no partner.
#[derive(Default)]
struct Comparison {
    by_change: BTreeMap<String, (Vec<f64>, usize)>,
    notes: Vec<String>,
}

fn compare(real: &Changes, other: &Changes) -> Comparison {
    let mut comparison = Comparison::default();
    let keys: std::collections::BTreeSet<_> = real.keys().chain(other.keys()).collect();
    for key in keys {
        let (kind, group, change, detail) = key;
        let (a, b) =
            (real.get(key).map_or(&[][..], Vec::as_slice), other.get(key).map_or(&[][..], Vec::as_slice));
        let short = detail.rsplit([':', '=']).next().unwrap_or("");
        let entry = comparison.by_change.entry(format!("{kind} {change} {short}")).or_default();
        entry.0.extend(a.iter().zip(b).map(|(a, b)| b - a));
        entry.1 += a.len().abs_diff(b.len());
        if a.len() != b.len() {
            comparison.notes.push(format!(
                "{kind} {group} {change} {detail}: {} real, {} here",
                a.len(),
                b.len()
            ));
        }
    }
    comparison
}

fn median(values: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Comparison {
    /// The share of changes with a partner within the tolerance.
    fn agreement(&self, tolerance: f64) -> f64 {
        let count = |good: &dyn Fn(&f64) -> bool| -> usize {
            self.by_change.values().map(|(pairs, _)| pairs.iter().filter(|dt| good(dt)).count()).sum()
        };
        let alone: usize = self.by_change.values().map(|(_, alone)| alone).sum();
        count(&|dt| dt.abs() <= tolerance) as f64 / (count(&|_| true) + alone).max(1) as f64
    }
}

/// Times that differ by no more count as agreeing, by area of the recordings: free phases are in it.
fn tolerance(area: &str) -> f64 {
    match area {
        "a" | "h" => 0.75,
        // The phases of the leases, up to 10 s, are in it, too.
        "c" | "d" => 11.0,
        "e" => 1.25,
        _ => 1.0,
    }
}

#[expect(clippy::disallowed_methods, reason = "the recordings lie outside the repository")]
fn recordings() -> Option<PathBuf> {
    let data = std::env::var_os("SEATRIAL_DATA")?;
    Some(Path::new(&data).join("conformance/timelines"))
}

fn look_at(root: &Path, name: &str) -> f64 {
    let folder = root.join(format!("public-{name}"));
    let mut script = Script::read(&folder);
    let of = Recording { name, end: script.duration };
    let area = script.area.clone();
    let real = recorded(&folder.join("timeline-1.jsonl"), of);
    let again = compare(&real, &recorded(&folder.join("timeline-2.jsonl"), of));
    let limit = tolerance(&area);
    println!("\n{name}: the real one agrees with itself by {:.3}", again.agreement(limit));
    let mut least = f64::INFINITY;
    for seed in SEEDS {
        let mut recorder = Recorder::default();
        run(script.setup(seed), &mut recorder, &mut ()).expect("the run ends well");
        let comparison = compare(&real, &ours(&recorder.lines, of));
        let agreement = comparison.agreement(limit);
        least = least.min(agreement);
        println!("  seed {seed}: agreement {agreement:.3} within {limit} s");
        if seed == SEEDS.start {
            for (change, (pairs, alone)) in &comparison.by_change {
                let (real, unpaired) = again.by_change.get(change).cloned().unwrap_or_default();
                println!(
                    "    {change:40} n={:4} alone {alone:3}  median |dt| {:7.3}  max {:7.3}   real/real {:7.3} alone {unpaired}",
                    pairs.len(),
                    median(pairs),
                    pairs.iter().fold(0.0, |most: f64, dt| most.max(dt.abs())),
                    median(&real),
                );
            }
            comparison.notes.iter().for_each(|note| println!("      {note}"));
            script.left_out.sort();
            script.left_out.dedup();
            script.left_out.iter().for_each(|what| println!("      left out: {what}"));
        }
    }
    least
}

#[test]
fn recorded_timelines_are_followed() {
    let Some(root) = recordings() else {
        println!("skipped: recorded_timelines_are_followed (SEATRIAL_DATA is not set)");
        return;
    };
    let mut below = Vec::new();
    for (name, least) in RECORDINGS {
        let agreement = look_at(&root, name);
        if agreement < *least {
            below.push(format!("{name}: {agreement:.3} is less than {least}"));
        }
    }
    assert!(below.is_empty(), "{below:#?}");
}
