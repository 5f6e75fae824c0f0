//! The in-tree plugins by name: the extension points that each has, and which are enabled by
//! default. What they do is not known here.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/v1/default_plugins.go and
//! pkg/scheduler/framework/plugins/registry.go (reference kube-scheduler §7.2 with its 1.36
//! companion).

use super::Version;

/// The extension points that a configuration speaks of, in order of execution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ExtensionPoint {
    /// Whether a pod may be queued.
    PreEnqueue,
    /// The order of the queue.
    QueueSort,
    /// Preparation, or rejection of the pod as a whole.
    PreFilter,
    /// Rejection of nodes.
    Filter,
    /// What is done when no node is left.
    PostFilter,
    /// Preparation of scores.
    PreScore,
    /// Scores of nodes.
    Score,
    /// The node is chosen.
    Reserve,
    /// Whether the pod may be bound.
    Permit,
    /// What comes before the binding.
    PreBind,
    /// The binding.
    Bind,
    /// What comes after it.
    PostBind,
}

use ExtensionPoint::{Bind, Filter, PostFilter, PreBind, PreEnqueue, PreFilter};
use ExtensionPoint::{Permit, PostBind, PreScore, QueueSort, Reserve, Score};

impl ExtensionPoint {
    /// All of them.
    pub const ALL: [ExtensionPoint; 12] = [
        PreEnqueue, QueueSort, PreFilter, Filter, PostFilter, PreScore, Score, Reserve, Permit, PreBind,
        Bind, PostBind,
    ];

    /// The name in configuration files.
    pub const fn name(self) -> &'static str {
        match self {
            PreEnqueue => "preEnqueue",
            QueueSort => "queueSort",
            PreFilter => "preFilter",
            Filter => "filter",
            PostFilter => "postFilter",
            PreScore => "preScore",
            Score => "score",
            Reserve => "reserve",
            Permit => "permit",
            PreBind => "preBind",
            Bind => "bind",
            PostBind => "postBind",
        }
    }
}

/// An in-tree plugin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownPlugin {
    /// The name.
    pub name: &'static str,
    /// Its weight in the default profile; 0 where that leaves it open, which means 1.
    pub weight: i64,
    /// The points at which it has something to do.
    pub points: &'static [ExtensionPoint],
}

/// An entry of the tables.
const fn plugin(name: &'static str, weight: i64, points: &'static [ExtensionPoint]) -> KnownPlugin {
    KnownPlugin { name, weight, points }
}

/// Every plugin of 1.36 in the order of its default profile.
const V1_36: [KnownPlugin; 20] = [
    plugin("SchedulingGates", 0, &[PreEnqueue]),
    plugin("PrioritySort", 0, &[QueueSort]),
    plugin("NodeUnschedulable", 0, &[Filter]),
    plugin("NodeName", 0, &[Filter]),
    plugin("TaintToleration", 3, &[Filter, PreScore, Score]),
    plugin("NodeAffinity", 2, &[PreFilter, Filter, PreScore, Score]),
    plugin("NodePorts", 0, &[PreFilter, Filter]),
    plugin("NodeResourcesFit", 1, &[PreFilter, Filter, PreScore, Score]),
    plugin("VolumeRestrictions", 0, &[PreFilter, Filter]),
    plugin("NodeVolumeLimits", 0, &[PreFilter, Filter]),
    plugin("VolumeBinding", 0, &[PreFilter, Filter, PreScore, Score, Reserve, PreBind]),
    plugin("VolumeZone", 0, &[PreFilter, Filter]),
    plugin("PodTopologySpread", 2, &[PreFilter, Filter, PreScore, Score]),
    plugin("InterPodAffinity", 2, &[PreFilter, Filter, PreScore, Score]),
    plugin("DynamicResources", 2, &[PreEnqueue, PreFilter, Filter, PostFilter, Score, Reserve, PreBind]),
    plugin("DefaultPreemption", 0, &[PreEnqueue, PostFilter]),
    plugin("NodeResourcesBalancedAllocation", 1, &[PreScore, Score]),
    plugin("ImageLocality", 1, &[Score]),
    plugin("DefaultBinder", 0, &[Bind]),
    plugin("NodeDeclaredFeatures", 0, &[PreFilter, Filter]),
];

/// DynamicResources before it scored, which it does since 1.35.
const DYNAMIC_RESOURCES_V1_34: KnownPlugin =
    plugin("DynamicResources", 0, &[PreEnqueue, PreFilter, Filter, PostFilter, Reserve, PreBind]);

/// The plugins of a release, in the order of its default profile, which enables all of them at all
/// their points.
pub fn known_plugins(version: Version) -> impl Iterator<Item = KnownPlugin> {
    V1_36.into_iter().filter_map(move |known| match (version, known.name) {
        (Version::V1_34, "NodeDeclaredFeatures") => None,
        (Version::V1_34, "DynamicResources") => Some(DYNAMIC_RESOURCES_V1_34),
        _ => Some(known),
    })
}

