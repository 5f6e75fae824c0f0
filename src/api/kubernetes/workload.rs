//! Deployments, ReplicaSets, ReplicationControllers and priority classes.

use super::fields::{Fields, Read};
use super::meta::{self, Scope};
use super::pod::{preemption_policy, template};
use super::selectors::label_selector;
use super::{Context, Part, defaults, known};
use crate::api::workload::IntOrPercent;
use crate::api::yaml::{Content, Scalar, Value};
use crate::api::{
    Deployment, LabelSelector, Object, PodTemplate, PriorityClass, ReplicaSet, ReplicationController,
    RestartPolicy, UpdateStrategy,
};

/// A ReplicaSet.
pub(super) fn replica_set(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &known::REPLICA_SET_SPEC, context)?;
    context.places.note(Part::Replicas, spec.get("replicas"));
    let set = ReplicaSet {
        meta,
        replicas: spec.count("replicas")?.unwrap_or(defaults::REPLICAS),
        min_ready_seconds: spec.count("minReadySeconds")?.unwrap_or(0),
        selector: label_selector(&spec, "selector", context)?.unwrap_or_default(),
        template: template(&spec, context)?,
    };
    check_pods(&spec, &set.selector, &set.template, context)?;
    Ok(Object::ReplicaSet(Box::new(set)))
}

/// A ReplicationController.
pub(super) fn replication_controller(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &known::REPLICATION_CONTROLLER_SPEC, context)?;
    context.places.note(Part::Replicas, spec.get("replicas"));
    let template = template(&spec, context)?;
    let written = spec.get("selector").map(|_| meta::labels(&spec, "selector")).transpose()?;
    let controller = ReplicationController {
        meta,
        replicas: spec.count("replicas")?.unwrap_or(defaults::REPLICAS),
        selector: defaults::controller_selector(written, &template, context.defaulting),
        template,
    };
    if spec.get("selector").is_some() {
        let labels = controller.selector.iter().flatten();
        let match_labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
        let selector = LabelSelector { match_labels, ..LabelSelector::default() };
        check_pods(&spec, &selector, &controller.template, context)?;
    }
    Ok(Object::ReplicationController(Box::new(controller)))
}

/// A Deployment.
pub(super) fn deployment(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &known::DEPLOYMENT_SPEC, context)?;
    context.places.note(Part::Replicas, spec.get("replicas"));
    let deadline = spec.count("progressDeadlineSeconds")?;
    let deployment = Deployment {
        meta,
        replicas: spec.count("replicas")?.unwrap_or(defaults::REPLICAS),
        min_ready_seconds: spec.count("minReadySeconds")?.unwrap_or(0),
        paused: spec.flag("paused")?,
        strategy: strategy(&spec, context)?,
        progress_deadline_seconds: deadline.unwrap_or(defaults::PROGRESS_DEADLINE_SECONDS),
        revision_history_limit: spec.count("revisionHistoryLimit")?.unwrap_or(defaults::REVISION_HISTORY),
        selector: label_selector(&spec, "selector", context)?.unwrap_or_default(),
        template: template(&spec, context)?,
    };
    check_pods(&spec, &deployment.selector, &deployment.template, context)?;
    if context.checks() && deployment.progress_deadline_seconds <= deployment.min_ready_seconds {
        let at = spec.get("progressDeadlineSeconds").or(spec.get("minReadySeconds")).unwrap_or(spec.value);
        return Err(at.error("`progressDeadlineSeconds` must be above `minReadySeconds`"));
    }
    Ok(Object::Deployment(Box::new(deployment)))
}

