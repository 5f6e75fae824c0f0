//! Submissions that wait until the pods of others have ended.

use super::{Happening, Run};
use crate::base::{Map, Time};
use crate::cluster::PodRef;
use crate::sim::after::After;
use crate::sim::queue::Class;
use crate::sim::setup::Submission;

/// A submission that has waited for others, with the row of its source.
#[derive(Debug)]
pub(in crate::sim) struct Waiting {
    source: usize,
    submission: Submission,
}

/// What is known of submissions that others wait for, or that wait themselves.
pub(super) struct Waits {
    after: After<Waiting>,
    /// What is added to the places of each source's submissions.
    bases: Vec<u32>,
    /// How many pods of a submission have not ended, by its place.
    open: Map<u32, u32>,
    /// The place of the submission of a pod that has not ended, by the pod's row.
    places: Map<u32, u32>,
    /// Submissions that no longer wait and are due at a later moment.
    planned: u64,
}

impl Default for Waits {
    fn default() -> Waits {
        Waits {
            after: After::new(),
            bases: Vec::new(),
            open: Map::default(),
            places: Map::default(),
            planned: 0,
        }
    }
}

impl Waits {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.planned == 0 && self.after.held() == 0
    }

    fn place(&self, source: usize, submission: &Submission) -> Option<u32> {
        submission.link.map(|place| self.bases[source] + place)
    }

    /// A pod of a submission has been created.
    pub(super) fn pod_created(&mut self, source: usize, submission: &Submission, pod: PodRef) {
        if let Some(place) = self.place(source, submission) {
            self.places.insert(pod.id.0, place);
            *self.open.entry(place).or_default() += 1;
        }
    }

    /// A pod of some submission has ended, in whatever way.
    pub(super) fn pod_ended(&mut self, now: Time, pod: PodRef) {
        let Some(place) = self.places.remove(&pod.id.0) else { return };
        let open = self.open.entry(place).or_default();
        *open -= 1;
        if *open == 0 {
            self.open.remove(&place);
            self.after.ended(now, Some(place));
        }
    }
}

impl Run<'_> {
    /// Asks every source which of its submissions wait for which.
    pub(super) fn join_dependencies(&mut self) {
        let after = &mut self.waits.after;
        self.waits.bases = self.sources.iter_mut().map(|source| after.join(source.dependencies())).collect();
    }

    /// A submission is due; it is given back unless it waits for others.
    pub(super) fn arrive(&mut self, source: usize, submission: Submission) -> Option<Submission> {
        let place = self.waits.place(source, &submission);
        if place.is_none() {
            return Some(submission);
        }
        let given = self.waits.after.arrive(self.now, place, Waiting { source, submission });
        self.plan_freed();
        given.map(|waiting| waiting.submission)
    }

    /// All pods of a submission have been created; without any, because a quota forbids them, it is
    /// over.
    pub(super) fn submitted(&mut self, source: usize, submission: &Submission) {
        if let Some(place) = self.waits.place(source, submission)
            && !self.waits.open.contains_key(&place)
        {
            self.waits.after.ended(self.now, Some(place));
            self.plan_freed();
        }
    }

    /// Puts submissions that no longer wait into the queue.
    pub(super) fn plan_freed(&mut self) {
        for (at, waiting) in self.waits.after.freed() {
            self.waits.planned += 1;
            self.queue.schedule(at.max(self.now), Class::ARRIVAL, Happening::Freed(Box::new(waiting)));
        }
    }

    pub(super) fn submit_freed(&mut self, waiting: &Waiting) {
        self.waits.planned -= 1;
        self.submit(waiting.source, &waiting.submission);
    }
}
