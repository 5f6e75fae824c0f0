//! The arguments of the plugins, as written and checked one by one.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/apis/config/validation/validation_pluginargs.go.

use super::read::{API_VERSION, MAX_SECONDS};
use crate::api::NodeAffinity;
use crate::api::kubernetes::affinity::{node_affinity, spread};
use crate::api::kubernetes::fields::{Fields, Read, Shape, text};
use crate::api::kubernetes::{Context, meta};
use crate::api::pod::TopologySpreadConstraint;
use crate::api::yaml::{Located, Value};

/// What a plugin is told. `None` in it is where nothing is written.
#[derive(Clone, PartialEq, Debug)]
pub enum Args {
    /// NodeResourcesFitArgs.
    Fit(FitArgs),
    /// NodeResourcesBalancedAllocationArgs: the resources.
    Balanced(Vec<String>),
    /// NodeAffinityArgs: `addedAffinity`.
    Affinity(Option<NodeAffinity>),
    /// PodTopologySpreadArgs.
    Spread(SpreadArgs),
    /// InterPodAffinityArgs.
    InterPod(InterPodArgs),
    /// DefaultPreemptionArgs.
    Preemption(PreemptionArgs),
    /// VolumeBindingArgs.
    VolumeBinding(VolumeBindingArgs),
    /// DynamicResourcesArgs, of which nothing is used.
    DynamicResources,
    /// Of a plugin that takes none; whether some are written.
    Untyped(bool),
}

/// NodeResourcesFitArgs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FitArgs {
    /// `ignoredResources`.
    pub ignored_resources: Vec<String>,
    /// `ignoredResourceGroups`.
    pub ignored_resource_groups: Vec<String>,
    /// `scoringStrategy.type`.
    pub strategy: Option<Located<StrategyType>>,
    /// `scoringStrategy.resources` with weights.
    pub resources: Vec<(String, i64)>,
    /// `scoringStrategy.requestedToCapacityRatio.shape`: (utilization, score), utilization ascending.
    pub ratio: Option<Located<Vec<(i64, i64)>>>,
}

/// `scoringStrategy.type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StrategyType {
    /// The emptier the better.
    LeastAllocated,
    /// The fuller the better.
    MostAllocated,
    /// By a shape.
    RequestedToCapacityRatio,
}

/// PodTopologySpreadArgs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SpreadArgs {
    /// Whether `defaultingType` is `List`; otherwise it is `System`.
    pub is_list: bool,
    /// `defaultConstraints`.
    pub default_constraints: Vec<TopologySpreadConstraint>,
}

/// InterPodAffinityArgs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InterPodArgs {
    /// `hardPodAffinityWeight`: 0 to 100.
    pub hard_pod_affinity_weight: Option<i32>,
    /// `ignorePreferredTermsOfExistingPods`.
    pub ignore_preferred_terms_of_existing_pods: bool,
}

/// DefaultPreemptionArgs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PreemptionArgs {
    /// `minCandidateNodesPercentage`: 0 to 100.
    pub min_candidate_nodes_percentage: Option<Located<u32>>,
    /// `minCandidateNodesAbsolute`.
    pub min_candidate_nodes_absolute: Option<Located<u32>>,
}

/// VolumeBindingArgs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct VolumeBindingArgs {
    /// `bindTimeoutSeconds`.
    pub bind_timeout_seconds: Option<u64>,
}

/// The shapes of arguments; each begins with `apiVersion` and `kind`.
const FIT: Shape = Shape {
    name: "NodeResourcesFitArgs",
    known: &["apiVersion", "kind", "ignoredResourceGroups", "ignoredResources", "scoringStrategy"],
};
const BALANCED: Shape =
    Shape { name: "NodeResourcesBalancedAllocationArgs", known: &["apiVersion", "kind", "resources"] };
const AFFINITY: Shape = Shape { name: "NodeAffinityArgs", known: &["apiVersion", "kind", "addedAffinity"] };
const SPREAD: Shape = Shape {
    name: "PodTopologySpreadArgs",
    known: &["apiVersion", "kind", "defaultConstraints", "defaultingType"],
};
const INTER_POD: Shape = Shape {
    name: "InterPodAffinityArgs",
    known: &["apiVersion", "kind", "hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"],
};
const PREEMPTION: Shape = Shape {
    name: "DefaultPreemptionArgs",
    known: &["apiVersion", "kind", "minCandidateNodesAbsolute", "minCandidateNodesPercentage"],
};
const VOLUME_BINDING: Shape =
    Shape { name: "VolumeBindingArgs", known: &["apiVersion", "kind", "bindTimeoutSeconds", "shape"] };
