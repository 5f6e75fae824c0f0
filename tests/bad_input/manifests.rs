//! Kubernetes objects that are wrong, and some that only look so.

use super::scratch::{Scratch, seatrial};
use super::{HEAD, file, scenario};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: main
          image: i
          resources:
            requests: {cpu: 1, memory: 1Gi}
";

const JOB: &str = "\
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  completions: 3
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: i}]
";

const NODE: &str = "\
apiVersion: v1
kind: Node
metadata: {name: one}
spec:
  taints: [{key: a, effect: NoSchedule}]
status:
  capacity: {cpu: 4, memory: 8Gi, pods: 110}
";

fn changed(text: &str, table: &[(&str, &str, &str, &str)]) {
    for (from, to, place, message) in table {
        assert!(text.contains(from), "{from}");
        file("m.yaml", text.replacen(from, to, 1).as_bytes(), place, message);
    }
}

#[test]
fn deployments() {
    let spec = "    spec:\n";
    let with = |line: &str| format!("{spec}      {line}\n");
    changed(
        DEPLOYMENT,
        &[
            ("replicas: 2", "replicas: -2", "m.yaml:6:13", "must not be negative"),
            ("replicas: 2", "replicas: 2000000000", "m.yaml:6:13", "at most 1000000 replicas"),
            ("replicas: 2", "replicas: 1e30", "m.yaml:6:13", "must be from 0"),
            ("replicas: 2", "replicas: '2'", "m.yaml:6:13", "remove the quotes"),
            ("replicas: 2", "replicas: .nan", "m.yaml:6:13", "must be a whole number"),
            ("replicas: 2", "replicas: 2\n  replicas: 3", "m.yaml:7:3", "the key is given twice"),
            ("  replicas: 2", "\treplicas: 2", "m.yaml:6:2", "YAML allows no tabs there"),
            ("labels: {app: web}", "labels: {app: wbe}", "m.yaml:8:5", "does not match the labels"),
            ("labels: {app: web}", "labels: {app: 'w b'}", "m.yaml:11:21", "is not legal"),
            ("cpu: 1", "cpu: 1x", "m.yaml:17:29", "is not a quantity"),
            ("cpu: 1", "cpu: -1", "m.yaml:17:29", "must not be negative"),
            ("cpu: 1", "cpuu: 1", "m.yaml:17:24", "did you mean `cpu`?"),
            ("cpu: 1", "nvidia.com/gpu: 500m", "m.yaml:17:40", "is counted in whole units"),
            ("name: web", "name: Web_1", "m.yaml:4:9", "not a legal name"),
            ("name: web", "name: {{ .Values.name }}", "m.yaml:4:9", "render it first"),
            ("kind: Deployment", "kind:\n  - Deployment", "m.yaml:3:3", "`kind` must be text"),
            (spec, &with("priorityClassName: gone"), "m.yaml:13:26", "there is no PriorityClass"),
            (spec, &with("nodeSelector: {disk: nvme}"), "m.yaml:13:21", "no node has the label `disk`"),
            (
                spec,
                &with(
                    "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}]}}}",
                ),
                "m.yaml:13:17",
                "no node can ever match",
            ),
            (
                spec,
                &with("tolerations: [{key: a, operator: Exist}]"),
                "m.yaml:13:40",
                "did you mean `Exists`?",
            ),
        ],
    );
    let windows = DEPLOYMENT.replace("replicas: 2", "replicas: -2").replace('\n', "\r\n");
    file("m.yaml", windows.as_bytes(), "m.yaml:6:13", "must not be negative");
}

#[test]
fn jobs_nodes_and_classes() {
    changed(
        JOB,
        &[
            ("Never", "Always", "m.yaml:8:22", "cannot be restarted always"),
            ("completions: 3", "completions: 2000000000", "m.yaml:5:16", "at most 1000000 pods"),
            ("      restartPolicy: Never\n", "", "m.yaml:8:7", "the default is `Always`"),
        ],
    );
    changed(
        NODE,
        &[
            ("NoSchedule", "NoSchedul", "m.yaml:5:29", "did you mean `NoSchedule`?"),
            ("cpu: 4", "cpu: -4", "m.yaml:7:19", "must not be negative"),
            ("name: one", "name: n", "m.yaml:3:18", "this is a truth value"),
            (
                "memory: 8Gi",
                "memory: 4611686018427387904",
                "<arguments>",
                "more of `memory` than can be counted",
            ),
        ],
    );
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 10\n";
    changed(
        class,
        &[
            ("value: 10\n", "", "m.yaml:1:1", "`value` is missing"),
            ("value: 10", "value: 10000000000", "m.yaml:4:8", "must be from"),
            ("value: 10", "value: 2000000000", "m.yaml:4:8", "above what users may give"),
        ],
    );
}

#[test]
fn annotations() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {seatrial.dev/run-time: 5m}\nspec:\n  containers: [{name: c, image: i}]\n";
    changed(
        pod,
        &[
            ("run-time: 5m", "runtime: 5m", "m.yaml:5:17", "did you mean `seatrial.dev/run-time`?"),
            ("run-time: 5m", "run-time: 5 parsecs", "m.yaml:5:40", "is not a duration"),
            ("run-time: 5m", "run-time: 365000d", "m.yaml:5:40", "too long a duration"),
            ("run-time: 5m", "init-time: -5s", "m.yaml:5:41", "`seatrial.dev/init-time` cannot be read"),
            ("run-time: 5m", "exit-code: '256'", "m.yaml:5:41", "from 0 to 255"),
            ("run-time: 5m", "fail-runs: 3", "m.yaml:5:41", "write it in quotes"),
            ("run-time: 5m", "image-size: '-5'", "m.yaml:5:42", "`seatrial.dev/image-size` cannot be read"),
            ("run-time: 5m", "image-sise: '5'", "m.yaml:5:17", "did you mean `seatrial.dev/image-size`?"),
        ],
    );
}

