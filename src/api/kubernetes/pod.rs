//! Pods, pod templates and containers.

use super::affinity::{affinity, spread, toleration};
use super::container::{RESTART_POLICIES, containers};
use super::fields::{Fields, Read};
use super::meta::{self, LABEL_RULE, Scope, is_dns_label};
use super::resources::{Place, list, resources};
use super::volume::{resource_claims, volumes};
use super::{Context, Part, behavior, defaults, known, status};
use crate::api::{Labels, Object, ObjectMeta, Pod, PodSpec, PodTemplate};
use crate::base::Set;
use std::sync::Arc;

/// A pod.
pub(super) fn read(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let mut meta = meta::read(fields, Scope::Namespaced, context)?;
    let ObjectMeta { labels, annotations, .. } = &mut meta;
    let template = PodTemplate {
        labels: std::mem::take(labels),
        annotations: std::mem::take(annotations),
        ..PodTemplate::default()
    };
    let template = finish_template(fields, template, context)?;
    let mut pod = Pod { meta, template, ..Pod::default() };
    status::read(fields, &mut pod, context)?;
    Ok(Object::Pod(Box::new(pod)))
}

/// The pod template of a workload. Workloads that stand only for the selection of pods need none.
pub(super) fn template(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<Arc<PodTemplate>> {
    if !context.checks() && spec.get("template").is_none() {
        return Ok(Arc::default());
    }
    let written = Fields::open(spec.require("template")?, &known::TEMPLATE, context)?;
    let mut template = PodTemplate::default();
    if let Some(metadata) = written.child("metadata", &known::METADATA, context)? {
        template.labels = meta::labels(&metadata, "labels")?;
        template.annotations = meta::annotations(&metadata)?;
    }
    finish_template(&written, template, context)
}

/// Adds specification and behaviour to labels and annotations, and shares equal templates.
fn finish_template(
    fields: &Fields<'_>,
    mut template: PodTemplate,
    context: &mut Context<'_>,
) -> Read<Arc<PodTemplate>> {
    template.spec = pod_spec(
        &Fields::open(fields.require("spec")?, &known::POD_SPEC, context)?,
        &template.labels,
        context,
    )?;
    template.behavior = behavior::read(fields)?;
    Ok(context.into.templates.share(template))
}

fn pod_spec(spec: &Fields<'_>, labels: &Labels, context: &mut Context<'_>) -> Read<PodSpec> {
    for (part, key) in [
        (Part::PriorityClass, "priorityClassName"),
        (Part::NodeSelector, "nodeSelector"),
        (Part::Affinity, "affinity"),
        (Part::NodeName, "nodeName"),
    ] {
        context.places.note(part, spec.get(key));
    }
    let host_network = spec.flag("hostNetwork")?;
    let mut pod = PodSpec {
        scheduler_name: spec.text("schedulerName")?.to_owned(),
        node_name: spec.text("nodeName")?.to_owned(),
        priority_class_name: spec.text("priorityClassName")?.to_owned(),
        priority: spec
            .integer("priority", i64::from(i32::MIN), i64::from(i32::MAX))?
            .map(|value| value as i32),
        never_preempts: preemption_policy(spec)?,
        node_selector: meta::labels(spec, "nodeSelector")?.into_iter().collect(),
        affinity: affinity(spec, labels, context)?,
        tolerations: spec
            .list("tolerations")?
            .map(|value| toleration(value, context))
            .collect::<Read<_>>()?,
        topology_spread: spec
            .list("topologySpreadConstraints")?
            .map(|value| spread(value, context))
            .collect::<Read<_>>()?,
        scheduling_gates: spec
            .list("schedulingGates")?
            .map(|value| Ok(Fields::open(value, &known::GATE, context)?.text("name")?.to_owned()))
            .collect::<Read<_>>()?,
        readiness_gates: spec
            .list("readinessGates")?
            .map(|value| {
                Ok(Fields::open(value, &known::READINESS_GATE, context)?.text("conditionType")?.to_owned())
            })
            .collect::<Read<_>>()?,
        init_containers: containers(spec, "initContainers", host_network, context)?,
        containers: containers(spec, "containers", host_network, context)?,
        overhead: list(spec, "overhead", Place::Container.checked(context))?,
        resources: resources(spec, Place::Pod, context)?,
        restart_policy: spec.choice("restartPolicy", RESTART_POLICIES)?.unwrap_or_default(),
        termination_grace_seconds: spec.integer("terminationGracePeriodSeconds", 0, i64::MAX)?,
        active_deadline_seconds: spec.integer("activeDeadlineSeconds", 1, i64::from(i32::MAX))?,
        host_network,
        own_users: spec.get("hostUsers").is_some() && !spec.flag("hostUsers")?,
        volumes: volumes(spec, context)?,
        resource_claims: resource_claims(spec, context)?,
    };
    if context.checks() {
        check_containers(spec, &pod)?;
    }
    defaults::pod_spec(&mut pod, context.defaulting);
    Ok(pod)
}

/// Whether pods of this priority leave others alone.
pub(super) fn preemption_policy(fields: &Fields<'_>) -> Read<bool> {
    const POLICIES: &[(&str, bool)] = &[("Never", true), ("PreemptLowerPriority", false)];
    Ok(fields.choice("preemptionPolicy", POLICIES)?.unwrap_or(false))
}

fn check_containers(spec: &Fields<'_>, pod: &PodSpec) -> Read<()> {
    if pod.containers.is_empty() {
        let at = spec.get("containers").unwrap_or(spec.value);
        return Err(at.error("`containers` must have at least one container"));
    }
    let mut names = Set::default();
    for value in spec.list("initContainers")?.chain(spec.list("containers")?) {
        let name = Fields { value }.require("name")?;
        if !is_dns_label(name.raw()) {
            return Err(name.error("`name` is not a legal container name").help(LABEL_RULE));
        }
        if !names.insert(name.raw()) {
            return Err(name.error("two containers have the same name"));
        }
    }
    Ok(())
}
