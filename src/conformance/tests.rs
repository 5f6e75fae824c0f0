//! Small cases of our own: what is asked in each mode, and what is no case at all.

use super::*;
use crate::base::Location;
use serde_json::json;

fn case(mode: &str, input: &Value, expected: Value) -> Case {
    let mut line = json!({ "id": "own", "mode": mode, "features": ["x"], "input": input });
    line["expected"] = expected;
    Case::read(line.to_string().as_bytes(), Location::at("cases.jsonl", 7, 0)).unwrap()
}

/// What is wrong with our answer; the fields that differ or the finding.
fn wrong(mode: &str, input: &Value, expected: Value) -> Vec<String> {
    let case = case(mode, input, expected);
    match answer(&case, Subject::default()) {
        Ok(answer) => differences(case.expected.as_ref().unwrap(), &answer)
            .first
            .into_iter()
            .map(|found| format!("{}: {} for {}", found.field, found.got, found.expected))
            .collect(),
        Err(finding) => vec![finding.to_string()],
    }
}

fn agrees(mode: &str, input: &Value, expected: Value) {
    assert_eq!(wrong(mode, input, expected), Vec::<String>::new());
}

fn node(name: &str, cpu: &str) -> Value {
    let amounts = json!({ "cpu": cpu, "memory": "8Gi", "pods": "10" });
    json!({ "metadata": { "name": name }, "status": { "allocatable": amounts } })
}

fn pod(name: &str, cpu: &str) -> Value {
    let requests = json!({ "requests": { "cpu": cpu } });
    json!({ "metadata": { "name": name }, "spec": { "containers": [{ "name": "c", "resources": requests }] } })
}

#[test]
fn score_says_everything_about_every_node() {
    let mut cordoned = node("b", "8");
    cordoned["spec"] = json!({ "unschedulable": true });
    let mut bound = pod("old", "1");
    bound["spec"]["nodeName"] = "a".into();
    let cluster = json!({ "nodes": [cordoned, node("c", "4"), node("a", "4")], "pods": [bound] });
    let refused = json!({
        "plugin": "NodeUnschedulable",
        "code": "UnschedulableAndUnresolvable",
        "reasons": ["node(s) were unschedulable"],
    });
    let load = json!({ "milliCPU": 1000, "memory": 0, "nonZeroMilliCPU": 1000, "nonZeroMemory": 209_715_200, "pods": 1 });
    let expected = json!({
        "result": "scheduled", "numNodes": 3, "numFeasible": 2, "selected": "c", "picked": "c", "tied": ["c"],
        "podRequest": { "milliCPU": 2000 },
        "nodes": [
            { "node": "a", "feasible": true, "requested": load },
            { "node": "b", "feasible": false, "failure": refused },
            { "node": "c", "feasible": true, "raw": { "TaintToleration": 0 }, "normalized": { "TaintToleration": 100 } },
        ],
    });
    agrees("score", &json!({ "cluster": cluster, "pod": pod("p", "2") }), expected);

    let message = "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.";
    let plugins = ["NodeResourcesFit", "NodeUnschedulable"];
    let expected = json!({ "result": "unschedulable", "message": message, "unschedulablePlugins": plugins });
    agrees("score", &json!({ "cluster": cluster, "pod": pod("p", "5") }), expected);
}

