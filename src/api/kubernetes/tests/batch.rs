//! Jobs with their policies.

use super::*;
use crate::api::batch::{FailureAction, FailureCondition, FailureRule, PodReplacement, SuccessRule};

#[test]
fn every_field_of_a_job_is_read() {
    let job = job(
        "parallelism: 3, completions: 8, completionMode: Indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 5, \
         activeDeadlineSeconds: 600, ttlSecondsAfterFinished: 0, suspend: true, managedBy: example.com/queue, \
         podReplacementPolicy: Failed, podFailurePolicy: {rules: [\
           {action: FailJob, onExitCodes: {containerName: c, operator: In, values: [1, 42]}}, \
           {action: FailIndex, onExitCodes: {operator: NotIn, values: [0, 3]}}, \
           {action: Ignore, onPodConditions: [{type: DisruptionTarget}, {type: a.b/C, status: \"False\"}]}]}, \
         successPolicy: {rules: [{succeededIndexes: \"0,3-5\", succeededCount: 2}, {succeededCount: 8}]}, ",
    );
    assert_eq!((job.parallelism, job.completions, job.indexed, job.suspend), (3, Some(8), true, true));
    assert_eq!((job.backoff_limit, job.backoff_limit_per_index), (i32::MAX, Some(1)));
    assert_eq!(
        (job.max_failed_indexes, job.active_deadline_seconds, job.ttl_seconds_after_finished),
        (Some(5), Some(600), Some(0))
    );
    assert_eq!(
        (job.managed_by.as_str(), job.pod_replacement),
        ("example.com/queue", Some(PodReplacement::Failed))
    );
    let rule = |action, when| FailureRule { action, when };
    let conditions = [("DisruptionTarget", "True"), ("a.b/C", "False")];
    let expected = [
        rule(
            FailureAction::FailJob,
            FailureCondition::ExitCodes { container: Some("c".into()), listed: true, values: vec![1, 42] },
        ),
        rule(
            FailureAction::FailIndex,
            FailureCondition::ExitCodes { container: None, listed: false, values: vec![0, 3] },
        ),
        rule(
            FailureAction::Ignore,
            FailureCondition::PodConditions(
                conditions.map(|(kind, status)| (kind.into(), status.into())).to_vec(),
            ),
        ),
    ];
    assert_eq!(job.pod_failure_policy.as_deref(), Some(expected.as_slice()));
    let success = [
        SuccessRule { indexes: Some("0,3-5".into()), count: Some(2) },
        SuccessRule { indexes: None, count: Some(8) },
    ];
    assert_eq!(job.success_policy, success);
}

#[test]
fn what_a_job_leaves_out_is_filled_in() {
    let job = job("");
    assert_eq!((job.parallelism, job.completions, job.backoff_limit), (1, Some(1), 6));
    assert_eq!((job.pod_failure_policy, job.pod_replacement, job.managed_by.as_str()), (None, None, ""));
    assert_eq!(super::job("podFailurePolicy: {rules: []}, ").pod_failure_policy, Some(Vec::new()));
}

/// What is wrong with the Job `{spec}template`.
fn refused(spec: &str) -> String {
    let template = "template: {spec: {restartPolicy: Never, containers: [{name: c}]}}";
    summary(&format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec:\n  {template}\n  {spec}\n"
    ))
}

fn refused_all<const N: usize>(specs: [&str; N]) -> String {
    specs.map(refused).join("\n")
}

