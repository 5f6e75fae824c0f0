//! Which plugins a profile enables where: what is written is merged with the default profile, then
//! multiPoint is expanded to the points that each plugin has.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/v1/default_plugins.go (mergePluginSet) and
//! pkg/scheduler/framework/runtime/framework.go (NewFramework, expandMultiPointPlugins,
//! getScoreWeights).

use super::Findings;
use crate::api::kubernetes::scheduler::{Plugin, PluginSet, Profile};
use crate::api::yaml::Located;
use crate::base::Diagnostic;
use crate::base::diagnostic::suggest;
use crate::control::config::{EnabledPlugins, ExtensionPoint, KnownPlugin, Version, known_plugins};

/// The point that stands for all others.
const MULTI_POINT: &str = "multiPoint";
/// Stands for every plugin of the default profile.
const ALL: &str = "*";

/// Plugins whose later point fails in every attempt where the earlier one has not prepared it.
const PREPARED: [(&str, ExtensionPoint, ExtensionPoint); 9] = [
    ("NodePorts", ExtensionPoint::PreFilter, ExtensionPoint::Filter),
    ("NodeResourcesFit", ExtensionPoint::PreFilter, ExtensionPoint::Filter),
    ("VolumeRestrictions", ExtensionPoint::PreFilter, ExtensionPoint::Filter),
    ("VolumeBinding", ExtensionPoint::PreFilter, ExtensionPoint::Filter),
    ("PodTopologySpread", ExtensionPoint::PreFilter, ExtensionPoint::Filter),
    ("InterPodAffinity", ExtensionPoint::PreFilter, ExtensionPoint::Filter),
    ("TaintToleration", ExtensionPoint::PreScore, ExtensionPoint::Score),
    ("PodTopologySpread", ExtensionPoint::PreScore, ExtensionPoint::Score),
    ("InterPodAffinity", ExtensionPoint::PreScore, ExtensionPoint::Score),
];

/// A plugin that is enabled, with its weight; 0 stands for 1.
type Enabled = (KnownPlugin, i64);

/// The plugin of this name in a release.
pub(super) fn by_name(name: &str, version: Version) -> Option<KnownPlugin> {
    known_plugins(version).find(|known| known.name == name)
}

/// The finding for a name that no plugin has.
pub(super) fn unknown(name: &Located<String>, version: Version) -> Diagnostic {
    let finding = name.error("there is no plugin of this name");
    match suggest(name, known_plugins(version).map(|known| known.name)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("only the plugins that kube-scheduler itself has are known"),
    }
}

/// The plugins of a profile, by point in order of execution.
pub(super) fn plugins(profile: &Profile, version: Version, findings: &mut Findings) -> EnabledPlugins {
    let set = |point: &str| profile.plugins.iter().find(|set| *set.point == *point);
    for disabled in profile.plugins.iter().flat_map(|set| &set.disabled) {
        if **disabled != ALL && by_name(disabled, version).is_none() {
            let Diagnostic { help, .. } = unknown(disabled, version);
            let message = "there is no plugin of this name that could be disabled";
            findings.warnings.push(disabled.warning(message).help(help));
        }
    }
    let multi_point = multi_point(set(MULTI_POINT), version, findings);
    let mut enabled = EnabledPlugins::default();
    for point in ExtensionPoint::ALL {
        for (plugin, weight) in expand(point, set(point.name()), &multi_point, version, findings) {
            enabled.enable(point, plugin.name, weight);
        }
    }
    check(profile, &enabled, findings);
    enabled
}

