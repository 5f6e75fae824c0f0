//! The plugin by itself: golden numbers, quirks, hints and the room that it takes.

use super::*;
use crate::api::pod::{TopologySpreadConstraint, WhenUnsatisfiable};
use crate::api::{LabelSelector, Node, PodTemplate};
use crate::base::ids::{PodId, PoolId};
use crate::base::{Quantity, Time};
use crate::cluster::pods::NewRow;
use crate::cluster::{PodName, PodRef};
use crate::control::config::Version;
use crate::control::scheduler::events::NodeFacts;
use std::collections::BTreeMap;
use std::sync::Arc;

const ZONE: &str = "topology.kubernetes.io/zone";

fn node(name: &str, zone: Option<&str>) -> Node {
    let mut node = Node::default();
    node.meta.name = name.to_owned();
    node.meta.labels.insert(HOSTNAME_KEY.into(), name.into());
    node.meta.labels.extend(zone.map(|zone| (ZONE.to_owned(), zone.to_owned())));
    node.allocatable.insert("pods".into(), Quantity::from_units(110));
    node
}

fn web() -> LabelSelector {
    LabelSelector { match_labels: vec![("app".into(), "web".into())], ..LabelSelector::default() }
}

fn constraint(key: &str, max_skew: i32, when_unsatisfiable: WhenUnsatisfiable) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew,
        topology_key: key.to_owned(),
        when_unsatisfiable,
        label_selector: Some(web()),
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: false,
        match_label_keys: Vec::new(),
    }
}

fn template(constraints: &[TopologySpreadConstraint]) -> PodTemplate {
    let mut template = PodTemplate::default();
    template.labels.insert("app".into(), "web".into());
    template.spec.topology_spread = constraints.to_vec();
    template
}

/// A cluster in which the n-th node has a zone and so many pods, with the plugin and a class.
struct Setting {
    cluster: Cluster,
    plugin: PodTopologySpread,
    class: ClassId,
}

impl Setting {
    fn new(nodes: &[(Option<&str>, usize)], constraints: &[TopologySpreadConstraint]) -> Setting {
        let mut cluster = Cluster::default();
        let pairs = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        cluster.selectors.set_service(&mut cluster.names, "default", "web", Some(&pairs));
        let class = cluster.class(&Arc::new(template(constraints)), "default", 0);
        let mut plugin = PodTopologySpread::new(&SpreadArgs::default());
        plugin.compile(&mut cluster, class);
        let mut setting = Setting { cluster, plugin, class };
        for (number, &(zone, pods)) in nodes.iter().enumerate() {
            let node = setting.cluster.add_node(&node(&format!("n{number}"), zone), PoolId(0), Time::ZERO);
            for _ in 0..pods {
                setting.place(node);
            }
        }
        setting
    }

    fn place(&mut self, node: NodeId) {
        let row = self.cluster.pods.present.len() as u32;
        let pod = PodRef { id: PodId(row), generation: 0 };
        let name = PodName::Own("pod".into());
        let new = NewRow {
            serial: row.into(),
            name,
            class: self.class,
            owner: None,
            created: Time::ZERO,
            index: None,
            tracked: false,
        };
        self.cluster.pods.insert(pod, new);
        self.cluster.place(pod.id, node);
    }

    fn context(&self) -> Context<'_> {
        Context { cluster: &self.cluster, class: self.class, pod: None, version: Version::V1_36 }
    }

    /// Raw and normalised scores of all nodes; `None` if the score is skipped.
    fn scores(&mut self) -> Option<(Vec<i64>, Vec<i64>)> {
        let Setting { cluster, plugin, class } = self;
        let context = Context { cluster, class: *class, pod: None, version: Version::V1_36 };
        let targets = Targets::Rows(&cluster.nodes.present);
        if plugin.pre_score(context, targets).code == Code::Skip {
            return None;
        }
        let mut column = Column::default();
        plugin.score(context, targets, &mut column);
        let raw = column.values.clone();
        plugin.normalize_score(context, targets, &mut column);
        Some((raw, column.values))
    }

    /// The rows that pass.
    fn passing(&mut self) -> Vec<usize> {
        let Setting { cluster, plugin, class } = self;
        let context = Context { cluster, class: *class, pod: None, version: Version::V1_36 };
        let mut nodes = BitSet::default();
        nodes.copy_from(&cluster.nodes.present);
        if plugin.pre_filter(context).status.code != Code::Skip {
            plugin.filter(context, &mut nodes);
        }
        nodes.iter().collect()
    }

    fn hears(&mut self, change: &Change<'_>) -> bool {
        let Setting { cluster, plugin, class } = self;
        plugin.hint(Context { cluster, class: *class, pod: None, version: Version::V1_36 }, change)
    }
}

