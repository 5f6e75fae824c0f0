//! What the scheduler tells its queue: which pods an event may help, and which are held back.

use super::cycle::Cycle;
use super::cycle_of;
use super::events::Change;
use super::evictions::Evictions;
use super::preemption;
use super::profile::PluginSet;
use super::queue::Judge;
use crate::base::ids::ClassId;
use crate::cluster::{Cluster, PodRef};

/// The profiles' answer to one event.
pub(super) struct Verdict<'s> {
    pub(super) cycles: &'s mut [Cycle],
    pub(super) evictions: &'s Evictions,
    pub(super) cluster: &'s mut Cluster,
    /// The event; `None` if there is none and pods move for another reason.
    pub(super) change: Option<&'s Change<'s>>,
    /// Only pods of no higher priority are concerned.
    pub(super) limit: Option<i32>,
}

impl Judge for Verdict<'_> {
    fn helps(&mut self, class: ClassId, rejectors: PluginSet) -> bool {
        let Some(change) = self.change else { return true };
        self.limit.is_none_or(|limit| self.cluster.classes[class].priority <= limit)
            && cycle_of(self.cycles, self.cluster, class)
                .is_some_and(|cycle| cycle.profile.may_help(self.cluster, class, rejectors, change))
    }

    fn helps_gated(&mut self, class: ClassId, rejectors: PluginSet, gate: usize) -> bool {
        let Some(change) = self.change else { return false };
        let hears = cycle_of(self.cycles, self.cluster, class)
            .is_some_and(|cycle| cycle.profile.hears(gate, change.resource(), change.action()));
        hears && self.helps(class, rejectors)
    }

    fn gate(&mut self, pod: PodRef, class: ClassId) -> Option<usize> {
        let cycle = cycle_of(self.cycles, self.cluster, class)?;
        let own = cycle.profile.gate(self.cluster, class);
        let is_preempting = || self.evictions.is_preempting(self.cluster, pod);
        own.or_else(|| cycle.profile.pre_enqueue_place(preemption::NAME).filter(|_| is_preempting()))
    }
}
