//! The control plane's constants: Kubernetes' defaults, with what a scenario replaces.

use super::nodes::unknown;
use super::{Build, at_reference, planes};
use crate::base::Clock;
use crate::base::Span;
use crate::control::Config;
use crate::control::config::{
    Controllers, EnabledPlugins, Kubelet, Mode, NodeLifecycle, Plane, Scheduler, SchedulerProfile,
    ScoringStrategy, Ties, Version,
};
use crate::control::controllers::hpa;
use crate::control::scheduler::configuration::{self, Configured};
use crate::scenario::At;
use crate::scenario::schema::control::{self as written, MetricsSource, Strategy};
use crate::scenario::schema::scalars::{Amount, Duration, Period};
use crate::sim::{MetricsProfile, MetricsSetup, Timing};

/// The control plane's constants; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>, timing: &Timing) -> Config {
    let control = &build.scenario.control_plane;
    let version = version(build, control);
    let scheduler = scheduler(build, &control.scheduler, version);
    let plane = planes::resolve(build);
    let mut nodes = nodes(&control.node_lifecycle, control.timing);
    if let Plane::Swarm(settings) = &plane {
        (nodes.lease_renewal, nodes.lease_jitter) = settings.heartbeats();
    }
    Config {
        plane,
        version,
        seed: super::run::seed(build.scenario),
        clock: Clock { start_unix_nanos: build.scenario.run.start.map_or(0, |start| start.0) },
        scheduler: Scheduler { attempt: timing.scheduling_attempt, ..scheduler },
        nodes,
        kubelet: kubelet(build, &control.kubelet, control.timing),
        controllers: controllers(control.timing),
        pod_autoscaler: pod_autoscaler(&control.pod_autoscaler),
    }
}

/// The constants of a scheduler that only chooses nodes; errors are noted.
pub(super) fn of_scheduler(build: &mut Build<'_>) -> Config {
    let control = &build.scenario.control_plane;
    let version = version(build, control);
    Config { version, scheduler: scheduler(build, &control.scheduler, version), ..Config::default() }
}

/// With ideal timing the Job controller does not wait for further events of its pods.
fn controllers(timing: written::Preset) -> Controllers {
    match timing {
        written::Preset::Kubernetes => Controllers::default(),
        written::Preset::Ideal => Controllers { job_sync_batch: Span::ZERO, ..Controllers::default() },
    }
}

fn pod_autoscaler(written: &written::PodAutoscaler) -> hpa::Settings {
    let mut settings = hpa::Settings::default();
    settings.sync_period = written.sync_period.map_or(settings.sync_period, |period| period.0);
    settings.tolerance = written.tolerance.map_or(settings.tolerance, |share| share.0);
    let spans = [
        (written.downscale_stabilization, &mut settings.downscale_stabilization),
        (written.initial_readiness_delay, &mut settings.initial_readiness_delay),
        (written.cpu_initialization_period, &mut settings.cpu_initialization),
    ];
    for (written, target) in spans {
        *target = written.map_or(*target, |span| span.0);
    }
    settings
}

/// With ideal timing the metrics API knows the moment, else it is metrics-server, unless the scenario
/// says who answers.
pub(super) fn metrics(build: &mut Build<'_>) -> MetricsSetup {
    let control = &build.scenario.control_plane;
    let written = &control.metrics;
    let by_timing = match control.timing {
        written::Preset::Kubernetes => MetricsSource::Server,
        written::Preset::Ideal => MetricsSource::Instant,
    };
    let profile = match written.source.as_ref().map_or(by_timing, |source| source.value) {
        MetricsSource::Server => server(written),
        MetricsSource::Instant => MetricsProfile::RECORDED,
        MetricsSource::None => MetricsProfile::None,
    };
    if !matches!(profile, MetricsProfile::Server { .. }) {
        let resolution =
            written.resolution.as_ref().map(|given| given.error("`resolution` needs `source: server`"));
        let lag = written.lag.as_ref().map(|given| given.error("`lag` needs `source: server`"));
        build.errors.extend(resolution.into_iter().chain(lag));
    }
    MetricsSetup { profile, ..MetricsSetup::default() }
}

fn server(written: &written::Metrics) -> MetricsProfile {
    match MetricsProfile::default() {
        MetricsProfile::Server { resolution, lag } => MetricsProfile::Server {
            resolution: written.resolution.as_ref().map_or(resolution, |period| period.0),
            lag: written.lag.as_ref().map_or(lag, |lag| lag.0),
        },
        other => other,
    }
}

fn version(build: &mut Build<'_>, control: &written::ControlPlane) -> Version {
    let Some(version) = &control.version else { return Version::default() };
    match version.0.trim_start_matches('v') {
        "1.36" => Version::V1_36,
        "1.34" => Version::V1_34,
        _ => {
            let finding = version.error("not a release of Kubernetes whose decisions are known here");
            build.error(finding.help("write `1.36` or `1.34`, in quotes"));
            Version::default()
        }
    }
}

