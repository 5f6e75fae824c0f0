//! Jobs that wait for the ends of other jobs, as the tasks of a workflow do.
//!
//! A source of jobs says which of its jobs wait for which ([`Dependencies`]); what runs the jobs tells
//! of arrivals and ends and gets back the jobs whose predecessors have all ended. What a job is, a pod
//! or a job of a batch machine, is not known here.

use crate::base::{Map, Span, Time};

/// Which jobs of a source wait for which. Jobs that wait for none and for which none waits have no
/// place in it. No job may wait for itself, not even through others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dependencies {
    jobs: Vec<Dependent>,
}

/// The place of one job.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Dependent {
    /// Predecessors that have not ended.
    open: u32,
    /// The time between the end of the last predecessor and the submission.
    think: Span,
    /// Not submitted before this moment.
    ready: Time,
    /// The jobs that wait for this one.
    followers: Vec<u32>,
}

impl Dependencies {
    /// A place for one more job, which is submitted `think` after the end of its last predecessor at the
    /// earliest.
    pub fn add(&mut self, think: Span) -> u32 {
        self.jobs.push(Dependent { think, ..Dependent::default() });
        self.jobs.len() as u32 - 1
    }

    /// Lets `job` wait for the end of `predecessor`.
    pub fn wait(&mut self, job: u32, predecessor: u32) {
        self.jobs[job as usize].open += 1;
        self.jobs[predecessor as usize].followers.push(job);
    }

    /// How many jobs have a place.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job has a place.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

/// The state of the dependencies of a run. Places of several sources are told apart by the number that
/// [`After::join`] gives.
pub(super) struct After<J> {
    jobs: Vec<Dependent>,
    /// Jobs that have arrived and whose predecessors have not all ended.
    held: Map<u32, J>,
    /// Jobs that may be submitted, each from a moment on.
    freed: Vec<(Time, J)>,
}

impl<J> After<J> {
    pub(super) fn new() -> After<J> {
        After { jobs: Vec::new(), held: Map::default(), freed: Vec::new() }
    }

    /// Takes in the dependencies of one more source; returns what is to be added to its places.
    pub(super) fn join(&mut self, dependencies: Dependencies) -> u32 {
        let base = self.jobs.len() as u32;
        self.jobs.extend(dependencies.jobs.into_iter().map(|mut job| {
            job.followers.iter_mut().for_each(|follower| *follower += base);
            job
        }));
        base
    }

    /// A job has arrived. It is given back if it is submitted now, and kept otherwise.
    pub(super) fn arrive(&mut self, now: Time, link: Option<u32>, job: J) -> Option<J> {
        let Some(row) = link else { return Some(job) };
        let Dependent { open, ready, .. } = self.jobs[row as usize];
        if open > 0 {
            self.held.insert(row, job);
        } else if ready > now {
            self.freed.push((ready, job));
        } else {
            return Some(job);
        }
        None
    }

    /// A job has ended, in whatever way.
    pub(super) fn ended(&mut self, now: Time, link: Option<u32>) {
        let Some(row) = link else { return };
        for follower in std::mem::take(&mut self.jobs[row as usize].followers) {
            let job = &mut self.jobs[follower as usize];
            job.open -= 1;
            if job.open > 0 {
                continue;
            }
            job.ready = Time(now.0.saturating_add(job.think.0));
            let ready = job.ready;
            if let Some(job) = self.held.remove(&follower) {
                self.freed.push((ready, job));
            }
        }
    }

    /// The jobs that have been freed since the last call, each with the moment from which on it may be
    /// submitted, in the order in which they were freed.
    pub(super) fn freed(&mut self) -> std::vec::Drain<'_, (Time, J)> {
        self.freed.drain(..)
    }

    /// How many jobs have arrived and wait for others.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_waits_for_all_its_predecessors_and_then_thinks() {
        let mut all = Dependencies::default();
        let [a, b, c] = [0, 0, 5].map(|think| all.add(Span(think)));
        all.wait(c, a);
        all.wait(c, b);
        let mut after = After::new();
        assert_eq!(after.join(Dependencies { jobs: vec![Dependent::default()] }), 0);
        let base = after.join(all);
        let place = |job: u32| Some(base + job);
        assert_eq!(after.arrive(Time(0), place(a), 'a'), Some('a'));
        assert_eq!(after.arrive(Time(1), place(c), 'c'), None);
        assert_eq!(after.held(), 1);
        after.ended(Time(10), place(b));
        assert_eq!(after.freed().next(), None);
        after.ended(Time(20), place(a));
        assert_eq!(after.freed().collect::<Vec<_>>(), [(Time(25), 'c')]);
        assert_eq!((after.held(), after.freed().next()), (0, None));
    }

    #[test]
    fn a_job_that_arrives_late_waits_for_the_rest_of_the_think_time_only() {
        for (arrival, now, later) in [(12, None, Some(15)), (15, Some('b'), None), (30, Some('b'), None)] {
            let mut all = Dependencies::default();
            let (a, b) = (all.add(Span(0)), all.add(Span(5)));
            all.wait(b, a);
            let mut after = After::new();
            after.join(all);
            after.ended(Time(10), Some(a));
            assert_eq!(after.arrive(Time(arrival), Some(b), 'b'), now);
            assert_eq!(after.freed().next().map(|(at, _)| at.0), later);
        }
    }
}
