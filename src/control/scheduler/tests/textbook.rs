//! The columnar cycle against the textbook form: node by node, plugin by plugin, as written.

use super::*;
use crate::api::{
    HostPort, Image, NodeAffinity, NodeSelector, NodeSelectorTerm, Operator, PreferredTerm, Requirement,
    Taint, TaintEffect, Toleration, TolerationOperator,
};
use crate::base::ids::ResourceId;
use crate::base::rng::{Purpose, Stream, Streams};
use crate::cluster::class::tolerates;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The only image there is.
const IMAGE: &str = "app:latest";
const CPU: usize = 0;
const MEMORY: usize = 1;
const EFFECTS: [TaintEffect; 3] =
    [TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute];

/// A textbook scheduler: what it decides, and where its search would start next.
struct Textbook {
    percentage: usize,
    next_start: usize,
    /// How many nodes held the image when each node last changed, with the number of that change.
    holders: BTreeMap<NodeId, (u64, usize)>,
}

/// What it comes to: the node with feasible nodes, score and ties, or the message.
type Answer = Result<(NodeId, u32, i64, u32), String>;

impl Textbook {
    fn decide(&mut self, cluster: &mut Cluster, class: ClassId) -> Answer {
        cluster.nodes.refresh_order();
        let order = cluster.nodes.order.clone();
        self.look_at_images(cluster);
        if order.is_empty() {
            return Err("no nodes available to schedule pods".into());
        }
        let limit = cycle::feasible_nodes_to_find(order.len(), self.percentage);
        let mut feasible = Vec::new();
        let mut reasons = BTreeMap::<String, usize>::new();
        let mut visited = 0;
        for offset in 0..order.len() {
            let node = order[(self.next_start + offset) % order.len()];
            let failures = failures(cluster, node, class);
            if failures.is_empty() && feasible.len() == limit {
                break;
            }
            visited += 1;
            if failures.is_empty() {
                feasible.push(node);
            }
            for reason in failures {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        self.next_start = (self.next_start + visited) % order.len();
        if feasible.is_empty() {
            let mut entries: Vec<String> =
                reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            entries.sort();
            return Err(format!("0/{} nodes are available: {}.", order.len(), entries.join(", ")));
        }
        if let [only] = feasible[..] {
            return Ok((only, 1, 0, 1));
        }
        let totals = totals(cluster, &feasible, class, &self.holders);
        let best = *totals.iter().max().unwrap();
        let tied = totals.iter().filter(|total| **total == best).count() as u32;
        Ok((feasible[heap_winner(&totals, 0)], feasible.len() as u32, best, tied))
    }

    /// What a node knows of the others' images is as old as its last change.
    fn look_at_images(&mut self, cluster: &Cluster) {
        let nodes = &cluster.nodes;
        let holds =
            |row: &usize| nodes.images[*row].iter().any(|(held, _)| cluster.names.text(*held) == IMAGE);
        let now = nodes.present.iter().filter(holds).count();
        for &node in &nodes.order {
            let change = nodes.generation[node.index()];
            let known = self.holders.entry(node).or_insert((change, now));
            if known.0 != change {
                *known = (change, now);
            }
        }
    }
}

fn heap_winner(totals: &[i64], at: usize) -> usize {
    let mut winner = at;
    for child in [2 * at + 1, 2 * at + 2] {
        if child < totals.len() {
            let found = heap_winner(totals, child);
            if totals[found] > totals[winner] {
                winner = found;
            }
        }
    }
    winner
}

/// The reasons of the first plugin that refuses the node; none if it is feasible.
fn failures(cluster: &Cluster, node: NodeId, class: ClassId) -> Vec<String> {
    let (nodes, pod, row) = (&cluster.nodes, &cluster.classes[class], node.index());
    let spec = &pod.template.spec;
    let bears = |key: &str, value: &str, effect: TaintEffect| {
        spec.tolerations.iter().any(|toleration| {
            toleration.effect.is_none_or(|only| only == effect)
                && (toleration.key.is_empty() || toleration.key == key)
                && (toleration.operator == TolerationOperator::Exists || toleration.value == value)
        })
    };
    let one = |text: &str| vec![text.to_owned()];
    if nodes.unschedulable.contains(row)
        && !bears("node.kubernetes.io/unschedulable", "", TaintEffect::NoSchedule)
    {
        return one("node(s) were unschedulable");
    }
    if !spec.node_name.is_empty() && cluster.names.text(nodes.name[row]) != spec.node_name {
        return one("node(s) didn't match the requested node name");
    }
    let taints = nodes.taints(&cluster.names, node);
    let hard = |taint: &&Taint| taint.effect != TaintEffect::PreferNoSchedule;
    if taints.iter().filter(hard).any(|taint| !bears(&taint.key, &taint.value, taint.effect)) {
        return one("node(s) had untolerated taint(s)");
    }
    let affinity = spec.affinity.node.as_ref().and_then(|affinity| affinity.required.as_ref());
    let selected =
        spec.node_selector.iter().all(|(key, value)| label(cluster, node, key) == Some(value.as_str()));
    let required =
        affinity.is_none_or(|selector| selector.terms.iter().any(|term| term_matches(cluster, node, term)));
    if !selected || !required {
        return one("node(s) didn't match Pod's node affinity/selector");
    }
    let clash = pod.ports.iter().any(|wanted| {
        nodes.ports[row].iter().any(|taken| {
            let any = |ip| cluster.names.text(ip) == "0.0.0.0";
            (wanted.protocol, wanted.number) == (taken.protocol, taken.number)
                && (wanted.ip == taken.ip || any(wanted.ip) || any(taken.ip))
        })
    });
    if clash {
        return one("node(s) didn't have free ports for the requested pod ports");
    }
    let mut short = Vec::new();
    if nodes.pod_count[row] + 1 > nodes.allowed_pods[row] {
        short.push("Too many pods".to_owned());
    }
    for &(resource, amount) in &pod.requests {
        let kind = resource.index();
        if amount > nodes.allocatable[kind][row] - nodes.requested[kind][row] {
            short.push(format!("Insufficient {}", cluster.resource_name(resource)));
        }
    }
    short
}

fn label<'a>(cluster: &'a Cluster, node: NodeId, key: &str) -> Option<&'a str> {
    if key == crate::cluster::nodes::HOSTNAME_KEY {
        return Some(cluster.names.text(cluster.nodes.hostname[node.index()]));
    }
    let key = cluster.names.get(key)?;
    cluster.nodes.label(&cluster.names, node, key).map(|value| cluster.names.text(value))
}

