//! Jobs: one sync, the policies, and the wait after failures.
//!
//! Recorded objects are read as they stand, and the decision's answer is written in the API's own
//! fields. Messages, which the decision does not have, are added here.

mod pods;

use crate::api::status::JobStatus;
use crate::api::{Condition, Job, Object, Truth};
use crate::base::{Diagnostic, Span, Time};
use crate::conformance::answer::{Fields, put};
use crate::conformance::input::{Case, Objects};
use crate::control::controllers::job::backoff::Backoff;
use crate::control::controllers::job::intervals::Intervals;
use crate::control::controllers::job::manage::Actions;
use crate::control::controllers::job::pods::{JobPod, Pods};
use crate::control::controllers::job::policies::{
    fail_job_message, is_past_restarts, match_failure, match_success,
};
use crate::control::controllers::job::sync::{
    BUILT_IN, Limits, Observed, Settled, Tracked, Uncounted, Verdict, begin,
};
use pods::{read_pods, read_time, write_time};
use serde_json::{Value, json};

/// The constants of Kubernetes 1.36 (reference control-plane §3.1).
const LIMITS: Limits = Limits {
    burst: 500,
    uncounted: 500,
    backoff_initial: Span::from_secs(10),
    backoff_max: Span::from_secs(600),
    batch: Span::from_secs(1),
};

