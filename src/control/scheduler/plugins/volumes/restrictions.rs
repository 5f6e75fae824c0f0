//! VolumeRestrictions: disks that are attached to one node at a time, and claims that one pod uses
//! at a time.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/volumerestrictions/
//! volume_restrictions.go (reference kube-scheduler §16.5).

use super::super::ByClass;
use super::{not_found, rejected, shared_claims};
use crate::api::storage::AccessMode;
use crate::api::{Volume, VolumeSource};
use crate::base::BitSet;
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::{Cluster, PodClass};
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, PreFiltered, Reach, Tally};

/// The reason given for disks.
const DISK: Cause = Cause::Text("node(s) had no available disk");
/// The reason given for claims.
const CLAIM: Cause = Cause::Text(
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
     another pod",
);

/// What of a pod class concerns the plugin.
#[derive(Clone, Copy, Debug)]
struct Concern {
    /// It has disks that can conflict.
    disks: bool,
    /// It has claims.
    claims: bool,
}

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct VolumeRestrictions {
    concerns: ByClass<Concern>,
    /// The pod's claims for one pod at a time, by name.
    exclusive: Vec<String>,
    /// How many of them are in use, as if by one pod each.
    conflicts: i64,
    /// Whether pods of a class have disks that conflict with the pod's, as far as it is known.
    by_class: Vec<Option<bool>>,
}

impl VolumeRestrictions {
    /// Finds the claims for one pod at a time, and counts those in use.
    fn count(&mut self, context: Context<'_>) -> Result<(), String> {
        let (cluster, pod) = (context.cluster, context.pod());
        let namespace = cluster.names.text(pod.namespace);
        for name in shared_claims(pod) {
            let claim = cluster
                .storage
                .claim(namespace, name)
                .ok_or_else(|| not_found("persistentvolumeclaim", name))?;
            let is_listed = self.exclusive.iter().any(|listed| listed == name);
            if claim.access_modes.contains(&AccessMode::ReadWriteOncePod) && !is_listed {
                self.exclusive.push(name.to_owned());
            }
        }
        let is_used = |name: &String| is_used(cluster, pod, name);
        self.conflicts = self.exclusive.iter().filter(|name| is_used(name)).count() as i64;
        Ok(())
    }

    /// How many of the exclusive claims a pod refers to. The original compares names alone, whatever
    /// the namespace.
    fn references(&self, other: &PodClass) -> i64 {
        let listed = |name: &&str| self.exclusive.iter().any(|exclusive| exclusive == name);
        shared_claims(other).filter(listed).count() as i64
    }

    /// Whether a pod on the node has a disk that conflicts with one of the pod's.
    fn has_conflict(&mut self, context: Context<'_>, row: usize) -> bool {
        let (cluster, pod) = (context.cluster, context.pod());
        self.by_class.resize(cluster.classes.len(), None);
        cluster.nodes.pods[row].iter().any(|&other| {
            let class = cluster.pods.class[other.index()];
            let known = &mut self.by_class[class.index()];
            *known.get_or_insert_with(|| disks_conflict(pod, &cluster.classes[class]))
        })
    }
}

/// Whether some pod on a node uses the claim.
fn is_used(cluster: &Cluster, pod: &PodClass, claim: &str) -> bool {
    let mut by_class: Vec<Option<bool>> = vec![None; cluster.classes.len()];
    let rows = cluster.nodes.present.iter();
    rows.flat_map(|row| &cluster.nodes.pods[row]).any(|&other| {
        let class = cluster.pods.class[other.index()];
        *by_class[class.index()].get_or_insert_with(|| {
            let other = &cluster.classes[class];
            other.namespace == pod.namespace && shared_claims(other).any(|name| name == claim)
        })
    })
}

/// Whether the volume is a disk of a kind that can conflict.
fn is_disk(volume: &Volume) -> bool {
    matches!(
        volume.source,
        VolumeSource::GcePersistentDisk { .. }
            | VolumeSource::AwsElasticBlockStore { .. }
            | VolumeSource::Iscsi { .. }
            | VolumeSource::Rbd { .. }
    )
}

fn disks_conflict(pod: &PodClass, other: &PodClass) -> bool {
    let others = &other.template.spec.volumes;
    let conflicts = |ours: &Volume| others.iter().any(|theirs| conflict(&ours.source, &theirs.source));
    pod.template.spec.volumes.iter().filter(|volume| is_disk(volume)).any(conflicts)
}

