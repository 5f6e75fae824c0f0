//! Tables of situations: four nodes, `a1` and `a2` in zone `za`, `b1` in `zb`, `x1` in none.

use super::*;
use crate::api::pod::PodAffinityTerm;
use crate::api::{LabelSelector, Labels, Node, Operator, PodTemplate, Requirement};
use crate::base::Time;
use crate::base::ids::{PodId, PoolId};
use crate::cluster::pods::NewRow;
use crate::cluster::{PodName, PodRef};
use crate::control::config::Version;
use crate::control::scheduler::events::NodeFacts;
use std::sync::Arc;

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "zone";
const NODES: [(&str, Option<&str>); 4] =
    [("a1", Some("za")), ("a2", Some("za")), ("b1", Some("zb")), ("x1", None)];

/// A pod in the making.
#[derive(Clone)]
struct Make {
    namespace: &'static str,
    template: PodTemplate,
}

/// A pod of an application in the default namespace.
fn app(name: &str) -> Make {
    let mut template = PodTemplate::default();
    template.labels.insert("app".into(), name.into());
    Make { namespace: "default", template }
}

impl Make {
    fn namespace(self, namespace: &'static str) -> Make {
        Make { namespace, ..self }
    }

    fn must(mut self, term: PodAffinityTerm) -> Make {
        self.template.spec.affinity.pod.get_or_insert_default().required.push(term);
        self
    }

    fn must_not(mut self, term: PodAffinityTerm) -> Make {
        self.template.spec.affinity.pod_anti.get_or_insert_default().required.push(term);
        self
    }

    fn likes(mut self, weight: i32, term: PodAffinityTerm) -> Make {
        self.template.spec.affinity.pod.get_or_insert_default().preferred.push((weight, term));
        self
    }

    fn dislikes(mut self, weight: i32, term: PodAffinityTerm) -> Make {
        self.template.spec.affinity.pod_anti.get_or_insert_default().preferred.push((weight, term));
        self
    }
}

fn pairs(key: &str, value: &str) -> LabelSelector {
    LabelSelector { match_labels: vec![(key.into(), value.into())], match_expressions: Vec::new() }
}

fn expression(key: &str, operator: Operator) -> LabelSelector {
    let one = Requirement { key: key.into(), operator, values: Vec::new() };
    LabelSelector { match_labels: Vec::new(), match_expressions: vec![one] }
}

/// Pods of an application, in a topology.
fn near(name: &str, key: &str) -> PodAffinityTerm {
    PodAffinityTerm {
        label_selector: Some(pairs("app", name)),
        topology_key: key.into(),
        ..PodAffinityTerm::default()
    }
}

fn listed(namespace: &str, term: PodAffinityTerm) -> PodAffinityTerm {
    PodAffinityTerm { namespaces: vec![namespace.into()], ..term }
}

fn selected(selector: LabelSelector, term: PodAffinityTerm) -> PodAffinityTerm {
    PodAffinityTerm { namespace_selector: Some(selector), ..term }
}

fn of(selector: Option<LabelSelector>, term: PodAffinityTerm) -> PodAffinityTerm {
    PodAffinityTerm { label_selector: selector, ..term }
}

struct Bench {
    cluster: Cluster,
    plugin: InterPodAffinity,
    compiled: u32,
}

impl Bench {
    fn new(args: InterPodArgs) -> Bench {
        let mut cluster = Cluster::default();
        for (name, zone) in NODES {
            let mut node = Node::default();
            node.meta.name = name.into();
            node.meta.labels.insert(HOST.into(), name.into());
            node.meta.labels.extend(zone.map(|zone| (ZONE.to_owned(), zone.to_owned())));
            cluster.add_node(&node, PoolId(0), Time::ZERO);
        }
        for (name, env) in [("default", None), ("prod", Some("prod")), ("dev", Some("dev"))] {
            let labels: Labels = env.map(|env| ("env".to_owned(), env.to_owned())).into_iter().collect();
            cluster.selectors.set_namespace(&mut cluster.names, name, &labels);
        }
        Bench { cluster, plugin: InterPodAffinity::new(args), compiled: 0 }
    }

    fn class(&mut self, pod: &Make) -> ClassId {
        let class = self.cluster.class(&Arc::new(pod.template.clone()), pod.namespace, 0);
        while (self.compiled as usize) < self.cluster.classes.len() {
            self.plugin.compile(&mut self.cluster, ClassId(self.compiled));
            self.compiled += 1;
        }
        class
    }

