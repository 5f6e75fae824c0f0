//! Whole runs with budgets, quotas, services and CronJobs.

use crate::api::kubernetes::{Manifest, read};
use crate::api::{Object, Status};
use crate::base::{Clock, Span, Time};
use crate::control::{Note, PodPatch};
use crate::sim::tests::{node, setup};
use crate::sim::{Action, Observer, Record, Setup, StopRule, Timing, View, run};
use expect_test::expect;

/// Notes what becomes of objects as lines `seconds what`.
#[derive(Default)]
struct Story(Vec<String>);

impl Observer for Story {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        let pod = |pod: crate::cluster::PodRef| {
            let row = view.cluster.pods.get(pod).expect("the pod is known");
            view.cluster.pods.name_text(&view.cluster.names, row)
        };
        let text = match record {
            Record::WorkloadCreated { kind, name, .. } => format!("created {kind} {name}"),
            Record::WorkloadRemoved { workload } => {
                format!("removed {}", view.cluster.workloads[*workload].kind.meta().name)
            }
            Record::WorkloadStatus { status, .. } => match shown(status) {
                Some(text) => text,
                None => return,
            },
            Record::PodPatched { pod: of, patch: PodPatch::Disrupted(reason) } => {
                format!("{} {}", pod(*of), reason.name())
            }
            Record::PodDeleting { pod: of, .. } => format!("deleting {}", pod(*of)),
            Record::Note(Note::Workload { reason, .. }) => (*reason).to_owned(),
            _ => return,
        };
        self.0.push(format!("{} {text}", Span(now.0).rounded()));
    }

    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}

fn shown(status: &Status) -> Option<String> {
    Some(match status {
        Status::PodDisruptionBudget(budget) => {
            let disrupted: Vec<&str> = budget.disrupted.keys().map(String::as_str).collect();
            format!(
                "budget allows {}: {} of {} healthy, {} wanted, disrupted {disrupted:?}",
                budget.allowed, budget.healthy, budget.expected, budget.desired_healthy
            )
        }
        Status::ResourceQuota(quota) => format!("used {:?} of {:?}", quota.used, quota.hard),
        Status::Service(endpoints) => format!("endpoints {endpoints:?}"),
        Status::CronJob(cron) => format!("active {:?} last {:?}", cron.active, cron.last_schedule),
        _ => return None,
    })
}

fn objects(text: &str) -> Vec<Object> {
    let mut manifest = Manifest::default();
    read(&"test.yaml".into(), text.as_bytes(), &mut manifest).unwrap();
    manifest.objects.into_iter().map(|sourced| sourced.object).collect()
}

/// A setup of the objects of a text, one second after the other, for a time.
fn of(text: &str, seconds: u64) -> Setup {
    let objects = (0..).zip(objects(text)).collect();
    let stop = StopRule { at: Some(Time::from_secs(seconds)), when_settled: false, when_jobs_done: false };
    Setup { stop, ..setup(vec![node("n", 8, 8)], objects) }
}

fn story(setup: Setup) -> String {
    let mut story = Story::default();
    run(setup, &mut story, &mut ()).expect("the run ends well");
    story.0.join("\n")
}

const BUDGET: &str = "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: b}
spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p1, labels: {app: a}}
spec: {containers: [{name: c}], terminationGracePeriodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: p2, labels: {app: a}}
spec: {containers: [{name: c}], terminationGracePeriodSeconds: 1}
";

fn evict(name: &str) -> (Time, Action) {
    let action = Action::Evict { namespace: "default".into(), name: name.into() };
    (Time::from_secs(10), action)
}

