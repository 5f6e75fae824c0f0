//! What is said of bad scenarios: the exact place and text.

use super::{POOL, errors};
use expect_test::{Expect, expect};

/// A scenario of its own.
fn whole(text: &str, expected: &Expect) {
    expected.assert_eq(&errors(text, &[]));
}

/// Lines behind [`POOL`]; they begin at line 5.
fn behind(text: &str, expected: &Expect) {
    whole(&format!("{POOL}{text}"), expected);
}

/// A pool in flow style, in line 4 from column 5.
fn pool(text: &str, expected: &Expect) {
    whole(&format!("apiVersion: seatrial/v1\ncluster:\n  pools:\n    - {{{text}}}\n"), expected);
}

#[test]
fn what_is_no_scenario() {
    whole(
        "",
        &expect!["s.yaml: error: the file is empty (a scenario begins with `apiVersion: seatrial/v1`)"],
    );
    whole(
        "# nothing\n",
        &expect!["s.yaml: error: the file is empty (a scenario begins with `apiVersion: seatrial/v1`)"],
    );
    whole(
        "just text\n",
        &expect!["s.yaml:1:1: error: a scenario is a mapping, but this is text: `just text`"],
    );
    whole("- a\n- b\n", &expect!["s.yaml:1:1: error: a scenario is a mapping, but this is a list"]);
    whole(
        "apiVersion: seatrial/v1\ncluster: {pools: [\n",
        &expect!["s.yaml:2:18: error: not valid YAML: unclosed bracket '[': `cluster: {pools: [`"],
    );
    whole(
        "apiVersion: seatrial/v1\n\tcluster: {}\n",
        &expect![
            "s.yaml:1:13: error: not valid YAML: while scanning a plain scalar, found a tab: `apiVersion: seatrial/v1` (indent with spaces; YAML allows no tabs there)"
        ],
    );
    whole(
        "cluster: {}\n",
        &expect![
            "s.yaml:1:1: error: `apiVersion` is missing (write `apiVersion: seatrial/v1` in the first line)"
        ],
    );
    whole(
        "apiVersion: seatrial/v2\n",
        &expect![
            "s.yaml:1:13: error: unknown version of scenarios: `seatrial/v2` (write `apiVersion: seatrial/v1`)"
        ],
    );
    whole(
        "apiVersion: seatrial/v1\nkind: Deployment\n",
        &expect!["s.yaml:2:7: error: unknown kind: `Deployment` (write `kind: Scenario`, or leave it out)"],
    );
    whole(
        "apiVersion: seatrial/v1\n---\nkind: Pod\n",
        &expect![
            "s.yaml:3:1: error: a scenario is one document, but a second one begins here (put Kubernetes objects into a file of their own and name it under `workload.manifests`)"
        ],
    );
    whole(
        "apiVersion: seatrial/v1\nname: a\nname: b\n",
        &expect!["s.yaml:3:1: error: the key is given twice: `name` (remove one of the two)"],
    );
    whole(
        "apiVersion: seatrial/v1\n",
        &expect![
            "s.yaml: error: the cluster has no nodes (give it `cluster.pools`, `cluster.manifests` with Nodes, or `cluster.machines`)"
        ],
    );
    whole(
        "apiVersion: seatrial/v1\na: &a [1, *a]\n",
        &expect!["s.yaml:2:11: error: an alias stands inside the value that it names: `a: &a [1, *a]`"],
    );
}