#[test]
fn golden_scores() {
    let soft = |key, skew| constraint(key, skew, WhenUnsatisfiable::ScheduleAnyway);
    let nodes = [4, 3, 2, 1].map(|pods| (None, pods));
    let found = Setting::new(&nodes, &[]).scores();
    assert_eq!(found, Some((vec![9, 7, 6, 4], vec![44, 66, 77, 100])), "system defaults without zones");
    let nodes = [4, 2, 1].map(|pods| (None, pods));
    let found = Setting::new(&nodes, &[soft(HOSTNAME_KEY, 1)]).scores();
    assert_eq!(found, Some((vec![6, 3, 2], vec![33, 83, 100])));
    let nodes = [(Some("a"), 3), (Some("a"), 3), (Some("b"), 2), (Some("b"), 1)];
    let found = Setting::new(&nodes, &[]).scores();
    assert_eq!(found, Some((vec![20, 20, 14, 12], vec![60, 60, 90, 100])), "both system defaults");
    let found = Setting::new(&[(None, 0); 2], &[soft(HOSTNAME_KEY, 1)]).scores();
    assert_eq!(found, Some((vec![0, 0], vec![100, 100])));
    let found = Setting::new(&[(Some("a"), 1), (None, 0)], &[soft(ZONE, 1)]).scores();
    assert_eq!(found, Some((vec![1, 0], vec![100, 0])), "a node without the label is not scored");
}

#[test]
fn hard_constraints_take_out_what_is_too_uneven() {
    let hard = |key, skew| constraint(key, skew, WhenUnsatisfiable::DoNotSchedule);
    let nodes = [2, 1, 0, 3].map(|pods| (Some("a"), pods));
    assert_eq!(Setting::new(&nodes, &[hard(HOSTNAME_KEY, 1)]).passing(), [2]);
    assert_eq!(Setting::new(&nodes, &[hard(HOSTNAME_KEY, 2)]).passing(), [1, 2]);
    let few = TopologySpreadConstraint { min_domains: Some(5), ..hard(HOSTNAME_KEY, 3) };
    assert_eq!(Setting::new(&nodes, &[few]).passing(), [0, 1, 2]);
    let zones = [(Some("a"), 2), (Some("b"), 1), (None, 0)];
    let mut setting = Setting::new(&zones, &[hard(ZONE, 1)]);
    assert_eq!(setting.passing(), [1]);
    let mut status = |row| {
        let mut causes = Vec::new();
        let context =
            Context { cluster: &setting.cluster, class: setting.class, pod: None, version: Version::V1_36 };
        let code = setting.plugin.status(context, NodeId(row), &mut causes);
        (code, causes.first().map(|cause| cause.text(&setting.cluster)))
    };
    let uneven = "node(s) didn't match pod topology spread constraints";
    assert_eq!(status(0), (Code::Unschedulable, Some(uneven.to_owned())));
    assert_eq!(status(1), (Code::Success, None));
    let missing = format!("{uneven} (missing required label)");
    assert_eq!(status(2), (Code::UnschedulableAndUnresolvable, Some(missing)));
}

#[test]
fn pods_that_are_being_deleted_count_only_where_preemption_supposes() {
    let hard = constraint(HOSTNAME_KEY, 1, WhenUnsatisfiable::DoNotSchedule);
    let mut setting = Setting::new(&[(None, 1), (None, 1), (None, 0)], &[hard]);
    assert_eq!(setting.passing(), [2]);
    setting.cluster.begin_deletion(PodId(0), Time::ZERO);
    assert_eq!(setting.passing(), [0, 2]);
    let class = setting.class;
    let Setting { cluster, plugin, .. } = &mut setting;
    let context = Context { cluster, class, pod: None, version: Version::V1_36 };
    plugin.add_pod(context, class, NodeId(0));
    assert_eq!(plugin.status(context, NodeId(0), &mut Vec::new()), Code::Unschedulable);
    plugin.remove_pod(context, class, NodeId(0));
    plugin.remove_pod(context, class, NodeId(1));
    assert_eq!(plugin.status(context, NodeId(1), &mut Vec::new()), Code::Success);
    plugin.add_pod(context, class, NodeId(1));
    setting.cluster.displace(PodId(0));
    assert_eq!(setting.passing(), [0, 2], "it is not taken away twice");
}

