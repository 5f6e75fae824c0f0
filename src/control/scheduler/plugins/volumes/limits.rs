//! NodeVolumeLimits: a node can attach so many volumes of a CSI driver.
//!
//! A volume counts once on a node, however many pods use it. Which volumes pods of a class have is
//! found once and kept until some storage object changes. Volumes that cannot be named (an illegal
//! id of a disk, for which the original fails the attempt) do not count.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/nodevolumelimits/csi.go (reference
//! kube-scheduler §16.4).

use super::super::ByClass;
use super::migration::{InTree, handle_of_persistent, handle_of_volume};
use super::{claim_name, is_made_for};
use crate::api::storage::PersistentVolumeSource;
use crate::api::{PersistentVolumeClaim, VolumeSource};
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Interner, Symbol};
use crate::cluster::{Cluster, PodClass, Storage};
use crate::control::config::Version;
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, PreFiltered, Reach, Tally};

/// The reason given.
const REASON: Cause = Cause::Text("node(s) exceed max volume count");
/// The reason given where a claim does not exist. Other plugins reject such a pod first, unless they
/// are switched off; the original names the claim.
const MISSING: Cause = Cause::Text("looking up PVC: persistentvolumeclaim not found");

/// A volume that can be attached.
#[derive(Clone, Copy, Debug)]
struct Attachable {
    /// Driver and handle.
    volume: Symbol,
    driver: Symbol,
    /// If it is of a kind that was built in, it counts only where the driver has taken over.
    kind: Option<InTree>,
}

/// The volumes of pods of a class.
#[derive(Debug, Default)]
struct Volumes {
    attachable: Vec<Attachable>,
    /// Whether some claim does not exist.
    is_missing: bool,
}

/// What is known of a node.
#[derive(Clone, Debug, Default)]
struct NodeFacts {
    /// How many volumes of a driver can be attached, for drivers that say so.
    limits: Vec<(Symbol, i64)>,
    /// Attached volumes with their drivers, whether pods use them or not.
    attached: Vec<(Symbol, Symbol)>,
    /// For each kind of volume that was built in, whether the driver has taken over.
    moved: Vec<InTree>,
}

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct NodeVolumeLimits {
    /// Whether pods of a class have volumes that can count.
    concerned: ByClass<bool>,
    /// Names of drivers and volumes.
    ids: Interner,
    /// By class, as far as they are known.
    volumes: Vec<Option<Volumes>>,
    /// By node row.
    nodes: Vec<NodeFacts>,
    /// The storage's change and the number of nodes up to which the two are right.
    valid_at: Option<(u64, usize)>,
    /// Scratch space: volumes with their drivers.
    new: Vec<(Symbol, Symbol)>,
    existing: Vec<(Symbol, Symbol)>,
}

impl NodeVolumeLimits {
    /// Forgets what no longer holds, and reads what nodes say.
    fn refresh(&mut self, cluster: &Cluster, version: Version) {
        let now = Some((cluster.storage.change_count(), cluster.nodes.len()));
        if self.valid_at == now {
            return;
        }
        self.valid_at = now;
        self.volumes.clear();
        self.nodes.clear();
        for &name in &cluster.nodes.name {
            let written = cluster.storage.node(cluster.names.text(name));
            let mut facts = NodeFacts::default();
            for driver in written.iter().flat_map(|node| &node.drivers) {
                let limit = driver.max_volumes.map(|limit| (self.ids.intern(&driver.name), limit.into()));
                facts.limits.extend(limit);
            }
            facts.moved = InTree::ALL.into_iter().filter(|kind| kind.counts_on(written, version)).collect();
            self.nodes.push(facts);
        }
        for attachment in cluster.storage.attachments() {
            let volume = attachment.persistent_volume_name.as_deref();
            let volume = volume.and_then(|name| cluster.storage.volume(name));
            let row = cluster.names.get(&attachment.node_name).and_then(|name| cluster.nodes.find(name));
            if let (Some(volume), Some(row), false) = (volume, row, attachment.attacher.is_empty())
                && let PersistentVolumeSource::Csi { handle, .. } = &volume.source
            {
                let attached = self.attachable(&attachment.attacher, handle, None);
                self.nodes[row.index()].attached.push((attached.volume, attached.driver));
            }
        }
    }

    fn attachable(&mut self, driver: &str, handle: &str, kind: Option<InTree>) -> Attachable {
        let volume = self.ids.intern(&format!("{driver}/{handle}"));
        Attachable { volume, driver: self.ids.intern(driver), kind }
    }

