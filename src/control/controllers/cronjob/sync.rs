//! One pass over a CronJob: which Jobs are deleted, which is started, what its status says.
//!
//! Kubernetes 1.36, pkg/controller/cronjob/cronjob_controllerv2.go (syncCronJob, cleanupFinishedJobs).
//! Value in, value out; whether a write succeeds is not known here.

#[cfg(test)]
mod tests;

use super::missed::{self, Counting};
use super::{SECOND, Wall};
use crate::api::batch::Concurrency;
use crate::api::{CronJob, Schedule, schedule};

/// A Job that the CronJob controls.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Owned {
    /// Its name.
    pub name: String,
    /// Whether it has succeeded (condition Complete) or failed; `None` while it has not finished.
    pub succeeded: Option<bool>,
    /// `status.startTime`.
    pub start: Option<Wall>,
    /// `status.completionTime`.
    pub completion: Option<Wall>,
}

/// The status of a CronJob, by the wall clock.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// Names of the Jobs that have not finished.
    pub active: Vec<String>,
    /// The time for which a Job was last started.
    pub last_schedule: Option<Wall>,
    /// When a Job was last complete.
    pub last_successful: Option<Wall>,
}

impl State {
    /// Takes a Job off the active ones; says whether it was there.
    pub fn forget(&mut self, name: &str) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active != name);
        self.active.len() < before
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Jobs that make room for the new one.
    pub replaced: Vec<String>,
    /// The Job to start: its name and the time that it is for.
    pub start: Option<(String, Wall)>,
    /// When to look again, in nanoseconds from now; `None` for not before something changes.
    pub wait: Option<i64>,
    /// Whether the status must be written.
    pub status_changed: bool,
}

/// Looks after a CronJob at `now`. `created` is the time of its creation, `jobs` the Jobs that it controls
/// as the controller has seen them; `exists` says whether a Job of that name is there by what the API
/// server knows. `state` becomes the new status, which counts on the new Job being made.
pub fn sync(
    cron: &CronJob,
    created: Wall,
    state: &mut State,
    jobs: &[Owned],
    exists: impl Fn(&str) -> bool,
    now: Wall,
) -> Outcome {
    let mut outcome = Outcome { status_changed: note_finished(state, jobs), ..Outcome::default() };
    let seen = |name: &String| jobs.iter().any(|job| job.name == *name) || exists(name);
    let active = state.active.len();
    state.active.retain(seen);
    outcome.status_changed |= state.active.len() < active;
    if cron.meta.deleting || cron.suspend {
        return outcome;
    }
    let Some(schedule) = schedule(cron) else {
        return outcome;
    };
    let mut counting =
        Counting { created, last: state.last_schedule, deadline: cron.starting_deadline_seconds };
    let Ok(due) = missed::due(&counting, now, &schedule) else {
        return outcome;
    };
    if let Some(scheduled) = due {
        let name = job_name(&cron.meta.name, scheduled);
        let is_done = state.active.contains(&name) || state.last_schedule == Some(scheduled);
        let is_held = cron.concurrency == Concurrency::Forbid && !state.active.is_empty();
        if !missed::is_too_late(scheduled, cron.starting_deadline_seconds, now) && !is_done && !is_held {
            if cron.concurrency == Concurrency::Replace {
                outcome.replaced = std::mem::take(&mut state.active);
            }
            state.active.push(name.clone());
            state.last_schedule = Some(scheduled);
            counting.last = Some(scheduled);
            outcome.start = Some((name, scheduled));
            outcome.status_changed = true;
        }
    }
    outcome.wait = Some(missed::wait(&counting, now, &schedule));
    outcome
}

/// The schedule in its time zone; `None` if one of the two cannot be read.
pub fn schedule(cron: &CronJob) -> Option<Schedule> {
    let zone = schedule::zone(&cron.time_zone)?;
    Schedule::parse(&cron.schedule, zone).ok()
}

/// The name of the Job for a time: it has the minutes since 1970, so that none is made twice.
pub fn job_name(cron: &str, scheduled: Wall) -> String {
    format!("{cron}-{}", scheduled / (60 * SECOND))
}

/// Takes finished Jobs off the active ones and notes the last success; says whether anything changed.
fn note_finished(state: &mut State, jobs: &[Owned]) -> bool {
    let mut changed = false;
    for job in jobs.iter().filter(|job| job.succeeded.is_some()) {
        changed |= state.forget(&job.name);
        if job.succeeded == Some(true) {
            // The original writes the status even where there is no time to note.
            changed |= state.last_successful.is_none();
            if job.completion > state.last_successful {
                state.last_successful = job.completion;
                changed = true;
            }
        }
    }
    changed
}

/// The finished Jobs beyond the limits of the history, those that started first, first; the ones that
/// succeeded before the ones that failed.
pub fn beyond_history(cron: &CronJob, jobs: &[Owned]) -> Vec<String> {
    let limits = [(true, cron.successful_history_limit), (false, cron.failed_history_limit)];
    let beyond = limits.into_iter().flat_map(|(succeeded, limit)| {
        let mut finished: Vec<&Owned> = jobs.iter().filter(|job| job.succeeded == Some(succeeded)).collect();
        finished.sort_by_key(|job| (job.start.is_none(), job.start, &job.name));
        let excess = finished.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        finished.truncate(excess);
        finished
    });
    beyond.map(|job| job.name.clone()).collect()
}
