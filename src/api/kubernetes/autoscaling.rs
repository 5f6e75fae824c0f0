//! HorizontalPodAutoscalers, of autoscaling/v2 and autoscaling/v1.
//!
//! Source: Kubernetes 1.36, pkg/apis/autoscaling/{v1,v2}/defaults.go and
//! pkg/apis/autoscaling/validation (reference control-plane §4.1). The defaults hold for every reader.
//! The feature HPAScaleToZero is off in 1.36, so that `minReplicas: 0` is refused.

use super::fields::{Fields, Read, integer, text};
use super::meta::{self, LABEL_RULE, Scope, is_dns_label};
use super::resources::quantity;
use super::selectors::label_selector;
use super::{Context, Part, known_autoscaling as known};
use crate::api::autoscaling::{
    HpaBehavior, MetricName, MetricSpec, MetricTarget, ScaleTarget, ScalingPolicy, ScalingRules, SelectPolicy,
};
use crate::api::yaml::Value;
use crate::api::{HorizontalPodAutoscaler, Object};
use crate::base::Quantity;

/// Utilization of the CPU that is aimed at where no metric is given, in percent.
const DEFAULT_CPU_UTILIZATION: i32 = 80;
/// The longest stabilization window that is allowed, in seconds.
const MAX_STABILIZATION_SECONDS: i64 = 3600;
/// The longest period of a policy that is allowed, in seconds.
const MAX_PERIOD_SECONDS: i64 = 1800;

/// An autoscaler of autoscaling/v2.
pub(super) fn autoscaler(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::SPEC, context)?;
    let (min_replicas, max_replicas) = limits(&spec, context)?;
    let target = reference(&spec, "scaleTargetRef", context)?;
    let metrics: Vec<MetricSpec> =
        spec.list("metrics")?.map(|value| metric(value, context)).collect::<Read<_>>()?;
    let behavior = spec.child("behavior", &known::BEHAVIOR, context)?;
    let behavior = behavior.map(|written| self::behavior(&written, context)).transpose()?;
    let metrics = if metrics.is_empty() { cpu(DEFAULT_CPU_UTILIZATION) } else { metrics };
    let autoscaler = HorizontalPodAutoscaler { meta, target, min_replicas, max_replicas, metrics, behavior };
    Ok(Object::HorizontalPodAutoscaler(Box::new(autoscaler)))
}

/// An autoscaler of autoscaling/v1, which knows the utilization of the CPU alone.
pub(super) fn autoscaler_v1(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let annotations = fields.get("metadata").and_then(|metadata| metadata.get("annotations"));
    for (key, _) in annotations.into_iter().flat_map(Value::entries) {
        if key.raw().starts_with("autoscaling.alpha.kubernetes.io/") {
            let warning = key.warning("this annotation is not read; it has no effect");
            context.warn(warning.help("write an object of `autoscaling/v2`"));
        }
    }
    let spec = Fields::open(fields.require("spec")?, &known::SPEC_V1, context)?;
    let (min_replicas, max_replicas) = limits(&spec, context)?;
    let target = reference(&spec, "scaleTargetRef", context)?;
    let percent = positive(&spec, "targetCPUUtilizationPercentage", context)?;
    let metrics = cpu(percent.unwrap_or(DEFAULT_CPU_UTILIZATION));
    let autoscaler =
        HorizontalPodAutoscaler { meta, target, min_replicas, max_replicas, metrics, behavior: None };
    Ok(Object::HorizontalPodAutoscaler(Box::new(autoscaler)))
}

fn cpu(percent: i32) -> Vec<MetricSpec> {
    vec![MetricSpec::Resource { name: "cpu".into(), target: MetricTarget::Utilization(percent) }]
}

