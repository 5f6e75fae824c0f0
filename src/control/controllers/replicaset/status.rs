//! What a ReplicaSet's status says.
//!
//! Kubernetes 1.36, pkg/controller/replicaset/replica_set_utils.go (reference control-plane §3.2).
//! When it is written is not known here.

use super::Action;
use crate::api::status::{Condition, ReplicaSetStatus, Truth};
use crate::base::Time;

/// The condition while creating or deleting pods fails.
pub const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The pods of a ReplicaSet, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Active ones.
    pub active: u32,
    /// Active ones that are ready.
    pub ready: u32,
    /// Active ones that have been ready for long enough.
    pub available: u32,
    /// Those that are being deleted and have not ended.
    pub terminating: u32,
}

/// The status that a sync writes, from the pods that it began with (calculateStatus). `failed` is
/// what it tried in vain; a failure that is known keeps its reason and its time.
pub fn status(
    counts: Counts,
    generation: u64,
    failed: Option<Action>,
    before: &ReplicaSetStatus,
    stamp: Time,
) -> ReplicaSetStatus {
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let reason = match failed {
        None | Some(Action::Nothing) => None,
        Some(Action::Create(_)) => Some("FailedCreate"),
        Some(Action::Delete(_)) => Some("FailedDelete"),
    };
    let made = |reason| Condition {
        kind: REPLICA_FAILURE,
        status: Truth::True,
        reason,
        since: stamp,
        updated: stamp,
    };
    ReplicaSetStatus {
        replicas: number(counts.active),
        ready: number(counts.ready),
        available: number(counts.available),
        terminating: number(counts.terminating),
        observed_generation: generation,
        failure: reason.map(|reason| before.failure.unwrap_or_else(|| made(reason))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays_as_it_began_until_a_sync_goes_well() {
        let counts = Counts { active: 3, ready: 2, available: 1, terminating: 4 };
        let at = Time::from_secs;
        let fine = status(counts, 2, None, &ReplicaSetStatus::default(), at(1));
        assert_eq!([fine.replicas, fine.ready, fine.available, fine.terminating], [3, 2, 1, 4]);
        assert_eq!((fine.observed_generation, fine.failure), (2, None));
        let failed = status(counts, 2, Some(Action::Create(5)), &fine, at(5));
        let told = |status: &ReplicaSetStatus| status.failure.map(|one| (one.reason, one.since));
        assert_eq!(told(&failed), Some(("FailedCreate", at(5))));
        let again = status(counts, 2, Some(Action::Delete(1)), &failed, at(9));
        assert_eq!(told(&again), Some(("FailedCreate", at(5))));
        assert_eq!(status(counts, 3, None, &again, at(10)).failure, None);
    }
}
