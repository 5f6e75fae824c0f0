//! The event loop through the harness.

use super::*;
use crate::api::batch::{FailureAction, FailureCondition, FailureRule, PodReplacement};
use crate::api::status::JobStatus;
use crate::api::{Job, PodPhase, PodSpec, PodTemplate, RestartPolicy};
use crate::base::Span;
use crate::cluster::workloads::{JobEnd, job_end};
use crate::control::PodStatus;
use crate::control::harness::Harness;
use crate::control::owner_gc::OwnerGarbageCollector;
use proptest::prelude::*;
use std::sync::Arc;

fn harness() -> Harness {
    Harness::with(vec![Box::new(JobController::new(&Config::default()))])
}

fn ideal() -> Harness {
    let mut config = Config::default();
    config.controllers.job_sync_batch = Span::ZERO;
    let garbage = Box::new(OwnerGarbageCollector::new(&config));
    Harness::with(vec![garbage, Box::new(JobController::new(&config))])
}

fn job(parallelism: i32, completions: Option<i32>) -> Job {
    let mut job = Job { parallelism, completions, backoff_limit: 6, ..Job::default() };
    job.meta.name = "bad".into();
    let spec = PodSpec { restart_policy: RestartPolicy::Never, ..PodSpec::default() };
    job.template = Arc::new(PodTemplate { spec, ..PodTemplate::default() });
    job
}

fn at(seconds: f64) -> Time {
    Time::from_secs_f64(seconds)
}

fn counts(harness: &Harness, id: WorkloadId) -> (i32, i32, i32, JobEnd) {
    let status = harness.workload_status(id);
    let Status::Job(job) = status else { return (0, 0, 0, JobEnd::Open) };
    (job.active, job.succeeded, job.failed, job_end(status))
}

fn status(harness: &Harness, id: WorkloadId) -> &JobStatus {
    harness.cluster.workloads[id].job_status().expect("a status is written")
}

/// Runs the first active pod of a Job from now to `end`, with an exit code.
fn run_one(harness: &mut Harness, id: WorkloadId, end: Time, code: u8) {
    let node = harness.cluster.nodes.find(harness.cluster.names.get("n").unwrap()).unwrap();
    let pod = harness.active(id)[0];
    harness.start(pod, node);
    harness.run_until(end);
    harness.finish(pod, code);
}

#[test]
fn complete_a_batch_period_after_the_last_pod() {
    let mut harness = harness();
    harness.node("n", "a");
    let id = harness.job(job(1, Some(2)));
    run_one(&mut harness, id, at(3.0), 0);
    harness.run_until(at(3.9));
    assert_eq!(counts(&harness, id), (1, 0, 0, JobEnd::Open));
    harness.run_until(at(4.0));
    assert_eq!(counts(&harness, id), (1, 1, 0, JobEnd::Open));
    run_one(&mut harness, id, at(9.5), 0);
    harness.run_until(at(10.4));
    assert_eq!(counts(&harness, id).3, JobEnd::Open);
    harness.run_until(at(10.5));
    assert_eq!(counts(&harness, id), (0, 2, 0, JobEnd::Complete));
}

/// The recorded run public-job-backoff: every pod fails after 2 s, backoffLimit 4. A replacement
/// comes 10, 20, 40, 80 s after the whole second in which the container ended.
#[test]
fn failed_pods_are_replaced_as_recorded() {
    let mut harness = harness();
    harness.node("n", "a");
    let id = harness.job(Job { backoff_limit: 4, ..job(1, Some(1)) });
    let mut created = Vec::new();
    for _ in 0..5 {
        harness.run_until(harness.now + Span::from_millis(1_100));
        let end = harness.now + Span::from_secs(2);
        run_one(&mut harness, id, end, 1);
        let before = created.len();
        while created.len() == before && job_end(harness.workload_status(id)) == JobEnd::Open {
            harness.run_for(Span::from_millis(10));
            let pods = harness.writes().filter(|(_, write)| matches!(write, Write::CreatePod { .. }));
            created = pods.skip(1).map(|(at, _)| at.as_secs_f64()).collect();
        }
    }
    assert_eq!(
        created,
        [13.0, 36.0, 79.0, 162.0],
        "10 s after 3.1, 20 after 16.1, 40 after 39.1, 80 after 82.1"
    );
    assert_eq!(counts(&harness, id), (0, 0, 5, JobEnd::Failed));
    assert_eq!(harness.now, at(166.1), "the last pod ended at 165.1");
}

