//! From a KubeSchedulerConfiguration as written to the configuration that is run: defaults are
//! filled in, plugins are merged with those of the default profile, and what does not go together
//! is refused. How a file is spelt is not known here.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/v1/defaults.go, apis/config/validation and
//! profile/profile.go (reference kube-scheduler §20).

mod merge;
#[cfg(test)]
mod tests;

use crate::api::kubernetes::scheduler::{self as written, Args, StrategyType};
use crate::api::yaml::Located;
use crate::base::{Diagnostic, Span};
use crate::control::config::{
    DEFAULT_SCHEDULER_NAME, FitArgs, PluginArgs, Scheduler, SchedulerProfile, ScoringStrategy,
    SpreadDefaulting, Version,
};
use merge::{by_name, plugins};
use std::sync::Arc;

/// What a file comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Configured {
    /// The configuration. Without `percentageOfNodesToScore` the number of nodes decides how many of
    /// them are looked at, as in the original.
    pub scheduler: Scheduler,
    /// What has no effect.
    pub warnings: Vec<Diagnostic>,
}

/// What is found while a configuration is resolved.
#[derive(Debug, Default)]
struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// Reads a configuration file in YAML or JSON for a release. The error holds every finding that does
/// not keep others from being found.
pub fn read(file: &Arc<str>, bytes: &[u8], version: Version) -> Result<Configured, Vec<Diagnostic>> {
    let written = written::read(file, bytes).map_err(|finding| vec![finding])?;
    resolve(&written, version)
}

/// Fills in and checks what is written.
pub fn resolve(
    written: &written::SchedulerConfiguration,
    version: Version,
) -> Result<Configured, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let mut scheduler = Scheduler::default_for(version);
    scheduler.percentage_of_nodes_to_score = written.percentage_of_nodes_to_score.unwrap_or(0);
    let seconds = |written: &Option<Located<u64>>, default| {
        written.as_ref().map_or(default, |seconds| Span::from_secs(seconds.value))
    };
    scheduler.initial_backoff = seconds(&written.pod_initial_backoff_seconds, scheduler.initial_backoff);
    scheduler.max_backoff = seconds(&written.pod_max_backoff_seconds, scheduler.max_backoff);
    if scheduler.initial_backoff > scheduler.max_backoff {
        let place = written.pod_max_backoff_seconds.as_ref().or(written.pod_initial_backoff_seconds.as_ref());
        let message = "`podMaxBackoffSeconds` must not be below `podInitialBackoffSeconds`";
        findings.errors.extend(place.map(|place| place.error(message)));
    }
    if !written.profiles.is_empty() {
        let alone = written.profiles.len() == 1;
        let profiles = written.profiles.iter();
        scheduler.profiles =
            profiles.map(|written| profile(written, alone, version, &mut findings)).collect();
        check_names(&written.profiles, &mut findings);
        check_queue_sort(&written.profiles, &mut findings);
    }
    let Findings { mut errors, warnings } = findings;
    errors.sort_by(|a, b| a.location.cmp(&b.location));
    if errors.is_empty() { Ok(Configured { scheduler, warnings }) } else { Err(errors) }
}

/// One profile. Only a profile that is `alone` gets a name where it has none.
fn profile(
    written: &written::Profile,
    alone: bool,
    version: Version,
    findings: &mut Findings,
) -> SchedulerProfile {
    if written.scheduler_name.is_none() && !alone {
        let finding = Diagnostic::error(written.location.clone(), "`schedulerName` is missing");
        findings.errors.push(finding.help("each of several profiles has its own"));
    }
    let name = written.scheduler_name.as_ref().map_or(DEFAULT_SCHEDULER_NAME, |name| name.as_str());
    SchedulerProfile {
        name: name.to_owned(),
        percentage_of_nodes_to_score: written.percentage_of_nodes_to_score,
        plugins: plugins(written, version, findings),
        args: args(written, version, findings),
    }
}

fn check_names(profiles: &[written::Profile], findings: &mut Findings) {
    for (place, profile) in profiles.iter().enumerate() {
        let Some(name) = &profile.scheduler_name else { continue };
        let earlier = profiles[..place].iter().filter_map(|earlier| earlier.scheduler_name.as_ref());
        if earlier.into_iter().any(|earlier| earlier.value == name.value) {
            findings.errors.push(name.error("two profiles have the same `schedulerName`"));
        }
    }
}

/// What a profile says of `queueSort`.
fn queue_sort(profile: &written::Profile) -> Option<&written::PluginSet> {
    profile.plugins.iter().find(|set| *set.point == *"queueSort")
}