    fn node(&self, name: &str) -> NodeId {
        self.cluster.nodes.find(self.cluster.names.get(name).unwrap()).unwrap()
    }

    fn place(&mut self, pod: &Make, node: &str) -> PodId {
        let class = self.class(pod);
        let row = self.cluster.pods.present.len() as u32;
        let reference = PodRef { id: PodId(row), generation: 0 };
        let name = PodName::Own(format!("pod-{row}").into());
        let new = NewRow {
            serial: row.into(),
            name,
            class,
            owner: None,
            created: Time::ZERO,
            index: None,
            tracked: false,
        };
        self.cluster.pods.insert(reference, new);
        self.cluster.place(reference.id, self.node(node));
        reference.id
    }

    fn ask<T>(&mut self, class: ClassId, ask: impl FnOnce(&mut InterPodAffinity, Context<'_>) -> T) -> T {
        let context = Context { cluster: &self.cluster, class, pod: None, version: Version::V1_36 };
        ask(&mut self.plugin, context)
    }

    /// One letter for each node: passed, refused by affinity, by anti-affinity, by existing pods.
    fn letters(&mut self, class: ClassId) -> String {
        self.ask(class, |plugin, context| {
            let mut passed = context.cluster.nodes.present.clone();
            plugin.filter(context, &mut passed);
            let letter = |row: usize| {
                let mut causes = Vec::new();
                let code = plugin.status(context, NodeId(row as u32), &mut causes);
                let is_present = context.cluster.nodes.present.contains(row);
                assert_eq!(code == Code::Success && is_present, passed.contains(row));
                match causes[..] {
                    [] => '.',
                    [Cause::Text("node(s) didn't match pod affinity rules")] => {
                        assert_eq!(code, Code::UnschedulableAndUnresolvable);
                        'a'
                    }
                    [Cause::Text(text)] => {
                        assert_eq!(code, Code::Unschedulable);
                        if text.contains("existing") { 'e' } else { 'n' }
                    }
                    _ => panic!("{causes:?}"),
                }
            };
            (0..NODES.len()).map(letter).collect()
        })
    }

    fn filter(&mut self, pod: &Make) -> String {
        let class = self.class(pod);
        let answer = self.ask(class, Plugin::pre_filter);
        match answer.status.code {
            Code::Skip => "skip".into(),
            Code::Success => self.letters(class),
            _ => answer.status.message,
        }
    }

    /// The raw scores; `None` if scoring is skipped.
    fn raw(&mut self, pod: &Make) -> Option<Vec<i64>> {
        let class = self.class(pod);
        self.ask(class, |plugin, context| {
            let targets = Targets::Rows(&context.cluster.nodes.present);
            let mut column = Column::default();
            if plugin.pre_score(context, targets) == Status::SKIP {
                return None;
            }
            plugin.score(context, targets, &mut column);
            Some((0..NODES.len()).map(|row| column.at(row)).collect())
        })
    }
}

/// Situations: what is where, what is to be placed, and the letters of the nodes.
type Filters = Vec<(&'static str, Vec<(Make, &'static str)>, Make, &'static str)>;

fn check_filters(cases: Filters) {
    for (name, pods, incoming, expected) in cases {
        let mut bench = Bench::new(InterPodArgs::default());
        for (pod, node) in &pods {
            bench.place(pod, node);
        }
        assert_eq!(bench.filter(&incoming), expected, "{name}");
    }
}

/// Pods of applications on `a1` and `b1`.
fn plain(names: &[&str]) -> Vec<(Make, &'static str)> {
    names.iter().zip(["a1", "b1"]).map(|(name, node)| (app(name), node)).collect()
}

/// One pod on `a1`.
fn one(pod: Make) -> Vec<(Make, &'static str)> {
    vec![(pod, "a1")]
}

fn x(key: &str) -> PodAffinityTerm {
    near("x", key)
}

fn i(key: &str) -> PodAffinityTerm {
    near("i", key)
}

#[test]
fn filters_by_own_terms() {
    let y = near("y", ZONE);
    check_filters(vec![
        ("no rules", plain(&["x"]), app("i"), "skip"),
        ("zone", plain(&["x"]), app("i").must(x(ZONE)), "..aa"),
        ("host", plain(&["x"]), app("i").must(x(HOST)), ".aaa"),
        ("nobody matches", plain(&["y"]), app("i").must(x(ZONE)), "aaaa"),
        ("the first of a group", plain(&["y"]), app("x").must(x(ZONE)), "...a"),
        ("the group is elsewhere", plain(&["y", "x"]), app("x").must(x(ZONE)), "aa.a"),
        ("two terms, two pods", plain(&["x", "y"]), app("i").must(x(ZONE)).must(y), "aaaa"),
        ("two terms, one pod", plain(&["x"]), app("i").must(x(ZONE)).must(x(HOST)), ".aaa"),
        ("one term twice", plain(&["x"]), app("i").must(x(ZONE)).must(x(ZONE)), "..aa"),
        ("the first lacks one key", plain(&[]), app("x").must(x(HOST)).must(x(ZONE)), "...a"),
        ("anti, zone", plain(&["x"]), app("i").must_not(x(ZONE)), "nn.."),
        ("anti, host", plain(&["x"]), app("i").must_not(x(HOST)), "n..."),
        ("both", plain(&["x", "y"]), app("i").must(x(ZONE)).must_not(x(HOST)), "n.aa"),
    ]);
}

#[test]
fn filters_by_terms_of_existing_pods() {
    let y = |term| app("y").must_not(term);
    let absent = || expression("env", Operator::DoesNotExist);
    let prod = || pairs("env", "prod");
    check_filters(vec![
        ("zone", one(y(i(ZONE))), app("i"), "ee.."),
        ("without the key", vec![(y(i(ZONE)), "x1")], app("i"), "skip"),
        ("own terms first", one(app("x").must_not(i(ZONE))), app("i").must_not(x(HOST)), "ne.."),
        ("its own namespace", one(y(i(ZONE))), app("i").namespace("prod"), "skip"),
        ("listed", one(y(listed("prod", i(ZONE)))), app("i").namespace("prod"), "ee.."),
        ("selected", one(y(selected(prod(), i(ZONE)))), app("i").namespace("prod"), "ee.."),
        ("not selected", one(y(selected(prod(), i(ZONE)))), app("i").namespace("dev"), "skip"),
        ("a label is there", one(y(selected(absent(), i(ZONE)))), app("i").namespace("dev"), "skip"),
        ("a label is absent", one(y(selected(absent(), i(ZONE)))), app("i").namespace("nowhere"), "ee.."),
        (
            "a list that cannot be built is empty",
            one(y(i(ZONE)).must_not(of(Some(expression("a", Operator::In)), x(ZONE)))),
            app("i"),
            "skip",
        ),
    ]);
}

#[test]
fn filters_by_selectors() {
    let there = |namespace| one(app("x").namespace(namespace));
    let wants = |term| app("i").must_not(term);
    let prod = || selected(pairs("env", "prod"), x(ZONE));
    let everything = LabelSelector::default;
    check_filters(vec![
        ("another namespace", there("prod"), wants(x(ZONE)), "...."),
        ("listed", there("prod"), wants(listed("prod", x(ZONE))), "nn.."),
        ("selected", there("prod"), wants(prod()), "nn.."),
        ("listed or selected", there("prod"), wants(listed("dev", prod())), "nn.."),
        ("not selected", there("dev"), wants(prod()), "...."),
        ("all namespaces", there("nowhere"), wants(selected(everything(), x(ZONE))), "nn.."),
        (
            "a selector of absence selects every namespace",
            there("prod"),
            wants(selected(expression("env", Operator::DoesNotExist), x(ZONE))),
            "nn..",
        ),
        ("no selector", plain(&["x"]), wants(of(None, x(ZONE))), "...."),
        ("an empty selector", plain(&["x"]), wants(of(Some(everything()), x(ZONE))), "nn.."),
        (
            "a selector that cannot be built",
            plain(&["x"]),
            app("i").must(x(ZONE)).likes(1, of(Some(expression("app", Operator::Gt)), x(ZONE))),
            "parsing pod: preferredAffinityTerms: \"Gt\" is not a valid label selector operator",
        ),
    ]);
}

#[test]
fn raw_scores() {
    let args = |hard_pod_affinity_weight, ignore_preferred_terms_of_existing_pods| InterPodArgs {
        hard_pod_affinity_weight,
        ignore_preferred_terms_of_existing_pods,
    };
    let (usual, ignoring) = (args(1, false), args(1, true));
    let cases = vec![
        ("likes", usual, app("x"), app("i").likes(10, x(ZONE)), Some([10, 10, 0, 0])),
        ("dislikes", usual, app("x"), app("i").dislikes(10, x(HOST)), Some([-10, 0, 0, 0])),
        ("across", usual, app("x"), app("i").likes(10, x(ZONE)).dislikes(3, x(HOST)), Some([7, 10, 0, 0])),
        ("cancels out", usual, app("x"), app("i").likes(5, x(ZONE)).dislikes(5, x(ZONE)), Some([0; 4])),
        ("weight zero", usual, app("x"), app("i").likes(0, x(ZONE)), Some([0; 4])),
        ("nobody", usual, app("y"), app("i").likes(10, x(ZONE)), None),
        ("is liked", usual, app("x").likes(4, i(ZONE)), app("i"), Some([4, 4, 0, 0])),
        ("is disliked", usual, app("x").dislikes(4, i(ZONE)), app("i"), Some([-4, -4, 0, 0])),
        ("both ways", usual, app("x").likes(4, i(ZONE)), app("i").likes(9, x(ZONE)), Some([13, 13, 0, 0])),
        ("is needed", usual, app("x").must(i(ZONE)), app("i"), Some([1, 1, 0, 0])),
        ("is needed more", args(100, false), app("x").must(i(HOST)), app("i"), Some([100, 0, 0, 0])),
        ("needs do not count", args(0, false), app("x").must(i(ZONE)), app("i"), None),
        ("is avoided", usual, app("x").must_not(i(ZONE)), app("i"), None),
        ("own requirements", usual, app("x"), app("i").must(x(ZONE)), None),
        ("ignored", ignoring, app("x").likes(4, i(ZONE)).must(i(ZONE)), app("i"), None),
        (
            "has wishes",
            ignoring,
            app("x").likes(4, i(ZONE)),
            app("i").likes(9, x(ZONE)),
            Some([13, 13, 0, 0]),
        ),
    ];
    for (name, args, existing, incoming, expected) in cases {
        let mut bench = Bench::new(args);
        bench.place(&existing, "a1");
        assert_eq!(bench.raw(&incoming), expected.map(Vec::from), "{name}");
    }
}

#[test]
fn counts_follow_pods_nodes_and_namespaces() {
    let mut bench = Bench::new(InterPodArgs::default());
    let pod = app("x").must_not(near("x", HOST)).likes(2, near("x", ZONE));
    assert_eq!((bench.filter(&pod), bench.raw(&pod)), ("....".into(), None));
    let first = bench.place(&pod, "a1");
    bench.place(&pod, "b1");
    assert_eq!((bench.filter(&pod), bench.raw(&pod)), ("n.n.".into(), Some(vec![4, 4, 4, 0])));
    // Deletion that has begun changes nothing.
    bench.cluster.begin_deletion(first, Time::ZERO);
    assert_eq!(bench.filter(&pod), "n.n.");
    bench.cluster.displace(first);
    assert_eq!((bench.filter(&pod), bench.raw(&pod)), ("..n.".into(), Some(vec![0, 0, 4, 0])));
    let node = bench.node("b1");
    bench.cluster.remove_node(node);
    assert_eq!((&bench.filter(&pod)[..2], bench.raw(&pod)), ("..", None));
    let other = app("x").namespace("dev");
    assert_eq!(bench.filter(&other), "skip");
    let guard = app("y").must_not(selected(pairs("env", "new"), near("x", ZONE)));
    bench.place(&guard, "a1");
    assert_eq!(bench.filter(&other), "skip");
    let labels = Labels::from([("env".to_owned(), "new".to_owned())]);
    bench.cluster.selectors.set_namespace(&mut bench.cluster.names, "dev", &labels);
    assert_eq!(&bench.filter(&other)[..2], "ee");
}

#[test]
fn dry_runs_are_taken_back() {
    let mut bench = Bench::new(InterPodArgs::default());
    let incoming = app("x").must(near("x", ZONE)).must_not(near("y", HOST));
    let (x, y) = (app("x"), app("y").must_not(near("x", ZONE)));
    bench.place(&x, "b1");
    assert_eq!(bench.filter(&incoming), "aa.a");
    let [class, x, y] = [&incoming, &x, &y].map(|pod| bench.class(pod));
    let [a1, b1] = ["a1", "b1"].map(|name| bench.node(name));
    // Without the only member anybody may be the first again.
    bench.ask(class, |plugin, context| plugin.remove_pod(context, x, b1));
    assert_eq!(bench.letters(class), "...a");
    bench.ask(class, |plugin, context| plugin.add_pod(context, y, a1));
    assert_eq!(bench.letters(class), "ne.a");
    bench.ask(class, |plugin, context| plugin.remove_pod(context, y, a1));
    bench.ask(class, |plugin, context| plugin.add_pod(context, x, b1));
    assert_eq!(bench.letters(class), "aa.a");
}

#[test]
fn hints_wait_for_what_can_help() {
    let mut bench = Bench::new(InterPodArgs::default());
    let wants = app("i").must(near("x", ZONE)).must(near("x", HOST)).must_not(near("y", ZONE));
    let keeps_off = app("k").must_not(near("i", HOST));
    let elsewhere = app("x").namespace("prod");
    let pods = [app("x"), app("y"), keeps_off, elsewhere];
    let classes = pods.each_ref().map(|pod| bench.class(pod));
    let class = bench.class(&wants);
    let mut hears = |action: Action, version: Version| {
        classes.map(|other| {
            let context = Context { cluster: &bench.cluster, class, pod: None, version };
            bench.plugin.hint(context, &Change::Pod { class: other, before: None, action })
        })
    };
    assert_eq!(hears(Action::Add, Version::V1_36), [true, false, false, false]);
    assert_eq!(hears(Action::Delete, Version::V1_36), [false, true, true, false]);
    assert_eq!(hears(Action::Delete, Version::V1_34), [false, true, false, false]);
}

#[test]
fn hints_compare_the_labels_of_nodes() {
    let mut bench = Bench::new(InterPodArgs::default());
    let facts = ["a1", "b1", "x1"].map(|name| NodeFacts::of(&bench.cluster, bench.node(name)));
    let [a, b, x] = &facts;
    let together = app("i").must(near("x", ZONE));
    let apart = app("i").must_not(near("x", ZONE));
    let cases = [
        (None, a, true, true),
        (None, x, false, true),
        (Some(x), a, true, false),
        (Some(a), x, false, true),
        (Some(a), b, true, true),
        (Some(a), a, false, false),
    ];
    for (number, (before, after, joins, leaves)) in cases.into_iter().enumerate() {
        for (pod, expected) in [(&together, joins), (&apart, leaves), (&app("i"), false)] {
            let class = bench.class(pod);
            let action = if before.is_some() { Action::UpdateNodeLabel } else { Action::Add };
            let change = Change::Node { node: NodeId(0), action, before, after };
            let heard = bench.ask(class, |plugin, context| plugin.hint(context, &change));
            assert_eq!(heard, expected, "{number}");
        }
    }
}

#[test]
fn an_index_learns_of_new_topologies() {
    let mut bench = Bench::new(InterPodArgs::default());
    let plain = app("i");
    let class = bench.class(&plain);
    let reach = |bench: &mut Bench| bench.ask(class, Plugin::reach);
    assert_eq!(reach(&mut bench), Reach::Static);
    bench.class(&app("y").must_not(near("z", ZONE)));
    assert_eq!(reach(&mut bench), Reach::Static, "terms about others");
    bench.class(&app("y").must_not(near("i", HOST)));
    assert_eq!(reach(&mut bench), Reach::Topology);
    bench.class(&app("y").likes(1, near("i", ZONE)));
    assert_eq!([reach(&mut bench), reach(&mut bench)], [Reach::Cluster, Reach::Topology]);
    let key = |bench: &mut Bench, node| {
        let mut key = Vec::new();
        bench.ask(class, |plugin, context| plugin.index_key(context, node, &mut key));
        key
    };
    let [a1, a2, b1, x1] = ["a1", "a2", "b1", "x1"].map(|name| bench.node(name));
    assert_eq!(key(&mut bench, a1), key(&mut bench, a2));
    assert_ne!(key(&mut bench, a1), key(&mut bench, b1));
    assert_ne!(key(&mut bench, a1), key(&mut bench, x1));
    bench.place(&app("y").must_not(near("i", HOST)), "a1");
    assert_eq!(reach(&mut bench), Reach::Topology);
    assert_ne!(key(&mut bench, a1), key(&mut bench, a2));
}

#[test]
fn kinds_that_made_room_are_counted_anew() {
    let mut bench = Bench::new(InterPodArgs::default());
    let pods: Vec<Make> =
        (0..STATES + 20).map(|number| app(&number.to_string()).likes(3, near("x", ZONE))).collect();
    bench.place(&app("x"), "b1");
    for round in 1..3 {
        for pod in &pods {
            assert_eq!(bench.raw(pod), Some(vec![0, 0, 3 * round, 0]));
        }
        bench.place(&app("x"), "b1");
        assert_eq!(bench.plugin.states.len(), STATES);
    }
}