#[test]
fn a_failed_job_deletes_its_pods_and_waits_for_them() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let id = harness.job(Job { backoff_limit: 0, ..job(3, Some(9)) });
    let pods = harness.active(id);
    harness.start(pods[0], node);
    harness.start(pods[1], node);
    harness.finish(pods[0], 1);
    assert_eq!(counts(&harness, id), (0, 0, 3, JobEnd::Open), "deleted pods count as failed");
    harness.finish(pods[1], 0);
    harness.remove(pods[1]);
    assert_eq!(counts(&harness, id), (0, 0, 3, JobEnd::Failed));
}

#[test]
fn the_deadline_fails_a_job_to_the_moment() {
    let mut harness = ideal();
    let id = harness.job(Job { active_deadline_seconds: Some(30), ..job(2, Some(2)) });
    harness.run_until(at(29.9));
    assert_eq!(counts(&harness, id), (2, 0, 0, JobEnd::Open));
    harness.run_until(at(30.0));
    assert_eq!(counts(&harness, id), (0, 0, 2, JobEnd::Failed));
}

#[test]
fn restarts_count_for_on_failure() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let mut object = Job { backoff_limit: 3, ..job(2, Some(2)) };
    let spec = PodSpec { restart_policy: RestartPolicy::OnFailure, ..PodSpec::default() };
    object.template = Arc::new(PodTemplate { spec, ..PodTemplate::default() });
    let id = harness.job(object);
    let pods = harness.active(id);
    let running = |restarts| PodStatus { phase: PodPhase::Running, restarts, ..PodStatus::default() };
    for (pod, restarts) in [(pods[0], 1), (pods[1], 1), (pods[0], 1)] {
        harness.bind(pod, node);
        harness.status(pod, running(restarts));
    }
    assert_eq!(counts(&harness, id), (2, 0, 0, JobEnd::Open));
    harness.status(pods[1], running(2));
    assert_eq!(harness.active(id).len(), 0);
    harness.remove(pods[0]);
    harness.remove(pods[1]);
    assert_eq!(counts(&harness, id), (0, 0, 2, JobEnd::Failed));
}

#[test]
fn indexes_are_done_again_until_they_succeed() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let id = harness.job(Job { indexed: true, ..job(2, Some(3)) });
    let index = |harness: &Harness, pod: PodRef| harness.cluster.pods.index[pod.id.index()];
    let pods = harness.active(id);
    assert_eq!([index(&harness, pods[0]), index(&harness, pods[1])], [Some(0), Some(1)]);
    harness.start(pods[0], node);
    harness.finish(pods[0], 1);
    harness.run_for(Span::from_secs(10));
    let again = harness.active(id)[1];
    assert_eq!(index(&harness, again), Some(0));
    harness.start(again, node);
    harness.finish(again, 0);
    assert_eq!(index(&harness, harness.active(id)[1]), Some(2));
}

#[test]
fn a_pod_that_somebody_deletes_counts_as_failed_and_is_replaced() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let id = harness.job(job(1, Some(1)));
    let pod = harness.active(id)[0];
    harness.start(pod, node);
    harness.run_until(at(5.0));
    harness.tell(Event::PodDeleting { pod, grace: Span::from_secs(30), reason: Reason::TaintEviction });
    assert_eq!(counts(&harness, id), (0, 0, 1, JobEnd::Open));
    harness.run_until(at(15.0));
    assert_eq!(harness.active(id).len(), 1);
}

