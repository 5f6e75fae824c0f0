//! The status by data: counts, and the story of conditions over roll-outs.

use super::*;

const FACTS: Facts = Facts { replicas: 8, unavailable: 2, deadline_seconds: 30, generation: 1 };

/// A moment whose stamp is cut to the second.
fn at(seconds: f64) -> Moment {
    let now = Time::from_secs_f64(seconds);
    Moment { now, stamp: now.floor_second() }
}

fn set(replicas: i32, exist: i32, ready: i32) -> SetFacts {
    let status = ReplicaSetStatus { replicas: exist, ready, available: ready, ..ReplicaSetStatus::default() };
    SetFacts { replicas, status }
}

fn told(status: &DeploymentStatus) -> Vec<String> {
    let tell = |one: &Condition| {
        let (kind, reason) = (one.kind, one.reason);
        format!(
            "{kind}={}/{reason} {} {}",
            one.status.name(),
            one.since.as_secs_f64(),
            one.updated.as_secs_f64()
        )
    };
    status.conditions.iter().map(tell).collect()
}

#[test]
fn counts_are_sums_over_the_sets() {
    let mut sets = [set(6, 6, 6), set(4, 4, 1)];
    sets[0].status.terminating = 2;
    let status = counted(FACTS, Sets { all: &sets, new: Some(1) }, &DeploymentStatus::default(), at(1.5));
    assert_eq!(
        [status.replicas, status.updated, status.ready, status.available, status.unavailable],
        [10, 4, 7, 7, 3]
    );
    assert_eq!((status.terminating, status.observed_generation), (2, 1));
    assert_eq!(told(&status), ["Available=True/MinimumReplicasAvailable 1 1"]);
    let huge = [set(i32::MAX, i32::MAX, 0), set(i32::MAX, i32::MAX, 0)];
    let status = counted(FACTS, Sets { all: &huge, new: None }, &status, at(9.0));
    assert_eq!((status.replicas, status.unavailable, status.updated), (i32::MAX, i32::MAX, 0));
    assert_eq!(told(&status), ["Available=False/MinimumReplicasUnavailable 9 9"]);
}

/// The recorded run public-rollout-stuck-rollback: the conditions of a creation, of a roll-out that
/// stops, and of its scaling.
#[test]
fn the_conditions_of_a_roll_out_that_is_stuck() {
    let mut status = DeploymentStatus::default();
    let mut story = Vec::new();
    status = after_creation(FACTS, &status, true, at(0.4)).unwrap();
    story.push(told(&status)[0].clone());
    let steps: [(f64, [SetFacts; 2]); 7] = [
        (0.5, [set(8, 0, 0), set(0, 0, 0)]),
        (1.2, [set(8, 8, 0), set(0, 0, 0)]),
        (2.6, [set(8, 8, 6), set(0, 0, 0)]),
        (3.1, [set(8, 8, 8), set(0, 0, 0)]),
        (15.2, [set(8, 8, 8), set(2, 0, 0)]),
        (15.4, [set(6, 8, 8), set(2, 2, 0)]),
        (15.9, [set(6, 6, 6), set(4, 4, 0)]),
    ];
    for (number, (seconds, all)) in steps.into_iter().enumerate() {
        let new = Some(usize::from(number > 3));
        if number == 4 {
            status = after_creation(FACTS, &status, true, at(15.1)).unwrap();
        }
        status = rollout(FACTS, Sets { all: &all, new }, &status, at(seconds));
        story.push(told(&status).join(", "));
    }
    assert_eq!(
        story,
        [
            "Progressing=True/NewReplicaSetCreated 0 0",
            "Progressing=True/NewReplicaSetCreated 0 0, Available=False/MinimumReplicasUnavailable 0 0",
            "Available=False/MinimumReplicasUnavailable 0 0, Progressing=True/ReplicaSetUpdated 0 1",
            "Available=True/MinimumReplicasAvailable 2 2, Progressing=True/ReplicaSetUpdated 0 2",
            "Available=True/MinimumReplicasAvailable 2 2, Progressing=True/NewReplicaSetAvailable 0 3",
            "Available=True/MinimumReplicasAvailable 2 2, Progressing=True/NewReplicaSetCreated 0 15",
            "Available=True/MinimumReplicasAvailable 2 2, Progressing=True/ReplicaSetUpdated 0 15",
            "Available=True/MinimumReplicasAvailable 2 2, Progressing=True/ReplicaSetUpdated 0 15",
        ]
    );
    let all = [set(6, 6, 6), set(4, 4, 0)];
    let sets = Sets { all: &all, new: Some(1) };
    let same = rollout(FACTS, sets, &status, at(16.0));
    assert_eq!(same, status);
    assert_eq!(recheck(FACTS, &status, &same, at(16.0).now), Some(Time::from_secs(46)));
    assert_eq!(rollout(FACTS, sets, &status, at(45.0)), status, "the time must be over");
    let late = rollout(FACTS, sets, &status, at(46.0));
    assert_eq!(told(&late)[1], "Progressing=False/ProgressDeadlineExceeded 46 46");
    assert_eq!(recheck(FACTS, &late, &late, at(46.0).now), None);
    assert_eq!(rollout(FACTS, sets, &late, at(47.0)), late);
    let scaled = Facts { replicas: 12, unavailable: 3, ..FACTS };
    let all = [set(9, 9, 6), set(6, 6, 0)];
    let again = rollout(scaled, Sets { all: &all, new: Some(1) }, &late, at(60.1));
    assert_eq!(
        told(&again),
        ["Available=False/MinimumReplicasUnavailable 60 60", "Progressing=True/ReplicaSetUpdated 60 60"]
    );
}