#[test]
fn every_wrong_value_is_found_at_once() {
    whole(
        "\
apiVersion: seatrial/v1
clutser: {}
cluster:
  pools:
    - {name: a, count: many, capacity: {cpu: 1, memory: 1Gi}}
    - {name: b, count: 1, capacity: {cpu: 1x, memory: 1Gi}, lables: {a: b}}
    - {count: 1, capacity: {cpu: 1, memory: 1Gi}}
    - 7
run: {seed: -1, until: 5 parsecs, stop: setled}
expect: pods_unplaced == 0
",
        &expect![[r"
            s.yaml:2:1: error: unknown key: `clutser` (did you mean `cluster`?)
            s.yaml:5:24: error: expected a whole number from 0 to 1000000: `many`
            s.yaml:6:43: error: not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`: `1x`
            s.yaml:6:61: error: unknown key: `lables` (did you mean `labels`?)
            s.yaml:7:7: error: `name` is missing
            s.yaml:8:7: error: expected a mapping, but this is a number: `7` (write `key: value` lines)
            s.yaml:9:13: error: expected a whole number from 0 to 9223372036854775807: `-1`
            s.yaml:9:24: error: not a duration; write a number and a unit, such as `90s`, `5m`, `1h30m`, `2d`: `5 parsecs`
            s.yaml:9:41: error: unknown value: `setled` (did you mean `settled`?)
            s.yaml:10:9: error: expected a list, but this is text: `pods_unplaced == 0` (write each member on a line of its own, after `- `)"]],
    );
}

#[test]
fn values_that_do_not_fit() {
    pool(
        "name: w, count: 1000000000, capacity: {cpu: 1, memory: 1Gi}",
        &expect!["s.yaml:4:24: error: expected a whole number from 0 to 1000000: `1000000000`"],
    );
    pool(
        "name: w, count: 1e30, capacity: {cpu: 1, memory: 1Gi}",
        &expect!["s.yaml:4:24: error: expected a whole number from 0 to 1000000: `1e30`"],
    );
    pool(
        "name: w, count: -1, capacity: {cpu: 1, memory: 1Gi}",
        &expect!["s.yaml:4:24: error: expected a whole number from 0 to 1000000: `-1`"],
    );
    pool(
        "name: w, count: 1.5, capacity: {cpu: 1, memory: 1Gi}",
        &expect!["s.yaml:4:24: error: expected a whole number from 0 to 1000000: `1.5`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: -1, memory: 1Gi}",
        &expect!["s.yaml:4:43: error: a quantity here is never negative: `-1`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: .nan, memory: 1Gi}",
        &expect![
            "s.yaml:4:43: error: not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`: `.nan`"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1e30}",
        &expect!["s.yaml:4:54: error: a quantity here is at most 1000000000000000 units (1P): `1e30`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: [1Gi]}",
        &expect!["s.yaml:4:54: error: expected a single value, but this is a list"],
    );
    pool(
        "name: w, count: 1, capacity: [cpu]",
        &expect!["s.yaml:4:37: error: expected a mapping, but this is a list (write `key: value` lines)"],
    );
    pool(
        "name: 7, count: 1, capacity: {cpu: 1, memory: 1Gi}",
        &expect!["s.yaml:4:14: error: expected text, but this is a number: `7` (put it into quotes)"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, pricePerHour: .inf",
        &expect!["s.yaml:4:74: error: expected a number from 0 to 1000000000: `.inf`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, nodesPerRack: 0",
        &expect!["s.yaml:4:74: error: expected a whole number from 1 to 1000000: `0`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, taints: [{key: a, effect: NoSchedul}]",
        &expect!["s.yaml:4:86: error: unknown value: `NoSchedul` (did you mean `NoSchedule`?)"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, labels: {a: yes}",
        &expect!["s.yaml:4:72: error: expected text, but this is a truth value: `yes` (put it into quotes)"],
    );
}

#[test]
fn pools_that_make_no_nodes() {
    pool(
        "name: w, count: 1, capacity: {cpu: 0, memory: 1Gi}",
        &expect!["s.yaml:4:43: error: `cpu` of a node must be above zero: `0`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1}",
        &expect!["s.yaml:4:14: error: the pool has no `capacity.memory`: `w`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 500m}",
        &expect!["s.yaml:4:54: error: `memory` is counted in whole units: `500m`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi, gpu: 1}",
        &expect![
            "s.yaml:4:64: error: `gpu` is not a resource that a scheduler counts: `1` (did you mean `cpu`?)"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi, memmory: 1}",
        &expect![
            "s.yaml:4:68: error: `memmory` is not a resource that a scheduler counts: `1` (did you mean `memory`?)"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 2000000, memory: 1Gi}",
        &expect!["s.yaml:4:43: error: a node has at most 1000000 cores: `2000000`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, kubeReserved: {cpu: 2}",
        &expect!["s.yaml:4:80: error: more `cpu` is reserved than a node has: `2` (1 is left of it)"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, systemReserved: {ephemeral-storage: 1Gi}",
        &expect!["s.yaml:4:96: error: `ephemeral-storage` is reserved, but the nodes have none of it: `1Gi`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, evictionHard: 2Gi",
        &expect![
            "s.yaml:4:74: error: more `memory` is reserved than a node has: `2Gi` (1073741824 is left of it)"
        ],
    );
}

#[test]
fn names_and_labels_of_pools() {
    pool(
        "name: W_1, count: 1, capacity: {cpu: 1, memory: 1Gi}",
        &expect![
            "s.yaml:4:14: error: not a legal name: `W_1` (lower-case letters, digits, `-` and `.`, at most 200 of them)"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, labels: {'a b': c}",
        &expect![
            "s.yaml:4:76: error: not a legal label key: `a b` (at most 63 letters, digits, `-`, `_`, `.`, with an optional `domain/` before)"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, labels: {a: 'b c'}",
        &expect![
            "s.yaml:4:72: error: not a legal label value: `b c` (at most 63 letters, digits, `-`, `_`, `.`, a letter or digit at both ends)"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, zones: [a, a]",
        &expect!["s.yaml:4:71: error: the zone is named twice: `a`"],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, taints: [gpu]",
        &expect![
            "s.yaml:4:69: error: the taint has no effect: `gpu` (write `key=value:NoSchedule` or `key:NoExecute`)"
        ],
    );
    pool(
        "name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}, taints: ['a=b:NoSchedul']",
        &expect!["s.yaml:4:69: error: unknown effect of a taint: `NoSchedul` (did you mean `NoSchedule`?)"],
    );
    pool(
        "name: w, count: 0, capacity: {cpu: 1, memory: 1Gi}",
        &expect![
            "s.yaml: error: the cluster has no nodes (give it `cluster.pools`, `cluster.manifests` with Nodes, or `cluster.machines`)"
        ],
    );
    pool(
        "name: w, count: 10000, capacity: {cpu: 1, memory: 1P}",
        &expect![
            "s.yaml: error: all nodes together have more of `memory` than can be counted (at most 1152921504606846975 millicores, bytes or units)"
        ],
    );
    behind(
        "    - {name: w, count: 1, capacity: {cpu: 1, memory: 1Gi}}\n",
        &expect!["s.yaml:5:14: error: a pool of this name exists already: `w`"],
    );
    behind(
        "    - {name: v, count: 600000, capacity: {cpu: 1, memory: 1Gi}}\n    - {name: u, count: 600000, capacity: {cpu: 1, memory: 1Gi}}\n",
        &expect![
            "s.yaml:6:24: error: all pools together have at most 1000000 nodes: `600000` (they have 1200002)"
        ],
    );
}

#[test]
fn files_that_are_not_there() {
    behind(
        "workload: {manifests: [gone.yaml]}\n",
        &expect!["s.yaml:5:24: error: tests/fixtures/gone.yaml: no such file: `gone.yaml`"],
    );
    behind(
        "workload: {traces: [{file: gone.swf}]}\n",
        &expect!["s.yaml:5:28: error: tests/fixtures/gone.swf: no such file: `gone.swf`"],
    );
    behind(
        "workload: {traces: [{file: .}]}\n",
        &expect!["s.yaml:5:28: error: tests/fixtures: a folder where a file is needed: `.`"],
    );
    behind(
        "workload: {manifests: ['-']}\n",
        &expect!["s.yaml:5:24: error: <stdin>: standard input cannot be read here: `-` (name a file)"],
    );
    whole(
        "apiVersion: seatrial/v1\ncluster: {machines: {file: gone.csv}}\n",
        &expect!["s.yaml:2:28: error: tests/fixtures/gone.csv: no such file: `gone.csv`"],
    );
    whole(
        "apiVersion: seatrial/v1\ncluster: {manifests: [gone.yaml]}\n",
        &expect!["s.yaml:2:23: error: tests/fixtures/gone.yaml: no such file: `gone.yaml`"],
    );
}

#[test]
fn faults() {
    behind(
        "faults: [{node: w-7, at: 1m}]\n",
        &expect!["s.yaml:5:17: error: there is no node of this name: `w-7` (known: w-0, w-1)"],
    );
    behind(
        "faults: [{node: w-01, at: 1m}]\n",
        &expect!["s.yaml:5:17: error: there is no node of this name: `w-01` (known: w-0, w-1)"],
    );
    behind(
        "faults: [{zone: c, at: 1m}]\n",
        &expect!["s.yaml:5:17: error: there is no zone of this name: `c` (known: a, b)"],
    );
    behind(
        "faults: [{rack: w-a-rack-1, at: 1m}]\n",
        &expect![
            "s.yaml:5:17: error: there is no rack of this name: `w-a-rack-1` (known: w-a-rack-0, w-b-rack-0)"
        ],
    );
    behind(
        "faults: [{node: w-0}]\n",
        &expect![
            "s.yaml:5:10: error: the fault does not say when (write `{node: …, at: 10m, for: 5m}` (or `rack`, `zone`), or `{every: node, mtbf: …, mttr: …}`)"
        ],
    );
    behind(
        "faults: [{at: 1m}]\n",
        &expect![
            "s.yaml:5:10: error: the fault does not say what it hits (write `{node: …, at: 10m, for: 5m}` (or `rack`, `zone`), or `{every: node, mtbf: …, mttr: …}`)"
        ],
    );
    behind(
        "faults: [{node: w-0, zone: a, at: 1m}]\n",
        &expect![
            "s.yaml:5:28: error: a fault hits either a node, a rack or a zone: `a` (write `{node: …, at: 10m, for: 5m}` (or `rack`, `zone`), or `{every: node, mtbf: …, mttr: …}`)"
        ],
    );
    behind(
        "faults: [{node: w-0, at: 1m, mttr: 1h}]\n",
        &expect![
            "s.yaml:5:36: error: `mttr` needs `every`: `1h` (write `{node: …, at: 10m, for: 5m}` (or `rack`, `zone`), or `{every: node, mtbf: …, mttr: …}`)"
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn faults_of_the_control_plane() {
    behind(
        "faults: [{component: schedular, at: 1m}]\n",
        &expect!["s.yaml:5:22: error: unknown value: `schedular` (did you mean `scheduler`?)"],
    );
    behind(
        "faults: [{component: scheduler}]\n",
        &expect![
            "s.yaml:5:10: error: the fault does not say when (write `{component: scheduler, at: 10m, for: 1m}`, `{component: api-server, …}`, `{slowWrites: 200ms, …}`, `{watchDelay: 2s, …}` or `{clientLimit: {qps: 5, burst: 10}, component: controller-manager, …}`)"
        ],
    );
    behind(
        "faults: [{component: scheduler, at: 1m, kind: crash}]\n",
        &expect!["s.yaml:5:47: error: this happens to machines: `crash` (a component has `kill`)"],
    );
    behind(
        "faults: [{node: w-0, at: 1m, kind: kill}]\n",
        &expect![
            "s.yaml:5:36: error: a machine is not killed: `kill` (a machine has `crash` and `partition`; name a `component` to kill it)"
        ],
    );
    behind(
        "faults: [{component: scheduler, node: w-0, at: 1m}]\n",
        &expect![
            "s.yaml:5:39: error: `node` is of machines: `w-0` (the control plane fails apart from machines: write two faults)"
        ],
    );
    behind(
        "faults: [{component: scheduler, every: node, mtbf: 1h, mttr: 1h}]\n",
        &expect![
            "s.yaml:5:40: error: `every` is of machines: `node` (the control plane fails apart from machines: write two faults)"
        ],
    );
    behind(
        "faults: [{component: kubelets, at: 1m}]\n",
        &expect![
            "s.yaml:5:22: error: kubelets fail with their machines: `kubelets` (cut off their machines: `{every: …, kind: partition}`, `{zone: …, kind: partition}`)"
        ],
    );
    behind(
        "faults: [{component: api-server, at: 1m}]\n",
        &expect![
            "s.yaml:5:22: error: without an API server the run would never end: `api-server` (say for how long with `for`, or give the run an end: `run.until`)"
        ],
    );
    behind(
        "faults: [{component: api-server, at: 1m, for: 5s, kind: kill}]\n",
        &expect![
            "s.yaml:5:57: error: `kind` says nothing of the API server: it is away: `kill` (leave it out)"
        ],
    );
    behind(
        "faults: [{component: api-server, at: 1m, for: 5s, standby: true}]\n",
        &expect![
            "s.yaml:5:60: error: `standby` needs a component that is killed: `true` (it belongs to `{component: scheduler, …}` or `{component: controller-manager, …}`)"
        ],
    );
    behind(
        "faults: [{component: scheduler, at: 1m, standby: true, leaderElection: false}]\n",
        &expect![
            "s.yaml:5:50: error: nothing can stand by without a leader election: `true` (without `leaderElection` a component works as soon as it is started)"
        ],
    );
    behind(
        "faults: [{component: scheduler, at: 1m, standby: true}, {component: scheduler, at: 2m, standby: false}]\n",
        &expect!["s.yaml:5:97: error: another fault of this component says otherwise of `standby`: `false`"],
    );
    behind(
        "faults: [{slowWrites: 1s, watchDelay: 1s, at: 1m}]\n",
        &expect!["s.yaml:5:39: error: two faults in one: write one for each: `1s`"],
    );
    behind(
        "faults: [{slowWrites: 1s, component: scheduler, at: 1m}]\n",
        &expect![
            "s.yaml:5:38: error: `slowWrites` is of the API server, whoever asks: `scheduler` (leave `component` out)"
        ],
    );
    behind(
        "faults: [{watchDelay: 1s, at: 1m, kind: kill}]\n",
        &expect![
            "s.yaml:5:41: error: `kind` says what happens to a component, not to requests: `kill` (write `{component: scheduler, at: 10m, for: 1m}`, `{component: api-server, …}`, `{slowWrites: 200ms, …}`, `{watchDelay: 2s, …}` or `{clientLimit: {qps: 5, burst: 10}, component: controller-manager, …}`)"
        ],
    );
    behind(
        "faults: [{clientLimit: none, at: 1m}]\n",
        &expect![
            "s.yaml:5:10: error: `clientLimit` does not say whose requests are limited (write `component: scheduler`, `controller-manager` or `kubelets`)"
        ],
    );
    behind(
        "faults: [{clientLimit: none, component: api-server, at: 1m}]\n",
        &expect![
            "s.yaml:5:41: error: the API server is nobody's client: `api-server` (write `component: scheduler`, `controller-manager` or `kubelets`)"
        ],
    );
    behind(
        "faults: [{clientLimit: {qps: 0, burst: 1}, component: scheduler, at: 1m}]\n",
        &expect!["s.yaml:5:30: error: `qps` must be at least 0.001: `0` (`none` is no limit)"],
    );
}

#[test]
fn random_faults() {
    behind(
        "faults: [{every: node, mtbf: 1h}]\n",
        &expect!["s.yaml:5:18: error: `every` needs `mttr`: `node` (such as `mttr: exponential(mean=30d)`)"],
    );
    behind(
        "faults: [{every: node, mtbf: 0, mttr: 1h}]\n",
        &expect!["s.yaml:5:30: error: the time between failures must be at least 1s in the mean: `0`"],
    );
    behind(
        "faults: [{every: nodes, mtbf: 1h, mttr: 1h}]\n",
        &expect!["s.yaml:5:18: error: unknown value: `nodes` (did you mean `node`?)"],
    );
    behind(
        "faults: [{every: node, mtbf: wiebull(shape=1, scale=1h), mttr: 1h}]\n",
        &expect![[r"
            s.yaml:5:30: error: the closing `)` is missing; inside `{…}` and `[…]` a comma ends a value: put it into quotes: `wiebull(shape=1`
            s.yaml:5:47: error: unknown key: `scale=1h)` (expected one of node, rack, zone, every, pool, at, for, mtbf, mttr, kind, component, standby, leaderElection, slowWrites, watchDelay, clientLimit)"]],
    );
    behind(
        "faults: [{every: node, mtbf: 'weibull(shape=1)', mttr: 1h}]\n",
        &expect![
            "s.yaml:5:30: error: `weibull` lacks `scale`; write weibull(shape=…, scale=…): `weibull(shape=1)`"
        ],
    );
    behind(
        "faults: [{every: node, mtbf: 'weibull(shape=1, scale=200000d)', mttr: 1h}]\n",
        &expect![
            "s.yaml:5:30: error: a duration is at most 100 years (36500d): `weibull(shape=1, scale=200000d)`"
        ],
    );
    behind(
        "faults: [{every: node, pool: v, mtbf: 1h, mttr: 1h}]\n",
        &expect!["s.yaml:5:30: error: there is no pool of this name: `v` (known: w)"],
    );
    behind(
        "faults: [{every: node, at: 5m, mtbf: 1h, mttr: 1h}]\n",
        &expect![
            "s.yaml:5:28: error: `at` and `every` exclude each other: `5m` (with `every`, `mtbf` and `mttr` say when and for how long)"
        ],
    );
}

#[test]
fn durations() {
    behind(
        "faults: [{node: w-0, at: 101y}]\n",
        &expect![
            "s.yaml:5:26: error: not a duration; write a number and a unit, such as `90s`, `5m`, `1h30m`, `2d`: `101y`"
        ],
    );
    behind(
        "faults: [{node: w-0, at: 36501d}]\n",
        &expect!["s.yaml:5:26: error: a duration is at most 100 years (36500d): `36501d`"],
    );
    behind(
        "faults: [{node: w-0, at: 300}]\n",
        &expect!["s.yaml:5:26: error: a duration needs a unit, such as `30s`, `5m`, `2h`: `300`"],
    );
    behind(
        "faults: [{node: w-0, at: -5m}]\n",
        &expect!["s.yaml:5:26: error: a duration is never negative: `-5m`"],
    );
}

#[test]
fn actions() {
    behind(
        "actions: [{at: 1m}]\n",
        &expect![
            "s.yaml:5:11: error: the action does not say what is done (write one of `apply`, `scale`, `patch`, `setImage`, `setLoad`, `rolloutUndo`, `rolloutPause`, `rolloutResume`, `delete`, `evict`, `cordon`, `uncordon`, `drain`, `taint`, `failNode`, `recoverNode`, `addNode`, `removeNode`)"
        ],
    );
    behind(
        "actions: [{at: 1m, cordon: w-0, uncordon: w-1}]\n",
        &expect![
            "s.yaml:5:11: error: an action does one thing (write one of `apply`, `scale`, `patch`, `setImage`, `setLoad`, `rolloutUndo`, `rolloutPause`, `rolloutResume`, `delete`, `evict`, `cordon`, `uncordon`, `drain`, `taint`, `failNode`, `recoverNode`, `addNode`, `removeNode`)"
        ],
    );
    behind(
        "actions: [{at: 1m, cordon: w-5}]\n",
        &expect!["s.yaml:5:28: error: there is no node of this name: `w-5` (known: w-0, w-1)"],
    );
    behind(
        "actions: [{at: 1m, scale: web, replicas: 2}]\n",
        &expect![
            "s.yaml:5:27: error: not an object of a kind that this can be done to: `web` (write `Deployment/name`, `ReplicaSet/name`, `StatefulSet/name`, `Job/name`)"
        ],
    );
    behind(
        "actions: [{at: 1m, scale: Deployment/web, replicas: 2}]\n",
        &expect![
            "s.yaml:5:27: error: there is no object of this name: `Deployment/web` (the scenario has no object at all)"
        ],
    );
    behind(
        "workload: {manifests: [../../scenarios/manifests/web.yaml], unmatchedSelectors: warn}\nactions: [{at: 1m, scale: Deployment/wep, replicas: 2}]\n",
        &expect![
            "s.yaml:6:27: error: there is no object of this name: `Deployment/wep` (did you mean `Deployment/web`?)"
        ],
    );
    behind(
        "actions: [{at: 1m, cordon: w-0, replicas: 2}]\n",
        &expect!["s.yaml:5:11: error: `replicas` needs `scale`"],
    );
    behind(
        "actions: [{at: 1m, scale: Deployment/web, replicas: 1e30}]\n",
        &expect!["s.yaml:5:53: error: expected a whole number from 0 to 1000000: `1e30`"],
    );
}

#[test]
fn control_planes() {
    behind(
        "controlPlane: {version: 1.35}\n",
        &expect![
            "s.yaml:5:25: error: not a release of Kubernetes whose decisions are known here: `1.35` (write `1.36` or `1.34`, in quotes)"
        ],
    );
    behind(
        "controlPlane: {kind: nomad}\n",
        &expect![
            "s.yaml:5:22: error: unknown value: `nomad` (expected one of kubernetes, batch, swarm, mesos, slurm)"
        ],
    );
    behind(
        "controlPlane: {batch: {order: fcfs}}\n",
        &expect!["s.yaml:5:23: error: `batch` needs `controlPlane.kind: batch`"],
    );
    behind(
        "controlPlane: {scheduler: {weights: {NodeAfinity: 3}}}\n",
        &expect![
            "s.yaml:5:51: error: there is no scoring plugin of this name: `NodeAfinity` (did you mean `NodeAffinity`?)"
        ],
    );
    behind(
        "controlPlane: {scheduler: {disabledFilters: [Fit]}}\n",
        &expect![
            "s.yaml:5:46: error: there is no filter of this name: `Fit` (known: NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit, … (14 in all))"
        ],
    );
    behind(
        "controlPlane: {scheduler: {configuration: bad-kube-scheduler.yaml}}\n",
        &expect![
            "tests/fixtures/bad-kube-scheduler.yaml:6:24: error: there is no plugin of this name: `NodeAfinity` (did you mean `NodeAffinity`?)"
        ],
    );
    behind(
        "controlPlane: {scheduler: {configuration: not-there.yaml}}\n",
        &expect!["s.yaml:5:43: error: tests/fixtures/not-there.yaml: no such file: `not-there.yaml`"],
    );
    behind(
        "controlPlane: {scheduler: {configuration: kube-scheduler.yaml, weights: {}, strategy: MostAllocated, maxBackoff: 1m}}\n",
        &expect![
            "s.yaml:5:43: error: the file takes the place of `strategy`, `maxBackoff`, which must go: `kube-scheduler.yaml` (or write what it says with the keys here)"
        ],
    );
    behind(
        "controlPlane: {scheduler: {mode: fast}}\n",
        &expect!["s.yaml:5:34: error: unknown value: `fast` (expected one of auto, indexed, plain)"],
    );
    behind(
        "controlPlane: {scheduler: {strategy: RequestedToCapacityRatio}}\n",
        &expect![
            "s.yaml:5:38: error: the strategy needs a `shape`: `RequestedToCapacityRatio` (such as `[{utilization: 0, score: 0}, {utilization: 100, score: 10}]`)"
        ],
    );
    behind(
        "controlPlane: {scheduler: {shape: [{utilization: 0, score: 0}]}}\n",
        &expect!["s.yaml:5:36: error: `shape` needs `strategy: RequestedToCapacityRatio`"],
    );
    behind(
        "controlPlane: {scheduler: {percentageOfNodesToScore: 101}}\n",
        &expect!["s.yaml:5:54: error: expected a whole number from 0 to 100: `101`"],
    );
    behind(
        "controlPlane: {scheduler: {initialBackoff: 1m}}\n",
        &expect!["s.yaml:5:44: error: the first back-off is longer than the longest: `1m`"],
    );
}

#[test]
fn timings_and_machines() {
    behind(
        "controlPlane: {nodeLifecycle: {monitorPeriod: 0}}\n",
        &expect!["s.yaml:5:47: error: a period of at least `1ms` was expected: `0`"],
    );
    behind(
        "controlPlane: {timings: {schedulerLimit: {qps: 0, burst: 1}}}\n",
        &expect!["s.yaml:5:48: error: `qps` must be at least 0.001: `0` (`none` is no limit)"],
    );
    behind(
        "controlPlane: {timings: {kubeletLimit: lots}}\n",
        &expect!["s.yaml:5:40: error: not a limit: `lots` (write `none` or `{qps: 50, burst: 100}`)"],
    );
    behind(
        "controlPlane: {timings: {pullRate: 0}}\n",
        &expect!["s.yaml:5:36: error: `pullRate` must be at least one byte a second: `0`"],
    );
    whole(
        "apiVersion: seatrial/v1\ncluster: {processors: 0}\n",
        &expect!["s.yaml:2:23: error: expected a whole number from 1 to 10000000: `0`"],
    );
    whole(
        "apiVersion: seatrial/v1\ncluster: {processors: 8}\n",
        &expect![
            "s.yaml:2:23: error: `processors` needs `controlPlane.kind: batch`: `8` (a cluster of Kubernetes has `pools`, `manifests` or `machines`)"
        ],
    );
}

#[test]
fn what_means_nothing_to_a_batch_machine() {
    whole(
        "\
apiVersion: seatrial/v1
cluster: {processors: 8}
controlPlane: {kind: batch, kubelet: {backoffMax: 1m}}
workload:
  behavior: {exitCode: 1}
  generators: [{name: g, arrivals: {rate: 1}, count: 1, cpu: 1, nodeSelector: {a: b}}]
faults: [{node: x, at: 1m}]
",
        &expect![[r"
            s.yaml:3:22: error: `controlPlane.kubelet` needs `controlPlane.kind: kubernetes`: `batch` (a batch machine has processors, traces, and generators of jobs with `processors` and `runTime`)
            s.yaml:3:22: error: `workload.behavior` needs `controlPlane.kind: kubernetes`: `batch` (a batch machine has processors, traces, and generators of jobs with `processors` and `runTime`)
            s.yaml:6:23: error: `cpu` needs `controlPlane.kind: kubernetes`: `g` (a batch machine has processors, traces, and generators of jobs with `processors` and `runTime`)
            s.yaml:6:23: error: `nodeSelector` needs `controlPlane.kind: kubernetes`: `g` (a batch machine has processors, traces, and generators of jobs with `processors` and `runTime`)
            s.yaml:6:23: error: a job of a batch machine needs a `runTime`: `g`
            s.yaml:7:10: error: `faults` needs `controlPlane.kind: kubernetes` (a batch machine has processors, traces, and generators of jobs with `processors` and `runTime`)"]],
    );
}

#[test]
fn workloads() {
    behind(
        "workload: {traces: [{file: unsorted.csv, namespace: a b, name: X}]}\n",
        &expect![[r"
        s.yaml:5:53: error: not a legal name: `a b` (lower-case letters, digits, `-` and `.`)
        s.yaml:5:64: error: not a legal name: `X` (lower-case letters, digits, `-` and `.`)"]],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {rate: 1}}]}\n",
        &expect![
            "s.yaml:5:32: error: the generator never ends: give the number of jobs or a duration: `g` (write `count: 100` or `for: 1h`)"
        ],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {rate: 0}, count: 1}]}\n",
        &expect!["s.yaml:5:52: error: a rate must be above zero: `0`"],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {}, count: 1}]}\n",
        &expect![
            "s.yaml:5:45: error: the arrivals are not given (write one of `rate`, `every`, `allAtOnce`, `daily`, `counts`)"
        ],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {rate: 1, every: 1s}, count: 1}]}\n",
        &expect![
            "s.yaml:5:45: error: the arrivals are given more than once (write one of `rate`, `every`, `allAtOnce`, `daily`, `counts`)"
        ],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {every: 0}, for: 1h}]}\n",
        &expect!["s.yaml:5:32: error: `the mean interval` must be a number above zero: `g`"],
    );
    behind(
        "workload: {generators: [{name: G, arrivals: {rate: 1}, count: 1}]}\n",
        &expect!["s.yaml:5:32: error: not a legal name: `G` (lower-case letters, digits, `-` and `.`)"],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {rate: 1}, count: 1, processors: 4}]}\n",
        &expect!["s.yaml:5:32: error: `processors` needs `controlPlane.kind: batch`: `g` (write `cpu`)"],
    );
    behind(
        "workload: {generators: [{name: g, arrivals: {rate: 1}, count: 1, cpu: uniform(min=2, max=1)}]}\n",
        &expect![[r"
            s.yaml:5:71: error: the closing `)` is missing; inside `{…}` and `[…]` a comma ends a value: put it into quotes: `uniform(min=2`
            s.yaml:5:86: error: unknown key: `max=1)` (expected one of name, arrivals, count, for, at, namespace, runTime, estimateFactor, cpu, memory, resources, processors, tasks, priority, exitCode, restartPolicy, labels, nodeSelector, users)"]],
    );
}

#[test]
fn traces_of_workloads() {
    behind(
        "workload: {traces: [{file: unsorted.csv, select: {from: 1h, until: 1h}}]}\n",
        &expect!["s.yaml:5:68: error: `until` is not after `from`: `1h`"],
    );
    behind(
        "workload: {traces: [{file: unsorted.csv, timeScale: 0}]}\n",
        &expect!["s.yaml:5:53: error: `timeScale` must be from 1e-9 to 1e9: `0`"],
    );
    behind(
        "workload: {traces: [{file: unsorted.csv, format: cvs}]}\n",
        &expect![
            "s.yaml:5:50: error: unknown value: `cvs` (expected one of swf, openb, seatrial, batsim, sacct, google2011, alibaba2017, alibaba2018, azure, philly, wfcommons, kubernetes)"
        ],
    );
    behind(
        "workload: {traces: [{file: bad.csv}]}\n",
        &expect![[r"
        tests/fixtures/bad.csv:3:1: error: submit_s: not a number: `x`
        tests/fixtures/bad.csv:4:5: error: cpu: not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`: `many`"]],
    );
    behind(
        "workload: {behavior: {failRuns: -1, runTime: 5}}\n",
        &expect![[r"
        s.yaml:5:33: error: expected a whole number from 0 to 1000000: `-1`
        s.yaml:5:46: error: `5` is not a duration; write a number and a unit, such as `90s`, `5m`, `1h30m`, `2d`, `250ms`: `5`"]],
    );
}

#[test]
fn runs_outputs_and_expectations() {
    behind(
        "name: ../../etc\n",
        &expect![
            "s.yaml:5:7: error: not a legal name: `../../etc` (letters, digits, `-`, `_` and `.`, at most 100 of them)"
        ],
    );
    behind(
        "run: {stop: never}\n",
        &expect![
            "s.yaml: error: the run would never end: `run.stop` is `never` and there is no `run.until` (write `run: {until: 1h}`)"
        ],
    );
    behind(
        "run: {stop: jobsDone}\n",
        &expect![
            "s.yaml: error: `run.stop: jobsDone`, but the workload has no jobs (give it `workload.traces`, `workload.generators` or Jobs in `workload.manifests`)"
        ],
    );
    behind(
        "run: {seed: 99999999999999999999}\n",
        &expect![
            "s.yaml:5:13: error: expected a whole number from 0 to 9223372036854775807: `99999999999999999999`"
        ],
    );
    behind("run: {until: 0}\n", &expect!["s.yaml:5:14: error: a period of at least `1ms` was expected: `0`"]);
    behind(
        "outputs: {select: [csv, pdf]}\n",
        &expect!["s.yaml:5:25: error: unknown value: `pdf` (expected one of csv, json, charts, report)"],
    );
    behind(
        "expect: [pods_unplaced]\n",
        &expect![
            "s.yaml:5:10: error: an expectation needs a metric, a comparison and a number: `pods_unplaced` (write for example `wait_mean_s < 30`, `restarts_total between 3 and 5` or `makespan_s == 120 ± 0.5`)"
        ],
    );
    behind(
        "expect: [pods_unplaced == none, pods_unplacd == 0, 5]\n",
        &expect!["s.yaml:5:52: error: expected text, but this is a number: `5` (put it into quotes)"],
    );
    behind(
        "expect: [pods_unplacd == 0, utilization_requested_cpu.zone.a < 1]\n",
        &expect![
            "s.yaml:5:10: error: there is no metric of this name: `pods_unplacd` (did you mean `pods_unplaced`?)"
        ],
    );
}