/// The fewest and the most pods.
fn limits(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<(i32, i32)> {
    context.places.note(Part::Replicas, spec.get("minReplicas").or(spec.get("maxReplicas")));
    let most = spec.require("maxReplicas")?;
    let max = integer(most, "maxReplicas", i64::from(context.checks()), i64::from(i32::MAX))? as i32;
    let Some(fewest) = spec.get("minReplicas") else {
        return Ok((1, max));
    };
    let min = integer(fewest, "minReplicas", 0, i64::from(i32::MAX))? as i32;
    if context.checks() && min == 0 {
        let help = "at least 1; scaling to zero is a feature that Kubernetes 1.36 has off";
        return Err(fewest.error("`minReplicas` must not be 0").help(help));
    }
    if context.checks() && max < min {
        return Err(most.error("`maxReplicas` must be at least `minReplicas`"));
    }
    Ok((min, max))
}

/// The whole number at `key`, from 1 on.
fn positive(fields: &Fields<'_>, key: &str, context: &Context<'_>) -> Read<Option<i32>> {
    let least = if context.checks() { 1 } else { i64::from(i32::MIN) };
    Ok(fields.integer(key, least, i64::from(i32::MAX))?.map(|number| number as i32))
}

/// The object that the mapping at `key` names.
fn reference(fields: &Fields<'_>, key: &str, context: &mut Context<'_>) -> Read<ScaleTarget> {
    let written = Fields::open(fields.require(key)?, &known::REFERENCE, context)?;
    let part = |key: &str| -> Read<String> {
        let value = written.require(key)?;
        let name = text(value, key)?;
        check_segment(value, key, name, context)?;
        Ok(name.to_owned())
    };
    let api_version = written.text("apiVersion")?.to_owned();
    Ok(ScaleTarget { api_version, kind: part("kind")?, name: part("name")? })
}

/// Refuses what cannot be a part of a path of the API.
fn check_segment(value: Value<'_>, key: &str, name: &str, context: &Context<'_>) -> Read<()> {
    if context.checks() && (name.is_empty() || [".", ".."].contains(&name) || name.contains(['/', '%'])) {
        let help = "not empty, not `.` or `..`, and without `/` and `%`";
        return Err(value.error(format!("`{key}` is not a legal name")).help(help));
    }
    Ok(())
}

/// The key of a metric's source, by its type.
const SOURCES: &[(&str, &str)] = &[
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

fn metric(value: Value<'_>, context: &mut Context<'_>) -> Read<MetricSpec> {
    let written = Fields::open(value, &known::METRIC, context)?;
    written.require("type")?;
    let Some(key) = written.choice("type", SOURCES)? else {
        return Err(value.error("`type` is missing"));
    };
    if let Some((_, other)) = SOURCES.iter().find(|(_, other)| *other != key && written.get(other).is_some())
        && context.checks()
    {
        let finding = written.require(other)?.error(format!("`{other}` has no place beside this `type`"));
        return Err(finding.help(format!("only `{key}`")));
    }
    let source = Fields::open(written.require(key)?, &known::SOURCE, context)?;
    let spec = match key {
        "resource" => {
            MetricSpec::Resource { name: resource_name(&source)?, target: of_resource(&source, context)? }
        }
        "containerResource" => MetricSpec::ContainerResource {
            name: resource_name(&source)?,
            container: container_name(&source, context)?,
            target: of_resource(&source, context)?,
        },
        "pods" => {
            MetricSpec::Pods { metric: identifier(&source, context)?, target: of_pods(&source, context)? }
        }
        "object" => MetricSpec::Object {
            metric: identifier(&source, context)?,
            described: reference(&source, "describedObject", context)?,
            target: of_object(&source, context)?,
        },
        _ => MetricSpec::External {
            metric: identifier(&source, context)?,
            target: of_external(&source, context)?,
        },
    };
    Ok(spec)
}

fn resource_name(source: &Fields<'_>) -> Read<String> {
    let value = source.require("name")?;
    match text(value, "name")? {
        "" => Err(value.error("`name` must be the name of a resource").help("such as `cpu` or `memory`")),
        name => Ok(name.to_owned()),
    }
}

fn container_name(source: &Fields<'_>, context: &Context<'_>) -> Read<String> {
    let value = source.require("container")?;
    let name = text(value, "container")?;
    if context.checks() && !is_dns_label(name) {
        return Err(value.error("`container` is not a legal container name").help(LABEL_RULE));
    }
    Ok(name.to_owned())
}

fn identifier(source: &Fields<'_>, context: &mut Context<'_>) -> Read<MetricName> {
    let written = Fields::open(source.require("metric")?, &known::IDENTIFIER, context)?;
    let value = written.require("name")?;
    let name = text(value, "name")?.to_owned();
    check_segment(value, "name", &name, context)?;
    Ok(MetricName { name, selector: label_selector(&written, "selector", context)? })
}

/// Everything that a target gives.
struct Targets<'t> {
    place: Value<'t>,
    kind: TargetType,
    utilization: Option<i32>,
    average: Option<Quantity>,
    value: Option<Quantity>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TargetType {
    Utilization,
    AverageValue,
    Value,
}

fn targets<'t>(source: &Fields<'t>, context: &mut Context<'_>) -> Read<Targets<'t>> {
    const TYPES: &[(&str, TargetType)] = &[
        ("Utilization", TargetType::Utilization),
        ("AverageValue", TargetType::AverageValue),
        ("Value", TargetType::Value),
    ];
    let place = source.require("target")?;
    let written = Fields::open(place, &known::TARGET, context)?;
    written.require("type")?;
    Ok(Targets {
        place,
        kind: written.choice("type", TYPES)?.unwrap_or(TargetType::Utilization),
        utilization: positive(&written, "averageUtilization", context)?,
        average: amount(&written, "averageValue", context)?,
        value: amount(&written, "value", context)?,
    })
}

/// A quantity above zero.
fn amount(written: &Fields<'_>, key: &str, context: &Context<'_>) -> Read<Option<Quantity>> {
    let Some(value) = written.get(key) else {
        return Ok(None);
    };
    match quantity(value, key)? {
        Quantity::ZERO if context.checks() => Err(value.error(format!("`{key}` must be above 0"))),
        amount => Ok(Some(amount)),
    }
}

/// Of a resource: either the utilization or the average, whatever the type says.
fn of_resource(source: &Fields<'_>, context: &mut Context<'_>) -> Read<MetricTarget> {
    let targets = targets(source, context)?;
    match (targets.average, targets.utilization) {
        (Some(_), Some(_)) if context.checks() => {
            Err(targets.place.error("`averageUtilization` and `averageValue` exclude each other"))
        }
        (Some(average), _) => Ok(MetricTarget::AverageValue(average)),
        (None, Some(percent)) => Ok(MetricTarget::Utilization(percent)),
        (None, None) => unset(&targets, "give `averageUtilization` or `averageValue`", context),
    }
}

fn of_pods(source: &Fields<'_>, context: &mut Context<'_>) -> Read<MetricTarget> {
    let targets = targets(source, context)?;
    match targets.average {
        Some(average) => Ok(MetricTarget::AverageValue(average)),
        None => unset(&targets, "give `averageValue`", context),
    }
}

/// Of an external metric: either the average or the value, whatever the type says.
fn of_external(source: &Fields<'_>, context: &mut Context<'_>) -> Read<MetricTarget> {
    let targets = targets(source, context)?;
    match (targets.average, targets.value) {
        (Some(_), Some(_)) if context.checks() => {
            Err(targets.place.error("`averageValue` and `value` exclude each other"))
        }
        (Some(average), _) => Ok(MetricTarget::AverageValue(average)),
        (None, Some(value)) => Ok(MetricTarget::Value(value)),
        (None, None) => unset(&targets, "give `value` or `averageValue`", context),
    }
}

/// Of an object: what the type says, which the API server does not demand to be there.
fn of_object(source: &Fields<'_>, context: &mut Context<'_>) -> Read<MetricTarget> {
    let targets = targets(source, context)?;
    match (targets.kind, targets.average, targets.value) {
        (TargetType::Value, _, Some(value)) => Ok(MetricTarget::Value(value)),
        (TargetType::AverageValue, Some(average), _) => Ok(MetricTarget::AverageValue(average)),
        (_, None, None) => unset(&targets, "give `value` or `averageValue`", context),
        _ => {
            let message = "the value that `type` names is not given; this metric can never be read";
            context.warn(targets.place.warning(message));
            Ok(MetricTarget::Unset)
        }
    }
}

fn unset(targets: &Targets<'_>, help: &str, context: &Context<'_>) -> Read<MetricTarget> {
    if context.checks() {
        return Err(targets.place.error("the target has no value for this metric").help(help));
    }
    Ok(MetricTarget::Unset)
}

/// The rules of both directions; what is missing is filled in.
fn behavior(written: &Fields<'_>, context: &mut Context<'_>) -> Read<HpaBehavior> {
    let up = ScalingRules {
        stabilization_seconds: Some(0),
        select: SelectPolicy::Max,
        policies: vec![
            ScalingPolicy { percent: false, value: 4, period_seconds: 15 },
            ScalingPolicy { percent: true, value: 100, period_seconds: 15 },
        ],
        tolerance: None,
    };
    let down = ScalingRules {
        stabilization_seconds: None,
        select: SelectPolicy::Max,
        policies: vec![ScalingPolicy { percent: true, value: 100, period_seconds: 15 }],
        tolerance: None,
    };
    Ok(HpaBehavior {
        scale_up: rules(written, "scaleUp", up, context)?,
        scale_down: rules(written, "scaleDown", down, context)?,
    })
}

/// The rules at `key`, completed from `rules`.
fn rules(
    behavior: &Fields<'_>,
    key: &str,
    mut rules: ScalingRules,
    context: &mut Context<'_>,
) -> Read<ScalingRules> {
    const SELECT: &[(&str, SelectPolicy)] =
        &[("Max", SelectPolicy::Max), ("Min", SelectPolicy::Min), ("Disabled", SelectPolicy::Disabled)];
    let Some(written) = behavior.child(key, &known::RULES, context)? else {
        return Ok(rules);
    };
    if let Some(select) = written.choice("selectPolicy", SELECT)? {
        rules.select = select;
    }
    let longest = if context.checks() { MAX_STABILIZATION_SECONDS } else { i64::from(i32::MAX) };
    if let Some(seconds) = written.integer("stabilizationWindowSeconds", 0, longest)? {
        rules.stabilization_seconds = Some(seconds as i32);
    }
    if let Some(policies) = written.get("policies") {
        rules.policies =
            written.list("policies")?.map(|value| policy(value, context)).collect::<Read<_>>()?;
        if rules.policies.is_empty() && context.checks() {
            return Err(policies.error("`policies` must have at least one policy"));
        }
    }
    rules.tolerance = written.get("tolerance").map(|value| quantity(value, "tolerance")).transpose()?;
    Ok(rules)
}

fn policy(value: Value<'_>, context: &mut Context<'_>) -> Read<ScalingPolicy> {
    const TYPES: &[(&str, bool)] = &[("Pods", false), ("Percent", true)];
    let written = Fields::open(value, &known::POLICY, context)?;
    for key in ["type", "value", "periodSeconds"] {
        written.require(key)?;
    }
    let longest = if context.checks() { MAX_PERIOD_SECONDS } else { i64::from(i32::MAX) };
    Ok(ScalingPolicy {
        percent: written.choice("type", TYPES)?.unwrap_or(false),
        value: written.integer("value", 1, i64::from(i32::MAX))?.unwrap_or(1) as i32,
        period_seconds: written.integer("periodSeconds", 1, longest)?.unwrap_or(1) as i32,
    })
}