/// All profiles must say the same of `queueSort`, since they share the queue.
fn check_queue_sort(profiles: &[written::Profile], findings: &mut Findings) {
    let said = |profile| {
        let enabled = queue_sort(profile).into_iter().flat_map(|set| &set.enabled);
        let disabled = queue_sort(profile).into_iter().flat_map(|set| &set.disabled);
        let enabled = enabled.map(|plugin| (plugin.name.value.clone(), plugin.weight));
        (enabled.collect::<Vec<_>>(), disabled.map(|name| name.value.clone()).collect::<Vec<_>>())
    };
    for profile in &profiles[1..] {
        if said(profile) != said(&profiles[0]) {
            let message = "`queueSort` must be the same in all profiles";
            findings.errors.push(match queue_sort(profile) {
                Some(set) => set.point.error(message),
                None => Diagnostic::error(profile.location.clone(), message),
            });
        }
    }
}

/// The arguments of a profile's plugins.
fn args(profile: &written::Profile, version: Version, findings: &mut Findings) -> PluginArgs {
    let mut args = PluginArgs::default();
    for (place, config) in profile.plugin_config.iter().enumerate() {
        if profile.plugin_config[..place].iter().any(|earlier| earlier.name.value == config.name.value) {
            findings.errors.push(config.name.error("the plugin is configured twice"));
        }
        if by_name(&config.name, version).is_none() {
            findings.errors.push(merge::unknown(&config.name, version));
        }
        match &config.args {
            Args::Fit(written) => args.fit = fit(written, version, findings),
            Args::Balanced(resources) if resources.is_empty() => {}
            Args::Balanced(resources) => args.balanced_resources.clone_from(resources),
            Args::Affinity(added) => args.added_affinity.clone_from(added),
            Args::Spread(written) => {
                if written.is_list {
                    args.spread.defaulting = SpreadDefaulting::List;
                }
                args.spread.default_constraints.clone_from(&written.default_constraints);
            }
            Args::InterPod(written) => {
                let inter_pod = &mut args.inter_pod;
                set(&mut inter_pod.hard_pod_affinity_weight, written.hard_pod_affinity_weight);
                inter_pod.ignore_preferred_terms_of_existing_pods =
                    written.ignore_preferred_terms_of_existing_pods;
            }
            Args::Preemption(written) => preemption(&mut args, written, findings),
            Args::VolumeBinding(written) => {
                let seconds = written.bind_timeout_seconds.map(Span::from_secs);
                set(&mut args.volume_binding.bind_timeout, seconds);
            }
            Args::DynamicResources | Args::Untyped(false) => {}
            Args::Untyped(true) => {
                let message = "the plugin takes no arguments; they have no effect";
                findings.warnings.push(config.name.warning(message));
            }
        }
    }
    args
}

fn set<T>(target: &mut T, written: Option<T>) {
    if let Some(written) = written {
        *target = written;
    }
}

fn fit(written: &written::FitArgs, version: Version, findings: &mut Findings) -> FitArgs {
    let default = FitArgs::default();
    let strategy = match (&written.strategy, &written.ratio) {
        (Some(chosen), ratio) if chosen.value == StrategyType::RequestedToCapacityRatio => {
            if ratio.is_none() {
                let message = "`requestedToCapacityRatio` is missing";
                findings.errors.push(chosen.error(message).help("its `shape` is the curve"));
            }
            let points = ratio.as_ref().map(|ratio| ratio.value.clone());
            ScoringStrategy::RequestedToCapacityRatio(points.unwrap_or_default())
        }
        (chosen, ratio) => {
            // 1.34 does not look at it.
            if let Some(ratio) = ratio
                && version.compat().refuses_unused_curves
            {
                let message = "`requestedToCapacityRatio` needs `type: RequestedToCapacityRatio`";
                findings.errors.push(ratio.error(message));
            }
            match chosen.as_ref().map(|chosen| chosen.value) {
                Some(StrategyType::MostAllocated) => ScoringStrategy::MostAllocated,
                _ => ScoringStrategy::LeastAllocated,
            }
        }
    };
    FitArgs {
        ignored_resources: written.ignored_resources.clone(),
        ignored_resource_groups: written.ignored_resource_groups.clone(),
        strategy,
        resources: if written.resources.is_empty() { default.resources } else { written.resources.clone() },
    }
}

fn preemption(args: &mut PluginArgs, written: &written::PreemptionArgs, findings: &mut Findings) {
    let (percentage, absolute) =
        (&written.min_candidate_nodes_percentage, &written.min_candidate_nodes_absolute);
    let target = &mut args.preemption;
    set(&mut target.min_candidate_nodes_percentage, percentage.as_ref().map(|number| number.value));
    set(&mut target.min_candidate_nodes_absolute, absolute.as_ref().map(|number| number.value));
    if target.min_candidate_nodes_percentage == 0
        && target.min_candidate_nodes_absolute == 0
        && let Some(place) = percentage.as_ref().or(absolute.as_ref())
    {
        let message = "`minCandidateNodesPercentage` and `minCandidateNodesAbsolute` must not both be zero";
        findings.errors.push(place.error(message));
    }
}
