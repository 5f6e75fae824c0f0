//! Quantities, requests and limits.

use super::fields::{Fields, Read, expect_mapping, refuse_doubles};
use super::volume::refuse_devices;
use super::{Context, known};
use crate::api::selector::is_qualified_name;
use crate::api::yaml::{Content, Scalar, Value};
use crate::api::{ResourceList, Resources};
use crate::base::Quantity;
use crate::base::diagnostic::suggest;

/// Where a list of resources stands, which decides what may be in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A container, or the overhead of a pod.
    Container,
    /// A whole pod.
    Pod,
    /// A node, storage, or a status: whatever has a legal name.
    Node,
}

impl Place {
    /// The place, or where nothing is checked one in which every legal name may stand: the API server
    /// alone refuses others, and the scheduler passes over what it does not know.
    pub(super) fn checked(self, context: &Context<'_>) -> Place {
        if context.checks() { self } else { Place::Node }
    }
}

/// Requests and limits at the key `resources`.
pub(super) fn resources(
    fields: &Fields<'_>,
    place: Place,
    context: &mut Context<'_>,
) -> Read<Option<Resources>> {
    let Some(written) = fields.child("resources", &known::RESOURCES, context)? else {
        return Ok(None);
    };
    let place = place.checked(context);
    let resources =
        Resources { requests: list(&written, "requests", place)?, limits: list(&written, "limits", place)? };
    for claim in written.list("claims")? {
        refuse_devices(claim, context)?;
    }
    if context.checks() {
        for (name, request) in &resources.requests {
            if resources.limits.get(name).is_some_and(|limit| limit < request) {
                let value = written.get("requests").and_then(|requests| requests.get(name));
                let value = value.unwrap_or(written.value);
                let limit = resources.limits[name];
                return Err(value.error(format!("the request of `{name}` is above its limit of {limit}")));
            }
        }
    }
    Ok(Some(resources))
}

/// The resource amounts at `key`.
pub(super) fn list(fields: &Fields<'_>, key: &str, place: Place) -> Read<ResourceList> {
    let mut amounts = ResourceList::new();
    let Some(mapping) = fields.get(key) else {
        return Ok(amounts);
    };
    expect_mapping(mapping, key)?;
    refuse_doubles(mapping)?;
    for (name, value) in mapping.entries() {
        check_name(name, place)?;
        if !value.is_null() {
            let amount = quantity(value, name.raw())?;
            if place == Place::Container && name.raw().contains('/') && !amount.is_whole() {
                let message = format!("`{}` is counted in whole units", name.raw());
                return Err(value.error(message));
            }
            amounts.insert(name.raw().to_owned(), amount);
        }
    }
    Ok(amounts)
}

/// Kubernetes 1.36, pkg/apis/core/validation: ValidateContainerResourceName and
/// validatePodResourceName.
fn check_name(name: Value<'_>, place: Place) -> Read<()> {
    const OF_CONTAINERS: &[&str] = &["cpu", "memory", "ephemeral-storage"];
    const OF_PODS: &[&str] = &["cpu", "memory"];
    let text = name.raw();
    let known = match place {
        Place::Container => OF_CONTAINERS,
        Place::Pod => OF_PODS,
        Place::Node => &[],
    };
    let legal = match place {
        Place::Container => text.contains('/') && is_qualified_name(text),
        Place::Pod => false,
        Place::Node => is_qualified_name(text),
    };
    if legal || known.contains(&text) || text.starts_with("hugepages-") {
        return Ok(());
    }
    let help = match suggest(text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if place == Place::Pod => "a pod as a whole can ask for `cpu`, `memory` and `hugepages-…`".into(),
        None => "known are `cpu`, `memory`, `ephemeral-storage`, `hugepages-…` and names with a domain, such as `example.com/gpu`".into(),
    };
    Err(name.error("unknown resource").help(help))
}

/// A quantity, written as text or as a number.
pub(super) fn quantity(value: Value<'_>, what: &str) -> Read<Quantity> {
    let parsed = match value.content() {
        Content::Scalar(Scalar::Int(units)) => Some(Quantity::from_units(units)),
        Content::Scalar(Scalar::Float(_) | Scalar::Text(_)) => value.raw().parse().ok(),
        _ => None,
    };
    match parsed {
        None => Err(value
            .error(format!("the amount of `{what}` is not a quantity"))
            .help("write a number with an optional suffix, such as `500m`, `2`, `64Gi`, `1.5`")),
        Some(quantity) if quantity < Quantity::ZERO => {
            Err(value.error(format!("the amount of `{what}` must not be negative")))
        }
        Some(quantity) => Ok(quantity),
    }
}
