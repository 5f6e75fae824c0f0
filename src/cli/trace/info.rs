//! The command `trace info`: what is in a trace, and what was dropped and why.

use super::super::args::{Format, InfoArguments};
use super::super::diagnostics::{Style, render, to_json};
use super::super::{Exit, complain, print};
use super::text::{QUANTILES, bytes, cut, number, percent, quantiles, time};
use super::{all_errors, open, refuse, rhythm};
use crate::report::{Glyphs, sparkline};
use crate::trace::{Profile, Profiled, ReadReport, Reader, Statistics, Summary, Tally};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Characters of a line.
const WIDTH: usize = 80;
/// Entries of a header that are printed as text.
const MAX_ENTRIES: usize = 12;

/// Everything that is known of a trace.
struct Facts<'a> {
    report: &'a ReadReport,
    statistics: &'a Statistics,
    profile: Profile,
    sha256: Option<String>,
    /// The processors that loads are told for.
    processors: Option<u32>,
}

/// Reads the trace in one pass and prints the facts.
pub(super) fn run(arguments: &InfoArguments) -> Exit {
    let mut reader = match open(&arguments.trace) {
        Ok(reader) => Profiled::new(reader),
        Err(finding) => return refuse(&[finding]),
    };
    let statistics = match Statistics::collect(&mut reader) {
        Ok(statistics) => statistics,
        Err(first) => return refuse(&all_errors(first, &mut reader)),
    };
    let sha256 = match reader.sha256() {
        Ok(sha256) => sha256,
        Err(finding) => return refuse(&[finding]),
    };
    let report = reader.report();
    let processors = arguments.trace.processors.or(report.header.max_procs).filter(|number| *number > 0);
    let profile = reader.profile();
    let facts = Facts { report, statistics: &statistics, profile, sha256, processors };
    if let Some(folder) = &arguments.charts
        && let Err(finding) = rhythm::draw(&facts.profile, processors, folder)
    {
        complain(&render(&[finding], Style::of_stderr()));
        return Exit::Internal;
    }
    match arguments.format {
        Format::Text => {
            complain(&render(&report.notes, Style::of_stderr()));
            print(facts.text().as_bytes())
        }
        Format::Json => {
            let text = serde_json::to_string_pretty(&facts.json()).unwrap_or_default() + "\n";
            print(text.as_bytes())
        }
    }
}

