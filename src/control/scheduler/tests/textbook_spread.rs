//! PodTopologySpread against the textbook form: node by node, pod by pod, on plain objects.

use super::super::explain::{NodeExplanation, Verdict};
use super::super::framework::{Code, Column, Plugin, Reach, Targets};
use super::super::plugins::PodTopologySpread;
use super::*;
use crate::api::pod::{TopologySpreadConstraint, WhenUnsatisfiable};
use crate::api::{
    LabelSelector, Labels, Operator, Requirement, Taint, TaintEffect, Toleration, TolerationOperator,
};
use crate::base::BitSet;
use crate::base::rng::{Purpose, Stream, Streams};
use crate::cluster::{ClassKey, ControllerKind};
use crate::control::config::{SpreadArgs, SpreadDefaulting};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NAME: &str = "PodTopologySpread";
const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
const KINDS: [ControllerKind; 3] =
    [ControllerKind::ReplicaSet, ControllerKind::StatefulSet, ControllerKind::ReplicationController];

/// A pod as an object.
#[derive(Clone)]
struct PlainPod {
    id: PodId,
    kind: usize,
    node: String,
    deleting: bool,
}

/// What pods are made from.
#[derive(Clone)]
struct Kind {
    template: Arc<PodTemplate>,
    namespace: &'static str,
    owner: Option<(ControllerKind, &'static str)>,
}

/// A cluster in two forms.
struct World {
    cluster: Cluster,
    nodes: BTreeMap<String, Node>,
    pods: Vec<PlainPod>,
    kinds: Vec<Kind>,
    services: BTreeMap<&'static str, Option<BTreeMap<String, String>>>,
    controllers: BTreeMap<(ControllerKind, &'static str), LabelSelector>,
    args: SpreadArgs,
}

/// What a constraint selects by: everything must match; `None` matches nothing.
struct Wanted(Option<Vec<LabelSelector>>);

impl Wanted {
    fn matches(&self, labels: &Labels) -> bool {
        self.0.as_ref().is_some_and(|parts| parts.iter().all(|part| part.matches(labels)))
    }

    fn is_everything(&self) -> bool {
        let empty = |part: &LabelSelector| part.match_labels.is_empty() && part.match_expressions.is_empty();
        self.0.as_ref().is_some_and(|parts| parts.iter().all(empty))
    }
}

fn of_pairs<'p>(pairs: impl IntoIterator<Item = (&'p String, &'p String)>) -> LabelSelector {
    let pairs = pairs.into_iter().map(|(key, value)| (key.clone(), value.clone()));
    LabelSelector { match_labels: pairs.collect(), ..LabelSelector::default() }
}

/// Pods of a kind more (or, negative, less) on a node, as preemption supposes.
type Supposed = (usize, String, i64);

impl World {
    fn node_name(&self, node: NodeId) -> &str {
        self.cluster.names.text(self.cluster.nodes.name[node.index()])
    }

    fn default_selector(&self, kind: &Kind) -> Wanted {
        let labels = &kind.template.labels;
        let mut pairs = BTreeMap::new();
        for selector in self.services.values().flatten().filter(|_| kind.namespace == "default") {
            if of_pairs(selector).matches(labels) {
                pairs.extend(selector.clone());
            }
        }
        let mut parts = Vec::new();
        let owner = kind.owner.filter(|_| kind.namespace == "default");
        if let Some(owner) = owner
            && let Some(selector) = self.controllers.get(&owner)
        {
            if owner.0 == ControllerKind::ReplicationController {
                pairs.extend(selector.match_labels.iter().cloned());
            } else {
                parts.push(selector.clone());
            }
        }
        parts.push(of_pairs(&pairs));
        Wanted(Some(parts))
    }