#[test]
fn a_finished_job_is_deleted_after_its_time_to_live() {
    let mut harness = ideal();
    harness.node("n", "a");
    let id = harness.job(Job { ttl_seconds_after_finished: Some(60), ..job(1, Some(1)) });
    run_one(&mut harness, id, at(4.5), 0);
    harness.run_until(at(63.9));
    assert!(!harness.cluster.workloads[id].deleting);
    harness.run_until(at(64.0));
    assert!(!harness.cluster.workloads[id].present, "nothing of it is left");
    let write = harness.commands.iter().find_map(|(_, command)| match command {
        Command::Write(client, Write::DeleteWorkload { foreground, .. }) => Some((*client, *foreground)),
        _ => None,
    });
    assert_eq!(write, Some((Client::TtlAfterFinished, true)));
}

/// The writes of the Job controller in order, in short.
fn requests(harness: &Harness) -> Vec<&'static str> {
    let short = |write: &Write| match write {
        Write::CreatePod { .. } => "create",
        Write::DeletePod { .. } => "delete",
        Write::PatchPod { .. } => "release",
        Write::WorkloadStatus { .. } => "status",
        _ => "other",
    };
    harness.writes().map(|(_, write)| short(write)).collect()
}

#[test]
fn an_ended_pod_is_noted_released_and_counted() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let id = harness.job(job(1, Some(1)));
    let pod = harness.active(id)[0];
    assert!(harness.cluster.pods.tracked[pod.id.index()]);
    harness.start(pod, node);
    let before = requests(&harness).len();
    harness.finish(pod, 0);
    assert_eq!(requests(&harness)[before..], ["status", "release", "status"]);
    let conditions: Vec<(&str, &str)> =
        status(&harness, id).conditions.iter().map(|condition| (condition.kind, condition.reason)).collect();
    let reason = "CompletionsReached";
    assert_eq!(conditions, [("SuccessCriteriaMet", reason), ("Complete", reason)]);
    harness.remove(pod);
    assert_eq!(harness.cluster.pods.count, 0, "no finalizer holds it");
}

#[test]
fn a_suspended_job_lets_its_pods_go_and_begins_anew() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let mut object = job(2, Some(2));
    let id = harness.job(object.clone());
    let pods = harness.active(id);
    harness.start(pods[0], node);
    harness.run_until(at(3.0));
    let change = |harness: &mut Harness, object: &Job| {
        let class = harness.cluster.workloads[id].class;
        let kind = Box::new(WorkloadKind::Job(object.clone()));
        harness.tell(Event::WorkloadChanged { workload: id, kind, class, generation: 2 });
    };
    object.suspend = true;
    change(&mut harness, &object);
    let seen = status(&harness, id);
    assert_eq!((seen.active, seen.failed, seen.terminating, seen.start), (0, 0, Some(1), None));
    assert_eq!(harness.cluster.pods.count, 1, "the pod without a node is gone");
    harness.remove(pods[0]);
    harness.run_until(at(9.0));
    object.suspend = false;
    change(&mut harness, &object);
    let seen = status(&harness, id);
    assert_eq!((seen.active, seen.start), (2, Some(at(9.0))));
    assert_eq!(seen.conditions.last().map(|condition| condition.reason), Some("JobResumed"));
}

#[test]
fn disrupted_pods_are_replaced_when_they_have_ended_and_do_not_count() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let when = FailureCondition::PodConditions(vec![("DisruptionTarget".into(), "True".into())]);
    let rule = FailureRule { action: FailureAction::Ignore, when };
    let id = harness.job(Job { backoff_limit: 0, pod_failure_policy: Some(vec![rule]), ..job(1, Some(1)) });
    let pod = harness.active(id)[0];
    harness.start(pod, node);
    harness.tell(Event::PodPatched { pod, patch: PodPatch::Disrupted(Reason::TaintEviction) });
    harness.tell(Event::PodDeleting { pod, grace: Span::from_secs(30), reason: Reason::TaintEviction });
    harness.run_until(at(20.0));
    assert_eq!((harness.active(id).len(), status(&harness, id).terminating), (0, Some(1)));
    harness.finish(pod, 143);
    harness.run_until(at(29.9));
    assert_eq!(harness.active(id), [], "an ignored failure is waited for, too");
    harness.run_until(at(30.0));
    assert_eq!((harness.active(id).len(), counts(&harness, id)), (1, (1, 0, 0, JobEnd::Open)));
}

