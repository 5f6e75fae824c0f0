//! What the recorded cases do not show: refused requests, more pods than one sync counts, many syncs in
//! a row.

use super::*;
use crate::api::PodPhase;
use crate::api::batch::{FailureCondition, FailureRule};
use crate::control::controllers::job::manage::Creation;
use crate::control::controllers::job::pods::{Container, JobPod, Pods};
use crate::control::controllers::job::track::Done;

const LIMITS: Limits = Limits {
    burst: 500,
    uncounted: 3,
    backoff_initial: Span::from_secs(10),
    backoff_max: Span::from_secs(600),
    batch: Span::from_secs(1),
};

/// A Job with its pods, as an API server has them.
#[derive(Clone, Default)]
struct Scene {
    job: Job,
    status: JobStatus,
    pods: Vec<JobPod>,
    backoff: Backoff,
    now: Time,
}

impl Scene {
    fn new(job: Job) -> Scene {
        Scene { job: Job { backoff_limit: 6, ..job }, now: Time::from_secs(100), ..Scene::default() }
    }

    fn begin(&self) -> Sync<usize> {
        let view = Pods::new(&self.job, &self.pods);
        let tally = view.tally();
        let seen = Observed {
            now: self.now,
            stamp: self.now,
            is_satisfied: true,
            is_deleting: false,
            active: tally.active,
            ready: tally.ready,
            terminating: tally.terminating,
            restarts: tally.restarts,
            held: &view.held(),
            released: Uncounted::default(),
            backoff: self.backoff,
            limits: LIMITS,
        };
        let mut settled = Settled::of(&self.status, self.job.completions.unwrap_or(0) as u32);
        begin(&self.job, &self.status, &seen, &mut settled, &view)
    }

    /// Syncs once; everything is granted. Says which pods were deleted, created and released.
    fn sync(&mut self) -> (Vec<usize>, Vec<Creation>, Vec<usize>) {
        let mut sync = self.begin();
        let places = |pods: &[Tracked<usize>]| pods.iter().map(|pod| pod.pod).collect::<Vec<_>>();
        let (mut deleted, mut created) = (Vec::new(), Vec::new());
        match &sync.actions {
            Actions::Delete(pods) => {
                deleted = places(pods);
                for &place in &deleted {
                    self.pods[place].has_finalizer = false;
                }
            }
            Actions::DeleteAll(pods) => deleted = places(pods),
            Actions::Create(new) => created.clone_from(new),
            _ => {}
        }
        for &place in &deleted {
            self.pods[place].deleting = Some(self.now);
        }
        for creation in &created {
            self.pods.push(JobPod {
                index: creation.index,
                failures: creation.failures,
                has_finalizer: true,
                created: self.now,
                ..JobPod::default()
            });
        }
        let tracking = sync.track(sync.all_done());
        if let Some(status) = tracking.status {
            self.status = status;
            self.backoff = sync.backoff;
        }
        let released = places(&tracking.release);
        for &place in &released {
            self.pods[place].has_finalizer = false;
        }
        if let Some(status) = sync.end(Uncounted::default()) {
            self.status = status;
        }
        (deleted, created, released)
    }

    fn finish(&mut self, place: usize, code: i32) {
        let pod = &mut self.pods[place];
        pod.phase = if code == 0 { PodPhase::Succeeded } else { PodPhase::Failed };
        pod.containers =
            vec![Container { exit_code: Some(code), finished: Some(self.now), ..Container::default() }];
    }

    /// Active, succeeded, failed, and the conditions.
    fn counts(&self) -> (i32, i32, i32, Vec<&'static str>) {
        let conditions = self.status.conditions.iter().map(|condition| condition.kind).collect();
        (self.status.active, self.status.succeeded, self.status.failed, conditions)
    }
}

fn job(parallelism: i32, completions: i32) -> Job {
    Job { parallelism, completions: Some(completions), ..Job::default() }
}

#[test]
fn a_job_goes_from_its_first_pod_to_complete() {
    let mut scene = Scene::new(job(2, 3));
    assert_eq!(scene.sync().1.len(), 2);
    assert_eq!((scene.status.start, scene.counts()), (Some(scene.now), (2, 0, 0, vec![])));
    scene.finish(0, 0);
    assert_eq!(scene.sync().2, [0]);
    assert_eq!(scene.counts(), (2, 1, 0, vec![]));
    scene.finish(1, 0);
    scene.finish(2, 0);
    scene.sync();
    assert_eq!(scene.counts(), (0, 3, 0, vec!["SuccessCriteriaMet", "Complete"]));
    assert_eq!(scene.status.completion, Some(scene.now));
}