    /// The constraints of one sort, and whether all keys are required of nodes that are scored.
    fn constraints(
        &self,
        kind: &Kind,
        sort: WhenUnsatisfiable,
    ) -> (Vec<(TopologySpreadConstraint, Wanted)>, bool) {
        let own = &kind.template.spec.topology_spread;
        let listed = if own.is_empty() { self.args_constraints() } else { own.clone() };
        let mut found = Vec::new();
        for constraint in listed.into_iter().filter(|one| one.when_unsatisfiable == sort) {
            let wanted = if own.is_empty() {
                self.default_selector(kind)
            } else {
                let labels = &kind.template.labels;
                let present = constraint.match_label_keys.iter().filter_map(|key| labels.get_key_value(key));
                let extra = of_pairs(present);
                Wanted(constraint.label_selector.clone().map(|selector| vec![selector, extra]))
            };
            if !own.is_empty() || !wanted.is_everything() {
                found.push((constraint, wanted));
            }
        }
        (found, !own.is_empty() || self.args.defaulting == SpreadDefaulting::List)
    }

    fn args_constraints(&self) -> Vec<TopologySpreadConstraint> {
        if self.args.defaulting == SpreadDefaulting::List {
            return self.args.default_constraints.clone();
        }
        let soft = |key: &str, max_skew| TopologySpreadConstraint {
            max_skew,
            ..constraint(key, WhenUnsatisfiable::ScheduleAnyway)
        };
        vec![soft(HOST, 3), soft(ZONE, 5)]
    }

    fn admits(kind: &Kind, constraint: &TopologySpreadConstraint, node: &Node) -> bool {
        let spec = &kind.template.spec;
        let selected = spec.node_selector.iter().all(|(key, value)| node.meta.labels.get(key) == Some(value));
        let bears = |taint: &Taint| spec.tolerations.iter().any(|toleration| toleration.key == taint.key);
        let hard = |taint: &&Taint| taint.effect != TaintEffect::PreferNoSchedule;
        (!constraint.honor_node_affinity || selected)
            && (!constraint.honor_node_taints || node.taints.iter().filter(hard).all(bears))
    }

    fn count(&self, kind: &Kind, wanted: &Wanted, node: &str) -> i64 {
        if wanted.is_everything() {
            return 0;
        }
        let found = self.pods.iter().filter(|pod| {
            let theirs = &self.kinds[pod.kind];
            pod.node == node
                && !pod.deleting
                && theirs.namespace == kind.namespace
                && wanted.matches(&theirs.template.labels)
        });
        found.count() as i64
    }

    /// The failure of a node.
    fn failure(&self, kind: &Kind, node: &Node, supposed: &[Supposed]) -> Option<(Code, &'static str)> {
        let (hard, _) = self.constraints(kind, WhenUnsatisfiable::DoNotSchedule);
        let has_all =
            |node: &Node| hard.iter().all(|(one, _)| node.meta.labels.contains_key(&one.topology_key));
        for (constraint, wanted) in &hard {
            let key = &constraint.topology_key;
            let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
            for (name, other) in &self.nodes {
                if has_all(other) && World::admits(kind, constraint, other) {
                    let count = counts.entry(&other.meta.labels[key]).or_default();
                    *count += self.count(kind, wanted, name);
                    for (theirs, place, delta) in supposed.iter().filter(|(_, place, _)| place == name) {
                        let _ = place;
                        let theirs = &self.kinds[*theirs];
                        let found =
                            theirs.namespace == kind.namespace && wanted.matches(&theirs.template.labels);
                        *count += if found { *delta } else { 0 };
                    }
                }
            }
            let Some(value) = node.meta.labels.get(key) else {
                let reason = "node(s) didn't match pod topology spread constraints (missing required label)";
                return Some((Code::UnschedulableAndUnresolvable, reason));
            };
            let enough = counts.len() as i64 >= i64::from(constraint.min_domains.unwrap_or(1));
            let least = if enough { *counts.values().min().unwrap() } else { 0 };
            let own = i64::from(wanted.matches(&kind.template.labels));
            let skew = counts.get(value).copied().unwrap_or(0) + own - least;
            if skew > i64::from(constraint.max_skew) {
                let reason = "node(s) didn't match pod topology spread constraints";
                return Some((Code::Unschedulable, reason));
            }
        }
        None
    }