/// The plugins at multiPoint: those of the default profile in its order, with what is written in
/// their places, then what else is written.
fn multi_point(set: Option<&PluginSet>, version: Version, findings: &mut Findings) -> Vec<Enabled> {
    let default = known_plugins(version).map(|known| (known, known.weight));
    let Some(set) = set else { return default.collect() };
    let is_disabled = |name: &str| set.disabled.iter().any(|entry| [name, ALL].contains(&entry.as_str()));
    let weight_of = |name: &str| {
        let written = set.enabled.iter().find(|plugin| plugin.name.value == name);
        written.map(|plugin| i64::from(plugin.weight))
    };
    let mut enabled: Vec<Enabled> = default
        .filter(|(known, _)| !is_disabled(known.name))
        .map(|(known, weight)| (known, weight_of(known.name).unwrap_or(weight)))
        .collect();
    for Plugin { name, weight } in &set.enabled {
        match by_name(name, version) {
            None => findings.errors.push(unknown(name, version)),
            Some(known) if enabled.iter().any(|(earlier, _)| earlier.name == known.name) => {}
            Some(known) => enabled.push((known, i64::from(*weight))),
        }
    }
    enabled
}

/// The plugins at one point: those of multiPoint that are written here too, in the order in which
/// they are written here; the others of multiPoint; what else is written here.
fn expand(
    point: ExtensionPoint,
    set: Option<&PluginSet>,
    multi_point: &[Enabled],
    version: Version,
    findings: &mut Findings,
) -> Vec<Enabled> {
    let mut written: Vec<Enabled> = Vec::new();
    for Plugin { name, weight } in set.iter().flat_map(|set| &set.enabled) {
        match by_name(name, version) {
            None if point == ExtensionPoint::QueueSort => {
                findings.errors.push(name.error("the queue can be sorted by `PrioritySort` only"));
            }
            None => findings.errors.push(unknown(name, version)),
            Some(known) if known.points.contains(&point) => written.push((known, i64::from(*weight))),
            Some(_) => {
                let message = format!("the plugin has nothing to do at `{}`", point.name());
                findings.errors.push(name.error(message));
            }
        }
    }
    let is_disabled = |name: &str| {
        set.is_some_and(|set| set.disabled.iter().any(|entry| [name, ALL].contains(&entry.as_str())))
    };
    let of_multi_point: Vec<Enabled> = multi_point
        .iter()
        .copied()
        .filter(|(known, _)| known.points.contains(&point) && !is_disabled(known.name))
        .collect();
    let is_in = |list: &[Enabled], plugin: &Enabled| list.iter().any(|(known, _)| *known == plugin.0);
    let (mut all, rest): (Vec<Enabled>, Vec<Enabled>) =
        written.iter().partition(|plugin| is_in(&of_multi_point, plugin));
    all.extend(of_multi_point.into_iter().filter(|plugin| !is_in(&written, plugin)));
    all.extend(rest);
    all
}

/// What every profile must have, and what would fail in every attempt.
fn check(profile: &Profile, enabled: &EnabledPlugins, findings: &mut Findings) {
    let place = |point: ExtensionPoint, message: &str| {
        let sets = || profile.plugins.iter();
        let set = sets().find(|set| *set.point == *point.name());
        match set.or_else(|| sets().find(|set| *set.point == *MULTI_POINT)) {
            Some(set) => set.point.error(message),
            None => Diagnostic::error(profile.location.clone(), message),
        }
    };
    if enabled.queue_sort.is_empty() {
        let finding = place(ExtensionPoint::QueueSort, "a profile needs a plugin at `queueSort`");
        findings.errors.push(finding.help("enable `PrioritySort`"));
    }
    if enabled.bind.is_empty() {
        let finding = place(ExtensionPoint::Bind, "a profile needs at least one plugin at `bind`");
        findings.errors.push(finding.help("enable `DefaultBinder`"));
    }
    for (name, earlier, later) in PREPARED {
        if enabled.at(later).contains(&name) && !enabled.at(earlier).contains(&name) {
            let message = format!("{name} fails at `{}` without its `{}`", later.name(), earlier.name());
            let help = format!("enable it at `{}`, or disable it at `{}`", earlier.name(), later.name());
            findings.errors.push(place(earlier, &message).help(help));
        }
    }
}