#[test]
fn lists() {
    let list = |members: &str| format!("apiVersion: v1\nkind: List\nitems:\n{members}");
    for (members, place, message) in [
        ("- foo\n", "m.yaml:4:3", "but this is text"),
        ("- null\n", "m.yaml:4:3", "but this is nothing"),
        ("- [1]\n", "m.yaml:4:3", "but this is a list"),
        ("- metadata: {name: p}\n", "m.yaml:4:3", "`kind` is missing"),
        (
            "- {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: []}}\n",
            "m.yaml:4:71",
            "at least one container",
        ),
        ("  a: b\n", "m.yaml:4:3", "`items` must be a list"),
    ] {
        file("m.yaml", list(members).as_bytes(), place, message);
    }
    file("m.yaml", b"- apiVersion: v1\n  kind: Pod\n", "m.yaml:1:1", "put the objects under `items`");
}

#[test]
fn what_is_no_manifest() {
    for (text, place, message) in [
        ("replicaCount: 3\nimage: {repository: x}\n", "m.yaml:1:1", "the values of a Helm chart"),
        ("services: {a: {image: x}}\n", "m.yaml:1:1", "a Compose file"),
        ("{\"pods\": [], \"nodes\": []}", "m.yaml:1:1", "the export of another tool"),
        ("<html><body>404</body></html>", "m.yaml:1:1", "but this is text"),
        ("Error from server (Forbidden): pods is forbidden: no", "m.yaml:1:49", "not valid YAML"),
        (
            "1 2 3 4 1 -1 -1 1 10 -1 1 1 1 1 1 1 -1 -1\n",
            "m.yaml:1:1",
            "a trace is named under `workload.traces`",
        ),
        ("{\"apiVersion\": \"v1\", \"kind\": \"Pod\"", "m.yaml:1:1", "unclosed bracket"),
        ("kind: Pod\n", "m.yaml:1:7", "write `apiVersion: v1`"),
    ] {
        file("m.yaml", text.as_bytes(), place, message);
    }
    scenario("workload: {manifests: [j.swf]}", ("j.swf", b"1 2 3\n"), "j.swf:1:1", "but this is text");
}

#[test]
fn two_of_one_name() {
    let other = DEPLOYMENT.replace("replicas: 2", "replicas: 3");
    let both = format!("{DEPLOYMENT}---\n{other}");
    file(
        "m.yaml",
        both.as_bytes(),
        "m.yaml:22:9",
        "it is at m.yaml:4:9 and differs; leave one of the two out",
    );
    let nodes = format!("{NODE}---\n{}", NODE.replace("8Gi", "16Gi"));
    file("m.yaml", nodes.as_bytes(), "m.yaml:11:18", "a node of this name exists already");
}

/// What is printed of a run that ends well.
fn run_well(name: &str, text: &str) -> (String, String) {
    let scratch = Scratch::new();
    scratch.write(name, text.as_bytes());
    let arguments = ["run", name, "--pool", "2x4cpu,8Gi", "--outputs", "none", "--format", "json"];
    let output = seatrial(&scratch, &arguments, b"");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), stderr)
}

#[test]
fn what_is_remarked_but_runs() {
    let (summary, _) = run_well("m.yaml", &format!("{DEPLOYMENT}---\n{DEPLOYMENT}---\n{NODE}---\n{NODE}"));
    assert!(summary.contains("objects left out because an equal one exists already"), "{summary}");
    assert!(summary.contains("\"pods_created\""), "{summary}");
    let bound =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: gone, containers: [{name: c}]}\n";
    let (summary, stderr) = run_well("m.yaml", bound);
    assert!(summary.contains("pods left out because their node is not in the cluster"), "{summary}");
    assert_eq!(stderr, "");
    let surplus = NODE.replace("  capacity:", "  allocatable: {cpu: 8}\n  capacity:");
    assert!(run_well("m.yaml", &surplus).1.contains("more `cpu` is allocatable than the capacity of 4"));
    let old = DEPLOYMENT.replace("apps/v1", "extensions/v1beta1");
    assert!(run_well("m.yaml", &old).1.contains("its version is not served"));
    let slips: Vec<String> = (0..500)
        .map(|number| {
            format!(
                "---\n{}",
                DEPLOYMENT
                    .replace("name: web", &format!("name: w{number}"))
                    .replace("  replicas: 2", "  replcas: 0\n  replicas: 0")
            )
        })
        .collect();
    let (_, stderr) = run_well("m.yaml", &slips.concat());
    assert!(stderr.contains("(here and in 499 more places)") && stderr.lines().count() < 12, "{stderr}");
}

#[test]
fn a_workload_may_be_empty() {
    let scratch = Scratch::new();
    scratch.write("s.yaml", HEAD.as_bytes());
    let output = seatrial(&scratch, &["run", "s.yaml", "--outputs", "none"], b"");
    assert_eq!(output.status.code(), Some(0));
}
