//! VolumeZone: bound volumes whose labels name zones or regions are used in these only.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/volumezone/volume_zone.go (reference
//! kube-scheduler §16.3).

use super::super::ByClass;
use super::{not_found, rejected, shared_claims};
use crate::api::PersistentVolume;
use crate::api::storage::VolumeBindingMode;
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Symbol};
use crate::cluster::Cluster;
use crate::control::scheduler::events::{Action, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, PreFiltered, Reach, Tally};

/// The reason given.
const REASON: Cause = Cause::Text("node(s) had no available volume zone");
/// The labels that name zones and regions; each is followed by its place in the new names.
const KEYS: [(&str, usize); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", 2),
    ("failure-domain.beta.kubernetes.io/region", 3),
    ("topology.kubernetes.io/zone", 2),
    ("topology.kubernetes.io/region", 3),
];
/// What stands between the values of a label that names several.
const DELIMITER: &str = "__";

/// A label of one of the pod's volumes.
#[derive(Debug)]
struct Wanted {
    /// The place in [`KEYS`].
    key: usize,
    /// The values that nodes may have.
    values: Vec<String>,
}

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct VolumeZone {
    /// Whether pods of a class have claims.
    concerned: ByClass<bool>,
    keys: [Symbol; 4],
    wanted: Vec<Wanted>,
}

impl VolumeZone {
    /// Collects the labels of the pod's bound volumes.
    fn collect(&mut self, context: Context<'_>) -> Result<(), String> {
        let (storage, pod) = (&context.cluster.storage, context.pod());
        let namespace = context.cluster.names.text(pod.namespace);
        self.wanted.clear();
        for name in shared_claims(pod) {
            if name.is_empty() {
                return Err("PersistentVolumeClaim had no name".to_owned());
            }
            let claim =
                storage.claim(namespace, name).ok_or_else(|| not_found("persistentvolumeclaim", name))?;
            if claim.volume_name.is_empty() {
                let class = claim.storage_class_name.as_deref().unwrap_or("");
                if class.is_empty() {
                    return Err("PersistentVolumeClaim had no pv name and storageClass name".to_owned());
                }
                let class =
                    storage.class(class).ok_or_else(|| not_found("storageclass.storage.k8s.io", class))?;
                match class.binding_mode {
                    VolumeBindingMode::WaitForFirstConsumer => continue,
                    VolumeBindingMode::Immediate => return Err("PersistentVolume had no name".to_owned()),
                }
            }
            let volume = storage
                .volume(&claim.volume_name)
                .ok_or_else(|| not_found("persistentvolume", &claim.volume_name))?;
            self.wanted.extend(wanted(volume));
        }
        Ok(())
    }

    fn matches(&self, cluster: &Cluster, row: usize) -> bool {
        let (names, class) = (&cluster.names, cluster.nodes.node_class(cluster.nodes.class[row]));
        let values = self.keys.map(|key| class.label(key));
        let suits = |wanted: &Wanted| {
            let value = values[wanted.key].or(values[KEYS[wanted.key].1]);
            value.is_some_and(|value| wanted.values.iter().any(|legal| legal == names.text(value)))
        };
        values.iter().all(Option::is_none) || self.wanted.iter().all(suits)
    }
}

/// The labels of a volume that name zones or regions. One with an empty value in its list is passed
/// over.
fn wanted(volume: &PersistentVolume) -> impl Iterator<Item = Wanted> {
    KEYS.iter().enumerate().filter_map(|(place, (key, _))| {
        let written = volume.meta.labels.get(*key)?;
        let values: Vec<String> = written.split(DELIMITER).map(|value| value.trim().to_owned()).collect();
        (!values.iter().any(String::is_empty)).then_some(Wanted { key: place, values })
    })
}

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        "VolumeZone"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        self.keys = KEYS.map(|(key, _)| cluster.names.intern(key));
        self.concerned.set(class, shared_claims(&cluster.classes[class]).next().is_some());
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        if !self.concerned.get(context.class) {
            return PreFiltered::SKIP;
        }
        match self.collect(context) {
            Err(message) => rejected(message),
            Ok(()) if self.wanted.is_empty() => PreFiltered::SKIP,
            Ok(()) => PreFiltered::SUCCESS,
        }
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        for row in 0..nodes.len() {
            if nodes.contains(row) && !self.matches(context.cluster, row) {
                nodes.remove(row);
            }
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        if self.matches(context.cluster, node.index()) {
            return Code::Success;
        }
        causes.push(REASON);
        Code::UnschedulableAndUnresolvable
    }

    fn tally(&mut self, _context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        tally.add(REASON, failed.count());
    }

    fn reach(&mut self, context: Context<'_>) -> Reach {
        if *self.concerned.get(context.class) { Reach::Cluster } else { Reach::Static }
    }

    fn registrations(&self) -> &'static [Registration] {
        &[Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeLabel] }]
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Sample;
    use super::*;

    #[test]
    fn labels_of_volumes_name_the_nodes() {
        let (zone, region) = (KEYS[2].0, KEYS[3].0);
        let (old_zone, old_region) = (KEYS[0].0, KEYS[1].0);
        for (node, volume, fits) in [
            (vec![(zone, "a")], vec![(zone, "a")], true),
            (vec![(zone, "b")], vec![(zone, "a")], false),
            (vec![(zone, "c")], vec![(zone, "a__ c")], true),
            (vec![], vec![(zone, "a")], true),
            (vec![(region, "r")], vec![(zone, "a")], false),
            (vec![(zone, "a")], vec![(old_zone, "a")], true),
            (vec![(old_zone, "a")], vec![(zone, "a")], false),
            (vec![(zone, "a"), (region, "r")], vec![(zone, "a"), (old_region, "r2")], false),
            (vec![(zone, "b")], vec![(zone, "a__")], true),
        ] {
            let mut sample = Sample::default();
            sample.node("n", &node);
            sample.bound("claim", "volume", |written| {
                written.meta.labels =
                    volume.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            });
            let class = sample.pod("p", &["claim"]);
            let failures = sample.failures(class, "VolumeZone");
            assert_eq!(failures.is_empty(), fits, "{node:?} {volume:?}: {failures:?}");
        }
    }
}