#[test]
fn an_eviction_is_charged_and_the_next_waits_for_the_budget() {
    let mut setup = of(BUDGET, 12);
    setup.actions = vec![evict("p1"), evict("p2")];
    expect![[r#"
        0s created PodDisruptionBudget b
        0s budget allows 0: 0 of 0 healthy, 1 wanted, disrupted []
        1s budget allows 0: 0 of 1 healthy, 1 wanted, disrupted []
        1s budget allows 0: 1 of 1 healthy, 1 wanted, disrupted []
        2s budget allows 0: 1 of 2 healthy, 1 wanted, disrupted []
        2s budget allows 1: 2 of 2 healthy, 1 wanted, disrupted []
        10s budget allows 0: 2 of 2 healthy, 1 wanted, disrupted ["p1"]
        10s p1 EvictionByEvictionAPI
        10s deleting p1
        10s budget allows 0: 1 of 1 healthy, 1 wanted, disrupted []"#]]
    .assert_eq(&story(setup));
}

#[test]
fn evictions_at_the_same_time_meet_in_the_status_of_the_budget() {
    let mut setup = of(BUDGET, 20);
    setup.actions = vec![evict("p1"), evict("p2")];
    setup.timing = Timing { sandbox: Timing::ideal().sandbox, ..Timing::kubernetes() };
    let late = Object::Pod(match objects(&BUDGET.replace("p2", "p3")).pop() {
        Some(Object::Pod(pod)) => pod,
        _ => unreachable!("the last object is a pod"),
    });
    // The second is refused half a second late, and accepted when it is asked for again.
    setup.objects.push((Time::from_secs(12), late));
    let story = story(setup);
    let deleting: Vec<&str> = story.lines().filter(|line| line.contains("deleting")).collect();
    expect![[r"
        10s deleting p1
        15.506s deleting p2"]]
    .assert_eq(&deleting.join("\n"));
}

#[test]
fn a_quota_denies_what_exceeds_it_until_something_goes() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, annotations: {seatrial.dev/run-time: RUN}}\nspec: {containers: [{name: c}], restartPolicy: Never}\n---\n";
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: 2, count/jobs.batch: 0}}\n---\n";
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {containers: [{name: c}], restartPolicy: Never}}}\n---\n";
    let named = |name: &str, run: &str| pod.replace("NAME", name).replace("RUN", run);
    let text = [quota, &named("a", "5s"), &named("b", "60s"), &named("c", "60s"), job].concat();
    let mut setup = of(&text, 400);
    setup.objects.push((Time::from_secs(10), objects(&named("d", "60s")).remove(0)));
    expect![[r#"
        0s created ResourceQuota q
        0s used {"count/jobs.batch": 0, "pods": 0} of {"count/jobs.batch": 0, "pods": 2}
        1s used {"count/jobs.batch": 0, "pods": 1} of {"count/jobs.batch": 0, "pods": 2}
        2s used {"count/jobs.batch": 0, "pods": 2} of {"count/jobs.batch": 0, "pods": 2}
        3s FailedCreate
        4s FailedCreate
        6s used {"count/jobs.batch": 0, "pods": 1} of {"count/jobs.batch": 0, "pods": 2}
        10s used {"count/jobs.batch": 0, "pods": 2} of {"count/jobs.batch": 0, "pods": 2}
        1m2s used {"count/jobs.batch": 0, "pods": 1} of {"count/jobs.batch": 0, "pods": 2}
        1m10s used {"count/jobs.batch": 0, "pods": 0} of {"count/jobs.batch": 0, "pods": 2}"#]]
    .assert_eq(&story(setup));
}

#[test]
fn services_count_their_endpoints() {
    let service = "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: a}}\n";
    let mut setup = of(&format!("{BUDGET}{service}").replace("minAvailable: 1", "minAvailable: 0"), 12);
    setup.actions = vec![evict("p1")];
    let story = story(setup);
    let endpoints: Vec<&str> = story.lines().filter(|line| line.contains("endpoints")).collect();
    expect![[r"
        3s endpoints EndpointsStatus { ready: 2, serving_terminating: 0, total: 2 }
        10s endpoints EndpointsStatus { ready: 1, serving_terminating: 0, total: 1 }"]]
    .assert_eq(&endpoints.join("\n"));
}

fn cron(policy: &str) -> String {
    let text = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: cj}}\nspec: {{schedule: '* * * * *', concurrencyPolicy: {policy}, successfulJobsHistoryLimit: 1, jobTemplate: {{spec: {{template: {{metadata: {{annotations: {{seatrial.dev/run-time: 95s}}}}, spec: {{containers: [{{name: c}}], restartPolicy: Never}}}}}}}}}}\n"
    );
    let mut setup = of(&text, 300);
    // Ten seconds before a full minute.
    setup.control.clock = Clock { start_unix_nanos: (1_000_000 * 60 - 10) * 1_000_000_000 };
    story(setup)
}

#[test]
fn cron_jobs_follow_their_policy() {
    expect![[r#"
        0s created CronJob cj
        10.1s created Job cj-1000000
        10.1s active ["cj-1000000"] last Some(t=10s)
        1m46.1s CompletionsReached
        1m46.1s created Job cj-1000001
        1m46.1s active ["cj-1000001"] last Some(t=1m10s)
        3m22.1s CompletionsReached
        3m22.1s removed cj-1000000
        3m22.1s created Job cj-1000003
        3m22.1s active ["cj-1000003"] last Some(t=3m10s)
        3m22.1s deleting cj-1000000-1
        4m58.1s CompletionsReached
        4m58.1s removed cj-1000001
        4m58.1s created Job cj-1000004
        4m58.1s active ["cj-1000004"] last Some(t=4m10s)
        4m58.1s deleting cj-1000001-1"#]]
    .assert_eq(&cron("Forbid"));
    expect![[r#"
        0s created CronJob cj
        10.1s created Job cj-1000000
        10.1s active ["cj-1000000"] last Some(t=10s)
        1m10.1s removed cj-1000000
        1m10.1s created Job cj-1000001
        1m10.1s active ["cj-1000001"] last Some(t=1m10s)
        1m10.1s deleting cj-1000000-1
        2m10.1s removed cj-1000001
        2m10.1s created Job cj-1000002
        2m10.1s active ["cj-1000002"] last Some(t=2m10s)
        2m10.1s deleting cj-1000001-1
        3m10.1s removed cj-1000002
        3m10.1s created Job cj-1000003
        3m10.1s active ["cj-1000003"] last Some(t=3m10s)
        3m10.1s deleting cj-1000002-1
        4m10.1s removed cj-1000003
        4m10.1s created Job cj-1000004
        4m10.1s active ["cj-1000004"] last Some(t=4m10s)
        4m10.1s deleting cj-1000003-1"#]]
    .assert_eq(&cron("Replace"));
}
