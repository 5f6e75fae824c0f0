//! The recorded cases, where they are at hand; and what is no case.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use super::super::compare::differences;
use super::*;
use crate::base::Location;
use expect_test::expect;
use std::io::Read as _;

/// The recorded cases of a mode, or nothing, said aloud.
#[expect(clippy::disallowed_methods, reason = "tests find the public data by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn recorded(mode: &str) -> Option<Vec<Case>> {
    let Some(place) = std::env::var_os("SEATRIAL_DATA").map(std::path::PathBuf::from) else {
        eprintln!("skipped: recorded cases of {mode} (SEATRIAL_DATA is not set)");
        return None;
    };
    let file = place.join(format!("conformance/controllers-1.36/{mode}.jsonl.gz"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&std::fs::read(file).unwrap()[..]).read_to_string(&mut text).unwrap();
    Some(text.lines().map(case).collect())
}

fn case(line: &str) -> Case {
    Case::read(line.as_bytes(), Location::at("cases.jsonl", 1, 0)).unwrap()
}

fn check_recorded(mode: &str, count: usize) {
    let Some(cases) = recorded(mode) else { return };
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = differences(case.expected.as_ref().unwrap(), &answer(case).unwrap());
            (!found.is_empty()).then(|| format!("{}: {found:?}", case.id))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(cases.len(), count);
}

#[test]
fn recorded_cron_jobs() {
    check_recorded("cronjob", 80);
}

#[test]
fn recorded_budgets() {
    check_recorded("pdb-status", 60);
}

#[test]
fn what_is_no_case() {
    let wrong = [
        r#"{"id": "a", "mode": "cronjob", "input": {}}"#,
        r#"{"id": "b", "mode": "cronjob", "input": {"now": "today", "cronJob": {}}}"#,
        r#"{"id": "c", "mode": "cronjob", "input": {"now": "2026-01-01T00:00:00Z", "cronJob": 5}}"#,
        r#"{"id": "d", "mode": "pdb-status", "input": {"now": "1960-01-01T00:00:00Z", "pdb": {}}}"#,
        r#"{"id": "e", "mode": "pdb-status", "input": {"now": "2026-01-01T00:00:00Z", "pdb": {"spec": {}}, "pods": [{}]}}"#,
        r#"{"id": "f", "mode": "crnjob", "input": {}}"#,
    ];
    let answers = wrong.map(|line| answer(&case(line)).unwrap_err().to_string()).join("\n");
    expect![[r#"
        cases.jsonl:1: error: a: `now` is missing
        cases.jsonl:1: error: b: `now` is no time: `today`
        cases.jsonl:1: error: c: cronJob: a Kubernetes object is a mapping, but this is a number: `5` (a manifest has `apiVersion` and `kind`; a trace is named under `workload.traces` of a scenario)
        cases.jsonl:1: error: d: `now` must be from 1970 to 2554
        cases.jsonl:1: error: e: a pod has no `name`: `{}`
        cases.jsonl:1: error: f: `mode` has an unknown value: `crnjob` (one of crashloop, daemonset, deployment, hpa, job-backoff, job-policy, job-sync, cronjob, pdb-status, replicaset-delete, statefulset, taint-eviction, zone-disruption, zone-state)"#]].assert_eq(&answers);
}
