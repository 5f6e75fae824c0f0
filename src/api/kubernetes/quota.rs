//! Resource quotas.
//!
//! The checks are those of the API server (Kubernetes 1.36, pkg/apis/core/validation and
//! pkg/apis/core/helper). What counts against a quota is not known here.

use super::Context;
use super::fields::{Fields, Read, Shape};
use super::meta::{self, Scope};
use super::resources::{Place, list};
use crate::api::quota::QuotaScope;
use crate::api::selector::is_qualified_name;
use crate::api::yaml::Value;
use crate::api::{Object, Operator, ResourceQuota};
use crate::base::diagnostic::suggest;

const SPEC: Shape = Shape { name: "the ResourceQuota", known: &["hard", "scopes", "scopeSelector"] };
const SCOPE_SELECTOR: Shape = Shape { name: "the scope selector", known: &["matchExpressions"] };
const SCOPE: Shape = Shape { name: "the scope", known: &["operator", "scopeName", "values"] };

/// Names without a slash that a quota may limit.
const STANDARD: &[&str] = &[
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
/// Those that count objects.
const COUNTS: &[&str] = &[
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
/// Those that a quota with scopes may limit; one with the scope BestEffort may only limit `pods`.
const SCOPED: &[&str] =
    &["cpu", "limits.cpu", "limits.memory", "memory", "pods", "requests.cpu", "requests.memory"];

const OPERATORS: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
];

/// The scopes by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Terminating,
    NotTerminating,
    BestEffort,
    NotBestEffort,
    CrossNamespacePodAffinity,
    PriorityClass,
}

const NAMES: &[(&str, Name)] = &[
    ("Terminating", Name::Terminating),
    ("NotTerminating", Name::NotTerminating),
    ("BestEffort", Name::BestEffort),
    ("NotBestEffort", Name::NotBestEffort),
    ("CrossNamespacePodAffinity", Name::CrossNamespacePodAffinity),
    ("PriorityClass", Name::PriorityClass),
];

/// A ResourceQuota.
pub(super) fn quota(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let mut quota = ResourceQuota { meta, ..ResourceQuota::default() };
    if let Some(spec) = fields.child("spec", &SPEC, context)? {
        quota.hard = list(&spec, "hard", Place::Node)?;
        if context.checks() {
            check_hard(&spec, &quota, context)?;
        }
        quota.scopes = scopes(&spec, &quota, context)?;
    }
    Ok(Object::ResourceQuota(Box::new(quota)))
}

fn check_hard(spec: &Fields<'_>, quota: &ResourceQuota, context: &mut Context<'_>) -> Read<()> {
    let written = spec.get("hard");
    for (name, value) in written.into_iter().flat_map(Value::entries) {
        let text = name.raw();
        if !text.contains('/') && !is_standard(text) {
            let finding = name.error("a quota knows no such resource");
            return Err(match suggest(text, STANDARD.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(
                    "such as `pods`, `requests.cpu`, `limits.memory`, `count/deployments.apps`, `requests.example.com/gpu`",
                ),
            });
        }
        let amount = quota.hard.get(text);
        if (COUNTS.contains(&text) || is_extended(text)) && amount.is_some_and(|amount| !amount.is_whole()) {
            return Err(value.error(format!("`{text}` is counted in whole units")));
        }
        if is_extended(text) && !text.starts_with("count/") && !text.contains(".storageclass.") {
            let help = format!("write `requests.{text}`");
            context.warn(name.warning("quotas limit extended resources by their requests only").help(help));
        }
    }
    Ok(())
}

fn is_standard(name: &str) -> bool {
    STANDARD.contains(&name) || name.strip_prefix("requests.").unwrap_or(name).starts_with("hugepages-")
}

/// Whether the API server takes a name for that of an extended resource.
fn is_extended(name: &str) -> bool {
    name.contains('/')
        && !name.contains("kubernetes.io/")
        && !name.starts_with("requests.")
        && is_qualified_name(&format!("requests.{name}"))
}

fn scopes(spec: &Fields<'_>, quota: &ResourceQuota, context: &mut Context<'_>) -> Read<Vec<QuotaScope>> {
    let mut seen = Vec::new();
    let mut scopes = Vec::new();
    for value in spec.list("scopes")? {
        let name = super::fields::choice(value, "scopes", NAMES)?;
        check_scope(value, name, &mut seen, quota, context)?;
        scopes.push(scope(name, Operator::Exists, Vec::new()));
    }
    let Some(selector) = spec.child("scopeSelector", &SCOPE_SELECTOR, context)? else {
        return Ok(scopes);
    };
    // The original looks for contradictions within each of the two lists.
    seen.clear();
    for value in selector.list("matchExpressions")? {
        let written = Fields::open(value, &SCOPE, context)?;
        let name = super::fields::choice(written.require("scopeName")?, "scopeName", NAMES)?;
        let operator = super::fields::choice(written.require("operator")?, "operator", OPERATORS)?;
        let values = written.texts("values")?;
        check_scope(value, name, &mut seen, quota, context)?;
        if context.checks() {
            check_operator(&written, name, operator, values.len())?;
        }
        scopes.push(scope(name, operator, values));
    }
    Ok(scopes)
}

fn scope(name: Name, operator: Operator, values: Vec<String>) -> QuotaScope {
    match name {
        Name::Terminating => QuotaScope::Terminating,
        Name::NotTerminating => QuotaScope::NotTerminating,
        Name::BestEffort => QuotaScope::BestEffort,
        Name::NotBestEffort => QuotaScope::NotBestEffort,
        Name::CrossNamespacePodAffinity => QuotaScope::CrossNamespacePodAffinity,
        Name::PriorityClass => QuotaScope::PriorityClass { operator, values },
    }
}

fn check_scope(
    value: Value<'_>,
    name: Name,
    seen: &mut Vec<Name>,
    quota: &ResourceQuota,
    context: &Context<'_>,
) -> Read<()> {
    const CONTRADICTIONS: [(Name, Name); 2] =
        [(Name::BestEffort, Name::NotBestEffort), (Name::Terminating, Name::NotTerminating)];
    if !context.checks() {
        return Ok(());
    }
    seen.push(name);
    if CONTRADICTIONS.iter().any(|(one, other)| seen.contains(one) && seen.contains(other)) {
        return Err(value.error("this scope contradicts another one"));
    }
    let may = |resource: &str| {
        resource == "pods"
            || (name != Name::BestEffort && SCOPED.contains(&resource))
            || !is_standard(resource)
    };
    match quota.hard.keys().find(|resource| !may(resource)) {
        None => Ok(()),
        Some(resource) => {
            let allowed = if name == Name::BestEffort { &["pods"] } else { SCOPED };
            let help = format!("a quota with this scope limits {}", allowed.join(", "));
            Err(value.error(format!("a quota with this scope cannot limit `{resource}`")).help(help))
        }
    }
}

fn check_operator(written: &Fields<'_>, name: Name, operator: Operator, values: usize) -> Read<()> {
    let at = written.require("operator")?;
    if name != Name::PriorityClass && operator != Operator::Exists {
        return Err(at.error("this scope has only the operator `Exists`"));
    }
    let at = written.get("values").unwrap_or(at);
    match operator {
        Operator::In | Operator::NotIn if values == 0 => {
            Err(at.error(format!("the operator `{operator:?}` needs at least one value")))
        }
        Operator::Exists | Operator::DoesNotExist if values > 0 => {
            Err(at.error(format!("the operator `{operator:?}` takes no values")))
        }
        _ => Ok(()),
    }
}
