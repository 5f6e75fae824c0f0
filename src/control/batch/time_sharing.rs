//! Preemptive policies for the classroom: jobs that run give way to others and go on later.

use super::BatchCommand;
use crate::base::ids::JobId;
use crate::base::{Span, Time};
use crate::cluster::Machine;
use std::collections::VecDeque;

/// Which jobs run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    /// Those with the shortest remaining run time, as estimated; equal ones in the order of submission.
    ShortestRemaining,
    /// Each in turn for so long, then the next; who comes goes to the end of the line, before one whose
    /// turn ends at that moment.
    RoundRobin(Span),
}

/// A job that has not ended.
#[derive(Clone, Copy, Debug)]
struct Active {
    job: JobId,
    /// Its place in the order of submission.
    number: u64,
    /// How long it has run before the present stretch.
    ran: Span,
    /// Since when it runs.
    since: Option<Time>,
}

impl Active {
    fn ran(&self, now: Time) -> Span {
        self.ran + self.since.map_or(Span::ZERO, |since| now.since(since))
    }
}

/// All jobs that have not ended, in the order in which they are looked at.
#[derive(Clone, Debug)]
pub(super) struct TimeSharing {
    rule: Rule,
    line: VecDeque<Active>,
    submitted: u64,
}

impl TimeSharing {
    pub(super) fn new(rule: Rule) -> TimeSharing {
        TimeSharing { rule, line: VecDeque::new(), submitted: 0 }
    }

    pub(super) fn submit(&mut self, job: JobId) {
        self.line.push_back(Active { job, number: self.submitted, ran: Span::ZERO, since: None });
        self.submitted += 1;
    }

    pub(super) fn end(&mut self, job: JobId) {
        self.line.retain(|active| active.job != job);
    }

    /// Jobs that do not run, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = JobId> + '_ {
        self.line.iter().filter(|active| active.since.is_none()).map(|active| active.job)
    }

    /// When the next turn is over, if somebody waits for it.
    pub(super) fn next_turn(&self, now: Time) -> Option<Time> {
        let Rule::RoundRobin(quantum) = self.rule else { return None };
        if self.line.iter().all(|active| active.since.is_some()) {
            return None;
        }
        let turn = |since: Time| since + Span(quantum.0 * (now.since(since).0 / quantum.0 + 1));
        self.line.iter().filter_map(|active| active.since).map(turn).min()
    }

    /// Stops and starts jobs: those run that come first and fit, one after the other.
    pub(super) fn pass(&mut self, now: Time, machine: &mut Machine, out: &mut Vec<BatchCommand>) {
        match self.rule {
            Rule::ShortestRemaining => {
                let remaining = |active: &Active| {
                    let estimate = machine.estimate[active.job.index()].unwrap_or(Span::MAX);
                    (estimate.0.saturating_sub(active.ran(now).0), active.number)
                };
                self.line.make_contiguous().sort_by_key(remaining);
            }
            Rule::RoundRobin(quantum) => self.turn(now, quantum),
        }
        let mut free = machine.processors;
        let fit = self.line.iter().take_while(|active| {
            let size = machine.size[active.job.index()];
            let fits = size <= free;
            free = free.saturating_sub(size);
            fits
        });
        let runs = fit.count();
        for active in self.line.iter_mut().skip(runs) {
            if let Some(since) = active.since.take() {
                active.ran += now.since(since);
                machine.release(active.job);
                out.push(BatchCommand::Stop(active.job));
            }
        }
        for active in self.line.iter_mut().take(runs).filter(|active| active.since.is_none()) {
            active.since = Some(now);
            machine.take(active.job);
            out.push(BatchCommand::Start(active.job));
        }
    }

    /// Jobs whose turn is over go behind those that wait; the others that run stay in front.
    fn turn(&mut self, now: Time, quantum: Span) {
        let is_over = |active: &Active| {
            active.since.is_some_and(|since| now > since && now.since(since).0.is_multiple_of(quantum.0))
        };
        let rank = |active: &Active| match active.since {
            Some(_) if is_over(active) => 2,
            Some(_) => 0,
            None => 1,
        };
        self.line.make_contiguous().sort_by_key(rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::machine::QueuedJob;

    /// Runs jobs of (submit, run) on one processor: who runs from when on.
    fn story(rule: Rule, jobs: &[(u64, u64)]) -> Vec<(u64, u32)> {
        let (mut machine, mut sharing) = (Machine::new(1), TimeSharing::new(rule));
        let mut left: Vec<u64> = jobs.iter().map(|(_, run)| *run).collect();
        let (mut told, mut running, mut out) = (Vec::new(), None, Vec::new());
        for now in 0..100 {
            if let Some(job) = running
                && left[job as usize] == 0
            {
                machine.release(JobId(job));
                sharing.end(JobId(job));
                running = None;
            }
            for (row, (_, run)) in jobs.iter().enumerate().filter(|(_, (submit, _))| *submit == now) {
                let job = QueuedJob {
                    processors: 1,
                    estimate: Some(Span::from_secs(*run)),
                    ..QueuedJob::default()
                };
                machine.add(JobId(row as u32), &job);
                sharing.submit(JobId(row as u32));
            }
            sharing.pass(Time::from_secs(now), &mut machine, &mut out);
            for command in out.drain(..) {
                if let BatchCommand::Start(job) = command {
                    running = Some(job.0);
                    told.push((now, job.0));
                }
            }
            if let Some(job) = running {
                left[job as usize] -= 1;
            }
        }
        assert!(left.iter().all(|left| *left == 0));
        told
    }

    #[test]
    fn the_shortest_remaining_runs() {
        // Silberschatz, Galvin and Gagne's four processes: mean wait 6.5.
        let jobs = [(0, 8), (1, 4), (2, 9), (3, 5)];
        assert_eq!(story(Rule::ShortestRemaining, &jobs), [(0, 0), (1, 1), (5, 3), (10, 0), (17, 2)]);
    }

    #[test]
    fn turns_are_taken() {
        // The same book's three with a quantum of 4.
        let jobs = [(0, 24), (0, 3), (0, 3)];
        let rule = Rule::RoundRobin(Span::from_secs(4));
        assert_eq!(story(rule, &jobs), [(0, 0), (4, 1), (7, 2), (10, 0)]);
        // Who comes at the end of a turn goes first.
        let rule = Rule::RoundRobin(Span::from_secs(2));
        assert_eq!(story(rule, &[(0, 4), (2, 2), (3, 1)]), [(0, 0), (2, 1), (4, 0), (6, 2)]);
    }
}
