//! A profile: the plugins that are enabled at each extension point, and what may wake the pods that
//! they have rejected.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/v1/default_plugins.go and
//! pkg/scheduler/scheduler.go (buildQueueingHintMap; reference kube-scheduler §7.2, §10.3, §10.4).

use super::events::{Action, Change, Resource};
use super::framework::{Code, Context, Plugin};
use super::plugins;
use crate::base::ids::ClassId;
use crate::cluster::Cluster;
use crate::control::config::{Scheduler, Version};

/// A set of plugins: one bit each, by place in [`Profile::plugins`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PluginSet(pub u64);

impl PluginSet {
    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Puts a plugin in.
    pub const fn insert(&mut self, plugin: usize) {
        self.0 |= 1 << plugin;
    }

    /// Whether a plugin is in.
    pub const fn contains(self, plugin: usize) -> bool {
        self.0 >> plugin & 1 == 1
    }
}

/// The plugins at work.
pub struct Profile {
    /// All of them, in the order of the default profile.
    pub plugins: Vec<Box<dyn Plugin>>,
    /// Those with PreFilter and Filter, in order of execution.
    pub filters: Vec<usize>,
    /// Those that score, in order of execution, with their weights.
    pub scores: Vec<(usize, i64)>,
    /// The release.
    pub version: Version,
    /// How many classes have been compiled.
    compiled: usize,
}

impl Profile {
    /// The plugins that a configuration enables. Names that are not known are left out.
    pub fn new(config: &Scheduler, version: Version) -> Profile {
        let plugins = plugins::all(config);
        let find = |name: &str| plugins.iter().position(|plugin| plugin.name() == name);
        let filters = config.filters.iter().filter_map(|name| find(name)).collect();
        let weights = config.score_weights.iter();
        let scores = weights.filter_map(|&(name, weight)| Some((find(name)?, weight))).collect();
        Profile { filters, scores, plugins, version, compiled: 0 }
    }

    /// Lets every plugin compile the classes that are new: pods can be on nodes, and matter to
    /// others, though no pod of their class was ever to be placed.
    pub fn prepare(&mut self, cluster: &mut Cluster) {
        while self.compiled < cluster.classes.len() {
            let class = ClassId(self.compiled as u32);
            self.compiled += 1;
            for plugin in &mut self.plugins {
                plugin.compile(cluster, class);
            }
        }
    }

    /// PreEnqueue: the plugin that holds pods of the class back, if one does.
    pub fn gate(&mut self, cluster: &mut Cluster, class: ClassId) -> Option<usize> {
        self.prepare(cluster);
        let context = Context { cluster, class, pod: None, version: self.version };
        self.plugins.iter_mut().position(|plugin| plugin.pre_enqueue(context).code != Code::Success)
    }

    /// PostFilter: what the plugins have to say of a pod that fits nowhere, joined. That a plugin has
    /// made room and names a node is not acted on yet: none of this profile does.
    pub fn post_filter(&mut self, context: Context<'_>) -> String {
        let said = self.plugins.iter_mut().map(|plugin| plugin.post_filter(context).0.message);
        said.filter(|message| !message.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The names of the plugins in a set, sorted.
    pub fn names(&self, set: PluginSet) -> Vec<&'static str> {
        let listed = self.plugins.iter().enumerate().filter(|(place, _)| set.contains(*place));
        let mut names: Vec<&'static str> = listed.map(|(_, plugin)| plugin.name()).collect();
        names.sort_unstable();
        names
    }

    /// Whether a change may help pods of a class that `rejectors` have rejected. Nobody's rejection
    /// (an error) is worth another try at any change.
    pub fn may_help(
        &mut self,
        cluster: &mut Cluster,
        class: ClassId,
        rejectors: PluginSet,
        change: &Change<'_>,
    ) -> bool {
        self.prepare(cluster);
        let context = Context { cluster, class, pod: None, version: self.version };
        let mut listed = self.plugins.iter_mut().enumerate();
        rejectors.is_empty()
            || listed
                .any(|(place, plugin)| rejectors.contains(place) && hints(plugin.as_mut(), context, change))
    }

    /// Whether anything is registered for a change at all.
    pub fn listens(&self, resource: Resource, action: Action) -> bool {
        let heard = |plugin: &dyn Plugin| {
            plugin.registrations().iter().any(|entry| entry.matches(resource, action, self.version))
                || is_taint_update(resource, action) && hears_all_taints(plugin, self.version)
        };
        self.plugins.iter().any(|plugin| heard(plugin.as_ref()))
    }
}

fn hints(plugin: &mut dyn Plugin, context: Context<'_>, change: &Change<'_>) -> bool {
    let (resource, action) = (change.resource(), change.action());
    if is_taint_update(resource, action) && hears_all_taints(plugin, context.version) {
        return true;
    }
    let heard = plugin.registrations().iter().any(|entry| entry.matches(resource, action, context.version));
    heard && plugin.hint(context, change)
}

fn is_taint_update(resource: Resource, action: Action) -> bool {
    resource == Resource::Node && action == Action::UpdateNodeTaint
}

/// A plugin that registers for new nodes but not for changes of taints gets those too, and any of
/// them wakes its pods (reference §10.4).
fn hears_all_taints(plugin: &dyn Plugin, version: Version) -> bool {
    let registered =
        |action| plugin.registrations().iter().any(|entry| entry.matches(Resource::Node, action, version));
    registered(Action::Add) && !registered(Action::UpdateNodeTaint)
}
