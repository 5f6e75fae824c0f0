//! Random objects of every kind that a controller looks after.

use super::Known;
use crate::api::autoscaling::{MetricName, MetricSpec, MetricTarget, ScaleTarget};
use crate::api::batch::{
    Concurrency, FailureAction, FailureCondition, FailureRule, PodReplacement, SuccessRule,
};
use crate::api::workload::{DaemonSetUpdate, IntOrPercent, PodManagement, StatefulSetUpdate};
use crate::api::{
    Container, CronJob, DaemonSet, Deployment, HorizontalPodAutoscaler, Job, LabelSelector, Labels, Object,
    ObjectMeta, PodDisruptionBudget, PodSpec, PodTemplate, ReplicaSet, ResourceQuota, RestartPolicy, Service,
    StatefulSet, UpdateStrategy,
};
use crate::base::{Distribution, Quantity, Time};
use crate::sim::fuzz::dice::Dice;
use crate::sim::{Curve, Load, Measure};
use std::sync::Arc;

/// The label by which workloads select their pods.
const APP: &str = "app";
/// The label of templates that never become ready.
pub(in crate::sim::fuzz) const BROKEN: &str = "broken";
/// The namespace with a quota that is too small for what is asked for in it.
const TIGHT: &str = "tight";
/// A number of failures that is never reached.
const MANY: i32 = 1_000_000;

/// The objects of a case.
#[derive(Default)]
pub(super) struct Work {
    /// What is created, and when.
    pub(super) created: Vec<(Time, Object)>,
    /// What actions may change.
    pub(super) known: Vec<Known>,
    pub(super) loads: Vec<Load>,
}

impl Work {
    fn add(&mut self, at: Time, object: Object) {
        self.known.push(Known { object: object.clone(), version: 0, is_dubious: false });
        self.created.push((at, object));
    }
}

/// Draws the objects of a case. What has a name that begins with `must` must come true in the end.
pub(super) fn draw(dice: &mut Dice, horizon: u64) -> Work {
    let mut work = Work::default();
    let is_tight = dice.chance(30);
    for number in 0..dice.between(1, 4) {
        let tight = is_tight && dice.chance(40);
        let prefix = if tight { "may" } else { "must" };
        let namespace = if tight { TIGHT } else { "default" };
        let at = moment(dice, horizon);
        let drawn = keeper(
            dice,
            ObjectMeta {
                name: format!("{prefix}-{number}"),
                namespace: namespace.into(),
                ..ObjectMeta::default()
            },
        );
        companions(dice, &mut work, &drawn, at, horizon);
        work.add(at, drawn);
    }
    for number in 0..dice.pick(&[0, 1, 1, 2]) {
        let at = moment(dice, horizon);
        let job = job(dice, number);
        work.add(at, Object::Job(Box::new(job)));
    }
    if dice.chance(25) {
        let at = moment(dice, horizon);
        let cron_job = cron_job(dice);
        work.add(at, Object::CronJob(Box::new(cron_job)));
    }
    if is_tight {
        let quota = quota(dice, TIGHT);
        work.add(Time::from_secs(dice.pick(&[0, 0, 100])), quota);
    }
    if dice.chance(20) {
        let hard = [("pods".to_owned(), Quantity::from_units(5_000))].into();
        let meta = meta("plenty", "default");
        work.add(
            Time::ZERO,
            Object::ResourceQuota(Box::new(ResourceQuota { meta, hard, scopes: Vec::new() })),
        );
    }
    work.created.sort_by_key(|(at, _)| *at);
    work
}

fn moment(dice: &mut Dice, horizon: u64) -> Time {
    Time::from_secs(if dice.chance(60) { 0 } else { dice.between(0, horizon / 2) })
}

fn meta(name: &str, namespace: &str) -> ObjectMeta {
    ObjectMeta { name: name.into(), namespace: namespace.into(), ..ObjectMeta::default() }
}