    /// The scores of feasible nodes, raw and normalised; `None` if they are skipped.
    fn scores(&self, kind: &Kind, feasible: &[&str]) -> Option<Vec<(i64, i64)>> {
        let (soft, requires_all) = self.constraints(kind, WhenUnsatisfiable::ScheduleAnyway);
        if soft.is_empty() {
            return None;
        }
        let value = |node: &Node, key: &str| node.meta.labels.get(key).cloned();
        let is_ignored = |node: &Node| {
            requires_all && soft.iter().any(|(one, _)| value(node, &one.topology_key).is_none())
        };
        let scored: Vec<&Node> =
            feasible.iter().map(|name| &self.nodes[*name]).filter(|node| !is_ignored(node)).collect();
        let mut sums = vec![0.0; feasible.len()];
        for (constraint, wanted) in &soft {
            let key = constraint.topology_key.as_str();
            let mut counts: BTreeMap<String, i64> = BTreeMap::new();
            let values = scored.iter().map(|node| value(node, key).unwrap_or_default());
            counts.extend(values.map(|value| (value, 0)));
            let size = if key == HOST { scored.len() } else { counts.len() };
            for (name, node) in &self.nodes {
                let known = counts.get_mut(&value(node, key).unwrap_or_default());
                if let Some(count) = known
                    && !is_ignored(node)
                    && World::admits(kind, constraint, node)
                {
                    *count += self.count(kind, wanted, name);
                }
            }
            let weight = libm::log((size + 2) as f64);
            for (sum, name) in sums.iter_mut().zip(feasible) {
                let node = &self.nodes[*name];
                let Some(value) = value(node, key).filter(|_| !is_ignored(node)) else { continue };
                let count = if key == HOST { self.count(kind, wanted, name) } else { counts[&value] };
                *sum += count as f64 * weight + f64::from(constraint.max_skew - 1);
            }
        }
        let raws: Vec<i64> = sums.iter().map(|sum: &f64| sum.round() as i64).collect();
        let counted = raws.iter().zip(feasible).filter(|(_, name)| !is_ignored(&self.nodes[**name]));
        let counted: Vec<i64> = counted.map(|(raw, _)| *raw).collect();
        let (min, max) = (counted.iter().min(), counted.iter().max());
        let normalize = |raw: i64, name: &str| match (min, max) {
            _ if is_ignored(&self.nodes[name]) => 0,
            (_, Some(0)) => 100,
            (Some(min), Some(max)) => 100 * (max + min - raw) / max,
            _ => 0,
        };
        Some(raws.iter().zip(feasible).map(|(&raw, name)| (raw, normalize(raw, name))).collect())
    }
}

fn constraint(key: &str, when_unsatisfiable: WhenUnsatisfiable) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable,
        label_selector: Some(LabelSelector::default()),
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: false,
        match_label_keys: Vec::new(),
    }
}

