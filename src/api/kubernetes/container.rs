//! Containers.

use super::fields::{Fields, Read};
use super::resources::{Place, resources};
use super::{Context, defaults, known};
use crate::api::container::{ImagePullPolicy, PreStop, Probe, Probes, RestartAction, RestartRule};
use crate::api::yaml::Value;
use crate::api::{Container, HostPort, RestartPolicy};

/// The restart policies by name.
pub(super) const RESTART_POLICIES: &[(&str, RestartPolicy)] = &[
    ("Always", RestartPolicy::Always),
    ("OnFailure", RestartPolicy::OnFailure),
    ("Never", RestartPolicy::Never),
];
/// The most restart rules of a container, and exit codes of a rule (pkg/apis/core/validation).
const MAX_RULES: usize = 20;
const MAX_CODES: usize = 255;
/// Ways to ask; a probe has exactly one of them.
const PROBE_HANDLERS: &[&str] = &["exec", "grpc", "httpGet", "tcpSocket"];
/// What a hook can do; it has exactly one of them.
const HOOK_HANDLERS: &[&str] = &["exec", "httpGet", "sleep", "tcpSocket"];

/// The containers at `key`.
pub(super) fn containers(
    spec: &Fields<'_>,
    key: &str,
    host_network: bool,
    context: &mut Context<'_>,
) -> Read<Vec<Container>> {
    let is_init = key == "initContainers";
    spec.list(key)?.map(|value| container(value, is_init, host_network, context)).collect()
}

fn container(
    value: Value<'_>,
    is_init: bool,
    host_network: bool,
    context: &mut Context<'_>,
) -> Read<Container> {
    let written = Fields::open(value, &known::CONTAINER, context)?;
    let restart_policy = written.choice("restartPolicy", RESTART_POLICIES)?;
    if is_init && restart_policy != Some(RestartPolicy::Always) && context.checks() {
        refuse_for_init(&written)?;
    }
    let image = written.text("image")?.to_owned();
    let restart_rules = restart_rules(&written, restart_policy, context)?;
    let restarts_all = restart_rules.iter().any(|rule| rule.action == RestartAction::RestartAllContainers);
    let mut container = Container {
        name: written.text("name")?.to_owned(),
        image_pull_policy: defaults::image_pull_policy(pull_policy(&written)?, &image, context.defaulting),
        image,
        resources: resources(&written, Place::Container, context)?.unwrap_or_default(),
        host_ports: Vec::new(),
        restart_policy,
        restart_rules,
        restarts_all,
        probes: probes(&written, context)?,
        pre_stop: pre_stop(&written, context)?,
    };
    for port in written.list("ports")? {
        container.host_ports.extend(host_port(port, host_network, context)?);
    }
    Ok(container)
}

/// An init container that is no sidecar has no probes and no hooks.
fn refuse_for_init(container: &Fields<'_>) -> Read<()> {
    for key in ["startupProbe", "readinessProbe", "livenessProbe", "lifecycle"] {
        if let Some(value) = container.get(key) {
            let message = format!("an init container cannot have `{key}`");
            return Err(value.error(message).help("`restartPolicy: Always` makes it a sidecar, which can"));
        }
    }
    Ok(())
}

fn pull_policy(container: &Fields<'_>) -> Read<Option<ImagePullPolicy>> {
    const POLICIES: &[(&str, ImagePullPolicy)] = &[
        ("Always", ImagePullPolicy::Always),
        ("IfNotPresent", ImagePullPolicy::IfNotPresent),
        ("Never", ImagePullPolicy::Never),
    ];
    // An empty text stands for none, as in a dump of Go's structures.
    let Some(value) = container.get("imagePullPolicy").filter(|value| !value.raw().is_empty()) else {
        return Ok(None);
    };
    super::fields::choice(value, "imagePullPolicy", POLICIES).map(Some)
}

fn restart_rules(
    container: &Fields<'_>,
    policy: Option<RestartPolicy>,
    context: &mut Context<'_>,
) -> Read<Vec<RestartRule>> {
    let rules = container
        .list("restartPolicyRules")?
        .map(|value| restart_rule(value, context))
        .collect::<Read<Vec<_>>>()?;
    if let Some(value) = container.get("restartPolicyRules")
        && context.checks()
        && !rules.is_empty()
    {
        if policy.is_none() {
            let finding = value.error("restart rules need a `restartPolicy` of the container");
            return Err(finding.help("it decides where no rule matches"));
        }
        if rules.len() > MAX_RULES {
            return Err(value.error(format!("a container can have at most {MAX_RULES} restart rules")));
        }
    }
    Ok(rules)
}