#[test]
fn numbers_that_do_not_fit_together() {
    let long = format!("managedBy: a.b/{}", "x".repeat(60));
    let answers = refused_all([
        "backoffLimitPerIndex: 1",
        "maxFailedIndexes: 1",
        "successPolicy: {rules: [{succeededCount: 1}]}",
        "backoffLimit: -1",
        "activeDeadlineSeconds: 10000000000000000000000000000000",
        "managedBy: queue",
        "managedBy: A.b/c",
        &long,
        "podReplacementPolicy: Faild",
    ]);
    expect![[r#"
        x.yaml:6:25: error: `backoffLimitPerIndex` needs `completionMode: Indexed`: `1`
        x.yaml:6:21: error: `maxFailedIndexes` needs `completionMode: Indexed`: `1`
        x.yaml:6:18: error: `successPolicy` needs `completionMode: Indexed`: `{rules: [{succeededCount: 1}]}`
        x.yaml:6:17: error: `backoffLimit` must not be negative: `-1`
        x.yaml:6:26: error: `activeDeadlineSeconds` must be from 0 to 9223372036854775807: `10000000000000000000000000000000`
        x.yaml:6:14: error: `managedBy` is not a legal name: `queue` (a domain, `/` and a path, at most 63 characters, such as `kueue.x-k8s.io/multikueue`)
        x.yaml:6:14: error: `managedBy` is not a legal name: `A.b/c` (a domain, `/` and a path, at most 63 characters, such as `kueue.x-k8s.io/multikueue`)
        x.yaml:6:14: error: `managedBy` is not a legal name: `a.b/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` (a domain, `/` and a path, at most 63 characters, such as `kueue.x-k8s.io/multikueue`)
        x.yaml:6:25: error: `podReplacementPolicy` has an unknown value: `Faild` (did you mean `Failed`?)"#]].assert_eq(&answers);
}

#[test]
fn indexed_jobs_that_are_refused() {
    let indexed = |rest: &str| refused(&format!("completionMode: Indexed\n  {rest}"));
    let cases = [
        "completions: 3\n  backoffLimitPerIndex: 1\n  maxFailedIndexes: 4",
        "completions: 3\n  maxFailedIndexes: 1",
        "completions: 3\n  parallelism: 100001",
        "completions: 200000\n  backoffLimitPerIndex: 1",
        "completions: 200000\n  backoffLimitPerIndex: 1\n  maxFailedIndexes: 10001",
        "completions: 200000\n  backoffLimitPerIndex: 1\n  maxFailedIndexes: 9\n  parallelism: 10001",
        "completions: 3\n  successPolicy: {}",
        "completions: 3\n  successPolicy: {rules: [{}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededCount: 4}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededCount: 3, succeededIndexes: 0-1}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededIndexes: 0-3}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededIndexes: \"1,0\"}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededIndexes: 1-1}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededIndexes: a-}]}",
        "completions: 3\n  successPolicy: {rules: [{succeededIndexes: 1}]}",
    ];
    expect![[r#"
        x.yaml:9:21: error: `maxFailedIndexes` must be at most 3 here: `4`
        x.yaml:8:21: error: `maxFailedIndexes` needs `backoffLimitPerIndex`: `1`
        x.yaml:8:16: error: `parallelism` must be at most 100000 here: `100001`
        x.yaml:5:3: error: `maxFailedIndexes` is missing: more than 100000 completions need it: `template: {spec: {restartPolicy: Never, containers: [{name: c}]}}`
        x.yaml:9:21: error: `maxFailedIndexes` must be at most 10000 here: `10001`
        x.yaml:10:16: error: `parallelism` must be at most 10000 here: `10001`
        x.yaml:8:18: error: `rules` must have at least one rule: `{}`
        x.yaml:8:27: error: a rule needs `succeededCount` or `succeededIndexes`: `{}`
        x.yaml:8:44: error: `succeededCount` must be at most 3 here: `4`
        x.yaml:8:44: error: `succeededCount` must be at most 2 here: `3`
        x.yaml:8:46: error: `succeededIndexes` is no list of indexes: `0-3` (indexes and ranges in increasing order below 3, such as `0,3-5`)
        x.yaml:8:46: error: `succeededIndexes` is no list of indexes: `1,0` (indexes and ranges in increasing order below 3, such as `0,3-5`)
        x.yaml:8:46: error: `succeededIndexes` is no list of indexes: `1-1` (indexes and ranges in increasing order below 3, such as `0,3-5`)
        x.yaml:8:46: error: `succeededIndexes` is no list of indexes: `a-` (indexes and ranges in increasing order below 3, such as `0,3-5`)
        x.yaml:8:46: error: `succeededIndexes` must be text, but this is a number: `1` (write it in quotes: "1")"#]].assert_eq(&cases.map(indexed).join("\n"));
    let long = "a".repeat(60);
    let named = |completions: u32| {
        summary(&format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {long}}}, spec: {{completionMode: Indexed, \
             completions: {completions}, template: {{spec: {{restartPolicy: Never, containers: [{{name: c}}]}}}}}}}}"
        ))
    };
    assert_eq!(named(100), format!("x.yaml:1:1 Job {long}"));
    assert!(named(101).contains("the name is not fit for an Indexed Job"), "{}", named(101));
}

