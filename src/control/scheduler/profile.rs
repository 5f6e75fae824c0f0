//! A profile: the plugins that are enabled at each extension point, and what may wake the pods that
//! they have rejected.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/v1/default_plugins.go and
//! pkg/scheduler/scheduler.go (buildQueueingHintMap; reference kube-scheduler §7.2, §10.3, §10.4).

use super::events::{Action, Change, Resource};
use super::framework::{Code, Context, Plugin, Status, Targets};
use super::{plugins, preemption};
use crate::base::ids::ClassId;
use crate::cluster::Cluster;
use crate::control::config::{DEFAULT_SCHEDULER_NAME, PreemptionArgs, SchedulerProfile, Version};

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

    /// The places of the plugins that are in, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(place)
        })
    }

    /// Whether a plugin is in.
    pub const fn contains(self, plugin: usize) -> bool {
        self.0 >> plugin & 1 == 1
    }
}

/// The plugins at work. The lists are of places in `plugins`, in order of execution.
pub struct Profile {
    /// The name by which pods ask for it.
    pub name: String,
    /// The plugins that are enabled at any point.
    pub plugins: Vec<Box<dyn Plugin>>,
    /// PreEnqueue.
    pub pre_enqueue: Vec<usize>,
    /// PreFilter.
    pub pre_filters: Vec<usize>,
    /// Filter.
    pub filters: Vec<usize>,
    /// What DefaultPreemption is told, if it is enabled at PostFilter. It is the only plugin with
    /// something to say there, and works with the whole cycle ([`super::Cycle::preempt`]).
    pub preemption: Option<PreemptionArgs>,
    /// PostFilter.
    pub post_filters: Vec<usize>,
    /// PreScore.
    pub pre_scores: PluginSet,
    /// Score, with weights.
    pub scores: Vec<(usize, i64)>,
    /// Reserve.
    pub reserve: Vec<usize>,
    /// Permit.
    pub permit: Vec<usize>,
    /// PreBind.
    pub pre_bind: Vec<usize>,
    /// Bind.
    pub bind: Vec<usize>,
    /// PostBind.
    pub post_bind: Vec<usize>,
    /// The release.
    pub version: Version,
    /// How many classes have been compiled.
    compiled: usize,
}

impl Profile {
    /// The plugins that a configuration enables. Names without an implementation are left out.
    pub fn new(config: &SchedulerProfile, version: Version) -> Profile {
        let enabled = &config.plugins;
        let mut plugins = plugins::all(&config.args);
        plugins.push(Box::new(preemption::DefaultPreemption));
        plugins.retain(|plugin| enabled.is_enabled(plugin.name()));
        let find = |name: &str| plugins.iter().position(|plugin| plugin.name() == name);
        let places = |names: &[&str]| names.iter().filter_map(|name| find(name)).collect::<Vec<usize>>();
        let mut pre_scores = PluginSet::default();
        for plugin in places(&enabled.pre_score) {
            pre_scores.insert(plugin);
        }
        let scores = enabled.score.iter();
        Profile {
            name: config.name.clone(),
            pre_enqueue: places(&enabled.pre_enqueue),
            pre_filters: places(&enabled.pre_filter),
            filters: places(&enabled.filter),
            preemption: enabled.post_filter.contains(&preemption::NAME).then_some(config.args.preemption),
            post_filters: places(&enabled.post_filter),
            pre_scores,
            scores: scores.filter_map(|&(name, weight)| Some((find(name)?, weight))).collect(),
            reserve: places(&enabled.reserve),
            permit: places(&enabled.permit),
            pre_bind: places(&enabled.pre_bind),
            bind: places(&enabled.bind),
            post_bind: places(&enabled.post_bind),
            plugins,
            version,
            compiled: 0,
        }
    }

    /// Whether pods that ask for a scheduler of this name are this profile's.
    pub fn serves(&self, scheduler_name: &str) -> bool {
        let wanted = if scheduler_name.is_empty() { DEFAULT_SCHEDULER_NAME } else { scheduler_name };
        self.name == wanted
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
        self.gate_status(cluster, class).map(|(plugin, _)| plugin)
    }

    /// The same with what the plugin says.
    pub fn gate_status(&mut self, cluster: &mut Cluster, class: ClassId) -> Option<(usize, Status)> {
        self.prepare(cluster);
        let context = Context { cluster, class, pod: None, version: self.version };
        let Profile { pre_enqueue, plugins, .. } = self;
        let mut said = pre_enqueue.iter().map(|&plugin| (plugin, plugins[plugin].pre_enqueue(context)));
        said.find(|(_, status)| status.code != Code::Success)
    }

    /// PostFilter: what the plugins have to say of a pod that fits nowhere, joined. Preemption, which
    /// works with the whole cycle, is not among them.
    pub fn post_filter(&mut self, context: Context<'_>) -> String {
        let Profile { post_filters, plugins, .. } = self;
        let said = post_filters.iter().map(|&plugin| plugins[plugin].post_filter(context));
        said.filter(|message| !message.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// PreScore of one plugin, where it is enabled: whether the plugin scores the pod.
    pub fn prepare_score(
        &mut self,
        plugin: usize,
        context: Context<'_>,
        targets: Targets<'_>,
    ) -> Result<bool, Status> {
        if !self.pre_scores.contains(plugin) {
            return Ok(true);
        }
        let status = self.plugins[plugin].pre_score(context, targets);
        match status.code {
            Code::Success => Ok(true),
            Code::Skip => Ok(false),
            _ => Err(status),
        }
    }

    /// The place of a plugin, if it is enabled at PreEnqueue.
    pub fn pre_enqueue_place(&self, name: &str) -> Option<usize> {
        self.pre_enqueue.iter().copied().find(|&place| self.plugins[place].name() == name)
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
        (0..self.plugins.len()).any(|plugin| self.hears(plugin, resource, action))
    }

    /// Whether one plugin is registered for a change.
    pub fn hears(&self, plugin: usize, resource: Resource, action: Action) -> bool {
        let plugin = self.plugins[plugin].as_ref();
        plugin.registrations().iter().any(|entry| entry.matches(resource, action, self.version))
            || is_taint_update(resource, action) && hears_all_taints(plugin, self.version)
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
