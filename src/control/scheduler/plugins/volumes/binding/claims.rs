//! What a pod's claims need, found once an attempt: which are bound and to what, and what could be
//! bound to the others.

use super::super::migration::{InTree, moved_affinity};
use super::super::{claim_name, is_made_for, not_found, selects};
use super::assumed::Place;
use super::{Bound, Candidate, ClaimKey, Provision, VolumeBinding, Waiting};
use crate::api::storage::{ClaimPhase, VolumeBindingMode, VolumePhase};
use crate::api::{PersistentVolume, PersistentVolumeClaim, StorageClass};
use crate::base::Quantity;
use crate::cluster::{Cluster, Storage};
use crate::control::scheduler::framework::Context;

/// The provisioner that stands for none.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

impl VolumeBinding {
    /// Looks at the pod's claims. The error is why the pod as a whole is rejected.
    pub(super) fn collect(&mut self, context: Context<'_>) -> Result<(), String> {
        let (cluster, pod) = (context.cluster, context.pod());
        let (namespace, own) = (cluster.names.text(pod.namespace), cluster.names.text(pod.own_name));
        self.bound.clear();
        self.waiting.clear();
        let mut claims: Vec<&PersistentVolumeClaim> = Vec::new();
        for volume in &pod.template.spec.volumes {
            let Some((name, is_own)) = claim_name(volume, own) else { continue };
            let claim = cluster.storage.claim(namespace, &name);
            let claim = claim.ok_or_else(|| {
                if is_own {
                    format!(
                        "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                    )
                } else {
                    not_found("persistentvolumeclaim", &name)
                }
            })?;
            check(claim)?;
            if is_own && !is_made_for(claim, own) {
                return Err(format!(
                    "PVC {namespace}/{name} was not created for pod {namespace}/{own} (pod is not owner)"
                ));
            }
            claims.push(claim);
        }
        let mut is_unbound = false;
        let mut sizes: Vec<(Quantity, Waiting)> = Vec::new();
        for claim in claims {
            let key = (namespace.to_owned(), claim.meta.name.clone());
            match self.bound(cluster, claim, &key) {
                Some(bound) => self.bound.push(bound),
                None => match delaying_class(&cluster.storage, claim) {
                    Some(class) => sizes.push((claim.request, self.waiting(cluster, claim, class, key))),
                    None => is_unbound = true,
                },
            }
        }
        if is_unbound {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        sizes.sort_by_key(|(size, _)| *size);
        self.waiting.extend(sizes.into_iter().map(|(_, waiting)| waiting));
        Ok(())
    }

    /// What a claim is bound to, if it is.
    fn bound(&mut self, cluster: &Cluster, claim: &PersistentVolumeClaim, key: &ClaimKey) -> Option<Bound> {
        let volume = match (claim.is_fully_bound(), self.assumed.place_of(key)) {
            (true, _) => &claim.volume_name,
            (false, Some(Place::Volume(volume))) => volume,
            (false, Some(Place::New(affinity))) => {
                let plain = self.affinities.enter(cluster, affinity.as_ref());
                return Some(Bound::Reached { plain, moved: None });
            }
            (false, None) => return None,
        };
        let Some(volume) = cluster.storage.volume(volume) else { return Some(Bound::Missing) };
        let plain = self.affinities.enter(cluster, volume.node_affinity.as_ref());
        let moved = InTree::of_persistent(&volume.source).map(|kind| {
            let affinity = moved_affinity(kind, volume);
            (kind, self.affinities.enter(cluster, affinity.as_ref()))
        });
        Some(Bound::Reached { plain, moved })
    }

    fn waiting(
        &mut self,
        cluster: &Cluster,
        claim: &PersistentVolumeClaim,
        class: &StorageClass,
        key: ClaimKey,
    ) -> Waiting {
        let volumes = cluster.storage.volumes_of_class(&class.meta.name);
        let mut found: Vec<(&PersistentVolume, bool)> = volumes
            .filter(|volume| self.assumed.owner_of(&volume.meta.name).is_none_or(|owner| *owner == key))
            .filter_map(|volume| suits(claim, volume, &key).map(|is_kept| (volume, is_kept)))
            .collect();
        // Stable: those set aside in the order of names, the others by size.
        found.sort_by_key(|(volume, is_kept)| (!is_kept, (!is_kept).then_some(volume.capacity)));
        let candidates = found
            .into_iter()
            .map(|(volume, is_kept)| Candidate {
                name: volume.meta.name.clone(),
                affinity: self.affinities.enter(cluster, volume.node_affinity.as_ref()),
                is_kept,
            })
            .collect();
        Waiting {
            claim: key,
            selected_node: claim.selected_node().map(str::to_owned),
            candidates,
            provision: provision(&cluster.storage, claim, class),
        }
    }
}

/// Whether a claim can be used at all.
fn check(claim: &PersistentVolumeClaim) -> Result<(), String> {
    let (name, volume) = (&claim.meta.name, &claim.volume_name);
    if claim.phase == ClaimPhase::Lost {
        return Err(format!(
            "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {volume:?}"
        ));
    }
    if claim.meta.deleting {
        return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
    }
    Ok(())
}

/// The class of a claim that waits for its first consumer. A claim with a volume that is not bound to
/// it yet does not.
fn delaying_class<'s>(storage: &'s Storage, claim: &PersistentVolumeClaim) -> Option<&'s StorageClass> {
    let class = storage.class(claim.storage_class_name.as_deref().filter(|name| !name.is_empty())?)?;
    let waits = class.binding_mode == VolumeBindingMode::WaitForFirstConsumer;
    (waits && claim.volume_name.is_empty()).then_some(class)
}

