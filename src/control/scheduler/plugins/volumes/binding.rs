//! VolumeBinding: a pod runs where its bound volumes are reached, and where volumes for its other
//! claims are free or can be provisioned.
//!
//! What the volume controller and the provisioners do is left out. A claim that waits for its
//! first consumer counts as bound from the moment at which its pod's node is chosen (Reserve): to
//! the free volume that was found for it, which nobody else gets then, or to a new one, which is
//! reached from where the driver's topology labels are those of the node. Both are remembered here
//! alone, in [`assumed::Assumed`]: the claims in the store, and so the other volume plugins, do not
//! change. They wait again if the pod is refused before PreBind, where the original writes them;
//! after that they stay bound even if the binding of the pod fails. Where several free volumes are
//! equally small, the first by name is taken; the original's choice is free there.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/volumebinding (volume_binding.go,
//! binder.go) and component-helpers/storage/volume (reference kube-scheduler §16.2).

mod assumed;
mod claims;

use super::super::ByClass;
use super::{NodeLabels, rejected};
use crate::api::storage::TopologySelectorTerm;
use crate::api::{LabelSelector, NodeSelector};
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Map};
use crate::cluster::Cluster;
use crate::control::scheduler::events::{Action, Registration, Resource};
use crate::control::scheduler::framework::{
    Cause, Code, Context, Plugin, PreFiltered, Reach, Status, Tally, Targets,
};
use assumed::{Assumed, ClaimKey, Place};

