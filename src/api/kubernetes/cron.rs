//! CronJobs.
//!
//! The checks are those of the API server (Kubernetes 1.36, pkg/apis/batch/validation). When a schedule's
//! time comes is not known here.

use super::batch::job_spec;
use super::fields::{Fields, Read, Shape};
use super::meta::{self, Scope};
use super::{Context, Part, known};
use crate::api::batch::Concurrency;
use crate::api::yaml::Value;
use crate::api::{CronJob, Job, Object, ObjectMeta, Schedule, schedule};

/// A Job's name adds a hyphen and the minutes since 1970 to the CronJob's, and must not exceed 63.
const MAX_NAME: usize = 52;
/// The longest part of a time zone's name between slashes.
const MAX_ZONE_PART: usize = 14;
/// Finished Jobs that are kept: succeeded and failed (pkg/apis/batch/v1/defaults.go).
const HISTORY: (i32, i32) = (3, 1);

const SPEC: Shape = Shape {
    name: "the CronJob",
    known: &[
        "concurrencyPolicy",
        "failedJobsHistoryLimit",
        "jobTemplate",
        "schedule",
        "startingDeadlineSeconds",
        "successfulJobsHistoryLimit",
        "suspend",
        "timeZone",
    ],
};
const JOB_TEMPLATE: Shape = Shape { name: "the Job template", known: &["metadata", "spec"] };

/// A CronJob.
pub(super) fn cron_job(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    const POLICIES: &[(&str, Concurrency)] =
        &[("Allow", Concurrency::Allow), ("Forbid", Concurrency::Forbid), ("Replace", Concurrency::Replace)];
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &SPEC, context)?;
    // Objects that come from an API server have limits; without one, nothing is ever deleted.
    let history = if context.checks() { HISTORY } else { (i32::MAX, i32::MAX) };
    let cron = CronJob {
        schedule: spec.text("schedule")?.to_owned(),
        time_zone: spec.text("timeZone")?.to_owned(),
        starting_deadline_seconds: spec.integer("startingDeadlineSeconds", 0, i64::MAX)?,
        concurrency: spec.choice("concurrencyPolicy", POLICIES)?.unwrap_or_default(),
        suspend: spec.flag("suspend")?,
        successful_history_limit: spec.count("successfulJobsHistoryLimit")?.unwrap_or(history.0),
        failed_history_limit: spec.count("failedJobsHistoryLimit")?.unwrap_or(history.1),
        job: job_template(&spec, &meta, context)?.into(),
        meta,
    };
    if context.checks() {
        check_name(fields, &cron)?;
        check_time_zone(&spec)?;
        check_schedule(&spec)?;
    }
    Ok(Object::CronJob(Box::new(cron)))
}

fn job_template(spec: &Fields<'_>, cron: &ObjectMeta, context: &mut Context<'_>) -> Read<Job> {
    let written = Fields::open(spec.require("jobTemplate")?, &JOB_TEMPLATE, context)?;
    let mut meta = ObjectMeta { namespace: cron.namespace.clone(), ..ObjectMeta::default() };
    if let Some(metadata) = written.child("metadata", &known::METADATA, context)? {
        meta.labels = meta::labels(&metadata, "labels")?;
        meta.annotations = meta::annotations(&metadata)?;
    }
    meta::warn_of_behavior(&written, context);
    let spec = Fields::open(written.require("spec")?, &known::JOB_SPEC, context)?;
    context.places.note(Part::Replicas, spec.get("parallelism").or(spec.get("completions")));
    job_spec(&spec, meta, context)
}

fn check_name(fields: &Fields<'_>, cron: &CronJob) -> Read<()> {
    if cron.meta.name.len() <= MAX_NAME {
        return Ok(());
    }
    let metadata = fields.require("metadata")?;
    let at = metadata.get("name").or(metadata.get("generateName")).unwrap_or(metadata);
    let message = format!("the name of a CronJob has at most {MAX_NAME} characters");
    Err(at.error(message).help("the names of its Jobs are 11 characters longer, and at most 63"))
}

fn check_time_zone(spec: &Fields<'_>) -> Read<()> {
    let Some(value) = spec.get("timeZone") else {
        return Ok(());
    };
    let name = spec.text("timeZone")?;
    let help = "a name of the IANA database in exactly its letters, such as `Europe/Berlin` or `Etc/UTC`";
    if name.is_empty() || name.eq_ignore_ascii_case("Local") {
        return Err(value.error("`timeZone` must name a time zone").help(help));
    }
    if !name.split('/').all(is_zone_part) || schedule::zone(name).is_none() {
        return Err(value.error("the time zone is not known").help(help));
    }
    Ok(())
}

/// Whether `text` may stand between the slashes of a time zone's name: letters, or after `Etc/` such as
/// `GMT+3`.
fn is_zone_part(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    !matches!(text, "" | "." | "..")
        && !text.starts_with('-')
        && text.len() <= MAX_ZONE_PART
        && text.bytes().all(legal)
}

fn check_schedule(spec: &Fields<'_>) -> Read<()> {
    let value = spec.require("schedule")?;
    let text = spec.text("schedule")?;
    if text.is_empty() {
        return Err(value.error("`schedule` is empty").help(SCHEDULE_HELP));
    }
    if text.contains("TZ") {
        let finding = value.error("`TZ` and `CRON_TZ` have no place in `schedule`");
        return Err(finding.help("name the time zone in `timeZone`"));
    }
    unreadable(value, text).map_or(Ok(()), Err)
}

const SCHEDULE_HELP: &str =
    "minute, hour, day of month, month, day of week, such as `*/15 8-18 * * MON-FRI`; or `@hourly`";

/// The finding about a schedule that cannot be read.
fn unreadable(value: Value<'_>, text: &str) -> Option<crate::base::Diagnostic> {
    let error = Schedule::parse(text, None).err()?;
    Some(value.error(format!("`schedule` cannot be read: {error}")).help(SCHEDULE_HELP))
}