/// Random objects from few values, so that they meet.
struct Dice(Stream);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn taints(&mut self) -> Vec<Taint> {
        let effect = [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule][self.below(2)];
        let taint = Taint { key: format!("k{}", self.below(2)), value: String::new(), effect };
        if self.one_in(4) { vec![taint] } else { Vec::new() }
    }

    /// A node; in ragged worlds labels are missing, empty or met twice.
    fn node(&mut self, number: usize, ragged: bool) -> Node {
        let name = format!("n{number:02}");
        let mut node = node(&name, &format!("z{}", self.below(3)), 8, 100);
        let labels = &mut node.meta.labels;
        labels.insert("rack".into(), format!("r{}", self.below(5)));
        labels.insert("disk".into(), ["ssd", "hdd"][self.below(2)].into());
        if ragged {
            match self.below(12) {
                0 | 1 => drop(labels.remove(ZONE)),
                2 => drop(labels.remove(HOST)),
                3 => drop(labels.remove("rack")),
                4 => drop(labels.insert(ZONE.into(), String::new())),
                5 => drop(labels.insert(HOST.into(), "twice".into())),
                _ => {}
            }
        }
        node.taints = self.taints();
        node
    }

    fn selector(&mut self) -> LabelSelector {
        let app = ["a", "b"][self.below(2)].to_owned();
        let requirement = |key: &str, operator, values: &[&str]| Requirement {
            key: key.to_owned(),
            operator,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        match self.below(6) {
            0 => LabelSelector::default(),
            1 => LabelSelector {
                match_expressions: vec![requirement("rev", Operator::NotIn, &["1"])],
                ..LabelSelector::default()
            },
            2 => LabelSelector {
                match_expressions: vec![requirement("app", Operator::Exists, &[])],
                ..LabelSelector::default()
            },
            _ => of_pairs([(&"app".to_owned(), &app)]),
        }
    }

    fn constraint(&mut self, hard: bool) -> TopologySpreadConstraint {
        let sort = if hard { WhenUnsatisfiable::DoNotSchedule } else { WhenUnsatisfiable::ScheduleAnyway };
        let key = [HOST, ZONE, ZONE, "rack"][self.below(4)];
        let mut made = constraint(key, sort);
        made.max_skew = 1 + self.below(4) as i32;
        made.label_selector = (!self.one_in(8)).then(|| self.selector());
        made.min_domains = (hard && self.one_in(3)).then(|| 1 + self.below(5) as i32);
        made.honor_node_affinity = !self.one_in(3);
        made.honor_node_taints = self.one_in(3);
        if self.one_in(4) {
            made.match_label_keys = vec!["rev".into(), "absent".into()];
        }
        made
    }

    fn constraints(&mut self) -> Vec<TopologySpreadConstraint> {
        let count = self.below(4);
        (0..count)
            .map(|_| {
                let hard = self.one_in(2);
                self.constraint(hard)
            })
            .collect()
    }

    fn kind(&mut self) -> Kind {
        let mut template = template(1, 1);
        template.labels.insert("app".into(), ["a", "b"][self.below(2)].into());
        if !self.one_in(3) {
            template.labels.insert("rev".into(), ["1", "2"][self.below(2)].into());
        }
        template.spec.topology_spread = self.constraints();
        if self.one_in(4) {
            template.spec.node_selector.push(("disk".into(), "ssd".into()));
        }
        if self.one_in(2) {
            template.spec.tolerations.push(Toleration {
                key: "k0".into(),
                operator: TolerationOperator::Exists,
                ..Toleration::default()
            });
        }
        let namespace = if self.one_in(4) { "other" } else { "default" };
        let owner = self.one_in(2).then(|| (KINDS[self.below(3)], ["c0", "c1"][self.below(2)]));
        Kind { template: Arc::new(template), namespace, owner }
    }

    fn world(&mut self, count: usize) -> World {
        let ragged = self.one_in(2);
        let nodes: Vec<Node> = (0..count).map(|number| self.node(number, ragged)).collect();
        let kinds = (0..6).map(|_| self.kind()).collect();
        let default_constraints = self
            .constraints()
            .into_iter()
            .map(|one| TopologySpreadConstraint { label_selector: None, match_label_keys: Vec::new(), ..one })
            .collect();
        let defaulting = if self.one_in(2) { SpreadDefaulting::System } else { SpreadDefaulting::List };
        World {
            cluster: cluster_of(&nodes),
            nodes: nodes.into_iter().map(|node| (node.meta.name.clone(), node)).collect(),
            pods: Vec::new(),
            kinds,
            services: BTreeMap::new(),
            controllers: BTreeMap::new(),
            args: SpreadArgs { defaulting, default_constraints },
        }
    }

    /// Something happens in both forms of the world.
    fn disturb(&mut self, world: &mut World, spare: &mut Vec<Node>) {
        let cluster = &mut world.cluster;
        let names: Vec<String> = world.nodes.keys().cloned().collect();
        let name = names[self.below(names.len())].clone();
        let node = cluster.nodes.find(cluster.names.get(&name).unwrap()).unwrap();
        match self.below(12) {
            0 => {
                let taints = self.taints();
                cluster.set_taints(node, &taints);
                world.nodes.get_mut(&name).unwrap().taints = taints;
            }
            1 if names.len() > 1 => {
                cluster.remove_node(node);
                spare.push(world.nodes.remove(&name).unwrap());
            }
            2 | 3 => {
                if let Some(object) = spare.pop() {
                    cluster.add_node(&object, PoolId(0), Time::ZERO);
                    world.nodes.insert(object.meta.name.clone(), object);
                }
            }
            4 if !world.pods.is_empty() => {
                let place = self.below(world.pods.len());
                cluster.displace(world.pods.swap_remove(place).id);
            }
            5 if !world.pods.is_empty() => {
                let place = self.below(world.pods.len());
                cluster.begin_deletion(world.pods[place].id, Time::ZERO);
                world.pods[place].deleting = true;
            }
            6 => {
                let selector = self.selector();
                let pairs: BTreeMap<_, _> = selector.match_labels.iter().cloned().collect();
                let pairs = (!self.one_in(4)).then_some(pairs);
                let name = ["s0", "s1"][self.below(2)];
                cluster.selectors.set_service(&mut cluster.names, "default", name, pairs.as_ref());
                world.services.insert(name, pairs);
            }
            7 => {
                let key = (KINDS[self.below(3)], ["c0", "c1"][self.below(2)]);
                let mut selector = self.selector();
                if key.0 == ControllerKind::ReplicationController {
                    selector.match_expressions.clear();
                }
                let name = ("default", key.1);
                cluster.selectors.set_controller(&mut cluster.names, key.0, name, Some(&selector));
                world.controllers.insert(key, selector);
            }
            8 => what_if(world, node),
            _ => {}
        }
    }
}

