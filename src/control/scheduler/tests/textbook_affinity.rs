//! InterPodAffinity against a textbook form: every count made anew from plain data, pod by pod and
//! node by node, under churn of pods, nodes, namespaces and terms.

use super::super::framework::{Cause, Code, Column, Plugin, Reach, Status, Targets};
use super::super::plugins::inter_pod_affinity::{InterPodAffinity, InterPodArgs};
use super::*;
use crate::api::pod::{Affinity, PodAffinity, PodAffinityTerm};
use crate::api::{LabelSelector, Labels, Operator, Requirement, Taint, TaintEffect};
use crate::base::BitSet;
use crate::base::rng::{Purpose, Stream, Streams};
use proptest::prelude::*;
use std::collections::BTreeMap;

const KEYS: [&str; 4] = ["kubernetes.io/hostname", "zone", "rack", "absent"];
const SPACES: [&str; 4] = ["default", "prod", "dev", "unknown"];

/// A pod as the textbook sees it.
#[derive(Clone)]
struct Plain {
    namespace: String,
    labels: Labels,
    affinity: Affinity,
}

/// A cluster as the textbook sees it.
#[derive(Default)]
struct Textbook {
    args: InterPodArgs,
    namespaces: BTreeMap<String, Labels>,
    /// Labels by row; `None` for nodes that do not exist.
    nodes: Vec<Option<Labels>>,
    /// What is where.
    pods: Vec<(Plain, usize)>,
}

type Pair = (String, String);

fn required(side: Option<&PodAffinity>) -> Vec<PodAffinityTerm> {
    side.map_or(Vec::new(), |side| side.required.clone())
}

fn preferred(pod: &Plain) -> Vec<(i64, PodAffinityTerm)> {
    let (likes, dislikes) = (pod.affinity.pod.as_ref(), pod.affinity.pod_anti.as_ref());
    let list = |side: Option<&PodAffinity>, sign: i64| {
        let wishes = side.map_or(Vec::new(), |side| side.preferred.clone());
        wishes.into_iter().map(move |(weight, term)| (sign * i64::from(weight), term))
    };
    list(likes, 1).chain(list(dislikes, -1)).collect()
}

/// Whether a term of `owner` matches `pod`, whose namespace is taken to have these labels.
fn holds(owner: &Plain, term: &PodAffinityTerm, extra: &[String], pod: &Plain, labels: &Labels) -> bool {
    let mut names = term.namespaces.clone();
    if names.is_empty() && term.namespace_selector.is_none() {
        names.push(owner.namespace.clone());
    }
    names.extend_from_slice(extra);
    let selected = term.namespace_selector.as_ref().is_some_and(|selector| selector.matches(labels));
    (names.contains(&pod.namespace) || selected)
        && term.label_selector.as_ref().is_some_and(|selector| selector.matches(&pod.labels))
}

impl Textbook {
    fn labels_of(&self, namespace: &str) -> Labels {
        self.namespaces.get(namespace).cloned().unwrap_or_default()
    }

    /// A term of the incoming pod: the names of selected namespaces are added, the selector stays.
    fn incoming_holds(&self, incoming: &Plain, term: &PodAffinityTerm, existing: &Plain) -> bool {
        let selector = term.namespace_selector.as_ref();
        let chosen =
            |(_, labels): &(&String, &Labels)| selector.is_some_and(|selector| selector.matches(labels));
        let extra: Vec<String> =
            self.namespaces.iter().filter(chosen).map(|(name, _)| name.clone()).collect();
        holds(incoming, term, &extra, existing, &Labels::new())
    }

    fn existing_holds(&self, existing: &Plain, term: &PodAffinityTerm, incoming: &Plain) -> bool {
        holds(existing, term, &[], incoming, &self.labels_of(&incoming.namespace))
    }

    fn pair(&self, row: usize, term: &PodAffinityTerm) -> Option<Pair> {
        let value = self.nodes[row].as_ref()?.get(&term.topology_key)?;
        Some((term.topology_key.clone(), value.clone()))
    }

    fn matches_all(&self, incoming: &Plain, existing: &Plain) -> bool {
        let terms = required(incoming.affinity.pod.as_ref());
        !terms.is_empty() && terms.iter().all(|term| self.incoming_holds(incoming, term, existing))
    }

