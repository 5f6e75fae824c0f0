//! Volumes and device claims of pods.

use super::fields::{Fields, Read, expect_mapping};
use super::meta::{LABEL_RULE, is_dns_label};
use super::{Context, defaults, known};
use crate::api::selector::is_dns_subdomain;
use crate::api::yaml::Value;
use crate::api::{Volume, VolumeSource};
use crate::base::Set;

/// Kinds of volumes that have no say in where a pod can run.
const ANYWHERE: &[&str] = &[
    "cephfs",
    "configMap",
    "downwardAPI",
    "emptyDir",
    "fc",
    "flexVolume",
    "flocker",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "nfs",
    "photonPersistentDisk",
    "projected",
    "quobyte",
    "scaleIO",
    "secret",
    "storageos",
];

/// The volumes of a pod that have a say in where it can run.
pub(super) fn volumes(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<Vec<Volume>> {
    let mut volumes = Vec::new();
    let mut names = Set::default();
    for value in spec.list("volumes")? {
        let written = Fields::open(value, &known::VOLUME, context)?;
        let name = written.text("name")?;
        if context.checks() {
            let at = written.require("name")?;
            if !is_dns_label(name) {
                return Err(at.error("`name` is not a legal name of a volume").help(LABEL_RULE));
            }
            if !names.insert(name) {
                return Err(at.error("two volumes have the same name"));
            }
        }
        if let Some(source) = source(&written, context)? {
            volumes.push(Volume { name: name.to_owned(), source });
        }
    }
    Ok(volumes)
}

/// What is behind a volume; `None` where it does not matter.
fn source(volume: &Fields<'_>, context: &mut Context<'_>) -> Read<Option<VolumeSource>> {
    let mut given = volume.value.entries().filter(|(key, value)| key.raw() != "name" && !value.is_null());
    let Some((key, value)) = given.next() else {
        // The API server makes it an empty directory.
        return Ok(None);
    };
    if let Some((second, _)) = given.next()
        && context.checks()
    {
        let message = format!("a volume has one source, but this one has `{}` already", key.raw());
        return Err(second.error(message));
    }
    if ANYWHERE.contains(&key.raw()) {
        return Ok(None);
    }
    expect_mapping(value, key.raw())?;
    source_of(key.raw(), value, context).map(Some)
}

fn source_of(kind: &str, value: Value<'_>, context: &mut Context<'_>) -> Read<VolumeSource> {
    let written = Fields::open(value, &known::VOLUME_SOURCE, context)?;
    let text = |key: &str| written.text(key).map(str::to_owned);
    let read_only = written.flag("readOnly")?;
    // What identifies a volume has to be there.
    let id = |key: &str| {
        if context.checks() && written.text(key)?.is_empty() {
            written.require(key)?;
            return Err(value.error(format!("`{key}` must not be empty")));
        }
        text(key)
    };
    Ok(match kind {
        "persistentVolumeClaim" => VolumeSource::Claim { name: claim_name(&written, context)?, read_only },
        "ephemeral" => {
            if context.checks() {
                written.require("volumeClaimTemplate")?;
            }
            VolumeSource::Ephemeral
        }
        "image" => VolumeSource::Image { reference: text("reference")? },
        "gcePersistentDisk" => VolumeSource::GcePersistentDisk { name: id("pdName")?, read_only },
        "awsElasticBlockStore" => VolumeSource::AwsElasticBlockStore { id: id("volumeID")?, read_only },
        "iscsi" => VolumeSource::Iscsi {
            target_portal: id("targetPortal")?,
            iqn: id("iqn")?,
            lun: written.count("lun")?.unwrap_or(0),
            read_only,
        },
        "rbd" => VolumeSource::Rbd {
            monitors: written.texts("monitors")?,
            pool: defaults::rbd_pool(written.text("pool")?, context.defaulting).to_owned(),
            image: id("image")?,
            read_only,
        },
        "csi" => VolumeSource::Csi { driver: id("driver")?, read_only },
        "azureDisk" => VolumeSource::AzureDisk { name: id("diskName")?, uri: id("diskURI")?, read_only },
        "azureFile" => {
            VolumeSource::AzureFile { secret: id("secretName")?, share: id("shareName")?, read_only }
        }
        "cinder" => VolumeSource::Cinder { id: id("volumeID")?, read_only },
        "vsphereVolume" => VolumeSource::Vsphere { path: id("volumePath")? },
        "portworxVolume" => VolumeSource::Portworx { id: id("volumeID")?, read_only },
        _ => VolumeSource::Other,
    })
}

fn claim_name(claim: &Fields<'_>, context: &Context<'_>) -> Read<String> {
    let name = claim.text("claimName")?;
    if context.checks() && !is_dns_subdomain(name) {
        return Err(claim.require("claimName")?.error("`claimName` is not a legal name"));
    }
    Ok(name.to_owned())
}

/// The devices that a pod claims. The simulation does not have them, so that a manifest with any is
/// refused.
pub(super) fn resource_claims(spec: &Fields<'_>, context: &mut Context<'_>) -> Read<Vec<String>> {
    let mut names = Vec::new();
    for value in spec.list("resourceClaims")? {
        refuse_devices(value, context)?;
        names.push(Fields::open(value, &known::RESOURCE_CLAIM, context)?.text("name")?.to_owned());
    }
    Ok(names)
}

/// Refuses the use of a claimed device in a manifest.
pub(super) fn refuse_devices(claim: Value<'_>, context: &Context<'_>) -> Read<()> {
    if !context.checks() {
        return Ok(());
    }
    let message = "ResourceClaims (dynamic resource allocation) are not supported";
    let help = "ask for devices by count, as an extended resource such as `example.com/gpu: 1` under `resources.limits`";
    Err(claim.error(message).help(help))
}
