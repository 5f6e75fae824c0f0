//! Which pods the selectors of objects select: disruption budgets, autoscalers, services, quotas.
//!
//! Equal pods share a class, and whether a selector selects a class is found out once. What is done
//! with the pods is not known here.

use crate::base::ids::{ClassId, PodId, WorkloadId};
use crate::base::{Map, Symbol};
use crate::cluster::{Cluster, Selector};
use std::collections::BTreeMap;

/// For each followed object the pods that its selector selects, and for each pod the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Followers {
    objects: BTreeMap<WorkloadId, Followed>,
    /// By class: the objects that select its pods. Emptied when an object comes or changes.
    by_class: Map<ClassId, Vec<WorkloadId>>,
}

#[derive(Clone, Debug)]
struct Followed {
    namespace: Symbol,
    selector: Selector,
    pods: Vec<PodId>,
}

impl Followers {
    /// Follows an object from now on, with another selector if it was followed before. Pods that
    /// exist already are found.
    pub(crate) fn follow(
        &mut self,
        id: WorkloadId,
        namespace: Symbol,
        selector: Selector,
        cluster: &Cluster,
    ) {
        let selects = |pod: &PodId| {
            let class = &cluster.classes[cluster.pods.class[pod.index()]];
            class.namespace == namespace && selector.matches(&class.labels)
        };
        let pods = cluster.pods.iter().filter(selects).collect();
        self.by_class.clear();
        self.objects.insert(id, Followed { namespace, selector, pods });
    }

    /// Follows an object no more.
    pub(crate) fn forget(&mut self, id: WorkloadId) {
        if self.objects.remove(&id).is_some() {
            self.by_class.clear();
        }
    }

    /// The objects that select a pod, in order of creation.
    pub(crate) fn of_pod(&mut self, pod: PodId, cluster: &Cluster) -> &[WorkloadId] {
        let class = cluster.pods.class[pod.index()];
        self.by_class.entry(class).or_insert_with(|| {
            let compiled = &cluster.classes[class];
            let selects = |followed: &Followed| {
                followed.namespace == compiled.namespace && followed.selector.matches(&compiled.labels)
            };
            let found = self.objects.iter().filter(|(_, followed)| selects(followed));
            found.map(|(&id, _)| id).collect()
        })
    }

    /// A pod was created.
    pub(crate) fn pod_added(&mut self, pod: PodId, cluster: &Cluster) {
        for id in self.of_pod(pod, cluster).to_vec() {
            if let Some(followed) = self.objects.get_mut(&id)
                && !followed.pods.contains(&pod)
            {
                followed.pods.push(pod);
            }
        }
    }

    /// A pod is gone; its row is still there.
    pub(crate) fn pod_removed(&mut self, pod: PodId, cluster: &Cluster) {
        for id in self.of_pod(pod, cluster).to_vec() {
            if let Some(followed) = self.objects.get_mut(&id)
                && let Some(place) = followed.pods.iter().position(|known| *known == pod)
            {
                followed.pods.swap_remove(place);
            }
        }
    }

    /// The pods that an object selects, in no particular order.
    pub(crate) fn pods(&self, id: WorkloadId) -> &[PodId] {
        self.objects.get(&id).map_or(&[], |followed| followed.pods.as_slice())
    }

    /// The objects that are followed, in order of creation.
    pub(crate) fn objects(&self) -> impl Iterator<Item = WorkloadId> + '_ {
        self.objects.keys().copied()
    }
}
