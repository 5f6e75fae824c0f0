//! What a kubelet does with a container, as written: restart rules, probes, hooks, images.

use super::*;
use crate::api::{ImagePullPolicy, PreStop, Probe, RestartAction, RestartPolicy};

fn container(fields: &str) -> crate::api::Container {
    pod(&format!("containers: [{{name: c, {fields}}}]")).template.spec.containers[0].clone()
}

#[test]
fn restart_rules_are_read_in_order() {
    let container = container(
        "restartPolicy: Never, restartPolicyRules: [\
         {action: Restart, exitCodes: {operator: In, values: [42, 43]}},\
         {action: RestartAllContainers, exitCodes: {operator: NotIn, values: [0]}}]",
    );
    assert_eq!(container.restart_policy, Some(RestartPolicy::Never));
    let rules = &container.restart_rules;
    assert_eq!(
        (rules[0].action, rules[0].matches(43), rules[0].matches(1)),
        (RestartAction::Restart, true, false)
    );
    assert_eq!((rules[1].matches(0), rules[1].matches(1)), (false, true));
    assert!(container.restarts_all);
}

#[test]
fn probes_are_completed() {
    let probes = container(
        "startupProbe: {exec: {command: [x]}, failureThreshold: 30, terminationGracePeriodSeconds: 5},\
         readinessProbe: {httpGet: {port: 80}, periodSeconds: 0, successThreshold: 2},\
         livenessProbe: {grpc: {port: 80}, initialDelaySeconds: 7}",
    )
    .probes;
    let default = Probe::default();
    let startup = Probe { failure_threshold: 30, termination_grace_seconds: Some(5), ..default };
    assert_eq!(probes.startup, Some(startup));
    assert_eq!(probes.readiness, Some(Probe { success_threshold: 2, ..default }));
    assert_eq!(probes.liveness, Some(Probe { initial_delay_seconds: 7, ..default }));
}

#[test]
fn the_tag_decides_when_an_image_is_pulled() {
    let policy = |fields: &str| container(fields).image_pull_policy;
    let (always, absent) = (Some(ImagePullPolicy::Always), Some(ImagePullPolicy::IfNotPresent));
    assert_eq!(policy("image: nginx"), always);
    assert_eq!(policy("image: \"registry:5000/nginx\""), always);
    assert_eq!(policy("image: \"nginx:latest\""), always);
    assert_eq!(policy("image: \"nginx:1.2\""), absent);
    assert_eq!(policy("image: \"nginx@sha256:abc\""), absent);
    assert_eq!(policy("image: nginx, imagePullPolicy: Never"), Some(ImagePullPolicy::Never));
    assert_eq!(policy("command: [x]"), None);
}

#[test]
fn hooks_and_gates() {
    let hook = |hook: &str| container(&format!("lifecycle: {{preStop: {hook}}}")).pre_stop;
    assert_eq!(hook("{sleep: {seconds: 5}}"), Some(PreStop::Sleep(5)));
    assert_eq!(hook("{exec: {command: [x]}}"), Some(PreStop::Run));
    assert_eq!(container("lifecycle: {postStart: {exec: {}}}").pre_stop, None);
    let gated = pod("readinessGates: [{conditionType: example.com/lb}], containers: [{name: c}]");
    assert_eq!(gated.template.spec.readiness_gates, ["example.com/lb"]);
}

