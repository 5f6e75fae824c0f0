//! Published results of batch scheduling, computed again.
//!
//! A published result is a workload, the semantics of a policy (`docs/batch.md`), and numbers: averages,
//! or the start of every job. Here the workload is given to the queue of this program under those
//! semantics, and every number is compared. Where the data lies, and how anything is printed, is not known
//! here.

mod batsim;
mod files;
mod heuristics;
mod logs;
mod oar;
mod play;
mod sc15;

pub use batsim::{Expected, VARIANTS as BATSIM_VARIANTS, compare as batsim};
pub use files::{FILES, SOURCES};
pub use heuristics::{TABLES as HEURISTIC_TABLES, compare as heuristics};
pub use logs::{LOGS, compare as logs};
pub use oar::{Record, compare as oar, records as oar_records};
pub use play::{Played, jobs};
pub use sc15::{VARIANTS as SC15_VARIANTS, compare as sc15};

/// A number that was published, and ours.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// What it is.
    pub what: String,
    /// As it was published.
    pub published: String,
    /// Ours, to the same digits.
    pub ours: String,
    /// Ours less the published one, to one digit more; empty where they are equal.
    pub difference: String,
    /// Whether they agree, where that is asked; `None` for numbers that are only told.
    pub agrees: Option<bool>,
}

impl Line {
    /// A number that must be equal to all digits that were printed.
    pub fn exact(what: impl Into<String>, published: &str, ours: f64) -> Line {
        let decimals = published.split_once('.').map_or(0, |(_, digits)| digits.len());
        let rounded = format!("{ours:.decimals$}");
        // A table may leave the zero before the point out.
        let same = |text: &str| {
            text.strip_prefix('0').filter(|rest| rest.starts_with('.')).unwrap_or(text).to_owned()
        };
        let agrees = same(&rounded) == same(published);
        let more = decimals + 1;
        let difference =
            published.parse::<f64>().map_or(String::new(), |number| format!("{:+.more$}", ours - number));
        let difference = if agrees { String::new() } else { difference };
        Line {
            what: what.into(),
            published: published.to_owned(),
            ours: rounded,
            difference,
            agrees: Some(agrees),
        }
    }

    /// A number that must be as near as `within`; `None` if it is only told.
    pub fn near(
        what: impl Into<String>,
        published: f64,
        ours: f64,
        decimals: usize,
        within: Option<f64>,
    ) -> Line {
        let difference = ours - published;
        Line {
            what: what.into(),
            published: format!("{published:.decimals$}"),
            ours: format!("{ours:.decimals$}"),
            difference: format!("{difference:+.decimals$}"),
            agrees: within.map(|within| difference.abs() <= within),
        }
    }
}

/// A job whose answer is another one.
#[derive(Clone, PartialEq, Debug)]
pub struct Deviation {
    /// The job.
    pub job: String,
    /// What was published of it.
    pub published: String,
    /// Ours.
    pub ours: String,
}

/// Answers job by job.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JobByJob {
    /// What is compared.
    pub what: &'static str,
    /// Jobs that were published.
    pub total: usize,
    /// Those whose answer is another one, or that we do not have.
    pub deviations: Vec<Deviation>,
}

/// Our answer for a job.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The job's number or name.
    pub job: String,
    /// Its start in seconds.
    pub start: f64,
    /// The processors that it got, as `0-3 7`, where they are told apart.
    pub machines: String,
}

/// What came out of one run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Section {
    /// What was run, such as `KTH-SP2`.
    pub workload: String,
    /// Under which policy.
    pub variant: String,
    /// Numbers.
    pub lines: Vec<Line>,
    /// Answers job by job.
    pub jobs: Vec<JobByJob>,
    /// Ours.
    pub answers: Vec<Answer>,
}

impl Section {
    /// How many of how many answers agree.
    pub fn score(&self) -> (usize, usize) {
        let judged = || self.lines.iter().filter_map(|line| line.agrees);
        let (lines, good) = (judged().count(), judged().filter(|agrees| *agrees).count());
        let jobs: usize = self.jobs.iter().map(|jobs| jobs.total).sum();
        let wrong: usize = self.jobs.iter().map(|jobs| jobs.deviations.len()).sum();
        (good + jobs.saturating_sub(wrong), lines + jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_agrees_to_the_digits_that_were_printed() {
        assert_eq!(Line::exact("x", ".657", 0.657_49).agrees, Some(true));
        assert_eq!(Line::exact("x", "92.5765", 92.576_549).agrees, Some(true));
        let wrong = Line::exact("x", "92.5765", 92.576_56);
        assert_eq!((wrong.agrees, wrong.difference.as_str()), (Some(false), "+0.00006"));
        assert_eq!(Line::near("x", 10.0, 12.9, 1, Some(3.0)).agrees, Some(true));
        assert_eq!(Line::near("x", 10.0, 13.1, 1, Some(3.0)).agrees, Some(false));
        assert_eq!(Line::near("x", 10.0, 13.1, 1, None).agrees, None);
    }

    #[test]
    fn every_answer_counts() {
        let deviation = Deviation { job: "7".into(), published: "1".into(), ours: "2".into() };
        let jobs = JobByJob { what: "starts", total: 10, deviations: vec![deviation] };
        let lines = vec![Line::exact("x", "1.0", 1.0), Line::exact("x", "1.0", 2.0)];
        let section = Section { lines, jobs: vec![jobs], ..Section::default() };
        assert_eq!(section.score(), (10, 12));
    }
}
