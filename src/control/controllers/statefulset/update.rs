//! What one sync of a StatefulSet does, as a decision: the specification and the pods in, the writes
//! in their order and the status out.
//!
//! Kubernetes 1.36, pkg/controller/statefulset/stateful_set_control.go (reference control-plane §3.4;
//! the feature gate MaxUnavailableStatefulSet is off). Claims, and how anything is written, are not
//! known here.

use crate::api::PodPhase;
use crate::api::status::StatefulSetStatus;
use crate::api::workload::{PodManagement, StatefulSetUpdate};
use crate::base::{Span, Time};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The most writes of one sync. The original knows no limit; a set that needs more goes on with the
/// next sync, long before a client could have made this many requests.
const MAX_ACTIONS: usize = 100_000;

/// The specification as the decision sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// How many pods.
    pub replicas: u32,
    /// The first ordinal.
    pub start: u32,
    /// In which order pods are made and removed.
    pub management: PodManagement,
    /// How pods of an old template are replaced.
    pub update: StatefulSetUpdate,
    /// How long a pod must have been ready to count as available.
    pub min_ready: Span,
    /// Whether the set itself is being deleted: then nothing is done about its pods.
    pub deleting: bool,
}

impl Target {
    /// The ordinals that should have a pod.
    fn ordinals(&self) -> std::ops::Range<u64> {
        let start = u64::from(self.start);
        start..start + u64::from(self.replicas)
    }

    /// The template for a new pod: below the partition the current one.
    fn revision(&self, ordinal: u64, revisions: Revisions) -> u32 {
        match self.update {
            StatefulSetUpdate::RollingUpdate { partition, .. }
                if ordinal < u64::from(self.start) + partition.max(0) as u64 =>
            {
                revisions.current
            }
            _ => revisions.update,
        }
    }
}

/// The templates that count; equal where no update is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revisions {
    /// The one that an update comes from.
    pub current: u32,
    /// The one that the set has now.
    pub update: u32,
}

/// A pod of the set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its ordinal.
    pub ordinal: u32,
    /// Its template.
    pub revision: u32,
    /// Its phase; `None` for an object without status, which counts as not created.
    pub phase: Option<PodPhase>,
    /// Since when it is ready; `None` while it is not.
    pub ready: Option<Time>,
    /// Whether its deletion has begun.
    pub deleting: bool,
}

impl Member {
    fn is_running_and_ready(&self) -> bool {
        self.phase == Some(PodPhase::Running) && self.ready.is_some()
    }

    fn is_available(&self, min_ready: Span, now: Time) -> bool {
        self.ready.is_some_and(|since| min_ready == Span::ZERO || since + min_ready <= now)
    }

    fn is_unavailable(&self, min_ready: Span, now: Time) -> bool {
        self.deleting || !self.is_available(min_ready, now)
    }
}

/// A write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Action {
    /// Create the pod of an ordinal.
    Create {
        /// The ordinal.
        ordinal: u32,
        /// From which template.
        revision: u32,
    },
    /// Delete the pod of an ordinal.
    Delete {
        /// The ordinal.
        ordinal: u32,
    },
}

/// What a sync does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decision {
    /// The writes in order. With [`PodManagement::Parallel`] those about pods that should exist, and
    /// then those about pods that should not, are made at once in batches of 1, 2, 4… up to 500.
    pub actions: Vec<Action>,
    /// The status afterwards, but for the observed generation.
    pub status: StatefulSetStatus,
}

/// Decides one sync.
pub fn decide(target: &Target, revisions: Revisions, members: &[Member], now: Time) -> Decision {
    let mut sync = Sync::new(target, revisions, members, now);
    let mut status = sync.count(members);
    if !target.deleting
        && sync.living().is_continue()
        && sync.condemned().is_continue()
        && sync.replace().is_break()
    {
        status.current -= 1;
    }
    complete(target, &mut status);
    Decision { actions: sync.actions, status }
}

/// The current revision follows once every pod that there should be has the new one and is ready, and
/// there are no others.
fn complete(target: &Target, status: &mut StatefulSetStatus) {
    let wanted = i64::from(target.replicas);
    if matches!(target.update, StatefulSetUpdate::RollingUpdate { .. })
        && [status.updated, status.ready, status.replicas].map(i64::from) == [wanted; 3]
    {
        status.current = status.updated;
        status.current_revision = status.update_revision;
    }
}

/// A sync under way.
struct Sync<'t> {
    target: &'t Target,
    revisions: Revisions,
    now: Time,
    /// Pods that should exist, by ordinal.
    replicas: BTreeMap<u64, Member>,
    /// Pods that should not, from the highest ordinal.
    condemned: Vec<Member>,
    /// The ordinal of the first pod that is not available: the only unavailable pod that a set in
    /// order may remove. One that does not exist counts.
    first_unavailable: Option<u64>,
    actions: Vec<Action>,
}

