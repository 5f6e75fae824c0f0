//! A run in sentences.

use super::format::{counted, duration, value};
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

fn extent(results: &Results) -> String {
    let rows = results.gantt.rows.len() as u64;
    let length = duration(results.end.as_secs_f64());
    let (one, many) = if results.gantt.bars.iter().any(|bar| bar.height > 1) {
        ("processor", "processors")
    } else {
        ("node", "nodes")
    };
    match rows {
        0 => format!("The run covers {length}."),
        rows => format!("The run covers {length} on {}.", counted(rows, one, many)),
    }
}

/// What became of the pods, or jobs.
fn outcome(results: &Results) -> Option<String> {
    let (noun, created) = ["pods", "jobs"].into_iter().find_map(|noun| {
        let names = ["created", "submitted", "total"].map(|state| format!("{noun}_{state}"));
        Some((noun, find(results, &names.each_ref().map(String::as_str))?))
    })?;
    let states = ["succeeded", "completed", "running", "pending", "failed", "rejected", "killed"];
    let counts = states.into_iter().filter_map(|state| {
        let metric = find(results, &[&format!("{noun}_{state}")])?;
        let count = metric.value.filter(|count| *count > 0.0)?;
        let (verb, one) = match state {
            "running" => ("still ran at the end", "still ran at the end"),
            "pending" => ("still waited at the end", "still waited at the end"),
            "rejected" | "killed" => ("were", "was"),
            _ => ("", ""),
        };
        let count_text = super::format::number(count);
        let verb = if count > 1.5 { verb } else { one };
        Some(match state {
            "running" | "pending" => format!("{count_text} {verb}"),
            "rejected" | "killed" => format!("{count_text} {verb} {state}"),
            _ => format!("{count_text} {state}"),
        })
    });
    let counts: Vec<String> = counts.collect();
    let created = super::format::number(created.value.unwrap_or(0.0));
    if counts.is_empty() {
        return Some(format!("{created} {noun} were submitted."));
    }
    Some(format!("Of {created} {noun}, {}.", list(&counts)))
}

fn waits(results: &Results) -> Option<String> {
    let mean = find(results, &["wait_mean_s"])?;
    let tail = find(results, &["wait_p95_s", "wait_p99_s", "wait_max_s"]);
    let tail = tail.map_or(String::new(), |metric| {
        let which = if metric.name.contains("max") { "at most" } else { "the slowest" };
        match metric.name.as_str() {
            "wait_p95_s" => format!(", {which} 5 % at least {}", shown(metric)),
            "wait_p99_s" => format!(", {which} 1 % at least {}", shown(metric)),
            _ => format!(", {which} {}", shown(metric)),
        }
    });
    Some(format!("The mean wait was {}{tail}.", shown(mean)))
}

fn utilization(results: &Results) -> Option<String> {
    let names = ["utilization_requested_cpu", "utilization_requested", "utilization"];
    let metric = find(results, &names)?;
    let what =
        if metric.name.ends_with("cpu") { "of the CPU was requested" } else { "of the capacity was in use" };
    Some(format!("{} {what} on average.", shown(metric)))
}

fn cost(results: &Results) -> Option<String> {
    find(results, &["cost_total", "cost"]).map(|metric| format!("It cost {}.", shown(metric)))
}

fn attention(results: &Results) -> String {
    let sum = |pairs: &[(String, u64)]| pairs.iter().fold(0u64, |sum, pair| sum.saturating_add(pair.1));
    let mut items = Vec::new();
    let unplaced = sum(&results.unplaced);
    if unplaced > 0 {
        items.push(format!("{} never placed", counted(unplaced, "pod was", "pods were")));
    }
    let bars = |kind| results.gantt.bars.iter().filter(|bar| bar.kind == kind).count() as u64;
    let lost = bars(BarKind::Lost);
    if lost > 0 {
        items.push(format!("the work of {} was lost", counted(lost, "run", "runs")));
    }
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
        expect!["The run covers 6 h on 10 nodes. Of 60 pods, 52 succeeded, 3 still waited at the end and 3 failed. The mean wait was 3 min 35 s, the slowest 5 % at least 22 min 4 s. 63.4 % of the CPU was requested on average. It cost 31.42 EUR. Attention: 3 pods were never placed, the work of 2 runs was lost and 15 input rows were dropped, repaired or ignored."].assert_eq(&summary(&outage()));
        expect!["The run covers 0 s. Nothing needs attention."].assert_eq(&summary(&Results::default()));
    }
}