/// Whether a volume of the claim's class suits it on some node, and if so, whether it was set aside
/// for it.
fn suits(claim: &PersistentVolumeClaim, volume: &PersistentVolume, key: &ClaimKey) -> Option<bool> {
    let is_kept = match &volume.claim {
        Some(kept) => {
            let is_ours = (&kept.namespace, &kept.name) == (&key.0, &key.1)
                && (kept.uid.is_empty() || kept.uid == claim.meta.uid);
            if !is_ours {
                return None;
            }
            true
        }
        None => false,
    };
    let attributes = |class: &Option<String>| class.clone().unwrap_or_default();
    let fits = volume.capacity >= claim.request
        && volume.volume_mode == claim.volume_mode
        && attributes(&volume.volume_attributes_class_name)
            == attributes(&claim.volume_attributes_class_name)
        && !volume.meta.deleting;
    let labels = |key: &str| volume.meta.labels.get(key).map(String::as_str);
    let is_free = || {
        volume.phase == VolumePhase::Available
            && claim.selector.as_ref().is_none_or(|selector| selects(selector, labels))
            && claim.access_modes.iter().all(|mode| volume.access_modes.contains(mode))
    };
    (fits && (is_kept || is_free())).then_some(is_kept)
}

/// What provisioning for the claim needs. A request of zero counts as none, for which no room is
/// looked for.
fn provision(storage: &Storage, claim: &PersistentVolumeClaim, class: &StorageClass) -> Provision {
    let driver = match class.provisioner.as_str() {
        NO_PROVISIONER => "",
        driver => driver,
    };
    let says = storage.driver(driver).is_some_and(|driver| driver.storage_capacity);
    let roomy = (says && claim.request > Quantity::ZERO).then(|| {
        let size = claim.request.units_ceil();
        let capacities = storage.capacities_of_class(&class.meta.name);
        let roomy = capacities.filter(|capacity| {
            let limit = capacity.maximum_volume_size.or(capacity.capacity);
            limit.is_some_and(|limit| limit.units_ceil() >= size)
        });
        roomy.filter_map(|capacity| capacity.node_topology.clone()).collect()
    });
    Provision { driver: driver.to_owned(), topologies: class.allowed_topologies.clone(), roomy }
}
