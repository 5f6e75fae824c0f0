//! The decision by data, and against the answers of the real controller.

use super::*;
use crate::control::controllers::job::backoff::Backoff;
use crate::control::recorded;
use serde_json::Value;

fn spec() -> Spec {
    Spec {
        parallelism: 3,
        completions: Some(5),
        backoff_limit: 2,
        deadline: None,
        suspend: false,
        counts_restarts: false,
        burst: 500,
    }
}

fn seen() -> Observed {
    Observed {
        now: Time::from_secs(100),
        start: Some(Time::ZERO),
        active: 0,
        terminating: 0,
        succeeded: 0,
        failed: 0,
        restarts: 0,
        verdict: None,
        backoff: Span::ZERO,
    }
}

/// `(verdict, ended, delete, create, active)`.
fn short(plan: Plan) -> (Option<Verdict>, bool, u32, u32, u32) {
    (plan.verdict, plan.ended, plan.delete, plan.create, plan.active)
}

#[test]
fn pods_are_made_up_to_parallelism_and_to_what_is_left() {
    for (completions, succeeded, active, delete, create, reported) in [
        (Some(5), 0, 0, 0, 3, 3),
        (Some(5), 0, 2, 0, 1, 3),
        (Some(5), 4, 0, 0, 1, 1),
        (Some(5), 4, 3, 2, 0, 1),
        (None, 0, 1, 0, 2, 3),
        (None, 1, 2, 0, 0, 2),
    ] {
        let plan = reconcile(&Spec { completions, ..spec() }, &Observed { active, succeeded, ..seen() });
        assert_eq!(
            short(plan),
            (None, false, delete, create, reported),
            "{completions:?} {succeeded} {active}"
        );
    }
    let wide = Spec { parallelism: 9_999, completions: Some(i32::MAX), ..spec() };
    assert_eq!(reconcile(&wide, &seen()).create, 500);
    assert_eq!(reconcile(&Spec { parallelism: -1, ..spec() }, &seen()).create, 0);
}

#[test]
fn a_job_is_complete_when_enough_have_succeeded_and_no_pod_is_left() {
    let complete = Some(Verdict::Complete);
    for (completions, active, terminating, expected) in [
        (Some(5), 0, 0, (complete, true, 0, 0, 0)),
        (Some(5), 1, 0, (complete, false, 1, 0, 0)),
        (Some(5), 0, 1, (complete, false, 0, 0, 0)),
        (None, 0, 0, (complete, true, 0, 0, 0)),
        (None, 1, 0, (None, false, 0, 0, 1)),
        (Some(0), 0, 0, (complete, true, 0, 0, 0)),
    ] {
        let seen = Observed { succeeded: 5, active, terminating, ..seen() };
        assert_eq!(short(reconcile(&Spec { completions, ..spec() }, &seen)), expected, "{completions:?}");
    }
}

#[test]
fn failures_restarts_and_the_deadline_fail_a_job() {
    let too_many = Some(Verdict::BackoffLimitExceeded);
    let late = Some(Verdict::DeadlineExceeded);
    let deadline = Spec { deadline: Some(Span::from_secs(100)), ..spec() };
    let restarting = Spec { counts_restarts: true, ..spec() };
    let strict = Spec { backoff_limit: 0, ..restarting };
    for (spec, seen, verdict) in [
        (spec(), Observed { failed: 2, ..seen() }, None),
        (spec(), Observed { failed: 3, ..seen() }, too_many),
        (spec(), Observed { restarts: 9, ..seen() }, None),
        (restarting, Observed { restarts: 1, ..seen() }, None),
        (restarting, Observed { restarts: 2, ..seen() }, too_many),
        (strict, seen(), None),
        (strict, Observed { restarts: 1, ..seen() }, too_many),
        (deadline, Observed { now: Time(99_999_999_999), ..seen() }, None),
        (deadline, seen(), late),
        (deadline, Observed { start: None, ..seen() }, None),
        (spec(), Observed { verdict: late, ..seen() }, late),
    ] {
        assert_eq!(reconcile(&spec, &seen).verdict, verdict, "{spec:?} {seen:?}");
    }
    let plan = reconcile(&spec(), &Observed { failed: 3, active: 2, ..seen() });
    assert!(plan.deleted_fail && !plan.ended && plan.delete == 2);
}

#[test]
fn back_off_delays_creation_only() {
    let waiting = Observed { backoff: Span::from_secs(7), active: 1, ..seen() };
    let plan = reconcile(&spec(), &waiting);
    assert_eq!((plan.create, plan.active, plan.retry_after), (0, 0, Some(Span::from_secs(7))));
    let full = reconcile(&spec(), &Observed { active: 3, ..waiting });
    assert_eq!((full.active, full.retry_after), (3, None));
    let open = Spec { completions: None, ..spec() };
    assert_eq!(reconcile(&open, &waiting).verdict, None);
}

#[test]
fn a_suspended_job_has_no_pods() {
    let plan = reconcile(&Spec { suspend: true, ..spec() }, &Observed { active: 2, ..seen() });
    assert_eq!(short(plan), (None, false, 2, 0, 0));
    assert!(!plan.deleted_fail);
}