/// The types of conditions that Jobs have.
const KINDS: [&str; 5] = ["Suspended", "SuccessCriteriaMet", "FailureTarget", "Complete", "Failed"];
/// The reasons of these conditions, each with its message; those without have their own each time.
const REASONS: [(&str, &str); 9] = [
    ("JobSuspended", "Job suspended"),
    ("JobResumed", "Job resumed"),
    ("BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    ("DeadlineExceeded", "Job was active longer than specified deadline"),
    ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"),
    ("FailedIndexes", "Job has failed indexes"),
    ("CompletionsReached", "Reached expected number of succeeded pods"),
    ("SuccessPolicy", ""),
    ("PodFailurePolicy", ""),
];
/// The reason of a condition that says something else than the controller would.
const FOREIGN: &str = "";

/// A Job of a case.
fn read_job(case: &Case) -> Result<Job, Diagnostic> {
    let written = case.require(&case.input, "job")?;
    match Objects::new(case).object(("batch/v1", "Job"), written, "job")? {
        Object::Job(job) => Ok(*job),
        other => Err(case.error(format!("job: a {}", other.kind()))),
    }
}

/// A text of the table that is equal to `text`.
fn known(table: impl IntoIterator<Item = &'static str>, text: &str) -> Option<&'static str> {
    table.into_iter().find(|known| *known == text)
}

fn read_status(case: &Case, job: &Value) -> Result<JobStatus, Diagnostic> {
    let written = job.get("status").unwrap_or(&Value::Null);
    let count =
        |key: &str| written.get(key).and_then(Value::as_i64).and_then(|count| i32::try_from(count).ok());
    let mut status = JobStatus {
        active: count("active").unwrap_or(0),
        ready: count("ready"),
        terminating: count("terminating"),
        succeeded: count("succeeded").unwrap_or(0),
        failed: count("failed").unwrap_or(0),
        uncounted: 0,
        completed_indexes: case.text(written, "completedIndexes")?.to_owned(),
        failed_indexes: None,
        start: read_time(case, written, "startTime")?,
        completion: read_time(case, written, "completionTime")?,
        conditions: Vec::new(),
    };
    if written.get("failedIndexes").is_some_and(|indexes| !indexes.is_null()) {
        status.failed_indexes = Some(case.text(written, "failedIndexes")?.to_owned());
    }
    for condition in case.list(written, "conditions")? {
        status.conditions.extend(read_condition(case, condition)?);
    }
    Ok(status)
}

/// A condition; `None` for one of a type that the controller does not know.
fn read_condition(case: &Case, written: &Value) -> Result<Option<Condition>, Diagnostic> {
    let Some(kind) = known(KINDS, case.text(written, "type")?) else {
        return Ok(None);
    };
    let message = case.text(written, "message")?;
    let reason = case.text(written, "reason")?;
    let is_own = |(_, own): &&(&str, &str)| own.is_empty() || *own == message;
    let reason = REASONS.iter().filter(|(known, _)| *known == reason).find(is_own);
    let status = match case.text(written, "status")? {
        "True" => Truth::True,
        "False" => Truth::False,
        _ => Truth::Unknown,
    };
    Ok(Some(Condition {
        kind,
        status,
        reason: reason.map_or(FOREIGN, |(reason, _)| reason),
        since: read_time(case, written, "lastTransitionTime")?.unwrap_or_default(),
        updated: read_time(case, written, "lastProbeTime")?.unwrap_or_default(),
    }))
}

/// Answers a case of the mode `job-sync`.
pub(super) fn sync(case: &Case) -> Result<Value, Diagnostic> {
    let job = read_job(case)?;
    let written = case.require(&case.input, "job")?;
    let status = read_status(case, written)?;
    let pods = read_pods(case)?;
    let now = read_time(case, &case.input, "now")?.ok_or_else(|| case.error("`now` is missing"))?;
    if status.end().is_some() || !["", BUILT_IN].contains(&job.managed_by.as_str()) {
        return Ok(json!({ "created": 0, "deleted": [], "finalizerRemoved": [] }));
    }
    let view = Pods::new(&job, &pods);
    let tally = view.tally();
    let held = view.held();
    let seen = Observed {
        now,
        stamp: now,
        is_satisfied: true,
        is_deleting: false,
        active: tally.active,
        ready: tally.ready,
        terminating: tally.terminating,
        restarts: tally.restarts,
        held: &held,
        released: Uncounted::default(),
        backoff: Backoff::default(),
        limits: LIMITS,
    };
    let completions = job.completions.unwrap_or(0).max(0) as u32;
    let mut settled = Settled::of(&status, completions);
    let mut sync = begin(&job, &status, &seen, &mut settled, &view);
    let tracking = sync.track(sync.all_done());
    let last = sync.end(Uncounted::default()).or(tracking.status);
    let mut answer = write_actions(&sync.actions, &tracking.release, &pods);
    if let Some(last) = last {
        let messages = Messages { written, job: &job, pods: &pods, verdict: sync.verdict.as_ref() };
        put(&mut answer, "status", write_status(&last, &messages));
    }
    Ok(Value::Object(answer))
}

fn write_actions(actions: &Actions<usize>, released: &[Tracked<usize>], pods: &[JobPod]) -> Fields {
    let mut answer = Fields::new();
    let names = |list: &[Tracked<usize>]| -> Vec<&str> {
        list.iter().filter_map(|pod| pods.get(pod.pod)).map(|pod| pod.name.as_str()).collect()
    };
    let (mut created, mut deleted, mut freed) = (0, Vec::new(), names(released));
    match actions {
        Actions::DeleteAll(list) => deleted = names(list),
        Actions::Delete(list) => {
            deleted = names(list);
            let held: Vec<Tracked<usize>> = list.iter().filter(|pod| pod.is_held).copied().collect();
            freed.extend(names(&held));
        }
        Actions::Create(list) => {
            created = list.len();
            let indexes: Vec<u32> = list.iter().filter_map(|creation| creation.index).collect();
            if !indexes.is_empty() {
                put(&mut answer, "createdIndexes", indexes);
            }
        }
        Actions::Unmanaged | Actions::None | Actions::Wait => {}
    }
    deleted.sort_unstable();
    freed.sort_unstable();
    put(&mut answer, "created", created);
    put(&mut answer, "deleted", deleted);
    put(&mut answer, "finalizerRemoved", freed);
    answer
}

/// Where the messages of conditions come from.
struct Messages<'c> {
    written: &'c Value,
    job: &'c Job,
    pods: &'c [JobPod],
    verdict: Option<&'c Verdict<usize>>,
}

impl Messages<'_> {
    /// The condition of a type as it was given.
    fn given(&self, kind: &str) -> Option<&Value> {
        let given = self.written.get("status")?.get("conditions")?.as_array()?;
        given.iter().find(|condition| condition.get("type").is_some_and(|found| found == kind))
    }

    fn message(&self, reason: &str) -> String {
        let own = REASONS.iter().find(|(known, _)| *known == reason).map_or("", |(_, message)| message);
        let Some(verdict) = self.verdict.filter(|verdict| verdict.reason == reason) else {
            return own.to_owned();
        };
        if verdict.is_recorded {
            let given = self.given(verdict.interim()).and_then(|given| given.get("message")?.as_str());
            return given.unwrap_or("").to_owned();
        }
        if let Some(rule) = verdict.rule {
            return success_message(rule);
        }
        let policy = self.job.pod_failure_policy.as_deref();
        let failed = verdict.pod.and_then(|place| self.pods.get(place));
        failed.and_then(|pod| fail_job_message(policy, pod)).unwrap_or_else(|| own.to_owned())
    }
}

fn success_message(rule: usize) -> String {
    format!("Matched rules at index {rule}")
}

