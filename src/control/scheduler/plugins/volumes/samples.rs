//! Small clusters with storage, for the tests of the volume plugins.

use crate::api::storage::{BIND_COMPLETED_ANNOTATION, CsiNodeDriver, VolumeBindingMode, VolumePhase};
use crate::api::{
    CsiNode, Node, ObjectMeta, PersistentVolume, PersistentVolumeClaim, Pod, PodTemplate, StorageClass,
    Volume, VolumeSource,
};
use crate::base::ids::{ClassId, NodeId, PodId, PoolId};
use crate::base::{Quantity, Time};
use crate::cluster::pods::NewRow;
use crate::cluster::{Cluster, PodName, PodRef};
use crate::control::Config;
use crate::control::config::Version;
use crate::control::scheduler::Attempt;
use crate::control::scheduler::Cycle;
use crate::control::scheduler::explain::Verdict;
use crate::control::scheduler::framework::Context;
use crate::control::scheduler::nominator::Nominator;
use std::sync::Arc;

/// A cluster, and the names of its nodes' failures.
#[derive(Default)]
pub(super) struct Sample {
    pub(super) cluster: Cluster,
}

impl Sample {
    /// Adds a node that has room for ten pods.
    pub(super) fn node(&mut self, name: &str, labels: &[(&str, &str)]) {
        let mut node = Node { meta: named(name), ..Node::default() };
        node.meta.labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        node.allocatable.insert("pods".into(), Quantity::from_units(10));
        self.cluster.add_node(&node, PoolId(0), Time::ZERO);
    }

    /// Enters the only driver of a node.
    pub(super) fn driver(&mut self, node: &str, driver: &str, limit: Option<i32>, keys: &[&str]) {
        let topology_keys = keys.iter().map(|&key| key.to_owned()).collect();
        let driver = CsiNodeDriver { name: driver.to_owned(), max_volumes: limit, topology_keys };
        self.cluster.storage.set_node(CsiNode { meta: named(node), drivers: vec![driver] });
    }

    /// Enters a class whose claims wait for their first consumer.
    pub(super) fn class(&mut self, name: &str, change: impl FnOnce(&mut StorageClass)) {
        let mut class = StorageClass {
            meta: named(name),
            binding_mode: VolumeBindingMode::WaitForFirstConsumer,
            ..StorageClass::default()
        };
        change(&mut class);
        self.cluster.storage.set_class(class);
    }

    /// Enters an available volume of the class `local` with so many units.
    pub(super) fn volume(&mut self, name: &str, units: i64, change: impl FnOnce(&mut PersistentVolume)) {
        let mut volume = PersistentVolume {
            meta: named(name),
            capacity: Quantity::from_units(units),
            storage_class_name: "local".into(),
            phase: VolumePhase::Available,
            ..PersistentVolume::default()
        };
        change(&mut volume);
        self.cluster.storage.set_volume(volume);
    }

    /// Changes a claim, which is made if it does not exist.
    pub(super) fn claim(&mut self, name: &str, change: impl FnOnce(&mut PersistentVolumeClaim)) {
        let known = self.cluster.storage.claim("default", name).cloned();
        let new = || PersistentVolumeClaim { meta: named(name), ..PersistentVolumeClaim::default() };
        let mut claim = known.unwrap_or_else(new);
        change(&mut claim);
        self.cluster.storage.set_claim(claim);
    }

    /// Enters a claim of the class `local` for so many units that waits for its first consumer.
    pub(super) fn waiting(&mut self, name: &str, units: i64) {
        self.claim(name, |claim| {
            claim.storage_class_name = Some("local".into());
            claim.request = Quantity::from_units(units);
        });
    }

    /// Enters a claim and the volume that it is bound to.
    pub(super) fn bound(&mut self, claim: &str, volume: &str, change: impl FnOnce(&mut PersistentVolume)) {
        self.volume(volume, 1, change);
        self.claim(claim, |written| {
            written.volume_name = volume.to_owned();
            written.meta.annotations.insert(BIND_COMPLETED_ANNOTATION.into(), "yes".into());
        });
    }

    /// The class of a pod with claims.
    pub(super) fn pod(&mut self, name: &str, claims: &[&str]) -> ClassId {
        let claim = |name: &&str| VolumeSource::Claim { name: (*name).to_owned(), read_only: false };
        self.pod_with(name, &claims.iter().map(claim).collect::<Vec<_>>())
    }

    /// The class of a pod with volumes, which are named `v0`, `v1`, …
    pub(super) fn pod_with(&mut self, name: &str, sources: &[VolumeSource]) -> ClassId {
        let mut template = PodTemplate::default();
        template.labels.insert("name".into(), name.to_owned());
        let volumes = sources.iter().enumerate();
        template.spec.volumes = volumes
            .map(|(number, source)| Volume { name: format!("v{number}"), source: source.clone() })
            .collect();
        let pod = Pod { meta: named(name), template: Arc::new(template), ..Pod::default() };
        self.cluster.class_for_pod(&pod)
    }

    /// Puts a pod of a class on a node.
    pub(super) fn place(&mut self, class: ClassId, node: NodeId) {
        let row = self.cluster.pods.present.len() as u32;
        let pod = PodRef { id: PodId(row), generation: 0 };
        let name = PodName::Own(format!("pod-{row}").into());
        let new = NewRow {
            serial: row.into(),
            name,
            class,
            owner: None,
            created: Time::ZERO,
            index: None,
            tracked: false,
        };
        self.cluster.pods.insert(pod, new);
        self.cluster.place(pod.id, node);
    }

    /// What a plugin sees of an attempt for a class.
    pub(super) fn context(&self, class: ClassId) -> Context<'_> {
        Context { cluster: &self.cluster, class, pod: None, version: Version::V1_36 }
    }

    /// The nodes that a plugin refuses, with its reasons; or the message with which it rejects the
    /// pod as a whole. Every other plugin must have nothing to object.
    pub(super) fn failures(&mut self, class: ClassId, plugin: &str) -> Vec<String> {
        let mut cycle = Cycle::new(&Config::default(), 0);
        let attempt = Attempt { class, pod: None, key: 0 };
        let explanation = cycle.explain(&mut self.cluster, attempt, &Nominator::default());
        if let Verdict::Rejected(rejection) = explanation.verdict {
            assert_eq!(rejection.plugin, plugin, "{rejection:?}");
            return rejection.reasons;
        }
        let failed = explanation.nodes.iter().filter_map(|entry| Some((entry.node, entry.failure()?)));
        failed
            .map(|(node, failure)| {
                assert_eq!(failure.plugin, plugin, "{failure:?}");
                let name = self.cluster.names.text(self.cluster.nodes.name[node.index()]);
                format!("{name}: {}", failure.reasons.join(", "))
            })
            .collect()
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: name.to_owned(), ..ObjectMeta::default() }
}