fn scheduler(build: &mut Build<'_>, written: &written::Scheduler, version: Version) -> Scheduler {
    let mut scheduler = match &written.configuration {
        Some(file) => from_file(build, written, file, version),
        None => from_keys(build, written, version),
    };
    scheduler.mode = match written.mode {
        None | Some(written::Mode::Auto) => Mode::Auto,
        Some(written::Mode::Indexed) => Mode::Indexed,
        Some(written::Mode::Plain) => Mode::Plain,
    };
    scheduler.ties = match written.ties {
        None | Some(written::Ties::Listed) => Ties::Listed,
        Some(written::Ties::Raced) => Ties::Raced,
    };
    scheduler
}

/// The scheduler of a configuration file; errors are noted.
fn from_file(
    build: &mut Build<'_>,
    written: &written::Scheduler,
    file: &At<String>,
    version: Version,
) -> Scheduler {
    let keys = [
        ("percentageOfNodesToScore", written.percentage_of_nodes_to_score.is_some()),
        ("strategy", written.strategy.is_some()),
        ("shape", !written.shape.is_empty()),
        ("resources", !written.resources.is_empty()),
        ("balancedResources", !written.balanced_resources.is_empty()),
        ("weights", !written.weights.is_empty()),
        ("disabledFilters", !written.disabled_filters.is_empty()),
        ("initialBackoff", written.initial_backoff.is_some()),
        ("maxBackoff", written.max_backoff.is_some()),
    ];
    let given = keys.iter().filter(|(_, is_given)| *is_given).map(|(key, _)| format!("`{key}`"));
    let given: Vec<String> = given.collect();
    if !given.is_empty() {
        let message = format!("the file takes the place of {}, which must go", given.join(", "));
        build.error(file.error(message).help("or write what it says with the keys here"));
    }
    let path = build.files.path(file);
    let bytes = build.files.read(&path).map_err(|finding| at_reference(finding, file));
    let Some((name, bytes)) = build.take(bytes) else { return Scheduler::default_for(version) };
    match configuration::read(&name, &bytes, version) {
        Ok(Configured { scheduler, warnings }) => {
            build.warnings.extend(warnings);
            scheduler
        }
        Err(findings) => {
            build.errors.extend(findings.into_iter().map(|finding| at_reference(finding, file)));
            Scheduler::default_for(version)
        }
    }
}

fn from_keys(build: &mut Build<'_>, written: &written::Scheduler, version: Version) -> Scheduler {
    let mut scheduler = Scheduler::default_for(version);
    if let Some(percentage) = written.percentage_of_nodes_to_score {
        scheduler.percentage_of_nodes_to_score = percentage.0 as u32;
    }
    let SchedulerProfile { plugins, args, .. } = &mut scheduler.profiles[0];
    args.fit.strategy = strategy(build, written);
    if !written.resources.is_empty() {
        let weight = |resource: &written::ResourceWeight| {
            (resource.name.clone(), resource.weight.map_or(1, |weight| weight.0))
        };
        args.fit.resources = written.resources.iter().map(weight).collect();
    }
    if !written.balanced_resources.is_empty() {
        args.balanced_resources.clone_from(&written.balanced_resources);
    }
    weights(build, written, plugins);
    disabled_filters(build, written, plugins);
    set(&mut scheduler.initial_backoff, written.initial_backoff.as_ref());
    set(&mut scheduler.max_backoff, written.max_backoff.as_ref());
    if scheduler.initial_backoff > scheduler.max_backoff {
        let place = written.initial_backoff.as_ref().or(written.max_backoff.as_ref());
        build.errors.extend(place.map(|place| place.error("the first back-off is longer than the longest")));
    }
    scheduler
}

fn disabled_filters(build: &mut Build<'_>, written: &written::Scheduler, plugins: &mut EnabledPlugins) {
    let known = plugins.filter.clone();
    for name in &written.disabled_filters {
        if known.contains(&name.as_str()) {
            plugins.filter.retain(|filter| *filter != name.as_str());
            plugins.pre_filter.retain(|filter| *filter != name.as_str());
        } else {
            build.error(unknown(name, "filter", known.iter().copied()));
        }
    }
}

fn set(target: &mut crate::base::Span, written: Option<&At<Period>>) {
    if let Some(written) = written {
        *target = written.0;
    }
}

fn strategy(build: &mut Build<'_>, written: &written::Scheduler) -> ScoringStrategy {
    let chosen = written.strategy.as_ref();
    let curve = chosen.is_some_and(|chosen| chosen.value == Strategy::RequestedToCapacityRatio);
    if let Some(point) = written.shape.first()
        && !curve
    {
        build.error(point.error("`shape` needs `strategy: RequestedToCapacityRatio`"));
    }
    match chosen.map(|chosen| chosen.value) {
        None | Some(Strategy::LeastAllocated) => ScoringStrategy::LeastAllocated,
        Some(Strategy::MostAllocated) => ScoringStrategy::MostAllocated,
        Some(Strategy::RequestedToCapacityRatio) => {
            if written.shape.is_empty() {
                let place = chosen.expect("it was just looked at");
                let finding = place.error("the strategy needs a `shape`");
                build.error(
                    finding.help("such as `[{utilization: 0, score: 0}, {utilization: 100, score: 10}]`"),
                );
            }
            for pair in written.shape.windows(2) {
                if pair[0].utilization >= pair[1].utilization {
                    build.error(pair[1].error("the points of `shape` must ascend in utilization"));
                }
            }
            let points = written.shape.iter().map(|point| (point.utilization.0, point.score.0));
            ScoringStrategy::RequestedToCapacityRatio(points.collect())
        }
    }
}

