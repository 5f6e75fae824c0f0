//! What a dump says of the state of a pod.

use super::fields::{Fields, Read, text};
use super::resources::{Place, list};
use super::{Context, known, meta};
use crate::api::yaml::Value;
use crate::api::{Pod, PodPhase, PodSpec, PodStatusResources, ResourceList};
use std::sync::Arc;

/// Reads the status of the pod `fields`, whose specification has been read, into `pod`.
pub(super) fn read(fields: &Fields<'_>, pod: &mut Pod, context: &mut Context<'_>) -> Read<()> {
    const PHASES: &[(&str, PodPhase)] = &[
        ("Pending", PodPhase::Pending),
        ("Running", PodPhase::Running),
        ("Succeeded", PodPhase::Succeeded),
        ("Failed", PodPhase::Failed),
        ("Unknown", PodPhase::Running),
    ];
    let Some(status) = fields.child("status", &known::POD_STATUS, context)? else {
        return Ok(());
    };
    if let Some(value) = status.get("phase").filter(|value| value.raw() == "Unknown") {
        context.warn(value.warning("the phase `Unknown` is read as `Running`"));
    }
    pod.phase = status.choice("phase", PHASES)?.unwrap_or_default();
    status.text("nominatedNodeName")?.clone_into(&mut pod.nominated_node_name);
    pod.ready = condition(&status, "Ready")?.unwrap_or(false);
    pod.preempted_condition = condition(&status, "DisruptionTarget")?.unwrap_or(false)
        && reason(&status, "DisruptionTarget")? == "PreemptionByScheduler";
    pod.start_unix_nanos = meta::unix_nanos(&status, "startTime")?;
    let given = resources(&status, context)?;
    pod.status_resources = matters(&given, &pod.template.spec).then(|| Arc::new(given));
    Ok(())
}

/// Whether the first condition of that type is true; `None` where it is not given.
pub(super) fn condition(status: &Fields<'_>, kind: &str) -> Read<Option<bool>> {
    let Some(condition) = first_condition(status, kind)? else {
        return Ok(None);
    };
    let state = condition.get("status").map_or(Ok(""), |state| text(state, "status"))?;
    Ok(Some(state == "True"))
}

/// The reason of the first condition of that type; empty where it is not given.
fn reason<'t>(status: &Fields<'t>, kind: &str) -> Read<&'t str> {
    let reason = first_condition(status, kind)?.and_then(|condition| condition.get("reason"));
    reason.map_or(Ok(""), |reason| text(reason, "reason"))
}

fn first_condition<'t>(status: &Fields<'t>, kind: &str) -> Read<Option<Value<'t>>> {
    let mut conditions = status.list("conditions")?;
    Ok(conditions.find(|condition| condition.get("type").is_some_and(|found| found.raw() == kind)))
}

/// What the containers and the pod have been given.
fn resources(status: &Fields<'_>, context: &mut Context<'_>) -> Read<PodStatusResources> {
    let mut given = PodStatusResources {
        pod: given_to(status, context)?,
        is_infeasible: reason(status, "PodResizePending")? == "Infeasible",
        ..PodStatusResources::default()
    };
    for value in status.list("containerStatuses")?.chain(status.list("initContainerStatuses")?) {
        let written = Fields::open(value, &known::CONTAINER_STATUS, context)?;
        if let Some(amounts) = given_to(&written, context)? {
            given.containers.insert(written.text("name")?.to_owned(), amounts);
        }
    }
    Ok(given)
}

/// The larger of `resources.requests` and `allocatedResources`; `None` without `resources`.
fn given_to(status: &Fields<'_>, context: &mut Context<'_>) -> Read<Option<ResourceList>> {
    let allocated = list(status, "allocatedResources", Place::Node)?;
    let Some(resources) = status.child("resources", &known::RESOURCES, context)? else {
        return Ok(None);
    };
    let mut amounts = list(&resources, "requests", Place::Node)?;
    for (name, amount) in allocated {
        let given = amounts.entry(name).or_insert(amount);
        *given = amount.max(*given);
    }
    Ok(Some(amounts))
}

/// Whether what has been given can make a difference to what the specification asks for. In an
/// ordinary dump it repeats the specification for every pod, which is not worth keeping.
fn matters(given: &PodStatusResources, spec: &PodSpec) -> bool {
    let differs = |given_to: &ResourceList, asked: &ResourceList| {
        let more = |(name, amount): (&String, _)| asked.get(name).is_none_or(|asked| amount > asked);
        if given.is_infeasible { given_to != asked } else { given_to.iter().any(more) }
    };
    let mut containers = spec.init_containers.iter().chain(&spec.containers);
    let of_pod = spec.resources.as_ref().zip(given.pod.as_ref());
    of_pod.is_some_and(|(asked, given_to)| differs(given_to, &asked.requests))
        || containers.any(|container| {
            let given_to = given.containers.get(&container.name);
            given_to.is_some_and(|given_to| differs(given_to, &container.resources.requests))
        })
}