const DYNAMIC_RESOURCES: Shape =
    Shape { name: "DynamicResourcesArgs", known: &["apiVersion", "kind", "bindingTimeout", "filterTimeout"] };
const STRATEGY: Shape =
    Shape { name: "the scoring strategy", known: &["requestedToCapacityRatio", "resources", "type"] };
const RATIO: Shape = Shape { name: "the ratio", known: &["shape"] };
const POINT: Shape = Shape { name: "the point", known: &["score", "utilization"] };
const RESOURCE: Shape = Shape { name: "the resource", known: &["name", "weight"] };

/// Reads the arguments of the plugin `name`.
pub(super) fn read(name: &str, value: Option<Value<'_>>, context: &mut Context<'_>) -> Read<Args> {
    type Reader = fn(&Fields<'_>, &mut Context<'_>) -> Read<Args>;
    let (shape, reader): (&Shape, Reader) = match name {
        "NodeResourcesFit" => (&FIT, fit),
        "NodeResourcesBalancedAllocation" => (&BALANCED, balanced),
        "NodeAffinity" => (&AFFINITY, affinity),
        "PodTopologySpread" => (&SPREAD, spread_args),
        "InterPodAffinity" => (&INTER_POD, inter_pod),
        "DefaultPreemption" => (&PREEMPTION, preemption),
        "VolumeBinding" => (&VOLUME_BINDING, volume_binding),
        "DynamicResources" => (&DYNAMIC_RESOURCES, dynamic_resources),
        _ => return Ok(Args::Untyped(value.is_some())),
    };
    let Some(value) = value else { return Ok(Args::Untyped(false)) };
    let written = Fields::open(value, shape, context)?;
    if let Some(kind) = written.get("kind")
        && kind.raw() != shape.name
    {
        let help = format!("write `kind: {}`", shape.name);
        return Err(kind.error(format!("these are not the arguments of {name}")).help(help));
    }
    if let Some(version) = written.get("apiVersion")
        && version.raw() != API_VERSION
    {
        let help = format!("write `apiVersion: {API_VERSION}`");
        return Err(version.error("this version of the arguments is not served").help(help));
    }
    reader(&written, context)
}

fn fit(written: &Fields<'_>, context: &mut Context<'_>) -> Read<Args> {
    const TYPES: &[(&str, StrategyType)] = &[
        ("LeastAllocated", StrategyType::LeastAllocated),
        ("MostAllocated", StrategyType::MostAllocated),
        ("RequestedToCapacityRatio", StrategyType::RequestedToCapacityRatio),
    ];
    for value in written.list("ignoredResources")? {
        text(value, "ignoredResources")?;
        meta::check_label_key(value)?;
    }
    for value in written.list("ignoredResourceGroups")? {
        if text(value, "ignoredResourceGroups")?.contains('/') {
            return Err(value.error("a group of resources is what stands before the `/`, without it"));
        }
        meta::check_label_key(value)?;
    }
    let mut args = FitArgs {
        ignored_resources: written.texts("ignoredResources")?,
        ignored_resource_groups: written.texts("ignoredResourceGroups")?,
        ..FitArgs::default()
    };
    let Some(strategy) = written.child("scoringStrategy", &STRATEGY, context)? else {
        return Ok(Args::Fit(args));
    };
    let kind = strategy.require("type")?;
    let chosen = strategy.choice("type", TYPES)?;
    args.strategy = chosen.map(|chosen| Located::new(chosen, kind));
    for value in strategy.list("resources")? {
        let (name, weight) = resource(value, context)?;
        args.resources.push((name.to_owned(), weight));
    }
    if let Some(ratio) = strategy.child("requestedToCapacityRatio", &RATIO, context)? {
        args.ratio = Some(Located::new(curve(&ratio, context)?, ratio.value));
    }
    Ok(Args::Fit(args))
}

/// A resource with its weight: from 1 to 100, where 0 and none stand for 1.
fn resource<'t>(value: Value<'t>, context: &mut Context<'_>) -> Read<(&'t str, i64)> {
    let written = Fields::open(value, &RESOURCE, context)?;
    let name = text(written.require("name")?, "name")?;
    let weight = written.integer("weight", 0, 100)?.filter(|weight| *weight > 0);
    Ok((name, weight.unwrap_or(1)))
}