#[test]
fn exit_codes_fail_a_job_at_once() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let when = FailureCondition::ExitCodes { container: Some("c".into()), listed: true, values: vec![42] };
    let rule = FailureRule { action: FailureAction::FailJob, when };
    let mut object = Job { pod_failure_policy: Some(vec![rule]), ..job(2, Some(2)) };
    let containers = vec![crate::api::Container { name: "c".into(), ..Default::default() }];
    let spec = PodSpec { restart_policy: RestartPolicy::Never, containers, ..PodSpec::default() };
    object.template = Arc::new(PodTemplate { spec, ..PodTemplate::default() });
    let id = harness.job(object);
    let pod = harness.active(id)[0];
    harness.start(pod, node);
    let mut exits = crate::cluster::ExitCodes::default();
    exits.set(0, 42);
    harness.status(pod, PodStatus { phase: PodPhase::Failed, exits, ..PodStatus::default() });
    assert_eq!(counts(&harness, id), (0, 0, 2, JobEnd::Failed));
    assert_eq!(status(&harness, id).end().map(|end| end.reason), Some("PodFailurePolicy"));
}

#[test]
fn the_pods_of_a_deleted_job_are_freed() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let id = harness.job(job(3, Some(3)));
    let pods = harness.active(id);
    harness.start(pods[0], node);
    harness.reject_next(1);
    harness.tell(Event::WorkloadRemoved { workload: id });
    harness.run_until(at(1.0));
    let left: Vec<PodId> = harness.cluster.pods.iter().collect();
    assert_eq!(left, [pods[0].id], "the running one waits for its kubelet");
    assert!(!harness.cluster.pods.tracked[pods[0].id.index()]);
}

#[test]
fn a_job_of_another_controller_is_left_alone() {
    let mut harness = ideal();
    let id = harness.job(Job { managed_by: "example.com/other".into(), ..job(3, Some(3)) });
    harness.run_until(at(5.0));
    assert_eq!((harness.active(id).len(), harness.workload_status(id)), (0, &Status::None));
}

#[test]
fn pods_are_created_in_batches_that_double() {
    let mut harness = ideal();
    let id = harness.job(job(20, Some(20)));
    assert_eq!(harness.active(id).len(), 20);
    let mut refused = ideal();
    refused.reject_next(4);
    let id = refused.job(job(20, Some(20)));
    refused.run_until(at(1.0));
    let first: Vec<Time> = refused.writes().map(|(at, _)| at).take(5).collect();
    let waits = [0, 0, 5, 5, 15].map(|millis| Time::ZERO + Span::from_millis(millis));
    assert_eq!(first, waits, "one pod and the status are refused, again after 5 ms, not after 10 more");
    assert_eq!(refused.active(id).len(), 20);
}

/// The recorded run public-job-backoff: a pod that ends a second after a status was written is
/// counted at once, because the controller looks again when it sees its own write.
#[test]
fn a_status_write_makes_the_controller_look_again() {
    let mut harness = Harness::with(vec![Box::new(JobController::new(&Config::default()))]);
    let node = harness.node("n", "a");
    let id = harness.job(job(1, Some(1)));
    harness.run_until(at(2.0));
    let pod = harness.active(id)[0];
    harness.start(pod, node);
    harness.run_until(at(3.9));
    harness.finish(pod, 0);
    harness.run_until(at(4.1));
    assert_eq!(counts(&harness, id).3, JobEnd::Complete, "3 s: ready is written; 4 s: the next look");
}

#[test]
fn a_refused_deletion_is_tried_again_and_counts_once() {
    let mut harness = ideal();
    let node = harness.node("n", "a");
    let id = harness.job(Job { backoff_limit: 0, ..job(2, Some(9)) });
    let pods = harness.active(id);
    harness.start(pods[0], node);
    harness.reject_next(1);
    harness.finish(pods[0], 1);
    harness.run_until(at(1.0));
    assert_eq!(harness.active(id), []);
    let orders = harness.writes().filter(|(_, write)| matches!(write, Write::DeletePod { .. })).count();
    assert_eq!(orders, 2, "the one that was refused, and its repetition");
    assert_eq!(counts(&harness, id), (0, 0, 2, JobEnd::Failed));
}