impl<'t> Sync<'t> {
    fn new(target: &'t Target, revisions: Revisions, members: &[Member], now: Time) -> Sync<'t> {
        let ordinals = target.ordinals();
        let (mut replicas, mut condemned) = (BTreeMap::new(), Vec::new());
        for member in members {
            let ordinal = u64::from(member.ordinal);
            if ordinals.contains(&ordinal) {
                replicas.insert(ordinal, *member);
            } else {
                condemned.push(*member);
            }
        }
        condemned.sort_by_key(|member| std::cmp::Reverse(member.ordinal));
        let is_unavailable = |member: &Member| member.is_unavailable(target.min_ready, now);
        let first_unavailable =
            ordinals.into_iter().find(|ordinal| replicas.get(ordinal).is_none_or(is_unavailable)).or_else(
                || condemned.iter().rfind(|&member| is_unavailable(member)).map(|m| u64::from(m.ordinal)),
            );
        Sync { target, revisions, now, replicas, condemned, first_unavailable, actions: Vec::new() }
    }

    fn is_ordered(&self) -> bool {
        self.target.management == PodManagement::OrderedReady
    }

    fn count(&self, members: &[Member]) -> StatefulSetStatus {
        let count = |counts: &dyn Fn(&Member) -> bool| {
            i32::try_from(members.iter().filter(|member| counts(member)).count()).unwrap_or(i32::MAX)
        };
        let stays = |member: &Member| member.phase.is_some() && !member.deleting;
        let (min_ready, now, revisions) = (self.target.min_ready, self.now, self.revisions);
        StatefulSetStatus {
            replicas: count(&|member| member.phase.is_some()),
            ready: count(&Member::is_running_and_ready),
            available: count(&|member| member.is_running_and_ready() && member.is_available(min_ready, now)),
            current: count(&|member| stays(member) && member.revision == revisions.current),
            updated: count(&|member| stays(member) && member.revision == revisions.update),
            current_revision: revisions.current,
            update_revision: revisions.update,
            observed_generation: 0,
        }
    }

    /// Makes the pods that should exist. Breaks where the rest of the sync has to wait.
    fn living(&mut self) -> ControlFlow<()> {
        for ordinal in self.target.ordinals() {
            let member = self.replicas.get(&ordinal).copied();
            let waits = self.replica(ordinal, member);
            if (waits && self.is_ordered()) || self.actions.len() >= MAX_ACTIONS {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Sees to one pod that should exist, and says whether a set in order waits for it.
    fn replica(&mut self, ordinal: u64, member: Option<Member>) -> bool {
        let Some(member) = member.filter(|member| member.phase.is_some()) else {
            // An object that counts as not created keeps its template.
            let new = self.target.revision(ordinal, self.revisions);
            let revision = member.map_or(new, |member| member.revision);
            self.actions.push(Action::Create { ordinal: ordinal as u32, revision });
            return true;
        };
        if member.phase.is_some_and(PodPhase::is_terminal) {
            if !member.deleting {
                self.actions.push(Action::Delete { ordinal: member.ordinal });
            }
            return true;
        }
        member.deleting
            || !member.is_running_and_ready()
            || !member.is_available(self.target.min_ready, self.now)
    }

    /// Removes the pods that should not exist. Breaks where the rest of the sync has to wait.
    fn condemned(&mut self) -> ControlFlow<()> {
        for member in std::mem::take(&mut self.condemned) {
            let unavailable =
                !member.is_running_and_ready() || !member.is_available(self.target.min_ready, self.now);
            let is_first = self.first_unavailable == Some(u64::from(member.ordinal));
            let waits = member.deleting || (self.is_ordered() && unavailable && !is_first);
            if !waits {
                self.actions.push(Action::Delete { ordinal: member.ordinal });
            }
            if self.is_ordered() || self.actions.len() >= MAX_ACTIONS {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Replaces the highest pod of an old template, unless a higher one is not available. Breaks
    /// if it has deleted one.
    fn replace(&mut self) -> ControlFlow<()> {
        let StatefulSetUpdate::RollingUpdate { partition, .. } = self.target.update else {
            return ControlFlow::Continue(());
        };
        let ordinals = self.target.ordinals();
        for ordinal in (ordinals.start + partition.max(0) as u64..ordinals.end).rev() {
            let revision = match self.replicas.get(&ordinal) {
                Some(member) => member.revision,
                None => self.target.revision(ordinal, self.revisions),
            };
            let member = self.replicas.get(&ordinal);
            if revision != self.revisions.update && member.is_none_or(|member| !member.deleting) {
                self.actions.push(Action::Delete { ordinal: ordinal as u32 });
                return ControlFlow::Break(());
            }
            if member.is_none_or(|member| member.is_unavailable(self.target.min_ready, self.now)) {
                return ControlFlow::Continue(());
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