fn curve(ratio: &Fields<'_>, context: &mut Context<'_>) -> Read<Vec<(i64, i64)>> {
    let mut points: Vec<(i64, i64)> = Vec::new();
    for value in ratio.list("shape")? {
        let point = Fields::open(value, &POINT, context)?;
        let utilization = point.integer("utilization", 0, 100)?.unwrap_or(0);
        let score = point.integer("score", 0, 10)?.unwrap_or(0);
        if points.last().is_some_and(|&(before, _)| before >= utilization) {
            return Err(value.error("the points of `shape` must ascend in utilization"));
        }
        points.push((utilization, score));
    }
    if points.is_empty() {
        let at = ratio.get("shape").unwrap_or(ratio.value);
        return Err(at.error("`shape` must have at least one point"));
    }
    Ok(points)
}

fn balanced(written: &Fields<'_>, context: &mut Context<'_>) -> Read<Args> {
    let mut resources: Vec<String> = Vec::new();
    for value in written.list("resources")? {
        let (name, weight) = resource(value, context)?;
        if weight != 1 {
            let at = value.get("weight").unwrap_or(value);
            return Err(at.error("`weight` must be 1: this plugin takes all resources alike"));
        }
        if resources.iter().any(|earlier| earlier == name) {
            return Err(value.error("the resource is listed twice"));
        }
        resources.push(name.to_owned());
    }
    Ok(Args::Balanced(resources))
}

fn affinity(written: &Fields<'_>, context: &mut Context<'_>) -> Read<Args> {
    Ok(Args::Affinity(node_affinity(written, "addedAffinity", context)?))
}

fn spread_args(written: &Fields<'_>, context: &mut Context<'_>) -> Read<Args> {
    let is_list = written.choice("defaultingType", &[("System", false), ("List", true)])?.unwrap_or(false);
    let mut args = SpreadArgs { is_list, default_constraints: Vec::new() };
    for value in written.list("defaultConstraints")? {
        if !is_list {
            let help = "write `defaultingType: List`";
            return Err(value.error("constraints are given, but the built-in ones are chosen").help(help));
        }
        let constraint = spread(value, context)?;
        if let Some(selector) = value.get("labelSelector") {
            let message = "a default constraint has no selector: it follows from each pod";
            return Err(selector.error(message));
        }
        if let Some(key) = value.get("topologyKey") {
            meta::check_label_key(key)?;
        }
        let same = |earlier: &TopologySpreadConstraint| {
            earlier.topology_key == constraint.topology_key
                && earlier.when_unsatisfiable == constraint.when_unsatisfiable
        };
        if args.default_constraints.iter().any(same) {
            let message = "two constraints have the same `topologyKey` and `whenUnsatisfiable`";
            return Err(value.error(message));
        }
        args.default_constraints.push(constraint);
    }
    Ok(Args::Spread(args))
}

fn inter_pod(written: &Fields<'_>, _context: &mut Context<'_>) -> Read<Args> {
    let weight = written.integer("hardPodAffinityWeight", 0, 100)?;
    Ok(Args::InterPod(InterPodArgs {
        hard_pod_affinity_weight: weight.map(|weight| weight as i32),
        ignore_preferred_terms_of_existing_pods: written.flag("ignorePreferredTermsOfExistingPods")?,
    }))
}

fn preemption(written: &Fields<'_>, _context: &mut Context<'_>) -> Read<Args> {
    let number = |key: &str, max: i64| -> Read<Option<Located<u32>>> {
        let Some(place) = written.get(key) else { return Ok(None) };
        Ok(written.integer(key, 0, max)?.map(|number| Located::new(number as u32, place)))
    };
    Ok(Args::Preemption(PreemptionArgs {
        min_candidate_nodes_percentage: number("minCandidateNodesPercentage", 100)?,
        min_candidate_nodes_absolute: number("minCandidateNodesAbsolute", i64::from(i32::MAX))?,
    }))
}

fn volume_binding(written: &Fields<'_>, _context: &mut Context<'_>) -> Read<Args> {
    if let Some(shape) = written.get("shape") {
        let message = "`shape` needs the feature gate StorageCapacityScoring, which is off";
        return Err(shape.error(message).help("take it away"));
    }
    let timeout = written.integer("bindTimeoutSeconds", 0, MAX_SECONDS)?;
    let bind_timeout_seconds = timeout.map(|seconds| seconds as u64);
    Ok(Args::VolumeBinding(VolumeBindingArgs { bind_timeout_seconds }))
}

fn dynamic_resources(written: &Fields<'_>, _context: &mut Context<'_>) -> Read<Args> {
    for key in ["bindingTimeout", "filterTimeout"] {
        written.text(key)?;
    }
    Ok(Args::DynamicResources)
}