#[test]
fn a_look_that_is_nearly_due_comes_just_after_the_time() {
    let all = [set(8, 4, 0)];
    let sets = Sets { all: &all, new: Some(0) };
    let mut status = rollout(FACTS, sets, &DeploymentStatus::default(), at(10.0));
    for condition in &mut status.conditions {
        condition.updated = Time::from_secs(10);
    }
    for (now, due) in [(39.0, 41.0), (39.001, 40.001), (39.998, 40.003), (40.0, 40.005)] {
        assert_eq!(recheck(FACTS, &status, &status, at(now).now), Some(at(due).now), "{now}");
    }
    let without = Facts { deadline_seconds: i32::MAX, ..FACTS };
    assert_eq!(recheck(without, &status, &status, at(39.5).now), None);
}

#[test]
fn a_complete_roll_out_that_loses_pods_is_not_estimated() {
    let all = [set(8, 8, 8)];
    let complete = rollout(FACTS, Sets { all: &all, new: Some(0) }, &DeploymentStatus::default(), at(1.0));
    assert!(is_complete(FACTS, &complete));
    let all = [set(8, 8, 3)];
    let sets = Sets { all: &all, new: Some(0) };
    let fewer = rollout(FACTS, sets, &complete, at(100.0));
    assert_eq!(told(&fewer)[0], "Progressing=True/NewReplicaSetAvailable 1 1");
    assert_eq!(recheck(FACTS, &fewer, &fewer, at(100.0).now), None);
    assert!(!is_complete(Facts { generation: 2, ..FACTS }, &complete), "a new generation is not seen yet");
}

#[test]
fn pausing_and_resuming_are_told_once() {
    let status = after_finding(FACTS, &DeploymentStatus::default(), at(1.0)).unwrap();
    assert_eq!(told(&status), ["Progressing=True/FoundNewReplicaSet 1 1"]);
    assert_eq!(after_finding(FACTS, &status, at(2.0)), None);
    assert_eq!(after_pausing(FACTS, false, &status, at(2.0)), None);
    let paused = after_pausing(FACTS, true, &status, at(3.0)).unwrap();
    assert_eq!(told(&paused), ["Progressing=Unknown/DeploymentPaused 3 3"]);
    assert_eq!(after_pausing(FACTS, true, &paused, at(4.0)), None);
    let resumed = after_pausing(FACTS, false, &paused, at(5.0)).unwrap();
    assert_eq!(told(&resumed), ["Progressing=Unknown/DeploymentResumed 3 5"]);
    let failed = after_creation(FACTS, &resumed, false, at(6.0)).unwrap();
    assert_eq!(told(&failed), ["Progressing=False/ReplicaSetCreateError 6 6"]);
    let mut late = status;
    late.conditions[0].reason = PROGRESS_DEADLINE_EXCEEDED;
    assert_eq!(after_pausing(FACTS, true, &late, at(7.0)), None, "a time-out stays");
    let without = Facts { deadline_seconds: i32::MAX, ..FACTS };
    assert_eq!(after_pausing(without, true, &resumed, at(8.0)), None);
    let all = [set(8, 8, 8)];
    let removed = rollout(without, Sets { all: &all, new: Some(0) }, &resumed, at(9.0));
    assert_eq!(told(&removed), ["Available=True/MinimumReplicasAvailable 9 9"]);
}

#[test]
fn the_failure_of_the_current_set_comes_first() {
    let failure = |reason| Condition {
        kind: REPLICA_FAILURE,
        status: Truth::True,
        reason,
        since: Time::from_secs(3),
        updated: Time::from_secs(4),
    };
    let mut all = [set(8, 8, 8), set(2, 0, 0)];
    all[0].status.failure = Some(failure("FailedDelete"));
    let sets = Sets { all: &all, new: Some(1) };
    let status = rollout(FACTS, sets, &DeploymentStatus::default(), at(5.0));
    assert!(told(&status).contains(&"ReplicaFailure=True/FailedDelete 3 3".to_owned()));
    all[1].status.failure = Some(failure("FailedCreate"));
    let status = rollout(FACTS, Sets { all: &all, new: Some(1) }, &status, at(6.0));
    assert!(told(&status).contains(&"ReplicaFailure=True/FailedCreate 3 3".to_owned()));
    let all = [set(8, 8, 8), set(2, 0, 0)];
    let status = rollout(FACTS, Sets { all: &all, new: Some(1) }, &status, at(7.0));
    assert!(!told(&status).iter().any(|line| line.starts_with(REPLICA_FAILURE)));
}