/// The reasons, in the order in which they are given.
const REASONS: [Cause; 4] = [
    Cause::Text("node(s) didn't match PersistentVolume's node affinity"),
    Cause::Text("node(s) didn't find available persistent volumes to bind"),
    Cause::Text("node(s) did not have enough free storage"),
    Cause::Text("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
];
/// The bits of the reasons.
const NOT_REACHED: u8 = 1;
const NOT_FOUND: u8 = 2;
const NOT_ENOUGH: u8 = 4;
const MISSING: u8 = 8;

/// The rows that a node affinity names, kept until the static side of some node changes.
#[derive(Debug, Default)]
struct Affinities {
    ids: Map<NodeSelector, usize>,
    /// The selector, the static change up to which the rows are right, and these.
    rows: Vec<(NodeSelector, Option<u64>, BitSet)>,
}

impl Affinities {
    /// The place of an affinity whose rows are right for now; `None` for all nodes.
    fn enter(&mut self, cluster: &Cluster, selector: Option<&NodeSelector>) -> Option<usize> {
        let selector = selector?;
        let place = self.ids.get(selector).copied().unwrap_or_else(|| {
            self.ids.insert(selector.clone(), self.rows.len());
            self.rows.push((selector.clone(), None, BitSet::default()));
            self.rows.len() - 1
        });
        let now = Some(cluster.nodes.static_change_count());
        let (selector, valid_at, rows) = &mut self.rows[place];
        if *valid_at != now {
            *valid_at = now;
            rows.resize(cluster.nodes.len());
            rows.clear();
            for row in cluster.nodes.present.iter() {
                if super::reaches(selector, NodeLabels { cluster, row }) {
                    rows.insert(row);
                }
            }
        }
        Some(place)
    }

    fn holds(&self, place: Option<usize>, row: usize) -> bool {
        place.is_none_or(|place| self.rows[place].2.contains(row))
    }
}

/// A claim with a volume.
#[derive(Debug)]
enum Bound {
    /// The volume does not exist.
    Missing,
    /// The nodes that reach it.
    Reached {
        /// By its own affinity.
        plain: Option<usize>,
        /// By the labels of the driver that has taken over, on nodes that say so.
        moved: Option<(super::migration::InTree, Option<usize>)>,
    },
}

/// A free volume that suits a claim.
#[derive(Debug)]
struct Candidate {
    name: String,
    affinity: Option<usize>,
    /// Whether it was set aside for the claim.
    is_kept: bool,
}

/// What provisioning for a claim needs.
#[derive(Debug, Default)]
struct Provision {
    /// Who provisions; empty if nobody does.
    driver: String,
    /// Where volumes can be; none: everywhere.
    topologies: Vec<TopologySelectorTerm>,
    /// Where the driver has room for the volume; `None` if it does not say.
    roomy: Option<Vec<LabelSelector>>,
}

/// A claim that waits for its first consumer.
#[derive(Debug)]
struct Waiting {
    claim: ClaimKey,
    /// The node for which a volume is being provisioned.
    selected_node: Option<String>,
    /// Suitable volumes: those set aside, then the others, the smallest first.
    candidates: Vec<Candidate>,
    provision: Provision,
}

/// What a node means for the pod's claims.
#[derive(Debug, Default)]
struct Judgement {
    /// Why it does not do.
    reasons: u8,
    /// Which volumes would be taken, as places in the lists of claims and candidates.
    taken: Vec<(usize, usize)>,
    /// For which claims volumes would be provisioned.
    provisioned: Vec<usize>,
}

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct VolumeBinding {
    /// Whether pods of a class have claims.
    concerned: ByClass<bool>,
    affinities: Affinities,
    assumed: Assumed,
    bound: Vec<Bound>,
    /// By ascending size.
    waiting: Vec<Waiting>,
}

impl VolumeBinding {
    fn judge(&self, cluster: &Cluster, row: usize) -> Judgement {
        let mut judgement = Judgement::default();
        for bound in &self.bound {
            let reason = self.judge_bound(bound, cluster, row);
            if reason != 0 {
                judgement.reasons |= reason;
                break;
            }
        }
        if !self.waiting.is_empty() {
            self.judge_waiting(cluster, row, &mut judgement);
        }
        judgement
    }

    fn judge_bound(&self, bound: &Bound, cluster: &Cluster, row: usize) -> u8 {
        let Bound::Reached { plain, moved } = bound else { return MISSING };
        let name = || cluster.names.text(cluster.nodes.name[row]);
        let affinity = match moved {
            Some((kind, affinity)) if kind.is_moved_on(cluster.storage.node(name())) => affinity,
            _ => plain,
        };
        if self.affinities.holds(*affinity, row) { 0 } else { NOT_REACHED }
    }

    fn judge_waiting(&self, cluster: &Cluster, row: usize, judgement: &mut Judgement) {
        let name = cluster.names.text(cluster.nodes.name[row]);
        let elsewhere = |claim: &Waiting| claim.selected_node.as_deref().is_some_and(|node| node != name);
        if self.waiting.iter().any(elsewhere) {
            judgement.reasons |= NOT_FOUND;
            return;
        }
        let selected = |(_, claim): &(usize, &Waiting)| claim.selected_node.is_some();
        let mut left: Vec<usize> =
            self.waiting.iter().enumerate().filter(selected).map(|(place, _)| place).collect();
        let mut chosen: Vec<&str> = Vec::new();
        for (place, claim) in self.waiting.iter().enumerate().filter(|entry| !selected(entry)) {
            match self.find(claim, row, &chosen) {
                Some(candidate) => {
                    chosen.push(&claim.candidates[candidate].name);
                    judgement.taken.push((place, candidate));
                }
                None => left.push(place),
            }
        }
        for place in left {
            let reason = self.waiting[place].provision.judge(NodeLabels { cluster, row });
            if reason != 0 {
                judgement.reasons |= reason;
                return;
            }
            judgement.provisioned.push(place);
        }
    }

    /// The volume that the claim would get on a node, of those not chosen for another. If one was set
    /// aside for it, it is that or none.
    fn find(&self, claim: &Waiting, row: usize, chosen: &[&str]) -> Option<usize> {
        let mut free = claim.candidates.iter().enumerate();
        let is_free = |candidate: &Candidate| !chosen.contains(&candidate.name.as_str());
        let reached = |candidate: &Candidate| self.affinities.holds(candidate.affinity, row);
        let (place, candidate) =
            free.find(|(_, candidate)| is_free(candidate) && (candidate.is_kept || reached(candidate)))?;
        reached(candidate).then_some(place)
    }
}

impl Provision {
    fn judge(&self, labels: NodeLabels<'_>) -> u8 {
        let allows = |term: &TopologySelectorTerm| {
            let holds = |(key, values): &(String, Vec<String>)| {
                labels.get(key).is_some_and(|value| values.iter().any(|legal| legal == value))
            };
            !term.is_empty() && term.iter().all(holds)
        };
        if self.driver.is_empty() || !self.topologies.is_empty() && !self.topologies.iter().any(allows) {
            return NOT_FOUND;
        }
        let has_room = |roomy: &Vec<LabelSelector>| {
            roomy.iter().any(|nodes| super::selects(nodes, |key| labels.get(key)))
        };
        if self.roomy.as_ref().is_none_or(has_room) { 0 } else { NOT_ENOUGH }
    }
}

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        self.concerned.set(class, cluster.classes[class].template.spec.has_claims());
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        if !self.concerned.get(context.class) {
            return PreFiltered::SKIP;
        }
        match self.collect(context) {
            Ok(()) => PreFiltered::SUCCESS,
            Err(message) => rejected(message),
        }
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        for row in 0..nodes.len() {
            if nodes.contains(row) && self.judge(context.cluster, row).reasons != 0 {
                nodes.remove(row);
            }
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let reasons = self.judge(context.cluster, node.index()).reasons;
        let given = REASONS.iter().enumerate().filter(|(bit, _)| reasons >> bit & 1 == 1);
        causes.extend(given.map(|(_, cause)| cause));
        if reasons == 0 { Code::Success } else { Code::UnschedulableAndUnresolvable }
    }

    fn tally(&mut self, context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        for row in failed.iter() {
            let reasons = self.judge(context.cluster, row).reasons;
            for (bit, &cause) in REASONS.iter().enumerate() {
                tally.add(cause, usize::from(reasons >> bit & 1));
            }
        }
    }

    fn pre_score(&mut self, _context: Context<'_>, _targets: Targets<'_>) -> Status {
        // Volumes are scored only with the gate StorageCapacityScoring, which is off.
        Status::SKIP
    }

    fn reach(&mut self, context: Context<'_>) -> Reach {
        if *self.concerned.get(context.class) { Reach::Cluster } else { Reach::Static }
    }

    fn reserve(&mut self, context: Context<'_>, node: NodeId) -> Status {
        if !self.concerned.get(context.class) {
            return Status::SUCCESS;
        }
        if let Err(message) = self.collect(context) {
            return Status { code: Code::Error, message };
        }
        let judgement = self.judge(context.cluster, node.index());
        let mut claims: Vec<(ClaimKey, Place)> = Vec::new();
        for (place, candidate) in judgement.taken {
            let Waiting { claim, candidates, .. } = &self.waiting[place];
            claims.push((claim.clone(), Place::Volume(candidates[candidate].name.clone())));
        }
        for place in judgement.provisioned {
            let Waiting { claim, provision, .. } = &self.waiting[place];
            let reached = assumed::reached_from(context.cluster, &provision.driver, node);
            claims.push((claim.clone(), Place::New(reached)));
        }
        self.assumed.enter(claims);
        Status::SUCCESS
    }

    fn unreserve(&mut self, _context: Context<'_>, _node: NodeId) {
        self.assumed.take_back();
    }

    fn pre_bind(&mut self, _context: Context<'_>, _node: NodeId) -> Status {
        self.assumed.keep();
        Status::SUCCESS
    }

    fn registrations(&self) -> &'static [Registration] {
        &[Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeLabel] }]
    }
}

#[cfg(test)]
mod tests;