fn term_matches(cluster: &Cluster, node: NodeId, term: &NodeSelectorTerm) -> bool {
    let name = cluster.names.text(cluster.nodes.name[node.index()]);
    let empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
    !empty
        && term.match_expressions.iter().all(|requirement| {
            requirement.is_valid() && requirement.matches_value(label(cluster, node, &requirement.key))
        })
        && term.match_fields.iter().all(|field| field.matches_value(Some(name)))
}

fn totals(
    cluster: &Cluster,
    feasible: &[NodeId],
    class: ClassId,
    holders: &BTreeMap<NodeId, (u64, usize)>,
) -> Vec<i64> {
    let pod = &cluster.classes[class];
    let column =
        |score: &dyn Fn(NodeId) -> i64| feasible.iter().map(|&node| score(node)).collect::<Vec<i64>>();
    let unwanted = column(&|node| {
        let bears = |taint: &&crate::cluster::TaintMark| {
            pod.tolerations
                .iter()
                .filter(|toleration| toleration.effect.is_none_or(|e| e == TaintEffect::PreferNoSchedule))
                .any(|toleration| tolerates(toleration, taint.key, taint.value, taint.effect))
        };
        let soft = cluster.nodes.class_of(node).taints.iter();
        soft.filter(|taint| taint.effect == TaintEffect::PreferNoSchedule && !bears(taint)).count() as i64
    });
    let wishes = pod.template.spec.affinity.node.as_ref().map_or(&[][..], |affinity| &affinity.preferred);
    let wished = column(&|node| {
        let met = wishes.iter().filter(|wish| term_matches(cluster, node, &wish.preference));
        met.map(|wish| i64::from(wish.weight)).sum()
    });
    let (most_unwanted, most_wished) = (*unwanted.iter().max().unwrap(), *wished.iter().max().unwrap());
    let share = |score: i64, most: i64| if most == 0 { 0 } else { 100 * score / most };
    let mut totals = Vec::new();
    for (place, &node) in feasible.iter().enumerate() {
        let mut total = 3 * (100 - share(unwanted[place], most_unwanted));
        total += 2 * share(wished[place], most_wished);
        total += least_allocated(cluster, node, class);
        total += balanced(cluster, node, class) + images(cluster, node, class, holders[&node].1);
        totals.push(total);
    }
    totals
}

fn least_allocated(cluster: &Cluster, node: NodeId, class: ClassId) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for kind in [CPU, MEMORY] {
        let all = cluster.nodes.allocatable[kind][node.index()];
        let used = cluster.nodes.non_zero[kind][node.index()] + cluster.classes[class].fit_score[kind];
        if all > 0 {
            sum += if used > all { 0 } else { (all - used) * 100 / all };
            weights += 1;
        }
    }
    if weights == 0 { 0 } else { sum / weights }
}

