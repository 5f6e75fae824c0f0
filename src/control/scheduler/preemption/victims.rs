//! The dry run of one node: who would have to go.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/defaultpreemption
//! (SelectVictimsOnNode, filterPodsWithPDBViolation) and pkg/scheduler/util/utils.go
//! (MoreImportantPod; reference kube-scheduler §17.3, §28.4).

use super::{Candidate, NonCandidate};
use crate::base::ids::{NodeId, PodId};
use crate::base::units::NANOS_PER_SECOND;
use crate::cluster::{Budget, Cluster};
use crate::control::scheduler::cycle::{Attempt, Cycle};
use crate::control::scheduler::framework::{Cause, Code};
use crate::control::scheduler::nominator::Nominator;
use std::cmp::Reverse;

/// A pod that may be evicted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removable {
    pod: PodId,
    /// The more important first.
    importance: (Reverse<i32>, i64),
    /// Whether its eviction would violate a budget.
    violates: bool,
}

/// The second in which a pod was started. Status times have no finer resolution; what has not
/// started yet counts as the latest.
pub(super) fn start_second(cluster: &Cluster, pod: PodId) -> i64 {
    let started = cluster.pods.started[pod.index()];
    started.map_or(i64::MAX, |nanos| nanos.div_euclid(NANOS_PER_SECOND as i64))
}

impl Cycle {
    /// Which pods would have to go from a node so that the pod of the attempt fits. PreFilter has
    /// run; its state and the cluster are as before when the dry run is over.
    pub(super) fn dry_run(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        node: NodeId,
        nominated: &Nominator,
    ) -> Result<Candidate, NonCandidate> {
        let mut removable = std::mem::take(&mut self.preemption.removable);
        list_removable(cluster, attempt, node, &mut removable);
        let outcome = if removable.is_empty() {
            Err(NonCandidate::without_victims(node))
        } else {
            cluster.fork();
            for entry in &removable {
                cluster.displace(entry.pod);
                self.remove_pod(cluster, attempt, entry.pod, node);
            }
            let outcome = match self.refusal_beside(cluster, attempt, node, nominated) {
                Some(refusal) => {
                    let plugin = self.profile.plugins[self.profile.filters[refusal.filter]].name();
                    Err(NonCandidate { node, plugin, code: refusal.code, causes: refusal.causes })
                }
                None => self.reprieve(cluster, attempt, node, nominated, &mut removable),
            };
            for entry in removable.iter().rev() {
                if cluster.pods.counted_on[entry.pod.index()].is_none() {
                    cluster.place(entry.pod, node);
                    self.add_pod(cluster, attempt, entry.pod, node);
                }
            }
            cluster.revert();
            outcome
        };
        self.preemption.removable = removable;
        outcome
    }

    /// Puts as many of the removed pods back as possible, those first whose eviction would violate a
    /// budget, then the others, each in order of importance.
    fn reprieve(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        node: NodeId,
        nominated: &Nominator,
        removable: &mut [Removable],
    ) -> Result<Candidate, NonCandidate> {
        removable.sort_by_key(|entry| entry.importance);
        mark_violations(cluster, removable, &mut self.preemption.allowed);
        let protected = removable.iter().filter(|entry| entry.violates).count();
        let mut victims: Vec<Removable> = Vec::new();
        for violates in [true, false] {
            for &entry in removable.iter().filter(|entry| entry.violates == violates) {
                cluster.place(entry.pod, node);
                self.add_pod(cluster, attempt, entry.pod, node);
                if self.refusal_beside(cluster, attempt, node, nominated).is_some() {
                    cluster.displace(entry.pod);
                    self.remove_pod(cluster, attempt, entry.pod, node);
                    victims.push(entry);
                }
            }
        }
        if victims.is_empty() {
            let causes = vec![Cause::Text("expected at least one victim pod")];
            return Err(NonCandidate { node, plugin: "", code: Code::Error, causes });
        }
        if protected > 0 && protected < removable.len() {
            victims.sort_by_key(|entry| entry.importance);
        }
        let violations = victims.iter().filter(|entry| entry.violates).count() as u32;
        let victims = victims.iter().map(|entry| entry.pod).collect();
        Ok(Candidate { node, victims, violations })
    }
}

/// The pods of lower priority on a node, in its order.
fn list_removable(cluster: &Cluster, attempt: Attempt, node: NodeId, removable: &mut Vec<Removable>) {
    let priority = cluster.classes[attempt.class].priority;
    let lower = cluster.nodes.pods[node.index()].iter().filter_map(|&pod| {
        let theirs = cluster.classes[cluster.pods.class[pod.index()]].priority;
        let importance = (Reverse(theirs), start_second(cluster, pod));
        (theirs < priority).then_some(Removable { pod, importance, violates: false })
    });
    removable.clear();
    removable.extend(lower);
}

/// Marks the pods whose eviction would violate a budget, if the pods were evicted in this order.
fn mark_violations(cluster: &Cluster, removable: &mut [Removable], allowed: &mut Vec<i64>) {
    if cluster.budgets.is_empty() {
        return;
    }
    allowed.clear();
    allowed.extend(cluster.budgets.iter().map(|budget| i64::from(budget.allowed)));
    for entry in removable {
        for (budget, left) in cluster.budgets.iter().zip(allowed.iter_mut()) {
            if protects(cluster, budget, entry.pod) {
                *left -= 1;
                entry.violates |= *left < 0;
            }
        }
    }
}

/// Whether evicting a pod counts against a budget. Here, and only here, a budget with an empty
/// selector protects nothing.
fn protects(cluster: &Cluster, budget: &Budget, pod: PodId) -> bool {
    let class = &cluster.classes[cluster.pods.class[pod.index()]];
    let is_disrupted = || {
        let name = cluster.pods.name_text(&cluster.names, pod);
        budget.disrupted.contains(name.as_str())
    };
    budget.namespace == class.namespace
        && !class.labels.is_empty()
        && !budget.selector.is_everything()
        && budget.selector.matches(&class.labels)
        && (budget.disrupted.is_empty() || !is_disrupted())
}
