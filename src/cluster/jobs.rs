//! What whoever submitted a job says of it, for control planes that decide by it: of the pods that are
//! its tasks, each can be asked for it.
//!
//! Pods of manifests have none of it, nor have pods under Kubernetes, where nothing but a pod's
//! specification counts.

use crate::base::ids::PodId;
use crate::base::{Span, Time};
use std::sync::Arc;

/// What the record of a job says of where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobOrigin {
    /// Which of the streams of jobs it is from.
    pub source: u32,
    /// Its number there; 0 where it has none.
    pub number: i64,
    /// Processors that it needs in all; 0 where that is not said.
    pub processors: u32,
    /// The group; -1 where none is given.
    pub group: i32,
    /// The queue; -1 where none is given.
    pub queue: i32,
    /// The partition; -1 where none is given.
    pub partition: i32,
    /// The number, in the same stream, of the job that must have ended before; -1 for none.
    pub preceding: i64,
    /// How long after the end of that job it may begin.
    pub think_time: Option<Span>,
    /// By when it should have ended, if that is said.
    pub deadline: Option<Time>,
}

impl Default for JobOrigin {
    fn default() -> JobOrigin {
        JobOrigin {
            source: 0,
            number: 0,
            processors: 0,
            group: -1,
            queue: -1,
            partition: -1,
            preceding: -1,
            think_time: None,
            deadline: None,
        }
    }
}

/// A job of one or more equal tasks, each of which is a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobFacts {
    /// Its number in order of submission, from 0: no other job has it.
    pub serial: u64,
    /// Where it comes from.
    pub origin: JobOrigin,
    /// How many tasks it has. They may become known one after the other.
    pub tasks: u32,
    /// When it was submitted.
    pub submitted: Time,
    /// The user's estimate of the run time.
    pub estimate: Option<Span>,
    /// The user; -1 where none is given.
    pub user: i32,
    /// The priority that it was submitted with.
    pub priority: i32,
}

/// The jobs of the pods that have one.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    of_pod: Vec<Option<Arc<JobFacts>>>,
}

impl Jobs {
    /// The job that a pod is a task of. The pod must exist.
    pub fn of(&self, pod: PodId) -> Option<&Arc<JobFacts>> {
        self.of_pod.get(pod.index())?.as_ref()
    }

    /// Enters the job of a new pod, which has the place of a former one.
    pub fn enter(&mut self, pod: PodId, job: Option<Arc<JobFacts>>) {
        if let Some(place) = self.of_pod.get_mut(pod.index()) {
            *place = job;
        } else if job.is_some() {
            self.of_pod.resize(pod.index() + 1, None);
            self.of_pod[pod.index()] = job;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_used_again_forgets_its_former_job() {
        let job = |serial| {
            let origin = JobOrigin::default();
            let facts = JobFacts {
                serial,
                origin,
                tasks: 1,
                submitted: Time::ZERO,
                estimate: None,
                user: -1,
                priority: 0,
            };
            Some(Arc::new(facts))
        };
        let mut jobs = Jobs::default();
        jobs.enter(PodId(2), None);
        assert!(jobs.of_pod.is_empty(), "pods without jobs cost nothing");
        jobs.enter(PodId(2), job(7));
        let serial = |jobs: &Jobs, pod| jobs.of(PodId(pod)).map(|job| job.serial);
        assert_eq!((serial(&jobs, 1), serial(&jobs, 2), serial(&jobs, 3)), (None, Some(7), None));
        jobs.enter(PodId(2), None);
        assert_eq!(serial(&jobs, 2), None);
    }
}