fn balanced(cluster: &Cluster, node: NodeId, class: ClassId) -> i64 {
    let pod = [ResourceId::CPU, ResourceId::MEMORY].map(|kind| cluster.classes[class].request(kind));
    if pod == [0, 0] {
        return 0;
    }
    let balance = |with: i64| {
        let fractions: Vec<f64> = [CPU, MEMORY]
            .iter()
            .filter(|kind| cluster.nodes.allocatable[**kind][node.index()] != 0)
            .map(|&kind| {
                let used = cluster.nodes.requested[kind][node.index()] + with * pod[kind];
                (used as f64 / cluster.nodes.allocatable[kind][node.index()] as f64).min(1.0)
            })
            .collect();
        let deviation = if let [a, b] = fractions[..] { ((a - b) / 2.0).abs() } else { 0.0 };
        ((1.0 - deviation) * 100.0) as i64
    };
    50 + (50 + balance(1) - balance(0)) / 2
}

fn images(cluster: &Cluster, node: NodeId, class: ClassId, holders: usize) -> i64 {
    const MIB: i64 = 1024 * 1024;
    let containers = &cluster.classes[class].template.spec.containers;
    let total = cluster.nodes.present.count() as f64;
    let mut sum = 0;
    for container in containers {
        let name = format!("{}:latest", container.image);
        for &(held, size) in &cluster.nodes.images[node.index()] {
            if cluster.names.text(held) == name {
                assert_eq!(name, IMAGE);
                sum += (size as f64 * (holders as f64 / total)) as i64;
            }
        }
    }
    let most = 1000 * MIB * containers.len() as i64;
    100 * (sum.clamp(23 * MIB, most) - 23 * MIB) / (most - 23 * MIB)
}

/// Random objects from few values, so that they meet.
pub(super) struct Dice(pub(super) Stream);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn taints(&mut self) -> Vec<Taint> {
        let count = self.below(6).saturating_sub(3);
        (0..count)
            .map(|_| Taint {
                key: format!("k{}", self.below(2)),
                value: format!("v{}", self.below(2)),
                effect: EFFECTS[self.below(3) as usize],
            })
            .collect()
    }

    pub(super) fn node(&mut self, number: usize) -> Node {
        let (cores, memory) =
            ([0, 2, 4, 8][self.below(4) as usize], [0, 16, 1000, 1 << 47][self.below(4) as usize]);
        let mut node = node(&format!("n{number}"), &format!("z{}", self.below(3)), cores, memory);
        node.meta.labels.insert("disk".into(), ["ssd", "hdd"][self.below(2) as usize].into());
        node.meta.labels.insert("rank".into(), self.below(5).to_string());
        node.unschedulable = self.one_in(8);
        node.taints = self.taints();
        if self.one_in(3) {
            node.allocatable.insert("example.com/gpu".into(), Quantity::from_units(self.below(4) as i64));
        }
        if self.one_in(3) {
            node.images = vec![Image { names: vec![IMAGE.into()], size_bytes: 400 << 20 }];
        }
        node
    }

    fn requirement(&mut self, nodes: usize) -> Requirement {
        let make = |key: &str, operator, values: &[String]| Requirement {
            key: key.into(),
            operator,
            values: values.to_vec(),
        };
        let name = format!("n{}", self.below(nodes as u64));
        match self.below(7) {
            0 => make("disk", Operator::In, &["ssd".into()]),
            1 => make("disk", Operator::NotIn, &["hdd".into()]),
            2 => make("rank", Operator::Gt, &[self.below(4).to_string()]),
            3 => make("rank", Operator::Lt, &["-1".into()]),
            4 => make("kubernetes.io/hostname", Operator::NotIn, &[name]),
            5 => make("absent", Operator::DoesNotExist, &[]),
            _ => make("topology.kubernetes.io/zone", Operator::In, &["z0".into(), "z1".into()]),
        }
    }

    fn term(&mut self, nodes: usize) -> NodeSelectorTerm {
        let count = self.below(3);
        let match_expressions = (0..count).map(|_| self.requirement(nodes)).collect();
        let field = Requirement {
            key: "metadata.name".into(),
            operator: Operator::NotIn,
            values: vec![format!("n{}", self.below(nodes as u64))],
        };
        let match_fields = if self.one_in(4) { vec![field] } else { Vec::new() };
        NodeSelectorTerm { match_expressions, match_fields }
    }

    pub(super) fn template(&mut self, nodes: usize) -> PodTemplate {
        let mut template =
            template([0, 100, 333, 1500][self.below(4) as usize], [0, 1, 7, 1 << 40][self.below(4) as usize]);
        let spec = &mut template.spec;
        let container = &mut spec.containers[0];
        container.image = "app".into();
        if self.one_in(4) {
            let protocol = ["TCP", "UDP"][self.below(2) as usize].into();
            let ip = ["", "10.0.0.1"][self.below(2) as usize].into();
            container.host_ports.push(HostPort { ip, protocol, port: 80 });
        }
        if self.one_in(4) {
            let requests = &mut container.resources.requests;
            requests.insert("example.com/gpu".into(), Quantity::from_units(self.below(3) as i64));
        }
        if self.one_in(2) {
            spec.tolerations.push(Toleration {
                key: ["", "k0", "k1", "node.kubernetes.io/unschedulable"][self.below(4) as usize].into(),
                operator: TolerationOperator::Exists,
                effect: [None, Some(TaintEffect::NoSchedule), Some(TaintEffect::PreferNoSchedule)]
                    [self.below(3) as usize],
                ..Toleration::default()
            });
        }
        if self.one_in(5) {
            spec.node_selector.push(("disk".into(), "ssd".into()));
        }
        if self.one_in(12) {
            spec.node_name = format!("n{}", self.below(nodes as u64));
        }
        if self.one_in(2) {
            let required =
                self.one_in(2).then(|| NodeSelector { terms: vec![self.term(nodes), self.term(nodes)] });
            let mut preferred = Vec::new();
            if self.one_in(2) {
                let weight = 1 + self.below(100) as i32;
                let requirement =
                    Requirement { key: "disk".into(), operator: Operator::In, values: vec!["ssd".into()] };
                let preference =
                    NodeSelectorTerm { match_expressions: vec![requirement], match_fields: Vec::new() };
                preferred.push(PreferredTerm { weight, preference });
            }
            spec.affinity.node = Some(NodeAffinity { required, preferred });
        }
        template
    }

    /// Something else happens to the cluster.
    pub(super) fn disturb(&mut self, cluster: &mut Cluster, spare: &mut Vec<Node>, also_nodes: bool) {
        let node = NodeId(self.below(cluster.nodes.len() as u64) as u32);
        match if also_nodes { self.below(5) } else { 1 + 3 * self.below(2) } {
            0 => {
                let taints = self.taints();
                cluster.set_taints(node, &taints);
            }
            1 => cluster.set_unschedulable(node, self.one_in(2)),
            2 if cluster.nodes.present.contains(node.index()) => cluster.remove_node(node),
            3 => {
                if let Some(object) = spare.pop() {
                    cluster.add_node(&object, PoolId(0), Time::ZERO);
                }
            }
            _ => {
                let pod = PodId(self.below(cluster.pods.present.len().max(1) as u64) as u32);
                if pod.index() < cluster.pods.present.len() {
                    cluster.displace(pod);
                }
            }
        }
    }
}

