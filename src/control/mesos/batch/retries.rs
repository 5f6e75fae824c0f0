//! Retries of failed runs, as Chronos makes them.
//!
//! Chronos, jobs/JobScheduler.scala, config/SchedulerConfiguration.scala (reference control-plane §7.6).

use crate::base::{Span, Time};

/// The settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How often a failed run is tried again.
    pub retries: u32,
    /// `failure_retry`: the wait before that.
    pub delay: Span,
    /// `disable_after_failures`: a job that has failed so often since its last success is given up; 0 for
    /// never.
    pub disable_after: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { retries: 2, delay: Span::from_secs(60), disable_after: 0 }
    }
}

/// What follows from a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The same run again.
    Retry {
        /// When.
        at: Time,
    },
    /// The run has failed.
    Failed,
    /// The run has failed, and the job is given up.
    Disabled,
}

/// What is known of a job's runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// The end of the latest success.
    pub last_success: Option<Time>,
    /// The end of the latest run that failed for good.
    pub last_error: Option<Time>,
    /// Runs that failed for good.
    pub errors: u32,
    /// The same since the latest success.
    pub errors_since_success: u32,
    /// Whether it is given up.
    pub disabled: bool,
}

impl Record {
    /// A run ended well: what depends on it may run.
    pub fn succeeded(&mut self, now: Time) {
        self.last_success = Some(now);
        self.errors_since_success = 0;
    }

    /// An attempt, counted from 0, failed. It is repeated if there are retries left and no error is newer
    /// than the last success.
    pub fn failed(&mut self, now: Time, attempt: u32, settings: &Settings) -> Outcome {
        let clean = match (self.last_error, self.last_success) {
            (None, _) => true,
            (Some(error), Some(success)) => success >= error,
            (Some(_), None) => false,
        };
        if attempt < settings.retries && clean {
            return Outcome::Retry { at: now + settings.delay };
        }
        self.errors += 1;
        self.last_error = Some(now);
        let since = self.errors_since_success + 1;
        self.errors_since_success = since;
        if settings.disable_after > 0 && since >= settings.disable_after {
            self.disabled = true;
            return Outcome::Disabled;
        }
        Outcome::Failed
    }
}

/// Whether a job may run whose dependencies have come to `ended`: each with success, or with an error that
/// the job that failed calls soft. Nothing runs after what has not ended.
pub fn is_released(ended: impl IntoIterator<Item = DependencyEnd>) -> bool {
    ended.into_iter().all(|end| matches!(end, DependencyEnd::Success | DependencyEnd::SoftError))
}

/// What a job that others wait for has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DependencyEnd {
    /// Not yet.
    Open,
    /// It ended well.
    Success,
    /// It failed, and that is to be overlooked (`softError`).
    SoftError,
    /// It failed.
    Error,
}