fn weights(build: &mut Build<'_>, written: &written::Scheduler, plugins: &mut EnabledPlugins) {
    let known: Vec<&str> = plugins.score.iter().map(|&(plugin, _)| plugin).collect();
    for (name, weight) in &written.weights {
        if let Some((_, value)) = plugins.score.iter_mut().find(|(plugin, _)| plugin == name) {
            *value = weight.0;
        } else {
            let place = At { value: name.clone(), location: weight.location.clone(), found: name.clone() };
            build.error(unknown(&place, "scoring plugin", known.iter().copied()));
        }
    }
    plugins.score.retain(|(_, weight)| *weight > 0);
}

fn nodes(written: &written::NodeLifecycle, timing: written::Preset) -> NodeLifecycle {
    let default = NodeLifecycle::default();
    // The phase of the passes is free in a real cluster; without latencies it is zero.
    let phase = match timing {
        written::Preset::Kubernetes => None,
        written::Preset::Ideal => default.monitor_phase,
    };
    let period = |written: Option<Period>, default| written.map_or(default, |period| period.0);
    let span = |written: Option<Duration>, default| written.map_or(default, |span| span.0);
    NodeLifecycle {
        monitor_period: period(written.monitor_period, default.monitor_period),
        monitor_phase: written.monitor_phase.map_or(phase, |phase| Some(phase.0)),
        grace_period: span(written.grace_period, default.grace_period),
        lease_renewal: period(written.lease_renewal, default.lease_renewal),
        lease_jitter: if phase.is_none() { default.lease_jitter } else { 0.0 },
        first_monitor_pass: None,
        eviction_rate: written.eviction_rate.map_or(default.eviction_rate, |rate| rate.0),
        secondary_eviction_rate: written
            .secondary_eviction_rate
            .map_or(default.secondary_eviction_rate, |rate| rate.0),
        large_zone: written.large_zone.map_or(default.large_zone, |nodes| nodes.0 as u32),
        unhealthy_zone: written.unhealthy_zone.map_or(default.unhealthy_zone, |share| share.0),
        worker_period: period(written.worker_period, default.worker_period),
        default_toleration: written.default_toleration.map_or(default.default_toleration, |span| span.0),
        pod_gc_period: period(written.pod_gc_period, default.pod_gc_period),
        pod_gc_quarantine: span(written.pod_gc_quarantine, default.pod_gc_quarantine),
    }
}

/// The kubelet's own periods are looked at as in the original unless timing is ideal; nor does a
/// node then ask its registries too much.
fn kubelet(build: &mut Build<'_>, written: &written::Kubelet, timing: written::Preset) -> Kubelet {
    let is_ideal = timing == written::Preset::Ideal;
    let mut kubelet = Kubelet { polled_backoff: !is_ideal, ..Kubelet::default() };
    if is_ideal {
        kubelet.registry_rate = None;
    }
    set(&mut kubelet.backoff_initial, written.backoff_initial.as_ref());
    set(&mut kubelet.backoff_max, written.backoff_max.as_ref());
    if kubelet.backoff_initial > kubelet.backoff_max {
        match &written.backoff_initial {
            Some(place) => build.error(place.error("the first back-off is longer than the longest")),
            // As in the original (KubeletCrashLoopBackOffMax).
            None => kubelet.backoff_initial = kubelet.backoff_max,
        }
    }
    let span = |target: &mut Span, written: Option<Duration>| {
        *target = written.map_or(*target, |span| span.0);
    };
    span(&mut kubelet.backoff_reset, written.backoff_reset);
    span(&mut kubelet.termination_grace, written.termination_grace);
    span(&mut kubelet.eviction_soft_grace, written.eviction_soft_grace);
    span(&mut kubelet.eviction_max_pod_grace, written.eviction_max_pod_grace);
    span(&mut kubelet.pressure_transition, written.eviction_pressure_transition);
    let bytes = |target: &mut i64, written: Option<Amount>| {
        *target = written.map_or(*target, |amount| amount.0.units_ceil());
    };
    bytes(&mut kubelet.eviction_memory, written.eviction_hard_memory);
    bytes(&mut kubelet.eviction_soft_memory, written.eviction_soft_memory);
    if let Some(pulls) = written.max_parallel_image_pulls {
        kubelet.parallel_pulls = Some(pulls.0 as u32);
    }
    if let Some(rate) = written.registry_pull_qps {
        kubelet.registry_rate = Some(rate.0).filter(|rate| *rate > 0.0);
    }
    if let Some(burst) = written.registry_burst {
        kubelet.registry_burst = burst.0 as u32;
    }
    kubelet.polled_backoff = written.polled_backoff.unwrap_or(kubelet.polled_backoff);
    kubelet
}
