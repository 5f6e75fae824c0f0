//! When single jobs or pods of a small run started and ended, and where: read off its Gantt chart, so
//! that expectations and exercises can ask for them.

use super::results::{BarKind, Metric, Results};
use crate::base::units::NANOS_PER_SECOND;
use std::collections::BTreeMap;

/// The quantities that there are of each job; behind a point follows its number, or a pod's name.
pub const QUANTITIES: [&str; 3] = ["start_s", "end_s", "wait_s"];
/// Runs with more bars tell nothing of single jobs.
const MAX_BARS: usize = 2_000;

/// What is known of a job or pod.
#[derive(Clone, PartialEq, Debug)]
pub struct Single {
    /// When it started for the first time, in seconds.
    pub start: Option<f64>,
    /// When it ended, in seconds; `None` if it still ran when the run ended.
    pub end: Option<f64>,
    /// How long it waited, of a job of a batch run, in seconds; on nodes until the first of its tasks
    /// started.
    pub wait: Option<f64>,
    /// The row that it started in: a node, or the first processor.
    pub row: Option<String>,
}

impl Single {
    const NEVER: Single = Single { start: None, end: None, wait: None, row: None };

    /// One of [`QUANTITIES`].
    pub fn quantity(&self, name: &str) -> Option<f64> {
        match name {
            "start_s" => self.start,
            "end_s" => self.end,
            "wait_s" => self.wait,
            _ => None,
        }
    }
}

/// A job or pod in a sentence: a bare number is called a job.
pub fn called(job: &str) -> String {
    let is_number = !job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { format!("job {job}") } else { job.to_owned() }
}

/// The jobs or pods of a run by number or name; none of a large one.
pub fn singles(results: &Results) -> BTreeMap<String, Single> {
    let mut jobs: BTreeMap<String, Single> = BTreeMap::new();
    if results.gantt.bars.len() > MAX_BARS || results.gantt.omitted > 0 {
        return jobs;
    }
    let count = |name: &str| results.metrics.iter().find(|metric| metric.name == name)?.value;
    let is_open = ["jobs_unfinished", "pods_running"].iter().any(|name| count(name).is_some_and(|n| n > 0.0));
    let is_batch = count("processors").is_some();
    let ends_at = results.end.as_secs_f64();
    let ran = results.gantt.bars.iter().filter(|bar| {
        matches!(bar.kind, BarKind::Ran | BarKind::Failed | BarKind::Lost | BarKind::Held)
            && !bar.label.is_empty()
    });
    for bar in ran {
        let job = jobs.entry(bar.label.clone()).or_insert(Single::NEVER);
        if job.start.is_none_or(|start| bar.start < start) {
            job.start = Some(bar.start);
            // Further lanes of a node have rows without a name.
            let rows = results.gantt.rows.iter().take(bar.row as usize + 1);
            job.row = rows.rev().find(|row| !row.is_empty()).cloned();
        }
        job.end = Some(job.end.map_or(bar.end, |end| end.max(bar.end)));
        if is_batch || results.keeps_waits {
            job.wait = Some(0.0);
        }
    }
    for job in jobs.values_mut() {
        job.end = job.end.filter(|end| !is_open || *end < ends_at);
    }
    let mut waits: BTreeMap<&str, u64> = BTreeMap::new();
    for wait in &results.waits {
        // A job of tasks on nodes has waited when the first of them starts.
        let start = jobs.get(&wait.job).and_then(|job| job.start).filter(|_| !is_batch);
        let counts = start.is_none_or(|start| wait.from.as_secs_f64() < start);
        *waits.entry(&wait.job).or_default() += if counts { wait.until.since(wait.from).0 } else { 0 };
    }
    for (job, nanos) in waits {
        let seconds = nanos as f64 / NANOS_PER_SECOND as f64;
        jobs.entry(job.to_owned()).or_insert(Single::NEVER).wait = Some(seconds);
    }
    jobs
}

/// The same as metrics: `start_s.3`, `end_s.web-1`.
pub fn metrics(jobs: &BTreeMap<String, Single>) -> Vec<Metric> {
    let one = |(job, single): (&String, &Single)| {
        QUANTITIES.map(|name| Metric {
            name: format!("{name}.{job}"),
            unit: "s",
            value: single.quantity(name),
            definition: "Of a single job or pod.",
            group: "Jobs",
            headline: false,
        })
    };
    jobs.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::observe::{Bar, Gantt, Wait};

    fn bar(row: u32, start: f64, end: f64, label: &str, kind: BarKind) -> Bar {
        Bar { row, height: 1, start, end, label: label.into(), detail: String::new(), kind }
    }

    fn results() -> Results {
        let wait = |job: u64, from, until| Wait {
            job: job.to_string(),
            from: Time::from_secs(from),
            until: Time::from_secs(until),
            reason: "full".into(),
            hint: "full".into(),
        };
        let metric = |name: &str, value| Metric {
            name: name.into(),
            unit: "1",
            value: Some(value),
            definition: "",
            group: "",
            headline: false,
        };
        Results {
            metrics: vec![metric("processors", 2.0), metric("jobs_unfinished", 1.0)],
            gantt: Gantt {
                rows: vec!["0".into(), "1".into(), String::new()],
                bars: vec![
                    bar(1, 5.0, 7.0, "1", BarKind::Ran),
                    bar(0, 9.0, 12.0, "1", BarKind::Ran),
                    bar(2, 2.0, 4.0, "2", BarKind::Failed),
                    bar(0, 14.0, 20.0, "3", BarKind::Ran),
                    bar(0, 0.0, 5.0, "full", BarKind::Waited),
                ],
                omitted: 0,
            },
            waits: vec![wait(1, 1, 5), wait(1, 7, 9), wait(4, 3, 20)],
            end: Time::from_secs(20),
            ..Results::default()
        }
    }

    #[test]
    fn moments_are_those_of_the_bars() {
        let jobs = singles(&results());
        let told = |job: &str| (jobs[job].start, jobs[job].end, jobs[job].wait, jobs[job].row.as_deref());
        assert_eq!(told("1"), (Some(5.0), Some(12.0), Some(6.0), Some("1")));
        assert_eq!(told("2"), (Some(2.0), Some(4.0), Some(0.0), Some("1")));
        assert_eq!(told("3"), (Some(14.0), None, Some(0.0), Some("0")), "it still runs");
        assert_eq!(told("4"), (None, None, Some(17.0), None), "it never ran");
        assert_eq!(jobs.len(), 4);
        let list = metrics(&jobs);
        let end = list.iter().find(|metric| metric.name == "end_s.2").and_then(|metric| metric.value);
        assert_eq!((list.len(), end), (12, Some(4.0)));
    }
}
