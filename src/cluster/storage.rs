//! Storage as the scheduler knows it: volumes, claims, classes, and what nodes and drivers say of
//! themselves, as written, found by name.
//!
//! What follows from them for a pod is not known here.

use crate::api::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass,
    VolumeAttachment,
};
use std::collections::BTreeMap;

/// The storage objects. Lists are in the order of names.
#[derive(Clone, Debug, Default)]
pub struct Storage {
    volumes: BTreeMap<String, PersistentVolume>,
    /// By namespace, then name.
    claims: BTreeMap<String, BTreeMap<String, PersistentVolumeClaim>>,
    classes: BTreeMap<String, StorageClass>,
    nodes: BTreeMap<String, CsiNode>,
    drivers: BTreeMap<String, CsiDriver>,
    /// By namespace, then name.
    capacities: BTreeMap<(String, String), CsiStorageCapacity>,
    attachments: BTreeMap<String, VolumeAttachment>,
    changes: u64,
}

impl Storage {
    /// The number of the latest change: what was derived stays valid while this stays.
    pub fn change_count(&self) -> u64 {
        self.changes
    }

    /// Enters or replaces a volume.
    pub fn set_volume(&mut self, volume: PersistentVolume) {
        self.volumes.insert(volume.meta.name.clone(), volume);
        self.changes += 1;
    }

    /// Forgets a volume.
    pub fn remove_volume(&mut self, name: &str) {
        self.volumes.remove(name);
        self.changes += 1;
    }

    /// The volume of that name.
    pub fn volume(&self, name: &str) -> Option<&PersistentVolume> {
        self.volumes.get(name)
    }

    /// All volumes of a class; the empty name stands for volumes without one.
    pub fn volumes_of_class<'s>(&'s self, class: &'s str) -> impl Iterator<Item = &'s PersistentVolume> {
        self.volumes.values().filter(move |volume| volume.storage_class_name == class)
    }

    /// Enters or replaces a claim; a missing namespace is `default`.
    pub fn set_claim(&mut self, claim: PersistentVolumeClaim) {
        let namespace = match claim.meta.namespace.as_str() {
            "" => "default",
            written => written,
        };
        let claims = self.claims.entry(namespace.to_owned()).or_default();
        claims.insert(claim.meta.name.clone(), claim);
        self.changes += 1;
    }

    /// Forgets a claim.
    pub fn remove_claim(&mut self, namespace: &str, name: &str) {
        if let Some(claims) = self.claims.get_mut(namespace) {
            claims.remove(name);
        }
        self.changes += 1;
    }

    /// The claim of that name.
    pub fn claim(&self, namespace: &str, name: &str) -> Option<&PersistentVolumeClaim> {
        self.claims.get(namespace)?.get(name)
    }

    /// Enters or replaces a storage class.
    pub fn set_class(&mut self, class: StorageClass) {
        self.classes.insert(class.meta.name.clone(), class);
        self.changes += 1;
    }

    /// Forgets a storage class.
    pub fn remove_class(&mut self, name: &str) {
        self.classes.remove(name);
        self.changes += 1;
    }

    /// The storage class of that name.
    pub fn class(&self, name: &str) -> Option<&StorageClass> {
        self.classes.get(name)
    }

    /// Enters or replaces what a node says of its drivers.
    pub fn set_node(&mut self, node: CsiNode) {
        self.nodes.insert(node.meta.name.clone(), node);
        self.changes += 1;
    }

    /// Forgets what a node says of its drivers.
    pub fn remove_node(&mut self, name: &str) {
        self.nodes.remove(name);
        self.changes += 1;
    }

    /// What the node of that name says of its drivers.
    pub fn node(&self, name: &str) -> Option<&CsiNode> {
        self.nodes.get(name)
    }

    /// Enters or replaces a driver.
    pub fn set_driver(&mut self, driver: CsiDriver) {
        self.drivers.insert(driver.meta.name.clone(), driver);
        self.changes += 1;
    }

    /// Forgets a driver.
    pub fn remove_driver(&mut self, name: &str) {
        self.drivers.remove(name);
        self.changes += 1;
    }

    /// The driver of that name.
    pub fn driver(&self, name: &str) -> Option<&CsiDriver> {
        self.drivers.get(name)
    }

    /// Enters or replaces how much a driver can provision somewhere.
    pub fn set_capacity(&mut self, capacity: CsiStorageCapacity) {
        let key = (capacity.meta.namespace.clone(), capacity.meta.name.clone());
        self.capacities.insert(key, capacity);
        self.changes += 1;
    }

    /// Forgets how much a driver can provision somewhere.
    pub fn remove_capacity(&mut self, namespace: &str, name: &str) {
        self.capacities.remove(&(namespace.to_owned(), name.to_owned()));
        self.changes += 1;
    }

    /// How much can be provisioned for a class, by part of the cluster.
    pub fn capacities_of_class<'s>(&'s self, class: &'s str) -> impl Iterator<Item = &'s CsiStorageCapacity> {
        self.capacities.values().filter(move |capacity| capacity.storage_class_name == class)
    }

    /// Enters or replaces an attachment.
    pub fn set_attachment(&mut self, attachment: VolumeAttachment) {
        self.attachments.insert(attachment.meta.name.clone(), attachment);
        self.changes += 1;
    }

    /// Forgets an attachment.
    pub fn remove_attachment(&mut self, name: &str) {
        self.attachments.remove(name);
        self.changes += 1;
    }

    /// All attachments.
    pub fn attachments(&self) -> impl Iterator<Item = &VolumeAttachment> {
        self.attachments.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<T: Default>(
        object: T,
        meta: impl FnOnce(&mut T) -> &mut crate::api::ObjectMeta,
        name: &str,
    ) -> T {
        let mut object = object;
        meta(&mut object).name = name.to_owned();
        object
    }

    #[test]
    fn objects_are_found_by_name_until_they_are_removed() {
        let mut storage = Storage::default();
        let mut volume = named(PersistentVolume::default(), |volume| &mut volume.meta, "v");
        volume.storage_class_name = "fast".into();
        storage.set_volume(volume);
        storage.set_claim(named(PersistentVolumeClaim::default(), |claim| &mut claim.meta, "c"));
        storage.set_class(named(StorageClass::default(), |class| &mut class.meta, "fast"));
        storage.set_node(named(CsiNode::default(), |node| &mut node.meta, "n"));
        storage.set_driver(named(CsiDriver::default(), |driver| &mut driver.meta, "d"));
        assert!(storage.volume("v").is_some() && storage.claim("default", "c").is_some());
        assert!(storage.claim("other", "c").is_none());
        assert!(storage.class("fast").is_some() && storage.node("n").is_some());
        assert_eq!(storage.volumes_of_class("fast").count(), 1);
        assert_eq!(storage.volumes_of_class("").count(), 0);
        let before = storage.change_count();
        storage.remove_volume("v");
        storage.remove_claim("default", "c");
        storage.remove_class("fast");
        storage.remove_node("n");
        storage.remove_driver("d");
        assert!(storage.volume("v").is_none() && storage.claim("default", "c").is_none());
        assert!(storage.class("fast").is_none() && storage.node("n").is_none());
        assert!(storage.driver("d").is_none() && storage.change_count() == before + 5);
    }
}
