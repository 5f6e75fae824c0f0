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
            "tests/fixtures/never-matches.yaml:1:1: error: Pod/picky: no node can ever match the node selector or required node affinity: `disk=nvme` (no node has the label `disk`)"
        ],
    );
    with(
        "no-class.yaml",
        &expect![
            "tests/fixtures/no-class.yaml:1:1: error: there is no PriorityClass of this name: `hgih` (did you mean `high`?)"
        ],
    );
    with(
        "twice.yaml",
        &expect![
            "tests/fixtures/twice.yaml:10:1: error: a Pod of this name exists already: `a` (the other one is at tests/fixtures/twice.yaml:1:1)"
        ],
    );
    with(
        "many.yaml",
        &expect![
            "tests/fixtures/many.yaml:1:1: error: a Deployment has at most 1000000 replicas: `2000000000`"
        ],
    );
    with(
        "{file: dump.yaml, at: 5m}",
        &expect![[r"
        tests/fixtures/dump.yaml:4:5: error: nodes exist from the start: `n1` (name the file without `at`)
        tests/fixtures/dump.yaml:39:5: error: a pod that is bound already exists from the start: `n1` (name the file without `at`, or remove `nodeName`)
        tests/fixtures/dump.yaml:51:5: error: a pod that is bound already exists from the start: `n9` (name the file without `at`, or remove `nodeName`)"]],
    );
    with(
        "unsorted.csv",
        &expect![
            "tests/fixtures/unsorted.csv:1:1: error: a Kubernetes object is a mapping, but this is text: `submit_s,run_time_s,cpu,memory 20,5,1,1Gi 0,5,1,1Gi 10,5,500m,1Gi`"
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
