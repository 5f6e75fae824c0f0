//! Storage: volumes of the cluster, claims, classes, and what drivers and nodes say of themselves.

use super::fields::{Fields, Read, choice};
use super::meta::{self, Scope};
use super::resources::{Place, list, quantity};
use super::selectors::{label_selector, node_selector};
use super::{Context, known_storage as known};
use crate::api::storage::{
    AccessMode, CLASS_ANNOTATION, ClaimPhase, ClaimReference, CsiNodeDriver, PersistentVolumeSource,
    TopologySelectorTerm, VolumeBindingMode, VolumeMode, VolumePhase,
};
use crate::api::yaml::Value;
use crate::api::{
    CsiDriver, CsiNode, CsiStorageCapacity, Object, ObjectMeta, PersistentVolume, PersistentVolumeClaim,
    StorageClass, VolumeAttachment,
};
use crate::base::Quantity;

const MODES: &[(&str, VolumeMode)] = &[("Filesystem", VolumeMode::Filesystem), ("Block", VolumeMode::Block)];

/// A volume of the cluster.
pub(super) fn volume(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    const PHASES: &[(&str, VolumePhase)] = &[
        ("", VolumePhase::Pending),
        ("Pending", VolumePhase::Pending),
        ("Available", VolumePhase::Available),
        ("Bound", VolumePhase::Bound),
        ("Released", VolumePhase::Released),
        ("Failed", VolumePhase::Failed),
    ];
    let meta = meta::read(fields, Scope::Cluster, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::VOLUME_SPEC, context)?;
    let affinity = spec.child("nodeAffinity", &known::VOLUME_AFFINITY, context)?;
    let required = affinity.and_then(|affinity| affinity.get("required"));
    let volume = PersistentVolume {
        capacity: storage(&spec, "capacity", spec.value, context)?,
        access_modes: access_modes(&spec, context)?,
        volume_mode: spec.choice("volumeMode", MODES)?.unwrap_or_default(),
        storage_class_name: class(&meta, &spec)?.unwrap_or_default(),
        node_affinity: required.map(|value| node_selector(value, context)).transpose()?,
        claim: claim_reference(&spec, context)?,
        phase: phase(fields, PHASES, &known::VOLUME_STATUS, context)?,
        source: source(&spec, context)?,
        volume_attributes_class_name: optional_text(&spec, "volumeAttributesClassName")?,
        meta,
    };
    Ok(Object::PersistentVolume(Box::new(volume)))
}

/// A claim to a volume.
pub(super) fn claim(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    const PHASES: &[(&str, ClaimPhase)] = &[
        ("", ClaimPhase::Pending),
        ("Pending", ClaimPhase::Pending),
        ("Bound", ClaimPhase::Bound),
        ("Lost", ClaimPhase::Lost),
    ];
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::CLAIM_SPEC, context)?;
    let request = match spec.child("resources", &known::CLAIM_RESOURCES, context)? {
        Some(resources) => storage(&resources, "requests", resources.value, context)?,
        None if context.checks() => return Err(spec.value.error("`resources.requests.storage` is missing")),
        None => Quantity::ZERO,
    };
    let claim = PersistentVolumeClaim {
        request,
        access_modes: access_modes(&spec, context)?,
        volume_mode: spec.choice("volumeMode", MODES)?.unwrap_or_default(),
        storage_class_name: class(&meta, &spec)?,
        selector: label_selector(&spec, "selector", context)?,
        volume_name: spec.text("volumeName")?.to_owned(),
        volume_attributes_class_name: optional_text(&spec, "volumeAttributesClassName")?,
        phase: phase(fields, PHASES, &known::CLAIM_STATUS, context)?,
        meta,
    };
    Ok(Object::PersistentVolumeClaim(Box::new(claim)))
}

