//! How a DaemonSet replaces pods of an old template.
//!
//! Kubernetes 1.36, pkg/controller/daemon/update.go (rollingUpdate; reference control-plane §3.5). The
//! original walks a Go map, so which of several equal candidates it takes is random; here the
//! candidates are in the order in which the nodes are given.

use super::nodes::{Changes, DaemonNode, DaemonPod, Rule};
use crate::api::workload::DaemonSetUpdate;
use crate::control::controllers::rollout::resolve;

/// The limits of a rolling update in nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Nodes on which a new pod may run beside the old one.
    pub surge: i32,
    /// Nodes on which no pod may be available.
    pub unavailable: i32,
}

impl Limits {
    /// Resolves the limits for `desired` nodes, both rounded up; they are never both zero where a
    /// node should have a pod. Without rolling updates there are none, which counts as zero.
    pub fn new(update: DaemonSetUpdate, desired: i32) -> Limits {
        let (surge, unavailable) = match update {
            DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable } => {
                (resolve(max_surge, desired, 99), resolve(max_unavailable, desired, 99))
            }
            DaemonSetUpdate::OnDelete => (0, 0),
        };
        let none = desired > 0 && surge == 0 && unavailable == 0;
        Limits { surge, unavailable: if none { 1 } else { unavailable } }
    }
}

/// Whether an update may let a node have two pods at a time, however few nodes there are.
pub fn surges(update: DaemonSetUpdate) -> bool {
    Limits::new(update, 1).surge > 0
}

/// Things of which some are taken whatever happens, and of the others only so many.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// What is taken.
    pub always: Vec<u32>,
    /// What may be taken.
    pub candidates: Vec<u32>,
    /// How many of the candidates are taken.
    pub budget: usize,
}

impl Choice {
    fn limit(&mut self, budget: i32) {
        self.budget = self.candidates.len().min(budget.max(0) as usize);
    }

    /// What is taken: the first of the candidates.
    pub fn taken(&self) -> Vec<u32> {
        self.always.iter().chain(&self.candidates[..self.budget]).copied().collect()
    }
}

/// What a step of a rolling update does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Nodes that get a new pod beside the old one.
    pub create_on: Choice,
    /// Pods to delete.
    pub delete: Choice,
}

impl Step {
    /// Which pods are deleted and which nodes get one.
    pub fn changes(&self) -> Changes {
        Changes { create_on: self.create_on.taken(), delete: self.delete.taken() }
    }
}

/// The new and the old pod of a node that stay; `None` where there are two of a kind.
fn pair(node: &DaemonNode) -> Option<(Option<&DaemonPod>, Option<&DaemonPod>)> {
    let of = |is_new: bool| {
        let mut found = node.pods.iter().filter(|pod| !pod.deleting && pod.is_new == is_new);
        let first = found.next();
        found.next().is_none().then_some(first)
    };
    Some((of(true)?, of(false)?))
}

/// Decides a step. Nodes that should have no pod and have none are to be left out or have no say.
pub fn step<'n>(
    nodes: impl IntoIterator<Item = &'n DaemonNode>,
    limits: Limits,
    desired: i32,
    rule: &Rule,
) -> Step {
    let with_say =
        nodes.into_iter().filter(|node| !node.pods.is_empty() || (node.exists && node.placement.run));
    if limits.surge == 0 {
        replace(with_say, limits.unavailable, rule)
    } else {
        surge(with_say, limits.surge, desired, rule)
    }
}

/// Old pods go, and the core of the controller makes new ones in their place.
fn replace<'n>(nodes: impl Iterator<Item = &'n DaemonNode>, limit: i32, rule: &Rule) -> Step {
    let mut step = Step::default();
    let mut unavailable = 0;
    for node in nodes {
        match pair(node) {
            Some((None, Some(old))) if old.is_available(rule) => step.delete.candidates.push(old.id),
            Some((None, Some(old))) => {
                step.delete.always.push(old.id);
                unavailable += 1;
            }
            Some((Some(new), None)) if new.is_available(rule) => {}
            _ => unavailable += 1,
        }
    }
    step.delete.limit(limit - unavailable);
    step
}

/// New pods come beside old ones, which go when the new ones are available. Old pods on nodes that
/// should have none go when enough others are available.
fn surge<'n>(nodes: impl Iterator<Item = &'n DaemonNode>, limit: i32, desired: i32, rule: &Rule) -> Step {
    let mut step = Step::default();
    let (mut surging, mut available) = (0, 0);
    for node in nodes {
        let Some((new, old)) = pair(node) else {
            surging += 1;
            continue;
        };
        available += i32::from(old.or(new).is_some_and(|pod| pod.is_available(rule)));
        match (new, old) {
            (_, None) => {}
            (None, Some(_)) if !node.exists => {
                // The original cannot find the node, and gives up the whole step.
                return Step::default();
            }
            (None, Some(old)) => match (old.is_available(rule), node.placement.run) {
                (true, true) => step.create_on.candidates.push(node.id),
                (true, false) => step.delete.candidates.push(old.id),
                (false, true) => step.create_on.always.push(node.id),
                (false, false) => step.delete.always.push(old.id),
            },
            (Some(new), Some(old)) if new.is_available(rule) => step.delete.always.push(old.id),
            (Some(_), Some(_)) => surging += 1,
        }
    }
    step.create_on.limit(limit - surging);
    step.delete.limit(available - desired);
    step
}

#[cfg(test)]
mod tests;
