//! Reading the scheduler's configuration file: KubeSchedulerConfiguration as it is written.
//!
//! A single value that the original refuses is an error here. What is filled in, which plugins there
//! are and how several settings work together is not known here.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/kube-scheduler/config/v1/{types,types_pluginargs}.go
//! and pkg/scheduler/apis/config/validation (reference kube-scheduler §20).

mod args;
mod read;

pub use args::{Args, FitArgs, InterPodArgs, PreemptionArgs, SpreadArgs, StrategyType, VolumeBindingArgs};
pub use read::read;

use crate::api::yaml::Located;
use crate::base::Location;

/// A whole file.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerConfiguration {
    /// Where it begins.
    pub location: Location,
    /// `percentageOfNodesToScore`: 0 to 100.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// `podInitialBackoffSeconds`, above zero.
    pub pod_initial_backoff_seconds: Option<Located<u64>>,
    /// `podMaxBackoffSeconds`.
    pub pod_max_backoff_seconds: Option<Located<u64>>,
    /// The profiles; may be none.
    pub profiles: Vec<Profile>,
}

/// A profile.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// Where it begins.
    pub location: Location,
    /// `schedulerName`.
    pub scheduler_name: Option<Located<String>>,
    /// `percentageOfNodesToScore`: 0 to 100.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// What `plugins` says, by extension point in the order of the text; `multiPoint` is one of them.
    pub plugins: Vec<PluginSet>,
    /// `pluginConfig`.
    pub plugin_config: Vec<PluginConfig>,
}

/// What is said of one extension point.
#[derive(Clone, PartialEq, Debug)]
pub struct PluginSet {
    /// The point.
    pub point: Located<String>,
    /// `enabled`.
    pub enabled: Vec<Plugin>,
    /// The names in `disabled`; `*` stands for all.
    pub disabled: Vec<Located<String>>,
}

/// A plugin that is enabled.
#[derive(Clone, PartialEq, Debug)]
pub struct Plugin {
    /// Its name.
    pub name: Located<String>,
    /// Its weight; 0 where none is given.
    pub weight: i32,
}

/// The arguments of one plugin.
#[derive(Clone, PartialEq, Debug)]
pub struct PluginConfig {
    /// The plugin's name.
    pub name: Located<String>,
    /// The arguments.
    pub args: Args,
}