/// Changes that are taken back.
fn what_if(world: &mut World, node: NodeId) {
    let cluster = &mut world.cluster;
    cluster.fork();
    for pod in cluster.nodes.pods[node.index()].clone() {
        cluster.displace(pod);
    }
    cluster.remove_node(node);
    cluster.revert();
}

fn class_of(world: &mut World, kind: usize) -> ClassId {
    let Kind { template, namespace, owner } = world.kinds[kind].clone();
    let names = &mut world.cluster.names;
    let controller = owner.map(|(kind, name)| (kind, names.intern(name)));
    let namespace = names.intern(namespace);
    world.cluster.class_of(&ClassKey { controller, ..ClassKey::new(&template, namespace, 0) })
}

fn place_of(cycle: &Cycle) -> usize {
    cycle.profile.plugins.iter().position(|plugin| plugin.name() == NAME).unwrap()
}

/// Compares the whole table; returns the feasible nodes.
fn check_table(world: &World, kind: &Kind, ours: &[NodeExplanation]) -> Result<Vec<NodeId>, TestCaseError> {
    let mut feasible = Vec::new();
    for entry in ours {
        let name = world.node_name(entry.node);
        let failure = entry.failure();
        if failure.is_some_and(|failure| failure.plugin != NAME) {
            continue;
        }
        let theirs = world.failure(kind, &world.nodes[name], &[]);
        let ours = failure.map(|failure| (failure.code, failure.reasons[0].as_str()));
        prop_assert_eq!(ours, theirs, "{}", name);
        if failure.is_none() {
            feasible.push(entry.node);
        }
    }
    let names: Vec<&str> = feasible.iter().map(|&node| world.node_name(node)).collect();
    let theirs = world.scores(kind, &names).unwrap_or_default();
    let scores = ours.iter().filter(|entry| entry.failure().is_none()).flat_map(NodeExplanation::scores);
    let ours: Vec<(i64, i64)> =
        scores.filter(|score| score.plugin == NAME).map(|score| (score.raw, score.normalized)).collect();
    prop_assert_eq!(ours, theirs);
    Ok(feasible)
}