fn time(value: &Value) -> Option<Time> {
    let moment: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(Time::from_secs(moment.as_second() as u64))
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Whether a case uses only what the objects of this project can say.
fn is_modelled(job: &Value) -> bool {
    let foreign = ["podFailurePolicy", "backoffLimitPerIndex", "successPolicy", "maxFailedIndexes"];
    job["spec"]["podReplacementPolicy"] != "Failed" && foreign.iter().all(|key| job["spec"][key].is_null())
}

fn recorded_spec(job: &Value) -> Spec {
    let spec = &job["spec"];
    Spec {
        parallelism: int(&spec["parallelism"]) as i32,
        completions: spec["completions"].as_i64().map(|number| number as i32),
        backoff_limit: int(&spec["backoffLimit"]) as i32,
        deadline: spec["activeDeadlineSeconds"].as_u64().map(Span::from_secs),
        suspend: spec["suspend"] == true,
        counts_restarts: spec["template"]["spec"]["restartPolicy"] == "OnFailure",
        burst: 500,
    }
}

/// How many indexes a text such as `1,3-5` names.
fn index_count(text: &str) -> i64 {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        last.parse::<i64>().unwrap() - first.parse::<i64>().unwrap() + 1
    };
    text.split(',').filter(|part| !part.is_empty()).map(range).sum()
}

fn recorded_seen(input: &Value) -> Observed {
    let (job, none) = (&input["job"], Vec::new());
    let now = time(&input["now"]).unwrap();
    let pods = input["pods"].as_array().unwrap_or(&none);
    let end = |pod: &Value| {
        let finished = &pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"];
        let deletion = time(&pod["metadata"]["deletionTimestamp"]);
        let grace = Span::from_secs(int(&pod["metadata"]["deletionGracePeriodSeconds"]) as u64);
        time(finished)
            .or(deletion.map(|at| at - grace))
            .or(time(&pod["metadata"]["creationTimestamp"]))
            .unwrap()
    };
    let phase = |pod: &&Value, phase: &str| pod["status"]["phase"] == phase;
    let deleting = |pod: &&Value| !pod["metadata"]["deletionTimestamp"].is_null();
    let lives = |pod: &&Value| !phase(pod, "Succeeded") && !phase(pod, "Failed");
    let succeeded: Vec<&Value> = pods.iter().filter(|pod| phase(pod, "Succeeded")).collect();
    let failed: Vec<Time> = pods
        .iter()
        .filter(|pod| phase(pod, "Failed") || deleting(pod) && !phase(pod, "Succeeded"))
        .map(end)
        .collect();
    let mut backoff = Backoff::default();
    backoff.observe(&succeeded.iter().map(|pod| end(pod)).collect::<Vec<_>>(), &failed);
    let counted = match job["status"]["completedIndexes"].as_str() {
        Some(indexes) => index_count(indexes),
        None if job["spec"]["completionMode"] == "Indexed" => 0,
        None => int(&job["status"]["succeeded"]),
    };
    Observed {
        now,
        start: time(&job["status"]["startTime"]).or(Some(now)),
        active: pods.iter().filter(lives).filter(|pod| !deleting(pod)).count() as u32,
        terminating: pods.iter().filter(lives).filter(deleting).count() as u32,
        succeeded: counted + succeeded.len() as i64,
        failed: int(&job["status"]["failed"]) + failed.len() as i64,
        restarts: 0,
        verdict: None,
        backoff: backoff.remaining(now, Span::from_secs(10), Span::from_secs(600)),
    }
}

#[test]
fn safety_the_real_controller_syncs_to_the_same_end() {
    let Some(cases) = recorded::cases("controllers-1.36/job-sync.jsonl.gz") else { return };
    let (mut agreed, mut differing) = (0, Vec::new());
    let modelled = cases.iter().filter(|case| is_modelled(&case["input"]["job"]));
    for case in modelled {
        let (input, expected) = (&case["input"], &case["expected"]);
        let seen = recorded_seen(input);
        let plan = reconcile(&recorded_spec(&input["job"]), &seen);
        let status = &expected["status"];
        let conditions: Vec<&str> = status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["type"].as_str())
            .collect();
        let failed = seen.failed + if plan.deleted_fail { i64::from(plan.delete) } else { 0 };
        let ours = (
            [i64::from(plan.create), i64::from(plan.delete), i64::from(plan.active), seen.succeeded, failed],
            plan.verdict.is_some_and(|verdict| verdict == Verdict::Complete),
            plan.verdict.is_some_and(|verdict| verdict != Verdict::Complete),
            plan.ended,
        );
        let deleted = expected["deleted"].as_array().unwrap().len() as i64;
        let theirs = (
            [
                int(&expected["created"]),
                deleted,
                int(&status["active"]),
                int(&status["succeeded"]),
                int(&status["failed"]),
            ],
            conditions.contains(&"SuccessCriteriaMet"),
            conditions.contains(&"FailureTarget"),
            conditions.contains(&"Complete") || conditions.contains(&"Failed"),
        );
        if ours == theirs {
            agreed += 1;
        } else {
            differing.push(format!("{} ours {ours:?} theirs {theirs:?}", case["id"]));
        }
    }
    let total = agreed + differing.len();
    recorded::report("job-sync", agreed, total, cases.len() - total);
    assert_eq!(differing, Vec::<String>::new());
}