    /// The letter of every node; `None` if the filter is skipped.
    fn filter(&self, incoming: &Plain) -> Option<Vec<char>> {
        let mut counts: [BTreeMap<Pair, i64>; 3] = Default::default();
        let mut add = |which: usize, pair: Option<Pair>| {
            if let Some(pair) = pair {
                *counts[which].entry(pair).or_default() += 1;
            }
        };
        let (affinity, anti) =
            (required(incoming.affinity.pod.as_ref()), required(incoming.affinity.pod_anti.as_ref()));
        for (pod, row) in &self.pods {
            for term in required(pod.affinity.pod_anti.as_ref()) {
                if self.existing_holds(pod, &term, incoming) {
                    add(0, self.pair(*row, &term));
                }
            }
            if self.matches_all(incoming, pod) {
                for term in &affinity {
                    add(1, self.pair(*row, term));
                }
            }
            for term in anti.iter().filter(|term| self.incoming_holds(incoming, term, pod)) {
                add(2, self.pair(*row, term));
            }
        }
        let [existing, near, far] = counts;
        if existing.is_empty() && affinity.is_empty() && anti.is_empty() {
            return None;
        }
        let first = near.is_empty() && self.matches_all(incoming, incoming);
        let letter = |row: usize| {
            let pairs: Vec<Option<Pair>> = affinity.iter().map(|term| self.pair(row, term)).collect();
            let counted = |pair: &Option<Pair>| pair.as_ref().is_some_and(|pair| near.contains_key(pair));
            if pairs.contains(&None) || !pairs.iter().all(counted) && !first {
                return 'a';
            }
            if anti.iter().filter_map(|term| self.pair(row, term)).any(|pair| far.contains_key(&pair)) {
                return 'n';
            }
            let labels = self.nodes[row].iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
            if labels.into_iter().any(|pair| existing.contains_key(&pair)) { 'e' } else { '.' }
        };
        Some((0..self.nodes.len()).map(letter).collect())
    }

    /// The raw score of every node; `None` if scoring is skipped.
    fn raw(&self, incoming: &Plain) -> Option<Vec<i64>> {
        let wishes = preferred(incoming);
        if self.args.ignore_preferred_terms_of_existing_pods && wishes.is_empty() {
            return None;
        }
        let mut scores: BTreeMap<Pair, i64> = BTreeMap::new();
        let mut add = |pair: Option<Pair>, weight: i64| {
            if let Some(pair) = pair {
                *scores.entry(pair).or_default() += weight;
            }
        };
        for (pod, row) in &self.pods {
            for (weight, term) in wishes.iter().filter(|(_, term)| self.incoming_holds(incoming, term, pod)) {
                add(self.pair(*row, term), *weight);
            }
            let hard = i64::from(self.args.hard_pod_affinity_weight);
            let needs =
                required(pod.affinity.pod.as_ref()).into_iter().filter(|_| hard > 0).map(|term| (hard, term));
            for (weight, term) in needs.chain(preferred(pod)) {
                if self.existing_holds(pod, &term, incoming) {
                    add(self.pair(*row, &term), weight);
                }
            }
        }
        if scores.is_empty() {
            return None;
        }
        let score = |labels: &Option<Labels>| {
            let pairs = labels.iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
            pairs.filter_map(|pair| scores.get(&pair)).sum()
        };
        Some(self.nodes.iter().map(score).collect())
    }
}

fn normalized(raw: &[i64]) -> Vec<i64> {
    let (min, max) = (*raw.iter().min().unwrap(), *raw.iter().max().unwrap());
    let scale = |score: &i64| (100.0 * ((score - min) as f64 / (max - min) as f64)) as i64;
    if min == max { vec![0; raw.len()] } else { raw.iter().map(scale).collect() }
}

/// Rows by index key.
type Groups = BTreeMap<Vec<i64>, Vec<u32>>;