#[test]
fn score_knows_gates_promises_and_empty_clusters() {
    let none = json!({ "nodes": [] });
    let message = "no nodes available to schedule pods";
    let expected = json!({ "result": "unschedulable", "numNodes": 0, "message": message });
    agrees("score", &json!({ "cluster": none, "pod": pod("p", "1") }), expected);

    let mut gated = pod("p", "1");
    gated["spec"]["schedulingGates"] = json!([{ "name": "g" }]);
    let gate = json!({ "plugin": "SchedulingGates", "reasons": ["waiting for scheduling gates: [g]"] });
    agrees("score", &json!({ "cluster": none, "pod": gated }), json!({ "result": "gated", "gate": gate }));

    let mut promised = pod("p", "1");
    promised["status"] = json!({ "nominatedNodeName": "b" });
    let cluster = json!({ "nodes": [node("a", "8"), node("b", "4")] });
    let nodes = json!([{ "node": "a", "notEvaluated": true }, { "node": "b", "feasible": true }]);
    let expected = json!({ "picked": "b", "nominatedNodeShortcut": true, "nodes": nodes });
    agrees("score", &json!({ "cluster": cluster, "pod": promised }), expected);

    // A pod of the same priority that was promised the only node leaves no room.
    let mut rival = pod("rival", "3");
    rival["status"] = json!({ "nominatedNodeName": "a" });
    let cluster = json!({ "nodes": [node("a", "4")], "pods": [rival] });
    let failure =
        json!({ "plugin": "NodeResourcesFit", "code": "Unschedulable", "reasons": ["Insufficient cpu"] });
    let expected = json!({ "result": "unschedulable", "nodes": [{ "node": "a", "failure": failure }] });
    agrees("score", &json!({ "cluster": cluster, "pod": pod("p", "2") }), expected);
}

#[test]
fn sequence_changes_the_cluster_step_by_step() {
    let mut homeless = pod("early", "1");
    homeless["spec"]["nodeName"] = "b".into();
    let mut cordoned = node("a", "2");
    cordoned["spec"] = json!({ "unschedulable": true });
    let steps = json!([
        { "op": "schedule", "pod": pod("p0", "2") },
        { "op": "schedule", "pod": pod("p1", "1") },
        { "op": "deletePod", "namespace": "default", "name": "p0" },
        { "op": "deletePod", "namespace": "default", "name": "p1" },
        { "op": "updateNode", "node": cordoned },
        { "op": "addNode", "node": node("b", "2") },
        { "op": "schedule", "pod": pod("p2", "2") },
        { "op": "deleteNode", "name": "b" },
        { "op": "deletePod", "namespace": "default", "name": "early" },
    ]);
    let input = json!({ "cluster": { "nodes": [node("a", "2")], "pods": [homeless] }, "steps": steps });
    let full = "0/1 nodes are available: 1 Insufficient cpu.";
    let neither = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.";
    let (ok, missing) = (json!({ "result": "ok" }), json!({ "result": "notBound" }));
    let expected = json!([
        { "result": "scheduled", "selected": "a", "numFeasible": 1, "weighted": { "TaintToleration": 300 } },
        { "result": "unschedulable", "message": full },
        ok, missing, ok, ok,
        { "result": "unschedulable", "message": neither },
        ok, missing,
    ]);
    agrees("sequence", &input, json!({ "steps": expected }));
}

#[test]
fn pods_that_are_judged_alike_share_a_scoring_while_nodes_are_full() {
    let args = json!({ "defaultingType": "List", "defaultConstraints": [] });
    let plugin = json!({ "name": "PodTopologySpread", "args": args });
    let config = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "profiles": [{ "schedulerName": "default-scheduler", "pluginConfig": [plugin] }],
    });
    let mut other = pod("other", "2");
    other["metadata"]["labels"] = json!({ "app": "other" });
    // Each pod fills a node of its own. The third differs in a label, so what was kept is of no use;
    // the fourth differs again; the fifth gets the one that the fourth has left.
    let pods = [pod("p0", "2"), pod("p1", "2"), other, pod("p3", "2"), pod("p4", "2")];
    let steps: Vec<Value> = pods.iter().map(|pod| json!({ "op": "schedule", "pod": pod })).collect();
    let nodes: Vec<Value> = ["a", "b", "c", "d", "e"].map(|name| node(name, "2")).to_vec();
    let mut input =
        json!({ "config": config, "cluster": { "nodes": nodes }, "steps": steps, "batching": true });
    let step = |node: &str, hinted: bool| {
        let mut step = json!({ "selected": node, "picked": node, "signed": true });
        if hinted {
            step["hinted"] = true.into();
        }
        step
    };
    let case = case("sequence", &input, Value::Null);
    let answer = answer(&case, Subject::default()).unwrap();
    let hinted: Vec<bool> = (0..5).map(|at| answer["steps"][at]["hinted"] == true).collect();
    assert_eq!(hinted, [false, true, false, false, true]);
    let expected = json!({ "steps": [
        step("a", false), step("e", true), { "signed": true }, { "signed": true }, { "hinted": true },
    ] });
    agrees("sequence", &input, expected);
    input["config"] = Value::Null;
    let unsigned = json!({ "steps": vec![json!({ "signed": false }); 5] });
    agrees("sequence", &input, unsigned);
}

