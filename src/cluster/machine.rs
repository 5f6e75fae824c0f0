//! A machine of equal processors and the jobs that wait for or hold them.

use crate::base::ids::JobId;
use crate::base::{BitSet, Span, Time};

/// What a queue knows of a job that is submitted.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct QueuedJob {
    /// How many processors it needs, at least 1.
    pub processors: u32,
    /// When it was submitted.
    pub submitted: Time,
    /// What is said of its run time.
    pub estimate: Option<Span>,
    /// Its user; -1 if unknown.
    pub user: i32,
    /// Its priority: the higher, the sooner.
    pub priority: i32,
    /// When it should have ended.
    pub deadline: Option<Time>,
}

/// A pool of equal processors, with the jobs that have been submitted and have not ended.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// How many processors there are.
    pub processors: u32,
    /// How many are free.
    pub free: u32,
    /// Processors of each job, by row.
    pub size: Vec<u32>,
    /// When each job was submitted.
    pub submitted: Vec<Time>,
    /// What is said of each job's run time.
    pub estimate: Vec<Option<Span>>,
    /// The user of each job; -1 if unknown.
    pub user: Vec<i32>,
    /// The priority of each job.
    pub priority: Vec<i32>,
    /// When each job should have ended.
    pub deadline: Vec<Option<Time>>,
    /// Which processors are whose, where particular ones are handed out.
    pub numbered: Option<Numbered>,
}

/// Processors that are told apart, by number from 0.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Those that are free.
    pub idle: BitSet,
    /// Those that each job holds, by row; empty for one that holds none.
    pub held: Vec<BitSet>,
}

impl Machine {
    /// A machine with every processor free, where only their number counts.
    pub fn new(processors: u32) -> Machine {
        Machine { processors, free: processors, ..Machine::default() }
    }

    /// The same with processors that are told apart.
    pub fn numbered(processors: u32) -> Machine {
        let mut idle = BitSet::new(processors as usize);
        idle.fill();
        let numbered = Some(Numbered { idle, held: Vec::new() });
        Machine { numbered, ..Machine::new(processors) }
    }

    /// Fills the row of a job; the rows of ended jobs are used again.
    pub fn add(&mut self, id: JobId, job: &QueuedJob) {
        let index = id.index();
        if self.size.len() <= index {
            let rows = index + 1;
            self.size.resize(rows, 0);
            self.submitted.resize(rows, Time::ZERO);
            self.estimate.resize(rows, None);
            self.user.resize(rows, -1);
            self.priority.resize(rows, 0);
            self.deadline.resize(rows, None);
            if let Some(numbered) = &mut self.numbered {
                numbered.held.resize(rows, BitSet::default());
            }
        }
        self.size[index] = job.processors;
        self.submitted[index] = job.submitted;
        self.estimate[index] = job.estimate;
        self.user[index] = job.user;
        self.priority[index] = job.priority;
        self.deadline[index] = job.deadline;
    }

    /// Whether enough processors are free for a job.
    pub fn fits(&self, job: JobId) -> bool {
        self.size[job.index()] <= self.free
    }

    /// Gives a job its processors: those with the lowest numbers, where they have any.
    ///
    /// # Panics
    /// If they are not free.
    pub fn take(&mut self, job: JobId) {
        let size = self.size[job.index()] as usize;
        match &self.numbered {
            Some(numbered) => {
                let part = numbered.idle.lowest(size);
                self.take_part(job, part);
            }
            None => self.count_out(job),
        }
    }

    /// Gives a job particular processors.
    ///
    /// # Panics
    /// If they are not free, or not as many as the job needs, or are not told apart.
    pub fn take_part(&mut self, job: JobId, part: BitSet) {
        self.count_out(job);
        let numbered = self.numbered.as_mut().expect("processors are told apart");
        assert!(part.is_subset(&numbered.idle), "job {} needs processors that are in use", job.0);
        assert_eq!(part.count(), self.size[job.index()] as usize, "job {} gets what it needs", job.0);
        numbered.idle.and_not(&part);
        numbered.held[job.index()] = part;
    }

    fn count_out(&mut self, job: JobId) {
        assert!(self.fits(job), "job {} needs more processors than are free", job.0);
        self.free -= self.size[job.index()];
    }

    /// Takes a job's processors back.
    ///
    /// # Panics
    /// If more would be free than there are.
    pub fn release(&mut self, job: JobId) {
        self.free += self.size[job.index()];
        assert!(self.free <= self.processors, "more processors are free than there are");
        if let Some(numbered) = &mut self.numbered {
            let part = std::mem::take(&mut numbered.held[job.index()]);
            numbered.idle.or(&part);
        }
    }

    /// The processors that a job holds, where they are told apart.
    pub fn held(&self, job: JobId) -> Option<&BitSet> {
        self.numbered.as_ref().map(|numbered| &numbered.held[job.index()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_processors_are_handed_out() {
        let mut machine = Machine::numbered(70);
        for (row, processors) in [(0, 3), (1, 64), (2, 4)] {
            machine.add(JobId(row), &QueuedJob { processors, ..QueuedJob::default() });
        }
        machine.take(JobId(0));
        machine.take(JobId(1));
        assert!(!machine.fits(JobId(2)));
        machine.release(JobId(0));
        machine.take(JobId(2));
        let held: Vec<usize> = machine.held(JobId(2)).unwrap().iter().collect();
        assert_eq!((held, machine.free), (vec![0, 1, 2, 67], 2));
    }
}