/// Random objects from few values, so that they meet.
struct Dice(Stream);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn labels(&mut self, keys: &[&str]) -> Labels {
        let mut labels = Labels::new();
        for key in keys {
            if !self.one_in(3) {
                labels.insert((*key).to_owned(), ["u", "v"][self.below(2)].to_owned());
            }
        }
        labels
    }

    fn selector(&mut self, keys: &[&str]) -> LabelSelector {
        let mut selector = LabelSelector::default();
        for _ in 0..self.below(3) {
            let key = keys[self.below(keys.len())].to_owned();
            let operator =
                [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist][self.below(4)];
            let values = match operator {
                Operator::In | Operator::NotIn => vec![["u", "v"][self.below(2)].to_owned()],
                _ => Vec::new(),
            };
            selector.match_expressions.push(Requirement { key, operator, values });
        }
        selector
    }

    fn term(&mut self) -> PodAffinityTerm {
        let namespaces = (0..self.below(4) / 2).map(|_| SPACES[self.below(4)].to_owned()).collect();
        PodAffinityTerm {
            label_selector: (!self.one_in(8)).then(|| self.selector(&["app", "tier"])),
            namespaces,
            namespace_selector: self.one_in(3).then(|| self.selector(&["env", "team"])),
            topology_key: KEYS[[0, 0, 0, 1, 1, 1, 2, 3][self.below(8)]].to_owned(),
        }
    }

    fn side(&mut self) -> Option<PodAffinity> {
        if self.one_in(2) {
            return None;
        }
        let mut side = PodAffinity::default();
        for _ in 0..self.below(4) / 2 {
            side.required.push(self.term());
        }
        for _ in 0..self.below(5) / 2 {
            let weight = self.below(101) as i32;
            side.preferred.push((weight, self.term()));
        }
        Some(side)
    }

    fn pod(&mut self) -> Plain {
        let mut affinity = Affinity::default();
        if !self.one_in(4) {
            (affinity.pod, affinity.pod_anti) = (self.side(), self.side());
        }
        Plain { namespace: SPACES[self.below(4)].to_owned(), labels: self.labels(&["app", "tier"]), affinity }
    }

    fn node_labels(&mut self, name: &str) -> Labels {
        let mut labels = Labels::new();
        if !self.one_in(10) {
            labels.insert(KEYS[0].to_owned(), name.to_owned());
        }
        for (key, values) in [(KEYS[1], 3), (KEYS[2], 6)] {
            if !self.one_in(5) {
                labels.insert(key.to_owned(), format!("{key}-{}", self.below(values)));
            }
        }
        labels
    }
}

/// The cluster with the plugin beside the textbook.
struct Both {
    cluster: Cluster,
    plugin: InterPodAffinity,
    textbook: Textbook,
    compiled: u32,
    /// The pods on nodes, in the textbook's order.
    ids: Vec<PodId>,
    /// Index keys by class, with what they were made at: statics and selectors.
    keys: BTreeMap<ClassId, Keys>,
}

/// Index keys as an index would keep them, with the generation of each node.
struct Keys {
    made_at: (u64, u64),
    rows: Vec<(u64, Vec<i64>)>,
}

impl Both {
    fn new(args: InterPodArgs) -> Both {
        let textbook = Textbook { args, ..Textbook::default() };
        let (cluster, plugin) = (Cluster::default(), InterPodAffinity::new(args));
        Both { cluster, plugin, textbook, compiled: 0, ids: Vec::new(), keys: BTreeMap::new() }
    }

    fn set_namespace(&mut self, name: &str, labels: Labels) {
        self.cluster.selectors.set_namespace(&mut self.cluster.names, name, &labels);
        self.textbook.namespaces.insert(name.to_owned(), labels);
    }

    fn add_node(&mut self, row: usize, labels: Labels) {
        let mut node = Node::default();
        node.meta.name = format!("n{row}");
        node.meta.labels = labels.clone();
        self.cluster.add_node(&node, PoolId(0), Time::ZERO);
        self.textbook.nodes.resize(self.cluster.nodes.len(), None);
        self.textbook.nodes[row] = Some(labels);
    }

    fn class(&mut self, pod: &Plain) -> ClassId {
        let mut template = PodTemplate { labels: pod.labels.clone(), ..PodTemplate::default() };
        template.spec.affinity = pod.affinity.clone();
        let class = self.cluster.class(&Arc::new(template), &pod.namespace, 0);
        while (self.compiled as usize) < self.cluster.classes.len() {
            self.plugin.compile(&mut self.cluster, ClassId(self.compiled));
            self.compiled += 1;
        }
        class
    }

    fn place(&mut self, pod: &Plain, row: usize) {
        let class = self.class(pod);
        let id = insert_pod(&mut self.cluster, class);
        self.cluster.place(id, NodeId(row as u32));
        self.ids.push(id);
        self.textbook.pods.push((pod.clone(), row));
    }

    fn letters(&mut self, context: Context<'_>) -> Vec<char> {
        let mut passed = BitSet::default();
        passed.copy_from(&context.cluster.nodes.present);
        self.plugin.filter(context, &mut passed);
        let letter = |row: usize| {
            let mut causes = Vec::new();
            let code = self.plugin.status(context, NodeId(row as u32), &mut causes);
            assert_eq!(code == Code::Success, passed.contains(row));
            match causes.first() {
                Some(Cause::Text(text)) if text.contains("existing") => 'e',
                Some(Cause::Text(text)) if text.contains("anti") => 'n',
                Some(_) => 'a',
                None => '.',
            }
        };
        context.cluster.nodes.present.iter().map(letter).collect()
    }