/// What the API server demands of a selector and the pods it is to find.
pub(super) fn check_pods(
    spec: &Fields<'_>,
    selector: &LabelSelector,
    template: &PodTemplate,
    context: &Context<'_>,
) -> Read<()> {
    if !context.checks() {
        return Ok(());
    }
    let written = spec.require("selector")?;
    if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
        return Err(written.error("`selector` must not be empty"));
    }
    if !selector.matches(&template.labels) {
        let help = "every label of the selector must be in `template.metadata.labels`";
        return Err(written.error("`selector` does not match the labels of the pod template").help(help));
    }
    if template.spec.restart_policy != RestartPolicy::Always {
        return Err(restart_policy(spec)?.error("`restartPolicy` must be `Always` here"));
    }
    Ok(())
}

/// Where the restart policy stands, or should stand.
pub(super) fn restart_policy<'t>(spec: &Fields<'t>) -> Read<Value<'t>> {
    let template = spec.require("template")?;
    let pod = template.get("spec").unwrap_or(template);
    Ok(pod.get("restartPolicy").unwrap_or(pod))
}

fn strategy(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<UpdateStrategy> {
    const TYPES: &[(&str, bool)] = &[("RollingUpdate", true), ("Recreate", false)];
    let Some(written) = spec.child("strategy", &known::STRATEGY, context)? else {
        return Ok(UpdateStrategy::default());
    };
    let limits = written.child("rollingUpdate", &known::ROLLING_UPDATE, context)?;
    if !written.choice("type", TYPES)?.unwrap_or(true) {
        return match limits {
            Some(limits) if context.checks() => {
                Err(limits.value.error("`rollingUpdate` has no place in the strategy `Recreate`"))
            }
            _ => Ok(UpdateStrategy::Recreate),
        };
    }
    let Some(limits) = limits else {
        return Ok(UpdateStrategy::default());
    };
    let limit = |key: &str| {
        limits
            .get(key)
            .map_or(Ok(IntOrPercent::Percent(defaults::ROLLING_PERCENT)), |value| int_or_percent(value, key))
    };
    let (max_surge, max_unavailable) = (limit("maxSurge")?, limit("maxUnavailable")?);
    let is_zero = |limit| matches!(limit, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    if context.checks() {
        if is_zero(max_surge) && is_zero(max_unavailable) {
            return Err(limits.value.error("`maxSurge` and `maxUnavailable` must not both be 0"));
        }
        if matches!(max_unavailable, IntOrPercent::Percent(101..)) {
            return Err(limits.require("maxUnavailable")?.error("`maxUnavailable` must be at most 100%"));
        }
    }
    Ok(UpdateStrategy::RollingUpdate { max_surge, max_unavailable })
}

/// A number of pods, or a percentage such as `25%`.
pub(super) fn int_or_percent(value: Value<'_>, what: &str) -> Read<IntOrPercent> {
    if let Content::Scalar(Scalar::Text(text)) = value.content() {
        let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        return match digits.and_then(|digits| digits.parse().ok()) {
            Some(percent) => Ok(IntOrPercent::Percent(percent)),
            None => Err(value
                .error(format!("`{what}` must be a whole number or a percentage"))
                .help("such as `1` (without quotes) or `25%`")),
        };
    }
    super::fields::integer(value, what, 0, i64::from(i32::MAX)).map(|count| IntOrPercent::Int(count as i32))
}

/// A priority class.
pub(super) fn priority_class(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    /// Classes of users stay below those of the system (Kubernetes 1.36, pkg/apis/scheduling).
    const HIGHEST_USER_PRIORITY: i64 = 1_000_000_000;
    let meta = meta::read(fields, Scope::Cluster, context)?;
    let written = fields.require("value")?;
    let value = fields.integer("value", i64::from(i32::MIN), i64::from(i32::MAX))?.unwrap_or(0);
    if context.checks() && value > HIGHEST_USER_PRIORITY && !meta.name.starts_with("system-") {
        let help = format!("at most {HIGHEST_USER_PRIORITY}");
        return Err(written.error("the priority is above what users may give").help(help));
    }
    Ok(Object::PriorityClass(Box::new(PriorityClass {
        meta,
        value: value as i32,
        global_default: fields.flag("globalDefault")?,
        never_preempts: preemption_policy(fields)?,
    })))
}
