//! Dependencies between jobs (`--dependency`).
//!
//! `after`: the other has begun or was cancelled. `afterany`: it is over. `afterok`: it is over, with
//! exit code 0. `afternotok`: it is over and did not complete. `aftercorr`: the task of the same index
//! of the other array has completed. `singleton`: no other job of that name and user is before it.

use super::model::{Job, JobState};

/// What a job waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dependency {
    /// What must have happened.
    pub kind: Kind,
    /// The number of the other job, or of an array.
    pub job: u32,
    /// Whether this one suffices (`?` joins alternatives); otherwise all must hold (`,`).
    pub suffices: bool,
}

/// What must have happened to the other job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It has begun, or was cancelled; so many seconds ago.
    After(u64),
    /// It is over.
    AfterAny,
    /// It has completed.
    AfterOk,
    /// It is over and has not completed.
    AfterNotOk,
    /// Its task of the same index has completed.
    AfterCorr,
    /// No other job of the name and the user is before this one.
    Singleton,
}

/// Where a dependency stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// It holds.
    Satisfied,
    /// Not yet.
    Waits,
    /// It cannot hold any more.
    Never,
}

/// What is known of another job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its state.
    pub state: JobState,
    /// When it started; 0 for never.
    pub start: u64,
}

/// The dependencies of an expression such as `afterok:12:13,singleton`.
///
/// # Errors
/// What is wrong with it, in words that follow "dependency".
pub fn parse(text: &str) -> Result<Vec<Dependency>, &'static str> {
    let suffices = text.contains('?');
    if suffices && text.contains(',') {
        return Err("mixes `,` and `?`");
    }
    let mut found = Vec::new();
    for part in text.split([',', '?']).map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split(':');
        let kind = match words.next().unwrap_or_default() {
            "after" => Kind::After(0),
            "afterany" => Kind::AfterAny,
            "afterok" => Kind::AfterOk,
            "afternotok" => Kind::AfterNotOk,
            "aftercorr" => Kind::AfterCorr,
            "singleton" => Kind::Singleton,
            _ => return Err("is none of after, afterany, afterok, afternotok, aftercorr, singleton"),
        };
        if kind == Kind::Singleton {
            found.push(Dependency { kind, job: 0, suffices });
            continue;
        }
        let before = found.len();
        for word in words {
            found.push(one(kind, word, suffices)?);
        }
        if found.len() == before {
            return Err("names no job");
        }
    }
    Ok(found)
}

/// A dependency on one job: its number, with `+minutes` for `after`.
fn one(kind: Kind, word: &str, suffices: bool) -> Result<Dependency, &'static str> {
    let (job, kind) = match (word.split_once('+'), kind) {
        (Some((job, minutes)), Kind::After(_)) => {
            let minutes: u32 = minutes.parse().map_err(|_| "has a delay that is not a number")?;
            (job, Kind::After(u64::from(minutes) * 60))
        }
        (Some(_), _) => return Err("has a delay; only `after` may"),
        (None, kind) => (word, kind),
    };
    let job = job.parse().map_err(|_| "names a job that is not a number")?;
    Ok(Dependency { kind, job, suffices })
}

/// Where a dependency on one other job stands; a job nobody knows is over and forgotten.
pub fn standing_of(kind: Kind, other: Option<Known>, now: u64) -> Standing {
    let Some(other) = other else { return Standing::Satisfied };
    let over = other.state.is_over();
    let completed = other.state == JobState::Completed;
    let (holds, never) = match kind {
        Kind::After(delay) => {
            let begun = other.start > 0 && now >= other.start.saturating_add(delay);
            (begun || over, false)
        }
        Kind::AfterAny => (over, false),
        Kind::AfterOk | Kind::AfterCorr => (completed, over && !completed),
        Kind::AfterNotOk => (over && !completed, completed),
        Kind::Singleton => (true, false),
    };
    match (holds, never) {
        (true, _) => Standing::Satisfied,
        (_, true) => Standing::Never,
        _ => Standing::Waits,
    }
}

/// Where all dependencies of a job stand together.
///
/// `standing` tells where one of them stands.
pub fn together(job: &Job, mut standing: impl FnMut(&Dependency) -> Standing) -> Standing {
    if job.dependencies.is_empty() {
        return Standing::Satisfied;
    }
    let each = job.dependencies.iter().map(&mut standing);
    if job.dependencies[0].suffices {
        // One suffices; it can never hold only if none can.
        each.min().unwrap_or(Standing::Satisfied)
    } else {
        each.max().unwrap_or(Standing::Satisfied)
    }
}