    /// Finds the volumes of a class, once.
    fn resolve(&mut self, cluster: &Cluster, class: ClassId) {
        if self.volumes.len() <= class.index() {
            self.volumes.resize_with(cluster.classes.len(), || None);
        }
        if self.volumes[class.index()].is_none() {
            let volumes = self.volumes_of(cluster, &cluster.classes[class]);
            self.volumes[class.index()] = Some(volumes);
        }
    }

    fn volumes_of(&mut self, cluster: &Cluster, pod: &PodClass) -> Volumes {
        let (namespace, own) = (cluster.names.text(pod.namespace), cluster.names.text(pod.own_name));
        let mut found = Volumes::default();
        for volume in &pod.template.spec.volumes {
            let Some((name, is_own)) = claim_name(volume, own) else {
                found.attachable.extend(self.inline(&volume.source));
                continue;
            };
            match cluster.storage.claim(namespace, &name) {
                None => found.is_missing = true,
                Some(claim) if is_own && !is_made_for(claim, own) => {}
                Some(claim) => found.attachable.extend(self.claimed(&cluster.storage, namespace, claim)),
            }
        }
        found
    }

    fn inline(&mut self, source: &VolumeSource) -> Option<Attachable> {
        let kind = InTree::of_volume(source)?;
        let handle = handle_of_volume(source)?;
        Some(self.attachable(kind.driver(), &handle, Some(kind)))
    }

    fn claimed(
        &mut self,
        storage: &Storage,
        namespace: &str,
        claim: &PersistentVolumeClaim,
    ) -> Option<Attachable> {
        let Some(volume) = storage.volume(&claim.volume_name) else {
            return self.unbound(storage, namespace, claim);
        };
        if let PersistentVolumeSource::Csi { driver, handle } = &volume.source {
            return (!driver.is_empty() && !handle.is_empty()).then(|| self.attachable(driver, handle, None));
        }
        let kind = InTree::of_persistent(&volume.source)?;
        let handle = handle_of_persistent(volume).filter(|handle| !handle.is_empty())?;
        Some(self.attachable(kind.driver(), &handle, Some(kind)))
    }

    /// A claim without a volume counts for its class's provisioner, under a name that no volume has.
    fn unbound(
        &mut self,
        storage: &Storage,
        namespace: &str,
        claim: &PersistentVolumeClaim,
    ) -> Option<Attachable> {
        let class = storage.class(claim.storage_class_name.as_deref()?)?;
        let kind = InTree::by_name(&class.provisioner);
        let driver = kind.map_or(class.provisioner.as_str(), |kind| kind.driver());
        let handle = format!("\0{namespace}/{}", claim.meta.name);
        (!driver.is_empty()).then(|| self.attachable(driver, &handle, kind))
    }

    /// Whether the node can attach what the pod brings, and if not, why.
    fn judge(&mut self, context: Context<'_>, row: usize) -> Option<(Code, Cause)> {
        let cluster = context.cluster;
        self.resolve(cluster, context.class);
        let ours = self.volumes[context.class.index()].as_ref()?;
        if ours.is_missing {
            return Some((Code::UnschedulableAndUnresolvable, MISSING));
        }
        let facts = &self.nodes[row];
        if ours.attachable.is_empty() || facts.limits.is_empty() {
            return None;
        }
        for &pod in &cluster.nodes.pods[row] {
            self.resolve(cluster, cluster.pods.class[pod.index()]);
        }
        let NodeVolumeLimits { volumes, nodes, new, existing, .. } = self;
        let facts = &nodes[row];
        let counts = |item: &&Attachable| item.kind.is_none_or(|kind| facts.moved.contains(&kind));
        let listed = |class: ClassId| {
            let all = volumes[class.index()].iter().flat_map(|volumes| &volumes.attachable);
            all.filter(counts).map(|item| (item.volume, item.driver))
        };
        existing.clear();
        existing
            .extend(cluster.nodes.pods[row].iter().flat_map(|pod| listed(cluster.pods.class[pod.index()])));
        existing.sort_unstable();
        existing.dedup();
        new.clear();
        new.extend(listed(context.class).filter(|item| existing.binary_search(item).is_err()));
        new.sort_unstable();
        new.dedup();
        // A volume that is attached but used by no pod takes a place of its own, even if it is one
        // that the pod brings.
        let unused = facts.attached.iter().filter(|item| existing.binary_search(item).is_err());
        let mut unused: Vec<(Symbol, Symbol)> = unused.copied().collect();
        unused.sort_unstable();
        unused.dedup();
        let of = |list: &[(Symbol, Symbol)], driver| {
            list.iter().filter(|(_, other)| *other == driver).count() as i64
        };
        let is_over = |&(driver, limit): &(Symbol, i64)| {
            let coming = of(new, driver);
            coming > 0 && of(existing, driver) + of(&unused, driver) + coming > limit
        };
        facts.limits.iter().any(is_over).then_some((Code::Unschedulable, REASON))
    }
}

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> &'static str {
        "NodeVolumeLimits"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        self.concerned.set(class, can_count(&cluster.classes[class]));
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        if !self.concerned.get(context.class) {
            return PreFiltered::SKIP;
        }
        self.refresh(context.cluster, context.version);
        PreFiltered::SUCCESS
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        for row in 0..nodes.len() {
            if nodes.contains(row) && self.judge(context, row).is_some() {
                nodes.remove(row);
            }
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let Some((code, cause)) = self.judge(context, node.index()) else { return Code::Success };
        causes.push(cause);
        code
    }

    fn tally(&mut self, context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        let first = failed.iter().next();
        if let Some((_, cause)) = first.and_then(|row| self.judge(context, row)) {
            // A missing claim fails every node; otherwise all fail for the same reason.
            tally.add(cause, failed.count());
        }
    }

    fn reach(&mut self, context: Context<'_>) -> Reach {
        if *self.concerned.get(context.class) { Reach::Cluster } else { Reach::Static }
    }

    fn registrations(&self) -> &'static [Registration] {
        &[Registration { resource: Resource::Pod, actions: &[Action::Delete] }]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        match change {
            Change::Pod { class, .. } => can_count(&context.cluster.classes[*class]),
            Change::Node { .. } => true,
        }
    }
}

