//! What is said of manifests that do not fit the cluster.

use super::{POOL, errors, try_compile};
use expect_test::{Expect, expect};

fn with(manifests: &str, expected: &Expect) {
    expected.assert_eq(&errors(&format!("{POOL}workload: {{manifests: [{manifests}]}}\n"), &[]));
}

#[test]
fn manifests_that_do_not_fit() {
    with(
        "never-matches.yaml",
        &expect![
            "tests/fixtures/never-matches.yaml:6:17: error: Pod/picky: no node can ever match the node selector or required node affinity: `disk=nvme` (no node has the label `disk`)"
        ],
    );
    with(
        "no-class.yaml",
        &expect![
            "tests/fixtures/no-class.yaml:6:22: error: there is no PriorityClass of this name: `hgih` (did you mean `high`?)"
        ],
    );
    with(
        "twice.yaml",
        &expect![
            "tests/fixtures/twice.yaml:13:9: error: another Pod of this name exists already: `a` (it is at tests/fixtures/twice.yaml:4:9 and differs; leave one of the two out: name single files, not their folder)"
        ],
    );
    with(
        "many.yaml",
        &expect![
            "tests/fixtures/many.yaml:6:13: error: a Deployment has at most 1000000 replicas: `2000000000`"
        ],
    );
    with(
        "{file: dump.yaml, at: 5m}",
        &expect![[r"
        tests/fixtures/dump.yaml:7:13: error: nodes exist from the start: `n1` (name the file without `at`)
        tests/fixtures/dump.yaml:47:17: error: a pod that is bound already exists from the start: `n1` (name the file without `at`, or remove `nodeName`)
        tests/fixtures/dump.yaml:55:17: error: a pod that is bound already exists from the start: `n9` (name the file without `at`, or remove `nodeName`)"]],
    );
    with(
        "cron.yaml",
        &expect![
            "tests/fixtures/cron.yaml:4:9: error: the run would never end: this CronJob makes Jobs for ever and there is no `run.until`: `tick` (write `run: {until: 1h}`)"
        ],
    );
    with(
        "unsorted.csv",
        &expect![
            "tests/fixtures/unsorted.csv:1:1: error: a Kubernetes object is a mapping, but this is text: `submit_s,run_time_s,cpu,memory 20,5,1,1Gi 0,5,1,1Gi 10,5,500m,1Gi` (a manifest has `apiVersion` and `kind`; a trace is named under `workload.traces` of a scenario)"
        ],
    );
}

#[test]
fn selectors_may_be_let_through() {
    let text = format!("{POOL}workload: {{manifests: [never-matches.yaml], unmatchedSelectors: warn}}\n");
    let compiled = try_compile(&text, &[]).ok().unwrap();
    let warnings: Vec<String> = compiled.warnings.iter().map(ToString::to_string).collect();
    expect!["tests/fixtures/never-matches.yaml:6:17: warning: Pod/picky: no node can ever match the node selector or required node affinity: `disk=nvme` (no node has the label `disk`)"].assert_eq(&warnings.join("\n"));
}