#[test]
fn one_sync_counts_only_so_many_pods() {
    let mut scene = Scene::new(job(5, 5));
    scene.sync();
    (0..5).for_each(|place| scene.finish(place, 0));
    assert_eq!(scene.sync().2, [0, 1, 2]);
    assert_eq!(scene.counts(), (0, 3, 0, vec!["SuccessCriteriaMet"]), "all are seen, three are counted");
    assert_eq!(scene.sync().2, [3, 4]);
    assert_eq!(scene.counts(), (0, 5, 0, vec!["SuccessCriteriaMet", "Complete"]));
}

#[test]
fn pods_that_are_not_released_are_counted_later() {
    let mut scene = Scene::new(job(2, 2));
    scene.sync();
    scene.finish(0, 0);
    scene.finish(1, 0);
    let mut sync = scene.begin();
    let tracking = sync.track(sync.all_done());
    assert_eq!(tracking.status.map(|status| status.succeeded), Some(0), "noted, not counted");
    let status = sync.end(Uncounted { succeeded: 1, failed: 0 }).unwrap();
    assert_eq!((status.succeeded, status.end()), (1, None));
    let mut settled = Settled::default();
    let view = Pods::new(&scene.job, &scene.pods);
    let held = [Tracked { is_noted: true, ..view.held()[1] }];
    let seen = Observed {
        now: scene.now,
        stamp: scene.now,
        is_satisfied: true,
        is_deleting: false,
        active: 0,
        ready: 0,
        terminating: 0,
        restarts: 0,
        held: &held,
        released: Uncounted::default(),
        backoff: scene.backoff,
        limits: LIMITS,
    };
    let mut sync = begin(&scene.job, &status, &seen, &mut settled, &view);
    assert_eq!(sync.actions, Actions::DeleteAll(Vec::new()), "the verdict stands");
    sync.track(Done::default());
    let status = sync.end(Uncounted::default()).unwrap();
    assert_eq!((status.succeeded, status.end().map(|end| end.kind)), (2, Some("Complete")));
}

#[test]
fn a_job_does_not_end_while_a_deletion_is_refused() {
    let mut scene = Scene::new(Job { active_deadline_seconds: Some(10), ..job(2, 2) });
    scene.sync();
    scene.now = Time::from_secs(110);
    let mut sync = scene.begin();
    assert!(matches!(&sync.actions, Actions::DeleteAll(pods) if pods.len() == 2));
    let tracking = sync.track(Done { pods: 1, ready: 0 });
    assert!(tracking.release.is_empty());
    assert_eq!(tracking.status.map(|status| status.conditions), Some(Vec::new()));
    assert_eq!(sync.end(Uncounted::default()), None);
    assert_eq!(scene.sync().0, [0, 1]);
    assert_eq!(scene.counts(), (0, 0, 2, vec!["FailureTarget"]), "two pods are terminating");
    scene.pods.clear();
    scene.sync();
    assert_eq!(scene.counts(), (0, 0, 2, vec!["FailureTarget", "Failed"]));
    assert_eq!(scene.status.end().map(|end| end.reason), Some("DeadlineExceeded"));
}

#[test]
fn indexes_are_tried_again_each_on_its_own() {
    let per_index = Job { indexed: true, backoff_limit_per_index: Some(1), ..job(2, 2) };
    let mut scene = Scene::new(per_index);
    scene.job.backoff_limit = i32::MAX;
    scene.sync();
    scene.finish(1, 1);
    assert_eq!(scene.sync().2, [] as [usize; 0], "the pod is kept until the index has another");
    assert_eq!(scene.begin().wake, Some(Time::from_secs(110)));
    scene.now = Time::from_secs(110);
    let failures = IndexFailures { counted: 1, ignored: 0 };
    assert_eq!(scene.sync().1, [Creation { index: Some(1), failures }]);
    assert_eq!(scene.sync().2, [1]);
    scene.finish(2, 1);
    scene.sync();
    assert_eq!(scene.status.failed_indexes.as_deref(), Some("1"));
    scene.finish(0, 0);
    scene.sync();
    assert_eq!(scene.counts(), (0, 1, 2, vec!["FailureTarget", "Failed"]));
    assert_eq!(scene.status.end().map(|end| end.reason), Some("FailedIndexes"));
}

#[test]
fn an_ignored_failure_waits_and_does_not_count() {
    let when = FailureCondition::ExitCodes { container: None, listed: true, values: vec![3] };
    let policy = Some(vec![FailureRule { action: FailureAction::Ignore, when }]);
    let mut scene = Scene::new(Job { pod_failure_policy: policy, ..job(1, 1) });
    scene.job.backoff_limit = 0;
    scene.sync();
    scene.finish(0, 3);
    assert_eq!(scene.sync(), (vec![], vec![], vec![0]));
    assert_eq!(scene.counts(), (0, 0, 0, vec![]));
    scene.now = Time::from_secs(110);
    assert_eq!(scene.sync().1.len(), 1);
    scene.finish(1, 4);
    scene.sync();
    assert_eq!(scene.counts(), (0, 0, 1, vec!["FailureTarget", "Failed"]));
}