fn write_status(status: &JobStatus, messages: &Messages<'_>) -> Value {
    let mut written = Fields::new();
    put(&mut written, "uncountedTerminatedPods", json!({}));
    for (key, count) in
        [("active", status.active), ("succeeded", status.succeeded), ("failed", status.failed)]
    {
        if count != 0 {
            put(&mut written, key, count);
        }
    }
    for (key, count) in [("ready", status.ready), ("terminating", status.terminating)] {
        if let Some(count) = count {
            put(&mut written, key, count);
        }
    }
    for (key, time) in [("startTime", status.start), ("completionTime", status.completion)] {
        if let Some(time) = time {
            put(&mut written, key, write_time(time));
        }
    }
    if !status.completed_indexes.is_empty() {
        put(&mut written, "completedIndexes", status.completed_indexes.as_str());
    }
    if let Some(failed) = &status.failed_indexes {
        put(&mut written, "failedIndexes", failed.as_str());
    }
    let conditions: Vec<Value> =
        status.conditions.iter().map(|condition| write_condition(condition, messages)).collect();
    if !conditions.is_empty() {
        put(&mut written, "conditions", conditions);
    }
    Value::Object(written)
}

fn write_condition(condition: &Condition, messages: &Messages<'_>) -> Value {
    if condition.updated == Time::ZERO || condition.reason == FOREIGN {
        // It is as it was given, and may say what the controller would not.
        if let Some(given) = messages.given(condition.kind) {
            let mut given = given.clone();
            if given.get("lastProbeTime").is_none() {
                given["lastProbeTime"] = Value::Null;
            }
            return given;
        }
    }
    json!({
        "type": condition.kind,
        "status": condition.status.name(),
        "lastProbeTime": write_time(condition.updated),
        "lastTransitionTime": write_time(condition.since),
        "reason": condition.reason,
        "message": messages.message(condition.reason),
    })
}

/// Answers a case of the mode `job-policy`.
pub(super) fn policy(case: &Case) -> Result<Value, Diagnostic> {
    let job = read_job(case)?;
    let pods = read_pods(case)?;
    let policy = job.pod_failure_policy.as_deref();
    let mut answer = Fields::new();
    let of_pod = |pod: &JobPod| {
        let matched = match_failure(policy, pod);
        let mut written = Fields::new();
        put(&mut written, "pod", pod.name.as_str());
        put(&mut written, "counts", matched.counts());
        if let Some(action) = matched.action() {
            put(&mut written, "action", action.name());
        }
        if let Some(message) = fail_job_message(policy, pod) {
            put(&mut written, "message", message);
        }
        Value::Object(written)
    };
    put(&mut answer, "podFailurePolicy", pods.iter().map(of_pod).collect::<Vec<_>>());
    let restarts = Pods::new(&job, &pods).tally().restarts;
    put(&mut answer, "pastBackoffLimitOnFailure", is_past_restarts(&job, restarts));
    let completions = job.completions.unwrap_or(0).max(0) as u32;
    let succeeded = Intervals::parse(case.text(&case.input, "succeededIndexes")?, completions);
    let met = match_success(&job.success_policy, completions, &succeeded);
    let message = met.map(success_message).unwrap_or_default();
    put(&mut answer, "successPolicy", json!({ "met": met.is_some(), "message": message }));
    Ok(Value::Object(answer))
}

/// A number of seconds as a time.
fn seconds(case: &Case, value: &Value) -> Result<Time, Diagnostic> {
    let number = value.as_f64().filter(|number| (0.0..1e10).contains(number));
    number.map(Time::from_secs_f64).ok_or_else(|| case.error("no time in seconds").found(value.to_string()))
}

/// Answers a case of the mode `job-backoff`.
pub(super) fn backoff(case: &Case) -> Result<Value, Diagnostic> {
    let left = |backoff: &Backoff, now| {
        backoff.remaining(now, LIMITS.backoff_initial, LIMITS.backoff_max).as_secs_f64()
    };
    let mut backoff = Backoff::default();
    let mut syncs = Vec::new();
    for sync in case.list(&case.input, "syncs")? {
        let times = |key: &str| {
            case.list(sync, key)?.iter().map(|value| seconds(case, value)).collect::<Result<Vec<_>, _>>()
        };
        backoff.observe(&times("succeeded")?, &times("failed")?);
        let mut written = Fields::new();
        put(&mut written, "failuresAfterLastSuccess", backoff.failures);
        if let Some(last) = backoff.last_failure {
            put(&mut written, "lastFailureTime", last.as_secs_f64());
        }
        put(&mut written, "remaining", left(&backoff, seconds(case, case.require(sync, "time")?)?));
        syncs.push(Value::Object(written));
    }
    let mut formula = Vec::new();
    for asked in case.list(&case.input, "formula")? {
        let failures = case.require(asked, "failures")?.as_u64().and_then(|count| u32::try_from(count).ok());
        let failures = failures.ok_or_else(|| case.error("`failures` must be a count"))?;
        let last = seconds(case, case.require(asked, "lastFailure")?)?;
        let now = seconds(case, case.require(asked, "now")?)?;
        formula.push(left(&Backoff { failures, last_failure: Some(last) }, now));
    }
    Ok(json!({ "syncs": syncs, "formula": formula }))
}

#[cfg(test)]
mod tests;
