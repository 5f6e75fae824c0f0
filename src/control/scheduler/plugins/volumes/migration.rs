//! Volumes of kinds that were built into Kubernetes and that CSI drivers have taken over: under
//! which driver and handle they count, and which nodes reach them.
//!
//! Of the seven kinds the scheduler treats two, files of Azure and disks of vSphere, as if nothing
//! had taken them over.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/csi-translation-lib (translate.go, plugins/*.go),
//! pkg/scheduler/framework/plugins/nodevolumelimits/utils.go (isCSIMigrationOn) and
//! volumebinding/binder.go (isPluginMigratedToCSIOnNode).

use crate::api::storage::PersistentVolumeSource;
use crate::api::{
    CsiNode, NodeSelector, NodeSelectorTerm, Operator, PersistentVolume, Requirement, VolumeSource,
};
use crate::control::config::Version;

/// The annotation with which a node lists the kinds that drivers have taken over on it.
const MIGRATED_ANNOTATION: &str = "storage.alpha.kubernetes.io/migrated-plugins";
/// Labels of zones and regions: of today, and as they were before.
const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const OLD_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const OLD_REGION: &str = "failure-domain.beta.kubernetes.io/region";

/// A kind of volume that was built in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum InTree {
    /// Persistent disks of Google Compute Engine.
    Gce,
    /// Elastic Block Store.
    Aws,
    /// Disks of Azure.
    AzureDisk,
    /// Files of Azure.
    AzureFile,
    /// OpenStack's Cinder.
    Cinder,
    /// vSphere.
    Vsphere,
    /// Portworx.
    Portworx,
}

impl InTree {
    /// All kinds.
    pub(super) const ALL: [InTree; 7] = [
        InTree::Gce,
        InTree::Aws,
        InTree::AzureDisk,
        InTree::AzureFile,
        InTree::Cinder,
        InTree::Vsphere,
        InTree::Portworx,
    ];

    /// The name by which storage classes provision it and nodes list it.
    const fn name(self) -> &'static str {
        match self {
            InTree::Gce => "kubernetes.io/gce-pd",
            InTree::Aws => "kubernetes.io/aws-ebs",
            InTree::AzureDisk => "kubernetes.io/azure-disk",
            InTree::AzureFile => "kubernetes.io/azure-file",
            InTree::Cinder => "kubernetes.io/cinder",
            InTree::Vsphere => "kubernetes.io/vsphere-volume",
            InTree::Portworx => "kubernetes.io/portworx-volume",
        }
    }

    /// The driver that has taken over.
    pub(super) const fn driver(self) -> &'static str {
        match self {
            InTree::Gce => "pd.csi.storage.gke.io",
            InTree::Aws => "ebs.csi.aws.com",
            InTree::AzureDisk => "disk.csi.azure.com",
            InTree::AzureFile => "file.csi.azure.com",
            InTree::Cinder => "cinder.csi.openstack.org",
            InTree::Vsphere => "csi.vsphere.vmware.com",
            InTree::Portworx => "pxd.portworx.com",
        }
    }

    /// The label with which that driver names zones.
    const fn zone_key(self) -> Option<&'static str> {
        match self {
            InTree::Gce => Some("topology.gke.io/zone"),
            InTree::Aws => Some("topology.ebs.csi.aws.com/zone"),
            InTree::Cinder => Some("topology.cinder.csi.openstack.org/zone"),
            _ => None,
        }
    }

    /// Whether the scheduler knows of the take-over at all.
    const fn is_switched(self) -> bool {
        !matches!(self, InTree::AzureFile | InTree::Vsphere)
    }

    /// The kind of that name.
    pub(super) fn by_name(name: &str) -> Option<InTree> {
        InTree::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of a volume of a pod.
    pub(super) fn of_volume(source: &VolumeSource) -> Option<InTree> {
        Some(match source {
            VolumeSource::GcePersistentDisk { .. } => InTree::Gce,
            VolumeSource::AwsElasticBlockStore { .. } => InTree::Aws,
            VolumeSource::AzureDisk { .. } => InTree::AzureDisk,
            VolumeSource::AzureFile { .. } => InTree::AzureFile,
            VolumeSource::Cinder { .. } => InTree::Cinder,
            VolumeSource::Vsphere { .. } => InTree::Vsphere,
            VolumeSource::Portworx { .. } => InTree::Portworx,
            _ => return None,
        })
    }

    /// The kind of a volume of the cluster.
    pub(super) fn of_persistent(source: &PersistentVolumeSource) -> Option<InTree> {
        Some(match source {
            PersistentVolumeSource::GcePersistentDisk { .. } => InTree::Gce,
            PersistentVolumeSource::AwsElasticBlockStore { .. } => InTree::Aws,
            PersistentVolumeSource::AzureDisk { .. } => InTree::AzureDisk,
            PersistentVolumeSource::AzureFile { .. } => InTree::AzureFile,
            PersistentVolumeSource::Cinder { .. } => InTree::Cinder,
            PersistentVolumeSource::Vsphere { .. } => InTree::Vsphere,
            PersistentVolumeSource::Portworx { .. } => InTree::Portworx,
            _ => return None,
        })
    }

    /// Whether volumes of the kind count as the driver's on a node: since a while wherever the node
    /// says something of its drivers; before 1.36 for Portworx only where it lists the kind.
    pub(super) fn counts_on(self, node: Option<&CsiNode>, version: Version) -> bool {
        let by_list = self == InTree::Portworx && version.compat().moves_portworx_by_list;
        self.is_switched() && if by_list { is_listed(self, node) } else { node.is_some() }
    }

    /// Whether the driver's labels say which nodes reach volumes of the kind: where the node lists
    /// it.
    pub(super) fn is_moved_on(self, node: Option<&CsiNode>) -> bool {
        self.is_switched() && is_listed(self, node)
    }
}

