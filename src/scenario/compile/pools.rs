//! Node objects from pools.

use super::nodes::{HOSTNAME, Nodes, OF_KUBELET, POOL, RACK, REGION, ZONE};
use super::{Build, planes};
use crate::api::selector::{is_dns_subdomain, is_label_value, is_qualified_name};
use crate::api::{Image, Labels, Node, ObjectMeta, ResourceList, Taint, TaintEffect};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Quantity, Set};
use crate::cluster::requests::is_tracked;
use crate::scenario::At;
use crate::scenario::schema::cluster::{self, Effect, MAX_NODES, Pool};
use crate::scenario::schema::scalars::{Amount, Short};
use std::collections::BTreeMap;

/// Pods that a node takes where nothing else is said (`maxPods` of a kubelet).
pub(super) const DEFAULT_PODS: i64 = 110;
/// What a kubelet of 1.36 says that it can do (`status.declaredFeatures`), of what pods can ask for.
const DECLARED_FEATURES: [&str; 1] = ["RestartAllContainersOnContainerExits"];
/// The most cores of a node.
const MAX_CORES: i64 = 1_000_000;
/// The longest name of a pool; its nodes' names are longer.
const MAX_NAME: usize = 200;
/// Nano-units in a unit of a quantity.
const NANO: i128 = 1_000_000_000;

/// Adds the nodes of every pool.
pub(super) fn add(build: &mut Build<'_>, nodes: &mut Nodes) {
    let pools = &build.scenario.cluster.pools;
    let total: i64 = pools.iter().map(|pool| pool.count.0).sum();
    if let Some(largest) = pools.iter().max_by_key(|pool| pool.count.0)
        && total > MAX_NODES
    {
        let finding = largest.count.error(format!("all pools together have at most {MAX_NODES} nodes"));
        build.error(finding.help(format!("they have {total}")));
        return;
    }
    let mut names: Set<&str> = Set::default();
    for pool in pools {
        if !names.insert(&pool.name) {
            build.error(pool.name.error("a pool of this name exists already"));
            continue;
        }
        let before = build.errors.len();
        let template = template(build, pool);
        if build.errors.len() == before {
            add_nodes(build, nodes, pool, &template);
        }
    }
}

fn add_nodes(build: &mut Build<'_>, nodes: &mut Nodes, pool: &Pool, template: &Node) {
    let id = nodes.pool(&pool.name, pool.price_per_hour.map_or(0.0, |price| price.0));
    for number in 0..pool.count.0 {
        let node = numbered(pool, template, number);
        if let Err(finding) = nodes.add(node, id, &pool.name.location) {
            build.error(finding);
            return;
        }
    }
}

/// The `number`-th node of a pool, from 0.
fn numbered(pool: &Pool, template: &Node, number: i64) -> Node {
    let mut node = template.clone();
    let name = format!("{}-{number}", pool.name.value);
    let labels = &mut node.meta.labels;
    labels.entry(HOSTNAME.into()).or_insert_with(|| name.clone());
    let zones = pool.zones.len().max(1) as i64;
    let mut rack = pool.name.value.clone();
    if let Some(zone) = pool.zones.get((number % zones) as usize) {
        labels.insert(ZONE.into(), zone.value.clone());
        rack = format!("{rack}-{}", zone.value);
    }
    if let Some(per_rack) = pool.nodes_per_rack {
        labels.insert(RACK.into(), format!("{rack}-rack-{}", number / zones / per_rack.0));
    }
    node.meta.name = name;
    node
}

/// What the nodes of a pool have in common.
fn template(build: &mut Build<'_>, pool: &Pool) -> Node {
    if !is_dns_subdomain(&pool.name) || pool.name.len() > MAX_NAME {
        let finding = pool.name.error("not a legal name");
        build.error(
            finding.help(format!("lower-case letters, digits, `-` and `.`, at most {MAX_NAME} of them")),
        );
    }
    let (capacity, allocatable) = resources(build, pool);
    Node {
        meta: ObjectMeta { labels: labels(build, pool), ..ObjectMeta::default() },
        taints: pool.taints.iter().filter_map(|taint| build.take(read_taint(taint))).collect(),
        capacity,
        allocatable,
        images: pool.images.iter().map(image).collect(),
        declared_features: DECLARED_FEATURES.map(str::to_owned).to_vec(),
        ..Node::default()
    }
}

fn image(image: &cluster::Image) -> Image {
    Image { names: vec![image.name.clone()], size_bytes: image.size.0.units_ceil() }
}

/// Capacity, and what is left of it for pods.
fn resources(build: &mut Build<'_>, pool: &Pool) -> (ResourceList, ResourceList) {
    let mut capacity = amounts(build, &pool.capacity);
    for needed in ["cpu", "memory"] {
        match pool.capacity.get(needed) {
            None => {
                let finding = pool.name.error(format!("the pool has no `capacity.{needed}`"));
                build.error(finding);
            }
            Some(amount) if amount.0 == Quantity::ZERO => {
                build.error(amount.error(format!("`{needed}` of a node must be above zero")));
            }
            Some(_) => {}
        }
    }
    let pods = Quantity::from_units(planes::pods_of_a_node(build));
    capacity.entry("pods".into()).or_insert(pods);
    let mut allocatable = capacity.clone();
    for reserved in [&pool.kube_reserved, &pool.system_reserved] {
        amounts(build, reserved);
        for (name, amount) in reserved {
            reserve(build, &mut allocatable, name, amount);
        }
    }
    if let Some(amount) = &pool.eviction_hard {
        reserve(build, &mut allocatable, "memory", amount);
    }
    (capacity, allocatable)
}