/// The phase in the status, which a manifest does not have.
fn phase<T: Copy + Default>(
    fields: &Fields<'_>,
    phases: &[(&'static str, T)],
    shape: &super::fields::Shape,
    context: &mut Context<'_>,
) -> Read<T> {
    let status = fields.child("status", shape, context)?;
    Ok(status.map(|status| status.choice("phase", phases)).transpose()?.flatten().unwrap_or_default())
}

/// The amount of `storage` in the list at `key`.
fn storage(fields: &Fields<'_>, key: &str, at: Value<'_>, context: &Context<'_>) -> Read<Quantity> {
    match list(fields, key, Place::Node)?.get("storage") {
        Some(amount) => Ok(*amount),
        None if context.checks() => {
            Err(fields.get(key).unwrap_or(at).error(format!("`{key}.storage` is missing")))
        }
        None => Ok(Quantity::ZERO),
    }
}

fn access_modes(spec: &Fields<'_>, context: &Context<'_>) -> Read<Vec<AccessMode>> {
    const ACCESS: &[(&str, AccessMode)] = &[
        ("ReadWriteOnce", AccessMode::ReadWriteOnce),
        ("ReadOnlyMany", AccessMode::ReadOnlyMany),
        ("ReadWriteMany", AccessMode::ReadWriteMany),
        ("ReadWriteOncePod", AccessMode::ReadWriteOncePod),
    ];
    let modes: Vec<AccessMode> =
        spec.list("accessModes")?.map(|value| choice(value, "accessModes", ACCESS)).collect::<Read<_>>()?;
    if modes.is_empty() && context.checks() {
        let at = spec.get("accessModes").unwrap_or(spec.value);
        return Err(at.error("`accessModes` must name at least one mode"));
    }
    Ok(modes)
}

/// The class, by the older annotation or else by the field.
fn class(meta: &ObjectMeta, spec: &Fields<'_>) -> Read<Option<String>> {
    let field = optional_text(spec, "storageClassName")?;
    Ok(meta.annotations.get(CLASS_ANNOTATION).cloned().or(field))
}

fn optional_text(fields: &Fields<'_>, key: &str) -> Read<Option<String>> {
    fields.get(key).map(|value| super::fields::text(value, key).map(str::to_owned)).transpose()
}

fn claim_reference(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<Option<ClaimReference>> {
    let Some(written) = spec.child("claimRef", &known::REFERENCE, context)? else {
        return Ok(None);
    };
    Ok(Some(ClaimReference {
        namespace: written.text("namespace")?.to_owned(),
        name: written.text("name")?.to_owned(),
        uid: written.text("uid")?.to_owned(),
    }))
}

/// What is behind a volume.
fn source(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<PersistentVolumeSource> {
    let mut given = known::SOURCES.iter().filter_map(|key| Some((*key, spec.get(key)?)));
    let Some((kind, value)) = given.next() else {
        return if context.checks() {
            let help = "such as `csi: {driver: …, volumeHandle: …}` or `hostPath: {path: …}`";
            Err(spec.value.error("the volume has no source").help(help))
        } else {
            Ok(PersistentVolumeSource::Other)
        };
    };
    if let Some((second, value)) = given.next()
        && context.checks()
    {
        return Err(value.error(format!("a volume has one source, but this one has `{kind}` and `{second}`")));
    }
    let written = Fields::open(value, &known::SOURCE, context)?;
    let id = |key: &str| {
        if context.checks() {
            written.require(key)?;
        }
        written.text(key).map(str::to_owned)
    };
    Ok(match kind {
        "csi" => PersistentVolumeSource::Csi { driver: id("driver")?, handle: id("volumeHandle")? },
        "gcePersistentDisk" => PersistentVolumeSource::GcePersistentDisk { name: id("pdName")? },
        "awsElasticBlockStore" => PersistentVolumeSource::AwsElasticBlockStore { id: id("volumeID")? },
        "azureDisk" => PersistentVolumeSource::AzureDisk { name: id("diskName")?, uri: id("diskURI")? },
        "azureFile" => PersistentVolumeSource::AzureFile {
            secret: id("secretName")?,
            secret_namespace: optional_text(&written, "secretNamespace")?,
            share: id("shareName")?,
        },
        "cinder" => PersistentVolumeSource::Cinder { id: id("volumeID")? },
        "vsphereVolume" => PersistentVolumeSource::Vsphere { path: id("volumePath")? },
        "portworxVolume" => PersistentVolumeSource::Portworx { id: id("volumeID")? },
        _ => PersistentVolumeSource::Other,
    })
}

/// A storage class.
pub(super) fn class_object(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    const BINDING: &[(&str, VolumeBindingMode)] = &[
        ("Immediate", VolumeBindingMode::Immediate),
        ("WaitForFirstConsumer", VolumeBindingMode::WaitForFirstConsumer),
    ];
    let meta = meta::read(fields, Scope::Cluster, context)?;
    if context.checks() {
        fields.require("provisioner")?;
    }
    let class = StorageClass {
        meta,
        provisioner: fields.text("provisioner")?.to_owned(),
        binding_mode: fields.choice("volumeBindingMode", BINDING)?.unwrap_or_default(),
        allowed_topologies: fields
            .list("allowedTopologies")?
            .map(|term| topology(term, context))
            .collect::<Read<_>>()?,
    };
    Ok(Object::StorageClass(Box::new(class)))
}

fn topology(term: Value<'_>, context: &mut Context<'_>) -> Read<TopologySelectorTerm> {
    let term = Fields::open(term, &known::TOPOLOGY, context)?;
    let mut requirements = TopologySelectorTerm::new();
    for value in term.list("matchLabelExpressions")? {
        let written = Fields::open(value, &known::TOPOLOGY_REQUIREMENT, context)?;
        let key = written.require("key")?;
        meta::check_label_key(key)?;
        let values = written.texts("values")?;
        if values.is_empty() && context.checks() {
            return Err(written
                .get("values")
                .unwrap_or(value)
                .error("`values` must have at least one value"));
        }
        requirements.push((key.raw().to_owned(), values));
    }
    Ok(requirements)
}

/// What the drivers of a node say.
pub(super) fn node(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Cluster, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::NODE_SPEC, context)?;
    let mut drivers = Vec::new();
    for value in spec.list("drivers")? {
        let written = Fields::open(value, &known::NODE_DRIVER, context)?;
        let allocatable = written.child("allocatable", &known::NODE_ALLOCATABLE, context)?;
        drivers.push(CsiNodeDriver {
            name: super::fields::text(written.require("name")?, "name")?.to_owned(),
            max_volumes: allocatable.map(|allocatable| allocatable.count("count")).transpose()?.flatten(),
            topology_keys: written.texts("topologyKeys")?,
        });
    }
    Ok(Object::CsiNode(Box::new(CsiNode { meta, drivers })))
}

/// What a driver can.
pub(super) fn driver(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Cluster, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::DRIVER_SPEC, context)?;
    Ok(Object::CsiDriver(Box::new(CsiDriver {
        meta,
        attach_required: spec.get("attachRequired").is_none() || spec.flag("attachRequired")?,
        storage_capacity: spec.flag("storageCapacity")?,
        required_on_node: spec.flag("preventPodSchedulingIfMissing")?,
    })))
}

/// How much a driver can provision.
pub(super) fn capacity(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Namespaced, context)?;
    let amount = |key: &str| fields.get(key).map(|value| quantity(value, key)).transpose();
    if context.checks() {
        fields.require("storageClassName")?;
    }
    Ok(Object::CsiStorageCapacity(Box::new(CsiStorageCapacity {
        meta,
        node_topology: label_selector(fields, "nodeTopology", context)?,
        storage_class_name: fields.text("storageClassName")?.to_owned(),
        capacity: amount("capacity")?,
        maximum_volume_size: amount("maximumVolumeSize")?,
    })))
}

/// A volume at a node.
pub(super) fn attachment(fields: &Fields<'_>, context: &mut Context<'_>) -> Read<Object> {
    let meta = meta::read(fields, Scope::Cluster, context)?;
    let spec = Fields::open(fields.require("spec")?, &known::ATTACHMENT_SPEC, context)?;
    if context.checks() {
        for key in ["attacher", "nodeName", "source"] {
            spec.require(key)?;
        }
    }
    let source = spec.child("source", &known::ATTACHMENT_SOURCE, context)?;
    let volume = source.map(|source| optional_text(&source, "persistentVolumeName")).transpose()?;
    Ok(Object::VolumeAttachment(Box::new(VolumeAttachment {
        meta,
        attacher: spec.text("attacher")?.to_owned(),
        node_name: spec.text("nodeName")?.to_owned(),
        persistent_volume_name: volume.flatten(),
    })))
}
