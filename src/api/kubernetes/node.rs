//! Nodes.

use super::affinity::EFFECTS;
use super::fields::{Fields, Read, choice, text};
use super::meta::{self, Scope, check_label_key};
use super::resources::{Place, list};
use super::status::condition;
use super::{Context, defaults, known};
use crate::api::yaml::Value;
use crate::api::{Image, Node, Object, ResourceList, Taint};
use crate::base::Quantity;

/// Bytes of disk for images.
const IMAGE_CAPACITY: &str = "seatrial.dev/image-capacity";

/// A node.
pub(super) fn read(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let mut node = Node { meta: meta::read(fields, Scope::Cluster, context)?, ..Node::default() };
    node.image_capacity = image_capacity(fields, context)?;
    if let Some(spec) = fields.child("spec", &known::NODE_SPEC, context)? {
        node.unschedulable = spec.flag("unschedulable")?;
        node.taints = spec.list("taints")?.map(|value| taint(value, context)).collect::<Read<_>>()?;
    }
    if let Some(status) = fields.child("status", &known::NODE_STATUS, context)? {
        node.capacity = list(&status, "capacity", Place::Node)?;
        node.allocatable = list(&status, "allocatable", Place::Node)?;
        warn_of_surplus(&status, &node, context);
        node.images = status.list("images")?.map(image).collect::<Read<_>>()?;
        node.ready = condition(&status, "Ready")?;
        node.declared_features = status.texts("declaredFeatures")?;
        let is_given = status.get("allocatable").is_some();
        defaults::allocatable(&mut node, is_given, context.defaulting);
    }
    Ok(Object::Node(Box::new(node)))
}

/// The one annotation of seatrial that nodes have; others belong to pods.
fn image_capacity(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Option<i64>> {
    let annotations = fields.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let Some(value) = annotations.and_then(|annotations| annotations.get(IMAGE_CAPACITY)) else {
        meta::warn_of_behavior(fields, context);
        return Ok(None);
    };
    meta::warn_of_other_behavior(fields, IMAGE_CAPACITY, context);
    let amount: Option<Quantity> = text(value, IMAGE_CAPACITY)?.trim().parse().ok();
    let Some(amount) = amount.filter(|amount| *amount > Quantity::ZERO) else {
        let finding = value.error(format!("`{IMAGE_CAPACITY}` must be a quantity above zero"));
        return Err(finding.help("write it in quotes, such as \"50Gi\""));
    };
    Ok(Some(amount.units_ceil()))
}

/// Warns of a resource of which pods get more than the machine has.
fn warn_of_surplus(status: &Fields<'_>, node: &Node, context: &mut Context<'_>) {
    let written = status.get("allocatable");
    for (name, value) in written.into_iter().flat_map(Value::entries) {
        let of = |list: &ResourceList| list.get(name.raw()).copied();
        if let (Some(allocatable), Some(capacity)) = (of(&node.allocatable), of(&node.capacity))
            && allocatable > capacity
        {
            let message = format!("more `{}` is allocatable than the capacity of {capacity}", name.raw());
            context.warn(value.warning(message));
        }
    }
}

fn taint(value: Value<'_>, context: &mut Context<'_>) -> Read<Taint> {
    let written = Fields::open(value, &known::TAINT, context)?;
    let key = written.require("key")?;
    if context.checks() {
        check_label_key(key)?;
    }
    Ok(Taint {
        key: text(key, "key")?.to_owned(),
        value: written.text("value")?.to_owned(),
        effect: choice(written.require("effect")?, "effect", EFFECTS)?,
    })
}

fn image(value: Value<'_>) -> Read<Image> {
    let written = Fields { value };
    Ok(Image {
        names: written.texts("names")?,
        size_bytes: written.integer("sizeBytes", 0, i64::MAX)?.unwrap_or(0),
    })
}
