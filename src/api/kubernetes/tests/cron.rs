//! CronJobs.

use super::*;
use crate::api::CronJob;
use crate::api::batch::Concurrency;

const TEMPLATE: &str =
    "jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c}]}}}}";

fn text(metadata: &str, spec: &str) -> String {
    format!("apiVersion: batch/v1\nkind: CronJob\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n")
}

fn cron(spec: &str) -> CronJob {
    match one(&text("name: c, namespace: shop", spec)) {
        Object::CronJob(cron) => *cron,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn defaults_and_values() {
    let plain = cron(&format!("schedule: '*/5 * * * *', {TEMPLATE}"));
    assert_eq!((plain.successful_history_limit, plain.failed_history_limit), (3, 1));
    assert_eq!(
        (plain.concurrency, plain.suspend, plain.starting_deadline_seconds),
        (Concurrency::Allow, false, None)
    );
    assert_eq!((plain.job.backoff_limit, plain.job.meta.namespace.as_str()), (6, "shop"));
    let full = cron(
        "schedule: '@hourly', timeZone: Europe/Berlin, startingDeadlineSeconds: 9, concurrencyPolicy: Replace, suspend: true, successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 7, jobTemplate: {metadata: {labels: {a: b}, annotations: {note: w}}, spec: {parallelism: 4, template: {spec: {restartPolicy: OnFailure, containers: [{name: c}]}}}}",
    );
    assert_eq!((full.schedule.as_str(), full.time_zone.as_str()), ("@hourly", "Europe/Berlin"));
    assert_eq!((full.successful_history_limit, full.failed_history_limit), (0, 7));
    assert_eq!(
        (full.concurrency, full.suspend, full.starting_deadline_seconds),
        (Concurrency::Replace, true, Some(9))
    );
    assert_eq!((full.job.parallelism, full.job.meta.labels["a"].as_str()), (4, "b"));
}

#[test]
fn cron_jobs_that_are_refused() {
    let name = "name: c";
    let long = format!("name: {}", "x".repeat(53));
    let cases = [
        (name, "schedule: '* * * *', TEMPLATE"),
        (name, "schedule: 'TZ=UTC * * * * *', TEMPLATE"),
        (name, "schedule: '', TEMPLATE"),
        (name, "TEMPLATE"),
        (name, "schedule: '@daily', timeZone: Europe/Berln, TEMPLATE"),
        (name, "schedule: '@daily', timeZone: '', TEMPLATE"),
        (name, "schedule: '@daily', timeZone: local, TEMPLATE"),
        (name, "schedule: '@daily', concurrencyPolicy: Forbidden, TEMPLATE"),
        (name, "schedule: '@daily', startingDeadlineSeconds: -1, TEMPLATE"),
        (name, "schedule: '@daily', successfulJobsHistoryLimit: 1e30, TEMPLATE"),
        (name, "schedule: '@daily', jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}"),
        (name, "schedule: '@daily'"),
        (name, "schedule: '@daily', suspended: true, TEMPLATE"),
        (&long, "schedule: '@daily', TEMPLATE"),
    ];
    let answers = cases.map(|(name, spec)| summary(&text(name, &spec.replace("TEMPLATE", TEMPLATE))));
    expect![[r#"
        x.yaml:4:18: error: `schedule` cannot be read: a schedule has five fields (minute, hour, day of month, month, day of week), but this has 4: `* * * *` (minute, hour, day of month, month, day of week, such as `*/15 8-18 * * MON-FRI`; or `@hourly`)
        x.yaml:4:18: error: `TZ` and `CRON_TZ` have no place in `schedule`: `TZ=UTC * * * * *` (name the time zone in `timeZone`)
        x.yaml:4:18: error: `schedule` is empty (minute, hour, day of month, month, day of week, such as `*/15 8-18 * * MON-FRI`; or `@hourly`)
        x.yaml:4:7: error: `schedule` is missing: `{jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c}]}}}}}`
        x.yaml:4:38: error: the time zone is not known: `Europe/Berln` (a name of the IANA database in exactly its letters, such as `Europe/Berlin` or `Etc/UTC`)
        x.yaml:4:38: error: `timeZone` must name a time zone (a name of the IANA database in exactly its letters, such as `Europe/Berlin` or `Etc/UTC`)
        x.yaml:4:38: error: `timeZone` must name a time zone: `local` (a name of the IANA database in exactly its letters, such as `Europe/Berlin` or `Etc/UTC`)
        x.yaml:4:47: error: `concurrencyPolicy` has an unknown value: `Forbidden` (did you mean `Forbid`?)
        x.yaml:4:53: error: `startingDeadlineSeconds` must not be negative: `-1`
        x.yaml:4:56: error: `successfulJobsHistoryLimit` must be from 0 to 2147483647: `1e30`
        x.yaml:4:66: error: a Job's pods cannot be restarted always: `{containers: [{name: c}]}` (write `restartPolicy: Never` or `restartPolicy: OnFailure`; the default is `Always`)
        x.yaml:4:7: error: `jobTemplate` is missing: `{schedule: '@daily'}`
        x.yaml:1:1 CronJob c
        x.yaml:4:28: warning: unknown key in the CronJob; it has no effect: `suspended` (did you mean `suspend`?)
        x.yaml:3:18: error: the name of a CronJob has at most 52 characters: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` (the names of its Jobs are 11 characters longer, and at most 63)"#]].assert_eq(&answers.join("\n"));
}
