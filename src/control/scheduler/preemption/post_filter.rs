//! PostFilter in a run: the reasons of a failed attempt completed, and what is to be done.

use super::{Candidate, Nomination, Preemption};
use crate::base::ids::PodId;
use crate::cluster::Cluster;
use crate::control::Diagnosis;
use crate::control::scheduler::cycle::{Attempt, Cycle, Rejection};
use crate::control::scheduler::nominator::Nominator;
use std::sync::Arc;

/// What PostFilter makes of a rejection.
pub(in crate::control::scheduler) struct PostFiltered {
    /// The complete reasons.
    pub(in crate::control::scheduler) diagnosis: Arc<Diagnosis>,
    /// What becomes of the pod's nomination.
    pub(in crate::control::scheduler) nomination: Nomination,
    /// The node to clear and its victims.
    pub(in crate::control::scheduler) candidate: Option<Candidate>,
    /// The pods that lose their nomination to that node.
    pub(in crate::control::scheduler) cleared: Vec<PodId>,
}

impl Cycle {
    /// Runs PostFilter for a pod that [`Cycle::schedule`] has just rejected.
    pub(in crate::control::scheduler) fn post_filter(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        nominated: &Nominator,
        rejection: &Rejection,
    ) -> PostFiltered {
        let as_it_is = |nomination, diagnosis: &Arc<Diagnosis>| PostFiltered {
            diagnosis: Arc::clone(diagnosis),
            nomination,
            candidate: None,
            cleared: Vec::new(),
        };
        if rejection.rejectors.is_empty() {
            // An error.
            return as_it_is(Nomination::Clear, &rejection.diagnosis);
        }
        if self.profile.preemption.is_none() {
            let mut diagnosis = Diagnosis::clone(&rejection.diagnosis);
            diagnosis.post_filter = self.profile.post_filter(self.context(cluster, attempt));
            return as_it_is(Nomination::Keep, &Arc::new(diagnosis));
        }
        if self.preemption.hopeless_at != self.rejected_at {
            self.preemption.hopeless.clear();
        }
        let is_promised = attempt.pod.is_some_and(|pod| nominated.node_of(pod).is_some());
        if !is_promised && let Some(diagnosis) = self.preemption.hopeless.get(&attempt.class) {
            return as_it_is(Nomination::Keep, diagnosis);
        }
        let (diagnosis, mut preemption) = self.look_further(cluster, attempt, nominated, rejection);
        self.preemption.hopeless_at = self.rejected_at;
        let diagnosis = Arc::new(diagnosis);
        if !is_promised && preemption.candidates.is_empty() {
            self.preemption.hopeless.insert(attempt.class, Arc::clone(&diagnosis));
        }
        let Preemption { chosen, nomination, .. } = preemption;
        let candidate = chosen.map(|place| preemption.candidates.swap_remove(place));
        PostFiltered { diagnosis, nomination, candidate, cleared: preemption.cleared }
    }

    /// What PostFilter says and would do about a pod that [`Cycle::schedule`] has just rejected, in
    /// full; without a preemption if none is tried: after an error, or in a profile without it.
    pub fn explain_rejection(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        nominated: &Nominator,
        rejection: &Rejection,
    ) -> (Diagnosis, Option<Preemption>) {
        let mut diagnosis = Diagnosis::clone(&rejection.diagnosis);
        if rejection.rejectors.is_empty() {
            return (diagnosis, None);
        }
        if self.profile.preemption.is_none() {
            diagnosis.post_filter = self.profile.post_filter(self.context(cluster, attempt));
            return (diagnosis, None);
        }
        let (diagnosis, preemption) = self.look_further(cluster, attempt, nominated, rejection);
        (diagnosis, Some(preemption))
    }

    /// Preempts, and completes the reasons with what all of PostFilter says.
    fn look_further(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        nominated: &Nominator,
        rejection: &Rejection,
    ) -> (Diagnosis, Preemption) {
        let others = self.profile.post_filter(self.context(cluster, attempt));
        let preemption = self.preempt(cluster, attempt, nominated);
        let mut diagnosis = preemption.complete(&rejection.diagnosis);
        if !others.is_empty() && !diagnosis.post_filter.is_empty() {
            diagnosis.post_filter = format!("{others}, {}", diagnosis.post_filter);
        }
        (diagnosis, preemption)
    }
}