    /// What the textbook says of nodes that exist.
    fn present<T: Copy>(&self, of_rows: &[T]) -> Vec<T> {
        self.cluster.nodes.present.iter().map(|row| of_rows[row]).collect()
    }

    /// Holds the plugin's answers for a pod equal to the textbook's.
    fn compare(&mut self, pod: &Plain, dice: &mut Dice) -> Result<(), TestCaseError> {
        let class = self.class(pod);
        let cluster = self.cluster.clone();
        let context = Context { cluster: &cluster, class, pod: None, version: Version::V1_36 };
        let expected = self.textbook.filter(pod);
        let code = self.plugin.pre_filter(context).status.code;
        prop_assert_eq!(code == Code::Skip, expected.is_none());
        if let Some(expected) = expected {
            let expected = self.present(&expected);
            prop_assert_eq!(self.letters(context), expected);
            self.compare_dry_run(context, pod, dice)?;
        }
        let reach = self.plugin.reach(context);
        let groups = self.check_keys(context, reach)?;
        let raw = self.textbook.raw(pod);
        let set = &cluster.nodes.present;
        let skipped = self.plugin.pre_score(context, Targets::Rows(set)) == Status::SKIP;
        prop_assert_eq!(skipped, raw.is_none());
        let Some(raw) = raw else { return Ok(()) };
        prop_assert_ne!(reach, Reach::Static);
        let rows: Vec<u32> = set.iter().map(|row| row as u32).collect();
        let raw = self.present(&raw);
        prop_assert_eq!(&self.scores(context, Targets::Listed(&rows))?, &(raw.clone(), normalized(&raw)));
        let (by_row, scaled) = self.scores(context, Targets::Rows(set))?;
        prop_assert_eq!((self.present(&by_row), self.present(&scaled)), (raw.clone(), normalized(&raw)));
        let Some(groups) = groups else { return Ok(()) };
        let firsts: Vec<u32> = groups.values().map(|rows| rows[0]).collect();
        let sizes: Vec<u32> = groups.values().map(|rows| rows.len() as u32).collect();
        let (some, scaled) = self.scores(context, Targets::Groups { rows: &firsts, sizes: &sizes })?;
        let all: BTreeMap<u32, (i64, i64)> =
            rows.iter().copied().zip(raw.iter().copied().zip(normalized(&raw))).collect();
        for (place, members) in groups.values().enumerate() {
            for member in members {
                prop_assert_eq!(all[member], (some[place], scaled[place]));
            }
        }
        Ok(())
    }

    /// The raw and the normalised scores of the targets.
    fn scores(
        &mut self,
        context: Context<'_>,
        targets: Targets<'_>,
    ) -> Result<(Vec<i64>, Vec<i64>), TestCaseError> {
        let mut column = Column::default();
        prop_assert_eq!(self.plugin.pre_score(context, targets), Status::SUCCESS);
        self.plugin.score(context, targets, &mut column);
        let raw = (0..targets.len()).map(|place| column.at(place)).collect();
        self.plugin.normalize_score(context, targets, &mut column);
        Ok((raw, (0..targets.len()).map(|place| column.at(place)).collect()))
    }

    /// Takes a pod away, puts another one somewhere, and takes both back.
    fn compare_dry_run(
        &mut self,
        context: Context<'_>,
        pod: &Plain,
        dice: &mut Dice,
    ) -> Result<(), TestCaseError> {
        if self.textbook.pods.is_empty() {
            return Ok(());
        }
        let place = dice.below(self.ids.len());
        let present: Vec<usize> = context.cluster.nodes.present.iter().collect();
        let Some(&row) = present.get(dice.below(present.len().max(1))) else { return Ok(()) };
        let (gone, at) = self.textbook.pods[place].clone();
        if self.textbook.nodes[at].is_none() {
            return Ok(());
        }
        let class = context.cluster.pods.class[self.ids[place].index()];
        self.plugin.remove_pod(context, class, NodeId(at as u32));
        self.plugin.add_pod(context, class, NodeId(row as u32));
        self.textbook.pods[place].1 = row;
        if let Some(expected) = self.textbook.filter(pod) {
            let expected = self.present(&expected);
            prop_assert_eq!(self.letters(context), expected);
        }
        self.plugin.remove_pod(context, class, NodeId(row as u32));
        self.plugin.add_pod(context, class, NodeId(at as u32));
        self.textbook.pods[place] = (gone, at);
        Ok(())
    }

