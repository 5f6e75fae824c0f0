//! The keys that Kubernetes knows in HorizontalPodAutoscalers.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/api/autoscaling/{v1,v2}/types.go.

use super::fields::Shape;

pub(super) const SPEC: Shape = Shape {
    name: "the HorizontalPodAutoscaler",
    known: &["behavior", "maxReplicas", "metrics", "minReplicas", "scaleTargetRef"],
};

pub(super) const SPEC_V1: Shape = Shape {
    name: "the HorizontalPodAutoscaler",
    known: &["maxReplicas", "minReplicas", "scaleTargetRef", "targetCPUUtilizationPercentage"],
};

pub(super) const REFERENCE: Shape =
    Shape { name: "the reference to an object", known: &["apiVersion", "kind", "name"] };

pub(super) const METRIC: Shape = Shape {
    name: "the metric",
    known: &["containerResource", "external", "object", "pods", "resource", "type"],
};

pub(super) const SOURCE: Shape = Shape {
    name: "the source of the metric",
    known: &["container", "describedObject", "metric", "name", "target"],
};

pub(super) const IDENTIFIER: Shape = Shape { name: "the name of the metric", known: &["name", "selector"] };

pub(super) const TARGET: Shape = Shape {
    name: "the target of the metric",
    known: &["averageUtilization", "averageValue", "type", "value"],
};

pub(super) const BEHAVIOR: Shape = Shape { name: "the behavior", known: &["scaleDown", "scaleUp"] };

pub(super) const RULES: Shape = Shape {
    name: "the scaling rules",
    known: &["policies", "selectPolicy", "stabilizationWindowSeconds", "tolerance"],
};

pub(super) const POLICY: Shape =
    Shape { name: "the scaling policy", known: &["periodSeconds", "type", "value"] };