fn is_listed(kind: InTree, node: Option<&CsiNode>) -> bool {
    let listed = node.and_then(|node| node.meta.annotations.get(MIGRATED_ANNOTATION));
    listed.is_some_and(|listed| listed.split(',').any(|name| name == kind.name()))
}

/// The handle of a volume of a pod; `None` if it has none that is legal.
pub(super) fn handle_of_volume(source: &VolumeSource) -> Option<String> {
    match source {
        VolumeSource::GcePersistentDisk { name, .. } => Some(gce_handle("UNSPECIFIED", name)),
        VolumeSource::AwsElasticBlockStore { id, .. } => aws_handle(id),
        VolumeSource::AzureDisk { uri, .. } => Some(uri.clone()),
        VolumeSource::Cinder { id, .. } | VolumeSource::Portworx { id, .. } => Some(id.clone()),
        _ => None,
    }
}

/// The handle of a volume of the cluster; `None` if it has none that is legal.
pub(super) fn handle_of_persistent(volume: &PersistentVolume) -> Option<String> {
    match &volume.source {
        PersistentVolumeSource::GcePersistentDisk { name } => Some(gce_handle(&gce_location(volume)?, name)),
        PersistentVolumeSource::AwsElasticBlockStore { id } => aws_handle(id),
        PersistentVolumeSource::AzureDisk { uri, .. } => Some(uri.clone()),
        PersistentVolumeSource::Cinder { id } | PersistentVolumeSource::Portworx { id } => Some(id.clone()),
        _ => None,
    }
}

fn gce_handle(location: &str, name: &str) -> String {
    format!("projects/UNSPECIFIED/zones/{location}/disks/{name}")
}

/// The zone that a disk's label names, or the region where it names several.
fn gce_location(volume: &PersistentVolume) -> Option<String> {
    let (zone, _) = label_names(volume);
    let written = volume.meta.labels.get(zone).map_or("", String::as_str);
    let zones: Vec<&str> = written.split("__").collect();
    match zones[..] {
        [""] => Some("UNSPECIFIED".to_owned()),
        [zone] => Some(zone.to_owned()),
        _ => {
            let region = |zone: &&str| {
                let parts: Vec<&str> = zone.split('-').collect();
                (parts.len() == 3).then(|| parts[..2].join("-"))
            };
            let regions: Option<Vec<String>> = zones.iter().map(region).collect();
            let regions = regions?;
            regions.iter().all(|other| *other == regions[0]).then(|| regions[0].clone())
        }
    }
}

/// The volume's id, without `aws://zone/` before it.
fn aws_handle(id: &str) -> Option<String> {
    let Some(rest) = id.strip_prefix("aws://") else { return Some(id.to_owned()) };
    let path = rest.split_once('/')?.1.trim_matches('/');
    let is_legal = path.strip_prefix("vol-").is_some_and(|rest| !rest.contains('/'));
    is_legal.then(|| path.to_owned())
}

/// The labels of zone and region that a volume uses: in its node affinity, or else as labels of its
/// own.
fn label_names(volume: &PersistentVolume) -> (&'static str, &'static str) {
    let (new, old) = ((ZONE, REGION), (OLD_ZONE, OLD_REGION));
    let terms = volume.node_affinity.as_ref().map_or(&[][..], |selector| &selector.terms);
    let named = |key: &str| terms.iter().flat_map(|term| &term.match_expressions).any(|by| by.key == key);
    let labelled = |key: &str| volume.meta.labels.contains_key(key);
    let speaks_old = named(OLD_ZONE) || !labelled(ZONE) && labelled(OLD_ZONE);
    if !named(ZONE) && speaks_old { old } else { new }
}

