//! What the API server would refuse, or what is no manifest at all.

use super::*;

#[test]
fn containers_that_are_refused() {
    let cases = [
        "  containers: []\n",
        "  nodeName: m1\n",
        "  containers: {name: c}\n",
        "  containers:\n  - name: c\n  - name: c\n",
        "  containers: [{name: C}]\n",
        "  containers: [{image: i}]\n",
        "  containers: [{name: c, name: d}]\n",
        "  containers: [{name: c, resources: {requests: {cpu: -1}}}]\n",
        "  containers: [{name: c, resources: {requests: {cpu: [1]}}}]\n",
        "  containers: [{name: c, resources: {requests: {memroy: 1Gi}}}]\n",
        "  containers: [{name: c, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]\n",
        "  containers: [{name: c, ports: [{containerPort: 70000}]}]\n",
        "  containers: [{name: c, ports: [{containerPort: \"80\"}]}]\n",
        "  containers: [{name: c}]\n  restartPolicy: Allways\n",
    ];
    let answers = cases.map(|case| summary(&pod_with(case))).join("\n");
    expect![[r#"
        x.yaml:5:15: error: `containers` must have at least one container: `[]`
        x.yaml:5:3: error: `containers` must have at least one container: `nodeName: m1`
        x.yaml:5:15: error: `containers` must be a list, not a mapping: `{name: c}`
        x.yaml:7:11: error: two containers have the same name: `c`
        x.yaml:5:23: error: `name` is not a legal container name: `C` (lower-case letters, digits and `-`, a letter or digit at both ends, at most 63)
        x.yaml:5:16: error: `name` is missing: `{image: i}`
        x.yaml:5:26: error: the key is given twice: `name` (remove one of the two)
        x.yaml:5:54: error: the amount of `cpu` must not be negative: `-1`
        x.yaml:5:54: error: the amount of `cpu` is not a quantity: `[1]` (write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`)
        x.yaml:5:49: error: unknown resource: `memroy` (did you mean `memory`?)
        x.yaml:5:54: error: the request of `cpu` is above its limit of 1: `2`
        x.yaml:5:50: error: `containerPort` must be from 1 to 65535: `70000`
        x.yaml:5:50: error: `containerPort` must be a whole number, but this is text: `80` (remove the quotes)
        x.yaml:6:18: error: `restartPolicy` has an unknown value: `Allways` (did you mean `Always`?)"#]]
    .assert_eq(&answers);
}

#[test]
fn pod_specifications_that_are_refused() {
    let cases = [
        "  containers: [{name: c}]\n  hostNetwork: \"true\"\n",
        "  containers: [{name: c}]\n  nodeName: 12\n",
        "  containers: [{name: c}]\n  nodeSelector: {disk: true}\n",
        "  containers: [{name: c}]\n  nodeSelector: {\"a b\": c}\n",
        "  containers: [{name: c}]\n  priority: 1e30\n",
        "  containers: [{name: c}]\n  tolerations: [{key: a, operator: Is}]\n",
        "  containers: [{name: c}]\n  tolerations: [{key: a, effect: NoSchedul}]\n",
        "  containers: [{name: c}]\n  tolerations: [{value: a}]\n",
        "  containers: [{name: c}]\n  tolerations: [{key: a, tolerationSeconds: 5}]\n",
        "  containers: [{name: c}]\n  topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]\n",
        "  containers: [{name: c}]\n  topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule}]\n",
        "  containers: [{name: c}]\n  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: z, operator: In}]}]}}}\n",
        "  containers: [{name: c}]\n  affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: z, labelSelector: {matchExpressions: [{key: z, operator: Gt, values: [\"1\"]}]}}]}}\n",
    ];
    let answers = cases.map(|case| summary(&pod_with(case))).join("\n");
    expect![[r#"
        x.yaml:6:16: error: `hostNetwork` must be `true` or `false`, not text: `true` (write it without quotes)
        x.yaml:6:13: error: `nodeName` must be text, but this is a number: `12` (write it in quotes: "12")
        x.yaml:6:24: error: `disk` must be text, but this is a truth value: `true` (write it in quotes: "true")
        x.yaml:6:18: error: not a legal label key: `a b` (a name of at most 63 letters, digits, `-`, `_` and `.`, with an optional `domain/` before it)
        x.yaml:6:13: error: `priority` must be from -2147483648 to 2147483647: `1e30`
        x.yaml:6:36: error: `operator` has an unknown value: `Is` (one of Equal, Exists)
        x.yaml:6:34: error: `effect` has an unknown value: `NoSchedul` (did you mean `NoSchedule`?)
        x.yaml:6:17: error: a toleration without `key` needs the operator `Exists`: `{value: a}` (`operator: Exists` without a key tolerates every taint)
        x.yaml:6:17: error: `tolerationSeconds` needs the effect `NoExecute`: `{key: a, tolerationSeconds: 5}`
        x.yaml:6:41: error: `maxSkew` must be from 1 to 2147483647: `0`
        x.yaml:6:31: error: `topologyKey` is missing: `{maxSkew: 1, whenUnsatisfiable: DoNotSchedule}`
        x.yaml:6:118: error: the operator `In` needs at least one value: `{key: z, operator: In}`
        x.yaml:6:148: error: `operator` has an unknown value: `Gt` (one of In, NotIn, Exists, DoesNotExist)"#]]
    .assert_eq(&answers);
}

fn with_metadata(entry: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, {entry}}}\nspec: {{containers: [{{name: c}}]}}\n"
    )
}

#[test]
fn metadata_that_is_refused() {
    let cases = [
        "labels: {a: true}",
        "annotations: {a: 1}",
        "creationTimestamp: today",
        "namespace: a.b",
        "labels: {a: b c}",
        "labels: [a]",
    ];
    let answers = cases.map(|case| summary(&with_metadata(case))).join("\n");
    expect![[r#"
        x.yaml:3:33: error: `a` must be text, but this is a truth value: `true` (write it in quotes: "true")
        x.yaml:3:38: error: `a` must be text, but this is a number: `1` (write it in quotes: "1")
        x.yaml:3:40: error: `creationTimestamp` is not a time: `today` (write it as RFC 3339 has it, such as `2026-01-31T12:00:00Z`)
        x.yaml:3:32: error: `namespace` is not a legal name: `a.b` (lower-case letters, digits and `-`, a letter or digit at both ends, at most 63)
        x.yaml:3:33: error: the value of the label `a` is not legal: `b c` (at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends)
        x.yaml:3:29: error: labels must be a mapping, not a list: `[a]`"#]]
    .assert_eq(&answers);
}

fn with_template(kind_and_spec: &str) -> String {
    let (kind, spec) = kind_and_spec.split_once(' ').unwrap();
    let group = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    let template = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";
    format!("apiVersion: {group}\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n  {template}\n  {spec}\n")
}

#[test]
fn workloads_that_are_refused() {
    let cases = [
        "Deployment paused: false",
        "Deployment selector: {}",
        "Deployment selector: {matchLabels: {a: c}}",
        "ReplicaSet selector: {matchLabels: {a: c}}",
        "ReplicaSet replicas: -1",
        "Deployment {}",
        "Deployment strategy: {type: Recreat}",
        "Deployment strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}",
        "Deployment strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}",
        "Deployment strategy: {rollingUpdate: {maxSurge: \"1\"}}",
        "Deployment strategy: {rollingUpdate: {maxUnavailable: 200%}}",
        "Job backoffLimit: 1",
        "Job parallelism: 99999999999",
        "Job completionMode: Indexd",
    ];
    let answers = cases.map(|case| summary(&with_template(case))).join("\n");
    expect![[r#"
        x.yaml:5:3: error: `selector` is missing: `template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}`
        x.yaml:6:13: error: `selector` must not be empty: `{}`
        x.yaml:6:13: error: `selector` does not match the labels of the pod template: `{matchLabels: {a: c}}` (every label of the selector must be in `template.metadata.labels`)
        x.yaml:6:13: error: `selector` does not match the labels of the pod template: `{matchLabels: {a: c}}` (every label of the selector must be in `template.metadata.labels`)
        x.yaml:6:13: error: `replicas` must not be negative: `-1`
        x.yaml:6:3: error: not valid YAML: simple key expected ':': `{}`
        x.yaml:6:20: error: `type` has an unknown value: `Recreat` (did you mean `Recreate`?)
        x.yaml:6:45: error: `rollingUpdate` has no place in the strategy `Recreate`: `{maxSurge: 1}`
        x.yaml:6:29: error: `maxSurge` and `maxUnavailable` must not both be 0: `{maxSurge: 0, maxUnavailable: 0%}`
        x.yaml:6:40: error: `maxSurge` must be a whole number or a percentage: `1` (such as `1` (without quotes) or `25%`)
        x.yaml:6:46: error: `maxUnavailable` must be at most 100%: `200%`
        x.yaml:5:48: error: a Job's pods cannot be restarted always: `{containers: [{name: c}]}` (write `restartPolicy: Never` or `restartPolicy: OnFailure`; the default is `Always`)
        x.yaml:6:16: error: `parallelism` must be from 0 to 2147483647: `99999999999`
        x.yaml:6:19: error: `completionMode` has an unknown value: `Indexd` (did you mean `Indexed`?)"#]]
    .assert_eq(&answers);
}

#[test]
fn other_objects_that_are_refused() {
    let cases = [
        "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: x}\nvalue: 2000000000\n",
        "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: x}\nvalue: 5000000000\n",
        "apiVersion: v1\nkind: Node\nmetadata: {name: m}\nspec: {taints: [{key: a, effect: NoSchedul}]}\n",
        "apiVersion: v1\nkind: Node\nspec: {}\n",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {completionMode: Indexed, parallelism: 1, template: {spec: {restartPolicy: Never, containers: [{name: c}]}}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: j}\nspec: {selector: {matchLabels: {a: b}}}\n",
    ];
    let answers = cases.map(summary).join("\n");
    expect![[r#"
        x.yaml:4:8: error: the priority is above what users may give: `2000000000` (at most 1000000000)
        x.yaml:4:8: error: `value` must be from -2147483648 to 2147483647: `5000000000`
        x.yaml:4:34: error: `effect` has an unknown value: `NoSchedul` (did you mean `NoSchedule`?)
        x.yaml:1:1: error: `metadata` is missing: `apiVersion: v1`
        x.yaml:4:7: error: `completionMode: Indexed` needs `completions`: `{completionMode: Indexed, parallelism: 1, template: {spec: {restartPolicy: Never, containers: [{name: c}]}}}`
        x.yaml:4:7: error: `template` is missing: `{selector: {matchLabels: {a: b}}}`"#]]
    .assert_eq(&answers);
}

#[test]
fn what_is_no_manifest() {
    let cases = [
        "hello\n",
        "- a\n- b\n",
        "# values\nreplicaCount: 2\nimage: {}\n",
        "resources: [a.yaml]\npatches: []\nimages: []\n",
        "kidn: Pod\napiVersion: v1\n",
        "kind: Pod\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n",
        "a: 'open\n",
        "a: 1\n\tb: 2\n",
        "apiVersion: extensions/v1beta1\nkind: Deployment\nspec: 7\n",
        "apiVersion: apps/v1\nkind: Deploymnet\n",
        "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\n",
    ];
    let answers = cases.map(summary).join("\n");
    expect![[r#"
        x.yaml:1:1: error: a Kubernetes object is a mapping, but this is text: `hello` (a manifest has `apiVersion` and `kind`; a trace is named under `workload.traces` of a scenario)
        x.yaml:1:1: error: a Kubernetes object is a mapping, but this is a list: `- a` (put the objects under `items` of an object with `apiVersion: v1` and `kind: List`)
        x.yaml:2:1: error: not a Kubernetes object: `kind` is missing: `replicaCount, image` (this looks like the values of a Helm chart; render the chart first with `helm template`)
        x.yaml:1:1: error: not a Kubernetes object: `kind` is missing: `resources, patches, images` (this looks like a kustomization; build it first, for example with `kubectl kustomize`)
        x.yaml:1:1: error: not a Kubernetes object: `kind` is missing: `kidn, apiVersion` (is `kidn` meant to be `kind`?)
        x.yaml:1:7: error: `apiVersion` is missing: `Pod` (write `apiVersion: v1`)
        x.yaml:4:9: error: `name` must be text, not a mapping: `{{ .Values.name }}` (this looks like a template; render it first, for example with `helm template`)
        x.yaml:2:1: error: not valid YAML: invalid indentation in multiline quoted scalar
        x.yaml:1:4: error: not valid YAML: while scanning a plain scalar, found a tab: `a: 1` (indent with spaces; YAML allows no tabs there)
        ignored 1 extensions/v1beta1/Deployment
        x.yaml:1:13: warning: this Deployment is not read: its version is not served: `extensions/v1beta1` (write `apiVersion: apps/v1`)
        ignored 1 apps/v1/Deploymnet
        x.yaml:2:7: warning: unknown kind; it is not read: `Deploymnet` (did you mean `Deployment`?)
        ignored 1 batch.volcano.sh/v1alpha1/Job"#]]
    .assert_eq(&answers);
}

#[test]
fn what_is_no_text() {
    for (bytes, expected) in [
        (
            &b"a: 1\nb: caf\xe9 au lait\n"[..],
            expect!["x.yaml:2:7: error: the text is not UTF-8: `b: caf� au lait` (save the file as UTF-8)"],
        ),
        (
            b"\xff\xfea\0:\0",
            expect!["x.yaml:1:1: error: the text is not UTF-8 (the file is UTF-16; save it as UTF-8)"],
        ),
        (
            b"\x1f\x8b\x08\x00",
            expect![
                "x.yaml:1:2: error: the text is not UTF-8 (the file is compressed with gzip; unpack it first)"
            ],
        ),
    ] {
        let error = read(&"x.yaml".into(), bytes, &mut Manifest::default()).unwrap_err();
        expected.assert_eq(&error.to_string());
    }
}