#[test]
fn what_is_refused() {
    let rules =
        |rules: &str| format!("containers: [{{name: c, restartPolicy: Never, restartPolicyRules: {rules}}}]");
    let probe = |probe: &str| format!("containers: [{{name: c, {probe}}}]");
    let cases = [
        rules("[{exitCodes: {operator: In, values: [1]}}]"),
        rules("[{action: Restart}]"),
        rules("[{action: Restrat, exitCodes: {operator: In, values: [1]}}]"),
        rules("[{action: Restart, exitCodes: {operator: On, values: [1]}}]"),
        rules("[{action: Restart, exitCodes: {operator: In, values: [1e30]}}]"),
        rules("[{action: Restart, exitCodes: {operator: In}}]"),
        probe("restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]"),
        probe("livenessProbe: {}"),
        probe("livenessProbe: {exec: {}, grpc: {}}"),
        probe("livenessProbe: {exec: {}, successThreshold: 2}"),
        probe("livenessProbe: {exec: {}, periodSeconds: -1}"),
        probe("livenessProbe: {exec: {}, periodSeconds: ten}"),
        probe("readinessProbe: {exec: {}, terminationGracePeriodSeconds: 9}"),
        probe("livenessProbe: {exec: {}, perodSeconds: 3}"),
        probe("imagePullPolicy: Allways"),
        probe("lifecycle: {preStop: {}}"),
        probe("lifecycle: {preStop: {sleep: {}}}"),
        "initContainers: [{name: i, readinessProbe: {exec: {}}}], containers: [{name: c}]".to_owned(),
    ];
    let answers = cases.map(|case| {
        let text = format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{{case}}}}}");
        summary(&text)
    });
    expect![[r#"
        x.yaml:1:123: error: `action` is missing: `{exitCodes: {operator: In, values: [1]}}`
        x.yaml:1:123: error: `exitCodes` is missing: `{action: Restart}`
        x.yaml:1:132: error: `action` has an unknown value: `Restrat` (did you mean `Restart`?)
        x.yaml:1:163: error: `operator` must be text, but this is a truth value: `On` (write it in quotes: "On")
        x.yaml:1:176: error: `values` must be from 0 to 2147483647: `1e30`
        x.yaml:1:152: error: `values` must name at least one exit code: `{operator: In}`
        x.yaml:1:100: error: restart rules need a `restartPolicy` of the container: `[{action: Restart, exitCodes: {operator: In, values: [1]}}]` (it decides where no rule matches)
        x.yaml:1:95: error: `livenessProbe` says nothing to do: `{}` (it needs one of exec, grpc, httpGet, tcpSocket)
        x.yaml:1:95: error: `livenessProbe` has both `exec` and `grpc`: `{exec: {}, grpc: {}}`
        x.yaml:1:124: error: `successThreshold` of a `livenessProbe` must be 1: `2`
        x.yaml:1:121: error: `periodSeconds` must not be negative: `-1`
        x.yaml:1:121: error: `periodSeconds` must be a whole number, not text: `ten`
        x.yaml:1:138: error: a readiness probe ends nothing: it has no grace period: `9`
        x.yaml:1:1 Pod p
        x.yaml:1:106: warning: unknown key in the probe; it has no effect: `perodSeconds` (did you mean `periodSeconds`?)
        x.yaml:1:97: error: `imagePullPolicy` has an unknown value: `Allways` (did you mean `Always`?)
        x.yaml:1:101: error: `preStop` says nothing to do: `{}` (it needs one of exec, httpGet, sleep, tcpSocket)
        x.yaml:1:109: error: `seconds` is missing: `{}`
        x.yaml:1:100: error: an init container cannot have `readinessProbe`: `{exec: {}}` (`restartPolicy: Always` makes it a sidecar, which can)"#]].assert_eq(&answers.join("\n"));
}

#[test]
fn behaviour_that_only_probes_hooks_and_pulls_notice() {
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: p, annotations: {seatrial.dev/unready-after: 5m, \
                seatrial.dev/unready-for: 30s, seatrial.dev/unhealthy-after: 1h, seatrial.dev/pre-stop-time: 3s, \
                seatrial.dev/gate-time: 10s, seatrial.dev/pull-failures: \"2\"}}, spec: {containers: [{name: c}]}}";
    let Object::Pod(pod) = one(text) else { panic!("no pod") };
    let behavior = &pod.template.behavior;
    assert_eq!(behavior.unready_after, Some(Distribution::Constant(300.0)));
    assert_eq!(behavior.unready_for, Some(Distribution::Constant(30.0)));
    assert_eq!(behavior.unhealthy_after, Some(Distribution::Constant(3600.0)));
    assert_eq!(behavior.pre_stop_time, Some(Distribution::Constant(3.0)));
    assert_eq!(behavior.gate_time, Some(Distribution::Constant(10.0)));
    assert_eq!(behavior.pull_failures, 2);
}