/// An object that keeps pods running.
fn keeper(dice: &mut Dice, meta: ObjectMeta) -> Object {
    let template = Arc::new(server(dice, &meta.name, 0, false));
    let selector = selector(&meta.name);
    let replicas = dice.between(0, 7) as i32;
    let min_ready_seconds = dice.pick(&[0, 0, 10]);
    match dice.between(0, 9) {
        0..=3 => Object::Deployment(Box::new(Deployment {
            replicas,
            min_ready_seconds,
            paused: false,
            strategy: strategy(dice),
            progress_deadline_seconds: dice.pick(&[60, 600]),
            revision_history_limit: dice.pick(&[0, 2, 10]),
            selector,
            template,
            meta,
        })),
        4..=6 => Object::StatefulSet(Box::new(StatefulSet {
            replicas,
            selector: Some(selector),
            template,
            pod_management: dice.pick(&[PodManagement::OrderedReady, PodManagement::Parallel]),
            update: stateful_update(dice),
            min_ready_seconds,
            start_ordinal: dice.pick(&[0, 0, 3]),
            revision_history_limit: 10,
            claim_templates: 0,
            meta,
        })),
        7..=8 => {
            let update = daemon_update(dice);
            // A surge over more pods than one that become available at different moments loses a look in
            // the original, too: only the earliest look is kept, and the last old pod stays.
            let surges = matches!(update, DaemonSetUpdate::RollingUpdate { max_surge, .. } if max_surge != IntOrPercent::Int(0));
            let min_ready_seconds = if surges { 0 } else { min_ready_seconds };
            Object::DaemonSet(Box::new(DaemonSet { meta, selector, template, update, min_ready_seconds }))
        }
        _ => {
            Object::ReplicaSet(Box::new(ReplicaSet { meta, replicas, min_ready_seconds, selector, template }))
        }
    }
}

fn selector(name: &str) -> LabelSelector {
    LabelSelector { match_labels: vec![(APP.into(), name.into())], match_expressions: Vec::new() }
}

fn limit(dice: &mut Dice) -> IntOrPercent {
    use IntOrPercent::{Int, Percent};
    dice.pick(&[Int(0), Int(1), Int(2), Percent(25), Percent(50), Percent(100)])
}

pub(super) fn strategy(dice: &mut Dice) -> UpdateStrategy {
    if dice.chance(20) {
        return UpdateStrategy::Recreate;
    }
    let max_surge = limit(dice);
    let none = matches!(max_surge, IntOrPercent::Int(0));
    let max_unavailable =
        if none { dice.pick(&[IntOrPercent::Int(1), IntOrPercent::Percent(50)]) } else { limit(dice) };
    UpdateStrategy::RollingUpdate { max_surge, max_unavailable }
}

fn stateful_update(dice: &mut Dice) -> StatefulSetUpdate {
    if dice.chance(15) {
        return StatefulSetUpdate::OnDelete;
    }
    StatefulSetUpdate::RollingUpdate { partition: dice.pick(&[0, 0, 0, 2, 9]), max_unavailable: None }
}

fn daemon_update(dice: &mut Dice) -> DaemonSetUpdate {
    use IntOrPercent::{Int, Percent};
    let (max_surge, max_unavailable) =
        dice.pick(&[(Int(0), Int(1)), (Int(0), Percent(50)), (Int(1), Int(0)), (Percent(100), Int(0))]);
    if dice.chance(15) {
        DaemonSetUpdate::OnDelete
    } else {
        DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable }
    }
}

/// What serves until it is stopped; or, if `broken`, never does.
pub(super) fn server(dice: &mut Dice, app: &str, version: u32, broken: bool) -> PodTemplate {
    let mut template = PodTemplate::default();
    template.labels.insert(APP.into(), app.into());
    template.labels.insert("version".into(), version.to_string());
    template.spec = spec(dice, RestartPolicy::Always);
    if dice.chance(20) {
        template.spec.init_containers.push(container(dice, "init"));
        template.behavior.init_time = Some(dice.around(4.0));
    }
    template.behavior.startup_time = dice.chance(70).then_some(Distribution::Uniform { min: 0.0, max: 30.0 });
    template.behavior.stop_time = dice.chance(60).then(|| dice.around(8.0));
    template.behavior.image_size = dice.chance(30).then_some(Distribution::Constant(3e8));
    if broken {
        template.labels.insert(BROKEN.into(), "yes".into());
        if dice.chance(50) {
            template.behavior.startup_time = Some(Distribution::Constant(1e8));
        } else {
            let much = Quantity::from_units(1_000);
            template.spec.containers[0].resources.requests.insert("cpu".into(), much);
        }
    }
    template
}

fn spec(dice: &mut Dice, restart_policy: RestartPolicy) -> PodSpec {
    let mut spec = PodSpec { restart_policy, ..PodSpec::default() };
    spec.containers.push(container(dice, "main"));
    spec.termination_grace_seconds = dice.chance(50).then(|| dice.pick(&[0, 1, 5, 90]));
    spec.priority = dice.chance(30).then(|| dice.pick(&[0, 100, 1_000, -10]));
    spec
}

