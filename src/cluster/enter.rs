//! Objects that placement depends on and that nothing else is done with: they are entered as they
//! are written. Nodes, pods and what makes pods are not entered here.

use super::{Cluster, ControllerKind};
use crate::api::{LabelSelector, Object, ObjectMeta};

/// The namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// The namespace of an object.
pub fn namespace_of(meta: &ObjectMeta) -> &str {
    if meta.namespace.is_empty() { DEFAULT_NAMESPACE } else { &meta.namespace }
}

impl Cluster {
    /// Enters an object that selects pods, describes a namespace, protects pods or is about storage;
    /// of a ReplicaSet, a StatefulSet and a ReplicationController the selector alone. An object of the
    /// same name is replaced. Other kinds are left alone.
    pub fn enter(&mut self, object: Object) {
        let Cluster { names, selectors, budgets, storage, .. } = self;
        let mut controller = |kind, meta: &ObjectMeta, selector: Option<&LabelSelector>| {
            selectors.set_controller(names, kind, (namespace_of(meta), &meta.name), selector);
        };
        match object {
            Object::Namespace(namespace) => {
                selectors.set_namespace(names, &namespace.meta.name, &namespace.meta.labels);
            }
            Object::Service(service) => {
                let meta = &service.meta;
                selectors.set_service(names, namespace_of(meta), &meta.name, service.selector.as_ref());
            }
            Object::ReplicaSet(set) => {
                controller(ControllerKind::ReplicaSet, &set.meta, Some(&set.selector));
            }
            Object::StatefulSet(set) => {
                controller(ControllerKind::StatefulSet, &set.meta, set.selector.as_ref());
            }
            Object::ReplicationController(replication) => {
                let selector = replication.selector.map(|labels| LabelSelector {
                    match_labels: labels.into_iter().collect(),
                    ..LabelSelector::default()
                });
                let kind = ControllerKind::ReplicationController;
                controller(kind, &replication.meta, selector.as_ref());
            }
            Object::PodDisruptionBudget(mut budget) => {
                if budget.meta.namespace.is_empty() {
                    DEFAULT_NAMESPACE.clone_into(&mut budget.meta.namespace);
                }
                budgets.set(names, &budget);
            }
            Object::PersistentVolume(volume) => storage.set_volume(*volume),
            Object::PersistentVolumeClaim(claim) => storage.set_claim(*claim),
            Object::StorageClass(class) => storage.set_class(*class),
            Object::CsiNode(node) => storage.set_node(*node),
            Object::CsiDriver(driver) => storage.set_driver(*driver),
            Object::CsiStorageCapacity(capacity) => storage.set_capacity(*capacity),
            Object::VolumeAttachment(attachment) => storage.set_attachment(*attachment),
            Object::Node(_)
            | Object::Pod(_)
            | Object::Deployment(_)
            | Object::Job(_)
            | Object::CronJob(_)
            | Object::DaemonSet(_)
            | Object::HorizontalPodAutoscaler(_)
            | Object::ResourceQuota(_)
            | Object::PriorityClass(_) => {}
        }
    }
}
