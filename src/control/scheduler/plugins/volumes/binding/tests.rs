//! The binding of volumes on small clusters.

use super::super::samples::Sample;
use super::*;
use crate::api::storage::{AccessMode, ClaimPhase, ClaimReference, SELECTED_NODE_ANNOTATION, VolumeMode};
use crate::api::{
    CsiDriver, CsiStorageCapacity, NodeSelectorTerm, Operator, OwnerReference, PersistentVolume, Requirement,
    VolumeSource,
};
use crate::base::Quantity;

const NAME: &str = "VolumeBinding";
const FOUND_NONE: &str = "node(s) didn't find available persistent volumes to bind";
const UNREACHED: &str = "node(s) didn't match PersistentVolume's node affinity";

/// Two nodes in zones of their own names, and the class `local` without a provisioner.
fn sample() -> Sample {
    let mut sample = Sample::default();
    sample.node("a", &[("zone", "a")]);
    sample.node("b", &[("zone", "b")]);
    sample.class("local", |class| class.provisioner = "kubernetes.io/no-provisioner".into());
    sample
}

/// Lets a volume be reached in one zone.
fn within(zone: &str) -> impl FnOnce(&mut PersistentVolume) + use<> {
    let values = vec![zone.to_owned()];
    let requirement = Requirement { key: "zone".into(), operator: Operator::In, values };
    let term = NodeSelectorTerm { match_expressions: vec![requirement], ..NodeSelectorTerm::default() };
    move |volume| volume.node_affinity = Some(NodeSelector { terms: vec![term] })
}

#[test]
fn bound_volumes_are_used_where_they_are_reached() {
    let mut sample = sample();
    sample.bound("claim", "volume", within("a"));
    let class = sample.pod("p", &["claim"]);
    assert_eq!(sample.failures(class, NAME), [format!("b: {UNREACHED}")]);
    sample.bound("claim", "volume", |_| {});
    assert!(sample.failures(class, NAME).is_empty());
}

