//! Which of a schedule's times is due, and when to look again.
//!
//! Kubernetes 1.36, pkg/controller/cronjob/utils.go (mostRecentScheduleTime) and
//! cronjob_controllerv2.go (nextScheduleTime, nextScheduleTimeDuration). What is done at that time is not
//! known here.

use super::{SECOND, Wall};
use crate::api::{Schedule, schedule};

/// The controller looks so much after the time itself (nextScheduleDelta).
const SLACK: Wall = 100_000_000;
/// The answer of a schedule that names no time.
const NO_TIME: Wall = schedule::NEVER as Wall * SECOND;

/// The times that a CronJob counts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counting {
    /// When the CronJob was created.
    pub created: Wall,
    /// The time for which a Job was last started.
    pub last: Option<Wall>,
    /// `startingDeadlineSeconds`.
    pub deadline: Option<i64>,
}

/// The schedule names fewer than two times that differ, such as `59 23 31 2 *`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Irregular;

/// What is known of the times up to now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Recent {
    /// From when times count.
    earliest: Wall,
    /// The latest time that has come.
    latest: Option<Wall>,
    /// About how many have come; 0 if the first or the second has not.
    missed: i64,
}

/// The latest time that has come and may still be started; `None` if there is none.
pub fn due(counting: &Counting, now: Wall, schedule: &Schedule) -> Result<Option<Wall>, Irregular> {
    Ok(recent(counting, now, schedule, true)?.latest.filter(|latest| *latest <= now))
}

/// How long it is until the controller looks again, in nanoseconds; negative where no time is to come.
pub fn wait(counting: &Counting, now: Wall, schedule: &Schedule) -> i64 {
    let from = match recent(counting, now, schedule, false) {
        Ok(Recent { latest: Some(latest), .. }) => latest,
        Ok(Recent { latest: None, missed: 0, earliest }) => earliest,
        Ok(_) | Err(Irregular) => now,
    };
    duration(next(schedule, from) + SLACK - now)
}

/// The start of a Job for `scheduled` is too late for its deadline.
pub fn is_too_late(scheduled: Wall, deadline: Option<i64>, now: Wall) -> bool {
    deadline.is_some_and(|deadline| scheduled + seconds(deadline) < now)
}

fn recent(
    counting: &Counting,
    now: Wall,
    schedule: &Schedule,
    with_deadline: bool,
) -> Result<Recent, Irregular> {
    let mut earliest = counting.last.unwrap_or(counting.created);
    if let Some(deadline) = counting.deadline.filter(|_| with_deadline) {
        earliest = earliest.max(now - seconds(deadline));
    }
    let first = next(schedule, earliest);
    let second = next(schedule, first);
    if now < first {
        return Ok(Recent { earliest, latest: None, missed: 0 });
    }
    if now < second {
        return Ok(Recent { earliest, latest: Some(first), missed: 0 });
    }
    let between = duration(second - first).div_euclid(SECOND as i64);
    if between < 1 {
        return Err(Irregular);
    }
    let missed = duration(now - first) / SECOND as i64 / between + 1;
    // Schedules are not all regular: the search begins two intervals before now.
    let mut time = next(schedule, first + Wall::from(missed - 2) * Wall::from(between) * SECOND);
    let mut latest = None;
    while time <= now && time != NO_TIME {
        latest = Some(time);
        time = next(schedule, time);
    }
    Ok(Recent { earliest, latest, missed })
}

/// The schedule's next time, as nanoseconds.
fn next(schedule: &Schedule, after: Wall) -> Wall {
    let after =
        i64::try_from(after.div_euclid(SECOND)).unwrap_or(if after < 0 { i64::MIN } else { i64::MAX });
    Wall::from(schedule.next(after)) * SECOND
}

/// A number of seconds as nanoseconds; beyond 292 years it wraps, as the original's does.
fn seconds(seconds: i64) -> Wall {
    Wall::from(seconds.wrapping_mul(SECOND as i64))
}

/// A difference of moments, which is at most 292 years either way.
fn duration(nanos: Wall) -> i64 {
    nanos.clamp(Wall::from(i64::MIN), Wall::from(i64::MAX)) as i64
}
