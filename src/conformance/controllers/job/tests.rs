//! Every recorded case of the public sets, and cases that are no cases.

use crate::base::Location;
use crate::conformance::controllers::answer;
use crate::conformance::{Case, differences};
use crate::control::recorded;
use serde_json::{Value, json};

/// How many cases of a file agree; those that differ are listed.
fn check(file: &str) {
    let path = format!("controllers-1.36/{file}.jsonl.gz");
    let Some(cases) = recorded::cases(&path) else { return };
    let mut differing = Vec::new();
    for (number, value) in (1..).zip(&cases) {
        let location = Location::at(file, number, 0);
        let case = Case::read(value.to_string().as_bytes(), location).unwrap();
        match answer(&case) {
            Ok(answer) => {
                let found = differences(case.expected.as_ref().unwrap(), &answer);
                let first =
                    found.first.iter().map(|it| format!("{}: {} for {}", it.field, it.got, it.expected));
                differing.extend(first.map(|line| format!("{} {line}", case.id)));
            }
            Err(finding) => differing.push(finding.to_string()),
        }
    }
    assert!(differing.is_empty(), "{file}:\n{}", differing.join("\n"));
    recorded::report(file, cases.len(), cases.len(), 0);
}

#[test]
fn safety_the_real_controller_syncs_so() {
    check("job-sync");
}

#[test]
fn safety_the_real_policies_say_so() {
    check("job-policy");
}

#[test]
fn safety_the_real_backoff_is_as_long() {
    check("job-backoff");
}

fn answered(mode: &str, input: &Value) -> Result<Value, String> {
    let line = json!({ "id": "own", "mode": mode, "input": input });
    let case = Case::read(line.to_string().as_bytes(), Location::at("c", 1, 0)).unwrap();
    answer(&case).map_err(|finding| finding.to_string())
}

#[test]
fn a_finished_or_foreign_job_is_left_alone() {
    let template = json!({ "spec": { "restartPolicy": "Never", "containers": [{ "name": "c" }] } });
    let job = json!({ "metadata": {}, "spec": { "completions": 1, "template": template } });
    let mut finished = job.clone();
    finished["status"] = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
    let mut foreign = job.clone();
    foreign["spec"]["managedBy"] = "example.com/other".into();
    for (job, created) in [(job, 1), (finished, 0), (foreign, 0)] {
        let answer = answered("job-sync", &json!({ "now": "2000-01-01T00:00:00Z", "job": job })).unwrap();
        assert_eq!(answer["created"], created);
        assert_eq!(answer.get("status").is_some(), created > 0);
    }
}

#[test]
fn cases_that_are_none_are_refused() {
    let now = "2000-01-01T00:00:00Z";
    let job = json!({ "metadata": {}, "spec": { "completions": 1 } });
    for (mode, input, finding) in [
        ("job-sync", json!({}), "`job` is missing"),
        ("job-sync", json!({ "job": job }), "`now` is missing"),
        ("job-sync", json!({ "job": 3, "now": now }), "job: "),
        ("job-sync", json!({ "job": job, "now": "1960-01-01T00:00:00Z" }), "must be a time since 1970"),
        ("job-sync", json!({ "job": job, "now": now, "pods": 3 }), "`pods` must be a list"),
        ("job-policy", json!({ "job": job, "pods": [{ "metadata": { "name": 1 } }] }), "`name` must be text"),
        ("job-backoff", json!({ "syncs": [{ "failed": [-1], "time": 3 }] }), "no time in seconds"),
        ("job-backoff", json!({ "formula": [{ "failures": 1e30 }] }), "`failures` must be a count"),
        ("job-x", json!({}), "unknown value"),
    ] {
        let found = answered(mode, &input).unwrap_err();
        assert!(found.contains(finding), "{found}");
    }
}
