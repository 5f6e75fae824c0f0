//! What a Deployment's status says: the counts, and whether its roll-out goes on.
//!
//! Kubernetes 1.36, pkg/controller/deployment (sync.go, progress.go) and its util (reference
//! control-plane §3.3). ReplicaSets are numbers here; when a status is written, and how, is not
//! known.

use crate::api::status::{Condition, DeploymentStatus, ReplicaSetStatus, Truth};
use crate::base::{Span, Time};

/// The condition that says whether the roll-out goes on.
pub const PROGRESSING: &str = "Progressing";
/// The condition that says whether enough pods are available.
pub const AVAILABLE: &str = "Available";
/// The condition that says that pods cannot be created or deleted.
pub const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The roll-out is complete.
pub const NEW_REPLICA_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// There was no progress for too long.
pub const PROGRESS_DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

/// A deadline that stands for none (math.MaxInt32).
const NO_DEADLINE: i32 = i32::MAX;
/// What is added to the moment at which a stuck roll-out is looked at again.
const RECHECK_MARGIN: Span = Span::from_secs(1);
/// Wait before a look that is nearly due is repeated (client-go,
/// util/workqueue/default_rate_limiters.go).
const RETRY: Span = Span::from_millis(5);

/// The Deployment as its status sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// `spec.replicas`.
    pub replicas: i32,
    /// Pods that may be missing, resolved; zero for Recreate.
    pub unavailable: i32,
    /// `spec.progressDeadlineSeconds`.
    pub deadline_seconds: i32,
    /// `metadata.generation`.
    pub generation: u64,
}

impl Facts {
    /// The time after which a roll-out without progress is reported; `None` for never.
    fn deadline(self) -> Option<Span> {
        (self.deadline_seconds != NO_DEADLINE).then(|| Span::from_secs(self.deadline_seconds.max(0) as u64))
    }
}

/// A ReplicaSet as the status sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SetFacts {
    /// `spec.replicas`.
    pub replicas: i32,
    /// Its status.
    pub status: ReplicaSetStatus,
}

/// The ReplicaSets, and which of them has the current template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sets<'a> {
    /// All of them, oldest first.
    pub all: &'a [SetFacts],
    /// The current one.
    pub new: Option<usize>,
}

/// A moment, and what of it is stored in API objects: the whole second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The moment.
    pub now: Time,
    /// Cut to the whole second of the wall clock.
    pub stamp: Time,
}

/// The condition of a type.
pub fn condition(status: &DeploymentStatus, kind: &str) -> Option<Condition> {
    status.conditions.iter().copied().find(|condition| condition.kind == kind)
}

/// Puts in a condition, unless one with its status and reason is there. It comes to the end of the
/// list, and keeps the moment of the last transition if the status stays (SetDeploymentCondition).
pub fn set_condition(status: &mut DeploymentStatus, mut new: Condition) {
    if let Some(known) = condition(status, new.kind) {
        if known.status == new.status && known.reason == new.reason {
            return;
        }
        if known.status == new.status {
            new.since = known.since;
        }
        remove_condition(status, new.kind);
    }
    status.conditions.push(new);
}

fn remove_condition(status: &mut DeploymentStatus, kind: &str) {
    status.conditions.retain(|condition| condition.kind != kind);
}

fn made(kind: &'static str, status: Truth, reason: &'static str, stamp: Time) -> Condition {
    Condition { kind, status, reason, since: stamp, updated: stamp }
}

/// The status as counted, without a word on progress: what is written while only the size is
/// followed, or while the roll-out is paused (calculateStatus, syncDeploymentStatus).
pub fn counted(facts: Facts, sets: Sets<'_>, before: &DeploymentStatus, at: Moment) -> DeploymentStatus {
    let sum = |number: fn(&SetFacts) -> i32| sets.all.iter().map(number).fold(0, i32::saturating_add);
    let available = sum(|set| set.status.available);
    let mut status = DeploymentStatus {
        replicas: sum(|set| set.status.replicas),
        updated: sets.new.map_or(0, |new| sets.all[new].status.replicas),
        ready: sum(|set| set.status.ready),
        available,
        unavailable: sum(|set| set.replicas).saturating_sub(available).max(0),
        terminating: sum(|set| set.status.terminating),
        observed_generation: facts.generation,
        conditions: before.conditions.clone(),
    };
    let enough = available >= facts.replicas.saturating_sub(facts.unavailable);
    let (truth, reason) = if enough {
        (Truth::True, "MinimumReplicasAvailable")
    } else {
        (Truth::False, "MinimumReplicasUnavailable")
    };
    set_condition(&mut status, made(AVAILABLE, truth, reason, at.stamp));
    status
}

/// The status during a roll-out, with what it says about progress and failure (syncRolloutStatus).
pub fn rollout(facts: Facts, sets: Sets<'_>, before: &DeploymentStatus, at: Moment) -> DeploymentStatus {
    let mut status = counted(facts, sets, before, at);
    match facts.deadline() {
        None => remove_condition(&mut status, PROGRESSING),
        Some(deadline) => estimate(facts, deadline, before, &mut status, at),
    }
    match failure(sets) {
        Some(failure) => set_condition(&mut status, failure),
        None => remove_condition(&mut status, REPLICA_FAILURE),
    }
    status
}

/// Whether all pods are of the current template and available (DeploymentComplete).
pub fn is_complete(facts: Facts, status: &DeploymentStatus) -> bool {
    [status.updated, status.replicas, status.available] == [facts.replicas; 3]
        && status.observed_generation >= facts.generation
}