    /// Holds what an index may rely on: keys stay while nothing that they depend on changes, and
    /// nodes of equal keys are judged alike. Returns the groups.
    fn check_keys(&mut self, context: Context<'_>, reach: Reach) -> Result<Option<Groups>, TestCaseError> {
        if reach != Reach::Topology {
            self.keys.remove(&context.class);
            return Ok(None);
        }
        let nodes = &context.cluster.nodes;
        let made_at = (nodes.static_change_count(), context.cluster.selectors.change_count());
        let rows: Vec<(u64, Vec<i64>)> = (0..nodes.len())
            .map(|row| {
                let mut key = Vec::new();
                self.plugin.index_key(context, NodeId(row as u32), &mut key);
                (nodes.generation[row], key)
            })
            .collect();
        let before = self.keys.insert(context.class, Keys { made_at, rows: rows.clone() });
        if let Some(before) = before.filter(|before| before.made_at == made_at) {
            for (old, new) in before.rows.iter().zip(&rows).filter(|(old, new)| old.0 == new.0) {
                prop_assert_eq!(&old.1, &new.1);
            }
        }
        let mut groups = Groups::new();
        for row in nodes.present.iter() {
            groups.entry(rows[row].1.clone()).or_default().push(row as u32);
        }
        for group in groups.values() {
            let codes = group.iter().map(|&row| self.plugin.status(context, NodeId(row), &mut Vec::new()));
            let codes: Vec<Code> = codes.collect();
            prop_assert!(codes.iter().all(|code| *code == codes[0]));
        }
        Ok(Some(groups))
    }

    /// Something happens.
    fn disturb(&mut self, dice: &mut Dice, pods: &mut [Plain]) {
        let row = dice.below(self.textbook.nodes.len());
        let node = NodeId(row as u32);
        let exists = self.textbook.nodes[row].is_some();
        match dice.below(24) {
            0 if exists => {
                self.cluster.remove_node(node);
                self.textbook.nodes[row] = None;
            }
            1 | 2 if !exists => {
                let labels = dice.node_labels(&format!("n{row}"));
                self.add_node(row, labels);
            }
            3 => {
                let row = self.textbook.nodes.len();
                let labels = dice.node_labels(&format!("n{row}"));
                self.add_node(row, labels);
            }
            4 if exists => {
                let taint =
                    Taint { key: "k".into(), value: String::new(), effect: TaintEffect::PreferNoSchedule };
                self.cluster
                    .set_taints(node, if dice.one_in(2) { &[] } else { std::slice::from_ref(&taint) });
            }
            5 => {
                let labels = dice.labels(&["env", "team"]);
                self.set_namespace(SPACES[dice.below(3)], labels);
            }
            6 => {
                let new = dice.pod();
                let place = dice.below(pods.len());
                pods[place] = new;
            }
            7 => self.cluster.selectors.set_service(&mut self.cluster.names, "default", "s", None),
            8..12 if !self.ids.is_empty() => {
                let place = dice.below(self.ids.len());
                let id = self.ids.swap_remove(place);
                self.textbook.pods.swap_remove(place);
                self.cluster.displace(id);
            }
            12 if !self.ids.is_empty() => {
                self.cluster.begin_deletion(self.ids[dice.below(self.ids.len())], Time::ZERO);
            }
            _ if exists => {
                let pod = pods[dice.below(pods.len())].clone();
                self.place(&pod, row);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn safety_kept_counts_equal_textbook(
        seed in any::<u64>(),
        count in 1usize..14,
        weight in prop::sample::select(vec![0, 1, 50]),
        ignores in prop::bool::weighted(0.2),
    ) {
        let mut dice = Dice(Streams::new(seed).stream(Purpose::Fuzz, 0));
        let mut both = Both::new(InterPodArgs {
            hard_pod_affinity_weight: weight,
            ignore_preferred_terms_of_existing_pods: ignores,
        });
        for name in &SPACES[..3] {
            let labels = dice.labels(&["env", "team"]);
            both.set_namespace(name, labels);
        }
        for row in 0..count {
            let labels = dice.node_labels(&format!("n{row}"));
            both.add_node(row, labels);
        }
        let mut pods: Vec<Plain> = (0..5).map(|_| dice.pod()).collect();
        for _ in 0..80 {
            both.disturb(&mut dice, &mut pods);
            let pod = pods[dice.below(pods.len())].clone();
            both.compare(&pod, &mut dice)?;
        }
    }
}
