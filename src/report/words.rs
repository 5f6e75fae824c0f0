//! A run in sentences.

use super::format::{counted, duration, value};
use crate::base::Time;
use crate::observe::{BarKind, Metric, Results};

/// One paragraph: how long, how many pods and what became of them, waits, utilization, cost, and
/// whether something needs attention. What the results do not have is not mentioned.
pub(super) fn summary(results: &Results) -> String {
    let parts = [outcome(results), waits(results), utilization(results), cost(results)];
    let mut text = vec![extent(results)];
    text.extend(parts.into_iter().flatten());
    text.push(attention(results));
    // A number and its percent sign stay on one line.
    text.join(" ").replace(" %", "\u{a0}%")
}

/// The metric of the first of these names that has a value.
fn find<'a>(results: &'a Results, names: &[&str]) -> Option<&'a Metric> {
    let defined = |metric: &&Metric| metric.value.is_some_and(f64::is_finite);
    names.iter().find_map(|name| results.metrics.iter().find(|m| m.name == *name && defined(m)))
}

fn shown(metric: &Metric) -> String {
    value(&metric.name, metric.value, metric.unit)
}

/// Whether a metric belongs among the first numbers: what is not defined says nothing there.
pub(super) fn is_shown(metric: &Metric) -> bool {
    metric.headline && metric.value.is_some_and(f64::is_finite)
}

/// The value of a count, 0 where there is none.
fn count(results: &Results, name: &str) -> u64 {
    find(results, &[name]).and_then(|metric| metric.value).map_or(0, |value| value.max(0.0) as u64)
}

fn extent(results: &Results) -> String {
    let length = match results.end {
        Time::ZERO => "a single moment".to_owned(),
        end => duration(end.as_secs_f64()),
    };
    let sizes = [("nodes_total", "node", "nodes"), ("processors", "processor", "processors")];
    let size = sizes.into_iter().map(|(name, one, many)| (count(results, name), one, many));
    match size.into_iter().find(|size| size.0 > 0) {
        None => format!("The run covers {length}."),
        Some((size, one, many)) => format!("The run covers {length} on {}.", counted(size, one, many)),
    }
}

/// What became of the pods, or jobs.
fn outcome(results: &Results) -> Option<String> {
    let (noun, created) = ["pods", "jobs"].into_iter().find_map(|noun| {
        let names = ["created", "submitted", "total"].map(|state| format!("{noun}_{state}"));
        Some((noun, find(results, &names.each_ref().map(String::as_str))?))
    })?;
    let removed = count(results, "pods_removed");
    let removed_how = match removed {
        all if all == count(results, "evictions_total") => "evicted",
        all if all == count(results, "preemptions_total") => "preempted",
        _ => "removed",
    };
    let states = [
        ("succeeded", "", "succeeded"),
        ("completed", "", "completed"),
        ("running", "still", "ran at the end"),
        ("unfinished", "still", "ran at the end"),
        ("pending", "still", "waited at the end"),
        ("never_started", "still", "waited at the end"),
        ("failed", "", "failed"),
        ("removed", "be", removed_how),
        ("rejected", "be", "rejected"),
        ("killed", "be", "killed"),
    ];
    // Pods that have not ended are pending or running; jobs have other words for it.
    let of_jobs = |state: &str| matches!(state, "unfinished" | "never_started");
    let states = states.iter().filter(|state| noun == "jobs" || !of_jobs(state.0));
    let parts: Vec<(u64, String)> = states
        .filter_map(|&(state, verb, word)| {
            let number = count(results, &format!("{noun}_{state}"));
            let text = match verb {
                "be" if number == 1 => format!("was {word}"),
                "be" => format!("were {word}"),
                "still" => format!("still {word}"),
                _ => word.to_owned(),
            };
            (number > 0).then_some((number, text))
        })
        .collect();
    let all = created.value.map_or(0, |value| value.max(0.0) as u64);
    let created = super::format::number(created.value.unwrap_or(0.0));
    match parts.as_slice() {
        [] => Some(format!("{created} {noun} were submitted.")),
        [(number, text)] if *number == all && all > 1 => Some(format!("All {created} {noun} {text}.")),
        parts => {
            let parts = parts
                .iter()
                .map(|(number, text)| format!("{} {text}", super::format::number(*number as f64)));
            Some(format!("Of {created} {noun}, {}.", list(&parts.collect::<Vec<_>>())))
        }
    }
}

