//! What arguments, weights and profiles do to decisions.

use super::*;
use crate::api::{NodeAffinity, NodeSelector, NodeSelectorTerm, Operator, PreferredTerm, Requirement};
use crate::control::config::SchedulerProfile;

fn term(key: &str, value: &str) -> NodeSelectorTerm {
    let requirement = Requirement { key: key.into(), operator: Operator::In, values: vec![value.into()] };
    NodeSelectorTerm { match_expressions: vec![requirement], match_fields: Vec::new() }
}

/// Three nodes, two of them in the second zone.
fn three_nodes() -> Cluster {
    cluster_of(&[node("a", "1", 4, 100), node("b", "2", 4, 100), node("c", "2", 8, 100)])
}

fn decide(cluster: &mut Cluster, config: &Config, template: PodTemplate) -> Result<Placement, String> {
    let class = cluster.class(&Arc::new(template), "default", 0);
    match Cycle::new(config, 0).evaluate(cluster, class, 0) {
        Outcome::Placed(placement) => Ok(placement),
        Outcome::Rejected(rejection) => {
            let reasons = Diagnosis { post_filter: String::new(), ..(*rejection.diagnosis).clone() };
            Err(reasons.to_string())
        }
    }
}

#[test]
fn added_affinity_binds_every_pod() {
    let mut config = Config::default();
    let added = &mut config.scheduler.profiles[0].args.added_affinity;
    *added = Some(NodeAffinity {
        required: Some(NodeSelector { terms: vec![term("topology.kubernetes.io/zone", "2")] }),
        preferred: vec![PreferredTerm { weight: 5, preference: term("kubernetes.io/hostname", "b") }],
    });
    let chosen = decide(&mut three_nodes(), &config, template(100, 1)).unwrap();
    assert_eq!((chosen.node, chosen.feasible), (NodeId(1), 2), "the wish outweighs the larger node");
    let mut picky = template(100, 1);
    picky.spec.node_selector = vec![("kubernetes.io/hostname".into(), "a".into())];
    assert_eq!(
        decide(&mut three_nodes(), &config, picky).unwrap_err(),
        "0/3 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity, \
         2 node(s) didn't match Pod's node affinity/selector."
    );
}

#[test]
fn a_wish_of_the_pod_and_an_added_one_are_summed() {
    let wish =
        |weight, host: &str| PreferredTerm { weight, preference: term("kubernetes.io/hostname", host) };
    let mut config = Config::default();
    config.scheduler.profiles[0].args.added_affinity =
        Some(NodeAffinity { required: None, preferred: vec![wish(3, "a"), wish(2, "b")] });
    let mut wishing = template(100, 1);
    wishing.spec.affinity.node = Some(NodeAffinity { required: None, preferred: vec![wish(2, "b")] });
    let chosen = decide(&mut three_nodes(), &config, wishing).unwrap();
    assert_eq!(chosen.node, NodeId(1), "2 + 2 is more than 3");
}

#[test]
fn ignored_resources_do_not_keep_a_pod_from_a_node() {
    let mut asking = template(100, 1);
    for name in ["example.com/a", "example.org/b"] {
        asking.spec.containers[0].resources.requests.insert(name.into(), Quantity::from_units(1));
    }
    let mut config = Config::default();
    let said = "0/3 nodes are available: 3 Insufficient example.com/a, 3 Insufficient example.org/b.";
    assert_eq!(decide(&mut three_nodes(), &config, asking.clone()).unwrap_err(), said);
    config.scheduler.profiles[0].args.fit.ignored_resources = vec!["example.com/a".into(), "cpu".into()];
    let said = "0/3 nodes are available: 3 Insufficient example.org/b.";
    assert_eq!(decide(&mut three_nodes(), &config, asking.clone()).unwrap_err(), said);
    config.scheduler.profiles[0].args.fit.ignored_resource_groups = vec!["example.org".into()];
    assert_eq!(decide(&mut three_nodes(), &config, asking).unwrap().feasible, 3);
    let said = "0/3 nodes are available: 3 Insufficient cpu.";
    assert_eq!(
        decide(&mut three_nodes(), &config, template(9000, 1)).unwrap_err(),
        said,
        "only extended resources can be ignored"
    );
}

#[test]
fn many_scored_resources_all_count() {
    let mut first = node("a", "1", 4, 100);
    let mut second = node("b", "1", 4, 100);
    let mut asking = template(100, 1);
    let mut resources = Vec::new();
    for number in 0..20 {
        let name = format!("example.com/r{number}");
        for node in [&mut first, &mut second] {
            node.allocatable.insert(name.clone(), Quantity::from_units(10));
        }
        asking.spec.containers[0].resources.requests.insert(name.clone(), Quantity::from_units(1));
        resources.push((name, 1));
    }
    first.allocatable.insert("example.com/r19".into(), Quantity::from_units(1));
    let mut config = Config::default();
    config.scheduler.profiles[0].args.fit.resources = resources;
    let chosen = decide(&mut cluster_of(&[first, second]), &config, asking).unwrap();
    assert_eq!((chosen.node, chosen.tied), (NodeId(1), 1), "the twentieth makes the difference");
}

#[test]
fn weights_of_any_size_and_sign_are_summed_exactly() {
    let total = |weight: i64| {
        let mut config = Config::default();
        config.scheduler.profiles[0].plugins.score = vec![("NodeResourcesFit", weight)];
        let nodes: Vec<Node> = (0..70).map(|place| node(&format!("n{place}"), "1", 4 + place, 100)).collect();
        decide(&mut cluster_of(&nodes), &config, template(1000, 10)).unwrap()
    };
    let usual = total(1);
    let large = total(i64::from(i32::MAX));
    assert_eq!((large.node, large.score), (usual.node, usual.score * i64::from(i32::MAX)));
    let negative = total(-1);
    assert_eq!(negative.node, NodeId(0), "the lowest score is the best");
    assert!(negative.score < 0);
}

#[test]
fn a_pod_chooses_its_profile_by_name() {
    let mut config = Config::default();
    config.scheduler.profiles.push(SchedulerProfile { name: "other".into(), ..SchedulerProfile::default() });
    let mut scheduler = Scheduler::new(&config);
    let mut cluster = three_nodes();
    let mut profile_of = |name: &str| {
        let mut template = template(100, 1);
        template.spec.scheduler_name = name.into();
        let class = cluster.class(&Arc::new(template), "default", 0);
        scheduler.cycle_of(&cluster, class).map(|cycle| cycle.profile.name.clone())
    };
    assert_eq!(profile_of("").as_deref(), Some("default-scheduler"));
    assert_eq!(profile_of("other").as_deref(), Some("other"));
    assert_eq!(profile_of("third"), None);
}

#[test]
fn plugins_are_called_only_where_they_are_enabled() {
    let mut config = Config::default();
    let plugins = &mut config.scheduler.profiles[0].plugins;
    plugins.filter.retain(|name| *name != "NodeResourcesFit");
    let chosen = decide(&mut three_nodes(), &config, template(100_000, 1)).unwrap();
    assert_eq!(chosen.feasible, 3, "its PreFilter alone rejects nothing");
}