#[test]
fn default_constraints_come_and_go_with_what_selects_the_pod() {
    let mut setting = Setting::new(&[(None, 1), (None, 0)], &[]);
    assert_eq!(setting.plugin.classes.get(setting.class).soft.len(), 2);
    assert!(setting.scores().is_some());
    let Cluster { names, selectors, .. } = &mut setting.cluster;
    selectors.set_service(names, "default", "web", None);
    assert_eq!(setting.scores(), None);
    let reach = setting.plugin.reach(Context {
        cluster: &setting.cluster,
        class: setting.class,
        pod: None,
        version: Version::V1_36,
    });
    assert_eq!(reach, Reach::Static);
}

#[test]
fn columns_of_classes_that_are_not_used_are_given_up() {
    let mut setting = Setting::new(&[(Some("a"), 1), (Some("b"), 0)], &[]);
    let first = setting.scores();
    let classes: Vec<ClassId> = (0..300)
        .map(|number| {
            let mut other = template(&[]);
            other.labels.insert("number".into(), number.to_string());
            let zone = constraint(ZONE, 1 + number, WhenUnsatisfiable::ScheduleAnyway);
            let label_selector = Some(LabelSelector {
                match_labels: vec![("number".into(), number.to_string())],
                ..LabelSelector::default()
            });
            other.spec.topology_spread = vec![TopologySpreadConstraint { label_selector, ..zone }];
            setting.cluster.class(&Arc::new(other), "default", 0)
        })
        .collect();
    let web = setting.class;
    for class in classes {
        setting.plugin.compile(&mut setting.cluster, class);
        setting.class = class;
        assert!(setting.scores().is_some());
    }
    assert_eq!(setting.plugin.tables.filled(), (256, 256));
    setting.class = web;
    assert_eq!(setting.scores(), first);
}

#[test]
fn hints_tell_what_may_help() {
    let hard = constraint(ZONE, 1, WhenUnsatisfiable::DoNotSchedule);
    let mut setting = Setting::new(&[(Some("a"), 0), (None, 0), (Some("b"), 0)], &[hard]);
    let alike = setting.class;
    let unlike = setting.cluster.class(&Arc::default(), "default", 0);
    let elsewhere = setting.cluster.class(&Arc::new(template(&[])), "other", 0);
    for action in [Action::Add, Action::Delete] {
        let heard = [alike, unlike, elsewhere]
            .map(|class| setting.hears(&Change::Pod { class, before: None, action }));
        assert_eq!(heard, [true, false, false]);
    }
    let [a, none, b] = [0, 1, 2].map(|row| NodeFacts::of(setting.context().cluster, NodeId(row)));
    let taint = crate::api::Taint {
        key: "k".into(),
        value: String::new(),
        effect: crate::api::TaintEffect::NoSchedule,
    };
    setting.cluster.set_taints(NodeId(0), &[taint]);
    let tainted = NodeFacts::of(&setting.cluster, NodeId(0));
    let cases = [
        (Action::Add, None, &a, true),
        (Action::Add, None, &none, false),
        (Action::Delete, Some(&a), &a, true),
        (Action::Delete, Some(&none), &none, false),
        (Action::UpdateNodeLabel, Some(&a), &none, true),
        (Action::UpdateNodeLabel, Some(&none), &a, true),
        (Action::UpdateNodeLabel, Some(&a), &b, true),
        (Action::UpdateNodeLabel, Some(&a), &a, false),
        (Action::UpdateNodeTaint, Some(&a), &tainted, true),
    ];
    for (place, (action, before, after, expected)) in cases.into_iter().enumerate() {
        let change = Change::Node { node: NodeId(0), action, before, after };
        assert_eq!(setting.hears(&change), expected, "case {place}");
    }
}
