//! Scenarios that are wrong.

use super::{HEAD, alone, file, scenario};

const NONE: (&str, &[u8]) = ("other", b"");

#[test]
fn keys_and_values() {
    for (lines, place, message) in [
        ("clutser: {}", "s.yaml:5:1", "did you mean `cluster`?"),
        ("run: [1", "s.yaml:5:6", "not valid YAML"),
        ("run:\n\tseed: 1", "s.yaml:6:2", "YAML allows no tabs there"),
        ("cluster: {}", "s.yaml:5:1", "the key is given twice"),
        ("run: {seed: 1.5}", "s.yaml:5:13", "expected a whole number from 0"),
        ("run: {seed: lucky}", "s.yaml:5:13", "expected a whole number from 0"),
        ("run: {seed: 99999999999999999999999}", "s.yaml:5:13", "expected a whole number from 0"),
        ("run: {seed: -1}", "s.yaml:5:13", "expected a whole number from 0"),
        ("run: {until: 0}", "s.yaml:5:14", "a period of at least `1ms`"),
        ("run: {until: 5 parsecs}", "s.yaml:5:14", "not a duration"),
        ("run: {until: 365000d}", "s.yaml:5:14", "a duration is at most 100 years"),
        ("run: {until: 99999999999999999999d}", "s.yaml:5:14", "not a duration"),
        ("run: {until: 300}", "s.yaml:5:14", "a duration needs a unit"),
        ("run: {stop: setled}", "s.yaml:5:13", "did you mean `settled`?"),
        ("run: {stop: never}", "s.yaml", "the run would never end"),
        ("controlPlane: {scheduler: {percentageOfNodesToScore: 150}}", "s.yaml:5:54", "from 0 to 100"),
        ("controlPlane: {nodeLifecycle: {unhealthyZone: 1.5}}", "s.yaml:5:47", "a number from 0 to 1"),
        ("controlPlane: {nodeLifecycle: {evictionRate: .nan}}", "s.yaml:5:46", "a number"),
        ("outputs: {select: [pdf]}", "s.yaml:5:20", "expected one of csv, json, charts, report"),
        ("expect: [wait_means_s < 3]", "s.yaml:5:10", "did you mean `wait_mean_s`?"),
        ("expect: ['pods_unplaced << 3']", "s.yaml:5:10", "is not a number"),
        ("expect: [pods_unplaced]", "s.yaml:5:10", "needs a metric, a comparison and a number"),
        ("name: ../../etc", "s.yaml:5:7", "not a legal name"),
    ] {
        scenario(lines, NONE, place, message);
    }
}

/// A scenario as it is.
fn say(text: &str, place: &str, message: &str) {
    alone("s.yaml", text.as_bytes(), place, message);
}

#[test]
fn pools() {
    // What is put in, and what of it the message points at.
    for (from, to, at, message) in [
        ("count: 2", "count: -2", "-2", "expected a whole number from 0 to 1000000"),
        ("count: 2", "count: 1e30", "1e30", "expected a whole number from 0 to 1000000"),
        ("count: 2", "cuont: 2", "cuont", "did you mean `count`?"),
        ("cpu: 4", "cpu: 4x", "4x", "not a quantity"),
        ("cpu: 4", "cpu: 0", "0", "`cpu` of a node must be above zero"),
        ("cpu: 4", "cpu: .nan", ".nan", "not a quantity"),
        ("8Gi", "1e30", "1e30", "a quantity here is at most"),
        ("8Gi", "[8Gi]", "[8Gi]", "expected a single value, but this is a list"),
        ("zones: [a, b]", "pricePerHour: -1", "-1", "a number from 0"),
        ("zones: [a, b]", "pricePerHour: .nan", ".nan", "a number from 0"),
        ("zones: [a, b]", "zones: ['']", "''", "a zone has no name"),
        ("zones: [a, b]", "labels: {a: 'b c'}", "'b c'", "not a legal label value"),
        ("zones: [a, b]", "taints: ['a=b:NoSchedul']", "'a=b", "did you mean `NoSchedule`?"),
        ("zones: [a, b]", "kubeReserved: {cpu: 9}", "9", "more `cpu` is reserved than a node has"),
        ("name: w", "name: W_1", "W_1", "not a legal name"),
    ] {
        let text = HEAD.replace(from, to);
        let line = text.lines().nth(3).expect("there are four lines");
        let column = line.find(at).expect("it is in the line") + 1;
        alone("s.yaml", text.as_bytes(), &format!("s.yaml:4:{column}"), message);
    }
    let twice = format!("{HEAD}    - {{name: w, count: 1, capacity: {{cpu: 1, memory: 1Gi}}}}\n");
    alone("s.yaml", twice.as_bytes(), "s.yaml:5:14", "a pool of this name exists already");
    let none = HEAD.replace("count: 2", "count: 0");
    alone("s.yaml", none.as_bytes(), "s.yaml", "the cluster has no nodes");
}