fn waits(results: &Results) -> Option<String> {
    let mean = find(results, &["wait_mean_s"])?;
    if find(results, &["wait_max_s"]).and_then(|longest| longest.value) == Some(0.0) {
        return Some("All that started did so at once.".to_owned());
    }
    // One in a hundred needs a hundred, and says nothing where it has not waited.
    let some = find(results, &["wait_p99_s"]).is_some_and(|wait| wait.value > Some(0.0));
    let few = count(results, "wait_n") < 100 || !some;
    let tails: &[&str] = if few { &["wait_max_s", "wait_p95_s"] } else { &["wait_p99_s", "wait_max_s"] };
    let tail = find(results, tails);
    let tail = tail.map_or(String::new(), |metric| match metric.name.as_str() {
        "wait_p95_s" => format!(", one in twenty at least {}", shown(metric)),
        "wait_p99_s" => format!(", one in a hundred at least {}", shown(metric)),
        _ => format!(", the longest {}", shown(metric)),
    });
    Some(format!("The mean wait was {}{tail}.", shown(mean)))
}

fn utilization(results: &Results) -> Option<String> {
    let names = ["utilization_requested_cpu", "utilization_processors", "utilization"];
    let metric = find(results, &names)?;
    let what = match metric.name.as_str() {
        "utilization_requested_cpu" => "of the CPU was requested",
        "utilization_processors" => "of the processors were in use",
        _ => "of the capacity was in use",
    };
    let when = if results.end == Time::ZERO { "at the end" } else { "on average" };
    Some(format!("{} {what} {when}.", shown(metric)))
}

fn cost(results: &Results) -> Option<String> {
    find(results, &["cost_total", "cost"]).map(|metric| format!("The machines cost {}.", shown(metric)))
}

/// Something that went wrong.
pub(super) struct Trouble {
    /// What, and how often.
    pub(super) text: String,
    /// The bars that it happened to.
    pub(super) kind: Option<BarKind>,
}

/// What went wrong in the run, apart from pods without a place and rows of the input.
pub(super) fn troubles(results: &Results) -> Vec<Trouble> {
    use BarKind::{Down, Failed, Lost};
    const KINDS: [(&str, &str, &str, Option<BarKind>); 9] = [
        ("pods_failed", "pod ended with an error", "pods ended with an error", Some(Failed)),
        ("jobs_failed", "job failed", "jobs failed", Some(Failed)),
        (
            "jobs_killed",
            "job was stopped at its requested time",
            "jobs were stopped at their requested time",
            None,
        ),
        ("jobs_rejected", "job was rejected", "jobs were rejected", None),
        ("evictions_total", "pod was evicted", "pods were evicted", Some(Lost)),
        ("preemptions_total", "pod was preempted", "pods were preempted", None),
        (
            "oom_kills_total",
            "container was killed for its memory",
            "containers were killed for their memory",
            None,
        ),
        ("restarts_total", "restart of a container", "restarts of containers", None),
        ("node_failures_total", "failure of a node", "failures of nodes", Some(Down)),
    ];
    let trouble = |&(name, one, many, kind): &(&str, &'static str, &'static str, _)| {
        let number = count(results, name);
        (number > 0).then(|| Trouble { text: counted(number, one, many), kind })
    };
    KINDS.iter().filter_map(trouble).chain(held(results)).collect()
}

/// Tasks that had their room to the end, and never the rest of their job.
fn held(results: &Results) -> Option<Trouble> {
    let end = results.end.as_secs_f64();
    let bars = results.gantt.bars.iter().filter(|bar| bar.kind == BarKind::Held && bar.end >= end);
    let number = bars.count() as u64;
    let text = counted(
        number,
        "task held its room to the end and did nothing",
        "tasks held their room to the end and did nothing",
    );
    (number > 0).then_some(Trouble { text, kind: None })
}