impl Facts<'_> {
    fn text(&self) -> String {
        let report = self.report;
        let mut text = format!("{}: {}\n", report.file, report.format);
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:10}  {}", cut(&value, WIDTH - 14));
        };
        line("lines", format!("{} ({} bytes unpacked)", report.lines, report.bytes));
        let (rows, used) = (report.rows, report.used);
        line("rows", format!("{rows}, of which {used} are used and {} dropped", report.dropped_rows()));
        if let Some(sha256) = &self.sha256 {
            line("sha256", sha256.clone());
        }
        tally_lines("dropped", &report.dropped, &mut text);
        tally_lines("repaired", &report.repaired, &mut text);
        self.header(&mut text);
        self.arrivals(&mut text);
        self.table(&mut text);
        self.load(&mut text);
        text.push_str(&rhythm::load(&self.profile, self.processors));
        text
    }

    fn header(&self, text: &mut String) {
        let entries = &self.report.header.entries;
        if entries.is_empty() {
            return;
        }
        text.push_str("\nHeader\n");
        for (key, value) in entries.iter().take(MAX_ENTRIES) {
            let shown: String =
                value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            let _ = writeln!(text, "  {}", cut(&format!("{key}: {shown}"), WIDTH - 2));
        }
        let more = entries.len().saturating_sub(MAX_ENTRIES);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more, which `--format json` shows");
        }
    }

    fn arrivals(&self, text: &mut String) {
        let all = self.statistics;
        let Some(first) = all.first_submit else { return };
        let span = all.submit_span.as_secs_f64();
        let begins = time(first.as_secs_f64());
        let _ = writeln!(text, "\nArrivals\n  {} rows in {}, the first at {begins}", all.rows, time(span));
        let hourly = all.arrival_rate * 3_600.0;
        let daily = hourly * 24.0;
        let _ = writeln!(text, "  {:>9} an hour, {} in the busiest", number(hourly), all.busiest_hour);
        let _ = writeln!(text, "  {:>9} a day, {} in the busiest", number(daily), all.busiest_day);
        if span > 0.0 {
            let slice = span / Statistics::SLICES as f64;
            let points: Vec<(f64, f64)> = all
                .over_time
                .iter()
                .enumerate()
                .map(|(index, count)| (slice * index as f64, *count as f64))
                .collect();
            let most = all.over_time.iter().copied().max().unwrap_or(0);
            let line = sparkline(&points, span, Statistics::SLICES, Glyphs::Unicode);
            let _ = writeln!(text, "  {line}  up to {most} in {}", time(slice));
        }
        text.push_str(&rhythm::cycles(&self.profile));
    }

    /// The quantiles of everything that the rows have.
    fn table(&self, text: &mut String) {
        let all = self.statistics;
        let plain = |values: &Option<Summary>, show: fn(f64) -> String| {
            values.map(|values| quantiles(&values).map(show))
        };
        let rows = [
            ("interval", plain(&all.inter_arrival, time)),
            ("run time", plain(&all.run_time, time)),
            ("estimate", plain(&all.estimate, time)),
            ("run/estimate", plain(&all.estimate_accuracy, number)),
            ("recorded wait", plain(&all.recorded_wait, time)),
            ("processors", plain(&all.processors, number)),
            ("cores a task", plain(&all.cpu, number)),
            ("memory a task", plain(&all.memory, bytes)),
        ];
        if rows.iter().all(|(_, values)| values.is_none()) {
            return;
        }
        let mut add = |name: &str, cells: [&str; 8]| {
            let cells = cells.iter().fold(String::new(), |mut line, cell| {
                let _ = write!(line, "{cell:>8}");
                line
            });
            let _ = writeln!(text, "{name:14}{cells}");
        };
        add("", [""; 8]);
        add("", QUANTILES);
        for (name, values) in &rows {
            if let Some(values) = values {
                add(name, values.each_ref().map(String::as_str));
            }
        }
    }

    fn load(&self, text: &mut String) {
        let all = self.statistics;
        text.push_str("\nWork\n");
        let _ = writeln!(text, "  {} tasks in {} rows, {} users", all.tasks, all.rows, all.users);
        text.push_str(&rhythm::users(&self.profile, all.users));
        if all.estimate_accuracy.is_some() {
            let share = percent(all.over_estimate as f64 / all.rows.max(1) as f64);
            let _ = writeln!(text, "  {} rows ({share}) ran longer than their estimate", all.over_estimate);
        }
        let hours = |seconds: f64| number(seconds / 3_600.0);
        let span = all.submit_span.as_secs_f64();
        if all.cpu_seconds > 0.0 {
            let _ = write!(text, "  {} core-hours requested", hours(all.cpu_seconds));
            let mean = (span > 0.0).then(|| format!(": {} cores on average", number(all.cpu_seconds / span)));
            let _ = writeln!(text, "{}", mean.unwrap_or_default());
        }
        if all.processor_seconds > 0.0 {
            let _ = writeln!(text, "  {} processor-hours", hours(all.processor_seconds));
        }
        let Some(processors) = self.processors else { return };
        if let Some(load) = all.offered_load(processors).filter(|load| *load > 0.0) {
            let _ = writeln!(text, "  load on {processors} processors: {}", percent(load));
        }
        if let (Some(_), Some(used)) = (&all.recorded_wait, all.recorded_utilization(processors)) {
            let _ = writeln!(text, "  as recorded, {} of them were in use", percent(used));
        }
    }

    fn json(&self) -> Value {
        let (report, all) = (self.report, self.statistics);
        let tallies = |tallies: &BTreeMap<&'static str, Tally>| -> Vec<Value> {
            let entry = |(reason, tally): (&&str, &Tally)| json!({ "reason": reason, "rows": tally.rows, "first_line": tally.first_line });
            tallies.iter().map(entry).collect()
        };
        let header: Vec<Value> =
            report.header.entries.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        json!({
            "file": &*report.file,
            "format": report.format,
            "sha256": self.sha256,
            "lines": report.lines,
            "bytes": report.bytes,
            "rows": report.rows,
            "used": report.used,
            "dropped": tallies(&report.dropped),
            "repaired": tallies(&report.repaired),
            "notes": report.notes.iter().map(to_json).collect::<Vec<_>>(),
            "header": header,
            "tasks": all.tasks,
            "users": all.users,
            "first_submit_s": all.first_submit.map(crate::base::Time::as_secs_f64),
            "submit_span_s": all.submit_span.as_secs_f64(),
            "recorded_span_s": all.recorded_span.as_secs_f64(),
            "arrivals_per_hour": all.arrival_rate * 3_600.0,
            "arrivals_per_day": all.arrival_rate * 86_400.0,
            "busiest_hour": all.busiest_hour,
            "busiest_day": all.busiest_day,
            "over_time": all.over_time,
            "profile": rhythm::json(&self.profile, self.processors),
            "interval_s": distribution(all.inter_arrival.as_ref()),
            "run_time_s": distribution(all.run_time.as_ref()),
            "estimate_s": distribution(all.estimate.as_ref()),
            "run_time_by_estimate": distribution(all.estimate_accuracy.as_ref()),
            "over_estimate": all.over_estimate,
            "recorded_wait_s": distribution(all.recorded_wait.as_ref()),
            "processors": distribution(all.processors.as_ref()),
            "cpu_cores": distribution(all.cpu.as_ref()),
            "memory_bytes": distribution(all.memory.as_ref()),
            "processor_seconds": all.processor_seconds,
            "cpu_seconds": all.cpu_seconds,
            "machine_processors": self.processors,
            "offered_load": self.processors.and_then(|processors| all.offered_load(processors)),
            "recorded_utilization": self.processors.and_then(|processors| all.recorded_utilization(processors)),
        })
    }
}

/// What was dropped or repaired, a line for each reason.
fn tally_lines(verb: &str, tallies: &BTreeMap<&'static str, Tally>, text: &mut String) {
    for (reason, tally) in tallies {
        let found = format!("{:>8}  {reason}; first in line {}", tally.rows, tally.first_line);
        let _ = writeln!(text, "  {verb:10}{}", cut(&found, WIDTH - 12));
    }
}

fn distribution(summary: Option<&Summary>) -> Value {
    let Some(summary) = summary else { return Value::Null };
    let Summary { count, min, p25, p50, p75, p95, p99, max, mean } = *summary;
    json!({
        "count": count, "min": min, "p25": p25, "p50": p50, "p75": p75, "p95": p95, "p99": p99,
        "max": max, "mean": mean,
    })
}
