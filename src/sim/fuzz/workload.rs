//! Random work: pods, Jobs, Deployments, ReplicaSets, streams of pods.

use super::dice::Dice;
use super::generate::Mood;
use super::template::{self, Life};
use crate::api::workload::IntOrPercent;
use crate::api::{
    Behavior, Deployment, Job, LabelSelector, Object, ObjectMeta, Pod, PodPhase, PodTemplate, ReplicaSet,
    RestartPolicy, UpdateStrategy,
};
use crate::base::{Diagnostic, Distribution, Span, Time};
use crate::cluster::JobOrigin;
use crate::sim::{Source, Submission, SubmissionName};
use std::collections::VecDeque;
use std::sync::Arc;

/// The label by which workloads select their pods.
const APP: &str = "app";

/// Kinds of workload objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Deployment,
    ReplicaSet,
    Job,
}

/// The work of a case.
#[derive(Default)]
pub(super) struct Work {
    pub(super) objects: Vec<(Time, Object)>,
    pub(super) bound: Vec<(Pod, usize)>,
    pub(super) sources: Vec<Box<dyn Source>>,
    /// Workload objects by kind and name.
    pub(super) named: Vec<(Kind, String)>,
}

/// Submissions in memory.
struct Listed(VecDeque<Submission>);

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        Ok(self.0.pop_front())
    }
}

/// Draws the work of a case. What has a name that begins with `sure` must succeed in a calm case.
pub(super) fn draw(dice: &mut Dice, mood: Mood, horizon: u64, nodes: usize) -> Work {
    let Mood { calm, .. } = mood;
    let mut work = Work::default();
    let moment =
        |dice: &mut Dice| Time::from_secs(if dice.chance(50) { 0 } else { dice.between(0, horizon / 2) });
    for number in 0..dice.between(0, 8) {
        let life = if calm && dice.chance(70) { Life::Sure } else { Life::Any };
        let template = template::pod(dice, mood, life, None);
        let name =
            if calm && life == Life::Sure { format!("sure-{number}") } else { format!("pod-{number}") };
        let meta = meta(&name);
        let pod = Pod { meta, template: Arc::new(template), ..Pod::default() };
        work.objects.push((moment(dice), Object::Pod(Box::new(pod))));
    }
    for number in 0..dice.between(0, 3) {
        let (name, job) = job(dice, mood, number);
        work.named.push((Kind::Job, name));
        work.objects.push((moment(dice), Object::Job(Box::new(job))));
    }
    for number in 0..dice.pick(&[0, 0, 1, 2]) {
        let set = replica_set(dice, mood, number);
        work.named.push((Kind::ReplicaSet, set.meta.name.clone()));
        work.objects.push((moment(dice), Object::ReplicaSet(Box::new(set))));
    }
    for number in 0..dice.pick(&[0, 0, 1, 2]) {
        let deployment = deployment(dice, mood, number);
        work.named.push((Kind::Deployment, deployment.meta.name.clone()));
        work.objects.push((moment(dice), Object::Deployment(Box::new(deployment))));
    }
    work.objects.sort_by_key(|(at, _)| *at);
    for number in 0..dice.pick(&[0, 0, 1, 2]) {
        work.sources.push(source(dice, mood, horizon, number));
    }
    if !calm && dice.chance(15) {
        for number in 0..dice.between(1, 4) {
            let template = template::pod(dice, mood, Life::Any, None);
            let meta = meta(&format!("old-{number}"));
            let pod = Pod {
                meta,
                template: Arc::new(template),
                phase: PodPhase::Running,
                ready: dice.chance(80),
                ..Pod::default()
            };
            work.bound.push((pod, dice.between(0, nodes as u64 - 1) as usize));
        }
    }
    work
}

/// What pods do that say nothing themselves.
pub(super) fn default_behavior(dice: &mut Dice, calm: bool) -> Behavior {
    let mut behavior = Behavior::default();
    if dice.chance(30) {
        behavior.startup_time = Some(dice.around(5.0));
    }
    if !calm && dice.chance(10) {
        behavior.run_time = Some(dice.around(200.0));
    }
    behavior
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: name.into(), namespace: "default".into(), ..ObjectMeta::default() }
}