fn container(dice: &mut Dice, name: &str) -> Container {
    let mut container = Container { name: name.into(), ..Container::default() };
    container.image = dice.pick(&["", "registry/app:1", "registry/app:2"]).into();
    let requests = &mut container.resources.requests;
    requests.insert("cpu".into(), Quantity::from_milli(dice.pick(&[1, 10, 100])));
    requests.insert("memory".into(), Quantity::from_units(dice.pick(&[1 << 20, 64 << 20])));
    container
}

/// What somebody puts beside a workload: a budget, a service, an autoscaler with its load.
fn companions(dice: &mut Dice, work: &mut Work, drawn: &Object, at: Time, horizon: u64) {
    let (name, namespace) = (drawn.meta().name.clone(), drawn.meta().namespace.clone());
    for number in 0..dice.pick(&[0, 0, 0, 1, 1, 1, 1, 2]) {
        let meta = meta(&format!("budget-{name}-{number}"), &namespace);
        work.add(at, Object::PodDisruptionBudget(Box::new(budget(dice, meta, selector(&name)))));
    }
    if dice.chance(30) {
        let labels = Labels::from([(APP.to_owned(), name.clone())]);
        let publish_not_ready = dice.chance(20);
        let service = Service { meta: meta(&name, &namespace), selector: Some(labels), publish_not_ready };
        work.add(at, Object::Service(Box::new(service)));
    }
    let is_sizable = matches!(drawn, Object::Deployment(_) | Object::StatefulSet(_));
    if is_sizable && dice.chance(20) {
        let measure = dice.pick(&[Measure::Cpu, Measure::Metric("requests".into())]);
        let autoscaler = autoscaler(dice, drawn, &measure);
        work.add(at, Object::HorizontalPodAutoscaler(Box::new(autoscaler)));
        work.loads.push(load(dice, &name, &namespace, measure, horizon));
    }
}

pub(super) fn budget(dice: &mut Dice, meta: ObjectMeta, selector: LabelSelector) -> PodDisruptionBudget {
    use IntOrPercent::{Int, Percent};
    let amounts = [Int(0), Int(1), Int(1), Int(2), Percent(30), Percent(50)];
    let (mut min_available, mut max_unavailable) = (None, None);
    let amount = Some(dice.pick(&amounts));
    if dice.chance(50) {
        min_available = amount;
    } else {
        max_unavailable = amount;
    }
    PodDisruptionBudget {
        meta,
        selector: Some(selector),
        min_available,
        max_unavailable,
        always_allow_unhealthy: dice.chance(30),
        ..PodDisruptionBudget::default()
    }
}

fn autoscaler(dice: &mut Dice, of: &Object, measure: &Measure) -> HorizontalPodAutoscaler {
    let meta = of.meta().clone();
    let target =
        ScaleTarget { api_version: "apps/v1".into(), kind: of.kind().into(), name: meta.name.clone() };
    let average = MetricTarget::AverageValue(Quantity::from_milli(dice.pick(&[100, 250])));
    let metric = match measure {
        Measure::Cpu => {
            let target = if dice.chance(50) { MetricTarget::Utilization(60) } else { average };
            MetricSpec::Resource { name: "cpu".into(), target }
        }
        Measure::Metric(name) => {
            MetricSpec::Pods { metric: MetricName { name: name.clone(), selector: None }, target: average }
        }
    };
    let (min_replicas, max_replicas) = (dice.between(1, 2) as i32, dice.between(3, 8) as i32);
    HorizontalPodAutoscaler {
        meta,
        target,
        min_replicas,
        max_replicas,
        metrics: vec![metric],
        behavior: None,
    }
}

/// A load that stays as it is when the trouble is over.
pub(super) fn load(dice: &mut Dice, app: &str, namespace: &str, measure: Measure, horizon: u64) -> Load {
    let steps = (0..dice.between(1, 5))
        .map(|_| (Time::from_secs(dice.between(0, horizon)), dice.between(0, 1_500) as i64));
    let mut steps: Vec<(Time, i64)> = steps.collect();
    steps.sort_unstable();
    Load {
        name: app.into(),
        namespace: namespace.into(),
        selector: selector(app),
        measure,
        total_milli: Curve::new(steps),
        max_milli_per_pod: dice.pick(&[200, 1_000_000]),
        not_ready_milli: dice.pick(&[0, 10]),
    }
}

