//! How a trace goes over time, for `trace info`: lines of text, JSON, and charts.

use super::super::files::write_whole;
use super::text::{cut, number, percent, time};
use crate::base::{Diagnostic, Location};
use crate::observe::Sample;
use crate::report::{Chart, Glyphs, Workload, WorkloadLoad, sparkline, workload_charts};
use crate::trace::Profile;
use crate::trace::profile::HOURS;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Characters of a line over time: two for each hour of the day.
const WIDTH: usize = 2 * HOURS;
/// The days of the week, from Monday on.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Whose clock hours of the day are of.
fn clock(profile: &Profile) -> String {
    profile.zone.clone().unwrap_or_else(|| "from the trace's time 0".to_owned())
}

/// Lines about the hours of the day and the days of the week.
pub(super) fn cycles(profile: &Profile) -> String {
    let all: u64 = profile.by_hour.iter().sum();
    if all == 0 {
        return String::new();
    }
    let points: Vec<(f64, f64)> =
        (0..).zip(&profile.by_hour).map(|(hour, rows)| (f64::from(hour), *rows as f64)).collect();
    let line = sparkline(&points, HOURS as f64, WIDTH, Glyphs::Unicode);
    let most = profile.by_hour.iter().copied().max().unwrap_or(0);
    let mut text = format!("  {line}  hours 0 to 23, up to {most}\n");
    let _ = writeln!(text, "  {}", cut(&format!("hours of the day: {}", clock(profile)), 78));
    if let Some(days) = &profile.by_weekday {
        let share = |(name, rows): (&&str, &u64)| format!("{name} {}", percent(*rows as f64 / all as f64));
        let days: Vec<String> = DAYS.iter().zip(days).map(share).collect();
        let _ = writeln!(text, "  {}", days.join("  "));
    }
    text
}

/// Lines about the load over time; `processors` is what the machine has.
pub(super) fn load(profile: &Profile, processors: Option<u32>) -> String {
    let Some(load) = &profile.load else { return String::new() };
    let period = profile.period.as_secs_f64();
    let mut text = format!("\nLoad over time, mean of {} (wanted: if nothing waited)\n", time(period));
    let capacity = capacity(profile, processors);
    let mut line = |name: &str, values: &[f64]| {
        let points: Vec<(f64, f64)> = (0..).zip(values).map(|(n, v)| (f64::from(n) * period, *v)).collect();
        let drawn = sparkline(&points, profile.span.as_secs_f64(), WIDTH, Glyphs::Unicode);
        let most = values.iter().copied().fold(0.0, f64::max);
        let shown =
            capacity.map_or_else(|| format!("{} {}", number(most), load.unit), |all| percent(most / all));
        let _ = writeln!(text, "  {drawn}  {}", cut(&format!("{name}, up to {shown}"), 28));
    };
    line("wanted", &load.wanted);
    if let Some(recorded) = &load.recorded {
        line("in use", recorded);
    }
    text
}

/// Processors of the machine, where the load is counted in them.
fn capacity(profile: &Profile, processors: Option<u32>) -> Option<f64> {
    let by_processors = profile.load.as_ref().is_some_and(|load| load.unit == "processors");
    processors.filter(|processors| by_processors && *processors > 0).map(f64::from)
}

/// A line about who submits.
pub(super) fn users(profile: &Profile, users: u64) -> String {
    let Some(first) = profile.busiest_users.first().filter(|_| users > 1) else { return String::new() };
    let share = |rows: u64| percent(rows as f64 / profile.with_user as f64);
    let several: u64 = profile.busiest_users.iter().sum();
    let count = profile.busiest_users.len();
    let more = if (users as usize) > count {
        format!(", the {count} busiest for {}", share(several))
    } else {
        String::new()
    };
    format!("  the busiest user stands for {} of the rows{more}\n", share(*first))
}

/// The profile as JSON.
pub(super) fn json(profile: &Profile, processors: Option<u32>) -> Value {
    json!({
        "period_s": profile.period.as_secs_f64(),
        "arrivals": profile.arrivals,
        "time_zone": profile.zone,
        "arrivals_by_hour": profile.by_hour,
        "arrivals_by_weekday": profile.by_weekday,
        "rows_with_user": profile.with_user,
        "rows_of_busiest_users": profile.busiest_users,
        "load": profile.load.as_ref().map(|load| json!({
            "unit": load.unit,
            "if_nothing_waited": load.wanted,
            "as_recorded": load.recorded,
            "capacity": capacity(profile, processors),
        })),
    })
}

/// Draws the charts into a folder, which is made if it is not there. Each file is whole or not there.
pub(super) fn draw(profile: &Profile, processors: Option<u32>, folder: &Path) -> Result<usize, Diagnostic> {
    let failed = |error: std::io::Error| {
        let place = Location::file(folder.to_string_lossy().as_ref());
        Diagnostic::error(place, format!("the folder cannot be made: {error}"))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let charts = workload_charts(&workload(profile, processors));
    for chart in &charts {
        write_chart(chart, folder)?;
    }
    Ok(charts.len())
}

fn write_chart(chart: &Chart, folder: &Path) -> Result<(), Diagnostic> {
    write_whole(&folder.join(format!("{}.svg", chart.name)), |out| out.write_all(chart.svg.as_bytes()))?;
    #[cfg(feature = "png")]
    write_whole(&folder.join(format!("{}.png", chart.name)), |out| {
        out.write_all(&crate::report::png(chart))
    })?;
    Ok(())
}

fn workload(profile: &Profile, processors: Option<u32>) -> Workload {
    let plain = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect::<Vec<f64>>();
    Workload {
        period: (profile.period.as_secs_f64(), profile.period.to_string()),
        span: profile.span.as_secs_f64(),
        arrivals: plain(&profile.arrivals),
        by_hour: (plain(&profile.by_hour), clock(profile)),
        by_weekday: profile.by_weekday.as_ref().map(|days| plain(days)),
        load: profile.load.as_ref().map(|load| WorkloadLoad {
            unit: load.unit.to_owned(),
            wanted: load.wanted.clone(),
            recorded: load.recorded.clone(),
            capacity: capacity(profile, processors),
        }),
        samples: profile
            .distributions
            .iter()
            .map(|values| Sample {
                name: values.name.to_owned(),
                label: values.label.to_owned(),
                unit: values.unit,
                values: values.values.clone(),
            })
            .collect(),
    }
}
