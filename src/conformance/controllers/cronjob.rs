//! Cases of mode `cronjob`: one pass over a CronJob, and then the clean-up of its history.

use super::super::answer::{fields, put};
use super::super::input::{Case, Objects};
use crate::api::{CronJob, Object, schedule};
use crate::base::Diagnostic;
use crate::control::controllers::cronjob::sync::{Owned, State, beyond_history, sync};
use crate::control::controllers::cronjob::{SECOND, Wall};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

/// The name of a CronJob that has none.
const NAME: &str = "cj";

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let now = time(case, &case.input, "now")?.ok_or_else(|| case.error("`now` is missing"))?;
    let written = case.require(&case.input, "cronJob")?;
    let cron = cron_job(case, written)?;
    let created = Wall::from(cron.meta.creation_unix.unwrap_or(0)) * SECOND;
    let jobs = case.list(&case.input, "jobs")?;
    let jobs: Vec<Owned> = jobs.iter().map(|job| owned(case, job)).collect::<Result<_, _>>()?;
    let mut state = state(case, written.get("status").unwrap_or(&Value::Null))?;
    let outcome = sync(&cron, created, &mut state, &jobs, |_| false, now);
    let beyond = beyond_history(&cron, &jobs);
    for name in &beyond {
        state.forget(name);
    }
    let created = outcome.start.as_ref().map(|(name, _)| name.as_str());
    // The recordings list them by name.
    let mut deleted: Vec<String> = outcome.replaced.iter().chain(&beyond).cloned().collect();
    deleted.sort();
    let mut answer = fields([
        ("created", created.into_iter().collect()),
        ("deleted", deleted.into()),
        ("active", state.active.into()),
    ]);
    if let Some(wait) = outcome.wait {
        put(&mut answer, "requeueAfter", wait as f64 / SECOND as f64);
    }
    for (key, time, zone) in [
        ("scheduledTime", outcome.start.map(|(_, time)| time), cron.time_zone.as_str()),
        ("lastScheduleTime", state.last_schedule, ""),
        ("lastSuccessfulTime", state.last_successful, ""),
    ] {
        if let Some(time) = time.and_then(|time| written_time(time, zone)) {
            put(&mut answer, key, time);
        }
    }
    Ok(Value::Object(answer))
}

fn cron_job(case: &Case, written: &Value) -> Result<CronJob, Diagnostic> {
    match Objects::new(case).object(("batch/v1", "CronJob"), written, "cronJob")? {
        Object::CronJob(mut cron) => {
            if cron.meta.name.is_empty() {
                NAME.clone_into(&mut cron.meta.name);
            }
            Ok(*cron)
        }
        other => Err(case.error(format!("cronJob: a {}", other.kind()))),
    }
}

fn state(case: &Case, status: &Value) -> Result<State, Diagnostic> {
    let active = case.list(status, "active")?.iter();
    Ok(State {
        active: active.map(|job| Ok(case.text(job, "name")?.to_owned())).collect::<Result<_, _>>()?,
        last_schedule: time(case, status, "lastScheduleTime")?,
        last_successful: time(case, status, "lastSuccessfulTime")?,
    })
}

fn owned(case: &Case, job: &Value) -> Result<Owned, Diagnostic> {
    let status = job.get("status").unwrap_or(&Value::Null);
    let mut succeeded = None;
    for condition in case.list(status, "conditions")? {
        let kind = case.text(condition, "type")?;
        if matches!(kind, "Complete" | "Failed") && case.text(condition, "status")? == "True" {
            succeeded = succeeded.or(Some(kind == "Complete"));
        }
    }
    Ok(Owned {
        name: case.text(case.require(job, "metadata")?, "name")?.to_owned(),
        succeeded,
        start: time(case, status, "startTime")?,
        completion: time(case, status, "completionTime")?,
    })
}

/// The moment at a key; `None` where it is absent.
pub(super) fn time(case: &Case, holder: &Value, key: &str) -> Result<Option<Wall>, Diagnostic> {
    let text = case.text(holder, key)?;
    if text.is_empty() {
        return Ok(None);
    }
    let moment: Result<Timestamp, _> = text.parse();
    let moment = moment.map_err(|_| case.error(format!("`{key}` is no time")).found(text))?;
    Ok(Some(moment.as_nanosecond()))
}

/// A moment as RFC 3339 has it, on the clocks of a time zone (empty for UTC).
fn written_time(time: Wall, zone: &str) -> Option<String> {
    let moment = Timestamp::from_nanosecond(time).ok()?;
    let offset = schedule::zone(zone)?.map_or(Offset::UTC, |zone| zone.to_offset(moment));
    if offset == Offset::UTC {
        return Some(moment.to_string());
    }
    Some(moment.display_with_offset(offset).to_string())
}