/// Compares the plugin's columns with its answers for single nodes, and for groups of alike nodes.
fn check_forms(
    plugin: &mut dyn Plugin,
    context: Context<'_>,
    feasible: &[NodeId],
) -> Result<(), TestCaseError> {
    let nodes = &context.cluster.nodes;
    let skips = plugin.pre_filter(context).status.code == Code::Skip;
    let mut passed = BitSet::default();
    passed.copy_from(&nodes.present);
    plugin.filter(context, &mut passed);
    let mut groups: BTreeMap<Vec<i64>, Vec<NodeId>> = BTreeMap::new();
    let reach = plugin.reach(context);
    prop_assert!(reach <= Reach::Topology);
    for row in nodes.present.iter() {
        let (node, mut key) = (NodeId(row as u32), Vec::new());
        let code = plugin.status(context, node, &mut Vec::new());
        prop_assert_eq!(code == Code::Success, passed.contains(row));
        prop_assert!(!skips || code == Code::Success);
        plugin.index_key(context, node, &mut key);
        prop_assert_eq!(key.is_empty(), reach == Reach::Static);
        key.push(code as i64);
        groups.entry(key).or_default().push(node);
    }
    let mut keys: Vec<Vec<i64>> = groups.keys().cloned().collect();
    for key in &mut keys {
        key.truncate(key.len() - 1);
    }
    keys.dedup();
    prop_assert_eq!(keys.len(), groups.len(), "nodes with equal keys are judged alike");
    let mut groups: Vec<Vec<u32>> = groups
        .into_values()
        .map(|group| group.into_iter().filter(|node| feasible.contains(node)).map(|node| node.0).collect())
        .collect();
    groups.retain(|group| !group.is_empty());
    let mut set = BitSet::new(nodes.len());
    for node in feasible {
        set.insert(node.index());
    }
    let listed: Vec<u32> = feasible.iter().map(|node| node.0).collect();
    let rows: Vec<u32> = groups.iter().map(|group| group[0]).collect();
    let sizes: Vec<u32> = groups.iter().map(|group| group.len() as u32).collect();
    let mut columns = Vec::new();
    for targets in
        [Targets::Listed(&listed), Targets::Rows(&set), Targets::Groups { rows: &rows, sizes: &sizes }]
    {
        if feasible.is_empty() || plugin.pre_score(context, targets).code == Code::Skip {
            return Ok(());
        }
        let mut column = Column::default();
        plugin.score(context, targets, &mut column);
        let raw = column.clone();
        plugin.normalize_score(context, targets, &mut column);
        columns.push((raw, column));
    }
    let at = |form: usize, place: usize| (columns[form].0.at(place), columns[form].1.at(place));
    for (place, &row) in listed.iter().enumerate() {
        prop_assert_eq!(at(0, place), at(1, row as usize));
        let group = groups.iter().position(|group| group.contains(&row)).unwrap();
        prop_assert_eq!(at(0, place), at(2, group));
    }
    Ok(())
}

/// Supposes pods more and less on one node, compares, and takes it back.
fn check_supposed(
    dice: &mut Dice,
    world: &mut World,
    cycle: &mut Cycle,
    kind: usize,
) -> Result<(), TestCaseError> {
    let class = class_of(world, kind);
    let names: Vec<String> = world.nodes.keys().cloned().collect();
    let name = names[dice.below(names.len())].clone();
    let supposed: Vec<Supposed> = (0..dice.below(5))
        .map(|_| (dice.below(6), name.clone(), if dice.one_in(3) { 1 } else { -1 }))
        .collect();
    let others: Vec<ClassId> = supposed.iter().map(|(kind, ..)| class_of(world, *kind)).collect();
    cycle.profile.prepare(&mut world.cluster);
    let place = place_of(cycle);
    let plugin = &mut cycle.profile.plugins[place];
    let context = Context { cluster: &world.cluster, class, pod: None, version: Version::V1_36 };
    let node = world.cluster.nodes.find(world.cluster.names.get(&name).unwrap()).unwrap();
    if plugin.pre_filter(context).status.code == Code::Skip {
        return Ok(());
    }
    for (&other, (_, _, delta)) in others.iter().zip(&supposed) {
        match delta {
            1 => plugin.add_pod(context, other, node),
            _ => plugin.remove_pod(context, other, node),
        }
    }
    let theirs = world.failure(&world.kinds[kind], &world.nodes[&name], &supposed);
    let ours = plugin.status(context, node, &mut Vec::new());
    prop_assert_eq!(ours, theirs.map_or(Code::Success, |(code, _)| code), "supposed {:?}", supposed);
    for (&other, (_, _, delta)) in others.iter().zip(&supposed).rev() {
        match delta {
            1 => plugin.remove_pod(context, other, node),
            _ => plugin.add_pod(context, other, node),
        }
    }
    Ok(())
}

