//! A machine of equal processors and the jobs that wait for or hold them.

use crate::base::ids::JobId;
use crate::base::{Span, Time};

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
    /// The user's estimate of each job's run time.
    pub estimate: Vec<Option<Span>>,
}

impl Machine {
    /// A machine with every processor free.
    pub fn new(processors: u32) -> Machine {
        Machine { processors, free: processors, ..Machine::default() }
    }

    /// Fills the row of a job; the rows of ended jobs are used again.
    pub fn add(&mut self, job: JobId, size: u32, submitted: Time, estimate: Option<Span>) {
        let index = job.index();
        if self.size.len() <= index {
            self.size.resize(index + 1, 0);
            self.submitted.resize(index + 1, Time::ZERO);
            self.estimate.resize(index + 1, None);
        }
        self.size[index] = size;
        self.submitted[index] = submitted;
        self.estimate[index] = estimate;
    }

    /// Whether enough processors are free for a job.
    pub fn fits(&self, job: JobId) -> bool {
        self.size[job.index()] <= self.free
    }

    /// Gives a job its processors.
    ///
    /// # Panics
    /// If they are not free.
    pub fn take(&mut self, job: JobId) {
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
    }
}