#[test]
fn failure_policies_that_are_refused() {
    let policy = |rules: &str| refused(&format!("podFailurePolicy: {{rules: {rules}}}"));
    let many = format!("[{}]", vec!["{action: Count, onPodConditions: [{type: A}]}"; 21].join(", "));
    let cases = [
        "3",
        "[{onPodConditions: [{type: A}]}]",
        "[{action: Fail, onPodConditions: [{type: A}]}]",
        "[{action: FailIndex, onPodConditions: [{type: A}]}]",
        "[{action: Count}]",
        "[{action: Count, onPodConditions: [{type: A}], onExitCodes: {operator: In, values: [1]}}]",
        "[{action: Count, onPodConditions: [{status: \"True\"}]}]",
        "[{action: Count, onPodConditions: [{type: A, status: true}]}]",
        "[{action: Count, onPodConditions: [{type: \"a b\"}]}]",
        "[{action: Count, onExitCodes: {values: [1]}}]",
        "[{action: Count, onExitCodes: {operator: In, values: []}}]",
        "[{action: Count, onExitCodes: {operator: In}}]",
        "[{action: Count, onExitCodes: {operator: In, values: [0]}}]",
        "[{action: Count, onExitCodes: {operator: In, values: [2, 1]}}]",
        "[{action: Count, onExitCodes: {operator: In, values: [1, 1]}}]",
        "[{action: Count, onExitCodes: {operator: In, values: [5000000000]}}]",
        "[{action: Count, onExitCodes: {operator: In, values: [1], containerName: d}}]",
        &many,
    ];
    expect![[r#"
        x.yaml:6:29: error: `rules` must be a list, not a number: `3`
        x.yaml:6:30: error: `action` is missing: `{onPodConditions: [{type: A}]}`
        x.yaml:6:39: error: `action` has an unknown value: `Fail` (one of FailJob, FailIndex, Ignore, Count)
        x.yaml:6:39: error: `FailIndex` needs `backoffLimitPerIndex`: `FailIndex`
        x.yaml:6:30: error: a rule has either `onExitCodes` or `onPodConditions`: `{action: Count}`
        x.yaml:6:30: error: a rule has either `onExitCodes` or `onPodConditions`: `{action: Count, onPodConditions: [{type: A}], onExitCodes: {operator: In, values: [1]}}`
        x.yaml:6:64: error: `type` is missing: `{status: "True"}`
        x.yaml:6:82: error: `status` must be text, but this is a truth value: `true` (write it in quotes: "true")
        x.yaml:6:71: error: `type` is not a legal condition type: `a b` (such as `DisruptionTarget`)
        x.yaml:6:59: error: `operator` is missing: `{values: [1]}`
        x.yaml:6:82: error: `values` must have from 1 to 255 exit codes: `[]`
        x.yaml:6:59: error: `values` is missing: `{operator: In}`
        x.yaml:6:83: error: the exit code 0 is no failure: `0` (leave it out)
        x.yaml:6:82: error: `values` must be in increasing order: `[2, 1]`
        x.yaml:6:86: error: the exit code is given twice: `1` (remove one of the two)
        x.yaml:6:83: error: `values` must be from -2147483648 to 2147483647: `5000000000`
        x.yaml:6:102: error: `containerName` names no container of the pod template: `d`
        x.yaml:6:29: error: `rules` must have at most 20 rules: `[{action: Count, onPodConditions: [{type: A}]}, {action: Count, onPodConditions: [{type: A}]}, {action: Count, onPodCond…`"#]].assert_eq(&cases.map(policy).join("\n"));
}

#[test]
fn a_failure_policy_needs_pods_that_never_restart() {
    let of = |policy: &str, rest: &str| {
        summary(&format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: j}}, spec: {{podFailurePolicy: {{}}, {rest}\
             template: {{spec: {{restartPolicy: {policy}, containers: [{{name: c}}]}}}}}}}}"
        ))
    };
    let answers = [
        of("OnFailure", ""),
        of("Never", "podReplacementPolicy: TerminatingOrFailed, "),
        of("Never", "podReplacementPolicy: Failed, "),
    ];
    expect![[r#"
        x.yaml:1:118: error: not possible with `podFailurePolicy`: `OnFailure` (write `restartPolicy: Never`)
        x.yaml:1:107: error: not possible with `podFailurePolicy`: `TerminatingOrFailed` (write `podReplacementPolicy: Failed`)
        x.yaml:1:1 Job j"#]].assert_eq(&answers.join("\n"));
}

#[test]
fn objects_of_an_api_server_are_not_checked() {
    let text = "{kind: Job, apiVersion: batch/v1, metadata: {}, spec: {parallelism: 2, maxFailedIndexes: 7, \
                successPolicy: {rules: [{succeededIndexes: x}]}, podFailurePolicy: {rules: [{action: Count}]}}}";
    let mut manifest = Manifest::default();
    let options = Options { defaulting: Defaulting::None, assumed: None };
    read_with(&"x.yaml".into(), text.as_bytes(), options, &mut manifest).unwrap();
    let Object::Job(job) = &manifest.objects[0].object else { panic!() };
    assert_eq!((job.completions, job.max_failed_indexes), (None, Some(7)));
    assert_eq!(job.pod_failure_policy.as_ref().map(Vec::len), Some(1));
}