#[test]
fn scaling_parallelism_down_deletes_without_counting() {
    let mut harness = ideal();
    let id = harness.job(job(5, Some(9)));
    harness.scale(id, 2);
    assert_eq!(counts(&harness, id), (2, 0, 0, JobEnd::Open));
    assert_eq!(harness.active(id).len(), 2);
}

#[test]
fn a_wide_job_costs_one_sync_a_burst() {
    let mut harness = ideal();
    let id = harness.job(job(20_000, Some(20_000)));
    assert_eq!(counts(&harness, id).0, 20_000);
    let statuses =
        harness.writes().filter(|(_, write)| matches!(write, Write::WorkloadStatus { .. })).count();
    assert_eq!(statuses, 40);
}

/// What a random Job of the property test is like.
fn some_job(kind: u8) -> Job {
    let plain = Job { backoff_limit: 8, ..job(3, Some(6)) };
    let indexed = Job { indexed: true, ..plain.clone() };
    match kind {
        0 => plain,
        1 => indexed,
        2 => Job { backoff_limit: i32::MAX, backoff_limit_per_index: Some(1), ..indexed },
        3 => Job { pod_replacement: Some(PodReplacement::Failed), ..indexed },
        _ => Job { pod_failure_policy: Some(Vec::new()), ..plain },
    }
}

/// The pod ends and its object goes, as a kubelet sees to.
fn end(harness: &mut Harness, pod: PodRef) {
    if !harness.cluster.pods.phase[pod.id.index()].is_terminal() {
        harness.finish(pod, 1);
    }
    harness.remove(pod);
}

proptest! {
    /// Pods end, are deleted and refused at random: what is counted never exceeds what was
    /// created, an index is never worked on twice, and the Job comes to an end.
    #[test]
    fn liveness_a_job_ends_and_counts_each_pod_once(
        steps in prop::collection::vec((0_u8..7, 0_usize..5), 0..40),
        kind in 0_u8..5,
    ) {
        let mut harness = harness();
        let node = harness.node("n", "a");
        let id = harness.job(some_job(kind));
        let finish = (0..200).map(|_| (1, 0));
        for (step, choice) in steps.into_iter().chain(finish) {
            let active = harness.active(id);
            if let Some(&pod) = active.get(choice % active.len().max(1)) {
                if harness.cluster.pods.node[pod.id.index()].is_none() {
                    harness.start(pod, node);
                }
                match step {
                    0 => harness.finish(pod, 1),
                    1 | 2 => harness.finish(pod, 0),
                    3 => harness.tell(Event::PodDeleting { pod, grace: Span::ZERO, reason: Reason::Deleted }),
                    4 => end(&mut harness, pod),
                    5 => harness.scale(id, (choice % 4) as i32 + 1),
                    _ => harness.reject_next(choice as u32),
                }
            }
            harness.run_for(Span::from_secs(60));
            let created = harness.cluster.workloads[id].pods_created as i32;
            let (active, succeeded, failed, _) = counts(&harness, id);
            prop_assert!(succeeded + failed + active <= created);
            let mut indexes: Vec<_> = harness.active(id).iter().filter_map(|pod| harness.cluster.pods.index[pod.id.index()]).collect();
            let all = indexes.len();
            indexes.sort_unstable();
            indexes.dedup();
            prop_assert_eq!(indexes.len(), all, "an index is worked on once at a time");
        }
        // Pods that somebody deleted go; with limits for each index the last of them may come later.
        for _ in 0..20 {
            let left: Vec<PodRef> = harness.cluster.pods.iter().map(|pod| harness.cluster.pods.reference(pod)).collect();
            for pod in left {
                end(&mut harness, pod);
            }
            harness.run_for(Span::from_secs(700));
        }
        let status = harness.workload_status(id);
        prop_assert!(job_end(status) != JobEnd::Open, "{:?}", status);
        prop_assert!(job_end(status) == JobEnd::Failed || counts(&harness, id).1 == 6);
        prop_assert!(!harness.cluster.pods.iter().any(|pod| harness.cluster.pods.tracked[pod.index()]));
    }
}