/// The plugins that are called at each extension point, in order of execution, after multiPoint has
/// been expanded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EnabledPlugins {
    /// What decides the order of the queue: PrioritySort.
    pub queue_sort: &'static str,
    /// PreEnqueue.
    pub pre_enqueue: Vec<&'static str>,
    /// PreFilter.
    pub pre_filter: Vec<&'static str>,
    /// Filter.
    pub filter: Vec<&'static str>,
    /// PostFilter.
    pub post_filter: Vec<&'static str>,
    /// PreScore.
    pub pre_score: Vec<&'static str>,
    /// Score, with weights; none is zero.
    pub score: Vec<(&'static str, i64)>,
    /// Reserve; Unreserve goes the other way.
    pub reserve: Vec<&'static str>,
    /// Permit.
    pub permit: Vec<&'static str>,
    /// PreBind.
    pub pre_bind: Vec<&'static str>,
    /// Bind.
    pub bind: Vec<&'static str>,
    /// PostBind.
    pub post_bind: Vec<&'static str>,
}

impl EnabledPlugins {
    /// The default profile of a release.
    pub fn default_for(version: Version) -> EnabledPlugins {
        let mut enabled = EnabledPlugins::default();
        for known in known_plugins(version) {
            for &point in known.points {
                enabled.enable(point, known.name, known.weight);
            }
        }
        enabled
    }

    /// Adds a plugin at the end of a point. `weight` is for Score, where 0 means 1.
    pub fn enable(&mut self, point: ExtensionPoint, name: &'static str, weight: i64) {
        match point {
            QueueSort => self.queue_sort = name,
            Score => self.score.push((name, if weight == 0 { 1 } else { weight })),
            PreEnqueue => self.pre_enqueue.push(name),
            PreFilter => self.pre_filter.push(name),
            Filter => self.filter.push(name),
            PostFilter => self.post_filter.push(name),
            PreScore => self.pre_score.push(name),
            Reserve => self.reserve.push(name),
            Permit => self.permit.push(name),
            PreBind => self.pre_bind.push(name),
            Bind => self.bind.push(name),
            PostBind => self.post_bind.push(name),
        }
    }

    /// The names at a point, in order of execution.
    pub fn at(&self, point: ExtensionPoint) -> Vec<&'static str> {
        match point {
            QueueSort => vec![self.queue_sort],
            Score => self.score.iter().map(|&(name, _)| name).collect(),
            PreEnqueue => self.pre_enqueue.clone(),
            PreFilter => self.pre_filter.clone(),
            Filter => self.filter.clone(),
            PostFilter => self.post_filter.clone(),
            PreScore => self.pre_score.clone(),
            Reserve => self.reserve.clone(),
            Permit => self.permit.clone(),
            PreBind => self.pre_bind.clone(),
            Bind => self.bind.clone(),
            PostBind => self.post_bind.clone(),
        }
    }

    /// Whether a plugin is called at any point.
    pub fn is_enabled(&self, name: &str) -> bool {
        ExtensionPoint::ALL.iter().any(|&point| self.at(point).contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: Version, point: ExtensionPoint) -> String {
        EnabledPlugins::default_for(version).at(point).join(" ")
    }

    #[test]
    fn golden_default_profile() {
        let old_filters = "NodeAffinity NodePorts NodeResourcesFit VolumeRestrictions NodeVolumeLimits \
             VolumeBinding VolumeZone PodTopologySpread InterPodAffinity DynamicResources";
        let filters = format!("{old_filters} NodeDeclaredFeatures");
        let first = "NodeUnschedulable NodeName TaintToleration";
        let new = Version::V1_36;
        assert_eq!(at(new, PreEnqueue), "SchedulingGates DynamicResources DefaultPreemption");
        assert_eq!(at(Version::V1_34, PreFilter), old_filters);
        assert_eq!(at(new, PreFilter), filters);
        assert_eq!(at(Version::V1_34, Filter), format!("{first} {old_filters}"));
        assert_eq!(at(new, Filter), format!("{first} {filters}"));
        assert_eq!(at(new, PostFilter), "DynamicResources DefaultPreemption");
        assert_eq!(
            at(new, PreScore),
            "TaintToleration NodeAffinity NodeResourcesFit VolumeBinding PodTopologySpread InterPodAffinity \
             NodeResourcesBalancedAllocation"
        );
        for point in [Reserve, PreBind] {
            assert_eq!(at(new, point), "VolumeBinding DynamicResources");
        }
        assert_eq!([Permit, PostBind].map(|point| at(new, point)), ["", ""]);
        assert_eq!(at(new, Bind), "DefaultBinder");
        assert_eq!(at(new, QueueSort), "PrioritySort");
    }

    #[test]
    fn golden_default_weights() {
        let weights = |version| {
            let score = EnabledPlugins::default_for(version).score.into_iter();
            score.map(|(name, weight)| format!("{name} {weight}")).collect::<Vec<_>>().join(", ")
        };
        let [head, tail] = [
            "TaintToleration 3, NodeAffinity 2, NodeResourcesFit 1, VolumeBinding 1, PodTopologySpread 2, \
             InterPodAffinity 2",
            "NodeResourcesBalancedAllocation 1, ImageLocality 1",
        ];
        assert_eq!(weights(Version::V1_34), format!("{head}, {tail}"));
        assert_eq!(weights(Version::V1_36), format!("{head}, DynamicResources 2, {tail}"));
    }
}