fn estimate(
    facts: Facts,
    deadline: Span,
    before: &DeploymentStatus,
    status: &mut DeploymentStatus,
    at: Moment,
) {
    let known = condition(before, PROGRESSING);
    let was_complete = status.replicas == status.updated
        && known.is_some_and(|known| known.reason == NEW_REPLICA_SET_AVAILABLE);
    if was_complete {
        return;
    }
    if is_complete(facts, status) {
        set_condition(status, made(PROGRESSING, Truth::True, NEW_REPLICA_SET_AVAILABLE, at.stamp));
    } else if has_progressed(before, status) {
        // Any progress is noted, with the same reason, too.
        let mut new = made(PROGRESSING, Truth::True, "ReplicaSetUpdated", at.stamp);
        if let Some(known) = known {
            if known.status == Truth::True {
                new.since = known.since;
            }
            remove_condition(status, PROGRESSING);
        }
        set_condition(status, new);
    } else if has_timed_out(known, deadline, at.now) {
        set_condition(status, made(PROGRESSING, Truth::False, PROGRESS_DEADLINE_EXCEEDED, at.stamp));
    }
}

/// Whether more pods are updated, ready or available than before, or fewer are old
/// (DeploymentProgressing).
fn has_progressed(before: &DeploymentStatus, status: &DeploymentStatus) -> bool {
    let old = |status: &DeploymentStatus| i64::from(status.replicas) - i64::from(status.updated);
    status.updated > before.updated
        || old(status) < old(before)
        || status.ready > before.ready
        || status.available > before.available
}

fn has_timed_out(known: Option<Condition>, deadline: Span, now: Time) -> bool {
    known.is_some_and(|known| match known.reason {
        NEW_REPLICA_SET_AVAILABLE => false,
        PROGRESS_DEADLINE_EXCEEDED => true,
        _ => known.updated + deadline < now,
    })
}

/// The failure of the current ReplicaSet, else of another one (getReplicaFailures).
fn failure(sets: Sets<'_>) -> Option<Condition> {
    let of = |set: &SetFacts| set.status.failure;
    let current = sets.new.and_then(|new| of(&sets.all[new]));
    let failure = current.or_else(|| sets.all.iter().find_map(of))?;
    Some(Condition { kind: REPLICA_FAILURE, updated: failure.since, ..failure })
}

/// The status after the creation of a ReplicaSet, or its failure with `ReplicaSetCreateError`;
/// `None` if nothing is to be written.
pub fn after_creation(
    facts: Facts,
    before: &DeploymentStatus,
    created: bool,
    at: Moment,
) -> Option<DeploymentStatus> {
    facts.deadline()?;
    let (truth, reason) =
        if created { (Truth::True, "NewReplicaSetCreated") } else { (Truth::False, "ReplicaSetCreateError") };
    changed(before, made(PROGRESSING, truth, reason, at.stamp))
}

/// The status when the ReplicaSet of the current template is met and nothing has been said about
/// progress yet; `None` if nothing is to be written.
pub fn after_finding(facts: Facts, before: &DeploymentStatus, at: Moment) -> Option<DeploymentStatus> {
    facts.deadline()?;
    if condition(before, PROGRESSING).is_some() {
        return None;
    }
    changed(before, made(PROGRESSING, Truth::True, "FoundNewReplicaSet", at.stamp))
}

/// The status when the Deployment has been paused or resumed; `None` if nothing is to be written
/// (checkPausedConditions). A time-out that has been reported stays.
pub fn after_pausing(
    facts: Facts,
    paused: bool,
    before: &DeploymentStatus,
    at: Moment,
) -> Option<DeploymentStatus> {
    facts.deadline()?;
    let reason = condition(before, PROGRESSING).map_or("", |known| known.reason);
    let reason = match (paused, reason) {
        (_, PROGRESS_DEADLINE_EXCEEDED) | (true, "DeploymentPaused") => return None,
        (true, _) => "DeploymentPaused",
        (false, "DeploymentPaused") => "DeploymentResumed",
        (false, _) => return None,
    };
    changed(before, made(PROGRESSING, Truth::Unknown, reason, at.stamp))
}

fn changed(before: &DeploymentStatus, condition: Condition) -> Option<DeploymentStatus> {
    let mut status = before.clone();
    set_condition(&mut status, condition);
    (status != *before).then_some(status)
}

/// When a roll-out whose status stays as it is must be looked at again, to see whether its time is
/// up; `None` for never (requeueStuckDeployment). A look that is due in less than a second is
/// repeated every few milliseconds in the original; here it comes at the first of them that finds
/// the time over.
pub fn recheck(
    facts: Facts,
    before: &DeploymentStatus,
    status: &DeploymentStatus,
    now: Time,
) -> Option<Time> {
    let deadline = facts.deadline()?;
    let known = condition(before, PROGRESSING)?;
    if is_complete(facts, status) || known.reason == PROGRESS_DEADLINE_EXCEEDED {
        return None;
    }
    let due = known.updated + deadline;
    if due.since(now) >= RECHECK_MARGIN {
        return Some(due + RECHECK_MARGIN);
    }
    // The complete roll-out that has lost pods never times out, and is not looked at for ever.
    if known.reason == NEW_REPLICA_SET_AVAILABLE {
        return None;
    }
    Some(now + RETRY * (due.since(now).0 / RETRY.0 + 1))
}

#[cfg(test)]
mod tests;
