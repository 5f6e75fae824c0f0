//! `--set`: what it changes, and what is said of bad ones.

use super::{POOL, errors, try_compile};
use crate::scenario::Plan;
use expect_test::{Expect, expect};

fn bad(set: &str, expected: &Expect) {
    expected.assert_eq(&errors(POOL, &[set]));
}

#[test]
fn values_are_replaced_and_added() {
    let sets = [
        "run.seed=7",
        "cluster.pools[0].count=3",
        "cluster.pools[1]={name: x, count: 2, capacity: {cpu: 1, memory: 1Gi}}",
        "cluster.pools[1].labels.\"example.com/disk\"=ssd",
        "controlPlane.timing=ideal",
    ];
    let compiled = try_compile(POOL, &sets).ok().unwrap();
    let Plan::Kubernetes(setup) = compiled.plan else { panic!("a batch machine") };
    assert_eq!((setup.seed, setup.nodes.len()), (7, 5));
    assert_eq!(setup.nodes[4].node.meta.labels["example.com/disk"], "ssd");
    assert_eq!(setup.timing, crate::sim::Timing::ideal());
}

#[test]
fn bad_overrides() {
    bad(
        "run.seed",
        &expect![
            "--set: error: there is no `=`: `run.seed` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "=7",
        &expect![
            "--set: error: the path has an empty part: `=7` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "run..seed=7",
        &expect![
            "--set: error: the path has an empty part: `run..seed=7` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "run.seed.=7",
        &expect![
            "--set: error: the path ends with a point: `run.seed.=7` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "cluster.pools[x].count=1",
        &expect![
            "--set: error: `[x]` is not a position in a list: `cluster.pools[x].count=1` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "cluster.pools[5].count=1",
        &expect![
            "--set: error: `cluster.pools` has 1 members, so there is no [5]: `cluster.pools[5].count=1` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "cluster.pools.count=1",
        &expect![
            "--set: error: `cluster.pools` is a list, it has no keys: `cluster.pools.count=1` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "cluster[0]=1",
        &expect![
            "--set: error: `cluster` is a mapping, not a list: `cluster[0]=1` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad(
        "apiVersion.x=1",
        &expect![
            "--set: error: `apiVersion` is text, it has no keys: `apiVersion.x=1` (write `--set path=value`, such as `--set 'cluster.pools[0].count=20'` or `--set run.seed=7`)"
        ],
    );
    bad("run.sed=7", &expect!["--set: error: unknown key: `sed` (did you mean `seed`?)"]);
    bad(
        "run.seed=seven",
        &expect!["--set: error: expected a whole number from 0 to 9223372036854775807: `seven`"],
    );
    bad("cluster.pools[0].count=[1", &expect!["--set: error: not valid YAML: unclosed bracket '[': `[1`"]);
    bad(
        "faults[0]={node: w-9, at: 1m}",
        &expect!["--set: error: there is no node of this name: `w-9` (known: w-0, w-1)"],
    );
}
