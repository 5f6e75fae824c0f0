//! HorizontalPodAutoscalers.

use super::*;
use crate::api::HorizontalPodAutoscaler;
use crate::api::autoscaling::{MetricSpec, MetricTarget, ScalingPolicy, SelectPolicy};

const TARGET: &str = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}";

fn text(version: &str, spec: &str) -> String {
    format!(
        "apiVersion: autoscaling/{version}\nkind: HorizontalPodAutoscaler\nmetadata: {{name: h}}\nspec:\n  {TARGET}\n{spec}"
    )
}

fn autoscaler(version: &str, spec: &str) -> HorizontalPodAutoscaler {
    match one(&text(version, spec)) {
        Object::HorizontalPodAutoscaler(autoscaler) => *autoscaler,
        other => panic!("{}", other.kind()),
    }
}

#[test]
fn what_is_missing_is_filled_in() {
    let plain = autoscaler("v2", "  maxReplicas: 5\n");
    assert_eq!((plain.min_replicas, plain.max_replicas, plain.behavior.is_none()), (1, 5, true));
    assert_eq!(plain.target.api_version, "apps/v1");
    let cpu = |percent| {
        vec![MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::Utilization(percent) }]
    };
    assert_eq!(plain.metrics, cpu(80));
    assert_eq!(autoscaler("v1", "  maxReplicas: 5\n").metrics, cpu(80));
    let old = autoscaler("v1", "  maxReplicas: 5\n  targetCPUUtilizationPercentage: 55\n");
    assert_eq!(old.metrics, cpu(55));
    let one = "  maxReplicas: 5\n  behavior: {scaleDown: {selectPolicy: Min, tolerance: 0.05}}\n";
    let behavior = autoscaler("v2", one).behavior.unwrap();
    let policy = |percent, value| ScalingPolicy { percent, value, period_seconds: 15 };
    assert_eq!(behavior.scale_up.policies, [policy(false, 4), policy(true, 100)]);
    assert_eq!(behavior.scale_up.stabilization_seconds, Some(0));
    assert_eq!(behavior.scale_down.policies, [policy(true, 100)]);
    assert_eq!(behavior.scale_down.stabilization_seconds, None);
    assert_eq!(behavior.scale_down.select, SelectPolicy::Min);
    assert_eq!(behavior.scale_down.tolerance, Some(Quantity::from_milli(50)));
}

#[test]
fn every_type_of_metric_is_read() {
    let metrics = [
        "{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 500Mi}}}",
        "{type: ContainerResource, containerResource: {name: cpu, container: c, target: {type: Utilization, averageUtilization: 60}}}",
        "{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: 1k}}}",
        "{type: Object, object: {metric: {name: rps}, describedObject: {kind: Ingress, name: i}, target: {type: Value, value: 1k}}}",
        "{type: External, external: {metric: {name: q, selector: {matchLabels: {a: b}}}, target: {type: Value, averageValue: 30}}}",
    ];
    let spec = format!("  maxReplicas: 5\n  metrics:\n  - {}\n", metrics.join("\n  - "));
    let read: Vec<(&str, MetricTarget)> =
        autoscaler("v2", &spec).metrics.iter().map(|metric| (metric.kind(), metric.target())).collect();
    assert_eq!(
        read,
        [
            ("Resource", MetricTarget::AverageValue(Quantity::from_units(500 << 20))),
            ("ContainerResource", MetricTarget::Utilization(60)),
            ("Pods", MetricTarget::AverageValue(Quantity::from_units(1000))),
            ("Object", MetricTarget::Value(Quantity::from_units(1000))),
            ("External", MetricTarget::AverageValue(Quantity::from_units(30))),
        ]
    );
}