/// Whether two pods with these volumes cannot be on one node.
fn conflict(ours: &VolumeSource, theirs: &VolumeSource) -> bool {
    use VolumeSource::{AwsElasticBlockStore, GcePersistentDisk, Iscsi, Rbd};
    match (ours, theirs) {
        (
            GcePersistentDisk { name: a, read_only: a_only },
            GcePersistentDisk { name: b, read_only: b_only },
        ) => a == b && !(*a_only && *b_only),
        (AwsElasticBlockStore { id: a, .. }, AwsElasticBlockStore { id: b, .. }) => a == b,
        (Iscsi { iqn: a, read_only: a_only, .. }, Iscsi { iqn: b, read_only: b_only, .. }) => {
            a == b && !(*a_only && *b_only)
        }
        (
            Rbd { monitors, pool, image, read_only },
            Rbd { monitors: others, pool: other_pool, image: other_image, read_only: other_only },
        ) => {
            monitors.iter().any(|monitor| others.contains(monitor))
                && (pool, image) == (other_pool, other_image)
                && !(*read_only && *other_only)
        }
        _ => false,
    }
}

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        "VolumeRestrictions"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let pod = &cluster.classes[class];
        let disks = pod.template.spec.volumes.iter().any(is_disk);
        let claims = shared_claims(pod).next().is_some();
        self.concerns.set(class, Concern { disks, claims });
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        let concern = *self.concerns.get(context.class);
        self.exclusive.clear();
        self.by_class.clear();
        self.conflicts = 0;
        if concern.claims
            && let Err(message) = self.count(context)
        {
            return rejected(message);
        }
        if concern.disks || self.conflicts > 0 { PreFiltered::SUCCESS } else { PreFiltered::SKIP }
    }

    fn add_pod(&mut self, context: Context<'_>, other: ClassId, _node: NodeId) {
        self.conflicts += self.references(&context.cluster.classes[other]);
    }

    fn remove_pod(&mut self, context: Context<'_>, other: ClassId, _node: NodeId) {
        self.conflicts -= self.references(&context.cluster.classes[other]);
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        if self.conflicts > 0 {
            return nodes.clear();
        }
        if !self.concerns.get(context.class).disks {
            return;
        }
        for row in 0..nodes.len() {
            if nodes.contains(row) && self.has_conflict(context, row) {
                nodes.remove(row);
            }
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let disks = self.concerns.get(context.class).disks;
        if disks && self.has_conflict(context, node.index()) {
            causes.push(DISK);
        } else if self.conflicts > 0 {
            causes.push(CLAIM);
        } else {
            return Code::Success;
        }
        Code::Unschedulable
    }

    fn tally(&mut self, context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        let disks = self.concerns.get(context.class).disks;
        let conflicting = failed.iter().filter(|&row| disks && self.has_conflict(context, row)).count();
        tally.add(DISK, conflicting);
        tally.add(CLAIM, failed.count() - conflicting);
    }

    fn reach(&mut self, context: Context<'_>) -> Reach {
        let concern = self.concerns.get(context.class);
        if concern.disks || concern.claims { Reach::Cluster } else { Reach::Static }
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration { resource: Resource::Pod, actions: &[Action::Delete] },
            Registration { resource: Resource::Node, actions: &[Action::Add] },
        ]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        let Change::Pod { class, .. } = *change else { return true };
        let (pod, other) = (context.pod(), &context.cluster.classes[class]);
        pod.namespace == other.namespace
            && (disks_conflict(pod, other)
                || shared_claims(pod).any(|name| shared_claims(other).any(|used| used == name)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Sample;
    use super::*;

    #[test]
    fn golden_conflicts_of_disks() {
        use VolumeSource::{AwsElasticBlockStore, GcePersistentDisk, Iscsi, Rbd};
        let gce = |name: &str, read_only| GcePersistentDisk { name: name.into(), read_only };
        let aws = |id: &str, read_only| AwsElasticBlockStore { id: id.into(), read_only };
        let iscsi = |iqn: &str, portal: &str, read_only| Iscsi {
            target_portal: portal.into(),
            iqn: iqn.into(),
            lun: 0,
            read_only,
        };
        let rbd = |monitors: &[&str], image: &str, read_only| Rbd {
            monitors: monitors.iter().map(|&monitor| monitor.to_owned()).collect(),
            pool: "rbd".into(),
            image: image.into(),
            read_only,
        };
        for (ours, theirs, expected) in [
            (gce("d", false), gce("d", false), true),
            (gce("d", true), gce("d", false), true),
            (gce("d", true), gce("d", true), false),
            (gce("d", false), gce("e", false), false),
            (aws("d", true), aws("d", true), true),
            (aws("d", false), gce("d", false), false),
            (iscsi("q", "a", false), iscsi("q", "b", true), true),
            (iscsi("q", "a", true), iscsi("q", "a", true), false),
            (rbd(&["a", "b"], "i", false), rbd(&["b", "c"], "i", false), true),
            (rbd(&["a"], "i", false), rbd(&["b"], "i", false), false),
            (rbd(&["a"], "i", false), rbd(&["a"], "j", false), false),
            (rbd(&["a"], "i", true), rbd(&["a"], "i", true), false),
        ] {
            assert_eq!(conflict(&ours, &theirs), expected, "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn a_claim_for_one_pod_at_a_time_is_free_again_when_the_pod_is_taken_away() {
        let mut sample = Sample::default();
        sample.node("n", &[]);
        sample.bound("claim", "volume", |_| {});
        sample.claim("claim", |claim| claim.access_modes = vec![AccessMode::ReadWriteOncePod]);
        let (user, wisher) = (sample.pod("user", &["claim"]), sample.pod("wisher", &["claim"]));
        assert!(sample.failures(wisher, "VolumeRestrictions").is_empty());
        sample.place(user, NodeId(0));
        assert_eq!(sample.failures(wisher, "VolumeRestrictions").len(), 1);
        let mut plugin = VolumeRestrictions::default();
        plugin.compile(&mut sample.cluster, wisher);
        let context = sample.context(wisher);
        assert_eq!(plugin.pre_filter(context).status.code, Code::Success);
        plugin.remove_pod(context, user, NodeId(0));
        assert_eq!(plugin.status(context, NodeId(0), &mut Vec::new()), Code::Success);
        plugin.add_pod(context, user, NodeId(0));
        assert_eq!(plugin.status(context, NodeId(0), &mut Vec::new()), Code::Unschedulable);
    }

    #[test]
    fn the_end_of_a_pod_with_the_same_claim_may_help() {
        let mut sample = Sample::default();
        let (user, wisher) = (sample.pod("user", &["claim"]), sample.pod("wisher", &["claim"]));
        let other = sample.pod("other", &["another"]);
        let mut plugin = VolumeRestrictions::default();
        let context = sample.context(wisher);
        let mut helps =
            |class| plugin.hint(context, &Change::Pod { class, before: None, action: Action::Delete });
        assert!(helps(user) && !helps(other));
    }
}
