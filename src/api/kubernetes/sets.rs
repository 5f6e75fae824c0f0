//! StatefulSets and DaemonSets.
//!
//! Source of the defaults and checks: Kubernetes 1.36, pkg/apis/apps/v1/defaults.go and
//! pkg/apis/apps/validation. What the controllers do with them is not known here.

use super::fields::{Fields, Read};
use super::meta::{self, Scope};
use super::pod::template;
use super::selectors::label_selector;
use super::workload::{check_pods, int_or_percent};
use super::{Context, Part, defaults, known};
use crate::api::workload::{DaemonSetUpdate, IntOrPercent, PodManagement, StatefulSetUpdate};
use crate::api::{DaemonSet, LabelSelector, Object, StatefulSet};

/// Whether pods of an old template are replaced without being asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replacing {
    Rolling,
    OnDelete,
}

const UPDATES: &[(&str, Replacing)] =
    &[("RollingUpdate", Replacing::Rolling), ("OnDelete", Replacing::OnDelete)];

/// A StatefulSet.
pub(super) fn stateful_set(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    const ORDERS: &[(&str, PodManagement)] =
        &[("OrderedReady", PodManagement::OrderedReady), ("Parallel", PodManagement::Parallel)];
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &known::STATEFUL_SET_SPEC, context)?;
    context.places.note(Part::Replicas, spec.get("replicas"));
    let ordinals = spec.child("ordinals", &known::ORDINALS, context)?;
    // The API server takes a negative limit here, and then keeps everything.
    let kept = spec.integer("revisionHistoryLimit", i64::from(i32::MIN), i64::from(i32::MAX))?;
    let set = StatefulSet {
        meta,
        replicas: spec.count("replicas")?.unwrap_or(defaults::REPLICAS),
        selector: label_selector(&spec, "selector", context)?,
        template: template(&spec, context)?,
        pod_management: spec.choice("podManagementPolicy", ORDERS)?.unwrap_or_default(),
        update: stateful_update(&spec, context)?,
        min_ready_seconds: spec.count("minReadySeconds")?.unwrap_or(0),
        start_ordinal: ordinals.map(|ordinals| ordinals.count("start")).transpose()?.flatten().unwrap_or(0),
        claim_templates: u32::try_from(spec.list("volumeClaimTemplates")?.count()).unwrap_or(u32::MAX),
        revision_history_limit: kept.map_or(defaults::REVISION_HISTORY, |kept| kept as i32),
    };
    claim_retention(&spec, context)?;
    check_pods(&spec, set.selector.as_ref().unwrap_or(&LabelSelector::default()), &set.template, context)?;
    Ok(Object::StatefulSet(Box::new(set)))
}

fn stateful_update(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<StatefulSetUpdate> {
    let Some(written) = spec.child("updateStrategy", &known::STRATEGY, context)? else {
        return Ok(StatefulSetUpdate::default());
    };
    let limits = written.child("rollingUpdate", &known::STATEFUL_SET_UPDATE, context)?;
    if written.choice("type", UPDATES)? == Some(Replacing::OnDelete) {
        return match limits {
            Some(limits) if context.checks() => {
                Err(limits.value.error("`rollingUpdate` has no place in the strategy `OnDelete`"))
            }
            _ => Ok(StatefulSetUpdate::OnDelete),
        };
    }
    let Some(limits) = limits else { return Ok(StatefulSetUpdate::default()) };
    let partition = limits.count("partition")?.unwrap_or(0);
    let max_unavailable = limit(&limits, "maxUnavailable", context)?;
    if max_unavailable.is_some_and(is_zero) && context.checks() {
        return Err(limits.require("maxUnavailable")?.error("`maxUnavailable` must not be 0"));
    }
    Ok(StatefulSetUpdate::RollingUpdate { partition, max_unavailable })
}

/// What becomes of claims decides nothing about pods; it is only checked.
fn claim_retention(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<()> {
    const POLICIES: &[(&str, ())] = &[("Retain", ()), ("Delete", ())];
    let written = spec.child("persistentVolumeClaimRetentionPolicy", &known::CLAIM_RETENTION, context)?;
    let Some(written) = written else { return Ok(()) };
    written.choice("whenDeleted", POLICIES)?;
    written.choice("whenScaled", POLICIES)?;
    Ok(())
}

/// A DaemonSet.
pub(super) fn daemon_set(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    meta::warn_of_behavior(fields, context);
    let spec = Fields::open(fields.require("spec")?, &known::DAEMON_SET_SPEC, context)?;
    spec.count("revisionHistoryLimit")?;
    let set = DaemonSet {
        meta,
        selector: label_selector(&spec, "selector", context)?.unwrap_or_default(),
        template: template(&spec, context)?,
        update: daemon_update(&spec, context)?,
        min_ready_seconds: spec.count("minReadySeconds")?.unwrap_or(0),
    };
    check_pods(&spec, &set.selector, &set.template, context)?;
    Ok(Object::DaemonSet(Box::new(set)))
}

fn daemon_update(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<DaemonSetUpdate> {
    let Some(written) = spec.child("updateStrategy", &known::STRATEGY, context)? else {
        return Ok(DaemonSetUpdate::default());
    };
    let limits = written.child("rollingUpdate", &known::ROLLING_UPDATE, context)?;
    if written.choice("type", UPDATES)? == Some(Replacing::OnDelete) {
        return Ok(DaemonSetUpdate::OnDelete);
    }
    let Some(limits) = limits else { return Ok(DaemonSetUpdate::default()) };
    let max_surge = limit(&limits, "maxSurge", context)?.unwrap_or(defaults::DAEMON_SURGE);
    let written_unavailable = limit(&limits, "maxUnavailable", context)?;
    let max_unavailable = written_unavailable.unwrap_or(defaults::DAEMON_UNAVAILABLE);
    if context.checks() {
        match (is_zero(max_surge), is_zero(max_unavailable)) {
            (true, true) => {
                return Err(limits.value.error("`maxSurge` and `maxUnavailable` must not both be 0"));
            }
            (false, false) => {
                let finding =
                    limits.require("maxSurge")?.error("`maxSurge` needs a `maxUnavailable` of 0 beside it");
                let default = "the default of `maxUnavailable` is 1; write `maxUnavailable: 0`";
                return Err(if written_unavailable.is_none() { finding.help(default) } else { finding });
            }
            _ => {}
        }
    }
    Ok(DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable })
}

/// The limit of a rolling update at `key`; a percentage above 100 is refused.
fn limit(limits: &Fields<'_>, key: &str, context: &Context<'_>) -> Read<Option<IntOrPercent>> {
    let Some(value) = limits.get(key) else { return Ok(None) };
    let limit = int_or_percent(value, key)?;
    if context.checks() && matches!(limit, IntOrPercent::Percent(101..)) {
        return Err(value.error(format!("`{key}` must be at most 100%")));
    }
    Ok(Some(limit))
}

fn is_zero(limit: IntOrPercent) -> bool {
    matches!(limit, IntOrPercent::Int(0) | IntOrPercent::Percent(0))
}
