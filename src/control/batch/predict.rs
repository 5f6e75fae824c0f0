//! Run times foretold from what a user's jobs have taken before.

use crate::base::{Map, Span, Time};

/// What a job gets beside what it has had when it outruns what was foretold, time after time (Tsafrir,
/// Etsion and Feitelson, Backfilling Using System-Generated Predictions Rather than User Runtime
/// Estimates, TPDS 2007); the last one again and again.
const INCREMENTS: [Span; 11] = [
    Span::from_secs(60),
    Span::from_secs(5 * 60),
    Span::from_secs(15 * 60),
    Span::from_secs(30 * 60),
    Span::from_secs(3600),
    Span::from_secs(2 * 3600),
    Span::from_secs(5 * 3600),
    Span::from_secs(10 * 3600),
    Span::from_secs(20 * 3600),
    Span::from_secs(50 * 3600),
    Span::from_secs(100 * 3600),
];

/// What is known of a job that is foretold.
#[derive(Clone, Copy, Debug, Default)]
struct Foretold {
    user: i32,
    /// What its user has asked for.
    told: Option<Span>,
    start: Option<Time>,
    corrections: usize,
}

/// The mean of the last two run times of each user.
#[derive(Clone, Debug, Default)]
pub(super) struct Averages {
    /// The last run time and the one before it, by user.
    last: Map<i32, (Span, Option<Span>)>,
    /// By row.
    jobs: Vec<Foretold>,
}

impl Averages {
    /// A job came; gives what is foretold.
    pub(super) fn submitted(&mut self, row: usize, user: i32, told: Option<Span>) -> Option<Span> {
        if self.jobs.len() <= row {
            self.jobs.resize(row + 1, Foretold::default());
        }
        self.jobs[row] = Foretold { user, told, ..Foretold::default() };
        self.estimate(row)
    }

    /// What is foretold of a job that waits: never more than told, and what is told until two jobs of the
    /// user have ended.
    pub(super) fn estimate(&self, row: usize) -> Option<Span> {
        let Foretold { user, told, .. } = self.jobs[row];
        let Some(&(last, Some(before))) = self.last.get(&user) else { return told };
        let mean = Span(last.0.midpoint(before.0));
        Some(told.map_or(mean, |told| told.min(mean)))
    }

    pub(super) fn started(&mut self, row: usize, now: Time) {
        self.jobs[row].start = Some(now);
    }

    /// A job has ended; gives its user, of whom other things are foretold from now on.
    pub(super) fn ended(&mut self, row: usize, now: Time) -> i32 {
        let Foretold { user, start, .. } = self.jobs[row];
        if let Some(start) = start
            && user >= 0
        {
            let before = self.last.get(&user).map(|(last, _)| *last);
            self.last.insert(user, (now.since(start), before));
        }
        user
    }

    /// When a job that has outrun what was foretold is taken to end: later than now, and not later than
    /// told while that is to come.
    pub(super) fn corrected(&mut self, row: usize, now: Time) -> Time {
        let job = &mut self.jobs[row];
        let increment = INCREMENTS[job.corrections.min(INCREMENTS.len() - 1)];
        job.corrections += 1;
        let end = Time(now.0.saturating_add(increment.0));
        let limit = job.start.zip(job.told).map(|(start, told)| Time(start.0.saturating_add(told.0)));
        limit.filter(|limit| *limit > now).map_or(end, |limit| limit.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ended_jobs_foretell_a_third() {
        let mut averages = Averages::default();
        let told = Some(Span::from_secs(1_000));
        for (row, start, end) in [(0, 0, 100), (1, 50, 350)] {
            assert_eq!(averages.submitted(row, 7, told), told);
            averages.started(row, Time::from_secs(start));
            assert_eq!(averages.ended(row, Time::from_secs(end)), 7);
        }
        assert_eq!(averages.submitted(2, 7, told), Some(Span::from_secs(200)));
        assert_eq!(averages.submitted(3, 7, Some(Span::from_secs(30))), Some(Span::from_secs(30)));
        assert_eq!(averages.submitted(4, 8, told), told, "another user");
        assert_eq!(averages.submitted(5, 7, None), Some(Span::from_secs(200)));
        // It runs on and on: 1, 5, 15 minutes more, and what was told in the end.
        averages.started(2, Time::from_secs(400));
        let ends = [600, 660, 960].map(|now| averages.corrected(2, Time::from_secs(now)));
        assert_eq!(ends, [660, 960, 1_400].map(Time::from_secs));
        assert_eq!(averages.corrected(2, Time::from_secs(1_400)), Time::from_secs(1_400 + 1_800));
    }
}