#[test]
fn autoscalers_that_are_refused() {
    let metric = |metric: &str| format!("  maxReplicas: 5\n  metrics: [{metric}]\n");
    let resource =
        |target: &str| metric(&format!("{{type: Resource, resource: {{name: cpu, target: {{{target}}}}}}}"));
    let behavior = |rules: &str| format!("  maxReplicas: 5\n  behavior: {{scaleUp: {{{rules}}}}}\n");
    let cases = [
        String::new(),
        "  maxReplicas: 0\n".into(),
        "  maxReplicas: 1e30\n".into(),
        "  minReplicas: 0\n  maxReplicas: 5\n".into(),
        "  minReplicas: 6\n  maxReplicas: 5\n".into(),
        metric("{type: Cpu}"),
        metric("{type: Resource}"),
        metric("{resource: {name: cpu}}"),
        metric("{type: Resource, pods: {}, resource: {name: cpu}}"),
        metric("{type: Pods, pods: {metric: {name: a/b}, target: {type: AverageValue, averageValue: 1}}}"),
        metric("{type: Pods, pods: {metric: {name: rps}, target: {type: Value, value: 1}}}"),
        metric("{type: ContainerResource, containerResource: {name: cpu, container: C, target: {}}}"),
        metric("{type: Object, object: {metric: {name: rps}, describedObject: {kind: Ingress}, target: {}}}"),
        metric(
            "{type: External, external: {metric: {name: q}, target: {type: Value, value: 1, averageValue: 1}}}",
        ),
        resource("type: Utilization"),
        resource("averageUtilization: 50"),
        resource("type: Utilization, averageUtilization: 0"),
        resource("type: Utilization, averageUtilization: 5, averageValue: 5"),
        resource("type: AverageValue, averageValue: 0"),
        resource("type: AverageValue, averageValue: -1"),
        behavior("policies: []"),
        behavior("selectPolicy: Most"),
        behavior("stabilizationWindowSeconds: 3601"),
        behavior("tolerance: -0.1"),
        behavior("policies: [{type: Pods, value: 1}]"),
        behavior("policies: [{type: Pods, value: 0, periodSeconds: 15}]"),
        behavior("policies: [{type: Percent, value: 10, periodSeconds: 1801}]"),
    ];
    let answers = cases.map(|spec| summary(&text("v2", &spec))).join("\n");
    expect![[r#"
        x.yaml:5:3: error: `maxReplicas` is missing: `scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}`
        x.yaml:6:16: error: `maxReplicas` must be from 1 to 2147483647: `0`
        x.yaml:6:16: error: `maxReplicas` must be from 1 to 2147483647: `1e30`
        x.yaml:6:16: error: `minReplicas` must not be 0: `0` (at least 1; scaling to zero is a feature that Kubernetes 1.36 has off)
        x.yaml:7:16: error: `maxReplicas` must be at least `minReplicas`: `5`
        x.yaml:7:20: error: `type` has an unknown value: `Cpu` (one of ContainerResource, External, Object, Pods, Resource)
        x.yaml:7:13: error: `resource` is missing: `{type: Resource}`
        x.yaml:7:13: error: `type` is missing: `{resource: {name: cpu}}`
        x.yaml:7:36: error: `pods` has no place beside this `type`: `{}` (only `resource`)
        x.yaml:7:48: error: `name` is not a legal name: `a/b` (not empty, not `.` or `..`, and without `/` and `%`)
        x.yaml:7:62: error: the target has no value for this metric: `{type: Value, value: 1}` (give `averageValue`)
        x.yaml:7:81: error: `container` is not a legal container name: `C` (lower-case letters, digits and `-`, a letter or digit at both ends, at most 63)
        x.yaml:7:75: error: `name` is missing: `{kind: Ingress}`
        x.yaml:7:68: error: `averageValue` and `value` exclude each other: `{type: Value, value: 1, averageValue: 1}`
        x.yaml:7:60: error: the target has no value for this metric: `{type: Utilization}` (give `averageUtilization` or `averageValue`)
        x.yaml:7:60: error: `type` is missing: `{averageUtilization: 50}`
        x.yaml:7:100: error: `averageUtilization` must be from 1 to 2147483647: `0`
        x.yaml:7:60: error: `averageUtilization` and `averageValue` exclude each other: `{type: Utilization, averageUtilization: 5, averageValue: 5}`
        x.yaml:7:95: error: `averageValue` must be above 0: `0`
        x.yaml:7:95: error: the amount of `averageValue` must not be negative: `-1`
        x.yaml:7:34: error: `policies` must have at least one policy: `[]`
        x.yaml:7:38: error: `selectPolicy` has an unknown value: `Most` (one of Max, Min, Disabled)
        x.yaml:7:52: error: `stabilizationWindowSeconds` must be from 0 to 3600: `3601`
        x.yaml:7:35: error: the amount of `tolerance` must not be negative: `-0.1`
        x.yaml:7:35: error: `periodSeconds` is missing: `{type: Pods, value: 1}`
        x.yaml:7:55: error: `value` must be from 1 to 2147483647: `0`
        x.yaml:7:77: error: `periodSeconds` must be from 1 to 1800: `1801`"#]].assert_eq(&answers);
}

#[test]
fn what_has_no_effect_is_said() {
    let object = "  maxReplicas: 5\n  metrics: [{type: Object, object: {metric: {name: rps}, describedObject: {kind: Ingress, name: i}, target: {type: Value, averageValue: 1}}}]\n";
    let old = text("v1", "  maxReplicas: 5\n  metrics: []\n")
        .replace("{name: h}", "{name: h, annotations: {autoscaling.alpha.kubernetes.io/metrics: \"[]\"}}");
    let newer = text("v2beta2", "  maxReplicas: 5\n");
    let misspelt = text("v2", "  maxReplicas: 5\n  minReplica: 2\n");
    let answers = [text("v2", object), old, newer, misspelt].map(|text| summary(&text)).join("\n");
    expect![[r#"
        x.yaml:1:1 HorizontalPodAutoscaler h
        x.yaml:7:109: warning: the value that `type` names is not given; this metric can never be read: `{type: Value, averageValue: 1}`
        x.yaml:1:1 HorizontalPodAutoscaler h
        x.yaml:3:35: warning: this annotation is not read; it has no effect: `autoscaling.alpha.kubernetes.io/metrics` (write an object of `autoscaling/v2`)
        ignored 1 autoscaling/v2beta2/HorizontalPodAutoscaler
        x.yaml:1:13: warning: this HorizontalPodAutoscaler is not read: its version is not served: `autoscaling/v2beta2` (write `apiVersion: autoscaling/v2`)
        x.yaml:1:1 HorizontalPodAutoscaler h
        x.yaml:7:3: warning: unknown key in the HorizontalPodAutoscaler; it has no effect: `minReplica` (did you mean `minReplicas`?)"#]].assert_eq(&answers);
}