#[test]
fn the_deadline_counts_from_the_end_of_the_suspension() {
    let mut scene = Scene::new(Job { suspend: true, active_deadline_seconds: Some(10), ..job(1, 1) });
    scene.sync();
    assert_eq!((scene.status.start, scene.counts()), (None, (0, 0, 0, vec!["Suspended"])));
    scene.job.suspend = false;
    scene.now = Time::from_secs(200);
    scene.sync();
    assert_eq!((scene.status.start, scene.status.active), (Some(scene.now), 1));
    assert_eq!(scene.begin().wake, Some(Time::from_secs(210)));
    scene.job.suspend = true;
    assert_eq!(scene.sync().0, [0]);
    assert_eq!((scene.status.start, scene.status.terminating), (None, Some(1)));
    scene.job.completions = Some(0);
    scene.pods.clear();
    scene.sync();
    assert_eq!(scene.counts().3, ["Suspended", "SuccessCriteriaMet", "Complete"]);
}

#[test]
fn fewer_completions_take_indexes_away() {
    let mut scene = Scene::new(Job { indexed: true, ..job(3, 3) });
    scene.sync();
    scene.finish(2, 0);
    scene.sync();
    assert_eq!(scene.status.completed_indexes, "2");
    (scene.job.parallelism, scene.job.completions) = (1, Some(1));
    assert_eq!(scene.sync().0, [1], "the pod of the index 1");
    assert_eq!((scene.status.completed_indexes.as_str(), scene.status.succeeded), ("", 0));
}

#[test]
fn indexes_in_another_form_are_rewritten() {
    let mut scene = Scene::new(Job { indexed: true, backoff_limit_per_index: Some(1), ..job(1, 9) });
    scene.status.completed_indexes = "1-2,4,7-11".to_owned();
    scene.status.failed_indexes = Some("5-6".to_owned());
    scene.sync();
    assert_eq!(
        (scene.status.completed_indexes.as_str(), scene.status.failed_indexes.as_deref()),
        ("1,2,4,7,8", Some("5,6"))
    );
    let mut settled = Settled::of(&scene.status, 9);
    assert_eq!(settled, Settled { is_unwritten: false, ..settled.clone() });
    settled.truncate(5);
    assert_eq!((settled.is_unwritten, settled.succeeded.to_string().as_str()), (true, "1,2,4"));
}

#[test]
fn pods_without_the_finalizer_are_deleted_but_not_counted() {
    let mut scene = Scene::new(Job { active_deadline_seconds: Some(10), ..job(2, 2) });
    scene.sync();
    scene.pods[0].has_finalizer = false;
    scene.now += Span::from_secs(10);
    let (deleted, _, released) = scene.sync();
    assert_eq!((deleted, released), (vec![0, 1], vec![1]));
    assert_eq!(scene.counts(), (0, 0, 1, vec!["FailureTarget"]));
}

#[test]
fn a_job_that_is_being_deleted_lets_go_of_its_active_pods() {
    let mut scene = Scene::new(job(2, 3));
    scene.sync();
    scene.finish(0, 1);
    scene.job.meta.deleting = true;
    assert_eq!(scene.sync(), (vec![], vec![], vec![0, 1]));
    assert_eq!(scene.counts(), (1, 0, 1, vec![]));
    assert_eq!(scene.sync(), (vec![], vec![], vec![]));
}

#[test]
fn sidecars_decide_when_a_pod_ended() {
    let end = |second| Container { finished: Some(Time::from_secs(second)), ..Container::default() };
    let sidecar = |container| Container { is_sidecar: true, ..container };
    let running = Container::default();
    for (main, init, expected) in [
        (vec![end(5), end(7)], vec![], 7),
        (vec![end(5)], vec![end(9)], 5),
        (vec![end(5)], vec![sidecar(end(9))], 9),
        (vec![running.clone()], vec![sidecar(end(9))], 9),
        (vec![end(5)], vec![sidecar(running.clone()), sidecar(end(9))], 3),
        (vec![running.clone()], vec![], 3),
    ] {
        let created = Time::from_secs(3);
        let pod = JobPod { containers: main, init_containers: init, created, ..JobPod::default() };
        assert_eq!(pod.finished(), Time::from_secs(expected), "{pod:?}");
    }
}

#[test]
fn restarts_of_init_containers_do_not_make_a_pod_go_first() {
    let init = |restarts| vec![Container { restarts, ..Container::default() }];
    let pod = |restarts, created| JobPod {
        has_finalizer: true,
        init_containers: init(restarts),
        created: Time::from_secs(created),
        ..JobPod::default()
    };
    let mut scene = Scene::new(job(1, 3));
    scene.pods = vec![pod(5, 1), pod(0, 2)];
    assert_eq!(scene.sync().0, [1], "the younger one");
}