/// Whether the pods have volumes that can count.
fn can_count(pod: &PodClass) -> bool {
    let mut volumes = pod.template.spec.volumes.iter();
    volumes.any(|volume| volume.source.is_claim() || InTree::of_volume(&volume.source).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::samples::Sample;
    use super::*;
    use crate::api::VolumeAttachment;

    /// A node with room for two volumes, of which pods use so many.
    fn sample(used: &[&str]) -> Sample {
        let mut sample = Sample::default();
        sample.node("n", &[]);
        sample.driver("n", "disk.example", Some(2), &[]);
        for claim in ["a", "b", "c"] {
            sample.bound(claim, &format!("v-{claim}"), |volume| {
                let driver = "disk.example".to_owned();
                volume.source =
                    PersistentVolumeSource::Csi { driver, handle: format!("h-{}", volume.meta.name) };
            });
        }
        for claim in used {
            let class = sample.pod(&format!("user-{claim}"), &[claim]);
            sample.place(class, NodeId(0));
        }
        sample
    }

    #[test]
    fn a_volume_counts_once_and_a_full_node_takes_no_more() {
        for (used, wanted, fits) in [
            (vec![], vec!["a", "b"], true),
            (vec![], vec!["a", "b", "c"], false),
            (vec!["a"], vec!["b"], true),
            (vec!["a", "b"], vec!["c"], false),
            (vec!["a", "b"], vec!["a"], true),
            (vec!["a", "a"], vec!["a", "b"], true),
        ] {
            let mut sample = sample(&used);
            let class = sample.pod("p", &wanted);
            let failures = sample.failures(class, "NodeVolumeLimits");
            assert_eq!(failures.is_empty(), fits, "{used:?} {wanted:?}");
        }
    }

    #[test]
    fn attached_volumes_count_though_no_pod_uses_them() {
        let mut sample = sample(&["a"]);
        let class = sample.pod("p", &["b"]);
        assert!(sample.failures(class, "NodeVolumeLimits").is_empty());
        let mut attachment = VolumeAttachment {
            attacher: "disk.example".into(),
            node_name: "n".into(),
            persistent_volume_name: Some("v-a".into()),
            ..VolumeAttachment::default()
        };
        sample.cluster.storage.set_attachment(attachment.clone());
        assert!(sample.failures(class, "NodeVolumeLimits").is_empty(), "a pod uses it already");
        attachment.persistent_volume_name = Some("v-c".into());
        sample.cluster.storage.set_attachment(attachment);
        assert_eq!(sample.failures(class, "NodeVolumeLimits").len(), 1);
    }

    #[test]
    fn inline_disks_count_for_the_driver_that_has_taken_over() {
        let mut sample = Sample::default();
        sample.node("n", &[]);
        let disk = |id: &str| VolumeSource::AwsElasticBlockStore { id: id.into(), read_only: false };
        let class = sample.pod_with("p", &[disk("vol-1"), disk("aws://eu/vol-1"), disk("vol-2")]);
        assert!(sample.failures(class, "NodeVolumeLimits").is_empty());
        sample.driver("n", "ebs.csi.aws.com", Some(1), &[]);
        assert_eq!(sample.failures(class, "NodeVolumeLimits").len(), 1);
        sample.driver("n", "ebs.csi.aws.com", Some(2), &[]);
        assert!(sample.failures(class, "NodeVolumeLimits").is_empty());
    }
}