fn check(seed: u64, count: usize) -> Result<(), TestCaseError> {
    let mut dice = Dice(Streams::new(seed).stream(Purpose::Fuzz, 0));
    let mut world = dice.world(count);
    let mut spare: Vec<Node> = (0..3).map(|number| dice.node(count + number, true)).collect();
    let mut config = Config::default();
    let enabled = &mut config.scheduler.profiles[0].plugins;
    enabled.pre_filter.retain(|name| ["NodeAffinity", NAME].contains(name));
    enabled.filter.retain(|name| ["TaintToleration", "NodeAffinity", NAME].contains(name));
    enabled.score = vec![(NAME, 2)];
    let mut cycle = Cycle::new(&config, 0);
    let place = place_of(&cycle);
    cycle.profile.plugins[place] = Box::new(PodTopologySpread::new(&world.args));
    for _ in 0..40 {
        let kind = dice.below(6);
        let class = class_of(&mut world, kind);
        let attempt = Attempt { class, pod: None, key: 0 };
        let table = cycle.explain(&mut world.cluster, attempt, &nominator::Nominator::default());
        let is_whole = matches!(table.verdict, Verdict::Rejected(_));
        prop_assert!(!is_whole, "nothing rejects a pod as a whole");
        let feasible = check_table(&world, &world.kinds[kind], &table.nodes)?;
        let context = Context { cluster: &world.cluster, class, pod: None, version: Version::V1_36 };
        check_forms(cycle.profile.plugins[place].as_mut(), context, &feasible)?;
        check_supposed(&mut dice, &mut world, &mut cycle, kind)?;
        if !feasible.is_empty() && !dice.one_in(4) {
            let node = feasible[dice.below(feasible.len())];
            let id = insert_pod(&mut world.cluster, class);
            world.cluster.place(id, node);
            let node = world.node_name(node).to_owned();
            world.pods.push(PlainPod { id, kind, node, deleting: false });
        }
        if dice.one_in(2) {
            dice.disturb(&mut world, &mut spare);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn safety_spreading_equals_textbook(seed in any::<u64>(), count in 1usize..20) {
        check(seed, count)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn safety_spreading_equals_textbook_with_many_domains(seed in any::<u64>(), count in 66usize..90) {
        check(seed, count)?;
    }
}

#[test]
fn a_kept_rejection_ends_when_a_service_changes() {
    let mut cluster = cluster_of(&[node("a", "1", 1, 100)]);
    let mut spread = template(1, 1);
    spread.labels.insert("app".into(), "web".into());
    let class = cluster.class(&Arc::new(spread), "default", 0);
    let default_constraints = vec![constraint("rack", WhenUnsatisfiable::DoNotSchedule)];
    let mut cycle = Cycle::new(&Config::default(), 0);
    let place = place_of(&cycle);
    let args = SpreadArgs { defaulting: SpreadDefaulting::List, default_constraints };
    cycle.profile.plugins[place] = Box::new(PodTopologySpread::new(&args));
    let pairs = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    cluster.selectors.set_service(&mut cluster.names, "default", "web", Some(&pairs));
    assert!(matches!(cycle.evaluate(&mut cluster, class, 0), Outcome::Rejected(_)));
    cluster.selectors.set_service(&mut cluster.names, "default", "web", None);
    assert!(matches!(cycle.evaluate(&mut cluster, class, 1), Outcome::Placed(_)));
}
