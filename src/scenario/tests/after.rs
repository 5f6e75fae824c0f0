//! Jobs of a trace that wait for others: what is submitted when, on a batch machine and as pods.

use super::{POOL, errors, try_compile};
use crate::base::{BitSet, Time};
use crate::scenario::{Compiled, Plan};
use crate::sim::{BatchJob, JobEnd, JobObserver, Observer, Ran, Record, View, run, run_batch};
use expect_test::expect;

/// Numbers, submissions and starts in seconds.
#[derive(Default)]
struct Jobs(Vec<(u64, f64, f64)>);

impl JobObserver for Jobs {
    fn submitted(&mut self, _now: Time, _job: &BatchJob) {}
    fn rejected(&mut self, _now: Time, _job: &BatchJob) {}
    fn started(&mut self, now: Time, job: &BatchJob, _held: Option<&BitSet>) {
        self.0.push((job.number, job.at.as_secs_f64(), now.as_secs_f64()));
    }
    fn stopped(&mut self, _now: Time, _job: &BatchJob, _ran: &Ran) {}
    fn ended(&mut self, _now: Time, _job: &BatchJob, _end: &JobEnd<'_>) {}
    fn finish(&mut self, _now: Time, _left: &[(BatchJob, Option<Ran>)]) {}
}

fn compiled(text: &str) -> Compiled {
    try_compile(text, &[]).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

/// What a machine of `processors` processors does with the workflow.
fn batch(processors: u32, options: &str) -> Vec<(u64, f64, f64)> {
    let text = format!(
        "apiVersion: seatrial/v1\ncontrolPlane: {{kind: batch}}\ncluster: {{processors: {processors}}}\n\
         workload: {{traces: [{{file: workflow.csv{options}}}]}}\nrun: {{checkInvariants: true}}\n"
    );
    let Plan::Batch(setup) = compiled(&text).plan else { panic!("a cluster of Kubernetes") };
    let mut jobs = Jobs::default();
    run_batch(*setup, &mut jobs, &mut ()).unwrap();
    jobs.0
}

#[test]
fn tasks_of_a_workflow_wait_for_those_before_them() {
    let rest = [(30, 60.0, 60.0), (40, 100.0, 100.0), (50, 500.0, 500.0)];
    assert_eq!(batch(9, ""), [&[(10, 0.0, 0.0), (20, 60.0, 60.0)][..], &rest].concat());
    assert_eq!(
        batch(1, ""),
        [(10, 0.0, 0.0), (20, 60.0, 60.0), (30, 60.0, 90.0), (40, 120.0, 120.0), (50, 500.0, 500.0)],
        "40 has its own time, but waits for 30, which waits for a processor"
    );
    assert_eq!(
        batch(9, ", dependencies: ignore"),
        [(10, 0.0, 0.0), (20, 0.0, 0.0), (30, 5.0, 5.0), (40, 100.0, 100.0), (50, 500.0, 500.0)]
    );
}

#[test]
fn users_think_after_the_job_before() {
    // 50 follows 40 by field 17 and thinks for 5 s. With respect, its own time is later.
    assert_eq!(batch(9, ", dependencies: respect").last(), Some(&(50, 500.0, 500.0)));
    // With feedback, nothing but the jobs before them decides.
    assert_eq!(
        batch(9, ", dependencies: feedback"),
        [(10, 0.0, 0.0), (20, 60.0, 60.0), (30, 60.0, 60.0), (40, 90.0, 90.0), (50, 105.0, 105.0)]
    );
    assert_eq!(batch(1, ", dependencies: feedback").last(), Some(&(50, 135.0, 135.0)));
}

/// Starts of pods.
struct Starts(Vec<String>);

impl Observer for Starts {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        if let Record::ContainerStarted { pod, .. } = record {
            let name = view.cluster.pods.name_text(&view.cluster.names, pod.id);
            self.0.push(format!("{name} {}", now.as_secs_f64()));
        }
    }
    fn finish(&mut self, _now: Time, _view: View<'_>) {}
}

#[test]
fn pods_of_a_workflow_wait_for_those_before_them() {
    let pods = |options: &str| {
        let text = format!(
            "{POOL}controlPlane: {{timing: ideal}}\nworkload: {{traces: [{{file: workflow.csv{options}}}]}}\n\
             run: {{stop: jobsDone, checkInvariants: true}}\n"
        );
        let Plan::Kubernetes(setup) = compiled(&text).plan else { panic!("a batch machine") };
        let mut starts = Starts(Vec::new());
        let outcome = run(*setup, &mut starts, &mut ()).unwrap();
        starts.0.push(format!("end {}", outcome.end.as_secs_f64()));
        starts.0.join(", ")
    };
    expect!["workflow-10 0, workflow-20 60, workflow-30 60, workflow-40 100, workflow-50 500, end 510"]
        .assert_eq(&pods(""));
    expect!["workflow-10 0, workflow-20 60, workflow-30 60, workflow-40 90, workflow-50 105, end 115"]
        .assert_eq(&pods(", dependencies: feedback"));
    expect!["workflow-10 0, workflow-20 0, workflow-30 5, workflow-40 100, workflow-50 500, end 510"]
        .assert_eq(&pods(", dependencies: ignore"));
}

#[test]
fn what_is_wrong_with_dependencies_is_said_and_counted() {
    let text = format!("{POOL}workload: {{traces: [{{file: workflow.csv}}]}}\n");
    let remarks: Vec<String> =
        compiled(&text).remarks.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    expect!["workflow.csv: dependencies on jobs that are not replayed, taken as ended: 1"]
        .assert_eq(&remarks.join("\n"));
    let text = format!("{POOL}workload: {{traces: [{{file: circle.csv}}]}}\n");
    expect!["s.yaml:5:28: error: job 2 of the trace waits for itself, through the jobs that it waits for: `circle.csv` (`dependencies: ignore` replays the trace without them)"]
        .assert_eq(&errors(&text, &[]));
    let text = text.replace("circle.csv", "circle.csv, dependencies: ignore");
    assert_eq!(compiled(&text).remarks, []);
    let text = text.replace("ignore", "ignored");
    expect!["s.yaml:5:54: error: unknown value: `ignored` (did you mean `ignore`?)"]
        .assert_eq(&errors(&text, &[]));
}