fn check(seed: u64, count: usize, percentage: u32) -> Result<(), TestCaseError> {
    let mut dice = Dice(Streams::new(seed).stream(Purpose::Fuzz, 0));
    let nodes: Vec<Node> = (0..count).map(|number| dice.node(number)).collect();
    let mut cluster = cluster_of(&nodes);
    let mut spare: Vec<Node> = (0..5).map(|number| dice.node(count + number)).collect();
    let templates: Vec<Arc<PodTemplate>> = (0..6).map(|_| Arc::new(dice.template(count))).collect();
    let mut config = Config::default();
    config.scheduler.percentage_of_nodes_to_score = percentage;
    let mut cycle = Cycle::new(&config, 0);
    let mut textbook = Textbook { percentage: percentage as usize, next_start: 0, holders: BTreeMap::new() };
    for step in 0..40 {
        let class = cluster.class(&templates[dice.below(6) as usize], "default", 0);
        let expected = textbook.decide(&mut cluster, class);
        let found = match cycle.evaluate(&mut cluster, class, 0) {
            Outcome::Placed(Placement { node, feasible, score, tied }) => Ok((node, feasible, score, tied)),
            Outcome::Rejected(rejection) => Err(rejection.diagnosis.to_string()),
        };
        prop_assert_eq!(&found, &expected, "step {}", step);
        if let Ok((node, ..)) = found {
            let pod = insert_pod(&mut cluster, class);
            cluster.place(pod, node);
        }
        if dice.one_in(3) {
            dice.disturb(&mut cluster, &mut spare, true);
        }
        prop_assert_eq!(cluster.check(), Ok(()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn safety_columnar_equals_textbook(seed in any::<u64>(), count in 1usize..90) {
        check(seed, count, 100)?;
    }

    #[test]
    fn safety_columnar_equals_textbook_when_sampled(seed in any::<u64>(), count in 100usize..300, percentage in 0u32..60) {
        check(seed, count, percentage)?;
    }
}