#[test]
fn queue_tells_a_history() {
    let ops = json!([
        { "op": "add", "time": 10, "pod": pod("p", "1") },
        { "op": "pop", "time": 11 },
        { "op": "fail", "time": 12, "name": "p", "plugins": ["NodeResourcesFit"] },
        { "op": "event", "time": 12.25, "event": "nodeAdd", "node": node("small", "500m") },
        { "op": "event", "time": 12.5, "event": "nodeAdd", "node": node("large", "4") },
        { "op": "flushBackoff", "time": 14 },
        { "op": "pop", "time": 14 },
        { "op": "pop", "time": 14 },
    ]);
    let expected = json!([
        { "active": ["p"] },
        { "active": [], "popped": "p", "attempts": 1 },
        { "active": [], "unschedulable": ["p"] },
        { "unschedulable": ["p"] },
        { "active": [], "backoff": { "p": 13 } },
        { "active": ["p"] },
        { "popped": "p", "attempts": 2 },
        { "popped": "" },
    ]);
    agrees("queue", &json!({ "ops": ops }), json!({ "ops": expected }));
}

/// What the API server would refuse, the scheduler takes: amounts are rounded up, names that it does not
/// track are passed over, and wishes without a weight do not count (reference kube-scheduler §2, §3.2,
/// §3.4).
#[test]
fn score_reads_what_no_api_server_has_checked() {
    let mut asks = pod("p", "1");
    let requests = json!({ "cpu": "1", "example.com/gpu": "1500m", "storage": "1Gi", "foo": "3" });
    asks["spec"]["containers"][0]["resources"]["requests"] = requests;
    asks["spec"]["overhead"] = json!({ "bar": "1" });
    asks["spec"]["resources"] = json!({ "requests": { "example.com/gpu": "9" } });
    let wish =
        json!({ "weight": 0, "preference": { "matchExpressions": [{ "key": "a", "operator": "Exists" }] } });
    asks["spec"]["affinity"] =
        json!({ "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [wish] } });
    let mut ample = node("a", "8");
    ample["metadata"]["labels"] = json!({ "a": "" });
    ample["status"]["allocatable"]["example.com/gpu"] = "2".into();
    let input = json!({ "cluster": { "nodes": [ample] }, "pod": asks });
    let expected = json!({
        "result": "scheduled",
        "podRequest": { "milliCPU": 1000, "scalar": { "example.com/gpu": 2 } },
        "nodes": [{ "raw": { "NodeAffinity": 0 } }],
    });
    agrees("score", &input, expected);
}

/// The original adds up in 64 bits without a look at overflows.
#[test]
fn score_adds_absurd_requests_up() {
    let absurd = ["x", "y", "z"].map(|name| {
        let mut absurd = pod(name, "9223372036854775807");
        absurd["spec"]["nodeName"] = "a".into();
        absurd
    });
    let cluster = json!({ "nodes": [node("a", "4"), node("b", "4")], "pods": absurd });
    let load = json!({ "milliCPU": i64::MAX - 2, "pods": 3 });
    let expected = json!({
        "result": "scheduled", "picked": "b",
        "nodes": [{ "failure": { "reasons": ["Insufficient cpu"] }, "requested": load }, { "feasible": true }],
    });
    agrees("score", &json!({ "cluster": cluster, "pod": pod("p", "1") }), expected);
}

/// The leftovers are looked for among all that wait, those that are held back included, and the move
/// is an event for pods under way even if nobody moved (flushUnschedulablePodsLeftover and
/// movePodsToActiveOrBackoffQueue of pkg/scheduler/backend/queue/scheduling_queue.go).
#[test]
fn queue_sweeps_are_events_even_if_only_a_gated_pod_is_overdue() {
    let mut gated = pod("g", "1");
    gated["spec"]["schedulingGates"] = json!([{ "name": "x" }]);
    let ops = json!([
        { "op": "add", "time": 10, "pod": gated },
        { "op": "add", "time": 400, "pod": pod("p", "1") },
        { "op": "pop", "time": 401 },
        { "op": "flushUnschedulable", "time": 402 },
        { "op": "fail", "time": 403, "name": "p", "plugins": ["NodeResourcesFit"] },
    ]);
    let expected = json!([
        { "unschedulable": ["g"] }, {}, { "popped": "p" }, { "unschedulable": ["g"] },
        { "unschedulable": ["g"], "backoff": { "p": 404 } },
    ]);
    agrees("queue", &json!({ "ops": ops }), json!({ "ops": expected }));
}

/// What a pod wants of the name of a node is asked about the name as it is written.
#[test]
fn queue_hints_know_the_names_of_nodes() {
    let mut pinned = pod("p", "1");
    let name = json!({ "key": "metadata.name", "operator": "In", "values": ["b"] });
    let required = json!({ "nodeSelectorTerms": [{ "matchFields": [name] }] });
    pinned["spec"]["affinity"] =
        json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": required } });
    let ops = json!([
        { "op": "add", "time": 1, "pod": pinned },
        { "op": "pop", "time": 2 },
        { "op": "fail", "time": 3, "name": "p", "plugins": ["NodeAffinity"] },
        { "op": "event", "time": 4, "event": "nodeAdd", "node": node("a", "1") },
        { "op": "event", "time": 4, "event": "nodeUpdate", "oldNode": node("b", "1"), "node": node("b", "2") },
        { "op": "event", "time": 5, "event": "nodeAdd", "node": node("b", "1") },
    ]);
    let parked = json!({ "unschedulable": ["p"] });
    let expected = json!([{}, {}, parked, parked, parked, { "active": ["p"] }]);
    agrees("queue", &json!({ "ops": ops }), json!({ "ops": expected }));
}

/// A pod has its signature whether its attempt is made, fails at PreFilter, or is answered from memory.
#[test]
fn sequence_signs_every_pod() {
    let mut spread = pod("s", "9");
    let constraint = json!({ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway" });
    spread["spec"]["topologySpreadConstraints"] = json!([constraint]);
    let args = json!({ "defaultingType": "List", "defaultConstraints": [] });
    let config = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": [{ "pluginConfig": [{ "name": "PodTopologySpread", "args": args }] }],
    });
    let steps = [pod("p0", "9"), spread, pod("p1", "9")].map(|pod| json!({ "op": "schedule", "pod": pod }));
    let cluster = json!({ "nodes": [node("a", "2")] });
    let input = json!({ "cluster": cluster, "config": config, "batching": true, "steps": steps });
    let signed = [true, false, true].map(|signed| json!({ "result": "unschedulable", "signed": signed }));
    agrees("sequence", &input, json!({ "steps": signed }));
}

/// A hint is for the next pod of the same signature, for which the name of an image is a name with its
/// tag (CanonicalImageNames in kube-scheduler/framework/signers.go).
#[test]
fn sequence_hints_pods_that_are_judged_alike() {
    let args = json!({ "defaultingType": "List", "defaultConstraints": [] });
    let config = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": [{ "pluginConfig": [{ "name": "PodTopologySpread", "args": args }] }],
    });
    let steps = ["img", "img:latest", "img:1"].map(|image| {
        let mut pod = pod(image, "2");
        pod["spec"]["containers"][0]["image"] = image.into();
        json!({ "op": "schedule", "pod": pod })
    });
    let nodes = ["a", "b", "c", "d"].map(|name| node(name, "2"));
    let cluster = json!({ "nodes": nodes });
    let input = json!({ "cluster": cluster, "config": config, "batching": true, "steps": steps });
    let case = case("sequence", &input, json!({}));
    let answer = answer(&case, Subject::default()).unwrap();
    let hinted = [0, 1, 2].map(|step| answer["steps"][step]["hinted"].as_bool().is_some());
    assert_eq!(hinted, [false, true, false]);
}