fn job(dice: &mut Dice, mood: Mood, number: u64) -> (String, Job) {
    let Mood { calm, .. } = mood;
    let sure = calm && dice.chance(60);
    let name = if sure { format!("sure-job-{number}") } else { format!("job-{number}") };
    let policy = dice.pick(&[RestartPolicy::Never, RestartPolicy::OnFailure]);
    let life = if sure { Life::Sure } else { Life::Ends };
    let template = template::pod(dice, mood, life, Some(policy));
    let completions = dice.chance(75).then(|| dice.between(0, 6) as i32);
    let job = Job {
        meta: meta(&name),
        parallelism: dice.between(u64::from(calm), 4) as i32,
        completions,
        backoff_limit: dice.pick(&[6, 6, 0, 1, 2]),
        active_deadline_seconds: (!calm && dice.chance(10)).then(|| dice.between(1, 600) as i64),
        ttl_seconds_after_finished: (!calm && dice.chance(15)).then(|| dice.between(0, 100) as i64),
        suspend: !calm && dice.chance(5),
        indexed: completions.is_some() && dice.chance(40),
        template: Arc::new(template),
        ..Job::default()
    };
    (name, job)
}

fn selector(name: &str, template: &mut PodTemplate) -> LabelSelector {
    template.labels.insert(APP.into(), name.into());
    LabelSelector { match_labels: vec![(APP.into(), name.into())], match_expressions: Vec::new() }
}

fn replica_set(dice: &mut Dice, mood: Mood, number: u64) -> ReplicaSet {
    let Mood { calm, .. } = mood;
    let name = format!("set-{number}");
    let life = if calm { Life::Endless } else { Life::Any };
    let mut template = template::pod(dice, mood, life, Some(RestartPolicy::Always));
    let selector = selector(&name, &mut template);
    ReplicaSet {
        meta: meta(&name),
        replicas: dice.between(0, 8) as i32,
        min_ready_seconds: dice.pick(&[0, 0, 10]),
        selector,
        template: Arc::new(template),
    }
}

fn deployment(dice: &mut Dice, mood: Mood, number: u64) -> Deployment {
    let Mood { calm, .. } = mood;
    let name = format!("deployment-{number}");
    let set = replica_set(dice, mood, number);
    let mut template = (*set.template).clone();
    let selector = selector(&name, &mut template);
    let limits = [IntOrPercent::Int(0), IntOrPercent::Int(2), IntOrPercent::Percent(25)];
    let rolling = UpdateStrategy::RollingUpdate {
        max_surge: dice.pick(&limits),
        max_unavailable: dice.pick(&limits[1..]),
    };
    Deployment {
        meta: meta(&name),
        replicas: set.replicas,
        min_ready_seconds: set.min_ready_seconds,
        paused: !calm && dice.chance(5),
        strategy: dice.pick(&[rolling, UpdateStrategy::Recreate, UpdateStrategy::default()]),
        progress_deadline_seconds: 600,
        revision_history_limit: 10,
        selector,
        template: Arc::new(template),
    }
}

/// A stream of rows, as a trace would give them.
fn source(dice: &mut Dice, mood: Mood, horizon: u64, number: u64) -> Box<dyn Source> {
    let Mood { calm, .. } = mood;
    let life = if calm { Life::Sure } else { Life::Any };
    let templates: Vec<Arc<PodTemplate>> = (0..dice.between(1, 3))
        .map(|_| Arc::new(template::pod(dice, mood, life, Some(dice_policy(number)))))
        .collect();
    let base: Arc<str> = format!("sure-row-{number}").into();
    let mut at = Time::ZERO;
    let rows = (1..=dice.between(0, 25) as u32)
        .map(|row| {
            at += Span::from_millis(dice.between(0, 1 + horizon * 20));
            let name = if dice.chance(50) {
                SubmissionName::Numbered(Arc::clone(&base), row)
            } else {
                SubmissionName::Own(format!("{base}-own-{row}").into())
            };
            Submission {
                at,
                template: dice.pick(&templates),
                namespace: dice.pick(&["default", "other"]).into(),
                name,
                tasks: dice.pick(&[1, 1, 1, 2, 3]),
                priority: dice.pick(&[0, 0, 100, -5]),
                run_time: dice.chance(60).then(|| Span::from_millis(dice.between(0, 600_000))),
                exit_code: (!calm && dice.chance(10)).then(|| dice.between(0, 3) as u8),
                estimate: dice.chance(30).then(|| dice.seconds(1, 1_000)),
                user: dice.between(0, 3) as i32,
                link: None,
                origin: JobOrigin::default(),
            }
        })
        .collect();
    Box::new(Listed(rows))
}

const fn dice_policy(number: u64) -> RestartPolicy {
    if number.is_multiple_of(2) { RestartPolicy::Never } else { RestartPolicy::OnFailure }
}

/// A run time that is never for ever.
pub(super) fn finite(dice: &mut Dice) -> Distribution {
    let mean = dice.pick(&[0.0, 1.0, 20.0, 120.0, 400.0]);
    dice.around(mean)
}