fn reserve(build: &mut Build<'_>, allocatable: &mut ResourceList, name: &str, amount: &At<Amount>) {
    match allocatable.get_mut(name) {
        None => {
            let finding = amount.error(format!("`{name}` is reserved, but the nodes have none of it"));
            build.error(finding);
        }
        Some(left) if *left < amount.0 => {
            let finding = amount.error(format!("more `{name}` is reserved than a node has"));
            build.error(finding.help(format!("{left} is left of it")));
        }
        Some(left) => left.0 -= amount.value.0.0,
    }
}

/// Checks the names and sizes of resources.
fn amounts(build: &mut Build<'_>, amounts: &BTreeMap<String, At<Amount>>) -> ResourceList {
    const USUAL: [&str; 5] = ["cpu", "memory", "pods", "ephemeral-storage", "nvidia.com/gpu"];
    for (name, amount) in amounts {
        if name != "pods" && !is_tracked(name) {
            let finding = amount.error(format!("`{name}` is not a resource that a scheduler counts"));
            build.error(match suggest(name, USUAL) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help("write cpu, memory, pods, ephemeral-storage, or `vendor.example/name`"),
            });
        }
        if name == "cpu" && amount.0 > Quantity::from_units(MAX_CORES) {
            build.error(amount.error(format!("a node has at most {MAX_CORES} cores")));
        }
        if name != "cpu" && amount.value.0.0 % NANO != 0 {
            build.error(amount.error(format!("`{name}` is counted in whole units")));
        }
    }
    amounts.iter().map(|(name, amount)| (name.clone(), amount.value.0)).collect()
}

fn labels(build: &mut Build<'_>, pool: &Pool) -> Labels {
    let mut labels: Labels =
        OF_KUBELET.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    labels.insert(POOL.into(), pool.name.value.clone());
    if let Some(region) = &pool.region {
        check_label(build, REGION, region);
        labels.insert(REGION.into(), region.value.clone());
    }
    let mut zones: Set<&str> = Set::default();
    for zone in &pool.zones {
        check_label(build, ZONE, zone);
        if zone.is_empty() {
            build.error(zone.error("a zone has no name"));
        }
        if !zones.insert(zone) {
            build.error(zone.error("the zone is named twice"));
        }
    }
    for (key, value) in &pool.labels {
        check_label(build, key, value);
        labels.insert(key.clone(), value.value.clone());
    }
    labels
}

/// Notes an error if a name is not one that Kubernetes takes.
pub(super) fn check_name(build: &mut Build<'_>, name: &At<String>) {
    if !is_dns_subdomain(name) {
        let finding = name.error("not a legal name");
        build.error(finding.help("lower-case letters, digits, `-` and `.`"));
    }
}

/// Notes an error if a label is not legal.
pub(super) fn check_label(build: &mut Build<'_>, key: &str, value: &At<String>) {
    if !is_qualified_name(key) {
        let finding = Diagnostic::error(value.location.clone(), "not a legal label key").found(key);
        build.error(
            finding.help("at most 63 letters, digits, `-`, `_`, `.`, with an optional `domain/` before"),
        );
    }
    if !is_label_value(value) {
        let finding = value.error("not a legal label value");
        build
            .error(finding.help("at most 63 letters, digits, `-`, `_`, `.`, a letter or digit at both ends"));
    }
}

/// Reads `key=value:Effect`, `key:Effect` or the long form.
fn read_taint(taint: &At<Short<cluster::Taint>>) -> Result<Taint, Diagnostic> {
    let read = match &taint.value {
        Short::Long(long) => Taint {
            key: long.key.clone(),
            value: long.value.clone(),
            effect: match long.effect {
                Effect::NoSchedule => TaintEffect::NoSchedule,
                Effect::PreferNoSchedule => TaintEffect::PreferNoSchedule,
                Effect::NoExecute => TaintEffect::NoExecute,
            },
        },
        Short::Text(text) => short_taint(taint, text)?,
    };
    if !is_qualified_name(&read.key) {
        return Err(taint.error("not a legal key of a taint").found(&read.key));
    }
    if !is_label_value(&read.value) {
        return Err(taint.error("not a legal value of a taint").found(&read.value));
    }
    Ok(read)
}

fn short_taint<T>(place: &At<T>, text: &str) -> Result<Taint, Diagnostic> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let (mark, effect) = text.rsplit_once(':').ok_or_else(|| {
        place.error("the taint has no effect").help("write `key=value:NoSchedule` or `key:NoExecute`")
    })?;
    let effect = TaintEffect::parse(effect).ok_or_else(|| {
        let near = suggest(effect, EFFECTS).map_or_else(|| EFFECTS.join(", "), |near| format!("`{near}`"));
        place.error("unknown effect of a taint").found(effect).help(format!("did you mean {near}?"))
    })?;
    let (key, value) = mark.split_once('=').unwrap_or((mark, ""));
    Ok(Taint { key: key.to_owned(), value: value.to_owned(), effect })
}