/// The nodes that reach a volume by its driver's labels.
pub(super) fn moved_affinity(kind: InTree, volume: &PersistentVolume) -> Option<NodeSelector> {
    let Some(key) = kind.zone_key() else { return volume.node_affinity.clone() };
    let (zone, region) = label_names(volume);
    let mut affinity = volume.node_affinity.clone();
    let requirements = |selector: &mut NodeSelector, from: &str, to: &str| {
        let mut changed = false;
        for by in selector.terms.iter_mut().flat_map(|term| &mut term.match_expressions) {
            if by.key == from && !by.values.is_empty() {
                to.clone_into(&mut by.key);
                changed = true;
            }
        }
        changed
    };
    let replaced = affinity.as_mut().is_some_and(|selector| requirements(selector, zone, key));
    if !replaced && let Some(written) = volume.meta.labels.get(zone) {
        let mut values: Vec<String> = written.split("__").map(|value| value.trim().to_owned()).collect();
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        values.dedup();
        if !values.is_empty() {
            let selector = affinity.get_or_insert_with(NodeSelector::default);
            if selector.terms.is_empty() {
                selector.terms.push(NodeSelectorTerm::default());
            }
            for term in &mut selector.terms {
                let requirement =
                    Requirement { key: key.to_owned(), operator: Operator::In, values: values.clone() };
                term.match_expressions.push(requirement);
            }
        }
    }
    if region == OLD_REGION
        && let Some(selector) = &mut affinity
    {
        requirements(selector, OLD_REGION, REGION);
    }
    affinity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(labels: &[(&str, &str)], affinity: Option<(&str, &str)>) -> PersistentVolume {
        let mut volume = PersistentVolume {
            source: PersistentVolumeSource::GcePersistentDisk { name: "d".into() },
            ..PersistentVolume::default()
        };
        volume.meta.labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        volume.node_affinity = affinity.map(|(key, value)| {
            let requirement =
                Requirement { key: key.into(), operator: Operator::In, values: vec![value.into()] };
            let term = NodeSelectorTerm { match_expressions: vec![requirement], ..Default::default() };
            NodeSelector { terms: vec![term] }
        });
        volume
    }

    #[test]
    fn handles_are_those_of_the_driver() {
        for (id, handle) in [
            ("vol-1", Some("vol-1")),
            ("anything", Some("anything")),
            ("aws://eu-1/vol-1", Some("vol-1")),
            ("aws:///vol-1", Some("vol-1")),
            ("aws://eu-1/disk-1", None),
            ("aws://eu-1/vol-1/x", None),
            ("aws://eu-1", None),
        ] {
            assert_eq!(aws_handle(id).as_deref(), handle, "{id}");
        }
        for (labels, location) in [
            (vec![], Some("UNSPECIFIED")),
            (vec![(ZONE, "eu-west-1")], Some("eu-west-1")),
            (vec![(OLD_ZONE, "eu-west-2")], Some("eu-west-2")),
            (vec![(ZONE, "eu-west-1__eu-west-2")], Some("eu-west")),
            (vec![(ZONE, "eu-west-1__us-west-2")], None),
            (vec![(ZONE, "a__b")], None),
        ] {
            let expected = location.map(|location| gce_handle(location, "d"));
            assert_eq!(handle_of_persistent(&disk(&labels, None)), expected, "{labels:?}");
        }
    }

    #[test]
    fn zones_are_moved_to_the_drivers_label() {
        let key = InTree::Gce.zone_key().unwrap();
        let keys = |volume: &PersistentVolume| -> Vec<(String, Vec<String>)> {
            let affinity = moved_affinity(InTree::Gce, volume);
            let terms = affinity.into_iter().flat_map(|selector| selector.terms);
            terms.flat_map(|term| term.match_expressions).map(|by| (by.key, by.values)).collect()
        };
        let zone = |values: &[&str]| vec![(key.to_owned(), values.iter().map(|&v| v.to_owned()).collect())];
        assert_eq!(keys(&disk(&[], Some((ZONE, "a")))), zone(&["a"]));
        assert_eq!(keys(&disk(&[(ZONE, "b")], Some((OLD_ZONE, "a")))), zone(&["a"]));
        assert_eq!(keys(&disk(&[(ZONE, "b__a")], None)), zone(&["a", "b"]));
        assert_eq!(keys(&disk(&[], None)), []);
        let volume = disk(&[(OLD_ZONE, "a")], Some((OLD_REGION, "r")));
        let mut expected = vec![(REGION.to_owned(), vec!["r".to_owned()])];
        expected.extend(zone(&["a"]));
        assert_eq!(keys(&volume), expected);
    }

    #[test]
    fn nodes_say_what_has_moved() {
        let mut node = CsiNode::default();
        let counts = |kind: InTree, node: &CsiNode| {
            [Version::V1_34, Version::V1_36].map(|version| kind.counts_on(Some(node), version))
        };
        assert_eq!(counts(InTree::Gce, &node), [true, true]);
        assert_eq!(counts(InTree::Portworx, &node), [false, true]);
        assert_eq!(counts(InTree::Vsphere, &node), [false, false]);
        assert!(!InTree::Gce.counts_on(None, Version::V1_36) && !InTree::Gce.is_moved_on(Some(&node)));
        let list = "kubernetes.io/gce-pd,kubernetes.io/portworx-volume";
        node.meta.annotations.insert(MIGRATED_ANNOTATION.into(), list.into());
        assert!(InTree::Gce.is_moved_on(Some(&node)) && !InTree::Aws.is_moved_on(Some(&node)));
        assert_eq!(counts(InTree::Portworx, &node), [true, true]);
        assert_eq!(InTree::by_name("kubernetes.io/cinder"), Some(InTree::Cinder));
    }
}
