//! The scheduler's configuration in the shape of Kubernetes' KubeSchedulerConfiguration, after
//! defaults and multiPoint have been worked in. Files are read elsewhere, and which of the plugins
//! named here have an implementation is not known.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/types.go, types_pluginargs.go and
//! v1/defaults.go (reference kube-scheduler §1, §20).

use super::Version;
use super::plugins::EnabledPlugins;
use crate::api;
use crate::api::pod::TopologySpreadConstraint;
use crate::base::Span;

/// The scheduler's name where nobody gives one; pods that name none ask for it.
pub const DEFAULT_SCHEDULER_NAME: &str = "default-scheduler";

/// The scheduler.
#[derive(Clone, PartialEq, Debug)]
pub struct Scheduler {
    /// The profiles: at least one, of different names.
    pub profiles: Vec<SchedulerProfile>,
    /// How many of the nodes are looked at before the search stops: 1 to 100; 0 lets the number of
    /// nodes decide, as the original does by default. A profile may have its own.
    pub percentage_of_nodes_to_score: u32,
    /// Back-off of a pod after its first failed attempt.
    pub initial_backoff: Span,
    /// The longest back-off.
    pub max_backoff: Span,
    /// How long one scheduling attempt keeps the scheduler busy.
    pub attempt: Span,
    /// How nodes are searched when all are looked at.
    pub mode: Mode,
    /// Which of the nodes with the highest total is taken.
    pub ties: Ties,
    /// Whether pods that are judged alike share a scoring where a profile lets them (the feature gate
    /// OpportunisticBatching, on since 1.35). Without effect before 1.36 here.
    pub opportunistic_batching: bool,
    /// Pods, as `name` or `namespace/name`, whose way through the queue and whose attempts are told in
    /// full ([`crate::control::Note::Followed`]). Decisions are the same.
    pub followed: Vec<String>,
}

impl Scheduler {
    /// One profile with the plugins that a release enables by default, over all nodes.
    pub fn default_for(version: Version) -> Scheduler {
        Scheduler {
            profiles: vec![SchedulerProfile::default_for(version)],
            percentage_of_nodes_to_score: 100,
            initial_backoff: Span::from_secs(1),
            max_backoff: Span::from_secs(10),
            attempt: Span::ZERO,
            mode: Mode::Auto,
            ties: Ties::Listed,
            opportunistic_batching: version >= Version::V1_36,
            followed: Vec::new(),
        }
    }
}

impl Default for Scheduler {
    /// That of the default release.
    fn default() -> Scheduler {
        Scheduler::default_for(Version::default())
    }
}

/// How nodes are searched when all are looked at. The decisions are the same in every mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// What is likely faster.
    #[default]
    Auto,
    /// Through an index that is kept up to date.
    Indexed,
    /// Node by node.
    Plain,
}

/// Which of the nodes with the highest total is taken where the order of the feasible nodes decides,
/// as it does since 1.35.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ties {
    /// The order is that of a search by one thread (`parallelism: 1`), which is exact.
    #[default]
    Listed,
    /// The order is that in which several threads are done, as in a cluster with the default
    /// `parallelism: 16`: mostly the same, and drawn from the seed.
    Raced,
}

/// A profile: the plugins for the pods that ask for a scheduler by this name.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerProfile {
    /// `schedulerName`.
    pub name: String,
    /// Replaces [`Scheduler::percentage_of_nodes_to_score`].
    pub percentage_of_nodes_to_score: Option<u32>,
    /// The plugins by extension point.
    pub plugins: EnabledPlugins,
    /// What the plugins are told.
    pub args: PluginArgs,
}

impl SchedulerProfile {
    /// The profile of a release that is configured in nothing.
    pub fn default_for(version: Version) -> SchedulerProfile {
        SchedulerProfile {
            name: DEFAULT_SCHEDULER_NAME.to_owned(),
            percentage_of_nodes_to_score: None,
            plugins: EnabledPlugins::default_for(version),
            args: PluginArgs::default(),
        }
    }
}

impl Default for SchedulerProfile {
    /// That of the default release.
    fn default() -> SchedulerProfile {
        SchedulerProfile::default_for(Version::default())
    }
}

