//! Namespaces, services and disruption budgets.

use super::fields::{Fields, Read, expect_mapping, refuse_doubles};
use super::meta::{self, LABEL_RULE, Scope, is_dns_label, labels};
use super::selectors::label_selector;
use super::workload::int_or_percent;
use super::{Context, defaults, known};
use crate::api::workload::IntOrPercent;
use crate::api::yaml::Value;
use crate::api::{Namespace, Object, PodDisruptionBudget, Service};

/// A namespace.
pub(super) fn namespace(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let mut meta = meta::read(fields, Scope::Cluster, context)?;
    if context.checks() && !is_dns_label(&meta.name) {
        let at = fields.require("metadata")?;
        let at = at.get("name").unwrap_or(at);
        return Err(at.error("`name` is not a legal name of a namespace").help(LABEL_RULE));
    }
    defaults::namespace_label(&mut meta, context.defaulting);
    Ok(Object::Namespace(Box::new(Namespace { meta })))
}

/// A service.
pub(super) fn service(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::SERVICE_SPEC, context)?;
    let written = spec.get("selector").is_some();
    let selector = written.then(|| labels(&spec, "selector")).transpose()?;
    // What is empty is not stored by the API server.
    let selector = selector.filter(|selector| !selector.is_empty() || !context.checks());
    let publish_not_ready = spec.flag("publishNotReadyAddresses")?;
    Ok(Object::Service(Box::new(Service { meta, selector, publish_not_ready })))
}

/// A pod disruption budget.
pub(super) fn budget(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    const POLICIES: &[(&str, bool)] = &[("IfHealthyBudget", false), ("AlwaysAllow", true)];
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::BUDGET_SPEC, context)?;
    let mut budget = PodDisruptionBudget {
        meta,
        selector: label_selector(&spec, "selector", context)?,
        min_available: limit(&spec, "minAvailable", context)?,
        max_unavailable: limit(&spec, "maxUnavailable", context)?,
        always_allow_unhealthy: spec.choice("unhealthyPodEvictionPolicy", POLICIES)?.unwrap_or(false),
        ..PodDisruptionBudget::default()
    };
    if budget.min_available.is_some() && budget.max_unavailable.is_some() && context.checks() {
        let at = spec.require("maxUnavailable")?;
        return Err(at.error("`minAvailable` and `maxUnavailable` exclude each other"));
    }
    if let Some(status) = fields.child("status", &known::BUDGET_STATUS, context)? {
        budget.disruptions_allowed = status.count("disruptionsAllowed")?.unwrap_or(0);
        if let Some(pods) = status.get("disruptedPods") {
            expect_mapping(pods, "disruptedPods")?;
            refuse_doubles(pods)?;
            budget.disrupted_pods = pods.entries().map(|(name, _)| name.raw().to_owned()).collect();
            budget.disrupted_pods.sort_unstable();
        }
    }
    Ok(Object::PodDisruptionBudget(Box::new(budget)))
}

fn limit(spec: &Fields<'_>, key: &str, context: &Context<'_>) -> Read<Option<IntOrPercent>> {
    let read = |value: Value<'_>| match int_or_percent(value, key)? {
        IntOrPercent::Percent(101..) if context.checks() => {
            Err(value.error(format!("`{key}` must be at most 100%")))
        }
        limit => Ok(limit),
    };
    spec.get(key).map(read).transpose()
}