#[test]
fn what_is_named_is_not_there() {
    for (lines, place, message) in [
        ("faults: [{node: w-7, at: 1m}]", "s.yaml:5:17", "there is no node of this name"),
        ("faults: [{zone: c, at: 1m}]", "s.yaml:5:17", "there is no zone of this name"),
        ("faults: [{rack: r, at: 1m}]", "s.yaml:5:17", "there is no rack of this name"),
        ("faults: [{every: rack, mtbf: 1h, mttr: 1m}]", "s.yaml:5:18", "give a pool `nodesPerRack`"),
        ("actions: [{at: 1m, cordon: w-9}]", "s.yaml:5:28", "there is no node of this name"),
        ("actions: [{at: 1m, scale: Deployment/x, replicas: 1}]", "s.yaml:5:27", "no object of this name"),
        ("workload: {manifests: [gone.yaml]}", "s.yaml:5:24", "no such file"),
        ("workload: {traces: [{file: gone.swf}]}", "s.yaml:5:28", "no such file"),
        ("workload: {manifests: [s.yaml]}", "s.yaml:1:1", "this is a scenario"),
        ("cluster2: 1\ncontrolPlane: {scheduler: {weights: {X: 1}}}", "s.yaml:5:1", "unknown key"),
        ("controlPlane: {scheduler: {weights: {X: 1}}}", "s.yaml:5:41", "there is no scoring plugin"),
        ("controlPlane: {version: '1.2'}", "s.yaml:5:25", "not a release of Kubernetes"),
    ] {
        scenario(lines, NONE, place, message);
    }
}

#[test]
fn distributions() {
    for (text, message) in [
        ("'gama(shape=1, scale=1s)'", "did you mean gamma?"),
        ("'gamma(shape=-1, scale=1s)'", "must be a finite number"),
        ("'exponential(mean=NaN)'", "is not a duration"),
        ("'exponential(mean=1e300d)'", "is not a duration"),
        ("'exponential(mean=365000d)'", "too long a duration"),
        ("'uniform(min=2s, max=1s)'", "`min`"),
        ("'weibull(shape=1)'", "lacks `scale`"),
    ] {
        scenario(&format!("workload: {{behavior: {{runTime: {text}}}}}"), NONE, "s.yaml:5:32", message);
    }
}