#[test]
fn claims_that_cannot_be_used_reject_the_pod() {
    let mut sample = sample();
    sample.waiting("claim", 1);
    let class = sample.pod("p", &["claim"]);
    let mut rejection = |change: &dyn Fn(&mut crate::api::PersistentVolumeClaim)| {
        sample.claim("claim", |claim| {
            *claim = crate::api::PersistentVolumeClaim {
                meta: crate::api::ObjectMeta { name: "claim".into(), ..Default::default() },
                storage_class_name: Some("local".into()),
                ..Default::default()
            };
            change(claim);
        });
        sample.failures(class, NAME).join("; ")
    };
    let lost = rejection(&|claim| {
        claim.phase = ClaimPhase::Lost;
        claim.volume_name = "gone".into();
    });
    assert_eq!(lost, r#"persistentvolumeclaim "claim" bound to non-existent persistentvolume "gone""#);
    let deleting = rejection(&|claim| claim.meta.deleting = true);
    assert_eq!(deleting, r#"persistentvolumeclaim "claim" is being deleted"#);
    let unbound = "pod has unbound immediate PersistentVolumeClaims";
    assert_eq!(rejection(&|claim| claim.storage_class_name = None), unbound);
    assert_eq!(rejection(&|claim| claim.storage_class_name = Some(String::new())), unbound);
}

#[test]
fn a_pods_own_claims_are_named_after_it_and_belong_to_it() {
    let mut sample = sample();
    let class = sample.pod_with("p", &[VolumeSource::Ephemeral]);
    let waits = r#"waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v0""#;
    assert_eq!(sample.failures(class, NAME), [waits]);
    sample.bound("p-v0", "volume", |_| {});
    let foreign = "PVC default/p-v0 was not created for pod default/p (pod is not owner)";
    assert_eq!(sample.failures(class, NAME), [foreign]);
    sample.claim("p-v0", |claim| {
        let (kind, name) = ("Pod".to_owned(), "p".to_owned());
        claim.meta.owner = Some(OwnerReference { kind, name, ..OwnerReference::default() });
    });
    assert!(sample.failures(class, NAME).is_empty());
}

#[test]
fn a_free_volume_must_suit_the_claim() {
    type Change = fn(&mut PersistentVolume);
    let changes: [(Change, bool); 8] = [
        (|_| {}, true),
        (|volume| volume.capacity = Quantity::from_units(4), false),
        (|volume| volume.storage_class_name = "other".into(), false),
        (|volume| volume.access_modes = vec![AccessMode::ReadOnlyMany], false),
        (|volume| volume.volume_mode = VolumeMode::Block, false),
        (|volume| volume.phase = crate::api::storage::VolumePhase::Released, false),
        (|volume| volume.meta.deleting = true, false),
        (|volume| volume.volume_attributes_class_name = Some("gold".into()), false),
    ];
    for (number, (change, fits)) in changes.into_iter().enumerate() {
        let mut sample = sample();
        sample.waiting("claim", 5);
        sample.claim("claim", |claim| claim.access_modes = vec![AccessMode::ReadWriteOnce]);
        sample.volume("volume", 5, |volume| {
            volume.access_modes = vec![AccessMode::ReadWriteOnce];
            change(volume);
        });
        let class = sample.pod("p", &["claim"]);
        assert_eq!(sample.failures(class, NAME).is_empty(), fits, "change {number}");
    }
}

#[test]
fn a_volume_set_aside_for_the_claim_comes_first() {
    let mut sample = sample();
    sample.waiting("claim", 1);
    sample.volume("free", 1, |_| {});
    let kept =
        |name: &str| ClaimReference { namespace: "default".into(), name: name.into(), uid: String::new() };
    sample.volume("kept", 9, |volume| {
        within("a")(volume);
        volume.claim = Some(kept("claim"));
    });
    let class = sample.pod("p", &["claim"]);
    assert_eq!(sample.failures(class, NAME), [format!("b: {FOUND_NONE}")]);
    sample.volume("kept", 9, |volume| volume.claim = Some(kept("another")));
    assert!(sample.failures(class, NAME).is_empty());
}

#[test]
fn each_claim_needs_a_volume_of_its_own() {
    let mut sample = sample();
    sample.waiting("large", 5);
    sample.waiting("small", 1);
    sample.volume("v5", 5, within("a"));
    let class = sample.pod("p", &["large", "small"]);
    assert_eq!(sample.failures(class, NAME).len(), 2);
    sample.volume("v1", 1, within("a"));
    assert_eq!(sample.failures(class, NAME), [format!("b: {FOUND_NONE}")]);
}

#[test]
fn provisioning_depends_on_topology_and_room() {
    let mut sample = sample();
    let allowed = vec![vec![("zone".to_owned(), vec!["a".to_owned()])]];
    sample.class("local", |class| {
        class.provisioner = "disk.example".into();
        class.allowed_topologies = allowed.clone();
    });
    sample.waiting("claim", 5);
    let class = sample.pod("p", &["claim"]);
    assert_eq!(sample.failures(class, NAME), [format!("b: {FOUND_NONE}")]);
    sample.class("local", |class| class.provisioner = "disk.example".into());
    let mut driver = CsiDriver { storage_capacity: true, ..CsiDriver::default() };
    driver.meta.name = "disk.example".into();
    sample.cluster.storage.set_driver(driver);
    let topology = LabelSelector { match_labels: vec![("zone".into(), "b".into())], ..Default::default() };
    let mut capacity = CsiStorageCapacity {
        node_topology: Some(topology),
        storage_class_name: "local".into(),
        capacity: Some(Quantity::from_units(9)),
        ..CsiStorageCapacity::default()
    };
    sample.cluster.storage.set_capacity(capacity.clone());
    let short = |node: &str| format!("{node}: node(s) did not have enough free storage");
    assert_eq!(sample.failures(class, NAME), [short("a")]);
    capacity.maximum_volume_size = Some(Quantity::from_units(4));
    sample.cluster.storage.set_capacity(capacity);
    assert_eq!(sample.failures(class, NAME), [short("a"), short("b")]);
}

#[test]
fn a_node_chosen_for_provisioning_is_the_only_one() {
    let mut sample = sample();
    sample.class("local", |class| class.provisioner = "disk.example".into());
    sample.waiting("claim", 5);
    sample.claim("claim", |claim| {
        claim.meta.annotations.insert(SELECTED_NODE_ANNOTATION.into(), "b".into());
    });
    let class = sample.pod("p", &["claim"]);
    assert_eq!(sample.failures(class, NAME), [format!("a: {FOUND_NONE}")]);
}

/// Runs PreFilter and tells which nodes are left.
fn left(plugin: &mut VolumeBinding, sample: &mut Sample, class: ClassId) -> Vec<usize> {
    plugin.compile(&mut sample.cluster, class);
    let context = sample.context(class);
    assert_eq!(plugin.pre_filter(context).status.code, Code::Success);
    let mut nodes = BitSet::new(sample.cluster.nodes.len());
    nodes.fill();
    plugin.filter(context, &mut nodes);
    nodes.iter().collect()
}

#[test]
fn a_volume_is_given_once_unless_the_pod_is_refused() {
    let mut sample = sample();
    sample.waiting("first", 1);
    sample.waiting("second", 1);
    sample.volume("volume", 1, within("a"));
    let (first, second) = (sample.pod("p", &["first"]), sample.pod("q", &["second"]));
    let sharing = sample.pod("r", &["first"]);
    let mut plugin = VolumeBinding::default();
    assert_eq!(left(&mut plugin, &mut sample, first), [0]);
    assert_eq!(plugin.reserve(sample.context(first), NodeId(0)), Status::SUCCESS);
    assert_eq!(left(&mut plugin, &mut sample, second), [0; 0]);
    assert_eq!(left(&mut plugin, &mut sample, sharing), [0], "the claim has its volume");
    plugin.unreserve(sample.context(first), NodeId(0));
    assert_eq!(left(&mut plugin, &mut sample, second), [0]);
    assert_eq!(plugin.reserve(sample.context(second), NodeId(0)), Status::SUCCESS);
    assert_eq!(plugin.pre_bind(sample.context(second), NodeId(0)), Status::SUCCESS);
    plugin.unreserve(sample.context(second), NodeId(0));
    assert_eq!(left(&mut plugin, &mut sample, first), [0; 0], "it is bound for good");
}

#[test]
fn a_provisioned_volume_is_reached_where_the_driver_says() {
    let mut sample = sample();
    sample.node("a2", &[("zone", "a")]);
    sample.class("local", |class| class.provisioner = "disk.example".into());
    sample.waiting("claim", 1);
    let class = sample.pod("p", &["claim"]);
    for (keys, expected) in [(&["zone"][..], vec![0, 2]), (&[], vec![0, 1, 2])] {
        sample.driver("a", "disk.example", None, keys);
        let mut plugin = VolumeBinding::default();
        assert_eq!(left(&mut plugin, &mut sample, class), [0, 1, 2]);
        assert_eq!(plugin.reserve(sample.context(class), NodeId(0)), Status::SUCCESS);
        assert_eq!(left(&mut plugin, &mut sample, class), expected);
    }
}
