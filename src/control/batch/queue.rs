//! The jobs that wait, in order.

use crate::base::ids::JobId;
use crate::base::{Span, Time};

/// A job that waits. What a scan looks at is kept beside it, so that a long queue is read from one
/// piece of memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) job: JobId,
    /// Its place in the order of submission.
    pub(super) number: u64,
    pub(super) score: f64,
    pub(super) size: u32,
    /// What is said or foretold of its run time.
    pub(super) estimate: Option<Span>,
}

impl Waiting {
    /// When it ends if it starts now, as estimated; never, if nobody has said.
    pub(super) fn end(&self, now: Time) -> Time {
        expected_end(now, self.estimate)
    }
}

/// When a job that starts now ends, as estimated.
pub(super) fn expected_end(now: Time, estimate: Option<Span>) -> Time {
    estimate.map_or(Time::MAX, |estimate| Time(now.0.saturating_add(estimate.0)))
}

/// A list that is left at its front and joined anywhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    list: Vec<Waiting>,
    /// How many at the front of the list have left.
    gone: usize,
}

impl Queue {
    pub(super) fn as_slice(&self) -> &[Waiting] {
        &self.list[self.gone..]
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [Waiting] {
        &mut self.list[self.gone..]
    }

    pub(super) fn len(&self) -> usize {
        self.list.len() - self.gone
    }

    pub(super) fn first(&self) -> Option<Waiting> {
        self.as_slice().first().copied()
    }

    pub(super) fn pop_first(&mut self) -> Option<Waiting> {
        let first = self.first()?;
        self.gone += 1;
        if self.gone > 32 && self.gone > self.list.len() / 2 {
            self.list.drain(..self.gone);
            self.gone = 0;
        }
        Some(first)
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        self.list.push(waiting);
    }

    /// Puts a job behind those with the same score or a lower one.
    pub(super) fn insert(&mut self, waiting: Waiting) {
        let place = self.as_slice().partition_point(|other| other.score.total_cmp(&waiting.score).is_le());
        self.list.insert(self.gone + place, waiting);
    }

    /// Brings the jobs in the order of their scores, equal ones in that of submission.
    pub(super) fn sort(&mut self) {
        self.as_mut_slice().sort_by(|a, b| a.score.total_cmp(&b.score).then(a.number.cmp(&b.number)));
    }

    /// Takes out the jobs at the places given, which ascend.
    pub(super) fn remove_places(&mut self, places: &[usize]) {
        let Some(&first) = places.first() else { return };
        let mut place = self.gone + first;
        let mut left = places.iter().map(|place| self.gone + place).peekable();
        for from in self.gone + first..self.list.len() {
            if left.next_if_eq(&from).is_none() {
                self.list[place] = self.list[from];
                place += 1;
            }
        }
        self.list.truncate(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(job: u32, score: f64) -> Waiting {
        Waiting { job: JobId(job), number: u64::from(job), score, size: 1, estimate: None }
    }

    fn jobs(queue: &Queue) -> Vec<u32> {
        queue.as_slice().iter().map(|waiting| waiting.job.0).collect()
    }

    #[test]
    fn jobs_leave_at_the_front_and_from_within() {
        let mut queue = Queue::default();
        (0..100).for_each(|job| queue.push(waiting(job, 0.0)));
        for job in 0..90 {
            assert_eq!(queue.pop_first().map(|first| first.job.0), Some(job));
        }
        queue.remove_places(&[0, 3, 9]);
        assert_eq!((jobs(&queue), queue.len()), (vec![91, 92, 94, 95, 96, 97, 98], 7));
    }

    #[test]
    fn equal_scores_are_in_the_order_of_submission() {
        let mut queue = Queue::default();
        for (job, score) in [(0, 2.0), (1, 1.0), (2, 2.0), (3, 1.0)] {
            queue.insert(waiting(job, score));
        }
        assert_eq!(jobs(&queue), [1, 3, 0, 2]);
        queue.as_mut_slice().iter_mut().for_each(|waiting| waiting.score = -waiting.score);
        queue.sort();
        assert_eq!(jobs(&queue), [0, 2, 1, 3]);
    }
}