#[test]
fn keys_of_the_other_kind() {
    let batch = "apiVersion: seatrial/v1\ncluster: {processors: 4}\ncontrolPlane: {kind: batch}\n";
    say(
        &format!("{batch}faults: [{{node: a, at: 1m}}]\n"),
        "s.yaml:4:10",
        "needs `controlPlane.kind: kubernetes`",
    );
    say(&batch.replace("processors: 4", "processors: 0"), "s.yaml:2:23", "from 1 to");
    say(&batch.replace("{processors: 4}", "{}"), "s.yaml", "a batch machine has a number of processors");
    say(
        &batch.replace("controlPlane: {kind: batch}\n", ""),
        "s.yaml:2:23",
        "needs `controlPlane.kind: batch`",
    );
    say(
        &batch.replace("{kind: batch}", "{kind: batch, batch: {backfill: easy, reservation: frozen}}"),
        "s.yaml:3:66",
        "needs a head that is kept",
    );
    for (written, place, what) in [
        ("reservation: machines", "s.yaml:3:50", "without backfilling no job holds a reservation"),
        ("scan: submission", "s.yaml:3:43", "only `backfill: easy` scans"),
        ("zeroSlack: false", "s.yaml:3:48", "only `backfill: easy` has a slack"),
        ("backfill: conservative, head: kept", "s.yaml:3:47", "no head is kept"),
        ("backfill: conservative, passes: perEventDue", "s.yaml:3:47", "`passes: perEventDue` goes with"),
        ("passes: perEventDue, eventOrder: endFirst", "s.yaml:3:70", "tells submissions first"),
        ("estimateFactor: 0", "s.yaml:3:53", "must be above 0"),
        ("estimates: averageOfTwo, estimateFactor: 2", "s.yaml:3:78", "nothing to multiply"),
        ("order: -(wiat/estimate)^3", "s.yaml:3:44", "unknown name `wiat` at character 3"),
        ("order: wait estimate", "s.yaml:3:44", "at character 6"),
        ("order: srtf, backfill: easy", "s.yaml:3:44", "running jobs give way under this order"),
        ("order: roundRobin", "s.yaml:3:44", "how long is a turn?"),
        ("quantum: 5s", "s.yaml:3:46", "no other order has turns"),
        ("ageing: 2", "s.yaml:3:45", "no other order lets priorities grow"),
        ("fairShare: {halfLife: 1d}", "s.yaml:3:48", "no other order has shares"),
        (
            "order: fairShare, fairShare: {shares: {ann: 1}}",
            "s.yaml:3:81",
            "`ann` is not the number of a user",
        ),
        ("order: fairShare, fairShare: {shares: {\"3\": 0}}", "s.yaml:3:81", "a share must be above 0"),
    ] {
        say(&batch.replace("{kind: batch}", &format!("{{kind: batch, batch: {{{written}}}}}")), place, what);
    }
    say(
        &batch.replace("{kind: batch}", "{kind: batch, batch: {order: shortest}}"),
        "s.yaml:3:44",
        "unknown value",
    );
    let actions = "controlPlane: {kind: batch}\nactions: [{at: 1m, cordon: w-0}]";
    scenario(actions, NONE, "s.yaml:6:11", "needs `controlPlane.kind: kubernetes`");
    scenario("controlPlane: {batch: {order: fcfs}}", NONE, "s.yaml:5:23", "needs `controlPlane.kind: batch`");
}

#[test]
fn lines_are_counted_right() {
    let windows = format!("{HEAD}run:\n  seed: x\n").replace('\n', "\r\n");
    say(&windows, "s.yaml:6:9", "expected a whole number");
    let marked = format!("\u{feff}{HEAD}run: {{seed: x}}\n");
    say(&marked, "s.yaml:5:13", "expected a whole number");
    let wide = format!("{HEAD}run: {{stop: 'ñandú→', seed: x}}\n");
    say(&wide, "s.yaml:5:29", "expected a whole number");
}

#[test]
fn what_is_no_scenario() {
    say("cluster: {}\n", "s.yaml:1:1", "write `apiVersion: seatrial/v1` in the first line");
    say("apiVersion: seatrial/v2\n", "s.yaml:1:13", "write `apiVersion: seatrial/v1`");
    say("apiVersion: seatrial/v1\nkind: Pod\n", "s.yaml:2:7", "write `kind: Scenario`");
    say("{\"cluster\": {\"pools\": 7}}", "s.yaml:1:23", "expected a list");
    say("{apiVersion: seatrial/v1, cluster: {pools: 7}}\n", "s.yaml:1:44", "expected a list");
    file("s.json", b"{\"a\": [1, 2]}", "s.json:1:1", "`kind` is missing");
    file("s.json", b"[1, 2]", "s.json:1:1", "this is a list");
    let two = format!("{HEAD}---\n{HEAD}");
    say(&two, "s.yaml:6:1", "a scenario is one document");
}