/// The arguments of the plugins that take some.
#[derive(Clone, PartialEq, Debug)]
pub struct PluginArgs {
    /// NodeResourcesFit.
    pub fit: FitArgs,
    /// NodeResourcesBalancedAllocation: the resources that it scores by. The original demands the
    /// weight 1 of each and uses none.
    pub balanced_resources: Vec<String>,
    /// NodeAffinity: what every pod of the profile is bound to in addition to its own affinity.
    pub added_affinity: Option<api::NodeAffinity>,
    /// PodTopologySpread.
    pub spread: SpreadArgs,
    /// InterPodAffinity.
    pub inter_pod: InterPodArgs,
    /// DefaultPreemption.
    pub preemption: PreemptionArgs,
    /// VolumeBinding.
    pub volume_binding: VolumeBindingArgs,
}

impl Default for PluginArgs {
    fn default() -> PluginArgs {
        PluginArgs {
            fit: FitArgs::default(),
            balanced_resources: vec!["cpu".into(), "memory".into()],
            added_affinity: None,
            spread: SpreadArgs::default(),
            inter_pod: InterPodArgs::default(),
            preemption: PreemptionArgs::default(),
            volume_binding: VolumeBindingArgs::default(),
        }
    }
}

/// NodeResourcesFitArgs.
#[derive(Clone, PartialEq, Debug)]
pub struct FitArgs {
    /// Extended resources that the filter does not look at.
    pub ignored_resources: Vec<String>,
    /// The same for all extended resources with this text before the `/`.
    pub ignored_resource_groups: Vec<String>,
    /// How the plugin scores.
    pub strategy: ScoringStrategy,
    /// Resources that it scores by, with weights.
    pub resources: Vec<(String, i64)>,
}

impl Default for FitArgs {
    fn default() -> FitArgs {
        FitArgs {
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
            strategy: ScoringStrategy::LeastAllocated,
            resources: vec![("cpu".into(), 1), ("memory".into(), 1)],
        }
    }
}

/// How NodeResourcesFit scores.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum ScoringStrategy {
    /// The emptier the better.
    #[default]
    LeastAllocated,
    /// The fuller the better.
    MostAllocated,
    /// By a curve over utilization: points (utilization 0…100, score 0…10), utilization ascending.
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

/// PodTopologySpreadArgs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SpreadArgs {
    /// Where the constraints of pods without own ones come from.
    pub defaulting: SpreadDefaulting,
    /// Those of [`SpreadDefaulting::List`], without label selectors.
    pub default_constraints: Vec<TopologySpreadConstraint>,
}

/// Where the constraints of pods without own ones come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SpreadDefaulting {
    /// The built-in ones.
    #[default]
    System,
    /// [`SpreadArgs::default_constraints`].
    List,
}

/// InterPodAffinityArgs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterPodArgs {
    /// The weight of existing pods' required terms in the score: 0 to 100.
    pub hard_pod_affinity_weight: i32,
    /// Whether existing pods' preferred terms do not count.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

impl Default for InterPodArgs {
    fn default() -> InterPodArgs {
        InterPodArgs { hard_pod_affinity_weight: 1, ignore_preferred_terms_of_existing_pods: false }
    }
}

/// DefaultPreemptionArgs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PreemptionArgs {
    /// Candidates looked for, in percent of the nodes: 0 to 100.
    pub min_candidate_nodes_percentage: u32,
    /// Candidates looked for at least.
    pub min_candidate_nodes_absolute: u32,
}

impl Default for PreemptionArgs {
    fn default() -> PreemptionArgs {
        PreemptionArgs { min_candidate_nodes_percentage: 10, min_candidate_nodes_absolute: 100 }
    }
}

/// VolumeBindingArgs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VolumeBindingArgs {
    /// How long PreBind waits for volumes to be bound.
    pub bind_timeout: Span,
}

impl Default for VolumeBindingArgs {
    fn default() -> VolumeBindingArgs {
        VolumeBindingArgs { bind_timeout: Span::from_secs(600) }
    }
}