fn restart_rule(value: Value<'_>, context: &mut Context<'_>) -> Read<RestartRule> {
    const ACTIONS: &[(&str, RestartAction)] =
        &[("Restart", RestartAction::Restart), ("RestartAllContainers", RestartAction::RestartAllContainers)];
    const OPERATORS: &[(&str, bool)] = &[("In", false), ("NotIn", true)];
    let rule = Fields::open(value, &known::RESTART_RULE, context)?;
    let action = super::fields::choice(rule.require("action")?, "action", ACTIONS)?;
    let written = Fields::open(rule.require("exitCodes")?, &known::EXIT_CODES, context)?;
    let is_negated = super::fields::choice(written.require("operator")?, "operator", OPERATORS)?;
    let codes = written
        .list("values")?
        .map(|code| Ok(super::fields::integer(code, "values", 0, i64::from(i32::MAX))? as i32))
        .collect::<Read<Vec<i32>>>()?;
    if context.checks() && codes.len() > MAX_CODES {
        return Err(written.value.error(format!("a rule can name at most {MAX_CODES} exit codes")));
    }
    if context.checks() && codes.is_empty() {
        return Err(written.value.error("`values` must name at least one exit code"));
    }
    Ok(RestartRule { action, is_negated, codes })
}

fn probes(container: &Fields<'_>, context: &mut Context<'_>) -> Read<Probes> {
    Ok(Probes {
        startup: probe(container, "startupProbe", context)?,
        readiness: probe(container, "readinessProbe", context)?,
        liveness: probe(container, "livenessProbe", context)?,
    })
}

fn probe(container: &Fields<'_>, key: &str, context: &mut Context<'_>) -> Read<Option<Probe>> {
    let Some(written) = container.child(key, &known::PROBE, context)? else { return Ok(None) };
    if context.checks() {
        one_handler(&written, key, PROBE_HANDLERS)?;
    }
    let number = |key: &str, default: u32| -> Read<u32> {
        // Zero stands for the default, as in a dump of Go's structures.
        let number = written.integer(key, 0, i64::from(i32::MAX))?.unwrap_or(0) as u32;
        Ok(if number == 0 { default } else { number })
    };
    let default = Probe::default();
    let probe = Probe {
        initial_delay_seconds: number("initialDelaySeconds", 0)?,
        period_seconds: number("periodSeconds", default.period_seconds)?,
        timeout_seconds: number("timeoutSeconds", default.timeout_seconds)?,
        success_threshold: number("successThreshold", default.success_threshold)?,
        failure_threshold: number("failureThreshold", default.failure_threshold)?,
        termination_grace_seconds: written.integer(
            "terminationGracePeriodSeconds",
            1,
            i64::from(i32::MAX),
        )?,
    };
    if let Some(value) = written.get("successThreshold")
        && key != "readinessProbe"
        && probe.success_threshold != 1
        && context.checks()
    {
        return Err(value.error(format!("`successThreshold` of a `{key}` must be 1")));
    }
    if let Some(value) = written.get("terminationGracePeriodSeconds")
        && key == "readinessProbe"
        && context.checks()
    {
        return Err(value.error("a readiness probe ends nothing: it has no grace period"));
    }
    Ok(Some(probe))
}

/// Refuses a probe or a hook that does nothing, or two things.
fn one_handler(written: &Fields<'_>, key: &str, handlers: &[&str]) -> Read<()> {
    let mut given = handlers.iter().filter(|handler| written.get(handler).is_some());
    match (given.next(), given.next()) {
        (Some(_), None) => Ok(()),
        (None, _) => {
            let finding = written.value.error(format!("`{key}` says nothing to do"));
            Err(finding.help(format!("it needs one of {}", handlers.join(", "))))
        }
        (Some(first), Some(second)) => {
            Err(written.value.error(format!("`{key}` has both `{first}` and `{second}`")))
        }
    }
}

fn pre_stop(container: &Fields<'_>, context: &mut Context<'_>) -> Read<Option<PreStop>> {
    let Some(lifecycle) = container.child("lifecycle", &known::LIFECYCLE, context)? else {
        return Ok(None);
    };
    let Some(hook) = lifecycle.child("preStop", &known::HOOK, context)? else { return Ok(None) };
    if context.checks() {
        one_handler(&hook, "preStop", HOOK_HANDLERS)?;
    }
    let Some(sleep) = hook.child("sleep", &known::SLEEP, context)? else { return Ok(Some(PreStop::Run)) };
    let seconds = sleep.integer("seconds", 0, i64::from(i32::MAX))?;
    match seconds {
        Some(seconds) => Ok(Some(PreStop::Sleep(seconds as u64))),
        None => Err(sleep.value.error("`seconds` is missing")),
    }
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
