//! Pods, pod templates and containers.

use super::affinity::{affinity, spread, toleration};
use super::fields::{Fields, Read};
use super::meta::{self, LABEL_RULE, Scope, is_dns_label};
use super::resources::{Place, list, resources};
use super::volume::{resource_claims, volumes};
use super::{Context, Part, behavior, defaults, known, status};
use crate::api::yaml::Value;
use crate::api::{Container, HostPort, Labels, Object, ObjectMeta, Pod, PodSpec, PodTemplate, RestartPolicy};
use crate::base::Set;
use std::sync::Arc;

const RESTART_POLICIES: &[(&str, RestartPolicy)] = &[
    ("Always", RestartPolicy::Always),
    ("OnFailure", RestartPolicy::OnFailure),
    ("Never", RestartPolicy::Never),
];

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

fn containers(
    spec: &Fields<'_>,
    key: &str,
    host_network: bool,
    context: &mut Context<'_>,
) -> Read<Vec<Container>> {
    spec.list(key)?.map(|value| container(value, host_network, context)).collect()
}

fn container(value: Value<'_>, host_network: bool, context: &mut Context<'_>) -> Read<Container> {
    let written = Fields::open(value, &known::CONTAINER, context)?;
    let mut container = Container {
        name: written.text("name")?.to_owned(),
        image: written.text("image")?.to_owned(),
        resources: resources(&written, Place::Container, context)?.unwrap_or_default(),
        host_ports: Vec::new(),
        restart_policy: written.choice("restartPolicy", RESTART_POLICIES)?,
        restarts_all: restarts_all(&written, context)?,
    };
    for port in written.list("ports")? {
        container.host_ports.extend(host_port(port, host_network, context)?);
    }
    Ok(container)
}

/// Whether one of the container's restart rules restarts the whole pod.
fn restarts_all(container: &Fields<'_>, context: &mut Context<'_>) -> Read<bool> {
    const ACTIONS: &[(&str, bool)] = &[("Restart", false), ("RestartAllContainers", true)];
    let mut any = false;
    for value in container.list("restartPolicyRules")? {
        any |=
            Fields::open(value, &known::RESTART_RULE, context)?.choice("action", ACTIONS)?.unwrap_or(false);
    }
    Ok(any)
}

fn host_port(value: Value<'_>, host_network: bool, context: &mut Context<'_>) -> Read<Option<HostPort>> {
    const PROTOCOLS: &[(&str, &str)] = &[("TCP", "TCP"), ("UDP", "UDP"), ("SCTP", "SCTP")];
    let written = Fields::open(value, &known::PORT, context)?;
    let container_port = written.integer("containerPort", 1, 65_535)?;
    if container_port.is_none() && context.checks() {
        return Err(value.error("`containerPort` is missing"));
    }
    // Zero stands for none, as in a dump of Go's structures.
    let written_port = written.integer("hostPort", 0, 65_535)?.filter(|port| *port > 0);
    let protocol = written.choice("protocol", PROTOCOLS)?.unwrap_or("TCP");
    let ip = written.text("hostIP")?.to_owned();
    let port = defaults::host_port(written_port, container_port, host_network, context.defaulting);
    Ok(port.map(|port| HostPort { ip, protocol: protocol.to_owned(), port: port as u16 }))
}
