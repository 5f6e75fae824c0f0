//! The command `schedule` as a user meets it: the worked example of `docs/scheduling.md`, and what is
//! said where something is wrong.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

const CLUSTER: &str = "scenarios/worked-example/cluster.yaml";
const POD: &str = "scenarios/worked-example/pod.yaml";

/// Runs the binary in the folder of the package, with `input` as its standard input.
fn seatrial(arguments: &[&str], input: &str) -> (i32, String, String) {
    common::seatrial(Path::new(env!("CARGO_MANIFEST_DIR")), arguments, input)
}

/// A file of one test's own, with a changed copy of the pod.
fn pod_with(name: &str, change: impl Fn(String) -> String) -> PathBuf {
    let pod = fs::read_to_string(POD).expect("it is checked in");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, change(pod)).expect("the folder for temporary files can be written");
    file
}

fn schedule(pod: &Path, options: &[&str]) -> (i32, String, String) {
    let pod = pod.to_str().expect("the path is text");
    seatrial(&[&["schedule", "-f", pod, "--cluster", CLUSTER], options].concat(), "")
}

#[test]
fn the_page_shows_what_the_command_prints() {
    let page = fs::read_to_string("docs/scheduling.md").expect("it is checked in");
    let (code, out, err) = schedule(Path::new(POD), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(page.contains(&out), "docs/scheduling.md does not have:\n{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn json_has_every_node_of_the_worked_example() {
    let (code, out, _) = schedule(Path::new(POD), &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let decision = &value["decisions"][0];
    assert_eq!((code, decision["node"].as_str()), (0, Some("node-b1")));
    let nodes = decision["nodes"].as_array().expect("a list");
    let totals: Vec<(&str, Option<i64>)> =
        nodes.iter().map(|node| (node["node"].as_str().unwrap_or(""), node["total"].as_i64())).collect();
    assert_eq!(totals, [("node-b1", Some(840)), ("node-a1", Some(801)), ("node-b2", None)]);
    // The table of the page, computed by hand: raw, normalised, weighted; node-a1.
    let by_hand = [
        ("TaintToleration", 0, 100, 300),
        ("NodeAffinity", 0, 0, 0),
        ("NodeResourcesFit", 37, 37, 37),
        ("PodTopologySpread", 9, 77, 154),
        ("InterPodAffinity", 50, 100, 200),
        ("DynamicResources", 0, 0, 0),
        ("NodeResourcesBalancedAllocation", 72, 72, 72),
        ("ImageLocality", 38, 38, 38),
    ];
    let scores = nodes[1]["scores"].as_array().expect("a list");
    assert_eq!(scores.len(), by_hand.len());
    for (score, (plugin, raw, normalized, weighted)) in scores.iter().zip(by_hand) {
        assert_eq!(score["plugin"], plugin);
        assert_eq!((&score["raw"], &score["normalized"]), (&raw.into(), &normalized.into()), "{plugin}");
        assert_eq!(score["weighted"], weighted, "{plugin}");
    }
    assert_eq!(nodes[2]["reasons"][0], "node(s) had untolerated taint(s)");
}

#[test]
fn the_totals_that_the_page_names_for_other_cases() {
    let (_, out, _) = schedule(Path::new(POD), &["--kubernetes", "1.34"]);
    assert!(
        out.starts_with("default/web-3 goes to node-b1: it has the highest total, 854; node-a1 has 816.")
    );
    let cluster = fs::read_to_string(CLUSTER).expect("it is checked in");
    let objects = cluster.split("\n- ").filter(|object| {
        !object.contains("kind: Service\n") && !object.contains("kind: ReplicaSet\n  metadata: {name: web")
    });
    let without: Vec<&str> = objects.collect();
    let (_, out, err) = seatrial(&["schedule", "-f", POD, "--cluster", "-"], &without.join("\n- "));
    assert!(
        out.starts_with("default/web-3 goes to node-a1: it has the highest total, 647; node-b1 has 640."),
        "{out}{err}"
    );
}

#[test]
fn a_pod_that_fits_nowhere_says_so_with_the_message_of_the_page() {
    let page = fs::read_to_string("docs/scheduling.md").expect("it is checked in");
    let (code, out, _) = schedule(&pod_with("six.yaml", |pod| pod.replace("cpu: 500m", "cpu: 6")), &[]);
    assert_eq!(code, 1);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let message = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new \
                   claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found \
                   for incoming pod, 2 Preemption is not helpful for scheduling.";
    assert!(words(&out).contains(message) && words(&page).contains(message), "{out}");
    assert!(out.contains("1  No preemption victims found for incoming pod: node-b1"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn preemption_names_its_victims_and_promises_the_node() {
    let change = |pod: String| {
        let first = pod.replace("\nspec:\n", "\nspec:\n  priority: 1000\n").replace("cpu: 500m", "cpu: 7");
        let second = pod.replace("name: web-3", "name: web-4").replace("cpu: 500m", "cpu: 3");
        format!("{first}---\n{second}")
    };
    let file = pod_with("preemptor.yaml", change);
    let (code, out, _) = schedule(&file, &[]);
    assert_eq!(code, 1);
    assert!(out.contains("the pod is promised node-b1"), "{out}");
    assert!(out.contains("node-b1 without default/report (priority 0)"), "{out}");
    // The promise counts for the pod after it, though nobody has gone yet.
    assert!(out.contains("default/web-4 goes nowhere"), "{out}");
    let (_, out, _) = schedule(&file, &["--alone"]);
    assert!(out.contains("default/web-4 goes to node-b1"), "{out}");
}

#[test]
fn pods_are_placed_one_after_the_other() {
    let file = pod_with("two.yaml", |pod| format!("{pod}---\n{}", pod.replace("web-3", "web-4")));
    let (_, out, _) = schedule(&file, &[]);
    assert!(out.contains("default/web-4 goes to node-a1"), "{out}");
    let (_, out, _) = schedule(&file, &["--alone"]);
    assert!(out.contains("default/web-4 goes to node-b1"), "{out}");
}

#[test]
fn a_pod_of_the_cluster_is_decided_on_anew() {
    let (code, out, err) = seatrial(&["schedule", "--pod", "web-2", "--cluster", CLUSTER, "--top", "1"], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("default/web-2 goes to node-b1"), "{out}");
    assert!(out.contains("And 1 more feasible node with a total of 779."), "{out}");
    assert!(out.contains("It is bound to node-b2, which did not count."), "{out}");
}

#[test]
fn workloads_stand_for_their_next_pod() {
    let workload = |version: &str, kind: &str| {
        format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: shop}}\nspec:\n  replicas: 3\n  \
             serviceName: shop\n  selector: {{matchLabels: {{app: shop}}}}\n  template:\n    metadata: \
             {{labels: {{app: shop}}}}\n    spec:\n      containers: [{{name: a, image: a}}]\n"
        )
    };
    for (version, kind, name) in [
        ("apps/v1", "Deployment", "default/shop-new-new"),
        ("apps/v1", "ReplicaSet", "default/shop-new"),
        ("apps/v1", "StatefulSet", "default/shop-0"),
    ] {
        let arguments = ["schedule", "-f", "-", "--cluster", CLUSTER];
        let (code, out, err) = seatrial(&arguments, &workload(version, kind));
        assert_eq!(code, 0, "{kind}: {err}");
        assert!(out.starts_with(&format!("{name} goes to node-b1")), "{kind}: {out}");
        // The selector of the controller makes it spread.
        assert!(out.contains("PodTopologySpread                  ×2"), "{kind}: {out}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let strange =
        pod_with("strange.yaml", |pod| pod.replace("\nspec:\n", "\nspec:\n  schedulerName: packer\n"));
    let ended = pod_with("ended.yaml", |pod| format!("{pod}status: {{phase: Succeeded}}\n"));
    let (strange, ended) = (strange.to_str().expect("text"), ended.to_str().expect("text"));
    for (arguments, expected) in [
        (["-f", "gone.yaml", "--cluster", CLUSTER], "no such file"),
        (["-f", POD, "--cluster", "gone"], "no such file"),
        (["-f", POD, "--cluster", POD], "the cluster has no nodes"),
        (["-f", CLUSTER, "--cluster", CLUSTER], "a Node among the pods to be placed"),
        (
            ["-f", strange, "--cluster", CLUSTER],
            "no profile of the scheduler has this `schedulerName`: `packer`",
        ),
        (["-f", ended, "--cluster", CLUSTER], "the pod has ended: it is Succeeded"),
        (["--pod", "web2", "--cluster", CLUSTER], "did you mean `web-2`?"),
        (["-f", "-", "--cluster", "-"], "standard input is named twice"),
    ] {
        let (code, out, err) = seatrial(&[&["schedule"], &arguments[..]].concat(), "");
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
    let (code, _, err) = seatrial(&["schedule", "--cluster", CLUSTER], "");
    assert_eq!(code, 2);
    assert!(err.contains("--file"), "{err}");
}

#[test]
fn a_configuration_decides_and_is_named_where_it_is_wrong() {
    let (code, _, err) = schedule(Path::new(POD), &["--config", "tests/fixtures/bad-kube-scheduler.yaml"]);
    assert_eq!(code, 2);
    assert!(err.contains("tests/fixtures/bad-kube-scheduler.yaml:6:24"), "{err}");
    // The cluster may be a scenario, which counts paths from its own folder.
    let config = ["--config", "tests/fixtures/kube-scheduler.yaml"];
    let arguments = [&["schedule", "-f", POD, "--cluster", "scenarios/spreading.yaml"], &config[..]].concat();
    let (code, out, err) = seatrial(&arguments, "");
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("default/web-3 goes to worker-"), "{out}");
}

const RUN: &str = "scenarios/preemption.yaml";
const PREEMPTOR: &str = "checkout-5b5bbc9469-1";

#[test]
fn the_way_of_a_pod_of_a_run_is_told() {
    let page = fs::read_to_string("docs/scheduling.md").expect("it is checked in");
    let (code, out, err) = seatrial(&["explain", RUN, PREEMPTOR], "");
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    let shown = lines[3..13].join("\n");
    assert!(page.contains(&shown), "docs/scheduling.md does not have:\n{shown}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{out}");
    assert!(out.contains("it is the node that the pod was\npromised"), "{out}");
    let (_, out, _) = seatrial(&["explain", RUN, PREEMPTOR, "--attempt", "1"], "");
    assert!(out.contains("Attempt 1, at 10m0.006s"), "{out}");
    assert!(out.contains("4  NodeResourcesFit: Insufficient cpu"), "{out}");
    let (_, until, _) = seatrial(&["explain", RUN, PREEMPTOR, "--at", "10m0.1s"], "");
    assert_eq!(until, out, "until then it has had that one attempt");
}

#[test]
fn every_attempt_of_a_pod_is_there_as_json() {
    let arguments = ["explain", RUN, "default/background-77cd98b6c9-17", "--format", "json"];
    let (code, out, _) = seatrial(&arguments, "");
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let story = &value["pods"][0];
    let lines = story["lines"].as_array().expect("a list");
    let attempts: Vec<&serde_json::Value> = lines.iter().filter(|line| line["what"] == "attempt").collect();
    assert_eq!((code, story["attempts"].as_u64(), attempts.len()), (0, Some(10), 10));
    assert!(attempts.iter().all(|line| line["node"].is_null()));
    let swept = lines.iter().filter(|line| line["cause"] == "it has waited for more than five minutes");
    assert_eq!(swept.count(), 3);
    assert_eq!(story["decision"]["nodes"].as_array().map(Vec::len), Some(4));
    assert_eq!(story["decision"]["result"], "unschedulable");
}

#[test]
fn who_cannot_be_explained_is_said() {
    for (arguments, expected) in [
        (&[RUN, "chekout-5b5bbc9469-1"][..], "did you mean `checkout-5b5bbc9469-1`?"),
        (&[RUN, PREEMPTOR, "--attempt", "9"], "it has had 6"),
        (&[RUN, PREEMPTOR, "--at", "10s"], "no attempt up to this moment"),
        (&["scenarios/batch-day.yaml", "job-1"], "a batch machine has no pods"),
        (&["gone.yaml", "job-1"], "no such file"),
    ] {
        let (code, out, err) = seatrial(&[&["explain"], arguments].concat(), "");
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
}

#[test]
fn a_pod_that_is_followed_decides_nothing_and_is_in_the_report() {
    let folder = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).display().to_string();
    let digest = |out: &str, explain: &[&str]| {
        let arguments = ["run", RUN, "--no-progress", "--outputs", "csv,report", "--out", out];
        let (code, text, err) = seatrial(&[&arguments[..], explain].concat(), "");
        assert_eq!(code, 0, "{err}");
        assert_eq!(
            err.contains("the run has no pod of this name: `nobody`"),
            explain.contains(&"nobody"),
            "{err}"
        );
        text.lines().find(|line| line.starts_with("digest")).map(str::to_owned)
    };
    let (plain, followed) = (folder("followed-not"), folder("followed"));
    let report =
        |folder: &str| fs::read_to_string(Path::new(folder).join("report.html")).expect("it is written");
    assert_eq!(digest(&plain, &[]), digest(&followed, &["--explain", PREEMPTOR, "--explain", "nobody"]));
    let (plain, followed) = (report(&plain), report(&followed));
    for page in [&plain, &followed] {
        assert!(page.contains("Scheduling decisions") && page.contains("background-77cd98b6c9-17"));
    }
    assert!(!plain.contains("promised worker-1"));
    assert!(followed.contains("promised worker-1, where 2 pods are evicted for it"));
}