#[test]
fn what_is_no_case_is_said_with_its_place() {
    for (line, message) in [
        (&b"{"[..], "cases.jsonl:7:1: error: this is no JSON"),
        (b"[]", "a case is a JSON object"),
        (b"\"\xff\"", "this is no JSON"),
        (br#"{"mode":"score"}"#, "`id` is missing"),
        (br#"{"id":"a","mode":3}"#, "`mode` must be text"),
        (br#"{"id":"a","mode":"score"}"#, "`input` is missing"),
        (br#"{"id":"a","mode":"score","input":[]}"#, "`input` must be an object"),
        (br#"{"id":"a","mode":"score","input":{},"features":"x"}"#, "`features` must be a list"),
    ] {
        let finding = Case::read(line, Location::at("cases.jsonl", 7, 0)).unwrap_err().to_string();
        assert!(finding.starts_with("cases.jsonl:7") && finding.contains(message), "{finding}");
    }
}

#[test]
fn what_cannot_be_answered_is_said_with_its_place() {
    let one = json!({ "nodes": [node("a", "1")] });
    let twice = json!({ "nodes": [node("a", "1"), node("a", "1")] });
    let broken = json!({ "nodes": [node("a", "much")] });
    let unknown = json!({ "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "profiles": 3 });
    for (mode, input, message) in [
        ("guess", json!({}), "own: `mode` has an unknown value: `guess`"),
        ("score", json!({}), "`cluster` is missing"),
        ("score", json!({ "cluster": one }), "`pod` is missing"),
        ("score", json!({ "cluster": { "nodes": 1 } }), "`nodes` must be a list"),
        ("score", json!({ "cluster": twice, "pod": pod("p", "1") }), "two nodes of one name: `a`"),
        ("score", json!({ "cluster": broken, "pod": pod("p", "1") }), "own: nodes[0]: "),
        ("score", json!({ "cluster": one, "pod": { "kind": "Node" } }), "own: pod: "),
        ("score", json!({ "cluster": one, "pod": pod("p", "1"), "config": unknown }), "own: config: "),
        (
            "sequence",
            json!({ "cluster": one, "steps": [{ "op": "fly" }] }),
            "steps[0]: `op` has an unknown value: `fly`",
        ),
        (
            "sequence",
            json!({ "cluster": one, "steps": [{ "op": "deleteNode", "name": "b" }] }),
            "no node of this name: `b`",
        ),
        ("sequence", json!({ "cluster": one, "bind": "best" }), "`bind` has an unknown value"),
        ("sequence", json!({ "cluster": one, "sampled": 1 }), "`sampled` must be `true` or `false`"),
        ("queue", json!({ "ops": [{ "op": "pop" }] }), "ops[0]: `time` must be a number of seconds"),
        ("queue", json!({ "ops": [{ "op": "pop", "time": -1e30 }] }), "`time` must be a number of seconds"),
        (
            "queue",
            json!({ "ops": [{ "op": "fail", "time": 1, "name": "p" }] }),
            "there is no pod of this name: `p`",
        ),
        (
            "queue",
            json!({ "ops": [{ "op": "fail", "time": 1, "plugins": ["Guess"] }] }),
            "there is no plugin of this name",
        ),
        (
            "queue",
            json!({ "ops": [], "podMaxBackoffSeconds": -1 }),
            "`podMaxBackoffSeconds` must be a whole number",
        ),
    ] {
        let found = wrong(mode, &input, json!({}));
        let told = found
            .first()
            .is_some_and(|found| found.starts_with("cases.jsonl:7: error: own: ") && found.contains(message));
        assert!(told, "{mode}: {found:?} instead of {message}");
    }
}

#[test]
fn cases_are_counted_by_feature() {
    let case = case("score", &json!({}), json!({ "a": 1 }));
    let mut report = FileReport::new("f");
    for answer in [Some(json!({ "a": 1 })), Some(json!({ "a": 2 })), None] {
        report.add(&case.features, &Checked::of(&case, answer.as_ref()));
    }
    let without = Case { expected: None, ..case };
    report.add(&without.features, &Checked::of(&without, Some(&json!({}))));
    assert_eq!((report.cases, report.answered), (Counts { agree: 1, of: 3 }, 1));
    assert_eq!(report.features["x"], report.cases);
}