fn attention(results: &Results) -> String {
    let sum = |pairs: &[(String, u64)]| pairs.iter().fold(0u64, |sum, pair| sum.saturating_add(pair.1));
    let mut items = Vec::new();
    let unplaced = sum(&results.unplaced);
    if unplaced > 0 {
        items.push(format!("{} never placed", counted(unplaced, "pod was", "pods were")));
    }
    items.extend(troubles(results).into_iter().map(|trouble| trouble.text));
    let remarks = sum(&results.remarks);
    if remarks > 0 {
        items.push(format!(
            "{} dropped, repaired or ignored",
            counted(remarks, "input row was", "input rows were")
        ));
    }
    if items.is_empty() {
        "Nothing needs attention.".to_owned()
    } else {
        format!("Attention: {}.", list(&items))
    }
}

/// `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::outage;
    use super::*;
    use expect_test::expect;

    #[test]
    fn summary_says_what_matters() {
        expect!["The run covers 6 h on 10 nodes. Of 60 pods, 52 succeeded, 3 still waited at the end and 3 failed. The mean wait was 3 min 35 s, one in twenty at least 22 min 4 s. 63.4 % of the CPU was requested on average. The machines cost 31.42 EUR. Attention: 3 pods were never placed, 3 pods ended with an error, 2 pods were evicted, 1 failure of a node and 15 input rows were dropped, repaired or ignored."].assert_eq(&summary(&outage()));
        expect!["The run covers a single moment. Nothing needs attention."]
            .assert_eq(&summary(&Results::default()));
    }

    #[test]
    fn a_deadlock_needs_attention() {
        let bar = |start, end, kind| crate::observe::Bar {
            row: 0,
            height: 1,
            start,
            end,
            label: "gang".into(),
            detail: String::new(),
            kind,
        };
        let mut results = Results { end: Time::from_secs(9), ..Results::default() };
        results.gantt.bars = vec![bar(0.0, 4.0, BarKind::Held), bar(4.0, 9.0, BarKind::Ran)];
        assert!(summary(&results).ends_with("Nothing needs attention."), "what was held works in the end");
        results.gantt.bars.push(bar(0.0, 9.0, BarKind::Held));
        let said = "Attention: 1 task held its room to the end and did nothing.";
        assert!(summary(&results).ends_with(said), "{}", summary(&results));
    }

    #[test]
    fn counts_agree_with_their_words() {
        let metric = |name: &str, value: f64| Metric {
            name: name.to_owned(),
            unit: "pods",
            value: Some(value),
            definition: "",
            group: "",
            headline: true,
        };
        let said = |metrics: &[(&str, f64)]| {
            let metrics = metrics.iter().map(|&(name, value)| metric(name, value)).collect();
            summary(&Results { metrics, end: Time::from_secs(9), ..Results::default() })
        };
        expect!["The run covers 9 s on 1 node. Of 8 pods, 6 still ran at the end, 1 failed and 1 was evicted. Attention: 1 pod ended with an error, 1 pod was evicted and 2 restarts of containers."]
            .assert_eq(&said(&[
                ("nodes_total", 1.0),
                ("pods_created", 8.0),
                ("pods_running", 6.0),
                ("pods_unfinished", 6.0),
                ("pods_failed", 1.0),
                ("pods_removed", 1.0),
                ("pods_never_started", 1.0),
                ("evictions_total", 1.0),
                ("restarts_total", 2.0),
            ]));
        expect!["The run covers 9 s on 64 processors. All 5 jobs completed. All that started did so at once. Nothing needs attention."]
            .assert_eq(&said(&[
                ("processors", 64.0),
                ("jobs_submitted", 5.0),
                ("jobs_completed", 5.0),
                ("wait_mean_s", 0.0),
                ("wait_max_s", 0.0),
            ]));
    }
}
