//! What a DaemonSet does about nodes with too few or too many pods, and its status.
//!
//! Kubernetes 1.36, pkg/controller/daemon/daemon_controller.go (podsShouldBeOnNode,
//! updateDaemonSetStatus; reference control-plane §3.5). How pods of an old template are replaced is
//! in [`super::rolling`].

use super::placement::Placement;
use crate::api::PodPhase;
use crate::api::status::DaemonSetStatus;
use crate::base::{Span, Time};
use std::cmp::Reverse;

/// A pod of the set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DaemonPod {
    /// What the caller calls it.
    pub id: u32,
    /// Whether it has the current template.
    pub is_new: bool,
    /// Whether it is bound; else it waits for the scheduler.
    pub bound: bool,
    /// When it was created.
    pub created: Time,
    /// Since when it is ready; `None` while it is not.
    pub ready: Option<Time>,
    /// Its phase.
    pub phase: PodPhase,
    /// Whether its deletion has begun.
    pub deleting: bool,
}

impl DaemonPod {
    /// Whether the controller sees it at all: one that has ended and is being deleted makes room.
    pub fn counts(&self) -> bool {
        !(self.deleting && self.phase.is_terminal())
    }

    /// Whether it has been ready for long enough.
    pub fn is_available(&self, rule: &Rule) -> bool {
        self.ready.is_some_and(|since| rule.min_ready == Span::ZERO || since + rule.min_ready <= rule.now)
    }
}

/// A node with its pods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DaemonNode {
    /// What the caller calls it.
    pub id: u32,
    /// Whether the node exists; else pods are meant for, or bound to, a node that has gone.
    pub exists: bool,
    /// Whether it has a pod.
    pub placement: Placement,
    /// The pods that [count](DaemonPod::counts), in the order of their names.
    pub pods: Vec<DaemonPod>,
}

/// Orders the pods of a node from the oldest, bound ones first. Among equals the name decides.
fn age(pod: &DaemonPod) -> (Reverse<bool>, Time) {
    (Reverse(pod.bound), pod.created)
}

/// What is the same for all nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// How long a pod must have been ready to count as available.
    pub min_ready: Span,
    /// Whether a node may have an old and a new pod at a time.
    pub surges: bool,
    /// The present.
    pub now: Time,
}

/// Pods to delete and nodes that get one, by the caller's ids.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Nodes that get a pod.
    pub create_on: Vec<u32>,
    /// Pods to delete.
    pub delete: Vec<u32>,
}

/// Decides which pods are missing and which are too many. `may_delete_failed` is asked for each
/// failed pod whether the back-off of its node lets it be deleted now; a yes starts the next wait.
pub fn manage<'n>(
    nodes: impl IntoIterator<Item = &'n DaemonNode>,
    rule: &Rule,
    may_delete_failed: &mut impl FnMut(&DaemonNode) -> bool,
) -> Changes {
    let mut changes = Changes::default();
    for node in nodes {
        if !node.exists {
            // Nobody else deletes a pod that waits for a node which never comes.
            let waiting = node.pods.iter().filter(|pod| !pod.bound);
            changes.delete.extend(waiting.map(|pod| pod.id));
        } else if node.placement.run && node.pods.is_empty() {
            changes.create_on.push(node.id);
        } else if node.placement.keep {
            keep(node, rule, may_delete_failed, &mut changes);
        } else {
            let staying = node.pods.iter().filter(|pod| !pod.deleting);
            changes.delete.extend(staying.map(|pod| pod.id));
        }
    }
    changes
}

/// Sees to a node whose pods may stay.
fn keep(
    node: &DaemonNode,
    rule: &Rule,
    may_delete_failed: &mut impl FnMut(&DaemonNode) -> bool,
    changes: &mut Changes,
) {
    for pod in node.pods.iter().filter(|pod| !pod.deleting) {
        let goes = match pod.phase {
            PodPhase::Failed => may_delete_failed(node),
            phase => phase == PodPhase::Succeeded,
        };
        if goes {
            changes.delete.push(pod.id);
        }
    }
    let mut alive: Vec<&DaemonPod> =
        node.pods.iter().filter(|pod| !pod.deleting && !pod.phase.is_terminal()).collect();
    alive.sort_by_key(|pod| age(pod));
    if alive.len() > 1 && rule.surges {
        prune(&alive, rule, changes);
    } else if alive.len() > 1 {
        changes.delete.extend(alive[1..].iter().map(|pod| pod.id));
    } else if alive.is_empty() && rule.surges && node.placement.run {
        changes.create_on.push(node.id);
    }
}

/// With a surge the oldest pod of each template may stay; the old one only while it is ready and
/// the new one is not available.
fn prune(alive: &[&DaemonPod], rule: &Rule, changes: &mut Changes) {
    let oldest = |is_new: bool| alive.iter().find(|pod| pod.is_new == is_new).copied();
    let (new, old) = (oldest(true), oldest(false));
    let stays = |pod: &DaemonPod| [new, old].into_iter().flatten().any(|kept| kept.id == pod.id);
    changes.delete.extend(alive.iter().filter(|pod| !stays(pod)).map(|pod| pod.id));
    if let (Some(new), Some(old)) = (new, old)
        && (old.ready.is_none() || new.is_available(rule))
    {
        changes.delete.push(old.id);
    }
}

/// The status, but for the observed generation. Of several pods on a node the oldest counts.
pub fn status<'n>(nodes: impl IntoIterator<Item = &'n DaemonNode>, rule: &Rule) -> DaemonSetStatus {
    let mut status = DaemonSetStatus::default();
    for node in nodes.into_iter().filter(|node| node.exists) {
        let oldest = node.pods.iter().min_by_key(|pod| age(pod));
        if !node.placement.run {
            status.misscheduled += i32::from(oldest.is_some());
            continue;
        }
        status.desired += 1;
        let Some(pod) = oldest else { continue };
        status.current += 1;
        status.ready += i32::from(pod.ready.is_some());
        status.available += i32::from(pod.is_available(rule));
        status.updated += i32::from(pod.is_new);
    }
    status.unavailable = status.desired - status.available;
    status
}

/// How many nodes should have a pod.
pub fn desired<'n>(nodes: impl IntoIterator<Item = &'n DaemonNode>) -> i32 {
    let running = nodes.into_iter().filter(|node| node.exists && node.placement.run).count();
    i32::try_from(running).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