fn job(dice: &mut Dice, number: u64) -> Job {
    let must = dice.chance(70);
    let name = format!("{}-job-{number}", if must { "must" } else { "may" });
    let policy = dice.pick(&[RestartPolicy::Never, RestartPolicy::OnFailure]);
    let mut template = worker(dice, &name, policy);
    if !must {
        template.behavior.exit_code = Some(Distribution::Empirical(vec![0.0, 0.0, 1.0, 3.0]));
    }
    let indexed = dice.chance(50);
    let completions = (indexed || dice.chance(70)).then(|| dice.between(1, 6) as i32);
    let mut job = Job {
        meta: meta(&name, "default"),
        parallelism: dice.between(1, 4) as i32,
        completions,
        backoff_limit: if must { MANY } else { dice.pick(&[0, 2, 6]) },
        suspend: dice.chance(15),
        indexed,
        template: Arc::new(template),
        ..Job::default()
    };
    policies(dice, &mut job, must);
    job
}

fn policies(dice: &mut Dice, job: &mut Job, must: bool) {
    if job.indexed && dice.chance(40) {
        job.backoff_limit = i32::MAX;
        job.backoff_limit_per_index = Some(if must { MANY } else { dice.pick(&[0, 1]) });
        job.max_failed_indexes = (!must && dice.chance(50)).then_some(2);
    }
    if job.indexed && dice.chance(30) {
        job.success_policy = vec![SuccessRule { indexes: None, count: Some(1) }];
    }
    if job.template.spec.restart_policy == RestartPolicy::Never && dice.chance(50) {
        let disrupted = vec![("DisruptionTarget".to_owned(), "True".to_owned())];
        let when = FailureCondition::PodConditions(disrupted);
        let mut rules = vec![FailureRule { action: FailureAction::Ignore, when }];
        if !must {
            let per_index = job.backoff_limit_per_index.is_some();
            let action = if per_index { FailureAction::FailIndex } else { FailureAction::FailJob };
            let when = FailureCondition::ExitCodes { container: None, listed: true, values: vec![3] };
            rules.push(FailureRule { action, when });
        }
        job.pod_failure_policy = Some(rules);
        job.pod_replacement = Some(PodReplacement::Failed);
    } else if dice.chance(30) {
        job.pod_replacement = Some(dice.pick(&[PodReplacement::Failed, PodReplacement::TerminatingOrFailed]));
    }
}

/// What does its work and ends.
fn worker(dice: &mut Dice, app: &str, policy: RestartPolicy) -> PodTemplate {
    let mut template = PodTemplate::default();
    template.labels.insert(APP.into(), app.into());
    template.spec = spec(dice, policy);
    template.behavior.run_time =
        Some(Distribution::Uniform { min: 1.0, max: dice.pick(&[10.0, 60.0, 300.0]) });
    if policy == RestartPolicy::OnFailure && dice.chance(30) {
        template.behavior.fail_runs = dice.between(1, 3) as u32;
    }
    template
}

fn cron_job(dice: &mut Dice) -> CronJob {
    let mut template = worker(dice, "must-cron", RestartPolicy::Never);
    template.behavior.run_time = Some(dice.around(20.0));
    let job = Job {
        parallelism: dice.between(1, 2) as i32,
        completions: Some(dice.between(1, 2) as i32),
        backoff_limit: 3,
        template: Arc::new(template),
        ..Job::default()
    };
    CronJob {
        meta: meta("must-cron", "default"),
        schedule: dice.pick(&["*/5 * * * *", "*/10 * * * *", "7,23,50 * * * *"]).into(),
        time_zone: String::new(),
        starting_deadline_seconds: dice.chance(30).then_some(100),
        concurrency: dice.pick(&[Concurrency::Allow, Concurrency::Forbid, Concurrency::Replace]),
        suspend: dice.chance(10),
        successful_history_limit: dice.pick(&[0, 1, 3]),
        failed_history_limit: 1,
        job: Arc::new(job),
    }
}

pub(super) fn quota(dice: &mut Dice, namespace: &str) -> Object {
    let mut hard = crate::api::ResourceList::new();
    hard.insert("pods".into(), Quantity::from_units(dice.between(0, 8) as i64));
    if dice.chance(40) {
        hard.insert("requests.cpu".into(), Quantity::from_milli(dice.between(1, 400) as i64));
    }
    if dice.chance(30) {
        hard.insert("requests.memory".into(), Quantity::from_units((dice.between(1, 256) << 20) as i64));
    }
    if dice.chance(20) {
        hard.insert("count/replicasets.apps".into(), Quantity::from_units(dice.between(1, 3) as i64));
    }
    let meta = meta("quota", namespace);
    Object::ResourceQuota(Box::new(ResourceQuota { meta, hard, scopes: Vec::new() }))
}
