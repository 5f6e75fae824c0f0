//! Metadata: names, labels, annotations, owner.

use super::fields::{Fields, Read, expect_mapping, refuse_doubles, text};
use super::{Context, Part, defaults, known};
use crate::api::behavior::{OF_PLANES, PREFIX};
use crate::api::selector::{is_dns_subdomain, is_label_value, is_qualified_name};
use crate::api::yaml::Value;
use crate::api::{Annotations, Labels, ObjectMeta, OwnerReference};

/// Whether objects of a kind live in namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// They do.
    Namespaced,
    /// They are the cluster's own.
    Cluster,
}

/// The metadata of the object `fields`.
pub(super) fn read(fields: &Fields<'_>, scope: Scope, context: &mut Context<'_>) -> Read<ObjectMeta> {
    let Some(written) = fields.child("metadata", &known::METADATA, context)? else {
        return Err(fields.value.error("`metadata` is missing"));
    };
    context.places.note(Part::Name, written.get("name"));
    let mut meta = ObjectMeta {
        name: name(&written, context)?,
        labels: labels(&written, "labels")?,
        annotations: annotations(&written)?,
        owner: owner(&written, context)?,
        uid: written.text("uid")?.to_owned(),
        creation_unix: time(&written, "creationTimestamp")?,
        deleting: time(&written, "deletionTimestamp")?.is_some(),
        ..ObjectMeta::default()
    };
    if scope == Scope::Namespaced {
        let namespace = written.text("namespace")?;
        if let Some(value) = written.get("namespace")
            && !is_dns_label(namespace)
        {
            return Err(value.error("`namespace` is not a legal name").help(LABEL_RULE));
        }
        defaults::namespace(namespace, context.defaulting).clone_into(&mut meta.namespace);
    }
    Ok(meta)
}

/// Warns of behaviour annotations on an object whose annotations its pods do not get.
pub(super) fn warn_of_behavior(fields: &Fields<'_>, context: &mut Context<'_>) {
    warn_of_other_behavior(fields, "", context);
}

/// The same for all but one of them.
pub(super) fn warn_of_other_behavior(fields: &Fields<'_>, known: &str, context: &mut Context<'_>) {
    let annotations = fields.get("metadata").and_then(|metadata| metadata.get("annotations"));
    for (key, _) in annotations.into_iter().flat_map(Value::entries) {
        let is_of_plane = OF_PLANES.iter().any(|start| key.raw().starts_with(start));
        if key.raw().starts_with(PREFIX) && key.raw() != known && !is_of_plane {
            let message = "this annotation has no effect here";
            context.warn(key.warning(message).help("write it in the metadata of the pod template"));
        }
    }
}

fn name(metadata: &Fields<'_>, context: &Context<'_>) -> Read<String> {
    if let Some(value) = metadata.get("name") {
        let name = text(value, "name")?;
        return if is_dns_subdomain(name) || !context.checks() {
            Ok(name.to_owned())
        } else {
            Err(value.error("`name` is not a legal name").help(SUBDOMAIN_RULE))
        };
    }
    let prefix = metadata.text("generateName")?;
    if prefix.is_empty() {
        return if context.checks() {
            Err(metadata.value.error("`name` is missing"))
        } else {
            Ok(String::new())
        };
    }
    // The API server appends random characters; the object's number is as good and repeatable.
    let name = format!("{prefix}{:05}", context.into.objects.len());
    if is_dns_subdomain(&name) { Ok(name) } else { Err(metadata.value.error("`generateName` is not legal")) }
}

const SUBDOMAIN_RULE: &str =
    "lower-case letters, digits, `-` and `.`, a letter or digit at both ends, at most 253";
/// The rule of [`is_dns_label`].
pub(super) const LABEL_RULE: &str =
    "lower-case letters, digits and `-`, a letter or digit at both ends, at most 63";

/// Whether `text` is a DNS label (RFC 1123).
pub(super) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && !text.contains('.') && is_dns_subdomain(text)
}

/// The labels at `key`, checked as the API server checks them.
pub(super) fn labels(fields: &Fields<'_>, key: &str) -> Read<Labels> {
    let mut labels = Labels::new();
    let Some(mapping) = fields.get(key) else {
        return Ok(labels);
    };
    expect_mapping(mapping, key)?;
    refuse_doubles(mapping)?;
    for (name, value) in mapping.entries() {
        check_label_key(name)?;
        let content = text(value, name.raw())?;
        if !is_label_value(content) {
            let help = "at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends";
            return Err(value
                .error(format!("the value of the label `{}` is not legal", name.raw()))
                .help(help));
        }
        labels.insert(name.raw().to_owned(), content.to_owned());
    }
    Ok(labels)
}

/// Refuses what is no label key.
pub(super) fn check_label_key(key: Value<'_>) -> Read<()> {
    if is_qualified_name(key.raw()) {
        return Ok(());
    }
    let help = "a name of at most 63 letters, digits, `-`, `_` and `.`, with an optional `domain/` before it";
    Err(key.error("not a legal label key").help(help))
}

/// The annotations; their keys are like labels', but upper case is allowed, their values are free.
pub(super) fn annotations(metadata: &Fields<'_>) -> Read<Annotations> {
    let mut annotations = Annotations::new();
    let Some(mapping) = metadata.get("annotations") else {
        return Ok(annotations);
    };
    expect_mapping(mapping, "annotations")?;
    refuse_doubles(mapping)?;
    for (name, value) in mapping.entries() {
        if !is_qualified_name(name.raw()) && !is_qualified_name(&name.raw().to_ascii_lowercase()) {
            check_label_key(name)?;
        }
        annotations.insert(name.raw().to_owned(), text(value, name.raw())?.to_owned());
    }
    Ok(annotations)
}

/// The owner that controls the object.
fn owner(metadata: &Fields<'_>, context: &mut Context<'_>) -> Read<Option<OwnerReference>> {
    for value in metadata.list("ownerReferences")? {
        let reference = Fields::open(value, &known::OWNER, context)?;
        if reference.flag("controller")? {
            return Ok(Some(OwnerReference {
                api_version: reference.text("apiVersion")?.to_owned(),
                kind: reference.text("kind")?.to_owned(),
                name: reference.text("name")?.to_owned(),
                uid: reference.text("uid")?.to_owned(),
            }));
        }
    }
    Ok(None)
}

/// The RFC 3339 time at `key` in seconds since 1970.
fn time(metadata: &Fields<'_>, key: &str) -> Read<Option<i64>> {
    Ok(timestamp(metadata, key)?.map(|(time, _)| time.as_second()))
}

/// The RFC 3339 time at `key` in nanoseconds since 1970.
pub(super) fn unix_nanos(fields: &Fields<'_>, key: &str) -> Read<Option<i64>> {
    let Some((time, value)) = timestamp(fields, key)? else {
        return Ok(None);
    };
    let nanos = i64::try_from(time.as_nanosecond());
    nanos.map(Some).map_err(|_| value.error(format!("`{key}` must be from 1678 to 2261")))
}

fn timestamp<'t>(fields: &Fields<'t>, key: &str) -> Read<Option<(jiff::Timestamp, Value<'t>)>> {
    let Some(value) = fields.get(key) else {
        return Ok(None);
    };
    match text(value, key)?.parse() {
        Ok(time) => Ok(Some((time, value))),
        Err(_) => Err(value
            .error(format!("`{key}` is not a time"))
            .help("write it as RFC 3339 has it, such as `2026-01-31T12:00:00Z`")),
    }
}
